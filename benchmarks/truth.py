"""The truth of an estimand, from both potential outcomes of the same patients.

A marginal log hazard ratio is the Cox coefficient of treatment when every patient of the population is followed once in
each arm; differences of restricted means, of survival, of medians and of risks are those between the two courses of the
same patients (`benchmarks.tallies`). The Monte Carlo standard error is a jackknife over groups of replicates. A
conditional log hazard ratio is the coefficient of treatment in the Cox model with the stated terms, fitted to the same
doubled patients.

The patients are those of the study's own first replicates, so `matched` is who the very matching kept (each counted
once): as many as bring the error down to what is wanted, and at most ``run.truth_patients``. Where treatment changes no
transition, every contrast of survival is exactly zero.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.status import Status
from analysis.plan import MatchingPlan, Plan, PropensityPlan
from analysis.survival import cox
from benchmarks.sampled import samples
from benchmarks.scenario import Scenario
from benchmarks.tallies import BINS, GROUPS, TALLIES, WHOLE_PATIENT, Counts
from simulator.cohort import Bools, Cohorts
from simulator.entry import months_between
from simulator.estimand import TRUE_SCORE, Estimand, Population
from simulator.generate import Resolved, generate
from simulator.terms import design
from simulator.world import ENDPOINTS

FIRST_PATIENTS = 100_000
CONDITIONAL_SHARE = 4  # a Cox model of many covariates costs more than a count: it gets a quarter of the patients


@dataclass(frozen=True)
class Truth:
    """The true value of an estimand with its Monte Carlo standard error, and how it was found."""

    estimand: Estimand
    value: float
    mcse: float
    how: str


@dataclass(frozen=True)
class Patients:
    """The replicates of one cell whose potential outcomes give the truth."""

    scenario: Scenario
    resolved: Resolved

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

    @property
    def span(self) -> float:
        """Months from the start of accrual to the cut-off."""
        return months_between(self.scenario.entry.accrual.start, self.scenario.followup.cut_off)

    def draw(self, replicates: NDArray[np.int64]) -> Cohorts:
        """The study's own cohorts."""
        return generate(self.resolved, self.scenario.run.seed, replicates)

    def bin_width(self, estimand: Estimand) -> float:
        """Months of one bin of the tally of an estimand."""
        return (self.span if estimand.horizon is None else estimand.horizon) / BINS

    def groups(self, replicates: NDArray[np.int64]) -> NDArray[np.int64]:
        """The jackknife group of every patient ``(R, N)``: by replicate, or by patient where replicates are too few."""
        own = np.arange(self.scenario.screened())
        number = replicates[:, None] + (own if self.most < GROUPS else 0 * own)
        return number % GROUPS


def is_strict_null(scenario: Scenario, endpoint: str) -> bool:
    """True when treatment changes nothing that bears on the endpoint, so that every contrast of it is exactly zero."""
    spec, visits = scenario.outcomes, scenario.followup.visit_months
    seen_alike = endpoint != "PFS" or len({visits.get(arm) for arm in scenario.arms.names()}) == 1
    if spec.treatment_effect == "none":
        return seen_alike
    changes = [
        any(one.treatment.steps()) or any(one.treatment.modifiers.values()) for one in spec.transitions().values()
    ]
    changes += [len(set(one.shares.values())) > 1 for one in (spec.cure, spec.subsequent) if one]
    return endpoint in ENDPOINTS and seen_alike and spec.progression_modes is None and not any(changes)


def count_block(patients: Patients, asked: Sequence[Estimand], replicates: NDArray[np.int64]) -> list[Counts]:
    """The counts of each estimand's tally in these replicates, ``(GROUPS, ...)`` each."""
    cohorts, group = patients.draw(replicates), patients.groups(replicates)
    world, span = patients.scenario, patients.span
    weights = {
        who: _weights(who[0], cohorts, plan_of(who[1], world.analysis), world)
        for who in {(estimand.population, estimand.matched_by) for estimand in asked}
    }
    return [
        TALLIES[one.measure].count(cohorts, one, weights[one.population, one.matched_by], group, span) for one in asked
    ]


def counted_truth(patients: Patients, estimand: Estimand, groups: Counts, replicates: int) -> Truth:
    """The value of the counts of all blocks with its jackknife standard error."""
    value, everyone = TALLIES[estimand.measure].value, groups.sum(axis=0)
    unit = patients.bin_width(estimand) if estimand.measure == "median_difference" else 1.0
    left_out = np.array([value(everyone - group, estimand) for group in groups]) * unit
    mcse = float(np.sqrt((GROUPS - 1) / GROUPS * np.sum((left_out - left_out.mean()) ** 2)))
    how = f"both potential outcomes in {replicates:,} cohorts of {patients.scenario.screened():,}"
    return Truth(estimand, value(everyone, estimand) * unit, mcse, how)


def conditional_group(patients: Patients, estimand: Estimand, replicates: int, group: int) -> float:
    """The conditional log hazard ratio in one group of replicates, NaN if its model has no finite fit."""
    numbers = np.arange(group, max(replicates, GROUPS), GROUPS)
    cohorts = patients.draw(numbers)
    observed = cohorts.hidden.perfect
    given = tuple(term for term in estimand.adjusted_for if term != TRUE_SCORE)
    x = design(given, observed.variable, observed.names, observed.covariates).x
    if TRUE_SCORE in estimand.adjusted_for:
        e = cohorts.hidden.propensity
        x = np.concatenate([x, (np.log(e) - np.log1p(-e))[..., None]], axis=-1)
    world = patients.scenario
    inside = _weights(estimand.population, cohorts, plan_of(estimand.matched_by, world.analysis), world) > 0
    rows = x[inside]
    zero, one = cohorts.hidden.potential[estimand.endpoint]
    treated = np.repeat([0.0, 1.0], len(rows))[:, None]
    fit = cox(
        np.concatenate([zero.time[inside], one.time[inside]])[None],
        np.concatenate([zero.event[inside], one.event[inside]])[None],
        np.concatenate([treated, np.concatenate([rows, rows])], axis=1)[None],
    )
    return float(fit.beta[0, 0]) if fit.state[0, 0] == Status.OK else float("nan")


def conditional_truth(patients: Patients, estimand: Estimand, groups: Sequence[float], replicates: int) -> Truth:
    """The mean over the groups with its standard error."""
    values = np.array(groups)
    count = max(replicates, GROUPS)
    how = f"Cox model fitted to both potential outcomes in {count:,} cohorts of {patients.scenario.screened():,}"
    return Truth(estimand, float(values.mean()), float(values.std(ddof=1) / np.sqrt(GROUPS)), how)


def known_truth(scenario: Scenario, estimand: Estimand) -> Truth | None:
    """The truth that theory gives, if it does; NaN where the question has no one true number."""
    if is_strict_null(scenario, estimand.endpoint):
        return Truth(estimand, 0.0, 0.0, "exact: treatment changes nothing that bears on it")
    if estimand.measure == "none":
        return Truth(estimand, float("nan"), float("nan"), "a test has no value to be true to")
    if estimand.measure == "rmst_difference" and estimand.horizon is None:
        return Truth(estimand, float("nan"), float("nan"), "the data choose the horizon; state one")
    return None


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


def _weights(population: Population, cohorts: Cohorts, plan: Plan, world: Scenario) -> Counts:
    """How much each patient ``(R, N)`` counts in the population: whole numbers, so that sums are exact.

    The matched count as often as imputed data sets match them.
    """
    if population in ("overlap", "matching_weight"):
        e = cohorts.hidden.propensity
        tilt = e * (1 - e) if population == "overlap" else np.minimum(e, 1 - e)
        return np.rint(tilt * WHOLE_PATIENT).astype(np.int64)
    if population == "matched":
        made = samples(world, cohorts, world.run.seed, plan)
        often: Counts = np.sum([one.matched for one in made], axis=0, dtype=np.int64)
        return often
    return _inside(population, cohorts).astype(np.int64)


def _inside(population: Population, cohorts: Cohorts) -> Bools:
    """Who belongs to the population ``(R, N)``."""
    observed, eligible = cohorts.observed, cohorts.hidden.eligible
    match population:
        case "all":
            return np.ones(observed.treated.shape, np.bool_)
        case "treated":
            return cohorts.hidden.perfect.treated
        case "untreated":
            return ~cohorts.hidden.perfect.treated
        case "selected":
            return observed.present
        case "always_eligible":
            both: Bools = eligible[0] & eligible[1]
            return both
        case "matched" | "overlap" | "matching_weight":
            raise ValueError(f"the population {population} has weights, not members")
