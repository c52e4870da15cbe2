"""Documents: what each mistake of the text, and of what it says, is told."""

import re

import pytest

from simulator.documents.loading import (
    DocumentError,
    Problem,
    load,
    parse,
)
from simulator.documents.yaml12 import plain_value
from tests import documents
from tests.documents import MINIMAL, Write, child, same, told
from tests.yaml_corpus import Study

write = documents.write


# Mistakes of the text -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "1:1: the document is empty; write 'key: value' lines"),
        ("# only a comment\n", "1:1: the document is empty; write 'key: value' lines"),
        ("- a\n", "1:1: a document must be a mapping, not a list; write 'key: value' lines"),
        ("name", "1:1: a document must be a mapping, not the text 'name'; write 'key: value' lines"),
        ("a: {b: 1, b: 2}", "1:11: a.b: the key is given twice, first in line 1; keep one of them"),
        ("0: a\n'0': b", "2:1: 0: the key is given twice, first in line 1; keep one of them"),
        ("a: &x 1", "1:4: a: the anchor &x is refused; write values out, or use 'extends'"),
        ("a: *x", "1:4: a: the alias *x is refused; write the value out, or use 'extends'"),
        ("<<: {a: 1}", "1:1: the merge key << is refused; use 'extends', or write the values out"),
        ("a: !!str 1", "1:4: a: the tag !!str is refused; write the value plainly; quotes make it text"),
        ("a: !run x", "1:4: a: the tag !run is refused; write the value plainly; quotes make it text"),
        ("a: 1\n---\nb: 2", "2:1: a second document begins here; keep one document per file"),
        ("a: .nan", "1:4: a: .nan is refused; write a finite number, or null for none"),
        ("a: [1, -.Inf]", "1:8: a.1: -.Inf is refused; write a finite number, or null for none"),
        ("a: 1e999", "1:4: a: the number 1e999 is too large; write one between 1e-300 and 1e300"),
        ("a: -1e-999", "1:4: a: the number -1e-999 is too small; write one between 1e-300 and 1e300"),
        (
            "a: 9223372036854775808",
            "1:4: a: the number 9223372036854775808 is too large; whole numbers end at 9223372036854775807",
        ),
        ("[a]: 1", "1:1: a key must be text, not a list or a mapping; write 'key: value'"),
        ("'': 1", "1:1: a key is empty; write 'key: value'"),
        ('"a\\nb": 1', "1:1: a key holds U+000A, which does not print; write a plain key"),
        (
            "a:\n\tb: 1",
            "2:1: not valid YAML: found character that cannot start any token; indent with spaces, not tabs;...",
        ),
        (
            "a: b: c",
            "1:5: not valid YAML: mapping values are not allowed in this context; write 'key: value', keys of...",
        ),
        (
            "a: [1, 2\nb: 3",
            "2:2: not valid YAML: did not find expected ',' or ']' (while parsing a flow sequence that...",
        ),
        ("a: 'x", "1:6: not valid YAML: found unexpected end of stream; close the quote"),
        (b"a: \xff", "1:4: not UTF-8 text (byte 0xff); save the file as UTF-8"),
        (b"b: 1\na: \xc3", "2:4: not UTF-8 text (byte 0xc3); save the file as UTF-8"),
        (b"\xef\xbb\xbfa: 1", "1:1: begins with a byte order mark; save the file as UTF-8 without one"),
        ("a: 1".encode("utf-16"), "1:1: begins with a byte order mark; save the file as UTF-8 without one"),
        (b"a: 1\nb: x\0", "2:5: holds the control character U+0000; delete it"),
        ("a: [" + "[" * 60, "1:53: a." + ".".join("0" * 49) + ": nested deeper than 50 levels; write it flatter"),
        (
            "#" * 1_000_001,
            "1:1: larger than 1,000,000 bytes; a scenario is a few pages; keep data in files of their own",
        ),
    ],
)
def test_mistakes_of_the_text(write: Write, text: str | bytes, line: str) -> None:
    found = told(write(text))
    assert same(found, [f"mine.yaml:{line}"]), found


def test_fifty_levels_are_deep_enough(write: Write) -> None:
    tree = load(write("a: " + "[" * 49 + "]" * 49)).tree
    assert str(tree["a"]).count("(") == 49


def test_all_mistakes_of_the_text_are_told_at_once(write: Write) -> None:
    found = told(write("a: &x 1\nb: *x\na: 2\nc: .inf\n"))
    assert [line.split(":")[1] for line in found] == ["1", "2", "3", "4"]


def test_very_many_problems_are_counted(write: Write) -> None:
    many = write("size: 10\nname: x\ngroups: {" + ", ".join(f"k{n}: {n}" for n in range(300)) + "}")
    with pytest.raises(DocumentError) as caught:
        parse(load(many), Study)
    assert len(caught.value.problems) == 300
    assert str(caught.value).splitlines()[-1] == "... and 200 more problems"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("1e-3", 1e-3), ("1.0e3", 1e3), (".5", 0.5), ("5.", 5.0), ("+7", 7), ("-0", 0), ("012", 12), ("0o17", 15)),
        *(("0x1F", 31), ("no", "no"), ("yes", "yes"), ("on", "on"), ("Off", "Off"), ("y", "y"), ("True", True)),
        *(
            ("FALSE", False),
            ("tRUE", "tRUE"),
            ("null", None),
            ("~", None),
            ("", None),
            ("Null", None),
            ("nULL", "nULL"),
        ),
        *(("2024-01-31", "2024-01-31"), ("12:30:45", "12:30:45"), ("1_000", "1_000"), ("0b11", "0b11"), ("=", "=")),
        *(("-9223372036854775808", -(2**63)), ("1e", "1e"), ("-", "-"), ("١", "١"), ("0" * 6000 + "8", 8)),
    ],
)
def test_plain_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    found = plain_value(text)
    assert (found, type(found)) == (value, type(value))


def test_keys_are_text_as_written_and_lists_are_tuples(write: Write) -> None:
    tree = load(write("0: 1\n1.50: 2\nno: 3\n2024-01-31: 4\nnull: 5\n.inf: 6\nlist: [1, [2]]\n")).tree
    assert tree == {"0": 1, "1.50": 2, "no": 3, "2024-01-31": 4, "null": 5, ".inf": 6, "list": (1, (2,))}


# Mistakes of what it says ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("size: abc", ["2:7: size: must be a whole number, not the text 'abc'"]),
        ("size: 12.0", ["2:7: size: must be a whole number, not the number 12.0; write 12"]),
        ("size: '300'", ["2:7: size: must be a whole number, not the text '300'; write 300 without quotes"]),
        ("size: 1_000", ["2:7: size: must be a whole number, not the text '1_000'; write 1000"]),
        ("size: true", ["2:7: size: must be a whole number, not true"]),
        ("size: [3]", ["2:7: size: must be a whole number, not a list"]),
        ("size: 3", ["2:7: size: must be at least 4, not 3"]),
        ("size: 1001", ["2:7: size: must be at most 1000, not 1001"]),
        ("groups: {old: {share: 1.5}}", ["2:23: groups.old.share: must be at most 1, not 1.5"]),
        ("groups: {old: {caliper: 0}}", ["2:25: groups.old.caliper: must be greater than 0, not 0"]),
        ("sise: 3", ["2:1: sise: unknown key; did you mean 'size'?"]),
        ("groups: {old: {shar: 1}}", ["2:16: groups.old.shar: unknown key; did you mean 'share'?"]),
        (
            "groups: {old: {zebra: 1}}",
            ["2:16: groups.old.zebra: unknown key; known here are share, bounds, log_odds, caliper, note"],
        ),
        (
            "groups: {new: {note: x}}",
            ["2:15: groups.new.share: missing key; write 'share: ...' (a number) under groups.new"],
        ),
        ("groups: {new: {shaer: 0.5}}", ["2:16: groups.new.shaer: unknown key; did you mean 'share'?"]),
        ("groups: {new: 3}", ["2:15: groups.new: must be a mapping, not the number 3"]),
        ("groups: {new: }", ["2:15: groups.new: must be a mapping, not null; leave the key out"]),
        (
            "groups: {1a: {share: 1}}",
            ["2:10: groups.1a: the text '1a' is no name: a letter, then at most 63 letters, digits, _ . or -"],
        ),
        ("groups: {old: {bounds: [1]}}", ["2:24: groups.old.bounds: must be a list of 2, not of 1"]),
        ("groups: {old: {bounds: [1, 2, 3]}}", ["2:24: groups.old.bounds: must have at most 2 entries, not 3"]),
        ("groups: {old: {bounds: [1, x]}}", ["2:28: groups.old.bounds.1: must be a number, not the text 'x'"]),
        ("groups: {old: {bounds: 1}}", ["2:24: groups.old.bounds: must be a list, not the number 1; write [1]"]),
        ("plan: {ratio: }", ["2:15: plan.ratio: must be a whole number, not null; leave the key out"]),
        ("size: {value: , source: x}", ["2:15: size: must be a whole number, not null"]),
        ("groups: {old: {value: 1}}", ["2:16: groups.old.value: unknown key; a sourced value has the keys value, ..."]),
        ("groups: {old: {note: 5}}", ['2:22: groups.old.note: must be text, not the number 5; write "5" in quotes']),
        ("title: ''", ["2:8: title: must not be empty"]),
        (f"title: {'x' * 301}", ["2:8: title: must have at most 300 characters, not 301"]),
        ("plan: {replacement: yes}", ["2:21: plan.replacement: must be true or false, not the text 'yes'; write true"]),
        (
            "plan: {method: stepwize}",
            ["2:16: plan.method: must be 'stepwise' or 'all', not the text 'stepwize'; did you mean 'stepwise'?"],
        ),
        ("plan: {effect: none}", ["2:16: plan.effect: must be a number or a list, not the text 'none'"]),
        ("plan: {effect: [1, x]}", ["2:20: plan.effect.1: must be a number, not the text 'x'"]),
        ("plan: {level: nun}", ["2:15: plan.level: must be a number or 'none', not the text 'nun'"]),
        ("plan: {fallback: 3}", ["2:18: plan.fallback: must be a mapping or a list, not the number 3"]),
        ("plan: {fallback: {share: x}}", ["2:26: plan.fallback.share: must be a number, not the text 'x'"]),
        ("plan: {fallback: [{shar: 1}]}", ["2:20: plan.fallback.0.shar: unknown key; did you mean 'share'?"]),
        ("plan: {fallback: [{share: 2}]}", ["2:27: plan.fallback.0.share: must be at most 1, not 2"]),
        ("plan: {terms: age}", ["2:15: plan.terms: must be a list, not the text 'age'; write [age]"]),
        (
            "hazards: {new: {kind: stepps, rate: 1}}",
            ["2:23: hazards.new.kind: must be 'constant' or 'steps', not the text 'stepps'; did you mean 'steps'?"],
        ),
        (
            "hazards: {new: {rate: 1}}",
            ["2:16: hazards.new.kind: missing key; write 'kind: ...' ('constant' or 'steps') under hazards.new"],
        ),
        (
            "hazards: {constant: {kind: constant, rate: -1}}",
            ["2:44: hazards.constant.rate: must be at least 0, not -1"],
        ),
        (
            "hazards: {death: {kind: steps, cuts: [], rates: [1]}}",
            [
                "base.yaml:12:27: hazards.death.rate: unknown key; 'rate: null' in mine.yaml deletes it"
                " (did you mean 'rates'?)"
            ],
        ),
        (
            "stages: [{kind: constant, rate: 1}, {kind: steps}]",
            ["2:37: stages.1.cuts: missing key; ...", "2:37: stages.1.rates: missing key; ..."],
        ),
        ("stages: [{kind: constant, rate: x}]", ["2:33: stages.0.rate: must be a number, not the text 'x'"]),
        ("stages: [1, 2, 3, 4]", ["2:10: ...", "2:13: ...", "2:16: ...", "2:19: ..."]),
        (
            "hazards: {relapse: {rates: [1]}}",
            ["2:28: hazards.relapse.rates: one more than cuts is needed"],
        ),
        (
            "groups: {old: {log_odds: {albi>=2: 1}}}",
            ["2:27: groups.old.log_odds.albi>=2: 'albi>=2' is no term; write age, ecog or size"],
        ),
        (
            "size: {value: 5, source: 3}",
            ["2:26: size: a value's source and note must be text, not the number 3; say where..."],
        ),
        (
            "size: {value: 5, sauce: x}",
            ["2:7: size: must be a whole number, not a mapping; a sourced value has the keys value, source..."],
        ),
        (
            "plan: {method: null, level: null, x: 1}",
            ["2:35: plan.x: unknown key; known here are method, replacement,..."],
        ),
        (
            "size: 3\nplan: {ratio: 0}",
            ["2:7: size: must be at least 4, not 3", "3:15: plan.ratio: must be at least 1, not 0"],
        ),
    ],
)
def test_mistakes_of_what_it_says(write: Write, text: str, lines: list[str]) -> None:
    found = told(write(child(text)))
    assert same(found, [line if line.startswith("base.yaml") else f"mine.yaml:{line}" for line in lines]), found


def test_missing_keys_of_the_top_level(write: Write) -> None:
    assert told(write("name: x")) == [
        "mine.yaml:1:1: size: missing key; write 'size: ...' (a whole number) at the top level",
        "mine.yaml:1:1: groups: missing key; write 'groups: ...' (a mapping) at the top level",
    ]


def test_problems_tell_their_parts(write: Write) -> None:
    with pytest.raises(DocumentError) as caught:
        parse(load(write(child("size: '30'"))), Study)
    assert caught.value.problems == (
        Problem("mine.yaml", 2, 7, "size", "must be a whole number, not the text '30'", "write 30 without quotes"),
    )


def test_text_of_the_user_cannot_break_a_line_or_fill_the_screen(write: Write) -> None:
    (line,) = told(write(child('size: "a\\nb\\tc\u202e' + "x" * 9999 + '"')))
    assert r"a\nb\tc\u202ex" in line
    assert len(line) < 200


def test_sections_of_other_rooms_are_left_alone(write: Write) -> None:
    document = load(write(MINIMAL + "sweep: {x: [1]}\n"))
    assert parse(document, Study, ignore=("sweep",)).name == "mine"
    with pytest.raises(DocumentError, match="sweep: unknown key"):
        parse(document, Study)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent.yaml", "absent.yaml:1:1: there is no document 'absent.yaml'; shipped are "),
        ("hcc-lung-metastases", "there is no document 'hcc-lung-metastases'; did you mean 'hcc-lung-metastasis'?"),
        (".", ".:1:1: is a folder; name a YAML file"),
        ("/dev/null", "/dev/null:1:1: is not a plain file; name a YAML file"),
        ("a\0b", r"a\x00b:1:1: there is no document 'a\x00b'"),
        ("x" * 3000, "there is no document"),
    ],
)
def test_documents_that_cannot_be_read(write: Write, name: str, message: str) -> None:
    write(MINIMAL)
    with pytest.raises(DocumentError, match=re.escape(message)):
        load(name)
