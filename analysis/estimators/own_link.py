"""Our side of a child in which a user's functions are called: how it is begun, asked, waited for and killed."""

import contextlib
import errno
import functools
import json
import os
import pickle
import select
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.estimators import own_keeper
from analysis.estimators.own_wire import HEADER, LOADED, LONGEST, MISTAKE, NUMBERS, SIZE
from simulator.siblings import path_for_children

if TYPE_CHECKING:
    from analysis.estimators.trust import Parcel  # estimators ask us

ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMEXPR", "NUMBA")}
LOADING = 30.0
"""Seconds that its file may take to load at least, whatever the patience."""
PASSED_ON = 10_000
TICK = 0.2
BURIAL = 10.0


class NoAnswer(Exception):
    """There is no answer of one cohort, which is a status and no mistake."""


class TookTooLong(NoAnswer):
    """The function took longer than it may; its child was killed."""


class Died(NoAnswer):
    """The function killed its child each time that it was tried."""


class Stopped(Exception):
    """The answer is not wanted any more."""


class CannotStart(Exception):
    """There is no process in which a function could be called; one line says why."""


class Mistake(Exception):
    """What the child says is wrong, in one line."""


class Gone(Exception):
    """The child has died, or says what makes no sense."""


@dataclass(frozen=True)
class Question:
    """What a child is asked: a function, with its code, of one cohort, whose columns are arrays by name.

    ``explain``: why there is no estimate is a Mistake, too.
    """

    parcel: "Parcel"
    estimator: str
    replicate: int
    level: float
    columns: dict[str, Any]
    explain: bool = False


@functools.lru_cache(1)
def _path(path: tuple[str, ...]) -> list[str]:
    """Where the keeper and its child look for modules: never in the current folder as such."""
    return path_for_children([str(place) for place in path if place])


HERE = threading.local()
"""``stop`` is the event after which this thread wants no more answers."""


@dataclass
class Child:
    """Our side of a keeper and its child: where orders and questions go, reports, answers and output come from."""

    process: "subprocess.Popen[bytes]"
    orders: int
    reports: int
    questions: int
    answers: int
    output: int
    alive: bool = False
    ended: bool = False
    number: int = 0
    printed: int = 0
    heard: bytes = b""
    loaded: set[str] = field(default_factory=set)

    @classmethod
    def started(cls) -> "Child":
        """A keeper that is about to be ready, without a child."""
        pipes = [os.pipe() for _ in range(5)]
        (theirs_orders, orders), (reports, theirs_reports) = pipes[:2]
        (theirs_questions, questions), (answers, theirs_answers), (output, theirs_output) = pipes[2:]
        theirs = (theirs_orders, theirs_reports, theirs_questions, theirs_answers, theirs_output)
        words = [
            sys.executable,
            "-P",
            str(Path(own_keeper.__file__)),
            *map(str, theirs),
            json.dumps(_path(tuple(sys.path))),
        ]
        try:
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                pass_fds=theirs, start_new_session=True, env={**os.environ, **ONE_THREAD},
            )  # fmt: skip
        except OSError as error:
            for end in (orders, reports, questions, answers, output):
                os.close(end)
            raise CannotStart(f"no process can be started for it ({error.strerror})") from None
        finally:
            for end in theirs:
                os.close(end)
        made = cls(process, orders, reports, questions, answers, output)
        for end in (reports, questions, answers, output):
            os.set_blocking(end, False)
        ready = False
        try:
            made._wait_for(b"R", None)
            ready = True
        finally:
            if not ready:
                made.end()
        return made

    def answer(self, question: Question, patience: float | None) -> tuple[float, ...]:
        """The numbers of a cohort; the exceptions of `ask`, and Gone for a child that has died."""
        function = question.parcel.function
        if not self.alive:
            self._begin()
        self.number = (self.number + 1) % 2**32
        asked = {
            "parcel": question.parcel, "columns": question.columns, "replicate": question.replicate,
            "level": question.level, "explain": question.explain, "folder": os.getcwd(), "path": _path(tuple(sys.path)),
        }  # fmt: skip
        content = pickle.dumps(asked, protocol=5)
        to_write = memoryview(SIZE.pack(self.number, len(content)) + content)
        if function not in self.loaded:
            limit = None if patience is None else max(patience, LOADING)
            try:
                kind, told = self._exchange(to_write, limit, (LOADED, MISTAKE))
            except TookTooLong:
                self.kill()
                raise Mistake(f"its file takes longer than {limit:.0f} s to load") from None
            if kind == LOADED:
                self.loaded.add(function)
            to_write = memoryview(b"")
        else:
            kind = LOADED
        if kind == LOADED:
            kind, told = self._exchange(to_write, patience, (NUMBERS, MISTAKE))
        self._pass_on()
        if kind == MISTAKE:
            raise Mistake(told.decode("utf-8", "replace"))
        value, se, low, high, p = struct.unpack("<5d", told)
        return value, se, low, high, p

    def _begin(self) -> None:
        """Have a child begun, of which nothing is known yet."""
        try:
            os.write(self.orders, b"F")
        except OSError:
            raise Gone from None
        self.alive, self.printed, self.heard, self.loaded = True, 0, b"", set()

    def _exchange(self, to_write: memoryview, limit: float | None, wanted: tuple[int, ...]) -> tuple[int, bytes]:
        """Send what is to be sent; the next of what is wanted that is said to this question."""
        end = None if limit is None else time.monotonic() + limit
        while True:
            while (found := self._understood()) is not None:
                if found[0] in wanted:
                    return found
            late = end is not None and time.monotonic() >= end
            watch = select.poll()
            for source in (self.reports, self.answers, self.output):
                watch.register(source, select.POLLIN)
            if to_write:
                watch.register(self.questions, select.POLLOUT)
            ready = dict(watch.poll(0 if late else 1000 * TICK))
            if self.output in ready:
                self._pass_on()
            if self.questions in ready:
                to_write = to_write[_written(self.questions, to_write) :]
            said = _read(self.answers, HEADER.size + LONGEST) if self.answers in ready else b""
            self.heard += said
            if not said and self.reports in ready:
                self._heard_of_death()
            elif not said and late:
                raise TookTooLong
            if _unwanted():
                raise Stopped

    def _understood(self) -> tuple[int, bytes] | None:
        """The first whole answer to the present question that was heard, if any; Gone for nonsense."""
        while len(self.heard) >= HEADER.size:
            number, kind, size = HEADER.unpack(self.heard[: HEADER.size])
            if kind not in (LOADED, NUMBERS, MISTAKE) or size > LONGEST or (kind == NUMBERS and size != 40):
                raise Gone
            end = HEADER.size + size
            if len(self.heard) < end:
                break
            content, self.heard = self.heard[HEADER.size : end], self.heard[end:]
            if number == self.number:
                return kind, content
        return None

    def _heard_of_death(self) -> None:
        """Gone where the child is dead."""
        told = _read(self.reports, 64)
        if b"D" in told or told == b"":
            raise Gone

    def _pass_on(self) -> None:
        """Show what the child has printed, up to a limit; the rest is dropped."""
        while said := _read(self.output, 1 << 16):
            shown = said[: max(PASSED_ON - self.printed, 0)]
            self.printed += len(said)
            if shown:
                more = "\n(what an own function prints beyond this is dropped)\n" if len(shown) < len(said) else ""
                with contextlib.suppress(OSError, ValueError, AttributeError):
                    sys.stderr.write(shown.decode("utf-8", "replace") + more)
                    sys.stderr.flush()
            if self.printed > 2 * PASSED_ON:
                return

    def kill(self) -> None:
        """Kill the child and all that it has started; its keeper too where that does not go on."""
        try:
            os.write(self.orders, b"K")
            self._wait_for(b"K", BURIAL)
        except (Gone, CannotStart, OSError):
            self.end()
            return
        self.alive, self.loaded, self.heard = False, set(), b""
        for source in (self.answers, self.output):
            while _read(source, 1 << 16):
                pass

    def _wait_for(self, report: bytes, limit: float | None) -> None:
        """Wait until the keeper says so; CannotStart where it has ended, Gone where that takes too long."""
        end = None if limit is None else time.monotonic() + limit
        watch = select.poll()
        watch.register(self.reports, select.POLLIN)
        while end is None or time.monotonic() < end:
            if watch.poll(1000 * TICK):
                told = _read(self.reports, 64)
                if report in told:
                    return
                if told == b"":
                    raise CannotStart("the process that would call it ends as soon as it starts")
            if report == b"R" and _unwanted():
                raise Stopped
        raise Gone

    def end(self) -> None:
        """End the keeper and with it the child."""
        if not self.ended:
            with contextlib.suppress(OSError):
                os.close(self.orders)
            try:
                self.process.wait(BURIAL)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            for end in (self.reports, self.questions, self.answers, self.output):
                with contextlib.suppress(OSError):
                    os.close(end)
        self.alive, self.ended = False, True


def _unwanted() -> bool:
    """Whether the answer for which this thread waits is not wanted any more."""
    stop = getattr(HERE, "stop", None)
    return stop is not None and stop.is_set()


def _read(end: int, count: int) -> bytes:
    """What is there to be read, nothing where there is none or no more."""
    try:
        return os.read(end, max(count, 1))
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EINTR):
            raise
        return b""


def _written(end: int, content: memoryview) -> int:
    """How many bytes of it were taken."""
    try:
        return os.write(end, content)
    except BlockingIOError:
        return 0
    except BrokenPipeError:
        raise Gone from None
