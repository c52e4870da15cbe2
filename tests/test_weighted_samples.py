"""A weighted sample is weighted everywhere: R's survey and survival, slow twins, hand-worked data, identities."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.paper.cox_tables import cox_columns
from analysis.paper.effects import AnalysisSet, follow_up, log_rank, medians
from analysis.paper.responses import response
from analysis.paper.subgroups import subgroups
from analysis.paper.table1 import ContinuousNumbers, Count, summary, table1
from analysis.paper.workflow import compare
from analysis.plan.analysis_plan import Plan, SurvivalPlan
from analysis.survival.weighted_survival import robust_score, weighted_kaplan_meier, weighted_quantile
from analysis.two_samples.weighted_samples import WeightedSamples, weighted_numbers, weighted_quantiles, weighted_shares
from tests.reference import weighted_samples as slow
from tests.survey_samples import CONTINUOUS, LEVELS, ORACLE, rows, sample, sets

R: dict[str, Any] = json.loads((ORACLE / "weighted.json").read_text())
CONF_TYPES = ("log", "plain", "log-log")
PLAN = Plan.model_validate_json('{"subgroups": ["h", "g"]}')


def design(case: str) -> slow.Design:
    d = rows(case)
    return slow.Design(d["trt"] > 0, d["w"], d["set"].astype(np.int64))


def near(value: float, expected: float | None, tolerance: float = 1e-8) -> bool:
    if expected is None:
        return not np.isfinite(value)
    return bool(abs(value - expected) <= tolerance * max(abs(expected), 1e-3))


@pytest.mark.parametrize("case", R)
@pytest.mark.parametrize("name", CONTINUOUS)
def test_numbers_are_those_of_survey(case: str, name: str) -> None:
    """Means, SDs, quartiles, svyttest, svyranktest (where rows are tied: svyttest of the mean ranks)."""
    observed, group = sample(case)
    row = next(
        one for one in table1(observed, group, dict.fromkeys(CONTINUOUS, "mean"), Plan()) if one.variable == name
    )
    found = R[case]["numbers"][name]
    for arm, r in zip((row.control, row.treated), found["arms"], strict=True):
        assert isinstance(arm, ContinuousNumbers)
        assert all(map(near, (arm.n, arm.mean, arm.sd, arm.q1, arm.median, arm.q3), r))
    made = weighted_numbers(rows(case)[name][None], sets(case))
    rank = found["midrank" if name == "tied" else "rank"]
    for test, (t, df, p) in ((made.t, found["t"]), (made.rank, rank)):
        assert abs(test.statistic[0] - t) < 1e-8 * max(1, abs(t))
        assert test.df[0] == df
        assert near(test.p[0], p)
    assert (row.test, row.p) == ("weighted_t", made.t.p[0])
    assert row.tests == {"weighted_t": made.t.p[0], "weighted_rank": made.rank.p[0]}
    (c_n, c_mean, c_sd, *_), (t_n, t_mean, t_sd, *_) = found["arms"]
    assert c_n + t_n == len(rows(case)["t"])
    assert near(row.smd, (t_mean - c_mean) / np.sqrt((c_sd**2 + t_sd**2) / 2))
    assert near(made.smd[0], row.smd)


@pytest.mark.parametrize("case", R)
@pytest.mark.parametrize("name", LEVELS)
def test_shares_are_those_of_svychisq(case: str, name: str) -> None:
    """Weighted percentages and Rao and Scott's F; level c of 'rare' is a cell of 0 among the treated."""
    observed, group = sample(case)
    own = [one for one in table1(observed, group, dict.fromkeys(CONTINUOUS, "mean"), Plan()) if one.variable == name]
    found = R[case]["shares"][name]
    share, d = np.array(found["share"]), rows(case)
    for k, row in enumerate(own):
        for arm, cell in enumerate((row.control, row.treated)):
            assert isinstance(cell, Count)
            assert near(cell.percent, 100 * share[arm, k])
            assert cell.n == ((d[name] == k) & (d["trt"] == arm)).sum()
        spread = (share[:, k] * (1 - share[:, k])).sum() / 2
        assert near(row.smd, (share[1, k] - share[0, k]) / np.sqrt(spread))
        assert row.test == "rao_scott"
        assert near(row.p, found["f"][3 - 1] if len(found["f"]) == 3 else found["f"][3])
    made = weighted_shares(d[name].astype(np.int64)[None], LEVELS[name], sets(case))
    assert near(made.test.statistic[0], found["f"][0])
    assert near(made.test.df[0], found["f"][1])


@pytest.mark.parametrize("case", R)
def test_a_response_is_that_of_svychisq_with_robust_intervals(case: str) -> None:
    observed, group = sample(case)
    found, share = R[case]["shares"]["yes"]["f"], np.array(R[case]["shares"]["yes"]["share"])
    made = response(observed.binary["yes"][0], observed.treated[0], group, None, Plan())
    assert made.test == "rao_scott"
    assert near(made.p, found[3])
    d, own = rows(case), design(case)
    for arm, one in ((1, made.treated), (0, made.control)):
        assert near(one.percent, 100 * share[arm, 1])
        assert (one.n, one.yes) == ((d["trt"] == arm).sum(), (d["yes"][d["trt"] == arm]).sum())
    t, df = slow.t_test(d["yes"], own)
    difference, clusters = share[1, 1] - share[0, 1], df + 2
    half = 1.959963984540054 * abs(difference / t) * np.sqrt((clusters - 1) / clusters)  # svyttest's has n / (n - 1)
    limits = (made.risk_difference.value, made.risk_difference.low, made.risk_difference.high)
    assert all(map(near, limits, (difference, difference - half, difference + half)))
    odds = share[:, 1] / share[:, 0]
    assert near(made.odds_ratio.value, odds[1] / odds[0])
    assert made.odds_ratio.low < made.odds_ratio.value < made.odds_ratio.high


@pytest.mark.parametrize("case", R)
@pytest.mark.parametrize("endpoint", ["OS", "PFS"])
def test_the_log_rank_test_is_the_robust_score_test(case: str, endpoint: str) -> None:
    observed, group = sample(case)
    course, treated = observed.endpoints[endpoint], observed.treated[0]
    for ties, (beta, se, chi2) in R[case]["survival"][endpoint]["cox"].items():
        plan = Plan.model_validate_json(json.dumps({"survival": {"ties": ties}}))
        made = compare(course, observed, cox_columns(observed, plan, ("a", "b"), group.present), group, group, plan)
        assert made.logrank.test == "robust score"
        assert made.logrank == log_rank(course, treated, group, ties)
        assert near(made.logrank.chi2, chi2)
        assert near(made.cox.log_hr, beta)
        assert near(made.cox.se, se)


@pytest.mark.parametrize("case", R)
@pytest.mark.parametrize("endpoint", ["OS", "PFS"])
@pytest.mark.parametrize("conf_type", CONF_TYPES)
def test_curves_and_medians_are_those_of_clustered_survfit(case: str, endpoint: str, conf_type: Any) -> None:
    observed, group = sample(case)
    course, treated, plan = observed.endpoints[endpoint], observed.treated[0], SurvivalPlan(conf_type=conf_type)
    assert group.weight is not None
    made = medians(course, treated, group, plan)
    for arm, one, r in zip(
        (~treated, treated), (made.control, made.treated), R[case]["survival"][endpoint]["km"][conf_type], strict=True
    ):
        assert all(map(near, (one.median, one.low, one.high), r["median"]))
        died = course.event[0] & arm
        assert (one.n, one.events) == (arm.sum(), died.sum())
        assert near(one.percent, 100 * group.weight[died].sum() / group.weight[arm].sum())
        time, event = course.time[0, arm], course.event[0, arm]
        curve = weighted_kaplan_meier(time, event, group.weight[arm], group.clusters[arm], plan=plan)
        fall = curve.n_event > 0
        frozen = np.array(r["curve"], dtype=np.float64)
        for name, column in zip(("time", "survival", "std_err", "low", "high"), frozen.T, strict=True):
            np.testing.assert_allclose(getattr(curve, name)[fall], column, rtol=1e-8, atol=1e-12, err_msg=name)
        assert curve.n_event.sum() + curve.n_censor.sum() == arm.sum() == curve.n_risk[0]


@pytest.mark.parametrize("case", R)
@pytest.mark.parametrize("endpoint", ["OS", "PFS"])
def test_follow_up_subgroups_and_interactions(case: str, endpoint: str) -> None:
    observed, group = sample(case)
    course, found = observed.endpoints[endpoint], R[case]["survival"][endpoint]
    made = follow_up(course, observed.treated[0], group, SurvivalPlan())
    for one, r in zip((made.control, made.treated), found["follow_up"], strict=True):
        assert all(map(near, (one.median, one.low, one.high), r))
    rows_made = subgroups(course, observed, group, PLAN)
    by = {(row.variable, row.level): row for row in rows_made}
    whole = by[None, "all"]
    assert all(map(near, (whole.log_hr, whole.se), found["cox"]["efron"]))
    for level, (beta, se, chi2) in zip("ab", found["subgroups"].values(), strict=True):
        row = by["h", level]
        assert near(row.log_hr, beta)
        assert near(row.se, se)
        assert near(row.p_logrank, float(_chi2_p(chi2)))
        assert near(row.interaction_p, found["interaction"]["h"])
        d = rows(case)
        mine = d["h"] == "ab".index(level)
        assert (row.n, row.events) == (mine.sum(), (mine & course.event[0]).sum())
    assert near(by["g", "a"].interaction_p, found["interaction"]["g"], 1e-7)


def _chi2_p(chi2: float) -> float:
    from scipy.stats import chi2 as law

    return float(law.sf(chi2, 1))


def random_sets(seed: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, slow.Design]]:
    """Small samples with ties: x, level, time, event, and the design."""
    draw = np.random.default_rng(seed)
    for _ in range(12):
        n = int(draw.integers(12, 40))
        treated, weight = draw.random(n) < 0.4, draw.choice([0.5, 1.0, 1.25, 3.0], n)
        treated[:2] = True, False
        cluster = draw.integers(0, max(3, n // 3), n)
        x, level = draw.integers(0, 8, n) / 2.0, draw.integers(0, 3, n)
        yield x, level, draw.integers(1, 9, n) / 1.0, draw.random(n) < 0.7, slow.Design(treated, weight, cluster)


def test_small_samples_agree_with_the_slow_twins() -> None:
    for x, level, time, event, own in random_sets(4):
        made = WeightedSamples.of(own.treated[None], np.ones((1, len(x)), bool), own.weight[None], own.cluster[None])
        numbers, shares = weighted_numbers(x[None], made), weighted_shares(level[None], 4, made)
        for arm in (0, 1):
            values, weight = x[own.treated == arm], own.weight[own.treated == arm]
            assert (numbers.mean[0, arm], numbers.sd[0, arm]) == pytest.approx(slow.mean_and_sd(values, weight))
            quartiles = [slow.quantile(values, weight, q) for q in (0.25, 0.5, 0.75)]
            assert [numbers.q1[0, arm], numbers.median[0, arm], numbers.q3[0, arm]] == pytest.approx(quartiles)
            assert weighted_quantiles(values, weight, (0.25, 0.5, 0.75)) == pytest.approx(quartiles)
        assert (numbers.t.statistic[0], numbers.t.df[0]) == pytest.approx(slow.t_test(x, own))
        assert (numbers.rank.statistic[0], numbers.rank.df[0]) == pytest.approx(slow.rank_test(x, own))
        assert (shares.test.statistic[0], shares.test.df[0]) == pytest.approx(slow.rao_scott(level, own)[:2])
        for ties in ("efron", "breslow"):
            u, v = slow.robust_score(time, event, own, ties)
            score = robust_score(
                time[None],
                event[None],
                own.treated[None],
                weight=own.weight[None],
                cluster=own.cluster[None],
                ties=ties,
            )
            assert score.z[0] == pytest.approx(u / np.sqrt(v), rel=1e-10)
        found = weighted_quantile(
            time[None],
            event[None],
            own.treated[None],
            SurvivalPlan(),
            weight=own.weight[None],
            cluster=own.cluster[None],
        )
        for arm in (0, 1):
            mine = own.treated == arm
            steps = slow.curve(time[mine], event[mine], own.weight[mine], own.cluster[mine])
            assert found.value[0, arm] == slow.first_at_or_below([(t, s) for t, s, _ in steps])
            for sign, limit in ((-1, found.low), (1, found.high)):
                curve = [
                    (t, min(1.0, s * np.exp(sign * 1.959963984540054 * e / s)) if s > 0 else np.nan)
                    for t, s, e in steps
                ]
                assert limit[0, arm] == slow.first_at_or_below(curve)


def test_by_hand() -> None:
    """Two sets of 1:2 and one of 1:1, the control of which counts twice: weights 5/6, 5/6, 5/6, 5/6, 5/3."""
    treated = np.array([True, True, True, False, False, False, False, False])
    weight, cluster = np.array([1, 1, 1, 5 / 6, 5 / 6, 5 / 6, 5 / 6, 5 / 3]), np.array([0, 1, 2, 0, 0, 1, 1, 2])
    x = np.array([4.0, 5, 9, 1, 3, 4, 6, 10])
    own = WeightedSamples.of(treated[None], np.ones((1, 8), bool), weight[None], cluster[None])
    made = weighted_numbers(x[None], own)
    assert made.mean[0] == pytest.approx([(1 + 3 + 4 + 6 + 20) / 6, 6])
    # of the sets' differences 4 - 2, 5 - 5, 9 - 10, the mean is 1/3; what each adds to it is off by 5/9, -1/9, -4/9
    assert made.t.statistic[0] == pytest.approx((1 / 3) / np.sqrt((25 + 1 + 16) / 81 * 3 / 2))
    assert made.t.df[0] == 1
    shares = weighted_shares((x > 5)[None].astype(int), 2, own)
    assert shares.share[0] == pytest.approx(np.array([[1 / 2, 1 / 2], [2 / 3, 1 / 3]]))
    assert shares.counts[0].tolist() == [[3, 2], [2, 1]]
    event = np.array([True, False, True, True, False, True, False, False])
    found = weighted_quantile(
        x[None], event[None], treated[None], SurvivalPlan(), weight=weight[None], cluster=cluster[None]
    )
    # controls: 1 -> 25/6 of 5 left, 4 -> (10/3 - 5/6) / (10/3) = 3/4; the treated: 4 -> 2/3, 9 -> 0
    curve = weighted_kaplan_meier(
        x[~treated], event[~treated], weight[~treated], cluster[~treated], plan=SurvivalPlan()
    )
    assert curve.survival == pytest.approx([5 / 6, 5 / 6, 5 / 8, 5 / 8, 5 / 8])
    assert found.value[0].tolist() == [np.inf, 9]
    assert found.share[0] == pytest.approx([1 / 3, 2 / 3])


@pytest.mark.parametrize("case", R)
def test_twice_the_weight_changes_nothing(case: str) -> None:
    """Robust tests, means and curves know the weights only up to a factor."""
    observed, group = sample(case)
    assert group.weight is not None
    twice = replace(group, weight=2 * group.weight)
    course, treated = observed.endpoints["OS"], observed.treated[0]
    one, two = (log_rank(course, treated, own, "efron") for own in (group, twice))
    assert (one.chi2, one.p) == pytest.approx((two.chi2, two.p), rel=1e-12)
    shows = dict.fromkeys(CONTINUOUS, "median")
    for a, b in zip(table1(observed, group, shows, Plan()), table1(observed, twice, shows, Plan()), strict=True):
        assert (a.p, a.smd) == pytest.approx((b.p, b.smd), rel=1e-10)
        assert a.treated.__dict__ == pytest.approx(b.treated.__dict__, rel=1e-12)
    a, b = (response(observed.binary["yes"][0], treated, own, None, Plan()) for own in (group, twice))
    assert (a.p, a.risk_difference.low, a.odds_ratio.high) == pytest.approx(
        (b.p, b.risk_difference.low, b.odds_ratio.high)
    )
    first, second = (medians(course, treated, own, SurvivalPlan()) for own in (group, twice))
    assert first.control.__dict__ == pytest.approx(second.control.__dict__, rel=1e-12)


def test_weights_of_one_give_the_plain_numbers() -> None:
    """Means, SDs, quartiles, shares, curves; limits too where every patient is a cluster: then they are Greenwood's."""
    observed, group = sample("variable")
    ones = AnalysisSet(group.present, np.ones(len(group.present)))
    plain, shows = AnalysisSet(group.present), dict.fromkeys(CONTINUOUS, "mean")
    for a, b in zip(table1(observed, ones, shows, Plan()), table1(observed, plain, shows, Plan()), strict=True):
        assert a.treated.__dict__ == pytest.approx(b.treated.__dict__, rel=1e-12)
        assert a.smd == pytest.approx(b.smd, rel=1e-12)
        assert set(a.tests).isdisjoint(b.tests)
    treated = observed.treated[0]
    for course in observed.endpoints.values():
        for of in (medians, follow_up):
            one, two = (of(course, treated, own, SurvivalPlan()) for own in (ones, plain))
            for arm in ("treated", "control"):
                assert getattr(one, arm).__dict__ == pytest.approx(getattr(two, arm).__dict__, rel=1e-12)
        robust, usual = (log_rank(course, treated, one, "breslow") for one in (ones, plain))
        assert (robust.test, usual.test) == ("robust score", "log-rank")
        assert robust.chi2 != usual.chi2
        assert abs(np.log(robust.chi2 / usual.chi2)) < 0.5
    assert summary(np.arange(9.0), np.ones(9)) == summary(np.arange(9.0))
