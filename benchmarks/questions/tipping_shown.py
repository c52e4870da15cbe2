"""The answer of `benchmarks.questions.tipping` as a sentence, tables, JSON and a figure."""

from collections.abc import Sequence
from math import exp, hypot, isfinite

import numpy as np
from matplotlib.figure import Figure

from analysis.tables.text_table import table
from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import Asked
from benchmarks.questions.ask import answer, endpoint_of, load
from benchmarks.questions.options import Options
from benchmarks.questions.tipping import CLOSER, Strength, Tipping, TippingSurface, find, published_ratio, spline
from benchmarks.words.answer import Answer
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


def verdict(found: Tipping) -> str:
    """One sentence: how strong a confounder must be to make the published estimate out of nothing."""
    strength, surface = found.equal_strength[0], found.surfaces[0]
    what = f"the published {found.endpoint} HR of {found.published:g} through '{found.estimator}'"
    if np.isnan(strength.value):
        return f"The design does not reach {what} everywhere: see the table for where it does."
    if strength.value == 1:
        least = exp(float(surface.true[0, 0]))
        return f"No confounder is needed: without any, {what} arises under a true HR of {least:.2f}."
    if strength.value == float("inf"):
        most = found.odds_ratios[-1]
        left = exp(float(surface.true[-1, -1]))
        error = hypot(float(surface.mcse[-1, -1]), float(surface.misfit[-1, -1]))
        return (
            f"No confounder of up to strength {most:g} on both sides explains {what}: "
            f"a true HR of {left:.2f} (error of its log {error:.3f}) would be left."
        )
    return (
        f"An unmeasured confounder of strength {strength.value:.2f} (error {strength.error:.2f}) on treatment and "
        f"outcome would produce {what} without any effect."
    )


def _apart(values: Floats) -> list[str]:
    """Different numbers with two decimals, or as many more as tell them apart."""
    texts = ([f"{one:.{decimals}f}" for one in values] for decimals in range(2, 18))
    return next(one for one in texts if len(set(one)) == len(values))


def shown(found: Tipping, options: Options, asked: Asked) -> Answer:
    """The verdict, true HRs over the grid, E-values, benchmarks and points asked for."""
    tables = []
    for label, value, surface in zip(("HR", "bound"), (found.published, found.bound), found.surfaces, strict=True):
        heads = ("OR", *_apart(found.hazard_ratios))
        rows = [
            (odds, *(f"{exp(x):.2f}" if isfinite(x) else "-" for x in row))
            for odds, row in zip(_apart(found.odds_ratios), surface.true, strict=True)
        ]
        title = f"True HR under which the published {label}, {value:g}, arises; OR down, confounder's HR across"
        tables.append(table(title, heads, rows, 1, _errors(surface)))
    strengths = [
        ("TrialTwin, this world", *(_strength(one) for one in found.equal_strength)),
        *((f"E-value, {name}", *(f"{one:.2f}" for one in pair)) for name, pair in found.e_values.items()),
    ]
    tables.append(table("Equal strength on both sides that leaves no effect", ("", "HR", "bound"), strengths))
    if found.benchmarks:
        rows = [(one.term, f"{one.odds_ratio:.2f}", f"{one.hazard_ratio:.2f}") for one in found.benchmarks]
        heads = ("term", "OR treatment", "HR outcome")
        tables.append(table("Measured covariates, for comparison", heads, rows))
    if found.points:
        rows = [
            (f"{one.odds_ratio:g}", f"{one.hazard_ratio:g}", f"{one.estimate:g}", _number(one.true_hr),
             _number(one.set_hr), _number(one.error))
            for one in found.points
        ]  # fmt: skip
        heads = ("OR", "HR", "published", "true HR", "HR set on transitions", "error of log")
        tables.append(table("Asked for", heads, rows))
    notes = [
        f"A true HR is that of {found.population}.",
        f"Errors hold Monte Carlo's and that of reading between what was simulated; {found.replicates} replicates a "
        f"cell, {CLOSER} times as many around the strength that leaves no effect.",
    ]
    if not all(np.isfinite(one.true).all() for one in found.surfaces):
        notes.append("-: no true effect within reach gives this estimate there.")
    return answer(
        "How strong must an unmeasured confounder be to make the published result?",
        verdict(found),
        tuple(tables),
        tuple(notes),
        lambda: drawn(found),
        "Contours of the true hazard ratio over the confounder's odds ratio with treatment and hazard ratio",
        found,
        options,
        asked,
    )


def _errors(surface: TippingSurface) -> str:
    """What the note below a surface says of its errors."""
    if not np.isfinite(surface.true).any():
        return "no node is reached"
    told = f"error of its log: Monte Carlo SE at most {np.nanmax(surface.mcse):.3f}"
    told += f", reading between effects {np.nanmax(surface.misfit):.3f}"
    between = surface.interpolation
    return f"{told}; between nodes, in the figure, at most {between:.3f}" if isfinite(between) else told


def drawn(found: Tipping) -> Figure:
    """The contour."""
    from analysis.figures.tipping import tipping_of

    measured = [(one.term, one.odds_ratio, one.hazard_ratio) for one in found.benchmarks]
    grid = np.log(found.odds_ratios)
    fine = np.linspace(0.0, grid[-1], 81)
    odds, hazards, drawn = found.odds_ratios, found.hazard_ratios, [surface.true for surface in found.surfaces]
    if all(np.isfinite(one).all() for one in drawn):
        drawn = [spline(grid, grid, one)(fine, fine) for one in drawn]
        odds = hazards = np.exp(fine)
    return tipping_of(odds, hazards, drawn[0], drawn[1], measured)


def _strength(one: Strength) -> str:
    if isfinite(one.error):
        return f"{one.value:.2f} (error {one.error:.2f})"
    return "beyond the grid" if one.value == float("inf") else "none needed" if one.value == 1 else "-"


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
