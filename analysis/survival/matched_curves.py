"""Kaplan-Meier curves of two arms compared at a horizon, with a variance that may follow clusters and weights."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.kernels.status import Status
from analysis.survival import statistics
from simulator.numerics.arrays import Bools, Floats, Ints, Positions

CurveMeasure = Literal["rmst", "survival"]


@dataclass(frozen=True)
class CurveDifference:
    """Restricted mean or survival, treated minus untreated, ``(R,)``; NaN where ``status`` is not OK."""

    value: Floats
    se: Floats
    n: Ints
    events: Ints
    status: Ints


def curve_difference(
    time: Floats,
    event: Bools,
    treated: Bools,
    present: Bools,
    horizon: float,
    measure: CurveMeasure,
    *,
    weight: Floats | None = None,
    cluster: Ints | None = None,
    order: Positions | None = None,
) -> CurveDifference:
    """The difference between the arms' curves to (rmst) or at (survival) the horizon.

    Without weights and clusters the variance is Greenwood's, as in R's survfit. Else it is that of the infinitesimal
    jackknife, the weighted influences summed within clusters (integers from 0; without them each patient alone), as R's
    survfit does with ``cluster``. Statuses: NO_EVENTS; TOO_FEW, an arm's curve ends above 0 before the horizon (or the
    arm is empty); NO_INFO, no event before the horizon, so that there is no variance; BAD_INPUT.
    """
    rows, patients = time.shape
    arms = np.stack([treated & present, ~treated & present], axis=1).reshape(2 * rows, patients)
    value, se, status = _curves(time, event, arms, horizon, measure, order)
    difference, error = value[:, 0] - value[:, 1], np.sqrt((se**2).sum(axis=1))
    status = np.where(status[:, 0] == Status.OK, status[:, 1], status[:, 0])
    if weight is not None or cluster is not None:
        weights = np.ones(time.shape) if weight is None else weight
        for r in np.flatnonzero(status == Status.OK):
            who = np.arange(patients) if cluster is None else cluster[r]
            total, sums = 0.0, np.zeros(max(patients, int(who.max()) + 1))
            for sign, arm in ((1.0, arms[2 * r]), (-1.0, arms[2 * r + 1])):
                level, influence = influences(time[r, arm], event[r, arm], weights[r, arm], horizon, measure)
                total += sign * level
                sums += np.bincount(who[arm], sign * weights[r, arm] * influence, minlength=len(sums))
            difference[r] = total if weight is not None else difference[r]
            error[r] = np.sqrt((sums**2).sum())
    n, events = present.sum(axis=1), (event & present).sum(axis=1)
    status = np.where((status == Status.OK) & ~(error > 0), Status.NO_INFO, status)
    status = np.where((events == 0) & (status != Status.BAD_INPUT), Status.NO_EVENTS, status).astype(np.int64)
    ok = status == Status.OK
    return CurveDifference(np.where(ok, difference, np.nan), np.where(ok, error, np.nan), n, events, status)


def _curves(
    time: Floats, event: Bools, arms: Bools, horizon: float, measure: CurveMeasure, order: Positions | None
) -> tuple[Floats, Floats, Ints]:
    """Value, SE and status of each arm, ``(R, 2)``; the SE of survival is 0 where survival is."""
    if measure == "rmst":
        mean = statistics.rmst(time, event, horizon, present=arms, order=order)
        found = mean.value, mean.se, mean.status
    else:
        point = statistics.survival_at(time, event, horizon, present=arms, order=order)
        found = point.value, np.where(point.value == 0, 0.0, point.se), point.status
    return found[0].reshape(-1, 2), found[1].reshape(-1, 2), found[2].reshape(-1, 2)


def influences(
    time: Floats, event: Bools, weight: Floats, horizon: float, measure: CurveMeasure
) -> tuple[float, Floats]:
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
