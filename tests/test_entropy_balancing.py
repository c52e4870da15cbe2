"""Entropy balancing: exact balance, the dual solved by another search, and what happens where no weights exist."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from analysis.estimators import EntropyBalance, Ipw
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import PropensityPlan
from analysis.propensity.entropy_balancing import entropy_balance
from tests.reference import weighted as slow
from tests.test_weighted_variance import MANY, sample, small, strong

X = np.stack([one.x for one in MANY])
T = np.stack([one.treated for one in MANY])
TARGETS = ("att", "ate", "atc")


def goal_of(target: str, x: Any, treated: Any) -> Any:
    """The target's means."""
    return {"att": x[treated], "atc": x[~treated], "ate": x}[target].mean(axis=0)


def exist(x: Any, goal: Any) -> bool:
    """Whether some weights of 0 or more give the columns ``x (N, P)`` the wanted means, by linear programming."""
    left, right = np.vstack([x.T, np.ones(len(x))]), np.append(goal, 1.0)
    return linprog(np.zeros(len(x)), A_eq=left, b_eq=right).status == 0


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("moments", [1, 2])
def test_balance_is_exact(target: Any, moments: Any) -> None:
    made = entropy_balance(X, T, target, moments=moments)
    assert (made.status == Status.OK).sum() >= 4
    for r in range(len(X)):
        columns = np.column_stack([X[r], X[r] ** 2]) if moments == 2 else X[r]
        goal = goal_of(target, columns, T[r])
        assert (made.status[r] == Status.OK) == all(exist(columns[arm], goal) for arm in (T[r], ~T[r]))
        if made.status[r] != Status.OK:
            continue
        assert np.all(made.weight[r] > 0)
        for arm in (T[r], ~T[r]):
            np.testing.assert_allclose(np.average(columns[arm], axis=0, weights=made.weight[r, arm]), goal, atol=1e-8)
        size = {"att": T[r].sum(), "atc": (~T[r]).sum(), "ate": T[r].size}[target]
        for arm in (T[r], ~T[r]):
            assert made.weight[r, arm].sum() == pytest.approx(size, rel=1e-12)


def test_one_moment_leaves_the_second_unbalanced() -> None:
    made = entropy_balance(X, T, "att")
    gaps = [
        abs(np.average(X[r, ~T[r], 0] ** 2, weights=made.weight[r, ~T[r]]) - (X[r, T[r], 0] ** 2).mean())
        for r in range(len(X))
    ]
    assert min(gaps) > 1e-4


@pytest.mark.parametrize("target", TARGETS)
def test_the_dual_by_another_search(target: Any) -> None:
    made = entropy_balance(X, T, target)
    for r in range(len(X)):
        goal = goal_of(target, X[r], T[r])
        for arm, own in ((T[r], "att"), (~T[r], "atc")):
            if target == own:
                np.testing.assert_array_equal(made.weight[r, arm], 1.0)
                continue
            share = made.weight[r, arm] / made.weight[r, arm].sum()
            np.testing.assert_allclose(share, slow.entropy_weights(X[r, arm], goal), rtol=1e-8, atol=1e-8)


def test_one_binary_covariate_is_standardisation() -> None:
    """Only one set of weights is alike within levels and balances: that of a saturated propensity score."""
    rng = np.random.default_rng(4)
    x = np.arange(40)[:, None] % 3 == 0
    patients = slow.Patients(
        rng.exponential(5, 40), rng.random(40) < 0.7, rng.random(40) < 0.3 + 0.4 * x[:, 0], x * 1.0
    )
    block = sample([patients])
    for target in TARGETS:
        balanced = EntropyBalance(target=target).weights(block).weight[0]
        scored = Ipw(target=target).weights(block).weight[0]
        np.testing.assert_allclose(balanced, scored, rtol=1e-8)


def test_scale_place_and_collinear_columns_do_not_matter() -> None:
    plain = entropy_balance(X, T, "ate").weight
    moved = entropy_balance(1e3 * X - 7e4, T, "ate").weight
    more = np.concatenate([X, X[..., :1] + X[..., 1:], np.ones_like(X[..., :1])], axis=2)
    np.testing.assert_allclose(moved, plain, rtol=1e-8)
    np.testing.assert_allclose(entropy_balance(more, T, "ate").weight, plain, rtol=1e-8)


def test_who_is_not_present_does_not_count() -> None:
    inside = np.arange(T.shape[1]) < 45
    here = np.broadcast_to(inside, T.shape)
    wild = np.where(here[..., None], X, np.nan)
    for moments in (1, 2):
        part = entropy_balance(X[:, inside], T[:, inside], "att", moments=moments)  # type: ignore[arg-type]
        found = entropy_balance(wild, T, "att", moments=moments, present=here)  # type: ignore[arg-type]
        np.testing.assert_array_equal(found.weight[:, inside], part.weight)
        assert np.isnan(found.weight[:, ~inside]).all()


def test_no_weights_where_the_target_is_out_of_reach() -> None:
    x, treated = X[:4].copy(), T[:4].copy()
    x[0, treated[0], 0] += 50.0  # outside the hull of the untreated
    x[1, :, 1] = treated[1]  # a level that the untreated do not have
    treated[2] = True
    x[3, 5, 0] = np.nan
    made = entropy_balance(x, treated, "att")
    expected = [Status.NOT_CONVERGED, Status.NOT_CONVERGED, Status.TOO_FEW, Status.BAD_INPUT]
    assert made.status.tolist() == expected
    assert np.isnan(made.weight).all()


def test_a_replicate_alone_gives_the_same_bits() -> None:
    whole = entropy_balance(X, T, "ate", moments=2).weight
    for r in range(len(X)):
        np.testing.assert_array_equal(entropy_balance(X[r : r + 1], T[r : r + 1], "ate", moments=2).weight[0], whole[r])


@pytest.mark.parametrize(("measure", "horizon"), [("hr", None), ("rmst", 8.0), ("survival", 6.0)])
def test_the_estimate_takes_the_weights(measure: Any, horizon: float | None) -> None:
    block = sample(MANY, PropensityPlan())
    found = EntropyBalance(target="ate", measure=measure, horizon=horizon).estimate(block, "OS")
    assert np.all(found.status == Status.OK)
    for r, patients in enumerate(MANY):
        weight = entropy_balance(patients.x[None], patients.treated[None], "ate").weight[0]
        if measure == "hr":
            data = slow.slow_cox.data(patients.time, patients.event, patients.treated[:, None] * 1.0, weight)
            fit = slow.slow_cox.fit(data)
            assert found.value[r] == pytest.approx(fit.beta[0], abs=1e-9)
            assert found.se[r] == pytest.approx(slow.slow_cox.robust_covariance(data, fit)[0, 0] ** 0.5, rel=1e-8)
        else:
            assert found.value[r] == pytest.approx(slow.curve_difference(patients, weight, horizon, measure), abs=1e-12)


def test_a_difference_that_a_covariate_explains_goes_away() -> None:
    """Time depends on the covariates alone: balanced, the arms differ by chance, unbalanced by far more."""
    patients = [small(100 + k, 400, ties=False) for k in range(40)]
    null = [
        slow.Patients(np.minimum(p.time / np.exp(0.4 * p.treated), 20.0), p.event, p.treated, p.x) for p in patients
    ]
    found = EntropyBalance().estimate(sample(null), "OS")
    z = (found.value / found.se).mean() * np.sqrt(len(null))
    assert abs(z) < 4
    unweighted = EntropyBalance().estimate(
        sample([slow.Patients(p.time, p.event, p.treated, np.zeros_like(p.x)) for p in null]), "OS"
    )
    assert abs((unweighted.value / unweighted.se).mean() * np.sqrt(len(null))) > 4


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("measure", "horizon"), [("hr", None), ("rmst", 8.0), ("survival", 6.0)])
def test_estimated_se_is_the_infinitesimal_jackknife(target: Any, measure: Any, horizon: float | None) -> None:
    cohorts = [small(seed, 40) for seed in (0, 3)]
    block = sample(cohorts)
    found, known = (
        EntropyBalance(target=target, measure=measure, horizon=horizon, se=se).estimate(block, "OS")
        for se in ("estimated", "robust")
    )
    assert np.all(np.abs(found.se / known.se - 1) > 1e-4)
    for r, patients in enumerate(cohorts):
        value, se = slow.entropy_jackknife(patients, target, measure, horizon)
        assert found.value[r] == pytest.approx(value, abs=1e-8)
        assert found.se[r] == pytest.approx(se, rel=1e-6)


def test_the_estimated_se_is_true_and_the_robust_one_too_large() -> None:
    block = strong(600)
    found, known = (EntropyBalance(target="ate", se=se).estimate(block, "OS") for se in ("estimated", "robust"))
    ok = found.status == Status.OK
    assert ok.mean() > 0.98
    tolerance = 0.03 + 3 / np.sqrt(2 * 599)
    sd = found.value[ok].std(ddof=1)
    assert abs(np.sqrt((found.se[ok] ** 2).mean()) / sd - 1) < tolerance
    assert np.sqrt((known.se[ok] ** 2).mean()) / sd - 1 > tolerance
