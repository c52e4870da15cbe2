"""Greedy nearest-neighbour matching on one score."""

from typing import NamedTuple

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
def nearest(
    value: float, place: int, levels: Floats, count: int, lower: Ints, higher: Ints, first: Ints, member: Ints
) -> int:
    """The level that holds the nearest free control to ``value``; of two equally near, the one earlier in the data.

    ``levels (count,)`` are the distinct scores of controls in order, ``place`` the first that is not below ``value``,
    and ``member[first]`` the free control of each that is first in the data; ``lower`` and ``higher`` lead from a level
    to the nearest one, itself included, that still has a free control (offset by one; 0 and count + 1 stand for none).
    """
    above, below = root_of(higher, place + 1), root_of(lower, place)
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


class ScoredBlock(NamedTuple):
    """Cohorts ``(R, N)`` to be matched on a score."""

    score: Floats
    treated: Bools
    present: Bools
    by_score: Positions  # the stable order of the scores, those not present last
    width: Floats  # (R,), the largest distance allowed


class FreeControls(NamedTuple):
    """Who can still be chosen in one cohort of N, by the distinct scores of controls: `group_controls` fills it."""

    levels: Floats  # the distinct scores in order
    member: Ints  # the controls, level by level, equal ones in the order of the data
    first: Ints  # where in ``member`` the free of each level begin
    last: Ints  # and where they end
    lower: Ints  # (N + 2,), these two as `nearest` has them
    higher: Ints
    place_of: Ints  # for each treated patient the first level that is not below the patient's score


@kernel
def match_block(
    block: ScoredBlock, given: Positions, order: int, replacement: bool, luck: Floats, controls: Ints
) -> None:
    """Fill ``controls (R, N, ratio)``: for each treated patient its controls, nearest round first, else -1.

    ``order`` says which treated patient chooses next, GIVEN that they choose in the order ``given (R, N)``. Without
    replacement each round gives every treated patient at most one more control. With it ``luck (ratio, R, N)`` are the
    uniforms by which each takes one of several equally near; empty: the first of them.
    """
    replicates, patients, ratio = controls.shape
    whole, turns = patients + 2, np.empty(patients, np.int64)
    free = FreeControls(
        np.empty(patients), np.empty(patients, np.int64), np.empty(patients, np.int64), np.empty(patients, np.int64),
        np.empty(whole, np.int64), np.empty(whole, np.int64), np.empty(patients, np.int64),
    )  # fmt: skip
    for r in range(replicates):
        count, left, size = group_controls(r, block, free)
        if replacement:
            take_all_nearest(r, block, free, count, luck, controls[r])
            continue
        if order == GIVEN:
            size = patients
            for i in range(patients):
                turns[i] = given[r, i]
        elif order != CLOSEST:
            turns_of(block.score[r], block.by_score[r], size, order == LARGEST, turns)
        for turn in range(ratio):
            if order == CLOSEST:
                left = pair_closest(r, block, free, count, left, turn, controls[r])
            else:
                left = pair_in_turn(r, block, free, count, left, turns[:size], turn, controls[r])


@kernel
def group_controls(r: int, block: ScoredBlock, free: FreeControls) -> tuple[int, int, int]:
    """How many levels, controls and patients cohort r has; fills ``free`` with all of its controls."""
    score, treated, present, by_score = block.score[r], block.treated[r], block.present[r], block.by_score[r]
    levels, first, last, place_of = free.levels, free.first, free.last, free.place_of
    count, controls, size = int(np.int64(0)), int(np.int64(0)), int(np.int64(0))  # see `logistic.prepare`
    for place in range(score.shape[0]):
        i = by_score[place]
        if not present[i]:
            break
        size += 1
        known = count > 0 and score[i] == levels[count - 1]
        if treated[i]:
            place_of[i] = count - 1 if known else count
            continue
        if not known:
            levels[count] = score[i]
            first[count] = controls
            count += 1
        free.member[controls] = i
        controls += 1
        last[count - 1] = controls
    for g in range(count + 2):
        free.lower[g] = free.higher[g] = g
    return count, controls, size


@kernel
def pair_in_turn(
    r: int, block: ScoredBlock, free: FreeControls, count: int, left: int, turns: Ints, turn: int, controls: Ints
) -> int:
    """How many of ``left`` controls are left when the treated among ``turns`` have chosen one each, in that order.

    Fills place ``turn`` of ``controls (N, ratio)``.
    """
    score, treated, present, width = block.score[r], block.treated[r], block.present[r], block.width[r]
    levels, member, first, last = free.levels, free.member, free.first, free.last
    lower, higher, place_of = free.lower, free.higher, free.place_of
    for i in turns:
        if left == 0:
            break
        if not present[i] or not treated[i]:
            continue
        g = nearest(score[i], place_of[i], levels, count, lower, higher, first, member)
        if abs(levels[g] - score[i]) <= width:
            controls[i, turn] = member[first[g]]
            first[g] += 1
            left -= 1
            if first[g] == last[g]:
                lower[g + 1], higher[g + 1] = g, g + 2
    return left


@kernel
def pair_closest(
    r: int, block: ScoredBlock, free: FreeControls, count: int, left: int, turn: int, controls: Ints
) -> int:
    """How many of ``left`` controls are left when of all treated the one nearest to a control, the first of several,
    has chosen it, and so on until nobody is within the width.

    Fills place ``turn`` of ``controls (N, ratio)``; ``wish`` keeps the level that each would choose.
    """
    score, width = block.score[r], block.width[r]
    levels, member, first, last = free.levels, free.member, free.first, free.last
    lower, higher, place_of = free.lower, free.higher, free.place_of
    wish = np.empty(score.shape[0], np.int64)
    for i in range(score.shape[0]):
        wish[i] = UNDECIDED if block.present[r, i] and block.treated[r, i] else NO_ONE
    while left > 0:
        closest, best = -1, np.inf
        for i in range(score.shape[0]):
            if wish[i] == NO_ONE:
                continue
            if wish[i] == UNDECIDED or first[wish[i]] >= last[wish[i]]:
                wish[i] = nearest(score[i], place_of[i], levels, count, lower, higher, first, member)
            distance = abs(levels[wish[i]] - score[i])
            if not distance <= width:
                wish[i] = NO_ONE
            elif distance < best:
                closest, best = i, distance
        if closest < 0:
            break
        wish[closest] = NO_ONE
        g = nearest(score[closest], place_of[closest], levels, count, lower, higher, first, member)
        controls[closest, turn] = member[first[g]]
        first[g] += 1
        left -= 1
        if first[g] == last[g]:
            lower[g + 1], higher[g + 1] = g, g + 2
    return left


@kernel
def take_all_nearest(r: int, block: ScoredBlock, free: FreeControls, count: int, luck: Floats, controls: Ints) -> None:
    """Fill ``controls (N, ratio)`` of each treated patient as `take_nearest` does; nobody takes them from another."""
    score, treated, present, width = block.score[r], block.treated[r], block.present[r], block.width[r]
    levels, first, last, member = free.levels, free.first, free.last, free.member
    for i in range(score.shape[0]):
        if present[i] and treated[i]:
            take_nearest(score[i], levels, count, first, last, member, width, luck, r, i, controls[i])


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
