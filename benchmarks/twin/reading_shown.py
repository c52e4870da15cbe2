"""What was read of a pasted paper, as an answer: what is open first, then every table by its columns."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from math import isinf

from analysis.audit.published import NOT_PRINTED, parse_printed
from analysis.tables.text_table import TextTable, table
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import PastedCell, PastedColumn, PastedTable, Reading, ReadNumber, Spot
from benchmarks.words.answer import Answer

KINDS = {
    "share": "n and percent",
    "pair": "two numbers",
    "pm": "mean and SD",
    "triple": "a number and its limits",
    "range": "two limits",
    "percent": "percent",
    "num": "a number",
    "bound": "a bound",
    "inf": "not reached",
    "none": "no number",
    "unread": "NOT UNDERSTOOD",
}
CELLS = ("place", "row", "column", "printed", "is", "read as")


def reading_answer(reading: Reading, keys: bool) -> Answer:
    """What is open, the columns of each table, what was assumed and what was not understood.

    It holds if no question is open. ``keys`` lists every number with its key, place and rounding, and no columns.
    """
    told = [
        *_open(reading),
        *(
            [_numbers(reading)]
            if keys
            else [*(_columns(one, reading.paper) for one in reading.tables), *_lines(reading)]
        ),
    ]
    told += [
        table(title, ("place", what), [(str(one.spot), one.text) for one in found], 2)
        for title, what, found in (
            ("Not understood, and left out", "what stands there", reading.unread),
            ("Numbers of the text that no table and no line has", "where they stand", reading.unclaimed),
            ("Assumed, and not asked", "what", reading.assumed),
        )
        if found
    ]
    return Answer(
        _document(reading),
        verdict_of(reading),
        tuple(told),
        files=lambda: (*_open(reading), _numbers(reading), *(cells_table(reading, one) for one in reading.tables)),
        holds=not reading.questions,
        found=reading,
    )


def verdict_of(reading: Reading) -> str:
    """How many numbers were read, and what is open."""
    known = reading.published
    missing = sum(one.printed == NOT_PRINTED for one in known.values())
    tables = f"{len(reading.tables)} table{'' if len(reading.tables) == 1 else 's'}"
    said = f"{len(known) - missing} printed numbers of {tables} and the results were read"
    said += f", and {missing} are marked as not printed." if missing else "."
    if reading.questions:
        waiting = len({one.key for one in reading.withheld})
        one = len(reading.questions) == 1
        said += (
            f" {len(reading.questions)} question{' is' if one else 's are'} open: write the line that settles "
            f"{'it' if one else 'each'} into paper.yaml."
        )
        said += f" {waiting} number{' waits' if waiting == 1 else 's wait'} for an answer." if waiting else ""
    else:
        said += " No question is open."
        if not any(key.startswith("table1.") for key in known):
            said += " A twin needs a table of baseline, kind: baseline; none is read."
    return said


def _open(reading: Reading) -> list[TextTable]:
    rows = [(str(one.spot), one.what, one.settle, " | ".join(one.readings)) for one in reading.questions]
    heads = ("place", "question", "write into paper.yaml", "answers")
    file = next((one.spot.file for one in reading.questions if one.spot.file in reading.paper.tables), "")
    kind = reading.paper.tables[file].get("kind", "") if file else ""
    note = f"What settles a table stands beside its kind: tables: {{{file}: {{kind: {kind}, ...}}}}" if file else ""
    return [table("Open questions", heads, rows, 4, note)] if rows else []


def _columns(one: PastedTable, paper: PaperFile) -> TextTable:
    """How each column of a table was understood."""
    rows = [(column.letter, column_words(column, paper), column.head) for column in one.columns]
    kind = f"{one.kind} {one.phase}".strip()
    return table(
        f"{one.file}: {one.where}, {kind}, {len(one.rows)} rows x {len(one.columns)} columns",
        ("column", "read as", "head"),
        rows,
        3,
    )


def _lines(reading: Reading) -> list[TextTable]:
    """The numbers of the lines of paper.yaml, by place."""
    files = {one.file for one in reading.tables}
    counted = Counter(one.where for one in reading.numbers if one.spot.file not in files)
    rows = [(where, str(count)) for where, count in counted.items()]
    return [table("Lines and facts of paper.yaml, and curves", ("where", "numbers"), rows)] if rows else []


def column_words(column: PastedColumn, paper: PaperFile) -> str:
    """What a column holds, in words."""
    if column.skip:
        return "left out"
    named = {"control": f"{paper.arms.control} (control)", "treated": f"{paper.arms.treated} (treated)"}
    words = [
        named.get(column.arm, "all patients" if column.arm else ""),
        column.endpoint,
        column.phase,
        column.model,
        f"grade {column.grade}" if column.grade else "",
        column.statistic,
        f"n = {column.n_printed or column.n}" if column.n is not None else "",
    ]
    return " ".join(word for word in words if word) or "NOT UNDERSTOOD"


def cells_table(reading: Reading, one: PastedTable) -> TextTable:
    """Every cell of a table: as printed, what it is, and the keys of its numbers."""
    keys = _keys_by_cell(reading.numbers, one.file)
    waiting = _keys_by_cell(reading.withheld, one.file)
    rows = []
    for row in one.rows:
        for column, cell in zip(one.columns, row.cells, strict=False):
            if cell.raw.strip():
                here = (row.line, column.letter)
                place = str(Spot(one.file, *here))
                rows.append(
                    (
                        place,
                        row.label,
                        column_words(column, reading.paper),
                        cell.raw,
                        KINDS[cell.kind],
                        _as(cell, here, keys, waiting),
                    )
                )
    return table(f"{one.where}, cell by cell", CELLS, rows, len(CELLS))


def _as(
    cell: PastedCell,
    here: tuple[int, str],
    keys: Mapping[tuple[int, str], list[ReadNumber]],
    waiting: Mapping[tuple[int, str], list[ReadNumber]],
) -> str:
    """The keys of a cell's numbers, or why it has none."""
    found = [f"{one.key} = {one.printed}" for one in keys.get(here, ())]
    found += [f"{one.key} = {one.printed}, waits for an answer" for one in waiting.get(here, ())]
    if found:
        return "; ".join(found)
    return "" if cell.kind == "none" else "no key"


def _keys_by_cell(numbers: tuple[ReadNumber, ...], file: str) -> dict[tuple[int, str], list[ReadNumber]]:
    found: dict[tuple[int, str], list[ReadNumber]] = defaultdict(list)
    for one in numbers:
        if one.spot.file == file:
            found[one.spot.line, one.spot.column].append(one)
    return found


def rounding(one: ReadNumber) -> str:
    """The values that a printed number stands for."""
    if one.printed == NOT_PRINTED:
        return ""
    try:
        stands = parse_printed(one.printed, one.key)
    except ValueError:
        return ""
    if isinf(stands.low) and isinf(stands.high):
        return "not reached" if stands.low > 0 else ""
    return f"{stands.low:.7g} to {stands.high:.7g}"


def _numbers(reading: Reading) -> TextTable:
    rows = [(one.key, one.printed, one.where, str(one.spot), rounding(one)) for one in reading.numbers]
    return table("Every number", ("key", "printed", "where", "place", "stands for"), rows, 4)


def _document(reading: Reading) -> dict[str, object]:
    """The reading for machines."""
    return {
        "folder": reading.folder,
        "name": reading.paper.name,
        "numbers": [_number(one) for one in reading.numbers],
        "withheld": [_number(one) for one in reading.withheld],
        "tables": [
            {
                "file": one.file,
                "kind": one.kind,
                "where": one.where,
                "rows": len(one.rows),
                "columns": [
                    {"letter": each.letter, "head": each.head, "is": column_words(each, reading.paper)}
                    for each in one.columns
                ],
                "cells": [dict(zip(CELLS, row, strict=True)) for row in cells_table(reading, one).rows],
            }
            for one in reading.tables
        ],
        "questions": [
            {"place": str(one.spot), "what": one.what, "settle": one.settle, "readings": one.readings}
            for one in reading.questions
        ],
        "assumed": [{"place": str(one.spot), "text": one.text} for one in reading.assumed],
        "unread": [{"place": str(one.spot), "text": one.text} for one in reading.unread],
        "unclaimed": [{"place": str(one.spot), "text": one.text} for one in reading.unclaimed],
    }


def _number(one: ReadNumber) -> dict[str, str]:
    return {
        "key": one.key,
        "printed": one.printed,
        "where": one.where,
        "place": str(one.spot),
        "cell": one.raw,
        "stands_for": rounding(one),
    }
