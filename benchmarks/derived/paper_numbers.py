"""The printed numbers of a reading as values: by key, with where they stand, and the sizes of the arms."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from analysis.audit.published import NOT_PRINTED, exact_value, parse_element, parse_printed
from benchmarks.pasted.reading import ROLES, Reading, ReadVariable
from simulator.mechanisms.entry import DAYS_PER_MONTH
from simulator.world.sections import Printed

MONTHS_OF = {"day": 1 / DAYS_PER_MONTH, "week": 7 / DAYS_PER_MONTH, "month": 1.0, "year": 12.0}
_NUMBER = r"(\d+(?:\.\d+)?)"
_LEAST = re.compile(
    r"(?:at least|minimum(?: of)?|(?:no|not) (?:less|fewer|younger) than|over|above"
    r"|(?<!no )(?<!not )(?:more|older) than|from|>=?|≥)"
    rf"\s*{_NUMBER}|{_NUMBER}\s*(?:\w+\s+)?(?:or|and) (?:more|older|above|over)"
)
_MOST = re.compile(
    r"(?:at most|maximum(?: of)?|(?:no|not) (?:more|older) than|under|below"
    rf"|(?<!no )(?<!not )(?:less|fewer|younger) than|up to|<=?|≤)\s*{_NUMBER}"
)
_UNIT = re.compile(rf"(?:{_NUMBER}|\b(?:a|each|every|per))?\s*-?\s*(day|week|month|year)s?\b", re.IGNORECASE)


class DeriveError(ValueError):
    """A paper of which no world can be made: one line that says the place, what is wrong and what would be right."""


@dataclass(frozen=True)
class PaperNumbers:
    """The numbers of a reading by their keys."""

    reading: Reading

    @cached_property
    def published(self) -> dict[str, Printed]:
        """The numbers as printed."""
        return {key: one for key, one in self.reading.published.items() if one.printed != NOT_PRINTED}

    @cached_property
    def simulated(self) -> tuple[str, ...]:
        """The keys of numbers that a world is to have; not those that are for the audit alone."""
        return tuple(key for key, one in self.reading.published.items() if not one.audit_only)

    @cached_property
    def variables(self) -> dict[str, ReadVariable]:
        """The baseline variables in the order of the print."""
        order: dict[str, None] = {}
        for key in self.published:
            found = re.match(r"table1\.[^\[]+\[(.*)\]\.", key)
            if found:
                order.setdefault(parse_element(found[1]).variable)
        known = self.reading.variables
        return {name: known[name] for name in (*(one for one in order if one in known), *known)}

    def value(self, key: str) -> float | None:
        """The number as it is printed; None where there is none, or only a side of it is printed."""
        found = self.published.get(key)
        return None if found is None else exact_value(found.printed, key)

    def half(self, key: str) -> float:
        """Half a unit of the last digit of a number as printed; 0 where it is no number."""
        if self.value(key) is None:
            return 0.0
        stands = parse_printed(self.published[key].printed, key)
        return (stands.high - stands.low) / 2

    def where(self, *keys: str) -> str:
        """Where the first of the keys that is printed stands."""
        return next((self.published[key].where for key in keys if key in self.published), "the tables")

    @cached_property
    def side(self) -> str:
        """The side of which baseline is printed: before, or after where nothing is printed before."""
        sides = {key.split("[")[0].removeprefix("table1.") for key in self.published if key.startswith("table1.")}
        return "after" if sides == {"after"} else "before"

    def size(self, role: str, side: str = "before") -> int | None:
        """The patients of an arm on a side."""
        found = self.reading.sizes.get((side, role))
        if found is None and side == "before":
            printed = self.value(f"cohort.{role}")
            whole, other = self.value("cohort.n"), self.value(f"cohort.{_other(role)}")
            if printed is None and whole is not None and other is not None:
                printed = whole - other
            found = None if printed is None else round(printed)
        return found

    @cached_property
    def sizes(self) -> tuple[int, int]:
        """The patients of control and treated before whatever makes them comparable; DeriveError where unknown."""
        found = [self.size(role) or self.size(role, "after") for role in ROLES]
        if found[0] is None or found[1] is None:
            arm = getattr(self.reading.paper.arms, ROLES[found.index(None)])
            raise DeriveError(
                f"no table says how many patients {arm} has: write n into its head, as in '{arm} n = 151'"
            )
        return found[0], found[1]

    @property
    def share(self) -> float:
        """The share of the treated."""
        control, treated = self.sizes
        return treated / (control + treated)

    def share_of(self, key: str, role: str, side: str) -> float | None:
        """The share of an arm with what a key is about (``key.ROLE.yes|n|percent``), by its count where printed."""
        own, size = f"{key}.{role}", self.size(role, side)
        if key.startswith("binary."):
            count, whole = self.value(f"{own}.yes"), self.value(f"{own}.n")
        else:
            count, whole = self.value(f"{own}.n"), None
        whole = whole or size
        if count is not None and whole:
            return count / whole
        percent = self.value(f"{own}.percent")
        return None if percent is None else percent / 100

    def names(self, family: str) -> Iterator[tuple[str, str]]:
        """Name and side of all that a family of keys (binary, exposure, modes) has numbers of, in their order."""
        steps = (key.split(".") for key in self.simulated if key.startswith(f"{family}."))
        yield from dict.fromkeys((one[1], one[2]) for one in steps if len(one) > 3)

    def side_of(self, family: str, name: str) -> str:
        """The side on which a name is printed: before if on any."""
        return "before" if (name, "before") in set(self.names(family)) else "after"

    @cached_property
    def _labels(self) -> dict[str, str]:
        """The label of the row from which each named outcome was read."""
        rows = {(table.file, row.line): row.label for table in self.reading.tables for row in table.rows}
        found: dict[str, str] = {}
        for one in self.reading.numbers:
            steps = one.key.split(".")
            if len(steps) > 3 and (one.spot.file, one.spot.line) in rows:
                found.setdefault(steps[1], rows[one.spot.file, one.spot.line].strip())
        return found

    def label(self, name: str) -> str:
        """What the paper calls a name."""
        by_name = {short: label for label, short in self.reading.paper.names.items()}
        text = by_name.get(name) or self._labels.get(name) or name.replace("_", " ")
        return (text[:1].upper() + text[1:])[:300]


def _other(role: str) -> str:
    return ROLES[1 - ROLES.index(role)]


def in_months(text: str) -> float | None:
    """The months of a text such as '3 weeks', 'one in 3 weeks', 'months'; None where it names no time."""
    found = _UNIT.search(text)
    return float(found[1] or 1) * MONTHS_OF[found[2].lower()] if found else None


def limits(text: str) -> tuple[float | None, float | None]:
    """The least and the greatest that a text allows: '18 to 75', 'at least 20', '≥ 18', 'under 80'."""
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text.lower())
    between = re.search(rf"{_NUMBER}\s*(?:to|-|–|—|and|through)\s*{_NUMBER}", plain)
    if between:
        return float(between[1]), float(between[2])
    least, most = _LEAST.search(plain), _MOST.search(plain)
    return float(least[1] or least[2]) if least else None, float(most[1]) if most else None


def rounded(value: float, digits: int = 4) -> float:
    """The value with so many significant digits."""
    return float(f"{value:.{digits}g}")
