"""Words for the sides of an analysis, before and after the arms were made comparable: the one place of them.

Where nobody is matched or weighted, nor strata made (the primary analysis is an adjusted model, or none) both sides are
all patients, so texts, tables and pages show one.
"""

from typing import Literal

from analysis.plan.analysis_plan import Plan, StratificationPlan, WeightingPlan

Side = Literal["before", "after"]

ALL = "all patients"
TARGETS = {
    "att": "the treated (att)",
    "ate": "all patients (ate)",
    "atc": "the untreated (atc)",
    "overlap": "the overlap of the arms, e (1 - e)",
    "matching": "min(e, 1 - e)",
}
"""Whom a weighted cohort stands for; e is the propensity score."""
UNUSED = {
    "matching": ("weighting", "stratification"),
    "weighting": ("matching", "stratification"),
    "stratification": ("matching", "weighting"),
    "adjustment": ("matching", "weighting", "stratification"),
    "unadjusted": ("matching", "weighting", "stratification"),
}
"""The parts of a plan that its primary analysis does not use."""


def has_sides(plan: Plan) -> bool:
    """Whether what is analysed after differs from all patients as they are."""
    return plan.primary in ("matching", "weighting", "stratification")


def sides_shown(plan: Plan) -> tuple[Side, ...]:
    """Before and after; after alone where both are all patients."""
    return ("before", "after") if has_sides(plan) else ("after",)


def side_name(plan: Plan, when: str) -> str:
    """The side as a table calls it: 'before', 'after' or 'all patients'."""
    return when if has_sides(plan) else ALL


def side_words(plan: Plan, *when: str) -> str:
    """'before matching', 'before and after weighting'; 'in all patients' where both sides are these."""
    return f"{' and '.join(when)} {plan.primary}" if has_sides(plan) else f"in {ALL}"


def side_heading(plan: Plan, when: str) -> str:
    """The side as the head of columns or of a panel: 'After matching', 'All patients'."""
    return (f"{when} {plan.primary}" if has_sides(plan) else ALL).capitalize()


def done_words(plan: Plan) -> str:
    """What became of the patients compared after: 'matched', 'weighted', 'stratified' or 'compared'."""
    done = {"matching": "matched", "weighting": "weighted", "stratification": "stratified"}
    return done.get(plan.primary, "compared")


def weights_words(plan: WeightingPlan) -> str:
    """How the weights were made, in words."""
    told = [f"weights of the propensity score for {TARGETS[plan.target]}"]
    told += ["stabilised"] if plan.stabilised else []
    told += [f"scores outside {plan.trim[0]:g} to {plan.trim[1]:g} left out"] if plan.trim else []
    told += [f"truncated at their quantiles {plan.truncate[0]:g} and {plan.truncate[1]:g}"] if plan.truncate else []
    return ", ".join(told)


def strata_words(plan: StratificationPlan) -> str:
    """How the strata were made and what is said within them, in words."""
    return (
        f"After stratification Cox models and log-rank tests are within {plan.strata} strata between quantiles of the "
        "propensity score; all else is of all strata together"
    )
