"""Counts and their percentages in two columns under one head, told apart by the arithmetic."""

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.pasted.reading import Ledger, PastedColumn, PastedRow, Spot
from benchmarks.pasted.recomputed import half_unit

_FEW = 3


def with_pairs(
    columns: list[PastedColumn], rows: Sequence[PastedRow], spot: Spot, ledger: Ledger
) -> list[PastedColumn]:
    """The columns, two with one head (or the second with none) as count and percentage where most rows agree."""
    made, told = list(columns), []
    for k in range(len(columns) - 1):
        one, two = columns[k], columns[k + 1]
        same = two.head == one.head or not two.head
        if not (one.arm and same and not one.statistic and not two.statistic and not one.skip and not two.skip):
            continue
        if one.n_printed and _agree(rows, k, float(one.n_printed)):
            made[k] = replace(one, statistic="n")
            made[k + 1] = replace(one, letter=two.letter, head=two.head, statistic="percent", n=None, n_printed="")
            told.append(f"{one.letter} counts and {two.letter} their percentages")
    if told:
        ledger.assume(spot, f"by their arithmetic {'; '.join(told)}")
    return made


def _agree(rows: Sequence[PastedRow], k: int, n: float) -> bool:
    """Whether most rows have a count and its percentage of n."""
    fits = []
    for row in rows:
        count, percent = row.cells[k], row.cells[k + 1]
        if count.kind == "num" and percent.kind in ("num", "percent") and count.values[0].isdigit():
            share = 100 * float(count.values[0]) / n
            fits.append(abs(share - float(percent.values[0])) <= half_unit(percent.values[0]) + 1e-9)
    return len(fits) >= _FEW and sum(fits) >= 0.8 * len(fits)
