"""Documents: extends, sources, overrides and settings, and the mistakes in them."""

from pathlib import Path
from typing import Any

import pytest

from simulator.documents.loading import (
    DocumentError,
    assumed,
    load,
    parse,
    resolved_yaml,
    shipped,
    with_values,
)
from tests import documents
from tests.documents import MINIMAL, Write, child, same, told
from tests.yaml_corpus import BASE, Study

write = documents.write


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
