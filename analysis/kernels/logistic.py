"""Logistic regression by Newton's method, and R's stepwise selection, replicate by replicate."""

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.linear import cholesky, solve
from analysis.kernels.status import Status
from simulator.cohort import Bools, Floats
from simulator.compiled import kernel

Ints = NDArray[np.int64]

_OK = int(Status.OK)
_SINGULAR = int(Status.SINGULAR)
_SEPARATED = int(Status.PS_SEPARATED)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)
_NOT_CONVERGED = int(Status.NOT_CONVERGED)

_MOST_ITERATIONS = 100


@kernel
def prepare(
    x: Floats, y: Bools, present: Bools, weight: Floats, z: Floats, outcome: Bools, prior: Floats, scale: Floats
) -> int:
    """The number of present rows gathered into ``z (n, P + 1)``, an intercept and the scaled columns; -1 for NaN.

    ``scale (2, P)`` receives centre and scale of every column.
    """
    patients, columns = x.shape
    n = 0
    for i in range(patients):
        if present[i]:
            z[n, 0] = 1.0
            for k in range(columns):
                if not np.isfinite(x[i, k]):
                    return -1
                z[n, k + 1] = x[i, k]
            outcome[n] = y[i]
            prior[n] = weight[i] if weight.shape[0] > 0 else 1.0
            n += 1
    for k in range(columns):
        mean, spread = 0.0, 0.0
        for i in range(n):
            mean += z[i, k + 1] / n
        for i in range(n):
            spread = max(spread, abs(z[i, k + 1] - mean))
        scale[0, k] = mean
        scale[1, k] = spread if spread > 1e-14 * abs(mean) else 0.0
        for i in range(n):
            z[i, k + 1] = (z[i, k + 1] - mean) / spread if scale[1, k] > 0 else 0.0
    return n


@kernel
def newton(
    z: Floats, n: int, outcome: Bools, prior: Floats, use: Ints, beta: Floats, root: Floats, tolerance: float
) -> tuple[float, int]:
    """Log-likelihood and status of the model of the columns ``use``, started and left at ``beta``.

    ``root`` receives the Cholesky factor of the information. It stops when the squared Newton decrement is below
    ``tolerance``. Separation is told from slow convergence by the step: towards a maximum at infinity the decrement
    vanishes while the step does not.
    """
    p = use.shape[0]
    gradient, step, row = np.empty(p), np.zeros(p), np.empty(p)
    own, square = np.empty((n, p)), np.empty((p, p))
    for i in range(n):
        for k in range(p):
            own[i, k] = z[i, use[k]]
    last, halvings, largest = -np.inf, 0, 0.0
    for iteration in range(_MOST_ITERATIONS):
        loglik = 0.0
        gradient[:] = 0.0
        square[:, :] = 0.0
        for i in range(n):
            eta = 0.0
            for k in range(p):
                row[k] = own[i, k]
                eta += row[k] * beta[use[k]]
            small = np.exp(-abs(eta))
            mean = 1.0 / (1.0 + small) if eta >= 0 else small / (1.0 + small)
            loglik += prior[i] * ((eta if outcome[i] else 0.0) - max(eta, 0.0) - np.log1p(small))
            residual = prior[i] * ((1.0 if outcome[i] else 0.0) - mean)
            variance = prior[i] * small / ((1.0 + small) * (1.0 + small))
            for k in range(p):
                gradient[k] += residual * row[k]
                part = variance * row[k]
                for m in range(p):  # the whole square: contiguous, so that it is vectorised
                    square[k, m] += part * row[m]
        if loglik < last - 1e-10 * (1.0 + abs(last)) and halvings < 40:
            halvings += 1
            for k in range(p):
                step[k] *= 0.5
                beta[use[k]] -= step[k]
            continue
        last, halvings = loglik, 0
        root[:p, :p] = square
        if not cholesky(root, p):
            return loglik, _SINGULAR if iteration == 0 else _SEPARATED
        decrement, largest, size = 0.0, 0.0, 0.0
        step[:] = gradient
        solve(root, p, step)
        for k in range(p):
            decrement += step[k] * gradient[k]
            largest = max(largest, abs(step[k]))
        for k in range(p):
            beta[use[k]] += step[k]
            size = max(size, abs(beta[use[k]]))
        if decrement < tolerance:
            return loglik + 0.5 * decrement, _OK if largest < 1e-3 * (1.0 + size) else _SEPARATED
        if size > 1e6:
            return loglik, _SEPARATED
    return last, _SEPARATED if largest > 0.1 else _NOT_CONVERGED


@kernel
def columns_of(chosen: Bools, term_of: Ints) -> Ints:
    """The columns of ``z`` that the chosen terms use, intercept first."""
    use = np.empty(1 + term_of.shape[0], np.int64)
    use[0] = 0
    count = 1
    for k in range(term_of.shape[0]):
        if chosen[term_of[k]]:
            use[count] = k + 1
            count += 1
    return use[:count]


@kernel
def inverse(root: Floats, p: int, use: Ints, scale: Floats, covariance: Floats) -> None:
    """The covariance of the coefficients on the scale of the data, from the Cholesky factor of the information."""
    half, back = np.zeros((p, p)), np.zeros((p, p))
    for k in range(p):
        half[k, k] = 1.0 / root[k, k]
        for m in range(k):
            s = 0.0
            for j in range(m, k):
                s -= root[k, j] * half[j, m]
            half[k, m] = s / root[k, k]
    for k in range(p):
        back[k, k] = 1.0 if k == 0 else 1.0 / scale[1, use[k] - 1]
        if k > 0:
            back[0, k] = -scale[0, use[k] - 1] / scale[1, use[k] - 1]
    for a in range(p):
        for b in range(p):
            s = 0.0
            for i in range(p):
                for j in range(p):
                    if back[a, i] != 0.0 and back[b, j] != 0.0:
                        inner = 0.0
                        for m in range(max(i, j), p):
                            inner += half[m, i] * half[m, j]
                        s += back[a, i] * inner * back[b, j]
            covariance[use[a], use[b]] = s
