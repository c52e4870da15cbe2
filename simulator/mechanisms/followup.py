"""Follow-up: the cut-off date and drop-out end what can be seen of a course."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, field_validator

from simulator.cohort.cohorts import Endpoint
from simulator.documents.spec import TIME, Name, Positive, Spec
from simulator.mechanisms.contract import Around, Doubts, Mechanism, Misleads, Naming
from simulator.mechanisms.entry import Entry, months_between, parse_date
from simulator.mechanisms.graph import Course, Graph
from simulator.mechanisms.hazards import HazardSpec
from simulator.numerics.arrays import Bools, Floats
from simulator.numerics.elementary import choose, exp

COMPLETE = "complete"
FOR_EVER_MONTHS = 1200.0


class Informative(Mechanism):
    """What ties drop-out to the course: its hazard is multiplied by exp(sum of log_hr x term) x frailty^``frailty``.

    ``after`` maps a state to the log hazard ratio that entering it adds from then on.
    """

    words: ClassVar[str] = "informative drop-out"
    naming: ClassVar[Naming] = {"after": "state"}
    coefficients: ClassVar[tuple[str, ...]] = ("log_hr",)
    doubts: ClassVar[Doubts] = {
        "informative drop-out": 'followup:\n$dropout  informative: {log_hr: {"$levelled=$two": 0.5}}'
    }

    log_hr: dict[str, float] = Field(default_factory=dict)
    frailty: float = 0.0
    after: dict[Name, float] = Field(default_factory=dict)

    def unfit(self, around: Around) -> Iterator[tuple[str, str]]:
        """It cannot follow a frailty that is not there, nor a state in which nobody is followed any more."""
        if self.frailty and "outcomes.frailty" not in around.parts:
            yield "frailty", "needs outcomes.frailty"
        for state in self.after:
            if state in around.graph.absorbing:
                yield "after", f"the course ends with '{state}', and nobody drops out after it"


class EventsCutOff(Spec):
    """Follow-up of all ends when so many ``events`` of an endpoint have been seen, or at the ``latest`` date.

    Who would enter after that is not in the study.
    """

    endpoint: Name
    events: Annotated[int, Field(ge=1)]
    latest: str

    @field_validator("latest")
    @classmethod
    def _date(cls, text: str) -> str:
        parse_date(text)
        return text


class FollowUp(Mechanism):
    """Observation ends at the cut-off, or earlier by drop-out: a hazard of its own in each arm, or none.

    The ``cut_off`` is a date, a number of events, or ``complete``: then nobody is censored by it in 100 years.

    ``informative`` ties drop-out to covariates and frailty; ``censored_at`` maps a conversion to the time at which the
    observation of who converts is ended, as if the step that it opens were the end of the study. Neither touches
    potential outcomes: the truth is that under drop-out which tells nothing.

    ``visit_months`` by arm: the states ``seen_at_visits``, unless stated all that are entered and may be left again,
    are seen at the first of the visits so many months apart that follows their entry; in an arm without it, at once.
    """

    beside: ClassVar[Mapping[str, str]] = {"seen_at_visits": "visit_months"}
    naming: ClassVar[Naming] = {"dropout": "arm", "visit_months": "arm", "seen_at_visits": "state"}
    misleads: ClassVar[Misleads] = {
        "dropout": ("drop-out", "drop-out"),
        "informative": ("informative", "informative drop-out"),
        "censored_at": ("censored-at", "censoring at a conversion"),
        "visit_months": ("visits", "states seen at visits"),
    }
    doubts: ClassVar[Doubts] = {
        "what happens is seen at visits only, so many months apart": (
            "followup: {visit_months: {$treated: 1.5, $control: 3.0}}"
        )
    }

    cut_off: str | EventsCutOff
    dropout: dict[str, HazardSpec] = Field(default_factory=dict)
    informative: Informative | None = None
    censored_at: Annotated[dict[Name, Positive], TIME] = Field(default_factory=dict)
    visit_months: dict[str, Positive] = Field(default_factory=dict)
    seen_at_visits: tuple[Name, ...] = ()

    @field_validator("cut_off")
    @classmethod
    def _date(cls, said: str | EventsCutOff) -> str | EventsCutOff:
        if isinstance(said, str) and said != COMPLETE:
            try:
                parse_date(said)
            except ValueError as error:
                raise ValueError(
                    f"{error}, 'complete', or a number of events as {{endpoint, events, latest}}"
                ) from None
        return said

    @property
    def events(self) -> EventsCutOff | None:
        """The number of events that ends follow-up, if one does."""
        return None if isinstance(self.cut_off, str) else self.cut_off

    @property
    def last_date(self) -> str | None:
        """The date at which follow-up ends at the latest; None for none."""
        said = self.cut_off if isinstance(self.cut_off, str) else self.cut_off.latest
        return None if said == COMPLETE else said

    def administrative(self, start: str, entry: Floats, per_month: float) -> Floats:
        """The longest follow-up ``(R, N)`` of patients who enter so long after accrual's ``start``, in time units."""
        if self.last_date is None:
            return np.full(entry.shape, FOR_EVER_MONTHS * per_month)
        return months_between(start, self.last_date) * per_month - entry

    def unfit(self, around: Around) -> Iterator[tuple[str, str]]:
        """Only who may convert can be censored at it; only an endpoint has events to count."""
        if self.events and self.events.endpoint not in around.endpoints:
            yield "cut_off.endpoint", f"no endpoint '{self.events.endpoint}' ({', '.join(around.endpoints)})"
        entry = around.parts.get("entry")
        for key in ("potential_follow_up_months", "complete_follow_up"):
            if self.events and isinstance(entry, Entry) and getattr(entry, key):
                yield (
                    "cut_off",
                    f"entry.{key} has no meaning where a number of events ends follow-up: it would decide who is in",
                )
        unknown = sorted(name for name in self.censored_at if f"outcomes.conversion.{name}" not in around.parts)
        if unknown:
            yield "censored_at", f"no conversion '{unknown[0]}' among outcomes.conversion"

    def changes(self, endpoint: str, around: Around) -> bool:
        """Whether its states are seen at other visits in one arm, be treatment without effect or not."""
        differ = len({self.visit_months.get(arm) for arm in around.arms}) > 1
        if not differ or endpoint not in around.endpoints:
            return False
        asked = around.endpoints[endpoint]
        bear = {*asked.events, *asked.rivals, *around.graph.absorbing}  # these end its follow-up
        return not bear.isdisjoint(self.visited(around.graph))

    def visited(self, graph: Graph) -> tuple[str, ...]:
        """The states that are seen at visits."""
        return self.seen_at_visits or graph.passed


def risk_of_dropout(spec: Informative, linear: Floats, frailty: Floats | float) -> Floats:
    """What multiplies the hazard of drop-out ``(R, N)``; ``linear`` is the sum of log_hr x term."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        multiplier = np.asarray(frailty, np.float64) ** spec.frailty if spec.frailty else 1.0
    return exp(linear) * multiplier


def changing_risk(
    time: Callable[[Floats, Floats], Floats],
    spent: Callable[[Floats], Floats],
    asked: Floats,
    changes: Sequence[tuple[Floats, float]],
) -> Floats:
    """When a hazard that changes has accumulated ``asked (R, N)``; +inf for never.

    ``time`` gives when it has accumulated an exposure since some times without any change, ``spent`` what it has
    accumulated by finite times; ``changes`` are times ``(R, N)``, +inf for never, from which a log hazard ratio holds.
    """
    when = np.stack([entered for entered, _ in changes])
    order = np.argsort(when, axis=0, kind="stable")
    when = np.take_along_axis(when, order, axis=0)
    ratios = exp(np.cumsum(np.array([log_hr for _, log_hr in changes])[order], axis=0))
    left, since, ratio = asked, np.zeros(asked.shape), np.ones(asked.shape)
    found = np.full(asked.shape, np.inf)
    for k in range(len(when) + 1):
        until = when[k] if k < len(when) else found
        reached = time(left / ratio, since)
        found = np.where(np.isinf(found) & (reached <= until), reached, found)
        if k < len(when):
            goes_on = np.isfinite(until)
            stop = np.where(goes_on, until, since)
            left = np.maximum(left - ratio * (spent(stop) - spent(since)), 0.0)
            since, ratio = stop, np.where(goes_on, ratios[k], ratio)
    return found


def censored_at(
    times: Mapping[str, float],
    converted: Mapping[str, tuple[Bools, Bools]],
    censoring: tuple[Floats, Floats],
) -> tuple[Floats, Floats]:
    """The censoring times ``(R, N)`` of both arms, ended at the stated times in those who convert."""
    zero, one = censoring
    for name, end in times.items():
        zero, one = (
            np.where(who, np.minimum(time, end), time) for who, time in zip(converted[name], (zero, one), strict=True)
        )
    return zero, one


def seen_at_visits(course: Course, every: float | None, states: Sequence[str]) -> Course:
    """The course with some states seen at the next of regular visits; one that is left by then is never seen, if the
    course has ended.
    """
    if every is None:
        return course
    unseen = np.full(course.end.shape, np.inf)
    seen = {}
    for state in states:
        visit = np.ceil(course.entered[state] / every) * every
        seen[state] = visit if state in course.graph.absorbing else choose(visit < course.end, visit, unseen)
    return Course(course.graph, {**course.entered, **seen})


def observe(time: Floats, censoring: Floats, competing: Floats | None = None) -> Endpoint:
    """What is seen of times ``(R, N)`` under censoring times ``(R, N)``: an event at the censoring time counts.

    ``competing`` are the times of what makes the event impossible, if anything does.
    """
    if competing is None:
        return Endpoint(np.minimum(time, censoring), time <= censoring)
    end = np.minimum(competing, censoring)
    return Endpoint(np.minimum(time, end), time <= censoring, competing <= censoring)


def stopped(entry: Floats, course: Endpoint, present: Bools, events: int) -> Floats:
    """When so many events were seen in those ``present (R, N)``: ``(R, 1)``, on the clock of ``entry``."""
    seen = np.where(present & course.event, entry + course.time, np.inf)
    if events > seen.shape[1]:
        return np.full((len(seen), 1), np.inf)
    last: Floats = np.partition(seen, events - 1, axis=1)[:, events - 1 : events]
    return np.asarray(last + 4 * np.spacing(last))  # time - entry + entry may differ from time in the last digit
