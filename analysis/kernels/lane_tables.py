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


class LaneTable(NamedTuple):
    """What `count_lanes` reads and fills: a row per distinct event time of all sets, latest first."""

    member: Ints  # (N,), the sets of each patient; those of none are never read
    when: Floats  # (N + 1,)
    words: Ints  # (N + 1, SETS), the lanes at each time
    now: Ints  # (SETS,), the lanes in the end


class BinaryTerms(NamedTuple):
    """The terms of the partial likelihood of one 0/1 covariate, one per death."""

    first: Floats  # (N + 1,), a, the treated at risk
    both: Floats  # a + b, all at risk
    deaths: Floats  # at a time, in the first term of the time; 0 in the others


@kernel
def room_for_lanes(n: int) -> LaneTable:
    """The memory for ``n`` patients."""
    return LaneTable(
        np.empty(n, np.int64), np.empty(n + 1), np.empty((n + 1, SETS), np.int64), np.empty(SETS, np.int64)
    )


@kernel
def room_for_terms(n: int) -> BinaryTerms:
    """The memory for ``n`` deaths."""
    return BinaryTerms(np.empty(n + 1), np.empty(n + 1), np.empty(n + 1))


@kernel
def count_lanes(time: Floats, event: Bools, order: Positions, sets: int, made: LaneTable) -> tuple[int, int]:
    """How many rows were filled for the first ``sets`` of one cohort, whose ``order`` sorts by time; and the sets, as
    bits, in which a time is not finite.
    """
    member, when, words, now = made.member, made.when, made.words, made.now
    lanes = (sets + _WHOLE - 1) // _WHOLE * _WHOLE
    rows, dead, bad, last = 0, False, 0, np.nan
    for g in range(lanes):
        now[g] = 0
    for k in range(order.shape[0] - 1, -1, -1):
        i = order[k]
        own = member[i]
        if own == 0:
            continue
        t = time[i]
        if t != last:
            rows += dead
            dead, last = False, t
            bad |= 0 if abs(t) < np.inf else own
        code = 1 + event[i] * _DEATH
        for g in range(lanes):
            now[g] += -((own >> g) & 1) & code
        dead |= event[i]
        if dead:
            when[rows] = t
            for g in range(lanes):
                words[rows, g] = now[g]
    return rows + dead, bad


@kernel
def people(word: int) -> tuple[int, int]:
    """How many are at risk and how many have died."""
    return word & _AT_RISK, word >> 32


@kernel
def spread_lanes(lanes: LaneTable, rows: int, everyone: int, treated: int, efron: bool, terms: BinaryTerms) -> None:
    """Fills ``terms`` from the set ``everyone``, of which the set ``treated`` is part, latest first.

    Under Efron's ties the k-th of d deaths at a time counts the dead as (d - k) / d patients each.
    """
    words, first, both, deaths = lanes.words, terms.first, terms.both, terms.deaths
    s, before, before_treated = 0, 0, 0
    for j in range(rows):
        word, part = words[j, everyone], words[j, treated]
        dead, dead_treated = (word >> 32) - before, (part >> 32) - before_treated
        first[s], both[s], deaths[s] = part & _AT_RISK, word & _AT_RISK, dead
        s += dead > 0
        for step in range(1, dead):
            gone = step / dead if efron else 0.0
            first[s], both[s] = (part & _AT_RISK) - gone * dead_treated, (word & _AT_RISK) - gone * dead
            deaths[s] = 0.0
            s += 1
        before, before_treated = word >> 32, part >> 32
