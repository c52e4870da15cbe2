"""Modes of progression of a derived world, from the shares of modes that papers print."""

import re
from collections.abc import Mapping

from analysis.audit.published import Stands, counts_printed_so, parse_printed
from benchmarks.derived.paper_numbers import PaperNumbers
from benchmarks.derived.parts import Tree, sourced
from benchmarks.derived.recording import Recorded, by_arm
from benchmarks.pasted.reading import ROLES


def modes(numbers: PaperNumbers, made: Recorded) -> None:
    """Modes of progression: what is printed are shares of modes, and a world has shares of progressions.

    Where the printed shares sum to all, the fewest modes of which all of them are whole numbers are found, no fewer
    than there were events; the progressions are the events less those that are deaths.
    """
    names = tuple(dict.fromkeys(name for name, _ in numbers.names("modes")))
    if not names:
        return
    side = numbers.side_of("modes", names[0])
    death = next((one for one in names if re.search(r"death|died|deceased", one)), "")
    endpoint = progression_endpoint(numbers)
    shares: list[dict[str, float]] = []
    told = []
    for role in ROLES:
        row = {one: mode_percent(numbers, one, side, role) for one in names}
        blank = [one for one, value in row.items() if value is None]
        if blank:
            made.said.append(f"modes.{blank[0]}: not printed of both arms; the modes are left out")
            return
        whole = {one: value for one, value in row.items() if value is not None}
        events = numbers.value(f"endpoints.{endpoint}.{side}.km.{role}.events")
        own, words = mode_shares(numbers, whole, death, side, role, events)
        shares.append(own)
        told.append(words)
    where = numbers.where(*(f"modes.{names[0]}.{side}.{role}.percent" for role in ROLES))
    part: Tree = {"death": death or "death"}
    if len(progression_endpoints(numbers)) > 1:
        part["endpoint"] = endpoint
    part["modes"] = {
        one: {
            "label": numbers.label(one),
            "share": sourced(
                by_arm(numbers, [row[one] for row in shares]),
                f"{where}: {told[0]}; {told[1]}",
            ),
        }
        for one in names
        if one != death
    }
    made.outcomes["progression_modes"] = part


def progression_endpoints(numbers: PaperNumbers) -> list[str]:
    """The endpoints of which progression is an event."""
    return [name for name, text in numbers.reading.paper.endpoints.items() if "progress" in text.casefold()]


def progression_endpoint(numbers: PaperNumbers) -> str:
    """The endpoint of the modes: the first of which progression is an event."""
    return next(iter(progression_endpoints(numbers)), "")


def mode_percent(numbers: PaperNumbers, name: str, side: str, role: str) -> float | None:
    """A mode's printed percentage; of a count alone the count."""
    key = f"modes.{name}.{side}.{role}"
    percent = numbers.value(f"{key}.percent")
    return numbers.value(f"{key}.n") if percent is None else percent


def mode_shares(
    numbers: PaperNumbers, row: dict[str, float], death: str, side: str, role: str, events: float | None
) -> tuple[dict[str, float], str]:
    """The share of an arm's progressions that have each mode, and how it was found."""
    total = sum(row.values())
    first = row.get(death, 0.0)
    if events is None or not 97 <= total <= 103:
        alive = max(total - first, 1e-9) if 97 <= total <= 103 else 100.0 - first
        rest = {one: min(value / alive, 1.0) for one, value in row.items() if one != death}
        return at_least_one(rest), "shares of events without the deaths; no number of events is printed"
    printed = {
        one: parse_printed(numbers.published[key].printed, key)
        for one in row
        if (key := f"modes.{one}.{side}.{role}.percent") in numbers.published
    }
    fitting = (m for m in range(round(events), 4 * round(events)) if fits(m, printed, row))
    count = next(fitting, round(1.3 * events))
    deaths = round(first * count / 100)
    progressed = max(round(events) - deaths, 1)
    made = {one: min(round(value * count / 100) / progressed, 1.0) for one, value in row.items() if one != death}
    return at_least_one(made), f"of {count} modes, {deaths} deaths, {progressed} progressions"


def fits(count: int, printed: Mapping[str, Stands], row: dict[str, float]) -> bool:
    """Whether so many modes have all printed percentages, and sum to as many."""
    counts = [counts_printed_so(stands, count) for stands in printed.values()]
    low, high = sum(one.start for one in counts), sum(one.stop - 1 for one in counts)
    return bool(printed) and len(printed) == len(row) and all(len(one) for one in counts) and low <= count <= high


def at_least_one(shares: dict[str, float]) -> dict[str, float]:
    """The shares, scaled to sum to 1 where they sum to less: each progression has a mode."""
    total = sum(shares.values())
    return shares if total >= 1 or total <= 0 else {one: value / total for one, value in shares.items()}
