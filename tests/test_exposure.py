"""Exposure: lognormal amounts in whole cycles or months, tied to survival, never beyond life."""

import math

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import norm

from simulator.mechanisms.exposure import Exposure, amounts
from simulator.numerics.streams import Streams
from tests.simulated import z_of_mean

CYCLE = 0.69
REPLICATES = np.arange(400)
PATIENTS = 422
FOR_EVER = np.full((REPLICATES.size, PATIENTS), np.inf)


def exposure(**changes):
    return Exposure.model_validate(
        {
            "label": "HAIC",
            "unit": "cycles",
            "months_per_unit": CYCLE,
            "whole": True,
            "arms": {"HLP": {"median": 4.0, "spread": 0.4, "most": 8.0}},
            "link": 0.6,
            **changes,
        }
    )


def months(**changes):
    arms = {"LP": {"median": 5.0, "spread": 0.5, "most": 11.7}, "HLP": {"median": 6.8, "spread": 0.45, "most": 12.2}}
    return exposure(unit="months", months_per_unit=1.0, whole=False, arms=arms, **changes)


def luck(name, replicates=REPLICATES, patients=PATIENTS):
    return Streams(5).normal(name, replicates, patients)


def received(spec, arm="HLP", os=FOR_EVER):
    return amounts(spec, arm, luck("survival"), luck("exposure/haic"), os)


def z_of_share(found, share):
    return (found.mean() - share) / math.sqrt(share * (1 - share) / found.size)


def of_at_most(cycles, spread=0.4):
    return norm.cdf(math.log((cycles + 0.5) / 4.0) / spread)


def test_cycles_in_a_long_life_are_a_rounded_lognormal():
    found = received(exposure())
    assert set(np.unique(found)) == set(range(1, 9))
    assert max(abs(z_of_share(found <= k, of_at_most(k))) for k in range(1, 8)) < 4
    assert np.median(found) == 4
    assert max(abs(z_of_share(found <= k, of_at_most(k, 0.41))) for k in range(1, 8)) > 4


def test_months_in_a_long_life_are_a_capped_lognormal():
    for arm, median, spread, most in (("LP", 5.0, 0.5, 11.7), ("HLP", 6.8, 0.45, 12.2)):
        found = received(months(), arm)
        assert abs(z_of_share(found <= median, 0.5)) < 4
        assert abs(z_of_share(found <= median * math.exp(spread), norm.cdf(1))) < 4
        assert found.max() == most
        assert abs(z_of_share(found == most, norm.sf(math.log(most / median) / spread))) < 4
        assert abs(z_of_share(found <= 1.02 * median, 0.5)) > 4


def test_the_link_is_the_correlation_with_the_luck_of_survival():
    free = {"LP": {"median": 5.0, "spread": 0.5, "most": 1e9}}
    for link in (0.0, 0.6, 0.9):
        spec = exposure(whole=False, arms=free, link=link)
        normal = np.log(received(spec, "LP") / 5.0) / 0.5
        assert abs(z_of_mean(normal * luck("survival"), link)) < 4
        assert abs(z_of_mean(normal * luck("survival"), link + 0.03)) > 4
        assert abs(z_of_mean(normal**2, 1.0)) < 4


def test_nobody_is_treated_beyond_life():
    os = Streams(5).exponential("life", REPLICATES, PATIENTS) * 4.0
    for spec, fits in ((exposure(), np.floor(os / CYCLE) + 1), (months(), os)):
        found, unbound = received(spec, "HLP", os), received(spec, "HLP")
        assert (found <= fits).all()
        assert (unbound > fits).mean() > 0.1  # else the check could not fail
        assert np.array_equal(found, np.minimum(unbound, fits))


def test_hand_worked_amounts():
    """Cycles at months 0, 0.69, 1.38, ...; 4 exp(0.4 z) = 4, 8.9 and 1.2 for z = 0, 2 and -3."""
    z = np.array([[0.0, 0.0, 0.0, 2.0, 2.0, -3.0]])
    os = np.array([[np.inf, 1.37, 0.1, np.inf, 2.8, np.inf]])
    assert amounts(exposure(link=0.0), "HLP", z * 7, z, os).tolist() == [[4, 2, 1, 8, 5, 1]]
    in_months = amounts(months(link=0.0), "HLP", z * 7, z, os)
    assert in_months[0] == pytest.approx([6.8, 1.37, 0.1, 12.2, 2.8, 6.8 * math.exp(-1.35)])
    weeks = amounts(months(link=0.0).model_copy(update={"months_per_unit": 0.5}), "HLP", z * 7, z, os)
    assert weeks[0, 1] == pytest.approx(2.74)


def test_an_arm_without_the_treatment_has_no_amount():
    assert np.isnan(received(exposure(), "LP")).all()
    assert not np.isnan(received(exposure())).any()


def test_a_part_of_a_block_has_the_same_bits_and_inputs_stay():
    u, v, os = luck("survival"), luck("exposure/haic"), FOR_EVER.copy()
    before = u.copy(), v.copy()
    whole = amounts(months(), "LP", u, v, os)
    assert np.array_equal(u, before[0])
    assert np.array_equal(v, before[1])
    assert np.isinf(os).all()
    part = luck("survival", REPLICATES[11:17], 40), luck("exposure/haic", REPLICATES[11:17], 40)
    assert np.array_equal(amounts(months(), "LP", *part, os[11:17, :40]), whole[11:17, :40])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"arms": {"HLP": {"median": 4.0, "spread": 0.4, "most": 3.0}}}, "'most', 3, is less than the median, 4"),
        ({"arms": {"HLP": {"median": 4.0, "spread": 0.4, "most": 7.5}}}, "arms.HLP.most: 7.5 is not a whole number of"),
        ({"arms": {"HLP": {"median": 0.2, "spread": 0.4, "most": 0.5}}}, "arms.HLP.most: 0.5 is not a whole number of"),
        ({"arms": {"HLP": {"median": 4.0, "spread": -0.4, "most": 8.0}}}, "greater than or equal to 0"),
        ({"arms": {"HLP": {"median": 0.0, "spread": 0.4, "most": 8.0}}}, "greater than 0"),
        ({"arms": {}}, "arms"),
        ({"link": 1.0}, "less than 1"),
        ({"months_per_unit": 0.0}, "greater than 0"),
    ],
)
def test_bad_input_is_told(change, told):
    with pytest.raises(ValidationError, match=told):
        exposure(**change)
