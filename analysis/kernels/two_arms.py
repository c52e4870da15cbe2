"""Two arms compared in one pass over their common risk sets: log-rank, Cox model of the arm, median by arm."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.cox_binary import BinaryTerms, solve_terms
from analysis.kernels.km import crossing
from analysis.kernels.lanes import sum_of_products
from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

Codes = NDArray[np.int8]

WHEN, AT_RISK, DEAD, TREATED, DEAD_TREATED = range(5)
LOG_RANK, COX, MEDIAN_0, MEDIAN_1 = range(4)

_OK = int(Status.OK)
_NO_EVENTS = int(Status.NO_EVENTS)
_NO_INFO = int(Status.NO_INFO)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)


@kernel
def tabulate_arms(size: int, when: Floats, what: Codes, table: Floats) -> int:
    """How many rows of ``table (5, size)`` were filled: one per distinct event time, latest first.

    ``when`` are the times in order, ``what`` is 1 for an event, plus 2 for the treated.
    """
    rows, treated, k = 0, 0, size
    while k > 0:
        t, dead, dead_treated = when[k - 1], 0, 0
        while k > 0 and when[k - 1] == t:
            k -= 1
            arm, died = what[k] >> 1, what[k] & 1
            treated += arm
            dead += died
            dead_treated += arm & died
        table[WHEN, rows], table[AT_RISK, rows], table[DEAD, rows] = t, size - k, dead
        table[TREATED, rows], table[DEAD_TREATED, rows] = treated, dead_treated
        rows += dead > 0
    return rows


@kernel
def log_rank_of(table: Floats, rows: int, efron: bool, terms: BinaryTerms) -> tuple[float, float, float]:
    """Events of the treated: observed, expected, variance; fills ``first`` and ``both`` of ``terms``."""
    first, both = terms.first, terms.both
    observed, expected, variance, s = 0.0, 0.0, 0.0, 0
    for j in range(rows):
        at_risk, dead = table[AT_RISK, j], table[DEAD, j]
        treated, dead_treated = table[TREATED, j], table[DEAD_TREATED, j]
        share = treated / at_risk
        observed += dead_treated
        expected += dead * share
        spread = dead * share * (1.0 - share)
        variance += spread * (at_risk - dead) / (at_risk - 1.0) if dead > 1.0 else spread
        for step in range(int(dead)):
            part = step / dead if efron and step > 0 else 0.0
            first[s], both[s] = treated - part * dead_treated, at_risk - part * dead
            s += 1
    return observed, expected, variance


@kernel
def log_rank_untied(size: int, what: Codes, counts: Ints, terms: BinaryTerms) -> tuple[float, float, float]:
    """As `log_rank_of`, where no two patients have the same time; fills ``counts`` too."""
    first, both, share, spread, one = terms.first, terms.both, terms.share, terms.spread, terms.one
    treated, s, dead_treated = 0, 0, 0
    for k in range(size - 1, -1, -1):
        arm, died = what[k] >> 1, what[k] & 1
        treated += arm
        dead_treated += arm & died
        first[s], both[s] = treated, size - k
        s += died
    counts[0], counts[1] = size - treated, s - dead_treated
    counts[2], counts[3] = treated, dead_treated
    for j in range(s):
        share[j] = np.divide(first[j], both[j])
    for j in range(s):
        spread[j] = share[j] * (1.0 - share[j])
    return float(dead_treated), sum_of_products(share, one, one, s), sum_of_products(spread, one, one, s)


@kernel
def median_of(
    table: Floats, rows: int, arm: int, q: float, z: float, conf_type: int, curve: Floats, found: Floats
) -> None:
    """Fills ``found (3,)``, the quantile of one arm and its limits, as `crossing` defines them."""
    size, s, variance = 0, 1.0, 0.0
    for j in range(rows - 1, -1, -1):
        dead = table[DEAD_TREATED, j] if arm == 1 else table[DEAD, j] - table[DEAD_TREATED, j]
        if dead > 0.0:
            at_risk = table[TREATED, j] if arm == 1 else table[AT_RISK, j] - table[TREATED, j]
            left = at_risk - dead
            s *= left / at_risk
            variance += dead / (at_risk * left) if left > 0.0 else np.inf
            curve[0, size], curve[1, size], curve[2, size] = table[WHEN, j], s, np.sqrt(variance)
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
    per, order = rows // max(block.time.shape[0], 1), block.order
    times, codes = np.empty(n), np.empty(n, np.int8)
    when, what = np.empty(n + 1), np.empty(n + 1, np.int8)
    table, curve = np.empty((5, n + 1)), np.empty((3, n))
    terms = BinaryTerms(np.empty(n + 1), np.empty(n + 1), np.empty(n), np.empty(n), np.ones(n))
    counts, medians, tied = made.counts, made.medians, False
    for r in range(rows):
        c = r // per
        if r % per == 0:
            tied = line_up_arms(c, block, times, codes)
        size, end, full = 0, n - 1, tied or medians.shape[0] > 0
        while end >= 0 and not present[r, order[c, end]]:
            end -= 1
        bad = end >= 0 and not abs(times[end]) < np.inf  # what is not finite is last in order
        for k in range(end + 1):
            what[size] = codes[k]
            size += present[r, order[c, k]]
        o, e, v = 0.0, 0.0, 0.0
        if not full:
            o, e, v = log_rank_untied(size, what, counts[r], terms)
        elif not bad:
            size = 0
            for k in range(end + 1):
                when[size] = times[k]
                size += present[r, order[c, k]]
            count_arms(size, what, counts[r])
            distinct = tabulate_arms(size, when, what, table)
            o, e, v = log_rank_of(table, distinct, efron, terms)
            for a in range(2 if medians.shape[0] > 0 else 0):
                if counts[r, 2 * a] > 0:
                    median_of(table, distinct, a, q, z, conf_type, curve, medians[r, a])
        events = counts[r, 1] + counts[r, 3]
        if statuses_of(counts[r], size, bad, v, made.status[r]) != _OK:
            continue
        if v > 0.0:
            made.log_rank[r, 0], made.log_rank[r, 1], made.log_rank[r, 2] = o, e, v
        made.status[r, COX] = fit_arm(events, terms, o, e, made.cox[r])


@kernel
def line_up_arms(c: int, block: ArmsBlock, times: Floats, codes: Codes) -> bool:
    """Whether times are tied; fills those of cohort c in order, and as ``codes`` 1 for an event, plus 2 for treated."""
    tied = False
    for k in range(times.shape[0]):
        i = block.order[c, k]
        times[k], codes[k] = block.time[c, i], block.event[c, i] + 2 * block.treated[c, i]
        tied |= k > 0 and times[k] == times[k - 1]
    return tied


@kernel
def statuses_of(counts: Ints, size: int, bad: bool, variance: float, status: Ints) -> int:
    """The status of the data; fills ``status (4,)``, that of the Cox model as if it could be fitted."""
    state = _BAD_INPUT if bad else _TOO_FEW if size < 2 else _NO_EVENTS if counts[1] + counts[3] == 0 else _OK
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


@kernel
def count_arms(size: int, what: Codes, counts: Ints) -> None:
    """Fills ``counts`` as in `compare_arms`."""
    for k in range(size):
        arm, died = what[k] >> 1, what[k] & 1
        counts[2 * arm] += 1
        counts[2 * arm + 1] += died
