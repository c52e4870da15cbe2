"""How crews end: Ctrl-C, a killed driver, a scheduler or workers that vanish. Each in processes of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.runs import manifest
from benchmarks.workers import dask_pool
from benchmarks.workers.executors import BackendError, crew
from tests.test_executors import RESCUE, right, tasks
from tests.worker_tasks import Task, runs, squares

HOME = Path(__file__).parent.parent
DRIVER = """
import sys
from pathlib import Path
from benchmarks.workers.executors import crew
from tests.worker_tasks import Task, squares
notes = Path(sys.argv[2])
todo = [Task(notes, n, n + 1, seconds=0.3 if n < 6 else 3) for n in range(40)]
if __name__ == "__main__":
    try:
        with crew(sys.argv[1], 2) as two:
            for result in two.run_in_order(squares, todo, lambda count: print(count, flush=True)):
                pass
    except KeyboardInterrupt:
        print("interrupted")
        sys.exit(130)
"""


def start(*words: str | Path, errors: Path) -> subprocess.Popen[str]:
    """A process in a session of its own, with this checkout on its path."""
    with errors.open("w") as file:
        return subprocess.Popen(
            [sys.executable, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(HOME)},
            cwd=HOME,
        )


def members(session: int) -> list[int]:
    """The living processes of a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, own = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(own) == session and state != "Z":
            found.append(int(stat.parent.name))
    return found


def soon(true: Callable[[], bool], seconds: float) -> bool:
    """True when it becomes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return true()


@contextmanager
def driver(backend: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A driver that has finished four tasks of forty; its errors are in the file ``errors``."""
    script, notes = folder / "driver.py", folder / "notes"
    script.write_text(DRIVER)
    notes.mkdir()
    made = start(script, backend, notes, errors=folder / "errors")
    try:
        assert made.stdout is not None
        while made.stdout.readline().strip() != "4":
            assert made.poll() is None, (folder / "errors").read_text()
        yield made
    finally:
        for pid in members(made.pid):
            os.kill(pid, signal.SIGKILL)
        made.communicate()


@pytest.mark.parametrize("backend", ["serial", "threads", "processes", "dask"])
def test_ctrl_c_ends_everything_quietly(backend: str, tmp_path: Path) -> None:
    with driver(backend, tmp_path) as made:
        assert len(members(made.pid)) > (2 if backend in ("processes", "dask") else 0)
        os.killpg(made.pid, signal.SIGINT)
        assert made.wait(timeout=10) == 130
        assert (tmp_path / "errors").read_text() == ""
        assert soon(lambda: not members(made.pid), 2), members(made.pid)


@pytest.mark.parametrize("backend", ["processes", pytest.param("dask", marks=pytest.mark.slow)])
def test_workers_leave_when_the_driver_is_killed(backend: str, tmp_path: Path) -> None:
    with driver(backend, tmp_path) as made:
        assert len(members(made.pid)) > 2
        os.kill(made.pid, signal.SIGKILL)
        assert soon(lambda: not members(made.pid), 5), members(made.pid)


def addressed(process: subprocess.Popen[str], log: Path) -> str:
    """Where a scheduler says that it listens."""

    def told() -> bool:
        assert process.poll() is None, log.read_text()
        return re.search(r"Scheduler at: +tcp://\S+", log.read_text()) is not None

    assert soon(told, 20), log.read_text()
    return re.findall(r"Scheduler at: +tcp://(\S+)", log.read_text())[0]


@contextmanager
def cluster(folder: Path, workers: int = 2) -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """The address of a scheduler that was started by its command, and the processes: scheduler, then workers."""
    log = folder / "scheduler.log"
    scheduler = start(
        "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", errors=log
    )
    everyone = [scheduler]
    try:
        address = addressed(scheduler, log)
        for _ in range(workers):
            everyone.append(
                start(
                    *("-m", "distributed.cli.dask_worker", f"tcp://{address}", "--nthreads", "1", "--no-dashboard"),
                    *("--local-directory", folder),
                    errors=folder / "workers.log",
                )
            )
        yield f"dask://{address}", everyone
    finally:
        for process in everyone:
            for pid in members(process.pid):
                os.kill(pid, signal.SIGKILL)
            process.communicate()


def test_a_scheduler_and_workers_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes, late = tmp_path / "notes", tmp_path / "late"
    notes.mkdir()
    late.mkdir()
    with cluster(tmp_path) as (address, everyone):
        with crew(address, 7) as group:
            todo = tasks(notes, 40, each=1)
            assert list(group.run_in_order(squares, todo)) == right(todo)
            assert soon(lambda: bool(list(group.run_in_order(squares, todo[:4]))) and group.jobs == 2, 20)
            todo = [Task(late, n, n + 1, seconds=0.2) for n in range(20)]

            def kill_one(count: int) -> None:
                if count == 4:
                    worker = {int(file.read_text().split()[-1]) for file in late.iterdir()}.pop()
                    os.kill(worker, signal.SIGKILL)

            assert list(group.run_in_order(squares, todo, kill_one, rescue=RESCUE)) == right(todo)
            assert sum(runs(late).values()) <= 22

        monkeypatch.setattr(manifest, "version", lambda name: "0.1" if name == "numpy" else "none")
        manifest.versions.cache_clear()
        with pytest.raises(BackendError, match=r"worker tcp://\S+ has numpy \S+, here is 0\.1; ") as told:
            crew(address, 2).__enter__()
        assert "\n" not in str(told.value)
        monkeypatch.undo()
        manifest.versions.cache_clear()

        with crew(address, 2) as group:
            made = group.run_in_order(squares, [Task(notes, n, n + 1, seconds=0.2) for n in range(50, 90)])
            assert next(made) == [2500]
            os.kill(everyone[0].pid, signal.SIGKILL)
            begun = time.monotonic()
            with pytest.raises(BackendError, match=r"lost the Dask scheduler .* run the same command again"):
                list(made)
            assert time.monotonic() - begun < 20


@pytest.mark.slow
def test_a_scheduler_without_workers_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as soon_told:
        soon_told.setattr(dask_pool, "NO_WORKER_SECONDS", 2.0)
        with cluster(tmp_path, workers=0) as (address, _), pytest.raises(BackendError, match="has no workers"):
            crew(address, 2).__enter__()
    with cluster(tmp_path, workers=1) as (address, everyone), crew(address, 2) as group:
        made = group.run_in_order(squares, [Task(tmp_path, n, n + 1, seconds=0.2) for n in range(40)])
        assert next(made) == [0]
        monkeypatch.setattr(dask_pool, "NO_WORKER_SECONDS", 2.0)  # a worker on a busy machine takes longer to start
        for pid in members(everyone[1].pid):
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(BackendError, match="no Dask worker answers for 2 s"):
            list(made)
