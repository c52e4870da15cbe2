"""Hazards integrated piece by piece and inverted by bisection, and the gamma quantile. Slow and readable."""

import math
from collections.abc import Callable
from typing import Any

from simulator.mechanisms.hazards import Effect, Exponential, Piecewise, Weibull


def cumulative(spec: Any, effect: Effect | None, t: float) -> float:
    """The cumulative hazard at t of a baseline hazard, multiplied by exp of the effect's step at each time."""
    cuts = sorted({*(spec.cuts if isinstance(spec, Piecewise) else ()), *(effect.cuts if effect else ())})
    total = 0.0
    for start, end in zip([0.0, *cuts], [*cuts, math.inf], strict=True):
        if t <= start:
            break
        step = effect.steps()[sum(cut <= start for cut in effect.cuts)] if effect else 0.0
        total += math.exp(step) * (plain_cumulative(spec, min(t, end)) - plain_cumulative(spec, start))
    return total


def plain_cumulative(spec: Any, t: float) -> float:
    """The cumulative hazard at t of a baseline hazard."""
    if isinstance(spec, Exponential):
        return spec.rate * t
    if isinstance(spec, Weibull):
        return (t / spec.scale) ** spec.shape
    bounds = [0.0, *spec.cuts, math.inf]
    return sum(
        rate * (min(t, high) - low) for rate, low, high in zip(spec.rates, bounds, bounds[1:], strict=False) if t > low
    )


def time_of(spec: Any, effect: Effect | None, exposure: float) -> float:
    """The time at which the cumulative hazard reaches the exposure, by bisection; +inf if it never does."""
    return reached(lambda t: cumulative(spec, effect, t), exposure)


def reached(total: Callable[[float], float], exposure: float) -> float:
    """The time at which a rising function of time reaches the exposure, by bisection; +inf if it never does."""
    low, high = 0.0, 1.0
    while total(high) < exposure:
        low, high = high, 2 * high
        if high > 1e12:
            return math.inf
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if total(middle) < exposure else (low, middle)
    return (low + high) / 2


def gamma_quantile(share: float, shape: float) -> float:
    """The quantile of a gamma distribution with scale 1, by bisection of its series."""

    def below(x: float) -> float:
        term = total = 1.0
        n = 0
        while term > 1e-18 * total:
            n += 1
            term *= x / (shape + n)
            total += term
        return total * math.exp(shape * math.log(x) - x - math.lgamma(shape + 1))

    low, high = 0.0, 1.0
    while below(high) < share:
        high *= 2
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if below(middle) < share else (low, middle)
    return (low + high) / 2
