"""One answer, whoever reads it: the terminal, JSON, a page, files, a notebook."""

import json
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

from analysis.figures.style import save
from analysis.tables.text_table import WIDTH, table
from benchmarks.asked.errors import RunError
from benchmarks.cli.commands import cli
from benchmarks.cli.options import every
from benchmarks.performance.measures import Measure
from benchmarks.words.answer import STDOUT, Answer, Wanted, plain, render
from tests.commands import refused

ROWS = (("crude", "0.50 (0.01)"), ("matched", "0.61 (0.02)"))
TABLES = (
    table("Bias", ("estimator", "HR"), ROWS, 1, "In brackets: Monte Carlo SE."),
    table("", ("a", "b"), [("1", "2")]),
)
DATA = {
    "at": Measure(1.5, np.nan, 3), "none": float("inf"), "of": np.array([[1, 2]]), "where": Path("x"),
    "pair": (1, None), "cells": [{"hr": np.float64(0.5), "ok": True}],
}  # fmt: skip


def drawn() -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 2))
    figure.subplots().plot([0, 1])
    return figure


FULL = Answer(
    DATA, f"The first sentence.\n{'long words ' * 20}", TABLES, ("A note.",), (f"run folder {'x' * 150}",),
    figure=drawn, alt="a line", page=lambda: "<!doctype html><title>page</title>",
)  # fmt: skip


def test_the_answer_comes_first_then_tables_notes_and_lines() -> None:
    text = FULL.text()
    assert text.startswith("The first sentence.\nlong words")
    places = [text.index(part) for part in ("long", "Bias", "crude", "In brackets", "a  b", "A note.", "run folder")]
    assert places == sorted(places)
    assert max(len(line) for line in text.splitlines() if "run folder" not in line) <= WIDTH
    assert f"run folder {'x' * 150}" in text.splitlines()  # what is to be copied is not wrapped
    assert Answer(None, lines=("only this",)).text() == "only this"


def test_json_has_null_for_what_is_not_finite() -> None:
    expected = {
        "at": {"value": 1.5, "mcse": None}, "none": None, "of": [[1, 2]], "where": "x", "pair": [1, None],
        "cells": [{"hr": 0.5, "ok": True}],
    }  # fmt: skip
    assert json.loads(FULL.json()) == plain(DATA) == expected
    assert render(FULL, Wanted(json=STDOUT)) == FULL.json()


def test_files_are_written_where_they_are_wanted(tmp_path: Path) -> None:
    wanted = Wanted(*(tmp_path / name for name in ("a.json", "a.html", "a.svg", "tables")))
    assert render(FULL, wanted) == FULL.text()
    assert json.loads((tmp_path / "a.json").read_text()) == plain(DATA)
    assert (tmp_path / "a.html").read_text() == "<!doctype html><title>page</title>"
    save(drawn(), tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert len(list((tmp_path / "tables").iterdir())) == 4 * len(TABLES)
    others = Answer(None, tables=TABLES, files=lambda: TABLES[:1])
    others.save(tmp_path / "others")
    assert len(list((tmp_path / "others").iterdir())) == 4


def test_what_an_answer_does_not_have_is_said(tmp_path: Path) -> None:
    bare = Answer({}, "No.")
    for name, told in (("x.html", "no page"), ("x.png", "no figure"), ("tables", "no tables")):
        with pytest.raises(RunError, match=told):
            bare.save(tmp_path / name)
    with pytest.raises(RunError, match="cannot be written"):
        FULL.save(tmp_path / "nowhere" / "x.html")
    assert not list(tmp_path.iterdir())


def test_a_notebook_shows_the_verdict_and_the_tables() -> None:
    assert repr(FULL).splitlines()[0] == "The first sentence."
    assert "crude" not in repr(FULL)
    shown = Answer(None, "HR < 1 & more", TABLES, ("A <note>.",))._repr_html_()
    assert "<strong>HR &lt; 1 &amp; more</strong>" in shown
    assert shown.count("<table>") == len(TABLES)
    assert "A &lt;note&gt;." in shown
    frame = FULL.to_frame()
    assert list(frame.columns) == ["estimator", "HR"]
    assert frame.to_numpy().tolist() == [list(row) for row in ROWS]
    assert FULL.plot().axes


def _with(name: str) -> list[tuple[str, list[str]]]:
    """The commands that have an option, each with enough words to be parsed."""
    found = []
    for command, one in every(cli.commands).items():
        if any(f"--{name}" in option.opts for option in one.params):
            needed = [option for option in one.params if option.required]
            words = [w for k in needed for w in ([k.opts[0], "1"] if isinstance(k, click.Option) else ["x"])]
            found.append((command, words))
    return found


@pytest.mark.parametrize(("option", "value", "told"), [("report", "x.txt", "in .html"), ("figure", "x.bmp", "in .png")])
def test_a_place_that_cannot_be_is_refused_before_anything_is_computed(option: str, value: str, told: str) -> None:
    commands = _with(option)
    assert len(commands) >= 6
    for command, words in commands:
        assert told in refused([*command.split(), *words, f"--{option}", value]), command


def test_only_what_does_not_hold_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from benchmarks.cli import listing

    for holds, code in ((True, 0), (False, 1)):
        answer = Answer({"holds": holds}, "Said.", holds=holds)
        monkeypatch.setattr(listing, "listing", lambda one=answer: one)
        done = CliRunner().invoke(cli, ["list"])
        assert (done.exit_code, done.stdout) == (code, "Said.\n")
