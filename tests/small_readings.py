"""Readings of papers made by hand: what paper.yaml says, and numbers under their keys."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.asked.free_places import free_paths
from benchmarks.asked.scenario import Scenario
from benchmarks.derived.course import DerivedCourse
from benchmarks.derived.parts import bare
from benchmarks.pasted.paper_file import PaperFile
from benchmarks.pasted.reading import Reading, ReadNumber, Spot
from simulator.documents.loading import load, parse


def reading_of(
    numbers: Mapping[str, str], sizes: Mapping[tuple[str, str], int] | None = None, **said: object
) -> Reading:
    """A reading with these printed numbers; ``said`` is what paper.yaml says."""
    usual = {
        "name": "small",
        "source": "by hand",
        "design": "randomised",
        "arms": {"control": "Placebo", "treated": "Drug"},
        "endpoints": {"OS": "death"},
    }
    paper = PaperFile.model_validate({**usual, **said})
    read = tuple(ReadNumber(key, printed, "Results", Spot("paper.yaml")) for key, printed in numbers.items())
    return Reading("small", paper, (), read, (), {}, dict(sizes or {}), (), (), (), ())


def cohort(control: int, treated: int) -> dict[tuple[str, str], int]:
    """Sizes of the arms before matching."""
    return {("before", "control"): control, ("before", "treated"): treated}


def world_of(
    course: DerivedCourse, reading: Reading, size: int, treated: float, terms: Mapping[str, Sequence[str]]
) -> Scenario:
    """A world of a derived course with covariates of even shares (or N(60, 10)), a trial with this share treated."""
    covariates = {
        name: {"kind": "binary" if len(levels) == 2 else "ordinal", "shares": {one: 1 / len(levels) for one in levels}}
        if levels
        else {"kind": "continuous", "mean": 60.0, "sd": 10.0, "bounds": [20.0, 100.0]}
        for name, levels in terms.items()
    }
    paper = reading.paper
    tree = {
        "name": paper.name,
        "source": paper.source,
        "time_unit": paper.time_unit,
        "arms": {"control": paper.arms.control, "treated": paper.arms.treated},
        "population": {"size": size, "covariates": covariates},
        "treatment": {"kind": "fixed", "share": treated},
        "outcomes": bare(course.outcomes),
        "endpoints": bare(course.endpoints),
        "entry": bare(course.entry),
        "followup": bare(course.followup),
        "estimators": [{"kind": "crude"}],
        "calibration": {"free": course.free},
    }
    path = Path(tempfile.mkdtemp()) / "world.yaml"
    path.write_text(json.dumps(tree), encoding="utf-8")
    document = load(path)
    scenario = parse(document, Scenario)
    assert scenario.calibration is not None
    assert len(free_paths(document, scenario.calibration)) == len(course.free)
    return scenario
