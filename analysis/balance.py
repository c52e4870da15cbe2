"""Balance of covariates between the arms."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis import tests
from analysis.kernels.status import Status
from simulator.cohort import Floats


def smd(
    x: ArrayLike,
    treated: ArrayLike,
    *,
    present: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    spread: ArrayLike | None = None,
) -> Floats:
    """Standardised mean differences ``(R, P)`` of ``x (A, N, P)``: (m1 - m0) / sqrt((v1 + v0) / 2).

    ``present (R, N)`` may have G times as many rows as there are cohorts, as in `analysis.tests`. Means are weighted
    where weights ``(R, N)`` are given. Variances are those of the unweighted present patients: sample variances
    (n - 1), but p (1 - p) for a column of zeros and ones (Austin 2009, Statistics in Medicine 28:3083), or of the
    patients in ``spread``, shaped as ``present``: those before matching, so that a narrower sample is not blamed for it
    (Stuart 2010, Statistical Science 25:11). NaN where an arm is empty; where neither arm varies 0 if the means agree,
    else infinite.
    """
    sample = tests.Sample.of(x, treated, present)
    columns = range(sample.x.shape[2])
    found = tests.moments(sample, columns, weight)
    dividing = found if spread is None else tests.moments(tests.Sample.of(x, treated, spread), columns)
    return smd_of(found.mean if weight is None else found.weighted, variances(dividing))


def smd_status(value: Floats) -> NDArray[np.int64]:
    """The statuses of standardised differences: NO_INFO where infinite (no arm varies), TOO_FEW where NaN, else OK."""
    absent = np.where(np.isnan(value), int(Status.TOO_FEW), int(Status.OK))
    return np.where(np.isinf(value), int(Status.NO_INFO), absent).astype(np.int64)


def variances(found: tests.Moments) -> Floats:
    """The variances ``(R, P, 2)`` that a standardised difference divides by: p (1 - p) of zeros and ones."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(found.binary[..., None], found.mean * (1 - found.mean), found.variance)


def smd_of(mean: Floats, variance: Floats) -> Floats:
    """The standardised differences of means and variances by arm, untreated first on the last axis."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        difference, both = mean[..., 1] - mean[..., 0], variance[..., 0] + variance[..., 1]
        return np.where((difference == 0) & (both == 0), 0.0, difference / np.sqrt(both / 2))
