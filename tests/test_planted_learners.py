"""The lasso and boosting of propensity scores, each shown to be noticed when it is wrong."""

import functools
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.random import Generator, Philox
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from tests.agreement import gap
from tests.planted import Gaps, Rooms, defects, noticed_by, unless

FOLDS = 3


@functools.cache
def small(seed: int) -> Any:
    """A few patients: standardised columns below a row of ones, their arm, their folds, and penalties that fall."""
    draw = Generator(Philox(seed))
    x = np.column_stack([draw.normal(size=(36, 2)).round(1), draw.integers(0, 2, 36)])
    y = (draw.random(36) < 1 / (1 + np.exp(0.3 - 1.5 * x[:, 0]))).astype(float)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    most = np.abs(z.T @ (y - y.mean())).max()
    columns, penalties = np.vstack([np.ones(36), z.T]), most / np.logspace(0, 2, 6)
    return SimpleNamespace(x=x, y=y, z=columns, fold=np.arange(36) % FOLDS, penalties=penalties)


@functools.cache
def losses(seed: int) -> Any:
    """The mean loss of each penalty over the folds, by scikit-learn."""
    c = small(seed)
    found = np.zeros(len(c.penalties))
    for left_out in range(FOLDS):
        inside = c.fold != left_out
        for j, penalty in enumerate(c.penalties):
            model = LogisticRegression(
                C=1 / penalty, l1_ratio=1.0, solver="saga", tol=1e-9, max_iter=100_000, random_state=0
            ).fit(c.z[1:, inside].T, c.y[inside])
            p = model.predict_proba(c.z[1:, ~inside].T)[:, 1]
            y = c.y[~inside]
            found[j] -= np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)) / FOLDS
    return found


def lasso(rooms: Rooms) -> Gaps:
    """The penalty with the least loss, and a fit at which no gradient is beyond it."""
    module = rooms["analysis.kernels.lasso"]
    for seed in (1, 2, 3):
        c, beta = small(seed), np.zeros(4)
        best = module.cross_validated(c.z, c.y, c.fold, FOLDS, c.penalties, beta)
        yield unless(best == np.argmin(losses(seed)))
        gradient, penalty = c.z @ (c.y - 1 / (1 + np.exp(-(beta @ c.z)))), c.penalties[best]
        yield abs(gradient[0]) / c.penalties[0]
        for k in range(1, 4):
            own = gradient[k] - np.sign(beta[k]) * penalty if beta[k] else max(abs(gradient[k]) - penalty, 0.0)
            yield abs(own) / c.penalties[0]
    yield gap(module._mean_loss(c.z, np.arange(5), c.y, np.zeros(4)), np.log(2))
    yield unless(module._violation(np.array([0.1, 2.0, -3.0]), np.array([5.0, 0.0, -1.0]), 1.5) == 1.5)


def boosting(rooms: Rooms) -> Gaps:
    """The logit of every patient, by scikit-learn on the same columns."""
    for seed in (1, 2):
        c, eta = small(seed), np.empty(36)
        code = np.array([np.unique(column, return_inverse=True)[1] for column in c.x.T])
        rooms["analysis.kernels.boosting"].boost(code, code.max(axis=1) + 1, c.y, 4, 2, 0.1, eta)
        yield gap(eta, _boosted(seed), 1.0)


@functools.cache
def _boosted(seed: int) -> Any:
    c = small(seed)
    return GradientBoostingClassifier(n_estimators=4, max_depth=2, random_state=0).fit(c.x, c.y).decision_function(c.x)


DEFECTS = [
    *defects(
        "analysis.kernels.lasso",
        lasso,
        ("_descend", "a tenth of the penalty left out", "abs(aim) - penalty", "abs(aim) - 0.9 * penalty"),
        (
            "_violation",
            "a penalty a tenth too small",
            "np.sign(beta[k]) * penalty",
            "np.sign(beta[k]) * 0.9 * penalty",
        ),
        ("_fit", "the end comes too soon", "worst <= tolerance", "worst <= 1e8 * tolerance"),
        ("_mean_loss", "the sign of the outcome", "- outcome[i] * eta", "+ outcome[i] * eta"),
        ("cross_validated", "the greatest loss chosen", "np.argmin(loss)", "np.argmax(loss)"),
        ("cross_validated", "the path ends before the chosen penalty", "range(best + 1)", "range(best)"),
    ),
    *defects(
        "analysis.kernels.boosting",
        boosting,
        ("_split", "sizes left out of a gain", "apart * apart * few * many", "apart * apart"),
        ("_split", "the patients below are not taken off", "many = count[v] - few", "many = count[v]"),
        ("boost", "a rate a tenth larger", "eta[i] += rate * up[v]", "eta[i] += 1.1 * rate * up[v]"),
        ("boost", "a split on the wrong side of its bin", "code[k, i] > below[v]", "code[k, i] >= below[v]"),
    ),
]

test_the_plain_kernels_agree_with_scikit_learn, test_a_planted_defect_is_noticed = noticed_by(DEFECTS)
