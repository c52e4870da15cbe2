"""Pasted tables of every form as rows: no cell shifted, every row with its line."""

import pytest

from benchmarks.pasted.grids import MAX_BYTES, Grid, read_grid
from simulator.documents.problems import DocumentError

ROWS = [
    ("", "A (n=10)", "B (n=12)", "P"),
    ("Sex", "", "", "0.30"),
    ("Male", "5 (50.0)", "6 (50.0)", ""),
    ("Female", "5 (50.0)", "6 (50.0)", ""),
]
HTML = """<p>Table 1. Patients</p><table><thead>
<tr><th rowspan="2">Characteristic</th><th colspan="2">Before</th><th rowspan=2>P<sup>a</sup></th></tr>
<tr><th>A (n=10)</th><th>B (n=12)</th></tr></thead>
<tbody><script>alert(1)</script>
<tr><td>Sex</td><td></td><td></td><td>0.30</td></tr>
<tr><td style="padding-left: 2em">Male</td><td>5&nbsp;(50.0)</td><td><b>6</b> (50.0)<sup>*</sup></td><td></td></tr>
</tbody></table><p>P by chi-square.</p>"""


def grid_of(text: str, file: str = "t.txt") -> Grid:
    return read_grid(text.encode(), file)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("tab", "\n".join("\t".join(row) for row in ROWS)),
        ("comma", "\n".join(",".join(f'"{cell}"' for cell in row) for row in ROWS)),
        ("semicolon", "\n".join(";".join(row) for row in ROWS)),
        ("markdown", "\n".join("| " + " | ".join(row) + " |" for row in [ROWS[0], ("---",) * 4, *ROWS[1:]])),
        (
            "html",
            "<table>" + "\n".join(f"<tr>{''.join(f'<td>{c}</td>' for c in row)}</tr>" for row in ROWS) + "</table>",
        ),
    ],
)
def test_every_form_gives_the_same_rows(form: str, text: str) -> None:
    grid = grid_of(text)
    assert grid.form == form
    assert [row.cells for row in grid.rows] == ROWS
    assert all(row.whole for row in grid.rows)


def test_rows_keep_their_lines_and_indents() -> None:
    grid = grid_of("\tA\tB\n\n\nSex\t\t\n  Male\t5\t6\n&emsp;Female\t5\t6\n\u00a0\u00a0Other\t1\t1\n")
    assert [(row.line, row.indent) for row in grid.rows] == [(1, 0), (4, 0), (5, 2), (6, 2), (7, 2)]


def test_html_merged_heads_footnotes_scripts_and_notes() -> None:
    grid = grid_of(HTML)
    assert [row.cells for row in grid.rows] == [
        ("Characteristic", "Before", "", "Pᵃ"),
        ("", "A (n=10)", "B (n=12)", ""),
        ("Sex", "", "", "0.30"),
        ("Male", "5 (50.0)", "6 (50.0)*", ""),
    ]
    assert grid.rows[0].joined == {2}
    assert grid.rows[3].indent > 0
    assert [text for _, text in grid.notes] == ["Table 1. Patients", "P by chi-square."]
    assert "alert" not in str(grid)


def test_aligned_rows_stand_under_their_columns() -> None:
    text = (
        "Characteristic    A (n=10)     B (n=12)     P\n"
        "Age               49 ± 12      50 ± 11      0.66\n"
        "Sex                                         0.30\n"
        "  Male            5 (50.0)     6 (50.0)\n"
    )
    grid = grid_of(text)
    assert [row.cells for row in grid.rows[2:]] == [("Sex", "", "", "0.30"), ("Male", "5 (50.0)", "6 (50.0)", "")]
    assert grid.placed == (3, 4)


def test_aligned_rows_without_places_are_not_shifted() -> None:
    text = "Characteristic  A (n=10)  B (n=12)  P\nAge  49 ± 12  50 ± 11  0.66\nSex  0.30\nMale  5 (50.0)  6 (50.0)\n"
    grid = grid_of(text)
    assert [(len(row.cells), row.whole) for row in grid.rows] == [(4, True), (4, True), (2, False), (3, False)]


def test_titles_and_notes_are_no_rows() -> None:
    grid = grid_of("Table 2. Responses\n\tA\tB\nCR\t1\t2\nNote: by RECIST.\n* of those with an image\n")
    assert [row.cells[0] for row in grid.rows] == ["", "CR"]
    assert len(grid.notes) == 3


def test_quoted_cells_hold_commas_and_line_ends() -> None:
    grid = grid_of('Variable,A,B\n"Age, y","1,616","0.5\n(0.2, 0.9)"\nSex,1,2\n')
    assert grid.rows[1].cells == ("Age, y", "1,616", "0.5\n(0.2, 0.9)")
    assert grid.rows[2].line == 4


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16"])
def test_marks_of_bytes_are_read(coding: str) -> None:
    grid = read_grid("Age\t≥ 50\nSex\t–\n".encode(coding), "t.tsv")
    assert grid.rows[0].cells == ("Age", "≥ 50")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"Age\t49 \xb1 12\n", "t.tsv:1:1: it is not in UTF-8"),
        (b"", "it has no rows"),
        (b"one\ntwo\n", "one column"),
        (b"x\t1\n" * (MAX_BYTES // 4 + 1), "bytes"),
        (b"x\t1\n" * 2_001, "2,001 rows"),
        (b"\t".join([b"1"] * 61) + b"\n", "61 columns"),
        (b"a\x00b\t1\n", "no text"),
    ],
)
def test_what_cannot_be_read_is_one_line(data: bytes, what: str) -> None:
    with pytest.raises(DocumentError) as fault:
        read_grid(data, "t.tsv")
    assert what in str(fault.value)
    assert len(str(fault.value).splitlines()) == 1


def test_formulas_stay_text() -> None:
    assert grid_of("=1+1\tA\n{{7*7}}\t2\n").rows[1].cells == ("{{7*7}}", "2")


def test_blanks_in_cells_of_a_csv_part_nothing() -> None:
    text = "Trait,A (n = 10),B  (n = 12),P\nAge  (mean),49  (12),50  (11),0.1\nMale,5  (50),6  (50),1\n"
    assert read_grid(text.encode(), "table1.csv").rows[1].cells == ("Age  (mean)", "49  (12)", "50  (11)", "0.1")
    assert read_grid(text.encode(), "table1.txt").form == "aligned"
