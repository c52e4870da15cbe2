"""A table of which every cell stands on a line of its own, as some pages are copied: its rows, one below the other.

A row is a label and as many cells as most rows have; a blank cell is a line of blanks.
"""

import itertools
from collections import Counter
from collections.abc import Sequence

from benchmarks.pasted.placing import PartedLine
from benchmarks.pasted.spaced_cells import kind_of

FEW = 12
MOST_COLUMNS = 20


def rows_below(texts: Sequence[str]) -> tuple[list[PartedLine], list[PartedLine]] | None:
    """The lines above the rows, and the rows; None where most lines are no single cells."""
    filled = [(at, " ".join(text.split())) for at, text in enumerate(texts, 1) if text]
    cells = [_is_cell(text) for _, text in filled if text]
    if len(cells) < FEW or 2 * sum(cells) < len(cells) or any("\t" in text for text in texts):
        return None
    width = _width([text for _, text in filled])
    first = next((k for k in range(len(filled)) if _is_row(filled, k, width)), None) if width else None
    if first is None:
        return None
    above = [PartedLine(at, text, ()) for at, text in filled[:first] if text]
    rows, at = [], first
    while at < len(filled):
        line, label = filled[at]
        own = _cells_of(filled, at, width)
        at += 1 + len(own)
        if label and any(own):
            rows.append(PartedLine(line, "", ((label, tuple(own)),)))
        elif label:
            rows.append(PartedLine(line, label, ()))
    return above, rows


def _is_cell(text: str) -> bool:
    return not text or kind_of(text) != "unread"


def _cells_of(filled: Sequence[tuple[int, str]], at: int, width: int) -> list[str]:
    """The cells of the row whose label stands at a place: up to the next words, and no more than rows have."""
    found = []
    for _, text in filled[at + 1 : at + width]:
        if not _is_cell(text):
            break
        found.append(text)
    return found


def _is_row(filled: Sequence[tuple[int, str]], at: int, width: int) -> bool:
    """Whether words, and behind them a whole row of cells, stand at a place: two are numbers, or a row follows."""
    own = _cells_of(filled, at, width)
    if _is_cell(filled[at][1]) or len(own) < width - 1:
        return False
    behind = _cells_of(filled, at + width, width) if at + width < len(filled) and filled[at + width][1] else []
    return _numbers(own) > 1 or (len(behind) == width - 1 and _numbers(behind) > 1)


def _numbers(cells: Sequence[str]) -> int:
    return sum(bool(text) and kind_of(text) != "none" for text in cells)


def _width(texts: Sequence[str]) -> int:
    """The lines from label to label that are the commonest; 0 where there are none of some cells."""
    words = [at for at, text in enumerate(texts) if not _is_cell(text)]
    apart = Counter(two - one for one, two in itertools.pairwise(words) if 2 < two - one <= MOST_COLUMNS)
    return max(apart.items(), key=lambda one: (one[1], -one[0]))[0] if apart else 0
