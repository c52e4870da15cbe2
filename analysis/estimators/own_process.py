"""Calls of users' own functions, each in a child process that may hang or die without harm to anything else.

A worker of ours (a thread or a process) has one child at a time, begun when it is first needed and kept for many calls.
`analysis.estimators.own_keeper` begins and ends it; both end with us, whatever ends us, and hear no Ctrl-C of a
terminal. What a function prints goes to stderr, the first ten thousand bytes of each child.

Measured with 400 patients on a machine with other work: a new keeper takes 2.9 s of processor time, nearly all of it
imports; killing a child and having another 0.15 s; a call of a function that does nothing 2 ms of processor time, of
which 0.6 ms is the data frame that it is given; keeper and child hold about 220 MB, most of it in common.
"""

import atexit
import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from analysis.estimators.own_link import HERE, Child, Died, Gone, Mistake, Question

PATIENCE = 600.0
"""Seconds that a function may take for one cohort unless a study says otherwise."""
TRIES = 2
NOTE = 200


@dataclass(frozen=True)
class Busy:
    """A call that is under way in this process: by which thread, since when on the monotonic clock."""

    thread: int
    estimator: str
    replicate: int
    since: float


_GUARD = threading.Lock()
_IDLE: "list[Child]" = []
_BUSY: dict[int, Busy] = {}
_HERE_TOO: list[int] = []


def busy() -> dict[int, Busy]:
    """The calls that are under way, by thread."""
    with _GUARD:
        return dict(_BUSY)


def note_in(place: str) -> None:
    """Keep the call that is under way in a file too, for another process to read (`noted_in`)."""
    _HERE_TOO.append(os.open(place, os.O_WRONLY))


def noted_in(place: str) -> Busy | None:
    """The call that another process says is under way there."""
    try:
        with open(place, encoding="utf-8") as file:
            return Busy(*json.loads(file.read() or "null"))
    except (OSError, ValueError, TypeError):
        return None


def _note(note: Busy | None) -> None:
    """Say what this thread is at, or that it is at nothing."""
    with _GUARD:
        if note is None:
            _BUSY.pop(threading.get_ident(), None)
        else:
            _BUSY[note.thread] = note
    for end in _HERE_TOO:
        said = note and (note.thread, note.estimator, note.replicate, note.since)
        with contextlib.suppress(OSError):
            os.pwrite(end, json.dumps(said).ljust(NOTE).encode(), 0)


@contextlib.contextmanager
def until(stop: threading.Event) -> Iterator[None]:
    """Calls of this thread within raise Stopped soon after the event is set."""
    before, HERE.stop = getattr(HERE, "stop", None), stop
    try:
        yield
    finally:
        HERE.stop = before


def ask(question: Question, patience: float | None) -> tuple[float, ...]:
    """Value, SE, limits and p of one cohort, NaN for no estimate.

    TookTooLong after ``patience`` seconds (None: never), Died for a function that kills its process `TRIES` times,
    Mistake for what is wrong with it in every cohort, CannotStart, or Stopped.
    """
    thread = threading.get_ident()
    note = Busy(thread, question.estimator, question.replicate, time.monotonic())
    _note(note)
    try:
        for _ in range(TRIES):
            with contextlib.suppress(Gone), _a_child() as child:
                return child.answer(question, patience)
        raise Died
    finally:
        _note(None)


@contextlib.contextmanager
def _a_child() -> "Iterator[Child]":
    """A child for one call, an idle one or a new one; whatever goes wrong, nothing of it is left at work."""
    child = None
    while child is None:
        with _GUARD:
            child = _IDLE.pop() if _IDLE else None
        if child is None:
            child = Child.started()
        elif child.process.poll() is not None:
            child.end()
            child = None
    fit = False
    try:
        yield child
        fit = True
    except Mistake:
        fit = True
        raise
    finally:
        if not fit:
            child.kill()
        if not child.ended:
            with _GUARD:
                _IDLE.append(child)


def end_all() -> None:
    """End every process that waits for a call; those at work end with this one."""
    with _GUARD:
        idle, _IDLE[:] = _IDLE[:], []
    for child in idle:
        child.end()


def _forget() -> None:
    """A fork of this process begins with none of its children."""
    global _GUARD
    _GUARD = threading.Lock()
    _IDLE.clear()
    _BUSY.clear()


atexit.register(end_all)
os.register_at_fork(after_in_child=_forget)
