"""Every kind of estimator finds its own truth, with an effect, in a large trial in which its assumptions hold."""

from functools import cache
from typing import Any, get_args

import numpy as np
import pytest

from analysis.estimators import Estimator
from analysis.estimators.pooled import estimated
from analysis.kernels.status import Status
from benchmarks.asked.blocks import Cell
from benchmarks.asked.sampled import samples
from benchmarks.asked.scenario import Scenario
from benchmarks.truth.of_cells import find_truths
from simulator.world.generate import generate, resolve
from tests.worlds import tree

PATIENTS, REPLICATES = 2000, 40
PLAN = {
    "propensity": {"method": "all", "candidates": ("stage",)},
    "matching": {"caliper": 0.2},
    "cox": {"covariates": ("stage",)},
}
LATE = {"kind": "exponential", "rate": 0.5}
HALF = {
    "shares": {"C": (0.6, 0.4), "T": (0.4, 0.6)},
    "categories": ("PD", "PR"),
    "link": 0.0,
    "groups": {"ORR": ("PR",)},
}


def world(**changes: Any) -> Scenario:
    """A confounded world of one covariate, with an effect that is larger in one level: populations differ in truth."""
    made = tree(
        **{"analysis": PLAN, "run": {"replicates": REPLICATES, "seed": 9, "truth_patients": 200_000}, **changes}
    )
    made["population"] = {"size": PATIENTS, "covariates": {"stage": tree()["population"]["covariates"]["stage"]}}
    return Scenario.model_validate(made)


def with_effect(**death: Any) -> dict[str, Any]:
    """Outcomes with those entries of death changed."""
    outcomes = tree()["outcomes"]
    return {**outcomes, "death": {**outcomes["death"], **death}, "response": HALF}


MODIFIED = with_effect(treatment={"log_hr": -0.3, "modifiers": {"stage": -0.6}})
PROPORTIONAL = with_effect(treatment={"log_hr": -0.7})
ALIKE = with_effect(treatment={"log_hr": -0.7}, log_hr={})
RANDOM = {"kind": "prevalence", "share": 0.5}
WAITS = {"kind": "prevalence", "share": 0.6, "log_odds": {"stage": 0.8}, "start": {"wait": LATE}}
BY_THREE = {
    "kind": "prevalence",
    "share": 0.6,
    "start": {"wait": {"kind": "piecewise", "cuts": (2.9,), "rates": (0.5, 1e3)}},
}
RELAPSE = with_effect(
    treatment={"log_hr": 0.3},
    log_hr={"stage": 0.4},
) | {
    "progression": {
        "baseline": {"kind": "exponential", "rate": 0.05},
        "log_hr": {"stage": 0.5},
        "treatment": {"log_hr": -0.5, "modifiers": {"stage": -0.6}},
    }
}
ENDS = {"relapse": {"event": "progressed", "competing": "dead"}}


def of_relapse(*made: dict[str, Any]) -> list[dict[str, Any]]:
    """The estimators, of relapse while death competes."""
    return [{"endpoints": ("relapse",), **one} for one in made]


def all_measures(kind: str, **more: Any) -> list[dict[str, Any]]:
    """An estimator by each measure of an endpoint with competing states."""
    timed = [{"measure": name, "horizon": 15.0} for name in ("incidence", "incidence_ratio", "rmtl")]
    every = [*timed, {"measure": "subdistribution_hr", "censoring": "by_arm"}]
    return of_relapse(*({"kind": kind, "name": f"{kind}-{one['measure']}", **one, **more} for one in every))


CASES: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "confounded": (
        [
            {"kind": "matched"},
            {"kind": "matched", "name": "rmst-matched", "measure": "rmst", "horizon": 18.0},
            {"kind": "matched", "name": "alive-matched", "measure": "survival", "horizon": 12.0},
            {"kind": "matched", "name": "three", "matching": {"ratio": 3}},
            {"kind": "matched", "name": "replacing", "matching": {"replacement": True}},
            {"kind": "ipw"},
            {"kind": "ipw", "name": "ate", "target": "ate"},
            {"kind": "ipw", "name": "atc", "target": "atc"},
            {"kind": "ipw", "name": "overlap", "target": "overlap"},
            {"kind": "ipw", "name": "matching-weight", "target": "matching"},
            {"kind": "ipw", "name": "rmst-ipw", "measure": "rmst", "horizon": 18.0},
            {"kind": "entropy-balance"},
            {"kind": "aipw", "horizon": 18.0},
        ],
        {"outcomes": MODIFIED},
    ),
    "proportional": (
        [
            {"kind": "adjusted"},
            {"kind": "stratified", "strata": ("stage",)},
            {"kind": "ps-covariate"},
            {"kind": "ps-strata", "strata": 3},
            {"kind": "matched", "name": "sets", "model": "stratified"},
            {"kind": "g-computation"},
            {"kind": "g-computation", "name": "g-rmst", "measure": "rmst_difference", "horizon": 18.0},
        ],
        {"outcomes": PROPORTIONAL},
    ),
    "randomised": (
        [
            {"kind": "crude"},
            {"kind": "rmst", "horizon": 18.0},
            {"kind": "milestone", "at": 12.0},
            {"kind": "median"},
            {"kind": "landmark", "at": 3.0},
            {"kind": "ipcw"},
            {"kind": "binary", "endpoints": ("ORR",)},
            {"kind": "own", "name": "own", "function": "tests.own_functions:peto", "measure": "marginal_log_hr"},
        ],
        {"outcomes": MODIFIED, "treatment": RANDOM},
    ),
    "competing": (
        [
            *all_measures("matched"),
            *all_measures("matched", name="three", matching={"ratio": 3})[:1],
            *all_measures("ipw"),
            *all_measures("ipw", name="overlap", target="overlap")[:1],
            *all_measures("entropy-balance"),
        ],
        {"outcomes": RELAPSE, "endpoints": ENDS},
    ),
    "competing-randomised": (
        of_relapse(
            *({"kind": "incidence", "name": name, "measure": name, "horizon": 15.0} for name in ("incidence", "rmtl")),
            {"kind": "incidence", "name": "ratio", "measure": "incidence_ratio", "horizon": 15.0},
            {"kind": "fine-gray"},
            {"kind": "fine-gray", "name": "given", "adjusted": True},
        ),
        {"outcomes": RELAPSE, "endpoints": ENDS, "treatment": RANDOM},
    ),
    "no-prognosis": ([{"kind": "exponential"}], {"outcomes": ALIKE, "treatment": RANDOM}),
    "starts-after-a-wait": (
        [{"kind": "clone-censor-weight", "grace": 3.0}],
        {"outcomes": PROPORTIONAL, "treatment": WAITS},
    ),
    "started-by-three": ([{"kind": "landmark", "at": 3.0}], {"outcomes": PROPORTIONAL, "treatment": BY_THREE}),
}
WITHOUT = {"logrank", "maxcombo", "several-tests", "time-dependent", "delayed-entry"}


@cache
def judged(case: str) -> dict[str, tuple[float, float, float, float]]:
    """Of each estimator the mean, its Monte Carlo SE, the truth and its SE."""
    estimators, changes = CASES[case]
    for_os = [{"endpoints": ("OS",), **one} for one in estimators]
    asked = world(**changes, estimators=tuple(for_os))
    cell = Cell(0, {}, asked, resolve(asked))
    found = find_truths(cell, 1, lambda _: None, {})
    sampled = samples(asked, generate(cell.resolved, asked.run.seed, np.arange(REPLICATES)), asked.run.seed)
    made = {}
    for endpoint, one in asked.judged():
        estimate = estimated(sampled, one, endpoint)
        assert (estimate.status == Status.OK).all(), one.name
        truth = found[endpoint, one.name]
        error = float(estimate.value.std(ddof=1)) / REPLICATES**0.5
        made[one.name] = float(estimate.value.mean()), error, truth.value, truth.mcse
    return made


@pytest.mark.parametrize("case", CASES)
def test_bias_against_the_own_truth_is_nought(case: str) -> None:
    for name, (mean, error, truth, mcse) in judged(case).items():
        assert abs(truth) > 0.05, name  # with an effect
        assert abs(mean - truth) < 4 * np.hypot(error, mcse), (name, mean, truth, error, mcse)
        assert 4 * np.hypot(error, mcse) < abs(truth) / 3, name  # and a truth of another question would be noticed


def test_populations_differ_in_truth() -> None:
    found = {name: one[2:] for name, one in judged("confounded").items()}
    for one, other in (("ipw-att", "ate"), ("ipw-att", "atc"), ("ate", "atc")):
        (a, a_error), (b, b_error) = found[one], found[other]
        assert abs(a - b) > 4 * np.hypot(a_error, b_error), (one, other)


def test_every_kind_that_has_a_truth_is_here() -> None:
    union = get_args(get_args(Estimator)[0])
    kinds = {one.model_fields["kind"].default for one in union} - WITHOUT
    assert {one["kind"] for estimators, _ in CASES.values() for one in estimators} == kinds
