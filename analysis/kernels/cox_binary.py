"""Univariable Cox fits of 0/1 covariates: no weights, strata or late entry.

A term of the partial likelihood is then a pair: a treated and b untreated patients at risk (under Efron's ties the
k-th of d deaths at a time counts the dead as (d - k) / d patients each), log L = D beta - sum log(a exp(beta) + b).
"""

from typing import NamedTuple

import numpy as np

from analysis.kernels.lane_tables import (
    SETS,
    BinaryTerms,
    count_lanes,
    people,
    room_for_lanes,
    room_for_terms,
    spread_lanes,
)
from analysis.kernels.lanes import share_moments
from analysis.kernels.risk_sets import SortedBlock
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


@kernel
def fit_binary(block: SortedBlock, present: Bools, efron: bool, fits: BinaryFits) -> None:
    """Fits each column of the block's ``x`` alone in each row of ``present (R, N)``; row r is of cohort r // (R // A).

    Fills ``fits``.
    """
    rows, n = present.shape
    per, p_count = rows // block.time.shape[0], block.x.shape[2]
    lanes, terms = room_for_lanes(n, 1 + p_count), room_for_terms(n)
    nowhere, asked = np.empty((0, 3)), fits.loglik.shape[0] > 0
    status, other = fits.status, fits.other
    for r in range(rows):
        c = r // per
        for begin in range(0, p_count, SETS - 1):
            width = min(SETS - 1, p_count - begin)
            strange = mark_columns(block.x[c], begin, width, present[r], lanes.member)
            times, bad = count_lanes(block.time[c], block.event[c], block.order[c], width + 1, lanes)
            size, events = people(lanes.now[0])
            fits.counts[r, 0], fits.counts[r, 1] = size, events
            for p in range(begin, begin + width):
                lane = 1 + p - begin
                other[r, p] = bad == 0 and (strange >> lane) & 1 > 0
                if bad != 0:
                    status[r, p] = _BAD_INPUT
                elif size < 2:
                    status[r, p] = _TOO_FEW
                elif events == 0:
                    status[r, p] = _NO_EVENTS
                elif not other[r, p]:
                    spread_lanes(lanes, times, 0, lane, efron, terms)
                    if asked:
                        fits.loglik[r, p, 0] = less_risk_sets(0.0, events, terms.first, terms.both, 1.0)
                    status[r, p] = solve_terms(
                        events, terms, float(lanes.now[lane] >> 32), 0.0, p, fits.beta[r], fits.variance[r],
                        fits.loglik[r] if asked else nowhere,
                    )  # fmt: skip


@kernel
def mark_columns(x: Floats, begin: int, width: int, present: Bools, member: Ints) -> int:
    """The columns that are not 0/1, as bits; fills ``member``: a bit for those present, then one for each column of
    ``x (N, P)`` from ``begin`` on that is 1.
    """
    strange = 0
    for i in range(present.shape[0]):
        member[i] = 0
        if present[i]:
            own = 1
            for p in range(width):
                value = x[i, begin + p]
                own |= int(value == 1.0) << (p + 1)
                strange |= int(value * (1.0 - value) != 0.0) << (p + 1)
            member[i] = own
    return strange


@kernel
def solve_terms(
    events: int, terms: BinaryTerms, with_one: float, begin: float, p: int, beta: Floats, variance: Floats,
    loglik: Floats,
) -> int:  # fmt: skip
    """The status of the fit of column p by Householder's steps from ``begin``.

    ``with_one`` is the number of deaths among the treated. Terms with a = 0 or b = 0 cancel out of the score. Fills
    place p of ``beta``, ``variance`` and, where it has rows, ``loglik``, for which ``begin`` is 0.
    """
    first, both = terms.first, terms.both
    b, low, high = begin, -np.inf, np.inf
    for iteration in range(100):
        theta = np.exp(b)
        expected, information, third, fourth = share_moments(first, both, theta, events)
        score = with_one - expected
        if iteration == 0:
            if information == 0.0:
                if loglik.shape[0] > 0:
                    loglik[p, 1] = loglik[p, 0]
                return _NO_INFO
            certain, possible = 0, 0
            for s in range(events):
                certain += first[s] == both[s]
            for s in range(events):
                possible += first[s] > 0.0
            if loglik.shape[0] > 0:
                loglik[p, 2] = score * score / information
            if with_one in (float(certain), float(possible)):
                if loglik.shape[0] > 0:
                    loglik[p, 1] = extreme(events, first, both, with_one > certain)
                return _MONOTONE
        slope, bend = information - 2.0 * third, information - 6.0 * fourth
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
    """``value`` less the sum of log(a theta + b) over deaths; a sum of
    logarithms is taken as that of a product, split before it leaves the range of floating point."""
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
