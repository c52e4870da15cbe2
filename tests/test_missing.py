"""Missing covariates: what each answer of the analyst makes of a cohort, and estimates pooled by Rubin's rules."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from analysis.estimators import Adjusted, Crude, LogRankTest, Matched
from analysis.estimators.base import Estimate
from analysis.estimators.pooled import estimated, pooled, samples_of
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan
from analysis.plan.missing_plan import MissingPlan
from analysis.propensity.missing import DONORS, completed, cumulative_hazard
from simulator.cohort.cohorts import Endpoint, Observed
from tests.agreement import gap
from tests.planted import Gaps, Rooms, defects, noticed_by
from tests.reference.imputation import imputed
from tests.simulated import cohorts, world

NAMES = ("age", "grade")
MANY = MissingPlan(method="imputation", imputations=3, rounds=2)
MISSING = {"missing": {"age": {"share": 0.2}, "grade": {"share": 0.3, "log_odds": {"stage": 1.0}}}}


def observed(replicates: int = 3, patients: int = 120) -> Observed:
    return cohorts(world(imperfections=MISSING), replicates, patients).observed


def matched_means(rooms: Rooms) -> Gaps:
    """A column with imputed values against the slow twin."""
    rng = np.random.Generator(np.random.Philox(3))
    x = rng.normal(size=(4, 60, 6))
    x[..., 0], x[..., 5] = 1.0, x[..., 4]  # the last two columns say the same
    x[..., 2] += x[..., 1] - x[..., 3]
    wanted = rng.random((4, 60)) < 0.3
    known = ~wanted & (rng.random((4, 60)) < 0.9)
    normals, chi, luck = rng.normal(size=(4, 5)), rng.chisquare(30, 4), rng.random((4, 60))
    made, possible = x.copy(), np.array([True, True, False, True])
    rooms["analysis.kernels.imputation"].impute(made, 2, known, wanted, possible, normals, chi, luck, DONORS)
    for r in range(4):
        twin = imputed(x[r], 2, known[r], wanted[r], normals[r], chi[r], luck[r], DONORS)
        yield gap(made[r, :, 2], twin if possible[r] else x[r, :, 2], 1.0)
    yield gap(np.delete(made, 2, axis=2), np.delete(x, 2, axis=2), 1.0)


DEFECTS = defects(
    "analysis.kernels.imputation",
    matched_means,
    (
        "_coefficients",
        "the column explains itself",
        "own[column:] = np.arange(column + 1, p)",
        "own[column:] = np.arange(column, p - 1)",
    ),
    ("_coefficients", "no noise", "sigma * drawn[j]", "0.0 * drawn[j]"),
    ("_coefficients", "noise of the variance", "np.sqrt(squares / chi_square)", "squares / chi_square"),
    ("impute", "recipients by the fit", "use = fitted if known[r, i] else drawn", "use = fitted"),
    ("impute", "distances with their sign", "abs(means[k] - means[i])", "means[k] - means[i]"),
    ("impute", "the nearest donor alone", "int(luck[r, i] * donors)", "0"),
    ("impute", "impossible ones, too", "if not possible[r]:", "if False:"),
)


test_the_kernel_equals_the_slow_twin, test_a_planted_defect_is_noticed = noticed_by(DEFECTS)


def test_cumulative_hazard_by_hand():
    """At 1: 1/4; at 2, two events among 3: 2/3; the absent patient counts for nothing but has a value."""
    course = Endpoint(np.array([[2.0, 1.0, 2.0, 3.0, 1.5]]), np.array([[True, True, True, False, True]]))
    present = np.array([[True, True, True, True, False]])
    assert np.allclose(cumulative_hazard(course, present)[0], [11 / 12, 1 / 4, 11 / 12, 11 / 12, 1 / 4], rtol=1e-15)


def test_complete_cases_are_those_who_have_everything():
    seen = observed()
    (made,) = completed(seen, NAMES, MissingPlan(), np.arange(3), 1)
    gone = np.isnan(seen.covariates).any(axis=-1)
    assert gone.any()
    assert np.array_equal(made.present, seen.present & ~gone)


def test_an_indicator_fills_and_says_so():
    seen = observed()
    (made,) = completed(seen, NAMES, MissingPlan(method="indicator"), np.arange(3), 1)
    assert made.names == (*seen.names, "age_missing", "grade_missing")
    gone = np.isnan(seen.covariates[..., 0])
    assert np.array_equal(made.covariates[..., -2], gone)
    mean = np.nanmean(np.where(seen.present, seen.covariates[..., 0], np.nan), axis=1)
    assert np.allclose(made.covariates[..., 0][gone], np.repeat(mean, gone.sum(axis=1)), rtol=1e-13)
    assert (made.covariates[..., 2][np.isnan(seen.covariates[..., 2])] == 0).all()
    assert np.array_equal(made.present, seen.present)
    plan = Plan.model_validate({"missing": {"method": "indicator"}, "propensity": {"candidates": ("age",)}})
    (sample,) = samples_of(seen, NAMES, plan, np.arange(3), 1)
    assert sample.plan.propensity.candidates == ("age", "age_missing", "grade_missing")


def test_imputations_keep_what_is_known_and_differ_elsewhere():
    seen = observed()
    made = completed(seen, NAMES, MANY, np.arange(3), 1)
    assert len(made) == 3
    gone = np.isnan(seen.covariates)
    for one in made:
        assert np.array_equal(one.covariates[~gone], seen.covariates[~gone])
        assert not np.isnan(one.covariates[seen.present]).any()
        for k in (0, 2):
            known = seen.present & ~gone[..., k]
            for r in range(3):
                assert np.isin(one.covariates[r, seen.present[r], k], seen.covariates[r, known[r], k]).all()
    assert not np.array_equal(made[0].covariates, made[1].covariates)
    alone = completed(_rows(seen, [2]), NAMES, MANY, np.array([2]), 1)
    for whole, part in zip(made, alone, strict=True):
        assert np.array_equal(part.covariates[0], whole.covariates[2])


def _rows(seen: Observed, rows: list[int]) -> Observed:
    """Some replicates alone."""
    courses = {name: Endpoint(one.time[rows], one.event[rows]) for name, one in seen.endpoints.items()}
    return replace(
        seen,
        covariates=seen.covariates[rows],
        treated=seen.treated[rows],
        present=seen.present[rows],
        endpoints=courses,
        binary={},
        exposure={},
        modes={},
    )


def test_imputed_values_follow_the_regression():
    """Grade and stage have a latent correlation of 0.5, which imputed grades keep, and drawn ones would not."""
    seen = cohorts(world(imperfections={"missing": {"grade": {"share": 0.5}}}), 20, 600).observed
    gone, stage = np.isnan(seen.covariates[..., 2]), seen.covariates[..., 1] == 1
    one = completed(seen, ("grade",), MANY, np.arange(20), 1)[0]
    inside = seen.present & gone

    def difference(grade: np.ndarray, who: np.ndarray) -> np.ndarray:
        means = [np.where(who & arm, grade, 0).sum(axis=1) / (who & arm).sum(axis=1) for arm in (stage, ~stage)]
        return means[0] - means[1]

    found = difference(one.covariates[..., 2], inside)
    known = difference(np.nan_to_num(seen.covariates[..., 2]), seen.present & ~gone)
    gap = found - known
    assert abs(gap.mean()) < 4 * gap.std(ddof=1) / np.sqrt(20)
    assert known.mean() > 8 * gap.std(ddof=1) / np.sqrt(20)


def test_too_few_known_leave_nobody():
    seen = observed(1, 12)
    made = completed(seen, NAMES, MANY, np.arange(1), 1)
    assert not any(one.present.any() for one in made)
    samples = samples_of(seen, NAMES, Plan(missing=MANY), np.arange(1), 1)
    assert estimated(samples, Crude(), "OS").status[0] != Status.OK


def _estimate(value: float, se: float, status: int = int(Status.OK), p: float = 0.5) -> Estimate:
    one = [np.array([number]) for number in (value, se, value - se, value + se, p)]
    return Estimate(*one, np.array([10]), np.array([5]), np.array([status]))


def test_rubins_rules_by_hand():
    """Values 1, 2, 3 with SE 0.5, 0.5, 1: W = 0.5, B = 1, T = 0.5 + 4/3, df = 2 (1 + 3/8)^2."""
    made = pooled([_estimate(1.0, 0.5), _estimate(2.0, 0.5), _estimate(3.0, 1.0)])
    se, freedom = np.sqrt(0.5 + 4 / 3), 2 * (1 + 3 / 8) ** 2
    assert made.value[0] == 2.0
    assert np.isclose(made.se[0], se, rtol=1e-14)
    assert np.isclose(made.high[0], 2 + stats.t.ppf(0.975, freedom) * se, rtol=1e-12)
    assert np.isclose(made.p[0], 2 * stats.t.sf(2 / se, freedom), rtol=1e-12)
    assert (made.n[0], made.events[0]) == (10, 5)


def test_equal_estimates_are_pooled_to_themselves_and_a_failure_fails_all():
    same = pooled([_estimate(1.0, 0.5)] * 4)
    assert np.isclose(same.se[0], 0.5, rtol=1e-14)
    assert np.isclose(same.high[0], 1 + stats.norm.ppf(0.975) * 0.5, rtol=1e-10)
    failed = pooled([_estimate(1.0, 0.5), _estimate(np.nan, np.nan, int(Status.SINGULAR))])
    assert failed.status[0] == Status.SINGULAR
    assert np.isnan(failed.value[0])
    tests = pooled([_estimate(1.0, np.nan, p=0.2), _estimate(1.5, np.nan, p=0.4), _estimate(1.2, np.nan, p=0.1)])
    assert tests.p[0] == 0.2


def test_across_matches_once_and_within_does_not():
    seen = observed(4, 300)
    across = Plan(missing=MANY.model_copy(update={"score": "across"}))
    one, two = (samples_of(seen, NAMES, plan, np.arange(4), 1) for plan in (across, Plan(missing=MANY)))
    assert all(np.array_equal(sample.matched, one[0].matched) for sample in one)
    assert not np.array_equal(two[0].matched, two[1].matched)
    mean = np.mean([sample.propensity.fitted for sample in two], axis=0)
    assert np.allclose(one[2].propensity.fitted, mean, rtol=1e-14, equal_nan=True)
    for estimator in (Matched(), Adjusted(), LogRankTest()):
        assert (estimated(one, estimator, "OS").status == Status.OK).all()


def test_nothing_missing_changes_nothing():
    seen = cohorts(world(), 2, 200).observed
    for method in ("complete", "imputation"):
        samples = samples_of(seen, (), Plan.model_validate({"missing": {"method": method}}), np.arange(2), 1)
        assert len(samples) == 1
        assert samples[0].observed is seen


def test_faults_are_told():
    with pytest.raises(ValidationError, match="belong to 'method: imputation'"):
        MissingPlan(imputations=7)
    variables = {variable.name: variable for variable in observed(1).variables}
    plan = Plan(missing=MANY)
    assert "'site' is nominal" in plan.problems(variables, ("site",))[0][1]
    assert not plan.problems(variables, NAMES)
