"""The bootstrap of patients: samples drawn within each cohort, and what the estimates from them say."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.estimators.base import Sample
from analysis.kernels.status import Status
from simulator.cohort.cohorts import Endpoint
from simulator.numerics.arrays import Bools, Floats, Ints
from simulator.numerics.streams import Streams

S = TypeVar("S", bound=np.generic)


def drawn_patients(sample: Sample, draw: int) -> tuple[Ints, Bools]:
    """Places of the patients drawn with replacement among those present ``(R, N)``, and how far a row is filled.

    Numbers at (seed, stream, replicate, patient, draw).
    """
    present = sample.observed.present
    luck = Streams(sample.seed).uniform("bootstrap of patients", sample.replicates, present.shape[1], draw)
    chosen = np.zeros(present.shape, np.int64)
    inside = np.zeros(present.shape, np.bool_)
    for r, here in enumerate(present):
        members = np.flatnonzero(here)
        chosen[r, : len(members)] = members[(luck[r, : len(members)] * len(members)).astype(np.int64)]
        inside[r, : len(members)] = True
    return chosen, inside


def resampled(sample: Sample, endpoint: str, draw: int) -> Sample:
    """A sample in which the patients present are drawn with replacement, as many as there were, in every cohort.

    Of the observed, only covariates, treatment with its start, and that endpoint come along; and all that hangs on the
    patients: their true propensity, and the imputed data sets whose scores are averaged, in which the same are drawn.
    """
    chosen, inside = drawn_patients(sample, draw)
    whole = _with_patients(sample, endpoint, chosen, inside)
    others = (_with_patients(replace(one, score_of=()), endpoint, chosen, inside) for one in sample.score_of)
    return replace(whole, score_of=tuple(others))


def _with_patients(sample: Sample, endpoint: str, chosen: Ints, inside: Bools) -> Sample:
    """The sample of those patients, in that order."""

    def drawn(values: NDArray[S]) -> NDArray[S]:
        return np.take_along_axis(values, chosen, axis=1)

    observed, true = sample.observed, sample.true_propensity
    course = observed.endpoints[endpoint]
    rival = None if course.competing is None else drawn(course.competing)
    made = replace(
        observed,
        covariates=np.take_along_axis(observed.covariates, chosen[..., None], axis=1),
        treated=drawn(observed.treated),
        present=inside & drawn(observed.present),
        endpoints={endpoint: Endpoint(drawn(course.time), drawn(course.event), rival)},
        binary={},
        exposure={},
        modes={},
        delay=None if observed.delay is None else drawn(observed.delay),
    )
    return replace(sample, observed=made, true_propensity=None if true is None else drawn(true))


def bootstrapped(
    sample: Sample, endpoint: str, resamples: int, once: Callable[[Sample], tuple[Floats, Ints]]
) -> tuple[Floats, Ints]:
    """The estimates ``(resamples, R)`` that ``once`` finds in each resample, NaN where it fails, and a status ``(R,)``.

    NOT_CONVERGED where fewer than two, or fewer than half, of a cohort's resamples have an estimate.
    """
    values = np.full((resamples, len(sample.replicates)), np.nan)
    for draw in range(resamples):
        value, status = once(resampled(sample, endpoint, draw))
        values[draw] = np.where(status == Status.OK, value, np.nan)
    found = np.isfinite(values).sum(axis=0)
    enough = (found >= 2) & (2 * found >= resamples)
    return values, np.where(enough, int(Status.OK), int(Status.NOT_CONVERGED))


def spread(values: Floats, level: float) -> tuple[Floats, Floats, Floats]:
    """SD and percentile limits ``(R,)`` of bootstrap estimates ``(resamples, R)``, of those that are finite."""
    made = np.full((3, values.shape[1]), np.nan)
    for r, column in enumerate(np.ascontiguousarray(values.T)):
        finite = column[np.isfinite(column)]
        if len(finite) >= 2:
            made[0, r] = finite.std(ddof=1)
            made[1:, r] = np.quantile(finite, [0.5 - level / 2, 0.5 + level / 2])
    return made[0], made[1], made[2]
