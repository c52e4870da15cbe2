"""Cumulative incidence by hand, against the slow twin, by identities, and where it has no answer."""

from typing import Any

import numpy as np
import pytest

from analysis.kernels.status import Status
from analysis.survival.incidence import (
    cumulative_incidence,
    incidence_contrast,
    incidence_curve,
    time_lost,
)
from analysis.survival.matched_curves import curve_difference
from analysis.survival.statistics import kaplan_meier, rmst
from tests.reference import competing as slow

# by hand: S is 1, 4/5, 2/5, 2/5, 0; d1 / Y is 1/5 at 1 and 1/4 at 2 and 1/1 at 4
TIME = np.array([[1.0, 2, 2, 3, 4]])
CAUSE = np.array([[1, 2, 1, 0, 1]])


def blocks(replicates: int = 6, n: int = 40, ties: bool = True, causes: int = 2) -> Any:
    """Times, causes, treated, weights and pairs."""
    rng = np.random.default_rng(7)
    time = rng.exponential(size=(replicates, n))
    time = np.ceil(time * 6) / 4 if ties else time
    cause = rng.integers(0, causes + 1, size=time.shape)
    treated = np.tile([True, False], n // 2) & np.ones(time.shape, bool)
    return time, cause, treated, rng.uniform(0.3, 3, size=time.shape), np.arange(n) // 2 + np.zeros(time.shape, int)


def test_by_hand() -> None:
    found = cumulative_incidence(TIME, CAUSE, [0.5, 1, 2, 3.9, 4])
    np.testing.assert_allclose(found.value[0], [0, 1 / 5, 2 / 5, 2 / 5, 4 / 5], rtol=1e-14)
    other = cumulative_incidence(TIME, CAUSE, [1.0, 4], of=2)
    np.testing.assert_allclose(other.value[0], [0, 1 / 5], rtol=1e-14)
    assert (found.n[0], found.events[0], found.competing[0]) == (5, 3, 1)
    assert time_lost(TIME, CAUSE, 4.0).value[0] == pytest.approx(1 / 5 + 2 * 2 / 5, rel=1e-14)
    # before anybody is censored it is a share of n: p (1 - p) / n
    np.testing.assert_allclose(found.se[0, 1:3] ** 2, [0.2 * 0.8 / 5, 0.4 * 0.6 / 5], rtol=1e-13)
    assert found.se[0, 0] == 0


def test_all_causes_and_nobody_make_one() -> None:
    time, cause, _, weight, _ = blocks(causes=3)
    at = np.quantile(time, [0.2, 0.5, 0.8])
    weight = np.round(weight * 8)
    for r in range(2):
        many = np.repeat(np.arange(time.shape[1]), weight[r].astype(int))
        copies = cumulative_incidence(time[r : r + 1, many], cause[r : r + 1, many], at)
        counted = cumulative_incidence(time[r : r + 1], cause[r : r + 1], at, weight=weight[r : r + 1])
        np.testing.assert_allclose(counted.value, copies.value, rtol=1e-12)
    tau = float(np.quantile(time, 0.6))
    lost = sum(time_lost(time, cause, tau, of=k).value for k in (1, 2, 3))
    np.testing.assert_allclose(lost, tau - rmst(time, cause > 0, tau).value, rtol=1e-12)
    for r in range(len(time)):
        curve = kaplan_meier(time[r], cause[r] > 0, present=np.ones(time.shape[1], bool))
        free = [curve.survival[curve.time <= t][-1] for t in at]
        plain = sum(cumulative_incidence(time[r : r + 1], cause[r : r + 1], at, of=k).value[0] for k in (1, 2, 3))
        np.testing.assert_allclose(plain + free, 1.0, rtol=1e-13)


def test_without_competing_events_it_is_one_less_kaplan_meier() -> None:
    time, cause, treated, weight, pair = blocks()
    event = cause > 0
    alone = event.astype(int)
    tau = float(np.quantile(time, 0.7))
    present = np.ones(time.shape, bool)
    for ours, theirs, measure in (("incidence_difference", "survival", -1), ("rmtl_difference", "rmst", -1)):
        for options in ({}, {"weight": weight}, {"cluster": pair}, {"weight": weight, "cluster": pair}):
            found = incidence_contrast(time, alone, treated, tau, ours, **options)  # type: ignore[arg-type]
            km = curve_difference(time, event, treated, present, tau, theirs, **options)  # type: ignore[arg-type]
            np.testing.assert_allclose(found.value, measure * km.value, rtol=1e-10)
            np.testing.assert_allclose(found.se, km.se, rtol=1e-10)


@pytest.mark.parametrize("of", [1, 2])
def test_against_the_slow_twin(of: int) -> None:
    time, cause, treated, weight, pair = blocks(2, 40)
    kind = np.where(cause == of, 1, np.where(cause == 0, 0, 2))
    at = float(np.quantile(time, 0.75))
    point = cumulative_incidence(time, cause, at, of=of, weight=weight, cluster=pair)
    area = time_lost(time, cause, at, of=of, weight=weight, cluster=pair)
    for r in range(2):

        def share(w: Any, r: int = r) -> float:
            return slow.incidence(time[r], kind[r], w, at)

        def lost(w: Any, r: int = r) -> float:
            return slow.time_lost(time[r], kind[r], w, at)

        assert point.value[r, 0] == pytest.approx(share(weight[r]), rel=1e-12)
        assert area.value[r] == pytest.approx(lost(weight[r]), rel=1e-12)
        assert point.se[r, 0] == pytest.approx(slow.jackknife(share, weight[r], pair[r]), rel=1e-10)
        assert area.se[r] == pytest.approx(slow.jackknife(lost, weight[r], pair[r]), rel=1e-10)
        for measure in ("incidence_difference", "log_incidence_ratio", "rmtl_difference"):

            def contrast(w: Any, r: int = r, measure: str = measure) -> float:
                function = slow.time_lost if measure == "rmtl_difference" else slow.incidence
                arms = [function(time[r, a], kind[r, a], w[a], at) for a in (~treated[r], treated[r])]
                return np.log(arms[1] / arms[0]) if measure == "log_incidence_ratio" else arms[1] - arms[0]  # type: ignore[no-any-return]

            found = incidence_contrast(time, cause, treated, at, measure, of=of, weight=weight, cluster=pair)  # type: ignore[arg-type]
            assert found.value[r] == pytest.approx(contrast(weight[r]), rel=1e-10)
            assert found.se[r] == pytest.approx(slow.jackknife(contrast, weight[r], pair[r]), rel=1e-10)


def test_scale_of_weights_absent_patients_and_swapped_arms() -> None:
    time, cause, treated, weight, pair = blocks()
    at = float(np.quantile(time, 0.5))
    one = incidence_contrast(time, cause, treated, at, weight=weight, cluster=pair)
    scaled = incidence_contrast(time, cause, treated, at, weight=7 * weight, cluster=pair * 5 + 3)
    np.testing.assert_allclose(scaled.value, one.value, rtol=1e-12)
    np.testing.assert_allclose(scaled.se, one.se, rtol=1e-10)
    swapped = incidence_contrast(time, cause, ~treated, at, weight=weight, cluster=pair)
    np.testing.assert_allclose(swapped.value, -one.value, rtol=1e-13)
    absent = np.arange(time.shape[1]) < 30
    cut = incidence_contrast(time[:, :30], cause[:, :30], treated[:, :30], at, weight=weight[:, :30])
    spoilt = np.where(absent, time, np.nan)
    for options in (
        {"present": np.broadcast_to(absent, time.shape), "weight": weight},
        {"weight": np.where(absent, weight, 0.0)},
    ):
        found = incidence_contrast(spoilt if "present" in options else time, cause, treated, at, **options)  # type: ignore[arg-type]
        assert np.array_equal(found.value, cut.value)
        np.testing.assert_allclose(found.se, cut.se, rtol=1e-13)
    sets = np.stack([treated, ~treated], axis=1).reshape(-1, time.shape[1])
    arms = cumulative_incidence(time, cause, at, present=sets, weight=weight)
    np.testing.assert_allclose(arms.value.reshape(-1, 2)[:, ::-1], one.arms, rtol=1e-13)
    np.testing.assert_allclose(arms.se.reshape(-1, 2)[:, ::-1], one.arms_se, rtol=1e-13)


def test_the_curve_is_the_points() -> None:
    time, cause, _, weight, pair = blocks(1)
    curve = incidence_curve(time[0], cause[0], present=weight[0] < 2.5, weight=weight[0], cluster=pair[0])
    points = cumulative_incidence(time, cause, curve.time, present=weight < 2.5, weight=weight, cluster=pair)
    np.testing.assert_allclose([curve.value, curve.std_err, curve.low], [points.value[0], points.se[0], points.low[0]])
    assert curve.n_event.sum() == points.events[0]
    assert curve.n_competing.sum() == points.competing[0]
    assert (np.diff(curve.n_risk) <= -(curve.n_event + curve.n_competing)[:-1]).all()
    with pytest.raises(ValueError, match="NaN"):
        incidence_curve(np.array([1.0, np.nan]), np.array([1, 1]), present=np.ones(2, bool))


def test_statuses() -> None:
    time, cause, treated, _, _ = blocks(7, 20, ties=False)
    time, cause, treated = time.copy(), cause.copy(), treated.copy()
    at = float(np.median(time))
    good = incidence_contrast(time, cause, treated, at)
    time[0, 3] = np.nan
    cause[1] = np.where(cause[1] == 1, 2, cause[1])
    treated[2] = True
    last = treated[3] & (time[3] > at * 0.5)
    time[3, last], cause[3, last] = at * 0.5, 0
    cause[4, 2] = -1
    cause[5, treated[5] & (cause[5] == 1)] = 2
    found = incidence_contrast(time, cause, treated, at)
    assert found.status.tolist()[:5] == [
        Status.BAD_INPUT, Status.NO_EVENTS, Status.TOO_FEW, Status.TOO_FEW, Status.BAD_INPUT,
    ]  # fmt: skip
    assert found.status[5] == Status.OK
    assert incidence_contrast(time, cause, treated, at, "log_incidence_ratio").status[5] == Status.NO_INFO
    assert np.isnan(found.value[:5]).all()
    assert not found.gradient[:5].any()
    assert (found.value[6], found.se[6]) == (good.value[6], good.se[6])
    everyone = incidence_contrast(
        np.array([[1.0, 1, 1, 1]]), np.ones((1, 4), int), np.array([[True, True, False, False]]), 2.0
    )
    assert everyone.status[0] == Status.NO_INFO
    assert cumulative_incidence(np.array([[1.0, 1]]), np.array([[2, 2]]), 3.0).value[0, 0] == 0.0
    assert cumulative_incidence(np.array([[1.0, 1]]), np.array([[2, 0]]), 3.0).status[0, 0] == Status.TOO_FEW
    with pytest.raises(ValueError, match="code of a cause"):
        cumulative_incidence(TIME, CAUSE, 1.0, of=0)
    with pytest.raises(ValueError, match="whole number"):
        cumulative_incidence(TIME, CAUSE * 1.0, 1.0)
    with pytest.raises(ValueError, match="binomial"):
        cumulative_incidence(TIME, CAUSE, 1.0, weight=np.ones((1, 5)), variance="binomial")
    with pytest.raises(ValueError, match="log-log"):
        cumulative_incidence(TIME, CAUSE, 1.0, conf_type="logit")  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_level_of_null_studies() -> None:
    """10,000 trials of 400 with one incidence: Wald's tests keep 5 % within three Monte Carlo SE, in pairs too."""
    rng = np.random.default_rng(24)
    replicates, n = 10_000, 400
    treated = np.broadcast_to(np.arange(n) % 2 == 0, (replicates, n))
    own = rng.random((replicates, n)) < 0.5
    when = rng.exponential(size=(replicates, n)) * np.where(own, 1.0, np.where(treated, 0.5, 2.0))
    end = rng.uniform(0.5, 3, (replicates, n))
    cause, time = np.where(when > end, 0, np.where(own, 1, 2)), np.minimum(when, end)
    pair = np.broadcast_to(np.arange(n) // 2, time.shape)
    for measure in ("incidence_difference", "log_incidence_ratio", "rmtl_difference"):
        for options in ({}, {"cluster": pair}):
            found = incidence_contrast(time, cause, treated, 1.0, measure, **options)  # type: ignore[arg-type]
            rejected = (np.abs(found.value / found.se) > 1.959964).mean()
            assert abs(rejected - 0.05) < 3 * np.sqrt(0.05 * 0.95 / replicates), (measure, options.keys(), rejected)
