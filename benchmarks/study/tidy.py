"""The columns that make the file of rows a table on its own: what the sweep set, the status in a word, the truths.

They stand after those of `benchmarks.runs.rows.SCHEMA`, of which alone the digest of rows is made.
"""

import json
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

import numpy as np
import pyarrow as pa

from analysis.kernels.status import Status
from benchmarks.asked.blocks import Cell
from benchmarks.asked.errors import RunError
from benchmarks.runs.rows import NAMES, SCHEMA, Rows
from benchmarks.runs.store import RunFolder
from benchmarks.truth.counted import Truth
from benchmarks.truth.of_cells import Truths
from simulator.documents.loading import digest
from simulator.numerics.arrow_columns import column_of, numbers_of, words_of

WORD, OWN, TARGET = "status_word", "truth", "target_truth"
"""The status in a word; the truth of what the estimator estimates, and of the study's target in the same measure."""
STAMP = b"trialtwin.tidy"
"""Where the file says from which settings and truths its columns were made."""


def swept(cells: Sequence[Cell]) -> dict[str, pa.DataType]:
    """The paths that the sweep sets, each with the type of its column: whole numbers, numbers, or text."""
    found: dict[str, pa.DataType] = {}
    for path in dict.fromkeys(path for cell in cells for path in cell.settings):
        values = [cell.settings.get(path) for cell in cells]
        plain = [value for value in values if value is not None]
        numbers = bool(plain) and all(type(value) in (int, float) for value in plain)
        whole = numbers and len(plain) == len(values) and all(type(one) is int and abs(one) < 2**53 for one in plain)
        found[path] = pa.int64() if whole else pa.float64() if numbers else NAMES
    return found


def columns(cells: Sequence[Cell]) -> pa.Schema:
    """The columns of the table, those of the rows first."""
    taken = {*SCHEMA.names, WORD, OWN, TARGET}
    settings = [(path if path not in taken else f"set {path}", kind) for path, kind in swept(cells).items()]
    return pa.schema([*SCHEMA, *settings, (WORD, NAMES), (OWN, pa.float64()), (TARGET, pa.float64())])


def with_columns(table: pa.Table, cell: Cell, schema: pa.Schema, paths: Sequence[str], truths: Truths) -> pa.Table:
    """Rows of whole replicates of one cell with the columns that belong to them."""
    count, keys = len(table), [(cell.number, where, one.name) for where, one in cell.scenario.judged()]
    first = len(SCHEMA)
    made = [table[name] for name in SCHEMA.names]
    made += [
        _repeated(cell.settings.get(path), kind, count)
        for path, kind in zip(paths, schema.types[first : first + len(paths)], strict=True)
    ]
    codes = numbers_of(table["status"]).astype(np.int64)
    known = (codes >= 0) & (codes < len(Status))
    statuses = words_of([one.name for one in Status])
    made.append(pa.DictionaryArray.from_arrays(column_of(codes, ~known, pa.int32()), statuses))
    for of in (truths.own, truths.target):
        values = np.array([_value(of.get(key)) for key in keys])
        values = np.tile(values, count // len(keys))
        made.append(column_of(values, np.isnan(values)))
    return pa.Table.from_arrays(made, schema=schema)


def _value(truth: Truth | None) -> float:
    return truth.value if truth is not None and isfinite(truth.value) else float("nan")


def _repeated(value: Any, kind: pa.DataType, count: int) -> pa.Array:
    """A setting in every row; a list or a mapping as the text of JSON, nothing as null."""
    if kind != NAMES:
        return pa.array([value] * count, kind)
    text = value if isinstance(value, str) or value is None else json.dumps(value, default=str)
    return words_of([text] * count).dictionary_encode()


def tidied(rows: Rows, cells: Sequence[Cell], truths: Truths, folder: RunFolder) -> None:
    """Write the file of rows anew with its other columns, unless it has them from the same settings and truths."""
    stamp = _stamp(cells, truths)
    with rows.opened_file() as file:
        if (file.schema_arrow.metadata or {}).get(STAMP) == stamp:
            return
    folder.write_tables(rows.path.name, tables(rows, cells, truths, {STAMP: stamp}))
    rows.__dict__.pop("groups", None)


def _stamp(cells: Sequence[Cell], truths: Truths) -> bytes:
    settings = [[cell.number, {path: str(value) for path, value in cell.settings.items()}] for cell in cells]
    return digest({"settings": settings, "truths": truths.records(), "columns": str(columns(cells))}).encode()


def tables(
    rows: Rows, cells: Sequence[Cell], truths: Truths, stamped: dict[bytes, bytes] | None = None
) -> Iterator[pa.Table]:
    """The whole table, a row group at a time."""
    schema, paths = columns(cells), list(swept(cells))
    schema = schema if stamped is None else schema.with_metadata(stamped)
    for cell in cells:
        for table in rows.pieces(SCHEMA.names, cell.number):
            yield with_columns(table, cell, schema, paths, truths)


def untidy(rows: Rows, cells: Sequence[Cell], truths: Truths) -> Iterator[tuple[int, str]]:
    """Each cell and column that is not what settings, statuses and truths say; RunError where columns lack."""
    schema = columns(cells)
    with rows.opened_file() as file:
        if not file.schema_arrow.equals(schema):
            raise RunError(f"{rows.path}: lacks columns of settings and truths, or has others; run the study again")
    more, paths = schema.names[len(SCHEMA) :], list(swept(cells))
    for cell in cells:
        for table in rows.pieces(schema.names, cell.number):
            right = with_columns(table, cell, schema, paths, truths)
            for name in more:
                if table[name].to_pylist() != right[name].to_pylist():
                    yield cell.number, name
