"""What calibration compares: published numbers as targets, and the world that simulates them for given parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.audit.kinds import kind_of
from analysis.audit.published import parse_printed
from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.numbers import BlockNumbers
from benchmarks.asked.blocks import block_size
from benchmarks.asked.sampled import one_sample
from benchmarks.asked.scenario import Calibration, Scenario
from simulator.documents.loading import Document
from simulator.documents.merging import split_path
from simulator.numerics.arrays import Floats
from simulator.world.generate import generate, resolve
from simulator.world.sections import Printed

DOUBT = 3.0
Tree = Any
Path = tuple[str, ...]


@dataclass(frozen=True)
class PublishedTarget:
    """A published number to be hit: its interval on the scale ``log`` or as it is, and its weight's divisor."""

    key: str
    printed: str
    low: float
    high: float
    log: bool
    doubtful: bool

    def residual(self, simulated: Floats, sd: Floats) -> Floats:
        """Standardised distance from the middle of the printed interval; from its end for a direction."""
        if np.isinf(self.low) or np.isinf(self.high):
            away = np.where(simulated < self.low, simulated - self.low, np.maximum(simulated - self.high, 0.0))
        else:
            away = simulated - (self.low + self.high) / 2
        return np.asarray(away / (sd * (DOUBT if self.doubtful else 1.0)))


def targets_of(numbers: Mapping[str, Printed], doubts: Mapping[str, Any]) -> list[PublishedTarget]:
    """Numbers that replicates have as targets: without p-values, limits not reached, and what repeats another."""
    found = []
    for key, one in numbers.items():
        base, _, last = key.rpartition(".")
        repeats = last == "percent" and any(f"{base}.{other}" in numbers for other in ("n", "yes", "events"))
        repeats |= last in ("log_hr", "se") and f"{base}.hr" in numbers
        if kind_of(key) == "p" or base == "matching" or repeats:
            continue
        stands, log = parse_printed(one.printed, key), kind_of(key) == "ratio"
        low, high = stands.low, stands.high
        if low == np.inf:
            continue
        if log:
            low, high = (float(np.log(x)) if x > 0 else -np.inf for x in (low, high))
        found.append(PublishedTarget(key, one.printed, low, high, log, bool(doubts.get(key))))
    return found


def free_paths(document: Document, plan: Calibration) -> list[tuple[Path, ...]]:
    """Where each free parameter stands in the document's tree; ValueError where that is no number."""
    found = []
    for name, free in plan.free.items():
        own = []
        for text in free.paths or (name,):
            path = split_path(text, document.root) or ()
            if not _is_number(document.tree, path):
                raise ValueError(f"calibration.free: '{text}' is not the place of a number")
            own.append(path)
        found.append(tuple(own))
    return found


def _is_number(tree: Tree, path: Path) -> bool:
    here = tree
    for key in path or ("",):
        if isinstance(here, tuple) and key.isdecimal() and int(key) < len(here):
            here = here[int(key)]
        elif isinstance(here, Mapping) and key in here:
            here = here[key]
        else:
            return False
    return isinstance(here, int | float) and not isinstance(here, bool)


@dataclass(frozen=True)
class TargetModel:
    """The simulated targets as a function of the parameters."""

    tree: Tree
    seed: int
    paths: tuple[tuple[Path, ...], ...]
    targets: tuple[PublishedTarget, ...]

    def tree_with(self, values: Floats) -> Tree:
        """The document's tree with the parameters set."""
        tree = self.tree
        for paths, value in zip(self.paths, values, strict=True):
            for path in paths:
                tree = with_leaf(tree, path, float(value))
        return tree

    def numbers(self, values: Floats, replicates: int) -> Floats:
        """Every target in every replicate ``(T, R)``, on the target's scale."""
        scenario = Scenario.model_validate(self.tree_with(values))
        resolved, size = resolve(scenario), block_size(scenario)
        parts = []
        for first in range(0, replicates, size):
            numbers = np.arange(first, min(first + size, replicates), dtype=np.int64)
            cohorts = generate(resolved, self.seed, numbers)
            sample = one_sample(scenario, cohorts, self.seed)
            block = BlockNumbers(BlockAnalysis(sample))
            parts.append(np.stack([block.of(target.key) for target in self.targets]))
        made = np.concatenate(parts, axis=1)
        ratios = np.array([target.log for target in self.targets])
        with np.errstate(divide="ignore", invalid="ignore"):
            made[ratios] = np.log(made[ratios])
        return made


def centre(numbers: Floats) -> Floats:
    """The simulated value of each target ``(T,)``: the mean over replicates, or the median where one is infinite."""
    found = np.empty(len(numbers))
    for t, row in enumerate(numbers):
        had = row[~np.isnan(row)]
        found[t] = np.nan if not len(had) else had.mean() if np.isfinite(had).all() else np.median(had)
    return found


def spread(numbers: Floats) -> Floats:
    """The sampling SD of each target ``(T,)``, from the central 68 % where a replicate is infinite."""
    found = np.empty(len(numbers))
    for t, row in enumerate(numbers):
        had = row[~np.isnan(row)]
        if len(had) < 2:
            found[t] = np.nan
        elif np.isfinite(had).all():
            found[t] = had.std(ddof=1)
        else:
            low, high = np.quantile(had, (0.16, 0.84), method="nearest")
            found[t] = (high - low) / 2 if np.isfinite(high) else np.nan
    return found


def with_leaf(tree: Tree, path: Path, value: float) -> Tree:
    """The tree with a number set at a path; the other shares of a list of shares are scaled to leave their sum."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(tree, tuple):
        place = int(key)
        if not rest and abs(sum(tree) - 1) < 0.002 and all(0 <= share <= 1 for share in tree):
            others = sum(tree) - tree[place]
            factor = (sum(tree) - value) / others if others else 0.0
            return tuple(value if k == place else share * factor for k, share in enumerate(tree))
        return tuple(with_leaf(part, rest, value) if k == place else part for k, part in enumerate(tree))
    return {**tree, key: with_leaf(tree[key], rest, value)}
