"""The figures show the numbers of the analysis, bear any label, and are the same text on every run."""

from dataclasses import replace
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest

from analysis.effects import Arms
from analysis.figures import balance, forest, survival
from analysis.figures.style import CONTROL, TREATED, svg
from analysis.figures.survival import Curve
from analysis.plan import Plan
from analysis.workflow import CohortAnalysis, analyse
from simulator.cohort import Endpoint, Observed
from simulator.terms import Variable

NASTY = "<b>$\\frac{$ & \"'% \\x 中"


def made(n: int = 80, label: str = "Group") -> CohortAnalysis:
    draw = np.random.default_rng(4)
    variables = (
        Variable("x", "continuous", cuts=(0.0,), label=label),
        Variable("g", "nominal", ("a", "b", "c"), label=label),
    )
    values = np.stack([draw.normal(size=n), draw.integers(0, 3, n).astype(float)], axis=-1)[None]
    course = Endpoint(draw.exponential(10, (1, n)), draw.random((1, n)) < 0.7)
    ones = np.ones((1, n), dtype=np.bool_)
    observed = Observed(variables, values, draw.random((1, n)) < 0.5, ones, {"OS": course}, {})
    return analyse(observed, [str(i) for i in range(n)], Plan(), ("Old", label or "New"), {"OS": label or "OS"})


@pytest.fixture(scope="module")
def analysis() -> CohortAnalysis:
    return made()


def words(text: str) -> str:
    return " ".join("".join(ElementTree.fromstring(text).itertext()).split())


def test_every_figure_is_whole_svg_and_the_same_on_every_run(analysis: CohortAnalysis) -> None:
    def draw() -> list[str]:
        return [
            svg(survival.kaplan_meier_of(analysis, "OS", "before", "months")),
            svg(survival.kaplan_meier_of(analysis, "OS", "after")),
            svg(balance.love_of(analysis)),
            svg(forest.forest_of(analysis, "OS")),
        ]

    first = draw()
    assert first == draw()
    assert "Time (months)" in words(first[0])
    assert "Number at risk" in words(first[1])
    assert "Absolute standardised mean difference" in words(first[2])
    assert "All patients" in words(first[3])


def test_any_label_may_be_shown() -> None:
    nasty = made(label=NASTY)
    for figure in (
        survival.kaplan_meier_of(nasty, "OS", "after", NASTY),
        balance.love_of(nasty),
        forest.forest_of(nasty, "OS"),
    ):
        assert r"$\frac{$" in words(svg(figure))


def test_numbers_at_risk_count_those_still_followed() -> None:
    time = np.array([1.0, 2.0, 2.0, 5.0, 10.0])
    curve = Curve("A", time, np.array([True, False, True, True, False]), TREATED)
    figure = survival.kaplan_meier([curve], title="T", note="n", time_unit="time")
    shown = {text.get_position()[0]: text.get_text() for text in figure.axes[1].texts}
    assert shown
    assert all(int(number) == (time >= tick).sum() for tick, number in shown.items())
    assert shown[0.0] == "5"


def test_the_curve_drops_at_the_events_to_the_product_limit() -> None:
    time = np.array([1.0, 2.0, 3.0, 4.0])
    curve = Curve("A", time, np.array([True, False, True, False]), TREATED)
    figure = survival.kaplan_meier([curve], title="T", note="n", time_unit="time")
    line = figure.axes[0].lines[0]
    assert dict(zip(*np.asarray(line.get_data()).tolist(), strict=True)) == pytest.approx(
        {0.0: 1.0, 1.0: 0.75, 2.0: 0.75, 3.0: 0.375, 4.0: 0.375}
    )


def test_an_empty_arm_and_a_failed_fit_are_drawn_as_nothing(analysis: CohortAnalysis) -> None:
    empty = Curve("none", np.array([]), np.array([], dtype=np.bool_), CONTROL)
    assert "none" in words(svg(survival.kaplan_meier([empty], title="T", note="n", time_unit="time")))
    rows = [replace(row, hr=float("nan")) for row in analysis.endpoints["OS"].after.subgroups]
    assert "All patients" in words(svg(forest.forest(rows, title="T", arms=Arms("a", "b"))))
    assert svg(forest.forest([], title="T", arms=Arms("a", "b")))
    assert svg(balance.love((), ()))


def test_the_love_plot_shows_both_states_and_the_line(analysis: CohortAnalysis) -> None:
    axes = balance.love_of(analysis).axes[0]
    before, after, line = axes.lines
    shown = [0, 2, 3, 4, 5]  # x, its second half, and the three levels of g
    assert np.asarray(before.get_xdata()).tolist() == [abs(analysis.table1.before[k].smd) for k in shown]
    assert np.asarray(after.get_xdata()).tolist() == [abs(analysis.table1.after[k].smd) for k in shown]
    assert np.asarray(line.get_xdata()).tolist() == [0.1, 0.1]


def test_the_forest_plot_shows_every_finite_row(analysis: CohortAnalysis) -> None:
    rows = analysis.endpoints["OS"].after.subgroups
    axes = forest.forest_of(analysis, "OS").axes[0]
    squares = [np.asarray(line.get_xdata())[0] for line in axes.lines if line.get_marker() == "s"]
    assert squares == [row.hr for row in rows if np.isfinite(row.hr)]


def test_drawing_leaves_the_settings_of_matplotlib_alone(analysis: CohortAnalysis) -> None:
    before = mpl.rcParams["svg.hashsalt"], mpl.rcParams["svg.fonttype"]
    svg(balance.love_of(analysis))
    assert (mpl.rcParams["svg.hashsalt"], mpl.rcParams["svg.fonttype"]) == before
