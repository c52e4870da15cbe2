"""Risk sets of many sets of patients at once: one pass over the patients in order of time, one lane for each set.

A set has a bit of ``member``, and a lane holds a whole number: how many of the set are at risk, plus 2^32 for each
death so far. Additions of whole numbers are exact, so that a lane says what a pass over its set alone would say.
"""

from typing import NamedTuple

import numpy as np

from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

WHEN, AT_RISK, DEAD, TREATED, DEAD_TREATED = range(5)
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

    first: Floats  # a, the treated at risk
    both: Floats  # a + b, all at risk


@kernel
def room_for_lanes(n: int) -> LaneTable:
    """The memory for ``n`` patients."""
    return LaneTable(
        np.empty(n, np.int64), np.empty(n + 1), np.empty((n + 1, SETS), np.int64), np.empty(SETS, np.int64)
    )


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
def take_lanes(lanes: LaneTable, rows: int, everyone: int, treated: int, table: Floats) -> int:
    """How many rows of ``table (5, N + 1)`` were filled: one per distinct event time of the set ``everyone``, latest
    first; the set ``treated`` is part of it.
    """
    when, words, made, before, before_treated = lanes.when, lanes.words, 0, 0, 0
    for j in range(rows):
        at_risk, deaths = words[j, everyone] & _AT_RISK, words[j, everyone] >> 32
        part, part_deaths = words[j, treated] & _AT_RISK, words[j, treated] >> 32
        table[WHEN, made], table[AT_RISK, made], table[DEAD, made] = when[j], at_risk, deaths - before
        table[TREATED, made], table[DEAD_TREATED, made] = part, part_deaths - before_treated
        made += deaths > before
        before, before_treated = deaths, part_deaths
    return made


@kernel
def spread_terms(table: Floats, rows: int, efron: bool, terms: BinaryTerms) -> int:
    """The number of deaths; fills ``terms``. Under Efron's ties the k-th of d deaths at a time counts the dead as
    (d - k) / d patients each.
    """
    first, both, s = terms.first, terms.both, 0
    for j in range(rows):
        at_risk, treated, dead = table[AT_RISK, j], table[TREATED, j], int(table[DEAD, j])
        first[s], both[s] = treated, at_risk
        s += 1
        for step in range(1, dead):
            part = step / dead if efron else 0.0
            first[s], both[s] = treated - part * table[DEAD_TREATED, j], at_risk - part * dead
            s += 1
    return s
