"""Labels of rows: name, unit, statistic and level; ids, cuts and orders of levels."""

import pytest

from benchmarks.pasted.labels import Cut, as_id, cut_of, identify, level_text, range_of_level, read_label, sex_of, slug
from benchmarks.pasted.level_order import kind_of_levels
from tests.pasted_rows import paper


@pytest.mark.parametrize(
    ("text", "name", "unit", "statistic", "level"),
    [
        ("Age (Mean ± SD, year)", "Age", "year", "mean sd", ""),
        ("Age, years, median (IQR)", "Age", "years", "median iqr", ""),
        ("Age — yr", "Age", "yr", "", ""),
        ("Mean age (SD), years", "age", "years", "mean sd", ""),
        ("Mean arterial pressure, mmHg", "Mean arterial pressure", "mmHg", "", ""),
        ("Median (Q1–Q3)", "", "", "median iqr", ""),
        ("Bilirubin (mg/dL) [mean (SD)]", "Bilirubin", "mg/dL", "mean sd", ""),
        ("Female sex, n (%)", "Female sex", "", "n%", ""),
        ("Sex = Male (%)", "Sex", "", "%", "Male"),
        ("Sex, male", "Sex", "", "", "male"),
        ("Cirrhosis (no)", "Cirrhosis", "", "", "no"),
        ("ECOG PS ≥ 1", "ECOG PS", "", "", "≥ 1"),
        ("Tumor size (cm), > 10", "Tumor size", "cm", "", "> 10"),
        ("Size (> 10cm)", "Size", "", "", "> 10cm"),
        ("AFP (μg/L) > 400", "AFP", "μg/L", "", "> 400"),
        ("ALBI (2–3)", "ALBI", "", "", "2–3"),
        ("Hand-foot skin reaction†", "Hand-foot skin reaction", "", "", ""),
        ("eGFR, mL/min/1.73 m2", "eGFR", "mL/min/1.73 m2", "", ""),
        ("Platelet count, ×10^9/L", "Platelet count", "×10^9/L", "", ""),
    ],
)
def test_label_is_taken_apart(text: str, name: str, unit: str, statistic: str, level: str) -> None:
    found = read_label(text)
    assert (found.name, found.unit, found.statistic, found.level) == (name, unit, statistic, level)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("≤ 50", Cut("<=", "50")), (">50", Cut(">", "50")), ("≥65 years", Cut(">=", "65")),
        ("65 or older", Cut(">=", "65")), ("< 1,000", Cut("<", "1000")), ("> 10.0 cm", Cut(">", "10")),
        ("younger than 40", Cut("<", "40")), ("75+", Cut(">=", "75")), ("50–65", None), (">50 vs ≤50", None),
        ("II", None),
    ],
)  # fmt: skip
def test_sides_of_cuts(text: str, cut: Cut | None) -> None:
    assert cut_of(text) == cut


def test_stretches_and_sexes() -> None:
    assert range_of_level("50–65 years") == ("50", "65")
    assert range_of_level("> 65") is None
    assert [sex_of(one) for one in ("Female sex", "Men", "Male patients", "Malefic")] == ["Female", "Male", "Male", ""]


def test_ids_are_valid_names() -> None:
    assert slug("β-blocker – dose (μg)") == "beta_blocker_dose_ug"
    assert as_id("12-lead ECG") == "v_12_lead_ecg"
    named = paper({}, names={"ECOG-PS": "ecog", "Male": "M"})
    assert identify(read_label("ECOG–PS, n (%)"), named) == "ecog"
    assert level_text("Male, n (%)", named) == "M"
    assert level_text("HBV [chronic], n (%)", named) == "HBV (chronic)"


@pytest.mark.parametrize(
    ("levels", "kind"),
    [
        (("Male", "Female"), "binary"), (("0", "1", "2"), "ordinal"), (("I", "II", "III"), "ordinal"),
        (("III", "II", "I"), "ordinal"), (("IA", "IB", "II"), "ordinal"), (("A", "B", "C"), "ordinal"),
        (("<50", "50–65", ">65"), "ordinal"), (("0", "1–2", "≥3"), "ordinal"), (("T1", "T2", "T3"), "ordinal"),
        (("None", "Mild", "Severe"), "ordinal"), (("HBV", "HCV", "Other"), "nominal"), (("2", "1", "3"), "nominal"),
    ],
)  # fmt: skip
def test_kind_of_levels(levels: tuple[str, ...], kind: str) -> None:
    assert kind_of_levels(levels) == kind
