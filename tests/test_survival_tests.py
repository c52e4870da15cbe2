"""Estimators that are tests, and differences of two curves in everyone: by hand, against R, slow twins and chance."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.random import Generator, Philox
from scipy.special import ndtr, ndtri
from scipy.stats import chi2, norm

from analysis.estimators import (
    Estimate,
    LogRankTest,
    MaxCombo,
    MedianDifference,
    RmstDifference,
    Sample,
    Several,
    SurvivalDifference,
)
from analysis.estimators.tests import global_p
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import MatchingPlan, Plan
from analysis.survival import statistics
from analysis.survival.median_difference import median_difference
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.world.generate import generate, resolve
from tests import oracle
from tests.agreement import gap
from tests.planted import Gaps, Rooms, cohort, defects, noticed_by, unless
from tests.reference import kaplan_meier as slow_km
from tests.reference import median_difference as slow_median
from tests.reference import weighted_samples as slow
from tests.worlds import scenario

R = json.loads((oracle.HERE / "two_curves.json").read_text("utf-8"))
TIME, EVENT, X = [1.0, 1, 6, 6, 8, 9], [True, False, True, True, False, True], [1, 1, 1, 0, 0, 0]


def sample(time: Any, event: Any, treated: Any, age: Any = None, plan: Plan | None = None) -> Sample:
    """A block with one endpoint and the small world's two covariates, of which age may be given."""
    observed = generate(resolve(scenario()), 1, np.arange(1)).observed
    time, event, treated = (np.atleast_2d(values) for values in (time, event, treated))
    covariates = np.zeros((*time.shape, len(observed.variables)))
    if age is not None:
        covariates[..., observed.names.index("age")] = age
    made = Observed(
        observed.variables,
        covariates,
        treated == 1,
        np.ones(time.shape, bool),
        {"OS": Endpoint(time.astype(float), event == 1)},
        {},
    )
    return Sample(made, plan or scenario().analysis, np.arange(len(time)))


def small_world(count: int = 6) -> Sample:
    """Cohorts of the small world."""
    return Sample(generate(resolve(scenario()), 3, np.arange(count)).observed, scenario().analysis, np.arange(count))


def arms(count: int, seed: int, n: int = 150, scale: float = 10.0) -> Sample:
    """Cohorts with exponential survival, of that mean in the treated and of 10 in the untreated."""
    draw = Generator(Philox(seed))
    treated = draw.random((count, n)) < 0.5
    ends, leaves = draw.exponential(1.0, (count, n)) * np.where(treated, scale, 10.0), draw.uniform(10, 50, (count, n))
    return sample(np.minimum(ends, leaves), ends < leaves, treated)


def test_by_hand() -> None:
    here = sample(TIME, EVENT, X)
    found = LogRankTest().estimate(here, "OS")
    assert (found.value[0], found.se[0]) == (pytest.approx(2**0.5), 1)
    assert found.p[0] == pytest.approx(chi2.sf(2, 1), rel=1e-12)
    assert (found.n[0], found.events[0]) == (6, 4)
    # the treated: S is 2/3 from 1 on and 1/3 * 2/3 ... at 6 one of one dies; the untreated: 2/3 from 6 on
    mean = RmstDifference(horizon=6.0).estimate(here, "OS")
    assert mean.value[0] == pytest.approx((1 + 5 * 2 / 3) - 6)
    assert mean.se[0] == pytest.approx((10 / 3) * (1 / (3 * 2)) ** 0.5)
    point = SurvivalDifference(at=5.0).estimate(here, "OS")
    assert (point.value[0], point.se[0]) == (pytest.approx(-1 / 3), pytest.approx(2 / 3 * (1 / 6) ** 0.5))


@pytest.mark.parametrize("case", R["cases"], ids=lambda case: case["name"])
def test_agreement_with_r(case: dict[str, Any]) -> None:
    found, complete = oracle.classic(case["name"])
    table = oracle.table(f"classic_{case['name']}")
    x = table[[case["arm"], "age"]].to_numpy(dtype=float)[complete]
    here = sample(found.time[complete], found.event[complete], x[:, 0], x[:, 1])
    asked = {
        "plain": LogRankTest(),
        "half": LogRankTest(rho=0.5),
        "peto": LogRankTest(rho=1.0),
        "stratified": LogRankTest(strata=("age>60",)),
    }
    for name, test in asked.items():
        assert test.estimate(here, "OS").value[0] == pytest.approx(case[name], rel=1e-10), name
    other = {"plain": "stratified", "half": "plain", "peto": "half", "stratified": "plain"}
    for name, test in asked.items():
        assert test.estimate(here, "OS").value[0] != pytest.approx(case[other[name]], rel=1e-10)
    for difference, name in ((SurvivalDifference(at=float(case["at"])), "survival"),
                             (RmstDifference(horizon=float(case["at"])), "rmst")):  # fmt: skip
        made = difference.estimate(here, "OS")
        assert [made.value[0], made.se[0]] == pytest.approx(case[name], rel=1e-10)
        assert made.low[0] == pytest.approx(made.value[0] - norm.ppf(0.975) * made.se[0], rel=1e-10)
    untreated, treated = (np.inf if not isinstance(m, float | int) else m for m in case["medians"])
    median = MedianDifference().estimate(here, "OS")
    if median.status[0] == Status.OK:
        assert median.value[0] == pytest.approx(treated - untreated, rel=1e-12)
    else:
        assert not np.isfinite(treated - untreated) or np.isnan(median.value[0])


def test_a_test_is_signed_and_has_no_interval() -> None:
    here = small_world()
    course = here.observed.endpoints["OS"]
    for test in (LogRankTest(rho=1.0), LogRankTest(gamma=1.0), MaxCombo(), Several()):
        found = test.estimate(here, "OS")
        assert np.isnan(found.low).all()
        assert np.isnan(found.high).all()
        assert (found.se == 1).all()
        assert (found.value < 0).mean() > 0.5, "the treated die less often in this world"
    plain, direct = (
        LogRankTest().estimate(here, "OS"),
        statistics.logrank(course.time, course.event, here.observed.treated),
    )
    np.testing.assert_allclose(plain.value**2, direct.chi2, rtol=1e-12)
    np.testing.assert_array_equal(plain.p, direct.p)
    largest = MaxCombo(weights=((0.0, 0.0), (0.0, 1.0))).estimate(here, "OS")
    both = np.stack([plain.value, LogRankTest(gamma=1.0).estimate(here, "OS").value])
    np.testing.assert_array_equal(largest.value, both[np.abs(both).argmax(axis=0), np.arange(6)])
    assert (largest.p > 2 * ndtr(-np.abs(largest.value))).all()


def test_strata_are_crossed_and_whoever_lacks_one_has_a_level_of_its_own() -> None:
    here = small_world()
    age, stage = (here.observed.covariates[..., here.observed.names.index(name)].copy() for name in ("age", "stage"))
    age[:, ::7] = np.nan
    covariates = here.observed.covariates.copy()
    covariates[..., here.observed.names.index("age")] = age
    here = replace(here, observed=replace(here.observed, covariates=covariates))
    course, treated = here.observed.endpoints["OS"], here.observed.treated
    old = np.where(np.isnan(age), 2, np.where(np.isnan(age), 0, age) > 65)
    for strata, label in ((("stage",), stage), (("age>65", "stage"), 10 * old + stage)):
        found = LogRankTest(strata=strata).estimate(here, "OS")
        direct = statistics.logrank(course.time, course.event, treated, stratum=label.astype(int))
        np.testing.assert_allclose(found.value, direct.z, rtol=1e-12)
        assert np.abs(found.value - LogRankTest().estimate(here, "OS").value).min() > 1e-6
        combined = MaxCombo(strata=strata, weights=((0.0, 0.0),)).estimate(here, "OS")
        np.testing.assert_array_equal(combined.value, found.value)


def test_the_matched_alone_are_compared() -> None:
    here = small_world()
    found = LogRankTest(population="matched").estimate(here, "OS")
    course = here.observed.endpoints["OS"]
    direct = statistics.logrank(course.time, course.event, here.observed.treated, present=here.matched)
    np.testing.assert_array_equal(found.value, direct.z)
    assert np.array_equal(found.n, here.matched.sum(axis=1))
    assert MaxCombo(population="matched").estimand("OS", here.plan, here.observed.variable).population == "matched"
    apart = replace(here, observed=replace(here.observed, treated=here.observed.covariates[..., 1] > 0))
    assert (LogRankTest(population="matched").estimate(apart, "OS").status == Status.PS_SEPARATED).all()


@pytest.mark.parametrize("matching", [MatchingPlan(ratio=2), MatchingPlan(replacement=True)])
def test_the_weighted_matched_are_compared_by_the_robust_score(matching: MatchingPlan) -> None:
    here = small_world()
    here = here.under(Plan(matching=matching))
    found, test = LogRankTest(population="matched"), here.observed
    assert found.estimand("OS", here.plan, test.variable).population == "matched"
    made, course, pairs = found.estimate(here, "OS"), test.endpoints["OS"], here.matching
    for r, who in enumerate(here.matched):
        cluster = np.arange(len(who)) if matching.replacement else pairs.pair[r]
        design = slow.Design(test.treated[r, who], pairs.weight[r, who], cluster[who])
        u, v = slow.robust_score(course.time[r, who], course.event[r, who], design)
        assert made.value[r] == pytest.approx(u / np.sqrt(v), rel=1e-9)
        assert made.p[r] == pytest.approx(2 * norm.sf(abs(u / np.sqrt(v))), rel=1e-9)
    unweighted = statistics.logrank(course.time, course.event, test.treated, present=here.matched)
    assert np.abs(made.value - unweighted.z).max() > 0.05


def test_what_cannot_be_tested_is_refused() -> None:
    variables = small_world(1).observed.variable
    for change in (MatchingPlan(ratio=2), MatchingPlan(replacement=True)):
        for test in (MaxCombo(population="matched"), LogRankTest(population="matched", rho=1)):
            with pytest.raises(ValueError, match="which only the log-rank test takes, without rho, gamma and strata"):
                test.estimand("OS", Plan(matching=change), variables)
        with pytest.raises(ValueError, match="which only the log-rank test takes"):
            LogRankTest(population="matched", strata=("stage",)).estimand("OS", Plan(matching=change), variables)
    with pytest.raises(ValueError, match="'age' has no levels; write a comparison such as 'age>50'"):
        MaxCombo(strata=("age",)).estimand("OS", Plan(), variables)
    with pytest.raises(ValueError, match="no variable 'sex'"):
        LogRankTest(strata=("sex",)).estimand("OS", Plan(), variables)
    with pytest.raises(ValueError, match="'name' belongs to the estimator"):
        Several(tests=(LogRankTest(name="mine"), MaxCombo()))
    with pytest.raises(ValueError, match="different populations"):
        Several(tests=(LogRankTest(population="matched"), MaxCombo()))
    for rho in (-1.0, float("nan")):
        with pytest.raises(ValueError, match=r"greater than or equal|finite"):
            LogRankTest(rho=rho)


def test_what_is_asked() -> None:
    variables, plan = small_world(1).observed.variable, Plan()
    for kind, measure, horizon in (
        (RmstDifference(horizon=9.0), "rmst_difference", 9.0),
        (SurvivalDifference(at=7.0), "survival_difference", 7.0),
        (MedianDifference(), "median_difference", None),
        (LogRankTest(), "none", None),
        (Several(), "none", None),
    ):
        asked = kind.estimand("OS", plan, variables)
        assert (asked.population, asked.measure, asked.horizon) == ("all", measure, horizon)


def test_the_cloglog_p_changes_p_alone() -> None:
    here = small_world()
    plain, other = (SurvivalDifference(scale=scale).estimate(here, "OS") for scale in ("plain", "cloglog"))
    np.testing.assert_array_equal(plain.value, other.value)
    np.testing.assert_array_equal(plain.se, other.se)
    course = here.observed.endpoints["OS"]
    for r in range(3):
        moved = []
        for arm in (False, True):
            own = here.observed.present[r] & (here.observed.treated[r] == arm)
            s, e, *_ = slow_km.survival_at(course.time[r, own], course.event[r, own], 12.0)
            moved.append((np.log(-np.log(s)), (e / (s * np.log(s))) ** 2))
        z = (moved[1][0] - moved[0][0]) / (moved[0][1] + moved[1][1]) ** 0.5
        assert other.p[r] == pytest.approx(2 * ndtr(-abs(z)), rel=1e-10)
    untouched = sample([1.0, 2, 3, 20, 20, 20], [0, 1, 1, 0, 0, 0], [1, 0, 0, 1, 1, 0])  # the treated are all alive
    assert SurvivalDifference().estimate(untouched, "OS").status[0] == Status.OK
    assert SurvivalDifference(scale="cloglog").estimate(untouched, "OS").status[0] == Status.NO_INFO


def medians(rooms: Rooms) -> Gaps:
    """The difference of medians, its limits and p against the slow twin; statuses."""
    tested = rooms["analysis.survival.median_difference"].median_difference
    for number in range(6):
        c = cohort(80 + number, 1, n=60, binary=True, tied=number % 2 == 0)
        arm, here = c.x[:, 0] == number % 2, c.present
        for level in (0.8, 0.95):
            found = tested(c.time[None], c.event[None], arm[None], here[None], level=level)
            own = c.time[here], c.event[here], arm[here]
            low, high, least = slow_median.inverted(*own, float(ndtri(0.5 + level / 2)))
            middles = [slow_km.quantile(own[0][own[2] == a], own[1][own[2] == a], 0.5)[0] for a in (False, True)]
            if np.isfinite([low, high, *middles]).all():
                expected = middles[1] - middles[0], low, high, chi2.sf(least**2, 1)
                yield gap((found.value[0], found.low[0], found.high[0], found.p[0]), expected)
            else:
                yield unless(found.status[0] == Status.TOO_FEW)


DEFECTS = defects(
    "analysis.survival.median_difference",
    medians,
    ("median_difference", "arms exchanged", "median[r, 1] - median[r, 0]", "median[r, 0] - median[r, 1]"),
    ("_inverted", "an interval of one arm", "w0[:, None] + w1 <= most", "w0[:, None] + 0 * w1 <= most"),
    ("_inverted", "stretches without length", "end1 - start0[:, None]", "start1 - start0[:, None]"),
    ("_inverted", "p of any difference", "where=both", "where=within | both"),
    ("_distances", "variance for SE", "error**2, out", "error, out"),
)


test_medians_agree_with_the_slow_twin, test_a_planted_defect_of_the_median_is_noticed = noticed_by(DEFECTS)


def test_a_median_that_is_not_reached_is_told() -> None:
    time, treated = np.arange(1.0, 41)[None], np.arange(40)[None] % 2 == 1
    for event, status in (
        (time > 0, Status.OK),
        (time < 8, Status.TOO_FEW),  # no median
        ((time < 24), Status.TOO_FEW),  # a median, but no upper limit
        (time < 0, Status.NO_EVENTS),
    ):
        found = median_difference(time, event, treated, np.ones(time.shape, bool))
        assert found.status[0] == status
        assert np.isfinite(found.value[0]) == (status == Status.OK)
    spoilt = np.where(time == 7, np.nan, time)
    assert median_difference(spoilt, time > 0, treated, time > 0).status[0] == Status.BAD_INPUT
    assert median_difference(time, time > 0, time > 0, time > 0).status[0] == Status.TOO_FEW


def test_global_p_by_hand() -> None:
    p = np.array([[0.01, 0.021, 0.5, 0.9], [0.04, 0.022, 0.5, 0.95], [0.03, 0.020, 0.5, 0.99]])
    np.testing.assert_allclose(global_p(p, "simes"), [0.03, 0.022, 0.5, 0.99], rtol=1e-14)
    np.testing.assert_allclose(global_p(p, "bonferroni"), [0.03, 0.06, 1.0, 1.0], rtol=1e-14)


def test_several_tests_point_where_the_smallest_p_points() -> None:
    here = small_world()
    parts = (LogRankTest(gamma=1.0), SurvivalDifference(), MedianDifference())
    made = [part.estimate(here, "OS") for part in parts]
    for method in ("simes", "bonferroni"):
        found = Several(tests=parts, method=method).estimate(here, "OS")
        for r in range(6):
            if any(one.status[r] != Status.OK for one in made):
                assert found.status[r] != Status.OK
                continue
            p = [one.p[r] for one in made]
            k = int(np.argmin(p))
            harm = made[k].value[r] > 0 if k == 0 else made[k].value[r] < 0
            assert found.value[r] == pytest.approx((1 if harm else -1) * norm.isf(p[k] / 2), rel=1e-9)
            assert found.p[r] == global_p(np.array(p)[:, None], method)[0]
    assert (found.status == Status.OK).any()


def test_one_failed_test_fails_them_all() -> None:
    here = arms(3, 4)
    late = Several(tests=(LogRankTest(), RmstDifference(horizon=500.0))).estimate(here, "OS")
    alone = RmstDifference(horizon=500.0).estimate(here, "OS")
    failed = alone.status == Status.TOO_FEW
    assert failed.any()
    assert np.array_equal(late.status, alone.status)
    assert np.array_equal(np.isnan(late.p), failed)
    assert np.isfinite(LogRankTest().estimate(here, "OS").p).all()


def z_of_share(hits: Any, expected: float) -> float:
    """How many Monte Carlo standard errors a share lies from what is expected."""
    return float((np.mean(hits) - expected) / np.sqrt(expected * (1 - expected) / len(hits)))


def test_type_1_error() -> None:
    here = arms(2000, 9)
    made: dict[str, Estimate] = {
        one.kind: one.estimate(here, "OS")
        for one in (LogRankTest(gamma=1.0), RmstDifference(), SurvivalDifference(scale="cloglog"))
    }
    for kind, found in made.items():
        assert (found.status == Status.OK).all()
        assert abs(z_of_share(found.p < 0.05, 0.05)) < 3, kind
    smallest = np.min([found.p for found in made.values()], axis=0)
    assert z_of_share(smallest < 0.05, 0.05) > 3, "the smallest of several p"
    joint = Several(tests=(LogRankTest(gamma=1.0), RmstDifference(), SurvivalDifference(scale="cloglog")))
    assert z_of_share(joint.estimate(here, "OS").p < 0.05, 0.05) < 3


def test_coverage_of_differences() -> None:
    here = arms(1000, 10, scale=16.0)
    truths: dict[RmstDifference | SurvivalDifference, float] = {
        RmstDifference(): 16 * (1 - np.exp(-12 / 16)) - 10 * (1 - np.exp(-12 / 10)),
        SurvivalDifference(): np.exp(-12 / 16) - np.exp(-12 / 10),
    }
    for one, truth in truths.items():
        found = one.estimate(here, "OS")
        assert abs(z_of_share((found.low <= truth) & (truth <= found.high), 0.95)) < 3.5
        assert abs((found.value.mean() - truth) / (found.value.std() / 1000**0.5)) < 4
        assert z_of_share((found.low <= -truth) & (-truth <= found.high), 0.95) < -4, "the sign must matter"
    found, truth = MedianDifference().estimate(here, "OS"), 6 * np.log(2)
    ok = found.status == Status.OK
    covered = ((found.low <= truth) & (truth <= found.high))[ok]
    assert ok.mean() > 0.95
    assert z_of_share(covered, 0.95) > -3
    assert z_of_share(((found.low <= 0) & (found.high >= 0))[ok], 0.95) < -3
