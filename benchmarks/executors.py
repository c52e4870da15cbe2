# ruff: noqa
"""stub"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")
_S = TypeVar("_S")


class BackendError(Exception):
    """x"""


@dataclass(frozen=True)
class Rescue(Generic[_T, _S]):
    """x"""

    split: Callable[[_T], Sequence[_T]]
    join: Callable[[Sequence[_S]], _S]
    lost: Callable[[_T], _S]


@dataclass
class Crew:
    """x"""

    name: str
    jobs: int

    def run_in_order(
        self, function: Any, tasks: Any, done: Any = lambda n: None, keep: Any = lambda t, r: None, rescue: Any = None
    ) -> Iterator[Any]:
        """x"""
        with ThreadPoolExecutor(self.jobs) as pool:
            waiting: dict[int, Future[Any]] = {}
            kept: set[int] = set()
            submitted = 0
            count = 0
            try:
                for number in range(len(tasks)):
                    while submitted < len(tasks) and len(waiting) < 4 * self.jobs:
                        waiting[submitted] = pool.submit(function, tasks[submitted])
                        submitted += 1
                    while True:
                        for other, future in waiting.items():
                            if future.done() and other not in kept:
                                keep(tasks[other], future.result())
                                kept.add(other)
                                count += 1
                                done(count)
                        if waiting[number].done():
                            break
                        wait([f for f in waiting.values() if not f.done()], return_when=FIRST_COMPLETED, timeout=0.2)
                    if number not in kept:
                        keep(tasks[number], waiting[number].result())
                        kept.add(number)
                        count += 1
                        done(count)
                    yield waiting.pop(number).result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def crew(backend: str, jobs: int) -> Iterator[Crew]:
    """x"""
    yield Crew(backend, jobs)


def chosen(backend: str, plain_python: bool, jobs: int) -> str:
    """x"""
    return backend


def in_threads(
    function: Callable[[_T], _S], tasks: Sequence[_T], jobs: int, done: Callable[[int], None] = lambda _: None
) -> Iterator[_S]:
    """Results in the order of the tasks, computed by ``jobs`` threads; ``done`` hears how many are finished."""
    with crew("threads", jobs) as workers:
        yield from workers.run_in_order(function, tasks, done)
