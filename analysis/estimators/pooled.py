"""Samples made of cohorts with missing covariates, and estimates pooled over imputed ones by Rubin's rules."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import stdtr, stdtrit

from analysis.estimators import Estimator
from analysis.estimators.base import Estimate, Sample, with_status
from analysis.estimators.own_process import PATIENCE
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan
from analysis.propensity.missing import completed, indicators
from simulator.cohort.cohorts import Observed
from simulator.numerics.arrays import Floats, Ints
from simulator.numerics.elementary import summed


def samples_of(
    observed: Observed,
    names: Sequence[str],
    plan: Plan,
    replicates: Ints,
    seed: int,
    true_propensity: Floats | None = None,
    patience: float | None = PATIENCE,
) -> tuple[Sample, ...]:
    """The cohorts as the plan makes them whole, one sample per imputation; ``names`` may have missing values.

    ``patience`` is how many seconds a user's own function may take over one of them.
    """
    whole = completed(observed, names, plan.missing, replicates, seed)
    plan = plan.with_terms(indicators(names, plan.missing))
    made = tuple(Sample(one, plan, replicates, seed, true_propensity, patience=patience) for one in whole)
    if plan.missing.score == "within":
        return made
    return tuple(replace(one, score_of=made) for one in made)


def estimated(samples: Sequence[Sample], estimator: Estimator, endpoint: str) -> Estimate:
    """The estimator's estimate, pooled where there are several samples."""
    made = [estimator.estimate(sample, endpoint) for sample in samples]
    return made[0] if len(made) == 1 else pooled(made, samples[0].plan.survival.level)


def pooled(made: Sequence[Estimate], level: float = 0.95) -> Estimate:
    """The estimates of M imputed data sets as one (Rubin 1987, eqs. 3.1.2-3.1.6).

    The variance is the mean of theirs and (1 + 1/M) times that between them; limits and p are of Student's t. What has
    no SE keeps the median of the M p-values. ``n`` and ``events`` are means, rounded. A failure of one fails all.
    """
    count = len(made)
    values, errors = np.stack([one.value for one in made]), np.stack([one.se for one in made])
    statuses = np.stack([one.status for one in made])
    failed = np.argmax(statuses != Status.OK, axis=0)
    status = np.take_along_axis(statuses, failed[None], axis=0)[0]
    value, within = summed(values) / count, summed(errors**2) / count
    between = summed((values - value) ** 2) / (count - 1)
    extra = (1 + 1 / count) * between
    se = np.sqrt(within + extra)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        freedom = np.where(extra > 1e-15 * within, (count - 1) * (1 + within / extra) ** 2, np.inf)
        freedom = np.minimum(freedom, 1e12)
        half = stdtrit(freedom, 0.5 + level / 2) * se
        p = np.where(
            np.isfinite(se), 2 * stdtr(freedom, -np.abs(value / se)), np.median([one.p for one in made], axis=0)
        )
    n, events = (
        np.rint(np.mean(one, axis=0)).astype(np.int64) for one in ([m.n for m in made], [m.events for m in made])
    )
    return with_status(
        Estimate(value, se, value - half, value + half, p, n, events, np.full(len(n), Status.OK)), status
    )
