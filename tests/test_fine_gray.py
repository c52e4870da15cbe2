"""The Fine-Gray model by hand, against the slow twin, by identities, and where it has no answer. R's numbers are in
test_against_r_competing.py."""

from typing import Any

import numpy as np
import pytest

from analysis.kernels.status import Status
from analysis.survival.fine_gray import fine_gray
from analysis.survival.statistics import cox
from tests.reference import competing as slow
from tests.test_incidence import blocks


def models(n: int = 40, ties: bool = True) -> Any:
    """Times, causes, covariates (arm, a number), weights and pairs."""
    time, cause, treated, weight, pair = blocks(4, n, ties=ties, causes=3)
    x = np.stack([treated.astype(float), np.random.default_rng(5).normal(size=time.shape)], axis=-1)
    return time, cause, x, weight, pair


def test_by_hand() -> None:
    """Who has a competing event at 1 stays at risk; nobody is censored before 3, so that weights are 1.

    Risk sets, treated + untreated: at 2 it is 2 + 2 (a treated event), at 3 it is 1 + 2 (an untreated event) as the
    competing patient, treated, is still there: 1 / (2 h + 2), 1 / (h + 2): score 1 - 2 h / (2 h + 2) - h / (h + 2) = 0.
    """
    time, cause = np.array([[1.0, 2, 3, 4]]), np.array([[2, 1, 1, 0]])
    x = np.array([[1.0, 1, 0, 0]])[..., None]
    fit = fine_gray(time, cause, x)
    assert np.exp(fit.beta[0, 0]) == pytest.approx(np.sqrt(2), rel=1e-10)
    # the treated who is censored at 2.5 takes half of the treated's weight away from the competing patient
    late = fine_gray(
        np.array([[1.0, 2, 3, 4, 2.5]]), np.array([[2, 1, 1, 0, 0]]), np.array([[1.0, 1, 0, 0, 1]])[..., None]
    )
    # G(3-) = 2/3: score 1 - 3 h / (3 h + 2) - (2/3) h / ((2/3) h + 2) = 0
    assert np.exp(late.beta[0, 0]) == pytest.approx(np.sqrt(2), rel=1e-10)


@pytest.mark.parametrize("ties", [True, False])
def test_against_the_slow_twin(ties: bool) -> None:
    time, cause, x, weight, pair = models(ties=ties)
    arm, halves = x[..., 0].astype(int), (np.arange(40) % 2) + np.zeros(time.shape, int)
    one, zero = np.ones(time.shape), np.zeros(time.shape, int)
    own = np.arange(40) + zero
    cases: list[tuple[dict[str, Any], Any, Any, Any, Any]] = [
        ({}, one, own, zero, zero),
        ({"weight": weight, "cluster": pair}, weight, pair, zero, zero),
        ({"censoring": arm, "stratum": 1 - halves}, one, own, arm, halves),
        ({"weight": weight, "stratum": halves}, weight, own, zero, halves),
    ]
    for options, w, groups, label, stratum in cases:
        columns = x[..., 1:] if "stratum" in options else x
        found = fine_gray(time, cause, columns, **options)
        assert found.robust_covariance is not None
        for r in range(2):
            kind = np.minimum(cause[r], 2)
            said = slow.fine_gray(time[r], kind, columns[r], w[r], groups[r], label[r], stratum[r])
            np.testing.assert_allclose(found.beta[r], said.beta, rtol=1e-9, atol=1e-11)
            np.testing.assert_allclose(found.covariance[r], said.covariance, rtol=1e-8)
            np.testing.assert_allclose(found.robust_covariance[r], said.robust, rtol=1e-8, atol=1e-12)
            np.testing.assert_allclose([found.loglik_null[r], found.loglik[r]], said.loglik, rtol=1e-10)


def test_without_competing_events_it_is_the_cox_model() -> None:
    time, cause, x, weight, pair = models()
    event = cause > 0
    for options in ({}, {"weight": weight, "cluster": pair}):
        known = cox(time, event, x, **({"cluster": np.arange(40) + 0 * pair} | options))  # type: ignore[arg-type]
        found = fine_gray(time, event.astype(int), x, **options)  # type: ignore[arg-type]
        assert known.robust_se is not None
        np.testing.assert_allclose(found.beta, known.beta, rtol=1e-9)
        np.testing.assert_allclose(found.se, known.se, rtol=1e-9)
        np.testing.assert_allclose(found.robust_se, known.robust_se, rtol=1e-9)
        np.testing.assert_allclose(found.score_test, known.score_test, rtol=1e-9)


def test_without_censoring_who_had_another_event_never_leaves() -> None:
    time, cause, x, weight, _ = models(ties=False)
    cause = np.where(cause == 0, 3, cause)
    known = cox(np.where(cause == 1, time, time.max() + 1), cause == 1, x, weight=weight)
    np.testing.assert_allclose(fine_gray(time, cause, x, weight=weight).beta, known.beta, rtol=1e-9)


def test_scales_swaps_and_absent_patients() -> None:
    time, cause, x, weight, pair = models()
    one = fine_gray(time, cause, x, weight=weight, cluster=pair)
    assert one.robust_se is not None
    assert (one.status == Status.OK).all()
    scaled = fine_gray(time, cause, x * [1, 4], weight=3 * weight, cluster=pair)
    np.testing.assert_allclose(scaled.beta * [1, 4], one.beta, rtol=1e-9)
    np.testing.assert_allclose(scaled.robust_se * [1, 4], one.robust_se, rtol=1e-9)  # type: ignore[operator]
    swapped = fine_gray(time, cause, 1 - x[..., :1])
    np.testing.assert_allclose(swapped.beta, -fine_gray(time, cause, x[..., :1]).beta, rtol=1e-8, atol=1e-11)
    absent = np.broadcast_to(np.arange(40) < 30, time.shape)
    cut = fine_gray(time[:, :30], cause[:, :30], x[:, :30])
    found = fine_gray(np.where(absent, time, np.nan), cause, x, present=absent)
    assert np.array_equal(found.beta, cut.beta)
    columns = np.array([[True, False]] * 2 + [[True, True]] * 2)
    part = fine_gray(time, cause, x, columns=columns)
    np.testing.assert_allclose(part.beta[:2, 0], fine_gray(time, cause, x[..., :1]).beta[:2, 0], rtol=1e-12)
    np.testing.assert_allclose(part.beta[2:], fine_gray(time, cause, x).beta[2:], rtol=1e-12)
    sets = np.repeat(absent, 2, axis=0)
    assert np.array_equal(fine_gray(time, cause, x, present=sets).beta[::2], found.beta)


def test_statuses_and_monotone_likelihoods() -> None:
    time, cause, x, _, _ = models(ties=False)
    healthy = fine_gray(time, cause, x[..., :1])
    time, cause, arm = np.repeat(time[:1], 7, 0), np.repeat(cause[:1], 7, 0), np.repeat(x[:1, :, :1], 7, 0)
    time[0, 1] = np.nan
    cause[1] = 2 * (cause[1] > 0)
    arm[2] = 0.0
    cause[3] = np.where((arm[3, :, 0] == 0) & (cause[3] == 1), 2, cause[3])
    cause[4, 0] = -3
    cause[5] = np.where((arm[5, :, 0] == 1) & (cause[5] == 1), 0, cause[5])
    found = fine_gray(time, cause, arm)
    assert found.status.tolist() == [
        Status.BAD_INPUT, Status.NO_EVENTS, Status.NO_INFO, Status.MONOTONE, Status.BAD_INPUT, Status.MONOTONE,
        Status.OK,
    ]  # fmt: skip
    assert found.sign[[3, 5], 0].tolist() == [1, -1]
    assert np.isnan(found.beta[:6]).all()
    assert found.beta[6, 0] == healthy.beta[0, 0]
    assert found.robust_se is not None
    assert np.isnan(found.robust_se[:6]).all()


def test_one_rare_level_leaves_the_other_coefficients_their_numbers() -> None:
    time, cause, x, _, _ = models(ties=False)
    rare = np.zeros(time.shape)
    rare[:, :3] = 1.0
    cause = np.where((rare == 1) & (cause == 1), 2, cause)
    found = fine_gray(time, cause, np.concatenate([x, rare[..., None]], axis=-1))
    assert (found.status == Status.MONOTONE).all()
    assert (found.state[:, 2] == Status.MONOTONE).all()
    assert (found.sign[:, 2] == -1).all()
    assert (found.state[:, :2] == Status.OK).all()
    # at the limit the rare are never at risk, but count where censoring is estimated
    assert np.isfinite(found.beta[:, :2]).all()
    for r in range(2):
        kind = np.minimum(cause[r], 2)
        inside = rare[r] == 0
        g = slow.uncensored_before(time[r], kind, np.zeros(40, int))
        said = slow_without(time[r], kind, x[r], inside, g)
        np.testing.assert_allclose(found.beta[r, :2], said, rtol=1e-8)


def test_both_coefficients_may_run_away() -> None:
    """One event, of a treated patient with the lowest value: crr says 55.4 and -38.9, and that it has converged."""
    time = np.array([[0.03, 0.16, 0.27, 0.38, 0.40, 1.02]])
    x = np.array([[[1, 1.19], [1, -0.19], [0, -0.31], [0, -0.81], [0, -0.19], [1, 0.56]]])
    for like in ("finegray", "crr"):
        found = fine_gray(time, np.array([[2, 1, 2, 2, 3, 2]]), x, like=like)  # type: ignore[arg-type]
        assert found.status[0] == Status.MONOTONE
        assert found.state[0].tolist() == [Status.MONOTONE] * 2
        assert found.sign[0].tolist() == [1, -1]
        assert found.loglik[0] == pytest.approx(0.0, abs=1e-12)


def slow_without(time: Any, kind: Any, x: Any, inside: Any, g: Any) -> Any:
    """The slow fit of those inside with censoring estimated in all: Newton's method on the explicit weights."""
    beta = np.zeros(x.shape[1])
    for _ in range(30):
        score, information = np.zeros(len(beta)), np.zeros((len(beta), len(beta)))
        for t in np.unique(time[(kind == 1) & inside]):
            weight = np.array([
                1.0 if time[i] >= t else g(0, t) / g(0, time[i]) if kind[i] == 2 else 0.0 for i in range(len(time))
            ]) * inside * np.exp(x @ beta)  # fmt: skip
            mean = weight @ x / weight.sum()
            score += x[(kind == 1) & inside & (time == t)].sum(axis=0) - mean
            information += (weight[:, None] * (x - mean)).T @ (x - mean) / weight.sum()
        beta = beta + np.linalg.solve(information, score)
    return beta


def test_what_cannot_be_asked_is_refused() -> None:
    time, cause, x, weight, _ = models()
    with pytest.raises(ValueError, match="'finegray' or 'crr'"):
        fine_gray(time, cause, x, like="stata")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="knows no weights"):
        fine_gray(time, cause, x, like="crr", weight=weight)


@pytest.mark.slow
def test_the_level_of_null_studies() -> None:
    """10,000 trials of 200 with one subdistribution hazard: Wald's test keeps 5 % within three Monte Carlo SE."""
    rng = np.random.default_rng(23)
    replicates, n = 10_000, 200
    treated = np.broadcast_to(np.arange(n) % 2 == 0, (replicates, n))
    own = rng.random((replicates, n)) < 0.4
    when = rng.exponential(size=(replicates, n)) * np.where(own, 1.0, np.where(treated, 0.5, 2.0))
    end = rng.uniform(0.5, 3, (replicates, n))
    cause, time = np.where(when > end, 0, np.where(own, 1, 2)), np.minimum(when, end)
    fit = fine_gray(time, cause, treated[..., None].astype(float))
    assert fit.robust_se is not None
    rejected = (np.abs(fit.beta[:, 0] / fit.robust_se[:, 0]) > 1.959964).mean()
    assert abs(rejected - 0.05) < 3 * np.sqrt(0.05 * 0.95 / replicates), rejected
