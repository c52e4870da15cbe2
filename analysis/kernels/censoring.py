"""Contrasts of two arms weighted, at each event time anew, by the inverse probability of not yet being censored."""

from typing import NamedTuple

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


class CensoredBlock(NamedTuple):
    """Cohorts of two arms ``(R, N)``; ``order`` sorts by time."""

    time: Floats
    event: Bools
    treated: Bools
    present: Bools
    order: Positions
    base: Floats  # a weight for the whole follow-up
    score: Floats  # the relative hazard of being censored


class CensoringContrasts(NamedTuple):
    """What `censoring_weighted` fills in rows whose ``status (R,)`` is OK, and stays so."""

    value: Floats  # (R,)
    influence: Floats  # (R, N)
    weight: Floats  # (R, N), the last
    status: Ints


class CensoredPatients(NamedTuple):
    """The patients of one cohort in order of time."""

    who: Ints
    arm: Ints
    died: Bools
    base: Floats
    score: Floats
    last: Floats  # (2,), the end of follow-up of each arm


class EventTimes(NamedTuple):
    """The event times of one cohort, and both hazards of being censored before each of them, cumulative by arm."""

    when: Floats
    first: Ints  # the place of the first patient at risk
    stop: Ints  # behind the place of the last patient of this time
    deaths: Ints
    own: Floats  # (2, N), Breslow's
    plain: Floats  # (2, N), Nelson and Aalen's


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
    block: CensoredBlock, efron: bool, measure: int, horizon: float, made: CensoringContrasts
) -> None:
    """Fills ``made`` in rows whose status is OK.

    A patient's weight at an event time is ``base`` times exp(H score - N): H is Breslow's cumulative hazard of being
    censored before it in the arm, ``score`` the relative hazard of the patient, N Nelson and Aalen's.
    """
    rows, n = block.present.shape
    here = CensoredPatients(
        np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.bool_), np.empty(n), np.empty(n), np.empty(2)
    )
    times = EventTimes(
        np.empty(n), np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64), np.empty((2, n)),
        np.empty((2, n)),
    )  # fmt: skip
    at_risk, dead, parts, work = np.empty((2, n)), np.empty((2, n)), np.empty((4, n)), np.empty((4, n))
    value, status = made.value, made.status
    for r in range(rows):
        if status[r] != _OK:
            continue
        size, status[r] = line_up_censored(r, block, here)
        if status[r] != _OK:
            continue
        count = find_event_times(block.time[r], size, here, times)
        if count == 0:
            status[r] = _NO_EVENTS
            continue
        sum_weights(size, count, here, times, work, at_risk, dead)
        information = 1.0
        if measure == LOG_HR:
            value[r], information, status[r] = weighted_hazard_ratio(count, times.deaths, at_risk, dead, efron, parts)
        else:
            value[r], status[r] = weighted_curves(
                count, times.when, at_risk, dead, here.last, measure == RMST, horizon, parts
            )
        if status[r] == _OK:
            share_out(size, count, here, times, parts, information, work, made.influence[r], made.weight[r])


@kernel
def line_up_censored(r: int, block: CensoredBlock, here: CensoredPatients) -> tuple[int, int]:
    """How many patients cohort r has, and the status of their data; fills ``here``."""
    time, event, treated, present, order = block.time, block.event, block.treated, block.present, block.order
    who, arm, died, w, e, last = here.who, here.arm, here.died, here.base, here.score, here.last
    base, score, size, bad = block.base, block.score, 0, False
    last[0], last[1] = -np.inf, -np.inf
    for place in range(who.shape[0]):
        i = order[r, place]
        if present[r, i] and base[r, i] != 0.0:
            who[size], arm[size], died[size] = i, 1 if treated[r, i] else 0, event[r, i]
            w[size], e[size] = base[r, i], score[r, i]
            bad |= not (abs(time[r, i]) < np.inf and 0.0 < w[size] < np.inf and 0.0 <= e[size] < np.inf)
            last[arm[size]] = time[r, i]
            size += 1
    both = last[0] > -np.inf and last[1] > -np.inf
    return size, _BAD_INPUT if bad else (_OK if both else _TOO_FEW)


@kernel
def find_event_times(time: Floats, size: int, here: CensoredPatients, times: EventTimes) -> int:
    """How many event times there are; fills ``times``."""
    who, arm, died, e = here.who, here.arm, here.died, here.score
    when, first, stop, deaths, own, plain = times.when, times.first, times.stop, times.deaths, times.own, times.plain
    # from the last time into the last places: places at risk, and the steps of both hazards up to the time before
    count, place, n = 0, size, when.shape[0]
    sum_e, sum_1, lost = np.zeros(2), np.zeros(2), np.zeros(2)
    for a in range(2):
        for k in range(n):
            own[a, k], plain[a, k] = 0.0, 0.0
    while place > 0:
        end, gone = place, 0
        lost[0], lost[1] = 0.0, 0.0
        t = time[who[end - 1]]
        while place > 0 and time[who[place - 1]] == t:
            place -= 1
            sum_e[arm[place]] += e[place]
            sum_1[arm[place]] += 1.0
            gone += died[place]
            if not died[place]:
                lost[arm[place]] += 1.0
        for a in range(2):
            # what is censored at this time is censored before all later event times
            if count > 0 and lost[a] > 0.0:
                own[a, n - count] += lost[a] / sum_e[a]
                plain[a, n - count] += lost[a] / sum_1[a]
        if gone > 0:
            count += 1
            when[n - count], first[n - count], stop[n - count], deaths[n - count] = t, place, end, gone
    for k in range(count):
        j = n - count + k
        when[k], first[k], stop[k], deaths[k] = when[j], first[j], stop[j], deaths[j]
        for a in range(2):
            own[a, k] = own[a, j] + (own[a, k - 1] if k > 0 else 0.0)
            plain[a, k] = plain[a, j] + (plain[a, k - 1] if k > 0 else 0.0)
    return count


@kernel
def weigh(k: int, size: int, here: CensoredPatients, times: EventTimes, now: Floats, scratch: Floats) -> None:
    """Fills ``now`` with the weights at event time k of the patients at risk, the first of whom comes first."""
    arm, base, score, start = here.arm, here.base, here.score, times.first[k]
    own_0, own_1, plain_0, plain_1 = times.own[0, k], times.own[1, k], times.plain[0, k], times.plain[1, k]
    for i in range(start, size):
        now[i - start] = (own_1 if arm[i] else own_0) * score[i] - (plain_1 if arm[i] else plain_0)
    exponentials(now, scratch, size - start)
    for i in range(start, size):
        now[i - start] *= base[i]


@kernel
def sum_weights(
    size: int, count: int, here: CensoredPatients, times: EventTimes, work: Floats, at_risk: Floats, dead: Floats
) -> None:
    """Fills ``at_risk`` and ``dead (2, count)``, sums of weights by arm at each event time.

    Weights are worked out anew in `share_out`: kept, they would take count times N numbers.
    """
    arm, died, first, stop, now, scratch = here.arm, here.died, times.first, times.stop, work[0], work[1]
    for k in range(count):
        start, risk_0, risk_1, dead_0, dead_1 = first[k], 0.0, 0.0, 0.0, 0.0
        weigh(k, size, here, times, now, scratch)
        for i in range(start, size):
            risk_0 += 0.0 if arm[i] else now[i - start]
            risk_1 += now[i - start] if arm[i] else 0.0
        for i in range(start, stop[k]):
            dead_0 += now[i - start] if died[i] and not arm[i] else 0.0
            dead_1 += now[i - start] if died[i] and arm[i] else 0.0
        at_risk[0, k], at_risk[1, k], dead[0, k], dead[1, k] = risk_0, risk_1, dead_0, dead_1


@kernel
def share_out(
    size: int, count: int, here: CensoredPatients, times: EventTimes, parts: Floats, information: float, work: Floats,
    influence: Floats, weight: Floats,
) -> None:  # fmt: skip
    """Fills each patient's ``influence`` and last ``weight (N,)``, from the ``parts`` of the score or of the curves."""
    arm, died, first, stop = here.arm, here.died, times.first, times.stop
    now, scratch, sums, last = work[0], work[1], work[2], work[3]
    for i in range(size):
        sums[i], last[i] = 0.0, 0.0
    for k in range(count):
        start, part_0, part_1 = first[k], parts[ALIVE_0, k], parts[ALIVE_1, k]
        weigh(k, size, here, times, now, scratch)
        for i in range(start, stop[k]):
            sums[i] += now[i - start] * parts[(DEAD_0 if died[i] else ALIVE_0) + arm[i], k] / information
        for i in range(stop[k], size):
            sums[i] += now[i - start] * (part_1 if arm[i] else part_0) / information
        for i in range(start, size):
            last[i] = now[i - start]
    influence[:], weight[:] = 0.0, 0.0
    for i in range(size):
        influence[here.who[i]], weight[here.who[i]] = sums[i], last[i]
