"""Slow weighted contrasts of one cohort, their sandwich variance from numeric derivatives, and entropy balancing.

Curves: Xie & Liu (2005, Statistics in Medicine 24). Stacked estimating equations: Stefanski & Boos (2002, The American
Statistician 56); with a logistic propensity model and a weighted Cox model, Shu, Young, Toh & Wang (2021).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from simulator.numerics.arrays import Bools, Floats
from tests.reference import cox as slow_cox
from tests.reference import two_samples


@dataclass(frozen=True)
class Patients:
    """One cohort: ``time, event, treated (N,)``, and the covariates ``x (N, P)`` of its propensity model."""

    time: Floats
    event: Bools
    treated: Bools
    x: Floats


@dataclass(frozen=True)
class Scheme:
    """How weights follow from the propensity score; ``trim`` and ``truncate`` are bounds of score and of weights."""

    target: str = "att"
    stabilised: bool = False
    trim: tuple[float, float] = (-np.inf, np.inf)
    truncate: tuple[float, float] = (-np.inf, np.inf)


def expit(eta: Floats) -> Floats:
    """The inverse logit."""
    return 1 / (1 + np.exp(-eta))


def survival_curve(time: Floats, event: Bools, weight: Floats) -> list[tuple[float, float]]:
    """The weighted Kaplan-Meier curve: each time of an event and survival from then on."""
    s, curve = 1.0, []
    for t in np.unique(time[event & (weight > 0)]):
        s *= 1 - weight[event & (time == t)].sum() / weight[time >= t].sum()
        curve.append((float(t), float(s)))
    return curve


def curve_difference(patients: Patients, weight: Floats, horizon: float, measure: str) -> float:
    """Treated minus untreated: survival at the horizon, or the area under the curve up to it."""
    values = []
    for arm in (patients.treated, ~patients.treated):
        curve = [(0.0, 1.0), *survival_curve(patients.time[arm], patients.event[arm], weight[arm])]
        curve = [(t, s) for t, s in curve if t <= horizon]
        ends = [*(t for t, _ in curve[1:]), horizon]
        area = sum(s * (end - t) for (t, s), end in zip(curve, ends, strict=True))
        values.append(area if measure == "rmst" else curve[-1][1])
    return values[0] - values[1]


def jacobian(function: Callable[[Floats], Floats], at: Floats) -> Floats:
    """The matrix of derivatives by central differences, improved once by Richardson's extrapolation."""
    columns = []
    for k in range(len(at)):
        step = np.zeros(len(at))
        step[k] = 2e-5 * max(1.0, abs(at[k]))
        wide = (function(at + step) - function(at - step)) / (2 * step[k])
        near = (function(at + step / 2) - function(at - step / 2)) / step[k]
        columns.append((4 * near - wide) / 3)
    return np.stack(columns, axis=-1)


def plain_weights(patients: Patients, alpha: Floats, share: float, scheme: Scheme) -> Floats:
    """The weights at coefficients ``alpha`` and a share of treated patients, before any bounds."""
    e = expit(np.column_stack([np.ones(len(patients.x)), patients.x]) @ alpha)
    own = np.where(patients.treated, share, 1 - share) if scheme.stabilised else 1.0
    return np.asarray(two_samples.ipw(e, patients.treated, scheme.target) * own)


def logistic(x: Floats, y: Bools) -> Floats:
    """Maximum-likelihood coefficients, intercept first, by plain Newton steps."""
    z, alpha = np.column_stack([np.ones(len(x)), x]), np.zeros(x.shape[1] + 1)
    for _ in range(50):
        e = expit(z @ alpha)
        alpha = alpha + np.linalg.solve((z * (e * (1 - e))[:, None]).T @ z, z.T @ (y - e))
    return alpha


def stacked(patients: Patients, scheme: Scheme, measure: str, horizon: float | None) -> tuple[float, float]:
    """The contrast and its SE from the stacked equations of coefficients, share of the treated and contrast.

    A^-1 B A^-T with the derivatives A of the summed equations taken numerically and B the sum of outer products.
    """
    a = patients.treated.astype(float)
    z = np.column_stack([np.ones(len(a)), patients.x])
    alpha = logistic(patients.x, patients.treated)
    e = expit(z @ alpha)
    kept = (e >= scheme.trim[0]) & (e <= scheme.trim[1])
    share, p = float(a[kept].mean()), len(alpha)
    raw = plain_weights(patients, alpha, share, scheme)
    free = kept & (raw >= scheme.truncate[0]) & (raw <= scheme.truncate[1])
    fixed = np.where(kept, np.clip(raw, *scheme.truncate), 0.0)

    def at(theta: Floats) -> Floats:
        return np.where(free, plain_weights(patients, theta[:p], float(theta[p]), scheme), fixed)

    def cox_data(weight: Floats) -> slow_cox.Data:
        inside = weight > 0
        return slow_cox.data(patients.time[inside], patients.event[inside], a[inside, None], weight[inside])

    if measure == "hr":
        fit = slow_cox.fit(cox_data(fixed))
        value = float(fit.beta[0])
    else:
        assert horizon is not None
        value = curve_difference(patients, fixed, horizon, measure)
    theta = np.array([*alpha, share, value])

    def total(theta: Floats) -> Floats:
        weight = at(theta)
        if measure == "hr":
            last = slow_cox.likelihood(cox_data(weight), theta[-1:]).score[0]
        else:
            assert horizon is not None
            last = curve_difference(patients, weight, horizon, measure) - theta[-1]
        logistic_score = z.T @ (a - expit(z @ theta[:p]))
        return np.array([*logistic_score, (kept * (a - theta[p])).sum(), last])

    now = fixed
    each = np.zeros((len(a), p + 2))
    each[:, :p] = z * (a - e)[:, None]
    each[:, p] = kept * (a - share)
    if measure == "hr":
        each[now > 0, -1] = now[now > 0] * slow_cox.score_residuals(cox_data(now), theta[-1:])[:, 0]
    else:
        assert horizon is not None
        for i in np.flatnonzero(now > 0):

            def scaled(factor: Floats, i: int = i) -> Floats:
                other = now.copy()
                other[i] *= factor[0]
                return np.array([curve_difference(patients, other, float(horizon), measure)])

            each[i, -1] = jacobian(scaled, np.ones(1))[0, 0]
    slope = jacobian(total, theta)
    bread = np.linalg.inv(slope)
    covariance = bread @ (each.T @ each) @ bread.T
    return value, float(np.sqrt(covariance[-1, -1]))


def entropy_weights(x: Floats, goal: Floats, count: Floats | None = None) -> Floats:
    """Shares of patients with covariates ``x (N, P)`` whose weighted means are ``goal``: a general search.

    A patient who counts twice has two equal shares, given as their sum.
    """
    z = (x - goal) / x.std(axis=0)
    times = np.ones(len(x)) if count is None else count

    def shares(point: Floats) -> tuple[Floats, float]:
        eta = z @ point
        parts = times * np.exp(eta - eta.max())
        return parts / parts.sum(), float(np.log(parts.sum()) + eta.max())

    def dual(point: Floats) -> tuple[float, Floats]:
        share, value = shares(point)
        return value, share @ z

    def curvature(point: Floats) -> Floats:
        share = shares(point)[0]
        return (z * share[:, None]).T @ z - np.outer(share @ z, share @ z)

    point = minimize(dual, np.zeros(x.shape[1]), jac=True, hess=curvature, method="trust-exact", tol=1e-13).x
    for _ in range(3):
        point = point - np.linalg.solve(curvature(point), dual(point)[1])
    return shares(point)[0]


def entropy_jackknife(patients: Patients, target: str, measure: str, horizon: float | None) -> tuple[float, float]:
    """The contrast with entropy balancing, and its SE by an infinitesimal jackknife: every patient's count is moved."""
    x, treated = patients.x, patients.treated

    def contrast(count: Floats) -> Floats:
        whom = {"att": treated, "atc": ~treated, "ate": np.ones(len(x), dtype=np.bool_)}[target]
        goal = count[whom] @ x[whom] / count[whom].sum()
        weight = count.copy()
        for arm, own in ((treated, "att"), (~treated, "atc")):
            if target != own:
                weight[arm] = entropy_weights(x[arm], goal, count[arm]) * count[whom].sum()
        if measure != "hr":
            assert horizon is not None
            return np.array([curve_difference(patients, weight, horizon, measure)])
        data = slow_cox.data(patients.time, patients.event, treated[:, None].astype(float), weight)
        return slow_cox.fit(data).beta

    once = np.ones(len(x))
    each = jacobian(contrast, once)[0]
    return float(contrast(once)[0]), float(np.sqrt((each**2).sum()))
