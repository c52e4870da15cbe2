"""G-computation, augmented weighting and weights for censoring find the truth that the crude analysis misses."""

from functools import cache
from typing import Any

import numpy as np
import pytest

from analysis.estimators import Aipw, Crude, GComputation, Ipcw, Sample
from analysis.kernels.status import Status
from benchmarks.asked.blocks import Cell
from benchmarks.truth.of_cells import find_truths
from simulator.cohort.cohorts import Cohorts
from simulator.world.generate import generate, resolve
from tests.worlds import scenario, tree

HORIZON = 20.0  # before it, nobody is censored in either arm
REPLICATES = 200
POPULATION = {**tree()["population"], "size": 300}


@cache
def _cohorts(first: int, count: int) -> Cohorts:
    asked = scenario(population=POPULATION)
    return generate(resolve(asked), 7, np.arange(first, first + count, dtype=np.int64))


def _sample(count: int = REPLICATES) -> Sample:
    cohorts = _cohorts(0, count)
    return Sample(cohorts.observed, scenario().analysis, cohorts.replicates)


@cache
def _difference(measure: str, target: str) -> tuple[float, float]:
    """The true difference and its Monte Carlo standard error, from both potential outcomes of 150,000 patients."""
    cohorts = _cohorts(10_000, 500)
    zero, one = (course.time for course in cohorts.hidden.potential["OS"])
    if measure == "rmst_difference":
        off = np.minimum(one, HORIZON) - np.minimum(zero, HORIZON)
    else:
        off = 1.0 * (one > HORIZON) - 1.0 * (zero > HORIZON)
    inside = cohorts.observed.treated if target == "treated" else np.ones_like(cohorts.observed.treated)
    return float(off[inside].mean()), float(off[inside].std() / np.sqrt(inside.sum()))


@cache
def _log_hr(target: str) -> tuple[float, float]:
    """The true marginal log hazard ratio and its Monte Carlo standard error."""
    asked = scenario(
        population=POPULATION,
        estimators=({"kind": "g-computation", "target": target, "endpoints": ("OS",)},),
        run={"replicates": 10, "seed": 11, "truth_patients": 300_000},
    )
    found = find_truths(Cell(0, {}, asked, resolve(asked)), 1, lambda _: None)["OS", "g-computation"]
    return found.value, found.mcse


def _truth(estimator: Any) -> tuple[float, float]:
    if estimator.measure == "marginal_log_hr":
        return _log_hr(estimator.target)
    return _difference(estimator.measure, estimator.target)


def _z(estimator: Any, truth: tuple[float, float]) -> float:
    found = estimator.estimate(_sample(), "OS")
    assert (found.status == Status.OK).all()
    return float((found.value.mean() - truth[0]) / np.hypot(found.value.std(ddof=1) / np.sqrt(REPLICATES), truth[1]))


UNDER_TEST = [
    *(GComputation(target=target) for target in ("all", "treated")),
    *(Ipcw(target=target) for target in ("all", "treated")),
    *(
        kind(measure=measure, horizon=HORIZON, target=target)
        for kind in (GComputation, Aipw, Ipcw)
        for measure in ("rmst_difference", "survival_difference")
        for target in ("all", "treated")
    ),
]


@pytest.mark.parametrize("estimator", UNDER_TEST, ids=lambda one: f"{one.kind}-{one.measure}-{one.target}")
def test_the_truth_is_found(estimator: Any) -> None:
    """To 4 Monte Carlo standard errors; the analysis that ignores the confounder misses it by more."""
    truth = _truth(estimator)
    assert abs(_z(estimator, truth)) < 4
    crude = Crude()
    if estimator.measure != "marginal_log_hr":
        crude = Ipcw(measure=estimator.measure, horizon=HORIZON, propensity=False)  # type: ignore[assignment]
    assert abs(_z(crude, truth)) > 4


@pytest.mark.parametrize("estimator", [GComputation(), GComputation(measure="rmst_difference"), Aipw()])
def test_the_se_is_the_spread_of_the_estimates(estimator: Any) -> None:
    found = estimator.estimate(_sample(), "OS")
    ratio, error = np.sqrt((found.se**2).mean()) / found.value.std(ddof=1), 1 / np.sqrt(2 * (REPLICATES - 1))
    assert abs(ratio - 1) < 4 * error
    assert abs(ratio * np.sqrt(2) - 1) > 4 * error


def test_what_is_asked_is_declared() -> None:
    plan, variables = scenario().analysis, _cohorts(0, REPLICATES).observed.variable
    asked = Aipw(target="treated").estimand("PFS", plan, variables)
    assert (asked.population, asked.measure, asked.horizon) == ("treated", "rmst_difference", 24.0)
    assert asked.follow_up == "complete"
    asked = GComputation(target="untreated").estimand("OS", plan, variables)
    assert (asked.population, asked.measure, asked.horizon) == ("untreated", "marginal_log_hr", None)
    assert asked.follow_up == "observed"
    assert Ipcw(measure="survival_difference", horizon=6.0).estimand("OS", plan, variables).horizon == 6.0


def test_interactions_are_those_of_the_covariates() -> None:
    sample = _sample(20)
    plain, more = (GComputation(interactions=terms).estimate(sample, "OS") for terms in ((), ("stage",)))
    assert np.abs(plain.value - more.value).min() > 0
    assert np.abs(plain.value - more.value).max() < 0.1
    with pytest.raises(ValueError, match="none of the Cox covariates"):
        GComputation(interactions=("age>70",)).estimate(sample, "OS")
    with pytest.raises(ValueError, match="none of the Cox covariates"):
        GComputation(interactions=("age>70",)).estimand("OS", sample.plan, sample.observed.variable)


def test_options_that_would_be_ignored_are_refused() -> None:
    for kind in (GComputation, Ipcw):
        with pytest.raises(ValueError, match="horizon"):
            kind(horizon=12.0)
    with pytest.raises(ValueError, match="target"):
        Ipcw(propensity=False, target="treated")
    assert Aipw(horizon=12.0).until == 12.0
