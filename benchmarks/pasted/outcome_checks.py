"""What tables of response must satisfy: ORR is CR and PR, by whatever words the rows name them."""

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.pasted.asked_rows import AS_PRINTED
from benchmarks.pasted.reading import ROLES, ReadNumber, Spot
from benchmarks.pasted.table_rows import Pen, TableRow

SUMS: Mapping[str, Sequence[str]] = {"ORR": ("CR", "PR"), "DCR": ("CR", "PR", "SD")}


def check_outcomes(pen: Pen, rows: Sequence[TableRow], start: int) -> None:
    """Asks where counts of a table, those in the ledger from ``start``, contradict one another."""
    numbers = {one.key: one for one in pen.ledger.numbers[start:] if one.key.endswith(".yes")}
    by_line = {row.line: row for row in rows}
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
            named = all(by_line[one.spot.line].label.text in (whole, *parts) for one in known)
            if len(known) == len(found) and not named and _count(known[0]) != sum(map(_count, known[1:])):
                total = sum(map(_count, known[1:]))
                what = f"{whole} is {known[0].printed} in {known[0].spot.column}, and {' + '.join(parts)} are {total:g}"
                _ask(pen, by_line, what, known)


def check_names(pen: Pen, names: Mapping[str, TableRow]) -> None:
    """Asks of rows that are none of the paper's responses while one of these is missing; ``names`` by outcome."""
    known = {*pen.paper.response, *(one for said in pen.paper.response.values() for one in said.split())} - {"order"}
    missing = [one for one in pen.paper.response.get("order", "").split() if one not in names]
    for name, row in names.items():
        if missing and name not in known and pen.settled(row.label) != AS_PRINTED:
            what = (
                f"'{row.label.text}' is none of the responses {', '.join(sorted(known))}, and {missing[0]} is missing"
            )
            pen.ask(row, what, (missing[0], AS_PRINTED, "skip"))


def _count(one: ReadNumber) -> float:
    return float(one.printed) if one.printed.replace(".", "", 1).isdigit() else 0.0


def _ask(pen: Pen, rows: Mapping[int, TableRow], what: str, numbers: Iterable[ReadNumber]) -> None:
    involved = [rows[one.spot.line] for one in numbers if one.spot.line in rows]
    if involved and all(pen.settled(row.label) != AS_PRINTED for row in involved):
        pen.ask(
            involved[0], f"{what}: paste the rows again, or say that this is printed", (AS_PRINTED, "skip"), involved
        )
