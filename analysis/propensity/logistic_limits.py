"""A logistic model that has no finite maximum is fitted in its limit: `analysis.survival.recession` applied to one
cohort.
"""

from dataclasses import dataclass

import numpy as np

from analysis.kernels.status import Status
from analysis.kernels.stepwise import LogisticBlock, ModelsAsked, ModelsFitted, fit_block
from analysis.survival.recession import Limit, logistic_limit
from simulator.numerics.arrays import Bools, Floats, Ints


@dataclass(frozen=True)
class LimitFit:
    """``beta`` and ``sign (P + 1,)``, the intercept first: NaN with a sign where a coefficient runs off; ``covariance``
    of the others; each patient's ``linear``, ``fitted`` and whether set ``aside (n,)``; the limit's ``loglik``.
    """

    beta: Floats
    sign: Ints
    covariance: Floats
    linear: Floats
    fitted: Floats
    aside: Bools
    loglik: float


def limit_fit(
    x: Floats, y: Bools, weight: Floats | None, *, precise: bool, signs: bool = True
) -> LimitFit | Status:  # fmt: skip
    """The limit of the model of ``y (n,)`` on ``x (n, P)`` and an intercept, or why there is none.

    PS_SEPARATED (the outcome of everybody is predicted), SINGULAR, NOT_CONVERGED. ``precise`` gives the covariance,
    ``signs`` where coefficients run.
    A second look is taken, by linear programmes, where the limit in single columns has no maximum either.
    """
    for exhaustive in (False, True):
        limit = logistic_limit(x, y, exhaustive)
        if (limit.label != 0).all():
            return Status.PS_SEPARATED
        if np.isin(limit.state, (Status.SINGULAR, Status.NO_INFO)).any():
            return Status.SINGULAR
        made = _fitted(x, y, weight, limit, precise, signs)
        if made is not None:
            return made
    return Status.NOT_CONVERGED


def _fitted(
    x: Floats, y: Bools, weight: Floats | None, limit: Limit, precise: bool, signs: bool
) -> LimitFit | None:  # fmt: skip
    """The model of those who stay; None where it has no maximum."""
    stays, columns = limit.label == 0, np.flatnonzero(limit.use[1:])
    n, p = len(y), len(columns)
    beta, covariance = np.full((1, p + 1), np.nan), np.full((int(precise), p + 1, p + 1), np.nan)
    linear, fitted = np.full((1, n), np.nan), np.full((1, n), np.nan)
    loglik, status = np.full(1, np.nan), np.zeros(1, np.int64)
    block = LogisticBlock(
        np.ascontiguousarray(x[None][..., columns]), y[None], stays[None],
        np.empty((0, 0)) if weight is None else np.ascontiguousarray(weight[None]),
    )  # fmt: skip
    made = ModelsFitted(np.zeros((1, p), np.bool_), beta, covariance, linear, fitted, loglik, status)
    fit_block(block, ModelsAsked(np.arange(p), 2.0, False, False, False, True), made)
    if status[0] != Status.OK:
        return None
    places, finite = np.concatenate([[0], 1 + columns]), limit.state == Status.OK
    own, spread = np.full(x.shape[1] + 1, np.nan), np.full((x.shape[1] + 1, x.shape[1] + 1), np.nan)
    own[places] = beta[0]
    if precise:
        spread[np.ix_(places, places)] = covariance[0]
    spread[~finite], spread[:, ~finite] = np.nan, np.nan
    return LimitFit(
        np.where(finite, own, np.nan),
        limit.sign if signs else np.zeros(len(own), np.int64),
        spread,
        np.where(stays, linear[0], np.where(y, np.inf, -np.inf)),
        np.where(stays, fitted[0], y),
        ~stays,
        float(loglik[0]),
    )
