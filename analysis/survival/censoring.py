"""Inverse probability of censoring weights: survival contrasts where censoring depends on measured covariates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.kernels.censoring import CensoredBlock, CensoringContrasts, censoring_weighted
from analysis.kernels.status import Status
from analysis.survival import statistics
from analysis.survival.standardise import MEASURES, ContrastMeasure
from analysis.survival.survival_data import SurvivalData
from simulator.numerics.arrays import Floats, Ints, Positions


@dataclass(frozen=True)
class CensoringWeighted:
    """The contrast treated minus untreated with its SE ``(R,)``; ``influence`` and ``weight (R, N)``, the weight at
    the last event time at which the patient was at risk. NaN where ``status`` is not OK.
    """

    value: Floats
    se: Floats
    influence: Floats
    weight: Floats
    n: Ints
    events: Ints
    status: Ints


def censoring_score(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    x: ArrayLike,
    *,
    present: ArrayLike | None = None,
    order: Positions | None = None,
) -> tuple[Floats, Ints]:
    """Each patient's relative hazard of being censored ``(R, N)``, and the status of its model.

    A Cox model of censoring on ``x (R, N, C)``, stratified by arm with common coefficients (Breslow's ties), centred at
    the mean; 1 for all where nobody is censored or no covariate can tell (NO_EVENTS, NO_INFO count as OK). A model
    without a maximum gives the relative hazards of its limit.
    """
    data = SurvivalData.of(time, event, present, order)
    columns, arm = data.covariates(x), data.bools(treated)
    here = data.present[..., None]
    centre = np.where(here, columns, 0.0).sum(axis=1) / np.maximum(here.sum(axis=1), 1)
    with np.errstate(invalid="ignore"):  # infinite covariates become NaN: BAD_INPUT
        columns = np.where(here, columns - centre[:, None], 0.0)
    if not columns.shape[2]:
        return np.ones(data.present.shape), np.zeros(len(columns), np.int64)
    fit = statistics.cox(
        data.time, ~data.event, columns, present=data.present, stratum=arm, ties="breslow", order=data.order
    )
    idle = (fit.status == Status.NO_EVENTS) | (fit.status == Status.NO_INFO)
    known = np.logical_and.reduce(np.isfinite(fit.limit), axis=1)
    idle |= known
    beta = np.where(known[:, None], fit.limit, 0.0)
    with np.errstate(invalid="ignore", over="ignore"):
        score = np.exp((columns * beta[:, None]).sum(axis=2))
    return score, np.where(idle, Status.OK, fit.status).astype(np.int64)


def censoring_weighted_contrast(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    score: ArrayLike,
    *,
    measure: ContrastMeasure = "marginal_log_hr",
    horizon: float = np.nan,
    weight: ArrayLike | None = None,
    present: ArrayLike | None = None,
    ties: str = "efron",
    order: Positions | None = None,
) -> CensoringWeighted:
    """The contrast with weights G_a(t-) / G(t- | covariates, arm) at each event time t, times ``weight (R, N)``.

    G_a is the share of the arm not yet censored, G the patient's own by the Cox model whose relative hazards are
    ``score`` (Robins & Finkelstein 2000, Biometrics 56:779, stabilised). A log hazard ratio is that of a Cox model with
    these time-varying weights, the same as of one row per patient and interval between event times; survival and its
    restricted mean come from weighted Kaplan-Meier curves, where G_a cancels. The SE is robust (Lin & Wei 1989), all
    weights taken as known. Statuses as in `survival.cox`; TOO_FEW also where ``horizon`` lies beyond the last follow-up
    of an arm whose curve has not reached 0.
    """
    data = SurvivalData.of(time, event, present, order)
    rows, n = data.present.shape
    base = np.ones((rows, n)) if weight is None else data.floats(weight)
    here = data.present & (base > 0)
    status = np.zeros(rows, np.int64)
    made = CensoringContrasts(np.full(rows, np.nan), np.full((rows, n), np.nan), np.full((rows, n), np.nan), status)
    block = CensoredBlock(
        data.time, data.event, data.bools(treated), data.present, data.order, base, data.floats(score)
    )
    censoring_weighted(block, statistics.takes_efron(ties), MEASURES[measure], float(horizon), made)
    se = np.sqrt((made.influence**2).sum(axis=1))
    status[(status == Status.OK) & ~(se > 0)] = Status.NO_INFO
    for one in (made.value, made.influence, made.weight, se):
        one[status != Status.OK] = np.nan
    events = (here & data.event).sum(axis=1)
    return CensoringWeighted(made.value, se, made.influence, made.weight, here.sum(axis=1), events, status)
