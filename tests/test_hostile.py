"""Whatever a user calls things, pages and figures stay well formed, nothing runs, and tables are harmless."""

import csv
import json
from pathlib import Path

import pytest

from analysis.tables.table_files import safe_cell
from analysis.tables.text_table import TextTable, clean
from tests import hostile
from tests.commands import printed, refused
from tests.test_report import Page, figures


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an analysed hostile cohort: its page, its tables, what the terminal shows."""
    folder = tmp_path_factory.mktemp("hostile")
    data, spec = hostile.cohort(folder)
    words = ["analyze", str(data), "--spec", str(spec), "--report", str(folder / "page.html")]
    (folder / "terminal.txt").write_text(printed([*words, "--tables", str(folder / "tables")]), "utf-8")
    return folder


def test_the_page_of_a_cohort_is_well_formed_and_harmless(made: Path) -> None:
    page = (made / "page.html").read_text("utf-8")
    read = Page(page)
    assert read.dangers == []
    assert page.count("<script>") == 1
    assert len(figures(page)) == 21  # six of them are drawn once more for telephones
    words = " ".join(read.words)
    for k in (0, 2, 3, 6, 7):
        assert hostile.STRINGS[k] in words


def test_its_tables_are_harmless(made: Path) -> None:
    sheets = sorted((made / "tables").glob("*.csv"))
    assert len(sheets) > 5
    cells = []
    for sheet in sheets:
        with sheet.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        assert len({len(row) for row in rows}) == 1
        cells += [cell for row in rows for cell in row]
    assert not any(cell.lstrip().startswith(("=", "@")) for cell in cells)
    assert any(cell.startswith("'=cmd()") for cell in cells)
    for path in (made / "tables").glob("*.md"):
        lines = [line for line in path.read_text("utf-8").splitlines() if line.startswith("|")]
        counts = {line.replace("\\|", "").count("|") for line in lines}
        assert len(counts) == 1
    for path in (made / "tables").glob("*.tex"):
        text = path.read_text("utf-8")
        assert "\\input" not in text
        assert "\\frac" not in text
    for path in (made / "tables").glob("*.html"):
        assert "<script" not in path.read_text("utf-8")


def test_the_page_of_a_study_is_well_formed_and_harmless(tmp_path: Path) -> None:
    words = ["run", "imbrave150", *hostile.settings(), "-S", "population.size=60", "-S", "run.truth_patients=5000"]
    told = json.loads(printed([*words, "--reps", "10", "--jobs", "1", "--out", str(tmp_path / "run"), "--json"]))
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    read = Page(page)
    assert read.dangers == []
    assert page.count("<script>") == 1
    assert len(figures(page)) > 4
    assert told["question"] in " ".join(read.words)
    printed(["gallery", str(tmp_path)])
    gallery = Page((tmp_path / "gallery.html").read_text("utf-8"))
    assert gallery.dangers == []
    assert "".join(told["question"].split()) in "".join("".join(gallery.words).split())


def test_what_xml_forbids_is_refused_or_taken_out(tmp_path: Path) -> None:
    spec = tmp_path / "nul.yaml"
    spec.write_text("title: 'a\x00b'\n", "utf-8")
    assert "nul.yaml" in refused(["analyze", "x.csv", "--spec", str(spec)])
    assert clean("a\x00b\x1b\ud800c\ufffe") == "abc"


def test_no_control_character_reaches_a_terminal() -> None:
    table = TextTable("a\x1b[2J", ("b\x07",), (("c\x1b]0;d",),), ("e\x9b",))
    assert not any((ord(sign) < 32 and sign != "\n") or 127 <= ord(sign) < 160 for sign in table.text())


def test_a_change_of_direction_ends_with_its_text() -> None:
    assert clean("\u202ea") == "\u202ea\u202c"
    assert clean("\u2067\u202ba") == "\u2067\u202ba\u202c\u2069"
    assert clean("\u05e2 a") == "\u05e2 a"


@pytest.mark.parametrize("text", ["=1+1", " =1", "-1+cmd()", "+cmd", "@x", "\t=1", "\uff1d1", "-x", "+1 (=x)", "-2!A1"])
def test_a_formula_is_neutralised(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["-0.12", "+0.5", "-1e-5", "-0.12 (0.03)", "-0.1 (-0.2, 0.3)", "-12.5 %", "<0.001", "a"]
)
def test_a_number_is_left_alone(text: str) -> None:
    assert safe_cell(text) == text
