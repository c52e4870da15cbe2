"""Outcomes: the course of the disease as a graph of states, and the best response tied to it.

Both potential courses of a patient use the same luck: they differ by what treatment does, nothing else.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.special import gammaincinv, ndtri

from simulator.documents.spec import Name, Positive, Share, Spec
from simulator.mechanisms.adverse_events import AdverseEvents
from simulator.mechanisms.contract import TREATMENT, BothArms, Followed, Linked, Mechanism, Naming, Recording
from simulator.mechanisms.conversion import Conversion
from simulator.mechanisms.cure import Cure
from simulator.mechanisms.exposure import Exposure
from simulator.mechanisms.graph import ILLNESS_DEATH, START, CourseName, Edge, Graph, states_of
from simulator.mechanisms.hazards import Transition
from simulator.mechanisms.logistic_outcome import LogisticOutcome
from simulator.mechanisms.progression_modes import ProgressionModes
from simulator.mechanisms.subsequent import Subsequent
from simulator.numerics.arrays import Floats
from simulator.numerics.elementary import exp, normal_quantile
from simulator.numerics.streams import Luck


class Frailty(Mechanism):
    """A multiplier with mean 1 that the hazards of a patient share: of all ``transitions`` unless some are named."""

    words: ClassVar[str] = "a frailty"
    naming: ClassVar[Naming] = {"transitions": "hazard"}

    kind: Literal["gamma", "lognormal"]
    variance: Positive
    transitions: tuple[Name, ...] = ()

    def draw(self, luck: Luck) -> Floats:
        """Multipliers ``(R, N)`` with mean 1 and the stated variance."""
        if self.kind == "gamma":
            shape = 1.0 / self.variance
            return gammaincinv(shape, luck.uniform("frailty")) / shape  # type: ignore[no-any-return]
        sigma2 = np.log1p(self.variance)
        return exp(np.sqrt(sigma2) * luck.normal("frailty") - sigma2 / 2)


class Response(Linked):
    """Best response: categories from worst to best, shares by arm, and how strongly it follows the course.

    ``link`` is the latent normal correlation between best response and the luck of the transition that it ``follows``,
    the first of the course unless stated. ``groups`` names outcomes made of categories, such as objective response.
    """

    naming: ClassVar[Naming] = {"shares": "arms", "groups": "yes/no", "follows": "hazard"}
    recorded_only: ClassVar[bool] = True

    categories: tuple[Name, ...]
    shares: dict[str, tuple[Share, ...]]
    link: Annotated[float, Field(ge=0, lt=1)]
    groups: dict[Name, tuple[Name, ...]]

    @model_validator(mode="after")
    def _consistent(self) -> "Response":
        for arm, shares in self.shares.items():
            if len(shares) != len(self.categories):
                raise ValueError(f"shares of {arm}: {len(self.categories)} categories need as many shares")
            if abs(sum(shares) - 1) > 0.002:
                raise ValueError(f"shares of {arm} sum to {sum(shares):.4g}, not 1")
        for group, members in self.groups.items():
            unknown = [member for member in members if member not in self.categories]
            if unknown:
                raise ValueError(f"group {group}: no category {', '.join(unknown)}")
        return self

    def recording(self, place: str, courses: tuple[str, str], reference: Mapping[str, Floats]) -> Recording:
        """Whose best response is of each group."""
        return self._recorded

    def _recorded(self, patients: Followed) -> dict[str, BothArms]:
        assert patients.response is not None
        zero, one = patients.response
        inside = {name: np.isin(self.categories, members) for name, members in self.groups.items()}
        return {name: (among[zero], among[one]) for name, among in inside.items()}


class Outcomes(Spec):
    """The course of the disease, and what is recorded of it.

    ``states`` and ``transitions`` draw the graph of the course: everybody starts in the first state. Short forms need
    no states: ``course: single`` and ``course: competing`` lead from ``event-free`` by each transition to a state of
    its name; ``course: illness-death``, the default without states, has ``progression`` from ``event-free`` to
    ``progressed``, ``death`` from ``event-free`` to ``dead`` and ``death_after_progression``, whose clock is reset.

    ``centre`` says whose hazards the baselines are, those of drop-out included: of a patient with ``average`` terms, or
    of one whose terms are ``zero``. The average is over the population before anybody is screened.

    ``treatment_effect: none`` takes treatment out of every transition and of every record but the amounts received.
    """

    course: CourseName | None = None
    states: tuple[Name, ...] = ()
    transitions: dict[Name, Transition] = Field(default_factory=dict)
    progression: Transition | None = None
    death: Transition | None = None
    death_after_progression: Transition | None = None
    frailty: Frailty | None = None
    cure: Cure | None = None
    subsequent: Subsequent | None = None
    response: Response | None = None
    conversion: dict[Name, Conversion] = Field(default_factory=dict)
    binary: dict[Name, LogisticOutcome] = Field(default_factory=dict)
    adverse_events: AdverseEvents | None = None
    progression_modes: ProgressionModes | None = None
    exposure: dict[Name, Exposure] = Field(default_factory=dict)
    centre: Literal["average", "zero"] | None = None
    treatment_effect: Literal["as_stated", "none"] = "as_stated"

    @model_validator(mode="after")
    def _consistent(self) -> "Outcomes":
        for reason in self._misfits():
            raise ValueError(reason)
        for reason in self.graph.problems():
            raise ValueError(reason)
        if self.conversion and self.response is None:
            raise ValueError("conversion: needs a best response")
        for name, step in self.conversion.items():
            unknown = [one for one in step.among if self.response and one not in self.response.categories]
            if unknown:
                raise ValueError(f"conversion.{name}.among: no response category '{unknown[0]}'")
        return self

    def works(self) -> bool:
        """Whether treatment has the effects that are stated."""
        return self.treatment_effect == "as_stated"

    @cached_property
    def places(self) -> dict[str, str]:
        """The dotted place of each transition below the outcomes, by its name, in their order."""
        return {name: f"transitions.{name}" if name in self.transitions else name for name in self.by_transition()}

    def by_transition(self) -> dict[str, Transition]:
        """The transitions by name: in the order of the short form illness-death, in others as they are written."""
        fields = {name: getattr(self, name) for name in ILLNESS_DEATH}
        known = {**{name: spec for name, spec in fields.items() if spec is not None}, **self.transitions}
        if self._form() == "illness-death":
            known = {name: known[name] for name in (*(n for n in ILLNESS_DEATH if n in known), *known)}
        return known

    @cached_property
    def graph(self) -> Graph:
        """The graph of the course."""
        edges: list[Edge] = []
        form = self._form()
        for name, spec in self.by_transition().items():
            starts, end, forward = self._in_order(states_of(spec.origin)), spec.to or name, True
            if form == "illness-death":
                start, end, forward = ILLNESS_DEATH[name]
                starts = (start,)
            elif form:
                starts = (START,)
            forward = forward if spec.clock is None else spec.clock == "forward"
            for k, start in enumerate(starts):
                edges.append(Edge(f"{name}/{start}" if k else name, name, start, end, forward))
        ends = tuple(dict.fromkeys(edge.end for edge in edges))
        return Graph(self.states or (START, *ends), tuple(edges))

    def _in_order(self, states: tuple[str, ...]) -> tuple[str, ...]:
        """The states as they stand among all: luck does not depend on the order in which they are said."""
        return tuple(sorted(states, key=lambda state: self.states.index(state) if state in self.states else -1))

    def _form(self) -> CourseName | None:
        """The short form of the course; None where its states are stated."""
        return None if self.states else self.course or "illness-death"

    def _misfits(self) -> Iterator[str]:
        """Why transitions do not make a course."""
        form, named = self._form(), self.by_transition()
        if TREATMENT in named:
            yield f"transitions.{TREATMENT}: none may be called '{TREATMENT}', the name of the choice of treatment"
        twice = [name for name in self.transitions if name in ILLNESS_DEATH and getattr(self, name) is not None]
        if twice:
            yield f"transitions.{twice[0]}: stands beside '{twice[0]}' of the outcomes; keep one"
        if form is None:
            yield from self._misfits_of_states()
            return
        for name, spec in named.items():
            where = self.places[name]
            if states_of(spec.origin) or spec.to is not None:
                yield f"{where}: 'from' and 'to' belong to outcomes with 'states'; a short form knows its own"
            if form == "illness-death" and name not in ILLNESS_DEATH:
                yield (
                    f"{where}: 'course: illness-death' has the transitions {', '.join(ILLNESS_DEATH)}; "
                    "write 'states', or another 'course', for others"
                )
        missing = [name for name in ILLNESS_DEATH if name not in named] if form == "illness-death" else []
        if missing:
            yield f"{missing[0]}: missing key; 'course: illness-death' has the transitions {', '.join(ILLNESS_DEATH)}"
        if form == "single" and len(named) != 1:
            yield f"transitions: 'course: single' has one transition, not {len(named)}"
        if form == "competing" and len(named) < 2:
            yield f"transitions: 'course: competing' has two transitions at least, not {len(named)}"

    def _misfits_of_states(self) -> Iterator[str]:
        """Why stated states and transitions do not go together."""
        if self.course is not None:
            yield "course: a short form has no 'states'; leave one of the two out"
        if len(set(self.states)) < len(self.states):
            yield "states: one is given twice"
        if not self.by_transition():
            yield "transitions: missing key; states need transitions between them"
        for name, spec in self.by_transition().items():
            where, starts = self.places[name], states_of(spec.origin)
            for key, said in (("from", starts), ("to", () if spec.to is None else (spec.to,))):
                if not said:
                    yield f"{where}: missing key '{key}'; the states are {', '.join(self.states)}"
                for state in said:
                    if state not in self.states:
                        near = get_close_matches(state, self.states, 1)
                        mend = f"did you mean '{near[0]}'?" if near else f"the states are {', '.join(self.states)}"
                        yield f"{where}.{key}: no state '{state}'; {mend}"
            if len(set(starts)) < len(starts):
                yield f"{where}.from: a state is given twice"
            if spec.to in starts:
                yield f"{where}.to: leads back to '{spec.to}', from which it comes"


def latent_response(spec: Response, luck: Floats, own: Floats) -> Floats:
    """Standard normals ``(R, N)``: ``luck`` in (0, 1) is small for a late transition, ``own`` standard normal."""
    latent: Floats = np.sqrt(1 - spec.link**2) * own
    latent -= spec.link * normal_quantile(luck)
    return latent


def best_response(spec: Response, arm: str, latent: Floats) -> NDArray[np.int32]:
    """Positions of categories ``(R, N)`` in one arm for the normals of `latent_response`."""
    shares = np.array(spec.shares[arm])
    category = np.zeros(latent.shape, np.int32)
    for threshold in ndtri(np.clip(np.cumsum(shares)[:-1] / shares.sum(), 0.0, 1.0)):
        category += latent >= threshold
    return category
