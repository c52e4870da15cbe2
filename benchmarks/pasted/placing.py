"""Where the cells of a row stand that has lost its blanks: in the columns whose kinds of numbers they have.

A row has a place if there is one alone; where one way fills the columns of all arms, or none of them and all others,
it is that. What fits several is left to be asked about.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.pasted.cells import plain_cell, plain_label
from benchmarks.pasted.labels import compared_in
from benchmarks.pasted.reading import PastedCell
from benchmarks.pasted.shape import SIZES
from benchmarks.pasted.spaced_cells import ends_in_cells, kind_of
from benchmarks.pasted.table_rows import REFERENCE

Split = tuple[str, tuple[str, ...]]
_COUNT = re.compile(r"(?:n ?= ?)?\d{1,3}(?:,?\d{3})*", re.IGNORECASE)
MOST_WAYS = 50
FEW = 3


@dataclass(frozen=True)
class PartedLine:
    """A line: its number from 1, its text, and the ways to part it into a label and cells, most cells first.

    Where its cells stand apart already there is one way, and the text is empty.
    """

    at: int
    text: str
    ways: tuple[Split, ...]

    @property
    def most(self) -> int:
        """The cells of the way with most; a dash alone is a part of the label."""
        cells = self.ways[0][1] if self.ways else ()
        return 0 if len(cells) == 1 and kind_of(cells[0]) == "none" and "—" in cells[0] else len(cells)


def _read(text: str) -> PastedCell:
    """A cell with a decimal point, else with a decimal comma."""
    cell = plain_cell(text)
    return cell if cell.kind != "unread" else plain_cell(text, decimal_comma=True)


def guessed_columns(lines: Sequence[PartedLine], width: int) -> tuple[str, ...]:
    """What the columns hold by the full rows: p where nearly all are lone numbers from 0 to 1, ratios, or arms."""
    full = [line.ways[0][1] for line in lines if line.most == width]
    found = []
    for c in range(width):
        cells = [_read(one[c]) for one in full]
        seen = [cell for cell in cells if cell.kind != "none"]
        p = sum(_is_share_of_one(cell.values) and cell.kind in ("num", "bound") for cell in seen)
        found.append("p" if seen and p >= 0.8 * len(seen) else "arm")
    return tuple(found)


def _is_share_of_one(values: Sequence[str]) -> bool:
    """Whether a number is from 0 to 1 and has decimals, or is 1."""
    plain = values[0].lstrip("<>≤≥") if values else ""
    try:
        return 0 <= float(plain) <= 1 and ("." in plain or plain == "1")
    except ValueError:
        return False


def families_of(lines: Sequence[PartedLine], columns: Sequence[str]) -> tuple[frozenset[str], ...]:
    """The families of the cells of each column by the full rows; where there are few, what its head lets expect."""
    full = [line.ways[0][1] for line in lines if line.most == len(columns)]
    made = []
    for c, what in enumerate(columns):
        seen = {family_of(one[c]) for one in full} - {"none", "reference", "one"} if len(full) >= FEW else set()
        usual = _EXPECTED.get(what, _EXPECTED["test"])
        made.append(frozenset(usual if what == "p" or not seen else seen))
    return tuple(made)


_EXPECTED = {
    "arm": {"held", "number"}, "p": {"number", "bound"}, "hr": {"held"}, "odds_ratio": {"held"},
    "risk_ratio": {"held"}, "risk_difference": {"held"}, "limits": {"held"}, "test": {"number"}, "smd": {"number"},
}  # fmt: skip
RATIOS = ("hr", "odds_ratio", "risk_ratio", "risk_difference")


def family_of(text: str) -> str:
    """Whether a cell is a lone number, a bound, a reference, none, or numbers held together by a sign or bracket."""
    if REFERENCE.fullmatch(plain_label(text)):
        return "one" if re.fullmatch(r"1(?:[.,·]0+)?", text.strip()) else "reference"
    if kind_of(text) == "unread":
        return "words"
    return {"num": "number", "none": "none", "bound": "bound", "inf": "number"}.get(kind_of(text), "held")


def _fits(text: str, column: str, families: frozenset[str], ratios: bool) -> bool:
    """Whether a cell can stand in a column by its family; ``ratios``: there are columns of ratios, for references."""
    family = family_of(text)
    if family == "none":
        return True
    if family == "reference":
        return column in RATIOS or not ratios
    if column == "p" and not _is_share_of_one(_read(text).values):
        return False
    if family == "one":
        return column in RATIOS or "number" in families
    return family in families or (text.strip() == "0" and column == "arm")


def placed(
    line: PartedLine, columns: Sequence[str], families: Sequence[frozenset[str]], stems: set[str]
) -> tuple[str, ...] | None:
    """A line as its label and a text for each column; None where it has no place, or more than one.

    The way with most cells is taken that has a place. A whole number in front may be a part of the label, as in
    "Grade 2": where the rest has as good a place without it, it has no one place. Bare numbers may fill all arms,
    where the full rows have counts with their shares.
    """
    width = len(columns)
    usable = [one for one in line.ways if len(one[1]) <= width and not (line.text and ends_in_cells(one[0]))]
    loose = [frozenset({*one, "number"}) if what == "arm" else one for one, what in zip(families, columns, strict=True)]
    for allowed in (families, loose):
        for k, (label, cells) in enumerate(usable):
            if len(cells) == 1 and compared_in(label):
                return (label, cells[0], *[""] * (width - 1))  # across the arms
            arms = [c for c, what in enumerate(columns) if what == "arm"]
            if (
                SIZES.fullmatch(plain_label(label))
                and all(_COUNT.fullmatch(cell) for cell in cells)
                and len(cells) <= len(arms)
            ):
                texts = dict(zip(arms, cells, strict=False))
                return (label, *(texts.get(c, "") for c in range(width)))
            ways, whole = _natural(_places(cells, columns, allowed), columns)
            if len(ways) > 1:
                return None
            if not ways or (allowed is loose and not whole):
                continue
            labelled = cells[0].isdigit() and (len(cells) < width or label in stems)
            if labelled and any(sign.isalpha() for sign in label) and k + 1 < len(usable):
                shorter = usable[k + 1][1]
                others, as_whole = _natural(_places(shorter, columns, allowed), columns)
                if len(shorter) == len(cells) - 1 and others and (as_whole or not whole):
                    return None
            texts = dict(zip(ways[0], cells, strict=True))
            return (label, *(texts.get(c, "") for c in range(width)))
    if usable and len(usable[0][1]) == width:
        return (usable[0][0], *usable[0][1])  # what its columns cannot hold is asked about
    return None


def _places(cells: Sequence[str], columns: Sequence[str], families: Sequence[frozenset[str]]) -> list[tuple[int, ...]]:
    """The ways in which cells may fill columns in their order."""
    ratios = any(column in RATIOS for column in columns)
    found: list[tuple[int, ...]] = [()]
    for k, text in enumerate(cells):
        last = len(columns) - len(cells) + k
        found = [
            (*one, c)
            for one in found
            for c in range(one[-1] + 1 if one else 0, last + 1)
            if _fits(text, columns[c], families[c], ratios)
        ][:MOST_WAYS]
    return found


def _natural(ways: Sequence[tuple[int, ...]], columns: Sequence[str]) -> tuple[list[tuple[int, ...]], bool]:
    """The ways, and whether there is one that alone fills the columns of all arms, or none of them and all others."""
    arms = {c for c, what in enumerate(columns) if what == "arm"}
    rest = set(range(len(columns))) - arms
    whole = [way for way in ways if arms and (arms <= set(way) or (not arms & set(way) and rest == set(way)))]
    return (whole, True) if len(whole) == 1 else (list(ways), False)
