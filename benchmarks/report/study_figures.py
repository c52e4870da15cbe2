"""The figures of a study's page with their captions."""

import numpy as np

from benchmarks.asked.blocks import Cell
from benchmarks.asked.published_keys import printed_ratio
from benchmarks.report import charts
from benchmarks.report.engine import Picture, picture
from benchmarks.study.running import StudyResult


def figures_of(result: StudyResult, cell: Cell, endpoint: str) -> tuple[Picture, ...]:
    """Bias and coverage by the target; of the first cell also densities, standard errors and intervals."""
    where = f"{endpoint}, cell {cell.number}"
    made = []
    against = charts.lollipop(result, cell, endpoint)
    if against is not None:
        level = f"{100 * cell.scenario.analysis.survival.level:.6g}"
        caption = f"{endpoint}: bias against the target and coverage of {level} % intervals"
        caption += f"{charts.left_out(result, cell, endpoint)}; bars: 1.96 Monte Carlo standard errors."
        made.append(picture(against, caption, f"Bias and coverage of every estimator, {where}"))
    if cell.number > 0:
        return tuple(made)
    ridges, zipped = charts.replicates(result, cell, endpoint), charts.zip_of(result, cell, endpoint)
    if ridges is not None:
        caption = f"{endpoint}: estimates of the replicates by estimators of hazard ratios; bars: the target's truth"
        caption += "; published: that of the paper." if "hr" in printed_ratio(cell.scenario, endpoint) else "."
        made.append(picture(ridges, caption, f"Density of the estimates by estimator, {where}"))
    scatter = charts.scatter_of(result, cell, endpoint)
    if scatter is not None:
        words = f"Estimates of the replicates against their standard errors, {where}"
        made.append(
            picture(
                scatter,
                f"{endpoint}: estimates against their standard errors{_left_out(result, cell, endpoint)}.",
                words,
            )
        )
    if zipped is not None:
        caption = f"{endpoint}: intervals by their distance from the target's truth; coloured ones miss it"
        caption += f"{_left_out(result, cell, endpoint)}."
        made.append(picture(zipped, caption, f"Intervals of the replicates by estimator, {where}"))
    return tuple(made)


def _left_out(result: StudyResult, cell: Cell, endpoint: str) -> str:
    """That not all estimators with a truth are drawn, where they are not."""
    names = [one.name for where, one in cell.scenario.judged() if where == endpoint]
    count = sum(
        np.isfinite(result.targets[key].value) and not result.asks_another(*key)
        for key in ((cell.number, endpoint, name) for name in names)
    )
    return f"; the first {charts.PANELS} of {count} estimators" if count > charts.PANELS else ""


def across_cells(result: StudyResult) -> tuple[Picture, ...]:
    """The cells side by side, a figure for each endpoint that has one."""
    found = []
    for endpoint in dict.fromkeys(where for where, _ in result.cells[0].scenario.judged()):
        drawn = charts.across(result, endpoint)
        if drawn is not None:
            drawing, errors = drawn
            found.append(
                picture(
                    drawing,
                    f"{endpoint}: bias against the target in every cell; {errors}.",
                    f"Bias of {endpoint} over the cells",
                )
            )
    return tuple(found)
