"""A column of a table as text: each distinct text once, and which of them every row holds."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.numerics.arrays import Bools, Ints


@dataclass(frozen=True)
class CellColumn:
    """The ``texts`` that occur in a column, stripped, in the order in which they do; ``code (N,)``: that of each row.

    A million rows with two texts are looked at twice, not a million times.
    """

    texts: Sequence[str]
    code: NDArray[np.int32]

    @staticmethod
    def of(texts: Iterable[str], code: NDArray[np.int32]) -> "CellColumn":
        """The column in which row i holds the stripped ``texts[code[i]]``."""
        stripped = list(map(str.strip, texts))
        place = dict.fromkeys(stripped)
        found, seen = list(place), code
        if len(found) < len(stripped):
            number = dict(zip(found, range(len(found)), strict=True))
            seen = np.fromiter(map(number.__getitem__, stripped), np.int32, len(stripped))[code]
        used = np.bincount(seen, minlength=len(found)) > 0
        first = _first_rows(seen, len(found))
        if used.all() and (np.diff(first) > 0).all():
            return CellColumn(found, seen)
        order = np.argsort(first, kind="stable")[: int(used.sum())]  # an unused text is seen first behind all rows
        back = np.empty(len(found), dtype=np.int32)
        back[order] = np.arange(len(order), dtype=np.int32)
        return CellColumn([found[k] for k in order], back[seen])

    @staticmethod
    def listed(cells: Iterable[str]) -> "CellColumn":
        """The column of these cells."""
        place: dict[str, int] = {}
        return CellColumn.of(place, np.fromiter((place.setdefault(cell, len(place)) for cell in cells), dtype=np.int32))

    def __len__(self) -> int:
        return len(self.code)

    def __getitem__(self, row: int | np.integer[Any]) -> str:
        return self.texts[int(self.code[row])]

    def __iter__(self) -> Iterator[str]:
        return map(self.texts.__getitem__, self.code.tolist())

    def holding(self, wanted: Callable[[str], object]) -> Bools:
        """The rows ``(N,)`` whose text is wanted."""
        found: Bools = np.fromiter(map(bool, map(wanted, self.texts)), dtype=np.bool_, count=len(self.texts))[self.code]
        return found

    def first_of(self, rows: Ints) -> dict[str, int]:
        """The distinct texts of these rows, each with the first of the rows that holds it, in the order of the rows."""
        first = np.sort(np.unique(self.code[rows], return_index=True)[1])
        return {self[row]: row for row in rows[first].tolist()}

    def counted(self, rows: Bools) -> dict[str, int]:
        """The texts of the rows ``(N,)`` that are marked, with their counts."""
        counts = np.bincount(self.code[rows], minlength=len(self.texts))
        return {self.texts[k]: int(counts[k]) for k in np.flatnonzero(counts).tolist()}


def _first_rows(code: NDArray[np.int32], texts: int) -> Ints:
    """The first row that holds each text; the number of rows where none does."""
    first = np.full(texts, len(code), dtype=np.int64)
    first[code[::-1]] = np.arange(len(code) - 1, -1, -1, dtype=np.int64)  # the last to be written is the first row
    return first
