"""Whose code may run: files that a user has trusted by their content, once and for all, on his own account.

Trusted are the SHA-256 in ``TRIALTWIN_TRUST`` and those in ``$XDG_CONFIG_HOME/trialtwin/trusted``, a line each,
whatever stands after them, and in a worker what came with a task of a process that had it trusted.
"""

import fcntl
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.estimators.own_code import OwnFunctionError, Source, digest_of, known, learn, pinned, plain_bytes

VARIABLE = "TRIALTWIN_TRUST"
LIST = "trusted"
MOST_BYTES = 10_000_000
_HASH = re.compile(r"[0-9a-f]{64}")
_SENT: set[str] = set()


@dataclass(frozen=True)
class Parcel:
    """A function with its code, to be sent to a process that will run it; whether it is trusted here."""

    function: str
    code: Source | None
    trusted: bool


def packed(function: str) -> Parcel:
    """The function named by the content of its code, with that code; OwnFunctionError where it cannot be read."""
    function = pinned(function)
    code = known(digest_of(function))
    return Parcel(function, code, code is not None and not untrusted([code]))


def unpacked(parcel: Parcel) -> str:
    """The function, whose code is known in this process from now on, and as trusted as where it was packed."""
    if parcel.code is not None:
        code = learn(replace(parcel.code))  # digested anew
        if parcel.trusted:
            _SENT.add(code.sha256)
    return parcel.function


def untrusted(sources: Iterable[Source]) -> list[Source]:
    """Those that may not run, each once; OwnFunctionError where the variable or the list cannot be used."""
    found = {one.sha256: one for one in sources if one.sha256 not in _SENT}
    if found:
        stated = _stated()
        found = {digest: one for digest, one in found.items() if digest not in stated}
    if found:
        listed = _listed()
        found = {digest: one for digest, one in found.items() if digest not in listed}
    return list(found.values())


def demand(sources: Iterable[Source]) -> None:
    """OwnFunctionError that names each file that may not run, its SHA-256, and what to do."""
    found = untrusted(sources)
    if not found:
        return
    lines = [f"{one}: Python code that is not trusted on this account, sha256 {one.sha256}" for one in found]
    hashes = ",".join(one.sha256 for one in found)
    place = _home()
    by_hand = "" if place is None else f", or add {'the hash' if len(found) == 1 else 'the hashes'} to {place / LIST}"
    what = f"read {'it' if len(found) == 1 else 'them'} first; then give the command with --trust"
    raise OwnFunctionError("\n".join([*lines, f"{what}, or set {VARIABLE}={hashes}{by_hand}"]))


def remember(sources: Iterable[Source]) -> Sequence[Source]:
    """Trust files from now on, and return those that were not trusted; OwnFunctionError where that cannot be kept."""
    found = untrusted(sources)
    if not found:
        return found
    place = _home()
    if place is None:
        raise OwnFunctionError(f"there is no home folder that could keep what is trusted; set {VARIABLE} instead")
    with _folder(place, make=True) as folder:
        assert folder is not None
        fcntl.flock(folder, fcntl.LOCK_EX)
        lines = [*_lines(place, folder), *(f"{one.sha256}  {one}" for one in found)]
        temporary = f".{LIST}.{os.getpid()}-{time.monotonic_ns()}"
        try:
            _write(temporary, folder, "\n".join([*lines, ""]).encode("utf-8", "backslashreplace"))
            os.rename(temporary, LIST, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as error:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=folder)
            raise _unusable(place / LIST, f"cannot be written ({error.strerror})") from None
    return found


def _stated() -> set[str]:
    """The hashes of the variable."""
    found = {word.strip().lower() for word in os.environ.get(VARIABLE, "").split(",")} - {""}
    for word in sorted(found):
        if not _HASH.fullmatch(word):
            raise OwnFunctionError(
                f"{VARIABLE}: {word[:80]!r} is no SHA-256; write all 64 hexadecimal digits, with commas between several"
            )
    return found


def _listed() -> set[str]:
    """The hashes of the list."""
    place = _home()
    if place is None:
        return set()
    with _folder(place, make=False) as folder:
        lines = [] if folder is None else _lines(place, folder)
    found = set()
    for number, line in enumerate(lines, start=1):
        word = line.partition("#")[0].split()[:1]
        if word and not _HASH.fullmatch(word[0].lower()):
            raise OwnFunctionError(f"{place / LIST}:{number}: {word[0][:80]!r} is no SHA-256; write all 64 digits")
        found |= {one.lower() for one in word}
    return found


def _home() -> Path | None:
    """The folder of the list, None where the user has no home."""
    given = os.environ.get("XDG_CONFIG_HOME", "")
    home = "" if os.environ.get("HOME") == "" else os.path.expanduser("~")  # which takes an empty one for /
    base = given if os.path.isabs(given) else os.path.join(home, ".config")
    return Path(base) / "trialtwin" if os.path.isabs(base) else None


@contextmanager
def _folder(place: Path, make: bool) -> Iterator[int | None]:
    """The folder of the list, open, None where there is none; OwnFunctionError unless it is the user's alone."""
    try:
        if make:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileExistsError):
                place.mkdir(mode=0o700)
        handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        if make:
            raise _unusable(place, "cannot be made") from None
        yield None
        return
    except OSError as error:
        told = "is a link" if place.is_symlink() else f"cannot be used ({error.strerror})"
        raise _unusable(place, told) from None
    try:
        _check_ours(place, os.fstat(handle))
        yield handle
    finally:
        os.close(handle)


def _lines(place: Path, folder: int) -> list[str]:
    """The lines of the list."""
    path = place / LIST
    try:
        content, found = plain_bytes(LIST, MOST_BYTES, os.O_NOFOLLOW, folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        told = "is a link" if path.is_symlink() else f"cannot be used ({error.strerror})"
        raise _unusable(path, told) from None
    _check_ours(path, found)
    return content.decode("utf-8", "replace").splitlines()


def _write(name: str, folder: int, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(name, flags, 0o600, dir_fd=folder), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _check_ours(path: Path, found: os.stat_result) -> None:
    """OwnFunctionError where a stranger could have written what is trusted."""
    if found.st_uid != os.geteuid():
        raise _unusable(path, "belongs to another user")
    if found.st_mode & 0o022:
        raise _unusable(path, "may be written by other users (chmod go-w it)")


def _unusable(path: Path, why: str) -> OwnFunctionError:
    return OwnFunctionError(f"{path}: {why}, and cannot say what is trusted; mend it, or set {VARIABLE}")
