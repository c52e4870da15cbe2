"""Calendar trend: choice of treatment and survival change over the years of accrual.

The log odds of treatment and the log hazard of each named transition of a patient who enters at time e, in years, are
raised by ``per_year x (e - mean e)``: the mean is that of the accrual, so that the whole study keeps its level.
"""

from typing import Annotated

from pydantic import Field

from simulator.documents.spec import Spec
from simulator.mechanisms.centres import CentrePlace
from simulator.numerics.arrays import Floats

MONTHS_PER_YEAR = 12.0


class CalendarTrend(Spec):
    """The change per year of the log odds of treatment, and of log hazards."""

    per_year: Annotated[dict[CentrePlace, float], Field(min_length=1)]


def shifts(spec: CalendarTrend, mean: float, entry: Floats) -> dict[str, Floats]:
    """What is added to each named linear predictor ``(R, N)`` of patients who enter at ``entry (R, N)`` months."""
    years = (entry - mean) / MONTHS_PER_YEAR
    return {place: change * years for place, change in spec.per_year.items()}
