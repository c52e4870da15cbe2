"""The comparison of two arms in blocks: counts, log-rank, hazard ratio and medians from one pass over the risk sets."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erfc

from analysis.kernels.km import CONF_TYPES
from analysis.kernels.two_arms import COX, LOG_RANK, MEDIAN_0, ArmsBlock, ArmsCompared, compare_arms
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
    found = ArmsCompared(
        np.zeros((rows, 4), np.int64), np.full((rows, 3), np.nan), np.full((rows, 2), np.nan),
        np.full((rows if medians else 0, 2, 3), np.nan), np.zeros((rows, 4), np.int64),
    )  # fmt: skip
    block = ArmsBlock(data.time, data.event, data.bools(treated), data.order)
    compare_arms(
        block, data.present, takes_efron(ties), 0.5, normal_quantile(level), CONF_TYPES[conf_type], found
    )  # fmt: skip
    observed, expected, variance = found.log_rank.T
    chi2 = (observed - expected) ** 2 / variance
    return ArmComparison(
        n=found.counts[:, ::2],
        events=found.counts[:, 1::2],
        chi2=chi2,
        p=erfc(np.sqrt(chi2 / 2.0)),  # the chi-square distribution's upper tail with one degree of freedom
        logrank_status=found.status[:, LOG_RANK],
        log_hr=found.cox[:, 0],
        se=np.sqrt(found.cox[:, 1]),
        cox_status=found.status[:, COX],
        median=found.medians[..., 0],
        low=found.medians[..., 1],
        high=found.medians[..., 2],
        median_status=found.status[:, MEDIAN_0:],
    )
