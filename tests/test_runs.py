"""The verbs about runs as a user meets them: shards and their merging, status, verify, replay, and what is refused."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from analysis.kernels.status import Status
from benchmarks.asked.blocks import block_rows, blocks, prepare
from benchmarks.cli.commands import cli
from benchmarks.runs.store import RunFolder
from benchmarks.study import running
from tests.commands import refused
from tests.worlds import scenario

pytestmark = pytest.mark.usefixtures("unpaged")
STUDY = ("imbrave150", "-S", "population.size=60", "-S", "run.truth_patients=5000", "-S", "estimators=[crude, matched]")
SWEPT = (*STUDY, "-S", "sweep={grid: {entry.guarantee_months: [{}, {AtezoBev: 1}]}}")


def _json(*words: str, code: int = 0) -> dict[str, Any]:
    done = CliRunner().invoke(cli, [*words, "--json"], catch_exceptions=False)
    assert done.exit_code == code, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _digest(found: dict[str, Any]) -> str:
    digest: str = found["provenance"]["rows_sha256"]
    return digest


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of 40 replicates."""
    place = tmp_path_factory.mktemp("finished") / "run"
    _json("run", *STUDY, "--reps", "40", "--block", "8", "--out", str(place))
    return place


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A copy of it that may be damaged."""
    shutil.copytree(finished, tmp_path / "copy")
    return tmp_path / "copy"


def test_shards_merged_are_the_run(finished: Path, tmp_path: Path) -> None:
    words = ("run", *STUDY, "--reps", "40", "--block", "8")
    whole = _digest(_json("report", str(finished)))
    for k in (1, 2, 3):
        told = _json(*words, "--shard", f"{k}/3", "--out", str(tmp_path / "one"))
        assert told["computed"] == (2 if k < 3 else 1)
        _json(*words, "--shard", f"{k}/3", "--out", str(tmp_path / f"own-{k}"))
        if k < 3:
            said = refused(["merge", str(tmp_path / "one")])
            assert "simulated studies are not there yet" in said
    assert _digest(_json("merge", str(tmp_path / "one"))) == whole
    own = [str(tmp_path / f"own-{k}") for k in (1, 2, 3)]
    assert _digest(_json("merge", str(tmp_path / "joined"), *own)) == whole
    assert _json("status", str(tmp_path / "joined"))["finished"]
    assert (
        _digest(
            _json(*words, "--shard", "1/1", "--out", str(tmp_path / "two")) and _json("merge", str(tmp_path / "two"))
        )
        == whole
    )


def test_shards_of_other_runs_are_not_merged(finished: Path, tmp_path: Path) -> None:
    _json("run", *STUDY, "--reps", "8", "--seed", "77", "--shard", "1/1", "--out", str(tmp_path / "other"))
    shutil.copytree(finished, tmp_path / "copy")
    assert "another seed" in refused(["merge", str(tmp_path / "copy"), str(tmp_path / "other")])


def test_a_shard_is_what_it_says(tmp_path: Path) -> None:
    for wrong in ("0/3", "4/3", "3", "a/b", "-1/2", "1/0"):
        done = CliRunner().invoke(cli, ["run", *STUDY, "--shard", wrong, "--out", str(tmp_path)])
        assert done.exit_code == 2, wrong
        assert "write 3/20 for the third of twenty" in done.output


def test_one_hash_for_any_jobs_blocks_and_order(finished: Path, tmp_path: Path) -> None:
    whole = _digest(_json("report", str(finished)))
    for jobs, block in ((1, 1), (2, 37), (4, 400), (2, 7)):
        made = _json("run", *STUDY, "--reps", "40", "--jobs", str(jobs), "--block", str(block), "--out",
                     str(tmp_path / f"{jobs}-{block}"))  # fmt: skip
        assert _digest(made) == whole


def test_cells_may_be_computed_in_any_order(tmp_path: Path) -> None:
    words = ("run", *SWEPT, "--reps", "10")
    whole = _digest(_json(*words, "--out", str(tmp_path / "forward")))
    later = [("--shard", "2/2"), ("--shard", "1/2")]
    for shard in later:
        _json(*words, *shard, "--block", "1", "--out", str(tmp_path / "backward"))
    assert _digest(_json("merge", str(tmp_path / "backward"))) == whole


def test_status_tells_how_far_a_run_is(copied: Path) -> None:
    told = _json("status", str(copied))
    assert told["finished"]
    assert told["cells"] == [{"cell": 0, "settings": {}, "done": 40, "asked": 40}]
    sorted(copied.rglob("r*.parquet"))[1].unlink()
    told = _json("status", str(copied))
    assert (told["finished"], told["cells"][0]["done"]) == (False, 32)
    text = CliRunner().invoke(cli, ["status", str(copied)], catch_exceptions=False).stdout
    assert "not finished, 32 of 40 simulated studies" in text
    assert "to go on: trialtwin" in text
    with RunFolder(copied).lock():
        assert "process" in _json("status", str(copied))["in_use_by"]
    assert _json("status", str(copied))["in_use_by"] is None


def test_a_folder_in_use_is_refused_and_free_once_its_user_is_dead(copied: Path) -> None:
    script = (
        f"import sys, time\nfrom pathlib import Path\nfrom benchmarks.runs.store import RunFolder\n"
        f"with RunFolder(Path({str(copied)!r})).lock():\n    print('locked', flush=True)\n    time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == "locked\n"
        said = refused(["run", *STUDY, "--reps", "50", "--out", str(copied)])
        assert f"in use by process {holder.pid} on " in said
        assert "in use by process" in refused(["run", *STUDY, "--reps", "50", "--shard", "1/2", "--out", str(copied)])
        holder.kill()
        holder.wait()
    _json("run", *STUDY, "--reps", "50", "--out", str(copied))


def test_shards_share_a_folder_but_not_a_shard(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with folder.lock("1/2"), folder.lock("2/2"):
        with pytest.raises(running.RunError, match="in use by process"), folder.lock("2/2"):
            pass
        with pytest.raises(running.RunError, match="in use by process"), folder.lock():
            pass
    with folder.lock():
        pass


def test_verify_notices_what_was_changed(copied: Path) -> None:
    told = _json("verify", str(copied), "--sample", "5")
    assert told["holds"]
    assert len(told["recomputed"]) == 5
    part = sorted(copied.rglob("r*.parquet"))[1]
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    told = _json("verify", str(copied), "--sample", "0", code=1)
    assert told["damaged"] == [str(part.relative_to(copied))]
    done = CliRunner().invoke(cli, ["verify", str(copied), "--sample", "0"])
    assert done.exit_code == 1
    assert f"checksum: {part.relative_to(copied)}: is not what its checksum is of" in done.stdout


def _forged(folder: Path) -> None:
    """Change the last digit of one number of the rows, checksum and all."""
    table = pq.read_table(folder / "results.parquet")
    values = table["value"].to_numpy().copy()
    values[5] = np.nextafter(values[5], np.inf)
    place = table.schema.get_field_index("value")
    RunFolder(folder).write_table("results.parquet", table.set_column(place, "value", pa.array(values)))


def test_verify_and_replay_notice_a_number_that_is_off_by_its_last_digit(copied: Path) -> None:
    assert _json("replay", str(copied), "--rep", "1")["same"]
    _forged(copied)
    told = _json("verify", str(copied), "--sample", "300", code=1)
    assert told["damaged"] == []
    assert told["different"] == [{"cell": 0, "replicate": 1}]
    assert not _json("replay", str(copied), "--rep", "1", code=1)["same"]
    done = CliRunner().invoke(cli, ["replay", str(copied), "--rep", "1"])
    assert (done.exit_code, done.stdout.count("NO\n")) == (1, 1)


def test_replay_gives_the_cohort_and_every_step_of_its_analysis(finished: Path, tmp_path: Path) -> None:
    told = _json("replay", str(finished), "--rep", "17", "--out", str(tmp_path / "again"))
    assert told["same"]
    cohort = pd.read_csv(tmp_path / "again" / "cohort.csv")
    assert len(cohort) == 60
    assert {"propensity", "OS_time_Sorafenib"} <= set(pd.read_csv(tmp_path / "again" / "cohort-hidden.csv").columns)
    analysis = json.loads((tmp_path / "again" / "analysis.json").read_text())
    crude = next(row for row in told["rows"] if (row["endpoint"], row["estimator"]) == ("OS", "crude"))
    assert analysis["endpoints"]["OS"]["before"]["cox"]["log_hr"] == crude["value"]
    matched = next(row for row in told["rows"] if (row["endpoint"], row["estimator"]) == ("OS", "matched"))
    assert analysis["endpoints"]["OS"]["after"]["cox"]["log_hr"] == pytest.approx(matched["value"], rel=1e-13, abs=0)
    assert (tmp_path / "again" / "analysis.html").exists()


def test_what_there_is_not_cannot_be_replayed(finished: Path) -> None:
    assert "no setting 1; its settings are 0 to 0" in refused(["replay", str(finished), "--cell", "1", "--rep", "0"])
    assert "no simulated study 40 of setting 0; there are 0 to 39" in refused(["replay", str(finished), "--rep", "40"])


@pytest.mark.parametrize("verb", [["status"], ["verify"], ["merge"], ["report"], ["replay", "--rep", "0"]])
def test_what_is_no_run_folder_is_one_line(verb: list[str], tmp_path: Path) -> None:
    assert "manifest.json is absent" in refused([verb[0], str(tmp_path / "absent"), *verb[1:]])
    (tmp_path / "manifest.json").write_text("[]")
    assert "not one of ours" in refused([verb[0], str(tmp_path), *verb[1:]])


def test_a_scenario_that_was_changed_behind_its_manifest_is_refused(copied: Path) -> None:
    text = (copied / "scenario.yaml").read_text()
    (copied / "scenario.yaml").write_text(text.replace("size: 60", "size: 61"))
    assert text.count("size: 60") == 1
    assert "not the one that its manifest.json names" in refused(["report", str(copied)])


@pytest.mark.parametrize("name", ["truth.json", "results.parquet"])
def test_a_report_of_damaged_files_is_refused(copied: Path, name: str) -> None:
    content = (copied / name).read_bytes()
    (copied / name).write_bytes(content[:200] + bytes([content[200] ^ 1]) + content[201:])
    assert name in refused(["report", str(copied)])
    assert _json("run", *STUDY, "--reps", "40", "--out", str(copied))["provenance"]


def test_another_world_is_refused_with_the_place_that_differs(copied: Path) -> None:
    said = refused(["run", *STUDY, "-S", "followup.cut_off=2021-01-01", "--reps", "40", "--out", str(copied)])
    assert "another world (followup.cut_off: 2019-08-29, now 2021-01-01)" in said
    assert "--force-new" in said
    _json("run", *STUDY, "-S", "followup.cut_off=2021-01-01", "--reps", "8", "--out", str(copied), "--force-new")
    assert (copied.with_name("copy-2") / "report.html").exists()
    assert "another seed (" in refused(["run", *STUDY, "--seed", "9", "--reps", "40", "--out", str(copied)])


def test_a_run_by_other_code_is_refused(copied: Path) -> None:
    held = json.loads((copied / "manifest.json").read_text())
    held["versions"]["numpy"] = "1.0.0"
    (copied / "manifest.json").write_text(json.dumps(held))
    said = refused(["run", *STUDY, "--reps", "40", "--out", str(copied)])
    assert f"other versions (numpy: 1.0.0, now {np.__version__})" in said


def test_a_complete_run_is_not_computed_again(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(running, "block_rows", never)
    monkeypatch.setattr("benchmarks.truth.of_cells.find_truths", never)
    before = (copied / "results.parquet").stat()
    _json("run", *STUDY, "--reps", "40", "--out", str(copied))
    after = (copied / "results.parquet").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_lost_replicate_is_told_and_the_rest_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written of a replicate whose worker died: status WORKER_LOST, counted among the failures."""
    from benchmarks.asked.blocks import Block, lost_rows

    asked = scenario(run={"replicates": 6, "seed": 5, "truth_patients": 3_000}, estimators=({"kind": "crude"},))

    def losing(block: Block) -> pa.Table:
        return lost_rows(block) if block.first == 2 else block_rows(block)

    monkeypatch.setattr(running, "block_rows", losing)
    cells = prepare([({}, asked)])
    result = running.run_study(cells, RunFolder(tmp_path), running.Work(1, 1), lambda *_: None)
    _, status = result.rows.of(0, "OS", "crude")
    assert status.tolist() == [0, 0, Status.WORKER_LOST, 0, 0, 0]
    assert {one["status"] for one in result.rows.failures()} == {"WORKER_LOST"}
    assert len(blocks(cells[0], 1)) == 6
