"""Slow competing risks of one cohort, from the formulas: incidence, time lost, Gray's test, the Fine-Gray model.

``kind (N,)`` is 0 (censored), 1 (the cause asked about) or 2 (another cause).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from simulator.numerics.arrays import Bools, Floats, Ints


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
    """The SE of the infinitesimal jackknife: derivatives times weights, summed in clusters.

    A derivative is the imaginary part after a step of 1e-30 i, which loses no digits (Squire & Trapp 1998, SIAM Review
    40:110-112).
    """
    slopes = np.zeros(len(weight))
    for i in np.flatnonzero(weight):
        moved = weight.astype(np.complex128)
        moved[i] *= 1 + 1e-30j
        slopes[i] = np.imag(function(moved)) / 1e-30
    return float(np.sqrt(sum(slopes[cluster == k].sum() ** 2 for k in np.unique(cluster))))


def log_limits(share: float, se: float, z: float) -> tuple[float, float]:
    """The limits of a probability on the scale of its logarithm, the upper one at most 1."""
    width = z * se / share
    return share * np.exp(-width), min(1.0, share * np.exp(width))


def before(curve: list[tuple[float, float, float]], t: float) -> tuple[float, float]:
    """The share free of any event and the incidence just before a time, from the `steps` of an arm and one beyond."""
    past = [k for k, (u, _, _) in enumerate(curve) if u < t]
    return (curve[past[-1] + 1][1], curve[past[-1]][2]) if past else (1.0, 0.0)


def with_the_end(time: Floats, kind: Ints, weight: Floats) -> list[tuple[float, float, float]]:
    """The `steps` and a last one, after all follow-up, that says who is left free."""
    curve = steps(time, kind, weight)
    if not curve:
        return [(np.inf, 1.0, 0.0)]
    last, free, share = curve[-1]
    at_last = weight[(kind > 0) & (time == last)].sum() / weight[time >= last].sum()
    return [*curve, (np.inf, free * (1 - at_last), share)]


def gray_score(time: Floats, kind: Ints, treated: Bools, weight: Floats) -> float:
    """Gray's score with rho = 0 (1988, Annals of Statistics 16:1141-1154): events of the treated less those expected.

    Expected are the events at each time times the share of the treated in sum of R = Y (1 - F(t-)) / S(t-).
    """
    arms = (~treated, treated)
    curves = [with_the_end(time[arm], kind[arm], weight[arm]) for arm in arms]
    score = 0.0
    for t in np.unique(time[kind == 1]):
        risk = []
        for arm, curve in zip(arms, curves, strict=True):
            here = arm & (time >= t)
            s, f = before(curve, t)
            risk.append(weight[here].sum() * (1 - f) / s if np.real(weight[here]).any() else 0.0)
        died = (kind == 1) & (time == t)
        score += weight[died & treated].sum() - weight[died].sum() * risk[1] / sum(risk)
    return score


def gray_variance(time: Floats, kind: Ints, treated: Bools) -> float:
    """The variance of Gray's score of patients without weights where both arms have one incidence F0.

    With h = Y / S(t-) in an arm and H their sum, dF0 = d1 / H. The score of an arm is the sum over t of
    a (d dF + dF0 dF(t-) / (1 - F0(t-))), a = h0 h1 / H and dF the error of that arm's incidence, in which an event at
    u of the cause or of another has, in units of S(u-) / Y(u), the part 1{cause} - (F0(t) - F0(u)) / S(u). The
    variances of such events are binomial: those expected of the cause among H S(u-), those of others among Y, each
    with 1 - (d - 1) / (n - 1), as cmprsk has it.
    """
    arms = (~treated, treated)
    times = np.unique(time[kind > 0])
    curves = [with_the_end(time[arm], kind[arm], np.ones(arm.sum())) for arm in arms]
    at_risk = np.array([[(arm & (time >= t)).sum() for t in times] for arm in arms], float)
    free = np.array([[before(curve, t)[0] for t in times] for curve in curves])
    left = np.array([[before(curve, np.nextafter(t, np.inf))[0] for t in times] for curve in curves])
    h = np.divide(at_risk, free, out=np.zeros_like(free), where=at_risk > 0)
    died = np.array([((kind == 1) & (time == t)).sum() for t in times])
    jump = died / h.sum(axis=0)
    f0 = np.cumsum(jump)
    a = h[0] * h[1] / h.sum(axis=0)

    def tied(d: float, n: float) -> float:
        return 1 - (d - 1) / (n - 1) if d > 1 else 1.0

    def pull(k: int, arm: int, own: float) -> float:
        """What an event at time k of the arm adds to the score."""
        then, total = own, a[k] * own
        for j in range(k + 1, len(times) if left[arm, k] > 0 else 0):
            now = own - (f0[j] - f0[k]) / left[arm, k]
            total += a[j] * (now - then) + a[j] * jump[j] / (1 - f0[j - 1]) * then
            then = now
        return float(total * free[arm, k] / at_risk[arm, k])

    total = 0.0
    for k, t in enumerate(times):
        for i, arm in enumerate(arms):
            n, s = at_risk[i, k], free[i, k]
            if n == 0:
                continue
            others = (arm & (kind == 2) & (time == t)).sum()
            total += pull(k, i, 1.0) ** 2 * n * jump[k] / s * tied(died[k], h[:, k].sum() * s)
            total += pull(k, i, 0.0) ** 2 * others * tied(others, n)
    return total


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
