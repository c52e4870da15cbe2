"""Addressed random numbers: each is a pure function of (seed, stream name, replicate, patient, draw).

Not of worker, block, order, cell, or of how many numbers another mechanism drew. The generator is Philox4x64-10
(Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", SC11): the key is a hash of seed and
stream name, the counter is the address (patient // 4, draw, replicate, 0), and a patient takes word patient % 4 of the
four that it gives.
"""

import hashlib
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic
from numpy.typing import NDArray
from scipy.special import ndtri

from simulator.compiled import kernel

_M0 = np.uint64(0xD2E7470EE14C6C93)
_M1 = np.uint64(0xCA5A826395121157)
_W0 = np.uint64(0x9E3779B97F4A7C15)
_W1 = np.uint64(0xBB67AE8584CAA73B)
_TO_UNIT = 2.0**-52  # 52 bits and a half step: never 0, never 1


def _product(typing_context: Any, a: Any, b: Any) -> Any:  # noqa: ARG001
    """The upper 64 bits of the 128-bit product of two unsigned 64-bit numbers."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(arguments[0], wide), builder.zext(arguments[1], wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return numba.types.uint64(numba.types.uint64, numba.types.uint64), codegen


_high_half: Any = intrinsic(_product)


@kernel
def fill_uniform(
    key0: np.uint64, key1: np.uint64, replicates: NDArray[np.int64], draw: int, out: NDArray[np.float64]
) -> None:
    """Fill ``out (R, N)`` with uniforms in (0, 1), both ends excluded, for the given replicate numbers ``(R,)``."""
    n = out.shape[1]
    shift = np.uint64(12)
    for r in range(out.shape[0]):
        for quad in range((n + 3) // 4):
            c0, c1, c2, c3 = np.uint64(quad), np.uint64(draw), np.uint64(replicates[r]), np.uint64(0)
            k0, k1 = key0, key1
            for _ in range(10):
                high0, low0 = _high_half(_M0, c0), _M0 * c0
                high1, low1 = _high_half(_M1, c2), _M1 * c2
                c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
                k0 += _W0
                k1 += _W1
            words = (c0, c1, c2, c3)
            for w in range(min(4, n - 4 * quad)):
                out[r, 4 * quad + w] = (np.float64(words[w] >> shift) + 0.5) * _TO_UNIT


class Streams:
    """The random numbers of one seed, by stream name and address."""

    def __init__(self, seed: int) -> None:
        if seed < 0:
            raise ValueError(f"a seed is a whole number of at least 0, not {seed}")
        self.seed = seed

    def key(self, stream: str) -> tuple[np.uint64, np.uint64]:
        """The two words of the Philox key of a stream."""
        digest = hashlib.sha256(f"trialtwin/{self.seed}/{stream}".encode()).digest()
        return np.uint64(int.from_bytes(digest[:8], "little")), np.uint64(int.from_bytes(digest[8:16], "little"))

    def uniform(self, stream: str, replicates: NDArray[np.int64], patients: int, draw: int = 0) -> NDArray[np.float64]:
        """Uniforms in the open interval (0, 1), ``(R, N)``; those of a replicate's patient do not depend on R and N."""
        out = np.empty((len(replicates), patients))
        fill_uniform(*self.key(stream), replicates, draw, out)
        return out

    def normal(self, stream: str, replicates: NDArray[np.int64], patients: int, draw: int = 0) -> NDArray[np.float64]:
        """Standard normals ``(R, N)``, by inversion."""
        return ndtri(self.uniform(stream, replicates, patients, draw))  # type: ignore[no-any-return]

    def exponential(
        self, stream: str, replicates: NDArray[np.int64], patients: int, draw: int = 0
    ) -> NDArray[np.float64]:
        """Unit exponentials ``(R, N)``, by inversion."""
        return -np.log(self.uniform(stream, replicates, patients, draw))
