"""Claims: rates by hand, and false risk factors at their nominal rate where nothing selects."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.questions.claims import Counted, shown, summed
from tests.commands import answered, refused
from tests.worlds import scenario

WORLD = """
name: small
extends: imbrave150
population: {size: 300}
analysis: {cox: {screening_p: SCREEN}, matching: {caliper: null}}
"""


def counted() -> Counted:
    """Four studies: the last had nobody to compare."""
    return Counted(
        screened=np.ones((4, 3), np.bool_),
        independent=np.array([[1, 0, 1], [1, 1, 0], [0, 0, 0], [0, 0, 0]], np.bool_),
        subgroups=np.array([[-1, -1, -1], [-1, np.nan, -1], [-1, 1, 1], [np.nan, np.nan, np.nan]]),
        least_p=np.array([0.2, 0.04, 0.06, np.nan]),
        measured=np.array([0.05, 0.3, 0.2, -np.inf]),
        hidden=np.full(4, np.nan),
        compared=np.array([True, True, True, False]),
    )


def test_rates_by_hand() -> None:
    found = summed([counted()], ("age", "stage", "treatment"), "OS", 0.05, 0.1)
    assert [found.factors[name][0].value for name in ("age", "stage", "treatment")] == [0.5, 0.25, 0.25]
    assert found.any_factor[0].value == 0.5
    assert found.mean_factors[0].value == 0.75
    assert found.benefit_share[0].value == pytest.approx((1 + 1 + 1 / 3) / 3)
    assert found.nearly_all[0].value == 0.5
    assert found.every[0].value == 0.5
    assert found.balanced[0].value == 0.5
    assert found.unbalanced_measured[0].value == 0.5
    assert np.isnan(found.unbalanced_hidden[0].value)
    assert found.any_factor[0].mcse == pytest.approx(np.sqrt(0.25 / 3))
    assert (found.terms, found.subgroups, found.replicates) == (2, 3, 4)
    three = summed([counted()] * 3, ("age", "stage", "treatment"), "OS", 0.05, 0.1)
    for primary, words in (("matching", "after matching"), ("unadjusted", "in all patients")):
        asked: Any = SimpleNamespace(scenario=scenario(analysis={"primary": primary}))
        said = shown(three, None, asked).text()
        assert "at p < 0.1" in said
        assert f"0.05 {words}," in " ".join(said.split())


def rates(tmp_path: Path, screen: str, alpha: str) -> dict[str, Any]:
    study = tmp_path / f"small-{screen}.yaml"
    study.write_text(WORLD.replace("SCREEN", screen))
    words = ["claims", str(study), "--reps", "300", "--alpha", alpha, "--figure", str(tmp_path / "c.svg")]
    words += ["--tables", str(tmp_path / "tables")]
    return answered(words, tmp_path / "page.html")


def test_a_false_factor_is_found_at_the_nominal_rate_without_screening(tmp_path: Path) -> None:
    found = rates(tmp_path, "null", "0.05")
    false = found["mean_factors"][2]
    count = found["terms"]
    assert abs(false["value"] - 0.05 * count) < 4 * false["mcse"]
    assert abs(false["value"] - 0.10 * count) > 4 * false["mcse"]
    assert found["any_factor"][0]["value"] > found["any_factor"][2]["value"]
    assert found["nearly_all"][0]["value"] > found["nearly_all"][1]["value"]
    assert found["factors"]["treatment"][0]["value"] > 3 * found["factors"]["treatment"][1]["value"]
    assert "<svg" in (tmp_path / "c.svg").read_text()
    assert len(list((tmp_path / "tables").iterdir())) == 8


def test_matching_with_weights_makes_other_claims(tmp_path: Path) -> None:
    study = tmp_path / "small.yaml"
    study.write_text(WORLD.replace("SCREEN", "null"))
    found = [
        answered(
            ["claims", str(study), "--reps", "60", "-S", f"analysis.matching.ratio={ratio}"], tmp_path / "page.html"
        )
        for ratio in (1, 2)
    ]
    pairs, weighted = ([one["factors"][name][0]["value"] for name in one["factors"]] for one in found)
    assert pairs != weighted
    assert 0 < weighted[-1] < 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--endpoint", "ORR"], "claims are about OS or PFS"),
        (["--estimator", "matched"], "leave --estimator and --out out"),
        (
            ["-S", "imperfections.missing.afp.share=0.2", "-S", "analysis.missing.method=imputation", "--reps", "2"],
            "tables are of one data set",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(options: list[str], message: str) -> None:
    assert message in refused(["claims", "hcc-lung-metastasis", *options])
