"""Kinds of tables that were once read wrongly, or asked about without need."""

from pathlib import Path

import pytest

from benchmarks.pasted.cells import plain_cell
from benchmarks.pasted.columns import understand
from benchmarks.pasted.grids import read_grid
from benchmarks.pasted.read import read_paper
from benchmarks.pasted.reading import Ledger
from benchmarks.pasted.recomputed import p_of_counts, p_of_percents
from simulator.documents.problems import DocumentError
from tests.attacked_papers import papers, write
from tests.pasted_rows import paper, read
from tests.test_pasted_checks import BASELINE as CHECKED
from tests.test_pasted_checks import ledger_of

HEAD = "Characteristic\tDrug (n = 200)\tNo drug (n = 300)\tP value\n"
OUTCOME = "Outcome\tDrug (n = 200)\tNo drug (n = 300)\tHR (95% CI)\tP\n"


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("1 (<1)", "share", ("1", "<1")),
        ("1(<0.1)", "share", ("1", "<0.1")),
        ("1.02 1.01–1.03", "triple", ("1.02", "1.01", "1.03")),
        ("12 3-4", "unread", ()),
    ],
)
def test_cells(text: str, kind: str, values: tuple[str, ...]) -> None:
    cell = plain_cell(text)
    assert (cell.kind, cell.values) == (kind, values)


def test_an_arm_that_paper_yaml_does_not_name_is_left_out_with_the_p_of_all_arms() -> None:
    table = "x\tDrug (n = 200)\tCompound Z (n = 90)\tNo drug (n = 300)\tP value\n"
    table += "Male\t120 (60.0)\t50 (55.6)\t170 (56.7)\t0.75\n"
    table += "Diabetes\t20 (10.0)\t9 (10.0)\t40 (13.3)\t0.20\nPain\t20 (10.0)\t9 (10.0)\t40 (13.3)\t0.20\n"
    found = read(("baseline", table))
    assert found.asked == []
    assert found.of("table1.before[diabetes=Yes].") == {
        "treated.n": "20", "treated.percent": "10.0", "control.n": "40", "control.percent": "13.3",
    }  # fmt: skip
    assert [one.text for one in found.ledger.assumed[:2]] == [
        "column C 'Compound Z (n = 90)' is of neither arm: left out",
        "columns E compare more than the two arms: left out",
    ]
    kept = read(({"kind": "baseline", "E": "p"}, table))
    assert kept.keys["table1.before[diabetes].p"] == "0.20"


def test_rates_by_person_time_are_left_out() -> None:
    table = "Outcome\tDrug (n = 200)\t\tNo drug (n = 300)\t\tHR (95% CI)\n"
    table += (
        "\tNo. of patients with event\tRate per 1000 person-yr\tNo. of patients with event\tRate per 1000 person-yr\t\n"
    )
    table += "Overall survival\t50\t10.7\t90\t11.3\t0.80 (0.57–1.13)\n"
    found = read(("events", table))
    assert found.asked == []
    assert found.of("endpoints.OS.before.km.") == {"treated.events": "50", "control.events": "90"}


@pytest.mark.parametrize("head", ["P value (Before)", "p (uncorrected)", "P-value"])
def test_words_in_brackets_behind_a_p(head: str) -> None:
    found = read(("baseline", HEAD.replace("P value", head) + "Diabetes\t20 (10.0)\t40 (13.3)\t0.26\n"))
    assert found.keys["table1.before[diabetes].p"] == "0.26"


def test_all_bare_numbers_of_a_table_are_settled_by_one_line() -> None:
    table = HEAD + "Diabetes\t10.5\t13.3\t0.3\nPain\t20.5\t23.3\t0.4\n"
    asked = read(("baseline", table))
    assert len(asked.asked) == 2
    assert all(one.endswith("or for all such rows  numbers: percent") for one in asked.asked)
    found = read(({"kind": "baseline", "numbers": "percent"}, table))
    assert found.asked == []
    assert found.of("table1.before[pain=Yes].") == {"treated.percent": "20.5", "control.percent": "23.3"}


def test_unknown_rows_of_one_name_are_settled_by_one_line() -> None:
    rows = "".join(f"{name}\n A\t100 (50.0)\t150 (50.0)\n B\t90 (45.0)\t140 (46.7)\n Unknown\t10 (5.0)\t10 (3.3)\n" for name in ("Site", "Type"))  # fmt: skip  # noqa: E501
    asked = read(("baseline", HEAD + rows))
    assert all("or for all such rows  Unknown: missing" in one for one in asked.asked)
    found = read(({"kind": "baseline", "Unknown": "level"}, HEAD + rows))
    assert found.asked == []
    assert found.keys["table1.before[type=Unknown].control.n"] == "10"


def test_of_two_adjustments_one_is_to_be_left_out() -> None:
    said = {"design": "weighted", "arms": {"control": "LP", "treated": "HLP"}}
    table = "x\tPSM\t\tIPTW\t\n\tLP (n = 105)\tHLP (n = 105)\tLP (n = 130)\tHLP (n = 135)\nMale\t75 (71.4)\t73 (69.5)\t89 (68.5)\t93 (68.7)\n"  # fmt: skip  # noqa: E501
    ledger = Ledger()
    asked = paper({"table1.tsv": {"kind": "baseline"}}, **said)
    understand(read_grid(table.encode(), "table1.tsv"), "table1.tsv", {"kind": "baseline"}, asked, ledger)
    (question,) = ledger.questions
    assert question.readings == ("B-C: skip", "D-E: skip")
    assert question.columns == set("BCDE")


def test_notes_below_a_table_do_not_tell_its_side() -> None:
    note = (
        "\nThe limits have not been adjusted for multiplicity, and so they should not be used to infer any effects.\n"
    )
    found = read(("events", OUTCOME + "Overall survival\t50 (25.0)\t90 (30.0)\t0.8 (0.6–1.1)\t0.2" + note))
    assert "endpoints.OS.before.cox.hr" in found.keys


def test_rows_below_another_outcome_are_not_of_the_endpoint_above() -> None:
    table = (
        OUTCOME
        + "Progression-free survival\nMedian, months (95% CI)\t5.5 (4.5–5.9)\t3.7 (3.6–4.0)\t0.69 (0.58–0.82)\t<0.001\n"
    )
    table += "Quality of life\nNo. of patients\t99\t31\t3.19 (2.18–4.66)\t<0.001\n"
    found = read(("events", table))
    summaries = [f"km.{arm}.{one}" for arm in ("treated", "control") for one in ("median", "low", "high")]
    wanted = {f"endpoints.PFS.before.{one}" for one in ("cox.hr", "cox.low", "cox.high", "cox.p", *summaries)}
    assert {key for key in found.keys if key.startswith("endpoints")} == wanted
    assert any("names no endpoint" in one.text for one in found.ledger.unread)


def test_responses_within_a_table_of_events() -> None:
    table = OUTCOME + "Overall survival\t50 (25.0)\t90 (30.0)\t0.8 (0.6–1.1)\t0.2\nObjective response\n"
    table += "No. of patients with a response\t60\t45\t\t0.001\n% (95% CI)\t30 (24–37)\t15 (11–20)\t\t\nOdds ratio (95% CI)\t2.43 (1.6–3.8)\t\t\t\n"  # fmt: skip  # noqa: E501
    found = read(("events", table))
    assert found.asked == []
    assert found.of("binary.ORR.before.") == {
        "treated.yes": "60", "control.yes": "45", "p": "0.001", "treated.percent": "30", "control.percent": "15",
        "odds_ratio.value": "2.43", "odds_ratio.low": "1.6", "odds_ratio.high": "3.8",
    }  # fmt: skip


def test_ratios_and_p_in_rows_of_their_own() -> None:
    table = HEAD + "Objective response (95% CI)\t29.8% (24.3–35.7)\t44.6% (38.5–50.8)\n"
    table += "Stratified odds ratio (95% CI)\t0.53 (0.37–0.76)\t..\np value\t<0.0001\t..\nTime to response, months\nMedian\t3\t2\n"  # fmt: skip  # noqa: E501
    found = read(("response", table.replace("\tP value", "")))
    assert found.of("binary.") == {
        "ORR.before.treated.percent": "29.8", "ORR.before.control.percent": "44.6",
        "ORR.before.odds_ratio.value": "0.53", "ORR.before.odds_ratio.low": "0.37",
        "ORR.before.odds_ratio.high": "0.76", "ORR.before.p": "<0.0001",
    }  # fmt: skip
    assert sum("is no count or share of patients" in one.text for one in found.ledger.unread) == 2


def test_a_hazard_ratio_across_the_arms() -> None:
    rows = "Overall survival\nMedian (95% CI)\t9.0 (8.0–10.0)\t7.0 (6.0–8.0)\n"
    rows += "Hazard ratio (95% CI)\t0.75 (0.60–0.94)\t\np\t0.011\t\n"
    found = read(("events", HEAD.replace("\tP value", "") + rows))
    assert found.keys["endpoints.OS.before.cox.low"] == "0.60"
    assert found.keys["endpoints.OS.before.logrank.p"] == "0.011"


def test_counts_of_events_are_no_patients() -> None:
    found = read(
        ("adverse events", HEAD + "Number of adverse events\t234\t143\t\nNausea\t20 (10.0)\t40 (13.3)\t0.26\n")
    )
    assert {key.split(".")[1] for key in found.keys if key.startswith("binary")} == {"nausea"}


def test_shares_of_other_numbers_are_asked() -> None:
    table = "Event\tLP (n = 253)\tHLP (n = 169)\n{0}Nausea\t29 (11.5%)\t82 (48.5%)\nRash\t25 (9.9%)\t17 (10.1%)\n"
    row = "Related\t31 (91.2%)\t36 (83.7%)\n"
    (question,) = ledger_of(table.format(row), "adverse events before").questions
    assert "are no shares of the arms' patients" in question.what
    assert question.settle == "Related: as printed"
    one_arm = "Related\t31 (91.2%)\t36 (21.3%)\n"
    assert ledger_of(table.format(one_arm), "adverse events before").questions == []


def test_p_of_percentages_is_that_of_the_counts_they_may_be_of() -> None:
    for texts, n, counts in ((("10.6", "21.4"), (4747, 439), (503, 94)), (("50.6", "46.6"), (348, 348), (176, 162))):
        exact = p_of_counts(([counts[0], n[0] - counts[0]], [counts[1], n[1] - counts[1]]))
        found = p_of_percents(texts, n)
        assert all(low <= one <= high for one, (low, high) in zip(exact, found, strict=True))
        assert all(high < 10 * low for low, high in found)
    assert p_of_percents(("50.1", "46.6"), (20, 348)) == ()  # no count of 20 is 50.1 %


def test_swapped_p_of_percentages_are_asked() -> None:
    rows = "Heart failure\t62.1%\t58.9%\t{0}\nDiabetes\t50.6%\t46.6%\t{1}\nCancer\t39.7%\t35.6%\t0.309\n"
    head = "x\tLP (n = 348)\tHLP (n = 348)\tP\n"
    assert ledger_of(head + rows.format("0.438", "0.324"), "baseline after").questions == []
    assert ledger_of(head + rows.format("0.309", "0.842"), "baseline after").questions == []
    (question,) = ledger_of(head + rows.format("0.324", "0.438"), "baseline after").questions
    assert "are they swapped" in question.what


def test_clean_print_is_still_not_asked() -> None:
    assert ledger_of(CHECKED).questions == []


PAGE = """<!DOCTYPE html><html><body><table><tr><td>Menu</td><td>Home</td></tr></table>
<p>In 2012 the patients were adjusted for weighting; mean (SD) age 5 (3).</p>{0}<h4>Table 2. Deaths</h4>{1}
<p>Discussion of the matched patients.</p></body></html>"""


def test_one_of_several_tables_of_a_page_is_named(tmp_path: Path) -> None:
    registry = papers()[2]
    whole = {name: data.decode() for name, data in registry.files().items() if name != "paper.yaml"}
    page = PAGE.format(*whole.values()).encode()
    yaml = registry.yaml.replace("table1.html", "page.html")
    with pytest.raises(
        DocumentError, match=r"it holds 2 tables: #1 'Characteristic.*name one in tables, as in page.html#1"
    ):
        read_paper(write({"paper.yaml": yaml.replace("table2.html", "page.html#2").encode(), "page.html": page}, tmp_path / "a"))  # fmt: skip  # noqa: E501
    both = yaml.replace("page.html", "page.html#1").replace("table2.html", "page.html#2").encode()
    found = read_paper(write({"paper.yaml": both, "page.html": page}, tmp_path / "b"))
    right = read_paper(write(registry.files(), tmp_path / "c"))
    assert found.questions == right.questions == ()
    assert {one.key: one.printed for one in found.numbers} == {one.key: one.printed for one in right.numbers}
    assert {one.where for one in found.numbers if one.key.startswith("table1")} == {"Table 1"}
    with pytest.raises(DocumentError, match="it holds 2 tables"):
        read_paper(write({"paper.yaml": both.replace(b"#2", b"#3"), "page.html": page}, tmp_path / "d"))


def test_a_row_whose_cells_are_broken_over_lines_is_whole() -> None:
    text = (
        "Drug name |\nDrug (n = 200) |\nNo drug (n = 300) |\n---|---|---|\nPain — no. (%) |\n20 (10.0) | 40 (13.3) |\n"
    )
    rows = read_grid(text.encode(), "t.md").rows
    assert [row.cells for row in rows] == [
        ("Drug name", "Drug (n = 200)", "No drug (n = 300)"),
        ("Pain — no. (%)", "20 (10.0)", "40 (13.3)"),
    ]


def test_counts_of_the_arms_are_together_those_of_all() -> None:
    head = "x\tAll (n = 500)\tLP (n = 300)\tHLP (n = 200)\n"
    rows = "".join(f"Trait {k}\t{a + b}\t{a}\t{b}\n" for k, a, b in (("A", 30, 40), ("B", 50, 60), ("C", 9, 8), ("D", 70, 20), ("E", 7, 2)))  # fmt: skip  # noqa: E501
    assert ledger_of(head + rows, "baseline before").questions == []
    (question,) = ledger_of(head + rows.replace("\t17\t9\t8", "\t17\t8\t8"), "baseline before").questions
    assert "'8' and '8' are not together '17'" in question.what
    assert question.settle == "Trait C: as printed"
