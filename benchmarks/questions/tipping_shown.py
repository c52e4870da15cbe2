"""The answer of `benchmarks.questions.tipping` as a sentence, tables, JSON and a figure."""

from collections.abc import Sequence
from math import exp, hypot, isfinite, log

import numpy as np
from matplotlib.figure import Figure

from analysis.tables.text_table import table
from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import Asked
from benchmarks.questions.ask import answer, called, endpoint_of, load, paper_words
from benchmarks.questions.options import Options
from benchmarks.questions.tipping import CLOSER, Strength, Tipping, TippingSurface, find, published_ratio, spline
from benchmarks.words.answer import Answer
from benchmarks.words.key_words import PaperWords, row_words
from simulator.numerics.arrays import Floats


def tipping(
    options: Options, stated: tuple[float | None, float | None], strongest: float, nodes: int, prevalence: float,
    points: Sequence[str],
) -> Answer:  # fmt: skip
    """The answer, from the options of the command."""
    at = [_pair(one) for one in points]
    asked = load(options)
    published = published_ratio(asked.scenario, endpoint_of(asked, options), *stated)
    found = find(
        asked,
        endpoint_of(asked, options),
        options.estimator,
        published,
        strongest,
        nodes,
        prevalence,
        at,
        options.jobs,
        options.out,
    )
    return shown(found, options, asked)


def verdict(found: Tipping, words: PaperWords, label: str) -> str:
    """How strong something unrecorded must be to make the estimate out of nothing, beside what is recorded."""
    strength, surface = found.equal_strength[0], found.surfaces[0]
    what, rate = f"{found.published:.2f}", _rate(found, words)
    if np.isnan(strength.value):
        return (
            f"Not known: with some strengths no true effect makes {label} find {what}. The table says where one does."
        )
    if strength.value == 1:
        least = exp(float(surface.true[0, 0]))
        return f"Nothing unrecorded is needed: {label} finds the published {what} where {least:.2f} is true."
    act = "divide" if found.published < 1 else "multiply"
    if strength.value == float("inf"):
        most, left = found.odds_ratios[-1], exp(float(surface.true[-1, -1]))
        error = hypot(float(surface.mcse[-1, -1]), float(surface.misfit[-1, -1]))
        return (
            f"Not by anything that was tried: even if something unrecorded makes the treatment {most:.3g} times "
            f"likelier and {act}s {rate} by {most:.3g}, a true HR of {left:.2f} is left (error of its log "
            f"{error:.3f})."
            f"{_yardstick(found, words)}"
        )
    size = strength_text(strength)
    return (
        f"To explain all of the {what}, something unrecorded must make the treatment {size} times likelier and {act} "
        f"{rate} by {size} (error {strength.error:.2f}).{_yardstick(found, words)} Nobody can rule out several such "
        "traits together."
    )


def strength_text(strength: Strength) -> str:
    """A strength with no more digits than its error allows: 7.8."""
    return f"{strength.value:.1f}" if strength.error >= 0.02 else f"{strength.value:.2f}"


def _rate(found: Tipping, words: PaperWords) -> str:
    deaths = words.events(found.endpoint) == "deaths"
    return "the rate of dying" if deaths else f"the rate of the events of {words.endpoint(found.endpoint)}"


def _yardstick(found: Tipping, words: PaperWords) -> str:
    """The recorded trait that is strongest on both sides; nothing where none acts on both."""
    sized = [(abs(log(one.odds_ratio)), abs(log(one.hazard_ratio)), one) for one in found.benchmarks]
    both = [one for one in sized if one[0] > 0 and one[1] > 0]
    if not both:
        return ""
    odds, hazard, one = max(both, key=lambda x: x[0] * x[1])
    return f" The strongest recorded trait, {row_words(one.term, words)}, has {exp(odds):.1f} and {exp(hazard):.1f}."


def _apart(values: Floats) -> list[str]:
    """Different numbers with two decimals, or as many more as tell them apart."""
    texts = ([f"{one:.{decimals}f}" for one in values] for decimals in range(2, 18))
    return next(one for one in texts if len(set(one)) == len(values))


def shown(found: Tipping, options: Options, asked: Asked) -> Answer:
    """The verdict, true HRs over the grid, E-values, benchmarks and points asked for."""
    tables = []
    words, analysis = paper_words(asked), called(asked, found.endpoint, found.estimator)
    for label, value, surface in zip(
        ("HR", "limit of its interval"), (found.published, found.bound), found.surfaces, strict=True
    ):
        heads = ("times likelier", *_apart(found.hazard_ratios))
        rows = [
            (odds, *(f"{exp(x):.2f}" if isfinite(x) else "-" for x in row))
            for odds, row in zip(_apart(found.odds_ratios), surface.true, strict=True)
        ]
        title = f"True HR with which the published {label}, {value:g}, arises: down, how many times likelier the "
        title += "treatment becomes; across, by how much the rate is multiplied"
        tables.append(table(title, heads, rows, 1, _errors(surface)))
    strengths = [
        ("in the twin, by the paper's own analysis", *(_strength(one) for one in found.equal_strength)),
        *(
            (f"by the known formula (E-value), {name}", *(f"{one:.2f}" for one in pair))
            for name, pair in found.e_values.items()
        ),
    ]
    title = "How many times, on both sides alike, until no effect is left"
    tables.append(table(title, ("", "HR", "limit"), strengths))
    if found.benchmarks:
        rows = [
            (row_words(one.term, words), f"{one.odds_ratio:.2f}", f"{one.hazard_ratio:.2f}") for one in found.benchmarks
        ]
        heads = ("trait", "treatment likelier, times", "rate multiplied by")
        tables.append(table("The traits that the paper recorded, for comparison", heads, rows))
    if found.points:
        rows = [
            (f"{one.odds_ratio:g}", f"{one.hazard_ratio:g}", f"{one.estimate:g}", _number(one.true_hr),
             _number(one.set_hr), _number(one.error))
            for one in found.points
        ]  # fmt: skip
        heads = ("times likelier", "rate by", "published", "true HR", "HR set in the twin", "error of log")
        tables.append(table("Asked for", heads, rows))
    notes = [
        f"A true HR is that of {found.population}.",
        "Likelier: the odds of treatment are multiplied. The trait is one that a patient has or has not.",
        f"Errors hold simulation error and that of reading between what was simulated: {found.replicates} simulated "
        f"studies at each strength, {CLOSER} times as many around the one that leaves no effect.",
    ]
    if not all(np.isfinite(one.true).all() for one in found.surfaces):
        notes.append("-: no true effect within reach gives this estimate there.")
    return answer(
        "How strong must an unmeasured confounder be to make the published result?",
        verdict(found, words, analysis),
        tuple(tables),
        tuple(notes),
        lambda narrow: drawn(found, asked, narrow),
        "Contours of the true hazard ratio over the confounder's odds ratio with treatment and hazard ratio",
        found,
        options,
        asked,
    )


def _errors(surface: TippingSurface) -> str:
    """What the note below a surface says of its errors."""
    if not np.isfinite(surface.true).any():
        return "no true effect is found anywhere"
    told = f"error of its log: simulation error at most {np.nanmax(surface.mcse):.3f}"
    told += f", reading between effects {np.nanmax(surface.misfit):.3f}"
    between = surface.interpolation
    return f"{told}; between strengths, in the figure, at most {between:.3f}" if isfinite(between) else told


def drawn(found: Tipping, asked: Asked, narrow: bool = False) -> Figure:
    """The contour."""
    from analysis.figures.tipping import tipping_of

    words = paper_words(asked)
    measured = [(row_words(one.term, words), one.odds_ratio, one.hazard_ratio) for one in found.benchmarks]
    grid = np.log(found.odds_ratios)
    fine = np.linspace(0.0, grid[-1], 81)
    odds, hazards, drawn = found.odds_ratios, found.hazard_ratios, [surface.true for surface in found.surfaces]
    if all(np.isfinite(one).all() for one in drawn):
        drawn = [spline(grid, grid, one)(fine, fine) for one in drawn]
        odds = hazards = np.exp(fine)
    return tipping_of(odds, hazards, drawn[0], drawn[1], measured, narrow)


def _strength(one: Strength) -> str:
    if isfinite(one.error):
        return f"{one.value:.2f} (error {one.error:.2f})"
    return "more than was tried" if one.value == float("inf") else "none needed" if one.value == 1 else "-"


def _number(value: float) -> str:
    return f"{value:.3f}" if isfinite(value) else "-"


def _pair(text: str) -> tuple[float, float]:
    try:
        odds, hazard = (float(part) for part in text.split(","))
    except ValueError:
        raise RunError(f"--at {text}: write an odds ratio and a hazard ratio, as in --at 2.5,0.5") from None
    if not (isfinite(odds) and isfinite(hazard) and odds > 0 and hazard > 0):
        raise RunError(f"--at {text}: both must be above zero")
    return odds, hazard
