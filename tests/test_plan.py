"""The plan of an analysis: its defaults are the paper's, contradictions are refused, terms are checked."""

import json

import pytest
from pydantic import ValidationError

from analysis.plan.analysis_plan import Plan, cox_terms, level_terms, plain_number, propensity_terms, subgroup_factors
from simulator.cohort.terms import Variable

VARIABLES = {
    "age": Variable("age", "continuous", cuts=(50.0, 65.0)),
    "size": Variable("size", "continuous"),
    "sex": Variable("sex", "binary", ("F", "M")),
    "albi": Variable("albi", "ordinal", ("1", "2", "3")),
}


def plan(**sections: object) -> Plan:
    return Plan.model_validate_json(json.dumps(sections))


def test_the_defaults_are_the_papers_methods() -> None:
    made = Plan()
    assert (made.propensity.method, made.propensity.criterion, made.propensity.direction) == ("stepwise", "aic", "both")
    assert (made.matching.scale, made.matching.caliper, made.matching.unit) == ("logit", 0.2, "sd")
    assert (made.matching.order, made.matching.ratio, made.matching.replacement) == ("largest", 1, False)
    assert (made.survival.ties, made.survival.conf_type, made.survival.level) == ("efron", "log", 0.95)
    assert made.cox.screening_p == 0.1
    assert made.problems(VARIABLES) == []


def test_a_plan_survives_being_written_and_read() -> None:
    made = plan(
        matching={"order": "random", "seed": 7, "caliper": None}, subgroups=["age", "albi=3"], cox={"covariates": []}
    )
    assert Plan.model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize(
    ("sections", "part"),
    [
        ({"matching": {"seed": 3, "ties": "data"}}, "nothing draws"),
        ({"matching": {"caliper": 0}}, "greater than 0"),
        ({"matching": {"caliper": None, "unit": "raw"}}, "needs a caliper"),
        ({"matching": {"calliper": 0.2}}, "Extra inputs"),
        ({"matching": {"ratio": True}}, "valid integer"),
        ({"propensity": {"method": "all", "criterion": "bic"}}, "method: stepwise"),
        ({"propensity": {"direction": "forward"}}, "start: empty"),
        ({"propensity": {"direction": "backward", "start": "empty"}}, "start: full"),
        ({"propensity": {"candidates": []}}, "at least 1 item"),
        ({"propensity": {"candidates": ["age", "sex", "age"]}}, "lists 'age' twice"),
        ({"cox": {"covariates": ["age>50", "age > 50"]}}, "twice"),
        ({"cox": {"screening_p": None, "keep_treatment": True}}, "screening_p"),
        ({"subgroups": ["sex", "sex"]}, "twice"),
        ({"survival": {"level": 95}}, "less than 1"),
        ({"table1": {"continuous": "means"}}, "'mean'"),
    ],
)
def test_what_makes_no_sense_is_refused(sections: dict[str, object], part: str) -> None:
    with pytest.raises(ValidationError) as caught:
        plan(**sections)
    assert part in str(caught.value)


def test_every_term_that_does_not_fit_is_named_with_its_place() -> None:
    made = plan(
        propensity={"candidates": ["age", "agee"]}, cox={"covariates": ["albi>=4", "sex"]}, subgroups=["size", "albi"]
    )
    found = made.problems(VARIABLES)
    assert [place for place, _ in found] == [
        ("propensity", "candidates", 1),
        ("cox", "covariates", 0),
        ("subgroups", 0),
    ]
    assert "no variable 'agee'" in found[0][1]
    assert "no level '4'" in found[1][1]
    assert "no cut-points" in found[2][1]


def test_null_stands_for_every_covariate() -> None:
    assert propensity_terms(Plan(), VARIABLES) == ("age", "size", "sex", "albi")
    assert cox_terms(Plan(), VARIABLES) == ("age>50", "age>65", "size", "sex", "albi")
    assert [factor.name for factor in subgroup_factors(Plan(), VARIABLES)] == ["age", "sex", "albi"]


def test_listed_terms_are_taken_as_they_are() -> None:
    made = plan(propensity={"candidates": ["albi>=2"]}, cox={"covariates": []}, subgroups=["albi>=2", "sex"])
    assert propensity_terms(made, VARIABLES) == ("albi>=2",)
    assert cox_terms(made, VARIABLES) == ()
    assert [factor.rows for factor in subgroup_factors(made, VARIABLES)] == [
        (("albi>=2",),),
        (("sex=F",), ("sex=M",)),
    ]
    assert subgroup_factors(plan(subgroups=[]), VARIABLES) == ()


def test_cut_points_divide_without_gap_or_overlap() -> None:
    assert level_terms(VARIABLES["age"]) == (("age<=50",), ("age>50", "age<=65"), ("age>65",))
    assert level_terms(VARIABLES["size"]) == ()


@pytest.mark.parametrize(("value", "text"), [(50.0, "50"), (0.1, "0.1"), (1e22, "1e+22"), (12.30, "12.3")])
def test_a_number_is_written_so_that_it_reads_back(value: float, text: str) -> None:
    assert plain_number(value) == text
    assert float(plain_number(value)) == value
