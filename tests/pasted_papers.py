"""Papers in short for tests of what is pasted: result lines read by themselves, folders written."""

from collections.abc import Mapping
from pathlib import Path

from benchmarks.pasted.lines import read_lines
from benchmarks.pasted.paper_file import PaperArms, PaperFile, Places
from benchmarks.pasted.reading import Ledger, ReadVariable, Spot, gathered

HCC = Path(__file__).parents[1] / "scenarios" / "papers" / "hcc-lung-metastasis"
"""The first paper: its tables as they were copied from the journal's page, its lines, and its results as prose."""
ENDPOINTS = {"OS": "death", "PFS": "progression or death", "relapse": "relapse; competing death"}
VARIABLES = (
    ReadVariable("age", "Age", "continuous", cuts=("<=50", ">50")),
    ReadVariable("albi", "ALBI", "ordinal", levels=("1", "2", "3")),
    ReadVariable("sex", "Sex", "binary", levels=("Female", "Male")),
    ReadVariable("child_pugh", "Child-Pugh", "binary", levels=("A", "B")),
)
SIZES = {("before", "control"): 253, ("before", "treated"): 169, ("after", "control"): 151, ("after", "treated"): 151}


def small_paper(**said: object) -> PaperFile:
    """A matched paper with the arms LP and HLP and three endpoints."""
    plain: dict[str, object] = {
        "name": "small",
        "source": "A. Author 2024",
        "design": "matched",
        "arms": PaperArms(control="LP", treated="HLP"),
        "endpoints": ENDPOINTS,
    }
    return PaperFile.model_validate({**plain, **said})


def lines_of(text: str, sizes: Mapping[tuple[str, str], int] = SIZES, **said: object) -> Ledger:
    """The ledger of a paper of which the lines of the results are read alone; ORR is known of a table."""
    ledger = Ledger()
    for one in VARIABLES:
        ledger.know(one)
    ledger.put("binary.ORR.after.control.percent", "20.5", "Table 2", Spot("table2.tsv", 8, "E"))
    ledger.sizes.update(sizes)
    written = tuple((k, line) for k, line in enumerate(text.splitlines(), 1) if line.strip())
    read_lines(small_paper(**said), Places(Path(), results=written), ledger)
    return ledger


def printed(text: str, **said: object) -> dict[str, str]:
    """What is printed under each key that the lines give; no line may be asked about."""
    ledger = lines_of(text, **said)  # type: ignore[arg-type]
    assert not ledger.questions, [str(one) for one in ledger.questions]
    return {one.key: one.printed for one in ledger.numbers[1:]}


def asked(text: str, **said: object) -> str:
    """The one question about lines that give no number."""
    ledger = lines_of(text, **said)  # type: ignore[arg-type]
    assert len(ledger.questions) == len(ledger.unread) == 1, [str(one) for one in ledger.questions]
    assert not [one for one in ledger.numbers[1:] if not ledger.questions[0].withholds(one)]
    assert not gathered(ledger.numbers[1:])
    return str(ledger.questions[0])
