"""Cumulative incidence of one cause among several: Aalen and Johansen's estimate and its derivative by each weight.

A patient's ``kind`` is 0 (censored), 1 (the cause asked about) or 2 (a competing cause); below 0 it is bad. With Y the
weight at risk, d the weight of all who have an event at u and d1 that of the cause, S the share without any event:
F(t) is the sum of S(u-) d1 / Y up to t. Its derivative by the weight of patient i is the sum over event times u up to
the patient's own of

    alpha(u) (dN1(u) - d1 / Y) - beta(u) (dN(u) - d / Y),    alpha = S(u-) / Y,  beta = (F(t) - F(u)) / (Y - d),

N1 and N the patient's counts of the cause and of any event; of the area under F up to t, alpha is (t - u) times that
and F(t) - F(u) becomes its integral from u to t (Aalen & Johansen 1978, Scandinavian Journal of Statistics 5:141-150).
"""

from typing import NamedTuple

import numpy as np

from analysis.kernels.status import Status
from simulator.numerics.arrays import Bools, Floats, Ints, Positions
from simulator.numerics.compiled import kernel

WHEN, AT_RISK, LEFT, OWN, ALL, BEFORE, SHARE = range(7)
PATIENTS, TIMES, BAD, EVENTS, COMPETING = range(5)

_OK = int(Status.OK)
_TOO_FEW = int(Status.TOO_FEW)
_BAD_INPUT = int(Status.BAD_INPUT)


class CausesBlock(NamedTuple):
    """Cohorts ``(A, N)`` with the kind of event of each patient; ``weight`` has no rows where all weigh 1."""

    time: Floats
    kind: Ints
    weight: Floats
    order: Positions  # by time


class Causes(NamedTuple):
    """One analysis set of a cohort of N in order of time, as `tabulate_causes` fills it."""

    steps: (
        Floats  # (7, N), by time of an event: WHEN, AT_RISK, LEFT after it, OWN cause, ALL, S BEFORE, F (SHARE) after
    )
    who: Ints  # (N,)
    step: Ints  # (N,), how many of the times are not after the patient's own
    mass: Floats  # (N + 1,), weights from a place on
    counts: Ints  # (5,): PATIENTS, TIMES, BAD, EVENTS (of the cause), COMPETING


class Incidences(NamedTuple):
    """What `incidences` fills per analysis set and time asked for, ``(S, T)``."""

    value: Floats
    variance: Floats
    binomial: Floats  # the variance with each death its own; no rows where it is not asked for
    gradient: Floats  # (S, T, N) by each weight; no rows where it is not asked for
    status: Ints
    counts: Ints  # (S, 3): patients, events of the cause, competing events


@kernel
def room_for_causes(n: int) -> Causes:
    """Nobody yet: the memory for ``n`` patients."""
    return Causes(
        np.empty((7, n)), np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n + 1), np.empty(5, np.int64)
    )


@kernel
def tabulate_causes(c: int, block: CausesBlock, present: Bools, made: Causes) -> None:
    """Fills ``made`` from those ``present (N,)`` in cohort c. Patients of weight 0 are left out."""
    time, kind, weight, steps, who, mass = block.time, block.kind, block.weight, made.steps, made.who, made.mass
    m, bad, events, competing, counts = 0, False, 0, 0, made.counts
    for k in range(present.shape[0]):
        i = block.order[c, k]
        if present[i] and (weight.shape[0] == 0 or weight[c, i] != 0.0):
            bad |= not abs(time[c, i]) < np.inf or kind[c, i] < 0
            bad |= weight.shape[0] > 0 and not 0.0 < weight[c, i] < np.inf
            events += kind[c, i] == 1
            competing += kind[c, i] > 1
            who[m] = i
            m += 1
    counts[PATIENTS], counts[TIMES], counts[BAD], counts[EVENTS], counts[COMPETING] = m, 0, bad, events, competing
    if bad:
        return
    mass[m] = 0.0
    for k in range(m - 1, -1, -1):
        mass[k] = mass[k + 1] + (weight[c, who[k]] if weight.shape[0] > 0 else 1.0)
    first, size, free, share = 0, 0, 1.0, 0.0
    while first < m:
        last, own, other, lost = first, 0.0, 0.0, 0.0
        while last < m and time[c, who[last]] == time[c, who[first]]:
            w = weight[c, who[last]] if weight.shape[0] > 0 else 1.0
            if kind[c, who[last]] == 1:
                own += w
            elif kind[c, who[last]] > 1:
                other += w
            else:
                lost += w
            last += 1
        if own + other > 0.0:
            left = mass[last] + lost
            share += free * own / mass[first]
            steps[WHEN, size], steps[AT_RISK, size], steps[LEFT, size] = time[c, who[first]], mass[first], left
            steps[OWN, size], steps[ALL, size], steps[BEFORE, size], steps[SHARE, size] = own, own + other, free, share
            free *= left / mass[first]
            size += 1
        for k in range(first, last):
            made.step[k] = size
        first = last
    counts[TIMES] = size


@kernel
def share_at(made: Causes, at: float, area: bool, alpha: Floats, beta: Floats) -> float:
    """F at a time, or the ``area`` under it up to there; fills ``alpha`` and ``beta`` of its derivative, 0 later on."""
    steps, size = made.steps, made.counts[TIMES]
    until = 0
    while until < size and steps[WHEN, until] <= at:
        until += 1
    value = steps[SHARE, until - 1] if until > 0 else 0.0
    for k in range(until, size):
        alpha[k], beta[k] = 0.0, 0.0
    total, end = 0.0, at
    for k in range(until - 1, -1, -1):
        alpha[k] = steps[BEFORE, k] / steps[AT_RISK, k]
        if area:
            alpha[k] *= at - steps[WHEN, k]
            total += steps[SHARE, k] * (end - steps[WHEN, k])
            end = steps[WHEN, k]
            ahead = total - steps[SHARE, k] * (at - end)
        else:
            ahead = value - steps[SHARE, k]
        beta[k] = ahead / steps[LEFT, k] if steps[LEFT, k] > 0.0 else 0.0
    return total if area else value


@kernel
def derivative(c: int, block: CausesBlock, made: Causes, alpha: Floats, beta: Floats, gradient: Floats) -> None:
    """Fills ``gradient (N,)`` for those in ``made``."""
    steps, done, past = made.steps, 0, 0.0
    for k in range(made.counts[PATIENTS]):
        while done < made.step[k]:
            past += (alpha[done] * steps[OWN, done] - beta[done] * steps[ALL, done]) / steps[AT_RISK, done]
            done += 1
        i = made.who[k]
        gradient[i] = -past
        if block.kind[c, i] > 0:
            gradient[i] += (alpha[done - 1] if block.kind[c, i] == 1 else 0.0) - beta[done - 1]


@kernel
def binomial_variance(made: Causes, at: float) -> float:
    """The variance of F at a time that cmprsk's cuminc has, for weights of 1.

    The sum over times of S(u-)^2 / Y^2 ((1 - q)^2 d1 c1 + q^2 d2 c2), q = (F(t) - F(u)) / S(u), with c = 1 - (d - 1) /
    (Y - 1) where several die of the cause at once; q is 0, and d2 is left out, where nobody is left.
    """
    steps, until = made.steps, 0
    while until < made.counts[TIMES] and steps[WHEN, until] <= at:
        until += 1
    value, total = steps[SHARE, until - 1] if until > 0 else 0.0, 0.0
    for k in range(until):
        at_risk, own, other = steps[AT_RISK, k], steps[OWN, k], steps[ALL, k] - steps[OWN, k]
        free = steps[BEFORE, k] * steps[LEFT, k] / at_risk
        q = (value - steps[SHARE, k]) / free if free > 0.0 else 0.0
        part = 0.0
        if own > 0.0:
            part += (1.0 - q) ** 2 * own * (1.0 - (own - 1.0) / (at_risk - 1.0) if own > 1.0 else 1.0)
        if other > 0.0 and free > 0.0:
            part += q**2 * other * (1.0 - (other - 1.0) / (at_risk - 1.0) if other > 1.0 else 1.0)
        total += (steps[BEFORE, k] / at_risk) ** 2 * part
    return total


@kernel
def incidences(
    block: CausesBlock, present: Bools, at: Floats, area: bool, cluster: Ints, clusters: int, made: Incidences
) -> None:
    """Fills ``made`` per row of ``present (S, N)`` and time ``at (T,)``: F there, or the ``area`` under F up to there.

    The variance is that of the infinitesimal jackknife: weights times derivatives, summed within clusters
    ``(A, N)`` (no rows: each patient alone), squared. TOO_FEW: a time lies beyond all follow-up while some are free.
    """
    rows, n = present.shape
    per = rows // block.time.shape[0]
    here, alpha, beta, slope, sums = room_for_causes(n), np.empty(n), np.empty(n), np.zeros(n), np.zeros(clusters)
    for r in range(rows):
        c = r // per
        tabulate_causes(c, block, present[r], here)
        m, size = here.counts[PATIENTS], here.counts[TIMES]
        made.counts[r, 0], made.counts[r, 1], made.counts[r, 2] = m, here.counts[EVENTS], here.counts[COMPETING]
        state = _BAD_INPUT if here.counts[BAD] > 0 else (_TOO_FEW if m == 0 else _OK)
        last = block.time[c, here.who[m - 1]] if m > 0 else np.nan
        free = m > 0 and (size == 0 or here.steps[LEFT, size - 1] > 0.0)
        for t in range(len(at)):
            made.status[r, t] = _TOO_FEW if state == _OK and free and not at[t] <= last else state
            if made.status[r, t] != _OK:
                continue
            made.value[r, t] = share_at(here, at[t], area, alpha, beta)
            derivative(c, block, here, alpha, beta, slope)
            total = 0.0
            for k in range(m):
                i = here.who[k]
                off = slope[i] * (block.weight[c, i] if block.weight.shape[0] > 0 else 1.0)
                if cluster.shape[0] == 0:
                    total += off * off
                else:
                    sums[cluster[c, i]] += off
                if made.gradient.shape[0] > 0:
                    made.gradient[r, t, i] = slope[i]
            if cluster.shape[0] > 0:
                for k in range(m):
                    own = cluster[c, here.who[k]]
                    total += sums[own] * sums[own]
                    sums[own] = 0.0
            made.variance[r, t] = total
            if made.binomial.shape[0] > 0:
                made.binomial[r, t] = binomial_variance(here, at[t])
