"""Truths from curves are as exact as the courses that they are counted from, wherever events lie."""

from typing import Any

import numpy as np
import pytest

from analysis.survival.statistics import cox
from benchmarks.asked.blocks import Cell
from benchmarks.truth.counted import Patients, Truth, count_block, counted_truth
from benchmarks.truth.of_cells import find_truths
from benchmarks.truth.tallies import medians
from simulator.cohort.estimand import Estimand
from simulator.world.generate import generate, resolve
from simulator.world.strategies import followed
from tests.worlds import scenario, tree

DAY_ONE = {"accrual": {"start": "2000-01-01", "end": "2000-01-01"}}


def outcomes(**death: Any) -> dict[str, Any]:
    """Outcomes in which death alone happens, alike in all patients."""
    plain = {"baseline": {"kind": "exponential", "rate": 0.05}, "log_hr": {}, "treatment": {"log_hr": -0.7}}
    return {**tree()["outcomes"], "death": {**plain, **death}}


def counted(world: Any, asked: Estimand) -> Truth:
    """The truth from all patients allowed."""
    work = Patients(world, resolve(world))
    at, numbers = work.bounds(asked), np.arange(work.most)
    return counted_truth(work, asked, at, count_block(work, [(asked, at)], numbers)[0], work.most)


def of_everyone(measure: Any = "marginal_log_hr", endpoint: str = "OS", **more: Any) -> Estimand:
    """An estimand of all patients."""
    return Estimand(population="all", measure=measure, endpoint=endpoint, **more)


@pytest.mark.parametrize("cut_off", ["2002-01-01", "2010-01-01", "2100-01-01", "9999-12-31"])
def test_a_far_cut_off_changes_no_truth_of_proportional_hazards(cut_off: str) -> None:
    world = scenario(outcomes=outcomes(), entry=DAY_ONE, followup={"cut_off": cut_off})
    ratio = counted(world, of_everyone())
    assert abs(ratio.value + 0.7) < 4 * ratio.mcse
    assert 0 < 4 * ratio.mcse < 0.07
    median = counted(world, of_everyone("median_difference", follow_up="complete"))
    exact = np.log(2) / 0.05 * (np.exp(0.7) - 1)
    assert abs(median.value - exact) < 4 * median.mcse
    assert 0 < 4 * median.mcse < exact / 10


def test_an_acute_disease_accrued_for_twenty_years() -> None:
    world = scenario(
        outcomes=outcomes(baseline={"kind": "exponential", "rate": 3.0}),
        entry={"accrual": {"start": "2000-01-01", "end": "2020-01-01"}},
        followup={"cut_off": "2021-01-01"},
    )
    truth = counted(world, of_everyone())
    assert abs(truth.value + 0.7) < 4 * truth.mcse < 0.05


SHAPES = {
    "waning": {
        "outcomes": outcomes(treatment={"log_hr": (-1.2, 0.0), "cuts": (6.0,)}),
        "followup": {"cut_off": "2090-01-01"},
    },
    "prognosis": {"outcomes": outcomes(log_hr={"stage": 2.0}, treatment={"log_hr": -1.5})},
    "visits": {
        "outcomes": {
            **outcomes(),
            "progression": {"baseline": {"kind": "exponential", "rate": 0.15}, "treatment": {"log_hr": -0.8}},
        },
        "followup": {"cut_off": "2024-01-01", "visit_months": {"C": 3.0, "T": 3.0}},
    },
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("endpoint", ["OS", "PFS"])
def test_counts_give_what_a_cox_model_of_the_same_courses_finds(shape: str, endpoint: str) -> None:
    """Within a tenth of the Monte Carlo error, where the ratio depends on follow-up, and where many are tied."""
    world = scenario(**SHAPES[shape])
    truth = counted(world, of_everyone(endpoint=endpoint))
    hidden = generate(resolve(world), world.run.seed, np.arange(Patients(world, resolve(world)).most)).hidden
    zero, one = hidden.potential[endpoint]
    time, event = (np.concatenate([getattr(a, what).ravel() for a in (zero, one)]) for what in ("time", "event"))
    fit = cox(time[None], event[None], np.repeat([0.0, 1.0], zero.time.size)[None, :, None])
    assert abs(truth.value - float(fit.beta[0, 0])) < 0.1 * truth.mcse
    assert truth.mcse > 0


def test_a_median_among_visits_is_a_visit() -> None:
    """Everybody who progresses does so at a visit, and nothing else happens: no median lies between two."""
    visits = {"cut_off": "2024-01-01", "visit_months": {"C": 2.0, "T": 2.0}}
    never = {"baseline": {"kind": "exponential", "rate": 0.0}}
    progression = {"baseline": {"kind": "exponential", "rate": 0.2}, "treatment": {"log_hr": -0.9}}
    world = scenario(outcomes={**tree()["outcomes"], "progression": progression, "death": never}, followup=visits)
    truth = counted(world, of_everyone("median_difference", "PFS", follow_up="complete"))
    assert truth.value == pytest.approx(10.0 - 4.0, abs=1e-9)  # medians 3.5 and 8.5 between visits


def test_a_median_that_is_not_reached_is_told() -> None:
    no_tail = outcomes(baseline={"kind": "piecewise", "cuts": (6.0, 12.0), "rates": (0.0, 0.05, 0.0)})
    world = scenario(outcomes=no_tail, estimators=({"kind": "median", "endpoints": ("OS",)},))
    truth = find_truths(Cell(0, {}, world, resolve(world)), 1, lambda _: None)["OS", "median"]
    assert np.isnan(truth.value)
    assert truth.how == "not reached: fewer than half have the event in C and T"


def test_a_median_of_counts_by_hand() -> None:
    """Bins (0, 1], (1, 3], (3, 4] and beyond: half of eight after (4 - 2) / 4 of the second, of six never."""
    counts = np.array([[[2, 4, 1, 1], [2, 4, 1, 0]], [[1, 1, 1, 3], [1, 1, 0, 0]]])
    assert medians(counts, np.array([1.0, 3.0, 4.0])) == (2.0, np.inf)


def test_a_landmark_asks_for_hazards_after_it() -> None:
    """An effect of the first three months alone leaves none after a landmark at three, but for who survives to it."""
    early = outcomes(treatment={"log_hr": (-1.5, 0.0), "cuts": (3.0,)})
    alike = counted(scenario(outcomes=early), of_everyone(landmark=3.0))
    assert abs(alike.value) < 4 * alike.mcse < 0.1
    whole = counted(scenario(outcomes=early), of_everyone())
    assert whole.value < -10 * whole.mcse


WAIT = {"kind": "exponential", "rate": 0.3}
BY_SIX = {"kind": "piecewise", "cuts": (5.9,), "rates": (0.3, 1000.0)}


@pytest.mark.parametrize(("wait", "exact"), [(BY_SIX, 0.508), (WAIT, 0.551)])
def test_clone_censor_weight_is_judged_by_its_strategies(wait: dict[str, Any], exact: float) -> None:
    """Hazard 0.05, log HR -1 from the start on, 60 % assigned, cut off at 24 months, grace 6.

    Both exact values were found by simulating 400,000 patients a strategy in R (coxph, SE 0.003).
    """
    world = scenario(
        population={"size": 1000, "covariates": tree()["population"]["covariates"]},
        outcomes=outcomes(treatment={"log_hr": -1.0}),
        treatment={"kind": "prevalence", "share": 0.6, "start": {"wait": wait}},
        entry=DAY_ONE,
        followup={"cut_off": "2002-01-01"},
        run={"replicates": 10, "seed": 5, "truth_patients": 200_000},
    )
    truth = counted(world, of_everyone(grace=6.0))
    assert abs(np.exp(truth.value) - exact) < 4 * np.hypot(truth.mcse * exact, 0.002)
    by_assignment = counted(world, of_everyone())
    assert abs(by_assignment.value - truth.value) > 10 * truth.mcse


def test_strategies_at_time_zero_are_the_two_arms() -> None:
    """Without a wait and without grace, to start within it is to be treated, and not to is not to be."""
    world = scenario()
    made = resolve(world)
    hidden = generate(made, 5, np.arange(3)).hidden
    for name, both in followed(made, 5, np.arange(3), 0.0).items():
        for one, other in zip(both, hidden.potential[name], strict=True):
            assert one.time == pytest.approx(other.time, rel=1e-12)
            assert np.array_equal(one.event, other.event)


CENTRES = {
    "covariates": tree()["population"]["covariates"],
    "hidden": {"centre": {"kind": "nominal", "shares": {"A": 0.5, "B": 0.5}}},
}


@pytest.mark.parametrize(("sd", "exact", "spread"), [(0.5, 0.522, 0.0015), (1.0, 0.558, 0.003)])
def test_centres_are_those_of_each_trial(sd: float, exact: float, spread: float) -> None:
    """Two centres, hazard 0.05, log HR -0.7, ten years: the mean log HR of a trial's own centres.

    Exact values by quadrature of the score in R over 2,000 draws of both centres' effects.
    """
    world = scenario(
        population={"size": 1000, **CENTRES},
        outcomes=outcomes(),
        centres={"covariate": "centre", "sd": {"death": sd}},
        entry=DAY_ONE,
        followup={"cut_off": "2010-01-01"},
        estimators=({"kind": "crude", "endpoints": ("OS",)},),
        run={"replicates": 10, "seed": 5, "truth_patients": 1_000_000},
    )
    truth = find_truths(Cell(0, {}, world, resolve(world)), 2, lambda _: None)["OS", "crude"]
    assert abs(truth.value - np.log(exact)) < 4 * np.hypot(truth.mcse, spread)
    assert truth.mcse < 0.015
    pooled = counted(world, of_everyone())
    assert pooled.value - truth.value > 3 * truth.mcse
