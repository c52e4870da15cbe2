"""Absolute terms against closed forms and the engine of truths; which analysis is best; what all of it rests on."""

from math import exp, inf, isnan, log
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from analysis.kernels.status import Status
from benchmarks.asked.base import assumed_values
from benchmarks.asked.blocks import prepare
from benchmarks.asked.load_study import load_study
from benchmarks.asked.scenario import Scenario, Target
from benchmarks.questions.ask import designed, one_estimator
from benchmarks.review import analyses, effects, grounds
from benchmarks.review.analyses import _would, usual_analyses
from benchmarks.review.effects import Absolute, follow_up, marks_of, outcome, scale_of, weight_of
from benchmarks.review.grounds import assumptions_of, doubt_of
from benchmarks.review.suspicions import suspicions
from benchmarks.truth.of_cells import truths_of
from benchmarks.twin.fidelity import Fidelity, Total
from simulator.cohort.estimand import Estimand
from tests.small_reviews import small_scenario, write_review

RATE, HR = 0.08, exp(-0.7)
ALIKE: dict[str, Any] = {"outcomes__transitions__death__log_hr": {}, "treatment__log_odds": {}}
"""Patients who differ in nothing: each arm's time is exponential."""


def ratio_of(found: Absolute) -> float:
    """The hazard ratio of two exponential arms, by their shares."""
    return log(found.treated.free[0]) / log(found.untreated.free[0])


@pytest.mark.parametrize("off", [1.0, 1.1])
def test_outcomes_of_exponential_arms_are_the_closed_forms(off: float) -> None:
    """Shares, medians and means to a mark; with a rate that is 10 % off they are not."""
    found = outcome(small_scenario(**ALIKE), "survival", (12.0, 24.0))
    assert found.patients == 60_000
    z = []
    for arm, rate in ((found.untreated, off * RATE), (found.treated, off * RATE * HR)):
        for share, mark in zip(arm.free, (12.0, 24.0), strict=True):
            true = exp(-rate * mark)
            z.append((share - true) / (true * (1 - true) / 60_000) ** 0.5)
        z.append((arm.median - log(2) / rate) / (1 / rate / 60_000**0.5))
        second = 2 / rate**2 - exp(-24 * rate) * (2 * 24 / rate + 2 / rate**2)
        mean = (1 - exp(-24 * rate)) / rate
        z.append((arm.mean - mean) / ((second - mean**2) / 60_000) ** 0.5)
        grid = effects.course_times((12.0, 24.0))
        assert bool(np.abs(arm.course - np.exp(-rate * grid)).max() < 0.008) is (off == 1.0)
    assert bool(np.abs(z).max() < 4) is (off == 1.0)
    assert found.mcse == pytest.approx((found.treated.free[1] * (1 - found.treated.free[1]) / 60_000) ** 0.5, rel=1e-6)
    assert found.gained == found.treated.free[1] - found.untreated.free[1]


def test_a_median_that_is_not_reached_is_infinite() -> None:
    time, weight = np.array([3.0, inf, 5.0, inf, inf]), np.ones(5)
    assert effects._arm(time, weight, (4.0,)).median == inf
    heavy = effects._arm(time, np.array([3.0, 1.0, 2.0, 1.0, 1.0]), (4.0,))
    assert heavy.median == 5.0
    assert heavy.free[0] == pytest.approx(5 / 8)
    assert heavy.mean == pytest.approx((3 * 3 + 5 * 4) / 8)


@pytest.mark.parametrize("population", ["all", "treated", "untreated", "overlap"])
def test_outcomes_are_those_of_the_engine_of_truths(tmp_path: Path, population: str) -> None:
    """Differences of survival and of restricted means, in each target population."""
    changes = ("-S", f"target.population={population}")
    asked = load_study(str(write_review(tmp_path)), changes[1:])
    place = "outcomes.transitions.death"
    strong = designed(
        asked, [{}], {"treatment.log_odds.stage": 2.0, f"{place}.log_hr.stage": 1.5, f"{place}.treatment.log_hr": -1.4,
                      "run.truth_patients": 100_000},
    )  # fmt: skip
    (cell,) = prepare(strong.cells)
    common: dict[str, Any] = {
        "population": population, "endpoint": "survival", "horizon": 24.0, "follow_up": "complete",
        "time_unit": "months",
    }  # fmt: skip
    wanted = [Estimand(measure=one, **common) for one in ("survival_difference", "rmst_difference")]
    true = truths_of(cell, dict.fromkeys(wanted, 0.0), 1, lambda _: None)
    found = outcome(cell.scenario, "survival", (12.0, 24.0))
    for estimand, value, scale in zip(
        wanted, (found.gained, found.treated.mean - found.untreated.mean), (1.0, 12.0), strict=True
    ):
        error = (true[estimand].mcse ** 2 + (scale * 0.002) ** 2) ** 0.5
        assert abs(value - true[estimand].value) < 4 * error
        assert abs(1.1 * value - true[estimand].value) > 4 * error


def test_weights_of_populations_by_hand() -> None:
    took, score = np.array([[True, False, True]]), np.array([[0.2, 0.5, 0.9]])
    by = {name: weight_of(Target(population=name), took, score).ravel().tolist() for name in
          ("all", "treated", "untreated", "overlap", "matching_weight")}  # fmt: skip
    assert by["all"] == [1, 1, 1]
    assert by["treated"] == [1, 0, 1]
    assert by["untreated"] == [0, 1, 0]
    assert by["overlap"] == pytest.approx([0.16, 0.25, 0.09])
    assert by["matching_weight"] == pytest.approx([0.2, 0.5, 0.1])


def test_marks_by_hand() -> None:
    """The later mark is at most four times the time of half, in the world's unit."""
    months = small_scenario(followup__cut_off="complete")
    for scale, marks in (
        (0.5, (3, 6)), (1.5, (3, 6)), (3.0, (6, 12)), (5.9, (6, 12)), (6.0, (12, 24)), (15.0, (24, 60)),
        (30.0, (60, 120)), (500.0, (120, 240)),
    ):  # fmt: skip
        assert marks_of(months, scale) == marks, scale
    years = load_study("allr3-mitoxantrone-stated").scenario
    assert marks_of(years, 0.5) == pytest.approx((1.0, 2.0))  # half a year: 12 and 24 months
    assert marks_of(years, 3.0) == pytest.approx((2.0, 5.0))  # one in ten could be followed for six years


def test_the_scale_is_the_median_of_the_untreated() -> None:
    whole = {**ALIKE, "followup__cut_off": "complete"}
    assert scale_of(small_scenario(**whole), "survival") == pytest.approx(log(2) / RATE, rel=0.03)
    rare = small_scenario(**whole, outcomes__transitions__death__baseline__rate=1e-3)
    assert scale_of(rare, "survival") == pytest.approx(log(2) / 1e-3, rel=0.05)


def test_the_scale_is_no_longer_than_patients_could_be_followed() -> None:
    """Of a rare event in patients who enter evenly over two years, the last of them two years before the end."""
    rare = small_scenario(**ALIKE, outcomes__transitions__death__baseline__rate=1e-4)
    assert scale_of(rare, "survival") == follow_up(rare, 0.5) == pytest.approx(36.0, rel=0.02)
    assert follow_up(rare, 0.9) == pytest.approx(24.0 + 0.9 * 24.0, rel=0.02)
    assert marks_of(rare, scale_of(rare, "survival")) == (12, 24)


def test_ends_of_the_range_have_the_ratios_that_were_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of patients who are alike the ratio can be read off the shares of both exponential arms."""
    monkeypatch.setattr(effects, "TRUTH_PATIENTS", 20_000)
    monkeypatch.setattr(effects, "LEVELS", tuple(round(-1.5 + 0.25 * k, 2) for k in range(9)))
    asked = load_study(str(write_review(tmp_path)))
    alike = designed(asked, [{}], {path.replace("__", "."): value for path, value in ALIKE.items()})
    low, high = effects._at_ends(alike, "survival", None, (12.0, 24.0), (0.4, 0.85), 1, tmp_path / "out")
    assert ratio_of(low) == pytest.approx(0.4, rel=0.04)
    assert ratio_of(high) == pytest.approx(0.85, rel=0.04)
    assert ratio_of(low) != pytest.approx(0.44, rel=0.04)


def test_a_studys_own_suspicions_are_asked_beside_ours(tmp_path: Path) -> None:
    own = "compatible: {scenarios: {as-stated: {}, larger: {settings: {population.size: 90}}}}\n"
    asked = load_study(str(write_review(tmp_path, own)))
    several = suspicions(asked.scenario, -1.0, 7.0)
    found = effects._asking(asked, several).scenario.compatible.scenarios
    names = [one.name for one in several]
    assert next(iter(found)) == effects.AS_STATED
    assert list(found)[-len(names) - 1 :] == [*names, effects.ALL]
    assert found["larger"].settings["population.size"] == 90
    assert all(one.settings["run.truth_patients"] == effects.TRUTH_PATIENTS for one in found.values())
    assert set(found[effects.ALL].free) == {name for one in several for name in one.asked.free}


class FakeRows:
    """Rows of two analyses."""

    def __init__(self, **values: list[float]) -> None:
        self.values = values

    def of(self, _cell: int, _endpoint: str, name: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
        value = np.array(self.values[name])
        return {"value": value}, np.where(np.isfinite(value), Status.OK, Status.NO_EVENTS)


def test_what_the_best_would_have_given_by_hand() -> None:
    """The published ratio times the mean factor between the two in the same studies; failures in either left out."""
    rows = FakeRows(own=[-1.0, -0.8, -1.2, np.nan], best=[-0.9, -0.6, -1.1, -5.0])
    result: Any = SimpleNamespace(rows=rows)
    middle, low, high = _would(result, "survival", "own", "best", 0.36)
    assert middle == pytest.approx(0.36 * exp(0.4 / 3))  # 0.1, 0.2 and 0.1 on the logarithm
    assert low == pytest.approx(0.36 * exp(0.1))
    assert high == pytest.approx(0.36 * exp(0.195))
    nothing = _would(SimpleNamespace(rows=FakeRows(own=[np.nan], best=[1.0])), "survival", "own", "best", 0.36)  # type: ignore[arg-type]
    assert all(map(isnan, nothing))


def kinds(scenario: Scenario) -> list[str]:
    asked: Any = SimpleNamespace(scenario=scenario)
    endpoint = next(iter(scenario.endpoints))
    entry, primary = one_estimator(asked, endpoint, None)
    found = usual_analyses(scenario, endpoint, entry)
    assert found[0]["name"] == primary
    assert all(one["endpoints"] == [endpoint] for one in found)
    assert len({one["name"] for one in found}) == len(found)
    return [str(one["kind"]) for one in found]


def test_the_papers_own_analysis_stands_first_and_a_trial_is_not_matched() -> None:
    assert kinds(small_scenario())[0] == "adjusted"
    assert set(kinds(small_scenario())) == {"adjusted", "crude", "matched", "ipw"}
    lot = {"treatment": {"kind": "blocks", "share": 0.5, "block": 4}, "estimators": ["adjusted", "crude"]}
    assert set(kinds(small_scenario(**lot))) == {"adjusted", "crude"}
    first = kinds(load_study("hcc-lung-metastasis").scenario)
    assert first[0] == "matched"
    assert {"crude", "adjusted", "ipw"} <= set(first)


def test_analyses_that_simulation_does_not_tell_apart_have_no_best(tmp_path: Path) -> None:
    """A trial drawn by lot in patients who are alike: no adjustment is the paper's own, and nothing beats it."""
    asked = load_study(str(write_review(tmp_path)), ("analysis.primary=unadjusted", "analysis.cox=null"))
    lot = designed(
        asked, [{}], {"treatment": {"kind": "blocks", "share": 0.5, "block": 4}, "estimators": ["crude"],
                      **{"outcomes.transitions.death.log_hr": {}}},
    )  # fmt: skip
    found = analyses.find(lot, "survival", None, 0.5, 1, tmp_path / "out")
    assert (found.primary, found.best, found.choices) == ("crude", None, None)
    assert [one.name for one in found.found] == ["crude", "adjusted"]
    assert all(map(isnan, found.would))
    assert found.true == pytest.approx(HR, rel=0.05)
    assert found.found[0].kept == 80
    assert found.found[1].another
    assert abs(found.found[0].mean - log(HR)) < 4 * found.found[0].mcse


def test_confounding_has_a_best_analysis_that_is_not_the_crude_one(tmp_path: Path) -> None:
    asked = load_study(str(write_review(tmp_path)), ("analysis.primary=unadjusted", "analysis.cox=null"), 100)
    strong = designed(
        asked, [{}], {"treatment.log_odds.stage": -2.0, "outcomes.transitions.death.log_hr.stage": 1.5,
                      "population.size": 200},
    )  # fmt: skip
    found = analyses.find(strong, "survival", None, 0.5, 1, tmp_path / "out")
    by = {one.name: one for one in found.found}
    assert found.primary == "crude"
    assert found.best not in (None, "crude")
    best = by[str(found.best)]
    assert abs(best.bias) < abs(by["crude"].bias)
    moved = 0.5 * exp(best.mean - by["crude"].mean)  # no estimate failed: the mean of differences is that of means
    assert found.would[0] == pytest.approx(moved, rel=0.01)
    assert found.would[0] > 0.5  # the treated were the healthier ones


def test_the_assumptions_of_the_first_paper() -> None:
    asked = load_study("hcc-lung-metastasis")
    found = {one.path: one for one in assumptions_of(asked)}
    assert set(found) <= set(assumed_values(asked.document))
    assert found["population.correlation.size.pvtt"].value == 0.25
    assert found["population.correlation.size.pvtt"].prior_sd == 0.15
    assert (found["entry.screened"].value, found["entry.screened"].log) == (2.0, True)
    assert all(isinstance(one.value, float) and one.prior_sd and one.prior_sd > 0 for one in found.values())
    assert not [path for path in found if path.split(".")[0] not in grounds.WORLD_ONLY]
    assert not [path for path in found if path in asked.document.sources]


def test_the_effect_itself_is_no_ground_of_the_answer() -> None:
    asked = load_study("imbrave150")
    found = {one.path for one in assumptions_of(asked)}
    assert "outcomes.death.treatment.log_hr" in assumed_values(asked.document)
    assert not [path for path in found if path.startswith("outcomes") and ".treatment." in path]
    assert "outcomes.death.baseline.rate" in found


def test_a_stated_prior_comes_before_a_convention() -> None:
    (one,) = (each for each in assumptions_of(load_study("imbrave150")) if each.path == "outcomes.death.baseline.rate")
    assert (one.prior_sd, one.log) == (0.5, True)  # the convention is 0.3


@pytest.mark.parametrize(
    ("numbers", "inside", "doubtful"),
    [(20, 18, False), (20, 17, True), (100, 90, False), (100, 89, True), (3, 1, False), (5, 2, True), (0, 0, False)],
)
def test_a_twin_that_misses_too_much_is_no_judge(numbers: int, inside: int, doubtful: bool) -> None:
    found = doubt_of(Fidelity(300, 1, (), (Total("all", numbers, inside, 0),), (), ()))
    assert bool(found) is doubtful
    assert found == (f"of {numbers} printed numbers the twin does not reproduce {numbers - inside}" if doubtful else "")
    assert doubt_of(None) == ""
