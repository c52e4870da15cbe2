"""What tables of response and adverse events must satisfy: severe events are among all, ORR is CR and PR."""

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.pasted.reading import ROLES, ReadNumber, Spot
from benchmarks.pasted.table_rows import Pen, TableRow

SUMS: Mapping[str, Sequence[str]] = {"ORR": ("CR", "PR"), "DCR": ("CR", "PR", "SD")}


def check_outcomes(pen: Pen, rows: Sequence[TableRow], start: int) -> None:
    """Asks where counts of a table, those in the ledger from ``start``, contradict one another."""
    numbers = {one.key: one for one in pen.ledger.numbers[start:] if one.key.endswith(".yes")}
    by_line = {row.line: row for row in rows}
    for key, severe in numbers.items():
        name, _, rest = key.removeprefix("binary.").partition(".")
        every = numbers.get(f"binary.{name.removesuffix('_34')}.{rest}")
        if name.endswith("_34") and every is not None and _count(severe) > _count(every):
            what = (
                f"{severe.printed} severe events ({severe.spot.column}) are more than the {every.printed} of any grade"
            )
            _ask(pen, by_line, f"{what} ({every.spot.column})", (severe, every))
    sums = {**SUMS, **{name: tuple(said.split()) for name, said in pen.paper.response.items() if name != "order"}}
    sides = {tuple(key.split(".")[2:4]) for key in numbers}
    for side, arm in sorted(one for one in sides if len(one) == 2 and one[1] in ROLES):
        for whole, parts in sums.items():
            found = [numbers.get(f"binary.{name}.{side}.{arm}.yes") for name in (whole, *parts)]
            known = [one for one in found if one is not None]
            lacking = [name for name, one in zip((whole, *parts), found, strict=True) if one is None]
            asked = whole not in lacking or whole in pen.paper.response
            if len(lacking) == 1 and asked and pen.table.kind == "response":
                told = f"{', '.join(lacking)} of {whole} = {' + '.join(parts)} has no row of its own"
                if all(one.text != told for one in pen.ledger.assumed):
                    pen.ledger.assume(Spot(pen.table.file, known[0].spot.line), told)
            if len(known) == len(found) and _count(known[0]) != sum(map(_count, known[1:])):
                total = sum(map(_count, known[1:]))
                what = f"{whole} is {known[0].printed} in {known[0].spot.column}, and {' + '.join(parts)} are {total:g}"
                _ask(pen, by_line, what, known)


def _count(one: ReadNumber) -> float:
    return float(one.printed) if one.printed.replace(".", "", 1).isdigit() else 0.0


def _ask(pen: Pen, rows: Mapping[int, TableRow], what: str, numbers: Iterable[ReadNumber]) -> None:
    involved = [rows[one.spot.line] for one in numbers if one.spot.line in rows]
    if involved and all(pen.settled(row.label) != "printed" for row in involved):
        pen.ask(
            involved[0], f"{what}: paste the rows again, or say that this is printed", ("printed", "skip"), involved
        )
