"""Jackknife pseudo-observations of survival at a time and of restricted mean survival.

A censored time is replaced by n theta - (n - 1) theta(-i), theta from Kaplan-Meier (Andersen, Klein & Rosthøj 2003,
Biometrika 90:15; Andersen, Hansen & Klein 2004, Lifetime Data Anal 10:335). Given covariates its mean is that of the
uncensored outcome where censoring does not depend on them. With ``arm`` each arm has a curve of its own, so that
censoring may differ between the arms (pooled, it may not); within an arm it must not depend on the covariates.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from analysis.kernels.pseudo import least_squares, pseudo_values
from analysis.kernels.status import Status
from analysis.survival.survival_data import SurvivalData
from simulator.numerics.arrays import Bools, Floats, Ints, Positions

Quantity = Literal["rmst", "survival"]


@dataclass(frozen=True)
class Pseudo:
    """Pseudo-observations ``(R, N)``: NaN for the absent, and for all where ``status (R,)`` is not OK."""

    value: Floats
    status: Ints


def pseudo_observations(
    time: ArrayLike,
    event: ArrayLike,
    horizon: float,
    quantity: Quantity = "rmst",
    *,
    present: ArrayLike | None = None,
    arm: ArrayLike | None = None,
    order: Positions | None = None,
) -> Pseudo:
    """The pseudo-observations, within each of the two groups of ``arm (R, N)`` where given, else pooled.

    A curve that ends because its last patient is left out is carried forward. Statuses: BAD_INPUT, TOO_FEW (under two
    patients in a group, or ``horizon`` beyond the last follow-up of a curve that has not reached 0).
    """
    data = SurvivalData.of(time, event, present, order)
    value, status = np.full(data.present.shape, np.nan), np.zeros(len(data.present), np.int64)
    groups = [data.present] if arm is None else [data.present & data.bools(arm), data.present & ~data.bools(arm)]
    for group in groups:
        own = np.zeros(len(group), np.int64)
        pseudo_values(data.time, data.event, group, data.order, float(horizon), quantity == "rmst", value, own)
        status = np.where(status == Status.OK, own, status)
    value[status != Status.OK] = np.nan
    return Pseudo(value, status)


def regression(x: Floats, y: Floats, use: Bools) -> tuple[Floats, Ints]:
    """Predictions ``(R, N)`` for everybody from least squares of ``y`` on ``x (R, N, P)`` among ``use``, and its rank.

    Columns that are constant or collinear among ``use`` are left out, the last first, as R's lm does.
    """
    fitted, rank = np.empty(y.shape), np.empty(len(y), np.int64)
    least_squares(np.ascontiguousarray(x), np.ascontiguousarray(y), np.ascontiguousarray(use), fitted, rank)
    return fitted, rank
