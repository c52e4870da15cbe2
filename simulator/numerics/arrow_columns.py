"""Columns of Arrow tables from numpy arrays and back, by their memory.

`pyarrow.array` and ``to_numpy`` do the same, but import pandas first, half a second of every command.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simulator.numerics.arrays import Bools


def column_of(values: NDArray[Any], missing: Bools | None = None, kind: pa.DataType | None = None) -> pa.Array:
    """The numbers as an Arrow array of their own type, or of the ``kind``; null where they are ``missing``."""
    kind = kind or pa.from_numpy_dtype(values.dtype)
    flat = np.ascontiguousarray(values, kind.to_pandas_dtype())
    there = None if missing is None else pa.py_buffer(np.packbits(~missing, bitorder="little"))
    return pa.Array.from_buffers(kind, len(flat), [there, pa.py_buffer(flat)])


def words_of(texts: Sequence[str | None]) -> pa.Array:
    """The texts as an Arrow array; null where there is None."""
    parts = [(text or "").encode() for text in texts]
    ends = np.zeros(len(parts) + 1, np.int32)
    np.cumsum([len(part) for part in parts], out=ends[1:])
    there = np.packbits(np.array([text is not None for text in texts], np.bool_), bitorder="little")
    content = [pa.py_buffer(there), pa.py_buffer(ends), pa.py_buffer(b"".join(parts))]
    return pa.Array.from_buffers(pa.string(), len(parts), content)


def numbers_of(of: "pa.Array | pa.ChunkedArray") -> NDArray[Any]:
    """The numbers of an Arrow column, ``(rows,)``, in its own memory where it is in one piece; NaN where it is null."""
    if of.null_count:
        return np.asarray(of.to_numpy(zero_copy_only=False))
    dtype = np.dtype(of.type.to_pandas_dtype())
    chunks = of.chunks if isinstance(of, pa.ChunkedArray) else [of]
    held = [np.frombuffer(one.buffers()[1], dtype, len(one), one.offset * dtype.itemsize) for one in chunks if len(one)]
    return held[0] if len(held) == 1 else np.concatenate([np.empty(0, dtype), *held])
