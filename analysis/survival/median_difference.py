"""The difference of two Kaplan-Meier medians with the interval and the p of a test that needs no density.

Su & Wei (1993, Biometrics 49:603-607): W(a, b) = (S0(a) - 1/2)^2 / V0(a) + (S1(b) - 1/2)^2 / V1(b), Greenwood's V. A
difference is in the interval when some a and b that far apart have W within the chi-square quantile with one degree of
freedom; p is that of the smallest W(a, a).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from analysis.kernels.status import Status
from analysis.survival.kaplan_meier import kaplan_meier, km_quantile, normal_quantile
from simulator.numerics.arrays import Bools, Floats, Ints, Positions


@dataclass(frozen=True)
class MedianContrast:
    """Median survival, treated minus untreated, ``(R,)``; NaN where ``status`` is not OK."""

    value: Floats
    low: Floats
    high: Floats
    p: Floats
    status: Ints


def median_difference(
    time: Floats, event: Bools, treated: Bools, present: Bools, *, level: float = 0.95, order: Positions | None = None
) -> MedianContrast:
    """The differences of all cohorts ``(R, N)``.

    Statuses: BAD_INPUT, NO_EVENTS, TOO_FEW (an arm is empty, or a median or a limit of the interval is not reached).
    """
    rows, patients = time.shape
    arms = np.stack([present & ~treated, present & treated], axis=1)
    medians = km_quantile(time, event, present=arms.reshape(2 * rows, patients), order=order)
    median, state = medians.value.reshape(rows, 2), medians.status.reshape(rows, 2)
    reached = np.isfinite(median).all(axis=1)
    status = np.select(
        [(state == Status.BAD_INPUT).any(axis=1), ~(present & event).any(axis=1), ~reached],
        [Status.BAD_INPUT, Status.NO_EVENTS, Status.TOO_FEW],
        Status.OK,
    ).astype(np.int64)
    value, low, high, p = np.full((4, rows), np.nan)
    for r in np.flatnonzero(status == Status.OK):
        untreated, treatment = (_distances(time[r], event[r], here) for here in arms[r])
        limits = _inverted(untreated, treatment, normal_quantile(level) ** 2)
        if np.isfinite(limits).all():
            value[r] = median[r, 1] - median[r, 0]
            low[r], high[r], p[r] = limits
        else:
            status[r] = Status.TOO_FEW
    return MedianContrast(value, low, high, p, status)


def _distances(time: Floats, event: Bools, here: Bools) -> tuple[Floats, Floats, Floats]:
    """One arm's (S - 1/2)^2 / V, and where each stretch of the curve on which it holds begins and ends."""
    curve = kaplan_meier(time, event, present=here)
    steps = curve.n_event > 0
    start, survival, error = curve.time[steps], curve.survival[steps], curve.std_err[steps]
    distance = np.divide((survival - 0.5) ** 2, error**2, out=np.full(len(start), np.inf), where=survival > 0)
    return distance, start, np.append(start[1:], np.inf)


def _inverted(
    untreated: tuple[Floats, Floats, Floats], treated: tuple[Floats, Floats, Floats], most: float
) -> tuple[float, float, float]:
    """The limits of the difference and the p of no difference; infinite where nothing bounds it."""
    (w0, start0, end0), (w1, start1, end1) = untreated, treated
    within = w0[:, None] + w1 <= most
    if not within.any():
        return np.inf, np.inf, np.nan
    low = np.min(start1 - end0[:, None], where=within, initial=np.inf)
    high = np.max(end1 - start0[:, None], where=within, initial=-np.inf)
    both = (start1 < end0[:, None]) & (start0[:, None] < end1)
    least = np.min(w0[:, None] + w1, where=both, initial=np.inf)
    return float(low), float(high), float(chdtrc(1, least))
