"""Tables that have lost their marks between columns: single blanks, collapsed bars, a cell on each line."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.pasted.read import read_paper
from benchmarks.pasted.reading import Reading
from benchmarks.pasted.spaced_cells import splits
from tests.attacked_papers import Grid, grid_of

YAML = """\
name: small
source: Author A. Journal 2020
design: matched
arms: {control: Old drug, treated: New drug}
endpoints: {OS: death, PFS: progression or death}
accrual: not stated
cut_off: not stated
tables:
  %s
results: |
  [Results]
  OS after: HR 0.8 (0.6-1.1)
"""
BASELINE = grid_of(
    """
Characteristic|Before matching|||After matching||
|Old drug (n = 200)|New drug (n = 100)|P value|Old drug (n = 80)|New drug (n = 80)|P value
Age, years, mean (SD)|61.2 (9.8)|58.4 (10.1)|0.022|59.9 (9.7)|59.4 (9.9)|0.747
Sex|||0.435|||0.752
Male|120 (60.0)|65 (65.0)||50 (62.5)|48 (60.0)|
Female|80 (40.0)|35 (35.0)||30 (37.5)|32 (40.0)|
Stage|||0.001|||0.733
1|60 (30.0)|50 (50.0)||34 (42.5)|36 (45.0)|
2|110 (55.0)|42 (42.0)||38 (47.5)|37 (46.3)|
3|30 (15.0)|8 (8.0)||8 (10.0)|7 (8.8)|
Diabetes|44 (22.0)|20 (20.0)|0.690|17 (21.3)|16 (20.0)|0.845
""",
    2,
    mark="|",
)
COX = grid_of(
    """
Variable|Univariable analysis||Multivariable analysis|
|HR (95% CI)|P value|HR (95% CI)|P value
Age, per year|1.02 (1.01-1.03)|<0.001|1.02 (1.00-1.04)|0.046
Sex (Male)|1.10 (0.80-1.51)|0.555||
Stage (3)|1.90 (1.20-3.01)|0.006|1.70 (1.05-2.75)|0.031
Diabetes|0.95 (0.70-1.29)|0.742||
""",
    2,
    mark="|",
)


def read(folder: Path, entries: str, **files: str) -> Reading:
    """A paper whose tables are pasted so; a name's double line stands for its point."""
    folder.mkdir(exist_ok=True)
    (folder / "paper.yaml").write_text(YAML % entries, "utf-8")
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, "utf-8")
    return read_paper(folder)


def keys(reading: Reading) -> dict[str, str]:
    return {one.key: one.printed for one in reading.numbers}


def stood_up(grid: Grid) -> str:
    """A table with a cell on each line, blanks as lines of one blank; heads as they are merged."""
    heads = [cell for row in grid.rows[: grid.heads] for k, cell in enumerate(row) if cell]
    return "\n\n".join([*heads, *(cell or " " for row in grid.rows[grid.heads :] for cell in row)]) + "\n"


@pytest.mark.parametrize("form", ["spaced", "collapsed", "stood up"])
def test_a_table_without_its_marks_gives_what_it_gives_with_them(form: str, tmp_path: Path) -> None:
    right = read(tmp_path / "tab", "table1.txt: baseline", table1__txt=BASELINE.text())
    text = stood_up(BASELINE) if form == "stood up" else replace(BASELINE, form=form).text()
    found = read(tmp_path / "other", "table1.txt: baseline", table1__txt=text)
    assert right.questions == found.questions == ()
    assert keys(found) == keys(right)
    assert len(keys(right)) > 60
    assert keys(found)["table1.after[stage=2].treated.percent"] == "46.3"


@pytest.mark.parametrize("form", ["spaced", "collapsed"])
def test_a_row_with_two_places_is_asked_once_and_settled(form: str, tmp_path: Path) -> None:
    tab = read(tmp_path / "tab", "{table1.tsv: baseline, table2.tsv: cox OS after}", table1__tsv=BASELINE.text(), table2__tsv=COX.text())  # fmt: skip  # noqa: E501
    files = {"table1__tsv": BASELINE.text(), "table2__txt": replace(COX, form=form).text()}
    asked = read(tmp_path / "asked", "{table1.tsv: baseline, table2.txt: cox OS after}", **files)
    (question,) = asked.questions
    assert "'Sex" in question.what
    assert "and so have 1 more rows" in question.what
    assert question.settle == "rows: {3 of 5: A-C}"
    entry = "{table1.tsv: baseline, table2.txt: {kind: cox OS after, rows: {3 of 5: A-C}}}"
    found = read(tmp_path / "found", entry, **files)
    assert found.questions == tab.questions == ()
    assert keys(found) == keys(tab)


def test_a_lost_cell_of_single_blanks_is_asked(tmp_path: Path) -> None:
    text = replace(BASELINE, form="spaced").text()
    assert " 35 (35.0)" in text
    found = read(tmp_path / "x", "table1.txt: baseline", table1__txt=text.replace(" 35 (35.0)", "", 1))
    assert any("'Female' has 4 cells, its table 7" in one.what for one in found.questions)
    assert not [key for key in keys(found) if "sex=" in key]


def test_words_that_no_head_has_leave_the_columns_to_be_asked(tmp_path: Path) -> None:
    text = replace(BASELINE, form="spaced").text().replace("P value", "Kruskal measure")
    found = read(tmp_path / "x", "table1.txt: baseline", table1__txt=text)
    assert {question.spot.column for question in found.questions} >= set("BCDEFG")
    assert not [key for key in keys(found) if key.startswith("table1")]


@pytest.mark.parametrize(
    ("line", "label", "cells"),
    [
        ("Male 266 (70.0) 0.099 > 0.999", "Male", ("266 (70.0)", "0.099", "> 0.999")),
        ("Grade 2 12 (4.1) 13 (5.2)", "Grade", ("2", "12 (4.1)", "13 (5.2)")),
        ("≤ 65 1 (reference) 0.04", "≤ 65", ("1 (reference)", "0.04")),
        ("Age ≥ 65 51.4 ± 13.1 50.0 ± 12.1", "Age ≥ 65", ("51.4 ± 13.1", "50.0 ± 12.1")),
        ("Age 58 [51, 66] 60 (52 to 67)", "Age", ("58 [51, 66]", "60 (52 to 67)")),
        ("Women 1.13 1.01–1.26 0.034", "Women", ("1.13 1.01–1.26", "0.034")),
        ("Income ($) (<48,000) 0.79 0.70", "Income ($) (<48,000)", ("0.79", "0.70")),
    ],
)
def test_the_cells_at_the_end_of_a_line(line: str, label: str, cells: tuple[str, ...]) -> None:
    assert (label, cells) in splits(line)


def test_a_whole_number_before_the_cells_may_be_of_the_label(tmp_path: Path) -> None:
    """'Grade 2' with one cell lost reads as the label 'Grade' with a cell '2': it is asked, not taken."""
    rows = "Drug Old drug (n = 50) New drug (n = 50) Total (n = 100)\n"
    rows += "".join(f"Grade {k} {a} {b} {a + b}\n" for k, a, b in ((1, 20, 11), (2, 14, 12), (3, 16, 27)))
    assert not read(tmp_path / "a", "table1.txt: baseline", table1__txt=rows).withheld
    found = read(tmp_path / "b", "table1.txt: baseline", table1__txt=rows.replace("Grade 2 14 12 26", "Grade 2 14 26"))
    assert any("'Grade" in one.what for one in found.questions)
    assert "2" not in {one.printed for one in found.numbers if one.key.startswith("table1")}


def test_grades_stand_below_the_arms(tmp_path: Path) -> None:
    text = "Event, n (%) New drug (n = 100) Old drug (n = 200)\nAny grade Grade ≥3 Any grade Grade ≥3\n"
    text += "Nausea 31 (31.0) 4 (4.0) 20 (10.0) 3 (1.5)\nRash 12 (12.0) 0 11 (5.5) 1 (0.5)\n"
    text += "Anaemia 9 (9.0) 2 (2.0) 15 (7.5) 0\n"
    found = read(tmp_path / "x", "table1.txt: adverse events before", table1__txt=text)
    assert found.questions == ()
    assert keys(found)["binary.nausea_34.before.treated.yes"] == "4"
    assert keys(found)["binary.rash.before.control.percent"] == "5.5"
    assert keys(found)["binary.anaemia_34.before.control.yes"] == "0"


def test_heads_of_two_sorts_stand_beside_each_other(tmp_path: Path) -> None:
    text = (
        "Parameter | Total | Before matching | After matching | ||||\n"
        + "---|---|---|---|---|---|---|---|\n"
        + "New drug | vs | Old drug | SMD | New drug | vs | Old drug | SMD | ||\n"
        + "Patients, no | 300 | 100 | 200 | 80 | 80 | ||\n"
        + "Women, n (%) | 115 (38.3) | 35 (35.0) | 80 (40.0) | -0.10 | 32 (40.0) | 30 (37.5) | 0.05 |\n"
        + "Diabetes, n (%) | 64 (21.3) | 20 (20.0) | 44 (22.0) | -0.05 | 16 (20.0) | 17 (21.3) | -0.03 |\n"
        + "Pain, n (%) | 90 (30.0) | 30 (30.0) | 60 (30.0) | 0.00 | 24 (30.0) | 24 (30.0) | 0.00 |\n"
    )
    found = read(tmp_path / "x", "table1.md: baseline", table1__md=text)
    assert found.questions == ()
    assert keys(found)["cohort.control"] == "200"
    assert keys(found)["table1.after[diabetes=Yes].control.n"] == "17"
    assert keys(found)["table1.before[diabetes=Yes].smd"] == "-0.05"


def test_a_merged_label_is_that_of_the_rows_below(tmp_path: Path) -> None:
    text = "Characteristic | Old drug (n = 200) | New drug (n = 100) | |\n---|---|---|---|\n"
    text += "Sex | Male | 120 (60.0) | 65 (65.0) |\nFemale | 80 (40.0) | 35 (35.0) | |\n"
    text += "Stage | One | 60 (30.0) | 50 (50.0) |\nTwo | 110 (55.0) | 42 (42.0) | |\nThree | 30 (15.0) | 8 (8.0) | |\n"
    text += "Pain | Yes | 60 (30.0) | 30 (30.0) |\nNo | 140 (70.0) | 70 (70.0) | |\n"
    found = read(tmp_path / "x", "table1.md: baseline before", table1__md=text)
    assert found.questions == ()
    assert keys(found)["table1.before[stage=Two].treated.n"] == "42"
    assert keys(found)["table1.before[sex=Female].control.n"] == "80"


@pytest.mark.parametrize("mark", [".", ","])
def test_a_number_that_may_be_p_or_a_difference_is_asked_about(mark: str, tmp_path: Path) -> None:
    """A row of three cells beside P and SMD; a decimal comma hides no p."""
    rows = (
        "Variable | Old drug (n=100) | New drug (n=100) | P | SMD |",
        "Male | 60 (60.0) | 50 (50.0) | 0.155 | 0.202 |",
        "Old | 40 (40.0) | 30 (30.0) | 0.138 | 0.211 |",
        "Sick | 20 (20.0) | 10 (10.0) | 0.048 | 0.283 |",
        "Tall | 20 (20.0) | 10 (10.0) | 0.283 ||",
    )
    text = "\n".join(f"| {row}" for row in (rows[0], "--- | --- | --- | --- | --- |", *rows[1:])) + "\n"
    text = re.sub(r"(\d)\.(\d)", rf"\1{mark}\2", text)
    found = read(tmp_path / "x", "table1.md: {kind: baseline, B-E: before}", table1__md=text)
    assert any("'Tall' has 4 cells, its table 5" in one.what for one in found.questions)
    assert not [key for key in keys(found) if "tall" in key and not key.startswith("world.")]


@pytest.mark.parametrize("blank", ["|  |", "| |"])
def test_a_blank_that_stands_in_its_place_is_no_lost_one(blank: str, tmp_path: Path) -> None:
    text = (
        "| Variable | Old drug (n=100) | New drug (n=100) | P | SMD |\n| --- | --- | --- | --- | --- |\n"
        "| Male | 60 (60.0) | 50 (50.0) | 0.155 | 0.202 |\n| Old | 40 (40.0) | 30 (30.0) | 0.138 " + blank + "\n"
    )
    found = read(tmp_path / "x", "table1.md: {kind: baseline, B-E: before}", table1__md=text)
    assert not found.questions
    assert {value for key, value in keys(found).items() if key.endswith(".p")} == {"0.155", "0.138"}
