"""What biases make out of nothing: sizes found on curves with a known root, chances against counts, and tipping."""

from collections.abc import Sequence
from itertools import pairwise
from math import exp, inf, isnan, log, nan
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from benchmarks.asked.load_study import load_study
from benchmarks.questions import tipping
from benchmarks.review import biases
from benchmarks.review.biases import SizeNeeded, WithoutEffect, needed_size, none_of, summary
from benchmarks.review.suspicions import suspicions
from benchmarks.review.verdict import decided
from tests.small_reviews import small_scenario

SIZES = np.array([1.0, 1.25, 1.5, 2.0, 3.0, 4.5, 6.5, 10.0])
SHARES = np.array([0.0, 0.1, 0.2, 0.35, 0.5])


class CurveOfNature:
    """Estimates around a known function of size; a repeat with the same seed has the same luck."""

    def __init__(self, seed: int, sd: float = 0.2, slope: float = -0.35) -> None:
        self.luck = np.random.default_rng(seed).normal(size=800)
        self.sd, self.slope = sd, slope

    def mean(self, size: float) -> float:
        """A log HR that falls with the square of the logarithm."""
        return self.slope * log(size) ** 2

    def estimates(self, sizes: Sequence[float]) -> list[np.ndarray]:
        return [self.mean(size) + self.sd * self.luck * (1 + 0.1 * log(size)) for size in sizes]


def needed(seed: int, wanted: float, slope: float = -0.35) -> SizeNeeded:
    """The size found in studies of which the first 200 give the curve."""
    nature = CurveOfNature(seed, slope=slope)
    mean = np.array([one[:200].mean() for one in nature.estimates(SIZES.tolist())])
    return needed_size(SIZES, mean, wanted, np.sign(wanted), nature.estimates)


def root(wanted: float, slope: float = -0.35) -> float:
    """The size whose mean is ``wanted``, solved by hand."""
    return exp((wanted / slope) ** 0.5)


def test_the_needed_size_is_found_within_its_error() -> None:
    wanted = log(0.36)
    found = [needed(seed, wanted) for seed in range(40)]
    z = np.array([(one.value - root(wanted)) / one.error for one in found])
    assert abs(z.mean()) < 4 / 40**0.5
    assert 0.6 < z.std() < 1.4  # the error is that of the experiment
    off = np.array([(one.value - 1.1 * root(wanted)) / one.error for one in found])
    assert abs(off.mean()) > 4 / 40**0.5  # a size that is 10 % off shows


def test_harm_is_mirrored() -> None:
    good, bad = needed(3, log(0.5)), needed(3, log(2.0), slope=0.35)
    assert good.value == pytest.approx(root(log(0.5)), rel=0.1)
    assert bad.value == pytest.approx(good.value, rel=0.1)


def test_a_planted_wrong_curve_is_noticed() -> None:
    """Studies around the size that fall less steeply than the curve said: the answer is theirs, not the curve's."""
    nature, other = CurveOfNature(5), CurveOfNature(5, slope=-0.35 * 1.1)
    mean = np.array([nature.mean(size) for size in SIZES])
    found = needed_size(SIZES, mean, log(0.36), -1.0, other.estimates)
    assert abs(found.value - root(log(0.36))) > 3 * found.error
    assert abs(found.value - root(log(0.36), -0.35 * 1.1)) < 4 * found.error + 0.02


def test_what_no_size_makes_and_what_needs_none() -> None:
    def never(_: Sequence[float]) -> list[np.ndarray]:
        raise AssertionError("nothing is to be simulated")

    mean = np.linspace(0.0, -0.5, len(SIZES))
    found = needed_size(SIZES, mean, log(0.36), -1.0, never)
    assert found.value == inf
    assert found.farthest == pytest.approx(exp(-0.5))
    assert isnan(found.error)
    found = needed_size(SIZES, mean - 1.1, log(0.36), -1.0, never)
    assert found.value == 0.0
    gap = mean.copy()
    gap[2] = nan
    assert needed_size(SIZES, gap, log(0.36), -1.0, never).value == inf
    assert isnan(needed_size(SIZES, np.full(len(SIZES), nan), log(0.36), -1.0, never).value)
    unknown = mean - 1.1
    unknown[0] = nan
    assert isnan(needed_size(SIZES, unknown, log(0.36), -1.0, never).value)


def test_a_size_without_estimates_is_passed_over() -> None:
    nature = CurveOfNature(7)
    mean = np.array([nature.mean(size) for size in SIZES])
    mean[list(SIZES).index(4.5)] = nan
    found = needed_size(SIZES, mean, log(0.36), -1.0, nature.estimates)
    assert found.value == pytest.approx(root(log(0.36)), rel=0.1)


def test_where_close_studies_say_nothing_there_is_no_size() -> None:
    mean = np.linspace(0.0, -2.0, len(SIZES))
    none = needed_size(SIZES, mean, log(0.36), -1.0, lambda near: [np.full(50, nan) for _ in near])
    assert isnan(none.value)
    luck = np.random.default_rng(1).normal(size=50)
    wrong = needed_size(SIZES, mean, log(0.36), -1.0, lambda near: [k * 0.5 + luck for k, _ in enumerate(near)])
    assert isnan(wrong.value)  # it rises where it should fall


def test_sizes_that_begin_with_none_are_looked_for_too() -> None:
    """A share lost: the mean is minus the share, so that minus 0.3 needs a share of 0.3; minus 0.05 one below all."""
    luck = 0.2 * np.random.default_rng(2).normal(size=800)
    for wanted in (0.3, 0.05):
        found = needed_size(SHARES, -SHARES, -wanted, -1.0, lambda near: [luck - size for size in near])
        assert found.value == pytest.approx(wanted, abs=4 * found.error + 0.01)
        assert found.error == pytest.approx(luck.std(ddof=1) / 800**0.5, rel=0.2)


def test_a_chance_is_the_share_of_estimates() -> None:
    values = np.random.default_rng(4).normal(-0.4, 0.25, size=200_000)
    found = summary(values)
    for log_hr, sign in ((-0.9, -1.0), (-0.5, -1.0), (0.1, 1.0)):
        share = float((sign * values >= sign * log_hr).mean())
        assert found.chance(log_hr, sign) == pytest.approx(share, abs=0.004)
    assert abs(found.chance(-0.45, -1.0) - float((values <= -0.5).mean())) > 0.03  # a planted error shows
    for log_hr in (-0.5, 0.5, 0.1):
        assert found.as_far(log_hr).value == pytest.approx(float((np.abs(values) >= abs(log_hr)).mean()), abs=0.004)


def test_luck_is_counted_on_either_side_as_a_p_value_counts_it() -> None:
    """An estimate 1.75 standard errors from no effect: p 0.08 of a normal, where one side alone has 0.04."""
    found = WithoutEffect(0.0, 0.01, 0.2, 0.0)
    for log_hr in (-0.35, 0.35):
        assert found.as_far(log_hr).value == pytest.approx(2 * norm.sf(1.75), rel=1e-12)
        assert found.as_extreme(log_hr, np.sign(log_hr)).value == pytest.approx(norm.sf(1.75), rel=1e-12)
    words = decided({("chance",): found, ("selection",): found}, 0.35, 1.0)
    assert (words.word, words.chance.value) == ("chance", pytest.approx(2 * norm.sf(1.75)))


def test_the_error_of_a_chance_is_that_of_the_experiment() -> None:
    """The spread of chances over 4,000 experiments of 100 studies each, at the middle and far out."""
    draws = np.random.default_rng(11).normal(-0.3, 0.2, size=(4000, 100))
    for log_hr in (-0.35, -0.6):
        found = [summary(one).as_extreme(log_hr, -1.0) for one in draws]
        spread = float(np.std([one.value for one in found]))
        told = float(np.mean([one.mcse for one in found]))
        assert told == pytest.approx(spread, rel=0.05)
        assert abs(1.1 * told - spread) > 0.05 * spread  # an error that is 10 % off shows
    for log_hr in (0.1, 0.25):
        found = [summary(one).as_far(log_hr) for one in draws]
        spread = float(np.std([one.value for one in found]))
        assert float(np.mean([one.mcse for one in found])) == pytest.approx(spread, rel=0.05)
    assert isnan(WithoutEffect(0.1, nan, nan, 0.0).as_extreme(0.0, -1.0).mcse)


def test_a_summary_counts_what_failed() -> None:
    found = summary(np.array([0.1, 0.3, nan, nan]))
    assert found.mean == pytest.approx(0.2)
    assert found.failed == 0.5
    assert found.sd == pytest.approx(0.1414, abs=0.0001)
    assert found.mcse == pytest.approx(0.1)
    assert isnan(summary(np.array([0.1, nan])).mean)
    assert isnan(summary(np.array([0.1, nan])).chance(0.0, -1.0))


def test_none_of_a_suspicion() -> None:
    assert [none_of(one) for one in suspicions(small_scenario(), -1.0, 12.0)] == [1.0, 0.0, 0.0, 0.0]


def test_biases_of_a_small_world(tmp_path: Path) -> None:
    """Curves grow away from no effect, two together make more than one, and the chance is that of the estimates."""
    from tests.small_reviews import write_review

    asked = load_study(str(write_review(tmp_path)), (), 60)
    several = [one for one in suspicions(asked.scenario, -1.0, 8.0) if one.name in ("unmeasured", "survivors")]
    found = biases.find(asked, "survival", None, several, (0.5, 0.86), -1.0, 1, tmp_path / "bias")
    assert (found.log_hr, found.sign, found.replicates) == (log(0.5), -1.0, 60)
    assert abs(found.chance.mean) < 4 * found.chance.mcse
    for curve in found.curves:
        assert len(curve.sizes) == len(curve.mean) == len(curve.mcse)
        assert curve.mean[0] == found.chance.mean
        assert curve.mean[-1] < curve.mean[0] - 4 * curve.mcse[-1]
        assert all(b < a + 0.05 for a, b in pairwise(curve.mean))
        assert curve.bound.value < curve.ratio.value
        assert curve.at_usual.mean == curve.mean[list(curve.sizes).index(curve.suspicion.usual)]
    both = found.pairs["unmeasured", "survivors"]
    assert both.mean < min(curve.at_usual.mean for curve in found.curves) - 0.05
    again = biases.find(asked, "survival", None, several, (0.5, 0.86), -1.0, 1, tmp_path / "bias")
    assert again.curves[0].ratio == found.curves[0].ratio


@pytest.mark.slow
def test_the_strength_of_the_first_paper_is_that_of_tipping(tmp_path: Path) -> None:
    """A trait of half of the patients on both sides alike: by `tipping` and by a review, both with their errors."""
    asked = load_study("hcc-lung-metastasis", (), 300)
    endpoint = next(iter(asked.scenario.endpoints))
    (trait,) = (one for one in suspicions(asked.scenario, -1.0, 7.1) if one.name == "unmeasured")
    found = biases.find(asked, endpoint, None, [trait], (0.6, 0.7), -1.0, 2, tmp_path / "bias").curves[0].ratio
    there = tipping.find(asked, endpoint, None, (0.6, 0.7), 10.0, 4, 0.5, (), 2, tmp_path / "tipping")
    other = there.equal_strength[0]
    error = (found.error**2 + other.error**2) ** 0.5
    assert abs(found.value - other.value) < 4 * error
    assert abs(1.1 * found.value - other.value) > 4 * error  # 10 % off shows
