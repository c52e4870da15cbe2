"""Gradient boosting of the logistic deviance by trees that are grown on histograms.

Friedman (Ann Statist 29, 2001), algorithm 5: each tree follows the residuals, and its leaves hold one Newton step. A
split is where the two means differ most for their sizes (his equation 35); of equals, the first column's lowest wins.
"""

import numpy as np

from analysis.kernels.linear import copy, exponentials, fill
from simulator.numerics.arrays import Floats, Ints
from simulator.numerics.compiled import kernel

_PURE = 2.3e-16
"""A variance of residuals below which a node is not split."""


@kernel
def _split(code: Ints, bins: Ints, residual: Floats, node: Ints, nodes: int, column: Ints, below: Ints) -> None:
    """The best ``column`` of each node, -1 for none, and the last bin ``below`` its split."""
    n = residual.shape[0]
    widest = 1
    for one in bins:
        widest = max(widest, one)
    total, count, square = np.zeros(nodes), np.zeros(nodes), np.zeros(nodes)
    for i in range(n):
        total[node[i]] += residual[i]
        square[node[i]] += residual[i] * residual[i]
        count[node[i]] += 1.0
    best = np.zeros(nodes)
    for v in range(nodes):
        column[v] = -1
        best[v] = -1.0
        if count[v] > 0.0 and square[v] / count[v] - (total[v] / count[v]) ** 2 <= _PURE:
            count[v] = 0.0  # nothing is left to tell apart
    sums, counts = np.empty(nodes * widest), np.empty(nodes * widest)
    for k in range(code.shape[0]):
        size = bins[k]
        fill(sums, 0.0, nodes * size)
        fill(counts, 0.0, nodes * size)
        for i in range(n):
            place = node[i] * size + code[k, i]
            sums[place] += residual[i]
            counts[place] += 1.0
        for v in range(nodes):
            left, few = 0.0, 0.0
            for b in range(size - 1):
                here = counts[v * size + b]
                left += sums[v * size + b]
                few += here
                many = count[v] - few
                if here > 0.0 and many > 0.0:
                    apart = left / few - (total[v] - left) / many
                    gain = apart * apart * few * many
                    if gain > best[v]:
                        best[v], column[v], below[v] = gain, k, b


@kernel
def boost(code: Ints, bins: Ints, outcome: Floats, trees: int, depth: int, rate: float, eta: Floats) -> None:
    """Fill ``eta (n,)``, the logit of the fitted probability, from columns ``code (P, n)`` of so many ``bins (P,)``."""
    n = outcome.shape[0]
    leaves = 1 << depth
    residual, spread, scratch = np.empty(n), np.empty(n), np.empty(n)
    node, column, below = np.empty(n, np.int64), np.empty(leaves, np.int64), np.zeros(leaves, np.int64)
    ones = 0.0
    for i in range(n):
        ones += outcome[i]
    fill(eta, np.log(ones / (n - ones)), n)
    for _ in range(trees):
        copy(eta, spread, n)
        for i in range(n):
            spread[i] = -abs(eta[i])
        exponentials(spread, scratch, n)
        for i in range(n):
            inverse = 1.0 / (1.0 + spread[i])
            residual[i] = outcome[i] - (inverse if eta[i] >= 0.0 else spread[i] * inverse)
            spread[i] *= inverse * inverse
        node[:] = 0
        for level in range(depth):
            _split(code, bins, residual, node, 1 << level, column, below)
            for i in range(n):
                v = node[i]
                k = column[v]
                node[i] = 2 * v + (1 if k >= 0 and code[k, i] > below[v] else 0)
        up, down = np.zeros(leaves), np.zeros(leaves)
        for i in range(n):
            up[node[i]] += residual[i]
            down[node[i]] += spread[i]
        for i in range(n):
            v = node[i]
            if down[v] > 1e-150:
                eta[i] += rate * up[v] / down[v]
