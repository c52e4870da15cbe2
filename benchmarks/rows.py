"""The rows of a study, one per cell x replicate x endpoint x estimator, on disk: written and read a piece at a time."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from analysis.kernels.status import Status

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

NUMBERS = ("value", "se", "low", "high", "p")
COUNTS = ("n", "events")
ROWS_AT_ONCE = 20_000
KEYS = ("cell", "endpoint", "estimator")


@dataclass(frozen=True)
class Layout:
    """The order of the rows: cells, in each its replicates, in each of these the cell's endpoints and estimators."""

    replicates: Mapping[int, int]
    keys: Mapping[int, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Rows:
    """The rows in a parquet file whose row groups hold whole replicates of one cell."""

    path: Path
    layout: Layout

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
                column[first:last] = table[name].to_numpy().reshape(-1, len(keys))[:, place]
            first = last
        return found, status

    @contextmanager
    def _opened(self) -> Iterator[pq.ParquetFile]:
        """The file, opened by Python, which takes names that are no UTF-8 too."""
        with self.path.open("rb") as file, pq.ParquetFile(file) as source:
            yield source

    def replicate(self, cell: int, number: int) -> pa.Table:
        """The rows of one replicate, in the order of the cell's endpoints and estimators."""
        with self._opened() as file:
            names = file.schema_arrow.names
            places = [names.index(name) for name in ("cell", "replicate")]
            for group in range(file.metadata.num_row_groups):
                own, numbers = (file.metadata.row_group(group).column(place).statistics for place in places)
                if own.min == cell and numbers.min <= number <= numbers.max:
                    each = len(self.layout.keys[cell])
                    return file.read_row_group(group).slice((number - numbers.min) * each, each)
        raise IndexError(f"no replicate {number} of cell {cell}")

    def pieces(self, columns: Sequence[str], cell: int | None = None) -> Iterator[pa.Table]:
        """The row groups in order, of one cell or of all."""
        with self._opened() as file:
            place = file.schema_arrow.get_field_index("cell")
            for group in range(file.metadata.num_row_groups):
                numbers = file.metadata.row_group(group).column(place).statistics
                if cell is None or numbers.min == cell:
                    yield file.read_row_group(group, columns=list(columns))

    def failures(self) -> "pd.DataFrame":
        """How many replicates of each cell, endpoint and estimator ended in each status other than OK."""
        import pandas as pd

        found = []
        for cell, keys in self.layout.keys.items():
            for endpoint, estimator in keys:
                codes, counts = np.unique(self.of(cell, endpoint, estimator, ())[1], return_counts=True)
                found += [
                    (cell, endpoint, estimator, Status(int(code)).name, int(count))
                    for code, count in zip(codes, counts, strict=True)
                    if code != Status.OK
                ]
        return pd.DataFrame(found, columns=[*KEYS, "status", "count"])

    def frame(self) -> "pd.DataFrame":
        """All rows at once."""
        with self._opened() as file:
            rows: pd.DataFrame = file.read().to_pandas()
        rows["status"] = rows["status"].astype(np.int64)
        return rows

    def digest(self) -> str:
        """The SHA-256 of the values, column by column: no split of the work, and no way of storing, changes it."""
        columns: dict[str, hashlib._Hash] = {}
        with self._opened() as file:
            names = file.schema_arrow.names
        for table in self.pieces(names):
            for name in names:
                values = table[name]
                made = columns.setdefault(name, hashlib.sha256())
                if pa.types.is_dictionary(values.type) or pa.types.is_string(values.type):
                    made.update("".join(f"{value}\n" for value in values.to_pylist()).encode())
                else:
                    made.update(np.ascontiguousarray(values.to_numpy()).tobytes())
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
