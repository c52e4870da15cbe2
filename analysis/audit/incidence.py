"""Curves at times: cumulative incidences and survival, their limits, order in time, sums, and the patients at risk.

With n patients, E events, Y(t) at risk and F(t) the incidence: every event adds S(u-) / Y(u) to F, which is at most
1 / Y(t) before t, so that F(t) is at most E / Y(t); and Y(t) is at most n times the share that is free at t. Both are
for samples without weights.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

from analysis.audit.paper import ARMS, SIDES, Finding, Number, Paper
from analysis.audit.published import Stands
from simulator.documents.keys import split_key

EVENT, OTHERS, SURVIVAL = "incidence", "competing_incidence", "survival"
OPPOSED = {f"{EVENT}_difference": EVENT, f"{EVENT}_ratio": EVENT, f"{SURVIVAL}_difference": SURVIVAL}
SLACK = 1e-9
AT_ONCE = 0.01  # part of the arm that may have its event at the very time, and is at risk at it


@dataclass(frozen=True)
class CurvePoint:
    """A printed point of a curve: where it is of, its time, and its number."""

    endpoint: str
    side: str
    arm: str
    curve: str
    time: float
    number: Number

    @property
    def curve_of(self) -> tuple[str, str, str, str]:
        """What all points of its curve have in common."""
        return self.endpoint, self.side, self.arm, self.curve


def incidence_findings(paper: Paper) -> Iterator[Finding]:
    """All findings about points of curves."""
    points = sorted(_points(paper), key=lambda one: (*one.curve_of, one.time))
    for one in points:
        yield from _range(paper, one)
        yield from _against_events(paper, one)
        yield from _against_at_risk(paper, one)
    for one, later in pairwise(points):
        if one.curve_of == later.curve_of:
            yield from _order(paper, one, later)
    yield from _sums(paper, points)
    yield from _contrasts(paper, points)
    yield from _limits(paper)


def _points(paper: Paper) -> Iterator[CurvePoint]:
    for key, number in paper.numbers.items():
        steps = split_key(key)
        names, last = [step.name for step in steps], steps[-1]
        if names[0] != "endpoints" or last.element is None or len(steps) < 5 or not isfinite(number.value):
            continue
        curve, arm = (names[3], names[4]) if names[3] in (EVENT, OTHERS) else (names[-1], names[-2])
        if curve in (EVENT, OTHERS, SURVIVAL) and arm in ARMS:
            yield CurvePoint(names[1], names[2], arm, curve, float(last.element), number)


def _range(paper: Paper, one: CurvePoint) -> Iterator[Finding]:
    if not one.number.stands.meets(Stands(0.0, 1.0)):
        yield paper.finding((one.number.key,), "severe", "share of patients", one.number.text, "from 0 to 100 %")


def _order(paper: Paper, one: CurvePoint, later: CurvePoint) -> Iterator[Finding]:
    """Incidences do not fall and survival does not rise."""
    first, second = (later, one) if one.curve == SURVIVAL else (one, later)
    if first.number.stands.low > second.number.stands.high + SLACK:
        way = "falls" if one.curve != SURVIVAL else "rises"
        told = f"{one.number.text} at {one.time:g}, {later.number.text} at {later.time:g}"
        wanted = f"a curve that never {way}"
        yield paper.finding((one.number.key, later.number.key), "severe", "curve in time", told, wanted)


def _sums(paper: Paper, points: list[CurvePoint]) -> Iterator[Finding]:
    """Of the same patients no more than all have the event or a competing one."""
    at = {(*one.curve_of, one.time): one.number for one in points}
    for one in points:
        other = at.get((one.endpoint, one.side, one.arm, OTHERS, one.time))
        if one.curve == EVENT and other is not None and one.number.stands.low + other.stands.low > 1 + SLACK:
            told = f"{one.number.text} and {other.text} at {one.time:g}: {one.number.value + other.value:.3f}"
            yield paper.finding((one.number.key, other.key), "severe", "incidences add up", told, "at most 1 in all")


def _whole(paper: Paper, side: str, arm: str) -> int | None:
    """The patients of an arm where nobody is weighted: all, or those of pairs."""
    size = paper.size(side, arm)
    return size if side == SIDES[0] or size == paper.count("matching.n_pairs") else None


def _against_events(paper: Paper, one: CurvePoint) -> Iterator[Finding]:
    """No incidence is above what all events make of it that happen while so many are still at risk."""
    start = f"endpoints.{one.endpoint}.{one.side}"
    own = f"{start}.competing_events.{one.arm}" if one.curve == OTHERS else f"{start}.km.{one.arm}.events"
    events, at_risk = paper.count(own), paper.count(f"{start}.km.{one.arm}.at_risk[{one.time:g}]")
    if events is None or one.curve == SURVIVAL or _whole(paper, one.side, one.arm) is None:
        return
    most = 0.0 if events == 0 else events / at_risk if at_risk else 1.0
    if one.number.stands.low > most + SLACK:
        told = f"{one.number.text} by {one.time:g} with {events} events"
        told += f" and {at_risk} still at risk" if at_risk else ""
        keys = (one.number.key, own, *((f"{start}.km.{one.arm}.at_risk[{one.time:g}]",) if at_risk else ()))
        yield paper.finding(keys, "severe", "incidence of the events", told, f"at most {most:.3f}")


def _against_at_risk(paper: Paper, one: CurvePoint) -> Iterator[Finding]:
    """Nobody at risk has had an event: they are at most the free share of all."""
    start = f"endpoints.{one.endpoint}.{one.side}"
    key = f"{start}.km.{one.arm}.at_risk[{one.time:g}]"
    at_risk, size = paper.count(key), _whole(paper, one.side, one.arm)
    if at_risk is None or size is None or one.curve == OTHERS:
        return
    other = paper.get(f"{start}.{OTHERS}.{one.arm}[{one.time:g}]") if one.curve == EVENT else None
    gone = one.number.stands.low + (max(other.stands.low, 0.0) if other is not None else 0.0)
    free = one.number.stands.high if one.curve == SURVIVAL else 1 - gone
    if at_risk > size * free + AT_ONCE * size + 1 + SLACK:
        told = f"{at_risk} of {size} at risk at {one.time:g} = {at_risk / size:.3f}, but {free:.3f} are free"
        keys = (key, one.number.key, *((other.key,) if other is not None else ()))
        yield paper.finding(keys, "moderate", "patients at risk", told, f"at most {int(size * free)} at risk")


def _contrasts(paper: Paper, points: list[CurvePoint]) -> Iterator[Finding]:
    """Differences and ratios of the arms against their two numbers."""
    at = {(*one.curve_of, one.time): one.number for one in points}
    for key, number in paper.numbers.items():
        steps = split_key(key)
        curve = OPPOSED.get(steps[-1].name)
        if curve is None or len(steps) != 4 or not (isfinite(number.stands.low) and isfinite(number.stands.high)):
            continue
        time = float(str(steps[3].element))
        control, treated = (at.get((steps[1].name, steps[2].name, arm, curve, time)) for arm in ARMS)
        if control is None or treated is None:
            continue
        a, b = treated.stands, control.stands
        ratio = steps[3].name.endswith("ratio")
        if ratio and b.low <= 0:
            continue
        made = Stands(a.low / b.high, a.high / b.low) if ratio else Stands(a.low - b.high, a.high - b.low)
        if not made.meets(number.stands):
            sign = "/" if ratio else "-"
            told = f"{treated.text} {sign} {control.text} = {made.low:.3f} to {made.high:.3f}, printed {number.text}"
            wanted = f"a {'ratio' if ratio else 'difference'} of {(made.low + made.high) / 2:.3f}"
            yield paper.finding((key, treated.key, control.key), "severe", "arms compared at a time", told, wanted)


def _limits(paper: Paper) -> Iterator[Finding]:
    """Numbers at a time lie between their limits."""
    for key, number in paper.numbers.items():
        low, high = (paper.finite(f"{key}.{end}") for end in ("low", "high"))
        if not key.startswith("endpoints.") or not key.endswith("]"):
            continue
        under = low is not None and number.stands.high < low.stands.low - SLACK
        if under or (high is not None and high.stands.high < number.stands.low - SLACK):
            keys = tuple(one.key for one in (number, low, high) if one is not None)
            told = f"{number.text} ({low.text if low else '?'} to {high.text if high else '?'})"
            yield paper.finding(keys, "severe", "interval holds the number", told, "a number between its limits")
