"""What redundant print tells about a pasted table: planted faults are asked, clean print is not."""

import math

import numpy as np
import pytest

from analysis.audit.p_values import t_test_range
from analysis.audit.published import Stands
from analysis.two_samples import tests as two_sample_tests
from benchmarks.pasted.checks import check_table
from benchmarks.pasted.columns import understand
from benchmarks.pasted.grids import read_grid
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import Ledger
from benchmarks.pasted.recomputed import above, p_of_counts, p_of_means

BASELINE = (
    "Characteristics\tBefore Matching\t\t\tAfter Matching\t\t\n"
    "\tLP n = 253\tHLP n = 169\tP\tLP n = 151\tHLP n = 151\tP\n"
    "Size (Mean ± SD, cm)\t12.3 ± 3.6\t12.3 ± 3.4\t0.993\t12.4 ± 3.7\t12.4 ± 3.4\t0.943\n"
    "Sex\t\t\t0.086\t\t\t0.729\n"
    "Female\t211 (83.4%)\t151 (89.3%)\t\t131 (86.8%)\t133 (88.1%)\t\n"
    "Male\t42 (16.6%)\t18 (10.7%)\t\t20 (13.2%)\t18 (11.9%)\t\n"
    "Etiology\t\t\t0.325\t\t\t0.835\n"
    "HBV\t237 (93.7%)\t154 (91.1%)\t\t138 (91.4%)\t139 (92.1%)\t\n"
    "Others\t16 (6.3%)\t15 (8.9%)\t\t13 (8.6%)\t12 (7.9%)\t\n"
    "PVTT\t\t\t0.063\t\t\t0.809\n"
    "Absence\t105 (41.5%)\t55 (32.5%)\t\t54 (35.8%)\t52 (34.4%)\t\n"
    "Presence\t148 (58.5%)\t114 (67.5%)\t\t97 (64.2%)\t99 (65.6%)\t\n"
    "AFP (μg/L)\t\t\t0.880\t\t\t0.812\n"
    "≤ 400\t91 (36.0%)\t62 (36.7%)\t\t55 (36.4%)\t57 (37.7%)\t\n"
    "> 400\t162 (64.0%)\t107 (63.3%)\t\t96 (63.6%)\t94 (62.3%)\t\n"
)
COX = (
    "Characteristics\tOS\t\n\tHR (95% CI)\tp\n"
    "Age\t0.74 (0.54, 0.99)\t0.046\nPVTT\t1.62 (1.17, 2.24)\t0.004\nTreatment (HLP)\t0.36 (0.26, 0.49)\t<0.001\n"
)


def ledger_of(text: str, kind: str = "baseline", **settled: str) -> Ledger:
    """The questions about a table."""
    said = {"name": "x", "source": "s", "design": "matched", "arms": {"control": "LP", "treated": "HLP"}}
    paper = PaperFile.model_validate({**said, "endpoints": {"OS": "death"}})
    ledger = Ledger()
    entry: dict[str, str | dict[str, str]] = {"kind": kind, **settled}
    check_table(understand(read_grid(text.encode(), "table1.tsv"), "table1.tsv", entry, paper, ledger), paper, ledger)
    return ledger


def swapped(text: str, one: str, two: str) -> str:
    assert text.count(one) == 1
    assert text.count(two) == 1
    return text.replace(one, "@").replace(two, one).replace("@", two)


def columns_swapped(text: str, one: int, two: int, first: int = 2) -> str:
    """The table with two columns of its body swapped, its heads as they were."""
    rows = [line.split("\t") for line in text.splitlines()]
    for row in rows[first:]:
        row[one], row[two] = row[two], row[one]
    return "\n".join("\t".join(row) for row in rows)


def test_clean_print_is_not_asked() -> None:
    assert ledger_of(BASELINE).questions == []
    assert ledger_of(COX, "cox after univariable").questions == []


@pytest.mark.parametrize(("one", "two"), [(1, 2), (1, 4), (2, 5), (3, 6), (2, 3)])
def test_swapped_columns_are_asked(one: int, two: int) -> None:
    ledger = ledger_of(columns_swapped(BASELINE, one, two))
    letters = {"ABCDEFG"[one], "ABCDEFG"[two]}
    assert letters <= {letter for question in ledger.questions for letter in question.columns}


def test_the_line_for_swapped_p_columns_settles_them() -> None:
    text = columns_swapped(BASELINE, 3, 6)
    assert sorted(one.settle for one in ledger_of(text).questions) == ["D: after", "G: before"]
    assert ledger_of(text, D="after", G="before").questions == []


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("211 (83.4%)", "151 (89.3%)"),
        ("211 (83.4%)", "0.086"),
        ("0.086", "0.063"),
        ("0.086", "0.729"),
        ("105 (41.5%)", "54 (35.8%)"),
        ("12.3 ± 3.6", "211 (83.4%)"),
        ("12.3 ± 3.6", "0.993"),
    ],
)
def test_swapped_cells_are_asked(one: str, two: str) -> None:
    ledger = ledger_of(swapped(BASELINE, one, two))
    assert ledger.questions != []
    assert all(question.lines for question in ledger.questions)


def test_a_row_twice_is_asked_and_may_be_printed_so() -> None:
    row = "Female\t211 (83.4%)\t151 (89.3%)\t\t131 (86.8%)\t133 (88.1%)\t\n"
    text = BASELINE.replace(row, row + row)
    (question,) = ledger_of(text).questions
    assert "stands twice, on lines 5 and 6" in question.what
    assert question.settle == "line 6: as printed"
    assert ledger_of(text, **{"line 6": "as printed"}).questions == []
    assert ledger_of(text, **{"line 6": "skip"}).questions == []


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("0.046", "1.2", "no p"),
        ("0.046", "46%", "no p"),
        ("0.74 (0.54, 0.99)", "0.74 (0.84, 0.99)", "within its limits"),
        ("0.74 (0.54, 0.99)", "0.74 (0.99, 0.54)", "limits cross"),
        ("0.74 (0.54, 0.99)", "74 (54.1%)", "no ratio"),
    ],
)
def test_cells_that_their_column_cannot_hold(old: str, new: str, what: str) -> None:
    (question,) = ledger_of(COX.replace(old, new), "cox after univariable").questions
    assert what in question.what
    assert question.settle == "Age: as printed"
    assert ledger_of(COX.replace(old, new), "cox after univariable", Age="as printed").questions == []


def test_separate_limits_are_held_to_their_ratio() -> None:
    text = "x\tHR\tLower\tUpper\nAge\t0.74\t0.54\t0.99\nSex\t1.74\t0.54\t0.99\n"
    (question,) = ledger_of(text, "cox after univariable").questions
    assert question.spot.line == 3
    assert "1.74 with limits 0.54 and 0.99" in question.what


def test_shares_of_rows_are_no_shares_of_the_arm() -> None:
    text = "x\tBefore\t\n\tLP n = 253\tHLP n = 169\na\t100 (60.6%)\t65 (39.4%)\nb\t153 (59.5%)\t104 (40.5%)\n"
    text += "c\t53 (57.6%)\t39 (42.4%)\nd\t200 (60.6%)\t130 (39.4%)\n"
    assert {one.settle for one in ledger_of(text).questions} == {"B: n", "C: n"}
    assert ledger_of(text, B="n", C="n").questions == []


def test_a_lone_share_or_p_that_is_misprinted_is_left_to_the_audit() -> None:
    assert ledger_of(BASELINE.replace("16 (6.3%)", "16 (6.4%)").replace("0.325", "0.335")).questions == []


def test_cells_that_nobody_understands_are_listed() -> None:
    ledger = ledger_of(BASELINE.replace("211 (83.4%)", "211 (83.4"))
    assert [(one.spot.line, one.spot.column) for one in ledger.unread] == [(5, "B")]


def test_recomputed_p_are_those_of_the_analysis() -> None:
    for counts in (
        [[211, 42], [151, 18]],
        [[231, 20, 2], [133, 36, 0]],
        [[2, 8], [7, 3]],
        [[85, 163, 5], [56, 108, 5]],
    ):
        block = np.array([counts])
        found = p_of_counts((counts[0], counts[1]))
        assert found[0] == pytest.approx(float(two_sample_tests.pearson(block).p[0]), rel=1e-9)
        if len(counts[0]) == 2:
            assert found[1] == pytest.approx(float(two_sample_tests.pearson(block, correct=True).p[0]), rel=1e-9)
            assert found[2] == pytest.approx(float(two_sample_tests.fisher(block).p[0]), rel=1e-9)


def test_p_of_means_is_that_of_the_audit() -> None:
    low, high = p_of_means([("49", "12"), ("51", "11")], [253, 169])
    boxes = [Stands(48.5, 49.5), Stands(50.5, 51.5), Stands(11.5, 12.5), Stands(10.5, 11.5)]
    ranges = [t_test_range(boxes, [253, 169], pooled) for pooled in (False, True)]
    assert low == pytest.approx(min(one.low for one in ranges), rel=0.02)
    assert high == pytest.approx(max(one.high for one in ranges), rel=0.02)


@pytest.mark.parametrize("df", [1, 2, 3, 4, 7])
def test_chi_square_tail(df: int) -> None:
    steps = np.linspace(3.0, 80.0, 200_001)
    density = steps ** (df / 2 - 1) * np.exp(-steps / 2) / (2 ** (df / 2) * math.gamma(df / 2))
    assert above(3.0, df) == pytest.approx(float(np.trapezoid(density, steps)), rel=1e-6)


TOXICITY = (
    "Adverse events\tAny grade\t\t\tGrade 3/4\t\t\n"
    "\tLP (n = 253)\tHLP (n = 169)\tp\tLP (n = 253)\tHLP (n = 169)\tp\n"
    "Nausea\t29 (11.5%)\t82 (48.5%)\t< 0.001\t2 (0.8%)\t17 (10.1%)\t< 0.001\n"
    "Diarrhea\t39 (15.4%)\t58 (34.3%)\t< 0.001\t5 (2.0%)\t16 (9.5%)\t< 0.001\n"
    "Appetite\t91 (36.0%)\t73 (43.2%)\t0.136\t2 (0.8%)\t1 (0.6%)\t0.812\n"
    "Fatigue\t86 (34.0%)\t59 (34.9%)\t0.846\t0 (0)\t0 (0)\t–\n"
    "Bilirubin\t20 (7.9%)\t27 (16.0%)\t0.010\t4 (1.6%)\t2 (1.2%)\t0.736\n"
)
RESPONSE = (
    "Response\tLP n = 253\tHLP n = 169\tP\n"
    "CR\t0 (0)\t0 (0)\t\nPR\t58 (22.9%)\t79 (46.7%)\t\nSD\t117 (46.2%)\t61 (36.1%)\t\nPD\t78 (30.9%)\t29 (17.2%)\t\n"
    "ORR\t58 (22.9%)\t79 (46.7%)\t<0.001\nDCR\t175 (69.1%)\t140 (82.8%)\t0.002\n"
)


def test_grades_are_within_any_grade() -> None:
    assert ledger_of(TOXICITY, "adverse events before").questions == []
    columns = ledger_of(columns_swapped(TOXICITY, 1, 4), "adverse events before").questions
    assert any(question.columns == {"B", "E"} and not question.lines for question in columns)
    (row,) = ledger_of(TOXICITY.replace("29 (11.5%)", "1 (0.4%)"), "adverse events before").questions
    assert row.settle == "Nausea: as printed"


@pytest.mark.parametrize(("one", "two"), [("82 (48.5%)", "27 (16.0%)"), ("0.136", "0.010"), ("0.010", "0.736")])
def test_cells_of_two_rows_of_one_column_swapped(one: str, two: str) -> None:
    assert ledger_of(swapped(TOXICITY, one, two), "adverse events before").questions != []


def test_a_p_where_nobody_is_counted() -> None:
    (question,) = ledger_of(TOXICITY.replace("–", "0.020"), "adverse events before").questions
    assert "nobody is counted" in question.what


def test_responses_are_made_of_others() -> None:
    assert ledger_of(RESPONSE, "response before").questions == []
    text = swapped(RESPONSE, "61 (36.1%)", "29 (17.2%)")
    (question,) = ledger_of(text, "response before").questions
    assert "DCR is 140, CR + PR + SD 108" in question.what


def test_swapped_p_of_ratios() -> None:
    assert ledger_of(swapped(COX, "0.046", "0.004"), "cox after univariable").questions != []


def test_the_only_line_without_a_tab_is_asked() -> None:
    (question,) = ledger_of(COX.replace("PVTT", "PV\nTT"), "cox after univariable").questions
    assert question.settle == "line 4: as printed"
    said = {"line 4": "as printed"}
    assert ledger_of(COX.replace("PVTT", "PV\nTT"), "cox after univariable", **said).questions == []


def test_a_broken_row_is_noticed_by_the_number_in_place_of_its_label() -> None:
    broken = BASELINE.replace("Sex\t\t\t0.086\t\t\t0.729\n", "Sex\t\t\t\t\t\t\n0.086\t\t\t0.729\t\t\t\n")
    assert broken != BASELINE
    assert any("'0.086' stands where a label does" in one.what for one in ledger_of(broken).questions)
