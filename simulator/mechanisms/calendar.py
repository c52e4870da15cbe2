"""Calendar trend: choice of treatment and survival change over the years of accrual.

The log odds of treatment and the log hazard of each named transition of a patient who enters at time e, in years, are
raised by ``per_year x (e - mean e)``: the mean is that of the accrual, so that the whole study keeps its level.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from simulator.documents.spec import Name
from simulator.mechanisms.contract import AtEntry, Doubts, Mechanism, Misleads, Naming
from simulator.mechanisms.entry import MONTHS_PER_YEAR
from simulator.numerics.arrays import Floats


class CalendarTrend(Mechanism):
    """The change per year of the log odds of treatment, and of log hazards."""

    words: ClassVar[str] = "a calendar trend"
    naming: ClassVar[Naming] = {"per_year": "transition"}
    misleads: ClassVar[Misleads] = {"": ("calendar", "calendar trend")}
    doubts: ClassVar[Doubts] = {
        "a calendar trend, per year: more are treated, and fewer have the event": (
            "calendar: {per_year: {treatment: 0.3, $transition: -0.1}}"
        )
    }

    per_year: Annotated[dict[Name, float], Field(min_length=1)]

    def shifts(self, place: str, patients: AtEntry) -> dict[str, Floats]:
        """The change from the mean entry to each patient's own."""
        years = (patients.entry - patients.mean_entry) / (MONTHS_PER_YEAR * patients.per_month)
        return {where: change * years for where, change in self.per_year.items()}
