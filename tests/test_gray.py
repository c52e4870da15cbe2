"""Gray's test by hand, against the slow twin, by identities, and where it has no answer. R's is in
test_against_r_competing.py."""

from typing import Any

import numpy as np
import pytest

from analysis.kernels.status import Status
from analysis.survival.gray import gray_test
from analysis.survival.statistics import logrank
from analysis.survival.weighted_survival import robust_score
from tests.reference import competing as slow
from tests.test_incidence import blocks


def test_by_hand() -> None:
    """At 1 both R are 2; at 3 the untreated has S = 1/2 after a competing event at 2, so R0 = 1 (1 - 0) / (1/2) = 2."""
    time, cause = np.array([[2.0, 3, 1, 4]]), np.array([[2, 1, 1, 0]])
    treated = np.array([[False, False, True, True]])
    found = gray_test(time, cause, treated, robust=True)
    # at 3 the treated have Y = 1, S = 1/2, F = 1/2: R1 = 1 (1 - 1/2) / (1/2) = 1
    score = (1 - 2 / 4) + (0 - 1 / 3)
    assert found.z[0] > 0
    assert slow.gray_score(time[0], np.array([2, 1, 1, 0]), treated[0], np.ones(4)) == pytest.approx(score, rel=1e-14)
    variance = (
        slow.jackknife(lambda w: slow.gray_score(time[0], cause[0], treated[0], w), np.ones(4), np.arange(4)) ** 2
    )
    assert found.chi2[0] == pytest.approx(score**2 / variance, rel=1e-8)


@pytest.mark.parametrize("of", [1, 2])
@pytest.mark.parametrize("ties", [True, False])
def test_against_the_slow_twin(of: int, ties: bool) -> None:
    time, cause, treated, weight, pair = blocks(2, 30, ties=ties, causes=3)
    kind = np.where(cause == of, 1, np.where(cause == 0, 0, 2))
    for options in ({"weight": weight}, {"weight": weight, "cluster": pair}, {"cluster": pair}):
        found = gray_test(time, cause, treated, of=of, **options)  # type: ignore[arg-type]
        for r in range(2):
            w = weight[r] if "weight" in options else np.ones(time.shape[1])
            groups = pair[r] if "cluster" in options else np.arange(time.shape[1])

            def score(weights: Any, r: int = r) -> float:
                return slow.gray_score(time[r], kind[r], treated[r], weights)

            assert found.z[r] == pytest.approx(score(w) / slow.jackknife(score, w, groups), rel=1e-10)


def test_without_competing_events_it_is_the_log_rank_test() -> None:
    time, cause, treated, weight, pair = blocks()
    event = cause > 0
    robust = gray_test(time, event.astype(int), treated, weight=weight, cluster=pair)
    known = robust_score(time, event, treated, weight=weight, cluster=pair, ties="breslow")
    np.testing.assert_allclose(robust.z, known.z, rtol=1e-9)
    plain = gray_test(time, event.astype(int), treated)
    # one score, but Gray's variance takes the hazard of all and the survival of each arm
    np.testing.assert_allclose(plain.z, logrank(time, event, treated).z, rtol=0.1, atol=0.02)


def test_swapped_arms_scaled_weights_and_absent_patients() -> None:
    time, cause, treated, weight, pair = blocks()
    for options in ({}, {"weight": weight}, {"cluster": pair}):
        one, other = (gray_test(time, cause, arm, **options) for arm in (treated, ~treated))  # type: ignore[arg-type]
        np.testing.assert_allclose(one.z, -other.z, rtol=1e-10)
        assert np.array_equal(one.events, other.events[:, ::-1])
    scaled = gray_test(time, cause, treated, weight=5 * weight, cluster=pair)
    np.testing.assert_allclose(scaled.z, gray_test(time, cause, treated, weight=weight, cluster=pair).z, rtol=1e-10)
    absent = np.broadcast_to(np.arange(time.shape[1]) < 30, time.shape)
    cut = gray_test(time[:, :30], cause[:, :30], treated[:, :30])
    assert np.array_equal(gray_test(np.where(absent, time, np.nan), cause, treated, present=absent).z, cut.z)


def test_statuses() -> None:
    time, cause, treated, _, _ = blocks(6, 20, ties=False)
    good = gray_test(time, cause, treated)
    time, cause, treated = time.copy(), cause.copy(), treated.copy()
    time[0, 0] = np.inf
    cause[1] = 2 * (cause[1] > 0)
    treated[2] = True
    present = np.ones(time.shape, bool)
    present[3, 1:] = False
    cause[4] = -1
    found = gray_test(time, cause, treated, present=present)
    assert found.status.tolist() == [
        Status.BAD_INPUT, Status.NO_EVENTS, Status.NO_INFO, Status.TOO_FEW, Status.BAD_INPUT, Status.OK,
    ]  # fmt: skip
    assert np.isnan(found.p[:5]).all()
    assert found.p[5] == good.p[5]
    twins = np.repeat(time[5:, :10], 2, axis=1), np.repeat(cause[5:, :10], 2, axis=1)
    alike = gray_test(*twins, treated[5:], cluster=np.repeat(np.arange(10), 2)[None])
    assert alike.status[0] == Status.NO_INFO


@pytest.mark.slow
def test_the_level_of_null_studies_with_different_other_causes() -> None:
    """10,000 trials of 200 in which the arms have one incidence: each variance keeps 5 % within three MCSE."""
    rng = np.random.default_rng(22)
    replicates, n = 10_000, 200
    treated = np.broadcast_to(np.arange(n) % 2 == 0, (replicates, n))
    own = rng.random((replicates, n)) < 0.4
    when = rng.exponential(size=(replicates, n)) * np.where(own, 1.0, np.where(treated, 0.5, 2.0))
    end = rng.uniform(0.5, 3, (replicates, n))
    cause = np.where(when > end, 0, np.where(own, 1, 2))
    time = np.minimum(when, end)
    pair = np.broadcast_to(np.arange(n) // 2, time.shape)
    for options in ({}, {"robust": True}, {"cluster": pair}):
        found = gray_test(time, cause, treated, **options)  # type: ignore[arg-type]
        rejected = (found.p < 0.05).mean()
        assert abs(rejected - 0.05) < 3 * np.sqrt(0.05 * 0.95 / replicates), (options.keys(), rejected)
