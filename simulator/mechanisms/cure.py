"""Cure: a share of patients never have the events of the disease, so that survival levels off above a floor.

A patient with uniform luck u is cured in an arm if u is below the share of that arm; both potential courses use the
same u. Of an arm with share c and the uncured's survival S0, survival is c + (1 - c) S0(t).
"""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from simulator.documents.spec import Name, Share
from simulator.mechanisms.contract import Around, AtEntry, Doubts, Exposures, Mechanism, Naming
from simulator.numerics.arrays import Floats


class Cure(Mechanism):
    """The share of either arm who are cured from time zero on: of all ``transitions`` unless some are named."""

    words: ClassVar[str] = "a cured share"
    naming: ClassVar[Naming] = {"shares": "arms", "transitions": "hazard"}
    doubts: ClassVar[Doubts] = {
        "a cured share": "outcomes: {cure: {shares: {$treated: 0.05, $control: 0.05}}}",
    }

    shares: dict[str, Share] = Field(min_length=2)
    transitions: tuple[Name, ...] = ()

    def unfit(self, around: Around) -> Iterator[tuple[str, str]]:
        """A late start would have to cure at its own time."""
        if "treatment.start" in around.parts and len(set(self.shares.values())) > 1:
            yield "", "where treatment starts late both arms need the same share"

    def acts(self, place: str, asked: Exposures, patients: AtEntry) -> Exposures:
        """No hazard ever suffices for the cured."""
        own, graph = patients.luck.uniform("cure"), patients.graph
        edges = graph.keys_of(self.transitions or graph.transitions)

        def one(arm: str, exposures: dict[str, Floats]) -> dict[str, Floats]:
            cured = own < self.shares[arm]
            return {**exposures, **{edge: np.where(cured, np.inf, exposures[edge]) for edge in edges}}

        return one(patients.courses[0], asked[0]), one(patients.courses[1], asked[1])
