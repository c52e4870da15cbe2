"""Whether the p of a table belong to the rows and columns that they stand in: recomputed where counts stand."""

from collections.abc import Iterator, Sequence

from benchmarks.pasted.asked_rows import ask_row
from benchmarks.pasted.p_groups import LIMITS, PSide, RowsWithP, groups_of, meets, p_of_cells, side_of
from benchmarks.pasted.reading import Ledger, PastedTable, Spot

FEW = 3
_Misfit = tuple[RowsWithP, PSide]


def check_p(table: PastedTable, ledger: Ledger) -> None:
    """Questions about columns of p that are those of other columns, and about rows that have each other's."""
    groups = list(groups_of(table, {key: float(n) for key, n in ledger.sizes.items()}))
    sides = list(dict.fromkeys(side for group in groups for side in group.printed))
    letters: dict[PSide, str] = {side_of(c): c.letter for c in table.columns if c.statistic == "p" and not c.skip}
    if not _ask_columns(table, groups, sides, letters, ledger):
        _ask_rows(table, groups, sides, letters, ledger)
        _ask_without_anything(table, groups, letters, ledger)


def _ask_columns(
    table: PastedTable, groups: Sequence[RowsWithP], sides: Sequence[PSide], letters: dict[PSide, str], ledger: Ledger
) -> bool:
    """Whether columns of p were asked about, of which most recompute from the cells of another side alone."""
    asked = False
    for side in sides:
        own = [fit for group in groups if (fit := group.fits(side, side)) is not None]
        for other in sides:
            fits = [fit for group in groups if (fit := group.fits(side, other)) is not None]
            swapped = len(fits) >= FEW and sum(fits) > max(sum(own) + 1, len(fits) / 2) and 2 * sum(own) < len(own)
            if other == side or not swapped:
                continue
            here, there = letters[side], letters[other]
            what = f"column {here}: {sum(own)} of {len(own)} p recompute from what is beside it"
            what = f"{what}, {sum(fits)} from what is beside {there}"
            words = [_word(k, other[k]) for k in range(len(side)) if side[k] != other[k]]
            readings = (f"{here}: {' '.join(words)}", f"{here}: skip")
            spot = Spot(table.file, groups[0].rows[0].line, here)
            waiting = sorted({here, there, *_ratios(table, side), *_ratios(table, other)})
            ledger.ask(spot, what, readings[0], readings, columns=waiting)
            asked = True
    return asked


def _ratios(table: PastedTable, side: PSide) -> list[str]:
    """The columns of a side's ratios and limits."""
    return [c.letter for c in table.columns if c.statistic in ("hr", *LIMITS) and not c.skip and side_of(c) == side]


def _word(field: int, value: str) -> str:
    """A field of a side in the words of paper.yaml."""
    if field == 1:
        return f"grade {value}" if value else "any grade"
    return value


def _ask_rows(
    table: PastedTable, groups: Sequence[RowsWithP], sides: Sequence[PSide], letters: dict[PSide, str], ledger: Ledger
) -> None:
    """Two p, or two cells, that make both p right where they change places, and stand where neither is."""
    wrong: list[_Misfit] = [(group, side) for group in groups for side in sides if group.fits(side, side) is False]
    for k, (one, here) in enumerate(wrong):
        for two, there in wrong[k + 1 :]:
            told = next(_changes((one, here), (two, there)), "")
            if told:
                rows = [*one.rows, *(two.rows if two is not one else ())]
                where = f"'{one.rows[0].label}' ({letters[here]}) and '{two.rows[0].label}' ({letters[there]})"
                what = f"{told} of {where} recompute the other way round: are they swapped?"
                columns = [letters[here], letters[there], *_ratios(table, here), *_ratios(table, there)]
                ask_row(table, ledger, rows, [] if "'" in told else sorted(set(columns)), what)


def _changes(one: _Misfit, two: _Misfit) -> Iterator[str]:
    """What makes both p right when it changes places."""
    (first, here), (second, there) = one, two
    p, q = first.printed[here], second.printed[there]
    if meets(p, second.recomputed[there]) and meets(q, first.recomputed[here]):
        yield f"p = {p} and {q}"
    cells, others = first.cells[here], second.cells[there]
    if here not in first.n or there not in second.n:
        return
    if len(cells) != 1 or len(others) != 1 or len(cells[0]) != 2 or len(others[0]) != 2:
        return
    for a in (0, 1):
        for b in (0, 1):
            n, m = first.n[here], second.n[there]
            if n[a] != m[b]:
                continue
            changed = tuple(others[0][b] if arm == a else cells[0][arm] for arm in (0, 1))
            back = tuple(cells[0][a] if arm == b else others[0][arm] for arm in (0, 1))
            if meets(p, p_of_cells((changed,), n)) and meets(q, p_of_cells((back,), m)):
                yield f"'{cells[0][a].raw.strip()}' and '{others[0][b].raw.strip()}'"


def _ask_without_anything(
    table: PastedTable, groups: Sequence[RowsWithP], letters: dict[PSide, str], ledger: Ledger
) -> None:
    """A p below 1 where nobody, or everybody, of both arms is counted, so that no test has one."""
    for group in groups:
        for side, text in group.printed.items():
            cells, n = group.cells.get(side, ()), group.n.get(side)
            if len(cells) == 1 and len(cells[0]) == 2 and n is not None and side not in group.recomputed:
                none = all(cell.values[:1] == ("0",) for cell in cells[0])
                if none and not meets(text, ((1.0, 1.0),)):
                    what = f"'{group.rows[0].label}': p = {text}, but nobody is counted in either arm"
                    ask_row(table, ledger, [group.rows[0]], [letters[side]], what)
