"""What the rows of a table say of each other: single grades and any, responses made of others, lone lines."""

import re
from collections.abc import Sequence

from benchmarks.pasted.asked_rows import ask_row
from benchmarks.pasted.grids import Grid
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import ROLES, Ledger, PastedCell, PastedRow, PastedTable, Spot

SLACK, FEW = 0.5, 3
_ANY = re.compile(
    r"(?:any|all|overall|total)\b(?: (?:grade|treatment-related|treatment-emergent|drug-related))*"
    r"(?: (?:adverse|aes?\b|teaes?\b|traes?\b|events?\b|incidence|toxicit))"
    r"|patients with (?:any|at least one)|at least one",
    re.IGNORECASE,
)


def check_sums(table: PastedTable, paper: PaperFile, ledger: Ledger) -> None:
    """Questions about rows and columns of counts that contradict each other."""
    _check_totals(table, ledger)
    _check_grades(table, ledger)
    if table.kind == "adverse events":
        _check_any(table, ledger)
    if table.kind == "response":
        _check_responses(table, paper, ledger)


def _count(cell: PastedCell) -> float | None:
    whole = cell.kind in ("share", "pair", "num") and cell.values[0].isdigit()
    return float(cell.values[0]) if whole else None


def _check_totals(table: PastedTable, ledger: Ledger) -> None:
    """Rows of which the arms' counts are not those of all patients, where they are in most."""
    places: dict[tuple[str, str, str], dict[str, int]] = {}
    for k, column in enumerate(table.columns):
        if column.arm and column.statistic in ("", "n", "events") and not column.skip:
            places.setdefault((column.phase, column.grade, column.endpoint), {}).setdefault(column.arm, k)
    for found in places.values():
        if set(found) != {"all", *ROLES}:
            continue
        wrong, right = [], 0
        for row in table.rows:
            every, *both = (_count(row.cells[found[arm]]) for arm in ("all", *ROLES))
            if every is not None and both[0] is not None and both[1] is not None:
                fits = abs(every - both[0] - both[1]) < SLACK
                right += fits
                wrong += [] if fits else [row]
        letters = [table.columns[k].letter for k in found.values()]
        for row in wrong if right >= FEW and 4 * len(wrong) <= right else ():
            shown = [row.cells[found[arm]].raw.strip() for arm in (*ROLES, "all")]
            what = f"'{row.label}': '{shown[0]}' and '{shown[1]}' are not together '{shown[2]}', as in other rows"
            ask_row(table, ledger, [row], letters, what)


def _check_grades(table: PastedTable, ledger: Ledger) -> None:
    """Fewer of any grade than of one: asked for the columns if often, else for the row."""
    any_grade: dict[tuple[str, str], int] = {
        (c.phase, c.arm): k for k, c in enumerate(table.columns) if c.arm in ROLES and not c.grade and not c.skip
    }
    if table.kind != "adverse events":
        return
    for k, column in enumerate(table.columns):
        other = any_grade.get((column.phase, column.arm))
        if not column.grade or column.skip or other is None:
            continue
        pairs = [(row, _count(row.cells[other]), _count(row.cells[k])) for row in table.rows]
        more = [row for row, every, some in pairs if every is not None and some is not None and some > every]
        here, there = column.letter, table.columns[other].letter
        if len(more) > 2 and 3 * len(more) > len(table.rows):
            what = f"column {here} '{column.head}' has more than column {there} of any grade in {len(more)} rows"
            ledger.ask(
                Spot(table.file, more[0].line, here),
                what,
                f"{here}: any grade",
                (f"{here}: skip",),
                columns=[here, there],
            )
            continue
        for row in more:
            what = f"'{row.label}': '{row.cells[k].raw.strip()}' of grade {column.grade} is more than of any grade"
            ask_row(table, ledger, [row], [one.letter for one in table.columns], what)


def _check_any(table: PastedTable, ledger: Ledger) -> None:
    """Fewer patients with any event than with one: asked for the first such row of each column."""
    every = next((row for row in table.rows if _ANY.match(row.label)), None)
    if every is None:
        return
    for k, column in enumerate(table.columns):
        own = _count(every.cells[k]) if column.arm in ROLES and not column.skip else None
        more = [row for row in table.rows if own is not None and (_count(row.cells[k]) or 0.0) > own + SLACK]
        if more:
            told = f"'{every.cells[k].raw.strip()}' is fewer than '{more[0].cells[k].raw.strip()}' of '{more[0].label}'"
            letters = [one.letter for one in table.columns]
            ask_row(table, ledger, [every, *more], letters, f"'{every.label}' ({column.letter}): {told}")


def _check_responses(table: PastedTable, paper: PaperFile, ledger: Ledger) -> None:
    """Responses that are others together (ORR: PR CR), and the levels of the order, which are all patients."""
    rows = {row.label: row for row in table.rows}
    made = {name: said.replace(",", " ").split() for name, said in paper.response.items()}
    order = made.pop("order", ["CR", "PR", "SD", "PD"])
    made = {"ORR": ["CR", "PR"], "DCR": ["CR", "PR", "SD"], **made} if set(order) >= {"CR", "PR", "SD"} else made
    for k, column in enumerate(table.columns):
        if column.arm not in ROLES or column.statistic not in ("", "n") or column.skip:
            continue
        wrong = []
        for name, parts in made.items():
            own, total = _count(rows[name].cells[k]) if name in rows else None, _sum(rows, parts, k)
            if own is not None and total is not None and own != total:
                wrong.append(f"{name} is {own:g}, {' + '.join(parts)} {total:g}")
        total, n = _sum(rows, order, k), ledger.sizes.get((column.phase, column.arm), column.n)
        if total is not None and n is not None and total > n + SLACK:
            wrong.append(f"{' + '.join(order)} are {total:g}, more than n = {n}")
        if wrong:
            named = [row for name, row in rows.items() if name in {*made, *order}]
            ask_row(table, ledger, named, [column.letter], f"column {column.letter}: {'; '.join(wrong)}")


def _sum(rows: dict[str, PastedRow], parts: Sequence[str], k: int) -> float | None:
    """The sum of the rows of these names; None where one is missing."""
    found = [_count(rows[name].cells[k]) if name in rows else None for name in parts]
    return None if not found or None in found else sum(one for one in found if one is not None)


def ask_lone_line(grid: Grid, file: str, entry: object, ledger: Ledger) -> None:
    """A question about the only line of a table with tabs that has none: a head, or a line broken in two."""
    lone = [row for row in grid.rows if not any(row.cells[1:]) and row.line in grid.bare]
    heads = [row for row in grid.rows if not any(row.cells[1:]) and row.line not in grid.bare]
    if grid.form != "tab" or len(lone) != 1 or heads:
        return
    row = lone[0]
    key = f"line {row.line}"
    if isinstance(entry, dict) and entry.get(key) in ("as printed", "skip"):
        return
    what = f"'{row.cells[0][:40]}' stands alone on its line: a head, or a piece of the row above or below"
    at = [one.line for one in grid.rows].index(row.line)
    near = [one.line for one in grid.rows[max(at - 1, 0) : at + 2]]
    ledger.ask(Spot(file, row.line), what, f"{key}: as printed", (f"{key}: as printed", f"{key}: skip"), near)
