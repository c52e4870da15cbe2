"""Two-sample log-rank tests of a block, stratified, under several weights at once."""

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.risk_sets import AT_RISK, BAD, DEAD, EVENTS, SIZE, STRATUM, TIMES, tabulate
from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Positions
from simulator.numerics.compiled import kernel

_OK = int(Status.OK)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)
_NO_EVENTS = int(Status.NO_EVENTS)
_NO_INFO = int(Status.NO_INFO)


@kernel
def logranks(
    time: Floats,
    event: Bools,
    group: Floats,
    present: Bools,
    stratum: NDArray[np.int64],
    order: Positions,
    rho: Floats,
    gamma: Floats,
    observed: Floats,
    expected: Floats,
    covariance: Floats,
    status: NDArray[np.int64],
) -> None:
    """Fills ``observed`` and ``expected (R, K, 2)``, group False first, and hypergeometric ``covariance (R, K, K)``.

    ``group (A, N, 1)`` holds 0 and 1. ``order`` sorts by stratum, then time; ``stratum`` has no rows where there is one
    stratum. Weight k is S(t-)^rho[k] (1 - S(t-))^gamma[k], with S the Kaplan-Meier curve of both groups together within
    the stratum. A weight without variance is left out; NO_INFO where all are.
    """
    rows, n = present.shape
    per, tests = rows // time.shape[0], len(rho)
    weighted = np.any(rho != 0.0) or np.any(gamma != 0.0)
    who, table, counted = np.empty(n, np.int64), np.empty((n + 1, 4)), np.empty(4, np.int64)
    treated, dead_treated = np.empty((n + 1, 1)), np.empty((n + 1, 1))
    ones, strange = np.empty(1), np.empty(1)
    weight = np.ones((tests, n + 1))
    for r in range(rows):
        tabulate(
            r, r // per, time, event, group, present, stratum, order,
            who, table, treated, dead_treated, ones, strange, counted,
        )  # fmt: skip
        if counted[BAD] > 0 or counted[SIZE] < 2 or counted[EVENTS] == 0:
            status[r] = _BAD_INPUT if counted[BAD] > 0 else (_TOO_FEW if counted[SIZE] < 2 else _NO_EVENTS)
            continue
        if weighted:
            s, block = 1.0, -1.0
            for j in range(counted[TIMES] - 1, -1, -1):
                if table[j, STRATUM] != block:
                    s, block = 1.0, table[j, STRATUM]
                for k in range(tests):
                    weight[k, j] = s ** rho[k] * (1.0 - s) ** gamma[k]
                s *= (table[j, AT_RISK] - table[j, DEAD]) / table[j, AT_RISK]
        status[r] = _NO_INFO
        for k in range(tests):
            for other in range(k + 1):
                o0, o1, e0, e1, v = 0.0, 0.0, 0.0, 0.0, 0.0
                first, second = weight[k], weight[other]
                for j in range(counted[TIMES] - 1, -1, -1):
                    at_risk, d, d1, w = table[j, AT_RISK], table[j, DEAD], dead_treated[j, 0], first[j]
                    share = treated[j, 0] / at_risk
                    o0 += w * (d - d1)
                    o1 += w * d1
                    e0 += w * d * (1.0 - share)
                    e1 += w * d * share
                    spread = w * second[j] * d * share * (1.0 - share)
                    v += spread * (at_risk - d) / (at_risk - 1.0) if d > 1.0 else spread
                if other < k:
                    covariance[r, k, other], covariance[r, other, k] = v, v
                elif v > 0.0:
                    status[r] = _OK
                    observed[r, k, 0], observed[r, k, 1] = o0, o1
                    expected[r, k, 0], expected[r, k, 1] = e0, e1
                    covariance[r, k, k] = v
