"""Scenario documents: hardened YAML with ``extends`` and overrides becomes a valid Spec of any room.

``load`` gives the merged document, ``parse`` the Spec made of it; every fault comes as a ``DocumentError`` that lists
all problems with file, line and column. A document over another merges deeply: lists replace, null deletes a key of the
base (or is a value of its own where the Spec takes null). Any value may be written ``{value, source, note?}``.
"""

import json
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import ValidationError
from yaml import YAMLError

from simulator.documents.canonical import digest, resolved_yaml
from simulator.documents.json_schema import json_schema
from simulator.documents.merging import as_node, merge, plain, put, sourced, split_assignment, split_path, walk
from simulator.documents.problems import (
    DocumentError,
    KeyPath,
    Place,
    Problem,
    described,
    dotted,
    is_override,
    printable,
)
from simulator.documents.shapes import default, takes_null
from simulator.documents.spec import Spec
from simulator.documents.validation import Fault, faults
from simulator.documents.yaml12 import MAX_BYTES, Node, read

__all__ = [
    "Document",
    "DocumentError",
    "Place",
    "Problem",
    "Written",
    "assumed",
    "digest",
    "json_schema",
    "load",
    "parse",
    "resolved_yaml",
    "shipped",
    "with_values",
    "without",
]

MAX_EXTENDS = 20
_DESCRIPTIVE = {"kind", "label", "unit", "note", "name", "from", "to", "event", "competing"}

S = TypeVar("S", bound=Spec)


@dataclass(frozen=True)
class Document:
    """A merged document.

    ``tree`` is plain data, every list a tuple; ``files`` those read, base first; ``root`` the nodes that it is
    made of. ``stated`` are the sources to be told where the nodes, read from a resolved document, know none.
    """

    tree: dict[str, Any]
    files: tuple[str, ...]
    root: Node
    stated: Mapping[str, str] | None = None

    @cached_property
    def places(self) -> Mapping[KeyPath, Place]:
        """The place of the value at each path."""
        return {path: node.place for path, node in walk(self.root) if not node.deleted}

    @cached_property
    def keys(self) -> Mapping[KeyPath, Place]:
        """The place of the key at each path."""
        return {path: node.key for path, node in walk(self.root) if not node.deleted}

    @cached_property
    def sources(self) -> Mapping[str, str]:
        """The stated source of each dotted path, and so of all below it."""
        if self.stated is not None:
            return self.stated
        found = ((path, node) for path, node in walk(self.root) if node.source is not None and not node.deleted)
        return {dotted(path): node.source for path, node in found if node.source is not None}

    @cached_property
    def deleted(self) -> Mapping[KeyPath, Place]:
        """Where null deleted a value of the base."""
        return {path: node.place for path, node in walk(self.root) if node.deleted}


@dataclass(frozen=True)
class Written:
    """A document that stands in no file: what it says, and what it is called. Its relative paths begin here."""

    tree: Mapping[str, Any]
    name: str = "the dict"

    def __str__(self) -> str:
        return self.name

    def node(self) -> Node:
        """What it says, as strictly as a file is read; DocumentError for what no file could say."""
        said = Place(self.name, 0, 0)
        try:
            text = resolved_yaml(self.tree)
        except (YAMLError, RecursionError, TypeError, ValueError):
            message, mend = "holds what is no text, number, truth value, list or mapping", "write plain values"
            raise DocumentError([Problem(*said, "", message, mend)]) from None
        return as_node(plain(read(text.encode("utf-8", "surrogatepass"), self.name)), said)


KINDS = ("worlds", "studies", "validation")


def _scenarios() -> FilePath:
    """The folder of shipped documents: that of the installed package, else of the checkout."""
    here = FilePath(__file__).resolve().parents[1]
    return next((place for place in (here / "_scenarios", here.parent / "scenarios") if place.is_dir()), here)


def usual_endpoints_file() -> FilePath:
    """The shipped document that names the usual endpoints of a short form of the course."""
    return _scenarios() / "endpoints.yaml"


def shipped() -> dict[str, FilePath]:
    """The shipped documents by name, worlds first."""
    folder = _scenarios()
    return {path.stem: path for kind in KINDS for path in sorted((folder / kind).rglob("*.yaml"))}


def pasted_papers() -> dict[str, FilePath]:
    """The folders of shipped papers by name."""
    return {path.parent.name: path.parent for path in sorted((_scenarios() / "papers").glob("*/paper.yaml"))}


def load(
    name_or_path: str | os.PathLike[str] | Written,
    overrides: Sequence[str] = (),
    *,
    verbatim: tuple[str, ...] = ("published",),
    spec: type[Spec] | None = None,
) -> Document:
    """The document of that path or shipped name, or itself, over what it extends, with the overrides over both.

    An override is ``dotted.path=YAML value``, as in ``population.size=300``; ``split_assignment`` says how it is
    divided. ``spec`` decides about nulls laid on a value of the base: where that Spec takes null (no caliper) null is
    the value, everywhere else it deletes. Without ``spec`` it always deletes, and ``parse`` refuses the doubtful ones.
    """
    root, files = _chain(name_or_path if isinstance(name_or_path, Written) else os.fspath(name_or_path), verbatim)
    for text in overrides:
        root = _overridden(root, text, verbatim)
    return _document(root, files, spec)


def with_values(document: Document, values: Mapping[str, Any]) -> Document:
    """The document with plain values set at dotted paths: each replaces what stands there, and null is a value."""
    root, problems = document.root, []
    for text, value in values.items():
        written = value if isinstance(value, str) else json.dumps(value)
        place = Place(f"with {printable(f'{text}={written}', 80)}", 1, 1)
        path = split_path(text, root)
        if path is None:
            problems.append(Problem(*place, "", "no such place", "write a dotted path, as in population.size"))
        else:
            root = put(root, path, as_node(value, place), merging=False)
    if problems:
        raise DocumentError(problems)
    return _document(root, document.files, None)


def without(document: Document, section: str) -> Document:
    """The document without a top-level section."""
    root = document.root
    entries = {name: node for name, node in root.value.items() if name != section}
    return _document(replace(root, value=entries), document.files, None)


def parse(document: Document, spec: type[S], ignore: Sequence[str] = ()) -> S:
    """The valid Spec that the document describes; ``ignore`` names top-level sections that belong to another room."""
    tree = {name: value for name, value in document.tree.items() if name not in ignore}
    problems = _doubtful_nulls(document, spec, tree)
    try:
        valid = spec.model_validate(tree)
    except ValidationError as error:
        overrides = {path: place for path, place in document.places.items() if is_override(place.file)}
        problems += [_told(document, fault, overrides) for fault in faults(error, spec, tree)]
        raise DocumentError(_in_order(problems, document.files)) from None
    if problems:
        raise DocumentError(problems)
    return valid


def assumed(document: Document, prefixes: Sequence[str]) -> list[str]:
    """Dotted paths under the prefixes of numbers and choices that state no source; a list of numbers counts as one.

    What merely describes (kind, label, unit, note, name), names of states between which a transition leads or that make
    an endpoint, and lists of text are no assumptions.
    """
    found = []
    under: dict[tuple[str | int, ...], tuple[bool, bool]] = {}
    for path, node in walk(document.root):
        place = dotted(path)
        sourced, asked = under.get(path[:-1], (False, False))
        sourced, asked = under[path] = sourced or place in document.sources, asked or place in prefixes
        if sourced or not asked:
            continue
        if isinstance(node.value, tuple):
            counts = any(isinstance(item.value, int | float) for item in node.value)
        else:
            scalar = node.value is not None and not isinstance(node.value, dict) and isinstance(path[-1], str)
            counts = scalar and path[-1] not in _DESCRIPTIVE
        if counts:
            found.append(place)
    return found


def _document(root: Node, files: tuple[str, ...], spec: type[Spec] | None) -> Document:
    if spec is not None:
        tree = plain(root)
        for path, node in list(walk(root)):
            if node.deleted and takes_null(spec, path, tree):
                root = put(root, tuple(map(str, path)), replace(node, deleted=False), merging=False)
    return Document(plain(root), files, root)


def _doubtful_nulls(document: Document, spec: type[Spec], tree: dict[str, Any]) -> list[Problem]:
    """Where null deleted a value, though to the Spec it means something else than the default that is left."""
    found = []
    for path, place in document.deleted.items():
        if takes_null(spec, path, tree) and (left := default(spec, path, tree)) is not None:
            message = f"null deletes what the base says, which leaves {described(left)}"
            found.append(Problem(*place, dotted(path), message, "write that value, or load with the Spec"))
    return found


def _told(document: Document, fault: Fault, overrides: Mapping[KeyPath, Place]) -> Problem:
    """The fault at its place, with what the document's history adds to it."""
    place = _place(document, fault, overrides)
    message, suggestion = fault.message, fault.suggestion
    if fault.unknown and place.file in document.files[:-1]:
        suggestion = f"'{fault.path[-1]}: null' in {document.files[-1]} deletes it ({suggestion})"
    settings = dict.fromkeys(other.file for other in overrides.values() if other.file.startswith("with "))
    if settings and not is_override(place.file):
        message += f" ({', '.join(settings)})"
    return Problem(*place, dotted(fault.path), message, suggestion)


def _place(document: Document, fault: Fault, overrides: Mapping[KeyPath, Place]) -> Place:
    """The place of the value (or key) at the fault, or of the nearest parent that has one.

    When several values are at odds it is that of the last override among them.
    """
    inside = [place for key, place in overrides.items() if fault.among and key[: len(fault.among)] == fault.among]
    if inside:
        return inside[-1]
    path = fault.path
    if fault.at_key and path in document.keys:
        return document.keys[path]
    while path and path not in document.places:
        path = path[:-1]
    return document.places[path]


def _in_order(problems: list[Problem], files: tuple[str, ...]) -> list[Problem]:
    """Problems of the document itself first, then those of its bases and overrides, each in order of place."""
    rank = {file: position for position, file in enumerate(reversed(files))}
    return sorted(problems, key=lambda problem: (rank.get(problem.file, len(rank)), problem.line, problem.column))


def _overridden(root: Node, text: str, verbatim: tuple[str, ...]) -> Node:
    divided = split_assignment(text, root)
    if divided is None:
        message, example = "is not PATH=VALUE with a place that can exist", "write as in -S population.size=300"
        raise DocumentError([Problem(f"-S {text}", 1, 1, "", message, example)])
    path, written = divided
    file = f"-S {dotted(path)}"
    if path[0] == "extends":
        raise DocumentError([Problem(file, 1, 1, "extends", "cannot be overridden", "name another document instead")])
    if not written.strip():
        raise DocumentError([Problem(file, 1, 1, dotted(path), "has no value", "write null to delete it")])
    problems: list[Problem] = []
    node = sourced(read(written.encode("utf-8", "surrogatepass"), file), verbatim, problems, path)
    if problems:
        raise DocumentError(problems)
    return put(root, path, node, merging=True)


def _chain(first: str | Written, verbatim: tuple[str, ...]) -> tuple[Node, tuple[str, ...]]:
    """The document merged with all that it extends, and the files read, base first."""
    path: str | None = first.name if isinstance(first, Written) else _found(first, None, None)
    said = Place(str(first), 1, 1)
    read_so_far: dict[str, Node] = {}
    seen: set[str] = set()
    problems: list[Problem] = []
    while path is not None:
        real = os.path.realpath(path)
        if real in seen:
            raise DocumentError([Problem(*said, "extends", f"'{path}' extends itself", "end the chain in a world")])
        if len(seen) > MAX_EXTENDS:
            raise DocumentError([Problem(*said, "extends", f"a chain of more than {MAX_EXTENDS}", "extend fewer")])
        seen.add(real)
        if isinstance(first, Written) and not read_so_far:
            node = first.node()
        else:
            node = _mapping(path, said if read_so_far else None)
        entries = dict(node.value)
        base = entries.pop("extends", None)
        read_so_far[path] = sourced(replace(node, value=entries), verbatim, problems)
        if problems:
            raise DocumentError(problems)
        path, said = (None, said) if base is None else (_base(base, path), base.place)
    files = tuple(reversed(read_so_far))
    root = read_so_far[files[0]]
    for file in files[1:]:
        root = merge(root, read_so_far[file])
    return root, files


def _mapping(path: str, said: Place | None) -> Node:
    """The document in the file, whose top level must be a mapping; ``said`` is where it is extended."""
    node = read(_bytes(path, said), path)
    if not isinstance(node.value, dict):
        message = f"a document must be a mapping, not {described(node.value)}"
        raise DocumentError([Problem(*node.place, "", message, "write 'key: value' lines")])
    return node


def _base(node: Node, path: str) -> str:
    if not isinstance(node.value, str) or not node.value:
        message = f"must be a path or the name of a shipped document, not {described(node.value)}"
        raise DocumentError([Problem(*node.place, "extends", message, "write as in extends: ../worlds/a-study.yaml")])
    return _found(node.value, os.path.dirname(path), node.place)


def _found(name: str, folder: str | None, said: Place | None) -> str:
    """The path, as it is to be shown, of a document named on the command line or after ``extends`` in ``folder``."""
    known = shipped()
    if name in known:
        return _shown_path(known[name])
    path = os.path.normpath(os.path.join(folder or "", name))
    if os.path.exists(path):
        return path
    near = get_close_matches(FilePath(name).stem, known, 1)
    worlds = ", ".join(one for one, found in known.items() if found.parent.name == "worlds") or "none"
    suggestion = f"did you mean '{near[0]}'?" if near else f"shipped are {worlds}, and studies (`trialtwin list`)"
    name = path if os.path.splitext(name)[1] else name
    key, place = ("extends", said) if said else ("", Place(name, 1, 1))
    raise DocumentError([Problem(*place, key, f"there is no document '{name}'", suggestion)])


def _shown_path(path: FilePath) -> str:
    """The path relative to the current folder where it lies below it."""
    here = FilePath.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _bytes(path: str, said: Place | None) -> bytes:
    key, place, subject = ("extends", said, f"'{path}' ") if said else ("", Place(path, 1, 1), "")
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            what = "a folder" if os.path.isdir(path) else "not a plain file"
            raise DocumentError([Problem(*place, key, f"{subject}is {what}", "name a YAML file")])
        with open(path, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DocumentError([Problem(*place, key, f"{subject}cannot be read ({error.strerror})", "")]) from None
