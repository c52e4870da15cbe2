"""R's stepwise selection of logistic models, replicate by replicate.

Neighbours of the current model are bounded by `analysis.kernels.neighbours`. What the bounds leave open is looked at
closer, in the end by Newton's method; the selection is that of fitting all.
"""

from typing import NamedTuple

import numpy as np

from analysis.kernels.linear import cholesky, copy, exponentials, fill, largest
from analysis.kernels.logistic import columns_of, evaluate, information, inverse, newton, prepare
from analysis.kernels.neighbours import detour, interval, longest, newton_step, predict, sweep
from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Ints
from simulator.numerics.compiled import kernel

_OK = int(Status.OK)
_SINGULAR = int(Status.SINGULAR)
_SEPARATED = int(Status.PS_SEPARATED)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)

_EXACT = 1e-7  # squared Newton decrement d, at which the log-likelihood plus d / 2 is known to about 1e-11
_FINAL = 1e-13  # one that the last step turns into the square of it
_ROUGH = 0.5  # one from which the bounds are sharp enough to start with
_FAR = 0.1  # one from which they are not
_WIDE = 1.5  # ratio of the variance of an outcome to what it was, from which H is worked out anew
_TIE = 1e-11  # relative, of two criteria
_OPEN, _NARROWED, _EXACTLY = 0, 1, 2


class LogisticBlock(NamedTuple):
    """Cohorts of patients: ``y (R, N)`` by the columns of ``x``."""

    x: Floats  # (R, N, P)
    y: Bools
    present: Bools
    weight: Floats  # no rows where everybody weighs 1


class ModelsAsked(NamedTuple):
    """Which models are sought, by terms of columns."""

    term_of: Ints  # (P,), each column's term
    cost: float  # of a coefficient, unless
    bayes: bool  # it is the logarithm of the number of patients
    drops: bool
    adds: bool
    full: bool  # whether all terms are in the model from which it starts


class ModelsFitted(NamedTuple):
    """What `fit_block` fills."""

    chosen: Bools  # (R, G)
    beta: Floats  # (R, P + 1)
    covariance: Floats  # (R, P + 1, P + 1); no rows where it is not asked for
    linear: Floats  # (R, N), summed over the columns in order: equal rows have the very same score
    fitted: Floats
    loglik: Floats  # (R,)
    status: Ints


@kernel
def select(
    z: Floats,
    n: int,
    outcome: Floats,
    prior: Floats,
    term_of: Ints,
    cost: float,
    drops: bool,
    adds: bool,
    chosen: Bools,
    beta: Floats,
    root: Floats,
    work: Floats,
) -> int:
    """The status of the model that R's `step` ends with; fills ``chosen (G,)`` and ``beta``, near its maximum.

    At each step the neighbour with the smallest criterion is taken, drops before adds and each in the order of the
    terms where they tie, until none is better than the current model. A separated model counts with the limit of its
    likelihood, and its neighbours are all fitted. SINGULAR where the candidates are collinear, used or not.
    """
    terms, p, null = chosen.shape[0], beta.shape[0], beta[0]
    here, other, ahead, moved, first, swept = 0, 1, -1, False, True, False
    gradient, variance, loglik, origin, l2 = np.empty((2, p)), np.empty((2, n)), np.empty(2), np.empty(n), -1.0
    table, block, part = np.empty((p, p)), np.empty((p + 1, p)), np.empty(p)
    score, step, forward = np.empty(p), np.empty(p), np.empty(p)
    columns, begin = columns_by_term(term_of, terms)
    point, expected = np.empty((terms, p)), np.empty(terms)
    low, high = np.empty(terms + 1), np.empty(terms + 1)
    stage, fitted = np.empty(terms + 1, np.int64), np.empty(terms + 1, np.int64)
    now, known = terms, np.nan  # the current model has the place behind its neighbours
    back, worse = -1, -np.inf  # the neighbour that was left for the current model, and what its criterion exceeds
    status = newton(z, n, outcome, prior, columns_of(chosen, term_of), beta, root, work, _ROUGH)[1]
    if status not in (_OK, _SEPARATED):
        return status
    while True:
        use = columns_of(chosen, term_of)
        if ahead < 0:
            loglik[here] = evaluate(z, n, outcome, prior, beta, work, gradient[here])
            copy(work[3], variance[here], n)
        ahead = -1
        spread = apart(variance[here], origin, n, work[1]) if swept else np.inf
        if not spread < _WIDE:
            information(z, p, n, variance[here], work, table)
            for k in range(p):
                for m in range(p):
                    root[k, m] = table[k, m]
            l2, spread = longest(z, n, root, p) if cholesky(root, p) else -1.0, 1.0
            if first and l2 < 0.0 and status == _OK:
                return _SINGULAR
            for i in range(n):
                origin[i] = 1.0 / variance[here, i]
            swept = l2 > 0.0 and sweep(table, p, use, False)
        first, v2, certain = False, 0.0, status == _OK and swept
        if certain:
            v2 = newton_step(table, use, gradient[here], forward)
            if v2 * spread > _FAR and not moved:
                for k in range(p):
                    beta[k] += forward[k]
                moved = True
                continue
        penalty = cost * use.shape[0] - 2.0 * loglik[here]
        fitted[now], stage[now], low[now], high[now] = status, _NARROWED, -np.inf, np.inf
        if not np.isnan(known):
            stage[now], low[now], high[now] = _EXACTLY, known, known
        elif certain:
            low[now], high[now] = interval(penalty, v2, l2, spread)
        for g in range(terms):
            stage[g], low[g], high[g], expected[g] = _EXACTLY, np.inf, np.inf, np.inf
            if drops if chosen[g] else adds:
                stage[g], low[g], expected[g] = _OPEN, -np.inf, -np.inf
                fill(point[g], 0.0, p)
                if certain:
                    copy(forward, point[g], p)
                    own = columns[begin[g] : begin[g + 1]]
                    most, likely = predict(
                        table, use, own, chosen[g], gradient[here], beta, v2, l2, spread, block, part, point[g]
                    )
                    base = penalty + (-cost if chosen[g] else cost) * own.shape[0]
                    low[g], expected[g] = max(base - most, worse if g == back else -np.inf), base - likely
        while True:
            g = next_to_look_at(low, high, expected, stage)
            if g < 0:
                break
            if g < now:
                chosen[g] = not chosen[g]
            theirs = columns_of(chosen, term_of)
            if g < now:
                chosen[g] = not chosen[g]
            if certain and stage[g] == _OPEN:
                reached = evaluate(z, n, outcome, prior, point[g], work, score)
                base = cost * theirs.shape[0] - 2.0 * reached
                own, further = columns[begin[g] : begin[g + 1]], apart(work[3], origin, n, work[1])
                left = newton_step(table, use, score, step)
                left = max(left + detour(table, use, own, chosen[g], score, block, part, step), 0.0)
                low[g], high[g] = interval(base, left, l2, further)
                if ahead < 0 and expected[g] < high[now]:
                    ahead, loglik[other] = g, reached
                    copy(work[3], variance[other], n)
                    copy(score, gradient[other], p)
                else:
                    for k in range(p):
                        point[g, k] += step[k]
                fitted[g], stage[g] = _OK, _NARROWED
            else:
                if g < now:
                    copy(point[g], step, p)
                else:
                    copy(beta, step, p)
                reached, fitted[g] = maximum(z, n, outcome, prior, theirs, null, step, root, work, _EXACT)
                low[g] = cost * theirs.shape[0] - 2.0 * reached if fitted[g] in (_OK, _SEPARATED) else np.inf
                high[g], stage[g] = low[g], _EXACTLY
                if g < now:
                    copy(step, point[g], p)
                if g == ahead:
                    ahead = -1
        g = winner(low, high, chosen)
        if g == now:
            for k in range(p if certain else 0):
                beta[k] += forward[k]
            return int(fitted[now])
        swept = swept and sweep(table, p, columns[begin[g] : begin[g + 1]], chosen[g])
        chosen[g] = not chosen[g]
        back, worse = g, float(low[now])
        copy(point[g], beta, p)
        status, known, moved = fitted[g], low[g] if stage[g] == _EXACTLY else np.nan, False
        if ahead == g:
            here, other = other, here
        else:
            ahead = -1


@kernel
def maximum(
    z: Floats,
    n: int,
    outcome: Floats,
    prior: Floats,
    use: Ints,
    null: float,
    beta: Floats,
    root: Floats,
    work: Floats,
    tolerance: float,
) -> tuple[float, int]:
    """`newton`, started anew from an intercept ``null`` where it fails: separation is not judged by a guess far out."""
    reached, status = newton(z, n, outcome, prior, use, beta, root, work, tolerance)
    if status != _OK:
        fill(beta, 0.0, beta.shape[0])
        beta[0] = null
        reached, status = newton(z, n, outcome, prior, use, beta, root, work, tolerance)
    return reached, status


@kernel
def apart(now: Floats, then: Floats, n: int, ratio: Floats) -> float:
    """A bound on the ratio of two rows of positive numbers, either way; ``then`` has inverses, ``ratio`` is scratch."""
    for i in range(n):
        ratio[i] = now[i] * then[i] - 1.0
    most = largest(ratio, n)
    return 1.0 / (1.0 - most) if most < 1.0 else np.inf


@kernel
def columns_by_term(term_of: Ints, terms: int) -> tuple[Ints, Ints]:
    """The columns of ``z`` term by term, and where those of each term begin, with the end."""
    columns, begin, count = np.empty(term_of.shape[0], np.int64), np.empty(terms + 1, np.int64), 0
    for g in range(terms):
        begin[g] = count
        for k in range(term_of.shape[0]):
            if term_of[k] == g:
                columns[count] = k + 1
                count += 1
    begin[terms] = count
    return columns, begin


@kernel
def smallest(values: Floats) -> float:
    """The smallest of some numbers."""
    least = np.inf
    for value in values:
        least = min(least, value)
    return least


@kernel
def next_to_look_at(low: Floats, high: Floats, expected: Floats, stage: Ints) -> int:
    """The model to be worked out next, or -1 where it is clear which is best; the current one is the last."""
    best, pick, rivals = smallest(high), -1, 0
    for g in range(expected.shape[0]):
        if stage[g] == _OPEN and low[g] <= best and (pick < 0 or expected[g] < expected[pick]):
            pick = g
    if pick >= 0:
        return pick
    for g in range(low.shape[0]):
        if low[g] <= best + _TIE * abs(best):
            rivals += 1
            if stage[g] != _EXACTLY:
                pick = g
    return pick if rivals > 1 else -1


@kernel
def winner(low: Floats, high: Floats, chosen: Bools) -> int:
    """The model with the smallest criterion: of several the current one, then drops, then adds, each in order."""
    best, terms = smallest(high), chosen.shape[0]
    if low[terms] <= best + _TIE * abs(best):
        return terms
    for dropping in (True, False):
        for g in range(terms):
            if chosen[g] == dropping and low[g] <= best + _TIE * abs(best):
                return g
    return terms


@kernel
def fit_block(block: LogisticBlock, asked: ModelsAsked, made: ModelsFitted) -> None:
    """Fits each replicate: all columns when neither ``drops`` nor ``adds``, else the stepwise selection."""
    x, y, present, weight, status = block.x, block.y, block.present, block.weight, made.status
    replicates, patients, columns = x.shape
    z = np.empty((columns + 1, patients))
    outcome, weights, work = np.empty(patients), np.empty(patients), np.empty((4, patients))
    scale, root = np.empty((2, columns)), np.empty((columns + 1, columns + 1))
    own, one = np.empty(columns + 1), np.empty(0)
    prior = weights if weight.shape[0] > 0 else one
    tolerance = _FINAL if made.covariance.shape[0] == 0 else _FINAL * _FINAL
    for r in range(replicates):
        n = prepare(x[r], y[r], present[r], weight[r] if weight.shape[0] > 0 else one, z, outcome, weights, scale)
        ones, chosen = 0.0, made.chosen[r]
        for i in range(max(n, 0)):
            ones += outcome[i]
        if n < 0 or ones == 0.0 or ones == n:
            status[r] = _BAD_INPUT if n < 0 else _TOO_FEW
            continue
        for g in range(chosen.shape[0]):
            chosen[g] = asked.full
        fill(own, 0.0, columns + 1)
        null = np.log(ones / (n - ones))
        own[0] = null
        if asked.drops or asked.adds:
            price = np.log(n) if asked.bayes else asked.cost
            status[r] = select(
                z, n, outcome, prior, asked.term_of, price, asked.drops, asked.adds, chosen, own, root, work
            )
            if status[r] != _OK:
                continue
        use = columns_of(chosen, asked.term_of)
        made.loglik[r], status[r] = maximum(z, n, outcome, prior, use, null, own, root, work, tolerance)
        if status[r] != _OK:
            continue
        scale_back(own, use, scale, made.beta[r])
        if made.covariance.shape[0] > 0:
            inverse(root, use.shape[0], use, scale, made.covariance[r])
        predict_all(x[r], present[r], made.beta[r], use, work, made.linear[r], made.fitted[r])


@kernel
def scale_back(own: Floats, use: Ints, scale: Floats, beta: Floats) -> None:
    """Fills ``beta`` with the coefficients ``own`` on the scale of the data, 0 where a column is not in ``use``."""
    fill(beta, 0.0, beta.shape[0])
    beta[0] = own[0]
    for k in range(1, use.shape[0]):
        column = use[k] - 1
        beta[use[k]] = own[use[k]] / scale[1, column]
        beta[0] -= beta[use[k]] * scale[0, column]


@kernel
def predict_all(
    x: Floats, present: Bools, beta: Floats, use: Ints, work: Floats, linear: Floats, fitted: Floats
) -> None:
    """Fills the linear predictors and the probabilities of those present; ``work`` has two rows of scratch."""
    for i in range(x.shape[0]):
        if present[i]:
            eta = beta[0]
            for k in range(1, use.shape[0]):
                eta += beta[use[k]] * x[i, use[k] - 1]
            linear[i] = eta
            work[0, i] = -eta
        else:
            work[0, i] = 0.0
    exponentials(work[0], work[1], x.shape[0])
    for i in range(x.shape[0]):
        if present[i]:
            fitted[i] = 1.0 / (1.0 + work[0, i])
