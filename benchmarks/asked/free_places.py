"""Where the free parameters of a calibration stand in a document."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from benchmarks.asked.scenario import Calibration, Scenario
from simulator.documents.loading import Document, parse
from simulator.documents.merging import split_path
from simulator.documents.problems import Problem, dotted, is_override
from simulator.documents.spec import Spec
from simulator.world.sections import World

DocumentTree = Any
Path = tuple[str, ...]


def free_paths(document: Document, plan: Calibration) -> list[tuple[Path, ...]]:
    """Where each free parameter stands in the document's tree; ValueError where that is no number."""
    found = []
    for name, free in plan.free.items():
        own = []
        for text in free.paths or (name,):
            path = split_path(text, document.root) or ()
            if not is_number(document.tree, path):
                raise ValueError(f"calibration.free: {_what_is_wrong(document, text, path)}")
            own.append(path)
        found.append(tuple(own))
    return found


def _what_is_wrong(document: Document, text: str, path: Path) -> str:
    """That no number stands there, and what would be right: to state one that is left at its default, or another."""
    unsaid = _unsaid(parse(document, Scenario), path)
    if unsaid is not None:
        return (
            f"'{text}' is not stated, only taken to be {unsaid}; state it where the world stands ({path[-1]}: {unsaid})"
        )
    return f"'{text}' is not the place of a number{_nearest(document, text)}"


def _unsaid(scenario: Any, path: Path) -> float | None:
    """The number that the valid scenario has at this path though no document says it; None if there is none."""
    here = scenario
    for key in path or ("",):
        here = here.get(key) if isinstance(here, Mapping) else getattr(here, key, None) if _has(here, key) else None
    return here if isinstance(here, int | float) and not isinstance(here, bool) else None


def _has(spec: Any, key: str) -> bool:
    return isinstance(spec, Spec) and key in type(spec).model_fields


def _nearest(document: Document, text: str) -> str:
    """The place of a number that is called most like it, as a question."""
    places = {dotted(path) for path in document.places if path[:1] and path[0] in World.sections()}
    near = get_close_matches(text, [one for one in places if is_number(document.tree, split_path(one, document.root))])
    return f"; did you mean '{near[0]}'?" if near else ""


def free_problems(document: Document, plan: Calibration) -> tuple[list[Problem], list[str]]:
    """What is wrong with the places of free parameters: where the document itself names them, and in words where it
    inherits them.
    """
    problems, notes = [], []
    for name, free in plan.free.items():
        try:
            free_paths(document, plan.model_copy(update={"free": {name: free}}))
        except ValueError as error:
            place = document.keys["calibration", "free", name]
            message, _, mend = str(error).removeprefix("calibration.free: ").partition("; ")
            if place.file == document.files[-1] or is_override(place.file):
                mend = mend or "name a number of the world by its dotted path"
                problems.append(Problem(*place, dotted(("calibration", "free", name)), message, mend))
            else:
                notes.append(
                    f"calibration.free, which is inherited ({place.file}:{place.line}): {message} here; delete it "
                    "with null before calibrate"
                )
    return problems, notes


def is_number(tree: DocumentTree, path: Path | None) -> bool:
    """Whether a number stands at a path of a tree."""
    here = tree
    for key in path or ("",):
        if isinstance(here, tuple) and key.isdecimal() and int(key) < len(here):
            here = here[int(key)]
        elif isinstance(here, Mapping) and key in here:
            here = here[key]
        else:
            return False
    return isinstance(here, int | float) and not isinstance(here, bool)
