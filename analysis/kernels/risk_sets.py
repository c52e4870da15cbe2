"""The table of event times of one analysis set, which Kaplan-Meier, log-rank and univariable Cox all start from."""

import numpy as np

from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

WHEN, AT_RISK, DEAD, STRATUM = range(4)
SIZE, EVENTS, TIMES, BAD = range(4)


@kernel
def tabulate(
    r: int,
    c: int,
    time: Floats,
    event: Bools,
    x: Floats,
    present: Bools,
    stratum: Ints,
    order: Positions,
    who: Ints,
    table: Floats,
    treated: Floats,
    dead_treated: Floats,
    ones: Floats,
    strange: Floats,
    counts: Ints,
) -> None:
    """Fills a row of ``table (N + 1, 4)`` per distinct event time of ``present[r]`` in cohort c, latest first.

    Columns: the time, how many are at risk and how many die there, and the number of the stratum. ``treated`` and
    ``dead_treated (N + 1, P)`` are the sums of ``x (A, N, P)`` over those at risk and those who die. ``order`` sorts
    by stratum, then time; ``stratum`` has no rows where there is but one. ``counts``: patients, events, rows, and
    whether a time is not finite. ``who (N,)`` receives the patients in order, ``ones (P,)`` the sums of x over all of
    the last stratum, and ``strange (P,)`` is 0 where x is 0 or 1 throughout.
    """
    n, p_count = present.shape[1], x.shape[2]
    size, events, rows, bad, strata = 0, 0, 0, False, 0
    for k in range(n):
        who[size] = order[c, k]
        size += present[r, order[c, k]]
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
    counts[SIZE], counts[EVENTS], counts[TIMES], counts[BAD] = size, events, rows, bad
