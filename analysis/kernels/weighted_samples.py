"""Statistics of weighted, clustered samples in two groups: moments, quartiles, t test, rank test, tables of counts.

A set's patients are those ``present`` with a weight above 0. Variances are those of survey sampling with replacement:
each patient's influence on the statistic times the weight is summed within clusters, and the sum of squares taken times
n / (n - 1) for n clusters.
"""

import numpy as np
from numpy.typing import NDArray

from simulator.numerics.arrays import Bools, Floats, Ints
from simulator.numerics.compiled import kernel

T, RANK = 0, 1
NOTHING = 1e-24  # a variance that is rounding, relative to that of unclustered patients: sets that are alike


@kernel
def gather(
    order: NDArray[np.int32], x: Floats, treated: Bools, present: Bools, weight: Floats, cluster: Ints,
    value: Floats, mass: Floats, side: Ints, own: Ints,
) -> int:  # fmt: skip
    """How many patients a set has; their values, weights, arms and clusters are put in ``order``."""
    m = 0
    for j in range(len(order)):
        i = order[j]
        if present[i] and weight[i] > 0.0:
            value[m], mass[m], side[m], own[m] = x[i], weight[i], int(treated[i]), cluster[i]
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
def two_groups(
    x: Floats,
    treated: Bools,
    present: Bools,
    weight: Floats,
    cluster: Ints,
    clusters: int,
    order: NDArray[np.int32],
    count: Ints,
    moments: Floats,
    quartile: Floats,
    test: Floats,
    flags: Bools,
) -> None:
    """Fills, per row of ``x (R, N)``: ``count (R, 2)``; ``moments (R, 2, 2)``, weighted mean and variance by arm;
    ``quartile (R, 2, 3)``; ``test (R, 2, 2)``: t and df of the t test and of the rank test; ``flags (R, 3)``: all
    values finite, all 0 or 1, and whether a value differs from another in an arm (so that there is a variance).

    The variance is R's ``svyvar``, with the divisor of n patients n - 1. Tests are ``svyttest`` and ``svyranktest``; a
    tie's rank is the mean of its ranks, weighted (R's own mean is not, and depends on the order of the rows).
    ``order`` sorts a row by value, then by weight.
    """
    n = x.shape[1]
    value, mass, side, own = np.empty(n), np.empty(n), np.empty(n, np.int64), np.empty(n, np.int64)
    part, part_mass, rank, score, sums = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.zeros(clusters)
    centre, total = np.empty(2), np.empty(2)
    for r in range(len(x)):
        m = gather(order[r], x[r], treated[r], present[r], weight[r], cluster[r], value, mass, side, own)
        count[r] = 0
        flags[r, 0], flags[r, 1], flags[r, 2] = True, True, False
        moments[r], quartile[r], test[r] = np.nan, np.nan, np.nan
        for k in range(m):
            count[r, side[k]] += 1
            flags[r, 0] &= np.isfinite(value[k])
            flags[r, 1] &= value[k] == 0.0 or value[k] == 1.0
        if not flags[r, 0]:
            continue
        for arm in range(2):
            size, total[arm], centre[arm] = 0, 0.0, 0.0
            for k in range(m):
                if side[k] == arm:
                    part[size], part_mass[size] = value[k], mass[k]
                    total[arm] += mass[k]
                    centre[arm] += mass[k] * value[k]
                    flags[r, 2] |= value[k] != part[0]
                    size += 1
            for q in range(3):
                quartile[r, arm, q] = quantile(part, part_mass, size, 0.25 * (q + 1))
            if size == 0:
                continue
            centre[arm] = part[0] if part[0] == part[size - 1] else centre[arm] / total[arm]
            moments[r, arm, 0] = centre[arm]
            if size > 1:
                spread = 0.0
                for k in range(size):
                    spread += part_mass[k] * (part[k] - centre[arm]) ** 2
                moments[r, arm, 1] = spread / total[arm] * size / (size - 1.0)
        if count[r, 0] == 0 or count[r, 1] == 0:
            continue
        first, below = 0, 0.0
        while first < m:
            last, tie = first, 0.0
            while last < m and value[last] == value[first]:
                tie += mass[last]
                last += 1
            for k in range(first, last):
                rank[k] = (below + tie / 2.0) / (total[0] + total[1])
            below += tie
            first = last
        for which in range(2):
            if which == RANK:
                centre[:] = 0.0
                for k in range(m):
                    centre[side[k]] += mass[k] * rank[k] / total[side[k]]
            for k in range(m):
                off = (value[k] if which == T else rank[k]) - centre[side[k]]
                score[k] = mass[k] * off / total[side[k]] * (1.0 if side[k] else -1.0)
            variance, groups = clustered(score, own, m, sums)
            test[r, which, 0] = (centre[1] - centre[0]) / np.sqrt(variance) if variance > 0.0 else np.nan
            test[r, which, 1] = groups - 2.0


@kernel
def rao_scott(
    level: Ints,
    levels: int,
    treated: Bools,
    present: Bools,
    weight: Floats,
    cluster: Ints,
    clusters: int,
    counts: Ints,
    share: Floats,
    test: Floats,
) -> None:
    """Fills the table of ``level (R, N)`` (from 0; below 0: none) by arm, and Pearson's test of it as Rao and Scott's.

    ``counts (R, 2, L)`` patients, ``share (R, 2, L)`` the weighted share of the arm; ``test (R, 3)``: F and its two
    degrees of freedom, as R's ``svychisq(statistic = "F")`` (Rao & Scott 1984, Annals of Statistics 12:46-60); NaN
    where an arm is empty, fewer than two levels are seen, or there is no variance.
    """
    n, cells = level.shape[1], 2 * levels
    p, sums = np.empty(cells), np.zeros((clusters, cells))
    slope, spread = np.empty((levels, levels)), np.empty((levels, levels))
    for r in range(len(level)):
        counts[r], share[r], test[r], p[:] = 0, np.nan, np.nan, 0.0
        size, whole, groups = 0, 0.0, 0
        for i in range(n):
            if present[r, i] and weight[r, i] > 0.0 and level[r, i] >= 0:
                arm = int(treated[r, i])
                counts[r, arm, level[r, i]] += 1
                p[arm * levels + level[r, i]] += weight[r, i]
                whole += weight[r, i]
                size += 1
        arms = np.zeros(2)
        for arm in range(2):
            for k in range(levels):
                arms[arm] += p[arm * levels + k]
            for k in range(levels):
                if arms[arm] > 0.0:
                    share[r, arm, k] = p[arm * levels + k] / arms[arm]
        reference, seen = -1, 0
        for k in range(levels):
            if counts[r, 0, k] + counts[r, 1, k] > 0:
                reference, seen = (k if reference < 0 else reference), seen + 1
        if arms[0] == 0.0 or arms[1] == 0.0 or seen < 2:
            continue
        chi2 = 0.0
        for k in range(levels):
            for arm in range(2):
                expected = (p[k] + p[levels + k]) * arms[arm] / whole
                if expected > 0.0:
                    chi2 += (p[arm * levels + k] - expected) ** 2 / expected
        chi2 *= size / whole
        for cell in range(cells):
            p[cell] /= whole
        for i in range(n):
            if present[r, i] and weight[r, i] > 0.0 and level[r, i] >= 0:
                for cell in range(cells):
                    here = cell == int(treated[r, i]) * levels + level[r, i]
                    sums[cluster[r, i], cell] += weight[r, i] / whole * ((1.0 if here else 0.0) - p[cell])
        slope[:], spread[:] = 0.0, 0.0
        for i in range(n):  # spread: the variance of the contrasts, of each level with the reference between the arms
            if present[r, i] and weight[r, i] > 0.0 and level[r, i] >= 0 and not np.isnan(sums[cluster[r, i], 0]):
                groups += 1
                one = sums[cluster[r, i]]
                base = _pull(one, p, levels, reference)
                for j in range(levels):
                    for k in range(levels):
                        spread[j, k] += (_pull(one, p, levels, j) - base) * (_pull(one, p, levels, k) - base)
                one[0] = np.nan
        for i in range(n):
            sums[cluster[r, i]] = 0.0
        if groups < 2:
            continue
        scale, whole_slope = groups / (groups - 1.0) * size, 1.0 / _weight_of(p, levels, reference)
        for k in range(levels):
            if k != reference and counts[r, 0, k] + counts[r, 1, k] > 0:
                whole_slope += 1.0 / _weight_of(p, levels, k)
        trace, squares = 0.0, 0.0
        for j in range(levels):  # slope: what Pearson's test supposes, inverted, times spread
            if j == reference or counts[r, 0, j] + counts[r, 1, j] == 0:
                continue
            for k in range(levels):
                total = spread[j, k]
                for other in range(levels):
                    if other != reference and counts[r, 0, other] + counts[r, 1, other] > 0:
                        total -= spread[other, k] / _weight_of(p, levels, other) / whole_slope
                slope[j, k] = scale * total / _weight_of(p, levels, j)
        for j in range(levels):
            for k in range(levels):
                skipped = counts[r, 0, k] + counts[r, 1, k] == 0 or k == reference
                slope[j, k] = 0.0 if skipped else slope[j, k]
        for j in range(levels):
            trace += slope[j, j]
            for k in range(levels):
                squares += slope[j, k] * slope[k, j]
        if trace > 1e-12:
            df = trace * trace / squares
            test[r, 0], test[r, 1], test[r, 2] = chi2 / trace, df, df * (groups - 1.0)


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
