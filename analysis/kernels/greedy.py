"""Greedy matching on any distances between treated patients and controls of one cohort."""

import numpy as np
from numpy.typing import NDArray

from simulator.numerics.arrays import Floats, Ints
from simulator.numerics.compiled import kernel


@kernel
def greedy(
    distance: Floats, turns: Ints, closest: bool, replacement: bool, anyone: bool, draw: Floats, chosen: Ints
) -> None:
    """Fill ``chosen (T, ratio)`` with each treated patient's controls in rounds, -1 for none.

    ``distance (T, C)`` is infinite for whom one may not have. They choose in the order ``turns (T,)``, or the closest
    pair of all first; of equally near pairs the first wins. ``draw (ratio, T)`` are uniforms by which one takes one of
    the nearest, or ``anyone``, of those at distance zero if there are any; empty: the first of the nearest.
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
                        wish[u] = pick(distance[u], free, chosen[u], False, luck_of(draw, turn, u))
                    if wish[u] < 0:
                        waits[u] = False
                    elif i < 0 or distance[u, wish[u]] < distance[i, wish[i]]:
                        i = u
                if i < 0:
                    break
                waits[i] = False
                j = wish[i]
            else:
                j = pick(distance[i], free, chosen[i], anyone, luck_of(draw, turn, i))
            chosen[i, turn] = j
            if j >= 0 and not replacement:
                free[j] = False


@kernel
def luck_of(draw: Floats, turn: int, i: int) -> float:
    """The uniform of one patient's turn, -1 where there are none."""
    return float(draw[turn, i]) if draw.shape[0] > 0 else -1.0


@kernel
def pick(distance: Floats, free: NDArray[np.bool_], mine: Ints, anyone: bool, draw: float) -> int:
    """The free control that one takes, who is not among ``mine``; -1 for none. A negative ``draw``: the first nearest.

    Otherwise one of those at the smallest distance, or ``anyone`` where nobody is at distance zero.
    """
    found, best, within, equal = -1, np.inf, 0, 0
    for j in range(distance.shape[0]):
        if not free[j] or distance[j] == np.inf or (mine[0] >= 0 and np.any(mine == j)):
            continue
        within += 1
        if distance[j] < best:
            found, best, equal = j, distance[j], 0
        equal += int(distance[j] == best)
    if draw < 0.0 or found < 0:
        return found
    whole = anyone and best > 0.0
    left = int(draw * (within if whole else equal))
    for j in range(distance.shape[0]):
        if not free[j] or distance[j] == np.inf or (not whole and distance[j] != best) or np.any(mine == j):
            continue
        if left == 0:
            return j
        left -= 1
    return found
