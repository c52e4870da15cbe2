"""No field of a study's `run`, `target` and `sweep` is ignored: of each another value changes rows, truths or looks."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from pydantic import BaseModel

from benchmarks.asked.blocks import prepare
from benchmarks.asked.scenario import Run, Scenario, Sweep, Target, Until, cells
from benchmarks.runs.store import RunFolder
from benchmarks.study import running
from benchmarks.truth import of_cells
from simulator.documents.loading import load
from tests.test_cli import _call
from tests.trusting import trusted
from tests.worlds import tree

Tree = dict[str, Any]
Outcome = Callable[[Tree], object]

SOON = {"mcse": {"bias": 0.001}, "most": 8}
SIZES = {"population.size": [40, 80]}
SLOW = {"kind": "own", "name": "slow", "function": "slow.py:f", "endpoints": ["OS"], "measure": "none"}
ONE_SLOW = {"estimators": [SLOW], "run": {"replicates": 1}}

CASES: dict[type[BaseModel], dict[str, tuple[Tree, Tree]]] = {
    Run: {
        "replicates": ({}, {"run": {"replicates": 5}}),
        "seed": ({}, {"run": {"seed": 6}}),
        "truth_patients": ({}, {"run": {"truth_patients": 4000}}),
        "until": ({}, {"run": {"until": SOON}}),
        "replicate_timeout": (
            {**ONE_SLOW, "run": {"replicates": 1, "replicate_timeout": "1s"}},
            {**ONE_SLOW, "run": {"replicates": 1, "replicate_timeout": "none"}},
        ),
    },
    Until: {
        "mcse": ({"run": {"until": SOON}}, {"run": {"until": {**SOON, "mcse": {"bias": 9.0}}}}),
        "most": ({"run": {"until": SOON}}, {"run": {"until": {**SOON, "most": 7}}}),
    },
    Target: {
        "population": ({}, {"target": {"population": "all"}}),
        "follow_up": ({}, {"target": {"follow_up": "complete"}}),
    },
    Sweep: {
        "grid": ({}, {"sweep": {"grid": SIZES}}),
        "zip": ({}, {"sweep": {"zip": SIZES}}),
        "exclude": ({"sweep": {"grid": SIZES}}, {"sweep": {"grid": SIZES, "exclude": [{"population.size": 40}]}}),
    },
}
"""Of each field two studies between which only it differs."""


@pytest.fixture
def outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """All that a study of these sections finds: its rows by cell, its truths, and its looks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("benchmarks.asked.blocks.block_size", lambda _: 4)
    monkeypatch.setattr(running, "block_size", lambda _: 4)
    trusted(tmp_path / "slow.py", "import time\ndef f(cohort):\n    time.sleep(1.5)\n    return 0.0, 1.0\n")
    base = tree(
        entry={"accrual": {"start": "2020-01-01", "end": "2022-01-01"}, "guarantee_months": {"T": 6.0}},
        estimators=["crude", {"kind": "rmst", "horizon": 12.0}],
    )
    base["outcomes"]["death"]["treatment"] = {"log_hr": -0.8, "modifiers": {"stage": 0.8}}

    def found(changes: Tree) -> object:
        run = {"replicates": 4, "seed": 5, "truth_patients": 1000, **changes.get("run", {})}
        Path("asked.yaml").write_text(json.dumps({**base, **changes, "run": run}), "utf-8")
        document = load("asked.yaml", spec=Scenario)
        asked = cells(document, Scenario.model_validate(document.tree))
        number = sum(one.is_dir() for one in tmp_path.iterdir())
        (tmp_path / f"run{number}" / "parts").mkdir(parents=True)
        folder = RunFolder(tmp_path / f"run{number}")
        result = running.run_study(prepare(asked), folder, running.Work(1), lambda *_: None)
        truths = repr((result.truths, result.targets, result.directions))
        return [settings for settings, _ in asked], result.rows_sha256, truths, result.looks

    return found


def ignored(kind: type[BaseModel], outcome: Outcome) -> list[str]:
    """The fields of which the other value changes nothing."""
    return [name for name, (one, other) in CASES[kind].items() if outcome(one) == outcome(other)]


def without_case(*sections: type[BaseModel]) -> list[str]:
    """The fields, those of the Specs inside them too, that have no case."""
    lacking = []
    for kind in sections:
        lacking += [f"{kind.__name__}.{name}" for name in kind.model_fields if name not in CASES.get(kind, {})]
        inside = [
            one for field in kind.model_fields.values() for one in (field.annotation, *get_args(field.annotation))
        ]
        lacking += without_case(*(one for one in inside if isinstance(one, type) and issubclass(one, BaseModel)))
    return lacking


def test_every_field_has_a_case() -> None:
    assert without_case(Run, Target, Sweep) == []
    for cases in CASES.values():
        assert all(one != other for one, other in cases.values())


class Wider(Target):
    """A target with a field of which nobody has thought."""

    since: Literal["entry", "treatment"] = "entry"
    until: Until | None = None


def test_a_field_without_a_case_is_noticed() -> None:
    assert without_case(Wider) == [f"Wider.{name}" for name in ("population", "follow_up", "since", "until")]


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: kind.__name__)
def test_every_field_changes_what_a_study_finds(kind: type[BaseModel], outcome: Outcome) -> None:
    assert ignored(kind, outcome) == []


def test_the_same_study_finds_the_same(outcome: Outcome) -> None:
    """Otherwise an ignored field could pass for one that is heard."""
    for one in ({}, {"run": {"until": SOON}}, {"sweep": {"grid": SIZES}}):
        assert outcome(one) == outcome(one)


def test_every_population_of_a_target_has_a_truth_of_its_own(outcome: Outcome) -> None:
    populations = get_args(Target.model_fields["population"].annotation)
    assert len(populations) >= 7
    found = {repr(outcome({"target": {"population": one}})) for one in populations}
    assert len(found) == len(populations)


@pytest.mark.parametrize("silent", [{"population": "treated"}, {"follow_up": "observed"}], ids=repr)
def test_an_ignored_field_of_the_target_is_noticed(
    silent: Tree, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = of_cells.target_estimand
    monkeypatch.setattr(of_cells, "target_estimand", lambda own, target: real(own, target.model_copy(update=silent)))
    assert ignored(Target, outcome) == [*silent]


def test_an_ignored_field_of_the_run_is_noticed(outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    """First looks on a schedule of their own, then looks that never suffice."""
    with monkeypatch.context() as patch:
        patch.setattr(running, "schedule", lambda *_: iter((4, 8)))
        assert ignored(Until, outcome) == ["most"]
    real = running.look_at
    monkeypatch.setattr(running, "look_at", lambda cell, table: replace(real(cell, table), enough=False))
    assert ignored(Until, outcome) == ["mcse"]


def test_it_is_wrong_to_be_silent_about_what_is_not_known() -> None:
    for words in ("run.sed=3", "target.populaton=all", "sweep.gird={}"):
        code, _, err = _call("check", "null-effect", "-S", words)
        assert code == 2
        assert "unknown key" in err
