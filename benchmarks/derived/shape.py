"""The graph of a course by the words of the paper's endpoints: "death", "progression or death", "relapse; competing
death"."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from benchmarks.derived.parts import Tree

Form = Literal["single", "competing", "illness-death", "graph"]
DEATH, OTHER_DEATH, DEAD = "death", "other-death", "dead"
_DEATH = re.compile(r"(death|died|dead|mortality)( (of|from|by) (any|all) causes?)?|all-?cause (death|mortality)")
_FATAL = re.compile(r"\b(deaths?|died|dead|dying|mortality|fatal)\b")
_PROGRESSION = re.compile(r"((disease )?progression|progressed|progressive disease|pd)")
_BETWEEN = re.compile(r"\s+or\s+|\s+and\s+|\s*[,/]\s*")


@dataclass(frozen=True)
class Way:
    """A transition: from which states it leads where, and what it is: the first event (``to``, ``death``) or death
    ``after`` another.
    """

    starts: tuple[str, ...]
    end: str
    kind: Literal["to", "death", "after"]


@dataclass(frozen=True)
class Shape:
    """A course: its form, states that may be passed and that end it, transitions, and endpoints by sets of states.

    ``endpoints`` have the states of their event and the competing ones. In the forms ``single`` and ``competing`` every
    transition leads to the state of its name.
    """

    form: Form
    passed: tuple[str, ...]
    fatal: tuple[str, ...]
    ways: Mapping[str, Way]
    endpoints: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
    words: Mapping[str, str] = field(default_factory=dict)

    def place(self, transition: str) -> str:
        """The dotted place of a transition."""
        return f"outcomes.{transition}" if self.form == "illness-death" else f"outcomes.transitions.{transition}"

    def of_kind(self, *kinds: str) -> tuple[str, ...]:
        """The transitions of some kinds, in their order."""
        return tuple(name for name, way in self.ways.items() if way.kind in kinds)

    def first(self) -> tuple[str, ...]:
        """The transitions that leave the first state."""
        return self.of_kind("to", "death")

    @property
    def whole(self) -> str | None:
        """The endpoint that any first event ends."""
        ends = {self.ways[name].end for name in self.first()}
        return next((name for name, (events, _) in self.endpoints.items() if set(events) == ends), None)

    @property
    def dying(self) -> str | None:
        """The endpoint of death of any cause where death may follow on another event, or is all that there is."""
        return next(
            (
                name
                for name, (events, rivals) in self.endpoints.items()
                if self.fatal and set(events) == set(self.fatal) and not rivals
            ),
            None,
        )

    def behind(self, endpoint: str) -> tuple[str, ...]:
        """The transitions on which an endpoint tells most: of a composite those to what is not death, else its own."""
        events, _ = self.endpoints[endpoint]
        own = [name for name, way in self.ways.items() if way.end in events]
        milder = [name for name in own if self.ways[name].kind == "to"]
        return tuple(milder or own)

    def sections(self) -> tuple[Tree, Tree]:
        """The outcomes without transitions, and the endpoints."""
        outcomes: Tree = {"centre": "average"}
        if self.form == "graph":
            outcomes["states"] = ["event-free", *self.passed, *self.fatal]
        else:
            outcomes["course"] = self.form
        endpoints: Tree = {}
        for name, (events, rivals) in self.endpoints.items():
            said: Tree = {"label": self.words.get(name, name), "event": events[0] if len(events) == 1 else list(events)}
            if rivals:
                said["competing"] = rivals[0] if len(rivals) == 1 else list(rivals)
            endpoints[name] = said
        return outcomes, endpoints


def shape_of(endpoints: Mapping[str, str]) -> Shape:
    """The course of a paper's endpoints, by their words; ValueError where an endpoint names no event."""
    said = {name: _read(name, words) for name, words in endpoints.items()}
    if not said:
        raise ValueError("endpoints: names none; write endpoints: {survival: death}")
    atoms = _unique(atom for events, rivals in said.values() for atom in (*events, *rivals))
    fatal = [atom for atom in atoms if _is_death(atom)]
    if DEATH in fatal and len(fatal) > 1:  # deaths of some causes, and of any: what is left has a state of its own
        fatal = [*(atom for atom in fatal if atom != DEATH), OTHER_DEATH]
        said = {
            name: (_widened(events, fatal), _rivals(events, rivals, fatal)) for name, (events, rivals) in said.items()
        }
    milder = [atom for atom in atoms if not _is_death(atom)]
    words = {name: text.split(";")[0].strip()[:300] for name, text in endpoints.items()}
    sets = {frozenset(events) for events, _ in said.values()}
    if len(sets) == 1 and not any(rivals for _, rivals in said.values()):
        one = "-or-".join(next(iter(said.values()))[0])[:64]
        way = Way(("event-free",), one, "death" if not milder else "to")
        return Shape("single", (), (one,), {one: way}, dict.fromkeys(said, ((one,), ())), words)
    goes_on = milder and any(
        events and all(_is_death(one) for one in events) and not set(milder) <= set(rivals)
        for events, rivals in said.values()
    )
    if not goes_on:
        ways = {one: Way(("event-free",), one, "death" if one in fatal else "to") for one in (*milder, *fatal)}
        return Shape("competing", (), tuple(fatal), ways, said, words)
    return _with_death_after(said, milder, fatal, words)


def labelled(shape: Shape, names: Mapping[str, str]) -> Shape:
    """The shape with the labels that ``names``, short names by their labels, gives to endpoints."""
    given = {short: label for label, short in names.items() if short in shape.endpoints}
    return replace(shape, words={**shape.words, **given})


def _with_death_after(
    said: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]],
    milder: Sequence[str],
    fatal: Sequence[str],
    words: Mapping[str, str],
) -> Shape:
    """The course in which death may come at once or after another event."""
    short = list(milder) == ["progression"] and list(fatal) == [DEATH]
    state = {one: DEAD if one == DEATH else one for one in (*milder, *fatal)}
    if short:
        state["progression"] = "progressed"
    passed, ends = tuple(state[one] for one in milder), tuple(state[one] for one in fatal)
    ways = {one: Way(("event-free",), state[one], "to") for one in milder}
    ways |= {one: Way(("event-free",), state[one], "death") for one in fatal}
    after = milder[0] if len(milder) == 1 else "event"
    tail = (f"_after_{after}" if short else f"-after-{after}")[:40]
    ways |= {f"{one[: 63 - len(tail)]}{tail}": Way(passed, state[one], "after") for one in fatal}
    named = {
        name: (tuple(state[one] for one in events), tuple(state[one] for one in rivals))
        for name, (events, rivals) in said.items()
    }
    return Shape("illness-death" if short else "graph", passed, ends, ways, named, words)


def _widened(atoms: Sequence[str], fatal: Sequence[str]) -> tuple[str, ...]:
    """Death of any cause as all deaths."""
    return _unique(one for atom in atoms for one in (fatal if atom == DEATH else (atom,)))


def _rivals(events: Sequence[str], rivals: Sequence[str], fatal: Sequence[str]) -> tuple[str, ...]:
    """What competes, death as all deaths that are no event of the endpoint."""
    return tuple(one for one in _widened(rivals, fatal) if one not in _widened(events, fatal))


def _read(name: str, words: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The events and the competing events that an endpoint's words name."""
    first, *later = (part.strip() for part in words.split(";"))
    events, rivals = _atoms(first), []
    for part in later:
        found = re.match(r"competing(?: events?)?[: ]\s*(.+)", part, re.IGNORECASE)
        rivals += _atoms(found[1]) if found else []
    if not events:
        raise ValueError(f"endpoints.{name}: '{words}' names no event; write death, or progression or death")
    return _unique(events), _unique(one for one in rivals if one not in events)


def _atoms(text: str) -> list[str]:
    """The events of a phrase by names of states."""
    text = re.sub(r"^(the )?(composite|first|time to|any) (of )?", "", text.strip().lower())
    return [name for name in map(_state, _BETWEEN.split(text)) if name]


def _state(words: str) -> str:
    """The name of what an event's words say."""
    words = " ".join(words.split())
    if _DEATH.fullmatch(words):
        return DEATH
    if _PROGRESSION.fullmatch(words):
        return "progression"
    slug = re.sub(r"[^a-z0-9]+", "-", words).strip("-")
    slug = slug if not slug or slug[0].isalpha() else f"event-{slug}"
    return "treatment-event" if slug == "treatment" else slug[:60]


def _is_death(atom: str) -> bool:
    return _FATAL.search(atom.replace("-", " ")) is not None


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
