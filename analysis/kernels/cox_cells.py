"""Cox's partial likelihood of 0/1 covariates, no weights, strata or late entry: equal patients make one cell.

The likelihood needs no more of a risk set than how many of each cell are in it. The score is sum(x (dead - expected))
over cells, and the information is sum(expected x x') over cells - sum(mean mean') over deaths.
"""

from typing import NamedTuple

import numpy as np

from analysis.kernels.cox_binary import less_risk_sets
from analysis.kernels.cox_data import CoxBlock
from analysis.kernels.lanes import sum_of_products
from simulator.numerics.arrays import Bools, Floats, Ints
from simulator.numerics.compiled import kernel

_MOST_COLUMNS = 10
_IN_A_CELL = 3  # patients at least, on average: else cells save nothing
_NO_INFORMATION = 1e-6  # of what a covariate would have if it were no one's in a risk set but those who die


class CoxCells(NamedTuple):
    """The cells of one analysis set; none where the likelihood is not to be had so."""

    x: Floats  # (P, cells)
    dead: Floats  # (cells,)
    at_risk: Floats  # (cells, deaths), latest first; Efron's ties as in `analysis.kernels.cox_binary`
    size: int


class CellPoint(NamedTuple):
    """The partial likelihood at some coefficients."""

    total: Floats  # its logarithm, the score (P), and the information's lower triangle
    floor: Floats  # (P,), the least information that is taken for more than rounding error
    theta: Floats  # (cells,), exp(linear predictor)
    expected: Floats  # (cells,), deaths
    inverse: Floats  # (deaths,), of the sum of theta over the risk set
    one: Floats  # ones
    mean: Floats  # (P, deaths), of x over the risk set


@kernel
def gather_cells(c: int, block: CoxBlock, use: Ints, present: Bools, efron: bool) -> CoxCells:
    """The cells of those ``present (N,)`` in cohort c by the columns ``use (P,)``.

    There are none where a time is bad, a column not 0/1, nobody dies, or cells are many.
    """
    n, p_count, size, count, deaths, odd = present.shape[0], use.shape[0], 0, 0, 0, False
    x, none = np.empty((p_count, n // _IN_A_CELL)), CoxCells(np.empty((0, 0)), np.empty(0), np.empty((0, 0)), 0)
    if not 0 < p_count <= _MOST_COLUMNS:
        return none
    who, cell, known = np.empty(n, np.int64), np.empty(n, np.int64), np.full(1 << p_count, -1)
    for k in range(n):
        i = block.order[c, k]
        if not present[i]:
            continue
        pattern = 0
        for q in range(p_count):
            value = block.x[c, i, use[q]]
            pattern |= np.int64(value == 1.0) << q
            odd |= value * (1.0 - value) != 0.0
        if known[pattern] < 0:
            if count == x.shape[1]:
                return none
            known[pattern] = count
            for q in range(p_count):
                x[q, count] = (pattern >> q) & 1
            count += 1
        odd |= not abs(block.time[c, i]) < np.inf
        who[size], cell[size] = i, known[pattern]
        size += 1
        deaths += block.event[c, i]
    if odd or deaths == 0 or _IN_A_CELL * count > size:
        return none
    here = CoxCells(x[:, :count].copy(), np.zeros(count), np.empty((count, deaths)), size)
    count_cells(block.time[c], block.event[c], who, cell, efron, here)
    return here


@kernel
def count_cells(time: Floats, event: Bools, who: Ints, cell: Ints, efron: bool, here: CoxCells) -> None:
    """Fills ``here.dead`` and ``here.at_risk`` from the patients ``who`` in order of time, and the ``cell`` of each."""
    at_risk, dead, count = here.at_risk, here.dead, here.dead.shape[0]
    now, gone, s, k = np.zeros(count), np.zeros(count), 0, here.size - 1
    while k >= 0:
        t, d = time[who[k]], 0
        while k >= 0 and time[who[k]] == t:
            died = event[who[k]]
            now[cell[k]] += 1.0
            gone[cell[k]] += died
            d += died
            k -= 1
        for step in range(d):
            part = step / d if efron else 0.0
            for m in range(count):
                at_risk[m, s] = now[m] - part * gone[m]
            s += 1
        if d > 0:
            for m in range(count):
                dead[m] += gone[m]
                gone[m] = 0.0


@kernel
def room_for_cells(here: CoxCells) -> CellPoint:
    """The memory for one likelihood."""
    p_count, count, steps = here.x.shape[0], here.dead.shape[0], here.at_risk.shape[1]
    return CellPoint(
        np.empty(1 + p_count + p_count * (p_count + 1) // 2), np.empty(p_count), np.empty(count), np.empty(count),
        np.empty(steps), np.ones(max(steps, count)), np.empty((p_count, steps)),
    )  # fmt: skip


@kernel
def add_cells(theta: Floats, inside: Floats, at_risk: Floats, total: Floats) -> None:
    """Fills ``total (deaths,)``, the sums of theta over those of each risk set whose cell is ``inside``."""
    steps = total.shape[0]
    for s in range(steps):
        total[s] = 0.0
    for m in range(theta.shape[0]):
        if inside[m] > 0.0:
            t, row = theta[m], at_risk[m]
            for s in range(steps):
                total[s] += t * row[s]


@kernel
def cell_likelihood(beta: Floats, here: CoxCells, at: CellPoint) -> None:
    """Fills ``at``, the partial likelihood at ``beta``."""
    x, dead, at_risk = here.x, here.dead, here.at_risk
    total, theta, expected, inverse, one, mean = at.total, at.theta, at.expected, at.inverse, at.one, at.mean
    p_count, count, steps, loglik = x.shape[0], dead.shape[0], at_risk.shape[1], 0.0
    for m in range(count):
        eta = 0.0
        for p in range(p_count):
            eta += beta[p] * x[p, m]
        theta[m] = np.exp(eta)
        loglik += dead[m] * eta
    add_cells(theta, one, at_risk, inverse)
    total[0] = less_risk_sets(loglik, steps, inverse, inverse, 1.0)
    for s in range(steps):
        inverse[s] = np.divide(1.0, inverse[s])
    for m in range(count):
        expected[m] = theta[m] * sum_of_products(at_risk[m], inverse, one, steps)
    k = 1 + p_count
    for p in range(p_count):
        add_cells(theta, x[p], at_risk, mean[p])
        for s in range(steps):
            mean[p, s] *= inverse[s]
        total[1 + p] = sum_of_products(dead, x[p], one, count) - sum_of_products(expected, x[p], one, count)
        for q in range(p + 1):
            total[k] = sum_of_products(expected, x[p], x[q], count) - sum_of_products(mean[p], mean[q], one, steps)
            k += 1
        at.floor[p] = _NO_INFORMATION * sum_of_products(expected, x[p], one, count)
