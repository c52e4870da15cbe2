"""Ratios with what they range over, a row each, on one logarithmic axis; and two courses of survival side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, floor, isfinite, log

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.figures.places import SIDES, Box, along, free_place, inches_in
from analysis.figures.style import (
    CONTROL,
    GREY,
    INK,
    LINE,
    PALE,
    PHONE,
    SMALL,
    TREATED,
    clean,
    fitted,
    frame,
    gutter,
    house,
    inches,
    key,
    key_rows,
    name_above,
    name_rows,
    sheet,
    time_axis,
    width_of,
)
from simulator.numerics.arrays import Floats

ROW = 0.27
NEAR = 0.25
"""Ratios within so little of each other, on the logarithm, are drawn without the ratio of no effect."""
TICKS = (1.0, 0.5, 2.0, 0.1, 10.0, 0.2, 5.0, 0.7, 1.4, 0.05, 20.0, 0.33, 3.0, 0.25, 4.0, 0.02, 50.0)
"""Ratios that are told at the axis, those first that are told if there is little room."""
TEXTS = 1.1
"""Inches at most of the text that stands at the right of a row."""
END = 0.25
"""Inches right of the end of time for the values there."""
COLOURS = {"plain": INK, "strong": TREATED, "calm": CONTROL, "pale": GREY}
DASHED = (0, (4, 2))


@dataclass(frozen=True)
class RangeRow:
    """A ratio with its range and the text that stands at the right; NaN for what is not there.

    ``look``: plain, strong (what matters), calm (recommended) or pale. ``least`` is a range drawn below it in orange.
    """

    label: str
    low: float
    value: float
    high: float
    text: str = ""
    look: str = "plain"
    least: tuple[float, float] | None = None


@house
def ranges(
    axes: Axes, rows: Sequence[RangeRow], at: Mapping[str, float], band: tuple[float, float] | None, label: str,
    names: float = 1.65, above: bool = False,
) -> None:  # fmt: skip
    """Draw the rows from the top, with a line at 1, lines ``at`` named ratios, and a pale band.

    The names of the rows stand in so many inches ``names`` beside the axes, or ``above`` the rows.
    """
    frame(axes, "bottom")
    axes.set_xscale("log")
    low, high = _reach(rows, at, band)
    axes.set_xlim(low, high)
    axes.set_ylim(len(rows) - 0.4, -0.7 if above else -0.6)
    if band is not None:
        axes.axvspan(*band, color=PALE, alpha=0.55, linewidth=0)
    if low < 1.0 < high:
        axes.axvline(1.0, color=INK, linewidth=0.7)
    _named_lines(axes, at)
    for place, row in enumerate(rows):
        _row(axes, place, row)
    if above:
        name_above(axes, [row.label for row in rows])
    else:
        name_rows(axes, [row.label for row in rows], names)
    ticks = _ticks(axes, "x")
    axes.set_xticks(ticks, [f"{one:g}" for one in ticks])
    axes.minorticks_off()
    axes.set_xlabel(fitted(label, _room(axes), lines=2))


def _named_lines(axes: Axes, at: Mapping[str, float]) -> None:
    """Dashed lines, each named in a line of its own above the axes; a ratio that is not there is not drawn."""
    width, height = inches(axes)
    known = [(ratio, name) for name, ratio in at.items() if isfinite(ratio) and ratio > 0]
    for place, (ratio, name) in enumerate(sorted(known)):
        told, over = fitted(name, width, SMALL), (0.02 + place * LINE) / height
        axes.axvline(ratio, 0, 1 + over, color=TREATED, linewidth=0.9, linestyle=DASHED, clip_on=False)
        x, half = float(inches_in(np.array([ratio]), np.array([0.0]), axes)[0, 0]), width_of(told, SMALL) / 2
        x = max(0.0, min(x - half, width - 2 * half))
        axes.text(
            x / width, 1 + over + 0.02 / height, told, transform=axes.transAxes, fontsize=SMALL, color=TREATED,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4},
        )  # fmt: skip


def _row(axes: Axes, place: int, row: RangeRow) -> None:
    colour = COLOURS[row.look]
    if row.least is not None:
        axes.plot(row.least, [place + 0.2] * 2, color=TREATED, linewidth=2.4, solid_capstyle="butt")
    if isfinite(row.low) and isfinite(row.high):
        axes.plot([row.low, row.high], [place] * 2, color=colour, linewidth=1.6, solid_capstyle="butt")
    if isfinite(row.value):
        marker = "o" if row.look != "calm" else "D"
        axes.plot(
            [row.value], [place], marker, color=colour, markersize=4, markeredgecolor="white", markeredgewidth=0.4
        )
    axes.text(
        1 + 0.08 / inches(axes)[0], place, fitted(row.text, TEXTS, SMALL), transform=axes.get_yaxis_transform(),
        va="center_baseline", fontsize=SMALL, color=INK,
    )  # fmt: skip


def _reach(rows: Sequence[RangeRow], at: Mapping[str, float], band: tuple[float, float] | None) -> tuple[float, float]:
    known = [*at.values(), *(band or ())]
    known += [one for row in rows for one in (row.low, row.value, row.high, *(row.least or ()))]
    logs = [log(one) for one in known if isfinite(one) and one > 0] or [0.0]
    if max(logs) - min(logs) > NEAR:
        logs.append(0.0)
    room = max(max(logs) - min(logs), 0.06)
    return exp(min(logs) - 0.05 * room), exp(max(logs) + 0.07 * room)


def _ticks(axes: Axes, of: str) -> list[float]:
    """Ratios within the limits of the axis ``of`` x or y whose labels do not touch."""
    low, high = axes.get_xlim() if of == "x" else axes.get_ylim()
    length, whole = inches(axes)[0 if of == "x" else 1], log(high / low)
    tens = [10.0**k for k in range(floor(log(low, 10)), floor(log(high, 10)) + 1)]
    kept: list[tuple[float, float, float]] = []
    for one in (*TICKS, *tens):
        if low <= one <= high:
            at = length * log(one / low) / whole
            half = 0.06 + width_of(f"{one:g}") / 2 if of == "x" else 0.1
            if all(abs(at - other) > half + room for _, other, room in kept):
                kept.append((one, at, half))
    if len(kept) > 1:
        return sorted(one for one, *_ in kept)
    found = MaxNLocator(max(2, min(4, int(length / 0.55)))).tick_values(low, high)
    return [float(one) for one in found if low < one < high]


def _room(axes: Axes) -> float:
    """Inches of a line centred below the axes that does not leave the page."""
    where = axes.get_position()
    return float(_page(axes) * (where.width + 2 * min(where.x0, 1 - where.x1)) - 0.08)


def _page(axes: Axes) -> float:
    """How many inches wide the page is."""
    page = axes.get_figure(root=True)
    assert page is not None
    return float(page.get_figwidth())


@house
def ranges_of(
    rows: Sequence[RangeRow], at: Mapping[str, float], band: tuple[float, float] | None, label: str,
    width: float = 4.6, names: float = 1.65,
) -> Figure:  # fmt: skip
    """The rows at a width in inches; on a narrow page the names stand above their rows."""
    above = width <= PHONE
    texts = max((width_of(fitted(row.text, TEXTS, SMALL), SMALL) for row in rows), default=0.0)
    left = 0.1 if above else gutter([row.label for row in rows], names)[1] + 0.12
    right, top, bottom = texts + 0.16, 0.06 + LINE * len(at), 0.42 + LINE
    row = ROW + (LINE * 1.25 if above else 0.0)
    high = row * (len(rows) + (0.3 if above else 0.2))
    figure, (axes,) = sheet(width, high + top + bottom, left=left, right=right, bottom=bottom, top=top)
    if width_of(clean(label)) <= _room(axes):
        figure, (axes,) = sheet(width, high + top + 0.42, left=left, right=right, bottom=0.42, top=top)
    ranges(axes, rows, at, band, label, names, above)
    return figure


@house
def two_courses_of(
    time: Floats, shares: tuple[Floats, Floats], arms: tuple[str, str], marks: Sequence[float], unit: str, label: str,
    width: float = 3.7,
) -> Figure:  # fmt: skip
    """Shares without the event ``(T,)`` over ``time (T,)``, the untreated first, with their values at marks."""
    top = 0.12 + key_rows(arms, width - 0.2) * LINE * 1.05
    figure, (axes,) = sheet(width, 0.72 * width + 0.1 + top, left=0.42, bottom=0.38, top=top, right=END + 0.03)
    frame(axes, "left", "bottom")
    time_axis(axes, float(time[-1]), unit)
    axes.set_xlim(0, float(time[-1]))
    axes.set_ylim(0, 102)
    taken: list[Box] = []
    for name, share, colour, style in zip(arms, shares, (CONTROL, TREATED), (DASHED, "-"), strict=True):
        axes.plot(time, 100 * share, color=colour, linestyle=style, linewidth=1.5, label=name)
        taken += along(inches_in(time, 100 * share, axes))
    for mark in marks:
        axes.axvline(mark, color=PALE, linewidth=0.8, zorder=0)
        values = [100 * float(np.interp(mark, time, share)) for share in shares]
        for k, colour in ((0, CONTROL), (1, TREATED)):
            axes.plot([mark], [values[k]], "o", color=colour, markersize=3, clip_on=False)
            higher = values[k] > values[1 - k] or (values[k] == values[1 - k] and k == 1)
            sides = ((1, 1), (0, 1), (1, 0)) if higher else ((-1, -1), (0, -1), (1, 1), (1, 0))
            _name(axes, (mark, values[k]), [f"{values[k]:.0f}"], colour, taken, sides, END)
    axes.set_ylabel(fitted(label, inches(axes)[1]))
    key(axes, left=0.3, room=width - 0.2)
    return figure


def _name(
    axes: Axes, point: tuple[float, float], told: Sequence[str], colour: str, taken: list[Box],
    sides: Sequence[tuple[int, int]] = SIDES, beyond: float = 0.0,
) -> bool:  # fmt: skip
    """Write the first of the texts that is free beside the point, if any is; it is then among what is taken."""
    width, height = inches(axes)
    for at in inches_in(np.array(point[:1]), np.array(point[1:]), axes).tolist():
        for text in told:
            box = free_place(at, width_of(text, SMALL), taken, axes, sides, beyond)
            if box is not None:
                place = (box[0] / width, (box[1] + 0.02) / height)
                axes.text(*place, text, transform=axes.transAxes, fontsize=SMALL, color=colour)
                taken.append(box)
                return True
    return False


@house
def size_curve_of(
    sizes: Floats, ratio: Floats, error: Floats, published: Mapping[str, float], marks: Sequence[tuple[str, float]],
    label: str, width: float = 4.6,
) -> Figure:  # fmt: skip
    """The ratio found ``(K,)`` over the size of a bias, with lines at published ratios and named sizes marked."""
    for bottom in (0.42, 0.42 + LINE):
        high = 0.55 * width - 0.2
        figure, (axes,) = sheet(width, high + bottom + 0.1, left=0.45, bottom=bottom, top=0.1, right=0.12)
        if width_of(clean(label)) <= _room(axes):
            break
    frame(axes, "left", "bottom")
    axes.set_yscale("log")
    if sizes[0] == 1.0:
        axes.set_xscale("log")
    axes.fill_between(
        sizes, ratio * np.exp(-1.96 * error), ratio * np.exp(1.96 * error), color=CONTROL, alpha=0.2, linewidth=0
    )
    axes.plot(sizes, ratio, color=CONTROL, linewidth=1.5, marker="o", markersize=3)
    everything = [one for one in (*ratio, *published.values(), 1.0) if isfinite(one)]
    least, most = min(everything), max(everything)
    room = max(log(most / least), 0.1) / (inches(axes)[1] - 0.35)
    axes.set_ylim(least * exp(-0.2 * room), most * exp(0.15 * room))  # room for names
    axes.set_xlim(*axes.get_xlim())
    _sizes_named(axes, sizes, ratio, published, marks)
    ticks = _ticks(axes, "y")
    axes.set_yticks(ticks, [f"{one:g}" for one in ticks])
    if sizes[0] == 1.0:
        shown = _ticks(axes, "x")
        axes.set_xticks(shown, [f"{one:g}" for one in shown])
    axes.minorticks_off()
    axes.set_xlabel(fitted(label, _room(axes), lines=2))
    axes.set_ylabel("Hazard ratio found")
    return figure


def _sizes_named(
    axes: Axes, sizes: Floats, ratio: Floats, published: Mapping[str, float], marks: Sequence[tuple[str, float]]
) -> None:
    """Draw the lines and the diamonds, and name them where nothing else stands."""
    scaled, ends = axes.get_xscale() == "log", axes.get_xlim()
    axes.axhline(1.0, color=INK, linewidth=0.7)
    taken = along(inches_in(sizes, ratio, axes))
    lines = [
        one for value in (1.0, *published.values()) for one in along(inches_in(np.array(ends), np.full(2, value), axes))
    ]
    diamonds = []
    for name, size in marks:
        at = exp(np.interp(log(size) if scaled else size, np.log(sizes) if scaled else sizes, np.log(ratio)))
        axes.plot([size], [at], "D", color=INK, markersize=4.5)
        taken += along(inches_in(np.array([size]), np.array([at]), axes), 0.04)
        diamonds.append((name, (size, at)))
    for name, value in published.items():
        axes.axhline(value, color=TREATED, linewidth=0.9, linestyle=DASHED)
        told = [fitted(name, room, SMALL) for room in (2.2, 1.2, 0.6)]
        for x, side, up in ((ends[1], -1, 1), (ends[0], 1, 1), (ends[1], -1, -1), (ends[0], 1, -1)):
            if _name(axes, (x, value), told, TREATED, taken, [(side, up)]):
                break
    taken += lines
    for name, point in diamonds:
        _name(axes, point, [fitted(name, room, SMALL) for room in (2.2, 1.4, 0.8, 0.45)], INK, taken)
