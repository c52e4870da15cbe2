"""The cells at the end of a line whose columns stand one blank apart, as text copied out of a PDF has them."""

import re

from benchmarks.pasted.cells import plain_cell, plain_text

MOST_WORDS = 80
_LONGEST = 6  # words of a cell: "0.74 (95% CI 0.54 to 0.99)" has as many
_SAID = re.compile(
    r"not (?:reached|estimable|evaluable|applicable|available|done|reported)|1(?:\.0+)? \(?ref\w*\)?", re.I
)
_SIGN = re.compile(r"^(?:[<>≤≥]|p\s?[=<>]) ?\d*\.?\d+%?$", re.I)
_RANGE = re.compile(r"^-?\d[\d.,]*%? (?:[-–—−]|to) -?\d[\d.,]*%?$")
_BESIDE = re.compile(r"^\d+\.\d+ \d+\.\d+(?:[-–—]| to )\d+\.\d+$")
_MARK = r"(?: ?[*†‡§¶#ᵃ-ᶿ⁰¹²³⁴-⁹]|[a-f])*"
_OPENS = re.compile(r"^[([]")
_DANGLING = re.compile(r"(?:^|\s)(?:[<>≤≥=±/+]|[<>≤≥=]|to|of|and|or|vs\.?|than|n|[([][^)\]]*)$", re.I)


def kind_of(text: str) -> str:
    """The kind of a cell; what no cell is, is "unread"."""
    kind = plain_cell(text).kind
    return plain_cell(text, True).kind if kind == "unread" else kind


def splits(line: str, beside: bool = True) -> list[tuple[str, tuple[str, ...]]]:
    """All ways to part a line into a label and the cells behind it, those with most cells first.

    A number and the bracket behind it are one cell, never two; so are a ratio and the limits beside it without a
    bracket, where ``beside``. A label ends with no sign, and is never empty.
    """
    words = plain_text(line).split(" ")
    raw = line.split()
    if len(raw) != len(words) or len(words) > MOST_WORDS:
        raw = words
    found: list[tuple[str, tuple[str, ...]]] = []
    ends: dict[int, tuple[str, ...]] = {len(words): ()}
    for start in range(len(words) - 1, 0, -1):
        if _OPENS.match(words[start]) and _number(words[start - 1]):
            continue
        best: tuple[str, ...] | None = None
        for end in range(start + 1, min(start + _LONGEST, len(words)) + 1):
            rest = ends.get(end)
            if rest is not None and _is_cell(words[start:end], beside) and (best is None or len(rest) + 1 < len(best)):
                best = (" ".join(raw[start:end]), *rest)
        if best is None:
            continue
        ends[start] = best
        if not _DANGLING.search(" ".join(words[:start])) and not _OPENS.match(words[start]):
            found.append((" ".join(raw[:start]), best))
    shortest: dict[int, tuple[str, tuple[str, ...]]] = {len(one[1]): one for one in found}
    return [shortest[count] for count in sorted(shortest, reverse=True)]


def ends_in_cells(label: str) -> bool:
    """Whether a label ends with what no label ends with: a number with decimals, or one with a bracket or ±."""
    words = plain_text(label).split(" ")
    if re.fullmatch(r"[<>≤≥=\d., -–—]*(?:to[<>≤≥=\d., -–—]*)?", " ".join(words)):
        return False
    return any(
        _is_cell(words[start:], True) and re.search(r"\d[(\[. ±]+\d|\d\)?$", " ".join(words[start:])) is not None
        and re.search(r"[.±(\[]", " ".join(words[start:])) is not None
        for start in range(max(1, len(words) - _LONGEST), len(words))
    )  # fmt: skip


def _number(word: str) -> bool:
    return re.fullmatch(r"[<>≤≥]?-?\d[\d.,]*%?|NA|NR|NE|N/A|not|reached", word) is not None


def _is_cell(words: list[str], beside: bool) -> bool:
    """Whether words are one cell: a single one, or several that a bracket or a sign holds together."""
    text = " ".join(words)
    if len(words) == 1:
        return kind_of(text) != "unread" and text != "·"
    if _SAID.fullmatch(text):
        return True
    held = "±" in text or _SIGN.match(text) or _RANGE.match(text) or (beside and _BESIDE.match(text))
    bracket = re.search(rf" ?[([][^()\[\]]*[)\]]{_MARK}$", text)
    if not held and (bracket is None or _OPENS.match(text) or not _held_before(text[: bracket.start()])):
        return False
    return kind_of(text) != "unread"


def _held_before(text: str) -> bool:
    """Whether what stands before a bracket is one number, a share, or what is not reached."""
    return re.fullmatch(r"[<>≤≥]? ?-?\d[\d.,·]*%?(?: ?/ ?\d[\d,]*)?|NA|NR|NE|NC|not \w+|-", text, re.I) is not None
