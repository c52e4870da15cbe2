"""One target for all estimators of a study: in what words, and what is said of what does not exist."""

import json
from dataclasses import replace
from math import exp, isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.survival.statistics import cox
from benchmarks.asked.blocks import prepare
from benchmarks.asked.whom import CAVEAT, whom_of
from benchmarks.report import gallery_entry, gallery_page
from benchmarks.report.charts import left_out, lollipop, replicates, scatter_of, zip_of
from benchmarks.runs.store import RunFolder
from benchmarks.study import running
from benchmarks.study.paired import cells
from benchmarks.study.ranking import every_ranking
from benchmarks.truth.of_cells import find_truths
from benchmarks.words.performance_tables import (
    in_whom,
)
from benchmarks.words.plain_text import measures
from benchmarks.words.study_document import study_json
from benchmarks.words.verdicts import verdict
from simulator.cohort.estimand import Estimand
from simulator.world.generate import generate
from tests import target_worlds
from tests.commands import printed
from tests.target_worlds import _counted, _run, _world, shown_text
from tests.trusting import trusted
from tests.worlds import scenario, tree

found = target_worlds.found


def test_a_sentence_says_who_and_how_many_were_screened_and_included() -> None:
    entry = {**tree()["entry"], "screened": 1.5, "guarantee_months": {"T": 3.0}}
    world = _world(entry=entry)
    told = whom_of(world)
    members, included, screened = _counted(world)
    assert screened == 180
    assert told.members == members
    assert told.included == included
    assert told.sentence == (
        f"In the {members:.0f} patients who start T, of 180 screened, of whom {included:.0f} were "
        "included and analysed (means over simulated studies), every analysis is compared with what is true."
    )
    everyone = whom_of(_world(target={"population": "all"}))
    assert everyone.sentence.startswith("In the 120 patients screened, of whom all were included and analysed")
    for population, count in (("selected", included), ("always_eligible", None)):
        coupled = whom_of(_world(entry=entry, target={"population": population}))
        assert CAVEAT in coupled.sentence
        assert count is None or coupled.members == count
    late = whom_of(scenario(treatment={**tree()["treatment"], "start": {"wait": {"kind": "exponential", "rate": 0.5}}}))
    assert "patients who are assigned to T" in late.sentence
    nobody = whom_of(_world(target={"population": "untreated", "follow_up": "complete"}))
    assert "patients who start C instead" in nobody.sentence
    assert "if nobody were censored" in nobody.sentence


def test_run_and_show_begin_with_the_patients(tmp_path: Path) -> None:
    small = ["-S", "population.size=100", "-S", "run.truth_patients=2000", "-S", "estimators=[crude]"]
    lines = printed(["run", "imbrave150", *small, "--reps", "5", "--jobs", "1", "--out", str(tmp_path)]).splitlines()
    assert any(line.startswith("In the 67 patients who start ") and "of 100 screened" in line for line in lines[:16])
    assert "of 100 screened" in printed(["show", "imbrave150", *small])
    sweep = ["-S", 'sweep={"grid": {"target.population": ["treated", "all"]}}']
    both = printed(["show", "imbrave150", *small, *sweep])
    assert "about: Each setting is about patients of its own" in both
    assert "setting 2, the 100 patients screened (of 100 screened, 100 included)" in both
    again = json.loads(printed(["show", "imbrave150", *small, "--json"]))
    assert again["target"]["screened"] == 100


def test_another_level_is_told_and_marked(tmp_path: Path) -> None:
    world = _world(
        analysis={"survival": {"level": 0.9}},
        estimators=("crude", {"kind": "rmst", "horizon": 12.0}),
        run={"replicates": 30, "seed": 5, "truth_patients": 5_000},
    )
    result = _run(tmp_path, world)
    assert "Its 90 % interval holds the truth" in verdict(result)
    assert "95 %" not in verdict(result) + shown_text(result)
    assert "Intervals are of 90 %" in " ".join(shown_text(result).split())
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
    assert "restricted mean survival to 12 finds a difference in mean survival of" in verdict(result)


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
    assert "median survival: not reached: fewer than half have the event in" in " ".join(text.split())
    assert np.isnan(measures(result, 0, "OS", "median")["bias"].value)
    json.dumps(study_json(result, world, {}, tmp_path), allow_nan=False)


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
    assert (
        "treatment as it starts: none: to be under treatment or not yet is a state that patients reach by surviving"
        in text
    )
    assert "Given answers another question, of which no truth is known" in text
    assert lollipop(result, result.cells[0], "OS") is not None
    assert f" on average where {exp(truth):.2f} is true." in verdict(result)


def test_cells_with_targets_of_their_own_each_say_in_whom(tmp_path: Path) -> None:
    run = {"replicates": 10, "seed": 5, "truth_patients": 4_000}
    made = [
        ({"target.population": one}, _world(target={"population": one}, estimators=("crude", "ipw"), run=run))
        for one in ("treated", "all", "selected")
    ]
    result = running.run_study(prepare(made), RunFolder(tmp_path), running.Work(1), lambda *_: None)
    text, members = " ".join(shown_text(result).split()), _counted(made[0][1])[0]
    treated, selected = f"the {members:.0f} patients who start T", "the 120 patients included after"
    assert f"Target population treated (in {treated})" in text
    assert f"Target population selected (in {selected} the treatment that they received, {CAVEAT})" in text
    assert f"With target population treated and in {treated}, no adjustment finds" in verdict(result)
    assert f"With target population selected and in {selected}" in verdict(result)
    counts = "(of 120 screened, 120 included)"
    assert result.people.startswith(
        "Each setting is about patients of its own, in whom its analyses are compared with what is true: "
        f"setting 1, {treated} {counts}; setting 2, the 120 patients screened {counts}; setting 3, {selected}"
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


def test_a_sweep_over_estimators_tells_each_cell_in_its_own_measure(tmp_path: Path) -> None:
    """A difference of months is not shown as the ratio that the same name has in another cell."""
    run = {"replicates": 8, "seed": 5, "truth_patients": 4_000}
    trusted(tmp_path / "mine.py", "def never(cohort):\n    return None\n")
    never: dict[str, Any] = {"kind": "own", "name": "never", "function": f"{tmp_path / 'mine.py'}:never"}
    asked = ({"kind": "crude", "name": "one"}, never), ({"kind": "rmst", "name": "one", "horizon": 12.0}, never)
    made = [({"estimators": k}, _world(estimators=one, run=run)) for k, one in enumerate(asked)]
    result = running.run_study(prepare(made), RunFolder(tmp_path), running.Work(1), lambda *_: None)
    ratio, months = (measures(result, cell, "OS", "one")["mean"].value for cell in (0, 1))
    assert f"one finds a hazard ratio of {exp(ratio):.2f} for overall survival" in verdict(result)
    told = f"{months:.1f} months".replace("-", "−")
    assert f"one finds a difference in mean survival of {told} to 12 months for overall survival" in verdict(result)
    pair = next(one for one in cells(result) if one.estimator == "one")
    assert isnan(pair.measures["mean_difference"].value)
    assert np.isfinite(pair.measures["rejection_difference"].value)


def test_who_has_no_spread_is_left_out_of_the_chart_and_named(tmp_path: Path) -> None:
    trusted(tmp_path / "mine.py", "def same(cohort):\n    return 1.0, 0.0\n")
    same = {"kind": "own", "name": "same", "function": f"{tmp_path / 'mine.py'}:same", "measure": "rmst_difference"}
    asked = ({**same, "horizon": 12.0}, {"kind": "rmst", "horizon": 12.0}, "adjusted")
    result = _run(tmp_path, _world(estimators=asked, run={"replicates": 8, "seed": 5, "truth_patients": 4_000}))
    assert lollipop(result, result.cells[0], "OS") is not None
    assert left_out(result, result.cells[0], "OS") == (
        "; Cox model with all covariates answers another question; same has no spread"
    )
    assert scatter_of(result, result.cells[0], "OS") is not None  # SEs of zero alone: no warning


def test_few_patients_are_told_with_a_decimal() -> None:
    few = whom_of(_world(population={**tree()["population"], "size": 5}))
    assert few.phrase.startswith(f"the {few.members:.1f} patients")
    assert replace(few, members=6.0).number == "6"
    assert replace(few, members=21.4).number == "21"
