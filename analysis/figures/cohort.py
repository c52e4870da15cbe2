"""Figures of one cohort's analysis: who was matched, yes/no outcomes by arm."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from analysis.cohort_analysis import CohortAnalysis
from analysis.figures.style import CONTROL, GREY, TREATED
from analysis.tables import p_text


def flow(steps: Sequence[tuple[str, str, str]], title: str) -> Figure:
    """Boxes from top to bottom: (what, control, treated) in words, an arrow from each to the next."""
    figure = Figure(figsize=(6.4, 0.95 * len(steps) + 0.4), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_xlim(0, 10)
    axes.set_ylim(-len(steps), 0.2)
    axes.set_title(title, fontsize=9, parse_math=False)
    for row, (what, control, treated) in enumerate(steps):
        both = [(0.2, 4.6, f"{what}\n{control}"), (5.2, 4.6, f"{what}\n{treated}")]
        sides = both if control else [(0.2, 9.6, what)]
        for left, width, text in sides:
            axes.add_patch(
                FancyBboxPatch((left, -row - 0.75), width, 0.6, boxstyle="round,pad=0.05", fc="white", ec=GREY, lw=1)
            )
            axes.text(left + width / 2, -row - 0.45, text, ha="center", va="center", fontsize=8, parse_math=False)
            if row:
                at = (left + width / 2, -row - 0.1)
                axes.annotate("", at, (at[0], -row + 0.2), arrowprops={"arrowstyle": "->", "color": GREY})
    return figure


def butterfly(rows: Sequence[tuple[str, float, float, str]], arms: tuple[str, str], what: str) -> Figure:
    """Percentages of both arms back to back, (name, control, treated, p) a row: the control to the left."""
    figure = Figure(figsize=(7.0, 0.3 * len(rows) + 1.0), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(rows))[::-1]
    for axes, values, colour, arm in (
        (left, [row[1] for row in rows], CONTROL, arms[0]),
        (right, [row[2] for row in rows], TREATED, arms[1]),
    ):
        axes.barh(places, values, color=colour, height=0.7)
        for place, value in zip(places, values, strict=True):
            axes.text(value + 1, place, f"{value:.1f}", va="center", fontsize=7, ha="right" if axes is left else "left")
        axes.set_title(arm, fontsize=9, parse_math=False)
        axes.set_xlim(*((108, 0) if axes is left else (0, 108)))
        axes.set_xlabel(what, fontsize=8)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    left.set_ylim(-0.6, len(rows) - 0.4)
    left.set_yticks(places, [row[0] for row in rows], fontsize=8, parse_math=False)
    for place, row in zip(places, rows, strict=True):
        where = right.get_yaxis_transform()
        right.text(1.01, place, row[3], transform=where, fontsize=7, va="center", parse_math=False)
    return figure


def flow_of(analysis: CohortAnalysis) -> Figure:
    """Who was in the analysis and who was matched."""
    size, sets, arms = analysis.cohort, analysis.matching, analysis.arms
    steps = [
        (f"{size.n:,} patients", "", ""),
        ("before matching", f"{arms.control}: {size.control:,}", f"{arms.treated}: {size.treated:,}"),
        (
            "not matched",
            f"{arms.control}: {size.control - sets.n_control:,}",
            f"{arms.treated}: {size.treated - sets.n_treated:,}",
        ),
        ("matched", f"{arms.control}: {sets.n_control:,}", f"{arms.treated}: {sets.n_treated:,}"),
    ]
    return flow(steps, f"{sets.n_pairs:,} matched sets")


def butterfly_of(analysis: CohortAnalysis, when: str = "after") -> Figure:
    """The yes/no outcomes of an analysis back to back, in percent of each arm."""
    rows = []
    for result in analysis.binary.values():
        side = result.before if when == "before" else result.after
        p = p_text(side.p)
        told = f"p {p}" if p[:1] in "<>" else f"p = {p}" if p[:1].isdigit() else ""
        rows.append((result.label, side.control.percent, side.treated.percent, told))
    return butterfly(rows, (analysis.arms.control, analysis.arms.treated), f"%, {when} matching")
