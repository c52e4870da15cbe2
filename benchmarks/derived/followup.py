"""Accrual, cut-off and drop-out: from dates, median follow-up, patients at risk, and events against the hazards."""

import calendar
import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.derived.curves import Observation, StepRates
from benchmarks.derived.parts import Assumption, Contradiction, Tree, sourced
from benchmarks.derived.printed import PrintedNumbers
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import ROLES, Role
from simulator.mechanisms.entry import DAYS_PER_MONTH, PER_MONTH

USUAL_ACCRUAL_MONTHS = 24.0
LONGEST_YEARS = 60
NOT_STATED = ("", "not stated", "not reported", "unknown", "-")
_MONTHS = {name.lower(): k for k, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name.lower(): k for k, name in enumerate(calendar.month_abbr) if name} | {"sept": 9}
_ISO = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?", re.ASCII)
_TO = re.compile(r"\s+(?:to|until|through|and|–|—|-)\s+|\s*[–—]\s*")
_TIME = re.compile(
    r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>day|week|month|year|d|wk|mo|yr)?s?\b", re.ASCII | re.IGNORECASE
)
_UNITS = {"d": "days", "day": "days", "wk": "weeks", "week": "weeks", "mo": "months", "month": "months"}
_UNITS |= {"yr": "years", "year": "years"}
_WORDS = {"one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "ten": 10.0, "half_a": 0.5}


def whole_date(text: str, last: bool) -> datetime.date | None:
    """The date of 2019-01, 2019-01-31, 2019, January 2019, January 31, 2019 or 31 January 2019; None if it is none.

    Without a day it is the first of its month or, where ``last``, the last.
    """
    text = " ".join(text.replace(",", " ").split())
    found = _ISO.fullmatch(text)
    if found:
        year, month, day = (int(part) if part else 0 for part in found.groups())
    else:
        numbers = [int(one) for one in re.findall(r"\d+", text)]
        months = [_MONTHS[one.lower()] for one in re.findall(r"[A-Za-z]+", text) if one.lower() in _MONTHS]
        years = [one for one in numbers if one >= 1900]
        days = [one for one in numbers if one < 32]
        if len(months) != 1 or len(years) != 1 or len(numbers) > 2:
            return None
        year, month, day = years[0], months[0], days[0] if days else 0
    month = month or (12 if last else 1)
    if not 1 <= month <= 12 or not 1900 <= year <= 2200:
        return None
    length = calendar.monthrange(year, month)[1]
    day = day or (length if last else 1)
    return datetime.date(year, month, day) if 1 <= day <= length else None


def in_units(text: str, unit: str) -> float | None:
    """A time such as "480 days" in units of the world; a bare number is in these already. None if it is no time."""
    found = _TIME.search(text.replace("·", "."))
    if found is None or float(found["number"]) <= 0:
        return None
    own = _UNITS[found["unit"].lower()] if found["unit"] else unit
    return float(found["number"]) / PER_MONTH[own] * PER_MONTH[unit]  # type: ignore[index]


@dataclass(frozen=True)
class Calendar:
    """When patients enter and when observation ends: dates, and both lengths in units of time.

    ``cut_off`` is a date or ``complete``; ``longest``, from the start of accrual to it, is then infinite.
    """

    start: datetime.date
    end: datetime.date
    cut_off: str
    accrual: float
    longest: float
    unit: str
    made_of_follow_up: bool
    sources: Mapping[str, str]
    assumed: tuple[Assumption, ...]
    questions: tuple[Contradiction, ...]

    @property
    def month(self) -> float:
        """A month in units of time."""
        return PER_MONTH[self.unit]  # type: ignore[index]

    def watched(self, dropout: StepRates | None = None) -> Observation:
        """Who is under observation with some drop-out, or with none."""
        return Observation(self.accrual, self.longest, dropout or StepRates((), (0.0,)))

    def sections(self) -> tuple[Tree, Tree]:
        """``entry`` and ``followup`` without drop-out."""
        accrual: Tree = {
            "start": sourced(self.start.isoformat(), self.sources["accrual"]),
            "end": sourced(self.end.isoformat(), self.sources["accrual"]),
        }
        if self.end > self.start:
            accrual["shape"] = sourced(0.0, "assumed: patients enter evenly over accrual")
        return {"accrual": accrual}, {"cut_off": sourced(self.cut_off, self.sources["cut_off"])}


def calendar_of(paper: PaperFile, follow_up: float | None, unit: str) -> Calendar:
    """The calendar of a paper; ``follow_up`` is the median that is printed, in units of time, None if none is."""
    month: float = PER_MONTH[unit]  # type: ignore[index]
    per_day = month / DAYS_PER_MONTH
    follow_up = None if follow_up is None or follow_up > LONGEST_YEARS * 12 * month else follow_up
    assumed: list[Assumption] = []
    asked: list[Contradiction] = []
    window = _window(paper.accrual)
    if window is None and paper.accrual.strip().lower() not in NOT_STATED:
        what = f"accrual: '{paper.accrual}' is no window of dates"
        asked.append(Contradiction(what, settle="accrual: 2019-01 to 2024-01"))
    source = f"{paper.accrual}: accrual, Methods"
    cut = whole_date(paper.cut_off, True)
    if cut is None and paper.cut_off.strip().lower() not in (*NOT_STATED, "complete"):
        asked.append(Contradiction(f"cut_off: '{paper.cut_off}' is no date", settle="cut_off: 2025-04-30"))
    if window is None:
        length = datetime.timedelta(days=round(USUAL_ACCRUAL_MONTHS * DAYS_PER_MONTH))
        beyond = datetime.timedelta(days=round((follow_up or 0.0) / per_day))
        end = (cut - beyond + length / 2) if cut else datetime.date(2002, 1, 1)
        end = min(end, cut) if cut else end
        window, source = (end - length, end), "assumed: not stated"
        why = "the window of accrual is not stated: two years about the median follow-up before the cut-off"
        assumed.append(Assumption("entry.accrual.start", window[0].isoformat(), None, why))
    start, end = window
    accrual = (end - start).days * per_day
    said, cut_source = paper.cut_off.strip().lower(), f"{paper.cut_off}: cut-off, Results"
    least = in_units(paper.follow_up.get("minimum", ""), unit)
    if cut and cut <= start:
        what = f"the cut-off {cut} lies before the start of accrual {start}"
        asked.append(Contradiction(what, settle="cut_off: not stated"))
        cut, said = None, "not stated"
    longest = (cut - start).days * per_day if cut else np.inf
    if cut and longest < accrual:
        what = f"the cut-off {cut} lies before the end of accrual {end}"
        asked.append(Contradiction(what, {"cut_off": longest, "accrual": accrual}, "cut_off: not stated"))
        end, accrual = cut, longest
    if cut is None and said != "complete" and (least or follow_up):
        longest = accrual + least if least else max(accrual / 2 + (follow_up or 0.0), 1.02 * accrual)
        told = f"a least follow-up of {least:g}" if least else f"a median follow-up of {follow_up:g}"
        cut = start + datetime.timedelta(days=round(longest / per_day))
        cut_source = f"{told} {unit} after accrual: no date is stated"
        why = f"no cut-off is stated: the date that leaves {told} {unit} to patients who enter evenly"
        assumed.append(Assumption("followup.cut_off", cut.isoformat(), None, why))
    elif cut is None:
        cut_source = "complete: nobody is censored by a date" if said == "complete" else "assumed: not stated"
        if said != "complete":
            why = "neither a cut-off nor a median follow-up is stated: all are followed until they drop out"
            assumed.append(Assumption("followup.cut_off", "complete", None, why))
    if end > start:
        assumed.append(Assumption("entry.accrual.shape", 0.0, 0.3, "patients enter evenly over accrual"))
    date = cut.isoformat() if cut else "complete"
    made_of = "median follow-up" in cut_source
    sources = {"accrual": source, "cut_off": cut_source}
    return Calendar(start, end, date, accrual, longest, unit, made_of, sources, tuple(assumed), tuple(asked))


def _window(text: str) -> tuple[datetime.date, datetime.date] | None:
    """The first and last date of a window such as "2019-01 to 2024-01"."""
    parts = _TO.split(re.sub(r"^(from|between)\s+", "", text.strip(), flags=re.IGNORECASE))
    if len(parts) != 2:
        return None
    start, end = whole_date(parts[0], False), whole_date(parts[1], True)
    if start is None and end is not None:  # "January to March 2019": the year is said once
        start = whole_date(f"{parts[0]} {end.year}", False)
    return (start, end) if start and end and start <= end else None


def printed_follow_up(paper: PaperFile, numbers: PrintedNumbers, endpoints: Sequence[str], unit: str) -> float | None:
    """The median follow-up of the paper, in units of time: of the arms on average, else as paper.yaml says."""
    for endpoint in endpoints:
        found = [one[0] for one in (numbers.follow_up(endpoint, role) for role in ROLES) if one]
        if found:
            return sum(found) / len(found)
    return in_units(paper.follow_up.get("median", ""), unit)


def kept_under_observation(paper: PaperFile, unit: str) -> tuple[float, float, str] | None:
    """A time and the share who are followed until then, as paper.yaml says (``at_one_year: 95%``), and its words."""
    for key, text in paper.follow_up.items():
        found = re.fullmatch(r"at_([a-z_]+|[0-9.]+)_(day|week|month|year)s?", key.strip())
        share = re.match(r"\s*([0-9.]+)\s*%?", text.replace("·", "."))
        if found and share:
            number = _WORDS.get(found[1]) if not found[1][0].isdigit() else float(found[1])
            value = float(share[1]) / (100 if "%" in text or float(share[1]) > 1 else 1)
            time = in_units(f"{number} {found[2]}", unit) if number else None
            if time and 0 < value < 1:
                return time, value, f"{key}: {text}"
    return None


def guarantee(paper: PaperFile, role: Role, unit: str) -> float:
    """How long patients of an arm must have lived to have received the least amounts that eligibility asks for."""
    longest = 0.0
    for name, asked in paper.eligibility.items():
        every = paper.exposure.get(name, "")
        least = re.search(r"at least\s+([0-9.]+)", asked)
        arm = paper.arms.treated if role == "treated" else paper.arms.control
        other = paper.arms.control if role == "treated" else paper.arms.treated
        if not every or least is None or _names(other, asked, arm) or _names(other, every, arm):
            continue
        found = re.search(r"one in\s+(.+)", every.split(";")[0])
        length = in_units(found[1] if found else f"1 {every.split(';')[0].strip()}", unit)
        longest = max(longest, float(least[1]) * (length or 0.0))
    return longest


def _names(other: str, text: str, own: str) -> bool:
    """Whether a text names the other arm and not this one (one name may stand in the other)."""
    words = re.findall(r"[^\s;,]+", text)
    return (other in words or (" " in other and other in text)) and own not in words
