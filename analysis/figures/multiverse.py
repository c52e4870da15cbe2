"""The specification curve: one cohort's estimates in order, and the choices that made them below."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from analysis.figures.style import (
    CONTROL,
    CONTROL_PALE,
    DOUBLE,
    GREY,
    INK,
    LINE,
    PHONE,
    SMALL,
    TREATED,
    TREATED_PALE,
    fitted,
    frame,
    gutter,
    house,
    inches,
    key,
    name_above,
    name_rows,
    sheet,
)
from simulator.numerics.arrays import Bools, Floats

ROW, GAP, BOTTOM = 0.14, 0.12, 0.4
LABELS = 2.3
TICKS = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1, 1.5, 2, 3, 5)


@house
def specification_curve(
    axes: Axes,
    curve: Floats,
    reached: Bools,
    choices: Sequence[Mapping[str, str]],
    published: float | None,
    endpoint: str,
    level: float = 0.95,
    above: bool = False,
) -> None:
    """Draw estimates, low and high ``(S, >=3)`` on the log scale, in order, and below the axes a dot for each choice.

    ``level`` is that of the intervals.
    Specifications without an estimate are left out; those that ``reached (S,)`` the claim have full dots, the others
    open triangles. The choices take `height_below` inches below the axes, their names beside them or ``above``.
    """
    frame(axes, "left")
    order = np.argsort(curve[:, 0], kind="stable")
    order = order[np.isfinite(curve[order, 0])]
    at = np.arange(len(order), dtype=np.float64)
    value, low, high = np.exp(curve[order, :3]).T
    axes.set_yscale("log")
    looks = _looks(reached[order])
    for which, line, colour, face, marker, label in looks:
        if which.any():
            gap = np.full(int(which.sum()), np.nan)
            bars = np.column_stack([low[which], high[which], gap]).ravel()
            axes.plot(np.repeat(at[which], 3), bars, color=line, linewidth=0.8, zorder=1)
            axes.plot(
                at[which], value[which], linestyle="none", marker=marker, markersize=2.6, color=colour,
                markerfacecolor=face, markeredgewidth=0.6, label=label,
            )  # fmt: skip
    axes.axhline(1.0, color=GREY, linewidth=0.7)
    if published is not None:
        axes.axhline(published, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), label="published")
    if len(order):
        known = [*low[np.isfinite(low)], *high[np.isfinite(high)], *value, 1.0, *([published] if published else [])]
        axes.set_ylim(min(known) / 1.06, max(known) * 1.06)
        axes.set_xlim(-0.02 * len(order) - 0.5, 1.02 * len(order) - 0.5)
    limits = axes.get_ylim()
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_yticks([tick for tick in TICKS if limits[0] <= tick <= limits[1]])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.set_ylabel(fitted(f"{endpoint} hazard ratio, {100 * level:.6g} % CI", inches(axes)[1]))
    key(axes, rows=0 if above else 1)
    _choices(axes, _rows(choices), [choices[s] for s in order], looks, above)


def _looks(reached: Bools) -> list[tuple[Bools, str, str, str, str, str]]:
    return [
        (reached, TREATED_PALE, TREATED, TREATED, "o", "finds an effect"),
        (~reached, CONTROL_PALE, CONTROL, "white", "^", "does not"),
    ]


def _choices(
    axes: Axes, rows: Sequence[tuple[str, str]], choices: Sequence[Mapping[str, str]],
    looks: Sequence[tuple[Bools, str, str, str, str, str]], above: bool,
) -> None:  # fmt: skip
    height = inches(axes)[1]
    tall = _row(above) * max(len(rows), 1) / height
    below = axes.inset_axes((0.0, -GAP / height - tall, 1.0, tall), sharex=axes)
    frame(below, "bottom")
    for which, _, colour, face, marker, _ in looks:
        own: list[int] = np.flatnonzero(which).tolist()
        spots = [(s, place) for place, row in enumerate(rows) for s in own if _has(choices[s], *row)]
        if spots:
            below.plot(
                *zip(*spots, strict=True), linestyle="none", marker=marker, markersize=2.2, color=colour,
                markerfacecolor=face, markeredgewidth=0.5,
            )  # fmt: skip
    if above:
        name_above(below, [_name(*row) for row in rows])
    else:
        name_rows(below, [_name(*row) for row in rows], LABELS, SMALL)
    below.set_ylim(max(len(rows), 1) - 0.4, -0.7 if above else -0.6)
    below.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.tick_params(bottom=False, labelbottom=False)
    below.set_xlabel(fitted("Defensible analyses, in the order of what they find", inches(axes)[0], lines=2))


def _name(axis: str, value: str) -> str:
    return f"{axis}: {value}" if axis else value


def _rows(choices: Sequence[Mapping[str, str]]) -> list[tuple[str, str]]:
    axes = dict.fromkeys(axis for one in choices for axis in one)
    rows = [(axis, value) for axis in axes for value in dict.fromkeys(one[axis] for one in choices if axis in one)]
    return rows + ([("", "another method")] if any(not one for one in choices) else [])


def _has(choices: Mapping[str, str], axis: str, value: str) -> bool:
    return choices.get(axis) == value if axis else not choices


def _row(above: bool) -> float:
    return ROW + LINE if above else ROW


def height_below(choices: Sequence[Mapping[str, str]], above: bool = False) -> float:
    """The inches that the choices and the axis take below the axes."""
    return GAP + _row(above) * max(len(_rows(choices)), 1) + BOTTOM + (LINE if above else 0.0)


@house
def specification_curve_of(
    curve: Floats, reached: Bools, choices: Sequence[Mapping[str, str]], published: float | None, endpoint: str,
    level: float = 0.95, narrow: bool = False,
) -> Figure:  # fmt: skip
    """The curve and the choices at the width of two columns, or of a telephone."""
    width = PHONE if narrow else DOUBLE
    left = 0.42 if narrow else max(0.6, gutter([_name(*row) for row in _rows(choices)], LABELS, SMALL)[1] + 0.12)
    below, top = height_below(choices, narrow), 0.3 + (2 * LINE if narrow else 0.0)
    figure, (axes,) = sheet(width, 2.2 + below + top, left=left, bottom=below, top=top)
    specification_curve(axes, curve, reached, choices, published, endpoint, level, narrow)
    return figure
