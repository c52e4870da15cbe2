"""Linear predictors: every operator, several sums at once, none disturbed by another."""

import numpy as np
import pytest

from simulator.cohort.predictors import resolve
from simulator.cohort.terms import Variable, design
from simulator.numerics.streams import Streams

VARIABLES = {
    "age": Variable("age", "continuous"),
    "stage": Variable("stage", "binary", ("early", "late")),
    "grade": Variable("grade", "ordinal", ("1", "2", "3")),
    "site": Variable("site", "nominal", ("lung", "bone", "liver")),
}
SUMS = {
    "first": {"age": -0.02, "stage": 0.7, "grade>=2": 0.3},
    "second": {"age>65": 0.3, "age>=65": 0.1, "age<65": -0.2, "age<=65": 0.05, "age=65": 11.0},
    "third": {"grade>1": 1.0, "grade<3": 2.0, "grade<=1": 4.0, "grade=2": 8.0, "stage=early": 16.0},
    "none": {},
    "fourth": {"site=liver": -1.0, "stage": 0.7},
    "products": {"age*stage": -0.02, "age^3": 1e-6, "age>=65*stage*grade=2": 0.3, "age ^ 2 * grade>1": 1e-4},
}


def values(replicates: int = 3, patients: int = 401) -> np.ndarray:
    """Values ``(4, R, N)``, with ages of exactly 65."""
    draw = [Streams(4).uniform(name, np.arange(replicates), patients) for name in VARIABLES]
    age = np.where(draw[0] < 0.1, 65.0, np.where(draw[0] < 0.2, np.nextafter(65, 66), 40 + 50 * draw[0]))
    return np.array([age, draw[1] < 0.4, np.floor(3 * draw[2]), np.floor(3 * draw[3])], dtype=np.float64)


def by_hand(made: np.ndarray) -> np.ndarray:
    """The sum of products."""
    age, stage, grade, _ = made
    old = (age >= 65) * stage * (grade == 1)
    return -0.02 * age * stage + 1e-6 * age**3 + 0.3 * old + 1e-4 * age**2 * (grade >= 1)


def test_products_and_powers_are_those_of_the_values():
    made, ready = values(), resolve(SUMS, VARIABLES)
    found = ready.of(made)[ready.rows["products"]]
    assert np.abs(found - by_hand(made)).max() < 1e-13
    made[0, 0, 0] += 0.5
    assert abs(found - by_hand(made)).max() > 1e-3


def by_design(coefficients: dict[str, float], made: np.ndarray) -> np.ndarray:
    columns = design(tuple(coefficients), VARIABLES, tuple(VARIABLES), np.moveaxis(made, 0, -1)).x
    return columns @ np.array(list(coefficients.values()))


@pytest.mark.parametrize("name", SUMS)
def test_a_sum_is_the_design_times_the_coefficients(name):
    made = values()
    ready = resolve(SUMS, VARIABLES)
    found = ready.of(made)[ready.rows[name]]
    assert found.shape == (3, 401)
    assert np.abs(found - by_design(SUMS[name], made)).max() < 1e-14
    if SUMS[name]:
        term = next(iter(SUMS[name]))
        other = {**SUMS[name], term: SUMS[name][term] + 0.01}
        assert np.abs(found - by_design(other, made)).max() > 1e-3


@pytest.mark.parametrize("name", SUMS)
def test_other_sums_change_no_bit(name):
    made, together = values(), resolve(SUMS, VARIABLES)
    alone = resolve({name: SUMS[name]}, VARIABLES)
    assert np.array_equal(alone.of(made)[0], together.of(made)[together.rows[name]])


def test_equal_sums_share_a_row():
    ready = resolve({"a": SUMS["first"], "b": SUMS["fourth"], "c": dict(SUMS["first"])}, VARIABLES)
    assert ready.rows == {"a": 0, "b": 1, "c": 0}
    assert ready.of(values()).shape == (2, 3, 401)


def test_equal_patients_have_equal_sums():
    """Wherever they stand: ties of true log odds must stay ties."""
    one = values(1, 130)
    twice = np.concatenate([one[..., ::-1], one, one[..., :3]], axis=-1)
    found = resolve(SUMS, VARIABLES).of(twice)[:, 0]
    assert np.array_equal(found[:, :130][:, ::-1], found[:, 130:260])
    assert np.array_equal(found[:, 260:], found[:, 130:133])
