"""Logistic regression with an L1 penalty: Newton steps whose quadratic is solved by cyclic coordinate descent.

Friedman, Hastie & Tibshirani (J Stat Softw 33, 2010). The information matrix of one penalty serves the next as long as
the steps that it gives converge fast, since it is what a step costs; what a fit converges to does not depend on it.
"""

import numpy as np

from analysis.kernels.linear import copy
from analysis.kernels.logistic import evaluate, information
from simulator.numerics.arrays import Floats, Ints
from simulator.numerics.compiled import kernel

_MOST_STEPS = 200
_MOST_SWEEPS = 5_000
_SLOW = 0.1
"""How far a step must bring the violation down for the information matrix to be kept."""
_PATH = 1e-4
_LAST = 1e-11
"""How small violations of the optimality conditions are, to the largest gradient: along a path, and at its end."""


@kernel
def _descend(gram: Floats, rest: Floats, beta: Floats, penalty: float) -> None:
    """Move ``beta (p,)`` to the minimum of the penalised quadratic with this ``gram`` and gradient ``rest``."""
    p = beta.shape[0]
    whole = True
    for _ in range(_MOST_SWEEPS):
        moved = 0.0
        for k in range(p):
            if beta[k] != 0.0 or whole or k == 0:
                own = gram[k, k]
                aim = beta[k] * own + rest[k]
                if k > 0:
                    aim = np.sign(aim) * max(abs(aim) - penalty, 0.0)
                change = aim / own - beta[k] if own > 0.0 else 0.0
                if change != 0.0:
                    beta[k] += change
                    moved = max(moved, own * change * change)
                    for m in range(p):
                        rest[m] -= change * gram[m, k]
        if moved < 1e-26:
            if whole:
                return
            whole = True
        else:
            whole = False


@kernel
def _violation(gradient: Floats, beta: Floats, penalty: float) -> float:
    """The largest violation of the optimality conditions; the first coefficient pays no penalty."""
    worst = abs(gradient[0])
    for k in range(1, beta.shape[0]):
        if beta[k] == 0.0:
            worst = max(worst, abs(gradient[k]) - penalty)
        else:
            worst = max(worst, abs(gradient[k] - np.sign(beta[k]) * penalty))
    return worst


@kernel
def _fit(
    z: Floats, n: int, outcome: Floats, penalty: float, tolerance: float, beta: Floats, gram: Floats, work: Floats
) -> bool:
    """Whether ``beta (p,)`` was brought to the optimum; ``gram`` is of a fit nearby, or begins with 0."""
    p = beta.shape[0]
    gradient, before, nobody = np.empty(p), np.empty(p), np.empty(0)
    last, worst_before, halvings = np.inf, np.inf, 0
    for _ in range(_MOST_STEPS):
        loss = -evaluate(z, n, outcome, nobody, beta, work, gradient)
        for k in range(1, p):
            loss += penalty * abs(beta[k])
        if loss > last + 1e-9 * (1.0 + abs(last)) and halvings < 40:
            halvings += 1
            gram[0, 0] = 0.0
            for k in range(p):
                beta[k] = 0.5 * (beta[k] + before[k])
            continue
        worst = _violation(gradient, beta, penalty)
        if worst <= tolerance:
            return True
        if worst > _SLOW * worst_before or not gram[0, 0] > 0.0:
            information(z, p, n, work[3], work, gram)
        last, worst_before, halvings = loss, worst, 0
        copy(beta, before, p)
        _descend(gram, gradient, beta, penalty)
    return False


@kernel
def _mean_loss(z: Floats, rows: Ints, outcome: Floats, beta: Floats) -> float:
    """Minus the mean log-likelihood of these rows."""
    total = 0.0
    for i in rows:
        eta = beta[0]
        for k in range(1, beta.shape[0]):
            eta += beta[k] * z[k, i]
        total += max(eta, 0.0) + np.log1p(np.exp(-abs(eta))) - outcome[i] * eta
    return total / rows.shape[0]


@kernel
def cross_validated(z: Floats, outcome: Floats, fold: Ints, folds: int, penalties: Floats, beta: Floats) -> int:
    """The number of the penalty with the least mean loss over the folds, -1 where a fit did not converge.

    ``z (p, n)`` has a first row of ones; ``penalties`` fall from the one that keeps nothing. ``beta (p,)`` receives the
    fit to all with the chosen one.
    """
    p, n = z.shape
    own, y, work, gram = np.empty((p, n)), np.empty(n), np.empty((4, n)), np.zeros((p, p))
    loss, rows = np.zeros(penalties.shape[0]), np.empty(n, np.int64)
    share = 0.0
    for i in range(n):
        share += outcome[i] / n
    for left_out in range(folds):
        fitting, judging, ones = 0, 0, 0.0
        for i in range(n):
            if fold[i] == left_out:
                rows[judging] = i
                judging += 1
            else:
                for k in range(p):
                    own[k, fitting] = z[k, i]
                y[fitting] = outcome[i]
                ones += outcome[i]
                fitting += 1
        beta[:] = 0.0
        beta[0] = np.log(ones / (fitting - ones))
        gram[0, 0] = 0.0
        for j in range(penalties.shape[0]):
            if not _fit(own, fitting, y, penalties[j], _PATH * penalties[0], beta, gram, work):
                return -1
            loss[j] += _mean_loss(z, rows[:judging], outcome, beta)
    best = int(np.argmin(loss))
    beta[:] = 0.0
    beta[0] = np.log(share / (1.0 - share))
    gram[0, 0] = 0.0
    for j in range(best + 1):
        tolerance = _LAST if j == best else _PATH
        if not _fit(z, n, outcome, penalties[j], tolerance * penalties[0], beta, gram, work):
            return -1
    return best
