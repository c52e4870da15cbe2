"""What hazards are derived from, and what is found: by transition, with the formulas."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log

import numpy as np

from benchmarks.derived import hazards
from benchmarks.derived.curves import Observation, StepRates
from benchmarks.derived.free import Pieces
from benchmarks.derived.hazards import Told, rate_of_events, told_of
from benchmarks.derived.parts import Assumption
from benchmarks.derived.printed import SIDES, PrintedNumbers
from benchmarks.derived.shape import Shape
from benchmarks.pasted.reading import ROLES, Role
from simulator.numerics.arrays import Floats

Survival = Callable[[Role, Floats], Floats]


@dataclass
class Hazards:
    """By transition the controls' rates and the steps of treatment's log hazard ratio, each with its formula.

    ``curves`` gives, by endpoint, survival by arm and times; drop-out is compared with these, ``main`` first.
    ``living`` is the share of all who begin in an arm who live until they may have what eligibility asks for.
    """

    control: dict[str, StepRates] = field(default_factory=dict)
    effect: dict[str, StepRates] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    effect_sources: dict[str, str] = field(default_factory=dict)
    assumed: list[Assumption] = field(default_factory=list)
    main: str = ""
    curves: dict[str, Survival] = field(default_factory=dict)
    living: dict[Role, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Given:
    """What hazards are derived from."""

    numbers: PrintedNumbers
    shape: Shape
    watched: Mapping[Role, Observation]
    use_events: Mapping[Role, bool]
    alive_at: Mapping[Role, float]
    pieces: Pieces
    month: float = 1.0

    @property
    def half_by(self) -> float:
        """When half are taken to have an event of which nothing is printed: half the follow-up, at most 24 months."""
        return min(self.watched["control"].longest / 2 or 24 * self.month, 24 * self.month)

    @property
    def longest(self) -> float:
        """The last time of interest."""
        ends = [one.horizon for one in self.watched.values()]
        points = [
            point.time
            for name in self.shape.endpoints
            for role in ROLES
            for point in told_of(self.numbers, name, role).points
        ]
        return min(max([1.5 * max(points, default=0.0), 1e-9]), max(ends)) if points else max(ends)


def log_ratio(given: Given, endpoint: str, told: Sequence[Told]) -> tuple[float, str]:
    """The starting log hazard ratio of treatment on an endpoint, and its formula."""
    ratio = given.numbers.treatment_ratio(endpoint)
    if ratio is not None:
        return ratio.log_hr, f"log {np.exp(ratio.log_hr):.4g}: hazard ratio, {endpoint}, {ratio.where}"
    medians = [one.median for one in told]
    if medians[0] and medians[1]:
        return log(medians[0] / medians[1]), f"log ({medians[0]:g} / {medians[1]:g}): medians, {endpoint}"
    rates = [hazards.one_rate(one, given.watched[role]) for one, role in zip(told, ROLES, strict=True)]
    if rates[0] and rates[1]:
        return log(rates[1][0] / rates[0][0]), f"log of the ratio of constant rates, {endpoint}"
    return 0.0, f"assumed: nothing is printed of the effect on {endpoint}"


def confounded_by(given: Given, endpoint: str, told: Told) -> float:
    """What the fair log hazard ratio has over the crude one, where the curves are those of all patients."""
    crude, fair = (given.numbers.ratio(f"endpoints.{endpoint}.{side}.cox") for side in SIDES)
    fair = given.numbers.treatment_ratio(endpoint) if crude else fair
    if crude is None or fair is None or told.side == "after" or given.numbers.design in ("randomised", "crude"):
        return 0.0
    return fair.log_hr - crude.log_hr


def rate_by_limits(given: Given, endpoint: str, role: Role) -> tuple[float, str] | None:
    """An arm's constant hazard from the events that the limits of the crude hazard ratio tell of; None without these.

    The variance of a log hazard ratio is 1 / d0 + 1 / d1, and with few events d1 / d0 = ratio x n1 / n0.
    """
    for side in SIDES:
        found = given.numbers.ratio(f"endpoints.{endpoint}.{side}.cox")
        control, treated = (given.numbers.size(side, one) for one in ROLES)
        if found is None or not control or not treated or not found.se > 0:
            continue
        odds = exp(found.log_hr) * treated / control
        events = {"control": (1 + 1 / odds) / found.se**2, "treated": (1 + odds) / found.se**2}
        share = min(events[role] / (control if role == "control" else treated), 0.95)
        rate = rate_of_events(share, given.watched[role])
        if rate is not None:
            words = (
                f"about {events[role]:.0f} events, as the limits of the hazard ratio tell: {endpoint}, {found.where}"
            )
            return rate, words
    return None
