"""Where two documents differ."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ABSENT = "-"


@dataclass(frozen=True)
class Leaf:
    """A place at which two documents differ, and what each says there."""

    path: str
    one: Any
    other: Any


def differences(one: Any, other: Any, path: str = "") -> Iterator[Leaf]:
    """Every place where two trees differ; what one of them lacks is `ABSENT` there. A list is one value."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in dict.fromkeys([*one, *other]):
            below = f"{path}.{name}" if path else str(name)
            yield from differences(one.get(name, ABSENT), other.get(name, ABSENT), below)
    elif one != other:
        yield Leaf(path, one, other)
