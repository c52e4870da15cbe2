"""Small tables of a run as lists of records, and their two files; importing pandas for them takes half a second."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulator.numerics.arrow_columns import column_of, words_of

Record = dict[str, Any]

PERFORMANCE = pa.schema(
    [
        ("cell", pa.int64()),
        ("endpoint", pa.string()),
        ("estimator", pa.string()),
        ("judged_by", pa.string()),
        ("measure", pa.string()),
        ("value", pa.float64()),
        ("mcse", pa.float64()),
    ]
)
FAILURES = pa.schema(
    [
        ("cell", pa.int64()),
        ("endpoint", pa.string()),
        ("estimator", pa.string()),
        ("status", pa.string()),
        ("count", pa.int64()),
    ]
)


def as_csv(records: Sequence[Record], schema: pa.Schema) -> str:
    """The records as comma-separated text below a line of names: numbers in full, nothing for NaN."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(schema.names)
    writer.writerows(["" if value != value else value for value in map(one.get, schema.names)] for one in records)
    return text.getvalue()


def as_parquet(records: Sequence[Record], schema: pa.Schema) -> bytes:
    """The records as a Parquet file with a checksum in each page; NaN is null."""
    columns = [_column([one[own.name] for one in records], own.type) for own in schema]
    file = io.BytesIO()
    pq.write_table(pa.table(columns, schema=schema), file, compression="zstd", write_page_checksum=True)
    return file.getvalue()


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_string(kind):
        return words_of(values)
    numbers = np.array(values, kind.to_pandas_dtype())
    return column_of(numbers, np.isnan(numbers) if pa.types.is_floating(kind) else None)
