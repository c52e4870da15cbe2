"""Scenario documents: sweeps, estimators by name, and what must be refused."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.asked.load_study import load_study
from benchmarks.asked.scenario import MOST_CELLS, Scenario, Sweep, cells
from simulator.documents.loading import DocumentError, shipped
from tests.worlds import scenario, tree


def _write(folder: Path, text: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(text, "utf-8")
    return path


def test_grid_is_crossed_and_zip_walked_in_step() -> None:
    sweep = Sweep(grid={"a": (1, 2), "b": (3, 4)}, zip={"c": (5, 6), "d": (7, 8)})
    made = sweep.cells()
    assert len(made) == 8
    assert {(cell["c"], cell["d"]) for cell in made} == {(5, 7), (6, 8)}
    assert len({tuple(cell.items()) for cell in made}) == 8


def test_exclude_drops_matching_cells() -> None:
    sweep = Sweep(grid={"a": (1, 2), "b": (3, 4)}, exclude=({"a": 1, "b": 4},))
    assert sweep.cells() == [{"a": 1, "b": 3}, {"a": 2, "b": 3}, {"a": 2, "b": 4}]


def test_without_a_sweep_there_is_one_cell() -> None:
    assert Sweep().cells() == [{}]


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ({"zip": {"a": (1, 2), "b": (1,)}}, "equal lengths"),
        ({"grid": {"a": ()}}, "empty"),
        ({"grid": {"a": (1,)}, "zip": {"a": (1,)}}, "both under grid and under zip"),
        ({"grid": {"a": (1,)}, "exclude": ({"z": 1},)}, "not swept"),
        ({"grid": {"a": (1,)}, "exclude": ({"a": 1},)}, "every cell is excluded"),
        ({"grid": {k: tuple(range(60)) for k in "abc"}}, f"{MOST_CELLS:,}"),
    ],
)
def test_faulty_sweeps_are_refused(sweep: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sweep.model_validate(sweep)


def test_a_huge_sweep_is_refused_before_it_is_crossed() -> None:
    with pytest.raises(ValueError, match="cells are more"):
        Sweep(grid={f"k{i}": tuple(range(1000)) for i in range(6)})


def test_estimators_by_kind_or_with_options() -> None:
    made = scenario(estimators=("crude", {"kind": "matched", "se": "naive", "name": "mine"}))
    assert [estimator.name for estimator in made.estimators] == ["crude", "mine"]
    with pytest.raises(ValueError, match="two are called 'crude'"):
        scenario(estimators=("crude", "crude"))


def test_the_analysis_must_fit_the_covariates() -> None:
    with pytest.raises(ValueError, match=r"analysis\.propensity\.candidates\.0: .*'weight'"):
        scenario(analysis={"propensity": {"candidates": ("weight",)}})


def test_cells_are_whole_scenarios(tmp_path: Path) -> None:
    path = _write(tmp_path, "extends: hcc-lung-metastasis\nname: mine\nsweep: {grid: {population.size: [50, 60]}}\n")
    asked = load_study(str(path))
    assert [made.population.size for _, made in asked.cells] == [50, 60]
    assert [settings for settings, _ in asked.cells] == [{"population.size": 50}, {"population.size": 60}]


def test_a_cell_that_is_not_valid_is_told_with_its_key(tmp_path: Path) -> None:
    path = _write(tmp_path, "extends: hcc-lung-metastasis\nname: mine\nsweep: {grid: {population.size: [50, -1]}}\n")
    with pytest.raises(DocumentError, match=r"population\.size"):
        load_study(str(path))


def test_seed_and_replicates_can_be_overridden() -> None:
    asked = load_study("paper", ("run.seed=7",), replicates=12)
    assert (asked.scenario.run.seed, asked.scenario.run.replicates) == (7, 12)


def test_every_shipped_scenario_is_valid_in_every_cell() -> None:
    assert {"hcc-lung-metastasis", "paper", "null-effect", "hidden-confounder"} <= shipped().keys()
    for name, path in shipped().items():
        asked = load_study(name)
        assert asked.scenario.name == path.stem == name
        assert asked.cells
        assert path.read_text("utf-8").startswith("# yaml-language-server: $schema=")


def test_a_world_is_a_scenario() -> None:
    assert isinstance(Scenario.model_validate(tree()), Scenario)
    assert cells.__doc__
