"""Cox's partial likelihood of 0/1 covariates, no weights, strata or late entry: equal patients make one cell.

The likelihood needs no more of a risk set than how many of each cell are in it. The score is sum(x (dead - expected))
over cells, and the information is sum(expected x x') over cells - sum(mean mean') over deaths.
"""

from typing import NamedTuple

import numpy as np

from analysis.kernels.cox_binary import less_risk_sets, mark_columns
from analysis.kernels.cox_data import CoxBlock
from analysis.kernels.lane_tables import SETS
from analysis.kernels.lanes import sum_of_products
from analysis.kernels.linear import exponentials
from simulator.numerics.arrays import Bools, Floats, Ints
from simulator.numerics.compiled import kernel

PATIENTS, DEATHS, CELLS = range(3)

_MOST_COLUMNS = 10
_IN_A_CELL = 3  # patients at least, on average: else cells save nothing
_WHOLE = 16  # deaths are summed over so many at a time
_LARGEST = 1 << 20  # numbers of a table
_NO_INFORMATION = 1e-6  # less than this share of its expected deaths: a covariate's information may be rounding error


class CoxCells(NamedTuple):
    """The cells of one analysis set; none where the likelihood is not to be had so."""

    x: Floats  # (P, cells and zeros)
    dead: Floats  # (cells and zeros,)
    at_risk: Floats  # (cells, deaths and zeros), latest first; Efron's ties as in `spread_lanes`
    counts: Ints  # (3,): PATIENTS, DEATHS and CELLS


class CellPoint(NamedTuple):
    """The partial likelihood at some coefficients."""

    total: Floats  # the sum of linear predictors of the dead, the score (P), and the information's lower triangle
    floor: Floats  # (P,), the least information that is taken for more than rounding error
    theta: Floats  # (cells,), exp(linear predictor)
    expected: Floats  # (cells,), deaths
    work: Floats  # (cells,), scratch
    inverse: Floats  # (deaths,), of the sum of theta over the risk set
    one: Floats  # ones
    mean: Floats  # (P, deaths), of x over the risk set


@kernel
def gather_cells(c: int, block: CoxBlock, use: Ints, present: Bools, efron: bool) -> CoxCells:
    """The cells of those ``present (N,)`` in cohort c by the columns ``use (P,)``.

    There are none where a time is bad, a column not 0/1, nobody dies, or cells are many.
    """
    n, p_count, size, count, odd = present.shape[0], use.shape[0], 0, 0, False
    x, member = np.zeros((p_count, n // _IN_A_CELL + _WHOLE)), np.empty(n, np.int64)
    none = CoxCells(x[:, :0].copy(), np.empty(0), np.empty((0, 0)), np.zeros(3, np.int64))
    width = block.x.shape[2]
    if not 0 < p_count <= _MOST_COLUMNS or width >= SETS:
        return none
    strange = mark_columns(block.x[c], 0, width, present, member)
    for q in range(p_count):
        odd |= (strange >> (use[q] + 1)) & 1 > 0
    known, deaths = np.full(1 << p_count, -1), 0
    who, cell = np.empty(n, np.int64), np.empty(n, np.int64)
    for k in range(n):
        i = block.order[c, k]
        if not present[i]:
            continue
        own, pattern = member[i], 0
        for q in range(p_count):
            pattern |= ((own >> (use[q] + 1)) & 1) << q
        if known[pattern] < 0:
            if count == n // _IN_A_CELL:
                return none
            known[pattern] = count
            for q in range(p_count):
                x[q, count] = (pattern >> q) & 1
            count += 1
        who[size], cell[size] = i, known[pattern]
        size += 1
        deaths += block.event[c, i]
        odd |= not abs(block.time[c, i]) < np.inf
    if odd or deaths == 0 or _IN_A_CELL * count > size or count * deaths > _LARGEST:
        return none
    steps, padded = (deaths + _WHOLE - 1) // _WHOLE * _WHOLE, (count + _WHOLE - 1) // _WHOLE * _WHOLE
    counts = np.array([size, deaths, count])
    here = CoxCells(x[:, :padded].copy(), np.zeros(padded), np.empty((count, steps)), counts)
    count_cells(block.time[c], block.event[c], who, cell, efron, here)
    return here


@kernel
def count_cells(time: Floats, event: Bools, who: Ints, cell: Ints, efron: bool, here: CoxCells) -> None:
    """Fills ``here.dead`` and ``here.at_risk`` from the patients ``who`` in order of time, and the ``cell`` of each."""
    dead, (count, steps), padded = here.dead, here.at_risk.shape, here.dead.shape[0]
    row, entered, fallen = np.zeros((steps + 1, padded)), np.empty(steps + 1, np.int64), np.empty(steps + 1, np.int64)
    deaths, start, last = 0, 0, np.nan
    for k in range(here.counts[PATIENTS] - 1, -1, -1):
        t, died = time[who[k]], event[who[k]]
        start = deaths if t != last else start
        last = t
        row[start, cell[k]] += 1.0
        entered[deaths], fallen[deaths] = start, cell[k]
        deaths += died
    for s in range(1, deaths):
        for m in range(padded):
            row[s, m] += row[s - 1, m]
    start = 0
    while start < deaths:
        stop = start + 1
        while stop < deaths and entered[stop] == start:
            stop += 1
        for j in range(start, stop):
            dead[fallen[j]] += 1.0
            for step in range(1, stop - start if efron else 0):
                row[start + step, fallen[j]] -= step / (stop - start)
        start = stop
    for m in range(count):
        for s in range(steps):
            here.at_risk[m, s] = row[s, m] if s < deaths else 0.0


@kernel
def room_for_cells(here: CoxCells) -> CellPoint:
    """The memory for one likelihood."""
    (p_count, padded), steps = here.x.shape, here.at_risk.shape[1]
    return CellPoint(
        np.empty(1 + p_count + p_count * (p_count + 1) // 2), np.empty(p_count), np.empty(padded), np.zeros(padded),
        np.empty(padded), np.empty(steps), np.ones(max(steps, padded)), np.empty((p_count, steps)),
    )  # fmt: skip


@kernel
def add_cells(theta: Floats, inside: Floats, at_risk: Floats, total: Floats) -> None:
    """Fills ``total (deaths,)``, the sums of theta over those of each risk set whose cell is ``inside``; four cells at
    a time.
    """
    count, steps, m = at_risk.shape[0], total.shape[0], 0
    who, weight = np.zeros(4, np.int64), np.zeros(4)
    for s in range(steps):
        total[s] = 0.0
    while m < count:
        found = 0
        for j in range(4):
            weight[j] = 0.0
        while m < count and found < 4:
            if inside[m] > 0.0:
                who[found], weight[found] = m, theta[m]
                found += 1
            m += 1
        t0, t1, t2, t3 = weight[0], weight[1], weight[2], weight[3]
        row0, row1, row2, row3 = at_risk[who[0]], at_risk[who[1]], at_risk[who[2]], at_risk[who[3]]
        for s in range(steps):
            total[s] += (t0 * row0[s] + t1 * row1[s]) + (t2 * row2[s] + t3 * row3[s])


@kernel
def cell_likelihood(beta: Floats, here: CoxCells, at: CellPoint) -> None:
    """Fills ``at``, the partial likelihood at ``beta``."""
    x, dead, at_risk, deaths = here.x, here.dead, here.at_risk, here.counts[DEATHS]
    total, theta, expected, inverse, one, mean = at.total, at.theta, at.expected, at.inverse, at.one, at.mean
    (p_count, padded), (count, steps) = x.shape, at_risk.shape
    for m in range(padded):
        theta[m] = 0.0
    for p in range(p_count):
        for m in range(padded):
            theta[m] += beta[p] * x[p, m]
    total[0] = sum_of_products(dead, theta, one, padded)
    exponentials(theta, at.work, padded)
    add_cells(theta, one, at_risk, inverse)
    for s in range(steps):
        inverse[s] = np.divide(1.0, inverse[s]) if s < deaths else 0.0
    for m in range(count):
        expected[m] = theta[m] * sum_of_products(at_risk[m], inverse, one, steps)
    k = 1 + p_count
    for p in range(p_count):
        add_cells(theta, x[p], at_risk, mean[p])
        for s in range(steps):
            mean[p, s] *= inverse[s]
        total[1 + p] = sum_of_products(dead, x[p], one, padded) - sum_of_products(expected, x[p], one, padded)
        for q in range(p + 1):
            total[k] = sum_of_products(expected, x[p], x[q], padded) - sum_of_products(mean[p], mean[q], one, steps)
            k += 1
        at.floor[p] = _NO_INFORMATION * sum_of_products(expected, x[p], one, padded)


@kernel
def cell_loglik(here: CoxCells, at: CellPoint) -> float:
    """The logarithm of the partial likelihood that ``at`` holds."""
    return -less_risk_sets(-at.total[0], here.counts[DEATHS], at.inverse, at.inverse, 1.0)
