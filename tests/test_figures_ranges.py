"""A review's figures: every ratio, share and size stands where it belongs, and no name on a line."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from analysis.figures import places, ranges
from analysis.figures.style import CONTROL, INK, PHONE, TREATED
from tests.drawings import rows_of, rows_of_ranges

WIDTHS = (4.6, PHONE)


def spots(axes: Axes, marker: str, colour: str) -> list[tuple[float, float]]:
    """Where marks of that look stand."""
    own = [line for line in axes.lines if line.get_marker() == marker and line.get_color() == colour]
    return [(float(x), float(y)) for line in own for x, y in np.asarray(line.get_data()).T]


def dashed(axes: Axes) -> list[Line2D]:
    """The dashed lines that stand for a named ratio."""
    return [line for line in axes.lines if line.get_color() == TREATED and line.is_dashed()]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_ratio_and_its_ranges_stand_in_their_row(width: float) -> None:
    (axes,) = ranges.ranges_of(rows_of_ranges(""), {"published": 0.36}, (0.28, 0.46), "ratio", width).axes
    drawn = [np.asarray(line.get_data()).tolist() for line in axes.lines if len(set(line.get_ydata())) == 1]
    for place, (low, value, high) in enumerate([(0.7, 1.0, 1.4), (0.28, 0.36, 0.46), (0.3, 0.4, 0.53)]):
        assert [[low, high], [place, place]] in drawn
        assert [[value], [place]] in drawn
    assert [[0.25, 0.5], [1.2, 1.2]] in drawn
    assert len(drawn) == 7  # a row without numbers has no mark
    (line,) = dashed(axes)
    assert list(line.get_xdata()) == [0.36, 0.36]
    (band,) = [one for one in axes.patches if isinstance(one, Rectangle)]
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((0.28, 0.46))
    assert [one.get_text() for one in axes.texts].count("0.28–0.46") == 1


def test_names_stand_beside_the_rows_or_above_them_without_ticks() -> None:
    rows = rows_of_ranges("")
    (beside,), (above,) = (ranges.ranges_of(rows, {}, None, "ratio", width).axes for width in WIDTHS)
    assert rows_of(beside) == [row.label for row in rows]
    for axes in (beside, above):
        assert not axes.yaxis.get_visible()
        assert not any(tick.tick1line.get_visible() for tick in axes.yaxis.get_major_ticks())
    for place, row in enumerate(rows):
        (name,) = [text for text in above.texts if text.get_text() == row.label]
        assert place - 0.6 < name.get_position()[1] < place - 0.3
        box = name.get_bbox_patch()
        assert box is not None  # no line runs through the name
        assert box.get_facecolor() == (1.0, 1.0, 1.0, 1.0)


def inked(axes: Axes, name: str) -> tuple[float, float, float, float]:
    """The box of a text in pixels."""
    figure = axes.get_figure(root=True)
    assert isinstance(figure, Figure)
    renderer = FigureCanvasAgg(figure).get_renderer()
    (text,) = [one for one in axes.texts if one.get_text() == name]
    left, low, right, top = text.get_window_extent(renderer).extents
    return float(left), float(low), float(right), float(top)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("ratio", [0.02, 0.36, 1.0, 40.0])
def test_the_name_of_a_line_stands_above_the_rows_at_its_line(width: float, ratio: float) -> None:
    (axes,) = ranges.ranges_of(rows_of_ranges(""), {"published": ratio}, None, "ratio", width).axes
    left, low, right, _ = inked(axes, "published")
    assert low >= axes.get_window_extent().y1
    x = axes.transData.transform((ratio, 0))[0]
    assert left - 10 <= x <= right + 10


@pytest.mark.parametrize(("low", "high"), [(0.97, 1.02), (0.2, 0.3), (0.001, 3.0), (1e-9, 1e9), (1.1, 1.2)])
@pytest.mark.parametrize("width", WIDTHS)
def test_an_axis_tells_two_ratios_at_least(low: float, high: float, width: float) -> None:
    (axes,) = ranges.ranges_of([ranges.RangeRow("a", low, low, high)], {}, None, "ratio", width).axes
    ends, ticks = axes.get_xlim(), axes.get_xticks()
    shown = [one for one in ticks if ends[0] <= one <= ends[1]]
    assert len(shown) >= 2
    assert [float(one.get_text()) for one in axes.get_xticklabels()] == pytest.approx(ticks, rel=1e-5)


def test_shares_are_told_at_their_marks() -> None:
    time = np.linspace(0, 36, 73)
    shares = (np.exp(-time / 12), np.exp(-time / 30))
    (axes,) = ranges.two_courses_of(time, shares, ("Old", "New"), (3.0, 12.0, 36.0), "months", "free, %").axes
    said = [(text.get_text(), text.get_color()) for text in axes.texts]
    assert said == [
        *(("78", CONTROL), ("90", TREATED)),
        *(("37", CONTROL), ("67", TREATED)),
        *(("5", CONTROL), ("30", TREATED)),
    ]
    assert spots(axes, "o", CONTROL) == [(t, pytest.approx(100 * np.exp(-t / 12))) for t in (3, 12, 36)]
    assert spots(axes, "o", TREATED) == [(t, pytest.approx(100 * np.exp(-t / 30))) for t in (3, 12, 36)]
    assert axes.get_legend_handles_labels()[1] == ["Old", "New"]
    drawn = [np.asarray(line.get_ydata()) for line in axes.lines if len(line.get_xdata()) == 73]
    for own, share in zip(drawn, shares, strict=True):
        assert own == pytest.approx(100 * share)


@pytest.mark.parametrize("higher", [0, 1])
def test_the_higher_course_is_told_above_and_the_lower_below(higher: int) -> None:
    time, low, high = np.linspace(0, 36, 73), np.exp(-np.linspace(0, 1, 73)), np.exp(-np.linspace(0, 0.8, 73))
    shares = (high, low) if higher == 0 else (low, high)
    (axes,) = ranges.two_courses_of(time, shares, ("a", "b"), (18.0,), "months", "free").axes
    upper, lower = (100 * float(np.exp(-rate)) for rate in (0.4, 0.5))
    (_, at, _, _), (_, _, _, below) = inked(axes, f"{upper:.0f}"), inked(axes, f"{lower:.0f}")
    middle = axes.transData.transform([(18.0, upper), (18.0, lower)])[:, 1]
    assert at > middle[0] - 1
    assert below < middle[1] + 1


@pytest.mark.parametrize("width", WIDTHS)
def test_a_named_size_stands_on_the_curve_of_sizes(width: float) -> None:
    sizes = np.geomspace(1, 20, 12)
    ratio = sizes**-0.4  # straight on two logarithmic axes
    marks = [("usual size", 2.5), ("stage", 7.3)]
    figure = ranges.size_curve_of(sizes, ratio, np.full(12, 0.1), {"published": 0.36}, marks, "strength", width)
    (axes,) = figure.axes
    assert spots(axes, "D", INK) == [(2.5, pytest.approx(2.5**-0.4)), (7.3, pytest.approx(7.3**-0.4))]
    (line,) = dashed(axes)
    assert list(line.get_ydata()) == [0.36, 0.36]
    assert {"usual size", "stage", "published"} == {text.get_text() for text in axes.texts}
    curve = places.inches_in(np.geomspace(1, 20, 400), np.geomspace(1, 20, 400) ** -0.4, axes)
    for name in ("usual size", "stage", "published"):
        box, corner = np.array(inked(axes, name)), axes.get_window_extent()
        left, low, right, top = (box - [corner.x0, corner.y0] * 2) / figure.dpi
        inside = (curve[:, 0] > left) & (curve[:, 0] < right) & (curve[:, 1] > low) & (curve[:, 1] < top)
        assert not inside.any()
    band = axes.collections[0].get_paths()[0].vertices
    ends = band[np.isclose(band[:, 0], 20.0)][:, 1]
    assert (ends.min(), ends.max()) == pytest.approx((20**-0.4 * np.exp(-0.196), 20**-0.4 * np.exp(0.196)))


def test_sizes_that_are_no_ratios_stand_on_a_plain_axis() -> None:
    sizes, ratio = np.linspace(0, 0.5, 6), np.linspace(1, 0.5, 6)
    figure = ranges.size_curve_of(sizes, ratio, np.zeros(6), {}, [("usual size", 0.25)], "share lost")
    (axes,) = figure.axes
    assert axes.get_xscale() == "linear"
    assert spots(axes, "D", INK) == [(0.25, pytest.approx(np.sqrt(0.8 * 0.7)))]  # on the line


def test_a_name_takes_the_first_free_side() -> None:
    axes = Figure(figsize=(4, 4)).subplots()
    right_above = places.free_place((1.0, 1.0), 0.5, [], axes)
    assert right_above == pytest.approx((1.05, 1.03, 1.55, 1.13))
    assert right_above is not None
    assert places.free_place((1.0, 1.0), 0.5, [right_above], axes) == pytest.approx((0.45, 0.87, 0.95, 0.97))
    assert places.free_place((1.0, 1.0), 0.5, [(0.0, 0.0, 9.0, 9.0)], axes) is None
    assert places.free_place((0.2, 0.1), 0.5, [], axes, [(-1, 0)]) is None
    line = places.along(np.array([[0.0, 0.0], [0.3, 0.4]]))
    middles = np.array([(box[0] + box[2], box[1] + box[3]) for box in line]) / 2
    assert middles[[0, -1]].tolist() == [[0.0, 0.0], pytest.approx([0.3, 0.4])]
    assert np.hypot(*np.diff(middles, axis=0).T).max() < 0.05
