"""Documents laid over each other: sourced values, deep merge, dotted paths."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from simulator.documents.problems import KeyPath, Place, Problem, described, dotted
from simulator.documents.yaml12 import MAX_DEPTH, Node

_PLAIN_SEGMENT = re.compile(r"(?:[<>]=|[^.=])+")
_SOURCED = ({"value", "source"}, {"value", "source", "note"})


def sourced(node: Node, verbatim: tuple[str, ...], problems: list[Problem], path: KeyPath = ()) -> Node:
    """The node with every mapping ``{value, source, note?}`` turned into its value, which remembers its source.

    Sections named in ``verbatim`` (dotted paths) stay as they are; a source that is no text is added to ``problems``.
    """
    if dotted(path) in verbatim:
        return node
    if isinstance(node.value, tuple):
        items = (sourced(item, verbatim, problems, (*path, k)) for k, item in enumerate(node.value))
        return replace(node, value=tuple(items))
    if not isinstance(node.value, dict):
        return node
    if not path or node.value.keys() not in _SOURCED:
        entries = {name: sourced(child, verbatim, problems, (*path, name)) for name, child in node.value.items()}
        return replace(node, value=entries)
    told = [node.value[name] for name in ("source", "note") if name in node.value]
    for text in told:
        if not isinstance(text.value, str) or not text.value:
            message = f"a value's source and note must be text, not {described(text.value)}"
            file, line, column = text.place
            problems.append(Problem(file, line, column, dotted(path), message, "say where the value stands"))
    inner = sourced(node.value["value"], verbatim, problems, path)
    return replace(inner, key=node.key, source=inner.source or "; ".join(str(text.value) for text in told))


def merge(base: Node, over: Node) -> Node:
    """``over`` laid on ``base``: mappings merge key by key, all else replaces, and null deletes.

    A stated source stays with what is left untouched. ``{value: x}`` laid on a sourced value stands for x, unsourced.
    """
    if base.source is not None and isinstance(over.value, dict) and over.value.keys() == {"value"}:
        over = replace(over.value["value"], key=over.key)
    if over.value is None and over.source is None:
        return replace(over, deleted=True)
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    entries = dict(_spread(base).value)
    for name, child in _spread(over).value.items():
        entries[name] = merge(entries[name], child) if name in entries else child
    return Node(entries, over.place, over.key)


def _spread(node: Node) -> Node:
    """The node with its source handed down to those of its entries that have none of their own."""
    if node.source is None:
        return node
    if isinstance(node.value, dict):
        value: Any = {name: _inheriting(child, node.source) for name, child in node.value.items()}
    else:
        value = tuple(_inheriting(child, node.source) for child in node.value)
    return replace(node, value=value, source=None)


def _inheriting(node: Node, source: str) -> Node:
    return node if node.source is not None else replace(node, source=source)


def put(root: Node, path: tuple[str, ...], node: Node, merging: bool) -> Node:
    """``root`` with ``node`` at the path, merged with what stands there or in its stead; parents come about."""
    if not path:
        return merge(root, node) if merging else replace(node, key=root.key)
    name, *rest = path
    if isinstance(root.value, tuple):
        items = list(_spread(root).value)
        items[int(name)] = put(items[int(name)], tuple(rest), node, merging)
        return replace(root, value=tuple(items), source=None)
    entries = dict(_spread(root).value) if isinstance(root.value, dict) else {}
    if name in entries:
        entries[name] = put(entries[name], tuple(rest), node, merging)
    else:
        for part in reversed(rest):
            node = Node({part: node}, node.place, node.place)
        entries[name] = node
    return Node(entries, root.place if isinstance(root.value, dict) else node.place, root.key)


def as_node(value: Any, place: Place) -> Node:
    """Plain data as a node all of whose parts stand at one place."""
    if isinstance(value, Mapping):
        value = {str(name): as_node(child, place) for name, child in value.items()}
    elif isinstance(value, list | tuple):
        value = tuple(as_node(item, place) for item in value)
    return Node(value, place, place)


def plain(node: Node) -> Any:
    """The node as plain data, without what was deleted."""
    if isinstance(node.value, dict):
        return {name: plain(child) for name, child in node.value.items() if not child.deleted}
    if isinstance(node.value, tuple):
        return tuple(plain(item) for item in node.value)
    return node.value


def walk(node: Node, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Node]]:
    """Every node with its path, parents first, the deleted included."""
    waiting = [(path, node)]
    while waiting:
        path, node = waiting.pop()
        yield path, node
        if isinstance(node.value, dict):
            waiting.extend(((*path, name), child) for name, child in reversed(node.value.items()))
        elif isinstance(node.value, tuple):
            waiting.extend(((*path, index), node.value[index]) for index in reversed(range(len(node.value))))


def split_path(text: str, tree: Any) -> tuple[str, ...] | None:
    """The segments of a dotted path; None if it is not one.

    A segment in quotes is taken as it is; else the longest key of the tree that fits, so that keys with dots and
    operators need no quotes once they exist; else what comes before the next dot. A segment of a list is an index.
    """
    found = _split(text, tree, False, 0)
    return found and found[0]


def split_assignment(text: str, tree: Any) -> tuple[tuple[str, ...], str] | None:
    """Path and value of ``path=value``, by the rules of ``split_path``; None if it is not an assignment.

    The first ``=`` that is neither in quotes, nor in a key of the tree, nor part of ``>=`` or ``<=`` divides them.
    """
    return _split(text, tree, True, 0)


def _split(text: str, tree: Any, assigns: bool, depth: int) -> tuple[tuple[str, ...], str] | None:
    """Path and what follows its ``=``; ``tree`` is plain data or a node."""
    if depth == MAX_DEPTH:
        return None
    held = tree.value if isinstance(tree, Node) else tree
    for name, rest in _segments(text, held):
        if isinstance(held, tuple) and not (name.isdecimal() and len(name) < 7 and int(name) < len(held)):
            continue
        if rest == "" and not assigns:
            return (name,), ""
        if rest.startswith("=") and assigns:
            return (name,), rest[1:]
        if rest.startswith("."):
            child = held.get(name) if isinstance(held, dict) else held[int(name)] if isinstance(held, tuple) else None
            found = _split(rest[1:], child, assigns, depth + 1)
            if found:
                return (name, *found[0]), found[1]
    return None


def _segments(text: str, tree: Any) -> Iterator[tuple[str, str]]:
    """The first segment of the text and what follows it, likeliest first."""
    text = text.lstrip()
    if text[:1] in ("'", '"'):
        end = text.find(text[0], 1)
        if end > 1 and text[:end].isprintable():
            yield text[1:end], text[end + 1 :].lstrip()
        return
    known = [key for key in tree if text.startswith(key)] if isinstance(tree, dict) else []
    for name in sorted(known, key=len, reverse=True):
        yield name, text[len(name) :].lstrip()
    found = _PLAIN_SEGMENT.match(text)
    if found and found[0].strip() and found[0].isprintable():
        yield found[0].strip(), text[found.end() :]
