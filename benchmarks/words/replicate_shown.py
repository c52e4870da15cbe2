"""Measures of a table of replicates as an answer, as CSV and as rows of a page, each with its number of replicates."""

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from typing import Any

from analysis.cohort_files.data_table import short_list
from analysis.tables.table_files import safe_cell
from analysis.tables.text_table import table
from benchmarks.performance.measures import Measure
from benchmarks.performance.replicate_table import Group, TableColumns
from benchmarks.words.answer import Answer

ABOUT = (
    "In brackets: Monte Carlo standard error, [of how many replicates]. "
    "Formulas: Morris, White & Crowther 2019, Table 6."
)
UNEVEN = "The relative error of the model SE compares both SEs among the replicates that have a model SE."
NAME_IT = "--replicate names the column that says which rows belong together."
IN_ORDER = (
    "Compared with the reference row by row, in the order in which the rows stand: right only if both have the same "
    f"replicates in the same order. {NAME_IT}"
)


def answer(groups: Sequence[Group], columns: TableColumns) -> Answer:
    """Tables of measures, value (Monte Carlo SE) [n], as many groups side by side as fit."""
    tables = []
    for first in range(0, len(groups), 3):
        few = groups[first : first + 3]
        names = list(dict.fromkeys(name for one in few for name in (*one.measures, *one.against)))
        rows = [("replicates", *(str(one.rows) for one in few)), ("failed", *(str(one.failed) for one in few))]
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
    """How many rows there are, how many without an estimate, and the largest bias."""
    total, lost = sum(one.rows for one in groups), sum(one.failed for one in groups)
    worst = max(groups, key=lambda one: abs(one.measures["bias"].value) if isfinite(one.measures["bias"].value) else -1)
    bias, name = worst.measures["bias"], " / ".join(worst.labels) or "all rows"
    error = f" (Monte Carlo SE {bias.mcse:.4f})" if isfinite(bias.mcse) else ""
    largest = f"The largest bias is {bias.value:+.4f}{error}, of {name}." if lost < total else "None has a bias."
    return (
        f"{len(groups)} group{'s' if len(groups) > 1 else ''}, {total:,} row{'s' if total > 1 else ''}, {lost:,} "
        f"without an estimate. {largest}"
    )


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
