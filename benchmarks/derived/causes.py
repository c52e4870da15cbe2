"""Causes that compete: cause-specific hazards from cumulative incidences, or from first events and their counts."""

from collections.abc import Mapping, Sequence
from math import isfinite, log

from benchmarks.derived import hazards
from benchmarks.derived.curves import StepRates, thinned
from benchmarks.derived.given import Given, Hazards, log_ratio, rate_by_limits
from benchmarks.derived.hazards import told_of
from benchmarks.derived.parts import Assumption
from benchmarks.derived.printed import SIDES
from benchmarks.pasted.reading import ROLES, Role

COMPETING_SHARE = 0.25  # hazard of what competes, as part of the event's, where nothing is printed of it


def competing(given: Given) -> Hazards:
    """Causes that compete, from cumulative incidences, else from event-free survival and counts of first events."""
    shape, made = given.shape, Hazards()
    causes = list(shape.ways)
    incidences = {role: {cause: _incidence(given, cause, role) for cause in causes} for role in ROLES}
    rates = _cause_steps(given, incidences["control"], "control", given.pieces.first - 1, made)
    constant = {role: _cause_steps(given, incidences[role], role, 0, Hazards()) for role in ROLES}
    for cause in causes:
        made.control[cause] = rates[cause]
        ratio, words = _cause_ratio(given, cause, constant)
        made.effect[cause] = StepRates((), (ratio,))
        made.effect_sources[cause] = words
        made.sources[cause] = _cause_source(given, incidences["control"][cause])
        if words.startswith("assumed"):
            made.assumed.append(Assumption(f"{shape.place(cause)}.treatment.log_hr", ratio, 0.3, words))
    whole = shape.whole or next(iter(shape.endpoints))
    made.main = whole
    total = {
        role: StepRates(steps[0].cuts, tuple(sum(rates) for rates in zip(*(one.rates for one in steps), strict=True)))
        for role in ROLES
        for steps in [[made.control[c].under(made.effect[c]) if role == "treated" else made.control[c] for c in causes]]
    }
    if shape.whole:
        made.curves[whole] = lambda role, times: total[role].survival(times)
    return made


def _own(given: Given, cause: str) -> list[str]:
    """The endpoints of a cause alone."""
    return [name for name, (events, _) in given.shape.endpoints.items() if events == (cause,)]


def _incidence(given: Given, cause: str, role: Role) -> dict[float, float]:
    """The printed cumulative incidence of a cause in an arm, by time."""
    for side in SIDES:
        starts = [f"endpoints.{name}.{side}.incidence.{role}" for name in _own(given, cause)]
        starts += [
            f"endpoints.{name}.{side}.competing_incidence.{role}"
            for name, (_, rivals) in given.shape.endpoints.items()
            if rivals == (cause,)
        ]
        for start in starts:
            found = {t: x for t, x in given.numbers.timed(start).items() if 0 < x < 1}
            if found:
                return found
    return {}


def _count(given: Given, cause: str, role: Role) -> float | None:
    """The first events of a cause in an arm."""
    for side in SIDES:
        for name in _own(given, cause):
            found = given.numbers.events(name, side, role)
            if found is not None:
                return found
        for name, (_, rivals) in given.shape.endpoints.items():
            if rivals == (cause,):
                found = given.numbers.value(f"endpoints.{name}.{side}.competing_events.{role}")
                if found is not None:
                    return found
    return None


def _cause_steps(
    given: Given, incidences: Mapping[str, Mapping[float, float]], role: Role, most: int, made: Hazards
) -> dict[str, StepRates]:
    """The cause-specific rates of an arm."""
    causes = list(incidences)
    known = [cause for cause in causes if incidences[cause]]
    shares = _first_shares(given, causes, role, incidences, made)
    if not known:
        total = _total_rate(given, role, made)
        return {cause: StepRates((), (max(total * shares[cause], 1e-6),)) for cause in causes}
    lead = known[0]
    filled = {
        cause: incidences[cause]
        if set(incidences[lead]) <= set(incidences[cause])
        else {t: x * shares[cause] / shares[lead] for t, x in incidences[lead].items()}
        for cause in causes
    }
    scale = {t: max(1.0, sum(curve[t] for curve in filled.values()) / 0.98) for t in incidences[lead]}
    filled = {cause: {t: curve[t] / scale[t] for t in incidences[lead]} for cause, curve in filled.items()}
    times = sorted(incidences[lead])
    cuts = thinned((), times[:-1], most) if most > 0 else ()
    found = {}
    for cause in causes:
        others = {t: sum(curve[t] for other, curve in filled.items() if other != cause) for t in times}
        found[cause] = StepRates(cuts, hazards.cause_rates(filled[cause], others, cuts)[0])
    return found


def _first_shares(
    given: Given, causes: Sequence[str], role: Role, incidences: Mapping[str, Mapping[float, float]], made: Hazards
) -> dict[str, float]:
    """Each cause's share of first events: by counts, else by incidences at their last time, else assumed."""
    counts = {cause: _count(given, cause, role) for cause in causes}
    last = {cause: incidences[cause][max(incidences[cause])] if incidences[cause] else None for cause in causes}
    for told in (counts, last):
        known = {cause: one for cause, one in told.items() if one}
        if len(known) == len(causes):
            return {cause: one / sum(known.values()) for cause, one in known.items()}
    known = {cause: one for cause, one in {**last, **{c: n for c, n in counts.items() if n}}.items() if one}
    made_up = {
        cause: 1.0 if cause in known or (not known and k == 0) else COMPETING_SHARE for k, cause in enumerate(causes)
    }
    for cause in causes:
        if made_up[cause] != 1.0:
            why = f"{COMPETING_SHARE:g} times the hazard of the event; nothing is printed of {cause}"
            place = f"{given.shape.place(cause)}.baseline"
            made.assumed.append(Assumption(place, COMPETING_SHARE, 0.7, why, log=True))
    return {cause: one / sum(made_up.values()) for cause, one in made_up.items()}


def _total_rate(given: Given, role: Role, made: Hazards) -> float:
    """The constant hazard of any first event in an arm."""
    whole = given.shape.whole
    watched = given.watched[role]
    if whole:
        found = hazards.one_rate(told_of(given.numbers, whole, role), watched)
        if found:
            return found[0]
    counts = [_count(given, cause, role) for cause in given.shape.ways]
    n = given.numbers.size("before", role)
    known = [one for one in counts if one is not None]
    if known and n and isfinite(watched.horizon):
        total = sum(known) * (1 if len(known) == len(counts) else 1 + COMPETING_SHARE)
        rate = hazards.rate_of_events(min(total / n, 0.98), watched)
        if rate is not None:
            return rate
    told = rate_by_limits(given, whole, role) if whole else None
    if told:
        return told[0]
    rate, first = log(2) / given.half_by, next(iter(given.shape.ways))
    why = f"half have an event by {given.half_by:.4g}; nothing is printed of any"
    made.assumed.append(Assumption(f"{given.shape.place(first)}.baseline.rate", rate, 1.0, why, log=True))
    return rate


def _cause_ratio(given: Given, cause: str, constant: Mapping[Role, Mapping[str, StepRates]]) -> tuple[float, str]:
    """The log hazard ratio of treatment on a cause, and its formula."""
    for side in SIDES[::-1] if given.numbers.design not in ("randomised", "crude") else SIDES:
        for name in _own(given, cause):
            found = given.numbers.ratio(f"endpoints.{name}.{side}.cox")
            if found:
                return found.log_hr, f"log of the hazard ratio, {name}, {found.where}"
        for name, (_, rivals) in given.shape.endpoints.items():
            found = given.numbers.ratio(f"endpoints.{name}.{side}.competing_cox") if rivals == (cause,) else None
            if found:
                return found.log_hr, f"log of the hazard ratio of competing events, {name}, {found.where}"
    for name in _own(given, cause):
        found = given.numbers.treatment_ratio(name)
        if found:
            return found.log_hr, f"log of the subdistribution hazard ratio, {name}, {found.where}: a start"
    if all(_incidence(given, cause, role) or _count(given, cause, role) for role in ROLES):
        control, treated = (constant[role][cause].rates[0] for role in ROLES)
        return log(treated / control), "log of the ratio of the arms' constant cause-specific rates"
    if given.shape.whole and given.numbers.treatment_ratio(given.shape.whole):
        return log_ratio(given, given.shape.whole, [told_of(given.numbers, given.shape.whole, r) for r in ROLES])
    return 0.0, f"assumed: treatment does not change {cause}; nothing is printed of it"


def _cause_source(given: Given, incidence: Mapping[float, float]) -> str:
    if incidence:
        told = ", ".join(f"{x:g} at {t:g}" for t, x in list(incidence.items())[:4])
        return f"-log(1 - all incidences) / time x own part: incidence {told}"
    return f"its part of first events, of which {given.shape.whole or 'counts'} tell"
