"""Statistics of weighted, clustered samples in two groups: moments, quartiles, t test, rank test.

A set's patients are those ``present`` with a weight above 0. Variances are those of survey sampling with replacement:
each patient's influence on the statistic times the weight is summed within clusters, and the sum of squares taken times
n / (n - 1) for n clusters.
"""

from typing import NamedTuple

import numpy as np

from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

T, RANK = 0, 1
FINITE, BINARY, VARIES = range(3)
NOTHING = 1e-24  # a variance that is rounding, relative to that of unclustered patients: sets that are alike


class ClusteredBlock(NamedTuple):
    """Weighted sets of patients in two arms ``(R, N)`` and clusters, numbered from 0."""

    treated: Bools
    present: Bools
    weight: Floats
    cluster: Ints
    clusters: int


class GatheredSet(NamedTuple):
    """The patients of one set in the order of a value."""

    value: Floats
    mass: Floats
    side: Ints  # 1 for the treated
    own: Ints  # the cluster


class GroupsCompared(NamedTuple):
    """What `two_groups` fills per set, by arm."""

    counts: Ints  # (R, 2), patients
    moments: Floats  # (R, 2, 2), weighted mean and variance
    quartile: Floats  # (R, 2, 3)
    test: Floats  # (R, 2, 2), t and df of the t test and of the rank test
    flags: Bools  # (R, 3): all values FINITE, all BINARY, 0 or 1, and whether a value VARIES from another in an arm


@kernel
def gather(r: int, order: Positions, x: Floats, block: ClusteredBlock, here: GatheredSet) -> int:
    """How many patients set r has; fills ``here`` with them, in ``order``."""
    value, mass, side, own = here.value, here.mass, here.side, here.own
    treated, present, weight, cluster = block.treated[r], block.present[r], block.weight[r], block.cluster[r]
    m = 0
    for j in range(order.shape[1]):
        i = order[r, j]
        if present[i] and weight[i] > 0.0:
            value[m], mass[m], side[m], own[m] = x[r, i], weight[i], int(treated[i]), cluster[i]
            m += 1
    return m


@kernel
def quantile(value: Floats, mass: Floats, n: int, q: float) -> float:
    """The quantile of ``n`` values in ascending order: R's ``svyquantile(qrule = "hf7")``, of type 7 for equal weights.

    NaN where there is none.
    """
    if n == 0:
        return np.nan
    whole = 0.0
    for k in range(n - 1):
        whole += mass[k]
    below = 0.0
    for k in range(n - 1):
        share = (q * whole - below) / mass[k]
        if share <= 1.0:
            return value[k] if share <= 0.0 else value[k] + (value[k + 1] - value[k]) * share
        below += mass[k]
    return value[n - 1]


@kernel
def clustered(score: Floats, own: Ints, n: int, sums: Floats) -> tuple[float, int]:
    """The variance of the total of ``score``, and how many clusters there are; ``sums`` is zero before and after.

    0 where it is rounding alone.
    """
    apart = 0.0
    for k in range(n):
        sums[own[k]] += score[k]
        apart += score[k] ** 2
    total, count = 0.0, 0
    for k in range(n):
        if not np.isnan(sums[own[k]]):
            total += sums[own[k]] ** 2
            count += 1
            sums[own[k]] = np.nan
    for k in range(n):
        sums[own[k]] = 0.0
    total = 0.0 if total <= NOTHING * apart else total
    return (total * count / (count - 1.0) if count > 1 else np.nan), count


@kernel
def two_groups(x: Floats, order: Positions, block: ClusteredBlock, made: GroupsCompared) -> None:
    """Fills ``made`` per row of ``x (R, N)``, which ``order`` sorts by value, then by weight.

    The variance is R's ``svyvar``, with the divisor of n patients n - 1. Tests are ``svyttest`` and ``svyranktest``; a
    tie's rank is the mean of its ranks, weighted (R's own mean is not, and depends on the order of the rows).
    """
    n = x.shape[1]
    here = GatheredSet(np.empty(n), np.empty(n), np.empty(n, np.int64), np.empty(n, np.int64))
    part, part_mass, rank, score, sums = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.zeros(block.clusters)
    centre, total = np.empty(2), np.empty(2)
    for r in range(len(x)):
        m = gather(r, order, x, block, here)
        made.moments[r], made.quartile[r], made.test[r] = np.nan, np.nan, np.nan
        look_at(m, here, made.counts[r], made.flags[r])
        if not made.flags[r, FINITE]:
            continue
        for arm in range(2):
            describe(r, arm, m, here, part, part_mass, total, centre, made)
        if made.counts[r, 0] == 0 or made.counts[r, 1] == 0:
            continue
        rank_all(m, here, total[0] + total[1], rank)
        for which in range(2):
            if which == RANK:
                average(m, here, rank, total, centre)
            compare(m, here, here.value if which == T else rank, total, centre, score, sums, made.test[r, which])


@kernel
def look_at(m: int, here: GatheredSet, count: Ints, flags: Bools) -> None:
    """Fills ``count (2,)`` and ``flags (3,)``, the last as if no value varied."""
    value, side = here.value, here.side
    count[0], count[1] = 0, 0
    flags[FINITE], flags[BINARY], flags[VARIES] = True, True, False
    for k in range(m):
        count[side[k]] += 1
        flags[FINITE] &= np.isfinite(value[k])
        flags[BINARY] &= value[k] == 0.0 or value[k] == 1.0


@kernel
def describe(
    r: int, arm: int, m: int, here: GatheredSet, part: Floats, part_mass: Floats, total: Floats, centre: Floats,
    made: GroupsCompared,
) -> None:  # fmt: skip
    """Fills an arm's place in ``total``, its mass, in ``centre``, its mean, and in ``made``; adds to VARIES.

    ``part`` and ``part_mass (N,)`` are scratch.
    """
    value, mass, side, flags = here.value, here.mass, here.side, made.flags[r]
    size, whole, mean = 0, 0.0, 0.0
    for k in range(m):
        if side[k] == arm:
            part[size], part_mass[size] = value[k], mass[k]
            whole += mass[k]
            mean += mass[k] * value[k]
            flags[VARIES] |= value[k] != part[0]
            size += 1
    for q in range(3):
        made.quartile[r, arm, q] = quantile(part, part_mass, size, 0.25 * (q + 1))
    if size == 0:
        return
    mean = part[0] if part[0] == part[size - 1] else mean / whole
    total[arm], centre[arm], made.moments[r, arm, 0] = whole, mean, mean
    if size > 1:
        spread = 0.0
        for k in range(size):
            spread += part_mass[k] * (part[k] - mean) ** 2
        made.moments[r, arm, 1] = spread / whole * size / (size - 1.0)


@kernel
def rank_all(m: int, here: GatheredSet, whole: float, rank: Floats) -> None:
    """Fills ``rank``, the share of the mass ``whole`` below each value, a tie's in the middle of it."""
    value, mass = here.value, here.mass
    first, below = 0, 0.0
    while first < m:
        last, tie = first, 0.0
        while last < m and value[last] == value[first]:
            tie += mass[last]
            last += 1
        for k in range(first, last):
            rank[k] = (below + tie / 2.0) / whole
        below += tie
        first = last


@kernel
def average(m: int, here: GatheredSet, y: Floats, total: Floats, centre: Floats) -> None:
    """Fills ``centre (2,)``, the arms' means of ``y``."""
    mass, side = here.mass, here.side
    centre[:] = 0.0
    for k in range(m):
        centre[side[k]] += mass[k] * y[k] / total[side[k]]


@kernel
def compare(
    m: int, here: GatheredSet, y: Floats, total: Floats, centre: Floats, score: Floats, sums: Floats, test: Floats
) -> None:
    """Fills ``test (2,)``, t and df of the difference of the arms' means ``centre`` of ``y``, by clusters.

    ``score`` is scratch, ``sums`` zero before and after.
    """
    mass, side = here.mass, here.side
    for k in range(m):
        off = y[k] - centre[side[k]]
        score[k] = mass[k] * off / total[side[k]] * (1.0 if side[k] else -1.0)
    variance, groups = clustered(score, here.own, m, sums)
    test[0] = (centre[1] - centre[0]) / np.sqrt(variance) if variance > 0.0 else np.nan
    test[1] = groups - 2.0
