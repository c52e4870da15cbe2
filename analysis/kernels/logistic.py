"""Logistic regression by Newton's method."""

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.linear import cholesky, exponentials, solve
from analysis.kernels.status import Status
from simulator.cohort import Bools, Floats
from simulator.compiled import kernel

Ints = NDArray[np.int64]

_OK = int(Status.OK)
_SINGULAR = int(Status.SINGULAR)
_SEPARATED = int(Status.PS_SEPARATED)
_NOT_CONVERGED = int(Status.NOT_CONVERGED)

_MOST_ITERATIONS = 100
_MOST_FACTORS = 1000  # of at most 2 each: their product stays below 1e302


@kernel
def prepare(
    x: Floats, y: Bools, present: Bools, weight: Floats, z: Floats, outcome: Floats, prior: Floats, scale: Floats
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
                z[n, k + 1] = x[i, k]
            outcome[n] = y[i]
            prior[n] = weight[i] if weight.shape[0] > 0 else 1.0
            n += 1
    mean, low, high = np.zeros(columns), np.full(columns, np.inf), np.full(columns, -np.inf)
    for i in range(n):
        for k in range(columns):
            mean[k] += z[i, k + 1]
            low[k] = min(low[k], z[i, k + 1])
            high[k] = max(high[k], z[i, k + 1])
    for k in range(columns):
        if not abs(mean[k]) < np.inf:
            return -1
        mean[k] /= max(n, 1)
        spread = max(high[k] - mean[k], mean[k] - low[k])
        scale[0, k] = mean[k]
        scale[1, k] = spread if spread > 1e-14 * abs(mean[k]) else 0.0
        low[k] = 1.0 / scale[1, k] if scale[1, k] > 0.0 else 0.0
    for i in range(n):
        for k in range(columns):
            z[i, k + 1] = (z[i, k + 1] - mean[k]) * low[k]
    return n


@kernel
def evaluate(
    z: Floats,
    n: int,
    outcome: Floats,
    prior: Floats,
    pairs: Floats,
    beta: Floats,
    informed: bool,
    work: Floats,
    gradient: Floats,
    gram: Floats,
) -> float:
    """The log-likelihood at ``beta (p,)``; fills ``gradient`` and, where ``informed``, the information ``gram (p, p)``.

    ``work (4, n)`` receives linear predictors in its first row; ``prior`` has no rows where everybody weighs 1, and
    ``pairs`` none where `multiply` has not filled it.
    """
    p = beta.shape[0]
    eta, small, residual, variance = work[0], work[1], work[2], work[3]
    for i in range(n):
        s = 0.0
        for k in range(p):
            s += z[i, k] * beta[k]
        eta[i] = s
        small[i] = -abs(s)
    exponentials(small, residual, n)
    for i in range(n):
        inverse = 1.0 / (1.0 + small[i])
        residual[i] = outcome[i] - (inverse if eta[i] >= 0.0 else small[i] * inverse)
        variance[i] = small[i] * inverse * inverse
    loglik = 0.0
    if prior.shape[0] > 0:
        for i in range(n):
            loglik += prior[i] * (outcome[i] * eta[i] - max(eta[i], 0.0) - np.log1p(small[i]))
            residual[i] *= prior[i]
            variance[i] *= prior[i]
    else:
        # a sum of logarithms as the logarithm of a product
        for start in range(0, n, _MOST_FACTORS):
            product = 1.0
            for i in range(start, min(start + _MOST_FACTORS, n)):
                loglik += outcome[i] * eta[i] - max(eta[i], 0.0)
                product *= 1.0 + small[i]
            loglik -= np.log(product)
    whole = n - n % 4
    gradient[:] = 0.0
    # four patients at a time, so that a sum is loaded and stored once for the four
    for i in range(0, whole, 4):
        r0, r1, r2, r3 = residual[i], residual[i + 1], residual[i + 2], residual[i + 3]
        for m in range(p):
            gradient[m] += (r0 * z[i, m] + r1 * z[i + 1, m]) + (r2 * z[i + 2, m] + r3 * z[i + 3, m])
    for i in range(whole, n):
        for m in range(p):
            gradient[m] += residual[i] * z[i, m]
    if not informed:
        return loglik
    gram[:p, :p] = 0.0
    if pairs.shape[0] > 0:
        weigh(variance, pairs, n, p, gram)
        return loglik
    for i in range(0, whole, 4):
        for k in range(p):
            v0, v1 = variance[i] * z[i, k], variance[i + 1] * z[i + 1, k]
            v2, v3 = variance[i + 2] * z[i + 2, k], variance[i + 3] * z[i + 3, k]
            for m in range(p):  # the whole square: contiguous, so that it is vectorised
                gram[k, m] += (v0 * z[i, m] + v1 * z[i + 1, m]) + (v2 * z[i + 2, m] + v3 * z[i + 3, m])
    for i in range(whole, n):
        for k in range(p):
            part = variance[i] * z[i, k]
            for m in range(p):
                gram[k, m] += part * z[i, m]
    return loglik


@kernel
def multiply(z: Floats, n: int, p: int, pairs: Floats) -> None:
    """Fills ``pairs (n, p (p + 1) / 2)`` with the products of every two columns of ``z``."""
    for i in range(n):
        q = 0
        for k in range(p):
            value = z[i, k]
            for m in range(k + 1):
                pairs[i, q + m] = value * z[i, m]
            q += k + 1


@kernel
def weigh(variance: Floats, pairs: Floats, n: int, p: int, gram: Floats) -> None:
    """Fills ``gram (p, p)``, the sum of variance times the products of every two columns."""
    size, whole = pairs.shape[1], n - n % 4
    packed = np.zeros(size)
    for i in range(0, whole, 4):
        v0, v1, v2, v3 = variance[i], variance[i + 1], variance[i + 2], variance[i + 3]
        for q in range(size):
            packed[q] += (v0 * pairs[i, q] + v1 * pairs[i + 1, q]) + (v2 * pairs[i + 2, q] + v3 * pairs[i + 3, q])
    for i in range(whole, n):
        for q in range(size):
            packed[q] += variance[i] * pairs[i, q]
    q = 0
    for k in range(p):
        for m in range(k + 1):
            gram[k, m] = gram[m, k] = packed[q]
            q += 1


@kernel
def newton(
    z: Floats,
    n: int,
    outcome: Floats,
    prior: Floats,
    pairs: Floats,
    use: Ints,
    beta: Floats,
    root: Floats,
    work: Floats,
    tolerance: float,
) -> tuple[float, int]:
    """Log-likelihood and status of the model of the columns ``use``, started and left at ``beta``.

    ``root`` receives the Cholesky factor of the information. It stops when the squared Newton decrement is below
    ``tolerance``, once the steps are small. Separation is told from slow convergence by the step: towards a maximum at infinity the decrement
    vanishes while the step does not.
    """
    p = use.shape[0]
    gradient, step, point = np.empty(p), np.zeros(p), np.empty(p)
    own = z
    if p < z.shape[1]:
        own, pairs = np.empty((n, p)), pairs[:0]
        for i in range(n):
            for k in range(p):
                own[i, k] = z[i, use[k]]
    for k in range(p):
        point[k] = beta[use[k]]
    last, halvings, largest, status = -np.inf, 0, 0.0, _NOT_CONVERGED
    for iteration in range(_MOST_ITERATIONS):
        loglik = evaluate(own, n, outcome, prior, pairs, point, True, work, gradient, root)
        if loglik < last - 1e-10 * (1.0 + abs(last)) and halvings < 40:
            halvings += 1
            for k in range(p):
                step[k] *= 0.5
                point[k] -= step[k]
            continue
        last, halvings = loglik, 0
        if not cholesky(root, p):
            status = _SINGULAR if iteration == 0 else _SEPARATED
            break
        decrement, largest, size = 0.0, 0.0, 0.0
        step[:] = gradient
        solve(root, p, step)
        for k in range(p):
            decrement += step[k] * gradient[k]
            largest = max(largest, abs(step[k]))
        for k in range(p):
            point[k] += step[k]
            size = max(size, abs(point[k]))
        if decrement < tolerance and (largest < 0.1 * (1.0 + size) or decrement < 1e-7):
            last = loglik + 0.5 * decrement
            status = _OK if largest < 1e-3 * (1.0 + size) or decrement >= 1e-7 else _SEPARATED
            break
        if size > 1e6:
            status = _SEPARATED
            break
    for k in range(p):
        beta[use[k]] = point[k]
    return last, _SEPARATED if status == _NOT_CONVERGED and largest > 0.1 else status


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
