"""What was computed for a folder, kept there by what it was computed from, so that nobody computes it twice.

What is kept is a frozen dataclass of numbers, texts, arrays and others such, written as JSON with a checksum: numbers
as text, to the last digit, since they may be infinite or none. What is damaged, or of another version of the code, is
as good as absent.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from benchmarks.runs.manifest import versions
from benchmarks.runs.store import RunFolder, plain_json
from simulator.documents.canonical import digest

T = TypeVar("T")


def kept(place: Path, name: str, made_of: Mapping[str, Any], kind: type[T], make: Callable[[], T]) -> T:
    """What ``make`` gives, or gave before in this folder from the same.

    ``made_of`` is all that it depends on, beside the versions of what makes numbers, as a document.
    """
    folder, file = RunFolder(place), f"{name}-{digest({'of': made_of, 'by': versions()})[:24]}.json"
    content = folder.read_checked(file)
    if content is not None:
        try:
            held: T = as_kept(plain_json(content), kind)
        except ValueError:
            pass  # not one of ours: it is made again
        else:
            return held
    found = make()
    folder.write_checked_json(file, to_keep(found))
    return found


def to_keep(one: Any) -> Any:
    """The value as JSON has it, every number a text."""
    if is_dataclass(one) and not isinstance(one, type):
        return {field.name: to_keep(getattr(one, field.name)) for field in fields(one)}
    if isinstance(one, np.ndarray):
        return [list(one.shape), [repr(float(x)) for x in one.ravel()]]
    if isinstance(one, tuple):
        return [to_keep(x) for x in one]
    if isinstance(one, bool | np.bool_):
        return bool(one)
    if one is None or isinstance(one, str):
        return one
    if isinstance(one, int | np.integer):
        return repr(int(one))
    if isinstance(one, float):
        return repr(float(one))
    raise TypeError(f"{type(one).__name__} is not kept")


def as_kept(tree: Any, kind: Any) -> Any:
    """The value of a type that was written so; ValueError where it is none."""
    try:
        return _read(tree, kind)
    except (TypeError, KeyError, AttributeError, OverflowError, ValueError) as error:
        raise ValueError(f"not one of ours: {error}") from None


def _read(tree: Any, kind: Any) -> Any:
    whole, parts = get_origin(kind) or kind, get_args(kind)
    if whole in (Union, UnionType):
        if tree is None and NoneType in parts:
            return None
        (own,) = (part for part in parts if part is not NoneType)
        return _read(tree, own)
    if isinstance(whole, type) and is_dataclass(whole):
        hints = get_type_hints(whole)
        if set(tree) != {field.name for field in fields(whole)}:
            raise ValueError("other fields")
        return whole(**{field.name: _read(tree[field.name], hints[field.name]) for field in fields(whole)})
    if whole is tuple:
        if len(parts) == 2 and parts[1] is Ellipsis:
            return tuple(_read(one, parts[0]) for one in tree)
        return tuple(_read(one, part) for one, part in zip(tree, parts, strict=True))
    if whole is np.ndarray:
        shape, values = tree
        return np.array([float(one) for one in values]).reshape(shape)
    if whole in (int, float):
        if not isinstance(tree, str):
            raise ValueError("no number")
        return whole(tree)
    if whole in (str, bool) and isinstance(tree, whole):
        return tree
    raise ValueError(f"no {whole}")
