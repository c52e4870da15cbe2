"""The hazards of each form of a course: what the controls have, and what treatment does, by transition."""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite, log

import numpy as np

from benchmarks.derived import hazards
from benchmarks.derived.causes import competing
from benchmarks.derived.curves import IllnessDeath, StepRates, grid, solve
from benchmarks.derived.given import Given, Hazards, confounded_by, log_ratio, rate_by_limits
from benchmarks.derived.hazards import SPLIT, SPLIT_SD, Effects, Together, Told, told_of
from benchmarks.derived.parts import Assumption
from benchmarks.derived.printed import SIDES
from benchmarks.pasted.reading import ROLES, Role
from simulator.numerics.arrays import Floats

AFTER_FIRST = 1.6  # hazard of any first event, as a multiple of that of death, where nothing is printed of it


def hazards_of(given: Given) -> Hazards:
    """The hazards by the form of the course."""
    if given.shape.form == "single":
        return _single(given)
    return competing(given) if given.shape.form == "competing" else _with_death_after(given)


def _best(given: Given, names: Sequence[str]) -> str:
    """The endpoint, of some that are one and the same event, of which most is printed."""
    return max(names, key=lambda name: sum(len(told_of(given.numbers, name, role).points) for role in ROLES))


def _rate_or_guess(told: Sequence[Told], given: Given, endpoint: str, place: str, made: Hazards) -> tuple[float, str]:
    """The controls' constant rate; from the treated and no effect, else half of all by the end, where need be."""
    found = hazards.one_rate(told[0], given.watched["control"])
    if found:
        return found
    other = hazards.one_rate(told[1], given.watched["treated"])
    if not other and (limits := rate_by_limits(given, endpoint, "control")):
        return limits
    rate = other[0] if other else log(2) / given.half_by
    why = "that of the treated" if other else f"half have the event by {given.half_by:.4g}; nothing is printed of it"
    made.assumed.append(Assumption(place, rate, 1.0, f"the controls' hazard is not printed: {why}", log=True))
    return rate, f"assumed: {why}"


def _single(given: Given) -> Hazards:
    """One hazard."""
    (name,), made = given.shape.ways, Hazards()
    made.main = _best(given, list(given.shape.endpoints))
    told = [told_of(given.numbers, made.main, role) for role in ROLES]
    rate, source = _rate_or_guess(told, given, made.main, f"{given.shape.place(name)}.baseline.rate", made)
    cuts = hazards.knots(told, given.pieces.first - 1, given.longest) if told[0].points else ()
    control = hazards.alone(told[0], cuts, rate, given.watched["control"], given.use_events["control"])
    made.control[name], made.sources[name] = control, source if not cuts else _of_pieces(told[0])
    ratio, words = log_ratio(given, made.main, told)
    steps = hazards.effect_alone(
        told[1],
        control,
        cuts[: given.pieces.effect - 1],
        ratio,
        given.watched["treated"],
        given.use_events["treated"] or not told[1].points,
    )
    by_curve = bool(told[1].points) or told[1].events is not None  # else the ratio itself, which is the fair one
    moved = confounded_by(given, made.main, told[1]) if by_curve else 0.0
    made.effect[name] = StepRates(steps.cuts, tuple(one + moved for one in steps.rates))
    made.effect_sources[name] = f"{words}; with the treated's curve" if told[1].points else words
    if words.startswith("assumed"):
        made.assumed.append(Assumption(f"{given.shape.place(name)}.treatment.log_hr", ratio, 0.5, words))
    treated = control.under(steps)
    made.curves[made.main] = lambda role, times: (control if role == "control" else treated).survival(times)
    return made


def _of_pieces(told: Told) -> str:
    return f"nearest to {told.source or 'what is printed'}"


def split_of(given: Given, role: Role) -> tuple[float, str]:
    """The share of deaths among first events in an arm, and where it is from ("assumed" if nowhere)."""
    numbers, shape = given.numbers, given.shape
    whole = shape.whole
    for side in SIDES if whole else ():
        total = numbers.events(whole or "", side, role)
        for name, (events, _) in shape.endpoints.items():
            own = numbers.events(name, side, role)
            if total and own is not None and set(events) == set(shape.passed) and 0 < own < total:
                return 1 - own / total, f"1 - {own:g} / {total:g}: events of {name} and {whole}"
        parts = [_own_events(given, state, side, role) for state in shape.passed]
        milder = sum(one or 0.0 for one in parts)
        if total and None not in parts and 0 < milder < total:
            return (
                1 - milder / total,
                f"1 - {milder:g} / {total:g}: events of {' and '.join(shape.passed)}, and {whole}",
            )
        percents = {
            key.split(".")[1]: numbers.value(key)
            for key in numbers.numbers
            if key.startswith("modes.") and f".{side}.{role}.percent" in key
        }
        dead = next((value for name, value in percents.items() if "death" in name.lower()), None)
        if dead and total:
            count = _deaths_of_modes(dead, [one for one in percents.values() if one is not None], total)
            return min(count / total, 0.9), f"{count:g} of {total:g}: modes of {whole}, {numbers.arms[role]}"
    return SPLIT, "assumed: 12 % of first events are deaths"


def _own_events(given: Given, state: str, side: str, role: Role) -> float | None:
    """The events of an endpoint of one state alone."""
    own = (name for name, (events, _) in given.shape.endpoints.items() if set(events) == {state})
    return next((n for n in (given.numbers.events(name, side, role) for name in own) if n is not None), None)


def _deaths_of_modes(dead: float, percents: Sequence[float], total: float) -> float:
    """The deaths that a percentage of modes stands for: of the fewest modes that give all percentages and are no fewer
    than patients with an event; of the events themselves where no number does.
    """
    if abs(sum(percents) - 100) < 1.0:
        for modes in range(round(total), 3 * round(total)):
            if all(abs(round(modes * one / 100) / modes * 100 - one) <= 0.051 for one in percents):
                return float(round(modes * dead / 100))
    return total * dead / 100


def _with_death_after(given: Given) -> Hazards:
    """Death at once or after another event, from the curves of first events and of death together."""
    shape, made = given.shape, Hazards()
    whole = shape.whole or next((name for name, (e, _) in shape.endpoints.items() if set(e) & set(shape.passed)), "")
    dying = shape.dying or next(name for name, (e, _) in shape.endpoints.items() if set(e) <= set(shape.fatal))
    arms = {role: _arm(given, role, whole, dying) for role in ROLES}
    control, treated = arms["control"], arms["treated"]
    place = {kind: [shape.place(one) for one in shape.of_kind(kind)] for kind in ("to", "death", "after")}
    first, first_source = _first_rate(given, control, treated, f"{place['to'][0]}.baseline.rate", made)
    after, after_source = _rate_after(control, first)
    tolds = (control.first, treated.first)
    cuts = hazards.knots(tolds, given.pieces.first - 1, given.longest) if control.first.points else ()
    off = [told.median or log(2) / first for told in tolds]
    after_cuts: tuple[float, ...] = ()
    if control.death.points:
        after_cuts = hazards.knots_after((control.death, treated.death), given.pieces.after - 1, given.longest, off)
    course = hazards.controls(control, cuts, after_cuts, first, after, given.use_events["control"])
    if not control.death.points and not control.first.points:
        course = hazards.split_course(
            StepRates((), (first,)), control.split, first, StepRates((), (after,)), control.alive_at
        )
    ratios = [log_ratio(given, name, [told_of(given.numbers, name, r) for r in ROLES]) for name in (whole, dying)]
    steps = max(given.pieces.effect - 1, 0)
    plain = (ratios[0][0], ratios[1][0])
    effects = hazards.effects_of(
        treated, course, _spread(cuts, steps), _spread(after_cuts, steps), plain, given.use_events["treated"]
    )
    moved = effects.moved(confounded_by(given, whole, treated.first), confounded_by(given, dying, treated.death))
    _share_out(given, course, moved, made)
    for name, way in shape.ways.items():
        own = first_source if way.kind == "to" else after_source
        fit = "; nearest to both curves" if cuts or after_cuts else ""
        made.sources[name] = (
            f"{own}{fit}" if way.kind != "death" else f"{split_of(given, 'control')[1]}; of {first_source}"
        )
        made.effect_sources[name] = _effect_source(way.kind, ratios[0][1], ratios[1][1], treated)
    if split_of(given, "control")[1].startswith("assumed"):
        also = tuple(f"{one}.baseline.rate" for one in place["death"][1:])
        why = f"{100 * SPLIT:g} % of first events are deaths (10 to 15 % are usual); nothing is printed of it"
        rate = made.control[shape.of_kind("death")[0]].rates[0]
        made.assumed.append(Assumption(f"{place['death'][0]}.baseline.rate", rate, SPLIT_SD, why, True, also))
    made.main = dying
    on = effects.on(course, treated.alive_at)
    courses: dict[Role, IllnessDeath] = {"control": course, "treated": on}
    for role, one in courses.items():
        begun = np.array([given.alive_at[role]])
        made.living[role] = float(_curve(replace(one, alive_at=0.0), begun, 1)[0]) if begun[0] > 0 else 1.0
    made.curves[dying] = lambda role, times: _curve(courses[role], times, 1)
    made.curves.setdefault(whole, lambda role, times: _curve(courses[role], times, 0))
    return made


def _curve(course: IllnessDeath, times: Floats, which: int) -> Floats:
    """Survival without any event (0) or overall (1) at increasing times."""
    even = grid(max(float(times[-1]), 1.01 * course.alive_at))
    return np.asarray(np.interp(times, even, course.curves(even)[which]))


def _spread(cuts: Sequence[float], most: int) -> tuple[float, ...]:
    """At most so many of some cuts, evenly picked."""
    if most <= 0 or not cuts:
        return ()
    picked = np.unique(np.round(np.linspace(0, len(cuts) - 1, min(most, len(cuts)))).astype(int))
    return tuple(cuts[k] for k in picked)


def _effect_source(kind: str, first: str, death: str, treated: Together) -> str:
    about = {"to": first, "after": death, "death": f"the mean of {first} and {death}"}[kind]
    return f"about {about}; nearest to the treated's curves" if treated.first.points or treated.death.points else about


def _arm(given: Given, role: Role, whole: str, dying: str) -> Together:
    return Together(
        told_of(given.numbers, whole, role),
        told_of(given.numbers, dying, role),
        split_of(given, role)[0],
        given.watched[role],
        given.alive_at[role],
    )


def _first_rate(given: Given, control: Together, treated: Together, place: str, made: Hazards) -> tuple[float, str]:
    """The controls' constant hazard of any first event; from that of death where nothing is printed of it."""
    found = hazards.one_rate(control.first, control.watched)
    death = hazards.one_rate(control.death, control.watched)
    if found is None and death is not None:
        why = f"{AFTER_FIRST:g} times the hazard of death ({death[1]}); nothing is printed of first events"
        made.assumed.append(Assumption(place, AFTER_FIRST * death[0], 0.7, why, log=True))
        return AFTER_FIRST * death[0], f"assumed: {why}"
    return _rate_or_guess((control.first, treated.first), given, given.shape.whole or "", place, made)


def _rate_after(control: Together, first: float) -> tuple[float, str]:
    """The constant hazard of death after another event, and its formula."""
    best = next((one for one in control.death.points if one.kind == "median"), None)
    best = best or next((one for one in reversed(control.death.points)), None)
    if best is not None:
        found = hazards.death_after(first, best.survival, control.split, best.time)
        if found is not None:
            return found, f"survival {best.survival:g} at {best.time:g} given first events: {best.source}"
    elif control.death.events is not None and isfinite(control.watched.longest):
        times = grid(control.watched.longest)

        def off(after: float) -> float:
            course = hazards.split_course(StepRates((), (first,)), control.split, first, StepRates((), (after,)), 0.0)
            return control.watched.events(times, course.curves(times)[1]) - (control.death.events or 0.0)

        rate = solve(off, 1e-3 * first, 1e3 * first)
        if rate is not None:
            return rate, f"{100 * control.death.events:.1f} % of {control.death.patients} die, given first events"
    return first, "as fast as first events: survival does not tell"


def _share_out(given: Given, course: IllnessDeath, effects: Effects, made: Hazards) -> None:
    """The hazards by transition: shared between several events of a kind by their printed counts, else evenly."""
    shape = given.shape
    for kind, steps, effect in (
        ("to", course.ill, effects.ill),
        ("death", course.death, StepRates((), (effects.death,))),
        ("after", course.death_after, effects.after),
    ):
        names = shape.of_kind(kind)
        parts = _parts(given, names)
        for name, part in zip(names, parts, strict=True):
            made.control[name] = StepRates(steps.cuts, tuple(part * rate for rate in steps.rates))
            made.effect[name] = effect
            if len(names) > 1:
                place = f"{shape.place(name)}.baseline.rate{'s' if steps.cuts else ''}"
                why = f"{100 * part:.0f} % of the hazard of {', '.join(names)} together"
                made.assumed.append(Assumption(place, part * steps.rates[0], 0.7, why, log=True))


def _parts(given: Given, names: Sequence[str]) -> list[float]:
    """The part that each of several transitions has in their hazard together: by events of endpoints of their own, else
    by how many more one endpoint has than another that lacks this event alone; the last by what is left of all.
    """
    ends = [given.shape.ways[name].end for name in names]
    counts = []
    for end in ends:
        own = (n for n, (events, _) in given.shape.endpoints.items() if set(events) == {end})
        found = [given.numbers.events(n, side, "control") for n in own for side in SIDES]
        counts.append(next((one for one in found if one), None) or _by_difference(given, end))
    known = [one for one in counts if one is not None]
    if len(names) == 1 or not known:
        return [1 / len(names)] * len(names)
    if len(known) == len(names) - 1 and given.shape.whole and set(ends) == set(given.shape.passed):
        totals = [given.numbers.events(given.shape.whole, side, "control") for side in SIDES]
        left = (next((one for one in totals if one), None) or 0.0) * (1 - split_of(given, "control")[0]) - sum(known)
        counts = [max(left, 0.0) or None if one is None else one for one in counts]
    filled = [one if one is not None else sum(known) / len(known) for one in counts]
    return [one / sum(filled) for one in filled]


def _by_difference(given: Given, end: str) -> float | None:
    """Events of a state in the controls: those of an endpoint less those of one that lacks this state alone."""
    endpoints = given.shape.endpoints
    for large, (events, _) in endpoints.items():
        for small, (fewer, _) in endpoints.items():
            if (
                set(events) - set(fewer) != {end}
                or not set(fewer) < set(events)
                or not set(fewer) & set(given.shape.fatal)
            ):
                continue
            for side in SIDES:
                counts = [given.numbers.events(name, side, "control") for name in (large, small)]
                if counts[0] is not None and counts[1] is not None and counts[0] > counts[1]:
                    return counts[0] - counts[1]
    return None
