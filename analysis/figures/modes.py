"""How tumours progressed: the shares of the modes of progression in both arms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.style import (
    CONTROL,
    CONTROL_PALE,
    DOUBLE,
    HATCH,
    LINE,
    SMALL,
    TREATED,
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

ROW = 0.34
LABELS = 1.7
"""Inches of a mode, and at most of its label."""


@dataclass(frozen=True)
class ModeShare:
    """A mode: how often it was seen in the control and in the treated arm, and in percent of all modes seen there."""

    label: str
    n: tuple[int, int]
    percent: tuple[float, float]


@house
def modes(axes: Axes, rows: Sequence[ModeShare], arms: tuple[str, str], *, title: str) -> None:
    """Draw a pair of bars for each mode, the treated above, with percent and count; ``arms`` are control, treated."""
    width, _ = inches(axes)
    frame(axes, "bottom")
    places = np.arange(len(rows))
    most = max([10.0, *(part for row in rows for part in row.percent if np.isfinite(part))])
    for side, shift, face, edge, hatch in ((1, -0.19, TREATED, TREATED, ""), (0, 0.19, CONTROL_PALE, CONTROL, HATCH)):
        values = [row.percent[side] for row in rows]
        axes.barh(
            places + shift, values, height=0.36, facecolor=face, edgecolor=edge, hatch=hatch, linewidth=0.6,
            label=arms[side],
        )  # fmt: skip
        for place, row in enumerate(rows):
            value = row.percent[side]
            told = f"{value:.1f} ({row.n[side]:,})" if np.isfinite(value) else "–"
            at = (value if np.isfinite(value) else 0.0) + 0.04 * most / width
            axes.text(at, place + shift, told, va="center_baseline", fontsize=SMALL)
    name_rows(axes, [row.label for row in rows], LABELS, SMALL)
    axes.set_ylim(max(len(rows), 1) - 0.45, -0.55)
    axes.set_xlim(0, most * width / max(width - 0.62, 0.3))
    axes.set_xlabel("% of all modes (times seen)")
    heading(axes, title, above=0.08 + LINE)
    key(axes, rows=1)


@house
def modes_of(analysis: CohortAnalysis, labels: Mapping[str, str] | None = None) -> Figure:
    """The modes on each side, beside one another: a paper's supplement; names stand where no label is given."""
    told = {name: (labels or {}).get(name, name.replace("_", " ")) for name in analysis.modes}
    left = gutter(list(told.values()), LABELS, SMALL)[1] + 0.12
    high, shown = ROW * max(len(told), 1), sides_shown(analysis.plan)
    figure, panels = sheet(DOUBLE, high + 0.85, left=left, bottom=0.4, top=0.45, columns=len(shown), across=0.15)
    for axes, when in zip(panels, shown, strict=True):
        sides = {name: both.before if when == "before" else both.after for name, both in analysis.modes.items()}
        named = told if when == shown[0] else dict.fromkeys(told, "")
        rows = [
            ModeShare(
                named[name],
                (side.control.n, side.treated.n),
                (side.control.percent, side.treated.percent),
            )
            for name, side in sides.items()
        ]
        modes(axes, rows, (analysis.arms.control, analysis.arms.treated), title=side_heading(analysis.plan, when))
    widest = max(axes.get_xlim()[1] for axes in panels)
    for axes in panels:
        axes.set_xlim(0, widest)
    return figure
