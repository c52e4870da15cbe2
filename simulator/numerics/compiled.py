"""`kernel`: numba's njit without the GIL, cached on disk wherever a cache can be written."""

import functools
import hashlib
import io
import os
import pickle
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from simulator.numerics.numba_private import SETTINGS, CacheFile, CacheLocator, cached_by, numba
from simulator.numerics.private_folders import fault, file_fault, made, shown, tell

_F = TypeVar("_F", bound=Callable[..., Any])
_SETTINGS: Any = SETTINGS
_Locator: Any = CacheLocator
ROOMS = ("simulator", "analysis", "benchmarks")


def _writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _choose_cache() -> bool:
    """True when compiled code can be kept on disk; chooses the first folder that is ours alone and can be written.

    Code from a folder that another has written would be run.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.path.expanduser("~")) / ".cache") / "trialtwin"
    spare = Path(tempfile.gettempdir()) / f"trialtwin-{os.getuid()}"
    named, refused = _SETTINGS.CACHE_DIR, ""
    _SETTINGS.CACHE_DIR = ""
    for folder in (*([Path(named)] if named else []), home, spare):
        why = fault(folder)
        if why is None and made(folder) and _writable(folder):
            why = fault(folder)  # whoever made it
            if why is None:
                _SETTINGS.CACHE_DIR = os.path.abspath(folder)
                break
        if why is not None:
            refused = refused or f"compiled code is not kept in {shown(folder)}: {why}"
        elif named and str(folder) == named:
            break  # it was asked for, and cannot be written: all compile anew
    kept = str(_SETTINGS.CACHE_DIR)
    if refused:
        tell(f"{refused}; it is kept in {shown(kept)}" if kept else f"{refused}; each process compiles anew")
    return bool(kept)


CACHED = _choose_cache()


def cache_home() -> Path | None:
    """Where compiled code is kept; None where nothing can be."""
    chosen: str = _SETTINGS.CACHE_DIR
    return Path(chosen) if CACHED and chosen else None


@functools.cache
def _digest(path: str) -> bytes:
    return hashlib.sha256(Path(path).read_bytes()).digest()


@functools.cache
def _is_library(folder: str) -> bool:
    """Whether others' packages lie in the folder, or Python's own: what they change has another version."""
    inside = (os.path.join(sys.base_prefix, "lib"), os.path.join(sys.prefix, "lib"))
    return os.path.basename(folder) in ("site-packages", "dist-packages") or folder.startswith(
        tuple(one + tail for one in inside for tail in ("/", ""))
    )


_is_file = functools.cache(os.path.isfile)


@functools.cache
def _home(folder: str) -> str:
    """The folder from which packages in the folder are imported."""
    while _is_file(os.path.join(folder, "__init__.py")) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return folder


def _named(path: str) -> set[str]:
    """All that a file imports, as dotted names: of ``from a.b import c`` both a.b and a.b.c, for c may be a module."""
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    text = re.sub(r"#.*", "", text).replace("\\\n", " ")
    found = set()
    for line in re.findall(r"(?:^|;)[ \t]*import[ \t]+([^\n;]*)", text, re.MULTILINE):
        found |= {part.split()[0] for part in line.split(",") if part.strip()}
    pattern = r"(?:^|;)[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n;]*)"
    for module, names in re.findall(pattern, text, re.MULTILINE):
        up = len(module) - len(module.lstrip("."))
        base = module[up:]
        if up:
            folder, home = str(Path(path).parents[up - 1]), _home(os.path.dirname(path))
            package = folder[len(home) + 1 :].replace("/", ".") if folder.startswith(home + "/") else ""
            base = ".".join(part for part in (package, base) if part)
        own = [part.split()[0] for part in names.strip("() \t\n").split(",") if part.strip()]
        found |= {base, *(f"{base}.{name}" if base else name for name in own)}
    return found - {""}


@functools.cache
def _imported(path: str) -> frozenset[str]:
    """The files of our own, or of a user's own packages, that the file imports, and those of the packages around them.

    They are sought where the file's own package is, where this one is, and on the path of Python; rooms that a file of
    ours imports are ours, whatever else has their names.
    """
    home, ours = _home(os.path.dirname(path)), str(Path(__file__).resolve().parents[2])
    own = {path[len(home) :].lstrip("/").split("/")[0].removesuffix(".py"), *ROOMS}
    places = list(dict.fromkeys((home, ours, *_python_path(tuple(sys.path)))))
    found = set()
    for name in _named(path):
        parts = name.split(".")
        for place in [ours] if home == ours and parts[0] in ROOMS else places:
            if _is_library(place) and parts[0] not in own:
                continue
            folders = [os.path.join(place, *parts[:k]) for k in range(1, len(parts) + 1)]
            files = (f"{folders[-1]}.py", *(f"{one}/__init__.py" for one in folders))
            found |= {one for one in files if _is_file(one)}
    return frozenset(found)


@functools.cache
def _python_path(entries: tuple[str, ...]) -> tuple[str, ...]:
    """Where Python looks for modules, as whole paths without links."""
    return tuple(os.path.realpath(one or ".") for one in entries)


def _sources(path: str) -> frozenset[str]:
    """The file and all that it imports, however far, in whatever package of ours or of a user's."""
    found, waiting = {path}, [path]
    while waiting:
        more = _imported(waiting.pop()) - found
        found |= more
        waiting += more
    return frozenset(found)


@functools.cache
def _stamp(path: str) -> str:
    """A digest of all that may be compiled into the kernels of a file: numba looks at that file alone."""
    files = sorted(_sources(path) | {os.path.realpath(__file__)})
    return hashlib.sha256(b"".join(_digest(one) for one in files)).hexdigest()


class _Checked(CacheFile):  # type: ignore[misc]
    """Numba's files of a kernel, each with a SHA-256 at its end: a flipped bit of compiled code would be run.

    A damaged file, or one that another could have written, counts as absent, and is written anew.
    """

    @contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[io.BytesIO]:
        content = io.BytesIO()
        yield content
        number, name = tempfile.mkstemp(prefix=".", dir=os.path.dirname(filepath))  # ours alone, whatever the umask
        try:
            with open(number, "wb") as file:
                file.write(content.getvalue() + hashlib.sha256(content.getvalue()).digest())
            os.replace(name, filepath)
        except OSError:
            with suppress(OSError):
                os.unlink(name)
            raise

    def _load_index(self) -> Any:
        if not _whole(Path(self._index_path)):
            return {}
        try:
            return super()._load_index()
        except (AttributeError, ImportError):  # it names the class of an argument that has another name by now
            return {}

    def _load_data(self, name: str) -> Any:
        path = Path(self._data_path(name))
        if not _whole(path):
            raise FileNotFoundError(path)
        return super()._load_data(name)


def _whole(path: Path) -> bool:
    """Whether the file is there, written by nobody else, and ends in the SHA-256 of what precedes it."""
    why = file_fault(path)
    if why is not None:
        tell(f"compiled code is not used: {why}; it is compiled anew")
        return False
    try:
        content = path.read_bytes()
    except OSError:
        return False
    return hashlib.sha256(content[:-32]).digest() == content[-32:]


def _forgiving(use: Callable[..., Any]) -> Callable[..., Any]:
    """The use of a cache that does nothing where the disk is full or a cached file is damaged."""

    def guarded(*arguments: Any) -> Any:
        try:
            return use(*arguments)
        except (OSError, EOFError, pickle.UnpicklingError):
            return None

    return guarded


@functools.cache
def _part(file: str) -> bool:
    """Whether the part of the cache where numba keeps the kernels of a file is ours alone; made if need be."""
    part = Path(_SETTINGS.CACHE_DIR, _Locator.get_suitable_cache_subpath(file))
    made(part)
    why = fault(part)
    if why is not None:
        tell(f"compiled code is not kept in {shown(part)}: {why}; each process compiles anew")
    return why is None


def kernel(function: _F) -> _F:
    """The compiled function: releases the GIL, is cached when a cache folder is writable, keeps IEEE arithmetic.

    Division by zero gives infinity or NaN, as in numpy: a test for it would keep loops from becoming vector code.
    """
    compiled: Any = numba.njit(nogil=True, error_model="numpy")(function)
    if CACHED:
        try:
            stamp = _stamp(os.path.realpath(function.__code__.co_filename))
            if not _part(function.__code__.co_filename):
                return compiled  # type: ignore[no-any-return]
            compiled.enable_caching()
        except (OSError, RuntimeError, UnicodeError):  # no file, no folder for it, or a name of it that is no UTF-8
            return compiled  # type: ignore[no-any-return]
        cached_by(compiled, lambda folder, base: _Checked(folder, base, stamp), _forgiving)
    return compiled  # type: ignore[no-any-return]
