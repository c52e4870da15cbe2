"""The page of a study: ADEMP's five headings between what was assumed and how to reproduce it."""

import re
from typing import Any

import numpy as np

from analysis.audit.published import parse_printed
from analysis.estimators import Estimator
from analysis.kernels.status import Status
from analysis.tables.text_table import TextTable, table
from benchmarks.asked.base import base_of, read_base
from benchmarks.asked.blocks import Cell
from benchmarks.asked.primary import primary_estimator
from benchmarks.asked.published_keys import printed_ratio
from benchmarks.asked.scenario import Scenario
from benchmarks.performance.measures import Measure
from benchmarks.report import glossary
from benchmarks.report.engine import HowMade, Page, Section, abreast, html, repeated
from benchmarks.report.study_figures import across_cells, figures_of
from benchmarks.report.world import (
    assumed_section,
    base_section,
    comparability_section,
    design_text,
    failures_section,
)
from benchmarks.study import paired
from benchmarks.study.running import JudgedBy, StudyResult
from benchmarks.words import performance_tables, plain_text
from benchmarks.words.verdicts import verdict
from simulator.cohort.estimand import Estimand
from simulator.documents.loading import Document
from simulator.documents.spec import timed

HOW = {
    "matching": (" before matching", " after matching"),
    "weighting": (" before weighting", " after weighting"),
    "stratification": (" before stratification", " after stratification"),
    "adjustment": (", unadjusted", ", adjusted"),
    "unadjusted": ("", ""),
}
"""What is said of the hazard ratio of all patients, and of that of each primary analysis."""
DRAWN = 3
"""So many cells have figures of their own."""
_OPTION = re.compile("``(\\w+)``")


def study_report(
    result: StudyResult, document: Document, scenario: Scenario, held: dict[str, Any], sealed: str = ""
) -> str:
    """The HTML report of a study; ``held`` is the manifest of its folder, ``sealed`` the digest of all."""
    count, methods = len(result.cells), len(scenario.estimators)
    size = (
        f"{scenario.name}: {count} cell{'s' if count > 1 else ''}, {scenario.run.replicates:,} replicates of "
        f"{_sizes(result)} patients, {methods} estimator{'s' if methods > 1 else ''}."
    )
    command = str(held.get("command") or "")
    plain = f"trialtwin run {scenario.name} --reps {scenario.run.replicates} --seed {scenario.run.seed}"
    again = repeated(command) if command.startswith("trialtwin run ") else plain
    identity = (
        ("scenario digest", str(held.get("digest"))),
        ("SHA-256 of the rows", result.rows_sha256),
        *([("sealed digest", sealed)] if sealed else []),
    )
    failures = result.rows.failures().to_dict("records")
    unpaired = ("NO_PAIRS",) if any(one["status"] == "NO_PAIRS" for one in failures) else ()
    base = read_base(held["base"]) if "base" in held else base_of(document, shipped_only=True)
    results = (
        Section("Aims", (scenario.question, f"Source of the world: {scenario.source.rstrip('.')}.")),
        _mechanisms(result, scenario),
        _estimands(result),
        Section("Methods", items=tuple((one.name, _described(one, scenario.time_unit)) for one in scenario.estimators)),
        _performance(result),
        *_published(result, scenario),
    )
    return html(
        Page(
            scenario.question,
            verdict(result),
            HowMade(again, identity, command, held.get("versions") or {}),
            (result.people, size),
            assumed_section(document),
            base_section(document, base),
            results,
            comparability_section(result.cells),
            failures_section(failures),
            (*glossary.STUDY, *unpaired),
            ("morris", *glossary.BALANCE[scenario.analysis.primary]),
            picks=True,
        )
    )


def _sizes(result: StudyResult) -> str:
    sizes = [cell.scenario.population.size for cell in result.cells]
    return f"{min(sizes):,}" + (f" to {max(sizes):,}" if max(sizes) > min(sizes) else "")


def _mechanisms(result: StudyResult, scenario: Scenario) -> Section:
    cells = [(str(cell.number), plain_text.settings_text(cell.settings)) for cell in result.cells]
    shown = table("Cells", ("cell", "what is set"), cells, 2)
    return Section(
        "Data-generating mechanisms", (design_text(scenario),), tables=(shown,) if len(result.cells) > 1 else ()
    )


def _estimands(result: StudyResult) -> Section:
    several = len(result.cells) > 1
    rows = [
        (
            endpoint,
            estimator,
            *((str(cell),) if several else ()),
            performance_tables.in_whom(truth.estimand),
            plain_text.measure_of(truth.estimand),
            truth.how,
            plain_text.with_error(Measure(truth.value, truth.mcse), 4),
            plain_text.truth_text(truth),
        )
        for (cell, endpoint, estimator), truth in result.truths.items()
    ]
    heads = ("endpoint", "estimator", *(("cell",) if several else ()), "population", "measure", "how")
    shown = table("Truths", (*heads, "truth (MCSE)", "as ratio or difference"), rows, len(heads))
    exact = all(truth.how.startswith("exact") for truth in result.truths.values())
    many = len(rows) > 80 or (exact and len(rows) > 8)
    why = (
        "A hazard ratio is not collapsible: marginal and conditional truths differ even without confounding. What is "
        "side by side is judged by one target, each estimator in its own marginal measure; whether each does its own "
        "job is judged by the truth of its own estimand."
    )
    target = _targets(result)
    return Section(
        "Estimands and their truths",
        (result.people, why),
        tables=(target,) if many else (target, shown),
        fold=f"All {len(rows)} truths of own estimands" if many else "",
        folded=(shown,) if many else (),
    )


def _targets(result: StudyResult) -> TextTable:
    """The truths of the target: a row for each cell, endpoint, measure and horizon."""
    several = len(result.cells) > 1
    rows: dict[tuple[int, Estimand], tuple[str, ...]] = {}
    for (cell, endpoint, _), truth in result.targets.items():
        asked = truth.estimand
        if asked.measure != "none":
            rows[cell, asked] = (
                endpoint,
                *((str(cell),) if several else ()),
                *((performance_tables.in_whom(asked),) if result.has_targets else ()),
                plain_text.measure_of(asked),
                truth.how,
                plain_text.with_error(Measure(truth.value, truth.mcse), 4),
                plain_text.truth_text(truth),
            )
    who = ("population",) if result.has_targets else ()
    heads = ("endpoint", *(("cell",) if several else ()), *who, "measure", "how")
    return table("The target", (*heads, "truth (MCSE)", "as ratio or difference"), list(rows.values()), len(heads))


def _performance(result: StudyResult) -> Section:
    count = len(result.cells)
    notes = [performance_tables.note_of(result)]
    if count > DRAWN:
        notes.append(f"Of {count} cells the first {DRAWN} have figures of their own; tables are of all.")
    if count > 1:
        notes.append("Densities, standard errors and intervals of the replicates are drawn for the first cell.")
    return Section(
        "Performance measures",
        pictures=across_cells(result),
        parts=tuple(_cell(result, cell, count > 1) for cell in result.cells),
        fold="On the same replicates",
        folded=_paired(result),
        notes=tuple(notes),
    )


def _cell(result: StudyResult, cell: Cell, several: bool) -> Section:
    parts = []
    for endpoint in cell.endpoints:
        pictures = figures_of(result, cell, endpoint) if cell.number < DRAWN else ()
        shown = tuple(performance_tables.tables_for(result, cell, endpoint))
        parts.append(Section(endpoint, tables=shown, pictures=pictures, parts=_own_job(result, cell, endpoint)))
    heading = performance_tables.heading_of(result, cell) if several else ""
    return Section(heading, parts=tuple(parts), cell=several)


def _own_job(result: StudyResult, cell: Cell, endpoint: str) -> tuple[Section, ...]:
    """The second table, each estimator by its own estimand, then every measure by either, folded."""
    shown = performance_tables.own_table(result, cell, endpoint)
    every = (
        *_every(result, cell, endpoint, "target", "by the target"),
        *_every(result, cell, endpoint, "own", "by its own estimand"),
    )
    return (
        Section(f"{endpoint}: does each do its own job?" if shown.rows else "", tables=(shown,) if shown.rows else ()),
        Section("", fold="Every measure", folded=every),
    )


def _every(result: StudyResult, cell: Cell, endpoint: str, judged_by: JudgedBy, words: str) -> tuple[TextTable, ...]:
    """Every measure of every estimator, an estimator a row, so many measures a table as fit."""
    names = [one.name for where, one in cell.scenario.judged() if where == endpoint]
    found = [plain_text.measures(result, cell.number, endpoint, name, judged_by) for name in names]
    measures = list(dict.fromkeys(measure for own in found for measure in own))
    rows = [
        (name, *(plain_text.with_error(own[measure], 4) if measure in own else "" for measure in measures))
        for name, own in zip(names, found, strict=True)
    ]
    heads = ("estimator", *(measure.replace("_", " ") for measure in measures))
    return abreast(f"{endpoint}, cell {cell.number}, {words}", heads, rows, 1)


def _paired(result: StudyResult) -> tuple[TextTable, ...]:
    several = len(result.cells) > 1
    methods = [pair for cell in result.cells for pair in paired.methods(result, cell)]
    made = []
    if methods:
        rows = [
            (*((str(pair.cell),) if several else ()), pair.endpoint, pair.estimator, pair.against, *_contrasts(pair))
            for pair in methods
        ]
        heads = (*(("cell",) if several else ()), "endpoint", "estimator", "against")
        numbers = ("difference of bias", "gain in precision, %", "difference of coverage", "difference of rejection")
        note = (
            "Estimators of the target in the same measure, each against the first of them: differences between its "
            "replicates and theirs, in brackets their paired Monte Carlo standard errors (Morris et al. 2019)."
        )
        made.append(table("Estimators", (*heads, *numbers), rows, len(heads), note))
    cells = paired.cells(result)
    if cells:
        rows = [
            (
                str(pair.cell),
                pair.endpoint,
                pair.estimator,
                pair.against,
                plain_text.with_error(pair.measures["mean_difference"], 4),
                plain_text.with_error(pair.measures["rejection_difference"], 4),
            )
            for pair in cells
        ]
        heads = ("cell", "endpoint", "estimator", "against", "difference of mean estimates", "difference of rejection")
        note = (
            "Cells share their random numbers: the difference that a setting makes, with its paired Monte Carlo "
            "standard error. Estimates of ratios are logarithms."
        )
        made.append(table("Cells", heads, rows, 4, note))
    return tuple(made)


def _contrasts(pair: paired.Pair) -> tuple[str, ...]:
    digits = {"relative_precision": 1}
    return tuple(plain_text.with_error(pair.measures[name], digits.get(name, 4)) for name in paired.MEASURES)


def _published(result: StudyResult, scenario: Scenario) -> tuple[Section, ...]:
    rows = published_rows(result, scenario)
    if not rows:
        return ()
    heads = ("number", "where", "estimator", "printed", "replicates: median (central 95 %)", "inside")
    keys = ("what", "where", "estimator", "printed", "simulated", "inside")
    note = "A study that changes the world need not agree with the paper."
    note = f"Of the first cell. {note}" if len(result.cells) > 1 else note
    shown = table("Published beside simulated", heads, [tuple(row[key] for key in keys) for row in rows], 3, note)
    return (Section("Published beside simulated", tables=(shown,)),)


def published_rows(result: StudyResult, scenario: Scenario) -> list[dict[str, str]]:
    """Published hazard ratios beside the same analysis of the replicates of the first cell."""
    rows = []
    for endpoint in scenario.endpoints:
        primary = primary_estimator(scenario, endpoint)
        ways = [] if primary is None else [("", primary.name)]
        ways += [] if scenario.analysis.primary == "unadjusted" else [("before", "crude")]
        for side, estimator in reversed(ways):
            printed = printed_ratio(scenario, endpoint, side)
            hr = printed.get("hr")
            if hr is None or (endpoint, estimator) not in result.rows.layout.keys[0]:
                continue
            numbers, status = result.rows.of(0, endpoint, estimator, ("value",))
            values = np.exp(numbers["value"][status == Status.OK])
            if not len(values):
                continue
            low, middle, high = np.quantile(values, (0.025, 0.5, 0.975))
            interval = [printed[name].printed for name in ("low", "high") if name in printed]
            stands = parse_printed(hr.printed, "cox.hr")
            rows.append(
                {
                    "what": f"{endpoint} hazard ratio{HOW[scenario.analysis.primary][not side]}",
                    "printed": hr.printed + (f" ({'–'.join(interval)})" if interval else ""),
                    "where": hr.where,
                    "simulated": f"{middle:.2f} ({low:.2f}–{high:.2f})",
                    "estimator": estimator,
                    "inside": "yes" if stands.low <= high and stands.high >= low else "no",
                }
            )
    return rows


def _described(estimator: Estimator, unit: str) -> str:
    """The first sentence of an estimator's documentation with the values of the options that it names.

    Other options follow where they are not the usual ones. Times are told with their ``unit``.
    """

    def told(key: str, value: object) -> str:
        return plain_text.value_text(value) + (f" {unit}" if key in times and value is not None else "")

    times = {str(path[0]) for path, _ in timed(estimator)}
    first = " ".join((type(estimator).__doc__ or "").split("\n\n")[0].split()).split(". ")[0].rstrip(".")
    named = set(_OPTION.findall(first)) & set(type(estimator).model_fields)
    first = _OPTION.sub(lambda found: told(found[1], getattr(estimator, found[1], found[1])), first)
    options = estimator.model_dump(exclude_defaults=True, exclude={"kind", "name", "endpoints", *named})
    others = "; ".join(f"{key.replace('_', ' ')} {told(key, value)}" for key, value in options.items())
    return first + (f" ({others})." if others else ".")
