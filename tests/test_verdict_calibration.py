"""The words of a review against known truths: seldom the strongest ones where there is no effect."""

from pathlib import Path

import pytest

from benchmarks.asked.load_study import load_study
from tests.measured import Measured
from tests.verdict_calibration import papers_of, tabled

WORLDS = ("hcc-lung-metastasis", "imbrave150", "yamada-pbinder-iptw", "ahmadi-ltot-copd")
REPLICATES = 200
MOST_WRONG = 0.05


def test_a_paper_without_an_effect_seldom_gets_the_strongest_words(tmp_path: Path) -> None:
    asked = load_study("imbrave150", (), 60)
    found = tabled(papers_of(asked, 40, 1, tmp_path / "papers"))
    assert sum(found["no effect"].values()) == 20
    assert found["no effect"]["hardly"] <= 4  # 1 is expected at 5 %; 5 or more have a chance of 0.003
    assert found["an effect"]["hardly"] >= 3  # and they are given at all


@pytest.mark.slow
def test_the_words_are_calibrated_on_400_papers(tmp_path: Path, measured: Measured) -> None:
    papers, planted = [], []
    for k, name in enumerate(WORLDS):
        asked = load_study(name, (), REPLICATES)
        papers += papers_of(asked, 100, 100 + k, tmp_path / name)
        planted += papers_of(asked, 100, 100 + k, tmp_path / f"{name}-small", small=True)
    found, wrong = tabled(papers), tabled(planted)
    null, real = (sum(found[side].values()) for side in ("no effect", "an effect"))
    assert null >= 190
    assert real >= 190
    assert found["no effect"]["hardly"] <= MOST_WRONG * null
    assert wrong["no effect"]["hardly"] > found["no effect"]["hardly"] + 5  # usual sizes that are too small are noticed
    for side, counts in found.items():
        told = ", ".join(
            f"{word} {counts[word]}" for word in ("hardly", "not-alone", "could-be", "chance", "cannot-tell")
        )
        if side == "no effect":
            measured("verdicts on synthetic papers without an effect", told)
        else:
            measured("verdicts on synthetic papers with an effect", told)
