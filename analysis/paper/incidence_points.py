"""Points of cumulative incidences where other events compete: at a time, the mean time lost up to it, arms compared.

Blocks of analysis sets: ``present (R, N)``, results ``(R,)``. ``robust`` are the weights and clusters of the patients,
None for none of either; standard errors are those of the infinitesimal jackknife, as in `analysis.survival.incidence`.
"""

from typing import Literal, NamedTuple

import numpy as np
from scipy.special import ndtr

from analysis.paper.curve_points import Differences, Points
from analysis.plan.analysis_plan import SurvivalPlan
from analysis.survival.incidence import IncidenceMeasure, cumulative_incidence, incidence_contrast, time_lost
from analysis.survival.kaplan_meier import normal_quantile
from simulator.cohort.cohorts import Endpoint
from simulator.numerics.arrays import Bools, Floats, Ints, Positions

EVENT: Literal[1] = 1
OTHERS: Literal[2] = 2
"""The codes of the event and of the competing ones in `Endpoint.causes`."""


class Robust(NamedTuple):
    """The weight and the cluster of each patient ``(R, N)``."""

    weight: Floats | None = None
    cluster: Ints | None = None


ALONE = Robust()


def incidence_points(
    course: Endpoint, present: Bools, at: float, of: Literal[1, 2], plan: SurvivalPlan, robust: Robust = ALONE,
    order: Positions | None = None,
) -> Points:  # fmt: skip
    """The cumulative incidence of the event or of competing ones at a time; limits are of the plan's ``conf_type``."""
    found = cumulative_incidence(
        course.time, course.causes, at, of=of, present=present, weight=robust.weight, cluster=robust.cluster,
        conf_type=plan.conf_type, level=plan.level, order=order,
    )  # fmt: skip
    return Points(found.value[:, 0], found.se[:, 0], found.low[:, 0], found.high[:, 0], found.status[:, 0])


def lost_points(
    course: Endpoint, present: Bools, to: float, plan: SurvivalPlan, robust: Robust = ALONE,
    order: Positions | None = None,
) -> Points:  # fmt: skip
    """The mean time lost to the event up to a time; limits are value and SE, cut at 0."""
    found = time_lost(
        course.time, course.causes, to, present=present, weight=robust.weight, cluster=robust.cluster, order=order
    )
    half = normal_quantile(plan.level) * found.se
    return Points(found.value, found.se, np.maximum(found.value - half, 0.0), found.value + half, found.status)


def incidence_differences(
    course: Endpoint, treated: Bools, present: Bools, at: float, measure: IncidenceMeasure, plan: SurvivalPlan,
    robust: Robust = ALONE, order: Positions | None = None,
) -> Differences:  # fmt: skip
    """The treated against the controls at a time; a ratio as such, with the SE of its logarithm."""
    found = incidence_contrast(
        course.time, course.causes, treated, at, measure, present=present, weight=robust.weight,
        cluster=robust.cluster, order=order,
    )  # fmt: skip
    half = normal_quantile(plan.level) * found.se
    with np.errstate(invalid="ignore"):
        p = 2 * ndtr(-np.abs(found.value / found.se))
    ends = (found.value, found.value - half, found.value + half)
    value, low, high = np.exp(ends) if measure == "log_incidence_ratio" else ends
    return Differences(value, found.se, low, high, p, found.status)
