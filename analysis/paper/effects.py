"""Two arms compared on one endpoint: medians, follow-up, log-rank test and the hazard ratio of treatment."""

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import numpy as np
from scipy.special import ndtr, ndtri

from analysis.kernels.status import Status
from analysis.paper.curve_points import Points, Weighed, at_risk, differences, mean_points, survival_points
from analysis.plan.analysis_plan import SurvivalPlan
from analysis.survival import statistics
from analysis.survival.matched_curves import CurveMeasure
from analysis.survival.survival_data import SortedEndpoint, order_of
from analysis.survival.weighted_survival import robust_score, weighted_quantile
from analysis.two_samples.tests import NAN
from analysis.two_samples.weighted_samples import WeightedSamples
from simulator.cohort.cohorts import Endpoint
from simulator.numerics.arrays import Bools, Floats, Ints

T = TypeVar("T")


@dataclass(frozen=True)
class AnalysisSet:
    """Who is analysed ``(N,)``; in a weighted set, or after matching with weights, also weight and cluster of each, and
    after stratification the stratum, in which Cox models have baseline hazards of their own and tests compare.

    A set with weights is weighted in all that is said of it. Clusters are the matched sets; after weighting, and after
    matching with replacement, where sets share controls, the patients.
    """

    present: Bools
    weight: Floats | None = None
    cluster: Ints | None = None
    stratum: Ints | None = None

    @property
    def strata(self) -> Ints | None:
        """The strata as a block of one."""
        return None if self.stratum is None else self.stratum[None]

    @property
    def clusters(self) -> Ints:
        """The cluster of each patient: himself where none are given."""
        return np.arange(len(self.present), dtype=np.int64) if self.cluster is None else self.cluster

    def of_rows(self, rows: Ints) -> "AnalysisSet":
        """The set among these rows, in their order, each with the label that it had."""
        weight, stratum = self.weight, self.stratum
        named = self.cluster is not None or weight is not None
        return AnalysisSet(
            self.present[rows],
            None if weight is None else weight[rows],
            self.clusters[rows] if named else None,
            None if stratum is None else stratum[rows],
        )

    def weighted(self, treated: Bools) -> WeightedSamples | None:
        """The set as a block of one weighted sample; None where it has no weights."""
        if self.weight is None:
            return None
        return WeightedSamples.of(treated[None], self.present[None], self.weight[None], self.clusters[None])


@dataclass(frozen=True)
class HazardRatio:
    """A hazard ratio with its Wald interval and two-sided p; NaN unless OK.

    ``sign`` is "+" or "-" where the coefficient runs off to plus or minus infinity (MONOTONE), else None.
    """

    log_hr: float
    se: float
    hr: float
    low: float
    high: float
    p: float
    status: Status
    sign: str | None


@dataclass(frozen=True)
class Median:
    """The median of a Kaplan-Meier curve with its interval; +inf where the curve does not come down that far.

    ``percent``: the events in percent of the patients, weighted in a set with weights; ``n`` and ``events`` are counts.
    """

    n: int
    events: int
    percent: float
    median: float
    low: float
    high: float
    status: Status


@dataclass(frozen=True)
class TimePoint:
    """Survival at a time, or the mean restricted to it, as in `analysis.paper.curve_points`."""

    time: float
    value: float
    se: float
    low: float
    high: float
    status: Status


@dataclass(frozen=True)
class TimeDifference:
    """The difference treated minus control of such a number, with Wald's interval and p."""

    time: float
    value: float
    se: float
    low: float
    high: float
    p: float
    status: Status


@dataclass(frozen=True)
class AtRisk:
    """How many patients are at risk at a time."""

    time: float
    value: int


@dataclass(frozen=True)
class ArmCurve(Median):
    """A median, and what the curve says at each of the plan's times."""

    survival: tuple[TimePoint, ...]
    at_risk: tuple[AtRisk, ...]
    rmst: tuple[TimePoint, ...]


@dataclass(frozen=True)
class ByArm(Generic[T]):
    """The same thing in either arm."""

    treated: T
    control: T


@dataclass(frozen=True)
class FollowUpMedians(ByArm[Median]):
    """The follow-up of either arm, and of both arms together."""

    overall: Median


@dataclass(frozen=True)
class ChiSquare:
    """A chi-square statistic, its degrees of freedom and p; ``test`` is that of `log_rank`, or Gray's."""

    test: Literal["log-rank", "robust score", "gray", "robust gray"]
    chi2: float
    df: int
    p: float
    status: Status


def no_effect(status: int, sign: int = 0) -> HazardRatio:
    """What is said of a coefficient without a number, and of where it runs."""
    return HazardRatio(NAN, NAN, NAN, NAN, NAN, NAN, Status(int(status)), {1: "+", -1: "-"}.get(int(sign)))


def effect(beta: float, se: float, status: int, level: float, sign: int = 0) -> HazardRatio:
    """The hazard ratio of a Cox coefficient."""
    if status != Status.OK or not np.isfinite(se) or se <= 0:
        return no_effect(status if status != Status.OK else Status.NO_INFO, sign)
    half = float(ndtri(0.5 + level / 2)) * se
    with np.errstate(over="ignore", under="ignore"):
        hr, low, high = (float(np.exp(value)) for value in (beta, beta - half, beta + half))
    return HazardRatio(beta, se, hr, low, high, float(2 * ndtr(-abs(beta / se))), Status.OK, None)


def fit_cox(course: Endpoint, x: Floats, group: AnalysisSet, ties: str) -> statistics.CoxFit:
    """The Cox model of one cohort on the columns ``x (N, P)``, weighted and clustered as the set says (R = 1)."""
    return statistics.cox(
        course.time,
        course.event,
        x[None],
        present=group.present[None],
        weight=None if group.weight is None else group.weight[None],
        cluster=None if group.weight is None and group.cluster is None else group.clusters[None],
        stratum=group.strata,
        ties=ties,
        order=order_of(course),
    )


def hazard_ratio(course: Endpoint, treated: Bools, group: AnalysisSet, plan: SurvivalPlan) -> HazardRatio:
    """The hazard ratio of treatment alone; its SE is robust (Lin-Wei) when the set has clusters, else model-based."""
    fit = fit_cox(course, treated[:, None].astype(np.float64), group, plan.ties)
    se = fit.se if fit.robust_se is None else fit.robust_se
    return effect(float(fit.beta[0, 0]), float(se[0, 0]), int(fit.status[0]), plan.level, int(fit.sign[0, 0]))


def medians(course: Endpoint, treated: Bools, group: AnalysisSet, plan: SurvivalPlan) -> ByArm[Median]:
    """The Kaplan-Meier median of either arm; in a set with weights of the weighted curve, with its robust limits."""
    if group.weight is not None:
        made = weighted_quantile(
            course.time,
            course.event,
            treated[None],
            plan,
            weight=group.weight[None],
            cluster=group.clusters[None],
            present=group.present[None],
            order=order_of(course),
        )
        control, of_treated = (
            Median(
                int(made.n[0, arm]),
                int(made.events[0, arm]),
                100 * float(made.share[0, arm]),
                float(made.value[0, arm]),
                float(made.low[0, arm]),
                float(made.high[0, arm]),
                Status(int(made.status[0, arm])),
            )
            for arm in (0, 1)
        )
        return ByArm(of_treated, control)
    return ByArm(*(_median(course, arm & group.present, plan) for arm in (treated, ~treated)))


def _median(course: Endpoint, arm: Bools, plan: SurvivalPlan) -> Median:
    made = statistics.km_quantile(
        course.time,
        course.event,
        present=arm[None],
        q=0.5,
        conf_type=plan.conf_type,
        level=plan.level,
        order=order_of(course),
    )
    n, events = int(made.n[0]), int(made.events[0])
    middle, low, high = (float(one[0]) for one in (made.value, made.low, made.high))
    return Median(n, events, 100 * events / n if n else NAN, middle, low, high, Status(int(made.status[0])))


def curves(course: Endpoint, treated: Bools, group: AnalysisSet, plan: SurvivalPlan) -> ByArm[ArmCurve]:
    """The median of either arm, and what its curve says at each of the plan's times."""
    found, weights, order = medians(course, treated, group, plan), weights_of(group), order_of(course)

    def curve(median: Median, arm: Bools) -> ArmCurve:
        here = (arm & group.present)[None]
        survival = [_point(survival_points(course, here, at, plan, weights, order), at) for at in plan.times]
        means = [_point(mean_points(course, here, at, plan, weights, order), at) for at in plan.times]
        counts = [AtRisk(at, int(at_risk(course, here, at)[0])) for at in plan.times]
        return ArmCurve(**median.__dict__, survival=tuple(survival), at_risk=tuple(counts), rmst=tuple(means))

    return ByArm(curve(found.treated, treated), curve(found.control, ~treated))


def weights_of(group: AnalysisSet) -> Weighed | None:
    """The weights of a set as a block of one; None where it has none."""
    return None if group.weight is None else Weighed(group.weight[None], group.clusters[None])


def _point(found: Points, at: float) -> TimePoint:
    value, se, low, high = (float(one[0]) for one in (found.value, found.se, found.low, found.high))
    return TimePoint(at, value, se, low, high, Status(int(found.status[0])))


def time_differences(
    course: Endpoint, treated: Bools, group: AnalysisSet, measure: CurveMeasure, plan: SurvivalPlan
) -> tuple[TimeDifference, ...]:
    """The curves of the arms compared at each of the plan's times."""
    made = []
    for at in plan.times:
        sets = treated[None], group.present[None]
        one = differences(course, *sets, at, measure, plan, weights_of(group), order_of(course))
        value, se, low, high, p = (float(x[0]) for x in (one.value, one.se, one.low, one.high, one.p))
        made.append(TimeDifference(at, value, se, low, high, p, Status(int(one.status[0]))))
    return tuple(made)


def follow_up(course: Endpoint, treated: Bools, group: AnalysisSet, plan: SurvivalPlan) -> FollowUpMedians:
    """The median follow-up of either arm and of both by reverse Kaplan-Meier: censoring is the event."""
    censored = SortedEndpoint(course.time, course.censored, None, order_of(course))
    arms = medians(censored, treated, group, plan)
    whole = medians(censored, np.ones(len(treated), np.bool_), group, plan)
    return FollowUpMedians(arms.treated, arms.control, whole.treated)


def log_rank(course: Endpoint, treated: Bools, group: AnalysisSet, ties: str) -> ChiSquare:
    """The log-rank test between the arms, within strata where the set has them; in a set with weights the robust score
    test of the weighted Cox model.
    """
    if group.weight is not None:
        score = robust_score(
            course.time,
            course.event,
            treated[None],
            weight=group.weight[None],
            cluster=group.clusters[None],
            present=group.present[None],
            ties=ties,
            order=order_of(course),
        )
        return ChiSquare("robust score", float(score.chi2[0]), 1, float(score.p[0]), Status(int(score.status[0])))
    made = statistics.logrank(
        course.time,
        course.event,
        treated[None],
        present=group.present[None],
        stratum=group.strata,
        order=order_of(course),
    )
    return ChiSquare("log-rank", float(made.chi2[0]), 1, float(made.p[0]), Status(int(made.status[0])))
