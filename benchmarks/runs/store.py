"""A run folder's files: each there whole or not at all, checksummed where it matters, one process at a time.

A file is written to a temporary name, flushed to disk and renamed; a checked one has its SHA-256 beside it, and is as
good as absent where the two disagree.
"""

import contextlib
import fcntl
import hashlib
import io
import json
import os
import platform
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn, cast

from benchmarks.asked.errors import RunError
from simulator.documents.problems import printable
from simulator.documents.safe_files import UnsafePath, new_file, opened, own_file, read_whole, sweep

if TYPE_CHECKING:
    import pyarrow as pa

LOCK = "lock"
LOG = "log"
SUM = ".sha256"
HOLDER = b"process "
"""Begins what a lock says."""
MOST_JSON = 64 * 2**20
"""Bytes of a JSON file of ours that is read."""


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file so that it is there whole or not at all; RunError where it cannot be written."""
        with self._new(name) as file:
            file.write(content)

    def write_checked(self, name: str, content: bytes) -> str:
        """Write a file and its SHA-256 beside it, which is returned."""
        with self._new(name) as file:
            file.write(content)
        return self._state(name, hashlib.sha256(content).hexdigest())

    def write_table(self, name: str, table: "pa.Table") -> str:
        """Write a parquet file and its SHA-256 beside it, which is returned."""
        import pyarrow.parquet as pq  # heavy, and not needed to list or check

        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
        return self.write_checked(name, buffer.getvalue())

    def write_tables(self, name: str, tables: "Iterable[pa.Table]") -> str:
        """Write a parquet file of one row group for each table, and its SHA-256 beside it, which is returned.

        It is never in memory as a whole.
        """
        import pyarrow.parquet as pq

        with self._new(name) as file:
            writer: pq.ParquetWriter | None = None
            for table in tables:
                if writer is None:
                    writer = pq.ParquetWriter(file, table.schema, compression="zstd", write_page_checksum=True)
                writer.write_table(table, row_group_size=max(len(table), 1))
            if writer is not None:
                writer.close()
        return self._state(name, self.sha256(name))

    def _state(self, name: str, checksum: str) -> str:
        """Write the SHA-256 beside a file; one that a power failure takes away only makes the file be made again."""
        with self._new(f"{name}{SUM}", flushed=False) as file:
            file.write(checksum.encode())
        return checksum

    @contextlib.contextmanager
    def _new(self, name: str, flushed: bool = True) -> Iterator[IO[bytes]]:
        """A file that takes its name once it is whole and on disk; whatever interrupts leaves nothing behind."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with new_file(self.path, name, flushed) as file:
                yield file
        except UnsafePath as error:
            _refuse(error)
        except OSError as error:
            raise RunError(
                f"{self.path / name}: cannot be written ({error.strerror or error}); what was finished before is kept: "
                "make room or mend it, and give the same command again, or choose another folder with --out"
            ) from None

    def whole(self, name: str) -> bool:
        """Whether the file is there and agrees with its checksum."""
        try:
            return self.sha256(name) == self._stated(name)
        except UnsafePath as error:
            _refuse(error)
        except (OSError, UnicodeDecodeError):
            return False

    def sha256(self, name: str) -> str:
        """The SHA-256 of a file; OSError where it cannot be read."""
        with opened(self.path, name) as file:
            return hashlib.file_digest(cast("io.BufferedReader", file), "sha256").hexdigest()

    def _stated(self, name: str) -> str:
        return read_whole(self.path, f"{name}{SUM}", 1_000).decode("ascii").strip()

    def read_bytes(self, name: str, most: int | None = MOST_JSON) -> bytes | None:
        """The content of a file, None where there is none; RunError where it is too large or cannot be read."""
        try:
            return read_whole(self.path, name, most)
        except FileNotFoundError:
            return None
        except OSError as error:
            _refuse(error)

    def read_checked(self, name: str, most: int | None = MOST_JSON) -> bytes | None:
        """The content of a file, None where it is absent, over ``most`` bytes or disagrees with its checksum."""
        try:
            content, stated = read_whole(self.path, name, most), self._stated(name)
        except UnsafePath as error:
            _refuse(error)
        except (OSError, UnicodeDecodeError):
            return None
        return content if hashlib.sha256(content).hexdigest() == stated else None

    def read_table(self, name: str) -> "pa.Table | None":
        """The table of a parquet file, None where it is absent or disagrees with its checksum."""
        from benchmarks.runs.own_parquet import read_parquet

        content = self.read_checked(name, None)
        return None if content is None else read_parquet(io.BytesIO(content), str(self.path / name))

    def read_json(self, name: str, most: int = MOST_JSON) -> Any:
        """The content of a JSON file of the folder; RunError where it is absent or damaged."""
        return self._json(name, self.read_bytes(name, most))

    def read_checked_json(self, name: str) -> Any:
        """The content of a JSON file; RunError where it is absent or disagrees with its checksum."""
        return self._json(name, self.read_checked(name))

    def _json(self, name: str, content: bytes | None) -> Any:
        try:
            return plain_json(content or b"")
        except ValueError:
            raise RunError(f"{self.path}: its {name} is absent or damaged; run the study again") from None

    def damaged(self) -> list[str]:
        """Every file that has a checksum and disagrees with it, or has lost one of the two."""
        stated = {str(path.relative_to(self.path))[: -len(SUM)] for path in self.path.rglob(f"*{SUM}")}
        return sorted(name for name in stated if not self.whole(name))

    def write_json(self, name: str, value: object) -> None:
        """Write a JSON file."""
        self.write_bytes(name, as_json(value))

    def write_checked_json(self, name: str, value: object) -> None:
        """Write a JSON file and its SHA-256 beside it."""
        self.write_checked(name, as_json(value))

    def note(self, line: str) -> None:
        """Add a line with the time to the log, if it can be written; RunError where the log is not ours."""
        when = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        told = f"{when} [{platform.node()} {os.getpid()}] {printable(line, 10_000)}\n"
        try:
            with own_file(self.path, LOG) as file:
                file.write(told.encode("utf-8", "backslashreplace"))
        except UnsafePath as error:
            _refuse(error)
        except OSError:
            pass

    @contextlib.contextmanager
    def lock(self, shard: str | None = None) -> Iterator[None]:
        """Keep the folder to this process; RunError names who has it. A dead process's lock is free at once.

        Shards share the folder, and each is kept to one process. Whoever has it alone sweeps up what was left behind.
        """
        with contextlib.ExitStack() as held:
            held.enter_context(self._flock(LOCK, fcntl.LOCK_EX if shard is None else fcntl.LOCK_SH))
            if shard is None:
                sweep(self.path)
            else:
                held.enter_context(self._flock(f"{LOCK}-{shard.replace('/', '-of-')}", fcntl.LOCK_EX))
            yield

    @contextlib.contextmanager
    def _flock(self, name: str, kind: int) -> Iterator[None]:
        with contextlib.ExitStack() as held:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                file = held.enter_context(own_file(self.path, name))
            except UnsafePath as error:
                _refuse(error)
            except OSError as error:
                told = f"{self.path / name}: cannot be written ({error.strerror}); choose another folder with --out"
                raise RunError(told) from None
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunError(
                    f"{self.path}: in use by {self.holder() or 'another process'}; wait for it, or choose another "
                    "folder with --out"
                ) from None
            except OSError:
                self.note("this file system keeps no locks: see that no other run writes here")
            held_before = os.pread(file.fileno(), len(HOLDER), 0)
            if held_before and held_before != HOLDER:
                raise RunError(f"{self.path / name}: is a file of somebody else's; choose another folder with --out")
            with contextlib.suppress(OSError):  # a full disk must not keep anyone out
                file.truncate(0)
                since = f"{os.getpid()} on {platform.node()} since {time.strftime('%Y-%m-%d %H:%M:%S')}"
                file.write(HOLDER + since.encode())
            yield

    def holder(self) -> str:
        """Who is at work here, in words; empty where nobody is."""
        return ", ".join(filter(None, (self._holder(path.name) for path in sorted(self.path.glob(f"{LOCK}*")))))

    def _holder(self, name: str) -> str:
        """Who holds a lock to itself, in words; empty where nobody does."""
        try:
            with opened(self.path, name) as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return file.read(200).decode("utf-8", "replace")
        except UnsafePath as error:
            _refuse(error)
        except OSError:
            pass
        return ""


def plain_json(content: bytes) -> Any:
    """What a JSON text says; ValueError for none, for NaN and infinity, and for what is nested too deep to be ours."""

    def refuse(word: str) -> NoReturn:
        raise ValueError(f"{word} is no number of JSON")

    try:
        return json.loads(content, parse_constant=refuse)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _refuse(error: OSError) -> NoReturn:
    """RunError in the words of an error of a file."""
    told = error.strerror or str(error)
    told = told if isinstance(error, UnsafePath) else f"cannot be read ({told})"
    raise RunError(f"{error.filename}: {told}") from None


def as_json(value: object) -> bytes:
    """The value as a run folder's JSON files hold it."""
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()
