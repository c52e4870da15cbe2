"""Predictive mean matching of one column of a block."""

import numpy as np

from simulator.numerics.arrays import Bools, Floats
from simulator.numerics.compiled import kernel

RIDGE = 1e-5  # relative to each diagonal element: columns that say the same do no harm


@kernel
def _coefficients(
    row: Floats, column: int, known: Bools, normals: Floats, chi_square: float, fitted: Floats, drawn: Floats
) -> None:
    """Fill ``fitted (P - 1,)`` by least squares among the known, and ``drawn (P - 1,)`` from its posterior."""
    n, p = row.shape
    q = p - 1
    a, own = np.zeros((q, q)), np.empty(q, np.int64)
    own[:column] = np.arange(column)
    own[column:] = np.arange(column + 1, p)
    right = np.zeros(q)
    for i in range(n):
        if known[i]:
            y = row[i, column]
            for j in range(q):
                v = row[i, own[j]]
                right[j] += v * y
                for k in range(j + 1):
                    a[j, k] += v * row[i, own[k]]
    for j in range(q):
        a[j, j] = a[j, j] * (1.0 + RIDGE) if a[j, j] > 0.0 else 1.0
    for j in range(q):
        for k in range(j + 1):
            total = a[j, k]
            for m in range(k):
                total -= a[j, m] * a[k, m]
            a[j, k] = np.sqrt(total) if j == k else total / a[k, k]
    for j in range(q):
        total = right[j]
        for k in range(j):
            total -= a[j, k] * fitted[k]
        fitted[j] = total / a[j, j]
    for j in range(q - 1, -1, -1):
        total, noise = fitted[j], normals[j]
        for k in range(j + 1, q):
            total -= a[k, j] * fitted[k]
            noise -= a[k, j] * drawn[k]
        fitted[j], drawn[j] = total / a[j, j], noise / a[j, j]
    squares = 0.0
    for i in range(n):
        if known[i]:
            rest = row[i, column]
            for j in range(q):
                rest -= row[i, own[j]] * fitted[j]
            squares += rest * rest
    sigma = np.sqrt(squares / chi_square)
    for j in range(q):
        drawn[j] = fitted[j] + sigma * drawn[j]


@kernel
def impute(
    x: Floats,
    column: int,
    known: Bools,
    wanted: Bools,
    possible: Bools,
    normals: Floats,
    chi_square: Floats,
    luck: Floats,
    donors: int,
) -> None:
    """Fill ``column`` of ``x (R, N, P)`` where ``wanted (R, N)`` with values of donors among the ``known (R, N)``.

    Each has one of the ``donors`` known patients whose fitted mean is nearest to the mean that drawn coefficients give;
    of equally near ones the first. ``normals (R, P - 1)`` and ``chi_square (R,)`` draw coefficients, ``luck (R, N)``
    the donor. Nothing is done where not ``possible (R,)``.
    """
    replicates, n, p = x.shape
    fitted, drawn, means = np.empty(p - 1), np.empty(p - 1), np.empty(n)
    best, who = np.empty(donors), np.empty(donors, np.int64)
    for r in range(replicates):
        if not possible[r]:
            continue
        row = x[r]
        _coefficients(row, column, known[r], normals[r], chi_square[r], fitted, drawn)
        for i in range(n):
            if known[r, i] or wanted[r, i]:
                use = fitted if known[r, i] else drawn
                total = 0.0
                for j in range(p - 1):
                    total += use[j] * row[i, j if j < column else j + 1]
                means[i] = total
        for i in range(n):
            if not wanted[r, i]:
                continue
            best[:] = np.inf
            for k in range(n):
                if not known[r, k]:
                    continue
                distance = abs(means[k] - means[i])
                if distance < best[donors - 1]:
                    at = donors - 1
                    while at > 0 and best[at - 1] > distance:
                        best[at], who[at] = best[at - 1], who[at - 1]
                        at -= 1
                    best[at], who[at] = distance, k
            row[i, column] = row[who[int(luck[r, i] * donors)], column]
