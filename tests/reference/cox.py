"""A slow Cox regression, one event time after another.

Partial likelihood: Cox (1972, 1975). Ties: Breslow (1974) and Efron (1977), as in Therneau & Grambsch (2000), Modeling
Survival Data, section 3.3; case weights as there and in the "validation" vignette of R's survival: each of the tied
deaths carries their mean weight. Strata sum; a patient is at risk at t when entry < t <= time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from simulator.numerics.arrays import Bools, Floats, Ints

Ties = Literal["efron", "breslow"]


@dataclass(frozen=True)
class Data:
    """One cohort: ``time, event, weight, entry, stratum, cluster (N,)`` and ``x (N, P)``."""

    time: Floats
    event: Bools
    x: Floats
    weight: Floats
    entry: Floats
    stratum: Ints
    cluster: Ints


def data(
    time: Floats,
    event: Bools,
    x: Floats,
    weight: Floats | None = None,
    entry: Floats | None = None,
    stratum: Ints | None = None,
    cluster: Ints | None = None,
) -> Data:
    """The cohort with what was left out filled in: weight 1, no late entry, one stratum, each patient a cluster."""
    n = len(time)
    return Data(
        time,
        event,
        x,
        np.ones(n) if weight is None else weight,
        np.full(n, -np.inf) if entry is None else entry,
        np.zeros(n, dtype=np.int64) if stratum is None else stratum,
        np.arange(n) if cluster is None else cluster,
    )


@dataclass(frozen=True)
class EventTime:
    """One distinct event time of one stratum: who is at risk, and who of them dies."""

    at_risk: Ints
    dead: Bools


def event_times(d: Data) -> Iterator[EventTime]:
    """Every distinct event time with its risk set."""
    for stratum in np.unique(d.stratum):
        inside = d.stratum == stratum
        for t in np.unique(d.time[inside & d.event]):
            at_risk = np.flatnonzero(inside & (d.entry < t) & (t <= d.time))
            yield EventTime(at_risk, d.event[at_risk] & (d.time[at_risk] == t))


def shares(dead: Bools, ties: Ties) -> Floats:
    """``(D, M)``: how much of each of the M at risk counts in the denominator of each of the D deaths.

    Efron: in the l-th denominator a dead patient counts 1 - l/D, l = 0..D-1. Breslow: everybody counts fully.
    """
    deaths = int(dead.sum())
    step = np.arange(deaths) / deaths if ties == "efron" else np.zeros(deaths)
    return np.where(dead[None, :], 1 - step[:, None], 1.0)


@dataclass(frozen=True)
class Likelihood:
    """Partial log-likelihood with its gradient ``(P,)`` and information ``(P, P)``."""

    loglik: float
    score: Floats
    information: Floats


def likelihood(d: Data, beta: Floats, ties: Ties = "efron") -> Likelihood:
    """The partial likelihood at ``beta``."""
    eta = d.x @ beta
    loglik: float = 0.0
    score, information = np.zeros(len(beta)), np.zeros((len(beta), len(beta)))
    for now in event_times(d):
        x, weight = d.x[now.at_risk], d.weight[now.at_risk]
        offset = eta[now.at_risk].max()  # keeps the exponentials finite; it cancels
        risk = weight * np.exp(eta[now.at_risk] - offset)
        loglik += float(weight[now.dead] @ eta[now.at_risk][now.dead])
        score += weight[now.dead] @ x[now.dead]
        mean_weight = weight[now.dead].mean()
        for share in shares(now.dead, ties):
            r = share * risk
            mean = r @ x / r.sum()
            loglik -= float(mean_weight * (np.log(r.sum()) + offset))
            score -= mean_weight * mean
            information += mean_weight * ((r * (x - mean).T) @ (x - mean)) / r.sum()
    return Likelihood(float(loglik), score, information)


@dataclass(frozen=True)
class Fit:
    """The maximum of the partial likelihood; ``score_test`` is the score statistic at beta = 0."""

    beta: Floats
    se: Floats
    covariance: Floats
    loglik: float
    loglik_null: float
    score_test: float


def fit(d: Data, ties: Ties = "efron", steps: int = 200) -> Fit:
    """The maximum by Newton-Raphson with step halving, run until the step vanishes. Only for data where it exists."""
    beta = np.zeros(d.x.shape[1])
    null = here = likelihood(d, beta, ties)
    for _ in range(steps):
        step = np.linalg.solve(here.information, here.score)
        there = likelihood(d, beta + step, ties)
        while there.loglik < here.loglik - 1e-10 * (1 + abs(here.loglik)):
            step = step / 2
            there = likelihood(d, beta + step, ties)
        beta, here = beta + step, there
        if np.abs(step).max() <= 1e-13 * (1 + np.abs(beta).max()):
            break
    covariance = np.asarray(np.linalg.inv(here.information), dtype=np.float64)
    score_test = float(null.score @ np.linalg.solve(null.information, null.score))
    return Fit(beta, np.sqrt(np.diag(covariance)), covariance, here.loglik, null.loglik, score_test)


def score_residuals(d: Data, beta: Floats, ties: Ties = "efron") -> Floats:
    """``(N, P)``: each patient's own share of the score, unweighted (Therneau & Grambsch 2000, sections 4.6, 7.2)."""
    residual = np.zeros_like(d.x)
    risk = np.exp(d.x @ beta)
    for now in event_times(d):
        x, weight = d.x[now.at_risk], d.weight[now.at_risk]
        deaths = now.dead.sum()
        mean_weight = weight[now.dead].mean()
        for share in shares(now.dead, ties):
            r = share * risk[now.at_risk]
            total = (weight * r).sum()
            mean = (weight * r) @ x / total
            residual[now.at_risk] -= (mean_weight * r / total)[:, None] * (x - mean)
            residual[now.at_risk[now.dead]] += (x[now.dead] - mean) / deaths
    return residual


def robust_covariance(d: Data, at: Fit, ties: Ties = "efron") -> Floats:
    """The sandwich D'D of Lin & Wei (1989), D the weighted dfbetas summed within clusters."""
    dfbeta = (d.weight[:, None] * score_residuals(d, at.beta, ties)) @ at.covariance
    collapsed = np.array([dfbeta[d.cluster == c].sum(axis=0) for c in np.unique(d.cluster)])
    return np.asarray(collapsed.T @ collapsed)
