"""The rows of a pasted table that have a p, with what it recomputes from: counts, means or a ratio with its limits."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from benchmarks.pasted.reading import ROLES, PastedCell, PastedColumn, PastedRow, PastedTable
from benchmarks.pasted.recomputed import p_of_counts, p_of_means, p_of_percents, p_of_ratio, stands_for

PSide = tuple[str, str, str, str]
"""The side, grade, endpoint and model of a column of p."""
LIMITS = ("limits", "low", "high")
Cells = tuple[tuple[PastedCell, ...], ...]
PairOfSizes = tuple[float, float]


@dataclass(frozen=True)
class RowsWithP:
    """Rows with a p in one or several columns, by side: the p printed, the cells that it is of, and the arms' sizes."""

    rows: tuple[PastedRow, ...]
    printed: dict[PSide, str]
    cells: dict[PSide, Cells]
    n: dict[PSide, PairOfSizes]

    @cached_property
    def recomputed(self) -> dict[PSide, tuple[tuple[float, float], ...]]:
        """The p of the cells by every usual test, each as a range of what is printed so; sides without any left out."""
        made = {side: p_of_cells(cells, self.n.get(side)) for side, cells in self.cells.items()}
        return {side: found for side, found in made.items() if found}

    def fits(self, p: PSide, cells: PSide) -> bool | None:
        """Whether the p of one side is that of the cells of another; None where one of them is not there."""
        text, found = self.printed.get(p), self.recomputed.get(cells)
        return None if text is None or not found else meets(text, found)


def meets(text: str, found: Sequence[tuple[float, float]]) -> bool:
    """Whether a printed p is one of those recomputed, a unit of its last decimal aside (programs round in between)."""
    low, high = stands_for(text)
    slack = 1e-9 if text[0] in "<>≤≥" else high - low
    return any(a <= high + slack and low <= b + slack for a, b in found)


def side_of(column: PastedColumn) -> PSide:
    """The side that a column belongs to."""
    return (column.phase, column.grade, column.endpoint, column.model)


def groups_of(table: PastedTable, sizes: dict[tuple[str, str], float]) -> Iterator[RowsWithP]:
    """The groups of rows with a p: one row of counts, means or ratios, or a head with its levels."""
    p_at = {side_of(c): k for k, c in enumerate(table.columns) if c.statistic == "p" and not c.skip}
    arms: dict[PSide, dict[str, int]] = {}
    at: dict[PSide, tuple[int, ...]] = {}
    n: dict[PSide, PairOfSizes] = {}
    for k, column in enumerate(table.columns):
        if column.arm in ROLES and column.statistic in ("", "n") and not column.skip:
            arms.setdefault(side_of(column), {})[column.arm] = k
        if column.statistic in ("hr", *LIMITS) and not column.skip:
            at[side_of(column)] = (*at.get(side_of(column), ()), k)
    for side, found in arms.items():
        both = [_n(table.columns[k], sizes) for k in found.values()]
        if len(found) == 2 and None not in both:
            at[side] = (found["control"], found["treated"])
            n[side] = tuple(_n(table.columns[k], sizes) or 0.0 for k in at[side])  # type: ignore[assignment]
    at = {side: found for side, found in at.items() if side in n or table.columns[found[0]].statistic == "hr"}
    flat = [k for columns in at.values() for k in columns]
    first = 0
    while first < len(table.rows):
        row, end = table.rows[first], first + 1
        own = {side: row.cells[k].values[0] for side, k in p_at.items() if row.cells[k].kind in ("num", "bound")}
        if own:
            while end < len(table.rows) and not _has(table.rows[end], p_at.values()) and _has(table.rows[end], flat):
                end += 1
            rows = table.rows[first:end]
            if any(_percents(r, flat) or table.settled.get(r.label) == "skip" for r in rows):
                rows, own = rows[:0], {}
            filled = {side: [r for r in rows if _has(r, columns)] for side, columns in at.items()}
            cells = {side: tuple(tuple(r.cells[k] for k in at[side]) for r in some) for side, some in filled.items()}
            if own:
                yield RowsWithP(rows, own, cells, n)
        first = end


def _n(column: PastedColumn, sizes: dict[tuple[str, str], float]) -> float | None:
    return float(column.n_printed) if column.n_printed else sizes.get((column.phase, column.arm))


def _percents(row: PastedRow, columns: Iterable[int]) -> bool:
    """Whether a row's bare numbers are percentages: "Diabetes, %"."""
    return re.search(r"(?<![\w(/])%\)?\s*$", row.label) is not None and any(row.cells[k].kind == "num" for k in columns)


def _has(row: PastedRow, columns: Iterable[int]) -> bool:
    return any(row.cells[k].values for k in columns)


def p_of_cells(cells: Cells, n: PairOfSizes | None) -> tuple[tuple[float, float], ...]:
    """The p of counts by every usual test, of means or of a ratio; none where the cells are none of these."""
    if not cells or any(not cell.values for row in cells for cell in row):
        return ()
    if n is None:
        texts = [text for cell in cells[0] for text in cell.values]
        ratio = p_of_ratio(texts) if len(texts) == 3 and len(cells) == 1 else None
        return () if ratio is None else (ratio,)
    if all(cell.kind == "pm" or (cell.kind == "pair" and "." in cell.values[0]) for cell in cells[0]):
        return (p_of_means([(cell.values[0], cell.values[1]) for cell in cells[0]], n),)
    if len(cells) == 1 and len(cells[0]) == 2 and all(cell.kind == "percent" for cell in cells[0]):
        return p_of_percents([cell.values[0] for cell in cells[0]], n)
    if any(cell.kind not in ("share", "pair", "num") or not cell.values[0].isdigit() for row in cells for cell in row):
        return ()
    counts = [[float(row[arm].values[0]) for row in cells] for arm in (0, 1)]
    left = [size - sum(some) for size, some in zip(n, counts, strict=True)]
    alone = len(cells) == 1 and min(left) >= 0
    if not alone and any(abs(one) > 0.6 for one in left):
        return ()
    if alone:
        counts = [[some[0], rest] for some, rest in zip(counts, left, strict=True)]
    return tuple((p, p) for p in p_of_counts((counts[0], counts[1])))
