"""Studies that stop once their Monte Carlo errors are small enough."""

import json
from math import nan, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from benchmarks.asked.blocks import Cell, block_size, prepare
from benchmarks.asked.errors import RunError
from benchmarks.asked.scenario import Scenario, Until
from benchmarks.performance.looks import Look, error, look, schedule, told
from benchmarks.performance.measures import Measure
from benchmarks.runs.store import RunFolder
from benchmarks.study.running import StudyResult, Work, read_study, run_study
from benchmarks.words.study_document import study_json
from benchmarks.words.verdicts import verdict
from tests.worlds import scenario, tree

UNTIL = {"mcse": {"coverage": 0.04}, "most": 400}


def _cells(**run: Any) -> tuple[Cell, ...]:
    settings = {"replicates": 20, "seed": 5, "truth_patients": 20_000, **run}
    return prepare([({}, scenario(estimators=("crude", "logrank"), run=settings))])


def _run(folder: Path, **run: Any) -> StudyResult:
    return run_study(_cells(**run), RunFolder(folder), Work(1), lambda stage, done, total: None)  # noqa: ARG005


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    return tmp_path


def test_looks_double_in_whole_blocks_up_to_the_cap() -> None:
    world = scenario(run={"replicates": 30, "until": {"mcse": {"bias": 0.1}, "most": 200}})
    assert world.run.until is not None
    assert list(schedule(world, world.run.until, 7)) == [35, 63, 126, 200]
    assert list(schedule(world, world.run.until, 500)) == [200]


def test_it_stops_at_the_first_look_that_suffices(place: Path) -> None:
    result = _run(place, until=UNTIL)
    assert block_size(_cells()[0].scenario) == 100
    assert [one.replicates for one in result.looks] == [100]
    strict = {"mcse": {"coverage": 0.02}, "most": 400}
    (place / "more").mkdir()
    (place / "more" / "parts").mkdir()
    result = _run(place / "more", until=strict)
    last = result.looks[-1]
    assert len(result.looks) > 1
    assert [one.replicates for one in result.looks] == [100, 200, 400][: len(result.looks)]
    rows, _ = result.rows.of(0, "OS", "crude")
    assert len(rows["value"]) == last.replicates
    assert last.enough == (last.errors["coverage"] <= 0.02)
    assert last.whose["coverage"].startswith("crude on")
    assert all(one.errors["coverage"] > 0.02 for one in result.looks[:-1])


def test_its_rows_are_those_of_a_fixed_study_and_are_read_again(place: Path, tmp_path: Path) -> None:
    result = _run(place, until={"mcse": {"coverage": 0.001}, "most": 230})
    assert [(one.replicates, one.enough) for one in result.looks] == [(100, False), (200, False), (230, False)][
        : len(result.looks)
    ]
    assert result.looks[-1].replicates == 230
    (tmp_path / "fixed" / "parts").mkdir(parents=True)
    fixed = _run(tmp_path / "fixed", replicates=230)
    assert fixed.looks == ()
    assert fixed.rows_sha256 == result.rows_sha256
    again = read_study(_cells(until={"mcse": {"coverage": 0.001}, "most": 230}), RunFolder(place))
    assert again.looks == result.looks
    assert again.rows_sha256 == result.rows_sha256
    assert (
        "Stopped at the cap of 230 simulated studies, short of a simulation error of coverage at most 0.001"
        in verdict(again)
    )


def test_an_interrupted_one_ends_in_the_same_rows(place: Path) -> None:
    until = {"mcse": {"coverage": 0.001}, "most": 230}
    result = _run(place, until=until)
    parts = sorted((place / "parts").rglob("*.parquet"))
    parts[1].unlink()
    (place / "looks.json").unlink()
    assert _run(place, until=until).rows_sha256 == result.rows_sha256


def test_json_tells_the_looks(place: Path) -> None:
    result = _run(place, until=UNTIL)
    document = study_json(result, result.cells[0].scenario, {}, place)
    assert document["looks"] == json.loads((place / "looks.json").read_text("utf-8"))
    assert document["provenance"]["replicates"] == result.looks[-1].replicates


def test_a_share_of_one_is_not_known_without_error() -> None:
    measures = {"coverage": Measure(1.0, 0.0), "convergence": Measure(0.5, 0.1), "bias": Measure(0.1, 0.02)}
    share = 20.5 / 21
    assert error(measures, "coverage", 40) == pytest.approx(sqrt(share * (1 - share) / 20), rel=1e-12)
    assert error(measures, "bias", 40) == 0.02
    assert np.isnan(error({**measures, "coverage": Measure(nan, nan)}, "coverage", 40))


def test_the_worst_of_all_estimators_decides() -> None:
    until = Until(mcse={"bias": 0.1})
    found = {("OS", name): {"bias": Measure(0.0, mcse)} for name, mcse in (("a", 0.05), ("b", 0.2), ("test", nan))}
    one = look(3, 100, found, until, RunError)
    assert one == Look(3, 100, {"bias": 0.2}, {"bias": "b on OS"}, False)
    del found["OS", "b"]
    assert look(3, 200, found, until, RunError).enough
    assert told([one, look(3, 200, found, until, RunError)], until) == (
        "Stopped after 200 simulated studies, at a simulation error of bias at most 0.1 (reached: 0.05, a on OS)."
    )
    with pytest.raises(RunError, match=r"no analysis of setting 3 has a simulation error of 'bias'"):
        look(3, 100, {("OS", "test"): {"bias": Measure(nan, nan)}}, until, RunError)


@pytest.mark.parametrize(
    ("run", "told"),
    [
        ({"until": {"mcse": {"cover": 0.1}}}, "coverage"),
        ({"until": {"mcse": {}}}, "at least 1"),
        ({"until": {"mcse": {"bias": 0.0}}}, "greater than 0"),
        ({"replicates": 500, "until": {"mcse": {"bias": 0.1}, "most": 400}}, "less than the first 500 replicates"),
    ],
)
def test_what_cannot_be_asked_is_refused(run: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Scenario.model_validate(tree(run=run))
