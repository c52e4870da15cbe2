"""Products and powers of terms wherever terms stand: as R has them, in blocks, in words, refused where senseless."""

import json
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from analysis.estimators.base import Sample, check_strata
from analysis.estimators.regression import Adjusted, Crude, Stratified
from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.effects import AnalysisSet
from analysis.paper.numbers import BlockNumbers, number_in
from analysis.paper.subgroups import subgroups
from analysis.paper.workflow import analyse
from analysis.plan.analysis_plan import Plan
from benchmarks.asked.published_keys import number_keys
from benchmarks.asked.scenario import Scenario
from simulator.cohort.addresses import Address
from simulator.world.generate import generate, resolve
from tests.public_cohorts import ORACLE, run
from tests.simulated import cohorts, tree, world
from tests.test_numbers import replicate
from tests.worlds import scenario

R: dict[str, Any] = json.loads((ORACLE / "products.json").read_text())
TERMS = list(R["alone"])


def assert_as_r(found: Any, r: Any, tolerance: float = 1e-8) -> None:
    np.testing.assert_allclose(np.array(found, float), np.array(r, float), rtol=tolerance)


def off(numbers: Any) -> Any:
    """The numbers with the last of them 1 % off."""
    return [*numbers[:-1], 1.01 * numbers[-1]]


def test_the_propensity_model_is_that_of_glm() -> None:
    made = run("pbc", {"propensity": {"method": "all", "candidates": TERMS}}).propensity
    assert_as_r(list(made.coefficients.values()), R["coefficients"])
    assert made.aic == pytest.approx(R["aic"], rel=1e-10)
    with pytest.raises(AssertionError):
        assert_as_r(list(made.coefficients.values()), off(R["coefficients"]))


def test_stepwise_takes_each_product_as_a_candidate_like_any_other() -> None:
    made = run("pbc", {"propensity": {"candidates": TERMS}}).propensity
    assert list(made.selected) == R["selected"]
    assert_as_r(list(made.coefficients.values()), R["kept"])


def test_cox_models_are_those_of_coxph() -> None:
    made = run("pbc", {"cox": {"covariates": TERMS, "screening_p": None}}).endpoints["OS"].before
    assert_as_r([row.log_hr for row in made.multivariable], R["cox"]["beta"])
    assert_as_r([row.se for row in made.multivariable], R["cox"]["se"])
    for term, r in R["alone"].items():
        rows = [row for row in made.univariable if row.term == term]
        assert_as_r([row.log_hr for row in rows], np.atleast_1d(r["beta"]))
        assert_as_r([row.se for row in rows], np.atleast_1d(r["se"]))


def test_columns_are_told_in_words() -> None:
    made = run("pbc", {"cox": {"covariates": [*TERMS, "age * edema>=0.5"], "screening_p": None}})
    label = {row.column: row.label for row in made.endpoints["OS"].before.univariable}
    assert label["age^2"] == "age^2 (per unit^2)"
    assert label["age*sex"] == "age × sex (f vs m)"
    assert label["edema=0.5*hepato"] == "edema (0.5 vs 0) × hepato (1 vs 0)"
    assert label["edema=1*hepato"] == "edema (1 vs 0) × hepato (1 vs 0)"
    assert label["age * edema>=0.5"] == "age × edema (≥ 0.5)"


PRODUCTS: dict[str, Any] = {
    "propensity": {
        "candidates": (
            "age",
            "age^2",
            "age*stage",
            "stage",
        )
    },
    "matching": {"exact": ("age>65*stage",)},
    "cox": {
        "covariates": (
            "age*stage",
            "age^2",
            "stage",
        ),
        "screening_p": None,
    },
    "subgroups": (
        "age>60*stage",
        "stage",
    ),
}


@cache
def block() -> tuple[Scenario, BlockNumbers]:
    asked = scenario(analysis=PRODUCTS)
    rows = np.arange(2)
    made = generate(resolve(asked), 5, rows)
    return asked, BlockNumbers(BlockAnalysis(Sample(made.observed, asked.analysis, rows, 5)))


@pytest.mark.parametrize(
    "key",
    ["univariable[age*stage].hr", "multivariable[age^2].se", "multivariable[stage].p", "subgroups[age>60*stage].hr",
     "subgroups[age>60*stage].arms.treated.events"],
)  # fmt: skip
def test_rows_of_a_block_bear_the_text_of_their_terms(key: str) -> None:
    asked, found = block()
    key = f"endpoints.OS.after.{key}"
    names = [str(k) for k in range(asked.screened())]
    sample, place = found.block.sample, np.arange(len(names))
    for r, value in enumerate(found.of(key)):
        address = Address(np.array([r]), 5)
        alone = analyse(replicate(sample.observed, r), names, asked.analysis, order=place, address=address)
        assert value == pytest.approx(number_in(alone.to_json(), key), rel=1e-6)
    assert np.isfinite(found.of(key)).all()


def test_published_keys_of_products_are_keys() -> None:
    keys = number_keys(block()[0]).below()["endpoints"].below()["OS"].below()["after"].below()
    assert {"age*stage", "age^2"} <= keys["multivariable"].rows.keys()
    assert "age>60*stage" in keys["subgroups"].rows


def test_a_subgroup_of_a_product_is_of_those_in_whom_all_hold() -> None:
    _, found = block()
    one = replicate(found.block.sample.observed, 0)
    plan = Plan(subgroups=("age>60*stage",))
    row = subgroups(
        one.endpoints["OS"],
        one,
        AnalysisSet(one.present[0]),
        plan,
    )[1]
    age, stage = one.covariates[0, :, 0], one.covariates[0, :, 1]
    assert row.n == ((age > 60) & (stage == 1) & one.present[0]).sum()
    assert row.label == "age (> 60) × stage (late vs early)"


def test_exact_matching_on_a_product_pairs_equal_ones_only() -> None:
    _, found = block()
    sample = found.block.sample
    age, stage = sample.observed.covariates[..., 0], sample.observed.covariates[..., 1]
    value, controls = (age > 65) & (stage == 1), sample.matching.controls[..., 0]
    for r, row in enumerate(controls):
        for i in np.flatnonzero(row >= 0):
            assert value[r, i] == value[r, row[i]]


@pytest.mark.parametrize(
    ("analysis", "told"),
    [
        ({"subgroups": ("age*stage",)}, r"'age\*stage' has no levels; write a product of comparisons"),
        ({"subgroups": ("age^2",)}, r"'age\^2' has no levels"),
        ({"subgroups": ("grade*stage",)}, r"'grade\*stage' has several levels; compare grade with one: grade=\.\.\."),
        ({"matching": {"exact": ("age*stage",)}}, r"'age\*stage' has no levels"),
        ({"propensity": {"candidates": ("age**2",)}}, "one '\\*' stands between two factors"),
        ({"cox": {"covariates": ("agee*stage",)}}, r"no variable 'agee' .*; did you mean 'age'"),
        ({"matching": {"covariates": ("stage^2",), "distance": "mahalanobis"}}, "stage has levels, and powers are of"),
    ],
)
def test_products_without_a_sense_are_refused_in_words(analysis: dict[str, Any], told: str) -> None:
    grade = {"kind": "ordinal", "shares": {"1": 0.5, "2": 0.3, "3": 0.2}}
    population = scenario().population.model_dump()
    population["covariates"]["grade"] = grade
    with pytest.raises(ValueError, match=told):
        scenario(population=population, analysis=analysis)


def test_strata_are_of_products_without_numbers() -> None:
    variables = block()[1].block.sample.observed.variable
    check_strata(("age>60*stage",), variables)
    for text in ("age*stage", "age^2"):
        with pytest.raises(ValueError, match=r"has no levels; write a product of comparisons, such as 'age>50\*sex'"):
            check_strata((text,), variables)
    sample = block()[1].block.sample
    by_hand = ((sample.observed.covariates[..., 0] > 60) & (sample.observed.covariates[..., 1] == 1)).astype(int)
    assert (sample.strata(("age>60*stage",)) == by_hand).all()
    assert np.isfinite(Stratified(kind="stratified", strata=("age>60*stage",)).estimate(sample, "OS").value).all()


def test_the_truth_of_an_adjusted_estimate_is_given_its_products() -> None:
    asked, found = block()
    spec, variables = Adjusted(kind="adjusted"), found.block.sample.observed.variable
    assert spec.estimand("OS", asked.analysis, variables).adjusted_for == ("age*stage", "age^2", "stage")
    adjusted, crude = (one.estimate(found.block.sample, "OS").value for one in (spec, Crude(kind="crude")))
    assert (np.abs(adjusted - crude) > 1e-3).all()


def test_true_propensities_have_products_in_them() -> None:
    log_odds = {"age^2": 4e-4, "stage*fitness": 0.5, "age*grade>=2": -0.01}
    made = cohorts(world(treatment={"kind": "logistic", "intercept": -2.0, "log_odds": log_odds}), 2)
    age, stage, grade, _ = np.moveaxis(made.hidden.perfect.covariates, -1, 0)
    fitness = made.hidden.covariates[..., 0]
    sums = 4e-4 * age**2 + 0.5 * stage * fitness - 0.01 * age * (grade >= 1)
    np.testing.assert_allclose(made.hidden.propensity, expit(sums - 2.0), rtol=1e-12)
    assert not np.allclose(made.hidden.propensity, expit(sums - 1.99), rtol=1e-4)


def test_missing_values_may_follow_a_product() -> None:
    one = {"share": 0.3, "log_odds": {"age>55*stage": 30.0, "stage": -30.0}}
    made = cohorts(world(imperfections={"missing": {"grade": one}}), 60)
    age, stage, grade, _ = np.moveaxis(made.observed.covariates, -1, 0)
    never, rest = (stage == 1) & (age <= 55), (stage == 0) | (age > 55)
    assert np.isnan(grade[rest]).mean() > 0.2
    assert not np.isnan(grade[never]).any()


def test_a_product_with_a_hidden_covariate_is_hidden_confounding() -> None:
    log_odds = {"age*stage": 0.01, "stage*fitness": 0.5, "age^2": 0.0}
    asked = world(treatment={"kind": "prevalence", "share": 0.4, "log_odds": log_odds})
    found = {one.name: one.off for one in asked.treatment.biases("treatment", asked.around())}
    assert found == {
        "confounding": {"treatment.log_odds.age*stage": 0.0},
        "hidden": {"treatment.log_odds.stage*fitness": 0.0},
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("grade*age", r"treatment\.log_odds: 'grade\*age' has several levels; compare grade with one: grade=\.\.\."),
        ("site", r"treatment\.log_odds: 'site' has several levels; compare it with one: site=\.\.\."),
        ("fitnes*age", "no variable 'fitnes' .*; did you mean 'fitness'"),
        ("age^2.5", r"treatment\.log_odds: 'age\^2\.5': the power '2\.5' is not a whole number from 2 to 6"),
    ],
)
def test_a_world_refuses_what_is_not_one_number_in_each_patient(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        world(treatment={**tree()["treatment"], "log_odds": {text: 0.1}})
