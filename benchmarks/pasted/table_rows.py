"""Rows of a pasted table as its readers take them: their label, their cells by column, and how numbers are put down."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from benchmarks.pasted.labels import RowLabel, plain_label, read_label
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import ROLES, Ledger, PastedCell, PastedColumn, PastedRow, PastedTable, Spot
from benchmarks.pasted.settling import row_key
from simulator.documents.keys import split_key

Filled = tuple[PastedColumn, PastedCell]
TESTS = ("p", "smd")
MEASURES = ("odds_ratio", "risk_ratio", "risk_difference")
REFERENCE = re.compile(
    r"(?:1(?:[.,]0+)?\s*)?[(\[]?\s*ref(?:erence|erent)?\.?(?: (?:group|level|category))?\s*[)\]]?|1(?:[.,]0+)?", re.I
)


@dataclass(frozen=True)
class TableRow:
    """A row: its cells with numbers in columns of an arm (``arms``), of all patients (``alls``), of p and SMD
    (``tests``) and in other columns (``others``), and whether it says that it is the reference.
    """

    row: PastedRow
    label: RowLabel
    arms: tuple[Filled, ...]
    alls: tuple[Filled, ...]
    tests: tuple[Filled, ...]
    others: tuple[Filled, ...]
    reference: bool = False

    @property
    def line(self) -> int:
        """Its line in the file."""
        return self.row.line

    @property
    def empty(self) -> bool:
        """Whether it has no number at all."""
        return not (self.arms or self.alls or self.tests or self.others)


def table_rows(table: PastedTable, ledger: Ledger) -> list[TableRow]:
    """The rows of a table with the columns that are read; cells that were not understood are told."""
    made = []
    for row in table.rows:
        filled: dict[str, list[Filled]] = {"arms": [], "alls": [], "tests": [], "others": []}
        reference = False
        for column, cell in zip(table.columns, row.cells, strict=False):
            if column.skip:
                continue
            if "/" in row.label and re.fullmatch(r"\d+ ?/ ?\d+", cell.text):
                first, _, second = cell.text.replace(" ", "").partition("/")
                cell = replace(cell, kind="share", values=(first,), of=second)
            if cell.kind == "unread":
                told = f"'{cell.raw}' in row '{row.label}' is no number, share, mean or interval"
                ledger.not_understood(Spot(table.file, row.line, column.letter), told)
                continue
            words = plain_label(cell.raw)
            bare = bool(re.fullmatch(r"1(?:[.,]0+)?", words))
            if words and REFERENCE.fullmatch(words) and (not bare or _is_ratio_of_none(table, row, column)):
                reference = True
                continue
            if cell.kind == "none":
                continue
            place = "tests" if column.statistic in TESTS else "others"
            if column.statistic not in (*TESTS, "hr", "limits", "low", "high", "interaction_p", "test", *MEASURES):
                place = "arms" if column.arm in ROLES else "alls" if column.arm == "all" else "others"
            filled[place].append((column, cell))
        parts = {name: tuple(cells) for name, cells in filled.items()}
        made.append(TableRow(row, replace(read_label(row.label), line=row.line), reference=reference, **parts))
    return made


def _is_ratio_of_none(table: PastedTable, row: PastedRow, column: PastedColumn) -> bool:
    """Whether a bare 1 is the ratio of a reference: no limits and no p of the same model stand beside it."""
    beside = [
        cell.kind
        for other, cell in zip(table.columns, row.cells, strict=False)
        if other.statistic in ("limits", "low", "high", "p")
        and (other.endpoint, other.model, other.phase) == (column.endpoint, column.model, column.phase)
    ]
    return column.statistic == "hr" and all(kind == "none" for kind in beside)


PERCENTS = re.compile(r"%|percent(?:age)?", re.I)
"""The statistic of a label whose bare numbers are percentages: "Diabetes, %"."""


def in_percent(row: TableRow) -> TableRow:
    """A row whose bare numbers are percentages."""

    def percent(filled: Filled) -> Filled:
        column, cell = filled
        bare = cell.kind == "num" and column.statistic not in ("n", "patients")
        return (column, replace(cell, kind="percent")) if bare else filled

    return replace(row, arms=tuple(map(percent, row.arms)), alls=tuple(map(percent, row.alls)))


@dataclass(frozen=True)
class Pen:
    """Where the numbers of a table are put down, and its questions."""

    table: PastedTable
    paper: PaperFile
    ledger: Ledger

    def put(
        self, key: str, printed: str, of: TableRow, filled: Filled, audit_only: bool = False, of_known: bool = False
    ) -> None:
        """A number of a cell under its key."""
        column, cell = filled
        try:
            split_key(key)
        except ValueError as error:
            self.not_understood(of, str(error), column.letter)
            return
        spot = Spot(self.table.file, of.line, column.letter)
        self.ledger.put(
            key, printed, self.table.where, spot, cell.raw, audit_only or of_known or column.own_n, of_known
        )

    def put_all(self, start: str, names: Sequence[str], values: Sequence[str], of: TableRow, filled: Filled) -> None:
        """The numbers of a cell under names below one key; an empty name has none."""
        for name, value in zip(names, values, strict=False):
            if name:
                self.put(f"{start}.{name}", value, of, filled)

    def ask(
        self, of: TableRow, what: str, answers: Sequence[str], rows: Iterable[TableRow] = (), every: str = ""
    ) -> None:
        """A question about a row, settled by its label in paper.yaml; the numbers of ``rows`` wait for the answer.

        ``every`` is a line that settles it for all such rows of the table.
        """
        labels = [row.label for row in self.table.rows]
        key = row_key(of.row.label, of.line, labels, len(self.table.columns) + 1)
        settle = "  or  ".join(f"{key}: {one}" for one in answers)
        if every:
            settle += f"  or for all such rows  {every}"
        lines = {of.line, *(row.line for row in rows)}
        self.ledger.ask(Spot(self.table.file, of.line), what, settle, answers, lines)

    def assume(self, of: TableRow, text: str) -> None:
        """Something that was taken for granted about a row."""
        self.ledger.assume(Spot(self.table.file, of.line), text)

    def not_understood(self, of: TableRow, text: str, column: str = "") -> None:
        """Something of a row that was not understood."""
        self.ledger.not_understood(Spot(self.table.file, of.line, column), text)

    def settled(self, label: RowLabel) -> str:
        """What paper.yaml says of a row, '' where it says nothing."""
        if label.line and (said := self.table.settled.get(f"line {label.line}")) is not None:
            return str(said).strip()
        own = unicodedata.normalize("NFKC", label.text).casefold()
        for printed, answer in self.table.settled.items():
            if unicodedata.normalize("NFKC", plain_label(printed)).casefold() == own:
                return str(answer).strip()
        return ""

    def settled_all(self, cells: str) -> str:
        """What paper.yaml says of all "pairs" or "triples" that no word tells, '' where it says nothing."""
        return str(self.table.settled.get(cells, "")).strip().lower()

    def side(self, column: PastedColumn) -> str:
        """before or after: that of the column, of the table, or before."""
        return column.phase or self.table.phase or "before"

    def size(self, column: PastedColumn) -> float | None:
        """The patients of a column's arm, None where nobody says how many."""
        if column.n_printed:
            return number(column.n_printed)
        return column.n if column.n is not None else self.ledger.sizes.get((self.side(column), column.arm))


def number(text: str) -> float | None:
    """A printed number, None for a bound or a word."""
    return float(text) if re.fullmatch(r"-?\d+(?:\.\d+)?", text) else None


def digits(text: str) -> int:
    """How many decimals are printed."""
    return len(text.partition(".")[2])


def share_fits(pair: Sequence[str], size: float | None) -> bool | None:
    """Whether a count is the share beside it of a size within rounding, None where this cannot be known."""
    n, share = number(pair[0]), number(pair[1])
    if n is None or share is None or not size:
        return None
    return abs(100 * n / size - share) <= 0.5 * 0.1 ** digits(pair[1]) + 1e-9


def is_p(cell: PastedCell) -> bool:
    """Whether a cell can be a p-value."""
    if cell.kind not in ("num", "bound"):
        return False
    value = number(cell.values[0].lstrip("<>≤≥= "))
    return value is not None and 0 <= value <= 1
