"""A forest plot: the effect of treatment in each subgroup."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from analysis.figures.style import (
    BOLD,
    CONTROL,
    DOUBLE,
    GREY,
    HEAD,
    INK,
    PALE,
    PHONE,
    SMALL,
    TREATED,
    apart,
    fitted,
    frame,
    house,
    inches,
    keeping,
    row_label,
    sheet,
)
from analysis.paper.cohort_analysis import CohortAnalysis
from analysis.paper.effects import ByArm
from analysis.paper.number_text import hr_text, p_text
from analysis.paper.sides import side_words
from analysis.paper.subgroups import SubgroupRow

ROW = 0.155
NARROW_ROW = 0.48
LABELS, COUNTS, RATIO, P = 1.8, 0.64, 0.95, 0.48
LEFT, RIGHT = LABELS + 0.25 + 2 * COUNTS + 0.1, RATIO + 2 * P + 0.15
TOP, BOTTOM = 0.56, 0.5
"""Inches of a row, of the columns beside the axes, and above and below them."""
OVER_LINE = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
"""The ground of texts that the line of no effect would cross."""
TICKS = (0.01, 0.03, 0.1, 0.25, 0.5, 1, 2, 4, 10, 30, 100)


@house
def forest(axes: Axes, rows: Sequence[SubgroupRow], *, title: str, arms: ByArm[str], level: float) -> None:
    """Draw hazard ratios on a log scale; beside the axes n, events of n by arm, HR with its interval and both p.

    The texts take `LEFT` and `RIGHT` inches beside the axes. A square is as large as its subgroup has events; the
    diamond is everyone. The p of interaction stands once for a factor.
    """
    frame(axes, "bottom")
    width, height = inches(axes)
    low, high = _limits([row for row in rows if np.isfinite(row.hr)])
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(max(len(rows), 1) - 0.4, -0.6)
    axes.axvline(1.0, color=GREY, linewidth=0.7)
    most = max((row.events for row in rows if row.variable is not None), default=1)
    for place, row in enumerate(rows):
        if _starts(rows, place) and _group(rows, place) % 2:
            _shade(axes, place, sum(one.variable == row.variable for one in rows))
        if np.isfinite(row.hr):
            _row(axes, place, row, low, high, most)
    axes.xaxis.set_major_locator(FixedLocator(apart(axes, [t for t in TICKS if low <= t <= high])))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_yticks([])
    one = float(np.log(1 / low) / np.log(high / low)) * width
    left = "← " + keeping(arms.treated, " better", LEFT + one - 0.4)
    right = keeping(arms.control, " better", RIGHT + width - one - 0.4) + " →"
    for x, side, text, colour in ((one - 0.07, "right", left, TREATED), (one + 0.07, "left", right, CONTROL)):
        axes.text(x / width, -0.34 / height, text, transform=axes.transAxes, ha=side, color=colour)
    axes.text(
        -LEFT / width, 1 + (TOP - 0.14) / height, fitted(title, (LEFT + width + RIGHT) / BOLD, HEAD),
        transform=axes.transAxes, fontsize=HEAD, fontweight="bold",
    )  # fmt: skip
    _columns(axes, rows, arms, level)


def _columns(axes: Axes, rows: Sequence[SubgroupRow], arms: ByArm[str], level: float) -> None:
    """Write the columns of text, their places in inches from the left edge of the axes."""
    width, _ = inches(axes)
    n, treated, control = (LABELS - LEFT + 0.25 + place * COUNTS for place in (0, 1, 2))
    ratio, p, interaction = (width + place for place in (0.08, RATIO + P - 0.06, RATIO + 2 * P + 0.02))
    heads = [
        (-LEFT, "left", "Subgroup"),
        (n, "right", "n"),
        (treated, "right", f"{fitted(arms.treated, COUNTS - 0.05, SMALL)}\nevents/n"),
        (control, "right", f"{fitted(arms.control, COUNTS - 0.05, SMALL)}\nevents/n"),
        (ratio, "left", f"HR ({100 * level:g} % CI)"),
        (p, "right", "p"),
        (interaction, "right", "p inter-\naction"),
    ]
    where = axes.get_yaxis_transform()
    for x, side, text in heads:
        axes.text(x / width, -0.75, text, transform=where, ha=side, va="bottom", fontsize=SMALL, color=GREY)
    for place, row in enumerate(rows):
        inter = p_text(row.interaction_p) if row.variable is not None and _starts(rows, place) else ""
        cells = [
            (-LEFT, "left", row_label(row.label, LABELS - 0.05, SMALL)),
            (n, "right", f"{row.n}"),
            (treated, "right", f"{row.arms.treated.events}/{row.arms.treated.n}"),
            (control, "right", f"{row.arms.control.events}/{row.arms.control.n}"),
            (ratio, "left", fitted(_ratio(row), RATIO + (0.1 if np.isfinite(row.hr) else -0.06), SMALL)),
            (p, "right", p_text(row.p_logrank)),
            (interaction, "right", inter),
        ]
        weight = "bold" if row.variable is None else "normal"
        for x, side, text in cells:
            axes.text(
                x / width, place, text, transform=where, ha=side, va="center_baseline", color=INK, fontsize=SMALL,
                fontweight=weight,
            )  # fmt: skip


def _ratio(row: SubgroupRow) -> str:
    """The ratio with its interval; of one that is not finite the short reason."""
    told = hr_text(row)
    return told if np.isfinite(row.hr) or ": " not in told else f"{told.partition(': ')[0]})"


def _starts(rows: Sequence[SubgroupRow], place: int) -> bool:
    return place == 0 or rows[place].variable != rows[place - 1].variable


def _group(rows: Sequence[SubgroupRow], place: int) -> int:
    return sum(_starts(rows, k) for k in range(place + 1))


def _shade(axes: Axes, place: int, count: int) -> None:
    width, _ = inches(axes)
    top, end = place - 0.5, place + count - 0.5
    axes.fill(
        [-LEFT / width] * 2 + [1 + RIGHT / width] * 2, [top, end, end, top],
        transform=axes.get_yaxis_transform(), facecolor="#f1f3f5", clip_on=False, zorder=0,
    )  # fmt: skip


def _row(
    axes: Axes, place: float, row: SubgroupRow, low: float, high: float, most: int, half: float = 0.3
) -> None:  # fmt: skip
    inside = max(row.low, low), min(row.high, high)
    if row.variable is None and inside == (row.low, row.high):
        axes.fill(
            [row.low, row.hr, row.high, row.hr], [place, place - half, place, place + half], color=INK, linewidth=0
        )
        return
    axes.plot(inside, [place, place], color=INK, linewidth=1.0)
    for beyond, edge, marker in ((row.low < low, low, "<"), (row.high > high, high, ">")):
        if beyond:
            axes.plot([edge], [place], marker, color=INK, markersize=3.5, clip_on=False)
    if low <= row.hr <= high:
        size = 2.5 + 3.5 * (min(row.events, most) / most) ** 0.5
        axes.plot([row.hr], [place], "s", color=CONTROL, markersize=size)


def _limits(rows: Sequence[SubgroupRow]) -> tuple[float, float]:
    """Limits that hold all estimates but not all of the widest intervals."""
    if not rows:
        return 0.25, 4.0
    low = min(0.5, *(max(row.low, row.hr / 6) for row in rows))
    high = max(2.0, *(min(row.high, row.hr * 6) for row in rows))
    return max(low / 1.1, 0.01), min(high * 1.1, 100.0)


@house
def forest_narrow(axes: Axes, rows: Sequence[SubgroupRow], *, arms: ByArm[str]) -> None:
    """Draw the same for a telephone: above each mark its subgroup, below it HR with its interval and the events."""
    frame(axes, "bottom")
    width, height = inches(axes)
    low, high = _limits([row for row in rows if np.isfinite(row.hr)])
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.axvline(1.0, color=GREY, linewidth=0.7)
    most = max((row.events for row in rows if row.variable is not None), default=1)
    where = axes.get_yaxis_transform()
    for place, row in enumerate(rows):
        if np.isfinite(row.hr):
            _row(axes, place + 0.02, row, low, high, most, 0.14)
        weight = "bold" if row.variable is None else "normal"
        axes.text(
            0, place - 0.3, row_label(row.label, width / (BOLD if weight == "bold" else 1)), transform=where,
            va="center_baseline", fontweight=weight, bbox=OVER_LINE,
        )  # fmt: skip
        events = f"{row.arms.treated.events}/{row.arms.treated.n} and {row.arms.control.events}/{row.arms.control.n}"
        for x, side, text, colour in ((0, "left", hr_text(row), INK), (1, "right", events, GREY)):
            axes.text(
                x, place + 0.34, text, transform=where, va="center_baseline", ha=side, fontsize=SMALL, color=colour,
                bbox=OVER_LINE,
            )  # fmt: skip
        axes.axhline(place + 0.5, color=PALE, linewidth=0.5)
    axes.xaxis.set_major_locator(FixedLocator(apart(axes, [t for t in TICKS if low <= t <= high])))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_yticks([])
    for y, text, colour in (
        (-0.3, "← " + keeping(arms.treated, " better", width - 0.3), TREATED),
        (-0.44, keeping(arms.control, " better", width - 0.3) + " →", CONTROL),
    ):
        side = "left" if colour == TREATED else "right"
        x = 0 if colour == TREATED else 1
        axes.text(x, y / height, text, transform=axes.transAxes, ha=side, color=colour)


def forest_narrow_of(analysis: CohortAnalysis, endpoint: str, when: str = "after") -> Figure:
    """The forest plot of one endpoint's subgroups for a telephone."""
    result = analysis.endpoints[endpoint]
    rows = (result.before if when == "before" else result.after).subgroups
    figure, (axes,) = sheet(PHONE, NARROW_ROW * max(1, len(rows)) + 0.6, left=0.08, right=0.08, bottom=0.5, top=0.08)
    forest_narrow(axes, rows, arms=analysis.arms)
    return figure


def forest_of(analysis: CohortAnalysis, endpoint: str, when: str = "after") -> Figure:
    """The forest plot of one endpoint's subgroups 'before' or 'after'."""
    return _stacked(analysis, [endpoint], when)


def forests_of(analysis: CohortAnalysis, when: str = "after") -> Figure:
    """The forest plots of every endpoint, a lettered panel each: a paper's Figure 3."""
    return _stacked(analysis, list(analysis.endpoints), when)


def _stacked(analysis: CohortAnalysis, names: Sequence[str], when: str) -> Figure:
    sides = {
        name: analysis.endpoints[name].before if when == "before" else analysis.endpoints[name].after for name in names
    }
    high = ROW * max(1, *(len(side.subgroups) for side in sides.values()))
    count = len(names)
    figure, panels = sheet(
        DOUBLE, count * (high + TOP + BOTTOM), left=LEFT + 0.08, right=RIGHT + 0.05, bottom=BOTTOM, top=TOP, rows=count,
        down=TOP + BOTTOM,
    )  # fmt: skip
    for k, (axes, (name, side)) in enumerate(zip(panels, sides.items(), strict=True)):
        letter = f"({chr(97 + k)}) " if count > 1 else ""
        room = (DOUBLE - 0.1) / BOLD
        title = keeping(f"{letter}{analysis.endpoints[name].label}", f", {side_words(analysis.plan, when)}", room, HEAD)
        forest(axes, side.subgroups, title=title, arms=analysis.arms, level=analysis.plan.survival.level)
    return figure
