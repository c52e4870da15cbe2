"""The numbers of an analysis by the keys of ``published:``, from one cohort's JSON or from a block of replicates.

A key is the path to a number in the JSON of `analysis.paper.cohort_analysis`, where ``competing`` holds those of
competing events; an element of a list is named in brackets:

    table1.before[age].control.mean         table1.after[sex=Male].treated.percent      table1.after[age<=50].p
    endpoints.death.after.km.treated.survival[24]       endpoints.death.after.rmst_difference[36].low
    endpoints.death.after.univariable[age>50].hr        endpoints.death.after.subgroups[child_pugh=B].hr
    endpoints.MACE.after.incidence.treated[24].high     endpoints.MACE.after.fine_gray.hr
    binary.ORR.before.p         exposure.cycles.before.treated.median         modes.new_lesion.before.control.percent
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.paper.amounts import summaries
from analysis.paper.block_sides import BlockSides, share
from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.competing_numbers import CompetingNumbers, competing_number
from analysis.paper.endpoint_numbers import EndpointNumbers
from analysis.paper.number_keys import KeyNode, problem, time_of
from analysis.paper.number_names import names_of
from analysis.paper.number_tree import ARMS, COMPETING, SIDES, tree
from analysis.paper.outcome_numbers import OutcomeNumbers, category_p
from analysis.plan.analysis_plan import level_terms
from analysis.two_samples import tests
from analysis.two_samples.baseline import BaselineTable
from simulator.cohort.terms import Variable
from simulator.documents.keys import Step, split_key
from simulator.numerics.arrays import Floats
from simulator.numerics.once import once


def number_in(analysis: Mapping[str, Any], key: str) -> float:
    """The number at a key in the JSON of one cohort's analysis; NaN for null; ValueError where there is none."""
    steps = split_key(key)
    try:
        among_others = competing_number(analysis, steps)
    except KeyError as error:
        raise ValueError(f"'{key}': the analysis has no {error} there") from None
    if among_others is not None:
        return among_others
    here: Any = analysis
    for step in steps:
        if not isinstance(here, Mapping) or step.name not in here:
            raise ValueError(f"'{key}': the analysis has no '{step.name}' there")
        whole, here = here, here[step.name]
        if step.element is not None:
            row = _row(here, step.element)
            if row is None and step.name == "multivariable" and _row(whole.get("univariable"), step.element):
                return float("nan")  # it was screened out
            if row is None:
                raise ValueError(f"'{key}': no row '{step.element}'")
            here = row
    if isinstance(here, Mapping) and "time" in here:
        here = here["value"]  # a row of a time is a number itself
    if here is None:
        return float("nan")
    if isinstance(here, bool) or not isinstance(here, int | float):
        raise ValueError(f"'{key}' is not a number of the analysis")
    return float(here)


def _row(rows: Any, element: str) -> Mapping[str, Any] | None:
    """The row of a list that an element names: by its term or column, as ``variable=level``, else by its variable."""
    rows = rows if isinstance(rows, list) else []
    at = time_of(element)
    for row in rows:
        if "time" in row and at is not None and row["time"] == at:
            return dict(row)
        variable, level = row.get("variable"), row.get("level")
        whole = level if variable is None else f"{variable}={level}"
        stretch = f"{variable}{level}".replace(" & ", f" & {variable}")
        if element in (row.get("column"), row.get("term"), whole, stretch):
            return dict(row)
    return next((dict(row) for row in rows if row.get("variable") == element), None)


@dataclass(frozen=True)
class BlockNumbers:
    """The numbers of every cohort of a block; what several of them need is worked out once and kept.

    They equal `number_in` of the analysis of each cohort. A median or limit that is not reached is +inf here. Nothing
    is worked out before it is asked for.
    """

    block: BlockAnalysis
    kept: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def of(self, key: str) -> Floats:
        """The number of every replicate ``(R,)``, NaN where it does not exist; ValueError for an unknown key."""
        wrong = problem(self.keys, key)
        if wrong:
            raise ValueError(f"'{key}': {wrong}")
        steps = split_key(key)
        find = {
            "cohort": self._cohort,
            "matching": self._matching,
            "table1": self._table1,
            "endpoints": self._endpoint,
            "binary": self._binary,
            "exposure": self._exposure,
            "modes": self._modes,
        }[steps[0].name]
        return np.asarray(find(steps), dtype=np.float64)

    @once
    def keys(self) -> KeyNode:
        """The keys of all its numbers."""
        observed, plan = self.block.sample.observed, self.block.sample.plan
        endpoints, outcomes = tuple(observed.endpoints), (tuple(observed.binary), tuple(observed.exposure))
        competing = [name for name, course in observed.endpoints.items() if course.competing is not None]
        return tree(names_of(observed.variables, plan, endpoints, *outcomes, tuple(observed.modes), competing))

    @once
    def sides(self) -> BlockSides:
        """The block before and after."""
        return BlockSides(self.block)

    @once
    def outcomes(self) -> OutcomeNumbers:
        """The numbers of the yes/no outcomes."""
        return OutcomeNumbers(self.sides)

    def _binary(self, steps: tuple[Step, ...]) -> Floats:
        return self.outcomes.of(steps[1:])

    def _endpoint(self, steps: tuple[Step, ...]) -> Floats:
        make = CompetingNumbers if steps[3].name in COMPETING else EndpointNumbers
        place = (make, steps[1].name, steps[2].name)
        if place not in self.kept:
            self.kept[place] = make(self.sides, *place[1:])
        found: CompetingNumbers | EndpointNumbers = self.kept[place]
        return found.of(steps[3:])

    def _cohort(self, steps: tuple[Step, ...]) -> Floats:
        n = self.sides.sizes
        found: dict[str, Floats] = {"n": n[:, 0].sum(axis=1), "control": n[:, 0, 0], "treated": n[:, 0, 1]}
        return found[steps[1].name]

    def _matching(self, steps: tuple[Step, ...]) -> Floats:
        n = self.sides.sizes[:, 1]
        return {"n_pairs": n[:, 1], "n_treated": n[:, 1], "n_control": n[:, 0]}[steps[1].name]

    def _table1(self, steps: tuple[Step, ...]) -> Floats:
        place, element = SIDES.index(steps[1].name), str(steps[1].element)
        observed = self.block.sample.observed
        if element in [variable.name for variable in observed.variables if variable.kind == "continuous"]:
            return self._amount(place, element, [step.name for step in steps[2:]])
        table, what = self._table_of(place), [step.name for step in steps[2:]]
        rows, terms = self._levels
        j = next(j for j, variable in enumerate(rows) if element in (variable.name, *terms[j]))
        if what == ["p"]:
            return category_p(self.sides, table, j)[place::2]
        if what == ["smd"]:
            return table.categorical.smd[place::2, j, terms[j].index(element)]
        arm, level = ARMS.index(what[0]), terms[j].index(element)
        if what[1] == "percent" and self.sides.weights(steps[1].name) is not None:
            return 100 * table.categorical.share[place::2, j, arm, level]
        counts = table.categorical.counts[place::2, j, arm, level].astype(np.float64)
        return share(counts, self.sides.sizes[:, place, arm], what[1], "n")

    @once
    def _levels(self) -> tuple[list[Variable], list[list[str]]]:
        """The variables that have rows of counts, and the names of the levels of each."""
        observed = self.block.sample.observed.variables
        rows = [variable for variable in observed if variable.kind != "continuous" or variable.cuts]
        return rows, [[" & ".join(row) for row in level_terms(variable)] for variable in rows]

    def _amount(self, side: int, name: str, what: list[str]) -> Floats:
        """A number of a continuous row of Table 1."""
        observed, table = self.block.sample.observed, self._table_of(side)
        c = [variable.name for variable in observed.variables if variable.kind == "continuous"].index(name)
        if what == ["p"]:
            return self._location_p(name, table)[side::2, c]
        if what == ["smd"]:
            return table.continuous.smd[side::2, c]
        arm = ARMS.index(what[0])
        if what[1] == "n":
            return self.sides.sizes[:, side, arm]
        if what[1] in ("min", "max"):
            x, inside = observed.covariates[..., observed.names.index(name)], self.sides.arm(SIDES[side], what[0])
            least = what[1] == "min"
            found = np.where(inside, x, np.inf).min(axis=1) if least else np.where(inside, x, -np.inf).max(axis=1)
            return np.where(np.isfinite(found), found, np.nan)
        numbers: Floats = getattr(table.continuous, what[1])
        return numbers[side::2, c, arm]

    def _table_of(self, side: int) -> BaselineTable:
        """Table 1 of both sides, of which this one is right: weights are worked out where they count."""
        return self.block.table1 if SIDES[side] == "after" else self.block.unweighted_table1

    def _location_p(self, name: str, table: BaselineTable) -> Floats:
        """The p ``(2 R, C)`` of every continuous row by the test that the plan chooses for the one of that name."""
        plan, found = self.block.sample.plan.table1, table.continuous
        t_test = found.welch if plan.t_test == "welch" else found.student
        if plan.continuous != "auto":
            return t_test.p if plan.continuous == "mean" else found.mann_whitney.p
        observed = self.block.sample.observed
        x, treated = observed.covariates[..., observed.names.index(name)], observed.treated
        normal = np.ones(len(x), np.bool_)
        for arm in (treated, ~treated):
            normal &= tests.shapiro(x, present=arm & observed.present).p >= plan.normality_p
        return np.where(np.repeat(normal, 2)[:, None], t_test.p, found.mann_whitney.p)

    def _exposure(self, steps: tuple[Step, ...]) -> Floats:
        place = (steps[1].name, steps[2].name, steps[3].name)
        if place not in self._amounts:
            amount = self.block.sample.observed.exposure[place[0]]
            inside = self.sides.arm(*place[1:]) & ~np.isnan(amount)
            self._amounts[place] = summaries(amount, inside, self.sides.weights(place[1]))
        return self._amounts[place][steps[4].name]

    @once
    def _amounts(self) -> dict[tuple[str, ...], Mapping[str, Floats]]:
        """Summaries of exposure, as far as they were asked for."""
        return {}

    def _modes(self, steps: tuple[Step, ...]) -> Floats:
        inside = self.sides.arm(steps[2].name, steps[3].name)
        modes, weights = self.block.sample.observed.modes, self.sides.weights(steps[2].name)
        if steps[4].name == "percent" and weights is not None:
            mass = {name: np.where(who & inside, weights, 0.0).sum(axis=1) for name, who in modes.items()}
            return share(mass[steps[1].name], np.sum(list(mass.values()), axis=0), "percent", "n")
        counts = {name: (who & inside).sum(axis=1) for name, who in modes.items()}
        return share(counts[steps[1].name], np.sum(list(counts.values()), axis=0), steps[4].name, "n")
