"""The answer of `benchmarks.questions.tipping` as a sentence, tables, JSON and a figure."""

from collections.abc import Sequence
from dataclasses import asdict
from math import exp, isfinite, nan

import numpy as np
from matplotlib.figure import Figure

from benchmarks.questions.ask import check_paths, load
from benchmarks.questions.options import Options
from benchmarks.questions.shown import Shown, Table, rows_of, told
from benchmarks.questions.tipping import Tipping, find, published_ratio, spline
from benchmarks.store import RunError
from benchmarks.written import plain


def tipping(
    options: Options, stated: tuple[float | None, float | None], strongest: float, nodes: int, prevalence: float,
    points: Sequence[str],
) -> str:  # fmt: skip
    """The answer as tables or JSON, its figure written where asked."""
    check_paths(options)
    at = [_pair(one) for one in points]
    asked = load(options)
    published = published_ratio(asked.scenario, options.endpoint, *stated)
    found = find(
        asked,
        options.endpoint,
        options.estimator,
        published,
        strongest,
        nodes,
        prevalence,
        at,
        options.jobs,
        options.out,
    )
    return told(shown(found), options, asked)


def verdict(found: Tipping) -> str:
    """One sentence: how strong a confounder must be to make the published estimate out of nothing."""
    strength, error = found.equal_strength[0]
    what = f"the published {found.endpoint} HR of {found.published:g} through '{found.estimator}'"
    if not found.surfaces[0].true.size or np.isnan(strength):
        return f"The design does not reach {what} everywhere: see the table for where it does."
    least = exp(float(found.surfaces[0].true[0, 0]))
    if strength == 1:
        return f"No confounder is needed: without any, {what} arises under a true HR of {least:.2f}."
    if strength == float("inf"):
        most = found.odds_ratios[-1]
        left = exp(float(found.surfaces[0].true[-1, -1]))
        return (
            f"No confounder of up to strength {most:g} on both sides explains {what}: "
            f"a true HR of {left:.2f} (Monte Carlo SE of its log {found.surfaces[0].mcse[-1, -1]:.3f}) would be left."
        )
    return (
        f"An unmeasured confounder of strength {strength:.2f} (Monte Carlo SE {error:.2f}) on treatment and outcome "
        f"would produce {what} without any effect."
    )


def shown(found: Tipping) -> Shown:
    """The verdict, true HRs over the grid, E-values, benchmarks and points asked for."""
    tables = []
    for label, value, surface in zip(("HR", "bound"), (found.published, found.bound), found.surfaces, strict=True):
        heads = ("OR", *(f"{x:.2f}" for x in found.hazard_ratios))
        rows = [
            (f"{odds:.2f}", *(f"{exp(x):.2f}" if isfinite(x) else "-" for x in row))
            for odds, row in zip(found.odds_ratios, surface.true, strict=True)
        ]
        error = np.nanmax(surface.mcse) if np.isfinite(surface.mcse).any() else nan
        title = f"True HR under which the published {label}, {value:g}, arises; OR down, confounder's HR across"
        note = f"error of its log: Monte Carlo SE at most {error:.3f}, interpolation {surface.interpolation:.3f}"
        tables.append(Table(title, heads, rows_of(rows), 1, note))
    strengths = [
        ("TrialTwin, this world", *(_strength(*one) for one in found.equal_strength)),
        *((f"E-value, {name}", *(f"{one:.2f}" for one in pair)) for name, pair in found.e_values.items()),
    ]
    tables.append(Table("Equal strength on both sides that leaves no effect", ("", "HR", "bound"), rows_of(strengths)))
    if found.benchmarks:
        rows = [(one.term, f"{one.odds_ratio:.2f}", f"{one.hazard_ratio:.2f}") for one in found.benchmarks]
        heads = ("term", "OR treatment", "HR outcome")
        tables.append(Table("Measured covariates, for comparison", heads, rows_of(rows)))
    if found.points:
        rows = [
            (f"{one.odds_ratio:g}", f"{one.hazard_ratio:g}", f"{one.estimate:g}", _ratio(one.true_hr),
             _ratio(one.set_hr), f"{one.mcse:.3f}")
            for one in found.points
        ]  # fmt: skip
        heads = ("OR", "HR", "published", "true HR", "HR set on transitions", "MC SE of log")
        tables.append(Table("Asked for", heads, rows_of(rows)))
    return Shown(
        "How strong must an unmeasured confounder be to make the published result?",
        verdict(found),
        tuple(tables),
        (f"{found.replicates} replicates a cell.",),
        lambda: drawn(found),
        "Contours of the true hazard ratio over the confounder's odds ratio with treatment and hazard ratio",
        plain(asdict(found)),
        found.folder,
    )


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


def _strength(value: float, error: float) -> str:
    if isfinite(error):
        return f"{value:.2f} (MC SE {error:.2f})"
    return "beyond the grid" if value == float("inf") else "none needed" if value == 1 else "-"


def _ratio(value: float) -> str:
    return f"{value:.3f}" if isfinite(value) else "-"


def _pair(text: str) -> tuple[float, float]:
    try:
        odds, hazard = (float(part) for part in text.split(","))
    except ValueError:
        raise RunError(f"--at {text}: write an odds ratio and a hazard ratio, as in --at 2.5,0.5") from None
    if not (isfinite(odds) and isfinite(hazard) and odds > 0 and hazard > 0):
        raise RunError(f"--at {text}: both must be above zero")
    return odds, hazard
