"""A digitised Kaplan-Meier curve in a file: read strictly, line by line, and cleared of what digitising adds.

Columns ``time``, ``survival``, ``arm`` and, where numbers at risk are known, ``at_risk``: beside a point, or on rows
without survival. Numbers at risk may also lie in a file of their own beside it, ``os-at-risk.csv`` for ``os.csv``.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isfinite
from pathlib import Path
from typing import NoReturn

from simulator.documents.loading import DocumentError
from simulator.documents.problems import Problem, printable
from simulator.documents.safe_files import read_whole

MOST_BYTES = 4 * 2**20
MOST_ARMS = 12
MOST_LETTERS = 80
MOST_PATIENTS = 100_000
EARLY = 0.01
"""How far before 0, or before the point above it, a digitised time may lie: a share of the axis."""
RISE = 0.02
"""How far a digitised curve may rise, start above 1 or end below 0: two points of survival, levelled."""
HEADS = {
    "time": "time", "t": "time", "x": "time", "survival": "survival", "surv": "survival", "s": "survival",
    "y": "survival", "arm": "arm", "group": "arm", "treatment": "arm", "curve": "arm", "at risk": "at_risk",
    "number at risk": "at_risk", "n at risk": "at_risk", "no at risk": "at_risk", "n.risk": "at_risk",
    "nrisk": "at_risk", "n risk": "at_risk",
}  # fmt: skip
NO_NUMBER = frozenset({"", "na", "n/a", "nan", "-", "–", "—", "."})
_NUMBER = re.compile(r"[-+]?(?:\d{1,12}(?:[.,]\d{0,15})?|[.,]\d{1,15})(?:[eE][-+]?\d{1,2})?", re.ASCII)
_THOUSANDS = re.compile(r"\d{1,3}(?:[,' \u2009\u202f\xa0]\d{3})+", re.ASCII)
_COUNT = re.compile(r"\d{1,9}(?:\.0*)?", re.ASCII)
WANTED = "the first line names the columns: time,survival,arm and perhaps at_risk"


@dataclass(frozen=True)
class DigitisedArm:
    """One arm of a digitised curve: points in time that never rise, as shares, and its numbers at risk by time.

    ``lines`` are those of the points in the file; ``last`` is the last time of a point.
    """

    arm: str
    time: tuple[float, ...]
    survival: tuple[float, ...]
    lines: tuple[int, ...]
    at_risk: dict[float, int]
    risk_lines: dict[float, tuple[str, int]]

    @property
    def last(self) -> float:
        """The last time of a point."""
        return self.time[-1]

    def at(self, time: float) -> float:
        """Survival at a time: that of the last point up to it, 1 before the first."""
        held = 1.0
        for when, height in zip(self.time, self.survival, strict=True):
            if when > time:
                break
            held = height
        return held

    def after(self, time: float) -> float:
        """Survival at the first point at or after a time, at the last point beyond it."""
        return next((h for when, h in zip(self.time, self.survival, strict=True) if when >= time), self.survival[-1])


@dataclass(frozen=True)
class CurveFile:
    """A digitised curve: its arms in the order of the file, and what was made of what digitising adds, in words."""

    name: str
    arms: tuple[DigitisedArm, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Row:
    """A row as it stands: where, whose, and the numbers that it has."""

    file: str
    line: int
    arm: str
    time: float
    survival: float | None
    at_risk: int | None
    signed: bool


def read_curve_file(path: Path, beside: bool = True) -> CurveFile:
    """The curve of a file; DocumentError names the lines that are wrong.

    ``beside``: numbers at risk are also taken from the file of the same name that ends in ``-at-risk``.
    """
    rows = _rows(path, needed=("time", "survival", "arm"))
    second = path.with_name(f"{path.stem}-at-risk{path.suffix}")
    if beside and second.is_file():
        rows += _rows(second, needed=("time", "at_risk", "arm"))
    by_arm: dict[str, list[_Row]] = {}
    spelled: dict[str, str] = {}
    for row in rows:
        by_arm.setdefault(spelled.setdefault(row.arm.casefold(), row.arm), []).append(row)
    if len(by_arm) > MOST_ARMS:
        few = ", ".join(map(repr, list(by_arm)[:4]))
        _refuse(path.name, 1, f"has {len(by_arm)} arms ({few}, ...)", f"a curve has one to {MOST_ARMS} arms")
    percent = _in_percent(path.name, [row for row in rows if row.survival is not None])
    notes = ["survival is in percent" if percent else "survival is a share"]
    arms = tuple(_arm(path.name, arm, own, 100.0 if percent else 1.0, notes) for arm, own in by_arm.items())
    return CurveFile(path.name, arms, tuple(notes))


def _rows(path: Path, needed: Sequence[str]) -> list[_Row]:
    """The rows of a file; every line that is wrong is told."""
    try:
        text = read_whole(path.parent, path.name, MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(path.name, 0, f"is not UTF-8 text (byte {error.start})", "save it as CSV (UTF-8)")
    except (OSError, ValueError) as error:
        _refuse(str(path), 0, f"cannot be read ({getattr(error, 'strerror', None) or error})", "name a CSV file")
    lines = text.splitlines()
    first = next((k for k, line in enumerate(lines) if line.strip()), None)
    if first is None:
        _refuse(path.name, 0, "is empty", WANTED)
    mark = max("\t;,", key=lines[first].count)
    names = [_head(cell) for cell in _cells(path.name, first + 1, lines[first], mark)]
    for name in needed:
        if names.count(name) != 1:
            told = "has no column" if name not in names else "has more than one column"
            _refuse(path.name, first + 1, f"{told} {name}", WANTED)
    wrong: list[Problem] = []
    rows: list[_Row] = []
    for number, line in enumerate(lines[first + 1 :], first + 2):
        if line.strip(f" {mark}"):
            try:
                rows.append(_row(path.name, number, _cells(path.name, number, line, mark), names, mark))
            except DocumentError as error:
                wrong += error.problems
    if wrong:
        raise DocumentError(wrong)
    if not rows:
        _refuse(path.name, first + 1, "has no row below its head", WANTED)
    return rows


def _head(cell: str) -> str:
    plain = " ".join(cell.replace("_", " ").replace("-", " ").casefold().split())
    return HEADS.get(plain, plain)


def _cells(file: str, number: int, line: str, mark: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader(io.StringIO(line), delimiter=mark, strict=True))]
    except (csv.Error, StopIteration):
        _refuse(file, number, "is no line of a CSV file", "quotes that open must close on the same line")


def _row(file: str, number: int, cells: list[str], names: list[str], mark: str) -> _Row:
    """A row read; DocumentError says what is wrong with it."""
    if len(cells) > len(names) and any(cells[len(names) :]):
        comma = "; with decimal commas, part the columns with semicolons" if mark == "," else ""
        _refuse(file, number, f"has {len(cells)} cells, its head {len(names)}", f"one cell for each column{comma}")
    found = dict(zip(names, [*cells, *[""] * len(names)], strict=False))
    if not found["arm"]:
        _refuse(file, number, "names no arm", "write the arm on every row")
    arm = " ".join(found["arm"].split())
    if len(arm) > MOST_LETTERS or not arm.isprintable():
        told = f"arm {printable(arm, 40)!r} is no label"
        _refuse(file, number, told, f"at most {MOST_LETTERS} letters that can be seen")
    time = _number(file, number, "time", found["time"])
    if time is None:
        _refuse(file, number, "has no time", "write a number under time")
    text = found.get("survival", "")
    signed = text.endswith("%")
    survival = _number(file, number, "survival", text.removesuffix("%").rstrip())
    risk = _count(file, number, found.get("at_risk", ""))
    if survival is None and risk is None:
        _refuse(file, number, "has neither survival nor at_risk", "write one of them, or remove the row")
    return _Row(file, number, arm, time, survival, risk, signed)


def _count(file: str, line: int, text: str) -> int | None:
    """The number at risk of a cell, None where it has none; 1,616 is a count, 1.616 is none."""
    if text.casefold() in NO_NUMBER:
        return None
    plain = re.sub(r"\D", "", text) if _THOUSANDS.fullmatch(text) else text
    if _COUNT.fullmatch(plain) is None or (count := int(float(plain))) > MOST_PATIENTS:
        told = f"at_risk {printable(text, 40)!r} is no count"
        _refuse(file, line, told, f"a whole number from 0 to {MOST_PATIENTS:,}")
    return count


def _number(file: str, line: int, name: str, text: str) -> float | None:
    """The number of a cell, None where it has none."""
    plain = text.replace("−", "-").replace("·", ".").strip()
    if plain.casefold() in NO_NUMBER:
        return None
    if _NUMBER.fullmatch(plain) is None or not isfinite(value := float(plain.replace(",", "."))):
        _refuse(file, line, f"{name} {printable(text, 40)!r} is not a number", "write a number such as 12.5")
    return value


def _in_percent(file: str, rows: Sequence[_Row]) -> bool:
    """Whether survival is in percent, as it is where a value is above 1.5 or has a percent sign, in every arm."""
    if not rows:
        _refuse(file, 0, "has no point of a curve", WANTED)
    tops: dict[str, tuple[float, _Row]] = {}
    for row in rows:
        held = tops.get(row.arm.casefold())
        if row.survival is not None and (held is None or row.survival > held[0]):
            tops[row.arm.casefold()] = (row.survival, row)
    signed = any(row.signed for row in rows)
    kinds = {arm: signed or top > 1.5 for arm, (top, _) in tops.items()}
    if len(set(kinds.values())) > 1:
        row = next(row for arm, (_, row) in tops.items() if not kinds[arm])
        told = f"survival of {printable(row.arm, 40)!r} is at most {row.survival:g}, and another arm's is in percent"
        _refuse(file, row.line, told, "write all as shares (0 to 1) or all as percent (0 to 100)")
    return any(kinds.values())


def _arm(file: str, arm: str, rows: Sequence[_Row], scale: float, notes: list[str]) -> DigitisedArm:
    """The curve of an arm in order, levelled; DocumentError where it is none."""
    shown = printable(arm, 40)
    points = [(row.time, row.survival / scale, row) for row in rows if row.survival is not None]
    if len(points) < 2:
        _refuse(
            rows[0].file, rows[0].line, f"arm {shown!r} has {len(points)} points", "a curve has at least 2 in each arm"
        )
    axis = max(time for time, _, _ in points)
    if axis <= 0:
        _refuse(file, points[0][2].line, f"no time of arm {shown!r} is above 0", "times count from the start")
    for time, height, row in points:
        if time < -EARLY * axis:
            _refuse(file, row.line, f"time {time:g} is before 0", f"times from 0 on (to {-EARLY * axis:.2g} is noise)")
        if not -RISE <= height <= 1 + RISE:
            most = f"{scale:g}"
            _refuse(file, row.line, f"survival {row.survival:g} is not from 0 to {most}", "read the point again")
    points = _ordered(points, EARLY * axis)
    early = sum(time < 0 for time, _, _ in points)
    notes += [f"{shown}: {early} time{'s' * (early > 1)} slightly before 0 taken as 0"] if early else []
    heights = [min(max(height, 0.0), 1.0) for _, height, _ in points]
    rises = _rises(file, shown, heights, [row for _, _, row in points], scale)
    if rises:
        some = "1 point rises" if len(rises) == 1 else f"{len(rises)} points rise"
        notes.append(f"{shown}: {some} by at most {100 * max(rises):.1f} points of percent, and the curve was levelled")
    at_risk, where = _at_risk(shown, rows, EARLY * axis)
    times, lines = tuple(max(time, 0.0) for time, _, _ in points), tuple(row.line for _, _, row in points)
    return DigitisedArm(arm, times, tuple(_levelled(heights)), lines, at_risk, where)


def _rises(file: str, arm: str, heights: Sequence[float], rows: Sequence[_Row], scale: float) -> list[float]:
    """How far each point that rises lies above those before it; DocumentError where that is no noise."""
    found, lowest = [], inf
    for height, row in zip(heights, rows, strict=True):
        if height > lowest + RISE:
            told = f"survival {row.survival:g} of arm {arm!r} is above {lowest * scale:g} before it"
            _refuse(file, row.line, told, f"a curve never rises (up to {RISE * scale:g} is taken for noise)")
        if height > lowest:
            found.append(height - lowest)
        lowest = min(lowest, height)
    return found


def _ordered(points: list[tuple[float, float, _Row]], slack: float) -> list[tuple[float, float, _Row]]:
    """Points in order of time: as they stand where they go back no further than a hand does, the time then held."""
    held, highest = [], -inf
    for time, height, row in points:
        if time < highest - slack:
            return sorted(points, key=lambda one: (one[0], -one[1]))
        highest = max(highest, time)
        held.append((highest, height, row))
    return held


def _levelled(heights: Iterable[float]) -> list[float]:
    """The nearest curve that never rises: means of what rises, so that noise does not lower it."""
    pools: list[tuple[float, int]] = []
    for height in heights:
        mean, count = height, 1
        while pools and pools[-1][0] < mean:
            above, many = pools.pop()
            mean, count = (above * many + mean * count) / (many + count), many + count
        pools.append((mean, count))
    return [mean for mean, count in pools for _ in range(count)]


def _at_risk(arm: str, rows: Iterable[_Row], slack: float) -> tuple[dict[float, int], dict[float, tuple[str, int]]]:
    """Numbers at risk by time, and where they stand; DocumentError where two differ or they rise."""
    found: dict[float, int] = {}
    where: dict[float, tuple[str, int]] = {}
    for row in rows:
        if row.at_risk is None:
            continue
        time = max(row.time, 0.0)
        if row.time < -slack:
            _refuse(row.file, row.line, f"at_risk at time {row.time:g}", "numbers at risk stand at times from 0 on")
        if found.setdefault(time, row.at_risk) != row.at_risk:
            told = f"{row.at_risk} at risk at {time:g} in arm {arm!r}, and {found[time]} on line {where[time][1]}"
            _refuse(row.file, row.line, told, "one number at each time")
        where.setdefault(time, (row.file, row.line))
    times = sorted(found)
    for before, after in pairwise(times):
        if found[after] > found[before]:
            file, line = where[after]
            told = f"{found[after]} at risk at {after:g} in arm {arm!r}, but {found[before]} at {before:g}"
            _refuse(file, line, told, "numbers at risk never rise; read them again")
    return {time: found[time] for time in times}, where


def _refuse(file: str, line: int, told: str, right: str) -> NoReturn:
    raise DocumentError([Problem(file, line, 1, "", told, right)])
