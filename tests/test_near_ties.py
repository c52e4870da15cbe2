"""Times of a file that differ by rounding only count as tied, exactly as in R's timefix; simulated times never do."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.cohort_files.cohort_file import CohortSpec, read_cohort
from analysis.cohort_files.near_ties import tied
from analysis.paper.workflow import analyse
from benchmarks.asked.load_study import load_study
from benchmarks.asked.simulated_spec import cohort_spec
from tests import oracle
from tests.agreement import gap
from tests.commands import printed, refused

R: dict[str, Any] = json.loads((oracle.HERE / "near_ties.json").read_text())
DATA = oracle.HERE / "near_ties.csv"
SPEC = {
    "data": {
        "treatment": {"column": "trt"},
        "covariates": {"x": {"kind": "continuous", "cuts": [0]}},
        "endpoints": {"OS": {"time": "t", "event": "e"}},
    },
    "analysis": {"matching": {"caliper": None}, "subgroups": ["x>0"]},
}


def described(timefix: bool | None) -> CohortSpec:
    content = json.loads(json.dumps(SPEC))
    if timefix is not None:
        content["analysis"]["survival"] = {"timefix": timefix}
    return CohortSpec.model_validate_json(json.dumps(content))


def test_times_are_made_those_of_r() -> None:
    assert len(R["times"]) == len(R["fixed"]) == 75
    for before, after in zip(R["times"], R["fixed"], strict=True):
        assert tied(oracle.vector(before)).tolist() == oracle.vector(after).tolist()


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_another_tolerance_is_noticed(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    monkeypatch.setattr("analysis.cohort_files.near_ties.TOLERANCE", factor * 2.0**-26)
    pairs = zip(R["times"], R["fixed"], strict=True)
    assert any(tied(oracle.vector(t)).tolist() != oracle.vector(fixed).tolist() for t, fixed in pairs)


@pytest.mark.parametrize("timefix", [None, True, False])
def test_every_statistic_of_a_file_is_that_of_r(timefix: bool | None) -> None:
    spec = described(timefix)
    cohort = read_cohort(DATA, spec)
    found = analyse(cohort.observed, cohort.ids, spec.analysis, cohort.arms).endpoints["OS"].before
    right = R["false" if timefix is False else "true"]
    own = [found.cox.log_hr, found.cox.se, found.logrank.chi2]
    assert gap(own, oracle.vector([*right["log_hr"], *right["se"], *right["chi2"]])) < 1e-10
    for which, ours in (("medians", found.km), ("follow_up", found.follow_up)):
        for arm, own in enumerate((ours.control, ours.treated)):
            theirs = [np.inf if row[arm] == "NA" else float(row[arm]) for row in right[which]]
            assert gap([own.median, own.low, own.high], theirs) < 1e-12
    (row,) = [row for row in found.subgroups if row.variable == "x>0"]
    assert row.log_hr == pytest.approx(float(right["subgroup"][0]), rel=1e-8)
    other = R["true" if timefix is False else "false"]
    assert abs(found.cox.log_hr - float(other["log_hr"][0])) > 0.2


def test_how_many_times_were_tied_is_told() -> None:
    for timefix in (True, False):
        read = read_cohort(DATA, described(timefix)).as_read
        assert (read.near_ties, read.timefix) == ({"OS": 25}, timefix)
    assert read.told() == [
        "OS: 25 times differ from a smaller one by rounding only and are kept apart (timefix is false; R's is true)."
    ]


def test_analyze_tells_them_and_keeps_the_option(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(json.dumps(SPEC))
    words = ["analyze", str(DATA), "--spec", str(spec)]
    assert "OS: 25 times differ from a smaller one by rounding only and count as tied" in printed(words)
    made = json.loads(printed([*words, "-S", "analysis.survival.timefix=false", "--json", "-"]))
    assert made["plan"]["survival"]["timefix"] is False
    assert made["as_read"] == {"not_events": {}, "near_ties": {"OS": 25}, "timefix": False}


def test_a_study_that_asks_for_it_is_told_why_not() -> None:
    told = refused(["check", "imbrave150", "-S", "analysis.survival.timefix=true"])
    assert "analysis.survival.timefix: is for files of patients; simulated times are used as they are" in told


def test_a_simulated_cohort_written_as_a_file_is_read_as_it_was_simulated() -> None:
    made = CohortSpec.model_validate_json(json.dumps(cohort_spec(load_study("imbrave150", ()).scenario)))
    assert made.analysis.survival.timefix is False
