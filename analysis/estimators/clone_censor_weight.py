"""Clone, censor, weight: "start treatment within the grace period" against "never start within it".

Every patient is cloned to both strategies from time zero on. A clone is censored when the patient departs from its
strategy: at the start of treatment in the second, at the end of grace without a start in the first. Clones that stay
are weighted by the inverse of the probability, given the covariates, of not having departed:

* second strategy: 1 - P(start at time zero) from a logistic model, if anyone starts then, times exp(-cumulative hazard
  of starting), from a Cox model (Breslow's ties) whose baseline hazard is constant on each of ``INTERVALS`` equal parts
  of the grace period. The weight of a part is that of its middle; after grace that of its end.
* first strategy: 1 until the end of grace; then P(started by now) from a logistic model in those still at risk.

Reference: Maringe, Benitez Majano, Exarchakou et al. (2020), Int J Epidemiol 49:1719. Weights are not stabilised or
truncated. Where all starts are at time zero and there is no grace, this is inverse-probability-of-treatment weighting.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from analysis.kernels.status import Status
from analysis.propensity import logistic_models
from analysis.survival import statistics
from analysis.survival.statistics import CoxFit
from analysis.survival.time_zero import FROM_THE_FIRST, CountingRows, stacked
from simulator.numerics.arrays import Bools, Floats, Ints

INTERVALS = 6
HEAVIEST = 1e9  # a weight beyond this stands for a patient who could not but depart
_LARGEST = 300.0  # of a linear predictor


@dataclass(frozen=True)
class Clones:
    """The clones' rows ``(R, M)``, their weights, and the status ``(R,)`` of the models that these come from."""

    rows: CountingRows
    weight: Floats
    status: Ints
    patients: int

    def fit(self, ties: str = "efron") -> CoxFit:
        """The weighted Cox model of strategy, SE robust by patient; weights count as known, so it is approximate."""
        return self.rows.fit(weight=self.weight, patients=self.patients, ties=ties)


def clones(time: Floats, event: Bools, start: Floats, present: Bools, x: Floats, grace: float) -> Clones:
    """The weighted clones of a block: ``treated`` is the strategy to start within ``grace``; ``x (R, N, P)``.

    Statuses: those of the models (PS_SEPARATED, also for a weight without bounds, SINGULAR, MONOTONE, ...); TOO_FEW
    where nobody at risk at the end of grace has started, or all start at time zero.
    """
    zero, zero_status = _start_at_zero(start, present, x)
    hazards, hazard_status = _start_hazards(time, start, present, x, grace)
    one, one_status = _started(time, start, present, x, grace)
    status = np.where(zero_status != Status.OK, zero_status, hazard_status)
    status = np.where(status != Status.OK, status, one_status)
    parts, weights = [], []
    edges = _edges(grace)
    departs = (start <= grace) & ~(start >= time)
    end, seen = np.where(departs, start, time), event & ~departs
    stays = present & ~(start <= 0.0)
    for k, low in enumerate(edges):
        last = k == len(edges) - 1
        high = np.inf if last else edges[k + 1]
        here = stays if k == 0 else stays & ~(end <= low)
        parts.append(_row(low, np.minimum(end, high), seen & (end <= high), here, strategy=False))
        with np.errstate(over="ignore", divide="ignore"):
            weights.append(np.exp(hazards[k]) / (1.0 - zero))
    if grace > 0:
        parts.append(_row(0.0, np.minimum(time, grace), event & (time <= grace), present, strategy=True))
        weights.append(np.ones(time.shape))
    kept = present & (start <= grace) & ~(time <= grace if grace > 0 else np.zeros(time.shape, np.bool_))
    parts.append(_row(grace, time, event, kept, strategy=True))
    with np.errstate(divide="ignore"):
        weights.append(1.0 / one)
    rows, weight = stacked(parts), np.concatenate(weights, axis=1)
    hopeless = np.logical_or.reduce(rows.present & (weight > HEAVIEST), axis=1)
    status = np.where((status == Status.OK) & hopeless, Status.PS_SEPARATED, status)
    failed = (status != Status.OK)[:, None]
    return Clones(rows, np.where(failed | ~rows.present, 1.0, weight), status, time.shape[1])


def _row(low: float, time: Floats, event: Bools, present: Bools, *, strategy: bool) -> CountingRows:
    entry = np.full(time.shape, low if low > 0 else FROM_THE_FIRST)
    return CountingRows(entry, time, event, np.full(time.shape, strategy), present)


def _edges(grace: float) -> list[float]:
    """The starts of the parts of the grace period, and its end."""
    return [grace * k / INTERVALS for k in range(INTERVALS + 1)] if grace > 0 else [0.0]


def _start_at_zero(start: Floats, inside: Bools, x: Floats) -> tuple[Floats, Ints]:
    """The probability of a start at time zero ``(R, N)``, 0 in a cohort where nobody starts then."""
    now = start <= 0.0
    some = np.logical_or.reduce(now & inside, axis=1)
    return _logistic(now, inside, x, some, np.zeros(start.shape))


def _started(time: Floats, start: Floats, inside: Bools, x: Floats, grace: float) -> tuple[Floats, Ints]:
    """The probability of a start by the end of grace in those still at risk ``(R, N)``, 1 where all have started."""
    at_risk = inside & ~(time <= grace) if grace > 0 else inside
    late = np.logical_or.reduce(at_risk & ~(start <= grace), axis=1)
    wanted = late | ~np.logical_or.reduce(at_risk, axis=1)
    return _logistic(start <= grace, at_risk, x, wanted, np.ones(time.shape))


def _logistic(y: Bools, inside: Bools, x: Floats, wanted: Bools, otherwise: Floats) -> tuple[Floats, Ints]:
    """Fitted probabilities ``(R, N)`` in the wanted cohorts, ``otherwise`` in the rest, and statuses ``(R,)``."""
    status = np.zeros(len(y), np.int64)
    rows = np.flatnonzero(wanted)
    if len(rows):
        fit = logistic_models.logistic(x[rows], y[rows], present=inside[rows])
        otherwise[rows] = fit.fitted
        status[rows] = np.where(fit.aside.any(axis=1), Status.PS_SEPARATED, fit.status)
    return otherwise, status


def _start_hazards(time: Floats, start: Floats, inside: Bools, x: Floats, grace: float) -> tuple[list[Floats], Ints]:
    """Cumulative hazards ``(R, N)`` of starting after time zero: in the middle of each part of grace, at its end."""
    edges = _edges(grace)
    status = np.zeros(len(time), np.int64)
    if grace <= 0:
        return [np.zeros(time.shape)], status
    waiting = inside & ~(start <= 0.0)
    left = np.minimum(np.minimum(start, time), grace)
    begins = (start <= grace) & (start < time)
    beta = np.zeros((len(time), x.shape[2]))
    if x.shape[2]:
        fit = statistics.cox(left, begins, x, present=waiting, ties="breslow")
        idle = np.isin(fit.status, (Status.NO_EVENTS, Status.TOO_FEW))  # nobody starts after time zero
        status = np.where(idle, Status.OK, fit.status)
        beta = np.where((fit.status == Status.OK)[:, None], fit.beta, 0.0)
    linear = np.where(waiting, np.einsum("rnp,rp->rn", x, beta), 0.0)
    multiplier = np.exp(np.clip(linear, -_LARGEST, _LARGEST))
    done = np.zeros(time.shape)
    found = []
    for low, high in pairwise(edges):
        lived = np.where(waiting, np.clip(left, low, high) - low, 0.0)
        risk = np.einsum("rn,rn->r", lived * multiplier, waiting.astype(np.float64))
        starts = (waiting & begins & (left > low) & (left <= high)).sum(axis=1).astype(np.float64)
        rate = np.divide(starts, risk, out=np.zeros(len(risk)), where=risk > 0)
        with np.errstate(over="ignore"):
            gained = rate[:, None] * multiplier * (high - low)
        found.append(done + gained / 2)
        done = done + gained
    return [*found, done], status
