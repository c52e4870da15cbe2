"""What a review rests on: how well the twin fits its paper, and how far each assumption moves the answer.

An assumption is a value of the world that states no source, or one that calibration may change and of which the paper
says little. Each is moved by its prior SD where the world states one, else by a conventional amount of its kind; the
answer is the mean hazard ratio of the paper's analysis over simulated studies that share their luck.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.asked.base import assumed_values
from benchmarks.asked.free_places import is_number
from benchmarks.asked.load_study import Asked
from benchmarks.asked.scenario import Scenario
from benchmarks.derived.parts import Assumption
from benchmarks.review.effects import KEPT
from benchmarks.runs.kept import kept
from benchmarks.twin.absolute_fit import SHARE_OUTSIDE
from benchmarks.twin.assumptions import WeighedAssumption, weighed
from benchmarks.twin.fidelity import Fidelity, fidelity
from benchmarks.workers.arenas import give_back
from benchmarks.workers.progress import Progress
from simulator.documents.loading import digest
from simulator.documents.merging import split_path
from simulator.numerics.arrays import Floats

CONVENTIONS: Mapping[str, tuple[float, bool]] = {
    "correlation": (0.15, False),
    "link": (0.2, False),
    "log_hr": (0.2, False),
    "log_odds": (0.2, False),
    "modifiers": (0.3, False),
    "rates": (0.3, True),
    "rate": (0.3, True),
    "shape": (0.3, False),
    "screened": (0.3, True),
    "spread": (0.3, True),
    "median": (0.15, True),
}
"""By how much a value is moved whose prior nobody states, by the last of these words on its path; True: its log."""
WORLD_ONLY = ("population", "treatment", "outcomes", "entry", "followup", "imperfections")
FIT_REPLICATES = 300


@dataclass(frozen=True)
class Grounds:
    """The scorecard of the twin, and the assumptions, those first that move the answer most.

    ``sourced`` and ``assumed`` count the values of the world with and without a source. ``doubt`` says why the twin is
    no judge of its paper; '' where it prints it.
    """

    fit: Fidelity | None
    weighed: tuple[WeighedAssumption, ...]
    sourced: int
    assumed: int
    doubt: str


@dataclass(frozen=True)
class Moves:
    """Places of assumptions, those first that move the answer most, by how much each does ``(N,)``, and the errors."""

    paths: tuple[str, ...]
    moves: Floats
    mcse: Floats


def find(
    asked: Asked, place: str, jobs: int, doubts: Mapping[str, tuple[str, ...]], compared: bool, out: Path
) -> Grounds:
    """The grounds of a review, whose parts its folder ``out`` keeps.

    ``place`` is where the reviewed ratio stands; ``doubts`` are the audit's by key; ``compared``: the paper prints what
    a twin can.
    """
    sources, assumed = len(asked.document.sources), len(assumed_values(asked.document))
    fit = _fit(asked.scenario, jobs, doubts, out) if compared else None
    give_back()
    return Grounds(fit, tuple(_weighed(asked, place, jobs, out)), sources, assumed, doubt_of(fit))


def _fit(scenario: Scenario, jobs: int, doubts: Mapping[str, tuple[str, ...]], out: Path) -> Fidelity:
    """The scorecard of the twin."""
    count, seed, told = min(FIT_REPLICATES, scenario.run.replicates * 2), scenario.run.seed, Progress()
    made_of = {"world": digest(scenario), "doubts": {key: list(why) for key, why in sorted(doubts.items())}}

    def made() -> Fidelity:
        return fidelity(
            scenario, count, seed, jobs, lambda done, total: told("numbers of the twin", done, total), doubts
        )

    return kept(out / KEPT, "fidelity", {**made_of, "replicates": count}, Fidelity, made)


def _weighed(asked: Asked, place: str, jobs: int, out: Path) -> Iterator[WeighedAssumption]:
    """The assumptions, those first that move the answer most."""
    every, seed, told = tuple(assumptions_of(asked)), asked.scenario.run.seed, Progress()
    made_of = {"world": digest(asked.scenario), "ratio": place, "assumed": [asdict(one) for one in every]}

    def made() -> Moves:
        found = weighed(
            asked.document.tree, every, place, seed, jobs,
            lambda done, total: told("assumptions moved", done, total),
        )  # fmt: skip
        moves, mcse = (np.array([getattr(one, name) for one in found]) for name in ("moves", "mcse"))
        return Moves(tuple(one.assumption.path for one in found), moves, mcse)

    found = kept(out / KEPT, "assumptions", made_of, Moves, made)
    by = {one.path: one for one in every}
    for path, moves, mcse in zip(found.paths, found.moves, found.mcse, strict=True):
        yield WeighedAssumption(by[path], float(moves), float(mcse))


def doubt_of(fit: Fidelity | None) -> str:
    """Why a twin with this scorecard is no judge; '' where it is one.

    By chance one of twenty numbers is outside; more than `SHARE_OUTSIDE` of them, and more than two, are too many.
    """
    if fit is None:
        return ""
    whole = fit.totals[-1]
    missing = whole.numbers - whole.inside
    if missing > max(2.0, SHARE_OUTSIDE * whole.numbers):
        return f"of {whole.numbers} printed numbers the twin does not reproduce {missing}"
    return ""


def assumptions_of(asked: Asked) -> Iterator[Assumption]:
    """The values of the world without a source that are numbers, and how far each may lie from the truth."""
    tree, free = asked.document.tree, _priors(asked.scenario)
    seen: set[str] = set()
    for path in assumed_values(asked.document):
        words = path.split(".")
        if path in seen or words[0] not in WORLD_ONLY or (words[0] == "outcomes" and "treatment" in words):
            continue  # the effect of treatment is what is asked, no ground of the answer
        found = split_path(path, tree)
        if found is None or not is_number(tree, found):
            continue
        value = _value(tree, found)
        if path in free:
            sd, on_log, also = free[path]
        elif (own := _convention(path)) is not None and value != 0:
            sd, on_log, also = (*own, ())
        else:
            continue
        seen |= {path, *also}
        yield Assumption(path, value, sd, "the paper does not print it", on_log, also)


def _priors(scenario: Scenario) -> dict[str, tuple[float, bool, tuple[str, ...]]]:
    """By the first of its places: the prior SD of a free parameter, whether of the logarithm, and its other places."""
    found = {}
    for name, one in (scenario.calibration.free if scenario.calibration else {}).items():
        first, *others = one.paths or (name,)
        found[first] = one.sd, one.scale == "log", tuple(others)
    return found


def _convention(path: str) -> tuple[float, bool] | None:
    words = [word for word in path.split(".") if word in CONVENTIONS]
    return CONVENTIONS[words[-1]] if words else None


def _value(tree: Any, path: Sequence[str]) -> float:
    here = tree
    for step in path:
        here = here[int(step)] if isinstance(here, list | tuple) else here[step]
    return float(here)
