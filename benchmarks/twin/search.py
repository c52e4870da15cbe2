"""The search of calibration: sums of squares made small in stages, each with its targets and sampling SDs held fixed.

Within a stage nothing but the parameters moves: a fit cannot gain by making the numbers more uncertain. Between stages
SDs and usable targets are found anew at the parameters reached, until they settle. A target that is usable at the start
of a stage and lost on the way (no replicate has it, or it is never reached) counts as the farthest.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.twin.slopes import Move, Slopes
from benchmarks.twin.targets import PublishedTarget, Simulated, TargetModel, centre, spread
from simulator.numerics.arrays import Bools, Floats

MOST_STEPS = 12
MOST_ROUNDS = 5
SMALL_STEP, TINY_STEP = 0.2, 0.01
MOST_TRIES, FEW_TRIES = 6, 3
MOST_MOVES = 60
NEAR, FAR = 10.0, 100.0
SETTLED = 0.05
PRESENT = 0.2
FREE, LINKED = 0.2, 0.1


@dataclass(frozen=True)
class SumOfSquares:
    """The sum of squares to be made small, in parameters on the scale of their priors.

    ``scale (T,)`` are the sampling SDs of the targets, NaN for those that do not count in this stage.
    """

    model: TargetModel
    scale: Floats
    mean: Floats
    sd: Floats
    low: Floats
    high: Floats
    log: Bools
    jobs: int
    done: Callable[[str, int, int], None]

    def numbers(self, values: Floats, replicates: int) -> Floats:
        """Every target in every replicate ``(T, R)``."""
        return self.model.numbers(self.natural(values), replicates)

    def natural(self, values: Floats) -> Floats:
        """The parameters as the document has them."""
        return np.where(self.log, np.exp(np.where(self.log, values, 0.0)), values)

    def scaled_by(self, *numbers: Floats) -> "SumOfSquares":
        """The search with the sampling SDs of these numbers ``(T, R)``; of several sets each target's smallest."""
        found = np.array([np.where(usable(one), spread(one), np.nan) for one in numbers])
        return replace(self, scale=np.fmin.reduce(found))

    @property
    def measured_by(self) -> Floats:
        """The SDs by which distances are measured ``(T,)``: no less than those of rounding."""
        return np.maximum(self.scale, self.model.least_sds)

    def residuals(self, simulated: Floats) -> Floats:
        """The distances ``(..., T)`` of targets from what is printed, in sampling SDs; 0 where one does not count."""
        low, high = self.model.ends
        with np.errstate(invalid="ignore"):
            aside = np.where(simulated < low, simulated - low, np.maximum(simulated - high, 0.0))
            away = np.where(np.isinf(low) | np.isinf(high), aside, simulated - (low + high) / 2)
            made = away / (self.measured_by * self.model.divisors)
        return np.where(np.isfinite(self.scale), softened(made), 0.0)

    def loss(self, values: Floats, found: Floats) -> float:
        """The sum of squares, priors included."""
        return float(found @ found + np.sum(((values - self.mean) / self.sd) ** 2))

    def simulated(self, values: Floats, replicates: int) -> Simulated:
        """The targets for these parameters, kept for those close by."""
        return self.model.simulated(self.natural(values), replicates, keep=True, jobs=self.jobs)

    def slopes(self, values: Floats, here: Simulated, stage: str) -> Slopes:
        """The derivatives by differences on the same luck, from the parameters' own targets."""
        steps = SMALL_STEP * self.sd * np.where(values + SMALL_STEP * self.sd > self.high, -1.0, 1.0)
        replicates = here.numbers.shape[1]

        def one(k: int) -> Floats:
            there = self.natural(moved(values, k, steps[k]))
            return centre(self.model.simulated(there, replicates, here).numbers)

        ends = self._columns(one, len(values), stage)
        return Slopes(np.tile(centre(here.numbers), (len(values), 1)), ends, steps / self.sd, replicates)

    def slopes_within(self, values: Floats, here: Simulated, steps: Floats, stage: str) -> Slopes:
        """The derivatives by differences of such steps to both sides, within the bounds."""
        back, on = (np.clip(values + side * steps, self.low, self.high) for side in (-1, 1))
        replicates = here.numbers.shape[1]

        def one(k: int) -> Floats:
            both = (self.natural(moved(values, k, end[k] - values[k])) for end in (back, on))
            return np.stack([centre(self.model.simulated(end, replicates, here).numbers) for end in both])

        both = self._columns(one, len(values), stage)
        return Slopes(both[:, 0], both[:, 1], (on - back) / self.sd, replicates)

    def _columns(self, one: Callable[[int], Floats], count: int, stage: str) -> Floats:
        columns = []
        with ThreadPoolExecutor(self.jobs) as pool:
            for k, column in enumerate(pool.map(one, range(count)), start=1):
                columns.append(column)
                self.done(stage, k, count)
        return np.stack(columns)

    def descend(
        self, values: Floats, replicates: int, least: float, name: str, slopes: Slopes | None = None
    ) -> tuple[Floats, Simulated, Slopes]:
        """The parameters from which no step gains more than that share of the sum of squares, and the slopes there.

        Slopes of elsewhere serve as long as steps by them gain more than that.
        """
        here, damping, taken = self.simulated(values, replicates), 1e-2, 0
        middle = centre(here.numbers)
        found = self.residuals(middle)
        loss = self.loss(values, found)
        for _ in range(MOST_MOVES):
            if slopes is None:
                taken += 1
                slopes = self.slopes(values, here, f"{name}, step {taken}")
            own = slopes.replicates == replicates and not slopes.moves
            before, damped, jacobian = loss, damping, slopes.of(self.residuals)
            for _ in range(MOST_TRIES if own else FEW_TRIES):
                prior = (values - self.mean) / self.sd
                move = self.sd * step_of(jacobian, found, prior, damping)
                proposal = np.clip(values - move, self.low, self.high)
                there = self.simulated(proposal, replicates)
                at = centre(there.numbers)
                reached = self.loss(proposal, self.residuals(at))
                if reached < loss:
                    if before - reached > least * before:
                        slopes = slopes.after(Move((proposal - values) / self.sd, middle, at))
                    values, here, middle, loss, damping = proposal, there, at, reached, max(damping / 5, 1e-6)
                    found = self.residuals(middle)
                    break
                damping = max(damping, 1e-3) * 6
            if before - loss <= least * before:
                if own or taken == MOST_STEPS:
                    break
                slopes, damping = None, damped
        assert slopes is not None
        return values, here, slopes

    def refine(
        self, values: Floats, replicates: int, least: float, name: str, slopes: Slopes
    ) -> tuple[Floats, Simulated]:
        """The parameters from which no step by these slopes gains more than that share.

        No slopes are taken anew: every step that is not tiny teaches them, one that is not made too.
        """
        here, damping, failed = self.simulated(values, replicates), 1e-2, 0
        middle = centre(here.numbers)
        found = self.residuals(middle)
        loss = self.loss(values, found)
        for taken in range(1, MOST_STEPS + 1):
            step = step_of(slopes.of(self.residuals), found, (values - self.mean) / self.sd, damping)
            proposal = np.clip(values - self.sd * step, self.low, self.high)
            by = (proposal - values) / self.sd
            there = self.simulated(proposal, replicates)
            at = centre(there.numbers)
            reached = self.loss(proposal, self.residuals(at))
            if np.linalg.norm(by) > TINY_STEP:
                slopes = slopes.after(Move(by, middle, at))
            self.done(name, taken, MOST_STEPS)
            if reached < loss:
                gained = loss - reached > least * loss
                values, here, middle, loss, failed = proposal, there, at, reached, 0
                found, damping = self.residuals(middle), max(damping / 5, 1e-6)
                if not gained:
                    break
            else:
                damping, failed = max(damping, 1e-3) * 6, failed + 1
                if failed == MOST_TRIES:
                    break
        return values, here

    def settle(
        self,
        values: Floats,
        replicates: int,
        least: float,
        name: str,
        rounds: int = MOST_ROUNDS,
        slopes: Slopes | None = None,
    ) -> tuple["SumOfSquares", Floats, Slopes]:
        """Stages until SDs are the same where one begins and ends: the last stage, its end, and the slopes there."""
        search = self.scaled_by(self.numbers(values, replicates))
        for turn in range(rounds):
            values, here, slopes = search.descend(values, replicates, least, f"{name}, round {turn + 1}", slopes)
            fresh = search.scaled_by(here.numbers)
            if alike(search.scale, fresh.scale):
                break
            search = fresh
        assert slopes is not None
        return search, values, slopes


def moved(values: Floats, k: int, by: float) -> Floats:
    """The parameters with one of them changed."""
    made = values.copy()
    made[k] += by
    return made


def usable(numbers: Floats) -> Bools:
    """The targets ``(T,)`` that enough replicates have, that are mostly reached, and that vary."""
    scale, middle = spread(numbers), centre(numbers)
    enough = np.mean(~np.isnan(numbers), axis=1) >= PRESENT
    found: Bools = enough & np.isfinite(scale) & (scale > 0) & np.isfinite(middle)
    return found


def alike(one: Floats, other: Floats) -> bool:
    """Whether two sets of SDs have the same targets, and differ by less than 5 % on the average."""
    both = np.isfinite(one) & np.isfinite(other)
    changed = int(np.sum(np.isfinite(one) != np.isfinite(other)))
    if changed > 0.01 * len(one):
        return False
    return not both.any() or float(np.mean(np.abs(np.log(other[both] / one[both])))) < SETTLED


def softened(residuals: Floats) -> Floats:
    """Residuals as they are up to 10, growing as a logarithm beyond, at most 100, which what is not finite has too."""
    size = np.abs(np.nan_to_num(residuals, nan=np.inf))
    with np.errstate(divide="ignore"):
        beyond = np.minimum(NEAR * (1 + np.log(np.maximum(size, NEAR) / NEAR)), FAR)
    return np.asarray(np.where(residuals < 0, -1.0, 1.0) * np.where(size <= NEAR, size, beyond))


def step_of(slopes: Floats, found: Floats, prior: Floats, damping: float) -> Floats:
    """The Levenberg-Marquardt step of targets, with these ``slopes (T, P)``, and priors: all in prior SDs."""
    normal = slopes.T @ slopes + np.eye(len(prior))
    pull = slopes.T @ found + prior
    return np.asarray(np.linalg.solve(normal + damping * np.diag(np.diag(normal)), pull))


def standard_errors(
    slopes: Floats, numbers: Floats, scale: Floats, targets: Sequence[PublishedTarget], sd: Floats
) -> Floats:
    """The errors that the sampling errors of the printed numbers, and the priors, give the parameters, by ``slopes
    (T, P)`` in prior SDs.

    Targets of one paper are correlated; their correlation is that over replicates ``numbers (T, R)``. With A = J'J +
    prior precision the variance is A^-1 (J' C J + prior precision) A^-1 in units of the priors.
    """
    counts = np.isfinite(scale) & np.isfinite(numbers).any(axis=1)
    weight = 1 / np.array([target.divisor for target in targets])
    filled = np.where(np.isfinite(numbers[counts]), numbers[counts], np.nan)
    mean = np.nanmean(filled, axis=1, keepdims=True)
    away = np.nan_to_num((filled - mean) / scale[counts, None]) * weight[counts, None]
    scaled = slopes[counts]
    projected = scaled.T @ away
    spread_of = projected @ projected.T / (numbers.shape[1] - 1)
    bread = np.linalg.inv(scaled.T @ scaled + np.eye(len(sd)))
    return np.asarray(sd * np.sqrt(np.diag(bread @ (spread_of + np.eye(len(sd))) @ bread)))


def free_against_each_other(slopes: Floats) -> list[list[int]]:
    """Groups of parameters that targets with these slopes ``(T, P)``, in prior SDs, fix in common but not each alone.

    In a free direction targets take away less than `FREE` of the prior variance. Parameters belong together where
    moving one within the space of these directions moves the other by more than `LINKED` of it; one that moves all by
    itself there is in no group: it is free, whatever the others are.
    """
    precision, directions = np.linalg.eigh(slopes.T @ slopes)
    free = directions[:, precision < FREE / (1 - FREE)]
    moves = free @ free.T
    linked = np.abs(moves) > LINKED
    groups: list[list[int]] = []
    for k in range(len(moves)):
        if linked[k, k] and moves[k, k] < 1 - LINKED and not any(k in group for group in groups):
            group, before = {k}, set[int]()
            while group != before:
                before, group = group, group | {int(j) for i in group for j in np.flatnonzero(linked[i])}
            groups.append(sorted(j for j in group if moves[j, j] < 1 - LINKED))
    return [group for group in groups if len(group) > 1]
