"""Hazards from print: closed forms worked by hand, and curves against a slow simulation."""

from math import exp, log, sqrt

import numpy as np
import pytest

from benchmarks.derived.curves import IllnessDeath, Observation, StepRates, grid, thinned
from benchmarks.derived.hazards import (
    Together,
    Told,
    cause_rates,
    controls,
    death_after,
    effects_of,
    knots,
    knots_after,
    mean_ratios,
    one_rate,
    rate_of_events,
    survival_at_limit,
    told_of,
)
from benchmarks.derived.printed import printed_numbers
from tests.small_readings import cohort, reading_of

FOLLOWED = Observation(61.0, 76.0, StepRates((), (0.01,)))


def told(**numbers: str) -> Told:
    keys = {f"endpoints.OS.before.km.control.{key.replace('_at_', '[')}": text for key, text in numbers.items()}
    keys = {f"{key}]" if "[" in key else key: text for key, text in keys.items()}
    return told_of(printed_numbers(reading_of(keys, cohort(253, 169))), "OS", "control")


def simulated(course: IllnessDeath, n: int = 400_000) -> tuple[np.ndarray, np.ndarray]:
    """Times of the first event and of death by another route: exponential luck through each hazard."""
    luck = np.random.default_rng(1).exponential(size=(3, n))

    def times(steps: StepRates, spent: np.ndarray) -> np.ndarray:
        ends, found = np.array([0.0, *steps.cuts, np.inf]), np.full(n, np.inf)
        before = 0.0
        for k, rate in enumerate(steps.rates):
            here = ends[k] + (spent - before) / rate
            found = np.where(np.isinf(found) & (here < ends[k + 1]), here, found)
            before += rate * (ends[k + 1] - ends[k])
        return found

    ill, dead = times(course.ill, luck[0]), times(course.death, luck[1])
    return np.minimum(ill, dead), np.where(ill < dead, ill + times(course.death_after, luck[2]), dead)


def test_a_rate_is_log_2_over_the_median():
    """log 2 / 8.6 = 0.0806; with S(24) = 0.273 alone -log 0.273 / 24 = 0.0541."""
    rate, source = one_rate(told(median="8.6"), FOLLOWED) or (0.0, "")
    assert rate == pytest.approx(0.0806, abs=5e-5)
    assert source == "log 2 / 8.6: median 8.6: OS, Placebo, Results"
    rate, _ = one_rate(told(survival_at_24="27.3%"), FOLLOWED) or (0.0, "")
    assert rate == pytest.approx(0.0541, abs=5e-5)


def test_a_rate_from_events_alone():
    """Entry over 10.5 of 17.5 months, drop-out 0.02, 96 of 336 with the event: 0.0320.

    The share by hand: l / (l + d) (1 - (exp(-(l + d) 7) - exp(-(l + d) 17.5)) / ((l + d) 10.5)).
    """
    rate = rate_of_events(96 / 336, Observation(10.5, 17.5, StepRates((), (0.02,))))
    assert rate == pytest.approx(0.0320, abs=2e-4)
    both = (rate or 0.0) + 0.02
    by_hand = (rate or 0.0) / both * (1 - (exp(-both * 7) - exp(-both * 17.5)) / (both * 10.5))
    assert by_hand == pytest.approx(96 / 336, abs=2e-4)
    assert one_rate(told(events="72"), Observation(10.5, 17.5)) is not None


def test_death_after_progression_from_both_medians():
    """PFS 5.4, OS 8.6, 9.66 % of first events deaths: b = 0.1284 and c = 0.3079; 7.7, 26.0, 8.47 %: 0.0431."""
    assert death_after(log(2) / 5.4, 0.5, 0.0966, 8.6) == pytest.approx(0.3079, abs=1e-4)
    assert death_after(log(2) / 7.7, 0.5, 0.0847, 26.0) == pytest.approx(0.0431, abs=1e-4)
    assert death_after(log(2) / 9.0, 0.5, 0.1, 8.6) is None  # death before progression


@pytest.mark.parametrize("alive_at", [0.0, 4.14])
def test_curves_of_illness_and_death_are_those_of_a_simulation(alive_at: float):
    course = IllnessDeath(
        StepRates((3.0, 8.0), (0.12, 0.2, 0.05)), StepRates((), (0.02,)), StepRates((2.0,), (0.1, 0.3)), alive_at
    )
    first, death = simulated(course)
    kept = death > alive_at
    times = grid(40.0)
    free, living = course.curves(times)
    for at in (2.0, 4.0, 6.0, 10.0, 20.0):
        se = 4 * sqrt(0.25 / kept.sum())
        assert np.interp(at, times, free) == pytest.approx((first[kept] > at).mean(), abs=se + 0.006)
        assert np.interp(at, times, living) == pytest.approx((death[kept] > at).mean(), abs=se + 0.006)


def test_events_seen_are_those_of_a_simulation():
    rng, n = np.random.default_rng(2), 400_000
    event, lost = rng.exponential(1 / 0.0806, n), rng.exponential(1 / 0.01, n)
    seen = (event < np.minimum(lost, 76.0 - 61.0 * rng.random(n))).mean()
    times = grid(76.0)
    assert FOLLOWED.events(times, np.exp(-0.0806 * times)) == pytest.approx(seen, abs=0.004)
    assert FOLLOWED.median() == pytest.approx(np.median(np.minimum(lost, 76.0 - 61.0 * rng.random(n))), abs=0.3)


def test_survival_at_the_limits_of_a_median():
    """253 patients: SE of log S near 0.5 is 1 / sqrt 253 = 0.063, so that S is about 0.5 exp(+-1.96 x 0.063)."""
    assert survival_at_limit(1, 253) == pytest.approx(0.5 * exp(1.96 / sqrt(253)), abs=0.01)
    assert survival_at_limit(-1, 253) == pytest.approx(0.5 * exp(-1.96 / sqrt(253)), abs=0.01)


def test_knots_are_medians_then_limits_far_apart():
    one, two = told(median="5.4", low="4.5", high="6.1"), told(median="7.7", low="6.7", high="10.8")
    assert knots((one, two), 4, 76.0) == (2.7, 5.4, 7.7, 10.8)
    assert knots((one, two), 2, 76.0) == (5.4, 7.7)
    assert thinned([6.0], [6.5, 12.0, 24.0], 3) == (6.0, 12.0, 24.0)


def test_knots_after_another_event_are_evenly_spaced_on_the_logarithm():
    """From half the shortest residual time, 8.6 - 5.4 = 3.2, to the longest, 26 - 7.7 = 18.3; the first left out."""
    arms = told(median="8.6"), told(median="26.0")
    found = knots_after(arms, 3, 76.0, (5.4, 7.7))
    ratio = (18.3 / 1.6) ** (1 / 3)
    assert found == pytest.approx([1.6 * ratio, 1.6 * ratio**2, 18.3], abs=1e-3)
    assert knots_after(arms, 0, 76.0, (5.4, 7.7)) == knots_after(arms, 3, 76.0, (9.0, 80.0)) == ()


def test_fitted_curves_go_through_what_is_printed():
    """Both medians of either arm; the means over events of log hazard ratios are about those printed."""
    first = {"control": told(median="5.4", low="4.5", high="6.1"), "treated": told(median="7.7")}
    death = {"control": told(median="8.6"), "treated": told(median="26.0")}
    arms = [Together(first[role], death[role], 0.0966, FOLLOWED) for role in ("control", "treated")]
    course = controls(arms[0], (4.5, 5.4, 7.7), (3.2,), log(2) / 5.4, 0.3079, False)
    effects = effects_of(arms[1], course, (5.4,), (), (log(0.76), log(0.36)), False)
    on, times = effects.on(course, 0.0), grid(76.0)
    for made, medians in ((course, (5.4, 8.6)), (on, (7.7, 26.0))):
        for curve, median in zip(made.curves(times), medians, strict=True):
            assert np.interp(median, times, curve) == pytest.approx(0.5, abs=0.02)
    assert mean_ratios(course, on, FOLLOWED) == pytest.approx(
        [log(0.76), log(0.36)], abs=0.25
    )  # medians say 0.70, 0.33
    worse = IllnessDeath(on.ill, on.death, StepRates((), (on.death_after.rates[0] * 1.3,)))
    assert np.interp(26.0, times, worse.curves(times)[1]) < 0.47  # a hazard 30 % off is noticed


def test_the_mean_ratio_of_proportional_hazards_is_their_ratio():
    course = IllnessDeath(StepRates((), (0.1,)), StepRates((), (0.02,)), StepRates((), (0.12,)))
    half = IllnessDeath(StepRates((), (0.05,)), StepRates((), (0.01,)), StepRates((), (0.06,)))
    assert mean_ratios(course, half, FOLLOWED)[0] == pytest.approx(log(0.5), abs=1e-6)


def test_cause_specific_rates_from_incidences():
    """Year 1: 25 % and 8 %, total -log 0.67 = 0.4005 a year, of which 25/33 = 0.3034; to year 5: 46 % and 15 %.

    Then log(0.67 / 0.39) / 4 = 0.1353, of which 21/28 = 0.1015.
    """
    own, others = cause_rates({1.0: 0.25, 5.0: 0.46}, {1.0: 0.08, 5.0: 0.15}, (1.0,))
    assert own == pytest.approx((0.3034, 0.1015), abs=1e-4)
    assert others == pytest.approx((0.0971, 0.0338), abs=1e-4)
