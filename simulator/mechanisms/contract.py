"""What every mechanism tells of itself, so that nobody else keeps a list of mechanisms.

A mechanism is a Spec in a file of its own, and a field of the section of a world in which it stands: these two places
make it. The world checks what it names; cohorts are drawn through `Mechanism.shifts` at time zero and `Mechanism.acts`
after it, and what is recorded of them through `Mechanism.recording`; truth asks `changes` and `clusters`, questions ask
`biases`, and reports its ``words``. What it does not override says that it has nothing to do with the matter.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from pydantic import BaseModel

from simulator.cohort.predictors import Coefficients
from simulator.cohort.terms import Variable
from simulator.documents.spec import Name, Spec
from simulator.mechanisms.graph import ILLNESS_DEATH, Graph, TimeTo
from simulator.numerics.arrays import Bools, Floats, Positions
from simulator.numerics.elementary import exp, normal_quantile
from simulator.numerics.streams import Luck

Naming = Mapping[str, Literal["arms", "arm", "transition", "hazard", "state", "outcome", "yes/no"]]
"""By field, what its names are: both ``arms`` and no other, any ``arm``, a ``transition`` or the choice of treatment,
the ``hazard`` of a transition, a ``state`` that is entered, or an ``outcome`` to which it gives the name, such as a
``yes/no`` one.
"""
Named = tuple[str, str, Collection[str]]
"""A dotted place, what the names there are (as in `Naming`), and the names."""
TREATMENT = "treatment"
Doubts = Mapping[str, str]
Misleads = Mapping[str, tuple[str, str]]
Exposures = tuple[dict[str, Floats], dict[str, Floats]]
"""What each edge asks of its hazard in either arm, by its key, ``(R, N)`` each: a unit exponential / the multiplier."""


@dataclass(frozen=True)
class Bias:
    """What leads an analysis astray: its name, what a reader calls it, and the settings that end it."""

    name: str
    label: str
    off: dict[str, Any]


@dataclass(frozen=True)
class Around:
    """The world that a mechanism stands in. ``courses`` are the arms whose shares hold in the two potential courses,
    the control's in both where treatment has no effect; ``parts`` are all mechanisms by their dotted places.
    """

    arms: tuple[str, str]
    courses: tuple[str, str]
    endpoints: Mapping[str, TimeTo]
    graph: Graph
    measured: Mapping[str, Variable]
    hidden: Mapping[str, Variable]
    parts: Mapping[str, "Mechanism"]

    @property
    def variables(self) -> dict[str, Variable]:
        """Measured and hidden covariates by name."""
        return {**self.measured, **self.hidden}

    def named(self) -> Iterator[Named]:
        """All names that mechanisms give or use."""
        for place, part in self.parts.items():
            yield from part.named(place)

    def binary(self) -> tuple[str, ...]:
        """The names of the yes/no outcomes."""
        return tuple(name for _, what, names in self.named() if what == "yes/no" for name in names)

    def sums(self) -> dict[str, Coefficients]:
        """The coefficients that mechanisms give to terms of covariates, by their dotted places."""
        parts = self.parts.items()
        return {f"{place}.{key}": attrgetter(key)(part) for place, part in parts for key in part.coefficients}

    def biases(self) -> Iterator[Bias]:
        """The biases that are on."""
        for place, part in self.parts.items():
            yield from part.biases(place, self)

    def unlike(self, of_arm: Mapping[str, Any]) -> bool:
        """Whether the two potential courses differ in what is stated by arm."""
        return of_arm.get(self.courses[0]) != of_arm.get(self.courses[1])


@dataclass(frozen=True)
class AtEntry:
    """Patients as they enter: covariates ``values (K, R, N)``, measured and hidden; the time ``entry (R, N)`` from the
    start of accrual, and their mean in the long run; linear predictors ``(R, N)`` by the dotted place of coefficients;
    the arms whose shares hold in the two courses, the graph of these, how many units of time a month has, and the luck
    to draw from.
    """

    luck: Luck
    graph: Graph
    per_month: float
    courses: tuple[str, str]
    variables: Mapping[str, Variable]
    values: Floats
    entry: Floats
    mean_entry: float
    linear: dict[str, Floats]

    def value(self, name: str) -> Floats:
        """The values ``(R, N)`` of a covariate."""
        return self.values[list(self.variables).index(name)]  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Followed:
    """Patients whose two courses are drawn: the luck to draw from; best response as positions ``(R, N)`` among
    ``categories``, whose probabilities are ``chances`` by arm; ``spent (R, N)`` of each edge, small in the late;
    the names of the transitions, in their order; and the linear predictors ``(R, N)`` that recordings ask for.
    """

    luck: Luck
    response: tuple[Positions, Positions] | None
    categories: tuple[str, ...]
    chances: Mapping[str, tuple[float, ...]]
    spent: Mapping[str, Floats]
    transitions: tuple[str, ...]
    linear: Mapping[str, Floats]
    _late: dict[str, Floats] = field(default_factory=dict)

    def late(self, transition: str) -> Floats:
        """Standard normals ``(R, N)``, large in those whose transition is late."""
        if transition not in self._late:
            self._late[transition] = -normal_quantile(self.spent[transition])
        return self._late[transition]


BothArms = tuple[Bools, Bools]
"""Both potential values ``(R, N)`` of a yes/no outcome, untreated first."""
Recording = Callable[[Followed], Mapping[str, BothArms]]


class Mechanism(Spec):
    """A part of a world: what it names, what it does to patients, and whether it changes what treatment does."""

    words: ClassVar[str] = ""
    """What the world has by it, for a sentence that lists such things."""
    naming: ClassVar[Naming] = {}
    """By field, what the names in it are; under "" what its own name is, where it stands among others by name."""
    beside: ClassVar[Mapping[str, str]] = {}
    """Fields that mean nothing without another: that other field, by theirs."""
    coefficients: ClassVar[tuple[str, ...]] = ()
    """Fields in which terms of covariates have coefficients; each becomes a linear predictor."""
    recorded_only: ClassVar[bool] = False
    """Whether it is about what is recorded beside survival, and changes no survival."""
    misleads: ClassVar[Misleads] = {}
    """By field ("" for the whole mechanism), the name and the label of a bias that its default would end."""
    doubts: ClassVar[Doubts] = {}
    """What a study may doubt by it: in words, and as YAML in which $treated and $control stand for the arms, $endpoint
    for an endpoint, $transition for a transition, $passed for a state that is entered and left, $first for a covariate,
    $levelled for one whose first levels are $one and $two, and $dropout for a drop-out that is missing.
    """

    def named(self, place: str) -> Iterator[Named]:
        """The names in a mechanism that stands at a dotted place."""
        for key, what in self.naming.items():
            names = getattr(self, key) if key else place.rpartition(".")[2]
            yield below(place, key), what, (names,) if isinstance(names, str) else names or ()

    def unfit(self, around: Around) -> Iterator[tuple[str, str]]:
        """Why it cannot stand in this world: key and reason."""
        yield from ()

    def changes(self, endpoint: str, around: Around) -> bool:
        """Whether by it the endpoint, or what is seen of it, may differ between the two courses of a patient."""
        if self.recorded_only and endpoint in around.endpoints:
            return False
        return any(around.unlike(getattr(self, key)) for key, what in self.naming.items() if what == "arms")

    def clusters(self) -> bool:
        """Whether by it patients of a replicate share what bears on their hazards, drawn anew for each replicate."""
        return False

    def biases(self, place: str, around: Around) -> Iterator[Bias]:
        """The biases that are on in a mechanism that stands at a dotted place."""
        for key, (name, label) in self.misleads.items():
            here = getattr(self, key) if key else True
            if any(here.values()) if isinstance(here, dict) else here:
                off = [key, *(one for one, other in self.beside.items() if other == key and getattr(self, one))]
                yield Bias(name, label, {below(place, one): self._empty(one) for one in off})

    def _empty(self, key: str) -> Any:
        """The default of a field as a document has it; null for the whole mechanism."""
        empty = type(self).model_fields[key].get_default(call_default_factory=True) if key else None
        return list(empty) if isinstance(empty, tuple) else empty

    def shifts(self, place: str, patients: AtEntry) -> Mapping[str, Floats]:
        """What it adds ``(R, N)`` to the log odds of treatment and to the log hazards of transitions, by name."""
        return {}

    def acts(self, place: str, asked: Exposures, patients: AtEntry) -> Exposures:
        """What the transitions of patients ask of their hazards once it has acted."""
        return asked

    def recording(self, place: str, courses: tuple[str, str], reference: Mapping[str, Floats]) -> Recording | None:
        """What draws the yes/no outcomes that it names, with the shares of these arms in the two courses.

        ``reference`` has the linear predictors ``(M,)`` of many patients by the dotted place of coefficients.
        """
        return None


class Linked(Mechanism):
    """What is tied to luck by its ``link``: to that of the transition that it ``follows``."""

    beside: ClassVar[Mapping[str, str]] = {"follows": "link"}

    follows: Name | None = None

    def unfit(self, around: Around) -> Iterator[tuple[str, str]]:
        """Where what it follows is not the luck of one transition out of one state."""
        transitions = around.graph.transitions
        if not self.model_dump(include={"link"})["link"]:
            return
        if self.follows is None and len(transitions) > 1 and set(transitions) != set(ILLNESS_DEATH):
            yield "", f"missing key 'follows': the transition to whose luck it is linked ({', '.join(transitions)})"
        elif self.follows is not None and len(around.graph.keys_of([self.follows])) > 1:
            yield (
                "follows",
                f"'{self.follows}' leaves several states, with luck of its own in each; name one that leaves one",
            )


def below(place: str, key: str) -> str:
    """The dotted place of a key of what stands at a place; the place itself without one."""
    return f"{place}.{key}" if key else place


def hastened(asked: dict[str, Floats], edges: Iterable[str], log_hr: Floats) -> dict[str, Floats]:
    """One arm's exposures, some edges having a log hazard ratio ``(R, N)`` more."""
    with np.errstate(divide="ignore", over="ignore"):
        ratio = exp(log_hr)
        return {**asked, **{edge: asked[edge] / ratio for edge in edges}}


def parts_of(value: object, place: str) -> Iterator[tuple[str, Mechanism]]:
    """Every mechanism in a section with its dotted place, an outer one before its parts, in the order of the fields."""
    if isinstance(value, Mechanism):
        yield place, value
    if isinstance(value, BaseModel):
        value = {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, dict):
        for key, part in value.items():
            yield from parts_of(part, f"{place}.{key}")


def kinds_of(annotation: Any) -> Iterator[type[Mechanism]]:
    """The kinds of mechanisms that may stand in a Spec, or under any annotation, in the order of the fields."""
    if isinstance(annotation, type) and issubclass(annotation, Mechanism):
        yield annotation
    inside = [f.annotation for f in annotation.model_fields.values()] if hasattr(annotation, "model_fields") else ()
    for one in inside or get_args(annotation):
        yield from kinds_of(one)
