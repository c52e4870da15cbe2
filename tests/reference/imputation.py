"""Predictive mean matching of one replicate's column, by numpy's linear algebra. Slow and readable."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]


def imputed(
    x: Array, column: int, known: Array, wanted: Array, normals: Array, chi_square: float, luck: Array, donors: int
) -> Array:
    """The column ``(N,)`` of ``x (N, P)`` with values of donors where wanted."""
    others = np.delete(x, column, axis=1)
    z, y = others[known], x[known, column]
    a = z.T @ z
    diagonal = np.diag(a).copy()
    a[np.diag_indices_from(a)] = np.where(diagonal > 0, diagonal * (1 + 1e-5), 1.0)
    fitted = np.linalg.solve(a, z.T @ y)
    sigma = np.sqrt(((y - z @ fitted) ** 2).sum() / chi_square)
    drawn = fitted + sigma * np.linalg.solve(np.linalg.cholesky(a).T, normals)
    made = x[:, column].copy()
    candidates = np.flatnonzero(known)
    for i in np.flatnonzero(wanted):
        distance = np.abs(others[candidates] @ fitted - others[i] @ drawn)
        nearest = candidates[np.argsort(distance, kind="stable")[:donors]]
        made[i] = x[nearest[int(luck[i] * donors)], column]
    return made
