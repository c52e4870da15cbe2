"""Figures of replicates and of sweeps: what is drawn is what is there, gaps included, and never too much of it."""

from time import perf_counter

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from analysis.figures import performance, sweep
from analysis.figures.style import fitted, svg
from tests.drawings import rows_of

RNG = np.random.Generator(np.random.Philox(4))


def axes_of(width: float = 4.0) -> Axes:
    return Figure(figsize=(width, 4)).subplots()


def said(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def segments(line: object) -> np.ndarray:
    """The pieces ``(k, 2)`` of a broken line: where each starts and ends."""
    return np.asarray(line.get_xdata()).reshape(-1, 3)[:, :2]


def test_a_lollipop_goes_from_the_reference_to_the_value_with_its_error() -> None:
    axes = axes_of()
    performance.lollipop(axes, ["a", "b"], [0.1, -0.2], [0.01, float("nan")], 0.05, "bias")
    assert segments(axes.lines[1]).tolist() == [[0.05, 0.1], [0.05, -0.2]]
    (bars,) = axes.containers
    ends = np.array([piece[:, 0] for piece in bars[2][0].get_segments()])
    assert ends.tolist() == [pytest.approx([0.1 - 0.0196, 0.1 + 0.0196]), [-0.2, -0.2]]
    assert rows_of(axes) == ["a", "b"]


def test_a_ridge_has_a_row_per_estimator_its_truth_and_the_published_value() -> None:
    estimates = {"one": RNG.normal(size=200), "two": np.array([np.nan, 1.0, 1.2]), "none": np.full(3, np.nan)}
    axes = axes_of()
    performance.ridge(axes, estimates, {"one": 0.1, "two": np.nan}, "log HR", -0.5)
    assert len(axes.collections) == 2
    assert [float(np.asarray(line.get_xdata())[0]) for line in axes.lines] == [0.1, -0.5]
    assert rows_of(axes) == ["one", "two", "none"]
    shape = axes.collections[0].get_paths()[0].vertices
    top = shape[np.argmin(shape[:, 1])]
    assert abs(top[0] - np.median(estimates["one"])) < 0.4
    assert axes.get_legend_handles_labels()[1] == ["truth", "published"]


def test_a_ridge_is_the_density_of_the_estimates() -> None:
    at, density = performance._density(RNG.normal(2.0, 0.5, 20_000))
    density /= np.trapezoid(density, at)
    assert np.trapezoid(at * density, at) == pytest.approx(2.0, abs=0.02)
    assert density.max() == pytest.approx(1 / (0.5 * np.sqrt(2 * np.pi)), rel=0.05)


def test_a_zipper_marks_the_intervals_that_miss() -> None:
    centre = RNG.normal(size=900)
    shares = []
    for half in (1.96, 1.0):
        axes = axes_of()
        low, high = centre - half, centre + half
        performance.zipper(axes, low, high, 0.0, title="t", label="l")
        held, missed = axes.lines[:2]
        drawn = np.concatenate([segments(held), segments(missed)])
        assert sorted(drawn[:, 0]) == pytest.approx(sorted(low))
        assert ((segments(held)[:, 0] <= 0) & (segments(held)[:, 1] >= 0)).all()
        assert ((segments(missed)[:, 0] > 0) | (segments(missed)[:, 1] < 0)).all()
        heights = np.asarray(missed.get_ydata()).reshape(-1, 3)[:, 0]
        assert heights.min() > np.asarray(held.get_ydata()).max() - 1e-9
        shares.append(len(segments(missed)) / 900)
    assert abs(shares[0] - 0.05) < 0.03
    assert abs(shares[1] - 0.32) < 0.07


def test_estimates_against_se_are_the_replicates_split_at_their_p() -> None:
    value, se = RNG.normal(-0.4, 0.2, 500), RNG.gamma(100, 0.002, 500)
    value[0] = np.nan
    axes = axes_of()
    performance.estimate_against_se(axes, value, se, -0.35, title="t", label="l")
    clear, other, truth, below = axes.lines
    drawn = np.concatenate([np.asarray(line.get_data()).T for line in (clear, other)])
    wanted = np.column_stack([value, se])[1:]
    assert sorted(drawn.tolist()) == sorted(wanted.tolist())
    assert (np.abs(clear.get_xdata()) > 1.96 * np.asarray(clear.get_ydata()) - 1e-4).all()
    assert (np.abs(other.get_xdata()) <= 1.96 * np.asarray(other.get_ydata())).all()
    x, y = np.asarray(below.get_data())
    assert x == pytest.approx(-1.959964 * y)
    axes = axes_of()
    performance.estimate_against_se(axes, np.array([-0.5, 0.5]), np.array([0.2, 0.3]), 0.0, title="t", label="l")
    assert [line.get_xdata()[0] > 0 for line in axes.lines[-2:]] == [False, True]  # both, where both can be seen
    axes = axes_of()
    performance.estimate_against_se(axes, value, se, -0.35, title="t", label="l")
    assert np.asarray(truth.get_xdata()).tolist() == [-0.35, -0.35]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    assert "499 replicates" in said(axes)


def test_of_many_replicates_evenly_spaced_ones_are_drawn_and_it_says_so() -> None:
    n = 100_000
    value, se = RNG.normal(-0.4, 0.2, n), np.full(n, 0.2)
    own = dict.fromkeys("abcde", (value, se, -0.4))
    intervals = dict.fromkeys("abcde", (value - 1.96 * se, value + 1.96 * se, -0.4))
    for figure in (
        performance.estimate_against_se_of(own, list("lmnop")),
        performance.zipper_of(intervals, "lmnop"),
    ):
        assert all("200 of 100,000" in " ".join(said(axes)) for axes in figure.axes)
        assert [axes.get_xlabel() for axes in figure.axes] == list("lmnop")
        assert len(svg(figure)) < 250_000
    axes = axes_of()
    performance.zipper(axes, *intervals["a"], title="t", label="l")
    held, missed = (len(segments(line)) for line in axes.lines[:2])
    assert held + missed == performance.MARKS
    exact = np.mean(np.abs(value + 0.4) > 1.96 * 0.2)
    assert missed / performance.MARKS == pytest.approx(exact, abs=0.002)  # as the order is that of the distance
    start = perf_counter()
    performance.estimate_against_se(axes_of(), value, se, -0.4, title="t", label="l")
    assert perf_counter() - start < 2.0


def test_cells_stand_side_by_side_with_their_settings() -> None:
    value, error = np.array([0.1, 0.2, -0.3, np.nan]), np.full(4, 0.01)
    settings = {"size": ["100", "100", "200", "200"], "caliper": ["none", "0.2", "none", "0.2"]}
    axes = axes_of(7)
    sweep.nested_loop(axes, {"one": (value, error), "two": (value + 0.1, error)}, settings, "bias", 0.0)
    drawn = [bars[0].get_ydata() for bars in axes.containers]
    assert np.array_equal(drawn[0], value, equal_nan=True)
    assert np.array_equal(drawn[1], value + 0.1, equal_nan=True)
    assert said(axes) == ["size: 100 / 200", "caliper: none / 0.2"]
    steps = [np.asarray(line.get_ydata()) for line in axes.lines if line.get_drawstyle() == "steps-mid"]
    assert [np.sign(np.diff(step)).tolist() for step in steps] == [[0, 1, 0], [1, -1, 1]]
    assert all(step.max() < np.nanmin(value) for step in steps)


def test_a_heat_map_says_its_numbers_and_is_lighter_above_zero() -> None:
    values = np.array([[0.1, -0.2], [np.nan, -0.0001]])
    figure = sweep.heat_of(values, np.full((2, 2), 0.01), ["a", "b"], ["x", "y"], ("r", "c"), "bias")
    axes = figure.axes[0]
    assert said(axes) == ["+0.100\n(0.010)", "-0.200\n(0.010)", "–", "+0.000\n(0.010)"]
    (mesh,) = (one for one in axes.collections if isinstance(one, QuadMesh))
    assert np.array_equal(np.ma.filled(mesh.get_array(), np.nan), values, equal_nan=True)
    grey = [float(np.dot(mesh.cmap(mesh.norm(x))[:3], [0.3, 0.6, 0.1])) for x in (-0.2, -0.1, 0.0, 0.1, 0.2)]
    assert (np.diff(grey) > 0.05).all()
    assert len(figure.axes) == 1


def test_cells_too_small_for_words_get_a_key_of_colours() -> None:
    values = RNG.normal(size=(40, 40))
    figure = sweep.heat_of(values, values, list(map(str, range(40))), [""] * 40, ("r", "c"), "bias")
    assert said(figure.axes[0]) == []
    (key,) = figure.axes[0].child_axes
    assert [label.get_text() for label in key.get_yticklabels()][1] == "+0"


def test_whiskers_end_where_a_measure_ends() -> None:
    axes = axes_of()
    performance.lollipop(axes, ["a", "b"], [99.0, 2.0], [2.0, 2.0], 95.0, "coverage, %", (0.0, 100.0))
    (bars,) = axes.containers
    ends = [piece[:, 0].tolist() for piece in bars[2][0].get_segments()]
    assert ends == [pytest.approx([99 - 3.92, 100.0]), pytest.approx([0.0, 2 + 3.92])]
    assert max(axes.get_xticks()) <= 100
    assert min(axes.get_xticks()) >= 0


def test_one_wild_row_or_a_far_published_value_do_not_squash_the_others() -> None:
    usual = {name: RNG.normal(size=300) for name in "abc"}
    axes = axes_of()
    performance.ridge(axes, {**usual, "wild": 100 * RNG.normal(size=300)}, {"a": 0.0}, "log HR", 50.0)
    least, most = axes.get_xlim()
    assert -15 < least < -3
    assert 3 < most < 15
    assert "log HR (wider rows are cut off)" in axes.get_xlabel()
    assert "published 50.00 →" in said(axes)
    assert axes.get_legend_handles_labels()[1] == ["truth"]
    axes = axes_of()
    performance.ridge(axes, usual, {}, "log HR", -4.5)
    assert axes.get_xlim()[0] < -4.5
    assert axes.get_xlabel() == "log HR"


def test_panels_stand_in_rows_of_five_with_one_key() -> None:
    value, se = np.array([-0.5, -0.45]), np.array([0.1, 0.11])
    shown = {f"e{k}": (value, se, -0.4) for k in range(6)} | {"f": (value + 0.5, se, 0.0)}
    figure = performance.estimate_against_se_of(shown, ["l"] * 7)
    places = [axes.get_position().y0 for axes in figure.axes]
    assert len(places) == 7
    assert len(set(places[:5])) == 1
    assert places[5] < places[0]
    (legend,) = [axes.get_legend() for axes in figure.axes if axes.get_legend()]
    assert [text.get_text() for text in legend.get_texts()] == ["p < 0.05", "truth", "p ≥ 0.05"]


def test_a_long_name_is_broken_after_its_hyphens() -> None:
    assert fitted("matched-no-caliper", 0.8, 7, 2) == "matched-no-\ncaliper"
    assert fitted("matched-no-caliper", 0.8, 7).endswith("…")
    assert fitted("short-name", 2.0, 7, 2) == "short-name"
