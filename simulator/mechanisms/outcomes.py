"""Outcomes: one illness-death course per patient and arm, and the best response tied to it.

Three transitions leave a patient's state: ``progression``, ``death`` (without progression) and
``death_after_progression`` (its clock starts at progression). The hazard of each in a patient with terms x and arm a is

    frailty x baseline(t) x exp(sum of log_hr x term) x exp(a x (effect(t) + sum of modifiers x term)).

Progression-free survival ends at the first of progression and death without it, overall survival at death, hence PFS
<= OS always. Both potential courses of a patient use the same luck: they differ by what treatment does, nothing else.
"""

import functools
import itertools
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.special import gammaincinv, ndtri

from simulator.documents.spec import Name, NonNegative, Positive, Share, Spec
from simulator.mechanisms.adverse_events import AdverseEvents
from simulator.mechanisms.contract import AFTER, Around, BothArms, Followed, Mechanism, Naming, Recording
from simulator.mechanisms.conversion import Conversion
from simulator.mechanisms.cure import Cure
from simulator.mechanisms.exposure import Exposure
from simulator.mechanisms.progression_modes import ProgressionModes
from simulator.mechanisms.subsequent import Subsequent
from simulator.numerics.arrays import Floats
from simulator.numerics.compiled import kernel
from simulator.numerics.elementary import choose, exp, normal_quantile
from simulator.numerics.streams import Luck

LogHazardRatios = dict[str, float]
_STRIP = 512  # what one processor core's nearest memory holds several times
Rising = Annotated[tuple[Positive, ...], Field(description="increasing times")]


def _rising(cuts: tuple[float, ...]) -> None:
    if any(later <= earlier for earlier, later in itertools.pairwise(cuts)):
        raise ValueError("cuts must increase")


class Exponential(Spec):
    """A constant hazard."""

    kind: Literal["exponential"]
    rate: NonNegative

    def pieces(self) -> "Hazard":
        """The hazard as pieces."""
        return Hazard(np.array([0.0]), np.array([self.rate]), 1.0)


class Weibull(Spec):
    """Cumulative hazard (t / scale)^shape."""

    kind: Literal["weibull"]
    shape: Positive
    scale: Positive

    def pieces(self) -> "Hazard":
        """The hazard as pieces of the time scale t^shape, on which it is constant."""
        return Hazard(np.array([0.0]), np.array([self.scale**-self.shape]), self.shape)


class Piecewise(Spec):
    """Constant rates between cuts: ``rates[0]`` until ``cuts[0]``, ..., the last one for ever."""

    kind: Literal["piecewise"]
    cuts: Rising
    rates: tuple[NonNegative, ...]

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
    cuts: Rising = ()
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
    """A hazard of leaving a state: for an untreated patient whose terms are all zero, and what multiplies it."""

    coefficients: ClassVar[tuple[str, ...]] = ("log_hr", "treatment.modifiers")

    baseline: HazardSpec
    log_hr: LogHazardRatios = Field(default_factory=dict)
    treatment: Effect = Effect(log_hr=0.0)

    def changes(self, endpoint: str, around: Around) -> bool:
        """Whether treatment works on it."""
        works = any(self.treatment.steps()) or any(self.treatment.modifiers.values())
        return around.courses[0] != around.courses[1] and works


class Frailty(Mechanism):
    """A multiplier with mean 1 that all hazards of a patient share."""

    words: ClassVar[str] = "a frailty"

    kind: Literal["gamma", "lognormal"]
    variance: Positive

    def draw(self, luck: Luck) -> Floats:
        """Multipliers ``(R, N)`` with mean 1 and the stated variance."""
        if self.kind == "gamma":
            shape = 1.0 / self.variance
            return gammaincinv(shape, luck.uniform("frailty")) / shape  # type: ignore[no-any-return]
        sigma2 = np.log1p(self.variance)
        return exp(np.sqrt(sigma2) * luck.normal("frailty") - sigma2 / 2)


class Response(Mechanism):
    """Best response: categories from worst to best, shares by arm, and how strongly it follows the course.

    ``link`` is the latent normal correlation between best response and the luck of the time to progression. ``groups``
    names outcomes made of categories, such as objective response.
    """

    naming: ClassVar[Naming] = {"shares": "arms", "groups": "yes/no"}
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

    def recording(self, place: str, courses: tuple[str, str]) -> Recording:
        """Whose best response is of each group."""
        return self._recorded

    def _recorded(self, patients: Followed) -> dict[str, BothArms]:
        assert patients.response is not None
        zero, one = patients.response
        inside = {name: np.isin(self.categories, members) for name, members in self.groups.items()}
        return {name: (among[zero], among[one]) for name, among in inside.items()}


class Outcomes(Spec):
    """The course of the disease, and what is recorded of it.

    ``treatment_effect: none`` takes treatment out of every transition and of every record but the amounts received.
    """

    progression: Transition
    death: Transition
    death_after_progression: Transition
    frailty: Frailty | None = None
    cure: Cure | None = None
    subsequent: Subsequent | None = None
    response: Response | None = None
    conversion: dict[Name, Conversion] = Field(default_factory=dict)
    adverse_events: AdverseEvents | None = None
    progression_modes: ProgressionModes | None = None
    exposure: dict[Name, Exposure] = Field(default_factory=dict)
    treatment_effect: Literal["as_stated", "none"] = "as_stated"

    @model_validator(mode="after")
    def _consistent(self) -> "Outcomes":
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

    def transitions(self) -> dict[str, Transition]:
        """The transitions by name."""
        return {name: getattr(self, name) for name in TRANSITIONS}


TRANSITIONS = tuple(name for name, field in Outcomes.model_fields.items() if field.annotation is Transition)
"""The names of all transitions."""


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


@dataclass(frozen=True)
class Course:
    """The latent course of every patient in one arm, without censoring: times ``(R, N)``, +inf if never."""

    pfs: Floats
    os: Floats


def course(hazards: dict[str, Hazard], exposure: dict[str, Floats]) -> Course:
    """The course in one arm, from its hazards and each patient's exposure: unit exponential / multiplier ``(R, N)``."""
    progression = hazards["progression"].time(exposure["progression"])
    death = hazards["death"].time(exposure["death"])
    after = hazards[AFTER].time(exposure[AFTER])
    return joined(progression, death, after)


def joined(progression: Floats, death: Floats, after: Floats) -> Course:
    """The course of times to progression, to death without it, and from progression to death, ``(R, N)`` each."""
    return Course(np.minimum(progression, death), choose(progression < death, progression + after, death))


def latent_response(spec: Response, luck: Floats, own: Floats) -> Floats:
    """Standard normals ``(R, N)``: ``luck`` in (0, 1) is small for late progression, ``own`` standard normal."""
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
