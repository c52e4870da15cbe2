"""The states that the patients of an arm are in over time: free of progression, progressed, dead."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.cohort_analysis import CohortAnalysis
from analysis.figures.style import (
    DOUBLE,
    HATCH,
    HEAD,
    INK,
    LINE,
    fitted,
    frame,
    house,
    inches,
    key,
    sheet,
    time_axis,
)
from analysis.occupancy import Occupancy, occupancy

SHADES = (
    ("dead", "#4a5a70", ""),
    ("alive, progressed", "#f3b48f", HATCH),
    ("alive, free of progression", "#f7f7f7", ""),
)


@house
def states(axes: Axes, shares: Occupancy, *, title: str, time_unit: str, until: float) -> None:
    """Draw the shares of the three states in percent, one upon the other, up to the time ``until``."""
    frame(axes, "left", "bottom")
    time = [*shares.time.tolist(), max(until, float(shares.time[-1]))]
    reach = (np.ones(len(shares.time)), shares.free + shares.progressed, shares.free)
    for (label, colour, hatch), part in zip(SHADES, reach, strict=True):
        axes.fill_between(
            time, 100 * np.append(part, part[-1]), step="post", facecolor=colour, hatch=hatch, edgecolor=INK,
            linewidth=0.5, label=label,
        )  # fmt: skip
    axes.set_xlim(0, until)
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 25, 50, 75, 100])
    axes.set_ylabel("Patients, %")
    time_axis(axes, until, time_unit)
    axes.set_title(fitted(title, inches(axes)[0], HEAD), fontweight="bold")


@house
def states_of(
    analysis: CohortAnalysis, when: str, *, progression: str, death: str, time_unit: str = "time"
) -> Figure:  # fmt: skip
    """Both arms side by side, the control to the left; ``progression`` and ``death`` name the two endpoints."""
    group = analysis.before if when == "before" else analysis.after
    treated = analysis.observed.treated[0]
    first, last = analysis.observed.endpoints[progression], analysis.observed.endpoints[death]
    inside = last.time[0, group.present]
    until = float(inside.max()) if len(inside) else 1.0
    figure, panels = sheet(DOUBLE, 2.7, left=0.45, bottom=0.6, top=0.25, columns=2, across=0.5)
    for axes, label, arm in ((panels[0], analysis.arms.control, ~treated), (panels[1], analysis.arms.treated, treated)):
        who = arm & group.present
        shares = occupancy((first.time[0, who], first.event[0, who]), (last.time[0, who], last.event[0, who]))
        states(axes, shares, title=f"{label}, {when} matching", time_unit=time_unit, until=until)
    key(panels[0], above=-inches(panels[0])[1] - 0.4 - LINE, room=DOUBLE - 1)
    return figure
