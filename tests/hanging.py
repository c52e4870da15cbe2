"""Studies with functions of one's own that hang or die."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.estimators.own import columns_of
from benchmarks.asked.blocks import prepare
from benchmarks.asked.sampled import samples
from benchmarks.runs.store import RunFolder
from benchmarks.study import running
from simulator.world.generate import generate
from tests.trusting import trusted
from tests.worlds import scenario

BAD = (3, 17, 18)
TIMEOUT = 2.5
OWN = {"kind": "own", "name": "mine", "function": "mine.py:rate", "endpoints": ("OS",), "measure": "none"}
OTHER = {**OWN, "name": "other", "function": "mine.py:other"}
CRUDE = {"kind": "crude", "endpoints": ("OS",)}
FUNCTION = """
import os, time

def other(cohort):
    deaths, months = cohort.groupby("treated")["event"].sum(), cohort.groupby("treated")["time"].sum()
    return float(deaths[True] / months[True] - deaths[False] / months[False]), 0.01

def rate(cohort):
    if cohort["time"].iloc[0] in BAD and not os.path.exists("mended"):
        HOW
    return other(cohort)
"""
HOW = {"hangs": "time.sleep(10_000)", "dies": "os._exit(1)"}


def _asked(count: int = 40, *estimators: dict[str, Any], **run: Any) -> Any:
    run = {"replicates": count, "seed": 5, "truth_patients": 3_000, "replicate_timeout": TIMEOUT, **run}
    return scenario(run=run, estimators=estimators or (OWN, CRUDE, OTHER))


def _run(folder: Path, asked: Any, backend: str = "serial", **work: Any) -> running.StudyResult:
    cells = prepare([({}, asked)])
    return running.run_study(cells, RunFolder(folder), running.Work(2, 10, backend, **work), lambda *_: None)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes the function, which hangs or dies over three cohorts as long as there is no file ``mended``."""
    monkeypatch.chdir(tmp_path)
    asked = _asked(20, CRUDE)
    cell = prepare([({}, asked)])[0]
    (sample,) = samples(asked, generate(cell.resolved, 5, np.arange(20)), 5)
    first = [float(columns_of(sample, "OS", r)["time"][0]) for r in BAD]

    def write(how: str) -> None:
        trusted(Path("mine.py"), f"BAD = {first}\n" + FUNCTION.replace("HOW", HOW[how]))

    write("hangs")
    return write
