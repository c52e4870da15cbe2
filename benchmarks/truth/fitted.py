"""Truths that are means of fits: conditional log hazard ratios, and ratios and medians where centres differ.

A conditional log hazard ratio is the coefficient of treatment in the Cox model with the stated terms, fitted to
patients who are followed once in each arm.

Where centres have effects on hazards, drawn anew in every replicate, no trial sees the hazard ratio (or the median) of
all replicates together, which pools the centres of all into one risk set. The truth is then the mean over replicates of
what a large trial in the replicate's own centres would find.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.status import Status
from analysis.survival.statistics import cox
from benchmarks.asked.scenario import Scenario
from benchmarks.truth.counted import AFRESH, DrawnCohorts, Patients, Truth
from benchmarks.truth.tallies import GROUPS, BothOutcomes
from simulator.cohort.cohorts import Cohorts
from simulator.cohort.estimand import TRUE_SCORE, Estimand
from simulator.cohort.terms import design
from simulator.numerics.arrays import Floats, Ints

CONDITIONAL_SHARE = 4  # a Cox model of many covariates costs more than a count: it gets a quarter of the patients
LARGE_TRIAL = 4_000


def is_fitted(scenario: Scenario, estimand: Estimand) -> bool:
    """True when the truth is a mean of fits and no function of counts."""
    if estimand.measure.startswith("conditional"):
        return True
    fits_of = ("marginal_log_hr", "marginal_subdistribution_log_hr", "log_incidence_ratio", "median_difference")
    return own_centres(scenario) and estimand.measure in fits_of


def own_centres(scenario: Scenario) -> bool:
    """True when centres have effects on hazards, drawn anew in every replicate."""
    return any(part.clusters() for _, part in scenario.parts())


def most_replicates(patients: Patients) -> int:
    """How many replicates may be used: as many large trials as there may be patients, or a share of the cohorts."""
    if own_centres(patients.scenario):
        size = max(LARGE_TRIAL, patients.scenario.screened())
        return max(GROUPS, patients.scenario.run.truth_patients // size)
    return -(-patients.most // CONDITIONAL_SHARE)


def fits(patients: Patients, replicates: int) -> int:
    """How many fits make the truth of so many replicates: one each where centres differ, else one per group."""
    return replicates if own_centres(patients.scenario) else GROUPS


def one_fit(patients: Patients, estimand: Estimand, replicates: int, number: int) -> float:
    """The value of fit ``number``, NaN if it has no finite one."""
    if own_centres(patients.scenario):
        return _rows(_large_trial(patients, estimand, number), estimand).value(estimand)
    numbers = np.arange(number, max(replicates, GROUPS), GROUPS)
    own = patients.drawn(numbers)
    weight = patients.weights(estimand, own.cohorts)
    drawn = patients.drawn(numbers, AFRESH) if estimand.population == "matched" else own
    return _rows([(drawn, weight)], estimand).value(estimand)


def fitted_truth(patients: Patients, estimand: Estimand, values: Floats, replicates: int) -> Truth:
    """The mean of the fits ``(F,)`` with its standard error."""
    scenario = patients.scenario
    if own_centres(scenario):
        how = f"mean over {len(values):,} replicates of a large trial in the centres of each"
    else:
        cohorts = f"{max(replicates, GROUPS):,} cohorts of {scenario.screened():,}"
        how = f"Cox model fitted to both potential outcomes in {cohorts}"
    if estimand.measure == "median_difference" and not np.isfinite(values).all():
        return Truth(
            estimand, float("nan"), float("nan"), "not reached: fewer than half have the event in some replicates"
        )
    return Truth(estimand, float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))), how)


DrawnPart = tuple[DrawnCohorts, Ints]
"""Cohorts, and how much each patient counts ``(R, N)``."""


def _large_trial(patients: Patients, estimand: Estimand, number: int) -> list[DrawnPart]:
    """Many patients in the centres of one replicate; of the matched, those of the replicate followed many times."""
    replicate = np.array([number], np.int64)
    scenario = patients.scenario
    if estimand.population != "matched":
        size = max(scenario.population.size, round(LARGE_TRIAL * scenario.population.size / scenario.screened()))
        drawn = patients.drawn(replicate, size=size)
        return [(drawn, patients.weights(estimand, drawn.cohorts))]
    weight = patients.weights(estimand, patients.drawn(replicate).cohorts)
    kept = max(1, int((weight > 0).sum()))
    return [(patients.drawn(replicate, f"{AFRESH}/{k}"), weight) for k in range(-(-LARGE_TRIAL // kept))]


@dataclass(frozen=True)
class TruthRows:
    """Patients once in each arm ``(M,)``: time, event, arm, weight, and the terms that are given ``(M, P)``."""

    time: Floats
    event: NDArray[np.bool_]
    arm: Floats
    weight: Floats
    given: Floats

    def value(self, estimand: Estimand) -> float:
        """What the rows say of an estimand."""
        if estimand.measure == "log_incidence_ratio":
            return self._log_ratio()
        return self._median_difference() if estimand.measure == "median_difference" else self._log_hr()

    def _log_hr(self) -> float:
        alike = len(self.weight) > 0 and self.weight.min() == self.weight.max()
        finite = self.time[np.isfinite(self.time)]
        fit = cox(
            np.minimum(self.time, finite.max(initial=0.0) + 1.0)[None],  # who never leaves does so after all others
            self.event[None],
            np.concatenate([self.arm[:, None], self.given], axis=1)[None],
            weight=None if alike else self.weight[None],
        )
        return float(fit.beta[0, 0]) if fit.state[0, 0] == Status.OK else float("nan")

    def _log_ratio(self) -> float:
        zero, one = (np.average(self.event[self.arm == a], weights=self.weight[self.arm == a]) for a in (0, 1))
        return float(np.log(one / zero)) if zero > 0 and one > 0 else float("nan")

    def _median_difference(self) -> float:
        zero, one = (
            _median(self.time[self.arm == a], self.event[self.arm == a], self.weight[self.arm == a]) for a in (0, 1)
        )
        return one - zero if np.isfinite(zero) and np.isfinite(one) else float("nan")


def _median(time: Floats, event: NDArray[np.bool_], weight: Floats) -> float:
    """The time by which half have had the event, nobody being censored before; inf if they never do."""
    order = np.argsort(np.where(event, time, np.inf), kind="stable")
    died = np.cumsum(np.where(event, weight, 0.0)[order])
    place = int(np.searchsorted(died, weight.sum() / 2))
    return float(time[order][place]) if place < len(died) and event[order][place] else float("inf")


def _rows(parts: list[DrawnPart], estimand: Estimand) -> TruthRows:
    """Who counts at all, each once in either arm."""
    columns: list[list[NDArray[np.float64]]] = []
    for drawn, weight in parts:
        outcomes = drawn.outcomes(estimand, weight)
        given = _given(drawn.cohorts, estimand)
        columns += [_arm(outcomes, arm, given) for arm in (0, 1)]
    time, event, arm, counts, terms = (np.concatenate(column) for column in zip(*columns, strict=True))
    return TruthRows(time, event.astype(np.bool_), arm, counts, terms)


def _arm(outcomes: BothOutcomes, arm: int, given: Floats) -> list[NDArray[np.float64]]:
    course, weight = outcomes.arms[arm], outcomes.weight[arm]
    inside = weight > 0
    time = course.time[inside]
    return [
        time,
        course.event[inside],
        np.full(len(time), float(arm)),
        weight[inside].astype(np.float64),
        given[inside],
    ]


def _given(cohorts: Cohorts, estimand: Estimand) -> Floats:
    """The columns ``(R, N, P)`` of the terms that a conditional hazard ratio is given."""
    observed = cohorts.hidden.perfect
    terms = tuple(term for term in estimand.adjusted_for if term != TRUE_SCORE)
    x = design(terms, observed.variable, observed.names, observed.covariates).x
    if TRUE_SCORE not in estimand.adjusted_for:
        return x
    e = cohorts.hidden.propensity
    return np.concatenate([x, (np.log(e) - np.log1p(-e))[..., None]], axis=-1)
