"""Power: Schoenfeld by hand, the probit line and its jackknife, and a randomised world that obeys the formula."""

from dataclasses import replace
from math import exp, log, sqrt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from analysis.kernels.status import Status
from analysis.survival.schoenfeld import events_for_width, events_needed, power_at
from benchmarks.questions.power import Goal, SearchPlan, _beyond, bracket, misfit, probit_line, solved, with_error
from tests.commands import answered, printed, refused

POWER = Goal(0.8, None, 0.05)


def test_schoenfeld_by_hand() -> None:
    """HR 0.7, 80 %, 1:1: (1.959964 + 0.841621)^2 x 4 / log(0.7)^2 = 246.8; a third treated: 9 / 2 in place of 4."""
    assert events_needed(0.7, 0.8) == pytest.approx(246.79, abs=0.005)
    assert events_needed(0.7, 0.8, 1 / 3) == pytest.approx(246.79 * 9 / 8, abs=0.01)
    assert events_needed(1 / 0.7, 0.8) == pytest.approx(events_needed(0.7, 0.8), rel=1e-12)
    assert events_needed(1.0, 0.8) == float("inf")
    assert power_at(events_needed(0.7, 0.9, 0.4, 0.01), 0.7, 0.4, 0.01) == pytest.approx(0.9, rel=1e-12)
    assert events_for_width(2 * 1.959964 * sqrt(4 / 100)) == pytest.approx(100, rel=1e-6)


def test_the_probit_line_of_exact_counts_is_found() -> None:
    x = np.array([2.0, 4.0, 6.0, 9.0])
    a, b = probit_line(x, 1e9 * norm.cdf(-1.2 + 0.3 * x), np.full(4, 1e9))
    assert (a, b) == pytest.approx((-1.2, 0.3), rel=1e-8)
    assert np.isnan(probit_line(x, np.array([0.0, 0.0, 10.0, 10.0]), np.full(4, 10.0))[0])


def toy(rng: np.random.Generator, replicates: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sizes, events (half of them), and rejections on shared luck: probit(power) = -0.5 + 0.12 sqrt(events)."""
    at = np.array([150.0, 200.0, 260.0, 340.0])
    events = np.repeat(at[:, None] / 2, replicates, axis=1)
    luck = rng.normal(size=replicates)
    own = np.sqrt(0.7) * luck + np.sqrt(0.3) * rng.normal(size=events.shape)
    return at, events, (own < -0.5 + 0.12 * np.sqrt(events)).astype(float)


def test_the_answer_and_its_error_are_those_of_repeated_experiments() -> None:
    rng, found = np.random.default_rng(5), []
    for _ in range(150):
        place, events = with_error(*toy(rng), POWER)
        found.append((place.value, place.mcse, events.value))
        assert events.value == pytest.approx(place.value / 2, rel=1e-9)
    values, errors, _ = np.array(found).T
    assert np.isfinite(values).all()
    truth = 2 * ((norm.ppf(0.8) + 0.5) / 0.12) ** 2
    spread = values.std(ddof=1)
    assert abs(values.mean() - truth) < 4 * spread / sqrt(150)
    assert 0.85 < errors.mean() / spread < 1.15
    unpaired = np.sqrt(0.25) * spread
    assert errors.mean() > 1.3 * unpaired


def test_nothing_is_extrapolated() -> None:
    at, events, reached = toy(np.random.default_rng(1))
    assert np.isnan(solved(at, events, reached, Goal(0.99, None, 0.05))[0])
    assert np.isfinite(solved(at, events, reached, POWER)[0])


def test_a_width_is_found_where_it_shrinks_with_events() -> None:
    at = np.array([100.0, 200.0, 400.0])
    events = np.repeat(at[:, None], 40, axis=1) / 2
    place, found = solved(at, events, 4 / np.sqrt(events), Goal(None, 0.4, 0.05))
    assert (place, found) == pytest.approx((200.0, 100.0), rel=1e-9)


def test_brackets_and_misfits() -> None:
    at = np.array([10.0, 20.0, 40.0])
    assert bracket(at, np.array([0.1, 0.7, 0.9]), POWER) == (20.0, 40.0)
    assert bracket(at, np.array([0.9, 0.95, 0.99]), POWER) == (10.0, 10.0)
    assert bracket(at, np.array([0.1, 0.2, 0.3]), POWER) is None
    assert bracket(at, np.array([2.0, 1.0, 0.5]), Goal(None, 0.7, 0.05)) == (20.0, 40.0)
    x, events, reached = toy(np.random.default_rng(2), 4000)
    assert misfit(x, events, reached, POWER) < 4
    reached[1] = 0.0
    reached[1, :400] = 1.0
    assert misfit(x, events, reached, POWER) > 4


STUDY = """
name: trial
source: made for a test
arms: {control: C, treated: T}
population: {size: 200, covariates: {stage: {kind: binary, shares: {early: 0.5, late: 0.5}}}}
treatment: {kind: fixed, share: 0.5, log_odds: {stage: 0.0}}
outcomes:
  progression: {baseline: {kind: exponential, rate: 0.0}}
  death: {baseline: {kind: exponential, rate: 0.05}, treatment: {log_hr: EFFECT}}
  death_after_progression: {baseline: {kind: exponential, rate: 0.05}}
entry: {accrual: {start: "2020-01-01", end: "2021-01-01"}}
followup: {cut_off: "2023-01-01"}
estimators: [crude]
"""


def trial(tmp_path: Path, effect: float, truth_patients: int = 200_000) -> str:
    study = tmp_path / "trial.yaml"
    study.write_text(f"{STUDY.replace('EFFECT', str(effect))}run: {{truth_patients: {truth_patients}}}\n")
    return str(study)


def dead(ratio: float, treated: float = 0.5, rate: float = 0.05) -> float:
    """The share who die: exponential times, entry over 12.02 months, 36.01 months from the first entry to the end."""
    followed = np.linspace(36.01 - 12.02, 36.01, 2001)
    return float(sum(w * (1 - np.exp(-h * followed)).mean() for w, h in ((1 - treated, rate), (treated, rate * ratio))))


def test_a_randomised_trial_obeys_the_formula(tmp_path: Path) -> None:
    words = ["power", trial(tmp_path, log(0.6), 2_000_000), "--estimator", "crude", "--reps", "800", "--most", "800"]
    found = answered(
        [*words, "--out", str(tmp_path / "run"), "--figure", str(tmp_path / "p.svg")], tmp_path / "page.html"
    )
    events, formula = found["stated"]["events"], events_needed(exp(log(0.6)), 0.8)
    assert found["schoenfeld_events"] == pytest.approx(formula, rel=0.02)
    assert found["schoenfeld_at"] == pytest.approx(formula / dead(0.6), rel=0.03)
    assert abs(found["stated"]["at"]["value"] - formula / dead(0.6)) < 4 * found["stated"]["at"]["mcse"]
    assert found["true_hr"] == pytest.approx(0.6, rel=4 * found["true_mcse"])
    assert found["treated"] == pytest.approx(0.5, abs=0.02)
    assert abs(found["false_favour"]["value"] - 0.025) < 4 * found["false_favour"]["mcse"]
    assert found["population"] == "patients who start the treatment, followed as in the study"
    assert abs(events["value"] - formula) < 4 * events["mcse"]
    assert abs(events["value"] - events_needed(0.7, 0.8)) > 4 * events["mcse"]
    assert found["randomised"]["events"] == events
    assert abs(found["false_positive"]["value"] - 0.05) < 4 * found["false_positive"]["mcse"]
    assert found["analysed"] == 1.0
    assert "<svg" in (tmp_path / "p.svg").read_text()
    told = printed([*words, "--out", str(tmp_path / "run")])
    assert "no adjustment reaches a power of 80\u00a0% for overall survival" in told.replace("\n", " ")


def test_patients_by_the_formula_where_few_are_treated_and_half_are_left_out(tmp_path: Path) -> None:
    """A quarter is treated, by a matched analysis that so keeps half of the patients."""
    study = trial(tmp_path, log(0.4)).replace("trial.yaml", "few.yaml")
    text = (tmp_path / "trial.yaml").read_text()
    Path(study).write_text(text.replace("share: 0.5, log", "share: 0.25, log").replace("[crude]", "[matched]"))
    found = answered(
        ["power", study, "--reps", "150", "--least", "60", "--most", "600", "--out", str(tmp_path / "run")]
    )
    formula = (norm.ppf(0.975) + norm.ppf(0.8)) ** 2 / (0.25 * 0.75 * log(0.4) ** 2)
    assert found["schoenfeld_events"] == pytest.approx(formula, rel=0.05)
    assert found["schoenfeld_at"] == pytest.approx(formula / dead(0.4, 0.25), rel=0.05)
    assert found["treated"] == pytest.approx(0.25, abs=0.015)
    assert found["analysed"] == pytest.approx(0.5, abs=0.02)


def in_rows(monkeypatch: pytest.MonkeyPatch, value: np.ndarray, p: np.ndarray, status: np.ndarray) -> SearchPlan:
    """A plan whose study finds these numbers, whatever is simulated."""
    numbers = {"value": value, "p": p, "events": np.full(4, 50.0), "n": np.full(4, 100.0)}
    held = type("Held", (), {"of": staticmethod(lambda *_: (numbers, status))})()
    monkeypatch.setattr("benchmarks.questions.power.designed", lambda *_: None)
    monkeypatch.setattr("benchmarks.questions.power.rows_only", lambda *_: (held, Path()))
    return SearchPlan(None, lambda at: {"size": at}, {}, "crude", "OS", -1.0, POWER, 1, None)  # type: ignore[arg-type]


def test_a_rejection_on_the_other_side_is_no_power(monkeypatch: pytest.MonkeyPatch) -> None:
    value, p = np.array([-2.0, 2.0, -2.0, -2.0]), np.array([0.01, 0.01, 0.2, 0.01])
    plan = in_rows(monkeypatch, value, p, np.array([Status.OK, Status.OK, Status.OK, Status.MONOTONE]))
    _, reached, _ = plan.run("x", [1.0])
    assert reached.tolist() == [[1.0, 0.0, 0.0, 0.0]]
    _, reached, _ = replace(plan, sign=1.0).run("x", [1.0])
    assert reached.tolist() == [[0.0, 1.0, 0.0, 0.0]]


def test_a_world_whose_bias_outdoes_its_effect_has_no_power(tmp_path: Path) -> None:
    """The sick are treated: the crude HR is far above 1 where the true one is 0.8, and nearly all trials say harm."""
    study = trial(tmp_path, log(0.8))
    text = (tmp_path / "trial.yaml").read_text().replace("kind: fixed, share: 0.5, log_odds: {stage: 0.0}",
        "kind: prevalence, share: 0.5, log_odds: {stage: 3.0}")  # fmt: skip
    text = text.replace("rate: 0.05}, treatment", "rate: 0.05}, log_hr: {stage: 2.0}, treatment")
    (tmp_path / "trial.yaml").write_text(text)
    words = ["power", study, "--estimator", "crude", "--reps", "60", "--most", "800", "--out", str(tmp_path / "run")]
    told = refused(words)
    assert "0.000 (0.000) at 800" in told


def test_rank_tests_have_a_power_and_no_width(tmp_path: Path) -> None:
    """The log-rank test and the Cox model reject in the same trials but for a few; MaxCombo pays for its width.

    At power 0.8 that of each has the variance 0.16 / n; of trials that they share at most 1 in 25 is decided otherwise
    by the other, so that the difference of the two has at most 0.04 / n: half of the Monte Carlo SE of one.
    """
    study = trial(tmp_path, log(0.6)).replace("trial.yaml", "tests.yaml")
    text = (
        (tmp_path / "trial.yaml").read_text().replace("estimators: [crude]", "estimators: [crude, logrank, maxcombo]")
    )
    Path(study).write_text(text)
    words = ["power", study, "--reps", "120", "--least", "80", "--most", "600"]
    found = answered([*words, "--estimator", "crude,logrank,maxcombo", "--out", str(tmp_path / "each")])
    assert found["true_hr"] == pytest.approx(0.6, rel=4 * found["true_mcse"])
    assert abs(found["false_positive"]["value"] - 0.05) < 4 * found["false_positive"]["mcse"]
    assert [one["estimator"] for one in found["each"]] == ["crude", "logrank", "maxcombo"]
    assert found["each"][0]["needed"] == found["stated"]
    alone = answered([*words, "--estimator", "maxcombo", "--out", str(tmp_path / "alone")])
    assert found["each"][2] == alone["each"][0]  # asked with others, or alone
    assert abs(alone["false_positive"]["value"] - 0.05) < 4 * alone["false_positive"]["mcse"]
    events = {one["estimator"]: one["needed"]["events"] for one in found["each"]}
    assert "MaxCombo test " in found["verdict"].partition("needs the fewest patients")[2]
    chance = 4 * max(events["logrank"]["mcse"], events["crude"]["mcse"]) / 2
    assert abs(events["logrank"]["value"] - events["crude"]["value"]) < chance
    assert chance < 0.2 * events["crude"]["value"]  # a trial with another effect would be noticed
    assert events["crude"]["value"] < events["maxcombo"]["value"] < 1.4 * events["crude"]["value"]
    assert "'logrank' is a test" in refused(["power", study, "--estimator", "logrank", "--width", "0.5"])


def test_follow_up_and_width_are_searched_too(tmp_path: Path) -> None:
    words = ["power", trial(tmp_path, log(0.5)), "--estimator", "crude", "--reps", "200", "--search", "follow-up"]
    months = answered([*words, "--most", "60", "--out", str(tmp_path / "a")])
    assert 1 < months["stated"]["at"]["value"] < 60
    words = ["power", trial(tmp_path, 0.0), "--estimator", "crude", "--reps", "200", "--width", "0.6", "--most", "800"]
    events = answered([*words, "--out", str(tmp_path / "b")])["stated"]["events"]
    assert abs(events["value"] / events_for_width(0.6) - 1) < 0.02 + 4 * events["mcse"] / events["value"]
    assert abs(events["value"] / events_for_width(0.5) - 1) > 0.02 + 4 * events["mcse"] / events["value"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--target", "0.8", "--width", "0.5"], "not for both"),
        (["--target", "0.04"], "must lie between alpha, 0.05, and 1"),
        (["--least", "500", "--most", "200"], "must lie below"),
        (["--estimator", "none-such"], "no estimator 'none-such'"),
        (["--estimator", "crude,none-such"], "no estimator 'none-such'"),
        (["--estimator", "crude, crude"], "names one twice"),
        (["--most", "60"], "is not reached between size 40 and 60"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words: list[str], message: str, tmp_path: Path) -> None:
    options = words if "--estimator" in words else [*words, "--estimator", "crude"]
    told = refused(["power", trial(tmp_path, -0.2), *options, "--reps", "40", "--out", str(tmp_path / "run")])
    assert message in told


def test_a_null_effect_has_no_power(tmp_path: Path) -> None:
    told = refused(["power", trial(tmp_path, 0.0), "--estimator", "crude"])
    assert "the true OS HR is 1.000; there is no effect to find" in told


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        (
            (0.775, 1.0),
            "power 0.8 is reached between size 40 and 6400, but these simulated studies do not tell at which",
        ),
        ((0.1, 0.5), "power 0.8 is not reached between size 40 and 6400: it is 0.100"),
        ((0.9, 1.0), "power 0.8 is not reached between size 40 and 6400: it is 0.900"),
    ],
)
def test_without_an_answer_it_is_said_whether_the_goal_lies_between_the_ends(
    ends: tuple[float, float], said: str
) -> None:
    hits = np.array([np.repeat([1.0, 0.0], [round(200 * end), 200 - round(200 * end)]) for end in ends])
    plan: Any = SimpleNamespace(goal=POWER, run=lambda *_: (None, hits, None))
    assert _beyond(plan, "size", 40.0, 6400.0).startswith(said)


def test_all_estimators_are_asked_about_and_whoever_has_no_power_says_why(tmp_path: Path) -> None:
    """A difference of restricted means has no hazard ratio; the others have a curve and rows in tables."""
    study = trial(tmp_path, log(0.45))
    rmst = "{kind: rmst, horizon: 12, endpoints: [OS]}"
    text = Path(study).read_text().replace("[crude]", f"[crude, adjusted, {rmst}]")
    Path(study).write_text(text)
    words = ["power", study, "--estimator", "all", "--reps", "60", "--least", "40", "--most", "500"]
    out = ["--out", str(tmp_path / "run"), "--figure", str(tmp_path / "p.svg"), "--tables", str(tmp_path / "tables")]
    found = answered([*words, *out])
    made = {one["estimator"]: one for one in found["each"]}
    assert len(made) == 3
    (without,) = [one for one in made.values() if one["needed"] is None]
    assert "power is looked for with a hazard ratio or a test" in without["why"]
    for name in ("crude", "adjusted"):
        needed = made[name]["needed"]
        assert 40 < needed["at"]["value"] < 500
        assert needed["at"]["mcse"] > 0
        assert len(needed["coarse"]) == 7
    drawing = (tmp_path / "p.svg").read_text()
    assert "Cox model with all covariates" in drawing
    assert "no adjustment, simulated" in drawing
    told = printed([*words, "--out", str(tmp_path / "run")])
    assert "Cox model with all covariates, as stated" in " ".join(told.split())
    assert f"{without['why']}." in " ".join(told.split())
