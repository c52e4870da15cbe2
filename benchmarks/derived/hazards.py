"""Hazards from what is printed of curves: medians with their limits, shares at times, incidences, and events.

The rates of an arm are those whose curves come nearest to all that is printed of them (`fitted`), smooth where the
paper says little; with one number they are its closed form, log 2 / median. Of a course in which death may follow on
another event, survival without either and survival are fitted together; which part of first events is death at
once is as printed, or assumed. The hazards of the treated are those of the controls times exp of steps.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, isfinite, log, sqrt

import numpy as np

from benchmarks.derived.curves import IllnessDeath, Observation, StepRates, grid, solve, thinned
from benchmarks.derived.printed import SIDES, PrintedNumbers, Z
from benchmarks.pasted.reading import Role
from simulator.numerics.arrays import Floats

EXACT, OF_LIMIT, OF_EVENTS, OF_RATIO = 0.008, 0.04, 0.02, 0.07
"""How near curves are to come to a median or a share at a time, a median's limit, events, and a log hazard ratio."""
SMOOTH, LOOSE = 1.0, 2.0  # SD of the logarithm from rate to rate, and of a rate about its first guess
SPLIT, SPLIT_SD = 0.12, 0.7  # deaths among first events where nobody says, and how well that is known (log)
FEWEST = 1e-6


@dataclass(frozen=True)
class Point:
    """What is printed of a curve: survival (from the event) at a time, how near to come, and where it stands.

    ``kind``: median, limit or share.
    """

    time: float
    survival: float
    sd: float
    kind: str
    source: str


@dataclass(frozen=True)
class Told:
    """What is printed of an arm's endpoint: its side, points in order, and the share of patients with the event."""

    side: str
    points: tuple[Point, ...]
    events: float | None
    patients: int

    @property
    def median(self) -> float | None:
        """The median."""
        return next((one.time for one in self.points if one.kind == "median"), None)

    @property
    def source(self) -> str:
        """What a rate is from."""
        exact = [one for one in self.points if one.kind != "limit"]
        return "; ".join(one.source for one in exact[:4]) + ("; ..." if len(exact) > 4 else "")


def told_of(numbers: PrintedNumbers, endpoint: str, role: Role) -> Told:
    """What is printed of an endpoint in an arm, on the first side that has anything of its curve."""
    found = [_told(numbers, endpoint, side, role) for side in SIDES]
    return next((one for one in found if one.points), next((one for one in found if one.events is not None), found[0]))


def _told(numbers: PrintedNumbers, endpoint: str, side: str, role: Role) -> Told:
    start, arm = f"endpoints.{endpoint}.{side}.km.{role}", numbers.arms[role]
    n = numbers.size(side, role) or 0
    count = numbers.events(endpoint, side, role)
    share = min(count / n, 1.0) if count is not None and n else None
    points: list[Point] = []
    for time, survival in numbers.timed(f"{start}.survival").items():
        if 0 < survival < 1:
            key = next(k for k in numbers.numbers if k.startswith(f"{start}.survival[{time:g}"))
            points.append(
                Point(
                    time,
                    survival,
                    EXACT,
                    "share",
                    f"S({time:g}) = {survival:g}: {endpoint}, {arm}, {numbers.where(key)}",
                )
            )
    median = numbers.value(f"{start}.median")
    if median is not None and median > 0:
        source = f"median {median:g}: {endpoint}, {arm}, {numbers.where(f'{start}.median')}"
        points.append(Point(median, 0.5, EXACT, "median", source))
        known = min(n, 2 * count) if count is not None and n else n
        for end, sign in (("low", 1), ("high", -1)):
            limit = numbers.value(f"{start}.{end}")
            if limit is not None and limit > 0 and known and (limit - median) * sign < 0:
                source = f"limit {limit:g} of the median: {endpoint}, {arm}, {numbers.where(f'{start}.{end}')}"
                points.append(Point(limit, survival_at_limit(sign, known), OF_LIMIT, "limit", source))
    if not points:
        points = [
            Point(t, 1 - x, EXACT, "share", f"incidence {x:g} at {t:g}: {endpoint}, {arm}")
            for t, x in numbers.timed(f"endpoints.{endpoint}.{side}.incidence.{role}").items()
            if 0 < x < 1
        ]
    return Told(side, tuple(sorted(points, key=lambda one: one.time)), share, n)


def survival_at_limit(sign: int, n: float) -> float:
    """Survival at the lower (``sign`` 1) or upper (-1) limit of a median of ``n``: log S = log 0.5 + z SE there.

    Greenwood's variance of log S without censoring is (1 - S) / (n S).
    """
    s = 0.5
    for _ in range(20):
        s = min(max(0.5 * exp(sign * Z * sqrt((1 - s) / (n * s))), 0.1), 0.95)
    return s


def fitted(
    start: Floats, residuals: Callable[[Floats], Floats], loose: float | Floats = LOOSE, groups: Sequence[int] = ()
) -> Floats:
    """The values, on the log scale, whose residuals with those of priors are least in square.

    Each is ``loose`` about where it ``start``s, and within ``groups`` (their lengths, in order) `SMOOTH` from the last.
    """
    from scipy.optimize import least_squares  # not needed by whoever only reads a paper

    ends = np.cumsum(groups or (len(start),))
    inner = np.setdiff1d(np.arange(1, len(start)), ends)

    def all_of(x: Floats) -> Floats:
        drift = (x - start)[inner] - (x - start)[inner - 1]
        return np.concatenate([residuals(x), (x - start) / loose, drift / SMOOTH])

    found: Floats = least_squares(all_of, start, bounds=(start - 6, start + 6), max_nfev=60).x
    return found


def knots(tolds: Sequence[Told], most: int, longest: float) -> tuple[float, ...]:
    """Times between which rates are constant: medians, then shares at times and limits, of all arms; at most so many.

    One of many is half the earliest, before which the curve would else be that of one rate from the start.
    """
    by_kind: dict[str, list[float]] = {"median": [], "share": [], "limit": []}
    for told in tolds:
        for one in told.points:
            if 0.02 * longest < one.time < 0.9 * longest:
                by_kind[one.kind].append(one.time)
    firm = by_kind["median"] if by_kind["median"] else by_kind["share"][:1]
    rest = by_kind["share"] if len(set(by_kind["share"])) >= most else by_kind["share"] + by_kind["limit"]
    kept = thinned(firm, rest, most - 1 if most > 2 else most)
    early = (0.5 * kept[0],) if kept and most > 2 else ()
    return tuple(round(one, 3) for one in (*early, *kept))


def knots_after(tolds: Sequence[Told], most: int, longest: float, less: Sequence[float]) -> tuple[float, ...]:
    """Times since the first event between which rates of death are constant: evenly spaced on the logarithm.

    From half the shortest to the longest time from ``less``, the arms' times of first events, to a time of the curves
    of death. No such time is printed, and the arms' patients are spread over all of them.
    """
    times = [one.time - off for told, off in zip(tolds, less, strict=True) for one in told.points]
    times = [one for one in times if 0.02 * longest < one < 0.9 * longest]
    if not times or most <= 0:
        return ()
    return tuple(np.round(np.geomspace(min(times) / 2, max(times), most + 1)[-most:], 3).tolist())


def one_rate(told: Told, watched: Observation) -> tuple[float, str] | None:
    """A constant rate of an arm and its formula: from the median, else a share at a time, else events; None without."""
    best = next((one for one in told.points if one.kind == "median"), None)
    best = best or (told.points[-1] if told.points else None)
    if best is not None:
        formula = f"log 2 / {best.time:g}" if best.kind == "median" else f"-log {best.survival:g} / {best.time:g}"
        return -log(best.survival) / best.time, f"{formula}: {best.source}"
    if told.events is not None and 0 < told.events < 1 and isfinite(watched.horizon):
        rate = rate_of_events(told.events, watched)
        if rate is not None:
            return rate, f"{100 * told.events:.1f} % of {told.patients} with the event within the follow-up"
    return None


def rate_of_events(share: float, watched: Observation) -> float | None:
    """The constant hazard under which this share of patients has an event that is seen."""
    times = grid(watched.horizon)
    return solve(lambda rate: watched.events(times, np.exp(-rate * times)) - share, 1e-7, 200 / watched.horizon)


def alone(told: Told, cuts: Sequence[float], rate: float, watched: Observation, use_events: bool) -> StepRates:
    """The rates of a single hazard between cuts that come nearest to what is printed of its curve."""
    if not cuts:
        return StepRates((), (rate,))
    times = grid(max(watched.horizon if isfinite(watched.horizon) else 0.0, 1.2 * told.points[-1].time))
    at, wanted, sd = _arrays(told)

    def residuals(x: Floats) -> Floats:
        steps = StepRates(tuple(cuts), tuple(np.exp(x).tolist()))
        off = (steps.survival(at) - wanted) / sd
        if use_events and told.events is not None:
            seen = watched.events(times, steps.survival(times))
            return np.append(off, (seen - told.events) / OF_EVENTS)
        return np.asarray(off)

    found = fitted(np.full(len(cuts) + 1, log(rate)), residuals)
    return StepRates(tuple(cuts), tuple(np.exp(found).tolist()))


def _arrays(told: Told) -> tuple[Floats, Floats, Floats]:
    """Times, survival and nearness of what is printed."""
    return (
        np.array([one.time for one in told.points]),
        np.array([one.survival for one in told.points]),
        np.array([one.sd for one in told.points]),
    )


def death_after(first: float, dead: float, split: float, median: float) -> float | None:
    """The constant hazard of death after another event under which survival is 0.5 at the ``median``.

    ``first`` is the hazard of any first event, of which the part ``split`` is death; closed form of survival:
    exp(-b t) + p (exp(-b t) - exp(-c t)) / (c - b), p = (1 - split) b. ``dead``: survival at that time. None where
    none is.
    """

    def off(c: float) -> float:
        p, b, t = (1 - split) * first, first, median
        between = exp(-b * t) * t if abs(c - b) < 1e-12 else (exp(-b * t) - exp(-c * t)) / (c - b)
        return exp(-b * t) + p * between - dead

    return solve(off, 1e-6 / median, 500 / median)


@dataclass(frozen=True)
class Together:
    """What is printed of first events and of death in an arm, and how it is watched; ``alive_at``: all live then."""

    first: Told
    death: Told
    split: float
    watched: Observation
    alive_at: float = 0.0

    def residuals(self, course: IllnessDeath, use_events: bool) -> Floats:
        """How far curves are from what is printed, by how near they are to come."""
        ends = [one.time for told in (self.first, self.death) for one in told.points]
        longest = min(self.watched.horizon, course.over_by) if use_events else 0.0
        times = grid(1.05 * max([longest, *ends, 1.001 * self.alive_at]))
        found = []
        for told, curve in zip((self.first, self.death), course.curves(times), strict=True):
            at, wanted, sd = _arrays(told)
            found.append((np.interp(at, times, curve) - wanted) / sd)
            if use_events and told.events is not None:
                found.append(np.array([(self.watched.events(times, curve) - told.events) / OF_EVENTS]))
        return np.concatenate(found) if found else np.empty(0)


def controls(
    arm: Together, cuts: Sequence[float], after_cuts: Sequence[float], first: float, after: float, use_events: bool
) -> IllnessDeath:
    """The rates of the controls that come nearest to both curves, from constant first guesses."""
    j, k = len(cuts) + 1, len(after_cuts) + 1

    def course(x: Floats) -> IllnessDeath:
        return split_course(
            StepRates(tuple(cuts), tuple(np.exp(x[:j]).tolist())),
            arm.split,
            first,
            StepRates(tuple(after_cuts), tuple(np.exp(x[j:]).tolist())),
            arm.alive_at,
        )

    begin = np.concatenate([np.full(j, log(first)), np.full(k, log(after))])
    return course(fitted(begin, lambda x: arm.residuals(course(x), use_events), groups=(j, k)))


def split_course(first: StepRates, split: float, mean: float, after: StepRates, alive_at: float) -> IllnessDeath:
    """A course by the rates of any first event, of which death is a constant rate, the part ``split`` of their mean."""
    death = split * mean
    ill = tuple(max(rate - death, 0.02 * rate) for rate in first.rates)
    return IllnessDeath(StepRates(first.cuts, ill), StepRates((), (death,)), after, alive_at)


@dataclass(frozen=True)
class Effects:
    """Steps of the log hazard ratio of treatment: on falling ill, on death at once, and on death afterwards."""

    ill: StepRates
    death: float
    after: StepRates

    def on(self, course: IllnessDeath, alive_at: float) -> IllnessDeath:
        """The course of the treated."""
        return IllnessDeath(
            course.ill.under(self.ill),
            course.death.under(StepRates((), (self.death,))),
            course.death_after.under(self.after),
            alive_at,
        )

    def moved(self, first: float, death: float) -> "Effects":
        """The same with the logarithms moved: of first events, and of death."""
        ill = replace(self.ill, rates=tuple(one + first for one in self.ill.rates))
        after = replace(self.after, rates=tuple(one + death for one in self.after.rates))
        return Effects(ill, self.death + (first + death) / 2, after)


def effects_of(
    arm: Together,
    course: IllnessDeath,
    cuts: Sequence[float],
    after_cuts: Sequence[float],
    ratios: tuple[float, float],
    use_events: bool,
) -> Effects:
    """The steps of treatment's effect that bring the curves of the treated nearest to print, about the ``ratios``.

    ``ratios`` are the log hazard ratios of first events and of death.
    """
    j, k = len(cuts) + 1, len(after_cuts) + 1
    begin = np.concatenate([np.full(j, ratios[0]), [sum(ratios) / 2], np.full(k, ratios[1])])

    def effects(x: Floats) -> Effects:
        return Effects(
            StepRates(tuple(cuts), tuple(x[:j].tolist())),
            float(x[j]),
            StepRates(tuple(after_cuts), tuple(x[j + 1 :].tolist())),
        )

    base = replace(course, alive_at=arm.alive_at)

    def residuals(x: Floats) -> Floats:
        on = effects(x).on(course, arm.alive_at)
        seen = [(one - ratio) / OF_RATIO for one, ratio in zip(mean_ratios(base, on, arm.watched), ratios, strict=True)]
        return np.concatenate([arm.residuals(on, use_events), seen])

    loose = np.concatenate([np.full(j, 0.5), [0.5], np.full(k, 1.0)])
    return effects(fitted(begin, residuals, loose, groups=(j, 1, k)))


def mean_ratios(control: IllnessDeath, treated: IllnessDeath, watched: Observation) -> list[float]:
    """The mean log hazard ratio of first events and of death over the events that are seen: what a Cox model gives."""
    longest = watched.horizon if isfinite(watched.horizon) else 3 / max(sum(control.ill.rates[:1]), FEWEST)
    longest = min(longest, max(control.over_by, treated.over_by))
    times = grid(1.001 * max(longest, 1.001 * control.alive_at))
    share = watched.share((times[1:] + times[:-1]) / 2)
    found = []
    for one, two in zip(control.curves(times), treated.curves(times), strict=True):
        hazard = [np.diff(-np.log(np.maximum(curve, 1e-12))) for curve in (one, two)]
        weight = share * (-np.diff(one) - np.diff(two))
        counts = (hazard[0] > 1e-9) & (hazard[1] > 1e-9)
        log_ratio = np.log(hazard[1][counts] / hazard[0][counts])
        total = weight[counts].sum()
        found.append(float((weight[counts] * log_ratio).sum() / total) if total > 0 else 0.0)
    return found


def effect_alone(
    told: Told, control: StepRates, cuts: Sequence[float], ratio: float, watched: Observation, use_events: bool
) -> StepRates:
    """The steps of treatment's effect on a single hazard that bring the curve nearest to print, about a log ratio."""
    if not told.points and told.events is None:
        return StepRates((), (ratio,))
    at, wanted, sd = _arrays(told)
    longest = watched.horizon if isfinite(watched.horizon) else 0.0
    times = grid(max([longest, *(1.2 * one for one in at.tolist()), FEWEST]))

    def residuals(x: Floats) -> Floats:
        steps = control.under(StepRates(tuple(cuts), tuple(x.tolist())))
        off = (steps.survival(at) - wanted) / sd if len(at) else np.empty(0)
        if use_events and told.events is not None:
            return np.append(off, (watched.events(times, steps.survival(times)) - told.events) / OF_EVENTS)
        return np.asarray(off)

    return StepRates(tuple(cuts), tuple(fitted(np.full(len(cuts) + 1, ratio), residuals, 0.5).tolist()))


def cause_rates(
    own: Mapping[float, float], others: Mapping[float, float], cuts: Sequence[float]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Cause-specific rates of an event and of what competes, between cuts, from cumulative incidences at these times.

    Between two times event-free survival S falls by a constant total hazard, log(S0 / S1) / (t1 - t0), of which each
    cause has the part of its incidence. ``cuts`` are times but the last; all incidences are at ``(*cuts, last)``.
    """
    last = max(own)
    ends = (0.0, *cuts, last)
    found: tuple[list[float], list[float]] = ([], [])
    for begin, end in itertools.pairwise(ends):
        rise = [curve.get(end, 0.0) - (curve.get(begin, 0.0) if begin else 0.0) for curve in (own, others)]
        free = [1 - sum(curve.get(t, 0.0) if t else 0.0 for curve in (own, others)) for t in (begin, end)]
        total = log(free[0] / free[1]) / (end - begin) if 0 < free[1] < free[0] else 0.0
        for rates, up in zip(found, rise, strict=True):
            rates.append(max(total * max(up, 0.0) / max(sum(max(x, 0.0) for x in rise), 1e-12), 1e-6))
    return tuple(found[0]), tuple(found[1])
