"""Performance of an estimator over replicates, each measure with its Monte Carlo standard error.

Names and formulas are those of Morris, White & Crowther (2019), "Using simulation studies to evaluate statistical
methods", Statistics in Medicine 38:2074-2102, Table 6. Replicates whose status is not OK have no estimate: they are
left out of every measure but convergence and the two ``*_failures_counted`` ones. A measure that cannot be had is NaN,
never zero: coverage without intervals or without a truth, power without p values, the spread of infinite estimates.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import ceil, hypot, nan, sqrt

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.status import Status

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measure:
    """A measure and its Monte Carlo standard error; NaN where the replicates do not allow it."""

    value: float
    mcse: float


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
    """Every measure by name, from replicate arrays ``(R,)``; ``left_out`` are failures that the arrays do not hold."""
    ok = np.asarray(status == Status.OK)
    kept = slice(None) if ok.all() else ok  # no copies where none is needed: replicates may be millions
    estimate, se, low, high, p = value[kept], se[kept], low[kept], high[kept], p[kept]
    mean = _mean(estimate)
    spread = _spread(estimate)
    rejection = "type_1_error" if truth == 0 else "power"
    failed = left_out + len(ok) - len(estimate)

    def covered(at: float, failed: int) -> Measure:
        return _share(_covers(low, high, at), failed)

    def rejected(failed: int) -> Measure:
        return _share(np.where(np.isnan(p), nan, p < alpha), failed)

    def judged(measure: Callable[[float], Measure]) -> Measure:
        return _with_error_of_truth(measure, truth, truth_mcse)

    return {
        "truth": Measure(truth, truth_mcse),
        "mean": mean,
        "bias": judged(lambda at: Measure(mean.value - at, mean.mcse)),
        "relative_bias": _relative_bias(mean, truth, truth_mcse),
        "empirical_se": spread,
        **_model_se(se, spread),
        "mse": judged(lambda at: _mean((estimate - at) ** 2)),
        "rmse": _root(judged(lambda at: _mean((estimate - at) ** 2))),
        "coverage": judged(partial(covered, failed=0)),
        "bias_eliminated_coverage": covered(mean.value if np.isfinite(mean.value) else nan, 0),
        rejection: rejected(0),
        "coverage_failures_counted": judged(partial(covered, failed=failed)),
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


def replicates_needed(pilot: Measure, replicates: int, target_mcse: float, truth_mcse: float = 0.0) -> int | None:
    """How many replicates bring the Monte Carlo SE of a measure down to the target, from a pilot of ``replicates``.

    The part that is due to the replicates falls with the root of their number; ``truth_mcse``, the part that is due to
    the error of the truth, does not. None where no number is enough, or where the pilot's error is zero or NaN.
    """
    own, wanted = pilot.mcse**2 - truth_mcse**2, target_mcse**2 - truth_mcse**2
    return ceil(replicates * own / wanted * (1 - 1e-12)) if own > 0 and wanted > 0 else None


@np.errstate(over="ignore", invalid="ignore")
def contrast(one: dict[str, Floats], other: dict[str, Floats], truth: float, alpha: float = 0.05) -> dict[str, Measure]:
    """What one method has over a reference on the same replicates, each with its paired Monte Carlo SE.

    Both hold ``value``, ``low``, ``high``, ``p``, ``status`` ``(R,)``; a replicate counts where both are OK, and
    ``replicates_in_common`` says how many. ``relative_precision`` is 100 ((empirical SE of the reference / own)^2 - 1)
    percent (Morris et al. 2019, Table 6), the rest differences: of the mean estimates, of squared errors, of coverage,
    of rejection. The error of the truth is common to both and left out.
    """
    both = np.asarray((one["status"] == Status.OK) & (other["status"] == Status.OK))
    a, b = ({name: values[both] for name, values in found.items()} for found in (one, other))
    hits = [_covers(found["low"], found["high"], truth) for found in (a, b)]
    rejects = [np.where(np.isnan(found["p"]), nan, found["p"] < alpha) for found in (a, b)]
    return {
        "replicates_in_common": Measure(float(both.sum()), nan),
        "bias_difference": _mean(a["value"] - b["value"]),
        "relative_precision": _relative_precision(a["value"], b["value"]),
        "mse_difference": _mean((a["value"] - truth) ** 2 - (b["value"] - truth) ** 2),
        "coverage_difference": _mean(hits[0] - hits[1]),
        "rejection_difference": _mean(rejects[0] - rejects[1]),
    }


def _relative_precision(own: Floats, reference: Floats) -> Measure:
    n, spreads = len(own), (_spread(own).value, _spread(reference).value)
    if n < 2 or not spreads[0] > 0 or not spreads[1] > 0:
        return Measure(nan, nan)
    ratio = (spreads[1] / spreads[0]) ** 2
    correlation = float(np.corrcoef(own, reference)[0, 1])
    return Measure(100 * (ratio - 1), 200 * ratio * sqrt(max(0.0, 1 - correlation**2) / (n - 1)))


def _relative_bias(mean: Measure, truth: float, truth_mcse: float) -> Measure:
    """Bias as a share of the truth; there is none of a truth that is zero."""
    if truth == 0 or not np.isfinite(truth):
        return Measure(nan, nan)
    ratio = mean.value / truth
    return Measure(ratio - 1, hypot(mean.mcse, ratio * truth_mcse) / abs(truth))


def _root(square: Measure) -> Measure:
    """The root of a mean square, its error by the delta method."""
    root = sqrt(square.value) if square.value >= 0 else nan
    return Measure(root, square.mcse / (2 * root) if root > 0 else nan)


def _mean(of: Floats) -> Measure:
    n = len(of)
    return Measure(float(of.mean()) if n else nan, _spread(of).value / sqrt(n) if n > 1 else nan)


def _spread(of: Floats) -> Measure:
    """The sample SD, exactly zero where all are equal, NaN where not all are finite."""
    n = len(of)
    if n < 2 or not np.isfinite(of).all():
        return Measure(nan, nan)
    spread = float(of.std(ddof=1)) if of.min() < of.max() else 0.0
    return Measure(spread, spread / sqrt(2 * (n - 1)))


def _model_se(se: Floats, spread: Measure) -> dict[str, Measure]:
    """The root of the mean squared model SE, and by how many per cent it is off the empirical SE."""
    squares = _mean(se**2)
    model = sqrt(squares.value)
    mcse = squares.mcse / (2 * model) if model > 0 else nan
    if not (model > 0 and spread.value > 0):
        return {"model_se": Measure(model, mcse), "relative_error_model_se": Measure(nan, nan)}
    ratio = 100 * model / spread.value
    relative = Measure(ratio - 100, ratio * hypot(mcse / model, spread.mcse / spread.value))
    return {"model_se": Measure(model, mcse), "relative_error_model_se": relative}


def _covers(low: Floats, high: Floats, at: float) -> Floats:
    """One where the interval holds the number, zero where it does not, NaN where either is missing."""
    inside = ((low <= at) & (at <= high)).astype(np.float64)
    inside[np.isnan(low) | np.isnan(high) | np.isnan(at)] = nan
    return inside


def _share(hits: Floats, failed: int) -> Measure:
    """The share of ones among those known and ``failed`` zeros more; NaN where there are hits, but none is known."""
    known = len(hits) - int(np.isnan(hits).sum())
    n = known + failed
    if n == 0 or (len(hits) > 0 and known == 0):
        return Measure(nan, nan)
    share = float(np.sum(hits, where=~np.isnan(hits))) / n
    return Measure(share, sqrt(share * (1 - share) / n))


def _with_error_of_truth(measure: Callable[[float], Measure], truth: float, mcse: float) -> Measure:
    """The measure against the truth, the error of a simulated truth added to its own.

    With a truth that is normal about its value, to the second order of a Taylor series in the truth: exact for bias
    (variance + mcse^2) and MSE (variance + 4 bias^2 mcse^2 + 2 mcse^4), good for coverage.
    """
    here = measure(truth)
    if mcse == 0:
        return here
    above, below = measure(truth + mcse).value, measure(truth - mcse).value
    return Measure(here.value, hypot(here.mcse, (above - below) / 2, (above + below - 2 * here.value) / sqrt(2)))
