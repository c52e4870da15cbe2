"""Cohorts from a world: the data-generating process on one page."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.cohort import predictors
from simulator.cohort.cohorts import Cohorts, Hidden, Observed, OnDemand
from simulator.mechanisms import (
    calendar,
    centres,
    covariates,
    cure,
    imperfections,
    outcomes,
    progression_modes,
    records,
    subsequent,
    treatment,
    treatment_start,
)
from simulator.mechanisms.entry import first_qualified, months_between
from simulator.mechanisms.followup import censored_at, observe, risk_of_dropout, seen_at_visits
from simulator.numerics.arrays import Bools, Floats
from simulator.numerics.elementary import choose, exp, minus_log
from simulator.numerics.streams import Streams
from simulator.world.sections import World

NO_DROPOUT = outcomes.Exponential(kind="exponential", rate=0.0)
AFTER = "death_after_progression"
REFERENCE_SEED = 0  # the world's own constants do not depend on a study's seed


@dataclass(frozen=True)
class ResolvedWorld:
    """A world made ready to generate from; built once per scenario by `resolve`."""

    world: World
    baseline: covariates.ResolvedPopulation
    allocation: treatment.Allocation
    hazards: tuple[dict[str, outcomes.Hazard], dict[str, outcomes.Hazard]]
    predictors: predictors.Predictors
    recorded: records.ResolvedRecords
    mean_entry: float
    imperfections: imperfections.ResolvedImperfections | None


def resolve(world: World) -> ResolvedWorld:
    """The world with everything worked out that does not depend on a replicate."""
    baseline = covariates.resolve(world.population)
    transitions = world.outcomes.transitions()
    prepared = predictors.resolve(
        {
            "treatment": world.treatment.log_odds,
            **{name: spec.log_hr for name, spec in transitions.items()},
            **{f"{name}/treated": transitions[name].treatment.modifiers for name in _modified(world.outcomes)},
            **({"dropout": world.dropout_log_hr()} if world.followup.informative else {}),
            **{imperfections.place_of(name): one.log_odds for name, one in _missing(world).items()},
        },
        baseline.variables,
    )
    values = baseline.draw(Streams(REFERENCE_SEED), np.zeros(1, np.int64), treatment.REFERENCE_PATIENTS)
    reference = prepared.of(values).reshape(-1, treatment.REFERENCE_PATIENTS)
    linear = {place: reference[row] for place, row in prepared.rows.items()}
    intercept = treatment.solve_intercept(world.treatment, linear["treatment"][None])
    propensity = treatment.probability(intercept + linear["treatment"])
    imperfect, arms = world.imperfections, world.arms.names()
    plain = {name: spec.baseline.pieces() for name, spec in transitions.items()}
    treated = {name: plain[name].under(spec.treatment) for name, spec in transitions.items()}
    works = world.outcomes.treatment_effect == "as_stated"
    return ResolvedWorld(
        world,
        baseline,
        treatment.Allocation(intercept, world.treatment.share if world.treatment.kind == "fixed" else None),
        (plain, treated if works else plain),
        prepared,
        records.resolve(world.outcomes, arms),
        world.entry.accrual.mean(),
        imperfections.resolve(imperfect, arms, world.population, linear, propensity) if imperfect else None,
    )


@dataclass(frozen=True)
class Baseline:
    """What is so at time zero, before any course of the disease ``(R, N)``.

    ``values`` hold the covariates, measured and hidden, one row each; ``linear`` maps a place to its linear predictor,
    centres and calendar included; ``administrative`` is the time from entry to the cut-off date.
    """

    values: Floats
    entry: Floats
    linear: dict[str, Floats]
    assigned: Bools
    propensity: Floats
    frailty: Floats | float
    administrative: Floats


def at_time_zero(resolved: ResolvedWorld, seed: int, replicates: NDArray[np.int64], patients: int) -> Baseline:
    """The baseline of the given replicates ``(R,)`` of so many ``patients`` each."""
    world, streams = resolved.world, Streams(seed)
    values = resolved.baseline.draw(streams, replicates, patients)
    entry = world.entry.accrual.months(streams.uniform("entry", replicates, patients))
    linear = _predictors(resolved, streams, replicates, values, entry)
    assigned, propensity = resolved.allocation.draw(linear["treatment"], streams, replicates)
    spec = world.outcomes.frailty
    frailty = outcomes.frailty(spec, streams, replicates, patients) if spec else 1.0
    administrative = months_between(world.entry.accrual.start, world.followup.cut_off) - entry
    return Baseline(values, entry, linear, assigned, propensity, frailty, administrative)


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
    world, streams = resolved.world, Streams(seed, luck)
    size = world.population.size if patients is None else patients
    n = world.screened(size)
    begun = at_time_zero(resolved, seed, replicates, n)
    values, entry, linear, multiplier = begun.values, begun.entry, begun.linear, begun.frailty
    assigned, propensity, administrative = begun.assigned, begun.propensity, begun.administrative
    luck_of = {name: streams.uniform(f"transition/{name}", replicates, n) for name in world.outcomes.transitions()}
    modes = resolved.recorded.modes
    shown = progression_modes.draw(modes, streams, replicates, n) if modes else None
    late = world.treatment.start
    wait = treatment_start.waits(late, streams, replicates, n) if late else None
    courses, shown = latent_courses(resolved, streams, replicates, linear, luck_of, multiplier, shown, wait)
    censoring, lost = censoring_times(resolved, streams, replicates, linear, multiplier, administrative, wait)
    complete = [_complete(*pair, administrative) for pair in zip(lost, courses, strict=True)]
    arms, treated = world.arms.names(), assigned
    recorded = records.draw(resolved.recorded, arms, streams, replicates, luck_of, courses, wait)
    lost = censored_at(world.followup.censored_at, recorded.binary, lost)
    if late and wait is not None:
        starts = treatment_start.begins(late, wait, courses[1], lost[1])
        treated = assigned & starts
        courses = courses[0], treatment_start.course_of(starts, courses[1], courses[0])
        censoring, lost = ((zero, choose(starts, one, zero)) for zero, one in (censoring, lost))
        complete[1] = np.where(starts, complete[1], complete[0])
        recorded = treatment_start.records_of(starts, recorded)
        shown = treatment_start.modes_of(~starts, shown) if shown else None
        wait = choose(starts, wait, np.full(wait.shape, np.inf))
    criteria = _criteria(world, courses, administrative, recorded.exposure, (complete[0], complete[1]))
    if wait is not None:
        starts = np.isfinite(wait)
        criteria = {name: (zero, choose(starts, one, zero)) for name, (zero, one) in criteria.items()}
    eligible = np.stack([np.logical_and.reduce([met[arm] for met in criteria.values()]) for arm in (0, 1)])
    seen = seen_courses(world, courses, wait)
    latent = {"OS": (seen[0].os, seen[1].os), "PFS": (seen[0].pfs, seen[1].pfs)}
    potential = {
        name: (observe(zero, censoring[0]), observe(one, censoring[1])) for name, (zero, one) in latent.items()
    }
    received = {name: choose(treated, one, zero) for name, (zero, one) in latent.items()}
    endpoints = {name: observe(time, choose(treated, lost[1], lost[0])) for name, time in received.items()}

    def received_outcomes() -> dict[str, Bools]:
        return {name: choose(treated, one, zero) for name, (zero, one) in recorded.binary.items()}

    measured = len(resolved.baseline.measured)
    perfect = Observed(
        variables=resolved.baseline.measured,
        covariates=covariates.by_patient(values[:measured]),
        treated=treated,
        present=_present(world, size, treated, eligible),
        endpoints=endpoints,
        binary=OnDemand(tuple(recorded.binary), received_outcomes),
        exposure={name: choose(treated, one, zero) for name, (zero, one) in recorded.exposure.items()},
        modes=records.seen_modes(modes, shown, treated, (seen[0], seen[1]), endpoints["PFS"])
        if modes and shown
        else {},
        delay=None if wait is None else choose(treated, wait, np.full(wait.shape, np.inf)),
    )
    imperfect = resolved.imperfections
    observed = imperfections.recorded(imperfect, streams, replicates, linear, perfect) if imperfect else perfect
    hidden = Hidden(
        variables=resolved.baseline.hidden,
        covariates=covariates.by_patient(values[measured:]),
        propensity=propensity,
        assigned=assigned,
        potential=potential,
        latent=latent,
        binary=recorded.binary,
        exposure=recorded.exposure,
        eligible=eligible,
        excluded=_first_unmet(criteria, treated),
        criteria=tuple(criteria),
        entry=entry,
        response=recorded.response,
        starts=wait,
        perfect=perfect,
    )
    return Cohorts(replicates, observed, hidden)


def seen_courses(
    world: World, courses: tuple[outcomes.Course, outcomes.Course], wait: Floats | None
) -> tuple[outcomes.Course, outcomes.Course]:
    """The courses of both arms as visits show them, the second one's treatment starting after the ``wait (R, N)``."""
    visits = [world.followup.visit_months.get(arm) for arm in world.arms.names()]
    zero, one = (seen_at_visits(course, months) for course, months in zip(courses, visits, strict=True))
    if wait is None:
        return zero, one
    return zero, treatment_start.seen_course(wait, courses[1], seen_at_visits(courses[1], visits[0]), one)


def _missing(world: World) -> dict[str, imperfections.Missing]:
    return world.imperfections.missing if world.imperfections else {}


def _complete(lost: Floats, course: outcomes.Course, administrative: Floats) -> Bools:
    """Who is followed to death or to the cut-off ``(R, N)`` in an arm."""
    whole: Bools = lost >= np.minimum(course.os, administrative)
    return whole


def _predictors(
    resolved: ResolvedWorld, streams: Streams, replicates: NDArray[np.int64], values: Floats, entry: Floats
) -> dict[str, Floats]:
    """The linear predictor ``(R, N)`` of treatment and of every transition, and what treatment adds to some.

    Those that are the same array are one sum.
    """
    sums = resolved.predictors.of(values)
    rows = [sums[row] for row in range(len(sums))]
    linear = {place: rows[row] for place, row in resolved.predictors.rows.items()}
    spec = resolved.world.centres
    if spec:
        names = list(resolved.baseline.variables)
        levels = len(resolved.baseline.variables[spec.covariate].levels)
        centre = values[names.index(spec.covariate)]
        for place, shift in centres.shifts(spec, centre, levels, streams, replicates).items():
            linear[place] = linear[place] + shift
    if resolved.world.calendar:
        for place, shift in calendar.shifts(resolved.world.calendar, resolved.mean_entry, entry).items():
            linear[place] = linear[place] + shift
    return linear


def _criteria(
    world: World,
    courses: tuple[outcomes.Course, outcomes.Course],
    administrative: Floats,
    received: dict[str, tuple[Floats, Floats]],
    complete: tuple[Bools, Bools],
) -> dict[str, tuple[Bools, Bools]]:
    """Who meets each criterion of inclusion, in order, in either arm ``(R, N)``."""
    entry, arms = world.entry, world.arms.names()
    met: dict[str, tuple[Bools, Bools]] = {}
    if entry.potential_follow_up_months:
        long = administrative >= entry.potential_follow_up_months
        met["potential follow-up"] = (long, long)
    zero, one = (course.os >= entry.guarantee_months.get(arm, 0.0) for arm, course in zip(arms, courses, strict=True))
    met["guarantee time"] = (zero, one)
    if entry.complete_follow_up:
        zero, one = (whole | (arm not in entry.complete_follow_up) for arm, whole in zip(arms, complete, strict=True))
        met["complete follow-up"] = (zero, one)
    for name, least in entry.requires.items():
        zero, one = (~(amount < least) for amount in received[name])
        met[f"at least {least:g} {name}"] = (zero, one)
    return met


def _present(world: World, size: int, treated: Bools, eligible: Bools) -> Bools:
    """Who is in the study ``(R, N)``."""
    qualified = choose(treated, eligible[1], eligible[0])
    if world.treatment.kind != "fixed":
        return first_qualified(qualified, size)
    count = round(world.treatment.share * size)
    first = (first_qualified(qualified & ~treated, size - count), first_qualified(qualified & treated, count))
    return first[0] | first[1]


def _first_unmet(criteria: dict[str, tuple[Bools, Bools]], treated: Bools) -> NDArray[np.int8]:
    """How many criteria ``(R, N)`` are met under the received arm before the first that is not."""
    found = np.zeros(treated.shape, np.int8)
    still = np.ones(treated.shape, np.bool_)
    for zero, one in criteria.values():
        still &= choose(treated, one, zero)
        found += still
    return found


def latent_courses(
    resolved: ResolvedWorld,
    streams: Streams,
    replicates: NDArray[np.int64],
    linear: dict[str, Floats],
    luck: dict[str, Floats],
    frailty: Floats | float,
    shown: tuple[Bools, Bools] | None,
    wait: Floats | None,
) -> tuple[tuple[outcomes.Course, outcomes.Course], tuple[Bools, Bools] | None]:
    """Latent courses in both arms, from the same luck, and the modes of progression.

    ``shown`` are the modes where treatment does not begin after a ``wait``.
    """
    spec, n = resolved.world.outcomes, linear["treatment"].shape[-1]
    with np.errstate(divide="ignore", over="ignore"):  # a multiplier may be too small or too large for a float
        ratio = {id(linear[name]): exp(linear[name]) * frailty for name in luck}
        plain = {name: minus_log(luck[name]) / ratio[id(linear[name])] for name in luck}
        treated = {**plain, **{name: plain[name] / exp(linear[f"{name}/treated"]) for name in _modified(spec)}}
    arms = resolved.recorded.arms
    if spec.cure:
        cured = cure.cured(spec.cure, arms, streams, replicates, n)
        plain, treated = (
            {name: np.where(who, np.inf, asked) for name, asked in arm.items()}
            for who, arm in zip(cured, (plain, treated), strict=True)
        )
    if spec.subsequent:
        later = subsequent.death_log_hr(spec.subsequent, arms, streams, replicates, n)
        plain, treated = (_shifted(arm, s) for arm, s in zip((plain, treated), later, strict=True))
    if wait is not None and resolved.hazards[1] is not resolved.hazards[0]:
        return _late_courses(resolved, (plain, treated), shown, wait)
    if resolved.recorded.modes and shown:
        shifts = progression_modes.death_log_hr(resolved.recorded.modes, shown)
        plain, treated = (_shifted(arm, s) for arm, s in zip((plain, treated), shifts, strict=True))
    zero, one = (outcomes.course(*arm) for arm in zip(resolved.hazards, (plain, treated), strict=True))
    return (zero, one), shown


def _shifted(exposure: dict[str, Floats], log_hr: Floats) -> dict[str, Floats]:
    """The exposures, that to death after progression with a log hazard ratio ``(R, N)`` more."""
    with np.errstate(divide="ignore", over="ignore"):
        return {**exposure, AFTER: exposure[AFTER] / exp(log_hr)}


def _late_courses(
    resolved: ResolvedWorld,
    exposure: tuple[dict[str, Floats], dict[str, Floats]],
    shown: tuple[Bools, Bools] | None,
    wait: Floats,
) -> tuple[tuple[outcomes.Course, outcomes.Course], tuple[Bools, Bools] | None]:
    """As `latent_courses`, with treatment from the ``wait (R, N)`` on, and progression before it as if untreated."""
    start, (plain, treated) = resolved.world.treatment.start, exposure

    def time(name: str, at: Floats) -> Floats:
        pair = resolved.hazards[0][name], resolved.hazards[1][name]
        return treatment_start.switched(pair, (plain[name], treated[name]), at)

    progression, death = time("progression", wait), time("death", wait)
    before = plain
    if resolved.recorded.modes and shown:
        early = progression <= wait
        shown = treatment_start.modes_of(early, shown)
        zero, one = progression_modes.death_log_hr(resolved.recorded.modes, shown)
        one = choose(early, zero, one)
        before, plain, treated = _shifted(plain, zero), _shifted(plain, one), _shifted(treated, one)
    at = treatment_start.after_progression(progression, wait, start is not None and start.progression_prevents)
    late = outcomes.joined(progression, death, time(AFTER, at))
    return (outcomes.course(resolved.hazards[0], before), late), shown


def _modified(spec: outcomes.Outcomes) -> list[str]:
    """Names of the transitions on which treatment does not act alike in all patients."""
    works = spec.treatment_effect == "as_stated"
    return [name for name, transition in spec.transitions().items() if works and transition.treatment.modifiers]


def censoring_times(
    resolved: ResolvedWorld,
    streams: Streams,
    replicates: NDArray[np.int64],
    linear: dict[str, Floats],
    frailty: Floats | float,
    administrative: Floats,
    wait: Floats | None,
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Censoring times ``(R, N)`` in both arms: those of a drop-out that tells nothing, and the ones that there are."""
    world, luck = resolved.world, streams.exponential("dropout", replicates, administrative.shape[1])
    zero, one = (world.followup.dropout.get(arm, NO_DROPOUT).pieces() for arm in world.arms.names())

    def times(asked: Floats) -> tuple[Floats, Floats]:
        last = one.time(asked) if wait is None else treatment_start.switched((zero, one), (asked, asked), wait)
        return np.minimum(administrative, zero.time(asked)), np.minimum(administrative, last)

    plain, informative = times(luck), world.followup.informative
    if informative is None:
        return plain, plain
    with np.errstate(divide="ignore", over="ignore"):
        return plain, times(luck / risk_of_dropout(informative, linear["dropout"], frailty))
