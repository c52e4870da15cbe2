"""What Cox regression on treatment alone tends to, from the two arms' hazards and risk sets. Slow and readable.

With a share p treated, at-risk probabilities y_a(t) and event densities d_a(t) within the arms, the estimate tends to
the root b of (Struthers & Kalbfleisch 1986, Biometrika 73:363)

    integral of p d_1 - w(t, b) (p d_1 + (1 - p) d_0) dt = 0,    w = p y_1 e^b / (p y_1 e^b + (1 - p) y_0).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import brentq

Array = np.ndarray[Any, np.dtype[np.float64]]
Arm = Callable[[Array], tuple[Array, Array]]
"""At-risk probability and event density of an arm at times."""


def cox_limit(one: Arm, zero: Arm, treated: float, until: float, steps: int = 20_000) -> float:
    """The root b; times run over the midpoints of equal steps."""
    t = (np.arange(steps) + 0.5) * until / steps
    (y1, d1), (y0, d0) = one(t), zero(t)

    def score(b: float) -> float:
        top = treated * y1 * np.exp(b)
        bottom = top + (1 - treated) * y0
        weight = np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
        return float((treated * d1 - weight * (treated * d1 + (1 - treated) * d0)).sum())

    return float(brentq(score, -5, 5, xtol=1e-12))


def mixed(shares: Array, rates: Array, leaves: Array | float = 0.0) -> Arm:
    """Patients of several kinds, each with constant hazards of the event and of leaving."""
    leaving = np.broadcast_to(np.asarray(leaves, float), np.shape(rates))

    def arm(t: Array) -> tuple[Array, Array]:
        stay = np.exp(-np.multiply.outer(t, rates + leaving))
        return stay @ shares, stay @ (shares * rates)

    return arm
