"""Subsequent therapy: what some patients get in a later state, be it the other arm's treatment or a later line.

A patient with uniform luck u gets it in an arm if u is below the share of that arm; all hazards of leaving the state
are then multiplied by exp(log_hr). The truth is that of the treatment policy, later therapy included.
"""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from simulator.documents.spec import Name, Share
from simulator.mechanisms.contract import Around, AtEntry, Doubts, Exposures, Mechanism, Naming, hastened
from simulator.mechanisms.graph import unfit_to_leave
from simulator.numerics.arrays import Floats


class Subsequent(Mechanism):
    """The share of either arm who get it once they enter a state, and its log hazard ratio from then on.

    ``after`` is that state; it may be left out where a single state is entered and left.
    """

    words: ClassVar[str] = "later therapy"
    naming: ClassVar[Naming] = {"shares": "arms", "after": "state"}
    doubts: ClassVar[Doubts] = {
        "therapy after $passed": (
            "outcomes: {subsequent: {after: $passed, shares: {$treated: 0.1, $control: 0.4}, log_hr: -0.5}}"
        ),
    }

    shares: dict[str, Share] = Field(min_length=2)
    log_hr: float
    after: Name | None = None

    def unfit(self, around: Around) -> Iterator[tuple[str, str]]:
        """It needs a state that is left again."""
        yield from unfit_to_leave("after", self.after, around.graph)

    def acts(self, place: str, asked: Exposures, patients: AtEntry) -> Exposures:
        """Those who get it leave the state sooner or later."""
        own = patients.luck.uniform("subsequent therapy")
        edges = [edge.key for edge in patients.graph.out_of(patients.graph.left(self.after))]

        def one(arm: str, exposures: dict[str, Floats]) -> dict[str, Floats]:
            return hastened(exposures, edges, np.where(own < self.shares[arm], self.log_hr, 0.0))

        return one(patients.courses[0], asked[0]), one(patients.courses[1], asked[1])
