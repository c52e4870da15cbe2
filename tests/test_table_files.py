"""Tables as files: readable back, harmless in a spreadsheet, accepted by LaTeX's rules."""

import csv
import io
from pathlib import Path

import pytest

from analysis.tables.cohort_tables import TextTable
from analysis.tables.table_files import as_csv, as_latex, safe_cell, slug, write_tables

TABLE = TextTable(
    "Odd & ends of 100 %",
    ("term", "OR", "p"),
    (("=cmd()|'x'!A1", "-0.12 (0.03)", "<0.001"), ('a_b, "c"', "+0.5", ".5"), ("-x", "@y", "≥ 2")),
    ("A note of 5 %.",),
)


def test_a_formula_is_neutralised_and_a_number_is_not() -> None:
    for text in ("=1+1", "@SUM(A1)", "-x", "+y", "-=1"):
        assert safe_cell(text) == f"'{text}"
    for text in ("-0.12 (0.03)", "+0.5", "-.5", "1,000", "<0.001", "age>50", ""):
        assert safe_cell(text) == text
    assert safe_cell("a\x00b") == "ab"


def test_csv_reads_back() -> None:
    rows = list(csv.reader(io.StringIO(as_csv(TABLE), newline="")))
    assert rows[0] == ["term", "OR", "p"]
    assert rows[2] == ['a_b, "c"', "+0.5", ".5"]
    assert rows[1][0] == "'=cmd()|'x'!A1"
    assert rows[3][:2] == ["'-x", "'@y"]


def test_latex_is_escaped_and_has_as_many_cells_as_columns() -> None:
    made = as_latex(TABLE)
    assert r"\caption{Odd \& ends of 100 \%}" in made
    assert r"\begin{tabular}{lrr}" in made
    lines = [line for line in made.splitlines() if line.endswith("\\\\")]
    assert len(lines) == 4
    assert all(line.replace(r"\&", "").count("&") == 2 for line in lines)
    assert r"a\_b" in made
    assert r"$\geq$ 2" in made
    assert "A note of 5" in made


def test_files_are_numbered_and_named_by_their_titles(tmp_path: Path) -> None:
    written = write_tables([TABLE, TABLE], tmp_path / "out")
    endings = (".html", ".md", ".csv", ".tex")
    assert [path.name for path in written[:4]] == [f"01-odd-ends-of-100{end}" for end in endings]
    assert len(list((tmp_path / "out").iterdir())) == 8
    assert slug("///") == "table"
    assert len(slug("x" * 300)) == 60


def test_no_test_makes_two_columns_of_one_name() -> None:
    """What `tests/conftest.py` refuses; the same head under two others is none, and of one span it is."""
    rows = (("a", "1", "2"),)
    assert TextTable("", ("", "p", "p"), rows, spans=(("", 1), ("OS", 1), ("PFS", 1))).flat == ("", "OS: p", "PFS: p")
    for spans in ((), (("", 1), ("OS", 2))):
        with pytest.raises(AssertionError, match="'t' has columns of one name"):
            TextTable("t", ("", "p", "p"), rows, spans=spans)
