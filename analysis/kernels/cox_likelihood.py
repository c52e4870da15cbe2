"""Cox's partial likelihood of one cohort, with its score and information, P covariates at once.

Patients come sorted by stratum and time. ``z (1 + P, size)`` are their covariates, centred and scaled, below a row of
ones. Row g of ``group`` describes the patients of equal time:

    START, STOP    their places
    DEATHS         how many of them die
    FIRST, LAST    the places of their stratum
    ENTERED        ``late[FIRST:ENTERED]`` are those who have entered before (``late`` lists the places by stratum and
                   entry, and is empty where everybody enters at the start)
    STEP           the first of the steps of the hazard at this time: Efron's ties have one per death, else there is one

The score is sum(martingale z), and the information is sum(exposure z z') - sum(share mean mean').
"""

from typing import NamedTuple

import numpy as np

from analysis.kernels.cox_data import DEATHS, ENTERED, FIRST, GROUPS, PATIENTS, START, STEP, STOP, CoxPatients
from analysis.kernels.lanes import sum_of_products
from analysis.kernels.linear import exponentials
from simulator.numerics.arrays import Floats, Ints
from simulator.numerics.compiled import kernel


class CoxPoint(NamedTuple):
    """The partial likelihood at some coefficients, by patient and by step of the hazard, in the order of ``first``."""

    total: Floats  # its logarithm, the score (P), and the information's lower triangle
    risk: Floats  # weight * exp(linear predictor)
    exposure: Floats  # risk * cumulative hazard
    martingale: Floats  # weight * died - exposure
    first: Ints  # the first patient at risk of a step, unless some enter late
    share: Floats  # the weight of a step's deaths
    jump: Floats  # the step of the hazard
    mean: Floats  # (1 + P, steps), of z over a step's risk set; not that of the ones


@kernel
def room_for(n: int, p_count: int, late: bool) -> tuple[CoxPatients, CoxPoint]:
    """Nobody yet, and no coefficients: the memory for ``n`` patients."""
    here = CoxPatients(
        np.ones((1 + p_count, n)), np.empty(p_count), np.empty(n), np.empty(n, np.bool_), np.empty((n, 7), np.int64),
        np.empty(n if late else 0, np.int64), np.empty(n, np.int64), np.empty(3, np.int64),
    )  # fmt: skip
    at = CoxPoint(
        np.empty(1 + p_count + p_count * (p_count + 1) // 2), np.empty(n), np.empty(n), np.empty(n),
        np.empty(n, np.int64), np.empty(n), np.empty(n), np.empty((1 + p_count, n)),
    )  # fmt: skip
    return here, at


@kernel
def likelihood(beta: Floats, here: CoxPatients, efron: bool, planned: int, at: CoxPoint) -> None:
    """Fills ``at``, the partial likelihood at ``beta``; ``share`` and ``first`` stay as `plan_steps` filled them if it
    ``planned`` steps.
    """
    z, weight, died, size, width = here.z, here.weight, here.died, here.counts[PATIENTS], here.z.shape[0]
    total, risk, exposure, martingale, share, mean = at.total, at.risk, at.exposure, at.martingale, at.share, at.mean
    combine(beta, z, size, risk)
    total[0] = 0.0
    for i in range(size):
        if died[i]:
            total[0] += weight[i] * risk[i]
    exponentials(risk, martingale, size)
    for i in range(size):
        risk[i] *= weight[i]
    if planned > 0:
        steps = planned_steps(here, planned, at)
        cumulate_planned(here, planned, at)
    else:
        steps = hazard_steps_late(here, efron, at) if len(here.late) > 0 else hazard_steps(here, efron, at)
        cumulate(here, efron, at)
    k = width
    for p in range(1, width):
        for q in range(p + 1):
            if q == 0:
                total[p] = sum_of_products(martingale, z[0], z[p], size)
            else:
                total[k] = sum_of_products(exposure, z[p], z[q], size)
                total[k] -= sum_of_products(share, mean[p], mean[q], steps)
                k += 1


@kernel
def combine(beta: Floats, z: Floats, size: int, eta: Floats) -> None:
    """Fills ``eta``, the linear predictor."""
    for i in range(size):
        eta[i] = 0.0
    for p in range(beta.shape[0]):
        for i in range(size):
            eta[i] += beta[p] * z[1 + p, i]


@kernel
def less_log(loglik: float, product: float, share: float, at_risk: float) -> tuple[float, float]:
    """``loglik`` less ``share`` times the logarithm of ``at_risk``, and the ``product`` still to be taken off it so.

    A sum of logarithms is taken as the logarithm of a product, split before it leaves the range of floating point.
    """
    if share != 1.0:
        return loglik - share * np.log(at_risk), product
    product *= at_risk
    if not 1e-200 < product < 1e200:
        return loglik - np.log(product), 1.0
    return loglik, product


@kernel
def plan_steps(here: CoxPatients, at: CoxPoint) -> int:
    """The number of steps, latest first, where each is one death, in one stratum that nobody enters late; else 0.

    Fills ``share`` and ``first``, which hold for any coefficients.
    """
    weight, died, group, share, first = here.weight, here.died, here.group, at.share, at.first
    groups, steps = here.counts[GROUPS], int(np.int64(0))  # a plain 0 would have what it is passed to compiled twice
    if len(here.late) > 0 or group[groups - 1, FIRST] > 0:
        return 0
    for g in range(groups - 1, -1, -1):
        if group[g, DEATHS] > 1:
            return 0
        group[g, STEP] = steps
        if group[g, DEATHS] == 1:
            share[steps], first[steps] = 0.0, group[g, START]
            for i in range(group[g, START], group[g, STOP]):
                share[steps] += weight[i] if died[i] else 0.0
            steps += 1
    return steps


@kernel
def planned_steps(here: CoxPatients, steps: int, at: CoxPoint) -> int:
    """As `hazard_steps`, after `plan_steps`; what ``exposure`` and ``martingale`` hold is lost."""
    risk, first, share, jump, total = at.risk, at.first, at.share, at.jump, at.total
    inverse, at_risk = at.exposure, at.martingale  # their memory serves
    s, product, loglik = 0.0, 1.0, total[0]
    for i in range(here.counts[PATIENTS] - 1, -1, -1):
        s += risk[i]
        at_risk[i] = s
    if not (at_risk[first[0]] > 0.0 and at_risk[first[steps - 1]] < np.inf):
        total[0] = -np.inf
        return 0
    for step in range(steps):
        inverse[step] = np.divide(1.0, at_risk[first[step]])
        jump[step] = share[step] * inverse[step]
    for step in range(steps):
        loglik, product = less_log(loglik, product, share[step], at_risk[first[step]])
    total[0] = loglik - np.log(product)
    for p in range(1, here.z.shape[0], 4):
        sum_over_risk_sets(here, p, steps, inverse, at)
    return steps


@kernel
def cumulate_planned(here: CoxPatients, steps: int, at: CoxPoint) -> None:
    """As `cumulate`, after `planned_steps`."""
    weight, died, size = here.weight, here.died, here.counts[PATIENTS]
    first, risk, jump, exposure, martingale = at.first, at.risk, at.jump, at.exposure, at.martingale
    hazard, stop = 0.0, first[steps - 1]
    for i in range(stop):
        exposure[i] = 0.0
    for step in range(steps - 1, -1, -1):
        hazard += jump[step]
        start, stop = stop, first[step - 1] if step > 0 else size
        for i in range(start, stop):
            exposure[i] = risk[i] * hazard
    for i in range(size):
        martingale[i] = (weight[i] if died[i] else 0.0) - exposure[i]


@kernel
def hazard_steps(here: CoxPatients, efron: bool, at: CoxPoint) -> int:
    """The number of steps of the hazard, latest first, where nobody enters late; 0 if they cannot be computed.

    Fills ``first``, ``share``, ``jump`` and ``mean``, and takes the logarithms of the risk sets off ``total[0]``. Sums
    over risk sets run from the last patient to the first; what ``exposure`` holds is lost.
    """
    weight, died, group = here.weight, here.died, here.group
    risk, first, share, jump = at.risk, at.first, at.share, at.jump
    inverse = at.exposure  # its memory serves
    steps, product, loglik, ties = int(np.int64(0)), 1.0, at.total[0], False
    s = 0.0
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
            at_risk = s - step / steps_here * dead if step > 0 else s
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
    if ties:
        leave_out_the_dead(here, efron, inverse, at)
    return steps


@kernel
def sum_over_risk_sets(here: CoxPatients, p: int, steps: int, inverse: Floats, at: CoxPoint) -> None:
    """Fills four rows of ``mean`` from p on: means of z from the ``first`` of a step to its stratum's end.

    Four sums at a time, for each has to wait for its last addition.
    """
    z, group, risk, first, mean = here.z, here.group, at.risk, at.first, at.mean
    last = z.shape[0] - 1
    p1, p2, p3 = min(p + 1, last), min(p + 2, last), min(p + 3, last)
    step, g = 0, here.counts[GROUPS] - 1
    while step < steps:
        while group[g, FIRST] > first[step]:
            g -= 1
        begin, i = group[g, FIRST], group[g, STOP]
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        while step < steps and first[step] >= begin:
            while i > first[step]:
                i -= 1
                a += risk[i] * z[p, i]
                b += risk[i] * z[p1, i]
                c += risk[i] * z[p2, i]
                d += risk[i] * z[p3, i]
            mean[p, step], mean[p1, step] = a * inverse[step], b * inverse[step]
            mean[p2, step], mean[p3, step] = c * inverse[step], d * inverse[step]
            step += 1


@kernel
def leave_out_the_dead(here: CoxPatients, efron: bool, inverse: Floats, at: CoxPoint) -> None:
    """Takes Efron's share of the dead out of the means of z over the risk sets of tied deaths."""
    group, width = here.group, here.z.shape[0]
    for g in range(here.counts[GROUPS]):
        steps_here = group[g, DEATHS] if efron else 1
        for p in range(1, width if steps_here > 1 else 0):
            dead = 0.0
            for i in range(group[g, START], group[g, STOP]):
                if here.died[i]:
                    dead += at.risk[i] * here.z[p, i]
            for step in range(1, steps_here):
                s = group[g, STEP] + step
                at.mean[p, s] -= step / steps_here * dead * inverse[s]


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
def hazard_steps_late(here: CoxPatients, efron: bool, at: CoxPoint) -> int:
    """As `hazard_steps` where patients enter late, ``first`` apart, which has no meaning then."""
    z, weight, died, group, late = here.z, here.weight, here.died, here.group, here.late
    risk, width = at.risk, here.z.shape[0]
    steps, product, loglik, out = 0, 1.0, at.total[0], here.counts[PATIENTS]
    tree, dead = np.zeros((2 * len(late), width)), np.zeros(width)
    for g in range(here.counts[GROUPS] - 1, -1, -1):
        start, stop, deaths = group[g, START], group[g, STOP], group[g, DEATHS]
        dead_weight = 0.0
        for i in range(start, stop):
            switch(tree, z, i, risk[i])
            if died[i]:
                dead_weight += weight[i]
        while deaths > 0 and out > group[g, ENTERED]:
            out -= 1
            switch(tree, z, late[out], 0.0)
        group[g, STEP] = steps
        steps_here = deaths if efron else min(deaths, 1)
        if steps_here > 1:
            for p in range(width):
                dead[p] = 0.0
                for i in range(start, stop):
                    if died[i]:
                        dead[p] += risk[i] * z[p, i]
            dead_weight /= steps_here
        for step in range(steps_here):
            part = step / steps_here if step > 0 else 0.0
            at_risk = tree[1, 0] - part * dead[0]
            if not 0.0 < at_risk < np.inf:
                at.total[0] = -np.inf
                return 0
            inverse = 1.0 / at_risk
            at.share[steps], at.jump[steps] = dead_weight, dead_weight * inverse
            for p in range(1, width):
                at.mean[p, steps] = (tree[1, p] - part * dead[p]) * inverse
            steps += 1
            loglik, product = less_log(loglik, product, dead_weight, at_risk)
        while start == group[g, FIRST] and out > start:
            out -= 1
            switch(tree, z, late[out], 0.0)
    at.total[0] = loglik - np.log(product)
    return steps


@kernel
def cumulate(here: CoxPatients, efron: bool, at: CoxPoint) -> None:
    """Fills ``exposure`` and ``martingale`` from ``risk`` and ``jump``.

    Efron's dead are exposed to the part 1 - k / d of step k = 0, 1, ... of the d steps at their time.
    """
    weight, died, group, late = here.weight, here.died, here.group, here.late
    risk, jump, exposure, martingale = at.risk, at.jump, at.exposure, at.martingale
    before, inside = 0.0, 0
    for i in range(here.counts[PATIENTS]):
        exposure[i] = 0.0
    for g in range(here.counts[GROUPS]):
        if group[g, START] == group[g, FIRST]:
            before, inside = 0.0, group[g, START]
        while len(late) > 0 and inside < group[g, ENTERED]:
            exposure[late[inside]] = -before
            inside += 1
        deaths = group[g, DEATHS]
        steps_here = deaths if efron else min(deaths, 1)
        alive, dead = 0.0, 0.0
        for step in range(steps_here):
            h = jump[group[g, STEP] + step]
            alive += h
            dead += h * (1.0 - step / steps_here) if step > 0 else h
        for i in range(group[g, START], group[g, STOP]):
            exposure[i] = risk[i] * (exposure[i] + before + (dead if died[i] else alive))
            martingale[i] = (weight[i] if died[i] else 0.0) - exposure[i]
        before += alive
