"""Text that fits its place: long words that may be broken, and sentences told apart."""

import itertools
import re

from markupsafe import Markup

PIECE, WORD = 12, 18
WHOLE = 24
"""Letters up to which a word is never broken."""
_LONG_WORD = re.compile(rf"\S{{{WHOLE + 1},}}")
_JOINT = re.compile(r"[].\[=/_,;:-](?=\w)")
_END = re.compile(r"(?<=[.!?])[”’\")]?\s+(?=[A-Z†“(])")
_SHORT = re.compile(r"(?:^|[\s(])(?:e\.g|i\.e|vs|et al|cf|approx|cond|diff|surv|subdistr|fig|dr|st)\.$", re.IGNORECASE)


def breakable(text: str) -> Markup:
    """The text with places at which its longest words may be broken, which a copy of it does not have."""

    def broken(found: "re.Match[str]") -> str:
        parts = _JOINT.sub("\\g<0>\u200b", found[0]).split("\u200b")
        return "\u200b".join(
            part[k : k + step]
            for part in parts
            for step in (WORD if len(part) <= WORD else PIECE,)
            for k in range(0, len(part), step)
        )

    return Markup("<wbr>").join(_LONG_WORD.sub(broken, text).split("\u200b"))


def sentences(text: str) -> list[str]:
    """The sentences of a text, or its lines; a point of an abbreviation or within brackets ends none."""
    made: list[str] = []
    for line in text.splitlines():
        parts = _parts(line)
        for k, part in enumerate(parts):
            last = made[-1] if made and k else ""
            if last and (_SHORT.search(last) or last.count("(") > last.count(")")):
                made[-1] = f"{last} {part.strip()}"
            elif part.strip():
                made.append(part.strip())
    return made


def _parts(line: str) -> list[str]:
    """The line cut after what may be the end of a sentence."""
    places = [0, *(found.end() for found in _END.finditer(line)), len(line)]
    return [line[start:end] for start, end in itertools.pairwise(places)]
