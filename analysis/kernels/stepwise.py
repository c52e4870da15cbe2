"""R's stepwise selection of logistic models, replicate by replicate.

From the current fit every neighbour (one term dropped or added) is bounded before it is fitted. With H the information
of the model with all candidates at the current fit, L^2 = max z' H^-1 z over the rows, and q the quadratic
approximation's change of the log-likelihood, doubled, self-concordance of the logistic loss (Bach 2010, Electronic
Journal of Statistics 4:384, Proposition 1) gives, with m = L sqrt(q):

    dropping loses at least   (exp(-m) + m - 1) / L^2
    adding gains at most      (m + (1 - m) log(1 - m)) / L^2, without limit if m >= 1

A neighbour whose bound cannot beat the best one fitted so far is passed over; the selection is that of fitting all.
"""

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.linear import cholesky, solve
from analysis.kernels.logistic import columns_of, inverse, newton, prepare
from analysis.kernels.status import Status
from simulator.cohort import Bools, Floats
from simulator.compiled import kernel

Ints = NDArray[np.int64]

_OK = int(Status.OK)
_SINGULAR = int(Status.SINGULAR)
_SEPARATED = int(Status.PS_SEPARATED)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)

_EXACT = 1e-7  # squared Newton decrement d, at which the log-likelihood plus d / 2 is known to about 1e-11
_SLACK = 1e-6


@kernel
def survey(
    z: Floats, n: int, outcome: Bools, prior: Floats, beta: Floats, gram: Floats, gradient: Floats, root: Floats
) -> float:
    """L^2 of the module's bounds at ``beta``, or -1 where the information of all columns is singular.

    Fills ``gram`` with that information and ``gradient`` with the score, for all columns.
    """
    p = beta.shape[0]
    gram[:, :] = 0.0
    gradient[:] = 0.0
    for i in range(n):
        eta = 0.0
        for k in range(p):
            eta += z[i, k] * beta[k]
        small = np.exp(-abs(eta))
        mean = 1.0 / (1.0 + small) if eta >= 0 else small / (1.0 + small)
        residual = prior[i] * ((1.0 if outcome[i] else 0.0) - mean)
        variance = prior[i] * small / ((1.0 + small) * (1.0 + small))
        for k in range(p):
            gradient[k] += residual * z[i, k]
            part = variance * z[i, k]
            for m in range(p):
                gram[k, m] += part * z[i, m]
    root[:p, :p] = gram
    if not cholesky(root, p):
        return -1.0
    largest = 0.0
    half = np.empty(p)
    for i in range(n):
        length = 0.0
        for k in range(p):
            s = z[i, k]
            for j in range(k):
                s -= root[k, j] * half[j]
            half[k] = s / root[k, k]
            length += half[k] * half[k]
        largest = max(largest, length)
    return largest


@kernel
def approach(
    gram: Floats, gradient: Floats, use: Ints, beta: Floats, dropping: bool, trial: Floats, work: Floats, step: Floats
) -> float:
    """The doubled change of the log-likelihood by the quadratic approximation, -1 if it has none.

    ``trial`` receives the coefficients that the approximation gives the neighbour with the columns ``use``.
    """
    p = use.shape[0]
    for k in range(p):
        for m in range(k + 1):
            work[k, m] = gram[use[k], use[m]]
    if not cholesky(work, p):
        return -1.0
    for k in range(p):
        if not dropping:
            step[k] = gradient[use[k]]
            continue
        step[k] = 0.0
        for c in range(beta.shape[0]):
            step[k] += gram[use[k], c] * trial[c]  # trial still holds the coefficients to be dropped
    change = 0.0
    if dropping:
        for c in range(beta.shape[0]):
            for d in range(beta.shape[0]):
                change += trial[c] * gram[c, d] * trial[d]
    for k in range(p):
        work[p, k] = step[k]
    solve(work, p, step)
    for k in range(p):
        change += -work[p, k] * step[k] if dropping else work[p, k] * step[k]
    trial[:] = 0.0
    for k in range(p):
        trial[use[k]] = beta[use[k]] + step[k]
    return max(change, 0.0)


@kernel
def best_change(q: float, l2: float, dropping: bool) -> float:
    """The most favourable doubled change of the log-likelihood that the module's bounds leave open."""
    m = np.sqrt(q * l2)
    if dropping:
        if m < 1e-4:
            return -q * (1.0 - m)
        return -2.0 * (np.exp(-m) + m - 1.0) / l2
    if m >= 1.0:
        return np.inf
    if m < 1e-4:
        return q * (1.0 + m)
    return 2.0 * (m + (1.0 - m) * np.log1p(-m)) / l2


@kernel
def select(
    z: Floats,
    n: int,
    outcome: Bools,
    prior: Floats,
    term_of: Ints,
    cost: float,
    drops: bool,
    adds: bool,
    chosen: Bools,
    beta: Floats,
    root: Floats,
) -> tuple[float, int]:
    """The criterion and status of the model that R's `step` ends with; fills ``chosen (G,)`` and ``beta``.

    At each step the neighbour with the smallest criterion is taken, drops before adds and each in the order of the
    terms where they tie, until none improves on the current model by R's 1e-7. A separated model counts with the limit
    of its likelihood, and its neighbours are all fitted. SINGULAR where the candidates are collinear, used or not.
    """
    terms, p = chosen.shape[0], beta.shape[0]
    gram, gradient, work, step = np.empty((p, p)), np.empty(p), np.empty((p + 1, p)), np.empty(p)
    start, best_beta = np.empty((terms, p)), np.empty(p)
    bound, expected = np.empty(terms), np.empty(terms)
    if survey(z, n, outcome, prior, beta, gram, gradient, root) < 0.0:
        return np.nan, _SINGULAR
    loglik, status = newton(z, n, outcome, prior, columns_of(chosen, term_of), beta, root, _EXACT)
    if status not in (_OK, _SEPARATED):
        return np.nan, status
    current = cost * columns_of(chosen, term_of).shape[0] - 2.0 * loglik
    while True:
        l2 = survey(z, n, outcome, prior, beta, gram, gradient, root) if status == _OK else -1.0
        first, lowest = -1, np.inf
        for g in range(terms):
            bound[g], expected[g] = np.inf, np.inf
            if not (drops if chosen[g] else adds):
                continue
            dropping = chosen[g]
            chosen[g] = not dropping
            use = columns_of(chosen, term_of)
            chosen[g] = dropping
            bound[g] = -np.inf
            start[g] = 0.0
            for k in range(term_of.shape[0]):
                if dropping and term_of[k] == g:
                    start[g, k + 1] = beta[k + 1]
            q = approach(gram, gradient, use, beta, dropping, start[g], work, step) if l2 > 0.0 else -1.0
            if q >= 0.0:
                change = best_change(q, l2, dropping)
                penalty = cost * use.shape[0] - 2.0 * loglik
                bound[g] = penalty - change - _SLACK
                expected[g] = penalty + q if dropping else penalty - q
            else:
                for k in range(p):
                    start[g, k] = beta[k] if status == _OK and (k == 0 or term_of[k - 1] != g) else 0.0
            if expected[g] < lowest:
                first, lowest = g, expected[g]
        best, best_term, best_rank, best_status, best_loglik = np.inf, -1, 0, _OK, 0.0
        for turn in range(-1, 2 * terms):
            g = first if turn == -1 else turn % terms
            if g < 0 or (turn >= 0 and (g == first or chosen[g] != (turn < terms))):
                continue
            if bound[g] > min(best, current + 1e-7):
                continue
            rank = g if chosen[g] else terms + g
            chosen[g] = not chosen[g]
            use = columns_of(chosen, term_of)
            chosen[g] = not chosen[g]
            reached, fitted = newton(z, n, outcome, prior, use, start[g], root, _EXACT)
            if fitted not in (_OK, _SEPARATED):
                continue
            criterion = cost * use.shape[0] - 2.0 * reached
            tie = 1e-11 * abs(criterion)
            if criterion < best - tie or (criterion <= best + tie and rank < best_rank):
                best, best_term, best_rank, best_status, best_loglik = criterion, g, rank, fitted, reached
                best_beta[:] = start[g]
        if best_term < 0 or best >= current + 1e-7:
            break
        chosen[best_term] = not chosen[best_term]
        current, status, loglik = best, best_status, best_loglik
        beta[:] = best_beta
    return current, status


@kernel
def fit_block(
    x: Floats,
    y: Bools,
    present: Bools,
    weight: Floats,
    term_of: Ints,
    cost: float,
    bayes: bool,
    drops: bool,
    adds: bool,
    full: bool,
    chosen: Bools,
    beta: Floats,
    covariance: Floats,
    linear: Floats,
    fitted: Floats,
    loglik: Floats,
    status: Ints,
) -> None:
    """Fit each replicate: all columns when neither ``drops`` nor ``adds``, else the stepwise selection.

    ``linear`` is summed over the columns in order, so that equal rows have the very same score.
    """
    replicates, patients, columns = x.shape
    z = np.empty((patients, columns + 1))
    outcome, prior = np.empty(patients, np.bool_), np.empty(patients)
    scale, root = np.empty((2, columns)), np.empty((columns + 1, columns + 1))
    own = np.empty(columns + 1)
    for r in range(replicates):
        n = prepare(
            x[r], y[r], present[r], weight[r] if weight.shape[0] > 0 else weight[:0, 0], z, outcome, prior, scale
        )
        ones = 0
        for i in range(max(n, 0)):
            ones += outcome[i]
        if n < 0 or ones == 0 or ones == n:
            status[r] = _BAD_INPUT if n < 0 else _TOO_FEW
            continue
        chosen[r, :] = full
        own[:] = 0.0
        own[0] = np.log(ones / (n - ones))
        if drops or adds:
            price = np.log(n) if bayes else cost
            _, status[r] = select(z, n, outcome, prior, term_of, price, drops, adds, chosen[r], own, root)
            if status[r] not in (_OK, _SEPARATED):
                continue
        use = columns_of(chosen[r], term_of)
        if status[r] != _SEPARATED:
            loglik[r], status[r] = newton(z, n, outcome, prior, use, own, root, 1e-24)
        if status[r] != _OK:
            continue
        p = use.shape[0]
        beta[r, :] = 0.0
        beta[r, 0] = own[0]
        for k in range(1, p):
            column = use[k] - 1
            beta[r, use[k]] = own[use[k]] / scale[1, column]
            beta[r, 0] -= beta[r, use[k]] * scale[0, column]
        inverse(root, p, use, scale, covariance[r])
        for i in range(patients):
            if present[r, i]:
                eta = beta[r, 0]
                for k in range(1, p):
                    eta += beta[r, use[k]] * x[r, i, use[k] - 1]
                linear[r, i] = eta
                fitted[r, i] = 1.0 / (1.0 + np.exp(-eta))
