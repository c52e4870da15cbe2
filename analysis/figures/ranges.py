"""Ratios with what they range over, a row each, on one logarithmic axis; and two courses of survival side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, isfinite, log

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.figures.style import (
    CONTROL,
    GREY,
    INK,
    LINE,
    PALE,
    PHONE,
    SMALL,
    TREATED,
    fitted,
    frame,
    gutter,
    house,
    inches,
    name_rows,
    sheet,
    time_axis,
    width_of,
)
from simulator.numerics.arrays import Floats

ROW = 0.27
NEAR = 0.25
"""Ratios within so little of each other, on the logarithm, are drawn without the ratio of no effect."""
TICKS = (0.02, 0.05, 0.1, 0.2, 0.25, 0.33, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)
COLOURS = {"plain": INK, "strong": TREATED, "calm": CONTROL, "pale": GREY}


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
    axes: Axes, rows: Sequence[RangeRow], at: Mapping[str, float], band: tuple[float, float] | None, label: str
) -> None:
    """Draw the rows from the top, with a line at 1, lines ``at`` named ratios, and a pale band."""
    frame(axes, "bottom")
    axes.set_xscale("log")
    low, high = _reach(rows, at, band)
    axes.set_xlim(low, high)
    axes.set_ylim(len(rows) - 0.4, -0.75)
    if band is not None:
        axes.axvspan(*band, color=PALE, alpha=0.55, linewidth=0)
    if low < 1.0 < high:
        axes.axvline(1.0, color=INK, linewidth=0.7)
    for place, (name, ratio) in enumerate(at.items()):
        axes.axvline(ratio, color=TREATED, linewidth=0.9, linestyle=(0, (4, 2)))
        axes.annotate(
            name, (ratio, 1.0), (2, -1 - 8 * place), xycoords=axes.get_xaxis_transform(), textcoords="offset points",
            fontsize=SMALL, color=TREATED, va="bottom",
        )  # fmt: skip
    for place, row in enumerate(rows):
        _row(axes, place, row)
    ticks = [one for one in TICKS if low <= one <= high]
    while len(ticks) > 3 and len(ticks) * 0.42 > inches(axes)[0]:
        ticks = [one for k, one in enumerate(ticks) if k % 2 == ticks.index(1.0) % 2] if 1.0 in ticks else ticks[::2]
    ticks = (
        ticks if len(ticks) > 1 else [float(one) for one in MaxNLocator(4).tick_values(low, high) if low < one < high]
    )
    axes.set_xticks(ticks, [f"{one:g}" for one in ticks])
    axes.minorticks_off()
    _named_below(axes, label)


def _named_below(axes: Axes, label: str) -> None:
    """Put the name of the axis in its middle, or as near as it is whole within the figure."""
    width, whole = inches(axes)[0], axes.figure.get_figwidth()  # type: ignore[union-attr]
    left, text = axes.get_position().x0 * whole, fitted(label, 0.95 * whole)
    half = min(1.05 * width_of(text), whole) / 2
    middle = min(max(left + width / 2, half), whole - half)
    axes.set_xlabel(text, x=(middle - left) / width)


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
    width = inches(axes)[0]
    axes.text(
        1 + 0.08 / width, place, row.text, transform=axes.get_yaxis_transform(), va="center_baseline", fontsize=SMALL,
        color=INK,
    )  # fmt: skip


def _reach(rows: Sequence[RangeRow], at: Mapping[str, float], band: tuple[float, float] | None) -> tuple[float, float]:
    known = [*at.values(), *(band or ())]
    known += [one for row in rows for one in (row.low, row.value, row.high, *(row.least or ()))]
    logs = [log(one) for one in known if isfinite(one) and one > 0] or [0.0]
    if max(logs) - min(logs) > NEAR:
        logs.append(0.0)
    room = max(max(logs) - min(logs), 0.06)
    return exp(min(logs) - 0.05 * room), exp(max(logs) + 0.07 * room)


@house
def ranges_of(
    rows: Sequence[RangeRow], at: Mapping[str, float], band: tuple[float, float] | None, label: str,
    width: float = 4.6, names: float = 1.65,
) -> Figure:  # fmt: skip
    """The rows at a width in inches; on a narrow page the names stand above their rows."""
    narrow = width <= PHONE
    texts = max((width_of(row.text, SMALL) for row in rows), default=0.0)
    top = 0.16
    if narrow:
        figure, (axes,) = sheet(
            width, (ROW + LINE * 1.25) * len(rows) + 0.45 + top, left=0.1, right=texts + 0.16, bottom=0.42, top=top
        )
        ranges(axes, rows, at, band, label)
        axes.yaxis.set_visible(False)
        for place, row in enumerate(rows):
            axes.text(
                0, place - 0.42, fitted(row.label, width - 0.2), transform=axes.get_yaxis_transform(), va="center"
            )
        axes.set_ylim(len(rows) - 0.4, -0.85)
        return figure
    left = gutter([row.label for row in rows], names)[1] + 0.12
    figure, (axes,) = sheet(width, ROW * len(rows) + 0.55 + top, left=left, right=texts + 0.16, bottom=0.42, top=top)
    ranges(axes, rows, at, band, label)
    name_rows(axes, [row.label for row in rows], names)
    return figure


@house
def two_courses_of(
    time: Floats, shares: tuple[Floats, Floats], arms: tuple[str, str], marks: Sequence[float], unit: str, label: str,
    width: float = 3.7,
) -> Figure:  # fmt: skip
    """Shares without the event ``(T,)`` over ``time (T,)``, the untreated first, with their values at marks."""
    figure, (axes,) = sheet(width, 0.72 * width + 0.2, left=0.42, bottom=0.38, top=0.12)
    frame(axes, "left", "bottom")
    time_axis(axes, float(time[-1]), unit)
    for name, share, colour, style in zip(arms, shares, (CONTROL, TREATED), ((0, (4, 1.5)), "-"), strict=True):
        axes.plot(time, 100 * share, color=colour, linestyle=style, linewidth=1.5, label=name)
        place = int(len(time) * 0.18) if colour == TREATED else int(len(time) * 0.12)
        lift = 6 if colour == TREATED else -10
        axes.annotate(
            fitted(name, 1.4), (time[place], 100 * share[place]), (5, lift), textcoords="offset points", color=colour,
            fontsize=SMALL,
        )  # fmt: skip
    for mark in marks:
        axes.axvline(mark, color=PALE, linewidth=0.8, zorder=0)
        for share, colour, lift in ((shares[0], CONTROL, -9), (shares[1], TREATED, 4)):
            value = float(np.interp(mark, time, share))
            axes.plot([mark], [100 * value], "o", color=colour, markersize=3)
            axes.annotate(
                f"{100 * value:.0f}", (mark, 100 * value), (3, lift), textcoords="offset points", color=colour,
                fontsize=SMALL,
            )  # fmt: skip
    axes.set_ylim(0, 102)
    axes.set_ylabel(fitted(label, 0.72 * width))
    return figure


@house
def size_curve_of(
    sizes: Floats, ratio: Floats, error: Floats, published: Mapping[str, float], marks: Sequence[tuple[str, float]],
    label: str, width: float = 4.6,
) -> Figure:  # fmt: skip
    """The ratio found ``(K,)`` over the size of a bias, with lines at published ratios and named sizes marked."""
    figure, (axes,) = sheet(width, 0.55 * width + 0.3, left=0.45, bottom=0.4, top=0.1, right=0.12)
    frame(axes, "left", "bottom")
    scaled = sizes[0] == 1.0
    axes.set_yscale("log")
    if scaled:
        axes.set_xscale("log")
    axes.fill_between(
        sizes, ratio * np.exp(-1.96 * error), ratio * np.exp(1.96 * error), color=CONTROL, alpha=0.2, linewidth=0
    )
    axes.plot(sizes, ratio, color=CONTROL, linewidth=1.5, marker="o", markersize=3)
    for name, value in published.items():
        axes.axhline(value, color=TREATED, linewidth=0.9, linestyle=(0, (4, 2)))
        axes.annotate(
            name, (1.0, value), (-2, 2), xycoords=axes.get_yaxis_transform(), textcoords="offset points", ha="right",
            fontsize=SMALL, color=TREATED,
        )  # fmt: skip
    everything = [*ratio[np.isfinite(ratio)], *published.values(), 1.0]
    low, high = min(everything) / 1.12, max(everything) * 1.12
    axes.set_ylim(low, high)
    ticks = [one for one in TICKS if low <= one <= high]
    axes.set_yticks(ticks, [f"{one:g}" for one in ticks])
    axes.axhline(1.0, color=INK, linewidth=0.7)
    for k, (name, size) in enumerate(marks):
        at = float(np.interp(log(size) if scaled else size, np.log(sizes) if scaled else sizes, ratio))
        axes.plot([size], [at], "D", color=INK, markersize=4.5)
        axes.annotate(
            fitted(name, 2.2), (size, at), (5, -11 if k % 2 else 5), textcoords="offset points", fontsize=SMALL,
            color=INK, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )  # fmt: skip
    if scaled:
        shown = [one for one in (1, 1.5, 2, 3, 5, 7, 10, 20) if sizes[0] <= one <= sizes[-1]]
        axes.set_xticks(shown, [f"{one:g}" for one in shown])
    axes.minorticks_off()
    _named_below(axes, label)
    axes.set_ylabel("Hazard ratio found")
    return figure
