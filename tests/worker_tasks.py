"""Tasks that crews are tried with; workers import them from here."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.estimators import Own

WORKER_LOST = -1


@dataclass(frozen=True)
class Task:
    """Numbers ``first`` up to ``last``; runs are noted in ``notes``, and ``deadly`` numbers kill the worker."""

    notes: Path
    first: int
    last: int
    deadly: tuple[int, ...] = ()
    how: str = "exit"
    seconds: float = 0.0


def squares(task: Task) -> list[int]:
    """The squares of the task's numbers, unless one of them is deadly."""
    note(task)
    if any(task.first <= number < task.last for number in task.deadly):
        die(task.how)
    time.sleep(task.seconds)
    return [number * number for number in range(task.first, task.last)]


def note(task: Task) -> None:
    """Note that the task was begun, by which process."""
    with (task.notes / f"{task.first:04d}-{task.last:04d}").open("a") as file:
        file.write(f"{os.getpid()}\n")


def runs(notes: Path) -> dict[str, int]:
    """How often each task was begun."""
    return {file.name: len(file.read_text().splitlines()) for file in sorted(notes.iterdir())}


def die(how: str) -> None:
    """End the worker, or fail."""
    if how == "exit":
        os._exit(3)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "memory":
        raise MemoryError
    raise ValueError("seven")


def halves(task: Task) -> list[Task]:
    """Two smaller tasks; none for a single number."""
    middle = (task.first + task.last) // 2
    if middle == task.first:
        return []
    ends = ((task.first, middle), (middle, task.last))
    return [Task(task.notes, first, last, task.deadly, task.how) for first, last in ends]


def joined(parts: "list[list[int]]") -> list[int]:
    """The parts one after the other."""
    return [number for part in parts for number in part]


def lost(task: Task) -> list[int]:  # noqa: ARG001
    """What stands for a number that cannot be had."""
    return [WORKER_LOST]


def call_own(estimator: "Own") -> object:
    """The answer of a user's function."""
    from analysis.estimators.own_call import found

    return found(estimator.function)()


def about_this_process(name: str) -> object:
    """Something about the worker."""
    import sys

    import numpy  # noqa: F401
    from threadpoolctl import threadpool_info

    from simulator.numerics import compiled

    return {
        "pid": os.getpid(),
        "cache": compiled._SETTINGS.CACHE_DIR,
        "path": sys.path,
        "blas": [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"],
        "deaf": signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()),
    }[name]


def rest(payload: tuple[float, bytes]) -> bytes:
    """So many seconds without the GIL; gives back what it was given."""
    time.sleep(payload[0])
    return payload[1]
