"""Kaplan-Meier curves of two arms compared at a horizon, with a variance that may follow clusters and weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.kernels.status import Status
from analysis.survival import statistics
from analysis.survival.incidence import IncidenceMeasure, incidence_contrast
from simulator.numerics.arrays import Bools, Floats, Ints, Positions

CurveMeasure = Literal["rmst", "survival"]
LOST: Mapping[CurveMeasure, IncidenceMeasure] = {"rmst": "rmtl_difference", "survival": "incidence_difference"}
"""What a curve without competing events leaves."""


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
        made = incidence_contrast(
            time, event.astype(np.int64), treated, horizon, LOST[measure], present=present, weight=weight,
            cluster=cluster, order=order,
        )  # fmt: skip
        difference, error = -made.value if weight is not None else difference, made.se
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
