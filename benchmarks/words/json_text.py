"""JSON that people can read, written fast: long lists and objects of scalars, and tables of them, in one go."""

import json
from collections.abc import Iterable
from functools import partial
from itertools import chain
from typing import Any


def json_text(value: Any, line: str = "\n") -> str:
    """What ``json.dumps(value, indent=2, allow_nan=False)`` gives of a value of dicts, lists and scalars.

    ``line`` is a line break and the indentation.
    """
    deeper, encode = f"{line}  ", partial(json.dumps, allow_nan=False)
    if not isinstance(value, dict | list) or not value:
        return encode(value)
    parts, ends = (value.values(), "{}") if isinstance(value, dict) else (value, "[]")
    kinds = set(map(type, parts))
    if not kinds & {dict, list}:
        inside = encode(value, separators=(f",{deeper}", ": "))[1:-1]
    elif isinstance(value, dict):
        inside = f",{deeper}".join(encode({key: 0})[1:-2] + json_text(part, deeper) for key, part in value.items())
    elif (
        kinds == {list}
        and len(set(map(len, value))) == 1
        and not set(map(type, chain.from_iterable(value))) & {dict, list}
    ):
        inside = f",{deeper}".join(_rows(value, deeper))
    else:
        inside = f",{deeper}".join(json_text(part, deeper) for part in value)
    return f"{ends[0]}{deeper}{inside}{line}{ends[1]}"


def _rows(rows: list[list[Any]], line: str) -> Iterable[str]:
    """Lists of as many scalars each, as JSON."""
    width, deeper = len(rows[0]), f"{line}  "
    if not width:
        return ("[]" for _ in rows)
    text = json.dumps(list(chain.from_iterable(rows)), allow_nan=False, separators=("\n", ": "))
    cells = text[1:-1].split("\n")  # a line break within a text is written as two signs
    shape = f"[{deeper}{f',{deeper}'.join(['%s'] * width)}{line}]"
    return map(shape.__mod__, zip(*[iter(cells)] * width, strict=True))
