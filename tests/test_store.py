"""Run folders: whole files or none, checksums, and refusal to mix runs."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import load_study
from benchmarks.runs.manifest import manifest, open_folder
from benchmarks.runs.store import RunFolder


def _asked(seed: int = 1) -> tuple[object, dict[str, object]]:
    asked = load_study("paper", seed=seed)
    return asked.document, manifest(asked.document, seed)


def test_a_part_is_read_back_only_if_it_is_whole(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    table = pa.table({"x": list(range(1000))})
    folder.write_table("a.parquet", table)
    kept = folder.read_table("a.parquet")
    assert kept is not None
    assert kept.equals(table)
    content = (tmp_path / "a.parquet").read_bytes()
    for damaged in (content[:-1], content[:40] + b"?" + content[41:], b""):
        (tmp_path / "a.parquet").write_bytes(damaged)
        assert folder.read_table("a.parquet") is None
    assert folder.read_table("absent.parquet") is None
    assert not list(tmp_path.glob(".*"))


def test_the_same_run_is_opened_again(tmp_path: Path) -> None:
    document, made = _asked()
    open_folder(tmp_path / "run", document, made)
    assert open_folder(tmp_path / "run", document, made).read_json("manifest.json")["digest"] == made["digest"]


@pytest.mark.parametrize("key", ["world", "seed", "versions", "machine"])
def test_another_run_is_refused_and_what_differs_is_named(tmp_path: Path, key: str) -> None:
    document, made = _asked()
    open_folder(tmp_path / "run", document, made)
    with pytest.raises(RunError, match=f"other {key}"):
        open_folder(tmp_path / "run", document, {**made, key: "other"})


def test_replicates_do_not_make_another_run_but_the_seed_does() -> None:
    few, more = load_study("paper", replicates=10), load_study("paper", replicates=20)
    assert manifest(few.document, 1)["digest"] == manifest(more.document, 1)["digest"]
    assert manifest(few.document, 1)["digest"] != manifest(few.document, 2)["digest"]


def test_a_foreign_or_unwritable_folder_is_one_line(tmp_path: Path) -> None:
    document, made = _asked()
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "manifest.json").write_text("[1, 2")
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "manifest.json").write_text(json.dumps([1]))
    (tmp_path / "file").write_text("not a folder")
    for name in ("foreign", "list", "file"):
        with pytest.raises(RunError) as caught:
            open_folder(tmp_path / name, document, made)
        assert "\n" not in str(caught.value)
        assert "--out" in str(caught.value)
