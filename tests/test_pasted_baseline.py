"""Baseline tables: groups, cuts, sections, missing values and the forms of amounts."""

import pytest

from tests.pasted_rows import BASELINE, HEAD, Read, read


def baseline(body: str, entry: dict[str, str] | None = None, head: str = HEAD, **more: object) -> Read:
    return read(({"kind": "baseline", **(entry or {})}, head + body), **more)


def test_every_number_of_a_plain_table_has_its_key() -> None:
    found = read(("baseline", BASELINE))
    assert found.asked == []
    keys = found.of("table1.before")
    assert keys["[age].treated.median"] == "58"
    assert keys["[age].control.q3"] == "67"
    assert keys["[age].p"] == "0.12"
    assert keys["[age<=65].treated.n"] == "120"
    assert keys["[age>65].control.percent"] == "40.0"
    assert keys["[age<=65].p"] == "0.9"
    assert "[age>65].p" not in keys
    assert keys["[sex].p"] == "0.6"
    assert keys["[sex=Female].control.n"] == "80"
    assert keys["[ecog_ps=2].treated.n"] == "40"
    assert keys["[region=America].control.percent"] == "20.0"
    assert keys["[afp=≥400].control.n"] == "80"
    assert keys["[diabetes=Yes].treated.n"] == "20"
    assert len(keys) == 8 - 1 + 2 * 4 + 1 + 5 * 1 + 4 * (2 + 3 + 2 + 3 + 2) + 4 + 1
    known = found.ledger.variables
    assert {name: one.kind for name, one in known.items()} == {
        "age": "continuous", "sex": "binary", "ecog_ps": "ordinal", "cirrhosis": "binary", "region": "nominal",
        "afp": "binary", "diabetes": "binary",
    }  # fmt: skip
    assert known["age"].cuts == ("<=65", ">65")
    assert known["age"].summary == "quartiles"
    assert known["age"].unit == "years"
    assert known["ecog_ps"].levels == ("0", "1", "2")
    assert known["ecog_ps"].complete
    assert known["diabetes"].levels == ("Yes",)
    assert not known["diabetes"].complete


def test_cuts_of_three_stretches() -> None:
    rows = "\n <50\t40 (20.0)\t60 (20.0)\n 50–64\t60 (30.0)\t90 (30.0)\n ≥65\t100 (50.0)\t150 (50.0)\n"
    beside = baseline(f"Age, mean ± SD\t58 ± 11\t60 ± 12\t0.1\nAge group\t\t\t0.4{rows}")
    alone = baseline(f"BMI class\t\t\t0.4{rows}")
    assert alone.keys["table1.before[bmi_class=50–64].treated.n"] == "60"
    assert alone.ledger.variables["bmi_class"].kind == "ordinal"
    assert beside.keys["table1.before[age_group=<50].treated.n"] == "40"
    same = baseline(f"Age, mean ± SD\t58 ± 11\t60 ± 12\t0.1\nAge\t\t\t0.4{rows}")
    assert same.keys["table1.before[age>50 & age<=65].control.n"] == "90"
    assert same.keys["table1.before[age<=50].p"] == "0.4"
    assert same.ledger.variables["age"].kind == "continuous"


def test_rows_that_do_not_sum_to_n_are_asked_and_the_answers_work() -> None:
    body = "Site\t\t\t0.3\nLeft\t100 (50.0)\t150 (50.0)\nRight\t60 (30.0)\t90 (30.0)\n"
    asked = baseline(body)
    assert "160 of 200 in B, 240 of 300 in C" in asked.asked[0]
    assert asked.of("table1") == {}
    levels, missing = baseline(body, {"Site": "levels"}), baseline(body, {"Site": "missing"})
    assert levels.asked == missing.asked == []
    assert levels.keys["table1.before[site=Left].treated.n"] == "100"
    assert not levels.ledger.variables["site"].complete
    assert missing.ledger.variables["site"].complete
    apart = baseline(body.replace("Right", "Liver").replace("Left", "Lung"), {"Site": "separate", "Lung": "lung=Yes"})
    assert apart.keys["table1.before[lung=Yes].treated.n"] == "100"


def test_one_level_below_a_head_is_asked_beside_whole_groups_only() -> None:
    lone = "Sex\t\t\t0.3\nFemale\t150 (75.0)\t220 (73.3)\n"
    whole = "Site\t\t\t0.3\nLeft\t100 (50.0)\t150 (50.0)\nRight\t100 (50.0)\t150 (50.0)\n"
    assert baseline(lone).asked == []
    assert not baseline(lone).ledger.variables["sex"].complete
    assert "paste the rows that are lost" in baseline(whole + lone).asked[0]
    assert baseline(whole + lone, {"Sex": "levels"}).asked == []
    assert baseline(whole + lone.replace("Female", "Male")).asked == []


def test_missing_values_are_asked_by_their_label() -> None:
    body = "Smoking\t\t\t0.1\nNever\t100 (50.0)\t150 (50.0)\nEver\t90 (45.0)\t140 (46.7)\nUnknown\t10 (5.0)\t10 (3.3)\n"
    asked = baseline(body)
    assert "a level, or patients whose value is missing" in asked.asked[0]
    assert asked.of("table1") == {}
    level, missing = baseline(body, {"Unknown": "level"}), baseline(body, {"Unknown": "missing"})
    assert level.ledger.variables["smoking"].levels == ("Never", "Ever", "Unknown")
    assert missing.ledger.variables["smoking"].levels == ("Never", "Ever")
    assert missing.asked == []
    assert "table1.before[smoking=Unknown].treated.n" not in missing.keys


def test_lists_of_variables_and_sections() -> None:
    found = baseline(
        "Demographics\n  Sex\t\t\t0.5\n    Male\t150 (75.0)\t220 (73.3)\n    Female\t50 (25.0)\t80 (26.7)\n"
        "Laboratory, median (IQR)\n  ALT, U/L\t30 (20–40)\t31 (20–41)\t0.3\n"
        "Comorbidities\n  Hypertension\t50 (25.0)\t60 (20.0)\t0.2\n  Stroke\t20 (10.0)\t40 (13.3)\t0.1\n"
    )
    assert found.asked == []
    assert found.keys["table1.before[alt].treated.q1"] == "20"
    assert found.keys["table1.before[sex].p"] == "0.5"
    assert found.keys["table1.before[hypertension].p"] == "0.2"
    assert found.keys["table1.before[stroke=Yes].control.n"] == "40"


def test_subtotals_are_told_and_no_levels() -> None:
    below = baseline(
        "Stage\t\t\t0.4\nI–II\t100 (50.0)\t150 (50.0)\nIII\t100 (50.0)\t150 (50.0)\nIIIA\t60 (30.0)\t90 (30.0)\n"
        "IIIB\t40 (20.0)\t60 (20.0)\n"
    )
    above = baseline(
        "Stage\t\t\t0.4\nEarly\t100 (50.0)\t150 (50.0)\nI\t60 (30.0)\t90 (30.0)\nII\t40 (20.0)\t60 (20.0)\n"
        "III\t100 (50.0)\t150 (50.0)\n"
    )
    assert below.ledger.variables["stage"].levels == ("I–II", "IIIA", "IIIB")
    assert above.ledger.variables["stage"].levels == ("I", "II", "III")
    assert any("is the sum of the rows beside it" in one.text for one in above.ledger.assumed)
    assert above.asked == below.asked == []


@pytest.mark.parametrize(
    ("label", "cells", "keys"),
    [
        ("Age (mean (SD))", ("49 (12)", "50 (13)"), {"treated.mean": "49", "treated.sd": "12"}),
        ("Age", ("49 ± 12", "50 ± 13"), {"treated.mean": "49", "control.sd": "13"}),
        ("Age, median [range]", ("58 [20, 80]", "57 [19, 81]"), {"treated.min": "20", "control.max": "81"}),
        ("Age, median", ("58", "57"), {"treated.median": "58", "control.median": "57"}),
        ("Age, mean", ("58.1", "57.2"), {"treated.mean": "58.1"}),
    ],
)
def test_forms_of_amounts(label: str, cells: tuple[str, str], keys: dict[str, str]) -> None:
    found = baseline(f"{label}\t{cells[0]}\t{cells[1]}\t0.5\n")
    assert found.asked == []
    assert keys.items() <= found.of("table1.before[age].").items()


def test_amounts_below_their_head() -> None:
    found = baseline(
        "Age, years\t\t\t0.2\n Mean (SD)\t58.1 (11.2)\t60.2 (12.0)\n Median (range)\t58 (21–80)\t60 (22–81)\n"
    )
    assert found.of("table1.before[age].treated.") == {
        "mean": "58.1",
        "sd": "11.2",
        "median": "58",
        "min": "21",
        "max": "80",
    }


@pytest.mark.parametrize("cells", ["49 (12)\t95 (12)", "58.1 (11.2)\t60.2 (12.0)", "100 (50)\t150 (50)"])
def test_pairs_without_a_word_are_asked(cells: str) -> None:
    asked = baseline(f"Score\t{cells}\t0.2\n")
    assert "Write  Score: mean (SD)  or  Score: n (%)" in asked.asked[0]
    assert asked.of("table1") == {}
    assert "table1.before[score].treated.sd" in baseline(f"Score\t{cells}\t0.2\n", {"Score": "mean (SD)"}).keys
    assert (
        "table1.before[score].treated.sd" in baseline(f"Score\t{cells}\t0.2\n", {"pairs": "mean (SD)"}).keys
        or "100" in cells
    )


def test_pairs_whose_decimals_fit_every_column_are_shares() -> None:
    assert (
        baseline("Diabetes\t20 (10.0)\t40 (13.3)\t0.2\n").keys["table1.before[diabetes=Yes].control.percent"] == "13.3"
    )
    overall = "Characteristic\tDrug (n = 200)\tNo drug (n = 300)\tAll (n = 500)\tP\n"
    assert "n (%)" in baseline("Score\t20 (10.0)\t40 (13.3)\t49 (12)\t0.2\n", head=overall).asked[0]


def test_limits_of_a_median_need_a_word() -> None:
    asked = baseline("Age\t58 (51–66)\t60 (52–67)\t0.2\n")
    assert "Age: median (IQR)" in asked.asked[0]
    assert asked.of("table1") == {}
    assert (
        baseline("Age\t58 (51–66)\t60 (52–67)\n", {"Age": "median (range)"}).keys["table1.before[age].treated.min"]
        == "51"
    )
    assert (
        baseline("Age\t58 (51–66)\t60 (52–67)\n", {"triples": "median (IQR)"}).keys["table1.before[age].treated.q1"]
        == "51"
    )


def test_rows_of_their_own() -> None:
    found = baseline("Female sex, n (%)\t50 (25.0)\t80 (26.7)\t0.6\nECOG PS ≥ 1\t40 (20.0)\t66 (22.0)\t0.5\n")
    assert found.keys["table1.before[sex=Female].treated.n"] == "50"
    assert found.keys["table1.before[ecog_ps=≥ 1].control.n"] == "66"
    assert found.keys["table1.before[ecog_ps].p"] == "0.5"
    pair = baseline("Fever\t20 (10.0)\t40 (13.3)\t0.2\nSex (male/female)\t150/50\t220/80\t0.4\n")
    assert pair.of("table1.before[sex") == {
        "=male].treated.n": "150", "=male].control.n": "220", "=female].treated.n": "50", "=female].control.n": "80",
        "].p": "0.4",
    }  # fmt: skip


@pytest.mark.parametrize("label", ["Others", "≤ 50", "0", "Yes", "Multiple", "Unknown"])
def test_levels_without_a_variable_are_asked(label: str) -> None:
    found = baseline(f"Fever\t30 (15.0)\t40 (13.3)\t0.1\n{label}\t20 (10.0)\t40 (13.3)\t0.2\n")
    assert {key.split("]")[0] for key in found.of("table1.before[")} == {"fever=Yes", "fever"}
    assert f"'{label}' is a level without a variable" in found.asked[0]


def test_a_lost_head_is_asked() -> None:
    found = baseline("Age, mean (SD)\t58 (11)\t60 (12)\t0.1\nHBV\t150 (75.0)\t220 (73.3)\nHCV\t50 (25.0)\t80 (26.7)\n")
    assert "may be a level of a variable whose row is lost" in found.asked[0]
    assert not any("hbv" in key for key in found.keys)


def test_differences_stand_at_the_level_of_their_sign() -> None:
    head = "Characteristic\tDrug (n = 200)\tNo drug (n = 300)\tSMD\n"
    rows = "Sex\t\t\t{}\n Male\t150 (75.0)\t220 (73.3)\n Female\t50 (25.0)\t80 (26.7)\n"
    assert baseline(rows.format("0.04"), head=head).keys["table1.before[sex=Male].smd"] == "0.04"
    assert baseline(rows.format("-0.04"), head=head).keys["table1.before[sex=Female].smd"] == "-0.04"
    several = "Stage\t\t\t0.1\n I\t100 (50.0)\t150 (50.0)\n II\t50 (25.0)\t75 (25.0)\n III\t50 (25.0)\t75 (25.0)\n"
    assert "no key" in baseline(several, head=head).ledger.unread[0].text


def test_columns_of_counts_and_percentages_apart() -> None:
    head = "\tDrug (n = 200)\t\tNo drug (n = 300)\t\t\nCharacteristic\tn\t%\tn\t%\tP\n"
    found = baseline("Sex\t\t\t\t\t0.6\n Male\t150\t75.0\t220\t73.3\n Female\t50\t25.0\t80\t26.7\n", head=head)
    assert found.asked == []
    assert found.keys["table1.before[sex=Male].control.percent"] == "73.3"
    assert found.keys["table1.before[sex=Female].treated.n"] == "50"
    share = baseline("Sex\t\t\t0.6\n Male\t75.0%\t73.3%\n Female\t25.0%\t26.7%\n")
    assert share.keys["table1.before[sex=Male].control.percent"] == "73.3"
    assert share.ledger.variables["sex"].complete


def test_rows_with_one_key_are_asked() -> None:
    body = "Other\t20 (10.0)\t40 (13.3)\t0.2\n"
    found = baseline("Fever\t20 (10.0)\t40 (13.3)\t0.2\nFever\t21 (10.5)\t41 (13.7)\t0.2\n" + body)
    assert any("have one key table1.before[fever=Yes].treated.n" in one for one in found.asked)


def test_shares_of_the_known_tell_that_some_patients_miss_a_variable() -> None:
    """85 and 55 of 140 known are 60.7 and 39.3 %, where of all 200 they would be 42.5 and 27.5 %."""
    body = "CEA\t\t\t0.3\n≤ 3\t85 (60.7)\t130 (54.2)\n> 3\t55 (39.3)\t110 (45.8)\nSex\t\t\t0.6\n"
    body += "Male\t120 (60.0)\t180 (60.0)\nFemale\t80 (40.0)\t120 (40.0)\n"
    found = baseline(body)
    assert found.asked == []
    assert found.ledger.variables["cea"].complete
    flags = {one.key: (one.of_known, one.audit_only) for one in found.ledger.numbers}
    assert flags["table1.before[cea=≤ 3].control.n"] == (True, True)
    assert flags["table1.before[cea=≤ 3].control.percent"] == (False, False)
    assert flags["table1.before[sex=Male].control.n"] == (False, False)
    (told,) = [one.text for one in found.ledger.assumed if "is known" in one.text]
    assert "140 of 200 (column B), 240 of 300 (column C)" in told


@pytest.mark.parametrize(
    "body",
    [
        "Site\t\t\t0.3\nLeft\t99 (50)\t150 (50)\nRight\t100 (50)\t150 (50)\n",  # a digit is wrong: 50 is of 200, too
        "Site\t\t\t0.3\nLeft\t100 (50.0)\t150 (50.0)\nRight\t60 (30.0)\t90 (30.0)\n",  # a row is lost
        "Site\t\t\t0.3\nLeft\t85 (60.7)\t130 (54.2)\nRight\t55 (39.2)\t110 (45.8)\n",  # a share is that of nobody
    ],
)
def test_what_may_be_a_typo_is_asked(body: str) -> None:
    assert baseline(body).asked


def test_percentages_of_all_are_no_shares_of_a_world_that_has_the_known() -> None:
    """Of 200, 120 and 60 are known, 20 not: 60.0 % are of all, where the world has 66.7 % of the known."""
    body = (
        "Smoking\t\t\t0.3\nNever\t120 (60.0)\t180 (60.0)\nEver\t60 (30.0)\t90 (30.0)\nUnknown\t20 (10.0)\t30 (10.0)\n"
    )
    found = baseline(body, {"Unknown": "missing"})
    flags = {one.key: (one.of_known, one.audit_only) for one in found.ledger.numbers}
    assert flags["table1.before[smoking=Never].control.n"] == (True, True)
    assert flags["table1.before[smoking=Never].control.percent"] == (False, True)


def test_one_line_says_of_all_pairs_that_they_are_counts() -> None:
    body = "Ascites\t20 (7.2)\t30 (8.3)\nFever\t12 (4.3)\t16 (4.4)\n"  # shares of nobody's n
    asked = baseline(body)
    assert "pairs: n (%)" in asked.asked[0]
    answered = baseline(body, {"pairs": "n (%)"})
    assert answered.asked == []
    counts = [text for key, text in answered.keys.items() if "ascites" in key and key.endswith(".n")]
    assert sorted(counts) == ["20", "30"]
