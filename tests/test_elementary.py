"""Elementary functions: right to the last digits, and the same wherever a number stands."""

import hashlib
import math
import os
import subprocess
import sys
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from scipy.special import ndtri

from simulator.numerics.elementary import choose, exp, minus_log, normal_quantile
from simulator.numerics.streams import Streams

UNIT = 2.0**-53
POWERS = 2.0 ** -np.arange(1, 54)
SHARES = np.concatenate(
    [
        Streams(1).uniform("shares", np.arange(1), 100_000)[0],
        *(POWERS * factor for factor in (1.0, 1.2, 1.9)),
        *(1 - POWERS[:-1] * factor for factor in (1.0, 1.5)),
        [UNIT, 1 - UNIT, 0.5, 0.075, 0.925, np.nextafter(0.075, 0), np.nextafter(0.925, 1), math.exp(-25.0)],
    ]
)
SHARES = SHARES[(SHARES >= UNIT) & (SHARES <= 1 - UNIT)]


def ulps(found: np.ndarray, right: np.ndarray) -> float:
    """The largest distance in units in the last place."""
    return float(np.max(np.abs(found - right) / np.spacing(np.abs(right))))


def test_logarithms_are_right_to_two_units_in_the_last_place():
    x = np.concatenate([SHARES, 1 / SHARES])
    right = np.array([-math.log(value) for value in x])
    assert ulps(minus_log(x), right) <= 2
    assert ulps(minus_log(x) * (1 + 1e-15), right) > 2
    assert minus_log(np.ones(1))[0] == 0.0


def test_exponentials_are_right_to_two_units_in_the_last_place():
    x = np.concatenate([np.linspace(-745.0, 709.0, 50_001), np.linspace(-1.0, 1.0, 50_001), [1e-300, -1e-18, 0.0]])
    right = np.array([math.exp(value) for value in x])
    assert ulps(exp(x), right) <= 2
    assert ulps(exp(x) * (1 + 1e-15), right) > 2


def test_exponentials_beyond_all_floats():
    assert exp(np.array([-np.inf, -1e300, -746.0])).tolist() == [0.0, 0.0, 0.0]
    assert exp(np.array([710.0, 1e300, np.inf])).tolist() == [np.inf, np.inf, np.inf]
    assert np.isnan(exp(np.array([np.nan])))[0]


def test_normal_quantiles_are_those_of_two_other_programs():
    z = normal_quantile(SHARES)
    assert np.all(np.abs(z - ndtri(SHARES)) <= 2e-15 * np.abs(z))
    assert not np.all(np.abs(z * (1 + 3e-15) - ndtri(SHARES)) <= 2e-15 * np.abs(z))
    some = SHARES[SHARES != 0.5][::7]
    right = np.array([NormalDist().inv_cdf(share) for share in some])
    assert np.all(np.abs(normal_quantile(some) - right) <= 2e-15 * np.abs(right))


def test_normal_quantiles_have_both_tails_and_a_middle():
    assert normal_quantile(np.array([0.5]))[0] == 0.0
    assert normal_quantile(np.array([0.975, 0.025])) == pytest.approx(
        [1.959963984540054, -1.959963984540054], rel=1e-14
    )
    exact = np.arange(1, 2**12) / 2**12
    assert np.array_equal(normal_quantile(exact), -normal_quantile(1 - exact))
    assert (np.diff(normal_quantile(exact)) > 0).all()
    assert normal_quantile(np.array([UNIT]))[0] == pytest.approx(ndtri(UNIT), rel=2e-15)


@pytest.mark.parametrize("function", [minus_log, exp, normal_quantile])
def test_a_value_does_not_depend_on_its_place(function):
    """Vectors and what is left over after the last of them must agree to the bit."""
    shares = SHARES[-3000:]
    whole = function(shares)
    for first, last in [(0, 1), (1, 2), (0, 7), (3, 20), (5, 38), (511, 514), (500, 1600), (2999, 3000)]:
        assert np.array_equal(function(shares[first:last]), whole[first:last])
    assert np.array_equal(function(shares.reshape(30, 100)), whole.reshape(30, 100))
    assert np.array_equal(function(shares[::-1]), whole[::-1])


def digest() -> str:
    """A digest of all bits of the three functions on the shares and on their logarithms."""
    made = (function(SHARES).tobytes() for function in (minus_log, normal_quantile, lambda x: exp(minus_log(x))))
    return hashlib.sha256(b"".join(made)).hexdigest()


def test_other_instructions_give_the_same_bits(tmp_path):
    """A processor without this one's vectors, for which the functions are compiled anew."""
    done = subprocess.run(
        [sys.executable, "-c", "from tests.test_elementary import digest; print(digest())"],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.split() == [digest()]


@pytest.mark.parametrize("kind", [np.float64, np.bool_])
def test_choose_is_where(kind):
    draw = Streams(2).uniform("a", np.arange(3), 55)
    which, one, other = draw[0] < 0.4, (draw[1] * 3).astype(kind), (draw[2] < 0.5).astype(kind)
    made = choose(which.reshape(5, 11), one.reshape(5, 11), other.reshape(5, 11))
    assert made.dtype == kind
    assert np.array_equal(made, np.where(which, one, other).reshape(5, 11))
