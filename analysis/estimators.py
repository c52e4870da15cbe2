"""Estimators: each a small Spec with its options, the estimand that it answers, and one function on a block.

To add one: write a Spec with a ``kind``, ``estimand`` and ``estimate``, and add it to the `Estimator` union below. A
study then takes it by its kind, and the shared contract test runs on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import ndtr, ndtri

from analysis import matching, propensity, survival, weighting
from analysis.kernels.status import Status
from analysis.plan import Plan, cox_terms, propensity_terms
from simulator.cohort import Bools, Floats, Observed
from simulator.estimand import Estimand
from simulator.spec import Name, Spec
from simulator.streams import Streams
from simulator.terms import Variable, design

Ints = NDArray[np.int64]


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
class Sample:
    """A block of observed cohorts under one plan; what several estimators need is worked out once and kept.

    ``replicates (R,)`` are the replicates' numbers and ``seed`` the study's: a random matching order is drawn at that
    address.
    """

    observed: Observed
    plan: Plan
    replicates: Ints
    seed: int = 0

    @cached_property
    def orders(self) -> dict[str, NDArray[np.int32]]:
        """Stable order of the patients by time, for each endpoint, ``(R, N)``."""
        return {name: survival.time_order(endpoint.time) for name, endpoint in self.observed.endpoints.items()}

    def columns(self, terms: tuple[str, ...]) -> tuple[Floats, tuple[int, ...]]:
        """The design ``(R, N, P)`` of the terms, and for each column the index of its term."""
        made = design(terms, self.observed.variable, self.observed.names, self.observed.covariates)
        return made.x, made.term_of

    @cached_property
    def propensity(self) -> "propensity.LogisticFit | propensity.StepwiseFit":
        """The plan's propensity model in every replicate."""
        x, term_of = self.columns(propensity_terms(self.plan, self.observed.variable))
        plan, treated, present = self.plan.propensity, self.observed.treated, self.observed.present
        if plan.method == "all":
            return propensity.logistic(x, treated, present=present)
        return propensity.stepwise(
            x,
            treated,
            term_of,
            present=present,
            direction=plan.direction,
            criterion=plan.criterion,
            start=plan.start,
        )

    @cached_property
    def matching(self) -> "matching.Matching":
        """The plan's matching in every replicate."""
        plan, fit = self.plan.matching, self.propensity
        rank = None
        if plan.order == "random":
            seed = self.seed if plan.seed is None else plan.seed
            rank = Streams(seed).uniform("matching order", self.replicates, self.observed.treated.shape[1])
        return matching.match(
            fit.linear if plan.scale == "logit" else fit.fitted,
            self.observed.treated,
            present=self.observed.present & (fit.status == Status.OK)[:, None],
            caliper=plan.caliper,
            unit=plan.unit,
            order=plan.order,
            ratio=plan.ratio,
            replacement=plan.replacement,
            rank=rank,
        )

    @cached_property
    def matched(self) -> Bools:
        """Who is in the matched cohort, ``(R, N)``."""
        return self.matching.weight > 0


def wald(beta: Floats, se: Floats, n: Ints, events: Ints, status: Ints, level: float = 0.95) -> Estimate:
    """The estimate with its Wald interval and two-sided p, NaN where the fit is not OK."""
    ok = (status == Status.OK) & np.isfinite(se)
    value, error = np.where(ok, beta, np.nan), np.where(ok, se, np.nan)
    half = ndtri(0.5 + level / 2) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * ndtr(-np.abs(value / error))
    return Estimate(value, error, value - half, value + half, p, n, events, status)


class Crude(Spec):
    """Cox regression on treatment alone, everyone included."""

    kind: Literal["crude"] = "crude"
    name: Name = "crude"

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:  # noqa: ARG002
        """The marginal log hazard ratio in everyone."""
        return Estimand(population="all", measure="marginal_log_hr", endpoint=endpoint)

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The coefficient of treatment with its model-based SE."""
        return _cox_on_treatment(sample, endpoint, sample.observed.present)


class Adjusted(Spec):
    """Multivariable Cox regression on treatment and the plan's Cox covariates."""

    kind: Literal["adjusted"] = "adjusted"
    name: Name = "adjusted"

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:
        """The conditional log hazard ratio given the covariates."""
        terms = cox_terms(plan, variables)
        return Estimand(population="all", measure="conditional_log_hr", endpoint=endpoint, adjusted_for=terms)

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The coefficient of treatment with its model-based SE."""
        observed = sample.observed
        x, _ = sample.columns(cox_terms(sample.plan, observed.variable))
        x = np.concatenate([observed.treated[..., None], x], axis=-1)
        course = observed.endpoints[endpoint]
        fit = survival.cox(
            course.time,
            course.event,
            x,
            present=observed.present,
            ties=sample.plan.survival.ties,
            order=sample.orders[endpoint],
        )
        return wald(fit.beta[:, 0], fit.se[:, 0], fit.n, fit.events, fit.status, sample.plan.survival.level)


class Matched(Spec):
    """Cox regression on treatment in the cohort matched as the plan says.

    ``se: pair`` is robust to the pairing (Lin-Wei, clustered by matched set); ``naive`` treats pairs as unrelated.
    """

    kind: Literal["matched"] = "matched"
    name: Name = "matched"
    se: Literal["pair", "naive"] = "pair"

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:  # noqa: ARG002
        """The marginal log hazard ratio in the patients whom the matching keeps."""
        return Estimand(population="matched", measure="marginal_log_hr", endpoint=endpoint)

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The coefficient of treatment among the matched; NO_PAIRS or the propensity model's status where none."""
        pairs = sample.matching
        weighted = sample.plan.matching.ratio > 1 or sample.plan.matching.replacement
        estimate = _cox_on_treatment(
            sample,
            endpoint,
            sample.matched,
            weight=pairs.weight if weighted else None,
            cluster=pairs.pair if self.se == "pair" else None,
        )
        failed = np.where(sample.propensity.status == Status.OK, pairs.status, sample.propensity.status)
        return _with_status(estimate, failed)


class Ipw(Spec):
    """Cox regression on treatment, weighted by the inverse of the plan's propensity score; robust (Lin-Wei) SE.

    ``target: att`` weights the untreated by the odds of treatment; ``ate`` weights everyone.
    """

    kind: Literal["ipw"] = "ipw"
    name: Name = "ipw-att"
    target: Literal["att", "ate"] = "att"

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:  # noqa: ARG002
        """The marginal log hazard ratio in the treated (att) or in everyone (ate)."""
        population: Literal["treated", "all"] = "treated" if self.target == "att" else "all"
        return Estimand(population=population, measure="marginal_log_hr", endpoint=endpoint)

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The weighted coefficient of treatment; the propensity model's status where that failed."""
        observed, fit = sample.observed, sample.propensity
        ok = (fit.status == Status.OK)[:, None] & observed.present
        weight = np.where(ok, weighting.ipw(np.where(ok, fit.fitted, 0.5), observed.treated, self.target), 1.0)
        everyone = np.broadcast_to(np.arange(weight.shape[1]), weight.shape)
        estimate = _cox_on_treatment(sample, endpoint, ok, weight=weight, cluster=everyone)
        return _with_status(estimate, fit.status)


Estimator = Annotated[Crude | Adjusted | Matched | Ipw, Field(discriminator="kind")]


def _cox_on_treatment(
    sample: Sample, endpoint: str, present: Bools, *, weight: Floats | None = None, cluster: Ints | None = None
) -> Estimate:
    course = sample.observed.endpoints[endpoint]
    fit = survival.cox(
        course.time,
        course.event,
        sample.observed.treated[..., None].astype(np.float64),
        present=present,
        weight=weight,
        cluster=cluster,
        ties=sample.plan.survival.ties,
        order=sample.orders[endpoint],
    )
    se = fit.se if fit.robust_se is None else fit.robust_se
    return wald(fit.beta[:, 0], se[:, 0], fit.n, fit.events, fit.status, sample.plan.survival.level)


def _with_status(estimate: Estimate, status: Ints) -> Estimate:
    """The estimate with an earlier step's failure put in the place of whatever came of it."""
    ok = status == Status.OK
    value, se, low, high, p = (
        np.where(ok, x, np.nan) for x in (estimate.value, estimate.se, estimate.low, estimate.high, estimate.p)
    )
    n, events = (np.where(ok, x, 0) for x in (estimate.n, estimate.events))
    return Estimate(value, se, low, high, p, n, events, np.where(ok, estimate.status, status))
