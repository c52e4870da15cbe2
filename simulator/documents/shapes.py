"""What a Spec's types want at a path of a document: fields, entries, and the branches of unions."""

import re
import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from simulator.documents.problems import KeyPath


class Branch(NamedTuple):
    """One branch, by pydantic's name for it, of a union without a discriminator that stands at ``path``."""

    path: KeyPath
    union: Any
    name: str


@dataclass(frozen=True)
class ErrorPlace:
    """Where an error's location leads.

    ``path`` is that in the tree, ``holder`` the type of the mapping or list that holds its last key; ``branch`` is the
    first one on the way, if any, and ``ends_at_branch`` says that the location goes no further.
    """

    path: KeyPath
    holder: Any
    at_key: bool = False
    branch: Branch | None = None
    ends_at_branch: bool = False


def locate(loc: Sequence[str | int], spec: type[BaseModel], tree: Any) -> ErrorPlace:
    """Follow an error's location, stepping over the tags and names of branches that pydantic puts between keys."""
    path: KeyPath = ()
    annotation, holder, value = spec, None, tree
    branch, ends_at_branch = None, False
    for item in loc:
        if item == "[key]":
            return ErrorPlace(path, holder, True, branch)
        members, discriminator = choices(annotation)
        ends_at_branch = len(members) > 1 and not discriminator
        if ends_at_branch:
            branch = branch or Branch(path, annotation, str(item))
            annotation = next((member for member in members if _is_named(member, str(item))), members[0])
        elif len(members) > 1:
            annotation = next((member for member in members if item in tags(member, discriminator)), members[0])
        else:
            holder = members[0]
            annotation, value, path = child(holder, item), entry(value, item), (*path, item)
    return ErrorPlace(path, holder, False, branch, ends_at_branch and branch is not None and branch.path == path)


def takes_null(spec: type[BaseModel], path: KeyPath, tree: Any) -> bool:
    """Whether null is a value at the path, unions on the way being decided by what the tree holds."""
    return type(None) in _alternatives(_descend(spec, path, tree)[1])


def default(spec: type[BaseModel], path: KeyPath, tree: Any) -> Any:
    """What holds at the path when its key is left out; None as well where nothing does."""
    holder, _ = _descend(spec, path, tree)
    fields = keys_of(holder) if is_model(holder) else {}
    return fields[path[-1]].get_default(call_default_factory=True) if path[-1] in fields else None


def _descend(spec: type[BaseModel], path: KeyPath, tree: Any) -> tuple[Any, Any]:
    """The type of the mapping or list that holds the last key of the path, and the type wanted there."""
    holder: Any = None
    annotation: Any = spec
    value = tree
    for part in path:
        members, discriminator = choices(annotation)
        if discriminator:
            tag = entry(value, discriminator)
            members = tuple(member for member in members if tag in tags(member, discriminator))
        holder = next((member for member in members if child(member, part) is not Any), None)
        annotation, value = child(holder, part), entry(value, part)
    return holder, annotation


def choices(annotation: Any) -> tuple[tuple[Any, ...], str | None]:
    """The types that may stand here besides null, each bare, and the discriminator between them if there is one."""
    annotation, discriminator = _bare(annotation)
    members = tuple(member for member in _alternatives(annotation) if member is not type(None)) or (type(None),)
    if len(members) == 1 and members[0] is not annotation:
        return choices(members[0])
    return tuple(_bare(member)[0] for member in members), discriminator if len(members) > 1 else None


def tags(member: Any, discriminator: str | None) -> tuple[Any, ...]:
    """The values of the discriminator by which a branch is known."""
    return get_args(member.model_fields[discriminator].annotation) if discriminator and is_model(member) else ()


def child(annotation: Any, item: str | int) -> Any:
    """The type of what stands under a key or at an index; Any if nothing is known of it."""
    if is_model(annotation):
        field = keys_of(annotation).get(str(item))
        return Annotated[field.annotation, field] if field else Any
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is dict:
        return arguments[1]
    if origin is tuple and isinstance(item, int):
        return arguments[0] if arguments[-1] is Ellipsis else (*arguments, Any)[min(item, len(arguments))]
    return Any


def entry(value: Any, item: str | int) -> Any:
    """What stands in a tree's value under a key or at an index; None if nothing does."""
    if isinstance(value, dict):
        return value.get(item)
    if isinstance(value, tuple) and isinstance(item, int) and item < len(value):
        return value[item]
    return None


def keys_of(model: type[BaseModel]) -> dict[Any, FieldInfo]:
    """The fields of a Spec by the keys under which a document has them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def is_model(annotation: Any) -> bool:
    """Whether the type is a Spec."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _bare(annotation: Any) -> tuple[Any, str | None]:
    discriminator = None
    while get_origin(annotation) is Annotated:
        annotation, *notes = get_args(annotation)
        for note in notes:
            if isinstance(note, FieldInfo) and isinstance(note.discriminator, str):
                discriminator = note.discriminator
    return annotation, discriminator


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    annotation, _ = _bare(annotation)
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _is_named(member: Any, name: str) -> bool:
    """Whether pydantic calls the branch so: ``Weibull``, ``function-after[_check(), Weibull]``, ``tuple[...]``."""
    if is_model(member):
        return bool(re.search(rf"(^|\s){re.escape(member.__name__)}\]?$", name))
    origin = get_origin(member)
    return name.startswith(f"{origin.__name__}[" if isinstance(origin, type) else f"{member!s}[")
