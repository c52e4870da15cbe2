"""Cohorts from a world: the data-generating process, step by step.

Time zero (`at_time_zero`), the courses of both arms (`simulator.world.courses`), what each arm's life holds (`lives`),
who starts a late treatment (`late_start`), the arm that is received (`chosen`), and what is written down of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from simulator.cohort import predictors
from simulator.cohort.cohorts import Cohorts, Endpoint, Hidden, Observed, OnDemand
from simulator.mechanisms import covariates, imperfections, progression_modes, records, treatment, treatment_start
from simulator.mechanisms.contract import AtEntry
from simulator.mechanisms.entry import first_qualified
from simulator.mechanisms.followup import censored_at, stopped
from simulator.mechanisms.graph import Course
from simulator.mechanisms.randomisation import Randomised
from simulator.numerics.arrays import Bools, Floats, Positions
from simulator.numerics.elementary import Either, choose
from simulator.numerics.streams import Luck, Streams
from simulator.world import courses
from simulator.world.courses import (
    Baseline,
    LatentCourses,
    ResolvedCourses,
    censoring_times,
    latent_courses,
    seen_courses,
)
from simulator.world.endpoint_times import EndpointTimes
from simulator.world.sections import World

T = TypeVar("T")
IN_TIME = "entry before the end of the study"
"""The last criterion where a number of events ends follow-up: nobody takes the place of who fails it."""
REFERENCE_SEED = 0  # the world's own constants do not depend on a study's seed


@dataclass(frozen=True)
class ResolvedWorld:
    """A world made ready to generate from; built once per scenario by `resolve`.

    ``averages`` are to be taken from the linear predictors at these places: those of hazards of average patients.
    """

    world: World
    baseline: covariates.ResolvedPopulation
    allocation: treatment.Allocation
    predictors: predictors.Predictors
    averages: Mapping[str, float]
    courses: ResolvedCourses
    recorded: records.ResolvedRecords
    mean_entry: float
    imperfections: imperfections.ResolvedImperfections | None


@dataclass(frozen=True)
class Reference:
    """The reference patients of a world: covariates ``values (K, 1, M)`` of its ``population``."""

    population: covariates.Population
    values: Floats


def resolve(world: World) -> ResolvedWorld:
    """The world with everything worked out that does not depend on a replicate."""
    return resolve_beside(world, None)[0]


def resolve_beside(world: World, other: Reference | None) -> tuple[ResolvedWorld, Reference]:
    """The same, and its reference patients: those of another world where its population is the same."""
    population = world.pooled()
    baseline, around, modes = covariates.resolve(population), world.around(), world.outcomes.progression_modes
    resolved = courses.resolve(world, progression_modes.resolve(modes, around.courses) if modes else None)
    unused = [resolved.modifiers_of(name) for name in resolved.graph.transitions if name not in resolved.modified]
    sums = {place: terms for place, terms in around.sums().items() if place not in unused}
    prepared = predictors.resolve(sums, baseline.variables)
    if other is not None and other.population == population:
        values = other.values
    else:
        values = baseline.draw(Streams(REFERENCE_SEED), np.zeros(1, np.int64), treatment.REFERENCE_PATIENTS)
    reference = prepared.of(values).reshape(-1, treatment.REFERENCE_PATIENTS)
    linear = {place: reference[row] for place, row in prepared.rows.items()}
    log_odds = linear.get("treatment.log_odds", np.zeros(treatment.REFERENCE_PATIENTS))
    allocation = treatment.resolve(world.treatment, world.parted(), log_odds[None], values)

    def propensity() -> Floats:
        return treatment.probability(allocation.intercept + allocation.log_odds(log_odds[None], values)[0])

    imperfect, arms = world.imperfections, world.arms.names()
    of_hazards = world.hazards() if world.outcomes.centre == "average" else ()
    made = ResolvedWorld(
        world,
        baseline,
        allocation,
        prepared,
        {place: float(linear[place].mean()) for place in of_hazards if place in linear},
        resolved,
        records.resolve(world.outcomes, around, resolved.modes, linear),
        world.entry.accrual.mean(world.per_month),
        imperfections.resolve(imperfect, arms, world.population, linear, propensity()) if imperfect else None,
    )
    return made, Reference(population, values)


def at_time_zero(resolved: ResolvedWorld, seed: int, replicates: NDArray[np.int64], patients: int) -> Baseline:
    """The baseline of the given replicates ``(R,)`` of so many ``patients`` each."""
    world, luck = resolved.world, Luck(Streams(seed), replicates, patients)
    values = resolved.baseline.draw(luck.streams, replicates, patients)
    entry = world.entry.accrual.times(luck.uniform("entry"), world.per_month)
    sums = resolved.predictors.of(values)
    rows = [sums[row] for row in range(len(sums))]
    linear = {place: rows[row] for place, row in resolved.predictors.rows.items()}  # equal sums are one array
    centred = {resolved.predictors.rows[place]: mean for place, mean in resolved.averages.items()}
    less = {row: rows[row] - mean for row, mean in centred.items()}
    linear |= {place: less[resolved.predictors.rows[place]] for place in resolved.averages}
    variables, arms = resolved.baseline.variables, resolved.courses.arms
    entered = AtEntry(
        luck, resolved.courses.graph, world.per_month, arms, variables, values, entry, resolved.mean_entry, linear
    )
    for place, mechanism in resolved.courses.mechanisms.items():
        for where, shift in mechanism.shifts(place, entered).items():
            own = resolved.courses.predictor_of(where)
            linear[own] = linear[own] + shift
    if isinstance(world.treatment, Randomised):
        assigned, propensity = world.treatment.allot(entered), np.full(entry.shape, world.treatment.share)
    else:
        log_odds = resolved.allocation.log_odds(linear["treatment.log_odds"], values)
        assigned, propensity = resolved.allocation.draw(log_odds, luck.streams, replicates)
    frailty = world.outcomes.frailty.draw(luck) if world.outcomes.frailty else 1.0
    administrative = world.followup.administrative(world.entry.accrual.start, entry, world.per_month)
    return Baseline(entered, assigned, propensity, frailty, administrative)


@dataclass(frozen=True)
class Life:
    """What would happen to every patient ``(R, N)`` in one arm, and what would be recorded of it.

    When endpoints happen as they are seen (``times``); the ends of follow-up by a drop-out that
    tells nothing (``censoring``) and by what there is (``lost``); who meets each of the ``criteria`` of inclusion;
    positions of categories, those of best ``response``; yes/no outcomes; amounts of treatment received; the modes that
    the entry of a state shows, in order, and when it is seen, where there are modes.
    """

    times: EndpointTimes
    censoring: Floats
    lost: Floats
    criteria: Mapping[str, Bools]
    categories: Mapping[str, Positions]
    binary: Mapping[str, Bools]
    exposure: Mapping[str, Floats]
    modes: tuple[Bools, ...]
    entered: Floats | None


def generate(
    resolved: ResolvedWorld, seed: int, replicates: NDArray[np.int64], patients: int | None = None, luck: str = ""
) -> Cohorts:
    """The cohorts of the given replicate numbers ``(R,)``, of studies of ``population.size`` patients unless stated.

    The arrays hold all N who are screened; `Observed.present` says who is in the study. With a fixed share of treated
    each arm takes its own first patients who qualify, else the study takes whoever comes first.

    Another ``luck`` follows the same patients afresh: what is so at time zero stays (covariates, centres and their
    effects, entry, frailty, assignment), and whatever happens after it is drawn anew.

    Bit for bit the same for a replicate whatever others are in the block.
    """
    world, late = resolved.world, resolved.world.treatment.start
    size = world.population.size if patients is None else patients
    drawn = Luck(Streams(seed, luck), replicates, world.screened(size))
    begun = at_time_zero(resolved, seed, replicates, drawn.patients)
    wait = late.draw(drawn) if late else None
    latent = latent_courses(resolved.courses, drawn, begun, wait)
    followed = follow(resolved, size, drawn, begun, latent, wait)
    events = world.followup.events
    if events:
        stop = stopped(
            begun.patients.entry, followed.perfect.endpoints[events.endpoint], followed.perfect.present, events.events
        )
        left = np.maximum(np.minimum(begun.administrative, stop - begun.patients.entry), 0.0)
        begun = replace(begun, administrative=left)
        followed = follow(resolved, size, drawn, begun, latent, wait)
    perfect = followed.perfect
    imperfect = resolved.imperfections
    observed = imperfections.recorded(imperfect, drawn, begun.linear, perfect) if imperfect else perfect
    return Cohorts(replicates, observed, _hidden(resolved, begun, followed))


@dataclass(frozen=True)
class Lives:
    """Both lives of every patient under the same end of the study, the one ``received``, when treatment ``starts``
    where it may be late, and what a ``perfect`` record shows.
    """

    zero: Life
    one: Life
    received: Life
    starts: Floats | None
    perfect: Observed


def follow(
    resolved: ResolvedWorld, size: int, drawn: Luck, begun: Baseline, latent: LatentCourses, wait: Floats | None
) -> Lives:
    """What becomes of every patient ``(R, N)`` of a study of so many, in either arm and in the one received."""
    late = resolved.world.treatment.start
    zero, one = lives(resolved, drawn, begun, latent, wait)
    treated = begun.assigned
    if late and wait is not None:
        starts, one = late_start(late, wait, latent.courses[1], zero, one)
        treated, wait = treated & starts, np.where(starts, wait, np.inf)
    received = chosen(treated, one, zero)
    return Lives(zero, one, received, wait, _perfect(resolved, size, begun, treated, wait, received))


def lives(
    resolved: ResolvedWorld, drawn: Luck, begun: Baseline, latent: LatentCourses, wait: Floats | None
) -> tuple[Life, Life]:
    """What courses come to in both arms, all who are assigned to treatment starting it after their ``wait (R, N)``."""
    world, until = resolved.world, begun.administrative
    seen = seen_courses(resolved.courses, latent.courses, wait)
    censoring, dropout = censoring_times(resolved.courses, drawn, begun, latent.courses, wait)
    arms = world.arms.names()
    given = drawn, latent.luck, latent.courses, begun.linear
    recorded = records.draw(resolved.recorded, arms, world.per_month, *given, wait)
    lost = censored_at(world.followup.censored_at, recorded.binary, dropout)
    long, binary = until >= world.entry.potential_follow_up_months * world.per_month, recorded.binary

    in_time = {IN_TIME: until > 0.0} if world.followup.events else {}

    def life(arm: int) -> Life:
        course, exposure = latent.courses[arm], {name: both[arm] for name, both in recorded.exposure.items()}
        whole = dropout[arm] >= np.minimum(course.end, until)
        return Life(
            EndpointTimes.of(world.endpoints, seen[arm]),
            censoring[arm],
            lost[arm],
            world.entry.criteria(arms[arm], long, course, whole, exposure, world.per_month) | in_time,
            {"response": recorded.response[arm]} if recorded.response else {},
            _each(lambda name: binary[name][arm], binary),
            exposure,
            tuple(latent.modes[arm]) if latent.modes else (),
            seen[arm].entered[resolved.courses.mode_state] if latent.modes else None,
        )

    return life(0), life(1)


def late_start(
    spec: treatment_start.TreatmentStart, wait: Floats, course: Course, zero: Life, one: Life
) -> tuple[Bools, Life]:
    """Who, assigned to treatment, starts it, and the life of all so assigned: the untreated one where it never starts.

    ``course`` is the latent one under assignment.
    """
    starts = treatment_start.begins(spec, wait, course, one.lost)
    return starts, chosen(starts, one, zero)


def chosen(which: Bools, one: Life, zero: Life) -> Life:
    """Of every patient the first life where ``which (R, N)`` is True, else the second."""
    yes, no, better, worse = one.binary, zero.binary, one.categories, zero.categories  # not to keep whole lives
    made: dict[tuple[int, int], Any] = {}

    def pick(first: Either, second: Either) -> Either:
        pair = id(first), id(second)
        if pair not in made:
            made[pair] = first if first is second else choose(which, first, second)
        return made[pair]  # type: ignore[no-any-return]

    return Life(
        one.times.with_other(zero.times, pick),
        pick(one.censoring, zero.censoring),
        pick(one.lost, zero.lost),
        {name: pick(met, zero.criteria[name]) for name, met in one.criteria.items()},
        _each(lambda name: np.where(which, better[name], worse[name]), better),
        _each(lambda name: choose(which, yes[name], no[name]), yes),
        {name: pick(amount, zero.exposure[name]) for name, amount in one.exposure.items()},
        tuple(pick(*pair) for pair in zip(one.modes, zero.modes, strict=True)),
        None if one.entered is None or zero.entered is None else pick(one.entered, zero.entered),
    )


def _each(value: Callable[[str], T], names: Mapping[str, object]) -> OnDemand[T]:
    """The values of the same names, worked out when one is first asked for."""
    return OnDemand(tuple(names), lambda: {name: value(name) for name in names})


def _perfect(
    resolved: ResolvedWorld, size: int, begun: Baseline, treated: Bools, wait: Floats | None, received: Life
) -> Observed:
    """What a perfect record shows of the life that was ``received``."""
    measured, modes = resolved.baseline.measured, resolved.recorded.modes
    endpoints = received.times.observed(received.lost)
    qualified = reduce(np.logical_and, (met for name, met in received.criteria.items() if name != IN_TIME))
    present = _present(resolved.world, size, treated, qualified)
    return Observed(
        variables=measured,
        covariates=covariates.by_patient(begun.patients.values[: len(measured)]),
        treated=treated,
        present=present & received.criteria[IN_TIME] if IN_TIME in received.criteria else present,
        endpoints=endpoints,
        binary=received.binary,
        exposure=received.exposure,
        modes=_seen_modes(resolved, modes, received, endpoints) if modes else {},
        delay=None if wait is None else np.where(treated, wait, np.inf),
    )


def _seen_modes(
    resolved: ResolvedWorld, modes: progression_modes.ResolvedModes, received: Life, endpoints: Mapping[str, Endpoint]
) -> dict[str, Bools]:
    """Who was seen in each mode of entering the state that has them."""
    if received.entered is None:
        return {}
    shown_by = modes.spec.shown_by(resolved.courses.mode_state, resolved.world.endpoints)
    return records.seen_modes(modes, received.modes, received.entered, endpoints[shown_by])


def _hidden(resolved: ResolvedWorld, begun: Baseline, followed: Lives) -> Hidden:
    """What nobody observes: both lives, and who would be included in either arm."""
    zero, one, received = followed.zero, followed.one, followed.received
    no, yes = zero.binary, one.binary  # not to keep whole lives
    courses = (zero.times, zero.censoring), (one.times, one.censoring)
    ends = zero.times.ends(zero.censoring), one.times.ends(one.censoring)
    return Hidden(
        variables=resolved.baseline.hidden,
        covariates=covariates.by_patient(begun.patients.values[len(resolved.baseline.measured) :]),
        propensity=begun.propensity,
        assigned=begun.assigned,
        potential=OnDemand(tuple(zero.times.latent), lambda: _both_seen(*courses)),
        until={name: (end, ends[1][name]) for name, end in ends[0].items()},
        latent={name: (time, one.times.latent[name]) for name, time in zero.times.latent.items()},
        binary=OnDemand(tuple(no), lambda: {name: (no[name], yes[name]) for name in no}),
        exposure={name: (amount, one.exposure[name]) for name, amount in zero.exposure.items()},
        eligible=np.stack([np.logical_and.reduce(list(life.criteria.values())) for life in (zero, one)]),
        excluded=_first_unmet(received.criteria),
        criteria=tuple(zero.criteria),
        entry=begun.patients.entry,
        response=(zero.categories["response"], one.categories["response"]) if zero.categories else None,
        starts=followed.starts,
        perfect=followed.perfect,
    )


def _both_seen(
    zero: tuple[EndpointTimes, Floats], one: tuple[EndpointTimes, Floats]
) -> dict[str, tuple[Endpoint, Endpoint]]:
    """What would be seen of both courses, each given as its times and when its follow-up ends ``(R, N)``."""
    without, given = (times.observed(until) for times, until in (zero, one))
    return {name: (course, given[name]) for name, course in without.items()}


def _present(world: World, size: int, treated: Bools, qualified: Bools) -> Bools:
    """Who is in the study ``(R, N)``, of those who qualify in the arm that they received."""
    if world.treatment.kind != "fixed":
        return first_qualified(qualified, size)
    count = round(world.treatment.share * size)
    first = (first_qualified(qualified & ~treated, size - count), first_qualified(qualified & treated, count))
    return first[0] | first[1]


def _first_unmet(criteria: Mapping[str, Bools]) -> NDArray[np.int8]:
    """How many criteria ``(R, N)`` are met before the first that is not."""
    still = np.ones(next(iter(criteria.values())).shape, np.bool_)
    found = np.zeros(still.shape, np.int8)
    for met in criteria.values():
        still &= met
        found += still
    return found
