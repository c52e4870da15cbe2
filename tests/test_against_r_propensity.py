"""Logistic models, stepwise selection and greedy matching against frozen output of R's glm, step and MatchIt."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from analysis.kernels.status import Status
from analysis.propensity.logistic_models import StepwiseFit, logistic, stepwise
from analysis.propensity.matching import match
from tests import oracle
from tests.agreement import STEP_CALLS, gap, logistic_gap, matched_sets
from tests.reference import recession

AGREEMENT = 1e-8
MODELS = list(
    zip(oracle.treatment_cases(), oracle.frozen("logistic"), oracle.frozen("step"), strict=True),
)
SOUND = [(case, answers) for case, _, answers in MODELS if "flat" not in case.exists]
ALIASED = [(case, answers) for case, _, answers in MODELS if case.exists == "flat"]
FAILURES = {
    "monotone": {Status.PS_SEPARATED},
    "flat": {Status.SINGULAR},
    "monotone and flat": {Status.PS_SEPARATED, Status.SINGULAR},
}
MATCHING = list(zip(oracle.records("matching_cases"), oracle.frozen("matching"), strict=True))


def test_logistic_agrees_or_says_that_treatment_is_separated() -> None:
    statuses: Counter[str] = Counter()
    for case, answer, _ in MODELS:
        for kind, weight in (("plain", None), ("weighted", case.weight[None])):
            found = logistic(case.x[None], case.y[None], weight=weight)
            statuses[Status(found.status[0]).name] += 1
            if case.exists == "finite":
                assert found.status[0] == Status.OK, case.label
                own = (found.beta[0], found.covariance[0], found.loglik[0])
                assert logistic_gap(*own, answer[kind]) < AGREEMENT, case.label
                linear = found.beta[0, 0] + case.x @ found.beta[0, 1:]
                assert gap(found.linear[0], linear, 1.0) < 1e-12
                assert gap(found.fitted[0], 1 / (1 + np.exp(-linear))) < 1e-11
            elif case.exists == "monotone" and found.status[0] == Status.OK:
                fitted, loglik, moves = recession.logistic(case.x, case.y)
                assert np.array_equal(found.aside[0], (fitted == 0) | (fitted == 1)), case.label
                signs = [{"stays": 0, "up": 1, "down": -1, "either": 0}[move] for move in moves]
                assert np.isnan(found.beta[0]).tolist() == [move != "stays" for move in moves], case.label
                assert found.sign[0].tolist() == signs, case.label
                if weight is None:
                    assert gap(found.fitted[0], fitted) < AGREEMENT, case.label
                    assert abs(found.loglik[0] - loglik) < AGREEMENT, case.label
                statuses["limit"] += 1
            else:
                assert found.status[0] in FAILURES[case.exists], case.label
                assert np.isnan(found.beta).all()
    assert statuses["OK"] > 500
    assert statuses["limit"] > 20
    assert statuses["PS_SEPARATED"] > 20
    assert statuses["SINGULAR"] > 50


def selection(case: oracle.Treatment, call: str) -> StepwiseFit:
    """The answer to one of the frozen calls of step()."""
    direction, start, criterion = call.split("_")
    return stepwise(
        case.x[None],
        case.y[None],
        case.term_of,
        direction=direction,  # type: ignore[arg-type]
        start=start,  # type: ignore[arg-type]
        criterion=criterion,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("call", STEP_CALLS)
def test_step_selects_the_same_terms(call: str) -> None:
    compared = 0
    for case, answers in SOUND:
        answer = answers[call]
        if answer["said"]:
            continue  # R met fitted probabilities of 0 or 1 on its way
        found = selection(case, call)
        assert found.status[0] == Status.OK, case.label
        assert np.array_equal(found.selected[0], oracle.vector(answer["selected"]) == 1), case.label
        assert gap(found.aic[0], answer["aic"]) < AGREEMENT, case.label
        scale = np.maximum(np.abs(oracle.vector(answer["beta"])), 0.01)
        assert gap(found.beta[0], oracle.vector(answer["beta"]), scale) < AGREEMENT, case.label
        assert (found.beta[0, 1:] == 0).tolist() == (~found.selected[0][list(case.term_of)]).tolist()
        compared += 1
    assert compared > 250


@pytest.mark.parametrize("call", STEP_CALLS)
def test_where_r_met_separation_on_its_way_the_answer_is_the_same_or_none(call: str) -> None:
    """A separated model has a log-likelihood, the limit: R, which stops on its way there, finds nothing better."""
    for case, answers in SOUND:
        if answers[call]["said"]:
            found = selection(case, call)
            same = np.array_equal(found.selected[0], oracle.vector(answers[call]["selected"]) == 1)
            better = found.aic[0] <= answers[call]["aic"] + 1e-6
            assert found.status[0] in (Status.PS_SEPARATED, Status.NOT_CONVERGED) or same or better, case.label


@pytest.mark.parametrize("call", STEP_CALLS)
def test_aliased_terms_give_the_same_selection_or_none(call: str) -> None:
    """A constant, a copy of another term, a factor with an absent level: R's selection, or none if one is separated."""
    assert len(ALIASED) > 50
    none = 0
    for case, answers in ALIASED:
        found = selection(case, call)
        if found.status[0] != Status.OK:
            none += 1
            continue
        assert np.array_equal(found.selected[0], oracle.vector(answers[call]["selected"]) == 1), case.label
        linear = found.beta[0, 0] + case.x @ found.beta[0, 1:]
        assert gap(found.linear[0], linear, 1.0) < 1e-9, case.label
        assert gap(found.aic[0], answers[call]["aic"]) < 1e-6, case.label
    assert none < len(ALIASED) / 10


def test_the_wrong_criterion_or_direction_is_noticed() -> None:
    def share(asked: str, compared: str) -> float:
        pairs = [
            (selection(c, asked).selected[0], s[compared]["selected"]) for c, s in SOUND if not s[compared]["said"]
        ]
        return float(np.mean([not np.array_equal(mine, oracle.vector(r) == 1) for mine, r in pairs]))

    assert share("both_full_bic", "both_full_aic") > 0.3
    assert share("forward_empty_aic", "backward_full_aic") > 0.01


def test_equal_rows_have_scores_of_equal_bits() -> None:
    """One unit in the last place between equal patients would change the pairs."""
    twins = 0
    for case, _, _ in MODELS:
        found = selection(case, "both_full_aic")
        if found.status[0] != Status.OK:
            continue
        columns = case.x[:, found.selected[0][list(case.term_of)]]
        _, pattern = np.unique(columns, axis=0, return_inverse=True)
        first = np.unique(pattern, return_index=True)[1]
        twins += len(pattern) - len(first)
        assert np.array_equal(found.linear[0], found.linear[0][first][pattern]), case.label
    assert twins > 5000


def differ(changed: dict[str, object], sample: int = 1) -> list[int]:
    """The cases in which sets, weights or width, with options changed, are not MatchIt's."""
    far = []
    for about, answer in MATCHING[::sample]:
        d = oracle.groups("matching")[about.case]
        score, treated = d["score"].to_numpy(), d["treated"].to_numpy() == 1
        options: dict[str, Any] = {
            "caliper": about.caliper or None,
            "unit": about.unit,
            "order": about.order,
            "ratio": about.ratio,
        }
        options |= {"replacement": about.replacement} | changed
        found = match(score[None], treated[None], **options)
        mine = {int(i): [int(j) for j in found.controls[0, i] if j >= 0] for i in np.flatnonzero(treated)}
        mine = {i: sorted(own) if about.replacement else own for i, own in mine.items()}
        same = mine == matched_sets(answer, treated, about.replacement)
        if "controls" in answer:
            same &= gap(found.weight[0], answer["weight"]) < 1e-12 and gap(found.width[0], answer["width"]) < 1e-12
            same &= found.status[0] == Status.OK
        else:
            same &= found.status[0] == Status.NO_PAIRS
        if not same:
            far.append(about.case)
    return far


def test_every_pair_is_matchits() -> None:
    assert differ({}) == []


@pytest.mark.parametrize(
    ("changed", "share"),
    [
        ({"unit": "raw"}, 0.1),
        ({"order": "smallest"}, 0.2),
        ({"order": "closest"}, 0.2),
        ({"replacement": True}, 0.2),
        ({"caliper": 0.21}, 0.4),
        ({"ratio": 1}, 0.2),
    ],
)
def test_another_matching_is_noticed(changed: dict[str, object], share: float) -> None:
    if changed == {"order": "closest"}:
        changed = {"order": "closest", "ratio": 1, "replacement": False}
    assert len(differ(changed, sample=4)) / (len(MATCHING) / 4) > share
