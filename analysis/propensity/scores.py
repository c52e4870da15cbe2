"""The propensity score that a plan asks for."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analysis.kernels.status import Status
from analysis.plan.analysis_plan import PropensityPlan
from analysis.propensity.learners import boosted, lasso
from analysis.propensity.logistic_models import LogisticFit, StepwiseFit, of_independent, stepwise
from simulator.cohort.addresses import Address
from simulator.numerics.arrays import Bools, Floats

PropensityFit = LogisticFit | StepwiseFit


def propensity_score(
    plan: PropensityPlan,
    x: Floats,
    treated: Bools,
    present: Bools,
    term_of: Sequence[int],
    address: Address,
    true: Floats | None = None,
) -> PropensityFit:
    """The score of every patient by the plan's method; ``true (R, N)`` is the probability of treatment itself.

    The folds of cross-validation are drawn at ``address``.

    ValueError where the true probability is asked for and not known. It has TOO_FEW where there is one arm only.
    """
    match plan.method:
        case "all":
            return of_independent(x, treated, present=present)
        case "stepwise":
            return stepwise(
                x,
                treated,
                term_of,
                present=present,
                direction=plan.direction,
                criterion=plan.criterion,
                alpha=plan.alpha,
                start=plan.start,
            )
        case "lasso":
            luck = address.uniform("propensity folds", treated.shape[1])
            return lasso(x, treated, present, term_of, luck, plan.folds)
        case "boosting":
            return boosted(x, treated, present, term_of, plan.trees, plan.depth)
        case "true":
            if true is None:
                raise ValueError("'method: true' needs simulated patients: of real ones nobody knows it")
            return _known(true, treated, present, x.shape[2], term_of)


def averaged(fits: Sequence[PropensityFit]) -> PropensityFit:
    """The mean probability of several fits, and its logit; coefficients and terms are those of the first.

    The status is the first one that is not OK. Set aside is who has a probability of 0 or 1 in all.
    """
    statuses = np.stack([fit.status for fit in fits])
    status = np.take_along_axis(statuses, np.argmax(statuses != Status.OK, axis=0)[None], axis=0)[0]
    fitted = np.mean([fit.fitted for fit in fits], axis=0)
    aside = np.all([fit.aside for fit in fits], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return replace(fits[0], fitted=fitted, linear=np.log(fitted) - np.log1p(-fitted), status=status, aside=aside)


def _known(true: Floats, treated: Bools, present: Bools, columns: int, term_of: Sequence[int]) -> StepwiseFit:
    rows = len(true)
    aside = present & ((true <= 0) | (true >= 1))
    arms = [(present & ~aside & (treated == arm)).any(axis=1) for arm in (False, True)]
    with np.errstate(divide="ignore"):
        linear = np.where(present, np.log(true) - np.log1p(-true), np.nan)
    failed = np.where(aside.any(axis=1), Status.PS_SEPARATED, Status.TOO_FEW)
    return StepwiseFit(
        np.ones((rows, max(term_of, default=-1) + 1), np.bool_),
        np.full((rows, columns + 1), np.nan),
        linear,
        np.where(present, true, np.nan),
        np.full(rows, np.nan),
        np.where(arms[0] & arms[1], Status.OK, failed).astype(np.int64),
        np.zeros((rows, columns + 1), np.int64),
        aside,
    )
