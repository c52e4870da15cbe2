"""The states that the patients of an arm are in over time: free of two endpoints, past the first, past both."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.style import (
    BOLD,
    HATCH,
    HEAD,
    INK,
    frame,
    house,
    inches,
    keeping,
    key_below,
    of_both_arms,
    time_axis,
)
from analysis.figures.style import title as heading
from analysis.paper.cohort_analysis import CohortAnalysis
from analysis.paper.sides import side_words
from analysis.survival.occupancy import Occupancy, occupancy

SHADES = (("#4a5a70", ""), ("#f3b48f", HATCH), ("#f7f7f7", ""))


@house
def states(axes: Axes, shares: Occupancy, names: tuple[str, str], *, title: str, time_unit: str, until: float) -> None:
    """Draw the shares of the three states in percent, one upon the other, up to the time ``until``.

    ``names`` are those of the first and the last endpoint.
    """
    frame(axes, "left", "bottom")
    time = [*shares.time.tolist(), max(until, float(shares.time[-1]))]
    reach = (np.ones(len(shares.time)), shares.free + shares.progressed, shares.free)
    for label, (colour, hatch), part in zip(state_labels(names), SHADES, reach, strict=True):
        axes.fill_between(
            time, 100 * np.append(part, part[-1]), step="post", facecolor=colour, hatch=hatch, edgecolor=INK,
            linewidth=0.5, label=label,
        )  # fmt: skip
    axes.set_xlim(0, until)
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 25, 50, 75, 100])
    axes.set_ylabel("Patients, %")
    time_axis(axes, until, time_unit)
    heading(axes, title)


def state_labels(names: tuple[str, str]) -> tuple[str, str, str]:
    """What the three states are called."""
    return f"{names[1]}: event", f"{names[0]} only: event", "free of both"


def shares_of(analysis: CohortAnalysis, when: str, first: str, last: str) -> tuple[tuple[Occupancy, Occupancy], float]:
    """The shares of the states in the control and in the treated arm, and the longest follow-up."""
    group = analysis.before if when == "before" else analysis.after
    early, late = analysis.observed.endpoints[first], analysis.observed.endpoints[last]
    arms = (~analysis.observed.treated[0] & group.present, analysis.observed.treated[0] & group.present)
    control, treated = (
        occupancy(
            (early.time[0, who], early.event[0, who]),
            (late.time[0, who], late.event[0, who]),
            None if group.weight is None else group.weight[who],
        )
        for who in arms
    )
    return (control, treated), float(late.time[0, group.present].max(initial=0.0)) or 1.0


def nested(analysis: CohortAnalysis) -> tuple[str, str] | None:
    """Two endpoints of which the first happens, in every patient, no later than the last, and is not the same."""
    courses = {name: one for name, one in analysis.observed.endpoints.items() if one.competing is None}
    for first, early in courses.items():
        for last, late in courses.items():
            within = (early.time < late.time) | ((early.time == late.time) & (early.event | ~late.event))
            if first != last and within.all() and (early.time < late.time).any():
                return first, last
    return None


@house
def states_of(
    analysis: CohortAnalysis, when: str, *, first: str, last: str, time_unit: str = "time", narrow: bool = False
) -> Figure:
    """Both arms, the control first, side by side or for a telephone; ``first`` ends with ``last`` at the latest."""
    shares, until = shares_of(analysis, when, first, last)
    names = analysis.endpoints[first].label, analysis.endpoints[last].label
    figure, panels = of_both_arms(state_labels(names), narrow)
    for axes, label, own in zip(panels, (analysis.arms.control, analysis.arms.treated), shares, strict=True):
        states(
            axes,
            own,
            names,
            title=keeping(label, f", {side_words(analysis.plan, when)}", inches(axes)[0] / BOLD, HEAD),
            time_unit=time_unit,
            until=until,
        )
    key_below(panels, narrow)
    return figure
