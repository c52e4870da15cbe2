"""Keys of published numbers: dotted paths whose list elements are named in brackets, as ``table1.before[age>50].p``."""

import re
from dataclasses import dataclass
from functools import cache

_STEP = re.compile(r"(?P<name>[^.\[\]]+)(?:\[(?P<element>[^\[\]]+)\])?")


@dataclass(frozen=True)
class Step:
    """One step of a path: a name, and the element of the list that it names."""

    name: str
    element: str | None = None


@cache
def split_key(key: str) -> tuple[Step, ...]:
    """The steps of a key; ValueError where it is not one."""
    steps, at = [], 0
    while True:
        found = _STEP.match(key, at)
        if found is None:
            raise ValueError(f"'{key}' is not a dotted path; write it as table1.before[age>50].control.n")
        steps.append(Step(found["name"], found["element"]))
        at = found.end()
        if at == len(key):
            return tuple(steps)
        if key[at] != ".":
            raise ValueError(f"'{key}' is not a dotted path; write it as table1.before[age>50].control.n")
        at += 1
