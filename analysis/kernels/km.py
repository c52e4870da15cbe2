"""Kaplan-Meier summaries of a block: quantile with its interval, survival at a time, restricted mean."""

from typing import NamedTuple

import numpy as np

from analysis.kernels.risk_sets import (
    AT_RISK,
    BAD,
    DEAD,
    EVENTS,
    SIZE,
    TIMES,
    WHEN,
    RiskSetTable,
    SortedBlock,
    tabulate,
)
from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Ints
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


class KmSummaries(NamedTuple):
    """What `km_summaries` fills per analysis set."""

    counts: Ints  # (R, 2): n, events
    status: Ints  # (R, 3): of quantile, point and mean
    quantile: Floats  # (R, 3): value, low, high
    point: Floats  # (R, 4): S(at), se, low, high
    mean: Floats  # (R, 2): RMST(tau), se


@kernel
def km_summaries(
    block: SortedBlock, present: Bools, q: float, z: float, conf_type: int, at: Floats, tau: Floats, made: KmSummaries
) -> None:
    """Fills ``made`` per row of ``present (R, N)``; what is of q, ``at (R,)`` or ``tau (R,)`` not where it is NaN."""
    rows, n = present.shape
    per = rows // block.time.shape[0]
    no_sums, no_columns, curve = np.empty((n + 1, 0)), np.empty(0), np.empty((4, n))
    table = RiskSetTable(
        np.empty((n + 1, 4)), no_sums, no_sums, np.empty(n, np.int64), no_columns, no_columns, np.empty(4, np.int64)
    )
    counted, status = table.counts, made.status
    for r in range(rows):
        tabulate(r // per, block, present[r], table)
        made.counts[r, 0], made.counts[r, 1] = counted[SIZE], counted[EVENTS]
        state = _BAD_INPUT if counted[BAD] > 0 else (_TOO_FEW if counted[SIZE] == 0 else _OK)
        status[r, 0], status[r, 1], status[r, 2] = state, state, state
        if state != _OK:
            continue
        size, last = counted[TIMES], block.time[r // per, table.who[counted[SIZE] - 1]]
        end = curve_of(table.rows, size, curve)
        if not np.isnan(q):
            made.quantile[r, 0] = crossing(curve, size, q, 0.0, conf_type)
            made.quantile[r, 1] = crossing(curve, size, q, -z, conf_type)
            made.quantile[r, 2] = crossing(curve, size, q, z, conf_type)
        if at[r] > last and end > 0.0:
            status[r, 1] = _TOO_FEW
        elif not np.isnan(at[r]):
            survival_at(curve, size, at[r], z, conf_type, made.point[r])
        if tau[r] > last and end > 0.0:
            status[r, 2] = _TOO_FEW
        elif not np.isnan(tau[r]):
            mean_to(curve, size, tau[r], made.mean[r])


@kernel
def curve_of(table: Floats, size: int, curve: Floats) -> float:
    """Where the curve ends; fills ``curve (4, size)``: times, S, the SE of log S, and what each adds to its square."""
    s, variance = 1.0, 0.0
    for k in range(size):
        row = size - 1 - k
        at_risk, dead = table[row, AT_RISK], table[row, DEAD]
        left = at_risk - dead
        s *= left / at_risk
        step = dead / (at_risk * left) if left > 0.0 else np.inf
        variance += step
        curve[0, k], curve[1, k], curve[2, k], curve[3, k] = table[row, WHEN], s, np.sqrt(variance), step
    return s


@kernel
def survival_at(curve: Floats, size: int, at: float, z: float, conf_type: int, point: Floats) -> None:
    """Fills ``point (4,)``: S at a time, its SE and limits."""
    value, se = 1.0, 0.0
    for k in range(size):
        if curve[0, k] <= at:
            value, se = curve[1, k], curve[2, k]
    point[0] = value
    point[1] = se * value if value > 0.0 else np.nan
    point[2] = limit(value, se, -z, conf_type)
    point[3] = limit(value, se, z, conf_type)


@kernel
def mean_to(curve: Floats, size: int, tau: float, mean: Floats) -> None:
    """Fills ``mean (2,)``: the area under the curve to ``tau``, and its SE."""
    area, spread, end = 0.0, 0.0, tau
    for k in range(size - 1, -1, -1):
        if curve[0, k] <= tau:
            area += curve[1, k] * (end - curve[0, k])
            if curve[1, k] > 0.0:
                spread += area * area * curve[3, k]
            end = curve[0, k]
    mean[0] = area + end
    mean[1] = np.sqrt(spread)
