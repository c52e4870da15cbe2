"""What is counted in potential outcomes, and the true value that the counts give: one tally per measure.

A tally holds whole numbers by jackknife group, so that sums are the same however the work is split: times are in units
of 2^-16 months, and patients of a weighted population in units of 2^-14. A group's counts are of shape ``(G, ...)``.

Curves are counted between bounds that lie where patients leave follow-up, so that they are as fine wherever anything
happens, however far away the cut-off is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simulator.cohort.cohorts import Endpoint
from simulator.cohort.estimand import Estimand, MeasureName
from simulator.numerics.arrays import Bools, Floats, Ints

GROUPS = 20
BOUNDS = 2048
MONTH = 2**16
WHOLE_PATIENT = 2**14


_NODES, _SHARES = np.polynomial.legendre.leggauss(3)
_GONE = (_NODES + 1) / 2
"""Shares of a bin's events that are over where its number at risk is taken; Gauss-Legendre nodes on (0, 1)."""


@dataclass(frozen=True)
class BothOutcomes:
    """Both outcomes of each patient ``(R, N)``, untreated first, and how much the patient counts in either arm.

    Times are inf for never; a yes/no outcome has ``event`` alone.
    """

    arms: tuple[Endpoint, Endpoint]
    weight: tuple[Ints, Ints]


@dataclass(frozen=True)
class Tally:
    """How a measure is counted and worked out.

    ``count`` takes outcomes, each patient's group ``(R, N)`` and the bounds of the curves, and gives counts
    ``(GROUPS, ...)``; ``value`` takes the sum over groups, the bounds and the measure.
    """

    count: Callable[[BothOutcomes, Ints, Floats], Ints]
    value: Callable[[Ints, Floats], float]
    has_bounds: bool = False


def bounds(arms: Sequence[Endpoint]) -> Floats:
    """Increasing times between which curves are counted: quantiles of the times of events, and of all that are finite.

    A time at which many have the event has a bin of its own.
    """
    events = np.concatenate([np.sort(one.time[one.event]) for one in arms])
    leaving = np.concatenate([one.time[np.isfinite(one.time)] for one in arms])
    found = []
    for times, number in ((events, BOUNDS), (leaving, BOUNDS // 2)):
        if len(times):
            found.append(np.quantile(times, np.arange(1, number + 1) / number, method="inverted_cdf"))
    picked = np.concatenate(found) if found else np.empty(0)
    unique, often = np.unique(picked, return_counts=True)
    atoms = unique[often > 2]
    return np.union1d(unique, np.nextafter(atoms, -np.inf))


def curves(outcomes: BothOutcomes, group: Ints, at: Floats) -> Ints:
    """Weight that leaves follow-up by potential arm and bin, in all and with the event: ``(GROUPS, 2, 2, B)``."""
    size = len(at) + 1
    counts = np.zeros((GROUPS, 2, 2, size), np.int64)
    for arm, (course, weight) in enumerate(zip(outcomes.arms, outcomes.weight, strict=True)):
        place = (group * size + np.searchsorted(at, course.time)).ravel()
        for kind, counted in enumerate((weight, weight * course.event)):
            counts[:, arm, kind] = np.bincount(place, counted.ravel(), GROUPS * size).reshape(GROUPS, size)
    return counts


def log_hr(counts: Ints, at: Floats | None = None) -> float:  # noqa: ARG001
    """The Cox log hazard ratio of arm 1 from counts ``(2, 2, B)``; NaN if an arm has no events.

    Within a bin the numbers at risk fall evenly as its events happen, which is Efron's rule for the tied and exact to
    high order in the width of the bin for the rest.
    """
    leaving, events = counts[:, 0].astype(np.float64), counts[:, 1].astype(np.float64)
    if not events.sum(axis=1).all():
        return float("nan")
    begun: Floats = np.cumsum(leaving[:, ::-1], axis=1)[:, ::-1] - (leaving - events) / 2
    at_risk = begun[..., None] - events[..., None] * _GONE
    deaths = events.sum(axis=0)
    used = (deaths > 0) & (at_risk.min(axis=(0, 2)) > 0)
    control, treated = at_risk[0, used], at_risk[1, used]
    weight = deaths[used, None] * _SHARES / 2
    observed, beta = events[1, used].sum(), 0.0
    for _ in range(200):
        expected = treated * np.exp(beta) / (treated * np.exp(beta) + control)
        step = (observed - np.sum(weight * expected)) / np.sum(weight * expected * (1 - expected))
        beta += float(np.clip(step, -1.0, 1.0))
        if abs(step) < 1e-12:
            return beta
    return float("nan")


def _sums(amounts: tuple[Ints, ...], weight: Ints, group: Ints) -> Ints:
    """The weights summed, then the weighted amounts ``(GROUPS, 1 + A)``."""
    place = group.ravel()
    rows = [np.bincount(place, (weight * amount).ravel(), GROUPS) for amount in (np.ones_like(weight), *amounts)]
    return np.stack(rows, axis=1).astype(np.int64)


def _restricted(outcomes: BothOutcomes, group: Ints, at: Floats) -> Ints:  # noqa: ARG001
    zero, one = (course.time for course in outcomes.arms)
    return _sums((np.rint((one - zero) * MONTH).astype(np.int64),), outcomes.weight[0], group)


def _alive(outcomes: BothOutcomes, group: Ints, at: Floats) -> Ints:  # noqa: ARG001
    zero, one = (course.event for course in outcomes.arms)
    return _sums((zero.astype(np.int64) - one,), outcomes.weight[0], group)


def _happened(outcomes: BothOutcomes, group: Ints, at: Floats) -> Ints:
    return _alive(BothOutcomes(outcomes.arms[::-1], outcomes.weight), group, at)


def _lost(outcomes: BothOutcomes, group: Ints, at: Floats) -> Ints:
    return _restricted(BothOutcomes(outcomes.arms[::-1], outcomes.weight), group, at)


def _yes(outcomes: BothOutcomes, group: Ints, at: Floats) -> Ints:  # noqa: ARG001
    zero, one = (course.event for course in outcomes.arms)
    return _sums((zero.astype(np.int64), one.astype(np.int64)), outcomes.weight[0], group)


def _mean(unit: float) -> Callable[[Ints, Floats], float]:
    return lambda counts, at: float(counts[1] / counts[0] / unit) if counts[0] else float("nan")  # noqa: ARG005


def _odds(counts: Ints, kind: MeasureName) -> float:
    """A contrast of two risks; NaN where it is infinite."""
    if not counts[0]:
        return float("nan")
    zero, one = counts[1:] / counts[0]
    if kind == "risk_difference":
        return float(one - zero)
    tops = (one, zero) if kind in ("log_risk_ratio", "log_incidence_ratio") else (one * (1 - zero), zero * (1 - one))
    return float(np.log(tops[0] / tops[1])) if min(tops) > 0 else float("nan")


def medians(counts: Ints, at: Floats) -> tuple[float, float]:
    """The times at which half of either arm have had the event, from counts ``(2, 2, B)``; inf where they never do."""
    found = []
    for arm in (0, 1):
        total, died = counts[arm, 0].sum(), np.cumsum(counts[arm, 1])
        place = int(np.searchsorted(2 * died, total))
        if place >= len(at):
            found.append(float("inf"))
            continue
        before, start = (died[place - 1], at[place - 1]) if place else (0, 0.0)
        found.append(float(start + (at[place] - start) * (total / 2 - before) / (died[place] - before)))
    return found[0], found[1]


def _median_difference(counts: Ints, at: Floats) -> float:
    zero, one = medians(counts, at)
    return one - zero if np.isfinite(zero) and np.isfinite(one) else float("nan")


def _binary(kind: MeasureName) -> Tally:
    return Tally(_yes, lambda counts, at: _odds(counts, kind))  # noqa: ARG005


TALLIES: dict[MeasureName, Tally] = {
    "marginal_log_hr": Tally(curves, log_hr, has_bounds=True),
    "marginal_subdistribution_log_hr": Tally(curves, log_hr, has_bounds=True),
    "rmst_difference": Tally(_restricted, _mean(MONTH)),
    "survival_difference": Tally(_alive, _mean(1)),
    "median_difference": Tally(curves, _median_difference, has_bounds=True),
    "incidence_difference": Tally(_happened, _mean(1)),
    "log_incidence_ratio": _binary("log_incidence_ratio"),
    "rmtl_difference": Tally(_lost, _mean(MONTH)),
    "risk_difference": _binary("risk_difference"),
    "log_risk_ratio": _binary("log_risk_ratio"),
    "log_odds_ratio": _binary("log_odds_ratio"),
}


def staying(courses: tuple[Endpoint, Endpoint], until: tuple[Floats, Floats]) -> tuple[Endpoint, Endpoint]:
    """The courses in which who has a competing event stays at risk to the end of the own follow-up ``(R, N)``."""
    zero, one = (
        course if course.competing is None else Endpoint(np.where(course.competing, end, course.time), course.event)
        for course, end in zip(courses, until, strict=True)
    )
    return zero, one


def outcomes_of(
    estimand: Estimand,
    potential: Mapping[str, tuple[Endpoint, Endpoint]],
    latent: Mapping[str, tuple[Floats, Floats]],
    binary: Mapping[str, tuple[Bools, Bools]],
    starts: Floats | None,
    weight: Ints,
) -> BothOutcomes:
    """The outcomes that an estimand compares, the patients ``(R, N)`` counting by ``weight``.

    The mappings are those of `simulator.cohort.cohorts.Hidden`. ``horizon`` ends both courses; after a ``landmark``
    time is counted from there, among who is at risk then and, if treated, has started.
    """
    if estimand.endpoint in binary:
        zero, one = binary[estimand.endpoint]
        nothing = np.zeros(zero.shape)
        return BothOutcomes((Endpoint(nothing, zero), Endpoint(nothing, one)), (weight, weight))
    if estimand.follow_up == "observed":
        courses = potential[estimand.endpoint]
    else:
        before, after = latent[estimand.endpoint]
        courses = Endpoint(before, np.isfinite(before)), Endpoint(after, np.isfinite(after))
    if estimand.horizon is not None:
        end = estimand.horizon
        courses = _ended(courses[0], end), _ended(courses[1], end)
    if estimand.landmark is None:
        return BothOutcomes(courses, (weight, weight))
    at = estimand.landmark
    still = [course.time > at for course in courses]
    if starts is not None:
        still[1] &= starts <= at
    after_it = Endpoint(courses[0].time - at, courses[0].event), Endpoint(courses[1].time - at, courses[1].event)
    return BothOutcomes(after_it, (weight * still[0], weight * still[1]))


def _ended(course: Endpoint, end: float) -> Endpoint:
    return Endpoint(np.minimum(course.time, end), course.event & (course.time <= end))
