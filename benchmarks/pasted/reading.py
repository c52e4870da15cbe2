"""What the reading of a pasted paper gives, and the ledger in which its parts are written down."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from benchmarks.pasted.paper_file import PaperFile
from simulator.documents.printed import Printed, Quoted

Role = Literal["control", "treated"]
Arm = Literal["", "control", "treated", "all"]
Phase = Literal["", "before", "after"]
CellKind = Literal["none", "share", "pair", "pm", "triple", "range", "percent", "num", "bound", "inf", "unread"]
ROLES: tuple[Role, Role] = ("control", "treated")


@dataclass(frozen=True, order=True)
class Spot:
    """A place in what was pasted: a file, a line of it (from 1), and a table's column by letter ("A": the labels)."""

    file: str
    line: int = 0
    column: str = ""

    def __str__(self) -> str:
        return ":".join([self.file, *([str(self.line)] if self.line else []), *([self.column] if self.column else [])])


@dataclass(frozen=True)
class PastedCell:
    """A cell: as pasted, in plain spelling, its kind, and the texts of its numbers in the order of its kind.

    share: (n, percent), or (n,) where only ``of``, the divisor, is printed beside it; pair: two numbers of which the
    row alone tells what they are; pm: (mean, sd); triple: (middle, low, high); range: (low, high); percent, num, bound:
    one number; inf: a limit not reached; none: no number; unread: nothing that is known. ``signed``: it has a percent
    sign.
    """

    raw: str
    text: str
    kind: CellKind
    values: tuple[str, ...] = ()
    of: str = ""
    signed: bool = False


@dataclass(frozen=True)
class PastedColumn:
    """What a column of a table holds; '' is what its head does not say and no line settles.

    ``statistic``: n, percent, mean, sd, median, p, test, smd, hr, low, high, limits, interaction_p, events, at_risk,
    patients. ``model``: univariable or multivariable. ``grade``: '' any, else the printed grades ("3-4", "≥3", "5").
    ``n``: the size of the arm that the head prints, ``n_printed`` its text (a weighted one may have decimals), and
    ``own_n``: it is that of a population of its own, so that its numbers are for the audit alone. ``head``: its heads
    from top to bottom, joined by " / ".
    """

    letter: str
    head: str
    arm: Arm = ""
    phase: Phase = ""
    statistic: str = ""
    endpoint: str = ""
    model: str = ""
    grade: str = ""
    n: int | None = None
    skip: bool = False
    n_printed: str = ""
    own_n: bool = False


@dataclass(frozen=True)
class PastedRow:
    """A row below the heads: its line in the file, how deep its label stands, and a cell for each of the columns."""

    line: int
    indent: int
    label: str
    cells: tuple[PastedCell, ...]


@dataclass(frozen=True)
class PastedTable:
    """A pasted table with its columns understood (that of labels, "A", left out).

    ``kind``: baseline, response, adverse events, cox, subgroups or events; ``phase`` that of the whole table where
    paper.yaml says it; ``where`` how its numbers are cited ("Table 1"); ``settled`` what paper.yaml says of single
    rows, by their label as printed; ``notes`` the lines above, below and within it without numbers of its columns.
    """

    file: str
    kind: str
    phase: Phase
    where: str
    columns: tuple[PastedColumn, ...]
    rows: tuple[PastedRow, ...]
    settled: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadVariable:
    """A baseline variable: its key, its label as printed, and what its rows show.

    ``kind``: continuous, binary, ordinal or nominal. ``levels`` as printed, in their order, the first the reference
    unless the paper names another; ``cuts`` as in its keys ("<=50", ">50"); ``summary``: mean, quartiles, range, or ''.
    ``complete``: whether the printed levels are all there are (a "Yes" row alone has its complement in mind).
    """

    name: str
    label: str
    kind: str
    unit: str = ""
    levels: tuple[str, ...] = ()
    cuts: tuple[str, ...] = ()
    summary: str = ""
    complete: bool = True


@dataclass(frozen=True)
class ReadNumber:
    """A number under its key: as printed, where the paper has it, the cell or line it was read from, and what it is."""

    key: str
    printed: str
    where: str
    spot: Spot
    raw: str = ""
    audit_only: bool = False
    of_known: bool = False


@dataclass(frozen=True)
class OpenQuestion:
    """What only the reader of the paper can settle, and the line of paper.yaml that does.

    The numbers read from ``lines`` (all of the file where none is named) and ``columns`` (all, where none) of its file
    are withheld while it is open. ``readings`` are the answers that it takes.
    """

    spot: Spot
    what: str
    settle: str
    readings: tuple[str, ...] = ()
    lines: frozenset[int] = frozenset()
    columns: frozenset[str] = frozenset()

    def withholds(self, number: ReadNumber) -> bool:
        """Whether a number waits for the answer."""
        here = number.spot
        in_lines = not self.lines or here.line in self.lines
        return here.file == self.spot.file and in_lines and (not self.columns or here.column in self.columns)

    def __str__(self) -> str:
        return f"{self.spot}: {self.what}. Write  {self.settle}"


@dataclass(frozen=True)
class Remark:
    """Something that was assumed (told, not asked), or a cell that was not understood."""

    spot: Spot
    text: str


@dataclass(frozen=True)
class Reading:
    """A paper as it was read.

    ``numbers`` are those under no open question, in the order of reading; ``withheld`` those that wait. ``sizes`` are
    the arms' patients by side and role. ``tables`` and their cells are all there, understood or not.
    """

    folder: str
    paper: PaperFile
    tables: tuple[PastedTable, ...]
    numbers: tuple[ReadNumber, ...]
    withheld: tuple[ReadNumber, ...]
    variables: Mapping[str, ReadVariable]
    sizes: Mapping[tuple[str, str], int]
    questions: tuple[OpenQuestion, ...]
    assumed: tuple[Remark, ...]
    unread: tuple[Remark, ...]
    unclaimed: tuple[Remark, ...]

    @property
    def published(self) -> dict[str, Printed]:
        """The numbers by key: the first print of each, later ones that differ as ``also``."""
        return gathered(self.numbers)


def gathered(numbers: Iterable[ReadNumber]) -> dict[str, Printed]:
    """Published numbers by key: the first print of each, later ones that differ as ``also``."""
    found: dict[str, Printed] = {}
    for one in numbers:
        known = found.get(one.key)
        if known is None:
            found[one.key] = Printed(
                printed=one.printed, where=one.where, audit_only=one.audit_only, of_known=one.of_known
            )
        elif one.printed not in (known.printed, *(other.printed for other in known.also)):
            also = (*known.also, Quoted(printed=one.printed, where=one.where))
            found[one.key] = known.model_copy(update={"also": also})
    return found


class Ledger:
    """What is found while a paper is read, in the order of reading."""

    def __init__(self) -> None:
        self.numbers: list[ReadNumber] = []
        self.questions: list[OpenQuestion] = []
        self.assumed: list[Remark] = []
        self.unread: list[Remark] = []
        self.variables: dict[str, ReadVariable] = {}
        self.sizes: dict[tuple[str, str], int] = {}

    def put(self, key: str, printed: str, where: str, spot: Spot, raw: str = "", audit_only: bool = False,
            of_known: bool = False) -> None:  # fmt: skip
        """A number under its key."""
        self.numbers.append(ReadNumber(key, printed, where, spot, raw, audit_only, of_known))

    def ask(
        self,
        spot: Spot,
        what: str,
        settle: str,
        readings: Iterable[str] = (),
        lines: Iterable[int] = (),
        columns: Iterable[str] = (),
    ) -> None:
        """A question, once."""
        one = OpenQuestion(spot, what, settle, tuple(readings), frozenset(lines), frozenset(columns))
        if one not in self.questions:
            self.questions.append(one)

    def assume(self, spot: Spot, text: str) -> None:
        """Something that was assumed."""
        self.assumed.append(Remark(spot, text))

    def not_understood(self, spot: Spot, text: str) -> None:
        """A cell or line that was not understood."""
        self.unread.append(Remark(spot, text))

    def know(self, variable: ReadVariable) -> None:
        """What is known of a variable now; it stands in place of what was known before."""
        self.variables[variable.name] = variable
