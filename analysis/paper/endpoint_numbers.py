"""The numbers of an endpoint by key, of every cohort of a block: curves, Cox models, subgroups."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from scipy.special import ndtr, ndtri

from analysis.kernels.status import Status
from analysis.paper.block_sides import BlockSides, counted
from analysis.paper.curve_points import Weighed, at_risk, differences, mean_points, survival_points
from analysis.paper.interactions import interaction_p
from analysis.paper.number_tree import ARMS, SIDES
from analysis.paper.stratified import stratified_cox, stratified_logrank
from analysis.plan.analysis_plan import TREATMENT, SurvivalPlan, cox_terms, subgroup_factors
from analysis.survival import statistics
from analysis.survival.matched_curves import CurveMeasure
from analysis.survival.two_arms import ArmComparison
from analysis.survival.weighted_survival import weighted_quantile
from simulator.cohort.cohorts import Endpoint
from simulator.cohort.terms import parse_term, term_columns
from simulator.documents.keys import Step
from simulator.numerics.arrays import Bools, Floats, Ints, Positions

T = TypeVar("T")
DIFFERENCES: Mapping[str, CurveMeasure] = {"survival_difference": "survival", "rmst_difference": "rmst"}


@dataclass(frozen=True)
class EndpointNumbers:
    """The numbers of one endpoint on one side; what several of them need is worked out once and kept."""

    sides: BlockSides
    endpoint: str
    side: str
    kept: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def of(self, steps: tuple[Step, ...]) -> Floats:
        """The number ``(R,)`` at the steps of a key below the side."""
        what, names = steps[0], [step.name for step in steps[1:]]
        both = slice(SIDES.index(self.side), None, 2)
        match what.name:
            case "km":
                return self._curve(steps)
            case "follow_up":
                return self._follow_up(*names)
            case "logrank":
                compared = self._compared
                return {"p": compared.p, "chi2": compared.chi2}[names[0]][both]
            case "cox":
                made = self._compared
                return ratio(made.log_hr[both], made.se[both], made.cox_status[both], names[0], self.sides.level)
            case "cox_pair_robust":
                fit = self._once("robust", self._robust)
                return ratio(*fit, names[0], self.sides.level)
            case "cox_stratified":
                cox = self._once("stratified", lambda: stratified_cox(*self._in_strata))
                return ratio(cox.log_hr, cox.se, cox.status, names[0], self.sides.level)
            case "logrank_stratified":
                test = self._once("stratified test", lambda: stratified_logrank(*self._in_strata))
                return {"p": test.p, "chi2": test.chi2}[names[0]]
            case "survival_difference" | "rmst_difference":
                return self._difference(what.name, str(what.element), *names)
            case "subgroups":
                return self._subgroup(str(what.element), names)
        return self._model(what.name, str(what.element), names[0])

    def _once(self, key: Hashable, make: Callable[[], T]) -> T:
        if key not in self.kept:
            self.kept[key] = make()
        found: T = self.kept[key]
        return found

    @property
    def _compared(self) -> ArmComparison:
        return self.sides.block.comparisons[self.endpoint]

    @property
    def _course(self) -> Endpoint:
        return self.sides.block.sample.observed.endpoints[self.endpoint]

    def _curve(self, steps: tuple[Step, ...]) -> Floats:
        """A number of an arm's curve."""
        arm, what = steps[1].name, steps[2]
        if what.element is not None:
            return self._at_time(arm, what.name, float(what.element), steps[3].name if len(steps) > 3 else "value")
        compared, side, a = self._compared, SIDES.index(self.side), ARMS.index(arm)
        n: Floats | Ints = compared.n[side::2, a]
        events: Floats | Ints = compared.events[side::2, a]
        weights, inside = self.sides.weights(self.side), self.sides.arm(self.side, arm)
        if what.name == "percent" and weights is not None:
            died = inside & self._course.event
            n, events = (np.where(who, weights, 0.0).sum(axis=1) for who in (inside, died))
        if what.name in ("n", "events", "percent"):
            return counted(n, events, what.name)
        found = {"median": compared.median, "low": compared.low, "high": compared.high}
        return found[what.name][side::2, a]

    def _at_time(self, arm: str, what: str, at: float, name: str) -> Floats:
        """A point of an arm's curve."""
        course, inside = self._course, self.sides.arm(self.side, arm)
        if what == "at_risk":
            return at_risk(course, inside, at).astype(np.float64)
        point = survival_points if what == "survival" else mean_points
        plan, order = self.sides.block.sample.plan.survival, self.sides.block.sample.orders[self.endpoint]
        weights = self.sides.weighed(self.side)
        found = self._once((arm, what, at), lambda: point(course, inside, at, plan, weights, order))
        return {"value": found.value, "low": found.low, "high": found.high}[name]

    def _difference(self, what: str, at: str, name: str = "value") -> Floats:
        """The curves of the arms compared at a time."""
        sample, time = self.sides.block.sample, float(at)
        found = self._once(
            (what, time),
            lambda: differences(
                self._course, sample.observed.treated, self.sides.present(self.side), time, DIFFERENCES[what],
                sample.plan.survival, self.sides.weighed(self.side), sample.orders[self.endpoint],
            ),
        )  # fmt: skip
        return {"value": found.value, "low": found.low, "high": found.high, "p": found.p}[name]

    def _robust(self) -> tuple[Floats, Floats, Ints]:
        """Log hazard ratio, its SE clustered by matched set, and status."""
        block, side = self.sides.block, slice(1, None, 2)
        if block.weighted is not None:
            compared = self._compared
            return compared.log_hr[side], compared.se[side], compared.cox_status[side]
        sample, course = block.sample, self._course
        fit = statistics.cox(
            course.time, course.event, sample.observed.treated[..., None].astype(np.float64),
            present=sample.adjusted.present, cluster=sample.matching.pair, ties=sample.plan.survival.ties,
            order=sample.orders[self.endpoint],
        )  # fmt: skip
        assert fit.robust_se is not None
        return fit.beta[:, 0], fit.robust_se[:, 0], fit.status

    @property
    def _in_strata(self) -> tuple[Endpoint, Bools, Bools, Ints, SurvivalPlan, Weighed | None, Positions]:
        """What the comparisons within the plan's strata take."""
        sample = self.sides.block.sample
        return (
            self._course, sample.observed.treated, self.sides.present(self.side), self.sides.strata(self.side),
            sample.plan.survival, self.sides.weighed(self.side), sample.orders[self.endpoint],
        )  # fmt: skip

    def _follow_up(self, arm: str, name: str) -> Floats:
        course, sample = self._course, self.sides.block.sample
        plan, weighted, order = sample.plan.survival, self.sides.block.weighted, sample.orders[self.endpoint]
        whole = arm == "overall"
        if self.side == "after" and weighted is not None:
            treated = np.ones_like(weighted.treated) if whole else weighted.treated
            found = self._once(
                ("follow-up", whole),
                lambda: weighted_quantile(
                    course.time,
                    course.censored,
                    treated,
                    plan,
                    weight=weighted.weight,
                    cluster=weighted.cluster,
                    present=weighted.present,
                    order=order,
                ),
            )
            both = {"median": found.value, "low": found.low, "high": found.high, "n": found.n, "events": found.events}
            both["percent"] = 100 * found.share
            return np.asarray(both[name][:, 1 if whole else ARMS.index(arm)])
        inside = self.sides.present(self.side) if whole else self.sides.arm(self.side, arm)
        made = self._once(
            ("follow-up", arm),
            lambda: statistics.km_quantile(
                course.time, course.censored, present=inside, q=0.5, conf_type=plan.conf_type, level=plan.level,
                order=order,
            ),
        )  # fmt: skip
        if name in ("n", "events", "percent"):
            return counted(made.n, made.events, name)
        return {"median": made.value, "low": made.low, "high": made.high}[name]

    def _model(self, model: str, element: str, name: str) -> Floats:
        p = next(k for k, names in enumerate(self._once("columns", self._columns)) if element in names)
        made = self.sides.of(self.side).cox_models[self.endpoint]
        if model == "univariable":
            fit = made.univariable
            return ratio(fit.beta[:, p], fit.se[:, p], fit.status[:, p], name, self.sides.level)
        entered = np.where(made.entered[:, p], made.multivariable.beta[:, p], np.nan)
        return ratio(entered, made.multivariable.se[:, p], made.multivariable.state[:, p], name, self.sides.level)

    def _columns(self) -> list[tuple[str, str]]:
        """The columns of the Cox models, each with its term, treatment last."""
        plan, variables = self.sides.block.sample.plan, self.sides.block.sample.observed.variable
        columns = [(one, text) for text in cox_terms(plan, variables) for one in _columns(text, variables)]
        return [*columns, (TREATMENT, TREATMENT)]

    def _subgroup(self, element: str, names: list[str]) -> Floats:
        block = self.sides.of(self.side)
        sample, found = block.sample, block.subgroups[self.endpoint]
        factors = subgroup_factors(sample.plan, sample.observed.variable)
        rows = ["all", *(" & ".join(terms) for factor in factors for terms in factor.rows)]
        row = rows.index(element)
        place = slice(row, None, len(rows))
        match names[0]:
            case "arms":
                return counted(found.n[place], found.events[place], names[2])[:, ARMS.index(names[1])]
            case "n" | "events":
                return np.asarray(counted(found.n[place], found.events[place], names[0]).sum(axis=1))
            case "p_logrank":
                return found.p[place]
            case "interaction_p":
                return self._interaction(rows.index(element))
        return ratio(found.log_hr[place], found.se[place], found.cox_status[place], names[0], self.sides.level)

    def _interaction(self, row: int) -> Floats:
        """The p of the factor to which a row of the subgroups belongs."""
        block = self.sides.of(self.side)
        sample, first = block.sample, 1
        for factor in subgroup_factors(sample.plan, sample.observed.variable):
            if row < first + len(factor.rows):
                break
            first += len(factor.rows)
        last = first + len(factor.rows)

        def p() -> Floats:
            levels = self._levels(first, last)
            return interaction_p(
                self._course, sample.observed.treated, levels, sample.adjusted.present, sample.plan.survival.ties,
                self.sides.weighed(self.side), sample.orders[self.endpoint], sample.adjusted.stratum,
            )  # fmt: skip

        return self._once(("interaction", first), p)

    def _levels(self, first: int, last: int) -> Bools:
        """Who is in each row of a factor ``(R, L, N)``; of a factor of one row, the others stand against it."""
        block = self.sides.of(self.side)
        levels = block.subgroup_sets[:, first:last]
        if last - first > 1:
            return levels
        return np.concatenate([block.sample.adjusted.present[:, None] & ~levels, levels], axis=1)


def _columns(text: str, variables: Mapping[str, Any]) -> tuple[str, ...]:
    term = parse_term(text, variables)
    return term_columns(term, variables)


def ratio(log_hr: Floats, se: Floats, status: Ints, name: str, level: float) -> Floats:
    """A field of `analysis.paper.effects.Effect` for every replicate."""
    ok = (np.asarray(status) == Status.OK) & np.isfinite(se) & (se > 0)
    beta, error = np.where(ok, log_hr, np.nan), np.where(ok, se, np.nan)
    half = float(ndtri(0.5 + level / 2)) * error
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        match name:
            case "log_hr":
                return np.asarray(beta)
            case "se":
                return np.asarray(error)
            case "hr":
                return np.exp(beta)
            case "low":
                return np.exp(beta - half)
            case "high":
                return np.exp(beta + half)
            case "p":
                return np.asarray(2 * ndtr(-np.abs(beta / error)))
    raise LookupError(f"no '{name}'")
