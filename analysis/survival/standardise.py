"""G-computation: survival curves standardised from a multivariable Cox model, and contrasts of the two.

S_a(t) is the mean over a population of exp(-H0(t) exp(linear predictor with treatment a)), H0 Breslow's or Efron's.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from analysis.kernels import curve_contrasts
from analysis.kernels.standardise import CurveContrasts, FittedBlock, standardise
from analysis.kernels.status import Status
from analysis.survival import statistics as survival
from analysis.survival.survival_data import SurvivalData
from simulator.numerics.arrays import Bools, Floats, Ints, Positions

ContrastMeasure = Literal["marginal_log_hr", "rmst_difference", "survival_difference"]
StandardisedTo = Literal["all", "treated", "untreated"]

MEASURES = {
    "marginal_log_hr": curve_contrasts.LOG_HR,
    "rmst_difference": curve_contrasts.RMST,
    "survival_difference": curve_contrasts.SURVIVAL,
}


@dataclass(frozen=True)
class Standardised:
    """The contrast treated minus untreated with its SE ``(R,)``, each patient's ``influence (R, N)`` on it (0 for the
    absent), and the curves ``survival (R, 2, N)``, untreated first, from the event times ``time (R, N)`` on.

    Times and curves end in NaN; all is NaN where ``status`` is not OK.
    """

    value: Floats
    se: Floats
    influence: Floats
    time: Floats
    survival: Floats
    n: Ints
    events: Ints
    status: Ints


def standardised(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    x: ArrayLike,
    *,
    measure: ContrastMeasure = "marginal_log_hr",
    horizon: float = np.nan,
    target: StandardisedTo = "all",
    interactions: tuple[int, ...] = (),
    present: ArrayLike | None = None,
    ties: str = "efron",
    order: Positions | None = None,
) -> Standardised:
    """The contrast of the two curves standardised to ``target``, from a Cox model of treatment, the columns of
    ``x (R, N, C)``, and treatment times the columns ``interactions``; one analysis set per cohort.

    rmst_difference: difference of the areas to ``horizon``; survival_difference: of the curves there.
    marginal_log_hr: the b that solves sum_k W_k (L1_k - exp(b) L0_k) = 0 over the event times, L the steps of -log S_a,
    W = Y1 Y0 / (Y1 exp(b) + Y0), Y_a = G_a S_a just before, G_a Kaplan-Meier's share of the arm not yet censored. That
    is Cox's score in a cohort in which the population is followed once in each arm, with that arm's censoring, taken as
    independent of covariates. Without covariates it is the Cox coefficient itself.

    The SE sums the squares of the derivatives by each patient's case weight (infinitesimal jackknife): coefficients,
    baseline, population and censoring all count as estimated; the model is taken as true or not alike.
    A covariate whose coefficient runs off to infinity counts with the limit of its predictions, one that others make
    with none. Statuses: treatment's in `survival.cox`, TOO_FEW (nobody in the target, or ``horizon`` beyond the last
    follow-up), NO_INFO (an SE of 0), NOT_CONVERGED.
    """
    data = SurvivalData.of(time, event, present, order)
    arm, columns = data.bools(treated), data.covariates(x)
    columns = _centred(columns, data.present)
    by_arm = arm[..., None].astype(np.float64)
    fit = survival.cox(
        data.time,
        data.event,
        np.concatenate([by_arm, columns, by_arm * columns[..., list(interactions)]], axis=-1),
        present=data.present,
        ties=ties,
        order=data.order,
    )
    member = data.present & {"all": np.ones_like(arm), "treated": arm, "untreated": ~arm}[target]
    rows, n = data.present.shape
    value, influence = np.full(rows, np.nan), np.full((rows, n), np.nan)
    when, curves = np.full((rows, n), np.nan), np.full((rows, 2, n), np.nan)
    known = np.isin(fit.status, (Status.MONOTONE, Status.SINGULAR)) & np.isfinite(fit.limit).all(axis=1)
    status = np.where(known & (fit.state[:, 0] == Status.OK), Status.OK, fit.status)
    block = FittedBlock(
        data.time, data.event, arm, data.present, member, data.order, columns, np.array(interactions, np.int64),
        fit.limit, fit.limit_covariance,
    )  # fmt: skip
    found = CurveContrasts(value, influence, when, curves, status)
    standardise(block, survival.takes_efron(ties), MEASURES[measure], float(horizon), found)
    se = np.sqrt((influence**2).sum(axis=1))
    status[(status == Status.OK) & ~(se > 0)] = Status.NO_INFO
    for made in (value, se, influence, when, curves):
        made[status != Status.OK] = np.nan
    return Standardised(value, se, influence, when, curves, fit.n, fit.events, status)


def _centred(columns: Floats, present: Bools) -> Floats:
    """The columns ``(R, N, C)`` less their means over those who are present."""
    size = np.maximum(present.sum(axis=1), 1)
    centre = np.where(present[..., None], columns, 0.0).sum(axis=1) / size[:, None]
    with np.errstate(invalid="ignore"):  # infinite covariates become NaN: BAD_INPUT
        return np.ascontiguousarray(columns - centre[:, None])
