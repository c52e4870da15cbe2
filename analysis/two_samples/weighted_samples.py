"""Table 1 and yes/no outcomes of weighted, clustered samples, in blocks: what `analysis.two_samples.tests` says of
plain ones.

Arrays are ``(R, N)``: one analysis set per cohort. ``weight`` above 0 and ``cluster`` (whole numbers) are those of a
matching 1:k or with replacement. Tests are design-based, as in R's package survey with ``svydesign(ids = ~cluster,
weights = ~weight)`` of the patients of the set.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import fdtrc, stdtr

from analysis.kernels import weighted_samples as kernels
from analysis.kernels.status import Status
from analysis.kernels.weighted_tables import TableTested, rao_scott
from analysis.survival.survival_data import numbered, time_order
from analysis.two_samples.balance import smd_of
from analysis.two_samples.tests import Test
from simulator.numerics.arrays import Bools, Floats, Ints


@dataclass(frozen=True)
class WeightedSamples:
    """Who is compared, and how much each counts: ``treated, present, weight (R, N)`` and the clusters from 0 on."""

    treated: Bools
    present: Bools
    weight: Floats
    cluster: Ints
    clusters: int

    def arm(self, treated: int) -> Bools:
        """Who of the first cohort is compared in an arm ``(N,)``."""
        who: Bools = self.present[0] & (self.treated[0] == bool(treated)) & (self.weight[0] > 0)
        return who

    @staticmethod
    def of(treated: ArrayLike, present: ArrayLike, weight: ArrayLike, cluster: ArrayLike | None) -> "WeightedSamples":
        """The samples, checked: ValueError where shapes do not fit. Without clusters each patient is one."""
        arm, here = np.ascontiguousarray(treated, dtype=np.bool_), np.ascontiguousarray(present, dtype=np.bool_)
        weights = np.ascontiguousarray(weight, dtype=np.float64)
        own = np.broadcast_to(np.arange(arm.shape[1]), arm.shape) if cluster is None else np.asarray(cluster)
        if not arm.shape == here.shape == weights.shape == own.shape or arm.ndim != 2:
            shapes = ", ".join(str(one.shape) for one in (arm, here, weights, own))
            raise ValueError(f"treated, present, weight and cluster have the shapes {shapes}, which must agree")
        labels, clusters = numbered(np.ascontiguousarray(own, dtype=np.int64))
        return WeightedSamples(arm, here, weights, labels, clusters)

    @property
    def block(self) -> kernels.ClusteredBlock:
        """As the kernels take them."""
        return kernels.ClusteredBlock(self.treated, self.present, self.weight, self.cluster, self.clusters)


@dataclass(frozen=True)
class WeightedNumbers:
    """A continuous covariate: ``n (R, 2)``, and by arm, untreated first, what a Table 1 shows ``(R, 2)``.

    ``sd`` is the root of R's ``svyvar``, quartiles are ``svyquantile(qrule = "hf7")`` (type 7 for equal weights; ties
    in the order of their weights). ``t`` is ``svyttest``, ``rank`` ``svyranktest``, in which a tie has its weighted
    mean rank (R's own is unweighted and depends on the order of the rows). ``smd`` is that of `balance.smd`. NaN where
    a value is NaN or infinite.
    """

    n: Ints
    mean: Floats
    sd: Floats
    median: Floats
    q1: Floats
    q3: Floats
    t: Test
    rank: Test
    smd: Floats


@dataclass(frozen=True)
class WeightedShares:
    """L levels: ``counts (R, 2, L)`` are patients, ``share (R, 2, L)`` the weighted share of the arm.

    ``test (R,)`` is Rao and Scott's F of the table, as R's ``svychisq``; its df is the numerator's. ``smd (R, L)`` is
    that of having the level. BAD_INPUT where a value has no level, NO_INFO where there is nothing to compare.
    """

    counts: Ints
    share: Floats
    test: Test
    smd: Floats


def weighted_numbers(x: ArrayLike, sets: WeightedSamples) -> WeightedNumbers:
    """What is said of a continuous covariate ``(R, N)`` in each set."""
    values = np.ascontiguousarray(x, dtype=np.float64)
    rows = len(values)
    count, moments = np.zeros((rows, 2), np.int64), np.full((rows, 2, 2), np.nan)
    quartile, test, flags = np.full((rows, 2, 3), np.nan), np.full((rows, 2, 2), np.nan), np.zeros((rows, 3), np.bool_)
    made = kernels.GroupsCompared(count, moments, quartile, test, flags)
    kernels.two_groups(values, _by_value(values, sets.weight), sets.block, made)
    mean, variance = moments[..., 0], moments[..., 1]
    finite, binary, varies = flags.T
    spread = np.where(binary[:, None], mean * (1 - mean), variance)
    few = (count < 2).any(axis=1) | ~(test[:, 0, 1] >= 1)
    return WeightedNumbers(
        count,
        mean,
        np.sqrt(variance),
        quartile[..., 1],
        quartile[..., 0],
        quartile[..., 2],
        _t_test(test[:, kernels.T], finite, few, varies),
        _t_test(test[:, kernels.RANK], finite, few, varies),
        smd_of(mean, spread),
    )


def weighted_shares(level: ArrayLike, levels: int, sets: WeightedSamples) -> WeightedShares:
    """What is said of a categorical covariate: ``level (R, N)`` from 0, below 0 where a value has no level."""
    codes = np.ascontiguousarray(level, dtype=np.int64)
    rows = len(codes)
    counts, share = np.zeros((rows, 2, levels), np.int64), np.full((rows, 2, levels), np.nan)
    test = np.full((rows, 3), np.nan)
    rao_scott(codes, levels, sets.block, TableTested(counts, share, test))
    bad = (sets.present & (sets.weight > 0) & (codes < 0)).any(axis=1)
    ok = ~bad & np.isfinite(test).all(axis=1)
    share[bad] = np.nan
    f, df, beneath = (np.where(ok, one, np.nan) for one in test.T)
    status = np.select([bad, ok], [Status.BAD_INPUT, Status.OK], Status.NO_INFO).astype(np.int64)
    by_level = np.moveaxis(share, 2, 1)
    return WeightedShares(
        counts, share, Test(f, df, fdtrc(df, beneath, f), status), smd_of(by_level, by_level * (1 - by_level))
    )


def weighted_quantiles(x: ArrayLike, weight: ArrayLike, shares: tuple[float, ...]) -> tuple[float, ...]:
    """The quantiles of one sample ``(n,)`` with weights above 0, as in `weighted_numbers`; NaN where it is empty."""
    values, weights = np.asarray(x, dtype=np.float64)[None], np.asarray(weight, dtype=np.float64)[None]
    order = _by_value(values, weights)[0]
    ordered, mass = values[0, order], weights[0, order]
    return tuple(float(kernels.quantile(ordered, mass, len(ordered), q)) for q in shares)


def _by_value(x: Floats, weight: Floats) -> NDArray[np.int32]:
    """The order of each row by value, ties by weight: no number depends on the order of the rows."""
    first = time_order(weight)
    again = time_order(np.take_along_axis(x, first.astype(np.int64), axis=1))
    return np.ascontiguousarray(np.take_along_axis(first, again.astype(np.int64), axis=1))


def _t_test(found: Floats, finite: Bools, few: Bools, varies: Bools) -> Test:
    t, df = found.T
    status = np.select(
        [~finite, few, ~varies | ~np.isfinite(t)], [Status.BAD_INPUT, Status.TOO_FEW, Status.NO_INFO], Status.OK
    ).astype(np.int64)
    ok = status == Status.OK
    t, df = np.where(ok, t, np.nan), np.where(ok, df, np.nan)
    return Test(t, df, 2 * stdtr(df, -np.abs(t)), status)
