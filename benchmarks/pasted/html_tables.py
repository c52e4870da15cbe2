"""The rows of a table pasted as HTML: merged cells apart, footnotes and scripts gone."""

import re
from html.parser import HTMLParser

from benchmarks.pasted.cells import raised

_SILENT = frozenset({"script", "style", "template", "noscript", "svg", "math"})
_MAX_SPAN = 60
HtmlRow = tuple[int, list[str], frozenset[int]]
MOST_BESIDE = 6  # texts above and below a table of a whole page that are its own
_INDENTED = re.compile(
    r"(?:padding-left|text-indent|margin-left)\s*:\s*(\d+(?:\.\d+)?)\s*(px|pt|em|rem|%)?", re.IGNORECASE
)


class _Rows(HTMLParser):
    """Collects the rows of the outermost tables, a text for each of their columns."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[tuple[int, list[str]]] = []
        self.of_table: list[int] = []  # for each row, the table that it is of, from 1
        self._tables = 0
        self.joined: set[tuple[int, int]] = set()
        self.loose: list[tuple[int, int, str]] = []  # how many rows stand above, its line, the text
        self._held: dict[tuple[int, int], bool] = {}
        self._cell: list[str] | None = None
        self._span = (1, 1)
        self._silent = self._nested = 0
        self._raised: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A row or cell begins, or what is in a cell."""
        if tag in _SILENT:
            self._silent += 1
        elif tag == "table":
            self._nested += self._cell is not None
            self._tables += self._cell is None
        elif self._nested:
            self._append(" ")
        elif tag == "tr":
            self._end_cell()
            self._begin_row()
        elif tag in ("td", "th"):
            self._end_cell()
            if not self.rows:
                self._begin_row()
            found = {name: value or "" for name, value in attrs}
            self._span = (_whole(found.get("colspan")), _whole(found.get("rowspan")))
            self._cell = [_padding(found)]
        elif tag in ("br", "p", "div", "li"):
            self._append(" ")
        elif tag == "sup":
            self._raised = []
        elif tag in ("b", "strong", "i", "em", "span") and self._cell is not None and not "".join(self._cell).strip():
            self._append(_padding({name: value or "" for name, value in attrs}))

    def _begin_row(self) -> None:
        self.rows.append((self.getpos()[0], []))
        self.of_table.append(self._tables)

    def handle_endtag(self, tag: str) -> None:
        """A cell ends, or what is in it."""
        if tag in _SILENT:
            self._silent = max(self._silent - 1, 0)
        elif tag == "table":
            if self._nested:
                self._nested -= 1
            else:
                self._end_cell()
        elif self._nested:
            return
        elif tag in ("td", "th", "tr"):
            self._end_cell()
        elif tag == "sup" and self._raised is not None:
            mark, self._raised = raised("".join(self._raised)), None
            self._append(mark)

    def handle_data(self, data: str) -> None:
        """Text, in a cell or beside the table."""
        if self._silent:
            return
        if self._raised is not None:
            self._raised.append(data)
        elif self._cell is not None:
            self._append(re.sub(r"[\n\r\t ]+", " ", data))
        elif data.strip():
            self.loose.append((len(self.rows), self.getpos()[0], " ".join(data.split())))

    def _append(self, text: str) -> None:
        if self._cell is not None:
            self._cell.append(text)

    def _end_cell(self) -> None:
        """The cell goes to the first free column of its row; what it covers is marked."""
        if self._cell is None:
            return
        text, (across, down) = "".join(self._cell), self._span
        self._cell, self._raised = None, None
        at, row = len(self.rows) - 1, self.rows[-1][1]
        self._skip_held(at)
        start = len(row)
        label = start == 0
        lead = re.match(r"[\u00a0\u2000-\u200a\u3000]*", text.lstrip(" \n"))
        text = ((lead[0] if lead else "") if label else "") + " ".join(text.replace("\u00a0", " ").split())
        for k in range(across):
            row.append(text if k == 0 else "")
            for below in range(down):
                if k or below:
                    self._held[at + below, start + k] = k > 0
                if k:
                    self.joined.add((at + below, start + k))

    def _skip_held(self, at: int) -> None:
        row = self.rows[at][1]
        while (at, len(row)) in self._held:
            row.append("")

    def finish(self) -> None:
        """The last cell, and what merged cells cover at the ends of rows."""
        self._end_cell()
        for at in range(len(self.rows)):
            self._skip_held(at)


def _whole(text: str | None) -> int:
    """A span as a number from 1."""
    found = re.match(r"\s*(\d{1,4})", text or "", re.ASCII)
    return min(max(int(found[1]), 1), _MAX_SPAN) if found else 1


def _padding(attrs: dict[str, str]) -> str:
    """Blanks for the padding that a cell's style or class gives it."""
    found = _INDENTED.search(attrs.get("style", ""))
    if found is not None:
        size = float(found[1]) * (8 if (found[2] or "px") in ("em", "rem") else 1)
        return "\u00a0" * min(int(size // 4), 40)
    named = re.search(r"indent-?(\d)?", attrs.get("class", ""), re.IGNORECASE)
    return "\u00a0" * (2 * int(named[1] or 1)) if named else ""


def html_rows(text: str, number: int = 0) -> tuple[list[HtmlRow], list[tuple[int, str]]]:
    """The rows with their lines and the columns that a cell to the left covers, and the texts beside the table.

    Of several tables ``number`` names one, from 1; ValueError where one must be named. Titles have the line 0.
    """
    parser = _Rows()
    parser.feed(text)
    parser.close()
    parser.finish()
    rows = [
        (line, cells, frozenset(column for row, column in parser.joined if row == at))
        for at, (line, cells) in enumerate(parser.rows)
    ]
    blocks = _blocks(parser)
    if number > len(blocks) or (len(blocks) > 1 and not number):
        named = "; ".join(f"#{k} '{' '.join(rows[block[0]][1])[:40].strip()}'" for k, block in enumerate(blocks, 1))
        raise ValueError(f"{len(blocks)} tables: {named}" if blocks else "no table")
    kept = blocks[max(number, 1) - 1] if len(blocks) > 1 or (blocks and _is_page(text)) else range(len(rows))
    above, below = (MOST_BESIDE, MOST_BESIDE) if len(kept) < len(rows) or _is_page(text) else (len(text), len(text))
    before = [one for at, _, one in parser.loose if at <= kept.start][-above:]
    behind = [(line, one) for at, line, one in parser.loose if at > kept.start][:below]
    return [rows[at] for at in kept if rows[at][1]], [*((0, one) for one in before), *behind]


def _is_page(text: str) -> bool:
    return re.search(r"<(?:html|body|article|main)\b", text, re.IGNORECASE) is not None


def _blocks(parser: _Rows) -> list[range]:
    """The rows of each table with numbers, together with a table of heads alone right above it."""
    tables: list[range] = []
    for at, of in enumerate(parser.of_table):
        if tables and parser.of_table[tables[-1].start] == of:
            tables[-1] = range(tables[-1].start, at + 1)
        else:
            tables.append(range(at, at + 1))
    blocks: list[range] = []
    for k, table in enumerate(tables):
        cells = [cell for at in table for cell in parser.rows[at][1]]
        if len(table) < 2 or sum(bool(re.match(r"[<>≤≥]?\s?[-−]?\d", cell)) for cell in cells) < 2:
            continue
        above = tables[k - 1] if k else range(0)
        heads = len(above) in (1, 2, 3) and _width(parser, above) == _width(parser, table)
        heads = heads and not any(re.match(r"\d", cell) for at in above for cell in parser.rows[at][1])
        blocks.append(range(above.start if heads else table.start, table.stop))
    return blocks


def _width(parser: _Rows, rows: range) -> int:
    return max(len(parser.rows[at][1]) for at in rows)
