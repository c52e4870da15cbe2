"""Tables 1 to 4 of an analysed twin: the rows that the paper prints, its rounding, and the numbers of the analysis."""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from analysis.cohort_files.cohort_spec import CohortSpec
from analysis.tables import table_files
from analysis.tables.table_files import MissingExtra, as_word, write_tables
from analysis.tables.text_table import TextTable
from benchmarks.asked.scenario import Scenario
from benchmarks.words.plain_text import WIDTH
from simulator.documents.loading import load, parse
from tests.commands import printed, refused

pytestmark = pytest.mark.usefixtures("unpaged")

TABLE1 = """Age (Mean ± SD, year)|Age (year)|  ≤ 50|  > 50|Size (Mean ± SD, cm)|Size (cm)|  ≤ 10|  > 10|Sex|  Female|
  Male|ECOG-PS|  0|  1|  2|Etiology|  HBV|  Others|Intrahepatic lesion number|  Single|  Multiple|
Lung metastasis number|  Single|  Multiple|PVTT|  Absence|  Presence|AFP (μg/L)|  ≤ 400|  > 400|ALBI|  1|  2|  3|
Child-Pugh|  A|  B"""
"""The paper has the size behind the lesions; in a derived world amounts stand first."""
TABLE2 = "CR|PR|SD|PD|ORR|DCR"
TABLE3 = """Age|Sex|ECOG-PS|Etiology|Intrahepatic lesion number|Size|Lung metastasis number|PVTT|AFP|ALBI|Child-Pugh|
Treatment"""
TABLE4 = """Overall incidence|Abdominal pain|Nausea|Diarrhea|Decreased appetite|Rash|Fatigue|Hypoproteinemia|
Elevated bilirubin|Elevated ALT|Elevated AST|Hypothyroidism|Sensory neuropathy|Leukopenia|Thrombocytopenia|
Hypertension|Hand-foot skin reaction|Dysphonia|Proteinuria|Immunity-related AEs"""
P = r"(<0\.001|>0\.999|0\.\d{3}|–)"
COUNT = r"(\d+ \(\d+\.\d%\)|0 \(0\))"
MEANS = {"Age (Mean": r"\d+ ± \d+", "Size (Mean": r"\d+\.\d ± \d\.\d"}
RATIO = r"(\d+\.\d\d \(\d+\.\d\d, \d+\.\d\d\)|)"


def rows_of(text: str) -> list[str]:
    """The first cells that a paper prints."""
    return text.replace("\n", "").split("|")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The tables of a twin as the analysis gives them, its JSON, and what the terminal shows."""
    folder = tmp_path_factory.mktemp("tables")
    data = folder / "cohort.csv"
    printed(["simulate", "hcc-lung-metastasis", "--out", str(data)])
    spec = folder / "cohort.spec.yaml"
    words = ["analyze", str(data), "--spec", str(spec)]
    shown = printed([*words, "--tables", str(folder / "files"), "--json", str(folder / "a.json")])
    captured: list[TextTable] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.words.answer.write_tables", lambda tables, _: captured.extend(tables))
        printed([*words, "--tables", str(folder / "again")])
    found = json.loads((folder / "a.json").read_text("utf-8"))
    return {"tables": captured, "shown": shown, "json": found, "files": folder / "files", "words": words}


def test_rows_and_rounding_are_those_of_the_paper(made: dict[str, Any]) -> None:
    first, second, third, fourth = made["tables"][:4]
    assert [table.title[:8] for table in (first, second, third, fourth)] == [f"Table {k}." for k in (1, 2, 3, 4)]
    assert [row[0] for row in first.rows] == rows_of(TABLE1)
    assert [row[0] for row in second.rows] == rows_of(TABLE2)
    assert [row[0].split(" (")[0] for row in third.rows] == rows_of(TABLE3)
    assert [row[0] for row in fourth.rows] == rows_of(TABLE4)
    for table in (first, second, fourth):
        assert table.spans[0] == ("", 1)
        for row in table.rows:
            number = next((one for start, one in MEANS.items() if row[0].startswith(start)), f"({COUNT}|)")
            for place in (1, 2, 4, 5):
                assert re.fullmatch(number, row[place]), row
            assert all(re.fullmatch(f"({P}|)", row[place]) for place in (3, 6)), row
    for row in third.rows:
        assert all(re.fullmatch(RATIO, row[place]) for place in (1, 3, 5, 7)), row
        assert all(re.fullmatch(f"({P}|)", row[place]) for place in (2, 4, 6, 8)), row
    assert all(row[3] == row[6] == "" for row in second.rows[:4])
    assert all(row[3] and row[6] for row in second.rows[4:])


def test_numbers_are_those_of_the_json(made: dict[str, Any]) -> None:
    found, (first, second, third, fourth) = made["json"], made["tables"][:4]
    nausea, severe = (found["binary"][name]["before"] for name in ("nausea", "nausea_34"))
    row = next(row for row in fourth.rows if row[0] == "Nausea")
    assert row[2] == f"{nausea['treated']['yes']} ({nausea['treated']['percent']:.1f}%)"
    assert row[4] == f"{severe['control']['yes']} ({severe['control']['percent']:.1f}%)"
    after = found["binary"]["ORR"]["after"]
    assert second.rows[4][5] == f"{after['treated']['yes']} ({after['treated']['percent']:.1f}%)"
    cox = next(row for row in found["endpoints"]["PFS"]["after"]["univariable"] if row["term"] == "treatment")
    assert third.rows[-1][5] == f"{cox['hr']:.2f} ({cox['low']:.2f}, {cox['high']:.2f})"
    age = next(row for row in found["table1"]["before"] if row["variable"] == "age" and row["level"] is None)
    assert first.rows[0][1] == f"{age['control']['mean']:.0f} ± {age['control']['sd']:.0f}"


def test_the_terminal_has_room_for_them(made: dict[str, Any]) -> None:
    assert max(map(len, made["shown"].splitlines())) <= WIDTH
    assert re.search(r"-+Before matching-+ +-+After matching-+", made["shown"])
    assert made["shown"].count("Univ. HR") == 2


def test_a_word_document_holds_them_all_and_is_the_same_each_time(made: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("docx", reason="no python-docx here")
    one, other = (as_word(made["tables"]) for _ in range(2))
    assert one == other
    printed([*made["words"], "--tables", str(tmp_path / "all.docx")])
    with zipfile.ZipFile(tmp_path / "all.docx") as held:
        text = held.read("word/document.xml").decode()
    for table in made["tables"]:
        assert table.title in text
    assert text.count("Before matching") == 2
    assert as_word([TextTable("a\x00", ("b",), (("c\x0b",),))]) == as_word([TextTable("a", ("b",), (("c",),))])


def test_without_the_extra_a_line_names_it(
    made: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def absent() -> None:
        raise MissingExtra(table_files.WORD)

    monkeypatch.setattr(table_files, "_word", absent)
    said = refused([*made["words"], "--tables", str(tmp_path / "all.docx")])
    assert "trialtwin[docx]" in said
    with pytest.raises(MissingExtra):
        write_tables(made["tables"], tmp_path / "x.docx")


def test_a_severe_event_needs_its_event() -> None:
    base = {
        "data": {
            "treatment": {"column": "t"},
            "covariates": {"x": {"kind": "continuous"}},
            "endpoints": {"OS": {"time": "a", "event": "b"}},
        }
    }
    for wrong in ({"a": {"column": "a1", "severe_of": "b"}}, {"a": {"column": "a1", "severe_of": "a"}}):
        with pytest.raises(ValueError, match="severe_of"):
            CohortSpec.model_validate({"data": {**base["data"], "binary": wrong}})
    data = {**base["data"], "covariates": {"x": {"kind": "binary", "digits": 1}}}
    with pytest.raises(ValueError, match="digits"):
        CohortSpec.model_validate({"data": data})


def test_the_performance_of_a_run_is_written_too(tmp_path: Path) -> None:
    words = ["imbrave150", "-S", "population.size=60", "-S", "run.truth_patients=2000", "--reps", "10", "--jobs", "1"]
    told = json.loads(
        printed(["run", *words, "--out", str(tmp_path / "run"), "--tables", str(tmp_path / "t"), "--json"])
    )
    text = (tmp_path / "t" / "01-performance-os.md").read_text("utf-8")
    bias = next(one for one in told["performance"] if one["measure"] == "bias" and one["endpoint"] == "OS")
    assert f"{bias['value']:.4f} ({bias['mcse']:.4f})" in text


def test_a_spec_of_a_twin_is_valid_for_every_world() -> None:
    from benchmarks.asked.simulated_spec import cohort_spec

    for name in ("hcc-lung-metastasis", "imbrave150"):
        scenario = parse(load(name, spec=Scenario), Scenario)
        CohortSpec.model_validate(json.loads(json.dumps(cohort_spec(scenario))), strict=False)
