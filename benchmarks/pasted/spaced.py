"""A table as text whose columns stand one blank apart, as it is copied out of a PDF or off a page.

What parts the columns is the grammar of the cells: a line is a label and the cells at its end. Where a line has fewer
cells than its table, it has a place if by their kinds there is one alone; else it is asked about.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.pasted.cells import plain_text
from benchmarks.pasted.collapsed import is_collapsed, with_blanks
from benchmarks.pasted.grids import Grid, GridRow, decoded, indent_of, is_note, read_grid
from benchmarks.pasted.head_statistics import statistic_of
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.placing import PartedLine, Split, families_of, guessed_columns, placed
from benchmarks.pasted.spaced_cells import kind_of, splits
from benchmarks.pasted.spaced_heads import COLUMNS, HeadPiece, Spans, arranged, parted
from benchmarks.pasted.stood_up import rows_below
from simulator.documents.problems import DocumentError

_DANGLES = ("—", "–", "-", ",", " of", " or", " and", " the", " with", " to", "/", " in", " for")
_MOST_LINES, _MOST_ABOVE, FEW = 2_000, 25, 3


def read_table(data: bytes, file: str, paper: PaperFile) -> Grid:
    """The rows of a pasted table of any form; DocumentError where it is none."""
    try:
        grid = read_grid(data, file)
    except DocumentError:
        spaced = _spaced(data, file, paper)
        if spaced is None:
            raise
        return spaced
    if grid.form == "markdown" and is_collapsed(data, grid):
        return with_blanks(grid)
    if grid.form != "aligned" or not _holds_several(grid):
        return grid
    return _spaced(data, file, paper) or grid


def _holds_several(grid: Grid) -> bool:
    """Whether texts that aligned text keeps together hold several cells, in one of five rows."""
    joined = [any(len(way[1]) > 1 for text in row.cells for way in splits(f"x {text}")[:1]) for row in grid.rows]
    return 5 * sum(joined) > len(joined)


def _spaced(data: bytes, file: str, paper: PaperFile) -> Grid | None:
    """The rows of text with single blanks, or of a cell on each line; None where no row has several cells."""
    texts = decoded(data, file).split("\n")[:_MOST_LINES]
    parts = rows_below(texts)
    if parts is not None:
        return _grid(*parts, [], paper)
    filled = [(at, text) for at, text in enumerate(texts, 1) if text.strip()]
    grid = None
    for beside in (True, False):
        lines = [PartedLine(at, text, tuple(splits(text.strip(), beside))) for at, text in filled]
        first = next((k for k, line in enumerate(lines) if line.most > 1 and not _is_head(line)), None)
        if first is None:
            return None
        last = max(k for k, line in enumerate(lines) if line.most > 0)
        last = next((k for k in range(last, first - 1, -1) if lines[k].most > 1 or len(lines[k].text) < 60), first)
        grid = _grid(lines[:first], lines[first : last + 1], lines[last + 1 :], paper)
        if any(grid.rows[0].cells):
            break
    return grid


def _grid(
    above: Sequence[PartedLine], body: Sequence[PartedLine], below: Sequence[PartedLine], paper: PaperFile
) -> Grid:
    """The table of the lines above its rows, of its rows and of what is below."""
    heads = _heads(above, paper, _widths(body))
    width = heads.width if heads is not None else _most_of_several(body)
    used = heads.lines if heads is not None else range(0)
    labels = [line for k, line in enumerate(above) if used and k > max(used)]
    titles = [line for k, line in enumerate(above) if not used or k < min(used)]
    notes = [(line.at, plain_text(line.text)) for line in [*titles, *below]]
    rows, said = _rows([*labels, *body], width, heads.columns if heads is not None else ())
    if heads is None:
        line = titles[max(-6, -len(titles))].at if titles else 1
        top = [GridRow(line, 0, ("", *[""] * width), (), True, frozenset())]
    else:
        top = [GridRow(above[max(used)].at, 0, one.texts, (), True, one.joined) for one in heads.rows]
    return Grid("spaced", width + 1, (*top, *rows), tuple(sorted([*notes, *said])))


def _is_head(line: PartedLine) -> bool:
    """Whether the cells at the end of a line are sizes, or words of heads stand before them."""
    label, cells = line.ways[0]
    return all(kind_of(cell) == "none" for cell in cells) or label.endswith(("=", "(n", "n"))


def _widths(lines: Sequence[PartedLine]) -> list[int]:
    """How many cells rows have, the likeliest first: as many as no more than few rows have more of."""
    counts = [line.most for line in lines if line.most > 1]
    found = [
        count for count in sorted(set(counts), reverse=True) if 3 * sum(one > count for one in counts) <= len(counts)
    ]
    often = [count for count in found if counts.count(count) >= min(FEW, len(counts))]
    return [*often, *(count for count in found if count not in often)] or [2]


def _most_of_several(lines: Sequence[PartedLine]) -> int:
    """The most cells that at least two rows have."""
    counts = [line.most for line in lines]
    return max((count for count in set(counts) if counts.count(count) > 1), default=max(counts))


@dataclass(frozen=True)
class _Heads:
    rows: tuple[Spans, ...]
    columns: tuple[str, ...]
    lines: range
    width: int


def _heads(lines: Sequence[PartedLine], paper: PaperFile, widths: Sequence[int]) -> _Heads | None:
    """The heads among the lines above the body: those that hold nothing but words of heads, for as many columns.

    No line of heads is left above or below them.
    """
    for start in range(max(0, len(lines) - _MOST_ABOVE), len(lines)):
        for end in range(len(lines), start, -1):
            pieces = parted([line.text for line in lines[start:end]], paper)
            if not pieces or any(
                _is_of_heads(line, paper) for line in (*lines[max(start - 1, 0) : start], *lines[end:])
            ):
                continue
            for width in (*widths, *_with_tests_apart(pieces, widths)):
                rows = arranged(pieces, width)
                if rows is not None:
                    return _Heads(tuple(rows), _kinds(rows, pieces, width), range(start, end), width)
    return None


def _is_of_heads(line: PartedLine, paper: PaperFile) -> bool:
    """Whether a line alone would be one of heads: it names an arm with its size, a p, a side."""
    found = parted([line.text], paper)
    return bool(found) and any(one.what in ("arm", "lone", "size", "side") for one in found or ())


def _with_tests_apart(pieces: Sequence[HeadPiece], widths: Sequence[int]) -> list[int]:
    """The columns that heads have where no row has all, as p stand on rows of their own above those of levels."""
    columns = [one for one in pieces if one.what in COLUMNS]
    patients = sum(one.what != "lone" for one in columns)
    return [len(columns)] if patients in widths and len(columns) > max(widths) else []


def _kinds(rows: Sequence[Spans], pieces: Sequence[HeadPiece], width: int) -> tuple[str, ...]:
    """For each column the statistic that it alone holds (p, smd, hr, ...), or "arm"."""
    lone = {one.text for one in pieces if one.what == "lone"}
    found = []
    for c in range(1, width + 1):
        texts = [row.texts[c] for row in rows if row.texts[c]]
        own = next((text for text in texts if any(text == one or text.startswith(one) for one in lone)), "")
        found.append((statistic_of(own) or "test") if own else "arm")
    return tuple(found)


def _rows(
    lines: Sequence[PartedLine], width: int, columns: Sequence[str]
) -> tuple[list[GridRow], list[tuple[int, str]]]:
    """The rows of the body, each with its cells in their columns, or not whole; and sentences among them."""
    columns = columns or guessed_columns(lines, width)
    families = families_of(lines, columns)
    stems = {re.sub(r" \d+$", "", _shown(line, width)[0]) for line in lines if line.most > width}
    rows: list[GridRow] = []
    notes: list[tuple[int, str]] = []
    for line in lines:
        indent = indent_of(line.text)
        if line.most == 0 and is_note(plain_text(line.text)):
            notes.append((line.at, plain_text(line.text)))
        elif line.most == 0:
            rows.append(GridRow(line.at, indent, (line.text.strip(), *[""] * width)))
        elif (found := placed(line, columns, families, stems)) is not None:
            rows.append(GridRow(line.at, indent, found))
        else:
            label, cells = _shown(line, width)
            rows.append(GridRow(line.at, indent, (label, *cells), (), False))
    return _joined(rows), notes


def _shown(line: PartedLine, width: int) -> Split:
    """The way with most cells that has no more than its table."""
    return next((one for one in line.ways if len(one[1]) <= width), line.ways[-1])


def _joined(rows: Sequence[GridRow]) -> list[GridRow]:
    """The rows, a label that ends with a dash, comma or preposition together with the rest of it below."""
    made: list[GridRow] = []
    for row in rows:
        above = made[-1] if made else None
        if above is not None and not any(above.cells[1:]) and above.cells[0].rstrip().endswith(_DANGLES):
            label = f"{above.cells[0].rstrip()} {row.cells[0].strip()}".strip()
            made[-1] = replace(row, cells=(label, *row.cells[1:]), indent=above.indent)
        else:
            made.append(row)
    return made
