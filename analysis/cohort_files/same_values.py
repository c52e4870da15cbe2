"""When a cell of a file stands for a value that the SPEC lists: as numbers, as truth values, or else as the same text.

1, 1.0, "1" and true are one value only where all cells of the column, and all values that the SPEC lists for it, are
numbers, or all are truth values (true, false in any capitals; T, F). Everywhere else text is text: "1E2" is not 100.
"""

import re
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from decimal import Decimal

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)


def comparison(cells: Collection[str], listed: Sequence[str]) -> Callable[[str], Hashable]:
    """What makes two texts of a column equal: their size, or nothing but the text itself.

    Two listed values that are one number ("01" and "1") can only be meant as texts.
    """
    sizes = {size(text) for text in listed}
    if None in sizes or len(sizes) < len(set(listed)) or not (_alike(cells) and _alike(listed)):
        return str
    return size


def size(text: str) -> Decimal | None:
    """The number that a text stands for, 1 and 0 for the truth values; None if it stands for neither."""
    if NUMBER.fullmatch(text):
        return Decimal(text)
    truth = _truth(text)
    return None if truth is None else Decimal(int(truth))


def looks_like(cells: Iterable[str], listed: Sequence[str]) -> bool:
    """Whether a cell would be a listed value if numbers and truth values counted as such."""
    known = {size(text) for text in listed} - {None}
    return any(size(cell) in known for cell in cells)


def _alike(texts: Iterable[str]) -> bool:
    """Whether all are numbers or all are truth values."""
    kinds = {bool(NUMBER.fullmatch(text)) if size(text) is not None else None for text in texts}
    return len(kinds) < 2 and None not in kinds


def _truth(text: str) -> bool | None:
    if text in ("T", "F"):
        return text == "T"
    return {"true": True, "false": False}.get(text.casefold())
