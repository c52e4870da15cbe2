"""The course of a patient as a graph of states: who starts where, which transitions lead on, and endpoints of states.

Everybody starts in the first state at time zero. A transition leads from one or several states to another, each time
with luck of its own; the earliest of those that leave a state is what happens. No state is entered twice. Endpoints
are sets of states by names of the user's own: the time at which the first of them is entered, and the states whose
entry makes it impossible, the competing ones.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from pydantic import model_validator

from simulator.documents.spec import Label, Name, Spec
from simulator.numerics.arrays import Floats
from simulator.numerics.elementary import choose

Clock = Literal["forward", "reset"]
CourseName = Literal["single", "illness-death", "competing"]
START = "event-free"


States = Name | tuple[Name, ...]
"""One state, or several."""


def states_of(said: States) -> tuple[str, ...]:
    """The states that are said, be it one or several."""
    return (said,) if isinstance(said, str) else said


@dataclass(frozen=True)
class Edge:
    """One way from a state to another: its transition, whether its clock runs on (``forward``) or starts anew there.

    ``key`` names its luck: the transition's own name from the first of the states that it leaves, in the order of all
    states; name/state from others.
    """

    key: str
    transition: str
    start: str
    end: str
    forward: bool


ILLNESS_DEATH = {
    "progression": (START, "progressed", True),
    "death": (START, "dead", True),
    "death_after_progression": ("progressed", "dead", False),
}
"""The transitions of the short form ``course: illness-death``: from, to, and whether the clock runs on."""


@dataclass(frozen=True)
class Graph:
    """States, the first being where everybody starts, and the edges between them in the order of the transitions."""

    states: tuple[str, ...]
    edges: tuple[Edge, ...]

    @cached_property
    def absorbing(self) -> tuple[str, ...]:
        """The states that nobody leaves: they end follow-up."""
        return tuple(state for state in self.states if not self.out_of(state))

    @cached_property
    def passed(self) -> tuple[str, ...]:
        """The states that are entered and may be left."""
        return tuple(state for state in self.states[1:] if self.out_of(state))

    @cached_property
    def transitions(self) -> tuple[str, ...]:
        """The names of the transitions."""
        return tuple(dict.fromkeys(edge.transition for edge in self.edges))

    @cached_property
    def in_order(self) -> tuple[str, ...]:
        """The states, each after all from which it may be entered; ValueError where there is a circle."""
        left, found = list(self.states), []
        while left:
            ready = [state for state in left if not any(e.end == state and e.start in left for e in self.edges)]
            if not ready:
                circle = " to ".join(self._circle(left))
                raise ValueError(f"states: transitions lead in a circle ({circle}); no state is entered twice")
            found.append(ready[0])
            left.remove(ready[0])
        return tuple(found)

    def _circle(self, among: Sequence[str]) -> list[str]:
        """A circle among states into each of which another of them leads; its first state again at the end."""
        way = [among[0]]
        while way[-1] not in way[:-1]:
            way.append(next(edge.start for edge in self.edges if edge.end == way[-1] and edge.start in among))
        return way[way.index(way[-1]) :][::-1]

    def out_of(self, state: str) -> tuple[Edge, ...]:
        """The edges that leave a state."""
        return tuple(edge for edge in self.edges if edge.start == state)

    def keys_of(self, transitions: Sequence[str]) -> tuple[str, ...]:
        """The keys of all edges of some transitions."""
        return tuple(edge.key for edge in self.edges if edge.transition in transitions)

    def left(self, stated: str | None) -> str:
        """The stated state, or the only one that is entered and left."""
        return self.passed[0] if stated is None else stated

    def problems(self) -> Iterator[str]:
        """What is wrong with it as a whole."""
        entered = {edge.end for edge in self.edges}
        if self.states[0] in entered:
            yield f"states: everybody starts in '{self.states[0]}', the first; no transition may lead to it"
        for state in self.states[1:]:
            if state not in entered:
                yield f"states: no transition leads to '{state}'"
        _ = self.in_order


def unfit_to_leave(key: str, stated: str | None, graph: Graph) -> Iterator[tuple[str, str]]:
    """Key and reason where what a mechanism needs, a state that is entered and left again, is not what it says."""
    known = ", ".join(graph.passed)
    if not graph.passed:
        yield "", "needs a state that is entered and left again; this course has none"
    elif stated is None and len(graph.passed) > 1:
        yield "", f"missing key '{key}'; the states that are entered and left again are {known}"
    elif stated is not None and stated not in graph.passed:
        yield key, f"'{stated}' is not entered and left again; {known} {'is' if len(graph.passed) == 1 else 'are'}"


@dataclass(frozen=True)
class Course:
    """The course of every patient in one arm: when each state but the first is entered ``(R, N)``, +inf if never."""

    graph: Graph
    entered: Mapping[str, Floats]

    @cached_property
    def end(self) -> Floats:
        """When a state is entered that nobody leaves ``(R, N)``."""
        return self.first(self.graph.absorbing)

    def first(self, states: Sequence[str]) -> Floats:
        """When the first of some states is entered ``(R, N)``."""
        time = self.entered[states[0]]
        for state in states[1:]:
            time = np.minimum(time, self.entered[state])
        return time


class TimeTo(Spec):
    """An endpoint: the states whose first entry is the event, and those whose entry before it makes it impossible.

    Follow-up of the endpoint ends, as by drop-out, where a state that nobody leaves is entered and is neither.
    """

    event: States
    competing: States = ()
    label: Label | None = None

    @model_validator(mode="after")
    def _apart(self) -> "TimeTo":
        if not self.events:
            raise ValueError("event: needs a state at least")
        for key, states in (("event", self.events), ("competing", self.rivals)):
            if len(set(states)) < len(states):
                raise ValueError(f"{key}: a state is given twice")
        both = [state for state in self.events if state in self.rivals]
        if both:
            raise ValueError(f"competing: '{both[0]}' is an event already")
        return self

    @property
    def events(self) -> tuple[str, ...]:
        """The states whose first entry is the event."""
        return states_of(self.event)

    @property
    def rivals(self) -> tuple[str, ...]:
        """The competing states."""
        return states_of(self.competing)


def event_time(spec: TimeTo, course: Course) -> Floats:
    """When the event happens ``(R, N)``; +inf in those who never have it, or to whom a competing state comes first."""
    time = course.first(spec.events)
    if not spec.rivals:
        return time
    return np.where(course.first(spec.rivals) < time, np.inf, time)


def competing_time(spec: TimeTo, course: Course) -> Floats | None:
    """When a competing state is entered before the event ``(R, N)``, +inf if not; None where none competes."""
    if not spec.rivals:
        return None
    time = course.first(spec.rivals)
    return np.where(time < course.first(spec.events), time, np.inf)


def lost_time(spec: TimeTo, course: Course) -> Floats | None:
    """When a state that is neither event nor competing ends the course ``(R, N)``, +inf if none does; None for none."""
    others = [state for state in course.graph.absorbing if state not in (*spec.events, *spec.rivals)]
    return course.first(others) if others else None


def unaccounted(spec: TimeTo, graph: Graph) -> tuple[str, ...]:
    """The states that end a patient's course before the event or a competing state, and are neither."""
    own, found, left = {*spec.events, *spec.rivals}, set(), [graph.states[0]]
    while left:
        state = left.pop()
        if state not in found and state not in own:
            found.add(state)
            left += [edge.end for edge in graph.out_of(state)]
    return tuple(state for state in graph.absorbing if state in found)


def first_of(edges: Sequence[Edge], times: Sequence[Floats]) -> dict[str, Floats]:
    """By state, when the earliest of several edges out of a state leads there ``(R, N)``, +inf where another does.

    Of equal times the last edge's counts.
    """
    if len(edges) == 1:
        return {edges[0].end: times[0]}
    never = np.full(times[0].shape, np.inf)
    earliest, taken = times[-1], times[-1]  # of the edges from the last back to this one
    found: dict[str, Floats] = {}
    for edge, time in zip(reversed(edges[:-1]), reversed(times[:-1]), strict=True):
        sooner = time < earliest
        found = {end: choose(sooner, never, entered) for end, entered in found.items()}
        taken = choose(sooner, never, taken)
        led = choose(sooner, time, never)
        found[edge.end] = np.minimum(found[edge.end], led) if edge.end in found else led
        earliest = np.minimum(time, earliest)
    last = edges[-1].end
    return {**found, last: np.minimum(found[last], taken) if last in found else taken}
