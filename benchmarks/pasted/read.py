"""`read_paper`: a folder with paper.yaml and what was pasted beside it, as a `Reading`."""

from pathlib import Path

from benchmarks.pasted.checks import check_table
from benchmarks.pasted.claims import unclaimed
from benchmarks.pasted.columns import entry_faults, understand
from benchmarks.pasted.curves import read_curves
from benchmarks.pasted.facts import read_facts
from benchmarks.pasted.lines import read_lines
from benchmarks.pasted.paper_file import PaperFile, Places, file_of, load_paper
from benchmarks.pasted.reading import Ledger, PastedTable, Reading, ReadNumber, Remark, Spot
from benchmarks.pasted.rows import read_rows, unused_names
from benchmarks.pasted.spaced import read_table
from simulator.documents.problems import DocumentError, Place, Problem

MOST_BYTES = 4 * 2**20  # of a pasted file
FIRST = ("baseline",)
"""Kinds of tables that are read before the others, whose rows they name."""


def read_paper(path: Path) -> Reading:
    """A paper as it was read: its tables, then the lines of its results and the facts of its design.

    ``path`` is a folder with paper.yaml, or a YAML file; DocumentError where that cannot be read at all.
    """
    paper, places = load_paper(path)
    _check_entries(paper, places)
    ledger = Ledger()
    tables = _tables(paper, places, ledger)
    read_lines(paper, places, ledger)
    read_facts(paper, places, ledger)
    read_curves(places.folder, paper, ledger)
    _ask_of_names(paper, places, tables, ledger)
    open_numbers: tuple[Remark, ...] = ()
    if paper.text:
        text = file_of(places, paper.text, MOST_BYTES).decode("utf-8", "replace")
        open_numbers = unclaimed(text, paper.text, paper, places, tables, ledger)
    _ask_of_doubles(ledger)
    waiting = {id(one) for one in ledger.numbers if any(asked.withholds(one) for asked in ledger.questions)}
    return Reading(
        folder=str(places.folder),
        paper=paper,
        tables=tables,
        numbers=tuple(one for one in ledger.numbers if id(one) not in waiting),
        withheld=tuple(one for one in ledger.numbers if id(one) in waiting),
        variables=dict(ledger.variables),
        sizes=dict(ledger.sizes),
        questions=tuple(ledger.questions),
        assumed=tuple(ledger.assumed),
        unread=tuple(ledger.unread),
        unclaimed=open_numbers,
    )


def _check_entries(paper: PaperFile, places: Places) -> None:
    """DocumentError that lists all that is wrong with what paper.yaml says of its tables."""
    problems = [
        Problem(
            *Place(str(places.folder / places.file), max(places.line("tables", file, key), 1), 1),
            f"tables.{file}.{key}",
            fault,
            "",
        )
        for file, entry in paper.tables.items()
        for key, fault in entry_faults(entry, paper)
    ]
    if problems:
        raise DocumentError(problems)


def _tables(paper: PaperFile, places: Places, ledger: Ledger) -> tuple[PastedTable, ...]:
    """The tables in the order of paper.yaml, those of the baseline read before the others."""
    made: dict[str, PastedTable] = {}
    order = sorted(paper.tables, key=lambda file: not _kind(paper, file).startswith(FIRST))
    for file in order:
        grid = read_table(file_of(places, file, MOST_BYTES), file, paper)
        try:
            table = made[file] = understand(grid, file, paper.tables[file], paper, ledger)
        except ValueError as fault:
            place = Place(str(places.folder / places.file), max(places.line("tables", file), 1), 1)
            raise DocumentError([Problem(*place, f"tables.{file}", str(fault), "")]) from None
        read_rows(table, paper, ledger)
        check_table(table, paper, ledger)
    return tuple(made[file] for file in paper.tables)


def _kind(paper: PaperFile, file: str) -> str:
    kind = paper.tables[file].get("kind", "")
    return kind.strip().casefold() if isinstance(kind, str) else ""


def _ask_of_names(paper: PaperFile, places: Places, tables: tuple[PastedTable, ...], ledger: Ledger) -> None:
    """Ask about short names of labels that no row and no line has: a label was pasted otherwise than it was named."""
    subjects = [line.partition(":")[0] for _, line in places.results]
    words = [text.rpartition("HR in ")[2] for text in subjects]
    for name in unused_names(tables, paper, (*subjects, *words)):
        line = places.line("names", name)
        what = f"names: no row and no line is called '{name}'; was its label pasted otherwise?"
        ledger.ask(
            Spot(places.file, line), what, f"the label as it stands in its table: {paper.names[name]}", lines=(line,)
        )


def _ask_of_doubles(ledger: Ledger) -> None:
    """Ask about columns of a table that print two numbers for one key in one row."""
    seen: dict[tuple[str, int, str], ReadNumber] = {}
    told: set[tuple[str, str, str]] = set()
    for one in ledger.numbers:
        place = one.spot
        first = seen.setdefault((place.file, place.line, one.key), one)
        columns = (place.file, first.spot.column, place.column)
        if not place.column or first.printed == one.printed or columns in told:
            continue
        if any(asked.columns and asked.withholds(one) for asked in ledger.questions):
            continue  # its column is asked about already
        told.add(columns)
        what = f"columns {columns[1]} and {columns[2]} have one key, {one.key}: {first.printed} and {one.printed}"
        settle = f"{columns[2]}: after   (before, or skip)"
        ledger.ask(Spot(place.file, place.line), what, settle, columns=(columns[1], columns[2]))
