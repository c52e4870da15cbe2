"""What the redundant print of a table says about its columns and rows; what does not agree is asked.

A p or share that does not recompute alone is left to the audit; here it counts where another column, row or size
explains it better than its own.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from benchmarks.pasted.asked_rows import ask_row
from benchmarks.pasted.gaps import tell_gaps
from benchmarks.pasted.labels import compared_in
from benchmarks.pasted.p_columns import check_p
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import ROLES, Ledger, PastedCell, PastedColumn, PastedRow, PastedTable, Spot
from benchmarks.pasted.recomputed import half_unit
from benchmarks.pasted.row_sums import check_sums

_ESTIMATED = re.compile(r"\bKM\b|kaplan|cumulative|estimate|per cent per|% per", re.IGNORECASE)
OUTCOMES = ("events", "response", "adverse events")
_P, _RATIOS = frozenset({"p", "interaction_p"}), frozenset({"hr", "odds_ratio", "risk_ratio"})
_NUMERIC = frozenset({"num", "bound"})
TakenCell = tuple[PastedRow, PastedColumn, PastedCell]


def check_table(table: PastedTable, paper: PaperFile, ledger: Ledger) -> None:
    """Questions about what in a table contradicts its heads, its sizes or itself; cells that nobody understands."""
    for row, column, cell in cells_of(table):
        spot = Spot(table.file, row.line, column.letter)
        if cell.kind == "unread" and all(one.spot != spot for one in ledger.unread):
            ledger.not_understood(spot, f"'{row.label}': '{cell.raw.strip()[:60]}'")
    _check_labels(table, ledger)
    _check_twice(table, ledger)
    _check_kinds(table, ledger)
    _check_limits(table, ledger)
    _check_mixed(table, ledger)
    _check_shares(table, paper, ledger)
    _check_other_shares(table, ledger)
    tell_gaps(table, ledger)
    check_sums(table, paper, ledger)
    check_p(table, ledger)


def cells_of(table: PastedTable) -> Iterator[TakenCell]:
    """Every cell of the columns that count, with its row and column."""
    for row in table.rows:
        for column, cell in zip(table.columns, row.cells, strict=False):
            if not column.skip:
                yield row, column, cell


def _check_labels(table: PastedTable, ledger: Ledger) -> None:
    """A number with decimals as a label: the rest of the row above it, in which a line was broken."""
    for k, row in enumerate(table.rows):
        if re.fullmatch(r"\d*[.,]\d+", row.label.strip()) and f"line {row.line}" not in table.settled:
            above = table.rows[k - 1 : k] if k else ()
            below = table.rows[k + 1 : k + 2]
            what = f"'{row.label}' stands where a label does: a row was broken into two lines"
            lines = [one.line for one in (*above, row, *below)]
            ledger.ask(Spot(table.file, row.line, "A"), what, f"line {row.line}: skip", ("skip",), lines)


def _check_twice(table: PastedTable, ledger: Ledger) -> None:
    """The same row twice under one head."""
    seen: dict[tuple[object, ...], PastedRow] = {}
    head = ""
    for row in table.rows:
        texts = tuple(cell.text for cell in row.cells)
        numbers = sum(bool(cell.values) for cell in row.cells)
        if not row.indent and 2 * numbers < len(row.cells):
            head = row.label
        if numbers < 2:
            continue
        first = seen.setdefault((head, row.label, texts), row)
        if first is not row:
            what = f"row '{row.label}' stands twice, on lines {first.line} and {row.line}: delete one"
            ask_row(table, ledger, [row, first], [], what)


def _misfit(column: PastedColumn, cell: PastedCell) -> str:
    """What a cell is that its column cannot hold, '' if it can."""
    if cell.kind in ("none", "unread", "inf"):
        return ""
    statistic = column.statistic
    if statistic in _P:
        value = float(cell.values[0].lstrip("<>≤≥")) if cell.kind in _NUMERIC else -1.0
        return "" if 0 <= value <= 1 else "no p"
    if statistic in _RATIOS:
        low = min((float(one.lstrip("<>≤≥")) for one in cell.values if one[-1:].isdigit()), default=0.0)
        return "" if cell.kind in ("triple", "num", "bound") and low >= 0 and not cell.signed else "no ratio"
    if statistic == "limits":
        return "" if cell.kind == "range" else "no limits"
    if statistic in ("smd", "low", "high"):
        return "" if cell.kind in _NUMERIC else "no single number"
    if statistic in ("n", "patients", "at_risk"):
        whole = cell.kind in ("num", "share", "pair") and cell.values[0].isdigit()
        return "" if whole or "." in column.n_printed else "no count"
    if statistic == "percent":
        value = float(cell.values[0].lstrip("<>≤≥-")) if cell.kind in ("num", "percent", "bound") else 0.0
        return "" if value <= 100 and cell.kind != "share" else "no percentage"
    return "a bound" if column.arm in ROLES and cell.kind == "bound" else ""


def _check_kinds(table: PastedTable, ledger: Ledger) -> None:
    """Cells that their column cannot hold: asked for the column if many, else for the row."""
    wrong: dict[str, list[tuple[TakenCell, str]]] = {}
    filled = Counter(column.letter for _, column, cell in cells_of(table) if cell.values)
    for row, column, cell in cells_of(table):
        told = _misfit(column, cell)
        if told and not (told == "a bound" and compared_in(row.label) == "p"):
            wrong.setdefault(column.letter, []).append(((row, column, cell), told))
    for letter, found in wrong.items():
        (row, column, cell), told = found[0]
        if 3 * len(found) > filled[letter] and len(found) > 1:
            what = (
                f"column {letter} '{column.head}' holds {len(found)} cells like '{cell.raw.strip()}', which is {told}"
            )
            ledger.ask(
                Spot(table.file, row.line, letter), what, f"{letter}: skip", (f"{letter}: skip",), columns=[letter]
            )
            continue
        for (row, column, cell), told in found:
            what = f"'{row.label}': '{cell.raw.strip()}' is {told}, but stands in '{column.head}'"
            ask_row(table, ledger, [row], [one.letter for one in table.columns], what)


def _number(text: str) -> float | None:
    return float(text) if text[-1:].isdigit() and text[:1] not in "<>≤≥" else None


def _check_limits(table: PastedTable, ledger: Ledger) -> None:
    """Numbers outside their limits, in one cell or in the columns beside it."""
    for row, column, cell in cells_of(table):
        values = [_number(one) for one in cell.values]
        if cell.kind == "triple":
            _ask_outside(table, ledger, row, [column.letter], cell.raw.strip(), values)
        if cell.kind == "range":
            _ask_outside(table, ledger, row, [column.letter], cell.raw.strip(), [None, *values])
    for row in table.rows:
        parts: dict[tuple[str, ...], dict[str, tuple[str, PastedCell]]] = {}
        for column, cell in zip(table.columns, row.cells, strict=False):
            if not column.skip and column.statistic in ("hr", "low", "high", "limits") and cell.values:
                key = (column.endpoint, column.model, column.phase)
                parts.setdefault(key, {})[column.statistic] = (column.letter, cell)
        for found in parts.values():
            ends = found["limits"][1].values if "limits" in found else ("NA", "NA")
            low = found["low"][1].values[0] if "low" in found else ends[0]
            high = found["high"][1].values[0] if "high" in found else ends[-1]
            if "hr" in found and found["hr"][1].kind == "num" and len(found) > 1:
                middle = found["hr"][1].values[0]
                letters = [letter for letter, _ in found.values()]
                told = f"{middle} with limits {low} and {high}"
                _ask_outside(table, ledger, row, letters, told, [_number(one) for one in (middle, low, high)])


def _ask_outside(
    table: PastedTable,
    ledger: Ledger,
    row: PastedRow,
    letters: list[str],
    told: str,
    values: Sequence[float | None],
) -> None:
    middle, low, high = values
    crossed = low is not None and high is not None and low > high
    outside = middle is not None and ((low is not None and middle < low) or (high is not None and middle > high))
    if crossed or outside:
        what = "its limits cross" if crossed else "it is not within its limits"
        ask_row(table, ledger, [row], letters, f"'{row.label}': '{told}': {what}")


def _check_mixed(table: PastedTable, ledger: Ledger) -> None:
    """Rows of which the arms hold different kinds of numbers: counts with shares here, something else there."""
    kinds = {"share": "n (%)", "pm": "mean ± SD", "triple": "a number with limits", "percent": "a percentage"}
    for row in table.rows:
        arms: dict[tuple[str, ...], list[tuple[str, PastedCell]]] = {}
        for column, cell in zip(table.columns, row.cells, strict=False):
            if column.arm in ROLES and not column.skip and cell.values:
                arms.setdefault((column.phase, column.statistic, column.grade), []).append((column.letter, cell))
        for found in arms.values():
            told = {_shape(cell): cell for _, cell in found if not _is_zero(cell) and cell.kind != "inf"}
            if len(told) > 1:
                shown = ", ".join(
                    f"'{cell.raw.strip()}' ({kinds.get(kind, 'a number')})" for kind, cell in told.items()
                )
                letters = [column.letter for column in table.columns]
                ask_row(table, ledger, [row], letters, f"'{row.label}': the arms hold {shown}")


def _shape(cell: PastedCell) -> str:
    """The kind of a cell as far as the two arms of a row share it."""
    return {"pair": "share", "bound": "num"}.get(cell.kind, cell.kind)


def _is_zero(cell: PastedCell) -> bool:
    return all(set(one) <= set("0.<") for one in cell.values)


def _shares(table: PastedTable) -> Iterator[TakenCell]:
    """The cells that are a count and its percentage, or may be."""
    for row, column, cell in cells_of(table):
        sure = cell.kind == "share" and len(cell.values) == 2 and cell.values[1][0].isdigit() and not cell.of
        pair = cell.kind == "pair" and cell.values[0].isdigit() and "." in cell.values[1]
        if _ESTIMATED.search(column.head):
            continue
        if column.arm and not column.statistic and (sure or pair) and set(cell.values[1]) > {"."}:
            yield row, column, cell


def size_of(column: PastedColumn, ledger: Ledger) -> float | None:
    """The size of a column's arm: of its head, else as seen before."""
    known = float(column.n_printed) if column.n_printed else ledger.sizes.get((column.phase, column.arm))
    return None if not known else float(known)


def _fits(cell: PastedCell, n: float, loose: bool) -> bool:
    count, percent = float(cell.values[0]), cell.values[1]
    half = half_unit(percent) + (50 / n if loose else 0.0)
    return count <= n + 0.5 and abs(100 * count / n - float(percent)) <= half + 1e-9


def _check_shares(table: PastedTable, paper: PaperFile, ledger: Ledger) -> None:
    """Columns and cells of which the shares fit another size better than that of their own arm."""
    by_column: dict[str, list[TakenCell]] = {}
    for found in _shares(table):
        by_column.setdefault(found[1].letter, []).append(found)
    known = {float(n) for n in ledger.sizes.values()} | {size for c in table.columns if (size := size_of(c, ledger))}
    for letter, some in by_column.items():
        column, own = some[0][1], size_of(some[0][1], ledger)
        if own is None:
            continue
        loose = paper.design == "weighted" and column.phase == "after"
        told = table.kind in OUTCOMES
        mine = [_fits(cell, own, loose) for _, _, cell in some]
        others = {n: [_fits(cell, n, loose) for _, _, cell in some] for n in sorted(known - {own})}
        best = max(others, key=lambda n: sum(others[n]), default=None)
        spot, head = Spot(table.file, some[0][0].line, letter), f"column {letter} '{column.head}'"
        if len(some) > 2 and sum(mine) < 0.8 * len(some) and best is not None and sum(others[best]) > sum(mine):
            what = (
                f"{head}: {sum(mine)} of its {len(some)} shares fit n = {own:g}, {sum(others[best])} fit n = {best:g}"
            )
            ledger.ask(
                spot, what, f"{letter}: n = {best:g}", (f"{letter}: n = {best:g}", f"{letter}: skip"), columns=[letter]
            )
        elif 2 * sum(mine) < len(some) and (
            (told and len(some) > 2) or (len(some) > 3 and any(cell.kind == "share" for _, _, cell in some))
        ):
            what = f"{head}: {sum(mine)} of its {len(some)} shares fit n = {own:g}: are they shares of the arm?"
            ledger.ask(spot, what, f"{letter}: n", (f"{letter}: n", f"{letter}: skip"), columns=[letter])
        else:
            _ask_cells(table, some, mine, others, own, ledger)


def _check_other_shares(table: PastedTable, ledger: Ledger) -> None:
    """Rows of outcomes of which the shares of both arms are those of other numbers of patients, or of events."""
    asked = {letter for one in ledger.questions if one.spot.file == table.file for letter in one.columns}
    for row in table.rows if table.kind in OUTCOMES else ():
        sides: dict[tuple[str, ...], list[tuple[PastedColumn, PastedCell]]] = {}
        for column, cell in zip(table.columns, row.cells, strict=False):
            share = (
                cell.kind in ("share", "pair") and len(cell.values) == 2 and not cell.of and cell.values[0].isdigit()
            )
            estimated = _ESTIMATED.search(column.head) or column.letter in asked or column.skip
            if share and column.arm in ROLES and not column.statistic and cell.values[1][0].isdigit() and not estimated:
                sides.setdefault((column.phase, column.grade), []).append((column, cell))
        for found in sides.values():
            sizes = [size_of(column, ledger) for column, _ in found]
            off = [n is not None and not _near(cell, n) for (_, cell), n in zip(found, sizes, strict=True)]
            if len(found) == 2 and all(off):
                shown = " and ".join(f"'{cell.raw.strip()}'" for _, cell in found)
                what = f"'{row.label}': {shown} are no shares of the arms' patients: of events, or of some of them"
                ask_row(table, ledger, [row], [column.letter for column, _ in found], what)


def _near(cell: PastedCell, n: float) -> bool:
    """Whether a share is that of n within two of its last decimals and a tenth, which a misprint may be off."""
    percent = cell.values[1]
    return abs(100 * float(cell.values[0]) / n - float(percent)) <= max(4 * half_unit(percent), 0.1 * float(percent))


def _ask_cells(
    table: PastedTable,
    some: list[TakenCell],
    mine: list[bool],
    others: dict[float, list[bool]],
    own: float,
    ledger: Ledger,
) -> None:
    """Single shares that fit the size of another column, and counts above their own."""
    for k, (row, column, cell) in enumerate(some):
        elsewhere = [n for n in others if others[n][k]]
        sure = cell.kind == "share" or sum(mine) > len(mine) / 2
        above = float(cell.values[0]) > own and cell.kind == "share"
        if not mine[k] and ((elsewhere and sure and len(cell.values[1]) > 2) or above):
            fit = f"fits n = {elsewhere[0]:g}" if elsewhere else "is more than all"
            what = f"'{row.label}': '{cell.raw.strip()}' {fit}, but stands in '{column.head}', n = {own:g}"
            ask_row(table, ledger, [row], [one.letter for one in table.columns], what)
