"""Decomposition: Shapley weights by hand, sums, errors, and a small study in which one mechanism does everything."""

from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from benchmarks.questions.decompose import MECHANISMS, combined, present, shapley, subsets, taken_apart
from benchmarks.store import RunError
from benchmarks.verbs import load_study
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
    estimate, truth, bias = combined(np.array([-1.0, 1.0]), estimates, np.array([0.0, 0.2]), np.array([0.003, 0.004]))
    assert estimate.mcse == pytest.approx((estimates[1] - estimates[0]).std(ddof=1) / 20, rel=1e-12)
    assert estimate.mcse < 0.1 * shared.std() / 20
    assert (truth.value, truth.mcse) == pytest.approx((0.2, 0.005))
    assert bias.value == pytest.approx(estimate.value - 0.2)
    assert bias.mcse == pytest.approx(sqrt(estimate.mcse**2 + 0.005**2))


def test_parts_add_up_and_a_changed_cell_is_noticed() -> None:
    rng = np.random.default_rng(4)
    estimates, truths, none = rng.normal(size=(8, 50)), rng.normal(size=8), np.zeros(8)
    parts, dirty, clean = taken_apart(NAMES, estimates, truths, none)
    for place, name in enumerate(("estimate", "truth", "bias")):
        total = sum(getattr(part, name).value for part in parts)
        assert total == pytest.approx(dirty[place].value - clean[place].value, rel=1e-12)
    assert parts[1].off_alone.value == pytest.approx((estimates[7] - estimates[subsets(3).index((0, 2))]).mean())
    assert parts[1].on_alone.value == pytest.approx((estimates[subsets(3).index((1,))] - estimates[0]).mean())
    estimates[3] += 0.1
    other, *_ = taken_apart(NAMES, estimates, truths, none)
    assert all(abs(one.bias.value - two.bias.value) > 0.01 for one, two in zip(parts, other, strict=True))


def test_only_what_is_on_is_offered() -> None:
    scenario = load_study("hcc-lung-metastasis").scenario
    assert [one.name for one, _ in present(scenario)] == ["confounding", "requires", "potential", "drop-out"]
    confounder = load_study("hidden-confounder").scenario
    assert {one.name: off for one, off in present(confounder, ["hidden"])} == {
        "hidden": {"treatment.log_odds.fitness": 0.0}
    }
    assert len({one.name for one in MECHANISMS}) == len(MECHANISMS)
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
    assert found["truth"] == {"value": 0.0, "mcse": 0.0}
    hidden = parts.pop("hidden")["bias"]
    assert hidden["value"] < -10 * hidden["mcse"]
    assert all(abs(part["bias"]["value"]) < 4 * max(part["bias"]["mcse"], 0.005) for part in parts.values())
    assert abs(found["residual"]["value"]) < 4 * found["residual"]["mcse"]
    total = hidden["value"] + sum(part["bias"]["value"] for part in parts.values())
    assert total == pytest.approx(found["bias"]["value"] - found["residual"]["value"], abs=1e-12)
    assert "<svg" in picture.read_text()
    told = printed([*words, "--out", str(tmp_path / "a")])
    assert "confounding by hidden covariates makes" in told.replace("\n", " ")


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
