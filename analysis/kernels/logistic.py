"""Logistic regression by Newton's method."""

import numpy as np

from analysis.kernels.lanes import one_by_four, sum_of_products, two_by_two
from analysis.kernels.linear import cholesky, combine, copy, exponentials, fill, largest, solve
from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Ints
from simulator.numerics.compiled import kernel

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
    """The number of present rows gathered into ``z (P + 1, n)``, an intercept and the scaled columns; -1 for NaN.

    ``scale (2, P)`` receives centre and scale of every column.
    """
    patients, columns = x.shape
    n = int(np.int64(0))  # a plain 0 would have what it is passed to compiled twice
    for i in range(patients):
        if present[i]:
            for k in range(columns):
                z[k + 1, n] = x[i, k]
            outcome[n] = y[i]
            prior[n] = weight[i] if weight.shape[0] > 0 else 1.0
            n += 1
    fill(z[0], 1.0, n)
    for k in range(columns):
        mean = sum_of_products(z[0], z[0], z[k + 1], n) / max(n, 1)
        if not abs(mean) < np.inf:
            return -1
        for i in range(n):
            z[k + 1, i] -= mean
        spread = largest(z[k + 1], n)
        scale[0, k] = mean
        scale[1, k] = spread if spread > 1e-14 * abs(mean) else 0.0
        inverse = 1.0 / spread if scale[1, k] > 0.0 else 0.0
        for i in range(n):
            z[k + 1, i] *= inverse
    return n


@kernel
def evaluate(
    z: Floats,
    n: int,
    outcome: Floats,
    prior: Floats,
    beta: Floats,
    work: Floats,
    gradient: Floats,
) -> float:
    """The log-likelihood at ``beta (p,)``; fills ``gradient``.

    ``work (4, n)`` receives linear predictors in its first row and variances of the outcomes in its last; ``prior`` has
    no rows where everybody weighs 1.
    """
    p = beta.shape[0]
    eta, small, residual, variance = work[0], work[1], work[2], work[3]
    combine(z, beta, p, n, eta)
    for i in range(n):
        small[i] = -abs(eta[i])
    exponentials(small, residual, n)
    for i in range(n):
        inverse = 1.0 / (1.0 + small[i])
        residual[i] = outcome[i] - (inverse if eta[i] >= 0.0 else small[i] * inverse)
        variance[i] = small[i] * inverse * inverse
        small[i] += 1.0
    loglik = 0.0
    if prior.shape[0] > 0:
        for i in range(n):
            loglik += prior[i] * (outcome[i] * eta[i] - max(eta[i], 0.0) - np.log(small[i]))
            residual[i] *= prior[i]
            variance[i] *= prior[i]
    else:
        # a sum of logarithms as the logarithm of a product
        for start in range(0, n, _MOST_FACTORS):
            one, two, three, four, end = 1.0, 1.0, 1.0, 1.0, min(start + _MOST_FACTORS, n)
            for i in range(start, end - 3, 4):
                one *= small[i]
                two *= small[i + 1]
                three *= small[i + 2]
                four *= small[i + 3]
            for i in range(end - (end - start) % 4, end):
                one *= small[i]
            loglik -= np.log((one * two) * (three * four))
        for i in range(n):
            small[i] = outcome[i] * eta[i] - max(eta[i], 0.0)
        loglik += sum_of_products(small, z[0], z[0], n)
    for k in range(0, p, 4):
        sums = one_by_four(work, 2, z, k, n)
        for j in range(min(4, p - k)):
            gradient[k + j] = sums[j]
    return loglik


@kernel
def information(z: Floats, p: int, n: int, variance: Floats, work: Floats, gram: Floats) -> None:
    """Fills ``gram (p, p)`` with the sums of products of the rows of ``z`` by ``variance``, two by two."""
    for k in range(0, p, 2):
        other = min(k + 1, p - 1)
        for i in range(n):
            work[1, i] = variance[i] * z[k, i]
            work[2, i] = variance[i] * z[other, i]
        for m in range(0, k + 1, 2):
            last = min(m + 1, p - 1)
            sums = two_by_two(work, 1, z, m, n)
            gram[k, m] = gram[m, k] = sums[0]
            gram[k, last] = gram[last, k] = sums[1]
            gram[other, m] = gram[m, other] = sums[2]
            gram[other, last] = gram[last, other] = sums[3]


@kernel
def newton(
    z: Floats,
    n: int,
    outcome: Floats,
    prior: Floats,
    use: Ints,
    beta: Floats,
    root: Floats,
    work: Floats,
    tolerance: float,
) -> tuple[float, int]:
    """Log-likelihood and status of the model of the columns ``use``, started and left at ``beta``.

    ``root`` receives the Cholesky factor of the information. It stops when the squared Newton decrement is below
    ``tolerance``, once the steps are small. Separation is told from slow convergence by the step: towards a maximum at
    infinity the decrement vanishes while the step does not.
    """
    p = use.shape[0]
    gradient, step, point = np.empty(p), np.zeros(p), np.empty(p)
    own = z
    if p < z.shape[0]:
        own = np.empty((p, n))
        for k in range(p):
            copy(z[use[k]], own[k], n)
    for k in range(p):
        point[k] = beta[use[k]]
    last, halvings, largest, status = -np.inf, 0, 0.0, _NOT_CONVERGED
    for iteration in range(_MOST_ITERATIONS):
        loglik = evaluate(own, n, outcome, prior, point, work, gradient)
        if loglik < last - 1e-10 * (1.0 + abs(last)) and halvings < 40:
            halvings += 1
            for k in range(p):
                step[k] *= 0.5
                point[k] -= step[k]
            continue
        last, halvings = loglik, 0
        information(own, p, n, work[3], work, root)
        if not cholesky(root, p):
            status = _SINGULAR if iteration == 0 else _SEPARATED
            break
        decrement, largest, size = 0.0, 0.0, 0.0
        copy(gradient, step, p)
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
