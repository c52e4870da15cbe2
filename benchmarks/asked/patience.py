"""How long an estimator may take over one replicate, as a study says it."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

UNITS = {"": 1.0, "s": 1.0, "min": 60.0, "h": 3600.0}
LONGEST = 30 * 86_400.0
_WRITTEN = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(s|min|h|)\s*")


def seconds(text: object) -> float | None:
    """The seconds of ``60s``, ``1.5 min``, ``2h``, 60; None for ``none`` and null; ValueError for anything else."""
    if text is None or text == "none":
        return None
    found = _WRITTEN.fullmatch(text) if isinstance(text, str) else None
    if found is not None:
        value = float(found[1]) * UNITS[found[2]]
    elif isinstance(text, int | float) and not isinstance(text, bool):
        value = float(text)
    else:
        raise ValueError(f"'{str(text)[:40]}' is no time; write 60s, 10min, 2h or none")
    if not 0 < value <= LONGEST:
        raise ValueError(f"{str(text)[:40]} is no time between 0 and 30 days; write 60s, 10min, 2h or none")
    return value


def told(patience: float | None) -> str:
    """The time in words."""
    if patience is None:
        return "any time"
    for unit in ("h", "min"):
        if patience >= 2 * UNITS[unit]:
            return f"{patience / UNITS[unit]:.3g} {unit}"
    return f"{patience:.3g} s"


_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0, "maximum": LONGEST},
        {"type": "string", "pattern": r"^\s*(\d+(\.\d*)?|\.\d+)\s*(s|min|h|)\s*$"},
        {"enum": ["none", None]},
    ]
}
Patience = Annotated[float | None, BeforeValidator(seconds), WithJsonSchema(_SCHEMA)]
"""Seconds, None for any time; written as a number with its unit, a plain number being seconds."""
