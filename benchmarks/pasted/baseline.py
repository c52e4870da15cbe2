"""Baseline tables: which rows are levels of which variable, and their numbers under their keys.

`baseline_items` finds the variables from heads, indents and sums against n; `baseline_numbers` puts down their numbers.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.pasted.baseline_items import Amount, Group, Item
from benchmarks.pasted.baseline_numbers import put_amount, put_group
from benchmarks.pasted.counts import closes, fits_whole_percents, group_of, notes_of, sums, told, what_is
from benchmarks.pasted.labels import MISSING, SEXES, Label, cut_of, identify, range_of_level, rank, sex_of, slug
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import Ledger, PastedTable
from benchmarks.pasted.table_rows import Pen, TableRow, table_rows

LONG = 90
_YES = re.compile(
    r"yes|present|presence|positive|\+|no|absent|absence|negative|none|[<>≤≥].*|single|multiple|others?", re.I
)
_SECTION = re.compile(
    r"(?:co-?morbidit|medical histor|histor(?:y|ies)|medication|treatment|symptom|laborator|co-?existing|concomitant|risk factor|vital|demographic|characteristic)",
    re.I,
)


def read_baseline(table: PastedTable, paper: PaperFile, ledger: Ledger) -> None:
    """The numbers and variables of a baseline table."""
    pen = Pen(table, paper, ledger)
    walk = _Walk(pen, table_rows(table, ledger))
    walk.run()
    continuous = {item.variable for item in walk.items if isinstance(item, Amount)}
    continuous |= {name for name, one in ledger.variables.items() if one.kind == "continuous"}
    for item in walk.items:
        if isinstance(item, Amount):
            put_amount(pen, item)
    for item in walk.items:
        if isinstance(item, Group):
            put_group(pen, item, continuous)


@dataclass
class _Walk:
    """A walk through the rows from top to bottom."""

    pen: Pen
    rows: list[TableRow]
    items: list[Item] = field(default_factory=list)
    at: int = 0

    def run(self) -> None:
        """Every row becomes part of an item, a question, or something that was not understood."""
        self.deep = any(row.row.indent for row in self.rows if row.arms or row.alls)
        while self.at < len(self.rows):
            row = self.rows[self.at]
            self.at += 1
            if self.pen.settled(row.label).lower() == "skip":
                continue
            if row.arms or row.alls:
                self._row_of_its_own(row)
            elif not _is_note(row):
                self._below(row)

    def _below(self, head: TableRow) -> None:
        """What stands below a head: amounts, levels, or variables of a section."""
        members = self._members(head)
        if not members:
            following = self.rows[self.at] if self.at < len(self.rows) else None
            section = following is not None and not (following.arms or following.alls) and not head.tests
            if not section and head.tests:
                self.pen.not_understood(head, f"nothing stands below '{head.label.text}'")
            return
        self.at += len(members)
        members = [row for row in members if self.pen.settled(row.label).lower() != "skip"]
        variable = identify(head.label, self.pen.paper)
        while members and what_is(self.pen, members[0], head.label) == "amount":
            row = members.pop(0)
            own = bool(row.label.name) and not row.label.only_statistic
            name = identify(row.label, self.pen.paper) if own else variable
            self.items.append(Amount(row, name, row.label if own else head.label, head, own))
            if own and row is self.rows[self.at - 1]:
                return
        if members:
            self._levels(head, variable, members)

    def _members(self, head: TableRow) -> list[TableRow]:
        """The rows below a head, up to the next row without numbers, or that stands as far out as the head."""
        members: list[TableRow] = []
        for row in self.rows[self.at :]:
            if not (row.arms or row.alls):
                break
            if self.deep and row.row.indent <= head.row.indent:
                break
            members.append(row)
        return members

    def _levels(self, head: TableRow, variable: str, members: list[TableRow]) -> None:
        """Rows with numbers below a head: a group that sums to n and what follows it, or a question."""
        pen, said = self.pen, self.pen.settled(head.label).lower()
        counts = self._counted(head, members)
        if len(counts) < len(members) and not counts:
            self._loose(members)
            return
        rest = members[len(counts) :]
        length, subtotal = group_of(pen, counts)
        own_tests = len(counts) > 1 and all(row.tests for row in counts) and not head.tests
        if said == "separate" or (own_tests and not length):
            self._loose(members)
            return
        if length:
            self._group(head, variable, counts[:length], subtotal)
            self._loose([*counts[length:], *rest])
        elif said in ("levels", "missing") or len(counts) == 1:
            self._group(head, variable, counts, None, closed=said == "levels")
            self._loose(rest)
        else:
            self._unsummed(head, variable, counts)
            self._loose(rest)

    def _counted(self, head: TableRow, members: Sequence[TableRow]) -> list[TableRow]:
        """The first members that are counts, or may be: open ones count where with the others they sum to n."""
        counted: list[TableRow] = []
        for row in members:
            what = what_is(self.pen, row, head.label)
            if what != "count" and not (what == "open" and all(cell.kind in ("pair", "num") for _, cell in row.arms)):
                break
            counted.append(row)
        open_ones = [row for row in counted if what_is(self.pen, row, head.label) == "open"]
        if not open_ones:
            return counted
        length, _ = group_of(self.pen, counted)
        whole = all(fits_whole_percents(self.pen, row) for row in open_ones)
        if length and whole:
            return counted
        return counted[: counted.index(open_ones[0])]

    def _unsummed(self, head: TableRow, variable: str, counts: list[TableRow]) -> None:
        """Rows that do not sum to n: separate variables below the head of a section, else asked."""
        missing = [row for row in counts if MISSING.fullmatch(row.label.text)]
        known = [row for row in counts if row not in missing]
        found = sums(self.pen, counts)
        if missing and closes(self.pen, known):
            self._group(head, variable, counts, None)
            return
        what = f"the rows under '{head.label.text}' sum to {told(found)}: levels of one variable, of which some patients miss a value, or variables of their own"
        self.pen.ask(head, what, ("levels", "separate", "missing"), counts)
        self.items.append(Group(head, variable, tuple(counts), None, closed=False, asked=True))

    def _group(
        self, head: TableRow, variable: str, rows: Sequence[TableRow], subtotal: int | None, closed: bool = True
    ) -> None:
        complete = closed and len(rows) > 1
        self.items.append(Group(head, variable, tuple(rows), subtotal, closed=complete))

    def _loose(self, rows: Sequence[TableRow]) -> None:
        """Rows that belong to no group any more, each for itself."""
        saved, self.rows, at = self.rows, list(rows), self.at
        self.at = 0
        while self.at < len(self.rows):
            row = self.rows[self.at]
            self.at += 1
            if self.pen.settled(row.label).lower() != "skip":
                self._row_of_its_own(row)
        self.rows, self.at = saved, at

    def _row_of_its_own(self, row: TableRow) -> None:
        """A row with numbers and no head: an amount, or a level of a variable that it names."""
        pen = self.pen
        what = what_is(pen, row)
        if what == "amount":
            self._amount(row)
            return
        if what == "open" and not self._stands_as_count(row):
            pair = any(cell.kind == "pair" for _, cell in row.arms)
            cells = " | ".join(cell.text or cell.raw for _, cell in (row.arms or row.alls))
            answers = ("mean (SD)", "n (%)") if pair else ("n", "percent", "mean", "median")
            fit = (
                "n (%) fits not all of the columns, or no word and no decimal tells"
                if pair
                else "no word tells what it is"
            )
            pen.ask(row, f"'{row.label.text}' {cells}: {fit}", answers)
            return
        self._single(row)

    def _stands_as_count(self, row: TableRow) -> bool:
        whole = all(cell.kind == "num" for _, cell in row.arms) and bool(row.label.level)
        return whole or (
            bool(re.search(r"n\s*\(\s*%\s*\)", notes_of(self.pen)))
            and fits_whole_percents(self.pen, row)
            and not re.search(r"mean|\bsd\b", notes_of(self.pen), re.I)
        )

    def _amount(self, row: TableRow) -> None:
        last = self.items[-1] if self.items else None
        if row.label.only_statistic:
            if isinstance(last, Amount):
                self.items.append(Amount(row, last.variable, last.label, None, False))
            else:
                self.pen.ask(row, f"'{row.label.text}' names no variable", ("skip",))
            return
        self.items.append(Amount(row, identify(row.label, self.pen.paper), row.label, None, True))
        self._cuts_below(row)

    def _cuts_below(self, row: TableRow) -> None:
        """Rows of cuts right below the amount that they cut: "Age", then "≤ 50" and "> 50"."""
        cuts: list[TableRow] = []
        while self.at < len(self.rows):
            below = self.rows[self.at]
            alike = cut_of(below.label.text) is not None or range_of_level(below.label.text) is not None
            if (
                not (below.arms or below.alls)
                or not alike
                or (what_is(self.pen, below, row.label) == "amount" and not below.label.only_statistic)
            ):
                break
            cuts.append(below)
            self.at += 1
        if cuts:
            bare = Label(row.label.text, row.label.name)
            self._group(
                _without_tests(row, bare),
                identify(row.label, self.pen.paper),
                cuts,
                None,
                closed=closes(self.pen, cuts),
            )

    def _single(self, row: TableRow) -> None:
        """A row that stands for one level: "Male", "Sex, male", "ECOG PS ≥ 1", "Diabetes"; alike ones are a group."""
        pen, label = self.pen, row.label
        variable, level = _level_named(pen, label)
        if variable is None:
            pen.ask(
                row,
                f"'{label.text}' is a level without a variable: paste the row above it, or name it",
                ("variable=level", "skip"),
            )
            return
        run = [row]
        while self.at < len(self.rows):
            following = self.rows[self.at]
            if (
                not (following.arms or following.alls)
                or _level_named(pen, following.label)[0] != variable
                or following.label.text == label.text
            ):
                break
            if not level or what_is(pen, following) == "amount":
                break
            run.append(following)
            self.at += 1
        if not level and _unclear(label):
            pen.ask(
                row,
                f"'{label.text}': '{label.level}' is a level, or a part of the name",
                (f"{slug(label.name)}={label.level}", f"{variable}=Yes"),
            )
            return
        levels = tuple(_level_named(pen, one.label)[1] for one in run) if level else ("Yes",)
        shown = [f"{variable}={one}" for one in levels]
        closed = len(run) > 1 and closes(pen, run)
        if len(run) > 1 and not closed:
            pen.ask(
                row, f"the rows of '{label.name}' sum to {told(sums(pen, run))}", ("levels", "separate", "missing"), run
            )
        elif not closed:
            pen.assume(row, f"'{label.text}' stands for one level: {shown[0]}")
        self.items.append(
            Group(None, variable, tuple(run), None, closed=closed, levels=levels, asked=len(run) > 1 and not closed)
        )


def _without_tests(row: TableRow, label: Label) -> TableRow:
    return TableRow(row.row, label, (), (), (), (), False)


def _is_note(row: TableRow) -> bool:
    return row.empty and len(row.label.text) > LONG


def _level_named(pen: Pen, label: Label) -> tuple[str | None, str]:
    """The variable and level that a row of its own stands for; no variable where it is a level alone; '' is "Yes"."""
    said = pen.settled(label)
    if found := re.fullmatch(r"([A-Za-z][\w.-]*)\s*=\s*(.+)", said):
        return found[1], found[2]
    if sex := sex_of(label.name):
        if not label.level:
            return "sex", sex
    bare = label.name.strip()
    if (
        _YES.fullmatch(bare)
        or cut_of(bare)
        or range_of_level(bare)
        or (rank(bare) is not None and len(bare) < 4)
        or MISSING.fullmatch(bare)
        or not bare
    ):
        return None, ""
    if label.level and _is_level(label.level):
        level = sex_of(label.level) or label.level
        return identify(label, pen.paper), level
    if label.level:
        return identify(Label(label.text, f"{label.name} {label.level}"), pen.paper), ""
    return identify(label, pen.paper), ""


def _is_level(text: str) -> bool:
    """Whether the piece after a name is a level and no part of the name: a sex, a cut, yes, a grade."""
    plain = text.strip()
    return bool(
        plain.lower() in SEXES
        or cut_of(plain)
        or range_of_level(plain)
        or _YES.fullmatch(plain)
        or (rank(plain) is not None)
    )


def _unclear(label: Label) -> bool:
    """Whether what follows the name may be a level or an abbreviation: one short word that is no abbreviation of it."""
    word = label.level.strip()
    if not word or " " in word or not re.fullmatch(r"[\w-]{1,12}", word):
        return False
    return word[0].lower() != label.name[:1].lower()
