"""Standard errors of weighted contrasts: stacked estimating equations, identities, and whether they are true."""

from typing import Any

import numpy as np
import pytest

from analysis.estimators import Estimate, Ipw, Sample
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan, PropensityPlan
from analysis.survival import statistics
from analysis.survival.weighted_variance import cox_gradient, km_contrast, logistic_influence, se_of
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.terms import Variable
from simulator.numerics.streams import Streams
from tests.reference import weighted as slow

ALL = PropensityPlan(method="all")


def sample(patients: list[slow.Patients], plan: PropensityPlan = ALL, seed: int = 7) -> Sample:
    """Cohorts of equal size as one block."""
    x = np.stack([one.x for one in patients])
    variables = tuple(Variable(f"x{k}", "continuous") for k in range(x.shape[2]))
    treated = np.stack([one.treated for one in patients])
    course = Endpoint(np.stack([one.time for one in patients]), np.stack([one.event for one in patients]))
    observed = Observed(variables, x, treated, np.ones(treated.shape, np.bool_), {"OS": course}, {})
    return Sample(observed, Plan(propensity=plan), np.arange(len(patients)), seed)


def small(seed: int, n: int = 60, ties: bool = True) -> slow.Patients:
    """A small cohort with two covariates, one of them binary; times in whole months if tied."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.normal(size=n), rng.integers(0, 2, n).astype(float)])
    treated = rng.random(n) < slow.expit(0.7 * x[:, 0] - 0.5 * x[:, 1])
    time = rng.exponential(10 * np.exp(-0.5 * x[:, 0] + 0.4 * treated))
    censored = rng.exponential(25, n) + 1
    event, time = time < censored, np.minimum(time, censored)
    return slow.Patients(np.ceil(time) if ties else time, event, treated, x)


MANY = [small(seed, ties=seed % 2 == 0) for seed in range(6)]
OPTIONS: list[dict[str, Any]] = [
    {"target": target} for target in ("att", "ate", "atc", "overlap", "matching")
] + [
    {"target": "ate", "stabilised": True},
    {"target": "ate", "trim": (0.2, 0.8)},
    {"target": "ate", "stabilised": True, "trim": (0.2, 0.8), "truncate": (0.05, 0.9)},
]  # fmt: skip


def scheme(options: dict[str, Any], r: int, block: Sample) -> slow.Scheme:
    """The slow twin's scheme, whose bounds of the weights are worked out from the plain weights."""
    made = slow.Scheme(options["target"], options.get("stabilised", False), options.get("trim", (-np.inf, np.inf)))
    if "truncate" not in options:
        return made
    plain = Ipw(**{**options, "truncate": None}).weights(block)
    bounds = np.quantile(plain.weight[r][plain.present[r]], options["truncate"])
    return slow.Scheme(made.target, made.stabilised, made.trim, (float(bounds[0]), float(bounds[1])))


@pytest.mark.parametrize(
    ("options", "measure", "horizon"),
    [
        (options, measure, horizon)
        for measure, horizon in (("hr", None), ("rmst", 8.0), ("survival", 6.0))
        for options in OPTIONS
        if measure == "hr" or not options.get("stabilised") or "truncate" in options
    ],
    ids=str,
)
def test_estimated_se_is_that_of_the_stacked_equations(
    options: dict[str, Any], measure: str, horizon: float | None
) -> None:
    block = sample(MANY)
    found = Ipw(**options, measure=measure, horizon=horizon, se="estimated").estimate(block, "OS")
    known = Ipw(**options, measure=measure, horizon=horizon, se="robust").estimate(block, "OS")
    assert np.all(found.status == Status.OK)
    np.testing.assert_allclose(found.value, known.value, rtol=0, atol=1e-12)
    assert np.all(np.abs(found.se / known.se - 1) > 1e-4)  # the check can tell the two apart
    for r, patients in enumerate(MANY):
        value, se = slow.stacked(patients, scheme(options, r, block), measure, horizon)
        assert found.value[r] == pytest.approx(value, abs=1e-9)
        assert found.se[r] == pytest.approx(se, rel=1e-6)


def test_columns_that_others_make_change_nothing() -> None:
    block = sample(MANY)
    fit, observed = block.propensity, block.observed
    slope = np.sin(np.arange(observed.treated.size, dtype=np.float64)).reshape(observed.treated.shape)
    x = observed.covariates
    more = np.concatenate([x, x[..., :1] - 2 * x[..., 1:], np.ones_like(x[..., :1])], axis=2)
    one = logistic_influence(
        x, np.ones((6, 2), np.bool_), observed.treated, fit.fitted, slope, present=observed.present
    )
    two = logistic_influence(
        more, np.ones((6, 4), np.bool_), observed.treated, fit.fitted, slope, present=observed.present
    )
    np.testing.assert_allclose(two, one, rtol=0, atol=1e-10 * np.abs(one).max())
    assert np.abs(one).max() > 1e-3


def test_the_stepwise_model_counts_its_selected_columns() -> None:
    """A covariate that is not selected is as if it had not been measured."""
    rng = np.random.default_rng(3)
    patients = [
        slow.Patients(p.time, p.event, p.treated, np.column_stack([p.x, rng.normal(size=(len(p.x), 2))])) for p in MANY
    ]
    block = sample(patients, PropensityPlan())
    found = Ipw(target="ate", se="estimated").estimate(block, "OS")
    chosen = block.propensity.selected  # type: ignore[union-attr]
    assert not chosen.all(axis=1).any()
    for r, p in enumerate(patients):
        own = slow.Patients(p.time, p.event, p.treated, p.x[:, chosen[r]])
        if chosen[r].any():
            alone = Ipw(target="ate", se="estimated").estimate(sample([own]), "OS")
            assert found.se[r] == pytest.approx(alone.se[0], rel=1e-8)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_the_gradient_gives_lin_and_weis_variance(ties: str) -> None:
    block = sample(MANY)
    course, observed = block.observed.endpoints["OS"], block.observed
    weight = 0.2 + np.abs(np.sin(np.arange(observed.treated.size, dtype=np.float64))).reshape(observed.treated.shape)
    everyone = np.broadcast_to(np.arange(weight.shape[1]), weight.shape)
    x = observed.treated[..., None].astype(np.float64)
    fit = statistics.cox(course.time, course.event, x, weight=weight, cluster=everyone, ties=ties)
    gradient = cox_gradient(
        course.time, course.event, observed.treated, weight, fit.beta[:, 0], present=observed.present, ties=ties
    )
    assert fit.robust_se is not None
    np.testing.assert_allclose(se_of(weight * gradient), fit.robust_se[:, 0], rtol=1e-9)
    np.testing.assert_allclose((weight * gradient).sum(axis=1), 0, atol=1e-9)


@pytest.mark.parametrize("measure", ["rmst", "survival"])
def test_weights_of_one_give_kaplan_meier_and_greenwood(measure: Any) -> None:
    block = sample(MANY)
    course, observed = block.observed.endpoints["OS"], block.observed
    ones = np.ones(observed.treated.shape)
    found = km_contrast(course.time, course.event, observed.treated, ones, 7.0, measure, present=observed.present)
    arms = [observed.treated, ~observed.treated]
    plain = statistics.rmst if measure == "rmst" else statistics.survival_at
    one, zero = (plain(course.time, course.event, 7.0, present=arm) for arm in arms)
    np.testing.assert_allclose(found.value, one.value - zero.value, rtol=1e-12)
    both = np.sqrt(one.se**2 + zero.se**2)
    np.testing.assert_allclose(found.naive_se, both, rtol=1e-12)
    np.testing.assert_allclose(se_of(found.gradient), both, rtol=1e-10)
    twice = km_contrast(course.time, course.event, observed.treated, 2 * ones, 7.0, measure, present=observed.present)
    np.testing.assert_allclose(twice.value, found.value, rtol=1e-12)
    np.testing.assert_allclose(se_of(2 * twice.gradient), both, rtol=1e-10)
    np.testing.assert_allclose(twice.naive_se, both / np.sqrt(2), rtol=1e-12)


@pytest.mark.parametrize("measure", ["rmst", "survival"])
def test_an_arm_that_dies_out_before_the_horizon(measure: Any) -> None:
    patients = slow.Patients(
        np.array([1.0, 2.0, 3.0, 2.0, 4.0, 9.0]),
        np.array([True, True, True, True, False, False]),
        np.array([True, True, True, False, False, False]),
        np.zeros((6, 1)),
    )
    course = (patients.time[None], patients.event[None], patients.treated[None])
    weight = np.array([[1.0, 2.0, 1.0, 1.0, 3.0, 1.0]])
    found = km_contrast(*course, weight, 8.0, measure, present=np.ones((1, 6), np.bool_))
    # treated: 1, 3/4 from 1, 1/4 from 2, 0 from 3; untreated: 1, 4/5 from 2
    expected = (1 + 0.75 + 0.25) - (2 + 0.8 * 6) if measure == "rmst" else -0.8
    assert found.value[0] == pytest.approx(expected, rel=1e-14)
    for i in range(6):
        step = np.zeros((1, 6))
        step[0, i] = 1e-5
        there, back = (
            km_contrast(*course, weight + sign * step, 8.0, measure, present=np.ones((1, 6), np.bool_)).value[0]
            for sign in (1, -1)
        )
        assert found.gradient[0, i] == pytest.approx((there - back) / 2e-5, abs=1e-9)
    beyond = km_contrast(*course, weight, 9.5, measure, present=np.ones((1, 6), np.bool_))
    assert beyond.status[0] == Status.TOO_FEW


def test_a_constant_score_of_one_half_is_no_weighting() -> None:
    """With weights alike in everyone the coefficient is the crude one, and the robust SE does not see their size."""
    rng = np.random.default_rng(5)
    x = np.repeat(rng.normal(size=30), 2)[:, None]
    treated = np.tile([True, False], 30)  # each value of x once in either arm
    patients = slow.Patients(rng.exponential(5, 60), rng.random(60) < 0.8, treated, x)
    block = sample([patients])
    crude = statistics.cox(patients.time[None], patients.event[None], treated[None, :, None].astype(np.float64))
    for target in ("att", "ate", "atc", "overlap", "matching"):
        found = Ipw(target=target, se="naive").estimate(block, "OS")
        assert found.value[0] == pytest.approx(crude.beta[0, 0], abs=1e-10)
    plain = Ipw(target="att", se="robust").estimate(block, "OS")
    double = Ipw(target="ate", se="robust").estimate(block, "OS")
    assert double.se[0] == pytest.approx(plain.se[0], rel=1e-10)


# Hazard 0.001 (1 + p), four times that if treated, censoring 0.01; p uniform, and treatment of probability p. The
# fitted model is logistic in p, so that its scores stay away from 0 and 1.


def trials(replicates: int, n: int = 1000) -> Sample:
    rng = np.random.default_rng(20)
    p = rng.random((replicates, n))
    treated = rng.random((replicates, n)) < p
    died = rng.exponential(size=p.shape) / (0.001 * np.where(treated, 4.0, 1.0) * (1 + p))
    left = rng.exponential(100.0, p.shape)
    course = Endpoint(np.minimum(died, left), died < left)
    variables = (Variable("p", "continuous"),)
    observed = Observed(variables, p[..., None], treated, np.ones(p.shape, np.bool_), {"OS": course}, {})
    return Sample(observed, Plan(propensity=ALL), np.arange(replicates))


def ratio(estimate: Estimate, factor: float = 1.0) -> float:
    """Root mean square of the SE over the SD of the estimates."""
    return float(np.sqrt((estimate.se**2).mean()) * factor / estimate.value.std(ddof=1))


@pytest.mark.parametrize(("measure", "horizon"), [("hr", None), ("rmst", 60.0)])
def test_the_estimated_se_is_true_and_the_naive_one_is_not(measure: Any, horizon: float | None) -> None:
    block = trials(1500)
    found = {
        se: Ipw(target="ate", measure=measure, horizon=horizon, se=se).estimate(block, "OS")
        for se in ("estimated", "robust", "naive")
    }
    assert np.all(found["estimated"].status == Status.OK)
    mcse = 1 / np.sqrt(2 * 1499)
    assert abs(ratio(found["estimated"]) - 1) < 3 * mcse
    assert abs(ratio(found["naive"]) - 1) > 3 * mcse
    assert abs(ratio(found["estimated"]) - 1) < abs(ratio(found["naive"]) - 1)
    # an SE that is 10 % too large is noticed
    assert abs(ratio(found["estimated"], 1.1) - 1) > 3 * mcse


def strong(replicates: int, n: int = 300) -> Sample:
    """Cohorts whose covariate decides both treatment and much of the outcome."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(replicates, n))
    treated = rng.random(x.shape) < slow.expit(0.5 * x)
    died = rng.exponential(size=x.shape) / (0.1 * np.exp(1.2 * x + 0.3 * treated))
    left = rng.uniform(5, 60, x.shape)
    course = Endpoint(np.minimum(died, left), died < left)
    observed = Observed(
        (Variable("x", "continuous"),), x[..., None], treated, np.ones(x.shape, np.bool_), {"OS": course}, {}
    )
    return Sample(observed, Plan(propensity=ALL), np.arange(replicates))


@pytest.mark.parametrize(("measure", "horizon"), [("hr", None), ("rmst", 15.0), ("survival", 10.0)])
@pytest.mark.parametrize("target", ["ate", "overlap"])
def test_weights_that_are_estimated_make_the_estimate_more_precise(
    target: Any, measure: Any, horizon: float | None
) -> None:
    """The SE that takes the weights for known is far too large here, the one that does not is right."""
    block = strong(1000)
    found, known = (
        Ipw(target=target, measure=measure, horizon=horizon, se=se).estimate(block, "OS")
        for se in ("estimated", "robust")
    )
    mcse = 1 / np.sqrt(2 * 999)
    # a share of 3 % is allowed for 300 patients being few
    assert abs(ratio(found) - 1) < 0.03 + 3 * mcse
    assert ratio(known) - 1 > 0.03 + 3 * mcse


def test_the_bootstrap_agrees_with_the_estimated_se() -> None:
    block = strong(4, 400)
    found = Ipw(target="ate", se="estimated").estimate(block, "OS")
    known = Ipw(target="ate", se="robust").estimate(block, "OS")
    again = Ipw(target="ate", se="bootstrap", resamples=400).estimate(block, "OS")
    np.testing.assert_array_equal(again.value, found.value)
    mcse = 1 / np.sqrt(2 * 399 * 4)  # of the mean over four cohorts
    assert abs((again.se / found.se).mean() - 1) < 0.05 + 4 * mcse
    assert (known.se / again.se).mean() - 1 > 0.05 + 4 * mcse


def test_a_bootstrap_refits_the_weights_of_patients_drawn_by_address() -> None:
    """By hand: every resample's patients, their own propensity model, and the SD and quantiles of the estimates."""
    patients = small(11, 80, ties=False)
    one = Ipw(target="att", se="bootstrap", resamples=20, interval="percentile").estimate(sample([patients]), "OS")
    values = []
    for draw in range(20):
        luck = Streams(7).uniform("bootstrap of patients", np.array([0]), 80, draw)[0]
        who = [int(u * 80) for u in luck]
        e = slow.expit(
            np.column_stack([np.ones(80), patients.x[who]]) @ slow.logistic(patients.x[who], patients.treated[who])
        )
        weight = slow.two_samples.ipw(e, patients.treated[who], "att")
        data = slow.slow_cox.data(patients.time[who], patients.event[who], patients.treated[who][:, None] * 1.0, weight)
        values.append(slow.slow_cox.fit(data).beta[0])
    assert one.se[0] == pytest.approx(np.std(values, ddof=1), rel=1e-7)
    assert one.low[0] == pytest.approx(np.quantile(values, 0.025), abs=1e-8)
    assert one.high[0] == pytest.approx(np.quantile(values, 0.975), abs=1e-8)
    normal = Ipw(target="att", se="bootstrap", resamples=20).estimate(sample([patients]), "OS")
    assert normal.low[0] == pytest.approx(normal.value[0] - 1.959964 * normal.se[0], abs=1e-6)
    other = Ipw(target="att", se="bootstrap", resamples=20).estimate(sample([patients], seed=8), "OS")
    assert other.se[0] != normal.se[0]


def test_a_bootstrap_of_which_most_samples_fail_has_no_estimate() -> None:
    """With one death in either arm the estimate exists, and in six samples of ten one of the two is not drawn."""
    patients = small(12, 60)
    event = np.zeros(60, np.bool_)
    for arm in (patients.treated, ~patients.treated):
        event[np.flatnonzero(arm & (patients.time <= np.median(patients.time)))[0]] = True
    one = slow.Patients(patients.time, event, patients.treated, patients.x)
    assert np.all(Ipw(se="robust").estimate(sample([one, patients]), "OS").status == Status.OK)
    found = Ipw(se="bootstrap", resamples=300).estimate(sample([one, patients]), "OS")
    assert found.status.tolist() == [Status.NOT_CONVERGED, Status.OK]
    assert np.isfinite(found.se).tolist() == [False, True]
