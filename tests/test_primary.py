"""The paper's primary analysis may be matching, weighting, adjustment or none: what compares follows it."""

from pathlib import Path

import numpy as np
import pytest

from analysis.estimators import Ipw, Sample
from analysis.kernels.status import Status
from analysis.paper.block_workflow import BlockAnalysis
from analysis.plan.analysis_plan import Plan
from benchmarks.asked.load_study import load_study
from benchmarks.asked.published_keys import number_keys, printed_ratio, ratio_values
from benchmarks.questions.ask import one_estimator
from simulator.world.generate import generate, resolve
from tests.commands import answered
from tests.small_papers import write_paper

KEYS = {
    "matching": "endpoints.OS.after.cox",
    "weighting": "endpoints.OS.after.cox",
    "adjustment": "endpoints.OS.before.multivariable[treatment]",
    "unadjusted": "endpoints.OS.before.cox",
}
KINDS = {"matching": "matched", "weighting": "ipw", "adjustment": "adjusted", "unadjusted": "crude"}


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


@pytest.mark.parametrize("primary", ["weighting", "unadjusted"])
def test_questions_ask_the_primary_analysis(tmp_path: Path, primary: str) -> None:
    """A whole question on a paper that does not match: the answer names the estimator of its analysis."""
    size = ("--reps", "20", "--nodes", "2", "--strongest", "3", "--jobs", "2", "--out", str(tmp_path / "run"))
    assert answered(["tipping", paper(tmp_path, primary), *size])["estimator"] == KINDS[primary]
