"""The slow twins of treatment models, matching and simple tests agree with R; and each comparison can fail."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests import oracle
from tests.agreement import STEP_CALLS, gap, logistic_gap, matched_sets
from tests.reference import logistic, matching, two_samples


def logistic_twin_gap(fit: logistic.Fit, answer: oracle.Frozen) -> float:
    """The gap of the twin to R."""
    return logistic_gap(fit.beta, fit.covariance, fit.loglik, answer)


MODELS = [
    (case, fits, steps)
    for case, fits, steps in zip(
        oracle.treatment_cases(), oracle.frozen("logistic"), oracle.frozen("step"), strict=True
    )
    if case.exists == "finite"
]


def select(case: oracle.Treatment, call: str) -> logistic.Selection:
    """The twin's answer to one of the frozen calls of step()."""
    direction: Any
    start: Any
    direction, start, criterion = call.split("_")
    penalty = 2.0 if criterion == "aic" else float(np.log(len(case.y)))
    return logistic.select(case.x, case.y, case.term_of, direction, penalty, start)


def test_logistic_twin_agrees_with_r_and_notices_lost_weights() -> None:
    for case, answer, _ in MODELS:
        assert logistic_twin_gap(logistic.fit(case.x, case.y), answer["plain"]) < 1e-10, case.label
        assert logistic_twin_gap(logistic.fit(case.x, case.y, case.weight), answer["weighted"]) < 1e-10, case.label
        assert logistic_twin_gap(logistic.fit(case.x, case.y), answer["weighted"]) > 1e-8, case.label


@pytest.mark.parametrize(
    ("first", "every"),
    [(0, 16), pytest.param(8, 16, marks=pytest.mark.slow), pytest.param(4, 8, marks=pytest.mark.slow)],
)
def test_stepwise_twin_selects_as_r(first: int, every: int) -> None:
    for case, _, answer in MODELS[first::every]:
        for call in STEP_CALLS:
            mine = select(case, call)
            assert np.array_equal(mine.selected, oracle.vector(answer[call]["selected"]) == 1), (case.label, call)
            assert gap(mine.criterion, answer[call]["aic"]) < 1e-10


def test_stepwise_twin_selects_as_r_among_aliased_terms() -> None:
    """A constant, a copy of another term, a factor with an absent level."""
    aliased = [
        (case, answer)
        for case, answer in zip(oracle.treatment_cases(), oracle.frozen("step"), strict=True)
        if case.exists == "flat" and len(case.y) < 150
    ]
    assert len(aliased) > 10
    for case, answer in aliased:
        for call in ("both_full_aic", "both_empty_aic"):
            assert np.array_equal(select(case, call).selected, oracle.vector(answer[call]["selected"]) == 1), case.label


def test_selection_comparison_notices() -> None:
    """Other criteria and directions give other models often enough for a mix-up to be seen."""

    def share(wrong: str, right: str) -> float:
        return float(np.mean([s[wrong]["selected"] != s[right]["selected"] for _, _, s in MODELS]))

    assert share("both_full_bic", "both_full_aic") > 0.3
    assert share("forward_empty_aic", "backward_full_aic") > 0.01


MATCHING = list(zip(oracle.records("matching_cases"), oracle.frozen("matching"), strict=True))


def differ(change: Callable[[dict[str, Any]], dict[str, Any]] = lambda options: options) -> float:
    """The share of cases in which the twin's matching, its options changed, is not R's."""
    found = []
    for about, answer in MATCHING:
        d = oracle.groups("matching")[about.case]
        score, treated = d["score"].to_numpy(), d["treated"].to_numpy() == 1
        options = change(
            {"caliper": about.caliper or None, "unit": about.unit, "order": about.order}
            | {"ratio": about.ratio, "replacement": about.replacement}
        )
        width = matching.caliper_width(score, options.pop("caliper"), options.pop("unit"))
        chosen = matching.controls(score, treated, width, **options)
        mine = {unit: sorted(own) if about.replacement else own for unit, own in chosen.items()}
        far = gap(matching.weights(chosen, len(d)), answer.get("weight", np.zeros(len(d))))
        found.append(mine != matched_sets(answer, treated, about.replacement) or far > 1e-12)
    return float(np.mean(found))


def test_matching_twin_pairs_as_r() -> None:
    assert differ() == 0


@pytest.mark.parametrize(
    ("changed", "share"),
    [
        ({"unit": "raw"}, 0.1),
        ({"order": "smallest"}, 0.2),
        ({"replacement": True}, 0.2),
        ({"caliper": 0.21}, 0.4),
        ({"ratio": 1}, 0.2),
    ],
)
def test_matching_comparison_notices(changed: dict[str, Any], share: float) -> None:
    assert differ(lambda options: options | changed) > share


# ---- two samples and tables


def test_two_sample_twins_agree_with_r_and_notice_each_other() -> None:
    pooled, wrong_p = [], []
    for answer in oracle.frozen("samples"):
        d = oracle.groups("samples")[answer["case"]]
        a, b = (d["value_16"][d["group"] == g].to_numpy(dtype=np.float64) / 16 for g in (0, 1))
        if np.isnan(oracle.vector(answer["welch"])).any():
            continue
        assert gap(two_samples.welch(a, b), answer["welch"], 1e-6) < 1e-10
        assert gap(two_samples.student(a, b), answer["student"], 1e-6) < 1e-10
        assert gap(two_samples.mann_whitney(a, b), answer["mann_whitney"]) < 1e-10
        pooled.append(gap(two_samples.student(a, b), answer["welch"], 1e-6) > 1e-8)
        wrong_p.append(answer["mann_whitney"][1] != answer["welch"][1])
    assert len(pooled) > 280
    assert np.mean(pooled) > 0.95
    assert np.mean(wrong_p) > 0.95


def test_table_twins_agree_with_r_and_notice_each_other() -> None:
    corrected, exact = [], []
    for answer, row in zip(oracle.frozen("counts"), oracle.records("counts"), strict=True):
        counts = np.array([[getattr(row, f"{r}{k}") for k in range(row.levels)] for r in "ab"])
        assert gap(two_samples.pearson(counts), answer["pearson"], 1e-6) < 1e-10
        assert gap(two_samples.pearson(counts, True), answer["yates"], 1e-6) < 1e-10
        if counts.sum() < 60:
            exact.append(gap(two_samples.fisher(counts), answer["fisher"]))
        if row.levels == 2:
            corrected.append(gap(two_samples.pearson(counts, True), answer["pearson"]) > 1e-8)
    assert len(exact) > 150
    assert max(exact) < 1e-8
    assert np.mean(corrected) > 0.95
