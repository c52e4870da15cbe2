"""Points of Kaplan-Meier curves at a time: survival, patients at risk, the restricted mean; and differences of arms.

Blocks of analysis sets: ``time, event, present (R, N)``, results ``(R,)``. With weights everything but the patients at
risk is weighted, and standard errors are those of the infinitesimal jackknife summed within clusters, as in R's survfit
with ``weights`` and ``cluster``.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from analysis.kernels.status import Status
from analysis.plan.analysis_plan import SurvivalPlan
from analysis.survival import statistics
from analysis.survival.incidence import cumulative_incidence, limits, time_lost
from analysis.survival.matched_curves import CurveMeasure, curve_difference
from simulator.cohort.cohorts import Endpoint
from simulator.numerics.arrays import Bools, Floats, Ints, Positions

ROUNDING = 1e-12


class Weighed(NamedTuple):
    """The weight and the cluster of each patient ``(R, N)``."""

    weight: Floats
    cluster: Ints


@dataclass(frozen=True)
class Points:
    """A number with its interval; NaN where there is none: beyond the follow-up of a curve that does not end at 0.

    The limits of survival are those of the plan's ``conf_type``, NaN as in R where survival is 0; those of a restricted
    mean are value and SE.
    """

    value: Floats
    se: Floats
    low: Floats
    high: Floats
    status: Ints


@dataclass(frozen=True)
class Differences:
    """Treated minus control with Wald's interval and p; NaN where ``status`` is not OK."""

    value: Floats
    se: Floats
    low: Floats
    high: Floats
    p: Floats
    status: Ints


def survival_points(
    course: Endpoint, present: Bools, at: float, plan: SurvivalPlan, weights: Weighed | None = None,
    order: Positions | None = None,
) -> Points:  # fmt: skip
    """Survival at a time."""
    found = statistics.survival_at(
        course.time, course.event, at, present=present, conf_type=plan.conf_type, level=plan.level, order=order
    )
    if weights is None:
        return Points(found.value, found.se, found.low, found.high, found.status)
    value, se = _weighted(course, present, at, "survival", weights, found.status, order)
    low, high = limits(value, np.where(value == 0, 0.0, se), plan.conf_type, plan.level)
    return Points(value, np.where(value > 0, se, np.nan), low, high, found.status)


def mean_points(
    course: Endpoint, present: Bools, to: float, plan: SurvivalPlan, weights: Weighed | None = None,
    order: Positions | None = None,
) -> Points:  # fmt: skip
    """The mean time restricted to a time."""
    found = statistics.rmst(course.time, course.event, to, present=present, order=order)
    value, se = found.value, found.se
    if weights is not None:
        value, se = _weighted(course, present, to, "rmst", weights, found.status, order)
    half = statistics.normal_quantile(plan.level) * se
    return Points(value, se, value - half, value + half, found.status)


def at_risk(course: Endpoint, present: Bools, at: float) -> Ints:
    """How many patients are at risk at a time: neither the event nor the end of follow-up was before it."""
    return np.asarray((present & (course.time >= at)).sum(axis=1), dtype=np.int64)


def differences(
    course: Endpoint, treated: Bools, present: Bools, at: float, measure: CurveMeasure, plan: SurvivalPlan,
    weights: Weighed | None = None, order: Positions | None = None,
) -> Differences:  # fmt: skip
    """Survival at a time, or the mean restricted to it, of the treated minus that of the controls."""
    weight, cluster = weights or (None, None)
    made = curve_difference(
        course.time, course.event, treated, present, at, measure, weight=weight, cluster=cluster, order=order
    )
    half = statistics.normal_quantile(plan.level) * made.se
    with np.errstate(invalid="ignore"):
        p = 2 * ndtr(-np.abs(made.value / made.se))
    return Differences(made.value, made.se, made.value - half, made.value + half, p, made.status)


def _weighted(
    course: Endpoint, present: Bools, at: float, measure: CurveMeasure, weights: Weighed, status: Ints,
    order: Positions | None,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Value and SE of the weighted curves ``(R,)``, NaN where ``status`` is not OK.

    Where nothing competes, survival is what the incidence leaves of 1, and the mean what the time lost leaves.
    """
    cause, (weight, cluster) = course.event.astype(np.int64), weights
    if measure == "survival":
        found = cumulative_incidence(
            course.time, cause, at, present=present, weight=weight, cluster=cluster, order=order
        )
        value, se = 1.0 - found.value[:, 0], found.se[:, 0]
    else:
        lost = time_lost(course.time, cause, at, present=present, weight=weight, cluster=cluster, order=order)
        value, se = at - lost.value, lost.se
    ok = status == Status.OK
    return np.where(ok, np.where(np.abs(value) < ROUNDING, 0.0, value), np.nan), np.where(ok, se, np.nan)
