"""What the patients of subgroups show: the other arm's, cells unlike their column's, levels without a row."""

import re
from collections.abc import Sequence

from benchmarks.pasted.asked_rows import ask_row
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import ROLES, Ledger, PastedCell, PastedRow, PastedTable, ReadNumber, Spot

_OF_ARM = re.compile(r"endpoints\.\w+\.(?P<side>before|after)\.subgroups\[(?P<level>.*)\]\.arms\.(?P<role>\w+)\.n")
_OF_LEVEL = re.compile(r"endpoints\.\w+\.(?:before|after)\.subgroups\[(?P<variable>\w+)=(?P<level>[^&]*)\]\..*")
FEW = 3


def ask_unlike(table: PastedTable, ledger: Ledger) -> None:
    """Ask about cells without their patients, as 12 (4.7%), in a column of which nearly all have them: 30/50."""
    for k, column in enumerate(table.columns):
        cells: list[tuple[PastedRow, PastedCell]] = [(row, row.cells[k]) for row in table.rows if row.cells[k].values]
        odd = [(row, cell) for row, cell in cells if not cell.of]
        if column.skip or column.arm not in ROLES or len(cells) - len(odd) < max(FEW, 4 * len(odd)):
            continue
        for row, cell in odd:
            what = f"'{row.label}': '{cell.raw.strip()}' stands where the others are events/patients"
            ask_row(table, ledger, [row], [column.letter], what)


def tell_levels(table: PastedTable, ledger: Ledger, numbers: Sequence[ReadNumber]) -> None:
    """Say of levels of a variable that have no row, where other levels of it have."""
    shown: dict[str, dict[str, int]] = {}
    for one in numbers:
        if key := _OF_LEVEL.fullmatch(one.key):
            shown.setdefault(key["variable"], {}).setdefault(key["level"], one.spot.line)
    for name, levels in shown.items():
        variable = ledger.variables.get(name)
        lacking = [level for level in variable.levels if level not in levels] if variable is not None else []
        if lacking:
            told = f"of {name}, {', '.join(lacking)} has no row among the subgroups"
            ledger.assume(Spot(table.file, next(iter(levels.values()))), told)


def ask_other_arm(table: PastedTable, paper: PaperFile, ledger: Ledger, numbers: Sequence[ReadNumber]) -> None:
    """Ask about rows of which an arm's patients are those of the other arm and not its own."""
    baseline = {one.key: one.printed for one in ledger.numbers if one.key.startswith("table1.")}
    rows = {row.line: row for row in table.rows}
    found: dict[int, tuple[str, ReadNumber]] = {}
    for one in numbers:
        if (key := _OF_ARM.fullmatch(one.key)) is None or key["role"] not in ROLES:
            continue
        n = {
            role: str(ledger.sizes.get((key["side"], role), ""))
            if key["level"] == "all"
            else baseline.get(f"table1.{key['side']}[{key['level']}].{role}.n", "")
            for role in ROLES
        }
        other = n["treated" if key["role"] == "control" else "control"]
        if one.printed == other != n[key["role"]] != "":
            found.setdefault(one.spot.line, (n[key["role"]], one))
    for line, (own, one) in found.items() if len(found) < 3 else ():
        if line in rows:
            what = (
                f"'{rows[line].label}': {one.printed} patients in {one.spot.column} are the other arm's; its own are "
            )
            ask_row(table, ledger, [rows[line]], [], what + own)
    if len(found) > 2:
        named = {"control": paper.arms.treated, "treated": paper.arms.control}
        swapped = {c.letter: named[c.arm] for c in table.columns if c.arm in ROLES and not c.skip}
        first = next(iter(found.values()))[1].spot
        what = f"{len(found)} rows have the other arm's patients in column {first.column}: are the arms swapped"
        settle = "  and  ".join(f"{letter}: {arm}" for letter, arm in swapped.items())
        answers = (settle, *(f"{letter}: skip" for letter in swapped))
        ledger.ask(Spot(table.file, first.line, first.column), what, settle, answers, columns=swapped)
