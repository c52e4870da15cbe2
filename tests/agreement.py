"""How far two results are apart, as one number."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tests.oracle import Floats, Frozen, Survival, vector


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


def block_of(case: Survival, keep: tuple[str, ...] = ("weight", "stratum", "entry", "cluster")) -> dict[str, object]:
    """The arguments of analysis.survival.cox for one cohort, as a block of one."""
    options = {name: values[None] for name, values in case.options.items() if name in keep}
    return {"time": case.time[None], "event": case.event[None], "x": case.x[None]} | options
