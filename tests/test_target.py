"""One target for all estimators of a study: its truths, what is judged by them, and in what words."""

import json
from dataclasses import replace
from math import exp, isnan, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit

from analysis.kernels.status import Status
from analysis.survival.statistics import cox
from benchmarks.asked.blocks import Cell, prepare
from benchmarks.asked.scenario import Scenario, Target
from benchmarks.asked.whom import CAVEAT, whom_of
from benchmarks.performance.measures import Measure, in_direction
from benchmarks.report import gallery_entry, gallery_page
from benchmarks.report.charts import left_out, lollipop, replicates, scatter_of, zip_of
from benchmarks.runs.store import RunFolder
from benchmarks.study import running
from benchmarks.study.paired import cells
from benchmarks.study.ranking import every_ranking, rankings
from benchmarks.truth.of_cells import find_truths, target_estimand
from benchmarks.words.answer import Answer
from benchmarks.words.performance_tables import (
    in_whom,
    main_tables,
    notes_of,
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
from tests.commands import printed
from tests.trusting import trusted
from tests.worlds import scenario, tree

ASKED: tuple[Any, ...] = (
    "crude", "adjusted", "matched", "ipw", "logrank", "maxcombo",
    {"kind": "rmst", "horizon": 24.0}, {"kind": "ipw", "name": "ipw-rmst", "measure": "rmst", "horizon": 24.0},
)  # fmt: skip
RUN = {"replicates": 60, "seed": 5, "truth_patients": 60_000}


def _world(**changes: Any) -> Scenario:
    entries = tuple({"kind": one} if isinstance(one, str) else one for one in changes.pop("estimators", ASKED))
    on_os = tuple({**one, "endpoints": ("OS",)} for one in entries)
    return scenario(**{"estimators": on_os, "run": RUN, **changes})


def shown_text(result: running.StudyResult) -> str:
    """The main tables on a terminal."""
    return Answer(None, tables=main_tables(result), notes=notes_of(result)).text()


def _run(path: Path, world: Scenario) -> running.StudyResult:
    return running.run_study(prepare([({}, world)]), RunFolder(path), running.Work(1), lambda *_: None)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> running.StudyResult:
    return _run(tmp_path_factory.mktemp("effect"), _world())


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
    row = dict(zip(header, next(row for row in rows if row[0] == "adjusted"), strict=True))
    assert (row["truth"], row["bias"], row["coverage %"]) == ("-", "†", "†")
    assert row["mean"] == f"{exp(own['mean'].value):.3f}"
    assert any(
        "adjusted answers another question: its own true cond. HR" in one for one in target_notes(result, cell, "OS")
    )
    table = own_table(result, cell, "OS")
    header, rows = table.header, table.rows
    row = dict(zip(header, next(row for row in rows if row[0] == "adjusted"), strict=True))
    assert row["bias"].startswith(f"{round(own['bias'].value, 3) + 0.0:.3f}")


def test_tests_tell_rejections_and_those_on_the_side_of_the_truth(
    found: running.StudyResult, null: running.StudyResult
) -> None:
    for result in (found, null):
        table = table_of_tests(result, result.cells[0], "OS")
        header, shown = table.header, table.rows
        assert [row[0] for row in shown] == ["logrank", "maxcombo"]
        for row in shown:
            numbers, _ = result.rows.of(0, "OS", row[0])
            rejects = [p < 0.05 for p in numbers["p"]]
            right = [p < 0.05 and z < 0 for p, z in zip(numbers["p"], numbers["value"], strict=True)]  # HR below 1
            told = dict(zip(header, row, strict=True))
            share = told["type-I error %" if result is null else "power %"]
            assert share.startswith(f"{100 * np.mean(rejects):.1f} (")
            if result is null:
                assert told["in direction %"] == "-"
                assert any(rejects)  # crude tests under confounding reject
            else:
                assert told["in direction %"].startswith(f"{100 * np.mean(right):.1f} (")
    assert "side of the truth" in shown_text(found)
    assert "rejections are the type-I error" in " ".join(shown_text(null).split())


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
    assert f"clearly more: crude {ratios.order[-1].rmse.value:.3f}" in " ".join(text.split())


# --- Words


def _counted(world: Scenario) -> tuple[float, float, int]:
    cohorts = generate(resolve(world), world.run.seed, np.arange(world.run.replicates))
    treated, present = cohorts.hidden.assigned, cohorts.observed.present
    return float(treated.sum(axis=1).mean()), float(present.sum(axis=1).mean()), treated.shape[1]


def test_a_sentence_says_who_and_how_many_were_screened_and_included() -> None:
    entry = {**tree()["entry"], "screened": 1.5, "guarantee_months": {"T": 3.0}}
    world = _world(entry=entry)
    told = whom_of(world)
    members, included, screened = _counted(world)
    assert screened == 180
    assert told.members == members
    assert told.included == included
    assert told.sentence == (
        f"In the {members:.0f} patients treated (T) at time zero, of 180 screened, of whom {included:.0f} were "
        "included and analysed (means over simulated studies), all analyses are judged side by side."
    )
    everyone = whom_of(_world(target={"population": "all"}))
    assert everyone.sentence.startswith("In the 120 patients screened, of whom all were included and analysed")
    for population, count in (("selected", included), ("always_eligible", None)):
        coupled = whom_of(_world(entry=entry, target={"population": population}))
        assert CAVEAT in coupled.sentence
        assert count is None or coupled.members == count
    late = whom_of(scenario(treatment={**tree()["treatment"], "start": {"wait": {"kind": "exponential", "rate": 0.5}}}))
    assert "assigned to treatment (T) at time zero" in late.sentence
    nobody = whom_of(_world(target={"population": "untreated", "follow_up": "complete"}))
    assert "not treated (C) at time zero" in nobody.sentence
    assert "if nobody were censored" in nobody.sentence


def test_verdict_table_and_json_name_the_patients(found: running.StudyResult, tmp_path: Path) -> None:
    members = round(_counted(_world())[0])
    assert verdict(found).startswith(f"On OS, in the {members} patients treated (T) at time zero, of 8 estimators ")
    document = study_json(found, found.cells[0].scenario, {}, tmp_path)
    json.dumps(document, allow_nan=False)
    assert document["target"]["population"] == "treated"
    assert document["target"]["words"] == found.whom.sentence
    assert {one["estimand"]["population"] for one in document["targets"]} == {"treated"}
    assert {one["judged_by"] for one in document["performance"]} == {"target", "own"}
    assert document["directions"][0]["value"] == found.directions[0, "OS"].value
    assert [one["estimand"]["measure"] for one in document["rankings"]] == ["marginal_log_hr", "rmst_difference"]


def test_run_and_show_begin_with_the_patients(tmp_path: Path) -> None:
    small = ["-S", "population.size=100", "-S", "run.truth_patients=2000", "-S", "estimators=[crude]"]
    lines = printed(["run", "imbrave150", *small, "--reps", "5", "--jobs", "1", "--out", str(tmp_path)]).splitlines()
    assert any(line.startswith("In the 67 patients treated (") and "of 100 screened" in line for line in lines[:4])
    assert "of 100 screened" in printed(["show", "imbrave150", *small])
    sweep = ["-S", 'sweep={"grid": {"target.population": ["treated", "all"]}}']
    both = printed(["show", "imbrave150", *small, *sweep])
    assert "target: Each cell has a target of its own" in both
    assert "cell 1, the 100 patients screened (of 100 screened, 100 included)" in both
    again = json.loads(printed(["show", "imbrave150", *small, "--json"]))
    assert again["target"]["screened"] == 100


def test_another_level_is_told_and_marked(tmp_path: Path) -> None:
    world = _world(
        analysis={"survival": {"level": 0.9}},
        estimators=("crude", {"kind": "rmst", "horizon": 12.0}),
        run={"replicates": 30, "seed": 5, "truth_patients": 5_000},
    )
    result = _run(tmp_path, world)
    assert "90 % intervals" in verdict(result)
    assert "95 %" not in verdict(result) + shown_text(result)
    assert "intervals of 90 %" in shown_text(result)
    drawn = lollipop(result, result.cells[0], "OS")
    assert drawn is not None
    assert drawn.axes[1].lines[0].get_xdata()[0] == 90.0  # type: ignore[index]
    zipped = zip_of(result, result.cells[0], "OS")
    assert zipped is not None
    assert [tick.get_text() for tick in zipped.axes[0].get_yticklabels()][-1] == "90"


# --- What does not exist


def _own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    trusted(tmp_path / "fixed.py", "def printed(cohort):\n    return -2.0, 0.5\n")
    monkeypatch.chdir(tmp_path)
    return {"kind": "own", "name": "printed", "function": "fixed.py:printed"}


@pytest.mark.parametrize("measure", [{"measure": "rmst_difference", "horizon": 12.0}, {"measure": "marginal_log_hr"}])
def test_a_constant_is_judged_and_not_ranked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, measure: dict[str, Any]
) -> None:
    constant = {**_own(monkeypatch, tmp_path), **measure}
    world = _world(
        estimators=({"kind": "rmst", "horizon": 12.0}, "crude", constant),
        run={"replicates": 20, "seed": 5, "truth_patients": 5_000},
    )
    result = _run(tmp_path / "run", world)
    shown = measures(result, 0, "OS", "printed")
    assert shown["empirical_se"].value == 0
    assert shown["bias"].value == -2.0 - result.targets[0, "OS", "printed"].value
    assert all("printed" not in {own.estimator for own in one.order} for one in every_ranking(result))
    for drawn in (lollipop, replicates, zip_of):
        drawn(result, result.cells[0], "OS")
    assert "printed" in verdict(result)


def test_only_constants_leave_the_chart_of_errors_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    constant = {**_own(monkeypatch, tmp_path), "measure": "rmst_difference", "horizon": 12.0}
    result = _run(tmp_path / "run", _world(estimators=(constant,), run={"replicates": 5, "truth_patients": 2_000}))
    assert lollipop(result, result.cells[0], "OS") is None


def test_tests_alone_have_no_figure_of_bias_and_are_shown_in_a_gallery(tmp_path: Path) -> None:
    world = _world(estimators=("logrank", "maxcombo"), run={"replicates": 20, "truth_patients": 5_000})
    result = _run(tmp_path, world)
    assert lollipop(result, result.cells[0], "OS") is None
    entry = gallery_entry(result, world, "tests/report.html", "effects")
    assert entry.picture is None
    assert "small" in gallery_page([entry], [], ("effects",))
    assert shown_text(result).startswith("OS, test")


def test_a_study_of_another_question_alone_stops_by_its_own_error(tmp_path: Path) -> None:
    until = {"mcse": {"bias": 0.06, "coverage": 0.1}, "most": 200}
    world = _world(estimators=("adjusted",), run={"replicates": 100, "truth_patients": 20_000, "until": until})
    (look,) = _run(tmp_path, world).looks
    assert look.enough
    assert look.errors["bias"] < 0.06


def test_a_median_that_is_not_reached_is_told_so(tmp_path: Path) -> None:
    outcomes = {
        **tree()["outcomes"],
        "death": {
            **tree()["outcomes"]["death"],
            "baseline": {"kind": "piecewise", "cuts": (6.0,), "rates": (0.02, 0.0)},  # nobody dies after month 6
        },
    }
    world = _world(outcomes=outcomes, estimators=("crude", "median"), run={"replicates": 20, "truth_patients": 5_000})
    result = _run(tmp_path, world)
    assert not np.isfinite(result.targets[0, "OS", "median"].value)
    text = shown_text(result)
    assert text.count("not reached") == 3  # in both tables, and why below the second
    assert "median: not reached: fewer than half have the event in" in " ".join(text.split())
    assert np.isnan(measures(result, 0, "OS", "median")["bias"].value)
    json.dumps(study_json(result, world, {}, tmp_path), allow_nan=False)


def test_cells_of_a_study_hold_what_was_asked(found: running.StudyResult) -> None:
    read = running.read_study(found.cells, RunFolder(found.rows.path.parent))
    assert repr(read.targets) == repr(found.targets)
    assert read.directions == found.directions
    changed = Cell(0, {}, _world(target={"population": "all"}), found.cells[0].resolved)
    with pytest.raises(Exception, match=r"truth.json is of another study"):
        running.read_study((changed,), RunFolder(found.rows.path.parent))


def test_an_exposure_is_judged_by_the_target_and_is_told_to_have_no_truth_of_its_own(tmp_path: Path) -> None:
    start = {**tree()["treatment"], "start": {"wait": {"kind": "exponential", "rate": 0.5}}}
    asked = ({"kind": "time-dependent"}, {"kind": "time-dependent", "name": "given", "adjusted": True}, "crude")
    run = {"replicates": 20, "seed": 5, "truth_patients": 5_000}
    result = _run(tmp_path, _world(treatment=start, estimators=asked, run=run))
    plain, given = (measures(result, 0, "OS", name) for name in ("time-dependent", "given"))
    truth = result.targets[0, "OS", "time-dependent"].value
    assert plain["bias"].value == pytest.approx(plain["mean"].value - truth)
    assert "bias" not in given
    assert isnan(given["distance_of_truths"].value)
    text = " ".join(shown_text(result).split())
    assert "time-dependent: none: to be under treatment or not yet is a state that patients reach by surviving" in text
    assert "given answers another question, of which no truth is known" in text
    assert lollipop(result, result.cells[0], "OS") is not None
    assert f"(truth {exp(truth):.2f}, bias" in verdict(result)


def test_a_column_of_powers_and_type_i_errors_is_called_by_neither_name(null: running.StudyResult) -> None:
    key = 0, "OS", "rmst", "target"
    assert target_table(null, null.cells[0], "OS").header[-2] == "type-I error %"
    table = null.performance.copy()
    other = (table["estimator"] == "rmst") & (table["measure"] == "type_1_error")
    table.loc[other, "measure"] = "power"
    mixed = replace(null, performance=table)
    assert mixed.measured[key]["power"].value == null.measured[key]["type_1_error"].value
    assert target_table(mixed, mixed.cells[0], "OS").header[-2] == "rejects %"


def test_cells_with_targets_of_their_own_each_say_in_whom(tmp_path: Path) -> None:
    run = {"replicates": 10, "seed": 5, "truth_patients": 4_000}
    made = [
        ({"target.population": one}, _world(target={"population": one}, estimators=("crude", "ipw"), run=run))
        for one in ("treated", "all", "selected")
    ]
    result = running.run_study(prepare(made), RunFolder(tmp_path), running.Work(1), lambda *_: None)
    text, members = " ".join(shown_text(result).split()), _counted(made[0][1])[0]
    treated, selected = f"the {members:.0f} patients treated (T) at time zero", "the 120 patients included after"
    assert f"Cell 0: target.population = treated (in {treated})" in text
    assert f"Cell 2: target.population = selected (in {selected} the treatment that they received, {CAVEAT})" in text
    assert f", in {treated} and then in {selected}" in verdict(result)
    counts = "(of 120 screened, 120 included)"
    assert result.people.startswith(
        "Each cell has a target of its own, by which its analyses are judged side by side: "
        f"cell 0, {treated} {counts}; cell 1, the 120 patients screened {counts}; cell 2, {selected}"
    )
    assert study_json(result, made[0][1], {}, tmp_path)["target"]["words"] == result.people
    alike = running.run_study(prepare(made[:1] * 2), RunFolder(tmp_path / "alike"), running.Work(1), lambda *_: None)
    assert alike.people == alike.whom.sentence
    assert treated not in shown_text(alike)


def test_without_an_effect_who_started_before_progression_still_fares_otherwise_after_a_landmark() -> None:
    """A progression that prevents the start leaves the fitter among those who started: no exact zero."""
    rates = {"progression": 0.1, "death": 0.02, "death_after_progression": 0.3}
    hazards = {name: {"baseline": {"kind": "exponential", "rate": rate}} for name, rate in rates.items()}
    outcomes = {**hazards, "treatment_effect": "none"}
    late = {"wait": {"kind": "exponential", "rate": 0.25}, "prevented_by": ("progressed",)}
    world = _world(
        outcomes=outcomes,
        treatment={**tree()["treatment"], "start": late},
        estimators=({"kind": "landmark"}, "crude"),
        run={"replicates": 10, "seed": 5, "truth_patients": 60_000},
    )
    cell = prepare([({}, world)])[0]
    truths = find_truths(cell, 1, lambda _: None)
    assert truths["OS", "crude"].value == 0
    hidden = generate(cell.resolved, 5, np.arange(500)).hidden
    assert hidden.starts is not None
    zero, one = hidden.potential["OS"]
    still = (zero.time > 3, (one.time > 3) & (hidden.starts <= 3))
    time = np.concatenate([course.time[who] - 3 for course, who in zip((zero, one), still, strict=True)])
    event = np.concatenate([course.event[who] for course, who in zip((zero, one), still, strict=True)])
    arm = np.repeat([0.0, 1.0], [who.sum() for who in still])
    fit = cox(time[None], event[None], arm[None, :, None])
    found = truths["OS", "landmark"]
    assert found.value == pytest.approx(float(fit.beta[0, 0]), abs=0.1 * found.mcse)
    assert found.value < -4 * found.mcse
    open_to_all = {**tree()["treatment"], "start": {**late, "prevented_by": ()}}
    plain = prepare([({}, world.model_copy(update={"treatment": _world(treatment=open_to_all).treatment}))])[0]
    assert find_truths(plain, 1, lambda _: None)["OS", "landmark"].value == 0


def test_who_asks_of_survivors_or_of_strategies_says_so() -> None:
    plain = Estimand(population="all", measure="marginal_log_hr", endpoint="OS")
    assert in_whom(plain) == "all"
    assert in_whom(plain.model_copy(update={"landmark": 3.0})) == "all, at risk after 3 months"
    assert in_whom(plain.model_copy(update={"grace": 0.0})) == "all, start within 0 months or not"
    assert in_whom(plain.model_copy(update={"population": "selected"})) == f"selected ({CAVEAT})"


def test_differences_to_several_horizons_say_to_which(tmp_path: Path, found: running.StudyResult) -> None:
    asked = tuple({"kind": "rmst", "name": f"to-{to:g}", "horizon": to} for to in (6.0, 24.0))
    run = {"replicates": 5, "seed": 5, "truth_patients": 4_000}
    several = _run(tmp_path, _world(estimators=(*asked, "crude"), run=run))
    for made in (target_table, own_table):
        table = made(several, several.cells[0], "OS")
        place = table.header.index("measure")
        assert [row[place] for row in table.rows] == ["RMST diff to 6 months", "RMST diff to 24 months", "HR"]
        assert "RMST diff, months" in [row[place] for row in made(found, found.cells[0], "OS").rows]


def test_a_sweep_over_estimators_tells_each_cell_in_its_own_measure(tmp_path: Path) -> None:
    """A difference of months is not shown as the ratio that the same name has in another cell."""
    run = {"replicates": 8, "seed": 5, "truth_patients": 4_000}
    trusted(tmp_path / "mine.py", "def never(cohort):\n    return None\n")
    never: dict[str, Any] = {"kind": "own", "name": "never", "function": f"{tmp_path / 'mine.py'}:never"}
    asked = ({"kind": "crude", "name": "one"}, never), ({"kind": "rmst", "name": "one", "horizon": 12.0}, never)
    made = [({"estimators": k}, _world(estimators=one, run=run)) for k, one in enumerate(asked)]
    result = running.run_study(prepare(made), RunFolder(tmp_path), running.Work(1), lambda *_: None)
    ratio, months = (measures(result, cell, "OS", "one")["mean"].value for cell in (0, 1))
    assert f"one finds OS HR {exp(ratio):.2f}, then RMST diff {months:.2f} months" in verdict(result)
    assert "never gives no estimate in either of them" in verdict(result)
    pair = next(one for one in cells(result) if one.estimator == "one")
    assert isnan(pair.measures["mean_difference"].value)
    assert np.isfinite(pair.measures["rejection_difference"].value)


def test_who_has_no_spread_is_left_out_of_the_chart_and_named(tmp_path: Path) -> None:
    trusted(tmp_path / "mine.py", "def same(cohort):\n    return 1.0, 0.0\n")
    same = {"kind": "own", "name": "same", "function": f"{tmp_path / 'mine.py'}:same", "measure": "rmst_difference"}
    asked = ({**same, "horizon": 12.0}, {"kind": "rmst", "horizon": 12.0}, "adjusted")
    result = _run(tmp_path, _world(estimators=asked, run={"replicates": 8, "seed": 5, "truth_patients": 4_000}))
    assert lollipop(result, result.cells[0], "OS") is not None
    assert left_out(result, result.cells[0], "OS") == "; adjusted answers another question; same has no spread"
    assert scatter_of(result, result.cells[0], "OS") is not None  # SEs of zero alone: no warning


def test_few_patients_are_told_with_a_decimal() -> None:
    few = whom_of(_world(population={**tree()["population"], "size": 5}))
    assert few.phrase.startswith(f"the {few.members:.1f} patients")
    assert replace(few, members=6.0).number == "6"
    assert replace(few, members=21.4).number == "21"
