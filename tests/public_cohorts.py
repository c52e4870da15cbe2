"""Two public cohorts and their workflow."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from analysis.cohort_files.cohort_file import CohortFile, CohortSpec, read_cohort
from analysis.paper.workflow import CohortAnalysis, analyse
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.terms import Variable

ORACLE = Path(__file__).parent / "oracle"
EARLY = {"EARLY": {"column": "early"}}
SPECS: dict[str, dict[str, Any]] = {
    "colon": {
        "id": "id",
        "treatment": {"column": "rx", "treated": "Lev+5FU", "control": "Obs"},
        "covariates": {
            "age": {"kind": "continuous", "cuts": [60]},
            **{name: {"kind": "binary"} for name in ("sex", "obstruct", "perfor", "adhere")},
            "nodes": {"kind": "continuous"},
            "differ": {"kind": "ordinal", "levels": [1, 2, 3]},
            "extent": {"kind": "ordinal", "levels": [1, 2, 3, 4]},
            **{name: {"kind": "binary"} for name in ("surg", "node4")},
        },
        "endpoints": {"OS": {"time": "time", "event": "status"}, "RFS": {"time": "rtime", "event": "rstatus"}},
        "binary": EARLY,
    },
    "pbc": {
        "id": "id",
        "treatment": {"column": "trt", "treated": 1, "control": 2},
        "covariates": {
            "age": {"kind": "continuous", "cuts": [45, 60]},
            "sex": {"kind": "binary", "levels": ["m", "f"]},
            **{name: {"kind": "binary"} for name in ("ascites", "hepato", "spiders")},
            "edema": {"kind": "ordinal", "levels": [0, 0.5, 1]},
            **{name: {"kind": "continuous"} for name in ("bili", "albumin", "platelet", "protime")},
            "stage": {"kind": "nominal", "levels": [1, 2, 3, 4]},
        },
        "endpoints": {
            "OS": {"time": "time", "event": "status", "event_values": [2]},
            "TFS": {"time": "time", "event": "status", "event_values": [1, 2]},
        },
        "binary": EARLY,
    },
}


def read(name: str, analysis: dict[str, Any] | None = None) -> tuple[CohortFile, CohortSpec]:
    spec = CohortSpec.model_validate_json(json.dumps({"data": SPECS[name], "analysis": analysis or {}}))
    return read_cohort(ORACLE / f"workflow_{name}.csv", spec), spec


def run(name: str, analysis: dict[str, Any] | None = None) -> CohortAnalysis:
    cohort, spec = read(name, analysis)
    return analyse(cohort.observed, cohort.ids, spec.analysis, cohort.arms, order=cohort.order)


def cohort(n: int, seed: int = 1) -> tuple[Observed, tuple[str, ...]]:
    """A small random cohort with one number and one three-level factor."""
    draw = np.random.default_rng(seed)
    variables = (Variable("x", "continuous", cuts=(0.0,)), Variable("g", "ordinal", ("a", "b", "c")))
    values = np.stack([draw.normal(size=n), draw.integers(0, 3, n).astype(float)], axis=-1)[None]
    treated = (np.arange(n) % 2 == 0)[None]
    time, event = draw.exponential(size=(1, n)), draw.random((1, n)) < 0.7
    ones = np.ones((1, n), dtype=np.bool_)
    observed = Observed(variables, values, treated, ones, {"OS": Endpoint(time, event)}, {"R": event.copy()})
    return observed, tuple(f"p{i}" for i in range(n))
