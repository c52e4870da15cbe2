"""Balance of the arms before and after matching: a love plot, the overlap of the propensity scores."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.figures.style import (
    CONTROL,
    CONTROL_PALE,
    DOUBLE,
    GREY,
    HATCH,
    LINE,
    PALE,
    SINGLE,
    SMALL,
    TREATED,
    TREATED_PALE,
    frame,
    gutter,
    house,
    inches,
    key,
    name_rows,
    sheet,
)
from analysis.figures.style import title as heading
from analysis.paper.cohort_analysis import CohortAnalysis
from analysis.paper.table1 import Table1Row
from simulator.numerics.arrays import Bools, Floats

BINS = 24
ROW = 0.16
LABELS = 1.75
"""Inches of a row, and at most of its label."""


@house
def love(axes: Axes, before: Sequence[Table1Row], after: Sequence[Table1Row]) -> None:
    """Draw absolute standardised differences before and after matching, rows as in Table 1, with the line at 0.1.

    Of a covariate with two levels the second is drawn, as both differ by the same.
    """
    shown = _one_of_two(before)
    before, after = [before[k] for k in shown], [after[k] for k in shown]
    frame(axes, "bottom")
    first, second = (np.abs([row.smd for row in rows]) for rows in (before, after))
    places = np.arange(len(shown), dtype=np.float64)
    _joined(axes, first, second, places)
    known = np.concatenate([first, second])
    most = max(0.2, float(known[np.isfinite(known)].max(initial=0.0)))
    for each in (first, second):  # what is infinite stands at the edge, with its sign
        for place in places[np.isinf(each)]:
            axes.text(1.06 * most, place, "∞", ha="right", va="center", fontsize=SMALL)
    axes.plot(
        first, places, "o", color=GREY, markerfacecolor="white", markersize=4.5, label="before matching", clip_on=False
    )
    axes.plot(second, places, "D", color=TREATED, markersize=3.8, label="after matching", clip_on=False)
    axes.axvline(0.1, color=GREY, linewidth=0.8, linestyle=(0, (3, 2)))
    name_rows(axes, [row.label for row in before], LABELS, SMALL)
    axes.set_ylim(max(len(shown), 1) - 0.4, -0.6)
    axes.set_xlim(-0.02 * most, 1.06 * most)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.set_xlabel("Absolute standardised difference")
    key(axes, left=max(0.0, 2.7 - inches(axes)[0]), rows=1)


def _joined(axes: Axes, first: Floats, second: Floats, places: Floats) -> None:
    gap = np.full(len(places), np.nan)
    axes.plot(np.column_stack([first, second, gap]).ravel(), np.repeat(places, 3), color=PALE, linewidth=1.2, zorder=1)


def _one_of_two(rows: Sequence[Table1Row]) -> list[int]:
    levels = Counter(row.variable for row in rows if row.level is not None)
    two = {name for name, count in levels.items() if count == 2}
    first: set[str] = set()
    kept = []
    for k, row in enumerate(rows):
        if row.level is not None and row.variable in two and row.variable not in first:
            first.add(row.variable)
        else:
            kept.append(k)
    return kept


def love_of(analysis: CohortAnalysis) -> Figure:
    """The love plot of an analysis."""
    return love_between(analysis.table1.before, analysis.table1.after)


def love_between(before: Sequence[Table1Row], after: Sequence[Table1Row]) -> Figure:
    """The love plot of two tables of the same rows."""
    shown = [before[k].label for k in _one_of_two(before)]
    left = gutter(shown, LABELS, SMALL)[1] + 0.1
    figure, (axes,) = sheet(SINGLE, ROW * max(1, len(shown)) + 0.65, left=left, bottom=0.38, top=0.25)
    love(axes, before, after)
    return figure


@house
def overlap(
    axes: Axes,
    score: Floats,
    treated: Bools,
    arms: tuple[str, str],
    ends: Floats,
    title: str,
    weight: Floats | None = None,
) -> None:
    """Draw mirrored histograms of the propensity score ``(N,)`` between the ``ends`` of bins, the treated upwards.

    ``arms`` are the labels of control and treated; NaN scores are left out. ``weight (N,)`` is how much each counts.
    """
    frame(axes, "left", "bottom")
    known = np.isfinite(score)
    for sign, own, edge, colour, hatch, label in (
        (1, treated, TREATED, TREATED_PALE, "", arms[1]),
        (-1, ~treated, CONTROL, CONTROL_PALE, HATCH, arms[0]),
    ):
        count, _ = np.histogram(score[known & own], bins=ends, weights=None if weight is None else weight[known & own])
        axes.stairs(
            sign * count, ends, fill=True, facecolor=colour, edgecolor=edge, hatch=hatch, linewidth=0.7, label=label
        )
    axes.axhline(0.0, color="black", linewidth=0.6)
    heading(axes, title, above=0.08 + LINE)
    axes.set_xlabel("Propensity score")
    if not known.any():
        axes.set_ylim(-1, 1)
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{abs(y):g}"))
    axes.set_ylabel("Patients" if weight is None else "Patients, weighted")
    key(axes, rows=1)


@house
def overlap_of(analysis: CohortAnalysis) -> Figure:
    """The overlap before and after matching, on the same bins and scale."""
    score, treated = analysis.propensity.fitted, analysis.observed.treated[0]
    matched = np.zeros(len(score), np.bool_)
    matched[[place for pair in analysis.matching.places for place in pair]] = True
    known = score[np.isfinite(score)]
    least, most = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    room = max(0.0, 0.02 - (most - least))
    ends = np.linspace(least - room, most + room + 1e-9, BINS + 1)
    arms = (analysis.arms.control, analysis.arms.treated)
    figure, panels = sheet(DOUBLE, 2.5, left=0.5, bottom=0.4, top=0.45, columns=2, across=0.5)
    overlap(panels[0], score, treated, arms, ends, "Before matching")
    overlap(panels[1], np.where(matched, score, np.nan), treated, arms, ends, "After matching", analysis.after.weight)
    panels[1].set_ylim(panels[0].get_ylim())
    return figure
