"""The sizes of the arms that heads print: which side they tell, what they contradict, and their keys."""

import re
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.pasted.heads import phase_of
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import ROLES, Arm, Ledger, PastedColumn, Phase, Role, Spot
from benchmarks.pasted.shape import TableEntry

SIDES: tuple[Phase, Phase] = ("before", "after")


def phases_by_size(columns: list[PastedColumn], paper: PaperFile, spot: Spot, ledger: Ledger) -> list[PastedColumn]:
    """The columns with the side that their size tells where no head does; it is said, and asked where it tells none."""
    made, told, silent = [], {}, []
    for column in columns:
        if column.arm in ROLES and not column.phase and not column.skip:
            sides = [
                side for side in SIDES if column.n is not None and ledger.sizes.get((side, column.arm)) == column.n
            ]
            if len(sides) == 1:
                column = replace(column, phase=sides[0])
                told[column.letter] = f"{column.letter} has n = {column.n}, {_named(column.arm, paper)} {sides[0]}"
            else:
                silent.append(column.letter)
        made.append(column)
    if told:
        ledger.assume(spot, f"the side of the columns is told by their sizes: {'; '.join(told.values())}")
    for letters in _runs(columns, silent):
        every = _from(columns, letters)
        where = every[0] if len(every) == 1 else f"{every[0]}-{every[-1]}"
        what = f"columns {', '.join(letters)} do not say whether they are before or after {_adjusting(paper)}"
        ledger.ask(spot, what, f"{where}: before", (f"{where}: before", f"{where}: after"), columns=every)
    return made


def _runs(columns: Sequence[PastedColumn], letters: Sequence[str]) -> list[list[str]]:
    """The letters in runs in which no arm, statistic and grade stands twice."""
    runs: list[list[str]] = []
    seen: set[tuple[str, ...]] = set()
    for column in columns:
        if column.letter in letters:
            key = (column.arm, column.statistic, column.grade)
            if key in seen or not runs:
                runs.append([])
                seen = set()
            runs[-1].append(column.letter)
            seen.add(key)
    return runs


def with_sides_of_all(columns: list[PastedColumn]) -> list[PastedColumn]:
    """The columns of all patients with the side of which they have both arms' sizes, or the one side that there is."""
    sums: dict[Phase, int] = {}
    for side in SIDES:
        sizes = [
            column.n for column in columns if column.arm in ROLES and column.phase == side and column.n is not None
        ]
        if len(sizes) == 2:
            sums[side] = sum(sizes)
    sides: list[Phase] = sorted({column.phase for column in columns if column.arm in ROLES and column.phase})
    made = []
    for column in columns:
        if column.arm == "all" and not column.phase:
            told: list[Phase] = [side for side, n in sums.items() if n == column.n] if column.n is not None else sides
            column = replace(column, phase=told[0] if len(told) == 1 else "")
        made.append(column)
    return made


def _adjusting(paper: PaperFile) -> str:
    return "weighting" if paper.design == "weighted" else "matching"


def _named(arm: Arm, paper: PaperFile) -> str:
    return {"control": paper.arms.control, "treated": paper.arms.treated}.get(arm, "all")


def _from(columns: Sequence[PastedColumn], letters: Sequence[str]) -> list[str]:
    """The letters, and the columns of no arm right of them."""
    found, on = [], False
    for column in columns:
        on = column.letter in letters or (on and not column.arm)
        if on:
            found.append(column.letter)
    return found


def _key(column: PastedColumn) -> tuple[str, ...]:
    return (column.arm, column.phase, column.statistic, column.endpoint, column.model, column.grade)


def ask_same_heads(columns: Sequence[PastedColumn], spot: Spot, ledger: Ledger) -> None:
    """A question for each run of columns that have the roles of earlier ones."""
    first: dict[tuple[str, ...], PastedColumn] = {}
    run: list[tuple[PastedColumn, PastedColumn]] = []
    for column in [*columns, None]:
        known = None
        sided = column is not None and (column.phase or not any(one.arm and not one.phase for one in columns))
        if column is not None and not column.skip and sided and (column.arm or column.statistic or column.endpoint):
            known = first.setdefault(_key(column), column)
        if column is not None and known is not None and known is not column:
            run.append((known, column))
        elif run:
            _ask_run(run, spot, ledger)
            run = []


def _ask_run(run: Sequence[tuple[PastedColumn, PastedColumn]], spot: Spot, ledger: Ledger) -> None:
    known, column = run[0]
    letters = [two.letter for _, two in run]
    where = letters[0] if len(letters) == 1 else f"{letters[0]}-{letters[-1]}"
    if _bare(column.head) == _bare(known.head):
        what = f"columns {known.letter} and {column.letter} have one head '{_bare(known.head)}'"
    else:
        what = f"columns {known.letter} '{known.head}' and {column.letter} '{column.head}' hold the same"
    settle = f"{where}: skip"
    if known.n != column.n:
        what += f", n = {known.n_printed or 'none'} and {column.n_printed or 'none'}"
        sides = [side for side in SIDES if column.n is not None and ledger.sizes.get((side, _role(column))) == column.n]
        if len(sides) == 1:
            what += f". {column.n_printed} is n {sides[0]} in an earlier table"
            settle = f"{where}: {sides[0]}" if sides[0] != known.phase else settle
    withheld = letters
    said = [one.phase and phase_of(one.head) == one.phase for one in (known, column)]
    if all(said) and known.head != column.head and settle.endswith("skip"):  # two adjustments
        first = [one.letter for one, _ in run]
        other = f"{first[0]}-{first[-1]}: skip" if len(first) > 1 else f"{first[0]}: skip"
        ledger.ask(spot, f"{what}: leave one out", other, (other, settle), columns=[*first, *letters])
        return
    if settle.endswith("skip") or known.n is None:
        other = "after" if known.phase == "before" else "before"
        settle = f"{where}: {other}"
        withheld = [one.letter for pair in run for one in pair]
    ledger.ask(spot, what, settle, (settle, f"{where}: skip"), columns=withheld)


def _bare(head: str) -> str:
    """A head without the size in it."""
    return re.sub(r" *[(\[]?\b[nN] ?= ?[\d., ]+[)\]]?", "", head)


def _role(column: PastedColumn) -> Role:
    return "treated" if column.arm == "treated" else "control"


def note_sizes(
    columns: list[PastedColumn], kind: str, where: str, entry: TableEntry, paper: PaperFile, spot: Spot, ledger: Ledger
) -> list[PastedColumn]:
    """The sizes in the ledger, and as keys those of a baseline table; one that differs from an earlier one is asked."""
    said = entry.get("n")
    if said not in (None, "own"):
        raise ValueError(f"n: '{said}' is no population; write own where the table has one of its own")
    asked = {letter for one in ledger.questions if one.spot.file == spot.file for letter in one.columns}
    made = []
    here: dict[tuple[Phase, str], PastedColumn] = {}
    for column in columns:
        known = None if column.n is None else ledger.sizes.get((column.phase, column.arm))
        if column.skip or column.n is None or column.arm not in (*ROLES, "all") or not column.phase:
            made.append(column)
        elif known is not None and known != column.n:
            own = said == "own"
            if not own and column.letter not in asked:
                what = (
                    f"column {column.letter} '{column.head}' has n = {column.n_printed}, {known} in an earlier table:"
                )
                letters = _from(columns, [column.letter])
                ledger.ask(
                    spot,
                    f"{what} a population of its own?",
                    "n: own",
                    ("n: own", f"{column.letter}: skip"),
                    columns=letters,
                )
            made.append(replace(column, own_n=own))
        else:
            if column.letter not in asked:
                ledger.sizes.setdefault((column.phase, column.arm), column.n)
                here.setdefault((column.phase, column.arm), column)
            made.append(column)
    if kind == "baseline":
        _put_keys(here, where, paper, spot, ledger)
    if said == "own":
        return [
            replace(column, own_n=True) if not column.arm and any(one.own_n for one in made) else column
            for column in made
        ]
    return made


def _put_keys(
    here: dict[tuple[Phase, str], PastedColumn], where: str, paper: PaperFile, spot: Spot, ledger: Ledger
) -> None:
    """The keys of the sizes: of all patients, and of the matched."""

    def put(key: str, column: PastedColumn) -> None:
        ledger.put(key, column.n_printed, where, Spot(spot.file, spot.line, column.letter), column.head)

    known = {one.key for one in ledger.numbers}
    for arm, key in (("all", "cohort.n"), ("control", "cohort.control"), ("treated", "cohort.treated")):
        column = here.get(("before", arm))
        if column is not None and key not in known:
            put(key, column)
    control, treated = here.get(("after", "control")), here.get(("after", "treated"))
    if paper.design != "matched" or control is None or treated is None:
        return
    if control.n == treated.n:
        put("matching.n_pairs", treated)
    else:
        put("matching.n_treated", treated)
        put("matching.n_control", control)
