"""Contrasts of two survival curves that are steps at common times, and their derivatives by the curves."""

import numpy as np

from simulator.numerics.arrays import Floats
from simulator.numerics.compiled import kernel

LOG_HR, RMST, SURVIVAL = 0, 1, 2


@kernel
def hazard_ratio_of_curves(curves: Floats, still: Floats, size: int, pull: Floats, push: Floats) -> tuple[float, float]:
    """The log hazard ratio b at which sum W (L1 - exp(b) L0) = 0, and the derivative of that sum; NaN if none is found.

    Over times k, for arm a: L = -log(S[k] / S[k - 1]), Y = still[k] S[k - 1], W = Y1 Y0 / (Y1 exp(b) + Y0): Cox's score
    where Y are at risk and L is the hazard. Fills ``pull (2, size)`` and ``push (2, size)``, the derivatives of the sum
    by log S and by log ``still``.
    """
    b, slope = 0.0, np.nan
    for _ in range(60):
        ratio, total, slope = np.exp(b), 0.0, 0.0
        for k in range(size):
            s0, s1 = (curves[0, k - 1], curves[1, k - 1]) if k > 0 else (1.0, 1.0)
            y0, y1 = still[0, k] * s0, still[1, k] * s1
            if y0 <= 0.0 or y1 <= 0.0:
                push[0, k], push[1, k], pull[0, k], pull[1, k] = 0.0, 0.0, 0.0, 0.0
                continue
            l0, l1 = np.log(s0 / curves[0, k]), np.log(s1 / curves[1, k])
            both = y1 * ratio + y0
            weight = y1 * y0 / both
            part = weight * (l1 - ratio * l0)
            total += part
            slope -= ratio * weight * (l0 * y0 + l1 * y1) / both
            push[0, k], push[1, k] = part * y1 * ratio / both, part * y0 / both
            pull[0, k], pull[1, k] = ratio * weight, -weight
        step = -total / slope
        if not abs(step) < np.inf:
            return np.nan, slope
        if abs(step) < 1e-12 * (1.0 + abs(b)):
            for a in range(2):
                for k in range(size - 1):
                    pull[a, k] += push[a, k + 1] - pull[a, k + 1]
            return b, slope
        b += min(max(step, -1.0), 1.0)
    return np.nan, slope


@kernel
def contrast(
    measure: int, horizon: float, when: Floats, curves: Floats, still: Floats, size: int, by: Floats, push: Floats
) -> float:
    """The contrast of the two curves; fills its derivatives, ``by (2, size)`` by S and ``push`` by log ``still``."""
    value = 0.0
    if measure == LOG_HR:
        value, slope = hazard_ratio_of_curves(curves, still, size, by, push)
        for a in range(2):
            for k in range(size):
                by[a, k] /= -slope * curves[a, k]
                push[a, k] /= -slope
        return value
    for k in range(size):
        after = when[k + 1] if k + 1 < size else np.inf
        if measure == RMST:
            span = max(min(after, horizon) - when[k], 0.0)
        else:
            span = 1.0 if when[k] <= horizon < after else 0.0
        by[1, k], by[0, k], push[0, k], push[1, k] = span, -span, 0.0, 0.0
        value += span * (curves[1, k] - curves[0, k])
    return value
