"""Who had several equally near controls is counted and told, and what other choices would have given."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.paper import tie_choices
from analysis.paper.workflow import analyse
from analysis.plan.analysis_plan import Plan
from analysis.plan.matching_plan import MatchingPlan
from analysis.propensity.matching import Basis, match
from analysis.propensity.tied import tied
from simulator.cohort.addresses import Address
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.terms import Variable
from simulator.numerics.arrays import Floats
from tests.reference import matching as slow
from tests.tied_files import made, one_covariate, rows, sorted_file


def _by_hand(plan: MatchingPlan, score: Floats, treated: np.ndarray, controls: np.ndarray, ties: Floats) -> int:
    """Treated with several equally near controls, the greedy turns being taken one by one."""
    free = [int(j) for j in np.flatnonzero(~treated)]
    several = set()
    for turn in range(plan.ratio):
        for unit in slow.queue(score, treated, plan.order, None, ties):
            got = int(controls[unit, turn])
            if got < 0:
                continue
            gaps = [abs(score[unit] - score[j]) for j in free if j not in controls[unit, :turn]]
            if sum(gap == abs(score[unit] - score[got]) for gap in gaps) > 1:
                several.add(unit)
            if not plan.replacement:
                free.remove(got)
    return len(several)


@pytest.mark.parametrize("order", ["largest", "smallest"])
@pytest.mark.parametrize("ratio", [1, 2])
@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("exact", [False, True])
def test_who_had_several_equally_near_controls_is_counted(order: Any, ratio: int, again: bool, exact: bool) -> None:
    """By both ways of counting: exact matching on a constant looks at all controls."""
    draw, counts = np.random.default_rng(3), []
    plan = MatchingPlan(order=order, ratio=ratio, replacement=again, exact=("x",) if exact else ())
    for trial in range(40):
        n = 40
        score, treated, ties = draw.normal(size=n).round(trial % 3), draw.random(n) < 0.35, draw.random(n)
        group = np.zeros((1, n), np.int64) if exact else None
        luck = draw.random((ratio, 1, n)) if again else None
        found = match(
            score[None],
            treated[None],
            order=order,
            ratio=ratio,
            replacement=again,
            ties=ties[None],
            luck=luck,
            group=group,
        )
        basis = Basis(None, group, None, ties[None], None, luck, None)
        count = tied(plan, score, treated, np.ones(n, np.bool_), found.width[0], found.controls[0], basis)
        assert count == _by_hand(plan, score, treated, found.controls[0], ties)
        counts.append(count)
    assert len(set(counts)) > 5


def test_the_other_choices_are_those_of_other_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tie_choices, "CHOICES", 12)
    lines = sorted_file()[::2]
    values = np.array(lines, dtype=float)
    for matching in ({}, {"ratio": 2}, {"replacement": True}, {"order": "random", "caliper": None}):
        plan = Plan.model_validate({"matching": matching})
        said = one_covariate(lines, matching)
        observed, ids = said.observed, [str(k) for k in range(len(values))]
        keep = np.arange(len(values))
        hrs = [
            analyse(observed, ids, plan, order=keep, address=Address(np.array([k]), 0)).endpoints["OS"].after.cox
            for k in range(1, 13)
        ]
        ties = said.matching.ties
        assert ties is not None
        spread = ties.hr["OS"]
        low, median, high = np.quantile([one.log_hr for one in hrs], [0.025, 0.5, 0.975])
        assert spread.n == 12
        assert np.log([spread.low, spread.median, spread.high]) == pytest.approx([low, median, high], abs=1e-9)
        assert spread.significant == np.mean([one.p < 0.05 for one in hrs])


@pytest.mark.parametrize(
    ("count", "plan", "number"),
    [
        (422, {}, 200),
        (5000, {}, 200),
        (10_000, {}, 100),
        (200_000, {}, 20),
        (2000, {"method": "optimal"}, 200),
        (4000, {"exact": ("x",)}, 50),
        (50_000, {"distance": "mahalanobis"}, 20),
    ],
)
def test_large_cohorts_have_fewer_choices(count: int, plan: dict[str, Any], number: int) -> None:
    assert tie_choices.how_many(count, MatchingPlan.model_validate(plan)) == number


def test_nothing_is_warned_of_where_ties_decide_nothing() -> None:
    draw = np.random.default_rng(2)
    n = 200
    x = draw.normal(size=n)
    treated = draw.random(n) < 1 / (1 + np.exp(0.8 - x))
    observed = Observed(
        (Variable("x", "continuous"),),
        x[None, :, None],
        treated[None],
        np.ones((1, n), np.bool_),
        {"OS": Endpoint(draw.exponential(size=(1, n)), np.ones((1, n), np.bool_))},
        {},
    )
    made = analyse(observed, [str(k) for k in range(n)], Plan())
    ties = made.matching.ties
    assert ties is not None
    spread, hr = ties.hr["OS"], made.endpoints["OS"].after.cox.hr
    assert (ties.tied, ties.warnings) == (0, ())
    assert [spread.low, spread.median, spread.high] == pytest.approx([hr] * 3, rel=1e-9)


def test_that_no_covariate_was_selected_is_said(tmp_path: Path) -> None:
    found = made(tmp_path, rows(), {"propensity": {"criterion": "p", "alpha": 1e-9}})
    assert found.matching.ties is not None
    assert "No covariate was selected" in found.matching.ties.warnings[0]
    by_distance = {"propensity": {"criterion": "p", "alpha": 1e-9}, "matching": {"distance": "mahalanobis"}}
    other = made(tmp_path, rows(), by_distance)
    assert other.matching.ties is not None
    assert not any("selected" in one for one in other.matching.ties.warnings)
