"""The numbers of a yes/no outcome by key, of every cohort of a block: counts, contrasts, tests."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.paper.block_sides import BlockSides, share
from analysis.paper.number_tree import ARMS, SIDES
from analysis.paper.responses import Contrasts, contrast_of, mcnemar_of, robust_contrast
from analysis.survival.risks import discordant
from analysis.two_samples import tests
from analysis.two_samples.baseline import BaselineRows, BaselineTable, LevelRow
from simulator.documents.keys import Step
from simulator.numerics.arrays import Floats, Ints
from simulator.numerics.once import once


@dataclass(frozen=True)
class OutcomeNumbers:
    """The numbers of all yes/no outcomes; what several of them need is worked out once and kept."""

    sides: BlockSides
    kept: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def of(self, steps: tuple[Step, ...]) -> Floats:
        """The number ``(R,)`` at the steps of a key from the outcome's name on."""
        outcome, side, what = (step.name for step in steps[:3])
        j, s = list(self.sides.block.sample.observed.binary).index(outcome), SIDES.index(side)
        match what:
            case "p":
                return category_p(self.sides, self.table, j)[s::2]
            case "risk_difference" | "risk_ratio" | "odds_ratio":
                found = self._contrast(outcome, side, what)
                return {"value": found.value, "low": found.low, "high": found.high}[steps[3].name]
            case "mcnemar":
                return self._mcnemar(outcome, steps[3].name)
        arm, name = ARMS.index(what), steps[3].name
        if name == "percent" and self.sides.weights(side) is not None:
            return 100 * self.table.categorical.share[s::2, j, arm, 1]
        yes = self.table.categorical.counts[s::2, j, arm, 1].astype(np.float64)
        n = self.sides.sizes[:, s, arm]
        return n if name == "n" else share(yes, n, name, "yes")

    @once
    def table(self) -> BaselineTable:
        """All yes/no outcomes as the rows of a table."""
        observed = self.sides.block.sample.observed
        values = np.stack(list(observed.binary.values()), axis=-1).astype(np.float64)
        rows = BaselineRows((), tuple(LevelRow(k, (0.0,), coded=True) for k in range(values.shape[-1])))
        return self.sides.block.baseline_of(values, rows)

    def _contrast(self, outcome: str, side: str, measure: str) -> Contrasts:
        if (outcome, side, measure) not in self.kept:
            self.kept[outcome, side, measure] = self._made(outcome, side, measure)
        found: Contrasts = self.kept[outcome, side, measure]
        return found

    def _made(self, outcome: str, side: str, measure: str) -> Contrasts:
        sample, weighed = self.sides.block.sample, self.sides.weighed(side)
        yes = sample.observed.binary[outcome]
        if weighed is not None:
            return robust_contrast(
                yes,
                sample.observed.treated,
                sample.adjusted.present,
                weighed.weight,
                weighed.cluster,
                measure,
                self.sides.level,
            )
        counts = [
            [(self.sides.arm(side, arm) & who).sum(axis=1) for who in (yes, ~yes)] for arm in ("treated", "control")
        ]
        return contrast_of(np.moveaxis(np.array(counts, np.int64), 2, 0), measure, self.sides.level)

    def _mcnemar(self, outcome: str, name: str) -> Floats:
        sample = self.sides.block.sample
        ours, theirs = discordant(sample.observed.binary[outcome], sample.observed.treated, sample.matching.pair)
        chi2, p, exact = mcnemar_of(ours, theirs, self.sides.sizes[:, 1, 1].astype(np.int64))
        counts: dict[str, Ints] = {"only_treated": ours, "only_control": theirs}
        return np.asarray({**counts, "chi2": chi2, "p": p, "p_exact": exact}[name], dtype=np.float64)


def category_p(sides: BlockSides, table: BaselineTable, row: int) -> Floats:
    """The p ``(2 R,)`` of a row of counts by the test that the plan asks for; Rao and Scott's of the weighted."""
    how = sides.block.sample.plan.table1.categorical
    if how == "auto":
        return table.categorical.p[:, row]
    counts = table.categorical.counts[:, row]
    p: Floats = (tests.fisher(counts) if how == "fisher" else tests.pearson(counts, correct=how == "yates")).p
    if sides.block.weighted is not None:
        p = np.where(np.arange(len(p)) % 2 == 1, table.categorical.p[:, row], p)
    return p
