"""The exact distribution of Mann and Whitney's U without ties."""

from functools import cache

import numpy as np

from simulator.numerics.arrays import Floats, Ints

LARGEST_EXACT = 49
"""R's ``wilcox.test`` is exact by default where both groups are below 50 and nothing is tied."""


@cache
def _orders(first: int) -> tuple[Floats, ...]:
    """In how many orders of ``first`` and b patients U is 0, 1, ..., first x b, for each b up to the largest.

    Either the last patient is of the first group, and beats all of the second, or he is of the second (Mann & Whitney
    1947, eq. 2). All terms are positive: rounding stays below 1e-13.
    """
    if first == 0:
        return (np.ones(1),) * (LARGEST_EXACT + 1)
    fewer, made = _orders(first - 1), [np.ones(1)]
    for second in range(1, LARGEST_EXACT + 1):
        counts = np.zeros(first * second + 1)
        counts[second:] += fewer[second]
        counts[: first * (second - 1) + 1] += made[-1]
        made.append(counts)
    return tuple(made)


def exact_p(u: Floats, count: Ints) -> Floats:
    """The two-sided p ``(R,)`` of ``u (R,)`` in groups of ``count (R, 2)``, neither above `LARGEST_EXACT`.

    Twice the smaller tail, at most 1, as R's ``wilcox.test(exact = TRUE)`` has it.
    """
    p = np.empty(len(u))
    for sizes in np.unique(count, axis=0):
        rows = (count == sizes).all(axis=1)
        ways = np.cumsum(_orders(int(sizes[0]))[sizes[1]])
        tail = np.minimum(u[rows], float(sizes.prod()) - u[rows]).astype(np.int64)
        p[rows] = np.minimum(2 * ways[tail] / ways[-1], 1.0)
    return p
