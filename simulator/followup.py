"""Follow-up: the cut-off date and drop-out end what can be seen of a course."""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from simulator.cohort import Endpoint
from simulator.elementary import choose
from simulator.entry import parse_date
from simulator.outcomes import Course, HazardSpec
from simulator.spec import Positive, Spec

Floats = NDArray[np.float64]


class FollowUp(Spec):
    """Observation ends at the cut-off date, or earlier by drop-out: a hazard of its own in each arm, or none.

    ``visit_months`` by arm: progression is seen at the first of the visits so many months apart that follows it; in an
    arm without it, at once.
    """

    cut_off: str
    dropout: dict[str, HazardSpec] = Field(default_factory=dict)
    visit_months: dict[str, Positive] = Field(default_factory=dict)

    @field_validator("cut_off")
    @classmethod
    def _date(cls, text: str) -> str:
        parse_date(text)
        return text


def seen_at_visits(course: Course, months: float | None) -> Course:
    """The course with progression at the next visit, or at death where that is earlier."""
    if months is None:
        return course
    visit = np.ceil(course.pfs / months) * months
    return Course(choose(course.pfs < course.os, np.minimum(visit, course.os), course.pfs), course.os)


def observe(time: Floats, censoring: Floats) -> Endpoint:
    """What is seen of times ``(R, N)`` under censoring times ``(R, N)``: an event at the censoring time counts."""
    return Endpoint(np.minimum(time, censoring), time <= censoring)
