"""The plan of analysis from `design` and `methods`, and the choices that a multiverse opens by itself."""

from dataclasses import replace
from typing import Any

import pytest

from analysis.plan.analysis_plan import Plan
from benchmarks.derived.covariates import Covariates, covariates_of, tuples
from benchmarks.derived.paper_numbers import DeriveError, PaperNumbers
from benchmarks.derived.parts import bare
from benchmarks.derived.plan import DerivedPlan, plan_of
from benchmarks.questions.multiverse import _check, axes_of, kind_of, specifications
from benchmarks.questions.open_choices import AXES, WEIGHTS
from simulator.documents.loading import load
from tests.readings_of_worlds import FIRST, TRIAL, TYPED, of_world


@pytest.fixture(scope="module")
def covariates() -> Covariates:
    return covariates_of(PaperNumbers(of_world(TYPED, FIRST)))


def planned(covariates: Covariates, design: str = "matched", **methods: str) -> DerivedPlan:
    paper = FIRST | {"design": design, "methods": methods}
    return plan_of(PaperNumbers(of_world(TYPED, paper)), covariates)


def test_the_first_papers_plan_is_the_one_that_was_typed_in(covariates: Covariates) -> None:
    found = plan_of(PaperNumbers(of_world(TYPED, FIRST)), covariates)
    typed = Plan.model_validate(load(TYPED).tree["analysis"])
    made = Plan.model_validate(tuples(bare(found.tree)))
    assert made == typed
    assert found.not_stated == (
        "propensity.candidates", "matching.unit", "matching.scale", "matching.order", "matching.replacement", "se",
    )  # fmt: skip
    assert found.tree["cox"]["covariates"]["source"] == "Table 3"


@pytest.mark.parametrize(
    ("methods", "place", "value"),
    [
        ({"propensity": "multivariable logistic regression"}, "propensity.method", "all"),
        ({"propensity": "stepwise, p < 0.1"}, "propensity.alpha", 0.1),
        ({"propensity": "backward stepwise (BIC)"}, "propensity.direction", "backward"),
        ({"propensity": "LASSO"}, "propensity.method", "lasso"),
        ({"matching": "nearest neighbour 1:2"}, "matching.ratio", 2),
        ({"matching": "optimal 1:1"}, "matching.method", "optimal"),
        ({"matching": "nearest 1:1 without replacement"}, "matching.replacement", False),
        ({"matching": "nearest 1:1", "replacement": "yes"}, "matching.replacement", True),
        ({"caliper": "0.2 SD of the logit"}, "matching.scale", "logit"),
        ({"caliper": "0.25 pooled SD of the propensity score"}, "matching.unit", "pooled_sd"),
        ({"caliper": "0.05"}, "matching.unit", "raw"),
        ({"caliper": "0.02 of the propensity score"}, "matching.scale", "ps"),
        ({"caliper": "none"}, "matching.caliper", None),
        ({"order": "random"}, "matching.order", "random"),
        ({"cox": "p < 0.05 in univariable analysis"}, "cox.screening_p", 0.05),
        ({"cox": "all variables"}, "cox.screening_p", None),
        ({"cox_ties": "Breslow"}, "survival.ties", "breslow"),
        ({"conf_type": "log-log"}, "survival.conf_type", "log-log"),
        ({"strata": "ecog, child_pugh"}, "survival.strata", ["ecog", "child_pugh"]),
        ({"candidates": "age, sex, ecog>=1"}, "propensity.candidates", ["age", "sex", "ecog>=1"]),
    ],
)
def test_words_of_methods(covariates: Covariates, methods: dict[str, str], place: str, value: object) -> None:
    found: Any = bare(planned(covariates, **methods).tree)
    for step in place.split("."):
        found = found[step]
    assert found == value


@pytest.mark.parametrize(
    ("text", "own"),
    [
        (
            "IPTW (ATE), stabilised, trimmed at 0.01 and 0.99",
            {"target": "ate", "stabilised": True, "trim": [0.01, 0.99]},
        ),
        ("att", {"target": "att"}),
        ("overlap weights", {"target": "overlap"}),
        ("inverse probability, truncated at the 1st and 99th percentile", {"target": "ate", "truncate": [0.01, 0.99]}),
    ],
)
def test_weights(covariates: Covariates, text: str, own: dict[str, object]) -> None:
    found = planned(covariates, "weighted", weighting=text, propensity="logistic")
    assert bare(found.tree)["weighting"] == own
    assert bare(found.tree)["primary"] == "weighting"
    assert ("weighting.target" in found.not_stated) == text.startswith("inverse")


def test_what_is_said_is_not_open(covariates: Covariates) -> None:
    said = planned(
        covariates, propensity="logistic", candidates="all", matching="nearest 1:1 without replacement, random order",
        caliper="0.2 SD of the logit", se="robust",
    )  # fmt: skip
    assert said.not_stated == ()
    nothing = planned(covariates)
    assert {"propensity.method", "matching.method", "matching.caliper", "matching.order", "se"} <= {*nothing.not_stated}


def test_designs(covariates: Covariates) -> None:
    assert bare(planned(covariates, "adjusted").tree)["primary"] == "adjustment"
    assert bare(planned(covariates, "crude").tree)["primary"] == "unadjusted"
    numbers = PaperNumbers(of_world("imbrave150", TRIAL))
    trial = plan_of(numbers, covariates_of(numbers))
    assert bare(trial.tree) == {"primary": "unadjusted"}
    assert trial.not_stated == ()


@pytest.mark.parametrize(
    ("design", "methods", "told"),
    [
        ("paired", {}, "design: 'paired' is none of matched"),
        ("matched", {"caliper": "small"}, "methods.caliper: 'small' has no number"),
        ("matched", {"calliper": "0.2"}, "methods.calliper: not known; did you mean 'caliper'"),
        ("matched", {"candidates": "age, weight"}, "no variable 'weight'"),
        ("matched", {"strata": "age"}, "'age' has no levels"),
        ("matched", {"cox_ties": "exact"}, "is none of efron, breslow"),
        ("matched", {"matching": "optimal 1:1 with replacement"}, "'method: optimal' is without replacement"),
    ],
)
def test_what_makes_no_plan_is_refused_in_one_line(
    covariates: Covariates, design: str, methods: dict[str, str], told: str
) -> None:
    with pytest.raises(DeriveError, match=told) as error:
        planned(covariates, design, **methods)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("paper.yaml: ")


def test_a_multiverse_opens_what_is_not_stated_and_nothing_else() -> None:
    plan = Plan.model_validate({"not_stated": ("matching.order", "se"), "matching": {"order": "random"}})
    assert axes_of((), plan) == {"matching.order": ("random", "largest", "closest"), "se": ("pair", "naive")}
    assert axes_of(("matching.caliper=[0.1, null]",), plan) == {"matching.caliper": (0.1, None)}
    assert axes_of((), Plan()) == AXES


def test_every_combination_of_open_choices_can_be_made() -> None:
    every = ("matching.method", "matching.order", "matching.replacement", "matching.caliper", "matching.unit",
             "matching.scale", "matching.ratio", "propensity.method", "propensity.candidates", "se")  # fmt: skip
    plan = Plan.model_validate({"not_stated": every, "propensity": {"candidates": ("age",), "method": "all"}})
    axes = axes_of((), plan, ("age", "sex"))
    assert axes["matching"][-1] == {"method": "optimal", "order": "largest"}
    assert axes["propensity.candidates"] == (["age"], ["age", "sex"])
    assert None not in axes["matching.caliper"]
    entries, made = specifications(axes, "OS", plan)
    for entry in entries:
        _check(entry)
    assert len(made) == len({tuple(one.choices.values()) for one in made})
    for one in every:
        alone = axes_of((), Plan.model_validate({"not_stated": (one,), "propensity": {"candidates": ("age",)}}), ("x",))
        assert len(alone) == 1
        assert len(next(iter(alone.values()))) > 1
    optimal = {"not_stated": ("matching.order", "matching.replacement"), "matching": {"method": "optimal"}}
    assert axes_of((), Plan.model_validate(optimal)) == AXES


def test_open_choices_of_weights_are_opened_and_can_be_made() -> None:
    """Whom the weighted stand for and whether weights are stabilised exclude each other in part: one axis has both."""

    def plan(*unsaid: str, **weighting: object) -> Plan:
        return Plan.model_validate({"primary": "weighting", "not_stated": unsaid, "weighting": weighting})

    assert axes_of((), plan("weighting.target", target="ate")) == {"weighting": (
        {"target": "ate", "stabilised": False}, {"target": "att", "stabilised": False},
        {"target": "overlap", "stabilised": False},
    )}  # fmt: skip
    assert axes_of((), plan("weighting.stabilised", target="ate", stabilised=True)) == {"weighting": (
        {"target": "ate", "stabilised": True}, {"target": "ate", "stabilised": False},
    )}  # fmt: skip
    assert axes_of((), plan(target="att")) == axes_of((), plan("weighting.stabilised", target="att")) == WEIGHTS
    every = ("weighting.target", "weighting.stabilised", "weighting.trim", "weighting.truncate", "propensity.method")
    for target, stabilised in (("ate", False), ("ate", True), ("att", False), ("overlap", False)):
        own = plan(*every, target=target, stabilised=stabilised, truncate=(0.02, 0.98))
        entries, made = specifications(axes_of((), own), "OS", own, presets=True)
        for entry in entries:
            _check(entry)
        assert len(made) == len({tuple(one.choices.values()) for one in made})
        assert {entry["kind"] for entry in entries} == {"ipw"}
        assert (entries[0]["target"], entries[0]["stabilised"], entries[0]["truncate"]) == (
            target, stabilised, [0.02, 0.98],
        )  # fmt: skip
    assert kind_of({"matching.caliper": ()}, plan()) == "matched"
    assert kind_of({"weighting.trim": ()}, Plan()) == "ipw"


def test_words_that_are_not_understood_are_told_and_open(covariates: Covariates) -> None:
    found = planned(covariates, propensity="an oracle", software="R 4.2", se="by hand")
    assert {"propensity.method", "se"} <= {*found.not_stated}
    assert any("'an oracle' is none of logistic" in one for one in found.told)
    assert any("methods.software has no part" in one for one in found.told)
    labelled = planned(covariates, candidates="Age, Intrahepatic lesion number and PVTT")
    assert bare(labelled.tree)["propensity"]["candidates"] == ["age", "lesions", "pvtt"]


def test_an_unknown_choice_is_refused() -> None:
    with pytest.raises(ValueError, match="not_stated"):
        Plan.model_validate({"not_stated": ("matching.colour",)})
    with pytest.raises(ValueError, match="twice"):
        Plan.model_validate({"not_stated": ("se", "se")})


def test_treatment_stays_in_the_model_of_which_only_its_ratio_is_printed(covariates: Covariates) -> None:
    """One adjusted ratio, that of treatment, is a number that every replicate must have."""
    said = {"endpoints.OS.after.multivariable[treatment].hr": "0.75", "endpoints.OS.after.cox.hr": "0.70"}
    adjusted = [key for key in of_world(TYPED, FIRST).published if ".multivariable[" in key]
    assert len(adjusted) > 4  # the first paper prints more, and screens as it says
    reading = of_world(TYPED, FIRST | {"methods": {}})
    kept = [one for one in reading.numbers if "variable[" not in one.key]
    own = [replace(kept[0], key=key, printed=text) for key, text in said.items()]
    alone = plan_of(PaperNumbers(replace(reading, numbers=(*kept, *own))), covariates)
    assert bare(alone.tree)["cox"]["keep_treatment"] is True
    without = plan_of(PaperNumbers(replace(reading, numbers=tuple(kept))), covariates)
    assert "keep_treatment" not in bare(without.tree).get("cox", {})
