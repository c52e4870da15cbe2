"""Rows of a baseline table that stand without a head: which variable and level each of them names."""

import re
from dataclasses import replace

from benchmarks.pasted.labels import (
    MISSING,
    SEXES,
    RowLabel,
    cut_of,
    identify,
    named,
    range_of_level,
    sex_of,
)
from benchmarks.pasted.level_order import rank
from benchmarks.pasted.table_rows import Filled, Pen, TableRow

_ALONE = re.compile(
    r"yes|present|presence|positive|\+|no|absent|absence|negative|none|[<>≤≥].*|single|multiple|solitary|others?|"
    r"left|right|bilateral|low|high|normal|abnormal|never|former|current",
    re.I,
)
"""Words that are a level of something, and no variable by themselves."""
_YES = re.compile(r"yes|present|presence|positive|\+|no|absent|absence|negative|none|single|multiple", re.I)
_BOTH = re.compile(r"([A-Za-z][\w -]*?)\s*(?:/|:)\s*([A-Za-z][\w -]*)")


def named_level(pen: Pen, label: RowLabel) -> tuple[str, str]:
    """The variable and level that a row of its own stands for; ('', '') for a level alone; no level means "Yes"."""
    if found := re.fullmatch(r"([A-Za-z][\w-]*)\s*=\s*([^\[\]]+)", pen.settled(label)):
        return found[1], found[2]
    if (sex := sex_of(label.name)) and not label.level:
        return named(pen.paper, label.text, label.name, "sex") or "sex", sex
    bare = label.name.strip()
    graded = rank(bare) is not None and len(bare) < 4
    if not bare or _ALONE.fullmatch(bare) or cut_of(bare) or range_of_level(bare) or graded or MISSING.fullmatch(bare):
        return "", ""
    if label.level and _is_level(label.level):
        return identify(label, pen.paper), sex_of(label.level) or label.level
    whole = f"{label.name} {label.level}" if label.level else label.name
    return identify(RowLabel(label.text, whole), pen.paper), ""


def is_level_word(text: str) -> bool:
    """Whether a text is a level that names no variable, as "No" or "Present"."""
    return _ALONE.fullmatch(text.strip()) is not None


def _is_level(text: str) -> bool:
    """Whether the piece after a name is a level and no part of the name: a sex, a cut, yes, a grade."""
    plain = text.strip()
    sided = cut_of(plain) or range_of_level(plain)
    return bool(plain.lower() in SEXES or sided or _YES.fullmatch(plain) or rank(plain) is not None)


def unclear(label: RowLabel) -> bool:
    """Whether what follows the name may be a level or an abbreviation: one short word that is no abbreviation of it."""
    word = label.level.strip()
    if not re.fullmatch(r"[\w-]{1,12}", word):
        return False
    return word[0].lower() != label.name[:1].lower()


def both_levels(pen: Pen, row: TableRow) -> tuple[tuple[str, str], tuple[TableRow, TableRow]] | None:
    """The two levels of a row as "Male/Female" whose cells are "131/20", each with its counts; None for another row."""
    found = _BOTH.fullmatch(row.label.level or row.label.name)
    cells = [*row.arms, *row.alls]
    if not found or not cells or any(not cell.of or len(cell.values) != 1 for _, cell in cells):
        return None
    for column, cell in cells:
        size = pen.size(column)
        if size is not None and int(cell.values[0]) + int(cell.of) != size:
            return None
    return (found[1], found[2]), (_half(row, 0, found[1]), _half(row, 1, found[2]))


def _half(row: TableRow, which: int, name: str) -> TableRow:
    def half(filled: Filled) -> Filled:
        column, cell = filled
        return column, replace(cell, kind="num", values=((cell.values[0], cell.of)[which],), of="")

    tests = row.tests if which == 0 else ()
    arms, alls = tuple(map(half, row.arms)), tuple(map(half, row.alls))
    return replace(row, label=RowLabel(name, name), arms=arms, alls=alls, tests=tests)
