"""The shares of the states of an illness-death process: those of the patients where nobody is censored."""

import numpy as np
import pytest

from analysis.survival import statistics
from analysis.survival.occupancy import Occupancy, occupancy

RNG = np.random.Generator(np.random.Philox(8))


def course(n: int, censored: bool) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Progression-free and overall survival of n patients on a coarse grid of times, so that ties abound."""
    ill, death = np.ceil(RNG.exponential(6, n)), np.ceil(RNG.exponential(9, n))
    after = ill + np.ceil(RNG.exponential(3, n))
    last = np.where(ill < death, after, death)
    first = np.minimum(ill, last)
    end = np.ceil(RNG.exponential(10, n)) + 0.5 if censored else np.full(n, np.inf)
    return (np.minimum(first, end), first <= end), (np.minimum(last, end), last <= end)


def test_without_censoring_the_shares_are_those_of_the_patients() -> None:
    progression, death = course(400, censored=False)
    found = occupancy(progression, death)
    for time, free, progressed, dead in zip(*found.__dict__.values(), strict=True):
        assert free == pytest.approx((progression[0] > time).mean())
        assert dead == pytest.approx((death[0] <= time).mean())
        assert progressed == pytest.approx(((progression[0] <= time) & (death[0] > time)).mean())


def test_with_censoring_the_free_are_kaplan_meiers_and_the_shares_sum_to_one() -> None:
    progression, death = course(300, censored=True)
    found = occupancy(progression, death)
    km = statistics.kaplan_meier(*progression, present=np.ones(300, np.bool_))
    at = np.searchsorted(km.time, found.time[1:], side="right") - 1
    assert found.free[1:] == pytest.approx(np.where(at >= 0, km.survival[at], 1.0))
    assert found.free + found.progressed + found.dead == pytest.approx(1.0)
    assert (np.diff(found.dead) >= -1e-12).all()


def test_a_weight_is_so_many_patients() -> None:
    progression, death = course(60, censored=True)
    weight = RNG.integers(1, 5, 60)
    found = occupancy(progression, death, weight / 2.0)
    first, last = (tuple(np.repeat(one, weight) for one in ends) for ends in (progression, death))
    for name, share in occupancy(first, last).__dict__.items():
        assert getattr(found, name) == pytest.approx(share, rel=1e-10)
    assert np.abs(found.dead - occupancy(progression, death).dead).max() > 0.01


def test_with_censoring_the_true_shares_are_found() -> None:
    """Constant hazards: to illness 0.1, to death 0.05 free and 0.2 ill; at time 6 against the closed form."""
    n = 20_000
    ill, death, end = RNG.exponential(10, n), RNG.exponential(20, n), RNG.exponential(12, n)
    last = np.where(ill < death, ill + RNG.exponential(5, n), death)
    first = np.minimum(ill, death)
    found = occupancy((np.minimum(first, end), first <= end), (np.minimum(last, end), last <= end))
    at = np.searchsorted(found.time, 6.0, side="right") - 1
    free = np.exp(-0.15 * 6)
    progressed = 0.1 / (0.2 - 0.15) * (np.exp(-0.15 * 6) - np.exp(-0.2 * 6))
    error = 0.006  # about 1.7 binomial SE of 0.5 in the 12,000 not censored by then
    assert found.free[at] == pytest.approx(free, abs=3 * error)
    assert found.progressed[at] == pytest.approx(progressed, abs=3 * error)
    ignored = (first[first <= end] <= 6).mean()  # who is censored thrown away: the check would notice
    assert abs((1 - ignored) - free) > 3 * error


def test_hand_worked() -> None:
    progression = np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, True, True, False])
    death = np.array([3.0, 2.0, 5.0, 4.0]), np.array([True, True, False, False])
    found = occupancy(progression, death)
    assert found.time.tolist() == [0, 1, 2, 3]
    assert found.free.tolist() == [1, 0.75, 0.5, 0.25]
    assert found.progressed.tolist() == [0, 0.25, 0.25, 0.25]
    assert found.dead.tolist() == [0, 0, 0.25, 0.5]


def test_nobody_stays_free() -> None:
    nobody = np.array([]), np.array([], dtype=np.bool_)
    found = occupancy(nobody, nobody)
    assert isinstance(found, Occupancy)
    assert [part.tolist() for part in found.__dict__.values()] == [[0.0], [1.0], [0.0], [0.0]]
