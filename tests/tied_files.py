"""Files of patients among whom scores are tied, analysed in any order of their rows."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from analysis.cohort_files.cohort_file import CohortFile, CohortSpec, read_cohort
from analysis.paper.cohort_analysis import CohortAnalysis
from analysis.paper.workflow import analyse
from analysis.plan.analysis_plan import Plan
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.terms import Variable
from tests import oracle

SORTED = oracle.HERE / "ties_sorted.csv"
FILE = {
    "id": "pid",
    "treatment": {"column": "arm", "treated": "new", "control": "old"},
    "covariates": {
        "age": {"kind": "continuous"}, "sex": {"kind": "binary"}, "stage": {"kind": "ordinal", "levels": [1, 2, 3]},
    },
    "endpoints": {"OS": {"time": "t", "event": "e"}, "PFS": {"time": "p", "event": "f"}},
    "binary": {"ORR": {"column": "r"}},
}  # fmt: skip
HEADER = ["pid", "arm", "age", "sex", "stage", "t", "e", "p", "f", "r", "ward"]


def rows(n: int = 90, seed: int = 5) -> list[list[str]]:
    """A file of patients whose covariates are coarse, so that many are equal, sorted by survival time."""
    draw = np.random.default_rng(seed)
    stage = draw.integers(1, 4, n)
    sex, age = draw.integers(0, 2, n), 50 + 10 * draw.integers(0, 3, n)
    arm = draw.random(n) < 1 / (1 + np.exp(1.2 - 0.5 * (stage - 2) - 0.3 * sex))
    time, free = np.sort(draw.exponential(20, n)).round(1) + 0.1, draw.integers(1, 20, n)
    events = draw.random((3, n)) < [[0.7], [0.8], [0.4]]
    columns = [
        [f"p{draw.integers(10**9)}-{i}" for i in range(n)],
        np.where(arm, "new", "old"),
        *(age, sex, stage, time, events[0].astype(int), free, events[1].astype(int), events[2].astype(int)),
        [f"w{i % 7}" for i in range(n)],
    ]
    return [[str(cell) for cell in row] for row in zip(*columns, strict=True)]


def made(place: Path, table: list[list[str]], options: dict[str, Any], named: bool = True) -> CohortAnalysis:
    path = place / "cohort.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *table])
    data = FILE if named else {key: value for key, value in FILE.items() if key != "id"}
    spec = CohortSpec.model_validate_json(json.dumps({"data": data, "analysis": options}))
    return whole(read_cohort(path, spec), spec.analysis)


def whole(cohort: CohortFile, plan: Plan) -> CohortAnalysis:
    return analyse(cohort.observed, cohort.ids, plan, cohort.arms, order=cohort.order)


def one_covariate(lines: list[list[str]], matching: dict[str, Any], ids: list[str] | None = None) -> CohortAnalysis:
    values = np.array(lines, dtype=float)
    observed = Observed(
        (Variable("x", "binary", ("0", "1")),),
        values[None, :, 1:2],
        values[None, :, 0] == 1,
        np.ones((1, len(values)), np.bool_),
        {"OS": Endpoint(values[None, :, 2], values[None, :, 3] == 1)},
        {},
    )
    plan = Plan.model_validate({"matching": matching})
    return analyse(observed, ids or [str(k) for k in range(len(values))], plan)


def sorted_file() -> list[list[str]]:
    with SORTED.open(newline="") as stream:
        return list(csv.reader(stream))[1:]
