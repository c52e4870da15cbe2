"""All contenders on the same cohorts, in turns: CPU time per stage, and whether their answers are the same."""

import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed import cohorts, ours
from benchmarks.speed.contenders import LABELS, TOLERANCE, Failed, Rival
from benchmarks.speed.stages import STAGES, Apart, compare, worse
from benchmarks.speed.tables import SpeedTable
from simulator.numerics.arrays import Floats

TOTAL = "all stages"
LEAST_BLOCK = 100


@dataclass(frozen=True)
class Race:
    """``seconds`` per contender and stage, one number per turn: all cohorts in order, ``rounds`` times over.

    Ours are the mean over its block at that turn. ``agreement`` is per rival and stage, against ours; ``versions`` are
    as each rival states them. ``lost`` has a sentence for each rival that broke; nothing of it is kept.
    """

    tied: bool
    cohorts: int
    rounds: int
    block: int
    seconds: Mapping[str, Mapping[str, Floats]]
    agreement: Mapping[str, Mapping[str, Apart]]
    versions: Mapping[str, Mapping[str, str]]
    lost: Mapping[str, str]

    def differing(self) -> list[str]:
        """A sentence for each rival and stage whose answers are not ours."""
        where = " on tied times" if self.tied else ""
        return [
            f"{LABELS[name]}, {stage}{where}: largest relative difference {one.largest:.1e}, {one.missing} other"
            " differences"
            for name, stages in self.agreement.items()
            for stage, one in stages.items()
            if one.missing or not one.largest <= TOLERANCE[name]
        ]


def race(
    names: Iterable[str], count: int, rounds: int, least: float, progress: Callable[[str, int, int], None],
    tied: bool = False,
) -> Race:  # fmt: skip
    """The race over ``count`` cohorts, ``rounds`` times; a cohort before them is analysed by all and not counted.

    Their times are ``tied``, or those of the simulation, no two of which are equal.
    """
    resolved = cohorts.world()
    size = max(count, LEAST_BLOCK)
    observed = cohorts.block(resolved, size)
    spare = cohorts.block(resolved, 1, first=size)
    if tied:
        observed, spare = cohorts.tied(observed), cohorts.tied(spare)
    _, answers = ours.workflow(observed)
    lost: dict[str, str] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trialtwin-speed-")))
        rivals = _ready(names, least, cohorts.write(spare, 0, folder / "warm.csv"), stack, lost)
        seconds: dict[str, dict[str, list[float]]] = {
            name: {stage: [] for stage in STAGES} for name in ("ours", *(rival.name for rival in rivals))
        }
        agreement = {rival.name: dict.fromkeys(STAGES, Apart(0.0, 0)) for rival in rivals}
        for done in range(count * rounds):
            cohort = done % count
            file = cohorts.write(observed, cohort, folder / f"{cohort}.csv")
            for place in range(len(rivals) + 1):
                turn = (place + done) % (len(rivals) + 1)
                if turn == len(rivals):
                    spent, _ = ours.workflow(observed)
                    _note(seconds["ours"], {stage: spent[stage] / size for stage in STAGES})
                elif rivals[turn].name not in lost:
                    name = rivals[turn].name
                    try:
                        found = rivals[turn].turn(file)
                    except Failed as failure:
                        lost[name] = str(failure)
                        continue
                    _note(seconds[name], found["seconds"])
                    _judge(agreement[name], {k: v[cohort] for k, v in answers.items()}, found["answers"])
            progress("race, tied" if tied else "race", done + 1, count * rounds)
    return Race(
        tied,
        count,
        rounds,
        size,
        {name: {s: np.array(one) for s, one in each.items()} for name, each in seconds.items() if name not in lost},
        {name: one for name, one in agreement.items() if name not in lost},
        {rival.name: rival.versions for rival in rivals if rival.name not in lost},
        lost,
    )


def _ready(names: Iterable[str], least: float, warm: Path, stack: ExitStack, lost: dict[str, str]) -> list[Rival]:
    """The rivals that have started and analysed a first cohort; the others are told in ``lost``."""
    rivals = []
    for name in names:
        try:
            rival = stack.enter_context(Rival(name, least))
            rival.turn(warm)
            rivals.append(rival)
        except Failed as failure:
            lost[name] = str(failure)
    return rivals


def _note(book: dict[str, list[float]], spent: Mapping[str, float]) -> None:
    for stage in STAGES:
        book[stage].append(float(spent[stage]))


def _judge(book: dict[str, Apart], mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    for stage, one in compare(mine, theirs).items():
        book[stage] = worse(book[stage], one)


def tables(held: Race) -> tuple[SpeedTable, ...]:
    """CPU time per cohort by stage with its ratio to ours, and how far answers are from ours."""
    rows = []
    for stage in (*STAGES, TOTAL):
        times = {name: _times(stages, stage) for name, stages in held.seconds.items()}
        for name, spent in times.items():
            rows.append((stage, LABELS[name], *_quartiles(1e3 * spent), *_quartiles(spent / times["ours"])))
    agreement = [
        (LABELS[name], stage, one.largest, one.missing, one.missing == 0 and one.largest <= TOLERANCE[name])
        for name, stages in held.agreement.items()
        for stage, one in stages.items()
    ]
    columns = ("stage", "contender", "ms", "ms, lower quartile", "ms, upper quartile")
    return (
        SpeedTable(
            f"The workflow, stage by stage{', on tied times' if held.tied else ''}",
            f"CPU milliseconds per cohort of 422 patients, and how many times those of TrialTwin at the same turn:"
            f" median and quartiles over {held.cohorts} cohorts, {held.rounds} times in turns, on one core. TrialTwin"
            f" analyses {held.block} cohorts as one block at each turn, of which these are the first; its time is the"
            f" block's by {held.block}. Start, loading and reading are not counted.",
            (*columns, "times ours", "times ours, lower quartile", "times ours, upper quartile"),
            tuple(rows),
        ),
        SpeedTable(
            f"Are the answers the same{', on tied times' if held.tied else ''}?",
            "The largest relative difference from ours, and how many entries only one of the two has (or which differ"
            f" where they must be identical: counts, selected terms, pairs). Allowed: {_allowed(held)}.",
            ("contender", "stage", "largest difference", "other differences", "same"),
            tuple(agreement),
        ),
    )


def _times(stages: Mapping[str, Floats], stage: str) -> Floats:
    return np.sum(list(stages.values()), axis=0) if stage == TOTAL else stages[stage]


def _allowed(held: Race) -> str:
    return ", ".join(f"{TOLERANCE[name]:g} for {LABELS[name]}" for name in held.agreement) or "nothing was compared"


def _quartiles(values: Floats) -> tuple[float, float, float]:
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return float(middle), float(low), float(high)
