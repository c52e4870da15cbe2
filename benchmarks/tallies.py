"""What is counted in potential outcomes, and the true value that the counts give: one tally per measure.

A tally holds whole numbers by jackknife group, so that sums are the same however the work is split: times are in units
of 2^-16 months, and patients of the overlap population in units of 2^-14. A group's counts are of shape ``(G, ...)``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.cohort import Cohorts, Endpoint, Floats
from simulator.estimand import Estimand, Measure

GROUPS = 20
BINS = 2048
MONTH = 2**16
WHOLE_PATIENT = 2**14

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Tally:
    """How a measure is counted and worked out.

    ``count`` takes cohorts, the estimand, each patient's weight and group ``(R, N)`` and the months from first entry to
    cut-off, and gives counts ``(GROUPS, ...)``; ``value`` takes the sum over groups.
    """

    count: Callable[[Cohorts, Estimand, Counts, Counts, float], Counts]
    value: Callable[[Counts, Estimand], float]


def curves(cohorts: Cohorts, estimand: Estimand, weight: Counts, group: Counts, span: float) -> Counts:
    """Weight that leaves follow-up by potential arm and bin, in all and with the event: ``(GROUPS, 2, 2, BINS)``."""
    counts = np.zeros((GROUPS, 2, 2, BINS), np.int64)
    for arm, course in enumerate(_courses(cohorts, estimand)):
        bins = np.minimum((course.time * (BINS / _last(estimand, span))).astype(np.int64), BINS - 1)
        place = (group * BINS + bins).ravel()
        for kind, counted in enumerate((weight, weight * course.event)):
            counts[:, arm, kind] = np.bincount(place, counted.ravel(), GROUPS * BINS).reshape(GROUPS, BINS)
    return counts


def log_hr(counts: Counts, estimand: Estimand | None = None) -> float:  # noqa: ARG001
    """The Cox log hazard ratio of arm 1 from counts ``(2, 2, BINS)``; NaN if an arm has no events.

    The number at risk in a bin is taken at its middle, which makes the error of the grid of second order in its width.
    """
    leaving, events = counts[:, 0].astype(np.float64), counts[:, 1].astype(np.float64)
    if not events.sum(axis=1).all():
        return float("nan")
    after: Floats = np.cumsum(leaving[:, ::-1], axis=1)[:, ::-1]
    at_risk = after - leaving / 2
    deaths = events.sum(axis=0)
    used = (deaths > 0) & (at_risk.min(axis=0) > 0)
    control, treated, deaths = at_risk[0, used], at_risk[1, used], deaths[used]
    observed, beta = events[1, used].sum(), 0.0
    for _ in range(50):
        expected = treated * np.exp(beta) / (treated * np.exp(beta) + control)
        step = (observed - deaths @ expected) / (deaths @ (expected * (1 - expected)))
        beta += float(np.clip(step, -1.0, 1.0))
        if abs(step) < 1e-12:
            return beta
    return float("nan")


def _last(estimand: Estimand, span: float) -> float:
    return span if estimand.horizon is None else estimand.horizon


def _courses(cohorts: Cohorts, estimand: Estimand) -> list[Endpoint]:
    """Both courses: as followed, or complete, to the horizon where there is one."""
    if estimand.follow_up == "observed":
        courses = list(cohorts.hidden.potential[estimand.endpoint])
    else:
        courses = [Endpoint(time, np.isfinite(time)) for time in cohorts.hidden.latent[estimand.endpoint]]
    if estimand.horizon is None:
        return courses
    end = estimand.horizon
    return [Endpoint(np.minimum(course.time, end), course.event & (course.time <= end)) for course in courses]


def _sums(amounts: tuple[Counts, ...], weight: Counts, group: Counts) -> Counts:
    """The weights summed, then the weighted amounts ``(GROUPS, 1 + A)``."""
    place = group.ravel()
    rows = [np.bincount(place, (weight * amount).ravel(), GROUPS) for amount in (np.ones_like(weight), *amounts)]
    return np.stack(rows, axis=1).astype(np.int64)


def _restricted(cohorts: Cohorts, estimand: Estimand, weight: Counts, group: Counts, span: float) -> Counts:
    zero, one = (np.minimum(time, _last(estimand, span)) for time in cohorts.hidden.latent[estimand.endpoint])
    return _sums((np.rint((one - zero) * MONTH).astype(np.int64),), weight, group)


def _alive(cohorts: Cohorts, estimand: Estimand, weight: Counts, group: Counts, span: float) -> Counts:
    zero, one = (time > _last(estimand, span) for time in cohorts.hidden.latent[estimand.endpoint])
    return _sums((one.astype(np.int64) - zero,), weight, group)


def _yes(cohorts: Cohorts, estimand: Estimand, weight: Counts, group: Counts, span: float) -> Counts:  # noqa: ARG001
    zero, one = cohorts.hidden.binary[estimand.endpoint]
    return _sums((zero.astype(np.int64), one.astype(np.int64)), weight, group)


def _mean(unit: float) -> Callable[[Counts, Estimand], float]:
    return lambda counts, estimand: float(counts[1] / counts[0] / unit)  # noqa: ARG005


def _odds(counts: Counts, kind: Measure) -> float:
    """A contrast of two risks; NaN where it is infinite."""
    zero, one = counts[1:] / counts[0]
    if kind == "risk_difference":
        return float(one - zero)
    tops = (one, zero) if kind == "log_risk_ratio" else (one * (1 - zero), zero * (1 - one))
    return float(np.log(tops[0] / tops[1])) if min(tops) > 0 else float("nan")


def _medians(counts: Counts, estimand: Estimand) -> float:  # noqa: ARG001
    """The difference of medians, each in units of bins; NaN where half are never reached. Multiply by the bin width."""
    found = []
    for arm in (0, 1):
        total, died = counts[arm, 0].sum(), np.cumsum(counts[arm, 1])
        place = int(np.searchsorted(2 * died, total))
        if place >= BINS - 1:
            return float("nan")
        before = died[place - 1] if place else 0
        found.append(place + (total / 2 - before) / (died[place] - before))
    return float(found[1] - found[0])


def _binary(kind: Measure) -> Tally:
    return Tally(_yes, lambda counts, estimand: _odds(counts, kind))  # noqa: ARG005


TALLIES: dict[Measure, Tally] = {
    "marginal_log_hr": Tally(curves, log_hr),
    "rmst_difference": Tally(_restricted, _mean(MONTH)),
    "survival_difference": Tally(_alive, _mean(1)),
    "median_difference": Tally(curves, _medians),
    "risk_difference": _binary("risk_difference"),
    "log_risk_ratio": _binary("log_risk_ratio"),
    "log_odds_ratio": _binary("log_odds_ratio"),
}
