"""The classical two-sample tests of a Table 1, in blocks: ``x (R, N)`` in two groups, or counts ``(R, 2, k)``."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, gammaln, ndtr, stdtr

from analysis.kernels.status import Status
from simulator.cohort import Bools, Floats

Ints = NDArray[np.int64]

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
class _Moments:
    n: Floats
    mean: Floats
    variance: Floats


def welch(x: ArrayLike, group: ArrayLike, *, present: ArrayLike | None = None) -> Test:
    """Welch's t test of equal means; TOO_FEW with fewer than two per group, NO_INFO where neither group varies."""
    one, zero, bad = _groups(x, group, present)
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = one.variance / one.n, zero.variance / zero.n
        df = (a + b) ** 2 / (a**2 / (one.n - 1) + b**2 / (zero.n - 1))
        t = (one.mean - zero.mean) / np.sqrt(a + b)
    return _t_test(t, df, one, zero, bad)


def student(x: ArrayLike, group: ArrayLike, *, present: ArrayLike | None = None) -> Test:
    """Student's t test of equal means with a pooled variance; statuses as `welch`."""
    one, zero, bad = _groups(x, group, present)
    df = one.n + zero.n - 2
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = ((one.n - 1) * one.variance + (zero.n - 1) * zero.variance) / df
        t = (one.mean - zero.mean) / np.sqrt(pooled * (1 / one.n + 1 / zero.n))
    return _t_test(t, df, one, zero, bad)


def mann_whitney(x: ArrayLike, group: ArrayLike, *, present: ArrayLike | None = None) -> Test:
    """The Mann-Whitney U test by the normal approximation with tie and continuity corrections.

    It is R's ``wilcox.test(exact = FALSE)``; the statistic is R's W for the group True. NO_INFO where all are tied.
    """
    values, inside, here = _arrays(x, group, present)
    bad = np.any(here & ~np.isfinite(values), axis=1)
    one, zero = here & inside, here & ~inside
    n1, n0 = one.sum(axis=1).astype(np.float64), zero.sum(axis=1).astype(np.float64)
    n = n1 + n0
    ranks, ties = np.empty(values.shape), np.empty(len(values))
    for r in range(len(values)):
        ranks[r], ties[r] = _midranks(values[r], here[r])
    w = np.where(one, ranks, 0.0).sum(axis=1) - n1 * (n1 + 1) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        sigma = np.sqrt(n1 * n0 / 12 * (n + 1 - ties / (n * (n - 1))))
        centred = w - n1 * n0 / 2
        p = 2 * ndtr(-np.abs(centred - np.sign(centred) * 0.5) / sigma)
    few = (n1 < 1) | (n0 < 1)
    status = _status(bad, few, ~few & ~(sigma > 0))
    return _made(w, np.full(len(w), np.nan), np.minimum(p, 1.0), status)


def pearson(counts: ArrayLike, correct: bool = False) -> Test:
    """Pearson's chi-square test of ``counts (R, 2, k)``; levels that nobody has are dropped.

    ``correct`` is Yates's continuity correction for 2 x 2 tables, limited as in R to the smallest |O - E|. NO_INFO
    where fewer than two levels or an empty group leave nothing to compare.
    """
    table = np.asarray(counts, dtype=np.float64)
    rows, columns = table.sum(axis=2), table.sum(axis=1)
    total = rows.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = rows[:, :, None] * columns[:, None, :] / total[:, None, None]
        deviation = np.abs(table - expected)
        if correct and table.shape[2] == 2:
            deviation = deviation - np.minimum(0.5, deviation.min(axis=(1, 2)))[:, None, None]
        chi2 = np.where(expected > 0, deviation**2 / expected, 0.0).sum(axis=(1, 2))
    df = (columns > 0).sum(axis=1) - 1.0
    status = _status(~np.isfinite(total), np.zeros(len(df), np.bool_), (df < 1) | (rows == 0).any(axis=1))
    return _made(chi2, df, chdtrc(np.maximum(df, 1), chi2), status)


def fisher(counts: ArrayLike) -> Test:
    """Fisher's exact test of ``counts (R, 2, k)``: the probability of all tables as improbable as the observed one.

    As R's ``fisher.test``, with its relative tolerance of 1e-7; the statistic is the observed table's probability.
    NOT_CONVERGED where there are more than ten million tables, their two largest columns aside.
    """
    table = np.asarray(counts, dtype=np.int64)
    empty = (table.sum(axis=2) == 0).any(axis=1) | ((table.sum(axis=1) > 0).sum(axis=1) < 2)
    made = [(np.nan, np.nan) if skip else _fisher_one(one) for one, skip in zip(table, empty, strict=True)]
    observed, p = np.array(made, dtype=np.float64).reshape(-1, 2).T
    failed = np.where(np.isnan(p), Status.NOT_CONVERGED, Status.OK)
    status = np.where(empty, Status.NO_INFO, failed).astype(np.int64)
    return _made(observed, np.full(len(p), np.nan), np.minimum(p, 1.0), status)


def shapiro(x: ArrayLike, *, present: ArrayLike | None = None) -> Test:
    """The Shapiro-Wilk test of normality, by scipy; TOO_FEW below 3, NO_INFO where nothing varies.

    Above 5,000 values the p-value is an extrapolation of Royston's approximation, as in no other program but scipy.
    """
    from scipy.stats import shapiro as one_by_one

    values, _, here = _arrays(x, np.zeros(np.shape(x), np.bool_), present)
    w, p, status = np.full(len(values), np.nan), np.full(len(values), np.nan), np.zeros(len(values), np.int64)
    for r, row in enumerate(values):
        own = row[here[r]]
        if not np.isfinite(own).all():
            status[r] = Status.BAD_INPUT
        elif len(own) < 3:
            status[r] = Status.TOO_FEW
        elif np.ptp(own) == 0:
            status[r] = Status.NO_INFO
        else:
            w[r], p[r] = _quietly(one_by_one, own)
    return Test(w, np.full(len(w), np.nan), p, status)


def _quietly(test: object, values: Floats) -> tuple[float, float]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # scipy warns above 5,000 values
        found = test(values)  # type: ignore[operator]
    return float(found.statistic), float(found.pvalue)


def _fisher_one(counts: Ints) -> tuple[float, float]:
    """Probability of the observed table and of all as improbable; NaN where there are too many tables to go through.

    Tables are listed without their two largest columns; the endings in those follow from the sum that is left.
    """
    columns = counts.sum(axis=0)
    order = np.argsort(columns, kind="stable")
    columns, first = columns[order], counts[0, order]
    if np.prod(columns[:-2] + 1.0) > MOST_TABLES:
        return np.nan, np.nan
    rest, logs = np.array([int(first.sum())]), np.zeros(1)
    whole = float(_log_choose(columns.sum(), rest[0]))
    observed = float(_log_choose(columns, first).sum())
    threshold = observed + np.log(FISHER_TOLERANCE)
    for c in columns[:-2]:
        cell = np.arange(int(c) + 1)
        rest, logs = (rest[:, None] - cell).ravel(), (logs[:, None] + _log_choose(c, cell)).ravel()
        logs, rest = logs[rest >= 0], rest[rest >= 0]
    one, other = columns[-2:]
    p = 0.0
    for left in np.unique(rest):
        cell = np.arange(max(0, left - other), min(one, left) + 1)
        endings = np.sort(_log_choose(one, cell) + _log_choose(other, left - cell))
        total = np.concatenate([[-np.inf], np.logaddexp.accumulate(endings)])
        begun = logs[rest == left]
        p += float(np.exp(begun + total[np.searchsorted(endings, threshold - begun, side="right")] - whole).sum())
    return float(np.exp(observed - whole)), p


def _log_choose(n: ArrayLike, k: ArrayLike) -> Floats:
    n, k = np.asarray(n, dtype=np.float64), np.asarray(k, dtype=np.float64)
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)  # type: ignore[no-any-return]


def _midranks(values: Floats, here: Bools) -> tuple[Floats, float]:
    """Midranks of the present values (0 for the absent), and the sum of t^3 - t over ties."""
    ranks = np.zeros(len(values))
    own = np.where(np.isfinite(values[here]), values[here], 0.0)
    _, inverse, count = np.unique(own, return_inverse=True, return_counts=True)
    upto = np.cumsum(count)
    ranks[here] = (upto - (count - 1) / 2)[inverse]
    return ranks, float((count.astype(np.float64) ** 3 - count).sum())


def _arrays(x: ArrayLike, group: ArrayLike, present: ArrayLike | None) -> tuple[Floats, Bools, Bools]:
    values = np.asarray(x, dtype=np.float64)
    here = np.ones(values.shape, np.bool_) if present is None else np.asarray(present, dtype=np.bool_)
    return values, np.asarray(group, dtype=np.bool_), here


def _groups(x: ArrayLike, group: ArrayLike, present: ArrayLike | None) -> tuple[_Moments, _Moments, Bools]:
    values, inside, here = _arrays(x, group, present)
    bad = np.any(here & ~np.isfinite(values), axis=1)
    values = np.where(here & ~bad[:, None], values, 0.0)
    return _moments(values, here & inside), _moments(values, here & ~inside), bad


def _moments(values: Floats, members: Bools) -> _Moments:
    n = members.sum(axis=1).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(members, values, 0.0).sum(axis=1) / n
        spread = np.where(members, (values - mean[:, None]) ** 2, 0.0).sum(axis=1)
        return _Moments(n, mean, spread / (n - 1))


def _t_test(t: Floats, df: Floats, one: _Moments, zero: _Moments, bad: Bools) -> Test:
    few = (one.n < 2) | (zero.n < 2)
    still = ~few & ~(one.variance + zero.variance > 0)
    with np.errstate(invalid="ignore"):
        return _made(t, df, 2 * stdtr(df, -np.abs(t)), _status(bad, few, still))


def _status(bad: Bools, few: Bools, still: Bools) -> Ints:
    return np.select([bad, few, still], [Status.BAD_INPUT, Status.TOO_FEW, Status.NO_INFO], Status.OK).astype(np.int64)


def _made(statistic: Floats, df: Floats, p: Floats, status: Ints) -> Test:
    ok = status == Status.OK
    return Test(np.where(ok, statistic, np.nan), np.where(ok, df, np.nan), np.where(ok, p, np.nan), status)
