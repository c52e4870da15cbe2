"""Suspicions of bias that can be raised against any two-arm study of survival, each with a size and a usual size.

Each says what it sets in the world for a size. All favour the arm that the paper favours: by the trait that nobody
recorded, by asking that arm to have survived, by counting the wait for treatment as survival under it, or by losing its
sick. Usual sizes are conventions, told with every verdict: a trait as strong as the strongest that the paper measured
and at least twofold; a quarter of the time in which half of the untreated have the event, or for which half of the
patients could be followed, if that is shorter; a fifth of the arm lost.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import exp, log, sqrt
from typing import Any, Literal

import numpy as np

from benchmarks.asked.scenario import Free, Scenario, Settings, Suspected
from benchmarks.questions.tipping import Benchmark, benchmarks_of
from simulator.numerics.roots import brentq

TRAIT, FRAIL = "review_trait", "review_frail"
LEAST_TRAIT = 2.0
"""So many times likelier treatment, and so many times rarer the event, are usual where the paper measured less."""
STRENGTHS = (1.25, 1.5, 2.0, 3.0, 4.5, 6.5, 10.0)
QUARTER = 0.25
PARTS = (0.1, 0.25, 0.5, 1.0, 1.5)
"""Sizes of what is a time, in parts of `benchmarks.review.effects.scale_of`."""
LOST = (0.1, 0.2, 0.35, 0.5)
USUALLY_LOST = 0.2
SICKER, LEAVES = 2.0, 5.0
"""How many times likelier the event is in half of the patients, and how many times likelier they leave."""
SCREENED = 1.5
SMALLEST = 0.02  # of the usual size: next to nothing

SuspicionName = Literal["unmeasured", "survivors", "waiting", "leaving"]
NAMES: tuple[SuspicionName, ...] = ("unmeasured", "survivors", "waiting", "leaving")


@dataclass(frozen=True)
class Suspicion:
    """A suspicion against a study: its sizes, increasing, the ``usual`` one among them, and what it sets in the world.

    ``fixed`` is set whatever the size; ``paths`` map a place of the world to a function of the size. ``unit`` is that
    of sizes: ``fold``, the world's unit of time, or ``share``. ``asked`` is the suspicion with a prior for
    `compatible`.
    """

    name: SuspicionName
    unit: str
    sizes: tuple[float, ...]
    usual: float
    fixed: Mapping[str, Any]
    paths: Mapping[str, Any] = field(compare=False)
    asked: Suspected = field(compare=False)

    def settings(self, size: float) -> Settings:
        """What the world says at a size, without ``fixed``."""
        return {path: value(size) for path, value in self.paths.items()}


def suspicions(scenario: Scenario, sign: float, scale: float) -> tuple[Suspicion, ...]:
    """The suspicions that fit a study; ``sign`` is -1 where its ratio favours the treated, ``scale`` a time.

    ``scale`` is that of `benchmarks.review.effects.scale_of`, in the world's unit.
    """
    return tuple(_of(scenario, sign, scale))


def strongest(scenario: Scenario) -> Benchmark | None:
    """The measured term that steers treatment and outcome most: by the product of the logarithms of both ratios."""
    found = benchmarks_of(scenario)
    return max(found, key=lambda one: abs(log(one.odds_ratio) * log(one.hazard_ratio)), default=None)


def usual_strength(scenario: Scenario) -> float:
    """A usual strength of an unrecorded trait: the strongest measured one's, on both sides alike, at least twofold."""
    own = strongest(scenario)
    if own is None:
        return LEAST_TRAIT
    return max(LEAST_TRAIT, exp(sqrt(abs(log(own.odds_ratio) * log(own.hazard_ratio)))))


def _of(scenario: Scenario, sign: float, scale: float) -> Iterator[Suspicion]:
    places = tuple(scenario.outcomes.places.values())
    favoured = scenario.arms.treated if sign < 0 else scenario.arms.control
    if not scenario.by_lot:
        yield _unmeasured(scenario, sign, places)
    yield _survivors(scenario, favoured, scale)
    if sign < 0 and scenario.treatment.start is None and not scenario.by_lot:  # a trial's clock starts with the lot
        yield _waiting(scenario, scale)
    if scenario.followup.events is None:
        yield _leaving(favoured, places, scale)


def _sizes(sizes: tuple[float, ...], usual: float) -> tuple[float, ...]:
    """The sizes with the usual one among them; those that are nearly that are left out."""
    return tuple(sorted({usual, *(one for one in sizes if abs(log(one / usual)) > 0.1)}))


def hidden_trait(name: str, label: str) -> dict[str, Any]:
    """A trait that half of the patients have and nobody recorded."""
    shares = {"absent": 0.5, "present": 0.5}
    return {f"population.hidden.{name}": {"kind": "binary", "label": label, "shares": shares}}


def _unmeasured(scenario: Scenario, sign: float, places: tuple[str, ...]) -> Suspicion:
    usual = usual_strength(scenario)
    odds = f"treatment.log_odds.{TRAIT}"
    hazards = {f"outcomes.{place}.log_hr.{TRAIT}": lambda size: sign * log(size) for place in places}
    top, mid = log(usual), log(usual) / 2
    toward = (0.0, top) if sign > 0 else (-top, 0.0)
    priors = {
        "trait and treatment": Free(paths=(odds,), mean=mid, sd=top, bounds=(0.0, top)),
        "trait and outcome": Free(paths=tuple(hazards), mean=sign * mid, sd=top, bounds=toward),
    }
    fixed = hidden_trait(TRAIT, "Unrecorded trait")
    return Suspicion(
        "unmeasured", "fold", _sizes(STRENGTHS, usual), usual, fixed, {odds: log, **hazards},
        Suspected(settings=dict(fixed), free=priors),
    )  # fmt: skip


def _survivors(scenario: Scenario, favoured: str, scale: float) -> Suspicion:
    own = scenario.entry.guarantee_months
    each = {arm: own.get(arm, 0.0) for arm in scenario.arms.names()}
    path = f"entry.guarantee_months.{favoured}"
    usual, begun, month = QUARTER * scale, each[favoured], scenario.per_month
    fixed = {"entry.guarantee_months": each, "entry.screened": max(SCREENED, scenario.entry.screened)}
    ends = (begun, begun + usual / month)
    prior = Free(paths=(path,), mean=sum(ends) / 2, sd=ends[1] - ends[0], bounds=ends)
    return Suspicion(
        "survivors", scenario.time_unit, _sizes(tuple(part * scale for part in PARTS), usual), usual, fixed,
        {path: lambda size: begun + size / month},
        Suspected(settings=fixed, free={"survival asked": prior}),
    )  # fmt: skip


def _waiting(scenario: Scenario, scale: float) -> Suspicion:
    usual = QUARTER * scale
    path = "treatment.start.wait.rate"
    fixed = {
        "treatment.start": {"wait": {"kind": "exponential", "rate": 1 / usual}},
        "entry.screened": max(SCREENED, scenario.entry.screened),
    }
    ends = (1 / usual, 1 / (usual * SMALLEST))
    prior = Free(
        paths=(path,), mean=sqrt(ends[0] * ends[1]), sd=log(ends[1] / ends[0]), bounds=ends, scale="log"
    )  # fmt: skip
    return Suspicion(
        "waiting", scenario.time_unit, _sizes(tuple(part * scale for part in PARTS), usual), usual, fixed,
        {path: lambda size: 1 / size}, Suspected(settings=fixed, free={"rate of starting": prior}),
    )  # fmt: skip


def _leaving(favoured: str, places: tuple[str, ...], scale: float) -> Suspicion:
    fixed = {
        **hidden_trait(FRAIL, "Frailty"),
        **{f"outcomes.{place}.log_hr.{FRAIL}": log(SICKER) for place in places},
        f"followup.informative.log_hr.{FRAIL}": log(LEAVES),
        f"followup.dropout.{favoured}": {"kind": "exponential", "rate": leaving_rate(USUALLY_LOST, scale)},
    }
    path = f"followup.dropout.{favoured}.rate"
    ends = (leaving_rate(USUALLY_LOST * SMALLEST, scale), leaving_rate(USUALLY_LOST, scale))
    prior = Free(paths=(path,), mean=sum(ends) / 2, sd=ends[1] - ends[0], bounds=ends)
    return Suspicion(
        "leaving", "share", _sizes(LOST, USUALLY_LOST), USUALLY_LOST, fixed,
        {path: lambda size: leaving_rate(size, scale)}, Suspected(settings=fixed, free={"rate of leaving": prior}),
    )  # fmt: skip


def leaving_rate(share: float, scale: float) -> float:
    """The rate of leaving of who is not frail by which so large a share would leave within ``scale``, all surviving."""

    def excess(rate: float) -> float:
        return float(1 - (np.exp(-rate * scale) + np.exp(-LEAVES * rate * scale)) / 2 - share)

    return brentq(excess, 0.0, 50.0 / scale, xtol=1e-12 / scale)


def together(several: tuple[Suspicion, ...]) -> Suspected:
    """Several suspicions at once, each with its prior."""
    settings: dict[str, Any] = {}
    free: dict[str, Free] = {}
    for one in several:
        settings |= one.asked.settings
        free |= one.asked.free
    return Suspected(settings=settings, free=free)
