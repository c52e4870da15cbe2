"""Adverse events: single rates and overall incidences, of any grade and severe, all at once.

A patient has a susceptibility Z, and for each event j a luck e_j of its own; all are independent standard normals, the
same in both arms. In an arm with the rates p_j (any grade) and s_j (severe)

    any grade of j:   e_j + k Z > a_j
    severe j:         any grade of j, and e_j + m Z > b_j.

The cut a_j = -ndtri(p_j) sqrt(1 + k^2) holds p_j whatever k is; b_j solves P(severe j) = s_j. Any event at all has the
probability 1 - E[prod_j Phi(a_j - k Z)], which falls from the value for independent events at k = 0 towards the largest
single rate: k is solved to give the stated overall incidence, then m to give that of severe events. Single rates hold
by bivariate normals, overall incidences by integrals over Z (trapezoidal rule).
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator
from scipy.special import ndtr, ndtri, owens_t

from simulator.documents.spec import Label, Name, Share
from simulator.mechanisms.contract import BothArms, Followed, Mechanism, Named, Naming, Recording
from simulator.numerics.arrays import Floats
from simulator.numerics.roots import brentq
from simulator.numerics.streams import Luck

Rates = dict[str, Share]
Singles = tuple[float, ...]

_SLOPES = np.concatenate([[0.0], np.geomspace(0.05, 100.0, 24)])  # 100 is a latent correlation of 0.9999
_PRINTED = 0.0005  # half of the last digit of a percentage: an overall incidence beyond the range by less is rounding
_Z = np.linspace(-8.5, 8.5, 3401)
_WEIGHT = np.exp(-(_Z**2) / 2)
_WEIGHT /= _WEIGHT.sum()
_STEPS = 200
_FAR = 38.0  # no normal lies beyond


class Grades(Mechanism):
    """Shares of an arm's patients: with the event in any grade, and with a severe one."""

    naming: ClassVar[Naming] = {"any": "arms", "severe": "arms"}
    recorded_only: ClassVar[bool] = True

    any: Rates
    severe: Rates

    @model_validator(mode="after")
    def _consistent(self) -> "Grades":
        if self.any.keys() != self.severe.keys():
            raise ValueError("'any' and 'severe' need the same arms")
        for arm, share in self.any.items():
            if self.severe[arm] > share:
                raise ValueError(f"{arm}: the severe share {self.severe[arm]:g} exceeds that of any grade, {share:g}")
        return self


class Event(Grades):
    """One adverse event."""

    label: Label


class AdverseEvents(Mechanism):
    """Adverse events by arm; ``name`` has whoever has any of them, and ``suffix`` marks the severe version of each."""

    name: Name
    suffix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,16}$")]
    overall: Grades
    events: Annotated[dict[Name, Event], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> "AdverseEvents":
        for name, event in self.events.items():
            if event.any.keys() != self.overall.any.keys():
                raise ValueError(f"events.{name}: needs the arms {' and '.join(self.overall.any)}, as 'overall' has")
        names = self.names()
        twice = sorted(name for name in names if names.count(name) > 1)
        if twice:
            raise ValueError(f"two outcomes would be called '{twice[0]}'")
        long = [name for name in names if len(name) > 64]
        if long:
            raise ValueError(f"'{long[0]}' is longer than 64 characters")
        return self

    def named(self, place: str) -> Iterator[Named]:
        """Every outcome."""
        yield place, "yes/no", self.names()

    def recording(self, place: str, courses: tuple[str, str], reference: Mapping[str, Floats]) -> Recording:
        """All events at once."""
        return partial(_recorded, resolve(self, courses))

    def names(self) -> list[str]:
        """The names of all outcomes: each event, then the overall one, each followed by its severe version."""
        return [version for name in (*self.events, self.name) for version in (name, name + self.suffix)]


@dataclass(frozen=True)
class EventCuts:
    """Slopes k and m, and cuts a and b ``(J,)``, of one arm."""

    any_slope: float
    severe_slope: float
    any_cuts: Floats
    severe_cuts: Floats


@dataclass(frozen=True)
class ResolvedAdverseEvents:
    """Adverse events ready to be drawn, in the control and in the treated arm."""

    spec: AdverseEvents
    arms: tuple[EventCuts, EventCuts]


def resolve(spec: AdverseEvents, arms: tuple[str, str]) -> ResolvedAdverseEvents:
    """The events with the dependence of both arms solved; an arm named twice takes out what treatment does."""
    for arm in arms:
        if arm not in spec.overall.any:
            raise ValueError(f"adverse events: no rates for arm '{arm}'")
    events = tuple(spec.events.values())
    solved = [
        _solve(
            arm,
            tuple(event.any[arm] for event in events),
            tuple(event.severe[arm] for event in events),
            (spec.overall.any[arm], spec.overall.severe[arm]),
        )
        for arm in arms
    ]
    return ResolvedAdverseEvents(spec, (solved[0], solved[1]))


@lru_cache(maxsize=64)  # the cells of a sweep share their events as a rule
def _solve(arm: str, any_grade: Singles, severe_grade: Singles, overall: tuple[float, float]) -> EventCuts:
    """The slopes and cuts of an arm, from its single incidences of any and of severe grade and the overall ones."""
    rates, severe = np.array(any_grade), np.array(severe_grade)

    def chances(slope: float) -> Floats:
        return ndtr(slope * _Z - _cuts(rates, slope)[:, None])  # type: ignore[no-any-return]

    slope = _slope(lambda k: _at_least_one(chances(k)), overall[0], f"{arm}, any grade", rates)
    cuts, found = _cuts(rates, slope), chances(slope)

    def severe_chances(steep: float) -> Floats:
        return np.minimum(found, ndtr(steep * _Z - _severe_cuts(severe, steep, rates, slope)[:, None]))  # type: ignore[no-any-return]

    steep = _slope(lambda m: _at_least_one(severe_chances(m)), overall[1], f"{arm}, severe", severe)
    return EventCuts(slope, steep, cuts, _severe_cuts(severe, steep, rates, slope))


def _at_least_one(chances: Floats) -> float:
    """The probability of any of J events that are independent given Z, from their probabilities ``(J, Z)``.

    Summed by numpy, since a sum by BLAS depends on its threads.
    """
    return float(((1.0 - np.prod(1.0 - chances, axis=0)) * _WEIGHT).sum())


def _slope(overall: Callable[[float], float], stated: float, what: str, rates: Floats) -> float:
    """The smallest slope that gives the stated overall incidence, which need not fall all the way to the steepest."""
    values = [overall(0.0)]
    if values[0] <= stated <= values[0] + _PRINTED:
        return 0.0
    for flat, steep in itertools.pairwise(_SLOPES):
        values.append(overall(steep))
        if min(values[-2:]) <= stated <= max(values[-2:]):
            return float(brentq(lambda slope: overall(slope) - stated, flat, steep, xtol=1e-12))
    best = int(np.argmin(np.abs(np.array(values) - stated)))
    if abs(values[best] - stated) <= _PRINTED:
        return float(_SLOPES[best])
    raise ValueError(
        f"adverse events of {what}: the overall incidence cannot be {stated:.4g}; single rates up to {rates.max():.4g} "
        f"and {rates.sum():.4g} events per patient allow {min(values):.4g} (the strongest dependence) to "
        f"{max(values):.4g} (none)"
    )


def _cuts(rates: Floats, slope: float) -> Floats:
    """The cuts ``(J,)`` above which a luck of its own plus slope times Z lies with the stated probabilities."""
    return -ndtri(rates) * np.hypot(1.0, slope)  # type: ignore[no-any-return]


def _severe_cuts(severe: Floats, m: float, rates: Floats, k: float) -> Floats:
    """The cuts b ``(J,)`` at which events with these rates are severe in these shares: bracketed Newton steps.

    P(severe) is the mean of Phi(m Z - b) where that is the smaller, of Phi(k Z - a) elsewhere: two bivariate normals.
    """
    cuts = _cuts(severe, m)  # the largest: they would do if severe events did not need one of any grade
    cuts[severe >= rates - 1e-12] = -np.inf
    sought = np.isfinite(cuts)
    if m == k or not sought.any():
        return cuts
    side, spread = np.sign(m - k), np.hypot(1.0, m)
    asked, b = severe[sought], cuts[sought]
    a = np.maximum(_cuts(rates[sought], k), -1e6)
    low, high = np.full(b.shape, -_FAR * (spread + 1.0)), b.copy()
    for _ in range(_STEPS):
        cross = np.clip((b - a) / (m - k), -_FAR, _FAR)
        here, there = _below(m, b, side * cross, side), _below(k, a, -side * cross, -side)
        excess = here + there - asked
        if not (np.abs(excess) > 1e-14).any():
            break
        low, high = np.where(excess > 0, b, low), np.where(excess > 0, high, b)
        fall = np.exp(-((b / spread) ** 2) / 2) / np.sqrt(2 * np.pi) / spread
        fall *= ndtr(side * (spread * cross - m * b / spread))
        newton = b + excess / np.maximum(fall, 1e-300)
        b = np.where((newton > low) & (newton < high), newton, (low + high) / 2)
    cuts[sought] = b
    return cuts


def _below(slope: float, cuts: Floats, end: Floats, side: float) -> Floats:
    """The probabilities of e < slope Z - cut and side Z < end, for independent normals e and Z.

    Owen (1956), Annals of Mathematical Statistics 27:1075, equation 2.1.
    """
    spread = np.hypot(1.0, slope)
    r = -side * slope / spread  # the correlation of (e - slope Z) / spread with side Z
    h, k = -cuts / spread, end
    h, k = np.where(h == 0.0, 1e-300, h), np.where(k == 0.0, 1e-300, k)
    with np.errstate(over="ignore"):
        one, other = owens_t(h, (k / h - r) * spread), owens_t(k, (h / k - r) * spread)
    return (ndtr(h) + ndtr(k) - (h * k < 0)) / 2 - one - other  # type: ignore[no-any-return]


def _recorded(resolved: ResolvedAdverseEvents, patients: Followed) -> dict[str, BothArms]:
    return draw(resolved, patients.luck)


def draw(resolved: ResolvedAdverseEvents, luck: Luck) -> dict[str, BothArms]:
    """Both potential values ``(R, N)``, control first, of every outcome in the order of ``spec.names()``."""
    spec = resolved.spec
    susceptibility = luck.normal("adverse_events/susceptibility")
    tilts = [(arm.any_slope * susceptibility, arm.severe_slope * susceptibility) for arm in resolved.arms]
    drawn: dict[str, BothArms] = {}
    nobody = np.zeros(susceptibility.shape, np.bool_)
    overall = [(nobody.copy(), nobody.copy()) for _ in resolved.arms]
    for j, name in enumerate(spec.events):
        own = luck.normal(f"adverse/{name}")
        both = []
        for arm, (any_tilt, severe_tilt), (anyone, severely) in zip(resolved.arms, tilts, overall, strict=True):
            found = own + any_tilt > arm.any_cuts[j]
            severe = own + severe_tilt > arm.severe_cuts[j]
            severe &= found
            anyone |= found
            severely |= severe
            both.append((found, severe))
        drawn[name] = (both[0][0], both[1][0])
        drawn[name + spec.suffix] = (both[0][1], both[1][1])
    drawn[spec.name] = (overall[0][0], overall[1][0])
    drawn[spec.name + spec.suffix] = (overall[0][1], overall[1][1])
    return drawn
