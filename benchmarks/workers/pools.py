"""Where tasks are computed: in the driver's own thread, in threads, or in processes that may die one by one."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import resource_tracker
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from analysis.estimators.own_link import ONE_THREAD
from analysis.estimators.own_process import Busy, busy, note_in, noted_in, until
from simulator.siblings import found_by_children

T = TypeVar("T")
S = TypeVar("S")
SAFE_PATH = {"PYTHONSAFEPATH": "1"}
"""A worker imports nothing from the current folder, which may be somebody else's."""


class BackendError(Exception):
    """A crew that cannot be had or is lost; its message is one line."""


class Serial:
    """The driver's own thread; also what the other pools do unless they say otherwise."""

    width = 1
    spare = 0
    """Tasks that may wait for the next free worker."""
    keeps = False
    """Whether workers keep their own results: only threads can."""
    mortal = False
    """Whether a worker may die alone."""

    def submit(self, function: Callable[[T], S], task: T) -> Future[S]:
        """The future of one task; never called for more than ``width`` at a time."""
        future: Future[S] = Future()
        try:
            future.set_result(function(task))
        except MemoryError as error:
            future.set_exception(error)
        return future

    def lost(self, error: BaseException) -> bool:
        """True for an error that is the loss of a worker."""
        return isinstance(error, MemoryError)

    def watch(self) -> None:
        """Raise BackendError when no worker will ever answer."""

    def doing(self, future: Future[S] | None, thread: int) -> Busy | None:  # noqa: ARG002
        """The call of a user's function that is under way for a task, computed by that thread."""
        return busy().get(thread)

    def abandon(self, futures: Iterable[Future[S]]) -> None:
        """End what is under way."""
        for future in futures:
            future.cancel()
        wait(futures)

    def close(self) -> None:
        """Send the workers home."""


class Threads(Serial):
    """Threads of this process, for work that releases the GIL."""

    def __init__(self, jobs: int) -> None:
        self.width = self.spare = jobs
        self.keeps = True
        self._pool = ThreadPoolExecutor(jobs)
        self._stop = threading.Event()

    def submit(self, function: Callable[[T], S], task: T) -> Future[S]:
        """The future of one task."""
        return self._pool.submit(self._wanted, function, task)

    def _wanted(self, function: Callable[[T], S], task: T) -> S:
        with until(self._stop):
            return function(task)

    def abandon(self, futures: Iterable[Future[S]]) -> None:
        """End what is under way: a user's function at once, a compiled one when it is done."""
        self._stop.set()
        super().abandon(futures)
        self._stop.clear()

    def close(self) -> None:
        """Send the workers home."""
        self._pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Threads and processes that are started within never get the Ctrl-C that a terminal sends to all of them."""
    resource_tracker.ensure_running()  # starting it would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_with(parent: int, notes: str) -> None:
    """End this process soon after its parent; the users' functions that it calls are noted in a file."""
    note_in(notes)

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


class Processes(Serial):
    """Loky pools of one worker each: when one dies it is known what it did, and the others do not notice."""

    def __init__(self, jobs: int) -> None:
        self.width = jobs
        self.mortal = True
        self._place = TemporaryDirectory(prefix="trialtwin-")
        self._notes = [os.path.join(self._place.name, str(n)) for n in range(jobs)]
        self._lanes: list[Any] = [None] * jobs
        self._last: list[Future[Any] | None] = [None] * jobs

    def submit(self, function: Callable[[T], S], task: T) -> Future[S]:
        """The future of one task."""
        from joblib.externals.loky.backend.resource_tracker import ensure_running

        free = next(n for n, future in enumerate(self._last) if future is None or future.done())
        ensure_running()  # as in `deaf_to_interrupts`
        with deaf_to_interrupts(), found_by_children():
            if self._lanes[free] is None:
                self._lanes[free] = self._opened(self._notes[free])
            try:
                future: Future[S] = self._lanes[free].submit(function, task)
            except BrokenExecutor:
                self._lanes[free].shutdown(wait=True)
                self._lanes[free] = self._opened(self._notes[free])
                self._check(self._lanes[free])
                future = self._lanes[free].submit(function, task)
        self._last[free] = future
        return future

    @staticmethod
    def _opened(notes: str) -> Any:
        from joblib.externals.loky import ProcessPoolExecutor

        with open(notes, "w", encoding="ascii"):
            pass
        start = (os.getpid(), notes)
        return ProcessPoolExecutor(1, initializer=_leave_with, initargs=start, env=ONE_THREAD | SAFE_PATH)

    @staticmethod
    def _check(lane: Any) -> None:
        try:
            lane.submit(os.getpid).result()
        except BrokenExecutor:
            raise BackendError("worker processes die as soon as they start; try --backend threads") from None

    def lost(self, error: BaseException) -> bool:
        """True for the death of a worker and for want of memory; BackendError for what no retry can mend."""
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        if isinstance(error, BrokenExecutor) and not isinstance(error, TerminatedWorkerError):
            cause = str(error.__cause__ or error).strip().splitlines()[-1].strip("' \"")
            raise BackendError(f"a worker process cannot load its task: {cause}") from error
        return isinstance(error, (TerminatedWorkerError, MemoryError))

    def doing(self, future: Future[S] | None, thread: int) -> Busy | None:  # noqa: ARG002
        """The call of a user's function that the task's process notes."""
        return next((noted_in(self._notes[n]) for n, one in enumerate(self._last) if one is future), None)

    def abandon(self, futures: Iterable[Future[S]]) -> None:  # noqa: ARG002
        """End what is under way."""
        for n, future in enumerate(self._last):
            if future is not None and not future.done():
                begun = not future.cancel()
                self._lanes[n].shutdown(wait=True, kill_workers=begun)
                self._lanes[n] = self._last[n] = None

    def close(self) -> None:
        """Send the workers home."""
        self.abandon(())
        for lane in self._lanes:
            if lane is not None:
                lane.shutdown(wait=True)
        self._place.cleanup()
