"""Estimators of an endpoint with competing events: against R from the cohort on, by identities, and their options.

R's numbers are those of `tests/oracle/competing_estimators.R`; the functions below them have 300 sets of their own in
test_against_r_competing.py.
"""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from analysis.estimators import (
    Adjusted,
    Crude,
    EntropyBalance,
    Estimate,
    FineGray,
    IncidenceDifference,
    Ipw,
    Matched,
    Own,
    RmstDifference,
    Sample,
    SurvivalDifference,
)
from analysis.estimators.own import columns_of
from analysis.estimators.resampling import drawn_patients, resampled
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import CoxPlan, MatchingPlan, Plan, PropensityPlan
from analysis.survival.fine_gray import fine_gray
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.terms import Variable
from tests import oracle
from tests.reference import competing as slow

FROZEN: dict[str, Any] = json.loads((oracle.HERE / "competing_estimators.json").read_text())
ROWS = np.loadtxt(oracle.HERE / "competing_estimators.csv", delimiter=",", skiprows=1, dtype=np.int64)
AT = 0.75
MEASURES = ("incidence", "incidence_ratio", "rmtl", "subdistribution_hr")
NAME = "relapse"
PLAN = Plan(
    matching=MatchingPlan(ties="data"),
    propensity=PropensityPlan(method="all", candidates=("x", "s")),
    cox=CoxPlan(covariates=("x", "s")),
)


def of_measure(measure: str) -> Any:
    """The options of an estimator of a measure."""
    return {"measure": measure} if measure == "subdistribution_hr" else {"measure": measure, "horizon": AT}


@cache
def sample() -> Sample:
    """The four cohorts of the file as a block."""
    number, time, cause, arm, x, s = ROWS.T.reshape(6, 4, -1)
    assert (number == np.arange(1, 5)[:, None]).all()
    observed = Observed(
        (Variable("x", "continuous"), Variable("s", "binary", ("no", "yes"))),
        np.stack([x / 1024, s], axis=-1),
        arm == 1,
        np.ones(arm.shape, np.bool_),
        {NAME: Endpoint(time / 1024, cause == 1, cause == 2), "any": Endpoint(time / 1024, cause > 0)},
        {},
    )
    return Sample(observed, PLAN, np.arange(4, dtype=np.int64))


def close(made: Estimate, what: str, measure: str, se: str = "se") -> None:
    """Value and SE are R's to 1e-8 in every cohort."""
    said = [FROZEN[str(k)][what][measure] if measure else FROZEN[str(k)][what] for k in range(1, 5)]
    assert (made.status == Status.OK).all()
    np.testing.assert_allclose(made.value, [one["value"] for one in said], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(made.se, [one[se] for one in said], rtol=1e-8)


@pytest.mark.parametrize("measure", MEASURES)
def test_in_everyone_they_are_rs(measure: str) -> None:
    one: Any = FineGray() if measure == "subdistribution_hr" else IncidenceDifference(measure=measure, horizon=AT)  # type: ignore[arg-type]
    close(one.estimate(sample(), NAME), "crude", measure)


def test_the_adjusted_model_is_rs() -> None:
    close(FineGray(adjusted=True).estimate(sample(), NAME), "adjusted", "")


@pytest.mark.parametrize("measure", MEASURES)
def test_after_matching_they_are_rs_by_pairs_and_by_patients(measure: str) -> None:
    assert sample().matching.n_pairs.tolist() == [FROZEN[str(k)]["pairs"] for k in range(1, 5)]
    close(Matched(**of_measure(measure)).estimate(sample(), NAME), "matched", measure)
    close(Matched(se="naive", **of_measure(measure)).estimate(sample(), NAME), "alone", measure)


@pytest.mark.parametrize("measure", MEASURES)
def test_weighted_they_are_rs(measure: str) -> None:
    close(Ipw(**of_measure(measure)).estimate(sample(), NAME), "weighted", measure)
    close(Ipw(se="naive", **of_measure(measure)).estimate(sample(), NAME), "weighted", measure, "naive")


@pytest.mark.parametrize("measure", MEASURES)
def test_sets_of_several_are_weighted_and_clustered(measure: str) -> None:
    """1:2 matching and the slow twin: the matching's weights, the jackknife within sets."""
    here, (row, at) = sample().under(Plan(**{**dict(PLAN), "matching": MatchingPlan(ratio=2)})), (0, AT)
    found, who = Matched(**of_measure(measure)).estimate(here, NAME), here.matched[row]
    course, weight, sets = here.observed.endpoints[NAME], here.matching.weight[row, who], here.matching.pair[row, who]
    time, kind, arm = course.time[row, who], course.causes[row, who], here.observed.treated[row, who]
    assert len(set(weight.round(9))) > 1
    if measure == "subdistribution_hr":
        nobody = np.zeros(len(time), np.int64)
        said = slow.fine_gray(time, kind, arm[:, None].astype(float), weight, sets, nobody, nobody)
        assert found.value[row] == pytest.approx(said.beta[0], rel=1e-8)
        assert found.se[row] == pytest.approx(said.robust[0, 0] ** 0.5, rel=1e-8)
        return

    def contrast(w: Any) -> Any:
        curve = slow.time_lost if measure == "rmtl" else slow.incidence
        zero, one = (curve(time[arm == a], kind[arm == a], w[arm == a], at) for a in (0, 1))
        return np.log(one / zero) if measure == "incidence_ratio" else one - zero

    assert found.value[row] == pytest.approx(contrast(weight), rel=1e-9)
    assert found.se[row] == pytest.approx(slow.jackknife(contrast, weight, sets), rel=1e-5)


@pytest.mark.parametrize("measure", ["incidence", "incidence_ratio", "rmtl"])
@pytest.mark.parametrize("kind", [Ipw, pytest.param(EntropyBalance, marks=pytest.mark.slow)])
def test_the_se_that_estimates_the_weights_is_the_jackknife_of_all_steps(kind: Any, measure: str) -> None:
    """Each patient stands there ten times, and one of the ten is left out, weights made anew: within 1 % of it."""
    times, row, n = 10, 1, 160
    one = kind(se="estimated", **of_measure(measure))
    whole = one.estimate(sample(), NAME).se[row]

    def many(part: Any) -> Any:
        return np.broadcast_to(np.repeat(part[row], times, axis=0), (n, n * times, *part.shape[2:]))

    left = replace(
        sample().observed,
        covariates=many(sample().observed.covariates),
        treated=many(sample().observed.treated),
        present=np.arange(n * times) != times * np.arange(n)[:, None],
        endpoints={NAME: Endpoint(many(_course().time), many(_course().event), many(_rival()))},
    )
    values = one.estimate(Sample(left, PLAN, np.arange(n, dtype=np.int64)), NAME).value
    assert whole == pytest.approx(times * np.sqrt(((values - values.mean()) ** 2).sum()), rel=0.01)
    assert measure == "rmtl" or abs(kind(**of_measure(measure)).estimate(sample(), NAME).se[row] / whole - 1) > 0.01


def _course() -> Endpoint:
    return sample().observed.endpoints[NAME]


def _rival() -> Any:
    return _course().competing


def test_without_competing_events_they_are_survival_and_cox() -> None:
    here = sample()
    for measure, other in (("incidence", SurvivalDifference(at=AT)), ("rmtl", RmstDifference(horizon=AT))):
        lost = IncidenceDifference(measure=measure, horizon=AT).estimate(here, "any")  # type: ignore[arg-type]
        kept = other.estimate(here, "any")  # type: ignore[attr-defined]
        np.testing.assert_allclose(lost.value, -kept.value, rtol=1e-9)
        np.testing.assert_allclose(lost.se, kept.se, rtol=1e-9)
    for gray, cox in ((FineGray(), Crude()), (FineGray(adjusted=True), Adjusted())):
        np.testing.assert_allclose(gray.estimate(here, "any").value, cox.estimate(here, "any").value, rtol=1e-9)


def test_censoring_may_be_estimated_in_each_arm() -> None:
    here, course = sample(), _course()
    arm = here.observed.treated
    said = fine_gray(course.time, course.causes, arm[..., None].astype(float), censoring=arm.astype(int))
    made = FineGray(censoring="by_arm").estimate(here, NAME)
    assert np.array_equal(made.value, said.beta[:, 0])
    assert not np.array_equal(made.value, FineGray().estimate(here, NAME).value)
    kept = here.matched
    pairs = fine_gray(course.time, course.causes, arm[..., None].astype(float), censoring=arm.astype(int), present=kept)
    weighted = Ipw(**of_measure("subdistribution_hr"), censoring="by_arm").estimate(here, NAME)
    assert (
        Matched(censoring="by_arm", measure="subdistribution_hr").estimate(here, NAME).value == pairs.beta[:, 0]
    ).all()
    assert not np.array_equal(weighted.value, Ipw(**of_measure("subdistribution_hr")).estimate(here, NAME).value)
    drawn = Matched(censoring="by_arm", measure="subdistribution_hr", se="bootstrap", boots=20)
    pooled = Matched(measure="subdistribution_hr", se="bootstrap", boots=20)
    assert not np.array_equal(drawn.estimate(here, NAME).se, pooled.estimate(here, NAME).se)


EVERY = [
    *(IncidenceDifference(measure=measure, horizon=AT) for measure in ("incidence", "incidence_ratio", "rmtl")),
    FineGray(),
    FineGray(adjusted=True, censoring="by_arm"),
    *(Matched(se=se, **of_measure(measure)) for measure in MEASURES for se in ("pair", "naive")),  # type: ignore[arg-type]
    *(Ipw(target=target, **of_measure(measure)) for measure in MEASURES for target in ("att", "overlap")),  # type: ignore[arg-type]
    *(EntropyBalance(**of_measure(measure)) for measure in MEASURES),
    Ipw(se="estimated", measure="incidence", horizon=AT),
]


@pytest.mark.parametrize("one", EVERY, ids=lambda one: f"{one.kind} {getattr(one, 'measure', '')}")
@pytest.mark.parametrize("ratio", [1, 2])
def test_a_cohort_alone_gives_the_same_bits(one: Any, ratio: int) -> None:
    plan = Plan(**{**dict(PLAN), "matching": MatchingPlan(ratio=ratio)})
    whole = one.estimate(sample().under(plan), NAME)
    for row in range(4):
        rows, observed = slice(row, row + 1), sample().observed
        course = Endpoint(_course().time[rows], _course().event[rows], _rival()[rows])
        parts = {name: getattr(observed, name)[rows] for name in ("covariates", "treated", "present")}
        alone = one.estimate(Sample(replace(observed, **parts, endpoints={NAME: course}), plan, np.array([row])), NAME)
        for name in ("value", "se", "low", "high", "p", "n", "events", "status"):
            assert getattr(whole, name)[row] == getattr(alone, name)[0], (row, name)


def test_the_bootstrap_draws_competing_events_with_their_patients() -> None:
    drawn, (chosen, _) = resampled(sample(), NAME, 3), drawn_patients(sample(), 3)
    course = drawn.observed.endpoints[NAME]
    assert course.competing is not None
    assert np.array_equal(course.competing, np.take_along_axis(_rival(), chosen, axis=1))
    assert not (course.competing & course.event).any()


@pytest.mark.parametrize("measure", MEASURES)
def test_bootstrap_errors_are_near_the_robust_ones(measure: str) -> None:
    """Of 300 draws, whose SD has an error of 4 %: of patients with weights made anew, and of pairs."""
    pairs = Matched(se="bootstrap", boots=300, **of_measure(measure)).estimate(sample(), NAME)
    np.testing.assert_allclose(pairs.se, Matched(**of_measure(measure)).estimate(sample(), NAME).se, rtol=0.25)
    weighted = Ipw(se="bootstrap", resamples=300, **of_measure(measure)).estimate(sample(), NAME)
    np.testing.assert_allclose(weighted.se, Ipw(**of_measure(measure)).estimate(sample(), NAME).se, rtol=0.25)
    assert (pairs.value == Matched(**of_measure(measure)).estimate(sample(), NAME).value).all()


def test_what_goes_wrong_has_a_status() -> None:
    observed, course = sample().observed, _course()
    event, rival, treated = course.event.copy(), _rival().copy(), observed.treated.copy()
    event[0] = False  # nobody has the event
    treated[1] = False  # one arm
    event[2] &= ~treated[2]  # no event of the treated
    sick = replace(observed, treated=treated, endpoints={NAME: Endpoint(course.time, event, rival)})
    here = Sample(sick, PLAN, np.arange(4, dtype=np.int64))
    said = {
        "incidence": [Status.NO_EVENTS, Status.TOO_FEW, Status.OK],
        "incidence_ratio": [Status.NO_EVENTS, Status.TOO_FEW, Status.NO_INFO],
        "rmtl": [Status.NO_EVENTS, Status.TOO_FEW, Status.OK],
    }
    for measure, states in said.items():
        found = IncidenceDifference(measure=measure, horizon=AT).estimate(here, NAME)  # type: ignore[arg-type]
        assert found.status[:3].tolist() == states, measure
        assert np.isnan(found.value[:2]).all()
    assert FineGray().estimate(here, NAME).status[:3].tolist() == [Status.NO_EVENTS, Status.NO_INFO, Status.MONOTONE]
    late = IncidenceDifference(horizon=1e3).estimate(sample(), NAME)
    assert (late.status == Status.TOO_FEW).all()


def test_options_that_do_not_go_together_are_refused() -> None:
    for one, wrong in (
        (Matched, {"measure": "incidence"}),
        (Matched, {"measure": "subdistribution_hr", "horizon": 2.0}),
        (Matched, {"measure": "subdistribution_hr", "model": "stratified"}),
        (Ipw, {"measure": "rmtl"}),
        (Ipw, {"censoring": "by_arm"}),
        (Matched, {"censoring": "by_arm"}),
        (Ipw, {"measure": "subdistribution_hr", "horizon": 2.0}),
        (Ipw, {"measure": "subdistribution_hr", "se": "estimated"}),
        (Ipw, {"measure": "incidence", "horizon": 2.0, "target": "ate", "stabilised": True}),
    ):
        with pytest.raises(ValidationError):
            one(**wrong)  # type: ignore[arg-type]


def test_an_own_function_is_told_who_had_a_competing_event() -> None:
    columns = columns_of(sample(), NAME, 1)
    assert np.array_equal(columns["competing"], _rival()[1])
    assert "competing" not in columns_of(sample(), "any", 1)
    function = "tests.own_functions:peto"
    asked = Own(name="mine", function=function, measure="incidence_difference", horizon=2.0).estimand(NAME, PLAN, {})
    assert (asked.measure, asked.horizon, asked.follow_up) == ("incidence_difference", 2.0, "complete")
    with pytest.raises(ValidationError, match="needs a 'horizon'"):
        Own(name="mine", function=function, measure="rmtl_difference")
    with pytest.raises(ValidationError, match="needs 'adjusted_for'"):
        Own(name="mine", function=function, measure="conditional_subdistribution_log_hr")
