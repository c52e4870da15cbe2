"""The answer of `benchmarks.questions.power` as a sentence, tables, JSON and a figure."""

from collections.abc import Mapping
from math import isfinite

from matplotlib.figure import Figure

from analysis.survival.schoenfeld import power_at
from analysis.tables.text_table import table
from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import Asked
from benchmarks.performance.measures import Measure
from benchmarks.questions.ask import answer, called, endpoint_of, load, one_estimator, paper_words
from benchmarks.questions.options import Options
from benchmarks.questions.power import Goal, Needed, Power, PowerAt, SearchBy, Sought, find
from benchmarks.questions.power_each import ALL, Each, each, named
from benchmarks.words.answer import Answer, plain
from benchmarks.words.key_words import PaperWords
from benchmarks.words.plain_text import percent
from benchmarks.words.sizes import first_up, percent_text, share_text

LIMITS = {"size": 2_000_000, "follow-up": 1_200}
UNITS = {"size": "patients", "follow-up": "months of follow-up after the end of accrual"}


def power(
    options: Options, target: float | None, width: float | None, alpha: float, how: SearchBy, least: float | None,
    most: float | None,
) -> Answer:  # fmt: skip
    """The answer, from the options of the command."""
    if target is not None and width is not None:
        raise RunError("--target and --width: ask for a power or for a width, not for both")
    wanted = None if width is not None else 0.8 if target is None else target
    if wanted is not None and not alpha < wanted < 1:
        raise RunError(f"--target {wanted:g}: must lie between alpha, {alpha:g}, and 1")
    for option, value in (("least", least), ("most", most)):
        if value is not None and value > LIMITS[how]:
            raise RunError(f"--{option} {value:g}: at most {LIMITS[how]:,} {UNITS[how].split(' after')[0]}")
    goal = Goal(wanted, width, alpha)
    asked = load(options)
    search = Sought(endpoint_of(asked, options), goal, how, least, most, options.jobs, options.out)
    first, others = named(asked, search.endpoint, options.estimator)
    for name in others:
        one_estimator(asked, search.endpoint, name)  # a mistake is told at once
    found = find(asked, search, first)
    return shown(found, each(asked, search, found, others, options.estimator == ALL), options, asked)


def goal_text(goal: Goal) -> str:
    """What is to be reached."""
    if goal.power is not None:
        return f"a power of {percent_text(100 * goal.power)}"
    return f"an interval {goal.width:g} wide on the log scale, on average"


def verdict(found: Power, words: PaperWords, label: str) -> str:
    """What is needed, beside what the formula says, and whether the test can be trusted there."""
    answer = found.stated
    outcome = words.endpoint(found.endpoint)
    events = words.events(found.endpoint)
    said = (
        f"With {_number(answer.at).split(' ')[0]} {UNITS[found.search]} (simulation error {answer.at.mcse:.0f}), "
        f"{label} reaches {goal_text(found.goal)} for "
        f"{outcome}, where an HR of {found.true_hr:.2f} is true. That is "
        f"{answer.events.value:.0f} {events} analysed; Schoenfeld's formula asks for {found.schoenfeld_events:.0f}"
    )
    said += f", which is {found.schoenfeld_at:.0f} patients." if found.search == "size" else "."
    off = abs(found.false_positive.value - found.goal.alpha)
    if off > 3 * max(found.false_positive.mcse, 1e-9):
        wrong = share_text(found.false_positive.value, found.false_positive.mcse)
        said += f" Beware: without any effect it finds one in {wrong} of simulated studies there."
    return said


def compared(analyses: tuple[Each, ...], what: str, labels: Mapping[str, str]) -> str:
    """Which of several analyses needs least, and how much more the others need; '' for one alone."""
    reached = sorted((one.needed.at.value, one.estimator) for one in analyses if one.needed is not None)
    if len(analyses) < 2 or not reached:
        return ""
    least, best = reached[0]
    more = [f"{labels[name]} {percent_text(100 * (at / least - 1))} more" for at, name in reached[1:]]
    return f" Of the analyses asked about {labels[best]} needs the fewest {what}" + (
        f"; {', '.join(more)}." if more else "."
    )


def shown(found: Power, analyses: tuple[Each, ...], options: Options, asked: Asked) -> Answer:
    """The verdict, the price list, and the cells."""
    words, label = paper_words(asked), called(asked, found.endpoint, found.estimator)
    rows = [
        (
            f"Schoenfeld, HR {found.true_hr:.3f}, {100 * found.treated:.0f} % treated",
            f"{found.schoenfeld_events:.0f}",
            f"{found.schoenfeld_at:.0f}" if isfinite(found.schoenfeld_at) else "-",
        ),
        ("no adjustment, were treatment given at random", *_needed(found.randomised)),
        *((f"{called(asked, found.endpoint, one.estimator)}, as stated", *_needed(one.needed)) for one in analyses),
    ]
    note = (
        f"{first_up(label)} uses {100 * found.analysed:.0f} % of the patients; without an effect it finds one in "
        f"{percent(found.false_positive)} %, in {percent(found.false_favour)} % on the side of the true effect."
    )
    prices = table("What it takes", (goal_text(found.goal), "events", UNITS[found.search]), rows, 1, note)
    head = "power" if found.goal.power is not None else "width"
    several = len(analyses) > 1
    cells = [
        (
            *((called(asked, found.endpoint, one.estimator),) if several else ()),
            stage,
            f"{at.at:.4g}",
            f"{at.events:.1f}",
            f"{at.reached:.3f}",
        )
        for one in analyses
        if one.needed is not None
        for stage, points in (("coarse", one.needed.coarse), ("fine", one.needed.points))
        for at in points
    ]
    farthest = max(one.needed.misfit for one in analyses if one.needed is not None)
    fit = f"The farthest fine point lies {farthest:.1f} simulation errors from the fitted line."
    heads = ("grid", found.search, "events", head)
    grid = table("What was simulated", ("analysis", *heads) if several else heads, cells, 2 if several else 1, fit)
    without = tuple(
        f"{first_up(called(asked, found.endpoint, one.estimator))}: {one.why}."
        for one in analyses
        if one.needed is None
    )
    labels = {one.estimator: called(asked, found.endpoint, one.estimator) for one in analyses}
    unit = "patients" if found.search == "size" else "months"
    return answer(
        "How many patients, events or months of follow-up does the stated analysis need?",
        verdict(found, words, label) + compared(analyses, unit, labels),
        (prices, grid),
        (
            *without,
            f"The true HR is that of {found.population}; a difference found on its other side does not count.",
            f"{found.replicates} simulated studies at each size; in brackets: simulation error.",
        ),
        lambda narrow: drawn(found, labels, analyses, narrow),
        f"Simulated {head} over {found.search}, with the formula's and the answer",
        found,
        options,
        asked,
        {**plain(found), "each": plain(analyses)},
    )


def drawn(found: Power, labels: Mapping[str, str], analyses: tuple[Each, ...], narrow: bool = False) -> Figure:
    """The curve of power or width over size or follow-up, analyses by their ``labels``."""
    from analysis.figures.power import power_curve_of

    marks = curve(found.stated)
    others = [
        (labels[one.estimator], curve(one.needed), (one.needed.at.value, one.needed.at.mcse))
        for one in analyses[1:]
        if one.needed is not None
    ]
    formula = []
    if found.goal.power is not None and found.search == "size" and found.schoenfeld_at > 0:
        per_patient = found.schoenfeld_events / found.schoenfeld_at
        formula = [(at, power_at(at * per_patient, found.true_hr, found.treated, found.goal.alpha)) for at, *_ in marks]
    goal = found.goal.power if found.goal.power is not None else found.goal.width
    assert goal is not None
    answer = (found.stated.at.value, found.stated.at.mcse)
    scales = (UNITS[found.search], "power" if found.goal.power is not None else "mean width of the interval of log HR")
    return power_curve_of(marks, formula, answer, goal, scales, labels[found.estimator], others, narrow)


def curve(needed: Needed) -> list[tuple[float, float, float]]:
    """The places that were simulated, what was reached there, and its Monte Carlo SE, in order."""
    points: tuple[PowerAt, ...] = (*needed.coarse, *needed.points)
    return sorted((one.at, one.reached.value, one.reached.mcse) for one in points)


def _needed(answer: Needed | None) -> tuple[str, str]:
    return (_number(answer.events), _number(answer.at)) if answer else ("not within", "the search")


def _number(one: Measure) -> str:
    return f"{one:.{0 if one.mcse >= 0.95 else 1}f}"
