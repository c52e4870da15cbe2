"""The keys of a document as a page in Markdown: what each may be, and its default."""

import json
import re
from typing import Any

from simulator.documents.spec import Spec

BOUNDS = {"minimum": "from {}", "exclusiveMinimum": "above {}", "maximum": "up to {}", "exclusiveMaximum": "below {}"}
LONGEST = 80
WRITTEN = "This page is written by `make schema` from the code. Any value may also be `{value: ..., source: ...}`."
TYPES = {"string": "text", "number": "number", "integer": "whole number", "boolean": "true or false", "null": "null"}


def key_reference(spec: type[Spec], heading: str) -> str:
    """A page with one table of keys for the Spec and for each that it is made of, in the order in which they are met.

    The words are the Specs' own docstrings, the types and bounds those of their JSON Schema.
    """
    schema = spec.model_json_schema()
    bodies = {spec.__name__: schema, **schema.pop("$defs", {})}
    order = [spec.__name__]
    for name in order:  # which grows on the way
        order += [one for one in _named(bodies[name]) if one not in order]
    sections = [_section(_title(name), bodies[name]) for name in order if "properties" in bodies[name]]
    return "\n\n".join([f"# {heading}", WRITTEN, *sections]) + "\n"


def _named(body: Any) -> list[str]:
    """The definitions that a body refers to, in order, each once."""
    return list(dict.fromkeys(re.findall(r"#/\$defs/([^\"]+)", json.dumps(body.get("properties", body)))))


def _title(name: str) -> str:
    """The name of a definition, without the module that keeps two of a name apart, but for its last part."""
    parts = name.split("__")
    return parts[-1] if len(parts) == 1 else f"{parts[-1]} ({parts[-2]})"


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def _section(title: str, body: dict[str, Any]) -> str:
    told = re.sub(r"``([^`]*)``", r"`\1`", body.get("description", ""))
    required = body.get("required", [])
    rows = [
        f"| `{key}` | {_cell(_type(value))} | {'required' if key in required else _cell(_default(value))} |"
        for key, value in body["properties"].items()
    ]
    return "\n".join(
        [f"## {title}", "", *([told, ""] if told else []), "| key | is | default |", "|---|---|---|", *rows]
    )


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _default(value: dict[str, Any]) -> str:
    """The default as YAML would have it; that of a section with defaults of its own is told in its table."""
    if "default" not in value:
        return "empty"
    default = value["default"]
    written = json.dumps(default, ensure_ascii=False)
    if isinstance(default, dict) and default:
        return "as below"
    return f"`{written}`" if len(written) <= LONGEST else "see `trialtwin show NAME --resolved`"


def _type(value: dict[str, Any]) -> str:
    """What a value may be, in words."""
    if "$ref" in value:
        title = _title(value["$ref"].rpartition("/")[2])
        return f"[{title}](#{_anchor(title)})"
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return ", ".join(f"`{one}`" for one in value["enum"])
    choices = value.get("anyOf") or value.get("oneOf")
    if choices:
        return " or ".join(dict.fromkeys(map(_type, choices)))
    if value.get("type") == "array":
        parts = value.get("prefixItems")
        return "list: " + ", ".join(map(_type, parts)) if parts else f"list of {_type(value.get('items', {}))}"
    if value.get("type") == "object":
        patterns = list(value.get("patternProperties", {}).values())
        inner = value.get("additionalProperties") or (patterns[0] if patterns else {})
        return f"by name: {_type(inner)}" if isinstance(inner, dict) and inner else "by name"
    bounds = [text.format(f"{value[word]:,}") for word, text in BOUNDS.items() if word in value]
    return " ".join([TYPES.get(value.get("type", ""), "anything"), *bounds])
