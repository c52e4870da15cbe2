"""The analysis of a block is that of each of its cohorts."""

import gc
import json
import weakref
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from analysis.estimators import Sample
from analysis.kernels.status import Status
from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.cohort_analysis import CohortAnalysis
from analysis.paper.workflow import analyse
from analysis.plan.analysis_plan import Plan, cox_terms
from simulator.cohort.addresses import Address
from simulator.cohort.cohorts import Observed
from tests.simulated import paper_cohorts

COHORTS = 8
CANDIDATES = ["age", "sex", "ecog>=1", "etiology", "lesions", "size", "lung", "pvtt", "afp", "albi>=2", "child_pugh"]
PLANS: dict[str, dict[str, Any]] = {
    "default": {},
    "factors": {"cox": {"covariates": ["age", "ecog", "albi", "size>10", "pvtt"], "screening_p": 0.4}},
    "all enter": {"cox": {"screening_p": None}, "matching": {"scale": "ps", "caliper": 0.1}},
    "breslow": {
        "survival": {"ties": "breslow", "conf_type": "log-log", "level": 0.9},
        "cox": {"keep_treatment": True, "screening_p": 0.01},
        "subgroups": ["sex", "age>50", "albi"],
        "propensity": {"method": "all", "candidates": CANDIDATES},
    },
    "two controls": {"matching": {"ratio": 2}, "cox": {"covariates": ["age", "ecog", "albi"], "screening_p": 0.4}},
    "replacement": {
        "matching": {"ratio": 2, "replacement": True},
        "survival": {"ties": "breslow", "conf_type": "plain"},
    },
}


def _one(observed: Observed, r: int) -> Observed:
    return replace(
        observed,
        covariates=observed.covariates[r : r + 1],
        treated=observed.treated[r : r + 1],
        present=observed.present[r : r + 1],
        endpoints={
            n: replace(e, time=e.time[r : r + 1], event=e.event[r : r + 1]) for n, e in observed.endpoints.items()
        },
        binary={n: b[r : r + 1] for n, b in observed.binary.items()},
    )


@cache
def _both(name: str) -> tuple[BlockAnalysis, tuple[CohortAnalysis, ...]]:
    observed = paper_cohorts(COHORTS).observed
    rounded = {
        n: replace(e, time=np.ceil(e.time * 2) / 2 if n == "PFS" else e.time) for n, e in observed.endpoints.items()
    }
    observed = replace(observed, endpoints=rounded)
    asked = PLANS[name] if name == "default" else {"propensity": {"candidates": CANDIDATES}, **PLANS[name]}
    plan = Plan.model_validate_json(json.dumps(asked))
    ids = [str(i) for i in range(observed.treated.shape[1])]
    block = BlockAnalysis(Sample(observed, plan, np.arange(COHORTS)))
    return block, tuple(
        analyse(_one(observed, r), ids, plan, order=np.arange(len(ids)), address=Address(np.array([r]), 0))
        for r in range(COHORTS)
    )


def _same(value: float, expected: float, tolerance: float = 1e-9) -> bool:
    if not np.isfinite(expected):
        return bool(np.isnan(value) == np.isnan(expected) and (np.isnan(value) or value == expected))
    return abs(value - expected) <= tolerance * max(1.0, abs(expected))


@pytest.mark.parametrize("name", PLANS)
def test_before_and_after_matching(name: str) -> None:
    block, ones = _both(name)
    for endpoint, found in block.comparisons.items():
        for r, one in enumerate(ones):
            result = one.endpoints[endpoint]
            for place, part in enumerate((result.before, result.after)):
                row = 2 * r + place
                assert _same(found.chi2[row], part.logrank.chi2)
                assert _same(found.log_hr[row], part.cox.log_hr)
                assert _same(found.se[row], part.cox.se)
                for a, arm in enumerate((part.km.control, part.km.treated)):
                    assert (found.n[row, a], found.events[row, a]) == (arm.n, arm.events)
                    assert _same(found.median[row, a], arm.median)
                    assert _same(found.low[row, a], arm.low)
                    assert _same(found.high[row, a], arm.high)


@pytest.mark.parametrize("name", PLANS)
def test_cox_models(name: str) -> None:
    block, ones = _both(name)
    entered = 0
    for endpoint, found in block.cox_models.items():
        for r, one in enumerate(ones):
            single, several = one.endpoints[endpoint].after.univariable, one.endpoints[endpoint].after.multivariable
            terms = list(dict.fromkeys(row.term for row in single))
            for row in single:
                assert _same(found.p_term[r, terms.index(row.term)], row.p_term, 1e-8)
            inside = [row for row in several if row.status not in (Status.NO_INFO, Status.SINGULAR)]
            mine = np.flatnonzero(found.entered[r])
            assert np.isnan(found.multivariable.beta[r, ~found.entered[r]]).all()
            if not block.sample.matched[r].any():
                assert len(mine) == 0
                continue
            entered += len(mine)
            for k, row in zip(mine, inside, strict=True):
                assert found.multivariable.status[r] == row.status
                assert _same(found.multivariable.beta[r, k], row.log_hr, 1e-8)
                assert _same(found.multivariable.se[r, k], row.se, 1e-8)
    assert entered > COHORTS
    assert len(cox_terms(block.sample.plan, block.sample.observed.variable)) + 1 == found.p_term.shape[1]


@pytest.mark.parametrize("name", PLANS)
def test_subgroups(name: str) -> None:
    block, ones = _both(name)
    sizes = block.subgroup_sets.shape[1]
    failed = 0
    for endpoint, found in block.subgroups.items():
        for r, one in enumerate(ones):
            rows = one.endpoints[endpoint].after.subgroups
            assert len(rows) == sizes
            for s, row in enumerate(rows):
                k = r * sizes + s
                assert (found.n[k].sum(), found.events[k].sum()) == (row.n, row.events)
                assert _same(found.log_hr[k], row.log_hr)
                assert _same(found.p[k], row.p_logrank)
                assert found.cox_status[k] == row.status
                failed += row.status != Status.OK
    assert failed > 0 or name in ("breslow", "replacement")


def test_a_block_is_gone_when_nobody_holds_it() -> None:
    """Without garbage collection, which may wait for long: a block has megabytes."""
    block = BlockAnalysis(
        Sample(
            paper_cohorts(3).observed,
            Plan.model_validate_json(json.dumps({"propensity": {"candidates": CANDIDATES}})),
            np.arange(3),
        )
    )
    held = weakref.ref(block)
    gc.disable()
    try:
        found = [dict(block.comparisons), dict(block.cox_models), dict(block.subgroups)]
        again = block.comparisons
        assert all(again[name] is found[0][name] for name in found[0])
        del block, again
        assert held() is None
    finally:
        gc.enable()
