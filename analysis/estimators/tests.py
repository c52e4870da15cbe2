"""Tests of survival between the arms, and differences of the two curves in everyone.

A test has no interval: its value is z, positive where the treated have more events than expected, and its SE is 1.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from scipy.special import ndtr, ndtri

from analysis.estimators.base import Estimate, EstimatorSpec, Sample, check_strata, wald, with_status
from analysis.kernels.normal_maximum import MOST
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan
from analysis.survival import statistics
from analysis.survival.matched_curves import CurveMeasure, curve_difference
from analysis.survival.median_difference import median_difference
from analysis.survival.weighted_logrank import WEIGHTS
from analysis.survival.weighted_survival import robust_score
from simulator.cohort.cohorts import Endpoint
from simulator.cohort.estimand import Estimand, MeasureName
from simulator.cohort.terms import Variable
from simulator.documents.spec import TIME, Name, NonNegative, Positive
from simulator.numerics.arrays import Bools, Floats, Ints


class TwoArmTest(EstimatorSpec):
    """What rank tests share: whom they compare, and within which strata.

    ``strata`` are terms (a covariate with levels, or a comparison such as age>65) that are crossed; whoever lacks one
    has a level of its own. In the ``matched`` population pairs count as unrelated; after matching 1:k or with
    replacement only the log-rank test without strata can be made, as the robust score test.
    """

    population: Literal["all", "matched"] = "all"
    strata: tuple[str, ...] = ()

    @property
    def takes_weights(self) -> bool:
        """Whether it can be made of a weighted sample."""
        return False

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:
        """A test's: whether, not how much. ValueError for unsuitable strata, or weights that it cannot take."""
        if self.population == "matched" and not plan.matching.simple and not self.takes_weights:
            raise ValueError(
                f"{self.name}: matching 1:k or with replacement has weights, which only the log-rank test takes, "
                "without rho, gamma and strata; use 'kind: logrank', or match 1:1"
            )
        check_strata(self.strata, variables)
        return Estimand(population=self.population, measure="none", endpoint=endpoint)

    def compared(self, sample: Sample) -> Bools:
        """Who is compared, ``(R, N)``."""
        return sample.matched if self.population == "matched" else sample.observed.present

    def strata_of(self, sample: Sample) -> Ints | None:
        """The number of each patient's stratum ``(R, N)``, None without strata."""
        return sample.strata(self.strata) if self.strata else None

    def tested(self, sample: Sample, endpoint: str, z: Floats, p: Floats, status: Ints) -> Estimate:
        """The estimate that a test is; an earlier step's status where that failed."""
        here, course = self.compared(sample), sample.observed.endpoints[endpoint]
        estimate = of_test(z, p, here.sum(axis=1), (here & course.event).sum(axis=1), status)
        if self.population == "all":
            return estimate
        pairs, fit = sample.matching, sample.propensity
        return with_status(estimate, np.where(fit.status == Status.OK, pairs.status, fit.status))


class LogRankTest(TwoArmTest):
    """The log-rank test with the weights S(t-)^``rho`` (1 - S(t-))^``gamma`` of Fleming and Harrington, two-sided.

    Of patients with matching weights it is the robust score test of the weighted Cox model, clustered by matched set
    (with replacement by patient).
    """

    kind: Literal["logrank"] = "logrank"
    name: Name = "logrank"
    rho: NonNegative = 0.0
    gamma: NonNegative = 0.0

    @property
    def takes_weights(self) -> bool:
        """The plain test without strata does."""
        return self.rho == self.gamma == 0 and not self.strata

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The signed root of chi-square and its p."""
        course = sample.observed.endpoints[endpoint]
        if self.population == "matched" and not sample.plan.matching.simple:
            pairs, patients = sample.matching, np.arange(sample.observed.treated.shape[1], dtype=np.int64)
            cluster = np.broadcast_to(patients, pairs.pair.shape) if sample.plan.matching.replacement else pairs.pair
            score = robust_score(
                course.time,
                course.event,
                sample.observed.treated,
                weight=pairs.weight,
                cluster=cluster,
                present=sample.matched,
                ties=sample.plan.survival.ties,
                order=sample.orders[endpoint],
            )
            return self.tested(sample, endpoint, score.z, score.p, score.status)
        test = statistics.logrank(
            course.time,
            course.event,
            sample.observed.treated,
            present=self.compared(sample),
            stratum=self.strata_of(sample),
            rho=self.rho,
            gamma=self.gamma,
            order=sample.orders[endpoint],
        )
        return self.tested(sample, endpoint, test.z, test.p, test.status)


class MaxCombo(TwoArmTest):
    """The largest of weighted log-rank tests, two-sided; their rho and gamma are ``weights``."""

    kind: Literal["maxcombo"] = "maxcombo"
    name: Name = "maxcombo"
    weights: Annotated[tuple[tuple[NonNegative, NonNegative], ...], Field(min_length=1, max_length=MOST)] = WEIGHTS

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The z that is largest in absolute value; p is that of the largest."""
        course = sample.observed.endpoints[endpoint]
        test = statistics.maxcombo(
            course.time,
            course.event,
            sample.observed.treated,
            present=self.compared(sample),
            stratum=self.strata_of(sample),
            weights=self.weights,
            order=sample.orders[endpoint],
        )
        largest = np.argmax(np.nan_to_num(np.abs(test.z), nan=-1.0), axis=1)
        z = np.take_along_axis(test.z, largest[:, None], axis=1)[:, 0]
        return self.tested(sample, endpoint, z, test.p, test.status)


class CurveContrast(EstimatorSpec):
    """What differences of two curves in everyone share."""

    def asked(self, endpoint: str, measure: MeasureName, horizon: float | None = None) -> Estimand:
        """The difference in everyone, nobody being censored before the horizon."""
        return Estimand(population="all", measure=measure, endpoint=endpoint, horizon=horizon, follow_up="complete")

    def curves(self, sample: Sample, endpoint: str, horizon: float, measure: CurveMeasure) -> Estimate:
        """The difference of the curves to or at a time with Greenwood's SE."""
        course = sample.observed.endpoints[endpoint]
        found = curve_difference(
            course.time,
            course.event,
            sample.observed.treated,
            sample.observed.present,
            horizon,
            measure,
            order=sample.orders[endpoint],
        )
        return wald(found.value, found.se, found.n, found.events, found.status, sample.plan.survival.level)


class RmstDifference(CurveContrast):
    """Restricted mean survival time to ``horizon``, treated minus untreated, in everyone.

    The horizon is 12 months unless stated, in the world's unit of time.
    """

    kind: Literal["rmst"] = "rmst"
    name: Name = "rmst"
    horizon: Annotated[Positive, TIME] = 12.0

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:  # noqa: ARG002
        """The difference of restricted means."""
        return self.asked(endpoint, "rmst_difference", self.horizon)

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The difference; TOO_FEW where an arm's curve ends above 0 before the horizon."""
        return self.curves(sample, endpoint, self.horizon, "rmst")


class SurvivalDifference(CurveContrast):
    """Survival at ``at``, treated minus untreated, in everyone; the interval is plain.

    The time is 12 months unless stated, in the world's unit of time.
    ``scale: cloglog`` compares log(-log S) for p, which keeps its level better in small arms (Klein et al. 2007,
    Statistics in Medicine 26:4505-4519).
    """

    kind: Literal["milestone"] = "milestone"
    name: Name = "milestone"
    at: Annotated[Positive, TIME] = 12.0
    scale: Literal["plain", "cloglog"] = "plain"

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:  # noqa: ARG002
        """The difference of survival."""
        return self.asked(endpoint, "survival_difference", self.at)

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The difference; TOO_FEW where an arm's curve ends before; cloglog: NO_INFO where one is at 0 or 1."""
        plain = self.curves(sample, endpoint, self.at, "survival")
        if self.scale == "plain":
            return plain
        p = cloglog_p(sample.observed.endpoints[endpoint], sample.observed.treated, sample.observed.present, self.at)
        status = np.where((plain.status == Status.OK) & np.isnan(p), Status.NO_INFO, plain.status)
        made = Estimate(plain.value, plain.se, plain.low, plain.high, p, plain.n, plain.events, plain.status)
        return with_status(made, status)


class MedianDifference(CurveContrast):
    """Median survival, treated minus untreated, in everyone: interval and p by inverting a test (Su & Wei 1993).

    The SE is the width of the interval over twice the normal quantile.
    """

    kind: Literal["median"] = "median"
    name: Name = "median"

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:  # noqa: ARG002
        """The difference of medians."""
        return self.asked(endpoint, "median_difference")

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The difference; TOO_FEW where a median or a limit of the interval is not reached."""
        observed, course, level = sample.observed, sample.observed.endpoints[endpoint], sample.plan.survival.level
        found = median_difference(
            course.time, course.event, observed.treated, observed.present, level=level, order=sample.orders[endpoint]
        )
        se = (found.high - found.low) / (2 * statistics.normal_quantile(level))
        n, events = observed.present.sum(axis=1), (observed.present & course.event).sum(axis=1)
        return Estimate(found.value, se, found.low, found.high, found.p, n, events, found.status)


EitherTest = Annotated[
    LogRankTest | MaxCombo | RmstDifference | SurvivalDifference | MedianDifference, Field(discriminator="kind")
]


class Several(EstimatorSpec):
    """Several tests of one null hypothesis, that the arms do not differ, with one p for all of them.

    ``simes``: the smallest of K p(i) / i over the sorted p (Simes 1986, Biometrika 73:751-754); ``bonferroni``: K times
    the smallest, which is also what Holm's method gives the smallest.
    """

    kind: Literal["several-tests"] = "several-tests"
    name: Name = "several-tests"
    tests: Annotated[tuple[EitherTest, ...], Field(min_length=2)] = (LogRankTest(), RmstDifference())
    method: Literal["simes", "bonferroni"] = "simes"

    @model_validator(mode="after")
    def _consistent(self) -> "Several":
        for one in self.tests:
            if own := sorted(one.model_fields_set & {"name", "endpoints"}):
                raise ValueError(f"'{own[0]}' belongs to the estimator, not to one of its tests ({one.kind})")
        if len({getattr(one, "population", "all") for one in self.tests}) > 1:
            raise ValueError("the tests are of different populations")
        return self

    def in_unit(self, per_month: float) -> Self:
        """Its tests in that unit, each with its kind said."""
        if not any(one.unstated_times() for one in self.tests):
            return self
        said = [one.in_unit(per_month) for one in self.tests]
        tests = tuple(one.model_copy(update={"kind": one.kind}) for one in said)
        return self.model_copy(update={"tests": tests})

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:
        """A test's."""
        asked = [one.estimand(endpoint, plan, variables) for one in self.tests]
        return Estimand(population=asked[0].population, measure="none", endpoint=endpoint)

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The signed normal quantile of the smallest p, and the p of all; the status of the first that failed."""
        made = [one.estimate(sample, endpoint) for one in self.tests]
        status = np.zeros(len(sample.replicates), np.int64)
        for estimate in made:
            status = np.where(status == Status.OK, estimate.status, status)
        ok = status == Status.OK
        signs = np.array([-1.0 if isinstance(one, CurveContrast) else 1.0 for one in self.tests])
        values = np.where(ok, signs[:, None] * [one.value for one in made], np.nan)
        p = np.where(ok, [one.p for one in made], np.nan)
        least = np.where(ok, np.argmin(p, axis=0), 0)[None]
        z = np.sign(np.take_along_axis(values, least, axis=0)[0]) * -ndtri(p.min(axis=0) / 2)
        return of_test(z, global_p(p, self.method), made[0].n, made[0].events, status)


def of_test(z: Floats, p: Floats, n: Ints, events: Ints, status: Ints) -> Estimate:
    """The estimate that a test is: z with SE 1, its p, no interval."""
    one, none = np.ones(len(z)), np.full(len(z), np.nan)
    return with_status(Estimate(z, one, none, none, p, n, events, status), status)


def global_p(p: Floats, method: Literal["simes", "bonferroni"]) -> Floats:
    """The p ``(R,)`` of the hypothesis that all of K hold, from ``p (K, R)``."""
    ranks = np.arange(1, len(p) + 1)[:, None] if method == "simes" else 1
    adjusted: Floats = np.minimum((len(p) * np.sort(p, axis=0) / ranks).min(axis=0), 1.0)
    return adjusted


def cloglog_p(course: Endpoint, treated: Bools, present: Bools, at: float) -> Floats:
    """The two-sided p ``(R,)`` of equal log(-log S) at a time in both arms; NaN where an arm's S is 0 or 1."""
    arms = [statistics.survival_at(course.time, course.event, at, present=present & (treated == arm)) for arm in (0, 1)]
    with np.errstate(divide="ignore", invalid="ignore"):
        level = [np.log(-np.log(arm.value)) for arm in arms]
        error = [arm.se / (arm.value * np.log(arm.value)) for arm in arms]
        p: Floats = 2 * ndtr(-np.abs(level[1] - level[0]) / np.hypot(error[0], error[1]))
    return p
