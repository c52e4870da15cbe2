"""How we were asked: by a command, or by a call from Python; and who watches."""

import shlex
import sys
from contextvars import ContextVar

CALL: ContextVar[str | None] = ContextVar("CALL", default=None)
"""The call from Python that is under way, as it was written; None on the command line."""


def as_asked() -> str:
    """The command as it was given, or the call."""
    return CALL.get() or shlex.join(["trialtwin", *sys.argv[1:]])


def watched() -> bool:
    """Whether progress is told: in a notebook or another program only where somebody sits at a terminal."""
    return CALL.get() is None or sys.stderr.isatty()
