"""Logistic models, their selection and small systems of equations, each shown to be noticed when it is wrong."""

import functools
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.random import Generator, Philox

from analysis.kernels.status import Status
from tests.agreement import gap
from tests.planted import AGREEMENT, Gaps, Rooms, defects, noticed_by, unless
from tests.reference import logistic as slow_logistic
from tests.reference import neighbours as slow_neighbours

TERMS = (0, 1, 2, 3, 4, 4)
STEPS = (
    ("both", "full", "aic"),
    ("backward", "full", "bic"),
    ("forward", "empty", "aic"),
    ("both", "empty", "bic"),
    ("both", "empty", "aic"),
)


def linear(rooms: Rooms) -> Gaps:
    """Roots and solutions, by LAPACK; singular matrices; exponentials, sums of rows, copies, the largest of some."""
    module, draw = rooms["analysis.kernels.linear"], Generator(Philox(70))
    for p in (1, 2, 3, 5):
        half = draw.normal(size=(p, p + 2))
        a, b = half @ half.T, draw.normal(size=p)
        root, answer = np.zeros((p + 1, p + 1)), np.append(b, 7.0)
        root[:p, :p] = a
        yield unless(module.cholesky(root, p))
        yield gap(np.tril(root[:p, :p]), np.linalg.cholesky(a), 1.0)
        module.solve(root, p, answer)
        yield gap(answer, [*np.linalg.solve(a, b), 7.0], 1.0)
    for singular in (-np.eye(2), np.zeros((2, 2)), np.array([[1.0, 1.0], [1.0, 1.0 + 1e-13]])):
        yield unless(not module.cholesky(singular.copy(), 2))
    values = np.concatenate([draw.uniform(-700, 700, 40), draw.normal(size=10), [0.0, 1.0, -708.0, 709.0, 1e9]])
    made = values.copy()
    module.exponentials(made, np.empty(60), 54)
    yield AGREEMENT / 1e-15 * gap(made, [*(math.exp(value) for value in values[:54]), 1e9])
    for n in range(1, 10):
        for place in range(n):
            row = np.where(np.arange(n) == place, -3.0, 1.0)
            yield gap(module.largest(row, n), 3.0)
            yield gap(module.largest(np.append(row, 9.0), n), 3.0)
    yield unless(np.isnan(module.largest(np.array([1.0, np.nan, 2.0]), 3)))
    rows = np.vstack([np.ones(5), draw.normal(size=(6, 5))])
    for p in range(1, 8):
        share, total = draw.normal(size=p), np.full(6, 7.0)
        share[p // 2 :] *= p != 6  # coefficients of none
        module.combine(rows, share, p, 5, total)
        yield gap(total, [*(share @ rows[:p]), 7.0], 1.0)
    target = np.arange(4.0)
    module.copy(np.array([5.0, 6.0, 7.0, 8.0]), target, 2)
    yield gap(target, [5.0, 6.0, 2.0, 3.0])
    module.fill(target, 9.0, 3)
    yield gap(target, [9.0, 9.0, 9.0, 3.0])


@functools.cache
def treatments(number: int) -> Any:
    """A cohort of candidates (the last term of two columns), its arms, who is present and prior weights."""
    draw = Generator(Philox(80 + number))
    n = 40
    x = np.column_stack([draw.integers(0, 2, n), draw.normal(size=n), draw.normal(60, 9, n), draw.integers(0, 2, n)])
    level = draw.integers(0, 3, n)
    x = np.column_stack([x, level == 1, level == 2])
    strength = (0.0, 0.5, 1.0)[number % 3]
    y = draw.random(n) < 1 / (1 + np.exp(-strength * (x[:, 0] - 1 + x[:, 1] + 0.05 * (x[:, 2] - 60))))
    return SimpleNamespace(x=x, y=y, present=draw.random(n) < 0.9, weight=draw.integers(1, 5, n) / 2)


@functools.cache
def _slow_logistic(number: int, weighted: bool) -> slow_logistic.Fit:
    c = treatments(number)
    keep = c.present
    return slow_logistic.fit(c.x[keep], c.y[keep], c.weight[keep] if weighted else None)


def logistic(rooms: Rooms) -> Gaps:
    """Coefficients, covariance, log-likelihood, AIC, scores; separation, collinearity, one arm only, NaN."""
    fit = rooms["analysis.propensity.logistic_models"].logistic
    for number in range(3):
        c = treatments(number)
        x = np.where(c.present[:, None], c.x, np.nan)
        for weighted in (False, True):
            slow, weight = _slow_logistic(number, weighted), np.stack([c.weight] * 2) if weighted else None
            first = c.present if number == 0 else ~c.present
            found = fit(
                np.stack([x if number == 0 else c.x, c.x]), np.stack([c.y] * 2),
                present=np.stack([first, c.present]), weight=weight,
            )  # fmt: skip
            scale = np.sqrt(np.diag(slow.covariance))
            yield unless((found.status[1], found.n[1]) == (Status.OK, c.present.sum()))
            yield gap(found.beta[1], slow.beta, scale)
            yield gap(found.covariance[1], slow.covariance, np.outer(scale, scale))
            yield gap((found.loglik[1], found.aic[1]), (slow.loglik, slow.aic))
            eta = slow.beta[0] + c.x[c.present] @ slow.beta[1:]
            yield gap(found.linear[1, c.present], eta, 1.0)
            yield gap(found.fitted[1, c.present], 1 / (1 + np.exp(-eta)))
            yield unless(np.isnan(found.linear[1, ~c.present]))
            yield unless(number > 0 or found.loglik[0] == found.loglik[1])
    c = treatments(0)
    for column, y, status in (
        (c.y * 2.0, c.y, Status.PS_SEPARATED),
        (3 * c.x[:, 1] + c.x[:, 3], c.y, Status.SINGULAR),
        (np.full(40, 3.0), c.y, Status.SINGULAR),
        (np.where(np.arange(40) == 3, np.nan, 1.0), c.y, Status.BAD_INPUT),
        (c.x[:, 0], c.y | True, Status.TOO_FEW),
        (c.x[:, 0], c.y & False, Status.TOO_FEW),
    ):
        found = fit(np.column_stack([c.x[:, [1, 3]], column])[None], y[None])
        yield unless(found.status[0] == status)
        yield unless(np.isnan(found.beta))


@functools.cache
def _slow_selection(number: int, direction: Any, start: Any, criterion: str) -> Any:
    c = treatments(number)
    penalty = np.log(len(c.y)) if criterion == "bic" else 2.0
    found = slow_logistic.select(c.x, c.y, TERMS, direction, penalty, start)
    keep = found.selected[list(TERMS)]
    beta = np.zeros(1 + len(keep))
    beta[np.concatenate([[True], keep])] = slow_logistic.fit(c.x[:, keep], c.y).beta
    return found, beta


NEARLY_SEPARATED = (279, 732, 958)


@functools.cache
def nearly_separated(seed: int) -> Any:
    """Candidates and arms of a few patients whose larger models are separated, the best one not."""
    draw = Generator(Philox(seed))
    x = draw.normal(size=(30, 5))
    x[:, ::2] = x[:, ::2] > 0.5
    return x, draw.random(30) < 1 / (1 + np.exp(-2 * x[:, 1] - 2 * x[:, 0]))


def mirrored() -> Any:
    """Two covariates that exchange their parts when patients are renumbered: every criterion ties, the first counts."""
    rows = [(1, 1, 1)] * 4 + [(1, 1, 0), (0, 0, 1)] + [(0, 0, 0)] * 4 + [(1, 0, 1), (0, 1, 1), (1, 0, 0), (0, 1, 0)]
    made = np.array(rows, float)
    return made[:, :2], made[:, 2] == 1


def selection(rooms: Rooms) -> Gaps:
    """The terms that R's step would keep and their criterion, in every direction; terms that tie; statuses."""
    step = rooms["analysis.propensity.logistic_models"].stepwise
    for number in range(9):
        c = treatments(number)
        for direction, start, criterion in STEPS:
            found = step(c.x[None], c.y[None], TERMS, direction=direction, start=start, criterion=criterion)
            slow, beta = _slow_selection(number, direction, start, criterion)
            yield unless(found.status[0] == Status.OK)
            yield unless(found.selected[0] == slow.selected)
            yield gap(found.aic[0], slow.criterion)
            yield gap(found.beta[0], beta, 0.01)
    for seed in NEARLY_SEPARATED:
        x, y = nearly_separated(seed)
        found, slow = step(x[None], y[None], range(5)), slow_logistic.select(x, y, range(5))
        yield unless(found.status[0] == Status.OK)
        yield unless(found.selected[0] == slow.selected)
        yield gap(found.aic[0], slow.criterion)
    x, y = mirrored()
    for start, left in (("empty", [True, False]), ("full", [False, True])):  # the first enters, the first leaves
        yield unless(step(x[None], y[None], (0, 1), start=start).selected[0] == left)
    module, then, scratch = rooms["analysis.kernels.stepwise"], np.arange(1.0, 8.0), np.empty(7)
    for ratio, bound in ((0.8, 1.25), (1.2, 1.25), (0.999, 1 / 0.999), (2.0, np.inf), (np.nan, np.inf)):
        now = then * np.where(then == 3, ratio, 1.0)
        yield gap(module.apart(now, 1 / then, 7, scratch), bound)
        yield gap(module.apart(np.where(then == 7, 9.0, now), 1 / then, 6, scratch), bound)
    columns, begin = module.columns_by_term(np.array([2, 0, 1, 2]), 3)
    yield gap((*columns, *begin), (2, 3, 1, 4, 0, 1, 2, 4))
    for one_arm in (y | True, y & False):
        yield unless(step(x[None], one_arm[None], (0, 1)).status == Status.TOO_FEW)


def models(rooms: Rooms) -> Gaps:
    """Both of the above."""
    yield from logistic(rooms)
    yield from selection(rooms)


def neighbours(rooms: Rooms) -> Gaps:
    """What is predicted of every neighbour of three models, and that the truth is never beyond the bounds."""
    module = rooms["analysis.kernels.neighbours"]
    for m in (1e-5, 1e-6):  # the bounds are m^2 (1 +- m / 3) there, and may be rounded outwards alone
        yield unless(0.0 <= module.most_gained(m * m, 1.0) / (m * m) - (1 + m / 3) <= m)
        yield unless(0.0 <= 1 - m / 3 - module.least_gained(m * m, 1.0) / (m * m) <= m)
        yield unless(0.0 <= 1 - m / 3 - module.least_lost(m * m, 0.0, 0.0, 1.0) / (m * m) <= m)
    yield gap((module.most_gained(1.0, 1.0), module.least_lost(1.0, 0.0, 1.0, 1.0)), (np.inf, -np.inf))
    yield unless(module.least_gained(0.0, np.inf) == 0.0)  # nothing is known: a maximum is no less all the same
    for number in range(6):
        c = treatments(number)
        z = np.column_stack([np.ones(40), (c.x - c.x.mean(axis=0)) / c.x.std(axis=0)])
        inside = ((0, 1, 4), (1,), (0, 2, 3, 4))[number % 3]
        use = np.array([0, *(1 + k for k, term in enumerate(TERMS) if term in inside)])
        beta = np.zeros(7)
        beta[use] = slow_logistic.fit(z[:, use[1:]], c.y).beta + 0.02 * (-1.0) ** np.arange(len(use))
        fitted = 1 / (1 + np.exp(-z @ beta))
        h, g = (z.T * (fitted * (1 - fitted))) @ z, z.T @ (c.y - fitted)
        l2 = module.longest(np.ascontiguousarray(z.T), 40, np.linalg.cholesky(h), 7)
        yield gap(l2, np.einsum("ij,ji->i", z, np.linalg.solve(h, z.T)).max())
        table, other = h.copy(), np.array([2, 5])
        yield unless(module.sweep(table, 7, np.append(use, other[~np.isin(other, use)]), False))
        yield unless(module.sweep(table, 7, other[~np.isin(other, use)], True))
        rest = [k for k in range(7) if k not in use]
        within = np.linalg.inv(h[np.ix_(use, use)])
        yield gap(table[np.ix_(use, use)], -within, 1e-2)
        yield gap(table[np.ix_(rest, use)], h[np.ix_(rest, use)] @ within, 1e-2)
        yield gap(table[np.ix_(rest, rest)], (h - h[:, use] @ within @ h[use])[np.ix_(rest, rest)], 1e-2)
        yield unless(not module.sweep(h * 0.0, 7, use, False))
        own = np.linalg.solve(h[np.ix_(use, use)], g[use])
        step = np.full(7, np.nan)
        v2 = module.newton_step(table, use, g, step)
        yield gap((v2, *step), (g[use] @ own, *(own[list(use).index(k)] if k in use else 0.0 for k in range(7))), 1e-3)
        here = slow_logistic.log_likelihood(z, c.y, np.ones(40), beta)
        best = slow_logistic.fit(z[:, use[1:]], c.y).loglik
        low, high = module.interval(-2 * here, v2, l2, 1.0)
        yield unless(low <= -2 * best <= high)
        bounds = slow_neighbours.most_gained(v2, l2), slow_neighbours.least_gained(v2, l2)
        yield gap((-2 * here - low - 1e-7, -2 * here - high + 1e-7), bounds, 1e-2)
        for term in range(5):
            change = np.array([1 + k for k, each in enumerate(TERMS) if each == term])
            dropping, point = term in inside, step.copy()
            stay = [k for k in use if k not in change] if dropping else [*use, *change]
            slow = slow_neighbours.neighbour(h, g, beta, stay, change if dropping else ())
            truth = 2 * (slow_logistic.fit(z[:, [k for k in stay if k]], c.y).loglik - here)
            for spread in (1.0, 1.25):
                point = step.copy()
                most, likely = module.predict(
                    table, use, change, dropping, g, beta, v2, l2, spread, np.empty((8, 7)), np.empty(7), point
                )
                yield unless(truth <= most)
                yield gap((likely, *point), (slow.gain, *slow.point), 1e-2)
                wide = slow.decrement * spread, l2 * spread
                lost = slow_neighbours.least_lost(slow.q / spread, slow.slope, *wide)
                yield gap(most - 1e-7, -lost if dropping else slow_neighbours.most_gained(*wide), 1e-2)


DEFECTS = [
    *defects(
        "analysis.kernels.linear",
        linear,
        ("cholesky", "a sign in the root", "s -= a[k, j] * a[m, j]", "s += a[k, j] * a[m, j]"),
        ("solve", "the root not transposed on the way back", "s -= root[j, k] * b[j]", "s -= root[k, j] * b[j]"),
        ("", "nearly singular is regular", "_SINGULAR_PIVOT = 1e-11", "_SINGULAR_PIVOT = 1e-15"),
        ("cholesky", "singular is regular", "s > _SINGULAR_PIVOT * diagonal and s > 0.0", "s == s"),
        ("exponentials", "a sign in the reduction of an exponent", ") - k * _LOG_2_LOW", ") + k * _LOG_2_LOW"),
        ("exponentials", "one coefficient of the series", "1.0 / 24.0", "1.0 / 25.0"),
        ("largest", "the last patient is not looked at", "range(size)", "range(size - 1)"),
        ("largest", "signs count", "abs(values[i])", "values[i]"),
        ("exponentials", "an odd power among the even", "even * square + 1.0 / 720.0", "even * f + 1.0 / 720.0"),
        ("combine", "a row beyond the last counts", "b if k + 1 < p else 0.0", "b"),
        ("combine", "rows without a part end the sum", "a != 0.0 or b != 0.0", "a != 0.0 and b != 0.0"),
        ("copy", "the first number everywhere", "target[i] = source[i]", "target[i] = source[0]"),
        ("fill", "what was there remains", "target[i] = value", "target[i] += value"),
    ),
    *defects(
        "analysis.kernels.logistic",
        models,
        ("evaluate", "the two tails exchanged", "inverse if eta[i] >= 0.0 else", "inverse if eta[i] < 0.0 else"),
        ("prepare", "weights ignored", "prior[n] = weight[i] if weight.shape[0] > 0 else 1.0", "prior[n] = 1.0"),
        ("evaluate", "weights not in the information", "variance[i] *= prior[i]", "variance[i] *= 1.0"),
        ("prepare", "absent patients stay", "if present[i]:", "if True:"),
        ("evaluate", "the variance of a share", "small[i] * inverse * inverse", "small[i] * inverse"),
        ("inverse", "the intercept's covariance without the centre", "= -scale[0, use[k] - 1]", "= 0.0 * scale[0, 0]"),
        (
            "evaluate",
            "the last factors of the likelihood forgotten",
            "range(end - (end - start) % 4, end)",
            "range(end, end)",
        ),
        (
            "evaluate",
            "a sign in the log-likelihood",
            "loglik += sum_of_products(small",
            "loglik -= sum_of_products(small",
        ),
        (
            "newton",
            "separation is a fit",
            "_OK if largest < 1e-3 * (1.0 + size)",
            "_OK if largest < 1e3 * (1.0 + size)",
        ),
        ("newton", "collinear columns are a fit", "_SINGULAR if iteration == 0", "_OK if iteration == 0"),
        ("prepare", "a missing value is no fault", "if not abs(mean) < np.inf", "if abs(mean) == np.inf"),
        ("columns_of", "the first columns for the chosen ones", "use[count] = k + 1", "use[count] = count"),
        ("evaluate", "only the first four columns", "min(4, p - k)", "min(4, p) - k"),
        ("information", "a weight in one of two rows", "variance[i] * z[other, i]", "z[other, i]"),
        ("information", "half of each block", "gram[other, m] = gram[m, other] = sums[2]", "gram[other, m] = sums[2]"),
    ),
    *defects(
        "analysis.kernels.stepwise",
        models,
        ("predict_all", "the probability of the other outcome", "work[0, i] = -eta", "work[0, i] = eta"),
        ("fit_block", "BIC taken as AIC", "price = np.log(n) if asked.bayes else asked.cost", "price = asked.cost"),
        ("select", "a degree of freedom too many", "theirs.shape[0]", "(theirs.shape[0] + 1)", 2),
        (
            "select",
            "degrees of freedom of the current model",
            "penalty = cost * use.shape[0]",
            "penalty = cost * chosen.sum()",
        ),
        (
            "select",
            "half the deviance",
            "cost * theirs.shape[0] - 2.0 * reached if",
            "cost * theirs.shape[0] - reached if",
        ),
        ("select", "drops and adds exchanged", "if drops if chosen[g] else adds", "if adds if chosen[g] else drops"),
        ("winner", "the last of equals wins", "terms):\nif chosen", "terms)[::-1]:\nif chosen"),
        ("apart", "ratios, not how far they are from 1", "now[i] * then[i] - 1.0", "now[i] * then[i]"),
        ("apart", "what may have vanished is near", "if most < 1.0 else np.inf", "if most < 1.0 else 1.0"),
        ("smallest", "the largest, not the smallest", "least = min(least, value)", "least = max(least, value)"),
        ("next_to_look_at", "what bounds leave open stays open", "pick if rivals > 1 else -1", "-1"),
        ("columns_by_term", "a term has the column before its own", "columns[count] = k + 1", "columns[count] = k"),
        ("fit_block", "starts empty", "chosen[g] = asked.full", "chosen[g] = False"),
        ("scale_back", "the sign of the centre", "beta[0] -= beta[use[k]]", "beta[0] += beta[use[k]]"),
        (
            "scale_back",
            "a column on the wrong scale",
            "own[use[k]] / scale[1, column]",
            "own[use[k]] * scale[1, column]",
        ),
        ("fit_block", "one arm alone is no fault", "ones == 0.0 or ones == n", "ones == 0.0"),
        (
            "winner",
            "the worst neighbour sets the mark",
            "best, terms = smallest(high)",
            "best, terms = -smallest(-high)",
        ),
        ("select", "a bound on the wrong side", "max(base - most, worse", "max(base + most, worse"),
        ("select", "the way back is open, all others are not", "worse if g == back", "worse if g != back"),
        ("maximum", "no second start", "if status != _OK:", "if status == _SINGULAR:"),
    ),
    *defects(
        "analysis.kernels.neighbours",
        neighbours,
        ("most_gained", "the bound of a gain is half of it", "2.0 * (m + (1.0 - m)", "1.0 * (m + (1.0 - m)"),
        (
            "most_gained",
            "a small gain is less than its bound",
            "v2 * (1.0 + m) if m < 1e-4",
            "v2 * (1.0 - m) if m < 1e-4",
        ),
        ("most_gained", "a limit where there is none", "if m >= 1.0:", "if m > 1.0:"),
        (
            "least_gained",
            "a least gain too large",
            "((1.0 + m) * np.log1p(m) - m) / l2",
            "((1.0 + m) * np.log1p(m) + m) / l2",
        ),
        ("least_lost", "the sign of the slope of a loss", "own - 2.0 * slope", "own + 2.0 * slope"),
        ("least_lost", "the turn of a loss left out", "(1.0 + m) / (1.0 - turn)", "(1.0 + m)"),
        ("longest", "leverage without the diagonal", "combine(z, back[m], m + 1, n", "combine(z, back[m], m, n"),
        ("least_gained", "nothing known is a gain", "return 0.0", "return 1.0"),
        ("interval", "an interval upside down", "criterion - most - _SLACK", "criterion + most - _SLACK"),
        ("sweep", "a sign in the sweep", "inverted if back else -inverted", "inverted"),
        ("sweep", "back is out once more", "less = -share if back else share", "less = share"),
        (
            "newton_step",
            "a decrement of other columns",
            "s -= table[a, use[j]] * score[use[j]]",
            "s -= table[a, a] * score[use[j]]",
        ),
        ("detour", "adding taken as dropping", "own.shape[0], -1.0 if dropping else 1.0", "own.shape[0], 1.0"),
        (
            "predict",
            "the wider norm is the narrower",
            "q / spread, slope, v2 * spread",
            "q * spread, slope, v2 * spread",
        ),
        (
            "predict",
            "the distance of a drop not taken off",
            "likely = v2 + 2.0 * slope - q",
            "likely = v2 + 2.0 * slope",
        ),
        ("predict", "the point stays where it is", "point[use[i]] += away", "point[use[i]] += 0.0"),
    ),
]

test_the_plain_kernels_agree_with_the_slow_twins, test_a_planted_defect_is_noticed = noticed_by(DEFECTS)
