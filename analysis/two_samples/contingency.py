"""The test of a table of counts: Pearson's chi-square, or Fisher's exact test where counts are small."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.status import Status
from analysis.two_samples import tests
from analysis.two_samples.tests import NAN


@dataclass(frozen=True)
class CountTest:
    """The chosen test and its p, and the p of every test that was made; the status is that of the chosen."""

    test: str
    p: float
    tests: dict[str, float]
    status: Status


def compare_counts(counts: NDArray[np.int64], how: Literal["auto", "pearson", "yates", "fisher"]) -> CountTest:
    """The test of ``counts (2, k)``, arms by levels; levels that nobody has are dropped.

    'auto' is Pearson's test without continuity correction, Fisher's when an expected count is below 5 (but Pearson's
    where there are too many tables to go through). Yates's correction applies to a 2 x 2 table only, as in R; larger
    tables get Pearson's.
    """
    seen = counts[:, counts.sum(axis=0) > 0]
    total = seen.sum()
    if seen.shape[1] < 2 or not seen.sum(axis=1).all():
        return CountTest("none", NAN, {}, Status.NO_INFO)
    expected = np.outer(seen.sum(axis=1), seen.sum(axis=0)) / total
    chosen: str = how
    if how == "auto":
        chosen = "fisher" if (expected < 5).any() else "pearson"
    if how == "yates" and seen.shape != (2, 2):
        chosen = "pearson"
    block = np.ascontiguousarray(seen[None])
    made = {"pearson": tests.pearson(block)}
    if chosen == "yates":
        made["yates"] = tests.pearson(block, correct=True)
    if chosen == "fisher":
        made["fisher"] = tests.fisher(block)
    if how == "auto" and made[chosen].status[0] == Status.NOT_CONVERGED:
        del made[chosen]
        chosen = "pearson"
    p = {name: float(test.p[0]) for name, test in made.items()}
    return CountTest(chosen, p[chosen], p, Status(int(made[chosen].status[0])))
