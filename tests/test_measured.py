"""Figures and limits of time: a test that hangs is failed, the others go on, and what was measured is told."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.measured import table

HOME = Path(__file__).parent.parent

SESSION = """
import subprocess, time, pytest
import tests.trusting  # what is slow to import counts for no test

@pytest.mark.slow(minutes=0.01)
def test_hangs(): time.sleep(60)

@pytest.mark.slow(minutes=0.01)
def test_waits_for_another(): subprocess.run(["sleep", "60"])

@pytest.mark.slow(minutes=0.01)
def test_swallows():
    while True:
        try:
            time.sleep(60)
        except OSError:
            pass

def test_goes_on(measured): measured("steps of one", "3 | 4")

def test_fails(measured):
    measured("steps of another", "5")
    assert False
"""


def test_what_hangs_is_failed_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "test_session.py").write_text(SESSION)
    for name in ("conftest.py", "own_functions.py"):
        shutil.copy(HOME / "tests" / name, tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--measured", "found/here.tsv"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(HOME)}, capture_output=True, text=True, timeout=50,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout
    assert done.stdout.count("Failed: took more than 0.01 minutes") >= 3
    assert "4 failed, 1 passed" in done.stdout
    today = r"20\d\d-\d\d-\d\d"
    assert re.search(rf"^\| steps of one \| 3 / 4 \| {today} \| not on the page \|$", done.stdout, re.M)
    assert re.search(rf"^\| steps of another \| 5 \(failed\) \| {today} \|", done.stdout, re.M)
    first, second = (tmp_path / "found" / "here.tsv").read_text().splitlines()
    assert re.fullmatch(rf"{today}\tsteps of one\t3 / 4", first)
    assert second.endswith("\tsteps of another\t5 (failed)")


def test_a_table_tells_old_and_new() -> None:
    page = (
        "| figure | measured | on | by |\n|---|---|---|---|\n| a | 1 | 2020-01-01 | `x` |\n| b | 2 | 2020-01-02 | `y` |"
    )
    first, second, third = table({"b": "3", "c": "4"}, page)
    assert first == "| a | 1 | 2020-01-01 | `x` |"
    assert re.fullmatch(r"\| b \| 3 \| 20\d\d-\d\d-\d\d \| `y` \|", second)
    assert third.startswith("| c | 4 |")
    assert "2020" not in second
