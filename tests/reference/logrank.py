"""A slow two-sample log-rank test: 2 x 2 tables, one per event time.

Mantel (1966); weights S(t-)^rho (1 - S(t-))^gamma of Harrington & Fleming (1982, Biometrika 69:553-566), S the
Kaplan-Meier curve of both groups together, within strata; variance hypergeometric.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2 as chi2_distribution

from simulator.numerics.arrays import Bools, Floats
from tests.reference import kaplan_meier


@dataclass(frozen=True)
class Comparison:
    """Weighted observed and expected events per group (0, 1), the variance of their difference, chi-square and p."""

    observed: Floats
    expected: Floats
    variance: float
    chi2: float
    p: float


def compare(
    time: Floats,
    event: Bools,
    group: Bools,
    stratum: NDArray[np.int64] | None = None,
    rho: float = 0.0,
    gamma: float = 0.0,
) -> Comparison:
    """The test of equal hazards in the two groups."""
    stratum = np.zeros(len(time), dtype=np.int64) if stratum is None else stratum
    observed, expected, variance = np.zeros(2), np.zeros(2), 0.0
    for s in np.unique(stratum):
        inside = stratum == s
        t_in, e_in, g_in = time[inside], event[inside], group[inside]
        pooled = kaplan_meier.curve(t_in, e_in)
        before = np.concatenate([[1.0], pooled.survival[:-1]])
        for t, survival in zip(pooled.time, before, strict=True):
            weight = survival**rho * (1 - survival) ** gamma
            risk = np.array([((t_in >= t) & (g_in == g)).sum() for g in (False, True)])
            dead = np.array([((t_in == t) & e_in & (g_in == g)).sum() for g in (False, True)])
            n, d = risk.sum(), dead.sum()
            if d == 0:
                continue
            observed += weight * dead
            expected += weight * d * risk / n
            if n > 1:
                variance += weight**2 * d * (n - d) * risk[0] * risk[1] / (n**2 * (n - 1))
    chi2 = (observed[0] - expected[0]) ** 2 / variance if variance > 0 else np.nan
    return Comparison(observed, expected, variance, chi2, float(chi2_distribution.sf(chi2, 1)))
