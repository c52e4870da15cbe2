"""Survival curves standardised from a Cox model, contrasts of the two, and each patient's influence on a contrast.

Times ascend. A time at which d patients die has d steps: with Efron's ties the s-th leaves the share s / d of the dead
out of the risk set, with Breslow's none. A step raises the cumulative hazard by 1 / (sum of risks).
"""

import numpy as np

from analysis.kernels.curve_contrasts import LOG_HR, contrast
from analysis.kernels.linear import exponentials
from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

_OK = int(Status.OK)
_TOO_FEW = int(Status.TOO_FEW)
_NO_INFO = int(Status.NO_INFO)
_NOT_CONVERGED = int(Status.NOT_CONVERGED)


@kernel
def uncensored(
    when: Floats, died: Bools, arm: Ints, size: int, still: Floats, gone: Floats, left: Floats, group: Ints
) -> None:
    """Fills ``still (2, size)``: Kaplan-Meier's share not yet censored before each event time, in each arm.

    Also, for the time of each place: ``gone`` and ``left (2, size)``, those censored at it and those at risk of it;
    ``group`` is the number of the event times up to it. Who dies at a time is not at risk of being censored at it.
    """
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
def hazard_steps(
    when: Floats,
    died: Bools,
    arm: Ints,
    risk: Floats,
    z: Floats,
    size: int,
    efron: bool,
    at: Floats,
    first: Ints,
    jump: Floats,
    kept: Floats,
    mean: Floats,
    moments: Floats,
) -> int:
    """The number of event times; fills ``at``, the times, and ``first``, where the steps of each begin.

    Per step: ``jump`` of the hazard, ``kept``, the share of the dead at risk, and ``mean (P, steps)`` of ``z`` over
    those at risk. ``moments (P,)`` is scratch.
    """
    # from the last time; turned round in the end
    n, p_count = at.shape[0], z.shape[0]
    sum_risk, count = 0.0, 0
    events = 0
    for p in range(p_count):
        moments[p] = 0.0
    for i in range(size):
        events += died[i]
    place, steps = size, events
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
        steps -= dead
        first[n - count] = steps
        for s in range(dead):
            share = s / dead if efron else 0.0
            total = sum_risk - share * dead_risk
            jump[steps + s], kept[steps + s] = 1.0 / total, 1.0 - share
            for p in range(p_count):
                mean[p, steps + s] = moments[p]
                if share > 0.0:
                    for i in range(place, stop):
                        if died[i]:
                            mean[p, steps + s] -= share * risk[arm[i], i] * z[p, i]
                mean[p, steps + s] /= total
    for k in range(count):
        at[k], first[k] = at[n - count + k], first[n - count + k]
    first[count] = events
    return count


@kernel
def add_censoring(
    when: Floats,
    died: Bools,
    arm: Ints,
    who: Ints,
    size: int,
    count: int,
    push: Floats,
    gone: Floats,
    left: Floats,
    group: Ints,
    influence: Floats,
) -> None:
    """Adds to ``influence (N,)`` what passes through the share not yet censored; the rest as `uncensored` fills it."""
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
def standardise(
    time: Floats,
    event: Bools,
    treated: Bools,
    present: Bools,
    member: Bools,
    order: Positions,
    x: Floats,
    interacting: Ints,
    beta: Floats,
    covariance: Floats,
    efron: bool,
    measure: int,
    horizon: float,
    value: Floats,
    influence: Floats,
    times: Floats,
    survival: Floats,
    status: Ints,
) -> None:
    """Fills where ``status`` is OK: ``value (R,)``, ``influence (R, N)``, ``times (R, N)`` and ``survival (R, 2, N)``.

    The model has treatment, the columns of ``x (R, N, C)``, and treatment times the columns ``interacting``.
    ``member`` are the patients over whom the curves are means; ``times`` (of events) and the curves end in NaN.
    """
    rows, n = present.shape
    c_count, i_count = x.shape[2], interacting.shape[0]
    p_count = 1 + c_count + i_count
    who, arm, group = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    when, died, risk = np.empty(n), np.empty(n, np.bool_), np.empty((2, n))
    z, mean = np.empty((p_count, n)), np.empty((p_count, n))
    moments, member_risk, own, pulled = np.empty(p_count), np.empty((2, n)), np.empty(n), np.empty((2, n))
    jump, kept, first, at = np.empty(n), np.empty(n), np.empty(n + 1, np.int64), np.empty(n)
    hazard, steep, v, lean = np.empty(n), np.empty((2, n)), np.empty(n), np.empty(n)
    by, push, still = np.empty((2, n)), np.empty((2, n)), np.empty((2, n))
    gone, left, inside = np.empty((2, n)), np.empty((2, n)), np.empty(n, np.int64)
    buffer, scratch, gradient, g = np.empty(n), np.empty(n), np.empty(p_count), np.empty(p_count)
    for r in range(rows):
        if status[r] != _OK:
            continue
        size, members = 0, 0
        for place in range(n):
            i = order[r, place]
            if not present[r, i]:
                continue
            who[size], arm[size] = i, 1 if treated[r, i] else 0
            when[size], died[size] = time[r, i], event[r, i]
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
            if arm[size] == 0:
                z[0, size] = 0.0
                for p in range(i_count):
                    z[1 + c_count + p, size] = 0.0
            if member[r, i]:
                inside[members] = size
                member_risk[0, members], member_risk[1, members] = risk[0, size], risk[1, size]
                members += 1
            size += 1
        if members == 0 or (measure != LOG_HR and horizon > when[size - 1]):
            status[r] = _TOO_FEW
            continue

        count = hazard_steps(when, died, arm, risk, z, size, efron, at, first, jump, kept, mean, moments)

        # the curves, their contrast and its derivatives
        rising = 0.0
        for k in range(count):
            for s in range(first[k], first[k + 1]):
                rising += jump[s]
            hazard[k] = rising
            for a in range(2):
                for m in range(members):
                    buffer[m] = -rising * member_risk[a, m]
                exponentials(buffer, scratch, members)
                level, slope = 0.0, 0.0
                for m in range(members):
                    level += buffer[m]
                    slope += buffer[m] * member_risk[a, m]
                survival[r, a, k], steep[a, k] = level / members, slope / members
            times[r, k] = at[k]
        uncensored(when, died, arm, size, still, gone, left, group)
        value[r] = contrast(measure, horizon, at, survival[r], still, count, by, push)
        if not abs(value[r]) < np.inf:
            status[r] = _NOT_CONVERGED
            continue

        # a patient's influence through the average over members
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
                    own[m] += weight * (buffer[m] - survival[r, a, k])
                    pulled[a, m] -= weight * hazard[k] * buffer[m]
        # through the coefficients and the baseline hazard
        for p in range(p_count):
            gradient[p] = 0.0
        for m in range(members):
            i = inside[m]
            for a in range(2):
                lever = pulled[a, m] * member_risk[a, m] / members
                gradient[0] += a * lever
                for p in range(c_count):
                    gradient[1 + p] += lever * z[1 + p, i]
                for p in range(i_count):
                    gradient[1 + c_count + p] += a * lever * z[1 + interacting[p], i]
        tail = 0.0
        for k in range(count - 1, -1, -1):
            tail -= by[0, k] * steep[0, k] + by[1, k] * steep[1, k]
            v[k] = tail
            for s in range(first[k], first[k + 1]):
                for p in range(p_count):
                    gradient[p] -= tail * mean[p, s] * jump[s]
        for p in range(p_count):
            g[p] = 0.0
            for q in range(p_count):
                g[p] += covariance[r, p, q] * gradient[q]
        for k in range(count):
            for s in range(first[k], first[k + 1]):
                lean[s] = -v[k] * jump[s]
                for p in range(p_count):
                    lean[s] += g[p] * mean[p, s]
        for i in range(n):
            influence[r, i] = 0.0
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
            influence[r, who[i]] = direct - risk[arm[i], i] * (index * sum_jump - sum_lean)
        for m in range(members):
            influence[r, who[inside[m]]] += own[m] / members
        if measure == LOG_HR:
            add_censoring(when, died, arm, who, size, count, push, gone, left, group, influence[r])
