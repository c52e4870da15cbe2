"""The paper.yaml to begin with: it loads, teaches what works, and overwrites nothing."""

import re
from pathlib import Path

import pytest

from benchmarks.pasted.lines import read_lines
from benchmarks.pasted.paper_file import load_paper
from benchmarks.pasted.reading import Ledger
from benchmarks.pasted.skeleton import write_skeleton
from simulator.documents.problems import DocumentError


def test_a_skeleton_loads_and_is_short(tmp_path: Path) -> None:
    path = write_skeleton(tmp_path / "My Paper (2)")
    assert path == tmp_path / "My Paper (2)" / "paper.yaml"
    paper, places = load_paper(path.parent)
    assert paper.name == "my-paper-2"
    assert not paper.tables
    assert 18 <= len(path.read_text("utf-8").splitlines()) <= 25
    ledger = Ledger()
    read_lines(paper, places, ledger)
    assert not ledger.numbers
    assert not ledger.questions


def test_its_comments_work_where_they_are_taken_out(tmp_path: Path) -> None:
    path = write_skeleton(tmp_path / "one")
    for name in ("table1.tsv", "table3.tsv", "text.txt"):
        (path.parent / name).write_text("a\tb\n", "utf-8")
    text = path.read_text("utf-8")
    lines = [re.sub(r"^(\s*)# (?=\w+:|\w+\.tsv:|\[|death (?:before|after))", r"\1", line) for line in text.splitlines()]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    paper, places = load_paper(path.parent)
    assert paper.tables["table3.tsv"] == {"kind": "cox death after", "E-G": "after", "Score (1)": "score>=1"}
    assert paper.eligibility
    assert paper.text == "text.txt"
    assert paper.ignore == ("0.05", "a 5-year plan")
    ledger = Ledger()
    read_lines(paper, places, ledger)
    assert not ledger.questions
    assert {one.where for one in ledger.numbers} == {"Results, Survival"}
    assert len(ledger.numbers) == 4 + 6 + 4 + 4


def test_files_that_are_there_wait_for_their_kind(tmp_path: Path) -> None:
    for name in ("table1.tsv", "table 2.csv", "text.txt", "paper.pdf"):
        (tmp_path / name).write_text("a\tb\n", "utf-8")
    path = write_skeleton(tmp_path)
    with pytest.raises(DocumentError) as caught:
        load_paper(path)
    told = [str(one).partition("paper.yaml:")[2] for one in caught.value.problems]
    assert [re.sub(r"^\d+:\d+: ", "", one).partition(":")[0] for one in told] == [
        "tables.'table 2.csv'",
        "tables.'table1.tsv'",
    ]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = write_skeleton(tmp_path)
    path.write_text("mine", "utf-8")
    with pytest.raises(DocumentError, match="is there already; edit it"):
        write_skeleton(tmp_path)
    assert path.read_text("utf-8") == "mine"
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DocumentError, match="is there already"):
        write_skeleton(tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(DocumentError, match="cannot be written"):
        write_skeleton(tmp_path / "file" / "paper")
