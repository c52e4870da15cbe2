"""Curves of given hazards on a grid of times: survival, illness-death, and who is still under observation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np

from simulator.numerics.arrays import Floats

POINTS = 600


@dataclass(frozen=True)
class StepRates:
    """Constant rates between cuts, the last for ever."""

    cuts: tuple[float, ...]
    rates: tuple[float, ...]

    def cumulative(self, times: Floats) -> Floats:
        """The cumulative hazard at times of any shape."""
        ends = np.array([0.0, *self.cuts])
        spent = np.clip(times[..., None] - ends, 0.0, np.append(np.diff(ends), np.inf))
        return np.asarray((spent * np.array(self.rates)).sum(axis=-1))

    def survival(self, times: Floats) -> Floats:
        """Survival at times of any shape."""
        return np.exp(-self.cumulative(times))

    def under(self, effect: "StepRates") -> "StepRates":
        """These rates times exp of the steps of an effect."""
        cuts = tuple(sorted({*self.cuts, *effect.cuts}))
        starts = (0.0, *cuts)
        return StepRates(cuts, tuple(self.at(start) * float(np.exp(effect.at(start))) for start in starts))

    def at(self, time: float) -> float:
        """The rate from a time on."""
        return self.rates[int(np.searchsorted(self.cuts, time, side="right"))]


@dataclass(frozen=True)
class Observation:
    """Who is under observation: entry uniform over ``accrual``, cut-off ``longest`` after its start, and drop-out.

    ``longest`` may be infinite: nobody is censored by a date.
    """

    accrual: float
    longest: float
    dropout: StepRates = StepRates((), (0.0,))

    def share(self, times: Floats) -> Floats:
        """The share of patients who are under observation at times of any shape, were nobody to have an event."""
        if not np.isfinite(self.longest):
            return self.dropout.survival(times)
        if self.accrual <= 0:
            within = (times <= self.longest).astype(np.float64)
        else:
            within = np.clip((self.longest - times) / self.accrual, 0.0, 1.0)
        return within * self.dropout.survival(times)

    def median(self) -> float:
        """The median time under observation (that of the reverse Kaplan-Meier estimate)."""
        times = np.linspace(0, self.horizon, 20 * POINTS + 1)
        return float(times[np.argmax(self.share(times) <= 0.5)]) if self.share(times)[-1] <= 0.5 else np.inf

    @property
    def horizon(self) -> float:
        """A time by which nearly all observation has ended."""
        if np.isfinite(self.longest):
            return self.longest
        return 40 / max(max(self.dropout.rates), 1e-9)

    def events(self, times: Floats, survival: Floats) -> float:
        """The share of patients whose event is seen, of a curve of survival on a grid."""
        share = self.share(times)
        return float(-(np.diff(survival) * (share[1:] + share[:-1]) / 2).sum())


@dataclass(frozen=True)
class IllnessDeath:
    """Curves on a grid of times of a course that leads to death at once, or by a state (``ill``) whose clock is reset.

    ``alive_at``: the curves are those of patients who live at that time, 0 for all.
    """

    ill: StepRates
    death: StepRates
    death_after: StepRates
    alive_at: float = 0.0

    @property
    def over_by(self) -> float:
        """A time by which fewer than one in ten thousand are left, so that a grid need not go beyond it."""
        first = min(self.ill.rates) + min(self.death.rates)
        last_cut = max((0.0, *self.ill.cuts, *self.death.cuts))
        return (
            last_cut
            + max((0.0, *self.death_after.cuts))
            + 10 / max(first, 1e-9)
            + 10 / max(min(self.death_after.rates), 1e-9)
        )

    def curves(self, times: Floats) -> tuple[Floats, Floats]:
        """Survival without either, and overall, on an even grid that begins at 0."""
        step = float(times[1] - times[0])
        free = np.exp(-self.ill.cumulative(times) - self.death.cumulative(times))
        hazard = np.diff(self.ill.cumulative(times)), np.diff(self.death.cumulative(times))
        total = hazard[0] + hazard[1]
        falls = np.where(total > 0, (free[:-1] - free[1:]) * hazard[0] / np.where(total > 0, total, 1.0), 0.0)
        after = self.death_after.survival(np.maximum(times - step / 2, 0.0))  # who falls ill does so amid a step
        living = free.copy()
        living[1:] += np.convolve(falls, after[1:])[: len(times) - 1]
        if self.alive_at <= 0:
            return free, living
        g = round(self.alive_at / step)
        alive = max(float(living[g]), 1e-9)
        later = np.cumsum((falls[:g] * after[g - np.arange(g)])[::-1])[::-1]  # ill in or after a step, alive at g
        early = free[g] + np.append(later, 0.0) if g else free[:1]
        free_given = np.append(early[:g], free[g:]) / alive
        return np.minimum(free_given, 1.0), np.minimum(living / alive, 1.0)


def grid(longest: float) -> Floats:
    """An even grid of times from 0."""
    return np.linspace(0.0, longest, POINTS + 1)


def solve(f: Callable[[float], float], low: float, high: float) -> float | None:
    """A root by bisection of the logarithm; None where the ends have one sign."""
    a, b = f(low), f(high)
    if not (np.isfinite(a) and np.isfinite(b)) or (a > 0) == (b > 0):
        return None
    for _ in range(200):
        middle = sqrt(low * high)
        if (f(middle) > 0) == (b > 0):
            high = middle
        else:
            low = middle
    return sqrt(low * high)


def thinned(first: Sequence[float], others: Sequence[float], most: int, apart: float = 1.35) -> tuple[float, ...]:
    """At most so many times, in order: the first in their order, then of the others who is farthest from those kept,
    each ``apart`` times the next.
    """
    kept: list[float] = []

    def near(time: float) -> float:
        return min((abs(log(time / one)) for one in kept), default=np.inf)

    for time in first:
        if len(kept) < most and near(time) >= log(apart) - 1e-12:
            kept.append(time)
    left = list(others)
    while left and len(kept) < most:
        best = max(left, key=lambda time: min(near(time), 9.0))
        if near(best) < log(apart) - 1e-12:
            break
        kept.append(best)
        left.remove(best)
    return tuple(sorted(kept))
