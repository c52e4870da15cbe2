"""What printed numbers stand for."""

import re
from dataclasses import dataclass
from math import ceil, floor, inf

NOT_PRINTED = "not_printed"
_NUMBER = re.compile(r"(?P<sign>[<>≤≥]?)\s*(?P<number>-?\d{1,15}(?:\.(?P<decimals>\d{1,15}))?)\s*%?", re.ASCII)
_ELEMENT = re.compile(r"(?P<variable>[^=<>!]+?)\s*(?P<operator><=|>=|!=|=|<|>)\s*(?P<value>.+)")
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


def parse_printed(text: str) -> Stands:
    """All values that are printed so: '0.36' is 0.355 to 0.365; 'NA' is +inf, a limit that is not reached."""
    if text == "NA":
        return Stands(inf, inf)
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"'{text}' is not a printed number; write 0.36, <0.001, NA or {NOT_PRINTED}")
    value = float(found["number"])
    if found["sign"] in ("<", "≤"):
        return Stands(-inf, value)
    if found["sign"] in (">", "≥"):
        return Stands(value, inf)
    half = 0.5 * 10.0 ** -len(found["decimals"] or "")
    return Stands(value - half, value + half)


def exact_value(text: str) -> float | None:
    """The number as it is printed, None where the text is a bound, a limit not reached or no number."""
    found = _NUMBER.fullmatch(text.strip())
    return None if found is None or found["sign"] else float(found["number"])


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


def parse_months(text: str) -> Stands | None:
    """The months since the year 0 that a date stands for: a whole month without a day; None where it is no date."""
    found = _MONTH.fullmatch(text.strip())
    if found is None:
        return None
    start = int(found["year"]) * 12.0 + int(found["month"]) - 1
    day = int(found["day"]) / 31 if found["day"] else None
    return Stands(start, start + 1) if day is None else Stands(start + day, start + day)
