"""Printed numbers: what a text stands for, and the parts of a key's brackets."""

from math import inf

import pytest

from analysis.audit.kinds import kind_of
from analysis.audit.published import (
    Element,
    Stands,
    counts_printed_so,
    exact_value,
    parse_element,
    parse_months,
    parse_printed,
    plain_print,
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


HR, COUNT = "endpoints.death.after.cox.hr", "table1.before[sex=Male].treated.n"
PERCENT = "binary.ORR.before.treated.percent"
P, MEDIAN, MEAN = "table1.before[age].p", "endpoints.death.after.km.treated.median", "table1.before[age].treated.mean"
SURVIVAL, DIFFERENCE = "endpoints.death.after.km.treated.survival[24]", "binary.ORR.before.risk_difference.value"

SPELLINGS = [
    ("0·56", HR, "0.56"),
    ("0\u22c556", HR, "0.56"),
    ("0,56", HR, "0.56"),
    ("0,560", HR, "0.560"),
    (".56", HR, "0.56"),
    ("·56", HR, "0.56"),
    ("12,5", MEAN, "12.5"),
    ("1.234,5", MEAN, "1234.5"),
    ("1,234.5", MEAN, "1234.5"),
    ("3,717", COUNT, "3717"),
    ("3 717", COUNT, "3717"),
    ("3\u2009717", COUNT, "3717"),
    ("3\u202f717", COUNT, "3717"),
    ("3'717", COUNT, "3717"),
    ("1.234.567", COUNT, "1234567"),
    ("12,345,678", COUNT, "12345678"),
    ("3,717", MEAN, "3717"),
    ("NR", MEDIAN, "NA"),
    ("NE", MEDIAN, "NA"),
    ("Not reached", MEDIAN, "NA"),
    ("not estimable", MEDIAN, "NA"),
    ("\u221e", MEDIAN, "NA"),
    ("NE", "endpoints.death.after.cox.high", "NA"),
    ("254 (62.0)", COUNT, "254"),
    ("254 (62.0)", PERCENT, "62.0"),
    ("254 (62.0%)", PERCENT, "62.0"),
    ("254 [62,0 %]", PERCENT, "62.0"),
    ("1,254 (62·0%)", COUNT, "1254"),
    ("62.0% (254)", COUNT, "254"),
    ("62.0% (254)", PERCENT, "62.0"),
    ("254/410 (62.0)", COUNT, "254"),
    ("254/410", COUNT, "254"),
    ("<0·001", P, "<0.001"),
    ("< .001", P, "<0.001"),
    ("p<0.001", P, "<0.001"),
    ("P = 0.03", P, "0.03"),
    ("<=0,001", P, "≤0.001"),
    ("62.0 %", PERCENT, "62.0"),
    ("\u22120.5", MEAN, "-0.5"),
    ("\u20130.5", MEAN, "-0.5"),
    ("\u2013 .5", MEAN, "-0.5"),
    ("+0.5", MEAN, "0.5"),
    ("62%", SURVIVAL, "62%"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "key", "plain"), SPELLINGS)
def test_a_cell_is_read_however_its_journal_spells_it(text: str, key: str, plain: str) -> None:
    assert plain_print(text, key) == plain
    assert parse_printed(text, key) == parse_printed(plain, key)


@pytest.mark.parametrize(
    ("text", "key", "told"),
    [
        ("1,234", HR, "may be 1.234 or 1234; write the one"),
        ("1,234", P, "may be 1.234 or 1234"),
        ("3.717", COUNT, "may be 3.717 or 3717"),
        ("254 (62.0)", MEAN, "holds two numbers; write the one"),
        ("254/410", PERCENT, "holds two numbers"),
        ("62.0%", COUNT, "is a percentage; a count is wanted"),
        ("0,001,234", COUNT, "not a printed number"),
        ("12 34", COUNT, "not a printed number"),
        ("0.3–0.5", HR, "not a printed number"),
        ("–", P, "not a printed number"),
        ("", P, "not a printed number"),
        ("٣", COUNT, "not a printed number"),
        ("0..5", HR, "not a printed number"),
        ("5.", HR, "not a printed number"),
        ("254 (62.0) (3)", COUNT, "not a printed number"),
        ("about 5", HR, "not a printed number"),
    ],
)
def test_a_cell_that_is_none_or_may_be_two_is_refused(text: str, key: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        plain_print(text, key)


@pytest.mark.parametrize(
    ("text", "key", "low", "high"),
    [
        ("62.0%", SURVIVAL, 0.6195, 0.6205),
        ("62.0", SURVIVAL, 0.6195, 0.6205),
        ("0.62", SURVIVAL, 0.615, 0.625),
        ("1.00", SURVIVAL, 0.995, 1.005),
        ("0%", SURVIVAL, -0.005, 0.005),
        ("\u221212·3%", DIFFERENCE, -0.1235, -0.1225),
        ("<1%", SURVIVAL, -inf, 0.01),
    ],
)
def test_a_percentage_where_a_share_stands_is_divided_by_a_hundred(text, key, low, high) -> None:
    stands = parse_printed(text, key)
    assert (stands.low, stands.high) == (pytest.approx(low), pytest.approx(high))


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("cohort.control", "count"),
        ("matching.n_pairs", "count"),
        ("table1.after[age].treated.n", "count"),
        ("table1.after[age].treated.median", "amount"),
        ("table1.after[age].smd", "amount"),
        ("endpoints.low.after.km.control.low", "amount"),
        ("endpoints.E.after.km.control.at_risk[12]", "count"),
        ("endpoints.E.after.km.control.survival[12].high", "share"),
        ("endpoints.E.after.km.control.rmst[12]", "amount"),
        ("endpoints.E.after.follow_up.overall.q1", "amount"),
        ("endpoints.E.before.univariable[age].low", "ratio"),
        ("endpoints.E.before.subgroups[all].interaction_p", "p"),
        ("endpoints.E.before.cox.log_hr", "amount"),
        ("binary.ORR.before.odds_ratio.value", "ratio"),
        ("binary.ORR.before.risk_difference.low", "share"),
        ("binary.ORR.after.mcnemar.p", "p"),
        ("[", "amount"),
    ],
)
def test_the_kind_of_a_number_is_told_by_its_key(key: str, kind: str) -> None:
    assert kind_of(key) == kind
