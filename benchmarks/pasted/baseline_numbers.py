"""The numbers of baseline variables under their keys, and what is known of each variable."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from benchmarks.pasted.asked_rows import AS_PRINTED
from benchmarks.pasted.baseline_items import BaselineAmount, BaselineGroup
from benchmarks.pasted.counts import Sum, count_in, known_of, percent_in, spread_of
from benchmarks.pasted.labels import MISSING, Cut, cut_of, level_text, range_of_level
from benchmarks.pasted.level_order import kind_of_levels
from benchmarks.pasted.reading import ReadVariable
from benchmarks.pasted.table_rows import Filled, Pen, TableRow, is_p, number, share_fits

_SUMMARIES = {"mean": "mean", "sd": "mean", "q1": "quartiles", "min": "range"}


def put_amount(pen: Pen, item: BaselineAmount) -> None:
    """Means, medians and their spread of a row; of a median the word for its limits is asked where none is printed."""
    row, variable = item.row, item.variable
    head = f" {item.head.label.statistic}" if item.head is not None else ""
    words = row.label.statistic or head
    said = pen.settled(row.label).lower()
    asked = False
    names_given: tuple[str, ...] = ()
    for filled in row.arms:
        names = _names_of(pen, filled, words, said)
        if names is None:
            asked = True
            continue
        column, cell = filled
        pen.put_all(f"table1.{pen.side(column)}[{variable}].{column.arm}", names, cell.values, row, filled)
        names_given = names
    if asked:
        shown = next(cell.text or cell.raw for _, cell in row.arms)
        known = "mean (SD)" if all(cell.kind == "pair" for _, cell in row.arms) else ""
        answers = (known, "n (%)") if known else ("median (IQR)", "median (range)", "skip")
        what = f"'{row.label.text}' {shown}: the words that say what this is are missing"
        pen.ask(row, what, answers, every="" if known else "triples: median (IQR)")
    put_tests(pen, row.tests, row, variable)
    summary = next((_SUMMARIES[name] for name in reversed(names_given) if name in _SUMMARIES), "")
    _know_continuous(pen, item, summary)


def _know_continuous(pen: Pen, item: BaselineAmount, summary: str) -> None:
    before = pen.ledger.variables.get(item.variable)
    if before is not None and before.kind != "continuous":
        pen.ask(
            item.row,
            f"'{item.label.text}' has levels elsewhere, and amounts here: name one otherwise in names",
            ("skip",),
        )
        return
    known = before.summary if before is not None and before.summary in ("mean", "quartiles") else ""
    cuts = before.cuts if before is not None else ()
    unit = item.label.unit or (before.unit if before is not None else "")
    summary = "mean" if "mean" in (known, summary) else known or summary
    pen.ledger.know(
        ReadVariable(item.variable, item.label.name or item.label.text, "continuous", unit, (), cuts, summary)
    )


def _names_of(pen: Pen, filled: Filled, words: str, said: str) -> tuple[str, ...] | None:
    """What the numbers of a cell of an amount are; None where it must be asked."""
    column, cell = filled
    words = f"{column.statistic} {said or words}"
    if cell.kind == "pm":
        return ("mean", "sd")
    middle = "mean" if re.search(r"\bmean\b", words) and "median" not in words else "median"
    if cell.kind == "triple":
        spread = spread_of(pen, words, said)
        return (middle, *spread) if spread else None
    if cell.kind == "range":
        return spread_of(pen, words, said)
    if cell.kind == "pair":
        if re.search(r"median", words):
            return ("median",)
        return ("mean", "sd")
    if cell.kind == "num":
        if re.search(r"\bsd\b|standard dev", words) and "mean" not in words:
            return ("sd",)
        return (middle,) if re.search(r"mean|median", words) else None
    return None


def put_tests(pen: Pen, tests: Sequence[Filled], row: TableRow, element: str) -> None:
    """p and standardised difference of a continuous variable or a level."""
    for filled in tests:
        column, cell = filled
        if column.statistic == "p" and not is_p(cell):
            pen.not_understood(row, f"'{cell.raw}' is no p-value", column.letter)
        elif cell.kind in ("num", "bound"):
            pen.put(f"table1.{pen.side(column)}[{element}].{column.statistic}", cell.values[0], row, filled)
        else:
            pen.not_understood(row, f"'{cell.raw}' is no p-value or standardised difference", column.letter)


def put_group(pen: Pen, group: BaselineGroup, continuous: set[str]) -> None:
    """Counts and percentages of levels, the variable's p and standardised difference, and the variable."""
    levels = _levels(pen, group)
    cuts = _cut_elements(group, levels) if group.variable in continuous else {}
    variable = group.variable
    if variable in continuous and not cuts:
        variable = f"{variable}_group"
        pen.assume(
            group.rows[0], f"the levels of '{group.variable}', of which amounts are printed, are those of '{variable}'"
        )
    elements = [cuts.get(at, f"{variable}={level}") for at, level in enumerate(levels)]
    missing = _missing(pen, group, levels)
    kept = [at for at in range(len(levels)) if at not in missing and at != group.subtotal]
    said = pen.settled((group.head or group.rows[0]).label).lower()
    known = known_of(pen, [group.rows[at] for at in kept], bool(missing) or said == "missing")
    if known and not missing and said != "missing":
        told = ", ".join(f"{one.total:g} of {one.whole:g} (column {one.letter})" for one in known.values())
        pen.assume(group.head or group.rows[0], f"percentages are of the patients whose value is known: {told}")
    if group.subtotal is not None:
        pen.assume(group.rows[group.subtotal], f"'{levels[group.subtotal]}' is the sum of the rows beside it")
    for at, (row, element) in enumerate(zip(group.rows, elements, strict=True)):
        if at in missing or at == group.subtotal:
            continue
        _put_counts(pen, row, element, known)
    _put_group_tests(pen, group, variable, [elements[at] for at in kept], [group.rows[at] for at in kept], bool(cuts))
    _know_group(pen, group, variable, [levels[at] for at in kept], [cuts[at] for at in kept if at in cuts])


def _levels(pen: Pen, group: BaselineGroup) -> list[str]:
    return list(group.levels) or [level_text(row.label.text, pen.paper) for row in group.rows]


def _missing(pen: Pen, group: BaselineGroup, levels: Sequence[str]) -> set[int]:
    """Which rows are missing values; asked where paper.yaml does not say."""
    found: set[int] = set()
    for at, (row, level) in enumerate(zip(group.rows, levels, strict=True)):
        if not MISSING.fullmatch(level):
            continue
        said = pen.settled(row.label).lower()
        empty = all(count_in(filled) == "0" for filled in row.arms)
        if said == "missing" or (empty and said != "level"):
            found.add(at)
        elif said != "level":
            what = f"'{level}': a level, or patients whose value is missing"
            several = sum(row.label.text == one.label for one in pen.table.rows) > 1
            every = f"{row.label.text}: missing" if several else ""
            pen.ask(row, what, ("level", "missing"), [*group.rows, *([group.head] if group.head else [])], every)
    return found


def _put_counts(pen: Pen, row: TableRow, element: str, known: Mapping[str, Sum]) -> None:
    """Counts and percentages; those that are not of the patients ``known`` in a column are no shares of a world."""
    for filled in row.arms:
        column, cell = filled
        start = f"table1.{pen.side(column)}[{element}].{column.arm}"
        count, percent = count_in(filled), percent_in(filled)
        if not count and not percent:
            pen.not_understood(row, f"'{cell.raw}' is no count and no percentage", column.letter)
        if count:
            pen.put(f"{start}.n", count, row, filled, of_known=column.letter in known)
        if percent:
            total = known[column.letter].total if column.letter in known and count else None
            pen.put(f"{start}.percent", percent, row, filled, share_fits((count, percent), total) is False)


def _put_group_tests(
    pen: Pen, group: BaselineGroup, variable: str, elements: Sequence[str], rows: Sequence[TableRow], cut: bool
) -> None:
    """The variable's p where its head or its first level has it, else the levels' own."""
    if not elements:
        return
    with_tests = [row for row in rows if row.tests]
    head = group.head if group.head is not None and group.head.tests else None
    owner = head or (rows[0] if with_tests == [rows[0]] else None)
    if owner is None:
        for row, element in zip(rows, elements, strict=True):
            put_tests(pen, row.tests, row, element)
        return
    for filled in owner.tests:
        if filled[0].statistic == "smd":
            _put_difference(pen, owner, filled, elements, rows)
        else:
            put_tests(pen, (filled,), owner, elements[0] if cut and elements else variable)
    if head is not None and with_tests:
        _ask_stray(pen, with_tests, rows)
        for row, element in zip(rows, elements, strict=True):
            put_tests(pen, row.tests, row, element)


def _ask_stray(pen: Pen, with_tests: Sequence[TableRow], rows: Sequence[TableRow]) -> None:
    """Ask about a p beside one level where the variable has its own, unless nearly all levels have theirs."""
    if len(rows) > 2 and len(with_tests) >= len(rows) - 1:
        return
    for row in with_tests:
        if pen.settled(row.label) != AS_PRINTED:
            texts = ", ".join(cell.raw.strip() for _, cell in row.tests)
            what = f"'{row.label.text}': {texts} stands beside one level of a variable that has its own"
            pen.ask(row, what, (AS_PRINTED, "skip"))


def _put_difference(
    pen: Pen, owner: TableRow, filled: Filled, elements: Sequence[str], rows: Sequence[TableRow]
) -> None:
    """The standardised difference of two levels at the one that its sign belongs to; of several it has no key."""
    column, _ = filled
    if len(elements) > 2:
        told = "a standardised difference of several levels together has no key"
        pen.not_understood(owner, told, column.letter)
        return
    put_tests(pen, (filled,), owner, elements[_signed_level(pen, filled, rows)])


def _signed_level(pen: Pen, filled: Filled, rows: Sequence[TableRow]) -> int:
    """Which of one or two levels has a difference, treated minus control, of the sign that is printed."""
    column, cell = filled
    printed = number(cell.values[0]) if cell.values else None
    if len(rows) == 1 or printed is None or printed >= 0:
        return 0
    shares: dict[str, float] = {}
    for one in rows[0].arms:
        if pen.side(one[0]) == pen.side(column) and (text := percent_in(one)):
            shares[one[0].arm] = number(text) or 0.0
    below = shares.get("treated", 0.0) < shares.get("control", 0.0)
    return 0 if below else 1


def _cut_elements(group: BaselineGroup, levels: Sequence[str]) -> dict[int, str]:
    """The elements of cuts of a continuous variable by row: two sides of one, one side alone, or stretches between."""
    cuts = [cut_of(level) for level in levels]
    sided = [cut for cut in cuts if cut is not None]
    if len(sided) == len(levels) and len(levels) <= 2 and _complementary(sided):
        at = sided[0].number if len(sided) == 1 or sided[0].sign[0] == sided[1].sign[0] else _common(sided)
        return {k: f"{group.variable}{Cut(cut.sign, at).element}" for k, cut in enumerate(sided)}
    if len(levels) < 3 or cuts[0] is None or cuts[-1] is None:
        return {}
    return _stretches(group.variable, levels, cuts)


def _common(sided: Sequence[Cut]) -> str:
    """The one number of two sides: that which includes it on the lower side where they differ (<= 50, >= 51)."""
    return next((cut.number for cut in sided if cut.sign in ("<=", ">")), sided[0].number)


def _complementary(sided: Sequence[Cut]) -> bool:
    if len(sided) < 2:
        return True
    (below, above) = sorted(sided, key=lambda cut: cut.sign[0])
    if below.sign[0] != "<" or above.sign[0] != ">":
        return False
    gap = (number(above.number) or 0.0) - (number(below.number) or 0.0)
    return (gap == 0 and {below.sign, above.sign} in ({"<", ">="}, {"<=", ">"})) or (
        gap == 1 and (below.sign, above.sign) == ("<=", ">=")
    )


def _stretches(variable: str, levels: Sequence[str], cuts: Sequence[Cut | None]) -> dict[int, str]:
    """Elements of rising or falling stretches, the outermost with one end: '<50', '50-65', '>65'."""
    order = (
        list(range(len(levels))) if cuts[0] is not None and cuts[0].sign[0] == "<" else list(range(len(levels)))[::-1]
    )
    first, last = cuts[order[0]], cuts[order[-1]]
    between = [range_of_level(levels[at]) for at in order[1:-1]]
    if first is None or last is None or first.sign[0] != "<" or last.sign[0] != ">" or None in between:
        return {}
    starts = [one[0] for one in between if one is not None]
    ends = [one[1] for one in between if one is not None]
    bounds = [first.number, *(_end(end, start) for end, start in zip(ends, [*starts[1:], ""], strict=True))]
    bounds[-1] = last.number if last.sign == ">" or not ends else _end(ends[-1], last.number)
    values = [number(bound) for bound in bounds]
    if None in values or any((b or 0.0) <= (a or 0.0) for a, b in pairwise(values)):
        return {}
    made = {order[0]: f"{variable}<={bounds[0]}", order[-1]: f"{variable}>{bounds[-1]}"}
    for at, (low, high) in zip(order[1:-1], pairwise(bounds), strict=True):
        made[at] = f"{variable}>{low} & {variable}<={high}"
    return made


def _end(end: str, start: str) -> str:
    """The bound between two stretches: the start of the next one where it is not the same, as in 50-64, 65-74."""
    return start or end


def _know_group(pen: Pen, group: BaselineGroup, variable: str, levels: Sequence[str], cuts: Sequence[str]) -> None:
    before = pen.ledger.variables.get(variable)
    if cuts:
        short = tuple(dict.fromkeys([*(before.cuts if before else ()), *(cut.replace(variable, "") for cut in cuts)]))
        if before is not None:
            pen.ledger.know(ReadVariable(variable, before.label, "continuous", before.unit, (), short, before.summary))
        return
    head = group.head.label if group.head is not None else group.rows[0].label
    label = head.text if group.head is not None else (head.name or head.text)
    kind = kind_of_levels(tuple(levels))
    pen.ledger.know(ReadVariable(variable, label, kind, head.unit, tuple(levels), (), "", group.closed))
