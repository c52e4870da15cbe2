"""Tipping: the true effect under which the published estimate would arise, by strength of an unmeasured confounder.

A binary confounder, present in a stated share of patients, multiplies the odds of treatment by OR and every hazard by
HR. At each node of a grid of (OR, HR) the whole analysis is simulated under a few true effects, a common hazard ratio
on every transition. The mean estimate is a quadratic in the logarithm of that ratio, fitted by least squares; where it
meets the published estimate is the effect asked for, and the estimator's own truth there is the true HR. Between nodes
a spline interpolates; its error is what it misses at nodes left out. Nothing is extrapolated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, hypot, isfinite, log, nan, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline
from scipy.optimize import brentq

from analysis.e_value import e_values
from benchmarks.questions.ask import (
    Floats,
    answered,
    designed,
    one_estimator,
    values_of,
)
from benchmarks.scenario import Scenario, Settings
from benchmarks.store import RunError
from benchmarks.study import StudyResult
from benchmarks.verbs import Asked

TRANSITIONS = ("progression", "death", "death_after_progression")
CONFOUNDER = "tipping_confounder"
EFFECTS = (1.6, 0.95, 0.3, -0.35, -1.0)
"""True effects of the design, as shares of the published log HR."""


@dataclass(frozen=True)
class Surface:
    """True log HR ``(A, B)`` under which an estimate of ``log_hr`` arises at every node, NaN beyond the design's reach.

    ``set_log_hr`` is the common log HR on every transition by which the world gets that effect; ``mcse`` the Monte
    Carlo SE of the true log HR; ``interpolation`` the largest error that the spline makes at nodes left out.
    """

    log_hr: float
    true: Floats
    set_log_hr: Floats
    mcse: Floats
    interpolation: float


@dataclass(frozen=True)
class Benchmark:
    """A measured term's own strength in the world: its odds ratio of treatment, its largest hazard ratio."""

    term: str
    odds_ratio: float
    hazard_ratio: float


@dataclass(frozen=True)
class Point:
    """The true HR at one strength, with the Monte Carlo SE and the interpolation error of its logarithm."""

    odds_ratio: float
    hazard_ratio: float
    estimate: float
    true_hr: float
    set_hr: float
    mcse: float
    interpolation: float


@dataclass(frozen=True)
class Tipping:
    """What was found: ``odds_ratios (A,)``, ``hazard_ratios (B,)``, and a surface for the point and for the bound."""

    endpoint: str
    estimator: str
    published: float
    bound: float
    prevalence: float
    replicates: int
    odds_ratios: Floats
    hazard_ratios: Floats
    surfaces: tuple[Surface, ...]
    equal_strength: tuple[tuple[float, float], ...]
    e_values: dict[str, tuple[float, float]]
    benchmarks: tuple[Benchmark, ...]
    points: tuple[Point, ...]
    folder: str


def root(levels: Floats, means: Floats, wanted: float) -> tuple[float, Floats, float]:
    """Where the quadratic through ``means (L,)`` at ``levels (L,)`` is ``wanted``, and its weights and slope there.

    The value there is the weights' sum of the means. NaN where it does not get there within the levels.
    """
    design = np.vander(levels, 3)
    fit = np.linalg.pinv(design)

    def weights(at: float) -> Floats:
        return np.asarray(np.vander([at], 3)[0] @ fit)

    inside = np.linspace(levels.min(), levels.max(), 201)
    off = np.array([weights(at) @ means - wanted for at in inside])
    changes = np.flatnonzero(np.diff(np.signbit(off)))
    if len(changes) != 1 or not np.isfinite(means).all():
        return nan, np.full(len(levels), nan), nan
    here = int(changes[0])
    at = float(brentq(lambda x: weights(x) @ means - wanted, inside[here], inside[here + 1], xtol=1e-12))
    a, b, _ = fit @ means
    return at, weights(at), float(2 * a * at + b)


def solved(
    levels: Floats, estimates: Floats, truths: Floats, truth_mcse: Floats, wanted: float
) -> tuple[float, float, float]:
    """The true log HR under which the mean estimate is ``wanted``, the level that gives it, and its Monte Carlo SE.

    ``estimates (L, R)`` at each level share their luck by column; a column with a NaN is left out.
    """
    whole = estimates[:, np.isfinite(estimates).all(axis=0)]
    if whole.shape[1] < 2:
        return nan, nan, nan
    at, weights, slope = root(levels, whole.mean(axis=1), wanted)
    if not isfinite(at):
        return nan, nan, nan
    fit = np.linalg.pinv(np.vander(levels, 3)) @ truths
    error = (weights @ whole).std(ddof=1) / sqrt(whole.shape[1]) / abs(slope) * abs(2 * fit[0] * at + fit[1])
    return float(np.polyval(fit, at)), at, hypot(float(error), float(np.sqrt((weights**2) @ truth_mcse**2)))


def spline(a: Floats, b: Floats, surface: Floats) -> RectBivariateSpline:
    """The interpolating spline of a surface ``(A, B)``, cubic where there are nodes enough."""
    return RectBivariateSpline(a, b, surface, kx=min(3, len(a) - 1), ky=min(3, len(b) - 1), s=0)


def interpolation_error(a: Floats, b: Floats, surface: Floats) -> float:
    """The largest error at inner nodes of splines through all others: each inner row, and each inner column, left out.

    NaN where the surface has gaps or too few nodes.
    """
    if not np.isfinite(surface).all() or min(surface.shape) < 4:
        return nan
    errors = [0.0]
    for i in range(1, len(a) - 1):
        rest = np.delete(np.arange(len(a)), i)
        errors.append(float(np.abs(spline(a[rest], b, surface[rest])(a[i], b)[0] - surface[i]).max()))
    for j in range(1, len(b) - 1):
        rest = np.delete(np.arange(len(b)), j)
        errors.append(float(np.abs(spline(a, b[rest], surface[:, rest])(a, b[j])[:, 0] - surface[:, j]).max()))
    return max(errors)


def equal_strength(a: Floats, b: Floats, surface: Surface) -> tuple[float, float]:
    """The strength s, OR = s and HR = s or 1 / s, at which no true effect is left, and its Monte Carlo SE.

    (+inf, NaN) where the grid ends before; (1, NaN) where there is none to explain even without a confounder.
    """
    if not np.isfinite(surface.true).all():
        return nan, nan
    true, error = spline(a, b, surface.true), spline(a, b, surface.mcse)
    sign = float(np.sign(surface.log_hr))
    along = np.linspace(0.0, min(a[-1], b[-1]), 301)
    left = np.array([sign * float(true(x, x)[0, 0]) for x in along])
    if left[0] <= 0:
        return 1.0, nan
    crossed = np.flatnonzero(left <= 0)
    if not len(crossed):
        return float("inf"), nan
    i = int(crossed[0])
    at = float(brentq(lambda x: float(true(x, x)[0, 0]), along[i - 1], along[i]))
    slope = (left[i] - left[i - 1]) / (along[i] - along[i - 1])
    return exp(at), exp(at) * float(error(at, at)[0, 0]) / abs(float(slope))


def published_ratio(scenario: Scenario, endpoint: str, ratio: float | None, bound: float | None) -> tuple[float, float]:
    """The published HR after matching and its confidence limit nearer to no effect; RunError where there is none."""
    found: dict[str, float] = {}
    for name in ("hr", "low", "high"):
        printed = scenario.published.get(f"endpoints.{endpoint}.after.cox.{name}")
        try:
            found[name] = float(printed.printed) if printed else nan
        except ValueError:
            found[name] = nan
    value = found["hr"] if ratio is None else ratio
    limit = bound if bound is not None else nan if ratio is not None else found["high" if value < 1 else "low"]
    if not (isfinite(value) and value > 0 and isfinite(limit) and limit > 0):
        raise RunError(
            f"{scenario.name}: no published HR with its interval for {endpoint} (published: "
            f"endpoints.{endpoint}.after.cox.hr, .low, .high); state them with --hr and --bound"
        )
    if value == 1 or (abs(log(limit)) > abs(log(value)) and (limit - 1) * (value - 1) > 0):
        raise RunError(f"HR {value:g} with bound {limit:g}: the bound must be the one nearer to no effect, HR not 1")
    return value, limit


def benchmarks_of(scenario: Scenario) -> tuple[Benchmark, ...]:
    """Each term that the world gives to treatment and to some transition, a continuous one per standard deviation."""
    sd = {name: getattr(one, "sd", 1.0) for name, one in scenario.population.covariates.items()}
    found = []
    for term, odds in scenario.treatment.log_odds.items():
        hazards = [one.log_hr.get(term, 0.0) for one in scenario.outcomes.transitions().values()]
        strongest = max(hazards, key=abs)
        if term != CONFOUNDER and odds and strongest:
            scale = float(sd.get(term, 1.0))
            found.append(Benchmark(term, exp(scale * odds), exp(scale * strongest)))
    return tuple(found)


def design(a: Floats, b: Floats, levels: Floats, sign: float) -> list[Settings]:
    """The settings of every cell, effects innermost; ``b`` counts in the direction that mimics the published effect."""
    return [
        {
            f"treatment.log_odds.{CONFOUNDER}": float(x),
            **{f"outcomes.{name}.log_hr.{CONFOUNDER}": sign * float(y) for name in TRANSITIONS},
            **{f"outcomes.{name}.treatment.log_hr": float(level) for name in TRANSITIONS},
        }
        for x in a
        for y in b
        for level in levels
    ]


def find(
    asked: Asked, endpoint: str, estimator: str | None, published: tuple[float, float], strongest: float, nodes: int,
    prevalence: float, at: Sequence[tuple[float, float]], jobs: int, out: Path | None,
) -> Tipping:  # fmt: skip
    """The contour of true effects over strengths 1 to ``strongest``; RunError where ``at`` lies outside."""
    for odds, hazard in at:
        if not (1 <= odds <= strongest and 1 <= max(hazard, 1 / hazard) <= strongest):
            raise RunError(f"--at {odds:g},{hazard:g}: lies outside the design, whose strengths go to {strongest:g}")
        if (hazard - 1) * (published[0] - 1) < 0:
            raise RunError(f"--at {odds:g},{hazard:g}: such a confounder hides the effect; state {1 / hazard:.4g}")
    entry, name = one_estimator(asked, endpoint, estimator)
    target = log(published[0])
    sign = float(np.sign(target))
    grid = np.linspace(0.0, log(strongest), nodes)
    levels = np.sort(np.array(EFFECTS) * target)
    hidden = {"kind": "binary", "label": "Unmeasured confounder"}
    fixed: dict[str, Any] = {
        "estimators": [entry],
        f"population.hidden.{CONFOUNDER}": {**hidden, "shares": {"absent": 1 - prevalence, "present": prevalence}},
        "outcomes.treatment_effect": "as_stated",
        **{f"outcomes.{one}.treatment": {"log_hr": 0.0} for one in TRANSITIONS},
    }
    study = designed(asked, design(grid, grid, levels, sign), fixed)
    result, folder = answered(study, "tipping", jobs, out)
    surfaces = tuple(_surface(result, endpoint, name, grid, levels, log(value)) for value in published)
    values = e_values(*published)
    return Tipping(
        endpoint, name, *published, prevalence, study.scenario.run.replicates, np.exp(grid), np.exp(sign * grid),
        surfaces, tuple(equal_strength(grid, grid, one) for one in surfaces), values, benchmarks_of(asked.scenario),
        tuple(_point(grid, one, *where) for where in at for one in surfaces), str(folder),
    )  # fmt: skip


def _surface(result: StudyResult, endpoint: str, name: str, grid: Floats, levels: Floats, wanted: float) -> Surface:
    nodes: NDArray[np.float64] = np.full((3, len(grid), len(grid)), nan)
    for number, place in enumerate(np.ndindex(len(grid), len(grid))):
        own = range(number * len(levels), (number + 1) * len(levels))
        truths = [result.truths[cell, endpoint, name] for cell in own]
        nodes[(slice(None), *place)] = solved(
            levels,
            np.stack([values_of(result, cell, endpoint, name) for cell in own]),
            np.array([one.value for one in truths]),
            np.array([one.mcse for one in truths]),
            wanted,
        )
    return Surface(wanted, nodes[0], nodes[1], nodes[2], interpolation_error(grid, grid, nodes[0]))


def _point(grid: Floats, surface: Surface, odds: float, hazard: float) -> Point:
    where = log(odds), abs(log(hazard))
    if np.isfinite(surface.true).all():
        parts = (surface.true, surface.set_log_hr, surface.mcse)
        true, level, error = (float(spline(grid, grid, part)(*where)[0, 0]) for part in parts)
    else:
        true = level = error = nan
    return Point(odds, hazard, exp(surface.log_hr), exp(true), exp(level), error, surface.interpolation)
