"""The truth of an estimand, from both potential outcomes of the same patients.

A marginal log hazard ratio is the Cox coefficient of treatment when every patient of the population is followed once in
each arm; differences of restricted means, of survival, of medians and of risks are those between the two courses of the
same patients (`benchmarks.truth.tallies`). A subdistribution log hazard ratio is that coefficient where whoever has a
competing event stays at risk to the end of the own follow-up in that arm, without censoring for ever. The Monte Carlo
standard error is a jackknife over groups of replicates. Conditional log hazard ratios, and ratios in worlds whose
centres differ by replicate, are means of fits (`benchmarks.truth.fitted`).

The patients are those of the study's own first replicates, everybody who is screened: as many as bring the error down
to what is wanted, and at most ``run.truth_patients``. No truth depends on how the two courses of a patient hang
together, but for the populations that are defined by it (`simulator.cohort.estimand.COUPLED`). The ``matched`` are the
treated whom the very matching kept in these replicates, each with the weight that it gave, followed afresh in both
arms: their own courses are conditioned on having been included. Where treatment changes no transition, every contrast
of survival is exactly zero.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analysis.plan.analysis_plan import MatchingPlan, Plan, PropensityPlan
from benchmarks.asked.sampled import samples
from benchmarks.asked.scenario import Scenario
from benchmarks.truth.tallies import (
    GROUPS,
    TALLIES,
    WHOLE_PATIENT,
    BothOutcomes,
    bounds,
    medians,
    outcomes_of,
    staying,
)
from simulator.cohort.cohorts import Cohorts
from simulator.cohort.estimand import SUBDISTRIBUTION, Estimand, PopulationName
from simulator.numerics.arrays import Bools, Floats, Ints
from simulator.world.generate import ResolvedWorld, generate
from simulator.world.strategies import followed

FIRST_PATIENTS = 100_000
PILOT_PATIENTS = 20_000
AFRESH = "afresh"


@dataclass(frozen=True)
class Truth:
    """The true value of an estimand with its Monte Carlo standard error, and how it was found."""

    estimand: Estimand
    value: float
    mcse: float
    how: str


@dataclass(frozen=True)
class DrawnCohorts:
    """Cohorts of some replicates, of ``size`` patients or the study's own, worked out when first asked for.

    ``luck`` follows the patients afresh from time zero on.
    """

    scenario: Scenario
    resolved: ResolvedWorld
    replicates: NDArray[np.int64]
    luck: str = ""
    size: int | None = None

    @cached_property
    def cohorts(self) -> Cohorts:
        """The cohorts with both potential outcomes."""
        return generate(self.resolved, self.scenario.run.seed, self.replicates, self.size, self.luck)

    def outcomes(self, estimand: Estimand, weight: Ints) -> BothOutcomes:
        """The outcomes that an estimand compares, the patients ``(R, N)`` counting by ``weight``."""
        hidden, seed = self.cohorts.hidden, self.scenario.run.seed
        potential = hidden.potential
        if estimand.measure in SUBDISTRIBUTION and estimand.endpoint in hidden.until:
            courses, until = potential[estimand.endpoint], hidden.until[estimand.endpoint]
            potential = {estimand.endpoint: staying(courses, until)}
        if estimand.grace is not None:
            potential = followed(self.resolved, seed, self.replicates, estimand.grace, self.luck, self.size)
        return outcomes_of(estimand, potential, hidden.latent, hidden.binary, hidden.starts, weight)


@dataclass(frozen=True)
class Patients:
    """The replicates of one cell whose potential outcomes give the truth."""

    scenario: Scenario
    resolved: ResolvedWorld

    def replicates(self, patients: int) -> int:
        """How many replicates make up so many patients."""
        return -(-patients // self.scenario.screened())

    @property
    def most(self) -> int:
        """How many replicates may be used: those of ``run.truth_patients`` patients."""
        return self.replicates(self.scenario.run.truth_patients)

    def begin(self, whole: bool) -> int:
        """How many replicates the first look takes: all that are allowed if ``whole``."""
        return self.most if whole else min(self.most, max(GROUPS, self.replicates(FIRST_PATIENTS)))

    def drawn(self, replicates: NDArray[np.int64], luck: str = "", size: int | None = None) -> DrawnCohorts:
        """The cohorts of these replicates."""
        return DrawnCohorts(self.scenario, self.resolved, replicates, luck, size)

    def groups(self, replicates: NDArray[np.int64]) -> NDArray[np.int64]:
        """The jackknife group of every patient ``(R, N)``: by replicate, or by patient where replicates are too few."""
        own = np.arange(self.scenario.screened())
        number = replicates[:, None] + (own if self.most < GROUPS else 0 * own)
        return number % GROUPS

    @cached_property
    def _pilot(self) -> DrawnCohorts:
        """The first replicates, which show where curves are worth counting."""
        return self.drawn(np.arange(min(self.most, self.replicates(PILOT_PATIENTS)), dtype=np.int64))

    def bounds(self, estimand: Estimand) -> Floats:
        """Where the curves of an estimand are counted, found in the first replicates alone."""
        if not TALLIES[estimand.measure].has_bounds:
            return np.empty(0)
        first = self._pilot
        everyone = np.ones(first.cohorts.observed.treated.shape, np.int64)
        return bounds(first.outcomes(estimand, everyone).arms)

    def weights(self, estimand: Estimand, cohorts: Cohorts) -> Ints:
        """How much each patient of the study's own ``cohorts`` counts for an estimand ``(R, N)``, in whole numbers."""
        return weights(
            estimand.population, cohorts, plan_of(estimand.matched_by, self.scenario.analysis), self.scenario
        )


def is_strict_null(scenario: Scenario, endpoint: str) -> bool:
    """True when treatment changes nothing that bears on the endpoint, so that every contrast of it is exactly zero."""
    around = scenario.around()
    return not any(part.changes(endpoint, around) for part in around.parts.values())


def count_block(
    patients: Patients, asked: Sequence[tuple[Estimand, Floats]], replicates: NDArray[np.int64]
) -> list[Ints]:
    """The counts of each estimand's tally, its bounds beside it, in these replicates: ``(GROUPS, ...)`` each."""
    own, afresh = patients.drawn(replicates), patients.drawn(replicates, AFRESH)
    group = patients.groups(replicates)
    of = {(one.population, one.matched_by): one for one, _ in asked}
    weights = {who: patients.weights(one, own.cohorts) for who, one in of.items()}
    return [
        TALLIES[one.measure].count(
            (afresh if one.population == "matched" else own).outcomes(one, weights[one.population, one.matched_by]),
            group,
            at,
        )
        for one, at in asked
    ]


def counted_truth(patients: Patients, estimand: Estimand, at: Floats, groups: Ints, replicates: int) -> Truth:
    """The value of the counts of all blocks with its jackknife standard error; NaN, and why, where there is none."""
    tally, everyone = TALLIES[estimand.measure], groups.sum(axis=0)
    value = tally.value(everyone, at)
    left_out = np.array([tally.value(everyone - group, at) for group in groups])
    mcse = float(np.sqrt((GROUPS - 1) / GROUPS * np.sum((left_out - left_out.mean()) ** 2)))
    how = f"both potential outcomes in {replicates:,} cohorts of {patients.scenario.screened():,}"
    if estimand.measure == "median_difference" and not np.isfinite(value):
        names = patients.scenario.arms.names()
        never = [name for name, median in zip(names, medians(everyone, at), strict=True) if not np.isfinite(median)]
        return Truth(
            estimand, value, float("nan"), f"not reached: fewer than half have the event in {' and '.join(never)}"
        )
    return Truth(estimand, value, mcse, how)


def known_truth(scenario: Scenario, estimand: Estimand) -> Truth | None:
    """The truth that theory gives, if it does; NaN where the question has no one true number.

    Where a state prevents the start, those who started by a landmark had not entered it before: even without any
    effect they do not fare like the others.
    """
    start = scenario.treatment.start
    picked = estimand.landmark is not None and start is not None and bool(start.prevented_by)
    if is_strict_null(scenario, estimand.endpoint) and not picked:
        return Truth(estimand, 0.0, 0.0, "exact: treatment changes nothing that bears on it")
    why = {
        "none": "a test has no value to be true to",
        "exposure_log_hr": "none: to be under treatment or not yet is a state that patients reach by surviving, no arm",
    }.get(estimand.measure)
    if estimand.measure == "rmst_difference" and estimand.horizon is None:
        why = "the data choose the horizon; state one"
    if estimand.grace is not None and start is not None and start.prevented_by:
        why = f"none: '{start.prevented_by[0]}' prevents the start, so that nobody can be asked to start within grace"
    competing = estimand.endpoint in scenario.endpoints and scenario.endpoints[estimand.endpoint].rivals
    of_cause = estimand.measure.endswith("_log_hr") and estimand.measure not in SUBDISTRIBUTION
    if competing and of_cause and (estimand.follow_up == "complete" or estimand.landmark):
        why = "none: without censoring, or after a landmark, who has a competing event has left the risk set unseen"
    if estimand.grace is not None and scenario.followup.events:
        why = "none: a number of events ends follow-up, and strategies of starting would change when"
    return Truth(estimand, float("nan"), float("nan"), why) if why else None


def plan_of(matched_by: str, plan: Plan) -> Plan:
    """The plan with the matching and the propensity model of an estimand; the plan itself where it names none."""
    if not matched_by:
        return plan
    own = json.loads(matched_by)
    return plan.model_copy(
        update={
            "matching": MatchingPlan.model_validate_json(json.dumps(own["matching"])),
            "propensity": PropensityPlan.model_validate_json(json.dumps(own["propensity"])),
        }
    )


def weights(population: PopulationName, cohorts: Cohorts, plan: Plan, world: Scenario) -> Ints:
    """How much each patient ``(R, N)`` counts in the population: whole numbers, so that sums are exact.

    The treated whom the matching keeps have its weight, summed over imputed data sets where there are several.
    """
    if population in ("overlap", "matching_weight"):
        e = cohorts.hidden.propensity
        tilt = e * (1 - e) if population == "overlap" else np.minimum(e, 1 - e)
        return np.rint(tilt * WHOLE_PATIENT).astype(np.int64)
    if population == "matched":
        kept = [
            np.where(one.observed.treated & one.matched, one.matching.weight, 0.0)
            for one in samples(world, cohorts, world.run.seed, plan)
        ]
        often: Ints = np.sum([np.rint(one * WHOLE_PATIENT) for one in kept], axis=0).astype(np.int64)
        return often
    return _inside(population, cohorts).astype(np.int64)


def _inside(population: PopulationName, cohorts: Cohorts) -> Bools:
    """Who belongs to the population ``(R, N)``."""
    observed, eligible = cohorts.observed, cohorts.hidden.eligible
    match population:
        case "all":
            return np.ones(observed.treated.shape, np.bool_)
        case "treated":
            return cohorts.hidden.assigned
        case "untreated":
            return ~cohorts.hidden.assigned
        case "selected":
            return observed.present
        case "always_eligible":
            both: Bools = eligible[0] & eligible[1]
            return both
        case "matched" | "overlap" | "matching_weight":
            raise ValueError(f"the population {population} has weights, not members")
