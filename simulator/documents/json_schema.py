"""The JSON Schema of a document, for editors: completion, types, unknown keys."""

from typing import Any

from simulator.documents.spec import Spec

_SOURCE = {"type": "string", "minLength": 1, "description": "where the value stands"}
_EXTENDS = {"type": "string", "description": "a path, or the name of a shipped document, that this one is laid over"}


def json_schema(spec: type[Spec]) -> dict[str, Any]:
    """The JSON Schema of documents that describe the Spec.

    Any value may also be written ``{value, source, note?}``, null stands for a value deleted, and ``extends`` is
    allowed at the top. A document that extends another is partial, so keys are required only at the top of one that
    does not: what is missing further down, and whatever links several values, is for ``trialtwin check`` to say.
    """
    schema = spec.model_json_schema()
    definitions = {name: _partial(body, True) for name, body in schema.pop("$defs", {}).items()}
    required = schema.get("required", [])
    top = _partial(schema, True)
    top["properties"] = {"extends": _EXTENDS, **top["properties"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **top,
        "if": {"not": {"required": ["extends"]}},
        "then": {"required": required},
        "$defs": definitions,
    }


def _partial(schema: dict[str, Any], bare: bool = False) -> dict[str, Any]:
    """The schema with nothing required and, unless ``bare``, a sourced value or null allowed in its stead."""
    made: dict[str, Any] = {}
    for word, body in schema.items():
        if word in ("properties", "patternProperties"):
            made[word] = {name: body_ if "const" in body_ else _partial(body_) for name, body_ in body.items()}
        elif word in ("additionalProperties", "items") and isinstance(body, dict):
            made[word] = _partial(body)
        elif word == "prefixItems":
            made[word] = [_partial(item) for item in body]
        elif word in ("anyOf", "oneOf"):
            made["anyOf"] = [_partial(choice, True) for choice in body]
        elif word not in ("required", "discriminator", "minProperties"):
            made[word] = body
    if bare or made == {}:
        return made
    shown: dict[str, Any] = {word: made.pop(word) for word in ("title", "description", "default") if word in made}
    wrapped = {
        "type": "object",
        "properties": {"value": made, "source": _SOURCE, "note": _SOURCE},
        "required": ["value", "source"],
        "additionalProperties": False,
    }
    return {**shown, "anyOf": [made, wrapped, {"type": "null"}]}
