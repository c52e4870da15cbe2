"""Figures of a sweep: the cells of a study side by side, and a map over two settings.

Rücker & Schwarzer (2014), BMC Medical Research Methodology 14:129 (nested loop).
"""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from analysis.figures.style import (
    DOUBLE,
    GREY,
    INK,
    LINE,
    SMALL,
    fitted,
    frame,
    gutter,
    house,
    inches,
    key,
    key_rows,
    series,
    sheet,
    width_of,
)
from analysis.figures.style import title as heading
from simulator.numerics.arrays import Floats

STEP = 0.36
LABELS = 1.4
CELL = (0.78, 0.36)
"""Inches: of a setting's steps, of the name of a row, and of a cell of a heat map."""


@house
def nested_loop(
    axes: Axes, measured: Mapping[str, tuple[Floats, Floats]], settings: Mapping[str, Sequence[str]], label: str,
    reference: float,
) -> None:  # fmt: skip
    """Draw a measure (value, Monte Carlo SE) over the cells of a sweep, a line per estimator, whiskers of 1.96 SE.

    Below the lines each setting goes up and down with the cells; its values stand beside its name, lowest first.
    """
    width, height = inches(axes)
    frame(axes, "left", "bottom")
    count = max((len(value) for value, _ in measured.values()), default=1)
    at = np.arange(count)
    axes.axhline(reference, color=GREY, linewidth=0.7)
    reach = [reference]
    for k, (name, (value, error)) in enumerate(measured.items()):
        shift = 0.5 * ((k + 0.5) / len(measured) - 0.5)
        axes.errorbar(
            at + shift, value, yerr=1.96 * np.nan_to_num(error), markersize=3.2, linewidth=0.9, elinewidth=0.7,
            label=name, **series(k, len(measured)),
        )  # fmt: skip
        ends = np.concatenate([value - 1.96 * error, value + 1.96 * error, value])
        reach += [float(one) for one in ends[np.isfinite(ends)]]
    least, most = min(reach), max(reach)
    span = (most - least) or 1.0
    least, most = least - 0.04 * span, most + 0.04 * span
    share = min(0.7, (STEP * len(settings) + 0.06) / height)
    per_inch = (most - least) / (height * (1 - share))
    for row, (name, texts) in enumerate(settings.items()):
        top = least - per_inch * (STEP * row + 0.04)
        distinct = list(dict.fromkeys(texts))
        step = per_inch * 0.15 / max(len(distinct) - 1, 1)
        low = top - per_inch * (LINE + 0.16)
        axes.step(at, [low + step * distinct.index(text) for text in texts], where="mid", color=GREY, linewidth=0.9)
        told = f"{name}: {' / '.join(distinct)}"
        axes.text(-0.5, top, fitted(told, width - 0.05, SMALL), va="top", fontsize=SMALL, color=INK)
    axes.set_xlim(-0.55, count - 0.45)
    axes.set_ylim(most - (most - least) / (1 - share), most)
    ticks = [float(tick) for tick in MaxNLocator(6).tick_values(least, most) if least <= tick <= most]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.spines["left"].set_bounds(least, most)
    axes.xaxis.set_major_locator(FixedLocator(at.tolist()) if count <= 20 else MaxNLocator(12, integer=True))
    axes.set_ylabel(fitted(label, height * (1 - share)), y=1 - (1 - share) / 2)
    axes.set_xlabel("Settings in their order; what is set stands below the lines")
    key(axes)


@house
def nested_loop_of(
    measured: Mapping[str, tuple[Floats, Floats]], settings: Mapping[str, Sequence[str]], label: str, reference: float
) -> Figure:
    """The cells of a sweep at the width of two columns."""
    steps = STEP * len(settings)
    top = 0.12 + key_rows(list(measured), DOUBLE - 0.7) * LINE * 1.05
    figure, (axes,) = sheet(DOUBLE, 2.3 + steps + top + 0.4, left=0.6, bottom=0.4, top=top)
    nested_loop(axes, measured, settings, label, reference)
    return figure


@house
def heat(
    axes: Axes, values: Floats, errors: Floats, rows: Sequence[str], columns: Sequence[str], labels: tuple[str, str],
    what: str,
) -> None:  # fmt: skip
    """Draw a measure over two settings ``(A, B)``, each cell with its value and, in brackets, Monte Carlo SE.

    The colours go from dark (below zero) to light (above), in grey too; where cells are too small for text, a key of
    colours says how much.
    """
    width, height = inches(axes)
    frame(axes)
    known = np.abs(values[np.isfinite(values)])
    most = float(known.max(initial=0.0)) or 1.0
    shown = mpl.colormaps["cividis"]
    axes.pcolormesh(
        np.arange(len(columns) + 1) - 0.5, np.arange(len(rows) + 1) - 0.5, values, cmap=shown, vmin=-most, vmax=most,
        edgecolors="white", linewidth=0.8,
    )  # fmt: skip
    wide, high = width / max(len(columns), 1), height / max(len(rows), 1)
    both = wide > 1.05 * width_of("+0.000", SMALL) and high > 2.1 * LINE
    for (i, j), value in np.ndenumerate(values):
        if not both and not (wide > 1.05 * width_of("+0.00", SMALL) and high > LINE):
            break
        told = (
            "–"
            if not np.isfinite(value)
            else f"{round(value, 3) + 0.0:+.3f}\n({errors[i, j]:.3f})"
            if both
            else f"{round(value, 2) + 0.0:+.2f}"
        )
        ink = "white" if np.isfinite(value) and value < -0.15 * most else "black"
        axes.text(j, i, told, ha="center", va="center", fontsize=SMALL, color=ink, linespacing=1.1)
    else:
        both = True
    if not both:
        _colours(axes, most)
    axes.set_xticks(range(len(columns)), [fitted(text, wide - 0.04) for text in columns])
    axes.set_yticks(range(len(rows)), [fitted(text, LABELS) for text in rows])
    axes.set_xlabel(fitted(labels[1], width))
    axes.set_ylabel(fitted(labels[0], height))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    heading(axes, what)


def _colours(axes: Axes, most: float) -> None:
    """A key of seven colours to the right of the axes."""
    inner = axes.inset_axes((1.02, 0.0, 0.04, 1.0))
    frame(inner, "left")
    inner.pcolormesh([0, 1], np.arange(8.0), np.linspace(-most, most, 7)[:, None], cmap="cividis", edgecolors="white")
    inner.yaxis.tick_right()
    inner.set_xticks([])
    inner.set_yticks([0.5, 3.5, 6.5], [f"{x:+.2g}" for x in (-most, 0.0, most)])


@house
def heat_of(
    values: Floats, errors: Floats, rows: Sequence[str], columns: Sequence[str], labels: tuple[str, str], what: str
) -> Figure:
    """The map, its cells of one size as far as two columns of a journal allow."""
    left = gutter(rows, LABELS)[1] + 0.35
    wide = min(CELL[0] * max(len(columns), 2), DOUBLE - left - 0.6)
    high = min(CELL[1] * max(len(rows), 1), 7.0)
    figure, (axes,) = sheet(left + wide + 0.6, high + 0.75, left=left, right=0.6, bottom=0.42, top=0.3)
    heat(axes, values, errors, rows, columns, labels, what)
    return figure
