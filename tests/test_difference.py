"""`trialtwin diff`: places that differ, and what moved between runs, paired where the luck is shared."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cli.difference import Moved, _change, answer, diff
from benchmarks.performance.measures import Measure
from simulator.documents.differences import ABSENT, Leaf, differences
from tests.commands import answered, printed, refused

pytestmark = pytest.mark.usefixtures("unpaged")


def test_places_that_differ_by_hand() -> None:
    one = {"a": 1, "b": {"c": [1, 2], "d": 0.5}, "gone": {"x": 1}}
    other = {"a": 1, "b": {"c": [1, 3], "d": 0.5, "e": None}}
    assert list(differences(one, other)) == [
        Leaf("b.c", [1, 2], [1, 3]),
        Leaf("b.e", ABSENT, None),
        Leaf("gone", {"x": 1}, ABSENT),
    ]
    assert list(differences(one, one)) == []


def side(values: list[float], p: list[float]) -> dict[str, np.ndarray]:
    return {"value": np.array(values), "p": np.array(p), "low": np.array(values) - 1, "high": np.array(values) + 1,
            "status": np.zeros(len(values), int)}  # fmt: skip


def test_a_change_is_paired_where_luck_is_shared() -> None:
    one, other = side([1.0, 2.0, 3.0], [0.01, 0.5, 0.5]), side([1.5, 2.6, 3.4], [0.01, 0.01, 0.5])
    paired, rejects = _change(one, other, True)
    assert paired.value == pytest.approx(0.5)
    assert paired.mcse == pytest.approx(np.std([0.5, 0.6, 0.4], ddof=1) / np.sqrt(3))
    assert rejects.value == pytest.approx(1 / 3)
    apart, rejected = _change(one, other, False)
    assert apart.value == pytest.approx(0.5)
    assert apart.mcse > 5 * paired.mcse
    assert rejected.value == pytest.approx(1 / 3)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str]:
    folder = tmp_path_factory.mktemp("runs")
    found = []
    for name, more in (("a", "population.size=120"), ("b", "population.size=200"), ("c", "run.seed=9")):
        words = ["run", "imbrave150", "-S", "estimators=[crude, adjusted]", "-S", more, "--reps", "30"]
        printed([*words, "-S", "run.truth_patients=20000", "--out", str(folder / name)])
        found.append(str(folder / name))
    return found[0], found[1], found[2]


def test_two_runs_are_compared_in_pairs(runs: tuple[str, str, str]) -> None:
    found = answered(["diff", *runs[:2]])
    assert found["differs"] == [{"path": "population.size", "one": 120, "other": 200}]
    assert len(found["moved"]) == 4
    assert all(row["paired"] for row in found["moved"])
    row = found["moved"][0]
    assert row["without"] == [0, 0]
    assert row["change"]["value"] == pytest.approx(row["other"] - row["one"], abs=1e-12)
    assert row["bias_change"]["value"] == pytest.approx(row["change"]["value"] - (row["truth"][1] - row["truth"][0]))
    other = next(row for row in found["moved"] if row["estimator"] == "adjusted")
    assert other["change"]["value"] == pytest.approx(other["other"] - other["one"], abs=1e-12)
    assert other["truth"] == [None, None]  # it answers another question than the target's
    assert other["bias_change"]["value"] is None
    told = printed(["diff", *runs[:2]])
    assert "nan" not in told
    heads = diff(*runs[:2]).tables[1].header
    assert [heads.index(name) for name in ("first finds", "second finds", "truth, first", "truth, second")] == [
        1,
        2,
        5,
        6,
    ]
    assert "the same simulated patients" in " ".join(told.split())
    assert "population.size" in told
    apart = answered(["diff", runs[1], runs[2]])
    assert not any(row["paired"] for row in apart["moved"])
    assert "independent simulated patients" in " ".join(printed(["diff", runs[1], runs[2]]).split())


def test_replicates_without_an_estimate_are_told() -> None:
    measure = Measure(0.0, 0.1)
    row = Moved(0, "OS", "mine", 0.5, 0.7, measure, (0.0, 0.0), measure, measure, True, (6, 0))
    told = answer([], [row]).text()
    assert [table.title for table in answer([], [row]).tables] == ["What moved"]  # as files they need one
    assert (
        "mine on OS, setting 1: 6 simulated studies of the first run and 0 of the second have no estimate"
        in " ".join(told.split())
    )
    assert "of those that have one in both" in told
    assert "no estimate" not in answer([], [replace(row, without=(0, 0))]).text()
    assert "in both" not in answer([], [replace(row, paired=False)]).text()


def test_two_documents_are_compared_without_runs(runs: tuple[str, str, str]) -> None:
    told = printed(["diff", "hcc-lung-metastasis", "null-effect"])
    assert "outcomes.treatment_effect" in told
    assert "moved" not in told
    assert "say the same" in printed(["diff", "paper", "hcc-lung-metastasis"])
    assert answered(["diff", runs[0], "imbrave150"])["moved"] == []


def test_bad_input_is_one_line_and_exit_code_2(runs: tuple[str, str, str], tmp_path: Path) -> None:
    assert "there is no document 'nowhere'" in refused(["diff", "nowhere", "imbrave150"])
    assert "scenario.yaml" in refused(["diff", str(tmp_path), runs[0]])
