"""Cox models on a block of replicates: Newton's method on the partial likelihood, and its statuses."""

from typing import NamedTuple

import numpy as np

from analysis.kernels.cox_cells import CELLS, cell_likelihood, cell_loglik, gather_cells, room_for_cells
from analysis.kernels.cox_data import (
    DEATHS,
    ENTERED,
    EVENTS,
    FIRST,
    GROUPS,
    PATIENTS,
    START,
    STOP,
    CoxBlock,
    CoxPatients,
    gather,
)
from analysis.kernels.cox_likelihood import CoxPoint, combine, likelihood, plan_steps, room_for
from analysis.kernels.cox_robust import sandwich
from analysis.kernels.lanes import sum_of_products
from analysis.kernels.linear import largest
from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Ints
from simulator.numerics.compiled import kernel

_OK = int(Status.OK)
_MONOTONE = int(Status.MONOTONE)
_SINGULAR = int(Status.SINGULAR)
_NO_INFO = int(Status.NO_INFO)
_NOT_CONVERGED = int(Status.NOT_CONVERGED)

_ITERATIONS = 200
_FEW_ITERATIONS = 12  # where the maximum is soon found, or else sought with more care
_LARGEST_STEP = 5.0  # of the linear predictor
_LAST_STEP = 1e-10  # a Newton step of the linear predictor below this is the last
_FLAT = 1e-13  # gain per event below which the likelihood has reached its limit
_NO_VARIANCE = 1e-13  # information below this share of the covariate's own variance is rounding error
_COLLINEAR = 1e-11


class CoxFits(NamedTuple):
    """What `fit_cox` fills, ``(R, P)`` but where it says otherwise."""

    beta: Floats
    covariance: Floats  # (R, P, P)
    robust: Floats  # (R, P, P); no rows where there are no clusters
    loglik: Floats  # (R, 3): at zero, at the fit (at the limit if MONOTONE), and the score test
    counts: Ints  # (R, 2): patients and events
    status: Ints  # (R,)


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
def recedes(here: CoxPatients, step: Floats, tolerance: float, eta: Floats) -> bool:
    """Whether along ``step`` everyone who dies has the largest linear predictor of those at risk: no maximum exists.

    ``tolerance`` is relative to the spread of the predictor; ``eta`` is scratch.
    """
    group, late = here.group, here.late
    low, high = np.inf, -np.inf
    for i in range(here.counts[PATIENTS]):
        eta[i] = 0.0
        for p in range(step.shape[0]):
            eta[i] += step[p] * here.z[1 + p, i]
        low, high = min(low, eta[i]), max(high, eta[i])
    slack = tolerance * (high - low)
    top = -np.inf
    for g in range(here.counts[GROUPS] - 1, -1, -1):
        for i in range(group[g, START], group[g, STOP]):
            top = max(top, eta[i])
        if group[g, DEATHS] > 0:
            if len(late) > 0:
                top = -np.inf
                for j in range(group[g, FIRST], group[g, ENTERED]):
                    if late[j] >= group[g, START]:
                        top = max(top, eta[late[j]])
            for i in range(group[g, START], group[g, STOP]):
                if here.died[i] and eta[i] < top - slack:
                    return False
        if group[g, START] == group[g, FIRST]:
            top = -np.inf
    return True


@kernel
def least_information(here: CoxPatients, total: Floats, events: float, floor: Floats) -> int:
    """How many covariates have information at all; fills ``floor (P,)``, what is but rounding error."""
    z, size, p_count, seen = here.z, here.counts[PATIENTS], floor.shape[0], 0
    for p in range(p_count):
        k = p_count + (p + 1) * (p + 2) // 2
        floor[p] = sum_of_products(z[0], z[1 + p], z[1 + p], size) * _NO_VARIANCE * events / size
        seen += total[k] > floor[p]
    return seen


@kernel
def newton(
    here: CoxPatients, efron: bool, started: bool, at: CoxPoint, beta: Floats, root: Floats, loglik: Floats
) -> int:
    """The status of the fit from ``beta``, which is zero unless ``started``; fills ``beta``, ``root`` of the
    information, and ``loglik``: at zero (unless started), at the fit, and the score test (unless started).
    """
    size, p_count, total = here.counts[PATIENTS], beta.shape[0], at.total
    floor, step = np.zeros(p_count), np.zeros(p_count)
    events = 0.0
    for i in range(size):
        events += here.weight[i] * here.died[i]
    planned = plan_steps(here, at)
    before, last_span = -np.inf, np.inf
    settled, well = False, True
    for iteration in range(_ITERATIONS):
        likelihood(beta, here, efron, planned, at)
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
            if least_information(here, total, events, floor) == 0 and p_count > 0:
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
        combine(step, here.z, size, at.exposure)
        span = largest(at.exposure, size)
        if first and not started:
            loglik[2] = gain
        loglik[1] = total[0]
        if span < _LAST_STEP or (span < 1e-7 and span >= last_span):
            for p in range(p_count):
                beta[p] += step[p]
            return _OK
        if not well or (gain < _FLAT * events and span > 0.01):
            if recedes(here, step, 0.0 if p_count == 1 else 1e-4, at.risk):
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
def covariance_of(root: Floats, scale: Floats) -> Floats:
    """The covariance ``(P, P)`` of the coefficients on the scale of the data, from the ``root`` of the information."""
    p_count = root.shape[0]
    unit, column, own = np.zeros(1 + p_count), np.empty(p_count), np.empty((p_count, p_count))
    for p in range(p_count):
        unit[1 + p] = 1.0
        solve(root, unit, column)
        unit[1 + p] = 0.0
        for q in range(p + 1):
            own[p, q] = own[q, p] = column[q] / scale[p] / scale[q]
    return own


@kernel
def put(own: Floats, use: Ints, covariance: Floats) -> None:
    """Fills the places ``use`` of ``covariance``."""
    for p in range(use.shape[0]):
        for q in range(use.shape[0]):
            covariance[use[p], use[q]] = own[p, q]


@kernel
def fit_cells(
    c: int, block: CoxBlock, use: Ints, present: Bools, efron: bool, started: bool, r: int, fits: CoxFits
) -> bool:
    """Whether row r could be fitted by `analysis.kernels.cox_cells`, which fills ``fits``; gives up on any doubt."""
    here = gather_cells(c, block, use, present, efron)
    p_count = here.x.shape[0]
    if here.counts[CELLS] == 0:
        return False
    at, b, step, root = room_for_cells(here), np.zeros(p_count), np.zeros(p_count), np.empty((p_count, p_count))
    for p in range(p_count if started else 0):
        b[p] = fits.beta[r, use[p]]
    for iteration in range(_FEW_ITERATIONS):
        cell_likelihood(b, here, at)
        if not factorise(at.total, at.floor, 0.0, root):
            return False
        solve(root, at.total, step)
        gain, span = 0.0, 0.0
        for p in range(p_count):
            b[p] += step[p]
            gain += step[p] * at.total[1 + p]
            span += abs(step[p])
        if iteration == 0 and not started:
            fits.loglik[r, 0], fits.loglik[r, 2] = cell_loglik(here, at), gain
        if span < _LAST_STEP:
            for p in range(p_count):
                fits.beta[r, use[p]] = b[p]
            put(covariance_of(root, np.ones(p_count)), use, fits.covariance[r])
            fits.loglik[r, 1], fits.status[r] = cell_loglik(here, at), _OK
            fits.counts[r, 0], fits.counts[r, 1] = here.counts[0], here.counts[1]
            return True
    return False


@kernel
def fit_cox(
    block: CoxBlock, present: Bools, efron: bool, started: bool, todo: Bools, columns: Bools, fits: CoxFits
) -> None:
    """Fits the rows ``todo`` of ``present (R, N)``; row r belongs to cohort r // (R // A). Fills ``fits``.

    ``columns (R, P)`` marks those that a row's model has, all where it is empty. If ``started``, ``fits.beta`` holds
    coefficients to begin from, and what is known at zero stays as it is.
    """
    rows, n = present.shape
    per, late, use = rows // block.time.shape[0], len(block.entry) > 0, marked(np.ones(block.x.shape[2], np.bool_))
    plain = not late and block.weight.shape[0] + block.cluster.shape[0] + block.stratum.shape[0] == 0
    here, at = room_for(n, use.shape[0], late)
    b, root = np.empty(use.shape[0]), np.empty((use.shape[0], use.shape[0]))
    for r in range(rows):
        if not todo[r]:
            continue
        c = r // per
        if columns.shape[0] > 0:
            use = marked(columns[r])
        if plain and fit_cells(c, block, use, present[r], efron, started, r, fits):
            continue
        p_count = use.shape[0]
        if p_count != b.shape[0]:
            here, at = room_for(n, p_count, late)
            b, root = np.empty(p_count), np.empty((p_count, p_count))
        state = gather(c, block, use, present[r], here)
        fits.counts[r, 0], fits.counts[r, 1] = here.counts[PATIENTS], here.counts[EVENTS]
        if state == _OK:
            for attempt in range(2):
                for p in range(p_count):
                    b[p] = fits.beta[r, use[p]] * here.scale[p] if started and attempt == 0 else 0.0
                state = newton(here, efron, started, at, b, root, fits.loglik[r])
                if not started or state == _OK:
                    break
        fits.status[r] = state
        if state != _OK:
            continue
        for p in range(p_count):
            fits.beta[r, use[p]] = b[p] / here.scale[p]
        own = covariance_of(root, here.scale)
        put(own, use, fits.covariance[r])
        if block.cluster.shape[0] > 0:
            put(sandwich(block.cluster[c], block.clusters, here, efron, at, own), use, fits.robust[r])
