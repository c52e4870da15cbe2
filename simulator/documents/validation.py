"""Faults of a document in plain words: pydantic's errors led back to the places where a user can mend them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from simulator.documents.merging import split_path
from simulator.documents.problems import KeyPath, described, dotted, printable
from simulator.documents.shapes import ErrorPlace, child, choices, entry, is_model, keys_of, locate, tags
from simulator.documents.spec import Name

_NAME = TypeAdapter(Name).json_schema()["pattern"]
_WANTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "none_required": "null",
    "finite_number": "a finite number",
}
_BOUNDS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
    "multiple_of": ("multiple_of", "a multiple of"),
}
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_MOST_TOLD = 500
_SOURCED_FORM = "a sourced value has the keys value, source and perhaps note"
_TRUTH = {"yes": "true", "y": "true", "on": "true", "no": "false", "n": "false", "off": "false"}


@dataclass(frozen=True)
class Fault:
    """One fault at a path of the tree: at its value, or ``at_key``.

    ``unknown`` says that the key has no meaning; ``among`` is the mapping whose values a validator found at odds.
    """

    path: KeyPath
    message: str
    suggestion: str = ""
    at_key: bool = False
    unknown: bool = False
    among: KeyPath = ()


def faults(error: ValidationError, spec: type[BaseModel], tree: Any) -> list[Fault]:
    """What the error holds, at most 500 faults, each once and at its place in the tree."""
    plain: list[Fault] = []
    branches: dict[KeyPath, dict[str, list[tuple[ErrorPlace, ErrorDetails]]]] = {}
    for detail in error.errors(include_url=False)[:_MOST_TOLD]:
        if detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]:
            continue  # entries that are faulty themselves are not counted
        found = locate(detail["loc"], spec, tree)
        if found.branch is None:
            plain.append(_fault(found, detail, tree))
        else:
            branches.setdefault(found.branch.path, {}).setdefault(found.branch.name, []).append((found, detail))
    for path, tried in branches.items():
        plain += _of_union(path, list(tried.values()), tree)
    meant = {(*fault.path[:-1], fault.suggestion) for fault in plain if fault.unknown}
    kept = [fault for fault in plain if fault.message != "missing key" or not _is_meant(fault.path, meant)]
    return list(dict.fromkeys(kept))


def _is_meant(path: KeyPath, meant: set[KeyPath]) -> bool:
    return (*path[:-1], f"did you mean '{path[-1]}'?") in meant


def _words(annotation: Any) -> str:
    """What a type wants, in words."""
    members, _ = choices(annotation)
    return _either(list(dict.fromkeys(word for member in members for word in _words_of(member))))


def _words_of(member: Any) -> list[str]:
    if get_origin(member) is Literal:
        return [f"'{value}'" if isinstance(value, str) else str(value) for value in get_args(member)]
    if get_origin(member) is tuple:
        return ["a list"]
    plain = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    return [plain.get(member, "a mapping" if is_model(member) or get_origin(member) is dict else "a value")]


def _either(words: Sequence[str]) -> str:
    return " or ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def _of_union(path: KeyPath, tried: list[list[tuple[ErrorPlace, ErrorDetails]]], tree: Any) -> list[Fault]:
    """The faults of the branch that was meant; one that names all branches if the value is of none of their types."""
    fitting = [
        branch
        for branch in tried
        if not any(found.ends_at_branch and _is_of_type(detail["type"]) for found, detail in branch)
    ]
    if fitting:
        return [_fault(found, detail, tree) for found, detail in min(fitting, key=len)]
    found, detail = tried[0][0]
    wanted = _words(found.branch.union) if found.branch else "something else"
    return [Fault(path, f"must be {wanted}, not {described(detail['input'])}", _mend(wanted, detail["input"]))]


def _is_of_type(kind: str) -> bool:
    return kind in _WANTED or kind == "literal_error"


def _fault(found: ErrorPlace, detail: ErrorDetails, tree: Any) -> Fault:
    kind, given, limits, path = detail["type"], detail["input"], detail.get("ctx", {}), found.path
    if kind == "missing":
        return _missing(found, given)
    if kind == "extra_forbidden":
        return _unknown(found, tree)
    if kind in ("value_error", "assertion_error"):
        return _refined(Fault(path, str(limits.get("error", detail["msg"])), at_key=found.at_key, among=path), tree)
    if kind in ("literal_error", "union_tag_invalid"):
        if kind == "union_tag_invalid":
            path = (*path, str(limits["discriminator"]).strip("'"))
            given = entry(given, path[-1])
        return _one_of(path, str(limits.get("expected_tags") or limits["expected"]), given)
    if kind == "union_tag_not_found":
        path = (*path, str(limits["discriminator"]).strip("'"))
        members, discriminator = choices(child(found.holder, found.path[-1]))
        allowed = _either([f"'{tag}'" for member in members for tag in tags(member, discriminator)])
        return Fault(path, "missing key", f"write '{path[-1]}: ...' ({allowed}) {_under(path)}")
    if kind in _WANTED:
        mend = "leave the key out" if given is None and _is_optional(found) else _mend(_WANTED[kind], given)
        return Fault(path, f"must be {_WANTED[kind]}, not {described(given)}", mend, found.at_key)
    if kind in _BOUNDS:
        limit, words = _BOUNDS[kind]
        return Fault(path, f"must be {words} {_number(limits[limit])}, not {_number(given)}")
    return Fault(path, _sized(kind, given, limits, detail["msg"]), at_key=found.at_key)


def _is_optional(found: ErrorPlace) -> bool:
    """Whether the last key of the path may be left out."""
    if is_model(found.holder):
        return not keys_of(found.holder)[found.path[-1]].is_required()
    return get_origin(found.holder) is dict


def _missing(found: ErrorPlace, given: Any) -> Fault:
    path = found.path
    if isinstance(path[-1], int):
        wanted = len(get_args(found.holder))
        return Fault(path[:-1], f"must be a list of {wanted}, not of {len(given)}")
    words = _words(child(found.holder, path[-1]))
    return Fault(path, "missing key", f"write '{path[-1]}: ...' ({words}) {_under(path)}")


def _under(path: KeyPath) -> str:
    return f"under {dotted(path[:-1])}" if len(path) > 1 else "at the top level"


def _unknown(found: ErrorPlace, tree: Any) -> Fault:
    """An unknown key, with the nearest one that the mapping knows and does not hold yet."""
    known = list(keys_of(found.holder)) if is_model(found.holder) else []
    for part in found.path[:-1]:
        tree = entry(tree, part)
    if "value" in tree and found.path[-1] in ("value", "source", "note"):
        return Fault(found.path, "unknown key", _SOURCED_FORM, True, True)
    wanted, free = str(found.path[-1]), [name for name in known if name not in tree]
    near = get_close_matches(wanted, free, 1) or get_close_matches(wanted, known, 1)
    suggestion = f"did you mean '{near[0]}'?" if near else f"known here are {', '.join(known)}"
    return Fault(found.path, "unknown key", suggestion, True, True)


def _one_of(path: KeyPath, expected: str, given: Any) -> Fault:
    allowed = re.findall(r"'([^']*)'|([^\s',]+)", expected.replace(" or ", ", "))
    names = [text or bare for text, bare in allowed]
    near = get_close_matches(given, names, 1) if isinstance(given, str) else []
    wanted = _either([f"'{text}'" if text else bare for text, bare in allowed])
    return Fault(path, f"must be {wanted}, not {described(given)}", f"did you mean '{near[0]}'?" if near else "")


def _refined(fault: Fault, tree: Any) -> Fault:
    """A validator's message at the place that it names: ``a.b: message``, then ``'key' message``."""
    path, message, value = fault.path, fault.message, tree
    for part in path:
        value = entry(value, part)
    head, colon, rest = message.partition(": ")
    inner = split_path(head, value) if colon and " " not in head and isinstance(value, dict) else None
    if inner is not None:
        for part in inner:
            step = int(part) if isinstance(value, tuple) else part
            path, value = (*path, step), entry(value, step)
        if value is None:
            return fault
        message = rest
    named = re.match(r"'([^']+)'", message)
    if named and isinstance(value, dict) and named[1] in value:
        return replace(fault, path=(*path, named[1]), message=message, at_key=True)
    return replace(fault, path=path, message=message)


def _mend(wanted: str, given: Any) -> str:
    """What the user may have meant, when the type is wrong."""
    if isinstance(given, dict) and "value" in given:
        return _SOURCED_FORM
    if isinstance(given, str):
        bare = given.strip().replace("_", "").replace(",", "" if given.count(",") > 1 or "." in given else ".")
        if "number" in wanted and _NUMBER.fullmatch(bare):
            return f"write {bare} without quotes" if bare == given else f"write {bare}"
        if wanted == "true or false" and given.casefold() in _TRUTH:
            return f"write {_TRUTH[given.casefold()]}"
    if wanted == "a whole number" and isinstance(given, float) and given.is_integer() and abs(given) < 2**53:
        return f"write {int(given)}"
    if wanted == "text" and isinstance(given, bool | int | float):
        return f'write "{str(given).lower()}" in quotes'
    if wanted == "a list" and isinstance(given, str | int | float):
        return f"write [{printable(str(given), 40)}]"
    return ""


def _sized(kind: str, given: Any, limits: dict[str, Any], message: str) -> str:
    if kind == "string_pattern_mismatch":
        if limits["pattern"] == _NAME:
            return f"{described(given)} is no name: a letter, then at most 63 letters, digits, _ . or -"
        return f"{described(given)} does not fit the pattern {limits['pattern']}"
    if kind in ("too_short", "too_long"):
        most = f"least {limits['min_length']}" if kind == "too_short" else f"most {limits['max_length']}"
        return f"must have at {most} entries, not {len(given)}"
    if kind in ("string_too_short", "string_too_long"):
        least = kind == "string_too_short"
        count = limits["min_length" if least else "max_length"]
        if not given:
            return "must not be empty"
        return f"must have at {'least' if least else 'most'} {count} characters, not {len(given)}"
    return re.sub(r"^(Input|String|Value) should be", "must be", message)


def _number(value: Any) -> str:
    return repr(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else repr(value)
