"""The courses of both arms: the way through the graph of states, visits, and what ends follow-up.

Where treatment starts late, the treated arm's hazards change at a patient's own time; nothing else is different here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from simulator.mechanisms import progression_modes, treatment_start
from simulator.mechanisms.contract import TREATMENT, AtEntry, Exposures, Mechanism, hastened
from simulator.mechanisms.followup import changing_risk, risk_of_dropout, seen_at_visits
from simulator.mechanisms.graph import Course, Edge, Graph, first_of
from simulator.mechanisms.hazards import Exponential, Hazard
from simulator.numerics.arrays import Bools, Floats
from simulator.numerics.elementary import choose, exp, minus_log
from simulator.numerics.streams import Luck
from simulator.world.sections import DROPOUT, World

NO_DROPOUT = Exponential(kind="exponential", rate=0.0)
BothCourses = tuple[Course, Course]


@dataclass(frozen=True)
class Baseline:
    """What is so at time zero, before any course of the disease ``(R, N)``.

    ``administrative`` is the time from entry to the cut-off date.
    """

    patients: AtEntry
    assigned: Bools
    propensity: Floats
    frailty: Floats | float
    administrative: Floats

    @property
    def linear(self) -> dict[str, Floats]:
        """The linear predictor of each sum by the dotted place of its coefficients, shifts included."""
        return self.patients.linear


@dataclass(frozen=True)
class ResolvedCourses:
    """Courses ready to be drawn: hazards of both arms, the arms whose shares hold in them, mechanisms by their places.

    ``modified`` are the transitions on which treatment does not act alike in all patients; ``mode_state`` is the state
    whose entry shows ``modes``, and ``after_mode`` are the edges that leave it.
    """

    world: World
    graph: Graph
    hazards: tuple[dict[str, Hazard], dict[str, Hazard]]
    arms: tuple[str, str]
    mechanisms: Mapping[str, Mechanism]
    modified: tuple[str, ...]
    modes: progression_modes.ResolvedModes | None
    mode_state: str
    after_mode: tuple[str, ...]

    def predictor_of(self, name: str) -> str:
        """The dotted place of the coefficients of a transition, or of the choice of treatment."""
        return "treatment.log_odds" if name == TREATMENT else f"outcomes.{self.world.outcomes.places[name]}.log_hr"

    def modifiers_of(self, transition: str) -> str:
        """The dotted place of what treatment does to a transition in some patients more than in others."""
        return f"outcomes.{self.world.outcomes.places[transition]}.treatment.modifiers"


def resolve(world: World, modes: progression_modes.ResolvedModes | None) -> ResolvedCourses:
    """The courses of a world, with the modes that they show."""
    transitions, works, around = world.outcomes.by_transition(), world.outcomes.works(), world.around()
    plain = {name: spec.baseline.pieces() for name, spec in transitions.items()}
    treated = {name: plain[name].under(spec.treatment) for name, spec in transitions.items()} if works else plain
    graph = world.outcomes.graph
    state = graph.left(modes.spec.state) if modes else ""
    return ResolvedCourses(
        world,
        graph,
        (plain, treated),
        around.courses,
        around.parts,
        tuple(name for name, spec in transitions.items() if works and spec.treatment.modifiers),
        modes,
        state,
        tuple(edge.key for edge in graph.out_of(state)),
    )


@dataclass(frozen=True)
class LatentCourses:
    """What happens in both arms, seen or not: the ``luck (R, N)`` of each edge, courses, and modes ``(M, R, N)``."""

    luck: dict[str, Floats]
    courses: BothCourses
    modes: tuple[Bools, Bools] | None


def latent_courses(resolved: ResolvedCourses, drawn: Luck, begun: Baseline, wait: Floats | None) -> LatentCourses:
    """The courses of the patients, of one luck in both arms; treatment begins after a ``wait (R, N)``, if any."""
    luck = {edge.key: drawn.uniform(f"transition/{edge.key}") for edge in resolved.graph.edges}
    modes = progression_modes.draw(resolved.modes, drawn) if resolved.modes else None
    asked = _exposures(resolved, begun, luck)
    patients = replace(begun.patients, luck=drawn)
    for place, mechanism in resolved.mechanisms.items():
        asked = mechanism.acts(place, asked, patients)
    if wait is not None and resolved.hazards[1] is not resolved.hazards[0]:
        return LatentCourses(luck, *_late_courses(resolved, asked, modes, wait))
    if resolved.modes and modes:
        later = progression_modes.leaving_log_hr(resolved.modes, modes)
        asked = hastened(asked[0], resolved.after_mode, later[0]), hastened(asked[1], resolved.after_mode, later[1])
    zero, one = (_course(resolved, *arm) for arm in zip(resolved.hazards, asked, strict=True))
    return LatentCourses(luck, (zero, one), modes)


def _exposures(resolved: ResolvedCourses, begun: Baseline, luck: dict[str, Floats]) -> Exposures:
    """What edges ask of their hazards, before any mechanism has acted."""
    edges, frailty = resolved.graph.edges, resolved.world.outcomes.frailty
    frail = frailty.transitions if frailty and frailty.transitions else resolved.graph.transitions
    linear = {name: begun.linear[resolved.predictor_of(name)] for name in resolved.graph.transitions}
    distinct = {(id(one), name in frail): one for name, one in linear.items()}  # some of them the same array
    with np.errstate(divide="ignore", over="ignore"):  # a multiplier may be too small or too large for a float
        ratio = {key: exp(one) * begun.frailty if key[1] else exp(one) for key, one in distinct.items()}
        plain = {
            edge.key: minus_log(luck[edge.key]) / ratio[id(linear[edge.transition]), edge.transition in frail]
            for edge in edges
        }
        effect = {name: exp(begun.linear[resolved.modifiers_of(name)]) for name in resolved.modified}
        treated = {edge.key: plain[edge.key] / effect[edge.transition] for edge in edges if edge.transition in effect}
    return plain, {**plain, **treated}


def walked(graph: Graph, leave: Callable[[str, Floats | None], list[Floats]]) -> Course:
    """The course through a graph, state by state.

    ``leave`` gives the times ``(R, N)`` of all edges out of a state, in order, for the times at which it is entered:
    None in the first state, +inf where it never is.
    """
    entered: dict[str, Floats] = {}
    for state in graph.in_order:
        edges = graph.out_of(state)
        if edges:
            for end, when in first_of(edges, leave(state, entered.get(state))).items():
                entered[end] = np.minimum(entered[end], when) if end in entered else when
    return Course(graph, {state: entered[state] for state in graph.states[1:]})


def _course(resolved: ResolvedCourses, hazards: dict[str, Hazard], asked: dict[str, Floats]) -> Course:
    """The course in one arm, whose hazards stay what they are."""

    def time(edge: Edge, since: Floats | None) -> Floats:
        hazard, exposure = hazards[edge.transition], asked[edge.key]
        if since is None:
            return hazard.time(exposure)
        if not edge.forward:
            return since + hazard.time(exposure)
        entered = np.isfinite(since)
        begun = hazard.cumulative(np.where(entered, since, 0.0))
        return np.where(entered, np.maximum(hazard.time(begun + exposure), since), np.inf)

    return walked(resolved.graph, lambda state, since: [time(edge, since) for edge in resolved.graph.out_of(state)])


def _late_courses(
    resolved: ResolvedCourses, asked: Exposures, modes: tuple[Bools, Bools] | None, wait: Floats
) -> tuple[BothCourses, tuple[Bools, Bools] | None]:
    """Courses and modes with treatment from the ``wait (R, N)`` on, and whatever came before it as if untreated.

    Whom a state keeps from starting is for `treatment_start.begins` to say.
    """
    plain, treated = asked
    before = plain

    def time(edge: Edge, since: Floats | None) -> Floats:
        pair = resolved.hazards[0][edge.transition], resolved.hazards[1][edge.transition]
        exposures = plain[edge.key], treated[edge.key]
        if since is None:
            return treatment_start.switched(pair, exposures, wait)
        if not edge.forward:
            return since + treatment_start.switched(pair, exposures, treatment_start.on_reset_clock(since, wait))
        entered = np.isfinite(since)
        found = treatment_start.switched(pair, exposures, wait, np.where(entered, since, 0.0))
        return np.where(entered, found, np.inf)

    def leave(state: str, since: Floats | None) -> list[Floats]:
        nonlocal before, modes, plain, treated
        if since is not None and resolved.modes and modes and state == resolved.mode_state:
            early = since <= wait
            modes = modes[0], np.where(early, modes[0], modes[1])
            zero, one = progression_modes.leaving_log_hr(resolved.modes, modes)
            one = choose(early, zero, one)
            before = hastened(plain, resolved.after_mode, zero)
            plain, treated = hastened(plain, resolved.after_mode, one), hastened(treated, resolved.after_mode, one)
        return [time(edge, since) for edge in resolved.graph.out_of(state)]

    late = walked(resolved.graph, leave)
    return (_course(resolved, resolved.hazards[0], before), late), modes


def seen_courses(resolved: ResolvedCourses, courses: BothCourses, wait: Floats | None) -> BothCourses:
    """The courses of both arms as visits show them, the second one's treatment starting after the ``wait (R, N)``."""
    followup = resolved.world.followup
    states = followup.visited(resolved.graph)
    months = [followup.visit_months.get(arm) for arm in resolved.world.arms.names()]
    visits = [None if one is None else one * resolved.world.per_month for one in months]
    zero, one = (seen_at_visits(course, every, states) for course, every in zip(courses, visits, strict=True))
    if wait is None:
        return zero, one
    return zero, treatment_start.seen_course(wait, courses[1], seen_at_visits(courses[1], visits[0], states), one)


def censoring_times(
    resolved: ResolvedCourses, drawn: Luck, begun: Baseline, courses: BothCourses, wait: Floats | None
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Censoring times ``(R, N)`` in both arms: those of a drop-out that tells nothing, and the ones that there are."""
    luck, followup = drawn.exponential("dropout"), resolved.world.followup
    zero, one = (followup.dropout.get(arm, NO_DROPOUT).pieces() for arm in resolved.world.arms.names())

    def times(asked: Floats) -> tuple[Floats, Floats]:
        last = one.time(asked) if wait is None else treatment_start.switched((zero, one), (asked, asked), wait)
        return np.minimum(begun.administrative, zero.time(asked)), np.minimum(begun.administrative, last)

    plain, informative = times(luck), followup.informative
    if informative is None:
        return plain, plain
    linear = begun.linear[DROPOUT]
    with np.errstate(divide="ignore", over="ignore"):
        asked = luck / risk_of_dropout(informative, linear, begun.frailty)
    if not informative.after:
        return plain, times(asked)
    both = []
    for arm, course in enumerate(courses):
        pair, start = ((zero, zero), begun.administrative) if arm == 0 else ((zero, one), wait)
        changes = [(course.entered[state], log_hr) for state, log_hr in informative.after.items()]
        left = _dropout(pair if start is not None else (one, one), start, asked, changes)
        both.append(np.minimum(begun.administrative, left))
    return plain, (both[0], both[1])


def _dropout(
    pair: tuple[Hazard, Hazard], start: Floats | None, asked: Floats, changes: list[tuple[Floats, float]]
) -> Floats:
    """When patients drop out whose hazard becomes the second at the ``start (R, N)``, and changes on the way."""
    zero, one = pair

    def time(exposure: Floats, since: Floats) -> Floats:
        if start is None:
            return one.time(one.cumulative(since) + exposure)
        return treatment_start.switched(pair, (exposure, exposure), start, since)

    def spent(until: Floats) -> Floats:
        if start is None:
            return one.cumulative(until)
        first = np.minimum(until, start)
        return zero.cumulative(first) + one.cumulative(until) - one.cumulative(first)

    return changing_risk(time, spent, asked, changes)
