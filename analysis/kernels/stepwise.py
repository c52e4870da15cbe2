"""R's stepwise selection of logistic models, replicate by replicate.

Neighbours of the current model are bounded by `analysis.kernels.neighbours`. What the bounds leave open is looked at
closer, in the end by Newton's method; the selection is that of fitting all.
"""

from typing import NamedTuple

import numpy as np

from analysis.kernels.linear import cholesky, copy, fill, largest
from analysis.kernels.logistic import columns_of, evaluate, inverse, newton, prepare
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
_DRIFT = 0.7  # of a linear predictor, after which H is worked out anew
_TIE = 1e-11  # relative, of two criteria
_OPEN, _NARROWED, _EXACTLY = 0, 1, 2


class LogisticBlock(NamedTuple):
    """Cohorts of patients: ``y (R, N)`` by the columns of ``x``."""

    x: Floats  # (R, N, P)
    y: Bools
    present: Bools
    weight: Floats  # no rows where everybody weighs 1


class Selection(NamedTuple):
    """Which models are sought: that of all columns when neither ``drops`` nor ``adds``, else what `step` ends with."""

    term_of: Ints  # (P,), each column's term
    cost: float  # of a coefficient, unless
    bayes: bool  # it is the logarithm of the number of patients
    drops: bool
    adds: bool
    full: bool  # whether all terms are in the model from which it starts


class LogisticFits(NamedTuple):
    """What `fit_block` fills. ``linear`` is summed over the columns in order: equal rows have the very same score."""

    chosen: Bools  # (R, G)
    beta: Floats  # (R, P + 1)
    covariance: Floats  # (R, P + 1, P + 1); no rows where it is not asked for
    linear: Floats  # (R, N)
    fitted: Floats
    loglik: Floats  # (R,)
    status: Ints


class LogisticPatients(NamedTuple):
    """The patients of one cohort, as `analysis.kernels.logistic.prepare` has them."""

    z: Floats  # (P + 1, N)
    n: int
    outcome: Floats
    prior: Floats  # no rows where everybody weighs 1


class Neighbours(NamedTuple):
    """The models with one term less or more, and in the last place the current one."""

    stage: Ints
    low: Floats  # between this and ``high`` lies the criterion
    high: Floats
    expected: Floats  # criteria by the quadratic approximation
    fitted: Ints  # statuses
    point: Floats  # (G, P + 1), coefficients


class Quadratic(NamedTuple):
    """The log-likelihood about the current model, in the words of `analysis.kernels.neighbours`."""

    table: Floats  # swept of the columns in ``use``
    use: Ints
    score: Floats
    v2: float
    l2: float
    spread: float
    block: Floats  # scratch, as is part
    part: Floats


@kernel
def select(
    who: LogisticPatients, asked: Selection, cost: float, chosen: Bools, beta: Floats, root: Floats, work: Floats
) -> int:
    """The status of the model that R's `step` ends with; fills ``chosen (G,)`` and ``beta``, near its maximum.

    At each step the neighbour with the smallest criterion is taken, drops before adds and each in the order of the
    terms where they tie, until none is better than the current model. A separated model counts with the limit of its
    likelihood, and its neighbours are all fitted. SINGULAR where the candidates are collinear, used or not.
    """
    z, n, outcome, prior, term_of = who.z, who.n, who.outcome, who.prior, asked.term_of
    terms, p = chosen.shape[0], beta.shape[0]
    here, other, ahead, moved, first = 0, 1, -1, False, True
    gram, gradient, eta, loglik = np.empty((p, p)), np.empty((2, p)), np.empty((2, n)), np.empty(2)
    table, block, part, no_gram = np.empty((p + 1, p + 1)), np.empty((p + 1, p)), np.empty(p), np.empty((0, 0))
    origin, l2, score, step = np.empty(n), -1.0, np.empty(p), np.empty(p)
    around = Neighbours(
        np.empty(terms + 1, np.int64), np.empty(terms + 1), np.empty(terms + 1), np.empty(terms),
        np.empty(terms + 1, np.int64), np.empty((terms, p)),
    )  # fmt: skip
    stage, low, high, fitted, point = around.stage, around.low, around.high, around.fitted, around.point
    now, known = terms, np.nan  # the current model has the place behind its neighbours
    status = newton(z, n, outcome, prior, columns_of(chosen, term_of), beta, root, work, _ROUGH)[1]
    if status not in (_OK, _SEPARATED):
        return status
    while True:
        use = columns_of(chosen, term_of)
        if ahead < 0:
            loglik[here] = evaluate(z, n, outcome, prior, beta, work, gradient[here], no_gram)
            copy(work[0], eta[here], n)
        ahead = -1
        drift = farthest(eta[here], origin, n, work[1]) if l2 > 0.0 else np.inf
        if not drift < _DRIFT:
            evaluate(z, n, outcome, prior, beta, work, gradient[here], gram)
            for k in range(p):
                copy(gram[k], root[k], p)
            l2, drift = longest(z, n, root, p) if cholesky(root, p) else -1.0, 0.0
            if first and l2 < 0.0 and status == _OK:
                return _SINGULAR
            copy(eta[here], origin, n)
        first, spread, v2, certain = False, np.exp(drift), 0.0, status == _OK and l2 > 0.0
        if certain:
            certain, v2 = swept(gram, gradient[here], use, table)
            if certain and v2 * spread > _FAR and not moved:
                for k in use:
                    beta[k] += table[k, p]
                moved = True
                continue
        penalty = cost * use.shape[0] - 2.0 * loglik[here]
        about = Quadratic(table, use, gradient[here], v2, l2, spread, block, part)
        fitted[now], stage[now], low[now], high[now] = status, _NARROWED, -np.inf, np.inf
        if not np.isnan(known):
            stage[now], low[now], high[now] = _EXACTLY, known, known
        elif certain:
            low[now], high[now] = interval(penalty, v2, l2, spread)
        bound(asked, cost, chosen, beta, about, certain, penalty, around)
        while True:
            g = next_to_look_at(low, high, around.expected, stage)
            if g < 0:
                break
            if g < now:
                chosen[g] = not chosen[g]
            theirs = columns_of(chosen, term_of)
            if g < now:
                chosen[g] = not chosen[g]
            if certain and stage[g] == _OPEN:
                reached = evaluate(z, n, outcome, prior, point[g], work, score, no_gram)
                own, further = columns_of_term(g, term_of), np.exp(farthest(work[0], origin, n, work[1]))
                left = newton_step(table, use, score, step)
                left = max(left + detour(table, use, own, chosen[g], score, block, part, step), 0.0)
                low[g], high[g] = interval(cost * theirs.shape[0] - 2.0 * reached, left, l2, further)
                if ahead < 0 and around.expected[g] < high[now]:
                    ahead, loglik[other] = g, reached
                    copy(work[0], eta[other], n)
                    copy(score, gradient[other], p)
                else:
                    for k in range(p):
                        point[g, k] += step[k]
                fitted[g], stage[g] = _OK, _NARROWED
            else:
                copy(point[g] if g < now else beta, step, p)
                reached, fitted[g] = newton(z, n, outcome, prior, theirs, step, root, work, _EXACT)
                low[g] = cost * theirs.shape[0] - 2.0 * reached if fitted[g] in (_OK, _SEPARATED) else np.inf
                high[g], stage[g] = low[g], _EXACTLY
                if g < now:
                    copy(step, point[g], p)
                if g == ahead:
                    ahead = -1
        g = winner(low, high, chosen)
        if g == now:
            return int(fitted[now])
        chosen[g] = not chosen[g]
        copy(point[g], beta, p)
        status, known, moved = fitted[g], low[g] if stage[g] == _EXACTLY else np.nan, False
        if ahead == g:
            here, other = other, here
        else:
            ahead = -1


@kernel
def swept(gram: Floats, score: Floats, use: Ints, table: Floats) -> tuple[bool, float]:
    """Whether the columns ``use`` can be swept out of ``table``, and their squared Newton decrement; fills it."""
    p = gram.shape[0]
    for k in range(p):
        copy(gram[k], table[k], p)
        table[p, k] = table[k, p] = score[k]
    table[p, p] = 0.0
    certain = sweep(table, p, use)
    return certain, max(-float(table[p, p]), 0.0)


@kernel
def bound(
    asked: Selection, cost: float, chosen: Bools, beta: Floats, about: Quadratic, certain: bool, penalty: float,
    around: Neighbours,
) -> None:  # fmt: skip
    """Fills what is known of the neighbours before any of them is looked at; ``penalty`` is the current criterion."""
    terms, p, use = chosen.shape[0], beta.shape[0], about.use
    low, point = around.low, around.point
    for g in range(terms):
        around.stage[g], low[g], around.high[g], around.expected[g] = _EXACTLY, np.inf, np.inf, np.inf
        if not (asked.drops if chosen[g] else asked.adds):
            continue
        around.stage[g], low[g], around.expected[g] = _OPEN, -np.inf, -np.inf
        fill(point[g], 0.0, p)
        if certain:
            for k in use:
                point[g, k] = about.table[k, p]
            own = columns_of_term(g, asked.term_of)
            most, likely = predict(
                about.table, use, own, chosen[g], about.score, beta, about.v2, about.l2, about.spread,
                about.block, about.part, point[g],
            )  # fmt: skip
            base = penalty + (-cost if chosen[g] else cost) * own.shape[0]
            low[g], around.expected[g] = base - most, base - likely


@kernel
def farthest(a: Floats, b: Floats, n: int, apart: Floats) -> float:
    """The largest difference of two rows of numbers; ``apart`` is scratch."""
    for i in range(n):
        apart[i] = a[i] - b[i]
    return largest(apart, n)


@kernel
def columns_of_term(term: int, term_of: Ints) -> Ints:
    """The columns of ``z`` that a term has."""
    own = np.empty(term_of.shape[0], np.int64)
    count = 0
    for k in range(term_of.shape[0]):
        if term_of[k] == term:
            own[count] = k + 1
            count += 1
    return own[:count]


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
def fit_block(block: LogisticBlock, asked: Selection, fits: LogisticFits) -> None:
    """Fits each replicate's model, selected if that is asked; fills ``fits``."""
    replicates, patients, columns = block.x.shape
    z, outcome, weights = np.empty((columns + 1, patients)), np.empty(patients), np.empty(patients)
    work, scale, root = np.empty((4, patients)), np.empty((2, columns)), np.empty((columns + 1, columns + 1))
    own, one = np.empty(columns + 1), np.empty(0)
    weighted, status = block.weight.shape[0] > 0, fits.status
    prior = weights if weighted else one
    tolerance = _FINAL if fits.covariance.shape[0] == 0 else _FINAL * _FINAL
    for r in range(replicates):
        weight = block.weight[r] if weighted else one
        n = prepare(block.x[r], block.y[r], block.present[r], weight, z, outcome, weights, scale)
        ones = 0.0
        for i in range(max(n, 0)):
            ones += outcome[i]
        if n < 0 or ones == 0.0 or ones == n:
            status[r] = _BAD_INPUT if n < 0 else _TOO_FEW
            continue
        chosen = fits.chosen[r]
        for g in range(chosen.shape[0]):
            chosen[g] = asked.full
        fill(own, 0.0, columns + 1)
        own[0] = np.log(ones / (n - ones))
        if asked.drops or asked.adds:
            cost = np.log(n) if asked.bayes else asked.cost
            status[r] = select(LogisticPatients(z, n, outcome, prior), asked, cost, chosen, own, root, work)
            if status[r] != _OK:
                continue
        use = columns_of(chosen, asked.term_of)
        fits.loglik[r], status[r] = newton(z, n, outcome, prior, use, own, root, work, tolerance)
        if status[r] == _OK:
            rescaled(own, use, scale, fits.beta[r])
            if fits.covariance.shape[0] > 0:
                inverse(root, use.shape[0], use, scale, fits.covariance[r])
            scores(block.x[r], block.present[r], fits.beta[r], use, fits.linear[r], fits.fitted[r])


@kernel
def rescaled(own: Floats, use: Ints, scale: Floats, beta: Floats) -> None:
    """Fills ``beta`` with the coefficients ``own`` on the scale of the data, 0 where a column is not in ``use``."""
    fill(beta, 0.0, beta.shape[0])
    beta[0] = own[0]
    for k in range(1, use.shape[0]):
        column = use[k] - 1
        beta[use[k]] = own[use[k]] / scale[1, column]
        beta[0] -= beta[use[k]] * scale[0, column]


@kernel
def scores(x: Floats, present: Bools, beta: Floats, use: Ints, linear: Floats, fitted: Floats) -> None:
    """Fills the linear predictors and the probabilities of those present."""
    for i in range(x.shape[0]):
        if present[i]:
            eta = beta[0]
            for k in range(1, use.shape[0]):
                eta += beta[use[k]] * x[i, use[k] - 1]
            linear[i] = eta
            fitted[i] = 1.0 / (1.0 + np.exp(-eta))
