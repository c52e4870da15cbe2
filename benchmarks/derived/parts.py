"""What the parts of a derived world are made of: sourced values, assumptions, and contradictions of the print."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Tree = dict[str, Any]
"""A part of a world's document: mappings, lists, numbers and texts; a sourced value is ``{value, source}``."""


@dataclass(frozen=True)
class Assumption:
    """What the paper does not say and the world needs: its place in the document, its value, and why it is that.

    ``prior_sd`` is how far it may lie from the truth, on the logarithm where ``log``; None where it is no number that
    may be moved. ``also`` are other places that move with it.
    """

    path: str
    value: float | str
    prior_sd: float | None
    why: str
    log: bool = False
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contradiction:
    """Where printed numbers do not go together: a sentence with its figures, which are told by name, too.

    ``settle`` is the line of paper.yaml that settles it where only the reader of the paper can; '' for a finding.
    """

    text: str
    figures: Mapping[str, float] = field(default_factory=dict)
    settle: str = ""


def sourced(value: Any, source: str) -> Tree:
    """A value with its formula as its source."""
    return {"value": value, "source": source}


def bare(part: Any) -> Any:
    """A part of a document with the values alone, sources left out."""
    if isinstance(part, Mapping):
        if part.keys() <= {"value", "source", "note"} and "value" in part:
            return bare(part["value"])
        return {key: bare(one) for key, one in part.items()}
    return [bare(one) for one in part] if isinstance(part, list | tuple) else part
