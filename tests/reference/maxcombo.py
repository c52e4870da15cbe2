"""Slow weighted log-rank tests together, from their sums over the event times, and what chance makes of the largest.

z_k = sum w_k (d1 - d n1 / n) / sqrt(v_kk), v_kl = sum w_k w_l d (n - d) n1 n0 / (n^2 (n - 1)), within strata; Karrison
(2016, Stata Journal 16:678-690). Probabilities are counted among drawn normals, or integrated where there are two.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import ndtr

from simulator.numerics.arrays import Bools, Floats


@dataclass(frozen=True)
class Scores:
    """Weighted observed less expected events of group True ``(K,)`` and their covariance ``(K, K)``."""

    score: Floats
    covariance: Floats

    @property
    def z(self) -> Floats:
        """Each score in standard errors, ``(K,)``."""
        return self.score / np.sqrt(np.diag(self.covariance))

    @property
    def correlation(self) -> Floats:
        """The correlation of the scores, ``(K, K)``."""
        sd = np.sqrt(np.diag(self.covariance))
        correlation: Floats = self.covariance / np.outer(sd, sd)
        return correlation


def scores(
    time: Floats,
    event: Bools,
    group: Bools,
    weights: Sequence[tuple[float, float]],
    stratum: NDArray[np.int64] | None = None,
) -> Scores:
    """All tests of one cohort, time by time."""
    strata = [0] * len(time) if stratum is None else list(stratum)
    score, covariance = np.zeros(len(weights)), np.zeros((len(weights), len(weights)))
    for s in sorted(set(strata)):
        inside = [i for i in range(len(time)) if strata[i] == s]
        survival = 1.0
        for t in sorted({time[i] for i in inside if event[i]}):
            at_risk = [i for i in inside if time[i] >= t]
            dead = [i for i in at_risk if event[i] and time[i] == t]
            n, n1 = len(at_risk), sum(bool(group[i]) for i in at_risk)
            d, d1 = len(dead), sum(bool(group[i]) for i in dead)
            w = np.array([survival**rho * (1 - survival) ** gamma for rho, gamma in weights])
            score += w * (d1 - d * n1 / n)
            if n > 1:
                covariance += np.outer(w, w) * d * (n - d) * n1 * (n - n1) / (n**2 * (n - 1))
            survival *= 1 - d / n
    return Scores(score, covariance)


def counted(correlation: Floats, bound: float, draws: int, seed: int) -> tuple[float, float]:
    """The share of drawn normals whose largest absolute value reaches the bound, and its standard error."""
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0))
    drawn = Generator(Philox(seed)).normal(size=(draws, len(correlation))) @ root.T
    share = float((np.abs(drawn).max(axis=1) >= bound).mean())
    return share, (share * (1 - share) / draws) ** 0.5


def of_two(correlation: float, bound: float) -> float:
    """The same for two normals, by integration over the first."""
    sd = (1 - correlation**2) ** 0.5

    def both_within(x: float) -> float:
        inner = ndtr((bound - correlation * x) / sd) - ndtr((-bound - correlation * x) / sd)
        return float(np.exp(-x * x / 2) / (2 * np.pi) ** 0.5 * inner)

    steep = [x for x in (-bound + 9 * sd, bound - 9 * sd) if abs(x) < bound]  # beyond these the inner one changes
    return 1 - float(quad(both_within, -bound, bound, points=steep or None, epsabs=1e-12, epsrel=1e-11, limit=400)[0])
