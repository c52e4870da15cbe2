"""The paper's primary analysis may be matching, weighting, adjustment or none: what compares follows it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from analysis.estimators import Adjusted, Crude, Ipw, Sample, ScoreStrata
from analysis.kernels.status import Status
from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.numbers import BlockNumbers
from analysis.plan.analysis_plan import Plan
from benchmarks.asked.load_study import load_study
from benchmarks.asked.primary import primary_estimator
from benchmarks.asked.published_keys import number_keys, printed_ratio, ratio_values
from benchmarks.cli.verbs import checked
from benchmarks.questions import multiverse
from benchmarks.questions.ask import one_estimator
from benchmarks.report.study_page import published_rows
from simulator.world.generate import generate, resolve
from simulator.world.sections import Printed
from tests.commands import answered, refused
from tests.small_papers import write_paper
from tests.worlds import scenario

KEYS = {
    "matching": "endpoints.OS.after.cox",
    "weighting": "endpoints.OS.after.cox",
    "stratification": "endpoints.OS.after.cox",
    "adjustment": "endpoints.OS.before.multivariable[treatment]",
    "unadjusted": "endpoints.OS.before.cox",
}
KINDS = {
    "matching": "matched",
    "weighting": "ipw",
    "stratification": "ps-strata",
    "adjustment": "adjusted",
    "unadjusted": "crude",
}


def paper(folder: Path, primary: str) -> str:
    """A small paper that prints a hazard ratio in every place where one may stand, each its own."""
    printed = {}
    for k, place in enumerate(("after.cox", "before.cox", "before.multivariable[treatment]"), start=1):
        printed |= {f"endpoints.OS.{place}.{name}": f"0.{k}{j}" for j, name in enumerate(("low", "hr", "high"))}
    return str(write_paper(folder, printed, f"analysis: {{primary: {primary}}}"))


@pytest.mark.parametrize("primary", KEYS)
def test_the_published_ratio_and_its_estimator_are_those_of_the_primary_analysis(tmp_path: Path, primary: str) -> None:
    asked = load_study(paper(tmp_path, primary))
    printed = {name: asked.scenario.published[f"{KEYS[primary]}.{name}"] for name in ("hr", "low", "high")}
    assert printed_ratio(asked.scenario, "OS") == printed
    assert ratio_values(asked.scenario, "OS")["hr"] == float(printed["hr"].printed)
    entry, _ = one_estimator(asked, "OS", None)
    assert entry["kind"] == KINDS[primary]
    assert one_estimator(asked, "OS", "crude")[1] == "crude"
    assert ("matching" in number_keys(asked.scenario).below()) == (primary == "matching")


def test_a_ratio_that_another_analysis_prints_is_not_taken(tmp_path: Path) -> None:
    path = write_paper(tmp_path, {"endpoints.OS.before.cox.hr": "0.7"}, "analysis: {primary: weighting}")
    assert printed_ratio(load_study(str(path)).scenario, "OS") == {}


@pytest.mark.parametrize(
    "weighting",
    [{}, {"target": "ate"}, {"target": "ate", "stabilised": True, "truncate": (0.05, 0.95)}, {"trim": (0.2, 0.8)}],
    ids=str,
)
def test_the_weighted_of_the_workflow_are_those_of_the_estimator(tmp_path: Path, weighting: dict[str, object]) -> None:
    """The hazard ratio after weighting is that of the `ipw` estimator with the same weights."""
    scenario = load_study(paper(tmp_path, "weighting")).scenario
    cohorts, numbers = generate(resolve(scenario), 5, np.arange(6)), np.arange(6, dtype=np.int64)
    plan = Plan.model_validate({**scenario.analysis.model_dump(exclude_unset=True), "weighting": weighting})
    sample = Sample(cohorts.observed, plan, numbers, 5)
    compared = BlockAnalysis(sample).comparisons["OS"]
    estimate = Ipw.model_validate({"kind": "ipw", **weighting}).estimate(sample, "OS")
    assert (estimate.status == Status.OK).all()
    assert np.allclose(compared.log_hr[1::2], estimate.value, rtol=0, atol=1e-9)
    assert np.allclose(compared.se[1::2], estimate.se, rtol=0, atol=1e-9)
    assert not np.allclose(compared.log_hr[0::2], compared.log_hr[1::2], rtol=0, atol=1e-3)


def test_an_unadjusted_analysis_says_the_same_before_and_after(tmp_path: Path) -> None:
    scenario = load_study(paper(tmp_path, "unadjusted")).scenario
    numbers = np.arange(3, dtype=np.int64)
    sample = Sample(generate(resolve(scenario), 5, numbers).observed, scenario.analysis, numbers, 5)
    compared = BlockAnalysis(sample).comparisons["OS"]
    assert np.array_equal(compared.log_hr[0::2], compared.log_hr[1::2])
    assert np.isfinite(compared.log_hr).all()


ATE = "analysis: {primary: weighting, weighting: {target: ate, trim: [0.05, 0.95]}}"


@pytest.mark.parametrize(
    ("estimators", "name"),
    [
        ("[crude, {kind: ipw, target: ate}]", "ipw"),  # whose weights are not trimmed
        ("[{kind: ipw, name: mine, target: ate, trim: [0.05, 0.95]}, crude]", "mine"),
        ("[{kind: ipw, name: mean, target: ate, trim: [0.05, 0.95], measure: rmst, horizon: 12}]", "ipw"),
        ("[{kind: ipw, name: ipw, target: att}]", "ipw-primary"),
    ],
)
def test_the_estimator_of_a_weighted_paper_has_the_weights_of_its_plan(
    tmp_path: Path, estimators: str, name: str
) -> None:
    """An ATE that is printed is not judged by an estimator of the ATT, be it the study's own."""
    path = write_paper(tmp_path, {"endpoints.OS.after.cox.hr": "0.7"}, f"{ATE}\nestimators: {estimators}")
    entry, found = one_estimator(load_study(str(path)), "OS", None)
    assert (found, entry["kind"], entry["target"], list(entry["trim"])) == (name, "ipw", "ate", [0.05, 0.95])


def test_weighting_that_is_not_named_is_called_after_its_target(tmp_path: Path) -> None:
    entries = (
        "[{kind: ipw}, {kind: ipw, target: ate}, {kind: ipw, target: overlap}, {kind: ipw, name: own, target: atc}]"
    )
    path = write_paper(tmp_path, {"cohort.n": "160"}, f"estimators: {entries}")
    names = [one.name for one in load_study(str(path)).scenario.estimators]
    assert names == ["ipw-att", "ipw-ate", "ipw-overlap", "own"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (ATE, "write 'target: {population: all}'"),
        (f"{ATE}\ntarget: {{population: all}}", ""),
        ("analysis: {primary: weighting}", ""),
        ("analysis: {primary: weighting, weighting: {target: overlap}}", "write 'target: {population: overlap}'"),
    ],
)
def test_check_says_whether_weights_stand_for_those_in_whom_they_are_judged(
    tmp_path: Path, more: str, told: str
) -> None:
    notes = checked(str(write_paper(tmp_path, {"cohort.n": "160"}, more)), ())["notes"]
    assert [told in note for note in notes] == ([True] if told else [])


@pytest.mark.parametrize(
    ("cox", "screening", "kept"),
    [("", None, False), ("cox: {screening_p: 0.2}", 0.2, True),
     ("cox: {screening_p: 0.2, keep_treatment: false}", 0.2, False), ("cox: {screening_p: null}", None, False)],
)  # fmt: skip
def test_treatment_is_in_the_model_of_a_paper_that_adjusts(
    tmp_path: Path, cox: str, screening: float | None, kept: bool
) -> None:
    """Without any effect of treatment, which a screen at 0.1 lets pass in a tenth of the cohorts."""
    null = "outcomes: {treatment_effect: none}"
    path = write_paper(tmp_path, {"cohort.n": "160"}, f"analysis: {{primary: adjustment, {cox}}}\n{null}")
    scenario = load_study(str(path)).scenario
    plan = scenario.analysis.cox
    assert (plan.screening_p, plan.keep_treatment) == (screening, kept)
    numbers = np.arange(40, dtype=np.int64)
    sample = Sample(generate(resolve(scenario), 5, numbers).observed, scenario.analysis, numbers, 5)
    found = BlockNumbers(BlockAnalysis(sample)).of("endpoints.OS.before.multivariable[treatment].log_hr")
    assert (np.isfinite(found).mean() == 1) == (kept or screening is None)
    if screening is None:
        np.testing.assert_allclose(found, Adjusted().estimate(sample, "OS").value, rtol=1e-9)


def test_the_multiverse_takes_the_study_s_own_analysis_to_be_the_primary_one(tmp_path: Path) -> None:
    path = write_paper(tmp_path, {"endpoints.OS.after.cox.hr": "0.7"}, ATE)
    axes = {"matching.caliper": (0.1, 0.2)}
    made = multiverse.find(load_study(str(path)), "OS", axes, False, 0.05, 0, None, 1, tmp_path / "run")
    assert made.specifications[-1].name == "ipw"
    assert made.stated_share == tuple(world[-1] for world in made.claims)
    assert made.stated_share != tuple(world[0] for world in made.claims)


def test_a_report_sets_the_printed_ratio_beside_its_own_analysis() -> None:
    values = {"value": np.log(np.linspace(0.4, 0.6, 201))}
    layout = SimpleNamespace(keys=[[("OS", name) for name in ("crude", "adjusted", "mine", "strata")]])
    result: Any = SimpleNamespace(rows=SimpleNamespace(layout=layout, of=lambda *_: (values, np.zeros(201))))
    printed = {
        f"endpoints.OS.{place}.hr": Printed(printed=text, where="T")
        for place, text in (("before.cox", "0.4"), ("after.cox", "0.5"), ("before.multivariable[treatment]", "0.6"))
    }
    ways = {
        "weighting": [("before weighting", "0.4", "crude"), ("after weighting", "0.5", "mine")],
        "stratification": [("before stratification", "0.4", "crude"), ("after stratification", "0.5", "strata")],
        "adjustment": [("unadjusted", "0.4", "crude"), ("adjusted", "0.6", "adjusted")],
        "unadjusted": [("", "0.4", "crude")],
    }
    for primary, known in ways.items():
        own = (Crude(), Adjusted(), Ipw(name="mine"), ScoreStrata(name="strata"))
        world: Any = SimpleNamespace(
            endpoints={"OS": SimpleNamespace(label="")},
            analysis=Plan(primary=primary),
            estimators=own,
            published=printed,
            applied=lambda _: ("OS",),
        )
        rows = published_rows(result, world)
        assert [
            (row["what"].partition("ratio")[2].strip(", "), row["printed"], row["estimator"]) for row in rows
        ] == known


@pytest.mark.parametrize("primary", ["weighting", "stratification", "unadjusted"])
def test_questions_ask_the_primary_analysis(tmp_path: Path, primary: str) -> None:
    """A whole question on a paper that does not match: the answer names the estimator of its analysis."""
    size = ("--reps", "20", "--nodes", "2", "--strongest", "3", "--jobs", "2", "--out", str(tmp_path / "run"))
    assert answered(["tipping", paper(tmp_path, primary), *size])["estimator"] == KINDS[primary]


def test_a_difference_of_curves_is_no_ratio_of_the_primary_analysis() -> None:
    means = {"kind": "matched", "measure": "rmst", "horizon": 12.0}
    found = primary_estimator(scenario(estimators=(means, {"kind": "matched", "name": "pairs"})), "OS")
    assert found is not None
    assert found.name == "pairs"
    assert primary_estimator(scenario(estimators=(means,)), "OS") is None


def test_a_study_that_names_no_estimators_has_those_of_its_primary_analysis() -> None:
    """With the weights or strata of its plan, so that one of them stands for the printed result."""
    plans = {
        "matching": ("", "matched"),
        "weighting": (", weighting: {target: overlap}", "ipw"),
        "stratification": (", stratification: {strata: 4}", "ps-strata"),
        "adjustment": ("", "adjusted"),
        "unadjusted": ("", "crude"),
    }
    for primary, (more, name) in plans.items():
        own = load_study("imbrave150", (f"analysis={{primary: {primary}{more}}}",)).scenario
        names = [one.name for one in own.estimators]
        assert name in names
        assert primary_estimator(own, "OS") in own.estimators
        assert (primary == "matching") == any(one.kind == "matched" for one in own.estimators)
    assert own.model_copy(update={"estimators": ()}).estimators == ()


def test_a_wrong_weighting_is_told_at_its_own_place_alone(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(
        "name: wrong\nextends: imbrave150\nanalysis: {primary: weighting, weighting: {targt: ate}}\n", "utf-8"
    )
    told = refused(["check", str(path)])
    assert "wrong.yaml:3:" in told
    assert "analysis.weighting.targt: unknown key; did you mean 'target'?" in told
    assert "estimators" not in told
