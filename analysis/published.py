"""What printed numbers stand for."""

import re
from dataclasses import dataclass
from math import inf

NOT_PRINTED = "not_printed"
_NUMBER = re.compile(r"(?P<sign>[<>≤≥]?)\s*(?P<number>-?\d+(?:\.(?P<decimals>\d+))?)")


@dataclass(frozen=True)
class Stands:
    """The interval of values that a printed text stands for."""

    low: float
    high: float


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
