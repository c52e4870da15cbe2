"""Every number that the paper of a world could print, by key, with what it means: the list that `check` goes by."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from analysis.audit.kinds import kind_of
from analysis.paper.number_keys import TIME, KeyNode, keys_of
from analysis.paper.number_tree import ARMS, PLACES, SIDES, Names, tree
from analysis.paper.sides import has_sides
from analysis.plan.analysis_plan import Plan
from analysis.tables.text_table import WIDTH, TextTable, table
from benchmarks.asked.published_keys import DESIGN, number_keys, number_names
from benchmarks.asked.scenario import Scenario
from benchmarks.words.answer import Answer

EXAMPLES = {"count": "58", "percent": "22.9", "p": "<0.001", "ratio": "0.56", "share": "62.0%", "amount": "12.3"}
EXAMPLE_TIME = "24"
SECTIONS = {
    "cohort": "The cohort",
    "matching": "Matching",
    "table1": "Table 1",
    "endpoints": "Times to an event",
    "binary": "Yes/no outcomes",
    "exposure": "Treatment received",
    "modes": "Modes of progression",
}
STANDS = {
    "<arm>": " or ".join(ARMS),
    TIME: "any time above 0 in the time unit of the world, as in [24] or [2.5]",
}

RIVALLED = "<endpoint*>"
"""What stands for an endpoint with competing states in a world that has others, too."""
LIMITS = frozenset({"low", "high", "p", "log_hr", "se"})
NAMED = tuple(
    field.name for field in fields(Names) if field.name not in ("paired", "matched", "competing", "stratified")
)


@dataclass(frozen=True)
class Listed:
    """A number of the paper: its key, what it means, its kind, and how it would be typed in."""

    key: str
    what: str
    kind: str
    example: str


def published_answer(scenario: Scenario) -> Answer:
    """The keys of a world: in short for a terminal, in full as data."""
    listed = list(all_keys(number_keys(scenario)))
    names = number_names(scenario)
    short = [one for one in in_short(names) if one.key.partition(".")[0] in SECTIONS]
    verdict = (
        f"The paper of {scenario.name} could print {len(listed):,} numbers besides those at a time; "
        "each is typed in under its key, as it is printed."
    )
    lines = (*_told(short), *_names(names, scenario.analysis), *_examples(listed))
    data = {"world": scenario.name, "keys": [asdict(one) for one in listed]}
    return Answer(data, verdict, lines=lines, files=lambda: (_as_table(short),), found=tuple(listed))


def all_keys(root: KeyNode) -> Iterator[Listed]:
    """Every key of a tree, a time being `TIME`."""
    for key, place in keys_of(root):
        kind, shown = kind_of(key), key.replace(TIME, EXAMPLE_TIME)
        printed = "..." if key.startswith(DESIGN) else EXAMPLES[kind]
        shown = json.dumps(shown, ensure_ascii=False) if ": " in shown or " #" in shown else shown
        yield Listed(key, place.what, kind, f'{shown}: {{printed: "{printed}", where: Table 2}}')


def in_short(names: Names) -> list[Listed]:
    """The keys with `PLACES` for a world's names, and one line for both sides and arms; without what it has not."""
    gone: dict[str, Any] = {name: () for name in NAMED if not getattr(names, name)}
    places = _endpoint_places(names)
    competing = tuple(place for place, own in places.items() if set(own) & set(names.competing))
    kinds: dict[str, Any] = {"paired": names.paired, "matched": names.matched, "stratified": names.stratified}
    root = tree(replace(PLACES, endpoints=tuple(places), competing=competing, **kinds, **gone))
    known = {one.key: one for one in all_keys(root)}
    made: dict[str, Listed] = {}
    for key, one in known.items():
        pattern = _merged(_merged(key, SIDES, "<side>", known), ARMS, "<arm>", known)
        made.setdefault(pattern, replace(one, key=pattern))
    return list(made.values())


def _endpoint_places(names: Names) -> dict[str, tuple[str, ...]]:
    """What stands for the endpoints with and without competing states, and which they are."""
    plain = tuple(name for name in names.endpoints if name not in names.competing)
    (place,) = PLACES.endpoints
    both = {place: plain or names.competing, RIVALLED: names.competing if plain else ()}
    return {place: own for place, own in both.items() if own}


def _merged(key: str, names: tuple[str, ...], place: str, known: Mapping[str, Listed]) -> str:
    """The key with what stands for these names, where the tree has it for each of them."""
    for name in names:
        start, found, end = f"{key}.".partition(f".{name}.")
        if not found:
            start, found, end = key.partition(f".{name}[")
        if found:
            one, *others = (f"{start}.{other}{found[-1]}{end}".rstrip(".") for other in (place, *names))
            return one if all(other.replace("<side>", SIDES[-1]) in known for other in others) else key
    return key


def _told(short: list[Listed]) -> Iterator[str]:
    """The keys by section, those of one place together, with their meaning; limits beside what they are of."""
    section, start = "", ""
    for k, one in enumerate(short):
        parent, _, last = one.key.rpartition(".")
        if _is_limit(one, short[:k]):
            continue
        if one.key.partition(".")[0] != section:
            section = one.key.partition(".")[0]
            yield from ("", SECTIONS[section])
        if parent != start:
            start = parent
            yield f"  {parent}."
        limits = [_limit_name(other, one) for other in short if _is_limit_of(other, one)]
        also = f" (also {', '.join(limits)})" if limits else ""
        yield from _block(f"    {last.ljust(16)}  {one.what}{also}")


def _limit_name(limit: Listed, of: Listed) -> str:
    """The last name of a limit's key, with a point where it follows the key of what it is a limit of."""
    parent, _, last = limit.key.rpartition(".")
    return f".{last}" if parent == of.key else last


def _is_limit(one: Listed, earlier: list[Listed]) -> bool:
    return any(_is_limit_of(one, other) for other in earlier)


def _is_limit_of(one: Listed, other: Listed) -> bool:
    """Whether a number is the limit, p or SE of another."""
    parent, _, last = one.key.rpartition(".")
    return (
        one != other
        and last in LIMITS
        and other.what in one.what
        and parent in (other.key, other.key.rpartition(".")[0])
    )


def _side(plan: Plan) -> str:
    """What stands for a side, and what the two are."""
    both = "before or after"
    return f"{both} {plan.primary}" if has_sides(plan) else f"{both}; of all patients either way, so print one"


def _names(names: Names, plan: Plan) -> Iterator[str]:
    yield from ("", "What stands for what")
    lists = {getattr(PLACES, name)[-1]: getattr(names, name) for name in NAMED}
    lists |= _endpoint_places(names)
    for place, told in {"<side>": _side(plan), **STANDS, **lists}.items():
        text = told if isinstance(told, str) else ", ".join(told)
        text += " (with competing states)" if place == RIVALLED else ""
        if text:
            yield from _block(f"  {place.ljust(12)}  {text}")


def _block(text: str) -> list[str]:
    """The text in lines of a terminal, those after the first further in."""
    further = " " * 22 if text.startswith("    ") else " " * 16
    return textwrap.wrap(text, WIDTH, subsequent_indent=further, break_long_words=False, break_on_hyphens=False)


def _examples(listed: list[Listed]) -> Iterator[str]:
    """One line of a document for each section."""
    yield from ("", "In a document", "  published:")
    seen = set()
    for one in listed:
        section = one.key.partition(".")[0]
        if section in SECTIONS and section not in seen:
            seen.add(section)
            yield f"    {one.example}"


def _as_table(short: list[Listed]) -> TextTable:
    rows = [(one.key, one.what, EXAMPLES[one.kind]) for one in short]
    return table("Numbers of a paper", ("key", "what it is", "printed as"), rows, 2)
