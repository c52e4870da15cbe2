"""How many heaps the C library keeps for threads: as many as there are cores.

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
    """Set it, before threads begin and libraries with threads are imported.

    False where the C library knows nothing of it, or the user has set it.
    """
    if not sys.platform.startswith("linux") or "MALLOC_ARENA_MAX" in os.environ:
        return False
    with suppress(OSError, AttributeError):
        return bool(ctypes.CDLL(None).mallopt(M_ARENA_MAX, max(os.cpu_count() or 1, 2)))
    return False
