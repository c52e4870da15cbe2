"""`trialtwin diff`: what differs between two scenarios and, of two finished runs, what moved by how many errors."""

import json
from dataclasses import dataclass
from math import hypot, isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.tables.text_table import table
from benchmarks.asked.errors import RunError
from benchmarks.asked.own_files import beside
from benchmarks.asked.scenario import Scenario, cells
from benchmarks.cli.verbs import own_study
from benchmarks.performance.measures import Measure, contrast
from benchmarks.runs.store import RunFolder
from benchmarks.words.answer import Answer
from simulator.documents.differences import Leaf, differences
from simulator.documents.loading import Document, load, parse
from simulator.world.sections import WORDS

if TYPE_CHECKING:
    from benchmarks.study.running import StudyResult


@dataclass(frozen=True)
class Moved:
    """An estimator of a cell in two runs: both means, what moved, the truths, and the rejections that moved.

    ``without`` counts the replicates of either run that have no estimate: means are over the others, and what moved
    is told, where pairs are compared, of replicates that have one in both.

    The truths are those of either run's target; NaN, as is the change of bias, where the estimator answers another
    question.
    """

    cell: int
    endpoint: str
    estimator: str
    one: float
    other: float
    change: Measure
    truth: tuple[float, float]
    bias_change: Measure
    rejection: Measure
    paired: bool
    without: tuple[int, int]


def document_of(name: str) -> Document:
    """The scenario of that name or path, or of a run folder."""
    folder = Path(name)
    if folder.is_dir():
        return own_study(RunFolder(folder)).document
    document = load(name, spec=Scenario)
    parse(document, Scenario)
    return beside(document)


def moved(one: Path, other: Path) -> list[Moved]:
    """What moved between two finished runs: cells of the same settings, estimators of the same name.

    Where the seed is the same replicates are compared in pairs. RunError where a run is not finished.
    """
    from benchmarks.asked.blocks import prepare
    from benchmarks.study import running

    results = []
    for path in (one, other):
        document = document_of(str(path))
        results.append(running.read_study(prepare(cells(document, parse(document, Scenario))), RunFolder(path)))
    first, second = results
    found = []
    for cell in first.cells:
        twin = next((own for own in second.cells if own.settings == cell.settings), None)
        if twin is None:
            continue
        paired = cell.scenario.run.seed == twin.scenario.run.seed
        there = {(endpoint, estimator.name) for endpoint, estimator in twin.scenario.judged()}
        for endpoint, estimator in cell.scenario.judged():
            if (endpoint, estimator.name) not in there:
                continue
            key = (endpoint, estimator.name)
            sides = []
            for result, number in ((first, cell.number), (second, twin.number)):
                numbers, status = result.rows.of(number, *key)
                sides.append({**numbers, "status": status})
            truths = [_target(result, number, *key) for result, number in ((first, cell.number), (second, twin.number))]
            change, rejection = _change(sides[0], sides[1], paired)
            gap = truths[1].value - truths[0].value
            bias = Measure(change.value - gap, hypot(change.mcse, truths[0].mcse, truths[1].mcse))
            means = [float(np.mean(side["value"][side["status"] == 0])) for side in sides]
            values = (truths[0].value, truths[1].value)
            lack = int(np.sum(sides[0]["status"] != 0)), int(np.sum(sides[1]["status"] != 0))
            where = cell.number, endpoint, estimator.name
            found.append(Moved(*where, means[0], means[1], change, values, bias, rejection, paired, lack))
    if not found:
        raise RunError(f"{one}, {other}: no setting of both has an analysis of the same name")
    return found


def _target(result: "StudyResult", cell: int, endpoint: str, estimator: str) -> Measure:
    """The target's truth for an estimator, NaN where it answers another question."""
    truth = result.targets[cell, endpoint, estimator]
    return Measure(nan, nan) if result.asks_another(cell, endpoint, estimator) else Measure(truth.value, truth.mcse)


def _change(one: dict[str, Any], other: dict[str, Any], paired: bool) -> tuple[Measure, Measure]:
    """The change of the mean estimate and of the rejections, from the first to the second."""
    if paired:
        both = min(len(one["value"]), len(other["value"]))
        cut = [{name: values[:both] for name, values in side.items()} for side in (other, one)]
        made = contrast(cut[0], cut[1], float("nan"))
        return made["mean_difference"], made["rejection_difference"]
    kept = [{name: values[side["status"] == 0] for name, values in side.items()} for side in (one, other)]

    def gap(of: Any) -> Measure:
        a, b = (np.asarray(of(side), np.float64) for side in kept)
        return Measure(float(b.mean() - a.mean()), hypot(_error(a), _error(b)))

    return gap(lambda side: side["value"]), gap(lambda side: side["p"][~np.isnan(side["p"])] < 0.05)


def _error(values: Any) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def diff(one: str, other: str) -> Answer:
    """The places that differ and, of two run folders, what moved."""
    leaves = [
        leaf
        for leaf in differences(document_of(one).tree, document_of(other).tree)
        if leaf.path.split(".")[0] not in WORDS
    ]
    folders = [Path(name) for name in (one, other)]
    runs = moved(folders[0], folders[1]) if all(path.is_dir() for path in folders) else []
    return answer(leaves, runs)


def answer(leaves: list[Leaf], runs: list[Moved]) -> Answer:
    """The places that differ and what moved, as tables."""
    data = {"differs": [vars(leaf) for leaf in leaves], "moved": runs}
    places = [(one.path, _short(one.one), _short(one.other)) for one in leaves]
    said = "" if leaves else "The two say the same, names and published numbers apart."
    tables = [table("What differs", ("at", "first", "second"), places)] if leaves else []
    if not runs:
        return Answer(data, said, tuple(tables))
    rows = [
        (f"{one.cell} {one.endpoint} {one.estimator}", f"{one.one:.3f}", f"{one.other:.3f}", _moved(one.change),
         _times(one.change), *map(_number, one.truth), _moved(one.bias_change),
         f"{100 * one.rejection.value:+.1f} ({100 * one.rejection.mcse:.1f})")
        for one in runs
    ]  # fmt: skip
    heads = (
        "analysis", "first finds", "second finds", "moved", "in errors", "truth, first", "truth, second",
        "off by moved", "finds a difference, %",
    )  # fmt: skip
    paired = all(one.paired for one in runs)
    how = "the same simulated patients" if paired else "independent simulated patients"
    notes = (
        f"Compared on {how}; ratios on the log scale; in brackets: simulation error. Off by: from what is true in the "
        "patients whom either run is about; - where an analysis answers another question.",
        *map(_without, (one for one in runs if any(one.without))),
    )
    return Answer(data, said, (*tables, table("What moved", heads, rows)), notes, found=runs)


def _without(one: Moved) -> str:
    """Which replicates are not compared."""
    first, second = one.without
    of_both = ", what moved is of those that have one in both" if one.paired else ""
    return (
        f"{one.estimator} on {one.endpoint}, setting {one.cell + 1}: {first:,} simulated studies of the first run and "
        f"{second:,} of the second have no estimate. Means are over the others{of_both}."
    )


def _moved(one: Measure) -> str:
    return f"{one:+.3f}" if isfinite(one.value) else "-"


def _number(value: float) -> str:
    return f"{value:.3f}" if isfinite(value) else "-"


def _times(one: Measure) -> str:
    return f"{one.value / one.mcse:+.1f}" if one.mcse > 0 else "0.0" if one.value == 0 else "-"


def _short(value: Any) -> str:
    shown = json.dumps(value, default=str) if not isinstance(value, str) else value
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
