"""Commands on a world whose course is a graph of states: its own names everywhere."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.asked.load_study import load_study
from simulator.world.generate import generate, resolve
from tests.commands import printed, refused
from tests.graphs import heart
from tests.test_graph_told import ICU, RATE, written
from tests.test_scaffold import blocks


@pytest.mark.parametrize("states", ["four", "five"])
def test_each_block_of_a_what_if_is_valid_when_uncommented(states: str, tmp_path: Path) -> None:
    base = written(tmp_path, ICU if states == "five" else {})
    path = tmp_path / "what-if.yaml"
    printed(["new", str(path), "--from", str(base)])
    text = path.read_text("utf-8")
    assert "$" not in text
    assert "therapy after hospitalised" in text
    assert "endpoints: {death: {missed: {T: 0.05}}}" in text
    found = blocks(text)
    assert len(found) >= 13
    for number, block in enumerate(found):
        own = tmp_path / f"with-{number}.yaml"
        own.write_text(f"{text}\n{block}\n", "utf-8")
        assert load_study(str(own)).scenario.outcomes.states


def test_a_world_of_states_extends_one_of_a_short_form(tmp_path: Path) -> None:
    short = tmp_path / "short.yaml"
    ways = {name: {"baseline": RATE} for name in ("progression", "death", "death_after_progression")}
    short.write_text(written(tmp_path, {"outcomes": ways, "endpoints": {}}).read_text("utf-8"), "utf-8")
    short.write_text(short.read_text("utf-8").replace("endpoints: {}\n", ""), "utf-8")
    assert set(load_study(str(short)).scenario.endpoints) == {"OS", "PFS"}
    nulls = dict.fromkeys(ways)
    more = {
        "states": ["well", "ill", "dead"],
        "transitions": {
            "falling.ill": {"from": "well", "to": "ill", "baseline": RATE},
            "dying": {"from": ["well", "ill"], "to": "dead", "baseline": RATE, "clock": "reset"},
        },
    }
    made = {
        "name": "long",
        "extends": "short.yaml",
        "outcomes": {**nulls, **more},
        "endpoints": {"life": {"event": "dead"}},
    }
    path = tmp_path / "long.yaml"
    path.write_text(json.dumps(made), "utf-8")
    study = load_study(str(path), ("outcomes.transitions.falling.ill.treatment.log_hr=-0.7",)).scenario
    assert study.outcomes.graph.states == ("well", "ill", "dead")
    assert list(study.endpoints) == ["life"]
    assert study.outcomes.by_transition()["falling.ill"].treatment.log_hr == -0.7


def test_overrides_and_sweeps_reach_transitions_and_endpoints(tmp_path: Path) -> None:
    path = written(tmp_path, {"sweep": {"grid": {"outcomes.transitions.cv-death.treatment.log_hr": [0.0, -0.5]}}})
    assert len(load_study(str(path)).cells) == 2
    words = (
        "outcomes.transitions.cv-death.from=event-free",
        "endpoints.MACE.competing=[]",
        "endpoints.life.event=dead-cv",
    )
    made = load_study(str(path), words).scenario
    assert [edge.key for edge in made.outcomes.graph.edges if edge.transition == "cv-death"] == ["cv-death"]
    assert made.endpoints["MACE"].rivals == ()
    assert made.endpoints["life"].events == ("dead-cv",)
    told = refused(["check", str(path), "-S", "outcomes.transitions.cv-death.from=[hospitalised, hospitalised]"])
    assert "-S outcomes.transitions.cv-death.from: a state is given twice" in told


def test_names_of_states_are_no_assumptions(tmp_path: Path) -> None:
    told = printed(["show", str(written(tmp_path, {"endpoints.life": {"event": "dead-cv"}}))])
    assert "outcomes.transitions.cv-death.baseline.rate" in told
    assert ".from" not in told
    assert ".to\n" not in told
    assert ".event" not in told


def test_the_schema_has_the_keys_of_documents() -> None:
    schema = json.loads(printed(["schema"]))
    ways, outcomes = (schema["$defs"][name]["properties"] for name in ("Transition", "Outcomes"))
    assert list(ways)[:3] == ["from", "to", "clock"]
    assert {"states", "transitions", "course"} <= outcomes.keys()
    assert "`from`" in printed(["schema", "--markdown"])


def test_a_badly_recorded_endpoint_keeps_what_competes() -> None:
    wrong = {"missed": {"C": 0.3, "T": 0.3}, "false": {"C": 0.2, "T": 0.2}}
    asked = heart(imperfections={"endpoints": {"hospitalisation": wrong}})
    made = generate(resolve(asked), 6, np.arange(1), 2000)
    seen, right = (one.endpoints["hospitalisation"] for one in (made.observed, made.hidden.perfect))
    assert seen.competing is not None
    assert right.competing is not None
    assert not np.any(seen.competing & seen.event)
    assert np.array_equal(seen.competing, right.competing & ~seen.event)
    share = seen.event[right.competing].mean()
    assert abs(share - 0.2) < 4 * np.sqrt(0.16 / right.competing.sum())
