"""The order of levels: their rank by number, Roman number, letter or cut, and the kind of variable that they make."""

import re
from itertools import pairwise

from benchmarks.pasted.labels import cut_of

_ROMAN = {"0": 0, "i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6}
_GRADED = ("none", "minimal", "mild", "low", "moderate", "medium", "intermediate", "high", "severe", "very high")


def rank(level: str) -> float | None:
    """Where a level stands among others: its number, its Roman number, its letter, its cut; None where it has none."""
    text = re.sub(
        r"^(?:stage|grade|class|score|type|level|group|category|t|n|m|g|f|iss)\s*(?=\d|[iv]+[a-d]?\b|[a-d]\b)",
        "",
        level.strip(),
        flags=re.I,
    )
    if cut := cut_of(text):
        return (
            float(cut.number) + {"<": -0.5, "<=": -0.25, ">": 0.5, ">=": 0.25}[cut.sign]
            if _finite(cut.number)
            else None
        )
    if found := re.match(r"(\d+(?:\.\d+)?)(?:\s*[-–—/]|\s*to\b|[a-d]?$|\s*\(|\s+or\b)", text):
        return float(found[1]) + 0.1 * "abcd".find(text[-1:].lower()) * (
            text[-1:].lower() in "abcd" and text[-1:] != ""
        )
    if found := re.match(r"(i{1,3}|iv|vi?)([a-d]?)(?:[-–—/]|$)", text, re.I):
        return _ROMAN[found[1].lower()] + 0.1 * (1 + "abcd".find(found[2].lower()) if found[2] else 0)
    if re.fullmatch(r"[A-Za-z](?:[-–—/][A-Za-z])?", text):
        return float(ord(text[0].upper()))
    return float(_GRADED.index(text.lower())) if text.lower() in _GRADED else None


def _finite(number: str) -> bool:
    return number.count(".") <= 1


def kind_of_levels(levels: tuple[str, ...]) -> str:
    """binary, ordinal where the levels of three or more have a rising or falling order, else nominal."""
    if len(levels) <= 2:
        return "binary"
    ranks = [rank(level) for level in levels]
    known = [one for one in ranks if one is not None]
    rising = all(a < b for a, b in pairwise(known))
    falling = all(a > b for a, b in pairwise(known))
    return "ordinal" if len(known) == len(ranks) and (rising or falling) else "nominal"
