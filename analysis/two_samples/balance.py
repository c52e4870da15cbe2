"""Balance of covariates between the arms."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.kernels.status import Status
from analysis.two_samples import tests
from simulator.numerics.arrays import Floats


def smd(
    x: ArrayLike,
    treated: ArrayLike,
    *,
    present: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    spread: ArrayLike | None = None,
) -> Floats:
    """Standardised mean differences ``(R, P)`` of ``x (A, N, P)``: (m1 - m0) / sqrt((v1 + v0) / 2).

    ``present (R, N)`` may have G times as many rows as there are cohorts, as in `analysis.two_samples.tests`. Variances
    are those of the present patients: sample variances (n - 1), but p (1 - p) for a column of zeros and ones (Austin
    2009, Statistics in Medicine 28:3083); or of the patients in ``spread``, shaped as ``present``: those before
    matching, so that a narrower sample is not blamed for it (Stuart 2010, Statistical Science 25:11). With weights
    ``(R, N)`` means are weighted, and so are variances of the present, as R's ``svyvar`` (compare Austin 2008,
    Pharmacoepidemiology and Drug Safety 17:1218, on many-to-one matching). NaN where an arm is empty; where neither arm
    varies 0 if the means agree, else infinite.
    """
    sample = tests.TwoGroups.of(x, treated, present)
    columns = range(sample.x.shape[2])
    found = tests.moments(sample, columns, weight)
    mean = found.mean if weight is None else found.weighted
    if spread is not None:
        return smd_of(mean, variances(tests.moments(tests.TwoGroups.of(x, treated, spread), columns)))
    if weight is None:
        return smd_of(mean, variances(found))
    return smd_of(mean, _weighted_variances(sample, found, np.asarray(weight, dtype=np.float64)))


def _weighted_variances(sample: tests.TwoGroups, found: tests.GroupMoments, weight: Floats) -> Floats:
    """The weighted variances ``(R, P, 2)`` of the patients of a weight above 0; p (1 - p) of zeros and ones."""
    each = len(sample.present) // max(len(sample.x), 1)
    x, group = np.repeat(sample.x, each, axis=0), np.repeat(sample.group, each, axis=0)
    made = np.empty(found.mean.shape)
    for arm in (0, 1):
        own = np.where(sample.present & (group == arm), weight, 0.0)
        n, total = (own > 0).sum(axis=1)[:, None], own.sum(axis=1)[:, None]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            off = np.where(own[..., None] > 0, x - found.weighted[:, None, :, arm], 0.0)
            spread = (own[..., None] * off**2).sum(axis=1) / total * n / (n - 1.0)
            mean = found.weighted[..., arm]
            made[..., arm] = np.where(found.binary, mean * (1 - mean), spread)
    return made


def smd_status(value: Floats) -> NDArray[np.int64]:
    """The statuses of standardised differences: NO_INFO where infinite (no arm varies), TOO_FEW where NaN, else OK."""
    absent = np.where(np.isnan(value), int(Status.TOO_FEW), int(Status.OK))
    return np.where(np.isinf(value), int(Status.NO_INFO), absent).astype(np.int64)


def variances(found: tests.GroupMoments) -> Floats:
    """The variances ``(R, P, 2)`` that a standardised difference divides by: p (1 - p) of zeros and ones."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(found.binary[..., None], found.mean * (1 - found.mean), found.variance)


def smd_of(mean: Floats, variance: Floats) -> Floats:
    """The standardised differences of means and variances by arm, untreated first on the last axis."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        difference, both = mean[..., 1] - mean[..., 0], variance[..., 0] + variance[..., 1]
        return np.where((difference == 0) & (both == 0), 0.0, difference / np.sqrt(both / 2))
