"""Two kernels, of which one is compiled into the other: the least that a cache of compiled code can hold."""

from simulator.numerics.compiled import kernel


@kernel
def one_more(x: float) -> float:
    """x + 1."""
    return x + 1.0


@kernel
def doubled(x: float) -> float:
    """2 (x + 1)."""
    return 2.0 * one_more(x)
