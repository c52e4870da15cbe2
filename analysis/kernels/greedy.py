"""Greedy matching on any distances between treated patients and controls of one cohort."""

import numpy as np
from numpy.typing import NDArray

from simulator.cohort import Floats
from simulator.compiled import kernel

Ints = NDArray[np.int64]


@kernel
def greedy(distance: Floats, turns: Ints, closest: bool, replacement: bool, draw: Floats, chosen: Ints) -> None:
    """Fill ``chosen (T, ratio)`` with each treated patient's controls in rounds, -1 for none.

    ``distance (T, C)`` is infinite for whom one may not have. They choose in the order ``turns (T,)``, or the closest
    pair of all first; of equally near pairs the first in the data wins. ``draw (ratio, T)`` are uniforms by which one
    takes any control, of those at distance zero if there are any; empty: the nearest.
    """
    units, controls = distance.shape
    free = np.ones(controls, np.bool_)
    wish, waits = np.empty(units, np.int64), np.empty(units, np.bool_)
    for turn in range(chosen.shape[1]):
        waits[:] = True
        wish[:] = -2
        for here in range(units):
            i = turns[here]
            if closest:
                i = -1
                for u in range(units):
                    if not waits[u]:
                        continue
                    if wish[u] == -2 or not free[wish[u]]:
                        wish[u] = pick(distance[u], free, chosen[u], -1.0)
                    if wish[u] < 0:
                        waits[u] = False
                    elif i < 0 or distance[u, wish[u]] < distance[i, wish[i]]:
                        i = u
                if i < 0:
                    break
                waits[i] = False
                j = wish[i]
            else:
                j = pick(distance[i], free, chosen[i], draw[turn, i] if draw.shape[0] > 0 else -1.0)
            chosen[i, turn] = j
            if j >= 0 and not replacement:
                free[j] = False


@kernel
def pick(distance: Floats, free: NDArray[np.bool_], mine: Ints, draw: float) -> int:
    """The free control that one takes, who is not among ``mine``; -1 for none. A negative ``draw``: the nearest."""
    found, best, within, exact = -1, np.inf, 0, 0
    for j in range(distance.shape[0]):
        if not free[j] or distance[j] == np.inf or (mine[0] >= 0 and np.any(mine == j)):
            continue
        within += 1
        exact += int(distance[j] == 0.0)
        if distance[j] < best:
            found, best = j, distance[j]
    if draw < 0.0 or found < 0:
        return found
    left = int(draw * (exact if exact > 0 else within))
    for j in range(distance.shape[0]):
        if not free[j] or distance[j] == np.inf or (exact > 0 and distance[j] != 0.0) or np.any(mine == j):
            continue
        if left == 0:
            return j
        left -= 1
    return found
