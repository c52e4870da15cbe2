"""Worlds whose observed data are the same, and whose counterfactual courses have luck of their own."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.cohort.cohorts import Cohorts, Endpoint
from simulator.numerics.arrays import Bools
from simulator.world.generate import ResolvedWorld, generate
from simulator.world.strategies import followed


def independent(
    resolved: ResolvedWorld, seed: int, replicates: NDArray[np.int64], patients: int | None = None, luck: str = ""
) -> Cohorts:
    """`generate`, the course that a patient did not take being drawn with other luck: what is observed is the same."""
    own = generate(resolved, seed, replicates, patients, luck)
    other = generate(resolved, seed, replicates, patients, f"{luck}/other")
    treated, mine, theirs = own.hidden.assigned, own.hidden, other.hidden  # whatever became of the assignment
    eligible = np.stack([np.where(treated == (arm == 1), mine.eligible[arm], theirs.eligible[arm]) for arm in (0, 1)])
    starts = mine.starts
    if starts is not None and theirs.starts is not None:
        starts = np.where(treated, starts, theirs.starts)
    hidden = replace(
        mine,
        potential=_mixed(treated, mine.potential, theirs.potential),
        until=_mixed(treated, mine.until, theirs.until),
        latent=_mixed(treated, mine.latent, theirs.latent),
        binary=_mixed(treated, mine.binary, theirs.binary),
        eligible=eligible,
        starts=starts,
    )
    return replace(own, hidden=hidden)


def independently_followed(
    resolved: ResolvedWorld,
    seed: int,
    replicates: NDArray[np.int64],
    grace: float,
    luck: str = "",
    patients: int | None = None,
) -> dict[str, tuple[Endpoint, Endpoint]]:
    """`followed`, the second strategy with luck of its own."""
    one = followed(resolved, seed, replicates, grace, luck, patients)
    two = followed(resolved, seed, replicates, grace, f"{luck}/other", patients)
    return {name: (one[name][0], two[name][1]) for name in one}


def _mixed(treated: Bools, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Each arm's course from ``mine`` where it was the one received, else from ``theirs``."""
    return {
        name: (_chosen(~treated, mine[name][0], theirs[name][0]), _chosen(treated, mine[name][1], theirs[name][1]))
        for name in mine
    }


def _chosen(received: Bools, mine: Any, theirs: Any) -> Any:
    if isinstance(mine, Endpoint):
        rival = None if mine.competing is None else np.where(received, mine.competing, theirs.competing)
        return Endpoint(np.where(received, mine.time, theirs.time), np.where(received, mine.event, theirs.event), rival)
    return np.where(received, mine, theirs)
