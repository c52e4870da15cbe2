"""One target for all estimators of a study: its truths, what is judged by them, and the ranking."""

import json
from dataclasses import replace
from math import exp, sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit

from analysis.kernels.status import Status
from benchmarks.asked.blocks import Cell
from benchmarks.asked.scenario import Target
from benchmarks.performance.measures import Measure, in_direction
from benchmarks.runs.store import RunFolder
from benchmarks.study import running
from benchmarks.study.ranking import every_ranking, rankings
from benchmarks.truth.of_cells import target_estimand
from benchmarks.words.performance_tables import (
    HOLDS,
    own_table,
    table_of_tests,
    target_notes,
    target_table,
)
from benchmarks.words.plain_text import measures
from benchmarks.words.study_document import study_json
from benchmarks.words.verdicts import verdict
from simulator.cohort.estimand import Estimand
from simulator.world.generate import generate, resolve
from tests import target_worlds
from tests.target_worlds import _counted, _run, _world, shown_text
from tests.worlds import scenario, tree

found = target_worlds.found


@pytest.fixture(scope="module")
def null(tmp_path_factory: pytest.TempPathFactory) -> running.StudyResult:
    outcomes = {**tree()["outcomes"], "treatment_effect": "none"}
    return _run(tmp_path_factory.mktemp("null"), _world(outcomes=outcomes))


# --- The question


def test_the_target_asks_the_marginal_measure_in_its_own_population() -> None:
    matched = Estimand(
        population="matched", measure="conditional_log_hr", endpoint="OS", adjusted_for=("age",), matched_by="{}"
    )
    assert target_estimand(matched, Target()) == Estimand(
        population="treated", measure="marginal_log_hr", endpoint="OS"
    )
    rmst = Estimand(population="all", measure="rmst_difference", endpoint="PFS", horizon=12.0, follow_up="complete")
    everyone = Target(population="overlap", follow_up="complete")
    assert target_estimand(rmst, everyone) == rmst.model_copy(update={"population": "overlap"})
    median = Estimand(population="all", measure="median_difference", endpoint="OS", follow_up="complete")
    assert target_estimand(median, Target()).follow_up == "complete"
    hr = target_estimand(Estimand(population="all", measure="marginal_log_hr", endpoint="OS"), everyone)
    assert hr.follow_up == "complete"
    test = Estimand(population="matched", measure="none", endpoint="OS")
    assert target_estimand(test, Target()).measure == "none"


def test_a_target_is_one_of_the_populations_of_time_zero() -> None:
    for population in ("matched", "nobody"):
        with pytest.raises(ValueError, match="target"):
            scenario(target={"population": population})


def test_another_target_changes_no_row_and_no_address(tmp_path: Path, found: running.StudyResult) -> None:
    other = _run(tmp_path, _world(target={"population": "untreated"}))
    assert other.cells[0].key == found.cells[0].key
    assert other.rows_sha256 == found.rows_sha256
    assert repr(other.truths) == repr(found.truths)
    assert other.targets[0, "OS", "rmst"].value != found.targets[0, "OS", "rmst"].value


# --- Its truths, by theory


def _late_among(treated: bool) -> float:
    """The share of late stage among either arm: 40 % are treated, log odds 0.8 higher in late stage."""
    a = brentq(lambda a: (expit(a) + expit(a + 0.8)) / 2 - 0.4, -5, 5)
    chance = np.array([expit(a), expit(a + 0.8)])
    chance = chance if treated else 1 - chance
    return float(chance[1] / chance.sum())


def _restricted(late: float, arm: int, to: float = 24.0) -> float:
    rates = 0.05 * np.exp(0.7 * np.array([0.0, 1.0]) - 0.5 * arm)
    return float(np.array([1 - late, late]) @ ((1 - np.exp(-rates * to)) / rates))


@pytest.mark.parametrize(("population", "treated"), [("treated", True), ("untreated", False)])
def test_the_truth_of_the_target_is_that_of_its_patients(
    tmp_path: Path, found: running.StudyResult, population: str, treated: bool
) -> None:
    result = found if treated else _run(tmp_path, _world(target={"population": population}))
    late = _late_among(treated)
    exact = _restricted(late, 1) - _restricted(late, 0)
    for name in ("rmst", "ipw-rmst"):
        truth = result.targets[0, "OS", name]
        assert truth.estimand.population == population
        assert abs(truth.value - exact) < 4 * truth.mcse
        assert 4 * truth.mcse < 0.1 * abs(exact)  # and a wrong one would be noticed


def test_the_hazard_ratio_of_the_target_is_a_cox_fit_to_its_doubled_patients(found: running.StudyResult) -> None:
    cohorts = generate(resolve(_world()), 5, np.arange(400))
    inside = cohorts.hidden.assigned
    courses = cohorts.hidden.potential["OS"]
    time = np.concatenate([course.time[inside] for course in courses])
    event = np.concatenate([course.event[inside] for course in courses])
    arm = np.repeat([0.0, 1.0], inside.sum())
    order = np.argsort(-time, kind="stable")
    at_risk = [np.cumsum(arm[order] == k) for k in (0, 1)]
    dead, beta = event[order], 0.0
    for _ in range(30):
        share = at_risk[1][dead] * exp(beta) / (at_risk[1][dead] * exp(beta) + at_risk[0][dead])
        beta += ((arm[order][dead] - share).sum()) / (share * (1 - share)).sum()
    truth = found.targets[0, "OS", "adjusted"]
    assert abs(truth.value - beta) < 4 * truth.mcse < 0.1 * abs(beta)
    assert found.directions[0, "OS"].value == truth.value == found.targets[0, "OS", "matched"].value


def test_without_an_effect_every_target_is_exactly_zero(null: running.StudyResult) -> None:
    assert {truth.value for truth in null.targets.values()} == {0.0}
    assert {truth.value for truth in null.directions.values()} == {0.0}


# --- What is judged by it


@pytest.mark.parametrize("world", ["found", "null"])
def test_each_is_judged_by_the_target_and_by_its_own(world: str, request: pytest.FixtureRequest) -> None:
    result: running.StudyResult = request.getfixturevalue(world)
    for name in ("crude", "matched", "ipw-att", "rmst"):
        numbers, status = result.rows.of(0, "OS", name)
        ok = status == Status.OK
        value, low, high = (numbers[key][ok] for key in ("value", "low", "high"))
        for judged_by, truths in (("target", result.targets), ("own", result.truths)):
            truth = truths[0, "OS", name].value
            measured = measures(result, 0, "OS", name, judged_by)  # type: ignore[arg-type]
            assert measured["bias"].value == pytest.approx(sum(value) / len(value) - truth)
            assert measured["coverage"].value == pytest.approx(
                np.mean([a <= truth <= b for a, b in zip(low, high, strict=True)])
            )
            assert measured["rmse"].value == pytest.approx(sqrt(sum((value - truth) ** 2) / len(value)))
    moved = [measures(result, 0, "OS", "rmst", judged_by)["bias"].value for judged_by in ("target", "own")]  # type: ignore[arg-type]
    assert (moved[0] == moved[1]) == (world == "null")


@pytest.mark.parametrize("world", ["found", "null"])
def test_who_answers_another_question_has_no_bias_beside_the_target(world: str, request: pytest.FixtureRequest) -> None:
    result: running.StudyResult = request.getfixturevalue(world)
    shown = measures(result, 0, "OS", "adjusted")
    assert not {"bias", "relative_bias", "mse", "rmse", "coverage", "truth"} & shown.keys()
    own = measures(result, 0, "OS", "adjusted", "own")
    assert {"bias", "coverage"} <= own.keys()
    assert shown["mean"] == own["mean"]
    truths = result.truths[0, "OS", "adjusted"], result.targets[0, "OS", "adjusted"]
    assert truths[0].estimand.measure == "conditional_log_hr"
    assert truths[1].estimand.measure == "marginal_log_hr"
    assert shown["distance_of_truths"].value == truths[0].value - truths[1].value
    if world == "null":
        assert shown["distance_of_truths"].value == 0
    else:
        assert truths[0].value == pytest.approx(-0.5, abs=4 * truths[0].mcse)
        assert shown["distance_of_truths"].value < -4 * shown["distance_of_truths"].mcse < 0
    cell = result.cells[0]
    table = target_table(result, cell, "OS")
    header, rows = table.header, table.rows
    row = dict(zip(header, next(row for row in rows if row[0] == "Cox model with all covariates"), strict=True))
    assert (row["truth"], row["off by"], row[HOLDS]) == ("-", "†", "†")
    assert row["finds"] == f"{exp(own['mean'].value):.3f}"
    assert any(
        "Cox model with all covariates answers another question" in one and "its true adjusted HR is" in one
        for one in target_notes(result, cell, "OS")
    )
    table = own_table(result, cell, "OS")
    header, rows = table.header, table.rows
    row = dict(zip(header, next(row for row in rows if row[0] == "Cox model with all covariates"), strict=True))
    assert row["off by"].startswith(f"{round(own['bias'].value, 3) + 0.0:.3f}")


def test_tests_tell_rejections_and_those_on_the_side_of_the_truth(
    found: running.StudyResult, null: running.StudyResult
) -> None:
    for result in (found, null):
        table = table_of_tests(result, result.cells[0], "OS")
        header, shown = table.header, table.rows
        assert [row[0] for row in shown] == ["log-rank test", "MaxCombo test"]
        for row, name in zip(shown, ("logrank", "maxcombo"), strict=True):
            numbers, _ = result.rows.of(0, "OS", name)
            rejects = [p < 0.05 for p in numbers["p"]]
            right = [p < 0.05 and z < 0 for p, z in zip(numbers["p"], numbers["value"], strict=True)]  # HR below 1
            told = dict(zip(header, row, strict=True))
            share = told["false alarms %" if result is null else "finds the effect %"]
            assert share.startswith(f"{100 * np.mean(rejects):.1f} (")
            if result is null:
                assert told["on the true side %"] == "-"
                assert any(rejects)  # crude tests under confounding reject
            else:
                assert told["on the true side %"].startswith(f"{100 * np.mean(right):.1f} (")
    assert "on the side of the true HR" in " ".join(shown_text(found).split())
    assert "every difference that is found is a false alarm" in " ".join(shown_text(null).split())


def test_rejections_on_the_wrong_side_are_no_evidence_for_the_truth() -> None:
    value, p = np.array([2.5, -3.0, -2.2, 0.3, np.nan]), np.array([0.01, 0.003, 0.03, 0.7, np.nan])
    status = np.array([0, 0, 0, 0, Status.NO_EVENTS])
    benefit, harm = (in_direction(value, p, status, Measure(at, 0.01)) for at in (-0.4, 0.4))
    assert benefit.value == 2 / 4
    assert harm.value == 1 / 4
    assert harm.mcse == pytest.approx(sqrt(1 / 4 * 3 / 4 / 4))
    for unclear in (Measure(0.0, 0.0), Measure(0.015, 0.01), Measure(np.nan, np.nan)):
        assert np.isnan(in_direction(value, p, status, unclear).value)


# --- The ranking


def test_a_ranking_is_of_one_measure_and_never_of_power(found: running.StudyResult) -> None:
    made = every_ranking(found)
    assert [sorted(own.estimator for own in one.order) for one in made] == [
        ["crude", "ipw-att", "matched"], ["ipw-rmst", "rmst"],
    ]  # fmt: skip
    for one in made:
        truth = found.targets[0, "OS", one.order[0].estimator]
        assert one.estimand == truth.estimand
        errors = []
        for own in one.order:
            assert found.targets[0, "OS", own.estimator] == truth
            numbers, _ = found.rows.of(0, "OS", own.estimator)
            errors.append(float(np.sqrt(np.nanmean((numbers["value"] - truth.value) ** 2))))
            assert own.rmse.value == pytest.approx(errors[-1])
        assert errors == sorted(errors)


def test_who_is_more_powerful_for_a_wrong_reason_is_not_ranked_first(null: running.StudyResult) -> None:
    """Confounding alone makes the crude analysis reject; its error is the largest, and clearly so."""
    (ratios, _) = rankings(null, null.cells[0], "OS")
    assert ratios.order[-1].estimator == "crude"
    assert ratios.order[-1].apart
    shares = {own.estimator: measures(null, 0, "OS", own.estimator)["type_1_error"].value for own in ratios.order}
    assert max(shares, key=lambda name: shares[name]) == "crude"
    text = shown_text(null)
    assert f"clearly more: no adjustment {ratios.order[-1].rmse.value:.3f}" in " ".join(text.split())


def test_verdict_table_and_json_name_the_patients(found: running.StudyResult, tmp_path: Path) -> None:
    members = round(_counted(_world())[0])
    said = f"In the {members} patients who start T, the study's analysis (matching) finds a hazard ratio of "
    assert verdict(found).startswith(said)
    document = study_json(found, found.cells[0].scenario, {}, tmp_path)
    json.dumps(document, allow_nan=False)
    assert document["target"]["population"] == "treated"
    assert document["target"]["words"] == found.whom.sentence
    assert {one["estimand"]["population"] for one in document["targets"]} == {"treated"}
    assert {one["judged_by"] for one in document["performance"]} == {"target", "own"}
    assert document["directions"][0]["value"] == found.directions[0, "OS"].value
    assert [one["estimand"]["measure"] for one in document["rankings"]] == ["marginal_log_hr", "rmst_difference"]


def test_cells_of_a_study_hold_what_was_asked(found: running.StudyResult) -> None:
    read = running.read_study(found.cells, RunFolder(found.rows.path.parent))
    assert repr(read.targets) == repr(found.targets)
    assert read.directions == found.directions
    changed = Cell(0, {}, _world(target={"population": "all"}), found.cells[0].resolved)
    with pytest.raises(Exception, match=r"truth.json is of another study"):
        running.read_study((changed,), RunFolder(found.rows.path.parent))


def test_a_column_of_powers_and_type_i_errors_is_called_by_neither_name(null: running.StudyResult) -> None:
    key = 0, "OS", "rmst", "target"
    assert target_table(null, null.cells[0], "OS").header[-2] == "false alarms %"
    table = [
        {**one, "measure": "power"} if (one["estimator"], one["measure"]) == ("rmst", "type_1_error") else one
        for one in null.performance
    ]
    mixed = replace(null, performance=table)
    assert mixed.measured[key]["power"].value == null.measured[key]["type_1_error"].value
    assert target_table(mixed, mixed.cells[0], "OS").header[-2] == "finds a difference %"


def test_differences_to_several_horizons_say_to_which(tmp_path: Path, found: running.StudyResult) -> None:
    asked = tuple({"kind": "rmst", "name": f"to-{to:g}", "horizon": to} for to in (6.0, 24.0))
    run = {"replicates": 5, "seed": 5, "truth_patients": 4_000}
    several = _run(tmp_path, _world(estimators=(*asked, "crude"), run=run))
    for made in (target_table, own_table):
        table = made(several, several.cells[0], "OS")
        place = table.header.index("measure")
        assert [row[place] for row in table.rows] == [
            "RMST difference to 6 months",
            "RMST difference to 24 months",
            "HR",
        ]
        assert "RMST difference, months" in [row[place] for row in made(found, found.cells[0], "OS").rows]
