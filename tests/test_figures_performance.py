"""Figures of replicates: what is drawn is what is there, gaps and odd names included."""

import numpy as np
from matplotlib.collections import LineCollection

from analysis.figures.performance import heat, nested_loop, ridge, zipper
from analysis.figures.style import svg

RNG = np.random.Generator(np.random.Philox(4))
ODD = "a $\\frac{$ <b>"


def test_a_ridge_has_a_row_per_estimator_its_truth_and_the_published_value() -> None:
    estimates = {"one": RNG.normal(size=200), ODD: np.array([np.nan, 1.0, 1.2]), "none": np.full(3, np.nan)}
    figure = ridge(estimates, {"one": 0.1, ODD: np.nan}, "log HR", -0.5)
    (axes,) = figure.axes
    assert len(axes.collections) == 2
    bars = [line.get_xdata()[0] for line in axes.lines]
    assert bars == [0.1, -0.5]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["none", ODD, "one"]
    assert "<svg" in svg(figure)
    density = axes.collections[0].get_paths()[0].vertices
    middle = density[np.argmax(density[:, 1]), 0]
    assert abs(middle) < 0.4


def test_a_zipper_colours_the_intervals_that_miss() -> None:
    centre = RNG.normal(size=1000)
    figure = zipper({"good": (centre - 1.96, centre + 1.96, 0.0), "short": (centre - 1, centre + 1, 0.0)}, "log HR")
    missed = []
    for axes in figure.axes:
        (lines,) = (one for one in axes.collections if isinstance(one, LineCollection))
        colours = np.asarray(lines.get_colors())
        heights = np.array([segment[0, 1] for segment in lines.get_segments()])
        coloured = (np.abs(colours - colours[0]) > 1e-9).any(axis=1)
        assert (np.diff(heights) > 0).all()
        assert coloured[-1]
        missed.append(coloured.mean())
    assert abs(missed[0] - 0.05) < 0.03
    assert abs(missed[1] - 0.32) < 0.07


def test_cells_stand_side_by_side_with_their_settings() -> None:
    value, error = np.array([0.1, 0.2, -0.3, 0.0]), np.full(4, 0.01)
    settings = {"size": ["100", "100", "200", "200"], ODD: ["a", "b", "a", "b"]}
    figure = nested_loop({"one": (value, error), ODD: (value + 0.1, error)}, settings, "bias", 0.0)
    above, below = figure.axes
    drawn = [line.get_ydata() for line in above.lines if len(line.get_ydata()) == 4]
    assert np.array_equal(drawn[0], value)
    assert np.array_equal(drawn[1], value + 0.1)
    assert [text.get_text() for text in below.texts] == ["100", "200", "a", "b", "a", "b"]
    assert "<svg" in svg(figure)


def test_a_heat_map_says_its_numbers() -> None:
    values = np.array([[0.1, -0.2], [np.nan, 0.05]])
    figure = heat(values, np.full((2, 2), 0.01), ["a", "b"], ["x", ODD], ("r", "c"), "bias")
    said = [text.get_text() for text in figure.axes[0].texts]
    assert said[:2] == ["+0.100\n(0.010)", "-0.200\n(0.010)"]
    assert "<svg" in svg(figure)
