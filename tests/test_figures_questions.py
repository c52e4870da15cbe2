"""Figures of answers and of a twin's fit: what is drawn are the numbers of the answer."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import calibration, claims, compatible, decompose, multiverse, power, tipping
from analysis.figures.calibration import FittedNumber, distance_of
from tests.drawings import WORLDS, rows_of


def axes_of() -> Axes:
    return Figure(figsize=(5, 4)).add_axes((0.3, 0.4, 0.6, 0.5))


def said(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_power_is_drawn_with_its_error_the_formula_and_the_answer() -> None:
    axes = axes_of()
    power.power_curve(axes, [(100, 0.5, 0.02), (400, 0.9, 0.01)], [(100, 0.6)], (270, 9), 0.8, ("n", "power"), "'m'")
    cells, answer = axes.containers
    assert np.asarray(cells[0].get_data()).T.tolist() == [[100, 0.5], [400, 0.9]]
    ends = [piece[:, 1].tolist() for piece in cells[2][0].get_segments()]
    assert ends == [pytest.approx([0.4608, 0.5392]), pytest.approx([0.8804, 0.9196])]
    assert np.asarray(answer[0].get_data()).T.tolist() == [[270, 0.8]]
    assert axes.get_legend_handles_labels()[1] == ["Schoenfeld's formula", "'m', simulated", "answer"]
    assert len(axes.get_xticks()) > 1


def test_each_analysis_has_its_curve_of_power_and_its_answer() -> None:
    axes = axes_of()
    others = [("b", [(200, 0.4, 0.02), (800, 0.95, 0.01)], (500, 11)), ("c", [(50, 0.2, 0.01)], (90, 3))]
    power.power_curve(axes, [(100, 0.5, 0.02), (400, 0.9, 0.01)], [], (270, 9), 0.8, ("n", "power"), "a", others)
    curves = [np.asarray(one[0].get_data()).T.tolist() for one in axes.containers]
    assert curves[2:] == [[[200, 0.4], [800, 0.95]], [[500, 0.8]], [[50, 0.2]], [[90, 0.8]]]
    ends = axes.containers[3][2][0].get_segments()[0][:, 0]
    assert ends.tolist() == pytest.approx([500 - 1.96 * 11, 500 + 1.96 * 11])
    assert axes.get_legend_handles_labels()[1] == ["a, simulated", "answer", "b", "c"]
    assert axes.get_xticks()[-1] >= 500  # the axis has room for all


def test_a_waterfall_walks_from_start_to_end() -> None:
    axes = axes_of()
    steps = [("a", -0.15, 0.01), ("b", 0.04, 0.02)]
    decompose.waterfall(axes, (0.12, 0.01), (0.01, 0.01), steps, "bias")
    bars = [(bar.get_x(), bar.get_width()) for container in axes.containers[:4] for bar in container]
    assert bars == [pytest.approx(x) for x in ((0, 0.12), (0.12, -0.15), (-0.03, 0.04), (0, 0.01))]
    assert rows_of(axes) == ["all causes on", "a", "b", "all off"]
    assert said(axes)[:4] == ["+0.120 (0.010)", "-0.150 (0.010)", "+0.040 (0.020)", "+0.010 (0.010)"]
    hatches = [container[0].get_hatch() for container in axes.containers[:4]]
    assert [bool(hatch) for hatch in hatches] == [False, False, True, False]


def test_a_specification_curve_is_in_order_with_its_choices_below() -> None:
    curve = np.array([[0.0, -1, 1], [-1.0, -2, 0], [np.nan] * 3, [-0.5, -1.5, 0.5]])
    reached = np.array([False, True, True, True])
    choices = [{"caliper": "a"}, {"caliper": "b"}, {"caliper": "a"}, {}]
    axes = axes_of()
    multiverse.specification_curve(axes, curve, reached, choices, 0.4, "OS", 0.9)
    assert axes.get_ylabel() == "OS hazard ratio, 90 % CI"
    bars, dots, _, others = axes.lines[:4]
    assert np.asarray(dots.get_data()).T.tolist() == [[0, pytest.approx(np.exp(-1))], [1, pytest.approx(np.exp(-0.5))]]
    assert np.asarray(others.get_data()).T.tolist() == [[2, 1.0]]
    ends = np.asarray(bars.get_ydata()).reshape(-1, 3)[:, :2]
    assert np.log(ends).tolist() == [pytest.approx([-2, 0]), pytest.approx([-1.5, 0.5])]
    (below,) = axes.child_axes
    assert rows_of(below) == ["caliper: a", "caliper: b", "another method"]
    spots = [np.asarray(line.get_data()).T.tolist() for line in below.lines]
    assert spots == [[[0, 1], [1, 2]], [[2, 0]]]
    assert axes.lines[-1].get_ydata()[0] == 0.4


def test_densities_are_over_the_ratio_beside_the_published() -> None:
    at = np.linspace(-1, 1, 5)
    axes = axes_of()
    compatible.densities(axes, [("a", at, np.ones(5), np.arange(5.0))], 0.4, "OS")
    line, published, _ = axes.lines
    assert np.asarray(line.get_data()).tolist() == [pytest.approx(np.exp(at)), pytest.approx(np.arange(5.0))]
    assert published.get_xdata()[0] == 0.4
    assert len(axes.collections) == 1
    empty = axes_of()
    compatible.densities(empty, [], 0.4, "OS")
    assert len(empty.lines) == 2


def test_rates_of_three_worlds_lie_side_by_side() -> None:
    axes = axes_of()
    claims.rates(axes, {"x": [(0.1, 0.01), (0.2, 0.02), (0.3, 0.03)], "y": [(0.0, 0.0)] * 3}, WORLDS, 0.05)
    drawn = [np.asarray(bars[0].get_xdata()).tolist() for bars in axes.containers]
    assert drawn == [pytest.approx([10, 0]), pytest.approx([20, 0]), pytest.approx([30, 0])]
    assert axes.lines[-1].get_xdata()[0] == 5.0
    assert axes.get_legend_handles_labels()[1] == list(WORLDS)


def test_the_tipping_contour_is_where_the_effect_is_nothing() -> None:
    grid = np.exp(np.linspace(0, np.log(9), 41))
    surface = np.log(np.outer(grid, grid)) - np.log(9)  # nothing is left where OR x HR = 9
    axes = axes_of()
    tipping.tipping(axes, grid, 1 / grid, surface, surface + np.log(3), [("sex", 0.5, 0.25), ("age", 3, 2)])
    for whole, product in zip(
        [one for one in axes.collections if len(getattr(one, "levels", ())) == 1], (9.0, 3.0), strict=True
    ):
        line = np.concatenate([path.vertices for path in whole.get_paths()])
        assert line.prod(axis=1) == pytest.approx(product, rel=0.02)
    spots = next(line for line in axes.lines if line.get_label() == "traits that were recorded")
    assert np.asarray(spots.get_data()).T.tolist() == [[2, 4], [3, 2]]
    assert {"sex", "age"} <= set(said(axes))


def test_a_surface_without_numbers_is_beyond_the_design() -> None:
    axes = axes_of()
    nothing = np.full((3, 3), np.nan)
    tipping.tipping(axes, np.array([1.0, 2, 4]), np.array([1.0, 2, 4]), nothing, nothing, [])
    assert all("not reached" in label for label in axes.get_legend_handles_labels()[1])


def test_published_numbers_stand_at_their_distance() -> None:
    numbers = [
        FittedNumber("Table 1", "inside", 0.5, 1.5),
        FittedNumber("Table 1", "outside", -2.5),
        FittedNumber("Table 2", "far", 12.0, 3.0),
        FittedNumber("Table 2", "unknown", float("nan")),
    ]
    axes = axes_of()
    calibration.calibration_fit(axes, numbers)
    drawn = {
        line.get_marker(): np.asarray(line.get_xdata()).tolist() for line in axes.lines if line.get_marker() != "None"
    }
    assert drawn == {"o": [0.5], "D": [-2.5], ">": [calibration.FAR]}
    assert {"outside", "far"} == set(said(axes)[2:])
    assert rows_of(axes) == ["Table 1 (1 of 2)", "Table 2 (0 of 1)"]
    start = next(line for line in axes.lines if line.get_label() == "from before calibration")
    assert np.asarray(start.get_xdata())[:2].tolist() == [1.5, 0.5]


def test_dots_of_one_row_do_not_hide_one_another() -> None:
    numbers = [FittedNumber("Table 1", str(k), 0.001 * k) for k in range(12)]
    heights = calibration._spread(numbers, ["Table 1"], 0.1)
    assert len(set(heights.round(6))) == 12
    assert np.abs(heights).max() < 0.5


def test_a_distance_is_in_halves_of_the_central_interval() -> None:
    assert distance_of(14.0, 10.0, 9.0, 12.0) == pytest.approx(2 * 1.959964)
    assert distance_of(9.0, 10.0, 9.0, 12.0) == pytest.approx(-1.959964)
    assert distance_of(10.0, 10.0, 10.0, 10.0) == 0.0
    assert np.isnan(distance_of(11.0, 10.0, 10.0, 10.0))
    assert np.isnan(distance_of(np.inf, 10.0, 9.0, 12.0))
