"""The numbers of the cells of result lines; NotUnderstood where a cell has not what is wanted."""

import re
from collections.abc import Sequence

from benchmarks.pasted.cells import plain_cell
from benchmarks.pasted.line_words import NotUnderstood
from benchmarks.pasted.reading import PastedCell

KeysFound = list[tuple[str, str]]
"""Keys with what is printed under them."""


def parts_of(text: str, many: int) -> Sequence[str]:
    """The numbers of an arm at several times."""
    if many == 1:
        return (text,)
    depth, parts = 0, [""]
    for sign in text.replace(" / ", " "):
        depth += (sign in "([") - (sign in ")]")
        if depth == 0 and sign in " ,/":
            parts.append("")
        else:
            parts[-1] += sign
    made: list[str] = []
    for part in filter(None, parts):
        made[-1:] = [f"{made[-1]} {part}"] if part[0] in "([" and made else [*made[-1:], part]
    if len(made) != many:
        raise NotUnderstood(
            f"{len(made)} numbers for {many} times: '{text}'", "a number for each time, or a line for each"
        )
    return made


def cell_of(text: str, wanted: Sequence[str], what: str, example: str) -> PastedCell:
    """A cell of one of the kinds that are wanted."""
    cell = plain_cell(text)
    if cell.kind not in wanted:
        raise NotUnderstood(f"'{text}' is not {what}" if text else f"no number where {what} should be", example)
    return cell


def number_of(text: str, wanted: Sequence[str], what: str) -> str:
    """The one number of a cell."""
    return cell_of(text, wanted, what, "a plain number, as in 151").values[0]


def p_of(text: str) -> str:
    """A p-value as printed."""
    value = cell_of(text, ("num", "bound"), "a p-value", "P 0.017   or   P < 0.001").values[0]
    if not 0 <= float(value.lstrip("<>≤≥")) <= 1:
        raise NotUnderstood(f"'{text}' is no p-value, which is from 0 to 1", "P 0.017   or   P < 0.001")
    return value


def ratio_of(base: str, text: str, names: Sequence[str]) -> KeysFound:
    """A ratio and its limits under their names."""
    found = amounts_of(base, text, names, kinds=("triple", "num", "bound"), example="HR 0.36 (0.28-0.46)")
    for _, value in found:
        if value != "NA" and float(value.lstrip("<>≤≥")) <= 0 and value[0] not in ">≥":
            raise NotUnderstood(f"'{text}' is no ratio, which is above 0", "HR 0.36 (0.28-0.46)")
    return found


def amounts_of(
    base: str,
    text: str,
    names: Sequence[str],
    share: bool = False,
    dot: str = ".",
    kinds: Sequence[str] = ("triple", "num", "inf", "percent", "bound"),
    example: str = "26.0 (18.4-NA)",
) -> KeysFound:
    """A number and its limits; of shares the sign of percent stays."""
    cell = cell_of(
        text, [kind for kind in kinds if share or kind != "percent"], "a number, with its limits or without", example
    )
    if cell.signed and not share:
        raise NotUnderstood(f"'{text}' is a percentage, which is not wanted here", example)
    values = ("NA",) if cell.kind == "inf" else tuple(_reached(value) for value in cell.values)
    numbers = [float(value.lstrip("<>≤≥")) for value in values if value != "NA"]
    if len(values) == 3 and not _in_order(values):
        raise NotUnderstood(f"'{text}': the number is not between its limits", example)
    if share and any(abs(number) > 100 for number in numbers):
        raise NotUnderstood(f"'{text}' is over 100 %", "70.1% (62.0-76.8)")
    sign = "%" if share and cell.signed else ""
    return [
        (f"{base}{dot}{name}", value + (sign if value != "NA" else ""))
        for name, value in zip(names, values, strict=False)
    ]


def _in_order(values: Sequence[str]) -> bool:
    """Whether a number stands between its limits; what is not reached is above all."""
    middle, low, high = (float("inf") if value == "NA" else float(value.lstrip("<>≤≥")) for value in values)
    return low <= middle <= high


def _reached(value: str) -> str:
    return value if re.match(r"[<>≤≥]?-?\d", value) else "NA"


def fits(values: Sequence[str], size: int) -> bool:
    """Whether a count is that percentage of a size, as far as it is printed."""
    percent = values[1].lstrip("<>≤≥")
    decimals = len(percent.partition(".")[2])
    return abs(100 * int(values[0]) / size - float(percent)) <= 0.5 * 10.0**-decimals + 1e-9
