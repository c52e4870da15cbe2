"""Truths of cumulative incidences and of the subdistribution hazard ratio, where theory gives them."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from analysis.estimators import FineGray, IncidenceDifference, Sample
from analysis.survival.fine_gray import fine_gray
from benchmarks.asked.blocks import Cell
from benchmarks.asked.scenario import Scenario
from benchmarks.performance.measures import performance
from benchmarks.truth import counted
from benchmarks.truth.counted import Patients, Truth, count_block, counted_truth
from benchmarks.truth.of_cells import target_estimand, truths_of
from simulator.cohort.estimand import Estimand
from simulator.mechanisms.entry import months_between
from simulator.world.generate import generate, resolve
from tests.coupled import independent
from tests.graphs import constant, tree

STATES = ("well", "relapsed", "dead")
RATES, EFFECTS, STAGE = (0.06, 0.05), (-0.7, 0.4), 0.6
DROPOUT = (0.01, 0.05)
END = "2022-01-01"
HORIZON = 12.0


def world(effects: tuple[float, float] = EFFECTS, stage: float = STAGE, **changes: Any) -> Scenario:
    """Relapse and death, of constant hazards; late stages relapse more, and are treated more."""
    ways = {
        "relapse": constant(
            RATES[0], "well", "relapsed", treatment={"log_hr": effects[0]}, log_hr={"stage": stage} if stage else {}
        ),
        "death": constant(RATES[1], "well", "dead", treatment={"log_hr": effects[1]}),
    }
    left = {arm: {"kind": "exponential", "rate": rate} for arm, rate in zip("CT", DROPOUT, strict=True)}
    made = {
        "endpoints": {"relapse": {"event": "relapsed", "competing": "dead"}},
        "followup": {"cut_off": END, "dropout": left},
        "treatment": {"kind": "prevalence", "share": 0.5, "log_odds": {"stage": 1.0}},
        "run": {"truth_patients": 300_000, "seed": 4},
        "estimators": ({"kind": "incidence", "horizon": HORIZON}, "fine-gray"),
        **changes,
    }
    size = made.pop("size", 500)
    made["population"] = {**tree(STATES, ways)["population"], "size": size}
    return Scenario.model_validate(tree(STATES, ways, **made))


def asked(measure: Any, **more: Any) -> Estimand:
    """The question about everyone."""
    return Estimand(**{"population": "all", "endpoint": "relapse", "measure": measure, **more})


def found(scenario: Scenario, estimand: Estimand) -> Truth:
    """The truth from all patients allowed."""
    cell = Cell(0, {}, scenario, resolve(scenario))
    return truths_of(cell, {estimand: 0.0}, 1, lambda _: None)[estimand]


def lost(arm: int, effects: tuple[float, float] = EFFECTS) -> tuple[np.ndarray, np.ndarray]:
    """The hazard of relapse of both stages, and that of both causes together."""
    relapse = RATES[0] * np.exp(effects[0] * arm + STAGE * np.array([0.0, 1.0]))
    return relapse, relapse + RATES[1] * np.exp(effects[1] * arm)


def incidence(arm: int, t: Any, share: float = 0.5) -> Any:
    """F(t), the mean over stages of a / (a + b) (1 - exp(-(a + b) t)); ``share`` of them are late."""
    relapse, both = lost(arm)
    late = np.array([1 - share, share])
    return (late * relapse / both * (1 - np.exp(-both * np.asarray(t)[..., None]))).sum(axis=-1)


def time_lost(arm: int, h: float) -> float:
    """The area under F to h."""
    relapse, both = lost(arm)
    return float((relapse / both * (h - (1 - np.exp(-both * h)) / both)).mean())


def cut_off() -> float:
    """Months of follow-up, all patients entering on one day."""
    return float(months_between("2020-01-01", END))


def subdistribution_log_hr(complete: bool, share: float = 0.5, for_ever: bool = False) -> float:
    """The limit of Fine and Gray's coefficient: the root of its expected score, by quadrature.

    At risk in an arm are 1 - F(t), times who would not have been censored by t there. ``for_ever``: wrongly, who dies
    is at risk whatever the own censoring.
    """
    end = 400.0 if complete else cut_off()
    t, width = (np.arange(200_000) + 0.5) * end / 200_000, end / 200_000
    stays = [np.ones(len(t)) if complete else np.exp(-rate * t) for rate in DROPOUT]
    events, at_risk = [], []
    for arm in (0, 1):
        relapse, both = lost(arm)
        late = np.array([1 - share, share])
        density = (late * relapse * np.exp(-both * t[:, None])).sum(axis=1)
        events.append(stays[arm] * density * width)
        at_risk.append(stays[arm] * (1 - incidence(arm, t, share)))
        if for_ever:
            died = (late * (both - relapse) * np.exp(-both * t[:, None])).sum(axis=1) * width
            at_risk[arm] += np.cumsum(stays[arm] * died) - stays[arm] * np.cumsum(died)

    def score(beta: float) -> float:
        expected = at_risk[1] * np.exp(beta) / (at_risk[1] * np.exp(beta) + at_risk[0])
        return float((events[1] - (events[0] + events[1]) * expected).sum())

    return float(brentq(score, -3, 3))


EXACT = {
    "incidence_difference": lambda: float(incidence(1, HORIZON) - incidence(0, HORIZON)),
    "log_incidence_ratio": lambda: float(np.log(incidence(1, HORIZON) / incidence(0, HORIZON))),
    "rmtl_difference": lambda: time_lost(1, HORIZON) - time_lost(0, HORIZON),
}


def agrees(truth: Truth, exact: float) -> None:
    """Within 3 Monte Carlo SE of the exact value, and so precise that 10 % of it would be noticed."""
    assert truth.mcse > 0
    assert abs(truth.value - exact) < 3 * truth.mcse, (truth, exact)
    assert abs(truth.value - 1.1 * exact) > 3 * truth.mcse, (truth, exact)


@pytest.mark.parametrize("measure", EXACT)
def test_contrasts_of_incidence_are_those_of_a_mixture_of_exponentials(measure: Any) -> None:
    agrees(found(world(), asked(measure, horizon=HORIZON, follow_up="complete")), EXACT[measure]())


@pytest.mark.parametrize("follow_up", ["observed", "complete"])
def test_the_subdistribution_hazard_ratio_is_the_root_of_the_expected_score(follow_up: Any) -> None:
    truth = found(world(), asked("marginal_subdistribution_log_hr", follow_up=follow_up))
    agrees(truth, subdistribution_log_hr(follow_up == "complete"))


def test_who_would_be_lost_does_not_stay_at_risk_for_ever() -> None:
    """Other ways to treat competing events are noticed: to leave, and to stay after the own follow-up has ended."""
    right = found(world(), asked("marginal_subdistribution_log_hr"))
    of_cause = found(world(), asked("marginal_log_hr"))
    for wrong in (of_cause.value, subdistribution_log_hr(False, for_ever=True)):
        assert abs(right.value - wrong) > 6 * right.mcse, (right, wrong)


def test_the_treated_have_their_own_stages() -> None:
    scenario = world()
    late = (counted.weights("treated", generate(resolve(scenario), 4, np.arange(600)), scenario.analysis, scenario)) > 0
    stage = generate(resolve(scenario), 4, np.arange(600)).observed.covariates[..., 1]
    share = float(stage[late].mean())
    assert share > 0.55
    truth = found(scenario, asked("marginal_subdistribution_log_hr", population="treated"))
    agrees(truth, subdistribution_log_hr(False, share))
    difference = asked("incidence_difference", population="treated", horizon=HORIZON, follow_up="complete")
    agrees(found(scenario, difference), float(incidence(1, HORIZON, share) - incidence(0, HORIZON, share)))


def test_a_conditional_one_is_the_fine_gray_model_of_both_courses() -> None:
    """Fitted to who is followed once in each arm, with censoring estimated by arm in place of the own censoring."""
    scenario = world(stage=1.5)
    truth = found(scenario, asked("conditional_subdistribution_log_hr", adjusted_for=("stage",)))
    made = generate(resolve(scenario), 4, np.arange(150))
    zero, one = made.hidden.potential["relapse"]
    assert zero.competing is not None
    assert one.competing is not None
    stage = made.observed.covariates[..., 1].ravel()
    arm = np.repeat([0, 1], stage.size)[None]
    time, cause = (
        np.concatenate([part.ravel() for part in parts])[None]
        for parts in ((zero.time, one.time), (zero.event + 2 * zero.competing, one.event + 2 * one.competing))
    )
    x = np.stack([arm[0], np.tile(stage, 2)], axis=-1)[None].astype(float)
    fit = fine_gray(time, cause, x, censoring=arm)
    assert abs(truth.value - fit.beta[0, 0]) < 2 * truth.mcse
    assert abs(truth.value - 1.1 * fit.beta[0, 0]) > 3 * truth.mcse
    marginal = found(scenario, asked("marginal_subdistribution_log_hr"))
    assert abs(truth.value - marginal.value) > 4 * np.hypot(truth.mcse, marginal.mcse)  # not collapsible


def test_the_matched_are_followed_afresh() -> None:
    """Of 1:1 matching in a world without prognosis the truth is everybody's."""
    plain = {"stage": 0.0, "analysis": {"propensity": {"method": "all"}}, "size": 300}
    scenario = world(**plain, run={"truth_patients": 90_000, "seed": 4})  # type: ignore[arg-type]
    everyone = found(scenario, asked("marginal_subdistribution_log_hr"))
    matched = found(scenario, asked("marginal_subdistribution_log_hr", population="matched"))
    assert matched.value != everyone.value
    assert abs(matched.value - everyone.value) < 4 * np.hypot(matched.mcse, everyone.mcse) < 0.1


MEASURES: dict[Any, dict[str, Any]] = {
    **{name: {"horizon": HORIZON, "follow_up": "complete"} for name in EXACT},
    "marginal_subdistribution_log_hr": {},
}


@pytest.mark.parametrize("measure", MEASURES)
def test_no_truth_depends_on_how_courses_hang_together(measure: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = world(run={"truth_patients": 100_000, "seed": 4})
    work, question = Patients(scenario, resolve(scenario)), asked(measure, population="treated", **MEASURES[measure])

    def truth() -> Truth:
        at, numbers = work.bounds(question), np.arange(work.most)
        return counted_truth(work, question, at, count_block(work, [(question, at)], numbers)[0], work.most)

    shared = truth()
    monkeypatch.setattr(counted, "generate", independent)
    apart = truth()
    assert apart.value != shared.value
    assert abs(apart.value - shared.value) < 4 * np.hypot(apart.mcse, shared.mcse)


@pytest.mark.parametrize("measure", MEASURES)
def test_centres_of_each_trial_leave_what_they_hardly_change(measure: Any) -> None:
    """Centres of the same hazards, but for a hundredth: the mean over trials is what it is without them."""
    names = {"centre": {"kind": "nominal", "shares": {"A": 0.5, "B": 0.5}}}
    population = {**tree(STATES, {})["population"], "size": 500, "hidden": names}
    whole = world().model_dump(exclude_unset=True, by_alias=True)
    centred = Scenario.model_validate(
        {**whole, "population": population, "centres": {"covariate": "centre", "sd": {"relapse": 0.01}}}
    )
    exact = EXACT[measure]() if measure in EXACT else subdistribution_log_hr(False)
    truth = found(centred, asked(measure, **MEASURES[measure]))
    if measure in ("marginal_subdistribution_log_hr", "log_incidence_ratio"):
        assert truth.how.startswith("mean over")
    assert abs(truth.value - exact) < 4 * truth.mcse < abs(exact) / 4


def test_no_effect_on_anything_is_exactly_none_and_one_on_death_alone_is_some() -> None:
    null, on_death = world((0.0, 0.0)), world((0.0, 1.0))
    for measure, options in MEASURES.items():
        assert (found(null, asked(measure, **options)).value, found(null, asked(measure, **options)).mcse) == (0, 0)
        truth = found(on_death, asked(measure, **options))
        assert truth.value < -10 * truth.mcse  # fewer live to relapse


def test_the_target_asks_in_the_marginal_measure() -> None:
    target = world().target
    own = asked("conditional_subdistribution_log_hr", adjusted_for=("stage",))
    assert target_estimand(own, target).measure == "marginal_subdistribution_log_hr"
    of_curves = target_estimand(asked("rmtl_difference", horizon=3.0), target)
    assert (of_curves.follow_up, of_curves.horizon, of_curves.population) == ("complete", 3.0, "treated")


@pytest.mark.slow
@pytest.mark.parametrize("measure", MEASURES)
def test_the_monte_carlo_error_is_honest(measure: Any) -> None:
    """Of 40 seeds: the distances from the exact value have a mean square of about 1 in units of the error told."""
    z = []
    for seed in range(40):
        scenario = world(run={"truth_patients": 10_000, "seed": seed})
        truth = found(scenario, asked(measure, **MEASURES[measure]))
        exact = EXACT[measure]() if measure in EXACT else _observed()
        z.append((truth.value - exact) / truth.mcse)
    assert 0.5 < np.mean(np.square(z)) < 1.8  # 40 degrees of freedom, and 19 of each error
    assert abs(np.mean(z)) < 3.5 / np.sqrt(40)


@cache
def _observed() -> float:
    return subdistribution_log_hr(False)


@cache
def rows(replicates: int) -> dict[str, Any]:
    """Estimates in randomised trials of 500 without prognosis."""
    scenario = world(stage=0.0, treatment={"kind": "prevalence", "share": 0.5})
    made = generate(resolve(scenario), 4, np.arange(replicates))
    sample = Sample(made.observed, scenario.analysis, np.arange(replicates))
    kinds = [
        *(IncidenceDifference(name=m, measure=m, horizon=HORIZON) for m in ("incidence", "incidence_ratio", "rmtl")),  # type: ignore[arg-type]
        FineGray(censoring="by_arm"),
    ]
    return {one.name: one.estimate(sample, "relapse") for one in kinds}


def exact_without_prognosis() -> dict[str, float]:
    """The exact values where both stages fare alike."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "STAGE", 0.0)
        return {
            "incidence": EXACT["incidence_difference"](),
            "incidence_ratio": EXACT["log_incidence_ratio"](),
            "rmtl": EXACT["rmtl_difference"](),
            "fine-gray": subdistribution_log_hr(False),
        }


def test_intervals_cover_the_exact_value_and_not_one_that_is_off() -> None:
    """In 400 trials with an effect on both causes: bias and coverage within 3.5 Monte Carlo SE, and not of twice it."""
    for name, exact in exact_without_prognosis().items():
        one = rows(400)[name]
        numbers = (one.value, one.se, one.low, one.high, one.p, one.status)
        held = performance(*numbers, exact)
        assert abs(held["coverage"].value - 0.95) < 3.5 * np.sqrt(0.05 * 0.95 / 400), name
        assert abs(held["bias"].value) < 3.5 * held["bias"].mcse, (name, held["bias"])
        assert abs(held["relative_error_model_se"].value) < 3.5 * held["relative_error_model_se"].mcse, name
        assert performance(*numbers, 1.4 * exact)["coverage"].value < 0.9, name
