"""Subgroup tables, as beside a forest plot: hazard ratios, patients and events of levels, and p of interaction."""

import re
from collections.abc import Sequence

from benchmarks.pasted.asked_rows import AS_PRINTED
from benchmarks.pasted.cox_rows import below, blocks, ratio_columns, ratio_names
from benchmarks.pasted.labels import RowLabel
from benchmarks.pasted.other_arm import ask_other_arm
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import ROLES, Ledger, PastedTable, Spot
from benchmarks.pasted.row_levels import NamedTerm
from benchmarks.pasted.row_terms import full_level, term_of
from benchmarks.pasted.table_rows import Filled, Pen, TableRow, is_p, table_rows

_ALL = re.compile(
    r"(?:all|overall|total|entire|whole)(?: (?:patients|population|cohort|subjects|participants|randomi[sz]ed))*|"
    r"overall.*population|itt(?: population)?",
    re.I,
)


def read_subgroups(table: PastedTable, paper: PaperFile, ledger: Ledger) -> None:
    """The numbers of a table of subgroups, each under its endpoint, side and level."""
    pen = Pen(table, paper, ledger)
    used = {column.endpoint for column in table.columns if not column.skip and column.statistic}
    if "" in used and len(paper.endpoints) > 1 and not (used - {""} and len(used) == 2):
        letters = [column.letter for column in table.columns if not column.skip]
        span = f"{letters[0]}-{letters[-1]}"
        settle = "  or  ".join(f"{span}: {name}" for name in paper.endpoints)
        spot = Spot(table.file, 0, letters[0])
        ledger.ask(spot, "the heads do not say which endpoint the subgroups are of", settle, tuple(paper.endpoints))
        return
    only = next(iter(used - {""}), next(iter(paper.endpoints)))
    read, start = table_rows(table, ledger), len(ledger.numbers)
    triples = ratio_columns(read)
    for head, rows in blocks(pen, read):
        _block(pen, only, head, rows, triples)
    ask_other_arm(table, paper, ledger, ledger.numbers[start:])


def _block(pen: Pen, only: str, head: TableRow | None, rows: Sequence[TableRow], triples: frozenset[str]) -> None:
    interaction: list[tuple[TableRow, Filled]] = []
    if head is not None:
        interaction = [(head, filled) for filled in (*head.tests, *head.others) if is_p(filled[1])]
    read, label = below(pen, head, rows)
    if not read:
        return
    levels = tuple(row.label.text for row in rows)
    first = True
    for row in rows:
        found = _subgroup(pen, row, label, levels)
        if found.skip:
            continue
        if found.what:
            pen.ask(row, found.what, found.answers)
            first = False
            continue
        if found.assumed:
            pen.assume(row, found.assumed)
        level = found.term if found.term == "all" else full_level(pen, found.term)
        _numbers(pen, only, row, level)
        for column, cell in row.others:
            if (
                column.letter in triples
                and column.statistic == "hr"
                and cell.kind != "triple"
                and pen.settled(row.label) != AS_PRINTED
            ):
                pen.ask(row, f"'{cell.raw}' has no limits, as others in {column.letter} have", ("skip", AS_PRINTED))
        for owner, filled in interaction if first else ():
            start = _start(pen, only, filled, level)
            pen.put(f"{start}.interaction_p", filled[1].values[0], owner, filled)
        first = False


def _subgroup(pen: Pen, row: TableRow, head: RowLabel | None, levels: tuple[str, ...]) -> NamedTerm:
    if _ALL.fullmatch(row.label.text) or _ALL.fullmatch(row.label.name):
        return NamedTerm("all")
    return term_of(pen, row, head, levels)


def _start(pen: Pen, only: str, filled: Filled, level: str) -> str:
    column, _ = filled
    return f"endpoints.{column.endpoint or only}.{pen.side(column)}.subgroups[{level}]"


def _numbers(pen: Pen, only: str, row: TableRow, level: str) -> None:
    for filled in (*row.others, *row.tests):
        column, cell = filled
        names = ratio_names(filled)
        if names is None:
            pen.not_understood(row, f"'{cell.raw}' is no ratio with limits and no p-value", column.letter)
        elif names == ("interaction_p",) and level == "all":
            pen.not_understood(row, "all patients have no interaction", column.letter)
        else:
            pen.put_all(_start(pen, only, filled, level), names, cell.values, row, filled)
    for filled in (*row.arms, *row.alls):
        column, cell = filled
        start = _start(pen, only, filled, level)
        arm = f".arms.{column.arm}" if column.arm in ROLES else ""
        found = counts_of(filled)
        if not found:
            pen.not_understood(row, f"'{cell.raw}': events and patients of a subgroup are 30/50", column.letter)
        for name, value in found:
            pen.put(f"{start}{arm}.{name}", value, row, filled)


def counts_of(filled: Filled) -> tuple[tuple[str, str], ...]:
    """Events and patients in a cell of an arm's column."""
    column, cell = filled
    if cell.of.isdigit() and cell.values and cell.values[0].isdigit():
        return (("events", cell.values[0]), ("n", cell.of))
    if cell.kind not in ("num", "share", "pair") or not cell.values[0].isdigit():
        return ()
    name = "events" if column.statistic == "events" else "n" if column.statistic in ("n", "patients") else ""
    if not name:
        words = column.head.casefold()
        name = (
            "events" if re.search(r"event|death", words) else "n" if re.search(r"\bn\b|\bno\b|patient", words) else ""
        )
    return ((name, cell.values[0]),) if name else ()
