"""Progress of long work, on stderr: one line that is written over on a terminal, a line now and then elsewhere."""

import os
import sys
import time

from benchmarks.asked.asked_by import CLEAR, QUIET, watched

OFTEN, SELDOM = 0.1, 5.0
"""Seconds between two tellings, on a terminal and elsewhere."""
BAR = 20
_STANDING = [False]
"""Whether a line of progress stands on the terminal, which the next one takes back."""


class Progress:
    """Tells how far a stage is, and about how long it still takes.

    A call from Python is told nothing but on a terminal; nobody is where quiet was asked for.
    """

    def __init__(self) -> None:
        self._quiet, self._watched = QUIET.get(), watched()
        self._stage = ""
        self._started = self._told = time.monotonic()
        self._tenth = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Note that ``done`` of ``total`` steps of a stage are finished, 0 where it begins."""
        if not self._watched:
            return
        now = time.monotonic()
        begins = stage != self._stage
        if begins:
            self._stage, self._started, self._told, self._tenth = stage, now, now, 0
        spent, ends = now - self._started, done >= total
        if on_terminal():
            if begins or ends or now - self._told >= OFTEN:
                self._told = now
                sys.stderr.write(CLEAR + fitted(stage, done, total, spent, columns() - 1))
                sys.stderr.flush()
                _STANDING[0] = True
            return
        tenth = done * 10 // total if total else 10
        if done and (ends or (tenth > self._tenth and now - self._told >= SELDOM)):
            self._told, self._tenth = now, tenth
            sys.stderr.write(line(stage, done, total, spent, False) + "\n")
            sys.stderr.flush()

    def say(self, line: str) -> None:
        """Tell something that is no progress, on a line of its own, whether or not anybody watches a terminal."""
        if not self._quiet and sys.stderr is not None:
            sys.stderr.write((CLEAR if sys.stderr.isatty() else "") + line + "\n")
            sys.stderr.flush()


def line(stage: str, done: int, total: int, spent: float, bar: bool) -> str:
    """What is being done, how far it is, and how long it took or still takes."""
    full = BAR * done // total if total else BAR
    drawn = f" [{'#' * full}{'.' * (BAR - full)}] " if bar else " "
    told = f"{stage}:{drawn}{done:,} of {total:,}"
    if done >= total:
        return f"{told}, {duration(spent)}"
    return f"{told}, about {duration(spent / done * (total - done))} left" if done else told


def fitted(stage: str, done: int, total: int, spent: float, room: int) -> str:
    """The line with its bar, without it where there is no room, and cut where it still has none: it must not wrap."""
    whole = line(stage, done, total, spent, True)
    return whole if len(whole) <= room else line(stage, done, total, spent, False)[:room]


def duration(seconds: float) -> str:
    """A time in a unit that suits it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def on_terminal() -> bool:
    """Whether stderr can take back a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def columns() -> int:
    """How wide the terminal is; 80 where it does not say."""
    try:
        return max(os.get_terminal_size(sys.stderr.fileno()).columns or 80, 20)
    except (OSError, ValueError):
        return 80


def ended() -> None:
    """Take back the line of progress, so that what is told next stands on a line of its own."""
    if _STANDING[0]:
        _STANDING[0] = False
        if sys.stderr is not None:
            sys.stderr.write(CLEAR)
            sys.stderr.flush()
