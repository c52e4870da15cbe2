"""What holds for every figure: any label, the same bytes, nothing cut or on top of another, told apart in grey."""

import itertools
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

from analysis.figures import (
    calibration,
    claims,
    cohort,
    compatible,
    decompose,
    multiverse,
    performance,
    power,
    ranges,
    style,
    survival,
    sweep,
)
from analysis.figures.style import fitted, save, svg, width_of
from tests.drawings import NARROW, WORLDS, made, of_analysis, of_numbers, of_telephone, on_axes, public

HOSTILE = {
    "math": "$\\frac{$ $x$ ",
    "markup": "<script>alert(1)</script> & \"'% \\x ",
    "control": "a\x00b\x1b\x85\u202e\ufffe\ud800 ",
    "long": "x" * 300,
    "words": "many words " * 30,
    "scripts": "آمریکا 中文 🧬 ",
}
WHOLE = (*of_analysis(""), *of_numbers(""), *of_telephone(""))
ALONE = tuple(on_axes(Figure().subplots(), ""))
CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff\ufffe]")


def drawn(name: str, label: str = "") -> Figure:
    """A figure of the gallery, its user's words beginning with the label."""
    makers: dict[str, Callable[[], Figure]] = {
        **of_analysis(label),
        **of_numbers(label),
        **of_telephone(label),
    }
    return makers[name]()


def words(text: str) -> str:
    """The words of an SVG."""
    return " ".join("".join(ElementTree.fromstring(text).itertext()).split())


def texts(figure: Figure) -> list[tuple[Text, np.ndarray]]:
    """Every text that is seen, and its box in inches (left, bottom, right, top)."""
    figure.set_dpi(300)
    renderer = FigureCanvasAgg(figure).get_renderer()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.draw_without_rendering()
        hidden = {text for axes in figure.findobj(Axes) for text in _beyond(axes)}
        return [
            (text, text.get_window_extent(renderer).extents / figure.dpi)
            for text in figure.findobj(Text)
            if text.get_visible() and text.get_text().strip() and text not in hidden
        ]


def _beyond(axes: Axes) -> Iterator[Text]:
    """The labels of ticks outside the limits, which matplotlib does not draw."""
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
            if not low <= tick.get_loc() + 1e-9 * (high - low) or not tick.get_loc() <= high + 1e-9 * (high - low):
                yield from (tick.label1, tick.label2)


def faults(figure: Figure) -> list[tuple[str, ...]]:
    """Texts that leave the page, and pairs of texts that lie on one another by more than a hair."""
    found, (width, height) = texts(figure), figure.get_size_inches()
    inside = np.array([-0.01, -0.01, -width - 0.01, -height - 0.01])
    cut = [(text.get_text(),) for text, box in found if (box * [1, 1, -1, -1] < inside).any()]
    pairs = []
    for (one, a), (two, b) in itertools.combinations(found, 2):
        if min(a[2], b[2]) - max(a[0], b[0]) > 0.015 and min(a[3], b[3]) - max(a[1], b[1]) > 0.03:
            pairs.append((one.get_text(), two.get_text()))
    return [*cut, *pairs]


def lightness(colour: object) -> float:
    """L* of CIE 1976: 0 black, 100 white."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    y = float(np.dot([0.2126, 0.7152, 0.0722], linear))
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


def look(handle: object) -> tuple[object, ...]:
    """What of an entry in a legend is seen without colour: line, marker, full or open, hatch."""
    if isinstance(handle, ErrorbarContainer | BarContainer):
        handle = handle[0]
    if isinstance(handle, Line2D):
        full = lightness(handle.get_markerfacecolor()) < 90
        marker = str(handle.get_marker())
        return ("line", repr(handle._dash_pattern), handle.get_linewidth(), marker, full if marker != "None" else None)
    if isinstance(handle, Patch):
        return ("area", handle.get_hatch(), round(lightness(handle.get_facecolor()) / 20))
    return ("area", handle.get_hatch(), round(lightness(handle.get_facecolor()[0]) / 20))


def test_no_function_is_left_out() -> None:
    on_given, whole = public()
    assert len(on_given) > 20
    assert on_given == set(ALONE)
    assert whole == {name.removesuffix(NARROW) for name in WHOLE}


@pytest.mark.parametrize("name", WHOLE)
def test_the_same_words_each_time_and_not_too_many(name: str) -> None:
    first, second = svg(drawn(name)), svg(drawn(name))
    assert first == second
    assert len(first) < 200_000
    assert "matplotlib" not in first
    assert "<image" not in first


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, "svg") for name in ("kaplan_meier_of", "overlap_of", "heat_of", "tipping_of")),
        *((name, kind) for name in ("kaplan_meier_of", "heat_of") for kind in ("pdf", "png")),
        *(
            pytest.param(name, kind, marks=pytest.mark.slow)
            for name in ("overlap_of", "tipping_of")
            for kind in ("pdf", "png")
        ),
    ],
)
def test_files_have_the_same_bytes_each_time(name: str, kind: str, tmp_path: Path) -> None:
    first, second = tmp_path / f"a.{kind}", tmp_path / f"b.{kind}"
    save(drawn(name), first)
    save(drawn(name, "中 "), second)
    assert first.read_bytes() != second.read_bytes()
    save(drawn(name), second)
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes().startswith({"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}[kind])


@pytest.mark.parametrize("name", WHOLE)
def test_at_the_width_of_a_journal_nothing_is_cut_and_nothing_overlaps(name: str) -> None:
    figure = drawn(name)
    assert figure.get_figwidth() <= (style.PHONE if name.endswith(NARROW) else style.DOUBLE)
    assert faults(figure) == []
    sizes = [text.get_fontsize() for text, _ in texts(figure)]
    assert sizes
    assert min(sizes) >= style.SMALL


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("name", WHOLE)
def test_any_label_may_be_shown(name: str, kind: str) -> None:
    figure = drawn(name, HOSTILE[kind])
    text = svg(figure)
    said = words(text)
    assert not CONTROL_CHARACTERS.search(text)
    assert "<script" not in text
    assert faults(figure) == []
    if kind in ("long", "words"):
        assert "…" in said
        assert HOSTILE[kind].strip() not in said


@pytest.mark.parametrize("name", ALONE)
def test_axes_of_ones_own_will_do(name: str) -> None:
    figure = Figure(figsize=(7, 4))
    axes = figure.subplots()
    on_axes(axes, HOSTILE["math"])[name]()
    assert "frac" in words(svg(figure))


@pytest.mark.parametrize("name", WHOLE)
def test_what_a_legend_names_differs_without_colour(name: str) -> None:
    for axes in drawn(name).axes:
        handles, labels = axes.get_legend_handles_labels()
        looks = [look(handle) for handle in handles]
        assert len(set(looks)) == len(looks), list(zip(labels, looks, strict=True))


def test_the_arms_differ_in_lightness_for_every_eye() -> None:
    for treated, control in ((style.TREATED, style.CONTROL), (style.TREATED_PALE, style.CONTROL)):
        assert abs(lightness(treated) - lightness(control)) > 20
    # Machado, Oliveira & Fernandes (2009), complete protanopia and deuteranopia
    for matrix in (
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    ):
        one, two = (np.clip(np.array(matrix) @ to_rgb(c), 0, 1) for c in (style.TREATED, style.CONTROL))
        assert np.linalg.norm(one - two) > 0.4
    for colour in (style.TREATED, style.CONTROL, style.GREY, style.INK):
        assert lightness(colour) < 52  # a contrast of 4.5 to 1 on white


def test_the_checks_can_fail() -> None:
    figure = Figure(figsize=(2, 2))
    figure.text(0.5, 0.5, "one")
    figure.text(0.52, 0.5, "two")
    figure.text(0.9, 0.2, "far too long for this page")
    assert faults(figure) == [("far too long for this page",), ("one", "two")]
    axes = figure.subplots()
    for colour in ("red", "blue"):
        axes.plot([0, 1], color=colour, label=colour)
    assert len({look(handle) for handle in axes.get_legend_handles_labels()[0]}) == 1
    assert abs(lightness("#b2452c") - lightness("#a05a10")) < 20


def test_labels_fit_into_their_room() -> None:
    for text in (*HOSTILE.values(), "", "Intrahepatic lesion number (Multiple)"):
        for room in (0.3, 1.0, 3.0):
            for lines in (1, 2):
                told = fitted(text, room, lines=lines)
                assert width_of(told) <= room + 0.12
                assert told.count("\n") < lines
    assert fitted("short", 1.0) == "short"
    assert style.ending("endpoints.OS.after.cox.hr", 1.0) == "…ts.OS.after.cox.hr"
    assert style.row_label("Intrahepatic lesion number (Multiple)", 1.5).endswith("… (Multiple)")
    figure = Figure()
    shown = figure.text(0, 0, "Intrahepatic lesion number", fontsize=style.TEXT, family="DejaVu Sans")
    canvas = FigureCanvasAgg(figure)
    measured = shown.get_window_extent(canvas.get_renderer()).width / figure.dpi
    assert width_of("Intrahepatic lesion number") == pytest.approx(measured, rel=0.03)


def test_no_matplotlibrc_changes_a_figure() -> None:
    """Matplotlib reads one from the current folder too, where it may be another's: with TeX for its texts, say."""

    @style.house
    def sketch() -> Figure:
        figure, (axes,) = style.sheet(3, 2, left=0.3, bottom=0.3, top=0.2)
        axes.plot([0, 1], [0, 1])
        return figure

    drawn = []
    for theirs in ({}, {"lines.linestyle": ":", "axes.facecolor": "red", "savefig.facecolor": "blue", "font.size": 3}):
        with mpl.rc_context(theirs):
            drawn.append(svg(sketch()))
    assert drawn[0] == drawn[1]


def test_drawing_leaves_the_settings_of_matplotlib_alone() -> None:
    before = dict(mpl.rcParams)
    svg(drawn("love_of"))
    assert dict(mpl.rcParams) == before


def test_two_figures_of_a_page_share_no_identifier() -> None:
    one, two = (svg(survival.kaplan_meier_of(made(), name, "after")) for name in ("OS", "PFS"))
    ids = [set(re.findall(r'\bid="([^"]+)"', text)) for text in (one, two)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for text, own in zip((one, two), ids, strict=True):
        assert set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', text)) <= {(x, "") for x in own} | {
            ("", x) for x in own
        }


NAN, FEW = np.full(3, np.nan), np.array([np.nan, 1.0, np.nan])
NOTHING: dict[str, Callable[[], Figure]] = {
    "no estimators": lambda: performance.lollipop_of([], [("bias", [], [], 0.0, (-1.0, 1.0))]),
    "no values": lambda: performance.lollipop_of(
        ["a"], [("bias", [np.nan], [np.nan], 0.0, (-9.0, 9.0)), ("x", [1], [np.nan], 1.0, (-9.0, 9.0))]
    ),
    "no ridges": lambda: performance.ridge_of({}, {}, "l", None),
    "one estimate": lambda: performance.ridge_of({"a": NAN, "b": FEW, "c": np.ones(3)}, {"a": np.nan}, "l", 0.1),
    "no intervals": lambda: performance.zipper_of({"a": (NAN, NAN, 0.1), "b": (FEW, FEW, 0.1)}, ["l", "l"]),
    "no errors": lambda: performance.estimate_against_se_of(
        {"a": (NAN, NAN, 0.1), "b": (FEW, FEW, np.nan)}, ["l", "l"]
    ),
    "equal errors": lambda: performance.estimate_against_se_of({"a": (np.ones(3), np.ones(3), 1.0)}, ["l"]),
    "no biases": lambda: sweep.nested_loop_of({"a": (NAN, NAN)}, {"s": ["1", "1", "1"]}, "l", 0.0),
    "no settings": lambda: sweep.nested_loop_of({"a": (FEW, FEW)}, {}, "l", 0.0),
    "no cells": lambda: sweep.heat_of(NAN[:, None], NAN[:, None], ["1", "2", "3"], ["x"], ("r", "c"), "w"),
    "no power": lambda: power.power_curve_of([], [], (100, np.nan), 0.8, ("x", "y"), "m"),
    "one cell": lambda: power.power_curve_of([(100, 0.5, 0.0)], [], (100, 0.0), 0.8, ("x", "y"), "m"),
    "no steps": lambda: decompose.waterfall_of((0.0, 0.0), (0.0, 0.0), [], "bias"),
    "no curve": lambda: multiverse.specification_curve_of(
        np.full((2, 3), np.nan), np.zeros(2, np.bool_), [{}, {}], 1, "OS"
    ),
    "no suspicions": lambda: compatible.densities_of([], 0.4, "OS"),
    "no claims": lambda: claims.rates_of({}, WORLDS, 0.05),
    "no numbers": lambda: calibration.calibration_fit_of([]),
    "no ranges": lambda: ranges.ranges_of([], {}, None, "l"),
    "no ratios": lambda: ranges.ranges_of([ranges.RangeRow("a", *NAN)], {"p": np.nan}, None, "l", style.PHONE),
    "no marks": lambda: ranges.two_courses_of(np.arange(3.0), (NAN, np.ones(3)), ("a", "b"), (1.0,), "months", "l"),
    "no sizes": lambda: ranges.size_curve_of(np.array([1.0, 2, 3]), NAN, NAN, {"p": 0.3}, [("a", 2.0)], "l"),
    "nobody screened": lambda: cohort.enrolment_of(0, [], ()),
}


@pytest.mark.parametrize("name", NOTHING)
def test_where_there_is_nothing_to_show_that_is_shown(name: str) -> None:
    figure = NOTHING[name]()
    assert svg(figure)
    assert faults(figure) == []


@pytest.mark.parametrize("kind", ["pipe", "no text"])
def test_what_lies_as_matplotlibrc_in_the_current_folder_is_not_read(tmp_path: Path, kind: str) -> None:
    """A mailed folder could end or hang every command that draws."""
    if kind == "pipe":
        os.mkfifo(tmp_path / "matplotlibrc")
    else:
        (tmp_path / "matplotlibrc").write_bytes(b"\xff\xfe backend: module://evil")
    done = subprocess.run(
        [sys.executable, "-c", "import benchmarks.report"], cwd=tmp_path, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
