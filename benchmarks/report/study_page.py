"""The page of a study: ADEMP's five headings between what was assumed and how to reproduce it."""

from typing import Any

import numpy as np

from analysis.audit.published import parse_printed
from analysis.kernels.status import Status
from analysis.tables.text_table import TextTable, table
from benchmarks.asked.base import base_of, read_base
from benchmarks.asked.blocks import Cell
from benchmarks.asked.primary import primary_estimator
from benchmarks.asked.published_keys import printed_ratio
from benchmarks.asked.scenario import Scenario
from benchmarks.report import glossary
from benchmarks.report.engine import (
    Fold,
    HowMade,
    Note,
    Page,
    PageBlock,
    Section,
    SettingsShown,
    abreast,
    html,
    repeated,
)
from benchmarks.report.study_figures import across_cells, figures_of, replicate_figures
from benchmarks.report.study_tables import close_table, relabelled
from benchmarks.report.study_truths import settings_named, truths_section
from benchmarks.report.world import (
    assumed_section,
    base_section,
    comparability_section,
    failures_section,
)
from benchmarks.study import paired
from benchmarks.study.running import JudgedBy, StudyResult
from benchmarks.words import performance_tables, plain_text
from benchmarks.words.analysis_names import endpoint_label, labels_of
from benchmarks.words.key_words import in_a_sentence
from benchmarks.words.recommend import advice, compared_by_question, recommend
from benchmarks.words.settings_named import path_label, setting_text
from benchmarks.words.verdicts import verdict
from simulator.documents.loading import Document

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


def study_report(
    result: StudyResult, document: Document, scenario: Scenario, held: dict[str, Any], sealed: str = ""
) -> str:
    """The HTML report of a study; ``held`` is the manifest of its folder, ``sealed`` the digest of all."""
    methods = len(scenario.estimators)
    size = (
        f"{scenario.name}: {scenario.run.replicates:,} simulated studies of {_sizes(result)} patients"
        f"{f' in each of {len(result.cells)} settings' if len(result.cells) > 1 else ''}, each analysed in "
        f"{methods} way{'s' if methods > 1 else ''}. {scenario.source.rstrip('.')}."
    )
    command = str(held.get("command") or "")
    plain = f"trialtwin run {scenario.name} --reps {scenario.run.replicates} --seed {scenario.run.seed}"
    again = repeated(command) if command.startswith("trialtwin run ") else plain
    identity = (
        ("scenario digest", str(held.get("digest"))),
        ("SHA-256 of the rows", result.rows_sha256),
        *([("sealed digest", sealed)] if sealed else []),
    )
    failures = result.rows.failures()
    unpaired = ("NO_PAIRS",) if any(one["status"] == "NO_PAIRS" for one in failures) else ()
    base = read_base(held["base"]) if "base" in held else base_of(document, shipped_only=True)
    return html(
        Page(
            scenario.question,
            verdict(result),
            HowMade(again, identity, command, held.get("versions") or {}),
            (
                found_section(result),
                *_published(result, scenario),
                truths_section(result, scenario),
                comparability_section(result.cells),
                base_section(document, base),
                assumed_section(document),
                failures_section(failures, result.cells),
            ),
            kicker="What-if study" if scenario.name != base.name else "Study",
            cite=size,
            terms=(*glossary.STUDY, *unpaired),
            references=("morris", *glossary.BALANCE[scenario.analysis.primary]),
            picks=True,
        )
    )


def _sizes(result: StudyResult) -> str:
    sizes = [cell.scenario.population.size for cell in result.cells]
    return f"{min(sizes):,}" + (f" to {max(sizes):,}" if max(sizes) > min(sizes) else "")


def found_section(result: StudyResult) -> Section:
    """What came out: over a sweep its figure first, then setting by setting; the figure, the table, the rest folded."""
    cells, several = result.cells, len(result.cells) > 1
    notes: tuple[PageBlock, ...] = ()
    if len(cells) > DRAWN:
        notes = (Note(f"Of {len(cells)} settings the first {DRAWN} have figures of their own; tables are of all."),)
    labels = labels_of(cells[0])
    folded = tuple(relabelled(one, labels) for one in _paired(result))
    same = (Fold("Differences on the same simulated studies", folded),) if folded else ()
    if not several:
        return Section(
            "How close does each analysis come to the truth?", _first_advice(result),
            (*_cell(result, cells[0]), *notes, *same), "found", "What was found",
        )  # fmt: skip
    parts = tuple(Section(_heading(result, cell), "", _cell(result, cell)) for cell in cells)
    keys = list(dict.fromkeys(key for cell in cells for key in cell.settings))
    what = f"the {path_label(keys[0], cells[0].scenario)}" if len(keys) == 1 else "what is set"
    return Section(
        f"What changes with {what}?", "", (*across_cells(result), SettingsShown(parts), *notes, *same), "found",
        "What was found",
    )  # fmt: skip


def _first_advice(result: StudyResult) -> str:
    """The recommendation for the first endpoint."""
    cell = result.cells[0]
    told = advised_of(result, cell, cell.endpoints[0])[0]
    return (
        f"For {in_a_sentence(endpoint_label(cell.scenario, cell.endpoints[0]))}: {told[:1].lower()}{told[1:]}"
        if told
        else ""
    )


def advised_of(result: StudyResult, cell: Cell, endpoint: str) -> tuple[str, frozenset[str]]:
    """Which analysis to use, in words, and the names of the best where there is a recommendation."""
    compared = compared_by_question(result, cell, endpoint)
    if not compared:
        return "", frozenset()
    asked = max(compared, key=lambda one: len(compared[one]))
    made = recommend(compared[asked])
    if made is None:
        return "", frozenset()
    chosen = made.names if made.near and made.by != "nothing" else ()
    return advice(made, asked, labels_of(cell)), frozenset(chosen)


def _heading(result: StudyResult, cell: Cell) -> str:
    """What is set in a cell, and in whom it judges where that differs among cells."""
    own = result.whom_by_cell.get(cell.number)
    told = setting_text(cell.settings, cell.scenario)
    return f"{told[:1].upper()}{told[1:]}" + (f" (in {own.phrase})" if own else "")


def _cell(result: StudyResult, cell: Cell) -> tuple[PageBlock, ...]:
    """What came out in one setting, endpoint by endpoint."""
    drawn, several = cell.number < DRAWN, len(result.cells) > 1
    made: list[PageBlock] = []
    for endpoint in cell.endpoints:
        called = endpoint_label(cell.scenario, endpoint)
        advised, best = advised_of(result, cell, endpoint)
        close = close_table(result, cell, endpoint, labels_of(cell), best)
        tests = performance_tables.table_of_tests(result, cell, endpoint)
        tabled: list[PageBlock] = [close] if close.table.rows else []
        tabled += [relabelled(tests, labels_of(cell))] if tests.rows else []
        pictures = figures_of(result, cell, endpoint) if drawn else ()
        rest = replicate_figures(result, cell, endpoint) if cell.number == 0 else ()
        body: list[PageBlock] = [*pictures, *tabled, *_own_job(result, cell, endpoint)]
        body += [Fold(f"{called}: simulated study by simulated study", rest)] if rest else []
        made.append(Section(called, advised if several or made else "", tuple(body)))
    return tuple(made)


def _own_job(result: StudyResult, cell: Cell, endpoint: str) -> tuple[PageBlock, ...]:
    """The second table, each estimator by its own estimand, then every measure by either, folded."""
    shown = performance_tables.own_table(result, cell, endpoint)
    every = (
        *_every(result, cell, endpoint, "target", "by the target"),
        *_every(result, cell, endpoint, "own", "by its own estimand"),
    )
    called = endpoint_label(cell.scenario, endpoint)
    every_fold = Fold(f"{called}: every measure", (*every, Note(performance_tables.note_of(result))))
    if not shown.rows:
        return (every_fold,)
    own = relabelled(shown, labels_of(cell))
    return (Fold(f"{called}: does each analysis answer its own question?", (own,)), every_fold)


def _every(result: StudyResult, cell: Cell, endpoint: str, judged_by: JudgedBy, words: str) -> tuple[TextTable, ...]:
    """Every measure of every estimator, an estimator a row, so many measures a table as fit."""
    labels = labels_of(cell)
    names = [one.name for where, one in cell.scenario.judged() if where == endpoint]
    found = [plain_text.measures(result, cell.number, endpoint, name, judged_by) for name in names]
    measures = list(dict.fromkeys(measure for own in found for measure in own))
    rows = [
        (labels[name], *(plain_text.with_error(own[measure], 4) if measure in own else "" for measure in measures))
        for name, own in zip(names, found, strict=True)
    ]
    heads = ("analysis", *(measure.replace("_", " ") for measure in measures))
    where = f", {setting_text(cell.settings, cell.scenario)}" if len(result.cells) > 1 else ""
    return abreast(f"{endpoint_label(cell.scenario, endpoint)}{where}, {words}", heads, rows, 1)


def _paired(result: StudyResult) -> tuple[TextTable, ...]:
    several = len(result.cells) > 1
    named = settings_named(result)
    methods = [pair for cell in result.cells for pair in paired.methods(result, cell)]
    made = []
    if methods:
        rows = [
            (*((named[pair.cell],) if several else ()), pair.endpoint, pair.estimator, pair.against, *_contrasts(pair))
            for pair in methods
        ]
        heads = (*(("setting",) if several else ()), "endpoint", "estimator", "against")
        numbers = ("difference of bias", "gain in precision, %", "difference of coverage", "difference of rejection")
        note = (
            "Analyses that answer one question in the same measure, each against the first of them: differences on the "
            "same simulated studies, in brackets their paired simulation errors (Morris et al. 2019)."
        )
        made.append(table("Analyses", (*heads, *numbers), rows, len(heads), note))
    cells = paired.cells(result)
    if cells:
        rows = [
            (
                named[pair.cell],
                pair.endpoint,
                pair.estimator,
                named[result.cells[0].number],
                plain_text.with_error(pair.measures["mean_difference"], 4),
                plain_text.with_error(pair.measures["rejection_difference"], 4),
            )
            for pair in cells
        ]
        heads = (
            "setting",
            "endpoint",
            "estimator",
            "against",
            "difference of mean estimates",
            "difference of rejection",
        )
        note = (
            "Settings share their random numbers: the difference that one makes, with its paired simulation error. "
            "Estimates of ratios are logarithms."
        )
        made.append(table("Settings", heads, rows, 4, note))
    return tuple(made)


def _contrasts(pair: paired.Pair) -> tuple[str, ...]:
    digits = {"relative_precision": 1}
    return tuple(plain_text.with_error(pair.measures[name], digits.get(name, 4)) for name in paired.MEASURES)


def _published(result: StudyResult, scenario: Scenario) -> tuple[Section, ...]:
    rows = published_rows(result, scenario)
    if not rows:
        return ()
    heads = ("number", "where", "estimator", "printed", "simulated: median (central 95 %)", "inside")
    keys = ("what", "where", "estimator", "printed", "simulated", "inside")
    note = "A study that changes the twin need not agree with the paper."
    note = f"Of the first setting. {note}" if len(result.cells) > 1 else note
    shown = table("Published beside simulated", heads, [tuple(row[key] for key in keys) for row in rows], 3, note)
    shown = relabelled(shown, labels_of(result.cells[0]))
    inside = sum(row["inside"] == "yes" for row in rows)
    told = f"{inside} of {len(rows)} printed hazard ratio{'s' if len(rows) > 1 else ''} "
    told += f"{'lies' if inside == 1 else 'lie'} where 95 % of the simulated studies lie."
    return (Section("Does it print what the paper prints?", told, (shown,), "published", "Beside the paper"),)


def published_rows(result: StudyResult, scenario: Scenario) -> list[dict[str, str]]:
    """Published hazard ratios beside the same analysis of the replicates of the first cell."""
    rows = []
    for endpoint in scenario.endpoints:
        called = endpoint_label(scenario, endpoint)
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
                    "what": f"{called}, hazard ratio{HOW[scenario.analysis.primary][not side]}",
                    "printed": hr.printed + (f" ({'–'.join(interval)})" if interval else ""),
                    "where": hr.where,
                    "simulated": f"{middle:.2f} ({low:.2f}–{high:.2f})",
                    "estimator": estimator,
                    "inside": "yes" if stands.low <= high and stands.high >= low else "no",
                }
            )
    return rows
