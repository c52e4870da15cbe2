"""Subsequent therapy: what some patients get after progression, be it the other arm's treatment or a later line.

A patient with uniform luck u gets it in an arm if u is below the share of that arm; the hazard of death after
progression is then multiplied by exp(log_hr). The truth is that of the treatment policy, later therapy included.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from simulator.documents.spec import Share
from simulator.mechanisms.contract import AFTER, AtEntry, Doubts, Exposures, Mechanism, Naming, hastened
from simulator.numerics.arrays import Floats


class Subsequent(Mechanism):
    """The share of either arm who get it once they have progressed, and its log hazard ratio of death from then on."""

    words: ClassVar[str] = "therapy after progression"
    naming: ClassVar[Naming] = {"shares": "arms"}
    doubts: ClassVar[Doubts] = {
        "therapy after progression": "outcomes: {subsequent: {shares: {$treated: 0.1, $control: 0.4}, log_hr: -0.5}}",
    }

    shares: dict[str, Share] = Field(min_length=2)
    log_hr: float

    def acts(self, place: str, asked: Exposures, patients: AtEntry) -> Exposures:
        """Those who get it die sooner or later after progression."""
        own = patients.luck.uniform("subsequent therapy")

        def one(arm: str, exposures: dict[str, Floats]) -> dict[str, Floats]:
            return hastened(exposures, AFTER, np.where(own < self.shares[arm], self.log_hr, 0.0))

        return one(patients.courses[0], asked[0]), one(patients.courses[1], asked[1])
