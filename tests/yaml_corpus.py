"""Small Specs, valid documents of them, and the ways in which a document comes to be faulty."""

import random
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from simulator.documents.spec import Label, Name, NonNegative, Positive, Share, Spec


class Constant(Spec):
    """A constant rate."""

    kind: Literal["constant"]
    rate: NonNegative


class Steps(Spec):
    """Rates between cuts."""

    kind: Literal["steps"]
    cuts: tuple[Positive, ...]
    rates: tuple[NonNegative, ...]

    @model_validator(mode="after")
    def _consistent(self) -> "Steps":
        if len(self.rates) != len(self.cuts) + 1:
            raise ValueError("rates: one more than cuts is needed")
        return self


Rate = Annotated[Constant | Steps, Field(discriminator="kind")]


class Group(Spec):
    """A share of the whole, within bounds, with what it depends on."""

    share: Share
    bounds: tuple[float, float] = (0.0, 1.0)
    log_odds: dict[str, float] = Field(default_factory=dict)
    caliper: Positive | None = 0.2
    note: str = ""


class Plan(Spec):
    """Options of every type."""

    method: Literal["stepwise", "all"] = "stepwise"
    replacement: bool = False
    ratio: Annotated[int, Field(ge=1, le=20)] = 1
    effect: float | tuple[float, ...] = 0.0
    level: float | Literal["none"] = 0.95
    fallback: Group | tuple[Group, ...] | None = None
    terms: tuple[str, ...] | None = None


class Printed(Spec):
    """A number as printed, which here is a mapping of value and source itself."""

    value: str
    source: str


class Study(Spec):
    """Nested Specs, unions by kind, mappings of Specs, tuples."""

    name: Name
    title: Label = "-"
    size: Annotated[int, Field(ge=4, le=1000)]
    groups: dict[Name, Group]
    hazards: dict[Name, Rate] = Field(default_factory=dict)
    stages: Annotated[tuple[Rate, ...], Field(max_length=3)] = ()
    plan: Plan = Plan()
    published: dict[str, Printed] = Field(default_factory=dict)
    anything: dict[str, tuple[Any, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> "Study":
        for name, group in self.groups.items():
            for term in group.log_odds:
                if not term.startswith(("age", "ecog", "size")):
                    raise ValueError(f"groups.{name}.log_odds: '{term}' is no term; write age, ecog or size")
        return self


BASE = """\
# yaml-language-server: $schema=../schema.json
name: base
title: "Ältere & jüngere: 50 % ≤ 65"
size: {value: 422, source: Table 1}
groups:
  young:
    share: 0.25
    bounds: {value: [0.0, 65.0], source: Methods, note: read off Figure 1}
    log_odds: {age: 1e-2, ecog>=1: 0.5, ecog=2: -.5, size>1.5: 0}
  old: {share: {value: 0.75, source: Table 1}, caliper: 0.1}
hazards:
  death: {kind: constant, rate: 0.03}
  relapse:
    kind: steps
    cuts: [3, 6.0]
    rates:
      - 0.1
      - 0.2
      - 3e-1
stages: [{kind: constant, rate: 1}]
plan:
  method: stepwise
  effect: [-0.4, 0.2]
  level: none
  fallback:
    - share: 0.5
  terms: [age, no, 2024-01-31]
published:
  cohort.n: {value: "422", source: Table 1}
anything: {groups.old.share: [0.5, {a: [1, null, true]}]}
"""

STYLES = """\
name: "q"
size: 0o17
groups:
  a:
    share: 1
    note: |
      two
      lines
    bounds:
    - 012
    - 7
"""

CHILD = """\
extends: base.yaml
name: child
size: 300
groups: {old: null, young: {caliper: null, log_odds: {age: 0.3}}}
"""

SEEDS = (BASE, CHILD, STYLES, "name: short\nsize: 10\ngroups: {}\n")

TOKENS = (
    *(
        "null",
        "~",
        "true",
        "no",
        "yes",
        "012",
        "0o17",
        "0x1F",
        "1e999",
        "-1e-999",
        ".inf",
        "-.inf",
        ".nan",
        "1_000",
        "''",
    ),
    *("9" * 30, "9" * 5000, "-0.0", "1e308", "1e-320", "2**31", "2024-01-31", "12:30:45", "[]", "{}", "[[]]", "{a: 1}"),
    *(
        "&a 1",
        "*a",
        "!!str 1",
        "!python/object:os.system x",
        "<<: *a",
        "? [a]",
        "- - -",
        "---",
        "...",
        "%YAML 1.1",
        "@x",
    ),
    *("\t", "\0", "\x07", "\x85", "\u2028", "\ufeff", "\U0001f600", "\u202e", "'", '"', "|", ">", "#", ":", ": ", "- "),
    *(
        "value",
        "source",
        "kind",
        "extends: base.yaml",
        "extends: absent",
        "{value: 1, source: x}",
        "{value: 1, source: 2}",
    ),
    *('"\\0"', '"\\ud800"', '"\\UFFFFFFFF"', '"\\n"', "a" * 3000, "[" * 60, "{a: " * 60, "]" * 9),
)

Mutation = Callable[[random.Random, bytes], bytes]


def mutated(text: str, seed: int) -> bytes:
    """One to four random changes to a document: the same for the same seed."""
    rng = random.Random(seed)
    data = text.encode("utf-8")
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        data = rng.choice(MUTATIONS)(rng, data)
    return data


def _spot(rng: random.Random, data: bytes) -> int:
    return rng.randrange(len(data) + 1)


def _flip_bytes(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _delete_stretch(rng: random.Random, data: bytes) -> bytes:
    start = _spot(rng, data)
    return data[:start] + data[start + rng.randint(1, 20) :]


def _insert_token(rng: random.Random, data: bytes) -> bytes:
    spot = _spot(rng, data)
    return data[:spot] + rng.choice(TOKENS).encode("utf-8") + data[spot:]


def _change_line(rng: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    spot = rng.randrange(len(lines))
    line = lines[spot]
    match rng.randrange(5):
        case 0:
            lines[spot : spot + 1] = []
        case 1:
            lines[spot:spot] = [line]
        case 2:
            lines[spot] = b" " * rng.randint(1, 4) + line
        case 3:
            lines[spot] = line[rng.randint(1, 2) :]
        case _:
            other = rng.randrange(len(lines))
            lines[spot], lines[other] = lines[other], line
    return b"\n".join(lines)


def _swap_value(rng: random.Random, data: bytes) -> bytes:
    """Another value after one of the colons, commas or dashes."""
    spots = [i for i, byte in enumerate(data) if byte in b":,-[{"]
    if not spots:
        return data
    spot = rng.choice(spots)
    end = spot + 1
    while end < len(data) and data[end] not in b",]}\n":
        end += 1
    return data[: spot + 1] + b" " + rng.choice(TOKENS).encode("utf-8") + data[end:]


def _rename_key(rng: random.Random, data: bytes) -> bytes:
    words = [word for word in data.split() if word.endswith(b":") and len(word) > 2]
    if not words:
        return data
    word, other = rng.choice(words), rng.choice(words)
    return data.replace(word, rng.choice((other, word[1:], word[:-2] + b":", b"zz:", b"1:")), 1)


def _reencode(rng: random.Random, data: bytes) -> bytes:
    text = data.decode("utf-8", "replace")
    return rng.choice(
        (
            lambda: text.encode("utf-16"),
            lambda: text.encode("latin-1", "replace"),
            lambda: b"\xef\xbb\xbf" + data,
            lambda: data.replace(b"\n", b"\r\n"),
            lambda: data.replace(b"\n", b"\r"),
            lambda: data.replace(b"  ", b"\t"),
            lambda: data[: rng.randrange(len(data) + 1)],
            lambda: data * rng.randint(2, 3),
        )
    )()


MUTATIONS: tuple[Mutation, ...] = (
    *(_flip_bytes, _delete_stretch, _insert_token, _change_line, _swap_value, _swap_value, _rename_key, _reencode),
)


def hostile() -> dict[str, bytes]:
    """Documents made to exhaust a reader, each at most a little over a megabyte."""
    half = 500_000
    texts = {
        "nothing": "",
        "brackets": "[" * 2 * half,
        "braces": "{" * 2 * half,
        "open mappings": "{a: " * (half // 2),
        "dashes": "- " * half,
        "questions": "? " * half,
        "indented": "".join(" " * depth + "a:\n" for depth in range(1400)),
        "many keys": "".join(f"k{n}: 1\n" for n in range(100_000)),
        "many unknown": "name: x\n" + "".join(f"k{n}: 1\n" for n in range(9_000)),
        "many faulty": "groups: {" + ", ".join(f"k{n}: {n}" for n in range(9_000)) + "}",
        "many groups": "groups: {" + ", ".join(f"k{n}: {{shar: 1, x{n}: 2}}" for n in range(3_000)) + "}",
        "long list": "size: [" + "1, " * 300_000 + "]",
        "one key": "k" * 900_000 + ": 1",
        "one text": "name: " + "x" * 900_000,
        "one number": "size: " + "1" * 900_000,
        "one quoted number": 'size: "' + "1" * 900_000 + 'x"',
        "one float": "size: 0." + "1" * 900_000 + "e1",
        "one exponent": "size: 1e" + "1" * 900_000,
        "zeros": "size: " + "0" * 900_000 + "1",
        "one hex": "size: 0x" + "f" * 900_000,
        "one quote": '"' + "\n" * 900_000,
        "one comment": "#" + "x" * 900_000,
        "line breaks": "\n" * 900_000,
        "carriage returns": "a: 1" + "\r" * 900_000,
        "duplicates": "a: 1\n" * 150_000,
        "few duplicates": "a: 1\n" * 9_000,
        "anchors": "- &a 1\n" * 120_000,
        "laughs": "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n" * 20_000,
        "merges": "<<: {a: 1}\n" * 9_000,
        "documents": "---\n" * 200_000,
        "directives": "%FOO bar\n" * 100_000 + "---\na: 1",
        "version": "%YAML 1." + "1" * 900_000 + "\n---\na: 1",
        "tags": "a: !" + "t" * 900_000 + " 1",
        "escapes": 'a: "' + "\\x41" * 200_000 + '"',
        "block": "a: |\n" + " x\n" * 300_000,
        "commas": "[" + "," * half,
        "colons": ":" * half,
        "colon lines": ": \n" * 300_000,
        "tabs": "\t" * half,
        "too big": "a" * 1_000_001,
        "sourced": "size: " + "{value: " * 49 + "1" + ", source: x}" * 49,
        "sourced root": "value: {name: x}\nsource: y",
    }
    return {name: text.encode("utf-8") for name, text in texts.items()} | {
        "zero bytes": b"\0" * 900_000,
        "high bytes": b"\xff" * 900_000,
        "utf-16": BASE.encode("utf-16"),
        "cut character": "name: ä".encode()[:-1],
        "surrogate": b"name: \xed\xa0\x80",
    }
