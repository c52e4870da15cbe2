"""What the paper's analysis finds where treatment has no effect: by chance, and under suspicions of every size.

Every study is the world without any effect of treatment; all share their luck. The mean log hazard ratio over simulated
studies is a curve over the size of a suspicion. The size at which the curve gets to the published ratio, and to the
limit of its interval nearer to no effect, is looked for between sizes and then simulated on either side of it, with
more studies. Whether a suspicion of its usual size, or two together, can make the published ratio is the chance of an
estimate at least as extreme, normal with the mean and SD of the simulated ones; whether luck can, that of one at least
as far from no effect on either side, as a p-value counts it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import exp, inf, isnan, log, nan, pi, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtr

from benchmarks.asked.load_study import Asked
from benchmarks.performance.measures import Measure
from benchmarks.questions.ask import designed, one_estimator, rows_only, values_of
from benchmarks.review.suspicions import Suspicion, SuspicionName
from simulator.numerics.arrays import Floats

EFFECT = "outcomes.treatment_effect"
CLOSER = 4
"""So many times the studies are taken around a size that is looked for."""
NEAR = 0.1
"""So far on the logarithm on either side of it."""
MOVES = 3


@dataclass(frozen=True)
class WithoutEffect:
    """What the analysis finds in simulated studies without any effect: mean log HR, its error, the SD of estimates.

    ``failed`` is the share of studies without an estimate. NaN where fewer than two have one.
    """

    mean: float
    mcse: float
    sd: float
    failed: float

    def chance(self, log_hr: float, sign: float) -> float:
        """How often an estimate is at least as far on the side of ``sign`` as ``log_hr``."""
        return float(ndtr(sign * (self.mean - log_hr) / self.sd)) if self.sd > 0 else nan

    def as_far(self, log_hr: float) -> Measure:
        """How often an estimate is at least as far from no effect as ``log_hr``, on either side; errors as there."""
        far = abs(log_hr)
        found = Measure(self.chance(far, 1.0) + self.chance(-far, -1.0), nan)
        if not (self.sd > 0 and self.mcse > 0):
            return found
        z, count = (self.mean + np.array([-far, far])) / self.sd, (self.sd / self.mcse) ** 2
        height = np.exp(-(z**2) / 2) / sqrt(2 * pi) * np.array([1.0, -1.0])
        return Measure(found.value, sqrt((height.sum() ** 2 + (z * height).sum() ** 2 / 2) / count))

    def as_extreme(self, log_hr: float, sign: float) -> Measure:
        """That chance with its simulation error: the one that mean and SD of so many normal estimates leave.

        By the delta method: a variance of (1 + z^2 / 2) / n of the quantile z.
        """
        if not (self.sd > 0 and self.mcse > 0):
            return Measure(self.chance(log_hr, sign), nan)
        z, count = (self.mean - log_hr) / self.sd, (self.sd / self.mcse) ** 2
        height = exp(-(z**2) / 2) / sqrt(2 * pi)
        return Measure(self.chance(log_hr, sign), height * sqrt((1 + z**2 / 2) / count))


@dataclass(frozen=True)
class SizeNeeded:
    """The size of a suspicion that makes a ratio out of nothing, and its simulation error.

    +inf where the largest size does not: ``farthest`` is the ratio there. 0 where none is needed. NaN where simulation
    does not tell.
    """

    value: float
    error: float
    farthest: float


@dataclass(frozen=True)
class BiasCurve:
    """What a suspicion makes out of nothing: ``sizes (K,)`` from none on, ``mean`` log HR, errors ``mcse``.

    ``at_usual`` is at its usual size; ``ratio`` and ``bound`` are the sizes that make the published ratio and limit.
    """

    suspicion: Suspicion
    sizes: Floats
    mean: Floats
    mcse: Floats
    at_usual: WithoutEffect
    ratio: SizeNeeded
    bound: SizeNeeded


@dataclass(frozen=True)
class Biases:
    """Chance alone, every suspicion, and every two of them of their usual sizes, each without any effect."""

    log_hr: float
    log_bound: float
    sign: float
    replicates: int
    chance: WithoutEffect
    curves: tuple[BiasCurve, ...]
    pairs: Mapping[tuple[SuspicionName, SuspicionName], WithoutEffect]

    def single(self, name: str) -> Measure:
        """How often one suspicion of its usual size makes a ratio as extreme as the published one."""
        (curve,) = [one for one in self.curves if one.suspicion.name == name]
        return curve.at_usual.as_extreme(self.log_hr, self.sign)


def summary(values: Floats) -> WithoutEffect:
    """The mean, its error and the SD of estimates ``(R,)``, NaN where one failed."""
    have = values[np.isfinite(values)]
    failed = 1 - len(have) / len(values)
    if len(have) < 2:
        return WithoutEffect(nan, nan, nan, failed)
    sd = float(have.std(ddof=1))
    return WithoutEffect(float(have.mean()), sd / sqrt(len(have)), sd, failed)


@dataclass(frozen=True)
class NullStudies:
    """How studies without any effect are simulated: the world, the analysis, and where the rows are kept."""

    asked: Asked
    entry: Mapping[str, Any]
    endpoint: str
    jobs: int
    out: Path

    def estimates(
        self, stage: str, cells: Sequence[Mapping[str, Any]], fixed: Mapping[str, Any], times: int = 1
    ) -> list[Floats]:
        """The log HR ``(R,)`` of each cell, NaN where one failed."""
        count = times * self.asked.scenario.run.replicates
        common = {"estimators": [dict(self.entry)], EFFECT: "none", "run.replicates": count, **fixed}
        study = designed(self.asked, [dict(one) for one in cells], common)
        rows, _ = rows_only(study, f"review-{stage}", self.jobs, self.out / stage)
        return [values_of(rows, k, self.endpoint, self.entry["name"]) for k in range(len(cells))]


def find(
    asked: Asked, endpoint: str, analysis: str | None, several: Sequence[Suspicion],
    published: tuple[float, float] | None, sign: float, jobs: int, out: Path,
) -> Biases:  # fmt: skip
    """Chance, every suspicion and every pair, through the ``analysis`` of that name, or the primary one for None.

    ``published`` are the ratio and its limit nearer to no effect; without them no size is looked for.
    """
    entry, _ = one_estimator(asked, endpoint, analysis)
    studies = NullStudies(asked, entry, endpoint, jobs, out)
    log_hr, log_bound = (nan, nan) if published is None else (log(one) for one in published)
    (chance,) = studies.estimates("chance", [{}], {})
    curves = tuple(_curve(studies, one, chance, (log_hr, log_bound), sign) for one in several)
    pairs = {(a.name, b.name): _pair(studies, a, b) for a, b in combinations(several, 2)}
    return Biases(
        log_hr, log_bound, sign, asked.scenario.run.replicates, summary(chance), curves, pairs
    )  # fmt: skip


def _pair(studies: NullStudies, one: Suspicion, other: Suspicion) -> WithoutEffect:
    """Two suspicions of their usual sizes together."""
    fixed = {**one.fixed, **other.fixed, **one.settings(one.usual), **other.settings(other.usual)}
    (found,) = studies.estimates(f"{one.name}-{other.name}", [{}], fixed)
    return summary(found)


def _curve(studies: NullStudies, one: Suspicion, chance: Floats, wanted: tuple[float, float], sign: float) -> BiasCurve:
    found = studies.estimates(one.name, [one.settings(size) for size in one.sizes], one.fixed)
    told = [summary(chance), *map(summary, found)]
    sizes = np.array([none_of(one), *one.sizes])
    mean = np.array([each.mean for each in told])

    def needed_for(stage: str, value: float) -> SizeNeeded:
        def closer(near: Sequence[float]) -> list[Floats]:
            cells = [one.settings(size) for size in near]
            return studies.estimates(f"{one.name}-{stage}", cells, one.fixed, CLOSER)

        return needed_size(sizes, mean, value, sign, closer)

    return BiasCurve(
        one, sizes, mean, np.array([each.mcse for each in told]), told[1 + one.sizes.index(one.usual)],
        needed_for("ratio", wanted[0]), needed_for("bound", wanted[1]),
    )  # fmt: skip


def none_of(one: Suspicion) -> float:
    """The size of a suspicion at which it is none."""
    return 1.0 if one.unit == "fold" else 0.0


def needed_size(
    sizes: Floats, mean: Floats, wanted: float, sign: float, closer: Callable[[Sequence[float]], list[Floats]]
) -> SizeNeeded:
    """The first size at which the mean gets as far as ``wanted``, simulated anew on either side of it.

    ``sizes (K,)`` begin with none; ``closer`` simulates three sizes and gives their estimates.
    """
    if not np.isfinite(mean).any() or isnan(wanted):
        return SizeNeeded(nan, nan, nan)
    left = sign * (wanted - mean)
    farthest = exp(float(mean[np.nanargmax(sign * mean)]))
    if left[0] <= 0:
        return SizeNeeded(0.0, nan, farthest)
    crossed = np.flatnonzero(left <= 0)
    if not len(crossed):
        return SizeNeeded(inf, nan, farthest)
    k = int(crossed[0])
    short = np.flatnonzero(left[:k] > 0)
    if not len(short):
        return SizeNeeded(nan, nan, farthest)
    before = int(short[-1])
    part = left[before] / (left[before] - left[k])
    low, high = _scaled(sizes[before], sizes), _scaled(sizes[k], sizes)
    at = low + part * (high - low)
    x = np.array([at - NEAR, at, at + NEAR])
    estimates = np.stack(closer([_unscaled(one, sizes) for one in x]))
    whole = estimates[:, np.isfinite(estimates).all(axis=0)]
    if whole.shape[1] < 2:
        return SizeNeeded(nan, nan, farthest)
    slope, level = np.polyfit(x, whole.mean(axis=1), 1)
    if slope * sign <= 0:
        return SizeNeeded(nan, nan, farthest)
    root = (wanted - level) / slope
    weights = np.vander([root - at], 2)[0] @ np.linalg.pinv(np.vander(x - at, 2))
    error = float((weights @ whole).std(ddof=1)) / sqrt(whole.shape[1]) / abs(slope)
    value = _unscaled(root, sizes)
    return SizeNeeded(value, value * error, farthest)


def _scaled(size: float, sizes: Floats) -> float:
    """A size as its logarithm; none is taken for a quarter of the smallest where its logarithm is none."""
    return log(size) if size > 0 else log(sizes[1] / 4)


def _unscaled(x: float, sizes: Floats) -> float:
    return min(max(exp(float(x)), float(sizes[1]) / 20), float(sizes[-1]) * 1.2)
