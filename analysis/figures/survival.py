"""Kaplan-Meier curves with bands, medians and numbers at risk; where other events compete, cumulative incidences."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.figures.style import (
    BOLD,
    CONTROL,
    DOUBLE,
    GREY,
    HEAD,
    INK,
    LINE,
    LINES,
    SINGLE,
    SMALL,
    TREATED,
    fitted,
    frame,
    gutter,
    house,
    inches,
    keeping,
    sheet,
    time_axis,
    width_of,
)
from analysis.figures.style import title as heading
from analysis.paper.cohort_analysis import CohortAnalysis
from analysis.paper.effects import AnalysisSet, medians
from analysis.paper.number_text import hr_text, p_text
from analysis.paper.sides import side_words, sides_shown
from analysis.plan.analysis_plan import SurvivalPlan
from analysis.survival import statistics
from analysis.survival.incidence import incidence_curve
from analysis.survival.kaplan_meier import KmCurve
from analysis.survival.weighted_survival import weighted_kaplan_meier
from simulator.cohort.cohorts import Endpoint
from simulator.numerics.arrays import Bools, Floats, Ints

COLOURS = (TREATED, CONTROL, INK, GREY)
ROOM = 1.0  # inches for the names beside the numbers at risk
TITLE = 0.24


@dataclass(frozen=True)
class Curve:
    """One arm's follow-up: ``time`` and ``event (n,)``. The first is drawn as the treated, the next as control.

    With ``weight`` and ``cluster (n,)`` the curve, its limits and median are weighted; numbers at risk count patients.
    ``competing (n,)`` are those with a competing event; None where there can be none.
    """

    label: str
    time: Floats
    event: Bools
    weight: Floats | None = None
    cluster: Ints | None = None
    competing: Bools | None = None


@house
def kaplan_meier(
    axes: Axes, curves: Sequence[Curve], *, title: str, note: str, time_unit: str, plan: SurvivalPlan | None = None
) -> None:
    """Draw survival with bands, censoring ticks, medians, a note, and the numbers at risk below the axes.

    Each curve's median and interval stand in the legend, NR where not reached. Below the axes it takes `below` inches.
    """
    plan = plan or SurvivalPlan()
    longest = max((float(curve.time.max()) for curve in curves if len(curve.time)), default=0.0) or 1.0
    frame(axes, "left", "bottom")
    lines: list[tuple[str, str, str, object]] = []
    shapes = []
    for curve, colour, style in zip(curves, COLOURS, LINES, strict=False):
        found = None
        if len(curve.time):
            found = _estimated(curve, plan)
            shapes.append(_draw(axes, found, colour, style))
        lines.append((curve.label, f": {_median(curve, plan)}", colour, style))
    axes.set_xlim(-0.02 * longest, 1.02 * longest)
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0", "25", "50", "75", "100"])
    axes.set_ylabel("Survival, %")
    heading(axes, title)
    _legend(axes, lines, note, shapes, longest)
    _numbers_at_risk(axes, curves, time_axis(axes, longest, time_unit))


def _estimated(curve: Curve, plan: SurvivalPlan) -> KmCurve:
    if curve.weight is not None and curve.cluster is not None:
        return weighted_kaplan_meier(curve.time, curve.event, curve.weight, curve.cluster, plan=plan)
    here = np.ones(len(curve.time), np.bool_)
    return statistics.kaplan_meier(curve.time, curve.event, present=here, conf_type=plan.conf_type, level=plan.level)


def _draw(axes: Axes, km: KmCurve, colour: str, style: object) -> tuple[Floats, Floats, Floats]:
    """Draw one curve; its times and the lowest and highest survival shown from each on."""
    falls = km.n_event > 0
    time = np.concatenate([[0.0], km.time[falls], km.time[-1:]])
    level, low, high = (
        np.concatenate([[1.0], side[falls], side[-1:]]) for side in (km.survival, km.low, km.high)
    )  # fmt: skip
    axes.step(time, level, where="post", color=colour, linewidth=1.3, linestyle=style)
    shown = np.isfinite(low) & np.isfinite(high)
    axes.fill_between(time, low, high, where=shown, step="post", color=colour, alpha=0.13, linewidth=0)
    censored = km.n_censor > 0
    axes.plot(
        km.time[censored], km.survival[censored], linestyle="none", marker="|", color=colour, markersize=3.5,
        markeredgewidth=0.6,
    )  # fmt: skip
    if (level <= 0.5).any():
        median = float(time[np.argmax(level <= 0.5)])
        axes.plot([0, median, median], [0.5, 0.5, 0], color=colour, linewidth=0.6, linestyle=(0, (1, 1.5)))
    return time, np.where(shown, low, level), np.where(shown, high, level)


@house
def incidences(
    axes: Axes, curves: Sequence[Curve], *, title: str, note: str, time_unit: str, plan: SurvivalPlan
) -> None:
    """Draw cumulative incidences in percent with bands, events in the legend, a note, and the numbers at risk.

    The curves tell who had a competing event. Below the axes it takes `below` inches.
    """
    longest = max((float(curve.time.max()) for curve in curves if len(curve.time)), default=0.0) or 1.0
    frame(axes, "left", "bottom")
    lines: list[tuple[str, str, str, object]] = []
    shapes = []
    for curve, colour, style in zip(curves, COLOURS, LINES, strict=False):
        told = "nobody"
        if len(curve.time):
            causes = Endpoint(curve.time, curve.event, curve.competing).causes
            shapes.append(_rise(axes, curve, causes, plan, colour, style))
            told = f"{(causes == 1).sum()} events, {(causes == 2).sum()} competing"
        lines.append((curve.label, f": {told}", colour, style))
    axes.set_xlim(-0.02 * longest, 1.02 * longest)
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0", "25", "50", "75", "100"])
    axes.set_ylabel("Cumulative incidence, %")
    heading(axes, title)
    _legend(axes, lines, note, shapes, longest)
    _numbers_at_risk(axes, curves, time_axis(axes, longest, time_unit))


def _rise(
    axes: Axes, curve: Curve, causes: Ints, plan: SurvivalPlan, colour: str, style: object
) -> tuple[Floats, Floats, Floats]:
    """Draw one incidence; its times and the lowest and highest shown from each on."""
    found = incidence_curve(
        curve.time, causes, present=np.ones(len(causes), np.bool_), weight=curve.weight, cluster=curve.cluster,
        conf_type=plan.conf_type, level=plan.level,
    )  # fmt: skip
    time = np.concatenate([[0.0], found.time, [curve.time.max()]])
    value, low, high = (
        np.concatenate([[start], side, side[-1:] if len(side) else [start]])
        for start, side in ((0.0, found.value), (np.nan, found.low), (np.nan, found.high))
    )  # fmt: skip
    axes.step(time, value, where="post", color=colour, linewidth=1.3, linestyle=style)
    shown = np.isfinite(low) & np.isfinite(high)
    axes.fill_between(time, low, high, where=shown, step="post", color=colour, alpha=0.13, linewidth=0)
    return time, np.where(shown, low, value), np.where(shown, high, value)


def _median(curve: Curve, plan: SurvivalPlan) -> str:
    if not len(curve.time):
        return "nobody"
    told = AnalysisSet(np.ones(len(curve.time), np.bool_), curve.weight, curve.cluster)
    found = medians(Endpoint(curve.time[None], curve.event[None]), told.present, told, plan).treated
    value, low, high = (_time(one) for one in (found.median, found.low, found.high))
    return f"median {value} ({low}–{high})"


def _time(value: float) -> str:
    return "NR" if not np.isfinite(value) else f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def _legend(
    axes: Axes,
    lines: Sequence[tuple[str, str, str, object]],
    note: str,
    shapes: Sequence[tuple[Floats, ...]],
    longest: float,
) -> None:
    """Write who is who and the note where no curve is: top right, else bottom left, else above survival of 100 %."""
    width, height = inches(axes)
    sample, pad = 0.32, 0.04
    texts = [keeping(name, told, width - sample - 0.15) for name, told, *_ in lines]
    told = fitted(note, width - 0.1) if note else ""
    wide = max([width_of(text) + sample for text in texts] + [width_of(told)]) + 2 * pad
    tall = (len(texts) + bool(told)) * LINE + pad
    reach, up = wide / width, tall / height * 1.02
    right, below = (1 - reach) * 1.04 * longest - 0.02 * longest, reach * 1.04 * longest - 0.02 * longest
    if all(_highest(time, high, right) < 1.02 - up for time, _, high in shapes):
        x, y = 1 - reach, 1.0
    elif all(_lowest(time, low, below) > up for time, low, _ in shapes):
        x, y = 0.0, tall / height
    else:
        axes.set_ylim(0, 1.02 / (1 - tall / height))
        axes.spines["left"].set_bounds(0, 1.02)
        x, y = 1 - reach, 1.0
    if y < 1:  # the lines of the medians end here
        axes.add_patch(
            Rectangle((0.004, 0.004), reach, tall / height, transform=axes.transAxes, fc="white", zorder=2.5)
        )
    for row, (text, (*_, colour, style)) in enumerate(zip(texts, lines, strict=True)):
        at = y - (row + 0.6) * LINE / height
        line = [x + pad / width, x + (pad + sample - 0.07) / width]
        axes.plot(line, [at, at], color=colour, linestyle=style, linewidth=1.3, transform=axes.transAxes, zorder=3)
        axes.text(x + (pad + sample) / width, at, text, transform=axes.transAxes, va="center_baseline", color=INK)
    at = y - (len(texts) + 0.6) * LINE / height
    axes.text(x + pad / width, at, told, transform=axes.transAxes, va="center_baseline", color=INK)


def _highest(time: Floats, high: Floats, start: float) -> float:
    """The highest that is drawn at or after a time."""
    first = max(int(np.searchsorted(time, start, side="right")) - 1, 0)
    return float(high[first:].max()) if start <= time[-1] else 0.0


def _lowest(time: Floats, low: Floats, end: float) -> float:
    """The lowest that is drawn up to a time."""
    return float(low[time <= end].min())


def _numbers_at_risk(axes: Axes, curves: Sequence[Curve], ticks: Sequence[float]) -> None:
    width, height = inches(axes)
    first = 0.36
    names, _ = gutter([curve.label for curve in curves], ROOM - 0.1)
    axes.text(0.0, -first / height, "Number at risk", transform=axes.transAxes, fontsize=SMALL, color=GREY, va="top")
    for row, (curve, name, colour) in enumerate(zip(curves, names, COLOURS, strict=False)):
        y = -(first + (row + 1) * LINE) / height
        axes.text(-0.16 / width, y, name, transform=axes.transAxes, ha="right", va="top", color=colour)
        for tick in ticks:
            at_risk = int((curve.time >= tick).sum())
            axes.text(tick, y, f"{at_risk}", transform=axes.get_xaxis_transform(), ha="center", va="top", color=colour)


def below(curves: int) -> float:
    """The inches that the time axis and the numbers at risk of so many curves take below the axes."""
    return 0.4 + (curves + 1) * LINE


def _left(curves: Sequence[Curve]) -> float:
    return max(0.45, gutter([curve.label for curve in curves], ROOM - 0.1)[1] + 0.2)


def curves_of(analysis: CohortAnalysis, endpoint: str, when: str) -> list[Curve]:
    """Both arms on one endpoint 'before' or 'after', the treated first."""
    group = analysis.before if when == "before" else analysis.after
    course, treated = analysis.observed.endpoints[endpoint], analysis.observed.treated[0]
    arms = ((analysis.arms.treated, treated), (analysis.arms.control, ~treated))
    sets = [(label, arm & group.present) for label, arm in arms]
    rivals = None if course.competing is None else course.competing[0]
    weight, cluster = (None, None) if group.weight is None else (group.weight, group.clusters)
    return [
        Curve(
            label, course.time[0, who], course.event[0, who],
            *(None if one is None else one[who] for one in (weight, cluster, rivals)),
        )
        for label, who in sets
    ]  # fmt: skip


def kaplan_meier_of(analysis: CohortAnalysis, endpoint: str, when: str, time_unit: str = "time") -> Figure:
    """The Kaplan-Meier figure of one endpoint 'before' or 'after', with HR and p (log-rank, robust score)."""
    curves = curves_of(analysis, endpoint, when)
    figure, (axes,) = sheet(SINGLE, 2.3 + below(2), left=_left(curves), bottom=below(2), top=TITLE)
    _panel(axes, analysis, endpoint, when, time_unit, "")
    return figure


def survival_panels_of(analysis: CohortAnalysis, time_unit: str = "time") -> Figure:
    """Every endpoint before (upper row) and after (lower row), or once where both are of all patients, a lettered panel
    each: a paper's Figure 2.
    """
    shown = sides_shown(analysis.plan)
    names = list(analysis.endpoints)
    left = _left(curves_of(analysis, names[0], "before"))
    columns = len(names)
    width = SINGLE if columns == 1 else DOUBLE * max(columns, 2) / 2
    figure, panels = sheet(
        width, len(shown) * (2.2 + below(2) + TITLE), left=left, bottom=below(2), top=TITLE, rows=len(shown),
        columns=columns, across=left + 0.1, down=below(2) + TITLE,
    )  # fmt: skip
    places = [(when, name) for when in shown for name in names]
    for k, (axes, (when, name)) in enumerate(zip(panels, places, strict=True)):
        _panel(axes, analysis, name, when, time_unit, f"({chr(97 + k)}) ")
    return figure


def _panel(axes: Axes, analysis: CohortAnalysis, endpoint: str, when: str, time_unit: str, letter: str) -> None:
    """Draw an endpoint; where other events compete its incidences, with Fine and Gray's ratio and Gray's p."""
    result = analysis.endpoints[endpoint]
    side = result.before if when == "before" else result.after
    p = p_text(side.logrank.p)
    title = keeping(f"{letter}{result.label}", f", {side_words(analysis.plan, when)}", inches(axes)[0] / BOLD, HEAD)
    note = f"HR {hr_text(side.cox)}; {side.logrank.test} p {p if p[0] in '<>' else f'= {p}'}"
    curves, plan = curves_of(analysis, endpoint, when), analysis.plan.survival
    if result.competing is None:
        kaplan_meier(axes, curves, title=title, note=note, time_unit=time_unit, plan=plan)
        return
    both = result.competing.before if when == "before" else result.competing.after
    p = p_text(both.gray.p)
    note = f"Subdistribution HR {hr_text(both.subdistribution)}; Gray p {p if p[0] in '<>' else f'= {p}'}"
    incidences(axes, curves, title=title, note=note, time_unit=time_unit, plan=plan)
