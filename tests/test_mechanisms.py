"""Cure, therapy after progression, calendar trends and informative follow-up, each against what theory says of it."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from benchmarks.truth.counted import is_strict_null
from simulator.mechanisms.entry import Accrual
from simulator.world.sections import World
from tests.simulated import cohorts, simple, tree, world, z_of_mean

RATE = {"baseline": {"kind": "exponential", "rate": 0.1}}
COURSE: dict[str, Any] = dict.fromkeys(("progression", "death", "death_after_progression"), RATE)


def made(outcomes: dict[str, Any] | None = None, **changes: Any) -> World:
    return simple(outcomes={**COURSE, **(outcomes or {})}, **changes)


def test_cure_levels_survival_off_at_its_share():
    """The uncured die by exp(-0.1 t) twice over; at 60 months next to none is left but the cured."""
    before, after = (cohorts(made(more), 20, 500) for more in ({}, {"cure": {"shares": {"C": 0.1, "T": 0.4}}}))
    for arm, share in ((0, 0.1), (1, 0.4)):
        never = np.isinf(after.hidden.latent["OS"][arm])
        assert abs(z_of_mean(never, share)) < 4
        assert abs(z_of_mean(never, share + 0.05)) > 4
        assert np.array_equal(np.isinf(after.hidden.latent["PFS"][arm]), never)
        assert np.array_equal(after.hidden.latent["OS"][arm][~never], before.hidden.latent["OS"][arm][~never])
    cured = [np.isinf(one) for one in after.hidden.latent["OS"]]
    assert not (cured[0] & ~cured[1]).any()


def test_later_therapy_lengthens_life_after_progression_alone():
    """Mean life after progression is 10 months, or 10 / exp(-1) in the share who get it."""
    later = {"subsequent": {"shares": {"C": 0.5, "T": 0.0}, "log_hr": -1.0}}
    before, after = (cohorts(made(more), 20, 500) for more in ({}, later))
    for one, other in zip(before.hidden.latent["PFS"], after.hidden.latent["PFS"], strict=True):
        assert np.array_equal(one, other)
    assert np.array_equal(before.hidden.latent["OS"][1], after.hidden.latent["OS"][1])
    pfs, os = after.hidden.latent["PFS"][0], after.hidden.latent["OS"][0]
    life = (os - pfs)[os > pfs]
    mean = 10 * (0.5 + 0.5 * np.e)
    assert abs(z_of_mean(life, mean)) < 4
    assert abs(z_of_mean(life, 10 * np.e)) > 4


def test_unlike_shares_are_an_effect_of_the_arm_and_none_takes_them_out():
    later = {"subsequent": {"shares": {"C": 0.5, "T": 0.0}, "log_hr": -1.0}}
    cure = {"cure": {"shares": {"C": 0.1, "T": 0.4}}}
    for mechanism in (later, cure):
        assert not is_strict_null(made(mechanism), "OS")  # type: ignore[arg-type]
        none = made({**mechanism, "treatment_effect": "none"})
        assert is_strict_null(none, "OS")  # type: ignore[arg-type]
        zero, one = cohorts(none, 5).hidden.latent["OS"]
        assert np.array_equal(zero, one)


def test_mean_entry_is_that_of_the_entries():
    for accrual in (
        {"start": "2020-01-01", "end": "2023-01-01", "shape": 1.5},
        {"start": "2020-01-01", "end": "2023-01-01", "cuts": (6.0, 20.0), "rates": (1.0, 0.0, 3.0)},
    ):
        spec = Accrual.model_validate(accrual)
        middle = (np.arange(200_000) + 0.5) / 200_000
        assert np.isclose(spec.mean(1.0), spec.times(middle, 1.0).mean(), rtol=1e-5)
    day = Accrual(start="2020-01-01", end="2020-01-01")
    assert day.mean(1.0) == 0.0


def test_a_trend_moves_treatment_and_death_with_the_year_and_not_on_average():
    entry = {"accrual": {"start": "2010-01-01", "end": "2020-01-01"}}
    trend = {"calendar": {"per_year": {"treatment": 0.3, "death": -0.2}}}
    before, after = (cohorts(made(entry=entry, **more), 40, 500) for more in ({}, trend))
    years = (after.hidden.entry - after.hidden.entry.mean()) / 12
    e = after.hidden.propensity
    assert np.allclose(np.log(e / (1 - e)) - np.log(before.hidden.propensity / (1 - before.hidden.propensity)),
                       0.3 * (after.hidden.entry / 12 - 5 * 365.3 / 365.25), atol=2e-3)  # fmt: skip
    assert abs(z_of_mean(after.observed.treated, 0.5)) < 4
    died = (after.hidden.latent["PFS"][0] == after.hidden.latent["OS"][0]).ravel()
    late, early = years.ravel() > 3, years.ravel() < -3
    assert died[late].mean() < died[early].mean() - 0.15
    same = [one.hidden.latent["PFS"][0] for one in (before, after)]
    assert (same[0] != same[1]).mean() > 0.3


def test_informative_dropout_leaves_potential_outcomes_alone():
    dropout = {"C": {"kind": "exponential", "rate": 0.05}, "T": {"kind": "exponential", "rate": 0.05}}
    plain = {"cut_off": "2200-01-01", "dropout": dropout}
    told = {**plain, "informative": {"log_hr": {"stage=late": 1.0}, "frailty": 2.0}}
    frailty = {"frailty": {"kind": "gamma", "variance": 1.0}}
    before, after = (cohorts(made(frailty, followup=f), 20, 400) for f in (plain, told))
    for name in ("OS", "PFS"):
        for one, other in zip(before.hidden.potential[name], after.hidden.potential[name], strict=True):
            assert np.array_equal(one.time, other.time)
    seen = after.observed.endpoints["OS"]
    late = after.observed.covariates[..., 0] == 1
    odds = [(~seen.event[who]).mean() for who in (late, ~late)]
    assert odds[0] > odds[1] + 0.1
    assert not np.array_equal(before.observed.endpoints["OS"].time, seen.time)


def test_dropout_in_proportion_to_a_term_has_that_hazard_ratio():
    """Without deaths the times of drop-out are exponential with rates 0.05 and 0.05 e."""
    never = {"baseline": {"kind": "exponential", "rate": 0.0}}
    followup = {
        "cut_off": "2900-01-01",
        "dropout": {"C": {"kind": "exponential", "rate": 0.05}, "T": {"kind": "exponential", "rate": 0.05}},
        "informative": {"log_hr": {"stage=late": 1.0}},
    }
    seen = cohorts(made(dict.fromkeys(COURSE, never), followup=followup), 20, 400).observed
    time, late = seen.endpoints["OS"].time, seen.covariates[..., 0] == 1
    assert abs(z_of_mean(time[~late], 20.0)) < 4
    assert abs(z_of_mean(time[late], 20.0 / np.e)) < 4
    assert abs(z_of_mean(time[late], 20.0 / np.e**0.9)) > 4


def test_complete_follow_up_leaves_out_an_arms_dropouts():
    dropout = {"C": {"kind": "exponential", "rate": 0.05}, "T": {"kind": "exponential", "rate": 0.05}}
    entry = {"accrual": {"start": "2020-01-01", "end": "2021-01-01"}, "complete_follow_up": ("T",)}
    one = cohorts(made(entry=entry, followup={"cut_off": "2023-01-01", "dropout": dropout}), 10, 300)
    seen, present = one.observed.endpoints["OS"], one.observed.present
    lost = ~seen.event & (seen.time < 36.0 - one.hidden.entry - 0.1)
    assert lost[present & ~one.observed.treated].any()
    assert not lost[present & one.observed.treated].any()
    assert one.hidden.criteria == ("guarantee time", "complete follow-up")


@pytest.mark.parametrize("unit", ["months", "years"])
def test_the_converted_are_censored_at_their_time(unit):
    base = tree()
    conversion = {"cut": {"label": "Surgery", "shares": {"C": 0.1, "T": 0.3}, "among": ("PR",), "link": 0.3}}
    followup = {**base["followup"], "censored_at": {"cut": 3.0}}
    asked = world(outcomes={**base["outcomes"], "conversion": conversion}, followup=followup, time_unit=unit)
    one = cohorts(asked, 10, 300)
    cut = one.observed.binary["cut"]
    assert cut.any()
    seen = one.observed.endpoints["OS"]
    assert (seen.time[cut] <= 3.0).all()
    assert (seen.time[~cut] > 3.0).any()
    plain = cohorts(world(outcomes={**base["outcomes"], "conversion": conversion}, time_unit=unit), 10, 300)
    for arm in (0, 1):
        assert np.array_equal(plain.hidden.potential["OS"][arm].time, one.hidden.potential["OS"][arm].time)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"followup": {"cut_off": "2024-01-01", "informative": {"frailty": 1.0}}}, "needs outcomes.frailty"),
        ({"followup": {"cut_off": "2024-01-01", "informative": {"log_hr": {"x": 1.0}}}}, "no variable 'x'"),
        ({"followup": {"cut_off": "2024-01-01", "censored_at": {"cut": 1.0}}}, "no conversion 'cut'"),
        ({"outcomes": {**COURSE, "cure": {"shares": {"C": 0.1, "X": 0.2}}}}, "no arm 'X'"),
        ({"outcomes": {**COURSE, "subsequent": {"shares": {"C": 0.1}, "log_hr": 1.0}}}, "at least 2 items"),
        ({"calendar": {"per_year": {}}}, "at least 1 item"),
        (
            {"entry": {"accrual": {"start": "2020-01-01", "end": "2021-01-01"}, "complete_follow_up": ("X",)}},
            "no arm 'X'",
        ),
        (
            {
                "outcomes": {**COURSE, "cure": {"shares": {"C": 0.1, "T": 0.2}}},
                "treatment": {"kind": "prevalence", "share": 0.5, "start": {"wait": RATE["baseline"]}},
            },
            "both arms need the same share",
        ),
    ],
)
def test_a_fault_is_told_in_a_sentence(change, message):
    with pytest.raises(ValidationError, match=message):
        simple(**change)
