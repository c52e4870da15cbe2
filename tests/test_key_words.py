"""A published number called by what it is: every kind of key, with the labels of a world and without a world."""

import pytest

from analysis.audit import audit
from analysis.audit.paper import Finding
from benchmarks.asked.load_study import load_study
from benchmarks.twin.audit_shown import audit_answer, audit_verdict, by_place, by_weight, doubts_told
from benchmarks.words.key_words import PaperWords, finding_words, in_a_sentence, key_words, row_words, words_of_paper
from simulator.world.sections import Printed


@pytest.fixture(scope="module")
def words() -> PaperWords:
    return words_of_paper(load_study("hcc-lung-metastasis").scenario)


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (
            "endpoints.OS.after.multivariable[lung].hr",
            "overall survival, adjusted: Lung metastasis number (Multiple vs Single), hazard ratio",
        ),
        ("endpoints.OS.after.multivariable[age>50].p", "overall survival, adjusted: Age (> 50), p"),
        ("endpoints.OS.before.cox.low", "overall survival, before matching, effect of treatment, lower limit"),
        ("endpoints.PFS.after.km.treated.median", "progression-free survival, after matching: HLP, median"),
        ("endpoints.OS.after.km.control.events", "overall survival, after matching: LP, deaths"),
        ("endpoints.PFS.after.km.control.events", "progression-free survival, after matching: LP, events"),
        (
            "endpoints.OS.after.km.treated.survival[24]",
            "overall survival, after matching, HLP: free of it at 24 months",
        ),
        ("table1.before[sex=Male].control.n", "before matching, LP: Sex (Male), number of patients"),
        ("table1.after[age].treated.mean", "after matching, HLP: Age, mean"),
        ("table1.before[pvtt].p", "before matching: PVTT (Presence vs Absence), p"),
        ("binary.nausea_34.before.control.percent", "before matching, LP: severe nausea, percent"),
        ("cohort.treated", "HLP, number of patients"),
        ("matching.n_pairs", "matched pairs"),
    ],
)
def test_a_key_is_told_in_the_papers_own_words(words: PaperWords, key: str, told: str) -> None:
    assert key_words(key, words).told == told
    assert key_words(key, words, "Table 9").text == f"Table 9, {told}"


def test_no_key_of_the_paper_is_left_as_it_is_typed(words: PaperWords) -> None:
    published = load_study("hcc-lung-metastasis").scenario.published
    assert len(published) > 500
    for key in published:
        told = key_words(key, words).told
        assert told
        assert "_" not in told, key
        assert "[" not in told, key
        assert key.startswith("world.") or "." not in told.replace("vs.", "").rstrip("0123456789"), key


def test_without_a_world_the_names_of_the_keys_stand_for_themselves() -> None:
    bare = PaperWords()
    assert key_words("endpoints.EFS.before.univariable[grade=3].hr", bare).told == (
        "EFS, before matching, unadjusted: grade (3), hazard ratio"
    )
    assert key_words("binary.skin_rash.before.treated.yes", bare).told == (
        "before matching, treated patients: skin rash, number of patients"
    )
    assert key_words("no key at all [", bare).told == "no key at all ["
    assert in_a_sentence("Progression-Free Survival") == "progression-free survival"
    assert in_a_sentence("PFS by RECIST") == "PFS by RECIST"
    assert row_words("age<=65 & stage", bare) == "age (≤ 65 & stage)"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("any_ae", "any adverse event"),
        ("any_ae_2", "any adverse event, grade 2"),
        ("rash_34", "rash, grade 3–4"),
        ("rash_345", "rash, grade 3–5"),
        ("response_12", "response 12"),
    ],
)
def test_outcomes_that_no_world_has_are_no_keys(name: str, told: str) -> None:
    assert key_words(f"binary.{name}.before.p", PaperWords()).of.endswith(told)


def test_a_finding_is_named_by_its_row_not_by_a_cell_of_it(words: PaperWords) -> None:
    start = "endpoints.OS.after.univariable[lung]"
    found = finding_words((f"{start}.hr", f"{start}.low", f"{start}.high"), words, "Table 3")
    assert found.text == "Table 3, overall survival, unadjusted: Lung metastasis number (Multiple vs Single)"


def planted(key: str, severity: str, off: float, said: str = "") -> Finding:
    return Finding((key,), severity, "a check", "1 is not 2", "2", "Table 3", said, off)  # type: ignore[arg-type]


def test_what_matters_most_is_the_main_result_then_the_furthest_off(words: PaperWords) -> None:
    far = planted("table1.before[age].p", "severe", 50.0)
    near = planted("table1.before[sex].p", "severe", 2.0)
    before = planted("endpoints.OS.before.cox.hr", "severe", 1.1)
    main = planted("endpoints.OS.after.cox.hr", "moderate", 1.1)
    remark = planted("endpoints.OS.after.cox.hr", "note", 90.0)
    minor = planted("table1.before[ecog].p", "moderate", 90.0)
    assert by_weight([minor, near, remark, far, before, main], words) == [main, before, far, near, minor, remark]
    other = planted("endpoints.PFS.after.cox.hr", "severe", 1.1)  # another endpoint's ratio is one of many
    assert by_weight([other, far], words) == [far, other]


def test_the_verdict_of_an_audit_says_how_many_and_which_matters_most(words: PaperWords) -> None:
    said = "the interval{of}, 0.28 to 0.46, is too narrow for 68 and 194 {events}"
    before = planted("endpoints.OS.before.cox.hr", "severe", 1.1, said)
    others = [planted("table1.before[age].p", "severe", 5.0), planted("table1.before[sex].p", "note", 1.0)]
    assert audit_verdict([*others, before], 711, words) == (
        "In 2 places the paper contradicts itself beyond rounding. The one that matters most: the interval of the main "
        "result before matching, 0.28 to 0.46, is too narrow for 68 and 194 deaths. The main result itself adds up as "
        "far as it can be checked. 711 printed numbers were checked; 1 remark is told below too."
    )
    assert audit_verdict([], 12, words) == (
        "12 printed numbers were checked, and the arithmetic contradicts none of them."
    )
    assert audit_verdict(others[1:], 12, words) == "Among 12 printed numbers no serious contradiction: 1 remark."


def test_the_audit_of_the_first_paper_in_words(words: PaperWords) -> None:
    scenario = load_study("hcc-lung-metastasis").scenario
    findings = audit(scenario.published, scenario.endpoints)
    made = audit_answer(findings, (), len(scenario.published), words)
    assert made.verdict.startswith(
        "In 13 places the paper contradicts itself beyond rounding. The one that matters most:"
    )
    assert "the interval of the main result before matching, 0.28 to 0.46, is too narrow for 68 and 194 deaths" in (
        made.verdict
    )
    text = made.text()
    assert "endpoints." not in text
    assert "table1." not in text
    assert sum(map(len, by_place(findings, words).values())) == len(findings)
    rash = next(one for one in findings if one.keys[0] == "binary.rash_34.before.control.yes")
    assert rash.off == pytest.approx(1 + (3.15 - 100 * 6 / 253) / 0.05)  # beyond rounding by so many half units
    assert made.data["findings"][0]["words"].endswith(".")


def test_a_broken_main_result_is_told_first(words: PaperWords) -> None:
    start = "endpoints.OS.after.cox"
    numbers = {"hr": "0.36", "low": "0.27", "high": "0.31", "p": "<0.001"}
    published = {f"{start}.{name}": Printed(printed=text, where="Results") for name, text in numbers.items()}
    found = audit(published)
    assert audit_verdict(found, 4, words).startswith(
        "In one place the paper contradicts itself beyond rounding. There: the HR of the main result, 0.36, lies "
        "outside its own interval, 0.27 to 0.31."
    )


def test_doubts_are_told_in_words() -> None:
    assert doubts_told(("ratio amid its limits",)) == "does not lie in the middle of its interval"
    assert doubts_told(("something new", "printed twice")) == "something new; is printed differently elsewhere"
