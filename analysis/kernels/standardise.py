"""Survival curves standardised from a Cox model, contrasts of the two, and each patient's influence on a contrast.

Times ascend. A time at which d patients die has d steps: with Efron's ties the s-th leaves the share s / d of the dead
out of the risk set, with Breslow's none. A step raises the cumulative hazard by 1 / (sum of risks).
"""

from typing import NamedTuple

import numpy as np

from analysis.kernels.curve_contrasts import LOG_HR, contrast
from analysis.kernels.linear import exponentials
from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

_OK = int(Status.OK)
_TOO_FEW = int(Status.TOO_FEW)
_NOT_CONVERGED = int(Status.NOT_CONVERGED)


class FittedBlock(NamedTuple):
    """Cohorts ``(R, N)`` and the Cox models fitted to them.

    A model has treatment, the columns of ``x``, and treatment times the columns ``interacting``: P coefficients.
    """

    time: Floats
    event: Bools
    treated: Bools
    present: Bools
    member: Bools  # over whom the curves are means
    order: Positions
    x: Floats  # (R, N, C)
    interacting: Ints
    beta: Floats  # (R, P)
    covariance: Floats  # (R, P, P)


class FittedPatients(NamedTuple):
    """The patients of one cohort in order of time, and those of them over whom the curves are means."""

    who: Ints
    arm: Ints
    when: Floats
    died: Bools
    z: Floats  # (P, N), the model's columns
    risk: Floats  # (2, N), relative hazards in either arm
    inside: Ints  # the places of the members
    member_risk: Floats  # (2, N)


class BaselineSteps(NamedTuple):
    """The event times ``at``, where the steps of each begin (``first``), and each step of the baseline hazard."""

    at: Floats
    first: Ints
    jump: Floats
    kept: Floats  # the share of the dead at risk
    mean: Floats  # (P, steps) of z over those at risk


class NotCensored(NamedTuple):
    """Kaplan-Meier of censoring in each arm; who dies at a time is not at risk of being censored at it."""

    still: Floats  # (2, times), the share not yet censored before each event time
    gone: Floats  # (2, N), those censored at the time of each place
    left: Floats  # (2, N), those at risk of it
    group: Ints  # the number of the event times up to it


class CurveSlopes(NamedTuple):
    """Cumulative baseline ``hazard`` by event time, and how the curves and their contrast change, ``(2, times)``."""

    hazard: Floats
    steep: Floats  # the curve's derivative by minus the hazard
    by: Floats  # the contrast's by the curve
    push: Floats  # the contrast's by the log of the share not censored


class CurveContrasts(NamedTuple):
    """What `standardise` fills where ``status (R,)`` is OK; what is of event times ends in NaN."""

    value: Floats  # (R,)
    influence: Floats  # (R, N)
    times: Floats  # (R, N)
    survival: Floats  # (R, 2, N)
    status: Ints


@kernel
def uncensored(here: FittedPatients, size: int, held: NotCensored) -> None:
    """Fills ``held``."""
    when, died, arm = here.when, here.died, here.arm
    still, gone, left, group = held.still, held.gone, held.left, held.group
    at_risk, share, place, k = np.zeros(2), np.ones(2), 0, 0
    for i in range(size):
        at_risk[arm[i]] += 1.0
    while place < size:
        stop, dead = place, np.zeros(2)
        count = np.zeros(2)
        while stop < size and when[stop] == when[place]:
            if died[stop]:
                dead[arm[stop]] += 1.0
            else:
                count[arm[stop]] += 1.0
            stop += 1
        if dead[0] + dead[1] > 0.0:
            still[0, k], still[1, k] = share[0], share[1]
            k += 1
        for a in range(2):
            exposed = at_risk[a] - dead[a]
            for i in range(place, stop):
                gone[a, i], left[a, i], group[i] = count[a], exposed, k
            if count[a] > 0.0:
                share[a] *= 1.0 - count[a] / exposed
            at_risk[a] = exposed - count[a]
        place = stop


@kernel
def hazard_steps(here: FittedPatients, size: int, efron: bool, steps: BaselineSteps) -> int:
    """The number of event times; fills ``steps``."""
    # from the last time; turned round in the end
    when, died, arm, risk, z = here.when, here.died, here.arm, here.risk, here.z
    at, first, jump, kept, mean = steps.at, steps.first, steps.jump, steps.kept, steps.mean
    n, p_count = at.shape[0], z.shape[0]
    sum_risk, count, moments = 0.0, 0, np.zeros(p_count)
    events = 0
    for i in range(size):
        events += died[i]
    place, step = size, events
    while place > 0:
        stop = place
        dead, dead_risk = 0, 0.0
        while place > 0 and when[place - 1] == when[stop - 1]:
            place -= 1
            own_risk = risk[arm[place], place]
            sum_risk += own_risk
            for p in range(p_count):
                moments[p] += own_risk * z[p, place]
            if died[place]:
                dead += 1
                dead_risk += own_risk
        if dead == 0:
            continue
        count += 1
        at[n - count] = when[place]
        step -= dead
        first[n - count] = step
        for s in range(dead):
            share = s / dead if efron else 0.0
            total = sum_risk - share * dead_risk
            jump[step + s], kept[step + s] = 1.0 / total, 1.0 - share
            for p in range(p_count):
                mean[p, step + s] = moments[p]
                if share > 0.0:
                    for i in range(place, stop):
                        if died[i]:
                            mean[p, step + s] -= share * risk[arm[i], i] * z[p, i]
                mean[p, step + s] /= total
    for k in range(count):
        at[k], first[k] = at[n - count + k], first[n - count + k]
    first[count] = events
    return count


@kernel
def add_censoring(
    here: FittedPatients, size: int, count: int, held: NotCensored, push: Floats, influence: Floats
) -> None:
    """Adds to ``influence (N,)`` what passes through the share not yet censored."""
    when, died, arm, who = here.when, here.died, here.arm, here.who
    gone, left, group = held.gone, held.left, held.group
    for a in range(2):
        later, done, k, place = 0.0, 0.0, 0, 0
        for later_k in range(count):
            later += push[a, later_k]
        while place < size:
            stop = place
            while stop < size and when[stop] == when[place]:
                stop += 1
            while k < group[place]:
                later -= push[a, k]
                k += 1
            before, others = done, left[a, place] - gone[a, place]
            if gone[a, place] > 0.0 and others > 0.0:
                done += later * gone[a, place] / left[a, place] / others
            for i in range(place, stop):
                if arm[i] == a and died[i]:
                    influence[who[i]] += before
                elif arm[i] == a:
                    influence[who[i]] += done - (later / others if others > 0.0 else 0.0)
            place = stop


@kernel
def line_up(r: int, block: FittedBlock, here: FittedPatients) -> tuple[int, int]:
    """How many patients and members cohort r has; fills ``here``."""
    x, interacting, beta, z, risk = block.x, block.interacting, block.beta, here.z, here.risk
    c_count, i_count, p_count = x.shape[2], interacting.shape[0], z.shape[0]
    size, members = 0, 0
    for place in range(block.order.shape[1]):
        i = block.order[r, place]
        if not block.present[r, i]:
            continue
        arm = 1 if block.treated[r, i] else 0
        here.who[size], here.arm[size] = i, arm
        here.when[size], here.died[size] = block.time[r, i], block.event[r, i]
        for a in range(2):
            z[0, size] = a
            for p in range(c_count):
                z[1 + p, size] = x[r, i, p]
            for p in range(i_count):
                z[1 + c_count + p, size] = a * x[r, i, interacting[p]]
            eta = 0.0
            for p in range(p_count):
                eta += beta[r, p] * z[p, size]
            risk[a, size] = np.exp(eta)
        if arm == 0:
            z[0, size] = 0.0
            for p in range(i_count):
                z[1 + c_count + p, size] = 0.0
        if block.member[r, i]:
            here.inside[members] = size
            here.member_risk[0, members], here.member_risk[1, members] = risk[0, size], risk[1, size]
            members += 1
        size += 1
    return size, members


@kernel
def mean_curves(
    member_risk: Floats, members: int, steps: BaselineSteps, count: int, slopes: CurveSlopes, survival: Floats
) -> None:
    """Fills ``survival (2, N)``, the curves, and ``hazard`` and ``steep``."""
    first, jump = steps.first, steps.jump
    buffer, scratch = np.empty(members), np.empty(members)
    rising = 0.0
    for k in range(count):
        for s in range(first[k], first[k + 1]):
            rising += jump[s]
        slopes.hazard[k] = rising
        for a in range(2):
            for m in range(members):
                buffer[m] = -rising * member_risk[a, m]
            exponentials(buffer, scratch, members)
            level, slope = 0.0, 0.0
            for m in range(members):
                level += buffer[m]
                slope += buffer[m] * member_risk[a, m]
            survival[a, k], slopes.steep[a, k] = level / members, slope / members


@kernel
def by_members(
    member_risk: Floats, members: int, count: int, slopes: CurveSlopes, survival: Floats, own: Floats, pulled: Floats
) -> None:
    """Fills ``own``, a member's influence through the average, and ``pulled (2, members)``, the derivative of the
    contrast by a member's risk in each arm; both times the number of members.
    """
    hazard, by = slopes.hazard, slopes.by
    buffer, scratch = np.empty(members), np.empty(members)
    for m in range(members):
        own[m], pulled[0, m], pulled[1, m] = 0.0, 0.0, 0.0
    for k in range(count):
        for a in range(2):
            weight = by[a, k]
            if weight == 0.0:
                continue
            for m in range(members):
                buffer[m] = -hazard[k] * member_risk[a, m]
            exponentials(buffer, scratch, members)
            for m in range(members):
                own[m] += weight * (buffer[m] - survival[a, k])
                pulled[a, m] -= weight * hazard[k] * buffer[m]


@kernel
def by_coefficients(
    here: FittedPatients, members: int, interacting: Ints, pulled: Floats, tail: Floats, steps: BaselineSteps,
    count: int, gradient: Floats,
) -> None:  # fmt: skip
    """Fills ``gradient (P,)``, the contrast's derivative by each coefficient, on which the baseline depends too."""
    z, first, jump, mean = here.z, steps.first, steps.jump, steps.mean
    p_count, i_count = z.shape[0], interacting.shape[0]
    c_count = p_count - 1 - i_count
    for p in range(p_count):
        gradient[p] = 0.0
    for m in range(members):
        i = here.inside[m]
        for a in range(2):
            lever = pulled[a, m] * here.member_risk[a, m] / members
            gradient[0] += a * lever
            for p in range(c_count):
                gradient[1 + p] += lever * z[1 + p, i]
            for p in range(i_count):
                gradient[1 + c_count + p] += a * lever * z[1 + interacting[p], i]
    for k in range(count - 1, -1, -1):
        for s in range(first[k], first[k + 1]):
            for p in range(p_count):
                gradient[p] -= tail[k] * mean[p, s] * jump[s]


@kernel
def through_model(
    here: FittedPatients, size: int, steps: BaselineSteps, count: int, tail: Floats, g: Floats, influence: Floats
) -> None:
    """Fills ``influence (N,)`` with what passes through the coefficients and the baseline hazard.

    ``g (P,)`` is the covariance times the contrast's derivative by the coefficients; ``tail (times,)`` that by a jump
    of the baseline hazard.
    """
    when, died, z, risk = here.when, here.died, here.z, here.risk
    at, first, jump, kept, mean = steps.at, steps.first, steps.jump, steps.kept, steps.mean
    p_count, lean = z.shape[0], np.empty(size)
    for k in range(count):
        for s in range(first[k], first[k + 1]):
            lean[s] = -tail[k] * jump[s]
            for p in range(p_count):
                lean[s] += g[p] * mean[p, s]
    for i in range(influence.shape[0]):
        influence[i] = 0.0
    total_jump, total_lean, k = 0.0, 0.0, 0
    for i in range(size):
        while k < count and at[k] < when[i]:
            for s in range(first[k], first[k + 1]):
                total_jump += jump[s]
                total_lean += jump[s] * lean[s]
            k += 1
        sum_jump, sum_lean, direct, index = total_jump, total_lean, 0.0, 0.0
        for p in range(p_count):
            index += g[p] * z[p, i]
        if k < count and at[k] == when[i]:
            for s in range(first[k], first[k + 1]):
                exposed = kept[s] if died[i] else 1.0
                sum_jump += jump[s] * exposed
                sum_lean += jump[s] * exposed * lean[s]
                if died[i]:
                    direct += (index - lean[s]) / (first[k + 1] - first[k])
        influence[here.who[i]] = direct - risk[here.arm[i], i] * (index * sum_jump - sum_lean)


@kernel
def standardise(block: FittedBlock, efron: bool, measure: int, horizon: float, found: CurveContrasts) -> None:
    """Fills ``found`` where its ``status`` is OK: curves of both arms, their contrast, everybody's influence on it."""
    rows, n = block.present.shape
    p_count = 1 + block.x.shape[2] + block.interacting.shape[0]
    here = FittedPatients(
        np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n), np.empty(n, np.bool_), np.empty((p_count, n)),
        np.empty((2, n)), np.empty(n, np.int64), np.empty((2, n)),
    )  # fmt: skip
    steps = BaselineSteps(np.empty(n), np.empty(n + 1, np.int64), np.empty(n), np.empty(n), np.empty((p_count, n)))
    held = NotCensored(np.empty((2, n)), np.empty((2, n)), np.empty((2, n)), np.empty(n, np.int64))
    slopes = CurveSlopes(np.empty(n), np.empty((2, n)), np.empty((2, n)), np.empty((2, n)))
    own, pulled, tail, gradient, g = np.empty(n), np.empty((2, n)), np.empty(n), np.empty(p_count), np.empty(p_count)
    for r in range(rows):
        if found.status[r] != _OK:
            continue
        size, members = line_up(r, block, here)
        if members == 0 or (measure != LOG_HR and horizon > here.when[size - 1]):
            found.status[r] = _TOO_FEW
            continue
        count = hazard_steps(here, size, efron, steps)
        survival, influence = found.survival[r], found.influence[r]
        mean_curves(here.member_risk, members, steps, count, slopes, survival)
        for k in range(count):
            found.times[r, k] = steps.at[k]
        uncensored(here, size, held)
        value = contrast(measure, horizon, steps.at, survival, held.still, count, slopes.by, slopes.push)
        found.value[r] = value
        if not abs(value) < np.inf:
            found.status[r] = _NOT_CONVERGED
            continue
        by_members(here.member_risk, members, count, slopes, survival, own, pulled)
        falling = 0.0
        for k in range(count - 1, -1, -1):
            falling -= slopes.by[0, k] * slopes.steep[0, k] + slopes.by[1, k] * slopes.steep[1, k]
            tail[k] = falling
        by_coefficients(here, members, block.interacting, pulled, tail, steps, count, gradient)
        for p in range(p_count):
            g[p] = 0.0
            for q in range(p_count):
                g[p] += block.covariance[r, p, q] * gradient[q]
        through_model(here, size, steps, count, tail, g, influence)
        for m in range(members):
            influence[here.who[here.inside[m]]] += own[m] / members
        if measure == LOG_HR:
            add_censoring(here, size, count, held, slopes.push, influence)
