"""Truths kept across runs: the same as those worked out, never those of another question, code, or own function."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.asked.blocks import Cell, prepare
from benchmarks.asked.load_study import load_study
from benchmarks.runs.store import RunFolder
from benchmarks.truth import of_cells
from benchmarks.truth.of_cells import kept_truths, truth_file
from benchmarks.truth.remembered import remembered
from simulator.documents.loading import Written

SMALL = {
    "extends": "null-confounded",
    "name": "small",
    "population": {"size": 200},
    "run": {"replicates": 2, "truth_patients": 20_000},
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    place = tmp_path / "cache"
    place.mkdir()
    monkeypatch.setattr("benchmarks.truth.remembered.cache_home", lambda: place)
    return place


def cell_of(**changes: Any) -> Cell:
    """The cell of a small study."""
    return prepare(load_study(Written({**SMALL, **changes})).cells)[0]


def found(cell: Cell, folder: Path, aims: Mapping[tuple[str, str], float] | None = None) -> list[dict[str, object]]:
    """The truths of a cell, for a run in this folder."""
    return kept_truths(cell, RunFolder(folder), 1, lambda _: None, aims or {}).records()


def never(*_: object) -> None:
    """Stands for what must not be worked out."""
    raise AssertionError("worked out again")


def test_another_run_of_the_same_world_finds_them_and_keeps_the_same_bytes(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = cell_of()
    first = found(cell, tmp_path / "one")
    with monkeypatch.context() as patch:
        patch.setattr(of_cells, "cell_truths", never)
        assert found(cell, tmp_path / "two") == first
    name = truth_file(cell, {})
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert list(home.glob(f"truths-*/{name}"))


@pytest.mark.usefixtures("home")
def test_another_world_or_error_is_worked_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found(cell_of(), tmp_path / "one")
    monkeypatch.setattr(of_cells, "cell_truths", never)
    for other in (cell_of(population={"size": 201}), cell_of(run={**SMALL["run"], "seed": 7})):
        with pytest.raises(AssertionError, match="worked out again"):
            found(other, tmp_path / other.key)


def test_a_damaged_one_is_worked_out_again(home: Path, tmp_path: Path) -> None:
    cell = cell_of()
    first = found(cell, tmp_path / "one")
    (kept,) = home.glob(f"truths-*/{truth_file(cell, {})}")
    kept.write_bytes(kept.read_bytes().replace(b"0", b"1"))
    assert found(cell, tmp_path / "two") == first


def test_one_of_another_question_under_its_name_is_not_taken(home: Path, tmp_path: Path) -> None:
    cell, other = cell_of(), cell_of(target={"population": "treated"})
    first = found(cell, tmp_path / "one")
    found(other, tmp_path / "other")
    (folder,) = home.glob("truths-*")
    content = (folder / truth_file(other, {})).read_bytes()
    RunFolder(folder).write_checked(truth_file(cell, {}), content)
    assert found(cell, tmp_path / "two") == first


def test_other_code_has_a_folder_of_its_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = cell_of()
    before = remembered(cell)
    monkeypatch.setattr("benchmarks.truth.remembered.code_digest", lambda: "other")
    after = remembered(cell)
    assert before is not None
    assert after is not None
    assert before.path != after.path
    assert before.path.parent == home


def test_truths_of_code_of_long_ago_are_deleted(home: Path, tmp_path: Path) -> None:
    for age, name in enumerate(("truths-newest", "truths-b", "truths-c", "truths-old", "truths-older")):
        (home / name).mkdir()
        os.utime(home / name, (1e9 - age, 1e9 - age))
    found(cell_of(), tmp_path / "one")
    assert {path.name for path in home.glob("truths-*")} > {"truths-newest", "truths-b", "truths-c"}
    assert not {path.name for path in home.iterdir()} & {"truths-old", "truths-older"}


@pytest.mark.usefixtures("home")
def test_a_cache_that_cannot_be_written_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = cell_of()
    first = found(cell, tmp_path / "one")
    blocked = tmp_path / "a-file"
    blocked.write_text("no folder")
    monkeypatch.setattr("benchmarks.truth.remembered.cache_home", lambda: blocked)
    assert found(cell, tmp_path / "two") == first


def test_a_study_with_functions_of_the_users_own_keeps_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = cell_of()
    monkeypatch.setattr("benchmarks.truth.remembered.own_functions", lambda _: {"mine": "file:function"})
    assert remembered(cell) is None
    assert not list(home.iterdir())
