"""Gray's test that two arms have the same cumulative incidence of a cause (rho = 0), in blocks.

With Y at risk in an arm, S its share without any event and F its incidence of the cause, R = Y (1 - F(t-)) / S(t-)
takes the place of the number at risk: the score is the sum over times of d1 of the treated - d1 of all R1 / (R0 + R1)
(Gray 1988, Annals of Statistics 16:1141-1154, section 2).
"""

from typing import NamedTuple

import numpy as np

from analysis.kernels.incidence import (
    ALL,
    AT_RISK,
    BAD,
    BEFORE,
    COMPETING,
    EVENTS,
    LEFT,
    OWN,
    PATIENTS,
    SHARE,
    TIMES,
    WHEN,
    Causes,
    CausesBlock,
    room_for_causes,
    tabulate_causes,
)
from analysis.kernels.status import Status
from analysis.kernels.weighted_samples import NOTHING
from simulator.numerics.arrays import Bools, Floats, Ints
from simulator.numerics.compiled import kernel

_OK = int(Status.OK)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)
_NO_EVENTS = int(Status.NO_EVENTS)
_NO_INFO = int(Status.NO_INFO)


class GrayScores(NamedTuple):
    """What `gray_scores` fills per analysis set."""

    score: Floats  # (S, 2): of the treated, and its variance
    counts: Ints  # (S, 2, 3): by arm, untreated first: patients, events, competing events
    status: Ints


@kernel
def join(arms: tuple[Causes, Causes], joint: Floats, place: Ints) -> int:
    """How many times of an event in either arm there are; fills ``place (2, times)``, the place of each in its arm's
    table, negative where that arm has no event (-1 - how many of its times are before), and ``joint``, the times.
    """
    first, second, size = 0, 0, 0
    while first < arms[0].counts[TIMES] or second < arms[1].counts[TIMES]:
        t0 = arms[0].steps[WHEN, first] if first < arms[0].counts[TIMES] else np.inf
        t1 = arms[1].steps[WHEN, second] if second < arms[1].counts[TIMES] else np.inf
        joint[size] = min(t0, t1)
        place[0, size] = first if t0 <= t1 else -1 - first
        place[1, size] = second if t1 <= t0 else -1 - second
        first += t0 <= t1
        second += t1 <= t0
        size += 1
    return size


@kernel
def at_each(c: int, block: CausesBlock, arm: Causes, times: int, joint: Floats, place: Ints, made: Floats) -> None:
    """Fills ``made (5, times)`` of one arm: AT_RISK, OWN and ALL deaths, S before and F before each joint time."""
    patient, m = 0, arm.counts[PATIENTS]
    for k in range(times):
        while patient < m and block.time[c, arm.who[patient]] < joint[k]:
            patient += 1
        made[0, k], own = arm.mass[patient], place[k]
        before = own if own >= 0 else -1 - own
        made[1, k] = arm.steps[OWN, own] if own >= 0 else 0.0
        made[2, k] = arm.steps[ALL, own] if own >= 0 else 0.0
        made[3, k], made[4, k] = 1.0, 0.0
        if before > 0:
            s = arm.steps
            made[3, k] = s[BEFORE, before - 1] * s[LEFT, before - 1] / s[AT_RISK, before - 1]
            made[4, k] = s[SHARE, before - 1]


@kernel
def score_of(times: int, by_arm: Floats, pull: Floats) -> float:
    """The score; fills ``pull (3, times)``: its derivatives by R of the untreated and the treated, and R1 / sum R."""
    total = 0.0
    for k in range(times):
        r0 = by_arm[0, 0, k] * (1.0 - by_arm[0, 4, k]) / by_arm[0, 3, k] if by_arm[0, 0, k] > 0.0 else 0.0
        r1 = by_arm[1, 0, k] * (1.0 - by_arm[1, 4, k]) / by_arm[1, 3, k] if by_arm[1, 0, k] > 0.0 else 0.0
        dead = by_arm[0, 1, k] + by_arm[1, 1, k]
        share = r1 / (r0 + r1) if dead > 0.0 else 0.0
        total += by_arm[1, 1, k] - dead * share
        pull[0, k] = dead * share / (r0 + r1) if dead > 0.0 else 0.0
        pull[1, k] = -dead * (1.0 - share) / (r0 + r1) if dead > 0.0 else 0.0
        pull[2, k] = share
    return total


@kernel
def null_variance(times: int, by_arm: Floats, work: Floats) -> float:
    """The variance of the score where both arms have one incidence F0, for weights of 1 (Gray 1988, section 2).

    dF0 = d1 / H with h = Y / S(t-) of an arm and H of both. With a = h1 h0 / H, negative for the untreated, A the sum
    of a dF0 / (1 - F0(t-)) after t, and q = (1 - F0(t)) / S(t): the sum over arms of (a + (1 - q) A)^2 times the
    variance S(t-) d1 / (H Y) of the cause, and of (q A)^2 times S(t-)^2 d2 / Y^2 of the others, each with the factor
    of ties that cmprsk has, 1 - (d - 1) / (Y - 1).
    """
    shared, ahead = 0.0, 0.0
    for k in range(times):
        h0 = by_arm[0, 0, k] / by_arm[0, 3, k] if by_arm[0, 0, k] > 0.0 else 0.0
        h1 = by_arm[1, 0, k] / by_arm[1, 3, k] if by_arm[1, 0, k] > 0.0 else 0.0
        whole, dead = h0 + h1, by_arm[0, 1, k] + by_arm[1, 1, k]
        work[0, k], work[1, k], work[2, k] = whole, h0 * h1 / whole, shared
        work[3, k] = work[1, k] * dead / (whole * (1.0 - shared)) if dead > 0.0 else 0.0
        ahead += work[3, k]
        shared += dead / whole
    total, after = 0.0, 0.0
    for k in range(times - 1, -1, -1):
        dead, whole = by_arm[0, 1, k] + by_arm[1, 1, k], work[0, k]
        shared = 1.0 - work[2, k] - dead / whole
        for a in range(2):
            at_risk, free = by_arm[a, 0, k], by_arm[a, 3, k]
            if at_risk <= 0.0:
                continue
            left, sign = free * (at_risk - by_arm[a, 2, k]) / at_risk, 1.0 if a == 1 else -1.0
            q = shared / left if left > 0.0 else 0.0
            if dead > 0.0:
                ties = 1.0 - (dead - 1.0) / (whole * free - 1.0) if dead > 1.0 else 1.0
                pull = sign * (work[1, k] + (1.0 - q) * after)
                total += pull * pull * ties * free * dead / (whole * at_risk)
            other = by_arm[a, 2, k] - by_arm[a, 1, k]
            if other > 0.0 and left > 0.0:
                ties = 1.0 - (other - 1.0) / (at_risk - 1.0) if other > 1.0 else 1.0
                total += (q * after) ** 2 * ties * free * free * other / (at_risk * at_risk)
        after += work[3, k]
    return total


@kernel
def influence(
    c: int, block: CausesBlock, arm: Causes, treated: bool, times: int, by_arm: Floats, place: Ints, pull: Floats,
    work: Floats, slope: Floats,
) -> None:  # fmt: skip
    """Fills ``slope (N,)``, the derivative of the score by the weight of each patient of one arm.

    R moves with Y, F and S. With g the derivative by R, L = R / Y, and Q(u) the sum over t > u of g Y / S(t-), it is,
    summed over the arm's event times u up to the patient's own: Q ((1 - F(u)) / (Y - d) (dN - d / Y) - S(u-) / Y (dN1 -
    d1 / Y)); and the sum of g L over all times so far; and at an event of the cause 1 (if treated) - R1 / sum R.
    """
    after = 0.0
    for k in range(times - 1, -1, -1):
        work[0, k] = after
        if by_arm[0, k] > 0.0:
            after += pull[k] * by_arm[0, k] / by_arm[3, k]
    done, lasting = 0, 0.0
    for p in range(arm.counts[PATIENTS]):
        i, own_jump = arm.who[p], 0.0
        while done < times and work[2, done] <= block.time[c, i]:
            if by_arm[0, done] > 0.0:
                lasting += pull[done] * (1.0 - by_arm[4, done]) / by_arm[3, done]
            if place[done] >= 0:
                s = arm.steps[:, place[done]]
                alpha = work[0, done] * s[BEFORE] / s[AT_RISK]
                beta = work[0, done] * (1.0 - s[SHARE]) / s[LEFT] if s[LEFT] > 0.0 else 0.0
                lasting += (alpha * s[OWN] - beta * s[ALL]) / s[AT_RISK]
                work[1, done] = beta
                work[3, done] = beta - alpha + (1.0 if treated else 0.0) - work[4, done]
            done += 1
        if block.kind[c, i] > 0:
            own_jump = work[3, done - 1] if block.kind[c, i] == 1 else work[1, done - 1]
        slope[i] = lasting + own_jump


@kernel
def gray_scores(
    block: CausesBlock, treated: Bools, present: Bools, robust: bool, cluster: Ints, clusters: int, made: GrayScores
) -> None:
    """Fills ``made`` per row of ``present (S, N)``.

    The variance is Gray's, or if ``robust`` the sum of squares of weights times derivatives, within clusters ``(A, N)``
    if there are any. NO_INFO: a variance of 0, as where no event has both arms at risk.
    """
    rows, n = present.shape
    per = rows // block.time.shape[0]
    arms, here = (room_for_causes(n), room_for_causes(n)), np.empty(n, np.bool_)
    joint, place, by_arm = np.empty(n), np.empty((2, n), np.int64), np.empty((2, 5, n))
    pull, work, slope, sums = np.empty((3, n)), np.empty((5, n)), np.zeros(n), np.zeros(clusters)
    for r in range(rows):
        c = r // per
        for a in range(2):
            for i in range(n):
                here[i] = present[r, i] and treated[c, i] == (a == 1)
            tabulate_causes(c, block, here, arms[a])
            counted = arms[a].counts
            made.counts[r, a, 0], made.counts[r, a, 1] = counted[PATIENTS], counted[EVENTS]
            made.counts[r, a, 2] = counted[COMPETING]
        made.status[r] = _OK
        if arms[0].counts[PATIENTS] + arms[1].counts[PATIENTS] < 2:
            made.status[r] = _TOO_FEW
        elif arms[0].counts[EVENTS] + arms[1].counts[EVENTS] == 0:
            made.status[r] = _NO_EVENTS
        if arms[0].counts[BAD] + arms[1].counts[BAD] > 0:
            made.status[r] = _BAD_INPUT
        if made.status[r] != _OK:
            continue
        times = join(arms, joint, place)
        for a in range(2):
            at_each(c, block, arms[a], times, joint, place[a], by_arm[a])
        score, apart = score_of(times, by_arm, pull), 1.0
        if not robust:
            variance = null_variance(times, by_arm, work)
        else:
            variance, apart = 0.0, 0.0
            for a in range(2):
                for k in range(times):
                    work[2, k], work[4, k] = joint[k], pull[2, k]
                influence(c, block, arms[a], a == 1, times, by_arm[a], place[a], pull[a], work, slope)
                for p in range(arms[a].counts[PATIENTS]):
                    i = arms[a].who[p]
                    off = slope[i] * (block.weight[c, i] if block.weight.shape[0] > 0 else 1.0)
                    apart += off * off
                    if cluster.shape[0] > 0:
                        sums[cluster[c, i]] += off
            variance = apart if cluster.shape[0] == 0 else 0.0
            for a in range(2 if cluster.shape[0] > 0 else 0):
                for p in range(arms[a].counts[PATIENTS]):
                    own = cluster[c, arms[a].who[p]]
                    variance += sums[own] * sums[own]
                    sums[own] = 0.0
        if not variance > NOTHING * apart:
            made.status[r] = _NO_INFO
            continue
        made.score[r, 0], made.score[r, 1] = score, variance
