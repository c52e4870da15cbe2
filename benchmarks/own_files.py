"""Where the files of users' own functions lie: beside the document that names them."""

import os
from dataclasses import replace
from pathlib import Path

from benchmarks.scenario import Scenario
from simulator.documents import Document, DocumentError
from simulator.merging import plain, put, walk
from simulator.problems import Problem, dotted, is_override


def beside(document: Document) -> Document:
    """The document with each own function's file named from the current folder; DocumentError where there is none.

    A file is sought beside the YAML file that names it, then from the current folder; what was given with ``-S`` is
    sought from the current folder alone.
    """
    root, missing = document.root, []
    entries = dict(walk(root))
    for path, node in entries.items():
        if path[-1:] != ("function",) or node.deleted or not isinstance(node.value, str):
            continue
        kind = entries.get((*path[:-1], "kind"))
        place, _, name = node.value.rpartition(":")
        if kind is None or kind.value != "own" or not place.endswith(".py"):
            continue
        folder = "" if is_override(node.place.file) else os.path.dirname(node.place.file)
        file = next((one for one in (os.path.join(folder, place), place) if os.path.isfile(one)), None)
        if file is None:
            where = f"beside {node.place.file} or in the current folder" if folder else "in the current folder"
            missing.append(Problem(*node.place, dotted(path), f"there is no file '{place}' {where}", "put it there"))
        elif _shown(file) != place:
            root = put(root, tuple(map(str, path)), replace(node, value=f"{_shown(file)}:{name}"), merging=False)
    if missing:
        raise DocumentError(missing)
    return document if root is document.root else replace(document, tree=plain(root), root=root)


def own_functions(scenario: Scenario) -> list[str]:
    """The users' functions among the estimators."""
    return sorted({one.function for one in scenario.estimators if one.kind == "own"})


def _shown(file: str) -> str:
    """The path from the current folder where the file lies below it: the same from wherever the study was named."""
    path, here = Path(os.path.abspath(file)), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
