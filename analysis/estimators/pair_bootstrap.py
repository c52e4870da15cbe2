"""The bootstrap of matched sets: sets are drawn with replacement, and a set drawn twice is two sets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.propensity.matching import Matching
from simulator.numerics.arrays import Bools, Floats, Ints
from simulator.numerics.elementary import summed
from simulator.numerics.streams import Streams

S = TypeVar("S", bound=np.generic)


@dataclass(frozen=True)
class DrawnSets:
    """One draw of sets: ``patients (R, L)`` are their places, ``stratum`` the number of the set, absent ones False."""

    patients: Ints
    stratum: Ints
    present: Bools

    def of(self, values: NDArray[S]) -> NDArray[S]:
        """The values ``(R, N)`` of those drawn."""
        return np.take_along_axis(values, self.patients, axis=1)


def matched_sets(pairs: Matching) -> Ints:
    """The members of each set ``(R, M, 1 + ratio)``, treated first, -1 for none; M is the most sets of a replicate."""
    rows, _, ratio = pairs.controls.shape
    most = int(pairs.n_pairs.max(initial=0))
    made = np.full((rows, most, 1 + ratio), -1, np.int64)
    r, i = np.nonzero(pairs.controls[..., 0] >= 0)
    number = pairs.pair[r, i]
    made[r, number, 0] = i
    made[r, number, 1:] = pairs.controls[r, i]
    return made


def bootstrap_se(
    pairs: Matching, statistic: Callable[[DrawnSets], Floats], boots: int, replicates: Ints, seed: int
) -> tuple[Floats, Ints]:
    """The SD ``(R,)`` of the statistic over draws of sets, and of how many draws it is: where the statistic is finite.

    Resamples the matched sets, not the patients before matching: Austin & Small 2014, Statistics in Medicine 33:4306,
    their simple bootstrap. Draw b of a replicate is at the address (``pair bootstrap``, replicate, set, b).
    """
    sets, streams = matched_sets(pairs), Streams(seed)
    rows, most, size = sets.shape
    if most == 0:
        return np.full(rows, np.nan), np.zeros(rows, np.int64)
    here = np.arange(most) < pairs.n_pairs[:, None]
    values = np.empty((boots, rows))
    stratum = np.broadcast_to(np.repeat(np.arange(most), size), (rows, most * size))
    for b in range(boots):
        luck = streams.uniform("pair bootstrap", replicates, most, b)
        drawn = np.where(here, (luck * pairs.n_pairs[:, None]).astype(np.int64), 0)
        members = np.take_along_axis(sets, drawn[..., None], axis=1)
        present = (members >= 0) & here[..., None]
        values[b] = statistic(
            DrawnSets(np.where(present, members, 0).reshape(rows, -1), stratum, present.reshape(rows, -1))
        )
    finite = np.isfinite(values)
    count = finite.sum(axis=0)
    mean = summed(np.where(finite, values, 0.0)) / np.maximum(count, 1)
    squares = summed(np.where(finite, (values - mean) ** 2, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(count > 1, np.sqrt(squares / (count - 1)), np.nan), count
