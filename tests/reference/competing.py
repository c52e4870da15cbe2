"""Slow competing risks of one cohort, from the formulas: incidence, time lost, Gray's test, the Fine-Gray model.

``kind (N,)`` is 0 (censored), 1 (the cause asked about) or 2 (another cause).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from simulator.numerics.arrays import Bools, Floats, Ints
from tests.reference.weighted import jacobian


def steps(time: Floats, kind: Ints, weight: Floats) -> list[tuple[float, float, float]]:
    """Each time of an event with the share free of any before it and the incidence from it on.

    Aalen and Johansen's estimate is the sum over event times u of S(u-) d1(u) / Y(u).
    """
    found, free, share = [], 1.0, 0.0
    for u in np.unique(time[kind > 0]):
        at_risk = weight[time >= u].sum()
        share += free * weight[(kind == 1) & (time == u)].sum() / at_risk
        found.append((float(u), free, share))
        free *= 1 - weight[(kind > 0) & (time == u)].sum() / at_risk
    return found


def incidence(time: Floats, kind: Ints, weight: Floats, at: float) -> float:
    """The incidence at a time."""
    return ([0.0] + [share for u, _, share in steps(time, kind, weight) if u <= at])[-1]


def time_lost(time: Floats, kind: Ints, weight: Floats, tau: float) -> float:
    """The area under the incidence up to ``tau``, stretch by stretch."""
    curve = [(u, share) for u, _, share in steps(time, kind, weight) if u < tau]
    ends = [*(u for u, _ in curve), tau]
    return sum(share * (b - a) for (_, share), (a, b) in zip(curve, pairwise(ends), strict=True))


def jackknife(function: Callable[[Floats], float], weight: Floats, cluster: Ints) -> float:
    """The SE of the infinitesimal jackknife: derivatives by numeric differences, times weights, summed in clusters."""
    slopes = jacobian(lambda factor: np.array([function(weight * factor)]), np.ones(len(weight)))[0]
    return float(np.sqrt(sum(slopes[cluster == k].sum() ** 2 for k in np.unique(cluster))))


def gray_score(time: Floats, kind: Ints, treated: Bools, weight: Floats) -> float:
    """Gray's score with rho = 0 (1988, Annals of Statistics 16:1141-1154): events of the treated less those expected.

    Expected are the events at each time times the share of the treated in sum of R = Y (1 - F(t-)) / S(t-).
    """
    score = 0.0
    for t in np.unique(time[kind == 1]):
        risk = []
        for arm in (~treated, treated):
            at_risk, s, f = weight[arm & (time >= t)].sum(), 1.0, 0.0
            for u in np.unique(time[arm & (kind > 0) & (time < t)]):
                here = weight[arm & (time >= u)].sum()
                f += s * weight[arm & (kind == 1) & (time == u)].sum() / here
                s *= 1 - weight[arm & (kind > 0) & (time == u)].sum() / here
            risk.append(at_risk * (1 - f) / s if at_risk > 0 else 0.0)
        died = (kind == 1) & (time == t)
        score += weight[died & treated].sum() - weight[died].sum() * risk[1] / sum(risk)
    return score


@dataclass(frozen=True)
class Subdistribution:
    """A Fine-Gray fit: coefficients, inverse information, robust covariance, log-likelihood at zero and at the fit."""

    beta: Floats
    covariance: Floats
    robust: Floats
    loglik: tuple[float, float]


def uncensored_before(
    time: Floats, kind: Ints, label: Ints, events_first: bool = True
) -> Callable[[int, float], float]:
    """The Kaplan-Meier estimate, in a patient's label, of not being censored before a time; 0 after the last time."""

    @cache
    def share(label_of: int, at: float) -> float:
        own, codes = time[label == label_of], kind[label == label_of]
        if at > own.max():
            return 0.0
        value = 1.0
        for u in np.unique(own[(codes == 0) & (own < at)]):
            at_risk = (own >= u).sum() - (((own == u) & (codes > 0)).sum() if events_first else 0)
            value *= 1 - ((own == u) & (codes == 0)).sum() / at_risk
        return float(value)

    return share


def fine_gray(
    time: Floats,
    kind: Ints,
    x: Floats,
    weight: Floats,
    cluster: Ints,
    label: Ints,
    stratum: Ints,
    *,
    efron: bool = True,
    events_first: bool = True,
) -> Subdistribution:
    """Fine and Gray's weighted partial likelihood (1999, JASA 94:496-509) by Newton's method on all pairs.

    Who had a competing event at T stays at risk at s > T with the weight G(s-) / G(T-). The robust covariance is Lin
    and Wei's, which takes G as known.
    """
    n, p = x.shape
    g = uncensored_before(time, kind, label, events_first)
    events = [(s, t) for s in np.unique(stratum) for t in np.unique(time[(kind == 1) & (stratum == s)])]
    stays = np.zeros((len(events), n))
    for k, (s, t) in enumerate(events):
        for i in np.flatnonzero(stratum == s):
            if time[i] >= t:
                stays[k, i] = weight[i]
            elif kind[i] == 2:
                stays[k, i] = weight[i] * g(label[i], t) / g(label[i], time[i])

    def at(beta: Floats) -> tuple[float, Floats, Floats]:
        risk = np.exp(x @ beta)
        loglik, residual, information = 0.0, np.zeros((n, p)), np.zeros((p, p))
        for k, (s, t) in enumerate(events):
            died = (kind == 1) & (time == t) & (stratum == s)
            d = int(died.sum())
            for step in range(d):
                gone = step / d if efron else 0.0
                r = stays[k] * risk * np.where(died, 1 - gone, 1.0)
                mean = r @ x / r.sum()
                jump = weight[died].sum() / d / r.sum()
                loglik += (weight[died] * (x[died] @ beta)).sum() / d - weight[died].sum() / d * np.log(r.sum())
                residual += np.where(died, weight / d, 0.0)[:, None] * (x - mean) - (jump * r)[:, None] * (x - mean)
                information += jump * (r[:, None] * (x - mean)).T @ (x - mean)
        return loglik, residual, information

    beta = np.zeros(p)
    null = at(beta)[0]
    for _ in range(30):
        _, residual, information = at(beta)
        beta = beta + np.linalg.solve(information, residual.sum(axis=0))
    loglik, residual, information = at(beta)
    covariance = np.linalg.inv(information)
    sums = np.array([residual[cluster == k].sum(axis=0) for k in np.unique(cluster)])
    return Subdistribution(beta, covariance, covariance @ sums.T @ sums @ covariance, (null, loglik))
