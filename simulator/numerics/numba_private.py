"""What is used of numba that is not its public interface, and the version with which that was tried.

pyproject.toml admits no minor version beyond it: what is private may change with any.
"""

from collections.abc import Callable
from typing import Any

import scipy.special  # noqa: F401  its OpenBLAS, loaded after numba, waits for ever for memory that there is not

from simulator.numerics.private_folders import strangers_settings_unread

with strangers_settings_unread():
    import numba as numba
    from numba.core import caching, cgutils

TRIED = "0.68"

SETTINGS: Any = numba.config
SETTINGS._config_fname = ""  # else it is read again whenever something is compiled

CacheLocator: Any = caching._CacheLocator
"""Where the cache of a function lies, as numba chooses it."""

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
