"""The table of event times of one analysis set, which Kaplan-Meier, log-rank and univariable Cox all start from."""

from typing import NamedTuple

import numpy as np

from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

WHEN, AT_RISK, DEAD, STRATUM = range(4)
SIZE, EVENTS, TIMES, BAD = range(4)


class SortedBlock(NamedTuple):
    """Cohorts ``(A, N)`` in order of stratum, then time."""

    time: Floats
    event: Bools
    x: Floats  # (A, N, P)
    stratum: Ints  # no rows where there is but one
    order: Positions


class RiskSetTable(NamedTuple):
    """A row per distinct event time of one analysis set, latest first."""

    rows: Floats  # (N + 1, 4): WHEN, AT_RISK, DEAD and the number of the STRATUM
    treated: Floats  # (N + 1, P), sums of x over those at risk
    dead_treated: Floats  # and over those who die
    who: Ints  # (N,), the patients in order
    ones: Floats  # (P,), sums of x over all of the last stratum
    strange: Floats  # (P,), 0 where x is 0 or 1 throughout
    counts: Ints  # (4,): SIZE, EVENTS, TIMES (rows), and whether a time is BAD, not finite


@kernel
def tabulate(c: int, block: SortedBlock, present: Bools, made: RiskSetTable) -> None:
    """Fills ``made`` from those ``present (N,)`` in cohort c."""
    time, event, x, stratum, order = block.time, block.event, block.x, block.stratum, block.order
    table, treated, dead_treated, who, ones, strange = (
        made.rows, made.treated, made.dead_treated, made.who, made.ones, made.strange,
    )  # fmt: skip
    n, p_count = present.shape[0], x.shape[2]
    size, events, rows, bad, strata = 0, 0, 0, False, 0
    for k in range(n):
        who[size] = order[c, k]
        size += present[order[c, k]]
    for p in range(p_count):
        ones[p], strange[p] = 0.0, 0.0
    at_risk, dead, now = 0, 0.0, np.nan
    for k in range(size - 1, -1, -1):
        i = who[k]
        t = time[c, i]
        if stratum.shape[0] > 0 and k < size - 1 and stratum[c, i] != stratum[c, who[k + 1]]:
            strata += 1
            at_risk, now = 0, np.nan
            for p in range(p_count):
                ones[p] = 0.0
        if t != now:
            bad |= not abs(t) < np.inf
            rows += dead > 0
            events += int(dead)
            dead, now = 0.0, t
            for p in range(p_count):
                dead_treated[rows, p] = 0.0
        at_risk += 1
        died = 1.0 if event[c, i] else 0.0
        dead += died
        # one loop for each array: short loops of one array are what the compiler can make fast
        for p in range(p_count):
            strange[p] += abs(x[c, i, p] * (1.0 - x[c, i, p]))
        for p in range(p_count):
            ones[p] += x[c, i, p]
        for p in range(p_count):
            treated[rows, p] = ones[p]
        for p in range(p_count):
            dead_treated[rows, p] += died * x[c, i, p]
        table[rows, WHEN], table[rows, AT_RISK], table[rows, DEAD], table[rows, STRATUM] = t, at_risk, dead, strata
    rows += dead > 0
    events += int(dead)
    made.counts[SIZE], made.counts[EVENTS], made.counts[TIMES], made.counts[BAD] = size, events, rows, bad
