"""`kernel`: numba's njit without the GIL, cached on disk wherever a cache can be written."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

_F = TypeVar("_F", bound=Callable[..., Any])


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _choose_cache() -> bool:
    """True when compiled code can be kept on disk; chooses the first folder that can be written."""
    if numba.config.CACHE_DIR:
        return _writable(Path(numba.config.CACHE_DIR))
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.path.expanduser("~")) / ".cache")
    for folder in (home / "trialtwin", Path(tempfile.gettempdir()) / f"trialtwin-{os.getuid()}"):
        if _writable(folder):
            numba.config.CACHE_DIR = str(folder)
            return True
    return False


CACHED = _choose_cache()


def kernel(function: _F) -> _F:
    """The compiled function: releases the GIL, is cached when a cache folder is writable, IEEE arithmetic kept."""
    return numba.njit(nogil=True, cache=CACHED)(function)  # type: ignore[no-any-return]
