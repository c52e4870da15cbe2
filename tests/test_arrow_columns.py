"""Columns of Arrow tables by their memory: the same as Arrow's own way, and no run imports pandas for it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.runs.records import FAILURES, PERFORMANCE, as_csv, as_parquet
from simulator.numerics.arrow_columns import column_of, numbers_of, words_of

NUMBERS = (
    np.array([1.5, np.nan, -np.inf]), np.arange(9, dtype=np.int32)[::3], np.array([-3, 7], np.int8), np.empty(0),
    np.arange(20, dtype=np.int64),
)  # fmt: skip


@pytest.mark.parametrize("values", NUMBERS, ids=lambda values: f"{values.dtype}-{len(values)}")
def test_numbers_go_and_come_back(values: np.ndarray) -> None:
    made = column_of(values)
    made.validate(full=True)
    assert str(made) == str(pa.array(values))
    assert numbers_of(made).tobytes() == values.tobytes()
    assert numbers_of(pa.chunked_array([made, made.slice(1), made])).tobytes() == b"".join(
        each.tobytes() for each in (values, values[1:], values)
    )


def test_missing_numbers_are_null() -> None:
    missing = np.arange(20) % 3 == 0
    made = column_of(np.arange(20), missing, pa.int32())
    made.validate(full=True)
    assert made.equals(pa.array(np.arange(20), pa.int32(), mask=missing))
    back = numbers_of(made)
    assert np.isnan(back[missing]).all()
    assert back[~missing].tolist() == np.arange(20)[~missing].tolist()


@pytest.mark.parametrize("texts", [["a", None, "", "Größe µ", "a"], [], [None] * 9])
def test_words_are_those_of_arrow(texts: list[str | None]) -> None:
    made = words_of(texts)
    made.validate(full=True)
    assert made.equals(pa.array(texts, pa.string()))


def test_records_are_written_as_pandas_writes_them() -> None:
    import pandas as pd

    keys = {"cell": 0, "endpoint": 'a, "b"', "estimator": "c"}
    records = [
        {**keys, "judged_by": "own", "measure": name, "value": value, "mcse": mcse}
        for name, value, mcse in (("bias", 0.1, 1e-17), ("power", float("nan"), 1 / 3), ("n", 1e22, 5e-324))
    ]
    assert as_csv(records, PERFORMANCE) == pd.DataFrame(records).to_csv(index=False)
    assert as_csv([], FAILURES) == "cell,endpoint,estimator,status,count\n"
    read = pa.BufferReader(as_parquet(records, PERFORMANCE))
    table = pa.parquet.read_table(read)
    assert table.schema.equals(PERFORMANCE)
    assert table["value"].null_count == 1
    pd.testing.assert_frame_equal(table.to_pandas(), pd.DataFrame(records))


HEAVY = ("pandas", "scipy.stats", "sklearn", "lifelines")


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (["run", "paper", "--reps", "2", "--set", "run.truth_patients=2000", "--out", "run"], HEAVY),
        (["show", "paper"], (*HEAVY, "scipy.optimize", "matplotlib")),
    ],
    ids=["run", "show"],
)
def test_commands_do_not_import_what_is_slow(words: list[str], heavy: tuple[str, ...], tmp_path: Path) -> None:
    told = (
        "import sys; from trialtwin.__main__ import main\n"
        f"sys.argv = ['trialtwin', *{words!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('imported:', *(set({heavy!r}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stderr.splitlines()[-1] == "imported:"
    assert (tmp_path / "run" / "report.html").exists() or words[0] == "show"
