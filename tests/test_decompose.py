"""Decomposition: Shapley weights by hand, sums, errors, and worlds in which it is known who moves what."""

from math import exp, expm1, sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq

from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import load_study
from benchmarks.performance.measures import Measure
from benchmarks.questions.decompose import (
    estimate_step,
    off,
    present,
    shapley,
    subsets,
    taken_apart,
    truth_step,
)
from benchmarks.words.sizes import percent_text
from simulator.mechanisms.contract import kinds_of
from simulator.world.sections import World
from tests.commands import answered, printed, refused

NAMES = [("a", "A"), ("b", "B"), ("c", "C")]


def test_weights_of_two_by_hand() -> None:
    """Half the step alone and half the step after the other."""
    assert subsets(2) == [(), (0,), (1,), (0, 1)]
    assert np.allclose(shapley(2), [[-0.5, 0.5, -0.5, 0.5], [-0.5, -0.5, 0.5, 0.5]])


def test_three_players_by_hand() -> None:
    """The glove game: a left glove, two right ones; a pair is worth 1: 2/3, 1/6, 1/6."""
    worth = np.array([float(0 in one and len(one) > 1) for one in subsets(3)])
    assert np.allclose(shapley(3) @ worth, [2 / 3, 1 / 6, 1 / 6], rtol=1e-14)


def test_contributions_sum_to_the_whole_and_who_does_nothing_gets_nothing() -> None:
    rng = np.random.default_rng(2)
    for count in (1, 2, 4, 6):
        values = rng.normal(size=2**count)
        assert np.isclose((shapley(count) @ values).sum(), values[-1] - values[0], rtol=1e-12)
    idle = np.array([float(len(set(one) - {2})) ** 2 for one in subsets(4)])
    assert np.isclose((shapley(4) @ idle)[2], 0.0, atol=1e-14)


def test_errors_are_those_of_the_paired_combination() -> None:
    rng = np.random.default_rng(3)
    shared = rng.normal(size=400)
    estimates = np.stack([shared, shared + 0.5 + 0.01 * rng.normal(size=400)])
    step = np.array([-1.0, 1.0])
    estimate, truth = estimate_step(step, estimates), truth_step(step, np.array([0.0, 0.2]), np.array([0.003, 0.004]))
    assert estimate.mcse == pytest.approx((estimates[1] - estimates[0]).std(ddof=1) / 20, rel=1e-12)
    assert estimate.mcse < 0.1 * shared.std() / 20
    assert (truth.value, truth.mcse) == pytest.approx((0.2, 0.005))
    away = off(Measure(0.3, 0.012), Measure(0.5, 0.005))
    assert (away.value, away.mcse) == pytest.approx((-0.2, 0.013))


def test_a_truth_that_does_not_move_has_no_error_of_moving() -> None:
    step, alike = np.array([-0.5, 0.5, -0.5, 0.5]), np.full(4, 0.004)
    assert truth_step(step, np.full(4, -0.3), alike) == Measure(0.0, 0.0)
    moved = truth_step(step, np.array([-0.3, -0.2, -0.3, -0.2]), alike)
    assert (moved.value, moved.mcse) == pytest.approx((0.1, sqrt(2) * 0.004))


def test_parts_add_up_and_a_changed_cell_is_noticed() -> None:
    rng = np.random.default_rng(4)
    estimates, truths, none = rng.normal(size=(8, 50)), rng.normal(size=8), np.zeros(8)
    parts, dirty, clean = taken_apart(NAMES, estimates, truths, none)
    for place, name in enumerate(("estimate", "target")):
        total = sum(getattr(part, name).value for part in parts)
        assert total == pytest.approx(dirty[place].value - clean[place].value, rel=1e-12)
    assert (dirty[0].value, clean[0].value) == pytest.approx((estimates[7].mean(), estimates[0].mean()))
    assert (dirty[1].value, clean[1].value) == (truths[7], truths[0])
    assert parts[1].off_alone.value == pytest.approx((estimates[7] - estimates[subsets(3).index((0, 2))]).mean())
    assert parts[1].on_alone.value == pytest.approx((estimates[subsets(3).index((1,))] - estimates[0]).mean())
    estimates[3] += 0.1
    other, *_ = taken_apart(NAMES, estimates, truths, none)
    assert all(abs(one.estimate.value - two.estimate.value) > 0.01 for one, two in zip(parts, other, strict=True))
    assert [one.target for one in parts] == [one.target for one in other]


def test_only_what_is_on_is_offered() -> None:
    scenario = load_study("hcc-lung-metastasis").scenario
    assert [one.name for one in present(scenario)] == ["confounding", "requires", "potential", "drop-out"]
    confounder = load_study("hidden-confounder").scenario
    assert {one.name: one.off for one in present(confounder, ["hidden"])} == {
        "hidden": {"treatment.log_odds.fitness": 0.0}
    }
    names = [name for kind in set(kinds_of(World)) for name, _ in kind.misleads.values()]
    assert sorted(names) == sorted({*names}) != []
    many = load_study(
        "hcc-lung-metastasis",
        ("centres={covariate: lung, sd: {death: 0.2}}", "calendar={per_year: {death: 0.1}}",
         "followup.visit_months={LP: 2.0, HLP: 2.0}"),
    ).scenario  # fmt: skip
    with pytest.raises(RunError, match=r"7 mechanisms are on .* name at most 6"):
        present(many)
    assert len(present(many, ["centres", "visits"])) == 2


STUDY = """
name: small
extends: imbrave150
population:
  size: 300
  hidden: {strength: {kind: binary, shares: {low: 0.5, high: 0.5}}}
treatment: {log_odds: {strength: 1.5}}
outcomes:
  treatment_effect: none
  death: {log_hr: {strength: -1.2}}
  progression: {log_hr: {strength: -1.2}}
  death_after_progression: {log_hr: {strength: -1.2}}
estimators: [crude, matched]
"""


def test_a_hidden_confounder_makes_all_of_the_bias_of_a_null(tmp_path: Path) -> None:
    """The truth is exactly 0 in every cell; the hidden confounder alone moves the estimate."""
    study, picture = tmp_path / "small.yaml", tmp_path / "w.svg"
    study.write_text(STUDY)
    words = ["decompose", str(study), "--reps", "60", "--estimator", "crude"]
    found = answered([*words, "--out", str(tmp_path / "a"), "--figure", str(picture)], tmp_path / "page.html")
    parts = {part["name"]: part for part in found["parts"]}
    assert found["truth"] == {"value": 0.0, "mcse": 0.0} == found["clean_truth"]
    assert found["bias"] == found["estimate"]
    hidden = parts.pop("hidden")["estimate"]
    assert hidden["value"] < -10 * hidden["mcse"]
    assert all(abs(part["estimate"]["value"]) < 4 * max(part["estimate"]["mcse"], 0.005) for part in parts.values())
    assert abs(found["residual"]["value"]) < 4 * found["residual"]["mcse"]
    total = hidden["value"] + sum(part["estimate"]["value"] for part in parts.values())
    assert total == pytest.approx(found["estimate"]["value"] - found["clean_estimate"]["value"], abs=1e-12)
    assert "<svg" in picture.read_text()
    told = printed([*words, "--out", str(tmp_path / "a")]).replace("\n", " ")
    told, size = " ".join(told.split(" ")), abs(100 * expm1(hidden["value"]))
    assert (
        f"strongest cause, confounding by hidden covariates, moves it {percent_text(size, 100 * hidden['mcse'])} down."
        in told
    )
    assert "In patients who start the treatment, followed as in the study, no adjustment finds the hazard ratio" in told


TWO_MOVERS = """
name: two-movers
source: made for a test
arms: {control: C, treated: T}
population: {size: 1500, covariates: {stage: {kind: binary, shares: {early: 0.5, late: 0.5}}}}
treatment: {kind: prevalence, share: 0.5, log_odds: {stage: 1.5}}
outcomes:
  progression: {baseline: {kind: exponential, rate: 0.0}}
  death: {baseline: {kind: exponential, rate: 0.03}, treatment: {log_hr: -0.8, modifiers: {stage: 0.8}}}
  death_after_progression: {baseline: {kind: exponential, rate: 0.05}}
entry: {accrual: {start: "2020-01-01", end: "2020-01-01"}, guarantee_months: {T: 3.0, C: 0.0}}
followup: {cut_off: "2022-01-01"}
analysis: {propensity: {method: all}}
estimators: [{kind: ipw, name: ate, target: ate}, logrank]
run: {truth_patients: 100000}
"""


def marginal_log_hr(late: float, months: float = 24.0) -> float:
    """The log HR of a Cox model in a large randomised world of `TWO_MOVERS` with a share of late stages."""
    time = np.linspace(0.0, months, 4001)
    share, rate = np.array([1 - late, late]), 0.03 * np.exp(np.array([[0.0, 0.0], [-0.8, 0.0]]))
    alive = [(share[:, None] * np.exp(-own[:, None] * time)).sum(axis=0) for own in rate]
    deaths = [((share * own)[:, None] * np.exp(-own[:, None] * time)).sum(axis=0) for own in rate]

    def score(beta: float) -> float:
        expected = np.exp(beta) * alive[1] / (np.exp(beta) * alive[1] + alive[0])
        return float(np.trapezoid(deaths[1] - (deaths[0] + deaths[1]) * expected, time))

    return float(brentq(score, -3, 3))


def test_one_mechanism_moves_the_target_alone_and_another_the_estimate_alone(tmp_path: Path) -> None:
    """Weighting to everybody is as right with confounding as without, but confounding chooses who is treated; the
    three months that the treated must survive change nobody's effect, and flatter them.
    """
    study = tmp_path / "movers.yaml"
    study.write_text(TWO_MOVERS)
    words = ["decompose", str(study), "--reps", "60", "--estimator", "ate", "--out", str(tmp_path / "run")]
    found = answered(words)
    parts = {part["name"]: part for part in found["parts"]}
    confounding, guarantee = parts["confounding"], parts["guarantee"]
    late = brentq(lambda a: 1 / (1 + np.exp(-a)) + 1 / (1 + np.exp(-a - 1.5)) - 1, -9, 9)
    late = 1 / (1 + np.exp(-late - 1.5))  # the share of late stages among the treated
    right = marginal_log_hr(late), marginal_log_hr(0.5)
    for name, value in zip(("truth", "clean_truth"), right, strict=True):
        assert abs(found[name]["value"] - value) < 4 * found[name]["mcse"]
        assert found[name]["mcse"] < 0.012
    assert abs(confounding["target"]["value"] - (right[0] - right[1])) < 4 * confounding["target"]["mcse"]
    assert confounding["target"]["value"] > 8 * confounding["target"]["mcse"]
    assert abs(confounding["estimate"]["value"]) < 4 * confounding["estimate"]["mcse"]
    assert guarantee["target"] == {"value": 0.0, "mcse": 0.0}
    assert guarantee["estimate"]["value"] < -20 * guarantee["estimate"]["mcse"]
    moved = {name: sum(part[name]["value"] for part in found["parts"]) for name in ("estimate", "target")}
    assert moved["estimate"] == pytest.approx(found["estimate"]["value"] - found["clean_estimate"]["value"], abs=1e-12)
    assert moved["estimate"] == pytest.approx(found["bias"]["value"] - found["residual"]["value"], abs=1e-12)
    assert moved["target"] == pytest.approx(found["truth"]["value"] - found["clean_truth"]["value"], abs=1e-12)
    assert abs(found["clean_bias"]["value"]) < 4 * found["clean_bias"]["mcse"]
    assert abs(found["residual"]["value"]) > 6 * found["residual"]["mcse"]  # of a target that has moved
    told = " ".join(printed(words).split())
    clean, full = (exp(found[name]["value"]) for name in ("clean_truth", "truth"))
    assert f"There the truth itself is {clean:.2f} rather than {full:.2f}" in told
    row = next(line for line in printed(words).splitlines() if line.startswith("- guarantee time"))
    assert row.split()[3] == f"{-guarantee['estimate']['value']:+.3f}"
    assert row.split()[-2] == "+0.000"


def test_who_answers_another_question_and_what_is_taken_apart_are_told_in_words(tmp_path: Path) -> None:
    study = tmp_path / "movers.yaml"
    asked = "estimators: [adjusted, {kind: rmst, horizon: 12}]"
    study.write_text(TWO_MOVERS.replace("estimators: [{kind: ipw, name: ate, target: ate}, logrank]", asked))
    small = ["-S", "population.size=300", "-S", "run.truth_patients=5000", "-S", "analysis.cox={covariates: [stage]}"]
    words = ["decompose", str(study), "--reps", "10", *small, "--out"]
    told = " ".join(printed([*words, str(tmp_path / "a"), "--estimator", "adjusted"]).split())
    assert "Cox model with all covariates answers another question (for patients alike in all covariates)" in told
    assert "The other cause moves it " in told
    told = " ".join(printed([*words, str(tmp_path / "b"), "--estimator", "rmst"]).split())
    assert "restricted mean survival to 12 finds the RMST difference for overall survival" in told
    assert "another question" not in told
    assert "_difference" not in told


def test_a_test_has_no_size_to_take_apart(tmp_path: Path) -> None:
    study = tmp_path / "movers.yaml"
    study.write_text(TWO_MOVERS)
    told = refused(["decompose", str(study), "--reps", "2", "--estimator", "logrank", "--out", str(tmp_path / "run")])
    assert "'logrank' is a test" in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["hcc-lung-metastasis", "--mechanism", "magic"], "not among those that are on"),
        (["hcc-lung-metastasis", "--estimator", "none-such"], "no estimator 'none-such'"),
        (["imbrave150", "--mechanism", "hidden"], "not among those that are on"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words: list[str], message: str) -> None:
    assert message in refused(["decompose", *words, "--reps", "2"])
