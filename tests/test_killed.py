"""Nothing that was computed is lost: runs killed at any moment go on, and end as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.measured import Measured

HERE = Path(__file__).parent.parent


def _killed(*words: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.killed", *words], capture_output=True, text=True, check=True, cwd=HERE
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _at_random(place: Path, runs: int) -> str:
    """What was survived, in words."""
    told = _killed("random", str(place), str(runs))
    assert len(told["found"]) == runs
    for found in told["found"]:
        assert found["digest"] == told["digest"]
        assert found["stumps"] == []
        assert found["begun"] <= told["blocks"] + found["kills"] * told["jobs"], found
    assert any(found["begun"] > told["blocks"] for found in told["found"]), "no kill came while a block was computed"
    kills, again = (sum(found[key] for found in told["found"]) for key in ("kills", "begun"))
    return f"{runs} runs, {kills} kills: the same rows, {again - runs * told['blocks']} blocks computed again"


@pytest.mark.slow
def test_runs_killed_at_random_moments_end_in_the_same_rows(tmp_path: Path) -> None:
    _at_random(tmp_path, 8)


@pytest.mark.slow(minutes=60)
def test_a_hundred_runs_killed_at_random_moments_end_in_the_same_rows(tmp_path: Path, measured: Measured) -> None:
    measured("runs killed at random", _at_random(tmp_path, 100))


@pytest.mark.slow
def test_runs_killed_at_every_point_of_a_parts_writing_end_in_the_same_rows(tmp_path: Path) -> None:
    told = _killed("points", str(tmp_path))
    assert len(told["found"]) > 15
    for found in told["found"]:
        assert found["digest"] == told["digest"], found
        assert found["stumps"] == []
        assert told["blocks"] <= found["begun"] <= told["blocks"] + 1, found
    assert sum(found["begun"] > told["blocks"] for found in told["found"]) > 15


STUDY = ("run", "imbrave150", "--reps", "200", "--block", "5", "-S", "run.truth_patients=5000", "--json")
COMMAND = [sys.executable, "-c", "from trialtwin.__main__ import main; main()", *STUDY]


def _finished(out: Path) -> str:
    done = subprocess.run([*COMMAND, "--out", str(out)], capture_output=True, text=True, check=True, cwd=HERE)
    digest: str = json.loads(done.stdout)["provenance"]["rows_sha256"]
    return digest


def _parts(out: Path) -> int:
    return len(list(out.rglob("r*.parquet.sha256")))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of the rows where nobody interferes."""
    return _finished(tmp_path_factory.mktemp("runs") / "whole")


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_the_command_itself_goes_on_after_a_kill_or_an_interruption(
    tmp_path: Path, whole: str, sign: signal.Signals
) -> None:
    """Twice stopped on the way, then finished; Ctrl-C says how to go on and exits with 130."""
    out, reached = tmp_path / "stopped", 0
    for _ in range(2):
        going = subprocess.Popen(
            [*COMMAND, "--out", str(out)], cwd=HERE, start_new_session=True, text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        until = time.monotonic() + 60
        while _parts(out) < reached + 5 and time.monotonic() < until:
            time.sleep(0.03)
        os.killpg(going.pid, sign)
        _, said = going.communicate(timeout=60)
        assert going.returncode == (130 if sign == signal.SIGINT else -sign), said
        assert "Traceback" not in said
        if sign == signal.SIGINT:
            assert "the same command again goes on" in said
        assert reached + 5 <= _parts(out) < 40
        reached = _parts(out)
    assert _finished(out) == whole
    assert not list(out.rglob(".*"))
