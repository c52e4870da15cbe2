"""Survival of weighted, clustered samples in two arms, in blocks: Kaplan-Meier, and the robust score test.

Arrays are ``(R, N)``; weights above 0 and clusters are those of a matching 1:k or with replacement. ``present`` may
have several rows per cohort, as in `analysis.survival.statistics`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from analysis.kernels import weighted_survival as kernels
from analysis.kernels.km import CONF_TYPES
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import SurvivalPlan
from analysis.survival import statistics
from analysis.survival.survival_data import NO_INTS, SurvivalData, numbered, within
from analysis.survival.two_arms import ArmComparison
from simulator.cohort.cohorts import Endpoint
from simulator.numerics.arrays import Bools, Floats, Ints, Positions


@dataclass(frozen=True)
class RobustScore:
    """The robust score test that the arms do not differ, ``(S,)``: NaN where ``status`` is not OK.

    ``z`` is positive where the treated have more events than expected; ``n`` and ``events (S, 2)``, untreated first.
    """

    chi2: Floats
    p: Floats
    z: Floats
    n: Ints
    events: Ints
    status: Ints


@dataclass(frozen=True)
class WeightedQuantile:
    """A quantile of survival time by arm ``(S, 2)``, untreated first; ``n`` and ``events`` are patients.

    ``share`` is the weighted share of the arm that had the event; +inf where a curve does not come down that far.
    """

    n: Ints
    events: Ints
    share: Floats
    value: Floats
    low: Floats
    high: Floats
    status: Ints


def robust_score(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    *,
    weight: Floats,
    cluster: Ints,
    present: ArrayLike | None = None,
    stratum: ArrayLike | None = None,
    ties: str = "efron",
    order: Positions | None = None,
) -> RobustScore:
    """The log-rank test of a weighted sample: the robust score test of the Cox model of the arm alone.

    R's ``coxph(Surv(time, event) ~ arm, weights = , cluster = )$rscore``: the square of the weighted score at 0 over
    the sum of squares of its sums within clusters (Lin & Wei 1989, JASA 84:1074); with ``+ strata(stratum)`` where
    there are strata. Statuses as in `survival.logrank`.
    """
    data = SurvivalData.of(time, event, present, order)
    rows = len(data.present)
    labels, clusters = numbered(data.ints(cluster))
    counts, score, status = np.zeros((rows, 2, 2), np.int64), np.full((rows, 2), np.nan), np.zeros(rows, np.int64)
    strata = data.ints(stratum)
    block = kernels.WeightedBlock(
        data.time, data.event, data.floats(weight), labels, clusters, strata, within(strata, data.order)
    )
    made = kernels.WeightedScores(counts, score, status)
    kernels.robust_scores(block, data.bools(treated), data.present, statistics.takes_efron(ties), made)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(status == Status.OK, score[:, 0] / np.sqrt(score[:, 1]), np.nan)
    return RobustScore(z**2, chdtrc(1, z**2), z, counts[..., 0], counts[..., 1], status)


def weighted_quantile(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    plan: SurvivalPlan,
    *,
    weight: Floats,
    cluster: Ints,
    present: ArrayLike | None = None,
    q: float = 0.5,
    order: Positions | None = None,
) -> WeightedQuantile:
    """Kaplan-Meier quantiles of both arms, as R's ``print(survfit(Surv(time, event) ~ arm, weights = , cluster = ))``.

    Statuses: BAD_INPUT, TOO_FEW (nobody), else OK.
    """
    data = SurvivalData.of(time, event, present, order)
    each, arm = len(data.present) // max(len(data.time), 1), data.bools(treated)
    inside = np.repeat(arm, each, axis=0)
    sets = np.stack([data.present & ~inside, data.present & inside], axis=1).reshape(2 * len(inside), arm.shape[1])
    labels, clusters = numbered(data.ints(cluster))
    found = kernels.WeightedMedians(
        np.zeros((len(sets), 2), np.int64), np.full(len(sets), np.nan), np.full((len(sets), 3), np.nan),
        np.zeros(len(sets), np.int64),
    )  # fmt: skip
    block = kernels.WeightedBlock(data.time, data.event, data.floats(weight), labels, clusters, NO_INTS, data.order)
    z, code = statistics.normal_quantile(plan.level), CONF_TYPES[plan.conf_type]
    kernels.weighted_medians(block, sets, float(q), z, code, found)
    n, events = (found.counts[:, k].reshape(-1, 2) for k in (0, 1))
    value, low, high = (found.quantile[:, k].reshape(-1, 2) for k in range(3))
    return WeightedQuantile(n, events, found.share.reshape(-1, 2), value, low, high, found.status.reshape(-1, 2))


def compare_weighted(
    course: Endpoint,
    treated: Bools,
    plan: SurvivalPlan,
    *,
    weight: Floats,
    cluster: Ints,
    present: Bools,
    medians: bool = True,
    order: Positions | None = None,
) -> ArmComparison:
    """What `two_arms` says, of weighted sets: the robust score test, the Cox model with its robust SE, medians.

    A robust SE of 0 is NO_INFO, as in `analysis.paper.effects`.
    """
    test = robust_score(
        course.time, course.event, treated, weight=weight, cluster=cluster, present=present, ties=plan.ties, order=order
    )
    arm = treated[..., None].astype(np.float64)
    fit = statistics.cox(
        course.time, course.event, arm, present=present, weight=weight, cluster=cluster, ties=plan.ties, order=order
    )
    rows, none = len(present), np.empty((0, 2))
    middle = (none, none, none, np.full((rows, 2), Status.OK, np.int64))
    if medians:
        made = weighted_quantile(
            course.time, course.event, treated, plan, weight=weight, cluster=cluster, present=present, order=order
        )
        middle = (made.value, made.low, made.high, made.status)
    assert fit.robust_se is not None
    log_hr, se = fit.beta[:, 0], fit.robust_se[:, 0]
    status = np.where((fit.status == Status.OK) & ~(se > 0), Status.NO_INFO, fit.status).astype(np.int64)
    log_hr, se = (np.where(status == Status.OK, one, np.nan) for one in (log_hr, se))
    return ArmComparison(test.n, test.events, test.chi2, test.p, test.status, log_hr, se, status, *middle)


def weighted_kaplan_meier(
    time: Floats, event: Bools, weight: Floats, cluster: Ints, *, plan: SurvivalPlan
) -> statistics.KmCurve:
    """The weighted Kaplan-Meier curve of the patients of ONE arm ``(n,)``; numbers at risk, dying, censored are counts.

    ``std_err`` and limits are those of R's survfit with ``weights`` and ``cluster``. ValueError as `kaplan_meier`.
    """
    curve = statistics.kaplan_meier(time, event, present=np.ones(len(time), np.bool_))
    labels, clusters = numbered(np.ascontiguousarray(cluster, dtype=np.int64)[None])
    made, order = np.empty((3, len(time))), np.argsort(time, kind="stable")
    size = kernels.weighted_curve(
        np.ascontiguousarray(time, np.float64), np.ascontiguousarray(event, np.bool_), np.ascontiguousarray(weight),
        labels[0], order, len(time), np.zeros((2, clusters)), made,
    )  # fmt: skip
    place = np.searchsorted(made[0, :size], curve.time, side="right")
    s, error = (np.concatenate([[first], one])[place] for first, one in ((1.0, made[1, :size]), (0.0, made[2, :size])))
    z, code = statistics.normal_quantile(plan.level), CONF_TYPES[plan.conf_type]
    low, high = (
        np.array([kernels.robust_limit(a, b, sign * z, code) for a, b in zip(s, error, strict=True)], np.float64)
        for sign in (-1.0, 1.0)
    )
    return statistics.KmCurve(curve.time, curve.n_risk, curve.n_event, curve.n_censor, s, error * s, low, high)
