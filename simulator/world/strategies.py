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
from simulator.numerics.arrays import Floats
from simulator.numerics.elementary import choose
from simulator.numerics.streams import Luck, Streams
from simulator.world.courses import Baseline, ResolvedCourses, censoring_times, latent_courses, seen_courses
from simulator.world.endpoint_times import EndpointTimes
from simulator.world.generate import ResolvedWorld, at_time_zero

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

    Drop-out is that which tells nothing, at the rate of the treatment that a patient is under. Where a state
    prevents a start nobody can follow the first strategy; ValueError.
    """
    world, late = resolved.world, resolved.world.treatment.start
    if late and late.prevented_by:
        raise ValueError(
            f"'{late.prevented_by[0]}' prevents the start of treatment: nobody can be asked to start within grace"
        )
    drawn = Luck(Streams(seed, luck), replicates, world.screened(patients))
    begun = at_time_zero(resolved, seed, replicates, drawn.patients)
    starts = _starts(resolved.courses, drawn, begun, grace)
    arms = [_under(resolved.courses, drawn, begun, start) for start in starts]
    return {name: (arms[0][name], arms[1][name]) for name in arms[0]}


def _starts(resolved: ResolvedCourses, drawn: Luck, begun: Baseline, grace: float) -> tuple[Floats, Floats]:
    """When treatment starts ``(R, N)`` under either strategy in whoever lives to see it; +inf if never."""
    late, shape = resolved.world.treatment.start, begun.assigned.shape
    waiting, longer = np.zeros(shape), 0.0
    after = np.full(shape, np.inf)
    if late:
        waiting = late.draw(drawn)
        hazard = late.wait.pieces()
        spent = float(hazard.cumulative(np.array(grace)))
        longer = float(np.exp(-spent))
        after = hazard.time(spent + drawn.exponential("strategy/wait"))
    natural = np.where(begun.assigned, waiting, np.inf)
    own = begun.propensity * longer
    goes_on = drawn.uniform("strategy") < own / np.maximum(own + 1.0 - begun.propensity, 1e-300)
    within = natural <= grace
    never_within = np.where(within, np.where(goes_on, np.maximum(after, grace), np.inf), natural)
    return never_within, np.minimum(natural, grace)


def _under(resolved: ResolvedCourses, drawn: Luck, begun: Baseline, start: Floats) -> dict[str, Endpoint]:
    """The endpoints of every patient whose treatment starts at ``start (R, N)``."""
    courses = latent_courses(resolved, drawn, begun, start).courses
    begins = start < courses[1].end
    zero, one = seen_courses(resolved, courses, start)
    plain, _ = censoring_times(resolved, drawn, begun, courses, start)
    ends = choose(begins, plain[1], plain[0])
    untreated, treated = (EndpointTimes.of(resolved.world.endpoints, course) for course in (zero, one))
    return treated.with_other(untreated, lambda yes, no: choose(begins, yes, no)).observed(ends)
