"""Cohorts from a world: the data-generating process on one page."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator import covariates, outcomes, predictors, treatment
from simulator.cohort import Bools, Cohorts, Endpoint, Floats, Hidden, Observed
from simulator.elementary import choose, exp, minus_log
from simulator.entry import months_between
from simulator.followup import observe
from simulator.streams import Streams
from simulator.world import World

Positions = NDArray[np.int32]

REFERENCE_SEED = 0  # the world's own constants do not depend on a study's seed


@dataclass(frozen=True)
class Resolved:
    """A world made ready to generate from; built once per scenario by `resolve`."""

    world: World
    baseline: covariates.Baseline
    allocation: treatment.Allocation
    hazards: tuple[dict[str, outcomes.Hazard], dict[str, outcomes.Hazard]]
    predictors: predictors.Predictors


def resolve(world: World) -> Resolved:
    """The world with everything worked out that does not depend on a replicate."""
    baseline = covariates.resolve(world.population)
    transitions = world.outcomes.transitions()
    prepared = predictors.resolve(
        {
            "treatment": world.treatment.log_odds,
            **{name: spec.log_hr for name, spec in transitions.items()},
            **{f"{name}/treated": transitions[name].treatment.modifiers for name in _modified(world.outcomes)},
        },
        baseline.variables,
    )
    values = baseline.draw(Streams(REFERENCE_SEED), np.zeros(1, np.int64), treatment.REFERENCE_PATIENTS)
    intercept = treatment.solve_intercept(world.treatment, prepared.of(values)[prepared.rows["treatment"]])
    plain = {name: spec.baseline.pieces() for name, spec in transitions.items()}
    treated = {name: plain[name].under(spec.treatment) for name, spec in transitions.items()}
    works = world.outcomes.treatment_effect == "as_stated"
    return Resolved(
        world,
        baseline,
        treatment.Allocation(intercept, world.treatment.share if world.treatment.kind == "fixed" else None),
        (plain, treated if works else plain),
        prepared,
    )


def generate(resolved: Resolved, seed: int, replicates: NDArray[np.int64], patients: int | None = None) -> Cohorts:
    """The cohorts of the given replicate numbers ``(R,)``, each of ``population.size`` patients unless stated.

    Bit for bit the same for a replicate whatever others are in the block.
    """
    world, streams = resolved.world, Streams(seed)
    n = world.population.size if patients is None else patients
    values = resolved.baseline.draw(streams, replicates, n)
    linear = resolved.predictors.of(values)
    treated, propensity = resolved.allocation.draw(linear[resolved.predictors.rows["treatment"]], streams, replicates)
    courses, response = _courses(resolved, streams, replicates, linear)
    censoring, entry = _censoring(resolved, streams, replicates, n)
    arms = world.arms.names()
    eligible = np.stack(
        [course.os >= world.entry.guarantee_months.get(arm, 0.0) for arm, course in zip(arms, courses, strict=True)]
    )
    potential: dict[str, tuple[Endpoint, Endpoint]] = {
        "OS": (observe(courses[0].os, censoring[0]), observe(courses[1].os, censoring[1])),
        "PFS": (observe(courses[0].pfs, censoring[0]), observe(courses[1].pfs, censoring[1])),
    }
    binary = _response_groups(resolved, response)
    measured = len(resolved.baseline.measured)
    observed = Observed(
        variables=resolved.baseline.measured,
        covariates=covariates.by_patient(values[:measured]),
        treated=treated,
        present=choose(treated, eligible[1], eligible[0]),
        endpoints={
            name: Endpoint(choose(treated, one.time, zero.time), choose(treated, one.event, zero.event))
            for name, (zero, one) in potential.items()
        },
        binary={name: choose(treated, one, zero) for name, (zero, one) in binary.items()},
    )
    hidden = Hidden(
        variables=resolved.baseline.hidden,
        covariates=covariates.by_patient(values[measured:]),
        propensity=propensity,
        potential=potential,
        binary=binary,
        eligible=eligible,
        entry=entry,
        response=response,
    )
    return Cohorts(replicates, observed, hidden)


def _courses(
    resolved: Resolved, streams: Streams, replicates: NDArray[np.int64], linear: Floats
) -> tuple[tuple[outcomes.Course, outcomes.Course], tuple[Positions, Positions] | None]:
    """Latent courses and best response in both arms, from the same luck."""
    spec, n, row = resolved.world.outcomes, linear.shape[-1], resolved.predictors.rows
    luck = {name: streams.uniform(f"transition/{name}", replicates, n) for name in spec.transitions()}
    multiplier = outcomes.frailty(spec.frailty, streams, replicates, n) if spec.frailty else 1.0
    with np.errstate(divide="ignore", over="ignore"):  # a multiplier may be too small or too large for a float
        ratio = {place: exp(linear[place]) * multiplier for place in {row[name] for name in luck}}
        plain = {name: minus_log(luck[name]) / ratio[row[name]] for name in luck}
        treated = {**plain, **{name: plain[name] / exp(linear[row[f"{name}/treated"]]) for name in _modified(spec)}}
    zero, one = (outcomes.course(*arm) for arm in zip(resolved.hazards, (plain, treated), strict=True))
    if spec.response is None:
        return (zero, one), None
    latent = outcomes.latent_response(spec.response, luck["progression"], streams.normal("response", replicates, n))
    arms = resolved.world.arms.names()
    categories = [
        outcomes.best_response(spec.response, arm, latent)
        for arm in (arms[0], arms[spec.treatment_effect == "as_stated"])
    ]
    return (zero, one), (categories[0], categories[1])


def _modified(spec: outcomes.Outcomes) -> list[str]:
    """Names of the transitions on which treatment does not act alike in all patients."""
    works = spec.treatment_effect == "as_stated"
    return [name for name, transition in spec.transitions().items() if works and transition.treatment.modifiers]


def _censoring(
    resolved: Resolved, streams: Streams, replicates: NDArray[np.int64], n: int
) -> tuple[tuple[Floats, Floats], Floats]:
    """Censoring times in both arms, and months from the start of accrual to entry, each ``(R, N)``."""
    world = resolved.world
    entry = world.entry.accrual.months(streams.uniform("entry", replicates, n))
    administrative = months_between(world.entry.accrual.start, world.followup.cut_off) - entry
    luck = streams.exponential("dropout", replicates, n)
    by_arm = [
        np.minimum(administrative, world.followup.dropout[arm].pieces().time(luck))
        if arm in world.followup.dropout
        else administrative
        for arm in world.arms.names()
    ]
    return (by_arm[0], by_arm[1]), entry


def _response_groups(
    resolved: Resolved, response: tuple[Positions, Positions] | None
) -> dict[str, tuple[Bools, Bools]]:
    """Both potential values ``(R, N)`` of every outcome made of categories of best response."""
    spec = resolved.world.outcomes.response
    if spec is None or response is None:
        return {}
    groups = {}
    for name, members in spec.groups.items():
        inside = [spec.categories.index(member) for member in members]
        groups[name] = (_among(response[0], inside), _among(response[1], inside))
    return groups


def _among(positions: Positions, few: list[int]) -> Bools:
    """Where a position is one of a few."""
    found = np.zeros(positions.shape, np.bool_)
    for position in few:
        found |= positions == position
    return found
