"""What would not fit into memory is refused before anything is allocated, with an estimate and the key to change."""

from collections.abc import Iterable

from analysis.plan.analysis_plan import Plan
from analysis.plan.matching_plan import MatchingPlan
from benchmarks.asked.blocks import block_size
from benchmarks.asked.errors import RunError
from benchmarks.asked.scenario import Scenario
from simulator.numerics.memory import free_memory

BYTES_PER_PATIENT = 400
BYTES_PER_VALUE = 80
"""Of one cohort while it is drawn and analysed, for each patient and for each of the covariates of a patient."""

BYTES_PER_PAIR = 34
"""Of a matching that compares every treated patient with every control: differences, distances, who is too far."""

MOST_BLOCKS = 2_000_000


def check_sizes(scenarios: Iterable[Scenario], jobs: int = 1, block: int | None = None) -> None:
    """RunError where the cohorts computed at once would not fit into memory, or where there are too many blocks."""
    free, total, cells = free_memory(), 0, 0
    for scenario in scenarios:
        n, replicates = scenario.screened(), scenario.run.replicates
        size = min(block or block_size(scenario), replicates)
        total, cells = total - (-replicates // size), cells + 1
        count = size * min(jobs, -(-replicates // size))
        each = BYTES_PER_PATIENT + BYTES_PER_VALUE * len(scenario.population.all_covariates())
        what = f"population.size, --jobs, --block: {count:,} cohorts of {n:,} patients at once" if count > 1 else ""
        _fits(count * n * each, free, what or f"population.size: {n:,} patients")
        if any(compares_all(plan.matching) for plan in _plans(scenario)):
            check_pairs(n, free / min(jobs, replicates))
    if total > MOST_BLOCKS:
        told = f"run.replicates, --block: {total:,} blocks of simulated studies in {cells:,} settings"
        raise RunError(f"{told}; the limit is {MOST_BLOCKS:,}: ask for fewer simulated studies or larger blocks")


def check_pairs(patients: int, free: float) -> None:
    """RunError where a matching that compares all pairs among so many patients would not fit into memory."""
    what = f"matching: all pairs among {patients:,} patients"
    hint = "; greedy matching on the score alone needs no such table"
    _fits(BYTES_PER_PAIR * patients**2 // 4, free, what, hint)


def compares_all(plan: MatchingPlan) -> bool:
    """Whether the matching looks at all pairs of a treated patient and a control at once."""
    return plan.compares_all


def _plans(scenario: Scenario) -> list[Plan]:
    """The plan of the analysis, and those of the estimators that match."""
    own = [one.plan_for(scenario.analysis) for one in scenario.estimators if one.kind == "matched"]
    return own or [scenario.analysis]


def _fits(needed: float, free: float, what: str, hint: str = "") -> None:
    if needed > free:
        told = f"take about {needed / 1e9:,.1f} GB of memory, and {max(free, 0) / 1e9:,.1f} GB are free"
        raise RunError(f"{what} {told}{hint}")
