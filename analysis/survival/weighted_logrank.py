"""Log-rank tests of a block under Fleming and Harrington's weights: one, or the largest of several.

Arrays, ``present`` and ``order`` are as in `analysis.survival.statistics`, which offers these functions too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from analysis.kernels.logrank import LogRankScores, logranks
from analysis.kernels.normal_maximum import MOST, maximum_beyond
from analysis.kernels.risk_sets import SortedBlock
from analysis.survival.survival_data import SurvivalData, within
from simulator.numerics.arrays import Floats, Ints, Positions

WEIGHTS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
"""The usual (rho, gamma) of MaxCombo: no weights, late, early and middle differences."""


@dataclass(frozen=True)
class LogRank:
    """Log-rank tests: ``chi2``, ``p``, ``variance`` ``(R,)``; ``observed`` and ``expected`` ``(R, 2)``, False first."""

    chi2: Floats
    p: Floats
    observed: Floats
    expected: Floats
    variance: Floats
    status: Ints

    @property
    def z(self) -> Floats:
        """The signed root of ``chi2``: positive where the group True has more events than expected."""
        return (self.observed[:, 1] - self.expected[:, 1]) / np.sqrt(self.variance)


@dataclass(frozen=True)
class MaxComboTest:
    """The largest of K weighted log-rank tests: ``z (R, K)``, their ``correlation (R, K, K)``, ``statistic`` max |z|.

    NaN where ``status`` is not OK. In ``z`` and ``correlation`` also where one weight alone has no variance; the
    statistic is then that of the others.
    """

    z: Floats
    correlation: Floats
    statistic: Floats
    p: Floats
    status: Ints


def logrank(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    present: ArrayLike | None = None,
    stratum: ArrayLike | None = None,
    rho: float = 0.0,
    gamma: float = 0.0,
    order: Positions | None = None,
) -> LogRank:
    """The log-rank test between two groups, stratified where ``stratum`` is given.

    Fleming and Harrington's weights S(t-)^rho (1 - S(t-))^gamma: ``rho`` as in R's survdiff. Statuses: BAD_INPUT,
    TOO_FEW (under two patients), NO_EVENTS, NO_INFO (no event with both groups at risk, or of zero weight).
    """
    found = _scores(SurvivalData.of(time, event, present, order), group, stratum, ((rho, gamma),))
    observed, expected, variance = found.observed[:, 0], found.expected[:, 0], found.covariance[:, 0, 0]
    chi2 = (observed[:, 1] - expected[:, 1]) ** 2 / variance
    return LogRank(chi2, chdtrc(1, chi2), observed, expected, variance, found.status)


def maxcombo(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    present: ArrayLike | None = None,
    stratum: ArrayLike | None = None,
    weights: Sequence[tuple[float, float]] = WEIGHTS,
    order: Positions | None = None,
) -> MaxComboTest:
    """The largest of several weighted log-rank tests in absolute value, with its two-sided p.

    ``weights`` are pairs of rho and gamma. z is positive where the group True has more events than expected. Under the
    null the z are normal, correlated by the sums over event times of w_k w_l and the hypergeometric variance (Karrison
    2016, Stata Journal 16:678-690); p, the probability that the largest |Z_k| is as large, is right to 1e-6.
    Statuses as in `logrank`. ValueError for no weights or more than four.
    """
    if not 1 <= len(weights) <= MOST:
        raise ValueError(f"{len(weights)} weights are given; from 1 to {MOST} are wanted")
    found = _scores(SurvivalData.of(time, event, present, order), group, stratum, weights)
    sd = np.sqrt(np.diagonal(found.covariance, axis1=1, axis2=2))
    z = (found.observed[..., 1] - found.expected[..., 1]) / sd
    correlation = found.covariance / (sd[:, :, None] * sd[:, None, :])
    statistic = np.max(np.abs(z), axis=1, where=~np.isnan(z), initial=-np.inf)
    statistic[found.status != 0] = np.nan
    p = np.full(len(statistic), np.nan)
    maximum_beyond(correlation, statistic, p)
    return MaxComboTest(z, correlation, statistic, p, found.status)


def _scores(
    data: SurvivalData, group: ArrayLike, stratum: ArrayLike | None, weights: Sequence[tuple[float, float]]
) -> LogRankScores:
    rows, tests = len(data.present), len(weights)
    made = LogRankScores(
        np.full((rows, tests, 2), np.nan),
        np.full((rows, tests, 2), np.nan),
        np.full((rows, tests, tests), np.nan),
        np.zeros(rows, np.int64),
    )
    strata, (rho, gamma) = data.ints(stratum), np.ascontiguousarray(np.array(weights, np.float64).T)
    arm = data.bools(group)[..., None].astype(np.float64)
    block = SortedBlock(data.time, data.event, arm, strata, within(strata, data.order))
    logranks(block, data.present, rho, gamma, made)
    return made
