"""Where calibration begins: as stated, at the priors' middle, at crude moments of the paper, and here and there.

Crude moments: every rate of an outcome is log 2 / the printed median of the controls (else what their cumulative
incidences or survival at the first printed time tell of a constant hazard, else events per patient and follow-up),
every effect on an outcome the logarithm of the printed hazard ratio; what neither tells is as stated.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, isfinite, log, nan

import numpy as np
from scipy.special import ndtri

from analysis.audit.published import exact_value
from benchmarks.asked.free_places import Path
from benchmarks.asked.scenario import Free
from simulator.numerics.arrays import Floats
from simulator.world.sections import Printed

SCATTERED = 6
SIDES = ("before", "after")
OTHERS = "competing_incidence.control"


@dataclass(frozen=True)
class CrudeMoments:
    """An endpoint, the hazard of the controls, and the log hazard ratio (NaN where it is not printed)."""

    name: str
    hazard: float
    log_hr: float


def candidates(
    free: Sequence[Free],
    paths: Sequence[tuple[Path, ...]],
    published: Mapping[str, Printed],
    endpoints: Iterable[str],
) -> list[tuple[str, Floats]]:
    """Names and parameters ``(P,)``, as the document has them, of the points to begin from, each once."""
    stated = np.array([one.mean if one.start is None else one.start for one in free])
    found = [("as stated", stated), ("prior middle", np.array([one.mean for one in free]))]
    moments = [one for endpoint in endpoints for one in _moments(endpoint, published)]
    if len(moments) > 1:
        ratios = [one.log_hr for one in moments if isfinite(one.log_hr)]
        rate = exp(sum(log(one.hazard) for one in moments) / len(moments))
        moments.append(CrudeMoments("between them", rate, sum(ratios) / len(ratios) if ratios else nan))
    found += [(f"moments, {one.name}", _at_moments(free, paths, stated, one)) for one in moments]
    found += [(f"scattered {k}", point) for k, point in enumerate(_scattered(free), start=1)]
    low, high = (np.array([one.bounds[end] for one in free]) for end in (0, 1))
    kept: list[tuple[str, Floats]] = []
    for name, point in found:
        inside = np.clip(point, low, high)
        if not any(np.array_equal(inside, other) for _, other in kept):
            kept.append((name, inside))
    return kept


def _moments(endpoint: str, published: Mapping[str, Printed]) -> Iterator[CrudeMoments]:
    """The moments of an endpoint, where its median, or its events and follow-up, are printed."""

    def told(*keys: str) -> float:
        found = (exact_value(published[key].printed, key) for key in keys if key in published)
        return next((x for x in found if x is not None and x > 0), nan)

    def both(key: str) -> float:
        return told(*(f"endpoints.{endpoint}.{side}.{key}" for side in SIDES))

    hazard = log(2) / both("km.control.median")
    if not isfinite(hazard):
        hazard = next((one for side in SIDES for one in _rates(f"endpoints.{endpoint}.{side}", published)), nan)
    if not isfinite(hazard):
        sizes = (("cohort.control",), ("matching.n_control", "matching.n_pairs", "cohort.control"))
        of_side = (
            told(f"endpoints.{endpoint}.{side}.km.control.events") / told(*size)
            for side, size in zip(SIDES, sizes, strict=True)
        )
        share = next((one for one in of_side if isfinite(one)), nan)
        time = both("follow_up.control.median")
        hazard = -log(1 - min(share, 0.99)) / time if share > 0 and time > 0 else nan
    ratio = both("cox.hr")
    ratio = ratio if isfinite(ratio) else both("fine_gray.hr")
    if isfinite(hazard):
        yield CrudeMoments(endpoint, hazard, log(ratio) if ratio > 0 else nan)


def _rates(start: str, published: Mapping[str, Printed]) -> Iterator[float]:
    """The hazard of the controls that shares at a time tell, the earliest first: constant, as that of what competes."""
    own, other, survival = (f"{start}.{name}[" for name in ("incidence.control", OTHERS, "km.control.survival"))
    found = []
    for key in published:
        if key.startswith((own, survival)) and key.endswith("]"):
            at, share = key.rpartition("[")[2][:-1], exact_value(published[key].printed, key)
            rival = published.get(f"{other}{at}]")
            lost = (exact_value(rival.printed, f"{other}{at}]") or 0.0) if rival else 0.0
            share = 1 - share if share is not None and key.startswith(survival) else share
            if share is not None and share > 0 and share + lost < 1:
                found.append((float(at), -log(1 - share - lost) / float(at) * share / (share + lost)))
    return (hazard for _, hazard in sorted(found))


def _at_moments(
    free: Sequence[Free], paths: Sequence[tuple[Path, ...]], stated: Floats, moments: CrudeMoments
) -> Floats:
    """The stated parameters with every rate and effect of an outcome put at these moments."""
    made, known = stated.copy(), {"rate": moments.hazard, "scale": 1 / moments.hazard, "effect": moments.log_hr}
    for k in range(len(free)):
        roles = {_role(path) for path in paths[k]}
        value = known.get(roles.pop() if len(roles) == 1 else "", nan)
        if isfinite(value):
            made[k] = value
    return made


def _role(path: Path) -> str:
    """What a parameter of an outcome is: a rate, the scale of times, an effect of treatment, or nothing of these."""
    names = [step for step in path if not step.isdecimal()]
    if names[:1] != ["outcomes"] or "modifiers" in names:
        return ""
    if "baseline" in names:
        return {"rate": "rate", "rates": "rate", "scale": "scale"}.get(names[-1], "")
    return "effect" if names[-2:] == ["treatment", "log_hr"] else ""


def _scattered(free: Sequence[Free]) -> list[Floats]:
    """Points of the priors on an additive lattice (Roberts's sequence): the same whatever else is drawn."""
    root = 2.0
    for _ in range(60):
        root = (1 + root) ** (1 / (len(free) + 1))
    steps = root ** -np.arange(1.0, len(free) + 1)
    shares = (0.5 + np.arange(1, SCATTERED + 1)[:, None] * steps) % 1.0
    normal = ndtri(np.clip(shares, 0.005, 0.995))
    log_scale = np.array([one.scale == "log" for one in free])
    mean = np.array([log(one.mean) if one.scale == "log" else one.mean for one in free])
    points = mean + np.array([one.sd for one in free]) * normal
    return list(np.where(log_scale, np.exp(np.where(log_scale, points, 0.0)), points))
