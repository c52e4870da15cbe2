"""What reading a file decided that its reader should hear of: values that are no event, times that are near ties."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.cohort_files.cells import CellColumn
from analysis.cohort_files.data_table import quoted
from analysis.cohort_files.same_values import looks_like
from simulator.numerics.arrays import Bools

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
        """One sentence: "status: 'dead' (3), 'unknown' (1) are counted as censored (death; the event is 'Dead')"."""
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
        return f"{said}. Mind that {', '.join(quoted(alike))} {same} in spelling only"

    def alike(self) -> list[str]:
        """The values that a listed one would be but for capitals and blanks, or if text were a number."""
        known = {_folded(value) for value in self.listed}
        return [value for value in self.values if _folded(value) in known or looks_like([value], self.listed)]

    def _event(self) -> str:
        what = "the event" if self.counted_as == "censored" else "yes"
        return f"{what} is {' or '.join(quoted(self.listed))}"


@dataclass(frozen=True)
class AsRead:
    """By outcome the values that its SPEC does not list, where it lists some; by endpoint how many times are near ties.

    A near tie is a time that is within R's tolerance of a smaller one. It was made equal to it if ``timefix``.
    """

    not_events: Mapping[str, NotEvents]
    near_ties: Mapping[str, int]
    timefix: bool

    def told(self) -> list[str]:
        """One sentence for each."""
        return [
            *(f"{others.told(name)}." for name, others in self.not_events.items()),
            *(self._near_ties(name, count) for name, count in self.near_ties.items() if count),
        ]

    def _near_ties(self, name: str, count: int) -> str:
        many = f"{count:,} times differ" if count > 1 else "1 time differs"
        if self.timefix:
            return f"{name}: {many} from a smaller one by rounding only and count as tied with it, as in R (timefix)."
        return f"{name}: {many} from a smaller one by rounding only and are kept apart (timefix is false; R's is true)."


def not_events(column: str, cells: CellColumn, yes: Bools, listed: tuple[str, ...], counted_as: str) -> NotEvents:
    """The values of the rows that are not ``yes``, counted."""
    counts = cells.counted(~yes)
    return NotEvents(column, listed, counted_as, dict(sorted(counts.items(), key=lambda one: (-one[1], one[0]))))


def _named(values: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(values, quoted(values, len(values)), strict=True))


def _folded(text: str) -> str:
    return "".join(text.casefold().split())
