"""The answer of `benchmarks.questions.decompose` as a sentence, a table, JSON and a waterfall."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from analysis.tables.text_table import table
from benchmarks.asked.load_study import Asked
from benchmarks.performance.measures import Measure
from benchmarks.questions.ask import answer, endpoint_of, load
from benchmarks.questions.decompose import Decomposition, find
from benchmarks.questions.options import Options
from benchmarks.words.answer import Answer
from benchmarks.words.plain_text import TIMES, words_of
from simulator.cohort.estimand import SUBDISTRIBUTION


def decompose(options: Options, names: Sequence[str]) -> Answer:
    """The answer, from the options of the command."""
    asked = load(options)
    found = find(asked, endpoint_of(asked, options), options.estimator, names, options.jobs, options.out)
    return shown(found, options, asked)


def scale(found: Decomposition) -> str:
    """What is taken apart, in words."""
    if found.measure == "marginal_log_hr":
        return f"log {found.endpoint} HR"
    if found.measure in SUBDISTRIBUTION:
        return f"log {found.endpoint} subdistribution HR"
    when = "to" if found.measure in TIMES else "at"
    words = words_of(found.measure)
    return f"{found.endpoint} {words}" + (f" {when} {found.horizon:g} {found.time_unit}" if found.horizon else "")


def verdict(found: Decomposition) -> str:
    """One sentence: the bias against the fixed target, and the mechanism that moves the estimate most."""
    most = max(found.parts, key=lambda part: abs(part.estimate.value))
    rest = [part.estimate.value for part in found.parts if part is not most]
    others = f" the other {len(rest)} mechanisms together {sum(rest):+.3f}," if len(rest) > 1 else ""
    if len(rest) == 1:
        others = f" the other mechanism {rest[0]:+.3f},"
    moved = sum(part.target.value for part in found.parts)
    error = max(found.truth.mcse, found.clean_truth.mcse)
    own = (
        f" There the target's own truth has moved by {-moved:+.3f}, and the estimate lies {found.clean_bias:+.3f} "
        "off it."
    )
    said = (
        f"'{found.estimator}' lies {found.bias:+.3f} off the true {scale(found)} of {found.population} (Monte "
        f"Carlo SE in brackets): {most.label} makes {most.estimate:+.3f} of it,{others} and "
        f"{found.residual:+.3f} is left when all are off."
    )
    return said + (own if abs(moved) > 3 * error and moved else "")


def shown(found: Decomposition, options: Options, asked: Asked) -> Answer:
    """The verdict and the table of the walk."""
    rows = [("all on", f"{found.estimate:.3f}", f"{found.bias:+.3f}", "", "", f"{found.truth:.3f}")]
    rows += [
        (f"- {part.label}", _minus(part.estimate), "", _minus(part.off_alone), _minus(part.on_alone),
         _minus(part.target))
        for part in found.parts
    ]  # fmt: skip
    rows.append(
        ("all off", f"{found.clean_estimate:.3f}", f"{found.residual:+.3f}", "", "", f"{found.clean_truth:.3f}")
    )
    heads = (scale(found), "estimate", "off the target", "off alone", "on alone, taken off", "target's own")
    note = (
        "Steps of switching off, averaged over all orders. The target is fixed at its truth in the full world: what "
        "the estimate moves is what the bias moves. The last column is how the target's truth itself moves, where a "
        "mechanism changes who is treated or how long patients are followed."
    )
    notes = [f"{found.replicates} replicates in {2 ** len(found.parts)} cells; Monte Carlo SE in brackets."]
    if found.asks_another:
        notes.insert(
            0,
            f"'{found.estimator}' is given covariates and answers another question: part of what it lies off the "
            "target, also with all off, is the distance between the two questions, and no bias.",
        )
    if found.dropped:
        notes.insert(0, f"{found.dropped} replicates without an estimate in some cell are left out.")
    return answer(
        "Which imperfection makes how much of the bias?",
        verdict(found),
        (table("The published analysis walked to a clean one", heads, rows, 1, note),),
        tuple(notes),
        lambda: drawn(found),
        "Waterfall of the distance to the fixed target from all mechanisms on to all off, a bar per mechanism",
        found,
        options,
        asked,
    )


def drawn(found: Decomposition) -> Figure:
    """The waterfall."""
    from analysis.figures.decompose import waterfall_of

    steps = [(part.label, -part.estimate.value, part.estimate.mcse) for part in found.parts]
    ends = (found.bias.value, found.bias.mcse), (found.residual.value, found.residual.mcse)
    return waterfall_of(*ends, steps, f"'{found.estimator}' off the true {scale(found)} of {found.population}")


def _minus(one: Measure) -> str:
    return f"{Measure(0.0 - one.value, one.mcse):+.3f}"
