"""Which folders and files nobody else could have written: compiled code from another's would be run."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SETTINGS = ".numba_config.yaml"
_TOLD = "TRIALTWIN_CACHE_TOLD"
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def tell(line: str) -> None:
    """Say on stderr, once by this process and all that it starts, that something is not used."""
    if _TOLD not in os.environ:
        os.environ[_TOLD] = "1"
        if sys.stderr is not None:
            print(f"trialtwin: {line}", file=sys.stderr, flush=True)


def shown(path: Path | str) -> str:
    """A path on one line that can be printed anywhere."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode() for one in str(path)
    )


def fault(folder: Path) -> str | None:
    """Why others could have written what the folder holds, or could put another in its place; None where nobody can.

    It need not exist yet: then its parents are looked at. Root can do everything anyway.
    """
    place = Path(os.path.abspath(folder))
    try:
        for parent in reversed(place.parents):
            why = _parent_fault(parent)
            if why is not None:
                return why
        return _own_fault(place)
    except OSError:  # not there, or out of reach, which `made` finds
        return None


def _parent_fault(path: Path) -> str | None:
    found = path.lstat()
    if found.st_uid not in (0, os.getuid()):
        return f"{shown(path)} belongs to {_user(found.st_uid)}"
    if stat.S_ISLNK(found.st_mode):
        target = Path(os.path.realpath(path))
        steps = (*reversed(target.parents), target)
        return next((why for step in steps if (why := _parent_fault(step)) is not None), None)
    if not stat.S_ISDIR(found.st_mode):
        return None  # there can be nothing in it
    if found.st_mode & _OTHERS_WRITE and not found.st_mode & stat.S_ISVTX:
        return f"others may write to {shown(path)}"
    return None


def _own_fault(path: Path) -> str | None:
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return f"{shown(path)} is a symbolic link"
    if found.st_uid != os.getuid():
        return f"{shown(path)} belongs to {_user(found.st_uid)}"
    if found.st_mode & _OTHERS_WRITE:
        return f"others may write to {shown(path)}"
    return None


def _user(number: int) -> str:
    return "root" if number == 0 else f"user {number}"


def file_fault(path: Path) -> str | None:
    """Why others could have written the file, which lies in a folder without fault; None also where there is none."""
    try:
        why = _own_fault(path)
        return why if why is not None or stat.S_ISREG(path.lstat().st_mode) else f"{shown(path)} is no file"
    except OSError:
        return None


def made(folder: Path) -> bool:
    """Whether the folder is there, made if need be with all above it, for us alone, and can be written."""
    try:
        for one in (*reversed(folder.parents), folder):
            if not one.is_dir():
                one.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


@contextmanager
def strangers_settings_unread(name: str = SETTINGS, told: str = "set NUMBA_... in the environment") -> Iterator[None]:
    """Within, a library is imported that takes settings from the current folder, even where compiled code lies."""
    if not os.path.lexists(name):
        yield
        return
    if told:
        tell(f"{name} in the current folder is not read; {told} instead")
    here = os.open(".", getattr(os, "O_PATH", os.O_RDONLY))
    try:
        os.chdir("/")
        yield
    finally:
        os.fchdir(here)
        os.close(here)
