"""Patients behind a digitised Kaplan-Meier curve and its numbers at risk.

Guyot P, Ades AE, Ouwens MJNM, Welton NJ. Enhanced secondary analysis of survival data: reconstructing the data from
published Kaplan-Meier survival curves. BMC Med Res Methodol 2012;12:9.

The curve says, given how many are at risk, who died; censorings are what is left between two numbers at risk, and
beyond the last of these go on at the mean rate so far. Four things differ from the paper:

* Nobody dies, and nobody is brought back, to meet a number at risk. Patients go on as the curve left them, and what
  the table says otherwise is told.
* Where a table leaves no room for a death that the curve shows by less than the precision of digitising, the death
  waits until the curve is surer of it.
* Censorings lie evenly among those whom the curve leaves alive, not evenly in time: who is dead is not censored.
  Of 300 patients that takes a surplus of one death in four intervals away.
* Beyond the last printed number the heights of steps, each a death among those at risk, come before the mean rate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import floor

import numpy as np

from simulator.numerics.arrays import Bools, Floats, Ints

PRECISION = 0.005
"""How far a digitised point may lie from the curve that was printed: half a point of survival."""
LAGS = tuple(PRECISION * k / 5 for k in range(6))
HALF = 0.5 + 1e-9
MOST_TRIED = 200
"""Numbers of censorings that are tried in the last interval."""


@dataclass(frozen=True)
class DigitisedCurve:
    """Points of one arm's curve, ``(K,)``, in time and never rising, and its numbers at risk, ``(M,)``.

    ``survival`` is a share. Of points at one time the last counts. The first number at risk is that at time 0.
    """

    time: Floats
    survival: Floats
    risk_time: Floats
    at_risk: Ints


@dataclass(frozen=True)
class RiskInterval:
    """From one printed number at risk to the next, or to the end: what is printed and what was reconstructed.

    ``at_risk`` are the reconstructed patients at its start, ``deaths`` and ``censored`` those before its end, the
    patients who are left when the curve ends among the censored of the last.
    """

    start: float
    end: float
    printed: int
    at_risk: int
    deaths: int
    censored: int

    @property
    def excess(self) -> int:
        """How many more are at risk than is printed; below 0, how many fewer."""
        return self.at_risk - self.printed

    @property
    def contradicts(self) -> bool:
        """Whether that is more than digitising explains."""
        return abs(self.excess) > 1 + 2 * PRECISION * max(self.printed, self.at_risk)


@dataclass(frozen=True)
class Reconstruction:
    """Patients in order of time, ``(N,)``, and how well they fit what is printed.

    ``distance`` is the largest vertical distance of their Kaplan-Meier curve to a point, at the time ``farthest``.
    ``extended``: the curve was drawn on, level, to its last number at risk.
    """

    time: Floats
    event: Bools
    intervals: tuple[RiskInterval, ...]
    distance: float
    farthest: float
    extended: bool

    @property
    def events(self) -> int:
        """How many died."""
        return int(self.event.sum())


@dataclass(frozen=True)
class _Walk:
    """An interval walked through with so many censored: deaths at each point, how it ends, and how far it strays."""

    censored: int
    deaths: Ints
    left: int
    survival: float
    away: float

    @property
    def died(self) -> int:
        """How many died."""
        return int(self.deaths.sum())


def reconstruct(curve: DigitisedCurve, total_events: int | None = None) -> Reconstruction:
    """The patients of one arm; ValueError where the curve is none.

    ``total_events``, where it is printed, is met by how many are censored in the last interval, as nearly as that can
    be. Without numbers at risk beyond the first nobody is censored before the end, unless that meets the total.
    """
    _check(curve)
    time, survival, extended = _points(curve)
    used = curve.risk_time <= time[-1]
    starts, printed = curve.risk_time[used], curve.at_risk[used]
    borders = np.append(np.searchsorted(time, starts), len(time))
    n, level, times, events, intervals = int(printed[0]), 1.0, [], [], []
    censored_before = deaths_before = 0
    for i, start in enumerate(starts):
        last, inside = i + 1 == len(starts), slice(borders[i], borders[i + 1])
        end = float(time[-1] if last else starts[i + 1])
        when = time[inside]
        stretch = _Stretch(float(start), end, when, survival[inside], n, level)
        if last:
            usual = floor(censored_before / start * (end - start) + HALF) if i else None
            walk = _last(stretch, usual, None if total_events is None else total_events - deaths_before)
        else:
            walk = _between(stretch, int(printed[i + 1]))
        ends = np.full(walk.left if last else 0, end)
        leaving = np.concatenate([stretch.censorings(walk.censored), ends])
        times += [np.repeat(when, walk.deaths), leaving]
        events += [np.ones(walk.died, np.bool_), np.zeros(len(leaving), np.bool_)]
        intervals.append(RiskInterval(float(start), end, int(printed[i]), n, walk.died, len(leaving)))
        n, level = walk.left, walk.survival
        censored_before, deaths_before = censored_before + walk.censored, deaths_before + walk.died
    every, died = np.concatenate(times), np.concatenate(events)
    order = np.lexsort((~died, every))
    every, died = every[order], died[order]
    away = np.abs(km_at(every, died, time) - survival)
    worst = int(np.argmax(away))
    return Reconstruction(every, died, tuple(intervals), float(away[worst]), float(time[worst]), extended)


def km_at(time: Floats, event: Bools, at: Floats) -> Floats:
    """The Kaplan-Meier estimate of patients in order of time, at each of the times ``at``."""
    when = np.unique(time)
    n_risk = len(time) - np.searchsorted(time, when)
    deaths = np.bincount(np.searchsorted(when, time[event]), minlength=len(when))
    curve = np.append(1.0, np.cumprod(1 - deaths / n_risk))
    return np.asarray(curve[np.searchsorted(when, at, side="right")])


@dataclass(frozen=True)
class _Stretch:
    """Points of an interval, those at risk at its start, and the height of their curve there."""

    start: float
    end: float
    time: Floats
    survival: Floats
    n: int
    level: float

    @cached_property
    def _area(self) -> tuple[Floats, Floats]:
        """Times of the interval, and the area under the curve up to them as a share of the whole."""
        borders = np.concatenate([[self.start], self.time, [self.end]])
        area = np.append(0.0, np.cumsum(np.diff(borders) * np.append(self.level, self.survival)))
        return borders, area / area[-1] if area[-1] > 0 else np.linspace(0, 1, len(area))

    def censorings(self, count: int) -> Floats:
        """So many times within the interval, evenly among those whom the curve leaves alive."""
        borders, area = self._area
        return np.interp(np.arange(1, count + 1) / (count + 1), area, borders)

    def walk(self, censored: int, lag: float = 0.0) -> _Walk:
        """The deaths that the points show with so many censored (Guyot, equations 3 to 6); whole, the rest waits.

        With a ``lag`` a death waits until the curve lies so far below.
        """
        gone = np.searchsorted(self.censorings(censored), self.time).tolist()
        deaths, died, level, away = [0] * len(gone), 0, self.level, 0.0
        for k, (before, height) in enumerate(zip(gone, self.survival.tolist(), strict=True)):
            n = self.n - died - before
            if n > 0 and level > 0:
                d = min(max(floor(n * (1 - (height + lag) / level) + HALF), 0), n)
                if d:
                    deaths[k], died, level = d, died + d, level * (n - d) / n
            away = max(away, abs(level - height))
        return _Walk(censored, np.array(deaths, np.int64), self.n - died - censored, level, away)


def _between(stretch: _Stretch, target: int) -> _Walk:
    """The walk that leaves so many at risk, or the curve's own without censorings where it leaves too few."""
    for lag in LAGS:
        if stretch.walk(0, lag).left >= target:
            return _nearest(stretch, lambda one: one.left - target, lag)
    return stretch.walk(0)


def _last(stretch: _Stretch, usual: int | None, wanted: int | None) -> _Walk:
    """The walk to the end that meets the events wanted, strays least, and censors as usual, in this order.

    The height of a step tells how many are at risk, which no number at risk does here. Nothing is known of
    censorings where neither a usual number nor a total is: there are none.
    """
    if wanted is None and usual is None:
        return stretch.walk(0)
    near = min(usual or 0, stretch.n)
    tried = sorted({near, *range(0, stretch.n + 1, stretch.n // MOST_TRIED + 1)})
    walks = [walk for count in tried if (walk := stretch.walk(count)).left >= 0]
    if wanted is not None:
        walks.append(_nearest(stretch, lambda one: one.died - wanted))

    def misfit(walk: _Walk) -> tuple[int, int, int]:
        missed = 0 if wanted is None else abs(walk.died - wanted)
        return missed, floor(walk.away / PRECISION), abs(walk.censored - near)

    return min(walks, key=misfit)


def _nearest(stretch: _Stretch, excess: Callable[[_Walk], int], lag: float = 0.0) -> _Walk:
    """The walk whose excess, which falls as censorings rise, is nearest to 0; the one that censors fewest of several.

    Whole numbers make it rise by a little here and there, so that neighbours of the crossing are compared.
    """
    low, high = 0, stretch.n
    while low < high:
        middle = (low + high) // 2
        walk = stretch.walk(middle, lag)
        low, high = (low, middle) if walk.left < 0 or excess(walk) <= 0 else (middle + 1, high)
    around = [stretch.walk(count, lag) for count in range(max(low - 3, 0), min(low + 3, stretch.n) + 1)]
    fits = [walk for walk in (stretch.walk(0, lag), *around) if walk.left >= 0]
    return min(fits, key=lambda walk: (abs(excess(walk)), walk.censored))


def _points(curve: DigitisedCurve) -> tuple[Floats, Floats, bool]:
    """Times from 0 on, each once, and survival there; level up to the last number above 0 at risk."""
    time, survival = np.append(0.0, curve.time), np.append(1.0, curve.survival)
    there = curve.risk_time[curve.at_risk > 0]
    extended = len(there) > 0 and bool(there[-1] > time[-1])
    if extended:
        time, survival = np.append(time, there[-1]), np.append(survival, survival[-1])
    last = np.append(time[1:] > time[:-1], True)
    return time[last], survival[last], extended


def _check(curve: DigitisedCurve) -> None:
    """ValueError where the arrays are no curve with its numbers at risk."""
    time, survival, risk_time, at_risk = curve.time, curve.survival, curve.risk_time, curve.at_risk
    if len(time) == 0 or len(time) != len(survival) or len(risk_time) == 0 or len(risk_time) != len(at_risk):
        raise ValueError("a curve has as many times as heights, and a number at risk for each of its times")
    if risk_time[0] != 0 or at_risk[0] < 1 or (at_risk < 0).any():
        raise ValueError("the first number at risk is that at time 0, and none is below 0")
    if not (np.isfinite(time).all() and np.isfinite(survival).all() and np.isfinite(risk_time).all()):
        raise ValueError("times and survival are finite")
    if (np.diff(time) < 0).any() or time[0] < 0 or (np.diff(risk_time) <= 0).any():
        raise ValueError("times are in order, from 0 on")
    if (np.diff(survival) > 0).any() or survival[0] > 1 or survival[-1] < 0:
        raise ValueError("survival is a share that never rises")
