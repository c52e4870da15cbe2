"""A slow Kaplan-Meier curve with everything read off it, as R's survfit and its print define it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri

from simulator.numerics.arrays import Bools, Floats

Confidence = Literal["log", "log-log", "plain"]
TOLERANCE = 1.5e-8  # R: sqrt(.Machine$double.eps)


@dataclass(frozen=True)
class Curve:
    """One row per distinct time (of event or censoring), ascending; ``std_err`` is Greenwood's, of S itself."""

    time: Floats
    n_risk: Floats
    n_event: Floats
    n_censor: Floats
    survival: Floats
    std_err: Floats


def curve(time: Floats, event: Bools) -> Curve:
    """The product-limit estimate (Kaplan & Meier 1958, eq. 2b) and Greenwood's (1926) standard error."""
    rows = []
    survival, greenwood = 1.0, 0.0
    for t in np.unique(time):
        at_risk, dead = int((time >= t).sum()), int((event & (time == t)).sum())
        survival *= (at_risk - dead) / at_risk
        greenwood += dead / (at_risk * (at_risk - dead)) if dead < at_risk else np.inf
        std_err = survival * np.sqrt(greenwood) if survival > 0 else np.nan
        rows.append((t, at_risk, dead, int((~event & (time == t)).sum()), survival, std_err))
    return Curve(*np.array(rows, dtype=float).T)


def limits(survival: float, std_err: float, kind: Confidence, level: float = 0.95) -> tuple[float, float]:
    """Pointwise limits of S. Where the transformed scale is undefined (S = 0; S = 1 for log-log) both are NaN."""
    z = ndtri(1 - (1 - level) / 2)
    if survival == 0:
        return (np.nan, np.nan)
    if kind == "plain":
        return max(survival - z * std_err, 0.0), min(survival + z * std_err, 1.0)
    if kind == "log":
        width = z * std_err / survival
        return survival * np.exp(-width), min(survival * np.exp(width), 1.0)
    if survival == 1:
        return (np.nan, np.nan)
    width = z * std_err / survival / np.log(survival)
    centre = np.log(-np.log(survival))
    return float(np.exp(-np.exp(centre - width))), float(np.exp(-np.exp(centre + width)))


def crossing(time: Floats, survival: Floats, q: float) -> float:
    """The time at which a curve that starts at 1 first reaches 1 - q, as R's print(survfit) has it; +inf if never.

    When the curve stands at 1 - q exactly (within the tolerance) the middle of that stretch is taken, if it ends. A
    limit of S may rise again, which changes nothing. NaN (no limit defined) is not low enough.
    """
    target = 1 - q
    there = [(t, s) for t, s in zip(time, survival, strict=True) if s < target + TOLERANCE]
    if not there:
        return np.inf
    begin, level = there[0]
    lower = [t for t, s in there if s < level]
    if abs(level - target) < TOLERANCE and lower:
        return float((begin + lower[0]) / 2)
    return float(begin)


def quantile(
    time: Floats, event: Bools, q: float = 0.5, kind: Confidence = "log", level: float = 0.95
) -> tuple[float, float, float]:
    """The time at which S reaches 1 - q with its limits (Brookmeyer & Crowley 1982): where the limits reach it."""
    km = curve(time, event)
    band = [limits(s, e, kind, level) for s, e in zip(km.survival, km.std_err, strict=True)]
    low, high = np.array(band).T
    return crossing(km.time, km.survival, q), crossing(km.time, low, q), crossing(km.time, high, q)


def survival_at(time: Floats, event: Bools, at: float, level: float = 0.95) -> tuple[float, float, float, float]:
    """S(at), Greenwood's SE and the log-scale limits: those of the last time not after ``at``."""
    km = curve(time, event)
    before = np.flatnonzero(km.time <= at)
    if len(before) == 0:
        return 1.0, 0.0, 1.0, 1.0
    s, e = km.survival[before[-1]], km.std_err[before[-1]]
    return (float(s), float(e), *limits(s, e, "log", level))


def rmst(time: Floats, event: Bools, tau: float) -> tuple[float, float]:
    """The area under S up to tau and its SE (Klein & Moeschberger 2003, eq. 4.5.3).

    Its variance is the sum over event times of (area right of t)^2 d / (n (n - d)).
    """
    km = curve(time, event)
    inside = km.time <= tau
    edges = np.concatenate([[0.0], km.time[inside], [tau]])
    heights = np.concatenate([[1.0], km.survival[inside]])
    areas = np.diff(edges) * heights
    variance = 0.0
    for k in range(int(inside.sum())):
        n, dead = km.n_risk[k], km.n_event[k]
        if n > dead:
            variance += areas[k + 1 :].sum() ** 2 * dead / (n * (n - dead))
    return float(areas.sum()), float(np.sqrt(variance))


def influences(time: Floats, event: Bools, weight: Floats, horizon: float, measure: str) -> tuple[float, Floats]:
    """The weighted curve's restricted mean or survival, and its derivative with respect to each patient's weight.

    Of one arm's patients ``(n,)``, all of positive weight. With d deaths among Y at risk at each death time, and A the
    area under the curve from there to the horizon (survival: the curve at the horizon), the derivative is the sum of
    A d / (Y (Y - d)) over the death times up to the patient's own, less A / (Y - d) at the patient's death.
    """
    when, place = np.unique(time, return_inverse=True)
    deaths = np.bincount(place, weight * event, minlength=len(when))
    leaving = np.bincount(place, weight, minlength=len(when))
    at_risk = np.cumsum(leaving[::-1])[::-1]
    left = at_risk - deaths
    curve = np.cumprod(left / at_risk)
    early = when <= horizon
    if measure == "survival":
        value = float(curve[early][-1]) if early.any() else 1.0
        ahead = np.full(len(when), value)
    else:
        width = np.diff(np.append(np.minimum(when, horizon), horizon))
        ahead = np.cumsum((curve * width)[::-1])[::-1]
        value = float(min(when[0], horizon) + ahead[0])
    alone = np.divide(ahead, left, out=np.zeros(len(when)), where=(left > 0) & early)
    steps = np.cumsum(deaths * alone / at_risk)
    return value, steps[place] - np.where(event, alone[place], 0.0)
