"""The words of a table's heads: which arm, side, statistic, endpoint, model and grade a column has."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.pasted.head_statistics import is_lone, statistic_of, without_n
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import ROLES, Arm, Phase

KINDS = ("adverse events", "baseline", "response", "cox", "subgroups", "events")
_BY = r"(?:(?:ps|propensity[ -]scores?)[ -]?)?(?:match\w*|psm|weight\w*|iptw|adjust\w*)"
_WHOLE = r"(?:entire|overall|full|whole|total|unselected) (?:cohort|population|sample|dataset)"
_BEFORE = rf"before(?: {_BY})?|unmatched|unweighted|unadjusted|pre-?{_BY}|original|crude|{_WHOLE}"
_AFTER = rf"after(?: {_BY})?|post-?{_BY}|{_BY}|(?:s?iptw|overlap)(?:[ -]weighted)?"
SIDES = re.compile(rf"\b(?:{_BEFORE}|{_AFTER})\b", re.IGNORECASE)


_GRADE = re.compile(
    r"(?:grades?|gr\.?|ctcae)\s*(?P<sign>≥|>=|>)?\s*(?P<low>[1-5])"
    r"(?:\s*(?:[-–—/]|to|or|and)\s*(?P<high>[1-5]|higher|more|above|worse))?"
    r"|(?P<only>≥|>=)\s*(?:grade )?(?P<from>[1-5])",
    re.IGNORECASE,
)

_GLUED = re.compile(r"(?<=[a-z0-9)%])(?=\(?[Nn] ?= ?\d)")
"""Where a line break of a head is lost, as in 24 h/dayN = 539."""


@dataclass(frozen=True)
class Words:
    """What the heads of a column say; None where they say nothing. ``both``: they name both arms."""

    arm: Arm | None = None
    phase: Phase | None = None
    statistic: str | None = None
    endpoint: str | None = None
    model: str | None = None
    grade: str | None = None
    n: str = ""
    both: bool = False


def without_arms(text: str, paper: PaperFile) -> tuple[str, set[str]]:
    """A text without the arms' labels, the longest first, and the arms that it names."""
    found: set[str] = set()
    labels = sorted(((getattr(paper.arms, role), role) for role in ROLES), key=lambda one: -len(one[0]))
    clash = len({label.casefold() for label, _ in labels}) < len(labels)
    for label, role in labels:
        pattern = loose(label)
        found_here = re.search(pattern, text, 0 if clash else re.IGNORECASE)
        if found_here is not None:
            found.add(role)
            text = re.sub(pattern, " ", text, flags=0 if clash else re.IGNORECASE)
    return text, found


def loose(label: str) -> str:
    """A pattern of a label as whole words, with any blanks and dashes between them."""
    parts = [re.escape(part) for part in re.split(r"[\s–—−‐‑-]+", label.strip()) if part]
    joined = r"[\s–—−‐‑-]*".join(part.replace(r"\+", r"\s*\+\s*") for part in parts)
    return rf"(?<![^\W_]){joined}(?![^\W_])"


def phase_of(text: str, weighted: bool = True) -> Phase:
    """The side of the adjustment that a text names, '' for none."""
    found = re.search(rf"\b(?:{_BEFORE})\b", text, re.IGNORECASE)
    if found is not None:
        return "before"
    return "after" if weighted and re.search(rf"\b(?:{_AFTER})\b", text, re.IGNORECASE) else ""


def _stands_for(name: str, text: str) -> bool:
    """Whether consecutive words of a text have the letters of an endpoint's short name as their first."""
    initials = "".join(word[0] for word in re.findall(r"[A-Za-z]+", text)).upper()
    return len(name) > 1 and name.isupper() and name.isalpha() and name in initials


def endpoint_of(text: str, paper: PaperFile) -> str:
    """The one endpoint that a text names by its name, its long name or what it counts; '' for none or several."""
    clash = len({name.casefold() for name in paper.endpoints}) < len(paper.endpoints)
    flags = 0 if clash else re.IGNORECASE
    named = [name for name in paper.endpoints if re.search(loose(name), text, flags)]
    if not named:
        named = [name for name in paper.endpoints if _stands_for(name, text)]
    if not named:
        named = [name for name, what in paper.endpoints.items() if re.search(loose(what), text, re.IGNORECASE)]
    longest = [name for name in named if not any(name != other and name in other for other in named)]
    return longest[0] if len(longest) == 1 else ""


def model_of(text: str) -> str:
    """univariable or multivariable, as a text has it; '' for neither."""
    if re.search(r"uni-?vari|un-?adjusted|crude|\bUVA\b", text, re.IGNORECASE):
        return "univariable"
    return "multivariable" if re.search(r"multi-?vari|adjusted|\bMVA\b|\baHR\b", text, re.IGNORECASE) else ""


def grade_of(text: str) -> str | None:
    """The grades that a text names: '' any, "3-4", "≥3", "5"; None where it names none."""
    if re.search(r"\b(?:any|all)(?:[ -]grades?)?\b|\btotal\b", text, re.IGNORECASE):
        return ""
    roman = re.sub(r"\b(IV|V|I{1,3})\b", lambda one: str(("I", "II", "III", "IV", "V").index(one[0]) + 1), text)
    found = _GRADE.search(roman)
    if found is None:
        return None
    if found["only"] or (found["sign"] and found["sign"] != ">") or (found["high"] and not found["high"].isdigit()):
        return "≥" + (found["from"] or found["low"])
    if found["sign"] == ">":
        return f"≥{int(found['low']) + 1}"
    return found["low"] + (f"-{found['high']}" if found["high"] else "")


def head_words(parts: Sequence[str], kind: str, paper: PaperFile) -> Words:
    """What the heads of a column, from top to bottom, say."""
    parts = [_GLUED.sub(" ", part) for part in parts]
    whole = " / ".join(parts)
    bare, arms = without_arms(whole, paper)
    cox = kind in ("cox", "subgroups", "events")
    grade = grade_of(bare) if kind == "adverse events" else None
    statistic, n = None, ""
    for part in parts:
        rest, _ = without_arms(part, paper)
        rest, found = without_n(rest)
        n = found or n
        told = statistic_of(SIDES.sub(" ", rest), rest)
        statistic = told if told is not None else statistic
    model = model_of(bare) if kind in ("cox", "subgroups") else ""
    phase = phase_of(re.sub(r"(?:un-?)?adjusted|crude", " ", bare, flags=re.IGNORECASE) if cox else bare)
    arm: Arm | None = None
    if statistic is None or not is_lone(statistic):
        arm = "control" if arms == {"control"} else "treated" if arms == {"treated"} else None
        every = r"\b(?:all|total|overall|entire|whole|both)\b(?![ -]*(?:grades?|surviv|respon|cause|inciden))"
        if arm is None and not arms and re.search(every, bare, re.IGNORECASE) and not (grade == "" and len(parts) == 1):
            arm = "all"
    endpoint = endpoint_of(bare, paper) if cox else ""
    return Words(arm, phase or None, statistic, endpoint or None, model or None, grade, n, len(arms) == 2)
