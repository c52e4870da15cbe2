"""A measure over what a sweep sets: against the value where it is a number, else a row for each setting."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from analysis.figures.style import (
    DOUBLE,
    GREY,
    INK,
    LINE,
    PHONE,
    TEXT,
    clean,
    fitted,
    frame,
    house,
    inches,
    key,
    key_rows,
    series,
    sheet,
    title,
    width_of,
)
from simulator.numerics.arrays import Floats

Measured = Mapping[str, tuple[Floats, Floats]]
"""By name of the analysis: values and their simulation errors, a place for each setting."""
RATIO = 20
"""Values whose largest is so many times the smallest are drawn on a log scale."""
LABELS = 2.6
ROW = 0.13
DOWN = 0.75
"""Inches: of the name of a setting, of each analysis in its row, and between rows of panels."""
ABREAST = 3


@house
def swept(
    axes: Axes, x: Floats, measured: Measured, x_label: str, label: str, reference: float, keyed: bool = True
) -> None:  # fmt: skip
    """Draw the measure against the values that were swept, a line for each analysis, whiskers of 1.96 errors.

    ``keyed``: with a legend above.
    """
    frame(axes, "left", "bottom")
    order = np.argsort(x, kind="stable")
    at = x[order]
    logged = bool(np.all(at > 0) and at[-1] / at[0] >= RATIO)
    axes.axhline(reference, color=INK, linewidth=0.7, linestyle=(0, (4, 2)))
    if logged:
        axes.set_xscale("log")
    shift = 0.012 * (np.log(at[-1] / at[0]) if logged else np.ptp(at))
    for k, (name, (value, error)) in enumerate(measured.items()):
        move = shift * (k - (len(measured) - 1) / 2)
        place = at * np.exp(move) if logged else at + move
        axes.errorbar(
            place, value[order], yerr=1.96 * np.nan_to_num(error[order]), markersize=3.6, linewidth=1.1,
            elinewidth=0.7, capsize=1.5, label=name, **series(k, len(measured)),
        )  # fmt: skip
    width, height = inches(axes)
    texts = [f"{one:.6g}" for one in at]
    axes.xaxis.set_major_locator(FixedLocator(_apart(axes, at, texts)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.6g}".replace("-", "−"))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.6g}".replace("-", "−"))
    axes.set_xlabel(fitted(x_label, width + 0.1))
    axes.set_ylabel(fitted(label, height))
    if keyed:
        key(axes, left=0.5)


def _apart(axes: Axes, at: Floats, texts: Sequence[str]) -> list[float]:
    """The swept values whose labels do not touch, the first and the last among them."""
    places = axes.transData.transform(np.column_stack([at, np.zeros(len(at))]))[:, 0] / axes.figure.dpi
    room = [0.5 * width_of(one) + 0.04 for one in texts]
    kept, last = [0], len(at) - 1
    for k in range(1, last):
        if all(abs(places[k] - places[one]) > room[k] + room[one] for one in (kept[-1], last)):
            kept.append(k)
    kept += [last] if last else []
    return [float(at[k]) for k in kept]


@house
def swept_of(
    x: Floats, measured: Measured, x_label: str, label: str, reference: float, width: float = DOUBLE
) -> Figure:  # fmt: skip
    """One panel of `swept`, by default as wide as two columns."""
    top = 0.15 + key_rows(list(measured), width - 0.2) * LINE * 1.05
    figure, (axes,) = sheet(width, 2.4 + top + 0.45, left=0.62, bottom=0.45, top=top)
    swept(axes, x, measured, x_label, label, reference)
    return figure


@house
def panels_of(
    panels: Sequence[tuple[str, Floats, Measured]], x_label: str, label: str, reference: float, narrow: bool = False
) -> Figure:  # fmt: skip
    """A panel of `swept` for each value of a second setting (its words, the swept values, the measure), on one scale.

    ``narrow``: for a telephone, one below the other.
    """
    width, columns = (PHONE, 1) if narrow else (DOUBLE, min(len(panels), ABREAST))
    rows = -(-len(panels) // columns)
    names = list(panels[0][2])
    top = 0.4 + key_rows(names, width - 0.2) * LINE * 1.05
    high = 2.0
    figure, drawn = sheet(
        width, rows * high + (rows - 1) * DOWN + top + 0.45, left=0.62, bottom=0.45, top=top, rows=rows,
        columns=columns, across=0.35, down=DOWN,
    )  # fmt: skip
    for spare in drawn[len(panels) :]:
        spare.remove()
    drawn = drawn[: len(panels)]
    for place, (axes, (told, x, measured)) in enumerate(zip(drawn, panels, strict=True)):
        swept(axes, x, measured, x_label, label if place % columns == 0 else "", reference, keyed=False)
        title(axes, told, size=TEXT)
    limits = [axes.get_ylim() for axes in drawn]
    for place, axes in enumerate(drawn):
        axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
        if place % columns:
            axes.set_yticklabels([])
    key(drawn[0], above=0.3, left=0.5, room=width - 0.2, of=drawn)
    return figure


@house
def settings(axes: Axes, names: Sequence[str], measured: Measured, label: str, reference: float, above: bool) -> None:
    """Draw the measure of each setting in a row of its own, a mark for each analysis, whiskers of 1.96 errors."""
    frame(axes, "bottom")
    width, _ = inches(axes)
    axes.axvline(reference, color=INK, linewidth=0.7, linestyle=(0, (4, 2)))
    for k, (name, (value, error)) in enumerate(measured.items()):
        place = np.arange(len(names)) + 0.6 * ((k + 0.5) / len(measured) - 0.5) + (0.18 if above else 0)
        look = {**series(k, len(measured)), "linestyle": "none"}
        axes.errorbar(
            value, place, xerr=1.96 * np.nan_to_num(error), markersize=3.6, elinewidth=0.7, capsize=1.5, label=name,
            **look,
        )  # fmt: skip
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.set_yticks([])
    for row, name in enumerate(names):
        if row:
            axes.axhline(row - 0.5, color=GREY, linewidth=0.3)
        x, y, side = (0.0, row - 0.3, "left") if above else (-0.06 / width, float(row), "right")
        told = fitted(name, width if above else LABELS, TEXT, 2)
        axes.text(x, y, told, transform=axes.get_yaxis_transform(), ha=side, va="center", fontsize=TEXT)
    axes.xaxis.set_major_locator(MaxNLocator(max(2, int(width / 0.6))))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.6g}".replace("-", "−"))
    axes.set_xlabel(fitted(label, width + 0.1))
    key(axes, left=0 if above else _beside(names))


def _beside(names: Sequence[str]) -> float:
    """Inches that the names of the settings need beside the axes."""
    return max((width_of(fitted(name, LABELS, TEXT, 2)) for name in names), default=0.0)


def _two_lines(names: Sequence[str]) -> bool:
    """Whether a telephone shows one of the names on two lines."""
    return any(width_of(clean(name)) > PHONE - 0.2 for name in names)


@house
def settings_of(
    names: Sequence[str], measured: Measured, label: str, reference: float, narrow: bool = False
) -> Figure:  # fmt: skip
    """A row for each setting; ``narrow``: for a telephone, names above their rows."""
    width = PHONE if narrow else DOUBLE
    left = 0.08 if narrow else _beside(names) + 0.15
    row = max(0.3, ROW * len(measured)) + (0.22 + LINE * _two_lines(names) if narrow else 0.05)
    top = 0.12 + key_rows(list(measured), width - 0.2) * LINE * 1.05
    figure, (axes,) = sheet(width, row * len(names) + top + 0.42, left=left, bottom=0.42, top=top)
    settings(axes, names, measured, label, reference, narrow)
    return figure
