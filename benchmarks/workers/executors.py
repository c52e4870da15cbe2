"""Crews of workers that compute tasks and survive their loss: serial, threads, processes, Dask.

A thread keeps what it finished before it begins more, and a process is given more only after that, so that losing
everything loses one task per worker; a Dask worker may have one more that is on its way.
"""

import difflib
import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Thread, Timer, get_ident
from time import monotonic
from typing import TYPE_CHECKING, Generic, TypeVar

from analysis.estimators.own_process import Busy
from benchmarks.workers.arenas import give_back
from benchmarks.workers.pools import BackendError, Processes, Serial, Threads

if TYPE_CHECKING:
    from benchmarks.workers.dask_tls import Tls

T = TypeVar("T")
S = TypeVar("S")

BACKENDS = ("auto", "serial", "threads", "processes", "dask")
ADDRESS = re.compile(r"(dask|tcp|tls)://[^/\s]+:\d{1,5}")
DEATHS = 2
"""A task that has killed so many workers is divided."""
AHEAD = 4
"""Tasks per worker that may be finished or under way beyond the one that is waited for."""
PATIENCE = 0.2


@dataclass(frozen=True)
class Rescue(Generic[T, S]):
    """What to do about a task whose workers died.

    ``split`` gives smaller tasks, none where it cannot be divided; ``join`` puts their results together in order;
    ``lost`` is the result of a task that cannot be had. A worker process may take ``limit`` seconds over a task and
    dies after that; the task is then divided at once, and ``late`` is the result of one that cannot be.
    """

    split: Callable[[T], Sequence[T]]
    join: Callable[[Sequence[S]], S]
    lost: Callable[[T], S]
    limit: Callable[[T], float | None] = lambda task: None  # noqa: ARG005
    late: Callable[[T], S] | None = None


@dataclass(frozen=True)
class Stalled(Generic[T]):
    """Hears that nothing was finished for ``after`` seconds, and again after twice as long: for how long, and at what.

    A task comes with the own function that is known to be called for it.
    """

    after: float
    say: Callable[[float, Sequence[tuple[T, Busy | None]]], None]


def chosen(backend: str, plain_python: bool, jobs: int) -> str:
    """The backend for a study; ``auto`` looks at whether it has estimators in plain Python, which hold the GIL."""
    if backend == "auto":
        return "serial" if jobs == 1 else "processes" if plain_python else "threads"
    if backend in BACKENDS or ADDRESS.fullmatch(backend):
        return backend
    if "://" in backend:
        raise BackendError(f"backend '{backend}' is no address; write dask://host:port, e.g. dask://localhost:8786")
    near = difflib.get_close_matches(backend, BACKENDS, 1)
    meant = f"did you mean '{near[0]}'?" if near else f"one of {', '.join(BACKENDS)}, dask://host:port"
    raise BackendError(f"backend '{backend}' is not known; {meant}")


@contextmanager
def crew(backend: str, jobs: int, tls: "Tls | None" = None) -> Iterator["Crew"]:
    """A crew of ``jobs`` workers, sent home at the end; for an address those of its scheduler, which sees ``tls``."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        pool = _pool(backend, jobs, tls)
        try:
            yield Crew(backend, pool)
        finally:
            pool.close()
            give_back()


def _pool(backend: str, jobs: int, tls: "Tls | None") -> Serial:
    if backend == "serial":
        return Serial()
    if backend == "threads":
        return Threads(jobs)
    if backend == "processes":
        return Processes(jobs)
    from benchmarks.workers.dask_pool import Dask

    return Dask(backend, jobs, tls)


@dataclass(eq=False)
class _Piece(Generic[T, S]):
    """A task, or a part of one that was divided."""

    task: T
    number: int
    whole: "_Piece[T, S] | None" = None
    deaths: int = 0
    kept: bool = False
    begun: float = 0.0
    thread: int = 0
    parts: "list[_Piece[T, S]]" = field(default_factory=list)
    result: list[S] = field(default_factory=list)

    def suspect(self) -> bool:
        """True where it, or what it is a part of, has cost a worker."""
        return self.deaths > 0 or self.whole is not None

    def settled(self, result: S, join: Callable[[Sequence[S]], S] | None) -> "_Piece[T, S]":
        """The largest piece that is complete with this result."""
        self.result.append(result)
        piece = self
        while join and piece.whole is not None and all(part.result for part in piece.whole.parts):
            piece = piece.whole
            piece.result.append(join([part.result.pop() for part in piece.parts]))
        return piece


def within(seconds: float, function: Callable[[T], S], task: T) -> S:
    """The result of the task in a process that ends where it takes longer."""
    end = Timer(seconds, os._exit, (1,))
    end.daemon = True
    end.start()
    try:
        return function(task)
    finally:
        end.cancel()


class Watch:
    """Calls ``say`` from a thread of its own when nothing has moved for so many seconds, then for twice as many."""

    def __init__(self, after: float, say: Callable[[float], None]) -> None:
        self._after, self._say, self._over = after, say, Event()
        self.moved()
        self._thread = Thread(target=self._look, daemon=True)
        self._thread.start()

    def moved(self) -> None:
        """Note that something has moved."""
        self._last, self._next = monotonic(), self._after

    def _look(self) -> None:
        while not self._over.wait(min(self._after / 4, 1.0)):
            idle = monotonic() - self._last
            if idle >= self._next:
                self._next = 2 * idle
                self._say(idle)

    def end(self) -> None:
        """Say nothing more."""
        self._over.set()
        self._thread.join()


def _failed(future: Future[S]) -> bool:
    return future.cancelled() or future.exception() is not None


@dataclass(eq=False)
class _Run(Generic[T, S]):
    """The tasks of one call of `Crew.run_in_order`: what is under way, and what must be run again."""

    pool: Serial
    function: Callable[[T], S]
    tasks: Sequence[T]
    keep: Callable[[T, S], object]
    rescue: Rescue[T, S] | None
    under_way: dict[Future[S], _Piece[T, S]] = field(default_factory=dict)
    again: deque[_Piece[T, S]] = field(default_factory=deque)
    at_work: list[_Piece[T, S]] = field(default_factory=list)
    places: dict[int, Future[S]] = field(default_factory=dict)
    submitted: int = 0

    def doing(self) -> list[tuple[T, Busy | None]]:
        """What is being computed; may be asked from another thread."""
        return [(one.task, self.pool.doing(self.places.get(id(one)), one.thread)) for one in list(self.at_work)]

    def fill(self, head: int) -> None:
        """Submits as much as workers can take while the result of task ``head`` is waited for."""
        while len(self.under_way) < self.pool.width + self.pool.spare:
            if self.again or any(piece.suspect() for piece in self.under_way.values()):
                if self.under_way:
                    return
                self._submit(self.again.popleft())
            elif self.submitted < min(len(self.tasks), head + AHEAD * self.pool.width):
                self.submitted += 1
                self._submit(_Piece(self.tasks[self.submitted - 1], self.submitted - 1))
            else:
                return

    def _submit(self, piece: _Piece[T, S]) -> None:
        here, limit = self.pool.keeps and piece.whole is None, self._limit(piece)
        work = self.function if limit is None else partial(within, limit, self.function)
        piece.begun, piece.thread = monotonic(), get_ident() if self.pool.spare == 0 else 0
        self.at_work.append(piece)
        future = self.pool.submit(partial(self._compute_and_keep, piece) if here else work, piece.task)
        self.places[id(piece)] = future
        self.under_way[future] = piece

    def _compute_and_keep(self, piece: _Piece[T, S], task: T) -> S:
        piece.thread = get_ident()
        result = self.function(task)
        self.keep(task, result)
        piece.kept = True
        return result

    def _limit(self, piece: _Piece[T, S]) -> float | None:
        """How many seconds it may take; None: as long as it needs."""
        return self.rescue.limit(piece.task) if self.rescue and self.pool.mortal else None

    def over(self) -> list[Future[S]]:
        """What is no longer under way after a short wait, those that failed first, so that they are taken last."""
        over = list(wait(self.under_way, timeout=PATIENCE, return_when=FIRST_COMPLETED).done)
        over.sort(key=_failed, reverse=True)
        return over

    def outcome(self, future: Future[S]) -> _Piece[T, S] | None:
        """The task that is now complete, if any; what must be run again is put in ``again``."""
        self.at_work.remove(self.under_way[future])
        self.places.pop(id(self.under_way[future]))
        piece = self.under_way.pop(future)
        error = CancelledError() if future.cancelled() else future.exception()
        complete: _Piece[T, S] | None = None
        if error is None:
            complete = piece.settled(future.result(), self.rescue.join if self.rescue else None)
        elif not self.pool.lost(error):
            raise error
        else:
            complete = self._after_death(piece, error)
        return complete if complete is not None and complete.whole is None else None

    def _after_death(self, piece: _Piece[T, S], error: BaseException) -> _Piece[T, S] | None:
        """The piece that is complete because nothing more can be done; else none, and ``again`` has what to do."""
        piece.deaths += 1
        limit, rescue = self._limit(piece), self.rescue
        late = limit is not None and monotonic() - piece.begun >= limit
        if piece.deaths < DEATHS and not late:
            self.again.append(piece)
        elif rescue is None:
            what = "ran out of memory" if isinstance(error, MemoryError) else "killed its worker"
            told = f"task {piece.number + 1} of {len(self.tasks)} {what} {DEATHS} times; nothing more was tried"
            raise BackendError(told)
        else:
            parts = rescue.split(piece.task)
            piece.parts = [_Piece(part, piece.number, piece) for part in parts] if len(parts) > 1 else []
            self.again.extendleft(reversed(piece.parts))
            if not piece.parts:
                lost = rescue.late if late and rescue.late else rescue.lost
                return piece.settled(lost(piece.task), rescue.join)
        return None


@dataclass(frozen=True)
class Crew:
    """Workers that are ready for tasks."""

    name: str
    _pool: "Serial"

    @property
    def jobs(self) -> int:
        """How many tasks are computed at a time."""
        return self._pool.width

    def run_in_order(
        self,
        function: Callable[[T], S],
        tasks: Sequence[T],
        done: Callable[[int], None] = lambda count: None,  # noqa: ARG005
        keep: Callable[[T, S], object] = lambda task, result: None,  # noqa: ARG005
        rescue: Rescue[T, S] | None = None,
        stalled: Stalled[T] | None = None,
    ) -> Iterator[S]:
        """Results in the order of the tasks; ``keep`` gets each as soon as it is finished, then ``done`` their number.

        Threads call ``keep`` themselves, several at a time; a worker begins nothing before its last result is kept.

        A task whose worker died is run once more, alone, so that a second death is its own fault; it is then divided.
        An exception of the function is raised here, and BackendError for a task that is lost without a rescue.
        """
        run = _Run(self._pool, function, tasks, keep, rescue)
        ready: dict[int, S] = {}
        finished = 0
        watch = Watch(stalled.after, lambda idle: stalled.say(idle, run.doing())) if stalled else None
        try:
            for number in range(len(tasks)):
                while number not in ready:
                    run.fill(number)
                    over = run.over()
                    while over:
                        piece = run.outcome(over.pop())
                        if piece is not None:
                            ready[piece.number] = piece.result.pop()
                            if not piece.kept:
                                keep(piece.task, ready[piece.number])
                            finished += 1
                            done(finished)
                            if watch:
                                watch.moved()
                        run.fill(number)
                    self._pool.watch()
                yield ready.pop(number)
        finally:
            if watch:
                watch.end()
            self._pool.abandon(run.under_way)


def in_threads(
    function: Callable[[T], S],
    tasks: Sequence[T],
    jobs: int,
    done: Callable[[int], None] = lambda count: None,  # noqa: ARG005
) -> Iterator[S]:
    """Results in the order of the tasks, computed by ``jobs`` threads; ``done`` hears how many are finished."""
    with crew("threads", jobs) as workers:
        yield from workers.run_in_order(function, tasks, done)
