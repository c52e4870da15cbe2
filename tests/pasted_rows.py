"""Papers of a few pasted tables, read to their ledger; a row that is shorter than the head is filled up."""

from dataclasses import dataclass

from benchmarks.pasted.columns import understand
from benchmarks.pasted.grids import read_grid
from benchmarks.pasted.paper_file import PaperArms, PaperFile
from benchmarks.pasted.reading import Ledger
from benchmarks.pasted.rows import read_rows

HEAD = "Characteristic\tDrug (n = 200)\tNo drug (n = 300)\tP value\n"
BASELINE = (
    HEAD
    + """Age, years, median (IQR)\t58 (51–66)\t60 (52–67)\t0.12
< 65\t120 (60.0)\t180 (60.0)\t0.9
≥ 65\t80 (40.0)\t120 (40.0)
Sex\t\t\t0.6
 Male\t150 (75.0)\t220 (73.3)
 Female\t50 (25.0)\t80 (26.7)
ECOG PS\t\t\t0.5
 0\t100 (50.0)\t150 (50.0)
 1\t60 (30.0)\t90 (30.0)
 2\t40 (20.0)\t60 (20.0)
Cirrhosis\t\t\t0.5
 No\t100 (50.0)\t150 (50.0)
 Yes\t100 (50.0)\t150 (50.0)
Region\t\t\t0.3
 Asia\t100 (50.0)\t150 (50.0)
 Europe\t60 (30.0)\t90 (30.0)
 America\t40 (20.0)\t60 (20.0)
AFP, ng/mL\t\t\t0.2
 <400\t150 (75.0)\t220 (73.3)
 ≥400\t50 (25.0)\t80 (26.7)
Diabetes\t20 (10.0)\t40 (13.3)\t0.2
"""
)
"""A baseline table with a cut, two factors of three levels, three of two, and a row of its own."""


@dataclass(frozen=True)
class Read:
    """What a paper's tables gave: numbers under no question by key, and those that wait."""

    ledger: Ledger
    keys: dict[str, str]
    withheld: dict[str, str]

    @property
    def asked(self) -> list[str]:
        """The questions in words."""
        return [str(one) for one in self.ledger.questions]

    def of(self, start: str) -> dict[str, str]:
        """The numbers whose keys begin so, without that."""
        return {key.removeprefix(start): text for key, text in self.keys.items() if key.startswith(start)}


def paper(tables: dict[str, dict[str, str | dict[str, str]]], **more: object) -> PaperFile:
    """A paper file with two arms and two endpoints, not matched unless told so."""
    given: dict[str, object] = {
        "name": "a-paper", "source": "Author A. Journal 2020;1:1", "design": "crude",
        "arms": PaperArms(control="No drug", treated="Drug"), "tables": tables,
        "endpoints": {"OS": "death", "PFS": "progression or death"}, **more,
    }  # fmt: skip
    return PaperFile.model_validate(given)


def padded(text: str) -> str:
    """A pasted text whose rows all have as many cells as the longest."""
    rows = [line.split("\t") for line in text.rstrip("\n").split("\n")]
    width = max(map(len, rows))
    return "\n".join("\t".join([*row, *[""] * (width - len(row))]) for row in rows) + "\n"


def read(*tables: tuple[dict[str, str] | str, str], **more: object) -> Read:
    """The tables, each with its entry in paper.yaml (or its kind alone), read in their order."""
    entries = {f"table{k}.tsv": {"kind": e} if isinstance(e, str) else dict(e) for k, (e, _) in enumerate(tables, 1)}
    asked = paper(entries, **more)  # type: ignore[arg-type]
    ledger = Ledger()
    for (file, entry), (_, text) in zip(entries.items(), tables, strict=True):
        read_rows(understand(read_grid(padded(text).encode(), file), file, entry, asked, ledger), asked, ledger)
    waiting = [any(question.withholds(one) for question in ledger.questions) for one in ledger.numbers]
    free = {n.key: n.printed for n, waits in zip(ledger.numbers, waiting, strict=True) if not waits}
    held = {n.key: n.printed for n, waits in zip(ledger.numbers, waiting, strict=True) if waits}
    return Read(ledger, free, held)


def read_after(text: str, entry: dict[str, str] | str, **more: object) -> Read:
    """A table read behind the baseline table."""
    return read(("baseline", BASELINE), (entry, text), **more)
