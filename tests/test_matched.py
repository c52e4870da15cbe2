"""The estimators of the matched cohort: curves and their influence functions, strata, the bootstrap, own plans."""

import json
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from analysis.estimators import Estimate, Matched, Sample
from analysis.estimators.pair_bootstrap import matched_sets
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan
from analysis.propensity.matching import match
from analysis.survival import statistics
from analysis.survival.matched_curves import CurveMeasure, curve_difference
from benchmarks.asked.blocks import Cell
from benchmarks.truth.of_cells import find_truths
from simulator.world.generate import generate, resolve
from tests.reference.kaplan_meier import influences
from tests.test_estimators import _cohorts, _same, _sample, _slice
from tests.worlds import scenario

MATCHINGS: list[dict[str, Any]] = [
    {},
    {"method": "optimal"},
    {"distance": "mahalanobis"},
    {"exact": ["stage"]},
    {"ratio": 2},
    {"order": "random", "seed": 3},
    {"preset": "spss"},
]
KINDS: list[dict[str, Any]] = [
    {},
    {"se": "naive"},
    {"se": "bootstrap", "boots": 20},
    {"model": "stratified"},
    {"model": "stratified", "se": "naive"},
    {"model": "stratified", "se": "bootstrap", "boots": 20},
    {"measure": "rmst", "horizon": 12.0},
    {"measure": "survival", "horizon": 12.0, "se": "naive"},
    {"measure": "survival", "horizon": 12.0, "se": "bootstrap", "boots": 20},
]


def matched(**options: object) -> Matched:
    return Matched.model_validate_json(json.dumps(options))


def _estimate(**options: object) -> Estimate:
    return matched(**options).estimate(_sample(_cohorts().observed), "OS")


def _survivors(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    time, event = rng.exponential(10.0, n), rng.random(n) < 0.7
    return time.round(0) + 1.0 if n % 2 else time, event


@pytest.mark.parametrize("measure", ["rmst", "survival"])
def test_influences_are_derivatives_of_the_curve(measure: CurveMeasure) -> None:
    rng = np.random.default_rng(1)
    for n in (25, 40):
        (time, event), weight = _survivors(rng, n), rng.uniform(0.5, 2.0, n)
        horizon = float(np.quantile(time, 0.6))
        _, found = influences(time, event, weight, horizon, measure)
        for i in range(n):
            high, low = weight.copy(), weight.copy()
            high[i] += 1e-5
            low[i] -= 1e-5
            both = [influences(time, event, w, horizon, measure)[0] for w in (high, low)]
            assert found[i] == pytest.approx((both[0] - both[1]) / 2e-5, abs=1e-6)


@pytest.mark.parametrize("measure", ["rmst", "survival"])
def test_the_curve_with_unit_weights_is_kaplan_meiers(measure: CurveMeasure) -> None:
    rng = np.random.default_rng(2)
    for n in (25, 40, 400):
        time, event = _survivors(rng, n)
        horizon = float(np.quantile(time, 0.6))
        value, influence = influences(time, event, np.ones(n), horizon, measure)
        here = np.ones((1, n), np.bool_)
        if measure == "rmst":
            mean = statistics.rmst(time[None], event[None], horizon, present=here)
            expected, se = mean.value[0], mean.se[0]
        else:
            point = statistics.survival_at(time[None], event[None], horizon, present=here)
            expected, se = point.value[0], point.se[0]
        assert value == pytest.approx(expected, rel=1e-12)
        if measure == "survival":  # the jackknife of Kaplan-Meier is Greenwood's formula (no ties: exactly)
            assert np.sqrt((influence**2).sum()) == pytest.approx(se, rel=1e-9)
        else:
            assert np.sqrt((influence**2).sum()) == pytest.approx(se, rel=2.0 / n)


@pytest.mark.parametrize("measure", ["rmst", "survival"])
@pytest.mark.parametrize("given", [("weight", "cluster"), ("weight",), ("cluster",)])
def test_differences_of_a_block_are_those_of_the_twin(measure: CurveMeasure, given: tuple[str, ...]) -> None:
    rng, compared = np.random.default_rng(5), 0
    for n, ties in ((60, 4), (61, 100), (9, 2)):
        time = np.ceil(rng.exponential(10.0, (40, n)) * ties) / ties
        event, treated, here = (rng.random((40, n)) < share for share in (0.8, 0.5, 0.8))
        own = {"weight": rng.uniform(0.2, 3.0, (40, n)), "cluster": rng.integers(0, n // 2, (40, n))}
        used = {name: own[name] for name in given}
        for horizon in (2.0, 9.0, 40.0):
            found = curve_difference(time, event, treated, here, horizon, measure, **used)
            for r in np.flatnonzero(np.isin(found.status, (Status.OK, Status.NO_INFO))):
                weight, cluster = (
                    used.get("weight", np.ones((40, n)))[r],
                    used.get("cluster", np.arange(n)[None].repeat(40, 0))[r],
                )
                value, sums = 0.0, np.zeros(n)
                for sign, arm in ((1.0, here[r] & treated[r]), (-1.0, here[r] & ~treated[r])):
                    level, influence = influences(time[r, arm], event[r, arm], weight[arm], horizon, measure)
                    value += sign * level
                    sums += np.bincount(cluster[arm], sign * weight[arm] * influence, minlength=n)
                se = float(np.sqrt((sums**2).sum()))
                assert (found.status[r] == Status.NO_INFO) == (se < 1e-12 * max(horizon, 1.0))
                if se > 1e-9:
                    assert (found.value[r], found.se[r]) == pytest.approx((value, se), rel=1e-9, abs=1e-12)
                    assert found.se[r] != pytest.approx(1.1 * se, rel=1e-9)
                    compared += 1
    assert compared > 200


def test_where_everybody_is_dead_a_difference_has_no_variance() -> None:
    """Both curves have come down to 0: what is left of the variance is rounding."""
    rng = np.random.default_rng(6)
    time, treated = rng.exponential(5.0, (50, 9)), np.tile([True, False, True], (50, 3))
    weight, everyone = rng.uniform(0.2, 3.0, (50, 9)), np.ones((50, 9), np.bool_)
    found = curve_difference(time, everyone, treated, everyone, 200.0, "survival", weight=weight)
    assert found.status.tolist() == [Status.NO_INFO] * 50


def test_copies_in_one_cluster_do_not_make_an_estimate_surer() -> None:
    rng = np.random.default_rng(3)
    (time, event), treated = _survivors(rng, 80), np.arange(80) < 40
    once = curve_difference(
        time[None], event[None], treated[None], np.ones((1, 80), np.bool_), 8.0, "rmst", cluster=np.arange(80)[None]
    )
    twice, here = [np.tile(x, 2)[None] for x in (time, event, treated, np.arange(80))], np.ones((1, 160), np.bool_)
    copied = curve_difference(twice[0], twice[1], twice[2], here, 8.0, "rmst", cluster=twice[3])
    unaware = curve_difference(twice[0], twice[1], twice[2], here, 8.0, "rmst")
    assert copied.value[0] == pytest.approx(once.value[0], rel=1e-12)
    assert copied.se[0] == pytest.approx(once.se[0], rel=1e-12)
    assert unaware.se[0] < 0.75 * once.se[0]  # the planted error: copies taken for patients


@pytest.mark.parametrize("measure", ["rmst", "survival"])
def test_a_whole_weight_is_as_many_patients(measure: CurveMeasure) -> None:
    rng = np.random.default_rng(4)
    (time, event), treated, weight = _survivors(rng, 81), np.arange(81) < 40, rng.integers(1, 4, 81)
    again, here = np.repeat(np.arange(81), weight), np.ones((1, 81), np.bool_)
    whole = weight[None].astype(float)
    one = curve_difference(time[None], event[None], treated[None], here, 8.0, measure, weight=whole)
    rows, everyone = (time[again][None], event[again][None], treated[again][None]), np.ones((1, len(again)), np.bool_)
    copies = curve_difference(*rows, everyone, 8.0, measure, cluster=again[None])
    assert one.value[0] == pytest.approx(copies.value[0], rel=1e-12)
    assert one.se[0] == pytest.approx(copies.se[0], rel=1e-12)


def test_the_statuses_of_curves() -> None:
    time = np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    treated, here = np.array([[True, False] * 3]), np.ones((1, 6), np.bool_)
    dead = np.array([[True, True, False, True, False, False]])

    def status(event: Any, horizon: float, alone: bool = True) -> int:
        cluster = np.arange(6) if alone else np.zeros(6, int)
        return int(curve_difference(time, event, treated, here, horizon, "rmst", cluster=cluster[None]).status[0])

    assert status(dead, 4.5, alone=False) == Status.NO_INFO  # one cluster has no variance but that of rounding
    assert status(dead, 4.5) == Status.OK
    assert status(dead, 5.5) == Status.TOO_FEW
    assert status(dead, 0.5) == Status.NO_INFO
    assert status(~here, 4.5) == Status.NO_EVENTS


@pytest.mark.parametrize("options", KINDS)
@pytest.mark.parametrize("matching", [MATCHINGS[0], MATCHINGS[4], MATCHINGS[6]])
def test_a_replicate_alone_gives_the_same_bits(options: dict[str, Any], matching: dict[str, Any]) -> None:
    observed = _cohorts().observed
    estimator = matched(**options, matching=matching)
    whole, part = (estimator.estimate(s, "OS") for s in (_sample(observed), _sample(_slice(observed, slice(4, 6)), 4)))
    assert _same(whole, part, slice(4, 6))
    assert (whole.status == Status.OK).all()
    assert np.isfinite(whole.se).all()


@pytest.mark.parametrize("matching", MATCHINGS)
def test_a_matching_of_ones_own_is_that_of_the_plan(matching: dict[str, Any]) -> None:
    observed = _cohorts().observed
    study = Plan.model_validate_json(json.dumps({"matching": matching, "propensity": {"method": "all"}}))
    there = Matched().estimate(Sample(observed, study, np.arange(12)), "OS")
    here = matched(matching=matching, propensity={"method": "all"}).estimate(_sample(observed), "OS")
    assert _same(there, here)
    assert not matching or not _same(_estimate(), here)


def test_what_estimators_share_is_worked_out_once() -> None:
    sample = _sample(_cohorts().observed)
    for options in ({}, {"se": "naive"}, {"matching": {}}, {"matching": {"ratio": 2}}, {"propensity": {}}):
        matched(**options).estimate(sample, "OS")
    assert len([key for key in sample.kept if key[0] == "matching"]) == 2
    assert len([key for key in sample.kept if key[0] == "propensity"]) == 1


def test_the_stratified_model_is_that_of_the_pairs() -> None:
    """With one treated and one control a pair says only who of them died first, while the other was at risk."""
    cohorts = _cohorts()
    sample = _sample(cohorts.observed)
    found = matched(model="stratified", se="naive").estimate(sample, "OS")
    course = cohorts.observed.endpoints["OS"]
    for r in range(12):
        wins = [0, 0]
        for i in np.flatnonzero(sample.matching.controls[r, :, 0] >= 0):
            j = sample.matching.controls[r, i, 0]
            wins[0] += course.event[r, i] and course.time[r, i] < course.time[r, j]
            wins[1] += course.event[r, j] and course.time[r, j] < course.time[r, i]
        assert found.value[r] == pytest.approx(np.log(wins[0] / wins[1]), abs=1e-9)
        assert found.se[r] == pytest.approx(np.sqrt(1 / wins[0] + 1 / wins[1]), rel=1e-8)


def test_sets_hold_their_members() -> None:
    score = np.array([[1.0, 2.0, 3.0, 1.1, 2.1, 2.15]])
    made = match(score, np.arange(6)[None] < 3, caliper=0.2, unit="raw", ratio=2)
    assert matched_sets(made)[0].tolist() == [[0, 3, -1], [1, 4, 5]]


def test_the_bootstrap_of_pairs_agrees_with_the_pairs_formula() -> None:
    """Both are variances of the mean over pairs: on average they agree, and one that breaks pairs does not."""
    world = scenario(
        population={
            "size": 300,
            "covariates": {
                "age": {"kind": "continuous", "mean": 60.0, "sd": 8.0, "bounds": (30.0, 90.0)},
                "stage": {"kind": "binary", "shares": {"early": 0.5, "late": 0.5}},
            },
        },
        outcomes={
            "progression": {"baseline": {"kind": "exponential", "rate": 0.0}},
            "death": {
                "baseline": {"kind": "weibull", "shape": 2.0, "scale": 20.0},
                "log_hr": {"stage": 3.0},
                "treatment": {"log_hr": -0.5},
            },
            "death_after_progression": {"baseline": {"kind": "exponential", "rate": 0.1}},
        },
    )
    numbers = np.arange(40, dtype=np.int64)
    sample = Sample(generate(resolve(world), 3, numbers).observed, world.analysis, numbers)
    se = {kind: matched(se=kind).estimate(sample, "OS").se for kind in ("pair", "naive", "bootstrap")}
    ratio = se["bootstrap"] / se["pair"]
    error = ratio.std(ddof=1) / np.sqrt(40)
    assert abs(ratio.mean() - 1) < 4 * error + 0.03  # 0.03: what the jackknife lacks with about 80 pairs
    assert abs((se["bootstrap"] / se["naive"]).mean() - 1) > 4 * error + 0.03


@pytest.mark.parametrize(("measure", "se"), [("rmst", "pair"), ("survival", "pair"), ("survival", "bootstrap")])
def test_standard_errors_are_the_spread_of_the_estimates(measure: str, se: str) -> None:
    numbers = np.arange(600, dtype=np.int64)
    world = scenario()
    sample = Sample(generate(resolve(world), 3, numbers).observed, world.analysis, numbers)
    found = matched(measure=measure, horizon=12.0, se=se, **({"boots": 40} if se == "bootstrap" else {})).estimate(
        sample, "OS"
    )
    squares = (found.value - found.value.mean()) ** 2 * 600 / 599
    assert (found.status == Status.OK).all()

    def z(factor: float) -> float:
        gap = squares - (factor * found.se) ** 2
        return float(gap.mean() / (gap.std(ddof=1) / np.sqrt(600)))

    assert abs(z(1.0)) < 4
    assert abs(z(1.25)) > 4  # and one too wide by a quarter would be noticed


def test_draws_are_the_studys_own() -> None:
    observed = _cohorts().observed
    estimator = matched(se="bootstrap", boots=20, matching={"ties": "data"})  # so that the sets are the same
    samples = [Sample(observed, scenario().analysis, np.arange(12), seed) for seed in (1, 1, 2)]
    one, again, other = (estimator.estimate(sample, "OS") for sample in samples)
    assert _same(one, again)
    assert np.array_equal(one.value, other.value)
    assert not np.array_equal(one.se, other.se)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"measure": "rmst"}, "need one"),
        ({"horizon": 12.0}, "need one"),
        ({"measure": "survival", "horizon": 12.0, "model": "stratified"}, "nothing else has its strata"),
        ({"boots": 100}, "se: bootstrap"),
        ({"matching": {"preset": "sas", "caliper": 0.1}}, "excludes 'caliper'"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], part: str) -> None:
    with pytest.raises(ValidationError) as caught:
        matched(**options)
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"matching": {"exact": ("centre",)}}, "matching.exact.0: 'centre': no variable"),
        ({"propensity": {"candidates": ("agee",)}}, "propensity.candidates.0"),
        ({"matching": {"replacement": True}, "se": "bootstrap"}, "without replacement"),
        ({"matching": {"replacement": True}, "model": "stratified"}, "without replacement"),
    ],
)
def test_a_plan_that_does_not_fit_the_world_is_refused(options: dict[str, Any], part: str) -> None:
    with pytest.raises(ValidationError) as caught:
        scenario(estimators=({"kind": "matched", "name": "own", **options},))
    assert part in str(caught.value)
    assert "'own'" in str(caught.value)


def test_the_estimand_remembers_who_was_matched() -> None:
    """The truth in the matched is that of the estimator's own matching: where the effect differs, so do the truths."""
    outcomes = {
        "progression": {"baseline": {"kind": "exponential", "rate": 0.0}},
        "death": {
            "baseline": {"kind": "exponential", "rate": 0.05},
            "treatment": {"log_hr": -0.5, "modifiers": {"stage": 0.9}},
        },
        "death_after_progression": {"baseline": {"kind": "exponential", "rate": 0.1}},
    }
    wide = {"matching": {"caliper": None}, "endpoints": ("OS",)}
    asked = scenario(
        outcomes=outcomes,
        estimators=(
            {"kind": "matched", "endpoints": ("OS",)},
            {"kind": "matched", "name": "wide", **wide},
            {"kind": "matched", "name": "again", "se": "naive", **wide},
            {"kind": "matched", "name": "same", "matching": {}, "endpoints": ("OS",)},
            {"kind": "matched", "name": "pairs", "model": "stratified", **wide},
        ),
        run={"replicates": 30, "seed": 5, "truth_patients": 40_000},
    )
    truths = find_truths(Cell(0, {}, asked, resolve(asked)), 1, lambda _: None)
    assert truths["OS", "matched"].estimand.matched_by == truths["OS", "same"].estimand.matched_by == ""
    assert truths["OS", "wide"].value == truths["OS", "again"].value
    assert truths["OS", "wide"].value != truths["OS", "matched"].value
    assert truths["OS", "pairs"].estimand.measure == "conditional_log_hr"
    assert np.isfinite(truths["OS", "pairs"].value)
