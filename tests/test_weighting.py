"""Weights: the formulas, and that they make the cohort look like their target."""

import numpy as np
import pytest

from analysis.weighting import Target, ipw

E = np.array([[0.2, 0.2, 0.75, 0.75]])
T = np.array([[True, False, True, False]])


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("att", [1, 0.25, 1, 3]),
        ("atc", [4, 1, 1 / 3, 1]),
        ("ate", [5, 1.25, 4 / 3, 4]),
        ("overlap", [0.8, 0.2, 0.25, 0.75]),
        ("matching", [1, 0.25, 1 / 3, 1]),
    ],
)
def test_by_hand(target: Target, expected: list[float]) -> None:
    np.testing.assert_allclose(ipw(E, T, target)[0], expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("target", "tilt"), [("att", lambda e: e), ("ate", lambda e: 1 + 0 * e), ("atc", lambda e: 1 - e)]
)
def test_both_arms_look_like_the_target(target: Target, tilt: object) -> None:
    """The weighted mean of a covariate is the target's in either arm, to 4 SE; the unweighted one is not."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(1, 200_000))
    e = 1 / (1 + np.exp(-x))
    treated = rng.random(e.shape) < e
    share = tilt(e)  # type: ignore[operator]
    wanted = (share * x).sum() / share.sum()
    weight = ipw(e, treated, target)
    for arm in (treated, ~treated):
        mean = (weight * x)[arm].sum() / weight[arm].sum()
        error = np.sqrt(((weight * (x - mean))[arm] ** 2).sum()) / weight[arm].sum()
        assert abs(mean - wanted) < 4 * error + 4 / np.sqrt(200_000)
    assert abs(x[treated].mean() - x[~treated].mean()) > 0.5


def test_certain_treatment_is_infinite_not_an_error() -> None:
    assert np.isinf(ipw(np.array([[1.0]]), np.array([[False]]), "att"))[0, 0]
