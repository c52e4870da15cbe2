"""What the authors do about missing covariates, and whether it can be done."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from simulator.cohort.terms import Variable
from simulator.documents.spec import Spec

SUFFIX = "_missing"


class MissingPlan(Spec):
    """What the authors do about missing covariates; without missing values all of it comes to the same.

    ``complete`` leaves out who lacks any. ``indicator`` puts the mean of the others, or the first level, and adds a
    covariate that says so. ``imputation`` makes so many data sets, each by so many rounds of chained equations (one
    where one covariate alone is missing).
    """

    method: Literal["complete", "indicator", "imputation"] = "complete"
    imputations: Annotated[int, Field(ge=2, le=100)] = 5
    rounds: Annotated[int, Field(ge=1, le=50)] = 5
    score: Literal["within", "across"] = "within"

    @model_validator(mode="after")
    def _consistent(self) -> "MissingPlan":
        if self.method != "imputation" and (self.imputations, self.rounds, self.score) != (5, 5, "within"):
            raise ValueError("imputations, rounds and score belong to 'method: imputation'")
        return self


def problem(names: Sequence[str], plan: MissingPlan, variables: Mapping[str, Variable]) -> str | None:
    """Why the plan cannot deal with missing values of the named variables, in one line; None where it can."""
    for name in names:
        if plan.method == "imputation" and variables[name].kind == "nominal":
            return f"method: '{name}' is nominal and cannot be imputed; write complete or indicator"
        if plan.method == "indicator" and f"{name}{SUFFIX}" in variables:
            return f"method: a covariate is called '{name}{SUFFIX}'; give it another name"
    return None
