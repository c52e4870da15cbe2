"""Log-normal covariates, counts, and numbers given by median and quartiles or range, against their closed forms."""

import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats
from scipy.integrate import quad
from scipy.special import ndtr, ndtri

from benchmarks.cli import verbs
from simulator.mechanisms.covariate_kinds import AnyCovariate, Continuous, LogNormal, Numeric, WholeNumber
from simulator.mechanisms.covariates import Population, resolve
from simulator.mechanisms.margins import Exponentials, Quantiles
from simulator.numerics.streams import Streams
from simulator.world import generate as generation
from simulator.world.sections import World
from tests.reference import simulator_twin as twin
from tests.simulated import tree, z_of_mean

STEPS = np.linspace(-8.3, 8.3, 400_001)
GRID = (STEPS[1:] + STEPS[:-1]) / 2
WEIGHT = np.exp(-(GRID**2) / 2) / np.exp(-(GRID**2) / 2).sum()
SKEWED = {"mean": 300.0, "sd": 600.0}
QUARTER = float(ndtri(0.75))


def lognormal(**stated: Any) -> LogNormal:
    return LogNormal(kind="lognormal", **stated)


def continuous(**stated: Any) -> Continuous:
    return Continuous(kind="continuous", **stated)


def count(mean: float, sd: float | None = None) -> WholeNumber:
    return WholeNumber(kind="count", mean=mean, sd=sd)


def values(spec: AnyCovariate, z: np.ndarray) -> np.ndarray:
    """What standard normals become."""
    found = np.empty(len(z))
    spec.margin().fill(z, found)
    return found


def moments(spec: AnyCovariate) -> tuple[float, float]:
    """Mean and SD of what standard normals become, by the midpoint rule."""
    found = values(spec, GRID)
    mean = float(WEIGHT @ found)
    return mean, float(np.sqrt(WEIGHT @ (found - mean) ** 2))


def beyond(spec: AnyCovariate, point: float) -> float:
    """The share above a point: where the values of normals pass it, found by halving."""
    low, high = -8.3, 8.3
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if values(spec, np.array([middle]))[0] > point else (middle, high)
    return float(ndtr(-low))


def test_quantiles_of_a_lognormal_are_those_of_its_formula():
    spread = np.log(1 + 2.0**2)  # of the logarithm: its variance, where the SD is twice the mean
    z = np.linspace(-8, 8, 1001)
    exact = np.exp(np.log(300) - spread / 2 + np.sqrt(spread) * z)
    made = values(lognormal(**SKEWED), z)
    assert np.abs(made / exact - 1).max() < 1e-12
    assert np.abs(made / np.exp(np.log(300) + np.sqrt(spread) * z) - 1).max() > 0.5


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"bounds": (0.0, 10_000.0)},
        {"bounds": (20.0, 6000.0)},
        {"cuts": {"400": 0.18}},
        {"cuts": {"20": 0.9, "400": 0.25}},
        {"bounds": (1.0, 10_000.0), "cuts": {"400": 0.18, "1000": 0.07}},
    ],
)
def test_a_lognormal_has_its_mean_sd_bounds_and_shares_at_once(more):
    spec = lognormal(**SKEWED, **more)
    mean, sd = moments(spec)
    assert abs(mean / 300 - 1) < 2e-5
    assert abs(sd / 600 - 1) < 2e-5
    for text, share in spec.cuts.items():
        assert abs(beyond(spec, float(text)) - share) < 1e-9
    made = values(spec, GRID)
    assert (np.diff(made) >= -1e-12 * made[1:]).all()
    assert spec.limits()[0] <= made.min() < made.max() <= spec.limits()[1]


def test_a_wrong_mean_sd_or_share_would_be_noticed():
    spec = lognormal(mean=303.0, sd=612.0, cuts={"400": 0.19})
    assert abs(moments(spec)[0] / 300 - 1) > 2e-5
    assert abs(moments(spec)[1] / 600 - 1) > 2e-5
    assert abs(beyond(spec, 400.0) - 0.18) > 1e-9


def test_the_moments_of_a_bounded_lognormal_are_those_of_its_density():
    """By integrating the density of a normal logarithm whose mean and SD are read from two quantiles of the table."""
    spec = lognormal(**SKEWED, bounds=(20.0, 6000.0))
    logs = np.log(values(spec, np.linspace(-2, 2, 401)))
    shares = ndtr(np.linspace(-2, 2, 401))
    ends = np.log([20.0, 6000.0])

    def of(centre: float, size: float) -> np.ndarray:
        low, high = ndtr((ends - centre) / size)
        return centre + size * ndtri(low + shares * (high - low))

    from scipy.optimize import least_squares

    centre, size = least_squares(lambda at: of(*at) - logs, [5.0, 1.2]).x
    assert np.abs(of(centre, size) - logs).max() < 1e-5
    mass = quad(lambda y: stats.norm.pdf(y, centre, size), *ends)[0]
    first, second = (quad(lambda y, k=k: np.exp(k * y) * stats.norm.pdf(y, centre, size), *ends)[0] for k in (1, 2))
    assert abs(first / mass / 300 - 1) < 1e-4
    assert abs(np.sqrt(second / mass - (first / mass) ** 2) / 600 - 1) < 1e-4


@pytest.mark.parametrize("make", [lognormal, continuous])
@pytest.mark.parametrize(("low", "high"), [(1.0, 60_000.0), (4.0, 500.0)])
def test_median_and_quartiles_are_hit_within_bounds_and_with_cuts(make, low, high):
    spec = make(median=40.0, quartiles=(5.0, 400.0), bounds=(low, high), cuts={"450": 0.2})
    for point, share in [(5.0, 0.75), (40.0, 0.5), (400.0, 0.25), (450.0, 0.2)]:
        assert abs(beyond(spec, point) - share) < 1e-9
    made = values(spec, GRID)
    assert low <= made.min() < made.max() <= high
    assert (np.diff(made) >= -1e-12 * made[1:]).all()


def test_a_median_of_zero_is_no_median_of_one():
    z = np.linspace(-2.5, 2.5, 41)
    ways = (
        {"range": (-3.0, 3.0), "patients": 100},
        {"quartiles": (-0.6, 0.5), "bounds": (-5.0, 5.0), "cuts": {"2": 0.05}},
    )
    for way in ways:
        moved = {
            key: {str(float(cut) + 7): share for cut, share in value.items()} if key == "cuts"
            else tuple(one + 7 for one in value) if isinstance(value, tuple) else value
            for key, value in way.items()
        }  # fmt: skip
        own, other = (values(continuous(median=m, **which), z) for m, which in ((0.0, way), (7.0, moved)))
        assert np.allclose(own + 7, other, rtol=0, atol=1e-9)


def test_between_median_and_quartiles_are_two_half_normals():
    """Of the logarithm where it is log-normal; with one SD where the median is in the middle."""
    z = np.linspace(-6, 6, 601)
    wide = continuous(median=40.0, quartiles=(30.0, 60.0), bounds=(-1e6, 1e6))
    sds = np.where(z < 0, 10.0, 20.0) / QUARTER
    assert np.abs(values(wide, z) - (40 + sds * z)).max() < 1e-6
    assert np.abs(values(wide, z) - (40 + sds[::-1] * z)).max() > 10
    skew = lognormal(median=40.0, quartiles=(10.0, 160.0))
    assert np.abs(values(skew, z) / (40 * np.exp(np.log(4) / QUARTER * z)) - 1).max() < 1e-9


@pytest.mark.parametrize("patients", [20, 254])
def test_the_end_of_a_range_is_the_expected_extreme_of_its_patients(patients):
    """Half a normal cut at the range, whose SD is the distance over Blom's score of the extreme."""
    score = ndtri((patients - 0.375) / (patients + 0.25))
    spec = continuous(median=62.0, range=(18.0, 91.0), patients=patients)
    z = np.linspace(-4, 4, 801)
    below, above = (44.0 / score, 29.0 / score)
    left = stats.truncnorm(-score, 0, loc=62, scale=below).ppf(np.clip(ndtr(z) * 2, 0, 1))
    right = stats.truncnorm(0, score, loc=62, scale=above).ppf(np.clip(1 - 2 * ndtr(-z), 0, 1))
    exact = np.where(z < 0, left, right)
    assert np.abs(values(spec, z) - exact).max() < 0.002
    other = continuous(median=62.0, range=(18.0, 91.0), patients=10 * patients)
    assert np.abs(values(other, z) - exact).max() > 0.5
    extremes = stats.norm.expect(lambda x: patients * ndtr(x) ** (patients - 1) * x)
    assert abs(extremes / score - 1) < 0.01  # Blom's score is nearly the mean of the greatest of so many normals


@pytest.mark.parametrize(
    ("mean", "sd", "law"),
    [
        (2.3, None, stats.poisson(2.3)),
        (2.3, 2.3**0.5, stats.poisson(2.3)),
        (40.0, None, stats.poisson(40.0)),
        (2.3, 3.0, stats.nbinom(2.3**2 / (9 - 2.3), 2.3 / 9)),
        (0.05, 0.4, stats.nbinom(0.05**2 / (0.16 - 0.05), 0.05 / 0.16)),
        (30.0, 60.0, stats.nbinom(900 / 3570, 30 / 3600)),
    ],
)
def test_a_count_is_poisson_or_negative_binomial(mean, sd, law):
    spec = count(mean, sd)
    top = int(law.isf(1e-12))
    points = np.arange(top)
    shares = ndtr(spec.margin().thresholds[:top])
    assert np.abs(shares - law.cdf(points)).max() < 1e-12
    assert np.abs(shares - law.cdf(points + 1)).max() > 1e-3
    made = values(spec, GRID)
    assert (made == np.rint(made)).all()
    assert made.min() >= 0
    assert abs(moments(spec)[0] / mean - 1) < 1e-3
    assert abs(moments(spec)[1] / (sd or mean**0.5) - 1) < 1e-3


def population(covariates: dict[str, Any], **more: Any) -> Population:
    return Population.model_validate({"size": 50, "covariates": covariates, **more})


MIXED = {
    "crp": {"kind": "lognormal", "mean": 30.0, "sd": 30.0},
    "afp": {"kind": "lognormal", "mean": 10.0, "sd": 5.0},
    "nodes": {"kind": "count", "mean": 1.4, "sd": 1.9},
    "sex": {"kind": "binary", "shares": {"m": 0.7, "f": 0.3}},
    "psa": {"kind": "lognormal", "median": 9.0, "quartiles": (5.0, 30.0), "cuts": {"20": 0.32}},
}
JOINED = {"crp": {"afp": 0.6}, "nodes": {"sex": 0.5}}


def test_latent_correlations_hold_between_the_new_kinds():
    baseline = resolve(population(MIXED, correlation=JOINED))
    made = dict(zip(baseline.variables, baseline.draw(Streams(5), np.arange(20), 5000), strict=True))
    s, t = np.sqrt(np.log([2.0, 1.25]))
    product = 30.0 * 10.0 * np.exp(0.6 * s * t)  # the mean of the product of two joint log-normals
    assert abs(z_of_mean(made["crp"] * made["afp"], product)) < 4
    assert abs(z_of_mean(made["crp"] * made["afp"], 30.0 * 10.0 * np.exp(0.5 * s * t))) > 4
    none = stats.nbinom(1.4**2 / (1.9**2 - 1.4), 1.4 / 1.9**2).cdf(0)
    both = stats.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]]).cdf([ndtri(none), ndtri(0.7)])
    assert abs(z_of_mean((made["nodes"] == 0) & (made["sex"] == 0), both)) < 4
    assert abs(z_of_mean((made["nodes"] == 0) & (made["sex"] == 0), none * 0.7)) > 4
    for name, mean in [("crp", 30.0), ("afp", 10.0), ("nodes", 1.4)]:
        assert abs(z_of_mean(made[name], mean)) < 4
        assert abs(z_of_mean(made[name], 1.02 * mean)) > 4
    assert abs(z_of_mean(made["psa"] > 20, 0.32)) < 4


def test_values_are_those_of_the_slow_twin():
    asked = population(MIXED, correlation=JOINED)
    ready: Any = SimpleNamespace(world=SimpleNamespace(population=asked), baseline=resolve(asked))
    made = ready.baseline.draw(Streams(5), np.arange(2), 60)
    for r, i in itertools.product(range(2), range(60)):
        slow = list(twin.covariates(ready, 5, r, i).values())
        assert np.allclose(made[:, r, i], slow, rtol=1e-11)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lognormal(mean=-3.0, sd=1.0), "the mean -3 must lie between the bounds 0 and inf"),
        (lambda: lognormal(mean=3.0, sd=1.0, bounds=(-1.0, 9.0)), "a log-normal covariate is above zero"),
        (lambda: lognormal(median=3.0, quartiles=(0.0, 9.0)), "a log-normal covariate is above zero"),
        (lambda: lognormal(mean=1.0, sd=30.0), "an SD of more than 22 times the mean: give median and quartiles"),
        (lambda: lognormal(**SKEWED, bounds=(0.0, 900.0)), "no log-normal within the bounds has this mean"),
        (lambda: lognormal(**SKEWED, bounds=(250.0, 9000.0)), "no log-normal within the bounds has this mean"),
        (lambda: lognormal(**SKEWED, cuts={"400": 0.9}), "no log-normal within the bounds has this mean"),
        (lambda: lognormal(mean=3.0), "mean and sd go together"),
        (
            lambda: lognormal(),
            "give one of these: mean and sd; median and quartiles; median, range and patients; by_arm",
        ),
        (lambda: continuous(median=3.0, bounds=(0.0, 9.0)), "give one of these: mean and sd; median and quart"),
        (lambda: continuous(mean=3.0, sd=1.0, median=3.0, bounds=(0.0, 9.0)), "give one of these: mean and sd"),
        (lambda: continuous(quartiles=(2.0, 4.0), bounds=(0.0, 9.0)), "give one of these: mean and sd"),
        (lambda: continuous(mean=3.0, sd=1.0), "bounds: is required"),
        (lambda: continuous(median=3.0, quartiles=(2.0, 4.0)), "bounds: is required"),
        (lambda: continuous(median=3.0, range=(2.0, 4.0)), "range and patients go together"),
        (lambda: continuous(median=3.0, quartiles=(2.0, 4.0), patients=9, bounds=(0.0, 9.0)), "range and patients go"),
        (lambda: continuous(median=3.0, range=(0.0, 9.0), patients=9, bounds=(0.0, 9.0)), "it is the bounds"),
        (lambda: continuous(median=5.0, range=(0.0, 5.0), patients=9), "the median 5 must lie between the bounds"),
        (lambda: continuous(median=5.0, quartiles=(6.0, 7.0), bounds=(0.0, 9.0)), "must lie between the quartiles"),
        (lambda: continuous(median=5.0, quartiles=(2.0, 7.0), bounds=(3.0, 9.0)), "must lie between the bounds 3"),
        (
            lambda: continuous(median=5.0, quartiles=(2.0, 7.0), bounds=(0.0, 9.0), cuts={"7": 0.3}),
            "the share above 7 is 0.25, not 0.3",
        ),
        (
            lambda: continuous(median=5.0, quartiles=(2.0, 7.0), bounds=(0.0, 9.0), cuts={"8": 0.3}),
            "cannot grow with the cut-point",
        ),
        (lambda: count(4.0, 1.0), "a count with mean 4 has an SD of at least 2; with SD 1 give it as levels"),
        (lambda: count(10.0, 1000.0), "reaches beyond 262,144: write lognormal"),
    ],
)
def test_what_cannot_be_is_refused_in_words(make, message):
    with pytest.raises(ValidationError, match=message):
        make()


def test_two_lumps_are_told_and_a_lognormal_is_offered():
    """The density of maximum entropy is a U there: a lump at the far bound, and next to nobody between."""
    spec = continuous(**SKEWED, bounds=(0.0, 10_000.0))
    made = values(spec, GRID)
    assert WEIGHT @ (made > 9000) > 20 * (WEIGHT @ ((made > 5000) & (made < 7000)))
    said = spec.caution()
    assert "together make two lumps of patients, with the fewest around 5883 and 0.32 % of all" in said
    assert "for a skewed covariate write kind: lognormal" in said
    share = float(WEIGHT @ (made > 5883))
    assert abs(share - 0.0032) < 0.00005
    assert "levels" in continuous(mean=5.0, sd=4.0, bounds=(0.0, 10.0)).caution()
    half = population({"x": {"kind": "continuous", **SKEWED, "bounds": (0.0, 10_000.0)}})
    assert [note.partition(":")[0] for note in half.cautions()] == ["population.covariates.x"]


@pytest.mark.parametrize(
    "spec",
    [
        continuous(mean=49.0, sd=12.0, bounds=(18.0, 75.0), cuts={"50": 0.4597}),
        continuous(mean=5.0, sd=2.9, bounds=(0.0, 10.0)),
        continuous(mean=3.0, sd=3.0, bounds=(0.0, 100.0)),
        continuous(median=5.0, quartiles=(2.0, 7.0), bounds=(0.0, 90.0)),
        lognormal(**SKEWED),
        count(2.0),
    ],
)
def test_where_there_are_no_two_lumps_nothing_is_said(spec):
    assert spec.caution() == ""


def test_a_count_is_recorded_as_a_whole_number_and_a_lognormal_above_zero():
    """However wrongly: a normal error of two stands beside either."""
    made = tree(imperfections={"error_sd": {"nodes": 2.0, "crp": 20.0}})
    made["population"]["covariates"] |= {"nodes": MIXED["nodes"], "crp": MIXED["crp"]}
    observed = generation.generate(generation.resolve(World.model_validate(made)), 1, np.arange(2)).observed
    names = [variable.name for variable in observed.variables]
    nodes, crp = (observed.covariates[..., names.index(name)] for name in ("nodes", "crp"))
    assert (nodes == np.rint(nodes)).all()
    assert nodes.min() == 0
    assert nodes.std() > 1.5
    assert crp.min() == 0
    assert all(variable.kind == "continuous" for variable in observed.variables if variable.name in ("nodes", "crp"))


def test_the_margins_are_of_few_kinds():
    assert isinstance(lognormal(**SKEWED).margin(), Exponentials)
    assert isinstance(continuous(median=5.0, quartiles=(2.0, 7.0), bounds=(0.0, 90.0)).margin(), Quantiles)
    with pytest.raises(NotImplementedError):
        Numeric(mean=1.0, sd=1.0)


@pytest.mark.parametrize(
    ("spec", "sd"),
    [
        (lognormal(**SKEWED), 600.0),
        (lognormal(median=40.0, quartiles=(20.0, 80.0)), None),
        (count(4.0), 2.0),
        (count(4.0, 3.0), 3.0),
        (continuous(median=40.0, quartiles=(30.0, 50.0), bounds=(-1e4, 1e4)), 10 / QUARTER),
    ],
)
def test_a_covariate_knows_its_spread(spec, sd):
    """A confounder's odds are told per SD, whatever the SD was given by."""
    exact = moments(spec)[1] if sd is None else sd
    assert abs(spec.spread() / exact - 1) < 1e-4


def test_check_and_show_tell_of_two_lumps():
    lumps = "population.covariates.crp={kind: continuous, mean: 300, sd: 600, bounds: [0, 10000]}"
    for answer in (verbs.check(["imbrave150"], (lumps,)), verbs.show("imbrave150", (lumps,), False)):
        (note,) = [line.strip() for line in answer.lines if "two lumps" in line]
        assert note.startswith("note: population.covariates.crp: mean 300, SD 600 and bounds 0 to 10000")
    assert verbs.check(["imbrave150"], ()).data["checked"][0]["notes"] == []
