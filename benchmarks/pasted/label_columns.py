"""The rows of a table's body, where their labels stand in one column or in two (variable and level)."""

import re
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.pasted.cells import plain_cell, plain_label
from benchmarks.pasted.grids import GridRow
from benchmarks.pasted.reading import PastedCell, PastedColumn, PastedRow
from benchmarks.pasted.shape import Shaped

_LEVELS = re.compile(
    r"(?:sub)?(?:levels?|categor(?:y|ies)|groups?|values?|class(?:es)?|stages?|comparisons?|contrasts?|"
    r"characteristics?|variables?|parameters?)",
    re.I,
)


def rows_of(columns: list[PastedColumn], form: Shaped, kind: str) -> tuple[list[PastedColumn], tuple[PastedRow, ...]]:
    """The rows with a cell for each column; a second column of labels is skipped, its labels in the rows."""
    if not (columns and _is_labels(columns[0], form)):
        return columns, tuple(_row(row, row.cells[0], row.indent, form) for row in form.body)
    rows: list[PastedRow] = []
    variable = ""
    for row in form.body:
        first, second = plain_label(row.cells[0]), plain_label(row.cells[1])
        variable = first or variable
        if not second:
            rows.append(_row(row, first, row.indent, form))
        elif kind == "baseline":
            if first:
                rows.append(PastedRow(row.line, 0, first, tuple(PastedCell("", "", "none") for _ in columns)))
            rows.append(_row(row, second, 2, form))
        else:
            rows.append(_row(row, f"{variable} ({second})", 0, form))
    return [replace(columns[0], skip=True), *columns[1:]], tuple(rows)


def _is_labels(column: PastedColumn, form: Shaped) -> bool:
    """Whether column B holds the levels: its head names nothing else, and texts stand there."""
    if column.arm or column.statistic or column.skip or not form.body:
        return False
    texts = [row.cells[1] for row in form.body if row.cells[1]]
    words = sum(plain_cell(text, form.decimal_comma).kind in ("unread", "bound") for text in texts)
    named = _LEVELS.fullmatch(column.head) is not None
    return bool(texts) and (named or (not column.head and 2 * words > len(texts)))


def _row(row: GridRow, label: str, indent: int, form: Shaped) -> PastedRow:
    cells: Sequence[str] = row.cells[1:]
    return PastedRow(
        row.line, indent, plain_label(label), tuple(plain_cell(c, form.decimal_comma, form.sure) for c in cells)
    )
