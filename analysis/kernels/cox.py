"""Cox's partial likelihood on a block of replicates, P covariates at once.

Patients come sorted by stratum and time. ``z (1 + P, size)`` are their covariates, centred and scaled, below a row of
ones. Row g of ``group`` describes the patients of equal time:

    START, STOP    their places
    DEATHS         how many of them die
    FIRST, LAST    the places of their stratum
    ENTERED        ``late[FIRST:ENTERED]`` are those who have entered before (``late`` lists the places by stratum and
                   entry, and is empty where everybody enters at the start)
    STEP           the first of the steps of the hazard at this time: Efron's ties have one per death, else there is one

Each step has ``share``, the weight of its deaths, ``jump``, the step of the hazard, and a column of ``mean``, the mean
of z over its risk set. With ``risk`` = weight * exp(eta), ``exposure`` = risk * cumulative hazard and ``martingale`` =
weight * died - exposure, the score is sum(martingale z), and the information is sum(exposure z z') - sum(share mean
mean').
"""

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.ordering import Order
from analysis.kernels.status import Status
from simulator.cohort import Bools, Floats
from simulator.compiled import kernel

Ints = NDArray[np.int64]

START, STOP, DEATHS, FIRST, LAST, ENTERED, STEP = range(7)

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
    covariates were divided (0 for a constant); ``place`` leads from a patient to the column of z, or is -1. Patients of
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
                z[1 + p, place[i]] = value
                low, high = min(low, value), max(high, value)
                mean += value * share
        for i in range(size):
            spread += abs(z[1 + p, i] - mean) * share
        bad |= not spread < np.inf
        scale[p] = spread if high > low else 0.0
        for i in range(size):
            z[1 + p, i] = (z[1 + p, i] - mean) / spread if high > low else 0.0
    if bad:
        return _BAD_INPUT
    if size < 2:
        return _TOO_FEW
    if events == 0:
        return _NO_EVENTS
    for i in range(size):
        z[0, i] = 1.0
    last = size
    for g in range(groups - 1, -1, -1):
        group[g, LAST] = last
        if group[g, START] == group[g, FIRST]:
            last = group[g, START]
    if entry.shape[0] > 0:
        line_up(c, time, entry, order, entry_order, group, counts, late, place)
    return _OK


@kernel
def line_up(
    c: int,
    time: Floats,
    entry: Floats,
    order: Order,
    entry_order: Order,
    group: Ints,
    counts: Ints,
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
    for g in range(counts[2]):
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
def weighted_product(weight: Floats, z: Floats, p: int, q: int, size: int) -> float:
    """The sum of weight * z[p] * z[q] over ``size`` columns."""
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    for k in range(size // 4):
        i = 4 * k
        s0 += weight[i] * z[p, i] * z[q, i]
        s1 += weight[i + 1] * z[p, i + 1] * z[q, i + 1]
        s2 += weight[i + 2] * z[p, i + 2] * z[q, i + 2]
        s3 += weight[i + 3] * z[p, i + 3] * z[q, i + 3]
    for i in range(size - size % 4, size):
        s0 += weight[i] * z[p, i] * z[q, i]
    return (s0 + s1) + (s2 + s3)


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
    exposure: Floats,
    martingale: Floats,
    share: Floats,
    jump: Floats,
    mean: Floats,
) -> None:
    """Fills ``total`` with the log partial likelihood at ``beta``, its score (P) and information (lower triangle).

    Fills ``risk``, ``exposure``, ``martingale (size,)``, ``share``, ``jump`` and ``mean`` on the way.
    """
    size, width = group[groups - 1, STOP], z.shape[0]
    for i in range(size):
        risk[i] = 0.0
    for p in range(1, width):
        for i in range(size):
            risk[i] += beta[p - 1] * z[p, i]
    total[0] = 0.0
    for i in range(size):
        if died[i]:
            total[0] += weight[i] * risk[i]
        risk[i] = weight[i] * np.exp(risk[i])
    steps = hazard_steps(z, weight, died, group, groups, late, efron, total, risk, share, jump, mean)
    cumulate(weight, died, group, groups, late, efron, risk, exposure, martingale, jump)
    k = width
    for p in range(1, width):
        for q in range(p + 1):
            if q == 0:
                total[p] = weighted_product(martingale, z, q, p, size)
            else:
                total[k] = weighted_product(exposure, z, p, q, size) - weighted_product(share, mean, p, q, steps)
                k += 1


@kernel
def switch(tree: Floats, z: Floats, i: int, amount: float) -> None:
    """Sets patient i's part of a sum over a risk set to amount * z; the sum is ``tree[1]``.

    A tree of partial sums takes patients out of a risk set without the rounding error of a subtraction.
    """
    node = len(tree) // 2 + i
    for p in range(tree.shape[1]):
        tree[node, p] = amount * z[p, i]
    while node > 1:
        node //= 2
        for p in range(tree.shape[1]):
            tree[node, p] = tree[2 * node, p] + tree[2 * node + 1, p]


@kernel
def hazard_steps(
    z: Floats,
    weight: Floats,
    died: Bools,
    group: Ints,
    groups: int,
    late: Ints,
    efron: bool,
    total: Floats,
    risk: Floats,
    share: Floats,
    jump: Floats,
    mean: Floats,
) -> int:
    """The number of steps of the hazard; fills ``share``, ``jump`` and ``mean``, takes log risk sets off ``total[0]``.

    A sum of logarithms is taken as the logarithm of a product, split before it leaves the range of floating point.
    """
    width, steps, product = z.shape[0], 0, 1.0
    sums, dead = np.zeros(width), np.zeros(width)
    tree = np.zeros((2 * len(late), width))
    out = group[groups - 1, STOP]
    for g in range(groups - 1, -1, -1):
        start, stop, deaths = group[g, START], group[g, STOP], group[g, DEATHS]
        dead_weight = 0.0
        for i in range(start, stop):
            if len(late) > 0:
                switch(tree, z, i, risk[i])
            else:
                for p in range(width):
                    sums[p] += risk[i] * z[p, i]
            if died[i]:
                dead_weight += weight[i]
        if len(late) > 0 and deaths > 0:
            while out > group[g, ENTERED]:
                out -= 1
                switch(tree, z, late[out], 0.0)
            for p in range(width):
                sums[p] = tree[1, p]
        group[g, STEP] = steps
        here = deaths if efron else min(deaths, 1)
        if here > 1:
            for p in range(width):
                dead[p] = 0.0
                for i in range(start, stop):
                    if died[i]:
                        dead[p] += risk[i] * z[p, i]
            dead_weight /= here
        for step in range(here):
            part = step / here if step > 0 else 0.0
            at_risk = sums[0] - part * dead[0]
            if not 0.0 < at_risk < np.inf:
                total[0] = -np.inf
                return 0
            inverse = 1.0 / at_risk
            share[steps] = dead_weight
            jump[steps] = dead_weight * inverse
            for p in range(width):
                mean[p, steps] = (sums[p] - part * dead[p]) * inverse
            steps += 1
            if dead_weight == 1.0:
                product *= at_risk
                if not 1e-200 < product < 1e200:
                    total[0] -= np.log(product)
                    product = 1.0
            else:
                total[0] -= dead_weight * np.log(at_risk)
        if start == group[g, FIRST]:
            for p in range(width):
                sums[p] = 0.0
            while len(late) > 0 and out > start:
                out -= 1
                switch(tree, z, late[out], 0.0)
    total[0] -= np.log(product)
    return steps


@kernel
def cumulate(
    weight: Floats,
    died: Bools,
    group: Ints,
    groups: int,
    late: Ints,
    efron: bool,
    risk: Floats,
    exposure: Floats,
    martingale: Floats,
    jump: Floats,
) -> None:
    """Fills ``exposure`` and ``martingale`` from ``risk`` and ``jump``.

    Efron's dead are exposed to the part 1 - k / d of step k = 0, 1, ... of the d steps at their time.
    """
    before, inside = 0.0, 0
    for i in range(group[groups - 1, STOP]):
        exposure[i] = 0.0
    for g in range(groups):
        if group[g, START] == group[g, FIRST]:
            before, inside = 0.0, group[g, START]
        while len(late) > 0 and inside < group[g, ENTERED]:
            exposure[late[inside]] = -before
            inside += 1
        deaths = group[g, DEATHS]
        here = deaths if efron else min(deaths, 1)
        alive, dead = 0.0, 0.0
        for step in range(here):
            h = jump[group[g, STEP] + step]
            alive += h
            dead += h * (1.0 - step / here) if step > 0 else h
        for i in range(group[g, START], group[g, STOP]):
            exposure[i] = risk[i] * (exposure[i] + before + (dead if died[i] else alive))
            martingale[i] = (weight[i] if died[i] else 0.0) - exposure[i]
        before += alive


@kernel
def score_residuals(
    z: Floats,
    weight: Floats,
    died: Bools,
    group: Ints,
    groups: int,
    late: Ints,
    efron: bool,
    risk: Floats,
    martingale: Floats,
    jump: Floats,
    mean: Floats,
    residual: Floats,
) -> None:
    """Fills ``residual (P, size)``, each patient's weighted score residual.

    That is martingale z - weight died m + risk B, where m is the mean of the steps' means at death, and B the sum of
    jump * mean over the steps to which the patient was exposed.
    """
    for p in range(residual.shape[0]):
        before, inside = 0.0, 0
        for i in range(group[groups - 1, STOP]):
            residual[p, i] = martingale[i] * z[1 + p, i]
        for g in range(groups):
            if group[g, START] == group[g, FIRST]:
                before, inside = 0.0, group[g, START]
            while len(late) > 0 and inside < group[g, ENTERED]:
                residual[p, late[inside]] -= risk[late[inside]] * before
                inside += 1
            deaths = group[g, DEATHS]
            here = deaths if efron else min(deaths, 1)
            alive, dead, centre = 0.0, 0.0, 0.0
            for step in range(here):
                s = group[g, STEP] + step
                alive += jump[s] * mean[1 + p, s]
                dead += jump[s] * mean[1 + p, s] * (1.0 - step / here)
                centre += mean[1 + p, s] / here
            for i in range(group[g, START], group[g, STOP]):
                if died[i]:
                    residual[p, i] += risk[i] * (before + dead) - weight[i] * centre
                else:
                    residual[p, i] += risk[i] * (before + alive)
            before += alive


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
def solve(root: Floats, right: Floats, answer: Floats) -> None:
    """Fills ``answer (P,)``, the solution of root root' answer = right[1 : 1 + P]."""
    p_count = root.shape[0]
    for p in range(p_count):
        value = right[1 + p]
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
            eta[i] += step[p] * z[1 + p, i]
        low, high = min(low, eta[i]), max(high, eta[i])
    slack = tolerance * (high - low)
    top = -np.inf
    for g in range(groups - 1, -1, -1):
        for i in range(group[g, START], group[g, STOP]):
            top = max(top, eta[i])
        if group[g, DEATHS] > 0:
            if len(late) > 0:
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
    exposure: Floats,
    martingale: Floats,
    share: Floats,
    jump: Floats,
    mean: Floats,
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
    settled, well = False, True
    for iteration in range(_ITERATIONS):
        likelihood(
            beta, z, w, died, group, groups, late, efron, total, risk, exposure, martingale, share, jump, mean
        )  # fmt: skip
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
                    floor[p] += z[1 + p, i] * z[1 + p, i]
                floor[p] *= _NO_VARIANCE * events / size
                seen += total[k] > floor[p]
            if seen == 0 and p_count > 0:
                loglik[1] = total[0]
                return _NO_INFO
        well = factorise(total, floor, _COLLINEAR if first else 0.0, root)
        if first and not well:
            return _SINGULAR
        if well:
            solve(root, total, step)
        gain, span = 0.0, 0.0
        for p in range(p_count):
            gain += step[p] * total[1 + p]
            floor[p] = 0.0
        for i in range(size):
            move = 0.0
            for p in range(p_count):
                move += step[p] * z[1 + p, i]
            span = max(span, abs(move))
        if first:
            loglik[2] = gain
        loglik[1] = total[0]
        if span < _LAST_STEP or (span < 1e-7 and span >= last_span):
            for p in range(p_count):
                beta[p] += step[p]
            return _OK
        if not well or (gain < _FLAT * events and span > 0.01):
            if recedes(z, died, group, groups, late, step, 0.0 if p_count == 1 else 1e-4, risk):
                return _MONOTONE
            if not well:
                break
        before, last_span = total[0], span
        settled = gain < 1e-4 * events and span > 0.01
        for p in range(p_count):
            step[p] *= min(1.0, _LARGEST_STEP / span)
            beta[p] += step[p]
    loglik[1] = np.nan
    # the likelihood has settled, or lost its curvature, and the coefficients still grow
    return _MONOTONE if settled or not well else _NOT_CONVERGED


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
    z, scale, w, died = np.empty((1 + p_count, n)), np.empty(p_count), np.empty(n), np.empty(n, np.bool_)
    group, place, counted = np.empty((n, 7), np.int64), np.empty(n, np.int64), np.empty(3, np.int64)
    late = np.empty(n if entry.shape[0] > 0 else 0, np.int64)
    total, mean = np.empty(1 + p_count + p_count * (p_count + 1) // 2), np.empty((1 + p_count, n))
    risk, exposure, martingale, share, jump = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    residual, sums = np.empty((p_count, n if clustered else 0)), np.zeros((clusters, p_count))
    b, root = np.empty(p_count), np.empty((p_count, p_count))
    unit, column = np.zeros(1 + p_count), np.empty(p_count)
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
                z, w, died, group, counted[2], late, efron, started,
                total, risk, exposure, martingale, share, jump, mean, b, root, loglik[r],
            )  # fmt: skip
        status[r] = state
        if state != _OK:
            continue
        for p in range(p_count):
            beta[r, p] = b[p] / scale[p]
            unit[1 + p] = 1.0
            solve(root, unit, column)
            unit[1 + p] = 0.0
            for q in range(p + 1):
                covariance[r, p, q] = column[q] / scale[p] / scale[q]
                covariance[r, q, p] = covariance[r, p, q]
        if clustered:
            score_residuals(z, w, died, group, counted[2], late, efron, risk, martingale, jump, mean, residual)
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
                sums[cluster[c, i], p] += residual[p, place[i]] * scale[p]
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
