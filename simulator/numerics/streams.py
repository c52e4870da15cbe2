"""Addressed random numbers: each is a pure function of (seed, stream name, replicate, patient, draw).

Not of worker, block, order, cell, or of how many numbers another mechanism drew. The generator is Philox4x64-10
(Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", SC11): the key is a hash of seed and
stream name, the counter is the address (patient // 4, draw, replicate, 0), and a patient takes word patient % 4 of the
four that it gives.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.numerics.compiled import kernel
from simulator.numerics.elementary import minus_log, normal_quantile

_M0 = np.uint64(0xD2E7470EE14C6C93)
_M1 = np.uint64(0xCA5A826395121157)
_W0 = np.uint64(0x9E3779B97F4A7C15)
_W1 = np.uint64(0xBB67AE8584CAA73B)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_DROPPED = np.uint64(12)
_TO_UNIT = 2.0**-52  # 52 bits and a half step: never 0, never 1


@kernel
def _product(a: np.uint64, b: np.uint64) -> tuple[np.uint64, np.uint64]:
    """The upper and the lower 64 bits of a product, from products of halves: vectors have no other."""
    a0, a1, b0, b1 = a & _LOW, a >> _HALF, b & _LOW, b >> _HALF
    lowest = a0 * b0
    middle = (lowest >> _HALF) + a0 * b1
    other = (middle & _LOW) + a1 * b0
    return a1 * b1 + (middle >> _HALF) + (other >> _HALF), (other << _HALF) | (lowest & _LOW)


@kernel
def fill_uniform(
    key0: np.uint64, key1: np.uint64, replicates: NDArray[np.int64], draw: int, out: NDArray[np.float64]
) -> None:
    """Fill ``out (R, N)`` with uniforms in (0, 1), both ends excluded, for the given replicate numbers ``(R,)``."""
    n = out.shape[1]
    quads = n // 4
    words = np.empty((4, (n + 31) // 32 * 8))  # vectors of 8 leave no rest
    w0, w1, w2, w3 = words[0], words[1], words[2], words[3]
    for r in range(out.shape[0]):
        row = out[r]
        for quad in range(w0.size):
            c0, c1, c2, c3 = np.uint64(quad), np.uint64(draw), np.uint64(replicates[r]), np.uint64(0)
            k0, k1 = key0, key1
            for _ in range(10):
                high0, low0 = _product(_M0, c0)
                high1, low1 = _product(_M1, c2)
                c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
                k0 += _W0
                k1 += _W1
            w0[quad] = (np.float64(np.int64(c0 >> _DROPPED)) + 0.5) * _TO_UNIT
            w1[quad] = (np.float64(np.int64(c1 >> _DROPPED)) + 0.5) * _TO_UNIT
            w2[quad] = (np.float64(np.int64(c2 >> _DROPPED)) + 0.5) * _TO_UNIT
            w3[quad] = (np.float64(np.int64(c3 >> _DROPPED)) + 0.5) * _TO_UNIT
        for quad in range(quads):
            row[4 * quad] = w0[quad]
            row[4 * quad + 1] = w1[quad]
            row[4 * quad + 2] = w2[quad]
            row[4 * quad + 3] = w3[quad]
        for rest in range(n - 4 * quads):
            row[4 * quads + rest] = words[rest, quads]


class Streams:
    """The random numbers of one seed, by stream name and address; another ``luck`` has streams of its own."""

    def __init__(self, seed: int, luck: str = "") -> None:
        if seed < 0:
            raise ValueError(f"a seed is a whole number of at least 0, not {seed}")
        self.seed = seed
        self.suffix = f"//{luck}" if luck else ""

    def key(self, stream: str) -> tuple[np.uint64, np.uint64]:
        """The two words of the Philox key of a stream."""
        digest = hashlib.sha256(f"trialtwin/{self.seed}/{stream}{self.suffix}".encode()).digest()
        return np.uint64(int.from_bytes(digest[:8], "little")), np.uint64(int.from_bytes(digest[8:16], "little"))

    def uniform(self, stream: str, replicates: NDArray[np.int64], patients: int, draw: int = 0) -> NDArray[np.float64]:
        """Uniforms in the open interval (0, 1), ``(R, N)``; those of a replicate's patient do not depend on R and N."""
        out = np.empty((len(replicates), patients))
        fill_uniform(*self.key(stream), replicates, draw, out)
        return out

    def normal(self, stream: str, replicates: NDArray[np.int64], patients: int, draw: int = 0) -> NDArray[np.float64]:
        """Standard normals ``(R, N)``, by inversion."""
        return normal_quantile(self.uniform(stream, replicates, patients, draw))

    def exponential(
        self, stream: str, replicates: NDArray[np.int64], patients: int, draw: int = 0
    ) -> NDArray[np.float64]:
        """Unit exponentials ``(R, N)``, by inversion."""
        return minus_log(self.uniform(stream, replicates, patients, draw))


@dataclass(frozen=True)
class Luck:
    """The random numbers of a block: of replicates ``(R,)`` with so many patients each, ``(R, N)`` by stream name."""

    streams: Streams
    replicates: NDArray[np.int64]
    patients: int

    def uniform(self, stream: str) -> NDArray[np.float64]:
        """Uniforms in the open interval (0, 1)."""
        return self.streams.uniform(stream, self.replicates, self.patients)

    def normal(self, stream: str) -> NDArray[np.float64]:
        """Standard normals."""
        return self.streams.normal(stream, self.replicates, self.patients)

    def exponential(self, stream: str) -> NDArray[np.float64]:
        """Unit exponentials."""
        return self.streams.exponential(stream, self.replicates, self.patients)

    def per(self, units: int) -> "Luck":
        """The random numbers of so many units of another kind in each replicate."""
        return Luck(self.streams, self.replicates, units)
