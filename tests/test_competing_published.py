"""Numbers that papers print where other events compete: of a block as of one cohort, by slow twins, scored, audited."""

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.number_keys import TIME, keys_of
from analysis.paper.number_tree import COMPETING
from analysis.paper.numbers import BlockNumbers, number_in
from analysis.paper.workflow import analyse
from benchmarks.asked.load_study import load_study
from benchmarks.asked.published_keys import number_keys
from benchmarks.asked.sampled import one_sample
from benchmarks.asked.scenario import Scenario
from simulator.cohort.addresses import Address
from simulator.world.generate import generate, resolve
from tests.small_papers import write_competing
from tests.test_numbers import replicate

REPLICATES = np.arange(2)
TIMES = (6.0, 12.0, 30.0)
SEED = 5
PRIMARY: dict[str, tuple[str, ...]] = {
    "pairs": (),
    "1:2": ("analysis.matching.ratio=2", "analysis.matching.caliper=1"),
    "replacement": ("analysis.matching.replacement=true",),
    "weighting": ("analysis.primary=weighting",),
    "adjustment": ("analysis.primary=adjustment",),
    "unadjusted": ("analysis.primary=unadjusted",),
}


@cache
def made(*settings: str) -> tuple[Scenario, BlockNumbers]:
    """The small world, and the numbers of two of its cohorts."""
    at = f"analysis.survival.times={list(TIMES)}"
    with tempfile.TemporaryDirectory() as folder:
        scenario = load_study(str(write_competing(Path(folder))), (at, *settings)).scenario
    sample = one_sample(scenario, generate(resolve(scenario), SEED, REPLICATES), SEED)
    return scenario, BlockNumbers(BlockAnalysis(sample))


def of_rivals(scenario: Scenario, every: bool = False) -> list[str]:
    """The keys of an endpoint with competing states, at the times; those that are so on its account, unless every."""
    keys = [key for key, _ in keys_of(number_keys(scenario)) if key.startswith("endpoints.MACE.")]
    some = [key for key in keys if every or key.split(".")[3].split("[")[0] in COMPETING]
    return [key.replace(TIME, f"{at:g}") for key in some for at in (TIMES if TIME in key else TIMES[:1])]


@pytest.mark.parametrize("primary", PRIMARY)
def test_every_number_of_a_block_is_that_of_the_analysis_of_each_cohort(primary: str) -> None:
    scenario, block = made(*PRIMARY[primary])
    keys = [key for key in of_rivals(scenario, every=True) if "time_lost" not in key or f"[{TIMES[-1]:g}]" in key]
    assert len([key for key in keys if key.split(".")[3].split("[")[0] in COMPETING]) > 100
    names = [str(k) for k in range(scenario.screened())]
    order = np.arange(len(names))
    alone = [
        analyse(
            replicate(block.block.sample.observed, r), names, scenario.analysis, order=order,
            address=Address(np.array([r]), SEED),
        ).to_json()
        for r in REPLICATES
    ]  # fmt: skip
    for key in keys:
        found = block.of(key)
        wanted = np.array([number_in(one, key) for one in alone])
        np.testing.assert_allclose(np.where(np.isinf(found), np.nan, found), wanted, rtol=1e-9, atol=1e-9, err_msg=key)
        assert np.isfinite(found).any() or "follow_up" in key, key
