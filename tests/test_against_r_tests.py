"""Two-sample tests and tests of tables against frozen output of R."""

import numpy as np
import pytest

from analysis import tests as two_sample
from analysis.kernels.status import Status
from tests import oracle
from tests.agreement import gap

AGREEMENT = 1e-8
SAMPLES = oracle.frozen("samples")
COUNTS = list(zip(oracle.frozen("counts"), oracle.records("counts"), strict=True))


def sample(case: int) -> tuple[oracle.Floats, oracle.Bools]:
    """The values and groups of a case, as a block of one."""
    d = oracle.groups("samples")[case]
    return d["value_16"].to_numpy(dtype=np.float64)[None] / 16, (d["group"] == 1).to_numpy()[None]


@pytest.mark.parametrize("name", ["welch", "student", "mann_whitney"])
def test_two_sample_tests_agree(name: str) -> None:
    compared = 0
    for answer in SAMPLES:
        x, group = sample(answer["case"])
        found = getattr(two_sample, name)(x, group)
        if np.isnan(oracle.vector(answer[name])).any():
            assert found.status[0] != Status.OK, answer["case"]
            assert np.isnan(found.p[0])
        else:
            assert gap([found.statistic[0], found.p[0]], answer[name], [1e-6, 0.0]) < AGREEMENT, answer["case"]
            compared += 1
    assert compared > 280


def test_shapiro_agrees() -> None:
    """The two implementations of Royston's approximation differ in rounding only."""
    for answer in SAMPLES:
        x, _ = sample(answer["case"])
        found = two_sample.shapiro(x)
        assert gap([found.statistic[0], found.p[0]], answer["shapiro"]) < 1e-6, answer["case"]


def test_pooled_for_welch_is_noticed() -> None:
    p = [(two_sample.student(*sample(a["case"])).p[0], a["welch"][1]) for a in SAMPLES]
    assert np.mean([not gap(mine, theirs) < AGREEMENT for mine, theirs in p]) > 0.95


def counts_of(row: object) -> np.ndarray:
    """The table of a case, as a block of one."""
    return np.array([[[getattr(row, f"{r}{k}") for k in range(row.levels)] for r in "ab"]])  # type: ignore[attr-defined]


def test_tests_of_tables_agree() -> None:
    for answer, row in COUNTS:
        counts = counts_of(row)
        for correct, name in ((False, "pearson"), (True, "yates")):
            found = two_sample.pearson(counts, correct=correct)
            assert gap([found.statistic[0], found.p[0]], answer[name], [1e-6, 0.0]) < AGREEMENT, answer["case"]
        exact = two_sample.fisher(counts)
        assert exact.status[0] == Status.OK, answer["case"]
        assert gap(exact.p[0], answer["fisher"]) < AGREEMENT, answer["case"]


def test_yates_for_pearson_and_pearson_for_fisher_are_noticed() -> None:
    square = [(a, counts_of(row)) for a, row in COUNTS if row.levels == 2]
    assert len(square) > 250
    yates = [gap(two_sample.pearson(c, correct=True).p[0], a["pearson"][1]) > AGREEMENT for a, c in square]
    pearson = [gap(two_sample.pearson(c).p[0], a["fisher"]) > AGREEMENT for a, c in square]
    assert np.mean(yates) > 0.95
    assert np.mean(pearson) > 0.95
