"""The comparison of two arms in blocks: counts, log-rank, hazard ratio and medians from one pass over the risk sets."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from analysis.kernels.km import CONF_TYPES
from analysis.kernels.two_arms import COX, LOG_RANK, MEDIAN_0, compare_arms
from analysis.survival.statistics import ConfType, normal_quantile, takes_efron
from analysis.survival.survival_data import SurvivalData
from simulator.numerics.arrays import Floats, Ints, Positions


@dataclass(frozen=True)
class ArmComparison:
    """Two arms in each analysis set; the last axis, where it has two places, is untreated, then treated.

    NaN where the status is not OK; a limit or a median that is not reached is +inf.
    """

    n: Ints  # (R, 2)
    events: Ints  # (R, 2)
    chi2: Floats  # (R,) log-rank
    p: Floats
    logrank_status: Ints
    log_hr: Floats  # (R,) Cox model of the arm alone
    se: Floats
    cox_status: Ints
    median: Floats  # (R, 2); no rows where not asked for
    low: Floats
    high: Floats
    median_status: Ints  # (R, 2)


def two_arms(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    *,
    present: ArrayLike | None = None,
    ties: str = "efron",
    medians: bool = True,
    conf_type: ConfType = "log",
    level: float = 0.95,
    order: Positions | None = None,
) -> ArmComparison:
    """What `logrank`, `cox` and `km_quantile` of `analysis.survival.statistics` say of two arms ``treated (A, N)``, at
    one go.

    Arrays, statuses and definitions are those of that module; ``present`` may have several rows per cohort.
    """
    data = SurvivalData.of(time, event, present, order)
    rows = len(data.present)
    counts, status = np.zeros((rows, 4), np.int64), np.zeros((rows, 4), np.int64)
    log_rank, fit = np.full((rows, 3), np.nan), np.full((rows, 2), np.nan)
    quantiles = np.full((rows if medians else 0, 2, 3), np.nan)
    compare_arms(
        data.time, data.event, data.bools(treated), data.present, data.order, takes_efron(ties), 0.5,
        normal_quantile(level), CONF_TYPES[conf_type], counts, log_rank, fit, quantiles, status,
    )  # fmt: skip
    chi2 = (log_rank[:, 0] - log_rank[:, 1]) ** 2 / log_rank[:, 2]
    return ArmComparison(
        n=counts[:, ::2],
        events=counts[:, 1::2],
        chi2=chi2,
        p=chdtrc(1, chi2),
        logrank_status=status[:, LOG_RANK],
        log_hr=fit[:, 0],
        se=np.sqrt(fit[:, 1]),
        cox_status=status[:, COX],
        median=quantiles[..., 0],
        low=quantiles[..., 1],
        high=quantiles[..., 2],
        median_status=status[:, MEDIAN_0:],
    )
