"""Standardised mean differences by hand."""

import numpy as np
import pytest

from analysis.balance import smd

X = np.array([[[1.0, 1], [3, 0], [2, 1], [6, 1], [4, 0], [np.nan, np.nan]]])
T = np.array([[True, True, False, False, False, True]])
HERE = np.array([[True, True, True, True, True, False]])


def test_sample_variances_and_binomial_ones() -> None:
    found = smd(X, T, present=HERE)[0]
    assert abs(found[0] - (2 - 4) / np.sqrt((2 + 4) / 2)) < 1e-15
    assert abs(found[1] - (0.5 - 2 / 3) / np.sqrt((0.25 + 2 / 9) / 2)) < 1e-15


def test_weights_move_means_and_variances() -> None:
    weight = np.array([[1.0, 1, 2, 1, 0, 9]])
    found = smd(X, T, present=HERE, weight=weight)[0]
    spread = (2 * (2 - 10 / 3) ** 2 + (6 - 10 / 3) ** 2) / 3 * 2 / (2 - 1)
    assert abs(found[0] - (2 - 10 / 3) / np.sqrt((2 + spread) / 2)) < 1e-15
    assert abs(found[1] - (0.5 - 1) / np.sqrt(0.25 / 2)) < 1e-15
    assert smd(X, T, present=HERE, weight=7 * weight)[0] == pytest.approx(found, abs=1e-15)
    assert smd(X, T, present=HERE, weight=np.ones((1, 6))) == pytest.approx(smd(X, T, present=HERE), abs=1e-15)


def test_what_does_not_vary() -> None:
    x = np.array([[[1.0], [1.0], [1.0], [1.0]], [[1.0], [1.0], [0.0], [0.0]]])
    treated = np.array([[True, True, False, False]] * 2)
    found = smd(x, treated)[:, 0]
    assert found[0] == 0
    assert np.isinf(found[1])
    assert np.isnan(smd(x[:1], np.ones((1, 4), bool)))[0, 0]
    weight = np.random.default_rng(1).random((50, 4))
    same, arms = np.full((50, 4, 1), 0.1), np.repeat(treated[:1], 50, axis=0)
    assert (smd(same, arms, weight=weight) == 0).all()
    assert np.isnan(smd(same, arms, weight=0 * weight)).all()


def test_several_sets_of_one_cohort() -> None:
    draw = np.random.default_rng(2)
    x, treated = draw.normal(size=(2, 30, 3)), draw.random((2, 30)) < 0.5
    x[:, :, 1] = x[:, :, 1] > 0
    here, weight = draw.random((4, 30)) < 0.7, draw.random((4, 30))
    twice, again = np.repeat(x, 2, axis=0), np.repeat(treated, 2, axis=0)
    for shares in (None, weight):
        found = smd(x, treated, present=here, weight=shares)
        assert found.shape == (4, 3)
        assert (found == smd(twice, again, present=here, weight=shares)).all()
        assert (found != smd(twice, again, present=here[::-1], weight=shares)).all()
    with pytest.raises(ValueError, match="weights have the shape"):
        smd(x, treated, present=here, weight=weight[:2])
