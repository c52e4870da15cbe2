"""No option of a plan of analysis is ignored: another legal value of each field changes what is reported."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from analysis.estimators import Crude, Matched
from analysis.estimators.pooled import estimated, samples_of
from analysis.paper.workflow import analyse
from analysis.plan.analysis_plan import CoxPlan, Plan, StratificationPlan, SurvivalPlan, TablePlan, WeightingPlan
from analysis.plan.missing_plan import MissingPlan
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.documents.spec import Spec
from tests.options import ignored
from tests.test_estimator_options import RESULTS, cohorts

IDS = [str(number) for number in range(1, 121)]
KNOWN: dict[str, tuple[Any, ...]] = {
    "covariates": (("age>60", "stage"),),
    "screening_p": (1.0, 0.01, None),
    "imputations": (2,),
    "level": (0.9,),
    "times": ((1.5,), (2.0,)),
    "normality_p": (0.9, 0.999),
    "rounds": (1, 2),
    "strata": (("stage",),),
}
PARTS: dict[str, type[Spec]] = {
    "survival": SurvivalPlan,
    "cox": CoxPlan,
    "table1": TablePlan,
    "weighting": WeightingPlan,
}
NEEDED: dict[str, dict[str, Any]] = {"weighting": {"primary": "weighting"}}


@cache
def _one(number: int) -> Observed:
    """One cohort alone: rounded sizes, few with a stage of their own, so that tests of tables can differ."""
    whole, rows = cohorts()[0], slice(number, number + 1)
    values = whole.covariates[rows].copy()
    values[..., 3] = values[..., 3] * (np.arange(120) % 7 == 0)
    values[..., 1] = np.exp(values[..., 1])
    return replace(
        whole,
        covariates=values,
        treated=whole.treated[rows],
        present=whole.present[rows],
        endpoints={
            name: Endpoint(c.time[rows], c.event[rows], None if c.competing is None else c.competing[rows])
            for name, c in whole.endpoints.items()
        },
        binary={name: hit[rows] for name, hit in whole.binary.items()},
        delay=None,
    )


@cache
def told(plan: Plan) -> object:
    """All that the analysis of two cohorts says, but for the plan itself."""
    found = [analyse(_one(number), IDS, plan).to_json() for number in (0, 3)]
    return repr([{name: part for name, part in one.items() if name != "plan"} for one in found])


def _part(name: str) -> Any:
    return lambda made: told(Plan(**{name: made, **NEEDED.get(name, {})}))


@pytest.mark.parametrize("part", PARTS)
def test_every_option_of_a_part_changes_what_is_told(part: str) -> None:
    assert ignored(PARTS[part], _part(part), {}, KNOWN) == []


def test_the_number_of_strata_changes_what_is_told() -> None:
    few = StratificationPlan(strata=2)
    plans = [Plan(), Plan(primary="stratification"), Plan(primary="stratification", stratification=few)]
    assert len({told(plan) for plan in plans}) == len(plans)


def test_subgroups_change_what_is_told() -> None:
    assert told(Plan()) != told(Plan(subgroups=("stage",)))


def imputed(plan: MissingPlan) -> object:
    """Crude and matched rows where ages and sizes are missing."""
    whole, score = cohorts()
    values = whole.covariates.copy()
    values[:, ::5, 0], values[:, 1::6, 1] = np.nan, np.nan
    observed = replace(whole, covariates=values)
    made = samples_of(observed, ("age", "size"), Plan(missing=plan), np.arange(8, dtype=np.int64), 5, score)
    found = [estimated(made, one, "OS") for one in (Crude(), Matched())]
    return tuple(np.ascontiguousarray(getattr(one, name)).tobytes() for one in found for name in RESULTS)


def test_every_option_about_missing_values_changes_a_row() -> None:
    assert ignored(MissingPlan, imputed, {}, KNOWN) == []


def test_every_part_of_the_plan_is_asked() -> None:
    """Matching and the propensity model are in `test_estimator_options`, the primary analysis in `test_primary`.

    What is not stated changes no analysis; `test_derived_plan` has what it opens.
    """
    alone = {"missing", "subgroups", "stratification", "matching", "propensity", "primary", "not_stated"}
    assert {*PARTS, *alone} == set(Plan.model_fields)


def test_an_ignored_part_is_noticed() -> None:
    def deaf(made: TablePlan) -> object:
        return told(Plan(table1=made.model_copy(update={"t_test": "welch", "normality_p": 0.05})))

    assert ignored(TablePlan, deaf, {}, KNOWN) == ["normality_p", "t_test"]
