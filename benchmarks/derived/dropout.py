"""Drop-out: from median follow-up, patients at risk, shares kept, and events against the hazards; early where the paper
contradicts one rate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, log

import numpy as np

from benchmarks.derived.contradictions import early_dropout_finding
from benchmarks.derived.curves import Observation, StepRates, grid, solve
from benchmarks.derived.followup import Calendar, in_units, kept_under_observation
from benchmarks.derived.given import Hazards
from benchmarks.derived.hazards import Told, fitted, told_of
from benchmarks.derived.parts import Contradiction, Tree, sourced
from benchmarks.derived.printed import SIDES, PrintedNumbers
from benchmarks.derived.shape import Shape
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import ROLES, Role
from simulator.mechanisms.entry import PER_MONTH
from simulator.numerics.arrays import Floats

USUAL_DROPOUT = 0.05  # a year
CLEAR = 1.96


@dataclass(frozen=True)
class Lost:
    """Drop-out of an arm: its rates between cuts, their formula, and by what it is pinned down (0 for assumed)."""

    steps: StepRates
    source: str
    pinned: int


def dropout_by_follow_up(median: float, key: str, plan: Calendar, arm: str) -> Lost:
    """The constant drop-out under which the median time under observation is as printed; next to none if it is longer
    than the calendar allows.
    """
    if not isfinite(plan.longest):
        return Lost(StepRates((), (log(2) / median,)), f"log 2 / {median:g}: median follow-up, {arm}, {key}", 1)
    top = plan.watched().median()
    rate = solve(lambda d: plan.watched(StepRates((), (d,))).share(np.array([median])).item() - 0.5, 1e-9, 50 / median)
    least = 0.02 / plan.longest
    if rate is None or rate < least:
        what = f"the calendar alone leaves a median follow-up of {top:.1f}; {median:g} is printed, {arm}, {key}"
        return Lost(StepRates((), (least,)), f"next to none: {what}", 1)
    what = f"under which half of {arm} are under observation at {median:g}: median follow-up, {key}"
    return Lost(StepRates((), (rate,)), what, 1)


def ended_by_events(
    numbers: PrintedNumbers, names: Sequence[str], median: float, plan: Calendar
) -> dict[Role, Lost | None] | None:
    """Next to no drop-out, where in both arms the median that paper.yaml says is nearer to that of times which end with
    the event, nobody dropping out, than to that of the calendar; None where it is not, or no calendar is stated.

    Papers print either as follow-up. The events of the first endpoint that has some are taken to come at one rate.
    """
    found: dict[Role, Lost | None] = {}
    if not isfinite(plan.longest):
        return None
    times, watched = grid(plan.longest), plan.watched()
    for role in ROLES:
        shares = (told_of(numbers, name, role).events for name in names)
        share = next((one for one in shares if one is not None), 0.0)
        ended = _median_until_event(share, times, watched, plan.longest)
        if ended is None or abs(log(median / ended)) >= abs(log(median / watched.median())):
            return None
        what = f"{median:g} is the median of times that end with the event ({ended:.3g} without drop-out)"
        source = f"next to none: {what}, {numbers.arms[role]}, paper.yaml"
        found[role] = Lost(StepRates((), (0.02 / plan.longest,)), source, 1)
    return found


def _median_until_event(share: float, times: Floats, watched: Observation, longest: float) -> float | None:
    """The median of times until the event or the cut-off, where a share of patients has the event at one rate."""
    if not 0 < share < 1:
        return None
    rate = solve(lambda r: watched.events(times, np.exp(-r * times)) - share, 1e-3 / longest, 1e3 / longest)
    if rate is None:
        return None
    return solve(lambda t: watched.share(np.array([t])).item() * float(np.exp(-rate * t)) - 0.5, 1e-9, longest)


def dropout_by_at_risk(at_risk: Mapping[float, float], n: int, survival: Mapping[float, float]) -> float | None:
    """The constant rate at which patients go beyond those whom events and the cut-off take, from numbers at risk.

    ``survival`` is, by the same times, the share under observation times that without an event, were nobody to drop
    out. Least squares through the origin of -log of the ratio, weighted by those at risk.
    """
    top = bottom = 0.0
    for time, left in at_risk.items():
        expected = n * survival.get(time, 0.0)
        if left > 0 and expected > 0 and left >= 5:
            top += left * time * max(log(expected / left), 0.0)
            bottom += left * time**2
    return top / bottom if bottom else None


def dropout_by_events(share: float, times: Floats, survival: Floats, plan: Calendar) -> float | None:
    """The constant drop-out under which this share of patients has an event that is seen; None where none has."""
    most = 50 / plan.longest if isfinite(plan.longest) else 50 / float(times[-1])
    return solve(lambda d: plan.watched(StepRates((), (d,))).events(times, survival) - share, 1e-7 * most, most)


def early_dropout(
    seen: Sequence[tuple[float, Floats]], median: float | None, cut: float, times: Floats, plan: Calendar
) -> StepRates:
    """Two rates of drop-out, before and after a cut, that bring events seen and median follow-up nearest to print.

    ``seen`` are shares of patients with an event, each with its survival at the ``times``.
    """
    begin = np.full(2, log(0.02 / plan.month))

    def residuals(x: Floats) -> Floats:
        watched = plan.watched(StepRates((cut,), tuple(np.exp(x).tolist())))
        found = [(watched.events(times, survival) - share) / 0.01 for share, survival in seen]
        if median is not None:
            found.append((watched.share(np.array([median])).item() - 0.5) / 0.02)
        return np.array(found)

    return StepRates((cut,), tuple(np.exp(fitted(begin, residuals, 2.0, groups=(1, 1))).tolist()))


def least_share_with_event(median: float, rate: float, dropout: float, plan: Calendar) -> float:
    """The least share of patients whose event is seen when half had it by the ``median`` at a constant rate, and none
    later, under a constant ``dropout``.
    """
    times = grid(max(plan.longest if isfinite(plan.longest) else 0.0, 1.05 * median))
    survival = np.exp(-rate * np.minimum(times, median))
    return plan.watched(StepRates((), (dropout,))).events(times, survival)


def hazard_tree(lost: Lost) -> Tree:
    """Drop-out of an arm as a hazard of the document."""
    if not lost.steps.cuts:
        return {"kind": "exponential", "rate": sourced(_tidy(lost.steps.rates[0]), lost.source)}
    rates = [_tidy(rate) for rate in lost.steps.rates]
    return {"kind": "piecewise", "cuts": [*lost.steps.cuts], "rates": sourced(rates, lost.source)}


def usual_dropout(unit: str) -> Lost:
    """What is assumed where nothing is printed: one in twenty a year."""
    rate = -log(1 - USUAL_DROPOUT) / (12 * PER_MONTH[unit])  # type: ignore[index]
    return Lost(StepRates((), (rate,)), "assumed: one in twenty a year; nothing is printed of who was lost", 0)


def by_share_kept(time: float, share: float, words: str) -> Lost:
    """Drop-out from the share who are followed until a time."""
    return Lost(StepRates((), (-log(share) / time,)), f"-log {share:g} / {time:g}: {words}, paper.yaml", 1)


def with_rates(lost: Lost, steps: StepRates, source: str) -> Lost:
    """The same arm with other rates."""
    return replace(lost, steps=steps, source=source, pinned=lost.pinned + 1)


def _tidy(value: float) -> float:
    return float(f"{value:.4g}")


def first_look(paper: PaperFile, numbers: PrintedNumbers, shape: Shape, plan: Calendar) -> dict[Role, Lost | None]:
    """Drop-out by what is printed of follow-up alone; None in an arm of which nothing is."""
    names = [name for name in (shape.dying, shape.whole, *shape.endpoints) if name]
    found: dict[Role, Lost | None] = {}
    kept = kept_under_observation(paper, plan.unit)
    said = follow_up_said(paper, plan)
    for role in ROLES:
        printed = next((one for one in (numbers.follow_up(name, role) for name in names) if one), None)
        arm = numbers.arms[role]
        if kept:
            found[role] = by_share_kept(*kept)
        elif printed and not plan.made_of_follow_up:
            found[role] = dropout_by_follow_up(printed[0], numbers.where(printed[1]), plan, arm)
        elif said and not plan.made_of_follow_up:
            found[role] = dropout_by_follow_up(said, "paper.yaml", plan, arm)
        else:
            found[role] = None
    if said and not kept and all(one is not None and one.source.endswith("paper.yaml") for one in found.values()):
        return ended_by_events(numbers, names, said, plan) or found
    return found


def follow_up_said(paper: PaperFile, plan: Calendar) -> float | None:
    """The median follow-up that paper.yaml says."""
    return in_units(paper.follow_up.get("median", ""), plan.unit)


def too_few_events(
    numbers: PrintedNumbers,
    shape: Shape,
    plan: Calendar,
    lost: Mapping[Role, Lost | None],
) -> dict[Role, Contradiction]:
    """By arm that drop-out goes early: fewer deaths are printed than the median and a constant drop-out allow."""
    endpoint = shape.dying or shape.whole or next(iter(shape.endpoints))
    found = {}
    for role in ROLES:
        told, own = told_of(numbers, endpoint, role), lost[role]
        follow = numbers.follow_up(endpoint, role)
        if own is None or follow is None or told.median is None or told.events is None or not isfinite(plan.longest):
            continue
        least = least_share_with_event(told.median, log(2) / told.median, own.steps.rates[0], plan)
        finding = early_dropout_finding(
            numbers.arms[role], endpoint, told.median, follow[0], least, told.events, plan.unit
        )
        if finding:
            found[role] = finding
    return found


def second_look(
    numbers: PrintedNumbers,
    plan: Calendar,
    made: Hazards,
    first: Mapping[Role, Lost | None],
    early: Mapping[Role, object],
) -> dict[Role, Lost]:
    """Drop-out of both arms with the hazards known: one rate, or two where the paper contradicts one in either arm."""
    told = {role: told_of(numbers, made.main, role) for role in ROLES}
    found = {role: first[role] or _without_follow_up(numbers, plan, made, role) for role in ROLES}
    for role, other in (ROLES, ROLES[::-1]):
        if not found[role].pinned and found[other].pinned:
            found[role] = Lost(found[other].steps, f"assumed: as in {numbers.arms[other]}; nothing else is printed", 0)
    if not isfinite(plan.longest) or made.main not in made.curves:
        return found
    times = grid(plan.longest)
    far = [
        role
        for role in ROLES
        if first[role] and _contradicts(found[role], told[role], times, made.curves[made.main](role, times), plan)
    ]
    if not far and not early:
        return found
    medians = [one.median for one in told.values() if one.median]
    cut = float(f"{min(medians) if medians else plan.longest / 4:.3g}")
    for role in ROLES:
        all_told = {name: told_of(numbers, name, role).events for name in made.curves}
        seen = [(share, made.curves[name](role, times)) for name, share in all_told.items() if share is not None]
        if not seen or first[role] is None:
            rate = found[role].steps.rates[0]
            found[role] = replace(found[role], steps=StepRates((cut,), (rate, rate)))
            continue
        follow = numbers.follow_up(made.main, role)
        steps = early_dropout(seen, follow[0] if follow else None, cut, times, plan)
        events = " and ".join(f"{100 * one:.1f} % ({name})" for name, one in all_told.items() if one is not None)
        text = f"two rates under which nearest to {events} have their event seen"
        text += f" and the median follow-up is {follow[0]:g}" if follow else ""
        found[role] = with_rates(found[role], steps, f"{text}: {numbers.arms[role]}")
    return found


def _contradicts(lost: Lost, told: Told, times: Floats, survival: Floats, plan: Calendar) -> bool:
    """Whether a constant drop-out gives other events than are printed, beyond their sampling error."""
    if told.events is None or not told.patients:
        return False
    expected = plan.watched(lost.steps).events(times, survival)
    se = (max(expected * (1 - expected), 1e-6) / told.patients) ** 0.5
    return bool(abs(expected - told.events) > CLEAR * se)


def _without_follow_up(numbers: PrintedNumbers, plan: Calendar, made: Hazards, role: Role) -> Lost:
    """Drop-out from patients at risk, else from events, else as usual."""
    told, arm = told_of(numbers, made.main, role), numbers.arms[role]
    if made.main in made.curves:
        times = grid(plan.longest if isfinite(plan.longest) else 120 * plan.month)
        survival = made.curves[made.main](role, times)
        for side in SIDES:
            left, n = numbers.timed(f"endpoints.{made.main}.{side}.km.{role}.at_risk"), numbers.size(side, role)
            if left and n:
                expected = {t: float(np.interp(t, times, survival * plan.watched().share(times))) for t in left}
                rate = dropout_by_at_risk(left, n, expected)
                if rate is not None:
                    source = f"patients at risk at {len(left)} times beyond events and the cut-off: {made.main}, {arm}"
                    return Lost(StepRates((), (max(rate, 0.02 / float(times[-1])),)), source, 1)
        if told.events is not None and told.points and isfinite(plan.longest):
            rate = dropout_by_events(told.events, times, survival, plan)
            least = 0.02 / plan.longest
            if rate is None or rate < least:
                text = f"next to none: even so no more events are seen than are printed, {made.main}, {arm}"
                return Lost(StepRates((), (least,)), text, 1)
            text = f"under which {100 * told.events:.1f} % have their event seen: {made.main}, {arm}"
            return Lost(StepRates((), (rate,)), text, 1)
    return usual_dropout(plan.unit)
