"""Roots of functions of one number by Brent's method (Algorithms for Minimization without Derivatives, 1973, ch. 4).

It stands here because importing scipy.optimize for it takes a fifth of a second of every command that reads a study.
"""

from collections.abc import Callable
from math import inf

RELATIVE = 4 * 2.0**-52
"""The least relative tolerance: four times the distance of 1 to the next number."""


def brentq(function: Callable[[float], float], low: float, high: float, xtol: float, maxiter: int = 100) -> float:
    """The root of the function between two ends where its signs differ, to within ``xtol``, or `RELATIVE` of itself.

    ValueError where the signs do not differ, RuntimeError where ``maxiter`` steps do not reach it.
    """
    before, here = float(low), float(high)
    f_before, f_here = float(function(before)), float(function(here))
    if f_before == 0.0:
        return before
    if f_here == 0.0:
        return here
    if (f_before < 0.0) == (f_here < 0.0):
        raise ValueError(f"a function that is {f_before:g} at {low:g} and {f_here:g} at {high:g} has no root here")
    other = f_other = span = last_span = 0.0  # the end beyond the root, and the last two steps
    for _ in range(maxiter):
        if f_before != 0.0 and f_here != 0.0 and (f_before < 0.0) != (f_here < 0.0):
            other, f_other = before, f_before
            span = last_span = here - before
        if abs(f_other) < abs(f_here):
            before, here, other = here, other, here
            f_before, f_here, f_other = f_here, f_other, f_here
        close, half = (xtol + RELATIVE * abs(here)) / 2, (other - here) / 2
        if f_here == 0.0 or abs(half) < close:
            return here
        tried = inf
        if abs(last_span) > close and abs(f_here) < abs(f_before):
            tried = _interpolated(before, here, other, f_before, f_here, f_other)
        if 2 * abs(tried) < min(abs(last_span), 3 * abs(half) - close):
            last_span, span = span, tried
        else:
            last_span = span = half
        before, f_before = here, f_here
        here += span if abs(span) > close else (close if half > 0.0 else -close)
        f_here = float(function(here))
    raise RuntimeError(f"no root within {xtol:g} after {maxiter} steps")


def _interpolated(before: float, here: float, other: float, f_before: float, f_here: float, f_other: float) -> float:
    """The step to the root of the line through two points, or of the inverse parabola through three; or infinite."""
    if before == other:
        return -f_here * (here - before) / (f_here - f_before)
    slope, beyond = (f_before - f_here) / (before - here), (f_other - f_here) / (other - here)
    below = beyond * slope * (f_other - f_before)
    return -f_here * (f_other * beyond - f_before * slope) / below if below != 0.0 else inf
