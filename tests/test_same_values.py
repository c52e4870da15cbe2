"""Cells are what the SPEC lists by one rule: as numbers, as truth values, or else as the same text."""

import html
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.cohort_files.as_read import NotEvents
from analysis.cohort_files.cohort_file import CohortFileError, CohortSpec, read_cohort
from simulator.documents.loading import load, parse
from tests.commands import printed, refused

SEX = {"kind": "binary", "levels": ["F", "M"]}


def spec(column: dict[str, object] | None = None, **changes: object) -> CohortSpec:
    """Three columns beside the one that is tried, which is the covariate ``c``."""
    data: dict[str, object] = {
        "treatment": {"column": "arm"},
        "covariates": {"c": column} if column else {"x": {"kind": "continuous"}},
        "endpoints": {"OS": {"time": "t", "event": "e"}},
    }
    return CohortSpec.model_validate_json(json.dumps({"data": data | changes}))


def columns(own: object) -> dict[str, object]:
    n = len(own)  # type: ignore[arg-type]
    return {"c": own, "x": [0.5 * k for k in range(n)], "arm": ([1, 0] * n)[:n], "t": [1.0 + k for k in range(n)],
            "e": ([1, 0, 1] * n)[:n]}  # fmt: skip


def files(folder: Path, own: list[str]) -> list[Path]:
    """The same texts as CSV and as Parquet."""
    made = columns(own)
    csv, parquet = folder / "c.csv", folder / "c.parquet"
    rows = zip(*made.values(), strict=True)  # type: ignore[call-overload]
    csv.write_text("\n".join([",".join(made), *(",".join(f'"{cell}"' for cell in row) for row in rows)]) + "\n")
    pq.write_table(pa.table(made), parquet)
    return [csv, parquet]


def parquet(folder: Path, own: pa.Array) -> Path:
    path = folder / "typed.parquet"
    pq.write_table(pa.table(columns(own)), path)
    return path


def positions(path: Path, made: CohortSpec) -> list[float]:
    found: list[float] = read_cohort(path, made).observed.covariates[0, :, 0].tolist()
    return found


def fault(path: Path, made: CohortSpec) -> str:
    with pytest.raises(CohortFileError) as caught:
        read_cohort(path, made)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("levels", "cells", "right"),
    [
        (["F", "M"], ["F", "M", " F"], [0, 1, 0]),  # blanks around a cell are no part of it
        (["01", "1"], ["01", "1", "01"], [0, 1, 0]),
        (["1", "1.0"], ["1.0", "1", "1"], [1, 0, 0]),
        (["true", "TRUE"], ["TRUE", "true", "TRUE"], [1, 0, 1]),
        ([1, 2], ["1.0", "2", "01"], [0, 1, 0]),
        ([100, 200], ["1E2", "200", "100"], [0, 1, 0]),
        ([1, 2.5], ["2.50", "1", "1.0"], [1, 0, 0]),
        ([False, True], ["TRUE", "FALSE", "true"], [1, 0, 1]),
        ([False, True], ["1", "0", "1.0"], [1, 0, 1]),
        ([0, 1], ["T", "F", "T"], [1, 0, 1]),
        (["1", "A"], ["1", "A", "1"], [0, 1, 0]),
        (["9007199254740993", "9007199254740992"], ["9007199254740992"] * 2 + ["9007199254740993.0"], [1, 1, 0]),
    ],
)  # fmt: skip
def test_what_is_the_same(tmp_path: Path, levels: list[object], cells: list[str], right: list[float]) -> None:
    for kind in ("binary", "ordinal", "nominal"):
        for path in files(tmp_path, cells):
            assert positions(path, spec({"kind": kind, "levels": levels})) == right


@pytest.mark.parametrize(
    ("levels", "cells", "strange"),
    [
        (["F", "M"], ["F", "M", "0"], "0"),
        (["F", "M"], ["F", "M", "false"], "false"),
        (["F", "M"], ["F", "M", "f"], "f"),
        (["100", "A"], ["100", "A", "1E2"], "1E2"),
        ([100, "A"], ["100", "A", "100.0"], "100.0"),
        (["01", "1"], ["01", "1", "1.0"], "1.0"),
        (["1", "A"], ["1", "A", "01"], "01"),
        ([True, "A"], ["true", "A", "TRUE"], "TRUE"),
        ([1, 2], ["1", "2", "true"], "true"),
        ([0, 1], ["0", "1", "true"], "true"),
        ([False, True], ["true", "false", "1"], "1"),
        ([False, True], ["1", "0", "2"], "2"),
        ([1, 2], ["1.0", "2", "A"], "A"),
        (["T", "S"], ["T", "S", "1"], "1"),
    ],
)
def test_what_is_not(tmp_path: Path, levels: list[object], cells: list[str], strange: str) -> None:
    for path in files(tmp_path, cells):
        told = fault(path, spec({"kind": "nominal", "levels": levels}))
        assert "column 'c': unexpected value" in told
        assert f"'{strange}' in {'line 4' if path.suffix == '.csv' else 'row 3'}" in told


def test_a_column_of_a_type_is_compared_by_it(tmp_path: Path) -> None:
    truths = parquet(tmp_path, pa.array([True, False, True]))
    for levels in ([0, 1], [False, True], ["0", "1"], ["F", "T"]):
        assert positions(truths, spec({"kind": "binary", "levels": levels})) == [1, 0, 1]
    assert "'true' in row 1, 'false' in row 2" in fault(truths, spec(SEX))
    for kind in (pa.int8(), pa.int64(), pa.float32(), pa.float64(), pa.decimal128(25, 2)):
        numbers = parquet(tmp_path, pa.array([1, 0, 1]).cast(pa.int64()).cast(kind))
        for levels in ([0, 1], [False, True], ["0.0", "1E0"]):
            assert positions(numbers, spec({"kind": "binary", "levels": levels})) == [1, 0, 1]
        assert "unexpected value" in fault(numbers, spec(SEX))


def test_treatment_is_read_by_the_same_rule(tmp_path: Path) -> None:
    own: dict[str, object] = {"treatment": {"column": "c", "treated": "01", "control": "1"}}
    for path in files(tmp_path, ["1", "01", "01"]):
        assert read_cohort(path, spec(**own)).observed.treated.tolist() == [[False, True, True]]
    own = {"treatment": {"column": "c", "treated": "T", "control": "C"}}
    for path in files(tmp_path, ["T", "C", "1"]):
        assert "'1' in" in fault(path, spec(**own))


@pytest.mark.parametrize(
    ("values", "cells", "right", "others"),
    [
        (["Dead"], ["Dead", "dead", "Alive", "dead"], [1, 0, 0, 0], {"dead": 2, "Alive": 1}),
        ([1], ["1.0", "0", "2", "0"], [1, 0, 0, 0], {"0": 2, "2": 1}),
        ([1], ["1", "1.0", "unknown", "01"], [1, 0, 0, 0], {"01": 1, "1.0": 1, "unknown": 1}),
        ([True], ["TRUE", "FALSE", "true", "FALSE"], [1, 0, 1, 0], {"FALSE": 2}),
        ([True], ["1", "0", "1", "0"], [1, 0, 1, 0], {"0": 2}),
        (["CR", "PR"], ["CR", "PR", "PR", "CR"], [1, 1, 1, 1], {}),
    ],
)
def test_values_that_are_no_events_are_counted(
    tmp_path: Path, values: list[object], cells: list[str], right: list[int], others: dict[str, int]
) -> None:
    endpoint = {"endpoints": {"OS": {"time": "t", "event": "c", "event_values": values}}}
    yes = {"binary": {"ORR": {"column": "c", "positive": values}}}
    for path in files(tmp_path, cells):
        made = read_cohort(path, spec(**endpoint))
        assert made.observed.endpoints["OS"].event[0].tolist() == [bool(one) for one in right]
        assert list(made.as_read.not_events["OS"].values.items()) == list(others.items())
        again = read_cohort(path, spec(**yes))
        assert again.observed.binary["ORR"][0].tolist() == [bool(one) for one in right]
        assert (again.as_read.not_events["ORR"].values, again.as_read.not_events["ORR"].counted_as) == (others, "no")
        assert again.as_read.not_events.keys() == {"ORR"}


def test_an_event_value_that_only_looks_like_a_cell_is_told(tmp_path: Path) -> None:
    made = spec(endpoints={"OS": {"time": "t", "event": "c", "event_values": ["yes", 1]}})
    for path in files(tmp_path, ["1.0", "0", "1.0"]):
        told = fault(path, made)
        assert "no row has 'yes' or '1'" in told
        assert "letter by letter" in told


def test_what_is_told_of_them_is_short() -> None:
    def told(counts: dict[str, int], *listed: str) -> str:
        return NotEvents("status", listed, "censored", counts).told("OS")

    assert told({"dead": 3, "unknown": 1}, "Dead") == (
        "status: 'dead' (3), 'unknown' (1) are counted as censored (OS; the event is 'Dead'). Mind that 'dead' differs "
        "from it in spelling only"
    )
    assert told({"0": 4000}, "1", "2") == "status: '0' (4,000) is counted as censored (OS; the event is '1' or '2')"
    assert "Mind that '1.0', ' 2' differ from a listed value in spelling only" in told(
        {"1.0": 1, "3": 1, " 2": 1}, "1", "2"
    )
    assert "'7' (1), 3 more values (3) are" in told({str(k): 1 for k in range(11)}, "x")
    assert told({}, "1") == "status: every row is '1' (OS)"


def test_analyze_names_them_in_text_json_and_page(tmp_path: Path) -> None:
    codes = ["Dead", "dead", "Alive", "unknown", "Dead"] * 8
    made = columns(codes)
    rows = zip(*made.values(), strict=True)  # type: ignore[call-overload]
    data, page = tmp_path / "d.csv", tmp_path / "page.html"
    data.write_text("\n".join([",".join(made), *(",".join(map(str, row)) for row in rows)]) + "\n")
    described = tmp_path / "s.yaml"
    document = spec(endpoints={"OS": {"time": "t", "event": "c", "event_values": ["Dead"]}}).model_dump(mode="json")
    described.write_text(json.dumps({"data": document["data"]}))
    words = ["analyze", str(data), "--spec", str(described), "--report", str(page)]
    sentence = "c: 'Alive' (8), 'dead' (8), 'unknown' (8) are counted as censored"
    assert sentence in " ".join(printed(words).split())
    assert sentence in html.unescape(page.read_text())
    found = json.loads(printed([*words, "--json", "-"]))["as_read"]["not_events"]
    assert found == {
        "OS": {"column": "c", "listed": ["Dead"], "counted_as": "censored",
               "values": {"Alive": 8, "dead": 8, "unknown": 8}}
    }  # fmt: skip


def test_levels_that_yaml_reads_as_one_number_are_refused_with_the_mend(tmp_path: Path) -> None:
    (data,) = files(tmp_path, ["01", "1", "1"])[:1]
    described = tmp_path / "s.yaml"
    covariates = "covariates: {c: {kind: binary, levels: [01, 1]}}"
    described.write_text(
        f"data: {{treatment: {{column: arm}}, {covariates}, endpoints: {{OS: {{time: t, event: e}}}}}}"
    )
    assert """'1' is listed twice; a text such as "01" or "1.0" is written in quotes""" in refused(
        ["analyze", str(data), "--spec", str(described)]
    )


def test_a_level_that_the_spec_took_for_a_number_is_told_to_be_written_in_quotes(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("trt,g,t,e\n0,1E2,1,1\n1,A,2,1\n0,A,3,0\n1,1E2,4,1\n")
    rest = "treatment: {column: trt}, endpoints: {OS: {time: t, event: e}}, covariates: {g: {kind: binary, levels: "
    for level in ("1E2", "'1E2'"):
        (tmp_path / "d.yaml").write_text(f"data: {{{rest}[A, {level}]}}}}}}\n")
        described = parse(load(str(tmp_path / "d.yaml"), (), spec=CohortSpec), CohortSpec)
        if level == "1E2":
            with pytest.raises(CohortFileError, match="in quotes"):
                read_cohort(tmp_path / "d.csv", described)
        else:
            assert read_cohort(tmp_path / "d.csv", described).observed.covariates[0, :, 0].tolist() == [1, 0, 0, 1]
