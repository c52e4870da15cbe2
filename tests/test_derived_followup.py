"""Accrual, cut-off and drop-out from print, worked by hand."""

import datetime
from math import log

import numpy as np
import pytest

from benchmarks.derived.course import course_of
from benchmarks.derived.curves import StepRates, grid
from benchmarks.derived.dropout import (
    dropout_by_at_risk,
    dropout_by_events,
    dropout_by_follow_up,
    early_dropout,
    least_share_with_event,
)
from benchmarks.derived.followup import calendar_of, guarantee, in_units, kept_under_observation, whole_date
from benchmarks.derived.parts import bare
from benchmarks.pasted.paper_file import PaperFile
from tests.small_readings import cohort, reading_of

DATE = datetime.date


def paper(**said: object) -> PaperFile:
    return reading_of({}, **said).paper


FIRST = calendar_of(paper(accrual="2019-01 to 2024-01", cut_off="2025-04-30"), None, "months")


@pytest.mark.parametrize(
    ("text", "last", "date"),
    [
        ("2019-01", False, DATE(2019, 1, 1)),
        ("2024-02", True, DATE(2024, 2, 29)),
        ("2018-03-15", True, DATE(2018, 3, 15)),
        ("2015", True, DATE(2015, 12, 31)),
        ("January 2019", False, DATE(2019, 1, 1)),
        ("April 30, 2025", True, DATE(2025, 4, 30)),
        ("30 Sept 2025", True, DATE(2025, 9, 30)),
        ("2019-13", True, None),
        ("2019-02-30", True, None),
        ("soon", True, None),
    ],
)
def test_months_are_whole_dates(text: str, last: bool, date: DATE | None):
    assert whole_date(text, last) == date


@pytest.mark.parametrize("accrual", ["2019-01 to 2024-01", "January 2019 – January 2024", "from 2019-01 until 2024-01"])
def test_the_calendar_of_dates(accrual: str):
    """From 1 January 2019 to 31 January 2024 are 1,856 days, to 30 April 2025 2,311: 60.98 and 75.93 months."""
    plan = calendar_of(paper(accrual=accrual, cut_off="2025-04-30"), 32.0, "months")
    assert (plan.start, plan.end, plan.cut_off) == (DATE(2019, 1, 1), DATE(2024, 1, 31), "2025-04-30")
    assert (plan.accrual, plan.longest) == pytest.approx((60.98, 75.93), abs=0.01)
    assert not plan.questions


def test_times_are_in_units_of_the_world():
    assert in_units("480 days", "years") == pytest.approx(480 / 365.25)
    assert in_units("5.2", "years") == 5.2
    assert in_units("2 years", "weeks") == pytest.approx(2 * 365.25 / 7)
    assert in_units("long", "months") is None


def test_a_cut_off_that_is_not_stated_leaves_the_median_follow_up():
    """Entry over 18 months, 480 days = 15.77 months in the middle: the cut-off is 9 + 15.77 months after the start."""
    said = paper(accrual="2014-10 to 2016-03", cut_off="not stated", follow_up={"median": "480 days"})
    plan = calendar_of(said, in_units("480 days", "months"), "months")
    assert plan.watched().median() == pytest.approx(480 / 365.25 * 12, abs=0.1)
    assert plan.longest == pytest.approx(17.95 / 2 + 15.77, abs=0.05)
    assert {one.path for one in plan.assumed} == {"followup.cut_off", "entry.accrual.shape"}


def test_a_least_follow_up_ends_so_long_after_accrual():
    plan = calendar_of(paper(accrual="2014 to 2014", follow_up={"minimum": "12 months"}), None, "months")
    assert plan.longest - plan.accrual == pytest.approx(12.0, abs=0.02)


def test_dates_that_are_none_are_asked_about():
    plan = calendar_of(paper(accrual="after Easter", cut_off="2013-01"), None, "months")
    assert [one.settle for one in plan.questions] == ["accrual: 2019-01 to 2024-01"]
    early = calendar_of(paper(accrual="2019-01 to 2024-01", cut_off="2018-01"), None, "months")
    assert [one.settle for one in early.questions] == ["cut_off: not stated"]
    assert early.cut_off == "complete"


def test_the_share_kept_for_a_year():
    said = paper(follow_up={"median": "480 days", "at_one_year": "95%"}, time_unit="years")
    assert kept_under_observation(said, "years") == (pytest.approx(1.0), 0.95, "at_one_year: 95%")
    numbers = {"endpoints.OS.before.km.control.survival[1]": "83%"}
    reading = reading_of(numbers, cohort(100, 100), follow_up={"at_one_year": "95%"}, time_unit="years")
    rate = bare(course_of(reading, {}).followup)["dropout"]["Placebo"]["rate"]
    assert rate == pytest.approx(-log(0.95), rel=1e-3)


def test_drop_out_from_the_median_follow_up():
    """Entry over 60.98 of 75.93 months and a median of 32.6: exp(-32.6 d) (75.93 - 32.6) / 60.98 = 0.5, d = 0.01077."""
    lost = dropout_by_follow_up(32.6, "Results", FIRST, "LP")
    assert lost.steps.rates[0] == pytest.approx(log(2 * (75.93 - 32.6) / 60.98) / 32.6, rel=1e-3)
    assert lost.steps.rates[0] == pytest.approx(0.01077, abs=1e-5)
    longer = dropout_by_follow_up(60.0, "Results", FIRST, "LP")
    assert longer.source.startswith("next to none: the calendar alone leaves a median follow-up of 45.4")


def test_the_least_share_that_a_median_allows():
    """26.0 and 30.8 months in the first paper: 42.3 % of the arm; 8.6 and 32.6: 48.0 %."""
    lost = dropout_by_follow_up(30.8, "Results", FIRST, "HLP").steps.rates[0]
    assert least_share_with_event(26.0, log(2) / 26.0, lost, FIRST) == pytest.approx(0.423, abs=0.002)
    lost = dropout_by_follow_up(32.6, "Results", FIRST, "LP").steps.rates[0]
    assert least_share_with_event(8.6, log(2) / 8.6, lost, FIRST) == pytest.approx(0.480, abs=0.002)


def test_drop_out_goes_early_where_one_rate_contradicts():
    numbers = {
        "endpoints.OS.before.km.control.events": "68",
        "endpoints.OS.before.km.control.median": "26.0",
        "endpoints.OS.before.follow_up.control.median": "30.8",
        "endpoints.OS.before.km.treated.events": "88",
        "endpoints.OS.before.km.treated.median": "26.0",
        "endpoints.OS.before.follow_up.treated.median": "30.8",
    }
    numbers |= {
        f"table1.before[age].{arm}.{what}": "5" for arm in ("control", "treated") for what in ("mean", "sd", "n")
    }
    numbers |= {
        f"table1.before[bmi].{arm}.{what}": "5" for arm in ("control", "treated") for what in ("mean", "sd", "n")
    }
    said = {"accrual": "2019-01 to 2024-01", "cut_off": "2025-04-30"}
    course = course_of(reading_of(numbers, cohort(169, 169), **said), {})
    (found,) = course.findings
    assert "Placebo: with a median of 26 months and a median follow-up of 30.8 at least 42." in found.text
    assert "40.2 % are printed: drop-out goes early" in found.text
    early, late = bare(course.followup)["dropout"]["Placebo"]["rates"]
    assert early > 2 * late
    assert "followup.dropout.Placebo.rates.0" in course.free


def test_two_rates_bring_back_what_they_made():
    times, survival = grid(FIRST.longest), np.exp(-0.03 * grid(FIRST.longest))
    watched = FIRST.watched(StepRates((8.0,), (0.05, 0.01)))
    made = early_dropout([(watched.events(times, survival), survival)], watched.median(), 8.0, times, FIRST)
    assert made.rates == pytest.approx((0.05, 0.01), rel=0.3)


def test_drop_out_from_events():
    """Hazard 0.03, half with the event: 0.03 / 0.05155 (1 - (exp(-0.771) - exp(-3.914)) / (0.05155 x 60.98)) = 0.5."""
    times = grid(FIRST.longest)
    assert dropout_by_events(0.5, times, np.exp(-0.03 * times), FIRST) == pytest.approx(0.02155, rel=0.01)


def test_drop_out_from_patients_at_risk():
    """Of 200, S(10) = 0.5 and no cut-off before: 100 without drop-out; 82 at risk: log(100 / 82) / 10 = 0.0198."""
    assert dropout_by_at_risk({10.0: 82.0}, 200, {10.0: 0.5}) == pytest.approx(0.0198, abs=1e-4)


def test_who_must_have_lived_to_be_in_the_study():
    """Six cycles, one in three weeks: 18 weeks = 4.14 months, in both arms; two of a drug of one arm: 1.38 there."""
    said = paper(
        eligibility={"cycles": "at least 6", "pump": "Drug at least 2", "age": "18 to 75"},
        exposure={"cycles": "one in 3 weeks", "pump": "one in 3 weeks; Drug only; at most 8"},
    )
    assert guarantee(said, "control", "months") == pytest.approx(18 * 7 / (365.25 / 12))
    only = paper(eligibility={"pump": "Drug at least 2"}, exposure={"pump": "one in 3 weeks; Drug only"})
    assert guarantee(only, "control", "months") == 0.0
    assert guarantee(only, "treated", "months") == pytest.approx(42 / (365.25 / 12))


def test_a_median_until_death_is_no_drop_out() -> None:
    """100,000 simulated patients enter over four years and die at 0.35 a year, and nobody drops out: the median of what
    is seen of each is well below that of the calendar, 2.5 years, of which drop-out is needed to make 2.3.
    """
    draw = np.random.default_rng(3)
    window = draw.uniform(0.5, 4.5, 100_000)
    death = draw.exponential(1 / 0.35, 100_000)
    share, ended = (death < window).mean(), np.median(np.minimum(death, window))
    said = {"accrual": "2005-01-01 to 2008-12-31", "cut_off": "2009-06-30", "time_unit": "years"}
    events = {f"endpoints.OS.before.km.{arm}.events": str(round(1000 * share)) for arm in ("control", "treated")}
    for median, lost in ((f"{ended:.2f}", False), ("2.3", True)):
        reading = reading_of(events, cohort(1000, 1000), follow_up={"median": median}, **said)
        rate = bare(course_of(reading, {}).followup)["dropout"]["Drug"]["rate"]
        assert (rate > 0.02) == lost
    assert share == pytest.approx(0.52, abs=0.03)
