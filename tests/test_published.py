"""Printed numbers: what a text stands for, and the parts of a key's brackets."""

from math import inf

import pytest

from analysis.audit.published import (
    Element,
    Stands,
    counts_printed_so,
    exact_value,
    parse_element,
    parse_months,
    parse_printed,
)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("55.3", 55.25, 55.35),
        ("1.00", 0.995, 1.005),
        ("49", 48.5, 49.5),
        ("18%", 17.5, 18.5),
        ("<0.001", -inf, 0.001),
        ("< 0.001", -inf, 0.001),
        (">0.999", 0.999, inf),
        (">1", 1, inf),
        ("NA", inf, inf),
        ("-0.5", -0.55, -0.45),
    ],
)
def test_a_text_stands_for_all_values_that_are_printed_so(text: str, low: float, high: float) -> None:
    stands = parse_printed(text)
    assert stands.low == pytest.approx(low, rel=1e-15)
    assert stands.high == pytest.approx(high, rel=1e-15)


@pytest.mark.parametrize("text", ["", "not_printed", "0.3.4", "2019-01", "1e3", "12 of 30", "–"])
def test_a_text_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a printed number"):
        parse_printed(text)


def test_a_bound_has_no_exact_value() -> None:
    assert exact_value("0.36") == 0.36
    assert exact_value("20%") == 20
    assert [exact_value(text) for text in ("<0.001", ">1", "NA")] == [None, None, None]


@pytest.mark.parametrize(
    ("text", "element"),
    [
        ("age", Element("age")),
        ("age<=50", Element("age", "<=", "50")),
        ("age>50", Element("age", ">", "50")),
        ("ecog>=1", Element("ecog", ">=", "1")),
        ("sex=Female", Element("sex", "=", "Female")),
        ("afp=≤ 400", Element("afp", "=", "≤ 400")),
        ("afp=> 400", Element("afp", "=", "> 400")),
    ],
)
def test_brackets_name_a_variable_and_its_values(text: str, element: Element) -> None:
    assert parse_element(text) == element


def test_a_date_is_a_month_or_a_day_of_it() -> None:
    month, day = parse_months("2019-01"), parse_months("2025-04-30")
    assert month == Stands(2019 * 12, 2019 * 12 + 1)
    assert day is not None
    assert day.low == day.high
    assert 2025 * 12 + 3 < day.low < 2025 * 12 + 4
    assert parse_months("26.0") is None


def test_intervals_meet_in_a_shared_end_and_tell_their_gap() -> None:
    a, b, c = Stands(0, 1), Stands(1, 2), Stands(1.5, 3)
    assert a.meets(b)
    assert not a.meets(b, -1e-9)
    assert not a.meets(c)
    assert (a.gap(c), c.gap(a), a.gap(b)) == (0.5, 0.5, 0)
    assert Stands(-inf, 0.4).within(0, 1) == Stands(0, 0.4)
    assert c.within(0, 1) == Stands(1, 1)


@pytest.mark.parametrize(
    ("text", "n", "counts"),
    [
        ("3.2", 253, [8]),
        ("3.0", 169, [5]),
        ("12", 200, [23, 24, 25]),
        ("5.8", 180, []),
        ("0", 30, [0]),
        ("100.0", 30, [30]),
        ("<10", 30, [0, 1, 2, 3]),
        (">90", 30, [27, 28, 29, 30]),
        ("NA", 30, []),
        ("-3", 30, []),
        ("101", 30, []),
    ],
)
def test_the_counts_that_a_percentage_can_be(text: str, n: int, counts: list[int]) -> None:
    assert list(counts_printed_so(parse_printed(text), n)) == counts
