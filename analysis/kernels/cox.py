"""Cox's partial likelihood on a block of replicates, P covariates at once.

Every patient has a row of *moments* ``z``: 1, the P covariates (centred and scaled), and the products of two of them
(lower triangle, row by row). Sums over risk sets, and the totals over events (log-likelihood, score, information),
have the same layout. Patients come sorted by stratum and time; row g of ``group`` describes those of equal time:

    START, STOP    their rows of z
    DEATHS         how many of them die
    FIRST, LAST    the rows of their stratum
    ENTERED        ``late[FIRST:ENTERED]`` are those who have entered before (``late`` lists the rows of z by stratum
                   and entry, and is empty where everybody enters at the start)
"""

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.ordering import Order
from analysis.kernels.status import Status
from simulator.cohort import Bools, Floats
from simulator.compiled import kernel

Ints = NDArray[np.int64]

START, STOP, DEATHS, FIRST, LAST, ENTERED = range(6)

_OK = int(Status.OK)
_MONOTONE = int(Status.MONOTONE)
_SINGULAR = int(Status.SINGULAR)
_NO_EVENTS = int(Status.NO_EVENTS)
_NO_INFO = int(Status.NO_INFO)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)
_NOT_CONVERGED = int(Status.NOT_CONVERGED)

_ITERATIONS = 200
_LARGEST_STEP = 5.0  # of the linear predictor
_LAST_STEP = 1e-10  # a Newton step of the linear predictor below this is the last
_FLAT = 1e-13  # gain per event below which the likelihood has reached its limit
_NO_VARIANCE = 1e-13  # information below this share of the covariate's own variance is rounding error
_COLLINEAR = 1e-11


@kernel
def gather(
    c: int,
    time: Floats,
    event: Bools,
    x: Floats,
    present: Bools,
    weight: Floats,
    stratum: Ints,
    entry: Floats,
    order: Order,
    entry_order: Order,
    z: Floats,
    scale: Floats,
    w: Floats,
    died: Bools,
    group: Ints,
    late: Ints,
    place: Ints,
    counts: Ints,
) -> int:
    """The status of the data of one analysis set, ``present (N,)`` of cohort c; fills what `likelihood` wants.

    ``counts`` receives patients, events and groups; ``scale (P,)`` the mean absolute deviations by which the
    covariates were divided (0 for a constant); ``place`` leads from a patient to the row of z, or is -1. Patients of
    weight zero are left out.
    """
    n, p_count = present.shape[0], x.shape[2]
    size, events, groups, bad = 0, 0, 0, False
    first, previous = 0, -1
    for k in range(n):
        i = order[c, k]
        place[i] = -1
        if not present[i] or (weight.shape[0] > 0 and weight[c, i] == 0.0):
            continue
        place[i] = size
        w[size] = weight[c, i] if weight.shape[0] > 0 else 1.0
        bad |= not 0.0 < w[size] < np.inf
        bad |= not abs(time[c, i]) < np.inf
        if entry.shape[0] > 0:
            bad |= not -np.inf < entry[c, i] < time[c, i]
        fresh = previous < 0 or (stratum.shape[0] > 0 and stratum[c, i] != stratum[c, previous])
        if fresh:
            first = size
        if fresh or time[c, i] != time[c, previous]:
            group[groups, START], group[groups, DEATHS], group[groups, FIRST] = size, 0, first
            groups += 1
        died[size] = event[c, i]
        group[groups - 1, DEATHS] += event[c, i]
        events += event[c, i]
        previous = i
        size += 1
        group[groups - 1, STOP] = size
    counts[0], counts[1], counts[2] = size, events, groups
    share = 1.0 / max(size, 1)
    for p in range(p_count):
        low, high, mean, spread = np.inf, -np.inf, 0.0, 0.0
        for i in range(n):
            if place[i] >= 0:
                value = x[c, i, p]
                z[place[i], 1 + p] = value
                low, high = min(low, value), max(high, value)
                mean += value * share
        for i in range(size):
            spread += abs(z[i, 1 + p] - mean) * share
        bad |= not spread < np.inf
        scale[p] = spread if high > low else 0.0
        for i in range(size):
            z[i, 1 + p] = (z[i, 1 + p] - mean) / spread if high > low else 0.0
    if bad:
        return _BAD_INPUT
    if size < 2:
        return _TOO_FEW
    if events == 0:
        return _NO_EVENTS
    for i in range(size):
        z[i, 0] = 1.0
        k = p_count + 1
        for p in range(p_count):
            for q in range(p + 1):
                z[i, k] = z[i, 1 + p] * z[i, 1 + q]
                k += 1
    last = size
    for g in range(groups - 1, -1, -1):
        group[g, LAST] = last
        if group[g, START] == group[g, FIRST]:
            last = group[g, START]
    if entry.shape[0] > 0:
        line_up(c, time, entry, order, entry_order, group, groups, late, place)
    return _OK


@kernel
def line_up(
    c: int,
    time: Floats,
    entry: Floats,
    order: Order,
    entry_order: Order,
    group: Ints,
    groups: int,
    late: Ints,
    place: Ints,
) -> None:
    """Fills ``late`` and the column ENTERED of ``group``."""
    size = 0
    for k in range(place.shape[0]):
        i = entry_order[c, k]
        if place[i] >= 0:
            late[size] = i
            size += 1
    k, entered = -1, 0
    for g in range(groups):
        if group[g, START] == group[g, FIRST]:
            entered = group[g, FIRST]
        while k < 0 or place[order[c, k]] < group[g, START]:
            k += 1
        while entered < group[g, LAST] and entry[c, late[entered]] < time[c, order[c, k]]:
            entered += 1
        group[g, ENTERED] = entered
    for j in range(size):
        late[j] = place[late[j]]


@kernel
def likelihood(
    beta: Floats,
    z: Floats,
    weight: Floats,
    died: Bools,
    group: Ints,
    groups: int,
    late: Ints,
    efron: bool,
    total: Floats,
    risk: Floats,
    hazard: Floats,
) -> None:
    """Fills ``total`` (log partial likelihood, score, information at ``beta``), and ``risk`` = weight * exp(z beta).

    ``hazard (groups, 3 P + 2)``, unless it has no columns, receives what score residuals need of each event time: the
    hazard step h of the survivors and of the dead, h * mean of either, and the mean that the dead are compared with.
    """
    p_count, width, columns = beta.shape[0], z.shape[1], hazard.shape[1]
    moments, dead, mean = np.zeros(width), np.zeros(width), np.zeros(p_count)
    for k in range(width):
        total[k] = 0.0
    for i in range(group[groups - 1, STOP]):
        eta = 0.0
        for p in range(p_count):
            eta += beta[p] * z[i, 1 + p]
        risk[i] = weight[i] * np.exp(eta)
        if died[i]:
            total[0] += weight[i] * eta
            for p in range(p_count):
                total[1 + p] += weight[i] * z[i, 1 + p]
    out, peak = group[groups - 1, STOP], 0.0
    for g in range(groups - 1, -1, -1):
        start, stop, deaths = group[g, START], group[g, STOP], group[g, DEATHS]
        for i in range(start, stop):
            amount = risk[i]
            for k in range(width):
                moments[k] += amount * z[i, k]
        if late.shape[0] > 0 and deaths > 0:
            peak = max(peak, moments[0])
            while out > group[g, ENTERED]:
                out -= 1
                amount = risk[late[out]]
                for k in range(width):
                    moments[k] -= amount * z[late[out], k]
            if moments[0] < 0.001 * peak:
                # the little that is left of a large sum is mostly rounding error: add it up afresh
                for k in range(width):
                    moments[k] = 0.0
                for j in range(group[g, FIRST], out):
                    if late[j] >= start:
                        amount = risk[late[j]]
                        for k in range(width):
                            moments[k] += amount * z[late[j], k]
                peak = moments[0]
        steps = deaths if efron else min(deaths, 1)
        dead_weight = 0.0
        if steps > 1:
            for k in range(width):
                dead[k] = 0.0
        if deaths > 0:
            for i in range(start, stop):
                if died[i]:
                    dead_weight += weight[i]
                    if steps > 1:
                        amount = risk[i]
                        for k in range(width):
                            dead[k] += amount * z[i, k]
            for k in range(columns):
                hazard[g, k] = 0.0
        for step in range(steps):
            part, share = step / deaths, dead_weight / steps
            at_risk = moments[0] - part * dead[0]
            if not at_risk > 0.0:
                total[0] = -np.inf
                return
            h = share / at_risk
            total[0] -= share * np.log(at_risk)
            for p in range(p_count):
                mean[p] = (moments[1 + p] - part * dead[1 + p]) / at_risk
                total[1 + p] -= share * mean[p]
            k = p_count + 1
            for p in range(p_count):
                a = share * mean[p]
                for q in range(p + 1):
                    total[k] += h * (moments[k] - part * dead[k]) - a * mean[q]
                    k += 1
            if columns > 0:
                hazard[g, 0] += h
                hazard[g, 1] += (1.0 - part) * h
                for p in range(p_count):
                    hazard[g, 2 + p] += h * mean[p]
                    hazard[g, 2 + p_count + p] += (1.0 - part) * h * mean[p]
                    hazard[g, 2 + 2 * p_count + p] += mean[p] / steps
        if start == group[g, FIRST]:
            for k in range(width):
                moments[k] = 0.0
            out, peak = start, 0.0


@kernel
def score_residuals(
    z: Floats, weight: Floats, died: Bools, group: Ints, groups: int, late: Ints, risk: Floats, hazard: Floats,
    residual: Floats,
) -> None:  # fmt: skip
    """Fills ``residual (size, P)``, each patient's weighted score residual; arguments as in `likelihood`.

    With A and B the sums of h and h * mean over the event times in (entry, time], it is
    weight * (z - mean) for the dead - risk * (z A - B), where Efron's dead have an h of their own at their time.
    """
    p_count = residual.shape[1]
    before = np.zeros(1 + p_count)
    inside = 0
    for i in range(group[groups - 1, STOP]):
        for p in range(p_count):
            residual[i, p] = 0.0
    for g in range(groups):
        if group[g, START] == group[g, FIRST]:
            for p in range(1 + p_count):
                before[p] = 0.0
            inside = group[g, START]
        while late.shape[0] > 0 and inside < group[g, ENTERED]:
            i = late[inside]
            for p in range(p_count):
                residual[i, p] += risk[i] * (z[i, 1 + p] * before[0] - before[1 + p])
            inside += 1
        for i in range(group[g, START], group[g, STOP]):
            for p in range(p_count):
                a, b = before[0], before[1 + p]
                if died[i]:
                    a += hazard[g, 1]
                    b += hazard[g, 2 + p_count + p]
                    residual[i, p] += weight[i] * (z[i, 1 + p] - hazard[g, 2 + 2 * p_count + p])
                elif group[g, DEATHS] > 0:
                    a += hazard[g, 0]
                    b += hazard[g, 2 + p]
                residual[i, p] -= risk[i] * (z[i, 1 + p] * a - b)
        if group[g, DEATHS] > 0:
            before[0] += hazard[g, 0]
            for p in range(p_count):
                before[1 + p] += hazard[g, 2 + p]


@kernel
def factorise(total: Floats, floor: Floats, collinear: float, root: Floats) -> bool:
    """Fills ``root (P, P)`` with the Cholesky root of the information in ``total``; False if it is singular.

    A pivot has to exceed ``floor (P,)`` and the share ``collinear`` of its diagonal element.
    """
    k = root.shape[0] + 1
    for p in range(root.shape[0]):
        for q in range(p + 1):
            value = total[k]
            for j in range(q):
                value -= root[p, j] * root[q, j]
            if q < p:
                root[p, q] = value / root[q, q]
            elif value > floor[p] and value > collinear * total[k]:
                root[p, p] = np.sqrt(value)
            else:
                return False
            k += 1
    return True


@kernel
def solve(root: Floats, right: Floats, at: int, answer: Floats) -> None:
    """Fills ``answer (P,)``, the solution of root root' answer = right[at : at + P]."""
    p_count = root.shape[0]
    for p in range(p_count):
        value = right[at + p]
        for j in range(p):
            value -= root[p, j] * answer[j]
        answer[p] = value / root[p, p]
    for p in range(p_count - 1, -1, -1):
        value = answer[p]
        for j in range(p + 1, p_count):
            value -= root[j, p] * answer[j]
        answer[p] = value / root[p, p]


@kernel
def recedes(
    z: Floats, died: Bools, group: Ints, groups: int, late: Ints, step: Floats, tolerance: float, eta: Floats
) -> bool:
    """Whether along ``step`` everyone who dies has the largest linear predictor of those at risk: no maximum exists.

    ``tolerance`` is relative to the spread of the predictor; ``eta`` is scratch.
    """
    low, high = np.inf, -np.inf
    for i in range(group[groups - 1, STOP]):
        eta[i] = 0.0
        for p in range(step.shape[0]):
            eta[i] += step[p] * z[i, 1 + p]
        low, high = min(low, eta[i]), max(high, eta[i])
    slack = tolerance * (high - low)
    top = -np.inf
    for g in range(groups - 1, -1, -1):
        for i in range(group[g, START], group[g, STOP]):
            top = max(top, eta[i])
        if group[g, DEATHS] > 0:
            if late.shape[0] > 0:
                top = -np.inf
                for j in range(group[g, FIRST], group[g, ENTERED]):
                    if late[j] >= group[g, START]:
                        top = max(top, eta[late[j]])
            for i in range(group[g, START], group[g, STOP]):
                if died[i] and eta[i] < top - slack:
                    return False
        if group[g, START] == group[g, FIRST]:
            top = -np.inf
    return True


@kernel
def newton(
    z: Floats,
    w: Floats,
    died: Bools,
    group: Ints,
    groups: int,
    late: Ints,
    efron: bool,
    started: bool,
    total: Floats,
    risk: Floats,
    hazard: Floats,
    eta: Floats,
    beta: Floats,
    root: Floats,
    loglik: Floats,
) -> int:
    """The status of the fit from ``beta``, zero unless ``started``; fills ``beta``, ``root`` of the information, and
    ``loglik``: at zero (unless started), at the fit, and the score test (unless started).
    """
    size, p_count = group[groups - 1, STOP], beta.shape[0]
    floor, step = np.zeros(p_count), np.zeros(p_count)
    events = 0.0
    for i in range(size):
        events += w[i] * died[i]
    before, last_span = -np.inf, np.inf
    for iteration in range(_ITERATIONS):
        likelihood(beta, z, w, died, group, groups, late, efron, total, risk, hazard)
        first = iteration == 0 and not started
        if not (total[0] >= before - 1e-9 * (1.0 + abs(before))):
            # too far: go half way back
            for p in range(p_count):
                step[p] /= 2.0
                beta[p] -= step[p]
            continue
        if first:
            loglik[0] = total[0]
            seen = 0
            for p in range(p_count):
                k = p_count + (p + 1) * (p + 2) // 2
                floor[p] = 0.0
                for i in range(size):
                    floor[p] += z[i, k]
                floor[p] *= _NO_VARIANCE * events / size
                seen += total[k] > floor[p]
            if seen == 0 and p_count > 0:
                loglik[1] = total[0]
                return _NO_INFO
        well = factorise(total, floor, _COLLINEAR if first else 0.0, root)
        if first and not well:
            return _SINGULAR
        if well:
            solve(root, total, 1, step)
        gain, span = 0.0, 0.0
        for p in range(p_count):
            gain += step[p] * total[1 + p]
            floor[p] = 0.0
        for i in range(size):
            move = 0.0
            for p in range(p_count):
                move += step[p] * z[i, 1 + p]
            span = max(span, abs(move))
        if first:
            loglik[2] = gain
        loglik[1] = total[0]
        if span < _LAST_STEP or (span < 1e-7 and span >= last_span):
            for p in range(p_count):
                beta[p] += step[p]
            return _OK
        if not well or (gain < _FLAT * events and span > 0.01):
            if recedes(z, died, group, groups, late, step, 0.0 if p_count == 1 else 1e-4, eta):
                return _MONOTONE
            if not well:
                break
        before, last_span = total[0], span
        for p in range(p_count):
            step[p] *= min(1.0, _LARGEST_STEP / span)
            beta[p] += step[p]
    loglik[1] = np.nan
    return _NOT_CONVERGED


@kernel
def fit_cox(
    time: Floats,
    event: Bools,
    x: Floats,
    present: Bools,
    weight: Floats,
    cluster: Ints,
    clusters: int,
    stratum: Ints,
    entry: Floats,
    order: Order,
    entry_order: Order,
    efron: bool,
    started: bool,
    todo: Bools,
    beta: Floats,
    covariance: Floats,
    robust: Floats,
    loglik: Floats,
    counts: Ints,
    status: Ints,
) -> None:
    """Fits the rows ``todo`` of ``present (R, N)`` with ``x (A, N, P)``; row r belongs to cohort r // (R // A).

    Fills ``beta (R, P)``, ``covariance`` and, unless ``cluster`` is empty, ``robust (R, P, P)``; ``loglik (R, 3)``: at
    zero, at the fit (at the limit if MONOTONE), and the score test; ``counts (R, 2)``: patients and events.
    ``order`` sorts by stratum and time, ``entry_order`` by stratum and entry; what is not asked for is an empty array.
    If ``started``, ``beta`` holds the fits, and what is known at zero stays as it is.
    """
    rows, n = present.shape
    per, p_count, clustered = rows // time.shape[0], x.shape[2], cluster.shape[0] > 0
    width = 1 + p_count + p_count * (p_count + 1) // 2
    z, scale, w, died = np.empty((n, width)), np.empty(p_count), np.empty(n), np.empty(n, np.bool_)
    group, place, counted = np.empty((n, 6), np.int64), np.empty(n, np.int64), np.empty(3, np.int64)
    late = np.empty(n if entry.shape[0] > 0 else 0, np.int64)
    total, risk, eta = np.empty(width), np.empty(n), np.empty(n)
    hazard = np.empty((n, 3 * p_count + 2 if clustered else 0))
    residual, sums = np.empty((n, p_count)), np.zeros((clusters, p_count))
    b, root = np.empty(p_count), np.empty((p_count, p_count))
    unit, column = np.zeros(p_count), np.empty(p_count)
    for r in range(rows):
        if not todo[r]:
            continue
        c = r // per
        state = gather(
            c, time, event, x, present[r], weight, stratum, entry, order, entry_order,
            z, scale, w, died, group, late, place, counted,
        )  # fmt: skip
        counts[r, 0], counts[r, 1] = counted[0], counted[1]
        if state == _OK:
            for p in range(p_count):
                b[p] = beta[r, p] * scale[p] if started else 0.0
            state = newton(
                z, w, died, group, counted[2], late, efron, started, total, risk, hazard, eta, b, root, loglik[r]
            )
        status[r] = state
        if state != _OK:
            continue
        for p in range(p_count):
            beta[r, p] = b[p] / scale[p]
            unit[p] = 1.0
            solve(root, unit, 0, column)
            unit[p] = 0.0
            for q in range(p + 1):
                covariance[r, p, q] = column[q] / scale[p] / scale[q]
                covariance[r, q, p] = covariance[r, p, q]
        if clustered:
            score_residuals(z, w, died, group, counted[2], late, risk, hazard, residual)
            sandwich(c, cluster, place, residual, sums, covariance[r], scale, robust[r])


@kernel
def sandwich(
    c: int,
    cluster: Ints,
    place: Ints,
    residual: Floats,
    sums: Floats,
    covariance: Floats,
    scale: Floats,
    robust: Floats,
) -> None:
    """Fills ``robust (P, P)``, Lin and Wei's covariance; ``sums (clusters, P)`` is zero before and after."""
    p_count = scale.shape[0]
    meat = np.zeros((p_count, p_count))
    for i in range(place.shape[0]):
        if place[i] >= 0:
            for p in range(p_count):
                sums[cluster[c, i], p] += residual[place[i], p] * scale[p]
    for i in range(place.shape[0]):
        if place[i] >= 0:
            own = cluster[c, i]
            for p in range(p_count):
                for q in range(p_count):
                    meat[p, q] += sums[own, p] * sums[own, q]
            for p in range(p_count):
                sums[own, p] = 0.0
    for p in range(p_count):
        for q in range(p_count):
            robust[p, q] = 0.0
            for j in range(p_count):
                for k in range(p_count):
                    robust[p, q] += covariance[p, j] * meat[j, k] * covariance[k, q]
