"""Truths against worlds whose truth theory gives."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from benchmarks.asked.blocks import Cell
from benchmarks.asked.sampled import samples
from benchmarks.asked.scenario import Scenario, cells  # noqa: F401
from benchmarks.truth.counted import Patients, is_strict_null, known_truth, weights
from benchmarks.truth.of_cells import TruthWork, find_truths
from benchmarks.truth.tallies import log_hr
from simulator.cohort.estimand import Estimand
from simulator.world.generate import generate, resolve
from tests.worlds import scenario, tree

BINS = 2048


def _truths(asked: Scenario) -> dict[tuple[str, str], Any]:
    return find_truths(Cell(0, {}, asked, resolve(asked)), 1, lambda _: None)


def _without_prognosis() -> Scenario:
    outcomes = tree()["outcomes"]
    return scenario(outcomes={**outcomes, "death": {**outcomes["death"], "log_hr": {}}})


@pytest.fixture(scope="module")
def confounded() -> dict[tuple[str, str], Any]:
    return _truths(scenario())


def test_without_prognostic_covariates_every_truth_is_the_statedlog_hr() -> None:
    for key, truth in _truths(_without_prognosis()).items():
        assert 0 < truth.mcse < 0.02
        assert abs(truth.value + 0.5) < 4 * truth.mcse, key
        assert abs(truth.value + 0.5 + 0.1) > 4 * truth.mcse, key  # and a wrong one would be noticed


def test_conditional_truth_is_the_statedlog_hr(confounded: dict[tuple[str, str], Any]) -> None:
    truth = confounded["OS", "adjusted"]
    assert abs(truth.value + 0.5) < 4 * truth.mcse


def test_marginal_truth_is_attenuated(confounded: dict[tuple[str, str], Any]) -> None:
    """A hazard ratio is not collapsible: the marginal one lies nearer to zero than the conditional."""
    truth = confounded["OS", "crude"]
    assert truth.value > -0.5 + 4 * truth.mcse


def test_populations_differ_in_truth_only_through_their_patients(confounded: dict[tuple[str, str], Any]) -> None:
    assert confounded["OS", "ipw-att"].estimand.population == "treated"
    assert confounded["OS", "matched"].estimand.population == "matched"
    assert confounded["OS", "ipw-att"].value != confounded["OS", "crude"].value


def test_strict_null_is_exact() -> None:
    null = scenario(outcomes={**tree()["outcomes"], "treatment_effect": "none"})
    assert is_strict_null(null, "OS")
    assert not is_strict_null(scenario(), "OS")
    assert {(truth.value, truth.mcse) for truth in _truths(null).values()} == {(0.0, 0.0)}


def _of(world: Scenario, **asked: Any) -> Any:
    """The truth of one estimand from all patients allowed."""
    estimand = Estimand(population="all", endpoint="OS", **asked)
    work = TruthWork(Patients(world, resolve(world)), {estimand: 0.0}, 1, lambda _: None)
    return work.counted([estimand])[estimand]


def _rates(arm: int) -> np.ndarray:
    """The hazards of the two equally frequent stages."""
    return 0.05 * np.exp(0.7 * np.array([0.0, 1.0]) - 0.5 * arm)


def _median(arm: int) -> float:
    return float(brentq(lambda t: np.exp(-_rates(arm) * t).mean() - 0.5, 0, 100))


BY_THEORY = {
    "rmst_difference": lambda t, arm: ((1 - np.exp(-_rates(arm) * t)) / _rates(arm)).mean(),
    "survival_difference": lambda t, arm: np.exp(-_rates(arm) * t).mean(),
    "median_difference": lambda t, arm: _median(arm),  # noqa: ARG005
}


@pytest.mark.parametrize("measure", BY_THEORY)
@pytest.mark.parametrize("horizon", [40.0, 47.0])
def test_differences_are_those_of_a_mixture_of_exponentials(measure: Any, horizon: float) -> None:
    truth = _of(scenario(), measure=measure, horizon=horizon, follow_up="complete")
    exact = BY_THEORY[measure](horizon, 1) - BY_THEORY[measure](horizon, 0)
    assert 0 < truth.mcse < abs(exact) / 20
    assert abs(truth.value - exact) < 4 * truth.mcse
    assert abs(truth.value - 1.2 * exact) > 4 * truth.mcse  # and a wrong one would be noticed


def test_a_restricted_mean_has_the_error_of_paired_courses() -> None:
    """The jackknife error is that of the mean difference within patients, whose two courses share their luck."""
    world = scenario()
    truth = _of(world, measure="rmst_difference", horizon=24.0, follow_up="complete")
    zero, one = generate(resolve(world), 5, np.arange(500)).hidden.latent["OS"]
    each = np.minimum(one, 24.0) - np.minimum(zero, 24.0)
    assert truth.value == pytest.approx(each.mean(), abs=1e-5)
    assert truth.mcse == pytest.approx(each.std() / np.sqrt(each.size), rel=0.6)


def test_more_patients_are_drawn_until_the_error_is_small_enough() -> None:
    world = scenario(run={"replicates": 30, "seed": 5, "truth_patients": 800_000})
    estimand = Estimand(
        population="all", endpoint="OS", measure="survival_difference", horizon=12.0, follow_up="complete"
    )
    found = {}
    for aim in (1.0, 0.0006, 0.0):
        work = TruthWork(Patients(world, resolve(world)), {estimand: aim}, 1, lambda _: None)
        found[aim] = work.counted([estimand])[estimand]
    assert found[1.0].mcse > 0.0006 > found[0.0006].mcse >= found[0.0].mcse
    assert len({truth.how for truth in found.values()}) > 1


def test_the_overlap_population_is_weighted_by_e_times_1_minus_e() -> None:
    world = scenario()
    cohorts = generate(resolve(world), 5, np.arange(500))
    e = cohorts.hidden.propensity
    zero, one = (np.minimum(time, 24.0) for time in cohorts.hidden.latent["OS"])
    estimand = Estimand(
        population="overlap", endpoint="OS", measure="rmst_difference", horizon=24.0, follow_up="complete"
    )
    truth = TruthWork(Patients(world, resolve(world)), {estimand: 0.0}, 1, lambda _: None).counted([estimand])[estimand]
    assert truth.value == pytest.approx(np.average(one - zero, weights=e * (1 - e)), abs=1e-4)
    assert truth.value != pytest.approx((one - zero).mean(), abs=1e-4)


def test_what_is_no_one_number_has_no_truth() -> None:
    asked = {"population": "all", "endpoint": "OS"}
    assert np.isnan(known_truth(scenario(), Estimand(measure="none", **asked)).value)
    assert np.isnan(known_truth(scenario(), Estimand(measure="rmst_difference", **asked)).value)
    assert known_truth(scenario(), Estimand(measure="marginal_log_hr", **asked)) is None


def test_counts_give_the_cox_estimate() -> None:
    """On a fine grid the counted estimate is the partial-likelihood estimate of the ungrouped times."""
    rng = np.random.default_rng(0)
    n = 20_000
    arm = np.repeat([0, 1], n)
    time = rng.exponential(1 / np.where(arm == 1, 0.6, 1.0))
    event = time < 3.0
    time = np.minimum(time, 3.0)
    counts = np.zeros((2, 2, BINS), np.int64)
    bins = np.minimum((time / 3.0 * BINS).astype(int), BINS - 1)
    for a in (0, 1):
        counts[a, 0] = np.bincount(bins[arm == a], minlength=BINS)
        counts[a, 1] = np.bincount(bins[(arm == a) & event], minlength=BINS)
    order = np.argsort(-time)
    at_risk = [np.cumsum(arm[order] == a) for a in (0, 1)]
    dead, beta = event[order], 0.0
    for _ in range(30):
        share = at_risk[1][dead] * np.exp(beta) / (at_risk[1][dead] * np.exp(beta) + at_risk[0][dead])
        beta += ((arm[order][dead] - share).sum()) / (share * (1 - share)).sum()
    assert abs(log_hr(counts) - beta) < 2e-4
    assert abs(log_hr(counts) - beta) < 0.02 * 0.01  # far below the standard error 0.01 of this experiment


def test_no_events_in_an_arm_is_nan() -> None:
    counts = np.zeros((2, 2, BINS), np.int64)
    counts[:, 0, 5] = 10
    counts[0, 1, 5] = 3
    assert np.isnan(log_hr(counts))


MODIFIED = {
    "outcomes": {
        **tree()["outcomes"],
        "death": {
            "baseline": {"kind": "exponential", "rate": 0.05},
            "log_hr": {},
            "treatment": {"log_hr": 0.0, "modifiers": {"stage": -1.5}},
        },
    },
    "treatment": {"kind": "prevalence", "share": 0.5, "log_odds": {"stage": 2.8, "age": 0.05}},
    "analysis": {"propensity": {"method": "all"}},
    "run": {"replicates": 30, "seed": 5, "truth_patients": 60_000},
}


@pytest.mark.parametrize("matching", [{}, {"ratio": 2}, {"ratio": 3}, {"replacement": True}])
def test_the_matched_are_the_treated_with_the_weights_of_their_estimator(matching: dict[str, Any]) -> None:
    """Treatment works in the late stage alone: the truth is that of its share among the treated who are kept."""
    one = {"kind": "matched", "measure": "rmst", "horizon": 24.0, "endpoints": ("OS",), "matching": matching}
    asked = scenario(**MODIFIED, estimators=(one,))
    truth = _truths(asked)["OS", "matched"]
    made = generate(resolve(asked), 5, np.arange(500))
    sample = samples(asked, made, 5, asked.estimators[0].plan_for(asked.analysis))[0]  # type: ignore[union-attr]
    kept = sample.matched & made.observed.treated
    late = made.observed.covariates[..., 1][kept].mean()
    rates = 0.05, 0.05 * np.exp(-1.5)
    gain = np.subtract(*[(1 - np.exp(-24 * rate)) / rate for rate in reversed(rates)])
    assert gain == pytest.approx(7.0794, abs=1e-4)
    assert abs(truth.value - late * gain) < 4 * truth.mcse
    assert 0 < truth.mcse < 0.06
    if matching:  # counting everybody who is matched once would be noticed
        everyone = made.observed.covariates[..., 1][sample.matched].mean()
        assert abs(truth.value - everyone * gain) > 4 * truth.mcse


def test_treatment_that_starts_late_leaves_the_treated_those_assigned() -> None:
    wait = {"kind": "exponential", "rate": 0.1}
    asked = scenario(treatment={"kind": "prevalence", "share": 0.4, "start": {"wait": wait}})
    made = generate(resolve(asked), 5, np.arange(20))
    counts = {who: weights(who, made, asked.analysis, asked) for who in ("treated", "untreated")}
    assert np.array_equal(counts["treated"] == 1, made.hidden.assigned)
    assert np.array_equal(counts["untreated"] == 1, ~made.hidden.assigned)
    assert (made.hidden.assigned & ~made.observed.treated).any()  # some never start


def test_a_state_that_patients_reach_by_surviving_has_no_truth() -> None:
    late = {"kind": "prevalence", "share": 0.4, "start": {"wait": {"kind": "exponential", "rate": 0.3}}}
    asked = scenario(treatment=late, estimators=("time-dependent", "delayed-entry"))
    for truth in _truths(asked).values():
        assert np.isnan(truth.value)
        assert truth.how.startswith("none: to be under treatment")


def test_nobody_can_be_asked_to_start_where_progression_prevents_it() -> None:
    start = {"wait": {"kind": "exponential", "rate": 0.3}, "prevented_by": ("progressed",)}
    late = {"kind": "prevalence", "share": 0.4, "start": start}
    truth = _truths(scenario(treatment=late, estimators=("clone-censor-weight",)))["OS", "clone-censor-weight"]
    assert np.isnan(truth.value)
    assert "'progressed' prevents the start" in truth.how
