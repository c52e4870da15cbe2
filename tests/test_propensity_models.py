"""Propensity scores by every method of a plan, and the Cox models that condition on them."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import chi2

from analysis.estimators import Adjusted, Crude, Ipw, Sample, ScoreCovariate, ScoreStrata, Stratified
from analysis.estimators.regression import restricted_cubic
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan, PropensityPlan
from analysis.propensity.learners import PENALTIES, boosted, lasso
from analysis.propensity.logistic_models import logistic, stepwise
from analysis.propensity.strata import between_quantiles
from analysis.survival.statistics import cox
from benchmarks.asked.blocks import prepare
from benchmarks.asked.scenario import Scenario
from benchmarks.truth.of_cells import find_truths
from simulator.world.generate import generate, resolve
from tests.worlds import scenario, tree

RNG = np.random.default_rng(8)


def cohorts(count: int = 6) -> Sample:
    made = generate(resolve(scenario()), 3, np.arange(count, dtype=np.int64))
    return Sample(made.observed, Plan(), np.arange(count, dtype=np.int64), 3, made.hidden.propensity)


def with_model(sample: Sample, **settings: object) -> Sample:
    return sample.under(Plan(propensity=PropensityPlan.model_validate(settings)))


def drawn(n: int = 300, columns: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    x = RNG.normal(size=(2, n, columns)) * np.arange(1, columns + 1)
    treated = RNG.random((2, n)) < 1 / (1 + np.exp(0.6 - 0.9 * x[..., 0] + 0.3 * x[..., 1]))
    return x, treated, np.ones((2, n), np.bool_), RNG.random((2, n))


def test_selection_by_p_keeps_what_a_likelihood_ratio_test_keeps() -> None:
    x, treated, present, _ = drawn()
    for alpha in (0.01, 0.05, 0.3):
        found = stepwise(x, treated, range(6), criterion="p", alpha=alpha, direction="backward")
        for r in range(2):
            inside = np.flatnonzero(found.selected[r])
            full = logistic(x[r : r + 1][..., inside], treated[r : r + 1]).loglik[0]
            for term in inside:
                rest = [k for k in inside if k != term]
                lost = full - logistic(x[r : r + 1][..., rest], treated[r : r + 1]).loglik[0]
                assert chi2.sf(2 * lost, 1) < alpha
    least = stepwise(x, treated, range(6), criterion="p", alpha=1e-9).selected.sum()
    assert least < stepwise(x, treated, range(6), criterion="p", alpha=0.9).selected.sum()
    assert present.all()


def test_p_at_the_aic_s_own_level_is_the_aic() -> None:
    x, treated, _, _ = drawn()
    one = stepwise(x, treated, range(6), criterion="p", alpha=float(chi2.sf(2, 1)))
    other = stepwise(x, treated, range(6))
    assert np.array_equal(one.selected, other.selected)
    np.testing.assert_allclose(one.beta, other.beta, rtol=1e-12)


def test_the_lasso_meets_its_optimality_conditions() -> None:
    """At the optimum every gradient is the penalty times the sign, or smaller where the coefficient is zero."""
    x, treated, present, luck = drawn(columns=5)
    found = lasso(x, treated, present, range(5), luck, 5)
    assert (found.status == Status.OK).all()
    for r in range(2):
        spread = x[r].std(axis=0)
        gradient = ((x[r] - x[r].mean(axis=0)) / spread).T @ (treated[r] - found.fitted[r])
        inside = found.selected[r]
        assert inside[:2].all()
        penalty = abs(gradient[0])
        assert gradient[inside] == pytest.approx(penalty * np.sign(found.beta[r, 1:][inside]), rel=1e-8)
        assert np.all(abs(gradient[~inside]) <= penalty * (1 + 1e-8))
        assert found.fitted[r].sum() == pytest.approx(treated[r].sum(), rel=1e-9)  # the intercept pays no penalty
    assert PENALTIES > 10


def test_the_lasso_is_that_of_the_cohort_alone_and_of_its_own_folds() -> None:
    x, treated, present, luck = drawn()
    whole = lasso(x, treated, present, range(6), luck)
    alone = lasso(x[1:], treated[1:], present[1:], range(6), luck[1:])
    assert np.array_equal(whole.beta[1:], alone.beta)


def test_boosting_finds_a_step_that_a_line_cannot() -> None:
    x = RNG.normal(size=(1, 800, 2))
    treated = RNG.random((1, 800)) < np.where(np.abs(x[..., 0]) < 0.7, 0.8, 0.2)
    here = np.ones((1, 800), np.bool_)
    score = boosted(x, treated, here, range(2)).fitted
    line = logistic(x, treated).fitted
    middle = np.abs(x[0, :, 0]) < 0.7
    assert score[0, middle].mean() - score[0, ~middle].mean() > 0.5
    assert abs(line[0, middle].mean() - line[0, ~middle].mean()) < 0.1


@pytest.mark.parametrize("method", ["lasso", "boosting", "true"])
def test_degenerate_cohorts_have_a_status(method: str) -> None:
    sample = cohorts()
    observed = sample.observed
    observed.treated[1] = True
    model = with_model(sample, method=method).propensity
    assert model.status[1] == Status.TOO_FEW
    assert (np.delete(model.status, 1) == Status.OK).all()
    assert np.isfinite(model.fitted[0][observed.present[0]]).all()


def test_the_true_score_is_the_world_s_and_only_known_there() -> None:
    sample = cohorts()
    model = with_model(sample, method="true").propensity
    assert sample.true_propensity is not None
    assert np.array_equal(model.fitted, sample.true_propensity)
    blind = Sample(sample.observed, Plan(propensity=PropensityPlan(method="true")), sample.replicates, 3)
    with pytest.raises(ValueError, match="needs simulated patients"):
        _ = blind.propensity


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"alpha": 0.1}, "'alpha' belongs to 'criterion: p'"),
        ({"method": "all", "folds": 5}, "'folds' belongs to 'method: lasso'"),
        ({"method": "lasso", "depth": 2}, "'trees' and 'depth' belong to 'method: boosting'"),
        ({"method": "boosting", "criterion": "bic"}, "belong to 'method: stepwise'"),
    ],
)
def test_options_of_another_method_are_refused(settings: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        PropensityPlan.model_validate(settings)


def test_an_estimated_se_needs_a_logistic_model() -> None:
    with pytest.raises(ValueError, match="'se: estimated' is for logistic regression, not for 'lasso'"):
        Ipw(se="estimated", propensity=PropensityPlan(method="lasso")).plan_for(Plan())
    with pytest.raises(ValidationError, match=r"estimators: 'ipw-att': 'se: estimated' is for logistic"):
        Scenario.model_validate(
            tree(estimators=({"kind": "ipw", "se": "estimated"},), analysis={"propensity": {"method": "true"}})
        )


def test_an_estimator_s_own_model_is_that_of_a_plan_with_it() -> None:
    sample = cohorts()
    own = Ipw(propensity=PropensityPlan(method="true")).estimate(sample, "OS")
    same = Ipw().estimate(with_model(sample, method="true"), "OS")
    assert np.array_equal(own.value, same.value)
    assert not np.array_equal(own.value, Ipw().estimate(sample, "OS").value)


def test_strata_of_the_score_lie_between_its_quantiles() -> None:
    score = np.array([[0.1, 0.2, 0.3, 0.4, 0.5, 9.0]])
    here = np.array([[True] * 5 + [False]])
    assert between_quantiles(score, here, 2)[0, :5].tolist() == [0, 0, 0, 1, 1]
    assert between_quantiles(score, here, 5)[0, :5].tolist() == [0, 1, 2, 3, 4]


def test_the_spline_is_linear_outside_its_knots_and_smooth_inside() -> None:
    score = np.linspace(-3, 3, 601)[None]
    basis = restricted_cubic(score, np.ones_like(score, np.bool_))[0]
    second = np.diff(basis, 2, axis=0)
    knots = np.quantile(score[0], (0.05, 0.35, 0.65, 0.95))
    middle = score[0, 1:-1]
    assert np.abs(second[(middle < knots[0] - 0.02) | (middle > knots[-1] + 0.02)]).max() < 1e-12
    assert np.abs(np.diff(second, axis=0)).max() < 1e-4  # no jump of the second derivative
    assert np.linalg.matrix_rank(np.column_stack([np.ones(601), basis])) == 4


def test_cox_models_given_the_score_are_the_same_fits_by_hand() -> None:
    sample = with_model(cohorts(), method="true")
    course, treated = sample.observed.endpoints["OS"], sample.observed.treated.astype(float)
    score = sample.propensity.linear
    line = cox(course.time, course.event, np.stack([treated, score], axis=-1), present=sample.observed.present)
    found = ScoreCovariate().estimate(sample, "OS")
    np.testing.assert_allclose(found.value, line.beta[:, 0], rtol=1e-12)
    np.testing.assert_allclose(found.se, line.se[:, 0], rtol=1e-12)
    stage = sample.observed.covariates[..., sample.observed.names.index("stage")].astype(np.int64)
    by_hand = cox(course.time, course.event, treated[..., None], present=sample.observed.present, stratum=stage)
    np.testing.assert_allclose(
        Stratified(strata=("stage",)).estimate(sample, "OS").value, by_hand.beta[:, 0], rtol=1e-12
    )


def test_pooled_strata_are_the_weighted_mean_of_their_own_fits() -> None:
    sample = with_model(cohorts(), method="all")
    score, here = sample.propensity.linear, sample.observed.present
    group = between_quantiles(score, here, 2)
    course, treated = sample.observed.endpoints["OS"], sample.observed.treated[..., None].astype(float)
    fits = [cox(course.time, course.event, treated, present=here & (group == k)) for k in (0, 1)]
    share = [(here & (group == k)).sum(axis=1) / here.sum(axis=1) for k in (0, 1)]
    value = sum(w * fit.beta[:, 0] for w, fit in zip(share, fits, strict=True))
    se = np.sqrt(sum(w**2 * fit.se[:, 0] ** 2 for w, fit in zip(share, fits, strict=True)))
    found = ScoreStrata(strata=2, combine="pooled").estimate(sample, "OS")
    np.testing.assert_allclose(found.value, value, rtol=1e-12)
    np.testing.assert_allclose(found.se, se, rtol=1e-12)


def test_conditioning_on_the_score_takes_the_confounding_away() -> None:
    """The mean estimate lies within 4 Monte Carlo SE of its own truth; strata leave a little, crude all of it."""
    estimators = (
        Crude(endpoints=("OS",)),
        Adjusted(endpoints=("OS",)),
        ScoreCovariate(endpoints=("OS",)),
        ScoreCovariate(name="spline", form="spline", endpoints=("OS",)),
        ScoreStrata(strata=8, endpoints=("OS",)),
    )
    world = scenario(
        treatment={"kind": "prevalence", "share": 0.4, "log_odds": {"stage": 1.5}},
        analysis=Plan(propensity=PropensityPlan(method="all")),
        estimators=estimators,
    )
    (cell,) = prepare([({}, world)])
    truths = find_truths(cell, 1, lambda _: None)
    made = generate(cell.resolved, 11, np.arange(400, dtype=np.int64))
    sample = Sample(made.observed, world.analysis, made.replicates, 11)
    bias, mcse = {}, {}
    for one in estimators:
        value = one.estimate(sample, "OS").value
        value = value[np.isfinite(value)]
        truth = truths["OS", one.name]
        bias[one.name] = value.mean() - truth.value
        mcse[one.name] = np.hypot(value.std(ddof=1) / len(value) ** 0.5, truth.mcse)
    assert abs(bias["crude"]) > 6 * mcse["crude"]
    assert abs(bias["ps-strata"]) < abs(bias["crude"]) / 3
    for name in ("adjusted", "ps-covariate", "spline"):
        assert abs(bias[name]) < 4 * mcse[name], name
