"""Greedy matching against brute force, its options, and what it does when nobody can be matched."""

import itertools

import numpy as np
import pytest

from analysis.kernels.status import Status
from analysis.propensity.matching import match

ORDERS = ("largest", "smallest", "random", "data", "closest")


def _brute(score, treated, here, width, order, ratio, replacement, rank):  # type: ignore[no-untyped-def]
    """The controls of each treated unit, by going through all pairs again for every choice."""
    units = [i for i in range(len(score)) if here[i] and treated[i]]
    pool = [j for j in range(len(score)) if here[j] and not treated[j]]
    key = {"largest": lambda i: -score[i], "smallest": lambda i: score[i], "random": lambda i: rank[i]}
    units = sorted(units, key=key[order]) if order in key else units
    taken: set[int] = set()
    found = np.full((len(score), ratio), -1)
    for turn in range(ratio):
        waiting = list(units)
        while waiting:
            options = [
                (abs(score[i] - score[j]), waiting.index(i), j)
                for i in (waiting if order == "closest" else waiting[:1])
                for j in pool
                if j not in taken and not (replacement and j in found[i]) and abs(score[i] - score[j]) <= width
            ]
            if order == "closest" and not options:
                break
            if options:
                _, place, j = min(options)
                found[waiting[place], turn] = j
                if not replacement:
                    taken.add(j)
                waiting.pop(place)
            else:
                waiting.pop(0)
    return found


CALLS = [call for call in itertools.product(ORDERS, (1, 2), (False, True)) if call[0] != "closest" or not call[2]]


@pytest.mark.parametrize(("order", "ratio", "again"), CALLS)
def test_pairs_are_those_of_brute_force(order: str, ratio: int, again: bool) -> None:
    rng = np.random.default_rng(7)
    for trial in range(60):
        n = int(rng.integers(4, 40))
        score = rng.normal(size=n).round(1 if trial % 2 else 8)
        treated, here, rank = rng.random(n) < 0.4, rng.random(n) < 0.9, rng.random(n)
        caliper = None if trial % 5 == 0 else 0.3
        made = match(
            score[None],
            treated[None],
            present=here[None],
            caliper=caliper,
            order=order,  # type: ignore[arg-type]
            ratio=ratio,
            replacement=again,
            rank=rank[None],
        )
        expected = _brute(score, treated, here, made.width[0], order, ratio, again, rank)
        assert np.array_equal(made.controls[0], expected)
        if caliper and here.sum() > 1:
            assert made.width[0] == pytest.approx(0.3 * score[here].std(ddof=1), rel=1e-13)


def test_by_hand() -> None:
    score = np.array([[0.9, 0.5, 0.8, 0.45, 0.1]])
    treated = np.array([[True, True, False, False, False]])
    made = match(score, treated, caliper=0.2, unit="raw")
    assert made.controls[0, :, 0].tolist() == [2, 3, -1, -1, -1]
    assert made.pair[0].tolist() == [0, 1, 0, 1, -1]
    assert made.weight[0].tolist() == [1, 1, 1, 1, 0]
    assert match(score, treated, caliper=0.04, unit="raw").status[0] == Status.NO_PAIRS


def test_weights_of_ratio_and_replacement_are_matchits() -> None:
    """A control weighs the sum over its sets of 1 / (controls in the set), scaled to the number of controls used."""
    score = np.array([[0.50, 0.52, 0.51, 0.60, 0.99]])
    treated = np.array([[True, True, False, False, False]])
    made = match(score, treated, caliper=None, ratio=2, replacement=True)
    assert made.controls[0, 0].tolist() == [2, 3]
    assert made.controls[0, 1].tolist() == [2, 3]
    assert made.weight[0].tolist() == [1, 1, 1, 1, 0]
    one = match(score, treated, caliper=None, replacement=True)
    assert one.weight[0].tolist() == [1, 1, 1, 0, 0]


def test_replicates_do_not_touch_each_other() -> None:
    rng = np.random.default_rng(8)
    score, treated = rng.normal(size=(5, 50)), rng.random((5, 50)) < 0.4
    whole = match(score, treated)
    sick = treated.copy()
    sick[2] = True
    broken = score.copy()
    broken[3, ~treated[3]] = np.nan
    made = match(broken, sick)
    for r in (0, 1, 4):
        assert np.array_equal(made.controls[r], whole.controls[r])
        alone = match(score[r : r + 1], treated[r : r + 1])
        assert np.array_equal(alone.controls[0], whole.controls[r])
    assert made.status[[2, 3]].tolist() == [Status.NO_PAIRS] * 2


def test_the_scale_of_the_caliper_matters() -> None:
    rng = np.random.default_rng(9)
    logit, treated = rng.normal(size=(1, 200)), rng.random((1, 200)) < 0.4
    other = match(1 / (1 + np.exp(-logit)), treated)
    assert not np.array_equal(match(logit, treated).controls, other.controls)


def test_many_units_are_matched_fast_and_soundly() -> None:
    rng = np.random.default_rng(10)
    score, treated = rng.normal(size=(1, 50_000)).round(3), rng.random((1, 50_000)) < 0.3
    made = match(score, treated, caliper=0.01)
    i = np.flatnonzero(made.controls[0, :, 0] >= 0)
    j = made.controls[0, i, 0]
    assert len(np.unique(j)) == len(j)
    assert np.abs(score[0, i] - score[0, j]).max() <= made.width[0]


def test_random_order_needs_a_rank() -> None:
    with pytest.raises(ValueError, match="rank"):
        match(np.zeros((1, 3)), np.array([[True, False, False]]), order="random")
