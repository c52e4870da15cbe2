"""The numbers of a block are those of the analysis of each cohort; keys lead to one place or are refused."""

from functools import cache

import numpy as np
import pytest

from analysis.estimators import Sample
from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.number_keys import problem
from analysis.paper.numbers import BlockNumbers, number_in
from analysis.paper.workflow import analyse
from analysis.plan.analysis_plan import Plan
from benchmarks.asked.scenario import Scenario
from simulator.cohort.addresses import Address
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.documents.keys import Step, split_key
from simulator.documents.loading import load, parse
from simulator.world.generate import generate, resolve

WORLD = parse(load("hcc-lung-metastasis"), Scenario)
KEYS = [
    key for key, value in WORLD.published.items() if value.printed != "not_printed" and not key.startswith("world.")
]
MORE = [
    f"endpoints.OS.after.{key}"
    for key in ("km.control.percent", "follow_up.control.median", "follow_up.treated.events")
]
REPLICATES = np.arange(3)


PLANS: dict[str, dict] = {
    "pairs": {},
    "two controls": {"matching": {"ratio": 2}},
    "replacement": {"matching": {"replacement": True}},
    "weighted": {"primary": "weighting"},
    "stabilised and truncated": {
        "primary": "weighting",
        "weighting": {"target": "ate", "stabilised": True, "truncate": (0.02, 0.98), "trim": (0.05, 0.95)},
    },
    "stratified": {"primary": "stratification", "stratification": {"strata": 4}},
    "unadjusted": {"primary": "unadjusted"},
}


@cache
def numbers(plan: str = "pairs") -> BlockNumbers:
    """The numbers of a few cohorts of the published study's world."""
    cohorts = generate(resolve(WORLD), 77, REPLICATES)
    own = Plan.model_validate({**WORLD.analysis.model_dump(exclude_unset=True), **PLANS[plan]})
    return BlockNumbers(BlockAnalysis(Sample(cohorts.observed, own, REPLICATES, 77)))


@cache
def one_by_one(plan: str = "pairs") -> list[dict]:
    """The JSON of the analysis of each of them."""
    sample = numbers(plan).block.sample
    ids = [str(i) for i in range(WORLD.screened())]
    return [
        analyse(
            replicate(sample.observed, r),
            ids,
            sample.plan,
            order=np.arange(len(ids)),
            address=Address(np.array([r]), 77),
        ).to_json()
        for r in REPLICATES
    ]


def replicate(observed: Observed, r: int) -> Observed:
    """One cohort of a block."""
    own = slice(r, r + 1)
    return Observed(
        observed.variables,
        observed.covariates[own],
        observed.treated[own],
        observed.present[own],
        {
            name: Endpoint(
                course.time[own], course.event[own], None if course.competing is None else course.competing[own]
            )
            for name, course in observed.endpoints.items()
        },
        {name: who[own] for name, who in observed.binary.items()},
        {name: amount[own] for name, amount in observed.exposure.items()},
        {name: who[own] for name, who in observed.modes.items()},
    )


@pytest.mark.parametrize("plan", PLANS)
def test_every_published_number_of_a_block_is_that_of_the_analysis_of_each_cohort(plan):
    assert len(KEYS) > 600
    known = [key for key in [*KEYS, *MORE] if not problem(numbers(plan).keys, key)]
    assert set(KEYS) - set(known) <= {"matching.n_pairs", "matching.n_treated", "matching.n_control"}
    for key in known:
        alone = np.array([number_in(made, key) for made in one_by_one(plan)])
        found = numbers(plan).of(key)
        found = np.where(np.isinf(found), np.nan, found)
        np.testing.assert_allclose(found, alone, rtol=1e-6, atol=1e-9, err_msg=key)


@pytest.mark.parametrize("key", ["cohort.n", "endpoints.OS.before.cox.log_hr", "endpoints.OS.after.logrank.chi2"])
def test_numbers_differ_between_cohorts_or_are_fixed_by_design(key):
    found = numbers().of(key)
    assert (np.ptp(found) == 0) == (key == "cohort.n")


@pytest.mark.parametrize(
    "key",
    [
        "nothing.n",
        "table1.before.age.mean",
        "table1.before[weight].control.mean",
        "table1.before[age].control.mode",
        "table1.between[age].p",
        "endpoints.TTP.before.cox.hr",
        "endpoints.OS.before.univariable[age>51].hr",
        "endpoints.OS.before.cox.hr.more",
        "endpoints.OS.after.subgroups[all].interaction_p",
        "table1.before[sex].control.n",
        "endpoints.OS.after.univariable[weight].hr",
        "endpoints.OS.after.univariable.hr",
        "endpoints.OS.after.subgroups[weight=1].hr",
        "binary.CURE.before.p",
        "binary.ORR.before.control.no",
    ],
)
def test_an_unknown_number_is_refused_by_name(key):
    with pytest.raises(ValueError, match="'" + key.split("[")[0].replace(".", r"\.")):
        numbers().of(key)


def test_keys_are_split_at_dots_outside_brackets():
    assert split_key("a.b[size>2.5].c") == (Step("a"), Step("b", "size>2.5"), Step("c"))
    for text in ("", ".", "a.", "a..b", "a[", "a[b", "a[b]c", "a[]", "[b]"):
        with pytest.raises(ValueError, match="dotted path"):
            split_key(text)


def test_a_number_of_a_cohort_that_is_none_is_refused():
    analysis = one_by_one()[0]
    assert np.isnan(number_in({"a": None}, "a"))
    for key in ("cohort", "cohort.size", "endpoints.OS.before.cox.status", "table1.before[weight].p"):
        with pytest.raises(ValueError, match=key.split("[")[0]):
            number_in(analysis, key)
