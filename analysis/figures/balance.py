"""Balance of the arms before and after matching: a love plot, the overlap of the propensity scores."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from analysis.cohort_analysis import CohortAnalysis
from analysis.figures.style import CONTROL, GREY, TREATED, bare
from analysis.table1 import Table1Row
from simulator.cohort import Bools, Floats

BINS = 24


def love(before: Sequence[Table1Row], after: Sequence[Table1Row]) -> Figure:
    """Absolute standardised differences before and after matching, with the line at 0.1; rows as in Table 1."""
    shown = _one_of_two(before)
    before, after = [before[k] for k in shown], [after[k] for k in shown]
    labels = [row.label for row in before]
    figure = Figure(figsize=(6.4, 1.1 + 0.24 * max(1, len(labels))), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(labels))
    for rows, name, marker, colour in ((before, "before", "o", GREY), (after, "after", "D", TREATED)):
        smd = np.abs([row.smd for row in rows])
        face = "none" if name == "before" else colour
        axes.plot(smd, places, marker, color=colour, markerfacecolor=face, markersize=5, label=f"{name} matching")
    axes.axvline(0.1, color=GREY, linewidth=0.8, linestyle="--")
    axes.set_yticks(places, labels, fontsize=8, parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel("Absolute standardised mean difference")
    axes.legend(frameon=False, fontsize=8)
    bare(axes)
    return figure


def _one_of_two(rows: Sequence[Table1Row]) -> list[int]:
    """The rows to draw: of a covariate with two levels the second, as both differ by the same."""
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
    return love(analysis.table1.before, analysis.table1.after)


def overlap(score: Floats, treated: Bools, matched: Bools, arms: tuple[str, str]) -> Figure:
    """Mirrored histograms of the propensity score ``(N,)``, the treated upwards, before and after matching."""
    figure = Figure(figsize=(7.0, 3.0), layout="constrained")
    known = np.isfinite(score)
    ends = (
        np.linspace(float(score[known].min()), float(score[known].max()), BINS + 1) if known.any() else np.arange(2.0)
    )
    for axes, inside, title in zip(
        figure.subplots(1, 2, sharey=True), (known, known & matched), ("before matching", "after matching"), strict=True
    ):
        for sign, own, colour, label in ((1, treated, TREATED, arms[1]), (-1, ~treated, CONTROL, arms[0])):
            count, _ = np.histogram(score[inside & own], bins=ends)
            axes.bar(ends[:-1], sign * count, width=np.diff(ends), align="edge", color=colour, alpha=0.8, label=label)
        axes.axhline(0.0, color="black", linewidth=0.8)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("propensity score")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{abs(y):g}"))
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("patients")
    legend = figure.axes[0].legend(fontsize=8, frameon=False)
    for entry in legend.get_texts():
        entry.set_parse_math(False)
    return figure


def overlap_of(analysis: CohortAnalysis) -> Figure:
    """The overlap of an analysis."""
    matched = np.zeros(len(analysis.propensity.fitted), np.bool_)
    matched[[place for pair in analysis.matching.places for place in pair]] = True
    arms = (analysis.arms.control, analysis.arms.treated)
    return overlap(analysis.propensity.fitted, analysis.observed.treated[0], matched, arms)
