"""Kaplan-Meier curves with numbers at risk."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from analysis import survival
from analysis.cohort_analysis import CohortAnalysis
from analysis.figures.style import CONTROL, GREY, TREATED, bare
from analysis.tables import hr_text, p_text
from simulator.cohort import Bools, Floats


@dataclass(frozen=True)
class Curve:
    """One arm's follow-up: ``time`` and ``event (n,)``, and how it is drawn."""

    label: str
    time: Floats
    event: Bools
    colour: str


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
    bare(above)
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


def _time_label(unit: str) -> str:
    return "Time" if unit == "time" else f"Time ({unit})"
