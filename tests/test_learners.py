"""The lasso and boosting beside scikit-learn on the same folds and columns: agreement is a number, and can fail."""

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegressionCV

from analysis.kernels.status import Status
from analysis.propensity import learners
from analysis.propensity.learners import PENALTIES, boosted, lasso
from simulator.numerics.arrays import Bools, Floats

FOLDS = 4


def cohort(seed: int, n: int = 160, alike: float = 0.0) -> tuple[Floats, Bools, Floats]:
    """A cohort as a block of one: two continuous columns, one rounded, four binary ones; columns may be ``alike``."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1, n, 6))
    x[..., 1] = np.round(50 + 10 * (x[..., 1] + alike * x[..., 0]))
    x[..., 2:] = x[..., 2:] + alike * x[..., :1] > (0.0, 0.5, 1.0, -0.7)
    line = 0.8 * x[..., 0] - 0.05 * (x[..., 1] - 50) + 0.9 * x[..., 2] - 0.7
    return x, rng.random((1, n)) < 1 / (1 + np.exp(-line)), rng.random((1, n))


def by_scikit(x: Floats, treated: Bools, luck: Floats) -> tuple[Floats, float]:
    """Coefficients on the scale of the data, and the inverse penalty, of scikit-learn at a tight tolerance."""
    y, rows = treated[0], x[0]
    z = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    fold = learners._folds(luck[0], y, FOLDS)
    penalties = np.logspace(0, 3, PENALTIES) / np.abs(z.T @ (y - y.mean())).max()
    fit = LogisticRegressionCV(
        Cs=penalties,
        cv=[(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(FOLDS)],
        tol=1e-9,
        max_iter=200_000,
        use_legacy_attributes=False,
        l1_ratios=(1.0,),
        solver="saga",
        scoring="neg_log_loss",
        random_state=0,
    ).fit(z, y)
    return fit.coef_.ravel() / rows.std(axis=0), float(fit.C_)


@pytest.mark.parametrize(("seed", "alike"), [(1, 0.0), (2, 0.0), (3, 2.0)])
def test_the_lasso_is_scikit_learn_s(seed: int, alike: float) -> None:
    x, treated, luck = cohort(seed, alike=alike)
    found = lasso(x, treated, np.ones_like(treated), range(6), luck, FOLDS)
    own, _ = by_scikit(x, treated, luck)
    assert found.status[0] == Status.OK
    assert found.selected[0].tolist() == (np.abs(own) > 1e-7).tolist()
    assert np.abs(found.beta[0, 1:] - own).max() < 1e-6


def test_a_penalty_that_is_a_tenth_larger_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    x, treated, luck = cohort(1)
    right = lasso(x, treated, np.ones_like(treated), range(6), luck, FOLDS).beta
    kernel = learners.cross_validated
    monkeypatch.setattr(
        learners, "cross_validated", lambda z, y, f, k, most, beta: kernel(z, y, f, k, 1.1 * most, beta)
    )
    wrong = lasso(x, treated, np.ones_like(treated), range(6), luck, FOLDS).beta
    assert np.abs(wrong - right).max() > 1e-3


def test_the_lasso_of_many_columns_that_are_nearly_alike_and_of_separated_arms() -> None:
    """Coordinate descent still meets the optimality conditions: they are what defines the fit."""
    rng = np.random.default_rng(9)
    x = rng.normal(size=(2, 120, 40))
    x[0, :, 1:20] = x[0, :, :1] + 0.01 * x[0, :, 1:20]
    treated = x[..., 0] + 0.5 * x[..., 25] > 0.3  # the arms are separated
    found = lasso(x, treated, np.ones_like(treated), range(40), rng.random((2, 120)), FOLDS)
    assert (found.status == Status.OK).all()
    for r in range(2):
        gradient = ((x[r] - x[r].mean(axis=0)) / x[r].std(axis=0)).T @ (treated[r] - found.fitted[r])
        inside = found.selected[r]
        penalty = np.abs(gradient[inside]).mean()
        assert gradient[inside] == pytest.approx(penalty * np.sign(found.beta[r, 1:][inside]), rel=1e-6)
        assert np.all(abs(gradient[~inside]) <= penalty * (1 + 1e-6))


@pytest.mark.parametrize(("trees", "depth"), [(100, 3), (30, 1), (60, 2)])
def test_boosting_is_scikit_learn_s(trees: int, depth: int) -> None:
    x, treated, _ = cohort(4, 200)
    found = boosted(x, treated, np.ones_like(treated), range(6), trees, depth)
    model = GradientBoostingClassifier(n_estimators=trees, max_depth=depth, random_state=0).fit(x[0], treated[0])
    assert np.abs(found.linear[0] - model.decision_function(x[0])).max() < 1e-12


def test_a_learning_rate_that_is_a_tenth_larger_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    x, treated, _ = cohort(4, 200)
    right = boosted(x, treated, np.ones_like(treated), range(6)).linear
    monkeypatch.setattr(learners, "RATE", 0.11)
    assert np.abs(boosted(x, treated, np.ones_like(treated), range(6)).linear - right).max() > 1e-2


def test_boosting_of_more_values_than_bins_is_near_the_exact_one(monkeypatch: pytest.MonkeyPatch) -> None:
    x, treated, _ = cohort(5, 400)
    exact = boosted(x, treated, np.ones_like(treated), range(6)).fitted
    monkeypatch.setattr(learners, "MOST_BINS", 64)
    binned = boosted(x, treated, np.ones_like(treated), range(6)).fitted
    exact_loss, loss = (-np.log(np.where(treated, one, 1 - one)).mean() for one in (exact, binned))
    assert loss != exact_loss
    assert loss == pytest.approx(exact_loss, rel=0.15)
    assert max(len(np.unique(learners._binned(column))) for column in x[0].T) <= 64
