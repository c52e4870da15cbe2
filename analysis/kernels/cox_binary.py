"""Univariable Cox fits of 0/1 covariates: no weights, strata or late entry.

A term of the partial likelihood is then a pair: a treated and b untreated patients at risk (under Efron's ties the
k-th of d deaths at a time counts the dead as (d - k) / d patients each), log L = D beta - sum log(a exp(beta) + b).
"""

from typing import NamedTuple

import numpy as np

from analysis.kernels.lanes import sum_of_products
from analysis.kernels.risk_sets import AT_RISK, BAD, DEAD, EVENTS, SIZE, TIMES, RiskSetTable, SortedBlock, tabulate
from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Ints
from simulator.numerics.compiled import kernel

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


class BinaryFits(NamedTuple):
    """What `fit_binary` fills, ``(R, P)`` but where it says otherwise."""

    beta: Floats
    variance: Floats
    loglik: Floats  # (R, P, 3): at zero, at the fit (at the limit if MONOTONE), the score test; no rows: not asked for
    counts: Ints  # (R, 2): patients and events
    status: Ints
    other: Bools  # marks what is not 0/1, and is left alone


class BinaryTerms(NamedTuple):
    """The terms of one covariate, one per death ``(N,)``, and what Newton's method makes of them."""

    first: Floats  # a, the treated at risk
    both: Floats  # a + b, all at risk
    share: Floats  # a exp(beta) / (a exp(beta) + b)
    spread: Floats  # share (1 - share)
    one: Floats  # ones


@kernel
def fit_binary(block: SortedBlock, present: Bools, efron: bool, fits: BinaryFits) -> None:
    """Fits each column of the block's ``x`` alone in each row of ``present (R, N)``; row r is of cohort r // (R // A).

    Fills ``fits``.
    """
    rows, n = present.shape
    per, p_count = rows // block.time.shape[0], block.x.shape[2]
    table = RiskSetTable(
        np.empty((n + 1, 4)), np.empty((n + 1, p_count)), np.empty((n + 1, p_count)), np.empty(n, np.int64),
        np.empty(p_count), np.empty(p_count), np.empty(4, np.int64),
    )  # fmt: skip
    terms = BinaryTerms(np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.ones(n))
    nowhere, asked = np.empty((0, 3)), fits.loglik.shape[0] > 0
    status, other, counted, strange = fits.status, fits.other, table.counts, table.strange
    for r in range(rows):
        tabulate(r // per, block, present[r], table)
        size, events, times = counted[SIZE], counted[EVENTS], counted[TIMES]
        fits.counts[r, 0], fits.counts[r, 1] = size, events
        null = spread_ties(times, table.rows, efron, terms.both)
        for p in range(p_count):
            other[r, p] = counted[BAD] == 0 and strange[p] != 0.0
            if counted[BAD] > 0:
                status[r, p] = _BAD_INPUT
            elif size < 2:
                status[r, p] = _TOO_FEW
            elif events == 0:
                status[r, p] = _NO_EVENTS
            elif not other[r, p]:
                if asked:
                    fits.loglik[r, p, 0] = null
                with_one = spread_treated(table, times, efron, p, terms.first)
                status[r, p] = solve_terms(
                    events, terms, with_one, 0.0, p, fits.beta[r], fits.variance[r],
                    fits.loglik[r] if asked else nowhere,
                )  # fmt: skip


@kernel
def spread_treated(table: RiskSetTable, times: int, efron: bool, p: int, first: Floats) -> float:
    """The number of deaths among the treated of column p; fills ``first``, the treated at risk of each death."""
    rows, treated, dead_treated = table.rows, table.treated, table.dead_treated
    with_one, s = 0.0, 0
    for j in range(times):
        with_one += dead_treated[j, p]
        first[s] = treated[j, p]
        s += 1
        d = rows[j, DEAD]
        for step in range(1, int(d)):
            first[s] = treated[j, p] - (step * dead_treated[j, p] / d if efron else 0.0)
            s += 1
    return with_one


@kernel
def spread_ties(times: int, table: Floats, efron: bool, both: Floats) -> float:
    """The log-likelihood at zero; fills ``both``, the size of the risk set of each death.

    Sums of logarithms are taken as the logarithm of a product, split before it leaves the range of floating point.
    """
    s, product, total = 0, 1.0, 0.0
    for j in range(times):
        for step in range(int(table[j, DEAD])):
            both[s] = table[j, AT_RISK] - (step if efron else 0)
            product *= both[s]
            if product > _HUGE:
                total += np.log(product)
                product = 1.0
            s += 1
    return -total - np.log(product)


@kernel
def solve_terms(
    events: int, terms: BinaryTerms, with_one: float, begin: float, p: int, beta: Floats, variance: Floats,
    loglik: Floats,
) -> int:  # fmt: skip
    """The status of the fit of column p by Householder's steps from ``begin``.

    ``with_one`` is the number of deaths among the treated. Terms with a = 0 or b = 0 cancel out of the score. Fills
    place p of ``beta``, ``variance`` and, where it has rows, ``loglik``, for which ``begin`` is 0.
    """
    first, both, share, spread, one = terms.first, terms.both, terms.share, terms.spread, terms.one
    b, low, high = begin, -np.inf, np.inf
    for iteration in range(100):
        theta = np.exp(b)
        for s in range(events):
            share[s] = np.divide(first[s] * theta, first[s] * theta + (both[s] - first[s]))
        for s in range(events):
            spread[s] = share[s] * (1.0 - share[s])
        score = with_one - sum_of_products(share, one, one, events)
        information = sum_of_products(spread, one, one, events)
        if iteration == 0:
            if information == 0.0:
                if loglik.shape[0] > 0:
                    loglik[p, 1] = loglik[p, 0]
                return _NO_INFO
            certain, mixed = 0, 0
            for s in range(events):
                certain += share[s] == 1.0
                mixed += spread[s] > 0.0
            if loglik.shape[0] > 0:
                loglik[p, 2] = score * score / information
            if with_one == certain or with_one == mixed + certain:
                if loglik.shape[0] > 0:
                    loglik[p, 1] = extreme(events, first, both, with_one > certain)
                return _MONOTONE
        slope = information - 2.0 * sum_of_products(spread, share, one, events)
        bend = information - 6.0 * sum_of_products(spread, spread, one, events)
        if score > 0.0:
            low = b
        else:
            high = b
        step = householder_step(score, information, slope, bend)
        if abs(step) < _LAST_STEP:
            beta[p] = b + step
            variance[p] = 1.0 / (information + step * (slope + step * bend / 2.0))
            if loglik.shape[0] > 0:
                gain = step * (score - step * (information / 2.0 + step * (slope / 6.0 + step * bend / 24.0)))
                loglik[p, 1] = less_risk_sets(with_one * b + gain, events, first, both, theta)
            return _OK
        b += min(max(step, -_LARGEST_STEP), _LARGEST_STEP)
        if not low < b < high:
            b = 0.5 * (low + high)
    return _NOT_CONVERGED


@kernel
def householder_step(score: float, information: float, slope: float, bend: float) -> float:
    """The next step of the coefficient; ``slope`` and ``bend`` are the first two derivatives of the information."""
    curve = information * information + 0.5 * score * slope
    step = score * information / curve if curve > 0.25 * information * information else score / information
    if abs(step) < 0.5:
        rest = score - step * (information + step * (slope / 2.0 + step * bend / 6.0))
        step += rest / (information + step * slope)
    return step


@kernel
def less_risk_sets(value: float, events: int, first: Floats, both: Floats, theta: float) -> float:
    """``value`` less the sum of log(a theta + b) over deaths; products are split as in `spread_ties`."""
    product, total = 1.0, 0.0
    for s in range(events):
        product *= first[s] * theta + (both[s] - first[s])
        if not 1.0 / _HUGE < product < _HUGE:
            total += np.log(product)
            product = 1.0
    return value - total - np.log(product)


@kernel
def extreme(events: int, first: Floats, both: Floats, upwards: bool) -> float:
    """The log-likelihood at an infinite coefficient, where each risk set is down to its treated or its untreated."""
    total = 0.0
    for s in range(events):
        left = first[s] if upwards else both[s] - first[s]
        total -= np.log(left if left > 0.0 else both[s])
    return total
