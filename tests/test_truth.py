"""Truths against worlds whose truth theory gives."""

from typing import Any

import numpy as np
import pytest

from benchmarks.scenario import Scenario, cells  # noqa: F401
from benchmarks.study import Cell, find_truths
from benchmarks.truth import BINS, _log_hr, is_strict_null
from simulator.generate import resolve
from tests.worlds import scenario, tree


def _truths(asked: Scenario) -> dict[tuple[str, str], Any]:
    return find_truths(Cell(0, {}, asked, resolve(asked)), 1, lambda _: None)


def _without_prognosis() -> Scenario:
    outcomes = tree()["outcomes"]
    return scenario(outcomes={**outcomes, "death": {**outcomes["death"], "log_hr": {}}})


@pytest.fixture(scope="module")
def confounded() -> dict[tuple[str, str], Any]:
    return _truths(scenario())


def test_without_prognostic_covariates_every_truth_is_the_stated_log_hr() -> None:
    for key, truth in _truths(_without_prognosis()).items():
        assert 0 < truth.mcse < 0.02
        assert abs(truth.value + 0.5) < 4 * truth.mcse, key
        assert abs(truth.value + 0.5 + 0.1) > 4 * truth.mcse, key  # and a wrong one would be noticed


def test_conditional_truth_is_the_stated_log_hr(confounded: dict[tuple[str, str], Any]) -> None:
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
    assert is_strict_null(null)
    assert not is_strict_null(scenario())
    assert {(truth.value, truth.mcse) for truth in _truths(null).values()} == {(0.0, 0.0)}


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
    assert abs(_log_hr(counts) - beta) < 2e-4
    assert abs(_log_hr(counts) - beta) < 0.02 * 0.01  # far below the standard error 0.01 of this experiment


def test_no_events_in_an_arm_is_nan() -> None:
    counts = np.zeros((2, 2, BINS), np.int64)
    counts[:, 0, 5] = 10
    counts[0, 1, 5] = 3
    assert np.isnan(_log_hr(counts))
