"""What printed numbers stand for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor, inf

from analysis.audit.kinds import kind_of
from analysis.audit.printed_text import NOT_PRINTED, NOT_REACHED, plain_print

__all__ = [
    "NOT_PRINTED",
    "Element",
    "Stands",
    "counts_printed_so",
    "exact_value",
    "p_of_one_level",
    "parse_element",
    "parse_months",
    "parse_printed",
    "plain_print",
]

_NUMBER = re.compile(r"(?P<sign>[<>≤≥]?)(?P<number>-?\d+(?:\.(?P<decimals>\d+))?)(?P<percent>%?)", re.ASCII)
_ELEMENT = re.compile(r"(?P<variable>[^=<>!]+?)\s*(?P<operator><=|>=|!=|=|<|>)\s*(?P<value>.+)")
_ROW = re.compile(r"table1\.(?P<side>[^\[]+)\[(?P<element>.*)\]\.(?P<last>p|(?:control|treated)\.(?:n|percent))")
_MONTH = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})(?:-(?P<day>\d{2}))?", re.ASCII)


@dataclass(frozen=True)
class Stands:
    """The interval of values that a printed text stands for."""

    low: float
    high: float

    def meets(self, other: "Stands", slack: float = 1e-9) -> bool:
        """Whether the two share a value; ``slack`` is for the rounding of computed limits."""
        return self.low <= other.high + slack and other.low <= self.high + slack

    def within(self, low: float, high: float) -> "Stands":
        """The part of it between two limits, a single point where there is none."""
        return Stands(min(max(self.low, low), high), max(min(self.high, high), low))

    def gap(self, other: "Stands") -> float:
        """The distance between the two, 0 where they share a value."""
        return max(self.low - other.high, other.low - self.high, 0.0)


@dataclass(frozen=True)
class Element:
    """What the brackets of a key name: a variable, and which of its values."""

    variable: str
    operator: str = ""
    value: str = ""


def parse_printed(text: str, key: str = "") -> Stands:
    """All values that are printed so: '0.36' is 0.355 to 0.365, '<0.001' at most that; 'NA' is +inf, not reached.

    The ``key`` says what is wanted of a cell that holds more than one number, and whether a percentage is a share:
    survival of '62.0%' or '62.0' is 0.62. ValueError where the text is no number of that key, with what would be right.
    """
    read = plain_print(text, key)
    if read == NOT_REACHED:
        return Stands(inf, inf)
    sign, value, half = _parts(read, key)
    if sign in ("<", "≤"):
        return Stands(-inf, value)
    if sign in (">", "≥"):
        return Stands(value, inf)
    return Stands(value - half, value + half)


def exact_value(text: str, key: str = "") -> float | None:
    """The number as it is printed, None where the text is a bound, a limit not reached or no number."""
    try:
        read = plain_print(text, key)
    except ValueError:
        return None
    if read == NOT_REACHED:
        return None
    sign, value, _ = _parts(read, key)
    return None if sign else value


def _parts(read: str, key: str) -> tuple[str, float, float]:
    """Sign, value and half a unit of the last decimal of a number in plain spelling."""
    found = _NUMBER.fullmatch(read)
    assert found is not None
    value, half = float(found["number"]), 0.5 * 10.0 ** -len(found["decimals"] or "")
    if kind_of(key) == "share" and (found["percent"] or abs(value) > 1):
        value, half = value / 100, half / 100
    return found["sign"], value, half


def counts_printed_so(percent: Stands, n: int) -> range:
    """The counts of n whose percentage is within these values."""
    if percent.low > 100 or percent.high < 0:
        return range(0)
    low, high = max(percent.low, 0.0), min(percent.high, 100.0)
    return range(ceil(low * n / 100 - 1e-9), floor(high * n / 100 + 1e-9) + 1)


def parse_element(text: str) -> Element:
    """The variable, operator and value of a bracket: 'age<=50' is age, <= and 50; 'age' has neither."""
    found = _ELEMENT.fullmatch(text)
    return Element(text) if found is None else Element(found["variable"], found["operator"], found["value"])


def p_of_one_level(printed: Mapping[str, str]) -> frozenset[str]:
    """The keys of those p-values of Table 1 that are of one level against all others, by what is printed under keys.

    So are the p-values of a variable of three levels or more that has none itself, if not all its levels have the same.
    """
    levels: dict[tuple[str, str], set[str]] = {}
    tests: dict[tuple[str, str], dict[str, str]] = {}
    for key, text in printed.items():
        row = _ROW.fullmatch(key)
        if row is None:
            continue
        element = parse_element(row["element"])
        place = (row["side"], element.variable)
        if element.operator == "=" and row["last"] != "p":
            levels.setdefault(place, set()).add(element.value)
        elif row["last"] == "p" and element.operator in ("", "="):
            tests.setdefault(place, {})[key] = text if element.operator else ""
    return frozenset(
        key
        for place, own in tests.items()
        if len(levels.get(place, ())) > 2 and "" not in own.values() and len(set(own.values())) > 1
        for key in own
    )


def parse_months(text: str) -> Stands | None:
    """The months since the year 0 that a date stands for: a whole month without a day; None where it is no date."""
    found = _MONTH.fullmatch(text.strip())
    if found is None:
        return None
    start = int(found["year"]) * 12.0 + int(found["month"]) - 1
    day = int(found["day"]) / 31 if found["day"] else None
    return Stands(start, start + 1) if day is None else Stands(start + day, start + day)
