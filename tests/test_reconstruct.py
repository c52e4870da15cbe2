"""Patients behind a digitised curve: those of known cohorts found again, and nobody invented."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from analysis.survival.kaplan_meier import kaplan_meier
from analysis.survival.reconstruct import DigitisedCurve, Reconstruction, km_at, reconstruct
from analysis.survival.two_arms import two_arms
from simulator.numerics.arrays import Bools, Floats
from tests.reference.guyot import guyot
from tests.reference.kaplan_meier import curve as slow_curve

COHORTS, PATIENTS = 30, 250


@dataclass(frozen=True)
class Arm:
    """An arm of a true cohort in order of time, and what its paper would print of it."""

    time: Floats
    event: Bools
    curve: DigitisedCurve


def arm(seed: int, scale: float, step: float, every: float = 6.0) -> Arm:
    """Weibull times under uniform accrual; heights in steps, a point at each death and one at the end."""
    draw = np.random.default_rng((23, seed))
    dies, leaves = scale * draw.weibull(1.2, PATIENTS), draw.uniform(6, 48, PATIENTS)
    time, event = np.minimum(dies, leaves), dies <= leaves
    order = np.argsort(time)
    time, event = time[order], event[order]
    when = np.append(np.unique(time[event]), time[-1])
    slow = slow_curve(time, event)
    height = slow.survival[np.searchsorted(slow.time, when)]
    risk = np.arange(0.0, time[-1], every)
    at_risk = np.array([(time >= start).sum() for start in risk])
    return Arm(time, event, DigitisedCurve(when, np.round(height / step) * step, risk, at_risk))


Method = Callable[[DigitisedCurve, int | None], Reconstruction]


def without_table(curve: DigitisedCurve, total: int | None) -> Reconstruction:
    """A planted fault: the risk table is not looked at."""
    return reconstruct(replace(curve, risk_time=curve.risk_time[:1], at_risk=curve.at_risk[:1]), total)


def misses(step: float, method: Method) -> tuple[float, float, float, float]:
    """Of 30 cohorts: the worst share of events missed, mean and largest error of the log HR, mean of a median."""
    true, found, shares = [], [], []
    for k in range(COHORTS):
        arms = arm(2 * k, 14.0, step), arm(2 * k + 1, 22.0, step)
        made = [method(one.curve, None) for one in arms]
        shares += [abs(got.events / one.event.sum() - 1) for one, got in zip(arms, made, strict=True)]
        true.append([np.concatenate([getattr(one, name) for one in arms]) for name in ("time", "event")])
        found.append([np.concatenate([getattr(one, name) for one in made]) for name in ("time", "event")])
    treated = np.tile(np.arange(2 * PATIENTS) >= PATIENTS, (COHORTS, 1))
    fits = [two_arms(*map(np.array, zip(*rows, strict=True)), treated) for rows in (true, found)]
    away = np.abs(fits[0].log_hr - fits[1].log_hr)
    return max(shares), float(away.mean()), float(away.max()), float(np.abs(fits[0].median - fits[1].median).mean())


@pytest.mark.parametrize("step", [0.001, 0.005])
def test_events_hazard_ratios_and_medians_of_known_cohorts_are_found_again(step: float) -> None:
    events, mean, worst, median = misses(step, reconstruct)
    assert events < 0.02
    assert mean < 0.006
    assert worst < 0.02
    assert median < 0.1  # months, of about 10 and 16


def test_a_table_that_is_not_looked_at_is_noticed() -> None:
    events, mean, _, _ = misses(0.001, without_table)
    assert events > 0.1
    assert mean > 0.02


def test_hand_worked() -> None:
    """Ten patients: deaths at 1, 2 and 5, and one lost where half of the area of 1 + 0.9 + 2 x 0.8 is passed.

    That is before 2, so that the patients' curve falls to 0.9 x 7/8 there.
    """
    curve = DigitisedCurve(
        np.array([1.0, 2.0, 5.0, 8.0]), np.array([0.9, 0.8, 0.686, 0.686]), np.array([0.0, 4.0]), np.array([10, 7])
    )
    found = reconstruct(curve)
    assert found.time[found.event].tolist() == [1.0, 2.0, 5.0]
    assert [(one.at_risk, one.deaths, one.censored) for one in found.intervals] == [(10, 2, 1), (7, 1, 6)]
    assert found.time[~found.event][0] == pytest.approx(1 + 0.75 / 0.9)
    assert found.distance == pytest.approx(0.8 - 0.9 * 7 / 8)
    assert found.farthest == 2.0
    assert found.events == 3
    assert len(found.time) == 10


@pytest.mark.parametrize("seed", range(12))
def test_it_is_guyots_algorithm_where_the_table_fits(seed: int) -> None:
    """But for where censorings lie within an interval, which moves a death or two of 250 patients."""
    one = arm(seed, 18.0, 0.001)
    found = reconstruct(one.curve)
    slow = guyot([0.0, *one.curve.time], [1.0, *one.curve.survival], [*one.curve.risk_time], [*one.curve.at_risk])
    assert [part.deaths for part in found.intervals[:-1]] == pytest.approx(slow.deaths[:-1], abs=2)
    assert [part.censored for part in found.intervals[:-1]] == pytest.approx(slow.censored[:-1], abs=2)
    assert [part.at_risk for part in found.intervals] == slow.at_risk == one.curve.at_risk.tolist()
    assert sum(slow.deaths) == pytest.approx(found.events, abs=4)
    assert len(found.time) == len(slow.patients) == PATIENTS


@pytest.mark.parametrize("seed", range(6))
def test_the_curve_of_the_patients_is_the_one_digitised(seed: int) -> None:
    one = arm(seed, 18.0, 0.005)
    found = reconstruct(one.curve)
    km = kaplan_meier(found.time, found.event, present=np.ones(len(found.time), bool))
    height = np.append(1.0, km.survival)[np.searchsorted(km.time, one.curve.time, side="right")]
    assert np.abs(height - one.curve.survival).max() == pytest.approx(found.distance, abs=1e-12)
    assert np.abs(height - one.curve.survival)[one.curve.time < 30].max() < 0.0101
    assert km_at(found.time, found.event, one.curve.time) == pytest.approx(height, abs=1e-12)
    far = int(np.searchsorted(one.curve.time, found.farthest))
    assert abs(height[far] - one.curve.survival[far]) == pytest.approx(found.distance, abs=1e-12)


def level_table(at_risk: list[int]) -> DigitisedCurve:
    """A curve that falls to 0.8 within a year and stays there for two, with a table of every half year."""
    risk = np.arange(len(at_risk)) * 6.0
    return DigitisedCurve(
        np.array([*np.arange(1.0, 11.0), 36.0]),
        np.array([*(1 - 0.02 * np.arange(1, 11)), 0.8]),
        risk,
        np.array(at_risk),
    )


def test_nobody_dies_because_a_table_falls() -> None:
    """Where the curve is level, those who leave were censored, however many they are."""
    found = reconstruct(level_table([100, 88, 60, 30, 10, 2]))
    assert found.time[found.event].max() <= 10
    assert found.events <= 20
    assert [one.excess for one in found.intervals] == [0] * 6
    assert [one.deaths for one in found.intervals[2:]] == [0] * 4


def test_where_curve_and_table_contradict_each_other_the_curve_is_followed_and_the_difference_told() -> None:
    """The table loses 2 in the first half year, in which the curve loses 12 of 100: ten would have to come back."""
    found = reconstruct(level_table([100, 98, 94, 80, 70, 60]))
    apart = [one for one in found.intervals if one.contradicts]
    assert [(one.start, one.printed, one.at_risk, one.excess) for one in apart] == [
        (6.0, 98, 90, -8),
        (12.0, 94, 80, -14),
    ]
    assert found.events == 20
    assert found.distance < 0.006
    assert [one.excess for one in found.intervals[3:]] == [0] * 3  # met again as soon as that can be


def test_a_death_that_only_noise_shows_waits_where_the_table_has_no_room_for_it() -> None:
    heights = np.array([0.99, 0.98, 0.9745, 0.96])
    times, risk = np.array([1.0, 2.0, 5.0, 9.0]), np.array([0.0, 6.0, 8.0])
    found = reconstruct(DigitisedCurve(times, heights, risk, np.array([100, 98, 98])))
    assert [one.excess for one in found.intervals] == [0, 0, 0]
    assert found.time[found.event].tolist() == [1.0, 2.0, 9.0, 9.0]
    surer = reconstruct(DigitisedCurve(times, heights - [0, 0, 0.005, 0], risk, np.array([100, 98, 98])))
    assert [one.excess for one in surer.intervals] == [0, -1, -1]
    assert not any(one.contradicts for one in surer.intervals)  # within what digitising explains


def test_a_total_of_events_is_met_by_censoring_after_the_last_number_at_risk_alone() -> None:
    one = arm(3, 18.0, 0.001, every=24.0)
    free = reconstruct(one.curve)
    for total in (free.events - 3, free.events + 3):
        met = reconstruct(one.curve, total)
        assert met.events == total
        assert met.intervals[:-1] == free.intervals[:-1]
        assert met.intervals[-1].at_risk == free.intervals[-1].at_risk
    assert reconstruct(one.curve, free.events + 90).events < free.events + 90  # nobody is invented for it


def test_without_a_table_nobody_is_censored_before_the_end_unless_the_total_says_so() -> None:
    one = arm(4, 18.0, 0.001)
    alone = without_table(one.curve, None)
    assert alone.time[~alone.event].min() == one.curve.time[-1]
    total = int(one.event.sum())
    met = without_table(one.curve, total)
    assert met.events == total
    lost = met.time[~met.event]
    lost = lost[lost < met.intervals[0].end]
    when, height = np.append(0.0, one.curve.time), np.append(1.0, one.curve.survival)
    area = [np.sum(height[:-1] * np.diff(np.minimum(when, t))) for t in (*lost, when[-1])]
    assert np.diff(area) == pytest.approx(area[0])  # evenly among those alive


def test_a_curve_is_drawn_on_to_those_still_at_risk_and_nobody_is_left_over() -> None:
    times, heights = np.array([1.0, 2.0]), np.array([0.9, 0.8])
    found = reconstruct(DigitisedCurve(times, heights, np.array([0.0, 6.0, 12.0]), np.array([10, 5, 0])))
    assert found.extended
    assert found.intervals[-1].end == 6.0
    assert len(found.time) == 10
    assert found.events == 2
    over = reconstruct(DigitisedCurve(times, np.array([0.5, 0.0]), np.array([0.0]), np.array([10])))
    assert over.event.all()
    assert over.time.tolist() == [1.0] * 5 + [2.0] * 5


def test_the_same_curve_gives_the_same_patients() -> None:
    one = arm(5, 18.0, 0.005)
    first, again = reconstruct(one.curve, 150), reconstruct(one.curve, 150)
    assert first.time.tobytes() == again.time.tobytes()
    assert first.event.tobytes() == again.event.tobytes()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"time": np.array([2.0, 1.0])}, "in order"),
        ({"survival": np.array([0.5, 0.6])}, "never rises"),
        ({"survival": np.array([0.5])}, "as many times"),
        ({"survival": np.array([np.nan, 0.5])}, "finite"),
        ({"risk_time": np.array([1.0])}, "time 0"),
        ({"at_risk": np.array([0])}, "time 0"),
    ],
)
def test_what_is_no_curve_is_refused(change: dict[str, Floats], told: str) -> None:
    curve = DigitisedCurve(np.array([1.0, 2.0]), np.array([0.9, 0.8]), np.array([0.0]), np.array([10]))
    with pytest.raises(ValueError, match=told):
        reconstruct(replace(curve, **change))  # type: ignore[arg-type]
