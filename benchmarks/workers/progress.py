"""Progress of long work, on stderr, where a person or a log can follow it."""

import sys
import time

from benchmarks.asked.asked_by import watched


class Progress:
    """Tells how far a stage is: in place on a terminal, else one line at each tenth of the way.

    A call from Python is told nothing but on a terminal.
    """

    def __init__(self, quiet: bool = False) -> None:
        self._quiet, self._watched = quiet, watched()
        self._stage = ""
        self._started = time.monotonic()
        self._tenth = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Note that ``done`` of ``total`` steps of a stage are finished."""
        if self._quiet or not self._watched:
            return
        if stage != self._stage:
            self._stage, self._started, self._tenth = stage, time.monotonic(), 0
        spent = time.monotonic() - self._started
        left = spent / done * (total - done)
        line = f"{stage}: {done} of {total}, {spent:.0f} s" + (f", about {left:.0f} s left" if done < total else "")
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{line}" + ("\n" if done == total else ""))
        elif done * 10 // total > self._tenth or done == total:
            self._tenth = done * 10 // total
            sys.stderr.write(line + "\n")
        sys.stderr.flush()

    def say(self, line: str) -> None:
        """Tell something that is no progress, on a line of its own, whether or not anybody watches a terminal."""
        if not self._quiet:
            sys.stderr.write(("\r\x1b[K" if sys.stderr.isatty() else "") + line + "\n")
            sys.stderr.flush()
