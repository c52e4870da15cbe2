"""The names of which the keys of a cohort's numbers are made."""

from collections.abc import Sequence

from analysis.paper.number_tree import Names
from analysis.plan.analysis_plan import TREATMENT, Plan, cox_terms, level_terms, subgroup_factors
from simulator.cohort.terms import Variable, parse_term, term_columns


def names_of(
    variables: Sequence[Variable], plan: Plan, endpoints: Sequence[str], binary: Sequence[str], exposure: Sequence[str],
    modes: Sequence[str], competing: Sequence[str],
) -> Names:  # fmt: skip
    """The names of a cohort with these covariates and outcomes under a plan; ``competing`` are endpoints."""
    by_name = {variable.name: variable for variable in variables}
    continuous = [variable.name for variable in variables if variable.kind == "continuous"]
    levels = [" & ".join(row) for variable in variables for row in level_terms(variable)]
    cox: list[str] = []
    for text in cox_terms(plan, by_name):
        columns = term_columns(parse_term(text, by_name), by_name)
        cox += [*columns, text] if len(columns) == 1 else columns  # of several levels none is the ratio of the whole
    factors = subgroup_factors(plan, by_name)
    return Names(
        tuple(endpoints),
        tuple(continuous),
        tuple(levels),
        tuple(variable.name for variable in variables if variable.kind != "continuous"),
        tuple(dict.fromkeys((*cox, TREATMENT))),
        ("all", *(" & ".join(terms) for factor in factors for terms in factor.rows)),
        tuple(binary),
        tuple(exposure),
        tuple(modes),
        plan.primary == "matching" and plan.matching.simple,
        plan.primary == "matching",
        tuple(competing),
        bool(plan.survival.strata),
    )
