"""Memory of threads: as many heaps as there are cores, and what is free handed back when a crew goes home.

By default glibc gives new threads heaps of their own, up to eight for each core, and hands hardly anything of them
back. What is computed does not depend on it.
"""

import ctypes
import os
import sys
from contextlib import suppress

M_ARENA_MAX = -8
"""The parameter's number in glibc's malloc.h."""


def few_arenas() -> bool:
    """Limit the heaps to the number of cores; call it before threads begin and libraries with threads are imported.

    False where the C library has no such limit, or the user has set one.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return False
    return _asked("mallopt", M_ARENA_MAX, max(os.cpu_count() or 1, 2))


def give_back() -> bool:
    """Hand free memory back to the system; False where the C library cannot, or there was none."""
    return _asked("malloc_trim", 0)


def _asked(name: str, *words: int) -> bool:
    """What a function of the C library answers; False where there is none of that name."""
    if sys.platform.startswith("linux"):
        with suppress(OSError, AttributeError):
            return bool(getattr(ctypes.CDLL(None), name)(*words))
    return False
