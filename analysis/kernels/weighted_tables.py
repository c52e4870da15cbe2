"""Tables of counts of weighted, clustered samples in two groups, with Rao and Scott's test of them.

A set's patients are those ``present`` with a weight above 0 and a level.
"""

from typing import NamedTuple

import numpy as np

from analysis.kernels.weighted_samples import ClusteredBlock
from simulator.numerics.arrays import Floats, Ints
from simulator.numerics.compiled import kernel


class TableTested(NamedTuple):
    """What `rao_scott` fills per set: a table of levels by arm, and its test."""

    counts: Ints  # (R, 2, L), patients
    share: Floats  # (R, 2, L), the weighted share of the arm
    test: Floats  # (R, 3): F and its two degrees of freedom


@kernel
def rao_scott(level: Ints, levels: int, block: ClusteredBlock, made: TableTested) -> None:
    """Fills ``made``, the table of ``level (R, N)`` (from 0; below 0: none) by arm, and Rao and Scott's test of it.

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
