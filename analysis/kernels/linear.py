"""Small symmetric systems, solved without BLAS so that every replicate's digits are its own."""

import numpy as np

from simulator.cohort import Floats
from simulator.compiled import kernel

_SINGULAR_PIVOT = 1e-11


@kernel
def cholesky(a: Floats, p: int) -> bool:
    """Turn the lower triangle of ``a`` into its Cholesky factor; False if it is singular."""
    for k in range(p):
        diagonal = a[k, k]
        for m in range(k + 1):
            s = a[k, m]
            for j in range(m):
                s -= a[k, j] * a[m, j]
            if m < k:
                a[k, m] = s / a[m, m]
            elif s > _SINGULAR_PIVOT * diagonal and s > 0.0:
                a[k, k] = np.sqrt(s)
            else:
                return False
    return True


@kernel
def solve(root: Floats, p: int, b: Floats) -> None:
    """Solve in place the system whose matrix has the Cholesky factor ``root``."""
    for k in range(p):
        s = b[k]
        for j in range(k):
            s -= root[k, j] * b[j]
        b[k] = s / root[k, k]
    for k in range(p - 1, -1, -1):
        s = b[k]
        for j in range(k + 1, p):
            s -= root[j, k] * b[j]
        b[k] = s / root[k, k]
