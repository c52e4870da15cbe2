"""A CSV file as columns of text: in one pass where it is plainly laid out, else line by line, which names every fault.

Both give the same. What is not plain: a blank line, a line break within a cell, a quote where no cell begins or ends, a
line with too many or too few fields, another line break than LF or CRLF, a byte that is no UTF-8 text.
"""

import codecs
import csv
import hashlib
import io
from array import array
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from analysis.cohort_files.cells import CellColumn
from simulator.numerics.arrays import Bools, Ints

BOM = codecs.BOM_UTF8
DELIMITERS = ",;\t"
PIECE = 2**24
"""Bytes that are looked at in one go."""


class CsvFault(ValueError):
    """What is wrong with a CSV file: ``problems``, one line each."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class CsvColumns(NamedTuple):
    """The header, the wanted columns that the file has, and the line of each row; ``whole`` digests all of each row."""

    header: tuple[str, ...]
    columns: dict[str, CellColumn]
    lines: Sequence[int]
    whole: Callable[[], Sequence[bytes]]


def read_csv(data: bytes, wanted: Collection[str], most: float, check: Callable[[Sequence[str]], None]) -> CsvColumns:
    """The columns of a CSV file ``data``, at most so many rows; ``check`` is called with its header.

    Raises CsvFault, csv.Error, and UnicodeDecodeError where it is no UTF-8 text.
    """
    start = len(BOM) if data.startswith(BOM) else 0
    delimiter = _delimiter(data)
    plain = _read_plain(data, start, delimiter, wanted, most, check)
    return plain or _read_lines(data, delimiter, wanted, most, check)


def _delimiter(data: bytes) -> str:
    first = _stream(data).readline(2**20)
    return max(DELIMITERS, key=lambda mark: _outside_quotes(first, mark))


def _outside_quotes(line: str, mark: str) -> int:
    return sum(part.count(mark) for part in line.split('"')[::2])


def _stream(data: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")


def _records(data: bytes, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the number of its (last) line."""
    reader = csv.reader(_stream(data), delimiter=delimiter, strict=True)
    return ((reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells))


def _read_lines(
    data: bytes, delimiter: str, wanted: Collection[str], most: float, check: Callable[[Sequence[str]], None]
) -> CsvColumns:
    """The file read line by line; CsvFault with every line that has another number of fields than the header."""
    rows = _records(data, delimiter)
    first = next(rows, None)
    if first is None:
        raise CsvFault("the file holds only blank lines; it needs a header and one line per patient")
    header = tuple(cell.strip() for cell in first[1])
    check(header)
    where = {name: header.index(name) for name in wanted if name in header}
    found: dict[str, dict[str, int]] = {name: {} for name in where}
    codes = {name: array("i") for name in where}
    lines: list[int] = []
    uneven: list[str] = []
    for line, cells in rows:
        if len(cells) != len(header):
            uneven.append(f"line {line} has {len(cells)} fields where the header has {len(header)}")
            continue
        if len(lines) == most:
            raise CsvFault(f"has over {most} rows, the limit")
        lines.append(line)
        for name, index in where.items():
            known = found[name]
            codes[name].append(known.setdefault(cells[index], len(known)))
    if uneven:
        raise CsvFault(*uneven)
    if not lines:
        raise CsvFault("has a header but no rows")
    columns = {name: CellColumn.of(found[name], np.array(codes[name], dtype=np.int32)) for name in where}
    return CsvColumns(header, columns, lines, lambda: _digests(data, delimiter))


def _digests(data: bytes, delimiter: str) -> list[bytes]:
    """A digest of all cells of each row, those that are not wanted among them."""
    rows = _records(data, delimiter)
    next(rows)
    return [hashlib.sha256("\n".join(cell.strip() for cell in cells).encode()).digest() for _, cells in rows]


def _read_plain(
    data: bytes,
    start: int,
    delimiter: str,
    wanted: Collection[str],
    most: float,
    check: Callable[[Sequence[str]], None],
) -> CsvColumns | None:
    """The file read in one pass; None where it is not plainly laid out."""
    end = _end_of_text(data, start)
    body = data.find(b"\n", start, end) + 1
    if not body or not _is_plain(data, start, end, delimiter):
        return None
    cells = next(csv.reader([data[start:body].decode()], delimiter=delimiter, strict=True))
    if not any(cell.strip() for cell in cells):
        return None
    header = tuple(cell.strip() for cell in cells)
    where = {header.index(name): name for name in wanted if name in header}
    if not where:
        return None
    read = _by_arrow(memoryview(data)[body:end], delimiter, len(header), sorted(where))
    rows = data.count(b"\n", body, end) + 1
    if read is None or read.num_rows != rows or rows > most:
        return None
    columns = {}
    for index, name in where.items():
        one = read.column(str(index)).unify_dictionaries().combine_chunks()
        columns[name] = CellColumn.of(one.dictionary.to_pylist(), one.indices.to_numpy())
        read = read.drop_columns([str(index)])
    if not rows or _blank_rows(list(columns.values())).any():
        return None
    check(header)
    ordered = {name: columns[name] for name in wanted if name in columns}
    return CsvColumns(header, ordered, range(2, rows + 2), lambda: _digests(data, delimiter))


def _end_of_text(data: bytes, start: int) -> int:
    """Where the file ends but for the line breaks at its end."""
    end = len(data)
    while end > start and data[end - 1] in b"\r\n":
        end -= 1
    return end


def _is_plain(data: bytes, start: int, end: int, delimiter: str) -> bool:
    """Whether every line is a row whose quotes stand around whole cells, as far as the bytes show."""
    if b"\0" in data or data.count(b"\r", start, end) != data.count(b"\r\n", start, end) or not _is_utf8(data):
        return False
    breaks = _places(data, start, end, b"\n")
    if np.diff(breaks, prepend=start, append=end).max(initial=0) > csv.field_size_limit():
        return False
    if b'"' not in data:
        return True
    quotes = _places(data, start, end, b'"')
    if len(quotes) % 2 or (np.searchsorted(quotes, breaks) % 2).any():
        return False
    seen = np.frombuffer(data, dtype=np.uint8)
    before, behind = seen[np.maximum(quotes[::2] - 1, start)], seen[np.minimum(quotes[1::2] + 1, end - 1)]
    outside = np.frombuffer(f'{delimiter}\n"'.encode(), dtype=np.uint8)
    opens = np.isin(before, outside) | (quotes[::2] == start)
    closes = np.isin(behind, outside) | (behind == ord("\r")) | (quotes[1::2] == end - 1)
    return bool(opens.all() and closes.all())


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    decoder, whole = codecs.getincrementaldecoder("utf-8")(), memoryview(data)
    try:
        for place in range(0, len(data), PIECE):
            decoder.decode(whole[place : place + PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _places(data: bytes, start: int, end: int, byte: bytes) -> Ints:
    """Where a byte stands between start and end."""
    seen, found = np.frombuffer(data, dtype=np.uint8), [np.empty(0, dtype=np.int64)]
    for place in range(start, end, PIECE):
        found.append(place + np.flatnonzero(seen[place : min(place + PIECE, end)] == ord(byte)))
    return np.concatenate(found)


def _by_arrow(data: memoryview, delimiter: str, width: int, wanted: Sequence[int]) -> Any:
    """The wanted columns as a table of dictionaries; None where a line has another number of fields."""
    names = [str(k) for k in range(width)]
    text = pa.dictionary(pa.int32(), pa.string())
    try:
        return arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(data)),
            read_options=arrow_csv.ReadOptions(use_threads=False, column_names=names, block_size=PIECE),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter),
            convert_options=arrow_csv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys((names[k] for k in wanted), text),
                include_columns=[names[k] for k in wanted],
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowException:
        return None


def _blank_rows(columns: Sequence[CellColumn]) -> Bools:
    """The rows of which every cell is blank."""
    blank = columns[0].holding(lambda text: not text)
    for column in columns[1:]:
        if blank.any():
            blank &= column.holding(lambda text: not text)
    return blank
