"""The strict, frozen base of everything that a YAML document can say."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Spec(BaseModel):
    """A frozen record: no unknown keys, no NaN or infinity, no silent conversion (a bool is not an int)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)


Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]
"""A name that may become a column, a file name or part of a dotted path."""

Label = Annotated[str, Field(min_length=1, max_length=300)]
"""Free text shown to readers; escaped wherever it is shown."""

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]


@dataclass(frozen=True)
class InTimeUnit:
    """Marks a field whose numbers are in the world's unit of time to a ``power``."""

    power: int


TIME = InTimeUnit(1)
"""A time."""
RATE = InTimeUnit(-1)
"""A rate per unit of time."""


def timed(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], InTimeUnit]]:
    """The path, below a Spec or what holds Specs, of every field that is in the world's unit of time, and its mark."""
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            here = (*path, field.alias or name)
            marks = [mark for mark in field.metadata if isinstance(mark, InTimeUnit)]
            if marks:
                yield here, marks[0]
            else:
                yield from timed(getattr(value, name), here)
    elif isinstance(value, dict | tuple | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from timed(part, (*path, key))
