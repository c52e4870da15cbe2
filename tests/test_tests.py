"""The classical tests: by hand, identities, statuses. Frozen R output is in test_against_r_tests.py."""

import numpy as np
import pytest

from analysis.kernels.status import Status
from analysis.survival.statistics import time_order
from analysis.two_samples import tests
from tests.agreement import gap
from tests.reference import two_samples

X = np.array([[1.0, 2, 2, 3, 5, 8, 9, 2, 4, 4, 7, 1]])
G = np.array([[1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]], bool)


def test_welch_and_student_agree_where_sizes_and_variances_do() -> None:
    x = np.array([[1.0, 2, 3, 4, 3, 4, 5, 6]])
    group = np.array([[True] * 4 + [False] * 4])
    a, b = tests.welch(x, group), tests.student(x, group)
    assert a.statistic[0] == pytest.approx(-2 / np.sqrt(2 * (5 / 3) / 4), rel=1e-14)
    assert a.statistic[0] == pytest.approx(b.statistic[0], rel=1e-14)
    assert a.df[0] == pytest.approx(6, rel=1e-14)
    assert a.p[0] == pytest.approx(b.p[0], rel=1e-12)
    assert tests.welch(X, G).p[0] != pytest.approx(tests.student(X, G).p[0], rel=1e-3)


def test_swapping_the_groups_changes_no_p() -> None:
    for test in (tests.welch, tests.student, tests.mann_whitney):
        assert test(X, G).p[0] == pytest.approx(test(X, ~G).p[0], rel=1e-12)


def test_mann_whitney_depends_on_ranks_alone() -> None:
    a, b = tests.mann_whitney(X, G), tests.mann_whitney(np.exp(X), G)
    assert (a.statistic[0], a.p[0]) == (b.statistic[0], b.p[0])
    assert a.statistic[0] == sum((x > y) + 0.5 * (x == y) for x in X[G] for y in X[~G])


def test_fisher_is_the_hypergeometric_tail() -> None:
    """The lady tasting tea: 3 of 4 right has p = 34/70 two-sided; all 4 right 2/70."""
    assert tests.fisher(np.array([[[3, 1], [1, 3]]])).p[0] == pytest.approx(34 / 70, rel=1e-12)
    assert tests.fisher(np.array([[[4, 0], [0, 4]]])).p[0] == pytest.approx(2 / 70, rel=1e-12)


def test_fisher_does_not_depend_on_the_order_of_levels_or_on_empty_ones() -> None:
    counts = np.array([[[8, 2, 0, 5], [3, 9, 4, 1]]])
    p = tests.fisher(counts).p[0]
    assert tests.fisher(counts[:, :, ::-1]).p[0] == pytest.approx(p, rel=1e-10)
    padded = np.concatenate([counts, np.zeros((1, 2, 1), int)], axis=2)
    assert tests.fisher(padded).p[0] == pytest.approx(p, rel=1e-10)


def test_pearson_with_and_without_yates() -> None:
    counts = np.array([[[10, 20], [20, 10]]])
    assert tests.pearson(counts).statistic[0] == pytest.approx(20 / 3, rel=1e-14)
    assert tests.pearson(counts, correct=True).statistic[0] == pytest.approx(4 * 4.5**2 / 15, rel=1e-14)
    padded = np.array([[[10, 0, 20], [20, 0, 10]]])
    assert tests.pearson(padded).statistic[0] == pytest.approx(20 / 3, rel=1e-14)
    assert tests.pearson(padded).df[0] == 1
    assert tests.pearson(padded, correct=True).p[0] == tests.pearson(counts, correct=True).p[0]
    wide = np.array([[[10, 5, 20], [20, 7, 10]]])
    assert tests.pearson(wide, correct=True).p[0] == tests.pearson(wide).p[0]


def test_a_count_that_is_no_number() -> None:
    found = tests.pearson(np.array([[[10, np.nan], [20, 10]], [[10, 20], [20, 10]]]))
    assert found.status.tolist() == [Status.BAD_INPUT, Status.OK]
    assert np.isnan(found.p[0])


def test_absent_values_are_not_read() -> None:
    spoilt = np.concatenate([X, [[np.nan, 1e9]]], axis=1)
    group = np.concatenate([G, [[True, False]]], axis=1)
    here = np.concatenate([np.ones_like(G), [[False, False]]], axis=1)
    for test in (tests.welch, tests.student, tests.mann_whitney):
        assert test(spoilt, group, present=here).p[0] == test(X, G).p[0]


def test_several_sets_of_one_cohort_and_a_shared_order() -> None:
    draw = np.random.default_rng(8)
    x, group = np.round(draw.normal(size=(3, 40)), 1), draw.random((3, 40)) < 0.5
    here = draw.random((6, 40)) < 0.7
    twice, again = np.repeat(x, 2, axis=0), np.repeat(group, 2, axis=0)
    for test in (tests.welch, tests.student, tests.mann_whitney):
        made = test(x, group, present=here)
        assert made.p.shape == (6,)
        assert (made.p == test(twice, again, present=here).p).all()
        assert (made.p != test(twice, again, present=here[::-1]).p).all()
    w, order = tests.mann_whitney(x, group, present=here), time_order(x)
    assert (w.statistic == tests.mann_whitney(x, group, present=here, order=order).statistic).all()
    assert (w.statistic != tests.mann_whitney(x, group, present=here, order=order[::-1]).statistic).any()
    assert (tests.shapiro(x, present=here).p == tests.shapiro(twice, present=here).p).all()


def test_shapes_that_do_not_fit_are_refused() -> None:
    for present in (np.ones((3, 12), bool), np.ones((2, 11), bool)):
        with pytest.raises(ValueError, match="present has the shape"):
            tests.welch(np.repeat(X, 2, axis=0), np.repeat(G, 2, axis=0), present=present)
    with pytest.raises(ValueError, match="present has the shape"):
        tests.welch(X[:0], G[:0], present=G)
    with pytest.raises(ValueError, match="groups have the shape"):
        tests.mann_whitney(X, G[:, 1:])
    with pytest.raises(ValueError, match="order has the shape"):
        tests.mann_whitney(X, G, order=np.zeros((1, 5), np.int32))
    with pytest.raises(ValueError, match="3 axes"):
        tests.student(X[..., None], G)
    assert tests.welch(X[:0], G[:0]).p.shape == (0,)


def test_a_constant_that_binary_fractions_miss_still_says_nothing() -> None:
    x = np.full((1, 12), 0.1)
    assert x[0, :3].sum() / 3 != 0.1
    for test in (tests.welch, tests.student, tests.mann_whitney):
        assert test(x, G).status[0] == Status.NO_INFO


@pytest.mark.parametrize("test", [tests.welch, tests.student, tests.mann_whitney])
def test_statuses_leave_neighbours_alone(test: object) -> None:
    x = np.repeat(X, 5, axis=0)
    group = np.repeat(G, 5, axis=0)
    x[1, 3], x[2], group[3] = np.nan, 4.0, True
    found = test(x, group)  # type: ignore[operator]
    assert found.status.tolist() == [Status.OK, Status.BAD_INPUT, Status.NO_INFO, Status.TOO_FEW, Status.OK]
    assert found.p[0] == found.p[4] == test(X, G).p[0]  # type: ignore[operator]
    assert np.isnan(found.p[1:4]).all()


def test_tables_that_say_nothing() -> None:
    for counts in ([[3, 0], [4, 0]], [[0, 0], [4, 3]]):
        for test in (tests.pearson, tests.fisher):
            found = test(np.array([counts]))
            assert found.status[0] == Status.NO_INFO
            assert np.isnan(found.p[0])


def test_tables_of_any_width_agree_with_the_slow_twins() -> None:
    """Exact integers against logarithms of factorials."""
    draw = np.random.default_rng(11)
    for width, most in ((2, 120), (3, 30), (4, 12), (5, 6)):
        counts = draw.integers(0, most, (60, 2, width)) * (draw.random((60, 1, width)) < 0.9)
        found, chi2 = tests.fisher(counts), tests.pearson(counts)
        assert (found.status == chi2.status).all()
        told = np.flatnonzero(found.status == Status.OK)
        assert len(told) > 40
        exact = [two_samples.fisher(counts[r]) for r in told]
        assert gap(found.p[told], exact) < 1e-11
        assert gap(found.p[told], [two_samples.pearson(drop(counts[r]))[1] for r in told]) > 0.01
        assert gap(chi2.p[told], [two_samples.pearson(drop(counts[r]))[1] for r in told], 1e-200) < 1e-11


def test_small_tables_one_at_a_time() -> None:
    """No larger table beside them lends its factorials."""
    counts = np.random.default_rng(12).integers(1, 4, (40, 2, 4))
    for own in counts:
        assert gap(tests.fisher(own[None]).p[0], two_samples.fisher(own)) < 1e-13


def drop(counts: np.ndarray) -> np.ndarray:
    """The table without the levels that nobody has."""
    return counts[:, counts.sum(axis=0) > 0]


def test_the_likeliest_table_has_p_one() -> None:
    assert tests.fisher(np.array([[[5, 10], [10, 20]], [[6, 10], [9, 20]]])).p[0] == 1
    assert tests.fisher(np.array([[[50, 100, 30], [50, 100, 30]]])).p[0] == pytest.approx(1, rel=1e-12)


def test_a_p_below_what_a_double_can_hold_is_zero() -> None:
    found = tests.fisher(np.array([[[600, 0], [0, 600]], [[300, 0], [0, 300]]]))
    assert found.status.tolist() == [Status.OK] * 2
    assert found.p[0] == 0
    assert found.p[1] == pytest.approx(two_samples.fisher(np.array([[300, 0], [0, 300]])), rel=1e-11)


def test_negative_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        tests.fisher(np.array([[[3, -1], [2, 2]]]))


def test_more_tables_than_can_be_gone_through() -> None:
    assert tests.fisher(np.full((1, 2, 8), 100)).status[0] == Status.NOT_CONVERGED


def test_shapiro_statuses() -> None:
    x = np.array([[1.0, 2, 4, 8, 9], [1, 1, 1, 1, 1], [1, np.nan, 2, 3, 4], [1, 2, 4, 8, 9]])
    here = np.ones(x.shape, bool)
    here[3, 2:] = False
    found = tests.shapiro(x, present=here)
    assert found.status.tolist() == [Status.OK, Status.NO_INFO, Status.BAD_INPUT, Status.TOO_FEW]
    assert 0 < found.p[0] < 1


def test_p_values_are_uniform_under_the_null() -> None:
    """2,000 samples: the share below 0.05 within 4 SE (0.0195) of it; with half the variance in, it is far off."""
    rng = np.random.default_rng(3)
    x, group = rng.normal(size=(2000, 60)), np.repeat([[True] * 20 + [False] * 40], 2000, axis=0)
    for test in (tests.welch, tests.student, tests.mann_whitney):
        assert abs(np.mean(test(x, group).p < 0.05) - 0.05) < 0.0195
        assert np.mean(test(x + 0.8 * group, group).p < 0.05) > 0.5
