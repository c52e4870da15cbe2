"""Estimators ranked by their error against one target: within one measure and horizon, never by power."""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from benchmarks.asked.blocks import Cell
from benchmarks.performance.measures import Measure, contrast
from benchmarks.study.running import StudyResult
from simulator.cohort.estimand import Estimand
from simulator.numerics.arrays import Floats

MOST_GIVE = 0.99
"""A share of replicates with an estimate that needs no word; who gives fewer is not ranked."""


@dataclass(frozen=True)
class Ranked:
    """An estimator with its root mean squared error; ``apart``: clearly larger than the least.

    Clearly: the paired difference of mean squared errors is more than two of its Monte Carlo SE.
    """

    estimator: str
    rmse: Measure
    apart: bool


@dataclass(frozen=True)
class Ranking:
    """The estimators of one measure on one endpoint of a cell, the least error against the target first."""

    cell: int
    endpoint: str
    estimand: Estimand
    order: tuple[Ranked, ...]


def rankings(result: StudyResult, cell: Cell, endpoint: str) -> list[Ranking]:
    """A ranking of each measure that at least two estimators share.

    Left out are who answers another question, has no truth, is a constant, or gives too few estimates.
    """
    groups: dict[Estimand, list[str]] = {}
    for where, one in cell.scenario.judged():
        key = cell.number, endpoint, one.name
        if where == endpoint and _ranked(result.measured[*key, "target"]):
            groups.setdefault(result.targets[key].estimand, []).append(one.name)
    return [
        Ranking(cell.number, endpoint, estimand, _ordered(result, cell.number, endpoint, names))
        for estimand, names in groups.items()
        if len(names) > 1
    ]


def every_ranking(result: StudyResult) -> list[Ranking]:
    """The rankings of all cells and endpoints."""
    return [one for cell in result.cells for endpoint in cell.endpoints for one in rankings(result, cell, endpoint)]


def _ranked(found: dict[str, Measure]) -> bool:
    """Whether an estimator has an error against the target, varies, and nearly always gives an estimate."""
    varies, gives = found["empirical_se"].value > 0, found["convergence"].value >= MOST_GIVE
    return "rmse" in found and isfinite(found["rmse"].value) and varies and gives


def _ordered(result: StudyResult, cell: int, endpoint: str, names: list[str]) -> tuple[Ranked, ...]:
    errors = {name: result.measured[cell, endpoint, name, "target"]["rmse"] for name in names}
    order = sorted(names, key=lambda name: errors[name].value)
    ranked, least = [Ranked(order[0], errors[order[0]], False)], numbers_of(result, cell, endpoint, order[0])
    for name in order[1:]:
        truth = result.targets[cell, endpoint, name].value
        gap = contrast(numbers_of(result, cell, endpoint, name), least, truth)["mse_difference"]
        ranked.append(Ranked(name, errors[name], bool(gap.value > 2 * gap.mcse)))
    return tuple(ranked)


def numbers_of(result: StudyResult, cell: int, endpoint: str, estimator: str) -> dict[str, Floats]:
    """The columns of an estimator's rows ``(R,)``, its status among them."""
    numbers, status = result.rows.of(cell, endpoint, estimator)
    return {**numbers, "status": status.astype(np.float64)}
