"""The estimator that stands for a paper's primary analysis: one of the study's own, or one made as its plan says."""

from typing import TYPE_CHECKING

from analysis.estimators import Adjusted, Crude, Estimator, Ipw, Matched, ScoreStrata, Stratified
from analysis.plan.analysis_plan import Plan, WeightingPlan
from benchmarks.asked.published_keys import prints_within_strata

if TYPE_CHECKING:
    from benchmarks.asked.scenario import Scenario

KINDS = {
    "matching": "matched",
    "weighting": "ipw",
    "stratification": "ps-strata",
    "adjustment": "adjusted",
    "unadjusted": "crude",
}
"""The kind of estimator that each primary analysis is."""
WEIGHTED = {
    "att": "treated",
    "ate": "all",
    "atc": "untreated",
    "overlap": "overlap",
    "matching": "matching_weight",
}
"""The population for which the weights of each target stand."""


def primary_estimator(scenario: "Scenario", endpoint: str) -> Estimator | None:
    """The study's own estimator of an endpoint's primary analysis, the one with the name of its kind before others.

    Without any, it is made as the plan says; after matching, where estimators have much that a plan does not say, None.
    Where all patients are compared and the paper prints only a hazard ratio within strata, it is the one within these.
    """
    kind = KINDS[scenario.analysis.primary]
    if prints_within_strata(scenario, endpoint):
        kind = "stratified"
    fitting = [
        one
        for one in scenario.estimators
        if one.kind == kind and endpoint in scenario.applied(one) and _does_so(one, scenario.analysis)
    ]
    if fitting:
        return min(fitting, key=lambda one: one.name != kind)
    taken = {one.name for one in scenario.estimators}
    own = {"name": kind if kind not in taken else f"{kind}-primary", "endpoints": (endpoint,)}
    if kind == "ps-strata":
        return ScoreStrata.model_validate({"strata": scenario.analysis.stratification.strata, **own})
    if kind == "stratified":
        return Stratified.model_validate({"strata": scenario.analysis.survival.strata, **own})
    if kind == "ipw":
        return Ipw.model_validate({**scenario.analysis.weighting.model_dump(), **own})
    if kind == "adjusted":
        return Adjusted.model_validate(own)
    return Crude.model_validate(own) if kind == "crude" else None


def target_notes(scenario: "Scenario") -> list[str]:
    """What to know of a weighted paper whose weights stand for others than those in whom the study judges."""
    own, target = WEIGHTED[scenario.analysis.weighting.target], scenario.target.population
    if scenario.analysis.primary != "weighting" or own == target:
        return []
    return [
        f"the paper's weights ('{scenario.analysis.weighting.target}') stand for the population '{own}', and its "
        f"estimate is judged in '{target}'; write 'target: {{population: {own}}}' for the paper's own question"
    ]


def _does_so(estimator: Estimator, plan: Plan) -> bool:
    """Whether an estimator by matching or weighting gives the hazard ratio, with the plan's weights, and one within
    strata that within the plan's; True of any other.
    """
    if isinstance(estimator, Matched):
        return estimator.measure == "log_hr"
    if isinstance(estimator, ScoreStrata):
        return estimator.strata == plan.stratification.strata and estimator.combine == "stratified"
    if isinstance(estimator, Stratified):
        return set(estimator.strata) == set(plan.survival.strata)
    if not isinstance(estimator, Ipw):
        return True
    own = estimator.model_dump(include=set(WeightingPlan.model_fields))
    return own == plan.weighting.model_dump() and estimator.measure == "hr" and estimator.propensity is None
