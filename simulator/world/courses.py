"""The courses of both arms: transitions, the modes of progression, visits, and what ends follow-up.

Where treatment starts late, the treated arm's hazards change at a patient's own time; nothing else is different here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from simulator.mechanisms import progression_modes, treatment_start
from simulator.mechanisms.contract import AFTER, AtEntry, Exposures, Mechanism, hastened
from simulator.mechanisms.followup import risk_of_dropout, seen_at_visits
from simulator.mechanisms.outcomes import Course, Exponential, Hazard, course, joined
from simulator.numerics.arrays import Bools, Floats
from simulator.numerics.elementary import choose, exp, minus_log
from simulator.numerics.streams import Luck
from simulator.world.sections import World

NO_DROPOUT = Exponential(kind="exponential", rate=0.0)
BothCourses = tuple[Course, Course]


def predictor_of(place: str) -> str:
    """The name of the linear predictor of a transition, or of the choice of treatment."""
    return "treatment.log_odds" if place == "treatment" else f"outcomes.{place}.log_hr"


def modifiers_of(transition: str) -> str:
    """The name of the linear predictor of what treatment does to a transition in some patients more than in others."""
    return f"outcomes.{transition}.treatment.modifiers"


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

    ``modified`` are the transitions on which treatment does not act alike in all patients.
    """

    world: World
    hazards: tuple[dict[str, Hazard], dict[str, Hazard]]
    arms: tuple[str, str]
    mechanisms: Mapping[str, Mechanism]
    modified: tuple[str, ...]
    modes: progression_modes.ResolvedModes | None


def resolve(world: World, modes: progression_modes.ResolvedModes | None) -> ResolvedCourses:
    """The courses of a world, with the modes that they show."""
    transitions, works, around = world.outcomes.transitions(), world.outcomes.works(), world.around()
    plain = {name: spec.baseline.pieces() for name, spec in transitions.items()}
    treated = {name: plain[name].under(spec.treatment) for name, spec in transitions.items()} if works else plain
    return ResolvedCourses(
        world,
        (plain, treated),
        around.courses,
        around.parts,
        tuple(name for name, spec in transitions.items() if works and spec.treatment.modifiers),
        modes,
    )


@dataclass(frozen=True)
class LatentCourses:
    """What happens in both arms, seen or not: the ``luck (R, N)`` of each transition, courses, and modes of
    progression ``(M, R, N)``.
    """

    luck: dict[str, Floats]
    courses: BothCourses
    modes: tuple[Bools, Bools] | None


def latent_courses(resolved: ResolvedCourses, drawn: Luck, begun: Baseline, wait: Floats | None) -> LatentCourses:
    """The courses of the patients, of one luck in both arms; treatment begins after a ``wait (R, N)``, if any."""
    luck = {name: drawn.uniform(f"transition/{name}") for name in resolved.hazards[0]}
    modes = progression_modes.draw(resolved.modes, drawn) if resolved.modes else None
    asked = _exposures(resolved, begun, luck)
    patients = replace(begun.patients, luck=drawn)
    for place, mechanism in resolved.mechanisms.items():
        asked = mechanism.acts(place, asked, patients)
    if wait is not None and resolved.hazards[1] is not resolved.hazards[0]:
        return LatentCourses(luck, *_late_courses(resolved, asked, modes, wait))
    if resolved.modes and modes:
        after = progression_modes.death_log_hr(resolved.modes, modes)
        asked = hastened(asked[0], AFTER, after[0]), hastened(asked[1], AFTER, after[1])
    zero, one = (course(*arm) for arm in zip(resolved.hazards, asked, strict=True))
    return LatentCourses(luck, (zero, one), modes)


def _exposures(resolved: ResolvedCourses, begun: Baseline, luck: dict[str, Floats]) -> Exposures:
    """What transitions ask of their hazards, before any mechanism has acted."""
    linear = {name: begun.linear[predictor_of(name)] for name in luck}  # some of them the same array
    distinct = {id(one): one for one in linear.values()}
    with np.errstate(divide="ignore", over="ignore"):  # a multiplier may be too small or too large for a float
        ratio = {key: exp(one) * begun.frailty for key, one in distinct.items()}
        plain = {name: minus_log(luck[name]) / ratio[id(linear[name])] for name in luck}
        treated = {name: plain[name] / exp(begun.linear[modifiers_of(name)]) for name in resolved.modified}
    return plain, {**plain, **treated}


def _late_courses(
    resolved: ResolvedCourses, asked: Exposures, modes: tuple[Bools, Bools] | None, wait: Floats
) -> tuple[BothCourses, tuple[Bools, Bools] | None]:
    """Courses and modes with treatment from the ``wait (R, N)`` on, and progression before it as if untreated."""
    plain, treated = asked

    def time(name: str, at: Floats) -> Floats:
        pair = resolved.hazards[0][name], resolved.hazards[1][name]
        return treatment_start.switched(pair, (plain[name], treated[name]), at)

    progression, death = time("progression", wait), time("death", wait)
    before = plain
    if resolved.modes and modes:
        early = progression <= wait
        modes = modes[0], np.where(early, modes[0], modes[1])
        zero, one = progression_modes.death_log_hr(resolved.modes, modes)
        one = choose(early, zero, one)
        before = hastened(plain, AFTER, zero)
        plain, treated = hastened(plain, AFTER, one), hastened(treated, AFTER, one)
    start = resolved.world.treatment.start
    prevents = start is not None and start.progression_prevents
    at = treatment_start.after_progression(progression, wait, prevents)
    return (course(resolved.hazards[0], before), joined(progression, death, time(AFTER, at))), modes


def seen_courses(resolved: ResolvedCourses, courses: BothCourses, wait: Floats | None) -> BothCourses:
    """The courses of both arms as visits show them, the second one's treatment starting after the ``wait (R, N)``."""
    visits = [resolved.world.followup.visit_months.get(arm) for arm in resolved.world.arms.names()]
    zero, one = (seen_at_visits(course, months) for course, months in zip(courses, visits, strict=True))
    if wait is None:
        return zero, one
    return zero, treatment_start.seen_course(wait, courses[1], seen_at_visits(courses[1], visits[0]), one)


def censoring_times(
    resolved: ResolvedCourses, drawn: Luck, begun: Baseline, wait: Floats | None
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
    linear = begun.linear["followup.informative.log_hr"]
    with np.errstate(divide="ignore", over="ignore"):
        return plain, times(luck / risk_of_dropout(informative, linear, begun.frailty))
