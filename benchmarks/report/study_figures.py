"""The figures of a study's page with their captions."""

import numpy as np

from benchmarks.asked.blocks import Cell
from benchmarks.asked.published_keys import printed_ratio
from benchmarks.report import charts
from benchmarks.report.engine import Picture, picture
from benchmarks.study.running import StudyResult
from benchmarks.words.analysis_names import endpoint_label
from benchmarks.words.settings_named import setting_text


def figures_of(result: StudyResult, cell: Cell, endpoint: str) -> tuple[Picture, ...]:
    """How far each analysis is from the truth, and how often its interval holds it."""
    against = charts.lollipop(result, cell, endpoint)
    if against is None:
        return ()
    level = f"{100 * cell.scenario.analysis.survival.level:.6g}"
    caption = (
        "First: how far the mean of each analysis lies from the truth (line). Second: how often its "
        f"{level} % interval holds the truth{charts.left_out(result, cell, endpoint)}. Bars: 1.96 simulation errors."
    )
    words = f"Bias and coverage of every analysis, {_where(result, cell, endpoint)}"
    title = f"{endpoint_label(cell.scenario, endpoint)}: distance from the truth, and coverage"
    small = charts.lollipop(result, cell, endpoint, narrow=True)
    return (picture(against, caption, words, title=title, narrow=small),)


def _where(result: StudyResult, cell: Cell, endpoint: str) -> str:
    called = endpoint_label(cell.scenario, endpoint)
    return f"{called}, {setting_text(cell.settings, cell.scenario)}" if len(result.cells) > 1 else called


def replicate_figures(result: StudyResult, cell: Cell, endpoint: str) -> tuple[Picture, ...]:
    """The simulated studies of a cell one by one: their estimates, standard errors and intervals."""
    made = []
    where, called = _where(result, cell, endpoint), endpoint_label(cell.scenario, endpoint)
    ridges, zipped = charts.replicates(result, cell, endpoint), charts.zip_of(result, cell, endpoint)
    if ridges is not None:
        caption = "Where the hazard ratios of the simulated studies lie; bars: the truth"
        caption += "; published: that of the paper." if "hr" in printed_ratio(cell.scenario, endpoint) else "."
        words = f"Density of the estimates by analysis, {where}"
        made.append(picture(ridges, caption, words, title=f"{called}: what the simulated studies found"))
    scatter = charts.scatter_of(result, cell, endpoint)
    if scatter is not None:
        words = f"Estimates of the simulated studies against their standard errors, {where}"
        caption = f"A point is a simulated study{_left_out(result, cell, endpoint)}."
        made.append(picture(scatter, caption, words, title=f"{called}: estimates against their standard errors"))
    if zipped is not None:
        words = f"Intervals of the simulated studies by analysis, {where}"
        caption = "Intervals by their distance from the truth; coloured ones miss it"
        caption += f"{_left_out(result, cell, endpoint)}."
        made.append(picture(zipped, caption, words, title=f"{called}: which intervals hold the truth"))
    return tuple(made)


def _left_out(result: StudyResult, cell: Cell, endpoint: str) -> str:
    """That not all estimators with a truth are drawn, where they are not."""
    names = [one.name for where, one in cell.scenario.judged() if where == endpoint]
    count = sum(
        np.isfinite(result.targets[key].value) and not result.asks_another(*key)
        for key in ((cell.number, endpoint, name) for name in names)
    )
    return f"; the first {charts.PANELS} of {count} analyses" if count > charts.PANELS else ""


def across_cells(result: StudyResult) -> tuple[Picture, ...]:
    """The cells side by side, a figure for each endpoint that has one."""
    found = []
    for endpoint in dict.fromkeys(where for where, _ in result.cells[0].scenario.judged()):
        drawn = charts.across(result, endpoint)
        if drawn is not None:
            found.append(
                picture(
                    drawn.figure,
                    f"How far the mean of each analysis lies from the truth; {drawn.errors}.",
                    f"Bias of {endpoint_label(result.cells[0].scenario, endpoint)} over the settings",
                    title=f"{endpoint_label(result.cells[0].scenario, endpoint)}: distance from the truth",
                    narrow=drawn.narrow,
                    values=drawn.values,
                )
            )
    return tuple(found)
