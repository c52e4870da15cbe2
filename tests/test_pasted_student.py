"""Student's t by its continued fraction against scipy's."""

import numpy as np
import pytest
from scipy.special import stdtr

from benchmarks.pasted.student import both_tails


def test_both_tails_are_those_of_scipy() -> None:
    luck = np.random.default_rng(1)
    for df in (1.0, 2.0, 3.7, 30.2, 419.5, 5000.0, 250_000.0):
        for t in (1e-3, 0.1, 0.4386, 1.0, 1.96, 5.0, 30.0, *luck.uniform(0, 8, 20)):
            assert both_tails(float(t), df) == pytest.approx(2 * float(stdtr(df, -t)), rel=1e-9, abs=1e-300)


def test_of_no_difference_all_is_beyond() -> None:
    assert both_tails(0.0, 10.0) == 1.0
    assert both_tails(1e100, 10.0) == pytest.approx(0.0, abs=1e-300)


def test_the_two_tails_of_a_known_value() -> None:
    """R 4.2: qt(0.975, 10)."""
    assert both_tails(2.2281388519862744, 10.0) == pytest.approx(0.05, rel=1e-10)
