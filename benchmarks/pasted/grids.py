"""A pasted table as rows of texts: tab, comma, semicolon, Markdown, HTML or columns aligned by blanks.

Each row keeps its line in the file and how deep its label stands. Nothing is shifted: a row that has other cells than
its table is marked, and left to the reader of the heads.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from benchmarks.pasted.cells import plain_text
from benchmarks.pasted.html_tables import html_rows
from benchmarks.pasted.markdown_tables import markdown_rows
from simulator.documents.problems import DocumentError, Problem

MOST_HEADS = 4
MAX_BYTES, MAX_ROWS, MAX_COLUMNS = 1_000_000, 2_000, 60
_NOTE = re.compile(
    r"(?:suppl\w*\s+)?table\s+\w+[.:]|notes?\b[.:]|abbreviations?\b|values are|data are|source:|[*†‡§¶]|[a-f]\s+[A-Z]",
    re.IGNORECASE,
)
_CONTINUED = re.compile(
    r"(?:suppl\w*\s+)?(?:table\s+\w+[.:,]?\s*)?[(\[]?(?:continued|cont[.'’]?d?\.?)(?: on next page)?[)\]]?", re.I
)
_INDENT = " \u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000"
_WIDE_BLANKS = "\u2003\u2001\u3000"
_RULE = re.compile(r"\|?(?: *:?-{3,}:? *\|)+(?: *:?-{3,}:? *)?")
_GAP = re.compile(r"(?<=\S)[ \u00a0]{2,}(?=\S)")


@dataclass(frozen=True)
class GridRow:
    """A row: its line (from 1; of HTML with several rows on a line, which row it is), its label's depth, its texts.

    ``spans``: where each text starts and ends in aligned text. ``whole``: it has a text for each column of its table,
    maybe an empty one. ``joined``: the columns that a merged cell to the left covers, None where that is unknown.
    """

    line: int
    indent: int
    cells: tuple[str, ...]
    spans: tuple[tuple[int, int], ...] = ()
    whole: bool = True
    joined: frozenset[int] | None = None


@dataclass(frozen=True)
class Grid:
    """A table as rows; ``width``: the cells of a whole row.

    ``notes``: the lines above, below and within it that are no rows, with their lines. ``form``: tab, comma, semicolon,
    markdown, html or aligned. ``placed``: the lines of which the places of the texts tell the columns.
    ``bare``: the lines of one text without a mark between columns.
    """

    form: str
    width: int
    rows: tuple[GridRow, ...]
    notes: tuple[tuple[int, str], ...] = ()
    placed: tuple[int, ...] = ()
    bare: frozenset[int] = frozenset()


def read_grid(data: bytes, file: str) -> Grid:
    """The rows of a pasted table; DocumentError where it is none, in one line."""
    text = decoded(data, file)
    lines = text.split("\n")
    form = _form_of(text, lines, file)
    loose: list[tuple[int, str]] = []
    if form == "html":
        named = re.search(r"#(\d{1,2})$", file)
        try:
            raw, loose = html_rows(text, int(named[1]) if named else 0)
        except ValueError as fault:
            raise _fault(file, f"it holds {fault}", f"name one in tables, as in {file.partition('#')[0]}#1") from None
        rows = [replace(_row(line, cells), joined=joined) for line, cells, joined in raw]
        if len({row.line for row in rows}) < len(rows):
            rows = [replace(row, line=at) for at, row in enumerate(rows, start=1)]
    elif form in ("comma", "semicolon"):
        rows = _separated(text, "," if form == "comma" else ";", file)
    elif form == "markdown":
        rows = [_row(line, cells) for line, cells in markdown_rows(lines)]
    else:
        rows = [one for at, line in enumerate(lines, start=1) if (one := _line_of(form, at, line)) is not None]
    rows = [row for row in rows if any(cell.strip() for cell in row.cells)]
    rows, notes = _without_notes(rows, form)
    if not rows:
        raise _fault(file, "it has no rows", "paste the table with its heads")
    if len(rows) > MAX_ROWS:
        raise _fault(file, f"{len(rows):,} rows", f"at most {MAX_ROWS:,}", rows[MAX_ROWS].line)
    width = _width(rows, form)
    if width > MAX_COLUMNS:
        raise _fault(file, f"{width:,} columns", f"at most {MAX_COLUMNS}")
    if width < 2:
        raise _fault(
            file, "one column only", "paste it with tabs, commas, '|' or at least two blanks between its columns"
        )
    before, bare = rows, frozenset(row.line for row in rows if len(row.cells) == 1)
    if form == "aligned":
        rows = _placed(rows, width)
    placed = tuple(new.line for old, new in zip(before, rows, strict=True) if old.cells != new.cells)
    fitted = [_fitted(row, width) for row in rows]
    return Grid(form, width, tuple(fitted), tuple(sorted([*loose, *notes])), placed, bare)


def decoded(data: bytes, file: str) -> str:
    """The text of a file in UTF-8 (or UTF-16 with its mark), lines ended by a newline; DocumentError if it is not."""
    if len(data) > MAX_BYTES:
        raise _fault(file, f"{len(data):,} bytes", f"at most {MAX_BYTES:,}")
    coding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(coding)
    except UnicodeDecodeError as fault:
        line = data[: fault.start].count(b"\n") + 1
        raise _fault(file, "it is not in UTF-8", "save it as UTF-8 text", line) from None
    if "\x00" in text:
        raise _fault(file, "it is no text (it has a zero byte)", "paste the table as text")
    return re.sub(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]", "\n", text)


def _fault(file: str, what: str, right: str, line: int = 1) -> DocumentError:
    return DocumentError([Problem(file, line, 1, "", what, right)])


def _form_of(text: str, lines: list[str], file: str) -> str:
    """How the columns of a text are parted; two blanks in a cell of what is called .csv part nothing."""
    filled = [line for line in lines if line.strip()]
    if re.search(r"<(?:table|tr|td)\b", text, re.IGNORECASE):
        return "html"
    tabs = sum("\t" in line for line in filled)
    if tabs and 2 * tabs >= len(filled):
        return "tab"
    if any(_RULE.fullmatch(line.strip()) for line in filled):
        return "markdown"
    if filled and 2 * sum(line.count("|") > 1 or line.strip().startswith("|") for line in filled) >= len(filled):
        return "markdown"
    for form, mark in (("semicolon", ";"), ("comma", ",")):
        counts = Counter(len(row) for row in csv.reader(filled, delimiter=mark, skipinitialspace=True) if row)
        width, often = max(counts.items(), key=lambda one: (one[1], one[0]), default=(0, 0))
        quoted_or_tight = sum(bool(_GAP.search(line.strip())) for line in filled) * 2 < len(filled)
        named = width > 2 and file.casefold().endswith(".csv")
        if width > 1 and 10 * often >= 6 * len(filled) and (quoted_or_tight or named):
            return form
    return "tab" if tabs else "aligned"


def _row(line: int, cells: list[str], spans: tuple[tuple[int, int], ...] = ()) -> GridRow:
    return GridRow(line, indent_of(cells[0]) if cells else 0, tuple(cell.strip() for cell in cells), spans)


def indent_of(label: str) -> int:
    """How many blanks stand before a label, a wide one as two; 0 where the label is empty."""
    found = label.replace("&nbsp;", "\u00a0").replace("&emsp;", "\u2003").replace("&ensp;", "\u2002")
    found = re.sub(r"&#(?:160|xa0);", "\u00a0", found, flags=re.IGNORECASE)
    blanks = found[: len(found) - len(found.lstrip(_INDENT))]
    return sum(2 if one in _WIDE_BLANKS else 1 for one in blanks) if found.strip() else 0


def _line_of(form: str, at: int, line: str) -> GridRow | None:
    """A line as a row; None for an empty one."""
    if not line.strip():
        return None
    if form == "tab":
        return _row(at, line.split("\t"))
    wide = line.expandtabs(4).rstrip()
    start = len(wide) - len(wide.lstrip(_INDENT))
    ends = [(gap.start(), gap.end()) for gap in _GAP.finditer(wide)]
    edges = [start, *(edge for pair in ends for edge in pair), len(wide)]
    spans = tuple(zip(edges[::2], edges[1::2], strict=True))
    return GridRow(at, start, tuple(wide[low:high] for low, high in spans), spans)


def _separated(text: str, mark: str, file: str) -> list[GridRow]:
    """The rows of a text with commas or semicolons; a quoted cell may hold them, and line ends."""
    rows, line = [], 1
    reader = csv.reader(io.StringIO(text), delimiter=mark)
    try:
        for cells in reader:
            rows.append(_row(line, cells))
            line = reader.line_num + 1
    except csv.Error as fault:
        raise _fault(file, f"its {mark} cannot be read ({fault})", "paste it with tabs", line) from None
    return rows


def _without_notes(rows: list[GridRow], form: str) -> tuple[list[GridRow], list[tuple[int, str]]]:
    """The rows, and the lines of one text that are titles, notes or sentences."""
    many = [at for at, row in enumerate(rows) if sum(bool(cell) for cell in row.cells) > 1]
    if not many:
        return rows, []
    kept, notes = [], []
    for at, row in enumerate(rows):
        text = plain_text(next((cell for cell in row.cells if cell), ""))
        alone = sum(bool(cell) for cell in row.cells) == 1
        parted = len(row.cells) > 1 and form not in ("aligned", "html")
        outside = at < many[0] or at > many[-1]
        said = is_note(text, outside)
        if alone and row.cells[0] and (said or (outside and (not parted or len(text) > 60))):
            notes.append((row.line, text))
        else:
            kept.append(row)
    return kept, notes


def is_note(text: str, outside: bool = False) -> bool:
    """Whether a line of one text is a title, a note or a sentence; shorter ones are, outside of the rows."""
    found = len(text) > 100 or _CONTINUED.fullmatch(text.strip()) is not None
    return found or (_NOTE.match(text) is not None and (outside or len(text) > 40))


def _width(rows: list[GridRow], form: str) -> int:
    """The cells of most rows that have more than a label; of aligned text, of the longest that is not alone."""
    counts = Counter(len(row.cells) for row in rows if len(row.cells) > 1)
    if not counts:
        return 1
    if form == "aligned":
        often = max([width for width, times in counts.items() if times > 1] or counts)
        head = max(rows, key=lambda row: len(row.cells))
        named = len(head.cells) == often + 1 and rows.index(head) < MOST_HEADS
        return len(head.cells) if len(head.cells) > often and (named or _stand_under(head, rows)) else often
    last = max((at for row in rows for at, cell in enumerate(row.cells) if cell), default=0) + 1
    most = max(counts.items(), key=lambda one: (one[1], one[0]))[0]
    return min(most, last)


def _stand_under(head: GridRow, rows: list[GridRow]) -> bool:
    """Whether a head of more texts than any other row has each of their texts under one of its own."""
    below = [row for row in rows if row is not head and row.line > head.line]
    single = sum(len(row.cells) == len(head.cells) for row in rows) == 1
    return (
        single
        and rows.index(head) < MOST_HEADS
        and bool(below)
        and all(_columns_under(head.spans, row) for row in below)
    )


def _columns_under(places: Sequence[tuple[int, int]], row: GridRow) -> list[int]:
    """The column of each text of a row, by the columns' places; none where a text stands under none or several."""
    under = [[c for c, (low, high) in enumerate(places) if start < high and low < end] for start, end in row.spans]
    columns = [one[0] for one in under if len(one) == 1]
    return columns if len(columns) == len(row.cells) and len(set(columns)) == len(columns) else []


def _fitted(row: GridRow, width: int) -> GridRow:
    """A row with a text for each column, where that shifts nothing; others are not whole."""
    cells = row.cells
    while len(cells) > width and not cells[-1]:
        cells = cells[:-1]
    if len(cells) == 1 or not any(cells[1:]):
        cells = (cells[0], *[""] * (width - 1))
    return replace(row, cells=cells, whole=len(cells) == width)


def _placed(rows: list[GridRow], width: int) -> list[GridRow]:
    """Aligned rows of which each text stands under exactly one column of the whole rows, with blanks for the others."""
    full = [row for row in rows if len(row.cells) == width and row.spans]
    if not full:
        return rows
    places = [(min(row.spans[c][0] for row in full), max(row.spans[c][1] for row in full)) for c in range(width)]
    apart = all(one[1] < two[0] for one, two in pairwise(places))
    if not apart or (len(full) < 2 and not _stand_under(full[0], rows)):
        return rows
    made = []
    for row in rows:
        if len(row.cells) == width or not row.spans:
            made.append(row)
            continue
        if columns := _columns_under(places, row):
            cells = [""] * width
            for c, cell in zip(columns, row.cells, strict=True):
                cells[c] = cell
            made.append(replace(row, cells=tuple(cells), indent=row.indent if cells[0] else 0))
        else:
            made.append(row)
    return made
