"""Cox's partial likelihood of one cohort, with its score and information, P covariates at once.

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

from analysis.kernels.cox_data import DEATHS, ENTERED, FIRST, START, STEP, STOP
from analysis.kernels.lanes import sum_of_products
from analysis.kernels.linear import exponentials
from simulator.numerics.arrays import Bools, Floats, Ints
from simulator.numerics.compiled import kernel


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
    planned: int,
    place: Ints,
    total: Floats,
    risk: Floats,
    exposure: Floats,
    martingale: Floats,
    share: Floats,
    jump: Floats,
    mean: Floats,
) -> None:
    """Fills ``total`` with the log partial likelihood at ``beta``, its score (P) and information (lower triangle).

    Fills ``risk``, ``exposure``, ``martingale (size,)``, ``share``, ``jump`` and ``mean`` on the way; ``share`` stays
    where `cox_data.plan_steps` filled it, with ``place``, and told ``planned`` steps.
    """
    size, width = group[groups - 1, STOP], z.shape[0]
    combine(beta, z, size, risk)
    total[0] = 0.0
    for i in range(size):
        if died[i]:
            total[0] += weight[i] * risk[i]
    exponentials(risk, martingale, size)
    for i in range(size):
        risk[i] *= weight[i]
    if planned > 0:
        steps = planned_steps(z, group, groups, planned, place, total, risk, exposure, martingale, share, jump, mean)
    elif len(late) > 0:
        steps = hazard_steps(z, weight, died, group, groups, late, efron, total, risk, share, jump, mean)
    else:
        steps = hazard_steps_at_once(
            z, weight, died, group, groups, efron, total, risk, exposure, share, jump, mean
        )  # fmt: skip
    if planned > 0:
        cumulate_planned(weight, died, size, planned, place, risk, exposure, martingale, jump)
    else:
        cumulate(weight, died, group, groups, late, efron, risk, exposure, martingale, jump)
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
def planned_steps(
    z: Floats,
    group: Ints,
    groups: int,
    steps: int,
    place: Ints,
    total: Floats,
    risk: Floats,
    inverse: Floats,
    at_risk: Floats,
    share: Floats,
    jump: Floats,
    mean: Floats,
) -> int:
    """As `hazard_steps`, after `plan_steps`; ``inverse`` and ``at_risk`` are scratch."""
    s, product = 0.0, 1.0
    for i in range(group[groups - 1, STOP] - 1, -1, -1):
        s += risk[i]
        at_risk[i] = s
    if not (at_risk[place[0]] > 0.0 and at_risk[place[steps - 1]] < np.inf):
        total[0] = -np.inf
        return 0
    for step in range(steps):
        inverse[step] = np.divide(1.0, at_risk[place[step]])
        jump[step] = share[step] * inverse[step]
        mean[0, step] = 1.0
    for step in range(steps):
        if share[step] == 1.0:
            product *= at_risk[place[step]]
            if not 1e-200 < product < 1e200:
                total[0] -= np.log(product)
                product = 1.0
        else:
            total[0] -= share[step] * np.log(at_risk[place[step]])
    total[0] -= np.log(product)
    for p in range(1, z.shape[0], 4):
        sum_over_risk_sets(z, risk, group, groups, p, place, steps, inverse, mean)
    return steps


@kernel
def cumulate_planned(
    weight: Floats,
    died: Bools,
    size: int,
    steps: int,
    place: Ints,
    risk: Floats,
    exposure: Floats,
    martingale: Floats,
    jump: Floats,
) -> None:
    """As `cumulate`, after `planned_steps`."""
    hazard, stop = 0.0, place[steps - 1]
    for i in range(stop):
        exposure[i] = 0.0
    for step in range(steps - 1, -1, -1):
        hazard += jump[step]
        start, stop = stop, place[step - 1] if step > 0 else size
        for i in range(start, stop):
            exposure[i] = risk[i] * hazard
    for i in range(size):
        martingale[i] = (weight[i] if died[i] else 0.0) - exposure[i]


@kernel
def hazard_steps_at_once(
    z: Floats,
    weight: Floats,
    died: Bools,
    group: Ints,
    groups: int,
    efron: bool,
    total: Floats,
    risk: Floats,
    inverse: Floats,
    share: Floats,
    jump: Floats,
    mean: Floats,
) -> int:
    """As `hazard_steps` where nobody enters late: sums over risk sets run from the last patient to the first."""
    width, steps, product, ties = z.shape[0], int(np.int64(0)), 1.0, False
    place = np.empty(died.shape[0], np.int64)
    s = 0.0
    for g in range(groups - 1, -1, -1):
        start, stop, deaths = group[g, START], group[g, STOP], group[g, DEATHS]
        dead, dead_weight = 0.0, 0.0
        for i in range(stop - 1, start - 1, -1):
            s += risk[i]
            if died[i]:
                dead += risk[i]
                dead_weight += weight[i]
        group[g, STEP] = steps
        here = deaths if efron else min(deaths, 1)
        if here > 1:
            dead_weight /= here
            ties = True
        for step in range(here):
            at_risk = s - step / here * dead if step > 0 else s
            if not 0.0 < at_risk < np.inf:
                total[0] = -np.inf
                return 0
            inverse[steps] = 1.0 / at_risk
            share[steps], jump[steps], place[steps] = dead_weight, dead_weight * inverse[steps], start
            steps += 1
            if dead_weight == 1.0:
                product *= at_risk
                if not 1e-200 < product < 1e200:
                    total[0] -= np.log(product)
                    product = 1.0
            else:
                total[0] -= dead_weight * np.log(at_risk)
        if start == group[g, FIRST]:
            s = 0.0
    total[0] -= np.log(product)
    for step in range(steps):
        mean[0, step] = 1.0
    for p in range(1, width, 4):
        sum_over_risk_sets(z, risk, group, groups, p, place, steps, inverse, mean)
    for g in range(groups if ties else 0):
        here = group[g, DEATHS] if efron else 1
        for p in range(1, width if here > 1 else 0):
            dead = 0.0
            for i in range(group[g, START], group[g, STOP]):
                if died[i]:
                    dead += risk[i] * z[p, i]
            for step in range(1, here):
                mean[p, group[g, STEP] + step] -= step / here * dead * inverse[group[g, STEP] + step]
    return steps


@kernel
def sum_over_risk_sets(
    z: Floats, risk: Floats, group: Ints, groups: int, p: int, place: Ints, steps: int, inverse: Floats, mean: Floats
) -> None:
    """Fills four rows of ``mean`` from p on: means of z from the ``place`` of a step to its stratum's end.

    Four sums at a time, for each has to wait for its last addition.
    """
    last = z.shape[0] - 1
    p1, p2, p3 = min(p + 1, last), min(p + 2, last), min(p + 3, last)
    step, g = 0, groups - 1
    while step < steps:
        while group[g, FIRST] > place[step]:
            g -= 1
        first, i = group[g, FIRST], group[g, STOP]
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        while step < steps and place[step] >= first:
            while i > place[step]:
                i -= 1
                a += risk[i] * z[p, i]
                b += risk[i] * z[p1, i]
                c += risk[i] * z[p2, i]
                d += risk[i] * z[p3, i]
            mean[p, step], mean[p1, step] = a * inverse[step], b * inverse[step]
            mean[p2, step], mean[p3, step] = c * inverse[step], d * inverse[step]
            step += 1


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
