"""A slow interval of a difference of medians (Su & Wei 1993, Biometrics 49:603-607): all pairs of stretches in turn."""

from math import inf, sqrt

from simulator.numerics.arrays import Bools, Floats
from tests.reference import kaplan_meier


def stretches(time: Floats, event: Bools) -> list[tuple[float, float, float]]:
    """From one event time to the next, and the distance of the curve from a half in standard errors."""
    km = kaplan_meier.curve(time, event)
    steps = [(t, s, e) for t, d, s, e in zip(km.time, km.n_event, km.survival, km.std_err, strict=True) if d > 0]
    ends = [t for t, _, _ in steps[1:]] + [inf]
    return [(t, end, (s - 0.5) / e) for (t, s, e), end in zip(steps, ends, strict=True) if s > 0]


def inverted(time: Floats, event: Bools, treated: Bools, z: float) -> tuple[float, float, float]:
    """The lowest and the highest difference not rejected, and the smallest statistic of no difference."""
    low, high, least = inf, -inf, inf
    for from0, to0, far0 in stretches(time[~treated], event[~treated]):
        for from1, to1, far1 in stretches(time[treated], event[treated]):
            distance = sqrt(far0**2 + far1**2)
            if distance <= z:
                low, high = min(low, from1 - to0), max(high, to1 - from0)
            if max(from0, from1) < min(to0, to1):
                least = min(least, distance)
    return low, high, least
