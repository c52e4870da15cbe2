"""What the neighbours of a logistic model can gain or lose, bounded before they are fitted.

A neighbour has one term less or one more. Let H be the
information of all candidate columns at the current coefficients b, L^2 = max z' H^-1 z over the rows, and, all in the
norm of H: q the squared length of the shortest change that drops the term, s its slope g'd, v^2 the squared Newton
decrement of the neighbour's own columns. Self-concordance of the logistic loss (Bach 2010, Electronic Journal of
Statistics 4:384, Proposition 1) gives, from the log-likelihood at b,

    dropping loses at least  (exp(-m) + m - 1) / L^2 - s - v^2 (1 + m) / (1 - L v)       m = L sqrt(q),  L v < 1
    any model gains at most  (m + (1 - m) log(1 - m)) / L^2,  without limit if m >= 1    m = L v
    and at least             ((1 + m) log(1 + m) - m) / L^2                              m = L v

(v enters the first because b need not be the current model's maximum). All of this holds in any norm that is nowhere
longer. Where the variances of all outcomes are within a factor S of those with which H was taken, H today lies between
H / S and S H: in the norm of H / S, L^2 and v^2 are S times, and q is 1 / S times those of H.
"""

import numpy as np

from analysis.kernels.linear import cholesky, combine, fill, solve
from simulator.numerics.arrays import Floats, Ints
from simulator.numerics.compiled import kernel

_SLACK = 1e-7  # of rounding, on every bound


@kernel
def most_gained(v2: float, l2: float) -> float:
    """The upper bound of the module on twice the gain in log-likelihood."""
    m = np.sqrt(v2 * l2)
    if m >= 1.0:
        return np.inf
    return v2 * (1.0 + m) if m < 1e-4 else 2.0 * (m + (1.0 - m) * np.log1p(-m)) / l2


@kernel
def least_gained(v2: float, l2: float) -> float:
    """The lower bound of the module on twice the gain in log-likelihood."""
    m = np.sqrt(v2 * l2)
    if not m < np.inf:
        return 0.0
    return v2 * (1.0 - m) if m < 1e-4 else 2.0 * ((1.0 + m) * np.log1p(m) - m) / l2


@kernel
def least_lost(q: float, slope: float, v2: float, l2: float) -> float:
    """The lower bound of the module on twice the loss by dropping a term."""
    m, turn = np.sqrt(q * l2), np.sqrt(v2 * l2)
    if turn >= 1.0:
        return -np.inf
    own = q * (1.0 - m / 2.0) if m < 1e-4 else 2.0 * (np.exp(-m) + m - 1.0) / l2
    return own - 2.0 * slope - 2.0 * v2 * (1.0 + m) / (1.0 - turn)


@kernel
def interval(criterion: float, v2: float, l2: float, spread: float) -> tuple[float, float]:
    """Between what the criterion at a model's maximum lies, which is ``criterion`` here; arguments as of `predict`."""
    most, least = most_gained(v2 * spread, l2 * spread), least_gained(v2 / spread, l2 * spread)
    return criterion - most - _SLACK, criterion - least + _SLACK


@kernel
def longest(z: Floats, n: int, root: Floats, p: int) -> float:
    """The largest z' H^-1 z over the rows, of the Cholesky factor ``root`` of H."""
    back, half, length, largest = np.zeros((p, p)), np.empty(n), np.empty(n), 0.0  # ``back`` is the factor's inverse
    for k in range(p):
        back[k, k] = 1.0 / root[k, k]
        for m in range(k + 1, p):
            s = 0.0
            for j in range(k, m):
                s -= root[m, j] * back[j, k]
            back[m, k] = s / root[m, m]
    fill(length, 0.0, n)
    for m in range(p):
        combine(z, back[m], m + 1, n, half)
        for i in range(n):
            length[i] += half[i] * half[i]
    for i in range(n):
        largest = max(largest, length[i])
    return largest


@kernel
def sweep(table: Floats, p: int, columns: Ints, back: bool) -> bool:
    """Sweep ``columns`` out of the information ``table (p, p)``, or ``back`` in again; False if it is singular.

    What is left (symmetric): minus the inverse among the columns swept out; for the others the coefficients by which
    they are regressed on these; and the others' information beyond them.
    """
    for j in range(columns.shape[0]):
        k = columns[j]
        pivot = -table[k, k] if back else table[k, k]
        if not pivot > 0.0:
            return False
        inverted = 1.0 / pivot
        for a in range(p):
            if a != k:
                share = table[a, k] * inverted
                less = -share if back else share
                for b in range(p):
                    table[a, b] -= less * table[k, b]
                table[a, k] = share
        for b in range(p):
            table[k, b] *= inverted
        table[k, k] = inverted if back else -inverted
    return True


@kernel
def newton_step(table: Floats, use: Ints, score: Floats, step: Floats) -> float:
    """The squared Newton decrement of the swept columns ``use``; fills ``step``, 0 elsewhere."""
    v2 = 0.0
    fill(step, 0.0, step.shape[0])
    for i in range(use.shape[0]):  # to walk along an array counts who holds it, at a cost
        a, s = use[i], 0.0
        for j in range(use.shape[0]):
            s -= table[a, use[j]] * score[use[j]]
        step[a] = s
        v2 += s * score[a]
    return v2


@kernel
def detour(
    table: Floats, use: Ints, own: Ints, dropping: bool, score: Floats, block: Floats, part: Floats, step: Floats
) -> float:
    """What the squared Newton decrement gains by dropping or adding the columns ``own``; changes ``step`` likewise.

    ``table`` is swept of ``use``, and ``step`` the step there. ``block`` receives the Cholesky factor of the
    information of ``own`` beyond the others; NaN where that is singular.
    """
    width, sign, change = own.shape[0], -1.0 if dropping else 1.0, 0.0
    for j in range(width):
        part[j] = step[own[j]]
        if not dropping:
            part[j] = score[own[j]]
            for i in range(use.shape[0]):
                part[j] -= table[own[j], use[i]] * score[use[i]]
        block[width, j] = part[j]
        for m in range(j + 1):
            block[j, m] = sign * table[own[j], own[m]]
    if not cholesky(block, width):
        return np.nan
    solve(block, width, part)
    for j in range(width):
        change += sign * part[j] * block[width, j]
        for i in range(use.shape[0]):
            step[use[i]] -= sign * table[own[j], use[i]] * part[j]
    for j in range(width):
        step[own[j]] = 0.0 if dropping else part[j]
    return change


@kernel
def predict(
    table: Floats,
    use: Ints,
    own: Ints,
    dropping: bool,
    score: Floats,
    beta: Floats,
    v2: float,
    l2: float,
    spread: float,
    block: Floats,
    part: Floats,
    point: Floats,
) -> tuple[float, float]:
    """Twice the neighbour's change of the log-likelihood: an upper bound, and what the quadratic approximation gives.

    ``v2`` and ``l2`` are those of the information in ``table``; today's is at least that divided by ``spread``.
    ``point`` holds the step of the columns ``use``, and receives the neighbour's coefficients by the approximation.
    """
    change = detour(table, use, own, dropping, score, block, part, point)
    if np.isnan(change):
        return np.inf, 0.0
    v2 = max(v2 + change, 0.0)
    most, likely, width = most_gained(v2 * spread, l2 * spread), v2, own.shape[0]
    if dropping:
        q, slope = 0.0, 0.0
        for j in range(width):
            part[j] = beta[own[j]]
        solve(block, width, part)
        for j in range(width):
            q += part[j] * beta[own[j]]
        for i in range(use.shape[0]):
            away = 0.0
            for j in range(width):
                away += table[own[j], use[i]] * part[j]
            slope += score[use[i]] * away
            point[use[i]] += away
        most = -least_lost(q / spread, slope, v2 * spread, l2 * spread)
        likely = v2 + 2.0 * slope - q
    for k in range(beta.shape[0]):
        point[k] += beta[k]
    if dropping:
        for j in range(width):
            point[own[j]] = 0.0
    return most + _SLACK, likely
