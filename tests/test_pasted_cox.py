"""Cox and subgroup tables: the term that each row is about, its direction, references, and what is asked."""

import pytest

from tests.pasted_rows import read_after

COX = "Variable\tUnivariable\t\tMultivariable\t\n\tHR (95% CI)\tP\tHR (95% CI)\tP\n"
RATIO = "1.20 (1.01–1.40)\t0.03\t1.10 (0.90–1.30)\t0.20"
SUBGROUPS = "Subgroup\tDrug (n = 200) events/n\tNo drug (n = 300) events/n\tHR (95% CI)\tP for interaction\n"


@pytest.mark.parametrize(
    ("label", "term"),
    [
        ("Age (≥65 vs <65)", "age>65"), ("Age (< 65)", "age<=65"), ("Age > 70 years", "age>70"),
        ("Age, per year", "age"),
        ("Age (continuous)", "age"), ("Sex (female vs male)", "sex"), ("Sex, male vs. female", "sex=Male"),
        ("Female sex", "sex"), ("Sex (Male)", "sex=Male"), ("ECOG PS (1–2 vs 0)", "ecog_ps>=1"),
        ("ECOG PS ≥1", "ecog_ps>=1"),
        ("ECOG PS (2)", "ecog_ps=2"), ("ECOG PS (2 vs 0–1)", "ecog_ps=2"), ("ECOG PS (0)", "ecog_ps=0"),
        ("Cirrhosis", "cirrhosis"), ("Cirrhosis (yes vs no)", "cirrhosis"), ("Cirrhosis (no)", "cirrhosis=No"),
        ("Region (Europe)", "region=Europe"), ("AFP (≥ 400 ng/mL)", "afp"), ("AFP (<400)", "afp=<400"),
        ("AFP > 400 ng/mL", "afp"), ("Diabetes, yes vs no", "diabetes"), ("Diabetes", "diabetes"),
        ("Treatment (Drug vs No drug)", "treatment"), ("Drug vs. no drug", "treatment"),
        ("Treatment (Drug)", "treatment"),
        ("Treatment", "treatment"),
    ],
)  # fmt: skip
def test_term_of_a_row(label: str, term: str) -> None:
    found = read_after(f"{COX}{label}\t{RATIO}\nRegion (Asia)\t{RATIO}\n", "cox OS")
    assert found.asked == []
    start = "endpoints.OS.before."
    assert found.keys[f"{start}univariable[{term}].hr"] == "1.20"
    assert found.keys[f"{start}univariable[{term}].p"] == "0.03"
    assert found.keys[f"{start}multivariable[{term}].low"] == "0.90"
    assert found.keys[f"{start}multivariable[{term}].high"] == "1.30"
    assert len(found.of(start)) == 16


@pytest.mark.parametrize(
    ("label", "told", "answer", "term"),
    [
        ("ECOG PS (1)", "1 alone, or 1 and more", "ecog_ps>=1", "ecog_ps>=1"),
        ("Sex", "does not say which level", "sex=Male", "sex=Male"),
        ("No drug vs Drug", "the inverse of a key's", "skip", ""),
        ("Treatment (No drug)", "the inverse of a key's", "skip", ""),
        ("Treatment (surgery)", "is neither Drug or No drug", "treatment", "treatment"),
        ("Age (per 10 years)", "per more than one unit", "skip", ""),
        ("Age (per SD)", "per more than one unit", "skip", ""),
        ("Portal vein thrombosis", "names nothing of the baseline table", "skip", ""),
        ("Cirrhosis (severe)", "is no level of cirrhosis", "cirrhosis=Yes", "cirrhosis=Yes"),
        ("Region (Asia–Europe)", "is no level of region", "skip", ""),
        ("Age (≥65 vs ≥70)", "is not the other side", "age>65", "age>65"),
        ("ECOG PS (2 vs 1)", "", "", "ecog_ps=2"),
    ],
)
def test_rows_that_are_asked_and_answers_that_work(label: str, told: str, answer: str, term: str) -> None:
    rows = f"{COX}{label}\t{RATIO}\nRegion (America)\t{RATIO}\n"
    asked = read_after(rows, "cox OS")
    if told:
        assert any(told in one for one in asked.asked)
        assert len(asked.of("endpoints")) == 8
    settled = read_after(rows, {"kind": "cox OS", **({label: answer} if answer else {})})
    assert settled.asked == []
    assert len(settled.of("endpoints")) == (16 if term else 8)
    assert not term or settled.keys[f"endpoints.OS.before.univariable[{term}].hr"] == "1.20"


def test_an_answer_that_names_no_level_is_asked() -> None:
    found = read_after(f"{COX}ECOG PS (1)\t{RATIO}\n", {"kind": "cox OS", "ECOG PS (1)": "ecog_ps>=7"})
    assert "ecog_ps has the levels 0, 1, 2" in found.asked[0]


def test_levels_below_a_head_with_a_reference() -> None:
    found = read_after(
        f"{COX}ECOG PS\n 0\tRef\t\tRef\n 1\t{RATIO}\n 2\t{RATIO}\nSex\t\t0.03\n Male\t1.00 (reference)\n"
        f" Female\t1.20 (1.01–1.40)\n"
        f"Treatment\n No drug\tRef.\n Drug\t{RATIO}\n",
        "cox OS",
    )
    assert found.asked == []
    terms = {key.split("[")[1].split("]")[0] for key in found.of("endpoints")}
    assert terms == {"ecog_ps=1", "ecog_ps=2", "sex", "treatment"}
    assert found.keys["endpoints.OS.before.univariable[sex].p"] == "0.03"


def test_a_reference_that_is_not_first() -> None:
    nominal = read_after(f"{COX}Region\n Europe\t1\n Asia\t{RATIO}\n America\t{RATIO}\n", "cox OS")
    assert nominal.asked == []
    assert nominal.ledger.variables["region"].levels == ("Europe", "Asia", "America")
    ordered = f"{COX}ECOG PS\n 0\t{RATIO}\n 1\t{RATIO}\n 2\tRef\n"
    assert "2 is the reference of 'ECOG PS'" in read_after(ordered, "cox OS").asked[0]
    assert read_after(ordered, "cox OS").of("endpoints") == {}
    assert len(read_after(ordered, {"kind": "cox OS", "ECOG PS": "levels"}).of("endpoints")) == 16


def test_ratio_and_limits_in_columns_of_their_own() -> None:
    head = "Variable\tHR\tLower\tUpper\tP\n"
    found = read_after(f"{head}Sex (female)\t1.20\t1.01\t1.40\t0.03\n", "cox OS multivariable")
    assert found.of("endpoints.OS.before.multivariable[sex].") == {
        "hr": "1.20",
        "low": "1.01",
        "high": "1.40",
        "p": "0.03",
    }


def test_a_number_without_limits_among_ratios_with_them_is_asked() -> None:
    found = read_after(f"{COX}Sex (female)\t0.03\t\t1.10 (0.90–1.30)\t0.20\nAge (> 65)\t{RATIO}\n", "cox OS")
    assert "'0.03' has no limits" in found.asked[0]
    assert not any("[sex]" in key for key in found.of("endpoints"))


def test_a_matched_paper_is_asked_for_the_side() -> None:
    table = f"{COX}Sex (female)\t{RATIO}\n"
    assert any("before or after matching" in one for one in read_after(table, "cox OS", design="matched").asked)
    after = read_after(table, "cox after OS", design="matched")
    assert "endpoints.OS.after.univariable[sex].hr" in {**after.keys, **after.withheld}


def test_subgroups() -> None:
    found = read_after(
        f"{SUBGROUPS}Overall\t100/200\t200/300\t0.60 (0.50–0.70)\nAge\t\t\t\t0.5\n"
        f" <65 years\t50/120\t90/180\t0.61 (0.50–0.71)\n"
        " ≥65 years\t50/80\t110/120\t0.62 (0.50–0.72)\nSex\t\t\t\t0.6\n Male\t60/150\t95/220\t0.63 (0.50–0.73)\n"
        " Female\t40/50\t70/80\t0.64 (0.50–0.74)\nECOG PS\n 0\t50/100\t90/150\t0.65 (0.5–0.8)\n"
        " 1–2\t50/100\t90/150\t0.66 (0.5–0.8)\n",
        "subgroups OS",
    )
    assert found.asked == []
    levels = found.of("endpoints.OS.before.subgroups")
    assert levels["[all].hr"] == "0.60"
    assert levels["[all].arms.control.n"] == "300"
    assert levels["[age<=65].hr"] == "0.61"
    assert levels["[age<=65].interaction_p"] == "0.5"
    assert levels["[age>65].arms.treated.events"] == "50"
    assert "[age>65].interaction_p" not in levels
    assert levels["[sex=Female].high"] == "0.74"
    assert levels["[sex=Male].interaction_p"] == "0.6"
    assert levels["[ecog_ps>=1].hr"] == "0.66"


def test_subgroups_of_unknown_variables_are_asked_once() -> None:
    rows = (
        f"{SUBGROUPS}Overall\t100/200\t200/300\t0.60 (0.50–0.70)\nCountry\t\t\t\t0.6\n"
        " US\t50/120\t90/180\t0.61 (0.50–0.71)\n UK\t50/80\t110/120\t0.62 (0.50–0.72)\n"
    )
    asked = read_after(rows, "subgroups OS")
    assert len(asked.asked) == 1
    assert "'Country' names nothing of the baseline table" in asked.asked[0]
    assert read_after(rows, {"kind": "subgroups OS", "Country": "skip"}).asked == []
