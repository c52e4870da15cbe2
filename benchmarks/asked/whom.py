"""Whom a study is about: its target's patients at time zero, and how many were screened and included."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.asked.blocks import PATIENTS_PER_BLOCK, Cell
from benchmarks.asked.scenario import Scenario, Target
from simulator.cohort.cohorts import Cohorts
from simulator.numerics.arrays import Floats
from simulator.world.generate import ResolvedWorld, generate, resolve

MOST = 200
"""Cohorts of which the means are told."""
CAVEAT = "valid only if the two courses of a patient share their luck"


@dataclass(frozen=True)
class Whom:
    """A study's target with the mean number of its patients in a simulated study, of screened and of included ones.

    ``given`` says how the arm was given at time zero: patients start it, or are assigned to what starts later.
    """

    target: Target
    treated: str
    control: str
    given: str
    members: float
    screened: int
    included: float

    @property
    def people(self) -> str:
        """The population in words, without its number."""
        words = {
            "all": "patients screened",
            "treated": f"patients who {self.given} {self.treated}",
            "untreated": f"patients who {self.given} {self.control} instead",
            "overlap": "patients screened, each counted by e (1 - e), e being the chance of treatment",
            "matching_weight": "patients screened, each counted by min(e, 1 - e), e being the chance of treatment",
            "selected": f"patients included after the treatment that they received, {CAVEAT}",
            "always_eligible": f"patients who would be included after either treatment, {CAVEAT}",
        }
        return words[self.target.population]

    @property
    def phrase(self) -> str:
        """The patients with their number: 'the 211 patients who start HLP'."""
        return f"the {self.number} {self.people}"

    @property
    def number(self) -> str:
        """How many they are: whole, with a decimal below ten."""
        return f"{self.members:,.0f}" if self.members >= 9.95 else f"{self.members:.1f}".removesuffix(".0")

    @property
    def counted(self) -> str:
        """The patients with their number, and how many were screened and included."""
        return f"{self.phrase} (of {self.screened:,} screened, {self.included:,.0f} included)"

    @property
    def people_counted(self) -> str:
        """The patients with their number in the first of several cells."""
        return f"the {self.people} ({self.number} of {self.screened:,} screened in the first)"

    @property
    def sentence(self) -> str:
        """Who they are, of how many screened, and how many of those were included, in one sentence."""
        everyone = self.members >= self.screened - 0.5
        count = "all" if self.included >= self.screened - 0.5 else f"{self.included:,.0f}"
        of = "" if everyone else f"of {self.screened:,} screened, "
        followed = ", if nobody were censored" if self.target.follow_up == "complete" else ""
        return (
            f"In {self.phrase}, {of}of whom {count} were included and analysed (means over simulated studies)"
            f"{followed}, every analysis is compared with what is true."
        )

    def as_json(self) -> dict[str, Any]:
        """The target, in words and numbers."""
        return {
            "population": self.target.population,
            "follow_up": self.target.follow_up,
            "words": self.sentence,
            "members": self.members,
            "screened": self.screened,
            "included": self.included,
        }


def in_cells(own: Mapping[int, Whom]) -> str:
    """The sentence that says whom each cell of a sweep is about, by the cells' numbers."""
    cells = "; ".join(f"setting {number + 1}, {one.counted}" for number, one in own.items())
    return f"Each setting is about patients of its own, in whom its analyses are compared with what is true: {cells}."


def whom(cell: Cell) -> Whom:
    """Whom a cell is about, counted in its own first cohorts."""
    return whom_of(cell.scenario, cell.resolved)


def whom_of(scenario: Scenario, resolved: ResolvedWorld | None = None) -> Whom:
    """Whom a study of a scenario is about, counted in its own first cohorts."""
    screened = scenario.screened()
    count = max(1, min(MOST, scenario.run.replicates, PATIENTS_PER_BLOCK // screened))
    made = generate(resolved or resolve(scenario), scenario.run.seed, np.arange(count, dtype=np.int64))
    control, treated = scenario.arms.words
    members = float(_members(scenario.target, made).mean())
    included = float(made.observed.present.sum(axis=1).mean())
    given = "are assigned to" if scenario.treatment.start else "start"
    return Whom(scenario.target, treated, control, given, members, screened, included)


def _members(target: Target, made: Cohorts) -> Floats:
    """How many patients of each cohort ``(R,)`` belong to the population; weights leave nobody out."""
    hidden = made.hidden
    match target.population:
        case "treated":
            inside = hidden.assigned
        case "untreated":
            inside = ~hidden.assigned
        case "selected":
            inside = made.observed.present
        case "always_eligible":
            inside = hidden.eligible[0] & hidden.eligible[1]
        case "all" | "overlap" | "matching_weight":
            inside = np.ones(hidden.assigned.shape, np.bool_)
    counts: Floats = inside.sum(axis=1).astype(np.float64)
    return counts
