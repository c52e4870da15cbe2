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
    """Bias and coverage, one row per estimator; bars are 1.96 Monte Carlo standard errors.

    Bias is that of the logarithm where all measures are ratios, else in empirical standard errors.
    """
    asked = {
        one.name: result.truths[cell.number, endpoint, one.name].estimand.measure
        for where, one in cell.scenario.judged()
        if where == endpoint
    }
    names = [name for name, measure in asked.items() if measure != "none"]
    ratios = all("log" in asked[name] for name in names)
    found = [measures(result, cell.number, endpoint, name) for name in names]
    places = list(range(len(names)))[::-1]
    with mpl.rc_context({"font.size": 9, "text.parse_math": False}):
        figure = Figure(figsize=(7.2, 0.9 + 0.34 * len(names)), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        label = "bias (log scale)" if ratios else "bias in standard errors"
        units = [1.0 if ratios else 1 / row["empirical_se"].value for row in found]
        percent = [100.0] * len(found)
        panels = ((left, "bias", units, 0.0, label), (right, "coverage", percent, 95.0, "coverage, %"))
        for axes, name, scales, reference, label in panels:
            axes.axvline(reference, color=INK, linewidth=0.8, linestyle="--")
            for place, row, scale in zip(places, found, scales, strict=True):
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
