"""Result lines: each number under its key, as printed; what is not understood is asked about, and gives none."""

# ruff: noqa: E501 (a case a line)

import pytest

from analysis.paper.number_keys import problem
from analysis.paper.number_tree import any_paper
from tests.pasted_papers import asked, lines_of, printed

OS = "endpoints.OS"


def km(side: str, arm: str, *values: str) -> dict[str, str]:
    """A median with its limits."""
    names = ("median", "low", "high")
    return {f"{OS}.{side}.km.{arm}.{name}": value for name, value in zip(names, values, strict=False)}


def ratio(place: str, *values: str) -> dict[str, str]:
    """A ratio with its limits and p."""
    return {f"endpoints.{place}.{name}": value for name, value in zip(("hr", "low", "high", "p"), values, strict=False)}


BEFORE = {
    **km("before", "treated", "26.0", "18.4", "NA"),
    **km("before", "control", "8.6", "7.9", "10.0"),
    **ratio("OS.before.cox", "0.36", "0.28", "0.46", "<0.001"),
}


@pytest.mark.parametrize(
    "line",
    [
        "OS before: HLP 26.0 (18.4–NA) vs LP 8.6 (7.9–10.0); HR 0.36 (0.28–0.46); P < 0.001",
        "OS before: HLP 26.0 months (95% CI 18.4–NA) versus LP 8.6 months (95% CI, 7.9–10.0); HR, 0.36 [95% CI, 0.28–0.46]; P<.001",
        "OS before median: HLP 26·0 (18·4 to not reached) vs. LP 8·6 (7·9 to 10·0); HR 0·36 (95% CI 0·28–0·46; p<0·001)",
        "OS unmatched: HLP group 26.0 [18.4, NR]; LP group 8.6 [7.9, 10.0]; hazard ratio 0.36, 95% CI 0.28–0.46, P < 0.001",
        "os before:\u00a0HLP\u00a026.0 (18.4−NE) vs LP: 8.6 (7.9; 10.0); HR (HLP vs LP) 0.36; 95% CI 0.28 to 0.46; P value <0.001",
        "OS before: LP 8.6 (7.9–10.0) vs HLP 26.0 (18.4–NA), HR 0.36 (0.28–0.46), P < 0.001   # the order is free",
    ],
)
def test_a_line_is_read_in_the_print_of_many_journals(line: str) -> None:
    assert printed(line) == BEFORE


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("patients: 422", {"cohort.n": "422"}),
        ("patients: 1,616", {"cohort.n": "1616"}),
        ("patients before: HLP 169 vs LP 253", {"cohort.treated": "169", "cohort.control": "253"}),
        ("patients after: HLP 151 vs LP 151", {"matching.n_treated": "151", "matching.n_control": "151"}),
        ("pairs: 151", {"matching.n_pairs": "151"}),
        ("OS before: HLP not reached vs LP NR (7.9–NR)", km("before", "treated", "NA") | km("before", "control", "NA", "7.9", "NA")),
        ("OS before events: LP 194 (76.7%) vs HLP 68", {
            f"{OS}.before.km.control.events": "194", f"{OS}.before.km.control.percent": "76.7",
            f"{OS}.before.km.treated.events": "68"}),
        ("OS before events: HLP 68/169 (40.2%)", {
            f"{OS}.before.km.treated.events": "68", f"{OS}.before.km.treated.percent": "40.2",
            f"{OS}.before.km.treated.n": "169"}),
        ("OS before events: HLP 68 (40.2)", {
            f"{OS}.before.km.treated.events": "68", f"{OS}.before.km.treated.percent": "40.2"}),
        ("OS PFS after events: not printed", {
            f"endpoints.{name}.after.km.{arm}.events": "not_printed"
            for name in ("OS", "PFS") for arm in ("control", "treated")}),
        ("OS after events: HLP not printed", {f"{OS}.after.km.treated.events": "not_printed"}),
        ("OS after: HR not printed", {f"{OS}.after.cox.hr": "not_printed"}),
        ("OS before follow-up: HLP 30.8 (16.8–51.9)", {
            f"{OS}.before.follow_up.treated.median": "30.8", f"{OS}.before.follow_up.treated.low": "16.8",
            f"{OS}.before.follow_up.treated.high": "51.9"}),
        ("OS before median follow-up: overall 30.8 months", {f"{OS}.before.follow_up.overall.median": "30.8"}),
        ("OS after at 12: HLP 70.1% (62.0–76.8) vs LP 38.9%", {
            f"{OS}.after.km.treated.survival[12]": "70.1%", f"{OS}.after.km.treated.survival[12].low": "62.0%",
            f"{OS}.after.km.treated.survival[12].high": "76.8%", f"{OS}.after.km.control.survival[12]": "38.9%"}),
        ("OS after at 1 year: HLP 0.701", {f"{OS}.after.km.treated.survival[12]": "0.701"}),
        ("12-month OS after: HLP 70%", {f"{OS}.after.km.treated.survival[12]": "70%"}),
        ("OS after at 12, 24: HLP 70%, 50% (40–60)", {
            f"{OS}.after.km.treated.survival[12]": "70%", f"{OS}.after.km.treated.survival[24]": "50%",
            f"{OS}.after.km.treated.survival[24].low": "40%", f"{OS}.after.km.treated.survival[24].high": "60%"}),
        ("OS after at risk at 0 6: HLP 151 120 vs LP 151 90", {
            f"{OS}.after.km.treated.n": "151", f"{OS}.after.km.treated.at_risk[6]": "120",
            f"{OS}.after.km.control.n": "151", f"{OS}.after.km.control.at_risk[6]": "90"}),
        ("OS after at 12: RD 31% (20–42); P < 0.001", {
            f"{OS}.after.survival_difference[12]": "31%", f"{OS}.after.survival_difference[12].low": "20%",
            f"{OS}.after.survival_difference[12].high": "42%", f"{OS}.after.survival_difference[12].p": "<0.001"}),
        ("OS after rmst 24: HLP 18.0; P = 0.01", {
            f"{OS}.after.km.treated.rmst[24]": "18.0", f"{OS}.after.rmst_difference[24].p": "0.01"}),
        ("relapse after cumulative incidence at 1 year: HLP 18% vs LP 25%; sHR 0.70 (0.58–0.85); P 0.01; Gray P 0.02", {
            "endpoints.relapse.after.incidence.treated[12]": "18%", "endpoints.relapse.after.incidence.control[12]": "25%",
            **ratio("relapse.after.fine_gray", "0.70", "0.58", "0.85", "0.01"), "endpoints.relapse.after.gray.p": "0.02"}),
        ("relapse after competing events: HLP 12 vs LP 20", {
            "endpoints.relapse.after.competing_events.treated": "12",
            "endpoints.relapse.after.competing_events.control": "20"}),
        ("OS before: HR 0.36; P 0.01; log-rank P 0.02", {
            f"{OS}.before.cox.hr": "0.36", f"{OS}.before.cox.p": "0.01", f"{OS}.before.logrank.p": "0.02"}),
        ("OS before: HLP 26.0 vs LP 8.6; P = 0.017", {
            f"{OS}.before.km.treated.median": "26.0", f"{OS}.before.km.control.median": "8.6",
            f"{OS}.before.logrank.p": "0.017"}),
        ("OS before: stratified HR 0.4 (0.3–0.5); stratified log-rank P 0.01", {
            **ratio("OS.before.cox_stratified", "0.4", "0.3", "0.5"), f"{OS}.before.logrank_stratified.p": "0.01"}),
        ("OS before: adjusted HR 0.4 (0.3–0.5); P < 0.001", ratio("OS.before.multivariable[treatment]", "0.4", "0.3", "0.5", "<0.001")),
        ("OS adjusted: HR 0.4 (0.3–0.5); P < 0.001", ratio("OS.before.multivariable[treatment]", "0.4", "0.3", "0.5", "<0.001")),
        ("OS after HR in Child-Pugh B: > 1", {f"{OS}.after.subgroups[child_pugh=B].hr": ">1"}),
        ("OS after HR in ALBI 2–3: 0.5 (0.3–0.8)", ratio("OS.after.subgroups[albi>=2]", "0.5", "0.3", "0.8")),
        ("OS after HR in Age > 50: HR 0.5 (0.3–0.8); P 0.01; P for interaction 0.4", {
            **ratio("OS.after.subgroups[age>50]", "0.5", "0.3", "0.8", "0.01"),
            f"{OS}.after.subgroups[age>50].interaction_p": "0.4"}),
        ("OS after HR in men: 0.5; HLP 12/50 vs LP 20/60", {
            f"{OS}.after.subgroups[sex=Male].hr": "0.5",
            f"{OS}.after.subgroups[sex=Male].arms.treated.events": "12", f"{OS}.after.subgroups[sex=Male].arms.treated.n": "50",
            f"{OS}.after.subgroups[sex=Male].arms.control.events": "20", f"{OS}.after.subgroups[sex=Male].arms.control.n": "60"}),
        ("OS after HR in all: 0.5", {f"{OS}.after.subgroups[all].hr": "0.5"}),
        ("orr after: LP 18%", {"binary.ORR.after.control.percent": "18"}),
        ("ablation before: HLP 17 (10.1%) vs LP 9 (3.6%); P = 0.012", {
            "binary.ablation.before.treated.yes": "17", "binary.ablation.before.treated.percent": "10.1",
            "binary.ablation.before.control.yes": "9", "binary.ablation.before.control.percent": "3.6",
            "binary.ablation.before.p": "0.012"}),
        ("ORR after: OR 3.5 (2.1–5.9); RD 27.2% (17–37)", {
            "binary.ORR.after.odds_ratio.value": "3.5", "binary.ORR.after.odds_ratio.low": "2.1",
            "binary.ORR.after.odds_ratio.high": "5.9", "binary.ORR.after.risk_difference.value": "27.2%",
            "binary.ORR.after.risk_difference.low": "17%", "binary.ORR.after.risk_difference.high": "37%"}),
    ],
)  # fmt: skip
def test_each_subject_has_its_keys(line: str, found: dict[str, str]) -> None:
    assert printed(line) == found
    assert not [key for key in found if problem(any_paper(), key)]


def test_heads_say_place_family_statistic_order_and_prefix() -> None:
    text = """[Results, Treatment] exposure before median (range)
pd1_cycles: HLP 12 (6–20)
[Results, Treatment] exposure before median (IQR)
lenvatinib months: LP 5.0 (2.0–11.7)
[Results, Patterns] modes before HLP vs LP
lung: 12.0% vs 34.1%
[Results, Survival] OS after
at 12: HLP 70%
24-month: HLP 50%
[Discussion]
OS after: HR 0.5
"""
    ledger = lines_of(text)
    assert not ledger.questions
    assert {one.key: (one.printed, one.where, one.spot.line) for one in ledger.numbers[1:]} == {
        "exposure.pd1_cycles.before.treated.median": ("12", "Results, Treatment", 2),
        "exposure.pd1_cycles.before.treated.min": ("6", "Results, Treatment", 2),
        "exposure.pd1_cycles.before.treated.max": ("20", "Results, Treatment", 2),
        "exposure.lenvatinib_months.before.control.median": ("5.0", "Results, Treatment", 4),
        "exposure.lenvatinib_months.before.control.q1": ("2.0", "Results, Treatment", 4),
        "exposure.lenvatinib_months.before.control.q3": ("11.7", "Results, Treatment", 4),
        "modes.lung.before.treated.percent": ("12.0", "Results, Patterns", 6),
        "modes.lung.before.control.percent": ("34.1", "Results, Patterns", 6),
        "endpoints.OS.after.km.treated.survival[12]": ("70%", "Results, Survival", 8),
        "endpoints.OS.after.km.treated.survival[24]": ("50%", "Results, Survival", 9),
        "endpoints.OS.after.cox.hr": ("0.5", "Discussion", 11),
    }


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "0S before events: LP 194",
            "did you mean 'OS'? in '0S before events: LP 194'. Write  OS before events: LP 194",
        ),
        ("DFS before: P = 0.01", "did you mean 'PFS'?"),
        ("OS before: HPL 26.0 vs LP 8.6", "Write  OS before: HLP 26.0 vs LP 8.6"),
        ("OS before: Drug 26.0 vs LP 8.6", "'Drug' is no arm and no measure"),
        ("OS before: 26.0 (18.4–NA) vs 8.6", "names no arm and no measure, and no order is said"),
        ("OS: HLP 26.0", "Write  OS before: HLP 26.0   or   OS after: HLP 26.0"),
        ("OS before: HLP 26.0 vs HLP 8.6", "two numbers for one key"),
        ("OS before: HLP 70.1%", "is no median time"),
        ("OS before: HLP 2.2 years (1–3)", "is not in months"),
        ("OS before HR 0.36 (0.28–0.46)", "without ':'"),
        ("OS before: HR 0.36 (0.46–0.28)", "not between its limits"),
        ("OS before: HR -0.36", "no ratio"),
        ("OS before: HR 0.36; P = 1.7", "no p-value"),
        ("OS before: HR for LP vs HLP 2.78", "a ratio of LP over HLP"),
        ("OS before events: HLP 194 (76.7%) vs LP 68 (40.2%)", "more than the 169 patients of HLP"),
        ("OS before events: HLP 68 (26.9%)", "a share of the 253 of LP"),
        ("OS before events: HLP 68 (140.2%)", "over 100 %"),
        ("OS before events: HLP 68 (41.3)", "no whole number"),
        ("OS before events: LP 194; P < 0.001", "no key for a P of events"),
        ("relapse after cumulative incidence at 12: HLP 18%; P = 0.03", "Gray P 0.03   or   log-rank P 0.03"),
        ("relapse after at 12: HLP 80%", "no survival"),
        ("relapse after: HLP 12", "no median"),
        ("OS after cumulative incidence at 12: LP 25.5%", "Write  OS after at 12: LP 74.5%"),
        ("OS after: sHR 0.7", "no subdistribution ratio"),
        ("OS weighted: HR 0.4", "no key where the design is 'matched'"),
        ("OS adjusted: HLP 26.0", "an adjusted model has no such number"),
        ("OS before: HLP 26,0 vs LP 8.6", "not a number"),
        ("OS before: HLP 26.0 (18.4–NA", "not closed"),
        ("OS before:", "without a number"),
        ("OS after at 12, 24: HLP 70%", "1 numbers for 2 times"),
        ("OS after HR in Child-Pugh D: 0.5", "no level 'D' (there is A, B)"),
        ("OS after HR in Chidl-Pugh B: 0.5", "Write  OS after HR in Child-Pugh B: 0.5"),
        ("OS after HR in height > 180: 0.5", "no variable and level"),
        ("ORRR after: LP 18%", "nearly 'ORR'"),
        ("ORR after: HR 0.5", "is no endpoint"),
        ("patients before: HLP 170", "the heads of the tables have n = 169"),
        ("just some words", "without ':'"),
        ("OS before after: HLP 12", "two phases"),
        ("[Results", "a head without its place"),
        ("[Results] modes before LP", "one arm alone"),
        ("[Results] exposure before median (SD)", "no statistic"),
    ],
)
def test_what_is_not_understood_is_asked_and_gives_no_number(line: str, told: str) -> None:
    found = asked(line)
    assert found.startswith("paper.yaml:1: ")
    assert told in found


def test_limits_of_exposure_need_their_statistic() -> None:
    assert "range or quartiles" in asked("[Results] exposure before\npd1_cycles: HLP 12 (6–20)")


def test_what_stands_below_a_faulty_head_gives_no_number() -> None:
    ledger = lines_of("[Results modes before HLP vs LP\nlung: 12.0% vs 34.1%\n[Results]\nOS after: HR 0.5")
    assert [one.spot.line for one in ledger.questions] == [1, 2]
    assert [one.key for one in ledger.numbers[1:]] == ["endpoints.OS.after.cox.hr"]


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("", "cox"),
        ("not stated", "cox"),
        ("log-rank", "logrank"),
        ("stratified log-rank test", "logrank_stratified"),
        ("Wald", "cox"),
    ],
)
def test_the_methods_turn_a_bare_p(said: str, key: str) -> None:
    found = printed("OS before: HR 0.36; P 0.01", methods={"survival_p": said})
    assert found == {"endpoints.OS.before.cox.hr": "0.36", f"endpoints.OS.before.{key}.p": "0.01"}


def test_a_test_of_survival_that_is_none_is_asked() -> None:
    ledger = lines_of("OS before: HR 0.36; P 0.01", methods={"survival_p": "chi-square"})
    assert all(ledger.questions[0].withholds(one) for one in ledger.numbers[1:])


@pytest.mark.parametrize(
    ("design", "line", "key"),
    [
        ("weighted", "OS weighted: HR 0.7", "endpoints.OS.after.cox.hr"),
        ("weighted", "OS: weighted HR 0.7", "endpoints.OS.after.cox.hr"),
        ("weighted", "OS before: HR 0.7", "endpoints.OS.before.cox.hr"),
        ("randomised", "OS: HR 0.7", "endpoints.OS.before.cox.hr"),
        ("randomised", "OS: stratified HR 0.7", "endpoints.OS.before.cox_stratified.hr"),
        ("adjusted", "OS: aHR 0.7", "endpoints.OS.before.multivariable[treatment].hr"),
        ("crude", "OS: HR 0.7", "endpoints.OS.before.cox.hr"),
    ],
)
def test_sides_follow_the_design(design: str, line: str, key: str) -> None:
    assert printed(line, design=design) == {key: "0.7"}


@pytest.mark.parametrize(
    ("unit", "line", "time"),
    [
        ("years", "OS after at 6 months: HLP 70%", "0.5"),
        ("days", "OS after at 1 year: HLP 70%", "365.25"),
        ("weeks", "OS after at 14 days: HLP 70%", "2"),
        ("months", "OS after at 1, 2 years: HLP 70%, 60%", "12"),
    ],
)
def test_times_are_put_in_the_unit_of_the_paper(unit: str, line: str, time: str) -> None:
    assert f"endpoints.OS.after.km.treated.survival[{time}]" in printed(line, time_unit=unit)


def test_arms_of_many_words_are_told_apart() -> None:
    arms = {"control": "Drug", "treated": "Drug + X: 10 mg (daily)"}
    line = "OS after: Drug + X: 10 mg (daily) 26.0 vs drug 8.6; HR (Drug + X: 10 mg (daily) vs Drug) 0.5"
    found = printed(line, arms=arms)
    assert found == {
        "endpoints.OS.after.km.treated.median": "26.0",
        "endpoints.OS.after.km.control.median": "8.6",
        "endpoints.OS.after.cox.hr": "0.5",
    }


def test_an_outcome_of_no_table_is_told() -> None:
    ledger = lines_of("ablation before: HLP 17 (10.1%)\nablation after: HLP 17 (11.3%)")
    assert [one.text for one in ledger.assumed] == ["'ablation' is an outcome of its own, binary.ablation"]
    assert not lines_of("ORR after: LP 18%").assumed
