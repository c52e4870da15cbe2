"""Which analysis is recommended: the rule on planted cases, the sentence, and what a study gives it to compare."""

from math import log, nan
from pathlib import Path
from typing import get_args

import pytest
from pydantic import TypeAdapter

from analysis.estimators import Estimator
from benchmarks.asked.blocks import prepare
from benchmarks.performance.measures import Measure
from benchmarks.words.analysis_names import LABELS, analysis_label, labels_of
from benchmarks.words.recommend import Compared, Recommendation, advice, recommend, recommended
from benchmarks.words.sizes import off_by, percent_text, value_of
from simulator.cohort.estimand import Estimand
from tests.target_worlds import _run, _world

HR = Estimand(population="treated", measure="marginal_log_hr", endpoint="OS")


def one(name: str, bias: float, cover: float = 0.95, se: float = 0.2, error: float = 0.01) -> Compared:
    return Compared(name, Measure(bias, error), Measure(cover, 0.01), Measure(se, 0.005))


def made(*some: Compared) -> Recommendation:
    found = recommend(some)
    assert found is not None
    return found


def test_the_least_bias_beyond_simulation_error_is_first() -> None:
    found = made(one("far", 0.09, se=0.1), one("near", -0.01), one("middle", -0.06))
    assert (found.best.name, found.by, found.alike) == ("near", "bias", ())
    assert [x.name for x in found.order] == ["near", "middle", "far"]
    planted = made(one("far", 0.0, se=0.1), one("near", -0.05))  # the same names with the other's bias
    assert planted.best.name == "far"


def test_bias_within_simulation_error_does_not_decide_but_coverage_does() -> None:
    close = one("a", 0.020, cover=0.90), one("b", 0.045, cover=0.95, se=0.3)
    found = made(*close)
    assert (found.best.name, found.by) == ("b", "coverage")
    sure = [Compared(x.name, Measure(x.bias.value, 0.002), x.coverage, x.se) for x in close]
    assert made(*sure).by == "bias"  # the same bias with less simulation error decides
    assert made(*sure).best.name == "a"


def test_intervals_that_hold_the_truth_too_often_are_no_fault_but_too_seldom_are() -> None:
    found = made(one("wide", 0.0, cover=0.99, se=0.15), one("right", 0.0, cover=0.95, se=0.2))
    assert (found.best.name, found.by) == ("wide", "SE")
    found = made(one("narrow", 0.0, cover=0.88, se=0.1), one("right", 0.0, cover=0.95, se=0.2))
    assert (found.best.name, found.by) == ("right", "coverage")


def test_the_standard_error_decides_last_and_equals_are_named() -> None:
    found = made(one("matching", -0.02), one("weighting", -0.01, se=0.184))
    assert (found.best.name, found.by) == ("weighting", "SE")
    assert advice(found, HR, {"weighting": "weighting to the treated"}) == (
        "Use weighting to the treated: none comes clearly closer to the truth, and its standard error is 8\u00a0% "
        "smaller than that of matching."
    )
    same = made(one("a", 0.0), one("b", 0.001))
    assert (same.by, same.names) == ("nothing", ("a", "b"))
    assert advice(same, HR, {}) == "None is clearly better: so many simulated studies do not tell a and b apart."


def test_a_best_that_is_far_off_is_not_recommended() -> None:
    found = made(one("a", log(0.8), se=0.2), one("b", log(0.7), se=0.2))
    assert not found.near
    assert advice(found, HR, {}) == (
        "None can be recommended as it stands: even the best, a, finds what is 20\u00a0% too low."
    )
    assert made(one("a", 0.07, se=0.2), one("b", 0.3, se=0.2)).near  # 0.35 of its standard error
    assert not made(one("a", 0.09, se=0.2), one("b", 0.3, se=0.2)).near  # 0.45 of it
    assert made(one("a", 0.09, se=0.2, error=0.05), one("b", 0.9, se=0.2)).near  # within simulation error


def test_what_has_no_bias_or_no_rival_gives_no_recommendation() -> None:
    assert recommend([one("a", 0.0)]) is None
    assert recommend([one("a", 0.0), one("b", nan)]) is None
    unknown = made(one("a", 0.0, cover=nan), one("b", 0.0, cover=0.5, se=0.1))
    assert unknown.best.name == "b"  # an unknown coverage is not told from any, and b's stands alone
    assert made(one("a", 0.0, error=nan), one("b", 0.5, error=nan)).best.name == "a"


def test_a_study_gives_the_rule_what_answers_its_target_alone(tmp_path: Path) -> None:
    result = _run(tmp_path, _world(estimators=("crude", "adjusted", "matched", "ipw")))
    cell = result.cells[0]
    found = recommended(result, cell, "OS")
    assert found is not None
    assert {x.name for x in found.order} == {"crude", "matched", "ipw-att"}  # adjusted answers another question
    slow = min(abs(result.measured[0, "OS", name, "target"]["bias"].value) for name in ("crude", "matched", "ipw-att"))
    least = min(abs(x.bias.value) for x in found.order)
    assert least == slow


@pytest.mark.parametrize(
    ("spec", "label"),
    [
        ("matched", "matching"),
        ({"kind": "matched", "name": "matched-naive", "se": "naive"}, "matching, pairs ignored in the standard error"),
        ({"kind": "ipw"}, "weighting to the treated"),
        ({"kind": "ipw", "target": "ate"}, "weighting to all patients"),
        ("crude", "no adjustment"),
        ("adjusted", "Cox model with all covariates"),
        ({"kind": "matched", "name": "my-matching"}, "my-matching"),
        ({"kind": "rmst", "horizon": 24.0}, "restricted mean survival to 24"),
        ({"kind": "logrank"}, "log-rank test"),
    ],
)
def test_an_analysis_is_called_by_what_it_does_or_by_the_users_own_name(spec: object, label: str) -> None:
    found = TypeAdapter(Estimator).validate_python({"kind": spec} if isinstance(spec, str) else spec)
    assert analysis_label(found) == label
    if label == "matching":
        assert analysis_label(found, full=True) == "matching, standard error clustered by matched pair"


def test_every_kind_of_analysis_has_a_label_and_no_two_of_a_study_read_alike() -> None:
    kinds = {one.model_fields["kind"].default for one in get_args(get_args(Estimator)[0])}
    assert kinds - set(LABELS) == {"own"}
    assert set(LABELS) <= kinds
    twins = _world(estimators=("crude", {"kind": "crude", "name": "crude-primary"}))
    labels = labels_of(prepare([({}, twins)])[0])
    assert labels == {"crude": "no adjustment (crude)", "crude-primary": "no adjustment (crude-primary)"}


def test_sizes_are_told_with_their_direction_and_no_more_digits_than_their_error_allows() -> None:
    assert off_by(HR, Measure(log(0.96), 0.004)) == "4\u00a0% too low"
    assert off_by(HR, Measure(log(1.083), 0.012)) == "8\u00a0% too high"
    assert off_by(HR, Measure(0.01, 0.012)) == "as close as simulation can tell"
    rmst = Estimand(population="treated", measure="rmst_difference", endpoint="OS", horizon=24.0, follow_up="complete")
    assert off_by(rmst, Measure(-0.31, 0.02)) == "0.31 months too little"
    share = Estimand(
        population="treated", measure="survival_difference", endpoint="OS", horizon=24.0, follow_up="complete"
    )
    assert off_by(share, Measure(0.031, 0.002)) == "3.1 of 100 patients too many"
    assert value_of(share, 0.341) == "34 of 100 patients"
    assert value_of(HR, log(0.36)) == "0.36"
    assert (percent_text(4.23, 0.1), percent_text(4.23, 0.6), percent_text(-12.3)) == (
        "4.2\u00a0%",
        "4\u00a0%",
        "−12\u00a0%",
    )
