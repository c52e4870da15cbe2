"""Truths that a question asked of a cell, as its folder keeps them: each with what it is of and the error wanted."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from benchmarks.asked.blocks import Cell
from benchmarks.truth.counted import Truth
from simulator.cohort.estimand import Estimand
from simulator.documents.loading import digest


def asked_file(cell: Cell, wanted: Mapping[Estimand, float]) -> str:
    """The name of the file that keeps the truths of these estimands to these errors."""
    made_of = [[one.model_dump(mode="json"), repr(aim)] for one, aim in wanted.items()]
    return f"truths/{digest({'of': made_of, 'cell': cell.key, 'most': cell.scenario.run.truth_patients})[:24]}.json"


def asked_records(wanted: Mapping[Estimand, float], found: Mapping[Estimand, Truth]) -> list[dict[str, object]]:
    """The truths as JSON has them; numbers as text, since they may be infinite."""
    return [
        {
            "estimand": one.model_dump(mode="json"),
            "aim": repr(aim),
            "value": repr(found[one].value),
            "mcse": repr(found[one].mcse),
            "how": found[one].how,
        }
        for one, aim in wanted.items()
    ]


def read_asked(held: Any) -> dict[Estimand, tuple[float, Truth]]:
    """The truths that were written so, each with the error that was wanted; ValueError where they are none."""
    found = {}
    try:
        for record in held:
            stated: Mapping[str, Any] = record["estimand"]
            estimand = Estimand.model_validate({**stated, "adjusted_for": tuple(stated["adjusted_for"])})
            texts = [record[name] for name in ("aim", "value", "mcse", "how")]
            if not all(isinstance(one, str) and len(one) < 1_000 for one in texts):
                raise TypeError("no text")
            aim, value, mcse = map(float, texts[:3])
            found[estimand] = aim, Truth(estimand, value, mcse, texts[3])
    except (TypeError, KeyError, ValueError, AttributeError, ValidationError):
        raise ValueError("truths that are not ours") from None
    return found
