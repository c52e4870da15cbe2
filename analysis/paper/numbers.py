"""The numbers of an analysis by the keys of ``published:``, from one cohort's JSON or from a block of replicates.

A key is the path to a number in the JSON of `analysis.paper.cohort_analysis`; an element of a list is named in
brackets:

    table1.before[age].control.mean         table1.after[sex=Male].treated.percent      table1.after[age<=50].p
    endpoints.death.after.univariable[age>50].hr        endpoints.death.after.subgroups[child_pugh=B].hr
    binary.ORR.before.p         exposure.cycles.before.treated.median         modes.new_lesion.before.control.percent
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from analysis.kernels.status import Status
from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.number_keys import ARMS, SIDES, KeyNode, names_of, problem, tree
from analysis.paper.table1 import Amounts, summary
from analysis.plan.analysis_plan import TREATMENT, cox_terms, level_terms, subgroup_factors
from analysis.survival import statistics
from analysis.survival.weighted_survival import weighted_quantile
from analysis.two_samples import tests
from analysis.two_samples.baseline import BaselineRows, BaselineTable, LevelRow
from simulator.cohort.terms import parse_term, term_columns
from simulator.documents.keys import Step, split_key
from simulator.numerics.arrays import Bools, Floats

NumberTree = Any  # arrays (R,) of counts or floats


def number_in(analysis: Mapping[str, Any], key: str) -> float:
    """The number at a key in the JSON of one cohort's analysis; NaN for null; ValueError where there is none."""
    here: Any = analysis
    for step in split_key(key):
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
    if here is None:
        return float("nan")
    if isinstance(here, bool) or not isinstance(here, int | float):
        raise ValueError(f"'{key}' is not a number of the analysis")
    return float(here)


def _row(rows: Any, element: str) -> Mapping[str, Any] | None:
    """The row of a list that an element names: by its term or column, as ``variable=level``, else by its variable."""
    rows = rows if isinstance(rows, list) else []
    for row in rows:
        variable, level = row.get("variable"), row.get("level")
        whole = level if variable is None else f"{variable}={level}"
        stretch = f"{variable}{level}".replace(" & ", f" & {variable}")
        if element in (row.get("column"), row.get("term"), whole, stretch):
            return dict(row)
    return next((dict(row) for row in rows if row.get("variable") == element), None)


@dataclass(frozen=True)
class BlockNumbers:
    """The numbers of every cohort of a block; what several of them need is worked out once and kept.

    They equal `number_in` of the analysis of each cohort. A median or limit that is not reached is +inf here.
    """

    block: BlockAnalysis

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

    @cached_property
    def keys(self) -> KeyNode:
        """The keys of all its numbers."""
        observed, plan = self.block.sample.observed, self.block.sample.plan
        outcomes = (observed.endpoints, observed.binary, observed.exposure, observed.modes)
        return tree(names_of(observed.variables, plan, *(tuple(some) for some in outcomes)))

    @cached_property
    def unmatched(self) -> BlockAnalysis:
        """The analysis without adjustment: what is said of the adjusted is said of all patients."""
        sample = self.block.sample
        return BlockAnalysis(sample.under(sample.plan.model_copy(update={"primary": "unadjusted"})))

    @property
    def _level(self) -> float:
        return self.block.sample.plan.survival.level

    def _cohort(self, steps: tuple[Step, ...]) -> NumberTree:
        n = self._sizes
        return {"n": n[:, 0].sum(axis=1), "control": n[:, 0, 0], "treated": n[:, 0, 1]}[steps[1].name]

    def _matching(self, steps: tuple[Step, ...]) -> NumberTree:
        n = self._sizes[:, 1]
        return {"n_pairs": n[:, 1], "n_treated": n[:, 1], "n_control": n[:, 0]}[steps[1].name]

    @cached_property
    def _sizes(self) -> NumberTree:
        """Patients ``(R, 2, 2)``: before and after matching, untreated and treated."""
        treated = self.block.sample.observed.treated
        sides = (self.block.sample.observed.present, self.block.sample.adjusted.present)
        made = [[(side & ~treated).sum(axis=1), (side & treated).sum(axis=1)] for side in sides]
        return np.moveaxis(np.array(made, dtype=np.float64), -1, 0)

    def _table1(self, steps: tuple[Step, ...]) -> NumberTree:
        side, element = SIDES.index(steps[1].name), str(steps[1].element)
        observed, table = self.block.sample.observed, self.block.table1
        rows = [variable for variable in observed.variables if variable.kind != "continuous" or variable.cuts]
        continuous = [variable.name for variable in observed.variables if variable.kind == "continuous"]
        what = [step.name for step in steps[2:]]
        if element in continuous:
            c = continuous.index(element)
            if what == ["p"]:
                return self._location_p(element)[side::2, c]
            if what == ["smd"]:
                return table.continuous.smd[side::2, c]
            arm = ARMS.index(what[0])
            if what[1] == "n":
                return self._sizes[:, side, arm]
            numbers: Floats = getattr(table.continuous, what[1])
            return numbers[side::2, c, arm]
        terms = [[" & ".join(row) for row in level_terms(variable)] for variable in rows]
        j = next(j for j, variable in enumerate(rows) if element in (variable.name, *terms[j]))
        if what == ["p"]:
            return self._category_p(table, j)[side::2]
        if what == ["smd"]:
            return table.categorical.smd[side::2, j, terms[j].index(element)]
        arm, level = ARMS.index(what[0]), terms[j].index(element)
        if what[1] == "percent" and self._weights(side) is not None:
            return 100 * table.categorical.share[side::2, j, arm, level]
        return _share(table.categorical.counts[side::2, j, arm, level], self._sizes[:, side, arm], what[1], "n")

    def _category_p(self, table: BaselineTable, row: int) -> NumberTree:
        """The p ``(2 R,)`` of a row of counts by the test that the plan asks for; Rao and Scott's of the weighted."""
        how = self.block.sample.plan.table1.categorical
        if how == "auto":
            return table.categorical.p[:, row]
        counts = table.categorical.counts[:, row]
        p: Floats = (tests.fisher(counts) if how == "fisher" else tests.pearson(counts, correct=how == "yates")).p
        if self.block.weighted is not None:
            p = np.where(np.arange(len(p)) % 2 == 1, table.categorical.p[:, row], p)
        return p

    def _location_p(self, name: str) -> NumberTree:
        """The p ``(2 R, C)`` of every continuous row by the test that the plan chooses for the one of that name."""
        plan, found = self.block.sample.plan.table1, self.block.table1.continuous
        t_test = found.welch if plan.t_test == "welch" else found.student
        if plan.continuous != "auto":
            return t_test.p if plan.continuous == "mean" else found.mann_whitney.p
        observed = self.block.sample.observed
        x, treated = observed.covariates[..., observed.names.index(name)], observed.treated
        normal = np.ones(len(x), np.bool_)
        for arm in (treated, ~treated):
            normal &= tests.shapiro(x, present=arm & observed.present).p >= plan.normality_p
        return np.where(np.repeat(normal, 2)[:, None], t_test.p, found.mann_whitney.p)

    def _binary(self, steps: tuple[Step, ...]) -> NumberTree:
        j, side = list(self.block.sample.observed.binary).index(steps[1].name), SIDES.index(steps[2].name)
        if steps[3].name == "p":
            return self._category_p(self._outcomes, j)[side::2]
        arm = ARMS.index(steps[3].name)
        if steps[4].name == "percent" and self._weights(side) is not None:
            return 100 * self._outcomes.categorical.share[side::2, j, arm, 1]
        yes = self._outcomes.categorical.counts[side::2, j, arm, 1]
        n = self._sizes[:, side, arm]
        return n if steps[4].name == "n" else _share(yes, n, steps[4].name, "yes")

    @cached_property
    def _outcomes(self) -> BaselineTable:
        """All yes/no outcomes as the rows of a table."""
        observed = self.block.sample.observed
        values = np.stack(list(observed.binary.values()), axis=-1).astype(np.float64)
        rows = BaselineRows((), tuple(LevelRow(k, (0.0,), coded=True) for k in range(values.shape[-1])))
        return self.block.baseline_of(values, rows)

    def _exposure(self, steps: tuple[Step, ...]) -> NumberTree:
        place = (steps[1].name, steps[2].name, steps[3].name)
        if place not in self._amounts:
            amount = self.block.sample.observed.exposure[place[0]]
            inside = self._arm(*place[1:]) & ~np.isnan(amount)
            weights = self._weights(SIDES.index(place[1]))
            made = [
                summary(row[who], None if weights is None else weights[r, who])
                for r, (row, who) in enumerate(zip(amount, inside, strict=True))
            ]
            self._amounts[place] = {field.name: [getattr(one, field.name) for one in made] for field in fields(Amounts)}
        return np.array(self._amounts[place][steps[4].name])

    @cached_property
    def _amounts(self) -> dict[tuple[str, ...], dict[str, list[float]]]:
        """Summaries of exposure, as far as they were asked for."""
        return {}

    def _modes(self, steps: tuple[Step, ...]) -> NumberTree:
        inside = self._arm(steps[2].name, steps[3].name)
        modes, weights = self.block.sample.observed.modes, self._weights(SIDES.index(steps[2].name))
        if steps[4].name == "percent" and weights is not None:
            mass = {name: np.where(who & inside, weights, 0.0).sum(axis=1) for name, who in modes.items()}
            return _share(mass[steps[1].name], np.sum(list(mass.values()), axis=0), "percent", "n")
        counts = {name: (who & inside).sum(axis=1) for name, who in modes.items()}
        return _share(counts[steps[1].name], np.sum(list(counts.values()), axis=0), steps[4].name, "n")

    def _arm(self, side: str, arm: str) -> Bools:
        """Who is in an arm before or after matching, ``(R, N)``."""
        sample = self.block.sample
        treated: Bools = sample.observed.treated == bool(ARMS.index(arm))
        return treated & (sample.observed.present, sample.adjusted.present)[SIDES.index(side)]

    def _weights(self, side: int) -> Floats | None:
        """The weights ``(R, N)`` of a side; None where nothing is weighted."""
        weighted = self.block.weighted
        return None if side == 0 or weighted is None else weighted.weight

    def _endpoint(self, steps: tuple[Step, ...]) -> NumberTree:
        endpoint, side, what = steps[1].name, SIDES.index(steps[2].name), steps[3]
        compared = self.block.comparisons[endpoint]
        match what.name:
            case "km":
                arm, name = ARMS.index(steps[4].name), steps[5].name
                n, events = compared.n[side::2, arm], compared.events[side::2, arm]
                weights, inside = self._weights(side), self._arm(steps[2].name, steps[4].name)
                if name == "percent" and weights is not None:
                    died = inside & self.block.sample.observed.endpoints[endpoint].event
                    n, events = (np.where(who, weights, 0.0).sum(axis=1) for who in (inside, died))
                if name in ("n", "events", "percent"):
                    return _counted(n, events, name)
                return {"median": compared.median, "low": compared.low, "high": compared.high}[name][side::2, arm]
            case "follow_up":
                return self._follow_up(endpoint, steps[2].name, steps[4].name, steps[5].name)
            case "logrank":
                return {"p": compared.p, "chi2": compared.chi2}[steps[4].name][side::2]
            case "cox":
                log_hr, se, status = (x[side::2] for x in (compared.log_hr, compared.se, compared.cox_status))
                return _ratio(log_hr, se, status, steps[4].name, self._level)
            case "subgroups":
                return self._subgroup(endpoint, side, str(what.element), [step.name for step in steps[4:]])
        return self._model(endpoint, side, what.name, str(what.element), steps[4].name)

    def _follow_up(self, endpoint: str, side: str, arm: str, name: str) -> NumberTree:
        course, plan = self.block.sample.observed.endpoints[endpoint], self.block.sample.plan.survival
        weighted, order = self.block.weighted, self.block.sample.orders[endpoint]
        if side == "after" and weighted is not None:
            found = weighted_quantile(
                course.time,
                ~course.event,
                weighted.treated,
                plan,
                weight=weighted.weight,
                cluster=weighted.cluster,
                present=weighted.present,
                order=order,
            )
            both = {"median": found.value, "low": found.low, "high": found.high, "n": found.n, "events": found.events}
            return both[name][:, ARMS.index(arm)]
        made = statistics.km_quantile(
            course.time,
            ~course.event,
            present=self._arm(side, arm),
            q=0.5,
            conf_type=plan.conf_type,
            level=plan.level,
            order=order,
        )
        if name in ("n", "events", "percent"):
            return _counted(made.n, made.events, name)
        return {"median": made.value, "low": made.low, "high": made.high}[name]

    def _model(self, endpoint: str, side: int, model: str, element: str, name: str) -> NumberTree:
        plan, variables = self.block.sample.plan, self.block.sample.observed.variable
        terms = cox_terms(plan, variables)
        columns = [(column, text) for text in terms for column in _columns(text, variables)]
        columns.append((TREATMENT, TREATMENT))
        p = next(k for k, names in enumerate(columns) if element in names)
        block = (self.unmatched, self.block)[side]
        made = block.cox_models[endpoint]
        if model == "univariable":
            fit = made.univariable
            return _ratio(fit.beta[:, p], fit.se[:, p], fit.status[:, p], name, self._level)
        entered = np.where(made.entered[:, p], made.multivariable.beta[:, p], np.nan)
        return _ratio(entered, made.multivariable.se[:, p], made.multivariable.state[:, p], name, self._level)

    def _subgroup(self, endpoint: str, side: int, element: str, names: list[str]) -> NumberTree:
        sample, found = self.block.sample, (self.unmatched, self.block)[side].subgroups[endpoint]
        factors = subgroup_factors(sample.plan, sample.observed.variable)
        rows = ["all", *(" & ".join(terms) for factor in factors for terms in factor.rows)]
        place = slice(rows.index(element), None, len(rows))
        if names[0] == "arms":
            return _counted(found.n[place], found.events[place], names[2])[:, ARMS.index(names[1])]
        match names[0]:
            case "n" | "events":
                return _counted(found.n[place], found.events[place], names[0]).sum(axis=1)
            case "p_logrank":
                return found.p[place]
        return _ratio(found.log_hr[place], found.se[place], found.cox_status[place], names[0], self._level)


def _columns(text: str, variables: Mapping[str, Any]) -> tuple[str, ...]:
    return term_columns(parse_term(text, variables), variables)


def _share(count: NumberTree, n: NumberTree, name: str, counted: str) -> NumberTree:
    if name == counted:
        return count
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.divide(100 * count, n)


def _counted(n: NumberTree, events: NumberTree, name: str) -> NumberTree:
    return n if name == "n" else _share(events, n, name, "events")


def _ratio(log_hr: NumberTree, se: NumberTree, status: NumberTree, name: str, level: float) -> NumberTree:
    """A field of `analysis.paper.effects.Effect` for every replicate."""
    ok = (np.asarray(status) == Status.OK) & np.isfinite(se) & (se > 0)
    beta, error = np.where(ok, log_hr, np.nan), np.where(ok, se, np.nan)
    half = float(ndtri(0.5 + level / 2)) * error
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        match name:
            case "log_hr":
                return beta
            case "se":
                return error
            case "hr":
                return np.exp(beta)
            case "low":
                return np.exp(beta - half)
            case "high":
                return np.exp(beta + half)
            case "p":
                return np.asarray(2 * ndtr(-np.abs(beta / error)))
    raise LookupError(f"no '{name}'")
