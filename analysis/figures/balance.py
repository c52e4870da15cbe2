"""Balance of the arms before and after they were made comparable: a love plot, the overlap of propensity scores."""

from collections import Counter
from collections.abc import Mapping, Sequence

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
    PHONE,
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
from analysis.paper.sides import side_heading, sides_shown
from analysis.paper.table1 import Table1Row
from analysis.plan.analysis_plan import Plan
from simulator.numerics.arrays import Bools, Floats

BINS = 24
ROW = 0.16
LABELS = 1.75
"""Inches of a row, and at most of its label."""
MARKS = (("o", GREY, "white", 4.5), ("D", TREATED, TREATED, 3.8))
"""The mark, colour, face and size of each side of a love plot."""


@house
def love(axes: Axes, sides: Mapping[str, Sequence[Table1Row]]) -> None:
    """Draw absolute standardised differences of one or two sides by name, rows as in Table 1, with the line at 0.1.

    Of a covariate with two levels the second is drawn, as both differ by the same.
    """
    named = next(iter(sides.values()))
    shown = _one_of_two(named)
    frame(axes, "bottom")
    drawn = [np.abs(np.array([rows[k].smd for k in shown], dtype=np.float64)) for rows in sides.values()]
    places = np.arange(len(shown), dtype=np.float64)
    _joined(axes, drawn[0], drawn[-1], places)
    known = np.concatenate(drawn)
    most = max(0.2, float(known[np.isfinite(known)].max(initial=0.0)))
    for each in drawn:  # what is infinite stands at the edge, with its sign
        for place in places[np.isinf(each)]:
            axes.text(1.06 * most, place, "∞", ha="right", va="center", fontsize=SMALL)
    for label, each, (marker, colour, inside, size) in zip(sides, drawn, MARKS, strict=False):
        axes.plot(
            each, places, marker, color=colour, markerfacecolor=inside, markersize=size, label=label, clip_on=False
        )
    axes.axvline(0.1, color=GREY, linewidth=0.8, linestyle=(0, (3, 2)))
    name_rows(axes, [named[k].label for k in shown], LABELS, SMALL)
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
    return love_between(analysis.table1.before, analysis.table1.after, analysis.plan)


def love_between(before: Sequence[Table1Row], after: Sequence[Table1Row], plan: Plan) -> Figure:
    """The love plot of the two tables of a plan, of the same rows; of one where both are of all patients."""
    both = {"before": before, "after": after}
    sides = {side_heading(plan, when).lower(): both[when] for when in sides_shown(plan)}
    shown = [before[k].label for k in _one_of_two(before)]
    left = gutter(shown, LABELS, SMALL)[1] + 0.1
    figure, (axes,) = sheet(SINGLE, ROW * max(1, len(shown)) + 0.65, left=left, bottom=0.38, top=0.25)
    love(axes, sides)
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
def overlap_of(analysis: CohortAnalysis, narrow: bool = False) -> Figure:
    """The overlap on each side, on the same bins; on the same scale unless weights stand for more than all.

    Side by side, for a telephone one above the other.
    """
    score, treated = analysis.propensity.fitted, analysis.observed.treated[0]
    plan, groups = analysis.plan, {"before": analysis.before, "after": analysis.after}
    shown = sides_shown(plan)
    known = score[np.isfinite(score)]
    least, most = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    room = max(0.0, 0.02 - (most - least))
    ends = np.linspace(least - room, most + room + 1e-9, BINS + 1)
    arms = (analysis.arms.control, analysis.arms.treated)
    width = PHONE if narrow else DOUBLE if len(shown) > 1 else SINGLE
    rows, columns = (len(shown), 1) if narrow else (1, len(shown))
    tall = 0.85 + 1.65 * rows + 0.85 * (rows - 1)
    figure, panels = sheet(
        width, tall, left=0.5, bottom=0.4, top=0.45, rows=rows, columns=columns, across=0.5, down=0.85
    )
    for axes, when in zip(panels, shown, strict=True):
        group = groups[when]
        known_here = np.where(group.present, score, np.nan)
        overlap(axes, known_here, treated, arms, ends, side_heading(plan, when), group.weight)
    low, high = zip(*(axes.get_ylim() for axes in panels), strict=True)
    for axes in panels:
        axes.set_ylim(min(low), max(high))
    return figure
