"""What a pasted table seems to lack: cells that all rows like theirs have, and columns that its other blocks have."""

from collections import Counter

from benchmarks.pasted.reading import ROLES, Ledger, PastedRow, PastedTable, Spot

MANY = 3  # rows of one pattern


def tell_gaps(table: PastedTable, ledger: Ledger) -> None:
    """Say of empty cells and columns that may have been lost; nothing is asked, as papers have such gaps."""
    _tell_empty(table, ledger)
    _tell_columns(table, ledger)


def _tell_empty(table: PastedTable, ledger: Ledger) -> None:
    """Empty cells of a row that at least three rows with all of its other cells have."""
    used = [k for k, column in enumerate(table.columns) if not column.skip]
    patterns = {row.line: frozenset(k for k in used if k < len(row.cells) and row.cells[k].raw.strip()) for row in table.rows}  # fmt: skip  # noqa: E501
    often = Counter(patterns.values())
    for row in table.rows:
        own = patterns[row.line]
        fuller = [other for other, times in often.items() if times >= MANY and own < other and len(other - own) == 1]
        if own and often[own] < MANY and fuller and not _is_head(row, own, table):
            (k,) = fuller[0] - own
            column = table.columns[k]
            told = f"'{row.label}': its cell is empty, and filled in the {often[fuller[0]]} other rows of its kind"
            ledger.assume(Spot(table.file, row.line, column.letter), told)


def _is_head(row: PastedRow, own: frozenset[int], table: PastedTable) -> bool:
    """Whether a row has no number of an arm, where others have: the head of levels."""
    arms = [k for k, column in enumerate(table.columns) if column.arm in ROLES]
    return bool(arms) and not own & set(arms) and not any(row.cells[k].values for k in arms)


def _tell_columns(table: PastedTable, ledger: Ledger) -> None:
    """Arms and p that one side, grade, endpoint or model has and another has not."""
    blocks: dict[tuple[str, ...], dict[str, str]] = {}
    for column in table.columns:
        if not column.skip and (column.arm in ROLES or column.statistic):
            name = " ".join(one for one in (column.arm, column.statistic) if one)
            block: tuple[str, ...] = (column.phase, column.grade, column.endpoint, column.model)
            blocks.setdefault(block, {})[name] = column.letter
    every = {name for block in blocks.values() for name in block}
    for block, found in blocks.items():
        lacking = sorted(every - set(found)) if len(blocks) > 1 else []
        if lacking and len(lacking) < len(every):
            words = " ".join(word for word in block if word) or "any grade"
            told = f"the columns of {words} have no {', '.join(lacking)}, as others have"
            ledger.assume(Spot(table.file, 0, next(iter(found.values()))), told)
    arms = {column.arm for column in table.columns if not column.skip and column.arm in ROLES}
    if len(arms) == 1 and table.kind not in ("cox",):
        lost = "treated" if "control" in arms else "control"
        ledger.assume(Spot(table.file), f"it has no column of the {lost} arm")
