"""Why a user's own function gave no estimate: its line and its error, once, and in how many replicates."""

import numpy as np

from analysis.estimators.own import Own
from analysis.kernels.status import Status
from benchmarks.asked.blocks import Cell
from benchmarks.asked.sampled import samples
from benchmarks.study.running import StudyResult
from simulator.world.generate import generate


def own_failures(result: StudyResult) -> list[str]:
    """A sentence for each of the study's own functions and endpoint without an estimate in some replicate.

    The first of these replicates is computed once more, to hear why; so the code must be trusted.
    """
    told = []
    for endpoint, name in dict.fromkeys((where, who) for _, where, who in result.truths):
        hit, total, first = 0, 0, None
        for cell in result.cells:
            if _own(cell, endpoint, name) is None:
                continue
            status = result.rows.of(cell.number, endpoint, name, ())[1]
            failed = np.flatnonzero(status == Status.NOT_CONVERGED)
            total, hit = total + len(status), hit + len(failed)
            if first is None and len(failed):
                first = cell, int(failed[0])
        if first is not None:
            why = explained(*first, endpoint, name)
            where = f", the first in setting {first[0].number}" if len(result.cells) > 1 else ""
            told.append(
                f"'{name}' gave no estimate of {endpoint} in {hit:,} of {total:,} simulated studies{where}: {why}"
            )
    return told


def explained(cell: Cell, replicate: int, endpoint: str, name: str) -> str:
    """Why that replicate of a cell has no estimate, as its function tells it again."""
    own, scenario = _own(cell, endpoint, name), cell.scenario
    assert own is not None
    cohorts = generate(cell.resolved, scenario.run.seed, np.array([replicate]))
    sample = samples(scenario, cohorts, scenario.run.seed)[0]
    return own.why(sample, endpoint) or f"asked again about simulated study {replicate}, it does not say why"


def _own(cell: Cell, endpoint: str, name: str) -> Own | None:
    """The user's function of that name that judges the endpoint in a cell."""
    found = (one for where, one in cell.scenario.judged() if (where, one.name) == (endpoint, name))
    return next((one for one in found if isinstance(one, Own)), None)
