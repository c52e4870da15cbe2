"""What is recorded beside survival: response, conversion, adverse events, exposure, modes of progression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simulator.cohort.cohorts import Endpoint, OnDemand
from simulator.mechanisms import exposure, outcomes, progression_modes
from simulator.mechanisms.contract import Around, BothArms, Followed, Recording
from simulator.numerics.arrays import Bools, Floats, Positions
from simulator.numerics.streams import Luck


@dataclass(frozen=True)
class ResolvedRecords:
    """What is recorded in a world, ready to be drawn: the yes/no outcomes by name, the arms whose shares hold in the
    two potential courses, and what draws the yes/no outcomes.
    """

    spec: outcomes.Outcomes
    binary: tuple[str, ...]
    arms: tuple[str, str]
    recordings: tuple[Recording, ...]
    modes: progression_modes.ResolvedModes | None


@dataclass(frozen=True)
class Records:
    """Both potential values of everything, untreated first: best response, yes/no outcomes, amounts ``(R, N)``."""

    response: tuple[Positions, Positions] | None
    binary: Mapping[str, BothArms]
    exposure: dict[str, tuple[Floats, Floats]]


def resolve(spec: outcomes.Outcomes, around: Around) -> ResolvedRecords:
    """What is recorded in a world, made ready to be drawn."""
    recordings = (part.recording(place, around.courses) for place, part in around.parts.items())
    return ResolvedRecords(
        spec,
        around.binary(),
        around.courses,
        tuple(one for one in recordings if one is not None),
        progression_modes.resolve(spec.progression_modes, around.courses) if spec.progression_modes else None,
    )


def draw(
    resolved: ResolvedRecords,
    names: tuple[str, str],
    drawn: Luck,
    luck: dict[str, Floats],
    courses: tuple[outcomes.Course, outcomes.Course],
    wait: Floats | None = None,
) -> Records:
    """The records of courses: ``luck (R, N)`` is that of each transition, small in those who are late.

    ``names`` are the arms: an amount of treatment is that of the arm itself, whatever treatment does to the rest. What
    the treated alone receive has to fit into life after the ``wait``.
    """
    spec = resolved.spec
    response = None
    if spec.response:
        latent = outcomes.latent_response(spec.response, luck["progression"], drawn.normal("response"))
        zero, one = (outcomes.best_response(spec.response, arm, latent) for arm in resolved.arms)
        response = (zero, one)

    asked = (spec.response.categories, spec.response.shares) if spec.response else ((), {})
    patients = Followed(drawn, response, *asked, luck)

    def binary() -> dict[str, BothArms]:
        return {name: both for one in resolved.recordings for name, both in one(patients).items()}

    amounts: dict[str, tuple[Floats, Floats]] = {}
    for name, treatment in spec.exposure.items():
        own, late = drawn.normal(f"exposure/{name}"), patients.late("progression")
        lives = [course.os for course in courses]
        if wait is not None and names[0] not in treatment.arms:
            lives[1] = np.maximum(lives[1] - np.where(np.isfinite(wait), wait, 0.0), 0.0)
        without, given = (exposure.amounts(treatment, arm, late, own, os) for arm, os in zip(names, lives, strict=True))
        amounts[name] = (without, given)
    return Records(response, OnDemand(resolved.binary, binary), amounts)


def seen_modes(
    resolved: progression_modes.ResolvedModes,
    shown: Sequence[Bools],
    course: outcomes.Course,
    observed: Endpoint,
) -> dict[str, Bools]:
    """Who was seen to progress in each mode ``(R, N)``, or to die first, under the received arm.

    ``shown`` are the modes of a progression, ``(R, N)`` each, ``course`` is as it is seen, and ``observed`` is
    progression-free survival.
    """
    progressed = course.pfs < course.os
    seen = observed.event & progressed
    found = {name: shown[k] & seen for k, name in enumerate(resolved.spec.modes)}
    return {**found, resolved.spec.death: observed.event & ~progressed}
