"""A block of cohorts before and after the arms were made comparable: who is in an arm, and with what weight."""

from dataclasses import dataclass

import numpy as np

from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.curve_points import Weighed
from analysis.paper.number_tree import ARMS, SIDES
from analysis.propensity.strata import within_both
from simulator.numerics.arrays import Bools, Floats, Ints
from simulator.numerics.once import once


@dataclass(frozen=True)
class BlockSides:
    """The analysis of a block, before (0) and after (1) its primary analysis."""

    block: BlockAnalysis

    @once
    def unmatched(self) -> BlockAnalysis:
        """The analysis without adjustment: what is said of the adjusted is said of all patients."""
        sample = self.block.sample
        return BlockAnalysis(sample.under(sample.plan.model_copy(update={"primary": "unadjusted"})))

    def of(self, side: str) -> BlockAnalysis:
        """The analysis whose adjusted cohorts are those of a side."""
        return self.unmatched if side == "before" else self.block

    def present(self, side: str) -> Bools:
        """Who is in the cohort of a side, ``(R, N)``."""
        sample = self.block.sample
        return (sample.observed.present, sample.adjusted.present)[SIDES.index(side)]

    def arm(self, side: str, arm: str) -> Bools:
        """Who is in an arm of a side, ``(R, N)``."""
        treated: Bools = self.block.sample.observed.treated == bool(ARMS.index(arm))
        return treated & self.present(side)

    def weights(self, side: str) -> Floats | None:
        """The weights ``(R, N)`` of a side; None where nothing is weighted."""
        weighted = self.block.weighted
        return None if side == "before" or weighted is None else weighted.weight

    def weighed(self, side: str) -> Weighed | None:
        """The weights of a side with their clusters; None where nothing is weighted."""
        weighted = self.block.weighted
        return None if side == "before" or weighted is None else Weighed(weighted.weight, weighted.cluster)

    @once
    def plan_strata(self) -> Ints:
        """The plan's strata ``(R, N)``."""
        sample = self.block.sample
        return sample.strata(sample.plan.survival.strata)

    def strata(self, side: str) -> Ints:
        """The plan's strata ``(R, N)``, crossed with those of the primary analysis after it."""
        own = None if side == "before" else self.block.sample.adjusted.stratum
        return within_both(own, self.plan_strata)

    @property
    def level(self) -> float:
        """The level of every interval."""
        return self.block.sample.plan.survival.level

    @once
    def sizes(self) -> Floats:
        """Patients ``(R, 2, 2)``: before and after, untreated and treated."""
        treated = self.block.sample.observed.treated
        made = [[(side & ~treated).sum(axis=1), (side & treated).sum(axis=1)] for side in map(self.present, SIDES)]
        return np.moveaxis(np.array(made, dtype=np.float64), -1, 0)


def share(count: Floats | Ints, n: Floats | Ints, name: str, counted: str) -> Floats:
    """The count where its name is asked for, else the count in percent of n."""
    if name == counted:
        return np.asarray(count, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.divide(100 * count, n))


def counted(n: Floats | Ints, events: Floats | Ints, name: str) -> Floats:
    """The patients, the events, or these in percent."""
    return np.asarray(n, dtype=np.float64) if name == "n" else share(events, n, name, "events")
