"""Weights from a propensity score."""

import numpy as np
from numpy.typing import ArrayLike

from analysis.plan.weighting_plan import WeightingPlan, WeightTarget
from simulator.numerics.arrays import Bools, Floats


def ipw(propensity: ArrayLike, treated: ArrayLike, target: WeightTarget = "att") -> Floats:
    """Weights ``(R, N)`` that turn the cohort into the target population, from the propensity e of each patient.

    att: 1 and e / (1 - e); atc: (1 - e) / e and 1; ate: 1 / e and 1 / (1 - e); overlap: 1 - e and e; matching:
    min(e, 1 - e) / e and min(e, 1 - e) / (1 - e), for treated and untreated (Li & Greene 2013; Li, Morgan & Zaslavsky
    2018). Infinite where a patient could not have been in the arm that the target needs.
    """
    e = np.asarray(propensity, dtype=np.float64)
    tilt = {"att": e, "atc": 1 - e, "ate": np.ones_like(e), "overlap": e * (1 - e), "matching": np.minimum(e, 1 - e)}
    with np.errstate(divide="ignore", invalid="ignore"):
        return tilt[target] / np.where(np.asarray(treated, dtype=np.bool_), e, 1 - e)


def ipw_slope(propensity: ArrayLike, treated: ArrayLike, target: WeightTarget = "att") -> Floats:
    """The derivative ``(R, N)`` of the weights by each patient's linear predictor logit(e).

    Matching weights have none at e = 0.5; that of the side above is given.
    """
    e, arm = np.asarray(propensity, dtype=np.float64), np.asarray(treated, dtype=np.bool_)
    with np.errstate(divide="ignore", invalid="ignore"):
        down, up = -(1 - e) / e, e / (1 - e)
    none = np.zeros_like(e)
    arms = {
        "att": (none, up),
        "atc": (down, none),
        "ate": (down, up),
        "overlap": (-e * (1 - e), e * (1 - e)),
        "matching": (np.where(e < 0.5, 0.0, down), np.where(e < 0.5, up, 0.0)),
    }
    return np.where(arm, *arms[target])


def truncated(weight: Floats, present: Bools, quantiles: tuple[float, float]) -> Floats:
    """The weights ``(R, N)`` brought within two quantiles (type 7) of those of the patients present."""
    made = weight.copy()
    for r, inside in enumerate(present):
        if inside.any() and np.isfinite(weight[r, inside]).all():
            low, high = np.quantile(weight[r, inside], quantiles)
            made[r] = np.clip(weight[r], low, high)
    return made


def plan_weights(plan: WeightingPlan, propensity: Floats, treated: Bools, scored: Bools) -> tuple[Floats, Bools]:
    """The weights ``(R, N)`` of a plan, 1 in those who are left out, and who is kept of those with a score.

    Nobody is kept where an arm would be empty.
    """
    kept = scored.copy()
    if plan.trim is not None:
        with np.errstate(invalid="ignore"):
            kept &= (propensity >= plan.trim[0]) & (propensity <= plan.trim[1])
    kept &= (kept & treated).any(axis=1, keepdims=True) & (kept & ~treated).any(axis=1, keepdims=True)
    weight = np.where(kept, ipw(np.where(kept, propensity, 0.5), treated, plan.target), 1.0)
    if plan.stabilised:
        weight = weight * share_of_arm(treated, kept)
    return weight if plan.truncate is None else truncated(weight, kept, plan.truncate), kept


def share_of_arm(treated: Bools, kept: Bools) -> Floats:
    """The share of each patient's own arm among those kept ``(R, N)``, 1 where that arm is empty."""
    size = np.maximum(kept.sum(axis=1, keepdims=True), 1)
    share = (kept & treated).sum(axis=1, keepdims=True) / size
    own = np.where(treated, share, 1 - share)
    return np.where(own > 0, own, 1.0)
