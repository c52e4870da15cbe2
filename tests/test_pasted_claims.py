"""Numbers of the pasted text that no table, line, fact or `ignore` claims."""

from pathlib import Path

import pytest

from benchmarks.pasted.cells import plain_cell
from benchmarks.pasted.claims import MOST, unclaimed
from benchmarks.pasted.paper_file import Places
from benchmarks.pasted.reading import Ledger, PastedColumn, PastedRow, PastedTable
from tests.pasted_papers import HCC, small_paper

TABLE = PastedTable(
    "table1.tsv", "baseline", "", "Table 1", (PastedColumn("B", "LP / n = 253", "control", n=253),),
    (PastedRow(3, 0, "> 50", (plain_cell("113 (44.7%)"),)),),
)  # fmt: skip


def left(text: str, **said: object) -> list[str]:
    """The unclaimed numbers of a text, each with its line."""
    places = Places(Path(), results=((9, "OS before: HLP 26.0 (18.4–NA); P < 0.001   # 77"),))
    found = unclaimed(text, "text.txt", small_paper(**said), places, (TABLE,), Ledger())
    return [f"{one.spot.line}: {one.text.partition(' in ')[0]}" for one in found]


def test_tables_lines_and_facts_claim_their_prints() -> None:
    text = "113 of 253 (44·7%) were over 50.\nMedian 26.0 (95% CI: 18.4–NA), p<.001.\n8 patients died of 1,234 (0.65%)."
    assert left(text) == ["3: 8", "3: 1,234", "3: 0.65"]
    facts = {"accrual": "2019-01 to 2024-12", "cut_off": "2025-04-30", "eligibility": {"age": "18 to 75"}}
    said = "Between January 2019 and December 2024; closed on April 30, 2025; aged 18–75 years, 1:1 matching."
    assert left(said, **facts, methods={"matching": "nearest 1:1"}) == []
    assert left(said) == ["1: 2019", "1: 2024", "1: 30", "1: 2025", "1: 18", "1: 75", "1: 1", "1: 1"]


def test_the_print_counts_and_not_the_value() -> None:
    assert left("26 months; 18.40 months; 44.7; 26.0") == ["1: 26", "1: 18.40"]


@pytest.mark.parametrize(
    "text",
    [
        "as shown before [12], [3, 4] and [5–8].",
        "see [Table 1](#), Figure 2A, Supplementary Table S3 and Figs. 2 and 3",
        "Zhang et al. (2019), Li et al 2020",
        "95% CI, 95% confidence interval, 95%CI, 90% CIs",
        "PD-1, CTLA-4, HBV2, CD8+ and Child-Pugh A5 by mRECIST and RECIST 1.1 and CTCAE version 5.0",
        "R version 4.2.1, R 4.1.0 and SPSS Statistics version 26.0",
        "Pearson's χ^2 test, 10⁹ cells per m², grade 3/4 and grade ≥3 events",
        "https://doi.org/10.1056/NEJM1234 and doi: 10.1000/182",
        "two-sided p-values < 0.05 were considered significant",
    ],
)
def test_what_only_names_something_is_no_number(text: str) -> None:
    assert left(text) == []


def test_limits_in_square_brackets_are_numbers() -> None:
    assert left("a median of 7 [5, 9] days") == ["1: 7", "1: 5", "1: 9"]


def test_ignore_takes_numbers_and_pieces_of_text() -> None:
    text = "A  5-year plan of 5 years and 0.05."
    assert left(text) == ["1: 5", "1: 5", "1: 0.05"]
    assert left(text, ignore=("a 5-year plan", "0.05")) == ["1: 5"]
    assert left(text, ignore=("5", "0.05")) == []


def test_a_piece_that_is_nowhere_is_told() -> None:
    ledger = Ledger()
    unclaimed("nothing", "text.txt", small_paper(ignore=("a 5-year plan",)), Places(Path()), (), ledger)
    assert [one.text for one in ledger.assumed] == ["ignore: 'a 5-year plan' is not in text.txt"]


def test_a_remark_shows_what_stands_around_its_number() -> None:
    text = "word " * 30 + "and 77 patients had it " + "word " * 30
    (one,) = unclaimed(text, "text.txt", small_paper(), Places(Path()), (), Ledger())
    assert one.text == "77 in '...word word word word word word word and 77 patients had it word word word word...'"


def test_a_long_list_is_cut() -> None:
    found = unclaimed("\n".join(map(str, range(1000, 1900))), "t.txt", small_paper(), Places(Path()), (), Ledger())
    assert len(found) == MOST + 1
    assert found[-1].text == f"and {900 - MOST} more from here on"


def test_the_text_of_the_first_paper_without_its_tables_leaves_their_numbers() -> None:
    text = (HCC / "text.txt").read_text("utf-8")
    found = unclaimed(text, "text.txt", small_paper(), Places(Path()), (), Ledger())
    told = {one.text.partition(" in ")[0] for one in found}
    assert {"422", "169", "253", "151", "46.7", "26.0", "0.36", "0.001", "75.1"} <= told
    assert not {"95", "1.1", "3-4"} & told
