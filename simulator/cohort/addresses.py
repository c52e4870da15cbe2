"""Where a row has its luck: the address of a patient's random numbers, and the order of rows that means nothing."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from simulator.cohort.cohorts import Endpoint, Observed
from simulator.numerics.arrays import Floats, Ints
from simulator.numerics.streams import Streams

S = TypeVar("S", bound=np.generic)


@dataclass(frozen=True)
class Address:
    """Where random numbers are drawn: the replicates' numbers ``(R,)`` and the seed.

    ``patients (N,)`` says which patient of the replicate each row is; None: the rows are all of them in order.
    """

    replicates: Ints
    seed: int
    patients: Ints | None = None

    def seeded(self, seed: int | None) -> "Address":
        """The address under another seed, or itself where there is none."""
        return self if seed is None else replace(self, seed=seed)

    def of_rows(self, order: Ints) -> "Address":
        """The address of the rows in another order, so that each patient keeps his luck, where patients are named."""
        return self if self.patients is None else replace(self, patients=self.patients[order])

    def uniform(self, stream: str, rows: int, draw: int = 0) -> Floats:
        """A uniform for each row ``(R, N)``; see `Streams.uniform`."""
        streams = Streams(self.seed)
        if self.patients is None:
            return streams.uniform(stream, self.replicates, rows, draw)
        most = int(self.patients.max(initial=-1)) + 1
        return np.ascontiguousarray(streams.uniform(stream, self.replicates, most, draw)[:, self.patients])


def as_simulated(address: Address, ids: Sequence[str]) -> tuple[Ints, Address]:
    """Order and address of the rows of a simulated cohort, whose ids are the patients' numbers from 1."""
    return np.arange(len(ids)), replace(address, patients=np.array([int(name) - 1 for name in ids], dtype=np.int64))


ALONE = Address(np.zeros(1, np.int64), 0)
"""Where a cohort of one's own has its luck."""


def row_order(keys: Iterable[str | bytes], then: Callable[[], Sequence[bytes]] | None = None) -> Ints:
    """The rows in the order of a hash of their keys: one that means nothing, and is the same wherever a row stands.

    A key is an id, or what a row holds; of rows with equal keys the order is that of what ``then`` gives, if it is
    there, and those that are equal in it too are interchangeable.
    """
    said = (key if isinstance(key, bytes) else key.encode("utf-8", "surrogatepass") for key in keys)
    digests = b"".join([hashlib.sha256(b"trialtwin/row/" + key).digest() for key in said])
    words = np.frombuffer(digests, dtype=">u8").reshape(-1, 4).astype(np.uint64)
    order = np.argsort(words[:, 0], kind="stable")
    first = words[order, 0]
    if not (first[1:] == first[:-1]).any():
        return order.astype(np.int64)
    further = [] if then is None else [np.unique(np.array(then(), dtype=np.object_), return_inverse=True)[1]]
    return np.lexsort([*further, *words.T[::-1]]).astype(np.int64)


def reordered(observed: Observed, order: Ints) -> Observed:
    """The cohorts with their rows in another order ``(N,)``."""

    def taken(values: NDArray[S]) -> NDArray[S]:
        return np.ascontiguousarray(values[:, order])

    return replace(
        observed,
        covariates=taken(observed.covariates),
        treated=taken(observed.treated),
        present=taken(observed.present),
        endpoints={
            name: Endpoint(
                taken(course.time),
                taken(course.event),
                None if course.competing is None else taken(course.competing),
            )
            for name, course in observed.endpoints.items()
        },
        binary={name: taken(values) for name, values in observed.binary.items()},
        exposure={name: taken(values) for name, values in observed.exposure.items()},
        modes={name: taken(values) for name, values in observed.modes.items()},
        delay=None if observed.delay is None else taken(observed.delay),
    )
