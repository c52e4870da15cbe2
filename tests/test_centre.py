"""Whose hazards the baselines are: those of the average patient, or of one whose terms are zero."""

import math
from typing import Any

import numpy as np
import pytest

from simulator.world.generate import generate, resolve
from simulator.world.sections import World
from tests.graphs import AGE, STAGE, constant, tree

MEANS = {"age": 60.0, "stage": 0.5}  # of a normal cut off alike on both sides, and the stated share
HR = {"age": 0.04, "stage": 0.5}
LESS = {"stage": -0.6, "age": 0.01}
BLOCK = np.arange(40)


def spoken(centre: str | None, rate: float, log_hr: float = -0.5, dropout: float = 0.01) -> World:
    outcomes: dict[str, Any] = {} if centre is None else {"centre": centre}
    death = constant(rate, "well", "dead", log_hr=HR, treatment={"log_hr": log_hr, "modifiers": LESS})
    leaving = {arm: {"kind": "exponential", "rate": dropout} for arm in "CT"}
    followup = {"cut_off": "2025-01-01", "dropout": leaving, "informative": {"log_hr": {"age": -0.02}}}
    made = tree(("well", "dead"), {"death": death}, followup=followup)
    made["population"] = {"size": 200, "covariates": {"age": AGE, "stage": STAGE}}
    made["outcomes"] = {**made["outcomes"], **outcomes}
    return World.model_validate(made)


def lived(world: World) -> tuple[np.ndarray, ...]:
    """Both potential times without censoring, and the observed ones, of many patients."""
    made = generate(resolve(world), 7, BLOCK)
    return *made.hidden.latent["at-dead"], made.observed.endpoints["at-dead"].time


def by_hand(log_hr: dict[str, float]) -> float:
    return sum(value * MEANS[name] for name, value in log_hr.items())


def test_the_baseline_of_the_average_patient_is_that_of_zero_times_what_the_averages_multiply() -> None:
    average = lived(spoken("average", 0.05))
    zero = lived(spoken("zero", 0.05 * math.exp(-by_hand(HR)), -0.5 - by_hand(LESS), 0.01 * math.exp(0.02 * 60)))
    for one, other in zip(average, zero, strict=True):
        assert np.allclose(one, other, rtol=0.004)  # the averages are those of 100,000 patients
    wrong = lived(spoken("zero", 0.055 * math.exp(-by_hand(HR)), -0.5 - by_hand(LESS), 0.01 * math.exp(0.02 * 60)))
    assert not any(np.allclose(one, other, rtol=0.004) for one, other in zip(average, wrong, strict=True))


def test_a_patient_with_average_terms_has_the_stated_hazard() -> None:
    """Of many patients with 59.5 to 60.5 years, half of them in either stage, by the mean logarithm of time."""
    made = generate(resolve(spoken("average", 0.05)), 3, np.arange(300))
    age, stage = np.moveaxis(made.observed.covariates, -1, 0)
    zero, one = made.hidden.latent["at-dead"]
    near = np.abs(age - 60) < 0.5
    logs = {s: np.log(zero[near & (stage == s)]) for s in (0, 1)}
    found = 0.5 * logs[0].mean() + 0.5 * logs[1].mean()
    error = math.hypot(*(share * logs[s].std() / math.sqrt(logs[s].size) for s, share in ((0, 0.5), (1, 0.5))))
    assert abs(found - (-np.euler_gamma - math.log(0.05))) < 4 * error < 0.1
    effect = np.log(zero / one)[near]
    of_stage = [effect[stage[near] == s].mean() for s in (0, 1)]
    assert 0.5 * of_stage[0] + 0.5 * of_stage[1] == pytest.approx(-0.5, abs=0.01)


def test_the_centre_must_be_said_where_a_number_multiplies_a_hazard() -> None:
    with pytest.raises(ValueError, match=r"outcomes: missing key 'centre'.*death\.log_hr has 'age'.*where age is 0"):
        spoken(None, 0.05)
    levels = constant(0.05, "well", "dead", log_hr={"stage": 0.5, "age>65": 0.2})
    World.model_validate(tree(("well", "dead"), {"death": levels}))  # levels have a first one: nothing to be said
    products = constant(0.05, "well", "dead", treatment={"log_hr": 0.0, "modifiers": {"stage*age": 0.2}})
    with pytest.raises(ValueError, match=r"treatment\.modifiers has 'stage\*age'"):
        World.model_validate(tree(("well", "dead"), {"death": products}))
    leaving = {"cut_off": "2025-01-01", "dropout": {"C": {"kind": "exponential", "rate": 0.1}}}
    told = {**leaving, "informative": {"log_hr": {"age": 0.1}}}
    with pytest.raises(ValueError, match=r"followup\.informative\.log_hr has 'age'"):
        World.model_validate(tree(("well", "dead"), {"death": constant(0.05, "well", "dead")}, followup=told))
