"""Statistics of weighted, clustered samples in two groups: moments, quartiles, t test, rank test, tables of counts.

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


class TableTested(NamedTuple):
    """What `rao_scott` fills per set: a table of levels by arm, and its test."""

    counts: Ints  # (R, 2, L), patients
    share: Floats  # (R, 2, L), the weighted share of the arm
    test: Floats  # (R, 3): F and its two degrees of freedom


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


@kernel
def rao_scott(level: Ints, levels: int, block: ClusteredBlock, made: TableTested) -> None:
    """Fills ``made``, the table of ``level (R, N)`` (from 0; below 0: none) by arm, and Pearson's test of it as theirs.

    That is R's ``svychisq(statistic = "F")`` (Rao & Scott 1984, Annals of Statistics 12:46-60); NaN where an arm is
    empty, fewer than two levels are seen, or there is no variance.
    """
    p, sums = np.empty(2 * levels), np.zeros((block.clusters, 2 * levels))
    arms, spread = np.empty(2), np.empty((levels, levels))
    for r in range(len(level)):
        counts, test = made.counts[r], made.test[r]
        size, whole = tally(r, level, block, p, counts)
        reference, seen = shares_of(p, counts, arms, made.share[r])
        test[:] = np.nan
        if arms[0] == 0.0 or arms[1] == 0.0 or seen < 2:
            continue
        chi2 = pearson(p, levels, arms, whole)
        chi2 *= size / whole
        for cell in range(2 * levels):
            p[cell] /= whole
        sum_clusters(r, level, block, whole, p, sums)
        groups = spread_of_contrasts(r, level, block, reference, p, sums, spread)
        if groups < 2:
            continue
        trace, squares = traces(groups / (groups - 1.0) * size, reference, p, counts, spread)
        if trace > 1e-12:
            df = trace * trace / squares
            test[0], test[1], test[2] = chi2 / trace, df, df * (groups - 1.0)


@kernel
def tally(r: int, level: Ints, block: ClusteredBlock, p: Floats, counts: Ints) -> tuple[int, float]:
    """How many patients of set r have a level, and their weight; fills ``counts (2, L)`` and ``p (2 L,)``, weights."""
    treated, present, weight, levels = block.treated, block.present, block.weight, counts.shape[1]
    counts[:], p[:] = 0, 0.0
    size, whole = 0, 0.0
    for i in range(level.shape[1]):
        if present[r, i] and weight[r, i] > 0.0 and level[r, i] >= 0:
            arm = int(treated[r, i])
            counts[arm, level[r, i]] += 1
            p[arm * levels + level[r, i]] += weight[r, i]
            whole += weight[r, i]
            size += 1
    return size, whole


@kernel
def shares_of(p: Floats, counts: Ints, arms: Floats, share: Floats) -> tuple[int, int]:
    """The first level that is seen, the reference, and how many are; fills ``arms``, weights, and ``share (2, L)``."""
    levels = counts.shape[1]
    for arm in range(2):
        arms[arm] = 0.0
        for k in range(levels):
            arms[arm] += p[arm * levels + k]
        for k in range(levels):
            share[arm, k] = p[arm * levels + k] / arms[arm] if arms[arm] > 0.0 else np.nan
    reference, seen = -1, 0
    for k in range(levels):
        if counts[0, k] + counts[1, k] > 0:
            reference, seen = (k if reference < 0 else reference), seen + 1
    return reference, seen


@kernel
def pearson(p: Floats, levels: int, arms: Floats, whole: float) -> float:
    """Pearson's statistic of the table of weights."""
    chi2 = 0.0
    for k in range(levels):
        for arm in range(2):
            expected = (p[k] + p[levels + k]) * arms[arm] / whole
            if expected > 0.0:
                chi2 += (p[arm * levels + k] - expected) ** 2 / expected
    return chi2


@kernel
def sum_clusters(r: int, level: Ints, block: ClusteredBlock, whole: float, p: Floats, sums: Floats) -> None:
    """Adds to ``sums (clusters, 2 L)`` each patient's influence on the shares ``p`` of the cells."""
    treated, present, weight, cluster = block.treated, block.present, block.weight, block.cluster
    cells, levels = p.shape[0], p.shape[0] // 2
    for i in range(level.shape[1]):
        if present[r, i] and weight[r, i] > 0.0 and level[r, i] >= 0:
            for cell in range(cells):
                here = cell == int(treated[r, i]) * levels + level[r, i]
                sums[cluster[r, i], cell] += weight[r, i] / whole * ((1.0 if here else 0.0) - p[cell])


@kernel
def spread_of_contrasts(
    r: int, level: Ints, block: ClusteredBlock, reference: int, p: Floats, sums: Floats, spread: Floats
) -> int:
    """How many clusters there are; fills ``spread (L, L)`` and leaves ``sums`` zero.

    That is the variance of the contrasts, of each level with the reference between the arms.
    """
    present, weight, cluster, levels = block.present, block.weight, block.cluster, spread.shape[0]
    groups, spread[:] = 0, 0.0
    for i in range(level.shape[1]):
        if present[r, i] and weight[r, i] > 0.0 and level[r, i] >= 0 and not np.isnan(sums[cluster[r, i], 0]):
            groups += 1
            one = sums[cluster[r, i]]
            base = _pull(one, p, levels, reference)
            for j in range(levels):
                for k in range(levels):
                    spread[j, k] += (_pull(one, p, levels, j) - base) * (_pull(one, p, levels, k) - base)
            one[0] = np.nan
    for i in range(level.shape[1]):
        sums[cluster[r, i]] = 0.0
    return groups


@kernel
def traces(scale: float, reference: int, p: Floats, counts: Ints, spread: Floats) -> tuple[float, float]:
    """The trace of S and of its square: what Pearson's test supposes, inverted, times ``spread`` and ``scale``."""
    levels = spread.shape[0]
    slope, whole_slope = np.zeros((levels, levels)), 1.0 / _weight_of(p, levels, reference)
    for k in range(levels):
        if k != reference and counts[0, k] + counts[1, k] > 0:
            whole_slope += 1.0 / _weight_of(p, levels, k)
    for j in range(levels):
        if j == reference or counts[0, j] + counts[1, j] == 0:
            continue
        for k in range(levels):
            total = spread[j, k]
            for other in range(levels):
                if other != reference and counts[0, other] + counts[1, other] > 0:
                    total -= spread[other, k] / _weight_of(p, levels, other) / whole_slope
            slope[j, k] = scale * total / _weight_of(p, levels, j)
    for j in range(levels):
        for k in range(levels):
            skipped = counts[0, k] + counts[1, k] == 0 or k == reference
            slope[j, k] = 0.0 if skipped else slope[j, k]
    trace, squares = 0.0, 0.0
    for j in range(levels):
        trace += slope[j, j]
        for k in range(levels):
            squares += slope[j, k] * slope[k, j]
    return trace, squares


@kernel
def _pull(one: Floats, p: Floats, levels: int, k: int) -> float:
    """A cluster's sum for a level, over its share: treated less untreated; an empty cell has none."""
    up = one[levels + k] / p[levels + k] if p[levels + k] > 0.0 else 0.0
    return up - (one[k] / p[k] if p[k] > 0.0 else 0.0)


@kernel
def _weight_of(p: Floats, levels: int, k: int) -> float:
    """The sum of the reciprocals of a level's two shares; an empty cell has none."""
    up = 1.0 / p[levels + k] if p[levels + k] > 0.0 else 0.0
    return up + (1.0 / p[k] if p[k] > 0.0 else 0.0)
