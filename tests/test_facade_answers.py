"""What the functions that take long answer: the same as their commands, on small studies, and shown in every way."""

import json
from pathlib import Path
from typing import Any

import pytest
import trialtwin

from benchmarks.asked.errors import RunError
from benchmarks.questions import compatible
from benchmarks.words.answer import Answer
from tests.commands import answered
from tests.small_papers import write_paper, write_small

PRINTED = {
    "cohort.n": "160",
    "table1.before[stage].p": "0.003",
    "endpoints.OS.before.cox.hr": "0.62",
}
FREE = """\
calibration:
  replicates: 20
  free:
    outcomes.death.treatment.log_hr: {mean: -0.4, sd: 0.3, bounds: [-2, 1]}"""
FEW = {"run.truth_patients": 3000}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small world; fewer draws of a posterior."""
    monkeypatch.setattr(compatible, "DRAWS", 2**10)
    return write_small(tmp_path)


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    """The small world with three printed numbers and a free parameter."""
    return write_paper(tmp_path, PRINTED, FREE)


def like(found: Answer, command: str, study: Path, *words: str) -> None:
    """The answer is the command's, but for the folder in which it was found."""
    other = answered([command, str(study), *words, "--jobs", "1"])
    assert _apart(json.loads(found.json())) == _apart(other)


def _apart(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != "folder"}


def shown(found: Answer, said: str, place: Path, columns: list[str] | None = None) -> None:
    """The answer says something, shows itself in a notebook, and is saved as page, data, tables and figure."""
    assert said in repr(found).replace("\n", " ")
    table = found.to_frame()
    assert len(table) > 0
    if columns:
        assert [*table.columns] == columns
    html = found._repr_html_()
    assert f"<caption>{found.tables[0].title}" in html
    assert html.count("<tr>") >= len(table)
    assert found.save(place / "a.html").read_text("utf-8").startswith("<!doctype html>")
    assert json.loads(found.save(place / "a.json").read_text("utf-8")) == json.loads(found.json())
    assert sum(path.suffix == ".csv" for path in found.save(place / "tables").iterdir()) == len(found.tables)
    if found.figure is None:
        with pytest.raises(RunError, match="this answer has no figure"):
            found.plot()
    else:
        assert found.plot().axes
        assert "<svg" in found.save(place / "a.svg").read_text("utf-8")


def test_multiverse(study: Path, tmp_path: Path) -> None:
    axis = {"matching.caliper": [0.1, 0.2]}
    found = trialtwin.multiverse(study, axis=axis, reps=4, seed=3, jobs=1, out=tmp_path / "a")
    words = ["--axis", "matching.caliper=[0.1, 0.2]", "--reps", "4", "--seed", "3", "--out", str(tmp_path / "b")]
    like(found, "multiverse", study, *words)
    assert len(found.data["specifications"]) == 4
    shown(found, "at least one of 4 defensible analyses finds", tmp_path, ["", "as stated", "no effect"])
    other = trialtwin.multiverse(study, axis=axis, reps=4, seed=4, jobs=1, out=tmp_path / "c")
    assert _apart(other.data) != _apart(found.data)


def test_power(study: Path, tmp_path: Path) -> None:
    asked: dict[str, Any] = {"estimator": "crude", "reps": 40, "least": 100, "most": 400, "seed": 3, "jobs": 1}
    found = trialtwin.power(study, **asked, set=FEW, out=tmp_path / "a")
    words = ["--estimator=crude", "--reps=40", "--least=100", "--most=400", "--seed=3", "--set=run.truth_patients=3000"]
    like(found, "power", study, *words, f"--out={tmp_path / 'b'}")
    assert 100 <= found.data["stated"]["at"]["value"] <= 400
    shown(
        found,
        "no adjustment reaches a power of 80\u00a0% for overall survival",
        tmp_path,
        ["a power of 80\u00a0%", "events", "patients"],
    )


def test_compatible(study: Path, tmp_path: Path) -> None:
    asked: dict[str, Any] = {
        "estimator": "crude",
        "points": 20,
        "reps": 40,
        "seed": 3,
        "jobs": 1,
        "out": tmp_path / "a",
    }
    found = trialtwin.compatible(study, hr="0.60", low=0.4, high="0.90", **asked, set=FEW)
    words = ["--estimator=crude", "--points=20", "--reps=40", "--seed=3", "--set=run.truth_patients=3000"]
    like(found, "compatible", study, "--hr=0.60", "--low=0.4", "--high=0.90", *words, f"--out={tmp_path / 'a'}")
    (one,) = found.data["posteriors"]
    assert one["quantiles"][0] < one["quantiles"][2] < one["quantiles"][4]
    shown(found, "nine times in ten if the twin is right as it stands", tmp_path)


def test_fidelity(paper: Path, tmp_path: Path) -> None:
    found = trialtwin.fidelity(paper, reps=20, seed=3, jobs=1)
    like(found, "fidelity", paper, "--reps", "20", "--seed", "3")
    assert [one["printed"] for one in found.data["scores"]] == [*PRINTED.values()]
    columns = ["printed in", "reproduced", "%", "doubtful, not counted"]
    shown(found, "of the 3 printed numbers", tmp_path, columns)


def test_calibrate(paper: Path, tmp_path: Path) -> None:
    found = trialtwin.calibrate(paper, out=tmp_path / "one.yaml", jobs=1)
    like(found, "calibrate", paper, "--out", str(tmp_path / "two.yaml"))
    one, two = ((tmp_path / f"{name}.yaml").read_text("utf-8") for name in ("one", "two"))
    assert one.replace("one", "two") == two
    fitted = trialtwin.load(tmp_path / "one.yaml").tree["outcomes"]["death"]["treatment"]["log_hr"]
    assert fitted == pytest.approx(found.data["values"]["outcomes.death.treatment.log_hr"], rel=1e-6)
    shown(found, "of the 3 printed numbers that it aimed at (chance hardly misses one)", tmp_path)
