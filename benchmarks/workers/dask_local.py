"""A Dask cluster on this machine that speaks with nobody but its own driver.

Whoever connects must show a certificate that exists in the memory of its processes alone: scheduler, nannies and
workers all demand it. Dask would besides serve HTTP without asking who is there; here nothing does.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import dask
import distributed
from distributed import security
from distributed.system import MEMORY_LIMIT

_library: Any = distributed
_security: Any = security
_Scheduler: Any = distributed.Scheduler
_Worker: Any = distributed.Worker
HERE = "127.0.0.1"


class QuietScheduler(_Scheduler):  # type: ignore[misc]
    """A scheduler without pages."""

    def start_http_server(
        self, routes: Any, dashboard_address: Any, default_port: int = 0, ssl_options: Any = None
    ) -> None:
        """Serve nothing."""


class QuietWorker(_Worker):  # type: ignore[misc]
    """A worker without pages."""

    def start_http_server(
        self, routes: Any, dashboard_address: Any, default_port: int = 0, ssl_options: Any = None
    ) -> None:
        """Serve nothing."""


@contextmanager
def _private_folder(parent: str | None) -> Iterator[str]:
    """A new folder that is ours alone: Dask lets Python import from where it keeps files, even after they are gone."""
    with tempfile.TemporaryDirectory(prefix="trialtwin-dask-", dir=parent, ignore_cleanup_errors=True) as place:
        try:
            yield place
        finally:
            sys.path[:] = [one for one in sys.path if not one.startswith(place)]


def local_cluster(stack: ExitStack, jobs: int) -> Any:
    """A cluster of ``jobs`` workers, open until the stack is closed, as is its folder, which is nobody else's.

    ImportError where ``cryptography`` is not installed.
    """
    place = stack.enter_context(_private_folder(dask.config.get("temporary-directory", None)))
    stack.enter_context(dask.config.set({"temporary-directory": place}))
    common = {"host": HERE, "protocol": "tls://", "security": _security.Security.temporary(), "dashboard": False}
    worker = {
        "cls": distributed.Nanny,
        "options": common
        | {
            "worker_class": QuietWorker,
            "nthreads": 1,
            "memory_limit": MEMORY_LIMIT // jobs,
            "local_directory": place,
            "silence_logs": "CRITICAL",
        },
    }
    cluster: Any = _library.SpecCluster(
        scheduler={"cls": QuietScheduler, "options": common | {"port": 0, "allowed_failures": 0}},
        workers=dict.fromkeys(range(jobs), worker),
        security=common["security"],
        silence_logs="CRITICAL",
    )
    return stack.enter_context(cluster)
