"""Logistic models and stepwise selection: the score is zero at the fit, statuses, and R's path by exhaustive search."""

import itertools

import numpy as np

from analysis.kernels.status import Status
from analysis.propensity.logistic_models import logistic, stepwise


def _data(replicates: int = 6, n: int = 150, p: int = 5, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(replicates, n, p))
    x[..., 1] = x[..., 1] > 0.3
    eta = 0.9 * x[..., 0] - 0.7 * x[..., 1] + 0.2 * x[..., 2]
    return x, rng.random((replicates, n)) < 1 / (1 + np.exp(-eta))


def test_the_score_is_zero_at_the_fit() -> None:
    x, y = _data()
    weight = np.random.default_rng(2).uniform(0.5, 2, y.shape)
    for own in (None, weight):
        fit = logistic(x, y, weight=own)
        assert (fit.status == Status.OK).all()
        residual = (y - fit.fitted) * (1.0 if own is None else own)
        score = np.einsum("rn,rnp->rp", residual, np.concatenate([np.ones((*y.shape, 1)), x], axis=2))
        assert np.abs(score).max() < 1e-9
        assert np.abs(score + 1e-6).max() > 1e-9


def test_covariance_is_the_inverse_information() -> None:
    x, y = _data()
    fit = logistic(x, y)
    design = np.concatenate([np.ones((*y.shape, 1)), x], axis=2)
    for r in range(len(y)):
        v = fit.fitted[r] * (1 - fit.fitted[r])
        expected = np.linalg.inv(design[r].T @ (v[:, None] * design[r]))
        np.testing.assert_allclose(fit.covariance[r], expected, rtol=1e-9, atol=1e-12)


def test_scaling_and_shifting_a_covariate_scales_its_coefficient() -> None:
    x, y = _data()
    other = x.copy()
    other[..., 0] = 1e6 * other[..., 0] + 5e6
    one, two = logistic(x, y), logistic(other, y)
    np.testing.assert_allclose(two.beta[:, 1] * 1e6, one.beta[:, 1], rtol=1e-9)
    np.testing.assert_allclose(two.fitted, one.fitted, rtol=1e-8)


def test_absent_rows_are_not_read() -> None:
    x, y = _data()
    here = np.random.default_rng(3).random(y.shape) < 0.8
    spoilt = np.where(here[..., None], x, np.nan)
    a, b = logistic(spoilt, y, present=here), logistic(x[:1, here[0]], y[:1, here[0]])
    np.testing.assert_allclose(a.beta[0], b.beta[0], rtol=1e-12)
    assert np.isnan(a.linear[~here]).all()


def test_equal_rows_have_the_very_same_score() -> None:
    x, y = _data()
    x[:, 75:] = x[:, :75]
    for fit in (logistic(x, y), stepwise(x, y, range(5))):
        assert np.array_equal(fit.linear[:, 75:], fit.linear[:, :75])


def test_statuses_and_healthy_neighbours() -> None:
    x, y = _data()
    healthy = logistic(x, y).beta
    x, y = x.copy(), y.copy()
    y[0] = True
    y[1] = x[1, :, 0] > 0.1
    x[2, 4, 3] = np.nan
    x[3, :, 2] = x[3, :, 1]
    fit = logistic(x, y)
    expected = [Status.TOO_FEW, Status.PS_SEPARATED, Status.BAD_INPUT, Status.SINGULAR, Status.OK, Status.OK]
    assert fit.status.tolist() == expected
    assert np.isnan(fit.beta[:4]).all()
    assert np.array_equal(fit.beta[4:], healthy[4:])


def test_quasi_separation_is_told() -> None:
    x, y = _data(1)
    x[0, :, 1] = (np.arange(150) < 3) & y[0]
    fit, rare = logistic(x, y), x[0, :, 1] == 1
    assert rare.any()
    assert fit.status[0] == Status.OK
    assert np.isnan(fit.beta[0]).tolist() == [False, False, True, False, False, False]
    assert fit.sign[0].tolist() == [0, 0, 1, 0, 0, 0]
    assert np.array_equal(fit.aside[0], rare)
    assert (fit.fitted[0, rare] == 1).all()
    assert (fit.linear[0, rare] == np.inf).all()
    others = logistic(np.delete(x, 1, axis=2), y, present=~rare[None])
    np.testing.assert_allclose(np.delete(fit.beta[0], 2), others.beta[0], rtol=1e-10)
    np.testing.assert_allclose(fit.fitted[0, ~rare], others.fitted[0, ~rare], rtol=1e-10)
    assert abs(fit.loglik[0] - others.loglik[0]) < 1e-10


def _criterion(x: np.ndarray, y: np.ndarray, columns: list[int], cost: float) -> float:
    fit = logistic(x[None][:, :, columns], y[None])
    return float(cost * (1 + len(columns)) - 2 * fit.loglik[0])


def test_each_step_is_the_best_of_all_neighbours() -> None:
    """The selected model is better than all that differ from it by one term, and is where R's greedy path ends."""
    x, y = _data()
    term_of = [0, 1, 1, 2, 3]
    calls = itertools.product(("aic", "bic"), ("both", "backward", "forward"), ("full", "empty"))
    for criterion, direction, start in calls:
        if (direction, start) in (("backward", "empty"), ("forward", "full")):
            continue
        cost = 2.0 if criterion == "aic" else np.log(y.shape[1])
        found = stepwise(x, y, term_of, direction=direction, criterion=criterion, start=start)  # type: ignore[arg-type]
        for r in range(len(y)):
            chosen = [start == "full"] * 4
            while True:
                here = _criterion(x[r], y[r], [k for k in range(5) if chosen[term_of[k]]], cost)
                options = []
                for wanted in (True, False):
                    if direction == ("forward" if wanted else "backward"):
                        continue
                    for g in range(4):
                        if chosen[g] == wanted:
                            trial = [c != (i == g) for i, c in enumerate(chosen)]
                            columns = [k for k in range(5) if trial[term_of[k]]]
                            options.append((_criterion(x[r], y[r], columns, cost), len(options), trial))
                best = min(options)
                if best[0] >= here + 1e-7:
                    break
                chosen = best[2]
            assert found.selected[r].tolist() == chosen, (criterion, direction, start)
            assert abs(found.aic[r] - here) < 1e-8
            assert (found.beta[r, 1:] == 0).tolist() == [not chosen[g] for g in term_of]
