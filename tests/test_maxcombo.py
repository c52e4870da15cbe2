"""The largest of several weighted log-rank tests: by hand, against slow twins and chance, where it has no answer."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.random import Generator, Philox
from scipy.special import ndtr

from analysis.kernels.normal_maximum import maximum_beyond
from analysis.kernels.status import Status
from analysis.survival.statistics import MaxComboTest, logrank, maxcombo
from analysis.survival.weighted_logrank import WEIGHTS
from tests.agreement import gap
from tests.planted import AGREEMENT, Gaps, Rooms, cohort, defects, noticed_by
from tests.reference import maxcombo as slow

TIME, EVENT, X = [1.0, 1, 6, 6, 8, 9], [True, False, True, True, False, True], [1, 1, 1, 0, 0, 0]
SOME = (WEIGHTS, ((0.0, 0.0), (0.0, 1.0)), ((1.0, 0.0),), ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5)))


def by_hand() -> MaxComboTest:
    """The test data of Therneau & Grambsch (2000, appendix E), of which two event times count: S(t-) is 1 and 5/6."""
    return maxcombo([TIME], [EVENT], np.array([X]) == 1)


def beyond(correlation: Any, bound: float) -> float:
    """The kernel's probability for one correlation matrix."""
    found = np.empty(1)
    maximum_beyond(np.array([correlation], np.float64), np.array([bound]), found)
    return float(found[0])


def random_correlation(seed: int, size: int, rank: int, spread: float = 1.0) -> Any:
    """The correlation of that many variables of that rank; with little spread they are nearly the same."""
    draw = Generator(Philox(seed))
    vectors = draw.normal(size=rank) * (spread < 1) + spread * draw.normal(size=(size, rank))
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    return vectors @ vectors.T


def null_cohorts(count: int = 2000, n: int = 120) -> tuple[Any, Any, Any]:
    """Cohorts whose arms do not differ."""
    draw = Generator(Philox(71))
    ends, leaves = draw.exponential(10, (count, n)), draw.exponential(25, (count, n))
    return np.minimum(ends, leaves), ends < leaves, draw.random((count, n)) < 0.4


def test_by_hand() -> None:
    plain = logrank([TIME], [EVENT], np.array([X]) == 1)
    assert plain.observed[0].tolist() == [2, 2]
    np.testing.assert_allclose(plain.expected[0], [3, 1], rtol=1e-14)
    assert (plain.chi2[0], plain.z[0]) == pytest.approx((2, 2**0.5), rel=1e-14)
    found = by_hand()  # the weights: none, late, early, middle
    assert found.z[0] == pytest.approx([2**0.5, 1, 11 / 61**0.5, 1], rel=1e-14)
    late, early, both = 0.5**0.5, 11 / 122**0.5, 5 / 61**0.5
    expected = [[1, late, early, late], [late, 1, both, 1], [early, both, 1, both], [late, 1, both, 1]]
    np.testing.assert_allclose(found.correlation[0], expected, rtol=1e-13)
    assert found.statistic[0] == pytest.approx(2**0.5, rel=1e-14)
    share, error = slow.counted(np.array(expected), 2**0.5, 1_000_000, 3)
    assert abs(found.p[0] - share) < 4 * error


def agreement(rooms: Rooms) -> Gaps:
    """z and correlation against the slow twin, with ties, strata and absent patients; p against integration."""
    tested = rooms["analysis.survival.weighted_logrank"].maxcombo
    for number in range(4):
        c = cohort(60 + number, 1, n=22, binary=True, tied=number != 1)
        here, arm = c.present, c.x[:, 0] == number % 2
        stratum = c.stratum if number > 1 else None
        own = None if stratum is None else stratum[here]
        for weights in SOME[: 3 if number else 4]:
            found = tested(
                [c.time], [c.event], [arm], present=[here], weights=weights,
                stratum=None if stratum is None else [stratum],
            )  # fmt: skip
            expected = slow.scores(c.time[here], c.event[here], arm[here], weights, own)
            yield gap(found.z[0], expected.z, 1.0)
            yield gap(found.correlation[0], expected.correlation, 1.0)
            yield gap(found.statistic[0], np.abs(expected.z).max())
            if len(weights) < 3:
                rho = expected.correlation[0, -1]
                exact = 2 * ndtr(-found.statistic[0]) if rho > 1 - 1e-12 else slow.of_two(rho, found.statistic[0])
                yield gap(found.p[0], exact)
    module = rooms["analysis.kernels.normal_maximum"]
    tiny = 2e-8 * (ndtr(-1.0) + np.exp(-0.5) / (2 * np.pi) ** 0.5)  # an edge that all but meets the foot
    yield gap(module._edge(1.0, 1e-4, -1e-4, 1e-4), tiny) / 100
    kernel = module.maximum_beyond
    for size, bound in product((1, 2, 3), (0.3, 2.0)):  # independent normals
        p = np.empty(1)
        kernel(np.eye(size)[None], np.array([bound]), p)
        yield gap(p[0], 1 - (2 * ndtr(bound) - 1) ** size)
    pairs = np.kron(np.eye(2), [[1.0, 0.6], [0.6, 1.0]])  # two independent pairs: four dimensions, known to 1e-6
    for bound in (0.8, 2.0):
        p = np.empty(1)
        kernel(pairs[None], np.array([bound]), p)
        yield gap(p[0], 1 - (1 - slow.of_two(0.6, bound)) ** 2) / 100


DEFECTS = [
    *defects(
        "analysis.kernels.logrank",
        agreement,
        ("one_test", "no covariance, but the variance of one", "w * second[j] * d", "w * w * d"),
        ("weigh", "one weight for all", "s ** rho[k] *", "s ** rho[0] *"),
        (
            "logranks",
            "the covariance on one side only",
            "made.covariance[r, k, other], made.covariance[r, other, k] = v, v",
            "made.covariance[r, k, other] = v",
        ),
    ),
    *defects(
        "analysis.survival.weighted_logrank",
        agreement,
        ("maxcombo", "the smallest, not the largest", "np.max(np.abs(z)", "-np.max(-np.abs(z)"),
        ("maxcombo", "signs in the way", "np.max(np.abs(z)", "np.max(z"),
        ("maxcombo", "covariance for correlation", "(sd[:, :, None] * sd[:, None, :])", "sd[:, :, None]"),
    ),
    *defects(
        "analysis.kernels.normal_maximum",
        agreement,
        ("maximum_beyond", "one side only", "total += 2.0 * _beyond", "total += _beyond"),
        ("_beyond", "faces cut at the wrong place", "h[j] - along * h[face]", "h[j]"),
        ("_edge", "the series at the foot", "h * math.erfc(r * _ROOT_HALF) / (2.0 * r**3) + ", ""),
        ("_beyond", "edges turned round", "corner[i, 0] * y - corner[i, 1] * x", "corner[i, 1] * x - corner[i, 0] * y"),
        (
            "_vectors",
            "what vectors share is forgotten",
            "value -= vector[i, j] * vector[pivot, j]",
            "value -= 0.0 * vector[i, j]",
        ),
        ("_given", "what is given moves no face", "t * (1.0 - sign * along) / norm", "t / norm"),
        ("_edge", "no cone, but a column", "near - h / r * math.erfc", "near - math.erfc"),
    ),
]


test_agreement_with_the_slow_twins, test_a_planted_defect_is_noticed = noticed_by(DEFECTS)


def test_the_compiled_kernel_is_the_plain_one() -> None:
    for number, weights in product(range(4), SOME):
        c = cohort(60 + number, 1, n=22, binary=True)
        arm = c.x[:, 0] == 1
        found = maxcombo([c.time], [c.event], [arm], weights=weights)
        expected = slow.scores(c.time, c.event, arm, weights)
        assert gap(found.z[0], expected.z, 1.0) < AGREEMENT
        assert gap(found.correlation[0], expected.correlation, 1.0) < AGREEMENT


@pytest.mark.parametrize(
    ("size", "rank", "spread"), [(2, 2, 1.0), (3, 3, 1.0), (4, 2, 1.0), (4, 3, 0.1), (4, 4, 1.0), (4, 4, 0.01)]
)
def test_p_is_the_share_among_drawn_normals(size: int, rank: int, spread: float) -> None:
    for seed, bound in ((5, 0.7), (6, 1.9), (7, 2.6)):
        correlation = random_correlation(seed, size, rank, spread)
        share, error = slow.counted(correlation, bound, 1_000_000, seed)
        assert abs(beyond(correlation, bound) - share) < 4 * error
        assert abs(beyond(correlation, bound + 0.03) - share) > 4 * error  # such an error would be noticed


def test_p_of_two_is_exact() -> None:
    for rho, bound in product((-0.9999, -0.5, 0.0, 0.3, 0.95, 1 - 1e-7), (0.05, 0.5, 1.96, 4.0)):
        assert beyond([[1, rho], [rho, 1]], bound) == pytest.approx(slow.of_two(rho, bound), abs=1e-9)
        if bound == 1.96:
            wrong = slow.of_two(rho - np.copysign(1e-3, rho), bound)
            assert beyond([[1, rho], [rho, 1]], bound) != pytest.approx(wrong, abs=1e-9)


def test_p_of_independent_normals_is_exact() -> None:
    for size, bound in product((1, 2, 3, 4), (0.05, 0.5, 1.96, 6.0)):
        exact = 1 - (2 * ndtr(bound) - 1) ** size
        assert beyond(np.eye(size), bound) == pytest.approx(exact, abs=1e-8)


def test_blocks_of_independent_pairs() -> None:
    for rho, bound in product((0.2, 0.9, 0.99, 0.999, 0.99999), (1e-9, 0.01, 0.1, 0.4, 1.5, 2.5)):
        pair = np.array([[1, rho], [rho, 1]])
        exact = 1 - (1 - slow.of_two(rho, bound)) ** 2
        assert beyond(np.kron(np.eye(2), pair), bound) == pytest.approx(exact, abs=2e-7)


@pytest.mark.parametrize("away", [0.0, 1e-15, 1e-13, 1e-11, 1e-9])
def test_nearly_the_same_variables_count_once(away: float) -> None:
    alike = np.array([[1, 1 - away, 0.4, 0.4], [1 - away, 1, 0.4, 0.4], [0.4, 0.4, 1, -0.2], [0.4, 0.4, -0.2, 1]])
    for bound in (0.5, 2.0):
        assert beyond(alike, bound) == pytest.approx(beyond(alike[1:, 1:], bound), abs=1e-6 + away**0.5)
    assert beyond(alike, 2.0) != pytest.approx(beyond(alike[:3, :3], 2.0), abs=1e-3)


def test_a_weight_named_twice_changes_nothing() -> None:
    time, event, arm = null_cohorts(40)
    once = maxcombo(time, event, arm, weights=WEIGHTS[:3])
    twice = maxcombo(time, event, arm, weights=(*WEIGHTS[:3], WEIGHTS[1]))
    np.testing.assert_allclose(twice.p, once.p, rtol=0, atol=1e-6)
    assert np.abs(once.p - maxcombo(time, event, arm, weights=WEIGHTS[:2]).p).max() > 1e-3


def test_one_weight_is_the_log_rank_test() -> None:
    time, event, arm = null_cohorts(40)
    one, plain = maxcombo(time, event, arm, weights=((0.0, 1.0),)), logrank(time, event, arm, gamma=1.0)
    np.testing.assert_array_equal(one.z[:, 0], plain.z)
    np.testing.assert_allclose(one.p, plain.p, rtol=1e-11)


def test_other_arms_other_sign() -> None:
    time, event, arm = null_cohorts(40)
    there, back = maxcombo(time, event, arm), maxcombo(time, event, ~arm)
    np.testing.assert_allclose(back.z, -there.z, atol=1e-12)
    np.testing.assert_allclose(back.p, there.p, atol=1e-9)


def test_a_replicate_alone_gives_the_same_bits() -> None:
    time, event, arm = null_cohorts(30)
    whole = maxcombo(time, event, arm)
    for r in (0, 13, 29):
        alone = maxcombo(time[r : r + 1], event[r : r + 1], arm[r : r + 1])
        for name in ("z", "correlation", "statistic", "p"):
            assert np.array_equal(getattr(alone, name)[0], getattr(whole, name)[r])


def z_of_rate(p: Any, rate: float = 0.05) -> float:
    """How many Monte Carlo standard errors the share of p below the rate lies from it."""
    return float((np.mean(p < rate) - rate) / np.sqrt(rate * (1 - rate) / len(p)))


def test_type_1_error() -> None:
    time, event, arm = null_cohorts()
    found = maxcombo(time, event, arm)
    assert (found.status == Status.OK).all()
    assert abs(z_of_rate(found.p)) < 3
    assert z_of_rate(2 * ndtr(-found.statistic)) > 3, "p of the largest as if it were the only one"
    independent = 1 - (1 - 2 * ndtr(-found.statistic)) ** 4
    assert z_of_rate(independent) < -3, "p as if the tests were independent"


@pytest.mark.parametrize("n", [3, 5, 8, 15])
def test_p_of_small_cohorts_lies_between_one_test_and_as_many_as_have_variance(n: int) -> None:
    draw = Generator(Philox(n))
    time, event, arm = draw.integers(1, 2 * n, (3000, n)), draw.random((3000, n)) < 0.6, draw.random((3000, n)) < 0.5
    for weights in SOME:
        found = maxcombo(time, event, arm, weights=weights)
        ok = found.status == Status.OK
        assert ok.sum() > 500
        assert np.array_equal(np.isfinite(found.p), ok)
        alone, count = 2 * ndtr(-found.statistic[ok]), (~np.isnan(found.z[ok])).sum(axis=1)
        assert (found.p[ok] >= alone - 1e-7).all()
        assert (found.p[ok] <= np.minimum(count * alone, 1) + 1e-7).all()


def test_late_differences_are_found_that_the_log_rank_test_misses() -> None:
    draw = Generator(Philox(8))
    arm = draw.random((300, 200)) < 0.5
    ends = draw.exponential(10, arm.shape)
    ends = np.where(arm & (ends > 8), 8 + (ends - 8) * 2.5, ends)
    time, event = np.minimum(ends, 30), ends < 30
    assert np.mean(maxcombo(time, event, arm).p < 0.05) > np.mean(logrank(time, event, arm).p < 0.05) + 0.05


def test_where_there_is_no_answer() -> None:
    time, event = np.array([[1.0, 2, 3, 4]]), np.ones((1, 4), bool)
    arm = np.array([[True, False, True, False]])
    for ends, died, group, here, status in (
        (time, ~event, arm, event, Status.NO_EVENTS),
        (time, event, ~event, event, Status.NO_INFO),
        (time, event, arm, arm, Status.NO_INFO),
        (time, event, arm, ~event, Status.TOO_FEW),
        (np.where(time == 3, np.nan, time), event, arm, event, Status.BAD_INPUT),
        (np.where(time == 3, np.inf, time), event, arm, event, Status.BAD_INPUT),
        (np.ones((1, 4)), event, arm, event, Status.NO_INFO),  # all die at once: no variance
    ):
        found = maxcombo(ends, died, group, present=here)
        assert found.status[0] == status
        assert np.isnan([found.statistic[0], found.p[0], *found.z[0]]).all()


def test_what_is_absent_is_not_read() -> None:
    time, event, arm = null_cohorts(3)
    present = Generator(Philox(1)).random(time.shape) < 0.8
    found = maxcombo(time, event, arm, present=present)
    spoilt = maxcombo(np.where(present, time, np.nan), event, arm, present=present)
    assert np.array_equal(found.p, spoilt.p)


def test_weights_without_variance_drop_out() -> None:
    time, event = np.array([[1.0, 2, 3, 4]]), np.array([[True, False, False, False]])
    found = maxcombo(time, event, [[True, False, True, False]])
    assert found.status[0] == Status.OK
    assert np.isnan(found.z[0]).tolist() == [False, True, False, True]  # 1 - S(t-) is zero at the first event
    assert found.statistic[0] == pytest.approx(1.0)
    assert found.p[0] == pytest.approx(2 * ndtr(-1.0), rel=1e-12)


def test_ties_of_all_but_one_moment() -> None:
    time = np.array([[2.0, 2, 2, 2, 2, 2]])
    event, arm = (
        np.array([[True, True, True, False, False, False]]),
        np.array([[True, True, False, True, False, False]]),
    )
    found = maxcombo(time, event, arm)
    expected = slow.scores(time[0], event[0], arm[0], ((0.0, 0.0),))
    assert found.z[0, 0] == pytest.approx(expected.z[0], rel=1e-13)
    assert found.p[0] == pytest.approx(2 * ndtr(-abs(expected.z[0])), rel=1e-12)


@pytest.mark.parametrize("weights", [(), ((0.0, 0.0),) * 5])
def test_too_few_or_too_many_weights_are_refused(weights: Any) -> None:
    with pytest.raises(ValueError, match="weights are given; from 1 to 4"):
        maxcombo([TIME], [EVENT], np.array([X]) == 1, weights=weights)
