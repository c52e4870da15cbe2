"""What is recorded beside the course: response and other yes/no outcomes, exposure, modes of progression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simulator.cohort.cohorts import Endpoint, OnDemand
from simulator.mechanisms import exposure, outcomes, progression_modes
from simulator.mechanisms.contract import Around, BothArms, Followed, Recording, below
from simulator.mechanisms.graph import Course
from simulator.numerics.arrays import Bools, Floats, Positions
from simulator.numerics.streams import Luck


@dataclass(frozen=True)
class ResolvedRecords:
    """What is recorded in a world, ready to be drawn: the yes/no outcomes by name, the arms whose shares hold in the
    two potential courses, what draws the yes/no outcomes, and the dotted places of the coefficients that it asks for.
    """

    spec: outcomes.Outcomes
    binary: tuple[str, ...]
    arms: tuple[str, str]
    recordings: tuple[Recording, ...]
    sums: tuple[str, ...]
    modes: progression_modes.ResolvedModes | None


@dataclass(frozen=True)
class Records:
    """Both potential values of everything, untreated first: best response, yes/no outcomes, amounts ``(R, N)``."""

    response: tuple[Positions, Positions] | None
    binary: Mapping[str, BothArms]
    exposure: dict[str, tuple[Floats, Floats]]


def resolve(
    spec: outcomes.Outcomes,
    around: Around,
    modes: progression_modes.ResolvedModes | None,
    reference: Mapping[str, Floats],
) -> ResolvedRecords:
    """What is recorded in a world, made ready to be drawn; linear predictors of the reference patients ``(M,)``."""
    asked = ((place, part, part.recording(place, around.courses, reference)) for place, part in around.parts.items())
    recorded = [(place, part, one) for place, part, one in asked if one is not None]
    return ResolvedRecords(
        spec,
        around.binary(),
        around.courses,
        tuple(one for *_, one in recorded),
        tuple(below(place, key) for place, part, _ in recorded for key in part.coefficients),
        modes,
    )


def draw(
    resolved: ResolvedRecords,
    names: tuple[str, str],
    per_month: float,
    drawn: Luck,
    luck: dict[str, Floats],
    courses: tuple[Course, Course],
    linear: Mapping[str, Floats],
    wait: Floats | None = None,
) -> Records:
    """The records of courses: ``luck (R, N)`` is that of each edge, small in those who are late; ``linear`` predictors.

    ``names`` are the arms: an amount of treatment is that of the arm itself, whatever treatment does to the rest. What
    the treated alone receive has to fit into life after the ``wait``. ``per_month``: how many units of time a month
    has.
    """
    spec, transitions = resolved.spec, resolved.spec.graph.transitions
    response = None
    if spec.response:
        latent = outcomes.latent_response(
            spec.response, luck[spec.response.follows or transitions[0]], drawn.normal("response")
        )
        zero, one = (outcomes.best_response(spec.response, arm, latent) for arm in resolved.arms)
        response = (zero, one)

    asked = (spec.response.categories, spec.response.shares) if spec.response else ((), {})
    patients = Followed(drawn, response, *asked, luck, transitions, {place: linear[place] for place in resolved.sums})

    def binary() -> dict[str, BothArms]:
        return {name: both for one in resolved.recordings for name, both in one(patients).items()}

    amounts: dict[str, tuple[Floats, Floats]] = {}
    ends = [course.end if per_month == 1.0 else course.end / per_month for course in courses] if spec.exposure else []
    for name, treatment in spec.exposure.items():
        own, late = drawn.normal(f"exposure/{name}"), patients.late(treatment.follows or transitions[0])
        lives = list(ends)
        if wait is not None and names[0] not in treatment.arms:
            lives[1] = np.maximum(lives[1] - np.where(np.isfinite(wait), wait / per_month, 0.0), 0.0)
        without, given = (
            exposure.amounts(treatment, arm, late, own, life) for arm, life in zip(names, lives, strict=True)
        )
        amounts[name] = (without, given)
    return Records(response, OnDemand(resolved.binary, binary), amounts)


def seen_modes(
    resolved: progression_modes.ResolvedModes,
    shown: Sequence[Bools],
    entered: Floats,
    observed: Endpoint,
) -> dict[str, Bools]:
    """Who was seen to enter the state in each mode ``(R, N)``, or to have the endpoint without it, in the received arm.

    ``shown`` are the modes, ``(R, N)`` each, ``entered`` is when entry is seen, and ``observed`` is the endpoint.
    """
    by_it = observed.event & (entered <= observed.time)
    found = {name: shown[k] & by_it for k, name in enumerate(resolved.spec.modes)}
    return {**found, resolved.spec.death: observed.event & ~by_it}
