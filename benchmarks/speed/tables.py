"""A table of results, as Markdown and as JSON."""

import math
from dataclasses import dataclass
from typing import Any

CellValue = str | float | int | bool


@dataclass(frozen=True)
class SpeedTable:
    """A title, what it says in words, and rows of cells; a number that was not had is NaN."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[CellValue, ...], ...]

    def markdown(self) -> str:
        """The table with its title and note."""
        lines = [self.columns, tuple("---" for _ in self.columns), *(tuple(map(text, row)) for row in self.rows)]
        return "\n".join([f"## {self.title}", "", self.note, "", *(f"| {' | '.join(line)} |" for line in lines)])

    def to_json(self) -> dict[str, Any]:
        """``title``, ``note`` and ``rows``, each row by column; NaN and infinity as null."""
        rows = [{c: _value(v) for c, v in zip(self.columns, row, strict=True)} for row in self.rows]
        return {"title": self.title, "note": self.note, "rows": rows}


def text(cell: CellValue) -> str:
    """A cell for readers: three significant digits."""
    if isinstance(cell, bool):
        return "yes" if cell else "NO"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int):
        return f"{cell:,}"
    if not math.isfinite(cell):
        return "-"
    if cell == 0:
        return "0"
    if abs(cell) < 1e-3:
        return f"{cell:.1e}"
    digits = max(0, 2 - math.floor(math.log10(abs(cell))))
    return f"{cell:,.{digits}f}"


def _value(cell: CellValue) -> CellValue | None:
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell
