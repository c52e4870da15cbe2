"""Brent's method against scipy's, to the last bit, and what it refuses."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import optimize

from simulator.numerics.roots import brentq

Function = Callable[[float], float]


def functions(a: float, b: float, c: float) -> tuple[Function, ...]:
    """Steep, flat, wiggling and saturated ones."""
    return (
        lambda x: float(np.exp(a * x)) - abs(b) - 0.01,
        lambda x: x**3 + a * x - b,
        lambda x: float(np.tanh(x - a)) + 0.2 * c,
        lambda x: float(1.0 / (1.0 + np.exp(-x))) - min(abs(b), 0.9999),
        lambda x: float(np.sin(3.0 * x)) + 0.3 * x - a,
    )


@pytest.mark.parametrize("xtol", [1e-12, 1e-6])
def test_every_root_has_the_bits_of_scipys(xtol: float) -> None:
    generator, found = np.random.default_rng(20261130), 0
    for _ in range(600):
        a, b, c = generator.normal(size=3) * generator.choice([0.1, 1.0, 3.0])
        for function in functions(a, b, c):
            if (function(-30.0) < 0) != (function(31.0 + abs(c)) < 0):
                found += 1
                right = optimize.brentq(function, -30.0, 31.0 + abs(c), xtol=xtol)
                assert brentq(function, -30.0, 31.0 + abs(c), xtol) == right
    assert found > 1000


def test_an_end_that_is_a_root_is_it() -> None:
    assert brentq(lambda x: x - 1.0, 1.0, 2.0, 1e-9) == 1.0
    assert brentq(lambda x: x - 2.0, 1.0, 2.0, 1e-9) == 2.0


def test_where_there_is_no_root_to_be_found_it_is_said() -> None:
    with pytest.raises(ValueError, match="has no root here"):
        brentq(lambda x: x * x + 1.0, -1.0, 1.0, 1e-9)
    with pytest.raises(RuntimeError, match="after 3 steps"):
        brentq(lambda x: x**3 - 0.2, -30.0, 31.0, 1e-12, maxiter=3)
