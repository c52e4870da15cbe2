"""Under which true effect an estimate arises at a strength of a confounder: levels are simulated where the answer lies.

At a node (an odds ratio and a hazard ratio of the confounder) the mean estimate is a smooth function of the level, the
common log hazard ratio of treatment on every transition; all levels share their luck. Two or three levels begin. Each
round adds, for every node and every estimate asked for, the level at which the line through the two nearest means gets
there, until one that was simulated lies within `NEAR` of it; the answer is read off the parabola through the three
nearest. The truth of the target is found a little below and above that level: their mean is its value there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, isfinite, log, nan, sqrt
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.asked.load_study import Asked
from benchmarks.asked.scenario import Settings
from benchmarks.questions.ask import designed, rows_only, target_truths, values_of
from simulator.numerics.arrays import Floats

LevelEstimates = dict[float, Floats]
"""The estimates ``(R,)`` of one node at each level that was simulated, NaN where one failed."""

CONFOUNDER = "tipping_confounder"
NEAR = 0.05
STEP = 1.5  # so far beyond what was simulated does a round go
FARTHEST = log(100.0)
ROUNDS = 8
EITHER_SIDE = 0.15  # the truth is found at so much below and above


@dataclass(frozen=True)
class Root:
    """The level where the mean estimate is the wanted one, its Monte Carlo SE, and that of the mean estimate there.

    ``misfit`` is what the parabola moves it beyond the line through the two nearest levels.
    """

    level: float
    mcse: float
    mean_mcse: float
    misfit: float


@dataclass(frozen=True)
class TrueEffectAt:
    """The true log HR of the target behind an estimate, the level that gives it, and the errors of the true one.

    ``mcse`` is Monte Carlo's, ``interpolation`` that of reading between levels; NaN where the estimate does not arise.
    """

    true: float = nan
    level: float = nan
    mcse: float = nan
    interpolation: float = nan


@dataclass(frozen=True)
class ConfounderNode:
    """A node: logarithms of the confounder's odds ratio and, in the direction of the published effect, hazard ratio."""

    odds: float
    hazard: float


def next_level(levels: LevelEstimates, wanted: float) -> tuple[float, bool]:
    """The level where the line through the two nearest means gets the wanted estimate, and whether it is settled.

    NaN where fewer than two levels have estimates. It goes at most `STEP` beyond what was simulated, and nowhere beyond
    `FARTHEST`. Settled is a level with a simulated one, of three or more, within `NEAR`.
    """
    means = {level: float(one[np.isfinite(one)].mean()) for level, one in levels.items() if np.isfinite(one).sum() > 1}
    if len(means) < 2:
        return nan, False
    first, second = sorted(means, key=lambda level: abs(means[level] - wanted))[:2]
    slope = min(max((means[first] - means[second]) / (first - second), 0.2), 3.0)
    free = first + (wanted - means[first]) / slope
    at = min(max(free, min(means) - STEP, -FARTHEST), max(means) + STEP, FARTHEST)
    return at, len(means) > 2 and at == free and min(abs(at - level) for level in means) <= NEAR


def root(levels: LevelEstimates, wanted: float, near: float) -> Root | None:
    """The root on the parabola through the three levels nearest to ``near``; None where it does not get there by them.

    A replicate that failed at one of the three is left out of all.
    """
    x = np.array(sorted(sorted(levels, key=lambda level: abs(level - near))[:3]))
    estimates = np.stack([levels[level] for level in x])
    whole = estimates[:, np.isfinite(estimates).all(axis=0)]
    if len(x) < 3 or whole.shape[1] < 2:
        return None
    means = whole.mean(axis=1) - wanted
    coefficients = np.polyfit(x - near, means, 2)
    real = [float(one.real) for one in np.roots(coefficients) if abs(one.imag) < 1e-12]
    if not real:
        return None
    off = min(real, key=abs)
    at = near + off
    if not x[0] - 2 * NEAR <= at <= x[-1] + 2 * NEAR:
        return None
    weights = np.vander([at - near], 3)[0] @ np.linalg.inv(np.vander(x - near, 3))
    slope = float(np.polyval(np.polyder(coefficients), off))
    if not slope > 0:
        return None
    error = float((weights @ whole).std(ddof=1)) / sqrt(whole.shape[1])
    two = np.sort(np.argsort(np.abs(x - at))[:2])
    rise = float(np.diff(means[two])[0] / np.diff(x[two])[0])
    line = x[two[0]] - means[two[0]] / rise if rise else nan
    return Root(at, error / slope, error, abs(at - float(line)))


@dataclass(frozen=True)
class LevelSearch:
    """How nodes are simulated: the world with the confounder in it, and the estimator whose estimates are asked for."""

    asked: Asked
    fixed: dict[str, Any]
    endpoint: str
    name: str
    sign: float
    jobs: int
    out: Path | None

    def settings(self, place: ConfounderNode, level: float) -> Settings:
        """What a cell sets."""
        places = self.asked.scenario.outcomes.places.values()
        return {
            f"treatment.log_odds.{CONFOUNDER}": float(place.odds),
            **{f"outcomes.{one}.log_hr.{CONFOUNDER}": self.sign * float(place.hazard) for one in places},
            **{f"outcomes.{one}.treatment.log_hr": float(level) for one in places},
        }

    def _stage(self, stage: str) -> tuple[str, Path | None]:
        return f"tipping-{stage}", self.out and self.out / stage

    def simulate(self, stage: str, cells: Sequence[tuple[ConfounderNode, float]]) -> tuple[list[Floats], Path]:
        """The estimates ``(R,)`` of each node and level, and the folder of this stage."""
        study = designed(self.asked, [self.settings(*one) for one in cells], self.fixed)
        verb, out = self._stage(stage)
        rows, folder = rows_only(study, verb, self.jobs, out)
        return [values_of(rows, cell, self.endpoint, self.name) for cell in range(len(cells))], folder

    def truths(
        self, stage: str, cells: Sequence[tuple[ConfounderNode, float]], aims: Sequence[float]
    ) -> tuple[Floats, Floats]:
        """The target's true log HR of each node and level, and its Monte Carlo SE."""
        study = designed(self.asked, [self.settings(*one) for one in cells], self.fixed)
        verb, out = self._stage(stage)
        found = target_truths(study, verb, self.endpoint, {self.name: aims}, self.jobs, out)
        truths = [one[self.name] for one in found]
        return np.array([one.value for one in truths]), np.array([one.mcse for one in truths])


def explored(
    search: LevelSearch, stage: str, places: Sequence[ConfounderNode], wanted: Sequence[float], start: Sequence[float]
) -> tuple[list[list[TrueEffectAt]], Path]:
    """What is behind each wanted estimate at every place, and the folder of the first round."""
    made: list[LevelEstimates] = [{} for _ in places]
    todo = [(k, level) for k in range(len(places)) for level in dict.fromkeys(start)]
    folder: Path | None = None
    for number in range(1, ROUNDS + 1):
        found, here = search.simulate(f"{stage}-{number}", [(places[k], level) for k, level in todo])
        folder = folder or here
        for (k, level), estimates in zip(todo, found, strict=True):
            made[k][level] = estimates
        todo = _missing(made, wanted)
        if not todo:
            break
    assert folder is not None
    return _with_truths(search, stage, places, [[_solved(one, value) for value in wanted] for one in made]), folder


def _missing(made: Sequence[LevelEstimates], wanted: Sequence[float]) -> list[tuple[int, float]]:
    """The nodes and levels that the next round simulates."""
    found: dict[tuple[int, float], None] = {}
    for k, levels in enumerate(made):
        for value in wanted:
            at, settled = next_level(levels, value)
            level = round(at, 3) + 0.0 if isfinite(at) else nan
            if isfinite(level) and level not in levels and not (settled and root(levels, value, at)):
                found[k, level] = None
    return list(found)


def _solved(levels: LevelEstimates, wanted: float) -> Root | None:
    at, settled = next_level(levels, wanted)
    return root(levels, wanted, at) if settled else None


def _with_truths(
    search: LevelSearch, stage: str, places: Sequence[ConfounderNode], roots: Sequence[Sequence[Root | None]]
) -> list[list[TrueEffectAt]]:
    """The target's truths at the roots, with all errors carried over to them."""
    have = [(k, j, one) for k, row in enumerate(roots) for j, one in enumerate(row) if one is not None]
    found = [[TrueEffectAt() for _ in row] for row in roots]
    if not have:
        return found
    cells = [(places[k], one.level + side * EITHER_SIDE) for k, _, one in have for side in (-1, 1)]
    aims = [one.mean_mcse / 3 for *_, one in have for _ in range(2)]
    values, errors = (part.reshape(-1, 2) for part in search.truths(f"{stage}-truths", cells, aims))
    for (k, j, one), (below, above), own in zip(have, values, errors, strict=True):
        rise = abs(above - below) / (2 * EITHER_SIDE)
        mcse = hypot(one.mcse * rise, float(own.mean()))
        found[k][j] = TrueEffectAt(float(below + above) / 2, one.level, mcse, one.misfit * float(rise))
    return found
