"""How well a fitted world prints its paper, in absolute terms: which numbers lie outside, which could not be used, why.

A number is outside where no value that is printed so lies in the central 95 % of the fitted world's replicates, as on
the scorecard of `trialtwin fidelity`; so is one that is printed as not reached, where too few replicates leave it so,
and the width of a ratio's interval, high over low. A fit is bad where, of what the audit does not doubt,

* more than one in ten, and more than one, are outside; or
* one is so far away that chance puts any of so many as far in one of a thousand papers (Bonferroni's bound: 3.3
  sampling SDs where one number is printed, 4.9 where 600 are); or
* one is printed that no replicate of the fitted world has.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf, isfinite, nan

import numpy as np
from scipy.special import ndtri

from analysis.plan.analysis_plan import TREATMENT
from benchmarks.twin.fidelity import CENTRAL, Score, score
from benchmarks.twin.targets import PublishedTarget, centre, no_target, spread
from simulator.numerics.arrays import Floats
from simulator.world.sections import Printed

SHARE_OUTSIDE = 0.1
CHANCE = 1e-3
MOSTLY = 0.2
WIDTH = "high/low"
"""The last part of the key of an interval's width."""


@dataclass(frozen=True)
class Outside:
    """A printed number outside the central 95 % of the replicates; ``distance`` in sampling SDs, from its rounding."""

    key: str
    printed: str
    median: float
    low: float
    high: float
    distance: float


@dataclass(frozen=True)
class Unused:
    """A printed number that could not be fitted, and why."""

    key: str
    printed: str
    why: str


@dataclass(frozen=True)
class AbsoluteFit:
    """How many undoubted numbers and widths of their intervals were compared, those outside (worst first), those not
    used, and why it is bad.
    """

    numbers: int
    widths: int
    doubtful: int
    outside: tuple[Outside, ...]
    unused: tuple[Unused, ...]
    bad: str

    @property
    def text(self) -> str:
        """The verdict in one sentence: what is missed, what by chance, whether it is bad."""
        whole = self.numbers + self.widths
        wide = sum(one.key.endswith(WIDTH) for one in self.outside)
        missed = f"{len(self.outside) - wide} of the {self.numbers} printed numbers"
        if self.widths:
            missed += f" and {wide} of the {self.widths} widths of intervals"
        chance = f"by chance about {0.05 * whole:.0f} would be missed" if whole >= 10 else "chance hardly misses one"
        many = f"In its own simulated studies the fit misses {missed} that it aimed at ({chance}): "
        return many + (f"a bad fit, {self.bad}" if self.bad else "a good fit")


def absolute_fit(
    targets: Sequence[PublishedTarget],
    published: Mapping[str, Printed],
    numbers: Floats,
    doubts: Mapping[str, tuple[str, ...]],
) -> AbsoluteFit:
    """The verdict on the targets' numbers ``(T, R)``, ratios as logarithms, in the replicates of the fitted world."""
    firm = [k for k, target in enumerate(targets) if not target.doubtful]
    natural = [target.natural(numbers[k]) for k, target in enumerate(targets)]
    middle, sd = centre(numbers), spread(numbers)
    outside, never = [], []
    for k in firm:
        target = targets[k]
        found = score(target.key, published[target.key], natural[k], doubts.get(target.key, ()))
        if found.absent == 100:
            never.append(target.key)
        elif not found.inside:
            outside.append(_outside(found, _distance(target, middle[k], sd[k], natural[k])))
    widths = list(_widths(targets, numbers))
    outside += [one for one, inside in widths if not inside]
    outside.sort(key=lambda one: -one.distance)
    unused = [_unused(target, row) for target, row in zip(targets, numbers, strict=True)]
    aside = [Unused(key, one.printed, no_target(key, published)) for key, one in published.items()]
    known = (*(one for one in unused if one is not None), *(one for one in aside if one.why))
    bad = _bad(len(firm) + len(widths), outside, never)
    return AbsoluteFit(len(firm), len(widths), len(targets) - len(firm), tuple(outside), known, bad)


def _widths(targets: Sequence[PublishedTarget], numbers: Floats) -> Iterator[tuple[Outside, bool]]:
    """Of each ratio with both limits: high over low, its square root being the factor of error, and whether what is
    printed lies within. Limits may each lie inside while the interval is too narrow, as errors vary less than ratios.
    """
    at = {target.key: k for k, target in enumerate(targets) if target.scale == "log" and not target.doubtful}
    for key, k in at.items():
        base, _, last = key.rpartition(".")
        if last != "low" or f"{base}.high" not in at:
            continue
        low, high = targets[k], targets[at[f"{base}.high"]]
        width = numbers[at[high.key]] - numbers[k]
        width = np.sort(width[np.isfinite(width)])
        ends = high.low - low.high, high.high - low.low
        if len(width) < 2 or not np.isfinite(ends).all():
            continue
        least, middle, most = (float(np.exp(width[round(q * (len(width) - 1))])) for q in CENTRAL)
        away = max(ends[0] - np.log(middle), np.log(middle) - ends[1], 0.0)
        sd = float(width.std(ddof=1))
        far = away / sd if sd > 0 else (inf if away > 0 else 0.0)
        found = Outside(f"{base}.{WIDTH}", f"{high.printed}/{low.printed}", middle, least, most, far)
        yield found, least <= exp(ends[1]) and most >= exp(ends[0])


def _bad(numbers: int, outside: Sequence[Outside], never: Sequence[str]) -> str:
    """Why a fit is bad; empty where it is not."""
    if never:
        return f"no simulated study has '{never[0]}'"
    if len(outside) > max(1.0, SHARE_OUTSIDE * numbers):
        return "more than one number in ten is missed"
    if outside and outside[0].distance > float(-ndtri(CHANCE / 2 / numbers)):
        return f"'{outside[0].key}' is further away than chance explains"
    return ""


def _outside(found: Score, distance: float) -> Outside:
    return Outside(found.key, found.printed, found.median, found.low, found.high, distance)


def _distance(target: PublishedTarget, middle: float, sd: float, row: Floats) -> float:
    """How far the simulated number is from all values that are printed so, in its sampling SDs.

    Of one that is not reached, the normal quantile of the replicates ``row (R,)`` that reach it, all but half a one.
    """
    if target.low == inf:
        had = row[~np.isnan(row)]
        return float(-ndtri(max(np.isinf(had).mean(), 0.5 / len(had))))
    away = max(target.low - middle, middle - target.high, 0.0)
    if not isfinite(away):
        return inf
    return away / sd if sd > 0 else (inf if away > 0 else 0.0)


def _unless_screened(key: str) -> str:
    """What keeps a term in the multivariable model, from which the plan's screening takes it; empty for other keys."""
    if ".multivariable[" not in key:
        return ""
    kept = "keep_treatment: true" if f"[{TREATMENT}]" in key else "screening_p: null"
    return f" (all, with analysis.cox.{kept})"


def _unused(target: PublishedTarget, row: Floats) -> Unused | None:
    """Why a number cannot be fitted; None where it can."""
    had = row[~np.isnan(row)]
    if target.low == inf:
        return None  # told with those that are no targets
    share, reached = len(had) / len(row), np.isfinite(had).mean() if len(had) else nan
    why = ""
    if share < MOSTLY:
        why = f"{100 * share:.0f} % of simulated studies have it{_unless_screened(target.key)}"
    elif not isfinite(spread(row[None])[0]):
        why = f"{100 * reached:.0f} % of simulated studies reach it"
    elif not spread(row[None])[0] > 0:
        why = f"it is {float(target.natural(had[0])):.4g} in every simulated study"
    return Unused(target.key, target.printed, why) if why else None
