"""Conversion: stated shares of all patients, out of some categories of response, longest lives first."""

import math

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import norm

from simulator.mechanisms.conversion import Conversion, converted, draw, tied
from simulator.mechanisms.outcomes import Response, best_response, latent_response
from simulator.numerics.streams import Streams
from tests.simulated import z_of_mean

CATEGORIES = ("PD", "SD", "PR")
SHARES = {"LP": (0.309, 0.462, 0.229), "HLP": (0.172, 0.361, 0.467)}
RESPONSE = Response(categories=CATEGORIES, shares=SHARES, link=0.6, groups={})
PAPER = Conversion(label="Ablation", shares={"LP": 9 / 253, "HLP": 17 / 169}, among=("SD", "PR"), link=0.7)
REPLICATES = np.arange(800)
PATIENTS = 422
STREAMS = Streams(11)
LIFE = STREAMS.normal("life", REPLICATES, PATIENTS)
OWN = STREAMS.normal("conversion", REPLICATES, PATIENTS)
PROGRESSION = STREAMS.uniform("transition/progression", REPLICATES, PATIENTS)
LATENT = latent_response(RESPONSE, PROGRESSION, STREAMS.normal("response", REPLICATES, PATIENTS))
POSITIONS = {arm: best_response(RESPONSE, arm, LATENT) for arm in SHARES}


def open_share(arm, spec=PAPER):
    return sum(SHARES[arm][CATEGORIES.index(name)] for name in spec.among)


def drawn(arm, spec=PAPER, share=None, luck=LIFE):
    share = open_share(arm, spec) if share is None else share
    return draw(spec, arm, POSITIONS[arm], CATEGORIES, share, luck, OWN)


def z_of_share(found, share):
    return (found.mean() - share) / math.sqrt(share * (1 - share) / found.size)


@pytest.mark.parametrize("arm", ["LP", "HLP"])
def test_the_stated_share_of_all_patients_converts(arm):
    assert abs(z_of_share(drawn(arm), PAPER.shares[arm])) < 4
    of_all = drawn(arm, share=1.0)  # the share taken as one of the open categories
    assert z_of_share(of_all, PAPER.shares[arm]) < -4


def test_only_the_open_categories_convert():
    found = drawn("HLP")
    assert not (found & (POSITIONS["HLP"] == 0)).any()
    for position in (1, 2):  # in the same share of each, since the luck does not know the response
        here = POSITIONS["HLP"] == position
        share = PAPER.shares["HLP"] / open_share("HLP")
        assert abs(z_of_share(found[here], share)) < 4
    only = drawn("HLP", PAPER.model_copy(update={"among": ("PR",)}))
    assert not (only & (POSITIONS["HLP"] != 2)).any()
    assert abs(z_of_share(only, PAPER.shares["HLP"])) < 4


def test_the_converted_have_the_luck_of_long_lives():
    """Mean luck of the upper tail of a share q: link x phi(z) / q."""
    found, share = drawn("LP"), PAPER.shares["LP"] / open_share("LP")
    expected = 0.7 * norm.pdf(norm.isf(share)) / share
    assert abs(z_of_mean(LIFE[found], expected)) < 4
    assert abs(z_of_mean(LIFE[found], 0.9 * expected)) > 4
    without = drawn("LP", PAPER.model_copy(update={"link": 0.0}))
    assert abs(z_of_mean(LIFE[without], 0.0)) < 4


@pytest.mark.parametrize("arm", ["LP", "HLP"])
def test_a_luck_that_response_follows_needs_its_own_threshold(arm):
    """The luck of progression: late progression is a small uniform, and best response has a link of 0.6 to it."""
    luck = -norm.ppf(PROGRESSION)
    threshold = tied(PAPER, arm, CATEGORIES, SHARES[arm], RESPONSE.link)
    found = converted(PAPER, threshold, POSITIONS[arm], CATEGORIES, luck, OWN)
    assert abs(z_of_share(found, PAPER.shares[arm])) < 4
    assert z_of_share(drawn(arm, luck=luck), PAPER.shares[arm]) > 4  # a threshold that knows nothing of the tie
    assert not (found & (POSITIONS[arm] == 0)).any()


def test_without_a_tie_both_thresholds_agree():
    for arm in SHARES:
        threshold = norm.isf(PAPER.shares[arm] / open_share(arm))
        assert tied(PAPER, arm, CATEGORIES, SHARES[arm], 0.0) == pytest.approx(threshold, abs=1e-10)


def test_a_tied_threshold_in_closed_form():
    """Open above the median of response, link x correlation = 1/2: P(both above 0) = 1/4 + asin(1/2) / 2 pi = 1/3."""
    spec = Conversion(label="half", shares={"A": 1 / 3}, among=("good",), link=0.625)
    assert tied(spec, "A", ("bad", "good"), (0.5, 0.5), 0.8) == pytest.approx(0.0, abs=1e-10)


def test_all_of_the_open_and_none():
    every = PAPER.model_copy(update={"shares": {"HLP": open_share("HLP"), "LP": 0.0}})
    assert np.array_equal(drawn("HLP", every), POSITIONS["HLP"] > 0)
    assert not drawn("LP", every).any()
    assert not drawn("LP", every, share=0.0).any()
    assert tied(every, "HLP", CATEGORIES, SHARES["HLP"], 0.6) < -8
    assert tied(every, "LP", CATEGORIES, SHARES["LP"], 0.6) == np.inf


def test_a_part_of_a_block_has_the_same_bits():
    whole = drawn("HLP")
    part = draw(
        PAPER,
        "HLP",
        POSITIONS["HLP"][11:17, :40],
        CATEGORIES,
        open_share("HLP"),
        STREAMS.normal("life", REPLICATES[11:17], 40),
        STREAMS.normal("conversion", REPLICATES[11:17], 40),
    )
    assert np.array_equal(part, whole[11:17, :40])


def test_both_arms_have_the_same_luck():
    """Whoever is of an open category in both arms and converts where fewer do, converts where more do."""
    both = (POSITIONS["LP"] > 0) & (POSITIONS["HLP"] > 0)
    assert not (both & drawn("LP") & ~drawn("HLP")).any()
    assert (both & drawn("HLP") & ~drawn("LP")).any()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"among": ("PR",), "shares": {"LP": 0.3}}, "^conversion: 0.3 of LP cannot convert when only 0.229 have PR$"),
        ({"among": ("CR", "PR")}, r"^conversion: no response category 'CR' \(there are PD, SD, PR\)$"),
        ({"shares": {"HLP": 0.1}}, "^conversion: no share for arm 'LP'$"),
    ],
)
def test_what_cannot_be_is_told(change, told):
    spec = PAPER.model_copy(update=change)
    with pytest.raises(ValueError, match=told):
        draw(spec, "LP", POSITIONS["LP"], CATEGORIES, 0.229, LIFE, OWN)
    with pytest.raises(ValueError, match=told):
        tied(spec, "LP", CATEGORIES, SHARES["LP"], 0.6)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"among": ()}, "among"),
        ({"among": ("PR", "PR")}, "a category is given twice"),
        ({"link": 1.0}, "less than 1"),
        ({"shares": {"LP": -0.1}}, "greater than or equal to 0"),
    ],
)
def test_bad_input_is_told(change, told):
    with pytest.raises(ValidationError, match=told):
        Conversion.model_validate({**PAPER.model_dump(), **change})
