"""What is recorded beside the course: response, conversion, adverse events, exposure, modes of progression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simulator.cohort.cohorts import Endpoint, OnDemand
from simulator.mechanisms import adverse_events, conversion, exposure, outcomes, progression_modes
from simulator.mechanisms.graph import Course
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
    per_month: float,
    drawn: Luck,
    luck: dict[str, Floats],
    courses: tuple[Course, Course],
    wait: Floats | None = None,
) -> Records:
    """The records of courses: ``luck (R, N)`` is that of each edge, small in those who are late.

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

    def binary() -> dict[str, BothArms]:
        found = _of_response(resolved, drawn, luck, response)
        return found | (adverse_events.draw(resolved.adverse, drawn) if resolved.adverse else {})

    amounts: dict[str, tuple[Floats, Floats]] = {}
    late: dict[str, Floats] = {}
    for name, treatment in spec.exposure.items():
        own = drawn.normal(f"exposure/{name}")
        lives, follows = [course.end for course in courses], treatment.follows or transitions[0]
        if follows not in late:
            late[follows] = -normal_quantile(luck[follows])
        if wait is not None and names[0] not in treatment.arms:
            lives[1] = np.maximum(lives[1] - np.where(np.isfinite(wait), wait, 0.0), 0.0)
        without, given = (
            exposure.amounts(treatment, arm, late[follows], own, life / per_month)
            for arm, life in zip(names, lives, strict=True)
        )
        amounts[name] = (without, given)
    return Records(response, OnDemand(resolved.binary, binary), amounts)


def _of_response(
    resolved: ResolvedRecords,
    drawn: Luck,
    luck: dict[str, Floats],
    response: tuple[Positions, Positions] | None,
) -> dict[str, BothArms]:
    """The outcomes that are categories of best response, and the conversions open to some of them."""
    spec, found = resolved.spec, {}
    if spec.response is None or response is None:
        return {}
    for name, members in spec.response.groups.items():
        inside = [spec.response.categories.index(member) for member in members]
        found[name] = (_among(response[0], inside), _among(response[1], inside))
    for name, step in spec.conversion.items():
        own, late = (
            drawn.normal(f"conversion/{name}"),
            -normal_quantile(luck[step.follows or spec.graph.transitions[-1]]),
        )
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
    entered: Floats,
    observed: Endpoint,
) -> dict[str, Bools]:
    """Who was seen to enter the state in each mode ``(R, N)``, or to have the endpoint without it, in the received arm.

    ``shown`` are the modes, ``(R, N)`` each, ``entered`` is when entry is seen, and ``observed`` is the endpoint.
    """
    by_it = observed.event & (entered <= observed.time)
    found = {name: shown[k] & by_it for k, name in enumerate(resolved.spec.modes)}
    return {**found, resolved.spec.death: observed.event & ~by_it}


def _among(positions: Positions, few: list[int]) -> Bools:
    """Where a position is one of a few."""
    found = np.zeros(positions.shape, np.bool_)
    for position in few:
        found |= positions == position
    return found
