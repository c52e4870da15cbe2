"""The audit of printed numbers: what it finds in a real paper, and that it leaves papers without faults alone."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from analysis.audit import audit, conventions
from analysis.audit.paper import Finding
from simulator.world.sections import usual_endpoints
from tests.printed_papers import SyntheticPaper, printed, real_paper

PAPERS = 200


@cache
def found() -> tuple[Finding, ...]:
    """All findings of the real paper."""
    return audit(real_paper(), usual_endpoints({}))


def about(key: str, check: str = "") -> list[Finding]:
    """The real paper's findings that are about a key, of one check."""
    return [one for one in found() if key in one.keys and check in one.check]


def only(key: str, check: str = "") -> Finding:
    """The one such finding."""
    (one,) = about(key, check)
    return one


def test_the_severe_come_first_and_all_say_where() -> None:
    order = [one.severity for one in found()]
    assert order == sorted(order, key=("severe", "moderate", "note").index)
    assert set(order) == {"severe", "moderate", "note"}
    for one in found():
        assert one.keys
        assert one.where
        assert "\n" not in one.arithmetic + one.consistent


def test_the_severe_findings_of_the_paper_are_these() -> None:
    severe = {one.keys[0].removeprefix("endpoints.") for one in found() if one.severity == "severe"}
    assert severe == {
        "binary.rash_34.before.control.yes",
        "binary.fatigue_34.before.treated.yes",
        "OS.before.cox.hr",
        "OS.after.multivariable[age>50].hr",
        "OS.after.univariable[lung].hr",
        "OS.after.multivariable[lung].hr",
        "PFS.after.univariable[lung].hr",
    }


@pytest.mark.parametrize("side", ["before", "after"])
def test_albi_is_fishers_test(side: str) -> None:
    one = only(f"table1.{side}[albi].p")
    assert (one.severity, one.check) == ("note", "p by another test")
    assert "it is Fisher's exact test (an expected count is" in one.arithmetic


@pytest.mark.parametrize(("key", "other"), [("table1.after[ecog].p", "0.729"), ("binary.ablation.before.p", "0.006")])
def test_ecog_and_ablation_are_fishers_or_yatess_and_not_pearsons(key: str, other: str) -> None:
    one = only(key, "p by another test")
    assert "it is Fisher's exact test or chi-square with Yates's correction" in one.arithmetic
    assert one.consistent.startswith(f"{other} by Pearson's chi-square without correction")


def test_one_test_explains_each_table() -> None:
    tables = {one.table: one for one in conventions(real_paper())}
    assert (tables["Table 1"].explained["pearson"], tables["Table 1"].total) == (19, 22)
    assert tables["Table 1"].with_fisher == 21
    assert str(tables["Table 1"]).startswith("Table 1: 19 of 22 p-values are Pearson's chi-square without correction;")
    assert (tables["Table 2"].explained["pearson"], tables["Table 2"].total) == (4, 4)
    four = tables["Table 4"]
    assert (four.convention, four.explained["n_minus_1"], four.explained["pearson"], four.total) == (
        "n_minus_1",
        38,
        30,
        38,
    )
    assert not tables["Discussion"].alone


def test_a_table_by_an_unusual_test_is_told_once() -> None:
    one = only("binary.elevated_ast.before.p")
    assert (one.severity, one.check, len(one.keys)) == ("note", "an unusual test", 8)
    assert "53/200 against 25/144" not in one.arithmetic
    assert one.arithmetic.startswith("Table 4: 38 of 38 p-values are the N - 1 chi-square")


def test_equal_counts_with_different_p() -> None:
    one = only("table1.after[sex].p")
    assert one.severity == "moderate"
    assert {"table1.after[sex].p", "table1.after[ecog].p"} < set(one.keys)
    assert "p = 0.729 and 0.862" in one.arithmetic


def test_the_interval_below_the_floor_of_information() -> None:
    one = only("endpoints.OS.before.cox.hr")
    assert one.check == "information of the events"
    assert "SE = 0.127 (at most 0.134 within rounding) < sqrt(1/194 + 1/68) = 0.141" in one.arithmetic
    assert one.consistent.startswith("no model-based Cox Wald interval")


@pytest.mark.parametrize(
    ("row", "checks"),
    [
        ("OS.after.univariable[lung]", {"ratio amid its limits", "p of the interval", "information of the events"}),
        ("OS.after.multivariable[lung]", {"ratio amid its limits", "p of the interval", "information of the events"}),
        ("PFS.after.univariable[lung]", {"ratio amid its limits", "p of the interval", "information of the events"}),
        ("OS.after.multivariable[age>50]", {"ratio amid its limits", "p of the interval"}),
    ],
)
def test_rows_of_table_3_contradict_themselves(row: str, checks: set[str]) -> None:
    assert {one.check for one in about(f"endpoints.{row}.hr")} == checks


def test_the_other_rows_of_table_3_are_left_alone() -> None:
    faulty = {key.partition("]")[0] for one in found() for key in one.keys if "variable[" in key}
    assert faulty == {
        "endpoints.OS.after.univariable[lung",
        "endpoints.OS.after.multivariable[lung",
        "endpoints.PFS.after.univariable[lung",
        "endpoints.OS.after.multivariable[age>50",
        "endpoints.OS.after.univariable[treatment",  # 0.26 here, 0.27 in the text
        "endpoints.PFS.after.univariable[treatment",  # 0.76 here, 0.77 in the text
    }


def test_misprinted_percentages_and_what_they_should_be() -> None:
    rash, fatigue = only("binary.rash_34.before.control.percent"), only("binary.fatigue_34.before.treated.percent")
    assert rash.arithmetic == "6 of 253 = 2.372 %, printed 3.2 %"
    assert rash.consistent == "2.4 %, or a count of 8 (but the printed p confirms the count)"
    assert fatigue.arithmetic == "11 of 169 = 6.509 %, printed 3.0 %"
    assert {rash.severity, fatigue.severity} == {"severe"}


def test_one_fraction_printed_as_two_percentages() -> None:
    (one,) = about("binary.nausea.before.control.percent", "one fraction")
    assert one.keys == ("binary.nausea.before.control.percent", "binary.immune.before.control.percent")
    assert "29 of 253 is printed 11.5 % and 11.4 %" in one.arithmetic


def test_percentages_that_are_sums_of_rounded_ones() -> None:
    one = only("binary.DCR.before.control.percent", "percentage of a count")
    assert one.severity == "note"
    assert one.arithmetic == "175 of 253 = 69.170 %, printed 69.1 % = 0 + 22.9 + 46.2, a sum of rounded percentages"


@pytest.mark.parametrize(("arm", "interval"), [("treated", "16.8 to 51.9"), ("control", "17.4 to 50.8")])
def test_follow_up_intervals_are_too_wide(arm: str, interval: str) -> None:
    one = only(f"endpoints.OS.before.follow_up.{arm}.low")
    assert one.severity == "moderate"
    assert interval in one.arithmetic
    assert "quartiles or a range" in one.consistent


@pytest.mark.parametrize(("arm", "first", "totals"), [("treated", 175, ["175"]), ("control", 287, ["287", "299"])])
def test_shares_of_modes_and_the_totals_that_fit(arm: str, first: int, totals: list[str]) -> None:
    one = only(f"modes.death.before.{arm}.percent")
    assert one.severity == "note"
    assert f"the smallest total that fits all is {first} = " in one.arithmetic
    assert one.consistent.split(" modes")[0].split(" or ")[: len(totals)] == totals


def test_the_text_against_the_table() -> None:
    one = only("binary.ORR.after.control.percent")
    assert (one.severity, one.check) == ("moderate", "printed twice")
    assert one.arithmetic == "20.5 (Table 2), 18 (Discussion)"
    assert one.where == "Table 2; Discussion"
    assert not audit({"binary.ORR.before.control.percent": printed("20.5", also="21%")})


def test_a_text_that_is_no_number_is_told_with_its_key() -> None:
    with pytest.raises(ValueError, match=r"cohort\.n: '42a' is not a printed number"):
        audit({"cohort.n": printed("42a")})


def test_nothing_printed_is_nothing_found() -> None:
    assert audit({}) == ()
    assert conventions({}) == ()
    assert audit({"endpoints.OS.after.km.control.events": printed("not_printed")}) == ()


@pytest.mark.parametrize("seed", range(12))
def test_garbled_papers_are_audited_without_a_fault(seed: int) -> None:
    rng = np.random.default_rng(seed)
    texts = [
        "0",
        "1",
        "-3",
        "0.00",
        "NA",
        "<1",
        "<0.001",
        ">5",
        ">0.999",
        "100",
        "9999",
        "0.36",
        "not_printed",
        "2019-01",
    ]
    paper = {key: one for key, one in real_paper().items() if rng.random() > 0.15}
    for key in paper:
        if rng.random() < (0.03, 0.5)[seed % 2]:
            paper[key] = printed(str(rng.choice(texts)), str(rng.choice(["Table 1", "Table 2"])))
    assert all(one.where and one.arithmetic for one in audit(paper, usual_endpoints({})))
    assert all(0 <= table.explained[table.convention] <= table.total for table in conventions(paper))


@pytest.mark.parametrize(
    ("convention", "cox_test"),
    [
        ("auto", "wald"),
        pytest.param("pearson", "likelihood ratio", marks=pytest.mark.slow),
        pytest.param("yates", "score", marks=pytest.mark.slow),
    ],
)
def test_papers_without_faults_have_no_severe_finding(convention: str, cox_test: str) -> None:
    papers = [SyntheticPaper(seed, convention, cox_test).published() for seed in range(PAPERS // 3 + 1)]
    assert min(len(paper) for paper in papers) > 350
    found = [[one.severity for one in audit(paper, usual_endpoints({}))] for paper in papers]
    assert not any("severe" in one for one in found)
    assert sum("moderate" in one for one in found) < 0.05 * len(papers)


def _percent(paper: SyntheticPaper) -> str:
    paper.made["table1.after[x1=Yes].treated.percent"] = printed("99.3")
    return "percentage of a count"


def _p(paper: SyntheticPaper) -> str:
    p = float(paper.made["table1.before[x2].p"].printed.strip("<>"))
    paper.made["table1.before[x2].p"] = printed(f"{p / 3 if p > 0.1 else p + 0.5:.3f}", "Table 1")
    return "p of counts"


def _level(paper: SyntheticPaper) -> str:
    key = "table1.after[grade=1].control.n"
    paper.made[key] = printed(str(int(paper.made[key].printed) + 5), "Table 1")
    return "levels add up"


def _limit(paper: SyntheticPaper) -> str:
    key = "endpoints.OS.after.univariable[x0].high"
    paper.made[key] = printed(f"{float(paper.made[key].printed) * 1.4:.2f}", "Table 3")
    return "ratio amid its limits"


@pytest.mark.parametrize("plant", [_percent, _p, _level, _limit])
def test_a_planted_fault_is_found(plant: Callable[[SyntheticPaper], str]) -> None:
    """The sister of the test above: the same papers with one number changed."""
    noticed = 0
    for seed in range(20):
        paper = SyntheticPaper(seed)
        check = plant(paper)
        noticed += any(
            one.check == check and one.severity == "severe" for one in audit(paper.published(), usual_endpoints({}))
        )
    assert noticed >= 18
