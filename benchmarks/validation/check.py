"""A known answer beside ours, and whether the two agree once many of them are looked at together."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot
from typing import Literal

import numpy as np
from scipy.special import ndtr

from benchmarks.performance.measures import Measure

ALPHA = 0.01
"""The chance that a right engine fails any of the simulated checks of one run (Holm)."""


@dataclass(frozen=True)
class Check:
    """One number: what it is, ours and the known one, each with its standard error.

    With ``within`` the two must differ by no more than that (a number that is no simulation). With ``beyond`` ours must
    be shown to lie on that side of the known one: so far that chance would not put it there. Else the two must differ
    by no more than chance allows.
    """

    study: str
    what: str
    ours: Measure
    known: Measure
    within: float | None = None
    beyond: Literal["above", "below"] | None = None

    @property
    def z(self) -> float:
        """The difference in standard errors of the difference; NaN for an exact check."""
        spread = hypot(self.ours.mcse, self.known.mcse)
        return (self.ours.value - self.known.value) / spread if self.within is None and spread > 0 else float("nan")

    @property
    def p(self) -> float:
        """How easily chance makes this z: two-sided, or that of lying as far beyond; NaN for an exact check.

        A check that is no exact one and has no z counts against the engine.
        """
        if self.within is not None:
            return float("nan")
        if np.isnan(self.z):
            return 0.0 if self.beyond is None else 1.0
        if self.beyond is None:
            return float(2 * ndtr(-abs(self.z)))
        return float(ndtr(-self.z if self.beyond == "above" else self.z))


@dataclass(frozen=True)
class Verdict:
    """A check, its p-value adjusted for all simulated ones of the run (Holm; NaN if exact), and whether it holds."""

    check: Check
    p: float
    holds: bool


def exact(study: str, what: str, ours: float, known: float, within: float) -> Check:
    """A check of a number that is no simulation."""
    return Check(study, what, Measure(ours, 0.0), Measure(known, 0.0), within)


def printed(value: float, decimals: int) -> Measure:
    """A number known to so many decimals: its error is that of rounding, uniform over the last one."""
    return Measure(value, float(10.0**-decimals / np.sqrt(12)))


def judged(checks: Sequence[Check]) -> list[Verdict]:
    """Every check with its verdict, simulated ones by their Holm-adjusted p.

    One that must agree holds unless p is below `ALPHA`, one that must lie beyond holds if p is below it: whatever is
    wrongly said of any of them, that an engine disagrees or that it lies beyond, has a chance of `ALPHA` at most.
    """
    adjusted = holm(np.array([check.p for check in checks]))
    verdicts = []
    for check, p in zip(checks, adjusted, strict=True):
        if check.within is not None:
            holds = bool(abs(check.ours.value - check.known.value) <= check.within)
        else:
            holds = bool(p >= ALPHA) if check.beyond is None else bool(p < ALPHA)
        verdicts.append(Verdict(check, float(p), holds))
    return verdicts


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's adjusted p-values; NaN stays NaN."""
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
