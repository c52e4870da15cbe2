"""Kaplan-Meier summaries of a block: quantile with its interval, survival at a time, restricted mean."""

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.ordering import Order
from analysis.kernels.risk_sets import AT_RISK, BAD, DEAD, EVENTS, SIZE, TIMES, WHEN, tabulate
from analysis.kernels.status import Status
from simulator.cohort import Bools, Floats
from simulator.compiled import kernel

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
def crossing(curve: Floats, size: int, q: float, last: float, z: float, conf_type: int) -> float:
    """The time at which 1 - S, or its confidence limit for ``z`` other than 0, reaches ``q``; +inf if it does not.

    ``curve (4, size)`` holds the event times, S, the SE of log S, and its steps. As in R's quantile.survfit, of all
    points at or beyond q the *nearest to q* counts (confidence limits may turn back), once with the tolerance added
    and once with it taken off, and the midpoint of the two times is the answer; at the last level of the curve the
    second time is the end of follow-up. Where the limit is NaN (R: NA) it is passed over.
    """
    highest, final = 0.0, np.nan
    near, far = np.inf, np.inf
    first, second = np.inf, np.inf
    for k in range(size):
        s, u = curve[1, k], z * curve[2, k]
        # 1 + u <= exp(u) <= 1 / (1 - u): most points are beyond doubt, too early or too late to be the nearest
        if conf_type == LOG and k < size - 1:
            if s * (1.0 + u) > 1.0 - q + 2.0 * _TOLERANCE:
                continue
            if u < 1.0 and s < (1.0 - far - _TOLERANCE) * (1.0 - u):
                highest = max(highest, far)
                continue
        y = 1.0 - (limit(s, curve[2, k], z, conf_type) if z != 0.0 else s)
        if y != 0.0:
            final = y
        if not np.isnan(y):
            highest = max(highest, y)
            if y + _TOLERANCE >= q and y < near:
                near, first = y, curve[0, k]
            if y - _TOLERANCE >= q and y < far:
                far, second = y, curve[0, k]
    if highest < q:
        return np.inf
    if abs(q - final) < _TOLERANCE:
        second = last
    return (first + second) / 2.0


@kernel
def km_summaries(
    time: Floats,
    event: Bools,
    present: Bools,
    order: Order,
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
            quantile[r, 0] = crossing(curve, size, q, last, 0.0, conf_type)
            quantile[r, 1] = crossing(curve, size, q, last, -z, conf_type)
            quantile[r, 2] = crossing(curve, size, q, last, z, conf_type)
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
