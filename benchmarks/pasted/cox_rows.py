"""Cox tables: univariable and multivariable hazard ratios of terms."""

import re
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.pasted.asked_rows import AS_PRINTED
from benchmarks.pasted.labels import RowLabel, cut_of, identify, range_of_level
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import Ledger, PastedColumn, PastedTable, Spot
from benchmarks.pasted.row_levels import NamedTerm, level_in, paired
from benchmarks.pasted.row_terms import is_treatment, is_treatment_head, names_treatment, term_of
from benchmarks.pasted.table_rows import Filled, Pen, TableRow, is_p, number, table_rows

RATIOS = ("hr", "low", "high", "limits", "p")
_REF_WORDS = re.compile(r"\s*[(,;]?\s*ref(?:erence|erent)?\.?\s*(?:group|level|category)?\s*\)?\s*$", re.I)


def read_cox(table: PastedTable, paper: PaperFile, ledger: Ledger) -> None:
    """The hazard ratios of a table of terms, each under its endpoint, side, model and term."""
    pen = Pen(table, paper, ledger)
    ask_side(pen, [column for column in table.columns if column.statistic in RATIOS and not column.skip])
    read = table_rows(table, ledger)
    triples = ratio_columns(read)
    for head, rows in blocks(pen, read):
        _block(pen, head, rows, triples)


def ratio_columns(rows: Sequence[TableRow]) -> frozenset[str]:
    """The columns of ratios whose cells have their limits beside them."""
    return frozenset(
        column.letter
        for row in rows
        for column, cell in row.others
        if column.statistic == "hr" and cell.kind == "triple"
    )


def blocks(pen: Pen, rows: Sequence[TableRow]) -> list[tuple[TableRow | None, list[TableRow]]]:
    """Heads with the rows below them; a row of its own stands below none."""
    made: list[tuple[TableRow | None, list[TableRow]]] = []
    head: TableRow | None = None
    deep = any(row.row.indent for row in rows)
    for at, row in enumerate(rows):
        numbers = bool(row.arms) or any(column.statistic != "interaction_p" for column, _ in row.others)
        following = rows[at + 1] if at + 1 < len(rows) else None
        if not numbers and not row.reference and head is not None and not row.tests and _is_level(pen, row, head):
            made[-1][1].append(replace(row, reference=True))
            continue
        if not numbers and not row.reference:
            leads = following is not None and (not deep or following.row.indent > row.row.indent)
            head = row if leads else None
            if head is not None:
                made.append((head, []))
            continue
        if head is not None and _belongs(pen, row, head, deep):
            made[-1][1].append(row)
        else:
            head = None
            made.append((None, [row]))
    return made


def _is_level(pen: Pen, row: TableRow, head: TableRow) -> bool:
    """Whether a row's label is a level of the variable that a head names: without numbers it is the reference."""
    variable = pen.ledger.variables.get(identify(head.label, pen.paper))
    return variable is not None and level_in(paired(variable), row.label.text) is not None


def _belongs(pen: Pen, row: TableRow, head: TableRow, deep: bool) -> bool:
    """Whether a row stands below a head: by its indent, or as it names no variable that is known itself."""
    if deep:
        return row.row.indent > head.row.indent
    if names_treatment(pen, row.label) and not is_treatment_head(pen, head.label):
        return False
    variable = pen.ledger.variables.get(identify(head.label, pen.paper))
    own = pen.ledger.variables.get(identify(row.label, pen.paper))
    if _is_level(pen, row, head):
        return True
    return own is None or own is variable


def ask_side(pen: Pen, columns: Sequence[PastedColumn]) -> None:
    """Asks for the side of a table that does not say it, where a paper has two."""
    if pen.table.phase or all(one.phase for one in columns) or pen.paper.design not in ("matched", "weighted"):
        return
    made = "matching" if pen.paper.design == "matched" else "weighting"
    settle = f"{pen.table.file}: {pen.table.kind} after"
    answers = (settle, f"{pen.table.file}: {pen.table.kind} before")
    pen.ledger.ask(Spot(pen.table.file), f"it does not say whether it is before or after {made}", settle, answers)


def below(pen: Pen, head: TableRow | None, rows: Sequence[TableRow]) -> tuple[bool, RowLabel | None]:
    """Whether rows below a head are read, and the label of their variable; None where each names its own.

    Asked where neither the head nor the rows name something of the baseline table.
    """
    if head is None:
        return True, None
    variables, said = pen.ledger.variables, pen.settled(head.label)
    if said in variables:
        return True, RowLabel(said, said)
    if said == "skip":
        return False, None
    if identify(head.label, pen.paper) in variables or is_treatment_head(pen, head.label):
        return True, head.label
    own = [row for row in rows if identify(row.label, pen.paper) in variables or is_treatment(pen, row.label.text)]
    if own or any(pen.settled(row.label) for row in rows):
        return True, None
    if rows:
        pen.ask(head, f"'{head.label.text}' names nothing of the baseline table", ("skip", "VARIABLE"), rows)
    return False, None


def _block(pen: Pen, head: TableRow | None, rows: Sequence[TableRow], triples: frozenset[str]) -> None:
    levels = tuple(row.label.text for row in rows)
    read, label = below(pen, head, rows)
    if not read:
        return
    references = [row for row in rows if row.reference or _is_one(row)]
    rated = [row for row in rows if row not in references]
    _reference(pen, head, references, rated)
    if head is not None and len(rated) == 1 and head.tests and not rated[0].tests:
        rated = [TableRow(rated[0].row, rated[0].label, rated[0].arms, rated[0].alls, head.tests, rated[0].others)]
    elif head is not None and head.tests:
        pen.not_understood(head, f"the p of '{head.label.text}' as a whole has no key")
    if _in_stretches(pen, label, references, rated):
        what = (
            f"the ratios of '{label.text if label else ''}' are of several stretches against one: a cut has two sides"
        )
        pen.ask(head or rated[0], what, ("skip",), rated)
        return
    for row in rated:
        _row(pen, row, term_of(pen, row, label, levels if len(rated) > 1 else ()), triples)


def _in_stretches(pen: Pen, label: RowLabel | None, references: Sequence[TableRow], rated: Sequence[TableRow]) -> bool:
    """Whether rows are stretches of a number, of which each is compared with that of the reference alone."""
    variable = pen.ledger.variables.get(identify(label, pen.paper)) if label is not None else None
    sides = [row for row in rated if cut_of(row.label.text) or range_of_level(row.label.text)]
    return variable is not None and variable.kind == "continuous" and bool(references) and len(sides) > 1


def _is_one(row: TableRow) -> bool:
    """Whether a row's only numbers are ratios of 1 without limits, as a reference has."""
    ratios = [cell for column, cell in row.others if column.statistic == "hr"]
    return (
        bool(ratios)
        and len(ratios) == len(row.others)
        and all(cell.kind == "num" and number(cell.values[0]) == 1 for cell in ratios)
    )


def _reference(pen: Pen, head: TableRow | None, references: Sequence[TableRow], rated: Sequence[TableRow]) -> None:
    """The level that a table names as its reference goes first; asked where that breaks an order."""
    variable = pen.ledger.variables.get(identify(head.label, pen.paper)) if head is not None else None
    if head is None or variable is None or len(variable.levels) < 3 or not references:
        return
    first = _REF_WORDS.sub("", references[0].label.text)
    at = level_in(variable, first)
    if not at or pen.settled(head.label) == "levels":
        return
    if variable.kind == "nominal":
        levels = (variable.levels[at], *(level for level in variable.levels if level != variable.levels[at]))
        pen.ledger.know(replace(variable, levels=levels))
        pen.assume(references[0], f"{first} is the reference of {variable.name}")
        return
    what = f"{first} is the reference of '{head.label.text}', and {variable.levels[0]} is its first level"
    pen.ask(head, what, ("levels", "skip"), rated)


def _row(pen: Pen, row: TableRow, found: NamedTerm, triples: frozenset[str]) -> None:
    if found.skip:
        return
    if found.what:
        pen.ask(row, found.what, found.answers)
        return
    if found.assumed:
        pen.assume(row, found.assumed)
    for filled in (*row.others, *row.tests):
        column, cell = filled
        if (
            column.letter in triples
            and column.statistic == "hr"
            and cell.kind != "triple"
            and pen.settled(row.label) != AS_PRINTED
        ):
            pen.ask(row, f"'{cell.raw}' has no limits, as others in {column.letter} have", ("skip", AS_PRINTED))
        if column.endpoint and column.model and column.statistic in RATIOS:
            put_ratio(pen, f"endpoints.{column.endpoint}.{pen.side(column)}.{column.model}[{found.term}]", row, filled)


def put_ratio(pen: Pen, key: str, row: TableRow, filled: Filled) -> None:
    """The ratio, its limits or its p of a cell."""
    column, cell = filled
    names = ratio_names(filled)
    if names is None:
        pen.not_understood(row, f"'{cell.raw}' is no ratio with limits and no p-value", column.letter)
        return
    pen.put_all(key, names, cell.values, row, filled)


def ratio_names(filled: Filled) -> tuple[str, ...] | None:
    """What the numbers of a cell of a ratio's column are; None where they fit it not."""
    column, cell = filled
    single = cell.kind in ("num", "bound", "inf")
    match column.statistic:
        case "p":
            return ("p",) if is_p(cell) else None
        case "interaction_p":
            return ("interaction_p",) if is_p(cell) else None
        case "hr":
            if cell.kind == "triple":
                return ("hr", "low", "high")
            return ("hr",) if single else None
        case "limits":
            return ("low", "high") if cell.kind == "range" else ("hr", "low", "high") if cell.kind == "triple" else None
        case "low" | "high":
            return (column.statistic,) if single else None
    return None
