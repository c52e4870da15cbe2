"""The code of users' functions: found, read once and named by its content, without being imported or run.

A function is written ``file.py:name`` or ``package.module:name``. `pinned` reads the file and names the function by
what was read: ``own/<sha256>.py:name`` or ``package.module@<sha256>:name``. From then on nothing is read again, so that
what runs is what was digested, wherever it runs and whatever becomes of the file. Whether it may run at all is asked in
`analysis.estimators.trust`.
"""

import ast
import errno
import hashlib
import os
import re
import site
import stat
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType

from simulator.documents.problems import printable

FOLDER = "own"
"""Where a run folder keeps the code that it used."""
MOST_BYTES = 1_000_000
_HASH = "[0-9a-f]{64}"
_PINNED = re.compile(rf"(?:{FOLDER}/(?P<file>{_HASH})\.py|(?P<module>[^@:]+)@(?P<code>{_HASH})):(?P<name>\w+)")
_KNOWN: "dict[str, Source]" = {}
"""All code that was read, or arrived with a task, by its SHA-256."""


class OwnFunctionError(Exception):
    """A user's function cannot be found or used; its message is one line, or one for each file."""

    has_lines = True


@dataclass(frozen=True)
class Source:
    """A file of code as it was read: where it lay, and what a link there led to."""

    path: str
    content: bytes
    link: str = ""

    @cached_property
    def sha256(self) -> str:
        """The digest of its content."""
        return hashlib.sha256(self.content).hexdigest()

    def __str__(self) -> str:
        """Its path, from the current folder where it lies below that."""
        here = os.path.join(os.getcwd(), "")
        path = self.path.removeprefix(here)
        return printable(f"{path} (a link to {self.link})" if self.link else path, 1000)


def plain_bytes(path: str, most: int, flags: int = 0, folder: int | None = None) -> tuple[bytes, os.stat_result]:
    """The content of a plain file and what it is; OSError for all else, and for more than so many bytes."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags, dir_fd=folder)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a plain file")
        content, more = b"", b"."
        while more and len(content) <= most:
            more = os.read(handle, most + 1 - len(content))
            content += more
    finally:
        os.close(handle)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"more than {most:,} bytes")
    return content, found


def pinned(function: str, folder: str | None = None, where: str = "in the current folder") -> str:
    """The function by the content of its code, which is read; OwnFunctionError where it cannot be.

    A file is sought in ``folder`` alone, ``where`` in words; in the current one unless given. One that is named by its
    content already is read from a given folder, and may be absent, or another than its name says, which counts as
    absent: who asks for its `source` is told.
    """
    place, _, name = function.rpartition(":")
    if is_pinned(function):
        kept = None if folder is None else _kept(os.path.join(folder, FOLDER, f"{digest_of(function)}.py"))
        if kept is not None and kept.sha256 == digest_of(function):
            learn(kept)
        return function
    if place.endswith(".py"):
        return f"{FOLDER}/{learn(_read(os.path.join(folder or '', place), place, where)).sha256}.py:{name}"
    module, path = _installed(place)
    return f"{module}@{learn(_read(path, place, '')).sha256}:{name}"


def is_pinned(function: str) -> bool:
    """Whether a function is named by its content."""
    return _PINNED.fullmatch(function) is not None


def learn(source: Source) -> Source:
    """The code, known from now on by its content."""
    _KNOWN[source.sha256] = source
    return source


def digest_of(function: str) -> str:
    """The SHA-256 of the code of a function."""
    held = _PINNED.fullmatch(function if is_pinned(function) else pinned(function))
    assert held is not None
    return held["file"] or held["code"]


def known(digest: str) -> Source | None:
    """The code of that SHA-256, None where it is not at hand."""
    return _KNOWN.get(digest)


def source(function: str) -> Source:
    """The code of a function; OwnFunctionError where it is not at hand."""
    digest = digest_of(function)
    found = known(digest)
    if found is None:
        file = f"{FOLDER}/{digest}.py"
        name = function.rpartition(":")[2]
        raise OwnFunctionError(f"{file}: the code of '{name}' is not there, or is not what its name says; put it back")
    return found


def said(function: str) -> str:
    """The function as it is told to its user: the file where its code lay, and its name."""
    found = known(digest_of(function)) if is_pinned(function) else None
    return f"{found}:{function.rpartition(':')[2]}" if found is not None else function


def check_named(function: str) -> None:
    """OwnFunctionError where the code of a function is no Python, or gives no such name; it is read, not run."""
    code, name = source(function), function.rpartition(":")[2]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code.content, code.path)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f" in line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        told = printable(str(getattr(error, "msg", error)), 200)
        raise OwnFunctionError(
            f"{said(function)}: {code} cannot be loaded: {type(error).__name__}{line}: {told}"
        ) from None
    if name not in (names := set(_bound(tree))) and not names & {"*", "globals", "vars", "exec", "setattr"}:
        raise OwnFunctionError(f"{said(function)}: {code} has no function '{name}'")


def _bound(tree: ast.AST) -> Iterator[str]:
    """Every name that is given a value anywhere, ``*`` for those of another module, and what can give others."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.Name | ast.Attribute):
            yield node.id if isinstance(node, ast.Name) else node.attr


def loaded(function: str) -> ModuleType:
    """A module made by running the code of a function as it was read; raises whatever that raises.

    It stands alone: files beside it are not found, but ``__file__`` says where it lay. Installed code may import from
    its own package.
    """
    held, code = _PINNED.fullmatch(function), source(function)
    assert held is not None
    made = ModuleType(_module_name(code))
    made.__file__ = code.path
    if held["module"]:
        made.__package__ = held["module"].rpartition(".")[0]
    sys.modules[made.__name__], whole = made, False  # dataclasses look there for their module
    try:
        exec(compile(code.content, code.path, "exec", dont_inherit=True), vars(made))
        whole = True
    finally:
        if not whole:
            del sys.modules[made.__name__]
    return made


def loaded_from(code: Source) -> str:
    """The file that the lines of loaded code are said to stand in: where that content lay when it was first loaded."""
    return str(getattr(sys.modules.get(_module_name(code)), "__file__", code.path))


def _module_name(code: Source) -> str:
    return f"own_{code.sha256[:16]}"


def _kept(path: str) -> Source | None:
    try:
        return Source(os.path.abspath(path), plain_bytes(path, MOST_BYTES)[0])
    except (OSError, ValueError):
        return None


def _read(path: str, place: str, where: str) -> Source:
    try:
        content, _ = plain_bytes(path, MOST_BYTES)
    except FileNotFoundError:
        somewhere = f" {where}" if where and not os.path.isabs(place) else ""
        raise OwnFunctionError(f"there is no file '{printable(place, 200)}'{somewhere}") from None
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or str(error)
        raise OwnFunctionError(f"'{printable(place, 200)}' cannot be read ({told})") from None
    path = os.path.abspath(path)
    return Source(path, content, os.path.realpath(path) if os.path.islink(path) else "")


def _installed(name: str) -> tuple[str, str]:
    """The module of that name, ``package.__init__`` for a package, and its file; no package around it is imported."""
    shown, parts = printable(name, 100), name.split(".")
    if not all(part.isidentifier() for part in parts):
        raise OwnFunctionError(f"'{shown}' is neither a file that ends in .py nor the name of a module")
    if parts[0] in sys.stdlib_module_names:
        raise OwnFunctionError(f"'{shown}' is part of Python, and no estimator; name a function of one cohort")
    PathFinder.invalidate_caches()
    places: list[str] | None = _search_path()
    spec = None
    for part in parts:
        spec = PathFinder.find_spec(part, places)
        if spec is None:
            raise OwnFunctionError(f"there is no module '{shown}' among what is installed; name a file with its .py")
        places = list(spec.submodule_search_locations or ())
    assert spec is not None
    path = spec.origin
    if path is None or not isinstance(spec.loader, SourceFileLoader):
        raise OwnFunctionError(f"'{shown}' has no Python source that could be read before it is run; write a .py file")
    return f"{name}.__init__" if spec.submodule_search_locations is not None else name, path


def _search_path() -> list[str]:
    """Where installed code lies: never the current folder, unless it was itself installed for editing."""
    here = os.path.realpath(os.getcwd())
    absolute = [place for place in sys.path if os.path.isabs(place)]
    editable = set(_for_editing())
    return [place for place in absolute if os.path.realpath(place) != here or os.path.realpath(place) in editable]


def _for_editing() -> Iterator[str]:
    """The folders named by the ``.pth`` files of this installation."""
    for folder in site.getsitepackages():
        for file in Path(folder).glob("*.pth"):
            lines = file.read_text("utf-8", "replace").splitlines()
            yield from (os.path.realpath(line) for line in lines if line and not line.startswith(("#", "import")))
