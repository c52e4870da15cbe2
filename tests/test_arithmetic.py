"""The arithmetic under the kernels: sums in lanes, exponentials, Cholesky factors."""

import math

import numba
import numpy as np
import pytest

from analysis.kernels.lanes import one_by_four, share_moments, sum_of_products, two_by_two
from analysis.kernels.linear import cholesky, exponentials, solve


@numba.njit
def _sum(a: np.ndarray, b: np.ndarray, c: np.ndarray, n: int) -> float:
    return sum_of_products(a, b, c, n)  # type: ignore[no-any-return]


@numba.njit
def _moments(first: np.ndarray, both: np.ndarray, theta: float, n: int) -> tuple[float, ...]:
    return share_moments(first, both, theta, n)  # type: ignore[no-any-return]


def _in_lanes(terms: list[float]) -> float:
    """Sixteen sums of every sixteenth term, added four by four, then one by one; what is left over comes last."""
    whole = len(terms) - len(terms) % 16
    lanes = [0.0] * 16
    for i in range(whole):
        lanes[i % 16] += terms[i]
    four = [(lanes[k] + lanes[4 + k]) + (lanes[8 + k] + lanes[12 + k]) for k in range(4)]
    rest = 0.0
    for term in terms[whole:]:
        rest += term
    return ((four[0] + four[1]) + (four[2] + four[3])) + rest


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 31, 32, 100, 422])
def test_sums_in_lanes_have_one_order(n: int) -> None:
    a, b, c = np.random.default_rng(n).normal(size=(3, 500))
    terms = [float(x) * float(y) * float(z) for x, y, z in zip(a[:n], b[:n], c[:n], strict=True)]
    found = _sum(a, b, c, n)
    assert found == _in_lanes(terms)
    assert abs(found - math.fsum(terms)) < 1e-12
    assert np.isnan(_sum(np.full(500, np.nan), b, c, n)) == (n > 0)


@numba.njit
def _one_by_four(a: np.ndarray, j: int, b: np.ndarray, k: int, n: int) -> tuple[float, ...]:
    return one_by_four(a, j, b, k, n)  # type: ignore[no-any-return]


@numba.njit
def _two_by_two(a: np.ndarray, j: int, b: np.ndarray, k: int, n: int) -> tuple[float, ...]:
    return two_by_two(a, j, b, k, n)  # type: ignore[no-any-return]


def _in_eight_lanes(terms: list[float]) -> float:
    """As above: eight sums of every eighth term, those four places apart added first."""
    whole = len(terms) - len(terms) % 8
    lanes = [0.0] * 8
    for i in range(whole):
        lanes[i % 8] += terms[i]
    rest = 0.0
    for term in terms[whole:]:
        rest += term
    two = [lanes[k] + lanes[4 + k] for k in range(4)]
    return ((two[0] + two[1]) + (two[2] + two[3])) + rest


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 100, 422])
def test_sums_of_rows_by_rows_have_one_order(n: int) -> None:
    """Rows beyond the last are the last once more."""
    a, b = np.random.default_rng(n).normal(size=(2, 5, 450))
    for found, above, across in (
        (_one_by_four(a, 2, b, 0, n), (2,), (0, 1, 2, 3)),
        (_one_by_four(a, 0, b, 3, n), (0,), (3, 4, 4, 4)),
        (_two_by_two(a, 1, b, 2, n), (1, 2), (2, 3)),
        (_two_by_two(a, 4, b, 4, n), (4, 4), (4, 4)),
    ):
        pairs = [(a[j, :n].tolist(), b[k, :n].tolist()) for j in above for k in across]
        assert list(found) == [_in_eight_lanes([x * y for x, y in zip(*pair, strict=True)]) for pair in pairs]


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 31, 32, 100, 422])
def test_moments_of_shares_have_the_same_order(n: int) -> None:
    first, second = np.random.default_rng(n).integers(1, 200, (2, 500)).astype(float)
    theta = 0.37
    risk = [float(a) * theta for a in first[:n]]
    share = [a / (a + ((x + y) - x)) for a, x, y in zip(risk, first, second, strict=False)]
    spread = [u * (1.0 - u) for u in share]
    terms = share, spread, [v * u for u, v in zip(share, spread, strict=True)], [v * v for v in spread]
    assert _moments(first, first + second, theta, n) == tuple(_in_lanes(one) for one in terms)
    assert n == 0 or _moments(first, first + second, 1.1 * theta, n) != tuple(_in_lanes(one) for one in terms)


def test_the_order_matters_to_the_last_digit() -> None:
    """The exactness above is not empty: the plain order gives other digits."""
    a, b, c = np.random.default_rng(1).normal(size=(3, 500))
    plain = 0.0
    for x, y, z in zip(a, b, c, strict=True):
        plain += float(x) * float(y) * float(z)
    assert _sum(a, b, c, 500) != plain


def test_exponentials() -> None:
    edges = [0.0, -0.0, 1e-300, 1.0, -1.0, math.log(2) / 2, -math.log(2) / 2, 708.9, -707.9]
    x = np.concatenate([edges, np.random.default_rng(1).uniform(-700, 700, 20_000), np.linspace(-2, 2, 4001)])
    found = x.copy()
    exponentials(found, np.empty(len(x)), len(x))
    assert np.abs(found / np.exp(x) - 1).max() < 4.5e-16
    far = np.array([-1e9, 1e9, 5.0])
    exponentials(far, np.empty(3), 2)
    assert far[0] == pytest.approx(math.exp(-708))
    assert far[1] == pytest.approx(math.exp(709))
    assert far[2] == 5.0


def test_cholesky_and_solve() -> None:
    a = np.random.default_rng(1).normal(size=(7, 7))
    system, right = a @ a.T, np.arange(7.0)
    root, answer = system.copy(), right.copy()
    assert cholesky(root, 7)
    solve(root, 7, answer)
    np.testing.assert_allclose(system @ answer, right, atol=1e-9)
    system[6] = system[:, 6] = system[0]
    system[6, 6] = system[0, 0]
    assert not cholesky(system, 7)
