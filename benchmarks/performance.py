"""Performance of an estimator over replicates, each measure with its Monte Carlo standard error.

Names and formulas are those of Morris, White & Crowther (2019), "Using simulation studies to evaluate statistical
methods", Statistics in Medicine 38:2074-2102, Table 6. A truth that was itself simulated adds its Monte Carlo variance
to that of the bias. Replicates whose status is not OK have no estimate: they are left out of every measure but
convergence and the two ``*_failures_counted`` ones.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.status import Status

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measure:
    """A measure and its Monte Carlo standard error; NaN where the replicates do not allow it."""

    value: float
    mcse: float


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
) -> dict[str, Measure]:
    """Every measure by name, from replicate arrays ``(R,)``."""
    ok = status == Status.OK
    total, n = len(value), int(ok.sum())
    estimate, error = value[ok], se[ok]
    covers = (low[ok] <= truth) & (truth <= high[ok])
    mean = float(estimate.mean()) if n else np.nan
    eliminated = (low[ok] <= mean) & (mean <= high[ok])
    rejects = p[ok] < alpha
    spread = float(estimate.std(ddof=1)) if n > 1 else np.nan
    squared = (estimate - truth) ** 2
    model = float(np.sqrt(np.mean(error**2))) if n else np.nan
    model_mcse = float(np.sqrt(np.var(error**2, ddof=1) / (4 * n * model**2))) if n > 1 else np.nan
    empirical_mcse = spread / np.sqrt(2 * (n - 1)) if n > 1 else np.nan
    relative = 100 * (model / spread - 1) if n > 1 and spread > 0 else np.nan
    relative_mcse = (
        100 * model / spread * np.sqrt((model_mcse / model) ** 2 + (empirical_mcse / spread) ** 2)
        if n > 1 and spread > 0
        else np.nan
    )
    rejection = "type_1_error" if truth == 0 else "power"
    return {
        "truth": Measure(truth, truth_mcse),
        "mean": Measure(mean, spread / np.sqrt(n) if n > 1 else np.nan),
        "bias": Measure(mean - truth, float(np.hypot(spread / np.sqrt(n), truth_mcse)) if n > 1 else np.nan),
        "empirical_se": Measure(spread, empirical_mcse),
        "model_se": Measure(model, model_mcse),
        "relative_error_model_se": Measure(relative, relative_mcse),
        "mse": Measure(
            float(squared.mean()) if n else np.nan, float(squared.std(ddof=1) / np.sqrt(n)) if n > 1 else np.nan
        ),
        "coverage": _share(covers),
        "bias_eliminated_coverage": _share(eliminated),
        rejection: _share(rejects),
        "coverage_failures_counted": _share(np.r_[covers, np.zeros(total - n, np.bool_)]),
        f"{rejection}_failures_counted": _share(np.r_[rejects, np.zeros(total - n, np.bool_)]),
        "convergence": _share(ok),
    }


def _share(hits: NDArray[np.bool_]) -> Measure:
    if not len(hits):
        return Measure(np.nan, np.nan)
    share = float(hits.mean())
    return Measure(share, float(np.sqrt(share * (1 - share) / len(hits))))
