"""Kaplan-Meier curves of a block of cohorts: quantiles, survival at a time, restricted means.

Arrays and ``present`` are as in `analysis.survival.statistics`, which offers these functions too.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from analysis.kernels import km as _km
from analysis.kernels.risk_sets import SortedBlock
from analysis.survival.survival_data import NO_INTS, SurvivalData
from simulator.numerics.arrays import Floats, Ints, Positions

ConfType = Literal["log", "log-log", "plain"]


@dataclass(frozen=True)
class KmCurve:
    """The Kaplan-Meier curve of one cohort at its distinct times; ``std_err`` is Greenwood's SE of survival.

    ``std_err``, ``low`` and ``high`` are NaN where R has NaN or NA: where survival is 0 (log-log: also 1).
    """

    time: Floats
    n_risk: Ints
    n_event: Ints
    n_censor: Ints
    survival: Floats
    std_err: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Quantile:
    """A quantile of survival time with its interval, ``(R,)``: +inf where the (confidence) curve does not reach it."""

    n: Ints
    events: Ints
    value: Floats
    low: Floats
    high: Floats
    status: Ints


@dataclass(frozen=True)
class SurvivalAt:
    """Survival at one time, ``(R,)``; se and interval are NaN where survival is 0."""

    value: Floats
    se: Floats
    low: Floats
    high: Floats
    status: Ints


@dataclass(frozen=True)
class Rmst:
    """Restricted mean survival time, ``(R,)``."""

    value: Floats
    se: Floats
    status: Ints


def kaplan_meier(
    time: ArrayLike, event: ArrayLike, *, present: ArrayLike, conf_type: ConfType = "log", level: float = 0.95
) -> KmCurve:
    """The Kaplan-Meier curve of ONE cohort, ``(N,)``, as R's survfit; ValueError if a present time is not finite."""
    inside = np.asarray(present, dtype=np.bool_)
    times, died = np.asarray(time, dtype=np.float64)[inside], np.asarray(event, dtype=np.bool_)[inside]
    if not np.isfinite(times).all():
        raise ValueError("a survival time is NaN or infinite")
    when, place = np.unique(times, return_inverse=True)
    n_event = np.bincount(place[died], minlength=len(when)).astype(np.int64)
    leaving = np.bincount(place, minlength=len(when)).astype(np.int64)
    n_risk = len(times) - np.cumsum(leaving) + leaving
    survival = np.cumprod((n_risk - n_event) / n_risk, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        hazard_se = np.sqrt(np.cumsum(n_event / (n_risk * (n_risk - n_event).astype(np.float64))))
        std_err = hazard_se * survival
    z, code = normal_quantile(level), _km.CONF_TYPES[conf_type]
    low, high = (
        np.array([_km.limit(s, e, sign * z, code) for s, e in zip(survival, hazard_se, strict=True)], np.float64)
        for sign in (-1.0, 1.0)
    )
    return KmCurve(when, n_risk, n_event, leaving - n_event, survival, std_err, low, high)


def km_quantile(
    time: ArrayLike,
    event: ArrayLike,
    *,
    present: ArrayLike | None = None,
    q: float = 0.5,
    conf_type: ConfType = "log",
    level: float = 0.95,
    order: Positions | None = None,
) -> Quantile:
    """The time by which a share ``q`` has had the event, with its interval, as R's print(survfit) has the median.

    That is what papers print; R's quantile() differs where a limit rises again, or a curve ends at 1 - q. +inf stands
    where R has NA. Follow-up (reverse Kaplan-Meier) is the same with ``event`` negated. Statuses:
    BAD_INPUT, TOO_FEW (nobody), else OK.
    """
    if not 0 < q < 1:
        raise ValueError(f"q is {q}; a quantile lies between 0 and 1")
    found = _summaries(SurvivalData.of(time, event, present, order), q, np.nan, np.nan, conf_type, level)
    value, low, high = np.ascontiguousarray(found.quantile.T)
    return Quantile(found.counts[:, 0], found.counts[:, 1], value, low, high, found.status[:, 0])


def survival_at(
    time: ArrayLike,
    event: ArrayLike,
    at: ArrayLike,
    *,
    present: ArrayLike | None = None,
    conf_type: ConfType = "log",
    level: float = 0.95,
    order: Positions | None = None,
) -> SurvivalAt:
    """Kaplan-Meier survival at the time ``at`` (a number, or one per row) with Greenwood's SE and the interval.

    TOO_FEW when ``at`` lies beyond the last follow-up time of a curve that has not reached 0.
    """
    found = _summaries(SurvivalData.of(time, event, present, order), np.nan, at, np.nan, conf_type, level)
    value, se, low, high = np.ascontiguousarray(found.point.T)
    return SurvivalAt(value, se, low, high, found.status[:, 1])


def rmst(
    time: ArrayLike,
    event: ArrayLike,
    tau: ArrayLike,
    *,
    present: ArrayLike | None = None,
    order: Positions | None = None,
) -> Rmst:
    """Mean survival time restricted to ``tau`` (a number, or one per row), and its SE as in R's print(survfit, rmean).

    TOO_FEW when ``tau`` lies beyond the last follow-up time of a curve that has not reached 0.
    """
    found = _summaries(SurvivalData.of(time, event, present, order), np.nan, np.nan, tau, "log", 0.95)
    return Rmst(found.mean[:, 0].copy(), found.mean[:, 1].copy(), found.status[:, 2])


def _summaries(
    data: SurvivalData, q: float, at: ArrayLike, tau: ArrayLike, conf_type: ConfType, level: float
) -> _km.KmSummaries:
    rows = len(data.present)
    made = _km.KmSummaries(
        np.zeros((rows, 2), np.int64),
        np.zeros((rows, 3), np.int64),
        np.full((rows, 3), np.nan),
        np.full((rows, 4), np.nan),
        np.full((rows, 2), np.nan),
    )
    ats, taus = (np.broadcast_to(np.asarray(value, np.float64), (rows,)).copy() for value in (at, tau))
    block = SortedBlock(data.time, data.event, np.empty((*data.time.shape, 0)), NO_INTS, data.order)
    _km.km_summaries(
        block, data.present, float(q), normal_quantile(level), _km.CONF_TYPES[conf_type], ats, taus, made
    )  # fmt: skip
    return made


def normal_quantile(level: float) -> float:
    """How many standard errors a two-sided interval of that confidence level reaches to either side."""
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; a confidence level lies between 0 and 1")
    return float(ndtri(0.5 + level / 2))
