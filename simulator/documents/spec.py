"""The strict, frozen base of everything that a YAML document can say."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Spec(BaseModel):
    """A frozen record: no unknown keys, no NaN or infinity, no silent conversion (a bool is not an int)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]
"""A name that may become a column, a file name or part of a dotted path."""

Label = Annotated[str, Field(min_length=1, max_length=300)]
"""Free text shown to readers; escaped wherever it is shown."""

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
