"""The course of a patient through a graph of states, from the formulas, in plain Python. Slow and readable.

In a state entered at u every transition that leaves it has a unit exponential E of its own and happens at the time t at
which the hazard accumulated since u is E. With the clock c(t) = t (forward) or t - u (reset), and treatment in force
from the time w on (0 in the treated arm, +inf in the control arm, the wait where treatment starts late),

    m0 [H0(c(min(t, w'))) - H0(c(u))] + m1 [H1(c(t)) - H1(c(w'))] = E,    w' = min(max(u, w), t),

H0 being the baseline and H1 the baseline under the steps of the effect, m0 and m1 what multiplies them in a patient
without and with treatment. The earliest transition is what happens. From there it goes on, until no transition leaves.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from simulator.mechanisms.graph import ILLNESS_DEATH, START, TimeTo
from simulator.mechanisms.hazards import Exponential, Transition
from simulator.world.generate import ResolvedWorld
from simulator.world.sections import World
from tests.reference import simulator_twin as twin
from tests.reference.hazards import cumulative

NEVER = math.inf
PER_MONTH = {"days": 365.25 / 12, "weeks": 365.25 / 84, "months": 1.0, "years": 1 / 12}
Entered = dict[str, float]


@dataclass(frozen=True)
class Way:
    """One way from a state to another by a transition, and the address of its luck."""

    name: str
    spec: Transition
    start: str
    end: str
    forward: bool
    address: str


def several(said: Any) -> list[str]:
    """One name, or several."""
    return [said] if isinstance(said, str) else list(said)


def ways(world: World) -> list[Way]:
    """All ways of a world: the clock runs on unless it is said, but for death after progression of the short form."""
    found = []
    for name, spec in world.outcomes.by_transition().items():
        if world.outcomes.states:
            starts, end, forward = sorted(several(spec.origin), key=world.outcomes.states.index), str(spec.to), True
        elif world.outcomes.course in (None, "illness-death"):
            start, end, forward = ILLNESS_DEATH[name]
            starts = [start]
        else:
            starts, end, forward = [START], name, True
        if spec.clock is not None:
            forward = spec.clock == "forward"
        for k, start in enumerate(starts):
            address = f"transition/{name}" if k == 0 else f"transition/{name}/{start}"
            found.append(Way(name, spec, start, end, forward, address))
    return found


def first_state(world: World) -> str:
    """Where everybody starts."""
    return world.outcomes.states[0] if world.outcomes.states else START


def absorbing(world: World) -> set[str]:
    """The states that no way leaves."""
    return {way.end for way in ways(world)} - {way.start for way in ways(world)}


def passed(world: World) -> set[str]:
    """The states that are entered and left again."""
    return {way.end for way in ways(world)} & {way.start for way in ways(world)}


def only(stated: str | None, world: World) -> str:
    """The stated state, or the only one that is entered and left again."""
    if stated is not None:
        return stated
    (state,) = passed(world)
    return state


@dataclass(frozen=True)
class Patient:
    """A patient at an address, with covariates and the month of entry; ``averages`` of what multiplies hazards."""

    world: World
    seed: int
    replicate: int
    number: int
    values: dict[str, float]
    entry: float
    averages: Mapping[str, float]

    def uniform(self, stream: str) -> float:
        """A uniform of this patient."""
        return twin.uniform(self.seed, stream, self.replicate, self.number)


def frailty(patient: Patient, name: str) -> float:
    """The frailty, where the transition has it."""
    spec = patient.world.outcomes.frailty
    if spec is None or (spec.transitions and name not in spec.transitions):
        return 1.0
    return twin.multiplier(patient.world, patient.seed, patient.replicate, patient.number)


def cured(patient: Patient, name: str, arm: int) -> bool:
    """Whether the transition never happens in an arm."""
    spec = patient.world.outcomes.cure
    if spec is None or (spec.transitions and name not in spec.transitions):
        return False
    return patient.uniform("cure") < spec.shares[twin.label_of(patient.world, arm)]


def works(patient: Patient, arm: int) -> bool:
    """Whether treatment does something in an arm."""
    return arm == 1 and patient.world.outcomes.treatment_effect == "as_stated"


def risk(patient: Patient, way: Way, arm: int, mode_arm: int) -> float:
    """What multiplies the hazard of a way in an arm; ``mode_arm`` is that in which its state was entered."""
    world, spec = patient.world, way.spec
    place = f"outcomes.{world.outcomes.places[way.name]}"
    total = twin.linear(spec.log_hr, patient.values, world) + twin.trend(world, way.name, patient.entry)
    total -= patient.averages.get(f"{place}.log_hr", 0.0)
    if works(patient, arm):
        total += twin.linear(spec.treatment.modifiers, patient.values, world)
        total -= patient.averages.get(f"{place}.treatment.modifiers", 0.0)
    later = world.outcomes.subsequent
    if later is not None and way.start == only(later.after, world):
        total += twin.later_log_hr(world, patient.seed, patient.replicate, patient.number, arm)
    shown = world.outcomes.progression_modes
    if shown is not None and way.start == only(shown.state, world):
        total += twin.modes_log_hr(world, modes(patient, mode_arm), mode_arm)
    return frailty(patient, way.name) * math.exp(total)


def modes(patient: Patient, arm: int) -> dict[str, bool]:
    """The modes that the entry of their state would show in an arm."""
    return twin.modes(patient.world, patient.seed, patient.replicate, patient.number, arm)


def solved(total: Callable[[float], float], exposure: float) -> float:
    """The time at which a rising function of time reaches the exposure, by bisection; +inf if it never does."""
    low, high = 0.0, 1.0
    while total(high) < exposure:
        low, high = high, 2 * high
        if high > 1e12:
            return NEVER
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if total(middle) < exposure else (low, middle)
    return high


def happens(patient: Patient, way: Way, entered: float, treated_from: float) -> float:
    """When a way out of a state entered at a time is taken, treatment being in force from another time on."""
    arm = 0 if treated_from > 0 else 1
    mode_arm = 0 if entered <= treated_from else 1
    if cured(patient, way.name, arm if treated_from in (0.0, NEVER) else 1):
        return NEVER
    multipliers = [risk(patient, way, arm, mode_arm) for arm in (0, 1)]
    effects = [None, way.spec.treatment if works(patient, 1) else None]
    zero = 0.0 if way.forward else entered

    def between(arm: int, first: float, last: float) -> float:
        both = [cumulative(way.spec.baseline, effects[arm], t - zero) for t in (first, last)]
        return multipliers[arm] * (both[1] - both[0])

    def total(t: float) -> float:
        if t <= entered:
            return 0.0
        change = min(max(entered, treated_from), t)
        return between(0, entered, change) + between(1, change, t)

    return solved(total, -math.log(patient.uniform(way.address)))


def course(patient: Patient, treated_from: float) -> Entered:
    """When each state is entered by a patient who is treated from a time on; +inf for never."""
    world = patient.world
    late = world.treatment.start
    found = {way.end: NEVER for way in ways(world)}
    state, now, start = first_state(world), 0.0, treated_from
    while True:
        if late and treated_from > 0.0 and state in late.prevented_by and now <= start:
            start = NEVER
        taken = [(happens(patient, way, now, start), way.end) for way in ways(world) if way.start == state]
        if not taken or min(taken)[0] == NEVER:
            return found
        now, state = min(taken)
        found[state] = now


def earliest(entered: Entered, states: Any) -> float:
    """When the first of some states is entered."""
    return min((entered[state] for state in several(states)), default=NEVER)


def seen(world: World, entered: Entered, treated_from: float) -> Entered:
    """The states as visits show them: at the next one of the arm in which they were entered; a state that was left is
    never found once the course has ended.
    """
    followup, found = world.followup, dict(entered)
    visited = set(followup.seen_at_visits) or passed(world)
    end = min((entered[state] for state in absorbing(world)), default=NEVER)
    for state in visited:
        arm = world.arms.names()[0 if entered[state] <= treated_from else 1]
        if arm in followup.visit_months and entered[state] < NEVER:
            every = followup.visit_months[arm] * PER_MONTH[world.time_unit]
            visit = math.ceil(entered[state] / every) * every
            found[state] = visit if visit < end or state in absorbing(world) else NEVER
    return found


def endpoints(world: World, entered: Entered, end: float) -> dict[str, tuple[float, int]]:
    """Each endpoint under follow-up until a time: the time, and 1 for the event, 2 for a competing one, else 0.

    A state that nobody leaves ends it, too.
    """
    found = {}
    for name, spec in world.endpoints.items():
        event, rival = earliest(entered, spec.event), earliest(entered, spec.competing)
        until = follow_up(world, spec, entered, end)
        what = 1 if event <= min(rival, until) else 2 if rival <= until else 0
        found[name] = (min(event, rival, until), what)
    return found


def follow_up(world: World, spec: TimeTo, entered: Entered, end: float) -> float:
    """When follow-up of an endpoint ends, at ``end`` or by a state that nobody leaves and that is neither."""
    return min(end, earliest(entered, absorbing(world) - {*several(spec.event), *several(spec.competing)}))


def latent(world: World, entered: Entered) -> dict[str, float]:
    """When each endpoint happens, nobody being censored; +inf where it never does."""
    found = {}
    for name, spec in world.endpoints.items():
        event = earliest(entered, spec.event)
        found[name] = NEVER if earliest(entered, spec.competing) < event else event
    return found


def dropout(patient: Patient, treated_from: float, harm: float, changes: dict[float, float]) -> float:
    """When a patient drops out whose hazard is multiplied by ``harm``; it changes when treatment starts, and by the log
    hazard ratios of ``changes`` from their times on.
    """
    names, stated = patient.world.arms.names(), patient.world.followup.dropout
    zero, one = (stated.get(name, Exponential(kind="exponential", rate=0.0)) for name in names)

    def plain(t: float) -> float:
        change = min(t, treated_from)
        return cumulative(zero, None, change) + cumulative(one, None, t) - cumulative(one, None, change)

    def total(t: float) -> float:
        ends = sorted({0.0, t, *(u for u in changes if u < t)})
        return sum(
            (plain(b) - plain(a)) * math.exp(sum(log_hr for u, log_hr in changes.items() if u <= a))
            for a, b in pairwise(ends)
        )

    return solved(total, -math.log(patient.uniform("dropout")) / harm)


def life(patient: Patient, arm: int) -> dict[str, Any]:
    """What would become of a patient in an arm; None of it by treatment where that never starts."""
    world, name = patient.world, patient.world.arms.names()[arm]
    late = world.treatment.start if arm else None
    treated_from = NEVER if arm == 0 else 0.0
    if late:
        treated_from = twin.wait_of(world, patient.seed, patient.replicate, patient.number)
    unit, administrative = PER_MONTH[world.time_unit], 100 * 12 * PER_MONTH[world.time_unit]
    if world.followup.cut_off != "complete":
        administrative = unit * (twin.months(world.entry.accrual.start, str(world.followup.cut_off)) - patient.entry)
    at = patient.seed, patient.replicate, patient.number
    harm = twin.dropout_risk(world, *at, patient.values, patient.averages)
    entered = course(patient, treated_from)
    after = world.followup.informative.after if world.followup.informative else {}
    changes = {entered[state]: log_hr for state, log_hr in after.items() if entered[state] < NEVER}
    censoring = min(administrative, dropout(patient, treated_from, 1.0, {}))
    lost = min(administrative, dropout(patient, treated_from, harm, changes))
    end = min(entered[state] for state in absorbing(world))
    if late and treated_from >= min(end, lost, *(entered[state] for state in late.prevented_by)):
        return {**life(patient, 0), "start": NEVER}
    against = world.entry.guarantee_against or absorbing(world)
    met = earliest(entered, against) >= unit * world.entry.guarantee_months.get(name, 0.0)
    met = met and administrative >= unit * world.entry.potential_follow_up_months
    met = met and (name not in world.entry.complete_follow_up or lost >= min(end, administrative))
    shown = seen(world, entered, treated_from)
    made: dict[str, Any] = {
        "start": treated_from,
        "entered": entered,
        "latent": latent(world, shown),
        "potential": endpoints(world, shown, censoring),
        "until": {name: follow_up(world, spec, shown, censoring) for name, spec in world.endpoints.items()},
        "observed": endpoints(world, shown, lost),
        "eligible": met,
        "modes": {},
    }
    if world.outcomes.progression_modes:
        made["modes"] = seen_modes(patient, shown, entered, treated_from, made["observed"])
    if world.outcomes.response:
        made["response"] = response(patient, arm)
    return made


def seen_modes(
    patient: Patient, shown: Entered, entered: Entered, treated_from: float, observed: dict[str, tuple[float, int]]
) -> dict[str, bool]:
    """The modes in which the endpoint that has them was seen to happen; its other ends have a name, too."""
    spec, world = patient.world.outcomes.progression_modes, patient.world
    assert spec is not None
    state = only(spec.state, world)
    by = spec.endpoint or next(name for name, one in world.endpoints.items() if state in several(one.event))
    time, what = observed[by]
    by_it = what == 1 and shown[state] <= time
    in_arm = modes(patient, 0 if entered[state] <= treated_from else 1)
    return {**{name: by_it and mode for name, mode in in_arm.items()}, spec.death: what == 1 and not by_it}


def response(patient: Patient, arm: int) -> int:
    """The position of best response: a latent normal tied to the luck of the transition that it follows."""
    spec = patient.world.outcomes.response
    assert spec is not None
    follows = spec.follows or ways(patient.world)[0].name
    late = -twin.NORMAL.inv_cdf(patient.uniform(f"transition/{follows}"))
    own = twin.NORMAL.inv_cdf(patient.uniform("response"))
    share = twin.NORMAL.cdf(spec.link * late + math.sqrt(1 - spec.link**2) * own)
    shares = spec.shares[twin.label_of(patient.world, arm)]
    return sum(share >= sum(shares[: k + 1]) / sum(shares) for k in range(len(shares) - 1))


def patient_of(resolved: ResolvedWorld, seed: int, replicate: int, number: int) -> dict[str, Any]:
    """Everything about a patient: both lives, and whether assigned to treatment, received it and is in the study."""
    world, accrual = resolved.world, resolved.world.entry.accrual
    values = twin.covariates(resolved, seed, replicate, number)
    length = twin.months(accrual.start, accrual.end)
    entry = length * twin.uniform(seed, "entry", replicate, number) ** (1 / (1 + accrual.shape))
    patient = Patient(world, seed, replicate, number, values, entry, resolved.averages)
    odds = twin.linear(world.treatment.log_odds, values, world) + twin.trend(world, "treatment", entry)
    odds += twin.parting(resolved, values)
    propensity = 1 / (1 + math.exp(-resolved.allocation.intercept - odds))
    zero, one = life(patient, 0), life(patient, 1)
    assigned = twin.uniform(seed, "treatment", replicate, number) < propensity
    treated = assigned and one["start"] < NEVER
    return {0: zero, 1: one, "assigned": assigned, "treated": treated}
