"""Small symmetric systems without BLAS, so that every replicate's digits are its own, and many exponentials."""

import numpy as np

from simulator.numerics.arrays import Floats
from simulator.numerics.compiled import kernel

_SINGULAR_PIVOT = 1e-11
_LOG2_E = 1.4426950408889634
_LOG_2_HIGH, _LOG_2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_ROUND = 6755399441055744.0  # 1.5 * 2^52: a sum with it is rounded to a whole number, which stands in its last bits
_EXPONENT_OF_ONE = 1023 << 52


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


@kernel
def exponentials(values: Floats, scratch: Floats, n: int) -> None:
    """Turn ``values[:n]``, finite, into their exponentials, to one unit in the last place; clamped to -708 and 709.

    Loops without branches, which the compiler turns into vector code: 2^k exp(f) with f at most half of log 2
    (Cody and Waite's reduction), and k added to the exponent's bits.
    """
    bits = scratch.view(np.int64)
    for i in range(n):
        scratch[i] = min(max(values[i], -708.0), 709.0) * _LOG2_E + _ROUND
    for i in range(n):
        k = scratch[i] - _ROUND
        f = (min(max(values[i], -708.0), 709.0) - k * _LOG_2_HIGH) - k * _LOG_2_LOW
        square = f * f  # even and odd powers apart: half as many steps wait for one another
        even = 1.0 / 479001600.0
        even = even * square + 1.0 / 3628800.0
        even = even * square + 1.0 / 40320.0
        even = even * square + 1.0 / 720.0
        even = even * square + 1.0 / 24.0
        even = even * square + 0.5
        odd = 1.0 / 6227020800.0
        odd = odd * square + 1.0 / 39916800.0
        odd = odd * square + 1.0 / 362880.0
        odd = odd * square + 1.0 / 5040.0
        odd = odd * square + 1.0 / 120.0
        odd = odd * square + 1.0 / 6.0
        values[i] = 1.0 + ((odd * f + even) * square + f)
    for i in range(n):
        bits[i] = (bits[i] << 52) + _EXPONENT_OF_ONE
    for i in range(n):
        values[i] *= scratch[i]


@kernel
def combine(z: Floats, share: Floats, p: int, n: int, total: Floats) -> None:
    """Fills ``total`` with the sum of the first p rows of ``z``, the first all 1, each by its share; added in order."""
    for i in range(n):
        total[i] = share[0]
    for k in range(1, p, 4):
        two, three, four = min(k + 1, p - 1), min(k + 2, p - 1), min(k + 3, p - 1)
        a, b, c, d = share[k], share[two], share[three], share[four]
        b, c, d = b if k + 1 < p else 0.0, c if k + 2 < p else 0.0, d if k + 3 < p else 0.0
        if a != 0.0 or b != 0.0 or c != 0.0 or d != 0.0:
            for i in range(n):
                total[i] = (((total[i] + a * z[k, i]) + b * z[two, i]) + c * z[three, i]) + d * z[four, i]


@kernel
def largest(values: Floats, size: int) -> float:
    """The largest absolute value, NaN where there is one; as whole numbers, for which a compiler has vector code."""
    most = np.int64(0)
    for i in range(size):
        most = max(most, np.float64(abs(values[i])).view(np.int64))
    return float(np.int64(most).view(np.float64))


@kernel
def copy(source: Floats, target: Floats, n: int) -> None:
    """Copy the first n numbers; slices would be compiled anew, with their error messages, wherever they stand."""
    for i in range(n):
        target[i] = source[i]


@kernel
def fill(target: Floats, value: float, n: int) -> None:
    """Set the first n numbers."""
    for i in range(n):
        target[i] = value
