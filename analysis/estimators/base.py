"""What every estimator is made of: the sample that it sees, the estimate that it gives, steps that many share."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import ndtr, ndtri

from analysis.estimators.own_process import PATIENCE
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan, propensity_terms
from analysis.propensity.matching import Matching, match_as
from analysis.propensity.scores import PropensityFit, averaged, propensity_score
from analysis.propensity.strata import between_quantiles, crossed, no_levels
from analysis.propensity.weighting import plan_weights
from analysis.survival import statistics
from simulator.cohort.addresses import Address
from simulator.cohort.cohorts import EachOnDemand, Observed
from simulator.cohort.terms import Variable, design
from simulator.documents.spec import Name, Spec, timed
from simulator.numerics.arrays import Bools, Floats, Ints
from simulator.numerics.once import once

NUMBERS = ("value", "se", "low", "high", "p")
COUNTS = ("n", "events")

T = TypeVar("T")


@dataclass(frozen=True)
class Estimate:
    """What an estimator says of each replicate, all ``(R,)``: NaN where ``status`` is not OK."""

    value: Floats
    se: Floats
    low: Floats
    high: Floats
    p: Floats
    n: Ints
    events: Ints
    status: Ints


@dataclass(frozen=True)
class AdjustedSet:
    """Who is compared once the arms were made comparable ``(R, N)``, with weights, clusters and strata where there are
    some.
    """

    present: Bools
    weight: Floats | None = None
    cluster: Ints | None = None
    stratum: Ints | None = None


@dataclass(frozen=True)
class Sample:
    """A block of observed cohorts under one plan; what several estimators need is worked out once and kept.

    ``replicates (R,)`` are the replicates' numbers and ``seed`` the study's: what a matching leaves to chance is drawn
    at that address. ``true_propensity (R, N)`` is for those who may know it. ``score_of`` are the imputed data sets,
    this one among them, whose propensity scores are averaged. ``patience`` is how many seconds a user's own function
    may take over one cohort, None for any time. ``kept`` holds what has been worked out, by the part of
    the plan that it depends on.
    """

    observed: Observed
    plan: Plan
    replicates: Ints
    seed: int = 0
    true_propensity: Floats | None = None
    score_of: "tuple[Sample, ...]" = ()
    patience: float | None = PATIENCE
    kept: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def under(self, plan: Plan) -> "Sample":
        """The same cohorts under another plan; what both plans have in common is still worked out once."""
        if plan == self.plan:
            return self
        other = replace(self, plan=plan)
        object.__setattr__(other, "kept", self.kept)
        return other

    def _once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` gives, kept for all samples of these cohorts under the key."""
        if key not in self.kept:
            self.kept[key] = make()
        found: T = self.kept[key]
        return found

    @once
    def orders(self) -> Mapping[str, NDArray[np.int32]]:
        """Stable order of the patients by time, for each endpoint, ``(R, N)``."""
        return self._once("orders", self._orders)

    def _orders(self) -> Mapping[str, NDArray[np.int32]]:
        courses = self.observed.endpoints
        return EachOnDemand(tuple(courses), lambda name: statistics.time_order(courses[name].time))

    def columns(self, terms: tuple[str, ...]) -> tuple[Floats, tuple[int, ...]]:
        """The design ``(R, N, P)`` of the terms, and for each column the index of its term."""
        made = design(terms, self.observed.variable, self.observed.names, self.observed.covariates)
        return made.x, made.term_of

    @once
    def propensity(self) -> PropensityFit:
        """The plan's propensity score in every replicate."""
        made: PropensityFit = self._once(("propensity", self.plan.propensity), self._propensity)
        return made

    def _propensity(self) -> PropensityFit:
        if self.score_of:
            return averaged([one.under(self.plan).propensity for one in self.score_of])
        x, term_of = self.columns(propensity_terms(self.plan, self.observed.variable))
        observed, address = self.observed, Address(self.replicates, self.seed)
        return propensity_score(
            self.plan.propensity, x, observed.treated, observed.present, term_of, address, self.true_propensity
        )

    @once
    def scored(self) -> Bools:
        """Who has a propensity score within 0 and 1, ``(R, N)``; nobody where its model failed."""
        fit = self.propensity
        scored: Bools = self.observed.present & (fit.status == Status.OK)[:, None] & ~fit.aside
        return scored

    @once
    def matching(self) -> Matching:
        """The plan's matching in every replicate."""
        return self._once(("matching", self.plan.propensity, self.plan.matching), self._match)

    def _match(self) -> Matching:
        plan, fit = self.plan.matching, self.propensity
        return match_as(
            plan,
            fit.linear if plan.scale == "logit" else fit.fitted,
            self.observed,
            self.scored,
            propensity_terms(self.plan, self.observed.variable),
            Address(self.replicates, self.seed),
        )

    def strata(self, terms: tuple[str, ...]) -> Ints:
        """The number of each patient's stratum ``(R, N)``: the crossed terms; those who lack one are a level of it."""
        return crossed(terms, self.observed)

    def score_strata(self, groups: int) -> Ints:
        """The group of each patient ``(R, N)`` between quantiles of the score's logit; 0 for whom there is none."""
        return between_quantiles(np.where(self.scored, self.propensity.linear, 0.0), self.scored, groups)

    @once
    def matched(self) -> Bools:
        """Who is in the matched cohort, ``(R, N)``."""
        return self.matching.weight > 0

    @once
    def adjusted(self) -> AdjustedSet:
        """The patients whom the plan's primary analysis compares."""
        plan = self.plan
        ways = (plan.matching, plan.weighting, plan.stratification)
        return self._once(("adjusted", plan.primary, plan.propensity, *ways), self._adjust)

    def _adjust(self) -> AdjustedSet:
        plan, observed = self.plan, self.observed
        if plan.primary == "weighting":
            weight, kept = plan_weights(plan.weighting, self.propensity.fitted, observed.treated, self.scored)
            return AdjustedSet(kept, weight)
        if plan.primary == "stratification":
            return AdjustedSet(self.scored, stratum=self.score_strata(plan.stratification.strata))
        if plan.primary != "matching":
            return AdjustedSet(observed.present)
        if plan.matching.simple:
            return AdjustedSet(self.matched)
        return AdjustedSet(
            self.matched, self.matching.weight, None if plan.matching.replacement else self.matching.pair
        )


class EstimatorSpec(Spec):
    """What all estimators have: a name of their own, and the endpoints to which they are applied.

    Without ``endpoints`` these are all times to an event that the world has.
    """

    takes_times: ClassVar[bool] = True
    takes_binary: ClassVar[bool] = False

    name: Name
    endpoints: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None

    def misfit(self, endpoint: str, timed: bool) -> str:
        """Why it cannot be applied to an endpoint, a time to an event or a yes/no outcome; empty where it can."""
        if timed and not self.takes_times:
            return f"'{endpoint}' is a time to an event; '{self.name}' is for yes/no outcomes"
        return (
            ""
            if timed or self.takes_binary
            else f"'{endpoint}' is a yes/no outcome; '{self.name}' is for times to an event"
        )

    def unstated_times(self) -> dict[str, float]:
        """The times that stand there because nobody stated others, in months."""
        keys = [str(path[0]) for path, _ in timed(self) if len(path) == 1]
        return {key: getattr(self, key) for key in keys if key not in self.model_fields_set and getattr(self, key)}

    def in_unit(self, per_month: float) -> Self:
        """Itself in a world where a month has so many units of time: its unstated times are those of as many months."""
        found = {key: months * per_month for key, months in self.unstated_times().items()}
        return self.model_copy(update=found) if found else self

    def plan_for(self, plan: Plan) -> Plan:
        """The plan that it follows in a study of this plan; ValueError where the two do not go together."""
        return plan


def check_strata(terms: tuple[str, ...], variables: Mapping[str, Variable]) -> None:
    """ValueError where a term has no levels to stratify by."""
    for text in terms:
        wrong = no_levels(text, variables)
        if wrong:
            raise ValueError(f"strata: {wrong}")


def wald(beta: Floats, se: Floats, n: Ints, events: Ints, status: Ints, level: float = 0.95) -> Estimate:
    """The estimate with its Wald interval and two-sided p, NaN where the fit is not OK."""
    ok = (status == Status.OK) & np.isfinite(se)
    value, error = np.where(ok, beta, np.nan), np.where(ok, se, np.nan)
    half = ndtri(0.5 + level / 2) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * ndtr(-np.abs(value / error))
    return Estimate(value, error, value - half, value + half, p, n, events, status)


def cox_on_treatment(
    sample: Sample,
    endpoint: str,
    present: Bools,
    *,
    weight: Floats | None = None,
    cluster: Ints | None = None,
    stratum: Ints | None = None,
) -> Estimate:
    """The Cox coefficient of treatment among ``present``, its SE robust where clusters are; NO_INFO if it is 0."""
    course = sample.observed.endpoints[endpoint]
    fit = statistics.cox(
        course.time,
        course.event,
        sample.observed.treated[..., None].astype(np.float64),
        present=present,
        weight=weight,
        cluster=cluster,
        stratum=stratum,
        ties=sample.plan.survival.ties,
        order=sample.orders[endpoint],
    )
    se = fit.se if fit.robust_se is None else fit.robust_se
    status = np.where((fit.status == Status.OK) & ~(se[:, 0] > 0), Status.NO_INFO, fit.status)
    return wald(fit.beta[:, 0], se[:, 0], fit.n, fit.events, status, sample.plan.survival.level)


def with_status(estimate: Estimate, status: Ints) -> Estimate:
    """The estimate with an earlier step's failure put in the place of whatever came of it."""
    ok = status == Status.OK
    value, se, low, high, p = (
        np.where(ok, x, np.nan) for x in (estimate.value, estimate.se, estimate.low, estimate.high, estimate.p)
    )
    n, events = (np.where(ok, x, 0) for x in (estimate.n, estimate.events))
    return Estimate(value, se, low, high, p, n, events, np.where(ok, estimate.status, status))
