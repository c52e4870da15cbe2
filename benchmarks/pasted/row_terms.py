"""Which term a row of a Cox or subgroup table is about: 'Age (> 50)', 'Sex, male vs female', 'ALBI (2–3)'."""

import re
from dataclasses import replace

from benchmarks.pasted.labels import (
    RowLabel,
    cut_of,
    identify,
    named,
    plain_label,
    sex_of,
    slug,
)  # fmt: skip
from benchmarks.pasted.reading import ReadVariable
from benchmarks.pasted.row_levels import NamedTerm, compared, level_term
from benchmarks.pasted.table_rows import Pen, TableRow

TREATMENT = "treatment"
_TREATMENTS = re.compile(
    r"treatments?|treatment (?:group|arm|option|modality|strategy|method|regimen)|"
    r"(?:study )?(?:group|arm)|therapy|regimen",
    re.I,
)
_PER = re.compile(
    r"(?:per|each|every|by|for each|for every)\s+(?P<step>\d+(?:\.\d+)?|one|a|an|1)?[\s-]*(?P<unit>.*)|"
    r"continuous|as continuous.*|linear",
    re.I,
)
_SETTLED = re.compile(r"(?P<name>[A-Za-z][\w.-]*)(?:\s*(?P<sign><=|>=|[<>=])\s*(?P<level>[^\[\]]+))?")
_PLAIN_YES = re.compile(r"yes|present|presence|positive|\+", re.I)
_PLAIN_NO = re.compile(r"no|absent|absence|negative|none|[-–]", re.I)


def settled_term(pen: Pen, label: RowLabel) -> NamedTerm | None:
    """The term that paper.yaml gives to a row, None where it gives none."""
    said = pen.settled(label)
    if said == "skip":
        return NamedTerm(skip=True)
    found = _SETTLED.fullmatch(said)
    if found is None or said == "levels":
        return None
    variable = pen.ledger.variables.get(found["name"])
    sign, level = found["sign"] or "", (found["level"] or "").strip()
    if variable is None and (found["name"] != TREATMENT or sign):
        return NamedTerm(what=f"'{said}' names nothing of the baseline table", answers=("skip", "VARIABLE"))
    if variable is not None and sign and variable.kind != "continuous" and level not in variable.levels:
        what = f"'{said}': {variable.name} has the levels {', '.join(variable.levels)}"
        return NamedTerm(what=what, answers=("skip", *(f"{variable.name}={one}" for one in variable.levels[:4])))
    return NamedTerm(f"{found['name']}{sign}{level}")


def is_treatment_head(pen: Pen, label: RowLabel) -> bool:
    """Whether a label is that of the treatment, and of no variable of the baseline table."""
    return bool(_TREATMENTS.fullmatch(label.name)) and not _known(pen, label)


def is_treatment(pen: Pen, text: str) -> str:
    """control or treated where a text is the word of an arm, else ''."""
    plain = plain_label(text).casefold().strip("()[] ")
    arms = {"control": pen.paper.arms.control, "treated": pen.paper.arms.treated}
    exact = [role for role, word in arms.items() if plain == word.casefold()]
    if exact:
        return exact[0]
    within = [
        (len(word), role)
        for role, word in arms.items()
        if re.fullmatch(rf"{re.escape(word.casefold())}(?: (?:group|arm|therapy|treatment|patients))?", plain)
    ]
    return max(within)[1] if within else ""


def term_of(pen: Pen, row: TableRow, head: RowLabel | None = None, siblings: tuple[str, ...] = ()) -> NamedTerm:
    """The term of a row, below the head of its variable or alone; ``siblings`` are the levels of rows beside it."""
    label = row.label
    if (settled := settled_term(pen, label)) is not None:
        return settled
    if head is not None and (is_treatment_head(pen, head) or is_treatment(pen, label.text)):
        return _treatment(pen, label.text, *compared(label.text))
    if head is not None:
        return _of_level(pen, identify(head, pen.paper), label.text, siblings, f"{head.text}: {label.text}")
    whole = compared(label.text)
    if whole[1] and not label.level and (is_any(pen, whole[0]) or is_any(pen, whole[1])):
        return _treatment(pen, label.text, *whole)
    name, level = _name_and_level(pen, label)
    if is_treatment_head(pen, replace(label, name=name)) or is_treatment(pen, name):
        first, second = compared(level) if level else (name if is_treatment(pen, name) else "", "")
        return _treatment(pen, label.text, first, second)
    if (sex := sex_of(compared(name)[0])) and not level:
        return _of_level(pen, "sex", name if compared(name)[1] else sex, siblings, label.text)
    variable = named(pen.paper, label.text, name) or identify(RowLabel(label.text, name, label.unit), pen.paper)
    if (
        level
        and variable not in pen.ledger.variables
        and (whole_id := identify(label, pen.paper)) in pen.ledger.variables
    ):
        variable = whole_id
    return _of_level(pen, variable, level, siblings, label.text)


def names_treatment(pen: Pen, label: RowLabel) -> bool:
    """Whether a row is one of the treatment by itself: "Treatment (Drug vs. Placebo)", "Drug vs. Placebo"."""
    first, second = compared(label.text)
    return is_treatment_head(pen, label) or bool(second and is_any(pen, first) and is_any(pen, second))


def is_any(pen: Pen, text: str) -> str:
    """control or treated where a text begins with the word of an arm, else ''."""
    return is_treatment(pen, text.split(" (")[0])


def _known(pen: Pen, label: RowLabel) -> bool:
    return identify(label, pen.paper) in pen.ledger.variables


def _name_and_level(pen: Pen, label: RowLabel) -> tuple[str, str]:
    """The name and level of a row; "per year" is a level here, and a lone unit is none."""
    known = [one for one in (label.name, f"{label.name} {label.level}".strip()) if slug(one) in pen.ledger.variables]
    if not label.level or (known and slug(known[-1]) in pen.ledger.variables and known[-1] != label.name):
        return (known[-1] if known else label.name or label.text), ""
    if found := re.fullmatch(r"(.+?)\s+(per\s.+)", label.name, re.I):
        return found[1], found[2]
    return label.name, label.level


def _treatment(pen: Pen, text: str, first: str, second: str) -> NamedTerm:
    role, against = is_any(pen, first) if first else "", is_any(pen, second) if second else ""
    if role == "treated" and against in ("", "control"):
        return NamedTerm(TREATMENT)
    if not first:
        return NamedTerm(TREATMENT, assumed=f"'{text}' is {pen.paper.arms.treated} against {pen.paper.arms.control}")
    if role == "control":
        what = f"'{text}' is {pen.paper.arms.control} against {pen.paper.arms.treated}: the inverse of a key's"
        return NamedTerm(what=what, answers=("skip", TREATMENT))
    words = f"{pen.paper.arms.treated} or {pen.paper.arms.control}"
    return NamedTerm(what=f"'{text}': '{first}' is neither {words}", answers=(TREATMENT, "skip"))


def _of_level(pen: Pen, name: str, level: str, siblings: tuple[str, ...], text: str) -> NamedTerm:
    variable = pen.ledger.variables.get(name)
    first, against = compared(level)
    if variable is None:
        return NamedTerm(what=f"'{text}' names nothing of the baseline table", answers=("skip", "VARIABLE"))
    if not first or _PER.fullmatch(first):
        return _whole(variable, first, text)
    if variable.kind == "continuous":
        return _cut(variable, first, against, text)
    return level_term(pen, variable, first, against, siblings, text)


def _whole(variable: ReadVariable, per: str, text: str) -> NamedTerm:
    """A variable that no level follows: per unit, or the second level of two."""
    if variable.kind == "continuous":
        found = _PER.fullmatch(per) if per else None
        step = found["step"] if found else None
        unit = (found["unit"] or "" if found else "").lower()
        if (step and step.lower() not in ("1", "one", "a", "an")) or re.search(
            r"\bsd\b|standard|unit of|log|doubl|decade|tenfold|10", unit
        ):
            return NamedTerm(
                what=f"'{text}' is a ratio per more than one unit, for which no key is", answers=("skip", variable.name)
            )
        return NamedTerm(variable.name)
    levels = variable.levels
    if len(levels) == 1 and _PLAIN_YES.fullmatch(levels[0]):
        return NamedTerm(variable.name)
    if len(levels) == 2 and _PLAIN_NO.fullmatch(levels[0]) and _PLAIN_YES.fullmatch(levels[1]):
        return NamedTerm(variable.name)
    if len(levels) == 2 and _PLAIN_YES.fullmatch(levels[0]) and _PLAIN_NO.fullmatch(levels[1]):
        return NamedTerm(f"{variable.name}={levels[0]}", assumed=f"'{text}' is {levels[0]} against {levels[1]}")
    answers = tuple(f"{variable.name}={level}" for level in levels[::-1]) or (variable.name,)
    return NamedTerm(what=f"'{text}' does not say which level its ratio is of", answers=answers)


def _cut(variable: ReadVariable, first: str, against: str, text: str) -> NamedTerm:
    cut = cut_of(first)
    if cut is None:
        return NamedTerm(
            what=f"'{text}': '{first}' is no side of a cut of {variable.name}", answers=(variable.name, "skip")
        )
    other = cut_of(against) if against else None
    if against and (other is None or other.sign[0] == cut.sign[0]):
        return NamedTerm(
            what=f"'{text}': '{against}' is not the other side of '{first}'",
            answers=(f"{variable.name}{cut.element}", "skip"),
        )
    return NamedTerm(_element(variable, cut.sign, cut.number))


def _element(variable: ReadVariable, sign: str, number: str) -> str:
    """A side of a cut, at the number that the baseline table has for the same cut: >= 51 is > 50 where that is cut."""
    own = f"{'<=' if sign[0] == '<' else '>'}{number}"
    if own in variable.cuts or not number.isdigit():
        return variable.name + own
    near = f">{int(number) - 1}" if sign == ">=" else f"<={int(number) - 1}" if sign == "<" else own
    return variable.name + (near if near in variable.cuts else own)


def full_level(pen: Pen, term: str) -> str:
    """A term as rows of subgroups have it: the second of two levels with its name."""
    variable = pen.ledger.variables.get(term)
    return f"{term}={variable.levels[-1]}" if variable is not None and 1 <= len(variable.levels) <= 2 else term
