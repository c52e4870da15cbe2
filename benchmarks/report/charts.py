"""Figures of a study: bias and coverage with their Monte Carlo error, its replicates, its cells side by side."""

from collections.abc import Mapping
from math import log

import numpy as np
from matplotlib.figure import Figure

from analysis.figures import performance
from analysis.figures.sweep import heat_of, nested_loop_of
from analysis.kernels.status import Status
from benchmarks.asked.blocks import Cell
from benchmarks.asked.published_keys import ratio_values
from benchmarks.study.running import StudyResult
from benchmarks.words.plain_text import measure_of, measures, value_text
from simulator.numerics.arrays import Floats

PANELS = 10  # of a zipper, and of estimates against their SE


def lollipop(result: StudyResult, cell: Cell, endpoint: str) -> Figure | None:
    """Bias and coverage against the target, one row per estimator; bars are 1.96 Monte Carlo standard errors.

    Bias is that of the logarithm where all measures are ratios, else in empirical standard errors. Left out is who
    answers another question, a test, and, where errors are the unit, who has none; None where nobody is left.
    """
    names, ratios, spread = _drawn(result, cell, endpoint)
    if not names:
        return None
    found = [measures(result, cell.number, endpoint, name) for name in names]
    units = [1.0 if ratios else 1 / spread[name] for name in names]
    level, panels = 100 * cell.scenario.analysis.survival.level, []
    label = "bias (log scale)" if ratios else "bias / empirical SE"
    for name, scales, reference, told, within in (
        ("bias", units, 0.0, label, (-np.inf, np.inf)),
        ("coverage", [100.0] * len(found), level, "coverage, %", (0.0, 100.0)),
    ):
        values = [scale * row[name].value for scale, row in zip(scales, found, strict=True)]
        errors = [scale * row[name].mcse for scale, row in zip(scales, found, strict=True)]
        panels.append((told, values, errors, reference, within))
    return performance.lollipop_of(names, panels)


def _drawn(result: StudyResult, cell: Cell, endpoint: str) -> tuple[list[str], bool, dict[str, float]]:
    """The estimators that have a row of bias, whether all are ratios, and the empirical SE of each that is judged."""
    names = _judged(result, cell, endpoint)
    ratios = all("log" in result.targets[cell.number, endpoint, name].estimand.measure for name in names)
    spread = {name: measures(result, cell.number, endpoint, name)["empirical_se"].value for name in names}
    return [name for name in names if ratios or spread[name] > 0], ratios, spread


def _judged(result: StudyResult, cell: Cell, endpoint: str) -> list[str]:
    """The estimators that the target judges: no tests, and none that answers another question."""
    keys = [(cell.number, endpoint, one.name) for where, one in cell.scenario.judged() if where == endpoint]
    return [key[2] for key in keys if result.targets[key].estimand.measure != "none" and not result.asks_another(*key)]


def left_out(result: StudyResult, cell: Cell, endpoint: str) -> str:
    """In words which estimators have no row of bias, of those that are no tests."""
    names = [one.name for where, one in cell.scenario.judged() if where == endpoint]
    other = [name for name in names if result.asks_another(cell.number, endpoint, name)]
    still = [name for name in _judged(result, cell, endpoint) if name not in _drawn(result, cell, endpoint)[0]]
    said = f"; {', '.join(other)} answer{'s' if len(other) == 1 else ''} another question" if other else ""
    return said + (f"; {', '.join(still)} {'has' if len(still) == 1 else 'have'} no spread" if still else "")


def replicates(result: StudyResult, cell: Cell, endpoint: str) -> Figure | None:
    """Where the estimates of hazard ratios lie, with the published one; None where there are none."""
    names = _log_ratios(result, cell, endpoint)
    if not names:
        return None
    printed = ratio_values(cell.scenario, endpoint)["hr"]
    published = log(printed) if printed > 0 else None
    estimates, truths = {}, {}
    for name in names:
        numbers, status = result.rows.of(cell.number, endpoint, name, ("value",))
        estimates[name] = np.where(status == Status.OK, numbers["value"], np.nan)
        another = result.asks_another(cell.number, endpoint, name)
        truths[name] = np.nan if another else result.targets[cell.number, endpoint, name].value
    return performance.ridge_of(estimates, truths, f"log hazard ratio of {endpoint}", published)


def zip_of(result: StudyResult, cell: Cell, endpoint: str) -> Figure | None:
    """Which intervals hold the target's truth, of the first estimators that have both; None where none has."""
    shown = _columns(result, cell, endpoint, ("low", "high"))
    level = cell.scenario.analysis.survival.level
    return performance.zipper_of(shown, _scales(result, cell, endpoint, shown), level) if shown else None


def scatter_of(result: StudyResult, cell: Cell, endpoint: str) -> Figure | None:
    """Estimates against their SE, of the first estimators that have an SE and a truth; None where none has."""
    shown = _columns(result, cell, endpoint, ("value", "se"))
    return performance.estimate_against_se_of(shown, _scales(result, cell, endpoint, shown)) if shown else None


def _columns(
    result: StudyResult, cell: Cell, endpoint: str, names: tuple[str, str]
) -> dict[str, tuple[Floats, Floats, float]]:
    """Two columns of the rows that are OK, and the target's truth, of the first estimators that have them."""
    shown: dict[str, tuple[Floats, Floats, float]] = {}
    for one in _judged(result, cell, endpoint):
        truth = result.targets[cell.number, endpoint, one].value
        if not np.isfinite(truth) or len(shown) == PANELS:
            continue
        numbers, status = result.rows.of(cell.number, endpoint, one, names)
        first, second = (numbers[name][status == Status.OK] for name in names)
        if (np.isfinite(first) & np.isfinite(second)).any():
            shown[one] = (first, second, truth)
    return shown


def _scales(result: StudyResult, cell: Cell, endpoint: str, shown: Mapping[str, object]) -> list[str]:
    return [f"{endpoint}: {measure_of(result.targets[cell.number, endpoint, name].estimand)}" for name in shown]


def across(result: StudyResult, endpoint: str) -> tuple[Figure, str] | None:
    """The bias of hazard ratios over the cells of a sweep: a heat map of one estimator over two settings, else lines.

    Bias is against the target. With it, in words, how it shows errors. None where no estimator is the same in all.
    """
    first = result.cells[0]
    names = [
        name
        for name in _log_ratios(result, first, endpoint)
        if not any(result.asks_another(cell.number, endpoint, name) for cell in result.cells)
    ]
    keys = list(first.settings)
    if len(result.cells) < 2 or not names or not keys:
        return None
    found = {}
    for name in names:
        own = [measures(result, cell.number, endpoint, name)["bias"] for cell in result.cells]
        found[name] = np.array([one.value for one in own]), np.array([one.mcse for one in own])
    settings = {key: [value_text(cell.settings[key]) for cell in result.cells] for key in keys}
    if len(names) == 1 and len(keys) == 2:
        rows, columns = (list(dict.fromkeys(settings[key])) for key in keys)
        shape = len(rows), len(columns)
        if len(result.cells) == shape[0] * shape[1]:
            order = [(rows.index(a), columns.index(b)) for a, b in zip(*settings.values(), strict=True)]
            value, error = np.full(shape, np.nan), np.full(shape, np.nan)
            for place, (i, j) in enumerate(order):
                value[i, j], error[i, j] = (part[place] for part in found[names[0]])
            what = f"bias of log {endpoint} HR, {names[0]}"
            drawn = heat_of(value, error, rows, columns, (keys[0], keys[1]), what)
            return drawn, "in brackets Monte Carlo standard errors"
    return nested_loop_of(
        found, settings, f"bias of log {endpoint} HR", 0.0
    ), "bars are 1.96 Monte Carlo standard errors"


def _log_ratios(result: StudyResult, cell: Cell, endpoint: str) -> list[str]:
    """The estimators of hazard ratios, which they are in every cell."""
    names = []
    for where, one in cell.scenario.judged():
        keys = [(own.number, endpoint, one.name) for own in result.cells]
        if where != endpoint or any(key not in result.truths for key in keys):
            continue
        if all(result.truths[key].estimand.measure.endswith("log_hr") for key in keys):
            names.append(one.name)
    return names
