"""Figures of a study: bias and coverage with their Monte Carlo error."""

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.study import Cell, StudyResult
from benchmarks.tables import measures

INK = "#222222"
BLUE = "#2b5c8a"
GREY = "#c4ccd4"


def lollipop(result: StudyResult, cell: Cell, endpoint: str) -> Figure:
    """Bias of the log hazard ratio, and coverage, one row per estimator; bars are 1.96 Monte Carlo standard errors."""
    names = [estimator.name for estimator in cell.scenario.estimators]
    found = [measures(result, cell.number, endpoint, name) for name in names]
    places = list(range(len(names)))[::-1]
    with mpl.rc_context({"font.size": 9, "text.parse_math": False}):
        figure = Figure(figsize=(7.2, 0.9 + 0.34 * len(names)), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        panels = ((left, "bias", 1.0, 0.0, "bias of the log HR"), (right, "coverage", 100.0, 95.0, "coverage, %"))
        for axes, name, scale, reference, label in panels:
            axes.axvline(reference, color=INK, linewidth=0.8, linestyle="--")
            for place, row in zip(places, found, strict=True):
                value, error = scale * row[name].value, 1.96 * scale * row[name].mcse
                axes.plot([reference, value], [place, place], color=GREY, linewidth=3.5, solid_capstyle="butt")
                axes.errorbar(value, place, xerr=error, fmt="o", color=BLUE, markersize=5, capsize=3, linewidth=1.2)
            axes.set_xlabel(label)
            axes.spines[["top", "right"]].set_visible(False)
            axes.margins(x=0.12)
            axes.xaxis.set_major_locator(MaxNLocator(5))
            axes.set_ylim(-0.6, len(names) - 0.4)
        left.set_yticks(places, names)
    return figure
