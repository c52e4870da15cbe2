"""Cox models that have no finite maximum are fitted in their limit: `analysis.survival.recession` applied to a
block.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from analysis.kernels.cox import CoxFits, fit_cox
from analysis.kernels.cox_data import CoxBlock
from analysis.kernels.status import Status
from analysis.survival.recession import RiskSets, cox_limit, runaway
from analysis.survival.survival_data import NO_POSITIONS, SurvivalData, time_order, within
from simulator.numerics.arrays import Bools, Floats, Ints

SOUGHT = (Status.MONOTONE, Status.SINGULAR, Status.NOT_CONVERGED)


@dataclass(frozen=True)
class LimitModel:
    """What a block of models was fitted to, as `analysis.survival.statistics.cox` has it; an empty array is what is not
    used.

    ``refit``, of rows, their strata, which columns they have and what to fill, is how to fit models whose ``data`` only
    says who is at risk when; None for Cox models.
    """

    data: SurvivalData
    x: Floats
    weight: Floats
    cluster: Ints
    clusters: int
    stratum: Ints
    entry: Floats
    efron: bool
    columns: Bools
    refit: Callable[[Ints, Ints, Bools, CoxFits], None] | None = None


@dataclass(frozen=True)
class CoxLimit:
    """What was found, as `analysis.survival.statistics.CoxFit` has it; ``loglik (R, 3)``."""

    beta: Floats
    covariance: Floats
    robust: Floats
    loglik: Floats
    status: Ints
    state: Ints
    sign: Ints
    limit: Floats
    limit_covariance: Floats


def limits(model: LimitModel, found: CoxLimit) -> None:
    """Replaces what was found of models without a maximum by their limit, column by column.

    A second look is taken, by linear programmes, at those whose limit in single columns has no maximum either.
    """
    sick = np.flatnonzero(np.isin(found.status, SOUGHT))
    width = np.full(len(found.status), model.x.shape[2]) if not len(model.columns) else model.columns.sum(axis=1)
    alone = (width[sick] == 1) & (found.status[sick] == Status.MONOTONE)
    for r in sick[alone]:
        _, sets, x, columns = _gathered(model, r)
        sign, towards = runaway(sets, x[:, 0])
        found.sign[r, columns], found.limit[r, columns], found.limit_covariance[r] = sign, towards, 0.0
    sick = sick[~alone]
    for exhaustive in (False, True):
        if len(sick):
            sick = sick[~_settled(model, found, sick, exhaustive)]


def _settled(model: LimitModel, found: CoxLimit, rows: Ints, exhaustive: bool) -> Bools:
    """Which of the rows have a limit with a maximum; fills in what it is."""
    data, width = model.data, model.x.shape[2]
    stratum, use = np.zeros((len(rows), data.time.shape[1]), np.int64), np.zeros((len(rows), width), np.bool_)
    made = []
    for k, r in enumerate(rows):
        inside, sets, x, columns = _gathered(model, r)
        limit = cox_limit(sets, x, exhaustive)
        stratum[k, inside], use[k, columns] = limit.label, limit.use
        made.append((columns, limit))
    beta, covariance = np.full((len(rows), width), np.nan), np.full((len(rows), width, width), np.nan)
    robust = np.full((len(rows) if len(found.robust) else 0, width, width), np.nan)
    loglik, status = np.full((len(rows), 3), np.nan), np.zeros(len(rows), np.int64)
    fits = CoxFits(beta, covariance, robust, loglik, np.zeros((len(rows), 2), np.int64), status)
    (model.refit or partial(_refit, model))(rows, stratum, use, fits)
    settled: Bools = status == Status.OK
    for k, r in enumerate(rows):
        columns, limit = made[k]
        if not settled[k]:
            found.status[r] = found.state[r, columns] = Status.NOT_CONVERGED
            continue
        state, own = limit.state, np.where(use[k], beta[k], 0.0)
        found.state[r, columns], found.sign[r, columns] = state, limit.sign
        found.status[r] = _worst(state)
        finite = columns[state == Status.OK]
        found.beta[r], found.beta[r, finite] = np.nan, beta[k, finite]
        block = np.ix_(finite, finite)
        found.covariance[r][block] = covariance[k][block]
        if len(robust):
            found.robust[r][block] = robust[k][block]
        found.loglik[r, 1] = loglik[k, 1]
        found.limit[r, columns] = own[columns] + limit.towards
        found.limit_covariance[r] = np.where(use[k][:, None] & use[k], covariance[k], 0.0)
    return settled


def _refit(model: LimitModel, rows: Ints, stratum: Ints, use: Bools, fits: CoxFits) -> None:
    """Fits the Cox models of the rows in their strata ``(rows, N)``, with the columns ``use (rows, P)``."""
    data = model.data
    cohort = rows // (len(data.present) // len(data.time))
    weight, entry = (values[cohort] if len(values) else values for values in (model.weight, model.entry))
    cluster = model.cluster[cohort] if len(model.cluster) else model.cluster
    time, order = data.time[cohort], within(stratum, data.order[cohort])
    cohorts = CoxBlock(
        time, data.event[cohort], model.x[cohort], weight, cluster, model.clusters, stratum, entry, order,
        within(stratum, time_order(entry)) if len(entry) else NO_POSITIONS,
    )  # fmt: skip
    fit_cox(cohorts, data.present[rows], model.efron, False, np.ones(len(rows), np.bool_), use, fits)


def _gathered(model: LimitModel, r: int) -> tuple[Ints, RiskSets, Floats, Ints]:
    """Who is in row r, their risk sets and covariates, and which columns these are."""
    data = model.data
    c = r // (len(data.present) // len(data.time))
    here = data.present[r]
    if len(model.weight):
        here = here & (model.weight[c] > 0)
    inside = np.flatnonzero(here)
    stratum = model.stratum[c, inside] if len(model.stratum) else np.zeros(len(inside), np.int64)
    entry = model.entry[c, inside] if len(model.entry) else None
    sets = RiskSets(data.time[c, inside], data.event[c, inside], stratum, entry)
    columns = np.flatnonzero(model.columns[r]) if len(model.columns) else np.arange(model.x.shape[2])
    return inside, sets, model.x[c][np.ix_(inside, columns)], columns


def _worst(state: Ints) -> int:
    """The status of a model from its columns'."""
    if (state == Status.NO_INFO).all():
        return int(Status.NO_INFO) if len(state) else int(Status.OK)
    flat = np.isin(state, (Status.SINGULAR, Status.NO_INFO)).any()
    return int(Status.SINGULAR if flat else Status.MONOTONE if state.any() else Status.OK)
