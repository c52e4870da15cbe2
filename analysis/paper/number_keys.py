"""Keys of numbers as a tree: whether one leads to a number, which there are, and the nearest to one that is none.

A key is a path, as in `analysis.paper.numbers`. `analysis.paper.number_tree` has the trees of a world and of any paper.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from simulator.documents.keys import Step, split_key

ANY = "*"
TIME = "<time>"
"""What stands in a tree for any time in brackets."""
TEXT = "text"
UNCOMPUTED = frozenset({"p_term", "tests", "status"})
_A_TIME = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)
SHOWN = 12
FEW = 3  # nearest names that are followed
LEVEL = 0.02  # what a level of the factor that is named costs
MISSING = 0.6  # what a step too many or too few costs; another name costs its dissimilarity
TWO_MISSING = 0.35  # two steps are left out before a name that is right: an arm's curve, say
_ARM = r"(?P<arm>control|treated)"
_SAME = (
    (rf"\.km\.{_ARM}\.survival\b", r".incidence.\g<arm>"),
    (rf"\.km\.{_ARM}\.rmst\b", r".time_lost.\g<arm>"),
    (r"\.survival_difference\b", ".incidence_difference"),
    (r"\.rmst_difference\b", ".time_lost_difference"),
    (rf"\.km\.{_ARM}\.incidence\b", r".incidence.\g<arm>"),
    (r"\.(?:cumulative_incidence|cuminc|cif)\b", ".incidence"),
    (rf"\.km\.{_ARM}\.competing\b", r".competing_events.\g<arm>"),
    (r"\.(?:subdistribution|finegray|shr|sdhr)\b", ".fine_gray"),
    (rf"\.incidence\.{_ARM}(?=\[)", r".km.\g<arm>.survival"),
    (rf"\.time_lost\.{_ARM}(?=\[)", r".km.\g<arm>.rmst"),
    (r"\.incidence_difference\b", ".survival_difference"),
    (r"\.time_lost_difference\b", ".rmst_difference"),
)
"""Numbers of survival curves and what stands for them where other events compete, and what this is called elsewhere."""


@dataclass(frozen=True)
class KeyNode:
    """A place in the tree: ``children`` by name, ``rows`` by what stands in brackets (None: no brackets are wanted).

    ``kind`` says what the children are, or that this is a `TEXT`; ``number``, that a key may end here, and ``what``
    means the number there.
    """

    kind: str = ""
    children: Mapping[str, "KeyNode"] | None = None
    rows: Mapping[str, "KeyNode"] | None = None
    number: bool = False
    what: str = ""

    def below(self) -> Mapping[str, "KeyNode"]:
        """The children by name."""
        return self.children or {}


NUMBER = KeyNode(number=True)


def keys_of(place: KeyNode, start: str = "") -> Iterator[tuple[str, KeyNode]]:
    """Every key of a tree that has no end of its own, with its place; a time is `TIME`."""
    if place.number:
        yield start, place
    for name, child in place.below().items():
        path = f"{start}.{name}" if start else name
        if child.rows is None:
            yield from keys_of(child, path)
        for row, below in (child.rows or {}).items():
            yield from keys_of(below, f"{path}[{row}]")


def time_of(text: str) -> float | None:
    """The time above 0 that stands in brackets, None where it is none."""
    found = _A_TIME.fullmatch(text)
    return (float(text) or None) if found else None


def row_of(rows: Mapping[str, KeyNode], element: str) -> KeyNode | None:
    """The place of a row, None where there is none of that name."""
    if TIME in rows:
        return rows[TIME] if time_of(element) else None
    return rows.get(element, rows.get(ANY))


def problem(root: KeyNode, key: str) -> str:
    """What is wrong with a key, in one line; empty where it leads to a number."""
    return "" if isinstance(found := find(root, key), KeyNode) else found


def find(root: KeyNode, key: str) -> KeyNode | str:
    """The number's place that a key leads to, or what is wrong with the key in one line."""
    here = root
    try:
        steps = split_key(key)
    except ValueError as error:
        return str(error).partition("; ")[0]
    for step in steps:
        below = here.below()
        found = below.get(step.name, below.get(ANY))
        if found is None:
            return _unknown(here, step.name)
        if found.rows is None and step.element is not None:
            return f"'{step.name}' has no rows to be named in brackets"
        if found.rows is not None:
            if step.element is None:
                return f"'{step.name}' needs a row in brackets"
            row = row_of(found.rows, step.element)
            if row is None:
                return f"'{step.element}' is no time above 0" if TIME in found.rows else f"no row '{step.element}'"
            found = row
        here = found
    if not here.number:
        return f"is not one number: {_known(here)} must follow" if here.children else "is not a number of the world"
    return here


def _unknown(here: KeyNode, name: str) -> str:
    if not here.children:
        return f"'{name}' follows what is a number already"
    what = f"no replicate has '{name}'" if name in UNCOMPUTED else f"no {here.kind} '{name}'"
    return f"{what} (there is {_known(here)})"


def _known(here: KeyNode) -> str:
    names = list(here.below())
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def nearest(root: KeyNode, key: str) -> str:
    """The key of the tree that is most like another: the fewest changes of names, steps too many and too few.

    First of all the same number on the other side.
    """
    for curve, instead in _SAME:  # even before that, what stands for it with and without competing events
        other = re.sub(curve, instead, key, flags=re.IGNORECASE)
        if other != key and not problem(root, other):
            return other
    for here, there in (("before", "after"), ("after", "before")):
        other = key.replace(f".{here}.", f".{there}.")
        if other != key and not problem(root, other):
            return other
    try:
        steps = split_key(key)
    except ValueError:
        steps = tuple(Step(part) for part in key.replace("[", ".").replace("]", "").split(".") if part)
    found = min(_changed(root, steps, 2.5), default=None, key=lambda one: one[0])
    return "" if found is None else found[1]


def _changed(here: KeyNode, steps: Sequence[Step], most: float) -> Iterator[tuple[float, str]]:
    """Keys below a place with what it costs to make the steps theirs, as far as that is at most so much."""
    if most < 0:
        return
    if not steps:
        if here.number:
            yield 0.0, ""
        for name, child in list(here.below().items())[:1]:
            yield from _after(name, child, None, (), MISSING, most)
        return
    first, rest = steps[0], steps[1:]
    if here.children:
        alike = _alike(first.name, here.children)
        for cost, name in alike[:1] if alike and alike[0][0] == 0 else alike[:FEW]:
            yield from _after(
                name, here.children.get(name, here.children.get(ANY, NUMBER)), first.element, rest, cost, most
            )
        if not alike or alike[0][0] > 0:
            for name, child in here.children.items():
                if first.name in child.below():
                    yield from _after(name, child, None, steps, MISSING, most)
                for further, grandchild in child.below().items():
                    if first.name in grandchild.below():
                        yield from _after(name, child, None, (Step(further), *steps), TWO_MISSING, most)
    yield from ((cost + MISSING, tail) for cost, tail in _changed(here, rest, most - MISSING))


def _after(
    name: str, place: KeyNode, element: str | None, rest: Sequence[Step], cost: float, most: float
) -> Iterator[tuple[float, str]]:
    """The keys that begin with a name, its row being the one most like the element."""
    text, extra = name, 0.0
    if place.rows is not None:
        alike = _alike(element or (rest[0].name if rest else ""), place.rows, TIME in place.rows)
        if not alike:
            return
        extra, row = alike[0]
        place, text = row_of(place.rows, row) or NUMBER, f"{name}[{row}]"
        if element is None and rest and extra < 0.5:
            rest = rest[1:]
    for more, tail in _changed(place, rest, most - cost - extra):
        yield cost + extra + more, f"{text}.{tail}" if tail else text


def _alike(wanted: str, known: Mapping[str, KeyNode], times: bool = False) -> list[tuple[float, str]]:
    """The known names with how unlike a text they are (0 to 1), the most alike first; of times the one in the text."""
    if times:
        numbers = [found for found in _A_TIME.findall(wanted) if float(found) > 0]
        return [(0.0 if time_of(wanted) else 0.3, numbers[0])] if numbers else [(0.55, "12")]
    if wanted in known or (ANY in known and wanted):
        return [(0.0, wanted)]
    match = SequenceMatcher(b=wanted.casefold())
    made = []
    for name in known:
        match.set_seq1(name.casefold())
        level = name.startswith(wanted) and name[len(wanted) :][:1] in tuple("=<>!")
        made.append((LEVEL if level else 1.0 - match.ratio() + 0.01, name))
    return sorted(made, key=lambda one: one[0])
