"""What the heads of pasted tables say: arms, sides, statistics, sizes; and what is asked where they do not."""

import pytest

from benchmarks.pasted.columns import cited, understand
from benchmarks.pasted.grids import read_grid
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import Ledger, PastedTable

BASELINE = (
    "Characteristics\tBefore Matching\t\t\tAfter Matching\t\t\n"
    "\tLP n = 253\tHLP n = 169\tP\tLP n = 151\tHLP n = 151\tP\n"
    "Age (Mean ± SD, year)\t49 ± 12\t49 ± 12\t0.661\t49 ± 12\t49 ± 12\t0.633\n"
    "Sex\t\t\t0.086\t\t\t0.729\n"
    "Female\t211 (83.4%)\t151 (89.3%)\t\t131 (86.8%)\t133 (88.1%)\t\n"
    "Male\t42 (16.6%)\t18 (10.7%)\t\t20 (13.2%)\t18 (11.9%)\t\n"
)
RESPONSE = (
    "Response\tBefore PSM\t\t\tBefore PSM\t\t\n"
    "\tLP n = 253\tHLP n = 169\tP\tLP n = 151\tHLP n = 151\tP\n"
    "ORR\t58 (22.9%)\t79 (46.7%)\t<0.001\t31 (20.5%)\t72 (47.7%)\t<0.001\n"
)
COX = (
    "Characteristics\tOS\t\t\t\tPFS\t\t\t\n"
    "\tUnivariate Analysis\t\tMultivariate Analysis\t\tUnivariate Analysis\t\tMultivariate Analysis\t\n"
    "\tHR (95% CI)\tp\tHR (95% CI)\tp\tHR (95% CI)\tp\tHR (95% CI)\tp\n"
    "Age (> 50)\t0.74 (0.54, 0.99)\t0.046\t0.88 (0.53, 1.98)\t0.342\t0.85 (0.65, 1.11)\t0.227\t\t\n"
)
TOXICITY = (
    "Adverse events\tAny grade\t\t\tGrade 3/4\t\t\n"
    "\tLP (n = 253)\tHLP (n = 169)\tp\tLP (n = 253)\tHLP (n = 169)\tp\n"
    "Nausea\t29 (11.5%)\t82 (48.5%)\t< 0.001\t2 (0.8%)\t17 (10.1%)\t< 0.001\n"
)


def paper_of(**said: object) -> PaperFile:
    base = {"name": "x", "source": "s", "design": "matched", "arms": {"control": "LP", "treated": "HLP"}}
    return PaperFile.model_validate({**base, "endpoints": {"OS": "death", "PFS": "progression or death"}, **said})


def read(
    text: str, entry: dict[str, object] | str, ledger: Ledger, file: str = "table1.tsv", **said: object
) -> PastedTable:
    entry = {"kind": entry} if isinstance(entry, str) else entry
    return understand(read_grid(text.encode(), file), file, entry, paper_of(**said), ledger)  # type: ignore[arg-type]


def roles(table: PastedTable) -> list[str]:
    """Each column's letter and what it holds, in words."""
    return [
        " ".join(filter(None, (c.letter, c.arm, c.phase, c.statistic, c.endpoint, c.model, c.grade, c.n_printed)))
        for c in table.columns
        if not c.skip
    ]


def test_merged_heads_give_arm_side_and_size() -> None:
    ledger = Ledger()
    table = read(BASELINE, "baseline", ledger)
    assert roles(table) == [
        "B control before 253",
        "C treated before 169",
        "D before p",
        "E control after 151",
        "F treated after 151",
        "G after p",
    ]
    assert ledger.questions == []
    assert [(one.key, one.printed, one.where) for one in ledger.numbers] == [
        ("cohort.control", "253", "Table 1"),
        ("cohort.treated", "169", "Table 1"),
        ("matching.n_pairs", "151", "Table 1"),
    ]
    assert ledger.sizes[("after", "treated")] == 151
    assert [row.line for row in table.rows] == [3, 4, 5, 6]


def test_one_head_twice_is_one_question_that_its_line_settles() -> None:
    ledger = Ledger()
    read(BASELINE, "baseline", ledger)
    read(RESPONSE, "response", ledger, "table2.tsv")
    (question,) = ledger.questions
    assert question.settle == "E-G: after"
    assert question.columns == {"E", "F", "G"}
    assert "columns B and E have one head 'Before PSM / LP', n = 253 and 151" in question.what
    ledger = Ledger()
    read(BASELINE, "baseline", ledger)
    table = read(RESPONSE, {"kind": "response", "E-G": "after"}, ledger, "table2.tsv")
    assert ledger.questions == []
    assert roles(table)[3:] == ["E control after 151", "F treated after 151", "G after p"]


def test_heads_of_three_rows_name_endpoint_and_model() -> None:
    ledger = Ledger()
    table = read(COX, "cox after", ledger, "table3.tsv")
    assert roles(table) == [
        "B after hr OS univariable",
        "C after p OS univariable",
        "D after hr OS multivariable",
        "E after p OS multivariable",
        "F after hr PFS univariable",
        "G after p PFS univariable",
        "H after hr PFS multivariable",
        "I after p PFS multivariable",
    ]
    assert (ledger.questions, table.where, table.phase) == ([], "Table 3", "after")


def test_sizes_seen_before_tell_the_side_and_it_is_said() -> None:
    ledger = Ledger()
    read(BASELINE, "baseline", ledger)
    table = read(TOXICITY, "adverse events", ledger, "table4.tsv")
    assert roles(table)[3:] == ["E control before 3-4 253", "F treated before 3-4 169", "G before p 3-4"]
    assert ledger.questions == []
    assert "B has n = 253, LP before" in ledger.assumed[0].text


def test_sides_that_nothing_tells_are_asked() -> None:
    ledger = Ledger()
    read(TOXICITY, "adverse events", ledger)
    assert [one.settle for one in ledger.questions] == ["B-G: before"]
    ledger = Ledger()
    read(TOXICITY, "adverse events", ledger, design="randomised")
    assert ledger.questions == []


def test_another_size_is_asked_and_may_be_a_population_of_its_own() -> None:
    ledger = Ledger()
    read(BASELINE, "baseline", ledger)
    safety = TOXICITY.replace("253", "250")
    read(safety, "adverse events before", ledger, "table4.tsv")
    assert [one.settle for one in ledger.questions] == ["n: own", "n: own"]
    ledger.questions.clear()
    table = read(safety, {"kind": "adverse events before", "n": "own"}, ledger, "table4.tsv")
    assert ledger.questions == []
    assert [c.own_n for c in table.columns] == [True, False, True, True, False, True]


@pytest.mark.parametrize(
    ("head", "role"),
    [
        ("HLP (N=1,616)", "B treated before 1616"),
        ("HLP, n = 1 616", "B treated before 1616"),
        ("hlp group", "B treated before"),
        ("LP (253 patients)", "B control before 253"),
        ("Total (n=422)", "B all before 422"),
        ("SMD", "B before smd"),
        ("P-value", "B before p"),
        ("χ²", "B before test"),
        ("t/Z", "B before test"),
        ("HLP, %", "B treated before percent"),
        ("LP No. (%)", "B control before"),
        ("LP (weighted n = 252.7)", "B control after 252.7"),
        ("Standardized difference", "B before smd"),
        ("P value for interaction", "B before interaction_p"),
    ],
)
def test_single_heads(head: str, role: str) -> None:
    table = read(f"Variable\t{head}\nx\t1\ny\t0\n", "baseline before", Ledger())
    assert roles(table) == [role]


@pytest.mark.parametrize(
    ("head", "role"),
    [
        ("HLP, events/n", "B treated before events OS"),
        ("HR (95% CI)", "B before hr OS"),
        ("95% CI", "B before limits OS"),
        ("Lower 95% CI", "B before low OS"),
        ("Upper limit", "B before high OS"),
        ("P interaction", "B before interaction_p OS"),
        ("No. of patients", "B before patients OS"),
        ("Hazard ratio, HLP vs LP", "B before hr OS"),
    ],
)
def test_heads_of_subgroups(head: str, role: str) -> None:
    table = read(f"Subgroup\t{head}\nAge < 65\t1\ny\t2\n", "subgroups before OS", Ledger())
    assert roles(table) == [role]


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("Any grade", ""),
        ("Grade 3–4", "3-4"),
        ("Grade ≥3", "≥3"),
        ("Grade III/IV", "3-4"),
        ("Grade 5", "5"),
        ("≥ Grade 3", "≥3"),
    ],
)
def test_grades(text: str, grade: str) -> None:
    table = read(f"Event\t{text}\t\n\tLP\tHLP\nx\t1\t2\n", "adverse events before", Ledger())
    assert [c.grade for c in table.columns] == [grade, grade]
    assert [c.arm for c in table.columns] == ["control", "treated"]


def test_an_arm_whose_label_begins_or_ends_the_other() -> None:
    arms = {"control": "Drug", "treated": "Drug plus HAIC"}
    table = read("x\tDrug plus HAIC (n=5)\tDrug (n=6)\tBoth arms\ny\t1\t2\t3\n", "baseline before", Ledger(), arms=arms)
    assert [c.arm for c in table.columns] == ["treated", "control", "all"]
    arms = {"control": "No drug", "treated": "Drug"}
    table = read("x\tNO DRUG\tDRUG\ny\t1\t2\n", "baseline before", Ledger(), arms=arms)
    assert [c.arm for c in table.columns] == ["control", "treated"]


def test_ratios_of_size_are_counted_for_both_arms() -> None:
    ledger = Ledger()
    text = "x\tUnmatched\t\tMatched\t\n\tLP (n=500)\tHLP (n=100)\tLP (n=180)\tHLP (n=90)\ny\t1\t2\t3\t4\n"
    read(text, "baseline", ledger)
    assert [(one.key, one.printed) for one in ledger.numbers][2:] == [
        ("matching.n_treated", "90"),
        ("matching.n_control", "180"),
    ]


def test_ragged_rows_are_asked_once_per_pattern_and_the_line_settles_them() -> None:
    text = "x  LP n = 9  HLP n = 9  P\nAge  4 ± 1  4 ± 1  0.6\nSex  0.8\nMale  1 (11.1)  2 (22.2)\n"
    text += "Female  8 (88.9)  7 (77.8)\n"
    ledger = Ledger()
    table = read(text, "baseline before", ledger)
    assert ledger.questions == []
    assert "each stands where alone texts of its kinds stand" in ledger.assumed[0].text
    assert [cell.text for cell in table.rows[1].cells] == ["", "", "0.8"]
    text = text.replace("0.6\n", "0.6\nScore  3  4  0.7\n")
    ledger = Ledger()
    table = read(text, "baseline before", ledger)
    assert [one.readings[:3] for one in ledger.questions] == [
        ("rows: {2 of 4: A-B}", "rows: {2 of 4: A C}", "rows: {2 of 4: A D}")
    ]
    assert [row.label for row in table.rows] == ["Age", "Score", "Male", "Female"]
    ledger = Ledger()
    table = read(text, {"kind": "baseline before", "rows": {"2 of 4": "A D"}}, ledger)
    assert ledger.questions == []
    assert [[cell.text for cell in row.cells] for row in table.rows][2:4] == [
        ["", "", "0.8"],
        ["1 (11.1)", "2 (22.2)", ""],
    ]


def test_a_lost_cell_in_the_middle_shifts_nothing() -> None:
    ledger = Ledger()
    lost = BASELINE.replace("Female\t211 (83.4%)\t", "Female\t")
    table = read(lost, "baseline", ledger)
    (question,) = ledger.questions
    assert question.lines == {4, 5, 6}
    assert "Female" not in [row.label for row in table.rows]
    trailing = BASELINE.replace("133 (88.1%)\t\n", "133 (88.1%)\n")
    ledger = Ledger()
    assert [row.label for row in read(trailing, "baseline", ledger).rows][2] == "Female"
    assert ledger.questions == []


def test_counts_and_percentages_in_two_columns_of_one_head() -> None:
    ledger = Ledger()
    text = "x\tLP (n=40)\t\tHLP (n=50)\t\na\t10\t25.0\t10\t20.0\nb\t20\t50.0\t20\t40.0\nc\t10\t25.0\t20\t40.0\n"
    table = read(text, "baseline before", ledger)
    assert [(c.arm, c.statistic) for c in table.columns] == [
        ("control", "n"),
        ("control", "percent"),
        ("treated", "n"),
        ("treated", "percent"),
    ]
    assert ledger.questions == []
    wrong = text.replace("25.0", "35.0").replace("50.0", "60.0")
    read(wrong, "baseline before", ledger)
    assert ledger.questions != []


def test_two_columns_of_labels() -> None:
    text = (
        "Variable\tCategory\tLP\tHLP\nN\t\t100\t120\nSex\tMale\t50 (50.0)\t60 (50.0)\n\tFemale\t50 (50.0)\t60 (50.0)\n"
    )
    table = read(text, "baseline before", Ledger())
    assert [(row.label, row.indent) for row in table.rows] == [("Sex", 0), ("Male", 2), ("Female", 2)]
    assert roles(table) == ["C control before 100", "D treated before 120"]


def test_decimal_commas_are_one_mark_for_a_table() -> None:
    ledger = Ledger()
    table = read("x\tLP\tHLP\na\t12,3\t1.616\n", "baseline before", ledger)
    assert [cell.values for cell in table.rows[0].cells] == [("12.3",), ("1616",)]
    table = read("x\tLP\tHLP\na\t12.3\t1,616\n", "baseline before", ledger)
    assert [cell.values for cell in table.rows[0].cells] == [("12.3",), ("1616",)]
    assert ledger.questions == []
    read("x\tLP\tHLP\na\t12,3\t16.6\n", "baseline before", ledger)
    assert ledger.questions[0].settle == "decimal: point"


def test_how_files_are_cited() -> None:
    assert [cited(name) for name in ("table1.tsv", "table_s2.html", "supplement-table3.txt")] == [
        "Table 1",
        "Table S 2",
        "Supplement Table 3",
    ]
