"""A world: all sections of a scenario document that say how cohorts come about, checked against each other."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any, ClassVar

import numpy as np
from pydantic import Field, model_validator

from simulator.cohort.estimand import TimeUnit
from simulator.cohort.predictors import Coefficients
from simulator.cohort.terms import Variable, parse_term
from simulator.documents.loading import load, parse, usual_endpoints_file
from simulator.documents.printed import Printed as Printed
from simulator.documents.printed import Quoted as Quoted
from simulator.documents.spec import Label, Name, Spec
from simulator.mechanisms.by_arm import Parted, solve_tilts
from simulator.mechanisms.calendar import CalendarTrend
from simulator.mechanisms.centres import Centres
from simulator.mechanisms.contract import TREATMENT, Around, Mechanism, Named, below, parts_of
from simulator.mechanisms.covariate_kinds import Numeric
from simulator.mechanisms.covariates import Population
from simulator.mechanisms.covariates import resolve as resolve_population
from simulator.mechanisms.entry import PER_MONTH, Entry, parse_date
from simulator.mechanisms.followup import FollowUp
from simulator.mechanisms.graph import TimeTo
from simulator.mechanisms.hazards import Transition
from simulator.mechanisms.imperfections import Imperfections
from simulator.mechanisms.outcomes import Outcomes
from simulator.mechanisms.randomisation import Randomised
from simulator.mechanisms.treatment import Treatment
from simulator.numerics.streams import Streams

DROPOUT = "followup.informative.log_hr"  # the place of what multiplies the hazard of drop-out
FEW = 4000  # patients in whom a document is tried
RESERVED = {"id", "arm", "replicate", "response", "included", "propensity", "treatment"}


class Arms(Spec):
    """Names of the two arms, by which a document speaks of them, and the labels that readers see in their place."""

    control: Name
    treated: Name
    control_label: Label | None = None
    treated_label: Label | None = None

    @model_validator(mode="before")
    @classmethod
    def _are_two(cls, given: object) -> object:
        if isinstance(given, tuple) or (
            isinstance(given, dict)
            and len(given.keys() - {"value", "source", "note", "control_label", "treated_label"}) > 2
        ):
            raise ValueError(
                "a world has two arms, control and treated; tell a study of more as one world for each comparison"
            )
        return given

    @model_validator(mode="after")
    def _differ(self) -> "Arms":
        if self.control == self.treated:
            raise ValueError("the two arms need different names")
        if self.words[0] == self.words[1]:
            raise ValueError("the two arms need different labels")
        return self

    @property
    def words(self) -> tuple[str, str]:
        """What readers call the control and the treated arm."""
        return self.control_label or self.control, self.treated_label or self.treated

    def names(self) -> tuple[str, str]:
        """Control first, then treated: the order of every pair of potential outcomes."""
        return self.control, self.treated


class UsualEndpoints(Spec):
    """The endpoints of worlds that name none, by the short form of their course."""

    single: dict[Name, TimeTo] = Field(default_factory=dict)
    illness_death: dict[Name, TimeTo] = Field(default_factory=dict, alias="illness-death")
    competing: dict[Name, TimeTo] = Field(default_factory=dict)


@cache
def _usual_endpoints() -> UsualEndpoints:
    return parse(load(str(usual_endpoints_file())), UsualEndpoints)


def usual_endpoints(tree: Mapping[str, Any]) -> dict[str, TimeTo]:
    """The endpoints of a world of this tree that names none; none where its course has no usual ones."""
    outcomes = tree.get("outcomes", {})
    if not isinstance(outcomes, Mapping) or outcomes.get("states"):
        return {}
    form = outcomes.get("course") or "illness-death"
    found: dict[str, TimeTo] = getattr(_usual_endpoints(), str(form).replace("-", "_"), {})
    return found


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
    time_unit: TimeUnit = "months"
    arms: Arms
    population: Population
    treatment: Treatment
    outcomes: Outcomes
    endpoints: dict[Name, TimeTo] = Field(default_factory=dict)
    entry: Entry
    followup: FollowUp
    centres: Centres | None = None
    calendar: CalendarTrend | None = None
    imperfections: Imperfections | None = None
    published: dict[str, Printed] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _with_usual_endpoints(cls, tree: object) -> object:
        """A world in the short form that has usual endpoints need not name them."""
        if not isinstance(tree, dict) or "endpoints" in tree or "outcomes" not in tree:
            return tree
        usual = usual_endpoints(tree)
        return {**tree, "endpoints": usual} if usual else tree

    @model_validator(mode="after")
    def _consistent(self) -> "World":
        around = self.around()
        taken = self._columns(around.binary()) & around.variables.keys()
        if taken:
            raise ValueError(
                f"population: no covariate may be called '{min(taken)}'; cohorts have a column of that name"
            )
        if not self.endpoints:
            there = ", ".join(self.outcomes.graph.states[1:])
            raise ValueError(f"endpoints: missing key; write 'NAME: {{event: STATE}}' ({there}) under endpoints")
        for name, endpoint in self.endpoints.items():
            for key, states in (("event", endpoint.events), ("competing", endpoint.rivals)):
                known = self.outcomes.graph.states[1:]
                _refuse_unknown(f"endpoints.{name}.{key}", "state", states, known, f"there are {', '.join(known)}")
        outcomes: set[str] = set()
        for named in around.named():
            _check_names(named, around, outcomes)
        for place, coefficients in around.sums().items():
            for text in coefficients:
                _check_term(place, text, around.variables)
        self._say_whose_hazards(around)
        for place, part in around.parts.items():
            for key, other in part.beside.items():
                if getattr(part, key) and not getattr(part, other):
                    raise ValueError(f"{below(place, key)}: has no meaning without '{other}'")
            for key, reason in part.unfit(around):
                raise ValueError(f"{below(place, key)}: {reason}")
        self._part_the_arms()
        misfit = self.entry.accrual.misfit(self.per_month)
        if misfit:
            raise ValueError(f"entry.accrual: {misfit}")
        last = self.followup.last_date
        if last is not None and parse_date(last) < parse_date(self.entry.accrual.end):
            raise ValueError("followup.cut_off: follow-up ends before accrual does")
        return self

    @property
    def by_lot(self) -> bool:
        """Whether treatment is drawn by lot: a way of randomising, or no log odds stated, and nothing else bears on it.

        An empty ``log_odds`` that is stated is that of a paper that prints nothing of what its arms differ in.
        """
        if isinstance(self.treatment, Randomised):
            return True
        named = self.around().named()
        bears = any(what == "transition" and TREATMENT in names for _, what, names in named)
        return "log_odds" not in self.treatment.model_fields_set and not self.population.by_arm() and not bears

    def pooled(self) -> Population:
        """The population, with what is stated by arm for all patients; ValueError if it cannot be."""
        return self.population.pooled(None if self.treatment.kind == "logistic" else self.treatment.share)

    def parted(self) -> list[Parted]:
        """What is asked of the covariates whose mean and SD are stated by arm."""
        kinds, names = self.pooled().all_covariates(), list(self.population.all_covariates())
        asked = []
        for name, arms in self.population.by_arm().items():
            all_patients = kinds[name]
            if isinstance(all_patients, Numeric) and all_patients.mean is not None and all_patients.sd is not None:
                asked.append(Parted(names.index(name), all_patients.mean, all_patients.sd, arms.treated))
        return asked

    def _part_the_arms(self) -> None:
        """ValueError where no log odds part the arms as stated, of a few patients."""
        asked = self.parted()
        if asked and self.treatment.kind != "logistic":
            drawn = resolve_population(self.pooled()).draw(Streams(0), np.zeros(1, np.int64), FEW)
            try:
                solve_tilts(asked, self.treatment.share, np.zeros((1, FEW)), drawn)
            except ValueError as error:
                first, *others = self.population.by_arm()
                where = "covariates" if first in self.population.covariates else "hidden"
                beside = f"beside {', '.join(others)}: " if others else ""
                raise ValueError(f"population.{where}.{first}.by_arm: {beside}{error}") from None

    def hazards(self) -> dict[str, Coefficients]:
        """The coefficients that multiply hazards, by their dotted places: those that ``outcomes.centre`` is about."""
        transitions = [f"outcomes.{place}" for place in self.outcomes.places.values()]
        places = [f"{place}.{key}" for place in transitions for key in Transition.coefficients]
        sums = self.around().sums()
        return {place: sums[place] for place in (*places, DROPOUT) if place in sums}

    def _say_whose_hazards(self, around: Around) -> None:
        """ValueError where a number multiplies hazards and nothing says at which value of it the baseline holds."""
        for place, coefficients in self.hazards().items() if self.outcomes.centre is None else ():
            for text in coefficients:
                term = parse_term(text, around.variables)
                if term.has_number(around.variables):
                    raise ValueError(
                        f"outcomes: missing key 'centre': whose hazards the baselines are, since {place} has '{text}'; "
                        f"write 'centre: average' (of the average patient) or 'centre: zero' (where {text} is 0)"
                    )

    @property
    def per_month(self) -> float:
        """How many of its units of time a month has."""
        return PER_MONTH[self.time_unit]

    def around(self) -> Around:
        """The world as its mechanisms may ask about it."""
        arms, population = self.arms.names(), self.population
        return Around(
            arms,
            arms if self.outcomes.works() else (arms[0], arms[0]),
            self.endpoints,
            self.outcomes.graph,
            {name: spec.variable(name) for name, spec in population.covariates.items()},
            {name: spec.variable(name) for name, spec in population.hidden.items()},
            dict(self.parts()),
        )

    @classmethod
    def sections(cls) -> tuple[str, ...]:
        """Its keys under which mechanisms and what they act on stand: what virtual patients depend on."""
        others = (*WORDS, *World.other_rooms, "time_unit", "arms")
        return tuple(name for name in cls.model_fields if name not in others)

    def parts(self) -> Iterator[tuple[str, Mechanism]]:
        """Every mechanism with its dotted place."""
        for name in self.sections():
            yield from parts_of(getattr(self, name), name)

    def _columns(self, binary: tuple[str, ...]) -> set[str]:
        """Names of the columns that a table of cohorts has beside the covariates."""
        measured = {f"{endpoint}_{what}" for endpoint in self.endpoints for what in ("time", "event")}
        measured |= set(binary)
        measured |= {"treatment_start", "assigned"} if self.treatment.start else set()
        return RESERVED | measured | {f"{column}_{arm}" for column in measured for arm in self.arms.names()}

    def screened(self, size: int | None = None) -> int:
        """How many patients are screened for a study of ``population.size`` patients, or of another size."""
        return math.ceil((self.population.size if size is None else size) * self.entry.screened - 1e-9)

    def may_be_missing(self) -> tuple[str, ...]:
        """Names of the covariates that may have missing values."""
        return tuple(self.imperfections.missing) if self.imperfections else ()

    def binary_outcomes(self) -> tuple[str, ...]:
        """Names of the binary outcomes that a cohort of this world has."""
        return self.around().binary()


def _check_names(named: Named, around: Around, outcomes: set[str]) -> None:
    """ValueError where names under a place are not those of arms or transitions, or an outcome cannot bear one.

    ``outcomes`` are those named so far, to which its own are added.
    """
    place, what, names = named
    if what in ("arms", "arm"):
        _refuse_unknown(place, "arm", names, around.arms, f"the arms are {' and '.join(around.arms)}")
        if what == "arms" and len(names) < len(around.arms):
            raise ValueError(f"{place}: needs {' and '.join(around.arms)}")
    elif what in ("transition", "hazard", "state"):
        graph = around.graph
        known = graph.states[1:] if what == "state" else graph.transitions
        known = (TREATMENT, *known) if what == "transition" else known
        _refuse_unknown(place, what.replace("hazard", "transition"), names, known, f"there are {', '.join(known)}")
    else:
        for name in names:
            if name in RESERVED | set(around.endpoints):
                raise ValueError(f"{place}: none may be called '{name}'")
            if name in outcomes:
                raise ValueError(f"{place}: '{name}' is the name of another outcome, too")
            outcomes.add(name)


def _refuse_unknown(place: str, what: str, names: Collection[str], known: Sequence[str], told: str) -> None:
    """ValueError for the first name that is not known, with the nearest that is."""
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise ValueError(f"{place}: no {what} '{name}' ({told}){f'; did you mean {near[0]!r}?' if near else ''}")


def _check_term(place: str, text: str, variables: Mapping[str, Variable]) -> None:
    """ValueError where a text is no term of the variables that is one number in each patient."""
    try:
        term = parse_term(text, variables)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
    for name in term.factors(variables):
        whose = "it" if term.alone else name
        raise ValueError(f"{place}: '{text}' has several levels; compare {whose} with one: {name}=...")


NOT_THE_WORLD = (*WORDS, *(name for name in World.other_rooms if name not in (*WORDS, "analysis")))
"""Sections of a document on which neither virtual patients nor their analysis depend."""
