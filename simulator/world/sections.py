"""A world: all sections of a scenario document that say how cohorts come about, checked against each other."""

import itertools
import math
from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from simulator.cohort.terms import parse_term
from simulator.documents.spec import Label, Name, Spec
from simulator.mechanisms.calendar import CalendarTrend
from simulator.mechanisms.centres import Centres
from simulator.mechanisms.covariates import Population
from simulator.mechanisms.entry import Entry, parse_date
from simulator.mechanisms.followup import FollowUp
from simulator.mechanisms.imperfections import Imperfections
from simulator.mechanisms.outcomes import Outcomes
from simulator.mechanisms.treatment import Treatment

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


class Quoted(Spec):
    """The same number as it is printed in another place."""

    printed: str
    where: Label


class Printed(Spec):
    """A published number exactly as printed, and where it stands. It is never used by the simulation.

    ``not_printed`` stands where a number is announced but is not in the text; ``also`` for other places that print it.
    ``audit_only`` marks a number that the world does not simulate: the audit reads it, nothing is compared with it.
    """

    printed: str
    where: Label
    note: str = ""
    also: tuple[Quoted, ...] = ()
    audit_only: bool = False


WORDS = ("name", "question", "source", "published")
"""What a document says of a world in words or as printed: no virtual patient depends on it."""


class World(Spec):
    """How virtual cohorts of one study come about; ``published`` is kept apart from what the twin uses.

    Its keys are checked by `benchmarks.asked.published_keys`, which knows what an analysis of the world gives.
    """

    other_rooms: ClassVar[tuple[str, ...]] = (
        "question", "analysis", "estimators", "target", "sweep", "run", "calibration", "compatible",
    )  # fmt: skip

    name: Name
    source: Label
    time_unit: Literal["months"] = "months"
    arms: Arms
    population: Population
    treatment: Treatment
    outcomes: Outcomes
    entry: Entry
    followup: FollowUp
    centres: Centres | None = None
    calendar: CalendarTrend | None = None
    imperfections: Imperfections | None = None
    published: dict[str, Printed] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> "World":
        taken = self._columns() & self.population.all_covariates().keys()
        if taken:
            raise ValueError(
                f"population: no covariate may be called '{min(taken)}'; cohorts have a column of that name"
            )
        named = self._outcome_names()
        for where, name in named:
            if name in RESERVED | set(ENDPOINTS):
                raise ValueError(f"{where}: none may be called '{name}'")
            if [other for _, other in named].count(name) > 1:
                raise ValueError(f"{where}: '{name}' is the name of another outcome, too")
        unknown = sorted(self.entry.requires.keys() - self.outcomes.exposure.keys())
        if unknown:
            raise ValueError(f"entry.requires: no treatment '{unknown[0]}' among outcomes.exposure")
        variables = {name: spec.variable(name) for name, spec in self.population.all_covariates().items()}
        for where, text in self._terms():
            try:
                term = parse_term(text, variables)
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from None
            if not term.operator and variables[term.variable].kind in ("ordinal", "nominal"):
                raise ValueError(f"{where}: '{text}' has several levels; compare it with one: {term.variable}=...")
        self._mechanisms_fit()
        centre = self.centres.covariate if self.centres else None
        if centre is not None and (centre not in variables or variables[centre].kind == "continuous"):
            raise ValueError(f"centres.covariate: no covariate '{centre}' with levels")
        for where, arms in itertools.chain(self._arm_keys(), self._shares()):
            unknown = [arm for arm in arms if arm not in self.arms.names()]
            if unknown:
                raise ValueError(f"{where}: no arm '{unknown[0]}' (the arms are {' and '.join(self.arms.names())})")
        for where, shares in self._shares():
            if set(shares) != set(self.arms.names()):
                raise ValueError(f"{where}: needs {' and '.join(self.arms.names())}")
        if parse_date(self.followup.cut_off) < parse_date(self.entry.accrual.end):
            raise ValueError("followup.cut_off: follow-up ends before accrual does")
        return self

    def _mechanisms_fit(self) -> None:
        """ValueError where two mechanisms do not go together, or one lacks what it needs."""
        informative = self.followup.informative
        if informative is not None and informative.frailty and self.outcomes.frailty is None:
            raise ValueError("followup.informative.frailty: needs outcomes.frailty")
        unknown = sorted(self.followup.censored_at.keys() - self.outcomes.conversion.keys())
        if unknown:
            raise ValueError(f"followup.censored_at: no conversion '{unknown[0]}' among outcomes.conversion")
        cure = self.outcomes.cure
        if cure and self.treatment.start and len(set(cure.shares.values())) > 1:
            raise ValueError("outcomes.cure: where treatment starts late both arms need the same share")
        if self.imperfections:
            self.imperfections.check(self.population, ENDPOINTS)
            if self.imperfections.treatment and self.treatment.start:
                raise ValueError("imperfections.treatment: has no meaning where treatment starts late")

    def _columns(self) -> set[str]:
        """Names of the columns that a table of cohorts has beside the covariates."""
        measured = {f"{endpoint}_{what}" for endpoint in ENDPOINTS for what in ("time", "event")}
        measured |= set(self.binary_outcomes())
        measured |= {"treatment_start", "assigned"} if self.treatment.start else set()
        return RESERVED | measured | {f"{column}_{arm}" for column in measured for arm in self.arms.names()}

    def _terms(self) -> Iterator[tuple[str, str]]:
        yield from (("treatment.log_odds", text) for text in self.treatment.log_odds)
        yield from (("followup.informative.log_hr", text) for text in self.dropout_log_hr())
        for name, missing in (self.imperfections.missing if self.imperfections else {}).items():
            yield from ((f"imperfections.missing.{name}.log_odds", text) for text in missing.log_odds)
        for name, transition in self.outcomes.transitions().items():
            yield from ((f"outcomes.{name}.log_hr", text) for text in transition.log_hr)
            yield from ((f"outcomes.{name}.treatment.modifiers", text) for text in transition.treatment.modifiers)

    def _outcome_names(self) -> list[tuple[str, str]]:
        """Where each outcome is named, and its name."""
        outcomes = self.outcomes
        found = [("outcomes.response.groups", name) for name in (outcomes.response.groups if outcomes.response else ())]
        found += [("outcomes.conversion", name) for name in outcomes.conversion]
        if outcomes.adverse_events:
            found += [("outcomes.adverse_events", name) for name in outcomes.adverse_events.names()]
        if outcomes.progression_modes:
            found += [("outcomes.progression_modes.modes", name) for name in outcomes.progression_modes.modes]
            found.append(("outcomes.progression_modes.death", outcomes.progression_modes.death))
        return found + [("outcomes.exposure", name) for name in outcomes.exposure]

    def _shares(self) -> Iterator[tuple[str, list[str]]]:
        outcomes = self.outcomes
        if outcomes.response:
            yield "outcomes.response.shares", list(outcomes.response.shares)
        if outcomes.cure:
            yield "outcomes.cure.shares", list(outcomes.cure.shares)
        if outcomes.subsequent:
            yield "outcomes.subsequent.shares", list(outcomes.subsequent.shares)
        if outcomes.adverse_events:
            yield "outcomes.adverse_events.overall.any", list(outcomes.adverse_events.overall.any)
        if outcomes.progression_modes:
            yield "outcomes.progression_modes.modes", list(next(iter(outcomes.progression_modes.modes.values())).share)
        yield from (
            (f"outcomes.conversion.{name}.shares", list(one.shares)) for name, one in outcomes.conversion.items()
        )

    def _arm_keys(self) -> Iterator[tuple[str, list[str]]]:
        yield "entry.guarantee_months", list(self.entry.guarantee_months)
        yield "followup.dropout", list(self.followup.dropout)
        yield from ((f"outcomes.exposure.{name}.arms", list(one.arms)) for name, one in self.outcomes.exposure.items())
        yield "followup.visit_months", list(self.followup.visit_months)
        yield "entry.complete_follow_up", list(self.entry.complete_follow_up)
        yield from self.imperfections.arm_keys() if self.imperfections else ()

    def dropout_log_hr(self) -> dict[str, float]:
        """The log hazard ratio of drop-out of each term."""
        return self.followup.informative.log_hr if self.followup.informative else {}

    def screened(self, size: int | None = None) -> int:
        """How many patients are screened for a study of ``population.size`` patients, or of another size."""
        return math.ceil((self.population.size if size is None else size) * self.entry.screened - 1e-9)

    def may_be_missing(self) -> tuple[str, ...]:
        """Names of the covariates that may have missing values."""
        return tuple(self.imperfections.missing) if self.imperfections else ()

    def binary_outcomes(self) -> tuple[str, ...]:
        """Names of the binary outcomes that a cohort of this world has."""
        return self.outcomes.binary_names()


NOT_THE_WORLD = (*WORDS, *(name for name in World.other_rooms if name not in (*WORDS, "analysis")))
"""Sections of a document on which neither virtual patients nor their analysis depend."""
