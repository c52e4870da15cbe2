"""Whether the p of a table belong to the rows and columns that they stand in: recomputed where counts stand."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.pasted.asked_rows import ask_row
from benchmarks.pasted.reading import ROLES, Ledger, PastedColumn, PastedRow, PastedTable, Spot
from benchmarks.pasted.recomputed import p_of_counts, p_of_means, stands_for

FEW = 3
_Side = tuple[str, str]


@dataclass(frozen=True)
class Group:
    """Rows with a p in one or several columns, by side and grade: the p printed, and what recomputes from the rows."""

    rows: tuple[PastedRow, ...]
    printed: dict[_Side, str]
    recomputed: dict[_Side, tuple[tuple[float, float], ...]]

    def fits(self, p: _Side, counts: _Side) -> bool | None:
        """Whether the p of one side is that of the counts of another; None where one of them is not there."""
        text, found = self.printed.get(p), self.recomputed.get(counts)
        return None if text is None or not found else _meets(text, found)


def _meets(text: str, found: Sequence[tuple[float, float]]) -> bool:
    low, high = stands_for(text)
    return any(a <= high + 1e-9 and low <= b + 1e-9 for a, b in found)


def groups_of(table: PastedTable, sizes: dict[tuple[str, str], float]) -> Iterator[Group]:
    """The groups of rows with a p: one row of counts or means, or a head with its levels that sum to both arms."""
    p_at = {(c.phase, c.grade): k for k, c in enumerate(table.columns) if c.statistic == "p" and not c.skip}
    arms: dict[_Side, dict[str, int]] = {}
    for k, column in enumerate(table.columns):
        if column.arm in ROLES and column.statistic in ("", "n") and not column.skip:
            arms.setdefault((column.phase, column.grade), {})[column.arm] = k
    pairs = {side: (found["control"], found["treated"]) for side, found in arms.items() if len(found) == 2}
    at = 0
    while at < len(table.rows):
        row, end = table.rows[at], at + 1
        own = {side: row.cells[k].values[0] for side, k in p_at.items() if row.cells[k].kind in ("num", "bound")}
        if own:
            while (
                end < len(table.rows)
                and not _has(table.rows[end], p_at.values())
                and _has(table.rows[end], _flat(pairs))
            ):
                end += 1
            rows = table.rows[at:end]
            found = {side: p for side, pair in pairs.items() if (p := _recomputed(rows, pair, table, sizes))}
            if found:
                yield Group(rows, own, found)
        at = end


def _flat(pairs: dict[_Side, tuple[int, int]]) -> list[int]:
    return [k for pair in pairs.values() for k in pair]


def _has(row: PastedRow, columns: Iterable[int]) -> bool:
    return any(row.cells[k].values for k in columns)


def _recomputed(
    rows: Sequence[PastedRow], pair: tuple[int, int], table: PastedTable, sizes: dict[tuple[str, str], float]
) -> tuple[tuple[float, float], ...]:
    """The p of the rows' counts by every usual test, or of their means within rounding; none where neither is whole."""
    n = [_n(table.columns[k], sizes) for k in pair]
    if n[0] is None or n[1] is None:
        return ()
    cells = [[row.cells[k] for k in pair] for row in rows if any(row.cells[k].values for k in pair)]
    if not cells or any(not cell.values for both in cells for cell in both):
        return ()
    if all(cell.kind == "pm" or (cell.kind == "pair" and "." in cell.values[0]) for cell in cells[0]):
        both = [(cell.values[0], cell.values[1]) for cell in cells[0]]
        return (p_of_means(both, [n[0], n[1]]),)
    if any(
        cell.kind not in ("share", "pair", "num") or not cell.values[0].isdigit() for both in cells for cell in both
    ):
        return ()
    counts = [[float(both[arm].values[0]) for both in cells] for arm in (0, 1)]
    left = [size - sum(some) for size, some in zip((n[0], n[1]), counts, strict=True)]
    alone = len(cells) == 1 and min(left) >= 0
    if not alone and any(abs(one) > 0.6 for one in left):
        return ()
    if alone:
        counts = [[some[0], rest] for some, rest in zip(counts, left, strict=True)]
    return tuple((p, p) for p in p_of_counts((counts[0], counts[1])))


def _n(column: PastedColumn, sizes: dict[tuple[str, str], float]) -> float | None:
    return float(column.n_printed) if column.n_printed else sizes.get((column.phase, column.arm))


def check_p(table: PastedTable, ledger: Ledger) -> None:
    """Questions about columns of p that are those of other columns, and about rows that have each other's."""
    groups = list(groups_of(table, {key: float(n) for key, n in ledger.sizes.items()}))
    letters = {(c.phase, c.grade): c.letter for c in table.columns if c.statistic == "p" and not c.skip}
    check_groups(table, ledger, groups, letters, {}, _named)


def _named(side: _Side, other: _Side) -> str:
    return other[0] if other[0] != side[0] else f"grade {other[1]}" if other[1] else "any grade"


def check_groups(
    table: PastedTable,
    ledger: Ledger,
    groups: list[Group],
    letters: Mapping[_Side, str],
    beside: Mapping[_Side, list[str]],
    named: Callable[[_Side, _Side], str],
) -> None:
    """Questions about p that recompute from other numbers than their own, by column and by cell.

    ``letters``: the column of p of each side; ``beside``: what waits with it; ``named``: how paper.yaml says that a
    column of one side is one of another.
    """
    sides = list(dict.fromkeys(side for group in groups for side in group.printed if side in letters))
    found = False
    for side in sides:
        own = [fit for group in groups if (fit := group.fits(side, side)) is not None]
        for other in sides:
            fits = [fit for group in groups if (fit := group.fits(side, other)) is not None]
            swapped = len(fits) >= FEW and sum(fits) > max(sum(own) + 1, len(fits) / 2) and 2 * sum(own) < len(own)
            if other != side and swapped:
                here, there = letters[side], letters[other]
                own_fit, other_fit = f"{sum(own)} of {len(own)} p recompute from its own numbers", sum(fits)
                what = f"column {here}: {own_fit}, {other_fit} from those beside {there}"
                readings = (f"{here}: {named(side, other)}", f"{here}: skip")
                spot = Spot(table.file, groups[0].rows[0].line, here)
                waiting = sorted({here, there, *beside.get(side, ()), *beside.get(other, ())})
                ledger.ask(spot, what, readings[0], readings, columns=waiting)
                found = True
    if not found:
        _ask_swapped(table, groups, sides, letters, beside, ledger)


def _ask_swapped(
    table: PastedTable,
    groups: list[Group],
    sides: list[_Side],
    letters: Mapping[_Side, str],
    beside: Mapping[_Side, list[str]],
    ledger: Ledger,
) -> None:
    """Two p that fit each other's numbers and not their own: in two rows of a column, or in two columns of a row."""
    wrong = [(group, side) for group in groups for side in sides if group.fits(side, side) is False]
    for k, (one, here) in enumerate(wrong):
        for two, there in wrong[k + 1 :]:
            in_place = (one is two) != (here == there)
            a, b = one.printed[here], two.printed[there]
            if in_place and _meets(a, two.recomputed[there]) and _meets(b, one.recomputed[here]):
                rows = [*one.rows, *(two.rows if two is not one else ())]
                where = f"'{one.rows[0].label}', {letters[here]}, and '{two.rows[0].label}', {letters[there]}"
                what = f"p = {a} and {b} of {where} recompute the other way round: are they swapped?"
                waiting = {letters[here], letters[there], *beside.get(here, ()), *beside.get(there, ())}
                ask_row(table, ledger, rows, sorted(waiting), what)
