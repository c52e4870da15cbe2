"""Tipping: the true effect under which the published estimate would arise, by strength of an unmeasured confounder.

A binary confounder, present in a stated share of patients, multiplies the odds of treatment by OR and every hazard by
HR. At each node of a grid of (OR, HR), and at each point asked for, the whole analysis is simulated under true effects
around the one that gives the published estimate (`benchmarks.questions.tipping_levels`); the true hazard ratio there
is that of the study's target. The strength that leaves no effect is looked for on the diagonal of the grid, then
simulated on either side of it. A node whose estimate arises under no effect within reach is told as a gap, and blanks
nothing else. The errors that are told hold Monte Carlo's and that of reading between what was simulated.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import exp, hypot, inf, isfinite, isnan, log, nan
from pathlib import Path
from typing import Any

import numpy as np
from scipy.interpolate import RectBivariateSpline, make_interp_spline
from scipy.optimize import brentq

from analysis.survival.e_value import e_values
from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import Asked
from benchmarks.asked.published_keys import no_ratio, ratio_values
from benchmarks.asked.scenario import Scenario
from benchmarks.questions.ask import designed, one_estimator, own_estimands, target_text
from benchmarks.questions.tipping_levels import (
    CONFOUNDER,
    ConfounderNode,
    LevelSearch,
    TrueEffectAt,
    explored,
)
from benchmarks.words.plain_text import estimated
from simulator.mechanisms.covariate_kinds import Categorical
from simulator.mechanisms.randomisation import Randomised
from simulator.numerics.arrays import Floats

ASIDE = 0.1
"""So far on the logarithm of strength is the answer simulated on either side of where it is thought to be."""
MOVES = 5
CLOSER = 4
"""So many times the replicates are taken there."""


@dataclass(frozen=True)
class TippingSurface:
    """True log HR ``(A, B)`` of the target under which an estimate of ``log_hr`` arises at every node, NaN at a gap.

    ``set_log_hr`` is the common log HR on every transition by which the world gets that effect; ``mcse`` the Monte
    Carlo SE of the true log HR and ``misfit`` the error of reading it between effects; ``interpolation`` the largest
    error of a spline between nodes, as the figure has it, at nodes left out.
    """

    log_hr: float
    true: Floats
    set_log_hr: Floats
    mcse: Floats
    misfit: Floats
    interpolation: float


@dataclass(frozen=True)
class Benchmark:
    """A measured term's own strength in the world: its odds ratio of treatment, its largest hazard ratio."""

    term: str
    odds_ratio: float
    hazard_ratio: float


@dataclass(frozen=True)
class TippingPoint:
    """The true HR at one strength; of its logarithm the error, and of that Monte Carlo's part and that of reading."""

    odds_ratio: float
    hazard_ratio: float
    estimate: float
    true_hr: float
    set_hr: float
    error: float
    mcse: float
    interpolation: float


@dataclass(frozen=True)
class Strength:
    """The strength s, OR = s and HR = s or 1 / s, at which no true effect is left, its error and what that is made of.

    +inf where the grid ends before; 1 where there is none to explain even without a confounder; NaN where a gap in the
    grid hides it.
    """

    value: float
    error: float = nan
    mcse: float = nan
    interpolation: float = nan


@dataclass(frozen=True)
class Tipping:
    """What was found: ``odds_ratios (A,)``, ``hazard_ratios (B,)``, and a surface for the point and for the bound.

    ``population`` says whose true effect is meant.
    """

    endpoint: str
    estimator: str
    population: str
    published: float
    bound: float
    prevalence: float
    replicates: int
    odds_ratios: Floats
    hazard_ratios: Floats
    surfaces: tuple[TippingSurface, ...]
    equal_strength: tuple[Strength, ...]
    e_values: dict[str, tuple[float, float]]
    benchmarks: tuple[Benchmark, ...]
    points: tuple[TippingPoint, ...]
    folder: str


def spline(a: Floats, b: Floats, surface: Floats) -> RectBivariateSpline:
    """The interpolating spline of a surface ``(A, B)``, cubic where there are nodes enough."""
    return RectBivariateSpline(a, b, surface, kx=min(3, len(a) - 1), ky=min(3, len(b) - 1), s=0)


def along(x: Floats, y: Floats) -> Any:
    """The interpolating spline of ``y`` over ``x``, cubic where there are points enough."""
    return make_interp_spline(x, y, k=min(3, len(x) - 1))


def interpolation_error(a: Floats, b: Floats, surface: Floats) -> float:
    """The largest error at inner nodes of splines along rows and columns through the others; gaps are passed over.

    NaN where no row or column has four nodes without a gap.
    """
    errors = []
    for x, rows in ((a, surface.T), (b, surface)):
        for row in rows:
            have = np.flatnonzero(np.isfinite(row))
            for left_out in have[1:-1] if len(have) > 3 else ():
                rest = have[have != left_out]
                errors.append(abs(float(along(x[rest], row[rest])(x[left_out])) - row[left_out]))
    return float(max(errors, default=nan))


def crossing(x: Floats, left: Floats) -> float:
    """Where what is left ``(K,)`` of an effect first is nothing on the way over ``x``: its place on a spline between.

    -inf where nothing is left from the first on, +inf where some is left at the end, NaN where a gap comes before.
    """
    gaps = np.flatnonzero(~np.isfinite(left))
    reached = left[: gaps[0]] if len(gaps) else left
    if len(reached) and reached[0] <= 0:
        return -inf
    crossed = np.flatnonzero(reached <= 0)
    if not len(crossed):
        return nan if len(gaps) else inf
    k = int(crossed[0])
    made = along(x[: len(reached)], reached)
    return float(brentq(made, x[k - 1], x[k]))


def no_effect_at(x: Floats, found: Sequence[TrueEffectAt]) -> tuple[float, Strength]:
    """The place near ``x (3,)``, logarithms of strengths, where nothing is left on a parabola, and that strength.

    NaN where one of them was not found or the parabola never gets there.
    """
    true = np.array([one.true for one in found])
    nowhere = nan, Strength(nan)
    if not np.isfinite(true).all():
        return nowhere
    coefficients = np.polyfit(x - x[1], true, 2)
    real = [float(one.real) for one in np.roots(coefficients) if abs(one.imag) < 1e-12]
    if not real:
        return nowhere
    at = x[1] + min(real, key=abs)
    near = np.sort(np.argsort(np.abs(x - at))[:2])
    rise = float(np.diff(true[near])[0] / np.diff(x[near])[0])
    slope = abs(float(np.polyval(np.polyder(coefficients), at - x[1])))
    if not (rise and slope):
        return nowhere
    own = found[int(np.argmin(np.abs(x - at)))]
    line = x[near[0]] - true[near[0]] / rise
    between = hypot(float(at - line), own.interpolation / slope)
    value = exp(at)
    mcse, interpolation = value * own.mcse / slope, value * between
    return float(at), Strength(value, hypot(mcse, interpolation), mcse, interpolation)


def equal_strength(search: LevelSearch, stage: str, guess: float, wanted: float) -> Strength:
    """The strength that leaves no effect, simulated on either side of a guess of its logarithm.

    A limit of 1 or beyond, behind which next to nothing is, needs none where the place is lost in Monte Carlo error.
    """
    lost = Strength(1.0 if search.sign * wanted <= 0 else nan)
    if not isfinite(guess):
        return Strength(1.0 if guess == -inf else guess)
    replicates = CLOSER * search.asked.scenario.run.replicates
    search = replace(search, fixed={**search.fixed, "run.replicates": replicates})
    for move in range(MOVES):
        x = np.round(max(guess, ASIDE) + ASIDE * np.arange(-1.0, 2.0), 3)
        places = [ConfounderNode(float(one), float(one)) for one in x]
        found, _ = explored(search, f"{stage}-{move}", places, [wanted], (-0.3, 0.0, 0.3))
        at, strength = no_effect_at(x, [one for (one,) in found])
        if isnan(at) or x[0] - ASIDE / 4 <= at <= x[-1] + ASIDE / 4:
            return strength if isfinite(strength.value) else lost
        guess = min(max(at, x[0] - 5 * ASIDE), x[-1] + 5 * ASIDE)
    return lost


def published_ratio(scenario: Scenario, endpoint: str, ratio: float | None, bound: float | None) -> tuple[float, float]:
    """The published HR of the primary analysis and its confidence limit nearer to no effect; RunError where there is
    none.
    """
    found = ratio_values(scenario, endpoint)
    value = found["hr"] if ratio is None else ratio
    limit = bound if bound is not None else nan if ratio is not None else found["high" if value < 1 else "low"]
    if not (isfinite(value) and value > 0 and isfinite(limit) and limit > 0):
        raise RunError(no_ratio(scenario, endpoint, "--hr and --bound"))
    if value == 1 or (abs(log(limit)) > abs(log(value)) and (limit - 1) * (value - 1) > 0):
        raise RunError(f"HR {value:g} with bound {limit:g}: the bound must be the one nearer to no effect, HR not 1")
    return value, limit


def benchmarks_of(scenario: Scenario) -> tuple[Benchmark, ...]:
    """Each term that the world gives to treatment and to some transition, a continuous one per standard deviation."""
    kinds = scenario.pooled().covariates
    sd = {name: one.spread() for name, one in kinds.items() if not isinstance(one, Categorical)}
    found = []
    for term, odds in getattr(scenario.treatment, "log_odds", {}).items():
        hazards = [one.log_hr.get(term, 0.0) for one in scenario.outcomes.by_transition().values()]
        strongest = max(hazards, key=abs)
        if term != CONFOUNDER and odds and strongest:
            scale = sd.get(term, 1.0)
            found.append(Benchmark(term, exp(scale * odds), exp(scale * strongest)))
    return tuple(found)


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
    if isinstance(asked.scenario.treatment, Randomised):
        raise RunError(
            "treatment is drawn by lot, so no confounder is behind an effect; 'kind: prevalence' may have one"
        )
    entry, name = one_estimator(asked, endpoint, estimator)
    wanted = [log(value) for value in published]
    sign = float(np.sign(wanted[0]))
    search = LevelSearch(
        asked, _fixed(entry, prevalence, asked.scenario.outcomes.places.values()), endpoint, name, sign, jobs, out
    )
    measure = own_estimands(designed(asked, [{}], {"estimators": [entry]}), endpoint)[name].measure
    if not measure.endswith("log_hr"):
        raise RunError(f"'{name}' {estimated(measure)}; a published HR needs an estimator of one")
    grid = np.linspace(0.0, log(strongest), nodes)
    places = [ConfounderNode(float(x), float(y)) for x in grid for y in grid]
    places += [ConfounderNode(log(odds), abs(log(hazard))) for odds, hazard in at]
    found, folder = explored(search, "grid", places, wanted, (0.0, round(wanted[0], 3)))
    surfaces = tuple(_surface(grid, value, [row[k] for row in found[: nodes**2]]) for k, value in enumerate(wanted))
    strengths = tuple(
        equal_strength(search, label, crossing(grid, sign * np.diag(one.true)), one.log_hr)
        for label, one in zip(("ratio", "bound"), surfaces, strict=True)
    )
    points = [
        _point(*where, value, one)
        for where, row in zip(at, found[nodes**2 :], strict=True)
        for value, one in zip(published, row, strict=True)
    ]
    return Tipping(
        endpoint, name, target_text(asked.scenario.target), *published, prevalence, asked.scenario.run.replicates,
        np.exp(grid), np.exp(sign * grid), surfaces, strengths, e_values(*published), benchmarks_of(asked.scenario),
        tuple(points), (out or folder).as_posix(),
    )  # fmt: skip


def _fixed(entry: dict[str, Any], prevalence: float, places: Iterable[str]) -> dict[str, Any]:
    hidden = {"kind": "binary", "label": "Unmeasured confounder"}
    return {
        "estimators": [entry],
        f"population.hidden.{CONFOUNDER}": {**hidden, "shares": {"absent": 1 - prevalence, "present": prevalence}},
        "outcomes.treatment_effect": "as_stated",
        **{f"outcomes.{place}.treatment": {"log_hr": 0.0} for place in places},
    }


def _surface(grid: Floats, wanted: float, found: Sequence[TrueEffectAt]) -> TippingSurface:
    parts = np.array([[one.true, one.level, one.mcse, one.interpolation] for one in found])
    true, level, mcse, misfit = parts.T.reshape(4, len(grid), len(grid))
    return TippingSurface(wanted, true, level, mcse, misfit, interpolation_error(grid, grid, true))


def _point(odds: float, hazard: float, estimate: float, one: TrueEffectAt) -> TippingPoint:
    error = hypot(one.mcse, one.interpolation)
    return TippingPoint(odds, hazard, estimate, exp(one.true), exp(one.level), error, one.mcse, one.interpolation)
