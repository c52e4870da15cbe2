"""Entry: when patients are accrued, and who of them is included."""

import datetime
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, field_validator, model_validator

from simulator.cohort.estimand import TimeUnit
from simulator.documents.spec import TIME, Name, NonNegative, Positive, Spec
from simulator.mechanisms.contract import Around, Doubts, Mechanism, Misleads, Naming
from simulator.mechanisms.graph import Course
from simulator.numerics.arrays import Bools, Floats

DAYS_PER_MONTH = 365.25 / 12
MONTHS_PER_YEAR = 12.0
PER_MONTH: Mapping[TimeUnit, float] = {
    "days": DAYS_PER_MONTH,
    "weeks": DAYS_PER_MONTH / 7,
    "months": 1.0,
    "years": 1 / MONTHS_PER_YEAR,
}
"""How many units of time a month has."""


class Accrual(Spec):
    """Calendar window of entry; on its one day where ``start`` is ``end``.

    The density of entry grows with (time since start)^``shape``, 0 being uniform; or it is in proportion to ``rates``,
    one per interval between ``cuts``, times since start.
    """

    start: str
    end: str
    shape: NonNegative = 0.0
    cuts: Annotated[tuple[Positive, ...], Field(description="increasing times"), TIME] = ()
    rates: Annotated[tuple[NonNegative, ...], Field(description="patients per unit of time, in any measure")] = ()

    @field_validator("start", "end")
    @classmethod
    def _date(cls, text: str) -> str:
        parse_date(text)
        return text

    @model_validator(mode="after")
    def _ordered(self) -> "Accrual":
        if parse_date(self.end) < parse_date(self.start):
            raise ValueError("accrual ends before it starts")
        if not self.rates:
            if self.cuts:
                raise ValueError(f"{len(self.cuts)} cuts need {len(self.cuts) + 1} rates")
            return self
        if any(later <= earlier for earlier, later in pairwise(self.cuts)):
            raise ValueError("cuts must increase")
        if len(self.rates) != len(self.cuts) + 1:
            raise ValueError(f"{len(self.cuts)} cuts need {len(self.cuts) + 1} rates, not {len(self.rates)}")
        if self.shape or not any(self.rates):
            raise ValueError("rates leave no room for 'shape'" if self.shape else "some rate must be above zero")
        return self

    def misfit(self, per_month: float) -> str | None:
        """Why its cuts do not fit its dates, if they do not, where a month has so many units of time."""
        length = months_between(self.start, self.end) * per_month
        if not self.cuts or self.cuts[-1] < length:
            return None
        return f"cuts must lie before the end of accrual, which is {length:.5g} units of time after its start"

    def mean(self, per_month: float) -> float:
        """Mean time from the start of accrual to entry, where a month has so many units of time."""
        length = months_between(self.start, self.end) * per_month
        if not self.rates:
            return length * (1.0 + self.shape) / (2.0 + self.shape)
        ends = (0.0, *self.cuts, length)
        filled = [rate * (last - first) for rate, (first, last) in zip(self.rates, pairwise(ends), strict=True)]
        middle = [(first + last) / 2 for first, last in pairwise(ends)]
        return sum(share * at for share, at in zip(filled, middle, strict=True)) / sum(filled)

    def times(self, luck: Floats, per_month: float) -> Floats:
        """Times from the start of accrual to entry, for uniform ``luck`` of any shape."""
        length = months_between(self.start, self.end) * per_month
        if not self.rates:
            return length * luck ** (1.0 / (1.0 + self.shape))
        ends = np.array([0.0, *self.cuts, length])
        filled = np.concatenate([[0.0], np.cumsum(np.array(self.rates) * np.diff(ends))])
        growing = np.concatenate([[True], np.diff(filled) > 0])  # nobody enters where a rate is zero
        after = np.flatnonzero(growing)[1:]
        place = after[np.searchsorted(filled[after], luck * filled[-1])]
        rate = np.array(self.rates)[place - 1]
        return np.asarray(ends[place] - (filled[place] - luck * filled[-1]) / rate)


class Entry(Mechanism):
    """Accrual and inclusion: of so many patients ``screened`` per patient of the study, the first who qualify enter it.

    ``guarantee_months`` by arm: who enters a state of ``guarantee_against`` earlier in that arm, unless stated one that
    nobody leaves, is never included. ``requires``: the least amount of a
    treatment (see ``outcomes.exposure``) that whoever gets it must have received. ``potential_follow_up_months``: the
    least time from entry to the cut-off date. ``complete_follow_up``: the arms whose drop-outs are left out. Where too
    few qualify the study is smaller.
    """

    beside: ClassVar[Mapping[str, str]] = {"guarantee_against": "guarantee_months"}
    naming: ClassVar[Naming] = {"guarantee_months": "arm", "guarantee_against": "state", "complete_follow_up": "arm"}
    misleads: ClassVar[Misleads] = {
        "guarantee_months": ("guarantee", "guarantee time"),
        "requires": ("requires", "least amount of treatment"),
        "complete_follow_up": ("complete", "complete follow-up only"),
        "potential_follow_up_months": ("potential", "least potential follow-up"),
    }
    doubts: ClassVar[Doubts] = {
        "selection: who dies before so many months is left out; least months from entry to the cut-off": (
            "entry: {guarantee_months: {$treated: 1.5, $control: 0.0}, potential_follow_up_months: 6.0}"
        )
    }

    accrual: Accrual
    guarantee_months: dict[str, NonNegative] = Field(default_factory=dict)
    guarantee_against: tuple[Name, ...] = ()
    requires: dict[Name, NonNegative] = Field(default_factory=dict)
    potential_follow_up_months: NonNegative = 0.0
    complete_follow_up: tuple[Name, ...] = ()
    screened: Annotated[float, Field(ge=1, le=100)] = 1.0

    def unfit(self, around: Around) -> Iterator[tuple[str, str]]:
        """Only what is received can be asked for."""
        unknown = sorted(name for name in self.requires if f"outcomes.exposure.{name}" not in around.parts)
        if unknown:
            yield "requires", f"no treatment '{unknown[0]}' among outcomes.exposure"

    def criteria(
        self, arm: str, long: Bools, course: Course, whole: Bools, amounts: Mapping[str, Floats], per_month: float
    ) -> dict[str, Bools]:
        """Who meets each criterion of inclusion in an arm ``(R, N)``, in the order in which they are asked.

        ``long``: the potential follow-up suffices; ``whole``: is followed to the end of the course or to the cut-off;
        ``per_month``: how many units of time a month has.
        """
        met = {"potential follow-up": long} if self.potential_follow_up_months else {}
        met["guarantee time"] = (
            course.first(self.guarantee_against or course.graph.absorbing)
            >= self.guarantee_months.get(arm, 0.0) * per_month
        )
        if self.complete_follow_up:
            met["complete follow-up"] = whole if arm in self.complete_follow_up else np.ones(whole.shape, np.bool_)
        return met | {f"at least {least:g} {name}": ~(amounts[name] < least) for name, least in self.requires.items()}


def first_qualified(qualified: Bools, most: int) -> Bools:
    """The first ``most`` of those who qualify in each row ``(R, N)``."""
    kept: Bools = qualified & (np.cumsum(qualified, axis=1) <= most)
    return kept


def parse_date(text: str) -> datetime.date:
    """The date of a text such as 2019-01-31."""
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a date; write it as 2019-01-31") from None


def months_between(first: str, last: str) -> float:
    """Months of 30.4375 days between two dates."""
    return (parse_date(last) - parse_date(first)).days / DAYS_PER_MONTH
