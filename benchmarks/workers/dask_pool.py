"""Dask as a pool: workers on other machines, or on this one, that are shown to compute as the driver does."""

import asyncio
import platform
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack
from typing import Any, TypeVar

from analysis.estimators.own_process import Busy
from benchmarks.runs.manifest import versions
from benchmarks.workers.dask_tls import Reached, Tls, reached
from benchmarks.workers.pools import SAFE_PATH, BackendError, Serial, deaf_to_interrupts
from simulator.siblings import found_by_children

T = TypeVar("T")
S = TypeVar("S")
MEMORY_KEPT = {"MALLOC_TRIM_THRESHOLD_": 2**29, "MALLOC_MMAP_THRESHOLD_": 2**25}
"""Dask's workers give freed memory back at once, and the pages of each block would have to be made anew: a third more
time."""
CONNECT_SECONDS = 10.0
NO_WORKER_SECONDS = 60.0


def _differences(place: str, theirs: dict[str, str], ours: dict[str, str]) -> list[str]:
    return [
        f"{place} has {name} {theirs.get(name, 'none')}, here is {own}"
        for name, own in ours.items()
        if theirs.get(name, "none") != own
    ]


def _checked(ours: dict[str, str], function: Callable[[T], S], task: T) -> S:
    """The result of the task in a worker that is like the driver, one that joined late too."""
    from threadpoolctl import threadpool_limits

    if versions() != ours:
        raise BackendError("; ".join(_differences(f"worker {platform.node()}", versions(), ours)))
    with threadpool_limits(1):
        return function(task)


async def _handed_over(held: Awaitable[S], future: Future[S]) -> None:
    """Give the outcome of Dask's future to ours.

    In place of ``Client.get_executor``, of which a future never ends when its result is lost with the worker that held
    it and the task then fails.
    """
    waiting = asyncio.ensure_future(held)
    await asyncio.wait([waiting])
    error = CancelledError() if waiting.cancelled() else waiting.exception()
    if future.set_running_or_notify_cancel():
        if error is None:
            future.set_result(waiting.result())
        else:
            future.set_exception(error)


class Dask(Serial):
    """The workers of a Dask scheduler, or of a cluster on this machine that ends with the crew."""

    def __init__(self, backend: str, jobs: int, tls: Tls | None = None) -> None:
        try:
            import dask
            import distributed as library
            from distributed.utils import silence_logging_cmgr
        except ImportError:
            raise BackendError("Dask is not installed; pip install 'trialtwin[dask]'") from None
        distributed: Any = library
        self._at = backend
        self.width = self.spare = jobs
        self.mortal = True
        self._seen, self._next_look = time.monotonic(), 0.0
        with ExitStack() as stack, deaf_to_interrupts():
            stack.enter_context(silence_logging_cmgr("CRITICAL"))
            if "://" in backend:
                self._client = stack.enter_context(self._met(distributed, reached(backend, tls)))
            else:  # Dask would close the nanny of a worker that happens to be down so long after a death
                own: dict[str, object] = {"distributed.deploy.lost-worker-timeout": "52 weeks"}
                own |= {
                    f"distributed.nanny.pre-spawn-environ.{name}": value
                    for name, value in (MEMORY_KEPT | SAFE_PATH).items()
                }
                stack.enter_context(dask.config.set(own))
                stack.enter_context(found_by_children())  # until the end: a worker that dies is started again
                from benchmarks.workers.dask_local import local_cluster

                try:
                    cluster = local_cluster(stack, jobs)
                except ImportError:
                    raise BackendError(
                        "cryptography, which keeps others out of Dask's workers, is not installed; "
                        "pip install 'trialtwin[dask]'"
                    ) from None
                self._client = stack.enter_context(distributed.Client(cluster))
            self._same_versions()
            self.watch()
            self._stack = stack.pop_all()

    def _met(self, distributed: Any, there: Reached) -> Any:
        import warnings

        self._at = there.address
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", distributed.versions.VersionMismatchWarning)  # checked below, as an error
            try:
                return distributed.Client(
                    self._at, timeout=CONNECT_SECONDS, set_as_default=False, security=there.security
                )
            except (OSError, TimeoutError, ValueError) as error:
                why = str(error).splitlines()[0] if str(error) else type(error).__name__
                hint = "" if there.address.startswith("tls") else "; if it demands certificates, --dask-tls shows them"
                raise BackendError(f"no Dask scheduler answers at {self._at} ({why}){hint}") from None

    def _same_versions(self) -> None:
        """Raise BackendError naming every difference that could change a number or break the connection."""
        try:
            self._client.wait_for_workers(1, timeout=NO_WORKER_SECONDS)
        except TimeoutError:
            raise BackendError(f"the Dask scheduler at {self._at} has no workers") from None
        both = self._client.get_versions()
        needed = ("python", "dask", "distributed")
        here, there = ({name: both[end]["packages"][name] for name in needed} for end in ("client", "scheduler"))
        wrong = _differences("the scheduler", there, here)
        for address, theirs in self._client.run(versions, on_error="return").items():
            if isinstance(theirs, BaseException):
                wrong.append(f"worker {address} cannot load trialtwin ({theirs})")
            else:
                wrong += _differences(f"worker {address}", theirs, versions())
        if wrong:
            raise BackendError("Dask: " + "; ".join(wrong[:6]) + (f"; {len(wrong) - 6} more" if wrong[6:] else ""))

    def submit(self, function: Callable[[T], S], task: T) -> Future[S]:
        """The future of one task."""
        held = self._client.submit(_checked, versions(), function, task, pure=False)
        future: Future[S] = Future()
        future.add_done_callback(lambda over: held.cancel() if over.cancelled() and not held.done() else None)
        self._client.loop.add_callback(_handed_over, held, future)
        return future

    def lost(self, error: BaseException) -> bool:
        """True for the death of a worker and for want of memory; BackendError for what no retry can mend."""
        from distributed import KilledWorker

        if isinstance(error, CancelledError):
            raise BackendError(self._gone())
        return isinstance(error, (KilledWorker, MemoryError))

    def _gone(self) -> str:
        return f"lost the Dask scheduler at {self._at}; what is finished is kept, run the same command again"

    def watch(self) -> None:
        """Raise BackendError when the scheduler or every worker is gone."""
        if time.monotonic() < self._next_look:
            return
        if self._client.status != "running":
            raise BackendError(self._gone())
        try:
            threads = sum(self._client.nthreads(callback_timeout=5).values())
        except (OSError, TimeoutError):
            threads = 0
        self._next_look = time.monotonic() + 1
        if threads:
            self.width = self.spare = threads
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > NO_WORKER_SECONDS:
            raise BackendError(
                f"no Dask worker answers for {NO_WORKER_SECONDS:.0f} s; what is finished is kept, "
                "run the same command again when there are workers"
            )

    def doing(self, future: Future[S] | None, thread: int) -> Busy | None:  # noqa: ARG002
        """None: its workers may be anywhere."""
        return None

    def abandon(self, futures: Iterable[Future[S]]) -> None:
        """End what is under way."""
        for future in futures:
            future.cancel()

    def close(self) -> None:
        """Send the workers home."""
        self._stack.close()
