"""What is used of numba that is not its public interface, and the version with which that was tried.

pyproject.toml admits no minor version beyond it: what is private may change with any.
"""

from collections.abc import Callable
from typing import Any

from numba.core import caching, cgutils

TRIED = "0.68"

CacheFile: Any = caching.IndexDataCacheFile
"""The files of a kernel: an index and data for each signature."""

code: Any = cgutils
"""Loops and variables of a function that is written in LLVM's language."""


def cached_by(
    compiled: Any, file: Callable[[str, str], Any], guarded: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> None:
    """Cache a compiled function in files that ``file`` makes of a folder and a base name, each use ``guarded``."""
    cache = compiled._cache
    cache._cache_file = file(cache.cache_path, cache._impl.filename_base)
    cache.load_overload, cache.save_overload = guarded(cache.load_overload), guarded(cache.save_overload)


def cache_folder(compiled: Any) -> str | None:
    """Where a function's compiled code is cached; None where it is not."""
    folder: str | None = getattr(getattr(compiled, "_cache", None), "cache_path", None)
    return folder
