"""Greedy nearest-neighbour matching on one score."""

import numpy as np

from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

NO_ONE, UNDECIDED = -1, -2
GIVEN, SMALLEST, LARGEST, CLOSEST = range(4)


@kernel
def lined_up(line: Positions, score: Floats, treated: Bools, present: Bools) -> tuple[Floats, Bools, Bools]:
    """Scores, arms and who is present ``(R, N)`` of the patients as they stand in ``line (R, N)``."""
    replicates, patients = score.shape
    scores, arms, here = np.empty_like(score), np.empty_like(treated), np.empty_like(present)
    for r in range(replicates):
        for place in range(patients):
            i = line[r, place]
            scores[r, place], arms[r, place], here[r, place] = score[r, i], treated[r, i], present[r, i]
    return scores, arms, here


@kernel
def sent_back(line: Positions, chosen: Ints) -> Ints:
    """The controls ``(R, N, ratio)`` by patient, from ``chosen``, which has them by place in ``line (R, N)``."""
    replicates, patients, ratio = chosen.shape
    controls = np.empty_like(chosen)
    for r in range(replicates):
        for place in range(patients):
            for k in range(ratio):
                who = chosen[r, place, k]
                controls[r, line[r, place], k] = line[r, who] if who >= 0 else NO_ONE
    return controls


@kernel
def nearest(value: float, place: int, levels: Floats, count: int, left: Ints, right: Ints, earliest: Ints) -> int:
    """The level that holds the nearest free control to ``value``; of two equally near, the one earlier in the data.

    ``levels (count,)`` are the distinct scores of controls in order, ``place`` the first that is not below ``value``,
    and ``earliest`` the free control of each that is first in the data; ``left`` and ``right`` lead from a level to the
    nearest one, itself included, that still has a free control (offset by one; 0 and count + 1 stand for none).
    """
    above, below = root_of(right, place + 1), root_of(left, place)
    if above > count:
        return below - 1
    if below < 1:
        return above - 1
    up, down = abs(levels[above - 1] - value), abs(levels[below - 1] - value)
    if up == down:
        return above - 1 if earliest[above - 1] < earliest[below - 1] else below - 1
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
def turns_of(score: Floats, by_score: Positions, size: int, descending: bool, turns: Ints) -> None:
    """Fills ``turns`` with the order in which patients choose: by score, equal ones in the order of the data."""
    for place in range(size):
        turns[place] = by_score[place]
    end = size
    while descending and end > 0:
        start = end - 1
        while start > 0 and score[by_score[start - 1]] == score[by_score[end - 1]]:
            start -= 1
        for place in range(start, end):
            turns[size - end + place - start] = by_score[place]
        end = start


@kernel
def match_block(
    score: Floats,
    treated: Bools,
    present: Bools,
    by_score: Positions,
    given: Positions,
    order: int,
    width: Floats,
    replacement: bool,
    luck: Floats,
    controls: Ints,
) -> None:
    """Fill ``controls (R, N, ratio)``: for each treated patient its controls, nearest round first, else -1.

    ``by_score (R, N)`` is the stable order of the scores, those not present last; ``order`` says which treated patient
    chooses next, GIVEN that they choose in the order ``given (R, N)``; ``width (R,)`` is the largest distance allowed.
    Without replacement each round gives every treated patient at most one more control. With it ``luck (ratio, R, N)``
    are the uniforms by which each takes one of several equally near; empty: the first of them.
    """
    replicates, patients, ratio = controls.shape
    levels, member = np.empty(patients), np.empty(patients, np.int64)
    first, last = np.empty(patients, np.int64), np.empty(patients, np.int64)
    earliest, place_of = np.empty(patients, np.int64), np.empty(patients, np.int64)
    left, right = np.empty(patients + 2, np.int64), np.empty(patients + 2, np.int64)
    wish, turns = np.empty(patients, np.int64), np.empty(patients, np.int64)
    for r in range(replicates):
        count, free, size = int(np.int64(0)), int(np.int64(0)), int(np.int64(0))  # see `logistic.prepare`
        for place in range(patients):
            i = by_score[r, place]
            if not present[r, i]:
                break
            size += 1
            known = count > 0 and score[r, i] == levels[count - 1]
            if treated[r, i]:
                place_of[i] = count - 1 if known else count
                continue
            if not known:
                levels[count] = score[r, i]
                first[count] = free
                earliest[count] = i
                count += 1
            member[free] = i
            free += 1
            last[count - 1] = free
        for g in range(count + 2):
            left[g] = right[g] = g
        if order == GIVEN:
            for i in range(patients):
                turns[i] = given[r, i]
        elif order != CLOSEST:
            turns_of(score[r], by_score[r], size, order == LARGEST, turns)
        for turn in range(1 if replacement else ratio):
            for i in range(patients):
                wish[i] = UNDECIDED
            here = 0
            while free > 0 and (order == CLOSEST or here < (patients if order == GIVEN else size)):
                if order == CLOSEST:
                    i = closest(
                        score[r], treated[r], present[r], width[r], levels, count, left, right, earliest, place_of,
                        first, last, wish,
                    )  # fmt: skip
                    if i < 0:
                        break
                else:
                    i = turns[here]
                    here += 1
                    if not present[r, i] or not treated[r, i]:
                        continue
                wish[i] = NO_ONE
                if replacement:
                    take_nearest(score[r, i], levels, count, first, last, member, width[r], luck, r, i, controls[r, i])
                    continue
                g = nearest(score[r, i], place_of[i], levels, count, left, right, earliest)
                if not abs(levels[g] - score[r, i]) <= width[r]:
                    continue
                controls[r, i, turn] = member[first[g]]
                first[g] += 1
                free -= 1
                if first[g] < last[g]:
                    earliest[g] = member[first[g]]
                else:
                    left[g + 1] = g
                    right[g + 1] = g + 2


@kernel
def closest(
    score: Floats,
    treated: Bools,
    present: Bools,
    width: float,
    levels: Floats,
    count: int,
    left: Ints,
    right: Ints,
    earliest: Ints,
    place_of: Ints,
    first: Ints,
    last: Ints,
    wish: Ints,
) -> int:
    """The treated patient who is nearest to a free control, the first of several; -1 when none is within ``width``.

    ``wish (N,)`` keeps the level that each would choose, UNDECIDED or NO_ONE.
    """
    found, best = -1, np.inf
    for i in range(score.shape[0]):
        if not present[i] or not treated[i] or wish[i] == NO_ONE:
            continue
        if wish[i] == UNDECIDED or first[wish[i]] >= last[wish[i]]:
            wish[i] = nearest(score[i], place_of[i], levels, count, left, right, earliest)
        distance = abs(levels[wish[i]] - score[i])
        if distance > width:
            wish[i] = NO_ONE
        elif distance < best:
            found, best = i, distance
    return found


@kernel
def take_nearest(
    value: float, levels: Floats, count: int, first: Ints, last: Ints, member: Ints, width: float, luck: Floats,
    r: int, i: int, mine: Ints,
) -> None:  # fmt: skip
    """Fill ``mine (ratio,)`` with the nearest controls within ``width``, all of them still free for others.

    Of several equally near the one that ``luck[turn, r, i]`` names is taken; where that is empty, the first.
    """
    for turn in range(mine.shape[0]):
        best, equal, found = np.inf, 0, NO_ONE
        for g in range(count):
            distance = abs(levels[g] - value)
            if distance > width or distance > best:
                continue
            for place in range(first[g], last[g]):
                if holds(mine, turn, member[place]):
                    continue
                if distance < best:
                    best, equal, found = distance, 0, member[place]
                equal += 1
                found = min(found, member[place])
                if luck.shape[0] == 0:
                    break  # the others of a level come later
        if found != NO_ONE and luck.shape[0] > 0:
            found = the_equal(
                value, best, int(luck[turn, r, i] * equal), levels, count, first, last, member, turn, mine
            )
        mine[turn] = found
        if found == NO_ONE:
            return


@kernel
def the_equal(
    value: float, distance: float, number: int, levels: Floats, count: int, first: Ints, last: Ints, member: Ints,
    turn: int, mine: Ints,
) -> int:  # fmt: skip
    """The control with that ``number``, from 0, of those at ``distance`` who are not among the first of ``mine``."""
    for g in range(count):
        if abs(levels[g] - value) != distance:
            continue
        for place in range(first[g], last[g]):
            if holds(mine, turn, member[place]):
                continue
            if number == 0:
                return int(member[place])
            number -= 1
    return NO_ONE


@kernel
def holds(mine: Ints, size: int, who: int) -> bool:
    """Whether somebody is among the first ``size`` of ``mine``."""
    found = False
    for k in range(size):
        found |= mine[k] == who
    return found


@kernel
def number_sets(
    score: Floats,
    treated: Bools,
    present: Bools,
    width: Floats,
    controls: Ints,
    pair: Ints,
    weight: Floats,
    pairs: Ints,
) -> bool:
    """Whether all is sound: nobody over the caliper, nobody who is absent or in the wrong arm.

    Fills ``pair (R, N)``, the number of a patient's (first) matched set or -1, ``weight (R, N)`` and ``pairs (R,)``.
    """
    replicates, patients, ratio = controls.shape
    sound = True
    for r in range(replicates):
        count, used, total = 0, 0, 0.0
        for i in range(patients):
            pair[r, i], weight[r, i] = NO_ONE, 0.0
        for i in range(patients):
            size = 0
            while size < ratio and controls[r, i, size] >= 0:
                size += 1
            if size == 0:
                continue
            sound &= treated[r, i] and present[r, i]
            pair[r, i], weight[r, i] = count, 1.0
            for k in range(size):
                who = controls[r, i, k]
                sound &= present[r, who] and not treated[r, who]
                sound &= abs(score[r, i] - score[r, who]) <= width[r]
                if pair[r, who] == NO_ONE:
                    pair[r, who] = count
                    used += 1
                weight[r, who] += 1.0 / size
                total += 1.0 / size
            count += 1
        pairs[r] = count
        for i in range(patients):
            if count > 0 and not treated[r, i]:
                weight[r, i] *= used / total
    return sound
