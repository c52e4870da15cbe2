"""Parquet files of run folders, read only if they can be ours: a few kB may say that they unpack to gigabytes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.cohort_files.data_table import unpacked_bytes
from benchmarks.asked.errors import RunError

MAX_BYTES = 256 * 2**20
"""That any file of ours may unpack to."""

MOST_TIMES = 200
"""Times its size on disk that a large file of ours may unpack to: rows of nothing but failures do to less than 100."""

FAULTS = (pa.ArrowException, OSError, ValueError, OverflowError, KeyError, TypeError)


@contextmanager
def opened_parquet(file: IO[bytes], name: str) -> Iterator[pq.ParquetFile]:
    """A Parquet file of numbers and of names that repeat; RunError where it is none, or unpacks to too much.

    RunError, too, where what is read from it within the block shows that it is damaged.
    """
    try:
        size = file.seek(0, 2)
        file.seek(0)
        with pq.ParquetFile(file) as source:
            about, schema = source.metadata, source.schema_arrow
            width = sum(_width(field) for field in schema)
            if about.num_rows < 0 or about.num_columns != len(schema):
                raise ValueError("no table of rows")
            most = max(MAX_BYTES, MOST_TIMES * size)
            needed = max(about.num_rows * width, unpacked_bytes(about, range(about.num_columns), most))
            if needed > most:
                told = f"{size / 1e6:.3g} MB that unpack to {needed / 1e6:,.0f} MB; no file of ours does"
                raise RunError(f"{name}: {told}")
            yield source
    except FAULTS as error:
        told = " ".join(str(error).split())[:160]
        raise RunError(f"{name}: damaged, or not one of ours ({told}); run the study again") from None


def read_parquet(file: IO[bytes], name: str) -> pa.Table:
    """The table of such a file; RunError where it is none."""
    with opened_parquet(file, name) as source:
        table = source.read(use_threads=False)
        if len(table) != source.metadata.num_rows:
            raise ValueError("another number of rows than it says")
        return table


def _width(field: pa.Field) -> int:
    """The bytes of a value; ValueError for what no column of ours holds."""
    kind = field.type
    if pa.types.is_dictionary(kind) and pa.types.is_string(kind.value_type):
        kind = kind.index_type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise ValueError(f"column '{field.name}' holds {field.type}")
    return int(kind.bit_width) // 8
