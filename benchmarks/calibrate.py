"""Calibration: the free parameters of a world fitted to the published numbers.

Every target is a published number; its residual is (simulated - printed) / SD. The simulated number is the mean over
replicates of the same statistic from the same analysis (ratios on the log scale; the median where some replicates do
not reach it), and SD is its standard deviation over replicates: the sampling error that the published number itself
has. A direction (">1") has no residual on its side. A parameter's residual is (value - prior mean) / prior SD, so that
what the paper says nothing about stays where it was stated. The sum of squares is made small by Gauss-Newton steps
with a trust region (Levenberg-Marquardt); replicates keep their addressed luck, which makes it smooth and the result
a function of the seed. Doubtful targets weigh less by `DOUBT`.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.scenario import Calibration, Scenario
from benchmarks.targets import DOUBT, Model, Path, Target, Tree, centre, spread, targets_of
from simulator.cohort import Bools, Floats
from simulator.world import Printed

STAGES = (0.2, 1.0)
MOST_STEPS = 12
SMALL_STEP = 0.2
LEAST_GAIN = (2e-2, 1e-2)
MOST_TRIES = 6
LEFT_OUT = ("published", "calibration", "sweep", "estimators")


@dataclass(frozen=True)
class Parameter:
    """A free parameter's prior and fitted value; ``se`` is on the parameter's scale.

    ``pinned`` is the share of the prior variance that the targets take away: near 0, the paper says nothing about it.
    """

    name: str
    start: float
    fitted: float
    se: float
    prior_mean: float
    prior_sd: float
    scale: str
    pinned: float
    at_bound: bool


@dataclass(frozen=True)
class Fitted:
    """A target at the start and at the end: simulated numbers, and the distances in sampling SDs of the printed one."""

    key: str
    printed: str
    simulated: float
    sd: float
    z_start: float
    z: float
    doubtful: bool


@dataclass(frozen=True)
class Fit:
    """A calibrated world: the tree of its document, its parameters and targets, and the sums of squares on the way."""

    tree: Tree
    values: Mapping[str, float]
    parameters: tuple[Parameter, ...]
    targets: tuple[Fitted, ...]
    losses: tuple[float, ...]
    replicates: int
    seed: int


@dataclass(frozen=True)
class Search:
    """The sum of squares to be made small, in parameters on the scale of their priors."""

    model: Model
    scale: Floats
    mean: Floats
    sd: Floats
    low: Floats
    high: Floats
    log: Bools
    jobs: int
    done: Callable[[str, int, int], None]

    def numbers(self, values: Floats, replicates: int) -> Floats:
        """Every target in every replicate ``(T, R)``."""
        return self.model.numbers(self.natural(values), replicates)

    def natural(self, values: Floats) -> Floats:
        """The parameters as the document has them."""
        return np.where(self.log, np.exp(np.where(self.log, values, 0.0)), values)

    def residuals(self, simulated: Floats) -> Floats:
        """The distance of every target from what is printed, in its sampling SD."""
        made = [t.residual(x, s) for t, x, s in zip(self.model.targets, simulated, self.scale, strict=True)]
        return np.nan_to_num(np.array(made), nan=0.0, posinf=10.0, neginf=-10.0)

    def at(self, values: Floats, replicates: int) -> Floats:
        """The residuals for these parameters."""
        return self.residuals(centre(self.numbers(values, replicates)))

    def loss(self, values: Floats, found: Floats) -> float:
        """The sum of squares, priors included."""
        return float(found @ found + np.sum(((values - self.mean) / self.sd) ** 2))

    def slopes(self, values: Floats, base: Floats, replicates: int, stage: str) -> Floats:
        """The derivatives of the residuals ``(T, P)`` by differences on the same luck."""
        steps = SMALL_STEP * self.sd * np.where(values + SMALL_STEP * self.sd > self.high, -1.0, 1.0)

        def one(k: int) -> Floats:
            moved = values.copy()
            moved[k] += steps[k]
            return np.asarray((self.at(moved, replicates) - base) / steps[k])

        columns = []
        with ThreadPoolExecutor(self.jobs) as pool:
            for k, column in enumerate(pool.map(one, range(len(values))), start=1):
                columns.append(column)
                self.done(stage, k, len(values))
        return np.stack(columns, axis=1)

    def descend(
        self, values: Floats, replicates: int, least: float, name: str, losses: list[float]
    ) -> tuple[Floats, Floats]:
        """The parameters from which no step gains more than that share of the sum of squares, and the slopes there."""
        found, damping = self.at(values, replicates), 1e-2
        losses.append(self.loss(values, found))
        jacobian = np.zeros((len(found), len(values)))
        for step in range(MOST_STEPS):
            jacobian = self.slopes(values, found, replicates, f"{name}, step {step + 1}")
            before = losses[-1]
            for _ in range(MOST_TRIES):
                move = _step(jacobian, found, (values - self.mean) / self.sd, self.sd, damping)
                proposal = np.clip(values - move, self.low, self.high)
                there = self.at(proposal, replicates)
                if self.loss(proposal, there) < before:
                    values, found, damping = proposal, there, max(damping / 5, 1e-6)
                    losses.append(self.loss(values, found))
                    break
                damping = max(damping, 1e-3) * 6
            if before - losses[-1] <= least * before:
                break
        return values, jacobian


def calibrate(
    scenario: Scenario,
    tree: Tree,
    paths: Sequence[tuple[Path, ...]],
    jobs: int,
    done: Callable[[str, int, int], None],
    doubts: Mapping[str, Any],
) -> Fit:
    """The world of a document's ``tree`` with its free parameters fitted; ``paths`` lead to each of them there."""
    plan = scenario.calibration
    if plan is None or not plan.free:
        raise ValueError("the world has no 'calibration.free': nothing to fit")
    bare, published = _what_matters(scenario, tree, paths)
    free = list(plan.free.values())
    log = np.array([one.scale == "log" for one in free])

    def on_scale(numbers: Sequence[float]) -> Floats:
        return np.where(log, np.log(np.where(log, numbers, 1.0)), numbers)

    start = on_scale([one.mean if one.start is None else one.start for one in free])
    model = Model(bare, plan.seed, tuple(paths), tuple(targets_of(published, doubts)))
    search = Search(
        model,
        np.empty(0),
        on_scale([one.mean for one in free]),
        np.array([one.sd for one in free]),
        on_scale([one.bounds[0] for one in free]),
        on_scale([one.bounds[1] for one in free]),
        log,
        jobs,
        done,
    )
    search, first = _with_usable_targets(search, search.numbers(start, plan.replicates))
    values, losses = start, list[float]()
    jacobian = np.empty((0, 0))
    for stage, (share, least) in enumerate(zip(STAGES, LEAST_GAIN, strict=True), start=1):
        replicates = max(20, round(share * plan.replicates))
        values, jacobian = search.descend(values, replicates, least, f"stage {stage} of {len(STAGES)}", losses)
    numbers = search.numbers(values, plan.replicates)
    se = _standard_errors(jacobian, numbers, search.scale, search.model.targets, search.sd)
    fitted = centre(numbers)
    rows = tuple(
        Fitted(t.key, t.printed, float(np.exp(x)) if t.log else float(x), float(s), float(b), float(z), t.doubtful)
        for t, x, s, b, z in zip(
            search.model.targets, fitted, search.scale, search.residuals(first), search.residuals(fitted), strict=True
        )
    )
    natural = search.natural(values)
    return Fit(
        Model(tree, plan.seed, tuple(paths), ()).tree_with(natural),
        dict(zip(plan.free, natural.tolist(), strict=True)),
        _parameters(plan, search, start, values, se),
        rows,
        tuple(losses),
        plan.replicates,
        plan.seed,
    )


def _what_matters(scenario: Scenario, tree: Tree, paths: Sequence[tuple[Path, ...]]) -> tuple[Tree, dict[str, Printed]]:
    """The tree and the published numbers without what no parameter can change and what is slow to make ready."""
    bare = {name: part for name, part in tree.items() if name not in LEFT_OUT}
    adverse = scenario.outcomes.adverse_events
    if adverse is None or any(path[:2] == ("outcomes", "adverse_events") for group in paths for path in group):
        return bare, dict(scenario.published)
    names = {f"binary.{name}." for name in adverse.names()}
    kept = {key: one for key, one in scenario.published.items() if not any(key.startswith(name) for name in names)}
    outcomes = {name: part for name, part in bare["outcomes"].items() if name != "adverse_events"}
    return {**bare, "outcomes": outcomes}, kept


def _with_usable_targets(search: Search, numbers: Floats) -> tuple[Search, Floats]:
    """The search by those targets that vary over replicates, each with its sampling SD, and their simulated values."""
    scale, middle = spread(numbers), centre(numbers)
    usable = np.isfinite(scale) & (scale > 0) & np.isfinite(middle)
    targets = tuple(target for target, use in zip(search.model.targets, usable, strict=True) if use)
    return replace(search, model=replace(search.model, targets=targets), scale=scale[usable]), middle[usable]


def _parameters(plan: Calibration, search: Search, start: Floats, values: Floats, se: Floats) -> tuple[Parameter, ...]:
    natural_start, natural = search.natural(start), search.natural(values)
    return tuple(
        Parameter(
            name,
            float(natural_start[k]),
            float(natural[k]),
            float(se[k]),
            one.mean,
            one.sd,
            one.scale,
            float(np.clip(1 - (se[k] / search.sd[k]) ** 2, 0.0, 1.0)),
            bool(values[k] in (search.low[k], search.high[k])),
        )
        for k, (name, one) in enumerate(plan.free.items())
    )


def _step(jacobian: Floats, found: Floats, prior: Floats, sd: Floats, damping: float) -> Floats:
    """The Levenberg-Marquardt step of targets and priors, in the parameters' units."""
    scaled = jacobian * sd
    normal = scaled.T @ scaled + np.eye(len(sd))
    pull = scaled.T @ found + prior
    return np.asarray(sd * np.linalg.solve(normal + damping * np.diag(np.diag(normal)), pull))


def _standard_errors(jacobian: Floats, numbers: Floats, scale: Floats, targets: Sequence[Target], sd: Floats) -> Floats:
    """The errors that the sampling errors of the printed numbers, and the priors, give the parameters.

    Targets of one paper are correlated; their correlation is that over replicates. With A = J'J + prior precision the
    variance is A^-1 (J' C J + prior precision) A^-1 in units of the priors.
    """
    weight = 1 / np.array([DOUBT if target.doubtful else 1.0 for target in targets])
    filled = np.where(np.isfinite(numbers), numbers, np.nan)
    mean = np.nanmean(filled, axis=1, keepdims=True)
    away = np.nan_to_num((filled - mean) / scale[:, None]) * weight[:, None]
    scaled = jacobian * sd
    projected = scaled.T @ away
    spread_of = projected @ projected.T / (numbers.shape[1] - 1)
    bread = np.linalg.inv(scaled.T @ scaled + np.eye(len(sd)))
    return np.asarray(sd * np.sqrt(np.diag(bread @ (spread_of + np.eye(len(sd))) @ bread)))
