"""What paper.yaml may say beyond its shape: names that cannot be confused, dates, kinds of tables."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from simulator.documents.problems import KeyPath, described

Faults = Iterator[tuple[KeyPath, str, str]]

KINDS = ("baseline", "response", "adverse events", "cox", "subgroups", "events")
OF_ENDPOINTS = ("cox", "subgroups", "events")
"""Kinds of tables that may name the endpoint that they are of."""
PHASES = ("before", "after", "weighted")
NOT_STATED = "not stated"
RESERVED = frozenset(
    {"before", "after", "weighted", "adjusted", "unadjusted", "matched", "unmatched", "crude", "events", "follow-up",
     "at", "cumulative", "incidence", "rmst", "hr", "shr", "or", "rr", "rd", "p", "in", "vs", "versus", "patients",
     "pairs", "exposure", "modes", "median", "control", "treated", "all", "overall", "log-rank", "gray", "interaction"}
)  # fmt: skip
_MODEL = re.compile(r"(?:uni|multi)varia(?:bl|t)e", re.I)
_ENDPOINT = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_DATE = re.compile(r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d))?)?", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_BETWEEN = re.compile(r"\s+(?:to|until|through|and)\s+|\s*[–—]\s*|\s+-\s+")


def of_kind(text: str, endpoints: Sequence[str]) -> tuple[str, str, tuple[str, ...], str]:
    """The kind, phase and endpoints that the words of a table's kind name, and what is left of them."""
    words = " ".join(text.split())
    kind = next((one for one in KINDS if re.match(rf"{one}(?!\S)", words, re.IGNORECASE)), "")
    phase, named, left = "", [], []
    for word in words[len(kind) :].replace(",", " ").split():
        if word.casefold() in PHASES and not phase:
            phase = word.casefold()
        elif word in endpoints and kind in OF_ENDPOINTS:
            named.append(word)
        elif kind == "cox" and _MODEL.fullmatch(word):
            continue
        else:
            left.append(word)
    return kind, phase, tuple(named), " ".join(left)


def table_faults(tree: Mapping[str, Any]) -> Faults:
    """Tables whose kind is none."""
    tables, endpoints = tree.get("tables"), tree.get("endpoints")
    names = tuple(endpoints) if isinstance(endpoints, dict) else ()
    for file, entry in tables.items() if isinstance(tables, dict) else ():
        path = ("tables", file)
        if not isinstance(entry, dict):
            continue
        if "kind" not in entry:
            yield path, "has no kind", f"write 'kind: ...' ({', '.join(KINDS)})"
            continue
        given = entry["kind"]
        if not isinstance(given, str):
            continue
        kind, _, _, left = of_kind(given, names)
        if not kind:
            near = get_close_matches(given.casefold(), KINDS, 1)
            mend = f"did you mean '{near[0]}'?" if near else "as in 'baseline', 'cox after' or 'cox death'"
            yield path, f"must be one of {', '.join(KINDS)}, not {described(given)}", mend
        elif left:
            also = ", univariable, multivariable" if kind == "cox" else ""
            also += f", or of {', '.join(names)}" if kind in OF_ENDPOINTS and names else ""
            yield path, f"'{left}' is no word of the kind '{kind}'", f"it may be followed by {', '.join(PHASES)}{also}"


def clashes(tree: Mapping[str, Any]) -> Faults:
    """Names of endpoints and arms that a line of the results could not tell from others."""
    arms, endpoints = tree.get("arms"), tree.get("endpoints")
    labels = {role: text for role, text in arms.items() if isinstance(text, str)} if isinstance(arms, dict) else {}
    for role, text in labels.items():
        if role in ("control", "treated") and not text.strip():
            yield ("arms", role), "is empty", "write the arm as the heads of the tables name it"
        elif text.casefold() in RESERVED - {"control", "treated"}:
            yield ("arms", role), f"'{text}' is a word of result lines", "name the arm as the heads of the tables do"
    told = [text.casefold().strip() for text in labels.values()]
    if len(told) == 2 and told[0] == told[1]:
        yield ("arms", "treated"), "both arms have the same words", "write each arm as the heads of the tables do"
    if endpoints == {}:
        yield ("endpoints",), "names no endpoint", "write as in {death: death, relapse: relapse or death}"
    seen: dict[str, str] = {}
    for name in endpoints if isinstance(endpoints, dict) else ():
        path = ("endpoints", name)
        if _ENDPOINT.fullmatch(name) is None:
            mend = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-0123456789") or "death"
            yield path, "is no name: a letter, then letters, digits, _ or -", f"write '{mend}'"
        elif name.casefold() in RESERVED:
            yield path, f"'{name}' is a word of result lines", "name the endpoint otherwise, as in death"
        elif name.casefold() in told:
            yield path, f"'{name}' is the name of an arm, too", "name the endpoint otherwise, as in death"
        elif name.casefold() in seen:
            yield path, f"differs from '{seen[name.casefold()]}' by capitals only", "name one of them otherwise"
        seen.setdefault(name.casefold(), name)


def date_faults(tree: Mapping[str, Any]) -> Faults:
    """Dates that are none, with how they are to be written."""
    for name, many in (("accrual", True), ("cut_off", False)):
        given = tree.get(name)
        if not isinstance(given, str) or not given or given.casefold() == NOT_STATED:
            continue
        found = accrual_of(given) if many else (given, given) if is_date(given) else None
        if found is None:
            meant = [date_in(part) for part in (_BETWEEN.split(given) if many else [given])]
            example = "2019-01 to 2024-01" if many else "2025-04-30"
            right = " to ".join(meant) if all(meant) and len(meant) == 1 + many else example
            what = "two dates with 'to' between them" if many else "a date"
            yield (name,), f"'{given}' is not {what}", f"write {right}, or {NOT_STATED}"
        elif found[0] > found[1]:
            yield (name,), "ends before it begins", f"write {found[1]} to {found[0]}"


def accrual_of(text: str) -> tuple[str, str] | None:
    """The first and last date of '2019-01 to 2024-01'; None where it is none."""
    parts = text.split(" to ")
    dates = [part.strip() for part in parts]
    return (dates[0], dates[1]) if len(dates) == 2 and all(map(is_date, dates)) else None


def is_date(text: str) -> bool:
    """Whether a text is a month or day, as in 2019-01 or 2025-04-30."""
    found = _DATE.fullmatch(text.strip())
    if found is None or not found["month"]:
        return False
    return 1 <= int(found["month"]) <= 12 and (not found["day"] or 1 <= int(found["day"]) <= 31)


def date_in(text: str) -> str:
    """The date that words name, as in 'April 30, 2025', in the spelling of dates; empty where they name none."""
    words = re.findall(r"[A-Za-z]+|\d+", text)
    years = [word for word in words if re.fullmatch(r"(?:19|20)\d\d", word)]
    months = [_MONTHS.index(word[:3].casefold()) + 1 for word in words if word[:3].casefold() in _MONTHS]
    days = [int(word) for word in words if re.fullmatch(r"\d{1,2}", word)]
    if len(years) != 1 or len(months) != 1 or len(days) > 1:
        return ""
    return f"{years[0]}-{months[0]:02d}" + (f"-{days[0]:02d}" if days else "")
