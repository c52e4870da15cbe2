"""Tables of events: their rows are counts, medians, rates at times and ratios of the endpoints."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.pasted.cox_rows import ratio_names
from benchmarks.pasted.labels import plain_number
from benchmarks.pasted.outcome_rows import read_outcomes
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import Ledger, PastedRow, PastedTable, Spot
from benchmarks.pasted.table_rows import Filled, Pen, TableRow, is_p, number, share_fits, table_rows

_DAYS = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "year": 365.25}
_AT = re.compile(
    r"(?P<time>\d+(?:\.\d+)?|one|two|three|four|five|six)[\s-]*(?P<unit>day|week|month|mo|year|yr|y|m|d)s?\b", re.I
)
_SAID = {"one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6"}
_UNITS = {"mo": "month", "m": "month", "yr": "year", "y": "year", "d": "day"}
_EVENTS = re.compile(r"\bevents?\b|\bdeaths?\b|\bdied\b|progressed|\bno\.? with\b", re.I)
_RESPONSE = re.compile(r"\brespon[sd]|\bremission|disease control", re.I)
_INCIDENCE = re.compile(r"cumulative incidence|incidence", re.I)

OTHER = "-"
"""What rows are under a head that names none of the paper's endpoints."""
_PLAIN = frozenset(
    re.findall(
        r"\S+",
        "a all and any at by ci cumulative event events first for from hazard hr in incidence iqr kaplan-meier km "
        "median month months n no number of or overall p patients percent person-years rate rates ratio risk subjects "
        "survival the time to total value who with year years",
    )
)
"""Words of a label that name no event."""


@dataclass(frozen=True)
class _What:
    """What a row of an endpoint has: median, events, rate, incidence, at_risk, patients, hr or p; at a ``time``."""

    kind: str
    time: str = ""


def read_events(table: PastedTable, paper: PaperFile, ledger: Ledger) -> None:
    """The numbers of a table of events, each under its endpoint, side and arm."""
    pen = Pen(table, paper, ledger)
    under, rows = "", table_rows(table, ledger)
    only = next(iter(paper.endpoints)) if len(paper.endpoints) == 1 else ""
    _ask_endpoint(pen, rows)
    answered: list[PastedRow] = []  # below a head of responses
    for row in rows:
        if pen.settled(row.label) == "skip":
            continue
        own = endpoint_in(pen, row.label.text)
        responses = not own and bool((row.empty and _RESPONSE.search(row.label.text)) or (answered and under == OTHER))
        if responses:
            under = OTHER
            answered.append(row.row)
            continue
        if row.empty:
            under = own or (under if _is_of_endpoints(row.label.text) else OTHER)
            continue
        for filled in (*row.arms, *row.others, *row.tests):
            endpoint = own or under or filled[0].endpoint or only
            endpoint = "" if endpoint == OTHER or (not own and not _is_of_endpoints(row.label.text)) else endpoint
            if not (endpoint and filled in row.arms and _failed(pen, row, filled, endpoint)):
                of_head = _What("events") if filled[0].statistic == "events" else None
                what = _counted(pen, row, endpoint) or of_head or _what(pen, row.label.text)
                _number(pen, row, filled, endpoint, what)
    if answered:
        read_outcomes(replace(table, kind="response", rows=tuple(answered)), paper, ledger)


def _is_of_endpoints(text: str) -> bool:
    """Whether a label has no words but those of counts, rates and times, so that the endpoint above it is meant."""
    return not _content(text)


def _failed(pen: Pen, row: TableRow, filled: Filled, endpoint: str) -> bool:
    """Whether a cell under "no. (3-year KM%)" was put down: its events, and 1 less the share with the event by then."""
    column, cell = filled
    time = time_in(pen, column.head)
    failing = re.search(r"\bKM\b|kaplan|cumulative|event rate", column.head, re.I) and not re.search(
        "surviv|free", f"{column.head} {row.label.text}", re.I
    )
    share = number(cell.values[1]) if cell.kind in ("pair", "share") and len(cell.values) == 2 else None
    if not (time and failing and cell.values[0].isdigit() and share is not None and share <= 100):
        return False
    rivals = "competing" in pen.paper.endpoints[endpoint]
    start, printed = f"endpoints.{endpoint}.{pen.side(column)}", cell.values[1]
    pen.put(f"{start}.km.{column.arm}.events", cell.values[0], row, filled)
    if rivals:
        pen.put(f"{start}.incidence.{column.arm}[{time}]", printed, row, filled)
        return True
    left = f"{100 - share:.{len(printed.partition('.')[2])}f}%"
    pen.put(f"{start}.km.{column.arm}.survival[{time}]", left, row, filled)
    pen.assume(row, f"'{cell.raw.strip()}': {printed} % with the event by {time} are {left} without it")
    return True


def _ask_endpoint(pen: Pen, rows: Sequence[TableRow]) -> None:
    """Asks of which endpoint a table is, of which neither the columns nor any row names one."""
    names = tuple(pen.paper.endpoints)
    live = [column.letter for column in pen.table.columns if not column.skip and not column.endpoint]
    if not live or len(names) == 1 or any(endpoint_in(pen, row.label.text) for row in rows):
        return
    where = live[0] if len(live) == 1 else f"{live[0]}-{live[-1]}"
    readings = tuple(f"{where}: {name}" for name in names)
    what = f"columns {', '.join(live)} name none of the endpoints {', '.join(names)}, nor do the rows"
    pen.ledger.ask(Spot(pen.table.file, rows[0].line if rows else 1), what, readings[0], readings, columns=live)


def _counted(pen: Pen, row: TableRow, endpoint: str) -> _What | None:
    """Events, where a row is called as its endpoint is and holds patients with their share of the arms; else None."""
    what = pen.paper.endpoints.get(endpoint, "").partition(";")[0]
    called = endpoint.casefold() == row.label.text.casefold() or _content(row.label.text) == _content(what)
    shares = [share_fits(cell.values, pen.size(column)) for column, cell in row.arms if len(cell.values) == 2]
    return _What("events") if called and len(shares) == len(row.arms) > 0 and all(shares) else None


def endpoint_in(pen: Pen, text: str) -> str:
    """The endpoint that a label names, '' where it names none.

    By all words of its definition ("CV death, MI, or stroke"), by its name unless that is one of several events, or
    by its usual words; "deaths" of no cause are of the endpoint that is death alone.
    """
    words = _content(text)
    for part in (text, text.partition(":")[2]):
        for name, what in pen.paper.endpoints.items():
            if _content(part) and _content(part) == _content(what.partition(";")[0]):
                return name
    for name in sorted(pen.paper.endpoints, key=len, reverse=True):
        found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.I if len(name) > 3 else 0)
        if found and not _one_of_several(name, text):
            return name
    spoken = re.findall(r"[a-z]+", text.casefold())
    for name in pen.paper.endpoints:
        runs = [spoken[at : at + len(name)] for at in range(len(spoken) - len(name) + 1)] if len(name) > 1 else []
        said = [run for run in runs if "".join(word[0] for word in run) == name.casefold()]
        if name.isupper() and any({"survival", "time", "incidence", "progression"} & set(run) for run in said):
            return name
    dead = [name for name, what in pen.paper.endpoints.items() if what.strip() == "death"]
    return dead[0] if len(dead) == 1 and words and words <= {"death", "died", "dead"} else ""


def _content(text: str) -> frozenset[str]:
    """The words of a label or definition that say which event it is, without those of counts, rates and times."""
    plain = _AT.sub(" ", re.sub(r"all[ -]cause|from any cause|of any cause|for any reason", " ", text.casefold()))
    words = re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", plain)
    return frozenset({"deaths": "death"}.get(word, word) for word in words if word not in _PLAIN)


def _one_of_several(name: str, text: str) -> bool:
    """Whether a name is one event of a label that lists several: MI in "CV death, MI, or stroke"."""
    parts = re.split(r"[,;]|\bor\b|\band\b", re.sub(r"\(.*?\)", " ", text))
    events = [part for part in parts if _content(part)]
    return len(events) > 1 and any(part.strip().casefold() == name.casefold() for part in events)


def time_in(pen: Pen, text: str) -> str:
    """A time in a label in the paper's unit of time, '' where it has none: 1 year is 12 months."""
    found = _AT.search(text)
    if not found:
        return ""
    digits = _SAID.get(found["time"].lower(), found["time"])
    unit = _UNITS.get(found["unit"].lower(), found["unit"].lower())
    own = pen.paper.time_unit.rstrip("s").lower()
    if unit == own:
        return plain_number(digits)
    exact = {("year", "month"): 12.0, ("month", "year"): 1 / 12, ("week", "day"): 7.0, ("day", "week"): 1 / 7}
    factor = exact.get((unit, own), _DAYS.get(unit, 0.0) / _DAYS.get(own, 1.0))
    return f"{float(digits) * factor:.6g}"


def _what(pen: Pen, text: str) -> _What:
    words = text.casefold()
    time = time_in(pen, text)
    if re.search(r"at risk", words):
        return _What("at_risk", time)
    if re.search(r"hazard ratio|\bhr\b", words):
        return _What("hr")
    if re.search(r"\bp(?: ?-?value)?\b|log-?rank", words) and not re.search("median|rate|event", words):
        return _What("p")
    if "follow-up" in words or "follow up" in words:
        return _What("follow_up")
    if "median" in words:
        return _What("median")
    if time:
        return _What("incidence" if _INCIDENCE.search(words) else "rate", time)
    if _EVENTS.search(words):
        return _What("events")
    return _What("patients" if re.search(r"\bpatients\b|\bn\b", words) else "")


def _number(pen: Pen, row: TableRow, filled: Filled, endpoint: str, what: _What) -> None:
    column, cell = filled
    if not endpoint:
        pen.not_understood(row, f"'{row.label.text}' names no endpoint", column.letter)
        return
    start = f"endpoints.{endpoint}.{pen.side(column)}"
    if column.statistic in ("hr", "low", "high", "limits") or (what.kind == "hr" and filled not in row.arms):
        names = ratio_names(filled)
        if names:
            pen.put_all(f"{start}.cox", names, cell.values, row, filled)
            return
    elif column.statistic == "p" and is_p(cell):
        if what.kind in ("hr", "p", "median") or _has_ratio(row):
            pen.put(
                f"{start}.{'cox' if what.kind == 'hr' or _has_ratio(row) else 'logrank'}.p", cell.values[0], row, filled
            )
            return
    elif what.kind in ("hr", "p") and filled in row.arms and len(row.arms) == 1:  # a row across the arms
        names = ratio_names((replace(column, statistic=what.kind), cell))
        if names:
            pen.put_all(f"{start}.{'cox' if what.kind == 'hr' else 'logrank'}", names, cell.values, row, filled)
            return
    elif filled in row.arms and (found := _of_arm(filled, what)):
        _put_arm(pen, row, filled, start, what, found)
        return
    pen.not_understood(row, f"'{cell.raw}' in row '{row.label.text}' is not known", column.letter)


def _has_ratio(row: TableRow) -> bool:
    return any(column.statistic == "hr" for column, _ in row.others)


def _of_arm(filled: Filled, what: _What) -> tuple[tuple[str, str], ...]:
    """The numbers of an arm's cell with the end of their keys."""
    _, cell = filled
    values = cell.values
    single = cell.kind in ("num", "percent")
    match what.kind:
        case "median" | "follow_up" if cell.kind in ("triple", "num", "inf", "bound"):
            return tuple(zip(("median", "low", "high"), values or ("NR",), strict=False))
        case "rate" | "incidence" if cell.kind == "triple" or single:
            return tuple(zip(("", ".low", ".high"), values, strict=False))
        case "events" if cell.kind in ("share", "pair") or (single and cell.kind == "num"):
            if values[0].isdigit():
                more = (("n", cell.of),) if cell.of.isdigit() else ()
                return (*zip(("events", "percent"), values, strict=False), *more)
        case "patients" | "at_risk" if cell.kind == "num" and values[0].isdigit():
            return (("n" if what.kind == "patients" else "", values[0]),)
    return ()


def _put_arm(
    pen: Pen, row: TableRow, filled: Filled, start: str, what: _What, found: tuple[tuple[str, str], ...]
) -> None:
    arm = filled[0].arm
    for name, value in found:
        match what.kind:
            case "follow_up":
                key = f"{start}.follow_up.{arm}.{name}"
            case "rate":
                key = f"{start}.km.{arm}.survival[{what.time}]{name}"
            case "incidence":
                key = f"{start}.incidence.{arm}[{what.time}]{name}"
            case "at_risk":
                key = f"{start}.km.{arm}.at_risk[{what.time}]"
            case _:
                key = f"{start}.km.{arm}.{name}"
        pen.put(key, value, row, filled)
