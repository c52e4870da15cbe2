"""What `run --dry-run` tells is what then happens, within 30 %."""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.cli.commands import cli
from tests.idle import two_free_cores
from tests.measured import Measured

STUDY = (
    "imbrave150",
    "-S",
    "population.size=60",
    "-S",
    "run.truth_patients=20000",
    "-S",
    "estimators=[crude, matched]",
)
SWEPT = (*STUDY, "-S", "sweep={grid: {population.size: [60, 90, 120]}}")


def _told(*words: str) -> dict[str, Any]:
    done = CliRunner().invoke(cli, ["run", *words, "--json"], catch_exceptions=False)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("words", [pytest.param(STUDY, marks=pytest.mark.slow), SWEPT], ids=["one", "swept"])
def test_what_is_computed_and_its_size_on_disk_are_told(words: tuple[str, ...], tmp_path: Path) -> None:
    asked = (*words, "--reps", "300", "--block", "25", "--out", str(tmp_path / "run"))
    told = _told(*asked, "--dry-run")
    assert not (tmp_path / "run").exists()
    _told(*asked)
    assert told["blocks"] == told["blocks_missing"] == len(list(tmp_path.rglob("r0*.parquet")))
    assert told["replicates"] == 300 * told["cells"]
    assert told["rows"] == told["replicates"] * 4
    assert told["disk_bytes"] == pytest.approx(_size(tmp_path / "run"), rel=0.3)
    assert _told(*asked, "--dry-run")["blocks_missing"] == 0
    text = CliRunner().invoke(cli, ["run", *asked, "--dry-run"], catch_exceptions=False).stdout
    assert f"({told['blocks']:,} are there already)" in text


@pytest.mark.slow
@pytest.mark.parametrize("words", [("paper", "--reps", "10000"), ("hidden-confounder", "--reps", "1000")])
def test_time_and_memory_are_told(words: tuple[str, ...], tmp_path: Path, measured: Measured) -> None:
    """Of whole commands on a machine with nothing else to do, by a seed of which no run before has kept truths."""
    two_free_cores()
    own = (*words, "--seed", str(os.getpid()))
    command = [sys.executable, "-c", "from trialtwin.__main__ import main; main()", "run", *own, "--json"]
    told = json.loads(subprocess.run([*command, "--dry-run"], check=True, capture_output=True).stdout)
    started = time.monotonic()
    subprocess.run([*command, "--out", str(tmp_path / "run")], check=True, capture_output=True)
    took, memory = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    forecast = f"{told['seconds']:.0f} s and {told['memory_bytes'] / 1e6:.0f} MB told"
    measured(f"time and memory of {words[0]}", f"{took:.0f} s and {memory / 1e6:.0f} MB ({forecast})")
    assert took == pytest.approx(told["seconds"], rel=0.3)
    assert memory == pytest.approx(told["memory_bytes"], rel=0.3)
