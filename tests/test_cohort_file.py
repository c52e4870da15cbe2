"""A file of patients becomes a cohort exactly as its SPEC says; every fault is one clear line, never a traceback."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from analysis.cohort_files.cohort_file import CohortFile, CohortFileError, CohortSpec, read_cohort
from analysis.cohort_files.data_table import MAX_SHOWN

DATA = {
    "id": "pid",
    "treatment": {"column": "arm", "treated": "HLP", "control": "LP"},
    "covariates": {
        "age": {"kind": "continuous", "cuts": [50], "unit": "years"},
        "male": {"kind": "binary"},
        "grade": {"kind": "ordinal", "levels": [1, 2, 3]},
        "site": {"kind": "nominal", "column": "study site", "levels": ["A", "B, C"]},
    },
    "endpoints": {"OS": {"time": "os_t", "event": "os_e"}},
    "binary": {"ORR": {"column": "best", "positive": ["CR", "PR"]}},
}
HEADER = ["pid", "arm", "age", "male", "grade", "study site", "os_t", "os_e", "best"]
ROWS = [
    ["p1", "HLP", "61.5", "1", "1", "A", "3", "1", "PR"],
    ["p2", "LP", "47", "0", "3.0", '"B, C"', "0", "0", "SD"],
    ["p3", "LP", "50", "1", "2", "A", "1e1", "1", "CR"],
]


def spec(**changes: object) -> CohortSpec:
    return CohortSpec.model_validate_json(json.dumps({"data": DATA | changes}))


def written(folder: Path, rows: list[list[str]], header: list[str] = HEADER, mark: str = ",") -> Path:
    path = folder / "patients.csv"
    path.write_text("\n".join(mark.join(row) for row in [header, *rows]) + "\n", encoding="utf-8")
    return path


def changed(row: int, column: str, text: str) -> list[list[str]]:
    rows = [list(cells) for cells in ROWS]
    rows[row][HEADER.index(column)] = text
    return rows


def problems(path: Path, made: CohortSpec | None = None) -> tuple[str, ...]:
    with pytest.raises(CohortFileError) as caught:
        read_cohort(path, made or spec())
    assert str(caught.value) == "\n".join(caught.value.problems)
    assert all(line.startswith(f"{path}: ") and "\n" not in line for line in caught.value.problems)
    return caught.value.problems


def check(made: CohortFile) -> None:
    assert made.ids == ("p1", "p2", "p3")
    assert made.arms == ("Control", "Treated")
    seen = made.observed
    assert seen.names == ("age", "male", "grade", "site")
    assert seen.covariates.tolist() == [[[61.5, 1, 0, 0], [47, 0, 2, 1], [50, 1, 1, 0]]]
    assert seen.treated.tolist() == [[True, False, False]]
    assert seen.present.all()
    assert seen.endpoints["OS"].time.tolist() == [[3, 0, 10]]
    assert seen.endpoints["OS"].event.tolist() == [[True, False, True]]
    assert seen.binary["ORR"].tolist() == [[True, False, True]]
    assert seen.variable["site"].levels == ("A", "B, C")


def test_a_csv_file_is_read_as_the_spec_says(tmp_path: Path) -> None:
    check(read_cohort(written(tmp_path, ROWS), spec()))


@pytest.mark.parametrize("mark", [";", "\t"])
def test_other_delimiters_a_byte_order_mark_and_blank_lines_are_understood(tmp_path: Path, mark: str) -> None:
    path = written(tmp_path, ROWS, mark=mark)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n\r\n")
    check(read_cohort(path, spec()))


def test_a_parquet_file_gives_the_same_cohort(tmp_path: Path) -> None:
    columns = {
        "pid": ["p1", "p2", "p3"],
        "arm": pa.array(["HLP", "LP", "LP"]).dictionary_encode(),
        "age": [61.5, 47.0, 50.0],
        "male": [True, False, True],
        "grade": pa.array([1, 3, 2], pa.int8()),
        "study site": ["A", "B, C", "A"],
        "os_t": pa.array([3, 0, 10], pa.float32()),
        "os_e": [True, False, True],
        "best": ["PR", "SD", "CR"],
        "unused": [b"\x00", None, b"x"],
    }
    path = tmp_path / "patients.parquet"
    pq.write_table(pa.table(columns), path)
    check(read_cohort(path, spec()))


def test_a_null_id_numbers_the_patients_and_values_choose_the_event(tmp_path: Path) -> None:
    rows = [[*row[:7], code, row[8]] for row, code in zip(ROWS, ["2", "1", "0"], strict=True)]
    made = spec(id=None, endpoints={"OS": {"time": "os_t", "event": "os_e", "event_values": [2]}})
    found = read_cohort(written(tmp_path, rows), made)
    assert found.ids == ("1", "2", "3")
    assert found.observed.endpoints["OS"].event.tolist() == [[True, False, False]]


@pytest.mark.parametrize("truth", [("1", "0"), ("T", "F"), ("TRUE", "FALSE"), ("true", "false"), ("1.0", "0.0")])
@pytest.mark.parametrize("levels", [None, [0, 1], [False, True], ["F", "T"]])
def test_truth_values_may_be_written_in_any_of_the_usual_ways(
    tmp_path: Path, truth: tuple[str, str], levels: list[object] | None
) -> None:
    rows = [[*row[:3], truth[0] if k != 1 else truth[1], *row[4:]] for k, row in enumerate(ROWS)]
    covariate = {"kind": "binary"} | ({"levels": levels} if levels else {})
    made = spec(covariates=DATA["covariates"] | {"male": covariate})  # type: ignore[operator]
    assert read_cohort(written(tmp_path, rows), made).observed.covariates[0, :, 1].tolist() == [1, 0, 1]


def test_a_level_may_look_like_a_missing_value(tmp_path: Path) -> None:
    rows = [[*row[:5], site, *row[6:]] for row, site in zip(ROWS, ["NA", "none", "NA"], strict=True)]
    covariates = DATA["covariates"] | {"site": {"kind": "nominal", "column": "study site", "levels": ["NA", "none"]}}  # type: ignore[operator]
    assert read_cohort(written(tmp_path, rows), spec(covariates=covariates)).observed.covariates[0, :, 3].tolist() == [
        0,
        1,
        0,
    ]


def test_what_to_do_about_missing_values_is_not_asked_of_a_file() -> None:
    """A file with missing values is refused, so that the option would have no effect."""
    for missing in ({"method": "indicator"}, {"method": "imputation", "imputations": 7}):
        with pytest.raises(ValidationError, match=r"analysis\.missing: is for simulated studies; a file with missing"):
            CohortSpec.model_validate_json(json.dumps({"data": DATA, "analysis": {"missing": missing}}))
    whole = CohortSpec.model_validate_json(json.dumps({"data": DATA, "analysis": {"missing": {"method": "complete"}}}))
    assert whole.analysis == spec().analysis


@pytest.mark.parametrize(
    ("row", "column", "text", "parts"),
    [
        (1, "age", "", ("column 'age'", "1 missing value", "line 3", "nobody is dropped")),
        (1, "age", "NA", ("column 'age'", "missing")),
        (1, "grade", "nan", ("column 'grade'", "missing")),
        (2, "pid", "", ("column 'pid'", "missing")),
        (2, "arm", "", ("column 'arm'", "missing")),
        (1, "os_e", "", ("column 'os_e'", "missing")),
        (1, "age", "abc", ("'abc' in line 3", "not a number")),
        (1, "age", '"47,5"', ("'47,5'", "decimals with a point")),
        (1, "age", "1_000", ("'1_000'", "not a number")),
        (1, "age", "0x1F", ("not a number",)),
        (1, "age", "٣", ("not a number",)),
        (1, "age", "inf", ("not a number",)),
        (1, "age", "1e999", ("beyond 1e+50", "another unit")),
        (0, "grade", "4", ("'4' in line 2", "expected 1, 2, 3", "levels")),
        (0, "male", "yes", ("'yes'", "expected 0, 1")),
        (0, "study site", "a", ("'a'", "A, B, C")),
        (0, "arm", "HAIC", ("'HAIC'", "expected LP, HLP")),
        (0, "arm", "LP", ("everybody is 'LP'", "nobody 'HLP'")),
        (0, "os_t", "-1", ("cannot be negative", "'-1' in line 2")),
        (0, "os_e", "2", ("'2'", "0 or 1", "event_values")),
        (2, "pid", "p1", ("not unique", "'p1' in line 4")),
        (1, "best", "", ("column 'best'", "missing")),
    ],
)
def test_every_fault_of_a_cell_is_named_with_its_place(
    tmp_path: Path, row: int, column: str, text: str, parts: tuple[str, ...]
) -> None:
    found = problems(written(tmp_path, changed(row, column, text)))
    assert len(found) == 1, found
    for part in parts:
        assert part in found[0]


def test_a_covariate_without_variation_and_a_value_that_never_occurs_are_faults(tmp_path: Path) -> None:
    rows = [[*row[:3], "1", *row[4:8], "SD"] for row in ROWS]
    found = problems(written(tmp_path, rows))
    assert "covariate male is '1' in every row" in found[0]
    assert "no row has 'CR' or 'PR'" in found[1]


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    rows = changed(0, "age", "x")
    rows[1][HEADER.index("grade")] = "9"
    rows[2][HEADER.index("os_t")] = "NaN"
    assert len(problems(written(tmp_path, rows))) == 3


def test_absent_columns_are_named_with_the_nearest_one(tmp_path: Path) -> None:
    made = spec(covariates={"Age": {"kind": "continuous"}, "bilirubin": {"kind": "continuous"}})
    found = problems(written(tmp_path, ROWS), made)
    assert "no column 'Age' (covariate Age); did you mean 'age'?" in found[0]
    assert "no column 'bilirubin' (covariate bilirubin); there are pid, arm, age" in found[1]


def test_many_faults_are_capped_and_counted(tmp_path: Path) -> None:
    found = problems(written(tmp_path, [["p", "LP"]] * (MAX_SHOWN + 5)))
    assert len(found) == MAX_SHOWN + 1
    assert "line 2 has 2 fields where the header has 9" in found[0]
    assert "and 5 more" in found[-1]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is empty"),
        (b"\n \n", "only blank lines"),
        (",".join(HEADER).encode(), "no rows"),
        (b"pid,arm\xff\n", "not UTF-8"),
        ("pid,arm\n".encode("utf-16"), "not UTF-8"),
        (b"PK\x03\x04rest", "spreadsheet"),
        (b"\x1f\x8b\x08rest", "compressed"),
        (b"PAR1" + b"\x00" * 40 + b"PAR1", "Parquet"),
        (b"PAR1", "Parquet"),
        (b'pid,arm\n"p1,LP\n', "CSV"),
        (b'pid,"arm"x\n1,2\n', "CSV"),
        (b"pid,pid,arm\n1,2,3\n", "column 'pid' more than once"),
        (b"x" * 200_000 + b"\n1\n", "CSV"),
        (b"\x00\x00\x00\x00", "no rows"),
    ],
)
def test_a_file_that_is_no_table_is_one_clear_line(tmp_path: Path, content: bytes, part: str) -> None:
    path = tmp_path / "patients.csv"
    path.write_bytes(content)
    found = problems(path)
    assert part in " ".join(found)


def test_what_is_no_file_is_one_clear_line(tmp_path: Path) -> None:
    assert "no such file" in problems(tmp_path / "absent.csv")[0]
    assert "is a folder" in problems(tmp_path)[0]
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in problems(tmp_path / "pipe")[0]
    with pytest.raises(CohortFileError, match=r"^a\?b: no such file$"):
        read_cohort(Path("a\nb"), spec())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace"))))
def test_no_bytes_whatever_give_a_traceback(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "any.csv"
    for start in (b"", b"PAR1", ",".join(HEADER).encode() + b"\n"):
        path.write_bytes(start + tail)
        with pytest.raises(CohortFileError):
            read_cohort(path, spec())


def test_a_damaged_parquet_file_never_gives_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "patients.parquet"
    table = pa.table({name: [row[k].strip('"') for row in ROWS] for k, name in enumerate(HEADER)})
    pq.write_table(table, path)
    whole = path.read_bytes()
    refused = 0
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            read_cohort(path, spec())
        except CohortFileError:
            refused += 1
    assert refused > 10


def test_nested_and_binary_parquet_columns_are_refused_by_name(tmp_path: Path) -> None:
    columns: dict[str, object] = {name: [row[k].strip('"') for row in ROWS] for k, name in enumerate(HEADER)}
    columns["age"] = [[1.0], [2.0], None]
    columns["grade"] = [b"1", b"2", b"3"]
    path = tmp_path / "patients.parquet"
    pq.write_table(pa.table(columns), path)
    found = " ".join(problems(path))
    assert "column 'age': holds list<" in found
    columns["age"] = [1.0, 2.0, 3.0]
    pq.write_table(pa.table(columns), path)
    assert "<bytes>" in " ".join(problems(path))


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"covariates": {}}, "at least 1"),
        ({"endpoints": {}}, "at least 1"),
        ({"covariates": {"a": {"kind": "nominal"}}}, "needs 'levels"),
        ({"covariates": {"a": {"kind": "binary", "levels": [1, 2, 3]}}}, "2 levels, not 3"),
        ({"covariates": {"a": {"kind": "ordinal", "levels": [1, 1.0]}}}, "'1' is listed twice; a text such as"),
        ({"covariates": {"a": {"kind": "ordinal", "levels": [1]}}}, "at least 2"),
        ({"covariates": {"a": {"kind": "continuous", "levels": [1, 2]}}}, "has no levels"),
        ({"covariates": {"a": {"kind": "binary", "cuts": [1]}}}, "cuts belong"),
        ({"covariates": {"a": {"kind": "continuous", "cuts": [3, 1]}}}, "cuts must increase"),
        ({"covariates": {"treatment": {"kind": "binary"}}}, "may be named 'treatment'"),
        ({"covariates": {"a": {"kind": "binary", "column": "arm"}}}, "its column 'arm' is the treatment"),
        ({"covariates": {"a": {"kind": "continuous", "column": "os_t"}}}, "is the time of OS"),
        ({"treatment": {"column": "arm", "treated": 1, "control": 1.0}}, "different values"),
        ({"treatment": {"column": "arm", "treated_label": "x", "control_label": "x"}}, "need to differ"),
        ({"binary": {"OS": {"column": "best"}}}, "both an endpoint and a yes/no outcome"),
        ({"weights": "w"}, "Extra inputs"),
    ],
)
def test_a_spec_that_contradicts_itself_is_refused(changes: dict[str, object], part: str) -> None:
    with pytest.raises(ValidationError) as caught:
        spec(**changes)
    assert part in str(caught.value)


def test_outcomes_are_called_by_their_label_or_else_their_name() -> None:
    made = spec(endpoints={"OS": {"time": "os_t", "event": "os_e", "label": "Overall survival"}})
    assert made.data.labels() == {"OS": "Overall survival", "ORR": "ORR"}


def test_a_plan_that_does_not_fit_the_covariates_is_refused() -> None:
    content = {"data": DATA, "analysis": {"cox": {"covariates": ["age>50", "grade>=9"]}}}
    with pytest.raises(ValidationError, match=r"analysis.cox.covariates.1: 'grade>=9': grade has no level '9'"):
        CohortSpec.model_validate_json(json.dumps(content))


def test_what_would_not_fit_into_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.cohort_files.data_table.free_memory", lambda: 1e8)
    path = tmp_path / "many.parquet"
    pq.write_table(pa.table({"pid": pa.array(np.arange(300_000))}), path)
    assert "its 300,000 rows take about 0.2 GB of memory, and 0.1 GB are free" in problems(path)[0]
    many = written(tmp_path, [[f"p{k}", *ROWS[0][1:]] for k in range(300_000)])
    assert re.search(r"its \d{3},\d{3} rows take about 0\.[234] GB of memory, and 0\.1 GB are free$", problems(many)[0])
    monkeypatch.setattr("analysis.cohort_files.data_table.free_memory", lambda: 1e9)
    assert "no column 'arm'" in problems(path)[0]
