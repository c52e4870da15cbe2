"""Optimal, Mahalanobis, exact and random matching against brute force; the plan's options and the tools' defaults."""

import itertools
import json

import numpy as np
import pytest
from pydantic import ValidationError

from analysis.kernels.status import Status
from analysis.plan.matching_plan import PRESETS, MatchingPlan, preset
from analysis.propensity.distances import assigned, labels, whitened
from analysis.propensity.matching import Matching, match, match_as
from simulator.cohort.addresses import Address
from simulator.numerics.arrays import Floats
from simulator.world.generate import generate, resolve
from tests.test_matching import CALLS, _brute
from tests.test_workflow import run
from tests.worlds import scenario


def plan(**options: object) -> MatchingPlan:
    return MatchingPlan.model_validate_json(json.dumps(options))


def _best(distance: Floats, ratio: int) -> tuple[int, int, float]:
    """Most treated matched, then most pairs, then the least total distance, over all matchings."""
    best = (0, 0, 0.0)
    units, controls = distance.shape
    for owner in itertools.product(range(-1, units), repeat=controls):
        counts = [owner.count(i) for i in range(units)]
        if max(counts, default=0) > ratio:
            continue
        total = sum(float(distance[i, j]) for j, i in enumerate(owner) if i >= 0)
        if total < np.inf:
            found = (sum(count > 0 for count in counts), sum(counts), total)
            best = min(best, found, key=lambda one: (-one[0], -one[1], one[2]))
    return best


def _value(distance: Floats, chosen: np.ndarray) -> tuple[int, int, float]:
    i, k = np.nonzero(chosen >= 0)
    return len(np.unique(i)), len(i), float(distance[i, chosen[i, k]].sum())


@pytest.mark.parametrize("ratio", [1, 2])
def test_optimal_matching_is_that_of_brute_force(ratio: int) -> None:
    rng = np.random.default_rng(3)
    greedy_is_worse = 0
    for trial in range(80):
        t, c = int(rng.integers(1, 5)), int(rng.integers(1, 6))
        score, treated = rng.normal(size=t + c).round(1 if trial % 2 else 6), np.arange(t + c) < t
        made = match(score[None], treated[None], caliper=1.0, unit="raw", ratio=ratio, optimal=True)
        distance = np.abs(score[:t, None] - score[t:])
        distance[distance > 1.0] = np.inf
        chosen = np.where(made.controls[0, :t] >= 0, made.controls[0, :t] - t, -1)
        got, best = _value(distance, chosen), _best(distance, ratio)
        assert got[:2] == best[:2]
        assert got[2] == pytest.approx(best[2], abs=1e-12)
        used = chosen[chosen >= 0]
        assert len(np.unique(used)) == len(used)
        other = match(score[None], treated[None], caliper=1.0, unit="raw", ratio=ratio)
        theirs = _value(distance, np.where(other.controls[0, :t] >= 0, other.controls[0, :t] - t, -1))
        assert (-theirs[0], -theirs[1], theirs[2]) >= (-best[0], -best[1], best[2] - 1e-12)
        greedy_is_worse += theirs[:2] != best[:2] or theirs[2] > best[2] + 1e-9
    assert greedy_is_worse > 8  # so a greedy answer would be noticed


def test_optimal_matching_by_hand() -> None:
    """Greedy gives the first its nearest and leaves the second nobody; the optimum matches both."""
    distance = np.array([[0.1, 0.3], [0.2, np.inf]])
    assert assigned(distance, 1).tolist() == [[1], [0]]
    assert assigned(np.full((2, 2), np.inf), 1).tolist() == [[-1], [-1]]
    assert assigned(np.array([[0.0, 0.1, 0.2], [0.1, 0.0, np.inf]]), 2).tolist() == [[0, 2], [1, -1]]
    # with more places than controls, one control each comes before two for one
    assert assigned(np.array([[0.0, 0.1], [5.0, 4.0]]), 2).tolist() == [[0, -1], [1, -1]]


@pytest.mark.parametrize(("order", "ratio", "again"), CALLS)
def test_greedy_on_distances_is_greedy_on_the_score(order: str, ratio: int, again: bool) -> None:
    """One group for all changes nothing, so that the general kernel can be held against the first brute force."""
    rng = np.random.default_rng(7)
    for trial in range(30):
        n = int(rng.integers(4, 40))
        score = rng.normal(size=n).round(1 if trial % 2 else 8)
        treated, here, rank = rng.random(n) < 0.4, rng.random(n) < 0.9, rng.random(n)
        made = match(
            score[None],
            treated[None],
            present=here[None],
            caliper=None if trial % 5 == 0 else 0.3,
            order=order,  # type: ignore[arg-type]
            ratio=ratio,
            replacement=again,
            rank=rank[None],
            group=np.zeros((1, n), np.int64),
        )
        expected = _brute(score, treated, here, made.width[0], order, ratio, again, rank)
        assert np.array_equal(made.controls[0], expected)


def test_mahalanobis_distance_is_the_formula() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(1, 60, 3)) @ np.array([[1.0, 0.5, 0.0], [0.0, 2.0, 0.3], [0.0, 0.0, 0.1]])
    treated = rng.random((1, 60)) < 0.4
    x[treated] += 1.5  # between arms, which the pooled covariance must not see
    arms = [x[0, arm] for arm in (treated[0], ~treated[0])]
    pooled = sum((len(arm) - 1) * np.cov(arm.T) for arm in arms) / (60 - 2)
    z = whitened(x, treated, np.ones((1, 60), np.bool_))[0]
    gap = x[0, :, None] - x[0]
    expected = np.sqrt(np.einsum("ijk,kl,ijl->ij", gap, np.linalg.inv(pooled), gap))
    found = np.sqrt(((z[:, None] - z) ** 2).sum(axis=2))
    np.testing.assert_allclose(found, expected, atol=1e-10)
    of_all = np.sqrt(np.einsum("ijk,kl,ijl->ij", gap, np.linalg.inv(np.cov(x[0].T)), gap))
    assert np.abs(found - of_all).max() > 0.1  # the covariance of all patients would be noticed


def test_columns_made_of_others_count_for_nothing_and_equal_rows_are_equal_bits() -> None:
    rng = np.random.default_rng(6)
    x = rng.integers(0, 3, size=(4, 200, 3)).astype(float)
    treated, here = rng.random((4, 200)) < 0.4, rng.random((4, 200)) < 0.9
    z = whitened(x, treated, here)
    more = np.concatenate([x, x[..., :1] + 2 * x[..., 1:2], np.ones((4, 200, 1))], axis=2)
    assert np.array_equal(whitened(more, treated, here)[..., :3], z)
    assert not whitened(more, treated, here)[..., 3:].any()
    for r in range(4):
        _, first, which = np.unique(x[r][here[r]], axis=0, return_index=True, return_inverse=True)
        assert np.array_equal(z[r][here[r]], z[r][here[r]][first][which.ravel()])
        assert np.array_equal(whitened(x[r : r + 1], treated[r : r + 1], here[r : r + 1])[0], z[r])


def test_mahalanobis_matching_is_that_of_brute_force() -> None:
    rng = np.random.default_rng(8)
    by_score_too = 0
    for _ in range(40):
        n = int(rng.integers(8, 40))
        score, x, treated = rng.normal(size=n), rng.normal(size=(n, 2)), rng.random(n) < 0.4
        if not 1 < treated.sum() < n - 1:
            continue
        z = whitened(x[None], treated[None], np.ones((1, n), np.bool_))
        made = match(score[None], treated[None], caliper=0.8, space=z)
        free, expected = [int(j) for j in np.flatnonzero(~treated)], np.full(n, -1)
        for i in sorted(np.flatnonzero(treated), key=lambda i: -score[i]):
            near = [
                (float(((z[0, i] - z[0, j]) ** 2).sum()), j) for j in free if abs(score[i] - score[j]) <= made.width
            ]
            if near:
                expected[i] = min(near)[1]
                free.remove(expected[i])
        assert np.array_equal(made.controls[0, :, 0], expected)
        by_score_too += np.array_equal(match(score[None], treated[None], caliper=0.8).controls[0, :, 0], expected)
    assert by_score_too < 10  # matching on the score would be noticed


def test_exact_matching_keeps_to_the_levels() -> None:
    rng = np.random.default_rng(9)
    score, treated = rng.normal(size=(3, 120)), rng.random((3, 120)) < 0.4
    x = rng.integers(0, 2, size=(3, 120, 2)).astype(float)
    group = labels(x)
    made = match(score, treated, group=group)
    for r in range(3):
        expected = np.full(120, -1)
        for level in np.unique(group[r]):  # every level for itself, with the caliper of all
            here = group[r] == level
            own = match(score[r : r + 1], treated[r : r + 1], present=here[None], caliper=made.width[r], unit="raw")
            expected = np.where(here, own.controls[0, :, 0], expected)
        assert np.array_equal(made.controls[r, :, 0], expected)
        i = np.flatnonzero(made.controls[r, :, 0] >= 0)
        assert np.array_equal(x[r, i], x[r, made.controls[r, i, 0]])
        free = match(score[r : r + 1], treated[r : r + 1]).controls[0, :, 0]
        j = np.flatnonzero(free >= 0)
        assert not np.array_equal(x[r, j], x[r, free[j]])  # without it, levels would be mixed


def test_a_choice_at_random_is_even_and_takes_the_exact_first() -> None:
    draw = np.random.default_rng(2).random((1, 6000, 5))
    treated = np.array([[True, False, False, False, False]])
    near = np.repeat([[0.0, 0.1, -0.1, 0.05, 9.0]], 6000, axis=0)
    made = match(near, np.repeat(treated, 6000, axis=0), caliper=0.2, unit="raw", draw=draw)
    shares = np.bincount(made.controls[:, 0, 0], minlength=5) / 6000
    assert np.abs(shares[1:4] - 1 / 3).max() < 4 * np.sqrt(2 / 9 / 6000)
    assert shares[4] == 0
    exact = np.repeat([[0.0, 0.1, 0.0, 0.05, 0.0]], 6000, axis=0)
    made = match(exact, np.repeat(treated, 6000, axis=0), caliper=0.2, unit="raw", draw=draw)
    shares = np.bincount(made.controls[:, 0, 0], minlength=5) / 6000
    assert np.abs(shares[[2, 4]] - 1 / 2).max() < 4 * np.sqrt(1 / 4 / 6000)


def test_who_finds_fewer_controls_keeps_those() -> None:
    """Above 1 the ratio is variable: a second control is no condition."""
    score = np.array([[1.0, 2.0, 3.0, 1.1, 2.1, 2.15]])
    treated = np.array([[True, True, True, False, False, False]])
    for optimal in (False, True):
        made = match(score, treated, caliper=0.2, unit="raw", ratio=2, optimal=optimal)
        assert made.controls[0].tolist() == [[3, -1], [4, 5], [-1, -1], [-1, -1], [-1, -1], [-1, -1]]
        assert made.n_pairs.tolist() == [2]
        np.testing.assert_allclose(made.weight[0], [1, 1, 0, 1.5, 0.75, 0.75])  # MatchIt's weights


def test_the_pooled_caliper_is_that_of_the_arms() -> None:
    rng = np.random.default_rng(4)
    score, treated = rng.normal(size=(1, 80)), rng.random((1, 80)) < 0.4
    score[treated] += 3.0
    made = match(score, treated, caliper=0.25, unit="pooled_sd")
    variances = [score[arm].var(ddof=1) for arm in (treated, ~treated)]
    assert made.width[0] == pytest.approx(0.25 * np.sqrt(np.mean(variances)), rel=1e-12)
    assert match(score, treated, caliper=0.25).width[0] > 1.4 * made.width[0]


def _as(options: MatchingPlan, first: int = 0, count: int = 6, seed: int = 1) -> Matching:
    numbers = np.arange(first, first + count, dtype=np.int64)
    cohorts = generate(resolve(scenario()), 3, numbers)
    e = cohorts.hidden.propensity
    score = np.log(e / (1 - e)) + 0.05 * (cohorts.observed.covariates[..., 0] - 60)
    score = score if options.scale == "logit" else 1 / (1 + np.exp(-score))
    return match_as(
        options, score, cohorts.observed, cohorts.observed.present, ("age", "stage"), Address(numbers, seed)
    )


PLANS = [
    plan(),
    plan(method="optimal"),
    plan(method="optimal", ratio=3),
    plan(distance="mahalanobis"),
    plan(distance="mahalanobis", covariates=["age"], order="closest"),
    plan(exact=["stage", "age>65"]),
    plan(choice="random", caliper=0.1, unit="raw"),
    plan(choice="random", order="random", exact=["stage"], ratio=2, seed=4),
    *map(preset, PRESETS),
]


@pytest.mark.parametrize("options", PLANS)
def test_a_replicate_alone_is_matched_as_in_a_block(options: MatchingPlan) -> None:
    whole, part = _as(options), _as(options, 2, 1)
    assert (whole.status == Status.OK).all()
    assert np.array_equal(whole.controls[2:3], part.controls)
    assert np.array_equal(whole.weight[2:3], part.weight)


def test_every_option_has_its_effect() -> None:
    usual = _as(PLANS[0]).controls[..., 0]
    for options in PLANS[1:]:
        assert not np.array_equal(_as(options).controls[..., 0], usual), options
    random = plan(choice="random", caliper=0.1, unit="raw")
    assert not np.array_equal(_as(random).controls, _as(random, seed=2).controls)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"method": "optimal", "replacement": True}, "without replacement"),
        ({"method": "optimal", "order": "random"}, "takes no turns"),
        ({"method": "optimal", "choice": "random"}, "takes no turns"),
        ({"covariates": ["age"]}, "distance: mahalanobis"),
        ({"distance": "mahalanobis", "covariates": ["age", "age"]}, "twice"),
        ({"exact": ["sex", "sex"]}, "twice"),
        ({"choice": "random", "distance": "mahalanobis"}, "no use for a distance"),
        ({"choice": "random", "caliper": None}, "needs a caliper"),
        ({"caliper": None, "unit": "pooled_sd"}, "needs a caliper"),
        ({"seed": 1, "ties": "data"}, "nothing draws"),
        ({"preset": "stata"}, "'matchit'"),
        ({"preset": "matchit", "caliper": 0.1}, "excludes 'caliper'"),
        ({"preset": "sas", "ratio": 2}, "excludes 'ratio'"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, object], part: str) -> None:
    with pytest.raises(ValidationError) as caught:
        plan(**options)
    assert part in str(caught.value)


def test_presets_are_the_tools_defaults() -> None:
    named = {name: preset(name) for name in PRESETS}
    assert (named["matchit"].scale, named["matchit"].caliper, named["matchit"].order) == ("ps", None, "largest")
    assert (named["spss"].scale, named["spss"].unit, named["spss"].choice) == ("ps", "raw", "random")
    assert (named["sas"].method, named["sas"].caliper, named["sas"].unit) == ("optimal", 0.25, "pooled_sd")
    assert (named["psmpy"].scale, named["psmpy"].caliper, named["psmpy"].order) == ("logit", None, "data")
    assert (named["cohortmethod"].caliper, named["cohortmethod"].order) == (0.2, "closest")
    assert all(made.simple for made in named.values())
    for name, made in named.items():
        assert made == plan(preset=name) == MatchingPlan.model_validate_json(made.model_dump_json())


def test_the_analysis_of_one_cohort_follows_the_plan() -> None:
    usual = run("colon").matching.pairs
    for options in ({"method": "optimal"}, {"distance": "mahalanobis"}, {"exact": ["sex"]}, {"preset": "cohortmethod"}):
        assert run("colon", {"matching": options}).matching.pairs != usual
    assert run("colon", {"matching": {"method": "greedy"}}).matching.pairs == usual
