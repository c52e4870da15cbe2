"""Follow-up: the cut-off date and drop-out end what can be seen of a course."""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from simulator.cohort import Endpoint
from simulator.entry import parse_date
from simulator.outcomes import HazardSpec
from simulator.spec import Spec

Floats = NDArray[np.float64]


class FollowUp(Spec):
    """Observation ends at the cut-off date, or earlier by drop-out: a hazard of its own in each arm, or none."""

    cut_off: str
    dropout: dict[str, HazardSpec] = Field(default_factory=dict)

    @field_validator("cut_off")
    @classmethod
    def _date(cls, text: str) -> str:
        parse_date(text)
        return text


def observe(time: Floats, censoring: Floats) -> Endpoint:
    """What is seen of times ``(R, N)`` under censoring times ``(R, N)``: an event at the censoring time counts."""
    return Endpoint(np.minimum(time, censoring), time <= censoring)
