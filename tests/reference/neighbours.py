"""The neighbours of a logistic model on the quadratic approximation of its log-likelihood, by dense linear algebra.

With information H and score g at coefficients b, a change x of them gains g'x - x'Hx / 2. The bounds are those of
self-concordance (Bach 2010, Electronic Journal of Statistics 4:384, Proposition 1). All gains and losses are of twice
the log-likelihood.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulator.numerics.arrays import Floats


@dataclass(frozen=True)
class Neighbour:
    """The coefficients at the neighbour's maximum and its gain, both by the approximation.

    ``decrement`` is g'H^-1 g of its own columns; ``q`` and ``slope`` are d'Hd and g'd of the shortest change d of the
    model that drops the columns.
    """

    point: Floats
    gain: float
    decrement: float
    q: float
    slope: float


def neighbour(h: Floats, g: Floats, beta: Floats, stay: Sequence[int], gone: Sequence[int]) -> Neighbour:
    """The model of the columns ``stay`` as seen from ``beta``, in which the columns ``gone`` are dropped."""
    s, o = list(stay), list(gone)
    change = np.zeros(len(beta))
    change[o] = -beta[o]
    d = change.copy()
    d[s] = np.linalg.solve(h[np.ix_(s, s)], -h[np.ix_(s, o)] @ change[o])
    change[s] = np.linalg.solve(h[np.ix_(s, s)], g[s] - h[np.ix_(s, o)] @ change[o])
    gain = 2 * g @ change - change @ h @ change
    decrement = g[s] @ np.linalg.solve(h[np.ix_(s, s)], g[s])
    return Neighbour(beta + change, float(gain), float(decrement), float(d @ h @ d), float(g @ d))


def most_gained(v2: float, l2: float) -> float:
    """2 (m + (1 - m) log(1 - m)) / L^2 with m = L v; no limit from m = 1 on."""
    m = np.sqrt(v2 * l2)
    return float(2 * (m + (1 - m) * np.log(1 - m)) / l2) if m < 1 else np.inf


def least_gained(v2: float, l2: float) -> float:
    """2 ((1 + m) log(1 + m) - m) / L^2 with m = L v."""
    m = np.sqrt(v2 * l2)
    return float(2 * ((1 + m) * np.log(1 + m) - m) / l2)


def least_lost(q: float, slope: float, v2: float, l2: float) -> float:
    """2 (exp(-m) + m - 1) / L^2 - 2 s - 2 v^2 (1 + m) / (1 - L v) with m = L sqrt(q); no limit from L v = 1 on."""
    m, turn = np.sqrt(q * l2), np.sqrt(v2 * l2)
    return float(2 * (np.exp(-m) + m - 1) / l2 - 2 * slope - 2 * v2 * (1 + m) / (1 - turn)) if turn < 1 else -np.inf
