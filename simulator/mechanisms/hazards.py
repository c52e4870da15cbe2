"""Hazards: constant, Weibull or piecewise, what treatment does to them over time, and the transition that has one.

The hazard of a transition in a patient with terms x and arm a is

    frailty x baseline(t) x exp(sum of log_hr x term) x exp(a x (effect(t) + sum of modifiers x term)),

t being the time on the clock of the transition: since time zero, or since its state was entered.
"""

import functools
import itertools
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from simulator.documents.spec import RATE, TIME, Name, NonNegative, Positive, Spec
from simulator.mechanisms.contract import Around, Mechanism
from simulator.mechanisms.graph import Clock, States
from simulator.numerics.arrays import Floats
from simulator.numerics.compiled import kernel
from simulator.numerics.elementary import exp

LogHazardRatios = dict[str, float]
_STRIP = 512  # what one processor core's nearest memory holds several times
Rising = Annotated[tuple[Positive, ...], Field(description="increasing times")]


def _rising(cuts: tuple[float, ...]) -> None:
    if any(later <= earlier for earlier, later in itertools.pairwise(cuts)):
        raise ValueError("cuts must increase")


class Exponential(Spec):
    """A constant hazard, per unit of time."""

    kind: Literal["exponential"]
    rate: Annotated[NonNegative, RATE]

    def pieces(self) -> "Hazard":
        """The hazard as pieces."""
        return Hazard(np.array([0.0]), np.array([self.rate]), 1.0)


class Weibull(Spec):
    """Cumulative hazard (t / scale)^shape, the scale in units of time."""

    kind: Literal["weibull"]
    shape: Positive
    scale: Annotated[Positive, TIME]

    def pieces(self) -> "Hazard":
        """The hazard as pieces of the time scale t^shape, on which it is constant."""
        return Hazard(np.array([0.0]), np.array([self.scale**-self.shape]), self.shape)


class Piecewise(Spec):
    """Constant rates per unit of time between cuts: ``rates[0]`` until the time ``cuts[0]``, ..., the last for ever."""

    kind: Literal["piecewise"]
    cuts: Annotated[Rising, TIME]
    rates: Annotated[tuple[NonNegative, ...], RATE]

    @model_validator(mode="after")
    def _consistent(self) -> "Piecewise":
        _rising(self.cuts)
        if len(self.rates) != len(self.cuts) + 1:
            raise ValueError(f"{len(self.cuts)} cuts need {len(self.cuts) + 1} rates, not {len(self.rates)}")
        return self

    def pieces(self) -> "Hazard":
        """The hazard as pieces."""
        return Hazard(np.array([0.0, *self.cuts]), np.array(self.rates), 1.0)


HazardSpec = Annotated[Exponential | Weibull | Piecewise, Field(discriminator="kind")]


class Effect(Spec):
    """What treatment does to a transition: a log hazard ratio, constant or one per interval between ``cuts``.

    ``modifiers`` are added to it in patients with the term.
    """

    log_hr: float | tuple[float, ...]
    cuts: Annotated[Rising, TIME] = ()
    modifiers: LogHazardRatios = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> "Effect":
        _rising(self.cuts)
        if len(self.steps()) != len(self.cuts) + 1:
            raise ValueError(f"{len(self.cuts)} cuts need {len(self.cuts) + 1} log hazard ratios")
        return self

    def steps(self) -> tuple[float, ...]:
        """The log hazard ratio in each interval."""
        return self.log_hr if isinstance(self.log_hr, tuple) else (self.log_hr,)


class Transition(Mechanism):
    """A hazard of leaving a state in the control arm, of the patient that ``outcomes.centre`` says; what multiplies it.

    ``from`` is the state that it leaves, or several, and ``to`` the one to which it leads; a short form of the course
    knows both. On the clock ``forward`` time is that since time zero; ``reset`` starts it anew when the state is
    entered. Steps of the effect run on the same clock.
    """

    model_config = ConfigDict(serialize_by_alias=True)
    coefficients: ClassVar[tuple[str, ...]] = ("log_hr", "treatment.modifiers")

    origin: States = Field(default=(), alias="from")
    to: Name | None = None
    clock: Clock | None = None
    baseline: HazardSpec
    log_hr: LogHazardRatios = Field(default_factory=dict)
    treatment: Effect = Effect(log_hr=0.0)

    def changes(self, endpoint: str, around: Around) -> bool:
        """Whether treatment works on it."""
        works = any(self.treatment.steps()) or any(self.treatment.modifiers.values())
        return around.courses[0] != around.courses[1] and works


@kernel
def _reach(exposure: Floats, starts: Floats, reached: Floats, rates: Floats, out: Floats) -> None:
    """Fill ``out (M,)`` with the times at which a piecewise constant hazard has accumulated ``exposure (M,)``."""
    for first in range(0, exposure.size, _STRIP):
        asked, time = exposure[first : first + _STRIP], out[first : first + _STRIP]
        for j in range(starts.size):
            start, before, rate = starts[j], reached[j], rates[j]
            if rate == 0.0:
                for i in range(time.size):
                    time[i] = time[i] if asked[i] < before else np.inf
            else:
                for i in range(time.size):
                    time[i] = time[i] if asked[i] < before else start + np.divide(asked[i] - before, rate)


@dataclass(frozen=True)
class Hazard:
    """A hazard that is constant, on the scale t^power, from each start (J,) to the next: rates ``(J,)``."""

    starts: Floats
    rates: Floats
    power: float

    def under(self, effect: Effect) -> "Hazard":
        """The hazard multiplied by exp of the effect's steps."""
        steps = np.array([0.0, *effect.cuts]) ** self.power
        starts = np.union1d(self.starts, steps)
        rates = self.rates[np.searchsorted(self.starts, starts, side="right") - 1]
        log_hr = np.array(effect.steps())[np.searchsorted(steps, starts, side="right") - 1]
        return Hazard(starts, rates * exp(log_hr), self.power)

    @functools.cached_property
    def reached(self) -> Floats:
        """The cumulative hazard at every start ``(J,)``."""
        return np.concatenate([[0.0], np.cumsum(self.rates[:-1] * np.diff(self.starts))])

    def time(self, exposure: Floats) -> Floats:
        """Times (any shape) at which the cumulative hazard reaches ``exposure``; +inf where it never does."""
        time = np.empty(exposure.shape)
        _reach(exposure.reshape(-1), self.starts, self.reached, self.rates, time.reshape(-1))
        return time if self.power == 1.0 else time ** (1.0 / self.power)

    def cumulative(self, time: Floats) -> Floats:
        """The cumulative hazard at finite times of any shape."""
        scaled = time if self.power == 1.0 else time**self.power
        piece = np.searchsorted(self.starts, scaled, side="right") - 1
        reached: Floats = self.reached[piece] + self.rates[piece] * (scaled - self.starts[piece])
        return reached
