"""Which level, or levels, of a variable a text names, and the term that this is."""

import re
from dataclasses import dataclass, replace

from benchmarks.pasted.labels import cut_of, named, plain_label, range_of_level, sex_of, slug
from benchmarks.pasted.opposites import complement
from benchmarks.pasted.reading import ReadVariable
from benchmarks.pasted.table_rows import Pen

_VERSUS = re.compile(r"(.+?)\s*(?:\bvs?\.?(?=\s)|\bversus\b|\bcompared (?:with|to)\b)\s*(.+)", re.I)
_BY_REFERENCE = re.compile(r"(.+?)\s*[(,;]\s*(?:ref(?:erence|erent)?\.?\s*[:=]?)\s*(.+?)\)?", re.I)
_COMPOSED = re.compile(r"\s*(?:[-–—+/,&]|\bto\b|\band\b|\bor\b)\s*")


@dataclass(frozen=True)
class NamedTerm:
    """What a row is about: ``term`` in the words of keys; where it is asked, ``what`` and its ``answers`` instead.

    ``assumed`` says what was taken for granted; ``skip`` that nothing of the row is read.
    """

    term: str = ""
    what: str = ""
    answers: tuple[str, ...] = ()
    assumed: str = ""
    skip: bool = False


def compared(text: str) -> tuple[str, str]:
    """What is compared and with what ("Male", "Female"); no second where only one is named."""
    plain = plain_label(text)
    for pattern in (_VERSUS, _BY_REFERENCE):
        if found := pattern.fullmatch(plain):
            return found[1].strip(" (,;"), found[2].strip(" )")
    return plain, ""


def _same(one: str, other: str) -> bool:
    """Whether two texts are the same level: but for case, blanks, signs and units."""
    a, b = cut_of(one), cut_of(other)
    if a is not None or b is not None:
        return a is not None and b is not None and a == b
    ends = range_of_level(one)
    if ends is not None:
        return ends == range_of_level(other)
    if sex_of(one) and sex_of(one) == sex_of(other):
        return True
    return slug(one) == slug(other) and bool(slug(one)) and _signs(one) == _signs(other)


def _signs(text: str) -> str:
    return "".join(re.findall(r"[+<>≤≥]", text))


def level_in(variable: ReadVariable, text: str) -> int | None:
    """Which level of a variable a text names: as printed, or with the variable's words around it; None for none."""
    hits = [at for at, level in enumerate(variable.levels) if level == text] or [
        at for at, level in enumerate(variable.levels) if _same(level, text)
    ]
    if not hits:
        words = {slug(variable.name), slug(variable.label), "stage", "grade", "class", "score"}

        def short(one: str) -> str:
            return "_".join(part for part in slug(one).split("_") if part not in words)

        hits = [
            at
            for at, level in enumerate(variable.levels)
            if short(level) and short(level) == short(text) and _signs(level) == _signs(text)
        ]
    return hits[0] if len(hits) == 1 else None


def paired(variable: ReadVariable) -> ReadVariable:
    """A variable of which one of two levels is printed, with both; another as it is."""
    if len(variable.levels) != 1 or variable.complete:
        return variable
    (level,) = variable.levels
    other, first = complement(level)
    return replace(variable, levels=(level, other) if first else (other, level), complete=True)


def level_term(
    pen: Pen, variable: ReadVariable, first: str, against: str, siblings: tuple[str, ...], text: str
) -> NamedTerm:
    """The term of a level, or of several, that a text compares with another or with all others; or what to ask."""
    name, levels = variable.name, variable.levels
    at = level_in(variable, named(pen.paper, first) or first)
    if at is None and (pair := paired(variable)) is not variable and level_in(pair, first) is not None:
        return level_term(pen, pair, first, against, siblings, text)
    if at is None:
        return _near_cut(variable, first, text) or _several(variable, first, against, text)
    if against and variable.complete:
        other = level_in(variable, named(pen.paper, against) or against)
        if other == at or (other is None and _ends(variable, against) is None):
            return NamedTerm(
                what=f"'{text}': '{against}' is no level of {name}", answers=(f"{name}={levels[at]}", "skip")
            )
    if len(levels) == 2 and variable.complete:
        return NamedTerm(name if at == 1 else f"{name}={levels[at]}")
    if len(levels) == 1:
        return NamedTerm(f"{name}={levels[at]}" if complement(levels[at])[1] else name)
    middle = 0 < at < len(levels) - 1
    if middle and variable.kind == "ordinal" and not against and len(siblings) < 2:
        answers = (f"{name}>={levels[at]}", f"{name}={levels[at]}")
        return NamedTerm(what=f"'{text}': {levels[at]} alone, or {levels[at]} and more", answers=answers)
    return NamedTerm(f"{name}={levels[at]}")


def _near_cut(variable: ReadVariable, first: str, text: str) -> NamedTerm | None:
    """The side of the same cut-point that is printed with the other sign: "> 400" where the table has "≥ 400"."""
    cut = cut_of(first)
    sides = [cut_of(level) for level in variable.levels]
    if cut is None or len(sides) != 2:
        return None
    hits = [at for at, side in enumerate(sides) if side and (side.sign[0], side.number) == (cut.sign[0], cut.number)]
    if len(hits) != 1:
        return None
    level = variable.levels[hits[0]]
    term = variable.name if hits[0] == 1 else f"{variable.name}={level}"
    return NamedTerm(term, assumed=f"'{text}' is the level '{level}' of {variable.name}")


def _ends(variable: ReadVariable, text: str) -> tuple[int, int] | None:
    """The first and last level that a text of several covers ("2–3"), None where it is none."""
    levels = variable.levels
    if cut := cut_of(text):
        at = level_in(variable, cut.number)
        if at is None:
            return None
        return {">=": (at, len(levels) - 1), ">": (at + 1, len(levels) - 1), "<=": (0, at), "<": (0, at - 1)}[cut.sign]
    parts = [part for part in _COMPOSED.split(re.sub(r"^(?:stage|grade|class)\s+", "", text, flags=re.I)) if part]
    places = [level_in(variable, part) for part in parts]
    known = [place for place in places if place is not None]
    if len(parts) < 2 or len(known) < len(parts) or known != sorted(set(known)):
        return None
    dashed = len(parts) == 2 and re.search(r"[-–—]|\bto\b", text)
    return (known[0], known[-1]) if dashed or known == list(range(known[0], known[-1] + 1)) else None


def _several(variable: ReadVariable, first: str, against: str, text: str) -> NamedTerm:
    name, levels = variable.name, variable.levels
    near = tuple(f"{name}={level}" for level in levels[:6]) or (name,)
    unknown = NamedTerm(
        what=f"'{text}': '{first}' is no level of {name} ({', '.join(levels)})", answers=(*near, "skip")
    )
    ends = _ends(variable, first)
    if ends is None or ends[0] > ends[1] or (variable.kind == "nominal"):
        return unknown
    low, high = ends
    if against:
        other = _ends(variable, against)
        at = level_in(variable, against)
        beside = other if other is not None else (at, at) if at is not None else None
        rest = (0, low - 1) if high == len(levels) - 1 else (high + 1, len(levels) - 1)
        if beside != rest:
            return NamedTerm(
                what=f"'{text}': '{against}' is not the rest of {name}", answers=(f"{name}>={levels[low]}", "skip")
            )
    if len(levels) == 2 and low == high:
        return NamedTerm(name if low == 1 else f"{name}={levels[0]}")
    if high == len(levels) - 1 and low > 0:
        return NamedTerm(f"{name}>={levels[low]}" if low < high else f"{name}={levels[low]}")
    if low == 0 and high < len(levels) - 1:
        return NamedTerm(f"{name}<={levels[high]}" if high > 0 else f"{name}={levels[0]}")
    return unknown
