"""The list of the keys of a world: it is complete, each of it is a number, and what a terminal shows stands for all."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trialtwin

from analysis.paper.number_keys import TIME, problem
from benchmarks.asked.load_study import load_study
from benchmarks.asked.published_keys import number_keys
from benchmarks.cli.commands import main
from benchmarks.twin.listing import EXAMPLES, all_keys, in_short, number_names
from simulator.documents.keys import split_key
from tests.small_papers import write_small
from tests.test_published_keys import small

UNLISTED = {
    "sign", "df", "df_term", "p_term", "interaction_df", "status", "tests", "smd_status", "ties", "caliper",
    "caliper_spec", "ratio", "time",
}  # fmt: skip
"""What the JSON of an analysis holds besides numbers that a paper prints."""
ROWS = ("univariable", "multivariable", "subgroups", "before", "after")


def numbers_of(found: Any, start: str = "") -> Iterator[str]:
    """The key of every number of a part of the JSON of an analysis."""
    if isinstance(found, dict):
        for name, part in found.items():
            if name not in UNLISTED:
                yield from numbers_of(part, f"{start}.{name}" if start else name)
    elif isinstance(found, list):
        for row in found:
            if isinstance(row, dict):
                yield from numbers_of(row, f"{start}[{element(row)}]")
    elif isinstance(found, int | float) and not isinstance(found, bool):
        yield start


def element(row: dict[str, Any]) -> str:
    """What names a row in brackets."""
    if "time" in row:
        return f"{row['time']:g}"
    if "column" in row:
        return str(row["column"])
    variable, level = row["variable"], row["level"]
    if variable is None:
        return str(level)
    if level is None:
        return str(variable)
    return f"{variable}{level}".replace(" & ", f" & {variable}") if level[0] in "<>" else f"{variable}={level}"


def test_every_number_of_an_analysis_is_listed():
    scenario, _, (first, _) = small()
    root, found = number_keys(scenario), 0
    for part in ("cohort", "matching", "table1", "endpoints", "binary", "exposure", "modes"):
        for key in numbers_of(first[part], part):
            plain = key.removesuffix(".value") if "[" in key and key.endswith("].value") else key
            if key.endswith("].se") or ("univariable" not in key and ".subgroups[all].interaction" in key):
                continue
            assert not problem(root, plain), key
            found += 1
    assert found > 1000


def test_every_key_that_is_listed_says_what_it_is_and_is_a_number_of_every_replicate():
    scenario, block, _ = small()
    listed = list(all_keys(number_keys(scenario)))
    assert len({one.key for one in listed}) == len(listed)
    for one in listed:
        assert one.what, one.key
        assert one.kind in EXAMPLES
        if not one.key.startswith("world."):
            assert block.of(one.key.replace(TIME, "24")).shape == (2,)


def test_every_example_is_accepted_by_the_check(tmp_path):
    scenario, *_ = small()
    base = write_small(tmp_path)
    lines = [f"  {one.example}" for one in all_keys(number_keys(scenario)) if not one.key.startswith("world.")]
    path = tmp_path / "all.yaml"
    path.write_text("\n".join([f"extends: {base.name}", "name: all", "published:", *lines, ""]), "utf-8")
    assert len(load_study(str(path)).scenario.published) == len(lines)


def test_the_short_list_stands_for_the_whole_one():
    scenario, *_ = small()
    short = in_short(number_names(scenario))
    assert len(short) < 130
    shapes = {"".join(part.split("]")[-1] if k else part for k, part in enumerate(one.key.split("["))) for one in short}
    names = {"OS": "<endpoint>", "PFS": "<endpoint>", "cycles": "<treatment>"}
    for name in scenario.binary_outcomes():
        names[name] = "<outcome>"
    for one in all_keys(number_keys(scenario)):
        if one.key.startswith("world."):
            continue
        plain = "".join(part.split("]")[-1] if k else part for k, part in enumerate(one.key.split("[")))
        steps = [names.get(step, step) for step in plain.split(".")]
        sides = [{"before": "<side>", "after": "<side>"}.get(step, step) for step in steps]
        both = [{"control": "<arm>", "treated": "<arm>"}.get(step, step) for step in sides]
        assert {".".join(both), ".".join(sides), ".".join(steps)} & shapes, one.key


def test_the_verb_tells_it_as_text_json_and_to_python(capsys, monkeypatch, tmp_path):
    path = write_small(tmp_path)
    told = {}
    for more in ((), ("--json",)):
        monkeypatch.setattr("sys.argv", ["trialtwin", "published", str(path), *more])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 0
        told[more] = capsys.readouterr().out
    text, found = told[()], json.loads(told["--json",])
    assert max(map(len, text.splitlines())) <= 100
    for words in ("survival[<time>]", "endpoints.<endpoint>.<side>.km.<arm>.", "OS, PFS", "stage=early", "published:"):
        assert words in text
    assert found["world"] == "small"
    keys = {one["key"] for one in found["keys"]}
    assert {"endpoints.OS.after.cox_pair_robust.hr", "table1.before[age].treated.min", "world.population.size"} <= keys
    assert found == trialtwin.published(str(path)).data
    assert len(trialtwin.published(str(path)).to_frame()) > 60


def test_pairs_and_their_tests_are_listed_where_there_are_pairs():
    paired, *_ = small()
    sets, *_ = small("analysis.matching.ratio=2")
    key = "binary.ORR.after.mcnemar.p"
    assert not problem(number_keys(paired), key)
    assert problem(number_keys(sets), key)


def test_the_page_of_the_grammar_names_every_number():
    page = (Path(__file__).parent.parent / "docs" / "published.md").read_text("utf-8")
    grammar = page.partition("In short:")[2].partition("SIDE is before")[0]
    words = set(re.findall(r"[a-z_0-9]+", grammar))
    for one in in_short(number_names(small()[0])):
        names = {step.name for step in split_key(one.key) if not step.name.startswith("<")}
        assert names <= words | {"before"}, one.key
