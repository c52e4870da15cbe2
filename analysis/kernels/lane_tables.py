"""Risk sets of many sets of patients at once: one pass over the patients in order of time, one lane for each set.

A set has a bit of ``member``, and a lane holds a whole number: how many of the set are at risk, plus 2^32 for each
death so far. Additions of whole numbers are exact, so that a lane says what a pass over its set alone would say.
"""

from typing import NamedTuple

import numpy as np

from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

SETS = 64  # bits of a member

_DEATH = 1 << 32
_AT_RISK = _DEATH - 1
_WHOLE = 16  # lanes are counted so many at a time
_APART = 8  # numbers between rows, so that those of one lane do not all compete for the same places of the cache


class LaneTable(NamedTuple):
    """What `count_lanes` reads and fills: a row per distinct event time of all sets, latest first."""

    member: Ints  # (N,), the sets of each patient; those of none are never read
    when: Floats  # (N + 1,)
    words: Ints  # (N + 1, lanes and more), the lanes at each time
    now: Ints  # (lanes,), in the end
    who: Ints  # (N + 1,), the patients of any set in order
    first: Ints  # (N + 1,), the place there of the first who is at risk


class BinaryTerms(NamedTuple):
    """The terms of the partial likelihood of one 0/1 covariate, one per death."""

    first: Floats  # (N + 1,), a, the treated at risk
    both: Floats  # a + b, all at risk
    deaths: Floats  # at a time, in the first term of the time; 0 in the others
    tied: Ints  # (N + 1, 2), scratch: rows with several deaths, and the first term of each


@kernel
def room_for_lanes(n: int, sets: int) -> LaneTable:
    """The memory for ``n`` patients and the lanes of so many ``sets``, SETS at most."""
    lanes = (min(sets, SETS) + _WHOLE - 1) // _WHOLE * _WHOLE
    return LaneTable(
        np.empty(n, np.int64), np.empty(n + 1), np.empty((n + 1, lanes + _APART), np.int64), np.empty(lanes, np.int64),
        np.empty(n + 1, np.int64), np.empty(n + 1, np.int64),
    )  # fmt: skip


@kernel
def room_for_terms(n: int) -> BinaryTerms:
    """The memory for ``n`` deaths."""
    return BinaryTerms(np.empty(n + 1), np.empty(n + 1), np.empty(n + 1), np.empty((n + 1, 2), np.int64))


@kernel
def count_lanes(time: Floats, event: Bools, order: Positions, sets: int, made: LaneTable) -> tuple[int, int]:
    """How many rows were filled for the first ``sets`` of one cohort, whose ``order`` sorts by time; and the sets, as
    bits, in which a time is not finite.
    """
    member, when, words, now, who, first = made.member, made.when, made.words, made.now, made.who, made.first
    lanes, size = (sets + _WHOLE - 1) // _WHOLE * _WHOLE, 0
    for k in range(order.shape[0]):
        who[size] = order[k]
        size += member[order[k]] != 0
    # without branches, which nothing could foretell
    rows, dead, bad, last = 0, False, 0, np.nan
    for k in range(size - 1, -1, -1):
        i = who[k]
        fresh = time[i] != last
        first[rows], when[rows] = k + 1, last
        rows += fresh & dead
        dead = event[i] | (dead & (not fresh))
        last = time[i]
        bad |= 0 if abs(last) < np.inf else member[i]
    first[rows], when[rows] = 0, last
    rows += dead
    for g in range(lanes):
        now[g] = 0
    k = size
    for j in range(rows + 1):
        stop = first[j] if j < rows else 0
        while k > stop:
            k -= 1
            own, code = member[who[k]], 1 + event[who[k]] * _DEATH
            for g in range(lanes):
                now[g] += -((own >> g) & 1) & code
        for g in range(lanes if j < rows else 0):
            words[j, g] = now[g]
    return rows, bad


@kernel
def people(word: int) -> tuple[int, int]:
    """How many are at risk and how many have died."""
    return word & _AT_RISK, word >> 32


@kernel
def spread_lanes(lanes: LaneTable, rows: int, everyone: int, treated: int, efron: bool, terms: BinaryTerms) -> None:
    """Fills ``terms`` from the set ``everyone``, of which the set ``treated`` is part, latest first.

    Under Efron's ties the k-th of d deaths at a time counts the dead as (d - k) / d patients each.
    """
    words, first, both, deaths, tied = lanes.words, terms.first, terms.both, terms.deaths, terms.tied
    s, ties, before = 0, 0, 0
    for j in range(rows):
        word, part = words[j, everyone], words[j, treated]
        dead = (word >> 32) - before
        first[s], both[s], deaths[s] = part & _AT_RISK, word & _AT_RISK, dead
        tied[ties, 0], tied[ties, 1] = j, s
        ties += dead > 1
        s += dead
        before = word >> 32
    for m in range(ties):
        j, s = tied[m, 0], tied[m, 1]
        part = (words[j, treated] >> 32) - (words[j - 1, treated] >> 32 if j > 0 else 0)
        dead = int(deaths[s])
        for step in range(1, dead):
            gone = step / dead if efron else 0.0
            first[s + step], both[s + step], deaths[s + step] = first[s] - gone * part, both[s] - gone * dead, 0.0
