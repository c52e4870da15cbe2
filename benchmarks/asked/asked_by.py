"""How we were asked: by a command, or by a call from Python; who watches, and what is said meanwhile."""

import shlex
import sys
from contextvars import ContextVar

CALL: ContextVar[str | None] = ContextVar("CALL", default=None)
"""The call from Python that is under way, as it was written; None on the command line."""

QUIET: ContextVar[bool] = ContextVar("QUIET", default=False)
"""Whether nothing but an answer, or a mistake, is to be said."""
CLEAR = "\r\x1b[K"
"""Takes back the line of progress that stands on a terminal."""


def as_asked() -> str:
    """The command as it was given, or the call."""
    return CALL.get() or shlex.join(["trialtwin", *sys.argv[1:]])


def watched() -> bool:
    """Whether progress is told: in a notebook or another program only where somebody sits at a terminal."""
    return not QUIET.get() and sys.stderr is not None and (CALL.get() is None or sys.stderr.isatty())


def note(line: str) -> None:
    """Say on stderr what is neither an answer nor a mistake; nothing where quiet was asked for."""
    if not QUIET.get() and sys.stderr is not None:
        sys.stderr.write((CLEAR if sys.stderr.isatty() else "") + line + "\n")
        sys.stderr.flush()
