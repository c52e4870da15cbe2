"""Crews: order, bounds, faults, and workers that die."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, wait
from contextlib import ExitStack
from pathlib import Path

import pytest

from analysis.estimators import Own
from analysis.estimators.own_code import OwnFunctionError
from benchmarks.workers import dask_pool, executors
from benchmarks.workers.executors import BackendError, Crew, Rescue, chosen, crew
from tests.measured import Measured
from tests.trusting import trusted
from tests.worker_tasks import (
    WORKER_LOST,
    Task,
    about_this_process,
    call_own,
    halves,
    joined,
    lost,
    rest,
    runs,
    squares,
)

HOME = Path(__file__).parent.parent
RESCUE = Rescue(halves, joined, lost)
KILLABLE = ("processes", "dask")


@pytest.fixture(scope="module")
def crews() -> Iterator[dict[str, Crew]]:
    """One crew of each backend, opened once."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(crew(name, 2)) for name in ("serial", "threads", "processes", "dask")}


def tasks(notes: Path, count: int, each: int = 4, deadly: tuple[int, ...] = (), how: str = "exit") -> list[Task]:
    return [Task(notes, first, first + each, deadly, how) for first in range(0, count * each, each)]


def right(todo: list[Task], but: tuple[int, ...] = ()) -> list[list[int]]:
    return [[WORKER_LOST if n in but else n * n for n in range(task.first, task.last)] for task in todo]


def test_chosen_by_the_work() -> None:
    assert chosen("auto", False, 4) == "threads"
    assert chosen("auto", True, 4) == "processes"
    assert chosen("auto", True, 1) == "serial"
    for name in ("serial", "threads", "processes", "dask", "dask://node-1:8786", "tcp://10.0.0.1:1", "tls://[::1]:80"):
        assert chosen(name, False, 2) == name


@pytest.mark.parametrize(
    ("backend", "word"),
    [("thread", "did you mean 'threads'"), ("mpi", "one of auto, serial"), ("dask://node", "dask://host:port")],
)
def test_an_unknown_backend_is_told(backend: str, word: str) -> None:
    with pytest.raises(BackendError, match=word):
        chosen(backend, False, 2)


@pytest.mark.parametrize("backend", ["serial", "threads", *KILLABLE])
def test_results_are_in_order_and_kept_as_they_come(crews: dict[str, Crew], backend: str, tmp_path: Path) -> None:
    todo = tasks(tmp_path, 40)
    counts: list[int] = []
    kept: list[int] = []
    made = crews[backend].run_in_order(squares, todo, counts.append, lambda task, _: kept.append(task.first))
    assert list(made) == right(todo)
    assert counts == list(range(1, 41))
    assert sorted(kept) == [task.first for task in todo]
    assert runs(tmp_path) == dict.fromkeys(runs(tmp_path), 1)
    assert len(runs(tmp_path)) == 40


def test_a_later_task_is_kept_before_an_earlier_one_ends(crews: dict[str, Crew], tmp_path: Path) -> None:
    todo = [Task(tmp_path, 0, 1, seconds=1.0), *(Task(tmp_path, n, n + 1) for n in range(1, 30))]
    kept: list[int] = []
    made = crews["threads"].run_in_order(squares, todo, keep=lambda task, _: kept.append(task.first))
    assert next(made) == [0]
    assert kept.index(0) == executors.AHEAD * 2 - 1  # all that may run ahead of it, and no more
    assert list(made) == right(todo)[1:]


def test_no_more_is_begun_than_there_are_workers() -> None:
    """What is begun and not yet kept never exceeds the workers: that is what a kill can lose."""
    open_now, most, lock = 0, 0, threading.Lock()

    def begin(number: int) -> int:
        nonlocal open_now, most
        with lock:
            open_now += 1
            most = max(most, open_now)
        return number

    def keep(task: int, result: int) -> None:  # noqa: ARG001
        nonlocal open_now
        time.sleep(0.001)
        with lock:
            open_now -= 1

    with crew("threads", 3) as three:
        assert list(three.run_in_order(begin, range(100), keep=keep)) == list(range(100))
    assert most == 3


@pytest.mark.parametrize("backend", ["serial", "threads", *KILLABLE])
def test_an_exception_reaches_the_caller(crews: dict[str, Crew], backend: str, tmp_path: Path) -> None:
    todo = tasks(tmp_path, 40, deadly=(30,), how="raise")
    with pytest.raises(ValueError, match="seven"):
        list(crews[backend].run_in_order(squares, todo, rescue=RESCUE))
    assert len(runs(tmp_path)) < 40
    again = tasks(tmp_path, 3)
    assert list(crews[backend].run_in_order(squares, again)) == right(again)


@pytest.mark.parametrize("backend", ["serial", "threads", *KILLABLE])
def test_running_out_of_memory_costs_one_number(crews: dict[str, Crew], backend: str, tmp_path: Path) -> None:
    todo = tasks(tmp_path, 10, deadly=(17,), how="memory")
    assert list(crews[backend].run_in_order(squares, todo, rescue=RESCUE)) == right(todo, but=(17,))


@pytest.mark.parametrize(
    ("backend", "how"),
    [
        ("processes", "exit"),
        ("processes", "kill"),
        ("dask", "exit"),
        pytest.param("dask", "kill", marks=pytest.mark.slow),
    ],
)
def test_a_deadly_number_alone_is_lost(crews: dict[str, Crew], backend: str, how: str, tmp_path: Path) -> None:
    todo = tasks(tmp_path, 40, each=2, deadly=(31,), how=how)
    counts: list[int] = []
    kept: dict[int, list[int]] = {}
    made = crews[backend].run_in_order(
        squares, todo, counts.append, lambda task, result: kept.update({task.first: result}), RESCUE
    )
    assert list(made) == right(todo, but=(31,))
    assert [kept[task.first] for task in todo] == right(todo, but=(31,))
    assert counts == list(range(1, 41))
    begun = runs(tmp_path)
    twice = {name: count for name, count in begun.items() if count > 1}
    assert len(begun) == 42
    assert {"0030-0032": 2, "0031-0032": 2}.items() <= twice.items()
    assert max(twice.values()) == 2
    assert len(twice) <= (2 if backend == "processes" else 4)  # a Dask worker may take a result with it


@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_a_lost_task_is_named_without_a_rescue(crews: dict[str, Crew], backend: str, tmp_path: Path) -> None:
    how = "memory" if backend == "threads" else "exit"
    with pytest.raises(BackendError, match=r"task 3 of 4 .* 2 times"):
        list(crews[backend].run_in_order(squares, tasks(tmp_path, 4, deadly=(9,), how=how)))


@pytest.mark.parametrize("backend", KILLABLE)
def test_a_worker_killed_from_outside_costs_one_more_run(crews: dict[str, Crew], backend: str, tmp_path: Path) -> None:
    todo = [Task(tmp_path, n, n + 1, seconds=0.15) for n in range(20)]
    victims: list[int] = []

    def kill_one(count: int) -> None:
        if count == 4:
            busy = {int(file.read_text().split()[-1]) for file in tmp_path.iterdir()}
            victims.append(busy.pop())
            time.sleep(0.05)
            os.kill(victims[0], signal.SIGKILL)

    start = time.monotonic()
    assert list(crews[backend].run_in_order(squares, todo, kill_one, rescue=RESCUE)) == right(todo)
    assert victims
    assert time.monotonic() - start < 60
    assert sum(runs(tmp_path).values()) <= 21


@pytest.mark.parametrize("backend", KILLABLE)
def test_workers_are_like_the_driver(crews: dict[str, Crew], backend: str) -> None:
    names = ["pid", "cache", "path", "blas", "deaf"]
    pid, cache, path, blas, deaf = crews[backend].run_in_order(about_this_process, names)
    assert pid != os.getpid()
    assert cache == about_this_process("cache")
    assert set(map(os.path.abspath, sys.path)) <= set(map(os.path.abspath, path))
    assert set(blas) == {1}
    assert deaf
    assert not about_this_process("deaf")


@pytest.mark.parametrize("backend", ["processes", pytest.param("dask", marks=pytest.mark.slow)])
def test_a_users_code_goes_along_with_the_task(backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker neither reads the file again nor looks in its own folder; what is not trusted here is not there."""
    file, other = tmp_path / "mine.py", tmp_path / "theirs.py"
    trusted(file, f"def answer(): return 42, __file__  # {backend}")
    other.write_text(f"def answer(): return 0, __file__  # {backend}", "utf-8")
    monkeypatch.chdir(tmp_path)
    mine, theirs = (Own(name="own", function=f"{one.name}:answer").pinned() for one in (file, other))
    for one in (file, other):
        one.write_text("def answer(): return 43, __file__", "utf-8")
    with crew(backend, 1) as workers:
        assert list(workers.run_in_order(call_own, [mine])) == [(42, str(file))]
        with pytest.raises(OwnFunctionError, match=r"theirs\.py: Python code that is not trusted"):
            list(workers.run_in_order(call_own, [theirs]))


@pytest.mark.slow
@pytest.mark.parametrize("backend", KILLABLE)
def test_many_deaths_leave_the_crew_whole(backend: str, tmp_path: Path) -> None:
    deadly = tuple(range(3, 200, 20))
    todo = tasks(tmp_path, 50, deadly=deadly)
    with crew(backend, 2) as two:
        assert list(two.run_in_order(squares, todo, rescue=RESCUE)) == right(todo, but=deadly)


@pytest.mark.slow
@pytest.mark.parametrize("backend", KILLABLE)
def test_overhead_is_small(backend: str, measured: Measured) -> None:
    """Under 15 % for tasks of a second that take 200 kB: the tasks sleep, so that other work does not count."""
    payload = bytes(200_000)
    seconds = {}
    for name in ("threads", backend):
        with crew(name, 2) as two:
            list(two.run_in_order(rest, [(0.0, payload)] * 4))
            start = time.monotonic()
            assert list(two.run_in_order(rest, [(1.0, payload)] * 12)) == [payload] * 12
            seconds[name] = time.monotonic() - start
    measured(
        f"overhead of {backend}", f"{seconds[backend] / seconds['threads'] - 1:.1%} over threads, tasks of a second"
    )
    assert seconds[backend] < 1.15 * seconds["threads"]


def test_a_worker_that_joins_late_must_be_like_the_driver() -> None:
    assert dask_pool._checked(dask_pool.versions(), abs, -2) == 2
    with pytest.raises(BackendError, match=r"worker \S+ has numpy \S+, here is 0"):
        dask_pool._checked({**dask_pool.versions(), "numpy": "0"}, abs, -2)


def test_workers_that_cannot_start_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("benchmarks.workers.pools._leave_with", lambda *_: os._exit(1))
    with crew("processes", 2) as two, pytest.raises(BackendError, match="die as soon as they start"):
        list(two.run_in_order(squares, tasks(tmp_path, 4), rescue=RESCUE))


def test_a_scheduler_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_pool, "CONNECT_SECONDS", 0.5)
    with pytest.raises(BackendError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1 "):
        crew("dask://127.0.0.1:1", 2).__enter__()


def test_dask_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(BackendError, match=r"pip install 'trialtwin\[dask\]'"):
        crew("dask", 2).__enter__()


class Held:
    """A future of Dask that has ended so when it is waited for."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error

    def __await__(self) -> Iterator[int]:
        """7, or the error."""
        if self.error is not None:
            raise self.error
        return 7
        yield


@pytest.mark.parametrize("error", [None, RuntimeError("lost with its worker"), asyncio.CancelledError()])
def test_whatever_becomes_of_a_task_in_dask_its_future_ends(error: BaseException | None) -> None:
    """An error while a result is fetched too, of which Dask's own executor says nothing."""
    future: Future[int] = Future()
    asyncio.run(dask_pool._handed_over(Held(error), future))
    assert wait([future], timeout=0).done
    if isinstance(error, asyncio.CancelledError):
        assert isinstance(future.exception(), CancelledError)
    else:
        assert future.exception() is error
        assert error is not None or future.result() == 7
    given_up: Future[int] = Future()
    given_up.cancel()
    asyncio.run(dask_pool._handed_over(Held(error), given_up))
    assert given_up.cancelled()


@pytest.mark.parametrize("module", ["benchmarks.workers.pools", "analysis.estimators.own_process"])
def test_a_worker_may_import_this_first(module: str) -> None:
    """What a worker process unpickles first is imported before anything else of ours."""
    done = subprocess.run(
        [sys.executable, "-c", f"import {module}"], cwd=HOME, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
