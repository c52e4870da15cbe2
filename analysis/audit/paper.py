"""The printed numbers of a paper by their keys, and the rows of counts that the keys make up."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, permutations
from math import isfinite
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.audit.published import (
    NOT_PRINTED,
    Element,
    Stands,
    exact_value,
    p_of_one_level,
    parse_element,
    parse_months,
    parse_printed,
    plain_print,
)
from simulator.documents.keys import split_key
from simulator.mechanisms.graph import TimeTo
from simulator.world.sections import Printed

Severity = Literal["severe", "moderate", "note"]
SEVERITIES: tuple[Severity, ...] = ("severe", "moderate", "note")
SIDES = ("before", "after")
ARMS = ("control", "treated")
_COMPLEMENTS = ({"<=", ">"}, {"<", ">="})


@dataclass(frozen=True)
class Finding:
    """Printed numbers that do not go together (severe), hardly (moderate), or that call for a remark (note).

    ``arithmetic`` can be verified by hand; ``consistent`` says what would go together; ``where`` it is printed.
    ``said`` is the contradiction in plain words, in which ``{of}`` stands for what the numbers are of (" of the main
    result", or nothing) and ``{events}`` for what its events are called. ``off`` is how far apart the numbers are, in
    units of what rounding alone allows: 1 is just beyond it.
    """

    keys: tuple[str, ...]
    severity: Severity
    check: str
    arithmetic: str
    consistent: str
    where: str
    said: str = ""
    off: float = 1.0

    def in_words(self, of: str = "", events: str = "events") -> str:
        """The contradiction in plain words."""
        return (self.said or self.arithmetic).replace("{of}", of).replace("{events}", events)


@dataclass(frozen=True)
class Number:
    """A printed number: its key, its text in plain spelling, where it stands, and the values that it stands for."""

    key: str
    text: str
    where: str
    stands: Stands
    of_known: bool = False

    @property
    def value(self) -> float:
        """The number as printed; a bound for '<0.001', +inf for 'NA'."""
        exact = exact_value(self.text, self.key)
        if exact is not None:
            return exact
        return self.stands.high if np.isinf(self.stands.low) else self.stands.low

    @property
    def count(self) -> int | None:
        """The number as a count, None where it is not printed as a whole number that is not negative."""
        exact = exact_value(self.text, self.key)
        return int(exact) if exact is not None and exact >= 0 and "." not in self.text else None


@dataclass(frozen=True)
class CountRow:
    """The counts ``(2, k)`` of one row, control first, by ``levels``; a yes/no outcome has yes and no.

    ``complete`` says that the counts add up to the size of both arms, or to the patients who are ``known`` in an arm,
    where it is said, or the percentages show, that not all are.
    """

    name: str
    side: str
    levels: tuple[str, ...]
    keys: tuple[str, ...]
    counts: NDArray[np.int64]
    complete: bool
    p: Number | None
    known: tuple[bool, bool] = (False, False)

    @property
    def seen(self) -> NDArray[np.int64]:
        """The counts of the levels that somebody has."""
        return self.counts[:, self.counts.sum(axis=0) > 0]

    @property
    def expected(self) -> NDArray[np.float64]:
        """The counts of those levels that independence expects."""
        seen = self.seen.astype(np.float64)
        expected: NDArray[np.float64] = np.outer(seen.sum(axis=1), seen.sum(axis=0)) / seen.sum()
        return expected

    def __str__(self) -> str:
        return " against ".join("/".join(str(n) for n in arm) for arm in self.counts)


@dataclass(frozen=True)
class Paper:
    """All printed numbers by their keys; and of which endpoints every event is one of another, ``within`` it.

    ``primary`` is the paper's primary analysis: what is printed after weighting is weighted, so that no rule of counts
    holds for it; where nobody is matched or weighted, what is printed after is of all patients.
    """

    numbers: Mapping[str, Number]
    within: tuple[tuple[str, str], ...] = ()
    primary: str = "matching"

    @staticmethod
    def of(
        published: Mapping[str, Printed], endpoints: Mapping[str, TimeTo] | None = None, primary: str = "matching"
    ) -> "Paper":
        """The paper of these numbers; dates and texts of the design are left out. ValueError for another text."""
        numbers = {}
        for key, one in published.items():
            if one.printed == NOT_PRINTED or parse_months(one.printed) is not None:
                continue
            try:
                numbers[key] = Number(
                    key, plain_print(one.printed, key), one.where, parse_printed(one.printed, key), one.of_known
                )
            except ValueError as error:
                if key.startswith("world."):
                    continue  # a text of the design
                raise ValueError(f"{key}: {error}") from None
        return Paper(numbers, tuple(_within(endpoints or {})), primary)

    def get(self, key: str) -> Number | None:
        """The number at a key, None where it is not printed."""
        return self.numbers.get(key)

    def finite(self, key: str) -> Number | None:
        """The number at a key, None where it is not printed or is a bound or a limit that is not reached."""
        found = self.numbers.get(key)
        return found if found is not None and isfinite(found.stands.low) and isfinite(found.stands.high) else None

    def count(self, key: str) -> int | None:
        """The count at a key, None where it is not printed or no count."""
        found = self.numbers.get(key)
        return None if found is None else found.count

    def where(self, keys: tuple[str, ...]) -> str:
        """Where these numbers are printed, each place once."""
        return "; ".join(dict.fromkeys(self.numbers[key].where for key in keys if key in self.numbers))

    def finding(
        self, keys: tuple[str, ...], severity: Severity, check: str, *lines: str, said: str = "", off: float = 1.0
    ) -> Finding:
        """A finding about these numbers; the lines are the arithmetic and what would be consistent."""
        arithmetic, consistent = lines
        return Finding(keys, severity, check, arithmetic, consistent, self.where(keys), said, max(off, 1.0))

    def weighted(self, side: str) -> bool:
        """Whether what is printed of a side is weighted."""
        return side == "after" and self.primary == "weighting"

    def size(self, side: str, arm: str) -> int | None:
        """The size of an arm before or after matching, None where it is not printed or the side is weighted."""
        if arm not in ARMS or self.weighted(side):
            return None
        if side == "before" or self.primary != "matching":
            return self._arm(arm)
        return self.count(f"matching.n_{arm}") or self.count("matching.n_pairs")

    def size_of(self, start: str, side: str, arm: str) -> int | None:
        """The patients of an arm of whom a number tells: those printed beside it (``start``.n), or all of the arm."""
        return (self.count(f"{start}.n") if start.startswith("binary.") else None) or self.size(side, arm)

    def _arm(self, arm: str) -> int | None:
        """The size of an arm: as printed, or all but the other arm."""
        own = self.count(f"cohort.{arm}")
        n, other = self.count("cohort.n"), self.count(f"cohort.{ARMS[arm == ARMS[0]]}")
        return own if own is not None or n is None or other is None or other > n else n - other

    def table1(self, last: str) -> tuple[tuple[str, str], ...]:
        """Side and element of the rows of Table 1 that have a number of this name."""
        keys = (key for key in self.numbers if key.startswith("table1.") and key.endswith(f".{last}"))
        steps = (split_key(key)[1] for key in keys)
        return tuple(dict.fromkeys((step.name, step.element) for step in steps if step.element is not None))

    @cached_property
    def elements(self) -> dict[tuple[str, str], tuple[Element, ...]]:
        """The elements of Table 1 that have counts, by side and variable, in the order of printing."""
        found: dict[tuple[str, str], tuple[Element, ...]] = {}
        for side, text in self.table1("n"):
            element = parse_element(text)
            if element.operator:
                place = (side, element.variable)
                found[place] = (*found.get(place, ()), element)
        return found

    @cached_property
    def rows(self) -> tuple[CountRow, ...]:
        """Every row of counts of patients with all its levels in both arms: Table 1's, then the yes/no outcomes."""
        return tuple(self._rows())

    def _rows(self) -> Iterator[CountRow]:
        for (side, variable), elements in self.elements.items():
            if self.weighted(side):
                continue
            levels = [e for e in elements if e.operator == "="]
            stretches = [e for e in elements if e.operator != "="]
            if len(levels) > 1:
                yield from self._table1_row(side, variable, levels)
            for _, group in groupby(sorted(stretches, key=lambda e: e.value), key=lambda e: e.value):
                pair = list(group)
                if len(pair) == 2 and {e.operator for e in pair} in _COMPLEMENTS:
                    yield from self._table1_row(side, variable, sorted(pair, key=elements.index))
            if any("&" in e.value for e in stretches):
                yield from self._table1_row(side, variable, stretches)
        for name, side in self.outcomes():
            yield from self._outcome_row(name, side)

    def outcomes(self) -> tuple[tuple[str, str], ...]:
        """Name and side of all yes/no outcomes."""
        steps = (key.split(".") for key in self.numbers if key.startswith("binary."))
        return tuple(dict.fromkeys((step[1], step[2]) for step in steps if len(step) > 3))

    def _table1_row(self, side: str, variable: str, levels: list[Element]) -> Iterator[CountRow]:
        texts = tuple(f"{e.variable}{e.operator}{e.value}" for e in levels)
        keys = tuple(f"table1.{side}[{text}].{arm}.n" for arm in ARMS for text in texts)
        counts = [self.count(key) for key in keys]
        if any(n is None for n in counts):
            return
        table = np.array(counts, np.int64).reshape(2, -1)
        sizes = [self.size(side, arm) for arm in ARMS]
        known = (self._known(texts, side, table, 0, sizes[0]), self._known(texts, side, table, 1, sizes[1]))
        totals = table.sum(axis=1)
        complete = all(
            size is None or size == total or part for size, total, part in zip(sizes, totals, known, strict=True)
        )
        named = variable if levels[0].operator == "=" else texts[0]
        own = [(k, f"table1.{side}[{text}].p") for k, text in enumerate(texts)]
        own = [(k, key) for k, key in own if key in self.of_one_level]
        p = [] if own else [self.get(f"table1.{side}[{name}].p") for name in (named, *texts)]
        printed = next((one for one in p if one is not None), None)
        yield CountRow(named, side, texts, keys, table, complete, printed, known)
        for k, key in own if complete else ():
            pair = np.column_stack([table[:, k], table.sum(axis=1) - table[:, k]])
            yield CountRow(texts[k], side, (texts[k], "others"), keys[k :: len(texts)], pair, True, self.get(key))

    def _known(self, texts: Sequence[str], side: str, counts: NDArray[np.int64], arm: int, size: int | None) -> bool:
        """Whether the counts of an arm are those of fewer patients than it has: as said, or as the percentages show."""
        total = int(counts[arm].sum())
        if size is None or not 0 < total < size:
            return False
        start = [f"table1.{side}[{text}].{ARMS[arm]}" for text in texts]
        if all((one := self.get(f"{key}.n")) is not None and one.of_known for key in start):
            return True
        percents = [self.get(f"{key}.percent") for key in start]

        def are_of(whole: int) -> bool:
            shares = 100 * counts[arm] / whole
            return all(
                one is not None and Stands(share, share).meets(one.stands)
                for one, share in zip(percents, shares, strict=True)
            )

        return are_of(total) and not are_of(size)

    @cached_property
    def of_one_level(self) -> frozenset[str]:
        """The keys of p-values of one level against the others."""
        return p_of_one_level({key: one.text for key, one in self.numbers.items()})

    def _outcome_row(self, name: str, side: str) -> Iterator[CountRow]:
        keys = tuple(f"binary.{name}.{side}.{arm}.yes" for arm in ARMS)
        yes = [self.count(key) for key in keys]
        sizes = [self.size_of(f"binary.{name}.{side}.{arm}", side, arm) for arm in ARMS]
        known = [(y, n) for y, n in zip(yes, sizes, strict=True) if y is not None and n is not None]
        if len(known) == 2:
            table = np.array([[y, n - y] for y, n in known], np.int64)
            complete = bool((table >= 0).all())
            yield CountRow(name, side, ("yes", "no"), keys, table, complete, self.get(f"binary.{name}.{side}.p"))


def _within(endpoints: Mapping[str, TimeTo]) -> Iterator[tuple[str, str]]:
    """Pairs of endpoints of which the first one's events are all events of the second."""
    for part, whole in permutations(endpoints, 2):
        if set(endpoints[part].events) < set(endpoints[whole].events) and not endpoints[whole].rivals:
            yield part, whole
