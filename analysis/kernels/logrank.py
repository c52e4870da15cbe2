"""Two-sample log-rank tests of a block, stratified, under several weights at once."""

from typing import NamedTuple

import numpy as np

from analysis.kernels.risk_sets import (
    AT_RISK,
    BAD,
    DEAD,
    EVENTS,
    SIZE,
    STRATUM,
    TIMES,
    RiskSetTable,
    SortedBlock,
    tabulate,
)
from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Ints
from simulator.numerics.compiled import kernel

_OK = int(Status.OK)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)
_NO_EVENTS = int(Status.NO_EVENTS)
_NO_INFO = int(Status.NO_INFO)


class LogRankScores(NamedTuple):
    """What `logranks` fills per analysis set, for K weights at once."""

    observed: Floats  # (R, K, 2), group False first
    expected: Floats
    covariance: Floats  # (R, K, K), hypergeometric
    status: Ints  # (R,)


@kernel
def logranks(block: SortedBlock, present: Bools, rho: Floats, gamma: Floats, made: LogRankScores) -> None:
    """Fills ``made`` per row of ``present (R, N)``; ``x`` of the block has one column, 0 and 1: the group.

    Weight k is S(t-)^rho[k] (1 - S(t-))^gamma[k], with S the Kaplan-Meier curve of both groups together within the
    stratum. A weight without variance is left out; NO_INFO where all are.
    """
    rows, n = present.shape
    per, tests, status = rows // block.time.shape[0], len(rho), made.status
    weighted = np.any(rho != 0.0) or np.any(gamma != 0.0)
    table = RiskSetTable(
        np.empty((n + 1, 4)), np.empty((n + 1, 1)), np.empty((n + 1, 1)), np.empty(n, np.int64), np.empty(1),
        np.empty(1), np.empty(4, np.int64),
    )  # fmt: skip
    weight, counted = np.ones((tests, n + 1)), table.counts
    for r in range(rows):
        tabulate(r // per, block, present[r], table)
        if counted[BAD] > 0 or counted[SIZE] < 2 or counted[EVENTS] == 0:
            status[r] = _BAD_INPUT if counted[BAD] > 0 else (_TOO_FEW if counted[SIZE] < 2 else _NO_EVENTS)
            continue
        if weighted:
            weigh(table.rows, counted[TIMES], rho, gamma, weight)
        status[r] = _NO_INFO
        for k in range(tests):
            for other in range(k + 1):
                o0, o1, e0, e1, v = one_test(table, counted[TIMES], weight[k], weight[other])
                if other < k:
                    made.covariance[r, k, other], made.covariance[r, other, k] = v, v
                elif v > 0.0:
                    status[r] = _OK
                    made.observed[r, k, 0], made.observed[r, k, 1] = o0, o1
                    made.expected[r, k, 0], made.expected[r, k, 1] = e0, e1
                    made.covariance[r, k, k] = v


@kernel
def weigh(table: Floats, times: int, rho: Floats, gamma: Floats, weight: Floats) -> None:
    """Fills ``weight (K, times)``."""
    s, block = 1.0, -1.0
    for j in range(times - 1, -1, -1):
        if table[j, STRATUM] != block:
            s, block = 1.0, table[j, STRATUM]
        for k in range(len(rho)):
            weight[k, j] = s ** rho[k] * (1.0 - s) ** gamma[k]
        s *= (table[j, AT_RISK] - table[j, DEAD]) / table[j, AT_RISK]


@kernel
def one_test(
    table: RiskSetTable, times: int, first: Floats, second: Floats
) -> tuple[float, float, float, float, float]:
    """Observed and expected events of both groups by one weight, and its covariance with another."""
    rows, treated, dead_treated = table.rows, table.treated, table.dead_treated
    o0, o1, e0, e1, v = 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(times - 1, -1, -1):
        at_risk, d, d1, w = rows[j, AT_RISK], rows[j, DEAD], dead_treated[j, 0], first[j]
        share = treated[j, 0] / at_risk
        o0 += w * (d - d1)
        o1 += w * d1
        e0 += w * d * (1.0 - share)
        e1 += w * d * share
        spread = w * second[j] * d * share * (1.0 - share)
        v += spread * (at_risk - d) / (at_risk - 1.0) if d > 1.0 else spread
    return o0, o1, e0, e1, v
