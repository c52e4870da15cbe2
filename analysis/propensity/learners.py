"""Propensity scores by the lasso and by gradient boosting, cohort by cohort."""

from collections.abc import Sequence

import numpy as np

from analysis.kernels.boosting import boost
from analysis.kernels.lasso import cross_validated
from analysis.kernels.status import Status
from analysis.propensity.logistic_models import StepwiseFit
from simulator.numerics.arrays import Bools, Floats, Ints

PENALTIES = 30
"""Penalties that cross-validation tries, from the one that keeps nothing down to a thousandth of it."""
RATE = 0.1
"""The learning rate of boosting."""
MOST_BINS = 512


def lasso(
    x: Floats, treated: Bools, present: Bools, term_of: Sequence[int], luck: Floats, folds: int = 10
) -> StepwiseFit:
    """Logistic regression with an L1 penalty on standardised columns ``(R, N, P)`` (Tibshirani 1996).

    The penalty has the smallest cross-validated deviance; ``luck (R, N)`` puts patients into folds, within each arm.
    A term is selected when one of its columns has a coefficient. ``aic`` is NaN. Statuses: TOO_FEW, an arm has fewer
    patients than there are folds; NOT_CONVERGED; BAD_INPUT (NaN among present rows).
    """
    made = _empty(x, term_of)
    for r in range(len(x)):
        here = np.flatnonzero(present[r])
        y, rows = treated[r, here], x[r, here]
        made.status[r] = _unsuited(rows, y, folds)
        if made.status[r] != Status.OK:
            continue
        centre, spread = rows.mean(axis=0), rows.std(axis=0)
        use = np.flatnonzero(spread > 0)
        z = (rows[:, use] - centre[use]) / spread[use]
        beta = _lasso_of(z, y, _folds(luck[r, here], y, folds), folds) if len(use) else np.array([_logit(y.mean())])
        if beta is None:
            made.status[r] = Status.NOT_CONVERGED
            continue
        own = np.zeros(x.shape[2])
        own[use] = beta[1:] / spread[use]
        made.beta[r] = [beta[0] - own @ np.where(np.isin(np.arange(len(own)), use), centre, 0.0), *own]
        made.selected[r, np.asarray(term_of)[own != 0]] = True
        made.linear[r, here] = made.beta[r, 0] + rows[:, use] @ own[use]
        made.fitted[r, here] = 1 / (1 + np.exp(-made.linear[r, here]))
    return made


def boosted(
    x: Floats, treated: Bools, present: Bools, term_of: Sequence[int], trees: int = 100, depth: int = 3
) -> StepwiseFit:
    """Gradient boosting of the logistic deviance with a learning rate of 0.1 (Friedman 2001; McCaffrey et al. 2004).

    Splits lie between any two values of a column that has at most 512, else between 512 groups of as many patients. All
    terms count as selected; ``beta`` and ``aic`` are NaN. Statuses: TOO_FEW, only one arm; BAD_INPUT (NaN among present
    rows); NO_INFO, no column varies.
    """
    made = _empty(x, term_of)
    made.selected[:] = True
    for r in range(len(x)):
        here = np.flatnonzero(present[r])
        y, rows = treated[r, here], x[r, here]
        made.status[r] = _unsuited(rows, y, 1)
        if made.status[r] == Status.OK and not (np.ptp(rows, axis=0) > 0).any():
            made.status[r] = Status.NO_INFO
        if made.status[r] == Status.OK:
            code = np.array([_binned(column) for column in rows.T])
            eta = np.empty(len(here))
            boost(code, code.max(axis=1) + 1, y.astype(np.float64), trees, depth, RATE, eta)
            made.linear[r, here] = eta
            made.fitted[r, here] = 1 / (1 + np.exp(-eta))
    return made


def _binned(values: Floats) -> Ints:
    """The number of each value among those that occur; of the group that it falls into where too many do."""
    distinct, number = np.unique(values, return_inverse=True)
    if len(distinct) > MOST_BINS:
        group = np.searchsorted(np.sort(values), distinct) * MOST_BINS // len(values)
        number = np.unique(group, return_inverse=True)[1][number]
    return number.astype(np.int64)


def _empty(x: Floats, term_of: Sequence[int]) -> StepwiseFit:
    rows, patients, columns = x.shape
    nothing = np.full((rows, patients), np.nan)
    return StepwiseFit(
        np.zeros((rows, max(term_of, default=-1) + 1), np.bool_),
        np.full((rows, columns + 1), np.nan),
        nothing,
        nothing.copy(),
        np.full(rows, np.nan),
        np.zeros(rows, np.int64),
        np.zeros((rows, columns + 1), np.int64),
        np.zeros((rows, patients), np.bool_),
    )


def _unsuited(rows: Floats, y: Bools, least: int) -> int:
    if not np.isfinite(rows).all():
        return Status.BAD_INPUT
    return Status.TOO_FEW if min(y.sum(), (~y).sum()) < least else Status.OK


def _folds(luck: Floats, y: Bools, folds: int) -> Ints:
    """The fold of each patient ``(n,)``, both arms spread evenly."""
    fold = np.zeros(len(y), np.int64)
    for arm in (False, True):
        members = np.flatnonzero(y == arm)
        fold[members[np.argsort(luck[members], kind="stable")]] = np.arange(len(members)) % folds
    return fold


def _lasso_of(z: Floats, y: Bools, fold: Ints, folds: int) -> Floats | None:
    """Intercept and coefficients of standardised columns ``(n, P)``; None where a fit did not converge."""
    most = np.abs(z.T @ (y - y.mean())).max()
    beta = np.array([_logit(y.mean()), *np.zeros(z.shape[1])])
    if not most > 1e-9 * len(y):
        return beta
    columns = np.concatenate([np.ones((1, len(y))), z.T])
    best = cross_validated(columns, y.astype(np.float64), fold, folds, most / np.logspace(0, 3, PENALTIES), beta)
    return None if best < 0 else beta


def _logit(share: float) -> float:
    return float(np.log(share / (1 - share)))
