"""A table of text, ready to be printed anywhere, and text made safe to be shown."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

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
