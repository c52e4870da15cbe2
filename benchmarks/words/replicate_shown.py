"""Measures of a table of replicates as an answer, as CSV and as rows of a page, each with its number of replicates."""

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from typing import Any

from analysis.cohort_files.data_table import short_list
from analysis.tables.table_files import safe_cell
from analysis.tables.text_table import table
from benchmarks.performance.measures import Measure
from benchmarks.performance.replicate_table import Group, TableColumns
from benchmarks.study.ranking import MOST_GIVE
from benchmarks.words.answer import Answer
from benchmarks.words.recommend import Compared, recommend
from benchmarks.words.sizes import counted, listed

ABOUT = (
    "In brackets: simulation error, [of how many simulated studies]. Formulas: Morris, White & Crowther 2019, Table 6."
)
UNEVEN = "The relative error of the reported SE compares both SEs among the simulated studies that have one."
NAME_IT = "--replicate names the column that says which rows belong together."
IN_ORDER = (
    "Compared with the reference row by row, in the order in which the rows stand: right only if both have the same "
    f"simulated studies in the same order. {NAME_IT}"
)


def answer(groups: Sequence[Group], columns: TableColumns) -> Answer:
    """Tables of measures, value (Monte Carlo SE) [n], as many groups side by side as fit."""
    tables = []
    for first in range(0, len(groups), 3):
        few = groups[first : first + 3]
        names = list(dict.fromkeys(name for one in few for name in (*one.measures, *one.against)))
        rows = [
            ("simulated studies", *(str(one.rows) for one in few)),
            ("no estimate", *(str(one.failed) for one in few)),
        ]
        for name in names:
            cells = [(one.measures | one.against).get(name, Measure(nan, nan)) for one in few]
            if name == "replicates_in_common":
                shown = [f"{cell.value:.0f}" if isfinite(cell.value) else "-" for cell in cells]
                rows.append((f"in common with {few[0].reference}", *shown))
                continue
            rows.append((name.replace("_", " "), *(_shown(cell) for cell in cells)))
        heads = (" / ".join(columns.by) or "measure", *(" / ".join(one.labels) for one in few))
        tables.append(table("Performance", heads, rows))
    return Answer(as_data(groups, columns), verdict(groups), tuple(tables), notes(groups, columns), found=tuple(groups))


def notes(groups: Sequence[Group], columns: TableColumns) -> tuple[str, ...]:
    """What the reader of the measures must know: where some estimates have no SE, and how rows were paired."""
    sizes = [(one.measures["model_se"].n, one.measures["empirical_se"].n) for one in groups]
    said = [ABOUT, *([UNEVEN] if any(model and model != all_of for model, all_of in sizes) else [])]
    if columns.replicate is None and any(one.against for one in groups):
        said.append(IN_ORDER)
    there = {one.labels for one in groups}
    alone = [
        " / ".join(one.labels)
        for one in groups
        if one.reference is not None and not one.against and {(one.reference, *one.labels[1:])} & there - {one.labels}
    ]
    if alone:
        said.append(
            f"Not compared with {groups[0].reference}, as it has another number of rows: {short_list(alone)}. {NAME_IT}"
        )
    return tuple(said)


def _shown(measure: Measure) -> str:
    if not isfinite(measure.value):
        return "-"
    error = f" ({measure.mcse:.4f})" if isfinite(measure.mcse) else ""
    return f"{measure.value:.4f}{error}" + ("" if measure.n is None else f" [{measure.n}]")


def verdict(groups: Sequence[Group]) -> str:
    """Which analysis is furthest off, how many rows there are, and which to use where several can be compared."""
    total, lost = sum(one.rows for one in groups), sum(one.failed for one in groups)
    worst = max(groups, key=lambda one: abs(one.measures["bias"].value) if isfinite(one.measures["bias"].value) else -1)
    bias, name = worst.measures["bias"], " / ".join(worst.labels) or "all rows"
    error = f" (simulation error {bias.mcse:.4f})" if isfinite(bias.mcse) else ""
    side = "too high" if bias.value > 0 else "too low"
    off = f"{abs(bias.value):.4f} {side}{error}" if bias.value else f"not off at all{error}"
    largest = f"Furthest from the truth on average is {name}: {off}." if lost < total else "None has an estimate."
    made = counted(len(groups), "group")
    return f"{largest} {made}, {counted(total, 'row')}, {lost:,} without an estimate.{_use(groups)}"


def _use(groups: Sequence[Group]) -> str:
    """Which of the groups the rule recommends, where they are methods of one question; nothing where it tells none."""
    if any(len(one.labels) != 1 or one.failed > (1 - MOST_GIVE) * one.rows for one in groups):
        return ""
    unknown = Measure(nan, nan)
    compared = [
        Compared(
            one.labels[0],
            one.measures["bias"],
            one.measures.get("coverage", unknown),
            one.measures["empirical_se"],
        )
        for one in groups
    ]
    found = recommend(compared)
    if found is None or found.by == "nothing" or not found.near:
        return ""
    who = listed([f"'{name}'" for name in found.names], "or")
    why = {
        "bias": f"Use {who}: closest to the truth.",
        "coverage": f"Use {who}: as close to the truth as any, and the intervals hold it best.",
        "SE": f"Use {who}: as close to the truth as any, and the results vary least.",
    }
    return f" {why[found.by]}"


def as_data(groups: Sequence[Group], columns: TableColumns) -> dict[str, Any]:
    """Everything, as the JSON document has it."""

    def numbered(measures: Mapping[str, Measure]) -> dict[str, Any]:
        return {name: {"value": one.value, "mcse": one.mcse, "n": one.n} for name, one in measures.items()}

    made = [
        {
            "by": dict(zip(columns.by, one.labels, strict=True)),
            "rows": one.rows,
            "failed": one.failed,
            "measures": numbered(one.measures),
            "reference": one.reference,
            "against_reference": numbered(one.against),
        }
        for one in groups
    ]
    return {"format": "trialtwin-performance/1", "groups": made}


def as_csv(groups: Sequence[Group], columns: TableColumns) -> str:
    """One line per group and measure; a label that a spreadsheet would take for a formula is made harmless."""
    import pandas as pd

    rows = [
        {
            **{safe_cell(by): safe_cell(label) for by, label in zip(columns.by, one.labels, strict=True)},
            "measure": name,
            "value": found.value,
            "mcse": found.mcse,
            "n": found.n,
        }
        for one in groups
        for name, found in (*one.measures.items(), *one.against.items())
    ]
    return pd.DataFrame(rows).astype({"n": "Int64"}).to_csv(index=False)


def shown_rows(groups: Sequence[Group], columns: TableColumns) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows with a row for each group: its labels, "value (MCSE) [n]" of each measure."""
    names = list(dict.fromkeys(name for one in groups for name in (*one.measures, *one.against)))
    header = (*columns.by, *(name.replace("_", " ") for name in names))
    rows = []
    for one in groups:
        found = one.measures | one.against
        cells = [_shown(found[name]) if name in found else "" for name in names]
        rows.append((*one.labels, *cells))
    return header, rows
