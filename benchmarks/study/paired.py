"""Methods, and cells of a sweep, compared on the same replicates: their luck is common, so differences are precise."""

from dataclasses import dataclass

import numpy as np

from benchmarks.asked.blocks import Cell
from benchmarks.performance.measures import Measure, contrast
from benchmarks.study.ranking import numbers_of
from benchmarks.study.running import StudyResult

MEASURES = ("bias_difference", "relative_precision", "coverage_difference", "rejection_difference")


@dataclass(frozen=True)
class Pair:
    """One method in one cell against its reference; ``measures`` are those of
    `benchmarks.performance.measures.contrast`.
    """

    cell: int
    endpoint: str
    estimator: str
    against: str
    measures: dict[str, Measure]


def methods(result: StudyResult, cell: Cell) -> list[Pair]:
    """Each estimator of a cell against the first one that answers the target in the same measure."""
    pairs, first = [], dict[tuple[str, str], str]()
    for endpoint, one in cell.scenario.judged():
        truth = result.targets[cell.number, endpoint, one.name]
        another = result.asks_another(cell.number, endpoint, one.name)
        if another or truth.estimand.measure == "none" or not np.isfinite(truth.value):
            continue
        reference = first.setdefault((endpoint, truth.estimand.model_dump_json()), one.name)
        if reference != one.name:
            own, other = (numbers_of(result, cell.number, endpoint, name) for name in (one.name, reference))
            pairs.append(Pair(cell.number, endpoint, one.name, reference, contrast(own, other, truth.value)))
    return pairs


def cells(result: StudyResult) -> list[Pair]:
    """Each later cell against the first, estimator by estimator, on the replicates that both have.

    ``mean_difference`` is that of the mean estimates, NaN where one is of another measure or horizon. Cells share their
    random numbers.
    """
    pairs, base = [], result.cells[0]
    there = {(endpoint, one.name) for endpoint, one in base.scenario.judged()}
    for cell in result.cells[1:]:
        for endpoint, one in cell.scenario.judged():
            if (endpoint, one.name) not in there:
                continue
            own, other = (numbers_of(result, number, endpoint, one.name) for number in (cell.number, base.number))
            both = min(len(own["value"]), len(other["value"]))
            cut = [{name: values[:both] for name, values in found.items()} for found in (own, other)]
            found = contrast(cut[0], cut[1], float("nan"))
            shown = {name: found[name] for name in ("mean_difference", "rejection_difference")}
            asked = [result.truths[k.number, endpoint, one.name].estimand for k in (cell, base)]
            if (asked[0].measure, asked[0].horizon) != (asked[1].measure, asked[1].horizon):
                shown["mean_difference"] = Measure(float("nan"), float("nan"))
            pairs.append(Pair(cell.number, endpoint, one.name, f"cell {base.number}", shown))
    return pairs
