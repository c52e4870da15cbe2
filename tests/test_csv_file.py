"""A CSV file read in one pass and line by line gives the same, faults included; a plain one needs one pass only."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.cohort_files import csv_file
from analysis.cohort_files.cells import CellColumn
from analysis.cohort_files.cohort_file import CohortFileError
from analysis.cohort_files.data_table import read_table

PLAIN = b'a,b,c\n1,x,\n2,"y, z","q"""\n 3 ,x\xc3\xa9,0\n'


def read(path: Path, one_pass: bool, monkeypatch: pytest.MonkeyPatch) -> object:
    with monkeypatch.context() as patch:
        if not one_pass:
            patch.setattr(csv_file, "_read_plain", lambda *_: None)
        try:
            table = read_table(path, {"a", "b", "absent"})
        except CohortFileError as error:
            return error.problems
        columns = {name: (column.texts, column.code.tolist()) for name, column in table.columns.items()}
        assert table.whole is not None
        return table.header, columns, list(table.lines), list(table.whole())


CELLS = st.sampled_from(["1", "x", "", " ", '"', '""', '"x"', '"x,y"', '"x\ny"', 'a"b', "é", "\x00", "\xa0", "\r"])
LINES = st.lists(st.lists(CELLS, min_size=1, max_size=4).map(",".join), max_size=6)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.sampled_from(["", "\n", "\n\n", "\n \n"]))
def test_one_pass_gives_what_reading_line_by_line_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str], end: str, mark: bool, tail: str
) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes((b"\xef\xbb\xbf" if mark else b"") + (end.join(["a,b,c", *lines]) + tail).encode())
    assert read(path, True, monkeypatch) == read(path, False, monkeypatch)


@pytest.mark.parametrize("content", [PLAIN, PLAIN.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + PLAIN + b"\n\n"])
def test_a_plain_file_is_never_read_line_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    path = tmp_path / "plain.csv"
    path.write_bytes(content)
    slow = read(path, False, monkeypatch)
    monkeypatch.setattr(csv_file, "_read_lines", lambda *_: pytest.fail("read line by line"))
    assert read(path, True, monkeypatch) == slow
    assert list(read_table(path, {"a"}).columns["a"]) == ["1", "2", "3"]


def test_a_column_keeps_the_order_in_which_its_texts_occur() -> None:
    column = CellColumn.of(["never", " b", "a", "b "], np.array([3, 2, 1, 2], dtype=np.int32))
    assert list(column.texts) == ["b", "a"]
    assert list(column) == ["b", "a", "b", "a"]
    assert column.holding("a".__eq__).tolist() == [False, True, False, True]
    assert column.first_of(np.array([1, 2, 3])) == {"a": 1, "b": 2}
    assert column.counted(np.array([True, True, True, False])) == {"b": 2, "a": 1}
    assert list(CellColumn.listed(["x", "y ", "x"])) == ["x", "y", "x"]
