"""What one block's analysis takes over from another's is what it would have worked out itself."""

import numpy as np
import pytest

from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.number_keys import TIME, keys_of
from analysis.paper.numbers import BlockNumbers
from analysis.paper.taken_over import BASELINE, part_of, same_parts
from benchmarks.asked.sampled import one_sample
from benchmarks.asked.scenario import Scenario
from benchmarks.twin.targets import PublishedTarget, TargetModel
from simulator.documents.loading import Document, load
from simulator.world.generate import generate, resolve
from tests.small_papers import write_small

EXPOSURE, RESPONSE, COURSES = ("exposure", "cycles"), ("binary", "ORR"), {("endpoints", "OS"), ("endpoints", "PFS")}
ALL = {BASELINE, EXPOSURE, RESPONSE, *COURSES, ("modes", "")}
MOVED = {
    "treatment.log_odds.stage=0.7": (0.7, set()),
    "population.covariates.age.mean": (61.0, set()),
    "followup.dropout.control.rate": (0.02, ALL - COURSES),
    "outcomes.death.baseline.rate": (0.03, None),
    "outcomes.death_after_progression.baseline.rate": (0.09, None),
    "outcomes.exposure.cycles.arms.control.median": (7.0, ALL - {EXPOSURE}),
    "outcomes.response.shares.control.0": (0.5, ALL - {RESPONSE}),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Document:
    return load(str(write_small(tmp_path_factory.mktemp("worlds"))), spec=Scenario)


def model_of(document: Document, place: str, **plan: object) -> TargetModel:
    """The model of one free parameter, its targets being all numbers that the analysis has."""
    analysis = {**document.tree["analysis"], **plan}
    tree = {**document.tree, "analysis": analysis}
    scenario = Scenario.model_validate(tree)
    sample = one_sample(scenario, generate(resolve(scenario), 1, np.arange(2)), 1)
    keys = [key.replace(f"[{TIME}]", "[12]") for key, _ in keys_of(BlockNumbers(BlockAnalysis(sample)).keys)]
    assert len(keys) > 300
    targets = tuple(PublishedTarget(key, "1", 0.5, 1.5, "plain", False) for key in keys)
    return TargetModel(tree, 1, ((tuple(place.partition("=")[0].split(".")),),), targets)


@pytest.mark.parametrize("place", list(MOVED))
def test_all_numbers_are_the_same_bits_whatever_is_taken_over(small: Document, place: str) -> None:
    value, same = MOVED[place]
    model = model_of(small, place)
    stated = small.tree
    for key in model.paths[0][0]:
        stated = stated[int(key)] if isinstance(stated, tuple) else stated[key]
    base = model.simulated(np.array([float(stated)]), 5, keep=True)
    assert len(base.blocks) == 1
    moved = np.array([value])
    alone, beside = model.numbers(moved, 5), model.simulated(moved, 5, base).numbers
    np.testing.assert_array_equal(alone, beside)
    changed = {part_of(t.key) for t, a, b in zip(model.targets, alone, base.numbers, strict=True) if not _equal(a, b)}
    assert changed
    if same is not None:
        assert changed <= ALL - same


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.array_equal(one, other, equal_nan=True))


@pytest.mark.parametrize("primary", ["weighting", "stratification", "adjustment"])
def test_so_they_are_after_other_adjustments(small: Document, primary: str) -> None:
    model = model_of(small, "followup.dropout.control.rate", primary=primary)
    base = model.simulated(np.array([0.01]), 5, keep=True)
    moved = np.array([0.02])
    np.testing.assert_array_equal(model.numbers(moved, 5), model.simulated(moved, 5, base).numbers)


def test_the_parts_that_are_the_same(small: Document) -> None:
    def sample(place: str, value: float):
        model = model_of(small, place)
        scenario = Scenario.model_validate(model.tree_with(np.array([value])))
        return one_sample(scenario, generate(resolve(scenario), 1, np.arange(3)), 1)

    stated = sample("followup.dropout.control.rate", 0.01)
    for place, (value, same) in MOVED.items():
        if same is not None:
            assert same_parts(stated, sample(place, value)) == same, place
    other = stated.under(stated.plan.model_copy(update={"primary": "unadjusted"}))
    assert same_parts(stated, other) == set()
