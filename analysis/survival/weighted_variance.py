"""Weighted contrasts of two arms with their derivatives by the weights, from which every standard error follows.

A contrast is a function of the weights w. With g_i its derivative by w_i, the influence of patient i is w_i g_i when
the weights are known: for a Cox coefficient the sum of its squares is Lin and Wei's variance, for a Kaplan-Meier curve
with weights of 1 Greenwood's. Where the weights come from a logistic model, the influence gains what passes through its
coefficients: (sum_j g_j dw_j/dalpha)' I^-1 z_i (A_i - e_i) (Shu, Young, Toh & Wang 2021, Biometrics 77; Hajage,
Chauvet, Belin, Lafourcade, Tubach & De Rycke 2018, Biometrical Journal 60).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.kernels.influence import InfluenceBlock, KmContrasts, add_logistic, cox_gradients, km_contrasts
from analysis.survival.statistics import takes_efron, time_order
from simulator.numerics.arrays import Bools, Floats, Ints, Positions


@dataclass(frozen=True)
class WeightedContrast:
    """Treated minus untreated ``(R,)``, the SE with weights taken for patients, and ``gradient (R, N)`` by weight."""

    value: Floats
    naive_se: Floats
    gradient: Floats
    status: Ints


def km_contrast(
    time: Floats,
    event: Bools,
    treated: Bools,
    weight: Floats,
    horizon: float,
    measure: Literal["rmst", "survival"],
    *,
    present: Bools,
    order: Positions | None = None,
) -> WeightedContrast:
    """The difference of weighted Kaplan-Meier curves: restricted mean to the horizon, or survival at it.

    Patients of weight 0 are left out. Statuses: BAD_INPUT (a weight or time that is infinite, NaN or negative), TOO_FEW
    (an empty arm, or one whose curve ends above 0 before the horizon), NO_EVENTS (none by the horizon).
    """
    rows = len(time)
    value, greenwood = np.full(rows, np.nan), np.full(rows, np.nan)
    gradient, status = np.zeros(time.shape), np.zeros(rows, np.int64)
    block = InfluenceBlock(time, event, treated, weight, present, time_order(time) if order is None else order)
    made = KmContrasts(value, greenwood, gradient, status)
    km_contrasts(block, float(horizon), measure == "rmst", made)
    return WeightedContrast(value, np.sqrt(greenwood), gradient, status)


def cox_gradient(
    time: Floats,
    event: Bools,
    treated: Bools,
    weight: Floats,
    beta: Floats,
    *,
    present: Bools,
    ties: str = "efron",
    order: Positions | None = None,
) -> Floats:
    """The derivative ``(R, N)`` of weighted Cox coefficients of treatment ``beta (R,)`` by each patient's weight."""
    gradient = np.zeros(time.shape)
    block = InfluenceBlock(time, event, treated, weight, present, time_order(time) if order is None else order)
    cox_gradients(block, beta, takes_efron(ties), gradient)
    return gradient


def logistic_influence(
    x: Floats, use: Bools, treated: Bools, fitted: Floats, slope: Floats, *, present: Bools
) -> Floats:
    """What each patient ``(R, N)`` adds to a contrast through the coefficients of the propensity model.

    ``x (R, N, P)`` holds the candidates, ``use (R, P)`` marks those in the model (aliased ones may be among them),
    ``slope`` is the contrast's derivative by each patient's linear predictor.
    """
    influence = np.zeros(treated.shape)
    add_logistic(
        np.ascontiguousarray(x), np.ascontiguousarray(use), treated, np.where(present, fitted, 0.5), present,
        np.where(present, slope, 0.0), influence,
    )  # fmt: skip
    return influence


def se_of(influence: Floats) -> Floats:
    """The standard error ``(R,)``: the root of the sum of squares over patients."""
    return np.sqrt(np.cumsum(influence**2, axis=1)[:, -1])
