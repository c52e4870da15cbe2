"""Two-sample log-rank tests of a block, stratified and weighted."""

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.ordering import Order
from analysis.kernels.status import Status
from simulator.cohort import Bools, Floats
from simulator.compiled import kernel

_OK = int(Status.OK)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)
_NO_EVENTS = int(Status.NO_EVENTS)
_NO_INFO = int(Status.NO_INFO)


@kernel
def logranks(
    time: Floats,
    event: Bools,
    group: Bools,
    present: Bools,
    stratum: NDArray[np.int64],
    order: Order,
    rho: float,
    gamma: float,
    observed: Floats,
    expected: Floats,
    variance: Floats,
    status: NDArray[np.int64],
) -> None:
    """Fills weighted ``observed`` and ``expected (R, 2)`` (group False first) and the hypergeometric ``variance (R,)``.

    ``order`` sorts by stratum, then time; ``stratum`` has no rows where there is one stratum. Weights are
    S(t-)^rho (1 - S(t-))^gamma, with S the Kaplan-Meier curve of both groups together within the stratum.
    """
    rows, n = present.shape
    per = rows // time.shape[0]
    who = np.empty(n, np.int64)
    stratified = stratum.shape[0] > 0
    weighted = rho != 0.0 or gamma != 0.0
    for r in range(rows):
        c = r // per
        size, bad, events = 0, False, 0
        for place in range(n):
            i = order[c, place]
            if present[r, i]:
                who[size] = i
                size += 1
                bad |= not np.isfinite(time[c, i])
                events += event[c, i]
        if bad or size < 2 or events == 0:
            status[r] = _BAD_INPUT if bad else (_TOO_FEW if size < 2 else _NO_EVENTS)
            continue
        o0, o1, e0, e1, v = 0.0, 0.0, 0.0, 0.0, 0.0
        start = 0
        while start < size:
            stop, n1 = start, 0
            while stop < size and (not stratified or stratum[c, who[stop]] == stratum[c, who[start]]):
                n1 += group[c, who[stop]]
                stop += 1
            at_risk, s, k = stop - start, 1.0, start
            while k < stop:
                t = time[c, who[k]]
                d, d1, leaving, leaving1 = 0, 0, 0, 0
                while k < stop and time[c, who[k]] == t:
                    i = who[k]
                    leaving += 1
                    leaving1 += group[c, i]
                    if event[c, i]:
                        d += 1
                        d1 += group[c, i]
                    k += 1
                if d > 0:
                    w = s**rho * (1.0 - s) ** gamma if weighted else 1.0
                    share = n1 / at_risk
                    o0 += w * (d - d1)
                    o1 += w * d1
                    e0 += w * d * (1.0 - share)
                    e1 += w * d * share
                    if at_risk > 1:
                        v += w * w * d * share * (1.0 - share) * (at_risk - d) / (at_risk - 1.0)
                    s *= (at_risk - d) / at_risk
                at_risk -= leaving
                n1 -= leaving1
            start = stop
        status[r] = _OK if v > 0.0 else _NO_INFO
        if v > 0.0:
            observed[r, 0], observed[r, 1] = o0, o1
            expected[r, 0], expected[r, 1] = e0, e1
            variance[r] = v
