"""Files opened so that nobody who planted a link, a pipe or a device in their place can turn us against somebody else.

A file takes its name once it is whole. Links are followed in what the user names, up to the folder in which a file
lies, and nowhere below a run folder.
"""

import contextlib
import errno
import os
import re
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

STUMP = ".part"
_STUMP = re.compile(rf"\..{{0,40}}\.[0-9a-f]{{32}}{re.escape(STUMP)}", re.DOTALL)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NAMED = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class UnsafePath(OSError):
    """What is in the place of a file or folder is neither; ``strerror`` says what it is, ``filename`` where."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file at a place that the user names; UnsafePath where a link, a pipe or a device is in its place."""
    with new_file(path.parent, path.name) as file:
        file.write(content)


@contextlib.contextmanager
def new_file(root: Path, name: str, flushed: bool = False) -> Iterator[IO[bytes]]:
    """A file below ``root`` that takes its name once it is whole; whatever interrupts leaves nothing behind.

    Folders between the two are made. OSError, of which UnsafePath is one, where it cannot be written.
    """
    with _parent(root, name, make=True) as (folder, last):
        _regular_or_absent(folder, last, root / name)
        temporary = f".{last[:40]}.{uuid.uuid4().hex}{STUMP}"
        try:
            made = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NAMED, 0o666, dir_fd=folder)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(root / name)) from None
        try:
            with os.fdopen(made, "wb") as file:
                yield file
                file.flush()
                if flushed:
                    os.fsync(file.fileno())
            _regular_or_absent(folder, last, root / name)
            os.replace(temporary, last, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)


def sweep(root: Path) -> None:
    """Remove what interrupted processes of ours left below ``root``, and nothing that is behind a link or another's."""
    for _, _, names, folder in os.fwalk(root, follow_symlinks=False):
        for name in names:
            if _STUMP.fullmatch(name):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)


@contextlib.contextmanager
def opened(root: Path, name: str) -> Iterator[IO[bytes]]:
    """A file below ``root`` for reading; UnsafePath where it is none, or is behind a link."""
    with _parent(root, name) as (folder, last):
        file = os.fdopen(_open(folder, last, os.O_RDONLY, root / name), "rb")
    with file:
        yield file


def make_folder(root: Path, name: str) -> Path:
    """A folder below ``root``, made where it is absent; UnsafePath where a link or a file is in its place."""
    with _parent(root, f"{name}/.", make=True):
        return root / name


def read_whole(root: Path, name: str, most: int | None = None) -> bytes:
    """The content of a file below ``root``; OSError where it is larger than ``most`` bytes."""
    with opened(root, name) as file:
        if most is not None and os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, f"over the limit of {most // 2**20} MB", str(root / name))
        return file.read()


@contextlib.contextmanager
def own_file(root: Path, name: str) -> Iterator[IO[bytes]]:
    """A file to which is added, made where it is absent; UnsafePath where it has another name elsewhere, too."""
    with _parent(root, name, make=True) as (folder, last):
        made = _open(folder, last, os.O_RDWR | os.O_APPEND | os.O_CREAT, root / name)
    with os.fdopen(made, "ab", buffering=0) as file:
        if os.fstat(made).st_nlink > 1:
            raise UnsafePath(errno.EMLINK, "is a hard link to a file elsewhere; remove it", str(root / name))
        yield file


@contextlib.contextmanager
def _parent(root: Path, name: str, make: bool = False) -> Iterator[tuple[int, str]]:
    """The open folder of a name below ``root``, and its last part."""
    parts = (*PurePosixPath(name).parts, *(["."] if name.endswith("/.") else []))
    if not parts or parts[0] == "/" or ".." in parts:
        raise UnsafePath(errno.EINVAL, "is no name of a file", str(root / name))
    folder, way = os.open(root, _FOLDER), root
    try:
        for part in parts[:-1]:
            way /= part
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=folder)
            try:
                inner = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
                    told = f"{_what(folder, part)}, not a folder; remove it"
                    raise UnsafePath(errno.ELOOP, told, str(way)) from None
                raise
            os.close(folder)
            folder = inner
        yield folder, parts[-1]
    finally:
        os.close(folder)


def _open(folder: int, last: str, flags: int, path: Path) -> int:
    """The descriptor of a regular file in an open folder; UnsafePath where it is none."""
    try:
        made = os.open(last, flags | _NAMED, 0o666, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR):
            told = f"{_what(folder, last)}, not a file; remove it"
            raise UnsafePath(errno.ELOOP, told, str(path)) from None
        raise OSError(error.errno, error.strerror, str(path)) from None
    if not stat.S_ISREG(os.fstat(made).st_mode):
        os.close(made)
        raise UnsafePath(errno.ELOOP, f"{_what(folder, last)}, not a file; remove it", str(path))
    return made


def _regular_or_absent(folder: int, last: str, path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(last, dir_fd=folder, follow_symlinks=False).st_mode):
            raise UnsafePath(errno.ELOOP, f"{_what(folder, last)}, not a file; remove it", str(path))


def _what(folder: int, last: str) -> str:
    """What an entry of an open folder is, in words."""
    try:
        mode = os.stat(last, dir_fd=folder, follow_symlinks=False).st_mode
    except OSError:
        return "cannot be told"
    return f"is {kind_of(mode)}"


def kind_of(mode: int) -> str:
    """What something of that mode is, in words."""
    kinds = (
        (stat.S_ISREG, "a file"),
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISLNK, "a symbolic link"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
    )
    return next((words for known, words in kinds if known(mode)), "a device")
