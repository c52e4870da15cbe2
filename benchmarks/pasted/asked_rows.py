"""A question about rows of a table, which paper.yaml answers by the row's label or by its line."""

from collections.abc import Sequence

from benchmarks.pasted.reading import Ledger, PastedRow, PastedTable, Spot
from benchmarks.pasted.settling import row_key

AS_PRINTED = "as printed"
"""The answer of a row that is printed so."""


def ask_row(table: PastedTable, ledger: Ledger, rows: Sequence[PastedRow], letters: Sequence[str], what: str) -> None:
    """A question about cells of rows, unless paper.yaml says that the row is printed so."""
    name = row_key(rows[0].label, rows[0].line, [row.label for row in table.rows], len(table.columns) + 1)
    if {table.settled.get(one) for one in (name, f"line {rows[0].line}")} & {AS_PRINTED, "skip"}:
        return
    spot = Spot(table.file, rows[0].line, letters[0] if len(letters) == 1 else "")
    readings = (f"{name}: {AS_PRINTED}", f"{name}: skip")
    ledger.ask(spot, what, readings[0], readings, [row.line for row in rows], letters)
