"""Imperfect records: stated rates, what they depend on, and that nothing of it touches what happened."""

import itertools
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from benchmarks.truth.counted import is_strict_null
from simulator.cohort.cohorts import Cohorts
from simulator.world.generate import generate, resolve
from simulator.world.sections import World
from tests.simulated import cohorts, tree, world, z_of_mean
from tests.test_generate import arrays

SEED = 1
IMPERFECT: dict[str, Any] = {
    "missing": {
        "age": {"share": 0.2},
        "grade": {"share": 0.3, "log_odds": {"grade=3": 1.5, "fitness": 0.5}, "treated": 0.7},
    },
    "misclassified": {"stage": {"early": {"late": 0.1}, "late": {"early": 0.25}}},
    "error_sd": {"age": 2.0},
    "treatment": {"T": 0.1, "C": 0.03},
    "endpoints": {"OS": {"missed": {"T": 0.3, "C": 0.1}, "false": {"C": 0.2}}},
}


def both(**changes: Any) -> tuple[Cohorts, Cohorts]:
    """Many patients of the world with perfect records, and with these imperfections."""
    plain = {"guarantee_months": {}, "accrual": tree()["entry"]["accrual"]}
    return tuple(cohorts(world(entry=plain, **more), 40, 500, SEED) for more in ({}, {"imperfections": changes}))  # type: ignore[return-value]


def test_only_the_records_change():
    before, after = (arrays(one) for one in both(**IMPERFECT))
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {"observed.covariates", "observed.treated", "observed.endpoints.OS.event"}


def test_a_replicate_is_the_same_in_any_block():
    resolved, replicates = resolve(world(imperfections=IMPERFECT)), np.arange(5)
    whole = arrays(generate(resolved, SEED, replicates, 60))
    for low, high in itertools.pairwise([0, 1, 3, 5]):
        for name, part in arrays(generate(resolved, SEED, replicates[low:high], 60)).items():
            own = whole[name][:, low:high] if name == "hidden.eligible" else whole[name][low:high]
            assert np.array_equal(part, own, equal_nan=part.dtype.kind == "f"), name


def test_missing_has_the_stated_share_and_depends_on_what_is_stated():
    before, after = both(missing=IMPERFECT["missing"])
    gone = np.isnan(after.observed.covariates)
    assert not gone[..., [1, 3]].any()
    age, grade = gone[..., 0], gone[..., 2]
    assert abs(z_of_mean(age, 0.2)) < 4
    assert abs(z_of_mean(age, 0.22)) > 4
    assert abs(z_of_mean(grade, 0.3)) < 4
    assert abs(z_of_mean(grade, 0.33)) > 4
    treated, true, fitness = before.observed.treated, before.observed.covariates, before.hidden.covariates[..., 0]
    x = np.stack([np.ones(treated.shape), true[..., 2] == 2, fitness, treated], axis=-1).reshape(-1, 4)
    beta = _logistic(x, grade.ravel())
    error = np.sqrt(np.diag(_covariance(x, beta)))
    assert (np.abs(beta[1:] - [1.5, 0.5, 0.7]) < 4 * error[1:]).all()
    assert (np.abs(beta[1:] - [1.0, 0.2, 0.4]) > 4 * error[1:]).all()
    flat = _logistic(x, age.ravel())
    assert (np.abs(flat[1:]) < 4 * np.sqrt(np.diag(_covariance(x, flat)))[1:]).all()


def _logistic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    beta = np.zeros(x.shape[1])
    for _ in range(25):
        p = 1 / (1 + np.exp(-x @ beta))
        beta = beta + _covariance(x, beta) @ (x.T @ (y - p))
    return beta


def _covariance(x: np.ndarray, beta: np.ndarray) -> np.ndarray:
    p = 1 / (1 + np.exp(-x @ beta))
    return np.linalg.inv((x * (p * (1 - p))[:, None]).T @ x)


def test_levels_are_misread_with_the_stated_probabilities():
    before, after = both(misclassified=IMPERFECT["misclassified"])
    true, seen = before.observed.covariates[..., 1], after.observed.covariates[..., 1]
    for level, rate in ((0, 0.1), (1, 0.25)):
        wrong = (seen != true)[true == level]
        assert abs(z_of_mean(wrong, rate)) < 4
        assert abs(z_of_mean(wrong, rate + 0.03)) > 4


def test_three_levels_are_misread_each_in_its_own_proportion():
    before, after = both(misclassified={"grade": {"2": {"1": 0.2, "3": 0.1}}})
    true, seen = before.observed.covariates[..., 2], after.observed.covariates[..., 2]
    assert np.array_equal(seen[true != 1], true[true != 1])
    assert abs(z_of_mean(seen[true == 1] == 0, 0.2)) < 4
    assert abs(z_of_mean(seen[true == 1] == 2, 0.1)) < 4
    assert abs(z_of_mean(seen[true == 1] == 2, 0.2)) > 4


def test_numbers_have_an_error_within_their_bounds():
    before, after = both(error_sd={"age": 2.0})
    true, seen = before.observed.covariates[..., 0], after.observed.covariates[..., 0]
    inside = (true > 45) & (true < 75)
    error = (seen - true)[inside]
    assert abs(z_of_mean(error, 0.0)) < 4
    assert abs(z_of_mean(error**2, 4.0)) < 4
    assert abs(z_of_mean(error**2, 4.5)) > 4
    assert seen.min() >= 30
    assert seen.max() <= 90


def test_arms_and_events_are_miscounted_by_arm():
    before, after = both(treatment=IMPERFECT["treatment"], endpoints=IMPERFECT["endpoints"])
    treated = before.observed.treated
    swapped = after.observed.treated != treated
    for arm, rate in ((False, 0.03), (True, 0.1)):
        assert abs(z_of_mean(swapped[treated == arm], rate)) < 4
        assert abs(z_of_mean(swapped[treated == arm], rate + 0.02)) > 4
    event, seen = before.observed.endpoints["OS"].event, after.observed.endpoints["OS"].event
    for arm, missed, false in ((False, 0.1, 0.2), (True, 0.3, 0.0)):
        own = treated == arm
        assert abs(z_of_mean(~seen[own & event], missed)) < 4
        assert abs(z_of_mean(~seen[own & event], missed + 0.03)) > 4
        found = seen[own & ~event]
        assert not found.any() if false == 0 else abs(z_of_mean(found, false)) < 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"missing": {"fitness": {"share": 0.2}}}, "no measured covariate 'fitness'"),
        ({"missing": {"age": {"share": 0.2, "log_odds": {"size": 1.0}}}}, "no variable 'size'"),
        ({"misclassified": {"age": {"a": {"b": 0.2}}}}, "for 'age' write error_sd"),
        ({"error_sd": {"stage": 1.0}}, "for 'stage' write misclassified"),
        ({"misclassified": {"stage": {"early": {"middle": 0.2}}}}, "no level 'middle'"),
        ({"misclassified": {"stage": {"early": {"early": 0.2}}}}, "names the other levels"),
        ({"misclassified": {"grade": {"1": {"2": 0.6, "3": 0.6}}}}, "at most 1 together"),
        ({"treatment": {"X": 0.2}}, "no arm 'X'"),
        ({"endpoints": {"ORR": {}}}, "no endpoint 'ORR'"),
        ({"endpoints": {"OS": {"missed": {"X": 0.1}}}}, "no arm 'X'"),
    ],
)
def test_a_fault_is_told_in_a_sentence(change, message):
    with pytest.raises(ValidationError, match=message):
        world(imperfections=change)


def test_imperfect_records_keep_a_null_a_null():
    asked = world(outcomes={**tree()["outcomes"], "treatment_effect": "none"}, imperfections=IMPERFECT)
    assert is_strict_null(asked, "OS")  # type: ignore[arg-type]
    assert isinstance(asked, World)
