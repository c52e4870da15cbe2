"""Weights: the formulas, and that they make the cohort look like their target."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import ValidationError

from analysis.estimators import EntropyBalance, Estimate, Ipw, Sample
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan, PropensityPlan
from analysis.plan.weighting_plan import WeightTarget
from analysis.propensity.weighting import ipw, ipw_slope, truncated
from benchmarks.asked.scenario import Scenario
from benchmarks.truth.counted import Patients
from benchmarks.truth.of_cells import TruthWork
from simulator.cohort.estimand import Estimand
from simulator.numerics.arrays import Floats
from simulator.world.generate import generate, resolve
from tests.reference import weighted as slow
from tests.test_weighted_variance import sample
from tests.worlds import scenario, tree

E = np.array([[0.2, 0.2, 0.75, 0.75]])
T = np.array([[True, False, True, False]])


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("att", [1, 0.25, 1, 3]),
        ("atc", [4, 1, 1 / 3, 1]),
        ("ate", [5, 1.25, 4 / 3, 4]),
        ("overlap", [0.8, 0.2, 0.25, 0.75]),
        ("matching", [1, 0.25, 1 / 3, 1]),
    ],
)
def test_by_hand(target: WeightTarget, expected: list[float]) -> None:
    np.testing.assert_allclose(ipw(E, T, target)[0], expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("target", "tilt"), [("att", lambda e: e), ("ate", lambda e: 1 + 0 * e), ("atc", lambda e: 1 - e)]
)
def test_both_arms_look_like_the_target(target: WeightTarget, tilt: object) -> None:
    """The weighted mean of a covariate is the target's in either arm, to 4 SE; the unweighted one is not."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(1, 200_000))
    e = 1 / (1 + np.exp(-x))
    treated = rng.random(e.shape) < e
    share = tilt(e)  # type: ignore[operator]
    wanted = (share * x).sum() / share.sum()
    weight = ipw(e, treated, target)
    for arm in (treated, ~treated):
        mean = (weight * x)[arm].sum() / weight[arm].sum()
        error = np.sqrt(((weight * (x - mean))[arm] ** 2).sum()) / weight[arm].sum()
        assert abs(mean - wanted) < 4 * error + 4 / np.sqrt(200_000)
    assert abs(x[treated].mean() - x[~treated].mean()) > 0.5


def test_certain_treatment_is_infinite_not_an_error() -> None:
    assert np.isinf(ipw(np.array([[1.0]]), np.array([[False]]), "att"))[0, 0]


@pytest.mark.parametrize("target", get_args(WeightTarget))
def test_the_slope_is_the_derivative_by_the_linear_predictor(target: WeightTarget) -> None:
    eta = np.array([[-2.0, -2.0, -0.3, -0.3, 0.4, 0.4, 1.7, 1.7]])
    treated = np.array([[True, False] * 4])

    def weight(shift: float) -> Floats:
        return ipw(1 / (1 + np.exp(-eta - shift)), treated, target)

    slope = ipw_slope(1 / (1 + np.exp(-eta)), treated, target)
    np.testing.assert_allclose(slope, (weight(1e-5) - weight(-1e-5)) / 2e-5, rtol=1e-8, atol=1e-9)
    assert np.abs(slope).max() > 0.1


def test_truncation_is_to_quantiles_of_those_present() -> None:
    weight = np.array([[1.0, 2.0, 3.0, 4.0, 100.0], [5.0, 1.0, 9.0, 2.0, 3.0]])
    present = np.array([[True, True, True, True, False], [True] * 5])
    made = truncated(weight, present, (0.25, 0.5))
    np.testing.assert_allclose(made[0, :4], [1.75, 2.0, 2.5, 2.5])
    np.testing.assert_allclose(made[1], [3.0, 2.0, 3.0, 2.0, 3.0])
    np.testing.assert_array_equal(truncated(weight, present, (0.0, 1.0))[1], weight[1])


def _block(count: int = 10) -> Sample:
    observed = generate(resolve(scenario()), 3, np.arange(count)).observed
    return Sample(observed, scenario().analysis, np.arange(count))


def test_stabilised_weights_have_the_size_of_the_cohort() -> None:
    block = _block()
    treated = block.observed.treated
    plain, made = (Ipw(target="ate", stabilised=on).weights(block).weight for on in (False, True))
    for r in range(10):
        share = treated[r].mean()
        np.testing.assert_allclose(made[r], plain[r] * np.where(treated[r], share, 1 - share), rtol=1e-14)
    assert abs(made.mean() - 1) < 0.05
    assert abs(plain.mean() - 2) < 0.1


def test_trimming_leaves_out_whom_the_bounds_exclude() -> None:
    block = _block()
    score = block.propensity.fitted
    bounds = (float(np.quantile(score, 0.2)), float(np.quantile(score, 0.9)))
    kept = Ipw(trim=bounds).weights(block).present
    np.testing.assert_array_equal(kept, (score >= bounds[0]) & (score <= bounds[1]))
    estimate = Ipw(trim=bounds).estimate(block, "OS")
    np.testing.assert_array_equal(estimate.n, kept.sum(axis=1))
    assert estimate.n.sum() < 0.9 * Ipw().estimate(block, "OS").n.sum()
    assert Ipw(trim=bounds).estimand("OS", block.plan, block.observed.variable).population == "treated"


def test_bounds_that_exclude_nobody_change_no_bit() -> None:
    block = _block()
    plain, loose = Ipw().estimate(block, "OS"), Ipw(trim=(0.0, 1.0), truncate=(0.0, 1.0)).estimate(block, "OS")
    np.testing.assert_array_equal(loose.value, plain.value)
    np.testing.assert_array_equal(loose.se, plain.se)


@pytest.mark.parametrize("measure", ["rmst", "survival"])
def test_weights_of_a_saturated_model_are_standardisation(measure: Any) -> None:
    """With one binary covariate the weighted curve is the mean of the strata's, if nobody is censored before it ends.

    The share alive then is linear in each stratum, and inverse weighting gives each its share of the target.
    """
    rng = np.random.default_rng(2)
    x = (np.arange(90) % 3 == 0).astype(np.float64)
    patients = slow.Patients(rng.exponential(5, 90), np.ones(90, np.bool_), rng.random(90) < 0.3 + 0.3 * x, x[:, None])
    alive = np.minimum(patients.time, 4.0) if measure == "rmst" else (patients.time > 4.0).astype(np.float64)
    block = sample([patients])
    for target in ("ate", "att", "atc"):
        whom = {"ate": np.ones(90, np.bool_), "att": patients.treated, "atc": ~patients.treated}[target]
        expected = 0.0
        for level in (0.0, 1.0):
            one, zero = (alive[(x == level) & arm].mean() for arm in (patients.treated, ~patients.treated))
            expected += (x[whom] == level).mean() * (one - zero)
        found = Ipw(target=target, measure=measure, horizon=4.0).estimate(block, "OS")  # type: ignore[arg-type]
        assert found.value[0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("target", "population"),
    [
        ("att", "treated"),
        ("ate", "all"),
        ("atc", "untreated"),
        ("overlap", "overlap"),
        ("matching", "matching_weight"),
    ],
)
def test_each_target_is_judged_by_its_own_truth(target: WeightTarget, population: str) -> None:
    block = _block(1)
    asked = Ipw(target=target).estimand("OS", block.plan, block.observed.variable)
    assert (asked.population, asked.measure, asked.horizon) == (population, "marginal_log_hr", None)
    asked = Ipw(target=target, measure="rmst", horizon=9.0).estimand("OS", block.plan, block.observed.variable)
    assert (asked.measure, asked.horizon, asked.follow_up) == ("rmst_difference", 9.0, "complete")
    asked = Ipw(target=target, measure="survival", horizon=9.0).estimand("OS", block.plan, block.observed.variable)
    assert (asked.population, asked.measure) == (population, "survival_difference")


def test_the_truth_of_matching_weights_counts_min_e_and_1_minus_e() -> None:
    world = scenario()
    cohorts = generate(resolve(world), 5, np.arange(500))
    e = cohorts.hidden.propensity
    zero, one = (np.minimum(time, 24.0) for time in cohorts.hidden.latent["OS"])
    estimand = Ipw(target="matching", measure="rmst", horizon=24.0).estimand("OS", world.analysis, {})
    truth = TruthWork(Patients(world, resolve(world)), {estimand: 0.0}, 1, lambda _: None).counted([estimand])[estimand]
    assert truth.value == pytest.approx(np.average(one - zero, weights=np.minimum(e, 1 - e)), abs=1e-4)
    assert truth.value != pytest.approx(np.average(one - zero, weights=e * (1 - e)), abs=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"horizon": 3.0}, "'horizon' belongs to"),
        ({"measure": "rmst"}, "needs a horizon"),
        ({"resamples": 50}, "belong to 'se: bootstrap'"),
        ({"interval": "percentile", "se": "robust"}, "belong to 'se: bootstrap'"),
        ({"stabilised": True}, "belongs to 'target: ate'"),
        ({"stabilised": True, "target": "ate", "measure": "survival", "horizon": 3.0}, "changes no curve"),
        ({"trim": (0.9, 0.1)}, "a low and a high bound"),
        ({"truncate": (0.5, 0.5)}, "a low and a high bound"),
        ({"truncate": (0.5, 1.5)}, "less than or equal to 1"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Ipw(**options)


SE = ("robust", "naive", "estimated", "bootstrap")
MEASURES: tuple[dict[str, Any], ...] = (
    {},
    {"measure": "rmst", "horizon": 12.0},
    {"measure": "survival", "horizon": 12.0},
)
EVERY = [
    *(
        Ipw(target=target, se=se, **measure)
        for target in get_args(WeightTarget)
        for se in SE[:3]
        for measure in MEASURES
    ),
    *(Ipw(se="bootstrap", resamples=8, **measure) for measure in MEASURES),
    Ipw(target="ate", se="estimated", stabilised=True, trim=(0.1, 0.9), truncate=(0.01, 0.99)),
    Ipw(target="ate", se="estimated", trim=(0.38, 0.42)),
    *(EntropyBalance(target=target, moments=2, **measure) for target in ("att", "ate", "atc") for measure in MEASURES),
    *(EntropyBalance(se="estimated", **measure) for measure in MEASURES),
    EntropyBalance(se="bootstrap", resamples=8),
]


@pytest.mark.parametrize("estimator", EVERY, ids=lambda one: f"{one.kind}-{one.target}-{one.measure}-{one.se}")
def test_degenerate_replicates_are_rows_whatever_the_options(estimator: Any) -> None:
    """One arm, no events, treatment that a covariate decides, two patients, nobody, all dead at once."""
    block = _block(10)
    observed = block.observed
    treated, present = observed.treated.copy(), observed.present.copy()
    time, event = observed.endpoints["OS"].time.copy(), observed.endpoints["OS"].event.copy()
    treated[1], treated[2] = False, True
    event[3] = False
    treated[4] = observed.covariates[4, :, 1] > 0
    present[5, 2:] = False
    present[6] = False
    time[7], event[7] = 1.0, True
    treated[8], treated[8, 3] = False, True
    sick = replace(
        observed,
        treated=treated,
        present=present,
        endpoints={"OS": replace(observed.endpoints["OS"], time=time, event=event)},
    )
    found = estimator.estimate(Sample(sick, block.plan, block.replicates), "OS")
    assert np.all(found.status[[1, 2, 3, 4, 5, 6]] != Status.OK)
    for name in ("value", "se", "low", "high", "p"):
        np.testing.assert_array_equal(np.isfinite(getattr(found, name)), found.status == Status.OK)
    healthy = estimator.estimate(block, "OS")
    alone = estimator.estimate(
        Sample(
            replace(
                observed,
                covariates=observed.covariates[9:],
                treated=observed.treated[9:],
                present=observed.present[9:],
                endpoints={n: replace(e, time=e.time[9:], event=e.event[9:]) for n, e in observed.endpoints.items()},
            ),
            block.plan,
            block.replicates[9:],
        ),
        "OS",
    )
    for name in ("value", "se", "low", "high", "p", "status"):
        for other in (found, alone):
            np.testing.assert_array_equal(getattr(other, name)[-1], getattr(healthy, name)[9])


@pytest.mark.parametrize("measure", MEASURES, ids=str)
@pytest.mark.parametrize("se", SE[:3])
def test_a_score_of_one_in_an_untreated_patient_is_bad_input(se: Any, measure: Any) -> None:
    block = _block(3)
    who = int(np.flatnonzero(~block.observed.treated[1])[0])
    fitted = block.propensity.fitted.copy()
    fitted[1, who] = 1.0
    sure = replace(block)
    sure.__dict__["propensity"] = replace(block.propensity, fitted=fitted)
    for options in ({"target": "att"}, {"target": "ate"}, {"target": "ate", "truncate": (0.05, 0.95)}):
        found = Ipw(se=se, **options, **measure).estimate(sure, "OS")
        assert found.status.tolist() == [Status.OK, Status.BAD_INPUT, Status.OK]
        assert np.isnan(found.se).tolist() == [False, True, False]
    assert np.all(Ipw(se=se, trim=(0.01, 0.99), **measure).estimate(sure, "OS").status == Status.OK)


def _modified() -> Scenario:
    """A world in which treatment helps the early stage far more than the late one, which is treated more often."""
    base = tree()
    death = {
        "baseline": {"kind": "exponential", "rate": 0.05},
        "log_hr": {"stage": 0.7, "age": 0.03},
        "treatment": {"log_hr": -0.5, "modifiers": {"stage": 0.8}},
    }
    return scenario(
        population={**base["population"], "size": 600},
        treatment={"kind": "prevalence", "share": 0.4, "log_odds": {"stage": 1.2, "age": 0.04}},
        outcomes={**base["outcomes"], "death": death, "centre": "zero"},
        run={"replicates": 30, "seed": 5, "truth_patients": 200_000},
    )


def test_each_target_finds_its_own_truth_and_no_other() -> None:
    world, count = _modified(), 600
    cohorts = generate(resolve(world), 77, np.arange(count))
    block = Sample(cohorts.observed, Plan(propensity=PropensityPlan(method="all")), cohorts.replicates)
    makers: list[Any] = [Ipw(target=target) for target in get_args(WeightTarget)]
    makers += [EntropyBalance(target=target) for target in ("att", "ate", "atc")]
    asked = [one.estimand("OS", block.plan, {}) for one in makers]
    work = TruthWork(Patients(world, resolve(world)), dict.fromkeys(asked, 0.0), 1, lambda _: None)
    truth = work.counted(list(dict.fromkeys(asked)))

    def z(estimate: Estimate, estimand: Estimand) -> float:
        assert np.all(estimate.status == Status.OK)
        error = np.hypot(estimate.value.std(ddof=1) / np.sqrt(count), truth[estimand].mcse)
        return float((estimate.value.mean() - truth[estimand].value) / error)

    for one, estimand in zip(makers, asked, strict=True):
        estimate = one.estimate(block, "OS")
        assert abs(z(estimate, estimand)) < 4, one
        for other in {estimand.population: estimand for estimand in asked}.values():
            assert other == estimand or abs(z(estimate, other)) > 4, (one, other)
