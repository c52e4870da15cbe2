"""Two-sample tests and tests of tables against frozen output of R."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from analysis.kernels.status import Status
from analysis.two_samples import tests as two_sample
from tests import oracle
from tests.agreement import gap
from tests.reference import two_samples

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


def test_mann_whitney_is_exact_where_r_is() -> None:
    """R's default about the size where it stops being exact; frozen by `tests/oracle/exact_ranks.R`."""
    compared = {True: 0, False: 0}
    for answer in json.loads((Path(__file__).parent / "oracle/exact_ranks.json").read_text("utf-8")):
        first, second = answer["first"], answer["second"]
        x = (np.arange(1, first + second + 1) * answer["step"] % 1009).astype(float)[None]
        group = np.arange(first + second)[None] >= first
        found = two_sample.mann_whitney(x, group)
        assert found.statistic[0] == answer["w"]
        assert gap(found.p[0], answer["p"]) < 1e-11, answer
        exact = max(first, second) < 50
        compared[exact] += 1
        twin = two_samples.mann_whitney(x[0, :first], x[0, first:])
        assert gap(found.p[0], twin[1]) < 1e-11, answer
    assert compared == {True: 60, False: 25}


def test_one_tie_or_a_fiftieth_patient_makes_the_test_normal() -> None:
    rng = np.random.default_rng(3)
    x, group = rng.normal(size=(1, 98)), np.arange(98)[None] >= 49
    tied = x.copy()
    tied[0, 1] = tied[0, 0]
    more, longer = np.append(x, 0.123)[None], np.arange(99)[None] >= 49
    a, b = x[0, :49], x[0, 49:]
    assert two_sample.mann_whitney(x, group).p[0] == pytest.approx(mannwhitneyu(b, a, method="exact").pvalue, rel=1e-11)
    for values, arms in ((tied, group), (more, longer)):
        a, b = values[~arms], values[arms]
        normal = mannwhitneyu(b, a, method="asymptotic").pvalue
        assert two_sample.mann_whitney(values, arms).p[0] == pytest.approx(normal, rel=1e-11)
    block = two_sample.mann_whitney(np.concatenate([x, tied]), np.concatenate([group, group]))
    assert block.p[0] != block.p[1]
    absent = np.ones((1, 98), bool)
    absent[0, 0] = False  # nothing tied among those present
    found = two_sample.mann_whitney(tied, group, present=absent)
    assert found.p[0] == pytest.approx(mannwhitneyu(tied[0, 49:], tied[0, 1:49], method="exact").pvalue, rel=1e-11)


def test_shapiro_agrees() -> None:
    """W, and p to its last digits: both programs follow Royston, with the normal quantiles of their own libraries."""
    for answer in SAMPLES:
        x, _ = sample(answer["case"])
        found = two_sample.shapiro(x)
        assert gap([found.statistic[0], found.p[0]], answer["shapiro"]) < 1e-11, answer["case"]


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
