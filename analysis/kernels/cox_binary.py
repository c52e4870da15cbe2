"""Univariable Cox fits of 0/1 covariates: no weights, strata or late entry.

A term of the partial likelihood is then a pair: a treated and b untreated patients at risk (under Efron's ties the
k-th of d deaths at a time counts the dead as (d - k) / d patients each), log L = D beta - sum log(a exp(beta) + b).
"""

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.ordering import Order
from analysis.kernels.status import Status
from simulator.cohort import Bools, Floats
from simulator.compiled import kernel

Ints = NDArray[np.int64]

_OK = int(Status.OK)
_MONOTONE = int(Status.MONOTONE)
_NO_EVENTS = int(Status.NO_EVENTS)
_NO_INFO = int(Status.NO_INFO)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)
_NOT_CONVERGED = int(Status.NOT_CONVERGED)

_LAST_STEP = 3e-4  # after a step below this the Taylor series at its start is exact to 1e-13
_LARGEST_STEP = 3.0
_HUGE = 1e200


@kernel
def fit_binary(
    time: Floats,
    event: Bools,
    x: Floats,
    present: Bools,
    order: Order,
    efron: bool,
    other: Bools,
    beta: Floats,
    variance: Floats,
    loglik: Floats,
    counts: Ints,
    status: Ints,
) -> None:
    """Fits each column of ``x (A, N, P)`` alone in each row of ``present (R, N)``; row r is of cohort r // (R // A).

    Fills ``beta``, ``variance``, ``status (R, P)``, ``loglik (R, P, 3)``: at zero, at the fit (at the limit if
    MONOTONE) and the score test; ``counts (R, 2)``: patients and events. Marks in ``other (R, P)``, and leaves alone,
    what is not 0/1.
    """
    rows, n = present.shape
    per, p_count = rows // time.shape[0], x.shape[2]
    who = np.empty(n, np.int64)
    at_risk, dead = np.empty(n), np.empty(n, np.int64)
    ones, strange = np.empty(p_count), np.empty(p_count)
    treated, dead_treated = np.empty((n, p_count)), np.empty((n, p_count))
    terms = np.empty((2, n))
    for r in range(rows):
        c = r // per
        size, events, times, bad = 0, 0, 0, False
        for k in range(n):
            who[size] = order[c, k]
            size += present[r, order[c, k]]
        for p in range(p_count):
            ones[p] = 0.0
            strange[p] = 0.0
        k = size - 1
        while k >= 0:
            t = time[c, who[k]]
            bad |= not abs(t) < np.inf
            d = 0
            for p in range(p_count):
                dead_treated[times, p] = 0.0
            while True:
                i = who[k]
                died = event[c, i]
                d += died
                for p in range(p_count):
                    value = x[c, i, p]
                    strange[p] += abs(value * (1.0 - value))
                    ones[p] += value
                    dead_treated[times, p] += died * value
                k -= 1
                if k < 0 or time[c, who[k]] != t:
                    break
            if d > 0:
                at_risk[times] = size - 1 - k
                dead[times] = d
                for p in range(p_count):
                    treated[times, p] = ones[p]
                times += 1
                events += d
        counts[r, 0], counts[r, 1] = size, events
        for p in range(p_count):
            other[r, p] = False
            if bad:
                status[r, p] = _BAD_INPUT
            elif strange[p] != 0.0:
                other[r, p] = True
            elif size < 2:
                status[r, p] = _TOO_FEW
            elif events == 0:
                status[r, p] = _NO_EVENTS
            else:
                status[r, p] = solve_terms(
                    times, at_risk, dead, treated, dead_treated, p, efron, terms, beta[r], variance[r], loglik[r]
                )


@kernel
def solve_terms(
    times: int,
    at_risk: Floats,
    dead: Ints,
    treated: Floats,
    dead_treated: Floats,
    p: int,
    efron: bool,
    terms: Floats,
    beta: Floats,
    variance: Floats,
    loglik: Floats,
) -> int:
    """The status of the fit of column p; fills place p of ``beta``, ``variance`` and ``loglik``.

    Sums of logarithms are taken as the logarithm of a product, split before it leaves the range of floating point.
    """
    mixed, with_one, single = 0, 0.0, 0.0
    null, product, score, information, slope, bend = 0.0, 1.0, 0.0, 0.0, 0.0, 0.0
    for j in range(times):
        d = dead[j]
        is_mixed = 0.0 < treated[j, p] < at_risk[j]
        if is_mixed:
            with_one += dead_treated[j, p]
        for k in range(d):
            part = k / d if efron else 0.0
            both = at_risk[j] - part * d
            product *= both
            if product > _HUGE:
                null -= np.log(product)
                product = 1.0
            if is_mixed:
                a = treated[j, p] - part * dead_treated[j, p]
                terms[0, mixed] = a
                terms[1, mixed] = both - a
                mixed += 1
            else:
                single += np.log(both)
    loglik[p, 0] = null - np.log(product)
    if mixed == 0:
        loglik[p, 1] = loglik[p, 0]
        return _NO_INFO
    b, low, high = 0.0, -np.inf, np.inf
    for iteration in range(100):
        theta = np.exp(b)
        score, information, slope, bend = with_one, 0.0, 0.0, 0.0
        for k in range(mixed):
            a = terms[0, k] * theta
            share = a / (a + terms[1, k])
            v = share * (1.0 - share)
            score -= share
            information += v
            slope += v * (1.0 - 2.0 * share)
            bend += v * (1.0 - 6.0 * v)
        if iteration == 0:
            loglik[p, 2] = score * score / information
            if with_one == 0.0 or with_one == mixed:
                upwards = 1.0 if with_one > 0.0 else 0.0
                loglik[p, 1] = -single - log_sum(terms, mixed, upwards, 1.0 - upwards)
                return _MONOTONE
        if score > 0.0:
            low = b
        else:
            high = b
        curve = information * information + 0.5 * score * slope
        step = score * information / curve if curve > 0.25 * information * information else score / information
        if abs(step) < 0.5:
            rest = score - step * (information + step * (slope / 2.0 + step * bend / 6.0))
            step += rest / (information + step * slope)
        if abs(step) < _LAST_STEP:
            beta[p] = b + step
            variance[p] = 1.0 / (information + step * (slope + step * bend / 2.0))
            gain = step * (score - step * (information / 2.0 + step * (slope / 6.0 + step * bend / 24.0)))
            loglik[p, 1] = with_one * b + gain - single - log_sum(terms, mixed, theta, 1.0)
            return _OK
        b += min(max(step, -_LARGEST_STEP), _LARGEST_STEP)
        if not low < b < high:
            b = 0.5 * (low + high)
    return _NOT_CONVERGED


@kernel
def log_sum(terms: Floats, count: int, first: float, second: float) -> float:
    """The sum of log(first * terms[0] + second * terms[1])."""
    total, product = 0.0, 1.0
    for k in range(count):
        product *= first * terms[0, k] + second * terms[1, k]
        if not 1.0 / _HUGE < product < _HUGE:
            total += np.log(product)
            product = 1.0
    return total + np.log(product)
