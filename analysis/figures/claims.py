"""Rates of claims: a dot with its Monte Carlo interval for each world."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.style import (
    CONTROL,
    DOUBLE,
    GREY,
    INK,
    LINE,
    PHONE,
    TREATED,
    frame,
    gutter,
    house,
    key,
    key_rows,
    name_above,
    name_rows,
    sheet,
)

ROW = 0.22
LABELS = 2.4
COLOURS = (INK, TREATED, CONTROL)
MARKERS = ("o", "s", "D")
FACES = (INK, "white", CONTROL)


@house
def rates(
    axes: Axes, rows: Mapping[str, Sequence[tuple[float, float]]], worlds: Sequence[str], alpha: float,
    above: bool = False,
) -> None:  # fmt: skip
    """Draw a row per claim, with its rate and Monte Carlo SE in each of three worlds; a line at the nominal ``alpha``.

    Whiskers are 1.96 Monte Carlo SE. The names stand beside the rows, or ``above`` them.
    """
    frame(axes, "bottom")
    apart = 0.16 if above else 0.25
    for place, (world, colour, marker, face) in enumerate(zip(worlds, COLOURS, MARKERS, FACES, strict=True)):
        values = [100 * row[place][0] for row in rows.values()]
        errors = [196 * row[place][1] for row in rows.values()]
        at = [k + apart * (place - 1) for k in range(len(rows))]
        axes.errorbar(
            values, at, xerr=errors, fmt=marker, markersize=3.2, color=colour, markerfacecolor=face,
            markeredgewidth=0.7, elinewidth=0.9, label=world,
        )  # fmt: skip
    axes.axvline(100 * alpha, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)))
    if above:
        name_above(axes, list(rows))
    else:
        name_rows(axes, list(rows), LABELS)
    axes.set_ylim(max(len(rows), 1) - 0.4, -0.7 if above else -0.6)
    axes.set_xlim(-2, 102)
    axes.set_xlabel("Studies that make the claim, %")
    key(axes)


@house
def rates_of(
    rows: Mapping[str, Sequence[tuple[float, float]]], worlds: Sequence[str], alpha: float, narrow: bool = False
) -> Figure:
    """The rates at the width of two columns, or of a telephone."""
    width, left = (PHONE, 0.1) if narrow else (DOUBLE, gutter(list(rows), LABELS)[1] + 0.12)
    top = 0.12 + key_rows(worlds, width - left - 0.1) * LINE * 1.05
    row = ROW + (LINE * 1.4 if narrow else 0.0)
    figure, (axes,) = sheet(width, row * max(len(rows), 1) + 0.4 + top, left=left, bottom=0.4, top=top)
    rates(axes, rows, worlds, alpha, narrow)
    return figure
