"""The values of a file that are not listed as an event (or as yes), counted and named, so that no code goes unseen."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.data_table import quoted
from simulator.cohort import Bools

MOST_NAMED = 8


@dataclass(frozen=True)
class NotEvents:
    """The other values of an outcome's ``column``, the most frequent first, and what they are counted as.

    ``listed`` are the values that the SPEC takes for the event, or for yes.
    """

    column: str
    listed: tuple[str, ...]
    counted_as: str
    values: Mapping[str, int]

    def told(self, outcome: str) -> str:
        """One sentence: "status: 'dead' (3), 'unknown' (1) are counted as censored (OS; the event is 'Dead')"."""
        if not self.values:
            return f"{self.column}: every row is {' or '.join(quoted(self.listed))} ({outcome})"
        names = [f"{name} ({self.values[value]:,})" for value, name in _named(list(self.values)[:MOST_NAMED])]
        more = len(self.values) - len(names)
        rest = sum(list(self.values.values())[MOST_NAMED:])
        names += [f"{more} more values ({rest:,})" if more > 1 else f"1 more value ({rest:,})"] if more else []
        verb = "are" if len(names) > 1 else "is"
        said = f"{self.column}: {', '.join(names)} {verb} counted as {self.counted_as} ({outcome}; {self._event()})"
        alike = self.alike()
        if not alike:
            return said
        same = "differ from it" if len(alike) > 1 else "differs from it"
        same = same if len(self.listed) == 1 else same.replace("it", "a listed value")
        return f"{said}. Mind that {', '.join(quoted(alike))} {same} in capitals or blanks only"

    def alike(self) -> list[str]:
        """The values that a listed one would be but for capitals and blanks."""
        known = {_folded(value) for value in self.listed}
        return [value for value in self.values if _folded(value) in known]

    def _event(self) -> str:
        what = "the event" if self.counted_as == "censored" else "yes"
        return f"{what} is {' or '.join(quoted(self.listed))}"


def not_events(column: str, cells: Sequence[str], yes: Bools, listed: tuple[str, ...], counted_as: str) -> NotEvents:
    """The values of the rows that are not ``yes``, counted."""
    counts = Counter(cells[row] for row in np.flatnonzero(~yes).tolist())
    return NotEvents(column, listed, counted_as, dict(sorted(counts.items(), key=lambda one: (-one[1], one[0]))))


def _named(values: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(values, quoted(values, len(values)), strict=True))


def _folded(text: str) -> str:
    return "".join(text.casefold().split())
