"""What a row of a baseline table is: counts, or an amount such as a mean or a median; and which rows sum to n."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.pasted.labels import RowLabel, cut_of, range_of_level, sex_of
from benchmarks.pasted.level_order import rank
from benchmarks.pasted.table_rows import Filled, Pen, TableRow, digits, number, share_fits

What = Literal["count", "amount", "open", "empty"]
_AMOUNT = re.compile(r"mean|median|\bsd\b|iqr|quartile|range|q1|standard deviation")
_QUARTILES = re.compile(r"\biqr\b|quartile|\bq1\b|25th|p25", re.I)
_RANGE = re.compile(r"(?<!quartile )(?<!quartile-)\brange\b|\bmin(?:imum)?\b.{0,6}max", re.I)
_SD = re.compile(r"mean\s*(?:±|\+/-|[\[(])\s*(?:sd|standard dev|s\.d\.)|\bsd\b|standard deviations?", re.I)
ROUNDING = 0.6


@dataclass(frozen=True)
class Sum:
    """What the counts of several rows sum to in one column, and what they should."""

    letter: str
    total: float
    whole: float
    slack: float = ROUNDING

    @property
    def right(self) -> bool:
        """Whether the sum is the whole."""
        return abs(self.total - self.whole) <= self.slack


def notes_of(pen: Pen) -> str:
    """All notes of the table."""
    return " ".join(pen.table.notes)


def what_is(pen: Pen, row: TableRow, head: RowLabel | None = None) -> What:
    """Whether a row has counts or an amount, by its cells, words and arithmetic; open where none of these tells."""
    cells = row.arms or row.alls
    if not cells:
        return "empty"
    said = pen.settled(row.label).lower()
    if said in ("n (%)", "n", "percent", "level", "missing", "levels", "separate"):
        return "count"
    if said.startswith(("mean", "median")):
        return "amount"
    of_head = head.statistic if head and (not _is_level(row.label) or head.statistic == "n%") else ""
    words = row.label.statistic or of_head
    kinds = {cell.kind for _, cell in cells}
    statistics = {column.statistic for column, _ in cells}
    if kinds & {"pm", "triple", "range"} or statistics & {"mean", "sd", "median"}:
        return "amount"
    if kinds & {"share", "percent"}:
        return "count"
    if _AMOUNT.search(words) and not (row.label.statistic and re.search(r"n%", row.label.statistic)):
        return "amount"
    if "pair" in kinds:
        return _what_of_pairs(pen, row, words)
    if kinds <= {"num"}:
        if statistics & {"n", "percent"} or re.search(r"%|\bn\b|\bno\b|number|percent", words):
            return "count"
        whole = all(re.fullmatch(r"\d+", cell.values[0]) for _, cell in cells)
        return "open" if not whole or not (head or row.label.level) else "count"
    return "open"


def _is_level(label: RowLabel) -> bool:
    """Whether a label is a level, of which the head's "mean" does not speak."""
    text = label.text
    sided = cut_of(text) is not None or range_of_level(text) is not None
    return sided or rank(text) is not None or bool(sex_of(text))


def _what_of_pairs(pen: Pen, row: TableRow, words: str) -> What:
    pairs = [(column, cell) for column, cell in (*row.arms, *row.alls) if cell.kind == "pair"]
    whole = all(re.fullmatch(r"\d+", cell.values[0]) for _, cell in pairs)
    heads = " ".join(column.head for column, _ in pairs)
    if not words and re.search(r"\b(?:n|no\.?)\s*\(\s*%\s*\)", heads) and not _SD.search(heads):
        words = "n%"
    if "n%" in words or re.fullmatch(r"n|no\.?|number", words):
        return "count"
    every = pen.settled_all("pairs")
    if re.fullmatch(r"(?:n|no\.?)\s*\(\s*%\s*\)", every):
        return "count"
    amounts = bool(_SD.search(notes_of(pen))) or every.startswith("mean")
    if not whole and not (pen.paper.design == "weighted" and _weighted_counts(pen, pairs)):
        return "amount" if amounts else "open"
    fits = [share_fits(cell.values, pen.size(column)) for column, cell in pairs]
    known = [fit for fit in fits if fit is not None]
    zeros = all(cell.values[0] == "0" and number(cell.values[1]) == 0 for _, cell in pairs)
    if zeros:
        return "count"
    if known and all(known) and any(digits(cell.values[1]) for _, cell in pairs):
        return "count"
    if known and not any(known) and amounts:
        return "amount"
    return "open"


def _weighted_counts(pen: Pen, pairs: Sequence[Filled]) -> bool:
    fits = [share_fits(cell.values, pen.size(column)) for column, cell in pairs]
    return all(fit is not False for fit in fits) and any(fits)


def fits_whole_percents(pen: Pen, row: TableRow) -> bool:
    """Whether every pair of a row is a count and its share of n, be it without decimals."""
    pairs = [(column, cell) for column, cell in (*row.arms, *row.alls) if cell.kind == "pair"]
    return bool(pairs) and all(share_fits(cell.values, pen.size(column)) is True for column, cell in pairs)


def count_in(filled: Filled) -> str:
    """The count of a cell, '' where it has none."""
    column, cell = filled
    if column.statistic == "percent" or cell.kind not in ("share", "pair", "num"):
        return ""
    if cell.kind == "num" and "." in cell.values[0] and column.statistic != "n":
        return ""
    return cell.values[0]


def percent_in(filled: Filled) -> str:
    """The percentage of a cell, '' where it has none."""
    column, cell = filled
    if cell.kind == "percent":
        return cell.values[0]
    if cell.kind in ("share", "pair"):
        return cell.values[1] if len(cell.values) > 1 else ""
    return cell.values[0] if column.statistic == "percent" and cell.kind == "num" else ""


def sums(pen: Pen, rows: Sequence[TableRow]) -> list[Sum]:
    """What the rows sum to in every column of an arm or of all: counts against n, where there is none percents."""
    found = []
    for letter, cells in _by_letter(rows).items():
        size = pen.size(cells[0][0])
        counts = [number(text) for filled in cells if (text := count_in(filled))]
        of = {float(cell.of) for _, cell in cells if cell.of.isdigit()}
        if len(counts) == len(cells) and None not in counts and (size or len(of) == 1):
            total = sum(one or 0.0 for one in counts)
            whole = of.pop() if len(of) == 1 else float(size or 0)
            whole = total if _of_the_known(cells, total, whole) else whole
            found.append(Sum(letter, total, whole, ROUNDING if _whole(cells) else 0.002 * whole + 0.6))
            continue
        shares = [number(text) for filled in cells if (text := percent_in(filled))]
        if len(shares) == len(cells) and None not in shares:
            places = min(digits(percent_in(filled)) for filled in cells)
            slack = 0.5 * 10**-places * max(2, len(cells)) + 1e-9
            found.append(Sum(letter, sum(one or 0.0 for one in shares), 100.0, slack))
    return found


def _of_the_known(cells: Sequence[Filled], total: float, size: float) -> bool:
    """Whether counts with shares are those of fewer patients than the arm has: of all ``total``, and not of ``size``.

    Some patients miss the variable, then, and the rows are all levels that it has.
    """
    pairs = [cell.values for _, cell in cells if cell.kind == "pair"]
    if len(pairs) < len(cells) or len(pairs) < 2 or not 0 < total < size or not _whole(cells):
        return False
    return all(share_fits(pair, total) for pair in pairs) and not all(share_fits(pair, size) for pair in pairs)


def known_of(pen: Pen, rows: Sequence[TableRow], said: bool) -> dict[str, Sum]:
    """By column, of how many patients the rows of one group tell.

    Columns where all are known are left out, and unless it is ``said`` that some miss the variable, those whose shares
    do not tell it.
    """
    found = {}
    for letter, cells in _by_letter(rows).items():
        size, total = pen.size(cells[0][0]) or 0.0, sum(number(count_in(filled)) or 0.0 for filled in cells)
        if _of_the_known(cells, total, size) or (said and 0 < total < size and _whole(cells)):
            found[letter] = Sum(letter, total, size, ROUNDING)
    return found


def _by_letter(rows: Sequence[TableRow]) -> dict[str, list[Filled]]:
    found: dict[str, list[Filled]] = {}
    for row in rows:
        for filled in (*row.arms, *row.alls):
            found.setdefault(filled[0].letter, []).append(filled)
    return found


def shares_fit(pen: Pen, rows: Sequence[TableRow]) -> bool:
    """Whether in every column of rows of one group the shares are those of n, or of the patients who are known."""
    by_letter = _by_letter(rows)
    for cells in by_letter.values():
        size = pen.size(cells[0][0])
        pairs = [cell.values for _, cell in cells if cell.kind == "pair"]
        total = sum(number(pair[0]) or 0.0 for pair in pairs)
        if not all(share_fits(pair, size) for pair in pairs) and not _of_the_known(cells, total, size or 0.0):
            return False
    return bool(by_letter)


def _whole(cells: Sequence[Filled]) -> bool:
    return all("." not in count_in(filled) for filled in cells)


def closes(pen: Pen, rows: Sequence[TableRow]) -> bool:
    """Whether rows, two at least, sum to the whole in every column."""
    found = sums(pen, rows)
    return len(rows) > 1 and bool(found) and all(one.right for one in found)


def group_of(pen: Pen, rows: Sequence[TableRow]) -> tuple[int, int | None]:
    """How many rows from the first are the levels of one variable, and which of them is a subtotal of others; 0: none.

    It is the shortest run that sums to n in every arm, or all rows where one is the sum of rows beside it and the
    others sum to n; rows of zeros behind it are levels, too.
    """
    every = next((at for at in range(len(rows)) if _is_subtotal(pen, rows, at)), None)
    if every is not None:
        return len(rows), every
    for length in range(2, len(rows) + 1):
        subtotal: int | None = None
        if not closes(pen, rows[:length]):
            subtotal = next((at for at in range(length) if _is_subtotal(pen, rows[:length], at)), None)
            if subtotal is None:
                continue
        if subtotal is None:
            last = rows[length - 1]
            end = next((e for e in range(length + 2, len(rows) + 1) if _same_counts(last, rows[length:e])), 0)
            length, subtotal = (end, length - 1) if end else (length, None)
        while length < len(rows) and all(count_in(filled) == "0" for filled in rows[length].arms):
            length += 1
        return length, subtotal
    return 0, None


def _is_subtotal(pen: Pen, rows: Sequence[TableRow], at: int) -> bool:
    """Whether a row is the sum of rows that stand next to it, and the others sum to n."""
    if len(rows) < 4 or not closes(pen, [*rows[:at], *rows[at + 1 :]]):
        return False
    stretches = [rows[at + 1 : end] for end in range(at + 3, len(rows) + 1)] + [
        rows[start:at] for start in range(at - 1)
    ]
    return any(_same_counts(rows[at], stretch) for stretch in stretches)


def _same_counts(one: TableRow, several: Sequence[TableRow]) -> bool:
    for place, filled in enumerate(one.arms):
        parts = [number(count_in(row.arms[place])) if place < len(row.arms) else None for row in several]
        if (
            (total := number(count_in(filled))) is None
            or None in parts
            or abs(total - sum(p or 0 for p in parts)) > ROUNDING
        ):
            return False
    return True


def told(found: Sequence[Sum]) -> str:
    """Sums in words: "194 of 253 in B"."""
    return ", ".join(f"{one.total:g} of {one.whole:g} in {one.letter}" for one in found if not one.right) or "n"


def spread_of(pen: Pen, words: str, said: str) -> tuple[str, str] | None:
    """The names of the two numbers around a median: quartiles or range; None where no word tells."""
    for text in (said, words, pen.settled_all("triples"), _notes_without_range(pen)):
        quartiles, full = bool(_QUARTILES.search(text)), bool(_RANGE.search(text))
        if quartiles != full:
            return ("q1", "q3") if quartiles else ("min", "max")
        if quartiles and full:
            return None
    return None


def _notes_without_range(pen: Pen) -> str:
    return re.sub(r"inter-?quartile range", "iqr", notes_of(pen), flags=re.I)
