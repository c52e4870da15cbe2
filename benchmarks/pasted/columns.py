"""What the columns of a pasted table hold: from its heads, from what paper.yaml settles and from sizes seen before."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.pasted.cells import plain_cell, plain_label
from benchmarks.pasted.grids import Grid
from benchmarks.pasted.head_statistics import is_lone
from benchmarks.pasted.heads import KINDS, endpoint_of, head_words, model_of, phase_of
from benchmarks.pasted.label_columns import rows_of
from benchmarks.pasted.left_out import without_others
from benchmarks.pasted.paired_columns import with_pairs
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import Ledger, PastedColumn, PastedRow, PastedTable, Phase, Spot
from benchmarks.pasted.row_sums import ask_lone_line
from benchmarks.pasted.settling import RESERVED, letter, letters_of, line_of, settling_words, with_lines
from benchmarks.pasted.shape import Shaped, TableEntry, filled_heads, is_sizes, patterns_of, shaped
from benchmarks.pasted.sizes import ask_same_heads, note_sizes, phases_by_size, with_sides_of_all

MODELLED, OF_ENDPOINTS = ("cox",), ("cox", "subgroups", "events")


def understand(grid: Grid, file: str, entry: TableEntry, paper: PaperFile, ledger: Ledger) -> PastedTable:
    """A table with its columns understood; what is not is asked. ValueError where the entry of paper.yaml is wrong.

    Sizes of the arms that its heads print go to the ledger, those of a baseline table with their keys.
    """
    kind, said = kind_of(entry)
    entry = with_lines(entry)
    form = shaped(grid, file, entry, ledger)
    ask_lone_line(grid, file, entry, ledger)
    where = entry.get("where") or cited(file)
    assert isinstance(where, str)
    body, sizes = list(form.body), None
    if body and is_sizes(body[0], form.decimal_comma):
        sizes = body.pop(0)
    parts = filled_heads(form.heads, grid.width)
    columns = [_column(c, parts[c], kind, paper) for c in range(1, grid.width)]
    if sizes is not None:
        columns = [_sized(column, sizes.cells[c], form) for c, column in enumerate(columns, start=1)]
    columns, settled = _settled(columns, entry, grid, paper)
    gone = {line for key, text in settled.items() if text == "skip" and (line := line_of(key)) is not None}
    body = [row for row in body if row.line not in gone]
    notes = tuple(text for _, text in grid.notes)
    columns, rows = rows_of(columns, replace(form, body=tuple(body)), kind)
    columns = [_of_shares(column, rows, k) for k, column in enumerate(columns)]
    columns = with_pairs(columns, rows, Spot(file, form.heads[-1].line if form.heads else 1), ledger)
    title = " ".join(text for at, text in grid.notes if at < grid.rows[0].line)
    columns = [_with_kind(column, said, kind, paper, title) for column in columns]
    line = form.heads[-1].line if form.heads else 1
    spot = Spot(file, line)
    columns = without_others(columns, entry, spot, ledger)
    if not form.heads:
        ledger.ask(spot, "it has no heads above its numbers", "B: skip", columns=[c.letter for c in columns])
    columns = phases_by_size(columns, paper, spot, ledger)
    columns = _with_neighbours(with_sides_of_all(columns))
    _ask_unknown(columns, kind, paper, spot, ledger)
    ask_same_heads(columns, spot, ledger)
    columns = note_sizes(columns, kind, where, entry, paper, spot, ledger)
    phase: Phase = said[0] or _common([column.phase for column in columns if not column.skip])
    return PastedTable(file, kind, phase, where, tuple(columns), rows, settled, notes)


def cited(file: str) -> str:
    """How the numbers of a file are cited: "table1.tsv" is "Table 1"."""
    stem = re.sub(r"\.\w+(#\d+)?$", r"\1", file.rsplit("/", 1)[-1])
    if "#" in stem:
        return f"Table {stem.rpartition('#')[2]}"
    return " ".join(re.sub(r"(\d+)", r" \1", re.sub(r"[_-]+", " ", stem)).split()).title()


def kind_of(entry: TableEntry) -> tuple[str, tuple[Phase, str]]:
    """The kind of a table, and the side and the other words (endpoint, model) after it; ValueError for another kind."""
    text = " ".join(str(entry.get("kind", "")).split())
    kind = next((one for one in KINDS if text == one or text.startswith(one + " ")), None)
    if kind is None:
        raise ValueError(f"'{text}' is no kind of table; write {', '.join(KINDS)}, and before or after behind it")
    rest = text.removeprefix(kind).strip()
    found = re.search(r"\b(before|after|weighted|unmatched|matched)\b", rest)
    phase: Phase = "" if found is None else "before" if found[1] in ("before", "unmatched") else "after"
    return kind, (phase, rest if found is None else f"{rest[: found.start()]} {rest[found.end() :]}".strip())


_OF_ALL = {
    "pairs": (r"mean\b|(?:n|no\.?)\s*\(\s*%\s*\)$", "mean (SD) or n (%)"),
    "triples": (r"(?:mean|median)\b.*(?:iqr|quartile|range|ci)", "median (IQR) or median (range)"),
    "numbers": (r"(?:percent|%)$", "percent"),
}
"""What paper.yaml may say of all cells of a form that no word tells."""


def entry_faults(entry: TableEntry, paper: PaperFile, width: int = 60) -> Iterator[tuple[str, str]]:
    """What is wrong with the entry of a table in paper.yaml: the key, and the fault in one line."""
    for key, work in (("kind", lambda: kind_words(entry, paper)), ("rows", lambda: _patterns(entry))):
        try:
            work()
        except ValueError as fault:
            yield key, str(fault)
    if entry.get("decimal", "point") not in ("point", "comma"):
        yield "decimal", f"'{entry['decimal']}' is no mark of decimals; write comma or point"
    if entry.get("n", "own") != "own":
        yield "n", f"'{entry['n']}' is no population; write own where the table has one of its own"
    for key, (pattern, right) in _OF_ALL.items():
        if key in entry and not re.match(pattern, str(entry[key]).strip(), re.IGNORECASE):
            yield key, f"'{entry[key]}' is nothing that {key} can be; write {right}"
    for key, text in entry.items():
        if key not in RESERVED and letters_of(key, width) is not None:
            try:
                settling_words(str(text), paper)
            except ValueError as fault:
                yield key, str(fault)


def kind_words(entry: TableEntry, paper: PaperFile) -> tuple[str, Phase, dict[str, object]]:
    """The kind of a table, its side, and what else its line says of all columns; ValueError names an unknown word."""
    kind, (phase, rest) = kind_of(entry)
    return kind, phase, settling_words(rest, paper) if rest else {}


def _patterns(entry: TableEntry) -> None:
    said = entry.get("rows", {})
    widths = {found[1] for key in said if (found := re.search(r"of (\d+)", key))} if isinstance(said, dict) else set()
    patterns_of(entry, int(next(iter(widths))) if len(widths) == 1 else 60)


def _column(c: int, parts: Sequence[str], kind: str, paper: PaperFile) -> PastedColumn:
    """A column as its heads have it."""
    words = head_words(parts, kind, paper)
    return PastedColumn(
        letter(c), " / ".join(parts), words.arm or "", words.phase or "", words.statistic or "",
        words.endpoint or "", words.model or "", words.grade or "", _rounded(words.n), False, words.n,
    )  # fmt: skip


def _rounded(n: str) -> int | None:
    return int(float(n) + 0.5) if n else None


def _sized(column: PastedColumn, text: str, form: Shaped) -> PastedColumn:
    """A column with the size that a row of sizes gives it."""
    cell = plain_cell(text, form.decimal_comma, form.sure)
    if cell.kind != "num" or column.n is not None:
        return column
    return replace(column, n=_rounded(cell.values[0]), n_printed=cell.values[0])


def _of_shares(column: PastedColumn, rows: Sequence[PastedRow], at: int) -> PastedColumn:
    """A column of which the head says "(%)" and the cells are counts with their percentages, as one of both."""
    shares = [row.cells[at].kind in ("share", "pair") for row in rows if row.cells[at].values]
    both = column.statistic == "percent" and 2 * sum(shares) > len(shares)
    return replace(column, statistic="") if both else column


def _settled(
    columns: list[PastedColumn], entry: TableEntry, grid: Grid, paper: PaperFile
) -> tuple[list[PastedColumn], dict[str, str]]:
    """The columns as paper.yaml settles them, and what it says of rows."""
    rows: dict[str, str] = {}
    width, labels = grid.width, {row.line: plain_label(row.cells[0]) for row in grid.rows}
    for key, text in entry.items():
        if key in RESERVED:
            continue
        where, line = letters_of(key, width), line_of(key)
        if line is not None:
            if line not in labels:
                raise ValueError(f"'{key}' is no row of the table")
            rows[key if text in ("skip", "as printed") else labels[line]] = str(text)
            continue
        if where is None:
            if re.fullmatch(r"[B-Z](?:-[B-Z])", key):
                raise ValueError(f"'{key}' is beyond the table's columns, A to {letter(width - 1)}")
            rows[plain_label(key)] = str(text)
            continue
        fields = settling_words(str(text), paper)
        if "n_printed" in fields:
            fields["n"] = _rounded(str(fields["n_printed"]))
        for c in where:
            columns[c - 1] = replace(columns[c - 1], **fields)  # type: ignore[arg-type]
    return columns, rows


def _with_kind(column: PastedColumn, said: tuple[Phase, str], kind: str, paper: PaperFile, title: str) -> PastedColumn:
    """A column with what the table's line and title, or the design, say of all of them."""
    phase, rest = said
    fields = settling_words(rest, paper) if rest else {}
    design: Phase = "before" if paper.design in ("randomised", "adjusted", "crude") else ""
    side: Phase = column.phase or phase or design or phase_of(title)
    made = replace(column, phase=side)
    if kind in OF_ENDPOINTS:
        only = next(iter(paper.endpoints)) if len(paper.endpoints) == 1 else ""
        made = replace(
            made, endpoint=made.endpoint or str(fields.get("endpoint", "")) or endpoint_of(title, paper) or only
        )
    if kind in MODELLED:
        made = replace(made, model=made.model or str(fields.get("model", "")) or model_of(title))
    return replace(made, grade=made.grade or str(fields.get("grade", "")))


def _with_neighbours(columns: list[PastedColumn]) -> list[PastedColumn]:
    """The columns of p and other statistics with the side of the arm nearest to the left, or else to the right."""
    made = []
    for k, column in enumerate(columns):
        if not column.phase and not column.arm:
            near = [*reversed(columns[:k]), *columns[k + 1 :]]
            column = replace(column, phase=next((one.phase for one in near if one.phase), ""))
        made.append(column)
    return made


def _ask_unknown(columns: list[PastedColumn], kind: str, paper: PaperFile, spot: Spot, ledger: Ledger) -> None:
    """Questions about columns of which the heads do not say enough."""
    for column in columns:
        if column.skip:
            continue
        here = Spot(spot.file, spot.line, column.letter)
        words = head_words(column.head.split(" / "), kind, paper)
        lone = is_lone(column.statistic)
        if words.both and not lone and not column.arm:
            what = f"column {column.letter} '{column.head}' names both arms"
        elif not column.arm and not column.statistic:
            what = f"column {column.letter} '{column.head}' is not understood"
        elif column.statistic == "smd" and "%" in column.head:
            what = f"column {column.letter} '{column.head}' is in percent, a standardised difference is not"
        elif not column.arm and column.statistic in ("n", "percent", "mean", "sd", "median") and kind != "subgroups":
            what = f"column {column.letter} '{column.head}' names no arm"
        else:
            continue
        readings = (f"{column.letter}: {paper.arms.control}", f"{column.letter}: skip")
        if column.statistic == "sd":  # a standardised difference is called so, too
            readings = (f"{column.letter}: smd", f"{column.letter}: skip")
        settle = readings[0] if column.statistic == "sd" else readings[1]
        ledger.ask(here, what, settle, readings, columns=[column.letter])
    _ask_models(columns, kind, paper, spot, ledger)


def _ask_models(columns: list[PastedColumn], kind: str, paper: PaperFile, spot: Spot, ledger: Ledger) -> None:
    """Questions about the columns of ratios that name no endpoint or no model."""

    def ask(letters: list[str], what: str, answers: Sequence[str]) -> None:
        readings = [f"{spanned(letters)}: {one}" for one in answers]
        ledger.ask(spot, f"columns {', '.join(letters)} {what}", readings[0], readings, columns=letters)

    live = [column for column in columns if not column.skip]
    names = list(paper.endpoints)
    if kind in OF_ENDPOINTS and kind != "events" and any(not column.endpoint for column in live):
        letters = [column.letter for column in live if not column.endpoint]
        ask(letters, f"name none of the endpoints {', '.join(names)}", names)
    if kind in MODELLED and any(not column.model for column in live):
        letters = [column.letter for column in live if not column.model]
        ask(letters, "say neither univariable nor multivariable", ("univariable", "multivariable"))


def spanned(letters: Sequence[str]) -> str:
    """ "E-G" for E, F and G."""
    return letters[0] if len(letters) == 1 else f"{letters[0]}-{letters[-1]}"


def _common(phases: Sequence[Phase]) -> Phase:
    found = set(phases)
    return found.pop() if len(found) == 1 else ""
