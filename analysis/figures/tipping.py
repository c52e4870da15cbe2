"""The tipping figure: true effects over the strengths of an unmeasured confounder."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from analysis.figures.style import (
    GREY,
    INK,
    LINE,
    PHONE,
    SMALL,
    TREATED,
    fitted,
    frame,
    house,
    inches,
    key,
    sheet,
    width_of,
)
from simulator.numerics.arrays import Floats

WIDTH = 4.2
TICKS = (1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32)


@house
def tipping(
    axes: Axes, odds_ratios: Floats, hazard_ratios: Floats, true_log_hr: Floats, bound_log_hr: Floats,
    measured: Sequence[tuple[str, float, float]],
) -> None:  # fmt: skip
    """Draw contours of the true HR ``(A, B)`` behind the published HR, and where nothing is left of it or its bound.

    Hazard ratios are drawn as strengths, at least 1 whatever their direction; ``measured`` are (term, OR, HR).
    """
    frame(axes, "left", "bottom", "top", "right")
    strengths = np.maximum(hazard_ratios, 1 / hazard_ratios)
    shown = np.ma.masked_invalid(np.exp(true_log_hr.T))
    axes.set_xscale("log")
    axes.set_yscale("log")
    told: list[tuple[float, float]] = []
    axes.set_xlim(1, float(odds_ratios[-1]))
    axes.set_ylim(1, float(strengths.max()))
    if shown.count():
        low, high = float(shown.min()), float(shown.max())
        levels = [
            level
            for level in (*np.arange(0.1, 2.0, 0.1), *np.arange(2.0, 5.0, 0.5))
            if low < level < high and abs(level - 1) > 1e-9
        ]
        if levels and low < high:
            axes.contourf(odds_ratios, strengths, shown, levels=sorted({low, *levels, high}), cmap="Greys", alpha=0.35)
            lines = axes.contour(odds_ratios, strengths, shown, levels=levels, colors=GREY, linewidths=0.6)
            told = _labels(axes, lines)
    for surface, style, label in (
        (true_log_hr, "-", "beyond it nothing is left of the effect"),
        (bound_log_hr, "--", "beyond it the interval includes no effect"),
    ):
        values = np.ma.masked_invalid(surface.T)
        if values.count() and values.min() < 0 < values.max():
            axes.contour(odds_ratios, strengths, values, levels=[0.0], colors=TREATED, linewidths=1.8, linestyles=style)
        else:
            label += ": not reached"
        axes.plot([], [], color=TREATED, linewidth=1.8, linestyle=style, label=label)
    spots = [(term, max(x, 1 / x), max(y, 1 / y)) for term, x, y in measured if x > 0 and y > 0]
    if spots:
        axes.plot(
            [x for _, x, _ in spots], [y for *_, y in spots], marker="o", markersize=3.5, color=INK, linestyle="none",
            label="traits that were recorded", clip_on=False, zorder=4,
        )  # fmt: skip
    top = float(max(odds_ratios[-1], strengths.max()))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator([tick for tick in TICKS if tick <= top * 1.001]))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    _names(axes, spots, told)
    width, height = inches(axes)
    axes.set_xlabel(fitted("The trait makes treatment so many times likelier (odds ratio)", width, lines=2))
    axes.set_ylabel(fitted("… and changes the hazard so many times", height, lines=2))
    key(axes, left=0.4)


def _labels(axes: Axes, lines: ContourSet) -> list[tuple[float, float]]:
    """Say the HR on the contours, but not where two would lie on one another; where they stand, in inches."""
    (width, height), (_, right), (_, top) = inches(axes), axes.get_xlim(), axes.get_ylim()
    kept: list[tuple[float, float]] = []
    for text in axes.clabel(lines, fmt="%.1f", fontsize=SMALL, colors=INK):
        x, y = text.get_position()
        at = float(np.log(x) / np.log(right) * width), float(np.log(y) / np.log(top) * height)
        over = at[1] > height - 0.06  # where the legend begins
        if over or any(abs(at[0] - a) < 0.19 and abs(at[1] - b) < 0.19 for a, b in kept):
            text.set_visible(False)
        else:
            kept.append(at)
    return kept


def _names(axes: Axes, spots: Sequence[tuple[str, float, float]], told_at: Sequence[tuple[float, float]]) -> None:
    """Name the covariates that stand apart, the strongest first, where the name hits no other name or dot."""
    (width, height), (_, right), (_, top) = inches(axes), axes.get_xlim(), axes.get_ylim()
    placed = [(np.log(x) / np.log(right) * width, np.log(y) / np.log(top) * height) for _, x, y in spots]
    taken = [(x - 0.03, y - 0.03, x + 0.03, y + 0.03) for x, y in placed]
    taken += [(x - 0.1, y - 0.1, x + 0.1, y + 0.1) for x, y in told_at]
    for k in sorted(range(len(spots)), key=lambda k: -placed[k][0] - placed[k][1]):
        told, (x, y) = fitted(spots[k][0], 1.0, SMALL), placed[k]
        wide = width_of(told, SMALL)
        for left, low in ((x + 0.06, y - 0.02), (x - 0.06 - wide, y - 0.02), (x - wide / 2, y + 0.06)):
            box = (left, low, left + wide, low + 0.1)
            hits = any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken)
            if not hits and box[0] >= 0.03 and box[2] <= width and box[1] >= 0.03 and box[3] <= height:
                axes.text(
                    left / width, low / height, told, transform=axes.transAxes, fontsize=SMALL, color=INK, zorder=4
                )
                taken.append(box)
                break


@house
def tipping_of(
    odds_ratios: Floats, hazard_ratios: Floats, true_log_hr: Floats, bound_log_hr: Floats,
    measured: Sequence[tuple[str, float, float]], narrow: bool = False,
) -> Figure:  # fmt: skip
    """The contours, a little wider than one column, or as wide as a telephone."""
    width, bottom = (PHONE, 0.4 + LINE) if narrow else (WIDTH, 0.4)
    top = 0.12 + 3.15 * LINE
    figure, (axes,) = sheet(width, width - 0.6 + bottom + top, left=0.5, bottom=bottom, top=top)
    tipping(axes, odds_ratios, hazard_ratios, true_log_hr, bound_log_hr, measured)
    return figure
