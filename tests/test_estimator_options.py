"""No estimator ignores an option: of each field another legal value changes a result in some cohort."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Literal

import numpy as np
import pytest

from analysis.estimators import (
    Crude,
    Estimate,
    LogRankTest,
    Matched,
    MaxCombo,
    RmstDifference,
    Sample,
    SurvivalDifference,
)
from analysis.estimators.base import EstimatorSpec
from analysis.plan.analysis_plan import MatchingPlan, Plan, PropensityPlan
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.estimand import Estimand
from simulator.cohort.terms import Variable
from tests.options import ignored
from tests.test_estimators import KINDS, NEEDED

VARIABLES = (
    Variable("age", "continuous", cuts=(60.0,)),
    Variable("size", "continuous"),
    Variable("marker", "continuous"),
    Variable("stage", "binary", ("early", "late")),
    Variable("grade", "ordinal", ("1", "2", "3")),
)
PLANS = (
    Plan(),
    Plan(propensity=PropensityPlan(method="all", candidates=("stage", "grade"))),
    Plan(matching=MatchingPlan(ratio=2)),
)
RESULTS = ("value", "se", "low", "high", "p", "n", "events", "status")
DECLARED = {"own": {"population", "measure", "horizon", "adjusted_for"}}
"""What a user says of his own function: by what truth it is judged."""
KNOWN: dict[str, dict[str, tuple[Any, ...]]] = {
    "several-tests": {"tests": ((LogRankTest(), MaxCombo()), (MaxCombo(), RmstDifference()))},
    "maxcombo": {"weights": (((0.0, 0.0), (0.0, 1.0)),)},
    "own": {"function": ("tests.own_functions:doubled",), "horizon": (6.0, 12.0)},
    "g-computation": {"interactions": (("stage",),)},
    "ps-strata": {"strata": (3, 4)},
    "binary": {"endpoints": (("AE",),)},
    "fine-gray": {"endpoints": (("PFS",), ("relapse",))},
    "matched": {"endpoints": (("PFS",), ("relapse",))},
    **{kind: {"endpoints": (("PFS",), ("relapse",)), "cluster": ("grade",)} for kind in ("ipw", "entropy-balance")},
    **{kind: {"cluster": ("grade",)} for kind in ("crude", "adjusted")},
}


@cache
def cohorts() -> tuple[Observed, np.ndarray]:
    """Eight cohorts of 120 and the true propensity: tied times, late starts, a marker that stands for two others."""
    draw, shape = np.random.Generator(np.random.Philox(8)), (8, 120)
    one, two = draw.normal(size=shape), draw.normal(size=shape)
    stage, grade = draw.random(shape) < 0.5, draw.integers(0, 3, shape)
    score = 1 / (1 + np.exp(0.8 - 0.5 * one - 0.5 * two - 0.6 * stage))
    treated = draw.random(shape) < score
    hazard = 0.06 * np.exp(0.4 * one + 0.5 * stage + 0.3 * grade * treated - 0.6 * treated)
    event, left = draw.exponential(1 / hazard), draw.uniform(4, 40, shape) / np.exp(0.3 * one)
    progression = np.minimum(event, draw.exponential(0.5 / hazard))
    endpoints = {
        name: Endpoint(np.ceil(np.minimum(at, left)), at <= left) for name, at in (("OS", event), ("PFS", progression))
    }
    came, death = progression <= left, np.where(stage, event, np.inf)
    relapse = Endpoint(endpoints["PFS"].time, came & (progression < death), came & (progression >= death))
    endpoints["relapse"] = relapse
    covariates = np.stack([60 + 8 * one, two, one + two + 0.7 * draw.normal(size=shape), stage, grade], axis=-1)
    observed = Observed(
        VARIABLES,
        covariates,
        treated,
        np.ones(shape, np.bool_),
        endpoints,
        {"ORR": draw.random(shape) < 0.3 + 0.2 * treated, "AE": draw.random(shape) < 0.4},
        delay=np.where(treated, draw.uniform(0, 0.9, shape) * np.minimum(endpoints["PFS"].time, 6.0), 0.0),
    )
    return observed, score


@cache
def samples() -> tuple[Sample, ...]:
    """The cohorts under several plans."""
    observed, score = cohorts()
    first = Sample(observed, PLANS[0], np.arange(8, dtype=np.int64), 5, score)
    return (first, *(first.under(plan) for plan in PLANS[1:]))


def rows(estimator: Any, plans: int = len(PLANS)) -> object:
    """All that is reported of every cohort under the first plans that the estimator can follow; None for none."""
    made: list[bytes] = []
    for sample in samples()[:plans]:
        try:
            estimator.plan_for(sample.plan)
            estimator.estimand((estimator.endpoints or ("OS",))[0], sample.plan, sample.observed.variable)
        except ValueError:
            made.append(b"")
            continue
        found: Estimate = estimator.estimate(sample, (estimator.endpoints or ("OS",))[0])
        made += [np.ascontiguousarray(getattr(found, name)).tobytes() for name in RESULTS]
    return tuple(made) if any(made) else None


def asked(estimator: Any) -> object:
    """By what truth it is judged."""
    try:
        return repr(
            estimator.estimand((estimator.endpoints or ("OS",))[0], PLANS[0], {one.name: one for one in VARIABLES})
        )
    except ValueError:
        return None


def without_effect(kind: Any) -> set[str]:
    """The options of an estimator that no row shows, of those declared that its estimand does not show."""
    tag = kind.model_fields["kind"].default
    needed = dict(NEEDED.get(tag, {}))
    if kind.model_fields["endpoints"].is_required():
        needed["endpoints"] = ("ORR",)
    known = {"endpoints": (("PFS",),), **KNOWN.get(tag, {})}
    declared = DECLARED.get(tag, set())
    heard = set(kind.model_fields) - declared
    return {*ignored(kind, rows, needed, known, heard), *ignored(kind, asked, needed, known, declared)}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_option_changes_a_result(kind: Any) -> None:
    assert without_effect(kind) == set()


class Deaf(Crude):
    """Has options and listens to none."""

    landmark: float = 0.0
    robust: bool = False
    weights: Literal["none", "some"] = "none"


class Forgetful(SurvivalDifference):
    """Takes one scale whatever is asked for."""

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """On the plain one."""
        return SurvivalDifference.estimate(self.model_copy(update={"scale": "plain"}), sample, endpoint)


class Boastful(Crude):
    """Says that it is about a population, and looks at everyone."""

    population: Literal["all", "treated"] = "all"

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:
        """In that population."""
        return Crude.estimand(self, endpoint, plan, variables).model_copy(update={"population": self.population})


@pytest.mark.parametrize(
    ("kind", "silent"),
    [(Deaf, {"landmark", "robust", "weights"}), (Forgetful, {"scale"}), (Boastful, {"population"})],
)
def test_an_ignored_option_is_noticed(kind: type[EstimatorSpec], silent: set[str]) -> None:
    assert without_effect(kind) == silent


@cache
def steep() -> Sample:
    """Four cohorts in which a marker of two causes of treatment is found before them, and is not needed after."""
    observed, score = cohorts()
    draw = np.random.Generator(np.random.Philox(9))
    one, two = draw.normal(size=(2, 4, 120))
    treated = draw.random((4, 120)) < 1 / (1 + np.exp(0.5 - one - two))
    covariates = observed.covariates[:4].copy()
    covariates[..., :3] = np.stack([60 + 8 * one, two, one + two + 1.1 * draw.normal(size=(4, 120))], axis=-1)
    endpoints = {name: Endpoint(one.time[:4], one.event[:4]) for name, one in observed.endpoints.items()}
    made = replace(
        observed, covariates=covariates, treated=treated, present=observed.present[:4], endpoints=endpoints,
        binary={}, delay=None,
    )  # fmt: skip
    return Sample(made, PLANS[0], np.arange(4, dtype=np.int64), 5, score[:4])


def test_every_option_of_matching_changes_a_result() -> None:
    known = {"covariates": (("age", "size"),), "exact": (("stage",),)}
    assert ignored(MatchingPlan, lambda plan: rows(Matched(se="naive", matching=plan), 1), {}, known) == []


def test_every_option_of_the_propensity_model_changes_a_score() -> None:
    def scores(plan: PropensityPlan) -> object:
        return steep().under(Plan(propensity=plan)).propensity.fitted.tobytes()

    known = {"candidates": (("age",),), "trees": (20,), "folds": (3,)}
    assert ignored(PropensityPlan, scores, {}, known) == []
