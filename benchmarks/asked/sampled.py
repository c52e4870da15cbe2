"""Simulated cohorts as the analysts of a scenario get them: made whole by the plan, one sample per imputation."""

from analysis.estimators import Sample
from analysis.estimators.pooled import samples_of
from analysis.plan.analysis_plan import Plan
from benchmarks.asked.errors import RunError
from benchmarks.asked.scenario import Scenario
from simulator.cohort.cohorts import Cohorts


def samples(scenario: Scenario, cohorts: Cohorts, seed: int, plan: Plan | None = None) -> tuple[Sample, ...]:
    """One sample, or one per imputation, under the scenario's plan unless another is given."""
    missing, own = scenario.may_be_missing(), scenario.analysis if plan is None else plan
    patience = scenario.run.replicate_timeout
    return samples_of(cohorts.observed, missing, own, cohorts.replicates, seed, cohorts.hidden.propensity, patience)


def one_sample(scenario: Scenario, cohorts: Cohorts, seed: int) -> Sample:
    """The sample of an analysis that has tables; RunError where the plan makes several of it."""
    made = samples(scenario, cohorts, seed)
    if len(made) > 1:
        raise RunError(
            f"{scenario.name}: analysis.missing: tables are of one data set; write 'method: complete' or 'indicator'"
        )
    return made[0]
