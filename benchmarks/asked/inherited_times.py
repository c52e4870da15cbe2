"""Times and rates that a document inherits from one whose unit of time is another: they would be read as its own."""

from collections.abc import Iterator, Mapping
from typing import Any

from analysis.audit.kinds import kind_of
from benchmarks.asked.published_keys import SECTION, compared
from benchmarks.asked.scenario import Free, Scenario
from simulator.cohort.estimand import TimeUnit
from simulator.documents.keys import split_key
from simulator.documents.loading import Document, DocumentError, load, parse, with_values
from simulator.documents.merging import split_path, walk
from simulator.documents.problems import KeyPath, Problem, dotted, is_override
from simulator.documents.spec import InTimeUnit, timed
from simulator.documents.yaml12 import Node
from simulator.mechanisms.entry import PER_MONTH
from simulator.world.sections import Printed

UNIT = "time_unit"
SHOWN = 3


def check_inherited(document: Document, scenario: Scenario) -> None:
    """DocumentError where what stands in a scenario is said in another unit of time than its own."""
    if (units := _units(document)) is None:
        return
    marked = dict(timed(scenario))
    paths = {**marked, **_of_settings(document, scenario, marked)}
    _refuse(document, units, paths, compared(scenario) if scenario.published else {})


def check_inherited_print(document: Document, published: Mapping[str, Printed]) -> None:
    """The same of the published numbers of a document that may be no world."""
    if (units := _units(document)) is not None:
        _refuse(document, units, {}, published)


def converted_times(document: Document, scenario: Scenario) -> list[str]:
    """What is told of times of estimators that nobody stated, where a world is not in months."""
    unit, found = scenario.time_unit, []
    for place, estimator in enumerate(scenario.estimators) if unit != "months" else ():
        for path, _ in timed(estimator):
            value: Any = estimator
            for key in path:
                value = value[key] if isinstance(key, int) else getattr(value, key)
            if isinstance(value, float) and ("estimators", place, *path) not in document.places:
                months, key = value / PER_MONTH[unit], ".".join(map(str, path))
                found.append(f"'{estimator.name}': {key} is {value:.5g} {unit}, {months:g} months, as none is stated")
    return found


def _units(document: Document) -> dict[str, TimeUnit] | None:
    """The unit of time of each file of a document that differs from the document's own; None where none does."""
    place = document.places.get((UNIT,), document.deleted.get((UNIT,)))
    if place is None or place.file == document.files[0]:
        return None
    final, found = _unit_of(document.tree), {}
    for file in document.files if is_override(place.file) else document.files[:-1]:
        try:
            unit = _unit_of(load(file).tree)
        except DocumentError:  # it stands in no file: what overrides it speaks for it
            continue
        if unit != final:
            found[file] = unit
    return found or None


def _unit_of(tree: Mapping[str, Any]) -> TimeUnit:
    unit: TimeUnit = tree.get(UNIT, "months")
    return unit


Marks = dict[KeyPath, InTimeUnit | None]


def _of_settings(document: Document, scenario: Scenario, marked: Mapping[KeyPath, InTimeUnit]) -> Marks:
    """Where values that are to be set at times and rates stand: in sweeps, suspicions and priors."""
    sweep, found = scenario.sweep, dict[KeyPath, InTimeUnit | None]()
    settings: list[tuple[KeyPath, Mapping[str, Any]]] = [(("sweep", "grid"), sweep.grid), (("sweep", "zip"), sweep.zip)]
    frees: list[tuple[KeyPath, Mapping[str, Free]]] = []
    if scenario.calibration:
        frees.append((("calibration", "free"), scenario.calibration.free))
    for name, one in scenario.compatible.scenarios.items():
        settings.append((("compatible", "scenarios", name, "settings"), one.settings))
        frees.append((("compatible", "scenarios", name, "free"), one.free))
    for place, values in settings:
        for key, value in values.items():
            first = value[0] if place[0] == "sweep" else value
            if _near(document, key, {**marked, **_marked_with(document, key, first)}):
                found[(*place, key)] = None
    for place, free in frees:
        for name, prior in free.items():
            near = [mark for text in prior.paths or (name,) for mark in _near(document, text, marked)]
            for key in ("mean", "bounds", "start", *(("sd",) if prior.scale == "linear" else ())) if near else ():
                found[(*place, name, key)] = near[0]
    return found


def _marked_with(document: Document, key: str, value: object) -> Mapping[KeyPath, InTimeUnit]:
    """The times and rates of the world that a setting makes; none where it makes none by itself."""
    try:
        return dict(timed(parse(with_values(document, {key: value}), Scenario)))
    except DocumentError:
        return {}


def _near(document: Document, text: str, marked: Mapping[KeyPath, InTimeUnit]) -> list[InTimeUnit]:
    """The marks of what stands at a place, below it, or above it."""
    at = split_path(text, document.root) or ()
    as_text = [(tuple(map(str, path)), mark) for path, mark in marked.items()]
    return [mark for path, mark in as_text if path[: len(at)] == at[: len(path)]]


def _refuse(document: Document, units: Mapping[str, TimeUnit], marks: Marks, published: Mapping[str, Printed]) -> None:
    """DocumentError, in one line, where a number at one of these places stands in a file of another unit."""
    nodes = {path: node for path, node in walk(document.root) if not node.deleted}
    found = [path for path in marks if path in nodes and any(_stale(nodes[path], units))]
    printed = [(SECTION, key) for key in published if _is_time(key) and document.keys[SECTION, key].file in units]
    if not found and not printed:
        return
    final, first = _unit_of(document.tree), nodes[[*found, *printed][0]].place
    count = len(found) + len(printed)
    what = "1 time or rate" if count == 1 else f"{count} times and rates"
    told = [_restated(path, nodes[path], marks[path], units, final) for path in found[:SHOWN]]
    told += [dotted(path) for path in printed[: SHOWN - len(told)]]
    others = f" and {count - len(told)} more" if count > len(told) else ""
    place = document.places.get((UNIT,), document.deleted.get((UNIT,), first))
    message = f"in {final} {what} would be re-read that {first.file} (first in line {first.line}) states in "
    message += units[first.file]
    mend = f"restate here, or delete with null: {', '.join(told)}{others}; or leave {UNIT} out"
    raise DocumentError([Problem(*place, UNIT, message, mend)])


def _stale(node: Node, units: Mapping[str, TimeUnit]) -> Iterator[Node]:
    """The numbers at and below a node, other than zero, that stand in a file of another unit."""
    for _, one in walk(node):
        number = isinstance(one.value, int | float) and not isinstance(one.value, bool)
        if number and one.value and one.place.file in units:
            yield one


def _restated(
    path: KeyPath, node: Node, mark: InTimeUnit | None, units: Mapping[str, TimeUnit], final: TimeUnit
) -> str:
    """The place, and what the numbers there are in the document's own unit where that can be said."""
    values = node.value if isinstance(node.value, tuple) else (node,)
    numbers = [one for one in values if isinstance(one.value, int | float) and one.place.file in units]
    if mark is None or len(numbers) < len(values):
        return dotted(path)
    factors = [(PER_MONTH[final] / PER_MONTH[units[one.place.file]]) ** mark.power for one in numbers]
    told = [f"{one.value * factor:.4g}" for one, factor in zip(numbers, factors, strict=True)]
    return f"{dotted(path)}: " + (f"[{', '.join(told)}]" if isinstance(node.value, tuple) else told[0])


def _is_time(key: str) -> bool:
    """Whether a published number is a time, or at a time."""
    steps = split_key(key)
    names = [step.name for step in steps]
    if names[0] != "endpoints":
        return False
    at = any(step.element is not None and _is_number(step.element) for step in steps)
    return at or (("km" in names or "follow_up" in names) and kind_of(key) == "amount")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
