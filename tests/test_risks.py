"""Risks of yes/no outcomes: the textbook formulas, pairs, weights, and empty cells."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from analysis.estimators import Binary
from analysis.kernels.status import Status
from analysis.propensity import weighting
from analysis.propensity.logistic_models import logistic
from analysis.survival.risks import mcnemar_p, risk_contrast, score_p

MEASURES = ("risk_difference", "log_risk_ratio", "log_odds_ratio")


def table(a: int, b: int, c: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Outcome and treated of one cohort: a of the treated have it and b not, c of the others and d not."""
    outcome = np.repeat([True, False, True, False], [a, b, c, d])
    return outcome[None], (np.arange(len(outcome)) < a + b)[None]


def pairs(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcome, treated and pair of one matched cohort; ``first`` are pairs in which only the treated has it."""
    counts = [both, first, second, neither]
    outcome = np.stack([np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)])
    number = np.tile(np.arange(sum(counts)), 2)
    return outcome.reshape(1, -1), (np.arange(len(number)) < len(number) // 2)[None], number[None]


def test_a_table_by_hand() -> None:
    """12 of 40 against 30 of 50: Wald, Katz and Woolf."""
    outcome, treated = table(12, 28, 30, 20)
    expected = {
        "risk_difference": (0.3 - 0.6, 0.3 * 0.7 / 40 + 0.6 * 0.4 / 50),
        "log_risk_ratio": (np.log(0.5), 1 / 12 - 1 / 40 + 1 / 30 - 1 / 50),
        "log_odds_ratio": (np.log(12 * 20 / 28 / 30), 1 / 12 + 1 / 28 + 1 / 30 + 1 / 20),
    }
    for measure, (value, variance) in expected.items():
        found = risk_contrast(outcome, treated, measure)  # type: ignore[arg-type]
        assert found.value[0] == pytest.approx(value, abs=1e-14)
        assert found.se[0] == pytest.approx(np.sqrt(variance), abs=1e-14)
        assert (found.n[0], found.events[0], found.status[0]) == (90, 42, Status.OK)
    pearson = chi2_contingency([[12, 28], [30, 20]], correction=False).pvalue
    assert score_p(outcome, treated, np.ones_like(treated))[0] == pytest.approx(pearson, rel=1e-12)


def test_pairs_by_hand() -> None:
    """10 pairs of both, 8 and 3 discordant, 9 of neither: McNemar's variances."""
    outcome, treated, pair = pairs(10, 8, 3, 9)
    found = risk_contrast(outcome, treated, cluster=pair)
    assert found.value[0] == pytest.approx(5 / 30, abs=1e-15)
    assert found.se[0] == pytest.approx(np.sqrt(11 - 25 / 30) / 30, abs=1e-14)
    ratio = risk_contrast(outcome, treated, "log_risk_ratio", cluster=pair)
    assert ratio.value[0] == pytest.approx(np.log(18 / 13), abs=1e-14)
    assert ratio.se[0] == pytest.approx(np.sqrt(11 / 18 / 13), abs=1e-14)
    assert mcnemar_p(outcome, treated, pair)[0] == pytest.approx(0.1316680, abs=1e-7)  # chi-square 25 / 11
    odds = risk_contrast(outcome, treated, "log_odds_ratio", cluster=pair)
    p1, p0, joint = 18 / 30, 13 / 30, 10 / 30
    v1, v0 = p1 * (1 - p1), p0 * (1 - p0)
    assert odds.se[0] == pytest.approx(np.sqrt((1 / v1 + 1 / v0 - 2 * (joint - p1 * p0) / v1 / v0) / 30), abs=1e-14)


def test_unmatched_patients_do_not_count() -> None:
    outcome, treated, pair = pairs(10, 8, 3, 9)
    more = [np.concatenate([a, np.array([b])], axis=1) for a, b in ((outcome, [True] * 3), (treated, [True] * 3))]
    labels = np.concatenate([pair, [[-1] * 3]], axis=1)
    found = risk_contrast(more[0], more[1], present=labels >= 0, weight=1.0 * (labels >= 0), cluster=labels)
    own = risk_contrast(outcome, treated, cluster=pair)
    assert (found.value[0], found.se[0], found.n[0]) == (own.value[0], own.se[0], 60)
    assert mcnemar_p(more[0], more[1], labels)[0] == mcnemar_p(outcome, treated, pair)[0]


@pytest.mark.parametrize("measure", MEASURES)
def test_empty_cells_are_statuses_and_no_constant_is_added(measure: Any) -> None:
    ratio = measure != "risk_difference"
    cases = {
        (0, 10, 4, 6): Status.NO_INFO if ratio else Status.OK,
        (10, 0, 4, 6): Status.NO_INFO if measure == "log_odds_ratio" else Status.OK,
        (0, 10, 0, 10): Status.NO_EVENTS,
        (10, 0, 10, 0): Status.NO_INFO,
        (10, 5, 0, 0): Status.TOO_FEW,
    }
    for cells, status in cases.items():
        found = risk_contrast(*table(*cells), measure)
        assert found.status[0] == status, cells
        assert np.isfinite([found.value[0], found.se[0]]).all() == (status == Status.OK)
    outcome, treated, pair = pairs(5, 0, 0, 5)
    assert risk_contrast(outcome, treated, measure, cluster=pair).status[0] == Status.NO_INFO


@pytest.mark.parametrize("measure", MEASURES)
def test_swapping_the_arms_flips_the_sign_and_copies_change_nothing(measure: Any) -> None:
    rng = np.random.default_rng(8)
    outcome, treated = rng.random((5, 60)) < 0.4, rng.random((5, 60)) < 0.5
    weight = rng.uniform(0.5, 2.0, (5, 60))
    found = risk_contrast(outcome, treated, measure, weight=weight)
    back = risk_contrast(outcome, ~treated, measure, weight=7 * weight)
    np.testing.assert_allclose(back.value, -found.value, atol=1e-13)
    np.testing.assert_allclose(back.se, found.se, rtol=1e-12)
    twice = [np.concatenate([one, one], axis=1) for one in (outcome, treated, weight)]
    own = np.broadcast_to(np.tile(np.arange(60), 2), (5, 120))
    copies = risk_contrast(twice[0], twice[1], measure, weight=twice[2], cluster=own)
    np.testing.assert_allclose(copies.se, found.se, rtol=1e-12)


def test_weights_find_the_truth_that_the_crude_risk_misses() -> None:
    """Everyone's risk difference is 0.2; over 400 cohorts, to 4 Monte Carlo standard errors, and its SE to 4 of its."""
    rng = np.random.default_rng(9)
    x = rng.normal(size=(400, 300, 1))
    treated = rng.random((400, 300)) < 1 / (1 + np.exp(-x[..., 0]))
    outcome = rng.random((400, 300)) < 0.2 + 0.4 * (x[..., 0] > 0) + 0.2 * treated
    weight = weighting.ipw(logistic(x, treated).fitted, treated, "ate")
    weighted, crude = risk_contrast(outcome, treated, weight=weight), risk_contrast(outcome, treated)

    def z(value: np.ndarray) -> float:
        return float((value.mean() - 0.2) / value.std(ddof=1) * np.sqrt(400))

    assert abs(z(weighted.value)) < 4
    assert abs(z(crude.value)) > 4
    ratio, error = np.sqrt((weighted.se**2).mean()) / weighted.value.std(ddof=1), 1 / np.sqrt(2 * 399)
    assert ratio > 1 - 4 * error  # a score taken as known makes it too large, never too small
    spread = np.sqrt((crude.se**2).mean()) / crude.value.std(ddof=1)
    assert abs(spread - 1) < 4 * error
    assert abs(1.2 * spread - 1) > 4 * error


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="target"):
        Binary(endpoints=("ORR",), target="ate")
    assert Binary(endpoints=("OS",)).misfit("OS", True) == "'OS' is a time to an event; 'binary' is for yes/no outcomes"
    assert Binary(endpoints=("ORR",)).misfit("ORR", False) == ""
