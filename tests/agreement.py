"""How far two results are apart, as one number."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tests.oracle import Bools, Floats, Frozen, vector


def gap(value: ArrayLike, truth: ArrayLike, scale: ArrayLike = 0.0) -> float:
    """The largest |value - truth| relative to |truth|, or to ``scale`` where that is larger.

    Equal infinities and two NaN agree; a NaN, an infinity or a shape on one side only is infinitely far.
    """
    v, t = np.asarray(value, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if v.shape != t.shape:
        return np.inf
    same = (v == t) | (np.isnan(v) & np.isnan(t))
    usable = np.isfinite(v) & np.isfinite(t) & ~same
    if not (same | usable).all():
        return np.inf
    unit = np.broadcast_to(np.maximum(np.abs(t), scale), t.shape)[usable]
    with np.errstate(divide="ignore"):
        return float((np.abs(v[usable] - t[usable]) / unit).max(initial=0.0))


@dataclass(frozen=True)
class CoxNumbers:
    """What is compared of a Cox fit; ``robust_se`` None without clusters."""

    beta: Floats
    se: Floats
    loglik: float
    loglik_null: float
    score_test: float
    robust_se: Floats | None = None


def cox_gap(fit: CoxNumbers, answer: Frozen) -> float:
    """The largest relative gap to R's coxph.

    A coefficient below its standard error is compared on the scale of that, a robust standard error below a millionth
    of the model's (two opposite clusters cancel) on the scale of a millionth, a score test below 1e-6 on that scale.
    """
    se = vector(answer["se"])
    gaps = [
        gap(fit.beta, vector(answer["beta"]), se),
        gap(fit.se, se),
        gap([fit.loglik_null, fit.loglik], answer["loglik"]),
        gap(fit.score_test, answer["score"], 1e-6),
    ]
    if fit.robust_se is not None:
        gaps.append(gap(fit.robust_se, vector(answer["robust_se"]), 1e-6 * se))
    return max(gaps)


def quantile_gap(time: Floats, event: Bools, answer: Frozen, quantile: Callable[..., ArrayLike]) -> float:
    """The largest gap of the quartiles and their limits, of all three kinds, to R's print(survfit)."""
    kinds = ("log", "log-log", "plain")
    mine = [np.array([quantile(time, event, q, kind) for q in (0.25, 0.5, 0.75)]) for kind in kinds]
    return max(gap(m.ravel(), answer[kind]) for m, kind in zip(mine, kinds, strict=True))


@dataclass(frozen=True)
class LogRankNumbers:
    """What is compared of a log-rank test."""

    chi2: float
    p: float
    variance: float
    observed: Floats
    expected: Floats


def logrank_gap(test: LogRankNumbers, answer: Frozen) -> float:
    """The largest gap to R's survdiff; a chi-square below 1e-6 on that scale."""
    gaps = [gap(test.chi2, answer["chi2"], 1e-6), gap(test.p, answer["p"]), gap(test.variance, answer["variance"])]
    return max(*gaps, gap(test.observed, answer["observed"]), gap(test.expected, answer["expected"]))


def logistic_gap(beta: Floats, covariance: Floats, loglik: float, answer: Frozen) -> float:
    """The largest gap to R's glm; a coefficient below its standard error on the scale of that."""
    se = vector(answer["se"])
    own = [gap(beta, vector(answer["beta"]), se), gap(np.sqrt(np.diag(covariance)), se)]
    return max(*own, gap(-2 * loglik, answer["deviance"]))


STEP_CALLS = (
    "both_full_aic",
    "both_full_bic",
    "backward_full_aic",
    "forward_empty_aic",
    "forward_empty_bic",
    "both_empty_aic",
)


def matched_sets(answer: Frozen, treated: Bools, replacement: bool) -> dict[int, list[int]]:
    """R's controls of each treated unit; with replacement in ascending order, because R gives them in none."""
    units = [int(i) for i in np.flatnonzero(treated)]
    rows = np.reshape(answer["controls"], (len(units), -1)) if "controls" in answer else np.empty((len(units), 0))
    sets = [[int(j) for j in row if j >= 0] for row in rows]
    return {unit: sorted(mine) if replacement else mine for unit, mine in zip(units, sets, strict=True)}
