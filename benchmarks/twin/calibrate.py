"""Calibration: the free parameters of a world fitted to the published numbers.

Every target is a published number; its residual is (simulated - printed) / SD. The simulated number is the mean over
replicates of the same statistic from the same analysis (ratios on the log scale; the median where some replicates do
not reach it), and SD is its standard deviation over replicates: the sampling error that the published number itself
has. A direction (">1") has no residual on its side. A p-value is a target where what it is made from is not printed,
as a normal quantile. A parameter's residual is (value - prior mean) / prior SD, so that what the paper says nothing
about stays where it was stated. The sum of squares is made small by Gauss-Newton steps with a trust region
(Levenberg-Marquardt); replicates keep their addressed luck, which makes it smooth and the result a function of the
seed. Doubtful targets and p-values weigh less by `DOUBT`.

The search begins at several points (`benchmarks.twin.starts`) with few replicates, compares their ends by common SDs,
and goes on from the best one with more (`benchmarks.twin.search`). At last slopes are taken to both sides, by steps as
small as standard errors, and lead on with the most replicates. What it ends with is judged against the paper itself
(`benchmarks.twin.absolute_fit`), not against where it began.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.asked.free_places import DocumentTree, Path
from benchmarks.asked.published_keys import compared
from benchmarks.asked.scenario import Calibration, Scenario
from benchmarks.twin.absolute_fit import AbsoluteFit, absolute_fit
from benchmarks.twin.search import SumOfSquares, free_against_each_other, standard_errors
from benchmarks.twin.slopes import Slopes
from benchmarks.twin.starts import candidates
from benchmarks.twin.targets import TargetModel, centre, targets_of, unreached
from simulator.numerics.arrays import Floats
from simulator.world.sections import Printed

FIRST_LOOK = 20
WIDEST, OF_SE = 0.2, 0.5  # steps of the last slopes, in prior SDs and in standard errors
CRUDE, STAGES = 0.1, (0.2, 1.0)
LEAST_GAIN = (5e-2, 2e-2, 1e-2, 1e-3)
LAST = 4  # times the replicates of a stage
DESCENTS, FEW_DESCENTS, MANY, CRUDE_ROUNDS = 3, 2, 20, 2  # fewer starts where there are many parameters
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
    """A target at the stated start and at the end: simulated numbers, and the distances in sampling SDs of the printed.

    ``sd`` is NaN, and the distances, where the target could not be used.
    """

    key: str
    printed: str
    simulated: float
    sd: float
    z_start: float
    z: float
    doubtful: bool


@dataclass(frozen=True)
class Began:
    """A point from which the search went: its sums of squares there and at its end, by SDs common to all ends."""

    name: str
    at_first: float
    at_last: float
    taken: bool


@dataclass(frozen=True)
class Fit:
    """A calibrated world: the tree of its document, its parameters and targets, and how well it fits.

    ``together`` are parameters that the targets fix in common and leave free against each other. ``losses`` are the
    sums of squares at the stated start and at the end, by the sampling SDs of the end.
    """

    tree: DocumentTree
    values: Mapping[str, float]
    parameters: tuple[Parameter, ...]
    targets: tuple[Fitted, ...]
    starts: tuple[Began, ...]
    verdict: AbsoluteFit
    together: tuple[tuple[str, ...], ...]
    losses: tuple[float, ...]
    replicates: int
    seed: int


def calibrate(
    scenario: Scenario,
    tree: DocumentTree,
    paths: Sequence[tuple[Path, ...]],
    jobs: int,
    done: Callable[[str, int, int], None],
    doubts: Mapping[str, tuple[str, ...]],
) -> Fit:
    """The world of a document's ``tree`` with its free parameters fitted; ``paths`` lead to each of them there."""
    plan = scenario.calibration
    if plan is None or not plan.free:
        raise ValueError("the world has no 'calibration.free': nothing to fit")
    bare, published = _what_matters(scenario, tree, paths)
    free = list(plan.free.values())
    log = np.array([one.scale == "log" for one in free])

    def on_scale(numbers: Sequence[float] | Floats) -> Floats:
        return np.where(log, np.log(np.where(log, numbers, 1.0)), numbers)

    search = SumOfSquares(
        TargetModel(bare, plan.seed, tuple(paths), tuple(targets_of(published, doubts))),
        np.empty(0),
        on_scale([one.mean for one in free]),
        np.array([one.sd for one in free]),
        on_scale([one.bounds[0] for one in free]),
        on_scale([one.bounds[1] for one in free]),
        log,
        jobs,
        done,
    )
    points = [(name, on_scale(point)) for name, point in candidates(free, paths, published, scenario.endpoints)]
    start = points[0][1]
    values, slopes, began = _best_start(search, points, max(FIRST_LOOK, round(CRUDE * plan.replicates)))
    for stage, (share, least) in enumerate(zip(STAGES, LEAST_GAIN[1:3], strict=True), start=2):
        replicates = max(FIRST_LOOK, round(share * plan.replicates))
        search, values, slopes = search.settle(values, replicates, least, f"stage {stage}", slopes=slopes)
    here, given = search.simulated(values, plan.replicates), (search.measured_by, search.model.targets, search.sd)
    errors = standard_errors(slopes.of(search.residuals), here.numbers, *given)
    slopes = search.slopes_within(values, here, np.minimum(WIDEST * search.sd, OF_SE * errors), "slopes")
    last = LAST * plan.replicates
    values, here = search.refine(values, last, LEAST_GAIN[-1], "last stage", slopes)
    numbers, first = here.numbers, search.numbers(start, last)
    fitted = _fitted(search, centre(first), centre(numbers))
    jacobian = slopes.of(search.residuals)
    se = standard_errors(jacobian, numbers, *given)
    natural, names = search.natural(values), list(plan.free)
    return Fit(
        TargetModel(tree, plan.seed, tuple(paths), ()).tree_with(natural),
        dict(zip(plan.free, natural.tolist(), strict=True)),
        _parameters(plan, search, start, values, se),
        fitted,
        began,
        _whole_fit(search, values, published, numbers, last, doubts),
        tuple(tuple(names[k] for k in group) for group in free_against_each_other(jacobian)),
        tuple(search.loss(x, search.residuals(centre(own))) for x, own in ((start, first), (values, numbers))),
        plan.replicates,
        plan.seed,
    )


def _whole_fit(
    search: SumOfSquares,
    values: Floats,
    published: Mapping[str, Printed],
    numbers: Floats,
    replicates: int,
    doubts: Mapping[str, tuple[str, ...]],
) -> AbsoluteFit:
    """The verdict on the targets' ``numbers (T, R)`` and on what is printed as not reached, which is no target."""
    model = replace(search.model, targets=tuple(unreached(published, doubts)))
    if model.targets:
        numbers = np.concatenate([numbers, model.numbers(search.natural(values), replicates)])
    return absolute_fit((*search.model.targets, *model.targets), published, numbers, doubts)


def _best_start(
    search: SumOfSquares, points: Sequence[tuple[str, Floats]], replicates: int
) -> tuple[Floats, Slopes, tuple[Began, ...]]:
    """The end of the best of a few crude searches, begun where few replicates look best, the slopes there, and how each
    of them went.
    """
    looks = [search.numbers(point, FIRST_LOOK) for _, point in points]
    common = search.scaled_by(*looks)
    first = [common.loss(point, common.residuals(centre(x))) for (_, point), x in zip(points, looks, strict=True)]
    some = sorted(range(len(points)), key=lambda k: first[k])[: FEW_DESCENTS if len(search.sd) > MANY else DESCENTS]
    ends, slopes = [], []
    for turn, k in enumerate(some, start=1):
        name = f"start {turn} of {len(some)}"
        _, end, own = search.settle(points[k][1], replicates, LEAST_GAIN[0], name, CRUDE_ROUNDS)
        ends.append(end)
        slopes.append(own)
    there = [search.numbers(end, replicates) for end in ends]
    common = search.scaled_by(*there)
    last = [common.loss(end, common.residuals(centre(x))) for end, x in zip(ends, there, strict=True)]
    best = int(np.argmin(last))
    began = [common.residuals(centre(search.numbers(points[k][1], replicates))) for k in some]
    told = (
        Began(points[k][0], common.loss(points[k][1], found), end, turn == best)
        for turn, (k, found, end) in enumerate(zip(some, began, last, strict=True))
    )
    return ends[best], slopes[best], tuple(told)


def _fitted(search: SumOfSquares, first: Floats, last: Floats) -> tuple[Fitted, ...]:
    """Every target at the stated start and at the end."""
    counts = np.isfinite(search.scale)
    z_start, z = (np.where(counts, search.residuals(x), np.nan).tolist() for x in (first, last))
    return tuple(
        Fitted(t.key, t.printed, float(t.natural(x)), float(s), z_start[k], z[k], t.doubtful)
        for k, (t, x, s) in enumerate(zip(search.model.targets, last, search.scale, strict=True))
    )


def _what_matters(
    scenario: Scenario, tree: DocumentTree, paths: Sequence[tuple[Path, ...]]
) -> tuple[DocumentTree, dict[str, Printed]]:
    """The tree and the published numbers without what no parameter can change and what is slow to make ready."""
    published = compared(scenario)
    bare = {name: part for name, part in tree.items() if name not in LEFT_OUT}
    adverse = scenario.outcomes.adverse_events
    if adverse is None or any(path[:2] == ("outcomes", "adverse_events") for group in paths for path in group):
        return bare, published
    names = {f"binary.{name}." for name in adverse.names()}
    kept = {key: one for key, one in published.items() if not any(key.startswith(name) for name in names)}
    outcomes = {name: part for name, part in bare["outcomes"].items() if name != "adverse_events"}
    return {**bare, "outcomes": outcomes}, kept


def _parameters(
    plan: Calibration, search: SumOfSquares, start: Floats, values: Floats, se: Floats
) -> tuple[Parameter, ...]:
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
