"""Wherever a study is computed its rows are the same; a cohort that kills its worker costs that cohort alone."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from analysis.kernels.status import Status
from benchmarks.asked.blocks import prepare
from benchmarks.cli.commands import cli
from benchmarks.runs.store import RunFolder
from benchmarks.study import running
from tests.measured import Measured
from tests.trusting import trusted
from tests.worlds import scenario

FUNCTION = """
import os


def rate(cohort):
    if KILLS and cohort["time"].iloc[0] < 0.7:
        os._exit(1)
    deaths, months = cohort.groupby("treated")["event"].sum(), cohort.groupby("treated")["time"].sum()
    return float(deaths[True] / months[True] - deaths[False] / months[False]), 0.01
"""


def _rows(folder: Path, backend: str, *estimators: dict[str, Any], jobs: int = 2, replicates: int = 60) -> Any:
    asked = scenario(run={"replicates": replicates, "seed": 5, "truth_patients": 3_000}, estimators=estimators)
    cells = prepare([({}, asked)])
    return running.run_study(cells, RunFolder(folder), running.Work(jobs, 4, backend), lambda *_: None)


def test_one_hash_wherever_it_is_computed(tmp_path: Path) -> None:
    backends = ("serial", "threads", "processes", "dask")
    found = {one: _rows(tmp_path / one, one, {"kind": "crude"}, {"kind": "matched"}).rows_sha256 for one in backends}
    assert len(set(found.values())) == 1, found


@pytest.mark.slow
def test_a_cohort_that_kills_its_worker_is_lost_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = {"kind": "own", "name": "rate", "function": "rates.py:rate", "endpoints": ("OS",), "measure": "none"}
    statuses, values = {}, {}
    for kills in (True, False):
        trusted(Path("rates.py"), f"KILLS = {kills}\n" + FUNCTION)
        result = _rows(tmp_path / str(kills), "auto", own, replicates=16)
        numbers, statuses[kills] = result.rows.of(0, "OS", "rate")
        values[kills] = numbers["value"]
    lost = statuses[True] == Status.WORKER_LOST
    assert 0 < lost.sum() < 4
    assert not (statuses[False] == Status.WORKER_LOST).any()
    assert np.array_equal(statuses[True][~lost], statuses[False][~lost])
    assert np.array_equal(values[True][~lost], values[False][~lost])
    assert np.isnan(values[True][lost]).all()


def test_a_backend_that_cannot_be_had_is_one_line(tmp_path: Path) -> None:
    words = ["run", "paper", "--reps", "5", "--out", str(tmp_path / "run")]
    for backend, said in (("threds", "did you mean 'threads'?"), ("dask://127.0.0.1:1", "no Dask scheduler answers")):
        done = CliRunner().invoke(cli, [*words, "--backend", backend])
        assert done.exit_code != 0
        assert said in str(done.exception)


def test_the_log_tells_what_was_done_where(tmp_path: Path) -> None:
    _rows(tmp_path, "serial", {"kind": "crude"}, jobs=1)
    text = (tmp_path / "log").read_text()
    assert "15 blocks to compute with serial, 1 jobs" in text
    assert "15 blocks computed" in text


@pytest.mark.slow(minutes=60)
def test_six_hundred_flips_and_cuts_of_parts_are_noticed_and_mended(tmp_path: Path, measured: Measured) -> None:
    """Every truncation, and every flipped bit, of parts, their sums and their lists of estimators."""
    chance = np.random.Generator(np.random.Philox(20250430))
    digest = _rows(tmp_path, "serial", {"kind": "crude"}, jobs=1).rows_sha256
    files = sorted(path for path in (tmp_path / "parts").rglob("*") if path.is_file())
    whole = {path: path.read_bytes() for path in files}
    for trial in range(600):
        path = files[int(chance.integers(len(files)))]
        content = bytearray(whole[path])
        if trial % 2:
            content = content[: int(chance.integers(len(content)))]
        else:
            content[int(chance.integers(len(content)))] ^= 1 << int(chance.integers(8))
        path.write_bytes(bytes(content))
        (tmp_path / "results.parquet").unlink()
        assert RunFolder(tmp_path).damaged(), path
        assert _rows(tmp_path, "serial", {"kind": "crude"}, jobs=1).rows_sha256 == digest
        assert path.read_bytes() == whole[path] or path.suffix == ".parquet"
    measured("parts cut or with a bit flipped", "600 tried: all noticed, the same rows after each")


MILLION = """
name: small-world
extends: imbrave150
population: {size: 20}
estimators: [{kind: crude, endpoints: [OS]}]
run: {replicates: 10000, seed: 1, truth_patients: 20000}
"""


@pytest.mark.slow(minutes=60)
def test_a_million_replicates_need_no_more_memory_than_ten_thousand(tmp_path: Path, measured: Measured) -> None:
    """The peak memory of the command itself, as the operating system counts it, within 20 %."""
    import subprocess
    import sys

    (tmp_path / "small.yaml").write_text(MILLION)
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    told = [sys.executable, "-c", script]
    command = [sys.executable, "-c", "from trialtwin.__main__ import main; main()", "run", str(tmp_path / "small.yaml")]
    peaks = {}
    for count in (10_000, 1_000_000):
        done = subprocess.run(
            [*told, *command, "--reps", str(count), "--json", "--out", str(tmp_path / str(count))],
            check=True, capture_output=True, text=True, cwd=Path(__file__).parent.parent,
        )  # fmt: skip
        peaks[count] = int(done.stdout.split()[-1])
        assert json.loads(done.stdout[: done.stdout.rindex("}") + 1])["provenance"]["replicates"] == count
    measured(
        "memory of a small world",
        f"{peaks[10_000] / 1e3:.0f} MB for 10,000 replicates, {peaks[1_000_000] / 1e3:.0f} MB for a million",
    )
    assert peaks[1_000_000] < 1.2 * peaks[10_000], peaks
