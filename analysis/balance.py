"""Balance of covariates between the arms."""

import numpy as np
from numpy.typing import ArrayLike

from simulator.cohort import Floats


def smd(
    x: ArrayLike, treated: ArrayLike, *, present: ArrayLike | None = None, weight: ArrayLike | None = None
) -> Floats:
    """Standardised mean differences ``(R, P)`` of ``x (R, N, P)``: (m1 - m0) / sqrt((v1 + v0) / 2).

    Means are weighted where weights are given. Variances are those of the unweighted present patients: sample variances
    (n - 1), but p (1 - p) for a column of zeros and ones (Austin 2009, Statistics in Medicine 28:3083). NaN where
    an arm is empty or neither varies; 0 where means agree and neither varies.
    """
    values = np.asarray(x, dtype=np.float64)
    arm = np.asarray(treated, dtype=np.bool_)
    here = np.ones(arm.shape, np.bool_) if present is None else np.asarray(present, dtype=np.bool_)
    values = np.where(here[..., None], values, 0.0)
    share = np.ones(arm.shape) if weight is None else np.asarray(weight, dtype=np.float64)
    binary = np.all((values == 0) | (values == 1), axis=1)
    mean, variance = [], []
    with np.errstate(divide="ignore", invalid="ignore"):
        for members in (here & arm, here & ~arm):
            own = np.where(members, share, 0.0)[..., None]
            mean.append((own * values).sum(axis=1) / own.sum(axis=1))
            n = members.sum(axis=1)[:, None]
            plain = np.where(members[..., None], values, 0.0).sum(axis=1) / n
            spread = np.where(members[..., None], (values - plain[:, None]) ** 2, 0.0).sum(axis=1)
            variance.append(np.where(binary, plain * (1 - plain), spread / (n - 1)))
        difference = mean[0] - mean[1]
        ratio = difference / np.sqrt((variance[0] + variance[1]) / 2)
    return np.where((difference == 0) & (variance[0] + variance[1] == 0), 0.0, ratio)
