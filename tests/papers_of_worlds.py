"""A synthetic paper: the numbers that one virtual cohort of a world would print."""

from collections.abc import Mapping
from math import isinf, isnan

import numpy as np

from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.numbers import BlockNumbers
from benchmarks.asked.published_keys import compared
from benchmarks.asked.sampled import one_sample
from benchmarks.asked.scenario import Scenario
from simulator.world.generate import ResolvedWorld, generate
from simulator.world.sections import Printed

SMALLEST_P = 0.001


def print_paper(
    scenario: Scenario, resolved: ResolvedWorld, template: Mapping[str, Printed], seed: int, replicate: int
) -> dict[str, Printed]:
    """The numbers of one replicate under the keys of a template, each with the decimals that it has there.

    A limit that is not reached is NA; what the cohort does not have (a factor that was screened out) is left out.
    """
    numbers = np.array([replicate], np.int64)
    cohorts = generate(resolved, seed, numbers)
    sample = one_sample(scenario, cohorts, seed)
    found = BlockNumbers(BlockAnalysis(sample))
    made = {}
    for key, one in compared(scenario.model_copy(update={"published": template})).items():
        value = float(found.of(key)[0])
        if not isnan(value):
            made[key] = Printed(printed=as_printed(key, value, one.printed), where=one.where)
    return made


def as_printed(key: str, value: float, like: str) -> str:
    """A number with the decimals of another; a p-value below 0.001 or above 0.999 as papers have it."""
    if isinf(value):
        return "NA"
    if key.endswith(".p"):
        if value < SMALLEST_P:
            return f"<{SMALLEST_P}"
        return ">0.999" if value > 1 - SMALLEST_P else f"{value:.3f}"
    plain = like.lstrip("<>≤≥ ")
    decimals = len(plain.partition(".")[2]) if plain != "NA" else 1
    return f"{value:.{2 if like[0] in '<>≤≥' else decimals}f}"
