"""Figures of a study: bias and coverage with their Monte Carlo error, its replicates, its cells side by side."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

import numpy as np
from matplotlib.figure import Figure

from analysis.figures import performance
from analysis.figures.style import PHONE
from analysis.figures.sweep import heat_of, nested_loop_of
from analysis.figures.swept import panels_of, settings_of, swept_of
from analysis.kernels.status import Status
from benchmarks.asked.blocks import Cell
from benchmarks.asked.published_keys import ratio_values
from benchmarks.performance.measures import Measure
from benchmarks.report.drawn import Hover, along
from benchmarks.study.running import StudyResult
from benchmarks.words.analysis_names import endpoint_label, labels_of
from benchmarks.words.key_words import in_a_sentence
from benchmarks.words.plain_text import measure_of, measures, signed, value_text
from benchmarks.words.settings_named import path_label, setting_text
from simulator.numerics.arrays import Floats

OFF_BY = "off by, log scale (0.08: 8 % too high)"
PANELS = 10  # of a zipper, and of estimates against their SE


def lollipop(result: StudyResult, cell: Cell, endpoint: str, narrow: bool = False) -> Figure | None:
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
    label = OFF_BY if ratios else "off by, in standard errors"
    for name, scales, reference, told, within in (
        ("bias", units, 0.0, label, (-np.inf, np.inf)),
        ("coverage", [100.0] * len(found), level, "interval holds the truth, % of studies", (0.0, 100.0)),
    ):
        values = [scale * row[name].value for scale, row in zip(scales, found, strict=True)]
        errors = [scale * row[name].mcse for scale, row in zip(scales, found, strict=True)]
        panels.append((told, values, errors, reference, within))
    labels = labels_of(cell)
    return performance.lollipop_of([labels[name] for name in names], panels, narrow)


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
    labels = labels_of(cell)
    names = [one.name for where, one in cell.scenario.judged() if where == endpoint]
    other = [name for name in names if result.asks_another(cell.number, endpoint, name)]
    still = [name for name in _judged(result, cell, endpoint) if name not in _drawn(result, cell, endpoint)[0]]
    said = (
        f"; {', '.join(labels[one] for one in other)} answer{'s' if len(other) == 1 else ''} another question"
        if other
        else ""
    )
    return said + (
        f"; {', '.join(labels[one] for one in still)} {'has' if len(still) == 1 else 'have'} no spread" if still else ""
    )


def replicates(result: StudyResult, cell: Cell, endpoint: str) -> Figure | None:
    """Where the estimates of hazard ratios lie, with the published one; None where there are none."""
    names = _log_ratios(result, cell, endpoint)
    if not names:
        return None
    printed = ratio_values(cell.scenario, endpoint)["hr"]
    published = log(printed) if printed > 0 else None
    estimates, truths = {}, {}
    labels = labels_of(cell)
    for name in names:
        label = labels[name]
        numbers, status = result.rows.of(cell.number, endpoint, name, ("value",))
        estimates[label] = np.where(status == Status.OK, numbers["value"], np.nan)
        another = result.asks_another(cell.number, endpoint, name)
        truths[label] = np.nan if another else result.targets[cell.number, endpoint, name].value
    return performance.ridge_of(
        estimates, truths, f"log hazard ratio of {in_a_sentence(endpoint_label(cell.scenario, endpoint))}", published
    )


def zip_of(result: StudyResult, cell: Cell, endpoint: str) -> Figure | None:
    """Which intervals hold the target's truth, of the first estimators that have both; None where none has."""
    shown = _columns(result, cell, endpoint, ("low", "high"))
    level, scales = cell.scenario.analysis.survival.level, _scales(result, cell, endpoint, shown)
    return performance.zipper_of(_labelled(cell, shown), scales, level) if shown else None


def scatter_of(result: StudyResult, cell: Cell, endpoint: str) -> Figure | None:
    """Estimates against their SE, of the first estimators that have an SE and a truth; None where none has."""
    shown = _columns(result, cell, endpoint, ("value", "se"))
    scales = _scales(result, cell, endpoint, shown)
    return performance.estimate_against_se_of(_labelled(cell, shown), scales) if shown else None


def _labelled(
    cell: Cell, shown: Mapping[str, tuple[Floats, Floats, float]]
) -> dict[str, tuple[Floats, Floats, float]]:  # fmt: skip
    labels = labels_of(cell)
    return {labels[name]: own for name, own in shown.items()}


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
    return [
        f"{endpoint_label(cell.scenario, endpoint)}: {measure_of(result.targets[cell.number, endpoint, name].estimand)}"
        for name in shown
    ]


@dataclass(frozen=True)
class Across:
    """The settings of a sweep side by side: the figure, one for telephones, how it shows errors, values to hover."""

    figure: Figure
    narrow: Figure | None
    errors: str
    values: tuple[Hover, ...] = ()


BARS = "bars are 1.96 simulation errors"
MOST_PANELS, PAIR = 6, 2
MOST_ROWS = 24
"""So many settings have a row each; more are drawn as a nested loop."""


def across(result: StudyResult, endpoint: str) -> Across | None:
    """The bias of hazard ratios over a sweep: against the value that was swept, else a row for each setting.

    A map of one estimator over two settings. Bias is against the target. None where no estimator is the same in all.
    """
    first = result.cells[0]
    labels = labels_of(first)
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
        found[labels[name]] = np.array([one.value for one in own]), np.array([one.mcse for one in own])
    texts = {key: [value_text(cell.settings[key]) for cell in result.cells] for key in keys}
    mapped = _mapped(result, endpoint, list(found), texts, found)
    if mapped is not None:
        return mapped
    values = [tuple(cell.settings[key] for key in keys) for cell in result.cells]
    numbers = [one[0] for one in values if _is_number(one[0])]
    if len(numbers) == len(values) == len(set(numbers)) and all(len(set(one)) == 1 for one in values):
        return _against_value(result, np.array(numbers, dtype=np.float64), found)
    panels = _panels(result, found)
    if panels is not None:
        return panels
    if len(result.cells) > MOST_ROWS:
        named = {path_label(key, result.cells[0].scenario): told for key, told in texts.items()}
        return Across(
            nested_loop_of(found, named, f"{endpoint_label(result.cells[0].scenario, endpoint)}, HR: {OFF_BY}", 0.0),
            None,
            BARS,
        )
    rows = [setting_text(cell.settings, cell.scenario) for cell in result.cells]
    return Across(
        settings_of(rows, found, OFF_BY, 0.0), settings_of(rows, found, OFF_BY, 0.0, narrow=True), BARS
    )  # fmt: skip


def _against_value(result: StudyResult, x: Floats, found: Mapping[str, tuple[Floats, Floats]]) -> Across:
    """The bias against the values of what was swept, which may have several names with the same value."""
    scenario = result.cells[0].scenario
    label = " and ".join(dict.fromkeys(path_label(key, scenario) for key in result.cells[0].settings))
    drawn = swept_of(x, found, label, OFF_BY, 0.0)
    words = [
        [f"{name}, {label} {at:g}: off by {signed(Measure(*pair))}" for at, *pair in zip(x, *own, strict=True)]
        for name, own in found.items()
    ]
    spots = tuple(
        spot
        for own, told in zip(found.values(), words, strict=True)
        for spot in along(drawn.axes[0], x.tolist(), own[0].tolist(), told)
    )
    return Across(drawn, swept_of(x, found, label, OFF_BY, 0.0, PHONE), BARS, spots)


def _panels(result: StudyResult, found: Mapping[str, tuple[Floats, Floats]]) -> Across | None:
    """A panel for each value of one of two settings, against the other, where that is a number."""
    settings = [cell.settings for cell in result.cells]
    keys = list(settings[0])
    if len(keys) != PAIR:
        return None
    values = {key: list(dict.fromkeys(value_text(one[key]) for one in settings)) for key in keys}
    x, other = sorted(keys, key=lambda key: (not all(_is_number(one[key]) for one in settings), -len(values[key])))
    if not all(_is_number(one[x]) for one in settings) or len(values[other]) > MOST_PANELS or len(values[x]) < PAIR:
        return None
    made = []
    for told in values[other]:
        own = [k for k, one in enumerate(settings) if value_text(one[other]) == told]
        if len({settings[k][x] for k in own}) < max(len(own), PAIR):
            return None
        at = np.array([settings[k][x] for k in own], dtype=np.float64)
        measured = {name: (value[own], error[own]) for name, (value, error) in found.items()}
        made.append((setting_text({other: settings[own[0]][other]}, result.cells[0].scenario), at, measured))
    label = path_label(x, result.cells[0].scenario)
    return Across(panels_of(made, label, OFF_BY, 0.0), panels_of(made, label, OFF_BY, 0.0, narrow=True), BARS)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _mapped(
    result: StudyResult, endpoint: str, names: list[str], texts: dict[str, list[str]],
    found: Mapping[str, tuple[Floats, Floats]],
) -> Across | None:  # fmt: skip
    """A map of one estimator over two settings."""
    if len(names) != 1 or len(texts) != 2:
        return None
    rows, columns = (list(dict.fromkeys(told)) for told in texts.values())
    shape = len(rows), len(columns)
    if len(result.cells) != shape[0] * shape[1]:
        return None
    value, error = np.full(shape, np.nan), np.full(shape, np.nan)
    for place, (a, b) in enumerate(zip(*texts.values(), strict=True)):
        where = rows.index(a), columns.index(b)
        value[where], error[where] = (part[place] for part in found[names[0]])
    first, second = (path_label(key, result.cells[0].scenario) for key in texts)
    what = f"{endpoint_label(result.cells[0].scenario, endpoint)}, HR, {names[0]}: off by (log scale)"
    return Across(heat_of(value, error, rows, columns, (first, second), what), None, "in brackets simulation errors")


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
