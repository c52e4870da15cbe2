"""Names of files and folders that are no UTF-8, or hold what terminals and pages take for commands."""

import io
import json
import os
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from benchmarks.asked.errors import RunError
from benchmarks.cli.commands import _guarded, cli
from benchmarks.cli.gallery import gallery
from benchmarks.runs.store import RunFolder

STUDY = """name: small
extends: hcc-lung-metastasis
population: {size: 100}
estimators: [crude]
run: {replicates: 2, seed: 1, truth_patients: 2000}
"""
NAMES = [b"f\xff", b"a\nb", b"<script>alert(1)<", b"%s%n", b"esc\x1b[31m", b"cut\xed\xa0\x80"]


def folder(place: Path, name: bytes) -> Path:
    """A new folder of that name; skips where the file system has none such."""
    made = place / os.fsdecode(name)
    try:
        made.mkdir()
    except OSError:
        pytest.skip("this file system keeps no such name")
    return made


def said(*words: object) -> str:
    """What a command that works prints to a stdout as the console script has it, valid UTF-8."""
    content = io.BytesIO()
    with redirect_stdout(io.TextIOWrapper(content, "utf-8", "backslashreplace")) as stdout:
        assert _guarded(lambda: cli.main(list(map(str, words)), standalone_mode=False)) == 0
        stdout.flush()
    return content.getvalue().decode("utf-8")


def test_every_command_about_a_run_works_in_a_folder_that_is_no_utf8(tmp_path: Path) -> None:
    place = folder(tmp_path, b"f\xff")
    study, run = place / "s.yaml", place / "r\udcfe"
    study.write_text(STUDY)
    json.loads(said("run", study, "--out", run, "--jobs", 1, "--json"))
    said("run", study, "--out", run, "--jobs", 1, "--tables", place / "tables")
    for verb in (("status",), ("report",), ("verify", "--sample", 1), ("replay", "--rep", 1), ("merge",)):
        json.loads(said(verb[0], run, *verb[1:], "--json"))
    found = json.loads(said("gallery", place, "--json"))
    assert [one["link"] for one in found["studies"]] == ["r%FE/report.html"]
    said("diff", run, run)
    for page in (run / "report.html", place / "gallery.html", run / "log"):
        page.read_text("utf-8")  # valid, whatever the command line was


def test_cohorts_and_their_analysis_have_such_names_too(tmp_path: Path) -> None:
    place = folder(tmp_path, b"f\xff")
    (place / "s.yaml").write_text(STUDY)
    for ending in ("csv", "parquet"):
        data = place / f"x\udcfe.{ending}"
        said("simulate", place / "s.yaml", "--out", data)
        spec, page = data.with_suffix(".spec.yaml"), place / "page.html"
        json.loads(said("analyze", data, "--spec", spec, "--json", "-", "--report", page))
        page.read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_there_is_one_printable_line(
    name: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = folder(tmp_path, name)
    for words in (
        ["status", place / "run"],
        ["report", place / "run"],
        ["gallery", place],
        ["check", place / "no.yaml"],
        ["performance", place / "no.csv", "--truth", "0"],
        ["run", "paper", "--backend", place.name],
        ["simulate", "paper", "--out", place / "x.txt"],
    ):
        assert _guarded(lambda words=words: cli.main(list(map(str, words)), standalone_mode=False)) == 2
        told = capsys.readouterr().err
        lines = [line for line in told.splitlines() if not line.startswith("compiling ")]
        assert len(lines) == 1, (words, told)
        assert all(one.isprintable() for line in lines for one in line), (words, told)
        assert lines[0].startswith("trialtwin: ")


def test_a_log_has_one_line_for_each_note(tmp_path: Path) -> None:
    RunFolder(tmp_path).note("began: a\nb\udcff\x1b")
    assert (tmp_path / "log").read_text("utf-8").endswith("began: a\\nb\\udcff\\x1b\n")
    assert (tmp_path / "log").read_text("utf-8").count("\n") == 1


def test_a_gallery_names_unfinished_runs_on_one_line(tmp_path: Path) -> None:
    odd = folder(tmp_path, b"a\nb")
    (odd / "manifest.json").write_text("{}")
    with pytest.raises(RunError, match="holds no finished run"):
        gallery(tmp_path, None)
