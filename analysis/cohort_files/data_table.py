"""Columns of text cells out of a CSV or Parquet file of patients, or one clear line per fault."""

import csv
import difflib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.cohort_files import csv_file
from analysis.cohort_files.cells import CellColumn
from simulator.numerics.memory import free_memory

if TYPE_CHECKING:
    import pandas as pd

BYTES_PER_ROW = 700
BYTES_PER_CELL = 40
"""Of a table while it is read and analysed, beside the file itself: for each row, and for each wanted cell of a row."""
FIRST_BYTES = 2**16
"""Of a CSV file, whose mean length of a line tells how many rows to expect."""
MAX_COLUMNS = 20_000
MAX_SHOWN = 20
MAX_GROUPS = 2_000
MAX_TEXT = 1_000

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "<na>", "."})
"""Texts that stand for a missing value, compared in lower case, unless the SPEC lists them as a level."""


@dataclass(frozen=True)
class InMemory:
    """A data frame in the place of a file, and what messages and pages call it."""

    frame: "pd.DataFrame"
    name: str = "the data frame"

    def __str__(self) -> str:
        return self.name


class CohortFileError(ValueError):
    """What is wrong with a file of patients: ``problems``, one line each, at most 20 and then a count of the rest."""

    has_lines = True

    def __init__(self, path: Path | InMemory, problems: Sequence[str]) -> None:
        shown = list(problems[:MAX_SHOWN])
        if len(problems) > MAX_SHOWN:
            shown.append(f"and {len(problems) - MAX_SHOWN} more problems")
        self.problems = tuple(_printable(f"{path}: {problem}") for problem in shown)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True)
class DataTable:
    """The wanted columns of a file as stripped text; ``lines`` says where each row is (``place``: 'line' or 'row').

    ``whole`` makes a digest of all cells of each row of a CSV file, the columns that are not wanted among them; of
    other files it is None.
    """

    header: tuple[str, ...]
    columns: dict[str, CellColumn]
    lines: Sequence[int]
    place: str
    whole: Callable[[], Sequence[bytes]] | None = None


def read_table(path: Path | InMemory, wanted: Collection[str], most: float = inf) -> DataTable:
    """The wanted columns that the file has, and at most so many rows; raises CohortFileError for what is no table.

    Files that would not fit into memory are refused before they are read.
    """
    if isinstance(path, InMemory):
        return _read_frame(path, wanted, most)
    try:
        if path.is_dir():
            raise CohortFileError(path, ["is a folder, not a CSV or Parquet file"])
        if not path.exists():
            raise CohortFileError(path, ["no such file"])
        if not path.is_file():
            raise CohortFileError(path, ["is not a regular file"])
        size = path.stat().st_size
        with path.open("rb") as stream:
            start = stream.read(FIRST_BYTES)
    except (OSError, ValueError) as error:
        if isinstance(error, CohortFileError):
            raise
        raise CohortFileError(path, [f"cannot be read ({_reason(error)})"]) from None
    if size == 0:
        raise CohortFileError(path, ["the file is empty; it needs a header line and one line per patient"])
    if start[:4] == b"PAR1":
        return _read_parquet(path, wanted, most)
    if start[:2] in (b"PK", b"\x1f\x8b") or start[:4] == b"\xd0\xcf\x11\xe0":
        raise CohortFileError(path, ["is a spreadsheet or compressed file; save it as CSV (UTF-8) or Parquet"])
    _check_fits(path, size, size * max(start.count(b"\n"), 1) // len(start), len(wanted))
    return _read_csv(path, wanted, most)


def _check_fits(path: Path, size: int, rows: int, columns: int) -> None:
    """CohortFileError where the bytes of a file and what is made of its wanted columns would not fit into memory."""
    needed, free = size + rows * (BYTES_PER_ROW + BYTES_PER_CELL * columns), free_memory()
    if needed > free:
        told = f"take about {needed / 1e9:,.1f} GB of memory, and {max(free, 0) / 1e9:,.1f} GB are free"
        raise CohortFileError(path, [f"its {rows:,} rows {told}"])


def _read_csv(path: Path, wanted: Collection[str], most: float) -> DataTable:
    try:
        made = csv_file.read_csv(path.read_bytes(), wanted, most, lambda header: _check_header(path, header, wanted))
    except csv_file.CsvFault as fault:
        raise CohortFileError(path, fault.problems) from None
    except UnicodeDecodeError as error:
        raise CohortFileError(path, [f"is not UTF-8 text (byte {error.start}); save it as CSV (UTF-8)"]) from None
    except (csv.Error, OSError) as error:
        raise CohortFileError(path, [f"cannot be read as CSV ({_reason(error)})"]) from None
    return DataTable(made.header, made.columns, made.lines, "line", made.whole)


def _check_header(path: Path | InMemory, header: Sequence[str], wanted: Collection[str]) -> None:
    if len(header) > MAX_COLUMNS:
        raise CohortFileError(path, [f"has {len(header)} columns; the limit is {MAX_COLUMNS}"])
    twice = [name for name, count in Counter(header).items() if count > 1 and name in wanted]
    if twice:
        raise CohortFileError(path, [f"the header has the column '{name}' more than once" for name in twice])


def _read_parquet(path: Path, wanted: Collection[str], most: float) -> DataTable:
    try:
        with path.open("rb") as file, pq.ParquetFile(file) as source:
            header = tuple(source.schema_arrow.names)
            _check_header(path, header, wanted)
            names = [name for name in header if name in wanted]
            rows = _counted(path, source, names, most)
        texts = [name for name in names if pa.types.is_string(source.schema_arrow.field(name).type)]
        # a text that occurs a million times is held once
        with path.open("rb") as file, pq.ParquetFile(file, read_dictionary=texts) as source:
            read = source.read(columns=names, use_threads=False)
            read.validate(full=True)
            if read.num_rows != rows:
                raise CohortFileError(path, [f"says that it has {rows} rows and has {read.num_rows}"])
            columns = {name: _cells(read.column(name)) for name in read.column_names}
    except (pa.ArrowException, OSError, ValueError, OverflowError, KeyError, TypeError) as error:
        if isinstance(error, CohortFileError):
            raise
        raise CohortFileError(path, [f"cannot be read as Parquet ({_reason(error)})"]) from None
    return DataTable(header, columns, range(1, rows + 1), "row")


def _read_frame(data: InMemory, wanted: Collection[str], most: float) -> DataTable:
    frame = data.frame
    header = tuple(map(str, frame.columns))
    _check_header(data, header, wanted)
    if not len(frame):
        raise CohortFileError(data, ["has columns but no rows"])
    if len(frame) > most:
        raise CohortFileError(data, [f"has {len(frame)} rows; the limit is {most}"])
    columns = {}
    for place, name in enumerate(header):
        if name not in wanted:
            continue
        try:
            one = frame.iloc[:, [place]].set_axis([name], axis=1)
            cells = _cells(pa.Table.from_pandas(one, preserve_index=False).column(0))
        except (pa.ArrowException, ValueError, OverflowError, TypeError) as error:
            raise CohortFileError(data, [f"column '{name}': cannot be read ({_reason(error)})"]) from None
        columns[name] = cells
    return DataTable(header, columns, range(1, len(frame) + 1), "row")


def _counted(path: Path, source: Any, names: Sequence[str], most: float) -> int:
    """How many rows there are; CohortFileError where what the file says of itself makes it unfit to be read."""
    about, schema = source.metadata, source.schema_arrow
    rows = int(about.num_rows)
    if rows > most:
        raise CohortFileError(path, [f"has {rows} rows; the limit is {most}"])
    if rows <= 0:
        raise CohortFileError(path, ["has columns but no rows"])
    if about.num_row_groups > MAX_GROUPS:
        told = f"is cut into {about.num_row_groups} row groups; the limit is {MAX_GROUPS}: write it in fewer"
        raise CohortFileError(path, [told])
    nested = [name for name in names if pa.types.is_nested(schema.field(name).type)]
    if nested:
        told = "holds {}; one text, number or truth value per patient is needed"
        raise CohortFileError(path, [f"column '{n}': {told.format(schema.field(n).type)}" for n in nested])
    own = [position for position, name in enumerate(schema.names) if name in names]
    _check_fits(path, unpacked_bytes(about, own, free_memory()), rows, len(names))
    return rows


def unpacked_bytes(about: Any, own: Collection[int], most: float) -> int:
    """The bytes that a Parquet file says it unpacks to: of all columns, of its ``own`` where all are over ``most``."""
    groups = [about.row_group(group) for group in range(about.num_row_groups)]
    size = sum(group.total_byte_size for group in groups)
    if size > most:  # asked only then: of a damaged file, column() ends the process
        size = sum(group.column(k).total_uncompressed_size for group in groups for k in own if k < group.num_columns)
    return int(size)


def _cells(column: Any) -> CellColumn:
    """The texts of a column; each is made once, however often it occurs."""
    try:
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        whole = coded.unify_dictionaries().combine_chunks()
    except pa.ArrowNotImplementedError:  # values that cannot be told apart, such as lists
        return CellColumn.listed(_cell(value) for value in column.to_pylist())
    texts = [*(_cell(value) for value in whole.dictionary.to_pylist()), ""]
    code = whole.indices.fill_null(len(texts) - 1).to_numpy()
    return CellColumn.of(texts, code.astype(np.int32, copy=False))


def _cell(value: object) -> str:
    """The text of a Parquet value: numbers so that they read back exactly, '' for null, its type if it is no scalar.

    A Parquet file of a few bytes may hold one long text a million times: ValueError for such a text.
    """
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return str(value)
        case float():
            return repr(value)
        case str():
            if len(value) > MAX_TEXT:
                raise ValueError(f"a text of {len(value)} characters; the limit is {MAX_TEXT}")
            return value.strip()
        case _:
            return f"<{type(value).__name__}>"


def nearest(name: str, known: Collection[str]) -> str:
    """The end of a message about an absent name: the nearest known one, or the first few."""
    plain = {other.casefold(): other for other in known}
    close = difflib.get_close_matches(name.casefold(), plain, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{plain[close[0]]}'?"
    return f"there are {short_list(known)}"


def short_list(items: Collection[str], limit: int = 8) -> str:
    """The first items, and how many more there are."""
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    return (", ".join(_shorten(item) for item in islice(iter(items), limit)) or "none") + more


def quoted(items: Sequence[str], limit: int = 5) -> Iterator[str]:
    """The first items in quotes, long ones shortened."""
    return (f"'{_shorten(item)}'" for item in items[:limit])


def _shorten(text: str, limit: int = 40) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return _shorten(" ".join(text.split()), 160)
