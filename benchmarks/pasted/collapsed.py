"""A table between bars of which every blank cell stands at the end of its row, as stored pages have them.

There "A | 29 | 63 | ||" has lost the place of its two blanks; the kinds of the numbers tell it, or it is asked about.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from benchmarks.pasted.cells import plain_label
from benchmarks.pasted.grids import Grid, GridRow
from benchmarks.pasted.head_statistics import is_lone, statistic_of
from benchmarks.pasted.placing import PartedLine, families_of, guessed_columns, placed
from benchmarks.pasted.spaced_cells import kind_of

_TIGHT = re.compile(rb"\|\|[ \t]*\r?$", re.MULTILINE)
_LOOSE = re.compile(rb"^[^|\n][^\n]*\| \|[ \t]*\r?$", re.MULTILINE)
_ALONE = re.compile(r"(?:total|all|overall|entire|whole)\b(?! *(?:match|unmatch|weight|unweight))", re.IGNORECASE)
_LED = re.compile(rb"^\s*\|[ :-]*-", re.MULTILINE)


def is_collapsed(data: bytes, grid: Grid) -> bool:
    """Whether blanks stand at the ends of rows alone, bar beside bar."""
    inner = any(not cell for row in grid.rows for cell in row.cells[: _texts(row)][1:])
    tight = _TIGHT.search(data) or (_LED.search(data) is None and _LOOSE.search(data))
    return grid.width > 2 and not inner and bool(tight)


def _texts(row: GridRow) -> int:
    """How many cells a row has without the blanks at its end."""
    return max((k for k, cell in enumerate(row.cells, 1) if cell), default=0)


def with_blanks(grid: Grid) -> Grid:
    """The table with its blanks where the kinds of its numbers tell; other rows are not whole."""
    rows = [row.cells[: _texts(row)] for row in grid.rows]
    first = next((k for k, cells in enumerate(rows) if _numbers(cells) > (len(cells) > 2)), len(rows))
    while first > 1 and len(rows[first - 1]) == 1:
        first -= 1
    width = grid.width - 1
    heads = _heads(rows[:first], width)
    lines = [
        PartedLine(row.line, "", ((cells[0], tuple(cells[1:])),) if len(cells) > 1 else ())
        for row, cells in zip(grid.rows[first:], rows[first:], strict=True)
    ]
    columns = _columns(heads[-1] if heads else (), lines, width)
    families = families_of(lines, columns)
    labels = _is_words(lines, width)
    if labels:  # a second column of labels: no number stands there in a row that has lost a cell
        families = (frozenset({"words"}), *families[1:])
    made = [
        replace(row, cells=cells, whole=len(cells) == grid.width) for row, cells in zip(grid.rows, heads, strict=False)
    ]
    for row, cells, line in zip(grid.rows[first:], rows[first:], lines, strict=True):
        texts = placed(line, columns, families, set()) if line.ways else (cells[0], *[""] * width)
        if texts is None:
            made.append(replace(row, cells=cells, whole=False))
        elif labels and line.ways and not texts[1]:
            made.append(replace(row, cells=("", texts[0], *texts[2:])))  # a level, its variable above
        else:
            made.append(replace(row, cells=texts))
    return replace(grid, form="spaced", rows=tuple(made))


def _is_words(lines: Sequence[PartedLine], width: int) -> bool:
    """Whether most full rows have words in the first column behind their label."""
    full = [line.ways[0][1][0] for line in lines if line.most == width]
    return 2 * sum(kind_of(text) == "unread" for text in full) > len(full)


def _numbers(cells: Sequence[str]) -> int:
    return sum(kind_of(cell) not in ("none", "unread") for cell in cells[1:])


def _heads(rows: Sequence[Sequence[str]], width: int) -> list[tuple[str, ...]]:
    """The heads with the blank over the labels, merged ones over the blocks in which those below repeat."""
    plain = [tuple(cell for cell in row if cell.casefold() not in ("vs", "vs.", "versus")) for row in rows]
    if (two := _beside(plain[-2:], width)) is not None:
        return [*((*row, *[""] * (width + 1 - len(row))) for row in plain[:-2]), *two]
    made: list[tuple[str, ...]] = []
    starts: list[int] = []
    for cells in reversed(plain):
        if not made:
            cells = ("", *cells) if len(cells) == width else cells
            starts = _starts(cells[1:])
        elif len(starts) > 1 and len(cells) in (len(starts), len(starts) + 1):
            label, spans = (cells[0], cells[1:]) if len(cells) > len(starts) else ("", cells)
            texts = dict(zip(starts, spans, strict=True))
            cells = (label, *(texts.get(c, "") for c in range(width)))
        made.insert(0, (*cells, *[""] * (width + 1 - len(cells))))
    return made


def _beside(rows: Sequence[tuple[str, ...]], width: int) -> list[tuple[str, ...]] | None:
    """Two rows of heads of which some of the upper, as Total or P, stand over none of the lower; None for others."""
    if len(rows) < 2 or len(rows[1]) >= width:
        return None
    upper, lower = rows
    alone = [bool(_ALONE.match(text)) or is_lone(statistic_of(plain_label(text)) or "") for text in upper[1:]]
    starts = [*_starts(lower), len(lower)]
    if sum(alone) != width - len(lower) or len(alone) - sum(alone) != len(starts) - 1:
        return None
    blocks = iter(pairwise(starts))
    made: tuple[list[str], list[str]] = ([upper[0]], [""])
    for text, single in zip(upper[1:], alone, strict=True):
        low, high = (0, 1) if single else next(blocks)
        made[0].extend([text, *[""] * (high - low - 1)])
        made[1].extend([""] if single else lower[low:high])
    return [tuple(made[0]), tuple(made[1])]


def _starts(heads: Sequence[str]) -> list[int]:
    """Where heads begin anew: "A B P A B P" at the first A and at the second."""
    bare = [re.sub(r"[\d.,=() ]", "", plain_label(text)) for text in heads]
    for period in range(1, len(bare) // 2 + 1):
        if len(bare) % period == 0 and bare == bare[:period] * (len(bare) // period):
            return list(range(0, len(bare), period))
    return [0]


def _columns(head: Sequence[str], lines: Sequence[PartedLine], width: int) -> tuple[str, ...]:
    """What each column holds by its lowest head, or by its full rows."""
    guessed = guessed_columns(lines, width)
    if len(head) != width + 1:
        return guessed
    told = [statistic_of(plain_label(text)) for text in head[1:]]
    return tuple(one if one and is_lone(one) else had for one, had in zip(told, guessed, strict=True))
