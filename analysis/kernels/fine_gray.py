"""Fine and Gray's model: Cox's likelihood in which who had a competing event stays at risk, with a falling weight.

A patient with a competing event at T is at risk at a later s with G(s-) / G(T-) of the own weight; G is the
Kaplan-Meier estimate of not being censored in the patient's group of censoring (Fine & Gray 1999, JASA 94:496-509).
With E(s) the sum of risk / G(T-) over those whose competing event came before s, what a risk set holds besides those
still followed is G(s-) E(s), one sum per group of censoring; so nobody's rows are split.
"""

from typing import NamedTuple

import numpy as np

from analysis.kernels.cox import factorise, least_information, solve
from analysis.kernels.cox_data import DEATHS, FIRST, GROUPS, LAST, PATIENTS, START, STEP, STOP, CoxPatients
from analysis.kernels.cox_likelihood import CoxPoint, combine, leave_out_the_dead, less_log, sum_over_risk_sets
from analysis.kernels.lanes import sum_of_products
from analysis.kernels.linear import exponentials, largest
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
_LAST_STEP = 1e-10
_FLAT = 1e-13  # gain per event below which the likelihood has reached its limit
_COLLINEAR = 1e-11


class Staying(NamedTuple):
    """Who stays at risk, in the order of `CoxPatients`, as `let_stay` fills it."""

    carry: Floats  # (N,), 1 / G(T-) of those with a competing event, else 0
    label: Ints  # (N,), the group of censoring
    free: Floats  # (L, N), G(t-) of each group of censoring at each group of equal times
    extra: Floats  # (1 + P, N), what those who stay add to the sums at each group of equal times


@kernel
def let_stay(
    c: int, time: Floats, kind: Ints, label: Ints, labels: int, order: Positions, events_first: bool, present: Bools,
    here: CoxPatients, staying: Staying,
) -> None:  # fmt: skip
    """Fills ``staying`` but for ``extra``; ``order`` is by time. Weights do not count in G, as in finegray.

    At a time at which some have an event and others are censored the events come first, as in finegray, or else
    together, as in crr. After the last time of its group G is 0.
    """
    n, place = present.shape[0], here.place
    count, now = np.zeros(labels), np.ones(labels)
    lost, had = np.zeros(labels), np.zeros(labels)
    before, owner = np.empty((labels, n)), np.zeros(n, np.int64)
    for i in range(n):
        if place[i] >= 0:
            own = label[c, i] if label.shape[0] > 0 else 0
            staying.label[place[i]] = own
            count[own] += 1.0
    last, times = np.nan, -1
    for k in range(n):
        i = order[c, k]
        if place[i] < 0:
            continue
        if time[c, i] != last:
            for g in range(labels):
                if lost[g] > 0.0:
                    now[g] *= 1.0 - lost[g] / (count[g] - (had[g] if events_first else 0.0))
                count[g] -= lost[g] + had[g]
                if count[g] <= 0.0:
                    now[g] = 0.0
                lost[g], had[g] = 0.0, 0.0
            last, times = time[c, i], times + 1
            for g in range(labels):
                before[g, times] = now[g]
        own = staying.label[place[i]]
        if kind[c, i] == 0:
            lost[own] += 1.0
        else:
            had[own] += 1.0
        owner[place[i]] = times
        staying.carry[place[i]] = 1.0 / now[own] if kind[c, i] > 1 else 0.0
    for g in range(here.counts[GROUPS]):
        for own in range(labels):
            staying.free[own, g] = before[own, owner[here.group[g, START]]]


@kernel
def weigh_staying(here: CoxPatients, risk: Floats, staying: Staying) -> None:
    """Fills ``extra``."""
    group, z, labels = here.group, here.z, staying.free.shape[0]
    width = z.shape[0]
    sums = np.zeros((labels, width))
    for g in range(here.counts[GROUPS]):
        if group[g, START] == group[g, FIRST]:
            sums[:, :] = 0.0
        for p in range(width):
            staying.extra[p, g] = 0.0
            for own in range(labels):
                staying.extra[p, g] += staying.free[own, g] * sums[own, p]
        for i in range(group[g, START], group[g, STOP]):
            if staying.carry[i] > 0.0:
                for p in range(width):
                    sums[staying.label[i], p] += risk[i] * staying.carry[i] * z[p, i]


@kernel
def steps_with_staying(here: CoxPatients, efron: bool, staying: Staying, at: CoxPoint) -> int:
    """The number of steps of the hazard, latest first, as `analysis.kernels.cox_likelihood.hazard_steps`; 0 if the
    risk sets cannot be computed.
    """
    weight, died, group = here.weight, here.died, here.group
    risk, first, share, jump = at.risk, at.first, at.share, at.jump
    inverse = at.exposure  # its memory serves
    steps, product, loglik, ties, s = 0, 1.0, at.total[0], False, 0.0
    for g in range(here.counts[GROUPS] - 1, -1, -1):
        start, deaths = group[g, START], group[g, DEATHS]
        dead, dead_weight = 0.0, 0.0
        for i in range(group[g, STOP] - 1, start - 1, -1):
            s += risk[i]
            if died[i]:
                dead += risk[i]
                dead_weight += weight[i]
        group[g, STEP] = steps
        steps_here = deaths if efron else min(deaths, 1)
        if steps_here > 1:
            dead_weight /= steps_here
            ties = True
        for step in range(steps_here):
            at_risk = s + staying.extra[0, g] - step / steps_here * dead
            if not 0.0 < at_risk < np.inf:
                at.total[0] = -np.inf
                return 0
            inverse[steps] = 1.0 / at_risk
            share[steps], jump[steps], first[steps] = dead_weight, dead_weight * inverse[steps], start
            steps += 1
            loglik, product = less_log(loglik, product, dead_weight, at_risk)
        if start == group[g, FIRST]:
            s = 0.0
    at.total[0] = loglik - np.log(product)
    for p in range(1, here.z.shape[0], 4):
        sum_over_risk_sets(here, p, steps, inverse, at)
    for g in range(here.counts[GROUPS]):
        steps_here = group[g, DEATHS] if efron else min(group[g, DEATHS], 1)
        for s_ in range(group[g, STEP], group[g, STEP] + steps_here):
            for p in range(1, here.z.shape[0]):
                at.mean[p, s_] += staying.extra[p, g] * inverse[s_]
    if ties:
        leave_out_the_dead(here, efron, inverse, at)
    return steps


@kernel
def expose(here: CoxPatients, efron: bool, staying: Staying, at: CoxPoint) -> None:
    """Fills ``exposure`` and ``martingale``."""
    weight, died, group = here.weight, here.died, here.group
    risk, jump, exposure, martingale = at.risk, at.jump, at.exposure, at.martingale
    before = 0.0
    for g in range(here.counts[GROUPS]):
        if group[g, START] == group[g, FIRST]:
            before = 0.0
        alive, dead = jumps_at(group[g, STEP], group[g, DEATHS], efron, jump)
        for i in range(group[g, START], group[g, STOP]):
            exposure[i] = before + (dead if died[i] else alive)
        before += alive
    ahead = np.zeros(staying.free.shape[0])
    for g in range(here.counts[GROUPS] - 1, -1, -1):
        for i in range(group[g, START], group[g, STOP]):
            if staying.carry[i] > 0.0:
                exposure[i] += staying.carry[i] * ahead[staying.label[i]]
            exposure[i] *= risk[i]
            martingale[i] = (weight[i] if died[i] else 0.0) - exposure[i]
        alive, dead = jumps_at(group[g, STEP], group[g, DEATHS], efron, jump)
        for own in range(len(ahead)):
            ahead[own] = 0.0 if group[g, START] == group[g, FIRST] else ahead[own] + staying.free[own, g] * alive


@kernel
def jumps_at(first: int, deaths: int, efron: bool, jump: Floats) -> tuple[float, float]:
    """The hazard at one time, of those who live on and, by Efron's share, of those who die."""
    steps = deaths if efron else min(deaths, 1)
    alive, dead = 0.0, 0.0
    for step in range(steps):
        alive += jump[first + step]
        dead += jump[first + step] * (1.0 - step / steps)
    return alive, dead


@kernel
def subdistribution(beta: Floats, here: CoxPatients, efron: bool, staying: Staying, at: CoxPoint) -> None:
    """Fills ``at``, the weighted partial likelihood at ``beta``; ``total`` as in `cox_likelihood.likelihood`."""
    z, weight, died, size, width = here.z, here.weight, here.died, here.counts[PATIENTS], here.z.shape[0]
    total = at.total
    combine(beta, z, size, at.risk)
    total[0] = 0.0
    for i in range(size):
        if died[i]:
            total[0] += weight[i] * at.risk[i]
    exponentials(at.risk, at.martingale, size)
    for i in range(size):
        at.risk[i] *= weight[i]
    weigh_staying(here, at.risk, staying)
    steps = steps_with_staying(here, efron, staying, at)
    if steps == 0:
        return
    expose(here, efron, staying, at)
    k = width
    for p in range(1, width):
        for q in range(p + 1):
            if q == 0:
                total[p] = sum_of_products(at.martingale, z[0], z[p], size)
            else:
                total[k] = sum_of_products(at.exposure, z[p], z[q], size)
                total[k] -= sum_of_products(at.share, at.mean[p], at.mean[q], steps)
                k += 1


@kernel
def recedes_staying(here: CoxPatients, step: Floats, tolerance: float, staying: Staying, eta: Floats) -> bool:
    """Whether along ``step`` everyone who dies has the largest linear predictor of those at risk: no maximum exists."""
    group, size = here.group, here.counts[PATIENTS]
    low, high = np.inf, -np.inf
    for i in range(size):
        eta[i] = 0.0
        for p in range(step.shape[0]):
            eta[i] += step[p] * here.z[1 + p, i]
        low, high = min(low, eta[i]), max(high, eta[i])
    slack = tolerance * (high - low)
    for g in range(here.counts[GROUPS]):
        if group[g, DEATHS] > 0:
            top = -np.inf
            for i in range(group[g, FIRST], group[g, LAST]):
                stays = staying.carry[i] > 0.0 and staying.free[staying.label[i], g] > 0.0
                if i >= group[g, START] or stays:
                    top = max(top, eta[i])
            for i in range(group[g, START], group[g, STOP]):
                if here.died[i] and eta[i] < top - slack:
                    return False
    return True


@kernel
def climb(
    here: CoxPatients, efron: bool, staying: Staying, at: CoxPoint, beta: Floats, root: Floats, loglik: Floats
) -> int:
    """The status of the fit by Newton's method from 0; fills ``beta``, the ``root`` of the information, and ``loglik
    (3,)``: at 0, at the fit, and the score test.
    """
    size, p_count, total = here.counts[PATIENTS], beta.shape[0], at.total
    floor, step = np.zeros(p_count), np.zeros(p_count)
    events = 0.0
    for i in range(size):
        events += here.weight[i] * here.died[i]
    before, last_span, settled, well = -np.inf, np.inf, False, True
    beta[:] = 0.0
    for iteration in range(_ITERATIONS):
        subdistribution(beta, here, efron, staying, at)
        first = iteration == 0
        if not (total[0] >= before - 1e-9 * (1.0 + abs(before))):
            for p in range(p_count):  # too far: go half way back
                step[p] /= 2.0
                beta[p] -= step[p]
            continue
        if first:
            loglik[0] = total[0]
            if least_information(here, total, events, floor) == 0 and p_count > 0:
                loglik[1] = total[0]
                return _NO_INFO
        well = factorise(total, floor, _COLLINEAR if first else 0.0, root)
        if first and not well:
            return _SINGULAR
        if well:
            solve(root, total, step)
        gain = 0.0
        for p in range(p_count):
            gain += step[p] * total[1 + p]
            floor[p] = 0.0
        combine(step, here.z, size, at.exposure)
        span = largest(at.exposure, size)
        if first:
            loglik[2] = gain
        loglik[1] = total[0]
        if span < _LAST_STEP or (span < 1e-7 and span >= last_span):
            for p in range(p_count):
                beta[p] += step[p]
            subdistribution(beta, here, efron, staying, at)
            return _OK
        if not well or (gain < _FLAT * events and span > 0.01):
            if recedes_staying(here, step, 0.0 if p_count == 1 else 1e-4, staying, at.risk):
                return _MONOTONE
            if not well:
                break
        before, last_span = total[0], span
        settled = gain < 1e-4 * events and span > 0.01
        for p in range(p_count):
            step[p] *= min(1.0, _LARGEST_STEP / span)
            beta[p] += step[p]
    loglik[1] = np.nan
    return _MONOTONE if settled or not well else _NOT_CONVERGED
