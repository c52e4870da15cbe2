"""Whether treatment's effect differs between the levels of a factor, in every cohort of a block.

What `analysis.paper.subgroups` does with one cohort: the likelihood ratio test of treatment x factor over the levels
that occur, or with weights Wald's robust test of the products.
"""

import numpy as np
from scipy.special import chdtrc

from analysis.kernels.status import Status
from analysis.paper.curve_points import Weighed
from analysis.survival import statistics
from analysis.survival.recession import RiskSets, identified
from simulator.cohort.cohorts import Endpoint
from simulator.numerics.arrays import Bools, Floats, Ints, Positions


def interaction_p(
    course: Endpoint, treated: Bools, levels: Bools, present: Bools, ties: str, weights: Weighed | None = None,
    order: Positions | None = None, stratum: Ints | None = None,
) -> Floats:  # fmt: skip
    """The p ``(R,)`` of a factor of two or more ``levels (R, L, N)``; NaN where fewer than two have both arms.

    With a baseline hazard for each ``stratum (R, N)`` where there are some.
    """
    levels = levels & present[:, None]
    both = (levels & treated[:, None]).any(axis=2) & (levels & ~treated[:, None]).any(axis=2)
    reference = both.argmax(axis=1)
    own = np.arange(levels.shape[1]) == reference[:, None]
    arm = treated.astype(np.float64)
    main = np.moveaxis(levels, 1, 2).astype(np.float64)
    x = np.concatenate([arm[..., None], main, main * arm[..., None]], axis=2)
    some = np.ones((len(x), 1), np.bool_)
    small = np.concatenate([some, levels.any(axis=2) & ~own, np.zeros_like(own)], axis=1)
    products = np.concatenate([np.zeros_like(small[:, : 1 + own.shape[1]]), both & ~own], axis=1)
    able = both.sum(axis=1) >= 2

    def fit(columns: Bools) -> statistics.CoxFit:
        return statistics.cox(
            course.time, course.event, x, present=present, columns=columns, ties=ties, order=order,
            weight=None if weights is None else weights.weight, cluster=None if weights is None else weights.cluster,
            stratum=stratum,
        )  # fmt: skip

    large = fit(small | products)
    if weights is not None:
        return np.where(able, _robust_p(large, products), np.nan)
    df = products.sum(axis=1)
    for r in np.flatnonzero(able & (large.status != Status.OK)).tolist():
        labels = np.zeros(x.shape[1], np.int64) if stratum is None else stratum[r]
        df[r] = _identified(course, x[r], present[r], small[r], products[r], r, labels)
    gain = np.maximum(0.0, 2 * (large.loglik - fit(small).loglik))
    with np.errstate(invalid="ignore"):
        return np.where(able & (df > 0), chdtrc(df, gain), np.nan)


def _identified(
    course: Endpoint, x: Floats, here: Bools, small: Bools, products: Bools, r: int, stratum: Ints
) -> int:  # fmt: skip
    """How many of the products the data of a cohort identify."""
    sets = RiskSets(course.time[r, here], course.event[r, here], stratum[here], None)
    columns = np.concatenate([x[here][:, small], x[here][:, products]], axis=1)
    return int(identified(sets, columns, int(small.sum())))


def _robust_p(fit: statistics.CoxFit, products: Bools) -> Floats:
    """Wald's robust test that the products that have a number are 0; NaN where none has."""
    assert fit.robust_covariance is not None
    variance = np.diagonal(fit.robust_covariance, axis1=1, axis2=2)
    known = products & np.isfinite(fit.beta) & np.isfinite(variance)
    df: Ints = known.sum(axis=1)
    p = np.full(len(df), np.nan)
    for r in np.flatnonzero(df):
        covariance, beta = fit.robust_covariance[r][np.ix_(known[r], known[r])], fit.beta[r, known[r]]
        if np.linalg.matrix_rank(covariance, hermitian=True) == df[r]:
            p[r] = float(chdtrc(df[r], float(beta @ np.linalg.solve(covariance, beta))))
    return p
