"""Means and SDs stated by arm: the population that both make, and treatment that parts it so."""

import copy
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.special import expit

from simulator.mechanisms.by_arm import ArmMoments, MomentsByArm, Parted, solve_tilts
from simulator.world.generate import generate, resolve
from simulator.world.sections import World
from tests.simulated import tree

ARMS = {"control": {"mean": 62.0, "sd": 9.0}, "treated": {"mean": 58.0, "sd": 7.0}}
AGE = {"kind": "continuous", "by_arm": ARMS, "bounds": (20.0, 95.0), "cuts": {"65": 0.3}}
CRP = {
    "kind": "lognormal",
    "by_arm": {"control": {"mean": 30.0, "sd": 24.0}, "treated": {"mean": 22.0, "sd": 15.0}},
}


def world(treatment: dict[str, Any] | None = None, **covariates: Any) -> World:
    """The base world with other covariates, and others who are treated."""
    made = copy.deepcopy(tree())
    made["population"]["covariates"] |= covariates
    made["treatment"] = treatment or {"kind": "prevalence", "share": 0.4, "log_odds": {"stage": 0.8, "fitness": 0.3}}
    made["entry"].pop("guarantee_months")
    return World.model_validate(made)


def drawn(asked: World, patients: int = 200_000) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The covariates of many patients by name, and who is treated."""
    cohorts = generate(resolve(asked), 3, np.arange(1), patients)
    observed = cohorts.observed
    return {one.name: observed.covariates[0, :, k] for k, one in enumerate(observed.variables)}, observed.treated[0]


def z_of_moments(values: np.ndarray, mean: float, sd: float) -> tuple[float, float]:
    """How many of its standard errors the mean, and the SD by its fourth moment, are off."""
    n, centred = len(values), values - values.mean()
    variance = float((centred**2).mean())
    error = np.sqrt((float((centred**4).mean()) - variance**2) / n)
    return (values.mean() - mean) / np.sqrt(variance / n), (variance - sd**2) / error


@pytest.mark.parametrize("kind", ["prevalence", "fixed"])
def test_each_arm_has_its_mean_and_sd_of_all_covariates_at_once(kind):
    """Jointly with stated log odds of others, with which they are correlated; and the shares above cut-points hold."""
    treatment = {"kind": kind, "share": 0.4, "log_odds": {"stage": 0.8, "fitness": 0.3}}
    values, treated = drawn(world(treatment, age=AGE, crp=CRP))
    for name, arms in (("age", ARMS), ("crp", CRP["by_arm"])):
        for arm, who in (("control", ~treated), ("treated", treated)):
            mean, sd = arms[arm]["mean"], arms[arm]["sd"]
            assert max(map(abs, z_of_moments(values[name][who], mean, sd))) < 4
            assert abs(z_of_moments(values[name][who], 1.02 * mean, sd)[0]) > 4
            assert abs(z_of_moments(values[name][who], mean, 1.05 * sd)[1]) > 4
    assert abs(treated.mean() - 0.4) < 4 * np.sqrt(0.24 / len(treated))
    assert abs((values["age"] > 65).mean() - 0.3) < 4 * np.sqrt(0.21 / len(treated))


def test_the_population_is_the_mixture_of_both_arms():
    arms = MomentsByArm(control=ArmMoments(mean=62.0, sd=9.0), treated=ArmMoments(mean=58.0, sd=7.0))
    sample = np.concatenate([np.tile([53.0, 71.0], 3), np.tile([51.0, 65.0], 2)])  # six and four patients
    assert np.allclose(arms.pooled(0.4), (sample.mean(), sample.std()))
    assert world(age=AGE).pooled().covariates["age"].mean == pytest.approx(60.4)


def test_between_normal_arms_the_log_odds_are_the_density_ratio():
    """Two normals with one SD make a mixture that log odds part linearly: by the difference of means over variance."""
    z = np.random.Generator(np.random.Philox(5)).normal(size=400_000)
    treated = np.arange(400_000) % 2 == 0
    values = (z + np.where(treated, 0.5, -0.5))[None, None]
    asked = Parted(0, 0.0, float(np.sqrt(1.25)), ArmMoments(mean=0.5, sd=1.0))
    intercept, (tilt,) = solve_tilts([asked], 0.5, np.zeros((1, 400_000)), values)
    assert abs(tilt.linear / np.sqrt(1.25) - 1.0) < 0.01
    assert abs(tilt.quadratic) < 0.01
    assert abs(intercept) < 0.01
    chance = expit(intercept + tilt.added(np.zeros((1, 400_000)), values))
    excess = (chance * values[0]).mean() - 0.5 * values.mean()
    assert abs(excess - 0.25) < 1e-7  # half of the patients are treated, half an SD above
    assert abs(excess - 0.26) > 1e-7


def test_arms_that_are_alike_need_no_log_odds():
    same = {**AGE, "by_arm": {"control": ARMS["control"], "treated": ARMS["control"]}}
    made = world({"kind": "prevalence", "share": 0.4}, age=same)
    (tilt,) = resolve(made).allocation.tilts
    assert abs(tilt.linear) < 1e-9
    assert abs(tilt.quadratic) < 1e-9
    assert "confounding" not in {one.name for one in made.around().biases()}
    found = {one.name: one for one in world({"kind": "prevalence", "share": 0.4}, age=AGE).around().biases()}
    bias = found["confounding"]
    assert bias.off["population.covariates.age.by_arm.treated.mean"] == pytest.approx(60.4)


@pytest.mark.parametrize(
    ("treatment", "age", "message"),
    [
        ({"kind": "logistic", "intercept": 0.0}, AGE, "age.by_arm: needs treatment by a share above 0 and below 1"),
        ({"kind": "fixed", "share": 1.0}, AGE, "age.by_arm: needs treatment by a share above 0 and below 1"),
        (
            {"kind": "fixed", "share": 0.4, "log_odds": {"age": 0.1}},
            AGE,
            "age.by_arm: solves for the log odds of age; drop treatment.log_odds.'age'",
        ),
        (None, {**AGE, "mean": 60.0, "sd": 8.0}, "give one of these: mean and sd"),
        (None, {**AGE, "bounds": (60.0, 95.0)}, "the mean 58 must lie between the bounds 60 and 95"),
        (None, {**AGE, "bounds": (50.0, 64.0), "cuts": {}}, "both arms together have mean 60.4 and SD 8.488: no dist"),
        (
            None,
            {**AGE, "by_arm": {"control": {"mean": 30.0, "sd": 1.0}, "treated": {"mean": 80.0, "sd": 1.0}}},
            "no distribution within the bounds|no log odds of treatment part the arms so",
        ),
        (
            None,
            {**AGE, "by_arm": {"control": {"mean": 60.0, "sd": 9.0}, "treated": {"mean": 60.0, "sd": 0.1}}, "cuts": {}},
            "no log odds of treatment part the arms so",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_words(treatment, age, message):
    with pytest.raises(ValidationError, match=message):
        world(treatment, age=age)


@pytest.mark.parametrize("text", ["age^2", " age", "age ^ 3"])
def test_log_odds_of_the_covariate_alone_are_refused_however_they_are_written(text):
    """They would be absorbed by what is solved for, and change nothing."""
    with pytest.raises(ValidationError, match="solves for the log odds of age"):
        world({"kind": "prevalence", "share": 0.4, "log_odds": {text: 0.01}}, age=AGE)
    for other in ("age*stage", "age>65"):
        world({"kind": "prevalence", "share": 0.4, "log_odds": {other: 0.01}}, age=AGE)


@pytest.mark.parametrize(
    ("place", "part"),
    [("calendar", {"per_year": {"treatment": 2.0}}), ("centres", {"covariate": "stage", "sd": {"treatment": 0.5}})],
)
def test_what_shifts_the_choice_of_treatment_afterwards_is_refused(place, part):
    made = copy.deepcopy(tree())
    made["population"]["covariates"]["age"] = AGE
    made["treatment"] = {"kind": "prevalence", "share": 0.4}
    with pytest.raises(ValidationError, match=f"does not hold where {place} changes the choice of treatment"):
        World.model_validate({**made, place: part})
    of_deaths = {key: {"death": 0.1} if isinstance(value, dict) else value for key, value in part.items()}
    World.model_validate({**made, place: of_deaths})
