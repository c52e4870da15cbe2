"""Cohorts from a world: the data-generating process on one page."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulator import covariates, outcomes, treatment
from simulator.cohort import Bools, Cohorts, Endpoint, Floats, Hidden, Observed
from simulator.entry import months_between
from simulator.followup import observe
from simulator.streams import Streams
from simulator.terms import design
from simulator.world import World

REFERENCE_SEED = 0  # the world's own constants do not depend on a study's seed


@dataclass(frozen=True)
class Resolved:
    """A world made ready to generate from; built once per scenario by `resolve`."""

    world: World
    baseline: covariates.Baseline
    allocation: treatment.Allocation
    hazards: tuple[dict[str, outcomes.Hazard], dict[str, outcomes.Hazard]]

    def predictor(self, coefficients: dict[str, float], values: Floats) -> Floats:
        """The sum of coefficient x term for every patient ``(R, N)``."""
        variables = self.baseline.variables
        total = np.zeros(values.shape[:2])
        for term, coefficient in coefficients.items():
            total += coefficient * design((term,), variables, tuple(variables), values).x[..., 0]
        return total


def resolve(world: World) -> Resolved:
    """The world with everything worked out that does not depend on a replicate."""
    baseline = covariates.resolve(world.population)
    blank = Resolved(world, baseline, treatment.Allocation(0.0, None), ({}, {}))
    values = baseline.draw(Streams(REFERENCE_SEED), np.zeros(1, np.int64), treatment.REFERENCE_PATIENTS)
    intercept = treatment.solve_intercept(world.treatment, blank.predictor(world.treatment.log_odds, values))
    fixed_share = world.treatment.share if world.treatment.kind == "fixed" else None
    plain = {name: spec.baseline.pieces() for name, spec in world.outcomes.transitions().items()}
    treated = {name: plain[name].under(spec.treatment) for name, spec in world.outcomes.transitions().items()}
    works = world.outcomes.treatment_effect == "as_stated"
    return replace(
        blank,
        allocation=treatment.Allocation(intercept, fixed_share),
        hazards=(plain, treated if works else plain),
    )


def generate(resolved: Resolved, seed: int, replicates: NDArray[np.int64], patients: int | None = None) -> Cohorts:
    """The cohorts of the given replicate numbers ``(R,)``, each of ``population.size`` patients unless stated.

    Bit for bit the same for a replicate whatever others are in the block.
    """
    world, streams = resolved.world, Streams(seed)
    n = world.population.size if patients is None else patients
    values = resolved.baseline.draw(streams, replicates, n)
    predictor = resolved.predictor(world.treatment.log_odds, values)
    treated, propensity = resolved.allocation.draw(predictor, streams, replicates)
    courses, response = _courses(resolved, streams, replicates, values)
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
        covariates=np.ascontiguousarray(values[..., :measured]),
        treated=treated,
        present=np.where(treated, eligible[1], eligible[0]),
        endpoints={
            name: Endpoint(np.where(treated, one.time, zero.time), np.where(treated, one.event, zero.event))
            for name, (zero, one) in potential.items()
        },
        binary={name: np.where(treated, one, zero) for name, (zero, one) in binary.items()},
    )
    hidden = Hidden(
        variables=resolved.baseline.hidden,
        covariates=np.ascontiguousarray(values[..., measured:]),
        propensity=propensity,
        potential=potential,
        binary=binary,
        eligible=eligible,
        entry=entry,
        response=response,
    )
    return Cohorts(replicates, observed, hidden)


def _courses(
    resolved: Resolved, streams: Streams, replicates: NDArray[np.int64], values: Floats
) -> tuple[tuple[outcomes.Course, outcomes.Course], tuple[NDArray[np.int64], NDArray[np.int64]] | None]:
    """Latent courses and best response in both arms, from the same luck."""
    spec, n = resolved.world.outcomes, values.shape[1]
    multiplier = outcomes.frailty(spec.frailty, streams, replicates, n) if spec.frailty else 1.0
    luck = {name: streams.uniform(f"transition/{name}", replicates, n) for name in spec.transitions()}
    works = spec.treatment_effect == "as_stated"
    exposure: tuple[dict[str, Floats], dict[str, Floats]] = ({}, {})
    for name, transition in spec.transitions().items():
        with np.errstate(divide="ignore", over="ignore"):  # a multiplier may be too small or too large for a float
            unit = -np.log(luck[name]) / (np.exp(resolved.predictor(transition.log_hr, values)) * multiplier)
            exposure[0][name] = exposure[1][name] = unit
            if works and transition.treatment.modifiers:
                exposure[1][name] = unit / np.exp(resolved.predictor(transition.treatment.modifiers, values))
    zero, one = (outcomes.course(resolved.hazards[a], exposure[a]) for a in (0, 1))
    if spec.response is None:
        return (zero, one), None
    own = streams.normal("response", replicates, n)
    control, treated = resolved.world.arms.names()
    categories = [
        outcomes.best_response(spec.response, arm, luck["progression"], own)
        for arm in (control, treated if works else control)
    ]
    return (zero, one), (categories[0], categories[1])


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
    resolved: Resolved, response: tuple[NDArray[np.int64], NDArray[np.int64]] | None
) -> dict[str, tuple[Bools, Bools]]:
    """Both potential values ``(R, N)`` of every outcome made of categories of best response."""
    spec = resolved.world.outcomes.response
    if spec is None or response is None:
        return {}
    groups = {}
    for name, members in spec.groups.items():
        inside = [spec.categories.index(member) for member in members]
        groups[name] = (np.isin(response[0], inside), np.isin(response[1], inside))
    return groups
