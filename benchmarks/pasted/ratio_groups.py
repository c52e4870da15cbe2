"""The p of hazard ratios beside what their limits tell: whether columns of ratios and of p belong together."""

from collections.abc import Iterator, Sequence
from math import erfc, log, sqrt

from benchmarks.pasted.p_columns import Group, check_groups
from benchmarks.pasted.reading import Ledger, PastedCell, PastedTable
from benchmarks.pasted.recomputed import half_unit

_SLACK = 0.04  # of z: between Wald's test, the score test and limits that are rounded twice
_Z = 1.959964
_Side = tuple[str, str]
_PARTS = ("hr", "low", "high", "limits")


def check_ratio_p(table: PastedTable, ledger: Ledger) -> None:
    """Questions about columns of p, or of ratios, that are those of another endpoint or model."""
    p_letters = {(c.endpoint, c.model): c.letter for c in table.columns if c.statistic == "p" and not c.skip}
    beside: dict[_Side, list[str]] = {}
    for column in table.columns:
        if column.statistic in (*_PARTS, "p") and not column.skip:
            beside.setdefault((column.endpoint, column.model), []).append(column.letter)
    check_groups(table, ledger, list(_groups(table)), p_letters, beside, _named)


def _named(side: _Side, other: _Side) -> str:
    return " ".join(word for word in other if word)


def _groups(table: PastedTable) -> Iterator[Group]:
    """Each row with a p and a ratio with its limits, by endpoint and model."""
    for row in table.rows:
        printed: dict[_Side, str] = {}
        parts: dict[_Side, dict[str, PastedCell]] = {}
        for column, cell in zip(table.columns, row.cells, strict=False):
            side = (column.endpoint, column.model)
            if column.skip or not cell.values:
                continue
            if column.statistic == "p" and cell.kind in ("num", "bound"):
                printed[side] = cell.values[0]
            elif column.statistic in _PARTS:
                parts.setdefault(side, {})[column.statistic] = cell
        found = {side: made for side, one in parts.items() if (made := _recomputed(one))}
        if printed and found:
            yield Group((row,), printed, found)


def _recomputed(parts: dict[str, PastedCell]) -> tuple[tuple[float, float], ...]:
    """The least and greatest p of a ratio with its limits, as they are rounded; none where they are not all there."""
    texts: Sequence[str] = ()
    if "hr" in parts and parts["hr"].kind == "triple":
        texts = parts["hr"].values
    elif "hr" in parts and "limits" in parts and parts["limits"].kind == "range":
        texts = (parts["hr"].values[0], *parts["limits"].values)
    elif {"hr", "low", "high"} <= set(parts):
        texts = tuple(parts[name].values[0] for name in ("hr", "low", "high"))
    if len(texts) != 3 or not all(one.replace(".", "", 1).isdigit() and float(one) > 0 for one in texts):
        return ()
    middle, low, high = ((float(one), half_unit(one)) for one in texts)
    if low[0] <= low[1] or high[0] <= low[0] or middle[0] <= middle[1]:
        return ()
    ends = [log(middle[0] - middle[1]), log(middle[0] + middle[1])]
    z = [0.0 if ends[0] <= 0 <= ends[1] else min(map(abs, ends)), max(map(abs, ends))]
    wide = [log((high[0] + high[1]) / (low[0] - low[1])), log(max((high[0] - high[1]) / (low[0] + low[1]), 1.0001))]
    least, most = (z[0] * 2 * _Z / wide[0]) * (1 - _SLACK), (z[1] * 2 * _Z / wide[1]) * (1 + _SLACK)
    return ((erfc(most / sqrt(2)), erfc(least / sqrt(2))),)
