"""Patients of subgroups that are those of the other arm, as the baseline table and the heads have them."""

import re
from collections.abc import Sequence

from benchmarks.pasted.asked_rows import ask_row
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import ROLES, Ledger, PastedTable, ReadNumber, Spot

_OF_ARM = re.compile(r"endpoints\.\w+\.(?P<side>before|after)\.subgroups\[(?P<level>.*)\]\.arms\.(?P<role>\w+)\.n")


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
