"""A forest plot: the effect of treatment in each subgroup."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from analysis.cohort_analysis import CohortAnalysis
from analysis.effects import Arms
from analysis.figures.style import CONTROL, GREY, TREATED, bare
from analysis.subgroups import SubgroupRow
from analysis.tables import hr_text, p_text


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
    bare(axes)
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
