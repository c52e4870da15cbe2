"""The same rows however the work is split; the first replicates stay; parts are kept, and mended when damaged."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.kernels.status import Status
from benchmarks.asked.blocks import Block, block_rows, blocks, prepare
from benchmarks.asked.scenario import Scenario
from benchmarks.runs import rows
from benchmarks.runs.store import RunFolder
from benchmarks.study import running
from tests.worlds import scenario, tree


def _run(path: Path, asked: Scenario, jobs: int = 1, block: int | None = None) -> running.StudyResult:
    folder = RunFolder(path)
    return running.run_study(prepare([({}, asked)]), folder, running.Work(jobs, block), lambda *_: None)


def _of(replicates: int) -> Scenario:
    return scenario(run={"replicates": replicates, "seed": 5, "truth_patients": 6_000})


def test_any_split_gives_the_same_rows(tmp_path: Path) -> None:
    hashes = {
        _run(tmp_path / f"{jobs}-{block}", _of(30), jobs, block).rows_sha256
        for jobs, block in ((1, None), (2, None), (1, 7), (2, 1), (3, 30))
    }
    assert len(hashes) == 1


def test_more_replicates_keep_the_first(tmp_path: Path) -> None:
    few, more = (_run(tmp_path / str(n), _of(n)).rows.frame() for n in (15, 30))
    assert more[more["replicate"] < 15].reset_index(drop=True).equals(few)
    assert len(more) == 2 * len(few)


def test_another_seed_gives_other_rows(tmp_path: Path) -> None:
    other = scenario(run={"replicates": 15, "seed": 6, "truth_patients": 6_000})
    assert _run(tmp_path / "a", _of(15)).rows_sha256 != _run(tmp_path / "b", other).rows_sha256


def test_parts_are_kept_and_damaged_ones_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _run(tmp_path, _of(30), block=10)
    computed: list[tuple[int, int]] = []
    genuine = block_rows

    def counting(block: Block) -> object:
        computed.append((block.first, block.last))
        return genuine(block)

    monkeypatch.setattr(running, "block_rows", counting)
    assert _run(tmp_path, _of(30), block=10).rows_sha256 == first.rows_sha256
    assert computed == []
    parts = sorted((tmp_path / "parts").rglob("*.parquet"))
    assert len(parts) == 3
    content = bytearray(parts[1].read_bytes())
    content[len(content) // 2] ^= 1
    parts[1].write_bytes(bytes(content))
    parts[2].write_bytes(parts[2].read_bytes()[:-20])
    assert _run(tmp_path, _of(30), block=10).rows_sha256 == first.rows_sha256
    assert computed == [(10, 20), (20, 30)]


def test_reading_a_finished_run_gives_the_same_result(tmp_path: Path) -> None:
    made = _run(tmp_path, _of(15))
    held = running.read_study(made.cells, RunFolder(tmp_path))
    assert held.rows_sha256 == made.rows_sha256
    assert held.truths == made.truths
    assert repr(held.performance) == repr(made.performance)


def test_confounding_is_found_and_matching_takes_it_out(tmp_path: Path) -> None:
    """Under a strict null crude Cox is off by many standard errors; the matched is not."""
    asked = scenario(
        outcomes={**tree()["outcomes"], "treatment_effect": "none"},
        run={"replicates": 200, "seed": 5, "truth_patients": 6_000},
    )
    table = pd.DataFrame(_run(tmp_path, asked, 2).performance)
    kept = (table["endpoint"] == "OS") & (table["measure"] == "bias") & (table["judged_by"] == "own")
    bias = table[kept].set_index("estimator")
    z = bias["value"] / bias["mcse"]
    assert z["crude"] > 8
    assert abs(z["matched"]) < 4
    assert abs(z["ipw-att"]) < 4
    assert abs(z["adjusted"]) < 4


def test_failures_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = block_rows

    def failing(block: Block) -> pa.Table:
        table = genuine(block)
        codes = table["status"].to_numpy().copy()
        codes[3] = int(Status.MONOTONE)
        return table.set_column(table.schema.get_field_index("status"), "status", pa.array(codes))

    assert _run(tmp_path / "sound", _of(4)).rows.failures() == []
    monkeypatch.setattr(running, "block_rows", failing)
    told = _run(tmp_path / "failing", _of(4), block=2).rows.failures()
    assert [(one["status"], one["count"]) for one in told] == [("MONOTONE", 2)]


def test_rows_are_read_by_estimator_and_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "ROWS_AT_ONCE", 40)
    folder = RunFolder(tmp_path)
    cells = prepare([({}, _of(15)), ({}, scenario(run={"replicates": 7, "seed": 8, "truth_patients": 6_000}))])
    found = running.run_study(cells, folder, running.Work(1, 4), lambda *_: None).rows
    whole = found.frame()
    assert len(whole) == (15 + 7) * len(found.layout.keys[0])
    with pq.ParquetFile(found.path) as file:
        assert file.metadata.num_row_groups > 3
    for cell, count in ((0, 15), (1, 7)):
        for endpoint, estimator in found.layout.keys[cell]:
            here = (whole["cell"] == cell) & (whole["endpoint"] == endpoint) & (whole["estimator"] == estimator)
            numbers, status = found.of(cell, endpoint, estimator)
            assert len(status) == count
            for name, values in numbers.items():
                assert np.array_equal(values, whole.loc[here, name].to_numpy(), equal_nan=True)


def test_memory_does_not_grow_with_replicates(tmp_path: Path) -> None:
    """Ten times the replicates, with rows that cost nothing, need no more than a few megabytes."""
    script = """
import sys
from pathlib import Path
import numpy as np, pyarrow as pa
from benchmarks.study import running as study
from benchmarks.asked.blocks import blocks, prepare
from benchmarks.runs.store import RunFolder
from tests.worlds import scenario
asked = scenario(run={"replicates": int(sys.argv[2]), "seed": 5, "truth_patients": 6_000})
cells = prepare([({}, asked)])
first = study.block_rows(blocks(cells[0], 100)[0])
def again(block):
    numbers = np.repeat(np.arange(block.first, block.last), len(first) // 100)
    return first.slice(0, len(numbers)).set_column(0, "replicate", pa.array(numbers))
study.block_rows = again
folder = RunFolder(Path(sys.argv[1]))
study.run_study(cells, folder, study.Work(2, 100), lambda *_: None)
print([line for line in open("/proc/self/status") if line.startswith("VmHWM")][0].split()[1])
"""
    peaks = []
    for count in (4_000, 40_000):
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / str(count)), str(count)],
            capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent,
        )  # fmt: skip
        peaks.append(int(done.stdout.split()[-1]))
    assert peaks[1] - peaks[0] < 30_000, f"{peaks} kB"


def test_blocks_cover_every_replicate_once() -> None:
    cell = prepare([({}, _of(30))])[0]
    for size in (1, 7, 30, 100):
        covered = np.concatenate([np.arange(b.first, b.last) for b in blocks(cell, size)])
        assert np.array_equal(covered, np.arange(30))
