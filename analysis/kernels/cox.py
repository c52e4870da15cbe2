"""Cox models on a block of replicates: Newton's method on the partial likelihood, and its statuses."""

import numpy as np

from analysis.kernels.cox_data import DEATHS, ENTERED, FIRST, START, STOP, gather, plan_steps
from analysis.kernels.cox_likelihood import combine, likelihood
from analysis.kernels.cox_robust import sandwich, score_residuals
from analysis.kernels.lanes import sum_of_products
from analysis.kernels.linear import largest
from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

_OK = int(Status.OK)
_MONOTONE = int(Status.MONOTONE)
_SINGULAR = int(Status.SINGULAR)
_NO_INFO = int(Status.NO_INFO)
_NOT_CONVERGED = int(Status.NOT_CONVERGED)

_ITERATIONS = 200
_LARGEST_STEP = 5.0  # of the linear predictor
_LAST_STEP = 1e-10  # a Newton step of the linear predictor below this is the last
_FLAT = 1e-13  # gain per event below which the likelihood has reached its limit
_NO_VARIANCE = 1e-13  # information below this share of the covariate's own variance is rounding error
_COLLINEAR = 1e-11


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
    """The status of the fit from ``beta``, which is zero unless ``started``; fills ``beta``, ``root`` of the
    information, and ``loglik``: at zero (unless started), at the fit, and the score test (unless started).
    """
    size, p_count = group[groups - 1, STOP], beta.shape[0]
    floor, step = np.zeros(p_count), np.zeros(p_count)
    events = 0.0
    for i in range(size):
        events += w[i] * died[i]
    place = np.empty(size, np.int64)
    planned = plan_steps(w, died, group, groups, late, share, place)
    before, last_span = -np.inf, np.inf
    settled, well = False, True
    for iteration in range(_ITERATIONS):
        likelihood(
            beta, z, w, died, group, groups, late, efron, planned, place,
            total, risk, exposure, martingale, share, jump, mean,
        )  # fmt: skip
        first = iteration == 0
        if not (total[0] >= before - 1e-9 * (1.0 + abs(before))):
            # too far: go half way back
            for p in range(p_count):
                step[p] /= 2.0
                beta[p] -= step[p]
            continue
        if first:
            if not started:
                loglik[0] = total[0]
            seen = 0
            for p in range(p_count):
                k = p_count + (p + 1) * (p + 2) // 2
                floor[p] = sum_of_products(z[0], z[1 + p], z[1 + p], size) * _NO_VARIANCE * events / size
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
        combine(step, z, size, exposure)
        span = largest(exposure, size)
        if first and not started:
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
def marked(columns: Bools) -> Ints:
    """The places of those that are marked."""
    count = 0
    for mark in columns:
        count += mark
    places, count = np.empty(count, np.int64), 0
    for p in range(columns.shape[0]):
        if columns[p]:
            places[count] = p
            count += 1
    return places


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
    order: Positions,
    entry_order: Positions,
    efron: bool,
    started: bool,
    todo: Bools,
    columns: Bools,
    beta: Floats,
    covariance: Floats,
    robust: Floats,
    loglik: Floats,
    counts: Ints,
    status: Ints,
) -> None:
    """Fits the rows ``todo`` of ``present (R, N)`` with ``x (A, N, P)``; row r belongs to cohort r // (R // A).

    ``columns (R, P)`` marks those that a row's model has, all where it is empty.
    Fills ``beta (R, P)``, ``covariance`` and, unless ``cluster`` is empty, ``robust (R, P, P)``; ``loglik (R, 3)``: at
    zero, at the fit (at the limit if MONOTONE), and the score test; ``counts (R, 2)``: patients and events.
    ``order`` sorts by stratum and time, ``entry_order`` by stratum and entry; what is not asked for is an empty array.
    If ``started``, ``beta`` holds coefficients to begin from, and what is known at zero stays as it is.
    """
    rows, n = present.shape
    per, clustered = rows // time.shape[0], cluster.shape[0] > 0
    w, died = np.empty(n), np.empty(n, np.bool_)
    group, place, counted = np.empty((n, 7), np.int64), np.empty(n, np.int64), np.empty(3, np.int64)
    late = np.empty(n if entry.shape[0] > 0 else 0, np.int64)
    risk, exposure, martingale, share, jump = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    use, p_count = marked(np.ones(x.shape[2], np.bool_)), -1
    z, scale, b, column = np.empty((0, 0)), np.empty(0), np.empty(0), np.empty(0)
    total, mean, unit = np.empty(0), np.empty((0, 0)), np.empty(0)
    root, own, residual, sums = np.empty((0, 0)), np.empty((0, 0)), np.empty((0, 0)), np.empty((0, 0))
    for r in range(rows):
        if not todo[r]:
            continue
        c = r // per
        if columns.shape[0] > 0:
            use = marked(columns[r])
        if p_count < 0 or columns.shape[0] > 0:
            p_count = use.shape[0]
            z, scale, b, column = np.empty((1 + p_count, n)), np.empty(p_count), np.empty(p_count), np.empty(p_count)
            total, mean = np.empty(1 + p_count + p_count * (p_count + 1) // 2), np.empty((1 + p_count, n))
            root, own, unit = np.empty((p_count, p_count)), np.empty((p_count, p_count)), np.zeros(1 + p_count)
            residual, sums = np.empty((p_count, n if clustered else 0)), np.zeros((clusters, p_count))
        state = gather(
            c, time, event, x, use, present[r], weight, stratum, entry, order, entry_order,
            z, scale, w, died, group, late, place, counted,
        )  # fmt: skip
        counts[r, 0], counts[r, 1] = counted[0], counted[1]
        if state == _OK:
            for attempt in range(2):
                for p in range(p_count):
                    b[p] = beta[r, use[p]] * scale[p] if started and attempt == 0 else 0.0
                state = newton(
                    z, w, died, group, counted[2], late, efron, started,
                    total, risk, exposure, martingale, share, jump, mean, b, root, loglik[r],
                )  # fmt: skip
                if not started or state == _OK:
                    break
        status[r] = state
        if state != _OK:
            continue
        for p in range(p_count):
            beta[r, use[p]] = b[p] / scale[p]
            unit[1 + p] = 1.0
            solve(root, unit, column)
            unit[1 + p] = 0.0
            for q in range(p + 1):
                own[p, q] = own[q, p] = column[q] / scale[p] / scale[q]
        for p in range(p_count):
            for q in range(p_count):
                covariance[r, use[p], use[q]] = own[p, q]
        if clustered:
            score_residuals(z, w, died, group, counted[2], late, efron, risk, martingale, jump, mean, residual)
            sandwich(c, cluster, place, residual, sums, own, scale, root)
            for p in range(p_count):
                for q in range(p_count):
                    robust[r, use[p], use[q]] = root[p, q]
