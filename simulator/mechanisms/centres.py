"""Centres: patients of one centre share unmeasured circumstances, drawn anew for every replicate.

The log odds of treatment and the log hazard of each named transition of a patient in centre c are raised by
``sd x normal(c)``, independently between centres, places and replicates.
"""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from simulator.documents.spec import Name, NonNegative
from simulator.mechanisms.contract import TREATMENT, Around, AtEntry, Doubts, Mechanism, Misleads, Naming
from simulator.numerics.arrays import Floats


class Centres(Mechanism):
    """The levels of a covariate are centres; ``sd`` are the standard deviations of their random effects."""

    words: ClassVar[str] = "centre effects"
    naming: ClassVar[Naming] = {"sd": "transition"}
    misleads: ClassVar[Misleads] = {"": ("centres", "centre effects")}
    doubts: ClassVar[Doubts] = {
        "centres, the levels of a covariate, treat some more often than others, and better": (
            "centres: {covariate: $levelled, sd: {treatment: 0.5, $transition: 0.3}}"
        )
    }

    covariate: Name
    sd: dict[Name, NonNegative] = Field(min_length=1)

    def unfit(self, around: Around) -> Iterator[tuple[str, str]]:
        """Centres are levels."""
        found = around.variables.get(self.covariate)
        if found is None or found.kind == "continuous":
            yield "covariate", f"no covariate '{self.covariate}' with levels"

    def clusters(self) -> bool:
        """Whether hazards differ by centre."""
        return any(sd > 0 for place, sd in self.sd.items() if place != TREATMENT)

    def shifts(self, place: str, patients: AtEntry) -> dict[str, Floats]:
        """The effect of each patient's centre."""
        centre = patients.value(self.covariate).astype(np.int64)
        luck = patients.luck.per(len(patients.variables[self.covariate].levels))
        return {
            where: sd * np.take_along_axis(luck.normal(f"centre/{where}"), centre, axis=1)
            for where, sd in self.sd.items()
        }
