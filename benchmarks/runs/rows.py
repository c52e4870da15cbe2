"""The rows of a study, one per cell x replicate x endpoint x estimator, on disk: written and read a piece at a time."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from analysis.estimators.base import COUNTS, NUMBERS
from analysis.kernels.status import Status
from benchmarks.asked.errors import RunError
from benchmarks.runs.own_parquet import opened_parquet
from benchmarks.runs.records import Record
from simulator.documents.safe_files import opened
from simulator.numerics.arrays import Floats
from simulator.numerics.arrow_columns import numbers_of

if TYPE_CHECKING:
    import pandas as pd


ROWS_AT_ONCE = 20_000
_STATUSES = frozenset(map(int, Status))
KEYS = ("cell", "endpoint", "estimator")


NAMES = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        ("cell", pa.int32()),
        ("replicate", pa.int64()),
        ("endpoint", NAMES),
        ("estimator", NAMES),
        *((name, pa.float64()) for name in NUMBERS),
        *((name, pa.int32()) for name in COUNTS),
        ("status", pa.int8()),
    ]
)


@dataclass(frozen=True)
class Layout:
    """The order of the rows: cells, in each its replicates, in each of these the cell's endpoints and estimators."""

    replicates: Mapping[int, int]
    keys: Mapping[int, tuple[tuple[str, str], ...]]

    @cached_property
    def starts(self) -> dict[int, tuple[int, int]]:
        """The first row of each cell, and the one after its last."""
        found, first = {}, 0
        for cell, keys in self.keys.items():
            found[cell] = first, first + len(keys) * self.replicates[cell]
            first = found[cell][1]
        return found

    @property
    def total(self) -> int:
        """How many rows there are."""
        return max((last for _, last in self.starts.values()), default=0)


@dataclass(frozen=True)
class Rows:
    """The rows in a parquet file whose row groups hold whole replicates of one cell.

    RunError where the file is not one of these rows; nothing but its numbers of rows is believed before it is read.
    """

    path: Path
    layout: Layout

    @cached_property
    def groups(self) -> dict[int, list[tuple[int, int, int]]]:
        """The row groups of each cell, each with its first row and the one after its last."""
        with self.opened_file() as file:
            sizes = [file.metadata.row_group(k).num_rows for k in range(file.metadata.num_row_groups)]
        found: dict[int, list[tuple[int, int, int]]] = {cell: [] for cell in self.layout.keys}
        cells = [(cell, *span) for cell, span in self.layout.starts.items()]
        place, first = 0, 0
        for group, size in enumerate(sizes):
            cell, start, end = cells[place]
            last = first + size
            if size < 1 or last > end or (last - start) % len(self.layout.keys[cell]):
                break
            found[cell].append((group, first, last))
            place, first = place + (last == end), last
        if first != self.layout.total or sum(sizes) != first:
            raise RunError(f"{self.path}: its row groups are not those of a run; run the study again")
        return found

    @contextmanager
    def opened_file(self) -> Iterator[pq.ParquetFile]:
        """The file, which has the columns, more of which may follow, and as many rows as the layout says."""
        try:
            with opened(self.path.parent, self.path.name) as raw, opened_parquet(raw, str(self.path)) as file:
                if not pa.schema(list(file.schema_arrow)[: len(SCHEMA)]).equals(SCHEMA):
                    raise RunError(f"{self.path}: its columns are not those of a run; run the study again")
                if file.metadata.num_rows != self.layout.total:
                    told = f"has {file.metadata.num_rows:,} rows where the study has {self.layout.total:,}"
                    raise RunError(f"{self.path}: {told}; finish it with `trialtwin run`")
                yield file
        except OSError as error:
            raise RunError(f"{error.filename or self.path}: {error.strerror or error}") from None

    def of(
        self, cell: int, endpoint: str, estimator: str, names: Sequence[str] = (*NUMBERS, *COUNTS)
    ) -> tuple[dict[str, Floats], NDArray[np.int64]]:
        """The numbers and counts of one estimator by name, and its statuses, each ``(replicates,)``."""
        keys, count = self.layout.keys[cell], self.layout.replicates[cell]
        place, first = keys.index((endpoint, estimator)), 0
        found = {name: np.empty(count) for name in names}
        status = np.empty(count, np.int64)
        for table in self.pieces([*found, "status"], cell):
            last = first + len(table) // len(keys)
            for name, column in (*found.items(), ("status", status)):
                column[first:last] = numbers_of(table[name]).reshape(-1, len(keys))[:, place]
            first = last
        return found, status

    def replicate(self, cell: int, number: int) -> pa.Table:
        """The rows of one replicate, in the order of the cell's endpoints and estimators."""
        return self.stretch(cell, number, number + 1)

    def stretch(self, cell: int, first: int, last: int) -> pa.Table:
        """The rows of replicates ``first`` up to, not including, ``last`` of a cell."""
        start, each = self.layout.starts[cell][0], len(self.layout.keys[cell])
        begin, end = start + first * each, start + last * each
        with self.opened_file() as file:
            own = [
                file.read_row_group(group, SCHEMA.names, use_threads=False)
                .slice(max(begin - at, 0), min(end, to) - max(begin, at))
                for group, at, to in self.groups[cell]
                if at < end and to > begin
            ]  # fmt: skip
        return pa.concat_tables(own)

    def pieces(self, columns: Sequence[str], cell: int | None = None) -> Iterator[pa.Table]:
        """The row groups in order, of one cell or of all."""
        groups = [own for here, found in self.groups.items() for own in found if cell in (None, here)]
        with self.opened_file() as file:
            for group, first, last in groups:
                table = file.read_row_group(group, columns=list(columns))
                if len(table) != last - first:
                    raise RunError(f"{self.path}: damaged; run the study again")
                yield table

    def failures(self) -> list[Record]:
        """How many replicates of each cell, endpoint and estimator ended in each status other than OK."""
        found: list[Record] = []
        for cell, keys in self.layout.keys.items():
            for endpoint, estimator in keys:
                own = dict(zip(KEYS, (cell, endpoint, estimator), strict=True))
                codes, counts = np.unique(self.of(cell, endpoint, estimator, ())[1], return_counts=True)
                if not set(map(int, codes)) <= _STATUSES:
                    raise RunError(f"{self.path}: has a status that there is not; run the study again")
                found += [
                    {**own, "status": Status(int(code)).name, "count": int(count)}
                    for code, count in zip(codes, counts, strict=True)
                    if code != Status.OK
                ]
        return found

    def frame(self) -> "pd.DataFrame":
        """All rows at once."""
        rows: pd.DataFrame = pa.concat_tables(self.pieces(SCHEMA.names)).to_pandas()
        rows["status"] = rows["status"].astype(np.int64)
        return rows

    def digest(self) -> str:
        """The SHA-256 of the values, column by column: no split of the work, and no way of storing, changes it."""
        columns: dict[str, hashlib._Hash] = {}
        known = {name for keys in self.layout.keys.values() for key in keys for name in key}
        for table in self.pieces(SCHEMA.names):
            for name in SCHEMA.names:
                values = table[name]
                made = columns.setdefault(name, hashlib.sha256())
                if pa.types.is_dictionary(values.type):
                    if not {one for chunk in values.chunks for one in chunk.dictionary.to_pylist()} <= known:
                        raise RunError(f"{self.path}: names what the study does not; run the study again")
                    made.update("".join(f"{value}\n" for value in values.to_pylist()).encode())
                else:
                    made.update(numbers_of(values).tobytes())
        whole = hashlib.sha256()
        for name, made in columns.items():
            whole.update(f"{name} {made.hexdigest()}\n".encode())
        return whole.hexdigest()


def merged(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The tables joined to larger ones, each of one cell, of at least `ROWS_AT_ONCE` rows but for a cell's last."""
    waiting: list[pa.Table] = []
    cell = -1
    for table in tables:
        own = table["cell"][0].as_py()
        if waiting and (own != cell or sum(map(len, waiting)) >= ROWS_AT_ONCE):
            yield pa.concat_tables(waiting).unify_dictionaries().combine_chunks()
            waiting = []
        waiting.append(table)
        cell = own
    if waiting:
        yield pa.concat_tables(waiting).unify_dictionaries().combine_chunks()
