"""What calibration compares: published numbers as targets, and the world that simulates them for given parameters."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.special import ndtr, ndtri

from analysis.audit.kinds import kind_of
from analysis.audit.published import NOT_PRINTED, parse_printed
from analysis.paper.block_workflow import BlockAnalysis
from analysis.paper.numbers import BlockNumbers
from analysis.paper.taken_over import KeyPart, numbers_beside, part_of
from benchmarks.asked.blocks import block_size
from benchmarks.asked.free_places import DocumentTree, Path
from benchmarks.asked.sampled import one_sample
from benchmarks.asked.scenario import Scenario
from simulator.numerics.arrays import Floats
from simulator.numerics.once import once
from simulator.world.generate import Reference, generate, resolve_beside
from simulator.world.sections import Printed

DOUBT = 3.0
ROUNDING = 12**0.5  # the width of a uniform distribution in its SDs
KEPT_PATIENTS = 400_000  # of whom what is analysed stays in memory, for worlds that differ in little
FARTHEST = 8.0  # normal quantiles of p-values that are 0 or 1 in print
REPEATED = "another number that is printed says the same"
MADE = "what it is made from is printed"
UNREACHED = "printed as not reached"
SMD = ".smd"
Scale = Literal["plain", "log", "probit"]
WITH_LEVELS = ("binary", "ordinal", "nominal")


@dataclass(frozen=True)
class PublishedTarget:
    """A published number to be hit: its interval on its ``scale``, and whether the audit doubts it.

    An ``unsigned`` one is printed without its sign. Ratios are compared as logarithms, p-values as normal
    quantiles. Doubtful numbers and p-values weigh less by `DOUBT`.
    """

    key: str
    printed: str
    low: float
    high: float
    scale: Scale
    doubtful: bool
    unsigned: bool = False

    @property
    def divisor(self) -> float:
        """What its distances are divided by."""
        return DOUBT if self.doubtful or self.scale == "probit" else 1.0

    def scaled(self, numbers: Floats) -> Floats:
        """Numbers of any shape on its scale."""
        if self.scale == "probit":
            quantiles: Floats = np.clip(ndtri(numbers), -FARTHEST, FARTHEST)
            return quantiles
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(numbers) if self.scale == "log" else np.abs(numbers) if self.unsigned else numbers

    def natural(self, numbers: Floats) -> Floats:
        """Numbers on its scale as they are printed."""
        return {"plain": np.asarray, "log": np.exp, "probit": ndtr}[self.scale](numbers)  # type: ignore[no-any-return]

    @property
    def least_sd(self) -> float:
        """The SD of its rounding: what nearly always is at a cap hardly varies, and is printed rounded."""
        return 0.0 if np.isinf(self.low) or np.isinf(self.high) else (self.high - self.low) / ROUNDING

    def residual(self, simulated: Floats, sd: Floats) -> Floats:
        """Standardised distance from the middle of the printed interval; from its end for a direction."""
        if np.isinf(self.low) or np.isinf(self.high):
            away = np.where(simulated < self.low, simulated - self.low, np.maximum(simulated - self.high, 0.0))
        else:
            away = simulated - (self.low + self.high) / 2
        return np.asarray(away / (np.maximum(sd, self.least_sd) * self.divisor))


def without_sign(numbers: Mapping[str, Printed]) -> frozenset[str]:
    """The keys of numbers that a paper prints without their sign: standardised differences, where none has a minus."""
    found = {key: one for key, one in numbers.items() if key.endswith(SMD) and one.printed != NOT_PRINTED}
    signed = any(parse_printed(one.printed, key).high < 0 for key, one in found.items())
    return frozenset() if signed else frozenset(found)


def targets_of(numbers: Mapping[str, Printed], doubts: Mapping[str, Any]) -> list[PublishedTarget]:
    """Numbers that replicates have as targets, but for those of `no_target`."""
    found, unsigned = [], without_sign(numbers)
    for key, one in numbers.items():
        if no_target(key, numbers):
            continue
        scale: Scale = {"ratio": "log", "p": "probit"}.get(kind_of(key), "plain")  # type: ignore[assignment]
        stands = parse_printed(one.printed, key)
        target = PublishedTarget(
            key, one.printed, stands.low, stands.high, scale, bool(doubts.get(key)), key in unsigned
        )
        found.append(replace(target, low=_end(target, stands.low), high=_end(target, stands.high)))
    return found


def unreached(numbers: Mapping[str, Printed], doubts: Mapping[str, Any]) -> list[PublishedTarget]:
    """Medians and limits that are printed as not reached, which nothing aims at: from infinity to infinity."""
    keys = [key for key in numbers if no_target(key, numbers) == UNREACHED]
    return [PublishedTarget(key, numbers[key].printed, np.inf, np.inf, "plain", bool(doubts.get(key))) for key in keys]


def _end(target: PublishedTarget, end: float) -> float:
    """An end of what is printed on the target's scale: infinite where nothing is beyond it."""
    if target.scale == "log":
        return float(np.log(end)) if end > 0 else -np.inf
    if target.scale == "probit":
        return float(ndtri(end)) if 0 < end < 1 else -np.inf if end <= 0 else np.inf
    return end


def no_target(key: str, numbers: Mapping[str, Printed]) -> str:
    """Why a printed number is scored but no target; empty where it is one."""
    base, _, last = key.rpartition(".")
    if last == "percent" and any(f"{base}.{other}" in numbers for other in ("n", "yes", "events")):
        return REPEATED
    if last in ("log_hr", "se") and f"{base}.hr" in numbers:
        return REPEATED
    if base == "matching" and last != "n_pairs" and "matching.n_pairs" in numbers:
        return REPEATED
    if kind_of(key) == "p" and any(_made_from(base, last, other) for other in numbers):
        return MADE
    return UNREACHED if parse_printed(numbers[key].printed, key).low == np.inf else ""


def _made_from(base: str, last: str, other: str) -> bool:
    """Whether the p-value ``last`` at a base says what another number says: of a log-rank test a hazard ratio does, be
    either within strata, of Gray's test the ratio of Fine and Gray's model.
    """
    if kind_of(other) == "p":
        return False
    if last == "p_logrank":
        return other == f"{base}.hr"
    curves = base.removesuffix("_stratified").removesuffix(".logrank")
    if curves != base and other in (f"{curves}.cox.hr", f"{curves}.cox_stratified.hr"):
        return True
    if base.endswith(".gray") and other == f"{base.removesuffix('gray')}fine_gray.hr":
        return True
    rest = other.removeprefix(base.removesuffix("]"))
    return rest != other and (rest[:1] in (".", "]", "=", "<", ">"))


@dataclass(frozen=True)
class TargetModel:
    """The simulated targets as a function of the parameters."""

    tree: DocumentTree
    seed: int
    paths: tuple[tuple[Path, ...], ...]
    targets: tuple[PublishedTarget, ...]

    @once
    def ends(self) -> tuple[Floats, Floats]:
        """The least and the greatest of what is printed ``(T,)``, as `PublishedTarget.low` and `.high`."""
        return np.array([one.low for one in self.targets]), np.array([one.high for one in self.targets])

    @once
    def least_sds(self) -> Floats:
        """The least SDs by which distances are measured ``(T,)``."""
        return np.array([one.least_sd for one in self.targets])

    @once
    def divisors(self) -> Floats:
        """What the targets' distances are divided by ``(T,)``."""
        return np.array([one.divisor for one in self.targets])

    def tree_with(self, values: Floats) -> DocumentTree:
        """The document's tree with the parameters set."""
        tree = self.tree
        for paths, value in zip(self.paths, values, strict=True):
            for path in paths:
                tree = with_leaf(tree, path, float(value))
        return tree

    def numbers(self, values: Floats, replicates: int) -> Floats:
        """Every target in every replicate ``(T, R)``, on the target's scale."""
        return self.simulated(values, replicates).numbers

    def simulated(
        self, values: Floats, replicates: int, near: "Simulated | None" = None, keep: bool = False, jobs: int = 1
    ) -> "Simulated":
        """The targets in every replicate: what is the same as ``near``, of as many replicates, is taken from there.

        The numbers are the same whatever is taken over. What others may take over is kept where it is asked for.
        """
        scenario = Scenario.model_validate(self.tree_with(values))
        resolved, reference = resolve_beside(scenario, near.reference if near else None)
        size, parts = block_size(scenario), [part_of(target.key) for target in self.targets]
        firsts = range(0, replicates, size)
        most = KEPT_PATIENTS // (size * scenario.screened()) if keep else 0

        def one(k: int) -> tuple[Floats, BlockNumbers | None]:
            numbers = np.arange(firsts[k], min(firsts[k] + size, replicates), dtype=np.int64)
            sample = one_sample(scenario, generate(resolved, self.seed, numbers), self.seed)
            if near is None or k >= len(near.blocks):
                block, same = BlockNumbers(BlockAnalysis(sample)), frozenset[KeyPart]()
            else:
                block, same = numbers_beside(sample, near.blocks[k])
            made = np.empty((len(self.targets), len(numbers)))
            for t, (target, part) in enumerate(zip(self.targets, parts, strict=True)):
                if near is not None and part in same:
                    made[t] = near.numbers[t, numbers]
                else:
                    made[t] = target.scaled(block.of(target.key))
            return made, block if k < most else None

        if jobs > 1 and len(firsts) > 1:
            with ThreadPoolExecutor(jobs) as pool:
                found = list(pool.map(one, range(len(firsts))))
        else:
            found = list(map(one, range(len(firsts))))
        blocks = tuple(block for _, block in found if block is not None)
        return Simulated(np.concatenate([made for made, _ in found], axis=1), reference, blocks)


@dataclass(frozen=True)
class Simulated:
    """The targets in every replicate, ``numbers (T, R)``, and what worlds that differ in little may take over.

    These are the reference patients, and the analysis of the first ``blocks``.
    """

    numbers: Floats
    reference: Reference
    blocks: tuple[BlockNumbers, ...]


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


def with_leaf(tree: DocumentTree, path: Path, value: float) -> DocumentTree:
    """The tree with a number set at a path; the other shares of a list, or of a covariate's levels, are scaled to leave
    their sum.
    """
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
    if key == "shares" and len(rest) == 1 and tree.get("kind") in WITH_LEVELS:
        levels = tuple(tree[key])
        made = with_leaf(tuple(tree[key].values()), (str(levels.index(rest[0])),), value)
        return {**tree, key: dict(zip(levels, made, strict=True))}
    return {**tree, key: with_leaf(tree[key], rest, value)}
