"""What a study and a cohort say, as text for a terminal of 100 columns, as a sentence, and as JSON."""

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from math import exp, isfinite, isnan
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.cohort_analysis import CohortAnalysis
from analysis.cohort_spec import Data
from analysis.tables import all_tables
from analysis.text_table import TextTable, clean
from benchmarks import looks, paired
from benchmarks.blocks import Cell
from benchmarks.performance import Measure
from benchmarks.scenario import Scenario, Settings
from benchmarks.study import StudyResult
from simulator.estimand import Estimand

WIDTH = 100
ABSENT = "-"
MEASURES = {
    "marginal_log_hr": "HR",
    "conditional_log_hr": "cond. HR",
    "rmst_difference": "RMST diff, months",
    "survival_difference": "surv. diff",
    "median_difference": "median diff, months",
    "risk_difference": "risk diff",
    "log_risk_ratio": "risk ratio",
    "log_odds_ratio": "odds ratio",
    "none": "test",
}
"""What a table calls a measure; a logarithm is shown as the ratio itself."""
IN_MONTHS = ("rmst_difference", "median_difference")
MOST_IN_VERDICT = 6
MOST_GIVE = 0.99
"""A share of replicates with an estimate that needs no word."""
NOTE = (
    "In brackets: Monte Carlo standard error. SE: standard deviation of the estimates over replicates. "
    "Bias and SE of a ratio are those of its logarithm. 'ok %' is shown where an estimator failed in some replicates."
)


def measures(result: StudyResult, cell: int, endpoint: str, estimator: str) -> dict[str, Measure]:
    """The measures of one estimator in one cell, by name."""
    return result.measured.get((cell, endpoint, estimator), {})


def rejection(found: dict[str, Measure]) -> tuple[str, Measure]:
    """The share of rejections under its right name: type-I error where the truth is zero, else power."""
    name = "type_1_error" if "type_1_error" in found else "power"
    return name, found[name]


def settings_text(settings: Settings) -> str:
    """What the sweep set in a cell."""
    return "; ".join(f"{key} = {value_text(value)}" for key, value in settings.items()) or "as stated"


def value_text(value: object) -> str:
    """A value of a scenario as it is told to a reader: lists and mappings without their brackets."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {value_text(part)}" for key, part in value.items()) or "none"
    if isinstance(value, list | tuple):
        if value and all(isinstance(item, list | tuple) for item in value):
            return ", ".join(f"({value_text(item)})" for item in value)
        return ", ".join(map(value_text, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def number(value: float, digits: int = 3) -> str:
    """A number with fixed decimals, a dash for NaN."""
    return f"{round(value, digits) + 0.0:.{digits}f}" if isfinite(value) else ABSENT


def with_error(measure: Measure, digits: int = 3) -> str:
    """A value with its Monte Carlo standard error in brackets."""
    return ABSENT if isnan(measure.value) else f"{number(measure.value, digits)} ({number(measure.mcse, digits)})"


def percent(measure: Measure) -> str:
    """A share in percent with its Monte Carlo standard error in brackets."""
    return with_error(Measure(100 * measure.value, 100 * measure.mcse), 1)


def natural(estimand: Estimand, value: float) -> float:
    """A value of the estimand as it is shown: a ratio, not its logarithm."""
    return exp(value) if "log" in estimand.measure else value


def measure_of(estimand: Estimand) -> str:
    """A measure in words: log HR, RMST difference to 24 months."""
    words = estimand.measure.replace("_", " ").replace("hr", "HR").replace("rmst", "RMST")
    if estimand.measure == "none":
        return "a test"
    if estimand.horizon is None:
        return f"{words}, months" if estimand.measure in IN_MONTHS else words
    return f"{words} {'to' if estimand.measure in IN_MONTHS else 'at'} {estimand.horizon:g} months"


def performance_rows(result: StudyResult, cell: Cell) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows of the main measures of one cell."""
    header = ("endpoint", "estimator", "measure", "truth", "mean", "bias", "SE", "model SE", "coverage %")
    rows: list[tuple[str, ...]] = []
    last = "power %"
    for endpoint, estimator in cell.scenario.judged():
        found = measures(result, cell.number, endpoint, estimator.name)
        asked = result.truths[cell.number, endpoint, estimator.name].estimand
        name, rejected = rejection(found)
        last = "type-I error %" if name == "type_1_error" else "power %"
        test = asked.measure == "none"
        rows.append(
            (
                endpoint,
                estimator.name,
                MEASURES[asked.measure],
                ABSENT if test else number(natural(asked, found["truth"].value)),
                ABSENT if test else number(natural(asked, found["mean"].value)),
                ABSENT if test else with_error(found["bias"]),
                ABSENT if test else number(found["empirical_se"].value),
                ABSENT if test else number(found["model_se"].value),
                ABSENT if test else percent(found["coverage"]),
                percent(rejected),
                number(100 * found["convergence"].value, 1),
            )
        )
    return (*header, last, "ok %"), rows


def performance_table(result: StudyResult) -> str:
    """The main measures of every cell, a table per endpoint; in brackets the Monte Carlo standard error."""
    parts = []
    for cell in result.cells:
        header, rows = performance_rows(result, cell)
        if len(result.cells) > 1:
            parts.append(f"cell {cell.number}: {settings_text(cell.settings)}")
        some_failed = any(row[-1] != "100.0" for row in rows)
        columns = slice(1, None if some_failed else -1)
        for endpoint in dict.fromkeys(row[0] for row in rows):
            own = [row[columns] for row in rows if row[0] == endpoint]
            parts.append(aligned((endpoint, *header[columns][1:]), own, left=2) + "\n")
    parts.append(textwrap.fill(NOTE, WIDTH))
    return "\n".join(parts)


def aligned(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Columns side by side, the first ``left`` ones to the left; what does not fit within the width is wrapped."""
    table = [tuple(map(clean, row)) for row in (header, *rows)]
    gaps = 2 * (len(header) - 1)
    words = [max(map(len, name.split()), default=0) for name in header]
    widths = [max([words[k], *(len(row[k]) for row in table[1:])]) for k in range(len(header))]
    whole = [max(width, len(name)) for width, name in zip(widths, header, strict=True)]
    widths = whole if sum(whole) + gaps <= WIDTH else widths
    while sum(widths) + gaps > WIDTH and max(widths) > 6:
        widths[widths.index(max(widths))] -= 1
    lines = []
    for row in table:
        cells = [textwrap.wrap(text, width) or [""] for text, width in zip(row, widths, strict=True)]
        for line in range(max(map(len, cells))):
            here = [wrapped[line] if line < len(wrapped) else "" for wrapped in cells]
            placed = [
                text.ljust(width) if k < left else text.rjust(width)
                for k, (text, width) in enumerate(zip(here, widths, strict=True))
            ]
            lines.append("  ".join(placed).rstrip())
        if row is table[0]:
            lines.append("  ".join("-" * width for width in widths))
    return "\n".join(lines)


def verdict(result: StudyResult) -> str:
    """What came out for the first endpoint, with its error, and where a study that looks at its errors stopped."""
    until = result.cells[0].scenario.run.until
    stop = f" {looks.told(result.looks, until)}" if until is not None and result.looks else ""
    return (_sweep_verdict(result) if len(result.cells) > 1 else _cell_verdict(result)) + stop


def _cell_verdict(result: StudyResult) -> str:
    """How far each kind of analysis is from its truth."""
    cell = result.cells[0]
    endpoint = cell.scenario.judged()[0][0]
    names = [one.name for where, one in cell.scenario.judged() if where == endpoint]
    found = {name: measures(result, 0, endpoint, name) for name in names}
    asked = {name: result.truths[0, endpoint, name].estimand for name in names}
    count = result.rows.layout.replicates[0]
    first = next((name for name in names if isfinite(found[name]["truth"].value)), None)
    if first is None:
        start = f"On {endpoint}"
    elif found[first]["truth"].value == 0:
        start = f"With no true effect on {endpoint}"
    else:
        start = f"On {endpoint}, each estimator judged by its own truth"
    told = names
    if len(names) > MOST_IN_VERDICT:
        judged = [name for name in names if isfinite(found[name]["coverage"].value)]
        judged.sort(key=lambda name: abs(found[name]["bias"].value) / found[name]["empirical_se"].value)
        told = [*judged[:3], *judged[3:][-2:]] or names[:MOST_IN_VERDICT]
        start += f" (of {len(names)} estimators {_chosen(len(judged))})"
    parts = [f"{name}: {_distance(asked[name], found[name])}" for name in told]
    return (
        f"{start}, mean over {count:,} replicates: {'; '.join(parts)}. Bias of a ratio is that of its "
        "logarithm, in brackets the Monte Carlo SE; cover: 95 % intervals that hold the truth."
    )


def _chosen(judged: int) -> str:
    """Which estimators a verdict on many of them tells."""
    if judged == 0:
        return f"the first {MOST_IN_VERDICT}"
    if judged < 5:
        return "those that have a truth"
    return "the three whose bias is least beside their SE and the two whose is most"


def _quantity(asked: Estimand, value: float) -> str:
    """A value with its measure and unit: HR 0.36, RMST diff 2.51 months."""
    measure, _, unit = MEASURES[asked.measure].partition(", ")
    return f"{measure} {number(natural(asked, value), 2)}{unit and ' '}{unit}"


def _distance(asked: Estimand, found: dict[str, Measure]) -> str:
    bias, cover = found["bias"], found["coverage"]
    if asked.measure == "none":
        return f"rejects in {percent(rejection(found)[1])} %"
    if isnan(found["mean"].value):
        return "none, no replicate gave an estimate"
    within = isfinite(bias.mcse) and abs(bias.value) < 2 * bias.mcse
    truth = found["truth"].value
    true = f"truth {number(natural(asked, truth), 2)}, " if isfinite(truth) and truth != 0 else ""
    return (
        f"{_quantity(asked, found['mean'].value)} ({true}bias {_bias(found)}"
        f"{', within Monte Carlo error' if within else ''}; cover {number(100 * cover.value, 1)} %)"
        + _failing(found["convergence"])
    )


def _failing(converged: Measure) -> str:
    """How many replicates gave an estimate, where it is not nearly all."""
    return f", an estimate in {100 * converged.value:.0f} % of replicates" if converged.value < MOST_GIVE else ""


def _sweep_verdict(result: StudyResult) -> str:
    """How the mean of each estimator moves from the first cell to the last, and where its bias is largest."""
    first, last = result.cells[0], result.cells[-1]
    endpoint = first.scenario.judged()[0][0]
    ends = [(where, one.name) for where, one in last.scenario.judged()]
    names = [one.name for where, one in first.scenario.judged() if where == endpoint and (where, one.name) in ends]
    parts, others = [], dict[int, str]()
    for name in names[:MOST_IN_VERDICT]:
        asked = result.truths[first.number, endpoint, name].estimand
        start, end = (measures(result, cell.number, endpoint, name) for cell in (first, last))
        if asked.measure == "none":
            parts.append(f"{name} rejects in {percent(rejection(start)[1])} %, then {percent(rejection(end)[1])} %")
            continue
        if isnan(start["mean"].value) or isnan(end["mean"].value):
            parts.append(f"{name} gives no estimate in one of them")
            continue
        parts.append(
            f"{name} finds {endpoint} {_quantity(asked, start['mean'].value)}, then "
            f"{_quantity(asked, end['mean'].value)} (bias {_bias(start)}, then {_bias(end)})"
        )
        parts[-1] += _failing(min(start["convergence"], end["convergence"], key=lambda one: one.value))
        if (most := _most_biased(result, endpoint, name)) is not None:
            parts[-1] += f", most biased in cell {most.number} ({_bias(measures(result, most.number, endpoint, name))})"
            others[most.number] = settings_text(most.settings)
    told = "".join(f" Cell {cell}: {text}." for cell, text in sorted(others.items()))
    return (
        f"From the first cell ({settings_text(first.settings)}) to the last ({settings_text(last.settings)}): "
        + "; ".join(parts)
        + f".{told} Bias of a ratio is that of its logarithm; in brackets: Monte Carlo SE."
    )


def _bias(found: dict[str, Measure]) -> str:
    return f"{round(found['bias'].value, 3) + 0.0:+.3f} ({number(found['bias'].mcse)})"


def _most_biased(result: StudyResult, endpoint: str, name: str) -> Cell | None:
    """The cell between the first and the last in which the bias is clearly larger than in both of them."""
    found = [(cell, measures(result, cell.number, endpoint, name).get("bias")) for cell in result.cells]
    known = [(cell, one) for cell, one in found if one is not None and isfinite(one.value) and isfinite(one.mcse)]
    if len(known) < 3:
        return None
    most, largest = max(known, key=lambda pair: abs(pair[1].value))
    ends = [one for cell, one in known if cell in (result.cells[0], result.cells[-1])]
    clear = all(abs(largest.value) - abs(one.value) > 2 * (largest.mcse**2 + one.mcse**2) ** 0.5 for one in ends)
    return most if clear and ends and all(largest is not one for one in ends) else None


def study_json(result: StudyResult, scenario: Scenario, held: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The whole result of a study as JSON: no NaN and no infinity, null instead."""
    return {
        "format": "trialtwin-study/1",
        "name": scenario.name,
        "question": scenario.question,
        "verdict": verdict(result),
        "cells": [{"cell": cell.number, "settings": cell.settings} for cell in result.cells],
        "truths": [
            {
                **dict(zip(("cell", "endpoint", "estimator"), key, strict=True)),
                "value": _finite(truth.value),
                "mcse": _finite(truth.mcse),
                "how": truth.how,
                "estimand": truth.estimand.model_dump(mode="json"),
            }
            for key, truth in result.truths.items()
        ],
        "performance": _records(result.performance),
        "failures": _records(result.rows.failures()),
        "looks": [asdict(one) for one in result.looks],
        "paired": [
            *(_pair(pair) for cell in result.cells for pair in paired.methods(result, cell)),
            *(_pair(pair) for pair in paired.cells(result)),
        ],
        "provenance": {
            "replicates": max(result.rows.layout.replicates.values()),
            "seed": scenario.run.seed,
            "rows_sha256": result.rows_sha256,
            "folder": str(folder),
            **{key: held.get(key) for key in ("digest", "versions", "command")},
        },
    }


def _pair(pair: paired.Pair) -> dict[str, Any]:
    found = {name: {"value": _finite(one.value), "mcse": _finite(one.mcse)} for name, one in pair.measures.items()}
    return {**asdict(pair), "measures": found}


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): _plain(value) for key, value in row.items()} for row in table.to_dict("records")]


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return _finite(value)
    return value if isinstance(value, str | int) else value.item()


def _finite(value: float) -> float | None:
    return float(value) if isfinite(value) else None


def cohort_tables(analysis: CohortAnalysis, data: Data | None = None) -> str:
    """The analysis of one cohort for a terminal."""
    size, sets = analysis.cohort, analysis.matching
    lead = (
        f"{size.n:,} patients: {size.treated:,} {analysis.arms.treated}, {size.control:,} {analysis.arms.control}; "
        f"{sets.n_pairs:,} matched sets ({sets.status.name})"
    )
    warnings = [textwrap.fill(f"Warning: {clean(one)}", WIDTH) for one in (sets.ties.warnings if sets.ties else ())]
    return "\n\n".join([lead, *warnings, *map(text_table, all_tables(analysis, data))])


def text_table(table: TextTable) -> str:
    """A table with its title above and its notes below; one too wide is given in parts, one below the other."""
    notes = [textwrap.fill(clean(note), WIDTH) for note in table.notes]
    columns = range(len(table.header))
    least = [max(max(map(len, table.header[k].split(" "))), *(len(row[k]) for row in table.rows), 0) for k in columns]
    parts: list[Sequence[int]] = [columns[1:]]
    if sum(least) + 2 * (len(columns) - 1) > WIDTH and len(columns) >= 6:
        own = [columns for name, columns in table.blocks if name]
        middle = len(columns) // 2
        parts = [*own] or [columns[1:middle], columns[middle:]]
    made = []
    for part in parts:
        text = aligned([table.header[k] for k in (0, *part)], [[row[k] for k in (0, *part)] for row in table.rows])
        above = [(name, own) for name, own in table.blocks if name and set(own) <= set(part)]
        made.append(_under(above, (0, *part), text) if above else text)
    return "\n".join([clean(table.title), "\n\n".join(made), *notes])


def _under(above: Sequence[tuple[str, Sequence[int]]], columns: Sequence[int], text: str) -> str:
    """The aligned columns with heads above their heads, each in the middle of its own."""
    rule = next(line for line in text.splitlines() if line.strip("- ") == "")
    places = [found.span() for found in re.finditer("-+", rule)]
    line = ""
    for name, own in above:
        start, end = places[columns.index(own[0])][0], places[columns.index(own[-1])][1]
        line = line.ljust(start) + name.center(end - start, "-" if end - start > len(name) + 1 else " ")
    return f"{line.rstrip()}\n{text}"
