"""The process that keeps the child in which a user's own functions are called: started as a script, imports little.

Its orders come from the parent, one byte each: ``F`` begin a child, ``K`` kill it; the end of the pipe, or of the
parent, is the end of both. It reports ``R`` when it is ready for orders, ``D`` when a child has died, with whatever
that had started, and ``K`` when there is none any more. The child answers questions
(`analysis.estimators.own_process`); killing it leaves the keeper with all that is slow to import, so that the next one
begins at once.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
from typing import Any, NoReturn

_DIE_WITH_PARENT, _SUBREAPER = 1, 36


def preload() -> None:
    """Import what every function needs, which takes seconds."""
    import pandas  # noqa: F401

    import analysis.estimators.own_call  # noqa: F401


class Keeper:
    """The keeper of one child: orders in, reports out, and the child's ends of its three pipes."""

    def __init__(self, orders: int, reports: int, question: int, answer: int, output: int) -> None:
        self.orders, self.reports = orders, reports
        self.question, self.answer, self.output = question, answer, output
        self.parent, self.child = os.getppid(), 0
        self.woken, wakes = os.pipe()
        for end in (self.woken, wakes):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        _prctl(_SUBREAPER, 1)  # whoever loses his parent becomes ours

    def keep(self) -> None:
        """Obey until the parent ends, in no folder that may go away."""
        os.chdir("/")
        os.write(self.reports, b"R")
        while os.getppid() == self.parent:
            ready, _, _ = select.select([self.orders, self.woken], [], [], 1.0)
            if self.woken in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self.woken, 4096)
                self._reap()
            if self.orders in ready:
                order = os.read(self.orders, 1)
                if order == b"":
                    break
                if order == b"F":
                    self._begin()
                else:
                    self._clear()
        if self.child:
            self._bury()

    def _begin(self) -> None:
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                self._become_child()
            os._exit(1)
        self.child = pid
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)

    def _become_child(self) -> NoReturn:
        os.setpgid(0, 0)
        _prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        nothing = os.open(os.devnull, os.O_RDWR)
        for end, to in ((nothing, 0), (self.output, 1), (self.output, 2)):
            os.dup2(end, to)
        for end in (self.orders, self.reports, self.woken):
            os.close(end)
        preload()
        from analysis.estimators.own_child import serve

        serve(self.question, self.answer, (nothing, self.output, self.output))

    def _reap(self) -> None:
        """Notice who has died: the child, or what it had left to us."""
        with contextlib.suppress(ChildProcessError):
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                if pid == self.child:
                    self._bury()

    def _bury(self) -> None:
        """End the child and all that it has started, also in sessions of their own, and report it."""
        for end in (os.killpg, os.kill):
            with contextlib.suppress(OSError):
                end(self.child, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.child, 0)
        self.child = 0
        with contextlib.suppress(ChildProcessError):
            while left := _children():
                for pid in left:
                    with contextlib.suppress(OSError):
                        os.kill(pid, signal.SIGKILL)
                os.waitpid(-1, 0)
        self._report(b"D")

    def _clear(self) -> None:
        """End the child, if there is one, and what it was asked."""
        if self.child:
            self._bury()
        os.set_blocking(self.question, False)
        with contextlib.suppress(BlockingIOError):
            while os.read(self.question, 1 << 16):
                pass
        os.set_blocking(self.question, True)
        self._report(b"K")

    def _report(self, what: bytes) -> None:
        with contextlib.suppress(OSError):
            os.write(self.reports, what)


def _prctl(what: int, value: int) -> None:
    """Ask Linux for something about this process; elsewhere nothing happens."""
    with contextlib.suppress(OSError, AttributeError):
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(what, value, 0, 0, 0)


def _children() -> list[int]:
    """The processes whose parent is this one, where the system tells."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return list(map(int, file.read().split()))
    except OSError:
        return []


def main(words: list[str]) -> None:
    """Keep a child: the five ends of pipes by number, then the path of Python as JSON."""
    ends, path = list(map(int, words[:5])), json.loads(words[5])
    keeper: Any = Keeper(*ends)
    sys.path[:] = path
    if sys.platform == "linux":  # elsewhere libraries may not survive a fork: each child imports them anew
        preload()
    keeper.keep()


if __name__ == "__main__":
    main(sys.argv[1:])
