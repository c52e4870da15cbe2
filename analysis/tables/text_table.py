"""A table of text, ready to be printed anywhere, and text made safe to be shown."""

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

WIDTH = 100
"""Columns of a terminal."""
LONG = 40
"""Letters of a cell that is more than a name."""
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_OPENED = re.compile("[\u202a\u202b\u202d\u202e\u2066-\u2068]")


def clean(text: str) -> str:
    """The text without what XML forbids; a change of the direction of writing in it ends with it."""
    plain = _CONTROLS.sub("", text)
    ends = ("\u2069" if sign >= "\u2066" else "\u202c" for sign in reversed(_OPENED.findall(plain)))
    return plain + "".join(ends)


@dataclass(frozen=True)
class TextTable:
    """A table ready to print: every row has as many cells as the header; the notes go below it.

    ``spans`` are heads above the heads, each with the number of columns that it covers; the first ``words`` columns
    hold words. A row whose first cell begins with two spaces belongs to the row above that does not.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    spans: tuple[tuple[str, int], ...] = ()
    words: int = 1

    @property
    def flat(self) -> tuple[str, ...]:
        """The header in one line: each head after the one above it."""
        if not self.spans:
            return self.header
        above = [name for name, count in self.spans for _ in range(count)]
        return tuple(f"{name}: {head}" if name else head for name, head in zip(above, self.header, strict=True))

    @property
    def blocks(self) -> list[tuple[str, range]]:
        """Every head above the heads with its columns; the first column has none."""
        ends = list(accumulate(count for _, count in self.spans))
        return [(name, range(end - count, end)) for (name, count), end in zip(self.spans, ends, strict=True)]

    @property
    def prose(self) -> frozenset[int]:
        """The columns of words that hold sentences."""
        return frozenset(k for k in range(self.words) if any(len(row[k]) > LONG for row in self.rows))

    @property
    def narrowest(self) -> tuple[int, ...]:
        """How many letters each column needs at least: those of its longest word, or of its longest number."""
        return tuple(
            max(max(map(len, self.header[k].split(" "))), *(_least(row[k], k < self.words) for row in self.rows), 0)
            for k in range(len(self.header))
        )

    def text(self) -> str:
        """The table for a terminal, title above and notes below; one too wide in parts, one below the other."""
        columns, least = range(len(self.header)), self.narrowest
        parts: list[Sequence[int]] = [columns[1:]]
        if sum(least) + 2 * (len(columns) - 1) > WIDTH and len(columns) >= 6:
            own = [columns for name, columns in self.blocks if name]
            middle = len(columns) // 2
            parts = [*own] or [columns[1:middle], columns[middle:]]
        made = []
        for part in parts:
            shown = (0, *part)
            rows = [[row[k] for k in shown] for row in self.rows]
            left = sum(k < self.words for k in shown)
            text = aligned([self.header[k] for k in shown], rows, left)
            above = [(name, own) for name, own in self.blocks if name and set(own) <= set(part)]
            made.append(_under(above, shown, text) if above else text)
        title = [wrapped(self.title)] if self.title else []
        return "\n".join([*title, "\n\n".join(made), *map(wrapped, self.notes)])

    def markdown(self) -> str:
        """The table in GitHub's Markdown."""
        lines = [
            f"**{_escaped(self.title)}**",
            "",
            _line(self.flat),
            _line(("---",) * len(self.header), escape=False),
        ]
        lines += [_line(row) for row in self.rows]
        return "\n".join([*lines, *(f"\n{_escaped(note)}" for note in self.notes)]) + "\n"


def _line(cells: Sequence[str], escape: bool = True) -> str:
    return "| " + " | ".join(_escaped(cell) if escape else cell for cell in cells) + " |"


def _escaped(text: str) -> str:
    plain = " ".join(clean(text).split())
    for sign in "\\`*_<>|[]~#&$":
        plain = plain.replace(sign, "\\" + sign)
    return "&nbsp;&nbsp;" + plain if text.startswith("  ") else plain


def table(
    title: str, header: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1, note: str = ""
) -> TextTable:
    """A table with at most one note; ``words`` as in `TextTable`."""
    return TextTable(title, tuple(header), tuple(map(tuple, rows)), (note,) if note else (), words=words)


def wrapped(text: str) -> str:
    """The text in lines of a terminal; a word is never broken."""
    return textwrap.fill(clean(text), WIDTH, break_long_words=False, break_on_hyphens=False)


def aligned(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Columns side by side, the first ``left`` ones to the left; what does not fit within the width is wrapped."""
    table = [tuple(map(clean, row)) for row in (header, *rows)]
    gaps = 2 * (len(header) - 1)
    words = [max(map(len, name.split()), default=0) for name in header]
    widths = [max([words[k], *(len(row[k]) for row in table[1:])]) for k in range(len(header))]
    whole = [max(width, len(name)) for width, name in zip(widths, header, strict=True)]
    widths = whole if sum(whole) + gaps <= WIDTH else widths
    while sum(widths) + gaps > WIDTH and max(widths) > 6:
        widths[widths.index(max(widths))] -= 1
    lines = []
    for row in table:
        cells = [textwrap.wrap(text, width) or [""] for text, width in zip(row, widths, strict=True)]
        for line in range(max(map(len, cells))):
            here = [wrapped[line] if line < len(wrapped) else "" for wrapped in cells]
            placed = [
                text.ljust(width) if k < left else text.rjust(width)
                for k, (text, width) in enumerate(zip(here, widths, strict=True))
            ]
            lines.append("  ".join(placed).rstrip())
        if row is table[0]:
            lines.append("  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _least(cell: str, words: bool) -> int:
    """How narrow the column of a cell may be: numbers stay together, words do not."""
    return max(map(len, cell.split()), default=0) if words else len(cell)


def _under(above: Sequence[tuple[str, Sequence[int]]], columns: Sequence[int], text: str) -> str:
    """The aligned columns with heads above their heads, each in the middle of its own."""
    rule = next(line for line in text.splitlines() if line.strip("- ") == "")
    places = [found.span() for found in re.finditer("-+", rule)]
    line = ""
    for name, own in above:
        start, end = places[columns.index(own[0])][0], places[columns.index(own[-1])][1]
        line = line.ljust(start) + name.center(end - start, "-" if end - start > len(name) + 1 else " ")
    return f"{line.rstrip()}\n{text}"
