"""Inverse probability of censoring weights the long way: one row per patient and interval between event times."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.numerics.arrays import Bools, Floats


@dataclass(frozen=True)
class Intervals:
    """Counting-process rows: at risk after ``start`` up to ``stop``, weighted by ``weight``; ``patient`` is whose."""

    start: Floats
    stop: Floats
    event: Bools
    treated: Bools
    weight: Floats
    patient: NDArray[np.int64]


def intervals(time: Floats, event: Bools, treated: Bools, score: Floats, weight: Floats) -> Intervals:
    """The rows of one cohort ``(N,)``; ``score`` is the relative hazard of being censored."""
    rows = []
    for i in range(len(time)):
        before = -1.0
        for t in np.unique(time[event & (time <= time[i])]):
            own, marginal = 0.0, 0.0
            for c in np.unique(time[(treated == treated[i]) & ~event & (time < t)]):
                at_risk = (treated == treated[i]) & (time >= c)
                lost = ((treated == treated[i]) & ~event & (time == c)).sum()
                own += lost / score[at_risk].sum()
                marginal += lost / at_risk.sum()
            now = weight[i] * np.exp(own * score[i] - marginal)
            rows.append((before, t, event[i] and t == time[i], treated[i], now, i))
            before = t
    start, stop, died, arm, weights, patient = np.array(rows, dtype=float).T
    return Intervals(start, stop, died > 0, arm > 0, weights, patient.astype(np.int64))
