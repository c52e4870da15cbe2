"""The weighted samples of which R's survey and survival have told the numbers."""

import csv
from functools import cache
from pathlib import Path

import numpy as np

from analysis.paper.effects import AnalysisSet
from analysis.two_samples.weighted_samples import WeightedSamples
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.terms import Variable

ORACLE = Path(__file__).parent / "oracle"
CONTINUOUS = ("x", "skew", "tied")
LEVELS = {"g": 4, "h": 2, "rare": 3}


@cache
def rows(case: str) -> dict[str, np.ndarray]:
    """The columns of one frozen sample."""
    with (ORACLE / "weighted.csv").open(newline="") as file:
        own = [row for row in csv.DictReader(file) if row["case"] == case]
    return {name: np.array([float(row[name]) for row in own]) for name in own[0] if name != "case"}


@cache
def sample(case: str) -> tuple[Observed, AnalysisSet]:
    """The sample as the workflow has it after matching."""
    d = rows(case)
    kinds = [Variable(name, "continuous") for name in CONTINUOUS]
    kinds += [Variable(name, "ordinal", tuple("abcd"[:k])) for name, k in LEVELS.items()]
    values = np.column_stack([d[one.name] for one in kinds])[None]
    here = np.ones((1, len(d["t"])), np.bool_)
    ends = {"OS": Endpoint(d["t"][None], d["e"][None] > 0), "PFS": Endpoint(d["t2"][None], d["e2"][None] > 0)}
    observed = Observed(tuple(kinds), values, d["trt"][None] > 0, here, ends, {"yes": d["yes"][None] > 0})
    return observed, AnalysisSet(here[0], d["w"], d["set"].astype(np.int64))


def sets(case: str, times: float = 1.0) -> WeightedSamples:
    observed, group = sample(case)
    assert group.weight is not None
    return WeightedSamples.of(observed.treated, observed.present, times * group.weight[None], group.clusters[None])
