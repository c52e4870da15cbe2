"""The cumulative incidences of an event and of those that compete with it, one upon the other, by arm."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.style import (
    BOLD,
    HATCH,
    HEAD,
    INK,
    fitted,
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
from analysis.paper.competing import stacked
from analysis.paper.sides import side_words
from simulator.numerics.arrays import Floats

SHADES = (("#f7f7f7", ""), ("#f3b48f", HATCH), ("#4a5a70", ""))
NAME = 2.4  # inches for the name of the event in the key


@house
def stack(
    axes: Axes, curves: tuple[Floats, Floats, Floats], *, event: str, title: str, time_unit: str, until: float
) -> None:
    """Draw the incidence of the event in percent, that of competing events upon it, and those free of either above.

    ``curves`` are times from 0 and the two incidences from each on; they are drawn up to the time ``until``.
    """
    when, own, others = curves
    frame(axes, "left", "bottom")
    time = [*when.tolist(), max(until, float(when[-1]))]
    layers = (np.ones(len(when)), own + others, own)
    for label, part, (colour, hatch) in zip(_names(event), layers, SHADES, strict=True):
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


def _names(event: str) -> tuple[str, str, str]:
    return "free of both", "competing event", fitted(event, NAME)


@house
def stacked_incidence_of(
    analysis: CohortAnalysis, endpoint: str, when: str, time_unit: str = "time", narrow: bool = False
) -> Figure:
    """Both arms, the control first, 'before' or 'after', side by side or for a telephone; to the shorter follow-up."""
    result, group = analysis.endpoints[endpoint], analysis.before if when == "before" else analysis.after
    if result.competing is None:
        raise ValueError(f"nothing competes with {endpoint}")
    course, treated = analysis.observed.endpoints[endpoint], analysis.observed.treated[0]
    arms = [arm & group.present for arm in (~treated, treated)]
    until = min(float(course.time[0, who].max(initial=0.0)) for who in arms) or 1.0
    figure, panels = of_both_arms(_names(result.label), narrow)
    for axes, label, who in zip(panels, (analysis.arms.control, analysis.arms.treated), arms, strict=True):
        stack(
            axes,
            stacked(course, who, group.weight),
            event=result.label,
            title=keeping(label, f", {side_words(analysis.plan, when)}", inches(axes)[0] / BOLD, HEAD),
            time_unit=time_unit,
            until=until,
        )
    key_below(panels, narrow)
    return figure
