"""paper.yaml: every scalar as text, every fault with its line and what would be right."""

# ruff: noqa: E501 (a case a line)

import os
from pathlib import Path

import pytest

from benchmarks.pasted.paper_file import file_of, load_paper
from simulator.documents.problems import DocumentError
from tests.pasted_papers import HCC

HEAD = """name: small
source: Author A, et al. Journal 2019;2:1-10
design: matched
arms: {control: No, treated: 'Yes'}
endpoints: {OS: death}
"""


def folder_with(tmp_path: Path, text: str) -> Path:
    """A folder with this paper.yaml and a table."""
    (tmp_path / "paper.yaml").write_text(text, "utf-8")
    (tmp_path / "table1.tsv").write_text("a\tb\n", "utf-8")
    return tmp_path


def told(folder: Path) -> list[str]:
    """What is wrong with a paper, without the folder's name."""
    with pytest.raises(DocumentError) as caught:
        load_paper(folder)
    return [line.removeprefix(f"{folder}{os.sep}") for line in str(caught.value).splitlines()]


def test_every_scalar_keeps_its_print(tmp_path: Path) -> None:
    words = ("0.050", "1:1", "No", "026", "2025-04-30", "~", "null", "1e3", "0x1F", "true", ".inf", "1_000", "=")
    methods = "\n".join(f"  w{k}: {word}" for k, word in enumerate(words))
    paper, _ = load_paper(folder_with(tmp_path, f"{HEAD}methods:\n{methods}\n  empty:\n  list: [0.10, No]\n"))
    assert tuple(paper.methods.values()) == (*words, "", "0.10, No")
    assert (paper.arms.control, paper.arms.treated) == ("No", "Yes")


def test_short_forms_are_written_out(tmp_path: Path) -> None:
    text = f"{HEAD}eligibility:\ntables:\n  table1.tsv: baseline\nignore: |\n  0.05\n  a 5-year plan\nresults:\n"
    paper, places = load_paper(folder_with(tmp_path, text))
    assert paper.tables == {"table1.tsv": {"kind": "baseline"}}
    assert paper.ignore == ("0.05", "a 5-year plan")
    assert paper.eligibility == {}
    assert paper.results == ""
    assert places.results == ()


def test_rows_of_a_table_may_be_a_mapping_and_assumed_anything(tmp_path: Path) -> None:
    text = f"""{HEAD}tables:
  table1.tsv: {{kind: cox OS after, E-G: after, rows: {{4 of 8: A-B E-F}}}}
assumed: {{correlation: {{albi: {{child_pugh: 0.60}}}}, order: [a, b]}}
"""
    paper, _ = load_paper(folder_with(tmp_path, text))
    assert paper.tables["table1.tsv"] == {"kind": "cox OS after", "E-G": "after", "rows": {"4 of 8": "A-B E-F"}}
    assert paper.assumed == {"correlation": {"albi": {"child_pugh": "0.60"}}, "order": ("a", "b")}


def test_one_file_is_a_paper_too_and_its_tables_lie_beside_it(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, f"{HEAD}tables: {{table1.tsv: baseline}}\n")
    (folder / "paper.yaml").rename(folder / "mine.yaml")
    paper, places = load_paper(folder / "mine.yaml")
    assert paper.name == "small"
    assert places.file == "mine.yaml"
    assert file_of(places, "table1.tsv") == b"a\tb\n"


def test_result_lines_know_their_lines_in_the_file() -> None:
    _, places = load_paper(HCC)
    written = (HCC / "paper.yaml").read_text("utf-8").splitlines()
    assert len(places.results) > 25
    assert all(written[number - 1].strip() == text.strip() for number, text in places.results)


@pytest.mark.parametrize("indent", ["", "2"])
def test_lines_of_a_block_are_counted_from_its_mark(tmp_path: Path, indent: str) -> None:
    text = f"{HEAD}results: |{indent}-   # no YAML inside\n\n  OS: HR 0.5\n\n    indented: > 1 # [x\n"
    _, places = load_paper(folder_with(tmp_path, text))
    assert [(number, line.strip()) for number, line in places.results] == [
        (8, "OS: HR 0.5"),
        (10, "indented: > 1 # [x"),
    ]


def test_one_line_may_stand_behind_its_key(tmp_path: Path) -> None:
    _, places = load_paper(folder_with(tmp_path, f"{HEAD}results: 'OS: HR 0.5'\n"))
    assert places.results == ((6, "OS: HR 0.5"),)


@pytest.mark.parametrize(
    "text", ["results: >\n  OS: HR 0.5\n  OS: P 0.1\n", "results: OS HR 0.5\n  and so on\n", 'results: "a\n  b"\n']
)
def test_lines_that_yaml_would_join_are_refused(tmp_path: Path, text: str) -> None:
    lines = told(folder_with(tmp_path, HEAD + text))
    assert len(lines) == 1
    assert lines[0].startswith(
        "paper.yaml:6:10: results: is a text of several lines that YAML joins; write 'results: |'"
    )


def test_places_of_facts_are_the_remarks_behind_them() -> None:
    _, places = load_paper(HCC)
    assert places.where("accrual") == "Methods, Participants"
    assert places.where("cut_off") == "Results, Participants"
    assert places.where("eligibility") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEAD.replace("design: matched", "design: matchd"), "paper.yaml:3:9: design: must be randomised, matched, weighted, adjusted, crude, stratified, not 'matchd'; did you mean 'matched'?"),
        (HEAD + "time_unit: month\n", "paper.yaml:6:12: time_unit: must be days, weeks, months, years, not 'month'; did you mean 'months'?"),
        (HEAD + "tabels: {}\n", "paper.yaml:6:1: tabels: unknown key; did you mean 'tables'?"),
        (HEAD.replace("endpoints: {OS: death}\n", ""), "paper.yaml:1:1: endpoints: missing key; write 'endpoints: ...' (a mapping) at the top level"),
        (HEAD.replace("{OS: death}", "{}"), "paper.yaml:5:12: endpoints: names no endpoint; write as in {death: death, relapse: relapse or death}"),
        (HEAD.replace("OS: death", "after: death"), "paper.yaml:5:20: endpoints.after: 'after' is a word of result lines; name the endpoint otherwise, as in death"),
        (HEAD.replace("OS: death", "no: death"), "paper.yaml:5:17: endpoints.no: 'no' is the name of an arm, too; name the endpoint otherwise, as in death"),
        (HEAD.replace("OS: death", "overall survival: death"), "paper.yaml:5:31: endpoints.overall survival: is no name: a letter, then letters, digits, _ or -; write 'overall_survival'"),
        (HEAD.replace("{control: No, treated: 'Yes'}", "{control: No}"), "paper.yaml:4:7: arms.treated: missing key; write 'treated: ...' (text) under arms"),
        (HEAD.replace("'Yes'", "no"), "paper.yaml:4:30: arms.treated: both arms have the same words; write each arm as the heads of the tables do"),
        (HEAD + "accrual: January 2019 to March 2024\n", "paper.yaml:6:10: accrual: 'January 2019 to March 2024' is not two dates with 'to' between them; write 2019-01 to 2024-03, or not stated"),
        (HEAD + "accrual: 2024-01 to 2019-01\n", "paper.yaml:6:10: accrual: ends before it begins; write 2019-01 to 2024-01"),
        (HEAD + "cut_off: April 30, 2025\n", "paper.yaml:6:10: cut_off: 'April 30, 2025' is not a date; write 2025-04-30, or not stated"),
        (HEAD + "tables: {table1.tsv: base}\n", "paper.yaml:6:22: tables.'table1.tsv': must be one of baseline, response, adverse events, cox, subgroups, events, not the text 'base'; did you mean 'baseline'?"),
        (HEAD + "tables: {table1.tsv: cox PFS}\n", "paper.yaml:6:22: tables.'table1.tsv': 'PFS' is no word of the kind 'cox'; it may be followed by before, after, weighted, univariable, multivariable, or of OS"),
        (HEAD + "tables: {table1.tsv: {E-G: after}}\n", "paper.yaml:6:22: tables.'table1.tsv': has no kind; write 'kind: ...' (baseline, response, adverse events, cox, subgroups, events)"),
        (HEAD + "tables: {table2.tsv: baseline}\n", "paper.yaml:6:22: tables.'table2.tsv': there is no file 'table2.tsv' beside it; did you mean 'table1.tsv'?"),
        (HEAD + "tables: {../table1.tsv: baseline}\n", "paper.yaml:6:25: tables.'../table1.tsv': '../table1.tsv' is no name of a file; name a file of this folder, as in table1.tsv"),
        (HEAD + "text: /etc/passwd\n", "paper.yaml:6:7: text./etc/passwd: '/etc/passwd' is no name of a file; name a file of this folder, as in table1.tsv"),
        (HEAD + "name: other\n", "paper.yaml:6:1: name: the key is given twice, first in line 1; keep one of them"),
        (HEAD + "methods: &x {a: b}\n", "paper.yaml:6:10: methods: the anchor &x is refused; write values out, or use 'extends'"),
        (HEAD + "methods: !!str {a: b}\n", "paper.yaml:6:10: methods: the tag !!str is refused; write the value plainly; quotes make it text"),
        (HEAD + "methods: {a: {b: c}}\n", "paper.yaml:6:14: methods.a: must be text, not a mapping"),
        ("- a\n", "paper.yaml:1:1: must be a mapping, not a list; write 'key: value' lines"),
    ],
)  # fmt: skip
def test_each_fault_has_its_line(tmp_path: Path, text: str, expected: str) -> None:
    assert told(folder_with(tmp_path, text)) == [expected]


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = HEAD.replace("design: matched", "design: x") + "unknown: 1\ntables: {nothing.tsv: what}\naccrual: soon\n"
    assert [line.split(": ")[1] for line in told(folder_with(tmp_path, text))] == [
        "design",
        "unknown",
        "tables.'nothing.tsv'",
        "tables.'nothing.tsv'",
        "accrual",
    ]


def test_links_and_folders_are_no_tables(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, f"{HEAD}tables: {{link.tsv: baseline, folder: baseline}}\n")
    (folder / "link.tsv").symlink_to("/etc/passwd")
    (folder / "folder").mkdir()
    assert [line.partition("; ")[0].split(": ")[2] for line in told(folder)] == [
        "'link.tsv' is a symbolic link, not a file",
        "'folder' is a folder, not a file",
    ]


def test_a_folder_without_a_paper_is_told_how_to_begin(tmp_path: Path) -> None:
    assert told(tmp_path) == [f"paper.yaml: there is no such file; `trialtwin paper new {tmp_path}` writes one"]
    with pytest.raises(DocumentError, match="no such file"):
        load_paper(tmp_path / "absent" / "paper.yaml")
