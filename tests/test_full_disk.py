"""A disk that fills up at any moment of a run: one line, exit code 2, and a clean continuation once there is room.

Needs root, to mount a small file system; skipped where that is not allowed.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.asked.errors import RunError
from benchmarks.cli.commands import cli
from tests.commands import refused
from tests.measured import Measured

STUDY = (
    "run", "imbrave150", "--reps", "40", "--block", "2", "--jobs", "2", "-S", "population.size=60",
    "-S", "run.truth_patients=5000", "-S", "estimators=[crude]",
)  # fmt: skip


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A file system whose size can be set again and again."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(place)], capture_output=True)
    if made.returncode != 0:
        pytest.skip("no small file system can be mounted here: needs root")

    def resized(size: str) -> Path:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(place)], check=True)
        return place

    yield resized
    subprocess.run(["umount", "-l", str(place)], check=True)


def _digest(out: Path) -> str:
    done = CliRunner().invoke(cli, [*STUDY, "--json", "--out", str(out)], catch_exceptions=False)
    digest: str = json.loads(done.stdout)["provenance"]["rows_sha256"]
    return digest


def _filled(disk: Callable[[str], Path], sizes: list[int], whole: str) -> int:
    """How many of the sizes, in kB, were too small; each ends in one line, and goes on to the same rows."""
    small = 0
    for size in sizes:
        out = disk(f"{size}k") / f"run-{size}"
        said = ""
        try:
            assert _digest(out) == whole
        except RunError as error:
            said = str(error)
        if said:
            small += 1
            assert "No space left on device" in said
            assert "the same command again" in said
            assert "\n" not in said
            assert "No space left on device" in refused([*STUDY, "--out", str(out)])
            disk("16m")
            assert _digest(out) == whole
        assert not list(out.rglob(".*.part"))
        subprocess.run(["rm", "-rf", str(out)], check=True)
    return small


def _sizes(count: int) -> list[int]:
    """From what takes nothing to what takes nearly all, in pages of 4 kB."""
    return [8 + 4 * round(k * 80 / count) for k in range(count)]


def test_a_disk_that_fills_up_costs_nothing(disk: Callable[[str], Path], tmp_path: Path) -> None:
    assert _filled(disk, _sizes(3), _digest(tmp_path / "whole")) == 3


@pytest.mark.slow(minutes=60)
def test_a_disk_that_fills_up_at_fifty_sizes_costs_nothing(
    disk: Callable[[str], Path], tmp_path: Path, measured: Measured
) -> None:
    full = _filled(disk, _sizes(50), _digest(tmp_path / "whole"))
    measured("full disks", f"50 sizes tried, {full} too small: one line, and the same rows once there is room")
    assert full > 40
