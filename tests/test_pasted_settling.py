"""The lines of paper.yaml that settle the columns of a pasted table."""

import pytest

from benchmarks.pasted.columns import entry_faults
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.settling import letter, letters_of, row_key, settling_words

PAPER = PaperFile.model_validate(
    {
        "name": "x",
        "source": "s",
        "design": "matched",
        "arms": {"control": "LP", "treated": "HLP"},
        "endpoints": {"OS": "death", "PFS": "progression or death"},
    }
)


@pytest.mark.parametrize("text", ["befor", "before after", "LP HLP", "", "B"])
def test_unknown_words_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no arm|two things|says nothing"):
        settling_words(text, PAPER)


def test_words_in_any_order() -> None:
    assert settling_words("n HLP before", PAPER) == {"statistic": "n", "arm": "treated", "phase": "before"}
    assert settling_words("grade 3-4 p", PAPER) == {"grade": "3-4", "statistic": "p"}
    assert settling_words("n = 151", PAPER) == {"n_printed": "151"}


def test_faults_of_an_entry_name_their_key() -> None:
    entry = {
        "kind": "baselin",
        "B": "lp befor",
        "decimal": "dot",
        "n": "other",
        "rows": {"4 of 8": "A-B"},
        "pairs": "banana",
        "numbers": "percentages",
        "triples": "median",
        "Sex": "level",
    }
    wanted = ["kind", "rows", "decimal", "n", "pairs", "triples", "numbers", "B"]
    assert [key for key, _ in entry_faults(entry, PAPER)] == wanted
    right = {"pairs": "N (%)", "numbers": "percent", "triples": "median (Q1-Q3), quartiles"}
    assert list(entry_faults({"kind": "baseline", **right}, PAPER)) == []


def test_letters() -> None:
    assert (letters_of("E-G", 7), letters_of("B", 7), letters_of("H", 7), letters_of("A", 7)) == (
        range(4, 7),
        range(1, 2),
        None,
        None,
    )
    assert (letter(1), letter(26)) == ("B", "AA")


@pytest.mark.parametrize(
    ("label", "key"),
    [("Sex", "Sex"), ("B", "line 9"), ("> 50", "line 9"), ("A: b", "line 9"), ("Yes", "line 9"), ("rows", "line 9")],
)
def test_rows_are_named_by_what_yaml_and_the_table_can_tell_apart(label: str, key: str) -> None:
    assert row_key(label, 9, ["Sex", "B", "> 50", "A: b", "Yes", "Yes", "rows"], 7) == key
