"""The parameters of a suspicion of bias: their priors, the box that a design fills, and the cells of its points."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, log

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from benchmarks.asked.scenario import Free, Settings, Suspected
from simulator.numerics.arrays import Floats

REACH = 3.0  # the design spans so many prior SD


@dataclass(frozen=True)
class Space:
    """The parameters of a suspicion, the effect first: names, priors, and the box of the design ``(D, 2)``."""

    names: tuple[str, ...]
    priors: tuple[Free, ...]
    box: Floats

    def unit(self, values: Floats) -> Floats:
        """Points ``(M, D)`` in [-1, 1] of values on the prior's own scale."""
        return np.asarray(2 * (values - self.box[:, 0]) / (self.box[:, 1] - self.box[:, 0]) - 1)

    def spread(self, luck: Floats) -> Floats:
        """Values ``(M, D)`` that fill the box evenly."""
        return np.asarray(self.box[:, 0] + luck * (self.box[:, 1] - self.box[:, 0]))

    def drawn(self, luck: Floats) -> Floats:
        """Values ``(M, D)`` from the priors, cut off at the box."""
        columns = []
        for d, prior in enumerate(self.priors):
            mean, sd = _normal(prior)
            low, high = (float(ndtr((edge - mean) / sd)) for edge in self.box[d])
            columns.append(mean + sd * ndtri(low + luck[:, d] * (high - low)))
        return np.stack(columns, axis=1)


def _normal(prior: Free) -> tuple[float, float]:
    """Mean and SD of the normal prior, of the logarithm on the scale log."""
    return (log(prior.mean) if prior.scale == "log" else prior.mean), prior.sd


def space_of(effect: Free, suspected: Suspected) -> Space:
    """The parameters of a suspicion and the box that the design fills: `REACH` prior SD within the bounds."""
    names, priors = ("effect", *suspected.free), (effect, *suspected.free.values())
    box = []
    for prior in priors:
        mean, sd = _normal(prior)
        ends = [log(one) if prior.scale == "log" else one for one in prior.bounds]
        box.append((max(ends[0], mean - REACH * sd), min(ends[1], mean + REACH * sd)))
    return Space(names, priors, np.array(box))


def cell_settings(space: Space, values: Floats, places: Iterable[str]) -> Settings:
    """The settings of one point, values on the prior's own scale; ``places`` are those of the transitions."""
    made: Settings = {f"outcomes.{place}.treatment.log_hr": float(values[0]) for place in places}
    for name, prior, value in zip(space.names[1:], space.priors[1:], values[1:], strict=True):
        for path in prior.paths or (name,):
            made[path] = exp(float(value)) if prior.scale == "log" else float(value)
    return made


def sobol(points: int, dimensions: int) -> Floats:
    """The first points ``(M, D)`` of Sobol's sequence, without its origin."""
    whole = qmc.Sobol(dimensions, scramble=False).random_base2(int(np.ceil(np.log2(points + 1))))
    return np.asarray(whole[1 : points + 1])
