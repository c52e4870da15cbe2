"""Kaplan-Meier summaries of a block: quantile with its interval, survival at a time, restricted mean."""

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.ordering import Order
from analysis.kernels.status import Status
from simulator.cohort import Bools, Floats
from simulator.compiled import kernel

LOG, LOG_LOG, PLAIN = 0, 1, 2

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
def crossing(time: Floats, curve: Floats, size: int, q: float, last: float) -> float:
    """The time at which ``1 - curve[:size]`` reaches ``q``; +inf if it does not. NaN in the curve is passed over.

    R's quantile.survfit: of all points at or beyond q the *nearest to q* counts (confidence curves may turn back),
    once with the tolerance added and once with it taken off, and the midpoint of the two times is the answer; at the
    last level of the curve the second time is the end of follow-up.
    """
    highest, final = 0.0, np.nan
    near, far = np.inf, np.inf
    first, second = np.inf, np.inf
    for k in range(size):
        y = 1.0 - curve[k]
        final = y
        if not np.isnan(y):
            highest = max(highest, y)
            if y + _TOLERANCE >= q and y < near:
                near, first = y, time[k]
            if y - _TOLERANCE >= q and y < far:
                far, second = y, time[k]
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
    when, surv, lower, upper = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    jump = np.empty(n)
    for r in range(rows):
        c = r // per
        at_risk, bad = 0, False
        for i in range(n):
            if present[r, i]:
                at_risk += 1
                bad |= not np.isfinite(time[c, i])
        counts[r, 0] = at_risk
        status[r, :] = _BAD_INPUT if bad else (_TOO_FEW if at_risk == 0 else _OK)
        if bad or at_risk == 0:
            continue
        size, events, last = 0, 0, 0.0
        s, variance = 1.0, 0.0
        place = 0
        while place < n:
            i = order[c, place]
            if not present[r, i]:
                place += 1
                continue
            last = time[c, i]
            deaths, leaving = 0, 0
            while place < n:
                i = order[c, place]
                if present[r, i]:
                    if time[c, i] != last:
                        break
                    leaving += 1
                    if event[c, i]:
                        deaths += 1
                place += 1
            if deaths > 0:
                left = at_risk - deaths
                s *= left / at_risk
                jump[size] = deaths / (float(at_risk) * left) if left > 0 else np.inf
                variance += jump[size]
                when[size], surv[size] = last, s
                se = np.sqrt(variance)
                lower[size] = limit(s, se, -z, conf_type)
                upper[size] = limit(s, se, z, conf_type)
                size += 1
                events += deaths
            at_risk -= leaving
        counts[r, 1] = events
        if not np.isnan(q):
            quantile[r, 0] = crossing(when, surv, size, q, last)
            quantile[r, 1] = crossing(when, lower, size, q, last)
            quantile[r, 2] = crossing(when, upper, size, q, last)
        if not np.isnan(at[r]):
            if at[r] > last and s > 0.0:
                status[r, 1] = _TOO_FEW
            else:
                value, hazard = 1.0, 0.0
                k = 0
                while k < size and when[k] <= at[r]:
                    value = surv[k]
                    hazard += jump[k]
                    k += 1
                point[r, 0] = value
                point[r, 1] = np.sqrt(hazard) * value if value > 0.0 else np.nan
                point[r, 2] = limit(value, np.sqrt(hazard), -z, conf_type)
                point[r, 3] = limit(value, np.sqrt(hazard), z, conf_type)
        if not np.isnan(tau[r]):
            if tau[r] > last and s > 0.0:
                status[r, 2] = _TOO_FEW
            else:
                area, spread, end = 0.0, 0.0, tau[r]
                for k in range(size - 1, -1, -1):
                    if when[k] <= tau[r]:
                        area += surv[k] * (end - when[k])
                        if surv[k] > 0.0:
                            spread += area * area * jump[k]
                        end = when[k]
                mean[r, 0] = area + end
                mean[r, 1] = np.sqrt(spread)
