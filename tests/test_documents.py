"""Documents: what each mistake is told, extends and overrides, sources, text and digest, the JSON Schema."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulator.documents.loading import (
    Document,
    DocumentError,
    Problem,
    assumed,
    digest,
    json_schema,
    load,
    parse,
    resolved_yaml,
    shipped,
    with_values,
)
from simulator.documents.yaml12 import plain_value
from tests.yaml_corpus import BASE, Study

Write = Callable[..., Path]

MINIMAL = "name: mine\nsize: 10\ngroups: {}\n"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """A function that writes a document into the current folder, where ``base.yaml`` lies too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.yaml").write_text(BASE, "utf-8")

    def into(text: str | bytes, name: str = "mine.yaml") -> Path:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
        return Path(name)

    return into


def told(path: Path | str, *overrides: str) -> list[str]:
    """What is wrong with the document, line by line."""
    with pytest.raises(DocumentError) as caught:
        parse(load(path, overrides, spec=Study), Study)
    assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
    return str(caught.value).splitlines()


def same(found: list[str], expected: list[str]) -> bool:
    """Whether the lines are those expected; an expected line that ends in ... says how a line begins."""
    pairs = zip(found, expected, strict=False)
    return len(found) == len(expected) and all(
        line.startswith(wanted[:-3]) if wanted.endswith("...") else line == wanted for line, wanted in pairs
    )


def child(text: str) -> str:
    """A document that extends the base."""
    return f"extends: base.yaml\n{text}\n"


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


# Extends --------------------------------------------------------------------------------------------------------------


def tree_of(write: Write, text: str, *overrides: str) -> dict[str, Any]:
    """The tree of a document that extends the base."""
    return load(write(child(text)), overrides, spec=Study).tree


def test_mappings_merge_lists_replace_null_deletes(write: Write) -> None:
    base = load("base.yaml", spec=Study).tree if Path("base.yaml").exists() else load(write(BASE, "base.yaml")).tree
    tree = tree_of(write, "groups: {old: null, young: {share: 0.3, log_odds: {age: null}}}\nstages: []")
    assert list(tree["groups"]) == ["young"]
    assert tree["groups"]["young"]["share"] == 0.3
    assert tree["groups"]["young"]["bounds"] == (0.0, 65.0)
    assert list(tree["groups"]["young"]["log_odds"]) == ["ecog>=1", "ecog=2", "size>1.5"]
    assert tree["stages"] == ()
    assert tree["plan"] == base["plan"]
    assert "extends" not in tree


def test_null_is_a_value_where_the_spec_takes_it(write: Write) -> None:
    document = load(write(child("groups: {old: {caliper: null}, young: {log_odds: null}}")), spec=Study)
    assert document.tree["groups"]["old"] == {"share": 0.75, "caliper": None}
    assert "log_odds" not in document.tree["groups"]["young"]
    assert parse(document, Study).groups["old"].caliper is None
    again = load(write(resolved_yaml(document.tree)), spec=Study)
    assert parse(again, Study) == parse(document, Study)


def test_a_doubtful_null_is_never_silent(write: Write) -> None:
    without_spec = load(write(child("groups: {old: {caliper: null}}")))
    assert "caliper" not in without_spec.tree["groups"]["old"]
    with pytest.raises(DocumentError, match=r"mine.yaml:2:25: groups.old.caliper: null deletes .* the number 0.2;"):
        parse(without_spec, Study)


def test_null_without_a_base_is_no_deletion(write: Write) -> None:
    assert told(write("name: a\nsize: 10\ngroups: {a: {share: 1, log_odds: {age: }}}")) == [
        "mine.yaml:3:40: groups.a.log_odds.age: must be a number, not null; leave the key out"
    ]


def test_a_chain_is_read_base_first_and_recorded(write: Write) -> None:
    write("extends: ../base.yaml\nname: middle\nsize: 20\ngroups: {old: null}\n", "deep/middle.yaml")
    document = load(write("extends: deep/middle.yaml\nname: top\ngroups: {old: {share: 0.1}}\n", "top.yaml"))
    assert document.files == ("base.yaml", "deep/middle.yaml", "top.yaml")
    assert (document.tree["name"], document.tree["size"]) == ("top", 20)
    assert document.tree["groups"]["old"] == {"share": 0.1}
    assert document.places[("size",)] == ("deep/middle.yaml", 3, 7)
    assert document.places[("groups", "young", "bounds", 1)].file == "base.yaml"
    assert document.keys[("groups", "old", "share")] == ("top.yaml", 3, 16)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("extends: mine.yaml", "mine.yaml:1:10: extends: 'mine.yaml' extends itself; end the chain in a world"),
        ("extends: gone.yaml", "mine.yaml:1:10: extends: there is no document 'gone.yaml'; shipped are ..."),
        (
            "extends: 3",
            "mine.yaml:1:10: extends: must be a path or the name of a shipped document, not the number 3; ...",
        ),
        (
            "extends: [base.yaml]",
            "mine.yaml:1:10: extends: must be a path or the name of a shipped document, not a list; ...",
        ),
        ("extends: deep", "mine.yaml:1:10: extends: 'deep' is a folder; name a YAML file"),
        ("extends: bad.yaml", "bad.yaml:1:4: a: .inf is refused; ..."),
    ],
)
def test_faulty_extends(write: Write, text: str, line: str) -> None:
    write("a: .inf", "bad.yaml")
    write(MINIMAL, "deep/other.yaml")
    found = told(write(text))
    assert same(found, [line]), found


def test_circles_and_long_chains_are_refused(write: Write) -> None:
    write("extends: b.yaml", "a.yaml")
    assert told(write("extends: ./a.yaml", "b.yaml")) == [
        "a.yaml:1:10: extends: 'b.yaml' extends itself; end the chain in a world"
    ]
    write(MINIMAL, "c0.yaml")
    for depth in range(1, 25):
        write(f"extends: c{depth - 1}.yaml", f"c{depth}.yaml")
    assert len(load("c20.yaml").files) == 21
    assert told("c21.yaml") == ["c1.yaml:1:10: extends: a chain of more than 20; extend fewer"]


def test_a_shipped_name_can_be_loaded_and_extended(write: Write) -> None:
    assert "hcc-lung-metastasis" in shipped()
    document = load(write("extends: hcc-lung-metastasis\nname: mine\n"))
    assert document.tree["name"] == "mine"
    names = [Path(file).name for file in document.files]
    assert names[:2] == ["hcc-lung-metastasis-stated.yaml", "hcc-lung-metastasis.yaml"]
    assert load("hcc-lung-metastasis").files == document.files[:2]


# Sources --------------------------------------------------------------------------------------------------------------


def test_sourced_values_stand_for_their_value(write: Write) -> None:
    document = load(
        write("a: {value: 1, source: T1}\nb: [{value: 2, source: T2}, 3]\nc: {value: {d: 4}, source: T3, note: n}\n")
    )
    assert document.tree == {"a": 1, "b": (2, 3), "c": {"d": 4}}
    assert document.sources == {"a": "T1", "b.0": "T2", "c": "T3; n"}
    assert document.places[("c", "d")] == ("mine.yaml", 3, 16)


def test_what_is_no_sourced_value_stays_a_mapping(write: Write) -> None:
    text = "a: {value: 1}\nb: {value: 1, source: x, more: 2}\npublished: {n: {value: '3', source: T1}}\n"
    document = load(write(text))
    assert document.tree["a"] == {"value": 1}
    assert document.tree["b"] == {"value": 1, "source": "x", "more": 2}
    assert document.tree["published"] == {"n": {"value": "3", "source": "T1"}}
    assert document.sources == {}
    assert load("mine.yaml", verbatim=("a",)).tree["published"] == {"n": "3"}
    assert load(write("value: {name: x}\nsource: y\n")).tree == {"value": {"name": "x"}, "source": "y"}


def test_a_source_goes_when_its_value_is_replaced(write: Write) -> None:
    for text in ("size: 300", "size: {value: 300}", "groups: {}"):
        document = load(write(child(text)))
        assert document.tree["size"] == (422 if "groups" in text else 300)
        assert ("size" in document.sources) == ("groups" in text)
    document = load(write(child("size: {value: 9, source: mine}")), ["groups.old.share=0.7"])
    assert document.sources["size"] == "mine"
    assert "groups.old.share" not in document.sources


def test_a_source_stays_with_what_is_left_untouched(write: Write) -> None:
    write(
        "shares: {value: {a: 0.5, b: 0.5, c: {d: 1, e: 2}}, source: T1}\nlist: {value: [1, 2], source: T2}\n",
        "sourced.yaml",
    )
    text = "extends: sourced.yaml\nshares: {a: 0.4, c: {d: {value: 3, source: mine}}}\n"
    document = load(write(text), ["list.1=5"])
    assert document.tree == {"shares": {"a": 0.4, "b": 0.5, "c": {"d": 3, "e": 2}}, "list": (1, 5)}
    assert document.sources == {"shares.b": "T1", "shares.c.d": "mine", "shares.c.e": "T1", "list.0": "T2"}


def test_assumed_lists_numbers_and_choices_without_a_source(write: Write) -> None:
    document = load(write(child("size: 10")))
    assert assumed(document, ("size", "groups", "plan")) == [
        "size",
        "groups.young.share",
        "groups.young.log_odds.age",
        "groups.young.log_odds.ecog>=1",
        "groups.young.log_odds.ecog=2",
        "groups.young.log_odds.'size>1.5'",
        "groups.old.caliper",
        "plan.method",
        "plan.effect",
        "plan.level",
        "plan.fallback.0.share",
    ]
    assert assumed(document, ("groups.old",)) == ["groups.old.caliper"]
    assert assumed(document, ("group",)) == []


# Overrides and settings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("size=300", ("size",), 300),
        (" size = 300 ", ("size",), 300),
        ("groups.young.log_odds.ecog>=1=0.4", ("groups", "young", "log_odds", "ecog>=1"), 0.4),
        ("groups.young.log_odds.ecog=2=0.4", ("groups", "young", "log_odds", "ecog=2"), 0.4),
        ("groups.young.log_odds.size>1.5=0.4", ("groups", "young", "log_odds", "size>1.5"), 0.4),
        ("groups.young.log_odds.'age>2.5'=0.4", ("groups", "young", "log_odds", "age>2.5"), 0.4),
        ('groups.young.log_odds."age=3"=-1e-2', ("groups", "young", "log_odds", "age=3"), -0.01),
        ("groups.young.log_odds.age<=7=1", ("groups", "young", "log_odds", "age<=7"), 1),
        ("groups.young.log_odds.age=a=b", ("groups", "young", "log_odds", "age"), "a=b"),
        ("groups.young.bounds=[1, 2]", ("groups", "young", "bounds"), (1, 2)),
        ("groups.young.bounds.1=70", ("groups", "young", "bounds", 1), 70),
        ("stages.0.rate=7", ("stages", 0, "rate"), 7),
        ("groups.new.share=0.5", ("groups", "new", "share"), 0.5),
        ("groups={new: {share: 0.5}}", ("groups", "young", "share"), 0.25),
        ("a.b.c={value: 1, source: me}", ("a", "b", "c"), 1),
        ("published.cohort.n.value='5'", ("published", "cohort.n", "value"), "5"),
        ("size.x=1", ("size", "x"), 1),
        ("groups.old.caliper=null", ("groups", "old", "caliper"), None),
        ("title=no", ("title",), "no"),
    ],
)
def test_overrides(write: Write, override: str, path: tuple[str | int, ...], value: object) -> None:
    document = load(write(child("name: mine")), [override], spec=Study)
    found: Any = document.tree
    for part in path:
        found = found[part]
    assert found == value
    assert type(found) is type(value)
    if value != 0.25:
        assert document.places[path][0].startswith("-S ")
        assert document.places[path][0].split(" ", 1)[1].split(".")[0] == str(path[0])


def test_null_as_an_override_deletes(write: Write) -> None:
    tree = tree_of(write, "name: mine", "groups.young.log_odds.age=null", "groups.old=null", "plan.level=~")
    assert list(tree["groups"]) == ["young"]
    assert "age" not in tree["groups"]["young"]["log_odds"]
    assert "level" not in tree["plan"]


def test_later_overrides_see_earlier_ones(write: Write) -> None:
    tree = tree_of(write, "name: mine", "groups.young.log_odds.'age=3'=1", "groups.young.log_odds.age=3=2")
    assert tree["groups"]["young"]["log_odds"]["age=3"] == 2


@pytest.mark.parametrize(
    ("overrides", "lines"),
    [
        (("size=3",), ["-S size: must be at least 4, not 3"]),
        (
            ("size=abc", "sise=3"),
            ["-S size: must be a whole number, not...", "-S sise: unknown key; did you mean 'size'?"],
        ),
        (("size.x=3",), ["-S size.x: size: must be a whole number, not a mapping"]),
        (("groups.old.log_odds.zz=1",), ["-S groups.old.log_odds.zz: 'zz' is no term; write age, ecog or size"]),
        (("hazards.relapse.cuts.1=-1",), ["-S hazards.relapse.cuts.1: must be greater than 0, not -1"]),
        (
            ("hazards.relapse.rates.3=1",),
            ["-S hazards.relapse.rates.3=1: is not PATH=VALUE with a place that can exist..."],
        ),
        (("size",), ["-S size: is not PATH=VALUE with a place that can exist; write as in -S population.size=300"]),
        (("=3",), ["-S =3: is not PATH=VALUE..."]),
        (("a..b=3",), ["-S a..b=3: is not PATH=VALUE..."]),
        (("a.'b=3",), ["-S a.'b=3: is not PATH=VALUE..."]),
        (("",), ["-S : is not PATH=VALUE..."]),
        (("size=",), ["-S size: has no value; write null to delete it"]),
        (("size=[1",), ["-S size: not valid YAML: did not find expected ',' or ']' (while parsing a flow seq..."]),
        (("size=&a 1",), ["-S size: the anchor &a is refused..."]),
        (("size=\udcff",), ["-S size: not UTF-8 text..."]),
        (("extends=base.yaml",), ["-S extends: cannot be overridden; name another document instead"]),
        (("a." * 60 + "b=1",), ["-S a.a.a..."]),
    ],
)
def test_faulty_overrides(write: Write, overrides: tuple[str, ...], lines: list[str]) -> None:
    found = told(write(child("name: mine")), *overrides)
    assert same(found, lines), found


def test_values_at_odds_are_told_with_the_override_among_them(write: Write) -> None:
    path = write(child("name: mine"))
    assert told(path, "size=5", "hazards.relapse.cuts=[1]") == [
        "-S hazards.relapse.cuts: hazards.relapse.rates: one more than cuts is needed"
    ]
    assert told(write(child("hazards: {relapse: {cuts: [1]}}")), "size=5") == [
        "base.yaml:17:7: hazards.relapse.rates: one more than cuts is needed"
    ]


def test_settings_replace_and_null_is_a_value(write: Write) -> None:
    document = load(write(child("name: mine")), spec=Study)
    settings = {
        "hazards.death": {"kind": "steps", "cuts": (1.0,), "rates": [1.0, 2.0]},
        "groups.old.caliper": None,
        "groups.young.log_odds.size>1.5": 0.25,
        "stages.0.rate": 3,
    }
    made = with_values(document, settings)
    assert made.tree["hazards"]["death"] == {"kind": "steps", "cuts": (1.0,), "rates": (1.0, 2.0)}
    assert made.tree["groups"]["old"]["caliper"] is None
    assert made.tree["groups"]["young"]["log_odds"]["size>1.5"] == 0.25
    assert made.tree["stages"][0]["rate"] == 3
    assert parse(made, Study).groups["old"].caliper is None
    assert made.files == document.files
    assert document.tree["stages"][0]["rate"] == 1
    assert with_values(document, {}).tree == document.tree


def test_faulty_settings_are_told_with_the_setting(write: Write) -> None:
    document = load(write(child("name: mine")), spec=Study)
    with pytest.raises(DocumentError) as caught:
        parse(with_values(document, {"size": -1, "title": "x"}), Study)
    assert str(caught.value) == "with size=-1: must be at least 4, not -1"
    with pytest.raises(DocumentError) as caught:
        parse(with_values(document, {"hazards.relapse.cuts": (1.0,)}), Study)
    expected = "with hazards.relapse.cuts=[1.0]: hazards.relapse.rates: one more than cuts is needed"
    assert str(caught.value) == expected
    with pytest.raises(DocumentError) as caught:
        parse(with_values(document, {"hazards.relapse.kind": "constant"}), Study)
    assert str(caught.value).splitlines()[-1] == (
        "base.yaml:16:5: hazards.relapse.rates: unknown key (with hazards.relapse.kind=constant);"
        " 'rates: null' in mine.yaml deletes it (did you mean 'rate'?)"
    )
    with pytest.raises(DocumentError, match=r"^with groups\.old\.share=null: must be a number, not null$"):
        parse(with_values(document, {"groups.old.share": None}), Study)
    with pytest.raises(DocumentError, match=r"with a\.\.b=1: no such place"):
        with_values(document, {"a..b": 1})


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
