"""Contrasts of two arms weighted, at each event time anew, by the inverse probability of not yet being censored."""

import numpy as np

from analysis.kernels.curve_contrasts import LOG_HR, RMST
from analysis.kernels.linear import exponentials
from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

ALIVE_0, ALIVE_1, DEAD_0, DEAD_1 = range(4)

_OK = int(Status.OK)
_MONOTONE = int(Status.MONOTONE)
_NO_EVENTS = int(Status.NO_EVENTS)
_NO_INFO = int(Status.NO_INFO)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)
_NOT_CONVERGED = int(Status.NOT_CONVERGED)
_ALL = 1.0 - 1e-12


@kernel
def weighted_hazard_ratio(
    count: int, deaths: Ints, at_risk: Floats, dead: Floats, efron: bool, parts: Floats
) -> tuple[float, float, int]:
    """The Cox log hazard ratio, its information and status; fills ``parts (4, count)`` of the score residuals.

    ``at_risk`` and ``dead (2, count)`` are sums of weights by arm, ``deaths`` the number who die.
    """
    mixed0, mixed1, events = 0.0, 0.0, 0
    for k in range(count):
        events += deaths[k]
        if at_risk[0, k] > 0.0 and at_risk[1, k] > 0.0:
            mixed0 += dead[0, k]
            mixed1 += dead[1, k]
    if mixed0 == 0.0 or mixed1 == 0.0:
        return np.nan, np.nan, _NO_EVENTS if events == 0 else (_NO_INFO if mixed0 == mixed1 else _MONOTONE)
    b, information, settled = 0.0, 0.0, False
    for _ in range(60):
        ratio, score, information = np.exp(b), 0.0, 0.0
        for k in range(count):
            whole = (dead[0, k] + dead[1, k]) / deaths[k]
            centre = 0.0
            for a in range(4):
                parts[a, k] = 0.0
            for s in range(deaths[k]):
                out = s / deaths[k] if efron else 0.0
                y0, y1 = at_risk[0, k] - out * dead[0, k], (at_risk[1, k] - out * dead[1, k]) * ratio
                share, rise = y1 / (y0 + y1), whole / (y0 + y1)
                score -= whole * share
                information += whole * share * (1.0 - share)
                centre += share / deaths[k]
                parts[ALIVE_0, k] += share * rise
                parts[ALIVE_1, k] -= ratio * (1.0 - share) * rise
                parts[DEAD_0, k] += share * rise * (1.0 - out)
                parts[DEAD_1, k] -= ratio * (1.0 - share) * rise * (1.0 - out)
            score += dead[1, k]
            parts[DEAD_0, k] -= centre
            parts[DEAD_1, k] += 1.0 - centre
        if settled:
            return b, information, _OK
        step = score / information
        settled = abs(step) < 1e-12 * (1.0 + abs(b))
        b += min(max(step, -1.0), 1.0)
        if not abs(b) < 50.0:
            break
    return np.nan, np.nan, _NOT_CONVERGED


@kernel
def weighted_curves(
    count: int, when: Floats, at_risk: Floats, dead: Floats, last: Floats, mean: bool, horizon: float, parts: Floats
) -> tuple[float, int]:
    """The difference of two weighted Kaplan-Meier curves, or of the areas below them, and its status.

    Fills ``parts (4, count)`` of the influence. ``last (2,)`` is the end of follow-up of each arm.
    """
    value = 0.0
    for a in range(2):
        sign, curve, area, before = 1.0 if a == 1 else -1.0, 1.0, 0.0, 0.0
        steps = 0
        while steps < count and when[steps] <= horizon:
            area += curve * (when[steps] - before)
            before = when[steps]
            fall = dead[a, steps] / at_risk[a, steps] if at_risk[a, steps] > 0.0 else 0.0
            curve = curve * (1.0 - fall) if fall < _ALL else 0.0
            parts[a, steps] = curve
            steps += 1
        if not last[a] >= horizon and curve > 0.0:
            return np.nan, _TOO_FEW
        area += curve * (horizon - before)
        value += sign * (area if mean else curve)
        after, end = 0.0, horizon
        for k in range(count - 1, -1, -1):
            if k >= steps:
                parts[ALIVE_0 + a, k], parts[DEAD_0 + a, k] = 0.0, 0.0
                continue
            after += parts[a, k] * (end - when[k])
            end = when[k]
            fall = dead[a, k] / at_risk[a, k] if at_risk[a, k] > 0.0 else 0.0
            pull = sign * (after if mean else curve) / at_risk[a, k] if 0.0 < fall < _ALL else 0.0
            parts[ALIVE_0 + a, k], parts[DEAD_0 + a, k] = pull * fall / (1.0 - fall) if pull != 0.0 else 0.0, -pull
    return value, _OK


@kernel
def censoring_weighted(
    time: Floats,
    event: Bools,
    treated: Bools,
    present: Bools,
    order: Positions,
    base: Floats,
    score: Floats,
    efron: bool,
    measure: int,
    horizon: float,
    value: Floats,
    influence: Floats,
    weight: Floats,
    status: Ints,
) -> None:
    """Fills, in rows whose ``status`` is OK: ``value (R,)``, ``influence (R, N)``, and the last ``weight (R, N)``.

    A patient's weight at an event time is ``base`` times exp(H score - N): H is Breslow's cumulative hazard of being
    censored before it in the arm, ``score`` the relative hazard of the patient, N Nelson and Aalen's.
    """
    rows, n = present.shape
    who, arm, died, w, e = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.bool_), np.empty(n), np.empty(n)
    when, first, stop, deaths = np.empty(n), np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    own, plain = np.empty((2, n)), np.empty((2, n))
    at_risk, dead, parts = np.empty((2, n)), np.empty((2, n)), np.empty((4, n))
    buffer, scratch, last = np.empty(n), np.empty(n), np.empty(2)
    for r in range(rows):
        if status[r] != _OK:
            continue
        size, bad = 0, False
        last[0], last[1] = -np.inf, -np.inf
        for place in range(n):
            i = order[r, place]
            if present[r, i] and base[r, i] != 0.0:
                who[size], arm[size], died[size] = i, 1 if treated[r, i] else 0, event[r, i]
                w[size], e[size] = base[r, i], score[r, i]
                bad |= not (abs(time[r, i]) < np.inf and 0.0 < w[size] < np.inf and 0.0 <= e[size] < np.inf)
                last[arm[size]] = time[r, i]
                size += 1
        if bad or not (last[0] > -np.inf and last[1] > -np.inf):
            status[r] = _BAD_INPUT if bad else _TOO_FEW
            continue

        # event times from the last: places at risk, and the steps of both censoring hazards up to the time before
        count, place = 0, size
        sum_e, sum_1 = np.zeros(2), np.zeros(2)
        step_e, step_1 = np.zeros(2), np.zeros(2)
        for a in range(2):
            for k in range(n):
                own[a, k], plain[a, k] = 0.0, 0.0
        while place > 0:
            end, gone, lost = place, 0, np.zeros(2)
            t = time[r, who[end - 1]]
            while place > 0 and time[r, who[place - 1]] == t:
                place -= 1
                sum_e[arm[place]] += e[place]
                sum_1[arm[place]] += 1.0
                gone += died[place]
                if not died[place]:
                    lost[arm[place]] += 1.0
            for a in range(2):
                step_e[a] = lost[a] / sum_e[a] if lost[a] > 0.0 else 0.0
                step_1[a] = lost[a] / sum_1[a] if lost[a] > 0.0 else 0.0
                # what is censored at this time is censored before all later event times
                if count > 0:
                    own[a, n - count] += step_e[a]
                    plain[a, n - count] += step_1[a]
            if gone > 0:
                count += 1
                when[n - count], first[n - count], stop[n - count], deaths[n - count] = t, place, end, gone
        if count == 0:
            status[r] = _NO_EVENTS
            continue
        for k in range(count):
            j = n - count + k
            when[k], first[k], stop[k], deaths[k] = when[j], first[j], stop[j], deaths[j]
            for a in range(2):
                own[a, k] = own[a, j] + (own[a, k - 1] if k > 0 else 0.0)
                plain[a, k] = plain[a, j] + (plain[a, k - 1] if k > 0 else 0.0)

        for i in range(n):
            weight[r, i], influence[r, i] = 0.0, 0.0
        information = 1.0
        for second in range(2):
            for k in range(count):
                for i in range(first[k], size):
                    buffer[i - first[k]] = own[arm[i], k] * e[i] - plain[arm[i], k]
                exponentials(buffer, scratch, size - first[k])
                if second == 0:
                    at_risk[0, k], at_risk[1, k], dead[0, k], dead[1, k] = 0.0, 0.0, 0.0, 0.0
                    for i in range(first[k], size):
                        at_risk[arm[i], k] += w[i] * buffer[i - first[k]]
                        if died[i] and i < stop[k]:
                            dead[arm[i], k] += w[i] * buffer[i - first[k]]
                else:
                    for i in range(first[k], size):
                        now = w[i] * buffer[i - first[k]]
                        part = DEAD_0 if died[i] and i < stop[k] else ALIVE_0
                        influence[r, who[i]] += now * parts[part + arm[i], k] / information
                        weight[r, who[i]] = now
            if second == 0:
                if measure == LOG_HR:
                    value[r], information, status[r] = weighted_hazard_ratio(
                        count, deaths, at_risk, dead, efron, parts
                    )  # fmt: skip
                else:
                    value[r], status[r] = weighted_curves(
                        count, when, at_risk, dead, last, measure == RMST, horizon, parts
                    )  # fmt: skip
                if status[r] != _OK:
                    break
