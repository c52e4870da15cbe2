"""Kaplan-Meier summaries of a block: quantile with its interval, survival at a time, restricted mean."""

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.risk_sets import AT_RISK, BAD, DEAD, EVENTS, SIZE, TIMES, WHEN, tabulate
from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Positions
from simulator.numerics.compiled import kernel

LOG, LOG_LOG, PLAIN = 0, 1, 2
CONF_TYPES = {"log": LOG, "log-log": LOG_LOG, "plain": PLAIN}

_OK = int(Status.OK)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)
_TOLERANCE = float(np.sqrt(np.finfo(np.float64).eps))


@kernel
def limit(survival: float, hazard_se: float, z: float, conf_type: int) -> float:
    """The confidence limit of S, from the SE of log S; ``z`` negative for the lower limit. NaN where R has NA."""
    if survival <= 0.0 or (conf_type == LOG_LOG and survival >= 1.0):
        return np.nan
    if conf_type == LOG:
        return min(np.exp(np.log(survival) + z * hazard_se), 1.0)
    if conf_type == LOG_LOG:
        level = np.log(survival)
        return np.exp(-np.exp(np.log(-level) + z * hazard_se / level))
    return min(max(survival + z * hazard_se * survival, 0.0), 1.0)


@kernel
def crossing(curve: Floats, size: int, q: float, z: float, conf_type: int) -> float:
    """The time at which 1 - S, or its confidence limit for ``z`` other than 0, reaches ``q``; +inf if it does not.

    ``curve (4, size)`` holds the event times, S and the SE of log S. As R's print(survfit) has it: the first time at
    which the curve is low enough, whether or not a limit rises again later; where it then stands at 1 - q within R's
    tolerance, the middle of that time and the first at which it is lower, if there is one. A limit that is NaN
    (R: NA) is passed over.
    """
    target, first, level = 1.0 - q, np.inf, np.nan
    for k in range(size):
        s = curve[1, k]
        # 1 + u <= exp(u): most points are too early beyond doubt
        if conf_type == LOG and s * (1.0 + z * curve[2, k]) > target + 2.0 * _TOLERANCE:
            continue
        y = limit(s, curve[2, k], z, conf_type) if z != 0.0 else s
        if first == np.inf:
            if y < target + _TOLERANCE:
                first, level = curve[0, k], y
                if not abs(y - target) < _TOLERANCE:
                    return first
        elif y < level:
            return (first + curve[0, k]) / 2.0
    return first


@kernel
def km_summaries(
    time: Floats,
    event: Bools,
    present: Bools,
    order: Positions,
    q: float,
    z: float,
    conf_type: int,
    at: Floats,
    tau: Floats,
    counts: NDArray[np.int64],
    status: NDArray[np.int64],
    quantile: Floats,
    point: Floats,
    mean: Floats,
) -> None:
    """Fills, per row of ``present (R, N)``: ``counts`` n, events; ``quantile`` value, low, high; ``point`` S(at), se,
    low, high; ``mean`` RMST(tau), se; ``status`` columns: quantile, point, mean. Skipped where q, at, tau are NaN.
    """
    rows, n = present.shape
    per = rows // time.shape[0]
    who, table, counted = np.empty(n, np.int64), np.empty((n + 1, 4)), np.empty(4, np.int64)
    one_stratum, curve = np.empty((0, 0), np.int64), np.empty((4, n))
    no_x, no_sums, no_columns = np.empty((len(time), n, 0)), np.empty((n + 1, 0)), np.empty(0)
    for r in range(rows):
        tabulate(
            r, r // per, time, event, no_x, present, one_stratum, order,
            who, table, no_sums, no_sums, no_columns, no_columns, counted,
        )  # fmt: skip
        counts[r, 0], counts[r, 1] = counted[SIZE], counted[EVENTS]
        state = _BAD_INPUT if counted[BAD] > 0 else (_TOO_FEW if counted[SIZE] == 0 else _OK)
        status[r, 0], status[r, 1], status[r, 2] = state, state, state
        if state != _OK:
            continue
        size, last = counted[TIMES], time[r // per, who[counted[SIZE] - 1]]
        s, variance = 1.0, 0.0
        for k in range(size):
            row = size - 1 - k
            at_risk, dead = table[row, AT_RISK], table[row, DEAD]
            left = at_risk - dead
            s *= left / at_risk
            step = dead / (at_risk * left) if left > 0.0 else np.inf
            variance += step
            curve[0, k], curve[1, k], curve[2, k], curve[3, k] = table[row, WHEN], s, np.sqrt(variance), step
        if not np.isnan(q):
            quantile[r, 0] = crossing(curve, size, q, 0.0, conf_type)
            quantile[r, 1] = crossing(curve, size, q, -z, conf_type)
            quantile[r, 2] = crossing(curve, size, q, z, conf_type)
        if not np.isnan(at[r]):
            if at[r] > last and s > 0.0:
                status[r, 1] = _TOO_FEW
            else:
                value, se = 1.0, 0.0
                for k in range(size):
                    if curve[0, k] <= at[r]:
                        value, se = curve[1, k], curve[2, k]
                point[r, 0] = value
                point[r, 1] = se * value if value > 0.0 else np.nan
                point[r, 2] = limit(value, se, -z, conf_type)
                point[r, 3] = limit(value, se, z, conf_type)
        if not np.isnan(tau[r]):
            if tau[r] > last and s > 0.0:
                status[r, 2] = _TOO_FEW
            else:
                area, spread, end = 0.0, 0.0, tau[r]
                for k in range(size - 1, -1, -1):
                    if curve[0, k] <= tau[r]:
                        area += curve[1, k] * (end - curve[0, k])
                        if curve[1, k] > 0.0:
                            spread += area * area * curve[3, k]
                        end = curve[0, k]
                mean[r, 0] = area + end
                mean[r, 1] = np.sqrt(spread)
