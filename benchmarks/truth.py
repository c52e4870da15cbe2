"""The truth of an estimand, from both potential outcomes of the same patients under the same follow-up.

A marginal log hazard ratio is the Cox coefficient of treatment when every patient of the population is followed once in
each arm. Their courses are counted into a fine grid of time: sums of whole numbers, the same however the work is split.
Its Monte Carlo standard error is a jackknife over groups of replicates. A conditional log hazard ratio is the
coefficient of treatment in the Cox model with the stated terms, fitted to the same doubled patients.

The patients are those of the study's own first replicates, so `matched` is who the very matching kept (each counted
once). Where treatment changes no transition, both log hazard ratios are exactly zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.estimators import Sample
from analysis.kernels.status import Status
from analysis.plan import Plan
from analysis.survival import cox
from benchmarks.scenario import Scenario
from simulator.cohort import Bools, Cohorts, Floats
from simulator.entry import months_between
from simulator.estimand import Estimand, Population
from simulator.generate import Resolved, generate
from simulator.terms import design

GROUPS = 20
BINS = 2048
CONDITIONAL_PATIENTS = 100_000
OVERLAP_UNITS = 2**20

Counts = NDArray[np.int64]


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

    @property
    def replicates(self) -> int:
        """How many replicates make up ``run.truth_patients`` patients."""
        return -(-self.scenario.run.truth_patients // self.scenario.screened())

    @property
    def conditional_replicates(self) -> int:
        """How many of them the multivariable models use."""
        patients = min(CONDITIONAL_PATIENTS, self.scenario.run.truth_patients)
        return -(-patients // self.scenario.screened())

    def draw(self, replicates: NDArray[np.int64]) -> Cohorts:
        """The study's own cohorts."""
        return generate(self.resolved, self.scenario.run.seed, replicates)

    def groups(self, replicates: NDArray[np.int64]) -> NDArray[np.int64]:
        """The jackknife group of every patient ``(R, N)``: by replicate, or by patient where replicates are too few."""
        own = np.arange(self.scenario.screened())
        number = replicates[:, None] + (own if self.replicates < GROUPS else 0 * own)
        return number % GROUPS


def is_strict_null(scenario: Scenario) -> bool:
    """True when treatment changes no transition, so that every log hazard ratio is exactly zero."""
    spec = scenario.outcomes
    inert = not any(
        any(transition.treatment.steps()) or any(transition.treatment.modifiers.values())
        for transition in spec.transitions().values()
    )
    return inert or spec.treatment_effect == "none"


def count_block(patients: Patients, asked: Sequence[Estimand], replicates: NDArray[np.int64]) -> Counts:
    """Patients who leave follow-up per estimand, group, potential arm and bin: ``(E, GROUPS, 2, 2, BINS)``.

    On the fourth axis: all who leave, and those who leave with the event.
    """
    cohorts = patients.draw(replicates)
    world = patients.scenario
    horizon = months_between(world.entry.accrual.start, world.followup.cut_off)
    group = patients.groups(replicates)
    counts = np.zeros((len(asked), GROUPS, 2, 2, BINS), np.int64)
    members = {
        population: _members(population, cohorts, world.analysis, world.run.seed)
        for population in {estimand.population for estimand in asked}
    }
    for e, estimand in enumerate(asked):
        inside = members[estimand.population]
        for arm, course in enumerate(cohorts.hidden.potential[estimand.endpoint]):
            bins = np.minimum((course.time * (BINS / horizon)).astype(np.int64), BINS - 1)
            place = group * BINS + bins
            for kind, weight in enumerate((inside, inside * course.event)):
                counted = np.bincount(place.ravel(), weight.ravel(), minlength=GROUPS * BINS)
                counts[e, :, arm, kind] = counted.reshape(GROUPS, BINS)
    return counts


def marginal_truths(asked: Sequence[Estimand], counts: Counts) -> list[Truth]:
    """The marginal log hazard ratios from the counts of all blocks, with jackknife standard errors."""
    truths = []
    for estimand, groups in zip(asked, counts, strict=True):
        everyone = groups.sum(axis=0)
        patients = int(everyone[0, 0].sum())
        left_out = np.array([_log_hr(everyone - group) for group in groups])
        mcse = float(np.sqrt((GROUPS - 1) / GROUPS * np.sum((left_out - left_out.mean()) ** 2)))
        how = f"both potential outcomes of {patients:,} patients"
        truths.append(Truth(estimand, _log_hr(everyone), mcse, how))
    return truths


def conditional_group(patients: Patients, estimand: Estimand, group: int) -> float:
    """The conditional log hazard ratio in one group of replicates, NaN if its model has no finite fit."""
    numbers = np.arange(group, max(patients.conditional_replicates, GROUPS), GROUPS)
    cohorts = patients.draw(numbers)
    observed = cohorts.observed
    made = design(estimand.adjusted_for, observed.variable, observed.names, observed.covariates)
    rows = made.x.reshape(-1, made.x.shape[-1])
    zero, one = cohorts.hidden.potential[estimand.endpoint]
    treated = np.repeat([0.0, 1.0], len(rows))[:, None]
    fit = cox(
        np.concatenate([zero.time.ravel(), one.time.ravel()])[None],
        np.concatenate([zero.event.ravel(), one.event.ravel()])[None],
        np.concatenate([treated, np.concatenate([rows, rows])], axis=1)[None],
    )
    return float(fit.beta[0, 0]) if fit.status[0] == Status.OK else float("nan")


def conditional_truth(patients: Patients, estimand: Estimand, groups: Sequence[float]) -> Truth:
    """The mean over the groups with its standard error."""
    values = np.array(groups)
    count = max(patients.conditional_replicates, GROUPS) * patients.scenario.screened()
    how = f"Cox model fitted to both potential outcomes of {count:,} patients"
    return Truth(estimand, float(values.mean()), float(values.std(ddof=1) / np.sqrt(GROUPS)), how)


def strict_null(estimand: Estimand) -> Truth:
    """The exact truth where treatment changes nothing."""
    return Truth(estimand, 0.0, 0.0, "exact: treatment changes no transition")


def _members(population: Population, cohorts: Cohorts, plan: Plan, seed: int) -> Counts:
    """How much each patient ``(R, N)`` counts in the population: whole numbers, so that sums are exact."""
    if population == "overlap":
        e = cohorts.hidden.propensity
        return np.rint(e * (1 - e) * OVERLAP_UNITS).astype(np.int64)
    return _inside(population, cohorts, plan, seed).astype(np.int64)


def _inside(population: Population, cohorts: Cohorts, plan: Plan, seed: int) -> Bools:
    """Who belongs to the population ``(R, N)``."""
    observed, eligible = cohorts.observed, cohorts.hidden.eligible
    match population:
        case "all":
            return np.ones(observed.treated.shape, np.bool_)
        case "treated":
            return observed.treated
        case "untreated":
            return ~observed.treated
        case "selected":
            return observed.present
        case "always_eligible":
            both: Bools = eligible[0] & eligible[1]
            return both
        case "matched":
            return Sample(observed, plan, cohorts.replicates, seed).matched
        case "overlap":
            raise ValueError("the overlap population has weights, not members")


def _log_hr(counts: Counts) -> float:
    """The Cox log hazard ratio of arm 1 from counts ``(2, 2, BINS)``; NaN if an arm has no events.

    The number at risk in a bin is taken at its middle, which makes the error of the grid of second order in its width.
    """
    leaving, events = counts[:, 0].astype(np.float64), counts[:, 1].astype(np.float64)
    if not events.sum(axis=1).all():
        return float("nan")
    after: Floats = np.cumsum(leaving[:, ::-1], axis=1)[:, ::-1]
    at_risk = after - leaving / 2
    deaths = events.sum(axis=0)
    used = (deaths > 0) & (at_risk.min(axis=0) > 0)
    control, treated, deaths = at_risk[0, used], at_risk[1, used], deaths[used]
    observed, beta = events[1, used].sum(), 0.0
    for _ in range(50):
        expected = treated * np.exp(beta) / (treated * np.exp(beta) + control)
        step = (observed - deaths @ expected) / (deaths @ (expected * (1 - expected)))
        beta += float(np.clip(step, -1.0, 1.0))
        if abs(step) < 1e-12:
            return beta
    return float("nan")
