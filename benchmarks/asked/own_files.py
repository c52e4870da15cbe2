"""The code of users' functions in a study: where it lies, what it is, whether it may run, its copy in a run folder."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace

from analysis.estimators import own_code, trust
from analysis.estimators.own_code import OwnFunctionError, Source
from benchmarks.asked.asked_by import note
from benchmarks.asked.scenario import Scenario
from simulator.documents.loading import Document, DocumentError
from simulator.documents.merging import plain, put, split_path, walk
from simulator.documents.problems import KeyPath, Problem, dotted
from simulator.documents.yaml12 import Node

KEY = "function"
SECTIONS = {("estimators",), ("sweep",), ("compatible",)}
"""Where estimators are listed, or settings of them."""


def beside(document: Document) -> Document:
    """The document with each user's function named by the content of its code; DocumentError where there is none.

    A file is sought beside the YAML file that names it; what was given with ``-S`` is sought from the current folder.
    No code is run. What is read counts, not where it lies: a study is the same from wherever it is asked for.
    """
    root, problems = document.root, []
    for path, node in _named(root):
        file = node.place.file if node.place.file in document.files else None
        folder, where = ("", "in the current folder") if file is None else (os.path.dirname(file), f"beside {file}")
        try:
            fixed = own_code.pinned(node.value, folder, where)
        except OwnFunctionError as error:
            problems.append(Problem(*node.place, dotted(path), str(error), "put it there, or name its path from there"))
            continue
        if fixed != node.value:
            root = put(root, tuple(map(str, path)), replace(node, value=fixed), merging=False)
    if problems:
        raise DocumentError(problems)
    return document if root is document.root else replace(document, tree=plain(root), root=root)


def _named(root: Node) -> list[tuple[KeyPath, Node]]:
    """Every place where a user's function is named: by an estimator, and by settings of estimators."""
    found, settings = [], dict[KeyPath, bool]()
    for path, node in walk(root):
        if path[:1] not in SECTIONS:
            continue
        settings[path] = _sets_function(path, root, settings)
        wanted = path[-1:] == (KEY,) or settings[path]
        if wanted and isinstance(node.value, str) and ":" in node.value and not node.deleted:
            found.append((path, node))
    return found


def _sets_function(path: KeyPath, root: Node, settings: dict[KeyPath, bool]) -> bool:
    """Whether a value is that of a dotted path to a function, or stands in a list of these."""
    if isinstance(path[-1], int):
        return settings.get(path[:-1], False)
    return "." in path[-1] and KEY in path[-1] and (split_path(path[-1], root) or ("",))[-1] == KEY


def own_functions(scenario: Scenario) -> dict[str, str]:
    """The users' functions by the names of their estimators."""
    return {one.name: one.function for one in scenario.estimators if one.kind == "own"}


def pinned_code(document: Document) -> Iterator[Source]:
    """The code, where it is at hand, of all functions that a document names, each file once."""
    for digest in pinned_digests(document):
        code = own_code.known(digest)
        if code is not None:
            yield code


def pinned_digests(document: Document) -> list[str]:
    """The SHA-256 of the code of all functions that a document names by their content, each once."""
    named = (node.value for _, node in _named(document.root))
    return list(dict.fromkeys(own_code.digest_of(function) for function in named if own_code.is_pinned(function)))


def check_own(scenarios: Iterable[Scenario]) -> list[Source]:
    """The code of all users' functions, which is not run; OwnFunctionError where there is no such function."""
    functions = {function for scenario in scenarios for function in own_functions(scenario).values()}
    for function in sorted(functions):
        own_code.check_named(function)
    return list({one.sha256: one for one in map(own_code.source, sorted(functions))}.values())


def ask_trust(scenarios: Iterable[Scenario], granted: bool) -> None:
    """Return where the code of all users' functions may run; ``granted`` trusts it from now on, and says so.

    OwnFunctionError names each file that may not, its SHA-256 and what to do. To be asked before anything is computed.
    """
    code = check_own(scenarios)
    for one in trust.remember(code) if granted else ():
        note(f"trusted from now on: {one}, sha256 {one.sha256}")
    trust.demand(code)
