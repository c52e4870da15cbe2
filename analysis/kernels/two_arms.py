"""Two arms compared in one pass over their common risk sets: log-rank, Cox model of the arm, median by arm."""

from typing import NamedTuple

import numpy as np

from analysis.kernels.cox_binary import solve_terms
from analysis.kernels.km import crossing
from analysis.kernels.lane_tables import (
    SETS,
    BinaryTerms,
    LaneTable,
    count_lanes,
    people,
    room_for_lanes,
    room_for_terms,
    spread_lanes,
)
from analysis.kernels.lanes import sum_of_products
from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

LOG_RANK, COX, MEDIAN_0, MEDIAN_1 = range(4)

_OK = int(Status.OK)
_NO_EVENTS = int(Status.NO_EVENTS)
_NO_INFO = int(Status.NO_INFO)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)

_TOGETHER = SETS // 2  # analysis sets that are counted at once, with the treated of each


@kernel
def log_rank_of(events: int, terms: BinaryTerms, work: Floats) -> tuple[float, float]:
    """Events of the treated: expected, variance. ``work (3, N + 1)`` is scratch above a row of ones."""
    first, both, deaths = terms.first, terms.both, terms.deaths
    share, spread, one = work[0], work[1], work[2]
    for s in range(events):
        share[s] = np.divide(first[s], both[s])
    for s in range(events):
        spread[s] = share[s] * (1.0 - share[s]) * np.divide(both[s] - deaths[s], max(both[s] - 1.0, 1.0))
    return sum_of_products(deaths, share, one, events), sum_of_products(deaths, spread, one, events)


@kernel
def median_of(
    lanes: LaneTable, rows: int, everyone: int, less: int, q: float, z: float, conf_type: int, curve: Floats,
    found: Floats,
) -> None:  # fmt: skip
    """Fills ``found (3,)``, the quantile of a set, without those of the set ``less`` unless that is -1, and its limits,
    as `crossing` defines them.
    """
    words, size, s, variance = lanes.words, 0, 1.0, 0.0
    for j in range(rows - 1, -1, -1):
        word = words[j, everyone] - (words[j, less] if less >= 0 else 0)
        before = words[j - 1, everyone] - (words[j - 1, less] if less >= 0 else 0) if j > 0 else 0
        at_risk, dead = people(word - (before >> 32 << 32))
        if dead > 0:
            left = float(at_risk - dead)
            s *= left / at_risk
            variance += dead / (at_risk * left) if left > 0.0 else np.inf
            curve[0, size], curve[1, size], curve[2, size] = lanes.when[j], s, np.sqrt(variance)
            size += 1
    found[0] = crossing(curve, size, q, 0.0, conf_type)
    found[1] = crossing(curve, size, q, -z, conf_type)
    found[2] = crossing(curve, size, q, z, conf_type)


class ArmsBlock(NamedTuple):
    """Cohorts of two arms ``(A, N)``; ``order`` sorts by time."""

    time: Floats
    event: Bools
    treated: Bools
    order: Positions


class ArmsCompared(NamedTuple):
    """What `compare_arms` fills per analysis set."""

    counts: Ints  # (R, 4): patients and events of the untreated, then of the treated
    log_rank: Floats  # (R, 3): observed, expected, variance
    cox: Floats  # (R, 2): coefficient and variance
    medians: Floats  # (R, 2, 3): quantile by arm with its limits; no rows where it is not asked for
    status: Ints  # (R, 4): LOG_RANK, COX, MEDIAN_0, MEDIAN_1


@kernel
def compare_arms(
    block: ArmsBlock, present: Bools, efron: bool, q: float, z: float, conf_type: int, made: ArmsCompared
) -> None:
    """Fills ``made`` for each row of ``present (R, N)``, which is of cohort r // (R // A)."""
    rows, n = present.shape
    per = rows // max(block.time.shape[0], 1)
    lanes, terms, curve, work = room_for_lanes(n, 2 * per), room_for_terms(n), np.empty((3, n)), np.ones((3, n + 1))
    medians, width, times, bad = made.medians, 0, 0, 0
    for r in range(rows):
        c, g = r // per, r % per % _TOGETHER
        if g == 0:
            width = min(_TOGETHER, per - r % per)
            mark_sets(block.treated[c], present[r : r + width], lanes.member)
            times, bad = count_lanes(block.time[c], block.event[c], block.order[c], 2 * width, lanes)
        counts = made.counts[r]
        count_arms(lanes.now[g], lanes.now[width + g], counts)
        wrong, events, e, v = (bad >> g) & 1 > 0, counts[1] + counts[3], 0.0, 0.0
        if not wrong:
            spread_lanes(lanes, times, g, width + g, efron, terms)
            e, v = log_rank_of(events, terms, work)
            if medians.shape[0] > 0 and counts[0] > 0:
                median_of(lanes, times, g, width + g, q, z, conf_type, curve, medians[r, 0])
            if medians.shape[0] > 0 and counts[2] > 0:
                median_of(lanes, times, width + g, -1, q, z, conf_type, curve, medians[r, 1])
        if statuses_of(counts, wrong, v, made.status[r]) != _OK:
            continue
        if v > 0.0:
            made.log_rank[r, 0], made.log_rank[r, 1], made.log_rank[r, 2] = counts[3], e, v
        made.status[r, COX] = fit_arm(events, terms, float(counts[3]), e, made.cox[r])


@kernel
def mark_sets(treated: Bools, present: Bools, member: Ints) -> None:
    """Fills ``member``: a bit for each row of ``present (S, N)``, then one for the treated of each."""
    sets, n = present.shape
    for i in range(n):
        member[i] = 0
    for g in range(sets):
        inside = present[g]
        for i in range(n):
            member[i] |= np.int64(inside[i]) << g
    for i in range(n):
        member[i] |= (member[i] << sets) * treated[i]


@kernel
def count_arms(everyone: int, treated: int, counts: Ints) -> None:
    """Fills ``counts`` as in `ArmsCompared` from the lanes of a set and of its treated."""
    size, deaths = people(everyone)
    counts[2], counts[3] = people(treated)
    counts[0], counts[1] = size - counts[2], deaths - counts[3]


@kernel
def statuses_of(counts: Ints, bad: bool, variance: float, status: Ints) -> int:
    """The status of the data; fills ``status (4,)``, that of the Cox model as if it could be fitted."""
    state = (
        _BAD_INPUT
        if bad
        else _TOO_FEW
        if counts[0] + counts[2] < 2
        else _NO_EVENTS
        if counts[1] + counts[3] == 0
        else _OK
    )
    status[LOG_RANK], status[COX] = state, state
    for a in range(2):
        status[MEDIAN_0 + a] = _BAD_INPUT if bad else _TOO_FEW if counts[2 * a] == 0 else _OK
    if state == _OK:
        status[LOG_RANK] = _OK if variance > 0.0 else _NO_INFO
    return state


@kernel
def fit_arm(events: int, terms: BinaryTerms, observed: float, expected: float, cox: Floats) -> int:
    """The status of the Cox model of the arm; fills ``cox``, its coefficient and variance.

    Peto's ratio of observed to expected deaths is a good beginning.
    """
    o, e, no_loglik = observed, expected, np.empty((0, 3))
    odds = o * (events - e) / (e * (events - o)) if 0.0 < e < events and 0.0 < o < events else 1.0
    return solve_terms(events, terms, o, np.log(odds), 0, cox[:1], cox[1:], no_loglik)
