"""Weights for censoring: a row per interval gives the same, equal weights change nothing, and the truth is found."""

import numpy as np
import pytest

from analysis.kernels.status import Status
from analysis.survival.censoring import censoring_score, censoring_weighted_contrast
from analysis.survival.standardise import ContrastMeasure
from analysis.survival.statistics import cox, rmst, survival_at
from tests.reference.censoring import intervals

Cohort = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
HORIZON = 12.0


def cohorts(ties: bool = False, n: int = 60, replicates: int = 2, seed: int = 5) -> Cohort:
    """Randomised arms in which a covariate rules both death and censoring, which is rare without treatment."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(replicates, n, 1))
    treated = rng.random((replicates, n)) < 0.5
    death = rng.exponential(20 * np.exp(0.4 * treated - 0.9 * x[..., 0]))
    limit = rng.exponential(25 * np.where(treated, 1.0, 8.0) * np.exp(-0.9 * x[..., 0]))
    time = np.minimum(death, limit)
    return np.ceil(time) if ties else time, death <= limit, treated, x


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("method", ["efron", "breslow"])
def test_a_row_per_interval_gives_the_same(ties: bool, method: str) -> None:
    time, event, treated, x = cohorts(ties)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, time.shape)
    score, status = censoring_score(time, event, treated, x)
    found = censoring_weighted_contrast(time, event, treated, score, weight=weight, ties=method)
    assert (status == Status.OK).all()
    for r in range(2):
        rows = intervals(time[r], event[r], treated[r], score[r], weight[r])
        fit = cox(
            rows.stop[None],
            rows.event[None],
            rows.treated[None, :, None].astype(float),
            entry=rows.start[None],
            weight=rows.weight[None],
            cluster=rows.patient[None],
            ties=method,
        )
        assert fit.robust_se is not None
        assert abs(found.value[r] - fit.beta[0, 0]) < 1e-10
        assert abs(found.se[r] - fit.robust_se[0, 0]) < 1e-10
        last = {int(i): w for i, w in zip(rows.patient, rows.weight, strict=True)}
        np.testing.assert_allclose([found.weight[r, i] for i in last], list(last.values()), rtol=1e-10)


def test_the_score_is_the_stratified_model_of_censoring() -> None:
    time, event, treated, x = cohorts()
    score, _ = censoring_score(time, event, treated, x)
    beta = cox(time, ~event, x, stratum=treated, ties="breslow").beta
    np.testing.assert_allclose(score, np.exp((x - x.mean(axis=1, keepdims=True))[..., 0] * beta), rtol=1e-9)
    nobody, status = censoring_score(time, np.ones_like(event), treated, x)
    assert (nobody == 1).all() & (status == Status.OK).all()


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("measure", ["rmst_difference", "survival_difference"])
def test_equal_weights_are_kaplan_meier_and_greenwood(ties: bool, measure: ContrastMeasure) -> None:
    time, event, treated, _ = cohorts(ties)
    found = censoring_weighted_contrast(
        time, event, treated, np.ones(time.shape), measure=measure, horizon=HORIZON, weight=np.full(time.shape, 3.0)
    )
    read = rmst if measure == "rmst_difference" else survival_at
    arms = [read(time, event, HORIZON, present=arm) for arm in (treated, ~treated)]
    np.testing.assert_allclose(found.value, arms[0].value - arms[1].value, atol=1e-12)
    np.testing.assert_allclose(found.se, np.hypot(arms[0].se, arms[1].se), rtol=1e-10)


def test_equal_weights_are_the_cox_model_with_robust_se() -> None:
    time, event, treated, _ = cohorts(True)
    own = np.broadcast_to(np.arange(time.shape[1]), time.shape)
    fit = cox(time, event, treated[..., None].astype(float), cluster=own)
    found = censoring_weighted_contrast(time, event, treated, np.ones(time.shape))
    assert fit.robust_se is not None
    np.testing.assert_allclose(found.value, fit.beta[:, 0], atol=1e-10)
    np.testing.assert_allclose(found.se, fit.robust_se[:, 0], rtol=1e-9)


def test_failures_are_statuses_and_leave_others_alone() -> None:
    time, event, treated, x = cohorts(replicates=6)
    score, _ = censoring_score(time, event, treated, x)
    healthy = censoring_weighted_contrast(time, event, treated, score)
    event, treated, score = event.copy(), treated.copy(), score.copy()
    event[0], treated[1], score[2, 3] = False, True, np.nan
    event[3] &= treated[3]
    found = censoring_weighted_contrast(time, event, treated, score)
    assert found.status[:4].tolist() == [Status.NO_EVENTS, Status.TOO_FEW, Status.BAD_INPUT, Status.MONOTONE]
    assert np.isnan(found.value[:4]).all()
    assert np.array_equal(found.value[4:], healthy.value[4:])
    late = censoring_weighted_contrast(time, event, treated, score, measure="rmst_difference", horizon=1e4)
    assert (late.status[4:] == Status.TOO_FEW).all()


def _z(weighted: bool, measure: ContrastMeasure) -> float:
    """How far the mean of 200 estimates lies from the truth, in Monte Carlo standard errors."""
    time, event, treated, x = cohorts(n=400, replicates=200)
    score, _ = censoring_score(time, event, treated, x)
    found = censoring_weighted_contrast(
        time, event, treated, score if weighted else np.ones(time.shape), measure=measure, horizon=HORIZON
    )
    assert (found.status == Status.OK).all()
    rng = np.random.default_rng(1)
    death = rng.exponential(20 * np.exp(-0.9 * rng.normal(size=1_000_000)))
    arms = [death, death * np.exp(0.4)]
    outcome = [np.minimum(arm, HORIZON) if measure == "rmst_difference" else 1.0 * (arm > HORIZON) for arm in arms]
    off = outcome[1] - outcome[0]
    error = np.hypot(found.value.std(ddof=1) / np.sqrt(200), off.std() / 1000)
    return float((found.value.mean() - off.mean()) / error)


@pytest.mark.parametrize("measure", ["rmst_difference", "survival_difference"])
def test_the_truth_is_found_where_censoring_tells_of_death(measure: ContrastMeasure) -> None:
    assert abs(_z(True, measure)) < 4
    assert abs(_z(False, measure)) > 4  # without the weights it is missed


def test_the_robust_se_is_the_spread_of_the_estimates() -> None:
    """Weights taken as known make it at most slightly too large: 400 estimates, their SD known to 3.5 %."""
    time, event, treated, x = cohorts(n=400, replicates=400, seed=6)
    score, _ = censoring_score(time, event, treated, x)
    found = censoring_weighted_contrast(time, event, treated, score)
    ratio = np.sqrt((found.se**2).mean()) / found.value.std(ddof=1)
    error = 1 / np.sqrt(2 * 399)
    assert -4 * error < ratio - 1 < 4 * error + 0.05
    assert not -4 * error < ratio / np.sqrt(2) - 1  # and an SE of one arm's size would be noticed
