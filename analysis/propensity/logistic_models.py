"""Logistic regression on all candidates, or on those that R's `step` keeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtri

from analysis.kernels.status import Status
from analysis.kernels.stepwise import LogisticBlock, ModelsAsked, ModelsFitted, fit_block
from analysis.propensity.logistic_limits import limit_fit
from analysis.survival.columns import estimable
from simulator.numerics.arrays import Bools, Floats, Ints


@dataclass(frozen=True)
class LogisticFit:
    """Logistic regressions ``(R,)``: ``beta (R, P + 1)`` intercept first; ``linear`` and ``fitted`` ``(R, N)``.

    Where the likelihood rises for ever (quasi-complete separation) this is its limit (`analysis.survival.recession`): a
    coefficient that runs off is NaN with its ``sign (R, P + 1)``, 1, -1 or 0 (either way); ``aside (R, N)`` marks those
    whose probability goes to 0 or 1, their linear predictor infinite; all else is that of a fit to the others.

    NaN where ``status`` is not OK: PS_SEPARATED (that would be everybody), SINGULAR (constant or collinear columns,
    where R would report NA), TOO_FEW (one arm only), BAD_INPUT (NaN among present rows), NOT_CONVERGED.
    """

    beta: Floats
    covariance: Floats  # (R, P + 1, P + 1)
    linear: Floats
    fitted: Floats
    loglik: Floats
    aic: Floats
    n: Ints
    status: Ints
    sign: Ints
    aside: Bools


@dataclass(frozen=True)
class StepwiseFit:
    """Selected models: ``selected (R, G)`` terms; ``beta (R, P + 1)`` is 0 for what was not selected. NaN as above.

    Candidates that others make (a constant, a copy) are left out as R's ``step`` does; a column of a selected factor
    that is none of its own has 0 too. SINGULAR remains where models on that path have no maximum.
    """

    selected: Bools
    beta: Floats
    linear: Floats
    fitted: Floats
    aic: Floats
    status: Ints
    sign: Ints
    aside: Bools


def logistic(
    x: ArrayLike, y: ArrayLike, *, present: ArrayLike | None = None, weight: ArrayLike | None = None
) -> LogisticFit:
    """Maximum likelihood fits of ``y (R, N)`` on the columns of ``x (R, N, P)``, an intercept added."""
    x = np.asarray(x, dtype=np.float64)
    terms = np.arange(x.shape[2])
    return _fit(x, y, terms, present, weight, "none", False, True)[0]


def stepwise(
    x: ArrayLike,
    y: ArrayLike,
    term_of: Sequence[int],
    *,
    present: ArrayLike | None = None,
    direction: Literal["both", "forward", "backward"] = "both",
    criterion: Literal["aic", "bic", "p"] = "aic",
    alpha: float = 0.05,
    start: Literal["full", "empty"] = "full",
) -> StepwiseFit:
    """The models that R's ``step`` selects; ``term_of (P,)`` gives each column's term, and a term moves as a whole.

    ``criterion: p`` is ``step`` with k = the chi-square quantile of one degree of freedom that ``alpha`` leaves above
    it: a term of one column stays, or enters, when its likelihood ratio p is below ``alpha``; one of d columns needs
    d times that gain.
    """
    terms = np.asarray(term_of, dtype=np.int64)
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.bool_)
    here = np.ones(y.shape, np.bool_) if present is None else np.asarray(present, dtype=np.bool_)
    bayes, full = criterion == "bic", start == "full"
    cost = float(chdtri(1, alpha)) if criterion == "p" else 2.0
    fit, chosen = _fit(x, y, terms, here, None, direction, bayes, full, cost)
    for r in np.flatnonzero((fit.status == Status.SINGULAR) | (fit.status == Status.NOT_CONVERGED)):
        price = float(np.log(here[r].sum())) if bayes else cost
        found = _among_aliased(x[r], y[r], here[r], terms, direction, price, full)
        if found is None:
            continue
        chosen[r], columns = found
        own = logistic(x[r : r + 1][..., columns], y[r : r + 1], present=here[r : r + 1])
        fit.beta[r] = 0.0
        fit.beta[r, [0, *(1 + k for k in columns)]] = own.beta[0]
        fit.linear[r], fit.fitted[r], fit.status[r] = own.linear[0], own.fitted[0], own.status[0]
        fit.sign[r, [0, *(1 + k for k in columns)]], fit.aside[r] = own.sign[0], own.aside[0]
        free = 1 + len(columns)
        fit.aic[r] = price * free - 2.0 * own.loglik[0]
    return StepwiseFit(chosen, fit.beta, fit.linear, fit.fitted, fit.aic, fit.status, fit.sign, fit.aside)


def of_independent(x: ArrayLike, y: ArrayLike, *, present: ArrayLike) -> LogisticFit:
    """`logistic` of the columns that earlier ones do not make; the others' coefficients are 0, as in `stepwise`."""
    x, y, present = np.asarray(x, dtype=np.float64), np.asarray(y), np.asarray(present, dtype=np.bool_)
    fit = logistic(x, y, present=present)
    for r in np.flatnonzero(fit.status == Status.SINGULAR):
        states = estimable(x[r, present[r]])
        columns = [k for k, state in enumerate(states) if state == Status.OK]
        if not columns:
            continue
        own = logistic(x[r : r + 1][..., columns], y[r : r + 1], present=present[r : r + 1])
        places = [0, *(1 + k for k in columns)]
        fit.beta[r] = np.where(own.status[0] == Status.OK, 0.0, np.nan)
        fit.beta[r, places], fit.sign[r, places] = own.beta[0], own.sign[0]
        fit.covariance[r][np.ix_(places, places)] = own.covariance[0]
        for name in ("linear", "fitted", "loglik", "aic", "status", "aside"):
            getattr(fit, name)[r] = getattr(own, name)[0]
    return fit


def _fit(
    x: Floats,
    y: ArrayLike,
    terms: Ints,
    present: ArrayLike | None,
    weight: ArrayLike | None,
    direction: str,
    bayes: bool,
    full: bool,
    cost: float = 2.0,
    signs: bool = True,
) -> tuple[LogisticFit, Bools]:
    x = np.ascontiguousarray(x)
    r, n, p = x.shape
    y = np.ascontiguousarray(y, dtype=np.bool_)
    here = np.ones((r, n), np.bool_) if present is None else np.ascontiguousarray(present, dtype=np.bool_)
    prior = np.empty((0, 0)) if weight is None else np.ascontiguousarray(weight, dtype=np.float64)
    chosen = np.zeros((r, int(terms.max()) + 1 if p else 0), np.bool_)
    beta = np.full((r, p + 1), np.nan)
    linear, fitted = np.full((r, n), np.nan), np.full((r, n), np.nan)
    covariance = np.full((r if direction == "none" else 0, p + 1, p + 1), np.nan)
    loglik, status = np.full(r, np.nan), np.zeros(r, np.int64)
    asked = ModelsAsked(terms, cost, bayes, direction in ("both", "backward"), direction in ("both", "forward"), full)
    made = ModelsFitted(chosen, beta, covariance, linear, fitted, loglik, status)
    fit_block(LogisticBlock(x, y, here, prior), asked, made)
    sign, aside = np.zeros(beta.shape, np.int64), np.zeros((r, n), np.bool_)
    fit = LogisticFit(
        beta, covariance, linear, fitted, loglik, np.full(r, np.nan), here.sum(axis=1), status, sign, aside
    )
    sick = status == Status.PS_SEPARATED
    if direction == "none":
        sick |= status == Status.NOT_CONVERGED
    for row in np.flatnonzero(sick):
        inside = np.flatnonzero(here[row] & (prior[row] > 0) if len(prior) else here[row])
        weighs = prior[row, inside] if len(prior) else None
        _take_limit(fit, int(row), inside, np.flatnonzero(chosen[row, terms]), x[row], y[row, inside], weighs, signs)
    loglik[status != Status.OK] = np.nan
    free = 1 + chosen[:, terms].sum(axis=1) if p else np.ones(r)
    fit.aic[:] = (np.log(fit.n) if bayes else cost) * free - 2.0 * loglik
    return fit, chosen


def _take_limit(
    fit: LogisticFit, row: int, inside: Ints, columns: Ints, x: Floats, y: Bools, weight: Floats | None, signs: bool
) -> None:
    """Gives a row of ``fit`` the limit of its likelihood, or the status why there is none.

    ``inside`` are the patients of whom ``y`` and ``weight`` are, ``columns`` those of ``x (N, P)`` that the model has.
    """
    precise = len(fit.covariance) > 0
    found = limit_fit(x[np.ix_(inside, columns)], y, weight, precise=precise, signs=signs)
    if isinstance(found, Status):
        fit.status[row] = found
        return
    places = np.concatenate([[0], 1 + columns])
    fit.status[row], fit.loglik[row], fit.beta[row] = Status.OK, found.loglik, 0.0
    fit.beta[row, places], fit.sign[row, places] = found.beta, found.sign
    fit.linear[row, inside], fit.fitted[row, inside] = found.linear, found.fitted
    fit.aside[row, inside] = found.aside
    if precise:
        fit.covariance[row][np.ix_(places, places)] = found.covariance


def _among_aliased(
    x: Floats, y: Bools, here: Bools, terms: Ints, direction: str, price: float, full: bool
) -> tuple[Bools, list[int]] | None:
    """The terms that `step` selects in one cohort with collinear candidates, and the columns of theirs that count.

    As in R, a term without which the model has the same rank leaves first, the last such term before others, and one
    that adds no rank never enters. None where a model on the way has no maximum.
    """
    known: dict[tuple[bool, ...], tuple[float, list[int]]] = {}

    def fitted(chosen: Bools) -> tuple[float, list[int]]:
        key = tuple(chosen.tolist())
        if key not in known:
            own = np.flatnonzero(chosen[terms])
            states = estimable(x[here][:, own])
            columns = [int(k) for k, state in zip(own, states, strict=True) if state == Status.OK]
            design = np.ascontiguousarray(x[None][..., columns])
            fit = _fit(design, y[None], np.arange(len(columns)), here[None], None, "none", False, True, signs=False)[0]
            known[key] = (float(price * (1 + len(columns)) - 2 * fit.loglik[0]), columns)
        return known[key]

    def without(chosen: Bools, term: int) -> Bools:
        other: Bools = chosen ^ (np.arange(len(chosen)) == term)
        return other

    chosen = np.full(int(terms.max()) + 1, full)
    while True:
        best, columns = fitted(chosen)
        inside, outside = np.flatnonzero(chosen), np.flatnonzero(~chosen)
        drops = [without(chosen, int(term)) for term in inside] if direction != "forward" else []
        idle = [one for one in drops if len(fitted(one)[1]) == len(columns)]
        if idle:
            chosen = idle[-1]
            continue
        adds = [without(chosen, int(term)) for term in outside] if direction != "backward" else []
        options = [*drops, *(one for one in adds if len(fitted(one)[1]) > len(columns))]
        values = [fitted(one)[0] for one in options]
        if np.isnan([best, *values]).any():
            return None
        place = int(np.argmin(values)) if values else -1
        if place < 0 or values[place] >= best:
            return chosen, columns
        chosen = options[place]
