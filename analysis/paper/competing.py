"""Two arms compared on an endpoint with which other events compete: incidences, Gray's test, both hazard ratios."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.kernels.status import Status
from analysis.paper.competing_subgroups import CompetingSubgroup, competing_subgroups
from analysis.paper.effects import AnalysisSet, ByArm, ChiSquare, HazardRatio, effect, hazard_ratio
from analysis.plan.analysis_plan import Plan
from analysis.survival.fine_gray import fine_gray
from analysis.survival.gray import gray_test
from analysis.survival.incidence import (
    IncidenceMeasure,
    cumulative_incidence,
    incidence_contrast,
    time_lost,
)
from analysis.survival.kaplan_meier import normal_quantile
from analysis.two_samples.tests import NAN
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.numerics.arrays import Bools, Floats


@dataclass(frozen=True)
class Estimated:
    """A probability or a mean time with its SE and interval; NaN unless OK, the interval also where R has NA."""

    value: float
    se: float
    low: float
    high: float
    status: Status


@dataclass(frozen=True)
class Incidence:
    """The cumulative incidence of the event and of the competing events at one time, and the arms' contrasts of it."""

    at: float
    event: ByArm[Estimated]
    competing: ByArm[Estimated]
    difference: Estimated
    ratio: Estimated


@dataclass(frozen=True)
class CompetingComparison:
    """The arms compared in one analysis set: patients with either event, incidences at times, tests and models.

    ``cause_specific`` and ``competing_specific`` are Cox models in which the other event censors; ``subdistribution``
    is Fine and Gray's. ``time_lost`` is to the event up to the last of the times, with its difference.
    """

    events: ByArm[int]
    competing_events: ByArm[int]
    at: tuple[Incidence, ...]
    gray: ChiSquare
    cause_specific: HazardRatio
    competing_specific: HazardRatio
    subdistribution: HazardRatio
    time_lost: ByArm[Estimated]
    time_lost_difference: Estimated
    subgroups: tuple[CompetingSubgroup, ...]


def times_to_look(course: Endpoint, treated: Bools) -> tuple[float, ...]:
    """A quarter, a half and three quarters of the follow-up that both arms have, to two significant digits."""
    longest = min(float(course.time[0, arm].max(initial=0.0)) for arm in (treated, ~treated))
    return tuple(dict.fromkeys(float(f"{longest * part:.2g}") for part in (0.25, 0.5, 0.75)))


def compare_competing(
    course: Endpoint,
    at: Sequence[float],
    observed: Observed,
    group: AnalysisSet,
    clustered: AnalysisSet | None,
    whole: Plan,
) -> CompetingComparison:
    """The arms compared in one set (R = 1), incidences at the times ``at``.

    ``clustered`` is the set with its matched sets as clusters. Standard errors follow the clusters where there are any,
    but for Gray's test and the cause-specific models of a set without weights, which are as the log-rank test and the
    hazard ratio beside them.
    """
    robust, cause, treated, plan = clustered or group, course.causes, observed.treated[0], whole.survival
    arms = np.stack([treated & robust.present, ~treated & robust.present])
    weight = None if robust.weight is None else robust.weight[None]
    cluster = None if robust.cluster is None else robust.clusters[None]
    counts = [ByArm(int((arms[0] & (cause[0] == k)).sum()), int((arms[1] & (cause[0] == k)).sum())) for k in (1, 2)]
    shares = []
    for of in (1, 2):
        made = cumulative_incidence(
            course.time, cause, at, of=of, present=arms, weight=weight, cluster=cluster,
            conf_type=plan.conf_type, level=plan.level,
        )  # fmt: skip
        fields = (made.value, made.se, made.low, made.high, made.status)
        shares.append([[_share(*(values[a, t] for values in fields)) for t in range(len(at))] for a in (0, 1)])

    def contrast(at: float, measure: IncidenceMeasure) -> Estimated:
        found = incidence_contrast(
            course.time, cause, treated[None], at, measure, present=robust.present[None], weight=weight, cluster=cluster
        )
        value, half = float(found.value[0]), normal_quantile(plan.level) * float(found.se[0])
        if measure != "log_incidence_ratio":
            return _share(value, found.se[0], value - half, value + half, found.status[0])
        return _share(np.exp(value), found.se[0], np.exp(value - half), np.exp(value + half), found.status[0])

    lost = time_lost(course.time, cause, at[-1], present=arms, weight=weight, cluster=cluster)
    spread = normal_quantile(plan.level) * lost.se
    ends = (lost.value, lost.se, np.maximum(lost.value - spread, 0.0), lost.value + spread, lost.status)
    score = gray_test(
        course.time, cause, treated[None], present=group.present[None],
        weight=None if group.weight is None else group.weight[None],
        cluster=None if group.weight is None else group.clusters[None],
    )  # fmt: skip
    model = fine_gray(
        course.time, cause, treated[None, :, None].astype(np.float64), present=robust.present[None], weight=weight,
        cluster=cluster, stratum=group.strata,
    )  # fmt: skip
    se = NAN if model.robust_se is None else float(model.robust_se[0, 0])
    return CompetingComparison(
        events=counts[0],
        competing_events=counts[1],
        at=tuple(
            Incidence(
                time,
                ByArm(shares[0][0][t], shares[0][1][t]),
                ByArm(shares[1][0][t], shares[1][1][t]),
                contrast(time, "incidence_difference"),
                contrast(time, "log_incidence_ratio"),
            )
            for t, time in enumerate(at)
        ),
        gray=ChiSquare(
            "gray" if group.weight is None else "robust gray",
            float(score.chi2[0]),
            1,
            float(score.p[0]),
            Status(int(score.status[0])),
        ),
        cause_specific=hazard_ratio(course, treated, group, plan),
        competing_specific=hazard_ratio(Endpoint(course.time, cause == 2), treated, group, plan),
        subdistribution=effect(float(model.beta[0, 0]), se, int(model.status[0]), plan.level, int(model.sign[0, 0])),
        time_lost=ByArm(*(_share(*(values[a] for values in ends)) for a in (0, 1))),
        time_lost_difference=contrast(at[-1], "rmtl_difference"),
        subgroups=competing_subgroups(course, cause, observed, group, robust, whole),
    )


def _share(value: float, se: float, low: float, high: float, status: int) -> Estimated:
    return Estimated(float(value), float(se), float(low), float(high), Status(int(status)))


def stacked(course: Endpoint, present: Bools, weight: Floats | None) -> tuple[Floats, Floats, Floats]:
    """The times of any event of those present, from 0, with the incidences of the event and of competing ones there."""
    time, cause = course.time[:, present], course.causes[:, present]
    when = np.unique(np.append(time[cause > 0], 0.0))
    own = None if weight is None else weight[None, present]
    if not present.any():
        return np.zeros(1), np.zeros(1), np.zeros(1)
    one, two = (cumulative_incidence(time, cause, when, of=of, weight=own).value[0] for of in (1, 2))
    return when, one, two
