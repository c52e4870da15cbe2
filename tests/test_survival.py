"""Survival statistics by hand, by identities, and where they have no answer. R's output is in test_against_r_*.py."""

import numpy as np
import pytest

from analysis.kernels.status import Status
from analysis.survival.statistics import (
    cox,
    cox_each,
    kaplan_meier,
    km_quantile,
    logrank,
    rmst,
    survival_at,
    time_order,
)

# Therneau & Grambsch (2000), appendix E: the test data of the survival package
TIME = np.array([[1.0, 1, 6, 6, 8, 9]])
EVENT = np.array([[True, False, True, True, False, True]])
X = np.array([[1.0, 1, 1, 0, 0, 0]])


def _cohorts(
    replicates: int = 5, n: int = 80, p: int = 3, ties: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(11)
    x = rng.normal(size=(replicates, n, p))
    x[..., 0] = x[..., 0] > 0
    time = rng.exponential(np.exp(-0.5 * x[..., 0] + 0.3 * x[..., 1]))
    return (np.ceil(time * 4) if ties else time), rng.random((replicates, n)) < 0.7, x


@pytest.mark.parametrize(
    ("ties", "beta", "loglik"),
    [
        ("breslow", np.log((3 + np.sqrt(33)) / 2), -3.824749505003),
        ("efron", 1.676857485593, -3.358974840263),
    ],
)
def test_cox_by_hand(ties: str, beta: float, loglik: float) -> None:
    fit = cox(TIME, EVENT, X[..., None], ties=ties)  # type: ignore[arg-type]
    assert abs(fit.beta[0, 0] - beta) < 1e-11
    assert abs(fit.loglik[0] - loglik) < 1e-11


def test_logrank_and_kaplan_meier_by_hand() -> None:
    found = logrank(TIME, EVENT, X == 1)
    assert found.observed[0].tolist() == [2, 2]
    np.testing.assert_allclose(found.expected[0], [3, 1], rtol=1e-14)
    assert abs(found.chi2[0] - 2) < 1e-12
    curve = kaplan_meier(TIME[0], EVENT[0], present=np.ones(6, bool))
    np.testing.assert_allclose(curve.survival[curve.n_event > 0], [5 / 6, 5 / 12, 0], rtol=1e-14)
    assert km_quantile(TIME, EVENT).value[0] == 6.0
    assert survival_at(TIME, EVENT, 6.0).value[0] == pytest.approx(5 / 12, rel=1e-14)
    assert rmst(TIME, EVENT, 8.0).value[0] == pytest.approx(1 + 5 * 5 / 6 + 2 * 5 / 12, rel=1e-14)


def test_median_is_the_midpoint_where_the_curve_is_flat_at_a_half() -> None:
    time, event = np.array([[1.0, 2, 3, 4]]), np.ones((1, 4), bool)
    assert km_quantile(time, event).value[0] == 2.5
    ends_there = km_quantile(time, np.array([[True, True, False, False]]))
    assert ends_there.value[0] == 2.0  # as print(survfit) has it; R's quantile() says 3


def test_a_quantile_that_is_not_reached_is_infinite_and_ok() -> None:
    found = km_quantile(np.array([[1.0, 2, 3, 4]]), np.array([[True, False, False, False]]))
    assert np.isinf(found.value[0])
    assert found.status[0] == Status.OK


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_identities_of_the_cox_fit(ties: str) -> None:
    time, event, x = _cohorts()
    fit = cox(time, event, x, ties=ties)  # type: ignore[arg-type]
    assert (fit.status == Status.OK).all()
    swapped = x.copy()
    swapped[..., 0] = 1 - swapped[..., 0]
    swapped[..., 1] *= 1e6
    other = cox(time, event, swapped, ties=ties)  # type: ignore[arg-type]
    np.testing.assert_allclose(other.beta[:, 0], -fit.beta[:, 0], rtol=1e-8)
    np.testing.assert_allclose(other.beta[:, 1] * 1e6, fit.beta[:, 1], rtol=1e-8)
    np.testing.assert_allclose(other.loglik, fit.loglik, rtol=1e-12)
    np.testing.assert_allclose(cox(7 * time, event, x, ties=ties).beta, fit.beta, rtol=1e-10)  # type: ignore[arg-type]


def test_score_test_of_one_group_is_the_logrank_test_without_ties() -> None:
    time, event, x = _cohorts(ties=False)
    fit, found = cox(time, event, x[..., :1]), logrank(time, event, x[..., 0] == 1)
    np.testing.assert_allclose(fit.score_test, found.chi2, rtol=1e-9)


def test_doubling_everybody_is_a_weight_of_two_with_breslow() -> None:
    time, event, x = _cohorts()
    weighted = cox(time, event, x, weight=np.full(time.shape, 2.0), ties="breslow")
    doubled = cox(*(np.concatenate([a, a], axis=1) for a in (time, event, x)), ties="breslow")
    np.testing.assert_allclose(weighted.beta, doubled.beta, rtol=1e-9)
    np.testing.assert_allclose(weighted.se, doubled.se, rtol=1e-9)


def test_entry_at_zero_and_one_stratum_change_nothing() -> None:
    time, event, x = _cohorts()
    fit = cox(time, event, x)
    late = cox(time, event, x, entry=np.zeros(time.shape))
    np.testing.assert_allclose(late.beta, fit.beta, rtol=1e-9)
    one = cox(time, event, x, stratum=np.ones(time.shape, int))
    np.testing.assert_allclose(one.beta, fit.beta, rtol=1e-12)
    rng = np.random.default_rng(1)
    two = cox(time, event, x, stratum=rng.integers(0, 2, time.shape))
    assert np.abs(two.beta - fit.beta).max() > 1e-3


def test_one_pass_over_many_covariates_is_as_many_fits() -> None:
    time, event, x = _cohorts()
    each = cox_each(time, event, x)
    for p in range(3):
        own = cox(time, event, x[..., p : p + 1])
        np.testing.assert_allclose(each.beta[:, p], own.beta[:, 0], rtol=1e-8)
        np.testing.assert_allclose(each.se[:, p], own.se[:, 0], rtol=1e-8)
        np.testing.assert_allclose(each.loglik[:, p], own.loglik, rtol=1e-12)


def test_clusters_of_one_and_of_copies() -> None:
    """Doubling every patient within a cluster of its own changes neither coefficient nor robust SE (Breslow)."""
    time, event, x = _cohorts()
    own = np.broadcast_to(np.arange(time.shape[1]), time.shape)
    single = cox(time, event, x, cluster=own, ties="breslow")
    twice = [np.concatenate([a, a], axis=1) for a in (time, event, x, own)]
    double = cox(*twice[:3], cluster=twice[3], ties="breslow")
    assert single.robust_se is not None
    assert double.robust_se is not None
    np.testing.assert_allclose(double.robust_se, single.robust_se, rtol=1e-8)
    assert np.abs(double.se / single.se - 1).max() > 0.2


def test_statuses_leave_healthy_replicates_bit_identical() -> None:
    time, event, x = _cohorts(8)
    healthy = cox(time, event, x[..., :1])
    time, event, arm = time.copy(), event.copy(), x[..., :1].copy()
    event[0] = False
    arm[1] = 1.0
    event[2] = event[2] & (arm[2, :, 0] == 1)
    arm[3, 5] = np.nan
    found = cox(time, event, arm)
    assert found.status[:4].tolist() == [Status.NO_EVENTS, Status.NO_INFO, Status.MONOTONE, Status.BAD_INPUT]
    assert np.isnan(found.beta[:4]).all()
    assert np.isfinite(found.loglik[2])
    assert np.array_equal(found.beta[4:], healthy.beta[4:])
    alone = cox(time[6:7], event[6:7], arm[6:7])
    assert np.array_equal(alone.beta[0], found.beta[6])
    two = np.concatenate([x[..., :1], x[..., :1]], axis=2)
    assert (cox(time[4:], event[4:], two[4:]).status == Status.SINGULAR).all()
    nobody = cox(time, event, arm, present=np.zeros(time.shape, bool))
    assert (nobody.status == Status.TOO_FEW).all()


def test_absent_patients_are_not_read() -> None:
    time, event, x = _cohorts()
    here = np.random.default_rng(2).random(time.shape) < 0.7
    fit = cox(np.where(here, time, np.nan), event, np.where(here[..., None], x, np.nan), present=here)
    own = cox(time[:1, here[0]], event[:1, here[0]], x[:1, here[0]])
    np.testing.assert_allclose(fit.beta[0], own.beta[0], rtol=1e-10)
    assert fit.n[0] == here[0].sum()


def test_an_order_may_be_shared() -> None:
    time, event, x = _cohorts()
    order = time_order(time)
    assert np.array_equal(order, np.argsort(time, axis=1, kind="stable"))
    assert np.array_equal(cox(time, event, x, order=order).beta, cox(time, event, x).beta)
