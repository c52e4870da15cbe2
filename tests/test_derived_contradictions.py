"""Contradictions of printed numbers, with figures worked by hand."""

from math import log, sqrt

import pytest

from benchmarks.derived.contradictions import (
    composite_against_death,
    contradictions,
    early_dropout_finding,
    ratio_against_events,
    ratio_against_medians,
)
from benchmarks.derived.course import course_of
from benchmarks.derived.printed import PrintedNumbers, printed_numbers
from benchmarks.derived.shape import shape_of
from tests.small_readings import cohort, reading_of


def numbers_of(numbers: dict[str, str], **said: object) -> PrintedNumbers:
    return printed_numbers(reading_of(numbers, cohort(200, 200), **said))


def ratio(hr: str, low: str, high: str, control: str, treated: str) -> dict[str, str]:
    start = "endpoints.OS.before"
    return {
        f"{start}.cox.hr": hr,
        f"{start}.cox.low": low,
        f"{start}.cox.high": high,
        f"{start}.km.control.median": control,
        f"{start}.km.treated.median": treated,
    }


def test_a_ratio_that_goes_with_the_medians_is_not_asked_about():
    """0.36 (0.28-0.46) with 8.6 / 26.0 = 0.331: z = log(0.36 / 0.331) / 0.1266 = 0.67."""
    assert not list(ratio_against_medians(numbers_of(ratio("0.36", "0.28", "0.46", "8.6", "26.0")), "OS", "before"))


def test_a_ratio_far_from_the_medians_is_a_question():
    """0.36 (0.28-0.46) with 8.6 / 10.0 = 0.86: z = log(0.36 / 0.86) / (log(0.46 / 0.28) / 3.92) = -6.88.

    With the medians' own errors, 1 / (log 2 sqrt 200) = 0.102 each: -0.871 / sqrt(0.1266^2 + 2 x 0.102^2) = -4.53.
    """
    (found,) = ratio_against_medians(numbers_of(ratio("0.36", "0.28", "0.46", "8.6", "10.0")), "OS", "before")
    assert found.figures["z"] == pytest.approx(log(0.36 / 0.86) / (log(0.46 / 0.28) / 3.919928), rel=1e-6)
    assert found.figures["z"] == pytest.approx(-6.88, abs=0.01)
    assert found.figures["z_of_both"] == pytest.approx(-4.53, abs=0.01)
    assert "8.6 (Placebo) / 10 (Drug) = 0.86" in found.text
    assert found.settle == "assumed: {as_printed: OS before hazard ratio and medians}"


def test_the_line_that_settles_it_works():
    numbers = ratio("0.36", "0.28", "0.46", "8.6", "10.0")
    open_one = course_of(reading_of(numbers, cohort(200, 200)), {})
    kept = {"as_printed": "OS before hazard ratio and medians"}
    settled = course_of(reading_of(numbers, cohort(200, 200), assumed=kept), {})
    assert len(open_one.questions) == 1
    assert not open_one.findings
    assert not settled.questions
    assert len(settled.findings) == 1


def test_within_the_errors_of_small_arms_medians_it_is_a_finding_alone():
    """z = log(0.60 / 0.86) / 0.13 = -2.8 by the ratio's own error; with 40 patients an arm the medians' are 0.228."""
    reading = reading_of(ratio("0.60", "0.465", "0.774", "8.6", "10.0"), cohort(40, 40))
    (found,) = ratio_against_medians(printed_numbers(reading), "OS", "before")
    assert abs(found.figures["z"]) > 2 > abs(found.figures["z_of_both"])
    assert not found.settle


def test_an_interval_narrower_than_its_events_allow():
    """0.36 (0.28-0.46): SE 0.1266, at most log(0.465 / 0.275) / 3.92 = 0.134; 68 and 194 events: at least 0.1409."""
    numbers = ratio("0.36", "0.28", "0.46", "8.6", "26.0")
    numbers |= {"endpoints.OS.before.km.control.events": "194", "endpoints.OS.before.km.treated.events": "68"}
    (found,) = ratio_against_events(numbers_of(numbers), "OS", "before")
    assert found.figures["floor"] == pytest.approx(sqrt(1 / 68 + 1 / 194), rel=1e-9)
    assert found.figures["most"] == pytest.approx(log(0.465 / 0.275) / 3.919928, rel=1e-6)
    assert not found.settle
    numbers["endpoints.OS.before.km.treated.events"] = "88"  # sqrt(1/88 + 1/194) = 0.1285
    assert not list(ratio_against_events(numbers_of(numbers), "OS", "before"))


def test_progression_after_death_and_fewer_events_than_deaths_are_questions():
    numbers = {
        "endpoints.PFS.before.km.control.median": "9.1",
        "endpoints.OS.before.km.control.median": "8.6",
        "endpoints.PFS.before.km.treated.median": "NA",
        "endpoints.OS.before.km.treated.median": "26.0",
        "endpoints.PFS.before.km.control.events": "180",
        "endpoints.OS.before.km.control.events": "194",
        "endpoints.PFS.before.km.treated.events": "70",
        "endpoints.OS.before.km.treated.events": "68",
    }
    found = list(composite_against_death(numbers_of(numbers), "PFS", "OS", "before"))
    assert [one.figures["death"] for one in found] == [8.6, 194, 26.0]
    assert "the median of PFS is not reached, that of OS 26" in found[2].text
    assert all(one.settle for one in found)
    numbers["endpoints.PFS.before.km.control.median"] = "8.6"  # printed alike: may be
    assert len(list(composite_against_death(numbers_of(numbers), "PFS", "OS", "before"))) == 2


def test_fewer_deaths_than_a_median_allows():
    found = early_dropout_finding("HLP", "OS", 26.0, 30.8, 0.423, 68 / 169, "months")
    assert found is not None
    assert "at least 42.3 % of the arm" in found.text
    assert "40.2 % are printed: drop-out goes early" in found.text
    assert early_dropout_finding("LP", "OS", 8.6, 32.6, 0.48, 194 / 253, "months") is None


def test_clean_print_is_not_doubted():
    numbers = ratio("0.58", "0.42", "0.79", "13.2", "19.2")
    numbers |= {
        "endpoints.OS.before.km.control.events": "65",
        "endpoints.OS.before.km.treated.events": "96",
        "endpoints.PFS.before.km.control.median": "4.3",
        "endpoints.PFS.before.km.treated.median": "6.8",
        "endpoints.PFS.before.km.control.events": "109",
        "endpoints.PFS.before.km.treated.events": "197",
    }
    assert not list(contradictions(numbers_of(numbers), shape_of({"OS": "death", "PFS": "progression or death"})))
