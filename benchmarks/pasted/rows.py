"""The rows of a pasted table by its kind, and what no table may have: two rows under one key."""

import re
from collections.abc import Callable, Iterable

from benchmarks.pasted.baseline import read_baseline
from benchmarks.pasted.cox_rows import read_cox
from benchmarks.pasted.event_rows import read_events
from benchmarks.pasted.labels import read_label, slug, without_statistic
from benchmarks.pasted.outcome_rows import read_outcomes
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import Ledger, PastedTable, Spot
from benchmarks.pasted.settling import row_key
from benchmarks.pasted.subgroup_rows import read_subgroups

READERS: dict[str, Callable[[PastedTable, PaperFile, Ledger], None]] = {
    "baseline": read_baseline,
    "response": read_outcomes,
    "adverse events": read_outcomes,
    "cox": read_cox,
    "subgroups": read_subgroups,
    "events": read_events,
}
"""The reader of each kind of table."""

_COMPARED = re.compile(r"\s+(?:vs?\.?|versus)\s+", re.IGNORECASE)


def read_rows(table: PastedTable, paper: PaperFile, ledger: Ledger) -> None:
    """Puts the numbers, variables and questions of a table's rows in the ledger, by the table's kind."""
    start = len(ledger.numbers)
    reader = READERS.get(table.kind)
    if reader is None:
        what = f"'{table.kind}' is no kind of table ({', '.join(READERS)})"
        ledger.ask(Spot(table.file), what, f"{table.file}: baseline", tuple(READERS))
        return
    reader(table, paper, ledger)
    _ask_doubles(table, ledger, start)


def _ask_doubles(table: PastedTable, ledger: Ledger, start: int) -> None:
    """Asks of rows whose numbers, which differ, would stand under one key."""
    labels = {row.line: row.label.strip() for row in table.rows}
    first: dict[str, tuple[int, str]] = {}
    pairs: dict[tuple[int, int], str] = {}
    for one in ledger.numbers[start:]:
        line, printed = first.setdefault(one.key, (one.spot.line, one.printed))
        if line != one.spot.line and printed != one.printed:
            pairs.setdefault((line, one.spot.line), one.key)
    for (line, other), key in pairs.items():
        what = f"rows '{labels.get(line, '')}' ({line}) and '{labels.get(other, '')}' ({other}) have one key {key}"
        name = row_key(labels.get(other, ""), other, list(labels.values()), len(table.columns) + 1)
        settle = f"{name}: skip"
        ledger.ask(Spot(table.file, other), what, settle, ("skip",), (line, other))


def unused_names(tables: Iterable[PastedTable], paper: PaperFile, others: Iterable[str] = ()) -> tuple[str, ...]:
    """The labels in ``names`` of paper.yaml that stand in no row of the tables and are none of the ``others``.

    One that is left tells that a label was pasted otherwise than it was named. Endpoints, amounts of treatment and
    outcomes that paper.yaml states itself may have a label that no row has.
    """
    stated = {*paper.endpoints, *paper.exposure, *paper.response}
    seen = {slug(text) for text in others}
    for row in (row for table in tables for row in table.rows):
        label = read_label(row.label)
        unit = f"{label.name} ({label.unit})"
        texts = (label.text, label.name, unit, label.level, without_statistic(row.label), *_COMPARED.split(label.level))
        seen |= {slug(text) for text in texts}
    return tuple(name for name, short in paper.names.items() if short not in stated and slug(name) not in seen)
