"""Standard errors clustered by a covariate, such as the centre: the clusters, and what cannot be clustered by."""

from collections.abc import Mapping

import numpy as np

from analysis.estimators.base import Estimate, Sample, with_status
from analysis.kernels.status import Status
from simulator.cohort.terms import Variable
from simulator.numerics.arrays import Bools, Ints


def check_cluster(cluster: str | None, variables: Mapping[str, Variable]) -> None:
    """ValueError where an SE cannot be clustered by that covariate."""
    if cluster is None:
        return
    if cluster not in variables:
        known = ", ".join(name for name, one in variables.items() if one.kind != "continuous") or "none"
        raise ValueError(f"cluster: no covariate '{cluster}'; those with levels are: {known}")
    if variables[cluster].kind == "continuous":
        raise ValueError(f"cluster: '{cluster}' has no levels; name a covariate with levels, such as the centre")


def clusters_of(sample: Sample, cluster: str | None) -> Ints | None:
    """The number of each patient's cluster ``(R, N)``, those who lack one being one; None where none is named."""
    if cluster is None:
        return None
    codes = sample.observed.covariates[..., sample.observed.names.index(cluster)]
    return np.where(np.isnan(codes), 0, codes + 1).astype(np.int64)


def several_clusters(found: Estimate, clusters: Ints | None, present: Bools) -> Estimate:
    """The estimate, TOO_FEW where all who are analysed are of one cluster: its sums add up to 0, whatever the SE is."""
    if clusters is None:
        return found
    most, least = np.where(present, clusters, -1).max(axis=1), np.where(present, clusters, clusters.max()).min(axis=1)
    alone = (most <= least) & np.isin(found.status, (Status.OK, Status.NO_INFO))
    return with_status(found, np.where(alone, int(Status.TOO_FEW), int(Status.OK)))
