"""Cells as journals print them: kind and numbers, typed in from the table of the format and from printed tables."""

import pytest

from benchmarks.pasted.cells import plain_cell, plain_label

POINT = {
    "254 (62.0%)": ("share", "254", "62.0"),
    "62.0% (254)": ("share", "254", "62.0"),
    "254, 62.0%": ("share", "254", "62.0"),
    "254/410 (62.0)": ("share", "254", "62.0"),
    "254/410": ("share", "254"),
    "13 of 40 (32.5%)": ("share", "13", "32.5"),
    "254&nbsp;(62.0&nbsp;%)": ("share", "254", "62.0"),
    "12 (4.7%)†‡": ("share", "12", "4.7"),
    "1 (<0.1%)": ("share", "1", "<0.1"),
    "1,254 (62.0%)": ("share", "1254", "62.0"),
    "254 (62.0)": ("pair", "254", "62.0"),
    "254 (62·0)": ("pair", "254", "62.0"),
    "0 (0)": ("pair", "0", "0"),
    "1,616 (1,200)": ("pair", "1616", "1200"),
    "254 (62.0)a": ("pair", "254", "62.0"),
    "49 ± 12": ("pm", "49", "12"),
    "49±12": ("pm", "49", "12"),
    "$49 \\pm 12$": ("pm", "49", "12"),
    "49 (±12)": ("pm", "49", "12"),
    "12.3+/-3.6": ("pm", "12.3", "3.6"),
    "58 (51-66)": ("triple", "58", "51", "66"),
    "58 [51, 66]": ("triple", "58", "51", "66"),
    "58 (51 to 66)": ("triple", "58", "51", "66"),
    "58 (51; 66)": ("triple", "58", "51", "66"),
    "58 (IQR 51–66)": ("triple", "58", "51", "66"),
    "0.36 (0.28, 0.46)": ("triple", "0.36", "0.28", "0.46"),
    "0.36 [95% CI 0.28-0.46]": ("triple", "0.36", "0.28", "0.46"),
    "0·36 (0·28–0·46)": ("triple", "0.36", "0.28", "0.46"),
    "-0.5 (-1.2 to 0.3)": ("triple", "-0.5", "-1.2", "0.3"),
    "−0.5 (−1.2, 0.3)": ("triple", "-0.5", "-1.2", "0.3"),
    "−0.5 (−1.2–−0.3)": ("triple", "-0.5", "-1.2", "-0.3"),
    "26.0 (18.4–NA)": ("triple", "26.0", "18.4", "NA"),
    "70.1% (62.0%–76.8%)": ("triple", "70.1", "62.0", "76.8"),
    "8.6 months (7.9–10.0)": ("triple", "8.6", "7.9", "10.0"),
    "(51 to 66)": ("range", "51", "66"),
    "(51; 66)": ("range", "51", "66"),
    "51–66": ("range", "51", "66"),
    "62.0%": ("percent", "62.0"),
    "62.0 %": ("percent", "62.0"),
    "(62.0%)": ("percent", "62.0"),
    "254": ("num", "254"),
    "1,616": ("num", "1616"),
    "1 616": ("num", "1616"),
    "1'616": ("num", "1616"),
    "12,345.6": ("num", "12345.6"),
    "55.0": ("num", "55.0"),
    "0.510": ("num", "0.510"),
    ".51": ("num", "0.51"),
    "P = 0.03": ("num", "0.03"),
    "0.036*": ("num", "0.036"),
    "**0.03**": ("num", "0.03"),
    "*0.03*": ("num", "0.03"),
    "18ᵃ": ("num", "18"),
    "0.03a": ("num", "0.03"),
    "0.36<sup>a</sup>": ("num", "0.36"),
    "１２．３": ("num", "12.3"),
    "− 0.5": ("num", "-0.5"),
    "(62.0)": ("num", "62.0"),
    "<0.001": ("bound", "<0.001"),
    "< .001": ("bound", "<0.001"),
    "&lt;0.001": ("bound", "<0.001"),
    ">0.999": ("bound", ">0.999"),
    "p<0·001": ("bound", "<0.001"),
    "<= 0.05": ("bound", "≤0.05"),
    "NA": ("inf", "NA"),
    "NR": ("inf", "NR"),
    "NE": ("inf", "NE"),
    "NC": ("inf", "NC"),
    "not reached": ("inf", "not reached"),
    "Not estimable": ("inf", "Not estimable"),
    "": ("none",),
    "-": ("none",),
    "–": ("none",),
    "—": ("none",),
    "…": ("none",),
    "\u2003": ("none",),
    "Ref": ("none",),
    "1 (ref)": ("none",),
    "1.00 (reference)": ("none",),
    "Reference": ("none",),
    "1 [Reference]": ("none",),
    "n/a": ("none",),
    "58 (51,66)": ("triple", "58", "51", "66"),
}
UNREAD = (
    "58 (100,200)",
    "0,36",
    "-0.5 (-1.2 -0.3)",
    "abc",
    "3.5 x",
    "12)",
    "5 (-2)",
    "0.36 (0.28–0.46); P < 0.001",
    "0.074 2",
    "410/254",
    "1.2.3",
    "0.36 (0.28",
    "=cmd|' /C calc'!A0",
    "{{x}}",
    "٣٤",
)
COMMA = {
    "62,0": ("num", "62.0"),
    "254 (62,0)": ("pair", "254", "62.0"),
    "0,36 (0,28, 0,46)": ("triple", "0.36", "0.28", "0.46"),
    "0,36 (0,28–0,46)": ("triple", "0.36", "0.28", "0.46"),
    "1.616": ("num", "1616"),
    "1.616,5": ("num", "1616.5"),
    "<0,001": ("bound", "<0.001"),
    "0,036": ("num", "0.036"),
    "49 ± 12,3": ("pm", "49", "12.3"),
}


@pytest.mark.parametrize("text", POINT)
def test_a_cell_has_its_kind_and_its_numbers_as_printed(text: str) -> None:
    cell = plain_cell(text)
    assert (cell.kind, *cell.values) == POINT[text]
    assert cell.raw == text


@pytest.mark.parametrize("text", UNREAD)
def test_what_is_not_known_is_unread(text: str) -> None:
    assert plain_cell(text).kind == "unread"
    assert plain_cell(text).values == ()


@pytest.mark.parametrize("text", COMMA)
def test_decimals_after_a_comma(text: str) -> None:
    cell = plain_cell(text, decimal_comma=True)
    assert (cell.kind, *cell.values) == COMMA[text]


def test_a_thousand_beside_decimal_commas_is_not_guessed() -> None:
    assert plain_cell("1,616", decimal_comma=True).kind == "unread"
    assert plain_cell("1,616", decimal_comma=True, sure=True).values == ("1.616",)
    assert plain_cell("12.3", decimal_comma=True).kind == "unread"


def test_divisor_and_percent_sign_are_kept() -> None:
    assert plain_cell("254/410 (62.0)").of == "410"
    assert plain_cell("254 (62.0%)").signed
    assert not plain_cell("254 (62.0)").signed
    assert not plain_cell("0.36 (95% CI 0.28–0.46)").signed


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("BMI, kg/m²", "BMI, kg/m²"),
        ("Ageᵃ", "Age"),
        ("Age¹", "Age"),
        ("PVTT*", "PVTT"),
        ("PVTT† (yes)", "PVTT (yes)"),
        ("WBC, ×10⁹/L", "WBC, ×10⁹/L"),
        ("χ²", "χ²"),
        ("**Sex**", "Sex"),
        ("*Sex*", "Sex"),
        ("&le;&nbsp;50", "≤ 50"),
        ("Child&#8211;Pugh", "Child–Pugh"),
        ("ALBI 2", "ALBI 2"),
        ("CA19-9", "CA19-9"),
        ("≥ 50", "≥ 50"),
    ],
)
def test_labels_lose_their_marks_and_keep_their_letters(text: str, label: str) -> None:
    assert plain_label(text) == label
