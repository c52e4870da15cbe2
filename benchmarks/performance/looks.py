"""When a study may stop: its looks at the Monte Carlo errors, on a schedule that is fixed beforehand."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import isnan, sqrt

from benchmarks.asked.scenario import Scenario, Until
from benchmarks.performance.measures import Measure

LookMeasures = Mapping[tuple[str, str], Mapping[str, Measure]]
"""The measures by name of every endpoint and estimator of a cell."""


@dataclass(frozen=True)
class Look:
    """One look at a cell: for every measure asked, the largest Monte Carlo SE and whose it is; whether all suffice."""

    cell: int
    replicates: int
    errors: dict[str, float]
    whose: dict[str, str]
    enough: bool


def schedule(scenario: Scenario, until: Until, block: int) -> Iterable[int]:
    """The replicates of every look: ``run.replicates`` in whole blocks, twice that and so on, in the end ``most``."""
    count = scenario.run.replicates
    while True:
        whole = min(-(-count // block) * block, until.most)
        yield whole
        if whole == until.most:
            return
        count *= 2


def look(cell: int, replicates: int, found: LookMeasures, until: Until, refuse: Callable[[str], Exception]) -> Look:
    """What a look finds; ``refuse`` makes the error where no estimator has a measure that was asked for."""
    errors: dict[str, float] = {}
    whose: dict[str, str] = {}
    for name in until.mcse:
        known = {key: error(measures, name, replicates) for key, measures in found.items()}
        known = {key: value for key, value in known.items() if not isnan(value)}
        if not known:
            raise refuse(f"run.until.mcse: no analysis of setting {cell} has a simulation error of '{name}'")
        worst = max(known, key=lambda key: known[key])
        errors[name], whose[name] = known[worst], f"{worst[1]} on {worst[0]}"
    return Look(cell, replicates, errors, whose, all(errors[name] <= target for name, target in until.mcse.items()))


def error(measures: Mapping[str, Measure], name: str, replicates: int) -> float:
    """The Monte Carlo SE of a measure; that of a share as if half a replicate more of each kind had been seen.

    A share of 0 or 1 would otherwise seem to be known without error.
    """
    if name == "rejection":
        name = "power" if "power" in measures else "type_1_error"
    one = measures[name]
    if name not in ("coverage", "bias_eliminated_coverage", "power", "type_1_error") or isnan(one.value):
        return one.mcse
    seen = measures["convergence"].value * replicates
    share = (one.value * seen + 0.5) / (seen + 1)
    return sqrt(share * (1 - share) / seen)


def told(looks: Iterable[Look], until: Until) -> str:
    """A sentence on where the study stopped and why."""
    last = {one.cell: one for one in looks}
    counts = [one.replicates for one in last.values()]
    size = f"{counts[0]:,}" if len(set(counts)) == 1 else f"{min(counts):,} to {max(counts):,}"
    short = [one for one in last.values() if not one.enough]
    parts = []
    for name, target in until.mcse.items():
        worst = max(last.values(), key=lambda one: one.errors[name])
        what = name.replace("_", " ")
        parts.append(f"{what} at most {target:g} (reached: {worst.errors[name]:.2g}, {worst.whose[name]})")
    wanted = "; ".join(parts)
    if short:
        return f"Stopped at the cap of {until.most:,} simulated studies, short of a simulation error of {wanted}."
    return f"Stopped after {size} simulated studies, at a simulation error of {wanted}."
