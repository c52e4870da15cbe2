"""What a baseline table has: amounts of a variable, and groups of rows that are its levels."""

from dataclasses import dataclass

from benchmarks.pasted.labels import RowLabel
from benchmarks.pasted.table_rows import TableRow


@dataclass(frozen=True)
class BaselineAmount:
    """A row with means, medians or their spread of ``variable``; ``label`` names it, ``own`` whether in this row."""

    row: TableRow
    variable: str
    label: RowLabel
    head: TableRow | None
    own: bool


@dataclass(frozen=True)
class BaselineGroup:
    """Rows of levels. ``subtotal``: which row is the sum of others; ``closed``: they are all levels that there are;
    ``levels``: their names, where they are not the rows' labels.
    """

    head: TableRow | None
    variable: str
    rows: tuple[TableRow, ...]
    subtotal: int | None
    closed: bool
    levels: tuple[str, ...] = ()


Item = BaselineAmount | BaselineGroup
