"""The multiverse: what an axis may say, averages over choices by hand, and a small study from end to end."""

from pathlib import Path

import numpy as np
import pytest

from analysis.plan.analysis_plan import Plan
from benchmarks.asked.errors import RunError
from benchmarks.questions.multiverse import AXES, Specification, axes_of, level_effects, share, specifications
from tests.commands import answered, printed, refused

PLAN = Plan.model_validate(
    {"propensity": {"candidates": ("age", "stage"), "criterion": "bic"}, "matching": {"order": "random"}}
)


def test_axes_are_written_as_lists() -> None:
    assert axes_of(()) == AXES
    assert axes_of(("matching.caliper=[0.1, null]", "se=[pair, naive]")) == {
        "matching.caliper": (0.1, None),
        "se": ("pair", "naive"),
    }


@pytest.mark.parametrize("text", ["se", "se=naive", "se=[naive]", "se=[", "se="])
def test_an_axis_that_is_not_one_is_refused(text: str) -> None:
    with pytest.raises(RunError, match="write a choice and its values"):
        axes_of((text,))
    with pytest.raises(RunError, match="given twice"):
        axes_of(("se=[pair, naive]", "se=[pair, naive]"))


def test_every_combination_stands_on_the_studys_own_plan() -> None:
    axes = {"matching.caliper": (0.1, None), "propensity": ({"method": "all"}, {"criterion": "p", "alpha": 0.2})}
    own = [{"kind": "crude", "name": "crude"}]
    entries, made = specifications(axes, "PFS", PLAN, own, True)
    assert len(entries) == len(made) == 4 + 5 + 1
    assert entries[3] == {
        "kind": "matched",
        "name": "s0003",
        "endpoints": ["PFS"],
        "matching": {"order": "random", "caliper": None},
        "propensity": {"candidates": ["age", "stage"], "criterion": "p", "alpha": 0.2},
    }
    assert made[3].choices == {"matching.caliper": "none", "propensity": "p 0.2"}
    assert entries[0]["matching"] == {"order": "random", "caliper": 0.1}
    assert [one.name for one in made[4:]][:2] == ["default-of-matchit", "default-of-spss"]
    assert entries[-1] == own[0]
    with pytest.raises(RunError, match="2,500 combinations are more than the 2,000"):
        specifications({"a": tuple(range(50)), "b": tuple(range(50))}, "OS", PLAN)


def test_averages_over_choices_by_hand() -> None:
    """On axis a, 2 is 0.5 above 1 in both pairs of replicate 0, and in the one pair that replicate 1 has; 0.2 in 2."""
    axes = {"a": (1, 2), "b": ("x", "y")}
    made = [Specification(f"{a}{b}", {"a": str(a), "b": b}) for a in axes["a"] for b in axes["b"]]
    values = np.array([[0.0, 0.0, 0.1], [1.0, np.nan, 0.2], [0.5, 0.5, 0.3], [1.5, 0.7, 0.4]])
    reached = np.array([[True, False, False], [False, False, False], [True, True, True], [True, False, True]])
    first, second, third, fourth = level_effects(axes, made, values, reached)
    assert (first.axis, first.value, first.shift.value, first.shift.mcse) == ("a", "1", 0.0, 0.0)
    assert second.shift.value == pytest.approx((0.5 + 0.5 + 0.2) / 3)
    assert second.shift.mcse == pytest.approx(np.std([0.5, 0.5, 0.2], ddof=1) / np.sqrt(3))
    assert second.claims.value == pytest.approx((1 + 0.5 + 1) / 3)
    assert first.claims.value == pytest.approx(0.5 / 3)
    assert fourth.shift.value == pytest.approx(((1.0 + 1.0) / 2 + 0.2 + 0.1) / 3)
    assert third.value == "x"


def test_a_share_leaves_out_what_has_no_value() -> None:
    assert share(np.array([1.0, 0.0, np.nan])).value == 0.5
    assert np.isnan(share(np.array([np.nan, np.nan])).value)


def test_a_small_study_from_end_to_end(tmp_path: Path) -> None:
    """Under no effect the default specification alone reaches the claim in about alpha / 2, and any of many in more."""
    study = tmp_path / "small.yaml"
    study.write_text("name: small\nextends: imbrave150\npopulation: {size: 150}\nestimators: [crude, matched]\n")
    picture = tmp_path / "curve.svg"
    found = answered(
        ["multiverse", str(study), "--reps", "60", "--axis", "matching.caliper=[0.2, 0.05]", "--axis",
         "matching.order=[largest, random]", "--alpha", "0.2", "--out", str(tmp_path / "run"),
         "--figure", str(picture)],
        tmp_path / "page.html",
    )  # fmt: skip
    assert len(found["specifications"]) == 6
    own, mean, any_one = (found[name][1]["value"] for name in ("stated_share", "mean_share", "any_share"))
    assert abs(own - 0.1) < 4 * np.sqrt(0.1 * 0.9 / 60)
    assert any_one >= max(own, mean) > 0
    assert any_one < 0.5
    assert found["mean_share"][0]["value"] > mean + 0.1
    assert found["failed"][0]["value"] == 0
    assert "<svg" in picture.read_text()
    told = printed(["multiverse", str(study), "--reps", "60", "--out", str(tmp_path / "other")])
    assert "Defaults of SAS" in told


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--axis", "matching.calliper=[1, 2]"], "calliper"),
        (["--axis", "se=[pair, wrong]"], "se: Input should be"),
        (["--replicate", "9", "--reps", "5"], "there are 5, counted from 0"),
        (["--estimator", "none-such", "--reps", "5"], "no estimator 'none-such'"),
        (["--figure", "x.gif"], "end the figure's name in"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(options: list[str], message: str) -> None:
    assert message in refused(["multiverse", "imbrave150", *options])
