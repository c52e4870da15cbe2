"""Small studies with a target."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.asked.blocks import prepare
from benchmarks.asked.scenario import Scenario
from benchmarks.runs.store import RunFolder
from benchmarks.study import running
from benchmarks.words.answer import Answer
from benchmarks.words.performance_tables import (
    main_tables,
    notes_of,
)
from simulator.world.generate import generate, resolve
from tests.worlds import scenario

ASKED: tuple[Any, ...] = (
    "crude", "adjusted", "matched", "ipw", "logrank", "maxcombo",
    {"kind": "rmst", "horizon": 24.0}, {"kind": "ipw", "name": "ipw-rmst", "measure": "rmst", "horizon": 24.0},
)  # fmt: skip
RUN = {"replicates": 60, "seed": 5, "truth_patients": 60_000}


def _world(**changes: Any) -> Scenario:
    entries = tuple({"kind": one} if isinstance(one, str) else one for one in changes.pop("estimators", ASKED))
    on_os = tuple({**one, "endpoints": ("OS",)} for one in entries)
    return scenario(**{"estimators": on_os, "run": RUN, **changes})


def shown_text(result: running.StudyResult) -> str:
    """The main tables on a terminal."""
    return Answer(None, tables=main_tables(result), notes=notes_of(result)).text()


def _run(path: Path, world: Scenario) -> running.StudyResult:
    return running.run_study(prepare([({}, world)]), RunFolder(path), running.Work(1), lambda *_: None)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> running.StudyResult:
    return _run(tmp_path_factory.mktemp("effect"), _world())


# --- Words


def _counted(world: Scenario) -> tuple[float, float, int]:
    cohorts = generate(resolve(world), world.run.seed, np.arange(world.run.replicates))
    treated, present = cohorts.hidden.assigned, cohorts.observed.present
    return float(treated.sum(axis=1).mean()), float(present.sum(axis=1).mean()), treated.shape[1]
