"""Two arms compared on one endpoint: medians, follow-up, log-rank test and the hazard ratio of treatment."""

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from analysis import survival
from analysis.kernels.status import Status
from analysis.plan import SurvivalPlan
from simulator.cohort import Bools, Endpoint, Floats

T = TypeVar("T")

NAN = float("nan")


@dataclass(frozen=True)
class AnalysisSet:
    """Who is analysed ``(N,)``; after matching with weights also the weight and the matched set of each patient."""

    present: Bools
    weight: Floats | None = None
    cluster: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Effect:
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

    ``percent``: the events in percent of the patients.
    """

    n: int
    events: int
    percent: float
    median: float
    low: float
    high: float
    status: Status


@dataclass(frozen=True)
class Arms(Generic[T]):
    """The same thing in either arm."""

    treated: T
    control: T


@dataclass(frozen=True)
class ChiSquare:
    """A chi-square statistic, its degrees of freedom and p."""

    chi2: float
    df: int
    p: float
    status: Status


def no_effect(status: int, sign: int = 0) -> Effect:
    """What is said of a coefficient without a number, and of where it runs."""
    return Effect(NAN, NAN, NAN, NAN, NAN, NAN, Status(int(status)), {1: "+", -1: "-"}.get(int(sign)))


def effect(beta: float, se: float, status: int, level: float, sign: int = 0) -> Effect:
    """The hazard ratio of a Cox coefficient."""
    if status != Status.OK or not np.isfinite(se) or se <= 0:
        return no_effect(status if status != Status.OK else Status.NO_INFO, sign)
    half = float(ndtri(0.5 + level / 2)) * se
    with np.errstate(over="ignore", under="ignore"):
        hr, low, high = (float(np.exp(value)) for value in (beta, beta - half, beta + half))
    return Effect(beta, se, hr, low, high, float(2 * ndtr(-abs(beta / se))), Status.OK, None)


def fit_cox(course: Endpoint, x: Floats, group: AnalysisSet, ties: str) -> survival.CoxFit:
    """The Cox model of one cohort on the columns ``x (N, P)``, weighted and clustered as the set says (R = 1)."""
    return survival.cox(
        course.time,
        course.event,
        x[None],
        present=group.present[None],
        weight=None if group.weight is None else group.weight[None],
        cluster=None if group.cluster is None else group.cluster[None],
        ties=ties,
    )


def hazard_ratio(course: Endpoint, treated: Bools, group: AnalysisSet, plan: SurvivalPlan) -> Effect:
    """The hazard ratio of treatment alone; its SE is robust (Lin-Wei) when the set has clusters, else model-based."""
    fit = fit_cox(course, treated[:, None].astype(np.float64), group, plan.ties)
    se = fit.se if fit.robust_se is None else fit.robust_se
    return effect(float(fit.beta[0, 0]), float(se[0, 0]), int(fit.status[0]), plan.level, int(fit.sign[0, 0]))


def medians(course: Endpoint, treated: Bools, present: Bools, plan: SurvivalPlan) -> Arms[Median]:
    """The Kaplan-Meier median of either arm."""
    found = []
    for arm in (treated & present, ~treated & present):
        made = survival.km_quantile(
            course.time, course.event, present=arm[None], q=0.5, conf_type=plan.conf_type, level=plan.level
        )
        found.append(
            Median(
                int(made.n[0]),
                int(made.events[0]),
                100 * int(made.events[0]) / int(made.n[0]) if made.n[0] else NAN,
                float(made.value[0]),
                float(made.low[0]),
                float(made.high[0]),
                Status(int(made.status[0])),
            )
        )
    return Arms(found[0], found[1])


def follow_up(course: Endpoint, treated: Bools, present: Bools, plan: SurvivalPlan) -> Arms[Median]:
    """The median follow-up of either arm by reverse Kaplan-Meier: censoring is the event."""
    return medians(Endpoint(course.time, ~course.event), treated, present, plan)


def log_rank(course: Endpoint, treated: Bools, present: Bools) -> ChiSquare:
    """The log-rank test between the arms."""
    made = survival.logrank(course.time, course.event, treated[None], present=present[None])
    return ChiSquare(float(made.chi2[0]), 1, float(made.p[0]), Status(int(made.status[0])))
