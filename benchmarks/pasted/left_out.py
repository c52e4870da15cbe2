"""Columns that hold nothing of the two arms: rates by person-time, and arms that paper.yaml does not name."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from benchmarks.pasted.reading import ROLES, Ledger, PastedColumn, Spot
from benchmarks.pasted.settling import letters_of

TESTS = ("p", "smd", "test", "interaction_p")
MOST_COLUMNS = 60


def without_others(
    columns: Sequence[PastedColumn], entry: Mapping[str, object], spot: Spot, ledger: Ledger
) -> list[PastedColumn]:
    """The columns, those of rates and of a third arm left out, and with an arm the p that compares it with the others.

    A column of an arm has a size of its own. It is told, not asked; a line of paper.yaml for a column keeps it.
    """
    said = {at for key in entry for at in letters_of(key, MOST_COLUMNS) or ()}
    kept = {column.letter for at, column in enumerate(columns, 1) if at in said}
    rates = [one.letter for one in columns if one.statistic == "rate" and one.letter not in kept and not one.skip]
    others = [one for one in columns if _is_other(one, columns) and one.letter not in kept]
    sides = {one.phase for one in others}
    tests = [
        one.letter
        for one in columns
        if sides and one.statistic in TESTS and not one.arm and one.letter not in kept and _with(one, sides)
    ]
    if rates:
        ledger.assume(spot, f"columns {', '.join(rates)} hold rates by person-time, which have no key: left out")
    for one in others:
        ledger.assume(spot, f"column {one.letter} '{one.head}' is of neither arm: left out")
    if tests:
        ledger.assume(spot, f"columns {', '.join(tests)} compare more than the two arms: left out")
    gone = {*rates, *tests, *(one.letter for one in others)}
    return [replace(one, skip=True) if one.letter in gone else one for one in columns]


def _is_other(column: PastedColumn, columns: Sequence[PastedColumn]) -> bool:
    """Whether a column has words and a size of its own beside columns of both arms."""
    beside = {one.arm for one in columns if one.phase == column.phase and one.n is not None}
    return not column.arm and not column.statistic and not column.skip and column.n is not None and set(ROLES) <= beside


def _with(column: PastedColumn, sides: Collection[str]) -> bool:
    return column.phase in sides or not column.phase
