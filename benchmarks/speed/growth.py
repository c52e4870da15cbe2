"""How CPU time grows with the number of patients, of covariates and of replicates."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.propensity import logistic_models, matching
from analysis.survival import statistics
from benchmarks.speed import cohorts, ours
from benchmarks.speed.clock import least_seconds
from benchmarks.speed.tables import CellValue, SpeedTable
from simulator.cohort.cohorts import Observed
from simulator.cohort.terms import design

CANDIDATES = ("age", "sex", "ecog>=1", "etiology", "lesions", "size", "lung", "pvtt", "afp", "albi>=2", "child_pugh")
FURTHER = ("age>50", "size>10", "age>40", "size>8", "age>60", "size>14", "age>45", "size>12", "age>55")
"""Terms that make twenty covariates with the candidates, no two of them equal."""


@dataclass(frozen=True)
class GrowthSize:
    """Patients, numbers of covariates, numbers of replicates to measure at, and repeats of each."""

    patients: tuple[int, ...]
    covariates: tuple[int, ...]
    covariate_block: int
    replicates: tuple[int, ...]
    repeats: int


FULL = GrowthSize(
    (100, 300, 1000, 3000, 10_000, 30_000, 100_000), (1, 2, 5, 10, 15, 20), 20, (1, 3, 10, 30, 100, 300, 1000), 5
)
QUICK = GrowthSize((100, 300), (1, 3), 2, (1, 3), 1)


def tables(size: GrowthSize) -> tuple[SpeedTable, ...]:
    """One table for each of patients, covariates and replicates."""
    resolved = cohorts.world()
    by_patients = {n: _work(cohorts.block(resolved, 1, n), CANDIDATES) for n in size.patients}
    held = cohorts.block(resolved, size.covariate_block)
    by_terms = {p: _models(held, (*CANDIDATES, *FURTHER)[:p]) for p in size.covariates}
    rows: list[tuple[CellValue, ...]] = []
    for count in size.replicates:
        observed = cohorts.block(resolved, count)
        seconds = least_seconds(lambda o=observed: ours.workflow(o), size.repeats)  # type: ignore[misc]
        rows.append((count, 1e3 * seconds, 1e3 * seconds / count))
    rows += _powers({count: (whole, each) for count, whole, each in rows})  # type: ignore[misc]
    note = f"CPU time on one core, the least of up to {size.repeats} runs after a first one."
    power = "the last row is the power at which the last step grows"
    of_patients = f"CPU milliseconds for one cohort; {power}. {note}"
    of_terms = f"CPU milliseconds per cohort of 422 patients, in a block of {size.covariate_block}; {power}. {note}"
    return (
        _measured("patients", of_patients, by_patients, size.repeats, 1),
        _measured("covariates", of_terms, by_terms, size.repeats, size.covariate_block),
        SpeedTable(
            "Growth with replicates",
            f"The whole workflow in one block; {power}. {note}",
            ("replicates", "CPU ms", "CPU ms per replicate"),
            tuple(rows),
        ),
    )


def _measured(
    axis: str, note: str, work: Mapping[int, Mapping[str, Callable[[], object]]], repeats: int, per: int
) -> SpeedTable:
    names = tuple(next(iter(work.values())))
    found = {point: [1e3 * least_seconds(each[name], repeats) / per for name in names] for point, each in work.items()}
    rows: list[tuple[CellValue, ...]] = [(point, *times) for point, times in found.items()]
    rows += _powers(found)
    return SpeedTable(f"Growth with {axis}", note, (axis, *names), tuple(rows))


def _powers(found: Mapping[int, Sequence[float]]) -> list[tuple[CellValue, ...]]:
    """A row with the power at which each time grows between the last two sizes; none of one size."""
    if len(found) < 2:
        return []
    (n0, first), (n1, last) = list(found.items())[-2:]
    return [("power", *(math.log(b / a) / math.log(n1 / n0) for a, b in zip(first, last, strict=True)))]


def _work(observed: Observed, terms: tuple[str, ...]) -> dict[str, Callable[[], object]]:
    """What is timed against the number of patients, by name."""
    course, treated = observed.endpoints["OS"], observed.treated
    arm = treated[..., None].astype(np.float64)
    x = design(terms, observed.variable, observed.names, observed.covariates).x
    score = logistic_models.logistic(x, treated).fitted
    return {
        "sorting": lambda: statistics.time_order(course.time),
        "Kaplan-Meier median": lambda: statistics.km_quantile(course.time, course.event),
        "log-rank": lambda: statistics.logrank(course.time, course.event, treated),
        "Cox, one 0/1": lambda: statistics.cox(course.time, course.event, arm),
        "matching": lambda: matching.match(score, treated),
        **_models(observed, terms),
    }


def _models(observed: Observed, terms: tuple[str, ...]) -> dict[str, Callable[[], object]]:
    """Regressions on all the terms, by name."""
    course, treated = observed.endpoints["OS"], observed.treated
    made = design(terms, observed.variable, observed.names, observed.covariates)
    return {
        "Cox, all": lambda: statistics.cox(course.time, course.event, made.x),
        "logistic": lambda: logistic_models.logistic(made.x, treated),
        "stepwise": lambda: logistic_models.stepwise(made.x, treated, made.term_of),
    }
