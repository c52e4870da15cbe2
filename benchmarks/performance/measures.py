"""Performance of an estimator over replicates, each measure with its Monte Carlo standard error.

Names and formulas are those of Morris, White & Crowther (2019), "Using simulation studies to evaluate statistical
methods", Statistics in Medicine 38:2074-2102, Table 6. Replicates whose status is not OK have no estimate: they are
left out of every measure but convergence and the two ``*_failures_counted`` ones. A measure that cannot be had is NaN,
never zero: coverage without intervals or without a truth, power without p values, the spread of infinite estimates.
What one replicate lacks (its SE, its interval, its p) it lacks for the measures made of it, each of which says of how
many replicates it is; where failures are counted, an estimate without an interval does not cover, one without p does
not reject.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from math import hypot, isnan, nan, sqrt

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.status import Status
from simulator.numerics.arrays import Floats


@dataclass(frozen=True)
class Measure:
    """A measure and its Monte Carlo standard error; NaN where the replicates do not allow it.

    ``n`` is of how many replicates it is, its denominator; None for what is not of replicates, such as a truth.
    """

    value: float
    mcse: float
    n: int | None = None

    def __format__(self, how: str) -> str:
        """The measure with its error in brackets, both in this format for numbers, the error without a sign."""
        return f"{self.value:{how}} ({self.mcse:{how.lstrip('+')}})" if how else repr(self)


def significance(level: float) -> float:
    """1 - level in decimals, as they are written: 0.05 for 0.95 and 0.1 for 0.9, to the last bit."""
    return float(1 - Decimal(str(float(level))))


@np.errstate(over="ignore", invalid="ignore")
def performance(
    value: Floats,
    se: Floats,
    low: Floats,
    high: Floats,
    p: Floats,
    status: NDArray[np.int64],
    truth: float,
    truth_mcse: float = 0.0,
    alpha: float = 0.05,
    left_out: int = 0,
) -> dict[str, Measure]:
    """Every measure by name, from replicate arrays ``(R,)``; ``left_out`` are failures that the arrays do not hold.

    An interval covers if it holds the truth, its limits included; a test rejects if p < ``alpha``.
    """
    ok = np.asarray(status == Status.OK)
    kept = slice(None) if ok.all() else ok  # no copies where none is needed: replicates may be millions
    estimate, se, low, high, p = value[kept], se[kept], low[kept], high[kept], p[kept]
    mean = _mean(estimate)
    spread = _spread(estimate)
    rejection = "type_1_error" if truth == 0 else "power"
    failed = left_out + len(ok) - len(estimate)

    def covered(failed: int | None = None) -> Measure:
        return _coverage(lambda at: _covers(low, high, at), truth, truth_mcse, failed)

    def rejected(failed: int | None = None) -> Measure:
        return _share(np.where(np.isnan(p), nan, p < alpha), failed)

    def judged(measure: Callable[[float], Measure]) -> Measure:
        return _with_error_of_truth(measure, truth, truth_mcse)

    return {
        "truth": Measure(truth, truth_mcse),
        "mean": mean,
        "bias": judged(lambda at: Measure(mean.value - at, mean.mcse, mean.n)),
        "relative_bias": _relative_bias(mean, truth, truth_mcse),
        "empirical_se": spread,
        **_model_se(estimate, se),
        "mse": judged(lambda at: _mean((estimate - at) ** 2)),
        "rmse": _root(judged(lambda at: _mean((estimate - at) ** 2))),
        "coverage": covered(),
        "bias_eliminated_coverage": _share(_covers(low, high, mean.value if np.isfinite(mean.value) else nan), None),
        rejection: rejected(),
        "coverage_failures_counted": covered(failed),
        f"{rejection}_failures_counted": rejected(failed),
        "convergence": _share(ok.astype(np.float64), left_out),
    }


def in_direction(
    value: Floats, p: Floats, status: NDArray[np.int64], direction: Measure, alpha: float = 0.05
) -> Measure:
    """The share of replicates ``(R,)`` that reject on the side on which the truth lies.

    ``direction`` is a true value and its Monte Carlo SE; NaN where that is zero or within two SE of it.
    """
    ok = np.asarray(status == Status.OK)
    value, p = value[ok], p[ok]
    if not abs(direction.value) > 2 * direction.mcse:
        return Measure(nan, nan)
    hits = (p < alpha) & (np.sign(value) == np.sign(direction.value))
    return _share(np.where(np.isnan(p) | np.isnan(value), nan, hits), 0)


@np.errstate(over="ignore", invalid="ignore")
def contrast(
    one: dict[str, Floats],
    other: dict[str, Floats],
    truth: float,
    alpha: float = 0.05,
    other_truth: float | None = None,
) -> dict[str, Measure]:
    """What one method has over a reference on the same replicates, each with its paired Monte Carlo SE.

    Both hold ``value``, ``low``, ``high``, ``p``, ``status`` ``(R,)``; a replicate counts where both are OK, and
    ``replicates_in_common`` says how many. ``relative_precision`` is 100 ((empirical SE of the reference / own)^2 - 1)
    percent (Morris et al. 2019, Table 6), the rest differences: of the mean estimates, of bias, of squared errors, of
    coverage, of rejection, the last two where both are known. Each is judged by its own truth: the reference by
    ``other_truth``, the same unless given. The error of the truth is left out.
    """
    both = np.asarray((one["status"] == Status.OK) & (other["status"] == Status.OK))
    a, b = ({name: values[both] for name, values in found.items()} for found in (one, other))
    truths = (truth, truth if other_truth is None else other_truth)
    hits = [_covers(found["low"], found["high"], true) for found, true in zip((a, b), truths, strict=True)]
    rejects = [np.where(np.isnan(found["p"]), nan, found["p"] < alpha) for found in (a, b)]
    moved = _mean(a["value"] - b["value"])
    return {
        "replicates_in_common": _count(both),
        "mean_difference": moved,
        "bias_difference": Measure(moved.value - (truths[0] - truths[1]), moved.mcse, moved.n),
        "relative_precision": _relative_precision(a["value"], b["value"]),
        "mse_difference": _mean((a["value"] - truths[0]) ** 2 - (b["value"] - truths[1]) ** 2),
        "coverage_difference": _mean(_known(hits[0] - hits[1])),
        "rejection_difference": _mean(_known(rejects[0] - rejects[1])),
    }


def _relative_precision(own: Floats, reference: Floats) -> Measure:
    n, spreads = len(own), (_spread(own).value, _spread(reference).value)
    if n < 2 or not spreads[0] > 0 or not spreads[1] > 0:
        return Measure(nan, nan, n)
    ratio = (spreads[1] / spreads[0]) ** 2
    correlation = float(np.corrcoef(own, reference)[0, 1])
    return Measure(100 * (ratio - 1), 200 * ratio * sqrt(max(0.0, 1 - correlation**2) / (n - 1)), n)


def _relative_bias(mean: Measure, truth: float, truth_mcse: float) -> Measure:
    """Bias as a share of the truth; there is none of a truth that is zero."""
    if truth == 0 or not np.isfinite(truth):
        return Measure(nan, nan, mean.n)
    ratio = mean.value / truth
    return Measure(ratio - 1, hypot(mean.mcse, ratio * truth_mcse) / abs(truth), mean.n)


def _root(square: Measure) -> Measure:
    """The root of a mean square, its error by the delta method; of 0, at most the root of that square's error."""
    root = sqrt(square.value) if square.value >= 0 else nan
    return Measure(root, square.mcse / (2 * root) if root > 0 else sqrt(square.mcse), square.n)


def _count(hits: NDArray[np.bool_]) -> Measure:
    """How many hits there are, with the SD of a binomial number."""
    count = int(hits.sum())
    return Measure(float(count), sqrt(count * (1 - count / len(hits))) if count else 0.0, len(hits))


def _known(of: Floats) -> Floats:
    missing = np.isnan(of)
    return of[~missing] if missing.any() else of


def _mean(of: Floats) -> Measure:
    n = len(of)
    return Measure(float(of.mean()) if n else nan, _spread(of).value / sqrt(n) if n > 1 else nan, n)


def _spread(of: Floats) -> Measure:
    """The sample SD, exactly zero where all are equal, NaN where not all are finite."""
    n = len(of)
    if n < 2 or not np.isfinite(of).all():
        return Measure(nan, nan, n)
    spread = float(of.std(ddof=1)) if of.min() < of.max() else 0.0
    if spread == np.inf:  # the squares are too large to be written, not their root
        largest = float(np.abs(of).max())
        spread = largest * float((of / largest).std(ddof=1))
    return Measure(spread, spread / sqrt(2 * (n - 1)), n)


def _model_se(estimate: Floats, se: Floats) -> dict[str, Measure]:
    """The root of the mean squared model SE of those that have one, and by how many per cent it is off their spread.

    Their spread is the empirical SE of the estimates that have an SE: the same replicates on both sides.
    """
    there = ~np.isnan(se)
    if not there.all():
        estimate, se = estimate[there], se[there]
    squares, spread = _mean(se**2), _spread(estimate)
    model = sqrt(squares.value)
    mcse = squares.mcse / (2 * model) if model > 0 else squares.mcse
    if not (model > 0 and spread.value > 0):
        relative = Measure(nan, nan, squares.n)
    else:
        ratio = 100 * model / spread.value
        relative = Measure(ratio - 100, ratio * hypot(mcse / model, spread.mcse / spread.value), squares.n)
    return {"model_se": Measure(model, mcse, squares.n), "relative_error_model_se": relative}


def _covers(low: Floats, high: Floats, at: float) -> Floats:
    """One where the interval holds the number, zero where it does not, NaN where either is missing."""
    inside = ((low <= at) & (at <= high)).astype(np.float64)
    inside[np.isnan(low) | np.isnan(high) | np.isnan(at)] = nan
    return inside


def _share(hits: Floats, failed: int | None) -> Measure:
    """The share of ones among those known; among all, unknown ones as zeros, with ``failed`` zeros more where given.

    NaN where there are hits, but none is known.
    """
    known = len(hits) - int(np.isnan(hits).sum())
    n = known if failed is None else len(hits) + failed
    if n == 0 or (len(hits) > 0 and known == 0):
        return Measure(nan, nan, 0)
    share = float(np.sum(hits, where=~np.isnan(hits))) / n
    return Measure(share, sqrt(share * (1 - share) / n), n)


def _with_error_of_truth(measure: Callable[[float], Measure], truth: float, mcse: float) -> Measure:
    """The measure against the truth, the error of a simulated truth added to its own.

    With a truth that is normal about its value, to the second order of a Taylor series in the truth: exact for bias
    (variance + mcse^2) and MSE (variance + 4 bias^2 mcse^2 + 2 mcse^4).
    """
    here = measure(truth)
    if mcse == 0:
        return here
    above, below = measure(truth + mcse).value, measure(truth - mcse).value
    error = hypot(here.mcse, (above - below) / 2, (above + below - 2 * here.value) / sqrt(2))
    return Measure(here.value, error, here.n)


def _coverage(covers: Callable[[float], Floats], truth: float, mcse: float, failed: int | None) -> Measure:
    """The share that covers a truth, its error sqrt(c (1 - c) / n) and what the error of a simulated truth adds.

    The latter is the square of how much coverage changes with the truth, to the second order as in
    `_with_error_of_truth`. What few replicates cover changes in steps, whose own chance is taken off that square.
    """
    here = _share(covers(truth), failed)
    if mcse == 0 or isnan(truth) or isnan(here.value) or here.n is None:
        return here
    below, at, above = (covers(truth + step * mcse) for step in (-1, 0, 1))
    added = _square_of_mean((above - below) / 2, here.n) + _square_of_mean((above + below - 2 * at) / sqrt(2), here.n)
    return Measure(here.value, hypot(here.mcse, sqrt(max(0.0, added))) if not isnan(mcse) else nan, here.n)


def _square_of_mean(of: Floats, n: int) -> float:
    """The square of a mean without bias: that of the mean of ``n``, zero where unknown, less its own variance."""
    total, squares = float(np.nansum(of)), float(np.nansum(of**2))
    variance = (squares - total**2 / n) / (n - 1) if n > 1 else 0.0
    return (total / n) ** 2 - variance / n
