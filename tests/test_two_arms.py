"""Two arms in one pass: the very numbers of the log-rank test, the Cox model and the medians made one by one."""

from typing import Any

import numpy as np
import pytest

from analysis.kernels.status import Status
from analysis.survival.statistics import cox, km_quantile, logrank, time_order
from analysis.survival.two_arms import ArmComparison, two_arms


def _block(decimals: int | None, seed: int = 1, cohorts: int = 6, n: int = 60, sets: int = 5) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    time = rng.exponential(10, (cohorts, n))
    if decimals is not None:
        time = np.round(time, decimals)
    event, treated = rng.random((cohorts, n)) < 0.7, rng.random((cohorts, n)) < 0.4
    present = (
        rng.random((cohorts * sets, n)) < np.repeat([0.9, 0.6, 0.3, 0.1, 0.02], 1)[np.arange(cohorts * sets) % 5, None]
    )
    return time, event, treated, present


def _check(found: ArmComparison, time: Any, event: Any, treated: Any, present: Any, ties: str, conf_type: Any) -> None:
    per = len(present) // len(time)
    arm = np.repeat(treated, per, axis=0)
    fit = cox(time, event, treated[..., None].astype(float), present=present, ties=ties)
    test = logrank(time, event, treated, present=present)
    assert np.array_equal(found.cox_status, fit.status)
    np.testing.assert_allclose(found.log_hr, fit.beta[:, 0], rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(found.se, fit.se[:, 0], rtol=1e-11)
    assert np.array_equal(found.logrank_status, test.status)
    np.testing.assert_allclose(found.chi2, test.chi2, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(found.p, test.p, rtol=1e-9)
    for a, members in enumerate((present & ~arm, present & arm)):
        curve = km_quantile(time, event, present=members, conf_type=conf_type)
        assert np.array_equal(found.n[:, a], curve.n)
        known = found.cox_status != Status.BAD_INPUT
        assert np.array_equal(found.events[known, a], curve.events[known])
        if len(found.median):
            for name, value in (("median", curve.value), ("low", curve.low), ("high", curve.high)):
                assert np.array_equal(getattr(found, name)[known, a], value[known], equal_nan=True), name


@pytest.mark.parametrize("medians", [True, False])
@pytest.mark.parametrize("decimals", [None, 0, 1])
@pytest.mark.parametrize(("ties", "conf_type"), [("efron", "log"), ("breslow", "log-log"), ("efron", "plain")])
def test_equal_to_the_statistics_made_one_by_one(
    medians: bool, decimals: int | None, ties: str, conf_type: Any
) -> None:
    statuses = set()
    for seed in range(4):
        time, event, treated, present = _block(decimals, seed)
        found = two_arms(
            time, event, treated, present=present, ties=ties, conf_type=conf_type, medians=medians,
            order=time_order(time),
        )  # fmt: skip
        _check(found, time, event, treated, present, ties, conf_type)
        statuses |= set(found.cox_status.tolist()) | set(found.logrank_status.tolist())
    assert statuses >= {Status.OK, Status.MONOTONE, Status.NO_EVENTS, Status.TOO_FEW, Status.NO_INFO}


@pytest.mark.parametrize("medians", [True, False])
def test_absent_patients_are_not_read_and_a_present_nan_is_bad_input(medians: bool) -> None:
    time, event, treated, present = _block(None)
    whole = two_arms(time, event, treated, present=present, medians=medians)
    nobody = ~present.reshape(6, 5, -1).any(axis=1)
    spoilt = np.where(nobody, np.nan, time)
    again = two_arms(spoilt, event, treated, present=present, medians=medians)
    assert np.array_equal(again.log_hr, whole.log_hr, equal_nan=True)
    assert nobody.any()
    spoilt[2, np.flatnonzero(present[10])[0]] = np.nan
    bad = two_arms(spoilt, event, treated, present=present, medians=medians)
    assert bad.cox_status[10] == bad.logrank_status[10] == bad.median_status[10, 0] == Status.BAD_INPUT
    assert np.isnan([bad.log_hr[10], bad.chi2[10]]).all()
    other = np.arange(30) // 5 != 2
    assert np.array_equal(bad.log_hr[other], whole.log_hr[other], equal_nan=True)


@pytest.mark.parametrize("sets", [32, 33, 70])
def test_many_sets_of_a_cohort(sets: int) -> None:
    """Sets are counted 32 at a time: each is what it is alone."""
    time, event, treated, _ = _block(0, cohorts=2)
    present = np.random.default_rng(sets).random((2 * sets, 60)) < 0.6
    found = two_arms(time, event, treated, present=present)
    _check(found, time, event, treated, present, "efron", "log")
    assert len(set(found.n.sum(axis=1).tolist())) > 5


def test_swapped_arms_flip_the_sign_and_nothing_else() -> None:
    time, event, treated, present = _block(None)
    one, two = (two_arms(time, event, arm, present=present, medians=False) for arm in (treated, ~treated))
    ok = one.cox_status == Status.OK
    np.testing.assert_allclose(one.log_hr[ok], -two.log_hr[ok], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(one.chi2[ok], two.chi2[ok], rtol=1e-9, atol=1e-13)
    assert np.array_equal(one.n, two.n[:, ::-1])


def test_hand_worked() -> None:
    """Times 1 to 4, treated at 2 and 3, all die: O = 2, E = 1/2 + 2/3 + 1/2 + 0, V = 1/4 + 2/9 + 1/4."""
    found = two_arms([[1.0, 2.0, 3.0, 4.0]], [[True] * 4], [[False, True, True, False]])
    assert abs(found.chi2[0] - (2 - 5 / 3) ** 2 / (13 / 18)) < 1e-14
    assert found.median[0].tolist() == [2.5, 2.5]
    assert found.events[0].tolist() == found.n[0].tolist() == [2, 2]
