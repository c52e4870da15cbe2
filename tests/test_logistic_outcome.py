"""Yes/no outcomes by covariates and treatment: stated risks, conditional odds, patient by patient, estimates."""

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from analysis.estimators import Binary
from analysis.estimators.base import Sample
from benchmarks.truth.counted import Patients
from benchmarks.truth.of_cells import TruthWork
from simulator.cohort.cohorts import Cohorts
from simulator.mechanisms.treatment import REFERENCE_PATIENTS
from simulator.numerics.arrays import Floats
from simulator.world.generate import REFERENCE_SEED, generate, resolve
from simulator.world.sections import World
from tests.reference import simulator_twin as twin
from tests.simulated import simple, tree, world
from tests.worlds import scenario

LEAK: dict[str, Any] = {
    "kind": "logistic",
    "label": "Leak",
    "risk": {"C": 0.2, "T": 0.3},
    "log_odds": {"age": 0.05, "stage": 0.8, "age>65*grade=2": 0.9},
    "modifiers": {"stage": 0.4},
    "link": 0.6,
    "follows": "death",
}
BY_ODDS = {**LEAK, "risk": {"C": 0.2}, "log_or": 0.7, "modifiers": {}}


def leaking(spec: dict[str, Any] = LEAK, **more: Any) -> World:
    """The world of every mechanism with such an outcome."""
    return world(outcomes={**tree()["outcomes"], "binary": {"leak": spec}, **more})


@cache
def many(by_odds: bool = False) -> Cohorts:
    """A third of a million patients."""
    return generate(resolve(leaking(BY_ODDS if by_odds else LEAK)), 3, np.arange(150), 2000)


def predictors(made: Cohorts) -> tuple[Floats, Floats]:
    """The log odds of both arms without their intercepts, written out."""
    age, stage, grade, _ = np.moveaxis(made.hidden.perfect.covariates, -1, 0)
    both = 0.05 * age + 0.8 * stage + 0.9 * (age > 65) * (grade == 1)
    return both, both + 0.4 * stage


def z_of_risk(found: Any, chances: Floats, risk: float) -> float:
    """A risk against the stated one, whose intercept comes from as many patients as are for reference."""
    error = np.sqrt(found.mean() * (1 - found.mean()) / found.size + chances.var() / REFERENCE_PATIENTS)
    return float((found.mean() - risk) / error)


def intercept(risk: float, sums: Floats) -> float:
    """The intercept of these log odds by bisection."""
    low, high = -60.0, 60.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(middle + sums).mean() < risk else (low, middle)
    return low


def reference() -> Cohorts:
    """The patients for whom intercepts are solved."""
    return generate(resolve(leaking()), REFERENCE_SEED, np.zeros(1, np.int64), REFERENCE_PATIENTS)


@pytest.mark.parametrize("arm", [0, 1])
def test_the_risk_of_an_arm_is_the_stated_one_were_all_given_it(arm: int) -> None:
    found, risk = many().hidden.binary["leak"][arm], (0.2, 0.3)[arm]
    sums = predictors(many())[arm]
    chances = expit(sums + intercept(risk, sums))
    assert abs(z_of_risk(found, chances, risk)) < 4
    assert abs(z_of_risk(found, chances, risk * 1.03)) > 4
    received = many().observed.binary["leak"][many().observed.treated == arm]
    assert abs(z_of_risk(received, chances, risk)) > 4  # arms differ in covariates


def fitted(outcome: Any, columns: list[Any]) -> tuple[Floats, Floats]:
    """Coefficients and SE of a logistic regression, by Newton's steps."""
    x, y = np.stack([np.ones(outcome.size), *map(np.ravel, columns)], axis=1), outcome.ravel()
    beta = np.zeros(x.shape[1])
    for _ in range(12):
        p = expit(x @ beta)
        information = (x * (p * (1 - p))[:, None]).T @ x
        beta = beta + np.linalg.solve(information, x.T @ (y - p))
    return beta, np.sqrt(np.diag(np.linalg.inv(information)))


@pytest.mark.parametrize(("arm", "stage"), [(0, 0.8), (1, 1.2)])
def test_log_odds_given_covariates_are_those_stated(arm: int, stage: float) -> None:
    made = many()
    age, late, grade, _ = np.moveaxis(made.hidden.perfect.covariates, -1, 0)
    beta, se = fitted(made.hidden.binary["leak"][arm], [age, late, (age > 65) * (grade == 1)])
    truth = np.array([0.05, stage, 0.9])
    assert (np.abs(beta[1:] - truth) < 4 * se[1:]).all()
    assert (np.abs(beta[1:] - 1.1 * truth) > 4 * se[1:]).all()


def test_a_log_odds_ratio_is_conditional_on_the_terms() -> None:
    no, yes = many(by_odds=True).hidden.binary["leak"]
    sums, _ = predictors(many(by_odds=True))
    chances = expit(sums + intercept(0.2, sums))
    assert abs(z_of_risk(no, chances, 0.2)) < 4
    treated = expit(sums + intercept(0.2, sums) + 0.7)
    assert abs(z_of_risk(yes, treated, treated.mean())) < 4
    assert abs(z_of_risk(yes, treated, expit(sums + intercept(0.2, sums) + 0.77).mean())) > 4
    odds = [one.mean() / (1 - one.mean()) for one in (no, yes)]
    assert 0.5 < math.log(odds[1] / odds[0]) < 0.68


def test_every_patient_is_that_of_the_slow_twin() -> None:
    resolved, at = resolve(leaking()), reference()
    cuts = [intercept(risk, sums) for risk, sums in zip((0.2, 0.3), predictors(at), strict=True)]
    made, seen = generate(resolved, 5, np.array([0, 7]), 60), 0
    for r, replicate in enumerate((0, 7)):
        for i in range(60):
            values = twin.covariates(resolved, 5, replicate, i)
            both = twin.linear(LEAK["log_odds"], values, resolved.world)
            own = twin.NORMAL.inv_cdf(twin.uniform(5, "binary/leak", replicate, i))
            late = -twin.NORMAL.inv_cdf(twin.uniform(5, "transition/death", replicate, i))
            luck = twin.NORMAL.cdf(0.8 * own - 0.6 * late)  # 0.8 squared and 0.6 squared make 1
            for arm, more in ((0, 0.0), (1, twin.linear(LEAK["modifiers"], values, resolved.world))):
                has = luck < 1 / (1 + math.exp(-cuts[arm] - both - more))
                assert made.hidden.binary["leak"][arm][r, i] == has
                seen += has
    assert 30 < seen < 90


@pytest.mark.parametrize("link", [-0.8, 0.0, 0.8])
def test_the_link_ties_it_to_a_transition_and_changes_no_risk(link: float) -> None:
    hazard = {"baseline": {"kind": "exponential", "rate": 0.1}}
    leak = {"kind": "logistic", "label": "Leak", "risk": {"C": 0.3, "T": 0.3}, "log_odds": {"stage": 1.0}, "link": link}
    outcomes = {"course": "single", "transitions": {"death": hazard}, "binary": {"leak": leak}}
    asked = simple(outcomes=outcomes, endpoints={"OS": {"event": "death"}})
    made = generate(resolve(asked), 2, np.arange(40), 1000)
    has, when = made.hidden.binary["leak"][0], made.hidden.latent["OS"][0]
    chances = expit(np.array([0.0, 1.0]) + intercept(0.3, np.array([0.0, 1.0])))
    assert abs(z_of_risk(has, chances, 0.3)) < 4
    with_it, without = when[has], when[~has]
    error = math.hypot(with_it.std() / math.sqrt(with_it.size), without.std() / math.sqrt(without.size))
    later = (with_it.mean() - without.mean()) / error
    assert abs(later) < 4 if link == 0 else later * np.sign(link) > 20


def test_without_an_effect_of_treatment_both_arms_have_the_control_s() -> None:
    none = leaking(treatment_effect="none")
    no, yes = generate(resolve(none), 3, np.arange(2), 200).hidden.binary["leak"]
    assert np.array_equal(no, yes)
    assert np.array_equal(no, generate(resolve(leaking()), 3, np.arange(2), 200).hidden.binary["leak"][0])


@pytest.mark.parametrize(
    ("change", "null"),
    [
        ({}, False),
        ({"risk": {"C": 0.2, "T": 0.2}}, False),
        ({"risk": {"C": 0.2, "T": 0.2}, "modifiers": {}}, True),
        ({"risk": {"C": 0.2}, "log_or": 0.0, "modifiers": {"stage": 0.0}}, True),
        ({"risk": {"C": 0.2}, "log_or": 0.1, "modifiers": {}}, False),
    ],
)
def test_a_truth_is_exactly_none_where_treatment_does_nothing_to_it(change: dict[str, Any], null: bool) -> None:
    asked = leaking({**LEAK, **change})
    no, yes = generate(resolve(asked), 3, np.arange(3), 200).hidden.binary["leak"]
    assert np.array_equal(no, yes) == null
    working = next(part for place, part in asked.around().parts.items() if place == "outcomes.binary.leak")
    assert [working.changes(name, asked.around()) for name in ("leak", "OS", "ORR")] == [not null, False, False]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"risk": {"C": 0.2}}, r"leak\.risk: needs C and T, or C alone with a 'log_or' of treatment"),
        ({"log_or": 0.3}, r"leak\.risk: needs C and T, or C alone"),
        ({"risk": {"T": 0.2}, "log_or": 0.3}, r"leak\.risk: needs C and T, or C alone"),
        ({"risk": {"C": 0.2, "t": 0.3}}, r"leak\.risk: no arm 't' .*C and T"),
        ({"log_odds": {"agee": 0.1}}, r"leak\.log_odds: 'agee': no variable 'agee' .*; did you mean 'age'"),
        ({"modifiers": {"grade": 0.1}}, r"leak\.modifiers: 'grade' has several levels"),
        ({"follows": "deaht"}, r"leak\.follows: no transition 'deaht' .*; did you mean 'death'"),
        ({"risk": {"C": 0.2, "T": 1.3}}, "less than or equal to 1"),
        ({"kind": "probit"}, "Input should be 'logistic'"),
    ],
)
def test_mistakes_are_told(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        leaking({**LEAK, **change})


@pytest.mark.parametrize("name", ["OS", "arm", "age"])
def test_it_cannot_bear_the_name_of_something_else(name: str) -> None:
    with pytest.raises(ValueError, match=rf"'{name}'"):
        world(outcomes={**tree()["outcomes"], "binary": {name: LEAK}})


@cache
def study() -> tuple[Any, Sample]:
    """A confounded study of a small world: the sicker are treated more often and have the outcome more often."""
    leak = {"kind": "logistic", "label": "Leak", "risk": {"C": 0.25, "T": 0.4}, "log_odds": {"stage": 1.5, "age": 0.05}}
    hazard = {"baseline": {"kind": "exponential", "rate": 0.05}}
    transitions = dict.fromkeys(("progression", "death", "death_after_progression"), hazard)
    asked = scenario(
        population={**scenario().population.model_dump(exclude_unset=True), "size": 300},
        treatment={"kind": "prevalence", "share": 0.4, "log_odds": {"stage": 1.2}},
        outcomes={**transitions, "binary": {"leak": leak}},
        analysis={"propensity": {"method": "all"}},
    )
    rows = np.arange(500)
    return asked, Sample(generate(resolve(asked), 9, rows).observed, asked.analysis, rows, 9)


@pytest.mark.parametrize(
    ("method", "measure", "right"),
    [
        ("crude", "risk_difference", False),
        ("matched", "risk_difference", True),
        ("weighted", "risk_difference", True),
        ("crude", "log_odds_ratio", False),
        ("weighted", "log_odds_ratio", True),
    ],
)
def test_what_knows_the_confounders_finds_the_truth_of_the_outcome(method: Any, measure: Any, right: bool) -> None:
    asked, sample = study()
    spec = Binary(kind="binary", endpoints=("leak",), measure=measure, method=method)
    found = spec.estimate(sample, "leak").value
    estimand = spec.estimand("leak", asked.analysis, sample.observed.variable)
    if method == "matched":
        estimand = estimand.model_copy(update={"population": "treated"})
    work = TruthWork(Patients(asked, resolve(asked)), {estimand: 0.0}, 1, lambda _: None)
    truth = work.counted([estimand])[estimand]
    assert 0 < truth.mcse < 0.02
    error = math.hypot(found.std(ddof=1) / math.sqrt(len(found)), truth.mcse)
    if measure == "risk_difference":
        assert 0.1 < truth.value < 0.2
    if right:
        bias = 0.012 if measure == "log_odds_ratio" else 0.0  # of a ratio in small samples
        assert abs(found.mean() - truth.value) < 4 * error + bias
        assert abs(found.mean() - 1.25 * truth.value) > 4 * error
    else:
        assert found.mean() - truth.value > 8 * error
