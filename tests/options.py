"""Which options of a Spec change nothing: every field is given other legal values until some result differs."""

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import combinations, product
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from simulator.documents.spec import Spec

Known = Mapping[str, tuple[Any, ...]]
Outcome = Callable[[Any], object]
Tree = dict[str, Any]

NUMBERS = (2, 3, 20, 0.5, 0.3, 0.9, 0.05, 1.0, 6.0, 15.0, 0, 7, 1000)
PAIRS = ((0.3, 0.7), (0.1, 0.9))
TERMS = (("stage",), ("age>60",), ("stage", "age>60"), ("age", "stage"), ())


def values(kind: Any) -> list[Any]:
    """Values of a type, legal or not: validation says which are; TypeError for a type of which none are known."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return values(inside[0])
    if origin is Literal:
        return list(inside)
    if origin in (Union, UnionType):
        return [one for part in inside for one in values(part)]
    if kind is NoneType:
        return [None]
    if kind is bool:
        return [True, False]
    if kind in (int, float):
        return [kind(one) for one in NUMBERS if kind(one) == one]
    if origin is tuple and inside[-1] is ...:
        text = inside[0] is str or get_args(inside[0])[:1] == (str,)
        if text:
            return list(TERMS)
    elif origin is tuple and len(inside) == 2:
        return list(PAIRS)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [made for tree in variations(kind) if (made := _legal(kind, tree)) is not None]
    raise TypeError(f"no other values of {kind} are known; name some for the field")


def variations(kind: type[BaseModel], known: Known | None = None) -> Iterator[Tree]:
    """Other values of one field at a time."""
    for name in fields(kind):
        for value in others(kind, name, known or {}):
            yield {kind.model_fields[name].alias or name: value}


def fields(kind: type[BaseModel]) -> list[str]:
    """The options: all fields but those that name the kind."""
    return [name for name in kind.model_fields if name not in ("kind", "name")]


def others(kind: type[BaseModel], name: str, known: Known) -> list[Any]:
    """Other values of a field than its default."""
    field = kind.model_fields[name]
    given = list(known[name]) if name in known else values(field.annotation)
    return [value for value in given if repr(value) != repr(field.default)]


M = TypeVar("M", bound=BaseModel)


def _legal(kind: type[M], tree: Tree) -> M | None:
    try:
        return kind(**tree)
    except ValidationError:
        return None


def ignored(
    kind: type[Spec],
    outcome: Outcome,
    needed: Tree | None = None,
    known: Known | None = None,
    only: Collection[str] | None = None,
) -> list[str]:
    """The fields of which no other value changes what comes of the Spec, whatever up to two other options are.

    ``outcome`` gives what is compared, None where there is nothing to compare; ``needed`` are the fields without
    defaults, ``known`` values of fields whose types do not say any; ``only`` some fields may be asked about.
    """
    needed, known = needed or {}, known or {}
    seen: dict[str, object] = {}

    def found(made: Spec) -> object:
        key = made.model_dump_json()
        if key not in seen:
            seen[key] = outcome(made)
        return seen[key]

    alone = list(variations(kind, known))
    pairs = ({**one, **two} for one, two in combinations(alone, 2) if one.keys() != two.keys())
    bases = [{}, *alone, *pairs]

    def changes(name: str) -> bool:
        for base, value in product(bases, others(kind, name, known)):
            one = _legal(kind, {**needed, **base})
            two = one and _legal(kind, {**needed, **base, kind.model_fields[name].alias or name: value})
            if one and two:
                first, second = found(one), found(two)
                if first is not None and second is not None and first != second:
                    return True
        return False

    return [name for name in fields(kind) if (only is None or name in only) and not changes(name)]
