"""Greedy nearest-neighbour matching on one score."""

import numpy as np
from numpy.typing import NDArray

from simulator.cohort import Bools, Floats
from simulator.compiled import kernel

Ints = NDArray[np.int64]

NO_ONE = -1


@kernel
def nearest(value: float, levels: Floats, count: int, left: Ints, right: Ints, first: Ints, member: Ints) -> int:
    """The level that holds the nearest free control to ``value``; of two equally near, the one earlier in the data.

    ``levels (count,)`` are the distinct scores of controls in order; ``left`` and ``right`` lead from a level to the
    nearest one, itself included, that still has a free control (offset by one; 0 and count + 1 stand for none).
    """
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if levels[middle] < value:
            low = middle + 1
        else:
            high = middle
    above, below = root_of(right, low + 1), root_of(left, low)
    if above > count:
        return below - 1
    if below < 1:
        return above - 1
    up, down = abs(levels[above - 1] - value), abs(levels[below - 1] - value)
    if up == down:
        return above - 1 if member[first[above - 1]] < member[first[below - 1]] else below - 1
    return above - 1 if up < down else below - 1


@kernel
def root_of(parent: Ints, node: int) -> int:
    """The end of the chain from ``node``, which is shortened on the way."""
    end = node
    while parent[end] != end:
        end = parent[end]
    while parent[node] != end:
        parent[node], node = end, parent[node]
    return end


@kernel
def match_block(
    score: Floats,
    treated: Bools,
    present: Bools,
    order: Ints,
    by_score: Ints,
    width: Floats,
    closest: bool,
    replacement: bool,
    controls: Ints,
) -> None:
    """Fill ``controls (R, N, ratio)``: for each treated patient its controls, nearest round first, else -1.

    ``order (R, N)`` is that in which the treated choose (a patient that is absent or untreated is passed over);
    ``by_score (R, N)`` the stable order of the scores; ``width (R,)`` the largest distance allowed. Without
    replacement each round gives every treated patient at most one more control.
    """
    replicates, patients, ratio = controls.shape
    levels, member = np.empty(patients), np.empty(patients, np.int64)
    first, last = np.empty(patients, np.int64), np.empty(patients, np.int64)
    left, right = np.empty(patients + 2, np.int64), np.empty(patients + 2, np.int64)
    wish = np.empty(patients, np.int64)
    for r in range(replicates):
        count, free = 0, 0
        for place in range(patients):
            i = by_score[r, place]
            if not present[r, i] or treated[r, i]:
                continue
            if count == 0 or score[r, i] != levels[count - 1]:
                levels[count] = score[r, i]
                first[count] = free
                count += 1
            member[free] = i
            free += 1
            last[count - 1] = free
        for g in range(count + 2):
            left[g] = right[g] = g
        for turn in range(ratio):
            if replacement and turn > 0:
                break
            wish[:] = -2
            remaining = patients
            place = 0
            while place < remaining:
                i = order[r, place]
                if closest:
                    i = -1
                    best = np.inf
                    for j in range(patients):
                        if present[r, j] and treated[r, j] and wish[j] != NO_ONE and free > 0:
                            if wish[j] == -2 or first[wish[j]] >= last[wish[j]]:
                                wish[j] = nearest(score[r, j], levels, count, left, right, first, member)
                            distance = abs(levels[wish[j]] - score[r, j])
                            if distance > width[r]:
                                wish[j] = NO_ONE
                            elif distance < best:
                                i, best = j, distance
                    if i < 0:
                        break
                elif not present[r, i] or not treated[r, i]:
                    place += 1
                    continue
                place += 1
                if free == 0:
                    break
                if replacement:
                    take_nearest(score[r, i], levels, count, first, last, member, width[r], controls[r, i])
                    wish[i] = NO_ONE
                    continue
                g = nearest(score[r, i], levels, count, left, right, first, member)
                wish[i] = NO_ONE
                if not abs(levels[g] - score[r, i]) <= width[r]:
                    continue
                controls[r, i, turn] = member[first[g]]
                first[g] += 1
                free -= 1
                if first[g] == last[g]:
                    left[g + 1] = g
                    right[g + 1] = g + 2


@kernel
def take_nearest(
    value: float, levels: Floats, count: int, first: Ints, last: Ints, member: Ints, width: float, mine: Ints
) -> None:
    """Fill ``mine (ratio,)`` with the nearest controls within ``width``, all of them still free for others."""
    for turn in range(mine.shape[0]):
        best, found = np.inf, NO_ONE
        for g in range(count):
            distance = abs(levels[g] - value)
            if distance > width or distance > best:
                continue
            for place in range(first[g], last[g]):
                taken = False
                for before in range(turn):
                    taken = taken or mine[before] == member[place]
                if not taken and (distance < best or member[place] < found):
                    best, found = distance, member[place]
                    break
        mine[turn] = found
        if found == NO_ONE:
            return
