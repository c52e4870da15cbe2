"""Documents as data: text that loads back, the digest, the JSON Schema."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from simulator.documents.loading import (
    Document,
    digest,
    json_schema,
    load,
    parse,
    resolved_yaml,
    shipped,
)
from tests import documents
from tests.documents import MINIMAL, Write, child
from tests.yaml_corpus import BASE, Study

write = documents.write


# Text, digest, schema -------------------------------------------------------------------------------------------------


def test_resolved_yaml_loads_back_to_the_same_tree(write: Write) -> None:
    awkward: dict[str, Any] = {
        "texts": (
            "no",
            "012",
            "1e-3",
            "1e999",
            ".inf",
            "~",
            "",
            " x ",
            "a: b",
            "# c",
            "é ≤ 50",
            "\u00a0",
            "two\nlines\n",
        ),
        "more": (
            "2024-01-31",
            "12:30:45",
            "0o7",
            "=",
            "<<",
            "- a",
            "'",
            '"',
            "\\",
            "!x",
            "&a",
            "*a",
            "@",
            "`",
            "%",
            "\U0001f600",
        ),
        "numbers": (0, -1, 0.1, 1.0, 1e-5, 1e300, 5e-324, 123456789012345680.0, -0.0, 2**62),
        "others": (None, True, False, (), {}, ((1,), {"a": ()})),
        "keys": {"<<": 1, "0": 2, "null": 3, "a.b": 4, "ecog>=1": 5, "x" * 200: 6, "é": 7, "- q": 8, "true": 9},
    }
    document = load(write(resolved_yaml(awkward)))
    assert document.tree == awkward
    assert repr(document.tree) == repr(awkward)
    assert digest(document.tree) == digest(awkward)


def test_a_spec_can_be_written_and_read(write: Write) -> None:
    valid = parse(load(write(child("name: mine")), spec=Study), Study)
    again = parse(load(write(resolved_yaml(valid)), spec=Study), Study)
    assert again == valid
    assert digest(again) == digest(valid)


def test_digest_tells_what_differs_and_only_that(write: Write) -> None:
    tree = load(write(BASE)).tree
    assert digest(tree) == digest(dict(reversed(tree.items())))
    assert digest(tree) == digest({**tree, "size": 422.0})
    assert digest({"a": (1, 2)}) == digest({"a": [1, 2]})
    others = [
        {**tree, "size": 423},
        {**tree, "size": "422"},
        {**tree, "size": None},
        {**tree, "groups": dict(reversed(tree["groups"].items()))},
        {**tree, "size": 422.00000000000006},
    ]
    assert len({digest(other) for other in (tree, *others)}) == 6
    assert re.fullmatch(r"[0-9a-f]{64}", digest(tree))


def test_digest_is_the_same_in_another_process(write: Write) -> None:
    path = write(BASE).resolve()
    script = f"from simulator.documents.loading import digest, load; print(digest(load({str(path)!r}).tree))"
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest(load(path).tree)


def fits(schema: Any, value: Any, root: dict[str, Any]) -> bool:
    """Whether the value fits the JSON Schema; only the words that pydantic writes are known."""
    if "$ref" in schema and not fits(root["$defs"][schema["$ref"].rsplit("/", 1)[1]], value, root):
        return False
    if "if" in schema and fits(schema["if"], value, root) and not fits(schema["then"], value, root):
        return False
    types = {"object": dict, "array": tuple, "string": str, "boolean": bool, "null": type(None)}
    kind = schema.get("type")
    if kind in ("number", "integer"):
        if isinstance(value, bool) or not isinstance(value, int if kind == "integer" else int | float):
            return False
    elif kind and not isinstance(value, types[kind]):
        return False
    checks = [
        "const" not in schema or value == schema["const"],
        "enum" not in schema or value in schema["enum"],
        "minimum" not in schema or value >= schema["minimum"],
        "maximum" not in schema or value <= schema["maximum"],
        "exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"],
        "exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"],
        "anyOf" not in schema or any(fits(choice, value, root) for choice in schema["anyOf"]),
        "not" not in schema or not fits(schema["not"], value, root),
    ]
    if isinstance(value, dict):
        known = schema.get("properties", {})
        patterns = schema.get("patternProperties", {})
        rest = schema.get("additionalProperties", True)
        checks += [set(schema.get("required", ())) <= value.keys()]
        for name, entry in value.items():
            matching = [known[name]] if name in known else [body for p, body in patterns.items() if re.search(p, name)]
            checks += [fits(body, entry, root) for body in matching]
            checks += [rest if isinstance(rest, bool) else fits(rest, entry, root)] if not matching else []
    if isinstance(value, tuple):
        leading = schema.get("prefixItems", ())
        checks += [fits(body, entry, root) for body, entry in zip(leading, value, strict=False)]
        checks += [fits(schema["items"], entry, root) for entry in value if "items" in schema]
        checks += [schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 10**9)]
    return all(checks)


def as_written(path: Path) -> Any:
    """What a YAML reader makes of the file alone: ``extends``, sources and nulls as they stand."""
    from simulator.documents.merging import plain
    from simulator.documents.yaml12 import read

    return plain(read(path.read_bytes(), str(path)))


def test_the_schema_accepts_documents_as_they_are_written(write: Write) -> None:
    schema = json_schema(Study)
    assert fits(schema, as_written(write(BASE)), schema)
    partial = child(
        "size: {value: 30, source: T1}\ngroups: {old: null, new: {note: {value: x, source: y, note: z}}}\nstages: null"
    )
    assert fits(schema, as_written(write(partial)), schema)


@pytest.mark.parametrize(
    "text",
    [
        "name: x",
        child("sise: 3"),
        child("size: abc"),
        child("size: {value: 3, sauce: x}"),
        child("size: {value: abc, source: x}"),
        child("groups: {old: {share: 2}}"),
        child("groups: {old: {zebra: 2}}"),
        child("hazards: {death: {kind: stepps}}"),
        child("plan: {method: al}"),
        child("stages: [{kind: constant, rate: x}]"),
    ],
)
def test_the_schema_notices_mistakes(write: Write, text: str) -> None:
    schema = json_schema(Study)
    assert not fits(schema, as_written(write(text)), schema)


def test_every_shipped_document_fits_the_schema() -> None:
    from benchmarks.asked.scenario import Scenario

    schema = json_schema(Scenario)
    assert shipped()
    for path in shipped().values():
        assert fits(schema, as_written(path), schema), path


def test_importing_is_light() -> None:
    script = "import sys, simulator.documents.loading; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert not {"numpy", "scipy", "pandas", "numba"} & set(done.stdout.split())


def test_a_document_cannot_be_changed(write: Write) -> None:
    document = load(write(MINIMAL))
    assert isinstance(document, Document)
    with pytest.raises(AttributeError):
        document.tree = {}  # type: ignore[misc]
