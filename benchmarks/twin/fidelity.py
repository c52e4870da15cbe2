"""The scorecard of a twin: every published number against the same number of every simulated replicate.

A printed number stands for all values that round to it. It is inside where one of them lies in the central 95 % of the
replicates, whose numbers come from the same analysis. Numbers that a replicate does not have (a factor that did not
enter the multivariable model) are left out of its interval, and their share is told.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.audit.published import NOT_PRINTED, parse_printed
from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.numbers import BlockNumbers
from benchmarks.asked.blocks import workflow_block
from benchmarks.asked.published_keys import compared, stated
from benchmarks.asked.sampled import one_sample
from benchmarks.asked.scenario import Scenario
from benchmarks.twin.targets import without_sign
from benchmarks.workers.executors import in_threads
from simulator.numerics.arrays import Floats
from simulator.world.generate import ResolvedWorld, generate, resolve
from simulator.world.sections import Printed

CENTRAL = (0.025, 0.5, 0.975)


@dataclass(frozen=True)
class Score:
    """A published number and the replicates' median and central 95 %.

    ``percentile``: replicates below it, those that round to it counted half, in percent; ``absent``: replicates without
    it, in percent; ``doubts``: what the audit says against the number.
    """

    key: str
    printed: str
    where: str
    median: float
    low: float
    high: float
    percentile: float
    inside: bool
    absent: float
    doubts: tuple[str, ...]


@dataclass(frozen=True)
class Total:
    """How many of the numbers of a place in the paper are inside, the doubtful ones left out."""

    where: str
    numbers: int
    inside: int
    doubtful: int


@dataclass(frozen=True)
class Fidelity:
    """The scores of all published numbers, their totals by place, and who was not included by which criterion.

    ``left_out`` are the numbers that no replicate has: marked for the audit alone, or of the world that this one
    changes.
    """

    replicates: int
    seed: int
    scores: tuple[Score, ...]
    totals: tuple[Total, ...]
    flow: tuple[tuple[str, float], ...]
    left_out: tuple[str, ...]


def replicate_numbers(
    scenario: Scenario,
    resolved: ResolvedWorld,
    keys: Sequence[str],
    replicates: int,
    seed: int,
    jobs: int,
    done: Callable[[int, int], None],
) -> tuple[dict[str, Floats], Floats]:
    """The numbers of the first replicates ``(replicates,)`` by key, and patients by the criterion that they failed.

    The second array ``(criteria + 2,)`` holds means over replicates: who failed the first criterion, ..., who qualified
    but was not needed, who was included.
    """
    size, unsigned = workflow_block(scenario), without_sign(scenario.published)
    parts = [np.arange(first, min(first + size, replicates), dtype=np.int64) for first in range(0, replicates, size)]

    def one(numbers: np.ndarray[Any, np.dtype[np.int64]]) -> tuple[list[Floats], Floats]:
        cohorts = generate(resolved, seed, numbers)
        sample = one_sample(scenario, cohorts, seed)
        found = BlockNumbers(BlockAnalysis(sample))
        excluded, present = cohorts.hidden.excluded, cohorts.observed.present
        criteria = len(cohorts.hidden.criteria)
        flow = np.bincount(np.where(present, criteria + 1, excluded).ravel(), minlength=criteria + 2)
        own = [np.abs(found.of(key)) if key in unsigned else found.of(key) for key in keys]
        return own, flow.astype(np.float64)

    made = list(in_threads(one, parts, jobs, lambda count: done(count, len(parts))))
    numbers = {key: np.concatenate([part[k] for part, _ in made]) for k, key in enumerate(keys)}
    return numbers, np.sum([flow for _, flow in made], axis=0) / replicates


def score(key: str, one: Printed, numbers: Floats, doubts: tuple[str, ...] = ()) -> Score:
    """The score of one published number against its values in the replicates ``(R,)``."""
    had = numbers[~np.isnan(numbers)]
    absent = 100 * (1 - len(had) / len(numbers))
    if not len(had):
        nan = float("nan")
        return Score(key, one.printed, one.where, nan, nan, nan, nan, False, absent, doubts)
    ordered = np.sort(had)
    low, median, high = (float(ordered[round(q * (len(ordered) - 1))]) for q in CENTRAL)
    stands = parse_printed(one.printed, key)
    below, upto = np.searchsorted(ordered, [stands.low, stands.high], side="left")
    percentile = 100 * float(below + upto) / 2 / len(ordered)
    inside = stands.low <= high and stands.high >= low
    return Score(key, one.printed, one.where, median, low, high, percentile, inside, absent, doubts)


def fidelity(
    scenario: Scenario,
    replicates: int,
    seed: int,
    jobs: int,
    done: Callable[[int, int], None],
    doubts: Mapping[str, tuple[str, ...]],
) -> Fidelity:
    """The scorecard of a world over so many replicates; ``doubts`` are the audit's findings by key."""
    published = compared(scenario)
    resolved = resolve(scenario)
    numbers, flow = replicate_numbers(scenario, resolved, list(published), replicates, seed, jobs, done)
    scores = [score(key, one, numbers[key], doubts.get(key, ())) for key, one in published.items()]
    scores += [design_score(scenario, key, one) for key, one in stated(scenario).items()]
    probe = generate(resolved, seed, np.zeros(1, np.int64))
    names = [*(f"not: {name}" for name in probe.hidden.criteria), "qualified, not needed", "included"]
    steps = [("screened", float(scenario.screened())), *zip(names, flow.tolist(), strict=True)]
    known = {one.key for one in scores}
    left_out = [key for key, one in scenario.published.items() if key not in known and one.printed != NOT_PRINTED]
    return Fidelity(replicates, seed, tuple(scores), totals(scores), tuple(steps), tuple(left_out))


def design_score(scenario: Scenario, key: str, one: Printed) -> Score:
    """The score of a fact of the design: inside where the world says what is printed."""
    here: Any = scenario.model_dump(mode="json", include={key.split(".")[1]})
    for step in key.split(".")[1:]:
        here = here[int(step)] if isinstance(here, list) else here[step] if isinstance(here, dict) else None
    nan = float("nan")
    if isinstance(here, str):
        return Score(key, one.printed, one.where, nan, nan, nan, nan, here.startswith(one.printed), 0.0, ())
    stands, value = parse_printed(one.printed, key), float(here)
    return Score(key, one.printed, one.where, value, value, value, nan, stands.low <= value <= stands.high, 0.0, ())


def totals(scores: Sequence[Score]) -> tuple[Total, ...]:
    """How many numbers are inside: by the table or section that prints them, and in all."""
    places = list(dict.fromkeys(place(one.where) for one in scores))
    groups = [(name, [one for one in scores if place(one.where) == name]) for name in places]
    groups.append(("all", list(scores)))
    return tuple(
        Total(
            name,
            sum(not one.doubts for one in group),
            sum(one.inside and not one.doubts for one in group),
            sum(bool(one.doubts) for one in group),
        )
        for name, group in groups
    )


def place(where: str) -> str:
    """The table or section of a place in the paper."""
    return where.split(":")[0].strip()
