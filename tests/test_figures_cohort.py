"""Figures of one cohort: counts that are drawn are those of the data."""

import numpy as np
from matplotlib.patches import FancyBboxPatch

from analysis.figures.balance import overlap
from analysis.figures.cohort import butterfly, flow
from analysis.figures.style import svg

ODD = "a $\\frac{$ <b>"


def test_an_overlap_counts_every_patient_once() -> None:
    rng = np.random.Generator(np.random.Philox(5))
    score, treated = rng.random(300), rng.random(300) < 0.4
    score[:3] = np.nan
    matched = rng.random(300) < 0.5
    figure = overlap(score, treated, matched, ("C", ODD))
    for axes, inside in zip(figure.axes, (np.isfinite(score), np.isfinite(score) & matched), strict=True):
        heights = [bar.get_height() for bar in axes.patches]
        assert sum(height for height in heights if height > 0) == (inside & treated).sum()
        assert -sum(height for height in heights if height < 0) == (inside & ~treated).sum()
    assert "<svg" in svg(figure)


def test_nobody_with_a_score_is_an_empty_picture() -> None:
    figure = overlap(np.full(4, np.nan), np.array([True, False] * 2), np.zeros(4, np.bool_), ("C", "T"))
    assert "<svg" in svg(figure)


def test_a_flow_has_a_box_per_step_and_arm() -> None:
    figure = flow([("12 patients", "", ""), ("matched", ODD, "T: 5")], "title")
    boxes = [patch for patch in figure.axes[0].patches if isinstance(patch, FancyBboxPatch)]
    assert len(boxes) == 3
    said = [text.get_text() for text in figure.axes[0].texts if text.get_text()]
    assert said == ["12 patients", f"matched\n{ODD}", "matched\nT: 5"]
    assert "<svg" in svg(figure)


def test_a_butterfly_has_both_arms_on_one_row() -> None:
    figure = butterfly([("ORR", 20.0, 45.5, "p = 0.01"), (ODD, 0.0, 100.0, "p <0.001")], ("C", "T"), "%")
    left, right = figure.axes
    assert [bar.get_width() for bar in left.patches] == [20.0, 0.0]
    assert [bar.get_width() for bar in right.patches] == [45.5, 100.0]
    assert left.get_xlim()[0] > left.get_xlim()[1]
    assert [text.get_text() for text in right.texts] == ["45.5", "100.0", "p = 0.01", "p <0.001"]
    assert "<svg" in svg(figure)
