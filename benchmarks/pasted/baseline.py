"""Baseline tables: which rows are levels of which variable, found from heads, indents and sums against n."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from benchmarks.pasted.baseline_items import BaselineAmount, BaselineGroup, Item
from benchmarks.pasted.baseline_numbers import put_amount, put_group
from benchmarks.pasted.counts import closes, fits_whole_percents, group_of, notes_of, shares_fit, sums, told, what_is
from benchmarks.pasted.labels import MISSING, RowLabel, cut_of, identify, range_of_level
from benchmarks.pasted.opposites import is_second_of_two
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import Ledger, PastedTable
from benchmarks.pasted.single_rows import both_levels, is_level_word, named_level, unclear
from benchmarks.pasted.table_rows import PERCENTS, Pen, TableRow, in_percent, table_rows

LONG = 90
FEW = 2
_SECTION = re.compile(
    r"co-?morbid|medical (?:history|conditions)|"
    r"coexisting|co-existing|concomitant|symptoms|medications?\b|risk factors|"
    r"laborator|vital signs|underlying (?:disease|condition)|previous (?:diseases|conditions)|complications",
    re.I,
)
"""Heads of lists of variables, of which a patient may have several."""


def read_baseline(table: PastedTable, paper: PaperFile, ledger: Ledger) -> None:
    """The numbers and variables of a baseline table."""
    pen = Pen(table, paper, ledger)
    rows = table_rows(table, ledger)
    walk = _Walk(pen, [in_percent(row) if _of_percents(pen, row) else row for row in rows])
    walk.run()
    amounts = [item for item in walk.items if isinstance(item, BaselineAmount)]
    continuous = {item.variable for item in amounts}
    continuous |= {name for name, one in ledger.variables.items() if one.kind == "continuous"}
    for amount in amounts:
        put_amount(pen, amount)
    for item in walk.items:
        if isinstance(item, BaselineGroup):
            put_group(pen, item, continuous)


def _of_percents(pen: Pen, row: TableRow) -> bool:
    """Whether a row's bare numbers are percentages: its label says so, or paper.yaml of all that no word tells."""
    if PERCENTS.fullmatch(row.label.statistic):
        return True
    bare = bool(row.arms) and all(cell.kind == "num" for _, cell in row.arms) and not row.label.statistic
    return bare and pen.settled_all("numbers") in ("percent", "%") and not pen.settled(row.label)


@dataclass
class _Walk:
    """A walk through the rows from top to bottom."""

    pen: Pen
    rows: list[TableRow]
    items: list[Item] = field(default_factory=list)
    at: int = 0

    def run(self) -> None:
        """Every row becomes part of an item, a question, or something that was not understood."""
        self.deep = any(row.row.indent for row in self.rows if _counted(row))
        self.tested = sum(bool(row.tests) for row in self.rows) >= FEW
        while self.at < len(self.rows):
            row = self.rows[self.at]
            self.at += 1
            if self._skipped(row):
                continue
            if _counted(row) and not self._heads(row):
                self._row_of_its_own(row)
            elif not (row.empty and len(row.label.text) > LONG):
                self._below(row)

    def _skipped(self, row: TableRow) -> bool:
        return self.pen.settled(row.label).lower() == "skip"

    def _heads(self, row: TableRow) -> bool:
        """Whether a row with numbers is the head of rows farther in, which sum to n."""
        members = self._members(row) if self.deep else []
        length = group_of(self.pen, members)[0] if members else 0
        return length > 1 and length == len(members) and what_is(self.pen, row) != "amount"

    def _below(self, head: TableRow) -> None:
        """What stands below a head: amounts, levels, or variables of a section."""
        members = self._members(head)
        if not members:
            if head.tests:
                self.pen.not_understood(head, f"nothing stands below '{head.label.text}'")
            return
        self.at += len(members)
        if is_level_word(head.label.name) and not self.pen.settled(head.label):
            what = f"'{head.label.text}' is a level, and no head of the rows below it: its own cells stand elsewhere"
            self.pen.ask(head, what, ("skip",), [head, *members])
            return
        if PERCENTS.fullmatch(head.label.statistic):
            members = [in_percent(row) for row in members]
        members = [part for row in members if not self._skipped(row) for part in self._parts(row)]
        variable, section, amounts = identify(head.label, self.pen.paper), False, False
        while members and what_is(self.pen, members[0], head.label) == "amount":
            row = members.pop(0)
            own = not row.label.only_statistic
            name = identify(row.label, self.pen.paper) if own else variable
            self.items.append(BaselineAmount(row, name, row.label if own else head.label, head, own))
            section, amounts = section or own, True
        if members and (section or (amounts and not self.deep and not _is_cut(members[0]))):
            self._loose(members)
        elif members:
            self._levels(head, variable, members)

    def _parts(self, row: TableRow) -> tuple[TableRow, ...]:
        """A row, or its two halves where it is "Male/Female"."""
        both = both_levels(self.pen, row)
        return (row,) if both is None else both[1]

    def _members(self, head: TableRow) -> list[TableRow]:
        """The rows below a head, up to the next row without numbers, or that stands as far out as the head."""
        members: list[TableRow] = []
        for row in self.rows[self.at :]:
            if not _counted(row) or (self.deep and row.row.indent <= head.row.indent):
                break
            members.append(row)
        return members

    def _levels(self, head: TableRow, variable: str, members: list[TableRow]) -> None:
        """Rows with numbers below a head: a group that sums to n and what follows it, or a question."""
        pen, said = self.pen, self.pen.settled(head.label).lower()
        counts = self._counts(head, members)
        rest = members[len(counts) :]
        length, subtotal = group_of(pen, counts)
        own_tests = len(counts) > 1 and all(row.tests for row in counts) and not head.tests
        section = bool(_SECTION.search(head.label.name)) and not head.tests
        if not counts or said == "separate" or ((own_tests or section) and not length):
            self._loose([_as_its_head(row, head) for row in members])
            return
        if length:
            self._group(head, variable, counts[:length], subtotal, True)
            rest = [*counts[length:], *rest]
        elif said in ("levels", "missing"):
            self._group(head, variable, counts, None, said == "missing")
        elif len(counts) == 1:
            self._one_level(head, variable, counts[0])
        else:
            self._unsummed(head, variable, counts)
        self._loose(rest)

    def _one_level(self, head: TableRow, variable: str, row: TableRow) -> None:
        """One level below a head: the second of two, as "Yes", tells all; another is asked about, rows may be lost."""
        if not is_second_of_two(row.label.text) and any(
            isinstance(item, BaselineGroup) and item.head is not None and item.closed for item in self.items
        ):
            what = f"'{row.label.text}' alone stands below '{head.label.text}': paste the rows that are lost, or say so"
            self.pen.ask(head, what, ("levels", "skip"), [row])
        self._group(head, variable, [row], None, False)

    def _counts(self, head: TableRow, members: Sequence[TableRow]) -> list[TableRow]:
        """The first members that are counts, or may be: open ones count where with the others they sum to n."""
        counted: list[TableRow] = []
        for row in members:
            what = what_is(self.pen, row, head.label)
            if what != "count" and not (what == "open" and all(cell.kind in ("pair", "num") for _, cell in row.arms)):
                break
            counted.append(row)
        open_ones = [row for row in counted if what_is(self.pen, row, head.label) == "open"]
        length, _ = group_of(self.pen, counted) if open_ones else (0, None)
        if length and shares_fit(self.pen, counted[:length]):
            open_ones = [row for row in open_ones if row not in counted[:length] or not _has_pair(row)]
        return counted[: counted.index(open_ones[0])] if open_ones else counted

    def _unsummed(self, head: TableRow, variable: str, counts: list[TableRow]) -> None:
        """Rows that do not sum to n: missing values where without them they do, else asked."""
        known = [row for row in counts if not MISSING.fullmatch(row.label.text)]
        if len(known) < len(counts) and closes(self.pen, known):
            self._group(head, variable, counts, None, True)
            return
        found = told(sums(self.pen, counts))
        what = (
            f"the rows under '{head.label.text}' sum to {found}: levels of which some are not printed, variables of "
            "their own, or levels of a variable that some patients miss"
        )
        self.pen.ask(head, what, ("levels", "separate", "missing"), counts)
        self._group(head, variable, counts, None, False)

    def _group(
        self, head: TableRow, variable: str, rows: Sequence[TableRow], subtotal: int | None, closed: bool
    ) -> None:
        if len(rows) == 1 and not MISSING.fullmatch(rows[0].label.text):
            self.pen.assume(rows[0], f"'{rows[0].label.text}' is the one level of '{head.label.text}' that is printed")
        self.items.append(BaselineGroup(head, variable, tuple(rows), subtotal, closed and len(rows) > 1))

    def _loose(self, rows: Sequence[TableRow]) -> None:
        """Rows that belong to no group any more, each for itself."""
        saved, at = self.rows, self.at
        self.rows, self.at = list(rows), 0
        while self.at < len(self.rows):
            row = self.rows[self.at]
            self.at += 1
            if not self._skipped(row):
                self._row_of_its_own(row)
        self.rows, self.at = saved, at

    def _row_of_its_own(self, row: TableRow) -> None:
        """A row with numbers and no head: an amount, or a level of a variable that it names."""
        what = what_is(self.pen, row)
        if what == "amount":
            self._amount(row)
        elif what == "open" and not self._stands_as_count(row):
            self._ask_what(row)
        else:
            self._single(row)

    def _ask_what(self, row: TableRow) -> None:
        cells = " | ".join(cell.text or cell.raw for _, cell in (row.arms or row.alls))
        what = f"'{row.label.text}' {cells}: "
        if any(cell.kind == "pair" for _, cell in row.arms):
            what += "n (%) fits not all of the columns, or neither a word nor a decimal tells"
            self.pen.ask(row, what, ("mean (SD)", "n (%)"), every="pairs: mean (SD)  or  pairs: n (%)")
        else:
            answers = ("n", "percent", "mean", "median")
            self.pen.ask(row, what + "no word tells what it is", answers, every="numbers: percent")

    def _stands_as_count(self, row: TableRow) -> bool:
        """Whether whole percentages that fit n are shares, as all amounts of the table are named by a word or sign."""
        if all(cell.kind == "num" for _, cell in row.arms):
            return bool(row.label.level)
        notes = notes_of(self.pen)
        shares = bool(re.search(r"n\s*\(\s*%\s*\)", notes)) and not re.search(r"mean|\bsd\b", notes, re.I)
        amounts = [one for one in self.rows if re.search(r"mean|sd", one.label.statistic)]
        signed = any(cell.kind == "pm" for one in self.rows for _, cell in one.arms)
        return fits_whole_percents(self.pen, row) and (shares or bool(amounts) or signed)

    def _amount(self, row: TableRow) -> None:
        last = self.items[-1] if self.items else None
        if not row.label.only_statistic:
            self.items.append(BaselineAmount(row, identify(row.label, self.pen.paper), row.label, None, True))
            self._cuts_below(row)
        elif isinstance(last, BaselineAmount):
            self.items.append(BaselineAmount(row, last.variable, last.label, None, False))
        else:
            self.pen.ask(row, f"'{row.label.text}' names no variable: paste the row above it", ("skip",))

    def _cuts_below(self, row: TableRow) -> None:
        """Rows of cuts right below the amount that they cut: "Age", then "≤ 50" and "> 50"."""
        cuts: list[TableRow] = []
        for below in self.rows[self.at :]:
            if not _counted(below) or not _is_cut(below) or what_is(self.pen, below, row.label) == "amount":
                break
            cuts.append(below)
        self.at += len(cuts)
        if cuts:
            head = replace(row, label=RowLabel(row.label.name, row.label.name), arms=(), alls=(), tests=(), others=())
            self._group(head, identify(row.label, self.pen.paper), cuts, None, closes(self.pen, cuts))

    def _single(self, row: TableRow) -> None:
        """A row that stands for one level: "Male", "Sex, male", "ECOG PS ≥ 1", "Diabetes"; alike ones are a group."""
        pen, label = self.pen, row.label
        if (both := both_levels(pen, row)) is not None:
            sexed = named_level(pen, RowLabel(both[0][0], both[0][0]))[0] == "sex"
            variable = identify(label, pen.paper) if label.level else "sex" if sexed else identify(label, pen.paper)
            self.items.append(BaselineGroup(None, variable, both[1], None, True, both[0]))
            return
        variable, level = named_level(pen, label)
        if not variable:
            what = f"'{label.text}' is a level without a variable: paste the row above it, or name it"
            pen.ask(row, what, (f"VARIABLE={label.text}", "skip"))
            return
        if level:
            self._alike(row, variable)
        elif unclear(label) and not pen.settled(label):
            what = f"'{label.text}': '{label.level}' is a level, or a part of the name"
            pen.ask(row, what, (f"{identify(label, pen.paper)}={label.level}", f"{variable}=Yes"))
        elif self._may_lack_a_head(row):
            what = (
                f"'{label.text}' may be a level of a variable whose row is lost: paste it, or say that it is a variable"
            )
            pen.ask(row, what, ("separate", "skip"))
        else:
            self._known_single(row, variable, "Yes")

    def _known_single(self, row: TableRow, variable: str, level: str) -> None:
        self.pen.assume(row, f"'{row.label.text}' stands for one level: {variable}={level}")
        self.items.append(BaselineGroup(None, variable, (row,), None, False, (level,)))

    def _may_lack_a_head(self, row: TableRow) -> bool:
        """Whether a row with neither head nor p, in a table of p, may be a level: all others have one."""
        if self.pen.settled(row.label) or row.tests:
            return False
        run = [row]
        for following in self.rows[self.at :]:
            if not _counted(following) or following.tests:
                break
            run.append(following)
        return self.tested or group_of(self.pen, run)[0] > 0

    def _alike(self, row: TableRow, variable: str) -> None:
        """Rows of one variable that each name their level, one after the other."""
        pen, run = self.pen, [row]
        for following in self.rows[self.at :]:
            name, level = named_level(pen, following.label)
            same = name == variable and level and following.label.text != run[-1].label.text
            if not _counted(following) or not same or what_is(pen, following) == "amount":
                break
            run.append(following)
        self.at += len(run) - 1
        levels = tuple(named_level(pen, one.label)[1] for one in run)
        said = pen.settled(row.label).lower()
        if len(run) == 1:
            self._known_single(row, variable, levels[0])
            return
        closed = closes(pen, run)
        if not closed and said not in ("levels", "missing"):
            what = f"the rows of '{row.label.name}' sum to {told(sums(pen, run))}: are all levels printed"
            pen.ask(row, what, ("levels", "missing"), run)
        self.items.append(BaselineGroup(None, variable, tuple(run), None, closed or said == "missing", levels))


def _has_pair(row: TableRow) -> bool:
    return any(cell.kind == "pair" for _, cell in row.arms)


def _counted(row: TableRow) -> bool:
    return bool(row.arms or row.alls)


def _as_its_head(row: TableRow, head: TableRow) -> TableRow:
    """A row of a list with the "n (%)" that stands in the list's head alone."""
    plain = head.label.statistic == "n%" and not row.label.statistic
    return replace(row, label=replace(row.label, statistic="n%")) if plain else row


def _is_cut(row: TableRow) -> bool:
    """Whether a row's label is a side of a cut-point, or a stretch between two."""
    return cut_of(row.label.text) is not None or range_of_level(row.label.text) is not None
