"""Answers that the definition of a test's level gives, and deviations from it for which methods are known.

No treatment works in these worlds, and censoring is independent of everything. A test of level 0.05 then rejects in
5 % of replicates: exactly, or as n grows. n is 400, where a level that holds in the limit may still be a little off:
`ASYMPTOTIC` is allowed for that.
"""

from collections.abc import Callable

import numpy as np

from analysis.estimators.base import NUMBERS
from analysis.kernels.status import Status
from benchmarks.asked.blocks import block_rows, blocks, prepare
from benchmarks.asked.load_study import load_study
from benchmarks.performance.measures import Measure, performance
from benchmarks.validation.check import Check
from benchmarks.validation.simulated import mean_of
from benchmarks.workers.executors import in_threads
from simulator.numerics.arrays import Floats

ASYMPTOTIC = 0.003
"""The allowance for levels that theory gives in the limit only, as a standard error of the 0.05.

With many replicates levels from about 0.038 to 0.062 pass. At n 400 a model or sandwich SE is 1 to 3 % too small, which
adds 0.002 to 0.007, and less at n 1600. An SE that is 15 % too small has a level of 0.096.
"""
LEVEL = Measure(0.05, ASYMPTOTIC)
CAUTIOUS = (
    *("median", "bonferroni"),
    *("matched-naive", "logrank-matched", "ipw-att-robust", "ipw-ate-robust", "entropy-ate-robust"),
)
"""Estimators of the shipped null worlds that reject too rarely.

Su and Wei's test of medians takes the smallest of a rough function, which matters at n 1600 still; Bonferroni forgets
that the tests are correlated; the others that matched pairs are alike, or that the score was estimated.
"""
ZERO = Measure(0.0, 0.0)

NullColumns = dict[str, Floats]


def levels(study: str, world: str) -> Callable[[int, int], list[Check]]:
    """The checks of a null study: the type-I error of every estimator of a shipped world is 0.05, or known to be less.

    Of a Cox model in matched patients whose SE is naive, that SE is checked to be too large as well.
    """

    def checks(replicates: int, jobs: int) -> list[Check]:
        made = []
        for name, rows in estimates(world, replicates, jobs).items():
            what, ours = f"type-I error, {name}", type_1_error(rows)
            if name not in CAUTIOUS:
                made.append(Check(study, what, ours, LEVEL))
                continue
            made.append(Check(study, what, ours, Measure(LEVEL.value, 0.0), beyond="below"))
            if name == "matched-naive":
                off = judged_at_zero(rows)["relative_error_model_se"]
                made.append(Check(study, f"relative error of the SE in %, {name}", off, ZERO, beyond="above"))
        return made

    return checks


def calipers(study: str) -> Callable[[int, int], list[Check]]:
    """The checks of bias left by matching where overlap is poor, largest score first, on the same replicates."""

    def checks(replicates: int, jobs: int) -> list[Check]:
        found = estimates("poor-overlap", replicates, jobs)
        values = {name: np.where(rows["status"] == Status.OK, rows["value"], np.nan) for name, rows in found.items()}
        without, within = values["no-caliper"], values["caliper"]
        more = "a third of it, less that with a caliper of 0.2"
        return [
            Check(study, "bias of the log HR without a caliper", mean_of(without), ZERO, beyond="above"),
            Check(study, more, mean_of(without / 3 - within), ZERO, beyond="above"),
        ]

    return checks


def type_1_error(rows: NullColumns) -> Measure:
    """The share that rejects, with the standard error of a share that is 0.05; NaN where more than 1 % fail.

    The error of the share found would be too small for a small share, and zero where none rejects.
    """
    found = judged_at_zero(rows)
    rejects, count = found["type_1_error"].value, len(rows["status"])
    return Measure(rejects if found["convergence"].value >= 0.99 else float("nan"), (0.05 * 0.95 / count) ** 0.5)


def judged_at_zero(rows: NullColumns) -> dict[str, Measure]:
    """Every measure of performance where the truth is that treatment does nothing."""
    value, se, low, high, p = (rows[name] for name in NUMBERS)
    return performance(value, se, low, high, p, rows["status"].astype(np.int64), 0.0)


def estimates(world: str, replicates: int, jobs: int) -> dict[str, NullColumns]:
    """For each estimator of a shipped world its numbers and status ``(replicates,)``; no truth is worked out."""
    asked = load_study(world, (), replicates)
    (cell,) = prepare(asked.cells)
    names = [one.name for _, one in cell.scenario.judged()]
    tables = list(in_threads(block_rows, blocks(cell), jobs))
    return {
        name: {
            column: np.concatenate([table[column].to_numpy()[place :: len(names)] for table in tables])
            for column in (*NUMBERS, "status")
        }
        for place, name in enumerate(names)
    }
