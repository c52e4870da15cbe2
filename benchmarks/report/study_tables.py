"""The table of a study's page: what each analysis finds, what is true, and how far apart the two are."""

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite

from analysis.tables.text_table import TextTable
from benchmarks.asked.blocks import Cell
from benchmarks.performance.measures import Measure
from benchmarks.report.page_parts import Tabled
from benchmarks.study.running import StudyResult
from benchmarks.truth.counted import Truth
from benchmarks.words.analysis_names import endpoint_label
from benchmarks.words.performance_tables import ANOTHER, target_notes
from benchmarks.words.plain_text import ABSENT, label_of, measures, natural, number, percent, rejection, truth_text

OFF_BY = "Off by: on the log scale, where −0.04 means 4 % too low"
"""What the note says of a distance from the truth."""


def close_table(
    result: StudyResult, cell: Cell, endpoint: str, labels: Mapping[str, str], best: frozenset[str] = frozenset()
) -> Tabled:
    """Every analysis but tests beside the target's truth, the ``best`` ones marked; ``labels`` by their names.

    Who answers another question has no distance and no coverage.
    """
    keys = [(cell.number, endpoint, one.name) for where, one in cell.scenario.judged() if where == endpoint]
    shown = [(key, result.truths[key]) for key in keys if result.truths[key].estimand.measure != "none"]
    if not shown:
        return Tabled(TextTable("", (), ()))
    null = all(result.targets[key].value == 0 for key, _ in shown if not result.asks_another(*key))
    several = len({truth.estimand for _, truth in shown}) > 1
    failing = any(measures(result, *key)["convergence"].value < 1 for key, _ in shown)
    rows = [_row(result, key, truth, labels, several, failing) for key, truth in shown]
    level = f"{100 * cell.scenario.analysis.survival.level:.6g}"
    heads = (
        "analysis",
        *(("measure",) if several else ()),
        "finds",
        "truth",
        "off by",
        "standard error",
        f"{level} % interval holds the truth, %",
        "claims an effect that is not there, %" if null else "claims an effect, %",
        *(("gave an estimate, %",) if failing else ()),
    )
    note = (
        f"{OFF_BY}. In brackets: simulation error. Standard error: the spread of the estimates over the simulated "
        "studies. An effect is claimed where p < 0.05."
    )
    own = result.whom_by_cell.get(cell.number) or result.whom
    what = "" if several else f", {label_of(shown[0][1].estimand)}"
    title = f"{endpoint_label(cell.scenario, endpoint)}{what}, in {own.phrase}"
    table = TextTable(title, heads, tuple(rows), (*target_notes(result, cell, endpoint), note), words=1 + several)
    marked = frozenset(place for place, (key, _) in enumerate(shown) if key[2] in best)
    return Tabled(table, marked)


def _row(
    result: StudyResult, key: tuple[int, str, str], truth: Truth, labels: Mapping[str, str], several: bool,
    failing: bool,
) -> tuple[str, ...]:  # fmt: skip
    found, asked, another = measures(result, *key), truth.estimand, result.asks_another(*key)
    return (
        labels.get(key[2], key[2]),
        *((label_of(asked),) if several else ()),
        number(natural(asked, found["mean"].value)),
        ABSENT if another else truth_text(result.targets[key]),
        ANOTHER if another else distance(found["bias"]),
        number(found["empirical_se"].value),
        ANOTHER if another else percent(found["coverage"]),
        percent(rejection(found)[1]),
        *((number(100 * found["convergence"].value, 1),) if failing else ()),
    )


def distance(bias: Measure) -> str:
    """A bias with a true sign and its simulation error in brackets."""
    if not isfinite(bias.value):
        return ABSENT
    told = f"{round(bias.value, 3) + 0.0:+.3f}".replace("-", "−")
    return f"{told} ({number(bias.mcse)})"


def relabelled(table: TextTable, labels: Mapping[str, str]) -> TextTable:
    """The table with analyses called by their labels, wherever a column names them."""
    named = [head in ("estimator", "against", "test", "analysis") for head in table.header]
    heads = tuple("analysis" if head == "estimator" else head for head in table.header)
    rows = tuple(
        tuple(labels.get(cell, cell) if own else cell for cell, own in zip(row, named, strict=True))
        for row in table.rows
    )
    return replace(table, header=heads, rows=rows)
