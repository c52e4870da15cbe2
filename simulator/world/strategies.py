"""Courses under two strategies of starting treatment: within a grace period, or not within it.

A patient's natural start is the world's: after the wait in who is assigned to treatment, never in others. Under the
first strategy treatment starts then, or at the end of grace in whoever still waits. Under the second nobody starts
within grace; after it starts come as they do in those who have not started by then: who is assigned and still waits
keeps the wait, and of those whose natural start lay within grace a share e G / (e G + 1 - e) waits on from the end of
grace, e being the propensity and G the probability of a longer wait. These are the strategies of clone-censor-weight
analyses (Maringe, Benitez Majano, Exarchakou et al. 2020, Int J Epidemiol 49:1719).
"""

import numpy as np
from numpy.typing import NDArray

from simulator.cohort.cohorts import Endpoint
from simulator.mechanisms import progression_modes, treatment_start
from simulator.mechanisms.followup import observe
from simulator.mechanisms.outcomes import Course
from simulator.numerics.arrays import Floats
from simulator.numerics.elementary import choose
from simulator.numerics.streams import Streams
from simulator.world.generate import (
    Baseline,
    ResolvedWorld,
    at_time_zero,
    censoring_times,
    latent_courses,
    seen_courses,
)

BothEndpoints = tuple[Endpoint, Endpoint]


def followed(
    resolved: ResolvedWorld,
    seed: int,
    replicates: NDArray[np.int64],
    grace: float,
    luck: str = "",
    patients: int | None = None,
) -> dict[str, BothEndpoints]:
    """Each endpoint of every patient ``(R, N)`` under both strategies, not to start within ``grace`` first.

    Drop-out is that which tells nothing, at the rate of the treatment that a patient is under. Where progression
    prevents a start nobody can follow the first strategy; ValueError.
    """
    world, streams = resolved.world, Streams(seed, luck)
    late = world.treatment.start
    if late and late.progression_prevents:
        raise ValueError("progression prevents the start of treatment: nobody can be asked to start within grace")
    n = world.screened(patients)
    begun = at_time_zero(resolved, seed, replicates, n)
    starts = _starts(resolved, streams, replicates, begun, grace)
    arms = [_under(resolved, streams, replicates, begun, start) for start in starts]
    return {name: (arms[0][name], arms[1][name]) for name in arms[0]}


def _starts(
    resolved: ResolvedWorld, streams: Streams, replicates: NDArray[np.int64], begun: Baseline, grace: float
) -> tuple[Floats, Floats]:
    """When treatment starts ``(R, N)`` under either strategy in whoever lives to see it; +inf if never."""
    late, shape = resolved.world.treatment.start, begun.entry.shape
    waiting, longer = np.zeros(shape), 0.0
    after = np.full(shape, np.inf)
    if late:
        waiting = treatment_start.waits(late, streams, replicates, shape[1])
        hazard = late.wait.pieces()
        spent = float(hazard.cumulative(np.array(grace)))
        longer = float(np.exp(-spent))
        after = hazard.time(spent + streams.exponential("strategy/wait", replicates, shape[1]))
    natural = np.where(begun.assigned, waiting, np.inf)
    own = begun.propensity * longer
    goes_on = streams.uniform("strategy", replicates, shape[1]) < own / np.maximum(own + 1.0 - begun.propensity, 1e-300)
    within = natural <= grace
    never_within = np.where(within, np.where(goes_on, np.maximum(after, grace), np.inf), natural)
    return never_within, np.minimum(natural, grace)


def _under(
    resolved: ResolvedWorld, streams: Streams, replicates: NDArray[np.int64], begun: Baseline, start: Floats
) -> dict[str, Endpoint]:
    """The endpoints of every patient whose treatment starts at ``start (R, N)``."""
    world, n = resolved.world, start.shape[1]
    luck = {name: streams.uniform(f"transition/{name}", replicates, n) for name in world.outcomes.transitions()}
    modes = resolved.recorded.modes
    shown = progression_modes.draw(modes, streams, replicates, n) if modes else None
    (zero, late), _ = latent_courses(resolved, streams, replicates, begun.linear, luck, begun.frailty, shown, start)
    begins = start < late.os
    seen = seen_courses(world, (zero, late), start)
    course = Course(choose(begins, seen[1].pfs, seen[0].pfs), choose(begins, seen[1].os, seen[0].os))
    plain, _ = censoring_times(resolved, streams, replicates, begun.linear, begun.frailty, begun.administrative, start)
    ends = choose(begins, plain[1], plain[0])
    return {"OS": observe(course.os, ends), "PFS": observe(course.pfs, ends)}
