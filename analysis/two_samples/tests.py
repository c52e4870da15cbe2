"""The classical two-sample tests of a Table 1, in blocks: ``x (A, N)`` in two groups, or counts ``(R, 2, k)``.

``present (R, N)`` marks the analysis set; it may have G times as many rows as there are cohorts, G analysis sets for
each (its row r is of cohort r // G), and results then have as many rows. What absent patients hold is never used.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, erfc, gammaln, ndtr, stdtr

from analysis.kernels import two_samples
from analysis.kernels.status import Status
from analysis.survival.survival_data import time_order
from analysis.two_samples.exact_ranks import LARGEST_EXACT, exact_p
from analysis.two_samples.normality import shapiro_wilk
from simulator.numerics.arrays import Bools, Floats, Ints, Positions

NAN = float("nan")


MOST_TABLES = 1e7
FISHER_TOLERANCE = 1 + 1e-7  # R's fisher.test: as improbable as observed, give or take rounding


@dataclass(frozen=True)
class Test:
    """A test in every replicate ``(R,)``: its statistic, degrees of freedom (NaN where it has none), two-sided p."""

    statistic: Floats
    df: Floats
    p: Floats
    status: Ints


@dataclass(frozen=True)
class TwoGroups:
    """A block of samples in two groups: ``x``, ``group`` ``(A, N)`` and ``present (R, N)``, R a multiple of A."""

    x: Floats
    group: Bools
    present: Bools

    @staticmethod
    def of(x: ArrayLike, group: ArrayLike, present: ArrayLike | None) -> "TwoGroups":
        """The samples, checked: ValueError where shapes do not fit."""
        values, inside = np.ascontiguousarray(x, dtype=np.float64), np.ascontiguousarray(group, dtype=np.bool_)
        here = np.ones(inside.shape, np.bool_) if present is None else np.ascontiguousarray(present, dtype=np.bool_)
        if values.ndim < 2 or inside.shape != values.shape[:2]:
            raise ValueError(f"the groups have the shape {inside.shape}, which does not fit {values.shape} of x")
        left_over = len(here) % len(values) if len(values) else len(here)
        if here.ndim != 2 or here.shape[1] != values.shape[1] or left_over:
            raise ValueError(f"present has the shape {here.shape}, which does not fit {values.shape} of x")
        return TwoGroups(values, inside, here)


@dataclass(frozen=True)
class GroupMoments:
    """Moments of P columns in R analysis sets, by group, False first: ``count (R, 2)``, else ``(R, P, 2)``.

    ``variance`` has the divisor n - 1 and is NaN below two patients; ``weighted`` are weighted means, NaN without
    weights; ``binary`` and ``finite`` ``(R, P)`` say whether all values are 0 or 1, and whether all are finite.
    """

    count: Ints
    mean: Floats
    variance: Floats
    weighted: Floats
    binary: Bools
    finite: Bools


@dataclass(frozen=True)
class Ranks:
    """Rank statistics of R analysis sets: U of the group True, and the sum of t^3 - t over ties ``(R,)``.

    By group, False first: ``count (R, 2)`` and ``quartile (R, 2, 3)`` of type 7. NaN where not all is ``finite (R,)``.
    """

    count: Ints
    u: Floats
    ties: Floats
    quartile: Floats
    finite: Bools


def welch(x: ArrayLike, group: ArrayLike, *, present: ArrayLike | None = None) -> Test:
    """Welch's t test of equal means; TOO_FEW with fewer than two per group, NO_INFO where neither group varies."""
    return _only(welch_of(_one_column(x, group, present)))


def student(x: ArrayLike, group: ArrayLike, *, present: ArrayLike | None = None) -> Test:
    """Student's t test of equal means with a pooled variance; statuses as `welch`."""
    return _only(student_of(_one_column(x, group, present)))


def mann_whitney(
    x: ArrayLike, group: ArrayLike, *, present: ArrayLike | None = None, order: Positions | None = None
) -> Test:
    """The Mann-Whitney U test, exact where both groups are below 50 and nothing is tied.

    Else by the normal approximation with tie and continuity corrections: R's ``wilcox.test``, all left as it is. The
    statistic is R's W for the group True. NO_INFO where all are tied. ``order`` is ``survival.time_order(x)``, where it
    is at hand.
    """
    return mann_whitney_of(ranks(TwoGroups.of(x, group, present), order))


def moments(sample: TwoGroups, columns: Sequence[int], weight: ArrayLike | None = None) -> GroupMoments:
    """The moments of these columns of a sample ``x (A, N, K)``; ``weight (R, N)`` weights ``weighted`` alone."""
    sets, column = len(sample.present), np.arange(sample.x.shape[2])[list(columns)]
    weights = np.empty((0, 0)) if weight is None else np.ascontiguousarray(weight, dtype=np.float64)
    if weight is not None and weights.shape != sample.present.shape:
        raise ValueError(f"the weights have the shape {weights.shape}; present has {sample.present.shape}")
    count, made = np.empty((sets, 2), np.int64), np.empty((3, sets, len(column), 2))
    flags = np.empty((2, sets, len(column)), np.bool_)
    two_samples.moments(
        sample.x, sample.group, sample.present, column, weights, count, made[0], made[1], made[2], flags[0], flags[1]
    )
    variance = made[1] / np.where(count > 1, count - 1.0, np.nan)[:, None, :]
    return GroupMoments(count, made[0], variance, made[2], flags[0], flags[1])


def ranks(sample: TwoGroups, order: Positions | None = None) -> Ranks:
    """The rank statistics of a sample ``x (A, N)``."""
    ordered = time_order(sample.x) if order is None else np.ascontiguousarray(order, dtype=np.int32)
    if sample.x.ndim != 2 or ordered.shape != sample.x.shape:
        raise ValueError(f"order has the shape {ordered.shape}; x has {sample.x.shape}")
    sets = len(sample.present)
    made = Ranks(
        np.empty((sets, 2), np.int64),
        np.full(sets, np.nan),
        np.full(sets, np.nan),
        np.full((sets, 2, 3), np.nan),
        np.empty(sets, np.bool_),
    )
    two_samples.ranks(
        sample.x, sample.group, sample.present, ordered, made.count, made.u, made.ties, made.quartile, made.finite
    )
    return made


def welch_of(found: GroupMoments) -> Test:
    """Welch's test ``(R, P)`` of columns of which the moments are known."""
    n, variance = found.count[:, None, :].astype(np.float64), found.variance
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        parts = variance / n
        both = parts.sum(axis=2)
        share = parts / both[..., None]
        df = 1 / (share**2 / (n - 1)).sum(axis=2)
        t = (found.mean[..., 1] - found.mean[..., 0]) / np.sqrt(both)
    return _t_test(t, df, found)


def student_of(found: GroupMoments) -> Test:
    """Student's test ``(R, P)`` of columns of which the moments are known."""
    n = found.count[:, None, :].astype(np.float64)
    df = n.sum(axis=2) - 2
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        pooled = ((n - 1) * found.variance).sum(axis=2) / df
        t = (found.mean[..., 1] - found.mean[..., 0]) / np.sqrt(pooled * (1 / n).sum(axis=2))
    return _t_test(t, np.broadcast_to(df, t.shape), found)


def mann_whitney_of(found: Ranks) -> Test:
    """The Mann-Whitney test of samples of which the rank statistics are known."""
    n0, n1 = found.count.T.astype(np.float64)
    n = n0 + n1
    with np.errstate(divide="ignore", invalid="ignore"):
        sigma = np.sqrt(n1 * n0 / 12 * (n + 1 - found.ties / (n * (n - 1))))
        centred = found.u - n1 * n0 / 2
        p = 2 * ndtr(-np.abs(centred - np.sign(centred) * 0.5) / sigma)
    few = (n1 < 1) | (n0 < 1)
    exact = np.flatnonzero(found.finite & ~few & (found.ties == 0) & (found.count.max(axis=1) <= LARGEST_EXACT))
    if len(exact):
        p[exact] = exact_p(found.u[exact], found.count[exact])
    status = _status(~found.finite, few, ~few & ~(sigma > 0))
    return _made(found.u, np.full(len(n), np.nan), np.minimum(p, 1.0), status)


def pearson(counts: ArrayLike, correct: bool = False) -> Test:
    """Pearson's chi-square test of ``counts (R, 2, k)``; levels that nobody has are dropped.

    ``correct`` is Yates's continuity correction where two levels are left, limited as in R to the smallest |O - E|.
    NO_INFO where fewer than two levels or an empty group leave nothing to compare.
    """
    return chi_square(counts, correct)[0]


def chi_square(counts: ArrayLike, correct: bool = False) -> tuple[Test, Floats]:
    """Pearson's test as `pearson`, and the least expected count ``(R,)``, +inf where there is nothing to compare."""
    table = np.ascontiguousarray(counts, dtype=np.float64)
    chi2, df, least = np.empty((3, len(table)))
    two_samples.chi_squares(table, correct, chi2, df, least)
    status = _status(np.isnan(df), np.zeros(len(df), np.bool_), df < 1)
    return _made(chi2, df, _above(df, chi2), status), least


def fisher(counts: ArrayLike) -> Test:
    """Fisher's exact test of ``counts (R, 2, k)``: the probability of all tables as improbable as the observed one.

    As R's ``fisher.test``, with its relative tolerance of 1e-7; the statistic is the observed table's probability.
    NOT_CONVERGED where there are more than ten million tables, their two largest columns aside.
    """
    table = np.ascontiguousarray(counts, dtype=np.int64)
    if (table < 0).any():
        raise ValueError("a count is negative")
    most = int(table.sum(axis=(1, 2)).max(initial=0))
    observed, p, status = np.full(len(table), np.nan), np.full(len(table), np.nan), np.zeros(len(table), np.int64)
    two_samples.exact_tables(
        table, gammaln(np.arange(1.0, most + 2)), np.log(FISHER_TOLERANCE), MOST_TABLES, observed, p, status
    )
    return Test(observed, np.full(len(p), np.nan), p, status)


def shapiro(x: ArrayLike, *, present: ArrayLike | None = None) -> Test:
    """The Shapiro-Wilk test of normality; TOO_FEW below 3, NO_INFO where nothing varies.

    Above 5,000 values, where R refuses, the p-value is an extrapolation of Royston's approximation.
    """
    sample = TwoGroups.of(x, np.zeros(np.shape(x), np.bool_), present)
    rows = len(sample.present)
    each = rows // max(len(sample.x), 1)
    w, p, status = np.full(rows, np.nan), np.full(rows, np.nan), np.zeros(rows, np.int64)
    for r, here in enumerate(sample.present):
        own = sample.x[r // each, here]
        if not np.isfinite(own).all():
            status[r] = Status.BAD_INPUT
        elif len(own) < 3:
            status[r] = Status.TOO_FEW
        elif np.ptp(own) == 0:
            status[r] = Status.NO_INFO
        else:
            w[r], p[r] = shapiro_wilk(own)
    return Test(w, np.full(rows, np.nan), p, status)


def _one_column(x: ArrayLike, group: ArrayLike, present: ArrayLike | None) -> GroupMoments:
    sample = TwoGroups.of(x, group, present)
    if sample.x.ndim != 2:
        raise ValueError(f"x has {sample.x.ndim} axes; (cohorts, patients) are wanted")
    return moments(TwoGroups(sample.x[..., None], sample.group, sample.present), (0,))


def _only(test: Test) -> Test:
    return Test(test.statistic[:, 0], test.df[:, 0], test.p[:, 0], test.status[:, 0])


def _above(df: Floats, chi2: Floats) -> Floats:
    """The upper tail of the chi-square distribution; one and two degrees of freedom have short formulas."""
    p = np.array(np.where(df == 2, np.exp(-chi2 / 2), erfc(np.sqrt(chi2 / 2))), dtype=np.float64)
    more = np.flatnonzero(df > 2)
    p[more] = chdtrc(df[more], chi2[more])
    return p


def _t_test(t: Floats, df: Floats, found: GroupMoments) -> Test:
    few = np.broadcast_to(np.any(found.count < 2, axis=1, keepdims=True), t.shape)
    still = ~few & ~(found.variance.sum(axis=2) > 0)
    with np.errstate(invalid="ignore"):
        return _made(t, df, 2 * stdtr(df, -np.abs(t)), _status(~found.finite, few, still))


def _status(bad: Bools, few: Bools, still: Bools) -> Ints:
    return np.select([bad, few, still], [Status.BAD_INPUT, Status.TOO_FEW, Status.NO_INFO], Status.OK).astype(np.int64)


def _made(statistic: Floats, df: Floats, p: Floats, status: Ints) -> Test:
    ok = status == Status.OK
    return Test(np.where(ok, statistic, np.nan), np.where(ok, df, np.nan), np.where(ok, p, np.nan), status)
