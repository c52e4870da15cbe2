"""Run folders and places that somebody hostile prepared: links, pipes, bombs and files of the wrong shape."""

import itertools
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from analysis.kernels.status import Status
from benchmarks.asked.errors import RunError
from benchmarks.cli.commands import cli
from benchmarks.runs.own_parquet import opened_parquet
from benchmarks.runs.rows import SCHEMA
from benchmarks.runs.store import RunFolder
from tests import forger
from tests.commands import refused

pytestmark = pytest.mark.usefixtures("drawn_once")
PRECIOUS = "years of work\n"
ONE_CELL = ("-S", "sweep={}", "-S", "estimators=[{kind: crude, endpoints: [OS]}]", "--reps", "4")
READERS: tuple[list[str], ...] = (
    ["report", "X"], ["status", "X"], ["verify", "X", "--sample", "0"], ["merge", "X"], ["replay", "X", "--rep", "0"],
)  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of one cell."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    forger.ran(folder, *ONE_CELL)
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return forger.copied(finished, tmp_path / "copy")


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A file that nobody may touch."""
    place = tmp_path / "precious"
    place.write_text(PRECIOUS)
    return place


def _words(folder: Path, *more: str) -> list[str]:
    return ["run", *forger.STUDY, *ONE_CELL, "--jobs", "1", "--out", str(folder), *more]


def _link(place: Path, precious: Path) -> None:
    place.symlink_to(precious)


def _hard(place: Path, precious: Path) -> None:
    os.link(precious, place)


def _pipe(place: Path, precious: Path) -> None:  # noqa: ARG001
    os.mkfifo(place)


def _folder(place: Path, precious: Path) -> None:  # noqa: ARG001
    place.mkdir()


def _device(place: Path, precious: Path) -> None:  # noqa: ARG001
    place.symlink_to("/dev/zero")


FILES = ("log", "lock", "manifest.json", "scenario.yaml", "results.parquet", "results.parquet.sha256", "results.json",
         "truth.json", "performance.csv", "report.html", "result.json")  # fmt: skip


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("plant", [_link, _pipe, _folder, _device])
def test_what_is_planted_in_the_place_of_a_file_is_refused_by_name(
    folder: Path, precious: Path, name: str, plant: Callable[[Path, Path], None]
) -> None:
    (folder / name).unlink()
    plant(folder / name, precious)
    (folder / "parts").rename(folder / "aside")
    assert name in refused(_words(folder))
    assert precious.read_text() == PRECIOUS


@pytest.mark.parametrize("name", ["log", "lock", "lock-1-of-2"])
def test_a_hard_link_to_something_precious_is_not_written(folder: Path, precious: Path, name: str) -> None:
    (folder / name).unlink(missing_ok=True)
    os.link(precious, folder / name)
    shard = ("--shard", "1/2") if "of" in name else ()
    assert f"{name}: is a hard link" in refused(_words(folder, *shard))
    assert precious.read_text() == PRECIOUS


def test_a_lock_of_somebody_else_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(PRECIOUS)
    with pytest.raises(RunError, match="somebody else's"), RunFolder(tmp_path).lock():
        pass
    assert (tmp_path / "lock").read_text() == PRECIOUS


def test_only_what_we_left_behind_is_swept_up(tmp_path: Path) -> None:
    """A user may name a folder that others write to as well."""
    ours, others = f".truth.json.{'0a' * 16}.part", (".holiday.part", f".{'0a' * 16}.part", f"x.{'0a' * 16}.part")
    (tmp_path / "outside").mkdir()
    (tmp_path / "run" / "deep").mkdir(parents=True)
    (tmp_path / "run" / "link").symlink_to(tmp_path / "outside")
    for place in (tmp_path / "outside", tmp_path / "run", tmp_path / "run" / "deep"):
        for name in (ours, *others):
            (place / name).write_text(PRECIOUS)
    with RunFolder(tmp_path / "run").lock():
        pass
    for place in (tmp_path / "run", tmp_path / "run" / "deep"):
        assert {one.name for one in place.glob(".*")} | {one.name for one in place.glob("x*")} == set(others)
    assert (tmp_path / "outside" / ours).exists()


@pytest.mark.parametrize("name", ["parts", "truths", "replay", "parts/*", "parts/*/*"])
def test_no_folder_below_the_run_folder_may_be_a_link(folder: Path, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    place = next(iter(folder.glob(name)), folder / name)
    if place.exists():
        shutil.rmtree(place)
    place.symlink_to(outside)
    words = ["replay", str(folder), "--rep", "0"] if name == "replay" else _words(folder)
    said = refused(words)
    assert f"{place.name}: " in said
    assert "is a symbolic link" in said
    assert list(outside.iterdir()) == []


def test_the_run_folder_itself_may_be_a_link_that_the_user_made(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert CliRunner().invoke(cli, _words(tmp_path / "link")).exit_code == 0


@pytest.mark.parametrize("plant", [_link, _pipe, _device])
@pytest.mark.parametrize("verb", ["simulate", "audit", "json", "tables", "spec", "gallery", "replayed"])
def test_no_place_that_a_user_names_is_written_through_a_link(
    folder: Path, precious: Path, tmp_path: Path, verb: str, plant: Callable[[Path, Path], None]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    name, words = {
        "simulate": ("a.csv", ["simulate", "imbrave150", "--out", str(out / "a.csv")]),
        "spec": ("a.spec.yaml", ["simulate", "imbrave150", "--out", str(out / "a.csv")]),
        "audit": ("a.html", ["audit", "hcc-lung-metastasis", "--report", str(out / "a.html")]),
        "json": ("a.html", ["performance", str(folder / "results.parquet"), "--truth", "0",
                            "--report", f"{out}/a.html"]),
        "tables": ("01-performance-os.csv", ["report", str(folder), "--tables", str(out)]),
        "gallery": ("gallery.html", ["gallery", str(tmp_path), "--out", str(out / "gallery.html")]),
        "replayed": ("cohort.csv", ["replay", str(folder), "--rep", "0", "--out", str(out)]),
    }[verb]  # fmt: skip
    plant(out / name, precious)
    assert f"{out / name}" in refused(words)
    assert precious.read_text() == PRECIOUS


@pytest.mark.parametrize("words", READERS)
@pytest.mark.parametrize("name", ["manifest.json", "scenario.yaml", "results.parquet", "truth.json"])
def test_what_is_read_is_not_read_through_a_link(folder: Path, precious: Path, words: list[str], name: str) -> None:
    secret = precious.with_name("secret")
    shutil.move(folder / name, secret)
    (folder / name).symlink_to(secret)
    words = [str(folder) if word == "X" else word for word in words]
    if words[0] == "verify" and name in ("results.parquet", "truth.json"):
        done = CliRunner().invoke(cli, words)
        assert done.exit_code in (1, 2)
        assert "symbolic link" in done.stdout + str(done.exception)
    elif not (words[0] == "status" and name == "truth.json"):
        assert f"{name}: is a symbolic link" in refused(words)


def _bomb(place: Path, rows: int, text: str = "crude") -> None:
    """A file of rows that say nothing, in a few kB."""
    size = 500_000
    columns = {name: np.zeros(size) for name in SCHEMA.names if name not in ("endpoint", "estimator")}
    names = {name: pa.DictionaryArray.from_arrays(np.zeros(size, np.int32), [word])
             for name, word in (("endpoint", "OS"), ("estimator", text))}  # fmt: skip
    table = pa.table({name: (columns | names)[name] for name in SCHEMA.names}).cast(SCHEMA)
    with pq.ParquetWriter(place, SCHEMA, compression="zstd") as writer:
        for _ in range(rows // size):
            writer.write_table(table)


def test_a_small_file_that_unpacks_to_gigabytes_is_refused_before_memory_is_used(folder: Path) -> None:
    _bomb(folder / "results.parquet", 40_000_000)
    content = (folder / "results.parquet").read_bytes()
    assert len(content) < 2_500_000
    RunFolder(folder).write_checked("results.parquet", content)
    tree = (folder / "scenario.yaml").read_text()
    assert "replicates: 4" in tree
    (folder / "scenario.yaml").write_text(tree.replace("replicates: 4", "replicates: 40000000"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "unpack to 2,760 MB" in refused(["report", str(folder)])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_a_part_that_unpacks_to_gigabytes_is_refused(folder: Path) -> None:
    part = forger.part(folder)
    _bomb(part, 5_000_000)
    RunFolder(folder).write_checked(str(part.relative_to(folder)), part.read_bytes())
    (folder / "results.parquet").unlink()
    assert "that unpack to" in refused(["merge", str(folder)])


@pytest.mark.parametrize("column", [{"x": [1]}, {"status": ["WORKER_LOST"]}, {"status": [99]}, {"value": [[1.0]]}])
def test_a_part_of_other_columns_is_refused_when_it_would_mend_what_was_lost(
    folder: Path, tmp_path: Path, column: dict[str, Any]
) -> None:
    other = forger.copied(folder, tmp_path / "other")
    part = str(forger.part(folder).relative_to(folder))
    forger.column(folder, part, "status", lambda codes: codes.__setitem__(0, int(Status.WORKER_LOST)))
    RunFolder(other).write_table(part, pa.table(column))
    assert f"{part}: " in refused(["merge", str(folder), str(other)])


def test_names_that_the_study_does_not_have_are_refused(folder: Path) -> None:
    table = pq.read_table(folder / "results.parquet")
    long = pa.DictionaryArray.from_arrays(np.zeros(len(table), np.int32), ["x" * 100_000])
    made = table.set_column(table.schema.get_field_index("estimator"), "estimator", long)
    forger.rows(folder, "results.parquet", made)
    assert "names what the study does not" in refused(["report", str(folder)])


@pytest.mark.parametrize(
    "columns",
    [
        {"x": ["a" * 10]}, {"x": [[1.0]]}, {"x": [b"1"]}, {},
    ],
)  # fmt: skip
def test_columns_that_are_not_ours_are_refused(tmp_path: Path, columns: dict[str, Any]) -> None:
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    if not columns:
        (tmp_path / "a.parquet").write_bytes(b"PAR1" + b"\0" * 50 + b"PAR1")
    with (
        (tmp_path / "a.parquet").open("rb") as file,
        pytest.raises(RunError, match="not one of ours"),
        opened_parquet(file, "a.parquet"),
    ):
        pass


WRONG: tuple[Any, ...] = (None, [], {}, "", "x", -1, 1.5, 10**400, True, [1], {"a": 1}, [[]], [{}])
DEEP = "[" * 200_000


def _keys(name: str) -> tuple[Any, ...]:
    return {
        "manifest.json": ("digest", "world", "seed", "versions", "machine", "host", "command", "sources", "files",
                          "base"),
        "truth.json": ("judged_by", "cell", "endpoint", "estimator", "estimand", "value", "mcse", "how"),
    }[name]  # fmt: skip


def _shapes() -> list[tuple[str, str]]:
    """Contents of the wrong shape, each with a name."""
    made = [("deep", DEEP), ("empty", ""), ("NaN", "NaN"), ("no text", "\udcff")]
    return made + [(json.dumps(one)[:20], json.dumps(one)) for one in WRONG]


@pytest.mark.parametrize(
    ("name", "verbs"),
    [("manifest.json", READERS), ("truth.json", READERS[:2]), ("judged.json", (READERS[1], READERS[3]))],
)
def test_a_document_of_any_wrong_shape_is_one_line(folder: Path, name: str, verbs: tuple[list[str], ...]) -> None:
    place = folder / name if name != "judged.json" else forger.part(folder).with_name(name)
    for _, content in _shapes():
        _checked(folder, place, content)
        for words in verbs:
            assert _one_line([str(folder) if word == "X" else word for word in words]) == 2 or words[0] == "status"


def _checked(folder: Path, place: Path, content: str) -> None:
    name = str(place.relative_to(folder))
    RunFolder(folder).write_checked(name, content.encode("utf-8", "surrogateescape"))
    if name in ("manifest.json", "result.json"):
        (folder / f"{name}.sha256").unlink()


def _one_line(words: list[str]) -> int:
    """The exit code of a command that may refuse or not, and ends in no traceback."""
    from benchmarks.cli.commands import _guarded

    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("click.echo", lambda text, err=False: said.append(str(text)) if err else None)
        code = _guarded(lambda: cli.main(words, standalone_mode=False))
    assert code in (0, 1, 2), words
    assert code != 2 or (len(said) >= 1 and "\n" not in said[-1]), said
    return code


@pytest.mark.parametrize("key", _keys("manifest.json"))
def test_a_key_of_a_manifest_of_any_wrong_kind_is_one_line(folder: Path, key: str) -> None:
    held = json.loads((folder / "manifest.json").read_text())
    right = type(held[key])
    for value in WRONG:
        if type(value) is right and value in ([], {}, "", "x", ["a"]):
            continue
        (folder / "manifest.json").write_text(json.dumps({**held, key: value}))
        assert "manifest.json is not one of ours" in refused(["report", str(folder)]), value
    if key != "base":
        del held[key]
        (folder / "manifest.json").write_text(json.dumps(held))
        assert f"it lacks '{key}'" in refused(["status", str(folder)])


@pytest.mark.parametrize("key", [*_keys("truth.json"), "estimand.measure", "estimand.adjusted_for", "estimand.horizon"])
def test_a_key_of_a_truth_of_any_wrong_kind_is_one_line(folder: Path, key: str) -> None:
    held = json.loads((folder / "truth.json").read_text())
    for value in WRONG:
        made = json.loads(json.dumps(held))
        record = made[0]["estimand"] if "." in key else made[0]
        record[key.removeprefix("estimand.")] = value
        RunFolder(folder).write_checked("truth.json", json.dumps(made).encode())
        _one_line(["diff", str(folder), str(folder)])
    RunFolder(folder).write_checked_json("truth.json", [*held, {**held[0], "cell": 99}])
    assert "of another study" in refused(["report", str(folder)])


@pytest.mark.slow
def test_every_reader_takes_every_wrong_shape(folder: Path) -> None:
    """Every document of the folder, every wrong shape and every command that reads a folder."""
    names = [*(folder / name for name in ("manifest.json", "truth.json", "result.json", "results.json"))]
    names += [forger.part(folder).with_name("judged.json"), next((folder / "truths").glob("*.json"))]
    others = (["diff", "X", "X"], ["gallery", str(folder.parent)])
    for place, words in itertools.product(names, (*READERS, *others)):
        before = place.read_bytes(), Path(f"{place}.sha256")
        stated = before[1].read_bytes() if before[1].exists() else None
        for _, content in _shapes():
            _checked(folder, place, content)
            _one_line([str(folder) if word == "X" else word for word in words])
        place.write_bytes(before[0])
        if stated is not None:
            before[1].write_bytes(stated)


@pytest.mark.parametrize("words", READERS)
def test_a_scenario_that_reads_other_files_or_asks_for_too_much_is_refused(folder: Path, words: list[str]) -> None:
    words = [str(folder) if word == "X" else word for word in words]
    tree = (folder / "scenario.yaml").read_text()
    (folder / "scenario.yaml").write_text(f"extends: imbrave150\n{tree}")
    assert "extends another document" in refused(words)
    (folder / "scenario.yaml").write_text(tree.replace("replicates: 4", "replicates: 100000000").replace(
        "size: 40", "size: 10000000"))  # fmt: skip
    assert _one_line(words) in (1, 2)


def test_a_manifest_cannot_make_a_report_read_a_file(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text("population: {size: 12345}\nname: my-secret\n")
    forger.in_json(folder, "manifest.json", lambda held: (held.update(files=[str(secret)]), held.pop("base")))
    assert _one_line(["report", str(folder)]) == 0
    page = (folder / "report.html").read_text()
    assert "12345" not in page
    assert "cannot be read here" in page


def test_a_pipe_as_log_does_not_hang_a_command(folder: Path) -> None:
    (folder / "log").unlink()
    os.mkfifo(folder / "log")
    script = (
        f"import sys; sys.argv = {['trialtwin', *_words(folder)]!r}; from benchmarks.cli.commands import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "log: is a pipe, not a file; remove it" in done.stderr
