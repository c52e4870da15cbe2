"""A run folder: what was asked, parts as they are computed, merged rows and tables. Nothing that was computed is lost.

Parts are written to a temporary name, flushed to disk and renamed, with a SHA-256 beside them; a part that does not
agree with its checksum is computed again.
"""

import hashlib
import io
import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.estimators.own import source_digest
from simulator.documents import Document, digest, resolved_yaml

if TYPE_CHECKING:
    import pyarrow as pa

NUMBER_MAKERS = ("numpy", "scipy", "numba", "llvmlite", "pandas", "pyarrow", "pydantic")


class RunError(Exception):
    """A run folder that cannot be used as asked; one line that says why and what to do."""


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @property
    def parts(self) -> Path:
        """Where the parts lie."""
        return self.path / "parts"

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file of the folder so that it is there whole or not at all."""
        target = self.path / name
        temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)

    def write_table(self, name: str, table: "pa.Table") -> str:
        """Write a parquet file, and its SHA-256 beside it, which is returned."""
        import pyarrow.parquet as pq  # heavy, and not needed to list or check

        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
        content = buffer.getvalue()
        checksum = hashlib.sha256(content).hexdigest()
        self.write_bytes(name, content)
        self.write_bytes(f"{name}.sha256", checksum.encode())
        return checksum

    def write_tables(self, name: str, tables: "Iterable[pa.Table]") -> str:
        """Write a parquet file of one row group for each table, and its SHA-256 beside it, which is returned.

        The file is there whole or not at all, and never in memory as a whole.
        """
        import pyarrow.parquet as pq

        target = self.path / name
        temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
        writer: pq.ParquetWriter | None = None
        with temporary.open("wb") as file:
            for table in tables:
                if writer is None:
                    writer = pq.ParquetWriter(file, table.schema, compression="zstd", write_page_checksum=True)
                writer.write_table(table, row_group_size=max(len(table), 1))
            if writer is not None:
                writer.close()
            file.flush()
            os.fsync(file.fileno())
        checksum = _sha256(temporary)
        temporary.replace(target)
        self.write_bytes(f"{name}.sha256", checksum.encode())
        return checksum

    def whole(self, name: str) -> bool:
        """Whether the file is there and agrees with its checksum."""
        path = self.path / name
        try:
            stated = path.with_name(f"{path.name}.sha256").read_text("ascii")
            return _sha256(path) == stated.strip()
        except (OSError, UnicodeDecodeError):
            return False

    def read_part(self, name: str) -> "pa.Table | None":
        """The part, or None where it is absent or disagrees with its checksum."""
        path = self.path / name
        import pyarrow.parquet as pq

        try:
            content = path.read_bytes()
            stated = path.with_name(f"{path.name}.sha256").read_text("ascii")
        except (OSError, UnicodeDecodeError):
            return None
        if hashlib.sha256(content).hexdigest() != stated.strip():
            return None
        return pq.read_table(io.BytesIO(content))

    def read_json(self, name: str) -> Any:
        """The content of a JSON file of the folder; RunError where it is absent or damaged."""
        try:
            return json.loads((self.path / name).read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            raise RunError(f"{self.path}: its {name} is absent or damaged; run the study again") from None

    def write_json(self, name: str, value: object) -> None:
        """Write a JSON file."""
        self.write_bytes(name, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions() -> dict[str, str]:
    """Versions of everything that can change a number."""
    made = {name: version(name) for name in NUMBER_MAKERS}
    return {"trialtwin": version("trialtwin"), "python": platform.python_version(), **made}


def manifest(document: Document, seed: int, own: Sequence[str] = ()) -> dict[str, object]:
    """What a run was made from; two runs with the same manifest have the same rows. ``own`` are users' functions."""
    return {
        "digest": identity(document, seed),
        "seed": seed,
        "versions": {**versions(), **{function: source_digest(function) for function in own}},
        "machine": platform.machine(),
        "host": platform.node(),
        "command": " ".join(["trialtwin", *sys.argv[1:]]),
        "sources": document.sources,
        "files": [str(file) for file in document.files],
    }


def identity(document: Document, seed: int) -> str:
    """The digest of the document and the seed: how many replicates are computed does not make another study."""
    run = {"seed": seed}
    return digest({**document.tree, "run": run})


def open_folder(path: Path, document: Document, asked: Mapping[str, object]) -> RunFolder:
    """The run folder, new or continued; RunError names what differs from the run that it holds."""
    folder = RunFolder(path)
    try:
        folder.parts.mkdir(parents=True, exist_ok=True)
        found = path / "manifest.json"
        if found.exists():
            _compare(path, json.loads(found.read_text("utf-8")), asked)
        folder.write_bytes("scenario.yaml", resolved_yaml(document.tree).encode())
        folder.write_json("manifest.json", dict(asked))
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror}); choose another folder with --out") from None
    except (ValueError, AttributeError):
        raise RunError(f"{path}: its manifest.json is not one of ours; choose another folder with --out") from None
    return folder


def _compare(path: Path, held: dict[str, object], asked: Mapping[str, object]) -> None:
    for key in ("digest", "versions", "machine"):
        if held.get(key) != asked[key]:
            raise RunError(
                f"{path}: holds a run with another {key} ({_short(held.get(key))}, now {_short(asked[key])}); "
                "choose another folder with --out"
            )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
