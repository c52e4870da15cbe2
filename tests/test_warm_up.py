"""Warming up: everything that a study needs is compiled, a failed part is left to later, nothing kept is said."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.workers import warm_up

ROOT = Path(__file__).parent.parent
COUNT = """
import sys
import numba.core.event as event
class Counter(event.Listener):
    names = []
    def on_start(self, one):
        self.names.append(one.data["dispatcher"].py_func.__name__)
    def on_end(self, one):
        pass
event.register("numba:compile", Counter())
sys.argv = ["trialtwin", "run", "paper", "--reps", "4", "-S", "run.truth_patients=6000", "--out", sys.argv[1]]
from benchmarks.cli import commands as cli
cli.cli.main(standalone_mode=False)
print("compiled:", Counter.names)
"""


def test_parts_that_end_well_are_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(warm_up, "folder", lambda: tmp_path)
    monkeypatch.setattr(warm_up, "_in_processes", lambda names, _: [name for name in names if name != "cox"])
    assert warm_up.warm_up(2, said.append, warm_up.STUDY) is not None
    assert len(said) == 1
    kept = {mark.name.rsplit("-", 1)[1] for mark in tmp_path.iterdir()}
    assert kept == {*warm_up.STUDY} - {"cox"}
    assert warm_up.warm_up(2, said.append, ("matching", "propensity")) is None
    assert len(said) == 1


def test_without_a_folder_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(warm_up, "folder", lambda: None)
    assert warm_up.warm_up(2, said.append) is None
    assert said[0].startswith("no folder for compiled code")


def test_a_part_that_fails_is_not_counted_and_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sys\nfor line in sys.stdin:\n    line == 'bad\\n' and sys.exit(1)\n    print('done', flush=True)"
    pipe, started = subprocess.PIPE, list[int]()

    def process() -> "subprocess.Popen[str]":
        started.append(1)
        return subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True)

    monkeypatch.setattr(warm_up, "_process", process)
    assert warm_up._in_processes(["good", "bad", "fine", "well"], 1) == ["good", "fine", "well"]
    assert len(started) == 2


@pytest.mark.slow
def test_after_it_a_study_compiles_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    run = [sys.executable, "-c", COUNT]
    done = [
        subprocess.run([*run, str(tmp_path / str(k))], env=environment, capture_output=True, text=True, check=True)
        for k in range(2)
    ]
    assert done[1].stdout.splitlines()[-1] == "compiled: []"
    assert "compiling the kernels" in done[0].stderr
    assert "compiling the kernels" not in done[1].stderr
