"""The words of a verdict: every rule with planted biases, their order, and the thresholds to the digit."""

from math import log

import numpy as np
import pytest
from scipy.special import ndtri

from benchmarks.review.biases import WithoutEffect
from benchmarks.review.review import made_alike
from benchmarks.review.suspicions import suspicions
from benchmarks.review.verdict import MOST_FAILED, POSSIBLE, RULES, WORDS, judged
from tests.small_reviews import biases_of, by_chance, small_scenario

SEVERAL = suspicions(small_scenario(), -1.0, 12.0)
NAMES = [one.name for one in SEVERAL]
HR, SD = log(0.5), 0.2
AT_5 = HR - SD * float(ndtri(0.05))
"""The mean without any effect at which 5 of 100 studies find 0.5 or less."""
PAIR = ("survivors", "waiting")


def word(means: dict[str, float], pairs: dict[tuple[str, str], float], chance: WithoutEffect | None = None) -> str:
    return judged(biases_of(SEVERAL, HR, means, pairs, chance=chance or by_chance(0.0, 0.1), sd=SD)).word


def test_nothing_makes_it() -> None:
    found = judged(biases_of(SEVERAL, HR, {"waiting": -0.2}, {PAIR: -0.25}, chance=by_chance(0.0, 0.1), sd=SD))
    assert (found.word, found.why, found.because) == ("hardly", "", PAIR)
    assert found.chance.value == pytest.approx(0.0133, abs=0.0005)  # Phi((-0.693 + 0.25) / 0.2), by a table


@pytest.mark.parametrize(("off", "there"), [(1e-6, False), (-1e-6, True)])
def test_thresholds_are_at_five_percent(off: float, there: bool) -> None:
    """The mean moved by so little towards no effect, or away from it."""
    assert POSSIBLE == 0.05
    assert (word({"waiting": AT_5 + off}, {}) == "could-be") is there
    assert (word({}, {PAIR: AT_5 + off}) == "not-alone") is there
    assert (word({}, {}, by_chance(AT_5 + off, SD)) == "chance") is there


def test_the_first_rule_that_holds_decides() -> None:
    all_of_it = {"waiting": -0.7}, {PAIR: -1.0}
    assert word(*all_of_it, by_chance(-0.7, SD)) == "chance"
    assert word(*all_of_it) == "could-be"
    assert word({}, all_of_it[1]) == "not-alone"
    assert word({}, {}) == "hardly"
    doubtful = biases_of(SEVERAL, HR, *all_of_it, chance=by_chance(-0.7, SD), sd=SD)
    found = judged(doubtful, "of 10 printed numbers the twin does not reproduce 9")
    assert (found.word, found.because) == ("cannot-tell", ())
    assert found.why.endswith("does not reproduce 9")
    assert np.isnan(found.chance.value)


def test_arms_that_nothing_makes_alike_get_no_stronger_words() -> None:
    """Neither by lot nor adjusted: "could be" where biases of a usual size are not enough; doubts and luck stay."""
    for pairs in ({}, {PAIR: -1.0}):
        found = judged(biases_of(SEVERAL, HR, {}, pairs, chance=by_chance(0.0, 0.1), sd=SD), alike=False)
        assert (found.word, found.because) == ("could-be", ("unadjusted",))
    by_bias = judged(biases_of(SEVERAL, HR, {"waiting": -0.7}, {}, chance=by_chance(0.0, 0.1), sd=SD), alike=False)
    assert (by_bias.word, by_bias.because) == ("could-be", ("waiting",))
    luck = judged(biases_of(SEVERAL, HR, {}, {}, chance=by_chance(-0.7, SD), sd=SD), alike=False)
    assert luck.word == "chance"
    doubtful = judged(
        biases_of(SEVERAL, HR, {}, {}, chance=by_chance(0.0, 0.1), sd=SD), "it prints another paper", False
    )
    assert doubtful.word == "cannot-tell"


@pytest.mark.parametrize(
    ("log_odds", "primary", "alike"),
    [({"stage": 0.7}, "unadjusted", False), ({"stage": 0.7}, "adjustment", True), (None, "unadjusted", True)],
)
def test_arms_are_made_alike_by_lot_or_by_the_analysis(
    log_odds: dict[str, float] | None, primary: str, alike: bool
) -> None:
    treatment = {"kind": "fixed", "share": 0.5, **({"log_odds": log_odds} if log_odds else {})}
    scenario = small_scenario(treatment=treatment, analysis__primary=primary)
    assert made_alike(scenario, "survival", "") is alike
    assert made_alike(scenario, "survival", "crude") is scenario.by_lot


def test_a_verdict_on_the_threshold_says_so() -> None:
    """Of 2,500 studies with SD 0.2: the chance at the threshold has an error of 0.3 of 100."""
    assert judged(biases_of(SEVERAL, HR, {"waiting": AT_5 - 1e-6}, {}, sd=SD)).unsure
    assert judged(biases_of(SEVERAL, HR, {"waiting": AT_5 + 0.005}, {}, sd=SD)).unsure
    assert not judged(biases_of(SEVERAL, HR, {"waiting": AT_5 - 0.05}, {PAIR: AT_5}, sd=SD)).unsure
    assert not judged(biases_of(SEVERAL, HR, {"waiting": AT_5 + 0.05}, {}, sd=SD)).unsure


def test_what_makes_it_most_easily_is_named() -> None:
    found = judged(biases_of(SEVERAL, HR, {"waiting": -0.5, "leaving": -0.6}, {}, chance=by_chance(0, 0.1), sd=SD))
    assert (found.word, found.because) == ("could-be", ("leaving",))
    assert found.chance.value == pytest.approx(0.321, abs=0.001)  # Phi(-0.0931 / 0.2)


def test_harm_is_judged_on_its_own_side() -> None:
    several = suspicions(small_scenario(), 1.0, 12.0)
    for mean, told in ((0.6, "could-be"), (-0.6, "hardly")):
        found = judged(biases_of(several, log(2.0), {"survivors": mean}, {}, chance=by_chance(0.0, 0.1), sd=SD))
        assert found.word == told, mean


def test_too_many_failures_are_told() -> None:
    for share, told in ((MOST_FAILED, "hardly"), (MOST_FAILED + 0.01, "cannot-tell")):
        found = judged(biases_of(SEVERAL, HR, {}, {}, chance=WithoutEffect(0.0, 0.01, 0.1, share), sd=SD))
        assert found.word == told, share
    assert "no estimate in 21 of 100 simulated studies" in found.why
    nothing = float("nan")
    found = judged(biases_of(SEVERAL, HR, {}, {PAIR: nothing}, chance=by_chance(0.0, 0.1), sd=SD))
    assert found.word == "cannot-tell"


def test_a_study_of_which_nothing_is_suspected_is_judged_by_chance() -> None:
    assert judged(biases_of((), HR, {}, {}, chance=by_chance(-0.5, SD))).word == "chance"
    assert judged(biases_of((), HR, {}, {}, chance=by_chance(0.0, 0.1))).word == "hardly"


def test_every_word_has_a_rule_in_that_order() -> None:
    assert list(WORDS) == list(RULES) == ["no-ratio", "cannot-tell", "chance", "could-be", "not-alone", "hardly"]
