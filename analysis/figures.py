"""The figures of an analysis: Kaplan-Meier curves with numbers at risk, a love plot, a forest plot.

Each returns a matplotlib Figure; `svg` turns one into text that is the same on every run.
"""

import io
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter, NullLocator

from analysis import survival
from analysis.cohort_analysis import CohortAnalysis
from analysis.effects import Arms
from analysis.subgroups import SubgroupRow
from analysis.table1 import Table1Row
from analysis.tables import hr_text, p_text
from simulator.cohort import Bools, Floats

TREATED = "#b2452c"
CONTROL = "#2b5c8a"
GREY = "#666666"


@dataclass(frozen=True)
class Curve:
    """One arm's follow-up: ``time`` and ``event (n,)``, and how it is drawn."""

    label: str
    time: Floats
    event: Bools
    colour: str


def svg(figure: Figure) -> str:
    """The figure as SVG: no date, fixed identifiers, text kept as text."""
    stream = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "trialtwin", "svg.fonttype": "none"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the reader's font shows it, not ours
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


def kaplan_meier_of(analysis: CohortAnalysis, endpoint: str, when: str, time_unit: str = "time") -> Figure:
    """The Kaplan-Meier figure of one endpoint 'before' or 'after' matching, with HR and log-rank p."""
    result = analysis.endpoints[endpoint]
    side, group = (result.before, analysis.before) if when == "before" else (result.after, analysis.after)
    course, treated = analysis.observed.endpoints[endpoint], analysis.observed.treated[0]
    curves = []
    for label, arm, colour in (
        (analysis.arms.treated, treated, TREATED),
        (analysis.arms.control, ~treated, CONTROL),
    ):
        who = arm & group.present
        curves.append(Curve(label, course.time[0, who], course.event[0, who], colour))
    note = f"HR {hr_text(side.cox)}, log-rank p {p_text(side.logrank.p)}"
    return kaplan_meier(curves, title=f"{result.label}, {when} matching", note=note, time_unit=time_unit)


def kaplan_meier(curves: Sequence[Curve], *, title: str, note: str, time_unit: str) -> Figure:
    """Survival curves with confidence bands and censoring ticks, above the numbers at risk."""
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(5, 0.55 + 0.4 * len(curves)), sharex=True)
    longest = max((float(curve.time.max()) for curve in curves if len(curve.time)), default=0.0) or 1.0
    ticks = [
        t for t in MaxNLocator(7, steps=[1, 1.2, 2, 2.4, 3, 5, 6, 10]).tick_values(0, longest) if 0 <= t <= longest
    ]
    for curve in curves:
        if len(curve.time):
            _draw_curve(above, curve)
    above.set_ylim(0, 1.02)
    above.set_xlim(-0.04 * longest, 1.02 * longest)
    above.set_ylabel("Survival", parse_math=False)
    above.set_title(title, loc="left", fontsize=11, parse_math=False)
    above.text(0.02, 0.04, note, transform=above.transAxes, fontsize=9, color=GREY, parse_math=False)
    for text in above.legend(loc="upper right", frameon=False, fontsize=9).get_texts() if above.lines else ():
        text.set_parse_math(False)
    _numbers_at_risk(below, curves, ticks)
    below.set_xlabel(_time_label(time_unit), parse_math=False)
    _bare(above)
    return figure


def _draw_curve(axes: Axes, curve: Curve) -> None:
    km = survival.kaplan_meier(curve.time, curve.event, present=np.ones(len(curve.time), dtype=np.bool_))
    time = np.concatenate([[0.0], km.time])
    level = np.concatenate([[1.0], km.survival])
    axes.step(time, level, where="post", color=curve.colour, linewidth=1.6, label=curve.label)
    low, high = (np.concatenate([[1.0], side]) for side in (km.low, km.high))
    shown = np.isfinite(low) & np.isfinite(high)
    axes.fill_between(time, low, high, where=shown, step="post", color=curve.colour, alpha=0.15, linewidth=0)
    censored = km.n_censor > 0
    axes.plot(km.time[censored], km.survival[censored], "|", color=curve.colour, markersize=5, markeredgewidth=0.8)


def _numbers_at_risk(axes: Axes, curves: Sequence[Curve], ticks: Sequence[float]) -> None:
    axes.set_ylim(-0.5, len(curves) - 0.5)
    axes.invert_yaxis()
    axes.set_yticks(range(len(curves)), [curve.label for curve in curves], fontsize=8, parse_math=False)
    axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
    for row, curve in enumerate(curves):
        for tick in ticks:
            at_risk = int((curve.time >= tick).sum())
            axes.text(tick, row, str(at_risk), ha="center", va="center", fontsize=8, color=curve.colour)
    axes.set_title("Number at risk", loc="left", fontsize=8, color=GREY)
    axes.tick_params(left=False)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)


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
    _bare(axes)
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


def forest_of(analysis: CohortAnalysis, endpoint: str, when: str = "after") -> Figure:
    """The forest plot of one endpoint's subgroups."""
    result = analysis.endpoints[endpoint]
    side = result.before if when == "before" else result.after
    return forest(side.subgroups, title=f"{result.label}, {when} matching", arms=analysis.arms)


def forest(rows: Sequence[SubgroupRow], *, title: str, arms: Arms[str]) -> Figure:
    """Hazard ratios on a log scale, with n, events, HR (CI) and the log-rank p of each row."""
    figure = Figure(figsize=(9.5, 1.3 + 0.25 * max(1, len(rows))), layout="constrained")
    axes, table = figure.subplots(1, 2, width_ratios=(3, 2.4), sharey=True)
    low, high = _forest_limits([row for row in rows if np.isfinite(row.hr)])
    for place, row in enumerate(rows):
        if np.isfinite(row.hr):
            _forest_row(axes, place, row, low, high)
    axes.axvline(1.0, color=GREY, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = [t for t in (0.01, 0.03, 0.1, 0.25, 0.5, 1, 2, 4, 10, 30, 100) if low <= t <= high]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(len(rows) - 0.4, -1.4)
    axes.set_yticks(range(len(rows)), [row.label for row in rows], fontsize=8, parse_math=False)
    axes.tick_params(left=False)
    axes.set_xlabel(f"HR: < 1 favours {arms.treated}, > 1 favours {arms.control}", fontsize=8, parse_math=False)
    axes.set_title(title, loc="left", fontsize=11, parse_math=False)
    _bare(axes)
    axes.spines["left"].set_visible(False)
    cells = [(str(row.n), str(row.events), hr_text(row), p_text(row.p_logrank)) for row in rows]
    for place, texts in enumerate([("n", "events", "HR (CI)", "p"), *cells], start=-1):
        for x, text in zip((0.06, 0.24, 0.58, 0.93), texts, strict=True):
            table.text(x, place, text, ha="center", va="center", fontsize=8)
    table.set_axis_off()
    return figure


def _forest_row(axes: Axes, place: int, row: SubgroupRow, low: float, high: float) -> None:
    axes.plot([max(row.low, low), min(row.high, high)], [place, place], color=CONTROL, linewidth=1.2)
    for beyond, edge, marker in ((row.low < low, low, "<"), (row.high > high, high, ">")):
        if beyond:
            axes.plot([edge], [place], marker, color=CONTROL, markersize=4, clip_on=False)
    if low <= row.hr <= high:
        colour = TREATED if row.variable is None else CONTROL
        axes.plot([row.hr], [place], "s", color=colour, markersize=5)


def _forest_limits(rows: Sequence[SubgroupRow]) -> tuple[float, float]:
    """Limits that hold all estimates but not all of the widest intervals."""
    if not rows:
        return 0.25, 4.0
    low = min(0.5, *(max(row.low, row.hr / 6) for row in rows))
    high = max(2.0, *(min(row.high, row.hr * 6) for row in rows))
    return max(low / 1.1, 0.01), min(high * 1.1, 100.0)


def _time_label(unit: str) -> str:
    return "Time" if unit == "time" else f"Time ({unit})"


def _bare(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
