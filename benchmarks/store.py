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
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from simulator.problems import printable

if TYPE_CHECKING:
    import pyarrow as pa

LOCK = "lock"
LOG = "log"
SUM = ".sha256"


class RunError(Exception):
    """A run folder that cannot be used as asked; one line that says why and what to do."""


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
        return self._state(name, _sha256(self.path / name))

    def _state(self, name: str, checksum: str) -> str:
        """Write the SHA-256 beside a file; one that a power failure takes away only makes the file be made again."""
        with self._new(f"{name}{SUM}", flushed=False) as file:
            file.write(checksum.encode())
        return checksum

    @contextlib.contextmanager
    def _new(self, name: str, flushed: bool = True) -> Iterator[IO[bytes]]:
        """A file that takes its name once it is whole and on disk; whatever interrupts leaves nothing behind."""
        target = self.path / name
        temporary = target.with_name(f".{target.name}.{platform.node()}-{os.getpid()}-{threading.get_ident()}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with temporary.open("wb") as file:
                    yield file
                    file.flush()
                    if flushed:
                        os.fsync(file.fileno())
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise RunError(
                f"{target}: cannot be written ({error.strerror or error}); what was finished before is kept: make room "
                "or mend it, and give the same command again, or choose another folder with --out"
            ) from None

    def whole(self, name: str) -> bool:
        """Whether the file is there and agrees with its checksum."""
        path = self.path / name
        try:
            return _sha256(path) == path.with_name(f"{path.name}{SUM}").read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return False

    def read_checked(self, name: str) -> bytes | None:
        """The content of a file, None where it is absent or disagrees with its checksum."""
        path = self.path / name
        try:
            content = path.read_bytes()
            stated = path.with_name(f"{path.name}{SUM}").read_text("ascii")
        except (OSError, UnicodeDecodeError):
            return None
        return content if hashlib.sha256(content).hexdigest() == stated.strip() else None

    def read_table(self, name: str) -> "pa.Table | None":
        """The table of a parquet file, None where it is absent or disagrees with its checksum."""
        import pyarrow.parquet as pq

        content = self.read_checked(name)
        return None if content is None else pq.read_table(io.BytesIO(content))

    def read_json(self, name: str) -> Any:
        """The content of a JSON file of the folder; RunError where it is absent or damaged."""
        try:
            return json.loads((self.path / name).read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            raise RunError(f"{self.path}: its {name} is absent or damaged; run the study again") from None

    def read_checked_json(self, name: str) -> Any:
        """The content of a JSON file; RunError where it is absent or disagrees with its checksum."""
        content = self.read_checked(name)
        try:
            return json.loads(content or b"")
        except (ValueError, RecursionError):
            raise RunError(f"{self.path}: its {name} is absent or damaged; run the study again") from None

    def damaged(self) -> list[str]:
        """Every file that has a checksum and disagrees with it, or has lost one of the two."""
        stated = {str(path.relative_to(self.path))[: -len(SUM)] for path in self.path.rglob(f"*{SUM}")}
        return sorted(name for name in stated if not self.whole(name))

    def write_json(self, name: str, value: object) -> None:
        """Write a JSON file."""
        self.write_bytes(name, _json(value))

    def write_checked_json(self, name: str, value: object) -> None:
        """Write a JSON file and its SHA-256 beside it."""
        self.write_checked(name, _json(value))

    def note(self, line: str) -> None:
        """Add a line with the time to the log, if it can be written."""
        told = printable(line, 10_000)
        with contextlib.suppress(OSError), (self.path / LOG).open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} [{platform.node()} {os.getpid()}] {told}\n")

    @contextlib.contextmanager
    def lock(self, shard: str | None = None) -> Iterator[None]:
        """Keep the folder to this process; RunError names who has it. A dead process's lock is free at once.

        Shards share the folder, and each is kept to one process. Whoever has it alone sweeps up what was left behind.
        """
        with contextlib.ExitStack() as held:
            held.enter_context(self._flock(LOCK, fcntl.LOCK_EX if shard is None else fcntl.LOCK_SH))
            if shard is None:
                for stump in self.path.rglob(".*.part"):
                    stump.unlink(missing_ok=True)
            else:
                held.enter_context(self._flock(f"{LOCK}-{shard.replace('/', '-of-')}", fcntl.LOCK_EX))
            yield

    @contextlib.contextmanager
    def _flock(self, name: str, kind: int) -> Iterator[None]:
        path = self.path / name
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file = path.open("ab", buffering=0)
        except OSError as error:
            raise RunError(f"{path}: cannot be written ({error.strerror}); choose another folder with --out") from None
        with file:
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunError(
                    f"{self.path}: in use by {self.holder() or 'another process'}; wait for it, or choose another "
                    "folder with --out"
                ) from None
            except OSError:
                self.note("this file system keeps no locks: see that no other run writes here")
            with contextlib.suppress(OSError):  # a full disk must not keep anyone out
                file.truncate(0)
                file.write(
                    f"process {os.getpid()} on {platform.node()} since {time.strftime('%Y-%m-%d %H:%M:%S')}".encode()
                )
            yield

    def holder(self) -> str:
        """Who is at work here, in words; empty where nobody is."""
        return ", ".join(filter(None, map(_holder, sorted(self.path.glob(f"{LOCK}*")))))


def _holder(lock: Path) -> str:
    """Who holds a lock to itself, in words; empty where nobody does."""
    try:
        with lock.open(encoding="utf-8", errors="replace") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read(200)
    except OSError:
        return ""
    return ""


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
