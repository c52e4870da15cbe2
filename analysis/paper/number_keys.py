"""The keys of the numbers that an analysis has, as a tree: which there are, and the nearest one to one that is not.

A key is a path, as in `analysis.paper.numbers`. The tree of a world holds every number that each of its replicates has;
that of any paper (`any_paper`) holds whatever a paper may print of covariates, endpoints and outcomes by any name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from typing import Any

from analysis.plan.analysis_plan import TREATMENT, Plan, cox_terms, level_terms, subgroup_factors
from simulator.cohort.terms import Variable, parse_term, term_columns
from simulator.documents.keys import Step, split_key

SIDES = ("before", "after")
ARMS = ("control", "treated")
ANY = "*"
TEXT = "text"
UNCOMPUTED = frozenset(
    {"cox_pair_robust", "interaction_p", "p_term", "risk_difference", "odds_ratio", "mcnemar", "tests", "status"}
)
SHOWN = 12
FEW = 3  # nearest names that are followed
MISSING = 0.6  # what a step too many or too few costs; another name costs its dissimilarity


@dataclass(frozen=True)
class KeyNode:
    """A place in the tree: ``children`` by name, ``rows`` by what stands in brackets (None: no brackets are wanted).

    ``kind`` says what the children are, or that this is a `TEXT`; ``number``, that a key may end here.
    """

    kind: str = ""
    children: Mapping[str, "KeyNode"] | None = None
    rows: Mapping[str, "KeyNode"] | None = None
    number: bool = False

    def below(self) -> Mapping[str, "KeyNode"]:
        """The children by name."""
        return self.children or {}


@dataclass(frozen=True)
class Names:
    """The names that keys are made of; rows are the texts in brackets."""

    endpoints: tuple[str, ...]
    continuous: tuple[str, ...]
    levels: tuple[str, ...]
    factors: tuple[str, ...]
    cox: tuple[str, ...]
    subgroups: tuple[str, ...]
    binary: tuple[str, ...]
    exposure: tuple[str, ...]
    modes: tuple[str, ...]


NUMBER = KeyNode(number=True)


def names_of(
    variables: Sequence[Variable], plan: Plan, endpoints: Sequence[str], binary: Sequence[str], exposure: Sequence[str],
    modes: Sequence[str],
) -> Names:  # fmt: skip
    """The names of a cohort with these covariates and outcomes under a plan."""
    by_name = {variable.name: variable for variable in variables}
    continuous = [variable.name for variable in variables if variable.kind == "continuous"]
    levels = [" & ".join(row) for variable in variables for row in level_terms(variable)]
    cox = []
    for text in cox_terms(plan, by_name):
        cox += [*term_columns(parse_term(text, by_name), by_name), text]
    factors = subgroup_factors(plan, by_name)
    return Names(
        tuple(endpoints),
        tuple(continuous),
        tuple(levels),
        tuple(variable.name for variable in variables if variable.kind != "continuous"),
        tuple(dict.fromkeys((*cox, TREATMENT))),
        ("all", *(" & ".join(terms) for factor in factors for terms in factor.rows)),
        tuple(binary),
        tuple(exposure),
        tuple(modes),
    )


def any_paper() -> KeyNode:
    """The keys of all that an audit may read, whatever the paper's covariates, endpoints and outcomes are called."""
    one = (ANY,)
    anything: dict[str, KeyNode] = {}
    anything[ANY] = KeyNode("part", anything, number=True)
    return tree(Names(one, one, one, one, one, one, one, one, one), KeyNode("part", anything))


def tree(names: Names, world: KeyNode | None = None) -> KeyNode:
    """The keys of all numbers that every replicate has, and of the facts of the ``world`` that can be compared."""
    whole = {
        "cohort": _of("number", "n", *ARMS),
        "matching": _of("number", "n_pairs", "n_treated", "n_control"),
        "table1": KeyNode("side", dict.fromkeys(SIDES, KeyNode("row", rows=_table1(names)))),
        "endpoints": KeyNode("endpoint", dict.fromkeys(names.endpoints, _sides("part", _endpoint(names)))),
        "binary": KeyNode(
            "outcome", dict.fromkeys(names.binary, _sides("part", _by_arm("yes", "n", "percent", p=True)))
        ),
        "exposure": KeyNode(
            "treatment",
            dict.fromkeys(names.exposure, _sides("arm", _by_arm("median", "q1", "q3", "min", "max", "n"))),
        ),
        "modes": KeyNode("mode", dict.fromkeys(names.modes, _sides("arm", _by_arm("percent", "n")))),
    }
    filled = {name: place for name, place in whole.items() if place.children}
    return KeyNode("section", filled if world is None else {**filled, "world": world})


def facts(document: Any) -> KeyNode:
    """The keys of the texts and numbers of a world's own document, as plain data."""
    if isinstance(document, dict):
        return KeyNode("part", {str(name): facts(part) for name, part in document.items()})
    if isinstance(document, list | tuple):
        return KeyNode("part", {str(k): facts(part) for k, part in enumerate(document)})
    text = isinstance(document, str)
    return KeyNode(TEXT if text else "", number=text or type(document) in (int, float))


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
            row = found.rows.get(step.element, found.rows.get(ANY))
            if row is None:
                return f"no row '{step.element}'"
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
    """The key of the tree that is most like another: the fewest changes of names, steps too many and too few."""
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
    yield from ((cost + MISSING, tail) for cost, tail in _changed(here, rest, most - MISSING))


def _after(
    name: str, place: KeyNode, element: str | None, rest: Sequence[Step], cost: float, most: float
) -> Iterator[tuple[float, str]]:
    """The keys that begin with a name, its row being the one most like the element."""
    text, extra = name, 0.0
    if place.rows is not None:
        alike = _alike(element or (rest[0].name if rest else ""), place.rows)
        if not alike:
            return
        extra, row = alike[0]
        place, text = place.rows.get(row, place.rows.get(ANY, NUMBER)), f"{name}[{row}]"
        if element is None and rest and extra < 0.5:
            rest = rest[1:]
    for more, tail in _changed(place, rest, most - cost - extra):
        yield cost + extra + more, f"{text}.{tail}" if tail else text


def _alike(wanted: str, known: Mapping[str, KeyNode]) -> list[tuple[float, str]]:
    """The known names with how unlike a text they are (0 to 1), the most alike first."""
    if wanted in known or (ANY in known and wanted):
        return [(0.0, wanted)]
    match = SequenceMatcher(b=wanted.casefold())
    made = []
    for name in known:
        match.set_seq1(name.casefold())
        made.append((1.0 - match.ratio() + 0.01, name))
    return sorted(made, key=lambda one: one[0])


def _of(kind: str, *numbers: str) -> KeyNode:
    return KeyNode(kind, dict.fromkeys(numbers, NUMBER))


def _sides(kind: str, children: Mapping[str, KeyNode]) -> KeyNode:
    return KeyNode("side", dict.fromkeys(SIDES, KeyNode(kind, children)))


def _by_arm(*numbers: str, p: bool = False, smd: bool = False) -> dict[str, KeyNode]:
    made = dict.fromkeys(ARMS, _of("number", *numbers))
    return {**made, **({"p": NUMBER} if p else {}), **({"smd": NUMBER} if smd else {})}


def _table1(names: Names) -> dict[str, KeyNode]:
    amounts, counts = ("mean", "sd", "median", "q1", "q3", "n"), ("n", "percent")
    if ANY in names.levels:
        return {ANY: KeyNode("part", _by_arm(*amounts, "percent", p=True, smd=True))}
    return {
        **dict.fromkeys(names.factors, KeyNode("part", {"p": NUMBER})),
        **dict.fromkeys(names.levels, KeyNode("part", _by_arm(*counts, p=True, smd=True))),
        **dict.fromkeys(names.continuous, KeyNode("part", _by_arm(*amounts, p=True, smd=True))),
    }


@cache
def _ratio(*more: str) -> Mapping[str, KeyNode]:
    return dict.fromkeys(("hr", "low", "high", "p", "log_hr", "se", *more), NUMBER)


def _endpoint(names: Names) -> dict[str, KeyNode]:
    curve = _by_arm("median", "low", "high", "n", "events", "percent")
    arms = KeyNode("arm", _by_arm("n", "events"))
    subgroup = KeyNode("number", {**_ratio("n", "events", "p_logrank"), "arms": arms})
    rows = dict.fromkeys(names.cox, KeyNode("number", _ratio()))
    return {
        "km": KeyNode("arm", curve),
        "follow_up": KeyNode("arm", curve),
        "logrank": _of("number", "p", "chi2"),
        "cox": KeyNode("number", _ratio()),
        "univariable": KeyNode("row", rows=rows),
        "multivariable": KeyNode("row", rows=rows),
        "subgroups": KeyNode("row", rows=dict.fromkeys(names.subgroups, subgroup)),
    }
