"""A weighted sample is weighted everywhere: R's survey and survival, slow twins, hand-worked data, identities."""

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes

from analysis.figures.balance import overlap_of
from analysis.figures.states import shares_of
from analysis.figures.survival import Curve, kaplan_meier_of
from analysis.kernels.status import Status
from analysis.paper.cox_tables import cox_columns
from analysis.paper.effects import AnalysisSet, Median, follow_up, hazard_ratio, log_rank, medians
from analysis.paper.responses import response
from analysis.paper.subgroups import subgroups
from analysis.paper.table1 import ContinuousNumbers, Count, summary, table1
from analysis.paper.workflow import analyse, compare
from analysis.plan.analysis_plan import Plan, SurvivalPlan
from analysis.survival.weighted_survival import robust_score, weighted_kaplan_meier, weighted_quantile
from analysis.tables.cohort_tables import all_tables
from analysis.two_samples.weighted_samples import WeightedSamples, weighted_numbers, weighted_quantiles, weighted_shares
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.terms import Variable
from tests.reference import weighted_samples as slow

ORACLE = Path(__file__).parent / "oracle"
R: dict[str, Any] = json.loads((ORACLE / "weighted.json").read_text())
CONTINUOUS = ("x", "skew", "tied")
LEVELS = {"g": 4, "h": 2, "rare": 3}
CONF_TYPES = ("log", "plain", "log-log")
PLAN = Plan.model_validate_json('{"subgroups": ["h", "g"]}')


@cache
def rows(case: str) -> dict[str, np.ndarray]:
    """The columns of one frozen sample."""
    with (ORACLE / "weighted.csv").open(newline="") as file:
        own = [row for row in csv.DictReader(file) if row["case"] == case]
    return {name: np.array([float(row[name]) for row in own]) for name in own[0] if name != "case"}


@cache
def sample(case: str) -> tuple[Observed, AnalysisSet]:
    """The sample as the workflow has it after matching."""
    d = rows(case)
    kinds = [Variable(name, "continuous") for name in CONTINUOUS]
    kinds += [Variable(name, "ordinal", tuple("abcd"[:k])) for name, k in LEVELS.items()]
    values = np.column_stack([d[one.name] for one in kinds])[None]
    here = np.ones((1, len(d["t"])), np.bool_)
    ends = {"OS": Endpoint(d["t"][None], d["e"][None] > 0), "PFS": Endpoint(d["t2"][None], d["e2"][None] > 0)}
    observed = Observed(tuple(kinds), values, d["trt"][None] > 0, here, ends, {"yes": d["yes"][None] > 0})
    return observed, AnalysisSet(here[0], d["w"], d["set"].astype(np.int64))


def design(case: str) -> slow.Design:
    d = rows(case)
    return slow.Design(d["trt"] > 0, d["w"], d["set"].astype(np.int64))


def sets(case: str, times: float = 1.0) -> WeightedSamples:
    observed, group = sample(case)
    assert group.weight is not None
    return WeightedSamples.of(observed.treated, observed.present, times * group.weight[None], group.clusters[None])


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
        made = compare(course, observed, cox_columns(observed, plan, ("a", "b")), group, group, plan)
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


def said(axes: Axes) -> list[str]:
    """What is written in the axes."""
    return [text.get_text() for text in axes.texts]


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


def test_the_order_of_rows_and_other_patients_change_nothing() -> None:
    observed, group = sample("reused")
    assert group.weight is not None
    back = slice(None, None, -1)
    for name in CONTINUOUS:
        x = rows("reused")[name]
        turned = WeightedSamples.of(
            observed.treated[:, back], observed.present, group.weight[None, back], group.clusters[None, back]
        )
        one, two = weighted_numbers(x[None], sets("reused")), weighted_numbers(x[None, back], turned)
        assert np.array_equal(one.median, two.median)
        assert (one.t.p[0], one.rank.p[0]) == pytest.approx((two.t.p[0], two.rank.p[0]), rel=1e-10)
    block = WeightedSamples.of(
        np.repeat(observed.treated, 3, axis=0),
        np.repeat(observed.present, 3, axis=0),
        np.repeat(group.weight[None], 3, axis=0),
        np.repeat(group.clusters[None], 3, axis=0),
    )
    x = rows("reused")["skew"]
    assert np.array_equal(
        weighted_numbers(np.stack([x, 2 * x, x]), block).t.p[::2],
        weighted_numbers(x[None], sets("reused")).t.p.repeat(2),
    )


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_too_few_give_a_status(n: int) -> None:
    treated, here = np.array([[True, False, True]]), np.array([[k < n for k in range(3)]])
    own = WeightedSamples.of(treated, here, np.ones((1, 3)), None)
    x = np.array([[1.0, 2, 4]])
    assert weighted_numbers(x, own).t.status[0] == Status.TOO_FEW
    assert (
        weighted_shares(np.array([[0, 1, 1]]), 2, own).test.status[0] == (Status.OK if n == 3 else Status.NO_INFO)
        or n == 2
    )
    time, event = np.array([[3.0, 1, 2]]), np.array([[True, True, False]])
    given = {"weight": np.ones((1, 3)), "cluster": np.arange(3)[None], "present": here}
    state = robust_score(time, event, treated, **given).status[0]
    assert state == (Status.TOO_FEW if n < 2 else Status.OK)
    assert robust_score(time, np.zeros((1, 3), bool), treated, **given).status[0] == (
        Status.TOO_FEW if n < 2 else Status.NO_EVENTS
    )
    assert robust_score(time, event, np.ones((1, 3), bool), **given).status[0] == (
        Status.TOO_FEW if n < 2 else Status.NO_INFO
    )
    assert robust_score(np.full((1, 3), np.nan), event, treated, **given).status[0] in (
        Status.BAD_INPUT,
        Status.TOO_FEW,
    )
    found = weighted_quantile(time, event, treated, SurvivalPlan(), **given)
    assert (found.status[0] == [Status.OK if k else Status.TOO_FEW for k in found.n[0]]).all()


def test_sets_that_are_alike_have_no_variance() -> None:
    """After exact matching every set is balanced: what is left of the variance is rounding, and is not divided by."""
    treated, cluster = np.tile([True, False, False], 30), np.repeat(np.arange(30), 3)
    x = np.repeat(np.random.default_rng(3).normal(40, 9, 30), 3)
    weight = np.where(treated, 1.0, 0.5)
    own = WeightedSamples.of(treated[None], np.ones((1, 90), bool), weight[None], cluster[None])
    made, shares = weighted_numbers(x[None], own), weighted_shares((x > 40)[None].astype(int), 2, own)
    assert made.mean[0, 0] == pytest.approx(made.mean[0, 1])
    assert made.t.status[0] == made.rank.status[0] == shares.test.status[0] == Status.NO_INFO
    assert np.isnan([made.t.p[0], made.rank.p[0], shares.test.p[0]]).all()
    assert abs(made.smd[0]) < 1e-12


@pytest.mark.parametrize("matching", [{"ratio": 2}, {"replacement": True}])
def test_a_matching_of_nobody_or_of_one_set_ends_well(matching: dict[str, Any]) -> None:
    observed, ids = cohort()
    for kept, caliper in ((slice(None), 1e-12), (slice(0, 6), 5.0)):
        here = np.zeros(observed.present.shape, np.bool_)
        here[0, kept] = True
        plan = {"matching": {**matching, "caliper": caliper}, "propensity": {"method": "all", "candidates": ["age"]}}
        made = analyse(replace(observed, present=here), ids, Plan.model_validate_json(json.dumps(plan)))
        json.dumps(made.to_json(), allow_nan=False)
        assert all(table.rows for table in all_tables(made))
        assert kaplan_meier_of(made, "OS", "after").axes
        if caliper < 1:
            assert made.matching.status == Status.NO_PAIRS
            assert made.endpoints["OS"].after.km.control.status == Status.TOO_FEW
            assert made.endpoints["OS"].after.logrank.status == Status.TOO_FEW
            assert made.table1.after[0].status == Status.TOO_FEW


def test_what_is_no_number_or_no_level_is_bad_input() -> None:
    own = sets("variable")
    x, level = rows("variable")["x"].copy(), rows("variable")["g"].astype(np.int64)
    x[3], level[5] = np.nan, -1
    assert weighted_numbers(x[None], own).rank.status[0] == Status.BAD_INPUT
    made = weighted_shares(level[None], 4, own)
    assert made.test.status[0] == Status.BAD_INPUT
    assert np.isnan(made.share).all()
    assert weighted_numbers(np.ones((1, len(x))), own).t.status[0] == Status.NO_INFO
    with pytest.raises(ValueError, match="must agree"):
        WeightedSamples.of(own.treated, own.present, own.weight[:, 1:], None)


@cache
def cohort() -> tuple[Observed, tuple[str, ...]]:
    """Patients of whom the treated are older, which shortens life."""
    draw = np.random.default_rng(9)
    n = 260
    age, level = draw.normal(60, 9, n), draw.integers(0, 3, n)
    treated = draw.random(n) < 1 / (1 + np.exp(1.2 - (age - 60) / 9))
    time = draw.exponential(12 * np.exp(-(age - 60) / 15 + 0.4 * treated))
    event, yes = time < 20, draw.random(n) < 0.3 + 0.2 * treated
    kinds = (Variable("age", "continuous"), Variable("stage", "ordinal", ("I", "II", "III")))
    values = np.column_stack([age, level])[None]
    ones = np.ones((1, n), np.bool_)
    course = Endpoint(np.round(np.minimum(time, 20), 1)[None] + 0.1, event[None])
    return Observed(kinds, values, treated[None], ones, {"OS": course}, {"R": yes[None]}), tuple(map(str, range(n)))


@pytest.mark.parametrize(
    "matching", [{"ratio": 2}, {"ratio": 3}, {"replacement": True}, {"ratio": 2, "replacement": True}]
)
def test_a_whole_analysis_is_weighted_by_its_own_sets(matching: dict[str, Any]) -> None:
    """From the matched sets that the JSON lists, MatchIt's weights, and from these every number after matching."""
    observed, ids = cohort()
    made = analyse(
        observed, ids, Plan.model_validate({"matching": matching, "propensity": {"method": "all"}, "subgroups": None})
    )
    told = made.to_json()
    weight, cluster = np.zeros(len(ids)), np.arange(len(ids))
    for k, pair in enumerate(told["matching"]["pairs"]):
        for one in pair:
            weight[int(one)] += 1 if one == pair[0] else 1 / (len(pair) - 1)
            cluster[int(one)] = cluster[int(one)] if "replacement" in matching else -1 - k
    used = ~observed.treated[0] & (weight > 0)
    weight[used] *= used.sum() / weight[used].sum()
    here, treated = weight > 0, observed.treated[0]
    own = slow.Design(treated[here], weight[here], cluster[here])
    assert len(np.unique(weight[used])) > 1
    age = next(row for row in told["table1"]["after"] if row["variable"] == "age")
    values = observed.covariates[0, :, 0]
    for arm, who in (("control", used), ("treated", here & treated)):
        assert (age[arm]["mean"], age[arm]["sd"]) == pytest.approx(slow.mean_and_sd(values[who], weight[who]))
        assert age[arm]["n"] == who.sum()
    from scipy.stats import f as law
    from scipy.stats import t as student

    t, df = slow.t_test(values[here], own)
    assert age["tests"]["weighted_t"] == pytest.approx(2 * student.sf(abs(t), df))
    f, first, second = slow.rao_scott(observed.covariates[0, here, 1].astype(np.int64), own)
    stage = next(row for row in told["table1"]["after"] if row["variable"] == "stage")
    assert stage["p"] == pytest.approx(law.sf(f, first, second))
    f, first, second = slow.rao_scott(observed.binary["R"][0, here].astype(np.int64), own)
    assert told["binary"]["R"]["after"]["p"] == pytest.approx(law.sf(f, first, second))
    course, after = observed.endpoints["OS"], told["endpoints"]["OS"]["after"]
    u, v = slow.robust_score(course.time[0, here], course.event[0, here], own)
    assert after["logrank"]["chi2"] == pytest.approx(u * u / v)
    assert after["logrank"]["test"] == "robust score"
    assert told["endpoints"]["OS"]["before"]["logrank"]["test"] == "log-rank"
    for arm, who in (("control", used), ("treated", here & treated)):
        steps = slow.curve(course.time[0, who], course.event[0, who], weight[who], cluster[who])
        expected = slow.first_at_or_below([(time, s) for time, s, _ in steps])
        assert after["km"][arm]["median"] == (pytest.approx(expected) if np.isfinite(expected) else None)


def test_footnotes_and_the_figure_say_so() -> None:
    observed, ids = cohort()
    for matching, said_how in (({"ratio": 2}, "1:2), "), ({"replacement": True}, "with replacement), "), ({}, "")):
        made = analyse(observed, ids, Plan.model_validate({"matching": matching, "propensity": {"method": "all"}}))
        notes = {table.title.split(". ")[-1]: " ".join(table.notes) for table in all_tables(made)}
        weighted = [title for title, note in notes.items() if "weighted by the matching weights" in note]
        assert len(weighted) == (7 if matching else 0)
        assert ("robust score test" in notes["Survival before and after matching"]) == bool(matching)
        figure = kaplan_meier_of(made, "OS", "after")
        texts = said(figure.axes[0])
        assert any("robust score p" in text for text in texts) == bool(matching)
        assert any("log-rank p" in text for text in texts) != bool(matching)
        after: Median = made.endpoints["OS"].after.km.control
        assert any(f"median {after.median:.1f} ({after.low:.1f}" in text for text in texts)
        assert said_how.rstrip(", ") in " ".join(notes.values())


def test_states_and_scores_are_drawn_weighted() -> None:
    """The free of progression are the weighted Kaplan-Meier curve; the bars of the scores sum to the weights."""
    observed, ids = cohort()
    course = observed.endpoints["OS"]
    both = replace(observed, endpoints={"OS": course, "PFS": course})
    made = analyse(both, ids, Plan.model_validate({"matching": {"ratio": 3}, "propensity": {"method": "all"}}))
    group = made.after
    assert group.weight is not None
    (control, _), _ = shares_of(made, "after", "PFS", "OS")
    observed, course = made.observed, made.observed.endpoints["OS"]
    who = ~observed.treated[0] & group.present
    steps = slow.curve(course.time[0, who], course.event[0, who], group.weight[who], group.clusters[who])
    assert control.free[1:] == pytest.approx([s for _, s, _ in steps])
    axes = overlap_of(made).axes[1]
    assert axes.get_ylabel() == "Patients, weighted"
    bars = [patch.get_data().values for patch in axes.patches if hasattr(patch, "get_data")]
    assert sorted(abs(values.sum()) for values in bars) == pytest.approx(
        sorted(group.weight[arm & group.present].sum() for arm in (observed.treated[0], ~observed.treated[0]))
    )


def test_curves_with_weights_are_drawn_weighted() -> None:
    observed, ids = cohort()
    made = analyse(observed, ids, Plan.model_validate({"matching": {"ratio": 3}, "propensity": {"method": "all"}}))
    axes, observed = kaplan_meier_of(made, "OS", "after").axes[0], made.observed
    group, control = made.after, ~observed.treated[0] & made.after.present
    assert group.weight is not None
    time, event = observed.endpoints["OS"].time[0, control], observed.endpoints["OS"].event[0, control]
    curve = weighted_kaplan_meier(time, event, group.weight[control], group.clusters[control], plan=SurvivalPlan())
    plain = Curve("", time, event)
    assert plain.weight is None
    drawn = [line.get_ydata() for line in axes.lines]
    lowest = float(curve.survival[curve.n_event > 0][-1])
    assert any(len(y) > 20 and abs(float(np.min(np.asarray(y, dtype=np.float64))) - lowest) < 1e-12 for y in drawn)


def test_those_who_all_die_at_one_time_have_no_robust_variance() -> None:
    """Every score residual is zero by arithmetic; what rounding leaves (SE 7e-17, p 0.5) is no number."""
    treated = np.array([True, True, False, True, True, False, False, False, False, False])
    cluster = np.array([3, 7, 7, 8, 17, 18, 25, 28, 29, 32])
    weight = np.where(treated, 1.0, 29 / 34) * np.where(np.arange(10) == 9, 2, 1)
    course = Endpoint(np.full((1, 10), 0.5), np.ones((1, 10), np.bool_))
    group = AnalysisSet(np.ones(10, np.bool_), weight, cluster)
    for ties in ("efron", "breslow"):
        assert log_rank(course, treated, group, ties).status == Status.NO_INFO
        plan = SurvivalPlan.model_validate({"ties": ties})
        assert hazard_ratio(course, treated, group, plan).status == Status.NO_INFO
        later = Endpoint(course.time + (np.arange(10) == 2), course.event)
        assert log_rank(later, treated, group, ties).status == Status.OK
        assert hazard_ratio(later, treated, group, plan).status == Status.OK


@pytest.mark.parametrize("value", [1.0, 0.1, 1e9 / 3])
def test_a_number_that_everybody_has_is_not_tested(value: float) -> None:
    own = sets("variable")
    made = weighted_numbers(np.full((1, len(rows("variable")["x"])), value), own)
    assert made.t.status[0] == made.rank.status[0] == Status.NO_INFO
    assert np.isnan([made.t.p[0], made.rank.p[0]]).all()
    assert made.smd[0] == 0.0
    assert (made.sd == 0.0).all()
