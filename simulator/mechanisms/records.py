"""What is recorded beside survival: response, conversion, adverse events, exposure, modes of progression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simulator.cohort.cohorts import Endpoint, OnDemand
from simulator.mechanisms import adverse_events, conversion, exposure, outcomes, progression_modes
from simulator.mechanisms.contract import AFTER
from simulator.numerics.arrays import Bools, Floats, Positions
from simulator.numerics.elementary import normal_quantile
from simulator.numerics.streams import Luck

BothArms = tuple[Bools, Bools]


@dataclass(frozen=True)
class ResolvedRecords:
    """What is recorded in a world, ready to be drawn: all yes/no outcomes by name, and the arms whose shares hold in
    the two potential courses.
    """

    spec: outcomes.Outcomes
    binary: tuple[str, ...]
    arms: tuple[str, str]
    adverse: adverse_events.ResolvedAdverseEvents | None
    modes: progression_modes.ResolvedModes | None


@dataclass(frozen=True)
class Records:
    """Both potential values of everything, untreated first: best response, yes/no outcomes, amounts ``(R, N)``."""

    response: tuple[Positions, Positions] | None
    binary: Mapping[str, BothArms]
    exposure: dict[str, tuple[Floats, Floats]]


def resolve(spec: outcomes.Outcomes, binary: tuple[str, ...], arms: tuple[str, str]) -> ResolvedRecords:
    """What is recorded, made ready: yes/no outcomes by name, and the arms whose shares hold in the two courses."""
    return ResolvedRecords(
        spec,
        binary,
        arms,
        adverse_events.resolve(spec.adverse_events, arms) if spec.adverse_events else None,
        progression_modes.resolve(spec.progression_modes, arms) if spec.progression_modes else None,
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

    def binary() -> dict[str, BothArms]:
        found = _of_response(resolved, drawn, luck[AFTER], response)
        return found | (adverse_events.draw(resolved.adverse, drawn) if resolved.adverse else {})

    amounts: dict[str, tuple[Floats, Floats]] = {}
    late = -normal_quantile(luck["progression"]) if spec.exposure else np.empty(0)
    for name, treatment in spec.exposure.items():
        own = drawn.normal(f"exposure/{name}")
        lives = [course.os for course in courses]
        if wait is not None and names[0] not in treatment.arms:
            lives[1] = np.maximum(lives[1] - np.where(np.isfinite(wait), wait, 0.0), 0.0)
        without, given = (exposure.amounts(treatment, arm, late, own, os) for arm, os in zip(names, lives, strict=True))
        amounts[name] = (without, given)
    return Records(response, OnDemand(resolved.binary, binary), amounts)


def _of_response(
    resolved: ResolvedRecords,
    drawn: Luck,
    luck: Floats,
    response: tuple[Positions, Positions] | None,
) -> dict[str, BothArms]:
    """The outcomes that are categories of best response, and the conversions open to some of them."""
    spec, found = resolved.spec, {}
    if spec.response is None or response is None:
        return {}
    for name, members in spec.response.groups.items():
        inside = [spec.response.categories.index(member) for member in members]
        found[name] = (_among(response[0], inside), _among(response[1], inside))
    late = -normal_quantile(luck) if spec.conversion else np.empty(0)
    for name, step in spec.conversion.items():
        own = drawn.normal(f"conversion/{name}")
        before, after = (
            _converted(step, spec.response, arm, positions, late, own)
            for arm, positions in zip(resolved.arms, response, strict=True)
        )
        found[name] = (before, after)
    return found


def _converted(
    step: conversion.Conversion, response: outcomes.Response, arm: str, found: Positions, late: Floats, own: Floats
) -> Bools:
    shares = response.shares[arm]
    inside = sum(shares[response.categories.index(name)] for name in step.among) / sum(shares)
    return conversion.draw(step, arm, found, response.categories, inside, late, own)


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


def _among(positions: Positions, few: list[int]) -> Bools:
    """Where a position is one of a few."""
    found = np.zeros(positions.shape, np.bool_)
    for position in few:
        found |= positions == position
    return found
