"""Pseudo-observations: left out one by one, by hand, and without censoring; least squares as R's lm."""

import numpy as np
import pytest

from analysis.kernels.status import Status
from analysis.survival.pseudo import Quantity, pseudo_observations, regression
from tests.reference import kaplan_meier


def _cohorts(ties: bool, n: int = 30, replicates: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    time = rng.exponential(5.0, (replicates, n))
    return np.ceil(time) if ties else time, rng.random((replicates, n)) < 0.7


def _left_out(time: np.ndarray, event: np.ndarray, horizon: float, quantity: Quantity) -> np.ndarray:
    """Every patient in turn left out of one cohort."""

    def theta(keep: np.ndarray) -> float:
        if quantity == "rmst":
            return kaplan_meier.rmst(time[keep], event[keep], horizon)[0]
        return kaplan_meier.survival_at(time[keep], event[keep], horizon)[0]

    n = len(time)
    whole = theta(np.ones(n, bool))
    return np.array([n * whole - (n - 1) * theta(np.arange(n) != i) for i in range(n)])


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("quantity", ["rmst", "survival"])
@pytest.mark.parametrize("horizon", [0.01, 3.0, 6.0])
def test_as_leaving_out_one_by_one(ties: bool, quantity: Quantity, horizon: float) -> None:
    time, event = _cohorts(ties)
    found = pseudo_observations(time, event, horizon, quantity)
    assert (found.status == Status.OK).all()
    for r in range(len(time)):
        np.testing.assert_allclose(found.value[r], _left_out(time[r], event[r], horizon, quantity), atol=1e-12)


def test_by_hand() -> None:
    """Times 1, 2+, 3: S(2.5) = 2/3; without the first 1, the second 1/2, the third 1/2."""
    found = pseudo_observations([[1.0, 2.0, 3.0]], [[True, False, True]], 2.5, "survival")
    np.testing.assert_allclose(found.value, [[0.0, 1.0, 1.0]], atol=1e-15)


def test_the_last_to_die_may_be_left_out() -> None:
    """Times 1, 2: without the second the curve ends at 0 after 1, and without the first at 2."""
    found = pseudo_observations([[1.0, 2.0]], [[True, True]], 5.0)
    np.testing.assert_allclose(found.value, [[1.0, 2.0]], atol=1e-15)


@pytest.mark.parametrize(("quantity", "outcome"), [("rmst", np.minimum), ("survival", np.greater)])
def test_without_censoring_they_are_the_outcomes(quantity: Quantity, outcome: np.ufunc) -> None:
    time, _ = _cohorts(True)
    found = pseudo_observations(time, np.ones(time.shape, bool), 4.0, quantity)
    np.testing.assert_allclose(found.value, outcome(time, 4.0).astype(float), atol=1e-12)


def test_each_arm_has_its_own_curve() -> None:
    time, event = _cohorts(True)
    arm = np.arange(30) % 3 == np.zeros((6, 1))
    found = pseudo_observations(time, event, 3.0, arm=arm)
    for r in range(6):
        for own in (arm[r], ~arm[r]):
            np.testing.assert_allclose(
                found.value[r, own], _left_out(time[r, own], event[r, own], 3.0, "rmst"), atol=1e-12
            )
    assert np.abs(found.value - pseudo_observations(time, event, 3.0).value).max() > 0.01


def test_what_cannot_be_told_is_a_status_and_the_absent_are_not_read() -> None:
    time, event = _cohorts(False)
    healthy = pseudo_observations(time, event, 3.0).value
    time, event = time.copy(), event.copy()
    here = np.ones(time.shape, bool)
    time[0, 3] = np.nan
    here[1, 1:] = False
    time[2], event[2] = np.minimum(time[2], 2.0), False
    time[3, 5], here[3, 5] = np.nan, False
    found = pseudo_observations(time, event, 3.0, present=here)
    assert found.status.tolist() == [Status.BAD_INPUT, Status.TOO_FEW, Status.TOO_FEW, 0, 0, 0]
    assert np.isnan(found.value[:3]).all()
    assert np.array_equal(np.isnan(found.value[3]), ~here[3])
    assert np.array_equal(found.value[4:], healthy[4:])


def test_least_squares_leaves_out_what_others_make() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 30, 2)), rng.normal(size=(2, 30))
    use = rng.random((2, 30)) < 0.8
    made = np.stack([x[..., 0], x[..., 0] * 2 + 7, np.full((2, 30), 0.1), x[..., 1]], axis=-1)
    fitted, rank = regression(made, y, use)
    assert rank.tolist() == [3, 3]
    for r in range(2):
        design = np.column_stack([np.ones(30), x[r]])
        beta = np.linalg.lstsq(design[use[r]], y[r, use[r]], rcond=None)[0]
        np.testing.assert_allclose(fitted[r], design @ beta, atol=1e-12)
