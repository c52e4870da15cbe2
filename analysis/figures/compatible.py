"""Densities of the true hazard ratio: before and after the paper is taken into account."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from analysis.figures.style import (
    CONTROL,
    GREY,
    INK,
    LINE,
    LINES,
    PHONE,
    TREATED,
    apart,
    fitted,
    frame,
    house,
    inches,
    key,
    key_rows,
    sheet,
)
from simulator.numerics.arrays import Floats

COLOURS = (TREATED, CONTROL, INK, GREY)
WIDTH = 4.6
TICKS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5)


@house
def densities(axes: Axes, shown: Sequence[tuple[str, Floats, Floats, Floats]], published: float, label: str) -> None:
    """Draw a curve per suspicion (name, true log HR, prior, posterior), its prior filled, and the published HR."""
    frame(axes, "bottom")
    for place, (name, values, prior, density) in enumerate(shown):
        colour, style = COLOURS[place % len(COLOURS)], LINES[place % len(LINES)]
        wide = 1.6 if place < len(COLOURS) else 0.8
        axes.plot(np.exp(values), density, color=colour, linestyle=style, linewidth=wide, label=name)
        axes.fill_between(np.exp(values), prior, color=colour, alpha=0.1, linewidth=0)
    axes.axvline(published, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), label="published")
    axes.axvline(1.0, color=GREY, linewidth=0.7)
    axes.set_xscale("log")
    ends = [_ends(one) for one in shown] or [(0.1, 2.0)]
    low, high = min(published / 1.1, *(one for one, _ in ends)), max(published * 1.1, *(one for _, one in ends))
    axes.set_xlim(low, high)
    axes.set_xticks(apart(axes, [tick for tick in TICKS if low <= tick <= high], (1.0, 0.5, 0.2, 0.1)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(bottom=0)
    axes.set_yticks([])
    lines = 2 if inches(axes)[0] < PHONE else 1
    axes.set_xlabel(fitted(f"True {label} (logarithmic)", inches(axes)[0], lines=lines))
    axes.set_ylabel(fitted("How plausible; filled: before the paper", inches(axes)[1], lines=2))
    key(axes)


def _ends(shown: tuple[str, Floats, Floats, Floats]) -> tuple[float, float]:
    """Where a density is worth drawing: within 0.3 % of the highest posterior or prior."""
    _, values, prior, density = shown
    high = np.maximum(prior, density)
    inside = np.flatnonzero(high > 0.003 * high.max())
    return float(np.exp(values[inside[0]])), float(np.exp(values[inside[-1]]))


@house
def densities_of(
    shown: Sequence[tuple[str, Floats, Floats, Floats]], published: float, label: str, narrow: bool = False
) -> Figure:
    """The densities at the width of one and a half columns, or of a telephone."""
    width = PHONE if narrow else WIDTH
    top = 0.12 + key_rows([*(name for name, *_ in shown), "published"], width - 0.4) * LINE * 1.05
    bottom = 0.4 + (LINE if narrow else 0.0)
    figure, (axes,) = sheet(width, 0.45 * width + 0.05 + bottom + top, left=0.3, bottom=bottom, top=top)
    densities(axes, shown, published, label)
    return figure
