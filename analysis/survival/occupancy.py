"""The states of an illness-death process over time: free of both endpoints, past the first, past the last.

Aalen and Johansen (1978), Scandinavian Journal of Statistics 5:141; of a process that is not Markov the shares are
estimated as well (Datta and Satten 2001, Statistics & Probability Letters 55:403).
"""

from dataclasses import dataclass

import numpy as np

from simulator.numerics.arrays import Bools, Floats


@dataclass(frozen=True)
class Occupancy:
    """The share of patients in each state from each ``time`` on, ``(T,)``; the first time is 0, the shares sum to 1."""

    time: Floats
    free: Floats
    progressed: Floats
    dead: Floats


def occupancy(
    progression: tuple[Floats, Bools], death: tuple[Floats, Bools], weight: Floats | None = None
) -> Occupancy:
    """The Aalen-Johansen shares of one arm; times and events ``(n,)`` of the first endpoint and of the last.

    With ``weight (n,)`` a patient counts as much at every step.

    Who has the first endpoint at the very time of the last goes straight to it; who is censored for the first
    is followed no longer, as the state is not known then.
    """
    (left, ended), (last, died) = progression, death
    directly = ended & died & (last <= left)
    ill = ended & ~directly
    mass = np.ones(len(left)) if weight is None else weight
    times = np.unique(np.concatenate([left[ended], last[ill & died]]))
    shares = np.empty((len(times) + 1, 3))
    shares[0] = 1.0, 0.0, 0.0
    for k, time in enumerate(times):
        free, progressed, dead = shares[k]
        at_risk, at_risk_ill = mass[left >= time].sum(), mass[ill & (left < time) & (last >= time)].sum()
        to_ill = free * mass[ill & (left == time)].sum() / at_risk if at_risk else 0.0
        to_dead = free * mass[directly & (left == time)].sum() / at_risk if at_risk else 0.0
        lost = mass[ill & died & (left < time) & (last == time)].sum()
        dying = progressed * lost / at_risk_ill if at_risk_ill else 0.0
        shares[k + 1] = free - to_ill - to_dead, progressed + to_ill - dying, dead + to_dead + dying
    return Occupancy(np.concatenate([[0.0], times]), *np.maximum(shares, 0.0).T)
