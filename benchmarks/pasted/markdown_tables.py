"""The rows of a table whose columns stand between bars, as Markdown has them and as pages are stored."""

import re
from collections.abc import Sequence

_RULE = re.compile(r"[|:\-\s+=]+")
_BAR = re.compile(r"(?<!\\)\|")


def markdown_rows(lines: Sequence[str]) -> list[tuple[int, list[str]]]:
    """The texts of each row with its line; a row that is broken within cells, as its rule of dashes tells, is whole.

    Where the rule begins with no bar, a bar at the beginning of a row stands behind an empty cell.
    """
    rule = next((line.strip() for line in lines if "-" in line and "|" in line and _RULE.fullmatch(line)), "")
    led, bars = rule.startswith("|") or not rule, _count(rule)
    made: list[tuple[int, list[str]]] = []
    held, start = "", 0
    for at, line in enumerate(lines, start=1):
        if not line.strip() or (_RULE.fullmatch(line) and "-" in line):
            made += _rows(held, start, led)
            held = ""
            continue
        held, start = (f"{held} {line.strip()}", start) if held else (line, at)
        if _is_whole(held, bars, led) or (not _count(held) and held is line):
            made += _rows(held, start, led)
            held = ""
    return made + _rows(held, start, led)


def _count(line: str) -> int:
    return len(_BAR.findall(line))


def _is_whole(row: str, bars: int, led: bool) -> bool:
    """Whether a row is no piece of one: it has as many bars as the rule, or there is none that tells."""
    return not bars or led or _count(row) >= bars


def _rows(line: str, at: int, led: bool) -> list[tuple[int, list[str]]]:
    if not line.strip():
        return []
    inner = line.strip()
    opens = led and inner.startswith("|")
    cells = _BAR.split(inner[1:] if opens else line)
    if len(cells) > 1 and not cells[-1].strip() and (opens or not led) and inner.endswith("|"):
        cells = cells[:-1]
    cells[0] = cells[0].removeprefix(" ") if opens or led else cells[0]
    return [(at, [cell.replace("\\|", "|") for cell in cells])]
