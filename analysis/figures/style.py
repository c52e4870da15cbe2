"""What all figures share: the look of the house, the widths of a journal, labels that fit, files of the same bytes.

Every figure is a function that draws on given axes; its companion ``..._of`` returns a whole Figure at the width of
one or two columns of a journal. Treatment and control differ in colour, lightness and line or hatch, so that they stay
apart in grey and for the colour-blind.
"""

import hashlib
import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator

from simulator.documents.safe_files import write_whole

P = ParamSpec("P")
T = TypeVar("T")

SINGLE, DOUBLE = 3.5, 7.2
PHONE = 2.75
"""Inches: one and two columns of a journal, and a telephone."""
HEAD, TEXT, SMALL = 8.0, 7.0, 6.5
"""Points: titles, texts, and the smallest that is still read at true size."""
LINE = 1.35 * TEXT / 72
"""Inches from one line of text to the next."""
SAMPLE = 0.52
"""Inches that a legend needs beside each label."""
JOINED = "\u2060"
"""Before a part of a word that stands without a space after the part before it."""
BOLD = 1.16
"""How much wider bold text may be."""

TREATED, CONTROL = "#bd4a12", "#1b3d6c"
TREATED_PALE, CONTROL_PALE = "#f3b48f", "#9db4d3"
INK, GREY, PALE = "#1b232e", "#56606d", "#d5d8dc"
MONTHS = (1, 2, 3, 6, 12, 24, 36, 60, 120)
HATCH = "//////"
LINES = ("-", (0, (4.5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.2, 1.2, 1.2)))
MARKERS = "osD^vPX*"

_HOUSE: Any = {
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": TEXT,
    "axes.titlesize": HEAD,
    "axes.labelsize": TEXT,
    "xtick.labelsize": TEXT,
    "ytick.labelsize": TEXT,
    "legend.fontsize": TEXT,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "axes.linewidth": 0.6,
    "axes.titlelocation": "left",
    "axes.facecolor": "none",
    "hatch.linewidth": 0.6,
    "text.parse_math": False,
    "svg.hashsalt": "trialtwin",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}

_DECIMALS = re.compile(r"(\.\d\d)\d+")
_UNSEEN = re.compile(r'(?<=<g) id="[^"]*"')


@contextmanager
def _look() -> Iterator[None]:
    """Matplotlib's own settings and ours within, whatever a ``matplotlibrc``, in the current folder too, says."""
    own = {
        name: value for name, value in mpl.rcParamsDefault.items() if not name.startswith(("backend", "interactive"))
    }
    changed = {name: value for name, value in own.items() if mpl.rcParams[name] != value}
    with mpl.rc_context({**changed, **_HOUSE}):
        yield


def house(draw: Callable[P, T]) -> Callable[P, T]:
    """The same function, which then draws in the look of the house and leaves matplotlib's settings alone."""

    @wraps(draw)
    def _drawn(*args: P.args, **kwargs: P.kwargs) -> T:
        with _look():
            return draw(*args, **kwargs)

    return _drawn


@house
def sheet(
    width: float, height: float, *, left: float, right: float = 0.1, bottom: float, top: float, rows: int = 1,
    columns: int = 1, across: float = 0.0, down: float = 0.0,
) -> tuple[Figure, list[Axes]]:  # fmt: skip
    """A Figure and its panels row by row; all sizes in inches, ``across`` and ``down`` between the panels."""
    figure = Figure(figsize=(width, height))
    wide = (width - left - right - (columns - 1) * across) / columns
    high = (height - top - bottom - (rows - 1) * down) / rows
    panels = []
    for row in range(rows):
        for column in range(columns):
            x, y = left + column * (wide + across), height - top - high - row * (high + down)
            panels.append(figure.add_axes((x / width, y / height, wide / width, high / height)))
    return figure, panels


def frame(axes: Axes, *sides: str) -> None:
    """Leave only those sides of the frame, with ticks on them."""
    if axes.title.get_parse_math():  # made outside the house
        for text in axes.findobj(Text):
            text.set_parse_math(False)
    for name, spine in axes.spines.items():
        spine.set_visible(name in sides)
        spine.set_linewidth(0.6)
    axes.xaxis.label.set_fontsize(TEXT)
    axes.yaxis.label.set_fontsize(TEXT)
    axes.tick_params(labelsize=TEXT, width=0.6, length=2.5, pad=2, left="left" in sides, bottom="bottom" in sides)


def inches(axes: Axes) -> tuple[float, float]:
    """How wide and how high the axes are."""
    box, figure = axes.get_window_extent(), axes.get_figure(root=True)
    assert figure is not None
    return float(box.width / figure.dpi), float(box.height / figure.dpi)


@house
def title(axes: Axes, text: str, *, above: float = 0.07, size: float = HEAD, lines: int = 1) -> None:
    """Write the title of a panel, so many inches above it."""
    told = fitted(text, inches(axes)[0] / BOLD, size, lines)
    axes.set_title(told, fontsize=size, fontweight="bold", pad=72 * above)


@house
def key(
    axes: Axes, *, above: float = 0.05, left: float = 0.0, room: float = 0.0, rows: int = 0, of: Sequence[Axes] = (),
) -> None:  # fmt: skip
    """Draw the legend in rows ``above`` the axes by so many inches, by default in as many rows as `key_rows` says.

    The rows start ``left`` inches before the axes and are ``room`` inches wide, by default as wide as the axes. Labels
    are those of these axes, or ``of`` several.
    """
    known: dict[str, Any] = {}
    for one in of or (axes,):
        for handle, label in zip(*one.get_legend_handles_labels(), strict=True):
            known.setdefault(label, handle)
    handles, labels = list(known.values()), list(known)
    if not handles:
        return
    width, height = inches(axes)
    room = room or width + left
    labels = [clean(label) for label in labels]
    fits = sum(map(width_of, labels)) + SAMPLE * len(labels) <= room
    columns = len(labels) if fits else -(-len(labels) // (rows or key_rows(labels, room)))
    if not fits:
        labels = [fitted(label, room / columns - SAMPLE, lines=2 if columns == 1 else 1) for label in labels]
    axes.legend(
        handles, labels, ncols=columns, loc="lower left", bbox_to_anchor=(-left / width, 1 + above / height),
        borderaxespad=0.0, borderpad=0.0, columnspacing=1.2, handletextpad=0.5, labelspacing=0.35,
    )  # fmt: skip


def of_both_arms(labels: Sequence[str], narrow: bool) -> tuple[Figure, list[Axes]]:
    """Panels of both arms side by side, on a telephone one above the other, with room for their key below them."""
    if not narrow:
        return sheet(DOUBLE, 2.7, left=0.45, bottom=0.6, top=0.25, columns=2, across=0.5)
    below = 0.42 + LINE * 1.05 * key_rows(labels, PHONE - 0.1)
    return sheet(PHONE, 3.9 + below, left=0.45, bottom=below, top=0.25, rows=2, down=0.65)


def key_below(panels: Sequence[Axes], narrow: bool) -> None:
    """Draw the key of both arms below their panels."""
    labels = panels[0].get_legend_handles_labels()[1]
    room, left = (PHONE - 0.1, 0.4) if narrow else (DOUBLE - 1, 0.0)
    rows = key_rows(labels, room) if narrow else 1
    key(panels[-1] if narrow else panels[0], above=-inches(panels[0])[1] - 0.4 - LINE * rows, left=left, room=room,
        rows=rows)  # fmt: skip


def key_rows(labels: Sequence[str], room: float) -> int:
    """How many lines a legend takes in so many inches.

    Long labels are shortened to 2 inches; where each has a row of its own, they may take two lines.
    """
    widths = [width_of(clean(label)) + SAMPLE for label in labels]
    if not widths or sum(widths) <= room:
        return min(len(widths), 1)
    columns = max(1, int(room / min(max(widths), 2.0 + SAMPLE)))
    if columns == 1:
        return sum(1 + (width > room) for width in widths)
    return -(-len(widths) // columns)


def series(place: int, count: int) -> dict[str, Any]:
    """The colour, line and marker of one of several series: a run of lightness, so that they stay apart in grey."""
    red, green, blue, _ = mpl.colormaps["viridis"](0.85 * place / max(count - 1, 1))
    style = LINES[place % len(LINES)]
    return {"color": (red, green, blue), "linestyle": style, "marker": MARKERS[place % len(MARKERS)]}


def clean(text: str) -> str:
    """The text on one line, without what no figure can show: control characters and overrides of direction."""
    return " ".join("".join(c if c.isprintable() else " " * c.isspace() for c in text).split())


@lru_cache(maxsize=4096)
def _advance(character: str) -> float:
    """The width of a character in ems, kerning aside; one em where the font lacks it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a missing glyph
        font = FontProperties(family=["DejaVu Sans"], size=100)
        return float(text_to_path.get_text_width_height_descent(f"{character}|", font, False)[0]) / 100 - _bar()


@lru_cache(maxsize=1)
def _bar() -> float:
    font = FontProperties(family=["DejaVu Sans"], size=100)
    return float(text_to_path.get_text_width_height_descent("||", font, False)[0]) / 200


def width_of(text: str, size: float = TEXT) -> float:
    """The width of the text's longest line in inches."""
    return max(sum(map(_advance, line)) for line in text.split("\n")) * size / 72


def fitted(text: str, room: float, size: float = TEXT, lines: int = 1) -> str:
    """The text in at most so many lines of ``room`` inches, what does not fit replaced by an ellipsis.

    On several lines a word too long for one is broken after its hyphens.
    """
    words, made = clean(text).split(" "), [""]
    if lines > 1:
        words = [
            f"{JOINED}{part}" if k else part
            for word in words
            for k, part in enumerate(re.split("(?<=-)", word) if width_of(word, size) > room else [word])
        ]
    while words:
        joined = words[0].startswith(JOINED)
        words[0] = words[0].removeprefix(JOINED)
        longer = f"{made[-1]}{'' if joined else ' '}{words[0]}".strip()
        if width_of(longer, size) <= room:
            made[-1] = longer
            words.pop(0)
        elif len(made) == lines or (not made[-1] and width_of(words[0], size) > room):
            made[-1] = longer
            while made[-1] and width_of(f"{made[-1]}…", size) > room:
                made[-1] = made[-1][:-1].rstrip()
            made[-1] += "…"
            break
        else:
            made.append("")
    return "\n".join(made)


def keeping(text: str, tail: str, room: float, size: float = TEXT) -> str:
    """The text and its tail on one line of ``room`` inches; what is too long is shortened before the tail."""
    return f"{fitted(text, room - width_of(tail, size), size)}{tail}"


def ending(text: str, room: float, size: float = TEXT) -> str:
    """The text on one line of ``room`` inches, of a long one its end: what tells dotted keys apart."""
    text = clean(text)
    if width_of(text, size) <= room:
        return text
    while text and width_of(f"…{text}", size) > room:
        text = text[1:]
    return f"…{text}"


def row_label(text: str, room: float, size: float = TEXT) -> str:
    """The text on one line of ``room`` inches; of a long 'name (level)' the name is shortened, not the level."""
    text = clean(text)
    name, bracket, level = text.rpartition(" (")
    if width_of(text, size) <= room or not bracket or width_of(f" ({level}", size) > 0.6 * room:
        return fitted(text, room, size)
    return keeping(name, f" ({level}", room, size)


def name_rows(axes: Axes, labels: Sequence[str], room: float, size: float = TEXT) -> None:
    """Write the names of the rows 0, 1, ... in so many inches left of the axes, in place of ticks."""
    axes.yaxis.set_visible(False)
    x = -0.06 / inches(axes)[0]
    for place, label in enumerate(labels):
        if told := row_label(label, room, size):
            axes.text(
                x, place, told, transform=axes.get_yaxis_transform(), ha="right", va="center_baseline", fontsize=size
            )


def name_above(axes: Axes, labels: Sequence[str], up: float = 0.38, spare: float = 0.0) -> None:
    """Write the names of the rows 0, 1, ... above them, as on a telephone, in place of ticks; ``up`` in rows.

    So many inches are left ``spare`` at their right.
    """
    axes.yaxis.set_visible(False)
    figure = axes.get_figure(root=True)
    assert figure is not None
    room = float(figure.get_figwidth()) * (1 - axes.get_position().x0) - 0.08 - spare
    for place, label in enumerate(labels):
        axes.text(
            0, place - up, row_label(label, room), transform=axes.get_yaxis_transform(), va="center", fontsize=TEXT,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4},
        )  # fmt: skip


def gutter(labels: Sequence[str], most: float, size: float = TEXT) -> tuple[list[str], float]:
    """The labels as they fit into at most so many inches, and the inches that they need."""
    shown = [row_label(label, most, size) for label in labels]
    return shown, max((width_of(label, size) for label in shown), default=0.0)


def apart(axes: Axes, ticks: Sequence[float], first: Sequence[float] = (1.0, 0.5, 2.0)) -> list[float]:
    """Those of the ticks of the x-axis whose labels do not touch, the ``first`` ones before all others."""
    width = inches(axes)[0]
    places = axes.transAxes.inverted().transform(axes.transData.transform([(one, 0.0) for one in ticks]))[:, 0] * width
    at = dict(zip(ticks, places, strict=True))
    kept: list[float] = []
    for one in sorted(ticks, key=lambda one: first.index(one) if one in first else len(first)):
        room = width_of(f"{one:g}") / 2 + 0.04
        if all(abs(at[one] - at[other]) > room + width_of(f"{other:g}") / 2 for other in kept):
            kept.append(one)
    return sorted(kept)


def time_axis(axes: Axes, longest: float, unit: str) -> list[float]:
    """Label the axis of time from 0, in months by quarters and years, and return its ticks."""
    axes.set_xlabel(fitted("Time" if unit == "time" else f"Time ({unit})", inches(axes)[0]), labelpad=1.5)
    most = max(2, min(7, int(inches(axes)[0] / 0.38)))
    step = next((step for step in MONTHS if longest / step < most), 0) if unit == "months" and longest > 2 else 0
    found = np.arange(0, longest, step) if step else MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(0, longest)
    ticks = [float(tick) for tick in found if 0 <= tick <= longest]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    return ticks


def svg(figure: Figure) -> str:
    """The figure as SVG: no date or version, text kept as text, identifiers that no other figure's can be."""
    text = _bytes(figure, "svg").decode()
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.S)
    text = _UNSEEN.sub("", text)
    text = re.sub(r' (?:d|x|y|transform)="[^"]*"', lambda found: _DECIMALS.sub(r"\1", found[0]), text)
    own = hashlib.sha256(text.encode()).hexdigest()[:8]
    return re.sub(r'(\bid="|href="#|url\(#)([mph][0-9a-f]{10})', rf"\1\2-{own}", text)


def save(figure: Figure, path: Path) -> None:
    """Write the figure as PNG (300 dots an inch), SVG or PDF, by the name's ending; the same bytes each time."""
    kind = path.suffix.lower().removeprefix(".")
    write_whole(path, svg(figure).encode() if kind == "svg" else _bytes(figure, kind))


def _bytes(figure: Figure, kind: str) -> bytes:
    dates: dict[str, dict[str, None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    stream = io.BytesIO()
    with _look(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the reader's font shows it, not ours
        figure.savefig(stream, format=kind, dpi=300, metadata=dates.get(kind))
    return stream.getvalue()
