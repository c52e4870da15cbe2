"""Weighted matched samples: rows in any order, too few, none alike, and whole analyses of cohorts."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes

from analysis.figures.balance import overlap_of
from analysis.figures.states import shares_of
from analysis.figures.survival import Curve, kaplan_meier_of
from analysis.kernels.status import Status
from analysis.paper.effects import AnalysisSet, Median, hazard_ratio, log_rank
from analysis.paper.workflow import analyse
from analysis.plan.analysis_plan import Plan, SurvivalPlan
from analysis.survival.weighted_survival import robust_score, weighted_kaplan_meier, weighted_quantile
from analysis.tables.cohort_tables import all_tables
from analysis.two_samples.weighted_samples import WeightedSamples, weighted_numbers, weighted_shares
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.terms import Variable
from tests.reference import weighted_samples as slow
from tests.survey_samples import CONTINUOUS, rows, sample, sets


def said(axes: Axes) -> list[str]:
    """What is written in the axes."""
    return [text.get_text() for text in axes.texts]


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
