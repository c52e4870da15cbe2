"""Survival statistics of a block of cohorts: Cox models, Kaplan-Meier, log-rank tests.

Arrays are ``(R, N)``: R cohorts of N patients, ``x (R, N, P)``. ``present`` marks the analysis set; it may have G times
as many rows as there are cohorts, G analysis sets for each (its row r is of cohort r // G), and results then have as
many rows. What absent patients hold is never read. A sorted endpoint may be shared: ``order=time_order(time)``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.kernels.cox import CoxFits, fit_cox
from analysis.kernels.cox_binary import BinaryFits, fit_binary
from analysis.kernels.cox_data import CoxBlock
from analysis.kernels.risk_sets import SortedBlock
from analysis.kernels.status import Status
from analysis.survival.cox_limits import CoxLimit, LimitModel, limits
from analysis.survival.kaplan_meier import (
    ConfType,
    KmCurve,
    Quantile,
    Rmst,
    SurvivalAt,
    kaplan_meier,
    km_quantile,
    normal_quantile,
    rmst,
    survival_at,
)
from analysis.survival.survival_data import NO_FLOATS, NO_INTS, NO_POSITIONS, SurvivalData, numbered, time_order, within
from analysis.survival.weighted_logrank import LogRank, MaxComboTest, logrank, maxcombo
from simulator.numerics.arrays import Bools, Floats, Ints, Positions

__all__ = [
    "ConfType",
    "CoxEach",
    "CoxFit",
    "KmCurve",
    "LogRank",
    "MaxComboTest",
    "Quantile",
    "Rmst",
    "SurvivalAt",
    "cox",
    "cox_each",
    "kaplan_meier",
    "km_quantile",
    "logrank",
    "maxcombo",
    "normal_quantile",
    "rmst",
    "survival_at",
    "takes_efron",
    "time_order",
]


@dataclass(frozen=True)
class CoxFit:
    """Cox models with P covariates: NaN where a column's ``state`` is not OK, which ``status`` is where all are.

    ``sign`` says where to a MONOTONE coefficient runs: 1, -1, or 0 where it may go either way; the others are those of
    the limit. ``limit``, with ``limit_covariance``, are coefficients that predict as the limit does, to rounding (large
    ones for those that run away); NaN where the data do not say how. Still given for a failed fit: ``loglik``, that of
    the limit, with the score test and the log-likelihood at zero if MONOTONE, and equal to the latter if NO_INFO.
    """

    beta: Floats  # (R, P)
    se: Floats
    covariance: Floats  # (R, P, P), the inverse information
    robust_se: Floats | None
    robust_covariance: Floats | None
    loglik: Floats  # (R,)
    loglik_null: Floats
    score_test: Floats
    n: Ints
    events: Ints
    status: Ints
    state: Ints  # (R, P)
    sign: Ints
    limit: Floats
    limit_covariance: Floats


@dataclass(frozen=True)
class CoxEach:
    """P separate Cox models of one covariate each, ``(R, P)``; ``n`` and ``events`` ``(R,)``. NaN as in `CoxFit`."""

    beta: Floats
    se: Floats
    loglik: Floats
    loglik_null: Floats
    score_test: Floats
    n: Ints
    events: Ints
    status: Ints


def cox(
    time: ArrayLike,
    event: ArrayLike,
    x: ArrayLike,
    *,
    present: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    stratum: ArrayLike | None = None,
    entry: ArrayLike | None = None,
    columns: ArrayLike | None = None,
    start: ArrayLike | None = None,
    ties: str = "efron",
    order: Positions | None = None,
) -> CoxFit:
    """Cox models, one per analysis set, as R's coxph at its optimum.

    ``weight`` are case weights (patients of weight 0 are left out), ``cluster`` integers within which the robust
    (Lin-Wei) covariance sums the weighted dfbeta residuals, ``entry`` the time after which a patient is at risk,
    ``columns (R, P)`` those of ``x`` that a row's model has (the others' results are NaN),
    ``start (R, P)`` coefficients to begin from (0 for NaN; what is known at zero is then not worked out).

    Statuses, the first that applies: BAD_INPUT (NaN or infinity, a negative weight, entry not before time), TOO_FEW
    (under two patients), NO_EVENTS, NO_INFO (no covariate varies in any risk set of an event), SINGULAR, MONOTONE,
    NOT_CONVERGED. A column's state is SINGULAR where a direction that the likelihood does not see moves it (NO_INFO if
    alone it is one), MONOTONE where a direction of recession does (`analysis.survival.recession`), else OK: one rare
    level leaves the other columns their numbers. MONOTONE is exact: for one covariate every event has the extreme value
    of its risk set, always on the same side; for several, Newton's method gives those that do not settle to a search.
    """
    data = SurvivalData.of(time, event, present, order)
    x = data.covariates(x)
    p_count, clustered = x.shape[2], cluster is not None
    wanted = np.zeros((0, p_count), np.bool_) if columns is None else np.ascontiguousarray(columns, dtype=np.bool_)
    weights, strata, entries = data.floats(weight), data.ints(stratum), data.floats(entry)
    model = LimitModel(data, x, weights, *numbered(data.ints(cluster)), strata, entries, takes_efron(ties), wanted)
    beta = np.full((len(data.present), p_count), np.nan) if start is None else np.nan_to_num(start, nan=0.0)
    simple = p_count == 1 and weight is None and stratum is None and entry is None and columns is None and start is None
    fits = _fitted(model, beta, start is not None, clustered, simple)
    _, covariance, robust, loglik, counts, status = fits
    beta[np.isnan(np.diagonal(covariance, axis1=1, axis2=2))] = np.nan
    state, sign = np.repeat(status[:, None], p_count, axis=1), np.zeros(beta.shape, np.int64)
    found = CoxLimit(beta, covariance, robust, loglik, status, state, sign, beta.copy(), covariance.copy())
    limits(model, found)
    return CoxFit(
        beta,
        np.sqrt(np.diagonal(covariance, axis1=1, axis2=2)),
        covariance,
        np.sqrt(np.diagonal(robust, axis1=1, axis2=2)) if clustered else None,
        robust if clustered else None,
        loglik[:, 1],
        loglik[:, 0],
        loglik[:, 2],
        counts[:, 0],
        counts[:, 1],
        status,
        state,
        sign,
        found.limit,
        found.limit_covariance,
    )


def _fitted(model: LimitModel, beta: Floats, started: bool, clustered: bool, simple: bool) -> CoxFits:
    """The models, one status for each, from the coefficients ``beta (R, P)``, which are filled.

    ``simple``: one covariate and no more asked than clusters, so that a 0/1 one may go the short way.
    """
    rows, p_count = beta.shape
    fits = CoxFits(
        beta, np.full((rows, p_count, p_count), np.nan), np.full((rows if clustered else 0, p_count, p_count), np.nan),
        np.full((rows, 3), np.nan), np.zeros((rows, 2), np.int64), np.zeros(rows, np.int64),
    )  # fmt: skip
    rounds = [(started, np.ones(rows, np.bool_))]
    if simple:
        other = _fit_alone(model, fits)
        rounds = [(False, other), *([(True, ~other & (fits.status == Status.OK))] if clustered else [])]
    for onwards, which in rounds:
        if which.any():
            _fit_together(model, onwards, which, fits)
    return fits


def _fit_alone(model: LimitModel, fits: CoxFits) -> Bools:
    """The rows ``(R,)`` in which the one covariate is not 0/1; fills the others, but for robust covariances."""
    other, data = np.zeros(len(fits.status), np.bool_), model.data
    block = SortedBlock(data.time, data.event, model.x, NO_INTS, data.order)
    alone = BinaryFits(
        fits.beta, fits.covariance[:, 0], fits.loglik[:, None], fits.counts, fits.status[:, None], other[:, None]
    )
    fit_binary(block, data.present, model.efron, alone)
    return other


def _fit_together(model: LimitModel, started: bool, which: Bools, fits: CoxFits) -> None:
    """Fills the rows ``which (R,)``; if ``started``, coefficients begin from what they are."""
    data, strata, entries = model.data, model.stratum, model.entry
    block = CoxBlock(
        data.time, data.event, model.x, model.weight, model.cluster, model.clusters, strata, entries,
        within(strata, data.order), within(strata, time_order(entries)) if len(entries) else NO_POSITIONS,
    )  # fmt: skip
    fit_cox(block, data.present, model.efron, started, which, model.columns, fits)


def cox_each(
    time: ArrayLike,
    event: ArrayLike,
    x: ArrayLike,
    *,
    present: ArrayLike | None = None,
    ties: str = "efron",
    likelihoods: bool = True,
    order: Positions | None = None,
) -> CoxEach:
    """P univariable Cox models of the columns of ``x``; the 0/1 columns share one pass over the risk sets.

    Statuses as in `cox`, each column having its own. Without ``likelihoods`` log-likelihoods and score test are NaN.
    """
    data = SurvivalData.of(time, event, present, order)
    x = data.covariates(x)
    shape = (len(data.present), x.shape[2])
    beta, variance, loglik = np.full(shape, np.nan), np.full(shape, np.nan), np.full((*shape, 3), np.nan)
    counts, status = np.zeros((shape[0], 2), np.int64), np.zeros(shape, np.int64)
    other = np.zeros(shape, np.bool_)
    binary = BinaryFits(beta, variance, loglik if likelihoods else loglik[:0], counts, status, other)
    fit_binary(SortedBlock(data.time, data.event, x, NO_INTS, data.order), data.present, takes_efron(ties), binary)
    for p in np.flatnonzero(other.any(axis=0)):
        column = np.ascontiguousarray(x[:, :, p : p + 1])
        todo = np.ascontiguousarray(other[:, p])
        block = CoxBlock(
            data.time, data.event, column, NO_FLOATS, NO_INTS, 0, NO_INTS, NO_FLOATS, data.order, NO_POSITIONS
        )
        fits = CoxFits(
            np.full((shape[0], 1), np.nan), np.full((shape[0], 1, 1), np.nan), np.empty((0, 1, 1)),
            np.full((shape[0], 3), np.nan), np.zeros((shape[0], 2), np.int64), np.zeros(shape[0], np.int64),
        )  # fmt: skip
        fit_cox(block, data.present, takes_efron(ties), False, todo, np.zeros((0, 1), np.bool_), fits)
        beta[todo, p], variance[todo, p] = fits.beta[todo, 0], fits.covariance[todo, 0, 0]
        loglik[todo, p], status[todo, p] = fits.loglik[todo], fits.status[todo]
    return CoxEach(
        beta, np.sqrt(variance), loglik[..., 1], loglik[..., 0], loglik[..., 2], counts[:, 0], counts[:, 1], status
    )


def takes_efron(ties: str) -> bool:
    """Whether ties are handled by Efron's method, not Breslow's; ValueError for another name."""
    if ties not in ("efron", "breslow"):
        raise ValueError(f"ties is '{ties}'; 'efron' or 'breslow' is wanted")
    return ties == "efron"
