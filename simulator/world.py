"""A world: all sections of a scenario document that say how cohorts come about, checked against each other."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from simulator.covariates import Population
from simulator.entry import Entry, parse_date
from simulator.followup import FollowUp
from simulator.outcomes import Outcomes
from simulator.spec import Label, Name, Spec
from simulator.terms import parse_term
from simulator.treatment import Treatment

ENDPOINTS = ("OS", "PFS")
RESERVED = {"id", "arm", "replicate", "response", "included", "propensity", "treatment"}


class Arms(Spec):
    """Names of the two arms."""

    control: Name
    treated: Name

    @model_validator(mode="after")
    def _differ(self) -> "Arms":
        if self.control == self.treated:
            raise ValueError("the two arms need different names")
        return self

    def names(self) -> tuple[str, str]:
        """Control first, then treated: the order of every pair of potential outcomes."""
        return self.control, self.treated


class Printed(Spec):
    """A published number exactly as printed, and where it stands. It is never used by the simulation."""

    printed: str
    where: Label
    note: str = ""


class World(Spec):
    """How virtual cohorts of one study come about; ``published`` is kept apart from what the twin uses."""

    other_rooms: ClassVar[tuple[str, ...]] = ("question", "analysis", "estimators", "sweep", "run")

    name: Name
    source: Label
    time_unit: Literal["months"] = "months"
    arms: Arms
    population: Population
    treatment: Treatment
    outcomes: Outcomes
    entry: Entry
    followup: FollowUp
    published: dict[str, Printed] = Field(default_factory=dict)

    @field_validator("published")
    @classmethod
    def _paths(cls, published: dict[str, Printed]) -> dict[str, Printed]:
        for key in published:
            if not all(key.split(".")):
                raise ValueError(f"'{key}' is not a dotted path into the result of an analysis")
        return published

    @model_validator(mode="after")
    def _consistent(self) -> "World":
        taken = self._columns() & self.population.all_covariates().keys()
        if taken:
            raise ValueError(
                f"population: no covariate may be called '{min(taken)}'; cohorts have a column of that name"
            )
        taken = (RESERVED | set(ENDPOINTS)) & set(self.binary_outcomes())
        if taken:
            raise ValueError(f"outcomes.response.groups: no group may be called '{min(taken)}'")
        variables = {name: spec.variable(name) for name, spec in self.population.all_covariates().items()}
        for where, text in self._terms():
            try:
                term = parse_term(text, variables)
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from None
            if not term.operator and variables[term.variable].kind in ("ordinal", "nominal"):
                raise ValueError(f"{where}: '{text}' has several levels; compare it with one: {term.variable}=...")
        for where, arms in self._arm_keys():
            unknown = [arm for arm in arms if arm not in self.arms.names()]
            if unknown:
                raise ValueError(f"{where}: no arm '{unknown[0]}' (the arms are {' and '.join(self.arms.names())})")
        response = self.outcomes.response
        if response and set(response.shares) != set(self.arms.names()):
            raise ValueError(f"outcomes.response.shares: needs {' and '.join(self.arms.names())}")
        if parse_date(self.followup.cut_off) < parse_date(self.entry.accrual.end):
            raise ValueError("followup.cut_off: follow-up ends before accrual does")
        return self

    def _columns(self) -> set[str]:
        """Names of the columns that a table of cohorts has beside the covariates."""
        measured = {f"{endpoint}_{what}" for endpoint in ENDPOINTS for what in ("time", "event")}
        measured |= set(self.binary_outcomes())
        return RESERVED | measured | {f"{column}_{arm}" for column in measured for arm in self.arms.names()}

    def _terms(self) -> Iterator[tuple[str, str]]:
        yield from (("treatment.log_odds", text) for text in self.treatment.log_odds)
        for name, transition in self.outcomes.transitions().items():
            yield from ((f"outcomes.{name}.log_hr", text) for text in transition.log_hr)
            yield from ((f"outcomes.{name}.treatment.modifiers", text) for text in transition.treatment.modifiers)

    def _arm_keys(self) -> Iterator[tuple[str, list[str]]]:
        yield "entry.guarantee_months", list(self.entry.guarantee_months)
        yield "followup.dropout", list(self.followup.dropout)
        if self.outcomes.response:
            yield "outcomes.response.shares", list(self.outcomes.response.shares)

    def binary_outcomes(self) -> tuple[str, ...]:
        """Names of the binary outcomes that a cohort of this world has."""
        return tuple(self.outcomes.response.groups) if self.outcomes.response else ()
