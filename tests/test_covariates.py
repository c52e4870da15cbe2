"""Covariates: published margins hit at once, joined by latent correlations, none disturbed by another."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.special import ndtri
from scipy.stats import multivariate_normal

from simulator.mechanisms.covariate_kinds import Categorical, Continuous
from simulator.mechanisms.covariates import Population, resolve
from simulator.mechanisms.margins import Quantiles
from simulator.numerics.streams import Streams
from tests.simulated import z_of_mean

GRID = np.linspace(-8.3, 8.3, 400_001)
GRID = (GRID[1:] + GRID[:-1]) / 2
WEIGHT = np.exp(-(GRID**2) / 2) / np.exp(-(GRID**2) / 2).sum()

BINARY = {"kind": "binary", "shares": {"no": 0.7, "yes": 0.3}}
NORMAL = {"kind": "continuous", "mean": 0.0, "sd": 1.0, "bounds": (-9.0, 9.0)}
ORDINAL = {"kind": "ordinal", "shares": {"1": 0.2, "2": 0.5, "3": 0.3}}
NOMINAL = {"kind": "nominal", "shares": {"a": 0.1, "b": 0.0, "c": 0.9}}


def continuous(mean: float, sd: float, bounds: tuple[float, float], cuts: dict[str, float] | None = None) -> Continuous:
    return Continuous(kind="continuous", mean=mean, sd=sd, bounds=bounds, cuts=cuts or {})


def of_normals(spec: Continuous, z: np.ndarray) -> np.ndarray:
    """What standard normals become."""
    values = np.empty(len(z))
    spec.margin().fill(z, values)
    return values


def moments(spec: Continuous) -> tuple[float, float]:
    """Mean and SD of what standard normals become, by the midpoint rule."""
    values = of_normals(spec, GRID)
    mean = float(WEIGHT @ values)
    return mean, float(np.sqrt(WEIGHT @ (values - mean) ** 2))


def misses(spec: Continuous) -> tuple[float, float]:
    """How far mean and SD are off, in SDs."""
    mean, sd = moments(spec)
    return abs(mean - spec.mean) / spec.sd, abs(sd / spec.sd - 1)


def assert_shares_are_exact(spec: Continuous) -> None:
    """The value passes each cut-point where the normal passes its quantile."""
    for text, share in spec.cuts.items():
        if 0 < share < 1:
            just_below, just_above = of_normals(spec, ndtri(1 - share) + np.array([-1e-7, 1e-7]))
            assert just_below <= float(text) < just_above


PRINTED = [
    (49.0, 12.0, (18.0, 75.0), {"50": 0.4597}),
    (12.3, 3.52, (2.0, 25.0), {"10": 0.7014}),
    (10.0, 2.0, (0.0, 1000.0), {}),
    (100.0, 120.0, (0.0, 2000.0), {"50": 0.5, "400": 0.04}),
    (3.0, 3.0, (0.0, 100.0), {}),
    (5.0, 2.9, (0.0, 10.0), {}),
    (5.0, 4.0, (0.0, 10.0), {}),
    (50.0, 5.0, (0.0, 100.0), {"50": 0.9}),
    (50.0, 5.0, (0.0, 100.0), {"40": 1.0, "60": 0.0}),
]


@pytest.mark.parametrize(("mean", "sd", "bounds", "cuts"), PRINTED)
def test_mean_sd_and_shares_are_hit_at_once(mean, sd, bounds, cuts):
    spec = continuous(mean, sd, bounds, cuts)
    assert max(misses(spec)) < 1e-6
    assert_shares_are_exact(spec)
    values = of_normals(spec, GRID)
    assert values.min() >= bounds[0]
    assert values.max() <= bounds[1]
    assert (np.diff(values) >= 0).all()


def test_a_wrong_mean_or_sd_would_be_noticed():
    spec = continuous(49.0, 12.0, (18.0, 75.0), {"50": 0.4597})
    assert max(misses(spec.model_copy(update={"mean": 49.001}))) < 1e-6
    off = [abs(moments(spec)[0] - 49.001) / 12, abs(moments(spec)[1] / 12.01 - 1)]
    assert min(off) > 1e-6


@st.composite
def feasible(draw: st.DrawFn) -> Continuous:
    """A specification with the mean, SD and shares of an actual sample."""
    sample = np.random.default_rng(draw(st.integers(0, 2**32))).beta(
        draw(st.floats(0.7, 8.0)), draw(st.floats(0.7, 8.0)), 400
    )
    low, width = draw(st.floats(-100.0, 100.0)), draw(st.floats(0.1, 1000.0))
    values = low + width * sample
    at = draw(st.lists(st.integers(30, 370), max_size=3, unique=True))
    cuts = {repr(float(cut)): float((values > cut).mean()) for cut in np.sort(values)[at]}
    return continuous(float(values.mean()), float(values.std()), (low, low + width), cuts)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(feasible())
def test_whatever_a_sample_shows_is_hit(spec):
    assert max(misses(spec)) < 1e-4
    assert_shares_are_exact(spec)


@pytest.mark.parametrize(("mean", "sd", "bounds", "cuts"), PRINTED[:2] + PRINTED[4:7])
def test_the_density_has_the_form_of_maximum_entropy(mean, sd, bounds, cuts):
    """Its logarithm is one parabola, but for a constant per interval; a normal with a jump would not do."""
    margin = continuous(mean, sd, bounds, cuts).margin()
    rows, right = [], []
    for j, table in enumerate(margin.table):
        z = np.linspace(margin.knots[j], margin.knots[j + 1], len(table))
        middle, y = (z[1:] + z[:-1]) / 2, ((table[1:] + table[:-1]) / 2 - mean) / sd
        seen = np.abs(middle) < 2.5
        log_density = -(middle**2) / 2 - np.log(np.maximum(np.diff(table) / np.diff(z), 1e-300))
        own = np.eye(len(margin.table))[j]
        rows += [[value, value**2, *own] for value in y[seen]]
        right += log_density[seen].tolist()
    fitted, *_ = np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)
    assert np.abs(np.array(rows) @ fitted - right).max() < 0.01
    straight, *_ = np.linalg.lstsq(np.delete(rows, 1, axis=1), np.array(right), rcond=None)
    gap = np.abs(np.delete(rows, 1, axis=1) @ straight - right).max()
    assert gap > 0.01 or (mean, sd) == (3.0, 3.0)  # an SD that equals the mean: an exponential, whose log is straight


@pytest.mark.parametrize(
    ("mean", "sd", "bounds", "cuts", "message"),
    [
        (80.0, 5.0, (18.0, 75.0), {}, "the mean 80 must lie between the bounds 18 and 75"),
        (5.0, 5.01, (0.0, 10.0), {}, "no distribution within the bounds"),
        (50.0, 5.0, (0.0, 100.0), {"90": 0.5}, "no distribution within the bounds"),
        (50.0, 5.0, (0.0, 100.0), {"50": 0.99999}, "no distribution within the bounds"),
        (50.0, 5.0, (0.0, 100.0), {"110": 0.1}, "every cut-point must lie between the bounds 0 and 100"),
        (50.0, 5.0, (0.0, 100.0), {"40": 0.5, "60": 0.6}, "cannot grow with the cut-point"),
        (50.0, 5.0, (0.0, 100.0), {"40": 0.5, "40.0": 0.5}, "a cut-point is given twice"),
        (50.0, 5.0, (0.0, 100.0), {"forty": 0.5}, "cut-points must be numbers, not forty"),
        (50.0, 0.0, (0.0, 100.0), {}, "greater than 0"),
        (0.678724, 1.723567, (0.0, 156.7832), {}, "put a lump at a bound: bring the bounds closer"),
    ],
)
def test_numbers_that_contradict_each_other_are_refused_in_words(mean, sd, bounds, cuts, message):
    with pytest.raises(ValidationError, match=message):
        continuous(mean, sd, bounds, cuts)


@pytest.mark.parametrize(
    ("kind", "shares", "message"),
    [
        ("binary", {"a": 0.5, "b": 0.4}, "sum to 0.9, not 1"),
        ("binary", {"a": 0.5, "b": 0.3, "c": 0.2}, "the number of levels is 3, but binary means two levels"),
        (
            "ordinal",
            {"a": 1.0},
            "the number of levels is 1, but ordinal means two or more levels",
        ),
    ],
)
def test_levels_that_make_no_sense_are_refused_in_words(kind, shares, message):
    with pytest.raises(ValidationError, match=message):
        Categorical(kind=kind, shares=shares)


def population(covariates: dict[str, object], **more: object) -> Population:
    return Population.model_validate({"size": 50, "covariates": covariates, **more})


def drawn(asked: Population, replicates: int = 20, patients: int = 5000) -> dict[str, np.ndarray]:
    baseline = resolve(asked)
    values = baseline.draw(Streams(5), np.arange(replicates), patients)
    return {name: values[k] for k, name in enumerate(baseline.variables)}


def test_levels_have_their_shares_and_rounded_shares_are_scaled():
    rounded = {"kind": "nominal", "shares": {"a": 0.333, "b": 0.333, "c": 0.333}}
    made = drawn(population({"x": BINARY, "o": ORDINAL, "n": NOMINAL, "r": rounded}))
    for name, level, share in [
        ("x", 1, 0.3),
        ("o", 0, 0.2),
        ("o", 1, 0.5),
        ("o", 2, 0.3),
        ("n", 0, 0.1),
        ("r", 0, 1 / 3),
        ("r", 2, 1 / 3),
    ]:
        assert abs(z_of_mean(made[name] == level, share)) < 4, (name, level)
    assert not (made["n"] == 1).any()
    assert abs(z_of_mean(made["o"] == 1, 0.51)) > 4


def test_latent_correlations_are_those_stated():
    made = drawn(
        population(
            {"u": NORMAL, "x": BINARY, "v": NORMAL, "w": ORDINAL},
            correlation={"u": {"v": 0.5, "x": -0.3}, "x": {"w": 0.6}},
        )
    )
    assert abs(z_of_mean(made["u"] * made["v"], 0.5)) < 4
    assert abs(z_of_mean(made["u"] * made["v"], 0.52)) > 4
    both = multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]]).cdf([ndtri(0.3), ndtri(0.3)])
    high = (made["x"] == 1) & (made["w"] == 2)
    assert abs(z_of_mean(high, both)) < 4
    assert abs(z_of_mean(high, 0.3 * 0.3)) > 4
    assert (
        abs(z_of_mean(made["u"][made["x"] == 1], -0.3 * np.exp(-(ndtri(0.7) ** 2) / 2) / np.sqrt(2 * np.pi) / 0.3)) < 4
    )
    assert abs(z_of_mean(made["v"] * made["x"], 0.0)) < 4


@pytest.mark.parametrize("place", range(4))
def test_a_new_covariate_disturbs_no_other(place):
    """Not by one bit, wherever it stands in the document, as long as it is independent of those after it."""
    correlation = {"u": {"v": 0.5, "x": -0.3}, "x": {"v": 0.2}}
    old = {"u": NORMAL, "x": BINARY, "v": NORMAL}
    new = list(old.items())
    new.insert(place, ("extra", ORDINAL))
    before = drawn(population(old, correlation=correlation), 3, 50)
    after = drawn(population(dict(new), correlation=correlation), 3, 50)
    assert all(np.array_equal(before[name], after[name]) for name in old)
    hidden = drawn(population(old, correlation={**correlation, "h": {"u": 0.4}}, hidden={"h": NORMAL}), 3, 50)
    assert all(np.array_equal(before[name], hidden[name]) for name in old)


@pytest.mark.parametrize(
    ("correlation", "message"),
    [
        ({"u": {"x": 0.9, "v": 0.9}, "x": {"v": -0.9}}, "cannot hold together \\(not positive definite\\)"),
        ({"u": {"y": 0.2}}, "no covariate 'y' \\(there are u, x, v\\)"),
        ({"u": {"x": 0.2}, "x": {"u": 0.2}}, "given twice"),
        ({"u": {"u": 0.5}}, "given twice or with itself"),
        ({"u": {"x": 1.0}}, "less than 1"),
    ],
)
def test_impossible_correlations_are_refused_in_words(correlation, message):
    with pytest.raises(ValidationError, match=message):
        population({"u": NORMAL, "x": BINARY, "v": NORMAL}, correlation=correlation)


def test_a_covariate_is_measured_or_hidden_and_one_is_measured():
    with pytest.raises(ValidationError, match="u: both measured and hidden"):
        population({"u": NORMAL}, hidden={"u": NORMAL})
    with pytest.raises(ValidationError, match="at least one measured covariate"):
        population({}, hidden={"u": NORMAL})


def test_the_factor_is_cholesky():
    for seed in range(5):
        rows = np.random.default_rng(seed).normal(size=(6, 9))
        names = [f"x{i}" for i in range(6)]
        matrix = np.corrcoef(rows)
        pairs = {
            a: {b: float(matrix[i, j]) for j, b in enumerate(names) if j > i} for i, a in enumerate(names) if i < 5
        }
        factor = resolve(population(dict.fromkeys(names, NORMAL), correlation=pairs)).factor
        assert np.abs(factor - np.linalg.cholesky(matrix)).max() < 1e-13


def test_a_margin_knows_its_own_moments():
    for mean, sd, bounds, cuts in PRINTED:
        spec = continuous(mean, sd, bounds, cuts)
        margin = spec.margin()
        assert isinstance(margin, Quantiles)
        assert all(abs(a - b) < 1e-7 * sd for a, b in itertools.zip_longest(margin.moments(), moments(spec)))
